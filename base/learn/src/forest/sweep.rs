//! The score of a row as a function of one of its features, all others fixed: exact, in one walk of all trees.
//!
//! Trees are step functions of each feature; their sum changes only at the thresholds that a walk can reach. So the whole function
//! costs about as much as some scores, and its least value is the best that an attacker can do with that one feature.

use super::trees::{LEAF, NO_SET, Node, Trees};

/// A step function of one feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// Ends of the steps but the last: step i holds values above `ends[i − 1]` up to and with `ends[i]`.
    pub ends: Vec<f64>,
    /// The value on each step: one more than there are ends.
    pub values: Vec<f64>,
}

impl Steps {
    /// A function that never changes.
    pub fn constant(value: f64) -> Self {
        Self { ends: Vec::new(), values: vec![value] }
    }

    /// The value at a number.
    pub fn at(&self, number: f64) -> f64 {
        let step = self.ends.partition_point(|end| *end < number);
        self.values.get(step).copied().unwrap_or(0.0)
    }

    /// The lower and upper end of a step; infinite at both ends of the axis.
    pub fn bounds(&self, step: usize) -> (f64, f64) {
        let lower = step.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        (lower.unwrap_or(f64::NEG_INFINITY), self.ends.get(step).copied().unwrap_or(f64::INFINITY))
    }
}

impl Trees {
    /// The score as a function of a numeric feature. Rounding aside (the order of addition) each step is [`Trees::score`] there.
    pub fn sweep(&self, row: &[f64], feature: usize) -> Steps {
        let mut first = self.base;
        let mut changes: Vec<(f64, f64)> = Vec::new();
        let mut open: Vec<(usize, f64, f64)> = Vec::new();
        for start in &self.starts {
            let mut before: Option<f64> = None;
            open.clear();
            open.push((*start as usize, f64::NEG_INFINITY, f64::INFINITY));
            // Left children are taken first: the steps of a tree come in ascending order.
            while let Some((at, lower, upper)) = open.pop() {
                let Some(node) = self.nodes.get(at) else { continue };
                if node.feature == LEAF {
                    match before {
                        None => first += node.number,
                        Some(before) if before == node.number => {}
                        Some(before) => changes.push((lower, node.number - before)),
                    }
                    before = Some(node.number);
                } else if usize::from(node.feature) == feature && node.set == NO_SET {
                    if node.number < upper {
                        open.push((node.right as usize, lower.max(node.number), upper));
                    }
                    if lower < node.number {
                        open.push((at + 1, lower, upper.min(node.number)));
                    }
                } else {
                    open.push((self.next(node, at, row), lower, upper));
                }
            }
        }
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut out = Steps::constant(first);
        let mut value = first;
        for (end, change) in changes {
            value += change;
            match (out.ends.last(), out.values.last_mut()) {
                (Some(last), Some(own)) if *last == end => *own = value,
                _ => {
                    out.ends.push(end);
                    out.values.push(value);
                }
            }
        }
        out
    }

    fn next(&self, node: &Node, at: usize, row: &[f64]) -> usize {
        let value = row.get(usize::from(node.feature)).copied().unwrap_or(f64::NAN);
        if self.goes_left(node, value) { at + 1 } else { node.right as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::super::{Boosted, BoostedSettings, Table};
    use crate::{Model, Random};

    #[test]
    fn every_step_is_the_score_there() {
        let (frame, labels) = samples::table(600, 3);
        let settings = BoostedSettings { trees: 40, ..BoostedSettings::default() };
        let table = Table { frame: &frame, labels: Some(&labels) };
        let model = Boosted::fit(table, &settings, &mut Random::new(2)).unwrap();
        let mut row = Vec::new();
        let mut steps_seen = 0;
        for at in 0..20 {
            frame.copy_row(at, &mut row);
            for feature in 0..frame.schema().len() {
                if frame.schema().features[feature].kind != crate::FeatureKind::Numeric {
                    continue;
                }
                let steps = model.trees().sweep(&row, feature);
                assert_eq!(steps.values.len(), steps.ends.len() + 1);
                assert!(steps.ends.windows(2).all(|pair| pair[0] < pair[1]));
                steps_seen += steps.ends.len();
                let mut probes: Vec<f64> = steps.ends.iter().flat_map(|end| [*end, end.next_up()]).collect();
                probes.extend([-1e9, 1e9]);
                for probe in probes {
                    let mut trial = row.clone();
                    trial[feature] = probe;
                    let (exact, swept) = (model.score(&trial), steps.at(probe));
                    assert!((exact - swept).abs() < 1e-9, "row {at}, feature {feature} at {probe}: {exact} {swept}");
                }
            }
        }
        assert!(steps_seen > 100, "{steps_seen}");
    }
}
