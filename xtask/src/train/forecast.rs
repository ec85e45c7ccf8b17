//! `content/models/forecast`: learned from the threat reports and ATT&CK's entities; weights chosen on the validation reports,
//! odds fitted on reports that the rankers had not seen.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, json};
use shieldwall_forecast::odds::{INPUTS, Odds, TOP, none_inputs};
use shieldwall_forecast::ranker::Scratch;
use shieldwall_forecast::{Forecaster, Reports, Settings, Techniques};
use shieldwall_learn::{Bundle, Tensors};
use shieldwall_trust::Hash;

use crate::forecast::cases::{Case, Protocol, draw, one_a_cluster};
use crate::forecast::data::{self, Data};
use crate::forecast::measures::{Measures, mean, measure};

use super::SEED;

/// Parts of the reports, whole clusters, for odds.
pub const PARTS: usize = 5;

/// Settings that are tried.
fn grid() -> Vec<Settings> {
    let mut out = Vec::new();
    for ease in [0.5, 1.0] {
        for neighbours in [1.0, 1.5, 2.0] {
            for tactics in [0.0, 0.15] {
                out.push(Settings { rp3: 1.0, ease, neighbours, bayes: 0.5, tactics });
            }
        }
    }
    out
}

/// The listed candidates of a case: inputs of the odds, and whether the report had it.
pub type Listed = Vec<([f64; INPUTS], bool)>;

/// A model whose odds are not fitted.
pub fn fit(table: &Techniques, reports: Reports, settings: Settings) -> Forecaster {
    Forecaster::new(table.clone(), reports, settings, Odds::default(), None)
}

/// Orders of all cases by a model.
pub fn orders(model: &Forecaster, cases: &[Case]) -> Vec<Vec<u16>> {
    let mut scratch = Scratch::default();
    cases.iter().map(|case| model.rank(&case.seen, usize::MAX, &mut scratch, |_| true)).collect()
}

/// Measures of all cases.
pub fn measures(model: &Forecaster, cases: &[Case]) -> Vec<Measures> {
    orders(model, cases).iter().zip(cases).map(|(order, case)| measure(order, &case.hidden)).collect()
}

/// What odds are fitted on: for each listed candidate of each case its inputs, and whether the report had it.
pub fn questions(model: &Forecaster, cases: &[Case]) -> Vec<Listed> {
    let mut scratch = Scratch::default();
    cases
        .iter()
        .map(|case| {
            let order = model.rank(&case.seen, TOP, &mut scratch, |_| true);
            let one = |at: &u16| (model.inputs(*at, case.seen.len(), &scratch), case.hidden.binary_search(at).is_ok());
            order.iter().map(one).collect()
        })
        .collect()
}

/// Odds fitted to questions and their cases.
pub fn odds(questions: &[Listed], cases: &[Case]) -> Odds {
    // A report that has three techniques and fifteen more makes odds larger than one that has three and one more, and nobody
    // knows which an incident will be. Half as many cases of the short kind are a middle way.
    let fitted = |case: &&Case| case.protocol != Protocol::Any || case.report.is_multiple_of(2);
    let (questions, cases): (Vec<_>, Vec<_>) = questions.iter().zip(cases).filter(|(_, case)| fitted(case)).unzip();
    let mut odds = Odds::default();
    odds.fit(&questions.iter().copied().flatten().copied().collect::<Vec<_>>());
    let none: Vec<([f64; 3], bool)> = questions
        .iter()
        .zip(cases)
        .map(|(listed, case)| {
            let said = listed.iter().map(|(inputs, _)| odds.probability(inputs));
            (none_inputs(said, case.seen.len()), listed.iter().all(|(_, came)| !came))
        })
        .collect();
    odds.fit_none(&none);
    odds
}

/// Questions of every protocol about reports that the rankers had not seen: for each part of the reports, by a model of the others.
pub fn cross_fitted(data: &Data, settings: Settings) -> (Vec<Listed>, Vec<Case>, Vec<usize>) {
    let all = data::joined(&[&data.train, &data.validation]);
    let clusters = data::clusters(all.sets());
    let part_of = |at: usize| clusters[at].wrapping_mul(0x9e37_79b9) >> 7;
    let (mut questions_all, mut cases_all, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for part in 0..PARTS {
        let own: Vec<usize> = (0..all.len()).filter(|at| part_of(*at) % PARTS == part).collect();
        let rest = all.select((0..all.len()).filter(|at| part_of(*at) % PARTS != part));
        let model = fit(&data.table, data::joined(&[&rest, &data.entities]), settings);
        let sets: Vec<Vec<u16>> = own.iter().map(|at| all.sets()[*at].clone()).collect();
        let held: Vec<usize> = own.iter().map(|at| clusters[*at]).collect();
        let sets = one_a_cluster(&sets, &held);
        for (protocol, seed) in [(Protocol::Half, 1), (Protocol::FirstThree, 2), (Protocol::Any, 3)] {
            let mut cases = draw(&sets, protocol, 2, SEED + seed);
            questions_all.extend(questions(&model, &cases));
            parts.extend(cases.iter().map(|_| part));
            cases.iter_mut().for_each(|case| case.report += part * 10_000);
            cases_all.extend(cases);
        }
    }
    (questions_all, cases_all, parts)
}

/// Makes and writes the model.
///
/// # Errors
/// When data are missing, or a committed model is not what comes out.
pub fn write(folder: &Path, check: bool) -> Result<()> {
    let data = data::read(folder)?;
    let fitted = fit(&data.table, data::joined(&[&data.train, &data.entities]), Settings::default());
    let clusters = data::clusters(data::joined(&[&data.train, &data.validation]).sets());
    let (old, new) = clusters.split_at(data.train.len());
    let fresh: Vec<Vec<u16>> = data
        .validation
        .sets()
        .iter()
        .zip(new)
        .filter(|(_, cluster)| !old.contains(cluster))
        .map(|(set, _)| set.clone())
        .collect();
    let asked: Vec<Case> =
        [Protocol::Half, Protocol::FirstThree].into_iter().flat_map(|one| draw(&fresh, one, 8, SEED)).collect();
    let reports = fitted.reports().clone();
    let mut tried = Vec::new();
    for settings in grid() {
        let ranker = fitted.ranker().clone().with(&data.table, &reports, settings);
        let model = fitted.clone().with_ranker(ranker);
        tried.push((settings, mean(&measures(&model, &asked))));
    }
    let best = tried
        .iter()
        .max_by(|a, b| (a.1.recall_20 + a.1.ndcg_20).total_cmp(&(b.1.recall_20 + b.1.ndcg_20)))
        .context("nothing was tried")?;
    let settings = best.0;
    let (questions, cases, _) = cross_fitted(&data, settings);
    let odds = odds(&questions, &cases);
    let all = data::joined(&[&data.train, &data.validation, &data.entities]);
    let model = fit(&data.table, all, settings).with_odds(odds);
    let bundle = Bundle {
        kind: "forecast".to_owned(),
        model: model.to_tensors(),
        calibration: Tensors::default(),
        drift: Tensors::default(),
    };
    let bytes = bundle.to_tensors().to_bytes();
    let place = crate::root().join("content/models/forecast");
    std::fs::create_dir_all(&place)?;
    let path = place.join("model.safetensors");
    super::bytes_or_check(&path, &bytes, check)?;
    let mut hashes = Map::new();
    for file in data::paths(folder) {
        let content = std::fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
        hashes.insert(name, Hash::of(&content).to_string().into());
    }
    let round = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let choices: Vec<_> = tried
        .iter()
        .map(|(settings, figures)| {
            json!({ "settings": settings, "recall_at_20": round(figures.recall_20), "ndcg_at_20": round(figures.ndcg_20) })
        })
        .collect();
    let limits = [
        "It knows what is reported: techniques that analysts write down, of intrusions that somebody reported.",
        "A probability is the share of reports with the observed techniques that also have the other; not the chance that an attacker does it next, nor when.",
        "Observed techniques are shown at random when the odds are fitted; a sensor that only ever sees some of them shifts the odds.",
    ];
    let manifest = json!({
        "kind": "forecast",
        "family": "forecast",
        "model_sha256": Hash::of(&bytes).to_string(),
        "model_bytes": bytes.len(),
        "command": "cargo xtask train forecast",
        "seed": SEED,
        "data": [{ "name": "tie", "licence": "Apache-2.0 (reports), ATT&CK terms of use (entities, techniques)", "sha256": hashes }],
        "reports": data.train.len() + data.validation.len(),
        "entities": data.entities.len(),
        "techniques": data.table.len(),
        "settings": settings,
        "odds": odds,
        "tried_on_validation": choices,
        "limits": limits,
    });
    let mut card = String::from(
        "# Model card: forecast\n\nFrom techniques seen in an incident to techniques that reports of such incidents also tell of.\n\nWritten by `cargo xtask train forecast`; `manifest.json` holds the hashes and every choice that was tried.\n\n",
    );
    let _ = writeln!(card, "- **SHA-256**: `{}`, {} bytes", Hash::of(&bytes), bytes.len());
    let _ = writeln!(
        card,
        "- **Learned from**: {} threat reports (Center for Threat-Informed Defense, Apache-2.0) and {} groups, campaigns, malware and tools of ATT&CK made before 2024-03",
        data.train.len() + data.validation.len(),
        data.entities.len()
    );
    let _ = writeln!(
        card,
        "- **Chosen on**: validation reports that share no cluster with a training report; recall at 20 {:.3}, NDCG at 20 {:.3} there (half and three seen together)",
        best.1.recall_20, best.1.ndcg_20
    );
    card.push_str("- **Measured**: `cargo xtask learning forecast`\n\n## Limits\n\n");
    limits.iter().for_each(|limit| {
        let _ = writeln!(card, "- {limit}");
    });
    crate::write_or_check(&place.join("manifest.json"), &(serde_json::to_string_pretty(&manifest)? + "\n"), check)?;
    crate::write_or_check(&place.join("CARD.md"), &card, check)?;
    crate::write_or_check(&place.join("NOTICE"), NOTICE, check)?;
    println!("forecast: {} bytes, {}", bytes.len(), Hash::of(&bytes));
    Ok(())
}

const NOTICE: &str = "\
This model was learned from and holds facts of:

- Technique Inference Engine, threat reports as sets of techniques. Copyright 2024 MITRE Engenuity, Center for
  Threat-Informed Defense. Licensed under the Apache License, Version 2.0.
- MITRE ATT&CK, technique ids and names, groups, campaigns and software. (c) 2025 The MITRE Corporation. This work is
  reproduced and distributed with the permission of The MITRE Corporation.
";
