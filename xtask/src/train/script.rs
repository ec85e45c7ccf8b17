//! The shipped model of scripts: PowerShell of our own generator alone.

use std::path::Path;

use anyhow::{Context, Result};
use shieldwall_learn::text::script::generate;
use shieldwall_learn::text::{Settings, TextKind, TextModel, Texts};
use shieldwall_learn::{FitError, Model, Random};

use super::{Figures, SEED, Trained, scores};

/// Scripts that the shipped model learns, half of them hostile.
const GENERATED: usize = 4000;

/// Parts that take turns in being judged.
pub const FOLDS: usize = 5;

/// One script with what is known of it.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its text.
    pub text: String,
    /// Hostile.
    pub hostile: bool,
    /// What near-copies share.
    pub group: u32,
}

/// Trains and measures.
///
/// # Errors
/// When nothing can be learned.
pub fn train(_: &Path) -> Result<Trained> {
    let all = generated(GENERATED, SEED);
    let model = fit(&all.iter().collect::<Vec<_>>(), 0, SEED)?;
    let judged = folds(&all, 0)?;
    let labels: Vec<bool> = all.iter().map(|one| one.hostile).collect();
    let figures = vec![Figures::of("5 parts by template → generated", &judged, &labels)];
    let benign = all.iter().zip(&judged).filter(|(one, _)| !one.hostile).map(|one| *one.1).collect();
    Ok(Trained {
        model,
        data: Vec::new(),
        generators: vec![("script: PowerShell", generate::VERSION, GENERATED)],
        figures,
        purpose: "Says how much a PowerShell script looks like an attacker's, whatever it was disguised as.",
        limits: vec![
            "learned from generated scripts alone: see EVALUATION.md for strangers",
            "administrators' tools and attackers' tools overlap (remoting, downloads, accounts)",
            "other scripting languages are read as if they were PowerShell",
            "64 KiB of a text are read (48 KiB of its head, 16 KiB of its tail)",
        ],
        benign,
    })
}

/// Scripts of our own generator.
pub fn generated(count: usize, seed: u64) -> Vec<Script> {
    let scripts = generate::beside(count / 2, &mut Random::new(seed));
    scripts.into_iter().map(|(text, hostile, group)| Script { text, hostile, group }).collect()
}

/// A model of these, with so many generated scripts beside them.
///
/// # Errors
/// When nothing can be learned from them.
pub fn fit(all: &[&Script], generated: usize, seed: u64) -> Result<TextModel, FitError> {
    let texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    let labels: Vec<bool> = all.iter().map(|one| one.hostile).collect();
    let groups: Vec<u32> = all.iter().map(|one| one.group).collect();
    let data = Texts { texts: &texts, labels: &labels, groups: &groups };
    let settings = Settings { generated, ..Settings::of(TextKind::Script) };
    TextModel::fit(data, &settings, &mut Random::new(seed + 1))
}

/// Every script scored by a model that saw nothing of its group.
///
/// # Errors
/// When nothing can be learned.
pub fn folds(all: &[Script], generated: usize) -> Result<Vec<f64>> {
    let mut part_of: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
    let mut random = Random::new(SEED);
    let parts: Vec<usize> =
        all.iter().map(|one| *part_of.entry(one.group).or_insert_with(|| random.below(FOLDS))).collect();
    let mut judged = vec![0.0; all.len()];
    for fold in 0..FOLDS {
        let train: Vec<&Script> = all.iter().zip(&parts).filter(|(_, part)| **part != fold).map(|one| one.0).collect();
        let model = fit(&train, generated, SEED)?;
        let held = || all.iter().zip(&parts).enumerate().filter(|(_, (_, part))| **part == fold);
        let values = scores(&model, held().map(|(_, (one, _))| one.text.as_str()));
        for ((at, _), value) in held().zip(values) {
            *judged.get_mut(at).context("as many scores as scripts")? = value;
        }
    }
    Ok(judged)
}
