//! Deflate (RFC 1951) and gzip (RFC 1952), every member of the file one after another.
//!
//! The framing is ours and the unpacking flate2's: so a cut, a damaged stream and a wrong checksum are told apart, and
//! unpacked bytes go straight into the caller's buffer. Zeros behind the last member are padding (tape blocks), anything
//! else there is damage.

use std::io::{self, BufRead, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use shieldwall_schema::Reject;

use crate::trouble::Fault;

/// A raw deflate stream.
pub(crate) struct Inflate<R> {
    input: R,
    state: Decompress,
    done: bool,
}

impl<R: BufRead> Inflate<R> {
    pub fn new(input: R) -> Self {
        Self { input, state: Decompress::new(false), done: false }
    }

    fn restart(&mut self) {
        self.state.reset(false);
        self.done = false;
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.done && !buffer.is_empty() {
            let input = self.input.fill_buf()?;
            let ended = input.is_empty();
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, buffer, FlushDecompress::None);
            let consumed = (self.state.total_in() - before_in) as usize;
            let given = (self.state.total_out() - before_out) as usize;
            self.input.consume(consumed);
            match status {
                Ok(Status::StreamEnd) => self.done = true,
                Ok(_) if consumed + given > 0 || ended => {}
                Err(_) if given > 0 => {}
                // No progress on bytes that are there would go on for ever.
                _ => return Err(Fault::new(Reject::Corrupt, "deflate: invalid data").into()),
            }
            if given > 0 {
                return Ok(given);
            }
            if ended && !self.done {
                return Err(Fault::new(Reject::Truncated, "deflate: ends in the middle").into());
            }
        }
        Ok(0)
    }
}

enum State {
    /// Before a member; whether it is the first.
    Before {
        first: bool,
    },
    Body,
    Ended,
}

/// A gzip file.
pub(crate) struct Gzip<R> {
    body: Inflate<R>,
    crc: Crc,
    state: State,
}

/// Flag bits of a member's header.
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

impl<R: BufRead> Gzip<R> {
    pub fn new(input: R) -> Self {
        Self { body: Inflate::new(input), crc: Crc::new(), state: State::Before { first: true } }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], io::Error> {
        let mut bytes = [0; N];
        match self.body.input.read_exact(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Fault::new(Reject::Truncated, "gzip: ends in the middle").into())
            }
            Err(error) => Err(error),
            Ok(()) => Ok(bytes),
        }
    }

    /// Leaves out a field that ends with a NUL, whatever its length.
    fn skip_text(&mut self) -> io::Result<()> {
        if self.body.input.skip_until(0)? == 0 {
            return Err(Fault::new(Reject::Truncated, "gzip: ends in the header").into());
        }
        Ok(())
    }

    /// Reads a member's header. False at the end of the file.
    fn begin(&mut self, first: bool) -> io::Result<bool> {
        if !first && self.padding_to_end()? {
            return Ok(false);
        }
        let [a, b, method, flags, ..] = self.take::<10>()?;
        if (a, b) != (0x1f, 0x8b) {
            return Err(Fault::new(Reject::Corrupt, "gzip: something else behind the last member").into());
        }
        if method != 8 || flags & 0xe0 != 0 {
            return Err(Fault::new(Reject::Unsupported, format!("gzip: method {method}, flags {flags:#04x}")).into());
        }
        if flags & FEXTRA != 0 {
            for _ in 0..u16::from_le_bytes(self.take()?) {
                self.take::<1>()?;
            }
        }
        if flags & FNAME != 0 {
            self.skip_text()?;
        }
        if flags & FCOMMENT != 0 {
            self.skip_text()?;
        }
        if flags & FHCRC != 0 {
            self.take::<2>()?;
        }
        self.body.restart();
        self.crc.reset();
        Ok(true)
    }

    /// Whether only zeros are left.
    fn padding_to_end(&mut self) -> io::Result<bool> {
        loop {
            let input = self.body.input.fill_buf()?;
            if input.is_empty() {
                return Ok(true);
            }
            let zeros = input.iter().take_while(|byte| **byte == 0).count();
            let other = zeros < input.len();
            self.body.input.consume(zeros);
            if other {
                return Ok(false);
            }
        }
    }

    /// Holds a member's trailer against its bytes.
    fn end(&mut self) -> io::Result<()> {
        let crc = u32::from_le_bytes(self.take()?);
        let size = u32::from_le_bytes(self.take()?);
        // The size is stated modulo 2^32.
        let total = (self.body.state.total_out() & u64::from(u32::MAX)) as u32;
        if crc != self.crc.sum() || size != total {
            return Err(Fault::new(Reject::Checksum, "gzip: the checksum does not fit").into());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.state {
                State::Ended => return Ok(0),
                State::Before { first } => {
                    self.state = if self.begin(first)? { State::Body } else { State::Ended };
                }
                State::Body => {
                    let count = self.body.read(buffer)?;
                    if count > 0 {
                        self.crc.update(buffer.get(..count).unwrap_or_default());
                        return Ok(count);
                    }
                    self.end()?;
                    self.state = State::Before { first: false };
                }
            }
        }
    }
}
