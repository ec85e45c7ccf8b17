//! Correlations: matches of rules, in the order of time → groups of matches that mean something together.
//!
//! ```text
//! match (rule, time, place, values) ─plan→ group ─window→ holds? ─episode→ Firing
//!                                    └ a correlation that holds is a match for the correlations above it
//! ```
//!
//! | module | does |
//! |---|---|
//! | `engine` | [`Correlator`]: takes matches, gives firings |
//! | `plan` | which match concerns which correlation, and where its values stand |
//! | `group` | one group of one correlation: its window and its episode |
//! | `window` | what is kept of a group to know when the condition holds |
//! | `recency` | a list in the order of last use |
//! | `firing` | [`Firing`], and why in words |
//! | `values` | the values of a matched record that correlations ask for |
//! | [`limits`] | every limit, with its reason |
//!
//! Meaning (`docs/reference/correlation.md` says it to users): windows slide on event time and hold both ends; a firing
//! is an episode, from the first match of the window that first holds to the last match that still holds, and it ends
//! when a timespan passes without one. Conditions that more matches could make false (`lt`, `lte`, `eq`, `neq`, and
//! averages and percentiles) are judged when the window closes, which a group's first match opens.
//!
//! What must stay true: pure, and fed in the order (time, source, offset) the result does not depend on how the matches
//! are split by group; memory is bounded by [`limits`], and what a limit costs is counted in [`Counts`].
//!
//! Cost (`benches/correlation.rs`, one core of a shared, busy VM, medians): over 1,000 sources 1.3 million matches a second
//! for `value_count`, 2.4 for `value_sum`, 3.3 to 4.7 for the other types, 10 where one source floods. Over 10,000 sources
//! with ten matches each, where making groups and firings is most of the work: 0.4 (`value_count`, `temporal_ordered`) to
//! 1.3 million (`event_count`).

mod engine;
mod firing;
mod group;
pub mod limits;
mod plan;
mod recency;
mod values;
mod window;

#[cfg(test)]
mod tests;

pub use engine::{Correlator, Counts, Seen};
pub use firing::{Firing, MemberRef};
