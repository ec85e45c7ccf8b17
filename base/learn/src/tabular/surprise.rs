//! How surprising a score is: −ln of the share of held-out ordinary rows that score as high.
//!
//! Below the highest [`TAIL`] of those rows the map follows their ranks, above it a straight line whose slope is one over their
//! mean excess (an exponential tail), so that scores beyond all that was seen still differ. Continuous and never falling, to the
//! last bit: a score that is monotone in a feature stays so.

use crate::tensors::{Array, LoadError, Tensors};

/// Share of rows that the straight line is fitted to.
const TAIL: f64 = 0.05;

/// Points of the map; more than this add nothing that −ln p shows.
const KNOTS_MAX: usize = 256;

/// What a map may say at most: no sum of parts overflows.
const SURPRISE_MAX: f64 = 1e6;

/// A map from scores to surprise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Surprise {
    scores: Vec<f64>,
    values: Vec<f64>,
    slope: f64,
}

impl Surprise {
    /// Fits the map to scores of ordinary rows; finite, at least one.
    pub fn fit(mut scores: Vec<f64>) -> Self {
        scores.sort_unstable_by(f64::total_cmp);
        let rows = scores.len().max(1);
        let at = |rank: usize| scores.get(rank.min(rows - 1)).copied().unwrap_or(0.0);
        let tail = ((rows as f64 * TAIL) as usize).max(5).min(rows - 1).max(1);
        let (start, middle) = (at(rows.saturating_sub(tail + 1)), at(rows / 2));
        let excess = scores.iter().rev().take(tail).map(|score| score - start).sum::<f64>() / tail as f64;
        // Where the tail is one value only, a small part of the upper half's width stands for it.
        let least = (0.05 * (start - middle)).max(1e-6 * start.abs().max(1.0));
        let mut made = Self { scores: Vec::new(), values: Vec::new(), slope: 1.0 / excess.max(least) };
        let below = rows.saturating_sub(tail + 1);
        let step = below.div_ceil(KNOTS_MAX).max(1);
        for rank in (0..=below).step_by(step).chain([below]) {
            let score = at(rank);
            // How many rows score at least this: ties count together.
            let above = rows - scores.partition_point(|other| *other < score);
            let value = -((above as f64 + 1.0) / (rows as f64 + 1.0)).ln();
            if made.scores.last().is_none_or(|last| *last < score) {
                made.scores.push(score);
                made.values.push(value.max(0.0));
            }
        }
        made
    }

    /// The surprise of a score, 0 or more.
    pub fn of(&self, score: f64) -> f64 {
        let above = self.scores.partition_point(|knot| *knot < score);
        let knot = |at: usize| self.scores.get(at).copied().zip(self.values.get(at).copied());
        let (Some((high, high_value)), before) = (knot(above), above.checked_sub(1).and_then(knot)) else {
            let (last, value) = knot(self.scores.len().saturating_sub(1)).unwrap_or((0.0, 0.0));
            return (value + (score - last) * self.slope).clamp(value, SURPRISE_MAX);
        };
        let Some((low, low_value)) = before else { return high_value };
        let share = (score - low) / (high - low);
        (low_value + share * (high_value - low_value)).clamp(low_value, high_value)
    }

    /// As arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        tensors.put("scores", Array::F64(self.scores.clone()));
        tensors.put("values", Array::F64(self.values.clone()));
        tensors.put("slope", Array::F64(vec![self.slope]));
        tensors
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When the map would fall, be empty or not be finite.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let (scores, values) = (tensors.f64s("scores")?, tensors.f64s("values")?);
        let [slope] = *tensors.f64s("slope")? else {
            return Err(LoadError::new("array `slope`", "is not one number"));
        };
        if tensors.arrays.len() != 3 || !tensors.words.is_empty() {
            return Err(LoadError::new("surprise", "holds more than scores, values and slope"));
        }
        if scores.is_empty() || scores.len() > KNOTS_MAX + 2 || values.len() != scores.len() {
            return Err(LoadError::new("array `scores`", "is empty, too long or of another length than `values`"));
        }
        let ascends = |list: &[f64], strict: bool| {
            list.iter().all(|value| value.is_finite())
                && list.windows(2).all(|pair| matches!(pair, [a, b] if a < b || (!strict && a == b)))
        };
        if !ascends(scores, true) {
            return Err(LoadError::new("array `scores`", "does not ascend"));
        }
        if !ascends(values, false) || values.iter().any(|value| *value < 0.0 || *value > SURPRISE_MAX) {
            return Err(LoadError::new("array `values`", "falls or is out of range"));
        }
        if !(slope.is_finite() && slope > 0.0) {
            return Err(LoadError::new("array `slope`", "is not above 0"));
        }
        Ok(Self { scores: scores.to_vec(), values: values.to_vec(), slope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn one_in_a_hundred_surprises_by_ln_100() {
        let mut random = Random::new(1);
        let surprise = Surprise::fit((0..20_000).map(|_| -random.unit().max(1e-12).ln()).collect());
        // The scores are exponential: the surprise of a score is the score.
        for score in [0.1, 0.7, 1.5, 3.0, 4.6, 9.0, 20.0] {
            assert!((surprise.of(score) - score).abs() < 0.1 * score.max(1.0), "{} of {score}", surprise.of(score));
        }
        let never_falls = (0..20_000).map(|step| surprise.of(f64::from(step) / 1000.0));
        assert!(never_falls.clone().zip(never_falls.skip(1)).all(|(a, b)| a <= b));
    }

    #[test]
    fn few_equal_and_extreme_scores_give_finite_maps() {
        for scores in [vec![], vec![1.0], vec![1.0; 50], vec![-1e300, 1e300], (0..7).map(f64::from).collect()] {
            let surprise = Surprise::fit(scores.clone());
            for score in [f64::NEG_INFINITY, -5.0, 0.0, 1.0, 3.0, 1e308, f64::INFINITY] {
                let value = surprise.of(score);
                assert!(value.is_finite() && value >= 0.0, "{value} of {score} after {scores:?}");
            }
            if !scores.is_empty() && scores.len() != 2 {
                assert_eq!(Surprise::from_tensors(&surprise.to_tensors()).unwrap(), surprise);
            }
        }
    }

    #[test]
    fn maps_that_fall_are_refused() {
        let tensors = |scores: &[f64], values: &[f64], slope: f64| {
            let surprise = Surprise { scores: scores.to_vec(), values: values.to_vec(), slope };
            Surprise::from_tensors(&surprise.to_tensors())
        };
        assert!(tensors(&[0.0, 1.0], &[0.0, 1.0], 1.0).is_ok());
        for (scores, values, slope) in [
            (&[][..], &[][..], 1.0),
            (&[1.0, 0.0], &[0.0, 1.0], 1.0),
            (&[0.0, 1.0], &[1.0, 0.0], 1.0),
            (&[0.0, 1.0], &[0.0], 1.0),
            (&[0.0, f64::NAN], &[0.0, 1.0], 1.0),
            (&[0.0], &[-1.0], 1.0),
            (&[0.0], &[1.0], 0.0),
        ] {
            assert!(tensors(scores, values, slope).is_err(), "{scores:?} {values:?} {slope}");
        }
    }
}
