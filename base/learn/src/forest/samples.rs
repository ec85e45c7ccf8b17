//! Tables for tests, made of a seed.

use crate::frame::{Feature, FeatureKind, Frame, Schema};
use crate::random::Random;

/// Numbers, one column of few values, one of categories, gaps here and there; labels that depend on all of them.
pub(super) fn table(rows: usize, seed: u64) -> (Frame, Vec<bool>) {
    let mut random = Random::new(seed);
    let mut columns = vec![Vec::new(); 5];
    let mut labels = Vec::new();
    for _ in 0..rows {
        let (a, b, few) = (random.unit() * 10.0, random.unit() - 0.5, random.below(4) as f64);
        let code = random.below(90);
        let noise = random.unit();
        labels.push((a > 6.0) ^ (b > 0.2) ^ (code.is_multiple_of(3) && few > 1.0) ^ (noise > 0.95));
        let gap = |value: f64, gone: bool| if gone { f64::NAN } else { value };
        let row = [a, gap(b, random.below(10) == 0), few, gap(code as f64, random.below(20) == 0), 7.0];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let kind = |at| match at {
        3 => FeatureKind::Categorical((0..100).map(|code| format!("c{code}")).collect()),
        _ => FeatureKind::Numeric,
    };
    let feature = |at: usize| Feature { name: format!("f{at}"), kind: kind(at) };
    (Frame::new(Schema { features: (0..5).map(feature).collect() }, columns).unwrap(), labels)
}

/// Rows that no table should hold.
pub(super) fn hostile_rows() -> Vec<Vec<f64>> {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.5, 1e300, f64::MIN, -0.0];
    let mut rows: Vec<Vec<f64>> = values.iter().map(|value| vec![*value; 5]).collect();
    rows.extend([vec![], vec![1.0], vec![1.0; 50]]);
    rows
}
