//! What the index said of values that come again and again: user agents, images, channels, accounts.
//!
//! A value that was seen before in the same slot of the same group meets the same entries. A worker keeps the answers for
//! some hundreds of values; a value is kept when it comes a second time, so values that never come again cost one hash and
//! one comparison of it. Whole values are compared, never only their hashes: an attacker who knows the hash gains nothing
//! but a little of the time that the index takes anyway.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Lines of the table; a power of two.
const LINES: usize = 2048;
/// Shorter values are looked up as quickly as remembered.
const VALUE_BYTES_MIN: usize = 12;
/// Longer values seldom come again, and would take memory: the table holds at most [`LINES`] times this and the entries.
const VALUE_BYTES_MAX: usize = 512;
/// Values that meet more entries are not kept.
const ENTRIES_MAX: usize = 128;

/// A worker's table.
#[derive(Debug, Default)]
pub(super) struct Memo {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Default)]
struct Line {
    /// The hash of the value that came last to this line and is not kept.
    passing: u64,
    /// Group and slot of the value that is kept.
    owner: (u32, u16),
    value: Box<[u8]>,
    entries: Box<[u32]>,
}

/// What is known of a value.
pub(super) enum Known<'m> {
    /// The entries that it meets.
    Entries(&'m [u32]),
    /// Nothing yet, but it came before: worth keeping, at this line.
    Again(usize),
    /// Nothing.
    Nothing,
}

impl Memo {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
    }

    /// What is known of a value of a group's slot.
    #[inline]
    pub(super) fn find(&mut self, group: u32, slot: u16, value: &[u8]) -> Known<'_> {
        if !(VALUE_BYTES_MIN..=VALUE_BYTES_MAX).contains(&value.len()) {
            return Known::Nothing;
        }
        if self.lines.is_empty() {
            self.lines.resize(LINES, Line::default());
        }
        let mut hasher = FxHasher::default();
        hasher.write(value);
        hasher.write_u64(u64::from(group) << 16 | u64::from(slot));
        let hash = hasher.finish();
        let at = (hash >> 40) as usize % LINES;
        let Some(line) = self.lines.get_mut(at) else { return Known::Nothing };
        if line.owner == (group, slot) && *line.value == *value {
            return Known::Entries(&line.entries);
        }
        if line.passing == hash {
            return Known::Again(at);
        }
        line.passing = hash;
        Known::Nothing
    }

    /// Keeps a value's entries.
    pub(super) fn keep(&mut self, at: usize, group: u32, slot: u16, value: &[u8], entries: &[u32]) {
        if entries.len() <= ENTRIES_MAX
            && let Some(line) = self.lines.get_mut(at)
        {
            *line = Line { passing: 0, owner: (group, slot), value: value.into(), entries: entries.into() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_when_it_comes_again_and_only_for_its_slot() {
        let mut memo = Memo::default();
        let value = b"a value that comes again";
        assert!(matches!(memo.find(1, 2, value), Known::Nothing));
        let Known::Again(at) = memo.find(1, 2, value) else { panic!("not known as coming again") };
        memo.keep(at, 1, 2, value, &[7, 9]);
        assert!(matches!(memo.find(1, 2, value), Known::Entries([7, 9])));
        assert!(!matches!(memo.find(1, 3, value), Known::Entries(_)));
        assert!(!matches!(memo.find(2, 2, value), Known::Entries(_)));
        assert!(!matches!(memo.find(1, 2, b"another value altogether"), Known::Entries(_)));
        assert!(matches!(memo.find(1, 2, b"short"), Known::Nothing));
    }
}
