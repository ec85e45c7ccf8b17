//! The shipped model of requests: parameters, tests of rules, and our own benign parameters.

use std::path::Path;

use anyhow::{Context, Result};
use rustc_hash::FxHashMap;
use shieldwall_learn::text::http::generate;
use shieldwall_learn::text::{Settings, TextKind, TextModel, Texts};
use shieldwall_learn::{FitError, Model, Random};

use super::http_data::{Known, params, requests};
use super::{Figures, SEED, Trained, scores};

/// Benign texts that are generated.
pub const GENERATED: usize = 40_000;

/// Attacks that are generated, and with them half as many benign texts more than that.
const ATTACKS: usize = 4000;

/// Parts that take turns in being judged.
pub const FOLDS: usize = 5;

/// Trains and measures.
///
/// # Errors
/// When data are missing.
pub fn train(data: &Path) -> Result<Trained> {
    let all = all(data, SEED)?;
    let model = fit(&all.iter().collect::<Vec<_>>(), SEED, ATTACKS)?;
    let (figures, benign) = folds(&all)?;
    let mut tests = Vec::new();
    for folder in std::fs::read_dir(data.join("crs-regression/tests/regression/tests"))? {
        for file in std::fs::read_dir(folder?.path())? {
            tests.push(file?.path());
        }
    }
    tests.sort();
    Ok(Trained {
        model,
        data: vec![
            ("http-params", "MIT", vec![data.join("http-params/payload_train.csv")]),
            ("crs-regression", "Apache-2.0", tests.into_iter().filter(|path| is_yaml(path.as_path())).collect()),
        ],
        generators: vec![
            ("http: benign", generate::VERSION, GENERATED + ATTACKS + ATTACKS / 2),
            ("http: attacks", generate::VERSION, ATTACKS),
        ],
        figures,
        purpose: "Says how much a request's target, parameter, header or body looks like an attack on what reads it \
                  (SQL, script, shell, path, template, XML, directory and serialisation attacks).",
        limits: vec![
            "the tests of a rule that must not fire are attacks as well, often; telling them from those that must fire is not \
             learned (see the figures)",
            "attacks that are ordinary words in the wrong place (`url=localhost`, `file=settings.php`) look benign",
            "benign texts are generated, or names and places in Spanish: other applications have other habits",
            "64 KiB of a text are read (48 KiB of its head, 16 KiB of its tail)",
        ],
        benign,
    })
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}

/// Parameters, requests and generated texts.
///
/// # Errors
/// When data are missing.
pub fn all(data: &Path, seed: u64) -> Result<Vec<Known>> {
    let mut all = params(data)?;
    all.extend(requests(data)?);
    all.extend(generated(GENERATED, seed));
    Ok(all)
}

/// Generated benign texts, each a group of its own.
pub fn generated(count: usize, seed: u64) -> Vec<Known> {
    let texts = generate::benign(count, &mut Random::new(seed)).into_iter().enumerate();
    let known =
        |(at, text)| Known { text, hostile: false, group: format!("generated {at}"), class: "generated".to_owned() };
    texts.map(known).collect()
}

/// A model of these, with so many attacks of our own generator beside them.
///
/// # Errors
/// When nothing can be learned from them.
pub fn fit(all: &[&Known], seed: u64, generated: usize) -> Result<TextModel, FitError> {
    let texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    let labels: Vec<bool> = all.iter().map(|one| one.hostile).collect();
    let mut numbers: FxHashMap<&str, u32> = FxHashMap::default();
    let groups: Vec<u32> = all
        .iter()
        .map(|one| {
            let next = numbers.len() as u32;
            *numbers.entry(&one.group).or_insert(next)
        })
        .collect();
    let data = Texts { texts: &texts, labels: &labels, groups: &groups };
    let settings = Settings { generated, ..Settings::of(TextKind::Http) };
    TextModel::fit(data, &settings, &mut Random::new(seed + 1))
}

/// A part for each text; the texts of a group share theirs.
pub fn parts(all: &[Known], seed: u64) -> Vec<usize> {
    let mut of_group: FxHashMap<&str, usize> = FxHashMap::default();
    let mut random = Random::new(seed);
    all.iter().map(|one| *of_group.entry(&one.group).or_insert_with(|| random.below(FOLDS))).collect()
}

/// Every text scored by a model that saw nothing of its group.
fn folds(all: &[Known]) -> Result<(Vec<Figures>, Vec<f64>)> {
    let parts = parts(all, SEED);
    let mut judged = vec![0.0; all.len()];
    for fold in 0..FOLDS {
        let train: Vec<&Known> = all.iter().zip(&parts).filter(|(_, part)| **part != fold).map(|one| one.0).collect();
        let model = fit(&train, SEED, ATTACKS)?;
        let held = || all.iter().zip(&parts).enumerate().filter(|(_, (_, part))| **part == fold);
        let values = scores(&model, held().map(|(_, (one, _))| one.text.as_str()));
        for ((at, _), value) in held().zip(values) {
            *judged.get_mut(at).context("as many scores as texts")? = value;
        }
    }
    let figures = |what: &str, keep: &dyn Fn(&Known) -> bool| {
        let kept = || all.iter().zip(&judged).filter(|(one, _)| keep(one));
        let values: Vec<f64> = kept().map(|one| *one.1).collect();
        Figures::of(what, &values, &kept().map(|one| one.0.hostile).collect::<Vec<_>>())
    };
    let is_rule = |one: &Known| one.group.len() == 6 && one.group.starts_with('9');
    let out = vec![
        figures("5 parts by template and rule → all", &|_| true),
        figures("5 parts → http-params alone", &|one| !is_rule(one) && one.class != "generated"),
        figures("5 parts → rules' hostile requests, all other benign", &|one| is_rule(one) == one.hostile),
        figures("5 parts → rules' requests: must fire, must not", &is_rule),
    ];
    let benign = all.iter().zip(&judged).filter(|(one, _)| !one.hostile && !is_rule(one)).map(|one| *one.1).collect();
    Ok((out, benign))
}
