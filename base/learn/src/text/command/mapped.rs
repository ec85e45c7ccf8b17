//! Text on its way to the canonical form: bytes that know their raw places, and what was undone so far.

use crate::text::form::Form;

/// Bytes that one command line may become, over all its layers.
pub const MAPPED_BYTES_MAX: usize = 256 << 10;

/// Texts inside of texts that are decoded.
pub const LAYERS_MAX: usize = 4;

/// Signs of disguise of a command line, by their place in [`super::SIGNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `^` before a letter.
    Carets,
    /// Quotes inside of a word.
    Quotes,
    /// Letters of alternating case.
    MixedCase,
    /// Characters that look like others, or like nothing.
    OddSigns,
    /// A variable's value put in.
    Variables,
    /// A part of a variable's value put in.
    Substrings,
    /// Strings put together.
    Joins,
    /// Characters given as numbers.
    Codes,
    /// Replaced, reversed, expanded.
    Edits,
    /// Base64 or hex decoded.
    Decodes,
    /// Base64 that is a program.
    Programs,
    /// Text handed to an interpreter.
    Evaluated,
    /// A command named by a string.
    Indirect,
    /// `\` before a letter.
    Escapes,
    /// Wildcards in a program's path.
    Wildcards,
    /// Commas, semicolons and empty words between arguments.
    Separators,
}

/// Bytes with their raw places.
#[derive(Clone, Debug, Default)]
pub struct Mapped {
    /// The bytes: UTF-8, as only whole characters are put in.
    pub bytes: Vec<u8>,
    /// Raw start and end of each.
    pub places: Vec<(u32, u32)>,
}

impl Mapped {
    /// Adds a character that came from a raw range.
    pub fn push(&mut self, next: char, raw: (u32, u32)) {
        let mut buffer = [0u8; 4];
        self.text(next.encode_utf8(&mut buffer), raw);
    }

    /// Adds text that came from a raw range.
    pub fn text(&mut self, text: &str, raw: (u32, u32)) {
        if self.bytes.len() + text.len() <= MAPPED_BYTES_MAX {
            self.bytes.extend_from_slice(text.as_bytes());
            self.places.resize(self.bytes.len(), raw);
        }
    }

    /// The last byte.
    pub fn last(&self) -> Option<u8> {
        self.bytes.last().copied()
    }

    /// The bytes from `from` on.
    pub fn since(&self, from: usize) -> &str {
        self.bytes.get(from..).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// The raw range of bytes `from..to`.
    pub fn raw(&self, from: usize, to: usize) -> (u32, u32) {
        let places = self.places.get(from..to).unwrap_or(&[]);
        let start = places.iter().map(|place| place.0).min().unwrap_or(0);
        (start, places.iter().map(|place| place.1).max().unwrap_or(start))
    }

    /// Puts `text` in place of everything from `from` on.
    pub fn replace_since(&mut self, from: usize, text: &str) {
        let raw = self.raw(from, self.bytes.len());
        self.bytes.truncate(from);
        self.places.truncate(from);
        self.text(text, raw);
    }
}

/// Counts a sign.
pub fn count(form: &mut Form, sign: Sign, times: u32) {
    form.sign(sign as usize, times);
}
