//! What decode gives to detect: a tagged record whose wanted fields, and only those, are materialised.
//!
//! The walk of one record, in the order in which it happens:
//!
//! 1. The decoder reads just enough to [`Tag`] the record: product, service (channel, program), provider, code.
//! 2. It asks the [`Projection`] what detectors want of such records. `None`: nobody wants it; it is counted and done.
//! 3. It puts the values of the wanted fields into [`Slots`] (or lets [`fill`] do so) and calls [`Sink::event`].
//! 4. Only if something matched is the whole record asked for, through [`Fields::each`].
//!
//! Invariant: a decoder may put more into a slot than the record's field holds (over-approximate) only if it says so;
//! it never leaves a wanted value out.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::place::Place;
use crate::rejection::{Flag, Rejection};
use crate::time::Timestamp;
use crate::value::{Kind, Value};

/// Which log source a record belongs to, in the log's own words.
///
/// | log | product | service | provider | code |
/// |---|---|---|---|---|
/// | Windows event | `windows` | channel | provider name | event id |
/// | syslog, journal | `linux` | program (`sshd`) | facility or unit | |
/// | auditd | `linux` | `auditd` | | |
/// | web access log | `nginx`, `apache` or `web` | `access` / `error` | | |
/// | any JSON | product if recognised, else `json` | service if recognised | | |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tag<'a> {
    /// Product.
    pub product: &'a str,
    /// Channel, program or log.
    pub service: &'a str,
    /// Provider, facility or unit.
    pub provider: &'a str,
    /// Event id or type.
    pub code: &'a str,
}

/// What detectors want of the records of one tag.
#[derive(Debug, Default)]
pub struct Want {
    /// The wanted values. A slot's number is its index.
    pub slots: Vec<SlotSpec>,
    /// Native field name (exact case) → the slots that it fills.
    pub by_name: FxHashMap<Box<str>, Vec<u16>>,
    /// The slot that takes every value of the record (for keyword rules), if any rule has keywords.
    pub keywords: Option<u16>,
    /// Folded ASCII texts one of which stands in a folded value of every record that has a keyword test come true; a
    /// decoder may leave the keyword slot empty where none does. Values that are no strings (numbers, times, GUIDs, SIDs,
    /// bytes in hexadecimal) hold none of them. `None` if no such list is known: then the slot is always filled.
    pub keyword_needles: Option<Arc<[Box<str>]>>,
    /// The detector's own handle for this tag; [`NO_RULE`] where only learning wants such records.
    pub handle: u32,
    /// What learning takes of such records, if anything.
    pub learned: Option<LearnedSlots>,
}

/// [`Want::handle`] of records that no rule looks at.
pub const NO_RULE: u32 = u32::MAX - 1;

/// Which slots learning takes, behind those of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LearnedSlots {
    /// OCSF `class_uid` of such records.
    pub class: u32,
    /// OCSF `activity_id`.
    pub activity: u32,
    /// The first of the slots.
    pub first: u16,
    /// For each slot from `first` on the path that it fills, by its index in
    /// [`LEARNED_PATHS`](crate::observation::LEARNED_PATHS), ascending; of a path's several slots the first that is filled
    /// counts.
    pub paths: Vec<u16>,
}

/// One wanted value: the native names that may fill it.
#[derive(Debug, Clone, Default)]
pub struct SlotSpec {
    /// Native field names, exact case. Every one that is present fills the slot.
    pub names: Vec<Box<str>>,
}

impl Want {
    /// Builds the name table from the slots.
    pub fn new(slots: Vec<SlotSpec>, keywords: Option<u16>, handle: u32) -> Self {
        let mut by_name: FxHashMap<Box<str>, Vec<u16>> = FxHashMap::default();
        for (slot, spec) in slots.iter().enumerate() {
            for name in &spec.names {
                if let Ok(slot) = u16::try_from(slot) {
                    by_name.entry(name.clone()).or_default().push(slot);
                }
            }
        }
        Self { slots, by_name, keywords, keyword_needles: None, handle, learned: None }
    }

    /// The same, with what keyword tests need.
    pub fn with_keyword_needles(self, needles: Option<Arc<[Box<str>]>>) -> Self {
        Self { keyword_needles: needles, ..self }
    }
}

/// What the line hands to decoders: asked once per distinct tag and worker, the answer is cached by the decoder.
pub trait Projection: Sync + Send {
    /// What is wanted of records with this tag; `None` if nothing.
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>>;
}

/// The values of one record's wanted fields: unfolded and folded (Unicode lower case) text, reused from record to record.
///
/// Folding waits until somebody asks, and then goes over all values at once.
#[derive(Debug, Default)]
pub struct Slots {
    raw: String,
    values: Vec<SlotValue>,
    folded: OnceCell<Folded>,
    /// What `folded` held for the last record: its memory is used again.
    spare: RefCell<Folded>,
}

/// The text of all values in lower case.
#[derive(Debug, Default)]
struct Folded {
    text: String,
    /// Value → where its text begins and ends; empty where all is ASCII, and lower case takes the places of the text itself.
    ranges: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct SlotValue {
    slot: u16,
    kind: Kind,
    raw: (u32, u32),
}

impl SlotValue {
    fn range(&self) -> std::ops::Range<usize> {
        self.raw.0 as usize..self.raw.1 as usize
    }
}

/// One value in its slot.
#[derive(Debug, Clone, Copy)]
pub struct Slotted<'a> {
    /// The slot's index in [`Want::slots`], or [`Want::keywords`].
    pub slot: u16,
    /// What sort of value.
    pub kind: Kind,
    /// As in the log.
    pub raw: &'a str,
    /// Lower case by Unicode's simple and special casing (`str::to_lowercase` without final sigma).
    pub folded: &'a str,
}

impl Slots {
    /// Forgets the last record, keeps the memory.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.values.clear();
        self.unfold();
    }

    /// Forgets what was folded.
    #[inline]
    fn unfold(&mut self) {
        if let Some(folded) = self.folded.take() {
            *self.spare.get_mut() = folded;
        }
    }

    /// Puts a value into a slot. A slot may hold several values (arrays, repeated fields): any of them may match.
    #[inline]
    pub fn push(&mut self, slot: u16, value: Value<'_>) {
        let start = self.raw.len();
        self.raw.push_str(value.text);
        self.finish(slot, value.kind, start);
    }

    /// Puts a value into a slot whose text may be a piece of `whole`, the text of the first value that was pushed: then
    /// nothing is copied.
    pub fn push_part(&mut self, slot: u16, value: Value<'_>, whole: &str) {
        // Both texts are borrowed at once, so what lies in the other's memory is a piece of it.
        let at = (value.text.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let end = at.wrapping_add(value.text.len());
        match self.values.first().map(SlotValue::range) {
            Some(first) if at < end && end <= whole.len() && first.len() == whole.len() => {
                let raw = ((first.start + at) as u32, (first.start + end) as u32);
                self.unfold();
                self.values.push(SlotValue { slot, kind: value.kind, raw });
            }
            _ => self.push(slot, value),
        }
    }

    /// Puts a value into a slot by writing its text in place; for decoders that convert while copying (UTF-16).
    /// `write` must only append.
    pub fn push_with(&mut self, slot: u16, kind: Kind, write: impl FnOnce(&mut String)) {
        let start = self.raw.len();
        write(&mut self.raw);
        self.finish(slot, kind, start.min(self.raw.len()));
    }

    #[inline]
    fn finish(&mut self, slot: u16, kind: Kind, start: usize) {
        self.unfold();
        self.values.push(SlotValue { slot, kind, raw: (start as u32, self.raw.len() as u32) });
    }

    /// Puts the last value pushed into one more slot, without a copy.
    pub fn also(&mut self, slot: u16) {
        if let Some(last) = self.values.last().copied() {
            self.unfold();
            self.values.push(SlotValue { slot, ..last });
        }
    }

    fn folded(&self) -> &Folded {
        self.folded.get_or_init(|| {
            let Folded { mut text, mut ranges } = self.spare.take();
            text.clear();
            ranges.clear();
            if self.raw.is_ascii() {
                text.push_str(&self.raw);
                text.make_ascii_lowercase();
            } else {
                for value in &self.values {
                    let start = text.len() as u32;
                    fold_into(self.raw.get(value.range()).unwrap_or_default(), &mut text);
                    ranges.push((start, text.len() as u32));
                }
            }
            Folded { text, ranges }
        })
    }

    /// All values, in the order in which they were pushed.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Slotted<'_>> {
        let folded = self.folded();
        self.values.iter().enumerate().map(move |(at, value)| self.slotted(at, value, folded))
    }

    /// The value at a position of [`Self::iter`].
    #[inline]
    pub fn get(&self, at: usize) -> Option<Slotted<'_>> {
        self.values.get(at).map(|value| self.slotted(at, value, self.folded()))
    }

    #[inline]
    fn slotted<'s>(&'s self, at: usize, value: &SlotValue, folded: &'s Folded) -> Slotted<'s> {
        let range = match folded.ranges.get(at) {
            Some((start, end)) => *start as usize..*end as usize,
            None => value.range(),
        };
        Slotted {
            slot: value.slot,
            kind: value.kind,
            raw: self.raw.get(value.range()).unwrap_or_default(),
            folded: folded.text.get(range).unwrap_or_default(),
        }
    }

    /// The values of one slot.
    pub fn of(&self, slot: u16) -> impl Iterator<Item = Slotted<'_>> {
        self.iter().filter(move |value| value.slot == slot)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Appends `text` in lower case. ASCII goes in one pass; other characters by [`char::to_lowercase`].
///
/// The same function folds rule literals, so both sides agree.
pub fn fold_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        if let Some(tail) = out.get_mut(start..) {
            tail.make_ascii_lowercase();
        }
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

/// The whole record, on demand.
pub trait Fields {
    /// Calls `each` with every native field in document order. Nested names are joined with `.`; repeated fields and
    /// array elements come as repeated calls with the same name.
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>));

    /// The record's text as one line, for keyword rules, if the log is text; `None` where keywords look at the values.
    fn line(&self) -> Option<&str> {
        None
    }
}

/// One record as detectors see it.
pub struct Event<'a> {
    /// Event time in UTC; `None` if the record has none that is possible.
    pub time: Option<Timestamp>,
    /// The time as the log wrote it, where that differs from RFC 3339 in UTC.
    pub time_text: Option<&'a str>,
    /// Where the record stands.
    pub place: Place,
    /// The record's own bytes; decides the finding's id where inputs are not hashed.
    pub bytes: &'a [u8],
    /// The record's tag.
    pub tag: Tag<'a>,
    /// What was asked of this tag.
    pub want: &'a Arc<Want>,
    /// The answer.
    pub slots: &'a Slots,
    /// Everything else, on demand.
    pub fields: &'a dyn Fields,
}

/// Where a decoder puts what it read. Called in the order of the bytes.
pub trait Sink {
    /// A wanted record.
    fn event(&mut self, event: &Event<'_>);
    /// `count` records that nobody wanted, so that totals stay true. `latest` is one event time among them, if known.
    fn unwanted(&mut self, count: u64, latest: Option<Timestamp>);
    /// A record or stretch that could not be read.
    fn reject(&mut self, rejection: Rejection);
    /// A record that was read but is odd.
    fn flag(&mut self, flag: Flag, place: Place);
}

/// Fills the slots of `want` from a whole record: the plain way, for decoders with nothing faster.
pub fn fill(want: &Want, fields: &dyn Fields, slots: &mut Slots) {
    slots.clear();
    let line = fields.line();
    if let (Some(slot), Some(line)) = (want.keywords, line) {
        slots.push(slot, Value::text(line));
    }
    let each_keyword = want.keywords.filter(|_| line.is_none());
    fields.each(&mut |name, value| {
        let mut pushed = false;
        let mut put = |slots: &mut Slots, slot: u16| {
            if pushed {
                slots.also(slot);
            } else {
                slots.push(slot, value);
                pushed = true;
            }
        };
        if let Some(named) = want.by_name.get(name) {
            for slot in named {
                put(slots, *slot);
            }
        }
        if let Some(slot) = each_keyword {
            put(slots, slot);
        }
    });
}
