//! Rows that stand more than once, in one table or in two.
//!
//! Cost: one hash a row; linear.

use rustc_hash::FxHashMap;

use crate::frame::Frame;

/// Figures to which numbers are rounded for *nearly equal*.
const FIGURES: i32 = 3;

/// Rows that stand more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Groups of rows that are equal in all columns; each ascending, by their first row.
    pub exact: Vec<Vec<usize>>,
    /// Of these, the groups whose rows carry different labels.
    pub conflicts: Vec<Vec<usize>>,
    /// Rows that equal another one when numbers are rounded to three figures, and no other exactly.
    pub near: Vec<usize>,
}

/// A number of a row's content; equal rows have equal numbers. 0 and −0 are equal, and so are all that is missing.
pub fn row_hash(frame: &Frame, row: usize, is_rounded: bool) -> u128 {
    let mut hash = (0xcbf2_9ce4_8422_2325u64, 0x9e37_79b9_7f4a_7c15u64);
    for column in frame.columns() {
        let value = column.get(row).copied().unwrap_or(f64::NAN);
        let value = if is_rounded { rounded(value) } else { value };
        let bits = if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() };
        hash.0 = (hash.0 ^ bits).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        hash.1 = (hash.1 ^ bits.rotate_left(32)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31);
    }
    u128::from(hash.0) << 64 | u128::from(hash.1)
}

/// Finds rows that stand more than once.
pub fn duplicates(frame: &Frame, labels: Option<&[bool]>) -> Duplicates {
    let exact = groups((0..frame.rows()).map(|row| row_hash(frame, row, false)));
    let label = |row: &usize| labels.and_then(|labels| labels.get(*row));
    let differs = |group: &&Vec<usize>| group.iter().any(|row| label(row) != group.first().and_then(label));
    let conflicts = exact.iter().filter(differs).cloned().collect();
    let mut in_exact = vec![false; frame.rows()];
    for row in exact.iter().flatten() {
        if let Some(is_in) = in_exact.get_mut(*row) {
            *is_in = true;
        }
    }
    let near = groups((0..frame.rows()).map(|row| row_hash(frame, row, true)));
    let mut near: Vec<usize> =
        near.into_iter().flatten().filter(|row| in_exact.get(*row).is_some_and(|is_in| !is_in)).collect();
    near.sort_unstable();
    Duplicates { exact, conflicts, near }
}

/// Pairs of rows that stand in both tables: (row here, first row there).
pub fn shared(frame: &Frame, other: &Frame) -> Vec<(usize, usize)> {
    let mut there: FxHashMap<u128, usize> = FxHashMap::default();
    for row in (0..other.rows()).rev() {
        there.insert(row_hash(other, row, false), row);
    }
    let find = |row: usize| there.get(&row_hash(frame, row, false)).map(|other| (row, *other));
    (0..frame.rows()).filter_map(find).collect()
}

/// Groups of two and more places with the same number.
pub fn groups<K: Eq + std::hash::Hash>(keys: impl Iterator<Item = K>) -> Vec<Vec<usize>> {
    let mut first: FxHashMap<K, usize> = FxHashMap::default();
    let mut more: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
    for (row, key) in keys.enumerate() {
        match first.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => more.entry(*entry.get()).or_default().push(row),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(row);
            }
        }
    }
    let mut out: Vec<Vec<usize>> = more
        .into_iter()
        .map(|(head, mut rest)| {
            rest.insert(0, head);
            rest
        })
        .collect();
    out.sort();
    out
}

fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powi(FIGURES - 1 - value.abs().log10().floor() as i32);
    if scale.is_finite() && scale > 0.0 { (value * scale).round() / scale } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Feature, FeatureKind, Schema};

    fn frame(columns: Vec<Vec<f64>>) -> Frame {
        let feature = |at: usize| Feature { name: format!("x{at}"), kind: FeatureKind::Numeric };
        Frame::new(Schema { features: (0..columns.len()).map(feature).collect() }, columns).unwrap()
    }

    #[test]
    fn equal_rows_conflicts_and_nearly_equal_rows_are_told_apart() {
        let table = frame(vec![
            vec![1.0, 2.0, 1.0, 1000.1, 1000.2, 0.0, -0.0],
            vec![f64::NAN, 5.0, f64::NAN, 7.0, 7.0, 3.0, 3.0],
        ]);
        let found = duplicates(&table, Some(&[false, false, true, false, false, true, true]));
        assert_eq!(found.exact, [vec![0, 2], vec![5, 6]]);
        assert_eq!(found.conflicts, [vec![0, 2]]);
        assert_eq!(found.near, [3, 4]);
        assert_eq!(shared(&frame(vec![vec![9.0, 2.0], vec![9.0, 5.0]]), &table), [(1, 1)]);
    }
}
