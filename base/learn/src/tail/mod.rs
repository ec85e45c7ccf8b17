//! Tail: how far out in its column each value lies, added up.
//!
//! | file | holds |
//! |---|---|
//! | [`model`](Tail) | the family: fit, learn, score, explain |
//! | [`column`] | one column: a frozen sketch of its values and the surprise at each place |
//! | [`weights`] | how much columns that tell the same count |
//! | [`load`] | arrays to keep a model as, strictly checked |
//!
//! Each value's surprise is −ln of a p-value: how often a normal row's value lies at least as far out on either side, or is at
//! least as rare. The sum's terms are its explanation, exactly. Fitted on normals it is the measured best at few false
//! alarms among simple unsupervised scores (EVALUATION.md); it sees no combination of values: Forest does.

mod column;
mod load;
mod model;
mod weights;

pub use column::KNOTS_MAX;
pub use model::{Tail, TailSettings};
