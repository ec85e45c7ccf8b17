//! The journal's file header (systemd, `JOURNAL_FILE_FORMAT`, section "Header").
//!
//! Numbers are little-endian. Only what reading needs is kept; hash tables are never looked at, because nothing is
//! looked up by value here.

use super::pages::{Fault, Pages};

/// The magic number at offset 0.
pub(crate) const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// The first header that had all fields up to `tail_entry_monotonic`: every file since systemd 38 has them.
pub(crate) const HEADER_BYTES_MIN: u64 = 208;

/// Header fields after which a larger `header_size` is not believed. Today's header has 272 bytes.
const HEADER_BYTES_MAX: u64 = 4096;

/// `incompatible_flags`: what a reader must know to read at all.
pub(crate) mod incompatible {
    /// Data objects may be compressed with XZ.
    pub(crate) const XZ: u32 = 1;
    /// Data objects may be compressed with LZ4.
    pub(crate) const LZ4: u32 = 1 << 1;
    /// Hashes are SipHash keyed with the file id. Hashes are not used here.
    pub(crate) const KEYED_HASH: u32 = 1 << 2;
    /// Data objects may be compressed with Zstandard.
    pub(crate) const ZSTD: u32 = 1 << 3;
    /// Offsets in entries and entry arrays have 32 bits.
    pub(crate) const COMPACT: u32 = 1 << 4;
    /// All that this build knows.
    pub(crate) const KNOWN: u32 = XZ | LZ4 | KEYED_HASH | ZSTD | COMPACT;
}

/// What the header says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    /// See [`incompatible`].
    pub(crate) incompatible: u32,
    /// Where the first object stands.
    pub(crate) header_size: u64,
    /// Where the last object stands; 0 if the file was never written to.
    pub(crate) tail_object_offset: u64,
    /// How many entries the writer counted.
    pub(crate) entries: u64,
    /// The first entry array.
    pub(crate) entry_array_offset: u64,
}

impl Header {
    /// Reads the header; `None` if the source is shorter than one or the signature is not there.
    pub(crate) fn read(pages: &mut Pages<'_>) -> Result<Option<Self>, Fault> {
        let mut bytes = [0; HEADER_BYTES_MIN as usize];
        match pages.read(0, &mut bytes) {
            Ok(()) => {}
            Err(Fault::End) => return Ok(None),
            Err(fault) => return Err(fault),
        }
        if !bytes.starts_with(SIGNATURE) {
            return Ok(None);
        }
        Ok(Some(Self {
            incompatible: le32(&bytes, 12),
            header_size: le64(&bytes, 88),
            tail_object_offset: le64(&bytes, 136),
            entries: le64(&bytes, 152),
            entry_array_offset: le64(&bytes, 176),
        }))
    }

    /// Whether offsets in entries and entry arrays have 32 bits.
    pub(crate) fn compact(&self) -> bool {
        self.incompatible & incompatible::COMPACT != 0
    }

    /// Whether `header_size` can be true.
    pub(crate) fn size_is_sane(&self, file: u64) -> bool {
        (HEADER_BYTES_MIN..=HEADER_BYTES_MAX).contains(&self.header_size)
            && self.header_size.is_multiple_of(8)
            && self.header_size <= file
    }
}

/// The little-endian 32-bit number at `at`; 0 behind the end.
pub(crate) fn le32(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|tail| tail.first_chunk::<4>());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

/// The little-endian 64-bit number at `at`; 0 behind the end.
pub(crate) fn le64(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|tail| tail.first_chunk::<8>());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}
