//! JSON Lines: one record a line, chunks in any order by any worker.

use memchr::memchr;
use shieldwall_schema::{Chunk, Reject, Sink};

use super::expand::Expander;
use super::sniff::{BOM, Shape, shape};
use super::split::RECORD_BYTES_MAX;
use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};

/// The format `jsonl`.
pub struct JsonLines;

impl Decoder for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        match shape(head) {
            Shape::Lines(confidence) => confidence,
            _ => Confidence::NO,
        }
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        super::expand::lacks(head)
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(Reading { expander: Expander::new(context) })
    }
}

struct Reading<'a> {
    expander: Expander<'a>,
}

impl ChunkDecoder for Reading<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        let mut rest = chunk.bytes;
        let mut offset = chunk.offset;
        if chunk.mid_line {
            let skip = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            rest = rest.get(skip..).unwrap_or_default();
            offset += skip as u64;
        }
        while !rest.is_empty() {
            let end = memchr(b'\n', rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let next = end.map_or(rest.len(), |at| at + 1);
            self.line(offset, line, end.is_some(), chunk.last, sink);
            rest = rest.get(next..).unwrap_or_default();
            offset += next as u64;
        }
        self.expander.flush(sink);
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        self.expander.flush(sink);
    }
}

impl Reading<'_> {
    fn line(&mut self, offset: u64, line: &[u8], ended: bool, last: bool, sink: &mut dyn Sink) {
        let line = if offset == 0 { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        let end = line.trim_ascii_end();
        let record = end.trim_ascii_start();
        let record = record.strip_prefix(b"\x1e").unwrap_or(record);
        if record.is_empty() {
            return;
        }
        let offset = offset + (end.len() - record.len()) as u64;
        if (!ended && !last) || record.len() > RECORD_BYTES_MAX {
            self.expander.reject(offset, Reject::TooLarge, "a line longer than a chunk or 16 MiB", sink);
            return;
        }
        self.expander.value(offset, record, !ended, sink);
    }
}
