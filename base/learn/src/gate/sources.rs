//! How much one source moves what is learned: each source is left out, and the others judge its labels.
//!
//! Cost: a boosted fit a source, at most [`SOURCES_MAX`], and one of all.

use crate::forest::{Boosted, Table};
use crate::frame::Frame;
use crate::metrics::wilson;
use crate::model::{FitError, Model};
use crate::random::Random;

use super::folds::settings;

/// Sources that are judged, the largest first.
pub const SOURCES_MAX: usize = 32;

/// Share of rows from which on a source alone can turn a model, whatever the number of sources.
const SHARE_MAX: f64 = 0.25;

/// Times its fair share that a source may send.
const FAIR_MAX: f64 = 2.0;

/// Share of a source's labels that all others deny, above the median source's, from which on it is suspect.
const DENIED_MAX: f64 = 0.05;

/// What is known of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Its number.
    pub source: u32,
    /// Its rows.
    pub rows: usize,
    /// Its share of all rows.
    pub share: f64,
    /// Its share of hostile labels.
    pub hostile: f64,
    /// Share of its labels that a model of all other sources denies.
    pub denied: f64,
    /// Share of the other sources' rows that are judged otherwise because of it.
    pub moves: f64,
    /// Whether it sends more than one source should.
    pub is_heavy: bool,
    /// Whether its labels contradict all others.
    pub is_contrary: bool,
}

/// Judges each source by the others.
///
/// # Errors
/// When the table cannot be learned from.
pub fn sources(frame: &Frame, labels: &[bool], of: &[u32], random: &mut Random) -> Result<Vec<Source>, FitError> {
    let mut sizes: Vec<(usize, u32)> = Vec::new();
    let mut sorted = of.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).for_each(|run| sizes.extend(run.first().map(|source| (run.len(), *source))));
    sizes.sort_by_key(|(size, source)| (std::cmp::Reverse(*size), *source));
    let count = sizes.len();
    let all = score(frame, labels, None, of, random)?;
    let mut out = Vec::new();
    for (size, source) in sizes.into_iter().take(SOURCES_MAX) {
        let without = score(frame, labels, Some(source), of, random)?;
        let (mut denied, mut hostile, mut moved) = (0u64, 0u64, 0u64);
        for (((own, label), all), without) in of.iter().zip(labels).zip(&all).zip(&without) {
            if *own == source {
                hostile += u64::from(*label);
                denied += u64::from((*without > 0.0) != *label);
            } else {
                moved += u64::from((*without > 0.0) != (*all > 0.0));
            }
        }
        let share = size as f64 / of.len().max(1) as f64;
        out.push((
            denied,
            Source {
                source,
                rows: size,
                share,
                hostile: hostile as f64 / size as f64,
                denied: denied as f64 / size as f64,
                moves: moved as f64 / (of.len() - size).max(1) as f64,
                is_heavy: count > 1 && share > SHARE_MAX.max(FAIR_MAX / count as f64),
                is_contrary: false,
            },
        ));
    }
    let mut denials: Vec<f64> = out.iter().map(|(_, one)| one.denied).collect();
    denials.sort_by(f64::total_cmp);
    // The lower median: one bad source of two must not set the measure.
    let usual = denials.get(denials.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    let judged = out.into_iter().map(|(denied, one)| {
        let low = wilson(denied, one.rows as u64).0;
        Source { is_contrary: count > 1 && low > DENIED_MAX + 2.0 * usual, ..one }
    });
    Ok(judged.collect())
}

/// The log-odds of all rows by a model without one source.
fn score(
    frame: &Frame,
    labels: &[bool],
    without: Option<u32>,
    of: &[u32],
    random: &mut Random,
) -> Result<Vec<f64>, FitError> {
    let rows: Vec<usize> = (0..frame.rows()).filter(|row| of.get(*row).copied() != without).collect();
    let own: Vec<bool> = rows.iter().filter_map(|row| labels.get(*row).copied()).collect();
    let seen = frame.select(&rows);
    let table = Table { frame: &seen, labels: Some(&own) };
    match Boosted::fit(table, &settings(), random) {
        Ok(model) => Ok(model.score_rows(frame)),
        // The others have one class only: they cannot deny anything.
        Err(FitError::OneClass { .. } | FitError::TooFew { .. }) if without.is_some() => {
            Ok(labels.iter().map(|label| if *label { 1.0 } else { -1.0 }).collect())
        }
        Err(error) => Err(error),
    }
}
