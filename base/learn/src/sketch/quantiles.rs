//! Quantiles of amounts to 1 % of their size: counts in logarithmic bins, as DDSketch does (Masson, Rim and Lee 2019).
//! Values of 0 and below count as 0. At most [`BINS_MAX`] bins, the lowest falling together beyond, so that what is large stays
//! exact.

use std::collections::BTreeMap;

/// Bins kept: 2 % steps over 18 orders of magnitude; 48 kB at most.
const BINS_MAX: usize = 2048;

/// A bin's upper edge over its lower: values within are known to 1 %.
const STEP: f64 = 1.01 / 0.99;

/// Amounts by size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    zeros: u64,
    bins: BTreeMap<i32, u64>,
    total: u64,
    /// Bins below this fell into it.
    lowest: Option<i32>,
}

impl Quantiles {
    /// Counts an amount; what is not finite is not counted.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.total += 1;
        if value < f64::MIN_POSITIVE {
            self.zeros += 1;
            return;
        }
        let bin = (value.ln() / STEP.ln()).ceil() as i32;
        *self.bins.entry(self.lowest.map_or(bin, |lowest| bin.max(lowest))).or_default() += 1;
        self.shrink();
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The value that a share `q` (0 to 1) lies at or below; `None` before anything was counted.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q.clamp(0.0, 1.0) * self.total.checked_sub(1)? as f64).floor() as u64;
        if rank < self.zeros || self.total == 0 {
            return Some(0.0);
        }
        let mut sum = self.zeros;
        let bin = self.bins.iter().find(|(_, count)| {
            sum += **count;
            sum > rank
        });
        bin.or(self.bins.iter().next_back()).map(|(bin, _)| 2.0 * STEP.powi(*bin) / (STEP + 1.0))
    }

    /// Takes in what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.total += other.total;
        self.lowest = self.lowest.max(other.lowest);
        for (bin, count) in &other.bins {
            *self.bins.entry(*bin).or_default() += count;
        }
        if let Some(lowest) = self.lowest {
            let above = self.bins.split_off(&lowest);
            let below: u64 = std::mem::replace(&mut self.bins, above).values().sum();
            if below > 0 {
                *self.bins.entry(lowest).or_default() += below;
            }
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bins.len() > BINS_MAX {
            if let Some((_, count)) = self.bins.pop_first()
                && let Some((bin, next)) = self.bins.iter_mut().next()
            {
                *next += count;
                self.lowest = Some(*bin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn quantiles_are_within_one_percent_and_merge() {
        let mut random = Random::new(4);
        let mut values: Vec<f64> = (0..20_000).map(|_| (random.unit() * 20.0).exp()).collect();
        let [mut whole, mut first, mut second] = [(); 3].map(|()| Quantiles::default());
        for (at, value) in values.iter().enumerate() {
            whole.add(*value);
            if at % 3 == 0 { first.add(*value) } else { second.add(*value) }
        }
        first.merge(&second);
        assert_eq!(first, whole);
        values.sort_by(f64::total_cmp);
        for q in [0.0, 0.01, 0.5, 0.95, 0.999, 1.0] {
            let exact = values[(q * 19_999f64).floor() as usize];
            let have = whole.quantile(q).unwrap();
            assert!((have / exact - 1.0).abs() < 0.0101, "{q}: {have} is not {exact}");
        }
    }

    #[test]
    fn zeros_holes_and_all_sizes_are_counted_in_bounded_memory() {
        let mut sketch = Quantiles::default();
        assert_eq!(sketch.quantile(0.5), None);
        [0.0, -5.0, f64::NAN, f64::INFINITY].iter().for_each(|value| sketch.add(*value));
        assert_eq!((sketch.count(), sketch.quantile(0.5)), (2, Some(0.0)));
        for at in -300..300 {
            for step in 0..10 {
                sketch.add(10f64.powi(at) * f64::from(step + 1));
            }
        }
        assert!(sketch.bins.len() <= BINS_MAX && (sketch.quantile(1.0).unwrap() / 1e300 - 1.0).abs() < 0.02);
    }
}
