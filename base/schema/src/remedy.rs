//! What could be done about an incident: each a plan that a person may approve.

use serde::{Deserialize, Serialize};

/// One thing that could be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remedy {
    /// Its letter within the incident: `a`.
    pub letter: String,
    /// What: `block 203.0.113.50 for 24 h`.
    pub does: String,
    /// Why this, and for what: it answers what happened, or is ahead of what may come.
    pub because: String,
    /// What it touches, why it is safe, how it ends, how to undo it; each a sentence.
    pub words: Vec<String>,
    /// What was left out of it, and why.
    pub left_out: Vec<String>,
    /// MITRE D3FEND technique, if there is one: id and name.
    pub d3fend: Option<(String, String)>,
    /// What speaks for doing it without a person, for whoever decides that; empty where nothing does.
    pub claim: String,
    /// The plan, in its one spelling.
    pub plan: String,
    /// The plan's name: SHA-256 of its spelling.
    pub plan_sha256: String,
}
