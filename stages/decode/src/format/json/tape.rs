//! One record's values in document order, as ranges of its bytes, and how they become text.
//!
//! The scanner checks and records; nothing is copied or unescaped until a value is asked for. All memory is reused from
//! record to record.

use std::fmt::Write as _;

use shieldwall_schema::{Kind, Value};

use super::paths::{Node, Paths, UNKNOWN};

/// Values and keys of one record that are kept; the rest is checked for form and flagged, but not looked at. Far above
/// any real event (Microsoft's largest have about 400).
pub(super) const FIELDS_MAX: usize = 4096;
/// Bytes of one value, as written, that are looked at; the rest is cut and flagged. As
/// [`LINE_BYTES_MAX`](crate::lines::LINE_BYTES_MAX) for text logs; a full PowerShell script block has 64 KiB.
pub(super) const VALUE_BYTES_MAX: usize = 256 * 1024;

/// What stands on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Null,
    True,
    False,
    Number,
    Text,
    /// An object, or an array that begins with one; its range is its JSON text.
    Container,
    /// Overruled by a later member of the same name.
    Dead,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) node: Node,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) item: Item,
    /// The text holds escapes.
    pub(super) escaped: bool,
    /// The text holds characters beyond ASCII, as bytes or as escapes.
    pub(super) wide: bool,
    /// The range is one of [`Tape::arena`], not of the record.
    pub(super) derived: bool,
}

/// Odd things about a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddities {
    pub(super) duplicate_key: bool,
    pub(super) field_cap: bool,
    pub(super) truncated: bool,
    pub(super) utf8_invalid: bool,
    pub(super) confusable: bool,
}

/// A set of known paths, of the first 256; those are the ones that recognise dialects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks([u128; 2]);

impl Marks {
    /// How many paths can be in a set; a test holds that those which need to be are.
    #[cfg(test)]
    pub(super) const MAX: u16 = 256;

    #[inline]
    pub(super) fn insert(&mut self, known: u16) {
        if let Some(half) = self.0.get_mut(usize::from(known / 128)) {
            *half |= 1 << (known % 128);
        }
    }

    #[inline]
    pub(super) fn meets(&self, other: &Self) -> bool {
        let ([low, high], [other_low, other_high]) = (self.0, other.0);
        (low & other_low) | (high & other_high) != 0
    }

    pub(super) fn of(paths: impl IntoIterator<Item = u16>) -> Self {
        let mut marks = Self::default();
        paths.into_iter().for_each(|known| marks.insert(known));
        marks
    }
}

/// A record's values.
#[derive(Default)]
pub(super) struct Tape {
    pub(super) entries: Vec<Entry>,
    /// Texts that the decoder made, already unescaped.
    pub(super) arena: String,
    /// Which known paths were seen, as values or as containers.
    pub(super) marks: Marks,
    pub(super) odd: Oddities,
    /// Whether any value or key has bytes beyond ASCII or an escape for one.
    pub(super) wide: bool,
    /// Known path → the record (by generation) and the entry where it was seen first.
    found: Vec<(u64, u32)>,
    generation: u64,
}

impl Tape {
    /// Forgets the last record.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.arena.clear();
        self.marks = Marks::default();
        self.odd = Oddities::default();
        self.wide = false;
        self.generation += 1;
    }

    /// Where the next entry will stand.
    pub(super) fn at(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Adds an entry of the record; gives its index unless the cap is reached.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry, paths: &Paths) -> Option<u32> {
        if entry.node == Node::NONE {
            return None;
        }
        if self.entries.len() >= FIELDS_MAX {
            self.odd.field_cap = true;
            return None;
        }
        let at = self.entries.len() as u32;
        let known = paths.known(entry.node);
        if known != UNKNOWN {
            self.note(known, at);
        }
        self.entries.push(entry);
        Some(at)
    }

    fn note(&mut self, known: u16, at: u32) {
        let known = usize::from(known);
        if self.found.len() <= known {
            self.found.resize(known + 1, (0, 0));
        }
        let dead = |entry: &Entry| matches!(entry.item, Item::Dead | Item::Container);
        if let Some(found) = self.found.get_mut(known)
            && (found.0 != self.generation || self.entries.get(found.1 as usize).is_none_or(dead))
        {
            *found = (self.generation, at);
        }
    }

    /// Notes that a known path was seen.
    #[inline]
    pub(super) fn mark(&mut self, known: u16) {
        self.marks.insert(known);
    }

    /// The first scalar value of a known path.
    pub(super) fn found(&self, known: u16) -> Option<(u32, &Entry)> {
        let (generation, at) = *self.found.get(usize::from(known))?;
        let entry = self.entries.get(at as usize)?;
        let live = generation == self.generation && !matches!(entry.item, Item::Dead | Item::Container);
        live.then_some((at, entry))
    }

    /// Overrules entries.
    pub(super) fn kill(&mut self, from: u32, to: u32) {
        for entry in self.entries.get_mut(from as usize..to as usize).unwrap_or_default() {
            entry.item = Item::Dead;
        }
    }

    /// Adds a field that the decoder made, with text of its own.
    pub(super) fn derive(&mut self, node: Node, text: &str) {
        let start = self.arena.len() as u32;
        self.arena.push_str(text);
        let end = self.arena.len() as u32;
        let entry = Entry { node, start, end, item: Item::Text, escaped: false, wide: !text.is_ascii(), derived: true };
        self.entries.push(entry);
    }

    /// Adds a field that has the value of another.
    pub(super) fn alias(&mut self, node: Node, of: u32) {
        if let Some(entry) = self.entries.get(of as usize).copied() {
            self.entries.push(Entry { node, ..entry });
        }
    }
}

/// A record's bytes, which are UTF-8 or not.
#[derive(Clone, Copy)]
pub(super) struct Source<'r> {
    pub(super) bytes: &'r [u8],
    /// The same, if all of it is UTF-8.
    pub(super) text: Option<&'r str>,
}

impl<'r> Source<'r> {
    pub(super) fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, text: std::str::from_utf8(bytes).ok() }
    }

    fn raw(&self, entry: &Entry) -> &'r [u8] {
        let end = (entry.end as usize).min((entry.start as usize).saturating_add(VALUE_BYTES_MAX));
        self.bytes.get(entry.start as usize..end).unwrap_or_default()
    }

    /// The value's bytes as written, if they are not UTF-8.
    pub(super) fn invalid(&self, entry: &Entry) -> Option<&'r [u8]> {
        if self.text.is_some() || !entry.wide || entry.derived {
            return None;
        }
        let raw = self.raw(entry);
        // A cut at the limit may split a character; that is no damage.
        std::str::from_utf8(raw).is_err_and(|error| error.error_len().is_some()).then_some(raw)
    }

    /// The text as it stands in the record, if it needs no change.
    #[inline]
    fn plain<'t>(&self, entry: &Entry, tape: &'t Tape) -> Option<&'t str>
    where
        'r: 't,
    {
        if entry.derived {
            return tape.arena.get(entry.start as usize..entry.end as usize);
        }
        if entry.escaped {
            return None;
        }
        let (start, end) = (entry.start as usize, entry.end as usize);
        if end - start > VALUE_BYTES_MAX {
            return None;
        }
        match self.text {
            Some(text) => text.get(start..end),
            None => std::str::from_utf8(self.bytes.get(start..end)?).ok(),
        }
    }

    /// Appends the value's text.
    pub(super) fn append(&self, entry: &Entry, tape: &Tape, out: &mut String) {
        match self.plain(entry, tape) {
            Some(text) => out.push_str(text),
            None if entry.escaped => unescape(self.raw(entry), out),
            None => push_lossy(self.raw(entry), out),
        }
    }

    /// The value, its text borrowed where possible and made in `scratch` otherwise.
    #[inline]
    pub(super) fn value<'t>(&self, entry: &Entry, tape: &'t Tape, scratch: &'t mut String) -> Value<'t>
    where
        'r: 't,
    {
        let text = match entry.item {
            Item::Null | Item::Dead => return Value::NULL,
            Item::True => return Value::bool(true),
            Item::False => return Value::bool(false),
            _ => match self.plain(entry, tape) {
                Some(text) => text,
                None => {
                    scratch.clear();
                    self.append(entry, tape, scratch);
                    scratch.as_str()
                }
            },
        };
        Value { text, kind: kind(entry.item) }
    }
}

/// The kind of value of an item.
pub(super) fn kind(item: Item) -> Kind {
    match item {
        Item::Null | Item::Dead => Kind::Null,
        Item::True | Item::False => Kind::Bool,
        Item::Number => Kind::Number,
        Item::Text | Item::Container => Kind::Text,
    }
}

/// Appends bytes as text; what is not UTF-8 becomes U+FFFD, but for a character split by a cut at the end, which is left
/// out.
pub(super) fn push_lossy(bytes: &[u8], out: &mut String) {
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        out.push_str(chunk.valid());
        let cut = chunks.peek().is_none() && bytes.len() == VALUE_BYTES_MAX;
        if !chunk.invalid().is_empty() && !cut {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Appends a checked JSON string's inside, unescaped (RFC 8259, section 7). Lone surrogates become U+FFFD; an escape that
/// the cut at the limit split is left out.
pub(super) fn unescape(bytes: &[u8], out: &mut String) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        push_text(rest.get(..at).unwrap_or_default(), out);
        let Some((code, after)) = rest.get(at + 1..).and_then(<[u8]>::split_first) else { return };
        rest = after;
        let plain = match code {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let Some(unit) = hex4(rest) else { return };
                rest = rest.get(4..).unwrap_or_default();
                let low = match (unit, rest) {
                    (0xd800..=0xdbff, [b'\\', b'u', low @ ..]) => {
                        hex4(low).filter(|low| (0xdc00..=0xdfff).contains(low))
                    }
                    _ => None,
                };
                let mut code = unit;
                if let Some(low) = low {
                    rest = rest.get(6..).unwrap_or_default();
                    code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => char::from(*other),
        };
        out.push(plain);
    }
    push_text(rest, out);
}

/// The same as [`push_lossy`], quicker for what is UTF-8.
fn push_text(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => push_lossy(bytes, out),
    }
}

/// Four hexadecimal digits.
pub(super) fn hex4(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.first_chunk::<4>()?;
    let mut value = 0;
    for digit in digits {
        value = value * 16 + char::from(*digit).to_digit(16)?;
    }
    Some(value)
}

/// Appends bytes in hexadecimal.
pub(super) fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_characters() {
        for (written, text) in [
            (&br"a\nb\t\/\\\b\f\r"[..], "a\nb\t/\\\u{8}\u{c}\r"),
            (br"\u0041\u00e9\ud83d\ude00", "Aé😀"),
            (br"\ud83dx\ude00", "\u{fffd}x\u{fffd}"),
            (br"\ud83d\u0041", "\u{fffd}A"),
            (br"\ud83d\n", "\u{fffd}\n"),
            (br"cut\u00", "cut"),
            (br"cut\", "cut"),
            (b"\xff\\n", "\u{fffd}\n"),
        ] {
            let mut out = String::new();
            unescape(written, &mut out);
            assert_eq!(out, text);
        }
    }
}
