//! Playbooks: CACAO 2.0 (OASIS, committee specification 01) in and out.
//!
//! ```text
//! bytes ─json→ value ─shape→ as OASIS's schema ─model→ typed, our extension read ─graph→ Playbook
//!                                                                  Playbook + Facts ─walk→ what comes in which order
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`json`] | strict JSON: no name twice, bounded |
//! | [`shape`], [`tables`] | the standard's forms; the verdict of its schema |
//! | [`model`] | [`Playbook`]: typed, lossless |
//! | [`graph`] | every way ends |
//! | [`condition`] | the conditions that are understood |
//! | [`deed`] | our extension: what we would do for a step |
//! | [`facts`] | what an incident gives to a playbook |
//! | [`select`] | which playbooks fit |
//! | [`walk`] | the steps in the order in which they come |
//!
//! What must stay true: a playbook that is refused has words with a place; what is not understood is left to a person;
//! nothing in a playbook runs by being read.

pub mod condition;
pub mod deed;
pub mod facts;
pub mod graph;
pub mod json;
pub mod model;
pub mod select;
pub mod shape;
mod tables;
pub mod walk;

use std::fmt;

pub use deed::{Approval, Deed, EXTENSION, Selector};
pub use facts::Facts;
pub use model::{CommandKind, Kind, Playbook, WorkflowStep};
pub use select::select;

/// Why a playbook is refused: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A JSON pointer; empty for the whole.
    pub place: String,
    /// What is wrong.
    pub words: String,
}

impl Refused {
    /// A fault at a place.
    pub fn new(place: &str, words: impl Into<String>) -> Self {
        Self { place: place.to_owned(), words: words.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.words) } else { write!(f, "{}: {}", self.place, self.words) }
    }
}

impl std::error::Error for Refused {}
