//! Tabular: one model for a table of numbers and categories, with labels or without.
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | [`Tabular`]: the parts, how they are fused, what it says of a row |
//! | `part` | the parts: boosting, boosting under constraints, isolation, neighbours |
//! | `surprise` | a part's score → −ln p on held-out ordinary rows |
//! | `neighbours` | the distance to the nearest of a few rows |
//! | `sweep` | the score as a function of one feature, exactly |
//! | [`control`] | which features an attacker can raise at will |
//! | [`attack`] | raising them greedily: what a model withstands |

pub mod attack;
pub mod control;
pub mod model;
mod neighbours;
mod part;
mod surprise;
mod sweep;

#[cfg(test)]
mod contract;

pub use model::{Tabular, TabularSettings, Verdict};
