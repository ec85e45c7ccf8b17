//! Counting in little memory.
//!
//! | file | holds |
//! |---|---|
//! | [`distinct`](Distinct) | how many different things: exact while few, HyperLogLog after |
//! | [`quantiles`](Quantiles) | quantiles of amounts to 1 % of their size |
//!
//! Both merge: parts counted apart and merged equal the whole, whatever the order.

mod distinct;
mod quantiles;

pub use distinct::Distinct;
pub use quantiles::Quantiles;
