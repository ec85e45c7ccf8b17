//! Texts a second and core, on texts of our own generators: `cargo bench -p shieldwall-learn --bench text`.
//!
//! `linear` is the sum of n-grams alone, `score` the whole model with trees, `score_many` the same for a file of texts, `explain`
//! with spans.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use shieldwall_learn::text::{Scratch, Settings, TextKind, TextModel, Texts, domain, http};
use shieldwall_learn::{Model, Random};

const TEXTS: usize = 4000;
const MANY: usize = 50_000;

struct Case {
    texts: Vec<String>,
    labels: Vec<bool>,
    model: TextModel,
}

impl Case {
    fn new(kind: TextKind, all: Vec<(String, bool)>) -> Self {
        let (texts, labels): (Vec<String>, Vec<bool>) = all.into_iter().unzip();
        let model = fit(kind, &texts, &labels);
        Self { texts, labels, model }
    }

    fn each(&self, bencher: Bencher<'_, '_>, mut score: impl FnMut(&str, &mut Scratch)) {
        let mut scratch = Scratch::default();
        bencher
            .counter(ItemsCount::new(self.texts.len()))
            .bench_local(|| self.texts.iter().for_each(|text| score(black_box(text), &mut scratch)));
    }
}

fn fit(kind: TextKind, texts: &[String], labels: &[bool]) -> TextModel {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let data = Texts { texts: &texts, labels, groups: &[] };
    TextModel::fit(data, &Settings::of(kind), &mut Random::new(1)).unwrap()
}

static DOMAINS: LazyLock<Case> = LazyLock::new(|| {
    let mut random = Random::new(1);
    let mut all = domain::generate::benign(TEXTS, 0, &mut random);
    all.extend(domain::generate::hostile(TEXTS / 4, 0, &mut random));
    Case::new(TextKind::Domain, all.into_iter().map(|one| (one.name, one.hostile)).collect())
});

static REQUESTS: LazyLock<Case> = LazyLock::new(|| {
    let mut random = Random::new(1);
    let benign = http::generate::benign(TEXTS, &mut random).into_iter().map(|text| (text, false));
    let hostile = http::generate::attacks(TEXTS / 4, &mut random).into_iter().map(|one| (one.0, true));
    Case::new(TextKind::Http, benign.chain(hostile).collect())
});

fn main() {
    divan::main();
}

#[divan::bench]
fn domain_linear(bencher: Bencher<'_, '_>) {
    DOMAINS.each(bencher, |text, scratch| {
        black_box(DOMAINS.model.linear_with(text, scratch));
    });
}

#[divan::bench]
fn domain_score(bencher: Bencher<'_, '_>) {
    DOMAINS.each(bencher, |text, scratch| {
        black_box(DOMAINS.model.score_with(text, scratch));
    });
}

#[divan::bench]
fn domain_score_many(bencher: Bencher<'_, '_>) {
    // As many as a file has: the trees are laid out once.
    let texts: Vec<&str> = DOMAINS.texts.iter().cycle().take(MANY).map(String::as_str).collect();
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| black_box(DOMAINS.model.score_texts(&texts)));
}

#[divan::bench]
fn http_score_many(bencher: Bencher<'_, '_>) {
    let texts: Vec<&str> = REQUESTS.texts.iter().cycle().take(MANY).map(String::as_str).collect();
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| black_box(REQUESTS.model.score_texts(&texts)));
}

#[divan::bench]
fn domain_explain(bencher: Bencher<'_, '_>) {
    DOMAINS.each(bencher, |text, _| drop(black_box(DOMAINS.model.explain(text))));
}

#[divan::bench]
fn http_linear(bencher: Bencher<'_, '_>) {
    REQUESTS.each(bencher, |text, scratch| {
        black_box(REQUESTS.model.linear_with(text, scratch));
    });
}

#[divan::bench]
fn http_score(bencher: Bencher<'_, '_>) {
    REQUESTS.each(bencher, |text, scratch| {
        black_box(REQUESTS.model.score_with(text, scratch));
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn domain_fit(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(DOMAINS.texts.len()))
        .bench_local(|| fit(TextKind::Domain, &DOMAINS.texts, &DOMAINS.labels));
}
