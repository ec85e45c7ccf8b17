//! Packed streams: what unpacks them, and the guard around each layer.
//!
//! Every layer sits behind a [`Guard`], which holds what all layers must keep: the allowance on unpacked bytes, and that
//! a panic in somebody else's decompressor is a rejection of this one source. After a fault the layer is never called
//! again. Cost: one comparison and one landing pad a read, on reads of 64 KiB and more.

use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lzma_rust2::XzReader;
use shieldwall_schema::Reject;

use crate::container::bzip2::Bzip2;
use crate::container::check::{Check, Expected};
use crate::container::gzip::{Gzip, Inflate};
use crate::container::steady::Steady;
use crate::container::zstd::Zstd;
use crate::limits::{Allowance, Limits};
use crate::trouble::Fault;

/// Bytes as they come, once.
pub(crate) type Stream = Box<dyn Read + Send>;

/// Packed bytes read at once.
const PACKED_BUFFER_BYTES: usize = 64 * 1024;

/// Memory of an xz decoder beside its dictionary, in KiB (crate lzma-rust2 estimates 40 + 64).
const XZ_OVERHEAD_KIB: u64 = 104;

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// RFC 1952, all members of the file.
    Gzip,
    /// RFC 8878, all frames.
    Zstd,
    /// The .xz format 1.2, all streams.
    Xz,
    /// All streams.
    Bzip2,
    /// RFC 1951, as in zip members.
    Deflate,
    /// Not packed, but with a stated size and perhaps a CRC-32.
    Check(Expected),
}

impl Codec {
    /// Whether the bytes are the same before and after.
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Check(_))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Deflate => "deflate",
            Self::Check(_) => "member",
        }
    }
}

/// How many bytes of packed data stand at the bottom of a stack of layers.
#[derive(Clone)]
pub(crate) enum Packed {
    /// A file or member of this size.
    Known(u64),
    /// A stream whose size only shows as it is read.
    Counted(Arc<AtomicU64>),
}

impl Packed {
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Known(bytes) => *bytes,
            Self::Counted(bytes) => bytes.load(Ordering::Relaxed),
        }
    }
}

/// Counts what is read from a stream of unknown size.
pub(crate) struct Counted<R> {
    pub inner: R,
    pub bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Puts one layer on a stream.
pub(crate) fn unpack(stream: Stream, codec: Codec, packed: &Packed, limits: &Limits) -> Stream {
    let buffered = |stream| BufReader::with_capacity(PACKED_BUFFER_BYTES, stream);
    let inner: Stream = match codec {
        Codec::Check(expected) => return Box::new(Check::new(stream, expected)),
        Codec::Gzip => Box::new(Gzip::new(buffered(stream))),
        Codec::Deflate => Box::new(Inflate::new(buffered(stream))),
        Codec::Bzip2 => Box::new(Steady::new(Box::new(Bzip2::new(buffered(stream))))),
        Codec::Zstd => Box::new(Zstd::new(buffered(stream), limits.window_bytes_max)),
        Codec::Xz => {
            let kib = u32::try_from(limits.window_bytes_max / 1024 + XZ_OVERHEAD_KIB).unwrap_or(u32::MAX - 1);
            Box::new(Steady::new(Box::new(XzReader::new_mem_limit(buffered(stream), true, kib))))
        }
    };
    let (packed, limits) = (packed.clone(), limits.clone());
    Box::new(Guard { inner, layer: codec.name(), given: 0, packed, limits, fault: None })
}

/// Keeps one layer within its allowance.
struct Guard {
    inner: Stream,
    layer: &'static str,
    given: u64,
    packed: Packed,
    limits: Limits,
    /// What ended the layer; told again on every later read.
    fault: Option<Fault>,
}

impl Guard {
    /// Reads from the decompressor, whose panics end here.
    fn pull(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let inner = &mut self.inner;
        // Unwind safety: after a fault the layer is not called again, so its broken state is never seen.
        match catch_unwind(AssertUnwindSafe(|| inner.read(buffer))) {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(Fault::from_io(self.layer, &error)),
            Err(_) => Err(Fault::new(Reject::Internal, format!("{}: the decompressor failed", self.layer))),
        }
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let Allowance { bytes, limit } = self.limits.allowance(&self.packed);
        let room = usize::try_from(bytes.saturating_sub(self.given)).unwrap_or(usize::MAX);
        if room == 0 && !buffer.is_empty() {
            // The stream may end exactly here; only one more byte breaks the limit.
            return match self.pull(&mut [0])? {
                0 => Ok(0),
                _ => {
                    let what = format!("{}: more than {bytes} bytes unpacked", self.layer);
                    Err(Fault::limit(limit, what))
                }
            };
        }
        let length = buffer.len().min(room);
        let count = self.pull(buffer.get_mut(..length).unwrap_or_default())?;
        self.given += count as u64;
        Ok(count)
    }
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_none() {
            match self.step(buffer) {
                Ok(count) => return Ok(count),
                Err(fault) => self.fault = Some(fault),
            }
        }
        self.fault.clone().map_or(Ok(0), |fault| Err(fault.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(u32);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            assert!(self.0 == 1, "called on");
            buffer[0] = b'a';
            Ok(1)
        }
    }

    #[test]
    fn a_panic_in_a_decompressor_ends_one_stream_and_is_told_again() {
        let (packed, limits) = (Packed::Known(1), Limits::default());
        let mut guard = Guard { inner: Box::new(Broken(0)), layer: "test", given: 0, packed, limits, fault: None };
        assert_eq!(guard.read(&mut [0; 8]).unwrap(), 1);
        for _ in 0..2 {
            let fault = Fault::from_io("above", &guard.read(&mut [0; 8]).unwrap_err());
            assert_eq!(fault.reason, Reject::Internal);
        }
    }
}
