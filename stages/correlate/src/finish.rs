//! The end: growing incidents become ranked ones, with ids made of content.
//!
//! Ids need the findings' own ids, which exist only when all matches were seen; until then an incident remembers what
//! began it ([`Origin`]).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::incident::{Incident, Member, RuleFacts, Severity};
use shieldwall_schema::time::Timestamp;

use crate::correlate::Correlate;
use crate::limits::HUBS_MAX;
use crate::skew::{self, Skew};
use crate::state::{Origin, State};

/// Rules of medium level and above, and tactics, that must meet for an incident to be graver than its gravest finding.
pub const PROGRESS_LEAST: usize = 3;

/// An entity that so many hosts share that it no longer joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Who or what.
    pub entity: Entity,
    /// At how many moments it was seen.
    pub count: u64,
}

/// What correlation gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Correlated {
    /// The incidents, worst first.
    pub incidents: Vec<Incident>,
    /// Which incidents a finding's matches went to: (finding, place in `incidents`), sorted, each once.
    pub finding_incident: Vec<(u32, u32)>,
    /// Hosts whose clocks disagree.
    pub skew: Vec<Skew>,
    /// Entities that joined nothing any more because too many hosts share them; the most frequent first.
    pub hubs: Vec<Hub>,
    /// Entities that were no longer watched for lack of room although they could still have joined something.
    pub entities_left_out: u64,
    /// Episodes that were no longer watched for lack of room: their further matches began a new line.
    pub episodes_left_out: u64,
    /// Incidents of least risk that were dropped for lack of room.
    pub incidents_left_out: u64,
    /// Pairs of finding and incident that are not in `finding_incident` for lack of room.
    pub pairs_left_out: u64,
}

impl Correlate {
    /// Ends: ranks the incidents and gives them their ids. `uid` gives the id of a finding by its number.
    pub fn finish(mut self, uid: &dyn Fn(u32) -> String) -> Correlated {
        self.settle();
        let pairs = std::mem::take(&mut self.pairs);
        let pairs: Vec<(u32, u32)> =
            pairs.into_iter().filter_map(|(finding, id)| Some((finding, self.root_of(id)?))).collect();
        let skew = skew::find(&self.table);
        let hubs = self.hubs();
        let entities_left_out = self.table.left_out;
        let mut open = std::mem::take(&mut self.table).into_open();
        // The frequent first, so that they are counted exactly.
        open.sort_by(|left, right| (right.tally.count, &left.id).cmp(&(left.tally.count, &right.id)));
        for open in open {
            self.write_tally(&open);
        }
        let mut built: Vec<(u32, Incident)> = Vec::new();
        let mut taken = BTreeSet::new();
        let states = std::mem::take(&mut self.states);
        let mut states: Vec<(u32, Box<State>)> =
            (0_u32..).zip(states).filter_map(|(id, state)| Some((id, state?))).collect();
        // Ids are given in the order of time, so that of two that would be equal the earlier keeps the plain one.
        states.sort_by_key(|(id, state)| (state.first, *id));
        let most = self.limits.incidents;
        let surplus = states.len().saturating_sub(most);
        let mut dropped = BTreeSet::new();
        if surplus > 0 {
            let mut ranked: Vec<_> =
                states.iter().map(|(id, state)| (state.risk.peak_millionths(), std::cmp::Reverse(*id))).collect();
            ranked.sort_unstable();
            dropped.extend(ranked.into_iter().take(surplus).map(|(_, std::cmp::Reverse(id))| id));
        }
        for (id, state) in states {
            if !dropped.contains(&id) {
                let incident = build(*state, &self.rules, self.limits.involved.div_ceil(2), uid, &mut taken);
                built.push((id, incident));
            }
        }
        built.sort_by(|(_, left), (_, right)| {
            let by_risk = right.risk.total_cmp(&left.risk).then(right.severity.cmp(&left.severity));
            by_risk.then(left.first.cmp(&right.first)).then_with(|| left.uid.cmp(&right.uid))
        });
        let place: FxHashMap<u32, u32> = built.iter().map(|(id, _)| *id).zip(0_u32..).collect();
        let mut finding_incident: Vec<(u32, u32)> =
            pairs.into_iter().filter_map(|(finding, id)| Some((finding, *place.get(&id)?))).collect();
        finding_incident.sort_unstable();
        finding_incident.dedup();
        Correlated {
            incidents: built.into_iter().map(|(_, incident)| incident).collect(),
            finding_incident,
            skew,
            hubs,
            entities_left_out,
            episodes_left_out: self.episodes_left_out,
            incidents_left_out: self.incidents_left_out + u64::try_from(surplus).unwrap_or_default(),
            pairs_left_out: self.pairs_left_out,
        }
    }

    fn hubs(&self) -> Vec<Hub> {
        let hubs = self.table.iter().filter(|open| open.hub);
        let mut hubs: Vec<Hub> = hubs
            .map(|open| Hub {
                entity: Entity { kind: open.kind, id: open.id.to_string() },
                count: u64::from(open.count),
            })
            .collect();
        hubs.sort_by(|left, right| (right.count, &left.entity).cmp(&(left.count, &right.entity)));
        hubs.truncate(HUBS_MAX);
        hubs
    }
}

fn build(
    mut state: State,
    rules: &[RuleFacts],
    shown: usize,
    uid: &dyn Fn(u32) -> String,
    taken: &mut BTreeSet<String>,
) -> Incident {
    let (id, key, aliases) = ids(&state.origins, uid, taken);
    let progress = progress(&state, rules);
    let severity = if progress.grave >= PROGRESS_LEAST { raised(state.severity) } else { state.severity };
    // Many tactics of faint findings are many harmless acts; they tell of progress only beside something graver.
    let risk = state.risk.shown(if state.severity >= Severity::Medium { progress.all } else { 1 });
    let (involved, involved_left_out) = std::mem::take(&mut state.counts).finish(shown);
    state
        .lines
        .sort_by(|left, right| (left.first, left.finding, &left.host).cmp(&(right.first, right.finding, &right.host)));
    let members = state.lines.into_iter().enumerate().map(|(at, line)| Member {
        finding: line.finding,
        rule: line.rule,
        host: line.host.map(|host| host.as_ref().to_owned()),
        count: line.count,
        first: line.first.map(Timestamp::from_nanos),
        last: line.last.map(Timestamp::from_nanos),
        joined_by: line.joined_by.filter(|_| at > 0).map(|(kind, id)| Entity { kind, id: id.as_ref().to_owned() }),
    });
    Incident {
        uid: id,
        aliases,
        key,
        severity,
        risk,
        first: state.first.map(Timestamp::from_nanos),
        last: state.last.map(Timestamp::from_nanos),
        members: members.collect(),
        members_left_out: state.lines_left_out,
        sightings: state.sightings,
        involved,
        involved_left_out,
        tactics: progress.tactics,
        techniques: progress.techniques,
    }
}

fn raised(severity: Severity) -> Severity {
    match severity {
        Severity::Informational => Severity::Low,
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// How far an attack got, by ATT&CK.
struct Progress {
    /// Tactics, at most one for each rule.
    all: usize,
    /// The same for rules of medium level and above.
    grave: usize,
    tactics: Vec<(String, Option<Timestamp>)>,
    techniques: Vec<(String, Option<Timestamp>)>,
}

fn progress(state: &State, rules: &[RuleFacts]) -> Progress {
    let mut tactics: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    let mut techniques: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    let (mut known, mut grave, mut grave_tactics) = (0, 0, BTreeSet::new());
    for (facts, first) in state.rules.iter().filter_map(|known| Some((rules.get(known.rule as usize)?, known.first))) {
        for tactic in &facts.tactics {
            let seen = tactics.entry(tactic).or_insert(first);
            *seen = (*seen).min(first);
        }
        for technique in &facts.techniques {
            let seen = techniques.entry(technique).or_insert(first);
            *seen = (*seen).min(first);
        }
        if facts.severity >= Severity::Low && !facts.tactics.is_empty() {
            known += 1;
        }
        if facts.severity >= Severity::Medium && !facts.tactics.is_empty() {
            grave += 1;
            grave_tactics.extend(facts.tactics.iter().map(String::as_str));
        }
    }
    // A rule with three tactics in its tags shows one step of an attack, not three.
    let (all, grave) = (tactics.len().min(known), grave_tactics.len().min(grave));
    let stamp = |(name, first): (&str, Option<i64>)| (name.to_owned(), first.map(Timestamp::from_nanos));
    let mut tactics: Vec<_> = tactics.into_iter().map(stamp).collect();
    tactics.sort_by(|(left, _), (right, _)| (stage(left), left).cmp(&(stage(right), right)));
    let mut techniques: Vec<_> = techniques.into_iter().map(stamp).collect();
    techniques.sort_by(|left, right| (left.1, &left.0).cmp(&(right.1, &right.0)));
    Progress { all, grave, tactics, techniques }
}

/// ATT&CK's tactics in the order of its matrix, old names beside the new.
const TACTICS: &[&str] = &[
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

fn stage(tactic: &str) -> usize {
    TACTICS.iter().position(|name| *name == tactic).unwrap_or(TACTICS.len())
}

/// The incident's id, the kind of its key, and the ids of those that merged into it.
fn ids(
    origins: &[Origin],
    uid: &dyn Fn(u32) -> String,
    taken: &mut BTreeSet<String>,
) -> (String, EntityKind, Vec<String>) {
    // Of the findings of one and the same first time that with the least id began it.
    type Begin<'a> = (Option<i64>, String, &'a Origin);
    fn order(left: &Begin<'_>, right: &Begin<'_>) -> std::cmp::Ordering {
        (left.0, &left.1, left.2.key).cmp(&(right.0, &right.1, right.2.key))
    }
    let mut of: BTreeMap<u32, Begin<'_>> = BTreeMap::new();
    for origin in origins {
        let begin = (origin.first, uid(origin.finding), origin);
        match of.entry(origin.incident) {
            Entry::Vacant(entry) => _ = entry.insert(begin),
            Entry::Occupied(mut entry) if order(&begin, entry.get()).is_lt() => _ = entry.insert(begin),
            Entry::Occupied(_) => {}
        }
    }
    let mut begins: Vec<Begin<'_>> = of.into_values().collect();
    begins.sort_by(order);
    let key = begins.first().map_or(EntityKind::Host, |(_, _, origin)| origin.key);
    let mut ids: Vec<String> = Vec::with_capacity(begins.len());
    for (first, finding, origin) in &begins {
        let plain = id_of(finding, origin.key, None);
        // One finding may begin several incidents, days or hosts apart.
        let id = if taken.contains(&plain) {
            id_of(finding, origin.key, Some((*first, origin.host.as_deref())))
        } else {
            plain
        };
        taken.insert(id.clone());
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut ids = ids.into_iter();
    let own = ids.next().unwrap_or_default();
    let mut aliases: Vec<String> = ids.collect();
    aliases.sort();
    (own, key, aliases)
}

fn id_of(finding: &str, key: EntityKind, apart: Option<(Option<i64>, Option<&str>)>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"shieldwall incident 1\0");
    hasher.update(finding.as_bytes());
    hasher.update(b"\0");
    hasher.update(key.word().as_bytes());
    if let Some((first, host)) = apart {
        hasher.update(b"\0");
        hasher.update(first.unwrap_or(i64::MIN).to_le_bytes());
        hasher.update(host.unwrap_or_default().as_bytes());
    }
    let mut text = String::with_capacity(32);
    for byte in hasher.finalize().iter().take(16) {
        _ = write!(text, "{byte:02x}");
    }
    text
}
