//! Writes JSON text into a reusable buffer: keys in the order in which they are written, no allocation.
//!
//! Strings leave as pure terminal-safe text: control characters by RFC 8259, and hidden or direction-changing
//! characters as `\u202e` too, which is the same string to every JSON reader and harmless to whoever looks at the
//! file.

use std::fmt::Write as _;

use super::escape::is_hidden;

/// A comma, unless a container or a line has just begun.
fn separate(out: &mut String) {
    if !matches!(out.as_bytes().last(), None | Some(b'{' | b'[' | b':' | b'\n')) {
        out.push(',');
    }
}

/// `"name":`. Names are our own and need no escapes.
pub fn key(out: &mut String, name: &str) {
    separate(out);
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

/// `"name":` where the name comes from outside.
pub fn outside_key(out: &mut String, name: &str) {
    string(out, name);
    out.push(':');
}

/// Opens an object or array, as a value.
pub fn open(out: &mut String, bracket: char) {
    separate(out);
    out.push(bracket);
}

/// A string value.
pub fn string(out: &mut String, text: &str) {
    separate(out);
    out.push('"');
    let mut rest = text;
    // Runs of plain ASCII go in one piece; everything else is looked at one character at a time.
    while let Some(end) = rest.bytes().position(|byte| !is_plain(byte)) {
        let (plain, special) = rest.split_at_checked(end).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = special.chars();
        if let Some(c) = chars.next() {
            character(out, c);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

fn character(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() || is_hidden(c) => {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        c => out.push(c),
    }
}

/// A number, or any value that displays as JSON.
pub fn number(out: &mut String, value: impl std::fmt::Display) {
    separate(out);
    let _ = write!(out, "{value}");
}

/// A value that is JSON already. Hidden characters stand only inside its strings, where they become escapes.
pub fn raw(out: &mut String, value: &str) {
    separate(out);
    for c in value.chars() {
        if c.is_control() || is_hidden(c) { character(out, c) } else { out.push(c) }
    }
}

/// `"name":"text"`
pub fn string_pair(out: &mut String, name: &str, text: &str) {
    key(out, name);
    string(out, text);
}

/// `"name":"text"`, unless the text is empty.
pub fn some_string(out: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        string_pair(out, name, text);
    }
}

/// `"name":7`
pub fn number_pair(out: &mut String, name: &str, value: impl std::fmt::Display) {
    key(out, name);
    number(out, value);
}

/// `"name":["a","b"]`, unless the list is empty.
pub fn some_strings<'a>(out: &mut String, name: &str, texts: impl IntoIterator<Item = &'a str>) {
    let mut texts = texts.into_iter().peekable();
    if texts.peek().is_none() {
        return;
    }
    key(out, name);
    open(out, '[');
    for text in texts {
        string(out, text);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_as_they_were() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            let mut out = String::new();
            string(&mut out, &text);
            assert!(!out.chars().any(|c| c.is_control() || is_hidden(c)), "{:x}", u32::from(c));
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn commas_stand_between() {
        let mut out = String::new();
        open(&mut out, '{');
        string_pair(&mut out, "a", "x\"\\");
        some_string(&mut out, "b", "");
        some_strings(&mut out, "c", ["1", "2"]);
        some_strings(&mut out, "d", []);
        number_pair(&mut out, "e", -5);
        key(&mut out, "f");
        open(&mut out, '[');
        open(&mut out, '{');
        out.push('}');
        open(&mut out, '{');
        out.push_str("}]}");
        assert_eq!(out, r#"{"a":"x\"\\","c":["1","2"],"e":-5,"f":[{},{}]}"#);
    }
}
