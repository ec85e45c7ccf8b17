//! What entities of a group have in common, derived from all of them at one moment.
//!
//! For each group and feature: how the average entity spreads over values (one vote an entity, however loud), how many
//! entities have each value, and how alike entities are. The last is the *prior strength* κ of the Dirichlet distribution that
//! shares are drawn from, by matching moments: with A the chance that two sightings of one entity agree and B the chance
//! that sightings of two entities agree, `A = (κB + 1)/(κ + 1)`, so `κ = (1 − A)/(A − B)`. A large κ says that entities are alike:
//! a newcomer is judged by its peers for long. A small one says that everybody has habits of their own.

use std::collections::BTreeMap;

use super::hours::{HOURS, kinship};
use super::key::Key;
use super::settings::Kind;
use super::state::Baselines;

/// Values of a group that are kept, the most common: 64 kB a group and feature.
const VALUES_MAX: usize = 4096;

/// Prior strength where moments say nothing (too few entities): two sightings' worth.
const STRENGTH_UNKNOWN: f64 = 2.0;

/// Bounds: even lone wolves are judged by their peers for a moment, and fifty sightings of one's own always weigh more.
const STRENGTH: (f64, f64) = (0.5, 50.0);

/// Entities with a history that moments need.
const ENTITIES_MIN: usize = 8;

/// Weight of sightings that makes a history.
const HISTORY_MIN: f64 = 4.0;

/// One group's one feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Common {
    /// Value → (sum of entities' shares, entities that have it).
    pub(super) values: BTreeMap<u64, (f64, u32)>,
    /// Entities with this feature.
    pub(super) entities: u32,
    /// Prior strength κ.
    pub(super) strength: f64,
    /// How often the average entity does what it did at most once before.
    pub(super) novelty: f64,
    /// Of a value that is new to an entity, the chance that it is new to all (Good–Turing over entities).
    unseen: f64,
    /// Ascending: a number of entities, and the share of (entity, value) pairs whose value at most as many have (ties half).
    rarities: Vec<(u32, f64)>,
    /// For hours: the sum of entities' shares at each place, smoothed.
    pub(super) hours: Vec<f64>,
}

impl Common {
    /// How rare a value is among peers; with `less_one`, one of those that have it does not count.
    pub(super) fn rarity(&self, id: u64, less_one: bool) -> f64 {
        let with = self.values.get(&id).map_or(0, |(_, count)| *count).saturating_sub(u32::from(less_one));
        if with == 0 {
            return self.unseen;
        }
        let at = self.rarities.partition_point(|(count, _)| *count < with);
        self.rarities.get(at).map_or(1.0, |(_, share)| share.clamp(self.unseen, 1.0))
    }
}

/// What entities have in common, by group and feature, as of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peers {
    groups: BTreeMap<(u32, u16), Common>,
}

impl Peers {
    pub(super) fn common(&self, peers: u32, feature: u16) -> Option<&Common> {
        self.groups.get(&(peers, feature))
    }

    /// How many entities of a group have a feature.
    pub fn entities(&self, peers: u32, feature: u16) -> u32 {
        self.common(peers, feature).map_or(0, |common| common.entities)
    }

    /// The prior strength κ of a group and feature.
    pub fn strength(&self, peers: u32, feature: u16) -> f64 {
        self.common(peers, feature).map_or(STRENGTH_UNKNOWN, |common| common.strength)
    }
}

/// Share of a key's weight that its values seen at most once have: what it does that is new.
fn novelty(key: Key<'_>) -> f64 {
    let once = key.slots.iter().map(|slot| f64::from(slot.weight)).filter(|weight| *weight <= 1.0).sum::<f64>();
    let total = key.total();
    if total > 0.0 { ((once + f64::from(key.head.others)) / total).min(1.0) } else { 0.0 }
}

/// Sums while a group is gone through.
#[derive(Default)]
struct Sums {
    values: BTreeMap<u64, (f64, u32)>,
    entities: u32,
    novelty: f64,
    /// Chance that two sightings of one entity agree: sum, and entities with a history.
    agree: (f64, usize),
}

impl Baselines {
    /// What peers have in common now. Goes through all entities, ascending: O(keys × log); make it when learning is done, or
    /// once an hour of event time.
    pub fn peers(&self) -> Peers {
        let mut groups: BTreeMap<(u32, u16), Sums> = BTreeMap::new();
        for id in self.entities() {
            let Some(entity) = self.entities.get(&id) else { continue };
            for key in entity.keys() {
                groups.entry((entity.peers, key.head.feature)).or_default().add(key);
            }
        }
        Peers {
            groups: groups
                .into_iter()
                .map(|(at, sums)| (at, sums.close(self.kinds.get(usize::from(at.1)).copied())))
                .collect(),
        }
    }
}

impl Sums {
    fn add(&mut self, key: Key<'_>) {
        let total = key.total();
        if total <= 0.0 {
            return;
        }
        self.entities += 1;
        self.novelty += novelty(key);
        let mut squares = 0.0;
        for slot in key.slots {
            let weight = f64::from(slot.weight);
            let entry = self.values.entry(slot.id()).or_default();
            entry.0 += weight / total;
            entry.1 += 1;
            squares += weight * weight;
        }
        if total >= HISTORY_MIN {
            // Without the sightings that agree with themselves.
            self.agree.0 += ((squares - total) / (total * total - total)).clamp(0.0, 1.0);
            self.agree.1 += 1;
        }
        // Values that one entity alone has can be many; the group keeps what is common. Twice the limit before a cut
        // keeps its cost small.
        if self.values.len() > 2 * VALUES_MAX {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.values.len() <= VALUES_MAX {
            return;
        }
        let mut all: Vec<(u32, f64, u64)> =
            self.values.iter().map(|(id, (share, count))| (*count, *share, *id)).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        for (_, _, id) in all.into_iter().skip(VALUES_MAX) {
            self.values.remove(&id);
        }
    }

    fn close(mut self, kind: Option<Kind>) -> Common {
        let pairs: f64 = self.values.values().map(|(_, count)| f64::from(*count)).sum();
        let alone = self.values.values().filter(|(_, count)| *count == 1).count() as f64;
        let unseen = (alone + 0.5) / (pairs + 1.0);
        self.cut();
        let n = f64::from(self.entities.max(1));
        let strength = if self.agree.1 >= ENTITIES_MIN {
            let own = self.agree.0 / self.agree.1 as f64;
            // Chance that sightings of two entities agree: all pairs less those with oneself.
            let all: f64 = self.values.values().map(|(share, _)| share * share).sum();
            let between = ((all - own * n) / (n * n - n)).clamp(0.0, 1.0);
            if own > between { ((1.0 - own) / (own - between)).clamp(STRENGTH.0, STRENGTH.1) } else { STRENGTH.1 }
        } else {
            STRENGTH_UNKNOWN
        };
        let mut hours = vec![0.0; if kind == Some(Kind::Hour) { HOURS } else { 0 }];
        for (to, density) in hours.iter_mut().enumerate() {
            *density = self.values.iter().map(|(from, (share, _))| share * kinship(*from as usize, to)).sum();
        }
        let rarities = rarities(&self.values);
        Common {
            values: self.values,
            entities: self.entities,
            strength,
            novelty: self.novelty / n,
            unseen,
            rarities,
            hours,
        }
    }
}

/// For each number of entities that a value may have: the share of pairs whose value at most as many have, ties half.
fn rarities(values: &BTreeMap<u64, (f64, u32)>) -> Vec<(u32, f64)> {
    let mut pairs: BTreeMap<u32, f64> = BTreeMap::new();
    for (_, count) in values.values() {
        *pairs.entry(*count).or_default() += f64::from(*count);
    }
    let all: f64 = pairs.values().sum();
    let mut rarer = 0.0;
    pairs
        .into_iter()
        .map(|(count, pairs)| {
            let share = (rarer + pairs / 2.0 + 0.5) / (all + 1.0);
            rarer += pairs;
            (count, share)
        })
        .collect()
}
