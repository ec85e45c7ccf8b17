//! How much each column counts: columns that are copies of each other should count once together, not once each.
//!
//! The weight is 1/Σ r², over the correlations r of a column's surprise with every column's (itself included): n exact copies
//! get 1/n each, independent columns 1. Only what is surprising together is shared information here, so correlations are of
//! surprises, not of values. Costs rows × columns², hence a sample of rows and a bound on columns.

use super::column::Column;
use crate::frame::Frame;
use crate::random::Random;

/// Rows that correlations are taken from: r is then known to about 0.02.
const ROWS_SAMPLED_MAX: usize = 2048;

/// Columns up to which weights are made (2048 × 512² / 2 = 0.3 G multiplications); wider tables count all alike.
const COLUMNS_WEIGHED_MAX: usize = 512;

/// A weight for each column.
pub(super) fn weights(frame: &Frame, columns: &[Column], random: &mut Random) -> Vec<f64> {
    if columns.len() > COLUMNS_WEIGHED_MAX {
        return vec![1.0; columns.len()];
    }
    let rows = random.sample(frame.rows(), ROWS_SAMPLED_MAX);
    let surprises: Vec<Vec<f64>> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let values = frame.column(at);
            let terms = rows.iter().map(|row| column.term(values.get(*row).copied().unwrap_or(f64::NAN)));
            standardised(terms.collect())
        })
        .collect();
    let mut sums = vec![1.0; columns.len()];
    for (a, first) in surprises.iter().enumerate() {
        for (b, second) in surprises.iter().enumerate().skip(a + 1) {
            let r: f64 = first.iter().zip(second).map(|(x, y)| x * y).sum();
            for at in [a, b] {
                if let Some(sum) = sums.get_mut(at) {
                    *sum += r * r;
                }
            }
        }
    }
    sums.into_iter().map(|sum: f64| 1.0 / sum).collect()
}

/// Mean 0 and length 1; all 0 where nothing varies.
fn standardised(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|value| *value -= mean);
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length < 1e-9 {
        return Vec::new();
    }
    values.iter_mut().for_each(|value| *value /= length);
    values
}
