//! Walks a journal's objects from the first to the last and emits its entries.
//!
//! Objects stand one behind the other, so walking by their sizes meets every entry once, in the order in which they
//! were written: the same entries in the same order as the chain of entry arrays lists them, and entries besides that
//! a crash left unlinked. Nothing can go in circles, because every step goes forward.
//!
//! Where an object's head is broken, the walk counts a rejection and finds its way again: at the next entry that the
//! entry arrays list, or at the first place before it where two plausible objects follow each other. The search goes
//! forward only, so a damaged file costs no more than its size, too.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use shieldwall_schema::{Flag, Place, Reject, Rejection, Sink};

use super::chain::Chain;
use super::entry::{DataPairs, Emitter, Meta};
use super::header::{HEADER_BYTES_MIN, Header, SIGNATURE, incompatible, le64};
use super::objects::{
    DataFault, DataReader, Datum, ENTRY_HEAD_BYTES, ENTRY_ITEMS_MAX, HEAD_BYTES, Head, item_bytes, item_offsets, kind,
};
use super::pages::{Fault, Pages};
use super::unpack::Unpack;

/// Broken data objects that are remembered, so that each is reported once although many entries share it.
const BROKEN_DATA_MAX: usize = 4096;

/// Reads the header, then walks. Every damage is a rejection.
pub(crate) fn journal(pages: &mut Pages<'_>, emitter: &mut Emitter<'_>, sink: &mut dyn Sink) {
    let header = match Header::read(pages) {
        Ok(Some(header)) => header,
        Ok(None) => {
            let short = pages.size() < HEADER_BYTES_MIN;
            let (reason, detail) = match short {
                true => (Reject::Truncated, format!("journal of {} bytes is shorter than its header", pages.size())),
                false => {
                    (Reject::Corrupt, format!("no journal: the signature {} is missing", SIGNATURE.escape_ascii()))
                }
            };
            sink.reject(Rejection { place: Place::offset(0), reason, detail });
            return;
        }
        Err(fault) => {
            sink.reject(rejection(Place::offset(0), &fault));
            return;
        }
    };
    let unknown = header.incompatible & !incompatible::KNOWN;
    if unknown != 0 {
        let detail = format!("journal needs features that this build does not know: incompatible flags {unknown:#x}");
        sink.reject(Rejection { place: Place::offset(8), reason: Reject::Unsupported, detail });
        return;
    }
    let mut offset = header.header_size;
    if !header.size_is_sane(pages.size()) {
        let short = header.header_size > pages.size() && header.tail_object_offset >= header.header_size;
        let reason = if short { Reject::Truncated } else { Reject::Corrupt };
        let detail = format!("journal header of {} bytes in a file of {}", header.header_size, pages.size());
        sink.reject(Rejection { place: Place::offset(88), reason, detail });
        offset = HEADER_BYTES_MIN;
    }
    let data = DataReader::new(&header, pages.size());
    let mut walk = Walk {
        chain: Chain::new(&header),
        header,
        pages,
        data,
        emitter,
        sink,
        raw: Vec::new(),
        datums: Vec::new(),
        broken: FxHashSet::default(),
        entries: 0,
    };
    if let Err(stop) = walk.run(offset) {
        let place = Place::offset(stop.offset);
        walk.sink.reject(rejection(place, &stop.fault));
    }
    walk.compare_counts();
}

/// Why a walk ends before the end.
struct Stop {
    offset: u64,
    fault: Fault,
}

struct Walk<'w, 'p, 'e> {
    header: Header,
    chain: Chain,
    pages: &'w mut Pages<'p>,
    data: DataReader,
    emitter: &'w mut Emitter<'e>,
    sink: &'w mut dyn Sink,
    raw: Vec<u8>,
    datums: Vec<Arc<Datum>>,
    broken: FxHashSet<u64>,
    entries: u64,
}

impl Walk<'_, '_, '_> {
    fn run(&mut self, mut offset: u64) -> Result<(), Stop> {
        let (file, compact) = (self.pages.size(), self.header.compact());
        let mut previous = 0;
        loop {
            let head = match Head::read(self.pages, offset) {
                Ok(head) => head,
                Err(Fault::End) => {
                    self.ended(offset);
                    return Ok(());
                }
                Err(fault) => return Err(Stop { offset, fault }),
            };
            if head.is_plausible(offset, file, compact) {
                if head.kind == kind::ENTRY {
                    self.entry(offset, head)?;
                }
                previous = offset;
                offset = offset.saturating_add(head.size.next_multiple_of(8));
                continue;
            }
            let behind_tail = offset > self.header.tail_object_offset && self.header.tail_object_offset > 0;
            if head.is_blank() && (behind_tail || self.header.entries == 0) {
                return Ok(());
            }
            self.damaged(offset, head);
            match self.resume(previous, offset).map_err(|fault| Stop { offset, fault })? {
                Some(next) => offset = next,
                None => return Ok(()),
            }
        }
    }

    /// The file is at its end: was its tail there?
    fn ended(&mut self, offset: u64) {
        if self.header.tail_object_offset >= offset {
            let tail = self.header.tail_object_offset;
            let detail = format!("journal ends at byte {}, before its last object at {tail}", self.pages.size());
            self.sink.reject(Rejection { place: Place::offset(offset), reason: Reject::Truncated, detail });
        }
    }

    fn damaged(&mut self, offset: u64, head: Head) {
        let (file, tail) = (self.pages.size(), self.header.tail_object_offset);
        let over = (1..=kind::TAG).contains(&head.kind) && offset.saturating_add(head.size) > file;
        let reason = if over && (tail == offset || tail >= file) { Reject::Truncated } else { Reject::Corrupt };
        let detail = format!("no journal object: type {}, flags {}, {} bytes", head.kind, head.flags, head.size);
        self.sink.reject(Rejection { place: Place::offset(offset), reason, detail });
    }

    /// Where to go on behind damage at `offset`, met after the object at `previous`.
    fn resume(&mut self, previous: u64, offset: u64) -> Result<Option<u64>, Fault> {
        let listed = self.chain.next_after(self.pages, previous)?;
        let end = listed.unwrap_or(u64::MAX);
        let mut at = offset.saturating_add(8) & !7;
        while at < end {
            match self.two_in_a_row(at) {
                Ok(true) => return Ok(Some(at)),
                Ok(false) => at += 8,
                Err(Fault::End) => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(listed)
    }

    /// Whether an object stands at `offset` and another one, or the end, behind it. One alone may be payload that looks
    /// like an object.
    fn two_in_a_row(&mut self, offset: u64) -> Result<bool, Fault> {
        let (file, compact) = (self.pages.size(), self.header.compact());
        let head = Head::read(self.pages, offset)?;
        if !head.is_plausible(offset, file, compact) {
            return Ok(false);
        }
        let next = offset + head.size.next_multiple_of(8);
        match Head::read(self.pages, next) {
            Ok(head) => Ok(head.is_plausible(next, file, compact) || head.is_blank()),
            Err(Fault::End) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    fn entry(&mut self, offset: u64, head: Head) -> Result<(), Stop> {
        let compact = self.header.compact();
        let bytes_max = ENTRY_HEAD_BYTES + ENTRY_ITEMS_MAX as u64 * item_bytes(compact);
        self.raw.clear();
        self.raw.resize(head.size.min(bytes_max) as usize, 0);
        self.pages.read(offset, &mut self.raw).map_err(|fault| Stop { offset, fault })?;
        let sequence = le64(&self.raw, HEAD_BYTES as usize);
        let place = Place::record(offset, sequence);
        if head.size > bytes_max {
            self.sink.flag(Flag::FieldCap, place);
        }
        self.datums.clear();
        let mut missing = false;
        for item in item_offsets(&self.raw, compact) {
            match self.data.datum(self.pages, item) {
                Ok(datum) => {
                    if datum.cut {
                        self.sink.flag(Flag::Truncated, place);
                    }
                    if datum.lossy {
                        self.sink.flag(Flag::Utf8Invalid, place);
                    }
                    self.datums.push(datum);
                }
                Err(DataFault::Read(fault @ (Fault::Io(_) | Fault::Budget))) => {
                    return Err(Stop { offset: item, fault });
                }
                Err(fault) => {
                    missing = true;
                    if self.broken.len() < BROKEN_DATA_MAX && self.broken.insert(item) {
                        self.sink.reject(data_rejection(offset, sequence, item, &fault));
                    }
                }
            }
        }
        if self.datums.is_empty() {
            let detail = "journal entry has no readable field".to_owned();
            self.sink.reject(Rejection { place, reason: Reject::Corrupt, detail });
            return Ok(());
        }
        if missing {
            self.sink.flag(Flag::Incomplete, place);
        }
        self.entries += 1;
        let meta = Meta { place, realtime_micros: Some(le64(&self.raw, 24)), bytes: &self.raw };
        self.emitter.entry(&DataPairs(&self.datums), meta, self.sink);
        Ok(())
    }

    /// The writer's own count says whether something was missed.
    fn compare_counts(&mut self) {
        if self.entries < self.header.entries {
            let detail = format!("journal header counts {} entries, {} were read", self.header.entries, self.entries);
            let place = Place::offset(152);
            self.sink.reject(Rejection { place, reason: Reject::Truncated, detail });
        }
    }
}

fn rejection(place: Place, fault: &Fault) -> Rejection {
    let (reason, detail) = match fault {
        Fault::End => (Reject::Truncated, "the journal ends in the middle of an object".to_owned()),
        Fault::Io(error) => (Reject::Unreadable, format!("cannot read the journal: {error}")),
        Fault::Budget => (
            Reject::Limit,
            "the journal's objects point back and forth more than any real one's; the rest was not read".to_owned(),
        ),
    };
    Rejection { place, reason, detail }
}

fn data_rejection(entry: u64, sequence: u64, data: u64, fault: &DataFault) -> Rejection {
    let (reason, what) = match fault {
        DataFault::Read(_) => (Reject::Truncated, "the file ends before it"),
        DataFault::NotData => (Reject::Corrupt, "no data object is there"),
        DataFault::NoName => (Reject::Corrupt, "it has no name"),
        DataFault::Unpack(Unpack::Corrupt) => (Reject::Corrupt, "its packed bytes are broken"),
        DataFault::Unpack(Unpack::TooLarge) => (Reject::Limit, "it is larger than the limit"),
        DataFault::Unpack(Unpack::Unsupported) => (Reject::Unsupported, "its compression is not known"),
    };
    let detail = format!("journal entry {sequence} has a field at byte {data} that cannot be read: {what}");
    Rejection { place: Place::record(entry, sequence), reason, detail }
}
