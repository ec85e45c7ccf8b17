//! What a kind of text brings: its canonical form, its pieces, its features.

use super::form::{Form, SIGNS_MAX};
use super::{command, domain, http, script};

/// The kinds of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextKind {
    /// Domain names: generated ones, and ones that carry data.
    Domain,
    /// HTTP request targets, parameters and bodies: attacks on web applications.
    Http,
    /// Command lines.
    Command,
    /// Scripts, PowerShell first.
    Script,
}

impl TextKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Domain, Self::Http, Self::Command, Self::Script];

    /// Its name: `domain`, `http`, `command`, `script`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Http => "http",
            Self::Command => "command",
            Self::Script => "script",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What the kind brings.
    pub fn shape(self) -> &'static Shape {
        match self {
            Self::Domain => &domain::SHAPE,
            Self::Http => &http::SHAPE,
            Self::Command => &command::SHAPE,
            Self::Script => &script::SHAPE,
        }
    }
}

/// What is measured of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name in explanations and cards: `digit_share`.
    pub name: &'static str,
    /// Whether the score may only rise with it.
    pub rising: bool,
}

impl Feature {
    /// A feature that may speak either way.
    pub const fn free(name: &'static str) -> Self {
        Self { name, rising: false }
    }

    /// A feature with which the score may only rise.
    pub const fn rising(name: &'static str) -> Self {
        Self { name, rising: true }
    }
}

/// What a kind brings to the engine.
pub struct Shape {
    /// Which kind.
    pub kind: TextKind,
    /// Version of all that follows: a model made with another is refused.
    pub version: u32,
    /// Appends a text's canonical form; the second argument is the raw offset at which the text starts. Called once, or
    /// twice for a text that is too long (head, tail).
    pub canonical: fn(&str, usize, &mut Form),
    /// Appends the natural pieces of a canonical text as ranges that overlap by a byte at most; none where the whole is all.
    pub pieces: fn(&[u8], &mut Vec<(u32, u32)>),
    /// Pieces longer than twice this also fall into windows of this many bytes, each overlapping half of the next; 0: none.
    pub window: usize,
    /// Whether the raw text, where it differs from its canonical form, is scored as one more piece.
    pub raw: bool,
    /// The class of a byte in class n-grams: letters may be one class, digits another.
    pub class: fn(u8) -> u8,
    /// Names of the signs that `canonical` counts; the score only rises with them. At most [`SIGNS_MAX`].
    pub signs: &'static [&'static str],
    /// Names of what `measure` gives.
    pub features: &'static [Feature],
    /// Appends the features of a piece: `features.len()` finite numbers, in linear time.
    pub measure: fn(&[u8], &mut Vec<f64>),
}

const _: () = assert!(SIGNS_MAX == 16, "kinds count at most sixteen signs");

/// No natural pieces.
pub fn whole(_: &[u8], _: &mut Vec<(u32, u32)>) {}

/// Letters one class, digits another, everything else itself.
pub fn plain_class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => b'a',
        b'0'..=b'9' => b'0',
        0x80.. => 0x80,
        _ => byte,
    }
}
