//! Whether what is scored is still like what was learned: which inputs moved, and whether the scores did.

use std::borrow::Cow;

use shieldwall_learn::Frame;
use shieldwall_learn::drift::{Adwin, Reference};

use super::sequences::Id;
use super::trained::{Items, Trained};
use crate::output::escape::escape;

/// Fewer rows than this show no drift that is worth words.
pub const ROWS_MIN: usize = 100;

/// How often a change of the scores may be seen where there is none.
const FALSE_CHANGE: f64 = 0.002;

/// Inputs and changes that are named one by one.
const NAMED_MAX: usize = 5;

/// How the inputs that a model is fitted on are distributed.
pub fn reference(items: &Items) -> Reference {
    let mut reference = Reference::default();
    for name in inputs(items) {
        if let Some(values) = input(items, &name) {
            reference.add(&name, &values);
        }
    }
    reference
}

/// What to tell a person, a line each; empty where nothing moved. `p_values`: of the rows, in their order, by the model as it
/// was trained.
pub fn told(trained: &Trained, items: &Items, p_values: &[f64]) -> Vec<String> {
    let (rows, mut out) = (items.len(), Vec::new());
    if rows < ROWS_MIN {
        return out;
    }
    let moved = trained.reference().moved(|name| input(items, name));
    for one in moved.iter().take(NAMED_MAX) {
        out.push(format!(
            "`{}` is distributed otherwise than when the model was trained: PSI {:.2}, chance gives {:.3}",
            escape(&one.name),
            one.shift.index,
            one.shift.chance
        ));
    }
    if moved.len() > NAMED_MAX {
        out.push(format!("and {} more of {} inputs", moved.len() - NAMED_MAX, trained.reference().len()));
    }
    let strange = p_values.iter().filter(|p| **p <= 0.1).count() as f64 / rows as f64;
    // Four standard deviations beyond one in ten, and twice as many.
    if strange > 0.1 + 4.0 * (0.09 / rows as f64).sqrt() && strange >= 0.2 {
        out.push(format!(
            "{:.0} % of the rows score like the strangest tenth of what is normal: much here is hostile, or what is normal has changed",
            strange * 100.0
        ));
    }
    let mut window = Adwin::new(FALSE_CHANGE);
    let (mut mean, mut changes) = (0.5, Vec::new());
    for (row, p) in p_values.iter().enumerate() {
        let before = mean;
        if window.add(*p) {
            changes.push((row, before, window.mean()));
        }
        mean = window.mean();
    }
    for (row, before, after) in changes.iter().take(NAMED_MAX) {
        out.push(format!("the scores changed shortly before row {row}: mean p {before:.2} → {after:.2}"));
    }
    if changes.len() > NAMED_MAX {
        out.push(format!("and {} times more", changes.len() - NAMED_MAX));
    }
    out
}

/// Names of what is watched.
fn inputs(items: &Items) -> Vec<String> {
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match items {
        Items::Table(frame) => frame.schema().features.iter().map(|feature| feature.name.clone()).collect(),
        Items::Sequences(_) => fixed(&["length", "different ids"]),
        Items::Texts(_) => fixed(&["length", "share of letters", "share of digits", "share of other signs"]),
    }
}

/// A watched input of every item.
fn input<'a>(items: &'a Items, name: &str) -> Option<Cow<'a, [f64]>> {
    match items {
        Items::Table(frame) => column(frame, name),
        Items::Sequences(list) => {
            let of = |ids: &Vec<Id>| match name {
                "length" => Some(ids.len() as f64),
                "different ids" => Some(ids.iter().collect::<std::collections::BTreeSet<_>>().len() as f64),
                _ => None,
            };
            list.iter().map(of).collect::<Option<Vec<f64>>>().map(Cow::Owned)
        }
        Items::Texts(list) => {
            let share = |text: &str, is: fn(char) -> bool| {
                text.chars().filter(|c| is(*c)).count() as f64 / text.chars().count().max(1) as f64
            };
            let of = |text: &String| match name {
                "length" => Some(text.len() as f64),
                "share of letters" => Some(share(text, char::is_alphabetic)),
                "share of digits" => Some(share(text, char::is_numeric)),
                "share of other signs" => Some(share(text, |c| !c.is_alphanumeric())),
                _ => None,
            };
            list.iter().map(of).collect::<Option<Vec<f64>>>().map(Cow::Owned)
        }
    }
}

fn column<'a>(frame: &'a Frame, name: &str) -> Option<Cow<'a, [f64]>> {
    let at = frame.schema().features.iter().position(|feature| feature.name == name)?;
    // A category that was never seen is no number, and so has a bin of its own.
    frame.columns().get(at).map(|values| Cow::Borrowed(values.as_slice()))
}
