//! The best split of a leaf, from its histogram.
//!
//! The gain of a split is how much the second-order approximation of the loss falls (Chen and Guestrin, "XGBoost", 2016):
//! `G²/(H+λ)` summed over the children less the parent's. Missing values are tried on both sides where a leaf has any;
//! otherwise they follow the heavier side. The codes of a category are sorted by gradient over curvature, and prefixes of that
//! order from either end are tried (Fisher, "On grouping for maximum homogeneity", 1958), smoothed and with an extra
//! regularisation, so that rare codes cannot buy a split with noise.
//!
//! Where a feature is constrained or a leaf has bounds from a constraint above, values are cut to the bounds and
//! a split against the direction is no candidate: see `grow`.

use super::bins::{BinnedFeature, BinnedKind};
use super::histogram::Sums;

/// Which bins go left: one bit each.
pub(super) type BinSet = [u64; 4];

/// A split worth making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub gain: f64,
    pub feature: usize,
    /// The bins that go left, bin 0 (missing) included.
    pub left_bins: BinSet,
    /// A numeric split's cut: the last bin that goes left.
    pub cut: usize,
    pub left: Sums,
}

/// What a split must respect, in units of the histogram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// L2 regularisation.
    pub l2: f64,
    /// Extra L2 for categorical splits.
    pub category_l2: f64,
    /// Added to a category's curvature when categories are sorted.
    pub category_smoothing: f64,
    /// Codes that a categorical split may single out.
    pub categories_max: usize,
    /// Least curvature of a child.
    pub child_weight_min: f64,
    /// Least curvature of a category that may be singled out.
    pub category_weight_min: f64,
    /// What the leaf's value must lie between.
    pub bounds: (f64, f64),
}

/// Whether a bin is in the set.
pub(super) fn in_set(set: &BinSet, bin: usize) -> bool {
    set.get(bin / 64).is_some_and(|word| word >> (bin % 64) & 1 == 1)
}

impl Rules {
    fn bounded(&self) -> bool {
        self.bounds != (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// The value a leaf of these sums would have, and how much the loss falls with it.
    pub fn value(&self, sums: Sums, l2: f64) -> (f64, f64) {
        let weight = sums.curvature + l2;
        let value = if weight > 0.0 { -sums.gradient / weight } else { 0.0 };
        let value = value.clamp(self.bounds.0, self.bounds.1);
        (value, -value * (2.0 * sums.gradient + weight * value))
    }

    /// How much the loss falls with two children; `None` where a child is too light or the direction is wrong.
    fn children(&self, left: Sums, right: Sums, l2: f64, direction: i8) -> Option<f64> {
        if left.curvature < self.child_weight_min || right.curvature < self.child_weight_min {
            return None;
        }
        if direction == 0 && !self.bounded() {
            let fall = |sums: Sums| sums.gradient * sums.gradient / (sums.curvature + l2);
            return Some(fall(left) + fall(right));
        }
        let ((left, left_fall), (right, right_fall)) = (self.value(left, l2), self.value(right, l2));
        let against = f64::from(direction) * (right - left) < 0.0;
        (!against).then_some(left_fall + right_fall)
    }
}

/// The best split of a feature that gains more than `best` (and than nothing).
pub(super) fn best(
    at: usize,
    feature: &BinnedFeature,
    histogram: &[Sums],
    total: Sums,
    rules: &Rules,
    direction: i8,
    best: &mut Option<Split>,
) {
    match &feature.kind {
        BinnedKind::Numeric(_) => numeric(at, histogram, total, rules, direction, best),
        BinnedKind::Categorical(..) => categorical(at, histogram, total, rules, best),
    }
}

fn better(gain: f64, best: &Option<Split>) -> bool {
    gain > best.map_or(0.0, |best| best.gain)
}

fn numeric(at: usize, histogram: &[Sums], total: Sums, rules: &Rules, direction: i8, best: &mut Option<Split>) {
    let Some((missing, present)) = histogram.split_first() else { return };
    let parent = rules.value(total, rules.l2).1;
    let some_missing = *missing != Sums::default();
    for missing_left in [false, true] {
        if missing_left && !some_missing {
            break;
        }
        let mut left = if missing_left { *missing } else { Sums::default() };
        // The last bin is a cut only where what is missing is left on the other side.
        let cuts = present.len().saturating_sub(usize::from(!some_missing || missing_left));
        for (cut, sums) in present.iter().take(cuts).enumerate() {
            if *sums == Sums::default() {
                continue;
            }
            left.add(*sums);
            let right = total.less(left);
            let Some(fall) = rules.children(left, right, rules.l2, direction) else { continue };
            if better(fall - parent, best) {
                let heavier_left = left.curvature >= right.curvature;
                let left_bins = up_to(cut + 1, if some_missing { missing_left } else { heavier_left });
                *best = Some(Split { gain: fall - parent, feature: at, left_bins, cut: cut + 1, left });
            }
        }
    }
}

/// Bins 1 to `last`, and 0 where missing goes left.
fn up_to(last: usize, missing_left: bool) -> BinSet {
    let mut set = BinSet::default();
    for (at, word) in set.iter_mut().enumerate() {
        let below = (last + 1).saturating_sub(at * 64).min(64);
        *word = if below == 64 { u64::MAX } else { (1 << below) - 1 };
    }
    set[0] = (set[0] & !1) | u64::from(missing_left);
    set
}

fn categorical(at: usize, histogram: &[Sums], total: Sums, rules: &Rules, best: &mut Option<Split>) {
    let l2 = rules.l2 + rules.category_l2;
    let parent = rules.value(total, l2).1;
    let ratio = |sums: &Sums| sums.gradient / (sums.curvature + rules.category_smoothing);
    let mut order: Vec<(usize, Sums, f64)> = histogram
        .iter()
        .enumerate()
        .filter(|(_, sums)| sums.curvature > 0.0 && sums.curvature >= rules.category_weight_min)
        .map(|(bin, sums)| (bin, *sums, ratio(sums)))
        .collect();
    order.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
    let most = rules.categories_max.min(order.len());
    for backward in [false, true] {
        let (mut left, mut left_bins) = (Sums::default(), BinSet::default());
        for step in 0..most {
            let Some((bin, sums, _)) = order.get(if backward { order.len() - 1 - step } else { step }) else { break };
            left.add(*sums);
            if let Some(word) = left_bins.get_mut(bin / 64) {
                *word |= 1 << (bin % 64);
            }
            let Some(fall) = rules.children(left, total.less(left), l2, 0) else { continue };
            if better(fall - parent, best) {
                *best = Some(Split { gain: fall - parent, feature: at, left_bins, cut: 0, left });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_bins_hold_what_they_say() {
        for (last, missing) in [(1, true), (1, false), (63, false), (64, true), (127, false), (254, true)] {
            let set = up_to(last, missing);
            assert_eq!(in_set(&set, 0), missing);
            assert!((1..=254).all(|bin| in_set(&set, bin) == (bin <= last)), "{last}");
        }
    }
}
