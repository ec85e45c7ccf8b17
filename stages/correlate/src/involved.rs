//! Whom and what an incident concerns: the most frequent entities of each kind, in bounded memory.
//!
//! Space-Saving (Metwally, Agrawal and El Abbadi 2005): a newcomer without room takes the place of the least frequent and
//! inherits its count as a possible error. Every entity that is truly more frequent than the error is kept; what is shown
//! is the count that is sure. Cost: a scan of at most [`Limits::involved`](crate::Limits) small slots where an entity
//! is not at its remembered place.

use std::sync::Arc;

use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::incident::Involved;
use shieldwall_schema::time::Timestamp;

/// The kinds, in the order of [`EntityKind`].
pub const KINDS: [EntityKind; 7] = [
    EntityKind::Host,
    EntityKind::User,
    EntityKind::Session,
    EntityKind::Process,
    EntityKind::Address,
    EntityKind::Hash,
    EntityKind::Domain,
];

/// One counted entity.
#[derive(Clone, Debug)]
struct Slot {
    key: u64,
    id: Arc<str>,
    count: u64,
    error: u64,
    first: Option<i64>,
    last: Option<i64>,
}

/// The counted entities of an incident.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    kinds: [Vec<Slot>; KINDS.len()],
    left_out: u64,
}

impl Counts {
    /// Counts an entity; `room` is how many of its kind may be kept. Says where it stands now, and whether a slot was added.
    pub fn add(
        &mut self,
        (key, kind, id): (u64, EntityKind, &Arc<str>),
        time: Option<i64>,
        hint: u32,
        room: usize,
    ) -> (u32, bool) {
        let Some(slots) = self.kinds.get_mut(kind as usize) else { return (hint, false) };
        let at = slots
            .get(hint as usize)
            .is_some_and(|slot| slot.key == key)
            .then_some(hint as usize)
            .or_else(|| slots.iter().position(|slot| slot.key == key));
        if let Some((at, slot)) = at.and_then(|at| Some((at, slots.get_mut(at)?))) {
            slot.count = slot.count.saturating_add(1);
            slot.last = slot.last.max(time);
            return (place(at), false);
        }
        let mut new = Slot { key, id: Arc::clone(id), count: 1, error: 0, first: time, last: time };
        if slots.len() < room.max(1) {
            slots.push(new);
            return (place(slots.len() - 1), true);
        }
        // The least frequent; of several the one seen last longest ago.
        let least = slots.iter().enumerate().min_by_key(|(_, slot)| (slot.count, slot.last, slot.key));
        let Some(at) = least.map(|(at, _)| at) else { return (hint, false) };
        self.left_out += 1;
        if let Some(slot) = slots.get_mut(at) {
            new.error = slot.count;
            new.count = slot.count.saturating_add(1);
            *slot = new;
        }
        (place(at), false)
    }

    /// Takes in the counts of an incident that merged into this one; how many slots the two now hold less.
    pub fn merge(&mut self, other: Self, room: usize) -> usize {
        let before = self.len() + other.len();
        self.left_out += other.left_out;
        for (slots, others) in self.kinds.iter_mut().zip(other.kinds) {
            for new in others {
                if let Some(slot) = slots.iter_mut().find(|slot| slot.key == new.key) {
                    slot.count = slot.count.saturating_add(new.count);
                    slot.error = slot.error.saturating_add(new.error);
                    slot.first = earlier(slot.first, new.first);
                    slot.last = slot.last.max(new.last);
                } else {
                    slots.push(new);
                }
            }
            if slots.len() > room {
                slots.sort_by(|left, right| {
                    (right.count, right.last, left.key).cmp(&(left.count, left.last, right.key))
                });
                self.left_out += u64::try_from(slots.len() - room).unwrap_or_default();
                slots.truncate(room);
            }
        }
        before.saturating_sub(self.len())
    }

    /// Slots in use.
    pub fn len(&self) -> usize {
        self.kinds.iter().map(Vec::len).sum()
    }

    /// The most frequent `shown` of each kind, and how many are not among them.
    pub fn finish(self, shown: usize) -> (Vec<Involved>, u64) {
        let mut out = Vec::new();
        let mut left_out = self.left_out;
        for (kind, mut slots) in KINDS.into_iter().zip(self.kinds) {
            let sure = |slot: &Slot| slot.count.saturating_sub(slot.error);
            slots.sort_by(|left, right| (sure(right), &left.id).cmp(&(sure(left), &right.id)));
            left_out += u64::try_from(slots.len().saturating_sub(shown)).unwrap_or_default();
            out.extend(slots.into_iter().take(shown).map(|slot| Involved {
                count: sure(&slot),
                entity: Entity { kind, id: slot.id.as_ref().to_owned() },
                first: slot.first.map(Timestamp::from_nanos),
                last: slot.last.map(Timestamp::from_nanos),
            }));
        }
        (out, left_out)
    }
}

/// The earlier of two times; none counts as unknown.
pub fn earlier(left: Option<i64>, right: Option<i64>) -> Option<i64> {
    left.into_iter().chain(right).min()
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counts: &mut Counts, key: u64, room: usize) {
        let id: Arc<str> = format!("192.0.2.{key}").into();
        counts.add((key, EntityKind::Address, &id), Some(1), u32::MAX, room);
    }

    #[test]
    fn heavy_ones_survive_a_million_others() {
        let mut counts = Counts::default();
        for round in 0..20_000 {
            count(&mut counts, 1_000_000 + round, 32);
            if round % 20 == 0 {
                count(&mut counts, 1, 32);
            }
            if round % 10 == 0 {
                count(&mut counts, 2, 32);
            }
        }
        let (shown, left_out) = counts.finish(8);
        let names: Vec<_> = shown.iter().take(2).map(|involved| involved.entity.id.as_str()).collect();
        assert_eq!(names, ["192.0.2.2", "192.0.2.1"]);
        assert!(shown[0].count <= 2000 && shown[0].count > 500, "{}", shown[0].count);
        assert!(left_out > 19_000);
    }

    #[test]
    fn few_are_counted_exactly() {
        let mut counts = Counts::default();
        for key in [1, 2, 2, 3, 3, 3] {
            count(&mut counts, key, 4);
        }
        let (shown, left_out) = counts.finish(2);
        assert_eq!(shown.iter().map(|involved| involved.count).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(left_out, 1);
    }
}
