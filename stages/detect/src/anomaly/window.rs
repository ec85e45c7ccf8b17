//! What an entity does in one hour and in one day, while it is going on.
//!
//! Observations come in order of time, so all windows of an hour close when the next hour begins. Memory is bounded by what
//! can happen in an hour (a day, for the few daily measures), and by [`DIFFERENT_MAX`]. Windows that were closed are opened
//! again for others: an entity's place is found by its number, and what it does takes no memory of its own each hour.

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

/// Closed windows whose memory is kept for the next hour: what a busy hour took beyond it is given back.
const WINDOWS_KEPT_MAX: usize = 512;

/// Facts that a closed window keeps room for.
const FACTS_KEPT_MAX: usize = 64;

/// When, how often, and which records.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub count: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// The first records, and how many they are.
    pub records: [Option<(u32, Place)>; EVIDENCE_MAX],
    pub held: usize,
    /// Records behind these, of traces that were joined.
    pub joined: Vec<(u32, Place)>,
}

impl Trace {
    pub(super) fn add(&mut self, count: u64, time: Option<Timestamp>, source: u32, place: Place) {
        self.count = self.count.saturating_add(count);
        self.first = self.first.or(time);
        self.last = time.or(self.last);
        if let Some(record) = self.records.get_mut(self.held).filter(|_| self.joined.is_empty()) {
            *record = Some((source, place));
            self.held += 1;
        }
    }

    pub(super) fn join(&mut self, other: &Trace) {
        self.count = self.count.saturating_add(other.count);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last = self.last.max(other.last);
        self.joined.extend(other.evidence());
    }

    /// The records that show it.
    pub(super) fn evidence(&self) -> impl Iterator<Item = (u32, Place)> {
        self.records.iter().flatten().chain(&self.joined).copied()
    }
}

/// Windows that are open, by their entities' numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Open<W> {
    /// For each entity, its window's place in `windows` plus one; 0 where it has none.
    places: Vec<u32>,
    /// Entities with open windows; each one's window stands at the same place.
    entities: Vec<u32>,
    /// Open windows, and behind them closed ones to be used again.
    windows: Vec<W>,
}

impl<W: Default + Reused> Open<W> {
    /// The place of an entity's window, which is opened if it is not.
    pub(super) fn place(&mut self, entity: u32) -> usize {
        let at = entity as usize;
        if self.places.len() <= at {
            self.places.resize(at + 1, 0);
        }
        let Some(place) = self.places.get_mut(at) else { return 0 };
        if *place == 0 {
            self.entities.push(entity);
            *place = self.entities.len() as u32;
            if self.windows.len() < self.entities.len() {
                self.windows.push(W::default());
            }
        }
        *place as usize - 1
    }

    /// The window at a place.
    pub(super) fn at(&mut self, place: usize) -> Option<&mut W> {
        self.windows.get_mut(place)
    }

    /// Closes all windows, in the order of their entities' numbers.
    pub(super) fn close(&mut self, mut each: impl FnMut(u32, &mut W)) {
        let mut entities = std::mem::take(&mut self.entities);
        entities.sort_unstable();
        for entity in &entities {
            let Some(place) = self.places.get_mut(*entity as usize) else { continue };
            let at = std::mem::take(place) as usize;
            if let Some(window) = at.checked_sub(1).and_then(|at| self.windows.get_mut(at)) {
                each(*entity, window);
                window.reuse();
            }
        }
        entities.clear();
        if self.windows.len() > WINDOWS_KEPT_MAX {
            self.windows.truncate(WINDOWS_KEPT_MAX);
            self.windows.shrink_to_fit();
            entities = Vec::new();
        }
        self.entities = entities;
    }
}

/// What can be emptied and filled anew, in the same memory.
pub(super) trait Reused {
    /// Empties it.
    fn reuse(&mut self);
}

/// How much an entity did, by measure.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    list: Vec<Amount>,
    /// While judging: the records that show each of them.
    traces: Vec<Trace>,
}

/// How much of one measure.
#[derive(Clone, Debug)]
struct Amount {
    measure: Measure,
    value: u64,
    /// The different things, where those are counted: exactly while few, then to some 2 %.
    different: Distinct,
}

impl Amounts {
    /// Adds an amount, or a thing of which the different ones are counted; `told_apart` counts those of all windows. Gives the
    /// trace of what there was more of, while judging.
    pub(super) fn add(
        &mut self,
        measure: Measure,
        value: u64,
        judging: bool,
        told_apart: &mut usize,
    ) -> Option<&mut Trace> {
        let different = measure.facts().different;
        if different && *told_apart >= DIFFERENT_MAX || !different && value == 0 {
            return None;
        }
        let at = self.list.iter().position(|have| have.measure == measure).unwrap_or_else(|| {
            self.list.push(Amount { measure, value: 0, different: Distinct::default() });
            if judging {
                self.traces.push(Trace::default());
            }
            self.list.len() - 1
        });
        let amount = self.list.get_mut(at)?;
        if !different {
            amount.value = amount.value.saturating_add(value);
        } else if amount.different.add(spread(value)) {
            *told_apart += 1;
            amount.value = amount.different.count().round() as u64;
        } else {
            return None;
        }
        self.traces.get_mut(at)
    }

    /// Puts them in the order of their measures.
    pub(super) fn sort(&mut self) {
        let mut order: Vec<(Measure, usize)> = self.list.iter().map(|amount| amount.measure).zip(0..).collect();
        if !order.is_sorted() {
            order.sort_unstable();
            self.list.sort_by_key(|amount| amount.measure);
            let mut traces = std::mem::take(&mut self.traces);
            self.traces = order.into_iter().filter_map(|(_, at)| traces.get_mut(at).map(std::mem::take)).collect();
        }
    }

    /// Each measure with its amount.
    pub(super) fn each(&self) -> impl Iterator<Item = (Measure, u64)> {
        self.list.iter().map(|amount| (amount.measure, amount.value))
    }

    /// The same with what shows it, where that was kept.
    pub(super) fn shown(&self) -> impl Iterator<Item = (Measure, u64, &Trace)> {
        self.each().zip(&self.traces).map(|((measure, value), trace)| (measure, value, trace))
    }
}

impl Reused for Amounts {
    fn reuse(&mut self) {
        self.list.clear();
        self.traces.clear();
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
    pub amounts: Amounts,
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

impl Reused for Window {
    fn reuse(&mut self) {
        self.keys.clear();
        self.keys.shrink_to(2 * KEYS_UNSETTLED_MAX);
        self.settled = 0;
        self.facts.clear();
        self.facts.shrink_to(FACTS_KEPT_MAX);
        self.amounts.reuse();
        self.with.clear();
        self.texts = [0; 4];
        self.strange.clear();
        self.host = 0;
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
        let (mut amounts, mut told_apart) = (Amounts::default(), 0);
        let now = |amounts: &Amounts| amounts.each().next().map_or(0, |(_, value)| value);
        for value in (0..20_000u64).chain(0..20_000) {
            amounts.add(Measure::PortsHour, value, false, &mut told_apart);
            if value == 199 {
                assert_eq!(now(&amounts).min(200), 200);
            }
        }
        assert!((18_500..21_500).contains(&now(&amounts)), "{}", now(&amounts));
        let mut other = Amounts::default();
        assert!(other.add(Measure::PortsHour, 1, true, &mut told_apart).is_some());
        assert!(other.add(Measure::PortsHour, 1, true, &mut told_apart).is_none());
        assert_eq!(now(&other), 1);
        other.reuse();
        let mut full = DIFFERENT_MAX;
        assert!(other.add(Measure::PortsHour, 1, true, &mut full).is_none());
        assert!(other.add(Measure::BytesOutHour, 0, true, &mut full).is_none());
        assert_eq!(other.each().count(), 0);
    }

    #[test]
    fn windows_close_in_the_order_of_their_entities_and_begin_empty() {
        let mut open: Open<Window> = Open::default();
        for round in 0..3 {
            for entity in [7, 2, 9000, 2, 5] {
                let place = open.place(entity);
                let window = open.at(place).unwrap();
                window.saw(entity);
                window.with(0, round);
                window.amounts.add(Measure::FilesHour, 1, true, &mut 0);
            }
            let mut closed = Vec::new();
            open.close(|entity, window| {
                assert_eq!(window.keys(), [entity]);
                assert_eq!(window.with, [(0, round)]);
                closed.push((entity, window.amounts.shown().map(|(_, value, _)| value).sum::<u64>()));
            });
            assert_eq!(closed, [(2, 2), (5, 1), (7, 1), (9000, 1)]);
        }
        (0..2 * WINDOWS_KEPT_MAX as u32).for_each(|entity| {
            open.place(entity);
        });
        open.close(|_, _| {});
        assert_eq!((open.windows.len(), open.entities.len()), (WINDOWS_KEPT_MAX, 0));
    }

    #[test]
    fn evidence_is_the_first_records_and_what_was_joined() {
        let mut one = Trace::default();
        (0..9).for_each(|at| one.add(1, None, 0, Place::offset(at)));
        let mut two = one.clone();
        two.join(&one);
        let offsets = |trace: &Trace| trace.evidence().map(|(_, place)| place.offset).collect::<Vec<_>>();
        assert_eq!((offsets(&one), one.count), (vec![0, 1, 2, 3], 9));
        assert_eq!((offsets(&two), two.count), (vec![0, 1, 2, 3, 0, 1, 2, 3], 18));
    }
}
