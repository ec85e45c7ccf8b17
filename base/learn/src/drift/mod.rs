//! Change over time: does what a model was fitted on still hold?
//!
//! | file | holds |
//! |---|---|
//! | [`adwin`](Adwin) | a stream's mean: drops what was before a change (ADWIN) |
//! | [`shift`](Shift) | two histograms: the population stability index, with its p-value for the sizes at hand |
//! | [`reference`](Reference) | how inputs were distributed when a model was fitted, and which of them moved |
//!
//! Watch inputs, scores and p-values. Neither says what changed hands: the world, the sensors, or an attacker.

mod adwin;
mod reference;
mod shift;

pub use adwin::Adwin;
pub use reference::{Moved, Reference};
pub use shift::Shift;
