//! `cargo bench -p shieldwall-learn --bench tail`: rows a second, on a table like NSL-KDD (41 features, 3 of them categories),
//! and what baselines and p-values cost.

use divan::Bencher;
use divan::counter::ItemsCount;
use shieldwall_learn::baseline::{Baseline, Key};
use shieldwall_learn::calibrate::{Conformal, Recent, RecentSettings};
use shieldwall_learn::tail::{Tail, TailSettings};
use shieldwall_learn::{Feature, FeatureKind, Frame, Model, Random, Schema};

fn main() {
    divan::main();
}

const ROWS: usize = 20_000;

/// Like flows: a few heavy-tailed amounts, many counters that are mostly 0, rates in steps of a hundredth, three categories.
fn table() -> Frame {
    let mut random = Random::new(1);
    let (mut features, mut columns) = (Vec::new(), Vec::new());
    for at in 0..41 {
        let kind = if at < 3 {
            FeatureKind::Categorical((0..20).map(|code| code.to_string()).collect())
        } else {
            FeatureKind::Numeric
        };
        features.push(Feature { name: format!("x{at}"), kind });
        let mut value = || match at {
            0..3 => random.below(20) as f64,
            3..8 => (random.unit() * 20.0).exp().round(),
            8..21 => f64::from(u8::from(random.unit() < 0.01)),
            _ => (random.unit() * 100.0).round() / 100.0,
        };
        columns.push((0..ROWS).map(|_| value()).collect());
    }
    Frame::new(Schema { features }, columns).unwrap_or_default()
}

fn rows(table: &Frame) -> Vec<Vec<f64>> {
    (0..table.rows())
        .map(|at| {
            let mut row = Vec::new();
            table.copy_row(at, &mut row);
            row
        })
        .collect()
}

#[divan::bench]
fn fit(bencher: Bencher<'_, '_>) {
    let table = table();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| Tail::fit(&table, &TailSettings::default(), &mut Random::new(1)));
}

#[divan::bench]
fn score(bencher: Bencher<'_, '_>) {
    let table = table();
    let Ok(model) = Tail::fit(&table, &TailSettings::default(), &mut Random::new(1)) else { return };
    let rows = rows(&table);
    bencher.counter(ItemsCount::new(ROWS)).bench(|| rows.iter().map(|row| model.score(row)).sum::<f64>());
}

#[divan::bench]
fn score_then_learn(bencher: Bencher<'_, '_>) {
    let table = table();
    let Ok(model) = Tail::fit(&table, &TailSettings::default(), &mut Random::new(1)) else { return };
    let rows = rows(&table);
    bencher.counter(ItemsCount::new(ROWS)).with_inputs(|| model.clone()).bench_values(|mut model| {
        rows.iter()
            .map(|row| {
                let score = model.score(row);
                model.learn(row);
                score
            })
            .sum::<f64>()
    });
}

/// A hundred entities' hours: twenty facts each.
fn hours(base: &mut Baseline) -> Vec<(u32, i64, Vec<u32>)> {
    let mut random = Random::new(2);
    let entities: Vec<u32> = (1..=100).filter_map(|name| base.entity(0, name)).collect();
    (0..ROWS / 20)
        .filter_map(|at| {
            let mut keys: Vec<u32> = (0..20)
                .filter_map(|_| base.key(Key { feature: 0, context: 1, value: (random.unit().powi(4) * 200.0) as u32 }))
                .collect();
            keys.sort_unstable();
            keys.dedup();
            Some((*entities.get(at % entities.len())?, (at / entities.len()) as i64, keys))
        })
        .collect()
}

#[divan::bench]
fn baseline_learn(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(ROWS))
        .with_inputs(|| {
            let mut base = Baseline::new(1, Vec::new());
            let hours = hours(&mut base);
            (base, hours)
        })
        .bench_values(|(mut base, hours)| {
            hours.iter().for_each(|(entity, hour, keys)| base.learn_facts(*entity, *hour, (hour / 24) as i32, keys));
            base
        });
}

#[divan::bench]
fn baseline_p_value(bencher: Bencher<'_, '_>) {
    let mut base = Baseline::new(1, Vec::new());
    let hours = hours(&mut base);
    hours.iter().for_each(|(entity, hour, keys)| base.learn_facts(*entity, *hour, (hour / 24) as i32, keys));
    base.rank();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let of = |entity: u32, key: u32| {
            let standing = base.standing(entity, key, true)?;
            Some(base.fact_p_value(entity, 0, &standing, 1, true))
        };
        hours.iter().flat_map(|(entity, _, keys)| keys.iter().filter_map(|key| of(*entity, *key))).sum::<f64>()
    });
}

#[divan::bench]
fn recent_learn(bencher: Bencher<'_, '_>) {
    let scores: Vec<f64> = {
        let mut random = Random::new(3);
        (0..ROWS).map(|_| random.unit()).collect()
    };
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let mut recent = Recent::new(RecentSettings::default());
        scores.iter().zip(0..).for_each(|(score, at)| recent.learn(*score, at, at as u64 % 50, at as u64));
        recent.conformal()
    });
}

#[divan::bench]
fn conformal_p_value(bencher: Bencher<'_, '_>) {
    let mut random = Random::new(3);
    let reference = Conformal::new((0..ROWS).map(|_| random.unit()));
    let scores: Vec<f64> = (0..ROWS).map(|_| random.unit()).collect();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| scores.iter().map(|score| reference.p_value(*score)).sum::<f64>());
}
