//! Incident → Story: reasons into words.
//!
//! Deterministic, offline, no model of language: sentences are put together from the rules' own plain titles and from
//! the fields of the records that matched. Every fact in a sentence is marked with the finding, the piece of evidence and
//! the OCSF path that it comes from ([`shieldwall_schema::story::Fact`]), so a reader, or a test, can follow it back.
//! Nothing is said that the evidence does not say.
//!
//! | module | tells |
//! |---|---|
//! | [`sentence`] | how a sentence is put together and its facts marked |
//! | [`happening`] | what one record says happened, by its OCSF class |
//! | [`because`] | why a rule matched, and what would have kept it silent |
//! | [`tree`] | which process started which |
//! | [`unseen`] | what the host's logs could not show |
//! | [`story`] | the whole: headline, why, timeline |

pub mod because;
pub mod happening;
pub mod sentence;
pub mod story;
pub mod tree;
pub mod unseen;

pub use story::{Telling, tell};
