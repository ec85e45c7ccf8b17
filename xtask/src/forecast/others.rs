//! Rankers to compare with: they are not shipped.

use shieldwall_forecast::matrix::{gram, inverse};
use shieldwall_learn::Random;

/// Scores by technique of a case's seen techniques.
pub type Scores = Vec<f64>;

/// How often each technique is reported.
pub fn popularity(size: usize, sets: &[Vec<u16>]) -> Scores {
    let mut out = vec![0.0; size];
    for one in sets.iter().flatten() {
        out[usize::from(*one)] += 1.0;
    }
    out
}

/// Item neighbours: the cosine of techniques over reports, summed over what was seen.
pub struct Items {
    size: usize,
    cosine: Vec<f64>,
}

impl Items {
    /// Fits it.
    pub fn fit(size: usize, sets: &[Vec<u16>]) -> Self {
        let mut cosine = gram(size, sets.iter().map(|set| (set.as_slice(), 1.0)));
        let each: Vec<f64> = (0..size).map(|at| cosine[at * size + at].max(1.0)).collect();
        for a in 0..size {
            for b in 0..size {
                cosine[a * size + b] /= (each[a] * each[b]).sqrt() + 10.0;
            }
        }
        Self { size, cosine }
    }

    /// Scores of a case.
    pub fn scores(&self, seen: &[u16]) -> Scores {
        let mut out = vec![0.0; self.size];
        for one in seen {
            let row = &self.cosine[usize::from(*one) * self.size..(usize::from(*one) + 1) * self.size];
            out.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
        }
        out
    }
}

/// Weighted alternating least squares with four factors, as TIE's notebook sets it: every cell weighs one, what was
/// observed two (its confidence never enters the outer products), ridge 0.05 (Hu, Koren and Volinsky 2008).
pub struct Wals {
    factors: Vec<[f64; K]>,
}

const K: usize = 4;
const RIDGE: f64 = 0.05;
const ROUNDS: usize = 20;

impl Wals {
    /// Fits it.
    pub fn fit(size: usize, sets: &[Vec<u16>], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut factors: Vec<[f64; K]> = (0..size).map(|_| [(); K].map(|()| 0.2 * (random.unit() - 0.5))).collect();
        let mut holders = vec![Vec::new(); size];
        for (at, set) in sets.iter().enumerate() {
            set.iter().for_each(|one| holders[usize::from(*one)].push(at as u16));
        }
        for _ in 0..ROUNDS {
            let users = solve(&factors, sets);
            factors = solve(&users, &holders);
        }
        Self { factors }
    }

    /// Scores of a case, its factors solved for.
    pub fn scores(&self, seen: &[u16]) -> Scores {
        let own = solve(&self.factors, &[seen.to_vec()])[0];
        self.factors.iter().map(|factors| factors.iter().zip(&own).map(|(a, b)| a * b).sum()).collect()
    }
}

fn solve(factors: &[[f64; K]], sets: &[Vec<u16>]) -> Vec<[f64; K]> {
    let mut all = [0.0; K * K];
    for one in factors {
        for a in 0..K {
            for b in 0..K {
                all[a * K + b] += one[a] * one[b];
            }
        }
    }
    let of = |set: &Vec<u16>| {
        let (mut matrix, mut right) = (all.to_vec(), [0.0; K]);
        for one in set.iter().filter_map(|at| factors.get(usize::from(*at))) {
            for a in 0..K {
                right[a] += 2.0 * one[a];
                for b in 0..K {
                    matrix[a * K + b] += one[a] * one[b];
                }
            }
        }
        (0..K).for_each(|at| matrix[at * (K + 1)] += RIDGE);
        let inverse = inverse(K, matrix).unwrap_or_else(|| vec![0.0; K * K]);
        let mut out = [0.0; K];
        for a in 0..K {
            out[a] = (0..K).map(|b| inverse[a * K + b] * right[b]).sum();
        }
        out
    };
    sets.iter().map(of).collect()
}
