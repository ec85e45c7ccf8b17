//! The binary systemd journal (`*.journal`, `*.journal~`), as systemd's `JOURNAL_FILE_FORMAT` describes it.
//!
//! Regular and compact files, plain and keyed hashes, data packed with XZ, LZ4 or Zstandard; offline, online and archived.
//! The file is read through [`pages`] (4 MiB), its objects are walked in file order by [`walk`], shared data objects are
//! kept decoded by [`objects`] (8 MiB at most), and [`entry`] makes an event of each entry.
//!
//! What must stay true: every step goes forward, or costs from a bounded budget, so a hostile file costs time linear in
//! its size; what is damaged is a rejection with its offset, and entries around it are read.

pub(crate) mod chain;
pub(crate) mod entry;
pub(crate) mod header;
pub(crate) mod objects;
pub(crate) mod pages;
pub(crate) mod unpack;
pub(crate) mod walk;
pub(crate) mod wants;

#[cfg(test)]
mod samples;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use shieldwall_schema::{ReadAt, Sink};

use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use entry::Emitter;
use header::SIGNATURE;
use pages::Pages;
use wants::Wants;

/// The binary journal.
pub struct Journal;

impl Decoder for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        if head.starts_with(SIGNATURE) { Confidence::MAGIC } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::Whole
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(JournalReader { context })
    }
}

struct JournalReader<'a> {
    context: Context<'a>,
}

impl ChunkDecoder for JournalReader<'_> {
    fn whole(&mut self, source: &dyn ReadAt, sink: &mut dyn Sink) {
        let mut emitter = Emitter::new(Wants::new(self.context.projection));
        walk::journal(&mut Pages::new(source), &mut emitter, sink);
    }
}

/// The names that the syslog decoder gives to journal fields, for other forms of the journal (`journalctl -o json`):
/// (parsed name, journal fields of which the first present one counts).
pub fn parsed_names() -> &'static [(&'static str, &'static [&'static str])] {
    entry::PARSED_NAMES
}
