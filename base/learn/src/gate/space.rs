//! Rows as points, learnt without labels, and clusters of them.
//!
//! A number becomes its rank among all rows (ties share the middle rank), so that no unit or outlier decides; a category
//! becomes one coordinate for each of its frequent values. Clusters are k-means (Lloyd) from seeded, distant starts.
//!
//! Cost of a clustering: rows × coordinates × clusters × rounds; 25,192 rows, 41 features, 40 clusters: about 0.5 s.

use crate::frame::{FeatureKind, Frame};
use crate::random::Random;

/// Coordinates of a point: wider tables keep the features with most spread.
const COORDINATES_MAX: usize = 192;

/// Values of a category with a coordinate of their own.
const VALUES_MAX: usize = 12;

/// Rounds of k-means.
const ROUNDS: usize = 12;

/// A category's weight beside a number's: two different values are as far as most of the range.
const CATEGORY: f32 = 0.6;

/// Rows as points.
#[derive(Clone, Debug, Default)]
pub struct Space {
    width: usize,
    points: Vec<f32>,
}

impl Space {
    /// The points of a table.
    pub fn new(frame: &Frame) -> Self {
        let mut columns: Vec<(f64, Vec<f32>)> = Vec::new();
        for (feature, column) in frame.schema().features.iter().zip(frame.columns()) {
            match &feature.kind {
                FeatureKind::Numeric => columns.push(spread(ranks(column))),
                FeatureKind::Categorical(values) => {
                    let mut counts: Vec<(usize, usize)> = (0..values.len()).map(|code| (0, code)).collect();
                    for value in column.iter().filter(|value| !value.is_nan()) {
                        if let Some(count) = counts.get_mut(*value as usize) {
                            count.0 += 1;
                        }
                    }
                    counts.sort_by_key(|(count, code)| (std::cmp::Reverse(*count), *code));
                    for (_, code) in counts.into_iter().take(VALUES_MAX).filter(|(count, _)| *count > 0) {
                        let own = |value: &f64| if *value == code as f64 { CATEGORY } else { 0.0 };
                        columns.push(spread(column.iter().map(own).collect()));
                    }
                }
            }
        }
        columns.sort_by(|a, b| b.0.total_cmp(&a.0));
        columns.truncate(COORDINATES_MAX);
        columns.retain(|(spread, _)| *spread > 0.0);
        let width = columns.len();
        let mut points = vec![0.0; frame.rows() * width];
        for (at, (_, column)) in columns.iter().enumerate() {
            points.iter_mut().skip(at).step_by(width.max(1)).zip(column).for_each(|(point, value)| *point = *value);
        }
        Self { width, points }
    }

    /// One row's point.
    pub fn point(&self, row: usize) -> &[f32] {
        self.points.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }

    /// Coordinates of a point.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many points.
    pub fn rows(&self) -> usize {
        self.points.len().checked_div(self.width).unwrap_or(0)
    }

    /// Each row's cluster, of at most `count`.
    pub fn clusters(&self, count: usize, random: &mut Random) -> Vec<u32> {
        let rows = self.rows();
        let count = count.min(rows);
        let mut nearest = vec![0u32; rows];
        if count < 2 {
            return nearest;
        }
        let mut centres = self.starts(count, random);
        for _ in 0..ROUNDS {
            let mut moved = false;
            for (row, own) in nearest.iter_mut().enumerate() {
                let best = closest(self.point(row), &centres, self.width);
                moved |= *own != best;
                *own = best;
            }
            if !moved {
                break;
            }
            let mut sums = vec![0.0f64; count * self.width];
            let mut sizes = vec![0usize; count];
            for (row, own) in nearest.iter().enumerate() {
                let from = *own as usize * self.width;
                let sum = sums.get_mut(from..from + self.width).unwrap_or_default();
                sum.iter_mut().zip(self.point(row)).for_each(|(sum, value)| *sum += f64::from(*value));
                if let Some(size) = sizes.get_mut(*own as usize) {
                    *size += 1;
                }
            }
            for ((centre, sum), size) in
                centres.chunks_exact_mut(self.width).zip(sums.chunks_exact(self.width)).zip(&sizes)
            {
                if *size > 0 {
                    centre.iter_mut().zip(sum).for_each(|(centre, sum)| *centre = (sum / *size as f64) as f32);
                }
            }
        }
        nearest
    }

    /// Starts far from each other: each drawn with the squared distance to those before (k-means++).
    fn starts(&self, count: usize, random: &mut Random) -> Vec<f32> {
        let mut centres = self.point(random.below(self.rows())).to_vec();
        let mut gaps: Vec<f32> = vec![f32::INFINITY; self.rows()];
        for _ in 1..count {
            let last = centres.len() - self.width;
            let last = centres.get(last..).unwrap_or_default().to_vec();
            let mut whole = 0.0f64;
            for (row, gap) in gaps.iter_mut().enumerate() {
                *gap = gap.min(distance(self.point(row), &last));
                whole += f64::from(*gap);
            }
            let mut left = random.unit() * whole;
            let mut picked = 0;
            for (row, gap) in gaps.iter().enumerate() {
                left -= f64::from(*gap);
                if *gap > 0.0 {
                    picked = row;
                }
                if left <= 0.0 {
                    break;
                }
            }
            centres.extend_from_slice(self.point(picked));
        }
        centres
    }
}

fn closest(point: &[f32], centres: &[f32], width: usize) -> u32 {
    let mut best = (0u32, f32::INFINITY);
    for (at, centre) in centres.chunks_exact(width.max(1)).enumerate() {
        let gap = distance(point, centre);
        if gap < best.1 {
            best = (at as u32, gap);
        }
    }
    best.0
}

/// The squared distance, in eight sums so that the machine can add them at once, always in the same order.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
}

/// A column with its variance.
fn spread(column: Vec<f32>) -> (f64, Vec<f32>) {
    let count = column.len().max(1) as f64;
    let mean = column.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = column.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    (variance, column)
}

/// Each value's middle rank, 0 to 1; what is missing stands at −½.
fn ranks(column: &[f64]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..column.len()).filter(|row| column.get(*row).is_some_and(|v| !v.is_nan())).collect();
    let of = |row: usize| column.get(row).copied().unwrap_or(0.0);
    order.sort_by(|a, b| of(*a).total_cmp(&of(*b)));
    let mut out = vec![-0.5f32; column.len()];
    let last = order.len().saturating_sub(1).max(1) as f32;
    let mut from = 0;
    for run in order.chunk_by(|a, b| of(*a) == of(*b)) {
        let middle = (from as f32 + (run.len() - 1) as f32 / 2.0) / last;
        for row in run {
            if let Some(out) = out.get_mut(*row) {
                *out = middle;
            }
        }
        from += run.len();
    }
    out
}
