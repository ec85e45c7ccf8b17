//! Bzip2: all streams of a file one after another (`pbzip2` writes many).
//!
//! The loop around the crate's decompressor is ours, so that a cut and damage are told apart and zeros behind the last
//! stream are taken as padding. The decompressor says nothing of a wrong checksum but that data is invalid.

use std::io::{self, BufRead, Read};

use bzip2::{Decompress, Error, Status};
use shieldwall_schema::Reject;

use crate::trouble::Fault;

/// A bzip2 file.
pub(crate) struct Bzip2<R> {
    input: R,
    /// None between streams.
    state: Option<Decompress>,
    ended: bool,
}

impl<R: BufRead> Bzip2<R> {
    pub fn new(input: R) -> Self {
        Self { input, state: Some(Decompress::new(false)), ended: false }
    }

    /// Starts the next stream. False at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            let input = self.input.fill_buf()?;
            match input.first() {
                None => return Ok(false),
                Some(0) => self.input.consume(1),
                Some(b'B') => {
                    self.state = Some(Decompress::new(false));
                    return Ok(true);
                }
                Some(_) => {
                    return Err(Fault::new(Reject::Corrupt, "bzip2: something else behind the last stream").into());
                }
            }
        }
    }
}

impl<R: BufRead> Read for Bzip2<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let Some(state) = &mut self.state else {
                self.ended = !self.begin()?;
                continue;
            };
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state.decompress(input, buffer);
            let consumed = (state.total_in() - before_in) as usize;
            let given = (state.total_out() - before_out) as usize;
            self.input.consume(consumed);
            match status {
                Ok(Status::StreamEnd) => self.state = None,
                _ if given > 0 => {}
                Ok(_) if at_end => return Err(Fault::new(Reject::Truncated, "bzip2: ends in the middle").into()),
                Ok(_) if consumed > 0 => {}
                Err(Error::Data) => return Err(Fault::new(Reject::Corrupt, "bzip2: invalid data").into()),
                _ => return Err(Fault::new(Reject::Corrupt, "bzip2: not readable").into()),
            }
            if given > 0 {
                return Ok(given);
            }
        }
        Ok(0)
    }
}
