//! JSON documents cut into records as they stream by.
//!
//! A document is one array of records, records one after another, or a wrapper such as `{"Records":[…]}` whose array
//! holds them; it may be spread over lines or be one line of any length. The splitter follows quotes and brackets only
//! (what stands inside a record is the scanner's to check) and holds one record at a time, at most
//! [`RECORD_BYTES_MAX`]; a record that lies within one chunk is not copied.
//!
//! What must stay true: bytes that are part of no record, white space and the brackets and commas around records apart,
//! are reported as a fault; after one the splitter goes on with what looks like the next record.

use shieldwall_schema::Reject;

use super::envelope::{ENVELOPE_BYTES_MAX, ENVELOPE_TRIES_MAX, envelope, is_record_key, last_key};
use super::scan::{DEPTH_MAX, is_space};

/// Longest record. Windows events stay under 64 KiB, Kubernetes audit events under 1.5 MiB (etcd's request limit); a
/// whole configuration dump of some cloud services has several MiB.
pub(super) const RECORD_BYTES_MAX: usize = 16 << 20;
/// What the splitter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// One value: a record, if it is an object.
    Value {
        /// Byte offset in the source.
        offset: u64,
        /// Its bytes.
        bytes: &'a [u8],
        /// Whether the source ended in the middle of it.
        cut: bool,
    },
    /// The bytes of a value that was given up, for the sake of records that may stand in it. Its fault was reported.
    Lost {
        /// Byte offset in the source.
        offset: u64,
        /// Its bytes so far.
        bytes: &'a [u8],
    },
    /// Bytes between values that do not belong there.
    Fault {
        /// Byte offset in the source.
        offset: u64,
        /// Why.
        reason: Reject,
        /// In words.
        what: &'static str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Outside of any array.
    Between,
    /// In the array of records.
    Array(Expect),
    /// In a value.
    Value,
    /// In what follows the array in a wrapper; so many containers are open.
    Tail(usize),
    /// Behind a fault, until something looks like a record.
    Skip,
    /// Somewhere behind a value that was given up, until a record begins behind `},` or on a line of its own.
    Search,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    ValueOrEnd,
    Value,
    CommaOrEnd,
}

/// A splitter at work on one source.
pub(super) struct Splitter {
    state: State,
    /// Containers around the array of records; `None` outside of it.
    around: Option<usize>,
    /// Values seen at the outermost level.
    outermost: u64,
    /// White space seen since the last outermost value.
    spaced: bool,
    /// Open containers within the value.
    depth: usize,
    quoted: bool,
    backslash: bool,
    scalar: bool,
    start: u64,
    /// Bytes of the value from earlier chunks.
    pending: Vec<u8>,
    /// Why the value at hand is not kept.
    lost: Option<Reject>,
    /// The value is an outermost object that may be a wrapper.
    probing: bool,
    tries: u8,
    /// A wrapper's array was opened by the last byte that was not white space.
    armed: bool,
    /// The key read last in a wrapper's tail.
    key: Vec<u8>,
    /// The last two bytes of a search, white space but line feeds left out.
    last: [u8; 2],
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            state: State::Between,
            around: None,
            outermost: 0,
            spaced: true,
            depth: 0,
            quoted: false,
            backslash: false,
            scalar: false,
            start: 0,
            pending: Vec::new(),
            lost: None,
            probing: false,
            tries: 0,
            armed: false,
            key: Vec::new(),
            last: [0; 2],
        }
    }
}

impl Splitter {
    /// Takes the next bytes of the source.
    pub(super) fn feed(&mut self, offset: u64, bytes: &[u8], each: &mut dyn FnMut(Piece<'_>)) {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            let here = offset + at as u64;
            match self.state {
                State::Value => at = self.in_value(offset, bytes, at, each),
                State::Tail(depth) => {
                    self.in_tail(depth, byte);
                    at += 1;
                }
                State::Search => {
                    if byte == b'{' && matches!(self.last, [_, b'\n'] | [b'}', b',']) {
                        self.begin(here, byte);
                        continue;
                    }
                    if byte == b'\n' || !is_space(byte) {
                        self.last = [self.last[1], byte];
                    }
                    at += 1;
                }
                _ if is_space(byte) || byte == 0x1e => {
                    // RFC 7464 puts a record separator (0x1E) in front of each record.
                    self.spaced = true;
                    at += 1;
                }
                State::Between => at = self.between(here, byte, at, each),
                State::Array(expect) => at = self.in_array(expect, here, byte, at, each),
                State::Skip => match byte {
                    b'{' => self.begin(here, byte),
                    b'[' if self.around.is_none() => self.begin(here, byte),
                    b']' if self.around.is_some() => {
                        self.state = State::Array(Expect::CommaOrEnd);
                    }
                    b',' if self.around.is_some() => {
                        self.state = State::Array(Expect::Value);
                        at += 1;
                    }
                    _ => at += 1,
                },
            }
        }
    }

    /// The source has ended at `end`.
    pub(super) fn finish(&mut self, end: u64, each: &mut dyn FnMut(Piece<'_>)) {
        match self.state {
            State::Value if self.scalar && !self.quoted => {
                let pending = std::mem::take(&mut self.pending);
                each(Piece::Value { offset: self.start, bytes: &pending, cut: true });
                if self.around.is_some() {
                    each(Piece::Fault { offset: end, reason: Reject::Truncated, what: "an array does not end" });
                }
            }
            State::Value if self.lost.is_none() => {
                let pending = std::mem::take(&mut self.pending);
                each(Piece::Value { offset: self.start, bytes: &pending, cut: true });
            }
            State::Value => {}
            State::Array(_) => {
                each(Piece::Fault { offset: end, reason: Reject::Truncated, what: "an array does not end" });
            }
            State::Tail(_) => {
                each(Piece::Fault { offset: end, reason: Reject::Truncated, what: "an object does not end" });
            }
            State::Skip | State::Search if self.around.is_some() => {
                each(Piece::Fault { offset: end, reason: Reject::Truncated, what: "an array does not end" });
            }
            State::Between | State::Skip | State::Search => {}
        }
        *self = Self::default();
    }

    fn between(&mut self, here: u64, byte: u8, at: usize, each: &mut dyn FnMut(Piece<'_>)) -> usize {
        match byte {
            b'[' if self.spaced || self.outermost == 0 => {
                self.outermost += 1;
                self.around = Some(0);
                self.state = State::Array(Expect::ValueOrEnd);
                at + 1
            }
            b'{' => {
                self.outermost += 1;
                self.begin(here, byte);
                self.probing = true;
                at
            }
            _ if starts_scalar(byte) && self.outermost == 0 => {
                // A lone scalar is a whole document; nothing may follow it.
                self.outermost = u64::MAX / 2;
                self.begin(here, byte);
                at
            }
            _ => {
                each(Piece::Fault { offset: here, reason: Reject::Corrupt, what: "text between records" });
                self.state = State::Skip;
                at + usize::from(!matches!(byte, b'{' | b'['))
            }
        }
    }

    fn in_array(&mut self, expect: Expect, here: u64, byte: u8, at: usize, each: &mut dyn FnMut(Piece<'_>)) -> usize {
        match (byte, expect) {
            (b']', _) => {
                if expect == Expect::Value {
                    each(Piece::Fault { offset: here, reason: Reject::Corrupt, what: "`,` before `]`" });
                }
                self.state = match self.around.take() {
                    Some(0) | None => State::Between,
                    Some(around) => State::Tail(around),
                };
                self.spaced = false;
                at + 1
            }
            (b',', Expect::CommaOrEnd) => {
                self.state = State::Array(Expect::Value);
                at + 1
            }
            (b'{' | b'[', Expect::Value | Expect::ValueOrEnd) => {
                self.begin(here, byte);
                at
            }
            (_, Expect::Value | Expect::ValueOrEnd) if starts_scalar(byte) => {
                self.begin(here, byte);
                at
            }
            (b',', _) => {
                each(Piece::Fault { offset: here, reason: Reject::Corrupt, what: "`,` without a value before it" });
                at + 1
            }
            _ => {
                each(Piece::Fault { offset: here, reason: Reject::Corrupt, what: "text between records" });
                self.state = State::Skip;
                at + usize::from(byte != b'{')
            }
        }
    }

    /// A value begins with `byte`, which is not yet taken.
    fn begin(&mut self, here: u64, byte: u8) {
        self.state = State::Value;
        self.start = here;
        self.pending.clear();
        self.depth = 0;
        self.quoted = false;
        self.backslash = false;
        self.scalar = !matches!(byte, b'{' | b'[');
        self.lost = None;
        self.probing = false;
        self.tries = 0;
        self.armed = false;
    }

    /// Follows the value from `at`; gives where to go on.
    fn in_value(&mut self, offset: u64, bytes: &[u8], from: usize, each: &mut dyn FnMut(Piece<'_>)) -> usize {
        let mut at = from;
        while let Some(byte) = bytes.get(at).copied() {
            if self.quoted {
                at = self.in_quotes(bytes, at);
                if !self.quoted && self.scalar {
                    return self.end(bytes, from, at, each);
                }
                continue;
            }
            if self.armed && !is_space(byte) {
                self.armed = false;
                if byte == b'{' {
                    // The array holds objects: it is the wrapper's. What came before it is no record.
                    self.pending.clear();
                    self.around = Some(self.depth - 1);
                    self.begin(offset + at as u64, byte);
                    return at;
                }
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' | b'[' if self.scalar => return self.end(bytes, from, at, each),
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX && self.lost.is_none() {
                        self.lose(Reject::TooDeep, "nested deeper than 64 levels", each);
                    }
                    if byte == b'[' && self.probing && self.depth <= 3 {
                        self.armed = self.is_wrapper(bytes.get(from..at).unwrap_or_default());
                    }
                }
                b'}' | b']' if self.scalar => return self.end(bytes, from, at, each),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return self.end(bytes, from, at + 1, each);
                    }
                }
                b',' if self.scalar => return self.end(bytes, from, at, each),
                _ if self.scalar && is_space(byte) => return self.end(bytes, from, at, each),
                _ => {}
            }
            at += 1;
        }
        self.keep(bytes.get(from..at).unwrap_or_default(), each);
        if self.lost == Some(Reject::TooLarge) {
            // It may be huge or lack its end; whichever it is, what follows is looked at.
            self.state = State::Search;
            self.last = [0; 2];
        }
        at
    }

    /// Follows a string; gives where it ends, or the end of the bytes.
    #[inline]
    fn in_quotes(&mut self, bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        if self.backslash {
            self.backslash = false;
            at += 1;
        }
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
            at += found;
            if bytes.get(at) == Some(&b'"') {
                self.quoted = false;
                return at + 1;
            }
            if at + 1 >= bytes.len() {
                self.backslash = true;
                return bytes.len();
            }
            at += 2;
        }
        bytes.len()
    }

    /// Keeps a value's bytes for the next chunk.
    fn keep(&mut self, bytes: &[u8], each: &mut dyn FnMut(Piece<'_>)) {
        if self.lost.is_some() {
            return;
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > RECORD_BYTES_MAX {
            let pending = std::mem::take(&mut self.pending);
            self.lose(Reject::TooLarge, "a record of more than 16 MiB", each);
            each(Piece::Lost { offset: self.start, bytes: &pending });
        }
    }

    fn lose(&mut self, reason: Reject, what: &'static str, each: &mut dyn FnMut(Piece<'_>)) {
        self.lost = Some(reason);
        self.pending = Vec::new();
        each(Piece::Fault { offset: self.start, reason, what });
    }

    /// The value ends before `to`.
    fn end(&mut self, bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(Piece<'_>)) -> usize {
        self.state = match self.around {
            Some(_) => State::Array(Expect::CommaOrEnd),
            None => State::Between,
        };
        self.spaced = false;
        let here = bytes.get(from..to).unwrap_or_default();
        if self.pending.is_empty() && self.lost.is_none() && here.len() <= RECORD_BYTES_MAX {
            each(Piece::Value { offset: self.start, bytes: here, cut: false });
            return to;
        }
        self.keep(here, each);
        if self.lost.is_none() {
            let pending = std::mem::take(&mut self.pending);
            each(Piece::Value { offset: self.start, bytes: &pending, cut: false });
            self.pending = pending;
            self.pending.clear();
        }
        to
    }

    /// Whether the array that opens behind what is kept and `here` is a wrapper's.
    fn is_wrapper(&mut self, here: &[u8]) -> bool {
        if self.tries >= ENVELOPE_TRIES_MAX || self.pending.len() + here.len() > ENVELOPE_BYTES_MAX {
            self.probing = false;
            return false;
        }
        if self.pending.is_empty() {
            return self.try_envelope(here);
        }
        let whole = [&self.pending, here].concat();
        self.try_envelope(&whole)
    }

    fn try_envelope(&mut self, head: &[u8]) -> bool {
        match last_key(head) {
            Some(key) if is_record_key(key) => {
                self.tries += 1;
                envelope(head)
            }
            _ => false,
        }
    }

    /// In a wrapper's object, behind its array of records. A second such array is read too.
    fn in_tail(&mut self, depth: usize, byte: u8) {
        if self.quoted {
            if self.backslash {
                self.backslash = false;
            } else if byte == b'\\' {
                self.backslash = true;
            } else if byte == b'"' {
                self.quoted = false;
                return;
            }
            // One byte more than the longest key that counts.
            if self.key.len() <= 16 {
                self.key.push(byte);
            }
            return;
        }
        match byte {
            b'"' => {
                self.quoted = true;
                self.key.clear();
            }
            b'[' if is_record_key(&self.key) => {
                self.around = Some(depth);
                self.state = State::Array(Expect::ValueOrEnd);
            }
            b'{' | b'[' => self.state = State::Tail(depth + 1),
            b'}' | b']' if depth <= 1 => {
                self.state = State::Between;
                self.spaced = false;
            }
            b'}' | b']' => self.state = State::Tail(depth - 1),
            b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.key.clear(),
        }
    }
}

fn starts_scalar(byte: u8) -> bool {
    byte == b'"' || byte == b'-' || byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values and faults of a document, fed in pieces of `size` bytes.
    fn split(json: &[u8], size: usize) -> Vec<String> {
        let mut out = Vec::new();
        let mut splitter = Splitter::default();
        let mut each = |piece: Piece<'_>| {
            out.push(match piece {
                Piece::Value { offset, bytes, cut } => {
                    format!("{offset} {}{}", String::from_utf8_lossy(bytes), if cut { " CUT" } else { "" })
                }
                Piece::Lost { .. } => return,
                Piece::Fault { offset, reason, .. } => format!("{offset} {}", reason.name()),
            });
        };
        for (at, piece) in json.chunks(size).enumerate() {
            splitter.feed((at * size) as u64, piece, &mut each);
        }
        splitter.finish(json.len() as u64, &mut each);
        out
    }

    #[test]
    fn documents_fall_into_records_however_they_are_fed() {
        for (json, expected) in [
            (r#"[{"a":1}, {"b":"]}\""}]"#, &[r#"1 {"a":1}"#, r#"10 {"b":"]}\""}"#][..]),
            ("{\"a\":1}\n{\"b\":[{}]}{\"c\":2}", &["0 {\"a\":1}", "8 {\"b\":[{}]}", "18 {\"c\":2}"]),
            (r#"{"Records":[{"a":1},{"b":2}]}"#, &[r#"12 {"a":1}"#, r#"20 {"b":2}"#]),
            (r#"{"Events" : [ {"a":1} ],"NextToken":"]}"}"#, &[r#"14 {"a":1}"#]),
            (
                r#"{"took":3,"_shards":{"total":1},"hits":{"total":{"value":1},"hits":[{"_id":"1"},{"_id":"2"}]}}"#,
                &[r#"68 {"_id":"1"}"#, r#"80 {"_id":"2"}"#],
            ),
            (r#"{"value":[{"a":1}]} {"x":1}"#, &[r#"10 {"a":1}"#, r#"20 {"x":1}"#]),
            (r#"{"Records":[{"a":1}],"x":{"y":[1]},"Records":[{"b":2}]}"#, &[r#"12 {"a":1}"#, r#"46 {"b":2}"#]),
            // A member of an ordinary record is no wrapper's array, and an array without objects is a value.
            (r#"{"user":"x","value":[{"a":1}]}"#, &[r#"0 {"user":"x","value":[{"a":1}]}"#]),
            (r#"{"value":[1,2]}"#, &[r#"0 {"value":[1,2]}"#]),
            (r#"{"Records":[]}"#, &[r#"0 {"Records":[]}"#]),
            ("[]", &[]),
            ("[1,\"x\",null]", &["1 1", "3 \"x\"", "7 null"]),
            ("\"lone\"", &["0 \"lone\""]),
            ("12", &["0 12 CUT"]),
            ("", &[]),
            ("[\n{\"a\":1},\n{\"a\":\"cu", &["2 {\"a\":1}", "11 {\"a\":\"cu CUT"]),
            ("[{\"a\":1}", &["1 {\"a\":1}", "8 truncated"]),
            ("[{\"a\":1},]", &["1 {\"a\":1}", "9 corrupt"]),
            ("[,{\"a\":1}]", &["1 corrupt", "2 {\"a\":1}"]),
            ("[{\"a\":1} x {\"b\":2},{\"c\":3}]", &["1 {\"a\":1}", "9 corrupt", "11 {\"b\":2}", "19 {\"c\":3}"]),
            ("{\"a\":1}} {\"b\":2}", &["0 {\"a\":1}", "7 corrupt", "9 {\"b\":2}"]),
            ("[][]", &["2 corrupt", "2 []"]),
            ("\u{1e}{\"a\":1}\n\u{1e}{\"b\":2}\n", &["1 {\"a\":1}", "10 {\"b\":2}"]),
        ] {
            for size in [1, 2, 3, 7, 1000] {
                assert_eq!(split(json.as_bytes(), size), expected, "{json} by {size}");
            }
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        for size in [1000, 1 << 20] {
            assert_eq!(split(&vec![b'['; 100_000], size), ["1 too_deep"]);
        }
        let mut huge = b"[{\"a\":\"".to_vec();
        huge.resize(RECORD_BYTES_MAX + 100, b'x');
        huge.extend_from_slice(b"\"},{\"b\":1}]");
        let parts = split(&huge, 1 << 20);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], "1 too_large");
        assert!(parts[1].ends_with(" {\"b\":1}"));
    }
}
