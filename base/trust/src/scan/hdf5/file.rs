//! The superblock, numbers of the file's own widths, and texts of variable length.

use super::Unread;
use crate::scan::Bytes;

/// Bytes of a text of variable length. The configuration of the largest models has a few megabytes.
const TEXT_MAX: u64 = 64 << 20;
/// Where a superblock may stand: at 0, 512 and on in powers of two.
const USERBLOCK_MAX: u64 = 1 << 20;

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// Where the superblock is.
pub(crate) fn superblock(bytes: &dyn Bytes) -> Option<u64> {
    let powers = std::iter::successors(Some(512_u64), |at| Some(at * 2)).take_while(|&at| at <= USERBLOCK_MAX);
    std::iter::once(0).chain(powers).take_while(|&at| at < bytes.len()).find(|&at| bytes.window(at, 8) == SIGNATURE)
}

/// An opened file.
pub(crate) struct File<'a> {
    pub bytes: &'a dyn Bytes,
    /// What is added to every address.
    pub base: u64,
    offset_size: usize,
    length_size: usize,
    /// Address of the root group's header.
    pub root: u64,
    /// Where the file says that it ends.
    pub end: u64,
    /// One window of the file: headers lie close together.
    cache: std::cell::RefCell<(u64, Vec<u8>)>,
    /// Collections of the global heap: where each object lies. An index has 16 bits.
    heaps: std::cell::RefCell<std::collections::HashMap<u64, Heap>>,
}

/// A place in the file from which numbers are read one after the other.
pub(crate) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bytes.
    pub(crate) fn take(&mut self, many: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(many)?)?;
        self.at += many;
        Some(bytes)
    }

    /// A little-endian number of so many bytes.
    pub(crate) fn number(&mut self, bytes: usize) -> Option<u64> {
        self.take(bytes).map(|bytes| bytes.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl<'a> File<'a> {
    /// Reads the superblock at a place.
    pub(crate) fn open(bytes: &'a dyn Bytes, at: u64) -> Result<Self, Unread> {
        let head = bytes.window(at, 128);
        let read = || {
            let mut cursor = Cursor::new(head.get(8..)?);
            let version = cursor.number(1)?;
            let (offset_size, length_size) = match version {
                0 | 1 => {
                    cursor.take(4)?;
                    (cursor.number(1)?, cursor.number(1)?)
                }
                2 | 3 => (cursor.number(1)?, cursor.number(1)?),
                _ => return None,
            };
            let (offset_size, length_size) = (usize::try_from(offset_size).ok()?, usize::try_from(length_size).ok()?);
            if !matches!(offset_size, 2 | 4 | 8) || !matches!(length_size, 2 | 4 | 8) {
                return None;
            }
            let (base, end, root) = if version < 2 {
                cursor.take(if version == 0 { 1 + 2 + 2 + 4 } else { 1 + 2 + 2 + 4 + 4 })?;
                let base = cursor.number(offset_size)?;
                cursor.take(offset_size)?;
                let end = cursor.number(offset_size)?;
                cursor.take(2 * offset_size)?;
                (base, end, cursor.number(offset_size)?)
            } else {
                cursor.take(1)?;
                let base = cursor.number(offset_size)?;
                cursor.take(offset_size)?;
                (base, cursor.number(offset_size)?, cursor.number(offset_size)?)
            };
            Some(Self {
                bytes,
                base,
                offset_size,
                length_size,
                root,
                end,
                cache: std::cell::RefCell::default(),
                heaps: std::cell::RefCell::default(),
            })
        };
        read().ok_or_else(|| Unread(at, "the superblock is of no known form".to_owned()))
    }

    /// Bytes at an address; fewer at the end.
    pub(crate) fn window(&self, address: u64, wanted: usize) -> Vec<u8> {
        /// Bytes that are read at once for small requests.
        const CACHED: usize = 64 << 10;
        let Some(at) = address.checked_add(self.base).filter(|&at| at < self.bytes.len()) else { return Vec::new() };
        if wanted > CACHED / 2 {
            return self.bytes.window(at, wanted);
        }
        let mut cache = self.cache.borrow_mut();
        let within = |cache: &(u64, Vec<u8>)| {
            let from = usize::try_from(at.checked_sub(cache.0)?).ok()?;
            cache.1.get(from..from + wanted).map(<[u8]>::to_vec)
        };
        if let Some(bytes) = within(&cache) {
            return bytes;
        }
        *cache = (at, self.bytes.window(at, CACHED));
        within(&cache).unwrap_or_else(|| cache.1.get(..wanted.min(cache.1.len())).unwrap_or_default().to_vec())
    }

    /// An address.
    pub(crate) fn offset(&self, cursor: &mut Cursor<'_>) -> Option<u64> {
        cursor.number(self.offset_size)
    }

    /// A length.
    pub(crate) fn length(&self, cursor: &mut Cursor<'_>) -> Option<u64> {
        cursor.number(self.length_size)
    }

    /// Bytes of an address.
    pub(crate) fn offset_size(&self) -> usize {
        self.offset_size
    }

    /// Bytes of a length.
    pub(crate) fn length_size(&self) -> usize {
        self.length_size
    }

    /// Whether an address is "none".
    pub(crate) fn is_none(&self, address: u64) -> bool {
        address == u64::MAX >> (64 - 8 * self.offset_size)
    }

    /// One object of a global heap collection.
    pub(crate) fn heap_object(&self, collection: u64, index: u64, len: u64) -> Option<Vec<u8>> {
        if !self.heaps.borrow().contains_key(&collection) {
            if self.heaps.borrow().len() >= HEAPS_MAX {
                return None;
            }
            self.heaps.borrow_mut().insert(collection, self.heap(collection)?);
        }
        let &(start, size) = self.heaps.borrow().get(&collection)?.get(&index)?;
        let wanted = usize::try_from(size.min(len).min(TEXT_MAX)).ok()?;
        Some(self.window(start, wanted))
    }

    /// Places and sizes of the objects of a collection.
    fn heap(&self, collection: u64) -> Option<Heap> {
        let head = self.window(collection, 8 + self.length_size);
        if !head.starts_with(b"GCOL") {
            return None;
        }
        let size = Cursor::new(head.get(8..)?).number(self.length_size)?;
        let end = collection.checked_add(size)?;
        let mut at = collection + 8 + self.length_size as u64;
        let mut out = Heap::new();
        // Each object but the free space, which is 0, has a number of its own.
        while at < end && out.len() <= usize::from(u16::MAX) {
            let head = self.window(at, 8 + self.length_size);
            let mut cursor = Cursor::new(&head);
            let Some(number) = cursor.number(2).filter(|&number| number != 0) else { break };
            cursor.take(6)?;
            let size = self.length(&mut cursor)?;
            let start = at + head.len() as u64;
            if out.insert(number, (start, size)).is_some() {
                return None;
            }
            at = start.checked_add(size.checked_next_multiple_of(8)?)?;
        }
        Some(out)
    }
}

/// Objects of one collection: place and size by number.
type Heap = std::collections::HashMap<u64, (u64, u64)>;

/// Collections that are kept open. Each holds four kilobytes of texts or one long one.
const HEAPS_MAX: usize = 4_096;
