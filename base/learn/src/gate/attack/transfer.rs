//! Transfer: the attacker trains a model of his own on what the target answers, attacks that with all knowledge, and sends the result.

use crate::forest::{Boosted, BoostedSettings, Table};
use crate::frame::Frame;
use crate::model::{FitError, Model};
use crate::random::Random;

/// The attacker's own model, from rows and what the target said of them.
///
/// # Errors
/// When the answers are all the same, or rows too few.
pub fn surrogate(frame: &Frame, answers: &[bool], random: &mut Random) -> Result<Boosted, FitError> {
    let settings = BoostedSettings { trees: 150, rate: 0.1, ..BoostedSettings::default() };
    Boosted::fit(Table { frame, labels: Some(answers) }, &settings, random)
}
