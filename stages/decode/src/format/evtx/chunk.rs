//! Chunks and their records: what is checked, what is read, and how reading goes on after damage.
//!
//! Records are read from the header's end to the free space, or to the record that the header names as the last. After a
//! record header that cannot be right, the next plausible record of the chunk is looked for. Stale records in the free
//! space are not read.

use std::cell::RefCell;

use memchr::memmem;
use shieldwall_schema::{
    Chunk, Event, Fields, Flag, Place, Projection, Reject, Rejection, Sink, Slots, Timestamp, Value,
};

use super::CHUNK_BYTES;
use super::names::{NameId, Names};
use super::section::Section;
use super::tag::{Fill, Keywords, Rows, text_of};
use super::token::Fault;
use super::walk::{self, Visitor, Walk};
use crate::decoder::ChunkDecoder;

const CHUNK_HEADER_BYTES: usize = 512;
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
const RECORD_MAGIC: &[u8] = &[0x2a, 0x2a, 0, 0];
const RECORD_HEADER_BYTES: usize = 24;
/// A record's header and the copy of its size at its end.
const RECORD_FRAME_BYTES: usize = RECORD_HEADER_BYTES + 4;
/// Chunk flag: the log was not closed; records were added since the checksum of the records was written.
const FLAG_DIRTY: u32 = 1;
/// Chunk flag: the checksums are not kept.
const FLAG_NO_CRC32: u32 = 4;

/// A worker's decoder.
pub(super) struct EvtxChunks<'a> {
    projection: &'a dyn Projection,
    walk: Walk,
    rows: Rows,
    slots: Slots,
    /// Records in a row that nobody wanted, and a time among them.
    unwanted: u64,
    latest: Option<Timestamp>,
}

/// What a chunk's header says.
#[derive(Clone, Copy, Debug)]
struct Header {
    first_id: u64,
    last_id: u64,
    last_record: usize,
    /// Where the records end, within the bytes that are there.
    live_end: usize,
}

/// One record of a chunk.
#[derive(Clone, Copy, Debug)]
struct Record {
    at: usize,
    end: usize,
    id: u64,
    filetime: u64,
}

impl Record {
    /// Where the BinXML stands.
    fn xml(&self) -> (usize, usize) {
        (self.at + RECORD_HEADER_BYTES, self.end - 4)
    }
}

/// Why there is no record at an offset.
enum NoRecord {
    /// Zeros, or the end: the records may simply be over.
    Blank,
    Damaged(Reject, &'static str),
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let free_space = u32_at(bytes, 48)? as usize;
        Some(Self {
            first_id: u64_at(bytes, 24)?,
            last_id: u64_at(bytes, 32)?,
            last_record: u32_at(bytes, 44)? as usize,
            live_end: free_space.min(bytes.len()),
        })
    }
}

/// The record at an offset. `strict`: the copy of its size must fit too.
fn record_at(bytes: &[u8], at: usize, strict: bool) -> Result<Record, NoRecord> {
    let header = bytes.get(at..).and_then(|rest| rest.get(..RECORD_HEADER_BYTES)).ok_or(NoRecord::Blank)?;
    if !header.starts_with(RECORD_MAGIC) {
        return Err(match header.starts_with(&[0; 4]) {
            true => NoRecord::Blank,
            false => NoRecord::Damaged(Reject::Corrupt, "no record begins here: the magic number is wrong"),
        });
    }
    let size = u32_at(header, 4).unwrap_or_default() as usize;
    if size < RECORD_FRAME_BYTES {
        return Err(NoRecord::Damaged(Reject::Corrupt, "the record's size is smaller than its own header"));
    }
    let end = at + size;
    if end > bytes.len() {
        return Err(NoRecord::Damaged(Reject::Truncated, "the record goes beyond its chunk"));
    }
    if strict && u32_at(bytes, end - 4) != Some(size as u32) {
        return Err(NoRecord::Damaged(Reject::Corrupt, "the two copies of the record's size differ"));
    }
    let (id, filetime) = (u64_at(header, 8).unwrap_or_default(), u64_at(header, 16).unwrap_or_default());
    Ok(Record { at, end, id, filetime })
}

/// The next plausible record: its sizes agree, it ends in the live area, and its id is in the header's range (a reused
/// chunk holds records of the log's last round, too).
fn next_record(bytes: &[u8], header: &Header, from: usize) -> Option<usize> {
    let until = header.live_end.min(header.last_record.saturating_add(RECORD_MAGIC.len()));
    let area = bytes.get(from..until)?;
    memmem::find_iter(area, RECORD_MAGIC).map(|at| from + at).find(|at| {
        record_at(bytes, *at, true).is_ok_and(|record| {
            record.end <= header.live_end && (header.first_id..=header.last_id).contains(&record.id)
        })
    })
}

/// Which of a chunk's two checksums does not fit.
fn bad_checksum(bytes: &[u8]) -> Option<&'static str> {
    let flags = u32_at(bytes, 120)?;
    if flags & FLAG_NO_CRC32 != 0 {
        return None;
    }
    let mut header = crc32fast::Hasher::new();
    header.update(bytes.get(..120)?);
    header.update(bytes.get(128..CHUNK_HEADER_BYTES)?);
    if header.finalize() != u32_at(bytes, 124)? {
        return Some("the checksum of the chunk's header does not fit; its records were read all the same");
    }
    if flags & FLAG_DIRTY != 0 {
        return None;
    }
    let free_space = u32_at(bytes, 48)? as usize;
    let records = match bytes.get(CHUNK_HEADER_BYTES..free_space) {
        Some(records) => records,
        // A cut chunk is rejected as such.
        None if bytes.len() < CHUNK_BYTES => return None,
        None => return Some("the chunk's free space begins outside of the chunk"),
    };
    (crc32fast::hash(records) != u32_at(bytes, 52)?)
        .then_some("the checksum of the chunk's records does not fit; they were read all the same")
}

fn rejection(place: Place, reason: Reject, detail: &str) -> Rejection {
    Rejection { place, reason, detail: detail.to_owned() }
}

impl<'a> EvtxChunks<'a> {
    /// With nothing learnt.
    pub(super) fn new(projection: &'a dyn Projection) -> Self {
        Self {
            projection,
            walk: Walk::new(),
            rows: Rows::default(),
            slots: Slots::default(),
            unwanted: 0,
            latest: None,
        }
    }

    /// Decodes the chunk `bytes`, whose first byte stands at `offset` of the file.
    fn block(&mut self, offset: u64, bytes: &[u8], sink: &mut dyn Sink) {
        if !bytes.starts_with(CHUNK_MAGIC) {
            if bytes.iter().any(|byte| *byte != 0) {
                let detail = "no chunk begins here: the magic number is wrong, 64 KiB were skipped";
                sink.reject(rejection(Place::offset(offset), Reject::Corrupt, detail));
            }
            return;
        }
        let Some(header) = (bytes.len() >= CHUNK_HEADER_BYTES).then(|| Header::read(bytes)).flatten() else {
            let detail = "the file ends within a chunk's header";
            sink.reject(rejection(Place::offset(offset), Reject::Truncated, detail));
            return;
        };
        if let Some(detail) = bad_checksum(bytes) {
            sink.reject(rejection(Place::offset(offset), Reject::Checksum, detail));
        }
        if self.walk.is_full() || self.rows.is_full() {
            self.walk = Walk::new();
            self.rows = Rows::default();
        }
        self.walk.begin_chunk();
        self.records(offset, bytes, &header, sink);
        self.flush(sink);
        if bytes.len() < CHUNK_BYTES && u32_at(bytes, 48).is_some_and(|free| free as usize > bytes.len()) {
            let detail = "the file ends within a chunk; the records before its end were read";
            sink.reject(rejection(Place::offset(offset + bytes.len() as u64), Reject::Truncated, detail));
        }
    }

    fn records(&mut self, offset: u64, bytes: &[u8], header: &Header, sink: &mut dyn Sink) {
        let mut at = CHUNK_HEADER_BYTES;
        while at < header.live_end {
            match record_at(bytes, at, false) {
                Ok(record) => {
                    self.record(offset, bytes, record, sink);
                    if record.id == header.last_id {
                        return;
                    }
                    at = record.end;
                }
                Err(problem) => {
                    let next = next_record(bytes, header, at + 1);
                    // Zeros up to the free space are where the records really end.
                    let damage = match (problem, next) {
                        (NoRecord::Damaged(reason, detail), _) => Some((reason, detail)),
                        (NoRecord::Blank, Some(_)) => Some((Reject::Corrupt, "zeros stand where a record should")),
                        (NoRecord::Blank, None) => None,
                    };
                    if let Some((reason, detail)) = damage {
                        self.flush(sink);
                        sink.reject(rejection(Place::offset(offset + at as u64), reason, detail));
                    }
                    let Some(next) = next else { return };
                    at = next;
                }
            }
        }
    }

    fn flush(&mut self, sink: &mut dyn Sink) {
        if self.unwanted > 0 {
            sink.unwanted(self.unwanted, self.latest.take());
            self.unwanted = 0;
        }
    }

    fn record(&mut self, offset: u64, bytes: &[u8], record: Record, sink: &mut dyn Sink) {
        let place = Place::record(offset + record.at as u64, record.id);
        if let Err(fault) = self.try_record(place, bytes, record, sink) {
            self.flush(sink);
            let (reason, detail) = match fault {
                Fault::Truncated(detail) => (Reject::Truncated, detail),
                Fault::Corrupt(detail) => (Reject::Corrupt, detail),
                Fault::TooDeep => (Reject::TooDeep, "its XML is nested deeper than any real event's"),
                Fault::Spent => (Reject::Limit, "its chunk asks for far more work than its size allows"),
                Fault::Stop => (Reject::Internal, "the decoder stopped early"),
            };
            sink.reject(rejection(place, reason, detail));
        }
    }

    fn try_record(&mut self, place: Place, bytes: &[u8], record: Record, sink: &mut dyn Sink) -> Result<(), Fault> {
        self.walk.begin_record();
        let (at, end) = record.xml();
        let only = match Walk::only_instance(bytes, at, end)? {
            Some(instance) => Some(self.walk.open_instance(bytes, instance)?),
            None => None,
        };
        let head = match only.and_then(|(layout, base)| self.walk.head_of_instance(bytes, layout, base)) {
            Some(head) => head,
            None => {
                let head = self.walk.head_of_stream(bytes, at, end)?;
                self.walk.begin_record();
                head
            }
        };
        let time = head.time.or_else(|| Timestamp::from_filetime(record.filetime));
        let Some(row) = self.rows.row(&head, &self.walk.names, self.projection) else { return Ok(()) };
        let Some(wanted) = &mut row.wanted else {
            self.unwanted += 1;
            self.latest = self.latest.max(time);
            return Ok(());
        };
        self.slots.clear();
        let keywords = if wanted.searches() { Keywords::Search } else { Keywords::Fill };
        let mut fill = Fill { wanted, slots: &mut self.slots, lossy: false, keywords };
        let steps = self.walk.steps;
        let walked = match only.filter(|_| self.walk.has_values()) {
            Some((layout, base)) => self.walk.instance(bytes, layout, base, &mut fill),
            None => self.walk.stream(bytes, at, end, Section::Root, &mut fill),
        };
        match walked {
            // The search is not charged for: it costs less than the walk that follows, and a record's fate must not hang
            // on the rules.
            Err(Fault::Stop) if fill.keywords == Keywords::Found => {
                fill.slots.clear();
                (fill.keywords, fill.lossy) = (Keywords::Fill, false);
                self.walk.steps = steps;
                self.walk.begin_record();
                self.walk.stream(bytes, at, end, Section::Root, &mut fill)?;
            }
            walked => walked?,
        }
        let lossy = fill.lossy;
        self.flush(sink);
        let Some(row) = self.rows.last() else { return Ok(()) };
        let Some(wanted) = &row.wanted else { return Ok(()) };
        let fields = RecordFields { walk: RefCell::new(&mut self.walk), chunk: bytes, at, end };
        sink.event(&Event {
            time,
            time_text: None,
            place,
            bytes: bytes.get(record.at..record.end).unwrap_or_default(),
            tag: row.tag(),
            want: &wanted.want,
            slots: &self.slots,
            fields: &fields,
        });
        if lossy {
            sink.flag(Flag::Utf8Invalid, place);
        }
        if time.is_none() {
            sink.flag(Flag::TimeInvalid, place);
        }
        Ok(())
    }
}

impl ChunkDecoder for EvtxChunks<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        for (at, block) in chunk.bytes.chunks(CHUNK_BYTES).enumerate() {
            self.block(chunk.offset + (at * CHUNK_BYTES) as u64, block, sink);
        }
    }
}

/// All fields of a record that is in the sink's hands.
struct RecordFields<'a, 'w> {
    walk: RefCell<&'w mut Walk>,
    chunk: &'a [u8],
    at: usize,
    end: usize,
}

impl Fields for RecordFields<'_, '_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        // A sink that asks for the fields while it is being given them gets none.
        let Ok(mut walk) = self.walk.try_borrow_mut() else { return };
        walk.apart(|walk| {
            let mut lister = Lister { each, text: String::new() };
            // The record was walked to its end before: it has no faults, or they were rejected.
            let _ = walk.stream(self.chunk, self.at, self.end, Section::Root, &mut lister);
        });
    }
}

struct Lister<'e> {
    each: &'e mut dyn FnMut(&str, Value<'_>),
    text: String,
}

impl Visitor for Lister<'_> {
    fn leaf(&mut self, names: &mut Names, name: NameId, value: walk::Value<'_>) -> Result<(), Fault> {
        (self.each)(names.text(name), text_of(value, &mut self.text));
        Ok(())
    }
}
