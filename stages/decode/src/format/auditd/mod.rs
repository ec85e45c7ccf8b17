//! auditd's log: records joined into events.
//!
//! Read line by line in order: [`record`] reads the beginning of each line, [`join`] collects records with the same
//! node, time and serial number, [`event`] gives a complete event its tag and fields. A line costs one copy into its
//! event; its pairs are looked at only if a detector wants something of such events.
//!
//! What must stay true: at most [`join::OPEN_EVENTS_MAX`] events and a few MiB are open; a broken record is a rejection
//! with its offset and costs only itself; a line of another kind is kept as raw text and flagged.

mod decode;
mod event;
mod join;
mod names;
mod record;
mod tokens;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use shieldwall_schema::{
    Chunk, Event, Fields, Flag, Place, Reject, Rejection, Sink, Slots, Tag, Timestamp, Value, fill,
};

use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::journal::wants::Wants;
use crate::lines::Lines;
use event::{AuditFields, Filler, Scratch};
use join::{Joined, Window};
use record::{Parsed, parse};

/// Lines of the head that sniffing looks at.
const SNIFF_LINES_MAX: usize = 64;

/// Confidence in a log whose lines all are audit records behind a syslog header: surer than syslog itself.
const WRAPPED: Confidence = Confidence(95);

/// auditd's log.
pub struct Auditd;

impl Decoder for Auditd {
    fn name(&self) -> &'static str {
        "auditd"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        let chunk = Chunk { offset: 0, bytes: head, last: true, mid_line: false };
        let (mut lines, mut own, mut wrapped) = (0, 0, 0);
        for line in Lines::new(&chunk).take(SNIFF_LINES_MAX) {
            // The head's last line may be cut in the middle.
            if !line.ended && lines > 0 {
                break;
            }
            lines += 1;
            match parse(&String::from_utf8_lossy(line.bytes)) {
                Parsed::Record(record) if record.wrapped => wrapped += 1,
                Parsed::Record(_) => own += 1,
                Parsed::Broken(_) | Parsed::Unknown => {}
            }
        }
        match lines {
            0 => Confidence::NO,
            _ if wrapped == lines => WRAPPED,
            _ if own > 0 && (own + wrapped) * 2 >= lines => Confidence::SURE,
            _ => Confidence::NO,
        }
    }

    fn split(&self) -> Split {
        Split::OrderedLines
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(Reader {
            wants: Wants::new(context.projection),
            window: Window::default(),
            slots: Slots::default(),
            scratch: Scratch::default(),
        })
    }
}

struct Reader<'a> {
    wants: Wants<'a>,
    window: Window,
    slots: Slots,
    scratch: Scratch,
}

impl ChunkDecoder for Reader<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        for line in Lines::new(chunk) {
            let place = Place::offset(line.offset);
            let text = match std::str::from_utf8(line.bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => {
                    sink.flag(Flag::Utf8Invalid, place);
                    String::from_utf8_lossy(line.bytes)
                }
            };
            if line.cut {
                sink.flag(Flag::Truncated, place);
            }
            match parse(&text) {
                Parsed::Record(record) => self.window.add(&record, &text, line.offset),
                Parsed::Unknown => {
                    sink.flag(Flag::UnknownLine, place);
                    self.window.add_foreign(&text, line.offset);
                }
                Parsed::Broken(why) => {
                    let reason = if line.ended { Reject::Corrupt } else { Reject::Truncated };
                    sink.reject(Rejection { place, reason, detail: why.to_owned() });
                }
            }
            while let Some(event) = self.window.pop() {
                self.emit(&event, sink);
                self.window.recycle(event);
            }
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        while let Some(event) = self.window.pop_any() {
            self.emit(&event, sink);
        }
    }
}

impl Reader<'_> {
    fn emit(&mut self, event: &Joined, sink: &mut dyn Sink) {
        let code = if event.foreign { "" } else { event::code(event) };
        let tag = Tag { product: "linux", service: "auditd", provider: "", code };
        let time = time_of(event);
        let place = match event.foreign {
            true => Place::offset(event.offset),
            false => Place::record(event.offset, event.serial),
        };
        if time.is_none() && !event.foreign {
            sink.flag(Flag::TimeInvalid, place);
        }
        let Some(want) = self.wants.of(&tag) else {
            sink.unwanted(1, time);
            return;
        };
        let raw = RawLine(&event.text);
        let fields = AuditFields(event);
        if event.foreign {
            fill(&want, &raw, &mut self.slots);
        } else {
            let mut filler = Filler::new(&want, &mut self.slots, &event.text);
            let odd = event::walk(event, &mut self.scratch, &mut filler);
            for (is_odd, flag) in [(odd.bad_hex, Flag::BadHex), (odd.incomplete, Flag::Incomplete)] {
                if is_odd {
                    sink.flag(flag, place);
                }
            }
        }
        sink.event(&Event {
            time,
            time_text: None,
            place,
            bytes: event.text.as_bytes(),
            tag,
            want: &want,
            slots: &self.slots,
            fields: if event.foreign { &raw } else { &fields },
        });
    }
}

/// `None` for zero, which the log of a machine without a clock has, and outside the range.
fn time_of(event: &Joined) -> Option<Timestamp> {
    let nanos = i64::try_from(event.millis).ok().filter(|millis| *millis > 0)?.checked_mul(1_000_000)?;
    Some(Timestamp::from_nanos(nanos))
}

/// A line that is no audit record.
struct RawLine<'a>(&'a str);

impl Fields for RawLine<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        each("message", Value::text(self.0));
    }

    fn line(&self) -> Option<&str> {
        Some(self.0)
    }
}
