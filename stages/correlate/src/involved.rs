//! Whom and what an incident concerns: the most frequent entities of each kind, in bounded memory.
//!
//! What is counted stands first in the tally of the open entity and is written here when that goes to another incident,
//! leaves the table, or all ends. So a match costs nothing here. The table keeps the frequent, so what is written in pieces is
//! rare; a newcomer without room takes the place of the least frequent if it is more frequent. Counts are exact where
//! nothing was left out, else lower bounds. Cost of writing: a scan of at most [`Limits::involved`](crate::Limits) slots.

use std::sync::Arc;

use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::incident::Involved;
use shieldwall_schema::time::Timestamp;

use crate::entities::Open;

/// The kinds, in the order of [`EntityKind`].
pub const KINDS: [EntityKind; 8] = [
    EntityKind::Host,
    EntityKind::User,
    EntityKind::Session,
    EntityKind::Process,
    EntityKind::Address,
    EntityKind::Hash,
    EntityKind::Domain,
    EntityKind::Connection,
];

/// One counted entity.
#[derive(Clone, Debug)]
struct Slot {
    key: u64,
    id: Arc<str>,
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
}

/// The counted entities of an incident.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    kinds: [Vec<Slot>; KINDS.len()],
    /// For each kind, when there is no room: no slot's count is below this.
    least: [u64; KINDS.len()],
    left_out: u64,
}

impl Counts {
    /// Counts what an entity's tally holds; `room` is how many of its kind may be kept. Says whether a slot was added.
    pub fn add(&mut self, open: &Open, room: usize) -> bool {
        let tally = &open.tally;
        let count = u64::from(tally.count);
        let kind = open.kind as usize;
        let (Some(slots), Some(least_known)) = (self.kinds.get_mut(kind), self.least.get_mut(kind)) else {
            return false;
        };
        // Most of a crowd ends here. One that has a slot and comes back is counted short, as said above.
        if slots.len() >= room && count <= *least_known {
            self.left_out += 1;
            return false;
        }
        if let Some(slot) = slots.iter_mut().find(|slot| slot.key == open.key) {
            slot.count = slot.count.saturating_add(count);
            slot.first = earlier(slot.first, tally.first());
            slot.last = slot.last.max(tally.last());
            return false;
        }
        let id = Arc::clone(&open.id);
        let new = Slot { key: open.key, id, count, first: tally.first(), last: tally.last() };
        if slots.len() < room.max(1) {
            slots.push(new);
            return true;
        }
        // The least frequent; of several the one seen last longest ago.
        let least = slots.iter_mut().min_by_key(|slot| (slot.count, slot.last, slot.key));
        self.left_out += 1;
        if let Some(slot) = least {
            *least_known = slot.count;
            if slot.count < count {
                *slot = new;
            }
        }
        false
    }

    /// Takes in the counts of an incident that merged into this one; how many slots the two now hold less.
    pub fn merge(&mut self, other: Self, room: usize) -> usize {
        let before = self.len() + other.len();
        self.least = [0; KINDS.len()];
        self.left_out += other.left_out;
        for (slots, others) in self.kinds.iter_mut().zip(other.kinds) {
            for new in others {
                if let Some(slot) = slots.iter_mut().find(|slot| slot.key == new.key) {
                    slot.count = slot.count.saturating_add(new.count);
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

    /// Forgets all.
    pub fn clear(&mut self) {
        self.kinds.iter_mut().for_each(Vec::clear);
        self.least = [0; KINDS.len()];
        self.left_out = 0;
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
            slots.sort_by(|left, right| (right.count, &left.id).cmp(&(left.count, &right.id)));
            left_out += u64::try_from(slots.len().saturating_sub(shown)).unwrap_or_default();
            out.extend(slots.into_iter().take(shown).map(|slot| Involved {
                count: slot.count,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::{Table, Tally};

    fn count(counts: &mut Counts, number: u64, count: u32, room: usize) {
        let mut table = Table::new(64);
        let at = table.place(EntityKind::Address, &format!("192.0.2.{number}"), 0);
        let open = table.get_mut(at).unwrap();
        open.tally = Tally::default();
        (0..count).for_each(|_| open.tally.add(0, Some(1)));
        counts.add(open, room);
    }

    #[test]
    fn the_frequent_survive_many_others() {
        let mut counts = Counts::default();
        for number in 0..20_000 {
            let count_of = if number == 19_000 {
                900
            } else if number == 3 {
                800
            } else {
                1
            };
            count(&mut counts, number, count_of, 16);
        }
        let (shown, left_out) = counts.finish(2);
        let shown: Vec<_> = shown.iter().map(|involved| (involved.entity.id.as_str(), involved.count)).collect();
        assert_eq!(shown, [("192.0.2.19000", 900), ("192.0.2.3", 800)]);
        assert_eq!(left_out, 19_998);
    }

    #[test]
    fn few_are_counted_exactly() {
        let mut counts = Counts::default();
        for number in [1, 2, 2, 3, 3, 3] {
            count(&mut counts, number, 1, 4);
        }
        let (shown, left_out) = counts.finish(2);
        assert_eq!(shown.iter().map(|involved| involved.count).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(left_out, 1);
    }
}
