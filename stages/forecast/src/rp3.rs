//! RP3β: a random walk of three steps from the observed techniques over reports to others, its steps' chances raised to a power and
//! popular techniques held back (Paudel, Christoffel, Newell and Bernstein, "Updatable, accurate, diverse, and scalable
//! recommendations for interactive applications", 2016).

use crate::matrix::Matrix;
use crate::reports::Reports;

/// The power of a step's chance.
const ALPHA: f64 = 0.7;

/// How far popular techniques are held back: scores are divided by popularity to this power.
const BETA: f64 = 0.5;

/// The walk's matrix: from observed (row) to candidate (column). O(Σ size²) over the sets.
pub fn fit(techniques: usize, reports: &Reports) -> Matrix {
    let mut degree = vec![0.0f64; techniques];
    for (set, weight) in reports.weighted() {
        for one in set {
            if let Some(degree) = degree.get_mut(usize::from(*one)) {
                *degree += weight;
            }
        }
    }
    let of = |list: &[f64], at: u16| list.get(usize::from(at)).copied().unwrap_or(1.0).max(1e-9);
    let held: Vec<f64> = degree.iter().map(|degree| degree.max(1e-9).powf(BETA)).collect();
    let mut values = vec![0.0f64; techniques * techniques];
    for (set, weight) in reports.weighted() {
        let onward = (1.0 / set.len().max(1) as f64).powf(ALPHA);
        for from in set {
            let step = (weight / of(&degree, *from)).powf(ALPHA) * onward;
            for to in set {
                if let Some(cell) = values.get_mut(usize::from(*from) * techniques + usize::from(*to)) {
                    *cell += step / of(&held, *to);
                }
            }
        }
    }
    Matrix::without_diagonal(techniques, &values)
}
