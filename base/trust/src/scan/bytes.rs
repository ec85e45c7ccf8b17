//! Random access to bytes that may lie in a file, in a part of a file, or in memory after unpacking. A scan of two
//! gigabytes keeps no more than a window of them.

use std::fs::File;
use std::io;

/// Bytes that can be read at any place.
pub trait Bytes {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at a place into a buffer; returns how many bytes were read, less than asked only at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Up to `wanted` bytes at a place, fewer at the end; empty where reading fails.
    fn window(&self, offset: u64, wanted: usize) -> Vec<u8> {
        let left = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; wanted.min(left)];
        let read = self.read_at(offset, &mut buffer).unwrap_or(0);
        buffer.truncate(read);
        buffer
    }
}

impl Bytes for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(<[u8]>::len(self));
        let rest = self.get(from..).unwrap_or_default();
        let many = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..many), rest.get(..many)) {
            to.copy_from_slice(from);
        }
        Ok(many)
    }
}

impl Bytes for Vec<u8> {
    fn len(&self) -> u64 {
        Bytes::len(self.as_slice())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Bytes::read_at(self.as_slice(), offset, buffer)
    }
}

impl Bytes for File {
    fn len(&self) -> u64 {
        self.metadata().map(|about| about.len()).unwrap_or(0)
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match std::os::unix::fs::FileExt::read_at(self, rest, offset + done as u64) {
                Ok(0) => break,
                Ok(many) => done += many,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match std::os::windows::fs::FileExt::seek_read(self, rest, offset + done as u64)? {
                0 => break,
                many => done += many,
            }
        }
        Ok(done)
    }
}

/// A part of other bytes.
pub struct Part<'a> {
    whole: &'a dyn Bytes,
    start: u64,
    len: u64,
}

impl<'a> Part<'a> {
    /// `len` bytes from `start`, cut at the end of the whole.
    pub fn new(whole: &'a dyn Bytes, start: u64, len: u64) -> Self {
        let start = start.min(whole.len());
        Self { whole, start, len: len.min(whole.len() - start) }
    }
}

impl Bytes for Part<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let many = buffer.len().min(left);
        match buffer.get_mut(..many) {
            Some(buffer) if many > 0 => self.whole.read_at(self.start + offset, buffer),
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn files_memory_and_parts_read_the_same_and_never_past_their_end() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for whole in [&bytes as &dyn Bytes, &file] {
            assert_eq!(whole.window(90, 20), bytes[90..]);
            assert!(whole.window(200, 20).is_empty());
            let part = Part::new(whole, 10, 20);
            assert_eq!((part.len(), part.window(15, 20)), (20, bytes[25..30].to_vec()));
            assert_eq!(Part::new(whole, 95, u64::MAX).len(), 5);
            assert_eq!(Part::new(whole, u64::MAX, u64::MAX).len(), 0);
        }
    }
}
