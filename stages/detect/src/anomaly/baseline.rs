//! What is normal for whom: counts that a burst cannot bend, each beside the peers'.
//!
//! **Facts.** For each entity and fact: in how many different hours and days it was seen. A thing repeated a thousand times
//! in one hour counts once; hours of one day count little beside other days ([`HOURS_A_DAY`]). Peers are all entities that
//! know the fact, but no more than four for each *other* hour in which it was seen anywhere: what comes to fifty hosts within one hour
//! has no peers.
//!
//! **Leave one out.** A fact is judged by what is left when the hour it stands in is taken away, so it never vouches for itself.
//! Its score is a probability: `(hours + α·P) / (hours of its context + α)`, where P is the peers' share. The score is
//! turned into a p-value by ranking it among those of every fact learned of that feature: where new things are common, a new
//! thing is not strange, without any threshold of ours (Good–Turing is what the lowest rank comes to).
//!
//! **Levels.** For each entity and measure: a histogram over half powers of two of its hours or days.
//!
//! State is keyed by entity; everything about peers is a sum, a union or a bitmap's OR over entities, so learning can be
//! split by entity and merged.

use rustc_hash::FxHashMap;
use shieldwall_schema::entity::EntityKind;

use super::facts::{FEATURES, FeatureId};
use super::measures::MEASURES;
use super::names::OTHER;

/// Entities that are learned; those that come later are not.
pub(super) const ENTITIES_MAX: usize = 1_000_000;

/// Facts of one entity; beyond it the rarest and oldest quarter is forgotten.
pub(super) const ENTRIES_MAX: usize = 16_384;

/// Different facts that are told apart; those that come later are not learned.
pub(super) const KEYS_MAX: usize = 4_000_000;

/// Hours that one day counts for at most, once there are other days.
const HOURS_A_DAY: u32 = 4;

/// Hours of its own that an entity's peers weigh as much as.
const PEER_HOURS: f64 = 1.0;

/// What peers say of a value none of them has: a peer more, with this chance.
const UNKNOWN_SHARE: f64 = 0.05;

/// Days whose levels are kept for slow rises.
pub(super) const SERIES_DAYS_MAX: usize = 64;

/// The value of a key that stands for its context as a whole.
pub(super) const ANY: u32 = u32::MAX;

/// A fact of anybody: feature, context, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub feature: FeatureId,
    pub context: u32,
    pub value: u32,
}

/// What all entities together know of a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peers {
    /// Entities that know it.
    pub entities: u32,
    /// Hours in which it was seen: one bit for each, by hash; their number is about the number of hours up to some 40.
    pub hours: u64,
}

/// What one entity knows of a fact. 12 bytes: there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: u32,
    /// Different hours.
    pub hours: u16,
    /// Different days.
    pub days: u16,
    /// The last of them, days since 1970.
    pub last_day: i32,
}

/// One entity's baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub kind: EntityKind,
    pub name: u32,
    /// Hours in which it did anything.
    pub hours: u32,
    /// Days likewise.
    pub days: u32,
    pub last_day: i32,
    /// Sorted by key.
    pub entries: Vec<Entry>,
    /// (measure, bin, hours or days), sorted.
    pub levels: Vec<(u8, u8, u16)>,
    /// (measure, bin, day), in order of time, for what may rise slowly.
    pub series: Vec<(u8, u8, i32)>,
}

impl Own {
    pub(super) fn entry(&self, key: u32) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&key, |entry| entry.key).ok()?;
        self.entries.get(at)
    }
}

/// All baselines.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline {
    pub keys: Vec<Key>,
    pub numbers: FxHashMap<Key, u32>,
    pub peers: Vec<Peers>,
    pub entities: Vec<Own>,
    pub by_name: FxHashMap<(u8, u32), u32>,
    /// Hours of entities in which a feature showed anything.
    pub active: Vec<u64>,
    /// Each feature's facts by score; made by [`Baseline::rank`].
    ranks: Vec<Ranks>,
    /// For each entity, in about how many of its hours a feature showed anything: (feature, hours), sorted. Made likewise.
    own_active: Vec<Vec<(FeatureId, u32)>>,
    /// Peers' levels by kind of entity and measure; made by [`Baseline::rank`].
    levels: Vec<Levels>,
    /// Entities and facts that a limit kept out.
    pub left_out: u64,
}

/// Bins of scores, an eighth of a nat each.
const RANK_BINS: usize = 256;

#[derive(Clone, Debug)]
struct Ranks {
    /// How many facts score as low as this bin or lower, by bin of −ln score.
    at_least: Vec<f64>,
    /// Share of hours that show this feature at all, among all entities of the kinds that do: most show nothing of a rare one.
    rate: f64,
    /// Hours that do.
    active: f64,
    /// Hours of all those entities.
    windows: f64,
    /// Facts that an hour holds on average, where it holds any.
    usual: f64,
}

#[derive(Clone, Debug)]
struct Levels {
    /// For each bin: sum over entities of the share of their windows at this bin or above.
    at_least: Vec<f64>,
    entities: f64,
    windows: f64,
}

/// Bins of measures (see [`super::measures::bin`]).
const LEVEL_BINS: usize = 130;

/// How a fact stands: what is left of it and of its context without the hour that is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Standing {
    pub hours: u32,
    pub context_hours: u32,
    pub peers: u32,
    pub context_peers: u32,
    pub score: f64,
}

impl Baseline {
    /// The number of a fact; `None` when there are too many.
    pub(super) fn key(&mut self, key: Key) -> Option<u32> {
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        if self.keys.len() >= KEYS_MAX {
            self.left_out += 1;
            return None;
        }
        let number = u32::try_from(self.keys.len()).ok()?;
        self.keys.push(key);
        self.peers.push(Peers::default());
        self.numbers.insert(key, number);
        Some(number)
    }

    /// The number of an entity; `None` when there are too many.
    pub(super) fn entity(&mut self, kind: EntityKind, name: u32) -> Option<u32> {
        if let Some(number) = self.by_name.get(&(kind as u8, name)) {
            return Some(*number);
        }
        if self.entities.len() >= ENTITIES_MAX || name == OTHER {
            self.left_out += 1;
            return None;
        }
        let number = u32::try_from(self.entities.len()).ok()?;
        self.entities.push(Own {
            kind,
            name,
            hours: 0,
            days: 0,
            last_day: i32::MIN,
            entries: Vec::new(),
            levels: Vec::new(),
            series: Vec::new(),
        });
        self.by_name.insert((kind as u8, name), number);
        Some(number)
    }

    /// Learns an hour of an entity: facts (sorted, each once) that it showed, contexts among them.
    pub(super) fn learn_facts(&mut self, entity: u32, hour: i64, day: i32, keys: &[u32]) {
        let Some(own) = self.entities.get_mut(entity as usize) else { return };
        own.hours = own.hours.saturating_add(1);
        if own.last_day != day {
            own.days = own.days.saturating_add(1);
            own.last_day = day;
        }
        let bit = 1u64 << (hour_hash(hour) & 63);
        if self.active.len() < FEATURES.len() {
            self.active.resize(FEATURES.len(), 0);
        }
        let mut active = [false; 256];
        let mut new = Vec::new();
        for key in keys {
            let Some(peers) = self.peers.get_mut(*key as usize) else { continue };
            peers.hours |= bit;
            if let Some(slot) = self.keys.get(*key as usize).and_then(|key| active.get_mut(usize::from(key.feature))) {
                *slot = true;
            }
            let found = own.entries.binary_search_by_key(key, |entry| entry.key).ok();
            if let Some(entry) = found.and_then(|at| own.entries.get_mut(at)) {
                entry.hours = entry.hours.saturating_add(1);
                if entry.last_day != day {
                    entry.days = entry.days.saturating_add(1);
                    entry.last_day = day;
                }
            } else {
                peers.entities = peers.entities.saturating_add(1);
                new.push(Entry { key: *key, hours: 1, days: 1, last_day: day });
            }
        }
        for (hours, _) in self.active.iter_mut().zip(active).filter(|(_, active)| *active) {
            *hours += 1;
        }
        if !new.is_empty() {
            // New facts have high numbers: few of the known ones stand behind them and move.
            for entry in new {
                let at = own.entries.partition_point(|have| have.key < entry.key);
                own.entries.insert(at, entry);
            }
            if own.entries.len() > ENTRIES_MAX {
                forget_rarest(own, &mut self.peers);
            }
        }
    }

    /// Learns how much an entity did in an hour or a day.
    pub(super) fn learn_level(&mut self, entity: u32, measure: u8, bin: u8, day: i32, keep_day: bool) {
        let Some(own) = self.entities.get_mut(entity as usize) else { return };
        match own.levels.binary_search_by_key(&(measure, bin), |(m, b, _)| (*m, *b)) {
            Ok(at) => {
                if let Some((_, _, count)) = own.levels.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            }
            Err(at) => own.levels.insert(at, (measure, bin, 1)),
        }
        if keep_day {
            if own.series.len() >= 2 * SERIES_DAYS_MAX {
                // Every other day is kept of what is older: the far past stays in sight.
                let half = own.series.len() / 2;
                let mut at = 0;
                own.series.retain(|_| {
                    at += 1;
                    at > half || at % 4 < 2
                });
            }
            own.series.push((measure, bin, day));
        }
    }

    /// How a fact of an entity stands; `learned`: the hour that is judged was itself learned, and is left out.
    pub(super) fn standing(&self, entity: u32, key: u32, learned: bool) -> Option<Standing> {
        let own = self.entities.get(entity as usize)?;
        let of = *self.keys.get(key as usize)?;
        let context = self.numbers.get(&Key { value: ANY, ..of }).copied();
        Some(self.standing_of(own, own.entry(key), key, context, learned))
    }

    fn standing_of(&self, own: &Own, entry: Option<&Entry>, key: u32, context: Option<u32>, learned: bool) -> Standing {
        let out = u32::from(learned);
        let hours = |entry: Option<&Entry>| {
            entry.map_or(0, |entry| {
                let hours = u32::from(entry.hours).saturating_sub(out);
                let days = u32::from(entry.days).saturating_sub(out);
                // Other hours of the same day alone count as one.
                hours.min(days * HOURS_A_DAY + u32::from(days == 0 && hours > 0))
            })
        };
        let context_entry = context.and_then(|context| own.entry(context));
        let peers = |key: Option<u32>, has: bool| {
            let peers = key.and_then(|key| self.peers.get(key as usize)).copied().unwrap_or_default();
            let others = peers.entities.saturating_sub(u32::from(has));
            let other_hours = peers.hours.count_ones().saturating_sub(out);
            others.min(other_hours * HOURS_A_DAY)
        };
        let (mine, context_hours) = (hours(entry), hours(context_entry));
        let (known, context_known) = (peers(Some(key), entry.is_some()), peers(context, context_entry.is_some()));
        let context_known = context_known.max(known);
        let share = (f64::from(known) + UNKNOWN_SHARE) / (f64::from(context_known) + 1.0);
        let score = (f64::from(mine) + PEER_HOURS * share) / (f64::from(context_hours.max(mine)) + PEER_HOURS);
        Standing {
            hours: mine,
            context_hours: context_hours.max(mine),
            peers: known,
            context_peers: context_known,
            score,
        }
    }

    /// Ranks what was learned; needed before [`Baseline::fact_p_value`] and [`Baseline::level_p_value`].
    pub(super) fn rank(&mut self) {
        let mut counts = vec![vec![0.0f64; RANK_BINS]; FEATURES.len()];
        let mut kinds = vec![[false; KINDS]; FEATURES.len()];
        let mut hours = [0.0f64; KINDS];
        for own in &self.entities {
            let kind = (own.kind as usize).min(KINDS - 1);
            if let Some(hours) = hours.get_mut(kind) {
                *hours += f64::from(own.hours);
            }
            for entry in &own.entries {
                let Some(key) = self.keys.get(entry.key as usize) else { continue };
                if key.value == ANY {
                    continue;
                }
                let context = self.numbers.get(&Key { value: ANY, ..*key }).copied();
                let standing = self.standing_of(own, Some(entry), entry.key, context, true);
                let slot =
                    counts.get_mut(usize::from(key.feature)).and_then(|bins| bins.get_mut(rank_bin(standing.score)));
                if let Some(slot) = slot {
                    *slot += f64::from(entry.hours);
                }
                if let Some(known) = kinds.get_mut(usize::from(key.feature)).and_then(|kinds| kinds.get_mut(kind)) {
                    *known = true;
                }
            }
        }
        self.ranks = counts
            .into_iter()
            .zip(kinds)
            .zip(self.active.iter().copied().chain(std::iter::repeat(0)))
            .map(|((mut bins, kinds), active)| {
                accumulate(&mut bins);
                let windows = hours.iter().zip(kinds).filter(|(_, shows)| *shows).map(|(hours, _)| *hours).sum();
                let active = (active as f64).max(1.0);
                let usual = bins.first().copied().unwrap_or(0.0) / active;
                Ranks {
                    at_least: bins,
                    rate: active / f64::max(windows, active),
                    active,
                    windows,
                    usual: usual.max(1.0),
                }
            })
            .collect();
        self.own_active = self
            .entities
            .iter()
            .map(|own| {
                let mut hours = [0u32; 256];
                for entry in &own.entries {
                    if let Some(key) = self.keys.get(entry.key as usize).filter(|key| key.value == ANY)
                        && let Some(slot) = hours.get_mut(usize::from(key.feature))
                    {
                        *slot = slot.saturating_add(u32::from(entry.hours)).min(own.hours);
                    }
                }
                (0..=u8::MAX).zip(hours).filter(|(_, hours)| *hours > 0).collect()
            })
            .collect();
        self.levels =
            vec![Levels { at_least: vec![0.0; LEVEL_BINS], entities: 0.0, windows: 0.0 }; KINDS * MEASURES.len()];
        for own in &self.entities {
            for group in own.levels.chunk_by(|a, b| a.0 == b.0) {
                let Some((measure, _, _)) = group.first() else { continue };
                let windows = windows_of(own, *measure);
                let Some(levels) = self.levels.get_mut(level_slot(own.kind, *measure)) else { continue };
                for (_, bin, count) in group {
                    if let Some(slot) = levels.at_least.get_mut(usize::from(*bin)) {
                        *slot += f64::from(*count) / windows;
                    }
                }
                levels.entities += 1.0;
                levels.windows += windows;
            }
        }
        for levels in &mut self.levels {
            accumulate(&mut levels.at_least);
        }
    }

    /// How often an hour of this entity holds a fact of this feature that stands as lonely as this; `count`: how many facts
    /// of the feature this hour holds. An hour busier than usual pays for it, as it has more chances. An entity that never
    /// shows the feature is taken for one that does as often as all together: never for less.
    pub(super) fn fact_p_value(
        &self,
        entity: u32,
        feature: FeatureId,
        standing: &Standing,
        count: u32,
        learned: bool,
    ) -> f64 {
        let Some(ranks) = self.ranks.get(usize::from(feature)) else { return 1.0 };
        let at = ranks.at_least.get(rank_bin(standing.score)).copied().unwrap_or(0.0);
        let busy = (f64::from(count) / ranks.usual).max(1.0);
        let own_hours = self.entities.get(entity as usize).map_or(0, |own| own.hours);
        let shown = self
            .own_active
            .get(entity as usize)
            .and_then(|list| list.binary_search_by_key(&feature, |(of, _)| *of).ok().and_then(|at| list.get(at)));
        let out = u32::from(learned);
        let own_rate = f64::from(shown.map_or(0, |(_, hours)| *hours).saturating_sub(out))
            / f64::from(own_hours.saturating_sub(out).max(1));
        let share = (at + 1.0) / (ranks.active + 1.0);
        // What nobody has seen before is no rarer than one hour in all that were seen.
        (share * ranks.rate.max(own_rate) * busy).max(1.0 / (ranks.windows + 1.0)).min(1.0)
    }

    /// How often this entity, or one like it, has a level this high; `learned`: the window itself was learned.
    pub(super) fn level_p_value(&self, entity: u32, measure: u8, bin: u8, learned: bool) -> f64 {
        let Some(own) = self.entities.get(entity as usize) else { return 1.0 };
        let Some(levels) = self.levels.get(level_slot(own.kind, measure)) else { return 1.0 };
        let windows = windows_of(own, measure);
        let out = f64::from(u8::from(learned));
        let tail: f64 = own
            .levels
            .iter()
            .filter(|(m, b, _)| *m == measure && *b >= bin)
            .map(|(_, _, count)| f64::from(*count))
            .sum();
        let has = own.levels.iter().any(|(m, _, _)| *m == measure);
        let (own_share, own_windows, own_is) = if has { (tail / windows, windows, 1.0) } else { (0.0, 0.0, 0.0) };
        let others = (levels.entities - own_is).max(0.0);
        let other_windows = (levels.windows - own_windows).max(0.0);
        let peer_tail = (levels.at_least.get(usize::from(bin)).copied().unwrap_or(0.0) - own_share).max(0.0);
        let rare = 1.0 / (other_windows + 1.0);
        let mut peers = if others > 0.0 { (peer_tail / others).max(rare) } else { 1.0 };
        let mine = (tail - out).max(0.0);
        if peer_tail <= 1e-9 && mine <= 0.0 {
            // Beyond all that was ever seen: amounts have heavy tails (Pareto, index 1), each doubling is half as likely.
            let top = levels.at_least.iter().enumerate().filter(|(at, sum)| **sum > 1e-9 && (*at < usize::from(bin)));
            let beyond = top.map(|(at, _)| at).max().map_or(0, |top| usize::from(bin) - top);
            peers *= 0.5f64.powf(beyond as f64 / 2.0);
        }
        ((mine + LEVEL_PEERS * peers) / ((windows - out).max(0.0) + LEVEL_PEERS)).clamp(1e-12, 1.0)
    }

    /// Takes in what was learned elsewhere about other entities; `name` turns its names into ours. What both know of one
    /// entity adds up.
    pub(super) fn merge(&mut self, other: &Self, mut name: impl FnMut(u32) -> u32) {
        let keys: Vec<Option<u32>> = other
            .keys
            .iter()
            .map(|key| {
                let value = if key.value == ANY { ANY } else { name(key.value) };
                self.key(Key { feature: key.feature, context: name(key.context), value })
            })
            .collect();
        for (key, theirs) in keys.iter().zip(&other.peers) {
            if let Some(mine) = key.and_then(|key| self.peers.get_mut(key as usize)) {
                mine.hours |= theirs.hours;
            }
        }
        self.active.resize(self.active.len().max(other.active.len()), 0);
        for (mine, theirs) in self.active.iter_mut().zip(&other.active) {
            *mine = mine.saturating_add(*theirs);
        }
        for theirs in &other.entities {
            let Some(number) = self.entity(theirs.kind, name(theirs.name)) else { continue };
            let Some(own) = self.entities.get_mut(number as usize) else { continue };
            own.hours = own.hours.saturating_add(theirs.hours);
            own.days = own.days.saturating_add(theirs.days);
            own.last_day = own.last_day.max(theirs.last_day);
            for entry in &theirs.entries {
                let Some(key) = keys.get(entry.key as usize).copied().flatten() else { continue };
                if let Some(mine) = own.entries.iter_mut().find(|mine| mine.key == key) {
                    mine.hours = mine.hours.saturating_add(entry.hours);
                    mine.days = mine.days.saturating_add(entry.days);
                    mine.last_day = mine.last_day.max(entry.last_day);
                } else {
                    own.entries.push(Entry { key, ..*entry });
                    if let Some(peers) = self.peers.get_mut(key as usize) {
                        peers.entities = peers.entities.saturating_add(1);
                    }
                }
            }
            own.entries.sort_unstable_by_key(|entry| entry.key);
            for (measure, bin, count) in &theirs.levels {
                match own.levels.binary_search_by_key(&(*measure, *bin), |(m, b, _)| (*m, *b)) {
                    Ok(at) => {
                        if let Some((_, _, mine)) = own.levels.get_mut(at) {
                            *mine = mine.saturating_add(*count);
                        }
                    }
                    Err(at) => own.levels.insert(at, (*measure, *bin, *count)),
                }
            }
            own.series.extend(theirs.series.iter().copied());
            own.series.sort_by_key(|(measure, _, day)| (*day, *measure));
            own.series.truncate(2 * SERIES_DAYS_MAX);
        }
    }

    /// Bytes that entities and facts take, as allocated.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let own: usize = self
            .entities
            .iter()
            .map(|own| {
                own.entries.capacity() * size_of::<Entry>() + own.levels.capacity() * 4 + own.series.capacity() * 8
            })
            .sum();
        own + self.entities.capacity() * size_of::<Own>()
            + self.keys.capacity() * (size_of::<Key>() + size_of::<Peers>())
            + self.numbers.capacity() * (size_of::<Key>() + 5)
            + self.by_name.capacity() * 13
    }

    /// Good–Turing: the share of what happens that is known, and how many facts that is counted on.
    pub(super) fn coverage(&self) -> (f64, u64) {
        let (mut once, mut all) = (0u64, 0u64);
        for own in &self.entities {
            for entry in &own.entries {
                once += u64::from(entry.hours == 1);
                all += u64::from(entry.hours);
            }
        }
        (if all == 0 { 0.0 } else { 1.0 - once as f64 / all as f64 }, all)
    }
}

/// Windows of its own that an entity's peers weigh as much as, for levels.
const LEVEL_PEERS: f64 = 4.0;

/// Kinds of entities.
const KINDS: usize = 8;

fn level_slot(kind: EntityKind, measure: u8) -> usize {
    (kind as usize).min(KINDS - 1) * MEASURES.len() + usize::from(measure)
}

fn windows_of(own: &Own, measure: u8) -> f64 {
    let day = MEASURES.get(usize::from(measure)).is_some_and(|facts| facts.day);
    f64::from(if day { own.days } else { own.hours }).max(1.0)
}

fn rank_bin(score: f64) -> usize {
    ((-score.max(1e-14).ln()).max(0.0) * 8.0) as usize
}

/// Counts by bin → counts of this bin and all above.
fn accumulate(bins: &mut [f64]) {
    let mut sum = 0.0;
    for bin in bins.iter_mut().rev() {
        sum += *bin;
        *bin = sum;
    }
}

fn hour_hash(hour: i64) -> u32 {
    // Fibonacci hashing: neighbouring hours fall into different bits.
    ((hour as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as u32
}

fn forget_rarest(own: &mut Own, peers: &mut [Peers]) {
    let mut order: Vec<(u16, i32, u32)> =
        own.entries.iter().map(|entry| (entry.hours, entry.last_day, entry.key)).collect();
    order.sort_unstable();
    order.truncate(ENTRIES_MAX / 4);
    let gone: rustc_hash::FxHashSet<u32> = order.into_iter().map(|(_, _, key)| key).collect();
    own.entries.retain(|entry| !gone.contains(&entry.key));
    for key in gone {
        if let Some(peers) = peers.get_mut(key as usize) {
            peers.entities = peers.entities.saturating_sub(1);
        }
    }
}
