//! One column: where a value lies among those learned, and how surprising that is.
//!
//! A numeric column keeps at most [`KNOTS_MAX`] of its values as *knots* with the number of rows exactly at each knot and
//! strictly between neighbours. Both tails get half of the ties (mid-p), so that a binary column's usual value and a
//! continuous column's median both cost nothing. Values that no row had still have a p-value: half a row is added to each
//! side. Missing is an event of its own: as surprising as it is rare.
//!
//! A category's p-value is the mass of all values at most as frequent (ties half), not its own frequency: where a thousand
//! values are equally frequent, none of them is strange. What was never seen gets the Good–Turing mass: the share of rows
//! whose value came once.
//!
//! A look-up is an even grid over the knots, a binary search within one cell of it, and one table read.

use crate::frame::CATEGORIES_MAX;

/// Knots of a numeric column: resolves 1/256 in the middle and single rows at both ends; 6 kB a column.
pub const KNOTS_MAX: usize = 256;

/// One column's counts and the surprise table made of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// What kind it is, with its counts.
    pub(super) counts: Counts,
    /// Rows that were missing here; for categories, missing or not in the list.
    pub(super) missing: u64,
    /// Surprise by place: numeric `2 × knots + 1` places from below the first knot to above the last, a category by code;
    /// the last is for missing. Weight included.
    pub(super) terms: Vec<f64>,
    /// How much the column counts.
    pub(super) weight: f64,
    /// Where to look among the knots.
    grid: Grid,
}

/// Cells of a grid: a column of rates in hundredths has two knots a cell; 130 bytes a column.
const CELLS: usize = 64;

/// For each cell of an even grid over the knots, how many knots lie in cells before it. Which cell a value is in rises with
/// the value, so its place is among its own cell's knots, whatever rounding does.
#[derive(Clone, Debug, Default, PartialEq)]
struct Grid {
    starts: Box<[u16]>,
    low: f64,
    scale: f64,
}

impl Grid {
    fn new(knots: &[f64]) -> Self {
        let (Some(low), Some(high)) = (knots.first().copied(), knots.last().copied()) else { return Self::default() };
        let scale = CELLS as f64 / (high - low);
        let mut grid = Self { starts: Box::default(), low, scale: if scale.is_finite() { scale } else { 0.0 } };
        grid.starts = (0..=CELLS).map(|cell| knots.partition_point(|knot| grid.cell(*knot) < cell) as u16).collect();
        if let Some(last) = grid.starts.last_mut() {
            *last = knots.len() as u16;
        }
        grid
    }

    #[inline]
    fn cell(&self, value: f64) -> usize {
        // From a float to an integer Rust saturates, and makes 0 of what is no number.
        (((value - self.low) * self.scale) as usize).min(CELLS - 1)
    }

    /// How many knots are below a value.
    #[inline]
    fn below(&self, knots: &[f64], value: f64) -> usize {
        let cell = self.cell(value);
        let Some([from, to]) = self.starts.get(cell..cell + 2) else { return 0 };
        let (from, to) = (usize::from(*from), usize::from(*to));
        from + knots.get(from..to).map_or(0, |own| own.partition_point(|knot| *knot < value))
    }
}

/// Counts by kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Counts {
    /// `knots` ascend; `at` has one count a knot, `between` one more.
    Numeric {
        /// Values.
        knots: Vec<f64>,
        /// Rows at each.
        at: Vec<u64>,
        /// Rows below, between and above them.
        between: Vec<u64>,
    },
    /// Rows by code.
    Category(Vec<u64>),
}

impl Column {
    /// A numeric column from its values; `NaN` is missing.
    pub(super) fn numeric(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).map(|v| v + 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        let knots = knots(&sorted);
        let mut at = vec![0; knots.len()];
        let mut between = vec![0; knots.len() + 1];
        for value in &sorted {
            let place = knots.partition_point(|knot| knot < value);
            let slot = if knots.get(place) == Some(value) { at.get_mut(place) } else { between.get_mut(place) };
            if let Some(count) = slot {
                *count += 1;
            }
        }
        let missing = (values.len() - sorted.len()) as u64;
        Self {
            counts: Counts::Numeric { knots, at, between },
            missing,
            terms: Vec::new(),
            weight: 1.0,
            grid: Grid::default(),
        }
        .refreshed()
    }

    /// A categorical column of `codes` values.
    pub(super) fn category(values: &[f64], codes: usize) -> Self {
        let mut counts = vec![0u64; codes];
        let mut missing = 0;
        for value in values {
            match counts.get_mut(code(*value)) {
                Some(count) => *count += 1,
                None => missing += 1,
            }
        }
        Self { counts: Counts::Category(counts), missing, terms: Vec::new(), weight: 1.0, grid: Grid::default() }
            .refreshed()
    }

    /// A column from its parts, as they were kept.
    pub(super) fn kept(counts: Counts, missing: u64, terms: Vec<f64>, weight: f64) -> Self {
        let mut column = Self { counts, missing, terms, weight, grid: Grid::default() };
        column.index();
        column
    }

    /// The value's surprise, weight included.
    #[inline]
    pub(super) fn term(&self, value: f64) -> f64 {
        self.terms.get(self.place(value)).or(self.terms.last()).copied().unwrap_or(0.0)
    }

    /// Counts one more value. Its surprise is current again after [`Column::refresh`].
    pub(super) fn learn(&mut self, value: f64) {
        let place = self.place(value);
        match &mut self.counts {
            Counts::Category(counts) => match counts.get_mut(place) {
                Some(count) => *count += 1,
                None => self.missing += 1,
            },
            Counts::Numeric { .. } if value.is_nan() => self.missing += 1,
            Counts::Numeric { knots, at, between } => {
                let nearest = place / 2;
                if place % 2 == 1 {
                    if let Some(count) = at.get_mut(nearest) {
                        *count += 1;
                    }
                } else if knots.len() < KNOTS_MAX && value.is_finite() && between.get(nearest) == Some(&0) {
                    // Room for the value itself, and no rows whose side of it would be unknown. The table has no place
                    // for it yet, so that is made now.
                    knots.insert(nearest, value + 0.0);
                    at.insert(nearest, 1);
                    between.insert(nearest, 0);
                    self.refresh();
                } else if let Some(count) = between.get_mut(nearest) {
                    *count += 1;
                }
            }
        }
    }

    /// Makes the table anew from the counts.
    pub(super) fn refresh(&mut self) {
        let mut terms = match &self.counts {
            Counts::Numeric { at, between, .. } => numeric_terms(at, between, self.missing),
            Counts::Category(counts) => category_terms(counts, self.missing),
        };
        terms.iter_mut().for_each(|term| *term *= self.weight);
        self.terms = terms;
        self.index();
    }

    fn index(&mut self) {
        if let Counts::Numeric { knots, .. } = &self.counts {
            self.grid = Grid::new(knots);
        }
    }

    /// The same with its table made.
    pub(super) fn refreshed(mut self) -> Self {
        self.refresh();
        self
    }

    /// Where in the table a value stands; beyond its end where it is missing.
    #[inline]
    fn place(&self, value: f64) -> usize {
        match &self.counts {
            Counts::Category(_) => code(value),
            Counts::Numeric { .. } if value.is_nan() => usize::MAX,
            Counts::Numeric { knots, .. } => {
                let at = self.grid.below(knots, value);
                2 * at + usize::from(knots.get(at) == Some(&value))
            }
        }
    }
}

/// A value as a code; out of every range where it is none.
#[inline]
fn code(value: f64) -> usize {
    let code = value as usize;
    if code as f64 == value && code < CATEGORIES_MAX { code } else { usize::MAX }
}

/// At most [`KNOTS_MAX`] of ascending values: all different ones if they are few, else ranks that are evenly spaced in the
/// middle and twice as dense each time the tail halves.
fn knots(sorted: &[f64]) -> Vec<f64> {
    let mut different = sorted.to_vec();
    different.dedup();
    if different.len() <= KNOTS_MAX {
        return different;
    }
    let last = sorted.len() - 1;
    let even = KNOTS_MAX * 3 / 5;
    let mut ranks: Vec<usize> = (0..even).map(|at| at * last / (even - 1)).collect();
    // Ends: geometric from single rows to the first even step.
    let ends = (KNOTS_MAX - even) / 2;
    let step = (last as f64 / (even - 1) as f64).max(1.0);
    for at in 0..ends {
        let rank = (step.powf(at as f64 / ends as f64) as usize).min(last);
        ranks.extend([rank, last - rank]);
    }
    ranks.sort_unstable();
    let mut knots: Vec<f64> = ranks.into_iter().filter_map(|rank| sorted.get(rank).copied()).collect();
    knots.dedup();
    knots
}

/// −ln of the two-sided mid-p at each place.
fn numeric_terms(at: &[u64], between: &[u64], missing: u64) -> Vec<f64> {
    let present: u64 = at.iter().sum::<u64>() + between.iter().sum::<u64>();
    let rows = (present + missing) as f64;
    // Where missing is usual, a value is an event too.
    let rare_value = rarity(present, rows).max(0.0);
    let mut terms = Vec::with_capacity(2 * at.len() + 2);
    let mut below = 0.0;
    for place in 0..=at.len() {
        let counts = [between.get(place).copied(), at.get(place).copied()];
        for count in counts.into_iter().flatten() {
            let (lower, upper) = (below + count as f64 / 2.0, present as f64 - below - count as f64 / 2.0);
            let tail = (2.0 * (lower.min(upper) + 0.5) / (present as f64 + 1.0)).min(1.0);
            terms.push(rare_value - tail.ln() + 0.0);
            below += count as f64;
        }
    }
    terms.push(rarity(missing, rows));
    terms
}

/// −ln of how often something with this many of all rows happens; nothing where it is the usual.
fn rarity(count: u64, rows: f64) -> f64 {
    let share = (count as f64 + 0.5) / (rows + 1.0);
    if share >= 0.5 { 0.0 } else { -share.ln() }
}

/// −ln of the mass at most as frequent, by code; the last is for what is missing or was never seen.
fn category_terms(counts: &[u64], missing: u64) -> Vec<f64> {
    let once = counts.iter().filter(|count| **count == 1).count() as u64;
    let total = (counts.iter().sum::<u64>() + missing) as f64;
    // Good–Turing: values seen once stand for the unseen.
    let unseen = missing + once.max(1);
    let mut order: Vec<u64> = counts.iter().copied().chain([missing]).filter(|count| *count > 0).collect();
    order.sort_unstable();
    let mut sums = vec![0u64];
    let mut sum = 0;
    for count in &order {
        sum += count;
        sums.push(sum);
    }
    let mass = |count: u64| {
        let rarer = order.partition_point(|have| *have < count);
        let as_rare = order.partition_point(|have| *have <= count);
        let (low, high) = (sums.get(rarer).copied().unwrap_or(0), sums.get(as_rare).copied().unwrap_or(0));
        let mid = (low + high) as f64 / 2.0;
        -((mid + 0.5) / (total + 1.0)).min(1.0).ln()
    };
    let cap = -((unseen as f64 / 2.0 + 0.5) / (total + 1.0)).min(1.0).ln();
    let usual = order.last().copied().unwrap_or(0);
    // The most frequent value is what is usual: it costs nothing.
    let term = |count: u64| match count {
        0 => cap,
        count if count == usual => 0.0,
        count => mass(count),
    };
    let mut terms: Vec<f64> = counts.iter().map(|count| term(*count) + 0.0).collect();
    terms.push(if missing == usual && missing > 0 { 0.0 } else { mass(unseen).max(0.0) + 0.0 });
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_cost_nothing_and_ends_cost_what_they_are_rare() {
        // 98 zeros, one 1, one 5: zero is usual, 1 is above the middle, 5 at the end, 9 beyond it.
        let mut values = vec![0.0; 98];
        values.extend([1.0, 5.0]);
        let column = Column::numeric(&values);
        let cases = [
            (0.0, 1.0),
            (-0.0, 1.0),
            (1.0, 2.0 * 2.0 / 101.0),
            (5.0, 2.0 / 101.0),
            (9.0, 1.0 / 101.0),
            (-1.0, 1.0 / 101.0),
        ];
        for (value, p) in cases {
            assert!(
                (column.term(value) + f64::ln(p)).abs() < 0.03,
                "{value}: {} is not {}",
                column.term(value),
                -p.ln()
            );
        }
        assert!((column.term(f64::NAN) + (0.5f64 / 101.0).ln()).abs() < 1e-12);
        assert_eq!(column.term(f64::INFINITY), column.term(9.0));
    }

    #[test]
    fn where_missing_is_usual_a_value_is_the_event() {
        let mut values = vec![f64::NAN; 90];
        values.extend([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        let column = Column::numeric(&values);
        assert_eq!(column.term(f64::NAN), 0.0);
        assert!(column.term(5.0) > 2.2 && column.term(10.0) > column.term(5.0));
    }

    #[test]
    fn many_values_keep_their_ends_and_their_order() {
        let values: Vec<f64> = (0..100_000).map(f64::from).collect();
        let column = Column::numeric(&values);
        let Counts::Numeric { knots, .. } = &column.counts else { panic!("numeric") };
        assert!(knots.len() <= KNOTS_MAX && knots.len() > KNOTS_MAX / 2, "{}", knots.len());
        for (value, p) in [(99_999.0, 2e-5), (99_990.0, 2e-4), (50_000.0, 1.0), (1000.0, 0.02)] {
            let off = (column.term(value) + f64::ln(p)).abs();
            assert!(off < 0.45, "{value}: {} against {}", column.term(value), -f64::ln(p));
        }
    }

    #[test]
    fn equally_frequent_categories_are_not_strange_and_unseen_ones_are() {
        let values: Vec<f64> = (0..1000).map(|at| f64::from(at % 100)).collect();
        let column = Column::category(&values, 101);
        assert_eq!(column.term(7.0), 0.0);
        assert!(column.term(100.0) > 6.0 && column.term(f64::NAN) > 6.0 && column.term(0.5) > 6.0);
        // Where every second row brings a new value, another new one is no news.
        let values: Vec<f64> = (0..1000).map(|at| if at % 2 == 0 { 0.0 } else { f64::from(at) }).collect();
        let column = Column::category(&values, 1000);
        assert!(column.term(f64::NAN) < 2.0, "{}", column.term(f64::NAN));
    }

    #[test]
    fn the_grid_finds_what_a_plain_search_finds() {
        let mut random = crate::Random::new(3);
        for round in 0..200 {
            let spread = 10f64.powi(round % 40 * 15 - 300);
            let mut knots: Vec<f64> = (0..round).map(|_| (random.unit() - 0.5).powi(3) * spread).collect();
            knots.sort_by(f64::total_cmp);
            knots.dedup();
            let grid = Grid::new(&knots);
            let others = (0..200).map(|_| (random.unit() - 0.5) * spread);
            let extremes = [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0];
            for value in knots.iter().copied().chain(others).chain(extremes) {
                assert_eq!(grid.below(&knots, value), knots.partition_point(|knot| *knot < value), "{value}");
            }
        }
    }

    #[test]
    fn learning_makes_the_strange_usual() {
        let mut column = Column::numeric(&[1.0; 50]);
        let before = column.term(7.0);
        for _ in 0..50 {
            column.learn(7.0);
            column.learn(f64::NAN);
        }
        column.refresh();
        assert!(before > 3.0 && column.term(7.0) < 1.2, "{before} → {}", column.term(7.0));
        assert!(column.term(f64::NAN) < 1.2);
    }
}
