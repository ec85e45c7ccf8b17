//! paths → sources → [`Chunk`](shieldwall_schema::Chunk)s.
//!
//! Everything is opened read-only and nothing is written beside the evidence. Containers (gzip, zstd, xz, bzip2, zip,
//! 7z, tar, one inside the other) are known by their content, never by a name, and unpacked within named [`Limits`].
//!
//! ```text
//! walk(paths) ─→ Input ─sources()→ Source (head, Read, random access) ─Pieces→ Chunk
//!      └→ Unread        └→ Unread        └ trouble()                     └ Ending { sha256, bytes, trouble }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`walk`](mod@walk) | files, folders, globs and standard input, in an order that depends on names alone |
//! | [`sources`] | an input's sources, members of archives included, one after another |
//! | [`source`] | one stream of log bytes: its head, its bytes in order or at offsets, what ended it early |
//! | [`pieces`] | cutting a source at line or block ends into reused buffers; the running SHA-256 |
//! | [`limits`] | every limit, its name and its reason |
//! | [`trouble`] | what was not read, and why |
//!
//! Inside: `region` (a stretch of bytes at known places), `spool` (bytes kept for a second look), `container` (one
//! file a format), `platform` (the only code that differs between operating systems).

mod container;
mod fuzz;
pub mod limits;
pub mod pieces;
mod platform;
mod region;
pub mod source;
pub mod sources;
mod spool;
#[cfg(test)]
mod tests;
pub mod trouble;
pub mod walk;

pub use fuzz::fuzz_container;
pub use limits::Limits;
pub use pieces::{Buffer, Cut, Ending, Hashing, Pieces};
pub use source::{HEAD_BYTES, Source};
pub use sources::Sources;
pub use trouble::Unread;
pub use walk::{Input, walk};
