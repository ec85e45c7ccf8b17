//! JSON documents: an array of records, a wrapper around one, or objects one behind another, over lines or in one.

use shieldwall_schema::{Chunk, Sink};

use super::expand::Expander;
use super::sniff::{BOM, Shape, shape};
use super::split::Splitter;
use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};

/// The format `json`.
pub struct JsonDocument;

impl Decoder for JsonDocument {
    fn name(&self) -> &'static str {
        "json"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        match shape(head) {
            Shape::Document(confidence) => confidence,
            _ => Confidence::NO,
        }
    }

    fn split(&self) -> Split {
        Split::OrderedBytes
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        super::expand::lacks(head)
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(Reading { expander: Expander::new(context), splitter: Splitter::default(), end: 0, bom: 0 })
    }
}

struct Reading<'a> {
    expander: Expander<'a>,
    splitter: Splitter,
    end: u64,
    /// How much of the byte order mark was seen.
    bom: usize,
}

impl ChunkDecoder for Reading<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        let mut bytes = chunk.bytes;
        let mut offset = chunk.offset;
        // The mark may be spread over chunks of a byte each; what is no mark stays.
        while let (true, Some(byte)) = (offset == self.bom as u64, bytes.first()) {
            if BOM.get(self.bom) != Some(byte) {
                break;
            }
            self.bom += 1;
            offset += 1;
            bytes = bytes.get(1..).unwrap_or_default();
        }
        if (1..BOM.len()).contains(&self.bom) && !bytes.is_empty() {
            self.expander.reject(0, shieldwall_schema::Reject::Corrupt, "a broken byte order mark", sink);
            self.bom = BOM.len();
        }
        self.splitter.feed(offset, bytes, &mut |piece| self.expander.piece(piece, sink));
        self.end = offset + bytes.len() as u64;
        self.expander.flush(sink);
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if (1..BOM.len()).contains(&self.bom) {
            self.expander.reject(0, shieldwall_schema::Reject::Corrupt, "a broken byte order mark", sink);
        }
        self.splitter.finish(self.end, &mut |piece| self.expander.piece(piece, sink));
        self.expander.flush(sink);
    }
}
