//! The score as a function of one numeric feature, all others fixed: each part's steps, mapped and fused where any of them changes.

use crate::forest::Steps;

use super::model::Tabular;
use super::part::Part;

impl Tabular {
    /// The score as a function of a numeric feature; `None` where a part is no step function (neighbours: models without labels).
    pub fn sweep(&self, row: &[f64], feature: usize) -> Option<Steps> {
        let mut parts: Vec<Steps> = Vec::new();
        for (part, surprise) in self.fitted() {
            let mut steps = match part {
                Part::Boosted(_, model) => model.trees().sweep(row, feature),
                Part::Isolation(model) => model.trees().sweep(row, feature),
                Part::Neighbours(_) => return None,
            };
            steps.values.iter_mut().for_each(|value| *value = surprise.of(*value));
            parts.push(steps);
        }
        let mut ends: Vec<f64> = parts.iter().flat_map(|steps| steps.ends.iter().copied()).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let mut at = vec![0usize; parts.len()];
        let mut surprises = vec![0.0; parts.len()];
        let mut out = Steps { ends: Vec::with_capacity(ends.len()), values: Vec::with_capacity(ends.len() + 1) };
        for end in ends.iter().copied().map(Some).chain([None]) {
            for ((surprise, at), steps) in surprises.iter_mut().zip(&at).zip(&parts) {
                *surprise = steps.values.get(*at).copied().unwrap_or(0.0);
            }
            out.values.push(self.fuse(&surprises).0);
            let Some(end) = end else { break };
            out.ends.push(end);
            for (at, steps) in at.iter_mut().zip(&parts) {
                *at += usize::from(steps.ends.get(*at) == Some(&end));
            }
        }
        Some(out)
    }
}
