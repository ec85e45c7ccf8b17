//! Sums of gradients over bins, in exact arithmetic.
//!
//! A row's gradient and curvature are rounded to 16 bits of the largest of the round and packed into one 64-bit word (gradient
//! above, curvature below), so that one addition counts both: two instructions an entry. Up to [`PACKED_ROWS_MAX`] rows fit
//! without overflow, then the packed sums move into wide ones. All sums are whole numbers below 2^53, held as `f64`: they do
//! not depend on the order of rows, and "parent − child = other child" is exact. Only the choice of splits sees the rounding;
//! the values of leaves come from the unrounded gradients.

use super::bins::{Bins, GROUP_BINS_MAX, Group};

/// Rows until a packed sum may overflow: 2^16 × (2^16 − 1) < 2^32 below, 2^16 × 2^15 ≤ 2^31 above.
const PACKED_ROWS_MAX: usize = 1 << 16;

/// The largest rounded gradient (the sign takes one bit).
const GRADIENT_MAX: f64 = 32_767.0;

/// The largest rounded curvature.
const CURVATURE_MAX: f64 = 65_535.0;

/// Whole-number sums over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub gradient: f64,
    pub curvature: f64,
}

impl Sums {
    pub fn add(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.curvature += other.curvature;
    }

    pub fn less(self, other: Self) -> Self {
        Self { gradient: self.gradient - other.gradient, curvature: self.curvature - other.curvature }
    }
}

/// The gradients of one round, rounded and packed, and what one unit of each is worth.
#[derive(Default)]
pub(super) struct Packed {
    rows: Vec<i64>,
    /// Gradient of one unit.
    pub gradient_unit: f64,
    /// Curvature of one unit.
    pub curvature_unit: f64,
}

impl Packed {
    /// Rounds the gradients of a round.
    pub fn fill(&mut self, gradients: &[[f64; 2]]) {
        let (mut gradient, mut curvature) = (1e-300f64, 1e-300f64);
        for [own_gradient, own_curvature] in gradients {
            gradient = gradient.max(own_gradient.abs());
            curvature = curvature.max(*own_curvature);
        }
        let (gradient_scale, curvature_scale) = (GRADIENT_MAX / gradient, CURVATURE_MAX / curvature);
        self.gradient_unit = gradient / GRADIENT_MAX;
        self.curvature_unit = curvature / CURVATURE_MAX;
        self.rows.clear();
        // Adding 1.5 × 2^52 rounds to the nearest whole number without a call to the maths library.
        let round = |value: f64| (value + 6_755_399_441_055_744.0) - 6_755_399_441_055_744.0;
        self.rows.extend(gradients.iter().map(|[gradient, curvature]| {
            let above = round(gradient * gradient_scale) as i32;
            let below = round(curvature * curvature_scale) as i32;
            (i64::from(above) << 32) + i64::from(below)
        }));
    }

    /// The sums over rows.
    pub fn sums(&self, rows: &[u32]) -> Sums {
        let mut sums = Sums::default();
        for rows in rows.chunks(PACKED_ROWS_MAX) {
            sums.add(unpack(rows.iter().map(|row| self.rows.get(*row as usize).copied().unwrap_or(0)).sum()));
        }
        sums
    }
}

/// Gradient and curvature of a packed sum.
fn unpack(packed: i64) -> Sums {
    Sums { gradient: (packed >> 32) as f64, curvature: (packed & 0xffff_ffff) as f64 }
}

/// Fills histograms; keeps its working memory.
pub(super) struct Counter {
    packed: Box<[i64; GROUP_BINS_MAX]>,
}

impl Counter {
    pub fn new() -> Self {
        let packed = vec![0i64; GROUP_BINS_MAX].into_boxed_slice();
        // The length is the constant's: the fallback is never taken, and only costs stack if it were.
        Self { packed: packed.try_into().unwrap_or_else(|_| Box::new([0; GROUP_BINS_MAX])) }
    }

    /// The sums of every bin over some rows, given their total.
    pub fn count(&mut self, bins: &Bins, gradients: &Packed, rows: &[u32], total: Sums, out: &mut Vec<Sums>) {
        out.clear();
        out.resize(bins.total, Sums::default());
        for group in &bins.groups {
            for rows in rows.chunks(PACKED_ROWS_MAX) {
                self.count_group(group, gradients, rows);
                let sums = out.iter_mut().skip(group.offset);
                for (sums, packed) in sums.zip(self.packed.iter_mut().take(group.bins)) {
                    if *packed != 0 {
                        sums.add(unpack(*packed));
                        *packed = 0;
                    }
                }
            }
        }
        for feature in &bins.features {
            let Some(own) = out.get_mut(feature.offset..feature.offset + feature.bins) else { continue };
            let mut rest = total;
            own.iter().for_each(|sums| rest = rest.less(*sums));
            if let Some(frequent) = own.get_mut(feature.frequent) {
                *frequent = rest;
            }
        }
    }

    #[expect(clippy::indexing_slicing, reason = "a 16-bit number is below 2^16; rows are the table's own")]
    fn count_group(&mut self, group: &Group, gradients: &Packed, rows: &[u32]) {
        for row in rows {
            let row = *row as usize;
            let packed = gradients.rows[row];
            for bin in &group.entries[group.starts[row]..group.starts[row + 1]] {
                self.packed[usize::from(*bin)] += packed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_sums_keep_signs_and_do_not_overflow() {
        let mut packed = Packed::default();
        let gradients: Vec<[f64; 2]> = (0..70_000).map(|at| [if at % 7 == 0 { 1.0 } else { -1.0 }, 0.25]).collect();
        packed.fill(&gradients);
        let rows: Vec<u32> = (0..70_000).collect();
        let sums = packed.sums(&rows);
        assert_eq!(sums.gradient, 32_767.0 * (10_000.0 - 60_000.0));
        assert_eq!(sums.curvature, 65_535.0 * 70_000.0);
    }
}
