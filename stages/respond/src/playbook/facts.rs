//! What an incident gives to a playbook: when it was first known, whom and what it names.
//!
//! Small on purpose: findings are read one by one, reduced to a [`Known`] and dropped, so that a case of any size fits.

use std::collections::BTreeMap;

use shieldwall_schema::entity::EntityKind;
use shieldwall_schema::finding::{CORRELATION, Finding};
use shieldwall_schema::incident::{Incident, Severity};
use shieldwall_schema::ocsf::attack::{self, AttackTag};

use super::condition::Values;
use super::deed::Selector;
use super::model::Playbook;
use crate::net::Net;
use crate::propose::is_inside;

/// Files of one finding that are kept.
const FILES_MAX: usize = 16;

/// What is kept of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub uid: String,
    /// The rule's id.
    pub rule: String,
    /// The rule's techniques.
    pub techniques: Vec<String>,
    /// When it could first be known: its first match, or, of a correlation, the match that made it fire. Milliseconds.
    pub at_ms: Option<i64>,
    /// Files that it names: path and SHA-256.
    pub files: Vec<(String, String)>,
}

impl Known {
    /// What is kept of a finding.
    pub fn of(finding: &Finding) -> Self {
        let techniques = finding.analytic.tags.iter().filter_map(|tag| match attack::tag(tag)? {
            AttackTag::Technique(id) => Some(id.sub_technique().unwrap_or_else(|| id.technique())),
            AttackTag::Tactic { .. } => None,
        });
        let mut files = Vec::new();
        for evidence in &finding.evidences {
            for prefix in ["process.file", "file", "module.file"] {
                let field = |name: &str| {
                    let path = format!("{prefix}.{name}");
                    evidence.fields.iter().filter(move |(own, _)| *own == path).map(|(_, value)| value.clone())
                };
                let hash = field("hashes.value").flat_map(|text| sha256_in(&text)).next();
                if let (Some(path), Some(hash)) = (field("path").next(), hash)
                    && !files.contains(&(path.clone(), hash.clone()))
                    && files.len() < FILES_MAX
                {
                    files.push((path, hash));
                }
            }
        }
        Self {
            uid: finding.uid.clone(),
            rule: finding.analytic.uid.clone(),
            techniques: techniques.collect(),
            at_ms: known_at(finding),
            files,
        }
    }
}

/// The end of the first firing where the records of a firing stand together, the first match elsewhere.
fn known_at(finding: &Finding) -> Option<i64> {
    let fires = |at: usize| {
        let reasons = finding.evidences.get(at).map(|evidence| evidence.reasons.as_slice()).unwrap_or_default();
        reasons.iter().any(|reason| reason.selection == CORRELATION)
    };
    let own = finding.evidences.first().and_then(|evidence| evidence.time).or(finding.first);
    if !fires(0) {
        return own.map(|time| time.millis());
    }
    let end = (1..finding.evidences.len()).find(|at| fires(*at)).unwrap_or(finding.evidences.len());
    let firing = finding.evidences.get(..end).unwrap_or_default();
    firing.iter().filter_map(|evidence| evidence.time).max().or(own).map(|time| time.millis())
}

/// The SHA-256 in `SHA256=…,MD5=…` or a bare one.
fn sha256_in(text: &str) -> Option<String> {
    let parts = text.split([',', '=', ' ']).map(str::trim);
    let mut hashes = parts.filter(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hashes.next().map(str::to_ascii_lowercase)
}

/// What an incident gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its id.
    pub incident: String,
    /// Its number in the case, from 1.
    pub number: usize,
    /// How grave it is.
    pub severity: Severity,
    /// Its first match.
    pub first_ms: Option<i64>,
    /// Its techniques.
    pub techniques: Vec<String>,
    /// Its tactics.
    pub tactics: Vec<String>,
    /// Its findings, earliest known first.
    pub findings: Vec<Known>,
    /// Addresses of the public network.
    pub outside: Vec<Net>,
    /// Addresses that are not.
    pub inside: Vec<Net>,
    /// Accounts.
    pub users: Vec<String>,
    /// Hosts.
    pub hosts: Vec<String>,
    /// Processes.
    pub processes: Vec<String>,
    /// Files: path and SHA-256.
    pub files: Vec<(String, String)>,
}

impl Facts {
    /// Those of an incident; `known` has what is kept of findings by their number.
    pub fn of(incident: &Incident, number: usize, known: &BTreeMap<u32, Known>) -> Self {
        let ids = |kind: EntityKind| {
            let all = incident.involved.iter().filter(move |involved| involved.entity.kind == kind);
            all.map(|involved| involved.entity.id.clone())
        };
        let nets: Vec<Net> = ids(EntityKind::Address).filter_map(|id| id.parse().ok()).collect();
        let (inside, outside) = nets.into_iter().partition(|net| is_inside(*net));
        let mut numbers: Vec<u32> = incident.members.iter().map(|member| member.finding).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut findings: Vec<Known> = numbers.iter().filter_map(|number| known.get(number).cloned()).collect();
        findings.sort_by_key(|known| (known.at_ms.unwrap_or(i64::MAX), known.uid.clone()));
        let mut files: Vec<_> = findings.iter().flat_map(|known| known.files.clone()).collect();
        files.sort();
        files.dedup();
        Self {
            incident: incident.uid.clone(),
            number,
            severity: incident.severity,
            first_ms: incident.first.map(|time| time.millis()),
            techniques: incident.techniques.iter().map(|(id, _)| id.clone()).collect(),
            tactics: incident.tactics.iter().map(|(name, _)| name.clone()).collect(),
            findings,
            outside,
            inside,
            users: ids(EntityKind::User).collect(),
            hosts: ids(EntityKind::Host).collect(),
            processes: ids(EntityKind::Process).collect(),
            files,
        }
    }

    /// The finding that would have called a playbook: the earliest that its selector names, else the earliest of all.
    pub fn trigger(&self, selector: Option<&Selector>) -> Option<&Known> {
        let fits = |known: &&Known| {
            selector
                .is_some_and(|selector| selector.score(&known.techniques, &[], std::slice::from_ref(&known.rule)) > 0)
        };
        let timed = || self.findings.iter().filter(|known| known.at_ms.is_some());
        timed().find(fits).or_else(|| timed().next())
    }

    /// The playbook's variables with what the incident knows of those that come from outside.
    pub fn values(&self, playbook: &Playbook) -> Values {
        let count = |name: &str| match name {
            "__outside_addresses__" => Some(self.outside.len()),
            "__inside_addresses__" => Some(self.inside.len()),
            "__users__" => Some(self.users.len()),
            "__hosts__" => Some(self.hosts.len()),
            "__processes__" => Some(self.processes.len()),
            "__files__" => Some(self.files.len()),
            // 1 informational … 5 critical, as OCSF counts.
            "__severity__" => Some(usize::from(self.severity.ocsf_id())),
            _ => None,
        };
        let all = playbook.variables.iter();
        all.map(|(name, variable)| {
            let bound = variable.external.then(|| count(name)).flatten().map(|count| count.to_string());
            (name.clone(), bound.or_else(|| variable.value.clone()))
        })
        .collect()
    }
}
