//! One sighting after the other: which incident it belongs to, what it changes there, and whom it carries further.
//!
//! A sighting goes, in this order, to the incident of its **episode** (the same rule on the same host within
//! [`EPISODE_GAP`]; a faint one that shares more than the host with another incident strays there), else to the incident
//! with which it shares the **strongest live entity**, else to a new one. It joins the incidents between which it stands:
//! all if it is of medium level or above, those joined by a strong key (process, session, hash) if it is low, none if it
//! is informational or part of a flood. Then it carries its own entities further, for a window that depends on their
//! kind, its level and how often its rule was seen there already.
//!
//! Matches of one record are taken in together, the gravest first, so that their order does not matter.
//!
//! What must stay true: the state is bounded by [`Limits`]; equal sightings in equal order give equal incidents; sightings
//! that share nothing do not influence each other as long as no limit is reached.
//!
//! Cost: about one hash look-up for each entity of a sighting. Merging moves the bookkeeping of the newer
//! incident, which is bounded, and happens at most once for each.

mod book;

use rustc_hash::FxHashMap;
use shieldwall_schema::entity::{ENTITIES_MAX, EntityKind};
use shieldwall_schema::incident::{RuleFacts, Severity, Sighting};

use crate::entities::{NONE, Table, key_of};
use crate::limits::{EPISODE_GAP, FLOOD, Limits, Windows};
use crate::state::State;

/// The running matches of one rule at one place, in whatever source.
#[derive(Clone, Copy, Debug)]
struct Episode {
    incident: u32,
    /// The last match's finding and its line; [`NONE`] if that was left out.
    finding: u32,
    line: u32,
    last: i64,
    count: u32,
}

/// An entity that could join the sighting at hand.
#[derive(Clone, Copy, Debug)]
struct Link {
    rank: u8,
    incident: u32,
    place: u32,
}

/// One match at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    /// The gravest match of a record speaks first.
    severity: std::cmp::Reverse<Severity>,
    rule: u32,
    finding: u32,
}

/// The record at hand, or several that are alike: one time, one host, the same entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    /// `None` if it has none.
    time: Option<i64>,
    /// The own host's key; 0 if unknown.
    host: u64,
    /// The own host's place; [`NONE`] if unknown.
    own: u32,
}

/// Sightings in, incidents out.
#[derive(Debug)]
pub struct Correlate {
    pub(crate) rules: Vec<RuleFacts>,
    pub(crate) limits: Limits,
    pub(crate) table: Table,
    /// By rule and place.
    episodes: FxHashMap<(u32, u64), Episode>,
    /// Incidents without a time, by host or finding.
    untimed: FxHashMap<u64, u32>,
    is_timed: bool,
    pub(crate) states: Vec<Option<Box<State>>>,
    /// Dropped ones, to be used again: most incidents are small and short.
    #[expect(clippy::vec_box, reason = "they go back into `states` with the memory that they have")]
    spare: Vec<Box<State>>,
    /// Union-find over incidents: a merged one points to that which took it in.
    parents: Vec<u32>,
    alive: usize,
    lines_all: usize,
    counted_all: usize,
    /// The highest number of a finding.
    newest: Option<u32>,
    /// (finding, incident) in the order of their first meeting.
    pub(crate) pairs: Vec<(u32, u32)>,
    pub(crate) pairs_left_out: u64,
    pub(crate) episodes_left_out: u64,
    pub(crate) incidents_left_out: u64,
    /// The record at hand, its matches, its entities.
    record: Record,
    matches: Vec<Match>,
    places: Vec<u32>,
    // Reused for each sighting.
    next: Vec<u32>,
    links: Vec<Link>,
}

/// How much a shared entity says; more is stronger.
fn rank(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::Connection => 8,
        EntityKind::Process => 7,
        EntityKind::Session => 6,
        EntityKind::Hash => 5,
        EntityKind::Address => 4,
        EntityKind::User => 3,
        EntityKind::Domain => 2,
        EntityKind::Host => HOST,
    }
}

/// A host is a place, where everything happens.
const HOST: u8 = 1;

/// From this rank on an entity is one thing and not a crowd.
const STRONG: u8 = 5;

/// What two rules say of one record belongs together more surely than anything else.
const SAME_RECORD: u8 = 8;

/// Matches of one record, or of records alike in time, host and entities, that are taken in at once.
const ALIKE_MAX: usize = 4096;

impl Correlate {
    /// Nothing seen yet. `rules` are numbered as the sightings number them.
    pub fn new(rules: Vec<RuleFacts>, limits: Limits) -> Self {
        Self {
            rules,
            limits,
            table: Table::new(limits.entities_open),
            episodes: FxHashMap::default(),
            untimed: FxHashMap::default(),
            is_timed: false,
            states: Vec::new(),
            spare: Vec::new(),
            parents: Vec::new(),
            alive: 0,
            lines_all: 0,
            counted_all: 0,
            newest: None,
            pairs: Vec::new(),
            pairs_left_out: 0,
            episodes_left_out: 0,
            incidents_left_out: 0,
            record: Record::default(),
            matches: Vec::new(),
            places: Vec::with_capacity(ENTITIES_MAX + 1),
            next: Vec::with_capacity(ENTITIES_MAX + 1),
            links: Vec::with_capacity(ENTITIES_MAX + 1),
        }
    }

    /// Takes in one sighting. They come in the order (time, source, offset), those without a time first; a sighting that
    /// comes late is taken at its own time and may find that what it belongs to has gone on. The order among the matches
    /// of one record does not matter.
    pub fn observe(&mut self, sighting: &Sighting<'_>) {
        let severity = self.rules.get(sighting.rule as usize).map_or(Severity::Informational, |facts| facts.severity);
        let time = sighting.time.map(|time| time.nanos());
        if time.is_some() && !self.is_timed {
            // What has no time joins nothing that has one.
            self.settle();
            self.is_timed = true;
            self.episodes.clear();
            self.untimed = FxHashMap::default();
        }
        if !self.table.has_room(ENTITIES_MAX + 1) {
            self.settle();
            for open in self.table.make_room(ENTITIES_MAX + 1, time.unwrap_or(i64::MIN)) {
                self.write_tally(&open);
            }
        }
        let mut next = std::mem::take(&mut self.next);
        let record = self.find_places(sighting, time, &mut next);
        // What says nothing of itself is like nothing else.
        if next.is_empty() || record != self.record || next != self.places || self.matches.len() >= ALIKE_MAX {
            self.settle();
            self.record = record;
            std::mem::swap(&mut self.places, &mut next);
        }
        self.next = next;
        self.matches.push(Match {
            severity: std::cmp::Reverse(severity),
            rule: sighting.rule,
            finding: sighting.finding,
        });
    }

    /// Finds the places of a sighting's entities, the own host among them.
    fn find_places(&mut self, sighting: &Sighting<'_>, time: Option<i64>, places: &mut Vec<u32>) -> Record {
        places.clear();
        let host = sighting.host.map_or(0, |host| key_of(EntityKind::Host, host, 0));
        let mut own = NONE;
        for entity in sighting.entities.iter().take(ENTITIES_MAX) {
            let place = self.table.place(entity.kind, &entity.id, host);
            if entity.kind == EntityKind::Host && sighting.host == Some(&entity.id) {
                own = place;
            }
            places.push(place);
        }
        if let Some(host) = sighting.host.filter(|_| own == NONE) {
            own = self.table.place(EntityKind::Host, host, 0);
            places.push(own);
        }
        Record { time, host, own }
    }

    /// Takes in the matches at hand.
    pub(crate) fn settle(&mut self) {
        if self.matches.is_empty() {
            return;
        }
        let record = self.record;
        let mut matches = std::mem::take(&mut self.matches);
        matches.sort_unstable();
        if let (Some(time), Some(gravest)) = (record.time, matches.first()) {
            self.find_links(&record, time, gravest.severity.0);
        }
        // Without a host, what a rule says of one account or address is an episode.
        let at = if record.host != 0 { record.host } else { self.strongest().map_or(0, |(_, key)| key) };
        let mut together = None;
        for one in &matches {
            // Where nothing is known, all that is left is the source and the rule.
            let at = if at == 0 { u64::from(one.finding) } else { at };
            let episode = self.episode(one.rule, at, record.time);
            let (target, begins) = match record.time {
                None => self.untimed_target(&record, *one),
                Some(time) => self.target(&record, *one, episode, together, time),
            };
            together = Some(target);
            self.apply(&record, *one, (target, begins), at, episode);
        }
        if let Some(time) = record.time {
            for place in &self.places {
                if let Some(open) = self.table.get_mut(*place) {
                    open.seen((record.host != 0).then_some(record.host), time);
                }
            }
        }
        matches.clear();
        self.matches = matches;
        self.links.clear();
    }

    /// The place and key of the strongest entity of the record at hand; of several the one that sorts first.
    fn strongest(&self) -> Option<(u32, u64)> {
        let open = self.places.iter().filter_map(|place| Some((*place, self.table.get(*place)?)));
        let best = open.max_by(|(_, left), (_, right)| (rank(left.kind), &right.id).cmp(&(rank(right.kind), &left.id)));
        best.map(|(place, open)| (place, open.key))
    }

    fn episode(&mut self, rule: u32, at: u64, time: Option<i64>) -> Option<Episode> {
        let mut episode = *self.episodes.get(&(rule, at))?;
        episode.incident = self.root(episode.incident)?;
        let is_near = time.is_none_or(|time| time.saturating_sub(episode.last) <= EPISODE_GAP);
        is_near.then_some(episode)
    }

    /// Fills `links` with the entities that could join the record at hand to an incident.
    fn find_links(&mut self, record: &Record, time: i64, gravest: Severity) {
        self.links.clear();
        for at in 0..self.places.len() {
            let Some(place) = self.places.get(at).copied() else { continue };
            let Some(open) = self.table.get(place) else { continue };
            // That two hosts know each other says little. But whoever does something grave here and came from a host where
            // something was found just now most likely came from there.
            let is_other_host = open.kind == EntityKind::Host && place != record.own;
            let back = Windows::back(self.limits.windows.of(open.kind, &open.id), gravest);
            if (is_other_host && gravest < Severity::Medium)
                || !open.joins(place == record.own, record.host, time, back)
            {
                continue;
            }
            let (rank, incident) = (rank(open.kind), open.incident);
            if let Some(incident) = self.root(incident) {
                self.links.push(Link { rank, incident, place });
            }
        }
    }

    /// The incident of a match, after those between which it stands have become one. `together` is where another match
    /// of the same record went. Says whether the incident begins.
    fn target(
        &mut self,
        record: &Record,
        one: Match,
        episode: Option<Episode>,
        together: Option<u32>,
        time: i64,
    ) -> (u32, bool) {
        let together = together.and_then(|incident| self.root(incident));
        let best = self.links.iter().max_by_key(|link| (link.rank, std::cmp::Reverse(link.incident))).copied();
        let is_flood = episode.is_some_and(|episode| episode.count >= FLOOD);
        // Whose account or process it is says more of a faint match than that its rule matched there before.
        let strays = one.severity.0 < Severity::Medium && !is_flood && best.is_some_and(|link| link.rank > HOST);
        let episode = episode.map(|episode| episode.incident).filter(|_| !strays);
        let best = best.and_then(|link| self.root(link.incident));
        let Some(mut target) = episode.or(together).or(best) else {
            return (self.begin(record, one), true);
        };
        let may_merge = |rank: u8| match one.severity.0 {
            Severity::Informational => false,
            Severity::Low => rank >= STRONG,
            Severity::Medium | Severity::High | Severity::Critical => !is_flood || rank >= STRONG,
        };
        for at in 0..self.links.len() {
            let Some(link) = self.links.get(at).copied() else { continue };
            if may_merge(link.rank)
                && let Some(other) = self.root(link.incident).filter(|other| *other != target)
            {
                target = self.merge(target, other, Some(time), Some(link.place));
            }
        }
        if let Some(other) = together.filter(|_| may_merge(SAME_RECORD)).and_then(|other| self.root(other))
            && other != target
        {
            let by = self.strongest().map(|(place, _)| place);
            target = self.merge(target, other, Some(time), by);
        }
        (target, false)
    }

    fn untimed_target(&mut self, record: &Record, one: Match) -> (u32, bool) {
        // Without a host all that is known is the source and the rule.
        let key = if record.host != 0 { record.host } else { u64::from(one.finding) };
        if let Some(incident) = self.untimed.get(&key).copied().and_then(|incident| self.root(incident)) {
            return (incident, false);
        }
        let incident = self.begin(record, one);
        if self.untimed.len() < self.limits.episodes_open {
            self.untimed.insert(key, incident);
        }
        (incident, true)
    }
}
