//! Measures of a ranked list, and of probabilities.

use shieldwall_learn::Random;

use super::cases::Case;

/// Bootstrap drawings.
const DRAWINGS: usize = 2000;

/// Measures of one case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measures {
    /// Share of the hidden techniques among the first ten.
    pub recall_10: f64,
    /// Among the first twenty.
    pub recall_20: f64,
    /// Normalised discounted cumulative gain at twenty.
    pub ndcg_20: f64,
    /// One over the rank of the first that is right.
    pub reciprocal: f64,
}

/// Measures an order (best first, nothing observed in it) against what was hidden.
pub fn measure(order: &[u16], hidden: &[u16]) -> Measures {
    let hits: Vec<bool> = order.iter().map(|one| hidden.binary_search(one).is_ok()).collect();
    let recall = |top: usize| hits.iter().take(top).filter(|hit| **hit).count() as f64 / hidden.len().max(1) as f64;
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let gained: f64 = hits.iter().take(20).enumerate().filter(|(_, hit)| **hit).map(|(rank, _)| gain(rank)).sum();
    let most: f64 = (0..hidden.len().min(20)).map(gain).sum();
    let first = hits.iter().position(|hit| *hit);
    Measures {
        recall_10: recall(10),
        recall_20: recall(20),
        ndcg_20: if most > 0.0 { gained / most } else { 0.0 },
        reciprocal: first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0)),
    }
}

/// The means.
pub fn mean(all: &[Measures]) -> Measures {
    let of = |get: fn(&Measures) -> f64| all.iter().map(get).sum::<f64>() / all.len().max(1) as f64;
    Measures {
        recall_10: of(|one| one.recall_10),
        recall_20: of(|one| one.recall_20),
        ndcg_20: of(|one| one.ndcg_20),
        reciprocal: of(|one| one.reciprocal),
    }
}

/// The mean of differences with its 95 % interval, whole reports drawn anew.
pub fn paired(cases: &[Case], differences: &[f64], seed: u64) -> (f64, f64, f64) {
    let reports = cases.iter().map(|case| case.report).max().map_or(0, |last| last + 1);
    let mut sums = vec![(0.0, 0.0); reports];
    for (case, difference) in cases.iter().zip(differences) {
        if let Some(sum) = sums.get_mut(case.report) {
            *sum = (sum.0 + difference, sum.1 + 1.0);
        }
    }
    sums.retain(|sum| sum.1 > 0.0);
    let mut random = Random::new(seed);
    let mut means: Vec<f64> = (0..DRAWINGS)
        .map(|_| {
            let (mut sum, mut count) = (0.0, 0.0);
            for _ in 0..sums.len() {
                let one = sums.get(random.below(sums.len())).copied().unwrap_or_default();
                sum += one.0;
                count += one.1;
            }
            if count > 0.0 { sum / count } else { 0.0 }
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means.get((share * means.len() as f64) as usize).copied().unwrap_or(0.0);
    (differences.iter().sum::<f64>() / differences.len().max(1) as f64, at(0.025), at(0.975))
}

/// One bin of a reliability diagram: mean said, mean come, how many.
pub type Bin = (f64, f64, usize);

/// Bins of equal mass, and the expected calibration error over them.
pub fn reliability(said: &[(f64, bool)], bins: usize) -> (Vec<Bin>, f64) {
    let mut sorted = said.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = sorted.len().div_ceil(bins.max(1)).max(1);
    let bin = |part: &[(f64, bool)]| {
        let n = part.len() as f64;
        let mean = part.iter().map(|(p, _)| p).sum::<f64>() / n;
        (mean, part.iter().filter(|(_, came)| *came).count() as f64 / n, part.len())
    };
    let all: Vec<Bin> = sorted.chunks(size).map(bin).collect();
    let error =
        all.iter().map(|(said, came, n)| (said - came).abs() * *n as f64).sum::<f64>() / sorted.len().max(1) as f64;
    (all, error)
}
