//! Windows event logs (`.evtx`, [MS-EVEN6] and the file format that J. Metz documented): the product's hottest path.
//!
//! ```text
//! file = 4 KiB header, then chunks of 64 KiB; a chunk = 512 bytes header, then records
//! record = 24 bytes header (magic, size, id, FILETIME), BinXML, size again
//! BinXML = template instance (definition by its offset in the chunk, typed values) or plain elements
//! ```
//!
//! A chunk stands on its own, so chunks are decoded by any worker in any order. Of each record only the channel, the
//! event id and the provider are read at first; a record that nobody wants is done then. A template definition is compiled
//! once per worker into a [list of leaves](layout); the wanted ones are copied straight from the chunk into their slots.
//! Events that were exported or forwarded hold plain elements instead of templates: the same [walk](tree) reads both.
//!
//! What must stay true: no byte of the file is trusted (every offset is checked, depth and work are [limited](walk)); a
//! record that does not parse is one rejection and its neighbours are read; the walk that fills slots and the walk that
//! lists all fields are one.
//!
//! Names are flat: see [`section`].
//!
//! | module | holds |
//! |---|---|
//! | [`chunk`] | chunks and records: checks, resynchronisation, what is handed to the sink |
//! | [`token`] | BinXML tokens |
//! | [`tree`] | elements and their leaves |
//! | [`layout`] | compiled templates |
//! | [`walk`] | one record's leaves, for a visitor |
//! | [`tag`] | channel, event id, provider; what is wanted |
//! | [`needles`] | whether a value holds a text that keyword rules need |
//! | [`section`], [`names`] | what leaves are called |
//! | [`value`], [`text`] | typed values as text |

mod chunk;
mod layout;
mod names;
mod needles;
mod section;
mod tag;
mod text;
mod token;
mod tree;
mod value;
mod walk;

#[cfg(test)]
mod tests;

use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};

/// Windows event logs.
#[derive(Debug)]
pub struct Evtx;

/// Bytes of the file header.
const FILE_HEADER_BYTES: u64 = 4096;
/// Bytes of a chunk.
const CHUNK_BYTES: usize = 65_536;

impl Decoder for Evtx {
    fn name(&self) -> &'static str {
        "evtx"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        if head.starts_with(b"ElfFile\0") { Confidence::MAGIC } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::Blocks { header: FILE_HEADER_BYTES, size: CHUNK_BYTES as u64 }
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(chunk::EvtxChunks::new(context.projection))
    }
}
