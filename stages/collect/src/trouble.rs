//! What was not read, and why.
//!
//! Two shapes, told apart by whether there is anything to decode. What never became a source (a missing file, an
//! encrypted member, an unsafe name) is an [`Unread`]. A source that ends early keeps its bytes up to there and then
//! *ends*, as if the file were short; [`Source::trouble`](crate::Source::trouble) and
//! [`Ending::trouble`](crate::Ending) say why. Readers above therefore never see an `io::Error` for damaged data, and
//! every decoder gets the bytes before the damage.
//!
//! Inside this crate the layers hand a `Fault` through `io::Error`, so that the reason of the innermost layer survives
//! any decompressor in between.

use std::error::Error;
use std::io;

use shieldwall_schema::Reject;

/// Something that was given, or found in what was given, and is not read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The path as given, members after `!`. Names come from the evidence: escape before printing.
    pub path: String,
    /// Why, for counting.
    pub reason: Reject,
    /// Why, in words: lower case, concrete, no final stop.
    pub detail: String,
    /// Whether bytes of the evidence were left out, so that the run is partial. False for what holds no bytes of its
    /// own: symbolic links, sockets and devices found in a folder or archive.
    pub loses_data: bool,
}

impl Unread {
    /// Evidence that could not be read.
    pub fn new(path: impl Into<String>, reason: Reject, detail: impl Into<String>) -> Self {
        Self { path: path.into(), reason, detail: detail.into(), loses_data: true }
    }

    /// Something without bytes of its own.
    pub(crate) fn note(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { path: path.into(), reason: Reject::Unsupported, detail: detail.into(), loses_data: false }
    }

    pub(crate) fn fault(path: impl Into<String>, fault: Fault) -> Self {
        Self::new(path, fault.reason, fault.detail)
    }
}

/// Why a stream ends early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Fault {
    pub reason: Reject,
    pub detail: String,
}

impl Fault {
    pub fn new(reason: Reject, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// A limit was reached: its name, and what reached it.
    pub fn limit(name: &'static str, what: impl std::fmt::Display) -> Self {
        Self::new(Reject::Limit, format!("{what} (limit {name})"))
    }

    /// Reads the reason out of an error that came up through `layer` (`gzip`, `tar`, `file`).
    pub fn from_io(layer: &str, error: &io::Error) -> Self {
        let mut kind = error.kind();
        let mut next: Option<&(dyn Error + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(inner) = next {
            if let Some(fault) = inner.downcast_ref::<Self>() {
                return fault.clone();
            }
            if let Some(inner) = inner.downcast_ref::<io::Error>() {
                kind = inner.kind();
                // `source` of an `io::Error` leaves out the error that it holds itself.
                next = inner.get_ref().map(|inner| inner as _);
            } else {
                next = inner.source();
            }
        }
        let reason = match kind {
            io::ErrorKind::UnexpectedEof => Reject::Truncated,
            io::ErrorKind::Unsupported => Reject::Unsupported,
            _ if error.raw_os_error().is_some() => Reject::Unreadable,
            io::ErrorKind::OutOfMemory => return Self::limit("window_bytes_max", format_args!("{layer}: {error}")),
            _ if error.to_string().contains("checksum") => Reject::Checksum,
            _ => Reject::Corrupt,
        };
        Self::new(reason, format!("{layer}: {error}"))
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}
