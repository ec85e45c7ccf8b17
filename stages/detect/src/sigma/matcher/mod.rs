//! All rules compiled together, so that the cost of a record does not grow with their number.
//!
//! A record's tag decides its *group*: the rules that may look at it. A group knows which values it wants, and for each
//! value which rules it brings into question; only those are evaluated.
//!
//! | module | does |
//! |---|---|
//! | [`matcher`](self) | tags → groups, events → rules that match |
//! | `admit` | the log source guard, and what a tag's code settles |
//! | `group` | rules → slots, atoms, programs, index; evaluates an event |
//! | `witness`, `grams` | which texts must stand in a record if a rule matches, and which of them are rare |
//! | `needs` | what regexes need, kept with the rule set |
//! | `keywords` | texts that a record must hold for any keyword test |
//! | `index` | values → rules in question |
//! | `program` | a condition as a flat list of jumps |
//! | `compare`, `pattern` | one value against one test; regexes |
//! | `scratch`, `memo` | a worker's memory; answers for values that come again |
//!
//! Invariant: the index may bring too many rules into question, never too few. Property tests hold the whole against a
//! plain evaluator.

mod admit;
pub(crate) mod compare;
mod grams;
mod group;
mod index;
mod keywords;
#[expect(clippy::module_inception, reason = "the type and its module bear the same name")]
mod matcher;
mod memo;
mod needs;
mod pattern;
mod program;
mod scratch;
#[cfg(test)]
pub(crate) mod tests;
mod witness;

pub(crate) use admit::{code_of, native, settle};
pub(crate) use needs::needs;

pub use admit::{Admission, CONDITION_DEPTH_MAX};
pub use compare::REF_VALUES_MAX;
pub use group::GROUP_SLOTS_MAX;
pub use matcher::{Dormant, Matcher, Options};
pub use pattern::{REGEX_BYTES_MAX, REGEX_CACHE_BYTES_MAX, compile_regex};
pub use scratch::Scratch;
