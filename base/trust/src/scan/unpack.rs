//! Unpacked bytes: in memory while they are few, in an anonymous temporary file when they are many. What came out before an
//! error is kept, because a loader has already acted on it by then.

use std::fs::File;
use std::io::{self, Read, Write};

use super::{Budget, Bytes};

/// Unpacked bytes that are held in memory; more go to a temporary file that has no name.
pub(crate) const IN_MEMORY_MAX: usize = 64 << 20;

/// A member that unpacks to more than this and by more than [`RATIO_MAX`] is a bomb; both, because an honest array of zeros
/// packs a thousand to one and small bombs hurt nobody.
pub(crate) const BOMB_BYTES_MIN: u64 = 64 << 20;
/// Bytes out for one byte in that honest weights do not reach. Deflate's own limit is 1,032.
pub(crate) const RATIO_MAX: u64 = 200;

/// What came out.
pub(crate) enum Unpacked {
    Memory(Vec<u8>),
    File(File, u64),
}

impl Bytes for Unpacked {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => Bytes::read_at(bytes, offset, buffer),
            Self::File(file, _) => Bytes::read_at(file, offset, buffer),
        }
    }
}

/// Why unpacking stopped before the end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The packed bytes are broken, or the system failed.
    Broken(io::Error),
    /// A limit was reached.
    Limit(super::Spent),
    /// More came out than honest data gives.
    Bomb,
}

/// Unpacks to the end, or as far as it goes; `packed` is the number of bytes that went in, for the ratio.
pub(crate) fn unpack(mut reader: impl Read, packed: u64, budget: &Budget) -> (Unpacked, u32, Option<Stopped>) {
    let mut out = Unpacked::Memory(Vec::new());
    let mut crc = crc32fast::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    let stopped = loop {
        let many = match reader.read(&mut buffer) {
            Ok(0) => break None,
            Ok(many) => many,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Some(Stopped::Broken(error)),
        };
        let piece = buffer.get(..many).unwrap_or_default();
        if let Err(spent) = budget.unpacked(many as u64) {
            break Some(Stopped::Limit(spent));
        }
        crc.update(piece);
        if let Err(error) = append(&mut out, piece) {
            break Some(Stopped::Broken(error));
        }
        if out.len() > BOMB_BYTES_MIN && out.len() / packed.max(1) > RATIO_MAX {
            break Some(Stopped::Bomb);
        }
    };
    (out, crc.finalize(), stopped)
}

fn append(out: &mut Unpacked, piece: &[u8]) -> io::Result<()> {
    match out {
        Unpacked::Memory(bytes) if bytes.len() + piece.len() <= IN_MEMORY_MAX => bytes.extend_from_slice(piece),
        Unpacked::Memory(bytes) => {
            let mut file = tempfile::tempfile()?;
            file.write_all(bytes)?;
            file.write_all(piece)?;
            *out = Unpacked::File(file, (bytes.len() + piece.len()) as u64);
        }
        Unpacked::File(file, len) => {
            file.write_all(piece)?;
            *len += piece.len() as u64;
        }
    }
    Ok(())
}

/// Reads bytes one after the other.
pub(crate) struct Stream<'a> {
    bytes: &'a dyn Bytes,
    at: u64,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(bytes: &'a dyn Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that were read.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let many = self.bytes.read_at(self.at, buffer)?;
        self.at += many as u64;
        Ok(many)
    }
}

/// Memory that one unpacker of the LZMA family may ask for. `xz -9` asks for 65 MiB, nothing honest for more than 128.
pub(crate) const UNPACKER_KIB_MAX: u32 = 128 << 10;

/// A reader that unpacks what a zip member of this method holds; nothing for methods that are not read.
pub(crate) fn zip_method<'a>(method: u16, packed: &'a dyn Bytes) -> Option<Box<dyn Read + 'a>> {
    let stream = Stream::new(packed);
    Some(match method {
        0 => Box::new(stream),
        8 => Box::new(flate2::read::DeflateDecoder::new(stream)),
        12 => Box::new(bzip2::read::MultiBzDecoder::new(stream)),
        14 => {
            // Two bytes of version, two of the length of the properties (5), the properties.
            let head = packed.window(0, 9);
            let (Some(&props), Some(dictionary)) = (head.get(4), super::zip::u32_at(&head, 5)) else { return None };
            let mut stream = stream;
            stream.at = 9;
            let memory = lzma_rust2::lzma_get_memory_usage_by_props(dictionary, props).ok()?;
            if memory > UNPACKER_KIB_MAX {
                return None;
            }
            Box::new(lzma_rust2::LzmaReader::new_with_props(stream, u64::MAX, props, dictionary, None).ok()?)
        }
        93 => Box::new(ruzstd::decoding::StreamingDecoder::new(stream).ok()?),
        95 => Box::new(lzma_rust2::XzReader::new_mem_limit(stream, true, UNPACKER_KIB_MAX)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bytes_go_to_a_file_and_read_the_same() {
        let big: Vec<u8> = (0..IN_MEMORY_MAX + 1_000_000).map(|at| (at % 251) as u8).collect();
        let (out, _, stopped) = unpack(Stream::new(&big), big.len() as u64, &Budget::default());
        assert!(stopped.is_none() && matches!(out, Unpacked::File(..)));
        assert_eq!(out.len(), big.len() as u64);
        assert_eq!(out.window(IN_MEMORY_MAX as u64 - 5, 10), big[IN_MEMORY_MAX - 5..IN_MEMORY_MAX + 5]);
    }

    #[test]
    fn a_bomb_stops_and_what_came_out_is_kept() {
        let (out, _, stopped) = unpack(io::repeat(0), 1_000, &Budget::default());
        assert!(matches!(stopped, Some(Stopped::Bomb)));
        assert!(out.len() > BOMB_BYTES_MIN && out.len() < BOMB_BYTES_MIN + 200_000);
    }
}
