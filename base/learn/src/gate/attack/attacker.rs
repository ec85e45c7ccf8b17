//! An attacker, written down.

use serde::{Deserialize, Serialize};

use crate::frame::{FeatureKind, Schema};
use crate::model::FitError;

/// Features that an attacker may control.
const CONTROLS_MAX: usize = 4096;

/// Features that he may change in one row: each costs a sweep of every controlled feature.
pub const CHANGES_MAX: usize = 16;

/// Which way a feature can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Padding, waiting, more of the same.
    Increase,
    /// Less of it.
    Decrease,
    /// Any value.
    Any,
}

/// One feature under control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The feature's name.
    pub name: String,
    /// Which way.
    pub direction: Direction,
    /// The least value that it can get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    /// The greatest value that it can get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greatest: Option<f64>,
    /// Whether it is a whole number.
    #[serde(default)]
    pub whole: bool,
    /// What changing it costs at all.
    #[serde(default = "one")]
    pub cost: f64,
    /// What each unit of change costs besides.
    #[serde(default)]
    pub cost_per_unit: f64,
}

fn one() -> f64 {
    1.0
}

/// What an attacker may do to a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attacker {
    /// Its name.
    pub name: String,
    /// Features that he changes at most in one row.
    pub changes_max: usize,
    /// What all changes of a row may cost together; none: whatever they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_max: Option<f64>,
    /// The features under his control.
    pub features: Vec<Control>,
}

impl Attacker {
    /// Who pads: these features, upwards only, at a cost of 1 a change.
    pub fn padding<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let control = |name: &str| Control {
            name: name.to_owned(),
            direction: Direction::Increase,
            least: None,
            greatest: None,
            whole: false,
            cost: 1.0,
            cost_per_unit: 0.0,
        };
        Self { name: "padding".to_owned(), changes_max: 3, cost_max: None, features: names.map(control).collect() }
    }

    /// The attacker on the columns of a table.
    ///
    /// # Errors
    /// When a feature is unknown or named twice, a number is out of range, or a limit is passed.
    pub fn resolve(&self, schema: &Schema) -> Result<Resolved, FitError> {
        let limit = |what, have, max| if have > max { Err(FitError::TooMany { what, have, max }) } else { Ok(()) };
        limit("features under control", self.features.len(), CONTROLS_MAX)?;
        limit("changes of a row", self.changes_max, CHANGES_MAX)?;
        let wrong = |name: &str, what: &str| Err(FitError::Other(format!("attacker: feature `{name}` {what}")));
        let mut features: Vec<(usize, Control)> = Vec::new();
        for control in &self.features {
            let name = &control.name;
            let Some(at) = schema.features.iter().position(|feature| feature.name == *name) else {
                return wrong(name, "is none of the model's");
            };
            if features.iter().any(|(own, _)| *own == at) {
                return wrong(name, "is named twice");
            }
            let is_numeric = schema.features.get(at).is_some_and(|feature| feature.kind == FeatureKind::Numeric);
            if !is_numeric && control.direction != Direction::Any {
                return wrong(name, "is a category: its direction must be `any`");
            }
            let costs = [control.cost, control.cost_per_unit];
            if costs.iter().any(|cost| !cost.is_finite() || *cost < 0.0) {
                return wrong(name, "has a cost below 0");
            }
            let bounds = [control.least, control.greatest];
            if bounds.iter().flatten().any(|bound| !bound.is_finite()) {
                return wrong(name, "has a bound that is no number");
            }
            features.push((at, control.clone()));
        }
        if self.cost_max.is_some_and(|cost| !(cost.is_finite() && cost >= 0.0)) {
            return Err(FitError::Other("attacker: `cost_max` must be 0 or more".into()));
        }
        Ok(Resolved { features, changes_max: self.changes_max, cost_max: self.cost_max.unwrap_or(f64::INFINITY) })
    }
}

/// An attacker on the columns of a table.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Each controlled column.
    pub features: Vec<(usize, Control)>,
    /// Features that he changes at most in one row.
    pub changes_max: usize,
    /// What all changes may cost.
    pub cost_max: f64,
}

impl Control {
    /// What it costs to move the feature.
    pub fn cost_of(&self, from: f64, to: f64) -> f64 {
        let by = if from.is_nan() { 0.0 } else { (to - from).abs() };
        self.cost + self.cost_per_unit * by
    }

    /// The values that the feature may get from here.
    pub fn range(&self, from: f64) -> (f64, f64) {
        let (mut least, mut greatest) = (self.least.unwrap_or(f64::MIN), self.greatest.unwrap_or(f64::MAX));
        match self.direction {
            Direction::Increase => least = least.max(from),
            Direction::Decrease => greatest = greatest.min(from),
            Direction::Any => {}
        }
        (least, greatest)
    }

    /// The allowed value nearest to `from` above `lower` and up to `upper`; none where there is none.
    pub fn nearest(&self, from: f64, lower: f64, upper: f64) -> Option<f64> {
        let (least, greatest) = self.range(from);
        let mut low = if lower == f64::NEG_INFINITY { least } else { lower.next_up().max(least) };
        let mut high = upper.min(greatest);
        if self.whole {
            (low, high) = (low.ceil(), high.floor());
        }
        if low > high {
            return None;
        }
        Some(if from.is_nan() { low.max(0.0_f64.min(high)) } else { from.clamp(low, high) })
    }

    /// Whether a value may be given to the feature.
    pub fn allows(&self, from: f64, to: f64) -> bool {
        let (least, greatest) = self.range(from);
        to >= least && to <= greatest && (!self.whole || to.fract() == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Feature;

    #[test]
    fn the_nearest_allowed_value_keeps_direction_bounds_and_wholeness() {
        let control = |direction, whole, greatest| Control {
            name: "x".into(),
            direction,
            least: Some(0.0),
            greatest,
            whole,
            cost: 1.0,
            cost_per_unit: 0.5,
        };
        let up = control(Direction::Increase, false, None);
        assert_eq!(up.nearest(5.0, 7.0, 9.0), Some(7.0f64.next_up()));
        assert_eq!(up.nearest(5.0, 1.0, 4.0), None);
        assert_eq!(control(Direction::Increase, true, None).nearest(5.0, 7.2, 7.9), None);
        assert_eq!(control(Direction::Increase, true, None).nearest(5.0, 7.2, 9.0), Some(8.0));
        assert_eq!(control(Direction::Increase, false, Some(6.0)).nearest(5.0, 7.0, 9.0), None);
        assert_eq!(control(Direction::Decrease, false, None).nearest(5.0, 1.0, 4.0), Some(4.0));
        assert_eq!(control(Direction::Decrease, false, None).nearest(5.0, f64::NEG_INFINITY, -1.0), None);
        assert_eq!(control(Direction::Any, false, None).nearest(5.0, 1.0, f64::INFINITY), Some(5.0));
        assert_eq!(up.cost_of(5.0, 9.0), 3.0);
    }

    #[test]
    fn attackers_that_make_no_sense_are_refused() {
        let schema = Schema { features: vec![Feature { name: "a".into(), kind: FeatureKind::Numeric }] };
        let good = Attacker::padding(["a"].into_iter());
        assert_eq!(good.resolve(&schema).unwrap().features.len(), 1);
        let bad = |change: fn(&mut Attacker)| {
            let mut attacker = good.clone();
            change(&mut attacker);
            attacker.resolve(&schema).is_err()
        };
        assert!(bad(|one| one.features[0].name = "b".into()));
        assert!(bad(|one| one.features.push(one.features[0].clone())));
        assert!(bad(|one| one.features[0].cost = -1.0));
        assert!(bad(|one| one.features[0].least = Some(f64::NAN)));
        assert!(bad(|one| one.cost_max = Some(f64::INFINITY)));
        assert!(bad(|one| one.changes_max = 17));
    }
}
