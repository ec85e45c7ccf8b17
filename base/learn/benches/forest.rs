//! Forest on NSL-KDD-20 % (25,192 rows, 41 features): training, scoring and explaining 300 trees of 31 leaves; and the
//! whole model for a table.
//!
//! `cargo bench -p shieldwall-learn --bench forest`; data by SHIELDWALL_DATA. Items a second are rows.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a bench")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use shieldwall_learn::forest::{Boosted, BoostedSettings, Isolation, IsolationSettings, Table};
use shieldwall_learn::tabular::{Tabular, TabularSettings};
use shieldwall_learn::{Feature, FeatureKind, Frame, Model, Random, Schema};

static DATA: LazyLock<Option<(Frame, Vec<bool>)>> = LazyLock::new(read);

fn main() {
    if DATA.is_none() {
        eprintln!("SKIPPED: no NSL-KDD under SHIELDWALL_DATA");
        return;
    }
    divan::main();
}

/// Columns 1, 2 and 3 are words, the rest numbers; the last two are the attack's name and a difficulty.
fn read() -> Option<(Frame, Vec<bool>)> {
    let data = std::env::var_os("SHIELDWALL_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let text = std::fs::read_to_string(data.join("nsl-kdd/KDDTrain+_20Percent.txt")).ok()?;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let (mut features, mut columns) = (Vec::new(), Vec::new());
    for at in 0..41 {
        let words: Vec<&str> = rows.iter().map(|row| row[at]).collect();
        let kind = if (1..=3).contains(&at) {
            let codes: BTreeMap<&str, usize> = words.iter().map(|word| (*word, 0)).collect();
            FeatureKind::Categorical(codes.keys().map(|word| (*word).to_owned()).collect())
        } else {
            FeatureKind::Numeric
        };
        let code = |word: &&str| match &kind {
            FeatureKind::Numeric => word.parse().unwrap(),
            FeatureKind::Categorical(values) => values.iter().position(|value| value == word).unwrap() as f64,
        };
        columns.push(words.iter().map(code).collect());
        features.push(Feature { name: format!("f{at}"), kind });
    }
    let labels = rows.iter().map(|row| row[41] != "normal").collect();
    Some((Frame::new(Schema { features }, columns).unwrap(), labels))
}

fn data() -> &'static (Frame, Vec<bool>) {
    DATA.as_ref().unwrap()
}

fn boosted() -> Boosted {
    let (frame, labels) = data();
    let data = Table { frame, labels: Some(labels) };
    Boosted::fit(data, &BoostedSettings::default(), &mut Random::new(1)).unwrap()
}

fn isolation() -> Isolation {
    let (frame, _) = data();
    Isolation::fit(Table { frame, labels: None }, &IsolationSettings::default(), &mut Random::new(1)).unwrap()
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn boosting_trains(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(data().0.rows())).bench(boosted);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn isolation_trains(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(data().0.rows())).bench(isolation);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn boosting_scores(bencher: Bencher<'_, '_>) {
    let model = boosted();
    bencher.counter(ItemsCount::new(data().0.rows())).bench(|| model.score_rows(&data().0));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn isolation_scores(bencher: Bencher<'_, '_>) {
    let model = isolation();
    bencher.counter(ItemsCount::new(data().0.rows())).bench(|| model.score_rows(&data().0));
}

fn rows(count: usize) -> Vec<Vec<f64>> {
    let mut rows = vec![Vec::new(); count];
    rows.iter_mut().enumerate().for_each(|(at, row)| data().0.copy_row(at * 25, row));
    rows
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn boosting_scores_row_by_row(bencher: Bencher<'_, '_>) {
    let (model, rows) = (boosted(), rows(1000));
    bencher.counter(ItemsCount::new(rows.len())).bench(|| rows.iter().map(|row| model.score(row)).sum::<f64>());
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn boosting_explains(bencher: Bencher<'_, '_>) {
    let (model, rows) = (boosted(), rows(1000));
    model.explain(&rows[0]);
    bencher.counter(ItemsCount::new(rows.len())).bench(|| rows.iter().map(|row| model.explain(row).base).sum::<f64>());
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn isolation_explains(bencher: Bencher<'_, '_>) {
    let (model, rows) = (isolation(), rows(1000));
    model.explain(&rows[0]);
    bencher.counter(ItemsCount::new(rows.len())).bench(|| rows.iter().map(|row| model.explain(row).base).sum::<f64>());
}

fn tabular(labels: Option<&[bool]>) -> Tabular {
    Tabular::fit(Table { frame: &data().0, labels }, &TabularSettings::default(), &mut Random::new(1)).unwrap()
}

#[divan::bench(sample_count = 1, sample_size = 1)]
fn tabular_trains(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(data().0.rows())).bench(|| tabular(Some(&data().1)));
}

#[divan::bench(sample_count = 5, sample_size = 1, args = [true, false])]
fn tabular_scores(bencher: Bencher<'_, '_>, labelled: bool) {
    let model = tabular(labelled.then_some(&data().1));
    bencher.counter(ItemsCount::new(data().0.rows())).bench(|| model.score_rows(&data().0));
}
