//! A strict JSON scanner (RFC 8259) that writes a record's values onto a [`Tape`] and builds no tree.
//!
//! One pass: structure, escapes, control characters and number syntax are checked; strings are crossed eight bytes at a
//! time; keys are interned by [`Paths`]. Nesting is kept on a list of at most [`DEPTH_MAX`] levels, never on the call
//! stack, so a hundred thousand brackets cost a comparison. UTF-8 is left to whoever turns a value into text.
//!
//! What must stay true: of two members with one name the last counts and nothing of the first can match.

use shieldwall_schema::Reject;

use super::paths::{Node, Paths, UNKNOWN};
use super::tape::{Entry, FIELDS_MAX, Item, Tape, VALUE_BYTES_MAX, hex4, unescape};

/// Deepest nesting of objects and arrays. The deepest in cloud audit logs is about 15; Kubernetes objects reach 30.
pub(super) const DEPTH_MAX: usize = 64;

/// The fault of a sound value with more behind it.
pub(super) const AFTER_VALUE: &str = "text after the value";

/// Why a record is no JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte offset in the record.
    pub(super) at: usize,
    /// [`Reject::Truncated`] if the bytes end too early.
    pub(super) reason: Reject,
    /// In words.
    pub(super) what: &'static str,
}

/// An open object or array.
#[derive(Clone, Copy)]
struct Level {
    /// The node of members' parent, or of the elements.
    node: Node,
    object: bool,
    /// The member at hand (objects).
    member: Node,
    /// The object's instance number (objects).
    serial: u64,
    /// The container's entry on the tape.
    entry: Option<u32>,
}

/// The scanner's own memory, reused.
#[derive(Default)]
pub(super) struct Scanner {
    levels: Vec<Level>,
    key: String,
}

struct Text {
    start: usize,
    end: usize,
    escaped: bool,
    wide: bool,
}

struct Run<'r> {
    bytes: &'r [u8],
    at: usize,
    levels: &'r mut Vec<Level>,
    key: &'r mut String,
    paths: &'r mut Paths,
    tape: &'r mut Tape,
}

impl Scanner {
    /// Scans exactly one value with white space around it.
    pub(super) fn scan(&mut self, bytes: &[u8], paths: &mut Paths, tape: &mut Tape) -> Result<(), Fault> {
        let end = self.prefix(bytes, paths, tape)?;
        match bytes.iter().skip(end).position(|byte| !is_space(*byte)) {
            None => Ok(()),
            Some(more) => Err(Fault { at: end + more, reason: Reject::Corrupt, what: AFTER_VALUE }),
        }
    }

    /// Scans one value at the beginning of `bytes`; gives where it ends.
    pub(super) fn prefix(&mut self, bytes: &[u8], paths: &mut Paths, tape: &mut Tape) -> Result<usize, Fault> {
        tape.clear();
        self.levels.clear();
        let mut run = Run { bytes, at: 0, levels: &mut self.levels, key: &mut self.key, paths, tape };
        run.value()?;
        Ok(run.at)
    }
}

/// Whether a byte is white space between tokens.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks bytes of `word` equal to `byte`; the lowest mark is exact.
const fn equal(word: u64, byte: u8) -> u64 {
    let zero = word ^ (ONES * byte as u64);
    zero.wrapping_sub(ONES) & !zero & HIGHS
}

impl Run<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        let reason = if self.at >= self.bytes.len() { Reject::Truncated } else { Reject::Corrupt };
        Err(Fault { at: self.at.min(self.bytes.len()), reason, what })
    }

    #[inline]
    fn space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// One value with everything in it.
    fn value(&mut self) -> Result<(), Fault> {
        let mut node = Node::ROOT;
        loop {
            self.space();
            let Some(first) = self.peek() else { return self.fault("a value is missing") };
            let opened = match first {
                b'"' => {
                    self.at += 1;
                    let text = self.string()?;
                    self.record(node, text, Item::Text);
                    false
                }
                b'{' | b'[' => self.open(node, first == b'{')?,
                b'-' | b'0'..=b'9' => {
                    let text = self.number()?;
                    self.record(node, text, Item::Number);
                    false
                }
                _ => {
                    let (text, item) = self.literal()?;
                    self.record(node, text, item);
                    false
                }
            };
            match if opened { self.first_inside()? } else { self.after()? } {
                Some(next) => node = next,
                None => return Ok(()),
            }
        }
    }

    fn record(&mut self, node: Node, text: Text, item: Item) {
        if text.end - text.start > VALUE_BYTES_MAX {
            self.tape.odd.truncated = true;
        }
        self.tape.wide |= text.wide;
        let entry = Entry {
            node,
            start: text.start as u32,
            end: text.end as u32,
            item,
            escaped: text.escaped,
            wide: text.wide,
            derived: false,
        };
        self.tape.push(entry, self.paths);
    }

    /// Opens an object or array; gives whether anything may stand inside.
    fn open(&mut self, node: Node, object: bool) -> Result<bool, Fault> {
        if self.levels.len() >= DEPTH_MAX {
            return Err(Fault { at: self.at, reason: Reject::TooDeep, what: "nested deeper than 64 levels" });
        }
        let start = self.at as u32;
        self.at += 1;
        self.space();
        let mut inner = node;
        let mut entry = None;
        let holds_object = object || self.peek() == Some(b'{');
        if node != Node::ROOT && holds_object {
            let container =
                Entry { node, start, end: start, item: Item::Container, escaped: false, wide: true, derived: false };
            entry = self.tape.push(container, self.paths);
        }
        if object && self.levels.len() == 1 && node != Node::NONE {
            inner = match self.paths.text(node) {
                "_source" => Node::SOURCE,
                "result" => Node::RESULT,
                "detail" => Node::DETAIL,
                _ => node,
            };
        }
        let serial = if object { self.paths.next_serial() } else { 0 };
        self.levels.push(Level { node: inner, object, member: Node::NONE, serial, entry });
        Ok(true)
    }

    /// Behind an opening bracket: the first inner value's node, or what follows an empty container.
    fn first_inside(&mut self) -> Result<Option<Node>, Fault> {
        match (self.levels.last(), self.peek()) {
            (Some(level), Some(b'}')) if level.object => self.close(),
            (Some(level), Some(b']')) if !level.object => self.close(),
            (Some(level), _) if level.object => self.member().map(Some),
            (Some(level), _) => Ok(Some(level.node)),
            (None, _) => Ok(None),
        }
    }

    /// Behind a value: the next value's node, or `None` at the end of the outermost one.
    #[inline]
    fn after(&mut self) -> Result<Option<Node>, Fault> {
        let Some(level) = self.levels.last().copied() else { return Ok(None) };
        if level.object {
            self.paths.leave(level.member, self.tape.at());
        }
        self.space();
        match self.peek() {
            Some(b',') if level.object => {
                self.at += 1;
                self.space();
                self.member().map(Some)
            }
            Some(b',') => {
                self.at += 1;
                Ok(Some(level.node))
            }
            Some(b'}') if level.object => self.close(),
            Some(b']') if !level.object => self.close(),
            _ if level.object => self.fault("`,` or `}` expected"),
            _ => self.fault("`,` or `]` expected"),
        }
    }

    /// At the closing bracket of the innermost container, and of those around it.
    fn close(&mut self) -> Result<Option<Node>, Fault> {
        self.at += 1;
        let Some(level) = self.levels.pop() else { return Ok(None) };
        if let Some(entry) = level.entry.and_then(|at| self.tape.entries.get_mut(at as usize)) {
            entry.end = self.at as u32;
        }
        // As deep as `DEPTH_MAX` at most: each call closes one more level.
        self.after()
    }

    /// A key and its colon; gives the member's node.
    fn member(&mut self) -> Result<Node, Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("a key in quotes expected");
        }
        self.at += 1;
        let text = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return self.fault("`:` expected");
        }
        self.at += 1;
        let node = self.node(&text);
        if let Some(level) = self.levels.last_mut() {
            level.member = node;
            let from = self.tape.at();
            if let Some((earlier_from, earlier_to)) = self.paths.enter(node, level.serial, from) {
                self.tape.odd.duplicate_key = true;
                self.tape.kill(earlier_from, earlier_to);
            }
        }
        let known = self.paths.known(node);
        if known != UNKNOWN {
            self.tape.mark(known);
        }
        Ok(node)
    }

    #[inline]
    fn node(&mut self, text: &Text) -> Node {
        let Some(level) = self.levels.last() else { return Node::NONE };
        let (parent, previous) = (level.node, level.member);
        if parent == Node::NONE {
            return Node::NONE;
        }
        let raw = self.bytes.get(text.start..text.end).unwrap_or_default();
        if !text.escaped
            && let Some(node) = self.paths.guess(parent, previous, raw)
        {
            return node;
        }
        self.look_up(parent, previous, text)
    }

    #[cold]
    #[inline(never)]
    fn look_up(&mut self, parent: Node, previous: Node, text: &Text) -> Node {
        let raw = self.bytes.get(text.start..text.end).unwrap_or_default();
        self.tape.wide |= text.wide;
        if raw.len() > VALUE_BYTES_MAX {
            self.tape.odd.truncated = true;
            return Node::NONE;
        }
        self.key.clear();
        unescape(raw, self.key);
        // Behind the cap only known keys are of interest: they may overrule a value in front of it.
        let full = self.tape.entries.len() >= FIELDS_MAX;
        let node = if full { self.paths.find(parent, self.key) } else { self.paths.child(parent, self.key) };
        match node {
            Some(node) => {
                self.paths.follow(parent, previous, node);
                node
            }
            None => {
                self.tape.odd.truncated |= !full;
                self.tape.odd.field_cap |= full;
                Node::NONE
            }
        }
    }

    /// From behind the opening quote to behind the closing one.
    #[inline]
    fn string(&mut self) -> Result<Text, Fault> {
        let start = self.at;
        let mut seen = 0u64;
        let (mut escaped, mut wide) = (false, false);
        loop {
            while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
                let word = u64::from_le_bytes(*chunk);
                let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
                let stop = equal(word, b'"') | equal(word, b'\\') | control;
                if stop == 0 {
                    seen |= word;
                    self.at += 8;
                    continue;
                }
                let count = stop.trailing_zeros() / 8;
                seen |= word & ((1u64 << (count * 8)) - 1);
                self.at += count as usize;
                break;
            }
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    wide |= self.escape()?;
                }
                Some(0..=0x1f) => return self.fault("control character in a string"),
                Some(byte) => {
                    seen |= u64::from(byte);
                    self.at += 1;
                }
                None => return self.fault("a string does not end"),
            }
        }
        let end = self.at;
        self.at += 1;
        Ok(Text { start, end, escaped, wide: wide || seen & HIGHS != 0 })
    }

    /// Crosses an escape; gives whether it stands for a character beyond ASCII.
    fn escape(&mut self) -> Result<bool, Fault> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(false)
            }
            Some(b'u') => match hex4(self.bytes.get(self.at + 2..).unwrap_or_default()) {
                Some(unit) => {
                    self.at += 6;
                    Ok(unit >= 0x80)
                }
                None if self.bytes.len() < self.at + 6 => {
                    self.at = self.bytes.len();
                    self.fault("an escape is cut")
                }
                None => self.fault("bad \\u escape"),
            },
            Some(_) => self.fault("unknown escape"),
            None => {
                self.at = self.bytes.len();
                self.fault("an escape is cut")
            }
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Text, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"Infinity")) {
                return Err(Fault { at: start, reason: Reject::OutOfRange, what: "infinity is no JSON number" });
            }
        }
        let zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 {
            return self.fault("a digit expected");
        }
        if zero && whole > 1 {
            return self.fault("a number begins with 0");
        }
        let mut exponent = false;
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return self.fault("a digit expected");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            exponent = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.fault("a digit expected");
            }
        }
        // An f64 holds every number of up to 308 digits before the point.
        if exponent || whole > 308 {
            let text = self.bytes.get(start..self.at).and_then(|bytes| std::str::from_utf8(bytes).ok());
            let finite = text.and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_finite);
            if !finite {
                let what = "a number beyond the range of a double";
                return Err(Fault { at: start, reason: Reject::OutOfRange, what });
            }
        }
        Ok(Text { start, end: self.at, escaped: false, wide: false })
    }

    fn literal(&mut self) -> Result<(Text, Item), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let words: [(&[u8], Item); 3] = [(b"true", Item::True), (b"false", Item::False), (b"null", Item::Null)];
        for (word, item) in words {
            if rest.starts_with(word) {
                let start = self.at;
                self.at += word.len();
                return Ok((Text { start, end: self.at, escaped: false, wide: false }, item));
            }
            if !rest.is_empty() && word.starts_with(rest) {
                self.at = self.bytes.len();
                return self.fault("a word is cut");
            }
        }
        for word in [&b"NaN"[..], b"Infinity"] {
            if rest.starts_with(word) {
                return Err(Fault { at: self.at, reason: Reject::OutOfRange, what: "NaN and infinity are no numbers" });
            }
        }
        self.fault("no JSON value")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tape::Source;
    use super::*;

    /// The record's live values as `path=text`, or the fault.
    fn flat(json: &[u8]) -> Result<Vec<String>, Fault> {
        let (mut paths, mut tape) = (Paths::new(|_| UNKNOWN), Tape::default());
        Scanner::default().scan(json, &mut paths, &mut tape)?;
        let source = Source::new(json);
        let live = tape.entries.iter().filter(|entry| !matches!(entry.item, Item::Dead | Item::Container));
        Ok(live
            .map(|entry| {
                let mut scratch = String::new();
                let value = source.value(entry, &tape, &mut scratch);
                format!("{}={}", paths.text(entry.node), value.text)
            })
            .collect())
    }

    #[test]
    fn nested_values_get_dotted_names() {
        let json = br#" {"a":{"b":[1,{"c":"x\n"},[true]],"d":null},"e.f":-1.5e3,"":""} "#;
        assert_eq!(flat(json).unwrap(), ["a.b=1", "a.b.c=x\n", "a.b=true", "a.d=", "e.f=-1.5e3", "="]);
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_with_all_it_holds() {
        assert_eq!(flat(br#"{"a":1,"b":2,"a":3}"#).unwrap(), ["b=2", "a=3"]);
        assert_eq!(flat(br#"{"a":{"x":[1,2]},"\u0061":{"y":3}}"#).unwrap(), ["a.y=3"]);
        assert_eq!(flat(br#"{"a":{"x":1,"x":2},"a":{"x":3}}"#).unwrap(), ["a.x=3"]);
        assert_eq!(flat(br#"[{"a":1},{"a":2}]"#).unwrap(), ["a=1", "a=2"]);
        assert_eq!(flat(br#"{"a":1,"a":2,"a":{}}"#).unwrap(), Vec::<String>::new());
        // The value in front of the cap does not win over the one behind it.
        let mut long = br#"{"pid":"bad""#.to_vec();
        for at in 0..2 * FIELDS_MAX {
            long.extend_from_slice(format!(r#","f{at}":{at}"#).as_bytes());
        }
        long.extend_from_slice(br#","pid":"good"}"#);
        let values = flat(&long).unwrap();
        assert_eq!(values.len(), FIELDS_MAX - 1);
        assert!(!values.iter().any(|value| value.contains("bad")));
    }

    #[test]
    fn depth_is_a_rejection_at_any_size() {
        let deep = |count: usize| [vec![b'['; count], vec![b']'; count]].concat();
        assert!(flat(&deep(DEPTH_MAX)).is_ok());
        for count in [DEPTH_MAX + 1, 100_000] {
            assert_eq!(flat(&deep(count)).unwrap_err().reason, Reject::TooDeep);
        }
    }

    #[test]
    fn faults_say_where_and_why() {
        for (json, at, reason) in [
            (&br#"{"a":1"#[..], 6, Reject::Truncated),
            (br#"{"a":"x"#, 7, Reject::Truncated),
            (br#"{"a":"\u12"#, 10, Reject::Truncated),
            (br#"{"a":tr"#, 7, Reject::Truncated),
            (br#"{"a""#, 4, Reject::Truncated),
            (b"", 0, Reject::Truncated),
            (br#"{"a":01}"#, 7, Reject::Corrupt),
            (br#"{"a":1,}"#, 7, Reject::Corrupt),
            (br#"{"a":1}x"#, 7, Reject::Corrupt),
            (br#"{"a":1e999}"#, 5, Reject::OutOfRange),
            (br#"{"a":NaN}"#, 5, Reject::OutOfRange),
            (br#"{"a":-Infinity}"#, 5, Reject::OutOfRange),
            (b"{\"a\":\"\n\"}", 6, Reject::Corrupt),
            (br#"{"a":"\x"}"#, 6, Reject::Corrupt),
            (b"[1,\xff]", 3, Reject::Corrupt),
        ] {
            let fault = flat(json).unwrap_err();
            assert_eq!((fault.at, fault.reason), (at, reason), "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn strings_of_every_length_are_crossed_whole() {
        for length in 0..40 {
            for stop in ["", "é", "\\\"", "\\u00e9"] {
                let json = format!(r#"{{"{0}{stop}":"{stop}{0}","t":1}}"#, "x".repeat(length));
                let values = flat(json.as_bytes()).unwrap();
                let plain = stop.replace("\\\"", "\"").replace("\\u00e9", "é");
                assert_eq!(values[0], format!("{0}{plain}={plain}{0}", "x".repeat(length)));
            }
        }
    }

    #[test]
    fn a_path_that_is_too_long_is_not_looked_at() {
        let json = format!(r#"{{"{}":{{"b":1}},"c":2}}"#, "x".repeat(2000));
        assert_eq!(flat(json.as_bytes()).unwrap(), ["c=2"]);
    }
}
