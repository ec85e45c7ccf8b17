//! Counting in little memory.
//!
//! | file | holds |
//! |---|---|
//! | [`distinct`](Distinct) | how many different things: exact while few, HyperLogLog after |
//!
//! It merges: parts counted apart and merged equal the whole, whatever the order.

mod distinct;

pub use distinct::Distinct;
