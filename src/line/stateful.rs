//! Half B: everything that remembers. One function over matches and observations in the order (event time, source,
//! offset); `scan` gets that order by external merge sort, a live line will get it by watermark.
//!
//! Today B folds matches into findings (one per rule and source, or one per record where all evidence is asked for) and
//! observations into what was seen of each host. Correlation and learning join here, and decode nothing again.
//!
//! Memory: a few dozen bytes a finding and 16 a piece of evidence; evidence itself waits in a spool that goes to disk
//! beyond [`EVIDENCE_MEMORY_BYTES_MAX`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shieldwall_schema::entity::host_id;
use shieldwall_schema::finding::Evidence;
use shieldwall_schema::incident::Sighting;
use shieldwall_schema::{Entity, EntityKind, Timestamp};

use super::spill::{ItemKind, NO_TIME, Sorted};

/// Evidence that a finding keeps; the rest is counted. Enough to see a pattern, few enough to read.
pub const EVIDENCES_MAX: usize = 100;

/// Bytes of evidence held in memory before the spool goes to disk.
const EVIDENCE_MEMORY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Findings that one run may hold. A set of 4,000 rules over 250 sources stays below even if everything fires.
pub const FINDINGS_MAX: usize = 1_000_000;

/// Hosts that one finding names.
pub const FINDING_HOSTS_MAX: usize = 1000;

/// Hosts that are told apart; later ones are counted together.
pub const HOSTS_MAX: usize = 100_000;

/// Sources whose telemetry counts as a host's. A machine has some hundred logs; a collector's host has its own.
pub const HOST_SOURCES_MAX: usize = 1000;

/// What B needs of every match; the payload of a match begins with it. [`Kept`] follows where the match is worth its
/// evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The record's host.
    pub host: Option<String>,
    /// Whom and what it speaks of, sorted.
    pub entities: Vec<Entity>,
}

/// A matched record as it travels from A to B.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The evidence.
    pub evidence: Evidence,
    /// OCSF class of the record.
    pub class: u32,
    /// SHA-256 of the record's bytes, where inputs are not hashed.
    pub digest: Option<[u8; 32]>,
}

/// How matches become findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// One finding per rule and source.
    BySource,
    /// One finding per matched record.
    ByRecord,
}

/// A finding before it is put together.
#[derive(Clone, Debug)]
struct Group {
    source: u32,
    rule: u32,
    /// Where the first match stands in the source.
    offset: u64,
    count: u64,
    first: i64,
    last: i64,
    hosts: BTreeSet<String>,
    evidences: Vec<(u64, u32)>,
}

/// What was seen of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSeen {
    /// Records that speak of the host.
    pub records: u64,
    /// Earliest event time.
    pub first: Option<Timestamp>,
    /// Latest event time.
    pub last: Option<Timestamp>,
    /// Ranks of the sources that speak of it, at most [`HOST_SOURCES_MAX`].
    pub sources: BTreeSet<u32>,
}

/// An observation: something small about an entity, summed over a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The entity's kind.
    pub entity: EntityKind,
    /// The entity's id: a host name.
    pub id: String,
    /// How many records of the chunk spoke of it.
    pub records: u64,
    /// The earliest event time among them, in nanoseconds.
    pub earliest: Option<i64>,
    /// The latest.
    pub latest: Option<i64>,
}

/// What B gives.
pub struct Folded {
    groups: Vec<Group>,
    spool: tempfile::SpooledTempFile,
    /// Hosts by name.
    pub hosts: BTreeMap<String, HostSeen>,
    /// Matches that belong to findings beyond [`FINDINGS_MAX`].
    pub overflow: u64,
    /// Hosts beyond [`HOSTS_MAX`].
    pub hosts_overflow: u64,
}

/// One finding's parts, ready to be named.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The source's rank.
    pub source: u32,
    /// The rule's index.
    pub rule: u32,
    /// Matched records.
    pub count: u64,
    /// Earliest time.
    pub first: Option<Timestamp>,
    /// Latest time.
    pub last: Option<Timestamp>,
    /// Hosts of all matches where inputs are hashed, else of the first [`EVIDENCES_MAX`]; sorted, at most
    /// [`FINDING_HOSTS_MAX`].
    pub hosts: Vec<String>,
    /// The first matches.
    pub kept: Vec<Kept>,
}

/// Half B. Every match is also told to `sight`, which joins them into incidents. `canonical[source]` is false for a source whose content another one has already; its matches are left out.
///
/// # Errors
/// When the spill cannot be read or the spool not be written.
pub fn fold(
    mut items: Sorted,
    canonical: &[bool],
    fold: Fold,
    sight: &mut dyn FnMut(&Sighting<'_>),
) -> io::Result<Folded> {
    let mut folded = Folded {
        groups: Vec::new(),
        spool: tempfile::spooled_tempfile(EVIDENCE_MEMORY_BYTES_MAX),
        hosts: BTreeMap::new(),
        overflow: 0,
        hosts_overflow: 0,
    };
    let mut open: FxHashMap<(u32, u32), usize> = FxHashMap::default();
    let mut written = 0u64;
    while let Some(item) = items.next()? {
        if !canonical.get(item.key.source as usize).copied().unwrap_or(false) {
            continue;
        }
        if item.kind == ItemKind::Observation {
            folded.observe(item.key.source, item.payload);
            continue;
        }
        let known = match fold {
            Fold::BySource => open.get(&(item.key.source, item.key.subject)).copied(),
            Fold::ByRecord => None,
        };
        let at = match known {
            Some(at) => at,
            None if folded.groups.len() >= FINDINGS_MAX => {
                folded.overflow += 1;
                continue;
            }
            None => {
                let at = folded.groups.len();
                if fold == Fold::BySource {
                    open.insert((item.key.source, item.key.subject), at);
                }
                folded.groups.push(Group {
                    source: item.key.source,
                    rule: item.key.subject,
                    offset: item.key.offset,
                    count: 0,
                    first: NO_TIME,
                    last: NO_TIME,
                    hosts: BTreeSet::new(),
                    evidences: Vec::new(),
                });
                at
            }
        };
        let Some(group) = folded.groups.get_mut(at) else { continue };
        group.count += 1;
        if item.key.time != NO_TIME {
            if group.first == NO_TIME {
                group.first = item.key.time;
            }
            group.last = item.key.time;
        }
        let Ok((head, evidence)) = postcard::take_from_bytes::<Head>(item.payload) else { continue };
        let host = head.host.as_deref().and_then(host_id);
        sight(&Sighting {
            time: (item.key.time != NO_TIME).then(|| Timestamp::from_nanos(item.key.time)),
            finding: at as u32,
            rule: item.key.subject,
            host: host.as_deref(),
            entities: &head.entities,
        });
        if let Some(host) = head.host.filter(|_| group.hosts.len() < FINDING_HOSTS_MAX) {
            group.hosts.insert(host);
        }
        if group.evidences.len() < EVIDENCES_MAX && !evidence.is_empty() {
            folded.spool.write_all(evidence)?;
            group.evidences.push((written, evidence.len() as u32));
            written += evidence.len() as u64;
        }
    }
    Ok(folded)
}

impl Folded {
    fn observe(&mut self, source: u32, payload: &[u8]) {
        let Ok(seen) = postcard::from_bytes::<Observation>(payload) else { return };
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(&seen.id) {
            self.hosts_overflow += 1;
            return;
        }
        let host = self.hosts.entry(seen.id).or_default();
        if host.sources.len() < HOST_SOURCES_MAX {
            host.sources.insert(source);
        }
        host.records += seen.records;
        host.first = host.first.into_iter().chain(seen.earliest.map(Timestamp::from_nanos)).min();
        host.last = host.last.max(seen.latest.map(Timestamp::from_nanos));
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Which rule a finding is of.
    pub fn rule(&self, at: usize) -> Option<u32> {
        self.groups.get(at).map(|group| group.rule)
    }

    /// A finding's source, rule, and the offset of its first match.
    pub fn first_of(&self, at: usize) -> Option<(u32, u32, u64)> {
        self.groups.get(at).map(|group| (group.source, group.rule, group.offset))
    }

    /// A finding's parts with at most `evidences_max` pieces of evidence. Findings stand in the order of their first match.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn parts(&mut self, at: usize, evidences_max: usize) -> io::Result<Option<Parts>> {
        let Some(group) = self.groups.get(at) else { return Ok(None) };
        let mut kept = Vec::new();
        let mut bytes = Vec::new();
        for (offset, length) in group.evidences.iter().take(evidences_max) {
            self.spool.seek(SeekFrom::Start(*offset))?;
            bytes.resize(*length as usize, 0);
            self.spool.read_exact(&mut bytes)?;
            let piece =
                postcard::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            kept.push(piece);
        }
        let time = |nanos: i64| (nanos != NO_TIME).then(|| Timestamp::from_nanos(nanos));
        Ok(Some(Parts {
            source: group.source,
            rule: group.rule,
            count: group.count,
            first: time(group.first),
            last: time(group.last),
            hosts: group.hosts.iter().cloned().collect(),
            kept,
        }))
    }
}
