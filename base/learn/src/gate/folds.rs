//! What models say of rows that they have not seen: each row is scored by a forest that was grown without its fold.
//!
//! Folds are drawn row by row, or group by group: a group (a cluster, a source) is then judged by a model that never saw any
//! of it. Rows may be left out of all training and are still scored.
//!
//! Cost: folds × one boosted fit; 25,192 rows of 41 features, five folds: about 2 s.

use crate::forest::{Boosted, BoostedSettings, Table};
use crate::frame::Frame;
use crate::model::{FitError, Model};
use crate::random::Random;

/// Log-odds beyond this tell nothing more.
pub(super) const ODDS_MAX: f64 = 12.0;

/// The group that is never held out.
pub const NEVER: u32 = u32::MAX;

/// How rows are held out.
#[derive(Clone, Copy, Debug)]
pub enum Held<'a> {
    /// Each row for itself.
    Rows,
    /// All rows of a group together; one number a row. Rows of group [`NEVER`] are always learned from and not scored.
    Groups(&'a [u32]),
}

/// Choices of a cross-validation.
#[derive(Clone, Copy, Debug)]
pub struct Folds<'a> {
    /// How rows are held out.
    pub held: Held<'a>,
    /// Rows that no model may learn from (they are scored all the same); empty: none.
    pub left_out: &'a [bool],
    /// How many folds.
    pub folds: usize,
}

/// Boosting that resists wrong labels: few, wide leaves, and each tree sees half of the columns.
pub(super) fn settings() -> BoostedSettings {
    BoostedSettings { trees: 120, leaves: 15, rate: 0.1, columns: 0.5, l2: 1.0, ..BoostedSettings::default() }
}

/// The log-odds of being hostile of each row, from models that had not seen it; within ±12.
///
/// # Errors
/// When the table cannot be learned from.
pub fn log_odds(frame: &Frame, labels: &[bool], folds: &Folds<'_>, random: &mut Random) -> Result<Vec<f64>, FitError> {
    if labels.len() != frame.rows() {
        return Err(FitError::Labels { labels: labels.len(), rows: frame.rows() });
    }
    let fold_of = assigned(frame.rows(), labels, folds, random);
    let seed = random.clone();
    random.bits();
    let mut out = vec![0.0; frame.rows()];
    let settings = settings();
    for fold in 0..folds.folds {
        let is_own = |row: usize| fold_of.get(row).is_some_and(|own| *own == fold);
        let is_out = |row: usize| folds.left_out.get(row).copied().unwrap_or(false);
        let mut train: Vec<usize> = (0..frame.rows()).filter(|row| !is_own(*row) && !is_out(*row)).collect();
        let test: Vec<usize> = (0..frame.rows()).filter(|row| is_own(*row)).collect();
        if test.is_empty() {
            continue;
        }
        let of = |rows: &[usize]| -> Vec<bool> { rows.iter().filter_map(|row| labels.get(*row).copied()).collect() };
        let mut own = of(&train);
        if own.iter().all(|label| Some(label) == own.first()) {
            // Nothing of one class was left: better a model that also saw what is doubted than none.
            train = (0..frame.rows()).filter(|row| !is_own(*row)).collect();
            own = of(&train);
        }
        let hostile = own.iter().filter(|label| **label).count();
        let scores = if hostile == 0 || hostile == own.len() {
            // Only one class is left to learn from: nothing can be said against a label.
            vec![0.0; test.len()]
        } else {
            let seen = frame.select(&train);
            let table = Table { frame: &seen, labels: Some(&own) };
            Boosted::fit(table, &settings, &mut seed.part(fold as u64))?.score_rows(&frame.select(&test))
        };
        for (row, score) in test.iter().zip(scores) {
            if let Some(out) = out.get_mut(*row) {
                *out = score.clamp(-ODDS_MAX, ODDS_MAX);
            }
        }
    }
    Ok(out)
}

/// Each row's fold: classes spread evenly, or groups dealt out, the largest first, to the fold with fewest rows.
fn assigned(rows: usize, labels: &[bool], folds: &Folds<'_>, random: &mut Random) -> Vec<usize> {
    let mut out = vec![0; rows];
    match folds.held {
        Held::Rows => {
            let mut order: Vec<usize> = (0..rows).collect();
            random.shuffle(&mut order);
            let (mut normal, mut hostile) = (0usize, 0usize);
            for row in order {
                let count = if labels.get(row) == Some(&true) { &mut hostile } else { &mut normal };
                if let Some(out) = out.get_mut(row) {
                    *out = *count % folds.folds.max(1);
                }
                *count += 1;
            }
        }
        Held::Groups(groups) => {
            let most = groups.iter().copied().filter(|group| *group != NEVER).max().map_or(0, |most| most as usize + 1);
            let mut sizes = vec![0usize; most];
            groups.iter().for_each(|group| {
                if let Some(size) = sizes.get_mut(*group as usize) {
                    *size += 1;
                }
            });
            let mut order: Vec<usize> = (0..most).collect();
            order.sort_by_key(|group| std::cmp::Reverse(sizes.get(*group).copied().unwrap_or(0)));
            let mut loads = vec![0usize; folds.folds.max(1)];
            let mut fold_of = vec![0usize; most];
            for group in order {
                let least = (0..loads.len()).min_by_key(|fold| loads.get(*fold).copied().unwrap_or(0)).unwrap_or(0);
                if let (Some(fold), Some(load)) = (fold_of.get_mut(group), loads.get_mut(least)) {
                    *fold = least;
                    *load += sizes.get(group).copied().unwrap_or(0);
                }
            }
            for (out, group) in out.iter_mut().zip(groups) {
                *out = fold_of.get(*group as usize).copied().unwrap_or(usize::MAX);
            }
        }
    }
    out
}

/// The probability of log-odds.
pub(super) fn probability(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}
