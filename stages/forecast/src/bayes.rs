//! Naive Bayes: each observed technique changes the odds of each other, as if they were independent. Counts are smoothed by one
//! report that has everything as often as all together.

use crate::matrix::{Matrix, gram};
use crate::reports::Reports;

/// Log odds without and with observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Bayes {
    /// Log odds of each technique in a report of which nothing is known.
    pub prior: Vec<f64>,
    /// What an observed technique (row) adds for another (column).
    pub links: Matrix,
}

/// Fits it; O(Σ size² + n²).
pub fn fit(techniques: usize, reports: &Reports) -> Bayes {
    let counts = gram(techniques, reports.weighted());
    let total: f64 = reports.weighted().map(|(_, weight)| weight).sum();
    let each: Vec<f64> = counts.iter().step_by(techniques + 1).copied().collect();
    let share: Vec<f64> = each.iter().map(|count| (count + 1.0) / (total + 2.0)).collect();
    let mut values = vec![0.0; techniques * techniques];
    for ((row, own), own_share) in values.chunks_exact_mut(techniques.max(1)).zip(0..).zip(&share) {
        let own_count = each.get(own).copied().unwrap_or(0.0);
        let both = counts.get(own * techniques..(own + 1) * techniques).unwrap_or(&[]);
        for ((cell, both), other) in row.iter_mut().zip(both).zip(&each) {
            // How often the observed one stands in reports with the candidate, and in those without.
            let with = (both + own_share) / (other + 1.0);
            let without = (own_count - both + own_share) / (total - other + 1.0);
            *cell = (with / without).ln();
        }
    }
    Bayes {
        prior: share.iter().map(|share| (share / (1.0 - share)).ln()).collect(),
        links: Matrix::without_diagonal(techniques, &values),
    }
}
