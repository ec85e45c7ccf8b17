//! Neighbours: how far a row is from the nearest of a few rows, over many small samples.
//!
//! The score is the mean over [`GROUPS`] random samples of [`GROUP_ROWS`] training rows each of the squared distance to the
//! nearest row of the sample (sampling instead of all pairs: Sugiyama and Borgwardt, NIPS 2013; small samples see clusters and
//! are not led astray by anomalies in the data: Bandaragoda et al., "isolation using nearest-neighbour ensembles", 2018).
//! A squared distance is a sum over features, so each feature's share is its own term and explains the score by construction.
//!
//! Numbers are set to their spread and folded by asinh, `asinh(3 (x − median) / (90 % − 10 % quantile))`: near the middle a plain
//! scale, far out a logarithm, so that byte counts over nine decades do not drown the rest. Another category, and a value
//! missing beside one that is there, cost a fixed amount.
//!
//! Costs GROUPS × GROUP_ROWS × features multiplications a row, in single precision; the nearest row's terms are summed in
//! double precision, so score and explanation are the same sum.

use crate::frame::{FeatureKind, Frame, Schema};
use crate::model::FitError;
use crate::random::Random;
use crate::tensors::{Array, LoadError, Tensors};

/// Samples: more change the mean AUC over 16 sets by less than the seed does.
pub const GROUPS: usize = 128;

/// Rows of a sample.
pub const GROUP_ROWS: usize = 16;

/// Squared distance between two categories: that of two numbers drawn from a normal distribution, in folded units.
const OTHER_CATEGORY: f32 = 2.0;

/// Where a missing number stands in folded units: as far from the middle as a value 9 spreads off.
const MISSING: f32 = 4.0;

/// How many spreads the fold's straight part covers.
const FOLD: f64 = 3.0;

/// Folded numbers are within this (asinh of the largest double is 710).
const FOLDED_MAX: f32 = 750.0;

/// Distances to the nearest of a few rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Neighbours {
    /// Middle and spread of each numeric feature; spread 0 for a category.
    middle: Vec<f64>,
    spread: Vec<f64>,
    /// Folded rows, group after group; within a group by feature, so that its rows stand side by side.
    rows: Vec<f32>,
    /// Each feature's mean share over training rows.
    ordinary: Vec<f64>,
}

/// A missing category: a code that no value has.
const NO_CODE: f32 = -1.0;

/// Codes beyond the largest list are all one.
const CODE_MAX: f32 = 65_536.0;

/// Training rows that the ordinary shares are measured on.
const ORDINARY_ROWS: usize = 512;

/// Working memory, reused from row to row.
#[derive(Default)]
struct Space {
    folded: Vec<f32>,
    costs: Vec<f32>,
    shares: Vec<f64>,
}

impl Neighbours {
    /// Draws the samples; `frame` has rows and columns.
    pub fn fit(frame: &Frame, random: &mut Random) -> Result<Self, FitError> {
        if frame.rows() < 2 || frame.schema().is_empty() {
            return Err(FitError::TooFew { have: frame.rows(), need: 2 });
        }
        let scales =
            frame.columns().iter().zip(&frame.schema().features).map(|(column, feature)| match &feature.kind {
                FeatureKind::Numeric => scale(column),
                FeatureKind::Categorical(_) => (0.0, 0.0),
            });
        let (middle, spread) = scales.unzip();
        let mut made = Self { middle, spread, rows: Vec::new(), ordinary: Vec::new() };
        let (mut row, mut folded, width) = (Vec::new(), Vec::new(), frame.schema().len());
        for _ in 0..GROUPS {
            // Small tables give small samples, else every row would be its own neighbour.
            let count = GROUP_ROWS.min(frame.rows().div_ceil(2));
            let picked = random.sample(frame.rows(), count);
            let from = made.rows.len();
            made.rows.resize(from + width * GROUP_ROWS, 0.0);
            for lane in 0..GROUP_ROWS {
                frame.copy_row(picked.get(lane % count).copied().unwrap_or(0), &mut row);
                made.fold(&row, &mut folded);
                let places = made.rows.iter_mut().skip(from + lane).step_by(GROUP_ROWS);
                places.zip(&folded).for_each(|(place, value)| *place = *value);
            }
        }
        let picked = random.sample(frame.rows(), ORDINARY_ROWS);
        let (mut sums, mut space) = (vec![0.0; frame.schema().len()], Space::default());
        for at in &picked {
            frame.copy_row(*at, &mut row);
            made.shares(&row, &mut space);
            sums.iter_mut().zip(&space.shares).for_each(|(sum, share)| *sum += share);
        }
        made.ordinary = sums.iter().map(|sum| sum / picked.len() as f64).collect();
        Ok(made)
    }

    /// A row in folded units.
    fn fold(&self, row: &[f64], out: &mut Vec<f32>) {
        out.clear();
        out.extend(self.middle.iter().zip(&self.spread).enumerate().map(|(at, (middle, spread))| {
            let value = row.get(at).copied().unwrap_or(f64::NAN);
            match (value.is_nan(), *spread > 0.0) {
                (true, true) => MISSING,
                (true, false) => NO_CODE,
                (false, true) => ((FOLD * (value - middle) / spread).asinh() as f32).clamp(-FOLDED_MAX, FOLDED_MAX),
                (false, false) => (value as f32).clamp(NO_CODE, CODE_MAX),
            }
        }));
    }

    /// Each feature's share of the score; the score is their sum.
    fn shares(&self, row: &[f64], space: &mut Space) {
        self.fold(row, &mut space.folded);
        let width = self.middle.len().max(1);
        space.shares.clear();
        space.shares.resize(self.middle.len(), 0.0);
        space.costs.clear();
        space.costs.extend(self.spread.iter().map(|spread| if *spread > 0.0 { 0.0 } else { OTHER_CATEGORY }));
        let (lanes, _) = self.rows.as_chunks::<GROUP_ROWS>();
        for group in lanes.chunks_exact(width) {
            let nearest = nearest(&space.folded, group, &space.costs);
            let terms = space.folded.iter().zip(group).zip(&space.costs);
            for (((own, others), cost), share) in terms.zip(space.shares.iter_mut()) {
                *share += f64::from(term(*own, others.get(nearest).copied().unwrap_or(0.0), *cost));
            }
        }
        space.shares.iter_mut().for_each(|share| *share /= GROUPS as f64);
    }

    /// The mean squared distance to the nearest rows.
    pub fn score(&self, row: &[f64]) -> f64 {
        let mut space = Space::default();
        self.shares(row, &mut space);
        space.shares.iter().sum()
    }

    /// The scores of all rows: the same bits as row by row.
    pub fn score_rows(&self, frame: &Frame) -> Vec<f64> {
        let (mut space, mut row) = (Space::default(), Vec::new());
        let score = |at: usize| {
            frame.copy_row(at, &mut row);
            self.shares(&row, &mut space);
            space.shares.iter().sum()
        };
        (0..frame.rows()).map(score).collect()
    }

    /// The ordinary score, and each feature's share above its ordinary one.
    pub fn explain(&self, row: &[f64]) -> (f64, Vec<f64>) {
        let mut space = Space::default();
        self.shares(row, &mut space);
        let shares = space.shares.iter().zip(&self.ordinary).map(|(share, ordinary)| share - ordinary);
        (self.ordinary.iter().sum(), shares.collect())
    }

    /// As arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        tensors.put("middle", Array::F64(self.middle.clone()));
        tensors.put("spread", Array::F64(self.spread.clone()));
        tensors.put("rows", Array::F32(self.rows.clone()));
        tensors.put("ordinary", Array::F64(self.ordinary.clone()));
        tensors
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When lengths do not fit the schema or numbers are out of range.
    pub fn from_tensors(tensors: &Tensors, schema: &Schema) -> Result<Self, LoadError> {
        let (middle, spread) = (tensors.f64s("middle")?, tensors.f64s("spread")?);
        let (rows, ordinary) = (tensors.f32s("rows")?, tensors.f64s("ordinary")?);
        let width = schema.len();
        for (name, length) in [("middle", middle.len()), ("spread", spread.len()), ("ordinary", ordinary.len())] {
            if length != width {
                return Err(LoadError::new(
                    format!("array `{name}`"),
                    format!("has {length} entries for {width} features"),
                ));
            }
        }
        if rows.len() != width * GROUP_ROWS * GROUPS {
            return Err(LoadError::new("array `rows`", "is not the samples of this layout"));
        }
        if tensors.arrays.len() != 4 {
            return Err(LoadError::new("arrays", "there are others than the four of neighbours"));
        }
        for (feature, spread) in schema.features.iter().zip(spread) {
            let numeric = feature.kind == FeatureKind::Numeric;
            if !(spread.is_finite() && *spread >= 0.0) || (numeric && *spread == 0.0) || (!numeric && *spread != 0.0) {
                return Err(LoadError::new("array `spread`", format!("does not fit feature `{}`", feature.name)));
            }
        }
        if rows.iter().any(|value| !value.is_finite() || value.abs() > CODE_MAX)
            || middle.iter().any(|value| !value.is_finite())
        {
            return Err(LoadError::new("array `rows`", "holds numbers out of range"));
        }
        Ok(Self { middle: middle.to_vec(), spread: spread.to_vec(), rows: rows.to_vec(), ordinary: ordinary.to_vec() })
    }
}

/// One feature's squared distance: of numbers where `cost` is 0, else the cost where codes differ.
fn term(own: f32, other: f32, cost: f32) -> f32 {
    let gap = own - other;
    if cost > 0.0 { if gap == 0.0 { 0.0 } else { cost } } else { gap * gap }
}

/// Which row of a group is nearest, the first of equals: all rows at once, feature by feature.
fn nearest(own: &[f32], group: &[[f32; GROUP_ROWS]], costs: &[f32]) -> usize {
    let mut sums = [0.0f32; GROUP_ROWS];
    for ((own, others), cost) in own.iter().zip(group).zip(costs) {
        if *cost > 0.0 {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += if own == other { 0.0 } else { *cost });
        } else {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += (own - other) * (own - other));
        }
    }
    let mut best = (0, f32::INFINITY);
    for (at, sum) in sums.into_iter().enumerate() {
        if sum < best.1 {
            best = (at, sum);
        }
    }
    best.0
}

/// Middle and spread of a column; never a spread of 0.
fn scale(column: &[f64]) -> (f64, f64) {
    let mut sorted: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let at =
        |share: f64| sorted.get(((sorted.len().saturating_sub(1)) as f64 * share) as usize).copied().unwrap_or(0.0);
    let middle = at(0.5);
    let wide = at(0.9) - at(0.1);
    if wide > 0.0 && wide.is_finite() {
        return (middle, wide);
    }
    // Nearly constant: the deviation of what is not, else one unit.
    let count = sorted.len().max(1) as f64;
    let mean = sorted.iter().map(|value| value / count).sum::<f64>();
    let deviation = (sorted.iter().map(|value| (value - mean) * ((value - mean) / count)).sum::<f64>()).sqrt();
    (middle, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 })
}
