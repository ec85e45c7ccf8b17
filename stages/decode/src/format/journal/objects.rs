//! The journal's objects (systemd, `JOURNAL_FILE_FORMAT`, section "Objects"): heads, entries, data, entry arrays.
//!
//! Objects stand one behind the other from the header's end to the tail object, each aligned to 8 bytes and carrying
//! its own size. Data objects are shared: an entry names the offsets of its data objects, and the same `_HOSTNAME=…`
//! serves every entry. Decoded data is therefore kept in a table by offset.

use std::sync::Arc;

use super::header::{Header, le32, le64};
use super::pages::{Fault, Pages};
use super::unpack::{DATA_BYTES_MAX, Unpack, Unpacker};

/// Object types.
pub(crate) mod kind {
    /// `OBJECT_DATA`.
    pub(crate) const DATA: u8 = 1;
    /// `OBJECT_FIELD`.
    pub(crate) const FIELD: u8 = 2;
    /// `OBJECT_ENTRY`.
    pub(crate) const ENTRY: u8 = 3;
    /// `OBJECT_ENTRY_ARRAY`.
    pub(crate) const ENTRY_ARRAY: u8 = 6;
    /// `OBJECT_TAG`, the last known type.
    pub(crate) const TAG: u8 = 7;
}

/// Object flags: how a data object's payload is packed.
pub(crate) mod flags {
    /// `OBJECT_COMPRESSED_XZ`.
    pub(crate) const XZ: u8 = 1;
    /// `OBJECT_COMPRESSED_LZ4`.
    pub(crate) const LZ4: u8 = 1 << 1;
    /// `OBJECT_COMPRESSED_ZSTD`.
    pub(crate) const ZSTD: u8 = 1 << 2;
}

/// Bytes of an object's head: type, flags, six reserved, size.
pub(crate) const HEAD_BYTES: u64 = 16;

/// Bytes of an entry before its items: head, seqnum, realtime, monotonic, boot id, xor hash.
pub(crate) const ENTRY_HEAD_BYTES: u64 = 64;

/// Items of one entry that are looked at. journald takes at most 1,024 fields and adds some thirty of its own.
pub(crate) const ENTRY_ITEMS_MAX: usize = 2048;

/// Packed bytes of one data object that are read.
const PACKED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Decoded data objects kept, by offset.
const CACHE_ITEMS_MAX: usize = 4096;

/// Longest data object kept; with [`CACHE_ITEMS_MAX`] the table holds at most 8 MiB, and about 0.5 MiB in practice.
const CACHE_DATA_BYTES_MAX: usize = 2048;

/// Bytes that all data objects of one source may unpack to, per byte of the source: bounds a file whose entries all name
/// the same bomb. Text packs about 10 times.
const UNPACKED_PER_BYTE_MAX: u64 = 64;

/// What any source may unpack to, however small it is.
const UNPACKED_BYTES_FLOOR: u64 = 64 * 1024 * 1024;

/// An object's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// See [`kind`].
    pub(crate) kind: u8,
    /// See [`flags`].
    pub(crate) flags: u8,
    /// Size in bytes with the head.
    pub(crate) size: u64,
}

impl Head {
    /// Reads the head at `offset`.
    pub(crate) fn read(pages: &mut Pages<'_>, offset: u64) -> Result<Self, Fault> {
        let mut bytes = [0; HEAD_BYTES as usize];
        pages.read(offset, &mut bytes)?;
        let [kind, flags, ..] = bytes;
        Ok(Self { kind, flags, size: le64(&bytes, 8) })
    }

    /// Whether nothing was ever written here.
    pub(crate) fn is_blank(&self) -> bool {
        self.kind == 0 && self.flags == 0 && self.size == 0
    }

    /// Whether an object with this head can stand at `offset` of a file of `file` bytes.
    pub(crate) fn is_plausible(&self, offset: u64, file: u64, compact: bool) -> bool {
        let least = match self.kind {
            kind::DATA => payload_at(compact),
            kind::FIELD => 40,
            kind::ENTRY => ENTRY_HEAD_BYTES,
            kind::ENTRY_ARRAY => 24,
            4..=kind::TAG => HEAD_BYTES,
            _ => return false,
        };
        let known = flags::XZ | flags::LZ4 | flags::ZSTD;
        self.size >= least
            && self.flags & !known == 0
            && (self.flags == 0 || self.kind == kind::DATA)
            && (self.kind != kind::ENTRY || (self.size - ENTRY_HEAD_BYTES).is_multiple_of(item_bytes(compact)))
            && offset.checked_add(self.size).is_some_and(|end| end <= file)
    }
}

/// Bytes of an entry's item.
pub(crate) fn item_bytes(compact: bool) -> u64 {
    if compact { 4 } else { 16 }
}

/// Where a data object's payload begins.
pub(crate) fn payload_at(compact: bool) -> u64 {
    if compact { 72 } else { 64 }
}

/// One decoded data object: `NAME=value`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datum {
    text: Box<str>,
    name: usize,
    /// The value was cut at its limit.
    pub(crate) cut: bool,
    /// The value is not UTF-8; broken bytes are U+FFFD.
    pub(crate) lossy: bool,
}

impl Datum {
    /// From `NAME=value`; `None` without a name.
    pub(crate) fn new(bytes: &[u8], cut: bool) -> Option<Self> {
        let name = memchr::memchr(b'=', bytes).filter(|at| *at > 0)?;
        let text = String::from_utf8_lossy(bytes);
        // A broken byte in the name would move the `=`.
        let name = if text.as_bytes().get(name) == Some(&b'=') { name } else { text.find('=')? };
        let lossy = matches!(text, std::borrow::Cow::Owned(_));
        Some(Self { text: text.into(), name, cut, lossy })
    }

    /// The field's name.
    pub(crate) fn name(&self) -> &str {
        self.text.get(..self.name).unwrap_or_default()
    }

    /// The field's value.
    pub(crate) fn value(&self) -> &str {
        self.text.get(self.name + 1..).unwrap_or_default()
    }
}

/// Why a data object cannot be had.
#[derive(Debug)]
pub(crate) enum DataFault {
    /// The bytes cannot be read.
    Read(Fault),
    /// There is no data object at that offset.
    NotData,
    /// The payload cannot be unpacked.
    Unpack(Unpack),
    /// The payload has no `NAME=`.
    NoName,
}

/// Data objects by offset, with what decoding them needs.
pub(crate) struct DataReader {
    compact: bool,
    cache: Vec<Option<(u64, Arc<Datum>)>>,
    unpacker: Unpacker,
    raw: Vec<u8>,
    unpacked: Vec<u8>,
    unpacked_left: u64,
}

impl DataReader {
    /// A reader of the data objects of one file.
    pub(crate) fn new(header: &Header, file: u64) -> Self {
        Self {
            compact: header.compact(),
            cache: vec![None; CACHE_ITEMS_MAX],
            unpacker: Unpacker::default(),
            raw: Vec::new(),
            unpacked: Vec::new(),
            unpacked_left: file.saturating_mul(UNPACKED_PER_BYTE_MAX).saturating_add(UNPACKED_BYTES_FLOOR),
        }
    }

    /// The data object at `offset`.
    pub(crate) fn datum(&mut self, pages: &mut Pages<'_>, offset: u64) -> Result<Arc<Datum>, DataFault> {
        // Objects are aligned to 8; the odd factor spreads regular distances over the table.
        let slot = ((offset / 8).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52) as usize % CACHE_ITEMS_MAX;
        if let Some(Some((at, datum))) = self.cache.get(slot)
            && *at == offset
        {
            return Ok(Arc::clone(datum));
        }
        let datum = Arc::new(self.read(pages, offset)?);
        if datum.text.len() <= CACHE_DATA_BYTES_MAX
            && let Some(place) = self.cache.get_mut(slot)
        {
            *place = Some((offset, Arc::clone(&datum)));
        }
        Ok(datum)
    }

    fn read(&mut self, pages: &mut Pages<'_>, offset: u64) -> Result<Datum, DataFault> {
        if offset == 0 || !offset.is_multiple_of(8) {
            return Err(DataFault::NotData);
        }
        let head = Head::read(pages, offset).map_err(DataFault::Read)?;
        if head.kind != kind::DATA || !head.is_plausible(offset, pages.size(), self.compact) {
            return Err(DataFault::NotData);
        }
        let start = payload_at(self.compact);
        let length = head.size - start;
        let packed = head.flags != 0;
        if packed && length > PACKED_BYTES_MAX {
            return Err(DataFault::Unpack(Unpack::TooLarge));
        }
        let kept = length.min(if packed { PACKED_BYTES_MAX } else { DATA_BYTES_MAX as u64 });
        self.raw.clear();
        self.raw.resize(kept as usize, 0);
        // `is_plausible` holds that the object ends inside the file.
        pages.read(offset + start, &mut self.raw).map_err(DataFault::Read)?;
        if !packed {
            return Datum::new(&self.raw, kept < length).ok_or(DataFault::NoName);
        }
        self.unpacked.clear();
        let cut = self.unpacker.unpack(head.flags, &self.raw, &mut self.unpacked).map_err(DataFault::Unpack)?;
        let used = self.unpacked.len() as u64;
        self.unpacked_left = self.unpacked_left.checked_sub(used).ok_or(DataFault::Read(Fault::Budget))?;
        Datum::new(&self.unpacked, cut).ok_or(DataFault::NoName)
    }
}

/// The offsets of an entry's data objects, from the entry's bytes.
pub(crate) fn item_offsets(entry: &[u8], compact: bool) -> impl Iterator<Item = u64> + '_ {
    let items = entry.get(ENTRY_HEAD_BYTES as usize..).unwrap_or_default();
    items.chunks_exact(item_bytes(compact) as usize).map(
        move |item| {
            if compact { u64::from(le32(item, 0)) } else { le64(item, 0) }
        },
    )
}
