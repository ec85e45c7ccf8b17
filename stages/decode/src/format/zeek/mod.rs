//! Zeek's own log form: tab-separated values behind a header of `#` lines (`LogAscii`, docs.zeek.org, "Zeek Log Formats").
//!
//! ```text
//! #separator \x09
//! #set_separator  ,
//! #empty_field    (empty)
//! #unset_field    -
//! #path   dns
//! #fields ts      uid     id.orig_h …
//! #types  time    string  addr …
//! ```
//!
//! Lines are read in order, since concatenated and rotated logs change their header on the way. Fields keep Zeek's names
//! (`id.orig_h`), and values are those of the same record in Zeek's JSON: unset fields are absent, sets and vectors repeat
//! their name, `T` and `F` become `true` and `false`, `\x09` the character that it stands for. The tag is product `zeek`
//! with the log's path as service.
//!
//! A header begins with `#separator` or with the source. Other header lines are rejected where they stand among records, so
//! that one forged line cannot rename the columns of what follows; Zeek itself writes a `#` at the beginning of a record as
//! `\x23`.
//!
//! | step | cost |
//! |---|---|
//! | count columns, read the time | every record: one pass for a single byte |
//! | split | wanted records: up to the last wanted column |
//! | all fields | matched records only |

mod header;
mod record;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use shieldwall_schema::{Chunk, Event, Place, Reject, Rejection, Sink, Slots, Tag, Timestamp, Want};

use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::lines::{Line, Lines};
use crate::text::line::{Text, Texts};
use crate::text::wants::WantCache;
use header::{Header, State};
use record::Record;

/// The decoder.
#[derive(Debug)]
pub struct Zeek;

impl Decoder for Zeek {
    fn name(&self) -> &'static str {
        "zeek"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
        let opens = head.starts_with(b"#separator ") || head.starts_with(b"#fields\t");
        if opens { Confidence::SURE } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::OrderedLines
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(ZeekReader {
            header: Header::default(),
            wants: WantCache::new(context.projection, &[]),
            plan: None,
            slots: Slots::default(),
            lossy: String::new(),
            scratch: String::new(),
            unwanted: 0,
            latest: None,
        })
    }
}

/// What is wanted of the records behind the present header.
struct Plan {
    want: Option<Arc<Want>>,
    /// Column → the slots that it fills, by column.
    targets: Vec<(usize, Vec<u16>)>,
}

/// A Zeek log at work.
struct ZeekReader<'a> {
    header: Header,
    wants: WantCache<'a>,
    /// `None` until the first record behind a header.
    plan: Option<Plan>,
    slots: Slots,
    lossy: String,
    scratch: String,
    unwanted: u64,
    latest: Option<Timestamp>,
}

impl ChunkDecoder for ZeekReader<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        let texts = Texts::new(chunk);
        let mut lossy = std::mem::take(&mut self.lossy);
        for line in Lines::new(chunk) {
            let text = texts.read(&line, &mut lossy, sink);
            if text.text.starts_with('#') {
                self.plan = None;
                if let Err((reason, detail)) = self.header.line(text.text) {
                    reject(line.offset, reason, detail.to_owned(), sink);
                }
            } else {
                self.record(&line, &text, sink);
            }
        }
        self.lossy = lossy;
        self.tell_unwanted(sink);
    }
}

impl ZeekReader<'_> {
    fn record(&mut self, line: &Line<'_>, text: &Text<'_>, sink: &mut dyn Sink) {
        self.header.records_begin();
        let columns = match self.header.state() {
            State::Ready => self.header.columns.len(),
            State::Missing => {
                return reject(line.offset, Reject::Corrupt, "a record without a `#fields` line".to_owned(), sink);
            }
            State::Refused => {
                return reject(line.offset, Reject::Corrupt, "a record behind a refused header".to_owned(), sink);
            }
        };
        let found = memchr::memchr_iter(self.header.separator, text.text.as_bytes()).count() + 1;
        if found != columns {
            let reason = if line.cut || !line.ended { Reject::Truncated } else { Reject::Corrupt };
            return reject(line.offset, reason, format!("{found} columns where the header names {columns}"), sink);
        }
        let record = Record { header: &self.header, text };
        let place = Place::offset(line.offset);
        let time_text = record.time_text();
        let time = time_text.and_then(value::epoch);
        if time_text.is_some() && time.is_none() {
            sink.flag(shieldwall_schema::Flag::TimeInvalid, place);
        }
        let plan = self.plan.get_or_insert_with(|| plan(&self.header, &mut self.wants));
        let Some(want) = &plan.want else {
            self.unwanted += 1;
            self.latest = time.or(self.latest);
            return;
        };
        if self.unwanted > 0 {
            sink.unwanted(std::mem::take(&mut self.unwanted), self.latest.take());
        }
        record.fill(want, &plan.targets, &mut self.slots, &mut self.scratch);
        sink.event(&Event {
            time,
            time_text,
            place,
            bytes: text.bytes,
            tag: tag(&self.header),
            want,
            slots: &self.slots,
            fields: &record,
        });
    }

    fn tell_unwanted(&mut self, sink: &mut dyn Sink) {
        if self.unwanted > 0 {
            sink.unwanted(std::mem::take(&mut self.unwanted), self.latest.take());
        }
    }
}

fn tag(header: &Header) -> Tag<'_> {
    Tag { product: "zeek", service: &header.path, provider: "", code: "" }
}

/// What is wanted of each column: asked once a header, so a header costs what its own line does.
fn plan(header: &Header, wants: &mut WantCache<'_>) -> Plan {
    let Some(wanted) = wants.get(&tag(header)) else { return Plan { want: None, targets: Vec::new() } };
    let by_name = &wanted.want.by_name;
    let slots = |(at, column): (usize, &header::Column)| Some((at, by_name.get(&*column.name)?.clone()));
    let targets = header.columns.iter().enumerate().filter_map(slots).collect();
    Plan { want: Some(Arc::clone(&wanted.want)), targets }
}

fn reject(offset: u64, reason: Reject, detail: String, sink: &mut dyn Sink) {
    sink.reject(Rejection { place: Place::offset(offset), reason, detail });
}
