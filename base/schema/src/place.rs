//! Where in the evidence a record stands.

use serde::{Deserialize, Serialize};

/// A source's number within one run, in the order in which the inputs were listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// A record's place inside its source.
///
/// `offset` (bytes from the start of the decompressed source) orders records; `record` is the format's own number
/// (an EVTX record id, a journal sequence number), where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Byte offset of the record's first byte in the decompressed source.
    pub offset: u64,
    /// The format's own record number, if it has one.
    pub record: Option<u64>,
}

impl Place {
    /// A place known by its byte offset alone.
    pub const fn offset(offset: u64) -> Self {
        Self { offset, record: None }
    }

    /// A place with the format's own record number.
    pub const fn record(offset: u64, record: u64) -> Self {
        Self { offset, record: Some(record) }
    }
}
