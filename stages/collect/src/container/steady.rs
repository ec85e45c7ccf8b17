//! A reader that asks the one below for the same number of bytes each time, whatever it is asked for itself.
//!
//! The decoders of xz and bzip2 drop what they had unpacked within a call that then fails. Through this one, what gets out before the
//! damage is the same however the source is read, and at most a step short. (That of xz also gives an LZMA2 chunk, up to 64 KiB
//! packed, only when all of the chunk's packed bytes are there.)

use std::io::{self, Read};

use crate::container::codec::Stream;

const STEP_BYTES: usize = 1024;

pub(crate) struct Steady {
    inner: Stream,
    step: [u8; STEP_BYTES],
    given: usize,
    filled: usize,
}

impl Steady {
    pub fn new(inner: Stream) -> Self {
        Self { inner, step: [0; STEP_BYTES], given: 0, filled: 0 }
    }
}

impl Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.filled {
            (self.given, self.filled) = (0, 0);
            self.filled = self.inner.read(&mut self.step)?;
        }
        let count = self.step.get(self.given..self.filled).unwrap_or_default().read(buffer)?;
        self.given += count;
        Ok(count)
    }
}
