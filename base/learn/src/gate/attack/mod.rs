//! What a model withstands: an attacker who is written down, and three ways to attack within what he may do.
//!
//! | module | holds |
//! |---|---|
//! | [`attacker`] | [`Attacker`]: features, directions, bounds, costs, how many changes; a value that is allowed on a step |
//! | [`greedy`] | white box: the exact best change of one feature, then of the next |
//! | [`boundary`] | black box: only *found* or *not found*, at most 1,000 questions |
//! | [`transfer`] | a model trained on the answers, attacked in its stead |
//! | [`texts`] | disguises of domains, requests, command lines and scripts |
//!
//! A recall under attack is an upper bound of the robust recall; a lower bound is what a model certifies
//! ([`Tabular::floor`](crate::tabular::Tabular::floor)), and for one change the greedy sweep is exact, hence both.

pub mod attacker;
pub mod boundary;
pub mod greedy;
pub mod texts;
pub mod transfer;

pub use attacker::{Attacker, Control, Direction, Resolved};
pub use greedy::{Attacked, Target};
