//! Black box: the attacker sees only whether a row is found. He copies controlled values from ordinary rows until one passes, then
//! takes back what is not needed and moves the rest towards where it was.
//!
//! At most [`QUESTIONS_MAX`] questions a row.

use crate::frame::Frame;
use crate::random::Random;

use super::attacker::Resolved;
use super::greedy::Attacked;

/// Questions that an attacker may ask for one row.
pub const QUESTIONS_MAX: usize = 1000;

/// Share of the questions spent on finding a way at all.
const SEARCH: f64 = 0.7;

/// A way past the model that uses at most `changes` features; none where none was found.
pub fn attack(
    is_found: &dyn Fn(&[f64]) -> bool,
    attacker: &Resolved,
    ordinary: &Frame,
    row: &[f64],
    changes: usize,
    random: &mut Random,
) -> Option<Attacked> {
    let mut asked = 1;
    if !is_found(row) {
        return Some(Attacked { row: row.to_vec(), score: f64::NAN, changed: Vec::new(), cost: 0.0 });
    }
    if attacker.features.is_empty() || changes == 0 || ordinary.rows() == 0 {
        return None;
    }
    let mut way: Option<(Vec<f64>, Vec<usize>)> = None;
    let mut trial = Vec::new();
    while asked < (QUESTIONS_MAX as f64 * SEARCH) as usize && way.is_none() {
        trial.clear();
        trial.extend_from_slice(row);
        let donor = random.below(ordinary.rows());
        let count = 1 + random.below(changes);
        let mut used = Vec::new();
        for at in random.sample(attacker.features.len(), count) {
            let Some((feature, control)) = attacker.features.get(at) else { continue };
            let from = row.get(*feature).copied().unwrap_or(f64::NAN);
            let copied = ordinary.column(*feature).get(donor).copied().unwrap_or(f64::NAN);
            // Half of the time far beyond what ordinary rows have: padding costs him little.
            let stretched =
                if random.unit() < 0.5 { copied } else { (from.max(1.0)) * 10f64.powi(random.below(5) as i32) };
            let value = if control.whole { stretched.round() } else { stretched };
            if value.is_finite() && control.allows(from, value) {
                if let Some(place) = trial.get_mut(*feature) {
                    *place = value;
                }
                used.push(at);
            }
        }
        if used.is_empty() || cost(attacker, row, &trial, &used) > attacker.cost_max {
            asked += 1;
            continue;
        }
        asked += 1;
        if !is_found(&trial) {
            way = Some((trial.clone(), used));
        }
    }
    let (mut now, mut used) = way?;
    // What is not needed is taken back.
    for at in used.clone() {
        let Some((feature, _)) = attacker.features.get(at) else { continue };
        let (Some(kept), Some(before)) = (now.get(*feature).copied(), row.get(*feature).copied()) else { continue };
        if used.len() > 1 && asked < QUESTIONS_MAX {
            put(&mut now, *feature, before);
            asked += 1;
            if is_found(&now) {
                put(&mut now, *feature, kept);
            } else {
                used.retain(|own| *own != at);
            }
        }
    }
    // The rest moves back, half the way each time.
    for at in &used {
        let Some((feature, control)) = attacker.features.get(*at) else { continue };
        let Some(mut bad) = row.get(*feature).copied().filter(|value| value.is_finite()) else { continue };
        for _ in 0..20 {
            let Some(good) = now.get(*feature).copied() else { break };
            let middle = if control.whole { ((good + bad) / 2.0).round() } else { (good + bad) / 2.0 };
            if asked >= QUESTIONS_MAX || middle == good || middle == bad {
                break;
            }
            asked += 1;
            put(&mut now, *feature, middle);
            if is_found(&now) {
                put(&mut now, *feature, good);
                bad = middle;
            }
        }
    }
    let cost = cost(attacker, row, &now, &used);
    let changed = used.iter().filter_map(|at| attacker.features.get(*at)).map(|(feature, _)| *feature).collect();
    Some(Attacked { row: now, score: f64::NAN, changed, cost })
}

fn put(row: &mut [f64], feature: usize, value: f64) {
    if let Some(place) = row.get_mut(feature) {
        *place = value;
    }
}

fn cost(attacker: &Resolved, from: &[f64], to: &[f64], used: &[usize]) -> f64 {
    let of = |at: &usize| {
        let (feature, control) = attacker.features.get(*at)?;
        Some(control.cost_of(*from.get(*feature)?, *to.get(*feature)?))
    };
    used.iter().filter_map(of).sum()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::attacker::Attacker;
    use super::*;
    use crate::frame::{Feature, FeatureKind, Schema};

    #[test]
    fn a_way_is_found_with_few_questions_and_is_as_short_as_it_may() {
        let feature = |name: &str| Feature { name: name.into(), kind: FeatureKind::Numeric };
        let schema = Schema { features: vec![feature("a"), feature("b")] };
        let column: Vec<f64> = (0..200).map(f64::from).collect();
        let frame = Frame::new(schema.clone(), vec![column.clone(), column]).unwrap();
        let attacker = Attacker::padding(["a", "b"].into_iter()).resolve(&schema).unwrap();
        let asked = Cell::new(0usize);
        let is_found = |row: &[f64]| {
            asked.set(asked.get() + 1);
            row[0] < 50.0
        };
        let way = attack(&is_found, &attacker, &frame, &[1.0, 1.0], 2, &mut Random::new(1)).unwrap();
        assert_eq!(way.changed, [0]);
        assert!(way.row[0] >= 50.0 && way.row[0] < 51.0 && way.row[1] == 1.0, "{way:?}");
        assert!(asked.get() <= QUESTIONS_MAX);
        asked.set(0);
        let never = |_: &[f64]| {
            asked.set(asked.get() + 1);
            true
        };
        assert!(attack(&never, &attacker, &frame, &[1.0, 1.0], 2, &mut Random::new(1)).is_none());
        assert!(asked.get() <= QUESTIONS_MAX);
    }
}
