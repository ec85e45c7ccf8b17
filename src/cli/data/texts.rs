//! What is looked for in texts: duplicates, labels that contradict, labels that models deny.

use anyhow::Result;
use serde_json::json;
use shieldwall_learn::FitError;
use shieldwall_learn::gate::duplicates::groups;

use super::finding::{Finding, Level};
use crate::cli::model::KindArg;
use crate::cli::model::trained::{Items, Trained};

/// Parts of the cross-validation.
const FOLDS: u64 = 4;

/// Texts of the rarer class below which labels cannot be judged.
const CLASS_MIN: usize = 40;

/// Rounds: a first look, and one by what the first did not doubt.
const ROUNDS: u64 = 2;

/// How rare a score may be among texts of its own label for a doubt at the first look: flipped texts themselves stand in that share.
const FIRST_OWN_MAX: f64 = 0.15;

/// How usual it must be among texts of the other label.
const FIRST_OTHER_MIN: f64 = 0.03;

/// The same where only undoubted texts are the measure.
const OWN_MAX: f64 = 0.02;
const OTHER_MIN: f64 = 0.05;

/// Flipped texts are spread over the whole other class, texts near the border over its edge: the middle of the denied must lie
/// this deep in the other class.
const MIDDLE_MIN: f64 = 0.35;

/// Share of texts that are denied from which on labels were flipped.
const DENIED_MAX: f64 = 0.01;

/// Checks texts; gives each text's denial.
///
/// # Errors
/// When models cannot be fitted for another reason than too little data.
pub fn check(
    kind: KindArg,
    texts: Vec<String>,
    labels: Option<&[bool]>,
    seed: u64,
    out: &mut Vec<Finding>,
) -> Result<Vec<f64>> {
    let count = texts.len();
    repeated(&texts, labels, out);
    let Some(labels) = labels else { return Ok(vec![0.0; count]) };
    let hostile = labels.iter().filter(|label| **label).count();
    if hostile.min(labels.len() - hostile) < CLASS_MIN {
        let words = format!("labels: at least {CLASS_MIN} texts of each class are needed to judge them");
        out.push(Finding::new(Level::Note, "not_checked", words));
        return Ok(vec![0.0; count]);
    }
    let items = Items::Texts(texts);
    // What the first round doubts teaches nobody in the second, and is no measure of its class.
    let mut denial = vec![(0.0, 0.0); count];
    for round in 0..ROUNDS {
        let doubted: Vec<bool> = denial.iter().map(|(denial, _)| *denial > 0.5).collect();
        denial = match denied(kind, &items, labels, &doubted, seed ^ round) {
            Ok(denial) => denial,
            Err(error) => {
                out.push(Finding::new(Level::Note, "not_checked", format!("labels: {error}")));
                return Ok(vec![0.0; count]);
            }
        };
    }
    let mut depths: Vec<f64> = denial.iter().filter(|(denial, _)| *denial > 0.5).map(|(_, depth)| *depth).collect();
    let denial: Vec<f64> = denial.into_iter().map(|(denial, _)| denial).collect();
    let mut rows: Vec<usize> = (0..count).filter(|at| denial.get(*at).is_some_and(|denial| *denial > 0.5)).collect();
    let of = |at: usize| denial.get(at).copied().unwrap_or(0.0);
    rows.sort_by(|a, b| of(*b).total_cmp(&of(*a)).then(a.cmp(b)));
    if !rows.is_empty() {
        let share = rows.len() as f64 / count as f64;
        depths.sort_by(f64::total_cmp);
        let is_deep = depths.get(depths.len() / 2).is_some_and(|middle| *middle >= MIDDLE_MIN);
        let (level, kind) = if share > DENIED_MAX && is_deep {
            (Level::Poison, "flipped_labels")
        } else {
            (Level::Note, "doubtful_labels")
        };
        let words = format!("{} texts ({:.2} %) have a label that models would not give", rows.len(), 100.0 * share);
        let suspicion = rows.iter().map(|row| of(*row)).collect();
        out.push(Finding::new(level, kind, words).rows(rows).suspicion(suspicion));
    }
    Ok(denial)
}

/// For each text its denial, and how deep in the other class it lies.
fn denied(
    kind: KindArg,
    items: &Items,
    labels: &[bool],
    doubted: &[bool],
    seed: u64,
) -> Result<Vec<(f64, f64)>, FitError> {
    let fold_of = |at: usize| ((items.hash(at) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % FOLDS;
    let is_doubted = |at: &usize| doubted.get(*at).copied().unwrap_or(false);
    let is_first = !doubted.contains(&true);
    let (own_max, other_min) = if is_first { (FIRST_OWN_MAX, FIRST_OTHER_MIN) } else { (OWN_MAX, OTHER_MIN) };
    let mut out = vec![(0.0, 0.0); labels.len()];
    for fold in 0..FOLDS {
        let (test, mut train): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|at| fold_of(*at) == fold);
        train.retain(|at| !is_doubted(at));
        let own: Vec<bool> = train.iter().filter_map(|at| labels.get(*at).copied()).collect();
        let scores = Trained::fit(kind, &items.select(&train), Some(&own), seed)?.scores(&items.select(&test));
        let of_class = |class: bool| {
            let own = test.iter().zip(&scores).filter(|(at, _)| labels.get(**at) == Some(&class) && !is_doubted(at));
            let mut own: Vec<f64> = own.map(|(_, score)| *score).collect();
            own.sort_by(f64::total_cmp);
            own
        };
        let (normals, hostiles) = (of_class(false), of_class(true));
        for (at, score) in test.iter().zip(&scores) {
            // Shares of each class that are at least as far on the other side.
            let above = 1.0 - share_below(&normals, *score, false);
            let below = share_below(&hostiles, *score, true);
            let (own, other) = if labels.get(*at) == Some(&true) { (below, above) } else { (above, below) };
            if other > own
                && own <= own_max
                && other >= other_min
                && let Some(out) = out.get_mut(*at)
            {
                *out = (other / (own + other).max(1e-9), other);
            }
        }
    }
    Ok(out)
}

fn repeated(texts: &[String], labels: Option<&[bool]>, out: &mut Vec<Finding>) {
    let exact = groups(texts.iter());
    let rest: Vec<usize> = exact.iter().flat_map(|group| group.iter().skip(1).copied()).collect();
    if !rest.is_empty() {
        let words = format!("{} texts repeat an earlier one", rest.len());
        out.push(Finding::new(Level::Note, "duplicates", words).rows(rest));
    }
    let plain =
        |text: &String| -> String { text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ") };
    let near: Vec<usize> =
        groups(texts.iter().map(plain)).iter().flat_map(|group| group.iter().skip(1).copied()).collect();
    if !near.is_empty() {
        let words = format!("{} texts repeat an earlier one but for case and blanks", near.len());
        out.push(Finding::new(Level::Note, "near_duplicates", words).rows(near));
    }
    let Some(labels) = labels else { return };
    let label = |row: &usize| labels.get(*row).copied();
    let differs = |group: &&Vec<usize>| group.iter().any(|row| label(row) != group.first().and_then(label));
    let rows: Vec<usize> = exact.iter().filter(differs).flatten().copied().collect();
    if !rows.is_empty() {
        let words = format!("{} equal texts carry different labels", rows.len());
        out.push(Finding::new(Level::Quality, "conflicting_labels", words).rows(rows).details(json!({})));
    }
}

/// The share of a sorted list below a score, or up to it.
fn share_below(sorted: &[f64], score: f64, including: bool) -> f64 {
    let count = sorted.partition_point(|own| if including { *own <= score } else { *own < score });
    count as f64 / sorted.len().max(1) as f64
}
