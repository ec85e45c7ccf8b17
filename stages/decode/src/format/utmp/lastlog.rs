//! lastlog: the last login of each user, an array indexed by user number (lastlog(8)).
//!
//! A record is a 32-bit time, the line (32 bytes) and the host (256 bytes): 292 bytes; 296 where times have 64 bits. The
//! file is as long as the highest user number asks for and mostly holes, which read as zeros and are skipped.

use shieldwall_schema::{Event, Fields, Place, ReadAt, Reject, Rejection, Sink, Slots, Tag, Timestamp, Value, fill};

use super::layout::{is_clean, text_of};
use super::{address_of_host, read_full};
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::journal::wants::Wants;

/// Records read at once.
const RECORDS_AT_ONCE: usize = 256;

/// Bytes that are looked at. A directory service's user numbers (two thousand millions) make files of terabytes, all
/// holes; what is behind is a stated limit.
const BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// 1990-01-01 to 2100-01-01.
const TIMES: std::ops::Range<i64> = 631_152_000..4_102_444_800;

/// The record sizes: time of 4 or of 8 bytes.
const SIZES: [usize; 2] = [292, 296];

/// lastlog.
pub struct Lastlog;

impl Decoder for Lastlog {
    fn name(&self) -> &'static str {
        "lastlog"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        if record_bytes(head).is_some() { Confidence::LIKELY } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::Whole
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        let size = record_bytes(context.head);
        Box::new(Reader { wants: Wants::new(context.projection), slots: Slots::default(), size })
    }
}

/// The record size in which most of the head's records that are not empty are sound, at least half of them.
fn record_bytes(head: &[u8]) -> Option<usize> {
    let mut best = None;
    for size in SIZES {
        let used = || head.chunks_exact(size).filter(|record| record.iter().any(|byte| *byte != 0));
        let sound = used().filter(|record| is_sound(record)).count();
        if sound > 0 && sound * 2 >= used().count() && best.is_none_or(|(most, _)| sound > most) {
            best = Some((sound, size));
        }
    }
    best.map(|(_, size)| size)
}

fn seconds(record: &[u8]) -> i64 {
    let time = record.get(..record.len().saturating_sub(288)).unwrap_or_default();
    time.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte)) as i64
}

/// A time of this age, a line's name and text that is NUL-padded to its end. The last byte is always padding: no host has a
/// name of 256 characters, and text without any NUL may read as a time (`BBBB` is in 2005).
fn is_sound(record: &[u8]) -> bool {
    let at = record.len().saturating_sub(288);
    let padded = |from: usize, length: usize| {
        let field = record.get(from..from + length).unwrap_or_default();
        let text = text_of(record, from, length);
        // A host that fills its field to the last byte is no host: text of another format does.
        text.len() < length.max(33)
            && field.iter().skip(text.len()).all(|byte| *byte == 0)
            && is_clean(record, (from, length))
    };
    TIMES.contains(&seconds(record))
        && record.last() == Some(&0)
        && !text_of(record, at, 32).is_empty()
        && padded(at, 32)
        && padded(at + 32, 256)
}

struct Reader<'a> {
    wants: Wants<'a>,
    slots: Slots,
    size: Option<usize>,
}

impl ChunkDecoder for Reader<'_> {
    fn whole(&mut self, source: &dyn ReadAt, sink: &mut dyn Sink) {
        let size = self.size.unwrap_or(292);
        let mut block = vec![0; RECORDS_AT_ONCE * size];
        let mut offset = 0;
        while offset < source.size().min(BYTES_MAX) {
            let count = match read_full(source, offset, &mut block) {
                Ok(count) => count,
                Err(error) => {
                    let (place, detail) = (Place::offset(offset), format!("cannot read lastlog: {error}"));
                    sink.reject(Rejection { place, reason: Reject::Unreadable, detail });
                    return;
                }
            };
            let bytes = block.get(..count).unwrap_or_default();
            if bytes.iter().any(|byte| *byte != 0) {
                for (at, record) in bytes.chunks(size).enumerate() {
                    self.record(record, size, offset + (at * size) as u64, sink);
                }
            }
            if count < block.len() {
                return;
            }
            offset += count as u64;
        }
        if source.size() > BYTES_MAX {
            let detail = format!("lastlog is read up to {BYTES_MAX} bytes");
            sink.reject(Rejection { place: Place::offset(BYTES_MAX), reason: Reject::Limit, detail });
        }
    }
}

impl Reader<'_> {
    fn record(&mut self, bytes: &[u8], size: usize, offset: u64, sink: &mut dyn Sink) {
        if bytes.iter().all(|byte| *byte == 0) {
            return;
        }
        let uid = offset / size as u64;
        let place = Place::record(offset, uid);
        let broken = match bytes.len() < size {
            true => Some((Reject::Truncated, format!("lastlog record of {} bytes, not {size}", bytes.len()))),
            false if !is_sound(bytes) => Some((Reject::Corrupt, format!("no lastlog record for user number {uid}"))),
            false => None,
        };
        if let Some((reason, detail)) = broken {
            sink.reject(Rejection { place, reason, detail });
            return;
        }
        let time = Timestamp::from_seconds(seconds(bytes), 0);
        let tag = Tag { product: "linux", service: "lastlog", provider: "", code: "login" };
        let Some(want) = self.wants.of(&tag) else {
            sink.unwanted(1, time);
            return;
        };
        let at = size - 288;
        let fields = LastFields {
            uid: uid.to_string(),
            line: String::from_utf8_lossy(text_of(bytes, at, 32)).into_owned(),
            host: String::from_utf8_lossy(text_of(bytes, at + 32, 256)).into_owned(),
        };
        fill(&want, &fields, &mut self.slots);
        let slots = &self.slots;
        sink.event(&Event { time, time_text: None, place, bytes, tag, want: &want, slots, fields: &fields });
    }
}

struct LastFields {
    uid: String,
    line: String,
    host: String,
}

impl Fields for LastFields {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        each("event_type", Value::text("login"));
        each("uid", Value::number(&self.uid));
        each("tty", Value::text(&self.line));
        if !self.host.is_empty() {
            each("src_host", Value::text(&self.host));
        }
        if let Some(address) = address_of_host(self.host.as_bytes()) {
            each("src_ip", Value::text(&address.to_string()));
        }
    }
}
