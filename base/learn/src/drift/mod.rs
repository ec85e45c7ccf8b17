//! Change over time: does what a model was fitted on still hold?
//!
//! | file | holds |
//! |---|---|
//! | [`adwin`](Adwin) | a stream's mean: drops what was before a change (ADWIN) |
//! | [`shift`](Shift) | two histograms: the population stability index, with its p-value for the sizes at hand |
//!
//! Watch inputs, scores and p-values. Neither says what changed hands: the world, the sensors, or an attacker.

mod adwin;
mod shift;

pub use adwin::Adwin;
pub use shift::Shift;
