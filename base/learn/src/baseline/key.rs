//! One entity's one feature: a few values with decayed weights.
//!
//! Weights count half after each half-life of event time; they are brought to the key's own hour when it is touched, so a key
//! at rest costs nothing. At most [`SLOTS_MAX`] values are kept; the lightest makes room and its weight goes to `others`,
//! which stands for everything seen once or long ago. 12 bytes a value and 32 a key.

/// Values kept for a key: what people and hosts do habitually fits; what has more is not told by its values but by how many.
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

/// One entity's one feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) feature: u16,
    /// Event hour (seconds / 3600) that weights are as of.
    pub(super) hour: i32,
    /// Weight of values that are not kept.
    pub(super) others: f32,
    /// Ascending by id.
    pub(super) slots: Box<[Slot]>,
}

impl Key {
    pub(super) fn new(feature: u16, hour: i32) -> Self {
        Self { feature, hour, others: 0.0, slots: Box::default() }
    }

    /// The weight of all sightings.
    pub(super) fn total(&self) -> f64 {
        f64::from(self.others) + self.slots.iter().map(|slot| f64::from(slot.weight)).sum::<f64>()
    }

    /// The weight of one value.
    pub(super) fn weight(&self, id: u64) -> f64 {
        let at = self.slots.binary_search_by_key(&id, Slot::id).ok();
        at.and_then(|at| self.slots.get(at)).map_or(0.0, |slot| f64::from(slot.weight))
    }

    /// Adds to a value at an hour; what comes late counts as much less as it is late.
    pub(super) fn add(&mut self, id: u64, weight: f64, hour: i32, half_life_h: f64) {
        let late = self.fade_to(hour, half_life_h);
        let weight = (weight * late) as f32;
        match self.slots.binary_search_by_key(&id, Slot::id) {
            Ok(at) => {
                if let Some(slot) = self.slots.get_mut(at) {
                    slot.weight += weight;
                }
            }
            Err(at) => {
                let mut slots = std::mem::take(&mut self.slots).into_vec();
                slots.reserve_exact(1);
                slots.insert(at, Slot::new(id, weight));
                self.slots = slots.into_boxed_slice();
                self.shrink(id);
            }
        }
    }

    /// Brings the weights to a later hour. Gives what something of that hour weighs: 1, or less if the hour is past.
    pub(super) fn fade_to(&mut self, hour: i32, half_life_h: f64) -> f64 {
        let passed = f64::from(hour) - f64::from(self.hour);
        if passed <= 0.0 {
            return (passed / half_life_h).exp2();
        }
        let keep = (-passed / half_life_h).exp2() as f32;
        self.slots.iter_mut().for_each(|slot| slot.weight *= keep);
        self.others *= keep;
        self.hour = hour;
        1.0
    }

    /// Takes in another key's weights.
    pub(super) fn merge(&mut self, other: &Self, half_life_h: f64) {
        let mut other = other.clone();
        self.fade_to(other.hour, half_life_h);
        other.fade_to(self.hour, half_life_h);
        self.others += other.others;
        for slot in &other.slots {
            self.add(slot.id(), f64::from(slot.weight), self.hour, half_life_h);
        }
    }

    /// Makes room: the lightest value goes, never the one that just came.
    fn shrink(&mut self, newest: u64) {
        if self.slots.len() <= SLOTS_MAX {
            return;
        }
        let lightest = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.id() != newest)
            .min_by(|a, b| a.1.weight.total_cmp(&b.1.weight).then(a.0.cmp(&b.0)))
            .map(|(at, _)| at);
        if let Some(at) = lightest {
            let mut slots = std::mem::take(&mut self.slots).into_vec();
            self.others += slots.remove(at).weight;
            self.slots = slots.into_boxed_slice();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_halve_and_late_ones_count_less() {
        let mut key = Key::new(0, 0);
        key.add(7, 1.0, 0, 24.0);
        key.add(8, 1.0, 24, 24.0);
        assert_eq!((key.weight(7), key.weight(8), key.hour), (0.5, 1.0, 24));
        key.add(7, 1.0, 0, 24.0);
        assert_eq!((key.weight(7), key.hour), (1.0, 24));
    }

    #[test]
    fn what_does_not_fit_is_others_and_nothing_is_lost() {
        let mut key = Key::new(0, 0);
        for id in 0..200 {
            key.add(id, 1.0, 0, 24.0);
            key.add(3, 1.0, 0, 24.0);
        }
        assert_eq!((key.slots.len(), key.total()), (SLOTS_MAX, 400.0));
        assert_eq!((key.weight(3), key.weight(199)), (201.0, 1.0));
    }
}
