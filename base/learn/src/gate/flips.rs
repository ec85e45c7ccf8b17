//! Flipped labels: rows whose label every model that did not see them denies.
//!
//! Confident learning (Northcutt, Jiang and Chuang, JAIR 2021) with our own forest, in two rounds: the rows that the first
//! round doubts teach nobody in the second, so that a flip does not vouch for its neighbours. A row is *suspect* if the
//! models give its own label at most [`OWN_MAX`]. On a hard table many rows are near the border by nature; so a table counts as
//! poisoned only if denials are frequent among rows that lie *deep* in the other class (see [`Flips::alarm`]).

use crate::frame::Frame;
use crate::metrics::wilson;
use crate::model::FitError;
use crate::random::Random;

use super::folds::{Folds, Held, log_odds, probability};

/// Probability of a row's own label up to which it is suspect.
const OWN_MAX: f64 = 0.5;

/// Folds of a round.
const FOLDS: usize = 5;

/// Odds against a label, beside the table's own odds, from which on a row lies deep in the other class: 20 to 1.
const DEEP: f64 = 3.0;

/// Share of deep rows with the other label up to which a table is ordinary.
const DENIED_MAX: f64 = 0.006;

/// Of all suspect rows so many must lie deep: on a hard table most are near the border (clean ADBench sets of some size: up to
/// 0.45; 5 % flips: 0.63 to 0.95).
const DEEP_SHARE_MIN: f64 = 0.58;

/// Fewer deep rows with the other label are an accident.
const DEEP_MIN: u64 = 16;

/// A table's own log-odds count up to this: where one row in a thousand is hostile nothing else would ever lie deep.
const PRIOR_MAX: f64 = 2.5;

/// Probability of the other label from which on a row is named where a table is poisoned.
const NAMED: f64 = 0.85;

/// Rows whose labels are doubted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flips {
    /// For each row: how strongly the models deny its label, 0 to 1 (1 − probability of its own label).
    pub denial: Vec<f64>,
    /// Suspect rows, most suspect first.
    pub suspects: Vec<usize>,
    /// Rows that lie deep in the normal and in the hostile class, each with how many of them carry the other label.
    pub deep: [(u64, u64); 2],
}

/// Looks for flipped labels.
///
/// # Errors
/// When the table cannot be learned from.
pub fn flips(frame: &Frame, labels: &[bool], random: &mut Random) -> Result<Flips, FitError> {
    let first = odds(frame, labels, &[], random)?;
    let own = |odds: f64, label: bool| if label { odds } else { -odds };
    let doubted: Vec<bool> = first.iter().zip(labels).map(|(odds, label)| own(*odds, *label) <= 0.0).collect();
    let second = odds(frame, labels, &doubted, random)?;
    // The mean of the two rounds' odds: each round has its own folds.
    let both: Vec<f64> = first.iter().zip(&second).map(|(a, b)| (a + b) / 2.0).collect();
    let denial: Vec<f64> = both.iter().zip(labels).map(|(odds, label)| probability(-own(*odds, *label))).collect();
    let mut suspects: Vec<usize> =
        (0..denial.len()).filter(|row| denial.get(*row).is_some_and(|denial| *denial >= 1.0 - OWN_MAX)).collect();
    let of = |row: usize| denial.get(row).copied().unwrap_or(0.0);
    suspects.sort_by(|a, b| of(*b).total_cmp(&of(*a)).then(a.cmp(b)));
    let hostile = labels.iter().filter(|label| **label).count() as f64;
    let prior = ((hostile + 1.0) / (labels.len() as f64 - hostile + 1.0)).ln().clamp(-PRIOR_MAX, PRIOR_MAX);
    let mut deep = [(0, 0); 2];
    for (odds, label) in both.iter().zip(labels) {
        // Both beside the table's own odds and in themselves: where attacks are rare, few rows are certain attacks.
        let strength = if *odds > 0.0 { odds.min(odds - prior) } else { odds.max(odds - prior) };
        if strength.abs() > DEEP && strength.signum() == odds.signum() {
            let deep = if *odds > 0.0 { &mut deep[1] } else { &mut deep[0] };
            deep.0 += 1;
            deep.1 += u64::from((*odds > 0.0) != *label);
        }
    }
    Ok(Flips { denial, suspects, deep })
}

impl Flips {
    /// Whether labels were flipped: among rows that lie deep in a class the other label is more frequent than in clean tables
    /// (lower end of the 95 % interval), and most suspect rows lie deep.
    pub fn alarm(&self) -> bool {
        let against: u64 = self.deep.iter().map(|(_, against)| against).sum();
        let above = |(deep, against): &(u64, u64)| wilson(*against, *deep).0 > DENIED_MAX;
        against >= DEEP_MIN
            && self.deep.iter().any(above)
            && against as f64 >= DEEP_SHARE_MIN * self.suspects.len() as f64
    }

    /// The rows to name where [`Flips::alarm`] holds, most suspect first.
    pub fn named(&self) -> &[usize] {
        let is_named = |row: &usize| self.denial.get(*row).is_some_and(|denial| *denial >= NAMED);
        let count = self.suspects.partition_point(is_named);
        self.suspects.get(..count).unwrap_or_default()
    }
}

fn odds(frame: &Frame, labels: &[bool], left_out: &[bool], random: &mut Random) -> Result<Vec<f64>, FitError> {
    log_odds(frame, labels, &Folds { held: Held::Rows, left_out, folds: FOLDS }, random)
}
