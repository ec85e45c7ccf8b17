//! From a record's provider, channel and event id to what detectors want of it, asked once a kind of record.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use shieldwall_schema::{Projection, Slots, Tag, Timestamp, Want};

use super::layout::TagSource;
use super::names::{NameId, Names, known};
use super::needles::Search;
use super::section::Section;
use super::token::{Fault, Instance};
use super::value::{kind_of, value_type as ty, write_value};
use super::walk::{Slot, Value, Visitor, Walk};

/// Kinds of records a worker remembers before it begins anew. A busy host has some thousand.
const ROWS_MAX: usize = 16_384;
/// Entries in all tables of wanted names that a worker keeps before it begins anew: a name in a wanted kind of record
/// takes two bytes. A thousand kinds and four thousand names stay below it.
const WANTED_NAMES_MAX: usize = 8 << 20;

/// An event id. Windows knows 16 bits; whatever else stands there is kept as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Code {
    Number(u32),
    Name(NameId),
}

/// What System says of a record, before anything else is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) provider: NameId,
    pub(super) channel: NameId,
    pub(super) code: Code,
    /// `TimeCreated/@SystemTime`, if it is a possible time.
    pub(super) time: Option<Timestamp>,
}

impl Head {
    const EMPTY: Self =
        Self { provider: known::EMPTY, channel: known::EMPTY, code: Code::Name(known::EMPTY), time: None };
}

impl Walk {
    /// The head of a record that is one template instance, [loaded](Walk::load) at `base`; `None` if the template does not
    /// tell where its parts are.
    #[inline]
    pub(super) fn head_of_instance(&mut self, chunk: &[u8], layout: usize, base: usize) -> Option<Head> {
        let tag = self.layouts.get(layout)?.tag;
        let sources = [tag.provider, tag.channel, tag.code, tag.time];
        let name = |walk: &mut Self, source: TagSource| match source {
            TagSource::Known(name) => name,
            TagSource::Absent | TagSource::Odd => known::EMPTY,
            TagSource::Slot(id) => {
                walk.slot(base, id).map_or(known::EMPTY, |slot| name_of(slot, chunk, &mut walk.names))
            }
        };
        if sources.contains(&TagSource::Odd) {
            return None;
        }
        let code = match tag.code {
            TagSource::Slot(id) => {
                let slot = self.slot(base, id)?;
                code_of(Value::Raw { value_type: slot.value_type, bytes: slot.span.of(chunk) }, &mut self.names)
            }
            TagSource::Known(text) => code_of_name(text, &self.names),
            _ => Code::Name(known::EMPTY),
        };
        let time = match tag.time {
            TagSource::Slot(id) => {
                let slot = self.slot(base, id)?;
                time_of(Value::Raw { value_type: slot.value_type, bytes: slot.span.of(chunk) })
            }
            TagSource::Known(text) => parse_time(self.names.text(text)),
            _ => None,
        };
        Some(Head { provider: name(self, tag.provider), channel: name(self, tag.channel), code, time })
    }

    /// The head of any record: walks it until System is over.
    pub(super) fn head_of_stream(&mut self, chunk: &[u8], at: usize, end: usize) -> Result<Head, Fault> {
        let mut seeker = Seeker { head: Head::EMPTY, seen: [false; 4] };
        match self.stream(chunk, at, end, Section::Root, &mut seeker) {
            Ok(()) | Err(Fault::Stop) => Ok(seeker.head),
            Err(fault) => Err(fault),
        }
    }

    /// Layout and values of a record's only instance.
    #[inline]
    pub(super) fn open_instance(&mut self, chunk: &[u8], instance: Instance) -> Result<(usize, usize), Fault> {
        let layout = self.layout_of(chunk, instance.definition, Section::Root)?;
        let base = self.load(chunk, instance)?;
        Ok((layout, base))
    }
}

#[inline]
fn name_of(slot: Slot, chunk: &[u8], names: &mut Names) -> NameId {
    let bytes = slot.span.of(chunk);
    match slot.value_type {
        ty::STRING => names.of_utf16(bytes),
        value_type => {
            let mut text = String::new();
            write_value(value_type, bytes, &mut text);
            names.of_text(&text)
        }
    }
}

#[inline]
fn code_of(value: Value<'_>, names: &mut Names) -> Code {
    match value {
        Value::Raw { value_type: ty::UINT16, bytes: [low, high] } => {
            Code::Number(u32::from(u16::from_le_bytes([*low, *high])))
        }
        Value::Raw { value_type, bytes } => {
            let mut text = String::new();
            write_value(value_type, bytes, &mut text);
            code_of_text(&text, names)
        }
        Value::Text(text) => code_of_text(text, names),
    }
}

fn code_of_text(text: &str, names: &mut Names) -> Code {
    match number(text) {
        Some(number) => Code::Number(number),
        None => Code::Name(names.of_text(text)),
    }
}

fn code_of_name(name: NameId, names: &Names) -> Code {
    number(names.text(name)).map_or(Code::Name(name), Code::Number)
}

/// A decimal number as it would be written.
fn number(text: &str) -> Option<u32> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical)
}

fn time_of(value: Value<'_>) -> Option<Timestamp> {
    match value {
        Value::Raw { value_type: ty::FILETIME, bytes } => {
            bytes.first_chunk().and_then(|bytes| Timestamp::from_filetime(u64::from_le_bytes(*bytes)))
        }
        Value::Raw { value_type, bytes } => {
            let mut text = String::new();
            write_value(value_type, bytes, &mut text);
            parse_time(&text)
        }
        Value::Text(text) => parse_time(text),
    }
}

/// Reads `2021-04-22T22:08:05.1234567Z`, as Windows writes times in events that were exported or forwarded.
fn parse_time(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let mut nanos = 0;
    let mut worth = 100_000_000;
    for digit in fraction.bytes() {
        nanos += worth * u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        worth /= 10;
    }
    Timestamp::from_civil(i32::try_from(year).ok()?, month, day, hour, minute, second, nanos, 0)
}

/// Looks for the four parts of the head; the first of each counts, since System comes first.
struct Seeker {
    head: Head,
    seen: [bool; 4],
}

impl Visitor for Seeker {
    fn leaf(&mut self, names: &mut Names, name: NameId, value: Value<'_>) -> Result<(), Fault> {
        let part = match name {
            known::PROVIDER_NAME => 0,
            known::CHANNEL => 1,
            known::EVENT_ID => 2,
            known::SYSTEM_TIME => 3,
            _ => return Ok(()),
        };
        match self.seen.get_mut(part) {
            Some(seen) if !*seen => *seen = true,
            _ => return Ok(()),
        }
        match part {
            2 => self.head.code = code_of(value, names),
            3 => self.head.time = time_of(value),
            _ => {
                let name = match value {
                    Value::Raw { value_type: ty::STRING, bytes } => names.of_utf16(bytes),
                    Value::Raw { value_type, bytes } => {
                        let mut text = String::new();
                        write_value(value_type, bytes, &mut text);
                        names.of_text(&text)
                    }
                    Value::Text(text) => names.of_text(text),
                };
                *(if part == 0 { &mut self.head.provider } else { &mut self.head.channel }) = name;
            }
        }
        Ok(())
    }

    fn ended(&mut self, section: Section) -> Result<(), Fault> {
        match section {
            Section::System => Err(Fault::Stop),
            _ => Ok(()),
        }
    }
}

/// One kind of record.
pub(super) struct Row {
    pub(super) provider: String,
    pub(super) channel: String,
    pub(super) code: String,
    pub(super) wanted: Option<Wanted>,
}

impl Row {
    /// The tag.
    pub(super) fn tag(&self) -> Tag<'_> {
        Tag { product: "windows", service: &self.channel, provider: &self.provider, code: &self.code }
    }
}

/// What is wanted of a kind of record, by name id.
pub(super) struct Wanted {
    pub(super) want: Arc<Want>,
    keywords: Option<u16>,
    /// What a record must hold for keywords to be worth filling; `None`: they are always filled.
    search: Option<Search>,
    /// Name id → index in `lists`; grows with the interner.
    by_name: Vec<u16>,
    /// The slots of a name; the first list is empty.
    lists: Vec<Box<[u16]>>,
}

impl Wanted {
    fn new(want: Arc<Want>) -> Self {
        let search = want.keyword_needles.as_deref().and_then(Search::new);
        Self { keywords: want.keywords, search, want, by_name: Vec::new(), lists: vec![Box::default()] }
    }

    /// Whether records are searched before keywords are filled.
    #[inline]
    pub(super) fn searches(&self) -> bool {
        self.keywords.is_some() && self.search.is_some()
    }

    /// The slots that a name fills.
    #[inline]
    fn slots_of(&mut self, names: &Names, name: NameId) -> &[u16] {
        if self.by_name.len() <= name.0 as usize {
            self.learn(names);
        }
        let list = self.by_name.get(name.0 as usize).copied().unwrap_or_default();
        self.lists.get(usize::from(list)).map_or(&[], |list| list)
    }

    #[cold]
    fn learn(&mut self, names: &Names) {
        for id in self.by_name.len()..names.len() {
            let slots = self.want.by_name.get(names.text(NameId(id as u32)));
            // A want has fewer than 65,536 slots, and no more lists.
            let list = slots.and_then(|slots| {
                let list = u16::try_from(self.lists.len()).ok()?;
                self.lists.push(slots.as_slice().into());
                Some(list)
            });
            self.by_name.push(list.unwrap_or_default());
        }
    }
}

/// All kinds of records seen.
#[derive(Default)]
pub(super) struct Rows {
    by_head: FxHashMap<(NameId, NameId, Code), u32>,
    rows: Vec<Row>,
    last: Option<((NameId, NameId, Code), u32)>,
}

impl Rows {
    /// Whether so much was learnt that the owner must begin anew.
    pub(super) fn is_full(&self) -> bool {
        let entries = |row: &Row| row.wanted.as_ref().map_or(0, |wanted| wanted.by_name.len());
        self.rows.len() > ROWS_MAX || self.rows.iter().map(entries).sum::<usize>() > WANTED_NAMES_MAX
    }

    /// The row of a head; asks the projection on its first record.
    #[inline]
    pub(super) fn row(&mut self, head: &Head, names: &Names, projection: &dyn Projection) -> Option<&mut Row> {
        let key = (head.provider, head.channel, head.code);
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => match self.by_head.get(&key) {
                Some(at) => *at,
                None => self.learn(key, names, projection),
            },
        };
        self.last = Some((key, at));
        self.rows.get_mut(at as usize)
    }

    /// The row that was asked for last.
    pub(super) fn last(&self) -> Option<&Row> {
        self.last.and_then(|(_, at)| self.rows.get(at as usize))
    }

    #[cold]
    fn learn(&mut self, key: (NameId, NameId, Code), names: &Names, projection: &dyn Projection) -> u32 {
        let (provider, channel, code) = key;
        let code = match code {
            Code::Number(number) => number.to_string(),
            Code::Name(name) => names.text(name).to_owned(),
        };
        let (provider, channel) = (names.text(provider).to_owned(), names.text(channel).to_owned());
        let mut row = Row { provider, channel, code, wanted: None };
        row.wanted = projection.want(&row.tag()).map(Wanted::new);
        let at = self.rows.len() as u32;
        self.rows.push(row);
        self.by_head.insert(key, at);
        at
    }
}

/// Puts the wanted leaves into their slots.
pub(super) struct Fill<'a> {
    pub(super) wanted: &'a mut Wanted,
    pub(super) slots: &'a mut Slots,
    /// Whether characters had to be replaced.
    pub(super) lossy: bool,
    /// What is done for keywords.
    pub(super) keywords: Keywords,
}

/// What a [`Fill`] does for keyword rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keywords {
    /// Puts every value into their slot, if there is one.
    Fill,
    /// Leaves their slot empty and stops the walk at the first value that holds a text which they need.
    Search,
    /// Such a value was met: the record must be walked again, to fill.
    Found,
}

impl Visitor for Fill<'_> {
    #[inline]
    fn wants(&mut self, names: &Names, name: NameId) -> bool {
        self.wanted.keywords.is_some() || !self.wanted.slots_of(names, name).is_empty()
    }

    #[inline]
    fn leaf(&mut self, names: &mut Names, name: NameId, value: Value<'_>) -> Result<(), Fault> {
        if self.keywords == Keywords::Search
            && self.wanted.search.as_ref().is_none_or(|search| search.may_stand_in(value))
        {
            self.keywords = Keywords::Found;
            return Err(Fault::Stop);
        }
        let keywords = self.wanted.keywords.filter(|_| self.keywords == Keywords::Fill);
        let named = self.wanted.slots_of(names, name);
        let mut into = named.iter().copied().chain(keywords);
        let Some(first) = into.next() else { return Ok(()) };
        match value {
            Value::Raw { value_type, bytes } => {
                let mut lossy = false;
                let kind = kind_of(value_type, bytes);
                self.slots.push_with(first, kind, |out| lossy = write_value(value_type, bytes, out));
                self.lossy |= lossy;
            }
            Value::Text(text) => self.slots.push(first, shieldwall_schema::Value::text(text)),
        }
        for slot in into {
            self.slots.also(slot);
        }
        Ok(())
    }
}

/// The text of a visited value, for whoever wants all of a record.
pub(super) fn text_of<'a>(value: Value<'a>, scratch: &'a mut String) -> shieldwall_schema::Value<'a> {
    match value {
        Value::Text(text) => shieldwall_schema::Value::text(text),
        Value::Raw { value_type, bytes } => {
            scratch.clear();
            write_value(value_type, bytes, scratch);
            shieldwall_schema::Value { text: scratch, kind: kind_of(value_type, bytes) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_exported_events_are_read() {
        for (text, expected) in [
            ("2020-12-11T12:28:01.2990045Z", Some("2020-12-11T12:28:01.299004500Z")),
            ("2021-11-19T16:52:33.833733500Z", Some("2021-11-19T16:52:33.833733500Z")),
            ("2021-11-19T16:52:33Z", Some("2021-11-19T16:52:33Z")),
            ("2021-11-19T16:52:33.12x4Z", None),
            ("2021-13-19T16:52:33Z", None),
            ("2021-11-19 16:52:33", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn event_ids_are_numbers_where_they_are_written_as_such() {
        let mut names = Names::new();
        for (text, number) in [("4104", Some(4104)), ("0", Some(0)), ("007", None), ("+1", None), ("99999999999", None)]
        {
            let code = code_of_text(text, &mut names);
            assert_eq!(matches!(code, Code::Number(_)), number.is_some(), "{text}");
            if let Some(number) = number {
                assert_eq!(code, Code::Number(number));
            }
        }
    }
}
