//! What is kept of an entity: for each feature a few values with decayed weights.
//!
//! Weights count half after each half-life of event time; they are brought to the feature's own hour when it is touched, so what
//! rests costs nothing. At most [`SLOTS_MAX`] values a feature are kept; the lightest makes room and its weight goes to `others`,
//! which stands for everything seen once or long ago. All of an entity's values stand in one list, 12 bytes a value and 12 a
//! feature: a list each would cost as much again in pointers and allocations.

use super::trend::Trend;

/// Values kept for a feature: what people and hosts do habitually fits; what has more is not told by its values but by how
/// many.
pub const SLOTS_MAX: usize = 48;

/// One value's weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slot {
    /// The value's id, in two halves: 12 bytes instead of 16.
    id: [u32; 2],
    pub(super) weight: f32,
}

impl Slot {
    pub(super) fn new(id: u64, weight: f32) -> Self {
        Self { id: [(id >> 32) as u32, id as u32], weight }
    }

    pub(super) fn id(&self) -> u64 {
        let [high, low] = self.id;
        (u64::from(high) << 32) | u64::from(low)
    }
}

/// What stands for a feature beside its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) feature: u16,
    /// How many values.
    pub(super) count: u16,
    /// Event hour (seconds / 3600) that weights are as of.
    pub(super) hour: i32,
    /// Weight of values that are not kept.
    pub(super) others: f32,
}

/// One entity's one feature, as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Key<'a> {
    pub(super) head: Head,
    /// Ascending by id.
    pub(super) slots: &'a [Slot],
}

impl Key<'_> {
    /// The weight of all sightings.
    pub(super) fn total(&self) -> f64 {
        f64::from(self.head.others) + self.slots.iter().map(|slot| f64::from(slot.weight)).sum::<f64>()
    }

    /// The weight of one value.
    pub(super) fn weight(&self, id: u64) -> f64 {
        let at = self.slots.binary_search_by_key(&id, Slot::id).ok();
        at.and_then(|at| self.slots.get(at)).map_or(0.0, |slot| f64::from(slot.weight))
    }
}

/// One entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entity {
    pub(super) peers: u32,
    /// Ascending by feature.
    pub(super) heads: Vec<Head>,
    /// The features' values, in the order of `heads`.
    pub(super) slots: Vec<Slot>,
    /// Where amounts are going, ascending by feature.
    pub(super) trends: Vec<(u16, Trend)>,
}

impl Entity {
    /// Its features.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let mut rest = self.slots.as_slice();
        self.heads.iter().map(move |head| {
            let (slots, after) = rest.split_at_checked(usize::from(head.count)).unwrap_or((rest, &[]));
            rest = after;
            Key { head: *head, slots }
        })
    }

    pub(super) fn key(&self, feature: u16) -> Option<Key<'_>> {
        let at = self.heads.binary_search_by_key(&feature, |head| head.feature).ok()?;
        let head = self.heads.get(at)?;
        let from = self.start(at);
        Some(Key { head: *head, slots: self.slots.get(from..from + usize::from(head.count))? })
    }

    /// The weight of all its sightings.
    pub(super) fn total(&self) -> f64 {
        self.keys().map(|key| key.total()).sum()
    }

    /// Adds to a value at an hour; what comes late counts as much less as it is late.
    pub(super) fn add(&mut self, feature: u16, id: u64, weight: f64, hour: i32, half_life_h: f64) {
        let at = self.head(feature, hour);
        let late = self.fade(at, hour, half_life_h);
        let weight = (weight * late) as f32;
        let from = self.start(at);
        let count = self.heads.get(at).map_or(0, |head| usize::from(head.count));
        let own = self.slots.get_mut(from..from + count).unwrap_or_default();
        match own.binary_search_by_key(&id, Slot::id) {
            Ok(slot) => {
                if let Some(slot) = own.get_mut(slot) {
                    slot.weight += weight;
                }
            }
            Err(slot) => {
                // An eighth of room: few bytes a list at rest, few moves of one that grows.
                if self.slots.len() == self.slots.capacity() {
                    self.slots.reserve_exact(self.slots.len() / 8 + 1);
                }
                self.slots.insert(from + slot, Slot::new(id, weight));
                if let Some(head) = self.heads.get_mut(at) {
                    head.count += 1;
                }
                self.make_room(at, from, id);
            }
        }
    }

    /// The trend of an amount, made where there is none.
    pub(super) fn trend(&mut self, feature: u16, day: i32) -> Option<&mut Trend> {
        let at = match self.trends.binary_search_by_key(&feature, |one| one.0) {
            Ok(at) => at,
            Err(at) => {
                self.trends.reserve_exact(1);
                self.trends.insert(at, (feature, Trend { day, ..Trend::default() }));
                at
            }
        };
        self.trends.get_mut(at).map(|one| &mut one.1)
    }

    /// Takes in another's weights: as they are where this one has none, else both brought to the later hour and added.
    pub(super) fn merge(&mut self, other: &Self, half_life_h: f64) {
        self.peers = self.peers.max(other.peers);
        if self.heads.is_empty() && self.trends.is_empty() {
            *self = Self { peers: self.peers, ..other.clone() };
            return;
        }
        let mut faded = other.clone();
        for (at, theirs) in other.heads.iter().enumerate() {
            let own = self.head(theirs.feature, theirs.hour);
            self.fade(own, theirs.hour, half_life_h);
            let hour = self.heads.get(own).map_or(theirs.hour, |head| head.hour);
            faded.fade(at, hour, half_life_h);
        }
        for key in faded.keys() {
            let at = self.head(key.head.feature, key.head.hour);
            if let Some(head) = self.heads.get_mut(at) {
                head.others += key.head.others;
            }
            for slot in key.slots {
                self.add(key.head.feature, slot.id(), f64::from(slot.weight), key.head.hour, half_life_h);
            }
        }
        for (feature, trend) in &other.trends {
            match self.trends.binary_search_by_key(feature, |one| one.0) {
                Ok(at) => {
                    if let Some(own) = self.trends.get_mut(at) {
                        own.1.merge(trend);
                    }
                }
                Err(at) => self.trends.insert(at, (*feature, *trend)),
            }
        }
    }

    /// Where a feature's head stands, made where there is none.
    fn head(&mut self, feature: u16, hour: i32) -> usize {
        match self.heads.binary_search_by_key(&feature, |head| head.feature) {
            Ok(at) => at,
            Err(at) => {
                self.heads.reserve_exact(1);
                self.heads.insert(at, Head { feature, count: 0, hour, others: 0.0 });
                at
            }
        }
    }

    /// Where the values of the head at a place begin.
    fn start(&self, at: usize) -> usize {
        self.heads.iter().take(at).map(|head| usize::from(head.count)).sum()
    }

    /// Brings a feature's weights to a later hour. Gives what something of that hour weighs: 1, or less if the hour is past.
    fn fade(&mut self, at: usize, hour: i32, half_life_h: f64) -> f64 {
        let from = self.start(at);
        let Some(head) = self.heads.get_mut(at) else { return 1.0 };
        let passed = f64::from(hour) - f64::from(head.hour);
        if passed <= 0.0 {
            return (passed / half_life_h).exp2();
        }
        let keep = (-passed / half_life_h).exp2() as f32;
        head.others *= keep;
        head.hour = hour;
        for slot in self.slots.iter_mut().skip(from).take(usize::from(head.count)) {
            slot.weight *= keep;
        }
        1.0
    }

    /// Makes room: the lightest value goes, never the one that just came.
    fn make_room(&mut self, at: usize, from: usize, newest: u64) {
        let Some(head) = self.heads.get_mut(at).filter(|head| usize::from(head.count) > SLOTS_MAX) else { return };
        let own = self.slots.iter().enumerate().skip(from).take(usize::from(head.count));
        let lightest = own
            .filter(|(_, slot)| slot.id() != newest)
            .min_by(|a, b| a.1.weight.total_cmp(&b.1.weight).then(a.0.cmp(&b.0)))
            .map(|(place, _)| place);
        if let Some(place) = lightest {
            head.others += self.slots.remove(place).weight;
            head.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_halve_and_late_ones_count_less() {
        let mut entity = Entity::default();
        entity.add(0, 7, 1.0, 0, 24.0);
        entity.add(0, 8, 1.0, 24, 24.0);
        let key = entity.key(0).unwrap();
        assert_eq!((key.weight(7), key.weight(8), key.head.hour), (0.5, 1.0, 24));
        entity.add(0, 7, 1.0, 0, 24.0);
        let key = entity.key(0).unwrap();
        assert_eq!((key.weight(7), key.head.hour), (1.0, 24));
    }

    #[test]
    fn what_does_not_fit_is_others_and_features_stay_apart() {
        let mut entity = Entity::default();
        for id in 0..200 {
            for feature in [5, 2, 9] {
                entity.add(feature, id, 1.0, 0, 24.0);
                entity.add(feature, u64::from(feature), 1.0, 0, 24.0);
            }
        }
        assert_eq!(entity.keys().map(|key| key.head.feature).collect::<Vec<_>>(), [2, 5, 9]);
        for key in entity.keys() {
            assert_eq!(Some(key), entity.key(key.head.feature));
            assert_eq!((key.slots.len(), key.total()), (SLOTS_MAX, 400.0));
            assert_eq!((key.weight(u64::from(key.head.feature)), key.weight(199)), (201.0, 1.0));
        }
    }
}
