//! The table of open entities: who was seen lately, on which hosts, and which incident carries them.
//!
//! An entity is its 64-bit SipHash of kind, id and, for sessions and processes, host; ids are not compared, which would
//! cost a cache miss each. By chance two of a million are equal once in 10^7 runs. On purpose, somebody can make two ids of
//! his own equal with 2^32 hashes and gains that they join; to meet an id that is not his takes 2^64. The table is bounded: when it is full, entities that can join nothing any
//! more go first, then those seen least; the latter are counted.
//!
//! Cost: one hash of the id and one look-up a sighting and entity; a sweep is linear and frees at least a quarter of the table.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use shieldwall_schema::entity::EntityKind;

use crate::limits::{HUB_HOSTS_MAX, HUB_MEMORY};

/// No incident, no slot.
pub const NONE: u32 = u32::MAX;

/// A host on which an entity was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The host's key.
    pub host: u64,
    /// First time.
    pub first: i64,
    /// Last time.
    pub last: i64,
}

/// Who carries an entity. It may be nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The rule.
    pub rule: u32,
    /// When.
    pub from: i64,
    /// For how long.
    pub reach: i64,
}

impl Carrier {
    const NOBODY: Self = Self { rule: NONE, from: i64::MIN, reach: -1 };

    fn is_somebody(self) -> bool {
        self.reach >= 0
    }

    fn until(self) -> i64 {
        self.from.saturating_add(self.reach)
    }

    /// Further is more; of two equal ones the rule with the lower number, whichever came first.
    fn order(self) -> (bool, i64, std::cmp::Reverse<u32>) {
        (self.is_somebody(), self.until(), std::cmp::Reverse(self.rule))
    }
}

/// How often an entity was seen in one incident since that was last written to the incident's counts.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// The incident.
    pub incident: u32,
    /// Matches.
    pub count: u32,
    /// The first and the last time; [`i64::MIN`] where there is none.
    times: (i64, i64),
}

impl Default for Tally {
    fn default() -> Self {
        Self { incident: NONE, count: 0, times: (i64::MIN, i64::MIN) }
    }
}

impl Tally {
    /// Counts a match.
    pub fn add(&mut self, incident: u32, time: Option<i64>) {
        let time = time.unwrap_or(i64::MIN);
        if self.count == 0 {
            self.times.0 = time;
        }
        self.incident = incident;
        self.count = self.count.saturating_add(1);
        self.times.1 = time;
    }

    /// The first time.
    pub fn first(&self) -> Option<i64> {
        Some(self.times.0).filter(|time| *time != i64::MIN)
    }

    /// The last time.
    pub fn last(&self) -> Option<i64> {
        Some(self.times.1).filter(|time| *time != i64::MIN)
    }
}

/// An open entity.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its hash.
    pub key: u64,
    /// What it is.
    pub kind: EntityKind,
    /// Its id.
    pub id: Arc<str>,
    /// The incident that carries it, or carried it last.
    pub incident: u32,
    /// Moments at which it was seen: a record that matches three rules is one.
    pub count: u32,
    /// The last of them.
    pub last: i64,
    /// What is not yet in an incident's counts.
    pub tally: Tally,
    /// The two rules that carry it furthest; the best first. Two, so that a flood's can be taken back.
    carriers: [Carrier; 2],
    /// The host of its last sighting.
    host: u64,
    /// All hosts, once there are two; at most [`HUB_HOSTS_MAX`] and one.
    hosts: Vec<Seen>,
    first: i64,
    /// Shared by too many.
    pub hub: bool,
}

impl Open {
    /// Whether it joins a sighting on `host` at `now`, which itself reaches back at most `back`, to its incident. `is_own`
    /// says that it is that host: who else speaks of it then does not matter.
    pub fn joins(&self, is_own: bool, host: u64, now: i64, back: i64) -> bool {
        let carrier = self.carriers[0];
        if self.incident == NONE || (self.hub && !is_own) || !carrier.is_somebody() {
            return false;
        }
        // The more hosts share an entity, the shorter it joins them; sharing among two costs nothing.
        let share = if self.hosts.len() > 1 && self.host != host && !is_own {
            let lately = self.hosts.iter().filter(|seen| now.saturating_sub(seen.last) <= HUB_MEMORY).count();
            i64::try_from(lately.saturating_sub(1)).unwrap_or(i64::MAX).max(1)
        } else {
            1
        };
        now.saturating_sub(carrier.from) <= back.min(carrier.reach / share)
    }

    /// Whether it could join anything at `now`.
    pub fn is_live(&self, now: i64) -> bool {
        self.carriers[0].is_somebody() && self.carriers[0].until() >= now
    }

    /// Notes that a rule's sighting carries it further.
    pub fn carry(&mut self, new: Carrier) {
        let [best, second] = &mut self.carriers;
        let old = if best.rule == new.rule { &mut *best } else { &mut *second };
        if old.rule == new.rule && old.is_somebody() {
            if new.until() > old.until() {
                *old = new;
            }
        } else if new.order() > second.order() {
            *second = new;
        }
        if second.order() > best.order() {
            std::mem::swap(best, second);
        }
    }

    /// Forgets who carried it before: it goes to another incident.
    pub fn release(&mut self) {
        self.carriers = [Carrier::NOBODY; 2];
    }

    /// Takes back what a rule carried.
    pub fn revoke(&mut self, rule: u32) {
        let [best, second] = &mut self.carriers;
        if best.rule == rule {
            *best = std::mem::replace(second, Carrier::NOBODY);
        } else if second.rule == rule {
            *second = Carrier::NOBODY;
        }
    }

    /// Notes a sighting on a host; `None` where the host is unknown.
    pub fn seen(&mut self, host: Option<u64>, now: i64) {
        let before = self.last;
        self.count = self.count.saturating_add(u32::from(self.count == 0 || self.last != now));
        self.last = now;
        let Some(host) = host else { return };
        if self.host == 0 {
            self.host = host;
            self.first = now;
            return;
        }
        if self.host == host && self.hosts.is_empty() {
            return;
        }
        if self.hosts.is_empty() {
            self.hosts.push(Seen { host: self.host, first: self.first, last: before });
        }
        let hosts = &mut self.hosts;
        match hosts.iter_mut().find(|seen| seen.host == host) {
            Some(seen) => seen.last = now,
            None => {
                if hosts.len() > HUB_HOSTS_MAX {
                    // Room for the newcomer is made by the one seen longest ago.
                    let oldest = hosts.iter().enumerate().min_by_key(|(_, seen)| (seen.last, seen.host));
                    if let Some(at) = oldest.map(|(at, _)| at) {
                        hosts.swap_remove(at);
                    }
                }
                hosts.push(Seen { host, first: now, last: now });
                let lately = hosts.iter().filter(|seen| now.saturating_sub(seen.last) <= HUB_MEMORY).count();
                self.hub |= lately > HUB_HOSTS_MAX;
            }
        }
        self.host = host;
    }

    /// The hosts on which it was seen, if more than one.
    pub fn hosts(&self) -> &[Seen] {
        &self.hosts
    }
}

/// The open entities.
#[derive(Debug, Default)]
pub struct Table {
    places: FxHashMap<u64, u32>,
    open: Vec<Open>,
    most: usize,
    /// Entities that went while they could still join something.
    pub left_out: u64,
}

/// The hash of a kind and an id, and of a host where the thing exists on one host only.
pub fn key_of(kind: EntityKind, id: &str, host: u64) -> u64 {
    // SipHash with a fixed key: the same on every run, and no cheap collisions.
    let mut hasher = DefaultHasher::new();
    hasher.write_u8(kind as u8);
    if matches!(kind, EntityKind::Session | EntityKind::Process) {
        hasher.write_u64(host);
    }
    hasher.write(id.as_bytes());
    // Zero means no host.
    hasher.finish().max(1)
}

impl Table {
    /// An empty table for at most `most` entities.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(64), ..Self::default() }
    }

    /// Whether `more` entities fit.
    pub fn has_room(&self, more: usize) -> bool {
        self.open.len() + more <= self.most
    }

    /// Makes room for `more` entities; gives those that went. Places given before are no longer valid.
    pub fn make_room(&mut self, more: usize, now: i64) -> Vec<Open> {
        if self.has_room(more) {
            return Vec::new();
        }
        let mut gone = Vec::new();
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            // The last takes the place of what goes: nothing depends on the order.
            if open.is_live(now) { at += 1 } else { gone.push(self.open.swap_remove(at)) }
        }
        // Rebuilding costs as much as the table is large: free enough that it stays rare.
        let keep = self.most / 2;
        if self.open.len() > keep + keep / 2 {
            self.left_out += u64::try_from(self.open.len() - keep).unwrap_or_default();
            // Rare and old ones go. The key settles ties, so that the choice never depends on the order in the table.
            self.open.select_nth_unstable_by_key(keep, |open| (std::cmp::Reverse((open.count, open.last)), open.key));
            gone.extend(self.open.drain(keep..));
        }
        self.places.clear();
        for (at, open) in self.open.iter().enumerate() {
            self.places.insert(open.key, u32::try_from(at).unwrap_or(NONE));
        }
        gone
    }

    /// Ends the table: all entities.
    pub fn into_open(self) -> Vec<Open> {
        self.open
    }

    /// The place of an entity; it is made if it is not there.
    pub fn place(&mut self, kind: EntityKind, id: &str, host: u64) -> u32 {
        let key = key_of(kind, id, host);
        let next = u32::try_from(self.open.len()).unwrap_or(NONE);
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.open.push(Open {
                key,
                kind,
                id: id.into(),
                incident: NONE,
                count: 0,
                last: i64::MIN,
                tally: Tally::default(),
                carriers: [Carrier::NOBODY; 2],
                host: 0,
                hosts: Vec::new(),
                first: 0,
                hub: false,
            });
        }
        place
    }

    /// The entity at a place.
    pub fn get(&self, place: u32) -> Option<&Open> {
        self.open.get(place as usize)
    }

    /// The entity at a place, to change it.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut Open> {
        self.open.get_mut(place as usize)
    }

    /// All entities.
    pub fn iter(&self) -> impl Iterator<Item = &Open> {
        self.open.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(table: &mut Table, id: &str) -> u32 {
        table.place(EntityKind::User, id, 0)
    }

    #[test]
    fn the_second_best_carrier_takes_over_when_the_best_is_revoked() {
        let mut table = Table::new(64);
        let at = open(&mut table, "alice");
        let alice = table.get_mut(at).unwrap();
        alice.incident = 1;
        for (rule, from, reach) in [(1, 0, 10), (2, 1, 5), (1, 50, 10), (3, 2, 3)] {
            alice.carry(Carrier { rule, from, reach });
        }
        assert!(alice.joins(false, 0, 60, i64::MAX));
        alice.revoke(1);
        assert!(
            !alice.joins(false, 0, 60, i64::MAX)
                && alice.joins(false, 0, 6, i64::MAX)
                && !alice.joins(false, 0, 7, i64::MAX)
        );
        alice.revoke(2);
        assert!(!alice.joins(false, 0, 1, i64::MAX));
    }

    #[test]
    fn what_many_hosts_share_joins_for_less_time_and_then_not_at_all() {
        let mut table = Table::new(64);
        let at = open(&mut table, "svc");
        let svc = table.get_mut(at).unwrap();
        svc.incident = 1;
        for host in 1..=5 {
            svc.seen(Some(host), 0);
        }
        svc.carry(Carrier { rule: 1, from: 0, reach: 100 });
        assert!(
            svc.joins(false, 9, 25, i64::MAX)
                && !svc.joins(false, 9, 26, i64::MAX)
                && svc.joins(false, 5, 100, i64::MAX)
        );
        for host in 6..=17 {
            svc.seen(Some(host), 0);
        }
        assert!(svc.hub && !svc.joins(false, 5, 1, i64::MAX));
    }

    #[test]
    fn a_full_table_drops_the_dead_then_the_rare() {
        let mut table = Table::new(64);
        for number in 0..64_i64 {
            let at = open(&mut table, &format!("user{number}"));
            let user = table.get_mut(at).unwrap();
            user.incident = 1;
            for moment in 0..=number {
                user.seen(Some(1), moment);
            }
            user.carry(Carrier { rule: 1, from: if number < 8 { -100 } else { 100 }, reach: 10 });
        }
        table.make_room(1, 100);
        assert_eq!((table.open.len(), table.left_out), (32, 24));
        let kept = open(&mut table, "user63");
        assert_eq!(table.get(kept).unwrap().count, 64);
        let gone = open(&mut table, "user9");
        assert_eq!(table.get(gone).unwrap().count, 0);
    }
}
