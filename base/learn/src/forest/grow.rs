//! Grows one tree leaf by leaf: the leaf whose split gains most is split next (Shi 2007; as LightGBM does).
//!
//! Of two children only the smaller one's histogram is counted; the other's is the parent's less that, exactly.
//!
//! Monotone constraints: a split on a constrained feature gives both children the middle of their two values as a bound, one
//! from above and one from below, and every leaf below is cut to its bounds. So of any two leaves on the two sides of such a
//! split the one at the higher value of the feature is never lower (never higher, for −1): a tree, and a sum of trees, is
//! monotone in that feature for every row, to the last bit. Missing values are outside that promise.

use crate::random::Random;

use super::bins::{BinnedKind, Bins};
use super::histogram::{Counter, Packed, Sums};
use super::split::{self, BinSet, Rules, Split, in_set};
use super::trees::{DEPTH_MAX, LEAF, NO_SET, Node, Trees};

/// How trees may grow.
pub(super) struct Limits {
    pub leaves: usize,
    pub depth: usize,
    pub l2: f64,
    pub child_weight_min: f64,
    pub child_rows_min: usize,
    pub category_l2: f64,
    pub category_smoothing: f64,
    pub categories_max: usize,
    pub category_rows_min: usize,
    pub rate: f64,
    /// Share of features that a tree may use.
    pub columns: f64,
    /// Per feature: 1 never falls, −1 never rises, 0 free.
    pub directions: Vec<i8>,
}

/// A leaf while its tree grows.
struct Leaf {
    from: usize,
    to: usize,
    node: usize,
    depth: usize,
    sums: Sums,
    /// In units of the score, before the rate.
    bounds: (f64, f64),
    histogram: Vec<Sums>,
    split: Option<Split>,
}

/// A node while its tree grows.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    children: Option<(usize, usize)>,
    feature: usize,
    left_bins: BinSet,
    cut: usize,
    value: f64,
    rows: usize,
}

/// Working memory of a fit.
pub(super) struct Grower<'a> {
    pub bins: &'a Bins,
    pub limits: Limits,
    counter: Counter,
    spare: Vec<Vec<Sums>>,
    scratch: Vec<u32>,
    pub packed: Packed,
}

/// A grown tree: its nodes, and the rows of each leaf as ranges of `rows`.
pub(super) struct Grown {
    nodes: Vec<Draft>,
    pub leaves: Vec<(std::ops::Range<usize>, f64)>,
}

impl<'a> Grower<'a> {
    pub fn new(bins: &'a Bins, limits: Limits) -> Self {
        let (counter, packed) = (Counter::new(), Packed::default());
        Self { bins, limits, counter, spare: Vec::new(), scratch: Vec::new(), packed }
    }

    /// Grows a tree on these rows, which are put into the order of its leaves.
    pub fn grow(&mut self, gradients: &[[f64; 2]], rows: &mut [u32], random: &mut Random) -> Grown {
        self.packed.fill(gradients);
        let features = self.bins.features.len();
        let used = ((features as f64 * self.limits.columns).ceil() as usize).clamp(1, features.max(1));
        let active = random.sample(features, used);
        let sums = self.packed.sums(rows);
        let draft =
            Draft { children: None, feature: 0, left_bins: BinSet::default(), cut: 0, value: 0.0, rows: rows.len() };
        let mut nodes = vec![draft];
        let mut histogram = self.spare.pop().unwrap_or_default();
        self.counter.count(self.bins, &self.packed, rows, sums, &mut histogram);
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        let mut root = Leaf { from: 0, to: rows.len(), node: 0, depth: 0, sums, bounds, histogram, split: None };
        root.split = self.find(&root, &active);
        let mut leaves = vec![root];
        while leaves.len() < self.limits.leaves {
            // Of equal gains the first in the list counts; its order is fixed.
            let mut best: Option<(usize, Split)> = None;
            for (at, leaf) in leaves.iter().enumerate() {
                if let Some(split) = leaf.split
                    && best.is_none_or(|(_, best)| split.gain > best.gain)
                {
                    best = Some((at, split));
                }
            }
            let Some((at, split)) = best else { break };
            let parent = leaves.swap_remove(at);
            let (left, right) = self.divide(parent, split, rows, &mut nodes, draft, &active);
            leaves.push(left);
            leaves.push(right);
        }
        let mut ends = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let own = rows.get(leaf.from..leaf.to).unwrap_or_default();
            let value = self.limits.rate * self.value(gradients, own, leaf.bounds);
            if let Some(node) = nodes.get_mut(leaf.node) {
                node.value = value;
            }
            ends.push((leaf.from..leaf.to, value));
            self.spare.push(leaf.histogram);
        }
        Grown { nodes, leaves: ends }
    }

    /// A leaf's value from the unrounded gradients.
    fn value(&self, gradients: &[[f64; 2]], rows: &[u32], bounds: (f64, f64)) -> f64 {
        let (mut gradient, mut curvature) = (0.0, 0.0);
        for row in rows {
            if let Some([own_gradient, own_curvature]) = gradients.get(*row as usize) {
                gradient += own_gradient;
                curvature += own_curvature;
            }
        }
        let weight = curvature + self.limits.l2;
        let value = if weight > 0.0 { -gradient / weight } else { 0.0 };
        value.clamp(bounds.0, bounds.1)
    }

    /// The rules of a leaf in units of the histogram.
    fn rules(&self, leaf: &Leaf) -> Rules {
        let unit = self.packed.curvature_unit;
        let value = self.packed.gradient_unit / unit;
        let rows = (leaf.to - leaf.from).max(1);
        let a_row = leaf.sums.curvature / rows as f64;
        Rules {
            l2: self.limits.l2 / unit,
            category_l2: self.limits.category_l2 / unit,
            category_smoothing: self.limits.category_smoothing / unit,
            categories_max: self.limits.categories_max,
            child_weight_min: (self.limits.child_weight_min / unit)
                .max(a_row * self.limits.child_rows_min as f64)
                .max(1.0),
            category_weight_min: a_row * self.limits.category_rows_min as f64,
            bounds: (leaf.bounds.0 / value, leaf.bounds.1 / value),
        }
    }

    fn find(&self, leaf: &Leaf, active: &[usize]) -> Option<Split> {
        if leaf.depth >= self.limits.depth.min(DEPTH_MAX) {
            return None;
        }
        let rules = self.rules(leaf);
        let mut best = None;
        for at in active {
            let Some(feature) = self.bins.features.get(*at) else { continue };
            let own = leaf.histogram.get(feature.offset..feature.offset + feature.bins).unwrap_or_default();
            let direction = self.limits.directions.get(*at).copied().unwrap_or(0);
            split::best(*at, feature, own, leaf.sums, &rules, direction, &mut best);
        }
        best
    }

    fn divide(
        &mut self,
        parent: Leaf,
        split: Split,
        rows: &mut [u32],
        nodes: &mut Vec<Draft>,
        draft: Draft,
        active: &[usize],
    ) -> (Leaf, Leaf) {
        let middle = parent.from + self.partition(split, rows.get_mut(parent.from..parent.to).unwrap_or_default());
        let (left_bounds, right_bounds) = self.bounds(&parent, &split);
        let child = nodes.len();
        if let Some(node) = nodes.get_mut(parent.node) {
            *node = Draft {
                children: Some((child, child + 1)),
                feature: split.feature,
                left_bins: split.left_bins,
                cut: split.cut,
                ..*node
            };
        }
        nodes.push(Draft { rows: middle - parent.from, ..draft });
        nodes.push(Draft { rows: parent.to - middle, ..draft });
        let depth = parent.depth + 1;
        let right_sums = parent.sums.less(split.left);
        let mut small = self.spare.pop().unwrap_or_default();
        let mut large = parent.histogram;
        let left_smaller = middle - parent.from <= parent.to - middle;
        let (own, total) = if left_smaller {
            (rows.get(parent.from..middle), split.left)
        } else {
            (rows.get(middle..parent.to), right_sums)
        };
        self.counter.count(self.bins, &self.packed, own.unwrap_or_default(), total, &mut small);
        large.iter_mut().zip(&small).for_each(|(large, small)| *large = large.less(*small));
        let (left_histogram, right_histogram) = if left_smaller { (small, large) } else { (large, small) };
        let mut left = Leaf {
            from: parent.from,
            to: middle,
            node: child,
            depth,
            sums: split.left,
            bounds: left_bounds,
            histogram: left_histogram,
            split: None,
        };
        let mut right = Leaf {
            from: middle,
            to: parent.to,
            node: child + 1,
            depth,
            sums: right_sums,
            bounds: right_bounds,
            histogram: right_histogram,
            split: None,
        };
        left.split = self.find(&left, active);
        right.split = self.find(&right, active);
        (left, right)
    }

    /// The children's bounds.
    fn bounds(&self, parent: &Leaf, split: &Split) -> ((f64, f64), (f64, f64)) {
        let direction = self.limits.directions.get(split.feature).copied().unwrap_or(0);
        let (low, high) = parent.bounds;
        if direction == 0 {
            return (parent.bounds, parent.bounds);
        }
        let rules = self.rules(parent);
        let unit = self.packed.gradient_unit / self.packed.curvature_unit;
        let left = rules.value(split.left, rules.l2).0 * unit;
        let right = rules.value(parent.sums.less(split.left), rules.l2).0 * unit;
        let middle = (left / 2.0 + right / 2.0).clamp(low, high);
        if direction > 0 { ((low, middle), (middle, high)) } else { ((middle, high), (low, middle)) }
    }

    /// Puts the rows that go left first, keeping the order on both sides; gives how many.
    fn partition(&mut self, split: Split, rows: &mut [u32]) -> usize {
        let column = self.bins.columns.get(split.feature).map_or(&[][..], Vec::as_slice);
        let mut goes = [false; 256];
        goes.iter_mut().enumerate().for_each(|(bin, goes)| *goes = in_set(&split.left_bins, bin));
        self.scratch.clear();
        self.scratch.resize(rows.len(), 0);
        let (mut left, mut right) = (0, 0);
        for at in 0..rows.len() {
            let row = rows.get(at).copied().unwrap_or(0);
            let bin = column.get(row as usize).copied().unwrap_or(0);
            let is_left = goes.get(usize::from(bin)).copied().unwrap_or(false);
            // Both are written, one is kept: no branch to guess wrongly. `left` never passes `at`.
            if let (Some(left), Some(right)) = (rows.get_mut(left), self.scratch.get_mut(right)) {
                (*left, *right) = (row, row);
            }
            left += usize::from(is_left);
            right += usize::from(!is_left);
        }
        if let (Some(rest), Some(rights)) = (rows.get_mut(left..), self.scratch.get(..right)) {
            rest.copy_from_slice(rights);
        }
        left
    }
}

impl Grown {
    /// The value of a row that the tree was not grown on.
    pub fn score(&self, bins: &Bins, row: u32) -> f64 {
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            let Some((left, right)) = node.children else { return node.value };
            at = if in_set(&node.left_bins, bins.bin(node.feature, row)) { left } else { right };
        }
        0.0
    }

    /// Adds the tree to a forest, in pre-order.
    pub fn put(&self, bins: &Bins, trees: &mut Trees) {
        trees.starts.push(trees.nodes.len() as u32);
        // A right child waits with the place of its parent, whose link it fills in.
        let mut waiting: Vec<(usize, Option<usize>)> = vec![(0, None)];
        while let Some((at, parent)) = waiting.pop() {
            let Some(node) = self.nodes.get(at) else { continue };
            let place = trees.nodes.len();
            if let Some(parent) = parent.and_then(|parent| trees.nodes.get_mut(parent)) {
                parent.right = place as u32;
            }
            trees.cover.push(node.rows.max(1) as f64);
            let mut made = Node { number: node.value, right: 0, set: NO_SET, feature: LEAF, missing_left: false };
            if let Some((left, right)) = node.children {
                made.feature = node.feature as u16;
                made.missing_left = in_set(&node.left_bins, 0);
                match bins.features.get(node.feature).map(|feature| &feature.kind) {
                    Some(BinnedKind::Categorical(members, codes)) => {
                        made.number = 0.0;
                        made.set = trees.sets.push(*codes, left_codes(node, members, *codes).into_iter());
                    }
                    // Beyond the last cut: all numbers go left, only what is missing goes right.
                    Some(BinnedKind::Numeric(cuts)) => {
                        made.number = cuts.get(node.cut.wrapping_sub(1)).copied().unwrap_or(f64::MAX);
                    }
                    None => {}
                }
                waiting.push((right, Some(place)));
                waiting.push((left, None));
            }
            trees.nodes.push(made);
        }
    }
}

/// The codes that go left: those of the left bins, and, with the missing, those that no row had.
fn left_codes(node: &Draft, members: &[Vec<usize>], codes: usize) -> Vec<usize> {
    let mut bin_of = vec![0; codes];
    for (bin, own) in members.iter().enumerate() {
        for code in own {
            bin_of.iter_mut().skip(*code).take(1).for_each(|of| *of = bin + 1);
        }
    }
    bin_of.iter().enumerate().filter(|(_, bin)| in_set(&node.left_bins, **bin)).map(|(code, _)| code).collect()
}
