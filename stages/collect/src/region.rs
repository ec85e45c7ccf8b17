//! A stretch of bytes at known places: a plain file, a stored archive member, a spool. Cheap to clone and readable by
//! several workers at once, because every read names its offset.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use shieldwall_schema::{ReadAt, Reject};

use crate::platform;
use crate::trouble::Fault;

/// A file as it was long when it was opened; what a live log grows by later belongs to the next run.
struct PlainFile {
    file: File,
    size: u64,
}

impl ReadAt for PlainFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        fill_at(&self.file, offset, within(buffer, offset, self.size))
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Fills `buffer` from a file, as far as the file goes.
pub(crate) fn fill_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match platform::read_at(file, rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The part of `buffer` that bytes from `offset` to `end` can fill.
pub(crate) fn within(buffer: &mut [u8], offset: u64, end: u64) -> &mut [u8] {
    let room = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
    buffer.get_mut(..room).unwrap_or_default()
}

/// A stretch of something with random access.
#[derive(Clone)]
pub(crate) struct Region {
    at: Arc<dyn ReadAt>,
    start: u64,
    size: u64,
}

impl Region {
    pub fn new(at: Arc<dyn ReadAt>) -> Self {
        let size = at.size();
        Self { at, start: 0, size }
    }

    pub fn file(file: File, size: u64) -> Self {
        Self::new(Arc::new(PlainFile { file, size }))
    }

    /// A part; what would lie behind the end is left out.
    pub fn part(&self, start: u64, size: u64) -> Self {
        let start = start.min(self.size);
        Self { at: Arc::clone(&self.at), start: self.start.saturating_add(start), size: size.min(self.size - start) }
    }

    /// Fills the whole buffer or fails with `UnexpectedEof`.
    pub fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.read_at(offset, buffer)? < buffer.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    pub fn reader(&self) -> RegionReader {
        RegionReader { region: self.clone(), position: 0 }
    }
}

impl ReadAt for Region {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let buffer = within(buffer, offset, self.size);
        if buffer.is_empty() {
            return Ok(0);
        }
        self.at.read_at(self.start.saturating_add(offset), buffer)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A region from its first byte to its last.
pub(crate) struct RegionReader {
    region: Region,
    position: u64,
}

impl RegionReader {
    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn skip(&mut self, count: u64) {
        self.position = self.position.saturating_add(count).min(self.region.size);
    }
}

impl Seek for RegionReader {
    /// A place behind the end is moved to the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.region.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?.min(self.region.size);
        Ok(self.position)
    }
}

impl Read for RegionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.region.read_at(self.position, buffer)?;
        if count == 0 && !buffer.is_empty() && self.position < self.region.size {
            let detail = format!("file shrank to {} bytes while it was read", self.position);
            return Err(Fault::new(Reject::Truncated, detail).into());
        }
        self.position += count as u64;
        Ok(count)
    }
}
