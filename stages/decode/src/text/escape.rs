//! Percent, backslash and hexadecimal notation. One level each, linear, and what does not decode stays as written.

use std::borrow::Cow;

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn pair(bytes: &[u8], at: usize) -> Option<u8> {
    Some((digit(*bytes.get(at)?)? << 4) | digit(*bytes.get(at + 1)?)?)
}

/// Undoes one level of percent-encoding (RFC 3986, section 2.1) into `out`, which is cleared; `plus` also turns `+` into
/// a space, as forms and IIS write it. Says whether anything changed. Bytes that are no UTF-8 become U+FFFD.
pub(crate) fn percent_decoded(text: &str, plus: bool, out: &mut String) -> bool {
    out.clear();
    let bytes = text.as_bytes();
    if memchr::memchr(b'%', bytes).is_none() && !(plus && memchr::memchr(b'+', bytes).is_some()) {
        return false;
    }
    let mut raw = std::mem::take(out).into_bytes();
    let mut changed = false;
    let mut rest = bytes;
    loop {
        let next = if plus { memchr::memchr2(b'%', b'+', rest) } else { memchr::memchr(b'%', rest) };
        let Some(at) = next else { break };
        raw.extend_from_slice(rest.get(..at).unwrap_or_default());
        let (value, length) = match (rest.get(at), pair(rest, at + 1)) {
            (Some(b'+'), _) => (b' ', 1),
            (_, Some(value)) => (value, 3),
            _ => (b'%', 1),
        };
        changed |= length == 3 || value == b' ';
        raw.push(value);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    raw.extend_from_slice(rest);
    *out = text_of(raw);
    changed
}

/// Undoes the escapes that Apache and nginx write inside quoted fields: `\xhh`, `\"`, `\\`, `\n`, `\r`, `\t`, `\b`, `\v`.
/// Other backslashes stay.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if memchr::memchr(b'\\', bytes).is_none() {
        return Cow::Borrowed(text);
    }
    let mut raw = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (value, length) = match (byte, bytes.get(at + 1)) {
            (b'\\', Some(b'x')) => pair(bytes, at + 2).map_or((byte, 1), |value| (value, 4)),
            (b'\\', Some(&next @ (b'"' | b'\\'))) => (next, 2),
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (b'\\', Some(b'b')) => (8, 2),
            (b'\\', Some(b'v')) => (11, 2),
            _ => (byte, 1),
        };
        raw.push(value);
        at += length;
    }
    Cow::Owned(text_of(raw))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

fn text_of(raw: Vec<u8>) -> String {
    String::from_utf8(raw).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_once_and_broken_escapes_stay() {
        let mut out = String::new();
        for (text, plus, expected) in [
            ("/a%2e%2E/b", false, Some("/a../b")),
            ("%252e", false, Some("%2e")),
            ("%zz%4", false, None),
            ("100%", false, None),
            ("a+b", false, None),
            ("a+b%21", true, Some("a b!")),
            ("%ff%41", false, Some("\u{fffd}A")),
            ("%00x", false, Some("\0x")),
            ("%c3%a9", false, Some("é")),
            ("é%41", false, Some("éA")),
        ] {
            let changed = percent_decoded(text, plus, &mut out);
            assert_eq!(changed.then_some(out.as_str()), expected, "{text}");
        }
    }

    #[test]
    fn server_escapes_are_undone() {
        for (text, expected) in [
            ("plain", "plain"),
            (r#"a\"b\x22c\\d"#, r#"a"b"c\d"#),
            (r"\x16\x03\x01", "\x16\x03\x01"),
            (r"\xc3\xa9 \q \x", r"é \q \x"),
            ("end\\", "end\\"),
        ] {
            assert_eq!(unescaped(text), expected);
        }
    }

    #[test]
    fn hexadecimal_keeps_every_byte() {
        assert_eq!(hex(&[0, 0x0f, 0xff]), "000fff");
    }
}
