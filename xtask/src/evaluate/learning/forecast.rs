//! Forecast: recall of hidden techniques beside other rankers, calibration of the odds.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use shieldwall_forecast::odds::TOP;
use shieldwall_forecast::{Forecaster, Settings};

use crate::forecast::cases::{Case, Protocol, draw, one_a_cluster};
use crate::forecast::data::{self, Data};
use crate::forecast::measures::{Bin, Measures, mean, measure, paired, reliability};
use crate::forecast::others::{Items, Scores, Wals, popularity};
use crate::train::forecast::{PARTS, cross_fitted, fit, measures, odds};

/// The seed of the section.
const SEED: u64 = 20_261_123;

/// How often each report is asked about.
const TIMES: usize = 4;

/// Bins of the reliability diagram.
const BINS: usize = 10;

/// The section.
///
/// # Errors
/// When data are missing.
pub fn section(folder: &Path) -> Result<String> {
    let data = data::read(folder)?;
    let mut text = format!(
        "### Forecast\n\n`cargo xtask learning forecast`, seed {SEED}. Data: tie. Trained on {} reports and, where said, {} groups, \
         campaigns, malware and tools of ATT&CK. Some techniques of a report are shown, the hidden ones are to be found; shown ones \
         never rank. Two judgements: on *validation* reports that share no cluster (Jaccard ≥ 0.8) with a training report, on which our \
         five weights were chosen (so they flatter a little), and on *training* reports by {PARTS} parts of whole clusters, on which \
         nothing was chosen but the software's weight. Every report is drawn {TIMES} times; intervals are paired bootstraps over reports.\n\n",
        data.train.len(),
        data.entities.len()
    );
    let clusters = data::clusters(data::joined(&[&data.train, &data.validation]).sets());
    let (old, new) = clusters.split_at(data.train.len());
    let fresh: Vec<Vec<u16>> = data
        .validation
        .sets()
        .iter()
        .zip(new)
        .filter(|(_, own)| !old.contains(own))
        .map(|(set, _)| set.clone())
        .collect();
    for protocol in [Protocol::Half, Protocol::FirstThree] {
        let cases = draw(&fresh, protocol, TIMES, SEED);
        let rankings = Rankings::of(&data, data.train.sets(), &data.train, &cases);
        table(&mut text, &format!("validation, {}", protocol.name()), &cases, &rankings);
    }
    for protocol in [Protocol::Half, Protocol::FirstThree] {
        let (mut all, mut rankings) = (Vec::new(), Rankings::default());
        for part in 0..PARTS {
            let part_of = |at: &usize| (old[*at].wrapping_mul(0x9e37_79b9) >> 7) % PARTS == part;
            let own: Vec<usize> = (0..data.train.len()).filter(part_of).collect();
            let rest = data.train.select((0..data.train.len()).filter(|at| !part_of(at)));
            let sets: Vec<Vec<u16>> = own.iter().map(|at| data.train.sets()[*at].clone()).collect();
            let held: Vec<usize> = own.iter().map(|at| old[*at]).collect();
            let mut cases = draw(&one_a_cluster(&sets, &held), protocol, 1, SEED);
            rankings.extend(Rankings::of(&data, rest.sets(), &rest, &cases));
            cases.iter_mut().for_each(|case| case.report += part * 10_000);
            all.extend(cases);
        }
        table(&mut text, &format!("training reports by parts, {}", protocol.name()), &all, &rankings);
    }
    calibration(&mut text, &data);
    Ok(text)
}

/// Measures of all cases by ranker.
#[derive(Default)]
struct Rankings(Vec<(&'static str, Vec<Measures>)>);

impl Rankings {
    fn of(data: &Data, sets: &[Vec<u16>], reports: &shieldwall_forecast::Reports, cases: &[Case]) -> Self {
        let size = data.table.len();
        let (common, items, wals) = (popularity(size, sets), Items::fit(size, sets), Wals::fit(size, sets, SEED));
        let with_entities = fit(&data.table, data::joined(&[reports, &data.entities]), Settings::default());
        let mut out = vec![
            ("popularity (trivial)", by(cases, |_| common.clone())),
            ("item neighbours", by(cases, |seen| items.scores(seen))),
            ("WALS, 4 factors, as TIE", by(cases, |seen| wals.scores(seen))),
        ];
        let only = |settings: Settings| {
            let ranker = with_entities.ranker().clone().with(&data.table, with_entities.reports(), settings);
            measures(&with_entities.clone().with_ranker(ranker), cases)
        };
        out.push(("RP3", only(Settings { rp3: 1.0, ..Settings::NONE })));
        out.push(("EASE", only(Settings { ease: 1.0, ..Settings::NONE })));
        out.push(("user neighbours", only(Settings { neighbours: 1.0, ..Settings::NONE })));
        out.push(("naive Bayes", only(Settings { bayes: 1.0, ..Settings::NONE })));
        let reports_only: Forecaster = fit(&data.table, reports.clone(), Settings::default());
        out.push(("ours, reports alone", measures(&reports_only, cases)));
        out.push((OURS, measures(&with_entities, cases)));
        Self(out)
    }

    fn extend(&mut self, other: Self) {
        if self.0.is_empty() {
            self.0 = other.0;
        } else {
            self.0.iter_mut().zip(other.0).for_each(|(own, more)| own.1.extend(more.1));
        }
    }
}

const OURS: &str = "**ours**: all four, tactics, and ATT&CK's entities";

fn by(cases: &[Case], scores: impl Fn(&[u16]) -> Scores) -> Vec<Measures> {
    cases
        .iter()
        .map(|case| {
            let scores = scores(&case.seen);
            let mut order: Vec<u16> =
                (0..scores.len() as u16).filter(|at| case.seen.binary_search(at).is_err()).collect();
            order.sort_by(|a, b| scores[usize::from(*b)].total_cmp(&scores[usize::from(*a)]).then(a.cmp(b)));
            measure(&order, &case.hidden)
        })
        .collect()
}

fn table(text: &mut String, name: &str, cases: &[Case], rankings: &Rankings) {
    let reports: std::collections::BTreeSet<usize> = cases.iter().map(|case| case.report).collect();
    let _ = writeln!(text, "{name}: {} reports\n", reports.len());
    text.push_str(
        "| ranker | recall@10 | recall@20 | NDCG@20 | MRR | recall@20 over WALS |\n|---|---|---|---|---|---|\n",
    );
    let wals =
        rankings.0.iter().find(|(name, _)| name.starts_with("WALS")).map(|(_, own)| own.as_slice()).unwrap_or(&[]);
    for (name, own) in &rankings.0 {
        let mean = mean(own);
        let differences: Vec<f64> = own.iter().zip(wals).map(|(own, wals)| own.recall_20 - wals.recall_20).collect();
        let (middle, low, high) = paired(cases, &differences, SEED);
        let _ = writeln!(
            text,
            "| {name} | {:.3} | {:.3} | {:.3} | {:.3} | {middle:+.3} ({low:+.3} to {high:+.3}) |",
            mean.recall_10, mean.recall_20, mean.ndcg_20, mean.reciprocal
        );
    }
    text.push('\n');
}

/// Odds of parts of the reports, fitted on the others.
fn calibration(text: &mut String, data: &Data) {
    let (questions, cases, parts) = cross_fitted(data, Settings::default());
    let (mut said, mut none) = (Vec::new(), Vec::new());
    for part in 0..PARTS {
        let train: Vec<usize> = (0..cases.len()).filter(|at| parts[*at] != part).collect();
        let fitted = odds(
            &train.iter().map(|at| questions[*at].clone()).collect::<Vec<_>>(),
            &train.iter().map(|at| cases[*at].clone()).collect::<Vec<_>>(),
        );
        for at in (0..cases.len()).filter(|at| parts[*at] == part) {
            let own: Vec<f64> = questions[at].iter().map(|(inputs, _)| fitted.probability(inputs)).collect();
            none.push((
                at,
                fitted.none(own.iter().copied(), cases[at].seen.len()),
                questions[at].iter().all(|one| !one.1),
            ));
            said.extend(own.into_iter().zip(&questions[at]).map(|(p, (_, came))| (at, p, *came)));
        }
    }
    let _ = writeln!(
        text,
        "Odds of the first {TOP} of every case, each part of the reports judged by odds and rankers of the other parts ({BINS} bins of equal mass; interval: bootstrap over reports):\n\n| cases | expected calibration error |\n|---|---|"
    );
    for (name, of) in [
        ("half seen", Some(Protocol::Half)),
        ("three seen", Some(Protocol::FirstThree)),
        ("any number seen", Some(Protocol::Any)),
        ("all", None),
    ] {
        let own: Vec<(usize, f64, bool)> =
            said.iter().copied().filter(|(at, ..)| of.is_none_or(|of| cases[*at].protocol == of)).collect();
        let (_, error) = reliability(&own.iter().map(|(_, p, came)| (*p, *came)).collect::<Vec<_>>(), BINS);
        let (low, high) = bootstrap(&own, &cases);
        let _ = writeln!(text, "| {name} | {error:.3} ({low:.3} to {high:.3}) |");
    }
    let (_, error) = reliability(&none.iter().map(|(_, p, came)| (*p, *came)).collect::<Vec<_>>(), BINS);
    let _ = writeln!(text, "| that none of the twenty comes | {error:.3} |\n");
    let (bins, _) = reliability(&said.iter().map(|(_, p, came)| (*p, *came)).collect::<Vec<_>>(), BINS);
    text.push_str("| said | came | how many |\n|---|---|---|\n");
    bins.iter().for_each(|(said, came, n): &Bin| {
        let _ = writeln!(text, "| {said:.3} | {came:.3} | {n} |");
    });
    text.push('\n');
}

/// 95 % interval of the calibration error, whole reports drawn anew.
fn bootstrap(said: &[(usize, f64, bool)], cases: &[Case]) -> (f64, f64) {
    let mut by_report: std::collections::BTreeMap<usize, Vec<(f64, bool)>> = std::collections::BTreeMap::new();
    said.iter().for_each(|(at, p, came)| by_report.entry(cases[*at].report).or_default().push((*p, *came)));
    let all: Vec<&Vec<(f64, bool)>> = by_report.values().collect();
    let mut random = shieldwall_learn::Random::new(SEED);
    let mut errors: Vec<f64> = (0..200)
        .map(|_| {
            let drawn: Vec<(f64, bool)> =
                (0..all.len()).flat_map(|_| all[random.below(all.len())].iter().copied()).collect();
            reliability(&drawn, BINS).1
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    (errors[5], errors[194])
}
