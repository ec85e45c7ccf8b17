//! Half B: everything that remembers. One function over matches and observations in the order (event time, source,
//! offset); `scan` gets that order by external merge sort, a live line will get it by watermark.
//!
//! The spill is gone through in rounds. First what remembers: correlation rules take the matches that they ask for (their
//! firings are known when windows close, hence late), learning takes all observations. Where something is learned, a second
//! round judges the observations by it. Last, B folds matches into findings (one per rule and source, or one per record
//! where all evidence is asked for), puts each firing and each suspicion where its last record stands in time, tells all of
//! them to whoever joins them into incidents, and sums what was seen of each host. Nothing is decoded again.
//!
//! Memory: see [`super::folded`]; of each firing at most [`FIRING_MEMBERS_MAX`] members are remembered.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shieldwall_detect::anomaly::{Learned, Learner, Suspicion, signed_in};
use shieldwall_detect::sigma::correlation::{Correlator, Counts, Firing, Seen};
use shieldwall_detect::sigma::ir::RuleIndex;
use shieldwall_respond::acquaintance::Acquaintances;
use shieldwall_schema::entity::host_id;
use shieldwall_schema::finding::{Anomaly, CORRELATION, Evidence, Provenance, Reason, STEPS};
use shieldwall_schema::incident::Sighting;
use shieldwall_schema::{Entity, EntityKind, Place, Timestamp};

use super::folded::{EVIDENCES_MAX, Folded};
use super::spill::{Item, ItemKind, NO_TIME, Sorted};
use super::suspicious::{Decoded, Suspicious, observed, rule_number};

/// Members of a firing that become its evidence; the rest is counted.
const FIRING_MEMBERS_MAX: usize = 20;

/// Firings of one run; more are counted with the findings over the limit.
const FIRINGS_MAX: usize = 100_000;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The evidence.
    pub evidence: Evidence,
    /// OCSF class of the record.
    pub class: u32,
    /// SHA-256 of the record's bytes, where inputs are not hashed.
    pub digest: Option<[u8; 32]>,
    /// What a learned detector says of the finding whose first evidence this is.
    pub anomaly: Option<Anomaly>,
}

/// How matches become findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// One finding per rule and source.
    BySource,
    /// One finding per matched record.
    ByRecord,
}

/// How much was read of a host, summed over a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
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

/// A member of some firing, as it was met.
#[derive(Default)]
struct Member {
    head: Head,
    time: i64,
    /// Its evidence in the spool, where it was among those kept.
    evidence: Option<(u64, u32)>,
}

/// What remembers.
pub struct Memory {
    /// The correlation rules.
    pub correlator: Correlator,
    /// What learns, if anything.
    pub learner: Option<Learner>,
    /// For each source whether it is still to be learned from.
    pub learns: Vec<bool>,
    /// What was only learned from, to be judged for calibration; and from which of its sources.
    pub before: Option<(Sorted, Vec<bool>)>,
    /// The number of the first detector: detectors stand behind the rules.
    pub first_detector: u32,
}

/// What B gives.
pub struct Outcome {
    /// Findings.
    pub folded: Folded,
    /// What correlation rules could not look at.
    pub counts: Counts,
    /// What learning says of itself; its suspicions are findings already.
    pub learned: Option<Learned>,
    /// Who signs in from where.
    pub known: Acquaintances,
}

/// Half B. Every match, firing and suspicion is also told to `sight`, which joins them into incidents. `canonical[source]`
/// is false for a source whose content another one has already; its matches are left out.
///
/// # Errors
/// When the spill cannot be read or the spool not be written.
pub fn fold(
    mut items: Sorted,
    canonical: &[bool],
    fold: Fold,
    memory: Memory,
    sight: &mut dyn FnMut(&Sighting<'_>),
) -> io::Result<Outcome> {
    let Memory { mut correlator, mut learner, learns, before, first_detector } = memory;
    let is_canonical = |source: u32| canonical.get(source as usize).copied().unwrap_or(false);
    let (firings, counts, surplus) = match correlator.is_empty() && learner.is_none() {
        true => (Vec::new(), Counts::default(), 0),
        false => {
            remembered(&mut items, &mut correlator, learner.as_mut().map(|learner| (learner, &*learns)), &is_canonical)?
        }
    };
    let (mut suspicious, learned, known) = match learner {
        None => (Suspicious::default(), None, Acquaintances::default()),
        Some(learner) => judged(&mut items, before, learner, &is_canonical)?,
    };
    let mut members: FxHashMap<(u32, u64), Member> =
        firings.iter().flat_map(named).map(|at| (at, Member::default())).collect();
    let mut folded = Folded::new();
    folded.overflow = surplus;
    let mut folding = Folding { folded, open: FxHashMap::default(), fold };
    let mut firings = firings.into_iter().peekable();
    let mut decoded = Decoded::default();
    while let Some(item) = items.next()? {
        if !is_canonical(item.key.source) {
            continue;
        }
        if item.kind == ItemKind::Presence {
            folding.folded.observe(item.key.source, item.payload);
            continue;
        }
        // What a firing or a suspicion stands on has all been met when the time moves on.
        loop {
            let firing = firings.peek().map(|firing| firing.last).filter(|last| *last < item.key.time);
            let suspicion = suspicious.next_time().filter(|last| *last < item.key.time);
            match (firing, suspicion) {
                (None, None) => break,
                (Some(firing), suspicion) if suspicion.is_none_or(|suspicion| firing <= suspicion) => {
                    if let Some(firing) = firings.next() {
                        folding.firing(&firing, &members, sight)?;
                    }
                }
                _ => folding.suspicion(suspicious.take(), first_detector, sight)?,
            }
        }
        if item.kind == ItemKind::Observation {
            if suspicious.names(item.key)
                && let Some((record, observation)) = decoded.of(item.payload)
            {
                suspicious.meet(item.key, record, observation);
            }
            continue;
        }
        let Some((head, _, evidence)) = parts(item.payload) else { continue };
        let evidence =
            folding.matched(&item, &head, evidence, correlator.silent(RuleIndex(item.key.subject)), sight)?;
        if let Some(member) = members.get_mut(&(item.key.source, item.key.offset)) {
            *member = Member { head, time: item.key.time, evidence: member.evidence.or(evidence) };
        }
    }
    loop {
        let firing = firings.peek().map(|firing| firing.last);
        match (firing, suspicious.next_time()) {
            (None, None) => break,
            (Some(firing), suspicion) if suspicion.is_none_or(|suspicion| firing <= suspicion) => {
                if let Some(firing) = firings.next() {
                    folding.firing(&firing, &members, sight)?;
                }
            }
            _ => folding.suspicion(suspicious.take(), first_detector, sight)?,
        }
    }
    Ok(Outcome { folded: folding.folded, counts, learned, known })
}

/// The second round: every observation is judged by all that was learned.
fn judged(
    items: &mut Sorted,
    before: Option<(Sorted, Vec<bool>)>,
    mut learner: Learner,
    is_canonical: &dyn Fn(u32) -> bool,
) -> io::Result<(Suspicious, Option<Learned>, Acquaintances)> {
    let mut decoded = Decoded::default();
    let mut known = Acquaintances::default();
    learner.learned();
    if let Some((mut before, learned)) = before {
        while let Some(item) = before.next()? {
            if item.kind == ItemKind::Observation
                && learned.get(item.key.source as usize) == Some(&true)
                && let Some((record, observation)) = decoded.of(item.payload)
            {
                learner.judge(&observed(item.key, record, observation));
            }
        }
        learner.calibrated();
    }
    while let Some(item) = items.next()? {
        if item.kind == ItemKind::Observation
            && is_canonical(item.key.source)
            && let Some((record, observation)) = decoded.of(item.payload)
        {
            let observed = observed(item.key, record, observation);
            if let Some(one) = signed_in(observation) {
                known.meet(one.address, one.user, one.name, observed.time, u64::from(observation.count));
            }
            learner.judge(&observed);
        }
    }
    items.rewind()?;
    let mut learned = learner.finish();
    let suspicious = Suspicious::new(std::mem::take(&mut learned.suspicions));
    Ok((suspicious, Some(learned), known))
}

/// The first round: learning learns; and what correlation rules make of the matches, in the order of their last ones; and
/// how many firings were too many.
fn remembered(
    items: &mut Sorted,
    correlator: &mut Correlator,
    mut learner: Option<(&mut Learner, &[bool])>,
    is_canonical: &dyn Fn(u32) -> bool,
) -> io::Result<(Vec<Firing>, Counts, u64)> {
    let mut firings = Vec::new();
    let mut decoded = Decoded::default();
    while let Some(item) = items.next()? {
        if item.kind == ItemKind::Observation {
            if let Some((learner, learns)) = &mut learner
                && learns.get(item.key.source as usize) == Some(&true)
                && let Some((record, observation)) = decoded.of(item.payload)
            {
                learner.learn(&observed(item.key, record, observation));
            }
            continue;
        }
        let rule = RuleIndex(item.key.subject);
        if item.kind != ItemKind::Match || !correlator.concerns(rule) || !is_canonical(item.key.source) {
            continue;
        }
        let Some((_, values, _)) = parts(item.payload) else { continue };
        let time = (item.key.time != NO_TIME).then_some(item.key.time);
        let seen = Seen { rule, time, source: item.key.source, offset: item.key.offset, values: &values };
        correlator.observe(seen, &mut firings);
    }
    correlator.finish(&mut firings);
    items.rewind()?;
    firings
        .sort_by_cached_key(|firing| (firing.last, firing.members.first().copied(), firing.rule, firing.group.clone()));
    let surplus = firings.len().saturating_sub(FIRINGS_MAX) as u64;
    firings.truncate(FIRINGS_MAX);
    Ok((firings, correlator.counts(), surplus))
}

/// The places of the members that a firing names.
fn named(firing: &Firing) -> impl Iterator<Item = (u32, u64)> {
    firing.members.iter().take(FIRING_MEMBERS_MAX).map(|member| (member.source, member.offset))
}

/// The values of the fields that correlations ask for, in the order in which they ask.
type Values = Vec<Vec<String>>;

/// A match's payload: whom it speaks of, the values that correlations ask for, its evidence if it is worth it.
fn parts(payload: &[u8]) -> Option<(Head, Values, &[u8])> {
    let (head, rest) = postcard::take_from_bytes(payload).ok()?;
    let (values, evidence) = postcard::take_from_bytes(rest).ok()?;
    Some((head, values, evidence))
}

struct Folding {
    folded: Folded,
    /// The finding of a source and rule.
    open: FxHashMap<(u32, u32), usize>,
    fold: Fold,
}

impl Folding {
    /// Takes a match; gives the place of its evidence, if that is kept. A silent rule's matches are no findings: they are
    /// what a correlation stands on.
    fn matched(
        &mut self,
        item: &Item<'_>,
        head: &Head,
        evidence: &[u8],
        silent: bool,
        sight: &mut dyn FnMut(&Sighting<'_>),
    ) -> io::Result<Option<(u64, u32)>> {
        let keep = |folded: &mut Folded| if evidence.is_empty() { Ok(None) } else { folded.keep(evidence).map(Some) };
        if silent {
            return keep(&mut self.folded);
        }
        let key = (item.key.source, item.key.subject);
        let known = self.open.get(&key).copied().filter(|_| self.fold == Fold::BySource);
        let begun = known.or_else(|| self.folded.begin(item.key.source, item.key.subject, item.key.offset));
        let Some(at) = begun else { return Ok(None) };
        if self.fold == Fold::BySource {
            self.open.insert(key, at);
        }
        let Some(group) = self.folded.group_mut(at) else { return Ok(None) };
        group.count += 1;
        if item.key.time != NO_TIME {
            if group.first == NO_TIME {
                group.first = item.key.time;
            }
            group.last = item.key.time;
        }
        let wanted = group.evidences.len() < EVIDENCES_MAX;
        let host = head.host.as_deref().and_then(host_id);
        sight(&Sighting {
            time: (item.key.time != NO_TIME).then(|| Timestamp::from_nanos(item.key.time)),
            finding: at as u32,
            rule: item.key.subject,
            host: host.as_deref(),
            entities: &head.entities,
        });
        if let Some(host) = &head.host {
            self.folded.add_host(at, host);
        }
        let place = if wanted { keep(&mut self.folded)? } else { None };
        if let (Some(place), Some(group)) = (place, self.folded.group_mut(at)) {
            group.evidences.push(place);
        }
        Ok(place)
    }

    /// Takes a suspicion: a finding of its own, whose evidence is the observations that show it.
    fn suspicion(
        &mut self,
        taken: Option<(Suspicion, Vec<(u32, Kept)>)>,
        first_detector: u32,
        sight: &mut dyn FnMut(&Sighting<'_>),
    ) -> io::Result<()> {
        let Some((suspicion, shown)) = taken else { return Ok(()) };
        let Some((source, first)) = shown.first() else { return Ok(()) };
        let rule = first_detector + rule_number(&suspicion);
        let Some(at) = self.folded.begin(*source, rule, first.evidence.place.offset) else { return Ok(()) };
        let nanos = |time: Option<Timestamp>| time.map_or(NO_TIME, Timestamp::nanos);
        if let Some(group) = self.folded.group_mut(at) {
            (group.count, group.first, group.last) = (suspicion.count, nanos(suspicion.first), nanos(suspicion.last));
            group.salt = salt(&[(suspicion.entity.kind.word().to_owned(), suspicion.entity.id.clone())]);
        }
        for (_, kept) in &shown {
            let place = self.folded.keep(&postcard::to_stdvec(kept).unwrap_or_default())?;
            if let Some(group) = self.folded.group_mut(at) {
                group.evidences.push(place);
            }
            if let Some(host) = &kept.evidence.host {
                self.folded.add_host(at, host);
            }
        }
        let mut entities = suspicion.entities;
        entities.push(suspicion.entity);
        entities.sort_unstable();
        entities.dedup();
        sight(&Sighting {
            time: suspicion.last,
            finding: at as u32,
            rule,
            host: suspicion.host.as_deref(),
            entities: &entities,
        });
        Ok(())
    }

    /// Takes a firing: a finding of its own, whose evidence is the members' and whose first reason is the correlation's.
    fn firing(
        &mut self,
        firing: &Firing,
        members: &FxHashMap<(u32, u64), Member>,
        sight: &mut dyn FnMut(&Sighting<'_>),
    ) -> io::Result<()> {
        let Some(first) = firing.members.first() else { return Ok(()) };
        let Some(at) = self.folded.begin(first.source, firing.rule.0, first.offset) else { return Ok(()) };
        let met: Vec<((u32, u64), &Member)> = named(firing).filter_map(|at| Some((at, members.get(&at)?))).collect();
        if let Some(group) = self.folded.group_mut(at) {
            (group.count, group.first, group.last) = (firing.count, firing.first, firing.last);
            group.salt = salt(&firing.group);
        }
        for (number, ((_, offset), member)) in met.iter().enumerate() {
            let mut kept = match member.evidence {
                Some(place) => self.folded.kept(place)?,
                None => bare(*offset, member),
            };
            if number == 0 {
                kept.evidence.reasons.insert(0, reason(firing));
            }
            let place = self.folded.keep(&postcard::to_stdvec(&kept).unwrap_or_default())?;
            if let Some(group) = self.folded.group_mut(at) {
                group.evidences.push(place);
            }
            if let Some(host) = &member.head.host {
                self.folded.add_host(at, host);
            }
        }
        let (host, entities) = shared(firing, &met);
        sight(&Sighting {
            time: Some(Timestamp::from_nanos(firing.last)),
            finding: at as u32,
            rule: firing.rule.0,
            host: host.as_deref(),
            entities: &entities,
        });
        Ok(())
    }
}

/// What is known of a member whose evidence was not kept: where and when it was, and on which host.
fn bare(offset: u64, member: &Member) -> Kept {
    let evidence = Evidence {
        time: (member.time != NO_TIME).then(|| Timestamp::from_nanos(member.time)),
        time_text: None,
        place: Place::offset(offset),
        host: member.head.host.clone(),
        fields: Vec::new(),
        reasons: Vec::new(),
    };
    Kept { evidence, class: 0, digest: None, anomaly: None }
}

fn reason(firing: &Firing) -> Reason {
    let first = firing.members.first().map(|member| member.rule);
    let group: Vec<String> = firing.group.iter().map(|(field, value)| format!("{field} {value}")).collect();
    Reason {
        selection: CORRELATION.to_owned(),
        field: if firing.members.iter().any(|member| Some(member.rule) != first) {
            STEPS.to_owned()
        } else {
            String::new()
        },
        native: None,
        how: firing.because.clone(),
        pattern: String::new(),
        value: group.join(", "),
        span: None,
        provenance: Provenance::HostReported,
    }
}

/// The host that all members have, if one; and the entities that they share, with those of each rule's last member where
/// several rules were met: each step says something of its own, where from and whereto.
fn shared(firing: &Firing, met: &[((u32, u64), &Member)]) -> (Option<String>, Vec<Entity>) {
    let host = |member: &Member| member.head.host.as_deref().and_then(host_id);
    let first = met.first().and_then(|(_, member)| host(member));
    let one = first.filter(|first| met.iter().all(|(_, member)| host(member).as_ref() == Some(first)));
    let mut entities: Vec<Entity> = met.first().map(|(_, member)| member.head.entities.clone()).unwrap_or_default();
    entities.retain(|entity| met.iter().all(|(_, member)| member.head.entities.binary_search(entity).is_ok()));
    let mut last: BTreeMap<RuleIndex, (u32, u64)> = BTreeMap::new();
    for member in firing.members.iter().take(FIRING_MEMBERS_MAX) {
        last.insert(member.rule, (member.source, member.offset));
    }
    if last.len() > 1 {
        let steps = met.iter().filter(|(at, _)| last.values().any(|last| last == at));
        entities.extend(steps.flat_map(|(_, member)| member.head.entities.iter().cloned()));
        entities.sort_unstable();
        entities.dedup();
    }
    (one, entities)
}

/// A number of a correlation's group, stable from run to run (FNV-1a).
fn salt(group: &[(String, String)]) -> u64 {
    let bytes = group.iter().flat_map(|(field, value)| field.bytes().chain([0]).chain(value.bytes()).chain([1]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
