//! bytes → [`Event`](shieldwall_schema::Event): one file a log format, under [`format`](mod@format).
//!
//! A decoder sniffs by content, never by name. It never fails as a whole: what it cannot read is a
//! [`Rejection`](shieldwall_schema::Rejection) with its place, and the neighbours go on.

pub mod clock;
pub mod decoder;
pub mod format;
#[doc(hidden)]
pub mod fuzzing;
pub mod lines;
#[cfg(test)]
mod testing;
pub(crate) mod text;

pub use clock::{Assumption, Clock, Lacks, Survey, TimePolicy, written_offset};
pub use decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
pub use format::{identify, registry};
