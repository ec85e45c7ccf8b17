//! Tail alone, beside isolation: flows with normal rows only, and tables without labels. And whether columns that tell the same
//! should share their weight.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use shieldwall_learn::calibrate::Conformal;
use shieldwall_learn::forest::{Isolation, IsolationSettings, Table};
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::tail::{Tail, TailSettings};
use shieldwall_learn::{Frame, Model, Random};

use super::tabular::sets::{Flows, SCHEMES, adbench};

/// Models that are compared: name, and the scores of the second table after fitting on the first.
const MODELS: [(&str, Scorer); 3] = [
    ("**Tail**", |fit, test| tail(fit, test, false)),
    ("Tail, shared weights", |fit, test| tail(fit, test, true)),
    ("isolation", isolation),
];

type Scorer = fn(&Frame, &Frame) -> Result<Vec<f64>>;

/// The section's text.
///
/// # Errors
/// When data are missing or cannot be learned from.
pub fn section(data: &Path) -> Result<String> {
    let mut out = String::from("\n### Tail\n\n");
    out.push_str(
        "**Flows, normal rows only.** `nsl-kdd/KDDTrain+_20Percent.txt` with the folds of the section on tables (attack types, families; \
         *shift* holds out rare services' normal rows too). Fitted on four fifths of the training fold's normal rows; the other fifth \
         calibrates; judged on the test fold. Means over folds, seed 1.\n\n\
         | folds | model | AUC | AP | TPR at 1 % FPR | TPR at 0.1 % FPR | FPR where 1 % was asked |\n|---|---|---:|---:|---:|---:|---:|\n",
    );
    let flows = Flows::read(data)?;
    for (scheme, folds) in SCHEMES {
        for (name, score) in MODELS {
            let mut sums = [0.0; 5];
            for fold in 0..folds {
                let figures = flow_figures(&flows, scheme, fold, score)?;
                sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / folds as f64);
            }
            let [auc, ap, tpr, low, asked] = sums;
            writeln!(out, "| {scheme} | {name} | {auc:.3} | {ap:.3} | {tpr:.3} | {low:.3} | {:.2} % |", 100.0 * asked)?;
        }
    }
    tables(data, &mut out)?;
    Ok(out)
}

fn flow_figures(flows: &Flows, scheme: &str, fold: usize, score: Scorer) -> Result<[f64; 5]> {
    let fold = flows.fold(scheme, fold);
    let normals: Vec<usize> = fold.train.iter().copied().filter(|row| !flows.is_attack(*row)).collect();
    let fifth = |keep: bool| {
        let rows = normals.iter().enumerate().filter(|(at, _)| (at % 5 == 4) == keep).map(|(_, row)| *row);
        flows.frame.select(&rows.collect::<Vec<usize>>())
    };
    let (fit, calibrate, test) = (fifth(false), fifth(true), flows.frame.select(&fold.test));
    let reference = Conformal::new(score(&fit, &calibrate)?);
    let scores = score(&fit, &test)?;
    let labels: Vec<bool> = fold.test.iter().map(|row| flows.is_attack(*row)).collect();
    let ranking = Ranking::new(&scores, &labels);
    let normals: Vec<f64> = scores.iter().zip(&labels).filter(|(_, label)| !**label).map(|(score, _)| *score).collect();
    let flagged = normals.iter().filter(|score| reference.p_value(**score) <= 0.01).count();
    Ok([
        ranking.auc(),
        ranking.average_precision(),
        ranking.recall_at(0.01).0,
        ranking.recall_at(0.001).0,
        flagged as f64 / normals.len().max(1) as f64,
    ])
}

fn tables(data: &Path, out: &mut String) -> Result<()> {
    out.push_str(
        "\n**Tables without labels.** The 16 sets of `adbench/Classical`, fitted to all rows and scoring them. Baseline: isolation. Mean AUC / AP.\n\n\
         | model | all | even numbers | odd numbers | sets won against isolation (AUC) |\n|---|---:|---:|---:|---:|\n",
    );
    let sets = adbench(data)?;
    let mut all: Vec<Vec<(f64, f64)>> = Vec::new();
    for (_, score) in MODELS {
        let mut figures = Vec::new();
        for set in &sets {
            let ranking = Ranking::new(&score(&set.frame, &set.frame)?, &set.labels);
            figures.push((ranking.auc(), ranking.average_precision()));
        }
        all.push(figures);
    }
    let isolation = all.last().cloned().unwrap_or_default();
    for ((name, _), figures) in MODELS.iter().zip(&all) {
        let mean = |keep: &dyn Fn(u32) -> bool| {
            let kept: Vec<&(f64, f64)> =
                sets.iter().zip(figures).filter(|(set, _)| keep(set.number)).map(|(_, figures)| figures).collect();
            let n = kept.len().max(1) as f64;
            let sum = kept.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            format!("{:.3} / {:.3}", sum.0 / n, sum.1 / n)
        };
        let won = figures.iter().zip(&isolation).filter(|(own, theirs)| own.0 > theirs.0).count();
        writeln!(
            out,
            "| {name} | {} | {} | {} | {won} of {} |",
            mean(&|_| true),
            mean(&|number| number.is_multiple_of(2)),
            mean(&|number| !number.is_multiple_of(2)),
            sets.len()
        )?;
    }
    Ok(())
}

fn tail(fit: &Frame, test: &Frame, share_weights: bool) -> Result<Vec<f64>> {
    let model = Tail::fit(fit, &TailSettings { share_weights }, &mut Random::new(1))?;
    let mut row = Vec::new();
    Ok((0..test.rows())
        .map(|at| {
            test.copy_row(at, &mut row);
            model.score(&row)
        })
        .collect())
}

fn isolation(fit: &Frame, test: &Frame) -> Result<Vec<f64>> {
    let table = Table { frame: fit, labels: None };
    Ok(Isolation::fit(table, &IsolationSettings::default(), &mut Random::new(1))?.score_rows(test))
}
