//! One worker's memory for evaluating events: grown to the greatest group once, then reused without a single allocation.
//!
//! Nothing is cleared between events. Every mark carries the number of the event that made it, and a mark with another
//! number does not count.

use std::sync::Arc;

use super::group::Group;
use super::matcher::Groups;
use super::memo::Memo;

/// What one worker needs to evaluate events. Made by `Scratch::default()`; never shared between threads.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The groups of `owner` that this worker has met, by handle: no lock is taken for an event of a known group.
    pub(super) groups: Vec<Option<Arc<Group>>>,
    /// Whose groups they are.
    pub(super) owner: Option<Arc<Groups>>,
    /// The marks.
    pub(super) marks: Marks,
    /// What the index said of values that come again.
    pub(super) memo: Memo,
    /// Marks of one value alone, while its entries are written down.
    pub(super) alone: Marks,
}

/// Marks of the event under evaluation.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The event's number, twice: the lowest bit is free for a truth value.
    event: u32,
    /// Atom → its truth in the event.
    atoms: Vec<u32>,
    /// Index entry → seen in the event.
    entries: Vec<u32>,
    /// Member → already a candidate.
    members: Vec<u32>,
    /// Slot → (event, position of its last value).
    slots: Vec<(u32, u32)>,
    /// Value → position of the value of the same slot before it, plus one; 0 for none.
    chain: Vec<u32>,
    /// The members to evaluate.
    pub(super) candidates: Vec<u32>,
    /// The entries met so far, in order, where they are written down.
    pub(super) met: Option<Vec<u32>>,
    /// A regex over its limits was asked for.
    pub(super) broken: bool,
}

impl Marks {
    /// Begins the next event of a group of these sizes.
    pub(super) fn begin(&mut self, atoms: usize, entries: usize, members: usize, slots: usize) {
        self.event = match self.event.checked_add(2) {
            Some(next) => next,
            None => {
                // Two thousand million events: old marks could be taken for new ones.
                self.atoms.fill(0);
                self.entries.fill(0);
                self.members.fill(0);
                self.slots.fill((0, 0));
                2
            }
        };
        let grow = |marks: &mut Vec<u32>, size: usize| {
            if marks.len() < size {
                marks.resize(size, 0);
            }
        };
        grow(&mut self.atoms, atoms);
        grow(&mut self.entries, entries);
        grow(&mut self.members, members);
        if self.slots.len() < slots {
            self.slots.resize(slots, (0, 0));
        }
        self.chain.clear();
        self.candidates.clear();
        self.broken = false;
    }

    /// Notes the next value, in the order of the event's slots.
    pub(super) fn value(&mut self, slot: u16) {
        let at = self.chain.len() as u32;
        let before = match self.slots.get_mut(usize::from(slot)) {
            Some((event, last)) if *event == self.event => std::mem::replace(last, at) + 1,
            Some(mark) => {
                *mark = (self.event, at);
                0
            }
            None => 0,
        };
        self.chain.push(before);
    }

    /// The position of a slot's last value.
    pub(super) fn last_of(&self, slot: u16) -> Option<u32> {
        self.slots.get(usize::from(slot)).filter(|(event, _)| *event == self.event).map(|(_, last)| *last)
    }

    /// The position of the value of the same slot before this one.
    pub(super) fn before(&self, value: u32) -> Option<u32> {
        self.chain.get(value as usize).and_then(|before| before.checked_sub(1))
    }

    /// Marks an index entry; false if it was marked already.
    pub(super) fn first_of_entry(&mut self, entry: u32) -> bool {
        let first = Self::first(&mut self.entries, entry, self.event);
        if first && let Some(met) = &mut self.met {
            met.push(entry);
        }
        first
    }

    /// Whether an index entry was seen.
    pub(super) fn entry_seen(&self, entry: u32) -> bool {
        self.entries.get(entry as usize) == Some(&self.event)
    }

    /// Makes a member a candidate, once.
    pub(super) fn candidate(&mut self, member: u32) {
        if Self::first(&mut self.members, member, self.event) {
            self.candidates.push(member);
        }
    }

    fn first(marks: &mut [u32], at: u32, event: u32) -> bool {
        match marks.get_mut(at as usize) {
            Some(mark) if *mark != event => {
                *mark = event;
                true
            }
            _ => false,
        }
    }

    /// An atom's truth, if known.
    pub(super) fn known(&self, atom: u32) -> Option<bool> {
        let mark = *self.atoms.get(atom as usize)?;
        (mark | 1 == self.event | 1).then_some(mark & 1 == 1)
    }

    /// Notes an atom's truth.
    pub(super) fn learn(&mut self, atom: u32, holds: bool) {
        if let Some(mark) = self.atoms.get_mut(atom as usize) {
            *mark = self.event | u32::from(holds);
        }
    }

    #[cfg(test)]
    pub(super) fn set_event(&mut self, event: u32) {
        self.event = event;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_other_events_do_not_count() {
        let mut marks = Marks::default();
        marks.begin(2, 2, 2, 2);
        marks.learn(0, true);
        marks.learn(1, false);
        assert!(marks.first_of_entry(1) && !marks.first_of_entry(1));
        marks.candidate(1);
        marks.candidate(1);
        marks.value(1);
        marks.value(1);
        assert_eq!(
            (marks.known(0), marks.known(1), marks.candidates.as_slice()),
            (Some(true), Some(false), [1].as_slice())
        );
        assert_eq!(
            (marks.last_of(1), marks.before(1), marks.before(0), marks.last_of(0)),
            (Some(1), Some(0), None, None)
        );
        // The last number before they begin anew, and the first after.
        for _ in 0..2 {
            marks.begin(2, 2, 2, 2);
            assert_eq!((marks.known(0), marks.known(1), marks.last_of(1)), (None, None, None));
            assert!(marks.first_of_entry(1));
            marks.learn(0, true);
            marks.value(1);
            marks.candidate(1);
            assert_eq!(marks.candidates, [1]);
            marks.set_event(u32::MAX - 1);
        }
    }
}
