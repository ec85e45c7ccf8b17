//! From a record's values to the rules that could match: the index over witness texts.
//!
//! Each slot has tables for the texts that rules need in it, by how they need them:
//!
//! | needed | looked up by |
//! |---|---|
//! | any value | one list |
//! | the whole value | length, first and last eight bytes |
//! | its beginning, its end | its first or last 8, 4, 3, 2 or 1 bytes, as many as the text has |
//! | anywhere | a rare run of 4 bytes of the text (3, 2, 1 for shorter texts): a bit map is asked at every byte of the value, then a table |
//!
//! Short texts with a byte that few values hold (`;`, `%3b`, `$(`) are kept apart by that byte: one pass over a value says where
//! it holds such a byte, and only there are they compared.
//!
//! Where all texts of a slot are long, the bit map is asked at every second, fourth or eighth byte only: each text then has
//! as many runs, one behind the other, in the table, and one of them stands at such a byte. Short runs with characters
//! outside ASCII are looked for in values that have such characters. Texts of three bytes share the pass of the longer ones:
//! the bit map's word is chosen by a run's first three bytes, and such a text fills its word.
//!
//! Whatever a table offers is compared in full, so a text that is met really stands in the value. What must stay true: no
//! text that stands in a value is overlooked, so that an indexed text that was not met stands nowhere. For rules it may meet more than they need, never less; the property tests of the
//! matcher hold that against a plain evaluator.
//!
//! In long values, a slot's few texts that would hold the stride of the others down are each searched for by themselves, which
//! the processor does sixteen bytes at a time; a short value is gone through once, with all texts together.
//!
//! Cost: at most about a nanosecond a byte of a slot with "anywhere" texts, some nanoseconds a value elsewhere, whatever the
//! number of texts. Built in one pass, without search trees or automata, because a group is built while records wait.

use memchr::memmem;

use super::grams::{GramCounts, STRIDE_MAX, commonness_of, is_key, rarest};
use super::scratch::Marks;

/// How a text must stand in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    /// There is a value, whatever it is.
    Present,
    /// It is the value.
    Whole,
    /// At its beginning.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Anywhere,
    /// It is no text but a set of them, met with each ([`ENTRY`]).
    Never,
}

/// Marks a member that is an entry: it is met with the text that names it.
pub(crate) const ENTRY: u32 = 1 << 31;

/// A text to index.
#[derive(Debug)]
pub(crate) struct Needle<'a> {
    pub(crate) slot: u16,
    pub(crate) place: Place,
    /// Folded.
    pub(crate) text: &'a str,
    /// The members that become candidates; none for a text that only decides atoms.
    pub(crate) members: Vec<u32>,
}

/// The index of a group.
#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: Vec<Option<Box<SlotIndex>>>,
    entries: Vec<Entry>,
    texts: Vec<u8>,
    members: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    text: (u32, u32),
    members: (u32, u32),
}

#[derive(Debug, Default)]
struct SlotIndex {
    present: Vec<u32>,
    whole: Table,
    starts: Vec<(usize, Table)>,
    ends: Vec<(usize, Table)>,
    /// For short values: texts of 3 bytes in ASCII and all longer ones.
    all: Option<Grams>,
    /// For long values, if not `all` too: what is left without `few` and texts of 3 bytes.
    long: Option<Grams>,
    /// For long values: texts that are few, each with its search.
    few: Vec<(u32, memmem::Finder<'static>)>,
    /// For long values: texts of 3 bytes, if not among the few.
    threes: Option<Grams>,
    /// Of texts of 1 and 2 bytes in ASCII.
    short: Vec<Grams>,
    /// Of shorter texts in ASCII that hold a byte which few values hold.
    keyed: Option<Box<Keyed>>,
    /// Whether long values are looked at by `few`, `long` and `threes`.
    has_parts: bool,
    /// Of shorter texts beyond ASCII.
    short_beyond: Vec<Grams>,
}

/// The texts that stand anywhere and are looked up by runs of one width.
#[derive(Debug)]
struct Grams {
    width: usize,
    /// The filter is asked at every so many bytes.
    stride: usize,
    /// The length of the shortest of the texts: no shorter value holds one.
    shortest: usize,
    filter: Filter,
    table: Table,
    /// Texts of three bytes, beside runs of four.
    threes: Table,
}

/// Short texts by a rare byte of each: one pass over a value finds these bytes, and mostly there is none.
#[derive(Debug)]
struct Keyed {
    /// Byte → its place in `keys`, plus one; 0 for all others.
    places: Box<[u8; 256]>,
    /// The bytes.
    bytes: Vec<u8>,
    /// The texts of each.
    keys: Vec<Key>,
}

/// The texts of one such byte.
#[derive(Debug, Default)]
struct Key {
    texts: Vec<KeyedText>,
    /// Whether the byte is a text by itself.
    alone: bool,
    /// What may follow it, by the last six bits of the byte.
    next: u64,
    /// What may precede it where it ends a text.
    last: u64,
}

impl Key {
    fn add(&mut self, text: KeyedText, bytes: &[u8]) {
        let at = usize::from(text.before);
        let bit = |byte: &u8| 1_u64 << (byte & 63);
        match (bytes.get(at + 1), at.checked_sub(1).and_then(|at| bytes.get(at))) {
            (Some(next), _) => self.next |= bit(next),
            (None, Some(last)) => self.last |= bit(last),
            (None, None) => self.alone = true,
        }
        self.texts.push(text);
    }

    /// Whether one of the texts may stand around a place.
    #[inline]
    fn may_stand(&self, bytes: &[u8], at: usize) -> bool {
        let has = |bits: u64, at: usize| bytes.get(at).is_some_and(|byte| bits >> (byte & 63) & 1 != 0);
        self.alone || has(self.next, at + 1) || has(self.last, at.wrapping_sub(1))
    }
}

/// A text of up to three bytes.
#[derive(Debug, Clone, Copy)]
struct KeyedText {
    entry: u32,
    /// Where in it its rare byte stands.
    before: u8,
    /// Its bytes, and which bits of a number they take, as they stand in [`around`] their rare byte.
    bytes: u64,
    mask: u64,
}

/// The two bytes before a place, its own, and the two behind it, as one number; zero where there are none.
#[inline]
fn around(bytes: &[u8], at: usize) -> u64 {
    if let Some(eight) = at.checked_sub(2).and_then(|from| bytes.get(from..)?.first_chunk::<8>()) {
        return u64::from_le_bytes(*eight) & 0xff_ffff_ffff;
    }
    let behind = key(bytes.get(at..bytes.len().min(at + 3)).unwrap_or_default());
    let before = key(bytes.get(at.saturating_sub(2)..at).unwrap_or_default());
    behind << 16 | if at == 1 { before << 8 } else { before }
}

/// How many bytes [`Keyed`] tells apart.
const KEYS_MAX: usize = 64;

/// How many texts one byte may have: so many are compared wherever it stands.
const KEY_TEXTS_MAX: usize = 24;

impl Keyed {
    /// Calls `probe` with the place of each such byte in a value, and its texts.
    #[inline]
    fn each(&self, bytes: &[u8], probe: &mut dyn FnMut(usize, &[KeyedText])) {
        let mut look = |at: usize, place: u8| {
            if let Some(key) = self.keys.get(usize::from(place).wrapping_sub(1))
                && key.may_stand(bytes, at)
            {
                probe(at, &key.texts);
            }
        };
        let place = |byte: u8| self.places.get(usize::from(byte)).copied().unwrap_or_default();
        let place_at = |at: usize| bytes.get(at).map_or(0, |byte| place(*byte));
        // The processor looks for up to three bytes sixteen at a time.
        match *self.bytes.as_slice() {
            [a] => memchr::memchr_iter(a, bytes).for_each(|at| look(at, place_at(at))),
            [a, b] => memchr::memchr2_iter(a, b, bytes).for_each(|at| look(at, place_at(at))),
            [a, b, c] => memchr::memchr3_iter(a, b, c, bytes).for_each(|at| look(at, place_at(at))),
            _ => {
                // Of eight bytes mostly none is one of them: so many are asked for with one branch.
                let (eights, rest) = bytes.as_chunks::<8>();
                for (eight, from) in eights.iter().zip((0..).step_by(8)) {
                    let mut places = u64::from_le_bytes(eight.map(place));
                    while places != 0 {
                        let at = places.trailing_zeros() / 8;
                        look(from + at as usize, (places >> (8 * at)) as u8);
                        places &= !(0xFF << (8 * at));
                    }
                }
                (bytes.len() - rest.len()..bytes.len()).for_each(|at| look(at, place_at(at)));
            }
        }
    }

    /// Takes the texts that have a rare byte out of the lists; `None` if there are none.
    fn take(short: &mut [Vec<Item>; SHORT_WIDTHS.len()]) -> Option<Box<Self>> {
        let mut keyed = Self { places: Box::new([0; 256]), bytes: Vec::new(), keys: Vec::new() };
        for (items, width) in short.iter_mut().zip(SHORT_WIDTHS) {
            items.retain(|item| {
                let text = item.key.to_le_bytes();
                // Of a text's bytes the rarest, of equals the last: `%3b` and `$(` go by their signs.
                let rarest = text
                    .iter()
                    .zip(0_u8..)
                    .take(width)
                    .filter(|(byte, _)| is_key(**byte))
                    .min_by_key(|(byte, _)| commonness_of(**byte));
                let Some((byte, before)) = rarest else { return true };
                let at = keyed.bytes.iter().position(|known| known == byte).unwrap_or_else(|| {
                    keyed.bytes.push(*byte);
                    keyed.keys.push(Key::default());
                    keyed.bytes.len() - 1
                });
                match keyed.keys.get_mut(at).filter(|key| at < KEYS_MAX && key.texts.len() < KEY_TEXTS_MAX) {
                    Some(key) => {
                        let shift = 8 * (2 - u32::from(before.min(2)));
                        let mask = (u64::MAX >> (64 - 8 * width)) << shift;
                        let own = KeyedText { entry: item.entry, before, bytes: item.key << shift, mask };
                        key.add(own, text.get(..width).unwrap_or_default());
                        false
                    }
                    None => true,
                }
            });
        }
        keyed.bytes.truncate(KEYS_MAX);
        keyed.keys.truncate(KEYS_MAX);
        for (byte, place) in keyed.bytes.iter().zip(1..) {
            if let Some(known) = keyed.places.get_mut(usize::from(*byte)) {
                *known = place;
            }
        }
        (!keyed.keys.is_empty()).then(|| Box::new(keyed))
    }
}

/// Widths of the keys for beginnings and ends.
const END_WIDTHS: [usize; 5] = [8, 4, 3, 2, 1];
/// Width of the keys for texts that stand anywhere.
const GRAM_WIDTH: usize = 4;
/// Widths of the keys for shorter ones.
const SHORT_WIDTHS: [usize; 3] = [3, 2, 1];
/// How far apart the filter may be asked.
const STRIDES: [usize; 4] = [STRIDE_MAX, 4, 2, 1];

impl Index {
    /// Builds the index. `counts` says, by slot, how common runs of bytes are among the group's texts.
    pub(crate) fn new(slots: usize, needles: &[Needle<'_>], counts: &[GramCounts]) -> Self {
        let mut index = Self::default();
        let mut drafts: Vec<Option<Box<Draft<'_>>>> = Vec::new();
        drafts.resize_with(slots, || None);
        for (entry, needle) in needles.iter().enumerate() {
            let entry = entry as u32;
            let start = index.texts.len() as u32;
            index.texts.extend_from_slice(needle.text.as_bytes());
            let first_member = index.members.len() as u32;
            index.members.extend_from_slice(&needle.members);
            index.entries.push(Entry {
                text: (start, index.texts.len() as u32),
                members: (first_member, index.members.len() as u32),
            });
            if let Some(draft) = drafts.get_mut(usize::from(needle.slot)) {
                draft.get_or_insert_default().add(needle, entry);
            }
        }
        let finish = |(at, draft): (usize, Option<Box<Draft<'_>>>)| draft.map(|d| Box::new(d.finish(counts.get(at))));
        index.slots = drafts.into_iter().enumerate().map(finish).collect();
        index
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Meets every entry whose text stands in `value` of `slot`.
    pub(crate) fn look(&self, slot: u16, value: &str, marks: &mut Marks) {
        let Some(Some(slot)) = self.slots.get(usize::from(slot)) else { return };
        for entry in &slot.present {
            self.meet(*entry, marks);
        }
        let bytes = value.as_bytes();
        if !slot.whole.is_empty() {
            slot.whole.each(whole_key(bytes), |item| {
                if self.text(item.entry) == bytes {
                    self.meet(item.entry, marks);
                }
            });
        }
        for (width, table) in &slot.starts {
            if let Some(run) = bytes.get(..*width) {
                table.each(key(run), |item| {
                    if bytes.starts_with(self.text(item.entry)) {
                        self.meet(item.entry, marks);
                    }
                });
            }
        }
        for (width, table) in &slot.ends {
            if let Some(run) = bytes.len().checked_sub(*width).and_then(|from| bytes.get(from..)) {
                table.each(key(run), |item| {
                    if bytes.ends_with(self.text(item.entry)) {
                        self.meet(item.entry, marks);
                    }
                });
            }
        }
        match &slot.all {
            Some(all) if bytes.len() < SEARCHED_MIN || !slot.has_parts => self.look_for(all, bytes, marks),
            _ => {
                for (entry, finder) in &slot.few {
                    if finder.find(bytes).is_some() {
                        self.meet(*entry, marks);
                    }
                }
                for grams in slot.long.iter().chain(&slot.threes) {
                    self.look_for(grams, bytes, marks);
                }
            }
        }
        for grams in &slot.short {
            self.look_for(grams, bytes, marks);
        }
        if let Some(keyed) = &slot.keyed {
            keyed.each(bytes, &mut |at, texts| {
                let around = around(bytes, at);
                // Behind the value's end stand zeros, which no text but one with a zero meets in vain.
                for text in texts.iter().filter(|text| around & text.mask == text.bytes) {
                    if !marks.entry_seen(text.entry) && self.stands(text.entry, usize::from(text.before), bytes, at) {
                        self.meet(text.entry, marks);
                    }
                }
            });
        }
        if !slot.short_beyond.is_empty() && !value.is_ascii() {
            for grams in &slot.short_beyond {
                self.look_for(grams, bytes, marks);
            }
        }
    }

    fn look_for(&self, grams: &Grams, bytes: &[u8], marks: &mut Marks) {
        if bytes.len() < grams.shortest {
            return;
        }
        let mut meet = |item: &Item, at: usize| {
            // Most meetings are of texts met before in the same record.
            if !marks.entry_seen(item.entry) && self.stands(item.entry, item.before as usize, bytes, at) {
                self.meet(item.entry, marks);
            }
        };
        if !grams.threes.is_empty() {
            let mut three = |at: usize, gram: u32| {
                grams.threes.each(u64::from(gram & MASK_OF_THREE), |item| meet(item, at));
            };
            // The last three bytes open no run of four.
            if let Some(last) = bytes.last_chunk::<3>() {
                three(bytes.len() - 3, key(last) as u32);
            }
            grams.filter.scan_mixed(bytes, &mut |at, gram| {
                grams.threes.each(u64::from(gram & MASK_OF_THREE), |item| meet(item, at));
                grams.table.each(u64::from(gram), |item| meet(item, at));
            });
            return;
        }
        let mut probe = |at: usize, gram: u32| grams.table.each(u64::from(gram), |item| meet(item, at));
        match (grams.width, grams.stride) {
            (4, 8) => grams.filter.scan::<4, 8>(bytes, &mut probe),
            (4, 4) => grams.filter.scan::<4, 4>(bytes, &mut probe),
            (4, 2) => grams.filter.scan::<4, 2>(bytes, &mut probe),
            (4, _) => grams.filter.scan::<4, 1>(bytes, &mut probe),
            (3, _) => grams.filter.scan::<3, 1>(bytes, &mut probe),
            (2, _) => grams.filter.scan::<2, 1>(bytes, &mut probe),
            _ => grams.filter.scan::<1, 1>(bytes, &mut probe),
        }
    }

    /// Meets what a null value meets: entries that ask for any value. Its empty text stands for nothing.
    pub(crate) fn look_null(&self, slot: u16, marks: &mut Marks) {
        let Some(Some(slot)) = self.slots.get(usize::from(slot)) else { return };
        for entry in &slot.present {
            self.meet(*entry, marks);
        }
    }

    /// Whether an entry's text stands where its byte at `before` stands at `at`.
    fn stands(&self, entry: u32, before: usize, bytes: &[u8], at: usize) -> bool {
        let from = at.checked_sub(before);
        from.and_then(|from| bytes.get(from..)).is_some_and(|rest| rest.starts_with(self.text(entry)))
    }

    fn text(&self, entry: u32) -> &[u8] {
        let range = self.entries.get(entry as usize).map_or(0..0, |entry| entry.text.0 as usize..entry.text.1 as usize);
        self.texts.get(range).unwrap_or_default()
    }

    /// Meets an entry: marks it, and makes its members candidates.
    pub(super) fn meet(&self, entry: u32, marks: &mut Marks) {
        if !marks.first_of_entry(entry) {
            return;
        }
        let Some(entry) = self.entries.get(entry as usize) else { return };
        for member in self.members.get(entry.members.0 as usize..entry.members.1 as usize).unwrap_or_default() {
            if member & ENTRY == 0 {
                marks.candidate(*member);
            } else {
                // A set has no members of its own.
                marks.first_of_entry(member & !ENTRY);
            }
        }
    }
}

/// A slot's tables before they are laid out.
#[derive(Default)]
struct Draft<'a> {
    present: Vec<u32>,
    whole: Vec<Item>,
    starts: [Vec<Item>; END_WIDTHS.len()],
    ends: [Vec<Item>; END_WIDTHS.len()],
    /// Entries and their texts.
    long: Vec<(u32, &'a [u8])>,
    short: [Vec<Item>; SHORT_WIDTHS.len()],
    short_beyond: [Vec<Item>; SHORT_WIDTHS.len()],
}

impl<'a> Draft<'a> {
    fn add(&mut self, needle: &Needle<'a>, entry: u32) {
        let bytes = needle.text.as_bytes();
        let fits = |width: &&usize| **width <= bytes.len();
        match needle.place {
            Place::Never => {}
            Place::Whole => self.whole.push(Item { key: whole_key(bytes), entry, before: 0 }),
            // Every value has an empty text at its beginning, at its end and anywhere.
            _ if bytes.is_empty() => self.present.push(entry),
            Place::Present => self.present.push(entry),
            Place::Start | Place::End => {
                let Some((list, width)) = END_WIDTHS.iter().enumerate().find(|(_, width)| fits(width)) else { return };
                let start = needle.place == Place::Start;
                let run = if start { bytes.get(..*width) } else { bytes.get(bytes.len() - width..) };
                let lists = if start { &mut self.starts } else { &mut self.ends };
                if let (Some(list), Some(run)) = (lists.get_mut(list), run) {
                    list.push(Item { key: key(run), entry, before: 0 });
                }
            }
            Place::Anywhere if bytes.len() >= GRAM_WIDTH => self.long.push((entry, bytes)),
            Place::Anywhere => {
                // Shorter than a run, the text is its own key.
                let list = SHORT_WIDTHS.iter().position(|width| *width == bytes.len()).unwrap_or_default();
                let lists = if bytes.is_ascii() { &mut self.short } else { &mut self.short_beyond };
                if let Some(list) = lists.get_mut(list) {
                    list.push(Item { key: key(bytes), entry, before: 0 });
                }
            }
        }
    }

    fn finish(mut self, counts: Option<&GramCounts>) -> SlotIndex {
        let tables = |lists: [Vec<Item>; END_WIDTHS.len()]| {
            let filled = lists.into_iter().zip(END_WIDTHS).filter(|(items, _)| !items.is_empty());
            filled.map(|(items, width)| (width, Table::new(items))).collect()
        };
        let mut slot = SlotIndex {
            present: self.present,
            whole: Table::new(self.whole),
            starts: tables(self.starts),
            ends: tables(self.ends),
            keyed: Keyed::take(&mut self.short),
            ..SlotIndex::default()
        };
        let [threes, twos, ones] = self.short;
        // Short values: all in one pass.
        slot.all = all(&self.long, &threes, counts);
        // Long values: a few short texts would hold the stride of all others down, so each gets its own search.
        let below = |stride: usize| self.long.iter().filter(|(_, text)| text.len() < GRAM_WIDTH + stride - 1).count();
        let stride = STRIDES.into_iter().find(|stride| below(*stride) <= FEW_MAX).unwrap_or(1);
        let few_threes = threes.len() <= FEW_MAX;
        slot.has_parts = stride > 1 || self.long.len() <= FEW_MAX;
        if slot.has_parts {
            let is_short = |text: &[u8]| self.long.len() <= FEW_MAX || text.len() < GRAM_WIDTH + stride - 1;
            let (short, rest): (Vec<_>, Vec<_>) = self.long.iter().copied().partition(|(_, text)| is_short(text));
            slot.few.extend(short.iter().map(|(entry, text)| finder(*entry, text)));
            slot.long = long(&rest, counts);
            if few_threes {
                let finders =
                    threes.iter().map(|item| finder(item.entry, item.key.to_le_bytes().get(..3).unwrap_or_default()));
                slot.few.extend(finders);
            } else {
                slot.threes = Some(Grams::new(3, 3, 1, threes));
            }
        }
        let grams = |(items, width)| Grams::new(width, width, 1, items);
        let filled = |(items, _): &(Vec<Item>, usize)| !items.is_empty();
        slot.short = [(twos, 2), (ones, 1)].into_iter().filter(filled).map(grams).collect();
        slot.short_beyond = self.short_beyond.into_iter().zip(SHORT_WIDTHS).filter(filled).map(grams).collect();
        slot
    }
}

/// Up to so many texts of one width, a search for each costs less than a look at every byte.
const FEW_MAX: usize = 4;

/// In shorter values, setting each text's search up costs more than a look at every byte.
const SEARCHED_MIN: usize = 64;

fn finder(entry: u32, text: &[u8]) -> (u32, memmem::Finder<'static>) {
    (entry, memmem::Finder::new(text).into_owned())
}

/// Lays out the texts of 4 bytes and more, with the greatest stride that the shortest of them allows.
fn long(texts: &[(u32, &[u8])], counts: Option<&GramCounts>) -> Option<Grams> {
    let shortest = texts.iter().map(|(_, text)| text.len()).min()?;
    let stride = STRIDES.into_iter().find(|stride| GRAM_WIDTH + stride - 1 <= shortest).unwrap_or(1);
    Some(Grams::new(shortest, GRAM_WIDTH, stride, runs_of(texts, stride, counts)))
}

/// Lays out texts of 3 bytes and more together.
fn all(texts: &[(u32, &[u8])], threes: &[Item], counts: Option<&GramCounts>) -> Option<Grams> {
    if threes.is_empty() {
        return long(texts, counts);
    }
    let runs = runs_of(texts, 1, counts);
    let filter = Filter::mixed(&runs, threes);
    let (table, threes) = (Table::new(runs), Table::new(threes.to_vec()));
    Some(Grams { shortest: 3, width: GRAM_WIDTH, stride: 1, filter, table, threes })
}

/// Each text's rarest runs, as many as the stride needs.
fn runs_of(texts: &[(u32, &[u8])], stride: usize, counts: Option<&GramCounts>) -> Vec<Item> {
    let mut items = Vec::with_capacity(texts.len() * stride);
    for (entry, text) in texts {
        let first = rarest(text, stride, counts);
        let runs = text.array_windows::<GRAM_WIDTH>().enumerate().skip(first).take(stride);
        items.extend(runs.map(|(before, run)| Item { key: key(run), entry: *entry, before: before as u32 }));
    }
    items
}

impl Grams {
    fn new(shortest: usize, width: usize, stride: usize, items: Vec<Item>) -> Self {
        Self {
            shortest,
            width,
            stride,
            filter: Filter::new(&items),
            table: Table::new(items),
            threes: Table::default(),
        }
    }
}

/// Up to eight bytes as a number.
fn key(run: &[u8]) -> u64 {
    match run.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => run.iter().rev().fold(0, |key, byte| key << 8 | u64::from(*byte)),
    }
}

/// A whole value as a number: its length and both ends.
fn whole_key(bytes: &[u8]) -> u64 {
    let first = key(bytes);
    let last = bytes.last_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight));
    first ^ last.rotate_left(29).wrapping_mul(SPREAD) ^ (bytes.len() as u64).wrapping_mul(SPREAD)
}

/// 2⁶⁴ divided by the golden ratio: multiplied by it, numbers spread over the high bits (Knuth, volume 3, section 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// One entry under one key.
#[derive(Debug, Clone, Copy)]
struct Item {
    key: u64,
    entry: u32,
    /// Bytes of the text before the run that the key is made of.
    before: u32,
}

/// A hash table laid out once: the items of a bucket stand together.
#[derive(Debug, Default)]
struct Table {
    shift: u32,
    /// Bucket → its first item; one more for the end.
    starts: Box<[u32]>,
    items: Box<[Item]>,
}

impl Table {
    fn new(mut items: Vec<Item>) -> Self {
        if items.is_empty() {
            return Self::default();
        }
        let buckets = (items.len() * 2).next_power_of_two().max(2);
        let shift = 64 - buckets.trailing_zeros();
        // Stable, so that equal input gives an equal table.
        items.sort_by_key(|item| item.key.wrapping_mul(SPREAD));
        let mut starts = vec![0_u32; buckets + 1];
        for item in &items {
            if let Some(start) = starts.get_mut((item.key.wrapping_mul(SPREAD) >> shift) as usize + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { shift, starts: starts.into(), items: items.into() }
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[inline]
    fn each(&self, key: u64, mut each: impl FnMut(&Item)) {
        let bucket = (key.wrapping_mul(SPREAD) >> self.shift) as usize;
        let (Some(start), Some(end)) = (self.starts.get(bucket), self.starts.get(bucket + 1)) else { return };
        for item in self.items.get(*start as usize..*end as usize).unwrap_or_default() {
            if item.key == key {
                each(item);
            }
        }
    }
}

/// A bit map of the runs in a table: one bit read a byte of the value, and for few bytes more than that.
///
/// Of three sizes, so that looking into it needs no check of bounds. The greatest has 2¹⁷ bits: 16 KiB stay in the nearest
/// cache beside the value and the table's hot part.
#[derive(Debug)]
enum Filter {
    Small(Box<[u64; 64]>),
    Middle(Box<[u64; 512]>),
    Great(Box<[u64; 2048]>),
}

/// The first three bytes of a run.
const MASK_OF_THREE: u32 = 0x00FF_FFFF;

impl Filter {
    /// An empty map for so many runs.
    fn sized(runs: usize) -> Self {
        // 64 bits a run, of which it sets two in one word: one byte in some hundreds of a value is looked up in vain.
        match runs {
            0..=64 => Self::Small(Box::new([0; 64])),
            65..=512 => Self::Middle(Box::new([0; 512])),
            _ => Self::Great(Box::new([0; 2048])),
        }
    }

    /// The word that a hash is kept in.
    fn word(&mut self, hash: u32) -> Option<&mut u64> {
        match self {
            Self::Small(words) => words.get_mut(place::<64>(hash)),
            Self::Middle(words) => words.get_mut(place::<512>(hash)),
            Self::Great(words) => words.get_mut(place::<2048>(hash)),
        }
    }

    fn new(items: &[Item]) -> Self {
        let mut filter = Self::sized(items.len());
        for item in items {
            let hash = hash(item.key as u32);
            if let Some(word) = filter.word(hash) {
                *word |= 1 << (hash >> 15 & 63) | 1 << (hash >> 9 & 63);
            }
        }
        filter
    }

    /// The map of runs of four bytes and of texts of three, for [`Self::scan_mixed`]: the word is chosen by the first three
    /// bytes, two bits in it by all four.
    fn mixed(runs: &[Item], threes: &[Item]) -> Self {
        let mut filter = Self::sized(runs.len() + threes.len() * 8);
        for item in runs {
            let (gram, hash) = (item.key as u32, hash(item.key as u32 & MASK_OF_THREE));
            if let Some(word) = filter.word(hash) {
                *word |= 1 << first_bit(gram, hash) | 1 << second_bit(gram, hash);
            }
        }
        for item in threes {
            if let Some(word) = filter.word(hash(item.key as u32 & MASK_OF_THREE)) {
                *word = u64::MAX;
            }
        }
        filter
    }

    /// Calls `probe` with place and run where a run may be in the table.
    #[inline]
    fn scan<const WIDTH: usize, const STRIDE: usize>(&self, bytes: &[u8], probe: Probe<'_>) {
        match self {
            Self::Small(words) => scan::<WIDTH, STRIDE, 64>(words, bytes, probe),
            Self::Middle(words) => scan::<WIDTH, STRIDE, 512>(words, bytes, probe),
            Self::Great(words) => scan::<WIDTH, STRIDE, 2048>(words, bytes, probe),
        }
    }

    /// The same for runs of four bytes and texts of three together.
    #[inline]
    fn scan_mixed(&self, bytes: &[u8], probe: Probe<'_>) {
        match self {
            Self::Small(words) => scan_mixed(words, bytes, probe),
            Self::Middle(words) => scan_mixed(words, bytes, probe),
            Self::Great(words) => scan_mixed(words, bytes, probe),
        }
    }
}

#[inline]
fn hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1)
}

/// Which of so many words a hash is kept in: chosen by its high bits.
#[inline]
fn place<const WORDS: usize>(hash: u32) -> usize {
    const { assert!(WORDS.is_power_of_two()) };
    (hash >> (32 - WORDS.trailing_zeros())) as usize
}

#[inline]
fn first_bit(gram: u32, hash: u32) -> u32 {
    (hash >> 9).wrapping_add(gram >> 24) & 63
}

#[inline]
fn second_bit(gram: u32, hash: u32) -> u32 {
    (hash >> 3).wrapping_add((gram >> 24).wrapping_mul(37)) & 63
}

fn scan<const WIDTH: usize, const STRIDE: usize, const WORDS: usize>(
    words: &[u64; WORDS],
    bytes: &[u8],
    probe: Probe<'_>,
) {
    each_run::<WIDTH, STRIDE>(bytes, |at, gram| {
        let hash = hash(gram);
        // Mostly the first bit says no.
        if let Some(word) = words.get(place::<WORDS>(hash))
            && word & 1 << (hash >> 15 & 63) != 0
            && word & 1 << (hash >> 9 & 63) != 0
        {
            probe(at, gram);
        }
    });
}

fn scan_mixed<const WORDS: usize>(words: &[u64; WORDS], bytes: &[u8], probe: Probe<'_>) {
    each_run::<GRAM_WIDTH, 1>(bytes, |at, gram| {
        let hash = hash(gram & MASK_OF_THREE);
        if let Some(word) = words.get(place::<WORDS>(hash))
            && word & 1 << first_bit(gram, hash) != 0
            && word & 1 << second_bit(gram, hash) != 0
        {
            probe(at, gram);
        }
    });
}

/// What is called with place and run. Not inlined: a hit is rare, and the loop around it stays small.
type Probe<'p> = &'p mut dyn FnMut(usize, u32);

/// Calls `look` with place and run, at every so many bytes.
///
/// Eight bytes are loaded at once and give up to four runs: a load and its bounds cost as much as a look at the map.
#[inline]
fn each_run<const WIDTH: usize, const STRIDE: usize>(bytes: &[u8], mut look: impl FnMut(usize, u32)) {
    const { assert!(WIDTH >= 1 && WIDTH <= 4 && 8_usize.is_multiple_of(STRIDE)) };
    let mask = u32::MAX >> (32 - 8 * WIDTH);
    // So far apart that the last run of one load lies within it.
    let step = if STRIDE == 8 { 8 } else { 4 };
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        let mut run = 0;
        while run < step {
            look(at + run, (word >> (8 * run)) as u32 & mask);
            run += STRIDE;
        }
        at += step;
    }
    // Fewer than eight bytes are left.
    let rest = bytes.get(at..).unwrap_or_default();
    let word = key(rest);
    let mut run = 0;
    while run + WIDTH <= rest.len() {
        look(at + run, (word >> (8 * run)) as u32 & mask);
        run += STRIDE;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn met(needles: &[(Place, &str)], value: &str) -> Vec<u32> {
        let needles: Vec<Needle<'_>> = needles
            .iter()
            .enumerate()
            .map(|(at, (place, text))| Needle { slot: 0, place: *place, text, members: vec![at as u32] })
            .collect();
        let index = Index::new(1, &needles, &[]);
        let mut marks = Marks::default();
        marks.begin(0, index.len(), needles.len(), 1);
        index.look(0, value, &mut marks);
        let mut met = marks.candidates.clone();
        met.sort_unstable();
        met
    }

    #[test]
    fn every_way_of_standing_is_met() {
        use Place::{Anywhere, End, Present, Start, Whole};
        let needles = [
            (Present, ""),
            (Whole, ""),
            (Whole, "abc"),
            (Whole, "abcdefghij"),
            (Start, "a"),
            (Start, "abcdefghi"),
            (End, "j"),
            (End, "cdefghij"),
            (End, "bcdefghij"),
            (Anywhere, "e"),
            (Anywhere, "ef"),
            (Anywhere, "efg"),
            (Anywhere, "efgh"),
            (Anywhere, "bcdefghi"),
            (Anywhere, ""),
            (Anywhere, "abcdefghijk"),
            (Anywhere, "ß"),
        ];
        assert_eq!(met(&needles, "abcdefghij"), [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
        assert_eq!(met(&needles, ""), [0, 1, 14]);
        assert_eq!(met(&needles, "abc"), [0, 2, 4, 14]);
        assert_eq!(met(&needles, "xßy"), [0, 14, 16]);
    }

    #[test]
    fn long_texts_are_met_wherever_they_stand() {
        for length in 4..30 {
            // All of one length, so that the stride follows from it.
            let texts: Vec<String> = (0..5)
                .map(|at| format!("{at}abcdefghijklmnopqrstuvwxyz{at}abcdef").chars().take(length).collect())
                .collect();
            let needles: Vec<(Place, &str)> = texts.iter().map(|text| (Place::Anywhere, text.as_str())).collect();
            for shift in 0..20 {
                let value = format!("{}{}", "-".repeat(shift), texts[3]);
                assert_eq!(met(&needles, &value), [3], "{length} {shift}");
                assert_eq!(met(&needles, &format!("{value}--")), [3], "{length} {shift}");
            }
        }
    }

    #[test]
    fn texts_that_share_runs_are_told_apart() {
        let texts: Vec<String> = (0..500).map(|at| format!("\\tool{at:03}.exe")).collect();
        let needles: Vec<(Place, &str)> = texts.iter().map(|text| (Place::Anywhere, text.as_str())).collect();
        for at in [0, 7, 123, 499] {
            assert_eq!(met(&needles, &format!("c:\\x\\tool{at:03}.exe -v")), [at]);
        }
    }

    fn stands(place: Place, text: &str, value: &str) -> bool {
        match place {
            Place::Present => true,
            Place::Whole => value == text,
            Place::Start => value.starts_with(text),
            Place::End => value.ends_with(text),
            Place::Anywhere => value.contains(text),
            Place::Never => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: ProptestConfig::default().cases.max(2000),
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        /// As many texts as make every table, lengths from one table's shortest on, so that every stride occurs.
        #[test]
        fn exactly_the_texts_that_stand_in_the_value_are_met(
            shortest in 0_usize..12,
            texts in proptest::collection::vec((0..5_usize, "[ab;%\u{e4}\\\\]{0,14}"), 0..60),
            value in "[ab;%\u{e4}\\\\]{0,140}",
        ) {
            let places = [Place::Present, Place::Whole, Place::Start, Place::End, Place::Anywhere];
            let mut needles: Vec<(Place, &str)> = texts.iter().map(|(at, text)| (places[*at], text.as_str())).collect();
            needles.retain(|(place, text)| *place != Place::Anywhere || text.len() >= shortest);
            // Some texts surely stand in the value.
            let cuts = value.char_indices().map(|(at, _)| value.get(at..).unwrap()).filter(|cut| cut.len() >= shortest);
            needles.extend(cuts.take(6).map(|cut| (Place::Anywhere, cut)));
            needles.sort_unstable();
            needles.dedup();
            let expected: Vec<u32> = needles
                .iter()
                .zip(0..)
                .filter(|((place, text), _)| stands(*place, text, &value))
                .map(|(_, at)| at)
                .collect();
            prop_assert_eq!(met(&needles, &value), expected);
        }
    }
}
