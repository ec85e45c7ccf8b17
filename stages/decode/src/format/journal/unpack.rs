//! Unpacks one compressed data object: XZ, LZ4 or Zstandard, each with a limit on what comes out and on memory.
//!
//! systemd's LZ4 form is its own: the unpacked size as 64-bit little-endian number, then one LZ4 block. The other two
//! are plain streams.

use std::io::Read;

use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::header::le64;
use super::objects::flags;

/// Bytes kept of one unpacked object (name and value); a longer one is cut and flagged. journald's own limit on a
/// message line is 48 KiB by default.
pub(crate) const DATA_BYTES_MAX: usize = 1024 * 1024;

/// Largest LZ4 block that is unpacked: a block comes out whole or not at all.
const LZ4_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// LZ4 cannot shrink more than 255 times; a size beyond that is a lie.
const LZ4_RATIO_MAX: u64 = 256;

/// Memory for a Zstandard window. systemd packs with the window of the default level, at most 8 MiB.
const ZSTD_WINDOW_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Memory for unpacking XZ, in KiB: it is cleared for each object, so it costs time too. systemd packs with a dictionary
/// of 1 MiB.
const XZ_MEMORY_KIB_MAX: u32 = 4 * 1024;

/// Why an object cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unpack {
    /// The packed bytes are broken.
    Corrupt,
    /// It says that it needs more than a limit allows.
    TooLarge,
    /// Two methods at once, or one that nobody knows.
    Unsupported,
}

/// The unpackers with their memory.
#[derive(Default)]
pub(crate) struct Unpacker {
    zstd: Option<FrameDecoder>,
}

impl Unpacker {
    /// Appends what `packed` holds to `out`, at most [`DATA_BYTES_MAX`]; says whether it was cut there.
    pub(crate) fn unpack(&mut self, method: u8, packed: &[u8], out: &mut Vec<u8>) -> Result<bool, Unpack> {
        match method {
            flags::XZ => take(XzReader::new_mem_limit(packed, false, XZ_MEMORY_KIB_MAX), out),
            flags::LZ4 => lz4(packed, out),
            flags::ZSTD => {
                let decoder = self.zstd.get_or_insert_with(|| {
                    let mut decoder = FrameDecoder::new();
                    decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
                    decoder
                });
                let stream = StreamingDecoder::new_with_decoder(packed, decoder).map_err(|_| Unpack::Corrupt)?;
                take(stream, out)
            }
            _ => Err(Unpack::Unsupported),
        }
    }
}

/// Reads at most [`DATA_BYTES_MAX`] of a stream. What came before an error is not believed.
fn take(stream: impl Read, out: &mut Vec<u8>) -> Result<bool, Unpack> {
    let start = out.len();
    let limit = DATA_BYTES_MAX as u64 + 1;
    if stream.take(limit).read_to_end(out).is_err() {
        out.truncate(start);
        return Err(Unpack::Corrupt);
    }
    let cut = out.len() - start > DATA_BYTES_MAX;
    out.truncate(start + DATA_BYTES_MAX);
    Ok(cut)
}

fn lz4(packed: &[u8], out: &mut Vec<u8>) -> Result<bool, Unpack> {
    let block = packed.get(8..).ok_or(Unpack::Corrupt)?;
    let size = le64(packed, 0);
    if size > (block.len() as u64).saturating_mul(LZ4_RATIO_MAX) {
        return Err(Unpack::Corrupt);
    }
    if size > LZ4_BYTES_MAX {
        return Err(Unpack::TooLarge);
    }
    let start = out.len();
    let size = usize::try_from(size).map_err(|_| Unpack::TooLarge)?;
    out.resize(start + size, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    match lz4_flex::block::decompress_into(block, room) {
        Ok(count) if count == size => {
            out.truncate(start + DATA_BYTES_MAX);
            Ok(size > DATA_BYTES_MAX)
        }
        _ => {
            out.truncate(start);
            Err(Unpack::Corrupt)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lying_or_broken_block_is_refused_without_allocating() {
        let mut unpacker = Unpacker::default();
        let mut lie = u64::MAX.to_le_bytes().to_vec();
        lie.extend([0; 16]);
        for (method, packed, expected) in [
            (flags::LZ4, &lie[..], Unpack::Corrupt),
            (flags::LZ4, b"short", Unpack::Corrupt),
            (flags::ZSTD, b"not a frame", Unpack::Corrupt),
            (flags::XZ, b"not a stream", Unpack::Corrupt),
            (flags::XZ | flags::ZSTD, b"", Unpack::Unsupported),
            (0x80, b"", Unpack::Unsupported),
        ] {
            let mut out = Vec::new();
            assert_eq!(unpacker.unpack(method, packed, &mut out), Err(expected), "method {method}");
            assert_eq!(out.capacity().min(64 * 1024), out.capacity(), "method {method}");
        }
    }

    #[test]
    fn a_bomb_is_cut_at_the_limit() {
        let zeros = vec![0; 8 * DATA_BYTES_MAX];
        let mut packed = (zeros.len() as u64).to_le_bytes().to_vec();
        packed.extend(lz4_flex::block::compress(&zeros));
        let mut out = Vec::new();
        assert_eq!(Unpacker::default().unpack(flags::LZ4, &packed, &mut out), Ok(true));
        assert_eq!(out.len(), DATA_BYTES_MAX);
        let packed = ruzstd::encoding::compress_to_vec(&zeros[..], ruzstd::encoding::CompressionLevel::Fastest);
        out.clear();
        assert_eq!(Unpacker::default().unpack(flags::ZSTD, &packed, &mut out), Ok(true));
        assert_eq!(out.len(), DATA_BYTES_MAX);
    }
}
