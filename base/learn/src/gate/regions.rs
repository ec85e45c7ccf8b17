//! Label shift against a reference: what a model of the last trusted table says of this one, region by region.
//!
//! A kind of row whose label changed between two versions of a data set is plain to a model of the old version, even where
//! the new version alone shows nothing. Regions are clusters made without labels.
//!
//! Cost: one boosted fit and a clustering.

use crate::forest::{Boosted, Table};
use crate::frame::Frame;
use crate::metrics::wilson;
use crate::model::{FitError, Model};
use crate::random::Random;

use super::folds::{ODDS_MAX, settings};
use super::space::Space;

/// Regions of a table.
const REGIONS: usize = 40;

/// Rows that are clustered: longer tables are judged row by row only.
const CLUSTERED_MAX: usize = 200_000;

/// Share of a region's labels that the reference denies from which on the region's labels have changed.
const DENIED_MIN: f64 = 0.25;

/// Log-odds of the reference's model from which on it is certain.
const CERTAIN: f64 = 2.0;

/// Rows whose label the reference denies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shift {
    /// Log-odds against each row's label by a model of the reference.
    pub score: Vec<f64>,
    /// Rows that are denied with certainty and lie in a region where many are; the most denied first.
    pub rows: Vec<usize>,
}

/// Compares labels with those that a reference would give.
///
/// # Errors
/// When the reference cannot be learned from.
pub fn shift(
    reference: (&Frame, &[bool]),
    frame: &Frame,
    labels: &[bool],
    random: &mut Random,
) -> Result<Shift, FitError> {
    let table = Table { frame: reference.0, labels: Some(reference.1) };
    let model = Boosted::fit(table, &settings(), random)?;
    let score: Vec<f64> = model
        .score_rows(frame)
        .iter()
        .zip(labels)
        .map(|(odds, label)| if *label { -odds } else { *odds }.clamp(-ODDS_MAX, ODDS_MAX))
        .collect();
    if frame.rows() > CLUSTERED_MAX {
        return Ok(Shift { score, rows: Vec::new() });
    }
    let regions = Space::new(frame).clusters(REGIONS, random);
    let mut counts = vec![[(0u64, 0u64); 2]; REGIONS];
    for ((region, odds), label) in regions.iter().zip(&score).zip(labels) {
        let own = counts.get_mut(*region as usize).and_then(|own| own.get_mut(usize::from(*label)));
        if let Some((rows, denied)) = own {
            *rows += 1;
            *denied += u64::from(*odds > CERTAIN);
        }
    }
    let is_changed = |row: &usize| {
        let (Some(region), Some(label)) = (regions.get(*row), labels.get(*row)) else { return false };
        let own = counts.get(*region as usize).and_then(|own| own.get(usize::from(*label)));
        own.is_some_and(|(rows, denied)| wilson(*denied, *rows).0 > DENIED_MIN && *denied >= 5)
    };
    let of = |row: usize| score.get(row).copied().unwrap_or(0.0);
    let mut rows: Vec<usize> = (0..score.len()).filter(|row| of(*row) > CERTAIN && is_changed(row)).collect();
    rows.sort_by(|a, b| of(*b).total_cmp(&of(*a)).then(a.cmp(b)));
    Ok(Shift { score, rows })
}
