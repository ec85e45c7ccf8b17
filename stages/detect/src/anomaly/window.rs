//! What an entity does in one hour and in one day, while it is going on.
//!
//! Observations come in order of time, so all windows of an hour close when the next hour begins. Memory is bounded by what
//! can happen in an hour (a day, for the few daily measures), and by [`DIFFERENT_MAX`].

use rustc_hash::{FxHashMap, FxHashSet};
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

/// Different things already counted in open windows: (entity, measure, name).
#[derive(Clone, Debug, Default)]
pub(super) struct Different {
    seen: FxHashSet<(u32, Measure, u64)>,
}

impl Different {
    /// Whether this is new in its window.
    pub(super) fn is_new(&mut self, entity: u32, measure: Measure, value: u64) -> bool {
        self.seen.len() < DIFFERENT_MAX && self.seen.insert((entity, measure, value))
    }

    pub(super) fn clear(&mut self) {
        if self.seen.capacity() > DIFFERENT_MAX / 8 {
            self.seen = FxHashSet::default();
        } else {
            self.seen.clear();
        }
    }
}
