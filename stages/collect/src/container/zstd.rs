//! Zstandard (RFC 8878): all frames of a file, skippable ones left out, by the crate ruzstd.
//!
//! A window over the limit is refused before it is allocated; a frame's memory is its window and one block. The decoder
//! keeps the window back until the frame ends, so on damage a closing empty block is fed to it, and the bytes before the
//! damage come out.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use shieldwall_schema::Reject;

use crate::trouble::Fault;

/// An empty last raw block (RFC 8878, 3.1.1.2) and four bytes in the place of a checksum.
const CLOSING: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Whether a frame or a skippable frame (RFC 8878, 3.1.2) followed by one starts here.
pub(crate) fn is_zstd(head: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
    if head.starts_with(MAGIC) {
        return true;
    }
    let Some((&[kind, 0x2a, 0x4d, 0x18, a, b, c, d], rest)) = head.split_first_chunk::<8>() else { return false };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    kind & 0xf0 == 0x50 && rest.get(length..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// A zstd file.
pub(crate) struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    in_frame: bool,
    /// What ended the stream, told after the bytes before it.
    faults: VecDeque<Fault>,
    ended: bool,
}

impl<R: BufRead> Zstd<R> {
    pub fn new(input: R, window_bytes_max: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window_bytes_max);
        Self { input, decoder, in_frame: false, faults: VecDeque::new(), ended: false }
    }

    /// Starts the next frame. False at the end of the file.
    fn begin(&mut self) -> Result<bool, Fault> {
        loop {
            if self.input.fill_buf().map_err(|error| Fault::from_io("zstd", &error))?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.input).take(u64::from(length)), &mut io::sink());
                    if skipped.map_err(|error| Fault::from_io("zstd", &error))? < u64::from(length) {
                        return Err(Fault::new(Reject::Truncated, "zstd: ends in a skippable frame"));
                    }
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                    let what = format!("zstd: a window of {requested} bytes");
                    return Err(Fault::limit("window_bytes_max", what));
                }
                Err(FrameDecoderError::DictNotProvided { dict_id }) => {
                    return Err(Fault::new(Reject::Unsupported, format!("zstd: needs dictionary {dict_id}")));
                }
                Err(error) => return Err(fault(error)),
            }
        }
    }

    /// Decodes one block. On damage the frame is closed, so that what it held back comes out.
    fn step(&mut self) {
        if let Err(error) = self.decoder.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1)) {
            self.faults.push_back(fault(error));
            self.ended = true;
            if self.decoder.decode_blocks(&CLOSING[..], BlockDecodingStrategy::UptoBlocks(1)).is_err() {
                self.in_frame = false;
            }
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.in_frame = false;
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stated), Some(found)) if stated != found && !self.ended => {
                Err(Fault::new(Reject::Checksum, format!("zstd: checksum {found:08x}, expected {stated:08x}")))
            }
            _ => Ok(()),
        }
    }
}

fn fault(error: FrameDecoderError) -> Fault {
    Fault::from_io("zstd", &io::Error::other(error))
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.in_frame {
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(buffer);
                }
                if self.decoder.is_finished() {
                    self.end()?;
                } else {
                    self.step();
                }
                continue;
            }
            if let Some(fault) = self.faults.pop_front() {
                return Err(fault.into());
            }
            if self.ended {
                return Ok(0);
            }
            self.in_frame = self.begin()?;
            self.ended = !self.in_frame;
        }
    }
}
