//! One record's way: scan, recognise, tag, ask the projection, fill the slots, hand over.
//!
//! | step | cost |
//! |---|---|
//! | scan | every record: one pass over its bytes |
//! | dialect, tag, time | every record: a few operations on what the scan noted |
//! | derived fields, slots | wanted records: one table look-up a field, a copy for each wanted value |
//! | all fields | matched records only |
//!
//! What must stay true: the slots hold what [`fill`] would have put there from [`View`], and over that only the JSON text
//! of objects that a rule asks for by their own name (`requestParameters|contains`).

use std::hash::Hasher;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use shieldwall_schema::{
    Event, Fields, Flag, Place, Reject, Rejection, Sink, Slots, Tag, Timestamp, Value, Want, event::fill,
};

use super::confusable::is_confusable;
use super::derive::{Deriver, channel_of};
use super::dialect::{self, Dialect, Dialects, Extra, Is};
use super::paths::{Node, Paths};
use super::scan::{Fault, Scanner};
use super::tape::{Entry, Item, Marks, Source, Tape, kind, push_hex};
use super::time::{self, Moment};
use crate::decoder::Context;
use crate::format::syslog::programs::code_of;

/// Distinct tags whose answers a worker keeps before it begins anew. Real hosts have some two thousand (channel, provider,
/// event id); hostile ones as many as records.
const TAGS_MAX: usize = 4096;
/// Slot lists that a worker keeps over all tags before it begins anew: 16 MiB.
const PROJECTIONS_MAX: usize = 4 << 20;

/// What is wanted of one tag, and which slots each path fills.
struct Tagged {
    words: Words,
    want: Option<Arc<Want>>,
    /// By node: 0 not known yet, 1 none, else an index into `lists` plus 2.
    slots: Vec<u32>,
    lists: Vec<Box<[u16]>>,
}

/// Reads records, one after another.
pub(super) struct Reader<'a> {
    context: Context<'a>,
    dialects: &'static Dialects,
    scanner: Scanner,
    paths: Paths,
    tape: Tape,
    deriver: Deriver,
    slots: Slots,
    /// By the hash of the tag's words; what collides takes the other's place.
    tags: FxHashMap<u64, Tagged>,
    projections: usize,
    words: Words,
    scratch: String,
    time_text: String,
    unwanted: u64,
    latest: Option<Timestamp>,
    /// A time without a zone was read by the clock's zone.
    pub(super) saw_no_zone: bool,
}

/// The tag's words, one after another, and where each ends.
#[derive(Clone, Default, PartialEq, Eq)]
struct Words {
    text: String,
    /// It belongs to the key: it decides what fields are called.
    dialect: usize,
    product: (u32, u32),
    service: (u32, u32),
    provider: (u32, u32),
    code: (u32, u32),
}

impl Words {
    fn begin(&mut self, dialect: usize) {
        self.text.clear();
        self.dialect = dialect;
    }

    fn word(&mut self, write: impl FnOnce(&mut String)) -> (u32, u32) {
        let start = self.text.len();
        write(&mut self.text);
        (start as u32, self.text.len() as u32)
    }

    fn tag(&self) -> Tag<'_> {
        let word = |(start, end): (u32, u32)| self.text.get(start as usize..end as usize).unwrap_or_default();
        Tag {
            product: word(self.product),
            service: word(self.service),
            provider: word(self.provider),
            code: word(self.code),
        }
    }

    fn hash(&self) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write(self.text.as_bytes());
        for number in [self.product.1, self.service.1, self.provider.1, self.code.1, self.dialect as u32] {
            hasher.write_u32(number);
        }
        hasher.finish()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        Self {
            context,
            dialects: dialect::dialects(),
            scanner: Scanner::default(),
            paths: Paths::new(dialect::known),
            tape: Tape::default(),
            deriver: Deriver::default(),
            slots: Slots::default(),
            tags: FxHashMap::default(),
            projections: 0,
            words: Words::default(),
            scratch: String::new(),
            time_text: String::new(),
            unwanted: 0,
            latest: None,
            saw_no_zone: false,
        }
    }

    /// Scans a value; gives whether it may be a wrapper around records.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        self.make_room();
        self.scanner.scan(bytes, &mut self.paths, &mut self.tape)?;
        Ok(self.tape.marks.meets(&self.dialects.wrappers))
    }

    /// Scans one value at the beginning of `bytes`; gives where it ends.
    pub(super) fn prefix(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.make_room();
        self.scanner.prefix(bytes, &mut self.paths, &mut self.tape)
    }

    /// Between two records: forgets what was learnt if there is too much of it.
    fn make_room(&mut self) {
        if self.paths.is_full() || self.projections > PROJECTIONS_MAX || self.tags.len() > TAGS_MAX {
            self.paths.forget();
            self.tags.clear();
            self.projections = 0;
        }
    }

    /// Hands over the record that was just scanned from `bytes`.
    pub(super) fn emit(&mut self, offset: u64, bytes: &[u8], sink: &mut dyn Sink) {
        self.emit_nested(offset, bytes, bytes, 0, sink);
    }

    /// `whole` are the record's bytes in the source; `bytes` those that were scanned.
    fn emit_nested(&mut self, offset: u64, whole: &[u8], bytes: &[u8], depth: u8, sink: &mut dyn Sink) {
        let source = Source::new(bytes);
        let (number, dialect) = self.dialects.of(&self.tape.marks);
        if let (Extra::Embedded(_) | Extra::Carried(_), 0) = (dialect.row.extra, depth)
            && self.emit_embedded(dialect, offset, whole, &source, sink)
        {
            return;
        }
        let place = Place::offset(offset);
        if let Extra::Typed(types) = dialect.row.extra
            && let Some(path) = self.mistyped(dialect, types)
        {
            let detail = format!("`{path}` is of another type than its format says");
            return sink.reject(Rejection { place, reason: Reject::Corrupt, detail });
        }
        let mut time_text = std::mem::take(&mut self.time_text);
        let time = self.time(dialect, &source, &mut time_text, place, sink);
        self.oddities(&source);
        self.words.begin(number);
        self.tag(dialect, &source);
        self.deliver(dialect, time, &time_text, place, whole, &source, sink);
        self.time_text = time_text;
        self.flags(place, sink);
    }

    /// The record stands as JSON in one of its texts; gives whether it could be read from there.
    fn emit_embedded(
        &mut self,
        dialect: &Dialect,
        offset: u64,
        whole: &[u8],
        source: &Source<'_>,
        sink: &mut dyn Sink,
    ) -> bool {
        let Some((_, entry)) = dialect.extra.first().and_then(|known| self.tape.found(*known)) else { return false };
        let mut inner = String::new();
        source.append(entry, &self.tape, &mut inner);
        // An envelope that many logs could have is opened only for a record of a dialect that we know.
        let any = !matches!(dialect.row.extra, Extra::Carried(_));
        if !any && !inner.starts_with('{') {
            return false;
        }
        let sound = self.scanner.scan(inner.as_bytes(), &mut self.paths, &mut self.tape).is_ok();
        if !sound || !any && self.dialects.of(&self.tape.marks).1.groups_are_empty() {
            // The outer record is to be scanned anew, since the tape is spoilt.
            return self.scanner.scan(source.bytes, &mut self.paths, &mut self.tape).is_err();
        }
        self.emit_nested(offset, whole, inner.as_bytes(), 1, sink);
        true
    }

    /// The field, if any, that has another type than it must have.
    fn mistyped(&self, dialect: &Dialect, types: &[(&'static str, Is)]) -> Option<&'static str> {
        let is = |known: u16, is: Is| match self.tape.found(known).map(|(_, entry)| entry.item) {
            // A list or an object has no value of its own.
            None => is == Is::Object || !self.marked_without_null(known),
            Some(Item::Text) => is == Is::Text,
            Some(Item::Number) => is == Is::Number,
            Some(item) => item == Item::Null,
        };
        let mut wrong = dialect.extra.iter().zip(types).filter(|(known, (_, wanted))| !is(**known, *wanted));
        let held = dialect.extra.first().is_some_and(|first| self.tape.marks.meets(&Marks::of([*first])));
        // Neither of the two that every record has is a text: whoever wrote this, it says nothing that a rule could read.
        let hopeless = || dialect.time.iter().all(|known| self.marked_without_null(*known));
        let (_, (path, _)) = wrong.next()?;
        let no_kind = dialect.service.iter().any(|known| !is(*known, Is::Text));
        (held || (no_kind && hopeless())).then_some(*path)
    }

    /// The event's time; its text is left in `text` if it says more than the instant.
    fn time(
        &mut self,
        dialect: &Dialect,
        source: &Source<'_>,
        text: &mut String,
        place: Place,
        sink: &mut dyn Sink,
    ) -> Option<Timestamp> {
        text.clear();
        let there = |known: &u16| self.tape.found(*known).filter(|(_, entry)| entry.item != Item::Null);
        let Some((_, entry)) = dialect.time.iter().find_map(there) else {
            // A time that is an object or a list is a time all the same, but for dialects whose times are objects.
            let odd = dialect.groups_are_empty() && dialect.time.iter().any(|known| self.marked_without_null(*known));
            if odd {
                sink.flag(Flag::TimeInvalid, place);
            }
            return None;
        };
        source.append(entry, &self.tape, text);
        let utc = dialect.row.utc;
        let zone = if utc { &shieldwall_schema::Zone::UTC } else { self.context.clock.zone() };
        let moment = time::parse(text);
        self.saw_no_zone |= !utc && matches!(moment, Some(Moment::Civil(_)));
        let time = moment.and_then(|moment| moment.instant(zone));
        if time.is_none() {
            sink.flag(Flag::TimeInvalid, place);
        } else if time::is_utc_rfc3339(text) {
            text.clear();
        }
        time
    }

    fn marked_without_null(&self, known: u16) -> bool {
        self.tape.marks.meets(&Marks::of([known])) && self.tape.found(known).is_none()
    }

    /// Looks at texts beyond ASCII.
    fn oddities(&mut self, source: &Source<'_>) {
        if source.text.is_none() {
            self.tape.odd.utf8_invalid = true;
        }
        if !self.tape.wide {
            return;
        }
        let wide = |entry: &&Entry| entry.wide && entry.item == Item::Text;
        let confusable = self
            .tape
            .entries
            .iter()
            .filter(wide)
            .any(|entry| is_confusable(source.value(entry, &self.tape, &mut self.scratch).text));
        self.tape.odd.confusable |= confusable;
    }

    /// Puts the record's tag together.
    fn tag(&mut self, dialect: &Dialect, source: &Source<'_>) {
        let (tape, words) = (&self.tape, &mut self.words);
        let first = |list: &[u16]| list.iter().find_map(|known| tape.found(*known)).map(|(_, entry)| entry);
        let put = |words: &mut Words, list: &[u16]| {
            words.word(|out| {
                if let Some(entry) = first(list) {
                    source.append(entry, tape, out);
                }
            })
        };
        words.product = match dialect.row.extra {
            Extra::Ecs(_) => {
                let mut system = String::new();
                if let Some(entry) = first(&dialect.extra) {
                    source.append(entry, tape, &mut system);
                }
                // Operating systems only: a record cannot make itself any other product's.
                let known = ["windows", "linux", "macos"].into_iter().find(|known| system.eq_ignore_ascii_case(known));
                let other = if dialect.row.product.is_empty() { "json" } else { dialect.row.product };
                words.word(|out| out.push_str(known.unwrap_or(other)))
            }
            _ => words.word(|out| out.push_str(dialect.row.product)),
        };
        words.provider = put(words, &dialect.provider);
        words.code = put(words, &dialect.code);
        let mut service = String::new();
        if let Some(entry) = first(&dialect.service) {
            source.append(entry, tape, &mut service);
        } else if let Extra::Windows = dialect.row.extra {
            service.push_str(channel_of(words.tag().provider).unwrap_or_default());
        } else if let Extra::Zeek(names) = dialect.row.extra {
            let there = |(known, _): &(&u16, _)| tape.found(**known).is_some();
            let named = dialect.extra.iter().zip(names).find(there);
            service.push_str(named.map_or("", |(_, (_, name))| name));
        }
        words.service = words.word(|out| dialect.row.service.name(&service, out));
        match dialect.row.extra {
            // Sysmon for Linux writes the same tree of an event as Windows does.
            Extra::Windows if words.tag().provider == "Linux-Sysmon" => {
                words.product = words.word(|out| out.push_str("linux"));
                words.service = words.word(|out| out.push_str("sysmon"));
            }
            Extra::Journal if words.tag().service == "sysmon" => {
                if let Some((_, entry)) = tape.found(dialect::known("MESSAGE")) {
                    let mut message = String::new();
                    source.append(entry, tape, &mut message);
                    words.code = words.word(|out| out.push_str(code_of("sysmon", &message)));
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a walk whose parts are borrowed from different places")]
    fn deliver(
        &mut self,
        dialect: &Dialect,
        time: Option<Timestamp>,
        time_text: &str,
        place: Place,
        whole: &[u8],
        source: &Source<'_>,
        sink: &mut dyn Sink,
    ) {
        let tag = self.words.tag();
        let ask = || Tagged {
            words: self.words.clone(),
            want: self.context.projection.want(&tag),
            slots: Vec::new(),
            lists: Vec::new(),
        };
        let tagged = self.tags.entry(self.words.hash()).or_insert_with(ask);
        if tagged.words != self.words {
            *tagged = ask();
        }
        let Some(want) = tagged.want.clone() else {
            self.unwanted += 1;
            self.latest = time.or(self.latest);
            return;
        };
        self.deriver.derive(dialect, tag.service, source, &mut self.paths, &mut self.tape);
        let view = View { source, tape: &self.tape, paths: &self.paths, dialect };
        if source.text.is_some() {
            let before = tagged.slots.len();
            tagged.project(&want, &view, &mut self.slots, &mut self.scratch);
            self.projections += tagged.slots.len() - before;
        } else {
            fill(&want, &view, &mut self.slots);
        }
        let time_text = (!time_text.is_empty()).then_some(time_text);
        sink.event(&Event {
            time,
            time_text,
            place,
            bytes: whole,
            tag,
            want: &want,
            slots: &self.slots,
            fields: &view,
        });
    }

    fn flags(&mut self, place: Place, sink: &mut dyn Sink) {
        let odd = self.tape.odd;
        for (is, flag) in [
            (odd.duplicate_key, Flag::DuplicateKey),
            (odd.field_cap, Flag::FieldCap),
            (odd.truncated, Flag::Truncated),
            (odd.utf8_invalid, Flag::Utf8Invalid),
            (odd.confusable, Flag::Confusable),
        ] {
            if is {
                sink.flag(flag, place);
            }
        }
    }

    /// A value that is no record: counted and flagged.
    pub(super) fn odd_value(&mut self, offset: u64, sink: &mut dyn Sink) {
        self.unwanted += 1;
        sink.flag(Flag::UnknownLine, Place::offset(offset));
    }

    /// Reports the records that nobody wanted so far.
    pub(super) fn flush(&mut self, sink: &mut dyn Sink) {
        if self.unwanted > 0 {
            sink.unwanted(self.unwanted, self.latest);
        }
        self.unwanted = 0;
        self.latest = None;
    }
}

impl Tagged {
    /// Fills the slots.
    fn project(&mut self, want: &Want, view: &View<'_>, slots: &mut Slots, scratch: &mut String) {
        slots.clear();
        if self.slots.len() < view.paths.len() {
            self.slots.resize(view.paths.len(), 0);
        }
        for entry in &view.tape.entries {
            if entry.item == Item::Dead {
                continue;
            }
            let mut list = self.slots.get(entry.node.0 as usize).copied().unwrap_or(1);
            if list == 0 {
                list = self.learn(want, view, entry.node);
            }
            let named: &[u16] = match list {
                0 | 1 => &[],
                index => self.lists.get(index as usize - 2).map_or(&[], |list| list),
            };
            let container = entry.item == Item::Container;
            // An alias is another name for a value that keywords have seen already.
            let alias = !entry.derived && view.paths.parent(entry.node) == Node::DERIVED;
            let keywords = want.keywords.filter(|_| !container && !alias);
            if named.is_empty() && keywords.is_none() {
                continue;
            }
            let mut targets = named.iter().copied().chain(keywords);
            if let Some(slot) = targets.next() {
                match entry.item {
                    Item::Text | Item::Container if entry.escaped => {
                        slots.push_with(slot, kind(entry.item), |out| view.source.append(entry, view.tape, out));
                    }
                    _ => slots.push(slot, view.source.value(entry, view.tape, scratch)),
                }
            }
            for slot in targets {
                slots.also(slot);
            }
        }
    }

    #[cold]
    fn learn(&mut self, want: &Want, view: &View<'_>, node: Node) -> u32 {
        let mut list: Vec<u16> = Vec::new();
        view.names(node, &mut |name| {
            for slot in want.by_name.get(name).into_iter().flatten() {
                if !list.contains(slot) {
                    list.push(*slot);
                }
            }
        });
        let known = if list.is_empty() {
            1
        } else {
            self.lists.push(list.into());
            self.lists.len() as u32 + 1
        };
        if let Some(slot) = self.slots.get_mut(node.0 as usize) {
            *slot = known;
        }
        known
    }
}

/// A whole record, on demand.
pub(super) struct View<'r> {
    source: &'r Source<'r>,
    tape: &'r Tape,
    paths: &'r Paths,
    dialect: &'r Dialect,
}

impl View<'_> {
    /// Calls `each` with every name that a path goes by: the native one, the dotted path, and that with its wrapper.
    fn names(&self, node: Node, each: &mut dyn FnMut(&str)) {
        let path = self.paths.text(node);
        let top = self.paths.top(node);
        if top != Node::DERIVED
            && let Some(native) = self.dialect.row.naming.native(path)
        {
            each(&native);
        }
        each(path);
        match top {
            Node::SOURCE => each(&format!("_source.{path}")),
            Node::RESULT => each(&format!("result.{path}")),
            Node::DETAIL => each(&format!("detail.{path}")),
            _ => {}
        }
    }
}

impl Fields for View<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        let mut scratch = String::new();
        let mut hex = String::new();
        for entry in &self.tape.entries {
            if matches!(entry.item, Item::Dead | Item::Container) {
                continue;
            }
            let value = self.source.value(entry, self.tape, &mut scratch);
            self.names(entry.node, &mut |name| each(name, value));
            if let Some(bytes) = self.source.invalid(entry) {
                hex.clear();
                push_hex(bytes, &mut hex);
                self.names(entry.node, &mut |name| each(&format!("{name}_hex"), Value::text(&hex)));
            }
        }
    }
}
