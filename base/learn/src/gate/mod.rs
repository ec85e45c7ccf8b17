//! Gates: what is measured before a table may teach and before a model may decide.
pub mod clusters;
pub mod flips;
pub mod folds;
pub mod space;
pub mod triggers;
