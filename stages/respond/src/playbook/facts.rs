//! What an incident gives to a playbook: when it was first known, whom and what it names.
//!
//! Small on purpose: findings are read one by one, reduced to a [`Known`] and dropped, so that a case of any size fits.

use std::collections::BTreeMap;

use shieldwall_schema::entity::{EntityKind, address_id, host_id, user_id};
use shieldwall_schema::finding::{CORRELATION, Evidence, Finding};
use shieldwall_schema::incident::{Incident, Member, Severity};
use shieldwall_schema::ocsf::attack::{self, AttackTag};

use super::condition::Values;
use super::deed::Selector;
use super::model::Playbook;
use crate::net::Net;
use crate::plan::Step;
use crate::propose::is_inside;

/// Files and logons of one finding that are kept: its evidence has a hundred records at most.
const NAMED_MAX: usize = 100;

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
    /// Whether it is a correlation's.
    pub correlated: bool,
    /// What its evidence names beside entities.
    pub named: Vec<Named>,
}

/// Something that a piece of evidence names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// When. Milliseconds.
    pub at_ms: i64,
    /// What.
    pub what: What,
}

/// See [`Named`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A file.
    File {
        /// Its path.
        path: String,
        /// Its SHA-256.
        sha256: String,
        /// On which host.
        host: Option<String>,
    },
    /// An account that was let in.
    LetIn {
        /// Its name.
        user: String,
        /// From where.
        address: Net,
    },
}

impl Known {
    /// What is kept of a finding.
    pub fn of(finding: &Finding) -> Self {
        let techniques = finding.analytic.tags.iter().filter_map(|tag| match attack::tag(tag)? {
            AttackTag::Technique(id) => Some(id.sub_technique().unwrap_or_else(|| id.technique())),
            AttackTag::Tactic { .. } => None,
        });
        let timed = finding.evidences.iter().filter_map(|evidence| Some((evidence, evidence.time?.millis())));
        let named = timed.flat_map(|(evidence, at_ms)| {
            let all = files(evidence).into_iter().chain(let_in(evidence));
            all.map(move |what| Named { at_ms, what })
        });
        Self {
            uid: finding.uid.clone(),
            rule: finding.analytic.uid.clone(),
            techniques: techniques.collect(),
            at_ms: known_at(finding),
            correlated: fires(finding, 0),
            named: named.take(NAMED_MAX).collect(),
        }
    }
}

fn field<'e>(evidence: &'e Evidence, path: &str) -> Option<&'e str> {
    evidence.fields.iter().find(|(own, _)| own == path).map(|(_, value)| value.as_str())
}

fn files(evidence: &Evidence) -> Vec<What> {
    let one = |prefix: &str| {
        let (path, hash) = (format!("{prefix}.path"), format!("{prefix}.hashes.value"));
        let hashes = evidence.fields.iter().filter(|(own, _)| *own == hash);
        let sha256 = hashes.filter_map(|(_, text)| sha256_in(text)).next()?;
        let host = evidence.host.as_deref().and_then(host_id);
        Some(What::File { path: field(evidence, &path)?.to_owned(), sha256, host })
    };
    ["process.file", "file", "module.file"].into_iter().filter_map(one).collect()
}

/// Whom a record let in: a logon over ssh or Windows that worked.
fn let_in(evidence: &Evidence) -> Option<What> {
    let accepted = field(evidence, "message").is_some_and(|message| message.starts_with("Accepted "));
    if !accepted && field(evidence, "metadata.event_code") != Some("4624") {
        return None;
    }
    let address = field(evidence, "src_endpoint.ip").and_then(address_id)?.parse().ok()?;
    Some(What::LetIn { user: field(evidence, "user.name").and_then(user_id)?, address })
}

fn fires(finding: &Finding, at: usize) -> bool {
    let reasons = finding.evidences.get(at).map(|evidence| evidence.reasons.as_slice()).unwrap_or_default();
    reasons.iter().any(|reason| reason.selection == CORRELATION)
}

/// The end of the first firing where the records of a firing stand together, the first match elsewhere.
fn known_at(finding: &Finding) -> Option<i64> {
    let own = finding.evidences.first().and_then(|evidence| evidence.time).or(finding.first);
    if !fires(finding, 0) {
        return own.map(|time| time.millis());
    }
    let end = (1..finding.evidences.len()).find(|at| fires(finding, *at)).unwrap_or(finding.evidences.len());
    let firing = finding.evidences.get(..end).unwrap_or_default();
    firing.iter().filter_map(|evidence| evidence.time).max().or(own).map(|time| time.millis())
}

/// Whether a time is within a member's.
fn is_in(member: &Member, at_ms: i64) -> bool {
    let (first, last) = (member.first.map(|time| time.millis()), member.last.map(|time| time.millis()));
    first.is_some_and(|first| first <= at_ms) && last.is_some_and(|last| at_ms <= last)
}

/// When a finding could be known within an incident: a finding is one rule's matches in a whole log, a member those of one
/// incident. Of a correlation that fired elsewhere first, nothing earlier than the member's end is certain.
fn known_in(known: &Known, member: &Member) -> Option<i64> {
    match known.at_ms.filter(|at| is_in(member, *at)) {
        Some(at) => Some(at),
        None if known.correlated => member.last.map(|time| time.millis()),
        None => member.first.map(|time| time.millis()),
    }
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
    /// Those of them that were let in.
    pub let_in: Vec<String>,
    /// When each of them was first let in: milliseconds.
    pub let_in_ms: BTreeMap<String, i64>,
    /// When each address, account and file was first seen, by its id or path: milliseconds.
    pub seen_ms: BTreeMap<String, i64>,
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
        let (mut findings, mut files) = (BTreeMap::<u32, Known>::new(), Vec::new());
        let mut let_in_ms: BTreeMap<String, i64> = BTreeMap::new();
        let timed = incident.involved.iter().filter_map(|one| Some((one.entity.id.clone(), one.first?.millis())));
        let mut seen_ms: BTreeMap<String, i64> = timed.collect();
        let first = |list: &mut BTreeMap<String, i64>, id: &str, at_ms: i64| {
            list.entry(id.to_owned()).and_modify(|first| *first = at_ms.min(*first)).or_insert(at_ms);
        };
        for member in &incident.members {
            let Some(known) = known.get(&member.finding) else { continue };
            for named in known.named.iter().filter(|named| is_in(member, named.at_ms)) {
                match &named.what {
                    What::File { path, sha256, host } if *host == member.host || host.is_none() => {
                        first(&mut seen_ms, path, named.at_ms);
                        files.push((path.clone(), sha256.clone()));
                    }
                    What::LetIn { user, address } if nets.contains(address) => first(&mut let_in_ms, user, named.at_ms),
                    _ => {}
                }
            }
            let own = Known { at_ms: known_in(known, member), named: Vec::new(), ..known.clone() };
            let earlier = findings.get(&member.finding).is_some_and(|other| other.at_ms <= own.at_ms);
            if !earlier {
                findings.insert(member.finding, own);
            }
        }
        let mut findings: Vec<Known> = findings.into_values().collect();
        findings.sort_by(|one, two| {
            (one.at_ms.unwrap_or(i64::MAX), &one.uid).cmp(&(two.at_ms.unwrap_or(i64::MAX), &two.uid))
        });
        files.sort();
        files.dedup();
        let (inside, outside) = nets.into_iter().partition(|net| is_inside(*net));
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
            let_in: let_in_ms.keys().cloned().collect(),
            let_in_ms,
            seen_ms,
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

    /// When the last of a step's targets was seen; `None` where it has none or no time is known.
    pub fn seen(&self, step: &Step, let_in: bool) -> Option<i64> {
        let of = |id: &str| self.seen_ms.get(id).copied();
        match step {
            Step::Block { targets, .. } => targets.iter().filter_map(|net| of(&net.to_string())).max(),
            Step::LockUser { user } | Step::EndSessions { user } if let_in => self.let_in_ms.get(user).copied(),
            Step::LockUser { user } | Step::EndSessions { user } => of(user),
            Step::Quarantine { path, .. } => of(&path.to_string_lossy()),
            _ => None,
        }
    }

    /// The playbook's variables with what the incident knows of those that come from outside.
    pub fn values(&self, playbook: &Playbook) -> Values {
        let count = |name: &str| match name {
            "__outside_addresses__" => Some(self.outside.len()),
            "__inside_addresses__" => Some(self.inside.len()),
            "__users_let_in__" => Some(self.let_in.len()),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn evidence(seconds: i64, fields: &[(&str, &str)], fires: bool) -> Value {
        let reason = json!({"selection": "correlation", "field": "", "native": null, "how": "", "pattern": "", "value": "", "span": null, "provenance": "host_reported"});
        json!({"time": seconds * SECOND, "time_text": null, "place": {"offset": 0, "record": null}, "host": "web-01",
            "fields": fields, "reasons": if fires { vec![reason] } else { vec![] }})
    }

    fn finding(uid: &str, evidences: &[Value]) -> Finding {
        serde_json::from_value(json!({
            "uid": uid, "analytic": {"uid": uid, "name": "", "version": "", "hash": "", "pack": "", "author": "", "license": "",
                "description": "", "false_positives": [], "references": [], "level": "high",
                "tags": ["attack.t1110.001", "attack.credential-access"], "condition": "", "unsigned": false},
            "event_class": 3002, "source": "", "sha256": null, "format": "", "count": 3, "first": SECOND, "last": 90 * SECOND,
            "year_unknown": false, "hosts": [], "evidences": evidences, "anomaly": null,
        }))
        .unwrap()
    }

    fn member(number: u32, from: i64, to: i64) -> Value {
        json!({"finding": number, "rule": 0, "host": "web-01", "count": 1, "first": from * SECOND, "last": to * SECOND, "joined_by": null})
    }

    #[test]
    fn an_incident_gives_what_is_its_own_and_no_more_of_a_finding_that_many_share() {
        let hash = "A".repeat(64);
        let accepted =
            |user, address| [("message", "Accepted password for x"), ("src_endpoint.ip", address), ("user.name", user)];
        let file = [("file.path", "/tmp/x"), ("file.hashes.value", hash.as_str())];
        let shared = finding(
            "shared",
            &[
                evidence(1, &accepted("early", "203.0.113.9"), false),
                evidence(20, &accepted("alice", "203.0.113.9"), false),
                evidence(21, &accepted("other", "198.51.100.1"), false),
                evidence(22, &file, false),
                evidence(80, &[("file.path", "/tmp/late"), ("file.hashes.value", hash.as_str())], false),
            ],
        );
        let fired = finding("fired", &[evidence(10, &[], true), evidence(12, &[], false), evidence(40, &[], true)]);
        let known: BTreeMap<u32, Known> = [(0, Known::of(&shared)), (1, Known::of(&fired))].into();
        assert_eq!((known[&0].at_ms, known[&1].at_ms, known[&1].correlated), (Some(1000), Some(12_000), true));
        assert_eq!(known[&0].techniques, ["T1110.001"]);
        let address =
            json!({"entity": {"kind": "address", "id": "203.0.113.9"}, "count": 1, "first": 20 * SECOND, "last": null});
        let inner =
            json!({"entity": {"kind": "address", "id": "192.168.0.9"}, "count": 1, "first": null, "last": null});
        let incident: Incident = serde_json::from_value(json!({
            "uid": "i", "aliases": [], "key": "address", "severity": "high", "risk": 1.0, "first": 10 * SECOND, "last": 30 * SECOND,
            "members": [member(0, 20, 30), member(1, 10, 30), member(7, 1, 2)], "members_left_out": 0, "sightings": 2,
            "involved": [address, inner], "involved_left_out": 0, "tactics": [], "techniques": [["T1110.001", null]],
        }))
        .unwrap();
        let facts = Facts::of(&incident, 1, &known);
        assert_eq!(facts.let_in, ["alice"]);
        assert_eq!(facts.files, [("/tmp/x".to_owned(), "a".repeat(64))]);
        assert_eq!((facts.outside.len(), facts.inside.len()), (1, 1));
        let times: Vec<_> = facts.findings.iter().map(|known| (known.uid.as_str(), known.at_ms)).collect();
        assert_eq!(times, [("fired", Some(12_000)), ("shared", Some(20_000))]);
        assert_eq!(
            (facts.seen_ms["203.0.113.9"], facts.let_in_ms["alice"], facts.seen_ms["/tmp/x"]),
            (20_000, 20_000, 22_000)
        );
        // A correlation that fired elsewhere first: nothing earlier than its end here is certain.
        let late: Incident =
            Incident { members: serde_json::from_value(json!([member(1, 35, 50)])).unwrap(), ..incident };
        assert_eq!(Facts::of(&late, 1, &known).trigger(None).and_then(|known| known.at_ms), Some(50_000));
    }
}
