//! What an entity does in one hour and in one day, while it is going on.
//!
//! Observations come in order of time, so all windows of an hour close when the next hour begins. Memory is bounded by what
//! can happen in an hour (a day, for the few daily measures), and by [`DIFFERENT_MAX`].

use rustc_hash::FxHashMap;
use shieldwall_learn::sketch::Distinct;
use shieldwall_schema::{Place, Timestamp};

use super::measures::Measure;

/// Records that show one thing, kept as evidence.
pub(super) const EVIDENCE_MAX: usize = 4;

/// Different things that all open windows together tell apart; beyond it counts of different things stand still.
pub(super) const DIFFERENT_MAX: usize = 4_000_000;

/// Other entities that a window names.
const WITH_MAX: usize = 12;

/// Facts that are noted before they are put in order.
const KEYS_UNSETTLED_MAX: usize = 256;

/// When, how often, and which records.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub count: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub evidence: Vec<(u32, Place)>,
}

impl Trace {
    pub(super) fn add(&mut self, count: u64, time: Option<Timestamp>, source: u32, place: Place) {
        self.count = self.count.saturating_add(count);
        self.first = self.first.or(time);
        self.last = time.or(self.last);
        if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push((source, place));
        }
    }

    pub(super) fn join(&mut self, other: &Trace) {
        self.count = self.count.saturating_add(other.count);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last = self.last.max(other.last);
        self.evidence.extend(other.evidence.iter().copied());
    }
}

/// A text that a model found strange.
#[derive(Clone, Debug)]
pub(super) struct StrangeText {
    pub kind: super::facts::Text,
    pub p_value: f64,
    pub words: String,
    pub trace: Trace,
}

/// What one entity did in the open hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// While learning: numbers of the facts seen, sorted and each once by [`Window::keys`].
    keys: Vec<u32>,
    /// How many of `keys` are sorted and single.
    settled: usize,
    /// While judging: facts by their number; the ordinary ones without a trace.
    pub facts: FxHashMap<u32, Option<Box<Trace>>>,
    /// Amounts by measure.
    pub amounts: FxHashMap<Measure, (u64, Trace)>,
    /// Entities that stand in the same records, for the finding: (kind, name).
    pub with: Vec<(u8, u32)>,
    /// Texts scored, by kind, and the strange ones.
    pub texts: [u32; 4],
    pub strange: Vec<StrangeText>,
    /// Host of its records, if one.
    pub host: u32,
}

impl Window {
    /// While learning: a fact was seen.
    pub(super) fn saw(&mut self, key: u32) {
        self.keys.push(key);
        // What repeats takes no memory: twice what is known, and it is put in order.
        if self.keys.len() > 2 * self.settled + KEYS_UNSETTLED_MAX {
            self.settle();
        }
    }

    /// While learning: the facts seen, sorted, each once.
    pub(super) fn keys(&mut self) -> &[u32] {
        self.settle();
        &self.keys
    }

    fn settle(&mut self) {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.settled = self.keys.len();
    }

    pub(super) fn with(&mut self, kind: u8, name: u32) {
        if self.with.len() < WITH_MAX && !self.with.contains(&(kind, name)) {
            self.with.push((kind, name));
        }
    }
}

/// How many different things open windows hold, by entity and measure: exactly while few, then to some 2 %.
#[derive(Clone, Debug, Default)]
pub(super) struct Different {
    sets: FxHashMap<(u32, Measure), Distinct>,
    /// Things told apart, over all sets.
    told_apart: usize,
}

impl Different {
    /// Adds a thing: how many there are now, where it was new.
    pub(super) fn add(&mut self, entity: u32, measure: Measure, value: u64) -> Option<u64> {
        if self.told_apart >= DIFFERENT_MAX {
            return None;
        }
        let set = self.sets.entry((entity, measure)).or_default();
        if !set.add(spread(value)) {
            return None;
        }
        self.told_apart += 1;
        Some(set.count().round() as u64)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Neighbouring numbers → hashes that are nothing alike (Vigna's splitmix64).
fn spread(value: u64) -> u64 {
    let mut hash = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_things_are_counted_each_once_and_closely() {
        let mut different = Different::default();
        let mut last = 0;
        for value in (0..20_000u64).chain(0..20_000) {
            last = different.add(7, Measure::PortsHour, value).unwrap_or(last);
            if value == 199 {
                assert_eq!(last.min(200), 200);
            }
        }
        assert!((18_500..21_500).contains(&last), "{last}");
        assert_eq!(different.add(8, Measure::PortsHour, 1), Some(1));
        assert_eq!(different.add(8, Measure::PortsHour, 1), None);
        different.clear();
        assert_eq!(different.add(8, Measure::PortsHour, 1), Some(1));
    }
}
