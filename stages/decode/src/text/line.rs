//! Bytes of a line → text, with the flags that the bytes deserve.
//!
//! Nothing is lost: NUL, escape and bidirectional characters stay as they are (output escapes them), and where bytes are
//! no UTF-8 the text is lossy while [`Text::bytes`] keeps the original. A chunk is checked once as a whole; only the lines
//! of a chunk that is not all UTF-8, or not all ASCII, are looked at again.

use shieldwall_schema::{Chunk, Flag, Place, Sink};

use crate::lines::Line;

/// One line as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'l> {
    /// The text.
    pub text: &'l str,
    /// The bytes that it was read from.
    pub bytes: &'l [u8],
    /// Whether bytes were replaced by U+FFFD.
    pub lossy: bool,
}

/// A chunk's lines as text.
pub(crate) struct Texts<'c> {
    /// The chunk, if it is all UTF-8.
    whole: Option<&'c str>,
    ascii: bool,
    offset: u64,
}

impl<'c> Texts<'c> {
    /// Checks a chunk.
    pub(crate) fn new(chunk: &Chunk<'c>) -> Self {
        let whole = std::str::from_utf8(chunk.bytes).ok();
        Self { whole, ascii: chunk.bytes.is_ascii(), offset: chunk.offset }
    }

    /// Reads a line of the chunk. `buffer` holds the text where it cannot be borrowed.
    pub(crate) fn read<'l>(&self, line: &Line<'l>, buffer: &'l mut String, sink: &mut dyn Sink) -> Text<'l>
    where
        'c: 'l,
    {
        if let Some(whole) = self.whole
            && line.offset > 0
            && !line.cut
            && let Some(start) = line.offset.checked_sub(self.offset).and_then(|at| usize::try_from(at).ok())
            && let Some(text) = whole.get(start..start.saturating_add(line.bytes.len()))
        {
            if !self.ascii && !text.is_ascii() && confusable(text) {
                sink.flag(Flag::Confusable, Place::offset(line.offset));
            }
            return Text { text, bytes: line.bytes, lossy: false };
        }
        read_alone(line, buffer, sink)
    }
}

/// Reads a line that is the first, was cut, or has neighbours that are no UTF-8.
fn read_alone<'l>(line: &Line<'l>, buffer: &'l mut String, sink: &mut dyn Sink) -> Text<'l> {
    let mut bytes = line.bytes;
    let place = Place::offset(line.offset);
    if line.offset == 0 {
        bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    }
    if line.cut {
        sink.flag(Flag::Truncated, place);
    }
    let (text, lossy) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, false),
        // A line that was cut inside a character ends before it.
        Err(error) if line.cut && error.error_len().is_none() => {
            bytes = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(bytes).unwrap_or_default(), false)
        }
        Err(_) => {
            sink.flag(Flag::Utf8Invalid, place);
            buffer.clear();
            for chunk in bytes.utf8_chunks() {
                buffer.push_str(chunk.valid());
                if !chunk.invalid().is_empty() {
                    buffer.push(char::REPLACEMENT_CHARACTER);
                }
            }
            (buffer.as_str(), true)
        }
    };
    if !text.is_ascii() && confusable(text) {
        sink.flag(Flag::Confusable, place);
    }
    Text { text, bytes, lossy }
}

/// Whether text holds bidirectional controls, zero-width characters, or a word that mixes Latin letters with Cyrillic
/// or Greek ones (the scripts with the most look-alikes of Latin; Unicode TR 39, section 5, in short).
pub(crate) fn confusable(text: &str) -> bool {
    let (mut latin, mut foreign) = (false, false);
    let mut before = ' ';
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' => latin = true,
            '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' => foreign = true,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => {
                return true;
            }
            // A byte order mark may open a message (RFC 5424, section 6.4); elsewhere it is a zero-width space.
            '\u{feff}' if before != ' ' => return true,
            c if c.is_alphanumeric() => {}
            _ => (latin, foreign) = (false, false),
        }
        if latin && foreign {
            return true;
        }
        before = c;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_and_hidden_characters_are_seen_and_plain_foreign_text_is_not() {
        for (text, expected) in [
            ("invoice\u{202e}gpj.exe", true),
            ("\u{430}dmin", true),
            ("we\u{200b}b01", true),
            ("x\u{feff}y", true),
            ("h a - - - \u{feff}message", false),
            ("пользователь root вошёл", false),
            ("ímynd.dd", false),
            ("日本語 log", false),
            ("Ωmega", true),
            ("α-test", false),
        ] {
            assert_eq!(confusable(text), expected, "{text}");
        }
    }
}
