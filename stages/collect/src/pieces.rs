//! Cutting a source into pieces for the decoders.
//!
//! [`Pieces`] reads a source once, in order, into buffers that the caller hands in and gets back full; buffers circulate
//! between the reader and the workers and are never cleared or grown again. Pieces come in order, touch each other, and
//! together are the source (without the header, for blocks). Lines of up to [`PIECE_BYTES`] are never cut. What is left
//! behind the last line end of a piece is copied to the next: half a line a piece. Without the hash the cost is that of
//! the reading; the hash runs at the speed of the processor's SHA instructions, where it has them.

use std::io::Read;

use memchr::memrchr;
use sha2::{Digest as _, Sha256};
use shieldwall_schema::{Chunk, ReadAt, Rejection};

use crate::source::Source;
use crate::trouble::Fault;

/// Bytes of a piece. Large enough that handing it over costs nothing beside decoding it, small enough that a piece for
/// every worker and some between stay in tens of MiB.
pub const PIECE_BYTES: usize = 1024 * 1024;

/// Blocks up to this size are kept whole.
const BLOCK_BYTES_MAX: usize = 16 * PIECE_BYTES;

/// Bytes read ahead to see whether a source ends where a piece does.
const PEEK_BYTES: usize = 4096;

/// Where a source may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Behind line feeds.
    Lines,
    /// Into whole blocks of `size` bytes behind `header` bytes, which are left out.
    Blocks {
        /// Bytes before the first block.
        header: u64,
        /// Bytes of a block, at most 16 MiB; 0 cuts anywhere.
        size: u64,
    },
    /// Anywhere.
    Raw,
}

/// A piece and the memory that holds it.
#[derive(Debug, Default)]
pub struct Buffer {
    /// Longer than the piece, and never shortened: so nothing is zeroed twice.
    bytes: Vec<u8>,
    length: usize,
    offset: u64,
    last: bool,
    mid_line: bool,
}

impl Buffer {
    /// An empty buffer. It takes memory at its first use.
    pub fn new() -> Self {
        Self::default()
    }

    /// The piece that was read last.
    pub fn chunk(&self) -> Chunk<'_> {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        Chunk { offset: self.offset, bytes, last: self.last, mid_line: self.mid_line }
    }
}

/// What is known once a source has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// SHA-256 of all unpacked bytes, the header included. None if not asked for or if the source was not read to its
    /// end.
    pub sha256: Option<[u8; 32]>,
    /// Unpacked bytes read.
    pub bytes: u64,
    /// What ended the source early.
    pub trouble: Option<Rejection>,
}

/// Whether a running SHA-256 is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// Yes.
    Sha256,
    /// No.
    Off,
}

/// A source, piece by piece.
pub struct Pieces {
    source: Source,
    cut: Cut,
    piece_bytes: usize,
    /// What was read behind the last piece.
    carry: Vec<u8>,
    /// Offset of the next piece.
    offset: u64,
    mid_line: bool,
    header_left: u64,
    hash: Option<Sha256>,
    bytes: u64,
    ended: bool,
}

impl Pieces {
    /// Cuts `source`, which must stand at its first byte (as it does when opened and after a rewind).
    pub fn new(source: Source, cut: Cut, hashing: Hashing) -> Self {
        Self::sized(source, cut, hashing, PIECE_BYTES)
    }

    pub(crate) fn sized(source: Source, cut: Cut, hashing: Hashing, about: usize) -> Self {
        let (header_left, block) = match cut {
            Cut::Blocks { header, size } => (header, usize::try_from(size).unwrap_or(usize::MAX).min(BLOCK_BYTES_MAX)),
            Cut::Lines | Cut::Raw => (0, 0),
        };
        let piece_bytes = about.checked_div(block).map_or(about, |count| count.max(1) * block);
        let hash = (hashing == Hashing::Sha256).then(Sha256::new);
        Self {
            source,
            cut,
            piece_bytes,
            carry: Vec::with_capacity(PEEK_BYTES),
            offset: 0,
            mid_line: false,
            header_left,
            hash,
            bytes: 0,
            ended: false,
        }
    }

    /// Reads the next piece. False when there is none: all was read, or the source is empty.
    ///
    /// A source that ends early just ends; [`finish`](Self::finish) tells.
    pub fn next(&mut self, buffer: &mut Buffer) -> bool {
        // Only ever grows, so each buffer is zeroed once in its life.
        if buffer.bytes.len() < self.piece_bytes {
            buffer.bytes.resize(self.piece_bytes, 0);
        }
        self.skip_header(&mut buffer.bytes);
        let Some(room) = buffer.bytes.get_mut(..self.piece_bytes) else { return false };
        let carried = self.carry.len();
        if let Some(start) = room.get_mut(..carried) {
            start.copy_from_slice(&self.carry);
        }
        self.carry.clear();
        let filled = carried + self.fill(room.get_mut(carried..).unwrap_or_default());
        if filled == 0 {
            return false;
        }
        let read = room.get(..filled).unwrap_or_default();
        let (length, whole_lines) = if self.ended { (filled, true) } else { self.cut_at(read) };
        if let Some(rest) = read.get(length..) {
            self.carry.extend_from_slice(rest);
        }
        if self.carry.is_empty() && !self.ended {
            self.peek();
        }
        (buffer.length, buffer.offset, buffer.mid_line) = (length, self.offset, self.mid_line);
        buffer.last = self.ended && self.carry.is_empty();
        self.offset += length as u64;
        self.mid_line = !whole_lines;
        true
    }

    /// Where to cut a full piece, and whether the next one begins a line.
    fn cut_at(&self, read: &[u8]) -> (usize, bool) {
        match (self.cut, memrchr_if(self.cut == Cut::Lines, read)) {
            (Cut::Lines, Some(at)) => (at + 1, true),
            (Cut::Lines, None) => (read.len(), false),
            _ => (read.len(), true),
        }
    }

    /// Fills `room`, or as much of it as the source has left.
    fn fill(&mut self, room: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty() && !self.ended) {
            // A source never fails: what is damaged ends it.
            let count = self.source.read(rest).unwrap_or(0);
            self.ended = count == 0;
            if let (Some(hash), Some(read)) = (&mut self.hash, rest.get(..count)) {
                hash.update(read);
            }
            filled += count;
        }
        self.bytes += filled as u64;
        filled
    }

    fn peek(&mut self) {
        let mut ahead = [0; PEEK_BYTES];
        let want = PEEK_BYTES.min(self.piece_bytes);
        let count = self.fill(ahead.get_mut(..want).unwrap_or_default());
        self.carry.extend_from_slice(ahead.get(..count).unwrap_or_default());
    }

    fn skip_header(&mut self, room: &mut [u8]) {
        while self.header_left > 0 && !self.ended {
            let step = usize::try_from(self.header_left).unwrap_or(usize::MAX).min(room.len());
            let count = self.fill(room.get_mut(..step).unwrap_or_default()) as u64;
            self.header_left -= count;
            self.offset += count;
        }
    }

    /// What is known at the end.
    pub fn finish(self) -> Ending {
        let whole = self.ended && self.carry.is_empty();
        let hash = self.hash.filter(|_| whole);
        Ending { sha256: hash.map(|hash| hash.finalize().into()), bytes: self.bytes, trouble: self.source.trouble() }
    }

    /// The source behind the pieces, for a rewind.
    pub fn into_source(self) -> Source {
        self.source
    }
}

fn memrchr_if(wanted: bool, bytes: &[u8]) -> Option<usize> {
    if wanted { memrchr(b'\n', bytes) } else { None }
}

/// SHA-256 of a whole source with random access.
///
/// # Errors
/// Why it could not be read.
pub fn sha256(source: &dyn ReadAt) -> Result<[u8; 32], Rejection> {
    let mut hash = Sha256::new();
    let mut step = vec![0; PIECE_BYTES.min(usize::try_from(source.size()).unwrap_or(PIECE_BYTES))];
    let mut offset = 0;
    while offset < source.size() {
        let count = source.read_at(offset, &mut step).map_err(|error| {
            let fault = Fault::from_io("file", &error);
            Rejection { place: shieldwall_schema::Place::offset(offset), reason: fault.reason, detail: fault.detail }
        })?;
        if count == 0 {
            break;
        }
        hash.update(step.get(..count).unwrap_or_default());
        offset += count as u64;
    }
    Ok(hash.finalize().into())
}
