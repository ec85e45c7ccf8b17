//! Tar headers: ustar and pax (POSIX.1-2024, pax), GNU long names, and the old form known by its checksum alone.
//!
//! Only what reading logs needs: name, size, kind. Long names and pax records are bounded before they are read. After a
//! damaged header the next valid one is looked for, block by block, so that one bad block costs one member. Members
//! behind an end-of-archive mark are read too (tapes and appended archives have them, and hiding there is easy).

use std::io::{self, Read};

use shieldwall_schema::Reject;

use crate::limits::Limits;
use crate::trouble::Fault;

const BLOCK_BYTES: usize = 512;

type Block = [u8; BLOCK_BYTES];

/// Bytes of one extended header (long name, pax records). GNU tar writes a few hundred.
const EXTENDED_BYTES_MAX: u64 = 64 * 1024;

/// Whether a tar archive starts here.
pub(crate) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK_BYTES>().is_some_and(|block| !is_zero(block) && checksum_fits(block))
}

fn is_zero(block: &Block) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// The sum of all bytes with the checksum itself as blanks; some old programs summed signed bytes.
fn checksum_fits(block: &Block) -> bool {
    let Some(stated) = field(block, 148, 8).and_then(octal) else { return false };
    let (mut unsigned, mut signed) = (0u64, 0i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        unsigned += u64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

fn field(block: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    block.get(at..at + length)
}

/// Octal digits between blanks and NULs.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

/// A number in octal or, with the top bit set, in base 256 (GNU).
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (first, rest) if first & 0x80 != 0 => {
            let mut value = u64::from(first & 0x7f);
            for byte in rest {
                value = value.checked_mul(256)? | u64::from(*byte);
            }
            Some(value)
        }
        _ => octal(field),
    }
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// What a header is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A link or a special file: no bytes of its own.
    Link,
    /// Something that only its own program can put together.
    Unsupported(&'static str),
}

/// One member.
#[derive(Debug)]
pub(crate) struct Entry {
    pub name: Vec<u8>,
    pub size: u64,
    pub kind: Kind,
}

/// What comes next in an archive.
#[derive(Debug)]
pub(crate) enum Next {
    Member(Entry),
    /// A damaged header; asking again goes on behind it.
    Damaged(Fault),
    End,
}

/// Where headers and data are read from.
pub(crate) trait Feed: Read {
    /// Leaves out bytes, at most to the end; gives how many.
    fn skip(&mut self, count: u64) -> io::Result<u64>;
}

/// Walks headers. After [`next`](Self::next) gave an entry, its data may be read from [`data`](Self::data).
pub(crate) struct TarReader<F> {
    feed: F,
    /// Unread bytes of the current member.
    left: u64,
    padding: u64,
    /// Behind an end mark or a damaged header: blocks that are no headers are passed over.
    searching: bool,
}

impl<F: Feed> TarReader<F> {
    pub fn new(feed: F) -> Self {
        Self { feed, left: 0, padding: 0, searching: false }
    }

    pub fn left(&self) -> u64 {
        self.left
    }

    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// The rest of the current member's data.
    pub fn data(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.feed.read(buffer)?;
        if count == 0 {
            return Err(truncated(self.left).into());
        }
        self.left -= count as u64;
        Ok(count)
    }

    /// The next member. After a fault nothing more comes.
    pub fn next(&mut self, limits: &Limits) -> Result<Next, Fault> {
        let mut extended = Extended::default();
        loop {
            self.pass_over()?;
            let Some(block) = self.block()? else { return Ok(Next::End) };
            if is_zero(&block) {
                self.searching = true;
                continue;
            }
            let size = field(&block, 124, 12).and_then(number);
            let (true, Some(size)) = (checksum_fits(&block), size) else {
                if std::mem::replace(&mut self.searching, true) {
                    continue;
                }
                let detail = "tar: a damaged header; the next good one is looked for";
                return Ok(Next::Damaged(Fault::new(Reject::Corrupt, detail)));
            };
            self.searching = false;
            let kind = block.get(156).copied().unwrap_or_default();
            if matches!(kind, b'L' | b'x' | b'K' | b'g') {
                let bytes = self.extended(size, limits)?;
                match kind {
                    b'L' => extended.name = Some(text(&bytes).to_vec()),
                    b'x' => extended.pax(&bytes),
                    _ => {}
                }
                continue;
            }
            return Ok(Next::Member(self.entry(&block, kind, size, extended)));
        }
    }

    fn entry(&mut self, block: &Block, kind: u8, size: u64, extended: Extended) -> Entry {
        let size = extended.size.unwrap_or(size);
        let name = extended.name.unwrap_or_else(|| header_name(block));
        let kind = match kind {
            _ if extended.sparse => Kind::Unsupported("sparse tar member"),
            b'S' => Kind::Unsupported("sparse tar member"),
            b'M' => Kind::Unsupported("part of a tar member that begins in another volume"),
            b'1'..=b'4' | b'6' => Kind::Link,
            b'5' | b'D' | b'V' => Kind::Folder,
            _ if name.ends_with(b"/") && size == 0 => Kind::Folder,
            _ => Kind::File,
        };
        // Links state the size of what they point to but carry no data.
        self.left = if kind == Kind::Link { 0 } else { size };
        self.padding = self.left.wrapping_neg() % BLOCK_BYTES as u64;
        Entry { name, size: self.left, kind }
    }

    /// The data of a header that describes the next one.
    fn extended(&mut self, size: u64, limits: &Limits) -> Result<Vec<u8>, Fault> {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK_BYTES as u64;
        let cap = EXTENDED_BYTES_MAX.max(limits.name_bytes_max as u64);
        let mut bytes = vec![0; usize::try_from(size.min(cap)).unwrap_or_default()];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            filled += self.data(rest).map_err(|error| Fault::from_io("tar", &error))?;
        }
        Ok(bytes)
    }

    fn pass_over(&mut self) -> Result<(), Fault> {
        let count = self.left.saturating_add(self.padding);
        if count == 0 {
            return Ok(());
        }
        let skipped = self.feed.skip(count).map_err(|error| Fault::from_io("tar", &error))?;
        let missing = self.left.saturating_sub(skipped);
        (self.left, self.padding) = (0, 0);
        if missing > 0 { Err(truncated(missing)) } else { Ok(()) }
    }

    fn block(&mut self) -> Result<Option<Block>, Fault> {
        let mut block = [0; BLOCK_BYTES];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.feed.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::from_io("tar", &error)),
            }
        }
        match filled {
            BLOCK_BYTES => Ok(Some(block)),
            0 => Ok(None),
            _ if self.searching => Ok(None),
            _ => Err(Fault::new(Reject::Truncated, "tar: ends in the middle of a header")),
        }
    }
}

fn truncated(missing: u64) -> Fault {
    Fault::new(Reject::Truncated, format!("tar: ends {missing} bytes before its member does"))
}

/// The name in the header, behind its prefix in ustar.
fn header_name(block: &Block) -> Vec<u8> {
    let name = field(block, 0, 100).map(text).unwrap_or_default();
    // GNU's magic is `ustar  `; it keeps other things where ustar keeps the prefix.
    let prefix = match field(block, 257, 6) {
        Some(b"ustar\0") => field(block, 345, 155).map(text).unwrap_or_default(),
        _ => &[],
    };
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

/// What extended headers said of the next member.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Extended {
    /// Records `LENGTH KEY=VALUE\n`; reading ends at the first that is none.
    fn pax(&mut self, mut bytes: &[u8]) {
        while let Some(blank) = memchr::memchr(b' ', bytes) {
            let length = bytes.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            let Some((record, rest)) = length.and_then(|length: usize| bytes.split_at_checked(length)) else { return };
            let Some(record) = record.get(blank + 1..) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = memchr::memchr(b'=', record) else { return };
            let (key, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => self.size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
                _ if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
            bytes = rest;
        }
    }
}
