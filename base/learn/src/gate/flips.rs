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

/// Rows whose labels are doubted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flips {
    /// For each row: how strongly the models deny its label, 0 to 1 (1 − probability of its own label).
    pub denial: Vec<f64>,
    /// Suspect rows, most suspect first.
    pub suspects: Vec<usize>,
    /// Rows that lie deep in a class, and how many of them carry the other label.
    pub deep: (u64, u64),
}

/// Looks for flipped labels.
///
/// # Errors
/// When the table cannot be learned from.
pub fn flips(frame: &Frame, labels: &[bool], random: &mut Random) -> Result<Flips, FitError> {
    let first = own_probability(frame, labels, &[], random)?;
    let doubted: Vec<bool> = first.iter().map(|own| *own <= OWN_MAX).collect();
    let second = own_probability(frame, labels, &doubted, random)?;
    // Geometric mean of the two rounds' odds: each round has its own folds.
    let denial: Vec<f64> = first.iter().zip(&second).map(|(a, b)| 1.0 - (a * b).sqrt()).collect();
    let mut suspects: Vec<usize> = (0..second.len())
        .filter(|row| denial.get(*row).is_some_and(|denial| *denial >= 1.0 - OWN_MAX))
        .collect();
    let of = |row: usize| denial.get(row).copied().unwrap_or(0.0);
    suspects.sort_by(|a, b| of(*b).total_cmp(&of(*a)).then(a.cmp(b)));
    let is_deep = |own: f64| !(DEEP..=1.0 - DEEP).contains(&own);
    let deep = second.iter().filter(|own| is_deep(**own)).count() as u64;
    let against = second.iter().filter(|own| **own < DEEP).count() as u64;
    Ok(Flips { denial, suspects, deep: (deep, against) })
}

/// Probabilities below this are certain denials.
const DEEP: f64 = 0.05;

/// Share of certain denials among certain rows up to which a table is ordinary.
const DENIED_MAX: f64 = 0.006;

impl Flips {
    /// Whether labels were flipped at random: the lower end of the 95 % interval of certain denials among certain rows is above
    /// what clean tables show, and most rows are certain at all.
    pub fn alarm(&self) -> bool {
        let (deep, against) = self.deep;
        wilson(against, deep).0 > DENIED_MAX && deep as usize * 2 >= self.denial.len()
    }
}

fn own_probability(
    frame: &Frame,
    labels: &[bool],
    left_out: &[bool],
    random: &mut Random,
) -> Result<Vec<f64>, FitError> {
    let odds = log_odds(frame, labels, &Folds { held: Held::Rows, left_out, folds: FOLDS }, random)?;
    Ok(odds.iter().zip(labels).map(|(odds, label)| probability(if *label { *odds } else { -odds })).collect())
}
