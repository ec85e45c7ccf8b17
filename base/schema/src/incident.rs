//! What correlate gives: sightings in, incidents out.

use serde::{Deserialize, Serialize};

use crate::entity::{Entity, EntityKind};
use crate::time::Timestamp;

/// How grave a rule says its finding is; Sigma's `level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// `informational`, and what names no level.
    #[default]
    Informational,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `critical`
    Critical,
}

impl Severity {
    /// All, mildest first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// From a Sigma level; unknown words count as informational.
    pub fn of_level(level: &str) -> Self {
        let all = Self::ALL.into_iter();
        all.rev().find(|severity| severity.level().eq_ignore_ascii_case(level)).unwrap_or_default()
    }

    /// The Sigma level.
    pub const fn level(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The word in a list: four letters at most.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Informational => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MED",
            Self::High => "HIGH",
            Self::Critical => "CRIT",
        }
    }

    /// A mark of one column whose height grows with the severity, so that colour is never the only signal.
    pub const fn shape(self, unicode: bool) -> &'static str {
        match (self, unicode) {
            (Self::Informational, true) => "·",
            (Self::Low, true) => "▂",
            (Self::Medium, true) => "▄",
            (Self::High, true) => "▆",
            (Self::Critical, true) => "█",
            (Self::Informational, false) => ".",
            (Self::Low, false) => "-",
            (Self::Medium, false) => "=",
            (Self::High, false) => "#",
            (Self::Critical, false) => "!",
        }
    }

    /// OCSF `severity_id`.
    pub const fn ocsf_id(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }

    /// OCSF `severity`.
    pub const fn ocsf_caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// What correlate knows of a rule; by number, so that a sighting is small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFacts {
    /// The rule's id.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub severity: Severity,
    /// ATT&CK techniques in its tags: `T1059.001`, upper case, sorted.
    pub techniques: Vec<String>,
    /// ATT&CK tactics in its tags, by short name: `credential-access`, sorted.
    pub tactics: Vec<String>,
}

/// One match of one rule, as correlate sees it. Sightings come in the order (time, source, offset); those without a time first.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Event time; `None` if the record has none that is possible.
    pub time: Option<Timestamp>,
    /// The finding that holds the match: its number in the order of findings.
    pub finding: u32,
    /// The rule: its number among the [`RuleFacts`].
    pub rule: u32,
    /// The record's own host, as [`crate::entity::host_id`] names it.
    pub host: Option<&'a str>,
    /// Whom and what the record speaks of, sorted, each once.
    pub entities: &'a [Entity],
}

/// One finding's part in an incident: the matches of one rule on one host that belong together. A flood is one member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The finding's number in the order of findings.
    pub finding: u32,
    /// The rule's number.
    pub rule: u32,
    /// The host.
    pub host: Option<String>,
    /// How many matches.
    pub count: u64,
    /// Earliest match.
    pub first: Option<Timestamp>,
    /// Latest match.
    pub last: Option<Timestamp>,
    /// The entity by which it joined the incident; `None` for the one that began it.
    pub joined_by: Option<Entity>,
}

/// An entity's part in an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Involved {
    /// Who or what.
    pub entity: Entity,
    /// In how many matches.
    pub count: u64,
    /// Earliest of them.
    pub first: Option<Timestamp>,
    /// Latest of them.
    pub last: Option<Timestamp>,
}

/// Findings that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Content-derived id, 32 hex digits: of the earliest finding's id and the key's kind.
    pub uid: String,
    /// Ids of incidents that merged into this one, sorted.
    pub aliases: Vec<String>,
    /// The kind of entity that began it.
    pub key: EntityKind,
    /// The gravest level among its members, raised where several tactics meet.
    pub severity: Severity,
    /// Level-weighted, decaying risk at its peak; orders the incidents.
    pub risk: f64,
    /// Earliest match.
    pub first: Option<Timestamp>,
    /// Latest match.
    pub last: Option<Timestamp>,
    /// Its members, earliest first, at most a limit.
    pub members: Vec<Member>,
    /// Members beyond the limit.
    pub members_left_out: u64,
    /// Matches in all.
    pub sightings: u64,
    /// Whom and what it concerns: sorted by kind, then by count (most first), at most a limit of each kind.
    pub involved: Vec<Involved>,
    /// Entities beyond the limit.
    pub involved_left_out: u64,
    /// ATT&CK tactics in the order of the kill chain, with the time at which each was first seen.
    pub tactics: Vec<(String, Option<Timestamp>)>,
    /// ATT&CK techniques with the time at which each was first seen, earliest first.
    pub techniques: Vec<(String, Option<Timestamp>)>,
}
