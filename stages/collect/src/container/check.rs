//! A member's stated size and CRC-32 (in zip, APPNOTE 4.4.7 and 4.4.9), held against what came out.

use std::io::{self, Read};

use flate2::Crc;
use shieldwall_schema::Reject;

use crate::container::codec::Stream;
use crate::trouble::Fault;

/// What a directory says of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub size: u64,
    /// None where the format keeps no checksum (tar).
    pub crc32: Option<u32>,
}

/// Passes bytes on and compares at the end.
pub(crate) struct Check {
    inner: Stream,
    expected: Expected,
    crc: Crc,
    size: u64,
}

impl Check {
    pub fn new(inner: Stream, expected: Expected) -> Self {
        Self { inner, expected, crc: Crc::new(), size: 0 }
    }

    fn end(&self) -> Result<(), Fault> {
        if self.size < self.expected.size {
            let detail = format!("ends after {} of {} bytes", self.size, self.expected.size);
            return Err(Fault::new(Reject::Truncated, detail));
        }
        match self.expected.crc32 {
            Some(stated) if stated != self.crc.sum() => {
                let detail = format!("checksum {:08x}, expected {stated:08x}", self.crc.sum());
                Err(Fault::new(Reject::Checksum, detail))
            }
            _ => Ok(()),
        }
    }
}

impl Read for Check {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let room = usize::try_from(self.expected.size - self.size).unwrap_or(usize::MAX);
        if room == 0 {
            // The layer below is read to its own end, and must have one here.
            if self.inner.read(&mut [0])? > 0 {
                let detail = format!("goes on after the stated {} bytes", self.size);
                return Err(Fault::new(Reject::Corrupt, detail).into());
            }
            self.end()?;
            return Ok(0);
        }
        let length = buffer.len().min(room);
        let count = self.inner.read(buffer.get_mut(..length).unwrap_or_default())?;
        if count == 0 {
            self.end()?;
        }
        if self.expected.crc32.is_some() {
            self.crc.update(buffer.get(..count).unwrap_or_default());
        }
        self.size += count as u64;
        Ok(count)
    }
}
