//! Split-conformal p-values: where a new score would rank among scores of normals (Vovk, Gammerman and Shafer 2005).
//!
//! `p = (1 + #{reference ≥ score}) / (n + 1)`, and with weights (Barber, Candès, Ramdas and Tibshirani, "Conformal
//! prediction beyond exchangeability", 2023) the same with sums of weights, the new score taking the largest weight there
//! is. If a new normal is exchangeable with the reference, `P(p ≤ α) ≤ α` for every α, whatever the model.
//!
//! The reference must be normals that the model was *not* fitted on. Looking a score up costs a binary search.

use crate::tensors::{Array, LoadError, Tensors};

/// Scores that a reference may hold: p-values down to about one in a million, 16 MB. Of more, evenly spaced ranks are kept.
pub const REFERENCE_MAX: usize = 1 << 20;

/// Share of the reference whose excesses the ranking beyond its end is fitted to: enough of them for a mean, far enough
/// out to be tail.
const TAIL_SHARE: f64 = 0.05;

/// Excesses that the fit needs; with fewer the whole upper half is taken.
const TAIL_COUNT_MIN: usize = 20;

/// Scores of normals, sorted, with the weight at or above each.
#[derive(Clone, Debug, PartialEq)]
pub struct Conformal {
    /// Ascending, finite.
    scores: Vec<f64>,
    /// Sum of the weights from this score to the last.
    above: Vec<f64>,
    /// What a new score weighs.
    fresh: f64,
    /// Where the fitted tail begins, the surprise there, and its mean excess.
    tail: (f64, f64, f64),
}

impl Conformal {
    /// From scores of normals in any order; what is not finite is left out. Without any, every p-value is 1.
    pub fn new(scores: impl IntoIterator<Item = f64>) -> Self {
        Self::weighted(scores.into_iter().map(|score| (score, 1.0)))
    }

    /// From (score, weight) in any order; pairs that are not finite, or weigh nothing, are left out.
    pub fn weighted(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let usable = |pair: &(f64, f64)| pair.0.is_finite() && pair.1.is_finite() && pair.1 > 0.0;
        let mut pairs: Vec<(f64, f64)> = pairs.into_iter().filter(usable).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        if pairs.len() > REFERENCE_MAX {
            let of = pairs.len();
            pairs = (0..REFERENCE_MAX).filter_map(|at| pairs.get(at * of / REFERENCE_MAX).copied()).collect();
        }
        let fresh = pairs.iter().map(|pair| pair.1).fold(0.0, f64::max);
        Self::sorted(pairs, if fresh > 0.0 { fresh } else { 1.0 })
    }

    /// From ascending finite pairs.
    fn sorted(pairs: Vec<(f64, f64)>, fresh: f64) -> Self {
        let mut sum = 0.0;
        let mut above: Vec<f64> = pairs
            .iter()
            .rev()
            .map(|pair| {
                sum += pair.1;
                sum
            })
            .collect();
        above.reverse();
        let scores: Vec<f64> = pairs.into_iter().map(|pair| pair.0).collect();
        let mut made = Self { scores, above, fresh, tail: (0.0, 0.0, 1.0) };
        made.tail = made.fit_tail();
        made
    }

    /// How many scores it knows.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// How often a normal scores at least this: in (0, 1]. A score that is no number counts as the lowest.
    pub fn p_value(&self, score: f64) -> f64 {
        let from = self.scores.partition_point(|have| *have < score);
        let from = if score.is_nan() { 0 } else { from };
        (self.fresh + self.weight_from(from)) / (self.fresh + self.weight_from(0))
    }

    /// Like [`Conformal::p_value`] with ties (and the new score itself) counted half: even on normals also where scores
    /// repeat, hence for watching drift; it does not keep the guarantee.
    pub fn mid_p_value(&self, score: f64) -> f64 {
        if score.is_nan() {
            return 1.0;
        }
        let from = self.weight_from(self.scores.partition_point(|have| *have < score));
        let beyond = self.weight_from(self.scores.partition_point(|have| *have <= score));
        (self.fresh / 2.0 + (from + beyond) / 2.0) / (self.fresh + self.weight_from(0))
    }

    /// The smallest p-value that this reference supports.
    pub fn p_value_min(&self) -> f64 {
        self.fresh / (self.fresh + self.weight_from(0))
    }

    /// The lowest score with `p_value(score) ≤ alpha`, as a score strictly above a reference score or infinite: flag what is
    /// greater than this. Infinite where the reference is too small for `alpha`.
    pub fn threshold(&self, alpha: f64) -> f64 {
        let most = alpha * (self.fresh + self.weight_from(0)) - self.fresh;
        if most < 0.0 {
            return f64::INFINITY;
        }
        let at = self.above.partition_point(|weight| *weight > most);
        at.checked_sub(1).and_then(|at| self.scores.get(at)).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// −ln p, carried on beyond the reference's end by an exponential tail fitted to its highest scores. **For ranking
    /// only**: it tells the strange from the stranger where p-values are all 1/(n + 1). Never a p-value.
    pub fn ranking_surprise(&self, score: f64) -> f64 {
        let plain = -self.p_value(score).ln();
        let (from, surprise, mean) = self.tail;
        // The larger of two rising functions rises.
        if score > from { plain.max(surprise + (score - from) / mean) } else { plain }
    }

    /// Arrays to keep it as.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        out.put("scores", Array::F64(self.scores.clone()));
        // Equal weights need no array.
        let weights: Vec<f64> = (0..self.len()).map(|at| self.weight_from(at) - self.weight_from(at + 1)).collect();
        let even = weights.iter().all(|weight| *weight == self.fresh);
        out.put("above", Array::F64(if even { Vec::new() } else { self.above.clone() }));
        out.put("fresh", Array::F64(vec![self.fresh]));
        out
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When scores do not ascend, weights do not fall, or there are too many.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let bad = |name: &str, problem: &str| LoadError::new(format!("array `{name}`"), problem);
        let scores = tensors.f64s("scores")?;
        if scores.len() > REFERENCE_MAX {
            return Err(bad("scores", &format!("holds {}, at most {REFERENCE_MAX} are allowed", scores.len())));
        }
        if scores.iter().any(|score| !score.is_finite()) || !scores.is_sorted() {
            return Err(bad("scores", "is not finite and ascending"));
        }
        let fresh = match tensors.f64s("fresh")? {
            [fresh] if fresh.is_finite() && *fresh > 0.0 => *fresh,
            _ => return Err(bad("fresh", "is not one positive number")),
        };
        let kept = tensors.f64s("above")?;
        if kept.is_empty() {
            let pairs = scores.iter().map(|score| (*score, fresh)).collect();
            return Ok(Self::sorted(pairs, fresh));
        }
        let falls = kept.windows(2).all(|pair| matches!(pair, [a, b] if a >= b));
        if kept.len() != scores.len() || !falls || !kept.iter().all(|weight| weight.is_finite() && *weight > 0.0) {
            return Err(bad("above", "does not fall, or is not of one length with `scores`"));
        }
        let mut made = Self { scores: scores.to_vec(), above: kept.to_vec(), fresh, tail: (0.0, 0.0, 1.0) };
        made.tail = made.fit_tail();
        Ok(made)
    }

    /// Sum of the weights from a place on; 0 beyond the last.
    fn weight_from(&self, at: usize) -> f64 {
        self.above.get(at).copied().unwrap_or(0.0)
    }

    /// Where the tail begins, −ln p there, and the mean excess over it.
    fn fit_tail(&self) -> (f64, f64, f64) {
        let count = ((self.len() as f64 * TAIL_SHARE) as usize).max(TAIL_COUNT_MIN).min(self.len() / 2);
        let start = self.len() - count;
        let Some(from) = start.checked_sub(1).and_then(|at| self.scores.get(at)).copied() else {
            return (self.scores.last().copied().unwrap_or(0.0), -self.p_value_min().ln(), 1.0);
        };
        let (mut excess, mut weights) = (0.0, 0.0);
        for (at, score) in self.scores.iter().enumerate().skip(start) {
            let weight = self.weight_from(at) - self.weight_from(at + 1);
            excess += weight * (score - from);
            weights += weight;
        }
        let mean = if weights > 0.0 { excess / weights } else { 0.0 };
        let share = (self.fresh + weights) / (self.fresh + self.weight_from(0));
        // A reference without spread: one unit of score is one nat.
        (from, -share.ln(), if mean.is_finite() && mean > 0.0 { mean } else { 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;
    use proptest::prelude::*;

    #[test]
    fn p_values_count_what_is_at_least_as_high() {
        let reference = Conformal::new([3.0, 1.0, 2.0, f64::NAN, 2.0]);
        let cases = [(0.0, 1.0), (1.0, 1.0), (1.5, 4.0 / 5.0), (2.0, 4.0 / 5.0), (3.0, 2.0 / 5.0), (9.0, 1.0 / 5.0)];
        for (score, p) in cases {
            assert_eq!(reference.p_value(score), p, "{score}");
        }
        assert_eq!(reference.p_value(f64::NAN), 1.0);
        assert_eq!(reference.p_value(f64::INFINITY), 0.2);
        assert_eq!(Conformal::new([]).p_value(5.0), 1.0);
        assert_eq!((reference.mid_p_value(2.0), reference.p_value_min()), (0.5, 0.2));
    }

    #[test]
    fn a_normal_is_flagged_at_most_as_often_as_asked() {
        let mut random = Random::new(5);
        let mut exponential = move || -(1.0 - random.unit()).ln();
        let reference = Conformal::new((0..5000).map(|_| exponential()));
        let new: Vec<f64> = (0..50_000).map(|_| exponential()).collect();
        for alpha in [0.001, 0.01, 0.1] {
            let flagged = new.iter().filter(|score| reference.p_value(**score) <= alpha).count() as f64 / 50_000.0;
            assert!(flagged < alpha * 1.35 + 0.0004 && flagged > alpha * 0.65 - 0.0004, "{alpha}: {flagged}");
            let above = new.iter().filter(|score| **score > reference.threshold(alpha)).count() as f64 / 50_000.0;
            assert_eq!(above, flagged);
        }
        assert_eq!(reference.threshold(1e-5), f64::INFINITY);
    }

    #[test]
    fn ranking_goes_on_where_p_values_end() {
        let mut random = Random::new(6);
        let reference = Conformal::new((0..1000).map(|_| -(1.0 - random.unit()).ln()));
        assert_eq!(reference.p_value(20.0), reference.p_value(30.0));
        let (low, high) = (reference.ranking_surprise(20.0), reference.ranking_surprise(30.0));
        assert!(low > 15.0 && low < 27.0 && high > low + 5.0, "{low} {high}");
    }

    proptest! {
        #[test]
        fn surprise_rises_and_arrays_bring_it_back(
            pairs in prop::collection::vec((-50.0..50.0f64, 0.1..3.0f64), 0..60),
            probes in prop::collection::vec(-80.0..80.0f64, 20),
        ) {
            let reference = Conformal::weighted(pairs);
            let back = Conformal::from_tensors(&reference.to_tensors()).unwrap();
            let mut probes = probes;
            probes.sort_by(f64::total_cmp);
            let mut last = f64::NEG_INFINITY;
            for probe in probes {
                let surprise = reference.ranking_surprise(probe);
                prop_assert!(surprise.is_finite() && surprise >= last);
                prop_assert!(reference.p_value(probe) > 0.0 && reference.p_value(probe) <= 1.0);
                prop_assert_eq!(surprise.to_bits(), back.ranking_surprise(probe).to_bits());
                prop_assert_eq!(reference.p_value(probe).to_bits(), back.p_value(probe).to_bits());
                last = surprise;
            }
        }
    }

    #[test]
    fn torn_arrays_are_refused() {
        let kept = Conformal::weighted([(1.0, 1.0), (2.0, 3.0)]).to_tensors();
        let torn = [
            ("scores", Array::F64(vec![2.0, 1.0])),
            ("scores", Array::F64(vec![1.0])),
            ("scores", Array::F64(vec![1.0, f64::NAN])),
            ("above", Array::F64(vec![1.0, 2.0])),
            ("fresh", Array::F64(vec![])),
            ("fresh", Array::F64(vec![-1.0])),
        ];
        for (name, array) in torn {
            let mut bad = kept.clone();
            bad.put(name, array.clone());
            assert!(Conformal::from_tensors(&bad).is_err(), "{name} {array:?}");
        }
        assert!(Conformal::from_tensors(&Tensors::default()).is_err());
    }
}
