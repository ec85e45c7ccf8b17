//! Exact Shapley values of trees (path-dependent TreeSHAP: Lundberg et al., "Consistent individualized feature attribution for
//! tree ensembles", 2018), by quadrature instead of by counting subsets.
//!
//! For a leaf of value `v`, let feature `f` of its path have `z_f` = the share of training rows that its splits let through, and
//! `o_f` = 1 if this row passes all of them, else 0. Its Shapley value from this leaf is
//! `v (o_f − z_f) ∫₀¹ Π_{g≠f} ((1−t) z_g + t o_g) dt`: the weights `k!(d−1−k)!/d!` of the subsets are Beta integrals. The integrand
//! is a polynomial of degree d−1, which Gauss and Legendre's rule integrates exactly with ⌈d/2⌉ points. All factors are
//! positive, so nothing cancels and dividing a factor out is safe.
//!
//! One walk down multiplies the factors (a feature met again replaces its old factor), one walk up adds the leaves together;
//! each edge then takes its feature's share for all leaves below it at once, less what the same feature's edge above had
//! already taken. Cost: O(nodes × points) a tree, where the published algorithm takes O(leaves × depth²).

use super::trees::{DEPTH_MAX, LEAF, Trees};

/// No edge of the same feature above.
const NONE: u32 = u32::MAX;

/// What explaining needs of a forest, beside the trees.
#[derive(Clone, Debug)]
pub(super) struct Explainer {
    base: f64,
    trees: Vec<Tree>,
    rules: Rules,
}

#[derive(Clone, Debug)]
struct Tree {
    start: usize,
    points: Points,
    edges: Vec<Edge>,
    /// For each edge and point, were the row to pass: the factor; one over it; the weight of the feature's share.
    factors: Vec<f64>,
    inverses: Vec<f64>,
    weights: Vec<f64>,
}

/// The way into a node from its parent; the root's has no feature.
#[derive(Clone, Copy, Debug)]
struct Edge {
    parent: u32,
    /// The nearest edge above with the same feature.
    above: u32,
    feature: u16,
    is_leaf: bool,
    is_left: bool,
    /// Share of training rows that come through this and all edges above of the same feature.
    share: f64,
    /// A leaf's value.
    value: f64,
}

/// How many points a tree's integrals take.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Points {
    Two,
    Four,
    Six,
    Eight,
    Most,
}

/// Points of the largest rule: enough for any path.
const MOST: usize = DEPTH_MAX / 2;

impl Points {
    /// Enough for paths of so many different features.
    fn enough(features: usize) -> Self {
        match features.div_ceil(2) {
            0..=2 => Self::Two,
            3..=4 => Self::Four,
            5..=6 => Self::Six,
            7..=8 => Self::Eight,
            _ => Self::Most,
        }
    }

    fn all(self) -> Vec<(f64, f64)> {
        match self {
            Self::Two => gauss_legendre(2),
            Self::Four => gauss_legendre(4),
            Self::Six => gauss_legendre(6),
            Self::Eight => gauss_legendre(8),
            Self::Most => gauss_legendre(MOST),
        }
    }
}

impl Explainer {
    /// Prepares a forest.
    pub fn new(trees: &Trees) -> Self {
        let made: Vec<Tree> = trees.ranges().map(|range| Tree::new(trees, range)).collect();
        let base = made.iter().fold(trees.base, |base, tree| base + tree.expected());
        Self { base, trees: made, rules: Rules::new() }
    }

    /// The mean of all leaves by their cover: the score when nothing is known of a row.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// Adds a row's Shapley values to `out`, one for each feature.
    pub fn add(&self, trees: &Trees, row: &[f64], out: &mut [f64]) {
        let mut space = Space::default();
        for tree in &self.trees {
            match tree.points {
                Points::Two => tree.add(trees, row, out, &mut space, &self.rules.two),
                Points::Four => tree.add(trees, row, out, &mut space, &self.rules.four),
                Points::Six => tree.add(trees, row, out, &mut space, &self.rules.six),
                Points::Eight => tree.add(trees, row, out, &mut space, &self.rules.eight),
                Points::Most => tree.add(trees, row, out, &mut space, &self.rules.most),
            }
        }
    }
}

/// Working memory, reused from tree to tree.
#[derive(Default)]
struct Space {
    passes: Vec<bool>,
    products: Vec<f64>,
}

impl Tree {
    fn new(trees: &Trees, range: std::ops::Range<usize>) -> Self {
        let nodes = trees.nodes.get(range.clone()).unwrap_or_default();
        let cover = |node: usize| trees.cover.get(range.start + node).copied().unwrap_or(1.0);
        let root =
            Edge { parent: 0, above: NONE, feature: LEAF, is_leaf: true, is_left: false, share: 1.0, value: 0.0 };
        let mut edges = vec![root; nodes.len()];
        let mut features = vec![0usize; nodes.len()];
        let mut most = 1;
        for (at, node) in nodes.iter().enumerate() {
            if node.feature == LEAF {
                if let Some(edge) = edges.get_mut(at) {
                    edge.value = node.number;
                }
                continue;
            }
            // Parents stand before their children, so the edges above are known.
            let mut above = at;
            while above != 0 && edges.get(above).is_some_and(|edge| edge.feature != node.feature) {
                above = edges.get(above).map_or(0, |edge| edge.parent as usize);
            }
            let (above, share, new) = match edges.get(above) {
                Some(edge) if above != 0 => (above as u32, edge.share, 0),
                _ => (NONE, 1.0, 1),
            };
            let seen = features.get(at).copied().unwrap_or(0) + new;
            most = most.max(seen);
            let right = (node.right as usize).saturating_sub(range.start);
            for (child, is_left) in [(at + 1, true), (right, false)] {
                let share = share * cover(child) / cover(at);
                if let (Some(edge), Some(count)) = (edges.get_mut(child), features.get_mut(child)) {
                    *edge = Edge { parent: at as u32, above, feature: node.feature, is_left, share, ..root };
                    *count = seen;
                }
            }
            if let Some(edge) = edges.get_mut(at) {
                edge.is_leaf = false;
            }
        }
        let points = Points::enough(most);
        let rule = points.all();
        let every = |value: fn(f64, f64, f64) -> f64| -> Vec<f64> {
            edges.iter().flat_map(|edge| rule.iter().map(|(at, weight)| value(edge.share, *at, *weight))).collect()
        };
        let factors = every(|share, at, _| (1.0 - at) * share + at);
        let inverses = every(|share, at, _| 1.0 / ((1.0 - at) * share + at));
        let weights = every(|share, at, weight| weight * (1.0 - share) / ((1.0 - at) * share + at));
        Self { start: range.start, points, edges, factors, inverses, weights }
    }

    /// The mean of the leaves by cover.
    fn expected(&self) -> f64 {
        let mut reach = vec![1.0; self.edges.len()];
        let mut sum = 0.0;
        for (at, edge) in self.edges.iter().enumerate() {
            if at > 0 {
                let above = self.edges.get(edge.above as usize).map_or(1.0, |above| above.share);
                let parent = reach.get(edge.parent as usize).copied().unwrap_or(0.0);
                if let Some(reach) = reach.get_mut(at) {
                    *reach = parent * edge.share / above;
                }
            }
            if edge.is_leaf {
                sum += edge.value * reach.get(at).copied().unwrap_or(0.0);
            }
        }
        sum
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "all lists have one entry for each node, and edges name nodes before them"
    )]
    fn add<const N: usize>(&self, trees: &Trees, row: &[f64], out: &mut [f64], space: &mut Space, rule: &Rule<N>) {
        let count = self.edges.len();
        space.passes.clear();
        space.passes.resize(count, true);
        space.products.clear();
        space.products.resize(count * N, 1.0);
        let (products, _) = space.products.as_chunks_mut::<N>();
        let (factors, _) = self.factors.as_chunks::<N>();
        let (inverses, _) = self.inverses.as_chunks::<N>();
        let (weights, _) = self.weights.as_chunks::<N>();
        let nodes = &trees.nodes[self.start..self.start + count];
        // Down: the product of the factors of all features on the way, at each point.
        for (at, edge) in self.edges.iter().enumerate().skip(1) {
            let value = row.get(usize::from(edge.feature)).copied().unwrap_or(f64::NAN);
            let above = edge.above as usize;
            let passed_above = edge.above == NONE || space.passes[above];
            let passes = passed_above && trees.goes_left(&nodes[edge.parent as usize], value) == edge.is_left;
            space.passes[at] = passes;
            let mut product = products[edge.parent as usize];
            match (edge.above == NONE, passed_above, passes) {
                (true, _, true) => times(&mut product, &factors[at], 1.0),
                (true, _, false) => times(&mut product, &rule.rest, edge.share),
                (false, true, true) => {
                    times(&mut product, &inverses[above], 1.0);
                    times(&mut product, &factors[at], 1.0);
                }
                (false, true, false) => {
                    times(&mut product, &inverses[above], 1.0);
                    times(&mut product, &rule.rest, edge.share);
                }
                // Failed above and so here: only the share changes.
                (false, false, _) => times(&mut product, &[1.0; N], edge.share / self.edges[above].share),
            }
            products[at] = product;
        }
        // Up: once the children have their products, a node holds the sum of the leaves below it.
        for (edge, product) in self.edges.iter().zip(products.iter_mut()) {
            if edge.is_leaf {
                times(product, &[1.0; N], edge.value);
            } else {
                *product = [0.0; N];
            }
        }
        for (at, edge) in self.edges.iter().enumerate().skip(1).rev() {
            let sum = products[at];
            let parent = &mut products[edge.parent as usize];
            for (parent, sum) in parent.iter_mut().zip(&sum) {
                *parent += sum;
            }
            // (o − z) over the factor: (1 − z) / ((1−t) z + t) where the row passes, −1 / (1−t) where it does not.
            let share = |edge: usize| {
                if space.passes[edge] { dot(&weights[edge], &sum) } else { -dot(&rule.weights, &sum) }
            };
            let taken = if edge.above == NONE { 0.0 } else { share(edge.above as usize) };
            if let Some(out) = out.get_mut(usize::from(edge.feature)) {
                *out += share(at) - taken;
            }
        }
    }
}

fn times<const N: usize>(product: &mut [f64; N], factors: &[f64; N], scale: f64) {
    for (product, factor) in product.iter_mut().zip(factors) {
        *product *= factor * scale;
    }
}

fn dot<const N: usize>(weights: &[f64; N], sums: &[f64; N]) -> f64 {
    // Two running sums: additions need not wait for each other, and the order is fixed.
    let (mut even, mut odd) = (0.0, 0.0);
    for (weights, sums) in weights.as_chunks::<2>().0.iter().zip(sums.as_chunks::<2>().0) {
        even += weights[0] * sums[0];
        odd += weights[1] * sums[1];
    }
    even + odd
}

/// The rules of all sizes.
#[derive(Clone, Debug)]
struct Rules {
    two: Rule<2>,
    four: Rule<4>,
    six: Rule<6>,
    eight: Rule<8>,
    most: Rule<MOST>,
}

impl Rules {
    fn new() -> Self {
        Self { two: Rule::new(), four: Rule::new(), six: Rule::new(), eight: Rule::new(), most: Rule::new() }
    }
}

/// What a feature that the row fails needs of a rule.
#[derive(Clone, Debug)]
struct Rule<const N: usize> {
    /// `1 − t` at each point.
    rest: [f64; N],
    /// The point's weight over `1 − t`.
    weights: [f64; N],
}

impl<const N: usize> Rule<N> {
    fn new() -> Self {
        let mut made = Self { rest: [0.0; N], weights: [0.0; N] };
        for ((rest, own), (at, weight)) in made.rest.iter_mut().zip(&mut made.weights).zip(gauss_legendre(N)) {
            *rest = 1.0 - at;
            *own = weight / (1.0 - at);
        }
        made
    }
}

/// Points and weights of Gauss and Legendre's rule on 0..1, by Newton's method on the Legendre polynomial.
fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let order = count as f64;
    let point = |at: usize| {
        let mut x = (std::f64::consts::PI * (at as f64 + 0.75) / (order + 0.5)).cos();
        let mut slope = 1.0;
        // Newton doubles the digits: six steps from a start good to two digits reach the last bit.
        for _ in 0..8 {
            let (mut value, mut before) = (x, 1.0);
            for degree in 2..=count {
                let degree = degree as f64;
                (value, before) = (((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree, value);
            }
            slope = order * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(point).collect()
}
