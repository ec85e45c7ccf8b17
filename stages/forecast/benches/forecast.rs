//! `cargo bench -p shieldwall-forecast`: cases a second on one core, on reports drawn at random but as many and as large as the
//! real ones.

use divan::Bencher;
use divan::counter::ItemsCount;
use shieldwall_forecast::forecaster::Question;
use shieldwall_forecast::odds::Odds;
use shieldwall_forecast::{Forecaster, Reports, Settings, Source, State, Technique, Techniques};
use shieldwall_learn::Random;

fn main() {
    divan::main();
}

fn model() -> Forecaster {
    let one = |at: usize| Technique {
        id: format!("T{at:04}"),
        name: String::new(),
        tactics: Vec::new(),
        platforms: Vec::new(),
        state: State::Current,
    };
    let table = Techniques::new((0..700).map(one).collect()).unwrap_or_default();
    let (mut reports, mut random) = (Reports::default(), Random::new(1));
    for _ in 0..3000 {
        let mut set: Vec<u16> = (0..2 + random.below(16)).map(|_| (random.unit().powi(3) * 700.0) as u16).collect();
        set.sort_unstable();
        set.dedup();
        reports.push(set, Source::Report, "");
    }
    Forecaster::new(table, reports, Settings::default(), Odds::default(), None)
}

#[divan::bench]
fn forecast(bencher: Bencher<'_, '_>) {
    let (model, mut random) = (model(), Random::new(2));
    let cases: Vec<Vec<String>> =
        (0..200).map(|_| (0..6).map(|_| format!("T{:04}", (random.unit().powi(2) * 700.0) as u16)).collect()).collect();
    let mut scratch = shieldwall_forecast::ranker::Scratch::default();
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| {
        let ask = |techniques: &Vec<String>, scratch: &mut _| {
            model.forecast(&Question { techniques, top: 20, ..Question::default() }, scratch)
        };
        cases.iter().map(|techniques| ask(techniques, &mut scratch).ranked.len()).sum::<usize>()
    });
}
