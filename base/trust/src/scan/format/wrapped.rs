//! One stream that is packed: gzip, zlib, bzip2, xz, LZMA, LZ4 frames, Zstandard, and the header that old joblib files put
//! before zlib. What comes out is read in turn; what stands after the end is read too.

use std::io::{BufRead, BufReader, Read};

use crate::scan::kinds::{BOMB, HIDDEN, UNREAD, found, limit};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::unpack::{IN_MEMORY_MAX, Stopped, Stream, UNPACKER_KIB_MAX, unpack};
use crate::scan::{Bytes, Format, Inside, Part};

/// One way of packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapped {
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Zlib,
    /// bzip2.
    Bzip2,
    /// The .xz format.
    Xz,
    /// The older .lzma format.
    Lzma,
    /// LZ4 frames.
    Lz4,
    /// RFC 8878.
    Zstandard,
    /// `ZF`, a length in hexadecimal, zlib: joblib before 0.10.
    OldJoblib,
}

/// Streams after each other in one file that are unpacked: `cat a.gz b.gz` is one file to every reader.
const STREAMS_MAX: usize = 10_000;
/// Bytes that are unpacked to see whether a file without a magic number is what its first bytes may mean.
const TRIAL: usize = 64;
/// `ZF0x` and sixteen or so digits, padded to 21.
const OLD_JOBLIB_HEADER: u64 = 21;

impl Format for Wrapped {
    fn name(&self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Lz4 => "lz4",
            Self::Zstandard => "zstd",
            Self::OldJoblib => "old joblib",
        }
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let head = bytes.window(0, 14);
        match self {
            Self::Gzip => head.starts_with(b"\x1f\x8b"),
            Self::Bzip2 => matches!(head.as_slice(), [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..]),
            Self::Xz => head.starts_with(b"\xfd7zXZ\0"),
            Self::Lz4 => head.starts_with(b"\x04\x22\x4d\x18"),
            Self::Zstandard => head.starts_with(b"\x28\xb5\x2f\xfd"),
            Self::OldJoblib => head.starts_with(b"ZF0x"),
            Self::Zlib => match head.as_slice() {
                [first, second, ..] => {
                    let check = u16::from(*first) << 8 | u16::from(*second);
                    first & 0x0f == 8
                        && first >> 4 <= 7
                        && check % 31 == 0
                        && second & 0x20 == 0
                        && tries(&mut flate2::read::ZlibDecoder::new(Stream::new(bytes)))
                }
                _ => false,
            },
            Self::Lzma => match head.as_slice() {
                // Properties, a dictionary whose size is 2^n or 2^n + 2^(n-1), a size that is known or not.
                [0x5d, 0, 0, ..] => lzma(Stream::new(bytes)).is_some_and(|mut reader| tries(&mut reader)),
                _ => false,
            },
        }
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut at = if *self == Self::OldJoblib { OLD_JOBLIB_HEADER } else { 0 };
        for index in 0..STREAMS_MAX {
            let rest = Part::new(bytes, at, u64::MAX);
            let mut reader = BufReader::new(Stream::new(&rest));
            let Some(stopped) = self.one(&mut reader, rest.len(), inside, report) else {
                return report.add(Finding {
                    offset: at,
                    ..found(inside, &UNREAD, Weight::NotProven, format!("a {} stream cannot be read", self.name()))
                });
            };
            let left = reader.buffer().len() as u64;
            at += reader.get_ref().at() - left;
            if stopped {
                return;
            }
            // Zeros may fill the end of a tape or a block; what else follows is another stream or something hidden.
            if reader.fill_buf().is_ok_and(|rest| rest.iter().all(|&byte| byte == 0)) && bytes.len() - at < 1 << 16 {
                return;
            }
            let rest = Part::new(bytes, at, u64::MAX);
            if index + 1 == STREAMS_MAX || !self.claims(&rest) {
                let words = format!("{} bytes follow the end of the {} stream", rest.len(), self.name());
                report.add(Finding { offset: at, ..found(inside, &HIDDEN, Weight::NotProven, words) });
                return (inside.member)("after the end", &rest, report);
            }
        }
    }
}

fn tries(reader: &mut dyn Read) -> bool {
    let mut buffer = [0; TRIAL];
    matches!(reader.read(&mut buffer), Ok(1..))
}

fn lzma<R: Read>(reader: R) -> Option<lzma_rust2::LzmaReader<R>> {
    lzma_rust2::LzmaReader::new_mem_limit(reader, UNPACKER_KIB_MAX, None).ok()
}

impl Wrapped {
    /// Unpacks one stream and has it read. Returns whether it stopped before its end; nothing if it does not even begin.
    fn one(
        self,
        reader: &mut BufReader<Stream<'_>>,
        packed: u64,
        inside: &Inside<'_>,
        report: &mut Report,
    ) -> Option<bool> {
        let (out, _, stopped) = match self {
            Self::Gzip => unpack(flate2::bufread::GzDecoder::new(reader), packed, inside.budget),
            Self::Zlib | Self::OldJoblib => unpack(flate2::bufread::ZlibDecoder::new(reader), packed, inside.budget),
            Self::Bzip2 => unpack(bzip2::bufread::BzDecoder::new(reader), packed, inside.budget),
            Self::Xz => {
                unpack(lzma_rust2::XzReader::new_mem_limit(reader, false, UNPACKER_KIB_MAX), packed, inside.budget)
            }
            Self::Lzma => unpack(lzma(reader)?, packed, inside.budget),
            Self::Lz4 => unpack(lz4_flex::frame::FrameDecoder::new(reader), packed, inside.budget),
            Self::Zstandard => unpack(ruzstd::decoding::StreamingDecoder::new(reader).ok()?, packed, inside.budget),
        };
        let began = !out.is_empty();
        if began || stopped.is_none() {
            (inside.member)("unpacked", &out, report);
        }
        match stopped {
            None => Some(false),
            Some(Stopped::Broken(error)) => {
                report.add(found(
                    inside,
                    &UNREAD,
                    Weight::NotProven,
                    format!("the {} stream is broken: {error}", self.name()),
                ));
                Some(true)
            }
            Some(Stopped::Limit(spent)) => {
                report.add(limit(inside, spent));
                Some(true)
            }
            Some(Stopped::Bomb) => {
                let words = format!("more than {} MiB come out of {packed} bytes", IN_MEMORY_MAX >> 20);
                report.add(found(inside, &BOMB, Weight::NotProven, words));
                Some(true)
            }
        }
    }
}
