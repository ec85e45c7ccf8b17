//! Domains: families of malware that the model has not seen.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use shieldwall_learn::text::{Settings, TextKind, TextModel, Texts};
use shieldwall_learn::{Model, Random};

use crate::train::domain::{FAMILY_MAX, Names, figures, fit, names};
use crate::train::{Figures, SEED, linear_scores, scores};

/// Splits of the families: each is unseen once.
const SPLITS: usize = 5;

/// Writes the section.
///
/// # Errors
/// When data are missing.
pub fn section(data: &Path) -> Result<String> {
    let names = names(data, 1)?;
    let mut rows: [Vec<Figures>; 5] = Default::default();
    for split in 0..SPLITS {
        for (row, one) in rows.iter_mut().zip(judge(&names, split)?) {
            row.push(one);
        }
    }
    let mut text = format!(
        "\n### Domains\n\n`cargo xtask learning domain`. Data: dga-bader (24 families, at most {FAMILY_MAX} names each by \
         seed 1) against domains-benign-alexa and -opendns, suffixes left out. Split: {SPLITS} times a fifth of the families \
         and of the benign names is unseen; means of the {SPLITS}. The benign lists hold generated names themselves (some \
         one in a thousand), which caps recall at 0.1 %. Settings (trees, leaves, share of generated names) were chosen among some twenty \
         on these splits, so the figures flatter a little.\n\n"
    );
    text.push_str(&Figures::head("throw-away model"));
    for row in &rows {
        let name = row.first().map(|one| one.what.clone()).unwrap_or_default();
        text.push_str(&Figures::mean(name, row).row());
    }
    let model = fit(SEED, 150_000)?;
    text.push_str("\nThe shipped model learned from generated names alone:\n\n");
    text.push_str(&Figures::head("shipped model"));
    figures(&model, data)?.iter().for_each(|one| text.push_str(&one.row()));
    Ok(text)
}

/// Baseline, logistic regression alone, whole model; with generated names, families untold and told.
fn judge(names: &Names, split: usize) -> Result<Vec<Figures>> {
    let mut order: Vec<&String> = names.families.keys().collect();
    Random::new(1).shuffle(&mut order);
    let unseen: BTreeSet<&String> = order.iter().skip(split).step_by(SPLITS).copied().collect();
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (group, (family, list)) in (0u32..).zip(&names.families) {
        let side = if unseen.contains(family) { &mut test } else { &mut train };
        side.extend(list.iter().map(|name| (name.as_str(), true, group)));
    }
    for (at, name) in (0u32..).zip(&names.benign) {
        let side = if at as usize % SPLITS == split { &mut test } else { &mut train };
        side.push((name.as_str(), false, 1000 + at));
    }
    let labels: Vec<bool> = test.iter().map(|one| one.1).collect();
    let texts = || test.iter().map(|one| one.0);
    let model = fit_to(&train, 0, true)?;
    let entropy: Vec<f64> = texts().map(entropy).collect();
    let mut out = vec![
        Figures::of("baseline: entropy of the letters", &entropy, &labels),
        Figures::of("logistic regression on n-grams alone", &linear_scores(&model, texts()), &labels),
        Figures::of("whole model, no generated names, families told", &scores(&model, texts()), &labels),
    ];
    let generated = Settings::of(TextKind::Domain).generated;
    let model = fit_to(&train, generated, false)?;
    out.push(Figures::of(
        "whole model as `model train domain` makes it: families not told",
        &scores(&model, texts()),
        &labels,
    ));
    let model = fit_to(&train, generated, true)?;
    out.push(Figures::of("whole model as it makes it, families told", &scores(&model, texts()), &labels));
    Ok(out)
}

fn fit_to(train: &[(&str, bool, u32)], generated: usize, told: bool) -> Result<TextModel> {
    let texts: Vec<&str> = train.iter().map(|one| one.0).collect();
    let labels: Vec<bool> = train.iter().map(|one| one.1).collect();
    let groups: Vec<u32> = if told { train.iter().map(|one| one.2).collect() } else { Vec::new() };
    let data = Texts { texts: &texts, labels: &labels, groups: &groups };
    let settings = Settings { generated, ..Settings::of(TextKind::Domain) };
    TextModel::fit(data, &settings, &mut Random::new(7)).context("a model of domains")
}

/// Bits that the letters of the name without its last label take.
fn entropy(name: &str) -> f64 {
    let own = name.rsplit_once('.').map_or(name, |(own, _)| own);
    let mut counts = [0u32; 256];
    own.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = own.len().max(1) as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count))
        .map(|count| -count * (count / length).log2())
        .sum()
}
