//! What could not be read, and what was read but is odd. Both are counted, never silent.

use serde::{Deserialize, Serialize};

use crate::place::Place;

/// Why a record, or a stretch of a source, was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    /// The source or record ends in the middle.
    Truncated,
    /// The bytes break the format's own rules.
    Corrupt,
    /// A checksum does not fit.
    Checksum,
    /// Nested deeper than the limit.
    TooDeep,
    /// A line, record or field over its limit, and nothing of it could be kept.
    TooLarge,
    /// A value that its type cannot hold.
    OutOfRange,
    /// A limit on unpacked bytes, ratio, members or depth was reached.
    Limit,
    /// A member's name would leave its archive (`../`, absolute, NUL); it was not read.
    UnsafeName,
    /// The operating system would not give the bytes.
    Unreadable,
    /// Encrypted content.
    Encrypted,
    /// A compression or variant that this build does not read.
    Unsupported,
    /// The decoder itself failed; the neighbours go on.
    Internal,
}

impl Reject {
    /// The reason's name as in JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Checksum => "checksum",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::OutOfRange => "out_of_range",
            Self::Limit => "limit",
            Self::UnsafeName => "unsafe_name",
            Self::Unreadable => "unreadable",
            Self::Encrypted => "encrypted",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}

/// One rejection with its place and a plain sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Where.
    pub place: Place,
    /// Why, for counting.
    pub reason: Reject,
    /// Why, in words: lower case, concrete, no final stop.
    pub detail: String,
}

/// Something odd about a record that was read all the same. Flags are counted per source and do not make a run partial,
/// [`Flag::Truncated`] and [`Flag::FieldCap`] apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Invalid UTF-8, replaced by U+FFFD.
    Utf8Invalid,
    /// A line or value was cut at its limit.
    Truncated,
    /// A key stood twice in one JSON object; the last one counts.
    DuplicateKey,
    /// More fields than the cap; the rest of the record was not looked at.
    FieldCap,
    /// The time was impossible; the record is ordered by its place.
    TimeInvalid,
    /// A text line in no form that the format knows; kept as raw text.
    UnknownLine,
    /// A CEF or LEEF line, kept as raw text.
    RawCefLeef,
    /// A syslog header that breaks its RFC; kept as raw text.
    BadHeader,
    /// A hex-encoded field that does not decode; kept as written.
    BadHex,
    /// Bidirectional controls, zero-width or look-alike characters.
    Confusable,
    /// An event joined from several records missed a part.
    Incomplete,
}

impl Flag {
    /// The flag's name as in JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8Invalid => "utf8_invalid",
            Self::Truncated => "truncated",
            Self::DuplicateKey => "duplicate_key",
            Self::FieldCap => "field_cap",
            Self::TimeInvalid => "time_invalid",
            Self::UnknownLine => "unknown_line",
            Self::RawCefLeef => "raw_cef_leef",
            Self::BadHeader => "bad_header",
            Self::BadHex => "bad_hex",
            Self::Confusable => "confusable",
            Self::Incomplete => "incomplete",
        }
    }

    /// Whether something of the evidence was not looked at, so that the run is partial.
    pub const fn loses_data(self) -> bool {
        matches!(self, Self::Truncated | Self::FieldCap)
    }
}
