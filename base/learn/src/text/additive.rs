//! A generalised additive model: the part of the head whose explanation is exact by construction.
//! A sum of one piecewise-linear curve for each feature: ramps between quantiles of the training data, flat beyond them, so that a value never seen counts like the most extreme one that was.
//! Only the n-gram sums go on straight beyond their last quantile, or all strong texts would tie. A curve that must not fall
//! has ramps of weight ≥ 0.

use super::shape::Feature;
use crate::random::Random;
use crate::tensors::{Array, LoadError, Tensors};

/// Curves have their joints at these quantiles of the training data.
const QUANTILES: [f64; 8] = [0.0, 0.02, 0.1, 0.3, 0.7, 0.9, 0.98, 1.0];

/// Passes over the data.
const EPOCHS: u32 = 12;

/// Rows that a pass takes at most: curves of some two hundred weights need no more.
const ROWS_MAX: usize = 60_000;

const RATE: f64 = 0.05;
const L2: f64 = 1e-5;

/// The first columns, whose curves go on straight: n-gram sums.
const STRAIGHT: usize = 2;

/// Joints that one curve may have.
const JOINTS_MAX: usize = 64;

/// Scores rows of features. The first column is the n-gram sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Additive {
    bias: f64,
    curves: Vec<Curve>,
}

/// One feature's curve.
#[derive(Clone, Debug, Default, PartialEq)]
struct Curve {
    /// Ascending; ramps lie between neighbours.
    joints: Vec<f64>,
    /// One for each ramp.
    weights: Vec<f64>,
    /// Goes on straight beyond its ends.
    straight: bool,
    /// The curve's mean over benign training rows.
    mean: f64,
}

impl Curve {
    fn new(joints: Vec<f64>, straight: bool) -> Self {
        Self { weights: vec![0.0; joints.len().saturating_sub(1)], joints, straight, mean: 0.0 }
    }

    /// Calls `take(ramp, height)` for each ramp that is not at 0.
    fn ramps(&self, value: f64, mut take: impl FnMut(usize, f64)) {
        let last = self.joints.len().saturating_sub(2);
        for (at, pair) in self.joints.windows(2).enumerate() {
            let &[low, high] = pair else { continue };
            let mut height = (value - low) / (high - low);
            if !(self.straight && at == 0) {
                height = height.max(0.0);
            }
            if !(self.straight && at == last) {
                height = height.min(1.0);
            }
            if height != 0.0 {
                take(at, height);
            }
        }
    }

    fn value(&self, value: f64) -> f64 {
        let mut sum = 0.0;
        self.ramps(value, |at, height| sum += height * self.weights.get(at).copied().unwrap_or(0.0));
        sum
    }
}

impl Additive {
    /// Fits curves to rows of `features.len()` numbers each, by AdaGrad on the logistic loss, projected onto what may not
    /// fall.
    pub fn fit(features: &[Feature], rows: &[Vec<f64>], labels: &[bool], weights: &[f64], random: &mut Random) -> Self {
        let curve = |at: usize| {
            let mut values: Vec<f64> = rows.iter().filter_map(|row| row.get(at).copied()).collect();
            values.sort_by(f64::total_cmp);
            let of = |quantile: &f64| values.get((quantile * values.len().saturating_sub(1) as f64) as usize).copied();
            let mut joints: Vec<f64> = QUANTILES.iter().filter_map(of).collect();
            joints.dedup_by(|b, a| *b - *a <= 1e-9);
            Curve::new(joints, at < STRAIGHT)
        };
        let mut head = Self { bias: 0.0, curves: (0..features.len()).map(curve).collect() };
        let mut squares: Vec<Vec<f64>> = head.curves.iter().map(|curve| vec![1e-6; curve.weights.len()]).collect();
        let mut bias_squares = 1e-6;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        for _ in 0..EPOCHS {
            random.shuffle(&mut order);
            for at in order.iter().take(ROWS_MAX) {
                let (Some(row), Some(label)) = (rows.get(*at), labels.get(*at)) else { continue };
                let probability = 1.0 / (1.0 + (-head.score(row)).exp());
                let slope = (probability - f64::from(u8::from(*label))) * weights.get(*at).copied().unwrap_or(1.0);
                bias_squares += slope * slope;
                head.bias -= RATE * slope / bias_squares.sqrt();
                for (((curve, squares), value), feature) in
                    head.curves.iter_mut().zip(&mut squares).zip(row).zip(features)
                {
                    let mut steps = [(0, 0.0); JOINTS_MAX];
                    let mut count = 0;
                    curve.ramps(*value, |at, height| {
                        if let Some(step) = steps.get_mut(count) {
                            *step = (at, height);
                            count += 1;
                        }
                    });
                    for (at, height) in steps.iter().take(count) {
                        if let (Some(weight), Some(squares)) = (curve.weights.get_mut(*at), squares.get_mut(*at)) {
                            let slope = slope * height + L2 * *weight;
                            *squares += slope * slope;
                            *weight -= RATE * slope / squares.sqrt();
                            if feature.rising {
                                *weight = weight.max(0.0);
                            }
                        }
                    }
                }
            }
        }
        head.centre(rows, labels);
        head
    }

    fn centre(&mut self, rows: &[Vec<f64>], labels: &[bool]) {
        let benign = labels.iter().filter(|label| !**label).count().max(1) as f64;
        for (at, curve) in self.curves.iter_mut().enumerate() {
            let ordinary = rows.iter().zip(labels).filter(|(_, label)| !**label);
            let sum: f64 = ordinary.map(|(row, _)| row.get(at).map_or(0.0, |value| curve.value(*value))).sum();
            curve.mean = sum / benign;
        }
    }

    /// The row's score.
    pub fn score(&self, row: &[f64]) -> f64 {
        self.bias + self.curves.iter().zip(row).map(|(curve, value)| curve.value(*value)).sum::<f64>()
    }

    /// The score of the ordinary, and each feature's share above it.
    pub fn explain(&self, row: &[f64]) -> (f64, Vec<f64>) {
        let base = self.bias + self.curves.iter().map(|curve| curve.mean).sum::<f64>();
        (base, self.curves.iter().zip(row).map(|(curve, value)| curve.value(*value) - curve.mean).collect())
    }

    /// As arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        let lengths = self.curves.iter().map(|curve| curve.joints.len() as u32).collect();
        tensors.put("bias", Array::F64(vec![self.bias]));
        tensors.put("lengths", Array::U32(lengths));
        tensors.put("joints", Array::F64(self.curves.iter().flat_map(|curve| curve.joints.clone()).collect()));
        tensors.put("weights", Array::F64(self.curves.iter().flat_map(|curve| curve.weights.clone()).collect()));
        tensors.put("means", Array::F64(self.curves.iter().map(|curve| curve.mean).collect()));
        tensors
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When lengths disagree, joints do not ascend, a curve that may not fall falls, or a number is not finite.
    pub fn from_tensors(tensors: &Tensors, features: &[Feature]) -> Result<Self, LoadError> {
        let &[bias] = tensors.f64s("bias")? else { return Err(LoadError::new("array `bias`", "is not one number")) };
        let (lengths, means) = (tensors.u32s("lengths")?, tensors.f64s("means")?);
        let (mut joints, mut weights) = (tensors.f64s("joints")?, tensors.f64s("weights")?);
        if lengths.len() != features.len() || means.len() != features.len() {
            return Err(LoadError::new("array `lengths`", "is not one number a feature"));
        }
        if [joints, weights, means, &[bias]].into_iter().flatten().any(|number| !number.is_finite()) {
            return Err(LoadError::new("array `weights`", "a number is not finite"));
        }
        let mut curves = Vec::with_capacity(features.len());
        for (at, ((length, mean), feature)) in lengths.iter().zip(means).zip(features).enumerate() {
            let length = *length as usize;
            let split = |list: &mut &[f64], count: usize| {
                let (head, tail) = list.split_at_checked(count)?;
                *list = tail;
                Some(head.to_vec())
            };
            let own = split(&mut joints, length).zip(split(&mut weights, length.saturating_sub(1)));
            let Some((joints, weights)) = own.filter(|_| length <= JOINTS_MAX) else {
                return Err(LoadError::new("array `lengths`", format!("feature {at}: more joints than there are")));
            };
            if joints.windows(2).any(|pair| matches!(pair, [low, high] if low >= high)) {
                return Err(LoadError::new("array `joints`", format!("feature {at}: joints do not ascend")));
            }
            if feature.rising && weights.iter().any(|weight| *weight < 0.0) {
                return Err(LoadError::new("array `weights`", format!("feature {at}: falls where it may only rise")));
            }
            curves.push(Curve { joints, weights, straight: at < STRAIGHT, mean: *mean });
        }
        if !joints.is_empty() || !weights.is_empty() {
            return Err(LoadError::new("array `joints`", "more numbers than the lengths say"));
        }
        Ok(Self { bias, curves })
    }
}
