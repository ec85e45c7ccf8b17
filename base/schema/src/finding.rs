//! What detect gives: why a rule matched, in parts that words can be made of.

use serde::{Deserialize, Serialize};

/// Who could have written a value. Responses and explanations weigh it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Established by the transport, such as a TCP peer's address as the server saw it.
    TransportVerified,
    /// Written by the host's own system software.
    HostReported,
    /// Free text that an attacker may choose: command lines, user agents, names tried at a login.
    AttackerWritable,
}

/// [`Reason::selection`] of the one reason that a correlation rule gives; `how` is then the whole sentence.
pub const CORRELATION: &str = "correlation";

/// [`Reason::field`] of a correlation that stands on matches of several rules.
pub const STEPS: &str = "steps";

/// [`Reason::selection`] of the one reason that a learned detector gives; `how` is then the whole sentence, and the parts
/// stand in [`Finding::anomaly`].
pub const LEARNED: &str = "learned";

/// One fact that made a rule match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's selection (`selection`, `filter_main_x` …).
    pub selection: String,
    /// The rule's field name; empty for keywords.
    pub field: String,
    /// The native field that held the value, where its name differs from the rule's.
    pub native: Option<String>,
    /// How it compared: `equals`, `contains`, `ends with`, `matches regex`, `is absent` …
    pub how: String,
    /// What the rule looked for.
    pub pattern: String,
    /// The value, cut at a limit.
    pub value: String,
    /// Byte range of the match inside the value, where one can be named.
    pub span: Option<(u32, u32)>,
    /// Who could have written the value.
    pub provenance: Provenance,
}

impl Reason {
    /// Whether `how` is a whole sentence: of a correlation or a learned detector.
    pub fn is_sentence(&self) -> bool {
        self.selection == CORRELATION || self.selection == LEARNED
    }
}

/// What [`Analytic::uid`] of learned detectors begins with.
pub const LEARNED_PREFIX: &str = "shieldwall.anomaly.";

impl Analytic {
    /// Whether it is no rule but a learned detector.
    pub fn is_learned(&self) -> bool {
        self.uid.starts_with(LEARNED_PREFIX)
    }
}

/// One matched record, kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Event time; `None` if the record has none that is possible.
    pub time: Option<crate::time::Timestamp>,
    /// The time as the log wrote it, where that says more (no year, another zone).
    pub time_text: Option<String>,
    /// Where the record stands in its source.
    pub place: crate::place::Place,
    /// The host that the record speaks of (`device.hostname`).
    pub host: Option<String>,
    /// OCSF path → value, for the record's well-known fields, cut at a limit; sorted by path.
    pub fields: Vec<(String, String)>,
    /// Why it matched.
    pub reasons: Vec<Reason>,
}

/// A rule as a finding names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analytic {
    /// The rule's id.
    pub uid: String,
    /// Its title.
    pub name: String,
    /// Its version: the date it was last modified, as written.
    pub version: String,
    /// SHA-256 of its text, hex.
    pub hash: String,
    /// Its pack; empty for the built-in pack.
    pub pack: String,
    /// Who wrote it.
    pub author: String,
    /// Its licence.
    pub license: String,
    /// Plain-language description.
    pub description: String,
    /// Known harmless causes.
    pub false_positives: Vec<String>,
    /// Links.
    pub references: Vec<String>,
    /// Sigma level: `informational`, `low`, `medium`, `high`, `critical`.
    pub level: String,
    /// Tags as written (`attack.t1059.001`, `attack.execution`, `cve.2021-44228`).
    pub tags: Vec<String>,
    /// The condition as written.
    pub condition: String,
    /// Where the rule came from is not a signed pack: it is marked in every finding.
    pub unsigned: bool,
}

/// What a learned detector says of a finding beside its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The finding's score: the sum of its parts' values, each −ln of a p-value (nats).
    pub score: f64,
    /// The fused p-value: how often something at least this strange is seen where nothing is wrong. Calibrated, not derived
    /// from the score.
    pub p_value: f64,
    /// The parts; their values sum to the score.
    pub parts: Vec<AnomalyPart>,
    /// What is normal here, in one plain sentence.
    pub normal: String,
}

/// One part of an anomaly's score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnomalyPart {
    /// What was looked at, in the field's words: `parent of process`, `logon hour`, `bytes out`.
    pub what: String,
    /// Its share of the score: −ln p, nats.
    pub value: f64,
    /// What was seen and what is usual, in plain words.
    pub words: String,
}

/// One rule that fired on one source (or, with all evidence asked for, on one record).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Content-derived id, hex: of rule id and version, source hash, first matched record. Never of a path.
    pub uid: String,
    /// The rule.
    pub analytic: Analytic,
    /// OCSF `class_uid` of the matched events.
    pub event_class: u32,
    /// The source's path as given, a member after `!`.
    pub source: String,
    /// SHA-256 of the decompressed source, hex; `None` where inputs are not hashed.
    pub sha256: Option<String>,
    /// The source's format (`evtx`).
    pub format: String,
    /// How many records matched in all.
    pub count: u64,
    /// Earliest and latest time among them.
    pub first: Option<crate::time::Timestamp>,
    /// See `first`.
    pub last: Option<crate::time::Timestamp>,
    /// Whether the dates are a placeholder because the log has no year.
    pub year_unknown: bool,
    /// Hosts, sorted.
    pub hosts: Vec<String>,
    /// The first matches in the order (time, offset), at most the limit.
    pub evidences: Vec<Evidence>,
    /// What a learned detector says; `None` for rules.
    pub anomaly: Option<Anomaly>,
}
