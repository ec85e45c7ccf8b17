//! What a run has to say, as plain data: the line fills it, the writers show it.

use std::cmp::Reverse;

use shieldwall_schema::finding::Finding;
use shieldwall_schema::{Flag, Reject, Rejection, Timestamp};

use super::story::Told;
use super::words::Severity;

/// Everything that one run found, read and did not read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The findings, in any order; [`Report::groups`] orders them.
    pub findings: Vec<Finding>,
    /// The incidents, worst first, as many as a terminal lists. Empty where incidents were not made: findings stand alone.
    pub incidents: Vec<Told>,
    /// How many incidents there are of each severity, mildest first.
    pub incident_counts: [u64; 5],
    /// How many findings there are.
    pub finding_count: u64,
    /// What findings name of ATT&CK: tactic id, technique id (may be empty), number of the incident; sorted, each once.
    pub techniques: Vec<(String, String, usize)>,
    /// Every source, in the order in which the inputs were listed.
    pub sources: Vec<SourceSummary>,
    /// How many rules were loaded.
    pub rules: u64,
    /// Rules that were refused: `file:line: reason`.
    pub refused_rules: Vec<String>,
    /// Assumptions that hold for the whole run.
    pub assumptions: Vec<String>,
    /// What learning says of itself.
    pub learned: Vec<String>,
    /// The case folder as the user may name it, for the hints; `None` for the default one.
    pub case: Option<String>,
    /// Whether there is a case that `show` can read.
    pub kept: bool,
}

/// One source and what became of it.
#[derive(Clone, Debug, Default)]
pub struct SourceSummary {
    /// The path as given, a member after `!`.
    pub display: String,
    /// The format (`evtx`); empty if it was not recognised.
    pub format: String,
    /// Records read, wanted or not.
    pub events: u64,
    /// What could not be read: by reason, how often, and the first one.
    pub rejected: Vec<(Reject, u64, Rejection)>,
    /// What was odd, and how often.
    pub flags: Vec<(Flag, u64)>,
    /// What was assumed to read it (a year, a zone).
    pub assumptions: Vec<String>,
    /// What became of it.
    pub note: SourceNote,
}

/// What became of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceNote {
    /// It was read, if perhaps not all of it.
    #[default]
    Read,
    /// It holds no bytes.
    Empty,
    /// It is recognised and no log (`png image`).
    NonLog(String),
    /// It was not read, and why (`a capture: run zeek -r or suricata -r and scan the logs`).
    NotRead(String),
    /// The same content as an earlier source.
    DuplicateOf(String),
}

/// Figures of a run that differ from machine to machine; they go to standard error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Records read.
    pub events: u64,
    /// Sources seen.
    pub files: u64,
    /// Formats recognised.
    pub kinds: u64,
    /// Decompressed bytes.
    pub bytes: u64,
    /// Wall clock, in seconds.
    pub seconds: f64,
}

/// Findings of one rule on one host (or one set of hosts), under one number.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// 1 … N, worst first; what `shieldwall show N` takes.
    pub number: usize,
    /// The findings, one a source, earliest first.
    pub findings: Vec<&'a Finding>,
    /// Severity.
    pub severity: Severity,
    /// How many records matched.
    pub count: u64,
    /// The earliest match with a time.
    pub first: Option<Timestamp>,
    /// The latest match with a time.
    pub last: Option<Timestamp>,
}

impl<'a> Group<'a> {
    /// The finding that speaks for the group: the earliest.
    pub fn lead(&self) -> Option<&'a Finding> {
        self.findings.first().copied()
    }
}

impl Report {
    /// The findings grouped by hosts and rule; worst first, then earliest, then by rule and host.
    ///
    /// The order is a function of the findings alone, so the numbers hold wherever the same findings are read again.
    pub fn groups(&self) -> Vec<Group<'_>> {
        groups(&self.findings)
    }
}

/// One finding as a group of its own.
pub fn group(finding: &Finding, number: usize) -> Group<'_> {
    Group {
        number,
        findings: vec![finding],
        severity: Severity::of_level(&finding.analytic.level),
        count: finding.count,
        first: finding.first,
        last: finding.last,
    }
}

/// See [`Report::groups`].
pub fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    // `None` last: a finding without a time is no earlier than one with.
    let time = |finding: &Finding| finding.first.map_or(i64::MAX, Timestamp::nanos);
    sorted.sort_by(|a, b| {
        let key = |f: &Finding| (f.hosts.clone(), f.analytic.uid.clone(), f.analytic.hash.clone());
        key(a).cmp(&key(b)).then_with(|| (time(a), &a.source, &a.uid).cmp(&(time(b), &b.source, &b.uid)))
    });
    let same = |a: &&Finding, b: &&Finding| {
        a.hosts == b.hosts && a.analytic.uid == b.analytic.uid && a.analytic.hash == b.analytic.hash
    };
    let mut groups: Vec<Group<'_>> = sorted
        .chunk_by(same)
        .map(|chunk| Group {
            number: 0,
            severity: chunk.first().map_or(Severity::Informational, |f| Severity::of_level(&f.analytic.level)),
            count: chunk.iter().fold(0, |sum, finding| sum.saturating_add(finding.count)),
            first: chunk.iter().filter_map(|finding| finding.first).min(),
            last: chunk.iter().filter_map(|finding| finding.last.or(finding.first)).max(),
            findings: chunk.to_vec(),
        })
        .collect();
    // Stable: equal keys keep the order by host and rule id.
    groups.sort_by_cached_key(|group| {
        let title = group.lead().map(|finding| finding.analytic.name.clone()).unwrap_or_default();
        (Reverse(group.severity), group.first.map_or(i64::MAX, Timestamp::nanos), title)
    });
    for (at, group) in groups.iter_mut().enumerate() {
        group.number = at + 1;
    }
    groups
}
