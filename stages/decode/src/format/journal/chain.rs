//! The chain of entry arrays: the file's own list of its entries, in order (`JOURNAL_FILE_FORMAT`, "Entry Array
//! Objects"). Used to find the way again behind damaged bytes.
//!
//! Arrays are appended to the file as it grows, so each stands behind the one before, and so do the entries that they
//! list. Anything that points backwards is not followed: a chain cannot go in circles, and walking all of it costs no
//! more than the file's size.

use super::header::{Header, le32, le64};
use super::objects::{Head, kind};
use super::pages::{Fault, Pages};

/// Items read at once.
const ITEMS_BYTES: usize = 4096;

/// A place in the chain.
pub(crate) struct Chain {
    compact: bool,
    array: u64,
    at: u64,
    end: u64,
    next: u64,
    block: Vec<u8>,
    block_at: usize,
}

impl Chain {
    /// Before the first item.
    pub(crate) fn new(header: &Header) -> Self {
        let (compact, next) = (header.compact(), header.entry_array_offset);
        Self { compact, array: 0, at: 0, end: 0, next, block: Vec::new(), block_at: 0 }
    }

    /// The next listed offset that is greater than `least` and where an entry can stand; `None` at the end of the chain.
    pub(crate) fn next_after(&mut self, pages: &mut Pages<'_>, least: u64) -> Result<Option<u64>, Fault> {
        loop {
            let Some(offset) = self.item(pages)? else { return Ok(None) };
            if offset <= least || !offset.is_multiple_of(8) {
                continue;
            }
            match Head::read(pages, offset) {
                Ok(head) if head.kind == kind::ENTRY && head.is_plausible(offset, pages.size(), self.compact) => {
                    return Ok(Some(offset));
                }
                Ok(_) | Err(Fault::End) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    fn item(&mut self, pages: &mut Pages<'_>) -> Result<Option<u64>, Fault> {
        let width = if self.compact { 4 } else { 8 };
        loop {
            if let Some(item) = self.block.get(self.block_at..self.block_at + width) {
                self.block_at += width;
                return Ok(Some(if self.compact { u64::from(le32(item, 0)) } else { le64(item, 0) }));
            }
            if self.at >= self.end && !self.open_next(pages)? {
                return Ok(None);
            }
            let left = self.end - self.at;
            self.block.resize(left.min(ITEMS_BYTES as u64) as usize, 0);
            self.block_at = 0;
            pages.read(self.at, &mut self.block)?;
            self.at += self.block.len() as u64;
            if self.block.len() < width {
                self.block.clear();
            }
        }
    }

    fn open_next(&mut self, pages: &mut Pages<'_>) -> Result<bool, Fault> {
        let offset = self.next;
        if offset <= self.array || !offset.is_multiple_of(8) {
            return Ok(false);
        }
        let head = match Head::read(pages, offset) {
            Ok(head) => head,
            Err(Fault::End) => return Ok(false),
            Err(fault) => return Err(fault),
        };
        if head.kind != kind::ENTRY_ARRAY || !head.is_plausible(offset, pages.size(), self.compact) {
            return Ok(false);
        }
        let mut next = [0; 8];
        pages.read(offset + 16, &mut next)?;
        self.array = offset;
        self.next = le64(&next, 0);
        self.at = offset + 24;
        self.end = offset + head.size;
        Ok(true)
    }
}
