//! Which tactics come together: techniques of tactics that go with the observed ones rank a little higher. Tactics are those of the
//! technique table, whatever they are.

use std::collections::BTreeMap;

use crate::matrix::Matrix;
use crate::reports::Reports;
use crate::techniques::Techniques;

/// From observed technique (row) to candidate (column): the mean log lift of its tactics over those of the observed one.
/// O(Σ size² + n² × tactics²).
pub fn fit(table: &Techniques, reports: &Reports) -> Matrix {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for tactic in table.all().iter().flat_map(|one| &one.tactics) {
        let next = numbers.len();
        numbers.entry(tactic).or_insert(next);
    }
    let tactics = numbers.len();
    let of: Vec<Vec<usize>> = table
        .all()
        .iter()
        .map(|one| one.tactics.iter().filter_map(|tactic| numbers.get(tactic.as_str()).copied()).collect())
        .collect();
    let mut both = vec![1.0f64; tactics * tactics];
    let (mut each, mut total) = (vec![2.0f64; tactics], 4.0f64);
    for (set, weight) in reports.weighted() {
        let mut has: Vec<usize> = set.iter().filter_map(|one| of.get(usize::from(*one))).flatten().copied().collect();
        has.sort_unstable();
        has.dedup();
        total += weight;
        for a in &has {
            if let Some(each) = each.get_mut(*a) {
                *each += weight;
            }
            for b in &has {
                if let Some(both) = both.get_mut(a * tactics + b) {
                    *both += weight;
                }
            }
        }
    }
    let lift = |a: usize, b: usize| {
        let get = |list: &[f64], at: usize| list.get(at).copied().unwrap_or(1.0);
        (get(&both, a * tactics + b) * total / (get(&each, a) * get(&each, b))).ln()
    };
    let size = table.len();
    let mut values = vec![0.0; size * size];
    for (row, from) in values.chunks_exact_mut(size.max(1)).zip(&of) {
        for (cell, to) in row.iter_mut().zip(&of) {
            let pairs = from.len() * to.len();
            if pairs > 0 {
                let sum: f64 =
                    from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))).map(|(a, b)| lift(a, b)).sum();
                *cell = sum / pairs as f64;
            }
        }
    }
    Matrix::without_diagonal(size, &values)
}
