//! The loop of every line format: line → text → record → tag → wanted values → [`Sink`].
//!
//! A format fills in [`Grammar`] (line → record) and [`Record`] (what the record says). What a record costs is the parse
//! that its tag needs and the fields that somebody wants; everything else waits for [`Fields::each`].
//!
//! Must stay true: the slots filled here equal those of [`shieldwall_schema::fill`] over the record's own fields.

use shieldwall_schema::{Chunk, Event, Fields, Flag, Place, Sink, Slots, Tag, Timestamp, Value};

use crate::decoder::{ChunkDecoder, Context};
use crate::lines::Lines;
use crate::text::escape;
use crate::text::line::{Text, Texts};
use crate::text::stamp::Stamp;
use crate::text::stamper::Stamper;
use crate::text::wants::{WantCache, Wanted};

/// The field that holds a line's own bytes in hexadecimal, where they are no UTF-8.
pub(crate) const HEX_FIELD: &str = "message_hex";

/// Where a record puts its fields.
pub(crate) type Out<'a> = &'a mut dyn FnMut(&str, Value<'_>);

/// How a format's lines are read. It may remember what lines before said (column headers) if the format is ordered.
pub(crate) trait Grammar: Send {
    /// What a line becomes.
    type Record<'l>: Record
    where
        Self: 'l;

    /// Names of the fixed fields; [`Record::values`] knows them by their index.
    const NAMES: &'static [&'static str];

    /// Reads one line; `None` for a line that is no record (a header, a comment).
    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<Self::Record<'l>>;
}

/// What one line says.
pub(crate) trait Record {
    /// Its tag.
    fn tag(&self) -> Tag<'_>;

    /// Its time and the time's text, if it has one.
    fn stamp(&self) -> Option<(Stamp, &str)>;

    /// What is odd about it.
    fn flag(&self) -> Option<Flag> {
        None
    }

    /// The values of one fixed field: none, one, or several.
    fn values(&self, field: usize, out: &mut dyn FnMut(Value<'_>));

    /// The fields that are not fixed.
    fn rest(&self, out: Out<'_>) {
        let _ = out;
    }
}

/// A line format at work.
pub(crate) struct LineDecoder<'a, G> {
    grammar: G,
    wants: WantCache<'a>,
    stamper: Stamper<'a>,
    slots: Slots,
    lossy: String,
}

impl<'a, G: Grammar> LineDecoder<'a, G> {
    /// Opens `grammar`; `years` says whether the clock was settled for lines without a year.
    pub(crate) fn new(grammar: G, context: Context<'a>, years: bool) -> Self {
        Self {
            grammar,
            wants: WantCache::new(context.projection, G::NAMES),
            stamper: Stamper::new(context.clock, years),
            slots: Slots::default(),
            lossy: String::new(),
        }
    }
}

impl<G: Grammar> ChunkDecoder for LineDecoder<'_, G> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        let Self { grammar, wants, stamper, slots, lossy } = self;
        let (mut unwanted, mut latest) = (0, None);
        let texts = Texts::new(chunk);
        for line in Lines::new(chunk) {
            let text = texts.read(&line, lossy, sink);
            let Some(record) = grammar.read(&text) else { continue };
            let place = Place::offset(line.offset);
            if let Some(flag) = record.flag() {
                sink.flag(flag, place);
            }
            let stamp = record.stamp();
            let time = stamp.and_then(|(stamp, _)| stamper.time(&stamp, line.offset));
            if stamp.is_some() && time.is_none() {
                sink.flag(Flag::TimeInvalid, place);
            }
            let tag = record.tag();
            let Some(wanted) = wants.get(&tag) else {
                unwanted += 1;
                latest = time.or(latest);
                continue;
            };
            tell_unwanted(&mut unwanted, &mut latest, sink);
            fill(wanted, &record, &text, slots);
            sink.event(&Event {
                time,
                time_text: stamp.map(|(_, text)| text).filter(|text| !is_utc(text)),
                place,
                bytes: text.bytes,
                tag,
                want: &wanted.want,
                slots,
                fields: &Whole { names: G::NAMES, record: &record, text: &text },
            });
        }
        tell_unwanted(&mut unwanted, &mut latest, sink);
    }
}

fn tell_unwanted(count: &mut u64, latest: &mut Option<Timestamp>, sink: &mut dyn Sink) {
    if *count > 0 {
        sink.unwanted(std::mem::take(count), latest.take());
    }
}

/// Whether a time was written as output will write it.
fn is_utc(text: &str) -> bool {
    matches!(text.as_bytes(), [.., b'Z']) && text.as_bytes().get(10) == Some(&b'T')
}

/// Puts the wanted values of a record into the slots.
fn fill<R: Record>(wanted: &Wanted, record: &R, text: &Text<'_>, slots: &mut Slots) {
    slots.clear();
    // Most values are pieces of the line.
    let line = if wanted.want.keywords.is_some() { text.text } else { "" };
    if let Some(slot) = wanted.want.keywords {
        slots.push(slot, Value::text(line));
    }
    for (field, targets) in &wanted.direct {
        record.values(*field, &mut |value| push(slots, targets, value, line));
    }
    if wanted.rest {
        others(record, text, &mut |name, value| {
            if wanted.may_want(name)
                && let Some(targets) = wanted.want.by_name.get(name)
            {
                push(slots, targets, value, line);
            }
        });
    }
}

fn push(slots: &mut Slots, targets: &[u16], value: Value<'_>, line: &str) {
    let mut targets = targets.iter();
    if let Some(first) = targets.next() {
        slots.push_part(*first, value, line);
        targets.for_each(|slot| slots.also(*slot));
    }
}

/// The fields that have no number.
fn others<R: Record>(record: &R, text: &Text<'_>, out: Out<'_>) {
    record.rest(out);
    if text.lossy {
        out(HEX_FIELD, Value::text(&escape::hex(text.bytes)));
    }
}

/// A record as all its fields.
struct Whole<'r, R> {
    names: &'static [&'static str],
    record: &'r R,
    text: &'r Text<'r>,
}

impl<R: Record> Fields for Whole<'_, R> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        for (field, name) in self.names.iter().enumerate() {
            self.record.values(field, &mut |value| each(name, value));
        }
        others(self.record, self.text, each);
    }

    fn line(&self) -> Option<&str> {
        Some(self.text.text)
    }
}
