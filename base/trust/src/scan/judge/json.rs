//! JSON (RFC 8259) into a tree, strictly, except for what Python's reader accepts and ours must therefore see: `NaN`,
//! `Infinity` and lone surrogates. Keys given twice are kept twice.

use super::value::{NUMBERS_KEPT_MAX, Value};

/// Lists and maps within each other. Python's own reader gives up at about a thousand; the deepest model configuration
/// seen is below forty.
pub(crate) const DEPTH_MAX: usize = 200;

/// Values that are kept of one text. A tokenizer has a million, a boosted model mostly numbers, which are not kept.
pub(crate) const VALUES_MAX: usize = 4 << 20;

/// Where and why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson {
    pub at: usize,
    pub why: &'static str,
    /// It may well be JSON: a limit of this reader was reached.
    pub limit: bool,
}

/// Reads one value and what stands after it must be white.
pub(crate) fn parse(text: &[u8]) -> Result<Value, NotJson> {
    let mut reader = Reader { text, at: 0, left: VALUES_MAX };
    let value = reader.value(0)?;
    reader.white();
    match reader.at == text.len() {
        true => Ok(value),
        false => Err(reader.not("something stands after the end of the value")),
    }
}

/// Reads one value from the start and says how many bytes it took.
pub(crate) fn parse_first(text: &[u8]) -> Result<(Value, usize), NotJson> {
    let mut reader = Reader { text, at: 0, left: VALUES_MAX };
    Ok((reader.value(0)?, reader.at))
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    left: usize,
}

impl Reader<'_> {
    fn not(&self, why: &'static str) -> NotJson {
        NotJson { at: self.at, why, limit: false }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn white(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, NotJson> {
        match self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            true => {
                self.at += word.len();
                Ok(value)
            }
            false => Err(self.not("no value stands here")),
        }
    }

    // Recursion is bounded by `DEPTH_MAX`.
    fn value(&mut self, depth: usize) -> Result<Value, NotJson> {
        if depth > DEPTH_MAX {
            let why = "lists and maps lie too deep in each other (DEPTH_MAX)";
            return Err(NotJson { limit: true, ..self.not(why) });
        }
        self.white();
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'N') => self.word("NaN", Value::Number(f64::NAN)),
            Some(b'I') => self.word("Infinity", Value::Number(f64::INFINITY)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.not("no value stands here")),
        }
    }

    fn keep(&mut self) -> Result<(), NotJson> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(NotJson { limit: true, ..self.not("more values than are kept (VALUES_MAX)") }),
        }
    }

    fn number(&mut self) -> Result<Value, NotJson> {
        let from = self.at;
        if self.text.get(from..).is_some_and(|rest| rest.starts_with(b"-Infinity")) {
            return self.word("-Infinity", Value::Number(f64::NEG_INFINITY));
        }
        while self.peek().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = self.text.get(from..self.at).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        text.parse().map(Value::Number).map_err(|_| self.not("this is not a number"))
    }

    fn list(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut items = Vec::new();
        self.white();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            let item = self.value(depth + 1)?;
            if items.len() < NUMBERS_KEPT_MAX || !matches!(item, Value::Number(_) | Value::Bool(_) | Value::Null) {
                self.keep()?;
                items.push(item);
            }
            self.white();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                _ => return Err(self.not("a list goes on with , or ends with ]")),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut entries = Vec::new();
        self.white();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(entries));
        }
        loop {
            self.white();
            if self.peek() != Some(b'"') {
                return Err(self.not("a key is a string"));
            }
            self.keep()?;
            let key = self.string()?;
            self.white();
            if self.peek() != Some(b':') {
                return Err(self.not("a key is followed by :"));
            }
            self.at += 1;
            entries.push((key, self.value(depth + 1)?));
            self.white();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(entries));
                }
                _ => return Err(self.not("a map goes on with , or ends with }")),
            }
        }
    }

    fn string(&mut self) -> Result<String, NotJson> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let Some(byte) = self.peek() else { return Err(self.not("a string does not end")) };
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    let Some(escape) = self.peek() else { return Err(self.not("a string does not end")) };
                    self.at += 1;
                    match escape {
                        b'n' => bytes.push(b'\n'),
                        b't' => bytes.push(b'\t'),
                        b'r' => bytes.push(b'\r'),
                        b'b' => bytes.push(8),
                        b'f' => bytes.push(12),
                        b'u' => {
                            let mut buffer = [0; 4];
                            bytes.extend_from_slice(self.escaped()?.encode_utf8(&mut buffer).as_bytes());
                        }
                        b'"' | b'\\' | b'/' => bytes.push(escape),
                        _ => return Err(self.not("unknown escape in a string")),
                    }
                }
                // Python accepts no control characters either, unless told to (`strict=False`).
                0..=0x1f => return Err(self.not("a control character stands bare in a string")),
                _ => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.not("a string is not UTF-8"))
    }

    fn four(&mut self) -> Result<u32, NotJson> {
        let digits = self.text.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(number) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.not("\\u is followed by four hexadecimal digits"));
        };
        self.at += 4;
        Ok(number)
    }

    fn escaped(&mut self) -> Result<char, NotJson> {
        let first = self.four()?;
        if (0xd800..0xdc00).contains(&first) && self.text.get(self.at..self.at + 2) == Some(b"\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.four()?;
            if (0xdc00..0xe000).contains(&second) {
                let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(both).unwrap_or('\u{fffd}'));
            }
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_their_double_keys() {
        let value = parse(br#" {"a":[1,-2.5e3,true,null,NaN],"a":"\u00e9\ud83d\ude00\\x"} "#).unwrap();
        assert_eq!(value.all("a").count(), 2);
        assert_eq!(value.text("a"), Some("\u{e9}\u{1f600}\\x"));
        assert_eq!(value.get("a").unwrap().items().len(), 5);
    }

    #[test]
    fn what_is_not_json_is_said_with_its_place() {
        for (text, at) in
            [("{", 1), ("{\"a\":1} x", 8), ("[1,]", 3), ("\"a", 2), ("nul", 0), ("1.2.3", 5), ("\"\\u12\"", 3)]
        {
            assert_eq!(parse(text.as_bytes()).unwrap_err().at, at, "{text}");
        }
        assert!(parse("[".repeat(100_000).as_bytes()).unwrap_err().limit);
    }
}
