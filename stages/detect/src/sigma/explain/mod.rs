//! Why a rule matched a record, and why it did not.
//!
//! Explanations are made for hits and questions only, so they take the slow way: the whole record is read and the rule's
//! condition walked as it was written. The slow way is a second, simpler evaluator; property tests hold that it and the
//! matcher always agree, so that an explanation never disagrees with the verdict.
//!
//! | module | does |
//! |---|---|
//! | `record` | a record's fields, kept |
//! | `judge` | evaluates a condition plainly, and says which value made a test true |
//! | `words` | tests in words, values cut to length |
//! | `reasons` | [`Matcher::reasons`](crate::sigma::matcher::Matcher::reasons): the facts that made a rule match |
//! | `why_not` | [`Matcher::why_not`](crate::sigma::matcher::Matcher::why_not): what kept a rule from matching |
//! | `answer` | that in plain lines |

mod answer;
mod judge;
mod reasons;
mod record;
#[cfg(test)]
mod tests;
mod why_not;
mod words;

pub(crate) use judge::Judge;
pub(crate) use record::Record;

pub use reasons::NEGATIVE_PATTERNS_MAX;
pub use why_not::{ALTERNATIVES_MAX, Failure, Found, OtherSource, Verdict, WhyNot};
pub use words::VALUE_BYTES_MAX;
