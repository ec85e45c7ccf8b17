//! Judges every candidate: it may leave, or it is held back, and why.
//!
//! What may leave is a closed list: addresses, domains and file hashes of the other side, ids of ATT&CK techniques, with counts
//! and with times rounded down to the hour. Whatever is not on it is held back, also what nobody thought of. Values are parsed and
//! written anew, so that no text of a log gets through as it stood.
//!
//! ```compile_fail
//! // Nothing but the redaction makes something shareable.
//! # use shieldwall_schema::{Timestamp, incident::Severity};
//! let (first, last) = (Timestamp::from_nanos(0), Timestamp::from_nanos(0));
//! let thing = shieldwall_share::Thing::Technique("T1059".to_owned());
//! let (severity, techniques) = (Severity::High, Vec::new());
//! let forged = shieldwall_share::Shareable { thing, count: 1, first, last, severity, techniques };
//! ```

use std::collections::BTreeSet;
use std::net::IpAddr;

use shieldwall_schema::Timestamp;
use shieldwall_schema::incident::Severity;
use shieldwall_schema::ocsf::attack::{self, TechniqueId};

use crate::candidate::{Candidate, Role, What};
use crate::own::Own;

/// Items of one bundle; those of the gravest incidents are kept.
pub const SHAREABLES_MAX: usize = 5000;

/// Techniques that one item names.
pub const TECHNIQUES_MAX: usize = 20;

const HOUR: i64 = 3_600_000_000_000;

/// What may leave of a thing: its value, parsed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// An address on the internet.
    Address(IpAddr),
    /// A public domain name in lower case, ASCII.
    Domain(String),
    /// A file's hash: the algorithm by STIX's name, and lower-case hex.
    Hash(&'static str, String),
    /// `T1059.001`
    Technique(String),
}

/// An item that may leave. Made by [`redact`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shareable {
    thing: Thing,
    count: u64,
    first: Timestamp,
    last: Timestamp,
    severity: Severity,
    techniques: Vec<String>,
}

impl Shareable {
    /// The thing.
    pub const fn thing(&self) -> &Thing {
        &self.thing
    }

    /// In how many matches.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Earliest match, rounded down to the hour.
    pub const fn first(&self) -> Timestamp {
        self.first
    }

    /// Latest match, rounded down to the hour.
    pub const fn last(&self) -> Timestamp {
        self.last
    }

    /// The gravest incident that it is part of.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// ATT&CK techniques seen with it, sorted.
    pub fn techniques(&self) -> &[String] {
        &self.techniques
    }
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// What sort of thing.
    pub what: What,
    /// Its value as the records have it, unescaped.
    pub value: String,
    /// Why so.
    pub why: &'static str,
}

/// Every judgement, sorted. Holds what is held back: it must not leave itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// What would leave.
    pub kept: Vec<Line>,
    /// What would not.
    pub held: Vec<Line>,
}

/// What is left after redaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    items: Vec<Shareable>,
    preview: Preview,
}

impl Redacted {
    /// What may leave, sorted by thing.
    pub fn items(&self) -> &[Shareable] {
        &self.items
    }

    /// Every judgement.
    pub const fn preview(&self) -> &Preview {
        &self.preview
    }
}

/// Judges all candidates.
pub fn redact(own: &Own, mut candidates: Vec<Candidate>) -> Redacted {
    // The gravest first, so that the limit leaves out the mildest.
    candidates.sort_by(|a, b| {
        let key = |one: &Candidate| (std::cmp::Reverse(one.severity), one.what);
        key(a).cmp(&key(b)).then_with(|| a.value.cmp(&b.value))
    });
    let mut redacted = Redacted::default();
    let mut things = BTreeSet::new();
    for candidate in candidates {
        let Some(what) = candidate.what else { continue };
        let verdict = match judge(own, what, &candidate) {
            Ok(_) if redacted.items.len() >= SHAREABLES_MAX => Err("beyond the limit of a bundle"),
            Ok(item) if !things.insert(item.thing.clone()) => Err("the same as another"),
            verdict => verdict,
        };
        match verdict {
            Ok(item) => {
                let why = match item.thing {
                    Thing::Technique(_) => "a public technique's id",
                    Thing::Hash(..) => "a file's hash tells nothing of its content",
                    Thing::Address(_) | Thing::Domain(_) => "of the other side, on the internet",
                };
                redacted.preview.kept.push(Line { what, value: candidate.value, why });
                redacted.items.push(item);
            }
            Err(why) => redacted.preview.held.push(Line { what, value: candidate.value, why }),
        }
    }
    redacted.items.sort_by(|a, b| a.thing.cmp(&b.thing));
    redacted.preview.kept.sort();
    redacted.preview.held.sort();
    redacted
}

fn judge(own: &Own, what: What, candidate: &Candidate) -> Result<Shareable, &'static str> {
    let thing = match what {
        What::Address => {
            let address = candidate.value.trim().parse::<IpAddr>().map_err(|_| "no address")?.to_canonical();
            own.holds_address(address).map_or(Ok(()), Err)?;
            role(candidate.role)?;
            Thing::Address(address)
        }
        What::Domain => {
            let name = candidate.value.trim().trim_end_matches('.').to_lowercase();
            own.holds_domain(&name).map_or(Ok(()), Err)?;
            role(candidate.role)?;
            Thing::Domain(name)
        }
        What::Hash => hash(&candidate.value)?,
        What::Technique => technique(&candidate.value)?,
        What::Host => return Err("a machine of ours"),
        What::User => return Err("an account"),
        What::Session | What::Process => return Err("says something of a machine of ours alone"),
        What::CommandLine => return Err("may hold names and passwords"),
        What::Path => return Err("may hold names"),
        What::Email => return Err("a person"),
        What::Words => return Err("holds values"),
    };
    let (Some(first), Some(last)) = (candidate.first, candidate.last) else {
        return Err("no time is known: whoever gets it could not tell how old it is");
    };
    let hour = |time: Timestamp| Timestamp::from_nanos(time.nanos() - time.nanos().rem_euclid(HOUR));
    let known = |id: &&String| technique(id).is_ok();
    Ok(Shareable {
        thing,
        count: candidate.count,
        first: hour(first.min(last)),
        last: hour(last.max(first)),
        severity: candidate.severity,
        techniques: candidate.techniques.iter().filter(known).take(TECHNIQUES_MAX).cloned().collect(),
    })
}

const fn role(role: Role) -> Result<(), &'static str> {
    match role {
        Role::Other => Ok(()),
        Role::Own => Err("on our side of the connection"),
        Role::Unknown => Err("no kept record says whose it is"),
    }
}

fn hash(value: &str) -> Result<Thing, &'static str> {
    let hex = value.trim().to_ascii_lowercase();
    let algorithm = match hex.len() {
        32 => "MD5",
        40 => "SHA-1",
        64 => "SHA-256",
        128 => "SHA-512",
        _ => return Err("no hash"),
    };
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("no hash");
    }
    Ok(Thing::Hash(algorithm, hex))
}

/// Ids that ATT&CK has: a rule of one's own could name anything.
fn technique(value: &str) -> Result<Thing, &'static str> {
    let id = TechniqueId::parse(value).ok_or("no technique")?;
    let id = id.sub_technique().unwrap_or_else(|| id.technique());
    attack::technique_name(&id).ok_or("no technique that ATT&CK has")?;
    Ok(Thing::Technique(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(what: What, value: &str) -> Candidate {
        let time = |minute| Timestamp::from_civil(2026, 3, 10, 3, minute, 7, 5, 0);
        Candidate {
            what: Some(what),
            value: value.to_owned(),
            role: Role::Other,
            count: 3,
            first: time(12),
            last: time(59),
            severity: Severity::High,
            techniques: BTreeSet::from(["T1059".to_owned(), "X'] secret".to_owned()]),
        }
    }

    #[test]
    fn a_closed_list_leaves_and_the_rest_is_held() {
        let own = Own::default();
        let (md5, sha256) = ("AB".repeat(16), "cd".repeat(32));
        for (what, value, kept) in [
            (What::Address, "198.51.100.7", true),
            (What::Address, "10.0.0.1", false),
            (What::Address, "198.51.100.7'] OR", false),
            (What::Domain, "Evil.Example.com.", true),
            (What::Domain, "evil", false),
            (What::Hash, md5.as_str(), true),
            (What::Hash, sha256.as_str(), true),
            (What::Hash, "xyz", false),
            (What::Technique, "T1059.001", true),
            (What::Technique, "T9999", false),
            (What::Technique, "anything", false),
            (What::Host, "198.51.100.7", false),
            (What::User, "anna", false),
            (What::Session, "ws01/0x5a", false),
            (What::Process, "ws01/4711", false),
            (What::CommandLine, "net use /user:x secret", false),
            (What::Path, "C:\\Users\\anna", false),
            (What::Email, "anna@example.org", false),
            (What::Words, "anna signed in", false),
        ] {
            let redacted = redact(&own, vec![candidate(what, value)]);
            assert_eq!(redacted.items().len(), usize::from(kept), "{what:?} {value}");
            let preview = redacted.preview();
            assert_eq!((preview.kept.len(), preview.held.len()), (usize::from(kept), usize::from(!kept)), "{value}");
        }
    }

    #[test]
    fn times_lose_their_minutes_and_only_known_techniques_go_along() {
        let redacted = redact(&Own::default(), vec![candidate(What::Address, "198.51.100.7")]);
        let item = &redacted.items()[0];
        assert_eq!(item.first().to_string(), "2026-03-10T03:00:00Z");
        assert_eq!(item.last(), item.first());
        assert_eq!(item.techniques(), ["T1059"]);
    }

    #[test]
    fn what_has_no_time_or_no_side_is_held() {
        let timeless = Candidate { first: None, last: None, ..candidate(What::Address, "198.51.100.7") };
        let sideless = Candidate { role: Role::Unknown, ..candidate(What::Address, "198.51.100.8") };
        let ours = Candidate { role: Role::Own, ..candidate(What::Domain, "evil.example.com") };
        let redacted = redact(&Own::default(), vec![timeless, sideless, ours]);
        assert!(redacted.items().is_empty());
        assert_eq!(redacted.preview().held.len(), 3);
    }

    #[test]
    fn the_order_of_candidates_does_not_matter_and_the_limit_keeps_the_gravest() {
        let mut all: Vec<Candidate> =
            (0..SHAREABLES_MAX + 5).map(|at| candidate(What::Hash, &format!("{at:032x}"))).collect();
        all.push(Candidate { severity: Severity::Critical, ..candidate(What::Hash, &"f".repeat(32)) });
        let forwards = redact(&Own::default(), all.clone());
        all.reverse();
        assert_eq!(redact(&Own::default(), all), forwards);
        assert_eq!((forwards.items().len(), forwards.preview().held.len()), (SHAREABLES_MAX, 6));
        assert!(forwards.items().iter().any(|item| item.severity() == Severity::Critical));
    }
}
