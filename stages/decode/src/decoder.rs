//! What every format implements.

use std::io;

use shieldwall_schema::{Chunk, Projection, ReadAt, Sink};

use crate::clock::{Clock, Lacks, Survey};

/// How sure a decoder is that bytes are of its format. The surest wins; on a tie the one registered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(pub u8);

impl Confidence {
    /// Not this format.
    pub const NO: Self = Self(0);
    /// Any text is: the last resort.
    pub const FALLBACK: Self = Self(1);
    /// The shape fits.
    pub const LIKELY: Self = Self(60);
    /// Shape and words fit.
    pub const SURE: Self = Self(90);
    /// A magic number.
    pub const MAGIC: Self = Self(100);
}

/// How a source may be cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// At line ends, each piece by any worker in any order: the decoder keeps nothing from chunk to chunk.
    Lines,
    /// Into blocks of `size` bytes behind a header of `header` bytes, in any order. A chunk is one or more whole blocks
    /// (the last may be short); the header is not handed out.
    Blocks {
        /// Bytes before the first block.
        header: u64,
        /// Bytes of a block.
        size: u64,
    },
    /// At line ends, in order, by one decoder state.
    OrderedLines,
    /// Anywhere, in order, by one decoder state.
    OrderedBytes,
    /// Not at all: the decoder reads the source itself through [`ReadAt`].
    Whole,
}

/// What a decoder is opened with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What detectors want.
    pub projection: &'a dyn Projection,
    /// How times are read.
    pub clock: &'a Clock,
    /// The first bytes of the source (up to [`HEAD_BYTES`](crate::format::HEAD_BYTES)), for formats whose reading
    /// depends on a header.
    pub head: &'a [u8],
}

/// One log format.
///
/// The line calls `sniff` on the head of a source, then, if [`lacks`](Decoder::lacks) says that the year is missing,
/// `survey` over the whole source once, then `open`, and then hands over chunks as [`split`](Decoder::split) says.
pub trait Decoder: Send + Sync {
    /// The format's name in output (`evtx`, `syslog`).
    fn name(&self) -> &'static str;

    /// How sure the decoder is, from the first bytes of the decompressed source.
    fn sniff(&self, head: &[u8]) -> Confidence;

    /// How the source may be cut.
    fn split(&self) -> Split;

    /// What the times of such a source lack.
    fn lacks(&self, head: &[u8]) -> Lacks {
        let _ = head;
        Lacks::default()
    }

    /// Reads the whole source cheaply to find where the year turns. Called only if the year is missing.
    fn survey(&self, source: &mut dyn io::BufRead) -> io::Result<Survey> {
        let _ = source;
        Ok(Survey::default())
    }

    /// A reader of chunks. Cheap: it may be called for each worker.
    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a>;
}

/// A decoder at work on one source.
pub trait ChunkDecoder: Send {
    /// Decodes one chunk. Never called for [`Split::Whole`].
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        let _ = (chunk, sink);
    }

    /// Decodes a whole source. Called only for [`Split::Whole`].
    fn whole(&mut self, source: &dyn ReadAt, sink: &mut dyn Sink) {
        let _ = (source, sink);
    }

    /// The last chunk was handed over: gives what was held back. Called once for the ordered splits and `Whole`, once a
    /// worker for the others.
    fn finish(&mut self, sink: &mut dyn Sink) {
        let _ = sink;
    }
}
