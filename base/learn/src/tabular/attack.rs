//! What a model withstands: an attacker who raises the features that he controls.
//!
//! Greedy and white box: in each step every controlled feature not yet used is tried at every candidate above its value, and the
//! one that lowers the score most is kept. Candidates are quantiles of ordinary rows and values beyond all of them, because trees
//! only change where ordinary and hostile rows part. Not optimal, so a recall under this attack is an upper bound of the
//! robust recall; a floor that holds against every such attacker is [`Tabular::floor`](super::Tabular::floor).

use crate::frame::Frame;

/// Candidates of a feature: quantiles of ordinary rows, and two values beyond.
const CANDIDATES: usize = 32;

/// What an attacker may do.
#[derive(Clone, Debug)]
pub struct Attack {
    /// Each controlled feature with its candidates, ascending.
    candidates: Vec<(usize, Vec<f64>)>,
    /// Features that he changes at most.
    features_max: usize,
}

impl Attack {
    /// An attacker who raises up to `features_max` of these features, knowing the ordinary rows.
    pub fn new(ordinary: &Frame, features: &[usize], features_max: usize) -> Self {
        let candidates = features.iter().map(|feature| {
            let mut sorted: Vec<f64> =
                ordinary.column(*feature).iter().copied().filter(|value| !value.is_nan()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let last = sorted.len().saturating_sub(1);
            let quantile = |at: usize| sorted.get(last * at / CANDIDATES).copied().unwrap_or(0.0);
            let mut own: Vec<f64> = (0..=CANDIDATES).map(quantile).collect();
            let most = own.last().copied().unwrap_or(0.0).max(0.0);
            own.extend([most * 2.0 + 1.0, most * 100.0 + 100.0]);
            own.dedup();
            (*feature, own)
        });
        Self { candidates: candidates.collect(), features_max }
    }

    /// The row as the attacker leaves it, and its score.
    pub fn run(&self, score: impl Fn(&[f64]) -> f64, row: &[f64]) -> (Vec<f64>, f64) {
        let mut best = (row.to_vec(), score(row));
        let mut used: Vec<usize> = Vec::new();
        let mut trial = row.to_vec();
        for _ in 0..self.features_max {
            let mut step: Option<(usize, f64, f64)> = None;
            for (feature, candidates) in self.candidates.iter().filter(|(feature, _)| !used.contains(feature)) {
                let Some(value) = best.0.get(*feature).copied() else { continue };
                for candidate in candidates.iter().filter(|candidate| **candidate > value) {
                    trial.clone_from(&best.0);
                    if let Some(place) = trial.get_mut(*feature) {
                        *place = *candidate;
                    }
                    let own = score(&trial);
                    if own < step.map_or(best.1, |(_, _, least)| least) {
                        step = Some((*feature, *candidate, own));
                    }
                }
            }
            let Some((feature, candidate, least)) = step else { break };
            if let Some(place) = best.0.get_mut(feature) {
                *place = candidate;
            }
            best.1 = least;
            used.push(feature);
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Feature, FeatureKind, Schema};

    #[test]
    fn the_attacker_finds_the_way_down_and_never_lowers_a_feature() {
        let feature = |name: &str| Feature { name: name.into(), kind: FeatureKind::Numeric };
        let schema = Schema { features: vec![feature("a"), feature("b"), feature("c")] };
        let column: Vec<f64> = (0..100).map(f64::from).collect();
        let frame = Frame::new(schema, vec![column; 3]).unwrap();
        let score = |row: &[f64]| 10.0 - row[0].min(50.0) / 10.0 - row[1].min(20.0) / 10.0 + row[2];
        let (row, least) = Attack::new(&frame, &[0, 1, 2], 1).run(score, &[0.0; 3]);
        assert!(row[0] >= 50.0 && row[1] == 0.0 && row[2] == 0.0 && least == 5.0);
        let (row, least) = Attack::new(&frame, &[0, 1, 2], 3).run(score, &[0.0, 0.0, 7.0]);
        assert!(row[0] >= 50.0 && row[1] >= 20.0 && row[2] == 7.0 && least == 10.0);
    }
}
