//! What is kept of a group to know when the condition holds.
//!
//! Of matches that are only counted no more is kept than the condition asks for: the last `n` matches decide whether
//! there are `n` in the window, the `n` values seen last whether there are `n` different ones. So a flood costs constant
//! time and bounded memory a match, and the verdict is exact.

use std::collections::{HashMap, HashSet, VecDeque};

use sha2::{Digest, Sha256};
use shieldwall_schema::event::fold_into;

use super::firing::MemberRef;
use super::limits::{
    MEMBERS_MAX, NUMBERS_MAX, SUM_ENTRIES_MAX, VALUE_BYTES_MAX, VALUES_PER_MATCH_MAX, VALUES_SHOWN_MAX,
};
use super::plan::Watch;
use crate::sigma::ir::CorrelationKind;
use crate::sigma::load::limits::{CORRELATION_FIELDS_MAX, CORRELATION_VALUES_MAX};

/// A match in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// When it counts: its own time, or that of the latest match before it if it came late.
    pub at: i64,
    pub member: MemberRef,
}

/// A match on its way into a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub entry: Entry,
    /// Which member of the correlation matched.
    pub member: usize,
    /// Where the values of the condition's fields stand in `values`.
    pub fields: &'a [usize],
    pub values: &'a [Vec<String>],
}

/// What came of a match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pushed {
    /// It has no value, or no number, that could be counted.
    Ignored,
    /// The condition does not hold.
    No,
    /// It holds with this value; `at_least` if a limit kept more from being counted.
    Holds { value: f64, at_least: bool },
}

/// What is kept of a group whose condition more matches can only make true.
#[derive(Debug)]
pub(super) enum Window {
    Count(VecDeque<Entry>),
    Values(Values),
    Sum(Sum),
    Temporal(Vec<Option<Entry>>),
    Ordered(Vec<Step>),
}

impl Window {
    pub(super) fn new(watch: &Watch) -> Self {
        match watch.kind {
            CorrelationKind::ValueCount => Self::Values(Values::default()),
            CorrelationKind::ValueSum => Self::Sum(Sum::default()),
            CorrelationKind::Temporal => Self::Temporal(vec![None; watch.members.len()]),
            CorrelationKind::TemporalOrdered => {
                let mut steps = Vec::new();
                steps.resize_with(watch.members.len(), Step::default);
                Self::Ordered(steps)
            }
            _ => Self::Count(VecDeque::new()),
        }
    }

    /// How much is kept.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Count(ring) => ring.len(),
            Self::Values(values) => values.recency.len(),
            Self::Sum(sum) => sum.entries.len(),
            Self::Temporal(last) => last.len(),
            Self::Ordered(steps) => steps.iter().map(|step| 1 + step.chain.len() + step.before.len()).sum(),
        }
    }

    /// Takes a match and says whether the condition holds now.
    pub(super) fn push(&mut self, watch: &Watch, input: &Input<'_>) -> Pushed {
        let Entry { at, .. } = input.entry;
        let from = at.saturating_sub(watch.span);
        match self {
            Self::Count(ring) => {
                if ring.len() >= watch.need {
                    ring.pop_front();
                }
                ring.push_back(input.entry);
                let holds = ring.len() >= watch.need && ring.front().is_some_and(|first| first.at >= from);
                verdict(holds, ring.len(), false)
            }
            Self::Values(values) => values.push(watch, input, from),
            Self::Sum(sum) => sum.push(watch, input, from),
            Self::Temporal(last) => {
                if let Some(place) = last.get_mut(input.member) {
                    *place = Some(input.entry);
                }
                let there = last.iter().flatten().filter(|entry| entry.at >= from).count();
                verdict(there >= watch.need, there, false)
            }
            Self::Ordered(steps) => {
                let made = step(steps, input, from);
                let length = input.member + 1;
                verdict(made && length >= watch.need, length, false)
            }
        }
    }

    /// The matches that make the condition hold, in the order in which they came, once [`Self::push`] has said so.
    pub(super) fn entries(&self, watch: &Watch, input: &Input<'_>) -> Vec<Entry> {
        let from = input.entry.at.saturating_sub(watch.span);
        let mut entries: Vec<Entry> = match self {
            Self::Count(ring) => ring.iter().copied().collect(),
            Self::Values(values) => values.recency.iter().map(|(_, entry)| *entry).collect(),
            Self::Sum(sum) => sum.entries.iter().map(|(entry, _)| *entry).collect(),
            Self::Temporal(last) => {
                let mut entries: Vec<Entry> = last.iter().flatten().copied().collect();
                entries.sort_by_key(|entry| (entry.at, entry.member.source, entry.member.offset));
                entries
            }
            Self::Ordered(steps) => steps.get(input.member).map(|step| step.chain.clone()).unwrap_or_default(),
        };
        entries.retain(|entry| entry.at >= from);
        // A match with several values is one match.
        entries.dedup_by_key(|entry| entry.member);
        entries
    }
}

fn verdict(holds: bool, value: usize, at_least: bool) -> Pushed {
    // Counts are far below 2^52.
    if holds { Pushed::Holds { value: value as f64, at_least } } else { Pushed::No }
}

/// The values seen last.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Hashed with keys of the process's own, so that nobody can choose values that collide. Never iterated.
    places: HashMap<Box<[u8]>, u32>,
    recency: super::recency::Recency<(Box<[u8]>, Entry)>,
}

impl Values {
    fn push(&mut self, watch: &Watch, input: &Input<'_>, from: i64) -> Pushed {
        while let Some((at, (_, entry))) = self.recency.oldest()
            && entry.at < from
        {
            self.remove(at);
        }
        let keep = watch.need.max(VALUES_SHOWN_MAX);
        let mut over = false;
        let (mut folded, mut key) = (String::new(), Vec::new());
        let found = product(input.values, input.fields, VALUES_PER_MATCH_MAX, |picks| {
            write_key(picks, &mut folded, &mut key);
            if let Some(at) = self.places.get(key.as_slice()).copied() {
                self.recency.touch(at);
                if let Some((_, entry)) = self.recency.get_mut(at) {
                    *entry = input.entry;
                }
                return;
            }
            if self.recency.len() >= keep
                && let Some((at, _)) = self.recency.oldest()
            {
                self.remove(at);
                over = true;
            }
            let key: Box<[u8]> = key.as_slice().into();
            let at = self.recency.push((key.clone(), input.entry));
            self.places.insert(key, at);
        });
        if found.missing {
            return Pushed::Ignored;
        }
        let count = self.recency.len();
        verdict(count >= watch.need, count, over || count >= keep)
    }

    fn remove(&mut self, at: u32) {
        if let Some((key, _)) = self.recency.remove(at) {
            self.places.remove(&key);
        }
    }
}

/// Sums are taken of whole multiples of 2⁻²⁰, so that what was added can be taken away again without a rest and the order
/// does not matter.
const SUM_UNIT: f64 = 1_048_576.0;

/// Numbers beyond this count as this: 16 of them times a window's entries still fit an `i128`.
const SUM_NUMBER_MAX: f64 = 1e24;

fn units(number: f64) -> i128 {
    (number.clamp(-SUM_NUMBER_MAX, SUM_NUMBER_MAX) * SUM_UNIT).round() as i128
}

fn from_units(units: i128) -> f64 {
    units as f64 / SUM_UNIT
}

/// The numbers of a sliding sum.
#[derive(Debug, Default)]
pub(super) struct Sum {
    entries: VecDeque<(Entry, i128)>,
    total: i128,
}

impl Sum {
    fn push(&mut self, watch: &Watch, input: &Input<'_>, from: i64) -> Pushed {
        while let Some((entry, amount)) = self.entries.front().copied()
            && entry.at < from
        {
            self.entries.pop_front();
            self.total = self.total.saturating_sub(amount);
        }
        let mut amount = None;
        numbers(input, |number| amount = Some(amount.unwrap_or(0_i128).saturating_add(units(number))));
        let Some(amount) = amount else { return Pushed::Ignored };
        let mut merged = false;
        if self.entries.len() >= SUM_ENTRIES_MAX
            && let Some((_, oldest)) = self.entries.pop_front()
            && let Some((_, next)) = self.entries.front_mut()
        {
            *next = next.saturating_add(oldest);
            merged = true;
        }
        self.entries.push_back((input.entry, amount));
        self.total = self.total.saturating_add(amount);
        let value = from_units(self.total);
        if watch.holds(value) { Pushed::Holds { value, at_least: merged } } else { Pushed::No }
    }
}

/// The best chain up to one step: the one that began last.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// The matches of the steps up to this one; empty if there was none.
    chain: Vec<Entry>,
    /// The chain before the record that made this one, since one record cannot come after itself.
    before: Vec<Entry>,
}

impl Step {
    fn start(chain: &[Entry]) -> Option<i64> {
        chain.first().map(|entry| entry.at)
    }

    /// The chain that a record can go on from.
    fn until(&self, record: &MemberRef) -> &[Entry] {
        let own = self.chain.last().is_some_and(|last| same_record(&last.member, record));
        if own { &self.before } else { &self.chain }
    }
}

fn same_record(one: &MemberRef, other: &MemberRef) -> bool {
    (one.source, one.offset) == (other.source, other.offset)
}

/// Puts a match into its step; true if a chain within the window ends with it.
fn step(steps: &mut [Step], input: &Input<'_>, from: i64) -> bool {
    let mut chain = match input.member.checked_sub(1) {
        None => Vec::new(),
        Some(below) => {
            let chain = steps.get(below).map(|step| step.until(&input.entry.member)).unwrap_or_default();
            if Step::start(chain).is_none_or(|start| start < from) {
                return false;
            }
            chain.to_vec()
        }
    };
    chain.push(input.entry);
    let Some(step) = steps.get_mut(input.member) else { return false };
    if step.chain.last().is_some_and(|last| same_record(&last.member, &input.entry.member)) {
        step.chain = chain;
    } else {
        step.before = std::mem::replace(&mut step.chain, chain);
    }
    true
}

/// A window that is judged when it closes.
#[derive(Debug)]
pub(super) struct Closing {
    pub start: i64,
    pub last: i64,
    pub count: u64,
    pub members: Vec<MemberRef>,
    gather: Gather,
}

#[derive(Debug)]
enum Gather {
    Count,
    Values(HashSet<Box<[u8]>>),
    Sum(i128),
    Mean(i128, u64),
    Numbers(Vec<f64>),
    Kinds(Vec<bool>),
    Steps(usize),
}

impl Closing {
    pub(super) fn new(watch: &Watch, start: i64) -> Self {
        let gather = match watch.kind {
            CorrelationKind::EventCount => Gather::Count,
            CorrelationKind::ValueCount => Gather::Values(HashSet::new()),
            CorrelationKind::ValueSum => Gather::Sum(0),
            CorrelationKind::ValueAverage => Gather::Mean(0, 0),
            CorrelationKind::ValuePercentile(_) => Gather::Numbers(Vec::new()),
            CorrelationKind::Temporal => Gather::Kinds(vec![false; watch.members.len()]),
            CorrelationKind::TemporalOrdered => Gather::Steps(0),
        };
        Self { start, last: start, count: 0, members: Vec::new(), gather }
    }

    pub(super) fn len(&self) -> usize {
        let gathered = match &self.gather {
            Gather::Values(set) => set.len(),
            Gather::Numbers(list) => list.len(),
            Gather::Kinds(list) => list.len(),
            _ => 0,
        };
        self.members.len() + gathered
    }

    /// Takes a match; false if it has nothing that could be counted.
    pub(super) fn push(&mut self, input: &Input<'_>) -> bool {
        let mut counts = true;
        match &mut self.gather {
            Gather::Count => {}
            Gather::Values(set) => {
                let (mut folded, mut key) = (String::new(), Vec::new());
                let found = product(input.values, input.fields, VALUES_PER_MATCH_MAX, |picks| {
                    write_key(picks, &mut folded, &mut key);
                    // One more than any condition may ask for: enough to know that it is exceeded.
                    if set.len() <= CORRELATION_VALUES_MAX as usize && !set.contains(key.as_slice()) {
                        set.insert(key.as_slice().into());
                    }
                });
                counts = !found.missing;
            }
            Gather::Sum(total) => {
                counts = numbers(input, |number| *total = total.saturating_add(units(number)));
            }
            Gather::Mean(total, count) => {
                counts = numbers(input, |number| {
                    *total = total.saturating_add(units(number));
                    *count += 1;
                });
            }
            Gather::Numbers(list) => {
                counts = numbers(input, |number| {
                    if list.len() < NUMBERS_MAX {
                        list.push(number);
                    }
                });
            }
            Gather::Kinds(seen) => {
                if let Some(place) = seen.get_mut(input.member) {
                    *place = true;
                }
            }
            Gather::Steps(next) => {
                let again = self.members.last().is_some_and(|last| same_record(last, &input.entry.member));
                if *next == input.member && !again {
                    *next += 1;
                }
            }
        }
        if counts {
            self.count += 1;
            self.last = input.entry.at;
            if self.members.len() < MEMBERS_MAX {
                self.members.push(input.entry.member);
            }
        }
        counts
    }

    /// What was counted, and whether a limit kept more from it; `None` if nothing was.
    pub(super) fn value(&self, watch: &Watch) -> Option<(f64, bool)> {
        if self.count == 0 {
            return None;
        }
        Some(match &self.gather {
            Gather::Count => (self.count as f64, false),
            Gather::Values(set) => (set.len() as f64, set.len() > CORRELATION_VALUES_MAX as usize),
            Gather::Sum(total) => (from_units(*total), false),
            Gather::Mean(total, count) => (from_units(*total) / (*count).max(1) as f64, false),
            Gather::Numbers(list) => (percentile(list, watch.kind)?, list.len() >= NUMBERS_MAX),
            Gather::Kinds(seen) => (seen.iter().filter(|seen| **seen).count() as f64, false),
            Gather::Steps(steps) => (*steps as f64, false),
        })
    }
}

/// By nearest rank: the smallest number that so many per cent of all numbers do not exceed.
fn percentile(numbers: &[f64], kind: CorrelationKind) -> Option<f64> {
    let CorrelationKind::ValuePercentile(percent) = kind else { return None };
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent.get() / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Calls `each` with every number that the condition's field has; false if there is none.
fn numbers(input: &Input<'_>, mut each: impl FnMut(f64)) -> bool {
    let lists = input.fields.iter().filter_map(|field| input.values.get(*field));
    let mut found = false;
    for text in lists.flatten().take(VALUES_PER_MATCH_MAX) {
        if let Some(number) = parse_number(text) {
            each(number);
            found = true;
        }
    }
    found
}

/// A decimal number, or Windows' hexadecimal one.
fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|number| number as f64);
    }
    // Rust reads `inf` and `nan` too, which no log means as numbers.
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// What a product of lists came to.
pub(super) struct Product {
    /// A list had no value.
    pub missing: bool,
    /// There were more choices than were made.
    pub cut: bool,
}

/// Calls `each` with every choice of one value from each list, the last list's values first, at most `max` times.
pub(super) fn product(values: &[Vec<String>], slots: &[usize], max: usize, mut each: impl FnMut(&[&str])) -> Product {
    let mut lists: [&[String]; CORRELATION_FIELDS_MAX] = [&[]; CORRELATION_FIELDS_MAX];
    let mut picks: [&str; CORRELATION_FIELDS_MAX] = [""; CORRELATION_FIELDS_MAX];
    let mut at = [0_usize; CORRELATION_FIELDS_MAX];
    let count = slots.len().min(CORRELATION_FIELDS_MAX);
    for ((slot, list), pick) in slots.iter().zip(&mut lists).zip(&mut picks) {
        *list = values.get(*slot).map(Vec::as_slice).unwrap_or_default();
        let Some(first) = list.first() else { return Product { missing: true, cut: false } };
        *pick = first;
    }
    let mut made = 0;
    loop {
        each(picks.get(..count).unwrap_or_default());
        made += 1;
        // Counts up like the wheels of an odometer, from the last.
        let mut turned = false;
        for ((at, list), pick) in at.iter_mut().zip(&lists).zip(&mut picks).take(count).rev() {
            *at = if *at + 1 < list.len() { *at + 1 } else { 0 };
            *pick = list.get(*at).map_or("", String::as_str);
            if *at > 0 {
                turned = true;
                break;
            }
        }
        if !turned {
            return Product { missing: false, cut: false };
        }
        if made >= max {
            return Product { missing: false, cut: true };
        }
    }
}

/// Writes a key of values: case does not count, as nowhere in Sigma; no two lists of values have the same key.
pub(super) fn write_key(picks: &[&str], folded: &mut String, key: &mut Vec<u8>) {
    const DIGEST: u8 = 0xFF;
    key.clear();
    for pick in picks {
        folded.clear();
        fold_into(pick, folded);
        match u8::try_from(folded.len()) {
            Ok(length) if usize::from(length) <= VALUE_BYTES_MAX => {
                key.push(length);
                key.extend_from_slice(folded.as_bytes());
            }
            _ => {
                key.push(DIGEST);
                key.extend_from_slice(&Sha256::digest(folded.as_bytes()));
            }
        }
    }
}
