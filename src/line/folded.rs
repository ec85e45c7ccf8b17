//! What half B gives: findings in parts, ready to be named, and what was seen of each host.
//!
//! Memory: about eighty bytes a finding and 16 a piece of evidence beyond its first; evidence itself waits in a spool that
//! goes to disk beyond [`EVIDENCE_MEMORY_BYTES_MAX`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};

use rustc_hash::FxHashMap;
use shieldwall_schema::Timestamp;

use super::spill::NO_TIME;
use super::stateful::{Kept, Presence};

/// Evidence that a finding keeps; the rest is counted. Enough to see a pattern, few enough to read.
pub const EVIDENCES_MAX: usize = 100;

/// Bytes of evidence held in memory before the spool goes to disk.
const EVIDENCE_MEMORY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Findings that one run may hold. A set of 4,000 rules over 250 sources stays below even if everything fires.
pub const FINDINGS_MAX: usize = 1_000_000;

/// Hosts that one finding names.
pub const FINDING_HOSTS_MAX: usize = 1000;

/// Hosts that are told apart; later ones are counted together.
pub const HOSTS_MAX: usize = 100_000;

/// Sources whose telemetry counts as a host's. A machine has some hundred logs; a collector's host has its own.
pub const HOST_SOURCES_MAX: usize = 1000;

/// A finding before it is put together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) source: u32,
    pub(super) rule: u32,
    /// Where the first match stands in the source.
    pub(super) offset: u64,
    pub(super) count: u64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// Tells apart findings of one rule that begin at one record: of a correlation, its group. 0 for the rest.
    pub(super) salt: u64,
    /// Places in [`Folded::names`]; most findings have one host.
    pub(super) hosts: Few<u32>,
    /// Places and lengths in the spool; with all evidence asked for there is one a finding.
    pub(super) evidences: Few<(u64, u32)>,
}

/// A list that mostly has one member, which then costs no allocation. A million findings are two million of these.
#[derive(Clone, Debug)]
pub(super) struct Few<T> {
    first: Option<T>,
    more: Vec<T>,
}

impl<T: Copy> Few<T> {
    pub(super) const NONE: Self = Self { first: None, more: Vec::new() };

    pub(super) fn push(&mut self, one: T) {
        match self.first {
            None => self.first = Some(one),
            Some(_) => self.more.push(one),
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.first.iter().chain(&self.more).copied()
    }
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

/// What B gives.
pub struct Folded {
    groups: Vec<Group>,
    /// Names of the findings' hosts, each once.
    names: Vec<String>,
    places: FxHashMap<String, u32>,
    spool: tempfile::SpooledTempFile,
    /// Bytes in the spool.
    written: u64,
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
    /// See [`Folded::first_of`].
    pub salt: u64,
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

impl Folded {
    pub(super) fn new() -> Self {
        Self {
            groups: Vec::new(),
            names: Vec::new(),
            places: FxHashMap::default(),
            spool: tempfile::spooled_tempfile(EVIDENCE_MEMORY_BYTES_MAX),
            written: 0,
            hosts: BTreeMap::new(),
            overflow: 0,
            hosts_overflow: 0,
        }
    }

    /// Begins a finding; `None` if there are too many.
    pub(super) fn begin(&mut self, source: u32, rule: u32, offset: u64) -> Option<usize> {
        if self.groups.len() >= FINDINGS_MAX {
            self.overflow += 1;
            return None;
        }
        self.groups.push(Group {
            source,
            rule,
            offset,
            count: 0,
            first: NO_TIME,
            last: NO_TIME,
            salt: 0,
            hosts: Few::NONE,
            evidences: Few::NONE,
        });
        Some(self.groups.len() - 1)
    }

    pub(super) fn group_mut(&mut self, at: usize) -> Option<&mut Group> {
        self.groups.get_mut(at)
    }

    /// Says that a finding concerns a host.
    pub(super) fn add_host(&mut self, at: usize, host: &str) {
        let Some(group) = self.groups.get_mut(at).filter(|group| group.hosts.len() < FINDING_HOSTS_MAX) else { return };
        let known = match self.places.get(host) {
            Some(known) => *known,
            None => {
                let next = self.names.len() as u32;
                self.names.push(host.to_owned());
                self.places.insert(host.to_owned(), next);
                next
            }
        };
        if !group.hosts.iter().any(|other| other == known) {
            group.hosts.push(known);
        }
    }

    /// Keeps a piece of evidence and says where.
    pub(super) fn keep(&mut self, evidence: &[u8]) -> io::Result<(u64, u32)> {
        let place = (self.written, evidence.len() as u32);
        self.spool.seek(SeekFrom::End(0))?;
        self.spool.write_all(evidence)?;
        self.written += evidence.len() as u64;
        Ok(place)
    }

    /// A piece of evidence by its place.
    pub(super) fn kept(&mut self, (offset, length): (u64, u32)) -> io::Result<Kept> {
        let mut bytes = vec![0; length as usize];
        self.spool.seek(SeekFrom::Start(offset))?;
        self.spool.read_exact(&mut bytes)?;
        postcard::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    pub(super) fn observe(&mut self, source: u32, payload: &[u8]) {
        let Ok(seen) = postcard::from_bytes::<Presence>(payload) else { return };
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

    /// A finding's first and last time and its count.
    pub fn span_of(&self, at: usize) -> Option<(Option<Timestamp>, Option<Timestamp>, u64)> {
        let time = |nanos: i64| (nanos != NO_TIME).then(|| Timestamp::from_nanos(nanos));
        self.groups.get(at).map(|group| (time(group.first), time(group.last), group.count))
    }

    /// A finding's source, rule, the offset of its first match, and what else tells it apart.
    pub fn first_of(&self, at: usize) -> Option<(u32, u32, u64, u64)> {
        self.groups.get(at).map(|group| (group.source, group.rule, group.offset, group.salt))
    }

    /// A finding's parts with at most `evidences_max` pieces of evidence. Findings stand in the order of their first match.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn parts(&mut self, at: usize, evidences_max: usize) -> io::Result<Option<Parts>> {
        let Some(group) = self.groups.get(at) else { return Ok(None) };
        let mut kept = Vec::new();
        let places: Vec<(u64, u32)> = group.evidences.iter().take(evidences_max).collect();
        for place in places {
            kept.push(self.kept(place)?);
        }
        let Some(group) = self.groups.get(at) else { return Ok(None) };
        let time = |nanos: i64| (nanos != NO_TIME).then(|| Timestamp::from_nanos(nanos));
        Ok(Some(Parts {
            source: group.source,
            rule: group.rule,
            salt: group.salt,
            count: group.count,
            first: time(group.first),
            last: time(group.last),
            hosts: {
                let names: BTreeSet<&String> =
                    group.hosts.iter().filter_map(|place| self.names.get(place as usize)).collect();
                names.into_iter().cloned().collect()
            },
            kept,
        }))
    }
}
