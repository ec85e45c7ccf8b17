//! The bytes that collect gives to decode.

use std::io;

/// A stretch of a decompressed source.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Byte offset of the first byte in the decompressed source.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether the source ends here.
    pub last: bool,
    /// Whether the first bytes are the rest of a line that the chunk before began (a line longer than a chunk). They are
    /// to be left out: the line's beginning was cut and flagged where it stands.
    pub mid_line: bool,
}

/// Random access to a decompressed source, for formats that follow offsets. Bounded memory: nothing is mapped.
pub trait ReadAt: Send + Sync {
    /// Reads up to `buffer.len()` bytes at `offset`; fewer only at the end of the source.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// The source's length in bytes.
    fn size(&self) -> u64;
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, buffer)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}
