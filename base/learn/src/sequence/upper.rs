//! How far out a value is: −ln of the share of normals that reach it.
//!
//! Within what was seen it is the empirical tail, interpolated between the values seen, so that order is kept. Above
//! everything seen it starts at ln(n + 1), the most that n normals can vouch for, and grows only with the logarithm of the
//! distance: one wild value is ranked above a mild one, but its size alone proves little.

/// Different values that a tail keeps; beyond, neighbours in the bulk are joined. 4,096 is 64 KB.
pub(super) const VALUES_MAX: usize = 4096;

/// How many of the highest values are never joined: tails are asked about the top.
const EXACT: usize = VALUES_MAX / 4;

/// Part of the scale over which a value just above the highest rises to ln(n + 1): rounding is no anomaly.
const RAMP: f64 = 0.1;

/// Counted values, ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UpperTail {
    /// A distance that matters, in units of the value: the least scale beyond the highest value.
    unit: f64,
    values: Vec<f64>,
    /// For each value, how many normals reach it.
    reach: Vec<u64>,
}

impl UpperTail {
    pub(super) fn new(unit: f64) -> Self {
        Self { unit, values: Vec::new(), reach: Vec::new() }
    }

    /// From values in any order; those that are not finite are left out.
    pub(super) fn from_values(unit: f64, mut values: Vec<f64>) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let mut tail = Self::new(unit);
        let mut left = values.len() as u64;
        for value in values {
            if tail.values.last() != Some(&value) {
                tail.values.push(value);
                tail.reach.push(left);
            }
            left -= 1;
        }
        while tail.values.len() > VALUES_MAX {
            tail.join();
        }
        tail
    }

    /// From what [`UpperTail::parts`] gave; `None` if that is no tail.
    pub(super) fn from_parts(unit: f64, values: &[f64], reach: &[u64]) -> Option<Self> {
        let ascending = values.iter().all(|value| value.is_finite())
            && values.iter().zip(values.iter().skip(1)).all(|(low, high)| low < high)
            && reach.iter().zip(reach.iter().skip(1)).all(|(low, high)| low > high)
            && reach.last().is_none_or(|last| *last > 0)
            && reach.first().is_none_or(|all| *all < 1 << 53);
        (ascending && values.len() == reach.len() && values.len() <= VALUES_MAX).then(|| Self {
            unit,
            values: values.to_vec(),
            reach: reach.to_vec(),
        })
    }

    pub(super) fn parts(&self) -> (&[f64], &[u64]) {
        (&self.values, &self.reach)
    }

    /// How many normals were counted.
    pub(super) fn total(&self) -> u64 {
        self.reach.first().copied().unwrap_or(0)
    }

    /// Counts one more.
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let at = self.values.partition_point(|have| *have < value);
        if self.values.get(at) != Some(&value) {
            let above = self.reach.get(at).copied().unwrap_or(0);
            self.values.insert(at, value);
            self.reach.insert(at, above);
        }
        self.reach.iter_mut().take(at + 1).for_each(|reach| *reach += 1);
        if self.values.len() > VALUES_MAX {
            self.join();
        }
    }

    /// Joins every second value of the bulk with its upper neighbour: the tail above each kept value stays exact.
    fn join(&mut self) {
        let bulk = self.values.len().saturating_sub(EXACT);
        let mut kept = Self::new(self.unit);
        let all = self.total();
        for (at, (value, reach)) in self.values.iter().zip(&self.reach).enumerate() {
            if at >= bulk || at % 2 == 1 {
                kept.values.push(*value);
                kept.reach.push(if kept.values.len() == 1 { all } else { *reach });
            }
        }
        *self = kept;
    }

    /// −ln of the share that reaches `value`: 0 for the ordinary, finite always.
    pub(super) fn surprise(&self, value: f64) -> f64 {
        let all = (self.total() + 1) as f64;
        let at_knot = |reach: u64| (all / (reach + 1) as f64).ln();
        let at = self.values.partition_point(|have| *have < value);
        if let (Some(high), Some(reach)) = (self.values.get(at), self.reach.get(at)) {
            let above = at_knot(*reach);
            let below =
                at.checked_sub(1).and_then(|low| Some((*self.values.get(low)?, at_knot(*self.reach.get(low)?))));
            return match below {
                Some((low, under)) => under + (above - under) * ((value - low) / (high - low)),
                None => 0.0,
            };
        }
        let (Some(most), Some(reach)) = (self.values.last(), self.reach.last()) else { return 0.0 };
        let scale = (most - self.median()).max(self.unit);
        let beyond = (value - most) / scale;
        let top = at_knot(*reach);
        top + (all.ln() - top) * (beyond / RAMP).min(1.0) + beyond.ln_1p()
    }

    /// The value that half of the normals reach; 0 of nothing.
    pub(super) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The highest value that a share of at least `1 − share` reaches; 0 of nothing.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let least = (1.0 - share) * self.total() as f64;
        let at = self.reach.partition_point(|reach| *reach as f64 >= least);
        self.values.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_rises_with_the_value_and_starts_at_nothing() {
        let tail = UpperTail::from_values(1.0, (0..99).map(f64::from).collect());
        assert_eq!(tail.surprise(-5.0), 0.0);
        assert!((tail.surprise(98.0) - 50f64.ln()).abs() < 1e-12, "{}", tail.surprise(98.0));
        let steps: Vec<f64> = (0..500).map(|at| tail.surprise(f64::from(at) * 0.37)).collect();
        assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]), "{steps:?}");
        assert!(tail.surprise(f64::MAX).is_finite());
        assert!(UpperTail::new(1.0).surprise(3.0) == 0.0);
    }

    #[test]
    fn what_no_normal_reached_gets_what_they_can_vouch_for() {
        let tail = UpperTail::from_values(1.0, vec![0.0; 99]);
        assert_eq!(tail.surprise(0.0), 0.0);
        assert!((tail.surprise(1.0) - (100f64.ln() + 2f64.ln())).abs() < 1e-12);
        assert!(tail.surprise(1e-12) < 1e-9, "rounding is no anomaly");
    }

    #[test]
    fn added_one_by_one_is_the_same_as_at_once_and_bounded() {
        let values: Vec<f64> = (0..1000u32).map(|at| f64::from(at * 7919 % 101)).collect();
        let mut one = UpperTail::new(1.0);
        values.iter().for_each(|value| one.add(*value));
        assert_eq!(one, UpperTail::from_values(1.0, values));
        let mut many = UpperTail::new(1.0);
        (0..20_000u32).for_each(|at| many.add(f64::from(at)));
        assert!(many.values.len() <= VALUES_MAX && many.total() == 20_000);
        assert!((many.surprise(19_990.0) - (20_001f64 / 11.0).ln()).abs() < 1e-9);
        let (values, reach) = many.parts();
        assert_eq!(UpperTail::from_parts(1.0, values, reach).as_ref(), Some(&many));
        assert!(UpperTail::from_parts(1.0, &[2.0, 1.0], &[2, 1]).is_none());
        assert!(UpperTail::from_parts(1.0, &[1.0, 2.0], &[1, 1]).is_none());
        assert!(UpperTail::from_parts(1.0, &[f64::NAN], &[1]).is_none());
    }
}
