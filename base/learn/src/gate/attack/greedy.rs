//! White box: for each controlled feature the whole score function, then the change that lowers it most; again with the rest.
//!
//! The first change is the exact optimum of one change. Cost of an attack: controls × changes sweeps; 7 controls, 3 changes and 900
//! trees: about 3 ms.

use crate::forest::{Boosted, Steps};
use crate::frame::{FeatureKind, Schema};
use crate::model::Model;
use crate::tabular::Tabular;

use super::attacker::Resolved;

/// What can be attacked.
pub trait Target {
    /// The score of a row.
    fn score(&self, row: &[f64]) -> f64;
    /// The score as a function of a numeric feature; `None` where it is no step function.
    fn sweep(&self, row: &[f64], feature: usize) -> Option<Steps>;
    /// The features.
    fn schema(&self) -> &Schema;
}

impl Target for Tabular {
    fn score(&self, row: &[f64]) -> f64 {
        Model::score(self, row)
    }

    fn sweep(&self, row: &[f64], feature: usize) -> Option<Steps> {
        Self::sweep(self, row, feature)
    }

    fn schema(&self) -> &Schema {
        Self::schema(self)
    }
}

impl Target for Boosted {
    fn score(&self, row: &[f64]) -> f64 {
        Model::score(self, row)
    }

    fn sweep(&self, row: &[f64], feature: usize) -> Option<Steps> {
        Some(self.trees().sweep(row, feature))
    }

    fn schema(&self) -> &Schema {
        Self::schema(self)
    }
}

/// A row after an attack.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked {
    /// The row.
    pub row: Vec<f64>,
    /// Its score.
    pub score: f64,
    /// Features changed, in order.
    pub changed: Vec<usize>,
    /// What the changes cost.
    pub cost: f64,
}

/// Values that are tried where a score is no step function: tenfold steps up and down.
const PROBES: [f64; 9] = [0.0, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0, 1e4, 1e6];

/// The row after 0, 1, 2 … changes (as many as lowered the score).
pub fn attack(target: &impl Target, attacker: &Resolved, row: &[f64]) -> Vec<Attacked> {
    let start = Attacked { row: row.to_vec(), score: target.score(row), changed: Vec::new(), cost: 0.0 };
    let mut path = vec![start.clone()];
    let mut now = start;
    for _ in 0..attacker.changes_max {
        let mut best: Option<(f64, f64, usize, f64)> = None;
        for (feature, control) in attacker.features.iter().filter(|(feature, _)| !now.changed.contains(feature)) {
            let from = now.row.get(*feature).copied().unwrap_or(f64::NAN);
            let mut offer = |score: f64, value: f64| {
                let cost = control.cost_of(from, value);
                let is_less = score < now.score - 1e-12 && now.cost + cost <= attacker.cost_max;
                let better =
                    best.is_none_or(|(least, cheapest, ..)| score < least || (score == least && cost < cheapest));
                if is_less && better {
                    best = Some((score, cost, *feature, value));
                }
            };
            let mut trial = now.row.clone();
            let mut scored = |value: f64| {
                if let Some(place) = trial.get_mut(*feature) {
                    *place = value;
                }
                target.score(&trial)
            };
            let kind = target.schema().features.get(*feature).map(|feature| &feature.kind);
            if let Some(FeatureKind::Categorical(words)) = kind {
                (0..words.len()).map(|code| code as f64).for_each(|code| offer(scored(code), code));
            } else if let Some(steps) = target.sweep(&now.row, *feature) {
                for (step, score) in steps.values.iter().enumerate() {
                    let (lower, upper) = steps.bounds(step);
                    if let Some(value) = control.nearest(from, lower, upper) {
                        offer(*score, value);
                    }
                }
            } else {
                for by in PROBES {
                    for value in [from + by, from - by, from * (1.0 + by)] {
                        if control.allows(from, value) {
                            offer(scored(value), value);
                        }
                    }
                }
            }
        }
        let Some((_, cost, feature, value)) = best else { break };
        if let Some(place) = now.row.get_mut(feature) {
            *place = value;
        }
        now.cost += cost;
        now.changed.push(feature);
        // The sweep adds in another order: the score itself decides.
        now.score = target.score(&now.row);
        path.push(now.clone());
    }
    path
}

/// The least score after at most so many changes, from a path of [`attack`].
pub fn least(path: &[Attacked], changes: usize) -> Option<&Attacked> {
    path.iter().take(changes + 1).min_by(|a, b| a.score.total_cmp(&b.score))
}

#[cfg(test)]
mod tests {
    use super::super::attacker::{Attacker, Direction};
    use super::*;
    use crate::forest::{BoostedSettings, Table};
    use crate::frame::{Feature, Frame};
    use crate::random::Random;

    /// Hostile if x is small and z is large; y is noise.
    fn model() -> (Frame, Boosted) {
        let feature = |name: &str| Feature { name: name.into(), kind: FeatureKind::Numeric };
        let schema = Schema { features: vec![feature("x"), feature("y"), feature("z")] };
        let mut random = Random::new(3);
        let columns: Vec<Vec<f64>> = (0..3).map(|_| (0..2000).map(|_| random.unit() * 100.0).collect()).collect();
        let labels: Vec<bool> = columns[0].iter().zip(&columns[2]).map(|(x, z)| *x < 40.0 && *z > 30.0).collect();
        let frame = Frame::new(schema, columns).unwrap();
        let table = Table { frame: &frame, labels: Some(&labels) };
        let settings = BoostedSettings { trees: 50, ..BoostedSettings::default() };
        let model = Boosted::fit(table, &settings, &mut Random::new(1)).unwrap();
        (frame, model)
    }

    #[test]
    fn one_change_is_the_exact_optimum_and_keeps_within_what_is_allowed() {
        let (_, model) = model();
        let row = [10.0, 50.0, 80.0];
        let padding = Attacker::padding(["x", "y"].into_iter()).resolve(model.schema()).unwrap();
        let path = attack(&model, &padding, &row);
        assert_eq!(path[1].changed, [0]);
        assert!(path[0].score > 2.0 && path[1].score < -2.0 && path[1].row[0] > 40.0, "{path:?}");
        let grid = (0..2000).map(|at| {
            let mut trial = row;
            trial[0] = 10.0 + f64::from(at) * 0.05;
            Model::score(&model, &trial)
        });
        assert!(path[1].score <= grid.fold(f64::INFINITY, f64::min) + 1e-9);
        let mut down = Attacker::padding(["x"].into_iter());
        down.features[0].direction = Direction::Decrease;
        let path = attack(&model, &down.resolve(model.schema()).unwrap(), &row);
        assert!(path.last().unwrap().score > 2.0);
        let mut dear = Attacker::padding(["x"].into_iter());
        (dear.features[0].cost_per_unit, dear.cost_max) = (1.0, Some(10.0));
        let path = attack(&model, &dear.resolve(model.schema()).unwrap(), &row);
        assert!(path.last().unwrap().cost <= 10.0 && path.last().unwrap().score > 2.0);
    }
}
