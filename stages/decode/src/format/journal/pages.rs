//! Reads stretches of a source through a small cache of pages: nothing is mapped, memory is bounded.
//!
//! The cache is direct-mapped (a page has one slot), which needs no bookkeeping. A journal is read forwards with many
//! looks back at shared data objects, so most reads hit. A hostile journal can point anywhere from anywhere; the number
//! of pages that one source may cost is therefore bounded too, which keeps the work linear in the source's size.

use std::io;

use shieldwall_schema::ReadAt;

/// Bytes of a page: large enough for reading forwards, small enough that a stray look back costs little.
const PAGE_BYTES: usize = 16 * 1024;

/// Pages kept: 4 MiB a journal at work.
const PAGES_MAX: usize = 256;

/// Pages that may be read per page of the source. Reading a journal forwards with its looks back costs about 2.
const READS_PER_PAGE_MAX: u64 = 32;

/// Why bytes cannot be had.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The source ends before.
    End,
    /// The operating system would not give them.
    Io(io::Error),
    /// [`READS_PER_PAGE_MAX`] is used up.
    Budget,
}

struct Page {
    number: u64,
    bytes: Vec<u8>,
}

/// A source behind its cache.
pub(crate) struct Pages<'a> {
    source: &'a dyn ReadAt,
    size: u64,
    pages: Vec<Page>,
    reads_left: u64,
}

impl<'a> Pages<'a> {
    /// An empty cache over `source`.
    pub(crate) fn new(source: &'a dyn ReadAt) -> Self {
        let size = source.size();
        let reads_left = (size / PAGE_BYTES as u64 + PAGES_MAX as u64).saturating_mul(READS_PER_PAGE_MAX);
        let pages = (0..PAGES_MAX).map(|_| Page { number: u64::MAX, bytes: Vec::new() }).collect();
        Self { source, size, pages, reads_left }
    }

    /// The source's size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `out` from `offset`.
    pub(crate) fn read(&mut self, mut offset: u64, mut out: &mut [u8]) -> Result<(), Fault> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.size) {
            return Err(Fault::End);
        }
        while !out.is_empty() {
            let page = self.page(offset / PAGE_BYTES as u64)?;
            let at = (offset % PAGE_BYTES as u64) as usize;
            let have = page.get(at..).unwrap_or_default();
            let count = have.len().min(out.len());
            let (Some(from), Some((to, rest))) = (have.get(..count), out.split_at_mut_checked(count)) else {
                return Err(Fault::End);
            };
            if count == 0 {
                return Err(Fault::End);
            }
            to.copy_from_slice(from);
            offset += count as u64;
            out = rest;
        }
        Ok(())
    }

    fn page(&mut self, number: u64) -> Result<&[u8], Fault> {
        let slot = (number % PAGES_MAX as u64) as usize;
        let Some(page) = self.pages.get_mut(slot) else { return Err(Fault::End) };
        if page.number != number {
            self.reads_left = self.reads_left.checked_sub(1).ok_or(Fault::Budget)?;
            page.number = u64::MAX;
            page.bytes.resize(PAGE_BYTES, 0);
            let start = number * PAGE_BYTES as u64;
            let mut filled = 0;
            while let Some(free) = page.bytes.get_mut(filled..).filter(|free| !free.is_empty()) {
                match self.source.read_at(start + filled as u64, free) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Fault::Io(error)),
                }
            }
            page.bytes.truncate(filled);
            page.number = number;
        }
        Ok(&page.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_pages_and_end_where_the_source_ends() {
        let bytes: Vec<u8> = (0..PAGE_BYTES * 2 + 7).map(|at| (at % 251) as u8).collect();
        let mut pages = Pages::new(&bytes);
        let mut out = vec![0; PAGE_BYTES + 2];
        pages.read(PAGE_BYTES as u64 - 1, &mut out).unwrap();
        assert_eq!(out, bytes[PAGE_BYTES - 1..PAGE_BYTES * 2 + 1]);
        assert!(matches!(pages.read(PAGE_BYTES as u64 * 2, &mut [0; 8]), Err(Fault::End)));
        assert!(matches!(pages.read(u64::MAX, &mut [0; 8]), Err(Fault::End)));
    }

    #[test]
    fn the_number_of_page_reads_is_bounded() {
        let bytes = vec![0; PAGE_BYTES * (PAGES_MAX + 1)];
        let mut pages = Pages::new(&bytes);
        let far = (PAGE_BYTES * PAGES_MAX) as u64;
        let limit = 2 * (PAGES_MAX as u64 + 1 + PAGES_MAX as u64) * READS_PER_PAGE_MAX;
        // Pages 0 and PAGES_MAX share a slot: each read throws the other out.
        let mut reads = (0..limit).map(|turn| pages.read((turn % 2) * far, &mut [0; 1]));
        assert!(reads.any(|read| matches!(read, Err(Fault::Budget))));
    }
}
