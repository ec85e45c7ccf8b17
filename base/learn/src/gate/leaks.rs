//! Columns that give the label away, and what changed between two tables of one schema.
//!
//! Cost: a sort a column.

use crate::frame::{FeatureKind, Frame};
use crate::metrics::Ranking;

/// Area under the ROC curve of one column alone from which on it gives the label away.
pub const AUC_MIN: f64 = 0.999;

/// Rows of the rarer class below which nothing can be said.
const CLASS_ROWS_MIN: usize = 30;

/// Rows that each category must have on average: else a list of names fits any label.
const CATEGORY_ROWS_MIN: usize = 20;

/// A column that gives the label away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leak {
    /// The column.
    pub column: usize,
    /// How well it alone ranks the classes: 0.5 to 1.
    pub auc: f64,
}

/// How well each column alone tells the classes apart, best first.
pub fn single_columns(frame: &Frame, labels: &[bool]) -> Vec<Leak> {
    let hostile = labels.iter().filter(|label| **label).count();
    if hostile.min(labels.len() - hostile) < CLASS_ROWS_MIN {
        return Vec::new();
    }
    let mut out: Vec<Leak> = Vec::new();
    for (at, (feature, column)) in frame.schema().features.iter().zip(frame.columns()).enumerate() {
        let auc = match &feature.kind {
            FeatureKind::Numeric => Ranking::new(column, labels).auc(),
            FeatureKind::Categorical(values) if values.len() * CATEGORY_ROWS_MIN > labels.len() => continue,
            FeatureKind::Categorical(values) => {
                let mut counts = vec![[0.0f64; 2]; values.len() + 1];
                let code = |value: f64| if value.is_nan() { values.len() } else { value as usize };
                for (value, label) in column.iter().zip(labels) {
                    if let Some([normal, hostile]) = counts.get_mut(code(*value)) {
                        if *label { *hostile += 1.0 } else { *normal += 1.0 }
                    }
                }
                let share = |value: &f64| {
                    counts.get(code(*value)).map_or(0.0, |[normal, hostile]| hostile / (normal + hostile).max(1.0))
                };
                Ranking::new(&column.iter().map(share).collect::<Vec<_>>(), labels).auc()
            }
        };
        out.push(Leak { column: at, auc: auc.max(1.0 - auc) });
    }
    out.sort_by(|a, b| b.auc.total_cmp(&a.auc));
    out
}

/// How a column changed against a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The column.
    pub column: usize,
    /// All its quantiles are the reference's times this: another unit.
    pub factor: Option<f64>,
    /// Share of its values below the reference's least or above its greatest, or of categories that the reference lacks.
    pub outside: f64,
}

/// Quantiles whose ratio must be one and the same for a change of unit.
const QUANTILES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// How far each quantile's ratio may be from the others'.
const RATIO_SPREAD: f64 = 0.25;

/// Units differ by at least this.
const FACTOR_MIN: f64 = 5.0;

/// Compares the columns of two tables of one schema.
pub fn changes(reference: &Frame, frame: &Frame) -> Vec<Change> {
    let columns = reference.columns().iter().zip(frame.columns()).zip(&frame.schema().features);
    columns.enumerate().map(|(at, ((old, new), feature))| change(at, old, new, &feature.kind)).collect()
}

fn change(column: usize, old: &[f64], new: &[f64], kind: &FeatureKind) -> Change {
    let (old_sorted, new_sorted) = (sorted(old), sorted(new));
    if *kind != FeatureKind::Numeric {
        let known = |value: &&f64| old_sorted.binary_search_by(|own| own.total_cmp(value)).is_err();
        let outside = new.iter().filter(|value| value.is_nan()).count() + new_sorted.iter().filter(known).count();
        return Change { column, factor: None, outside: outside as f64 / new.len().max(1) as f64 };
    }
    let (least, most) = (old_sorted.first().copied(), old_sorted.last().copied());
    let beyond = |value: &&f64| least.is_some_and(|least| **value < least) || most.is_some_and(|most| **value > most);
    let outside = new_sorted.iter().filter(beyond).count() as f64 / new_sorted.len().max(1) as f64;
    let of = |list: &[f64], share: f64| list.get(((list.len().max(1) - 1) as f64 * share) as usize).copied();
    let mut ratios: Vec<f64> = QUANTILES
        .iter()
        .filter_map(|share| Some((of(&old_sorted, *share)?, of(&new_sorted, *share)?)))
        .filter(|(old, new)| *old != 0.0 && *new != 0.0)
        .map(|(old, new)| new / old)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0);
    let is_one = |ratio: &f64| (ratio / middle - 1.0).abs() <= RATIO_SPREAD;
    let is_unit = ratios.len() >= 3 && middle > 0.0 && ratios.iter().all(is_one);
    let is_far = middle >= FACTOR_MIN || middle <= 1.0 / FACTOR_MIN;
    Change { column, factor: (is_unit && is_far).then_some(middle), outside }
}

fn sorted(column: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Feature, Schema};

    fn frame(columns: Vec<Vec<f64>>) -> Frame {
        let feature = |at: usize| Feature { name: format!("x{at}"), kind: FeatureKind::Numeric };
        Frame::new(Schema { features: (0..columns.len()).map(feature).collect() }, columns).unwrap()
    }

    #[test]
    fn a_column_that_is_the_label_is_found_and_others_are_not() {
        let labels: Vec<bool> = (0..100).map(|row| row % 3 == 0).collect();
        let leak: Vec<f64> = labels
            .iter()
            .enumerate()
            .map(|(row, label)| f64::from(u8::from(!label)) * 9.0 + row as f64 / 100.0)
            .collect();
        let noise: Vec<f64> = (0..100).map(|row| f64::from(row * 37 % 100)).collect();
        let found = single_columns(&frame(vec![noise, leak]), &labels);
        assert!(found[0].column == 1 && found[0].auc == 1.0 && found[1].auc < 0.7);
        assert!(single_columns(&frame(vec![vec![1.0; 5]]), &[true, false, false, false, false]).is_empty());
    }

    #[test]
    fn another_unit_and_values_out_of_range_are_told() {
        let old: Vec<f64> = (0..1000).map(|row| f64::from(row * row % 977)).collect();
        let seconds: Vec<f64> = old.iter().map(|value| value / 1000.0).collect();
        let wider: Vec<f64> = old.iter().map(|value| value * 1.5).collect();
        let reference = frame(vec![old.clone(), old.clone(), old.clone()]);
        let found = changes(&reference, &frame(vec![seconds, wider, old]));
        assert!((found[0].factor.unwrap() - 0.001).abs() < 1e-9);
        assert!(found[1].factor.is_none() && found[1].outside > 0.2);
        assert!(found[2].factor.is_none() && found[2].outside == 0.0);
    }
}
