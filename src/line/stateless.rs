//! Half A: decoded records → matches and observations, chunk by chunk, remembering nothing.
//!
//! A worker owns one [`Stateless`] at a time; chunks may come to any worker in any order. What several workers find is
//! put together by [`Evidences`] (which matches are worth their evidence) and [`Tally`] (sums and firsts), both of which
//! give the same result whatever the order.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use shieldwall_detect::sigma::correlation::Correlator;
use shieldwall_detect::sigma::ir::RuleIndex;
use shieldwall_detect::sigma::matcher::{Matcher, Scratch};
use shieldwall_schema::entity::EntityKind;
use shieldwall_schema::finding::Evidence;
use shieldwall_schema::{Event, Flag, Mappings, NO_RULE, Place, Projection, Reject, Rejection, Sink, Timestamp};

use super::describe::{Described, Plan, Plans, cut, describe};
use super::folded::EVIDENCES_MAX;
use super::learning::Observing;
use super::spill::{ItemKind, Key, NO_TIME, encode};
use super::stateful::{Fold, Head, Kept, Presence};

/// Rejections listed one by one per source; the rest is counted.
pub const REJECTIONS_LISTED_MAX: usize = 100;

/// Hosts that one chunk tells apart; a chunk holds at most a few thousand records.
const CHUNK_HOSTS_MAX: usize = 1024;

/// Bytes of matches that a worker holds before it gives them to the spill, also in the middle of a source that comes whole.
const RECORDS_BYTES_MAX: usize = 1 << 20;

/// What one chunk says of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct HostSum {
    records: u64,
    earliest: Option<i64>,
    latest: Option<i64>,
}

/// Tags of one chunk whose plans are at hand without a lock.
const TAGS_MAX: usize = 64;

/// A tag's own words.
type TagKey = (String, String, String, String);

/// What half A needs to know.
pub struct Stage<'a> {
    /// All rules.
    pub matcher: &'a Matcher,
    /// What rules and learning want of records.
    pub projection: &'a dyn Projection,
    /// Names of fields.
    pub mappings: &'a Mappings,
    /// What correlation rules ask of matches.
    pub correlator: &'a Correlator,
    /// How records are described.
    pub plans: &'a Plans,
    /// Records before this are left out.
    pub since: Option<Timestamp>,
    /// Records at or after this are left out.
    pub until: Option<Timestamp>,
    /// How matches become findings.
    pub fold: Fold,
    /// Whether inputs are hashed; where not, evidence carries the record's own hash.
    pub hashed: bool,
    /// Gives a worker's records to the spill and empties them.
    pub flush: &'a (dyn Fn(&mut Vec<u8>) + Sync),
    /// Called with a rule and host when a rule fires for the first time on a source, while the scan runs.
    pub first_match: &'a (dyn Fn(RuleIndex, Option<&str>) + Sync),
}

/// Which matches of one source keep their evidence: for each rule the first [`EVIDENCES_MAX`] by (time, offset).
///
/// The set that is left at the end is exact; what was accepted on the way is a superset of it.
#[derive(Debug, Default)]
pub struct Evidences {
    first: Mutex<FxHashMap<u32, BinaryHeap<(i64, u64)>>>,
}

impl Evidences {
    /// Whether a match is among the first so far, and whether it is the rule's first on this source.
    fn accept(&self, rule: u32, time: i64, offset: u64) -> (bool, bool) {
        let mut first = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let heap = first.entry(rule).or_default();
        let new = heap.is_empty();
        if heap.len() < EVIDENCES_MAX {
            heap.push((time, offset));
            return (true, new);
        }
        if heap.peek().is_some_and(|latest| (time, offset) < *latest) {
            heap.pop();
            heap.push((time, offset));
            return (true, false);
        }
        (false, false)
    }
}

/// What was read of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records decoded.
    pub records: u64,
    /// Records outside `--since` and `--until`.
    pub outside: u64,
    /// Matches.
    pub matches: u64,
    /// Latest event time.
    pub latest: Option<Timestamp>,
    /// Rejections by reason.
    pub rejected: BTreeMap<Reject, u64>,
    /// The first rejections by place.
    pub rejections: BTreeMap<(Place, Reject), String>,
    /// Flags by kind, with the first place.
    pub flags: BTreeMap<Flag, (u64, Place)>,
}

impl Tally {
    /// Counts a rejection and lists it if it is among the first.
    pub fn reject(&mut self, rejection: Rejection) {
        *self.rejected.entry(rejection.reason).or_default() += 1;
        self.rejections.insert((rejection.place, rejection.reason), rejection.detail);
        if self.rejections.len() > REJECTIONS_LISTED_MAX {
            self.rejections.pop_last();
        }
    }

    /// Adds another tally of the same source.
    pub fn add(&mut self, other: Tally) {
        self.records += other.records;
        self.outside += other.outside;
        self.matches += other.matches;
        self.latest = self.latest.max(other.latest);
        for (reason, count) in other.rejected {
            *self.rejected.entry(reason).or_default() += count;
        }
        self.rejections.extend(other.rejections);
        while self.rejections.len() > REJECTIONS_LISTED_MAX {
            self.rejections.pop_last();
        }
        for (flag, (count, place)) in other.flags {
            let entry = self.flags.entry(flag).or_insert((0, place));
            entry.0 += count;
            entry.1 = entry.1.min(place);
        }
    }
}

/// A worker's place for what a decoder reads.
pub struct Stateless<'a> {
    stage: &'a Stage<'a>,
    source: u32,
    evidences: &'a Evidences,
    scratch: &'a mut Scratch,
    hits: Vec<RuleIndex>,
    hosts: FxHashMap<String, HostSum>,
    /// Plans of the tags seen lately in this chunk; few, so a list.
    plans: Vec<(TagKey, Arc<Plan>)>,
    /// Whether times can be compared with the window: not if the year is a placeholder.
    year_known: bool,
    /// What learning sees of this chunk.
    observing: Observing,
    /// What was read.
    pub tally: Tally,
    /// Matches and observations, to be given to the spill.
    pub records: Vec<u8>,
}

impl<'a> Stateless<'a> {
    /// A place for one source's records.
    pub fn new(
        stage: &'a Stage<'a>,
        source: u32,
        year_known: bool,
        evidences: &'a Evidences,
        scratch: &'a mut Scratch,
    ) -> Self {
        Self {
            stage,
            source,
            year_known,
            evidences,
            scratch,
            hits: Vec::new(),
            hosts: FxHashMap::default(),
            plans: Vec::new(),
            observing: Observing::default(),
            tally: Tally::default(),
            records: Vec::new(),
        }
    }

    /// Ends a chunk: sums become records.
    pub fn end_of_chunk(&mut self, offset: u64) {
        self.observing.flush(self.source, &mut self.records);
        let mut hosts: Vec<_> = self.hosts.drain().collect();
        hosts.sort_unstable();
        for (at, (id, HostSum { records, earliest, latest })) in hosts.into_iter().enumerate() {
            let seen = Presence { entity: EntityKind::Host, id, records, earliest, latest };
            let key = Key { time: latest.unwrap_or(NO_TIME), source: self.source, offset, subject: at as u32 };
            if let Ok(payload) = postcard::to_stdvec(&seen) {
                encode(&mut self.records, key, ItemKind::Presence, &payload);
            }
        }
    }

    fn outside_window(&self, time: Option<Timestamp>) -> bool {
        self.year_known
            && time.is_some_and(|time| {
                self.stage.since.is_some_and(|since| time < since)
                    || self.stage.until.is_some_and(|until| time >= until)
            })
    }

    fn keep(&mut self, event: &Event<'_>) {
        let time = event.time.map_or(NO_TIME, Timestamp::nanos);
        // What the record says of itself is asked for at most once, and only where somebody needs it.
        let mut described: Option<Described> = None;
        if self.stage.hashed {
            described = Some(self.describe(event));
        }
        if let Some(host) = described.as_ref().and_then(|described| described.host.clone()) {
            if self.hosts.len() >= CHUNK_HOSTS_MAX && !self.hosts.contains_key(&host) {
                self.end_of_chunk(event.place.offset);
            }
            let time = event.time.map(Timestamp::nanos);
            let seen = self.hosts.entry(host).or_default();
            seen.records += 1;
            seen.earliest = seen.earliest.into_iter().chain(time).min();
            seen.latest = seen.latest.max(time);
        }
        for rule in std::mem::take(&mut self.hits) {
            self.tally.matches += 1;
            let key = Key { time, source: self.source, offset: event.place.offset, subject: rule.0 };
            let (accepted, new) = self.evidences.accept(rule.0, time, event.place.offset);
            let accepted = accepted || self.stage.fold == Fold::ByRecord;
            if accepted && described.is_none() {
                described = Some(self.describe(event));
            }
            let mut payload = match &described {
                Some(Described { head, .. }) => head.clone(),
                None => postcard::to_stdvec(&Head::default()).unwrap_or_default(),
            };
            let wanted = self.stage.correlator.wanted(rule);
            let mut values = vec![Vec::new(); wanted.len()];
            self.stage.matcher.values_of(rule, event, wanted, &mut values);
            payload = postcard::to_extend(&values, payload).unwrap_or_default();
            if accepted {
                let Described { class, host, fields, .. } = described.clone().unwrap_or_default();
                if new && !self.stage.correlator.silent(rule) {
                    (self.stage.first_match)(rule, host.as_deref());
                }
                let kept = Kept {
                    evidence: Evidence {
                        time: event.time,
                        time_text: event.time_text.map(|text| cut(text).to_owned()),
                        place: event.place,
                        host,
                        fields,
                        reasons: self.stage.matcher.reasons(rule, event),
                    },
                    class,
                    digest: (!self.stage.hashed).then(|| Sha256::digest(event.bytes).into()),
                    anomaly: None,
                };
                payload = postcard::to_extend(&kept, payload).unwrap_or_default();
            }
            encode(&mut self.records, key, ItemKind::Match, &payload);
        }
        if self.records.len() >= RECORDS_BYTES_MAX {
            (self.stage.flush)(&mut self.records);
        }
    }
}

impl Sink for Stateless<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.tally.records += 1;
        self.tally.latest = self.tally.latest.max(event.time);
        if self.outside_window(event.time) {
            self.tally.outside += 1;
            return;
        }
        self.hits.clear();
        if let Some(learned) = &event.want.learned {
            self.observing.observe(event, learned, self.source, &mut self.records);
        }
        if event.want.handle != NO_RULE {
            self.stage.matcher.evaluate(event, self.scratch, &mut self.hits);
        }
        if !self.hits.is_empty() {
            self.keep(event);
        }
    }

    fn unwanted(&mut self, count: u64, latest: Option<Timestamp>) {
        self.tally.records += count;
        self.tally.latest = self.tally.latest.max(latest);
    }

    fn reject(&mut self, rejection: Rejection) {
        self.tally.reject(rejection);
    }

    fn flag(&mut self, flag: Flag, place: Place) {
        let entry = self.tally.flags.entry(flag).or_insert((0, place));
        entry.0 += 1;
        entry.1 = entry.1.min(place);
    }
}

impl Stateless<'_> {
    fn describe(&mut self, event: &Event<'_>) -> Described {
        let tag = event.tag;
        let key = (tag.product, tag.service, tag.provider, tag.code);
        let known = self
            .plans
            .iter()
            .find(|(known, _)| (known.0.as_str(), known.1.as_str(), known.2.as_str(), known.3.as_str()) == key);
        let plan = match known {
            Some((_, plan)) => Arc::clone(plan),
            None => {
                let plan = self.stage.plans.of(self.stage.mappings, &tag);
                if self.plans.len() < TAGS_MAX {
                    let key = (key.0.to_owned(), key.1.to_owned(), key.2.to_owned(), key.3.to_owned());
                    self.plans.push((key, Arc::clone(&plan)));
                }
                plan
            }
        };
        describe(&plan, event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matches_are_kept_whatever_the_order() {
        let evidences = Evidences::default();
        let total = EVIDENCES_MAX as i64 + 50;
        // Latest first: every one is earlier than all before it, so every one must be accepted.
        assert!((0..total).rev().all(|time| evidences.accept(7, time, 0).0));
        // Now the first are known: none of the later ones is.
        assert!((EVIDENCES_MAX as i64..total).all(|time| !evidences.accept(7, time, 1).0));
    }

    #[test]
    fn tallies_add_up_in_any_order() {
        let tally = |place: u64| {
            let mut tally = Tally { records: 1, ..Tally::default() };
            tally.reject(Rejection { place: Place::offset(place), reason: Reject::Corrupt, detail: place.to_string() });
            tally.flags.insert(Flag::Utf8Invalid, (1, Place::offset(place)));
            tally
        };
        let sum = |places: &[u64]| {
            let mut sum = Tally::default();
            places.iter().for_each(|place| sum.add(tally(*place)));
            sum
        };
        let places: Vec<u64> = (0..REJECTIONS_LISTED_MAX as u64 + 20).collect();
        let reversed: Vec<u64> = places.iter().rev().copied().collect();
        assert_eq!(sum(&places), sum(&reversed));
        assert_eq!(sum(&places).rejected.get(&Reject::Corrupt), Some(&(places.len() as u64)));
        assert_eq!(sum(&places).rejections.len(), REJECTIONS_LISTED_MAX);
    }
}
