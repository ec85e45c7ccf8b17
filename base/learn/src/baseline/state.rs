//! All entities: learn, cap, forget, merge.

use rustc_hash::FxHashMap;

use super::hours::{hour_of_week, part_of_week};
use super::key::{Entity, Head, Slot};
use super::settings::{BaselineSettings, FEATURES_MAX, Kind, Value};
use super::trend::{Boil, Trend};

/// What one sighting is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Whom it concerns: a hash of kind and name.
    pub entity: u64,
    /// Whom it is compared with; 0 is everybody.
    pub peers: u32,
    /// Which feature, by index in the list of kinds.
    pub feature: u16,
    /// What was seen.
    pub value: Value,
    /// Event time, seconds since 1970.
    pub time_s: i64,
}

/// (key and value, or key and source) whose gains of the day are remembered for the caps. Beyond, the day's caps begin anew
/// and [`Baselines::cap_resets`] counts it. 27 MB.
const TODAY_MAX: usize = 1 << 20;

/// The share of entities forgotten at once when there are too many, so that the sweep's cost is spread.
const SWEEP: usize = 10;

/// Baselines of all entities. See the module's words on what must stay true.
#[derive(Clone, Debug, PartialEq)]
pub struct Baselines {
    pub(super) settings: BaselineSettings,
    pub(super) kinds: Vec<Kind>,
    pub(super) entities: FxHashMap<u64, Entity>,
    /// Gains of the day: hash of key and value, or of key and source, in two halves (12 bytes instead of 16) → weight.
    pub(super) today: FxHashMap<[u32; 2], f32>,
    /// The latest day seen.
    pub(super) day: i32,
    pub(super) forgotten: u64,
    pub(super) cap_resets: u64,
}

impl Baselines {
    /// Baselines that know nothing, for features of these kinds (at most 256; more are not learned).
    pub fn new(settings: BaselineSettings, kinds: &[Kind]) -> Self {
        Self {
            settings: settings.checked(),
            kinds: kinds.iter().copied().take(FEATURES_MAX).collect(),
            entities: FxHashMap::default(),
            today: FxHashMap::default(),
            day: i32::MIN,
            forgotten: 0,
            cap_resets: 0,
        }
    }

    /// Learns a sighting seen `count` times, told by `source` (a hash of whoever could have made it up). Gives what it added:
    /// less than `count` where a cap of the day was reached.
    pub fn learn(&mut self, seen: &Sighting, count: u32, source: u64) -> f64 {
        let Some(kind) = self.kinds.get(usize::from(seen.feature)).copied() else { return 0.0 };
        let Some(id) = value_id(kind, seen, self.settings.zone_s) else { return 0.0 };
        let (hour, day) = (hour_of(seen.time_s), day_of(seen.time_s, self.settings.zone_s));
        self.turn(day);
        let key_hash = mix(seen.entity ^ mix(u64::from(seen.feature)));
        let (of_value, of_source) = (halves(mix(key_hash ^ mix(id))), halves(mix(key_hash ^ mix(source) ^ 1)));
        let gained = |of| f64::from(self.today.get(&of).copied().unwrap_or(0.0));
        let left = (self.settings.value_a_day - gained(of_value)).min(self.settings.source_a_day - gained(of_source));
        let gain = f64::from(count).min(left);
        if gain <= 0.0 {
            return 0.0;
        }
        for of in [of_value, of_source] {
            *self.today.entry(of).or_insert(0.0) += gain as f32;
        }
        let half_life_h = self.half_life_h();
        let entity = self.entities.entry(seen.entity).or_default();
        entity.peers = seen.peers;
        entity.add(seen.feature, id, gain, hour, half_life_h);
        if let (Kind::Number | Kind::Amount, Value::Number(amount)) = (kind, seen.value) {
            let day = hour.div_euclid(24);
            if let Some(trend) = entity.trend(seen.feature, day) {
                trend.add(amount.max(0.0).ln_1p(), gain, day);
            }
        }
        if self.entities.len() > self.settings.entities_max {
            self.sweep();
        }
        gain
    }

    /// How many entities are known.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Entities forgotten because there were too many.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How often a day's caps had to begin anew because too many were needed at once.
    pub fn cap_resets(&self) -> u64 {
        self.cap_resets
    }

    /// About how many bytes of memory they take, an allocator's own 8 bytes a block included.
    pub fn bytes(&self) -> usize {
        let block = |bytes: usize| if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16) };
        let entity = |entity: &Entity| {
            block(entity.heads.capacity() * size_of::<Head>())
                + block(entity.slots.capacity() * size_of::<Slot>())
                + block(entity.trends.capacity() * size_of::<(u16, Trend)>())
        };
        self.entities.values().map(entity).sum::<usize>()
            + self.entities.capacity() * (size_of::<(u64, Entity)>() + 1)
            + self.today.capacity() * (size_of::<([u32; 2], f32)>() + 1)
    }

    /// Entities, ascending.
    pub fn entities(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.entities.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// Forgets an entity; whether it was known.
    pub fn forget(&mut self, entity: u64) -> bool {
        self.entities.remove(&entity).is_some()
    }

    /// Whether an amount drifted slowly away from what it was.
    pub fn boil(&self, entity: u64, feature: u16) -> Option<Boil> {
        let entity = self.entities.get(&entity)?;
        let at = entity.trends.binary_search_by_key(&feature, |one| one.0).ok()?;
        entity.trends.get(at)?.1.boil()
    }

    /// Takes in baselines learned elsewhere with the same settings and kinds: `false`, and nothing changes, otherwise. Parts
    /// that know different entities merge to what one would have learned, exactly; an entity that both know gets the sum.
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.settings != other.settings || self.kinds != other.kinds {
            return false;
        }
        let half_life_h = self.half_life_h();
        self.turn(other.day);
        for entity in other.entities() {
            let Some(theirs) = other.entities.get(&entity) else { continue };
            self.entities.entry(entity).or_default().merge(theirs, half_life_h);
        }
        if other.day == self.day {
            for (of, gain) in &other.today {
                *self.today.entry(*of).or_insert(0.0) += gain;
            }
        }
        self.forgotten += other.forgotten;
        self.cap_resets += other.cap_resets;
        if self.entities.len() > self.settings.entities_max {
            self.sweep();
        }
        true
    }

    pub(super) fn half_life_h(&self) -> f64 {
        self.settings.half_life_s / 3600.0
    }

    /// A new day: yesterday's gains are forgotten.
    fn turn(&mut self, day: i32) {
        if day > self.day {
            self.day = day;
            self.today.clear();
        } else if self.today.len() >= TODAY_MAX {
            self.today.clear();
            self.cap_resets += 1;
        }
    }

    /// Forgets the tenth that was seen least.
    fn sweep(&mut self) {
        let mut all: Vec<(f64, u64)> = self.entities.iter().map(|(id, entity)| (entity.total(), *id)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let count = (all.len() / SWEEP).max(all.len().saturating_sub(self.settings.entities_max));
        for (_, id) in all.into_iter().take(count) {
            self.entities.remove(&id);
            self.forgotten += 1;
        }
    }
}

/// Bins of an amount a doubling: a bin is 41 % wide.
const BINS_PER_DOUBLING: f64 = 2.0;

/// Where amounts of one part of the week begin among ids.
pub(super) const PART: u64 = 1 << 16;

/// The bin of an amount: 0 for 0, then two a doubling; at most 2,049.
pub(super) fn bin(amount: f64) -> u64 {
    ((1.0 + amount.max(0.0)).log2() * BINS_PER_DOUBLING).ceil().min(2049.0) as u64
}

/// The middle of a bin, in the feature's units.
pub(super) fn bin_middle(bin: u64) -> f64 {
    if bin == 0 { 0.0 } else { ((bin as f64 - 0.5) / BINS_PER_DOUBLING).exp2() - 1.0 }
}

/// What a value is called in a key; `None` where it does not fit the kind.
pub(super) fn value_id(kind: Kind, seen: &Sighting, zone_s: i64) -> Option<u64> {
    match (kind, seen.value) {
        (Kind::Category, Value::Category(hash)) => Some(hash),
        (Kind::Number | Kind::Amount, Value::Number(amount)) if amount.is_finite() => {
            Some(part_of_week(seen.time_s, zone_s) * PART + bin(amount))
        }
        (Kind::Hour, Value::Hour) => Some(hour_of_week(seen.time_s, zone_s) as u64),
        _ => None,
    }
}

fn halves(hash: u64) -> [u32; 2] {
    [(hash >> 32) as u32, hash as u32]
}

/// Event hour, within what `i32` holds.
pub(super) fn hour_of(time_s: i64) -> i32 {
    i32::try_from(time_s.div_euclid(3600)).unwrap_or(if time_s < 0 { i32::MIN } else { i32::MAX })
}

fn day_of(time_s: i64, zone_s: i64) -> i32 {
    hour_of(time_s.saturating_add(zone_s)).div_euclid(24)
}

/// SplitMix64's finalizer.
fn mix(at: u64) -> u64 {
    let mut z = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
