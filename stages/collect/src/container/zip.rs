//! Zip (PKWARE APPNOTE 6.3.10): the central directory, read entry by entry, and where each member's bytes lie.
//!
//! Our own reader, because a forensic one must keep what libraries fold away: members of the same name are all read, the
//! directory is never held in memory, every member can be opened by any worker on its own, and damage costs one member.
//! Sizes and checksums come from the central directory; whether a member is encrypted, from its local header, because a
//! bit set in the directory alone is a known trick to hide a member. Members that share bytes (overlapping bombs) are
//! refused once they state more packed bytes than the archive has.
//!
//! Without a central directory (a cut download, a crashed writer) members are found by their local headers.

use std::io::{BufRead, BufReader, Read};

use shieldwall_schema::{ReadAt, Reject};

use crate::container::check::Expected;
use crate::container::codec::Codec;
use crate::region::{Region, RegionReader};
use crate::trouble::Fault;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const END64_LOCATOR: &[u8; 4] = b"PK\x06\x07";

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END64_BYTES: usize = 56;
const END64_LOCATOR_BYTES: usize = 20;

/// An end record may be followed by a comment of up to 65,535 bytes.
const TAIL_BYTES: u64 = (END_BYTES + END64_LOCATOR_BYTES + u16::MAX as usize) as u64;

/// Stands for a value that is in the zip64 extra field.
const IN_ZIP64: u64 = u32::MAX as u64;

/// Bytes searched at once for a lost header.
const SEARCH_BYTES: usize = 64 * 1024;

/// General purpose flags.
const ENCRYPTED: u16 = 1;
const SIZES_BEHIND: u16 = 1 << 3;
const DIRECTORY_ENCRYPTED: u16 = 1 << 13;

/// One member.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: Vec<u8>,
    pub packed: u64,
    /// Stated unpacked size; unknown where a writer put it behind the data and no directory tells.
    pub size: Option<u64>,
    pub is_folder: bool,
    pub is_link: bool,
    crc32: u32,
    method: u16,
    flags: u16,
    local_at: u64,
}

/// An archive's members one after another.
pub(crate) struct Zip {
    archive: Region,
    members: Members,
    /// Packed bytes stated so far by a directory.
    packed: u64,
    has_directory: bool,
}

enum Members {
    Directory {
        reader: BufReader<RegionReader>,
        left: u64,
        /// What stands before the archive's own first byte (a self-extractor).
        shift: u64,
    },
    /// Local headers, from here on.
    Found {
        next: u64,
    },
    Ended,
}

/// Little-endian numbers of a fixed header.
struct Header<const N: usize>([u8; N]);

impl<const N: usize> Header<N> {
    fn u16(&self, at: usize) -> u16 {
        self.0.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    fn u32(&self, at: usize) -> u32 {
        self.0.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&self, at: usize) -> u64 {
        self.0.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn read_at(region: &Region, at: u64) -> Option<Self> {
        let mut bytes = [0; N];
        region.read_exact_at(at, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    fn is(&self, magic: &[u8; 4]) -> bool {
        self.0.starts_with(magic)
    }
}

/// Where the central directory lies.
struct Directory {
    start: u64,
    size: u64,
    entries: u64,
    shift: u64,
}

impl Zip {
    /// Opens an archive. The fault, if any, is of the archive as a whole; members are read all the same.
    pub fn open(archive: Region) -> (Self, Option<Fault>) {
        let (members, fault) = match find_directory(&archive) {
            Some(Directory { start, size, entries, shift }) => {
                let reader = BufReader::new(archive.part(start, size).reader());
                (Members::Directory { reader, left: entries, shift }, None)
            }
            None => {
                let detail = "zip: no central directory; members are found by their own headers";
                (Members::Found { next: 0 }, Some(Fault::new(Reject::Truncated, detail)))
            }
        };
        let has_directory = fault.is_none();
        (Self { archive, members, packed: 0, has_directory }, fault)
    }

    /// The next member. After a fault no more come.
    pub fn next(&mut self) -> Result<Option<Entry>, Fault> {
        let result = match &mut self.members {
            Members::Ended | Members::Directory { left: 0, .. } => Ok(None),
            Members::Directory { reader, left, shift } => {
                *left -= 1;
                read_central(reader, *shift).map(Some)
            }
            Members::Found { next } => Ok(find_local(&self.archive, next)),
        };
        if !matches!(result, Ok(Some(_))) {
            self.members = Members::Ended;
        }
        result
    }

    /// Where a member's bytes lie and how they are packed.
    pub fn locate(&mut self, entry: &Entry) -> Result<(Region, Vec<Codec>), Fault> {
        self.packed = self.packed.saturating_add(entry.packed);
        if self.packed > self.archive.size() && self.has_directory {
            return Err(Fault::new(Reject::Corrupt, "zip: members overlap: more packed bytes than the archive has"));
        }
        let local = Header::<LOCAL_BYTES>::read_at(&self.archive, entry.local_at)
            .ok_or_else(|| Fault::new(Reject::Truncated, "zip: the member lies behind the archive's end"))?;
        if !local.is(LOCAL) {
            return Err(Fault::new(Reject::Corrupt, "zip: no member where the directory says"));
        }
        if local.u16(6) & ENCRYPTED != 0 || entry.flags & DIRECTORY_ENCRYPTED != 0 || entry.method == 99 {
            return Err(Fault::new(Reject::Encrypted, "zip: the member is encrypted"));
        }
        let start = entry.local_at + LOCAL_BYTES as u64 + u64::from(local.u16(26)) + u64::from(local.u16(28));
        let mut codecs = match entry.method {
            0 => Vec::new(),
            8 => vec![Codec::Deflate],
            12 => vec![Codec::Bzip2],
            93 => vec![Codec::Zstd],
            95 => vec![Codec::Xz],
            method => return Err(Fault::new(Reject::Unsupported, format!("zip: {}", method_name(method)))),
        };
        if let Some(size) = entry.size {
            codecs.push(Codec::Check(Expected { size, crc32: Some(entry.crc32) }));
        }
        Ok((self.archive.part(start, entry.packed), codecs))
    }
}

fn method_name(method: u16) -> String {
    match method {
        1..=6 | 10 => format!("an old compression (method {method})"),
        9 => "deflate64".to_owned(),
        14 => "lzma".to_owned(),
        98 => "ppmd".to_owned(),
        _ => format!("unknown compression method {method}"),
    }
}

/// Finds the end record, from the end, and what it points to.
fn find_directory(archive: &Region) -> Option<Directory> {
    let tail_at = archive.size().saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(archive.size() - tail_at).ok()?];
    archive.read_exact_at(tail_at, &mut tail).ok()?;
    memchr::memmem::rfind_iter(&tail, END).find_map(|at| {
        let end_at = tail_at + at as u64;
        let end = Header::<END_BYTES>::read_at(archive, end_at)?;
        directory64(archive, end_at).or_else(|| directory32(archive, end_at, &end))
    })
}

fn directory32(archive: &Region, end_at: u64, end: &Header<END_BYTES>) -> Option<Directory> {
    let (entries, size, stated) = (u64::from(end.u16(10)), u64::from(end.u32(12)), u64::from(end.u32(16)));
    directory(archive, end_at, entries, size, stated)
}

fn directory64(archive: &Region, end_at: u64) -> Option<Directory> {
    let locator_at = end_at.checked_sub(END64_LOCATOR_BYTES as u64)?;
    let locator =
        Header::<END64_LOCATOR_BYTES>::read_at(archive, locator_at).filter(|found| found.is(END64_LOCATOR))?;
    // As stated, or, behind a self-extractor, right before the locator.
    [locator.u64(8), locator_at.checked_sub(END64_BYTES as u64)?].into_iter().find_map(|at| {
        let end = Header::<END64_BYTES>::read_at(archive, at).filter(|found| found.is(END64))?;
        directory(archive, at, end.u64(32), end.u64(40), end.u64(48))
    })
}

/// The directory ends where its end record begins; whatever stands before the stated start was put in front.
fn directory(archive: &Region, end_at: u64, entries: u64, size: u64, stated: u64) -> Option<Directory> {
    let begins =
        |at| entries == 0 || Header::<CENTRAL_BYTES>::read_at(archive, at).is_some_and(|header| header.is(CENTRAL));
    if let Some(start) = end_at.checked_sub(size).filter(|start| *start >= stated && begins(*start)) {
        return Some(Directory { start, size, entries, shift: start - stated });
    }
    begins(stated).then_some(Directory { start: stated, size, entries, shift: 0 })
}

/// One entry of the central directory (APPNOTE 4.3.12).
fn read_central(reader: &mut BufReader<RegionReader>, shift: u64) -> Result<Entry, Fault> {
    let damaged = || Fault::new(Reject::Corrupt, "zip: the central directory is damaged; members behind were not read");
    let mut header = Header([0; CENTRAL_BYTES]);
    reader.read_exact(&mut header.0).map_err(|_| damaged())?;
    if !header.is(CENTRAL) {
        return Err(damaged());
    }
    // Both lengths are 16 bits wide, so both reads are bounded.
    let mut name = vec![0; usize::from(header.u16(28))];
    let mut extra = vec![0; usize::from(header.u16(30))];
    reader.read_exact(&mut name).map_err(|_| damaged())?;
    reader.read_exact(&mut extra).map_err(|_| damaged())?;
    skip(reader, usize::from(header.u16(32)));

    let [size, packed, local_at] = [header.u32(24), header.u32(20), header.u32(42)].map(u64::from);
    let [size, packed, local_at] = zip64(&extra, [size, packed, local_at]);
    // The upper half of the external attributes is the mode, where a Unix wrote them (APPNOTE 4.4.15).
    let is_link = header.u16(4) >> 8 == 3 && header.u32(38) >> 16 & 0o170_000 == 0o120_000;
    Ok(Entry {
        is_folder: packed == 0 && size == 0 && matches!(name.last(), Some(b'/' | b'\\')),
        is_link,
        name,
        packed,
        size: Some(size),
        crc32: header.u32(16),
        method: header.u16(10),
        flags: header.u16(8),
        local_at: local_at.saturating_add(shift),
    })
}

fn skip(reader: &mut impl BufRead, mut count: usize) {
    while count > 0 {
        let step = reader.fill_buf().map_or(0, |bytes| bytes.len().min(count));
        if step == 0 {
            return;
        }
        reader.consume(step);
        count -= step;
    }
}

/// Replaces the values that stand in the zip64 extra field (APPNOTE 4.5.3), in this order.
fn zip64<const N: usize>(mut extra: &[u8], mut values: [u64; N]) -> [u64; N] {
    while let Some((&[id_low, id_high, low, high], rest)) = extra.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([low, high]));
        let Some((mut field, rest)) = rest.split_at_checked(length) else { return values };
        if (id_low, id_high) == (1, 0) {
            for value in values.iter_mut().filter(|value| **value == IN_ZIP64) {
                let Some((bytes, rest)) = field.split_first_chunk() else { return values };
                *value = u64::from_le_bytes(*bytes);
                field = rest;
            }
            return values;
        }
        extra = rest;
    }
    values
}

/// The next local header at or behind `next` (APPNOTE 4.3.7), in an archive without a directory.
fn find_local(archive: &Region, next: &mut u64) -> Option<Entry> {
    loop {
        let local_at = find(archive, *next, LOCAL)?;
        *next = local_at + LOCAL.len() as u64;
        let Some(header) = Header::<LOCAL_BYTES>::read_at(archive, local_at) else { continue };
        // A chance hit inside packed data: versions in use end at 6.3, flags at bit 13.
        if header.u16(4) & 0xff > 63 || header.u16(6) & 0xc000 != 0 || header.u16(26) == 0 {
            continue;
        }
        let mut name = vec![0; usize::from(header.u16(26))];
        let mut extra = vec![0; usize::from(header.u16(28))];
        let name_at = local_at + LOCAL_BYTES as u64;
        let extra_at = name_at + name.len() as u64;
        let data_at = extra_at + extra.len() as u64;
        if archive.read_exact_at(name_at, &mut name).is_err() || archive.read_exact_at(extra_at, &mut extra).is_err() {
            continue;
        }
        let [size, packed] = zip64(&extra, [header.u32(22), header.u32(18)].map(u64::from));
        let known = header.u16(6) & SIZES_BEHIND == 0;
        if known {
            *next = data_at.saturating_add(packed).min(archive.size());
        } else {
            *next = data_at;
        }
        return Some(Entry {
            is_folder: known && size == 0 && matches!(name.last(), Some(b'/' | b'\\')),
            is_link: false,
            name,
            // Packed streams know their own end.
            packed: if known { packed } else { archive.size().saturating_sub(data_at) },
            size: known.then_some(size),
            crc32: header.u32(14),
            method: header.u16(8),
            flags: header.u16(6),
            local_at,
        });
    }
}

/// Where `magic` stands next.
fn find(archive: &Region, mut from: u64, magic: &[u8; 4]) -> Option<u64> {
    let mut step = vec![0; SEARCH_BYTES];
    loop {
        let count = archive.read_at(from, &mut step).ok()?;
        let bytes = step.get(..count)?;
        if let Some(at) = memchr::memmem::find(bytes, magic) {
            return Some(from + at as u64);
        }
        if count < SEARCH_BYTES {
            return None;
        }
        // The magic may stand across the border.
        from += (count - (magic.len() - 1)) as u64;
    }
}
