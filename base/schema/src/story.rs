//! What explain gives: sentences whose every fact traces to a field of a record.

use serde::{Deserialize, Serialize};

use crate::incident::Severity;
use crate::outlook::Outlook;
use crate::remedy::Remedy;
use crate::time::Timestamp;

/// Where a fact of a sentence comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Byte range of the fact in the sentence.
    pub span: (u32, u32),
    /// The finding's number in the order of findings.
    pub finding: u32,
    /// Which of the finding's pieces of evidence; `None` where the fact is of the finding as a whole (a count, a time).
    pub evidence: Option<u32>,
    /// The OCSF path (`process.cmd_line`), or the finding's own attribute (`count`, `first`).
    pub path: String,
}

/// A plain sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Its words, unescaped: values inside are an attacker's, every writer escapes them for its own medium.
    pub text: String,
    /// The facts in it, in the order of their spans, which do not overlap.
    pub facts: Vec<Fact>,
}

/// One moment of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it happened or began.
    pub time: Option<Timestamp>,
    /// When it ended, if it lasted.
    pub until: Option<Timestamp>,
    /// Where.
    pub host: Option<String>,
    /// How grave.
    pub severity: Severity,
    /// How many records say so.
    pub count: u64,
    /// What happened.
    pub sentence: Sentence,
    /// ATT&CK techniques of the rule.
    pub techniques: Vec<String>,
    /// The finding's number in the order of findings.
    pub finding: u32,
}

/// A process in an incident's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessNode {
    /// How deep below a root it stands, from 0; loops are cut where they close.
    pub depth: u32,
    /// The host.
    pub host: Option<String>,
    /// Its image, as logged.
    pub image: String,
    /// Its command line, as logged; empty if unknown.
    pub command_line: String,
    /// Its process id, as logged; empty if unknown.
    pub pid: String,
    /// Its start, if the evidence tells it.
    pub time: Option<Timestamp>,
    /// The finding that speaks of it; `None` if it is known only as a parent.
    pub finding: Option<u32>,
    /// How many such processes there were under the same parent, with the same ones below them; this is the first.
    pub count: u32,
}

/// An incident in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// The incident's id.
    pub incident: String,
    /// What happened, in one line.
    pub headline: Sentence,
    /// Why it is worth a look, strongest first.
    pub why: Vec<Sentence>,
    /// What happened, earliest first.
    pub timeline: Vec<Moment>,
    /// Moments beyond the limit.
    pub moments_left_out: u64,
    /// The processes, parents before children.
    pub processes: Vec<ProcessNode>,
    /// What would have kept it silent.
    pub silent: Vec<Sentence>,
    /// What could not be seen.
    pub unseen: Vec<Sentence>,
    /// What may come next; `None` where nothing was asked or nothing can be said.
    pub outlook: Option<Outlook>,
    /// What could be done, most fitting first.
    pub remedies: Vec<Remedy>,
}

/// The telemetry that one host's records hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCoverage {
    /// The host.
    pub host: String,
    /// Operating system family, as the logs' products say: `windows`, `linux` …; empty if unknown.
    pub product: String,
    /// What its logs tell of: Sigma categories and services that were seen (`process_creation`, `security`), sorted.
    pub kinds: Vec<String>,
    /// Matched records.
    pub records: u64,
    /// Earliest of them.
    pub first: Option<Timestamp>,
    /// Latest of them.
    pub last: Option<Timestamp>,
}
