//! Central directories: found from the end, read whole.

use super::{Header, extra, u16_at, u32_at, u64_at};
use crate::scan::Bytes;

/// The longest comment (65,535) with the end record and the two zip64 records before it.
const TAIL_MAX: usize = 65_535 + 22 + 20 + 56;
/// Bytes of all central directories of one file, read twice where two end records point to them: some hundred thousand
/// members with names of ordinary length. Past it the rest is not read, and is then a lie about where the directory ends.
const DIRECTORY_BYTES_MAX: u64 = 32 << 20;
/// End records that are tried. An honest archive has one; nested stored archives show theirs in the tail.
const ENDS_MAX: usize = 16;

/// One central directory, as one reader would see it.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Where the directory begins and where its end record begins.
    pub start: u64,
    pub end_record: u64,
    /// What must be added to all offsets: bytes that stand before the archive.
    pub base: u64,
    pub entries: Vec<Header>,
    /// Entries the end record promises.
    pub promised: u64,
    /// Where reading of entries stopped; the end record says where it should have.
    pub stopped: u64,
    pub should_stop: u64,
    /// Where the comment, or whatever follows the end record, begins, and the comment's length.
    pub comment: (u64, u64),
}

/// Every directory some reader would find, the one that most would find first.
pub(crate) fn find(file: &dyn Bytes) -> Vec<Directory> {
    let tail_len = TAIL_MAX.min(usize::try_from(file.len()).unwrap_or(TAIL_MAX));
    let tail_start = file.len() - tail_len as u64;
    let tail = file.window(tail_start, tail_len);
    let mut out: Vec<Directory> = Vec::new();
    let mut left = DIRECTORY_BYTES_MAX;
    for at in memchr::memmem::rfind_iter(&tail, b"PK\x05\x06").take(ENDS_MAX) {
        let Some(record) = tail.get(at..) else { continue };
        out.extend(end(file, tail_start + at as u64, record, &mut left));
    }
    out.sort_by_key(|directory| {
        let ends_the_file = directory.comment.0 + directory.comment.1 == file.len();
        (!ends_the_file, std::cmp::Reverse(directory.end_record))
    });
    out
}

/// The directories that one end record can mean: with zip64 and without, counted from the record or by absolute offset.
fn end(file: &dyn Bytes, at: u64, record: &[u8], left: &mut u64) -> Vec<Directory> {
    let (Some(promised), Some(size), Some(offset), Some(comment)) =
        (u16_at(record, 10), u32_at(record, 12), u32_at(record, 16), u16_at(record, 20))
    else {
        return Vec::new();
    };
    let comment = (at + 22, u64::from(comment));
    let mut out = Vec::new();
    if let Some((wide_at, size, offset, promised)) = zip64(file, at) {
        out.extend(both(file, at, wide_at, Said { size, offset, promised }, comment, left));
    }
    if out.is_empty() || (size, offset) != (u32::MAX, u32::MAX) && promised != u16::MAX {
        let said = Said { size: u64::from(size), offset: u64::from(offset), promised: u64::from(promised) };
        for directory in both(file, at, at, said, comment, left) {
            let same = |known: &Directory| known.start == directory.start && known.base == directory.base;
            if !out.iter().any(|known| same(known) || is_tail(&directory, known)) {
                out.push(directory);
            }
        }
    }
    out
}

/// Whether one directory is nothing but the last entries of another: a narrow end record counted backwards as if no zip64
/// records stood before it meets an entry by chance, and no reader that knows zip64 counts so.
fn is_tail(directory: &Directory, known: &Directory) -> bool {
    let mut at = known.start;
    known.stopped == directory.stopped
        && known.promised == directory.promised
        && known.entries.iter().any(|entry| {
            at = at.saturating_add(entry.len);
            at == directory.start
        })
}

/// What an end record says of its directory.
#[derive(Clone, Copy)]
struct Said {
    size: u64,
    offset: u64,
    promised: u64,
}

/// The zip64 end record: where it is, size and offset of the directory, number of entries.
fn zip64(file: &dyn Bytes, end: u64) -> Option<(u64, u64, u64, u64)> {
    let locator = file.window(end.checked_sub(20)?, 20);
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    // Where the locator says, or right before the locator where bytes were put in front of the archive.
    for at in [u64_at(&locator, 8)?, end.saturating_sub(76)] {
        let record = file.window(at, 56);
        if record.starts_with(b"PK\x06\x06") {
            return Some((at, u64_at(&record, 40)?, u64_at(&record, 48)?, u64_at(&record, 32)?));
        }
    }
    None
}

fn both(file: &dyn Bytes, end: u64, before: u64, said: Said, comment: (u64, u64), left: &mut u64) -> Vec<Directory> {
    let Said { size, offset, promised } = said;
    let mut starts = Vec::new();
    if let Some(start) = before.checked_sub(size) {
        starts.push((start, start.saturating_sub(offset)));
    }
    if !starts.iter().any(|(start, _)| *start == offset) && file.window(offset, 4) == *b"PK\x01\x02" {
        starts.push((offset, 0));
    }
    starts
        .into_iter()
        .filter(|(start, _)| promised == 0 || file.window(*start, 4) == *b"PK\x01\x02")
        .map(|(start, base)| {
            let (entries, stopped) = entries(file, start, end.max(before), left);
            Directory { start, end_record: end, base, entries, promised, stopped, should_stop: before, comment }
        })
        .collect()
}

/// All entries from a place on, and where they stop.
fn entries(file: &dyn Bytes, start: u64, end: u64, left: &mut u64) -> (Vec<Header>, u64) {
    let len = end.saturating_sub(start).min(*left);
    *left -= len;
    let bytes = file.window(start, usize::try_from(len).unwrap_or(0));
    let mut out = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((header, len)) = entry(rest) {
        out.push(header);
        rest = rest.get(len..).unwrap_or_default();
    }
    (out, start + (bytes.len() - rest.len()) as u64)
}

fn entry(bytes: &[u8]) -> Option<(Header, usize)> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return None;
    }
    let name_len = usize::from(u16_at(bytes, 28)?);
    let extra_len = usize::from(u16_at(bytes, 30)?);
    let comment_len = usize::from(u16_at(bytes, 32)?);
    let (packed, unpacked, local) = (u32_at(bytes, 20)?, u32_at(bytes, 24)?, u32_at(bytes, 42)?);
    let len = 46 + name_len + extra_len + comment_len;
    let mut header = Header {
        name: bytes.get(46..46 + name_len)?.to_vec(),
        second_name: None,
        flags: u16_at(bytes, 8)?,
        method: u16_at(bytes, 10)?,
        crc: u32_at(bytes, 16)?,
        packed: u64::from(packed),
        unpacked: u64::from(unpacked),
        local: u64::from(local),
        mode: u32_at(bytes, 38)? >> 16,
        len: len as u64,
    };
    extra(&mut header, bytes.get(46 + name_len..46 + name_len + extra_len)?, (unpacked, packed, local));
    bytes.get(..len)?;
    Some((header, len))
}
