//! How much each part weighs, where sequences known to be hostile are given.
//!
//! A logistic regression with weights that cannot be negative, drawn towards equal weights. Its weights are blended half
//! and half with equal ones, so no part falls below half its say and attacks of kinds that were not given are still found
//! by every part. They are taken only if, cross-validated, they separate better than equal weights; else all stay 1.

use super::model::{PARTS, values};
use crate::metrics::Ranking;

/// Fewest hostile sequences to choose weights by.
const HOSTILE_MIN: usize = 10;

/// Sequences of each class that are looked at: more change six weights no more.
const ROWS_MAX: usize = 4096;

/// Cross-validation's folds.
const FOLDS: usize = 5;

/// How strongly weights are drawn to be equal.
const PULL: f64 = 0.1;

/// Steps of descent.
const STEPS: usize = 200;

/// By how much the area under the curve must improve.
const GAIN: f64 = 1e-4;

type Parts = [f64; PARTS];

/// Weights of mean 1, each at least ½; all 1 where the hostile sequences teach nothing.
pub(super) fn choose(ordinary: &[Parts], hostile: &[Parts]) -> Parts {
    let equal = [1.0; PARTS];
    if hostile.len() < HOSTILE_MIN || ordinary.len() < HOSTILE_MIN {
        return equal;
    }
    let thin = |rows: &[Parts]| -> Vec<Parts> { rows.iter().step_by(rows.len().div_ceil(ROWS_MAX)).copied().collect() };
    let (ordinary, hostile) = (thin(ordinary), thin(hostile));
    let (mut learned, mut plain, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let others = |rows: &[Parts]| -> Vec<Parts> {
            rows.iter().enumerate().filter(|(at, _)| at % FOLDS != fold).map(|(_, row)| *row).collect()
        };
        let weights = blended(&others(&ordinary), &others(&hostile));
        for (rows, label) in [(&ordinary, false), (&hostile, true)] {
            for row in rows.iter().skip(fold).step_by(FOLDS) {
                learned.push(score(row, &weights));
                plain.push(score(row, &equal));
                labels.push(label);
            }
        }
    }
    let gain = Ranking::new(&learned, &labels).auc() - Ranking::new(&plain, &labels).auc();
    if gain > GAIN { blended(&ordinary, &hostile) } else { equal }
}

fn score(row: &Parts, weights: &Parts) -> f64 {
    values(row, weights).iter().sum()
}

fn dot(row: &Parts, weights: &Parts) -> f64 {
    row.iter().zip(weights).map(|(part, weight)| part * weight).sum()
}

fn blended(ordinary: &[Parts], hostile: &[Parts]) -> Parts {
    let weights = logistic(ordinary, hostile);
    let mean = weights.iter().sum::<f64>() / PARTS as f64;
    weights.map(|weight| if mean > 0.0 { 0.5 + 0.5 * weight / mean } else { 1.0 })
}

/// Projected gradient descent; both classes weigh the same. The step is safe for rows scaled to a mean square of 1.
fn logistic(ordinary: &[Parts], hostile: &[Parts]) -> Parts {
    let all = || ordinary.iter().chain(hostile);
    let rows = (ordinary.len() + hostile.len()).max(1) as f64;
    let square: f64 = all().map(|row| dot(row, row)).sum::<f64>() / rows;
    let scale = 1.0 / square.sqrt().max(1e-9);
    let (mut weights, mut bias) = ([1.0; PARTS], 0.0);
    for _ in 0..STEPS {
        let (mut slope, mut lift) = ([0.0; PARTS], 0.0);
        for (rows, label) in [(ordinary, 0.0), (hostile, 1.0)] {
            let share = 0.5 / rows.len().max(1) as f64;
            for row in rows {
                let chance = 1.0 / (1.0 + (-(scale * dot(row, &weights) + bias)).exp());
                let error = share * (chance - label);
                slope.iter_mut().zip(row).for_each(|(slope, part)| *slope += error * scale * part);
                lift += error;
            }
        }
        let mean = weights.iter().sum::<f64>() / PARTS as f64;
        weights.iter_mut().zip(slope).for_each(|(weight, slope)| {
            *weight = (*weight - slope - PULL / PARTS as f64 * (*weight - mean)).max(0.0);
        });
        bias -= lift;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn rows(random: &mut Random, count: usize, lift: f64) -> Vec<Parts> {
        (0..count)
            .map(|_| [(); PARTS].map(|()| -random.unit().max(1e-9).ln()))
            .map(|mut row| {
                row[2] += lift;
                row
            })
            .collect()
    }

    #[test]
    fn the_part_that_tells_weighs_more_and_none_weighs_nothing() {
        let mut random = Random::new(1);
        let weights = choose(&rows(&mut random, 300, 0.0), &rows(&mut random, 60, 2.0));
        assert!(weights.iter().all(|weight| *weight >= 0.5), "{weights:?}");
        assert!((0..PARTS).all(|at| at == 2 || weights[2] > weights[at] + 0.5), "{weights:?}");
    }

    #[test]
    fn hostile_sequences_that_look_normal_change_nothing() {
        let mut random = Random::new(1);
        let same = rows(&mut random, 300, 0.0);
        assert_eq!(choose(&same, &same), [1.0; PARTS]);
        assert_eq!(choose(&same, &rows(&mut random, 3, 9.0)), [1.0; PARTS]);
        assert_eq!(choose(&[], &[]), [1.0; PARTS]);
    }
}
