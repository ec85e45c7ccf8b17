//! Forest: one tree structure, two trainers (gradient boosting, isolation), exact TreeSHAP for both.
//!
//! | module | holds |
//! |---|---|
//! | [`boosted`] | [`Boosted`]: trees that learn from labels, each correcting the ones before |
//! | [`isolation`] | [`Isolation`]: random trees; what is alone after few splits is strange |
//! | [`sweep`] | [`Steps`]: a score as a function of one feature, exactly |
//! | [`trees`] | [`Trees`]: the structure of both, flat and in pre-order, and the score of one row |
//! | `sliced` | the scores of many rows, 64 at a time, bit for bit those of one row |
//! | `shapley` | exact Shapley values of path-dependent trees |
//! | `bins`, `histogram`, `split`, `grow` | how boosting finds its trees |
//! | `store` | trees as arrays, and back with every index checked |

mod bins;
pub mod boosted;
mod grow;
mod histogram;
pub mod isolation;
mod shapley;
mod sliced;
mod split;
mod store;
pub mod sweep;
pub mod trees;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod samples;

pub use boosted::{Boosted, BoostedSettings, EarlyStopping};
pub use isolation::{Isolation, IsolationSettings};
pub use sweep::Steps;
pub use trees::{Table, Trees};
