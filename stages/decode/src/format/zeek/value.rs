//! One value as Zeek writes it → as the same value reads in Zeek's JSON.

use shieldwall_schema::{Kind, Timestamp, Value};

use super::header::{Header, Shape};

/// Times before 1980 are taken for damage, as in JSON logs.
const EPOCH_SECONDS_MIN: i64 = 315_532_800;
/// 2286-11-20, as in JSON logs.
const EPOCH_SECONDS_END: i64 = 10_000_000_000;

/// Reads a `time`: seconds since the epoch with up to nine decimals.
pub(super) fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, max: usize| -> Option<i64> {
        if text.is_empty() || text.len() > max {
            return None;
        }
        text.bytes().try_fold(0_i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    };
    let seconds = digits(whole, 10).filter(|s| (EPOCH_SECONDS_MIN..EPOCH_SECONDS_END).contains(s))?;
    let mut nanos = digits(decimals, 9)?;
    for _ in decimals.len()..9 {
        nanos *= 10;
    }
    Timestamp::from_seconds(seconds, u32::try_from(nanos).ok()?)
}

/// Reads a separator: one ASCII mark, written plainly or as `\x09`.
pub(super) fn mark(written: &str) -> Option<u8> {
    let byte = match *written.as_bytes() {
        [byte] => byte,
        [b'\\', b'x', high, low] => hex(high)? << 4 | hex(low)?,
        _ => return None,
    };
    (byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'\n' | b'\r' | b'#' | b'\\')).then_some(byte)
}

/// Gives the values of a column: none if it is unset, several if it is a set. `scratch` holds what had to be unescaped.
pub(super) fn each(
    header: &Header,
    (shape, many): (Shape, bool),
    written: &str,
    scratch: &mut String,
    out: &mut dyn FnMut(Value<'_>),
) {
    if written == header.unset {
        return;
    }
    if !many {
        return out(one(header, shape, written, scratch));
    }
    if written == header.empty {
        return;
    }
    for element in written.split(char::from(header.set_separator)) {
        if element != header.unset {
            out(one(header, shape, element, scratch));
        }
    }
}

fn one<'v>(header: &Header, shape: Shape, written: &'v str, scratch: &'v mut String) -> Value<'v> {
    match (shape, written) {
        (Shape::Bool, "T") => Value::bool(true),
        (Shape::Bool, "F") => Value::bool(false),
        (Shape::Number, number) if is_number(number) => Value::number(number),
        (_, empty) if empty == header.empty => Value::text(""),
        (_, text) if memchr::memchr(b'\\', text.as_bytes()).is_none() => Value::text(text),
        (_, text) => {
            unescape(text, scratch);
            Value { text: scratch, kind: Kind::Text }
        }
    }
}

/// Decimal digits with a sign and a point, and nothing that JSON would not call a number.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(text),
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Undoes `\x09` and `\\` into `out`, once. Escaped bytes that are no UTF-8 stay as written, as Zeek's JSON shows them.
fn unescape(text: &str, out: &mut String) {
    out.clear();
    let mut raw = std::mem::take(out).into_bytes();
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        raw.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let length = match *rest {
            [b'\\', b'\\', ..] => {
                raw.push(b'\\');
                2
            }
            [b'\\', b'x', high, low, ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    raw.push(high << 4 | low);
                    4
                }
                _ => keep(&mut raw),
            },
            _ => keep(&mut raw),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    raw.extend_from_slice(rest);
    match String::from_utf8(raw) {
        Ok(text) => *out = text,
        Err(error) => {
            for chunk in error.as_bytes().utf8_chunks() {
                out.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    out.push_str("\\x");
                    for digit in [byte >> 4, byte & 15] {
                        out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                    }
                }
            }
        }
    }
}

fn keep(raw: &mut Vec<u8>) -> usize {
    raw.push(b'\\');
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once_and_what_is_no_text_stays_written() {
        for (written, text) in [
            (r"a\x09b", "a\tb"),
            (r"\\x09", r"\x09"),
            (r"C:\\Windows\\x", r"C:\Windows\x"),
            (r"\xc3\xa9\xff.", "é\\xff."),
            (r"\x4", r"\x4"),
            (r"\xzz\", r"\xzz\"),
            (r"é\x2c", "é,"),
        ] {
            let mut out = String::from("old");
            unescape(written, &mut out);
            assert_eq!(out, text, "{written}");
        }
    }

    #[test]
    fn times_keep_their_microseconds_and_impossible_ones_are_none() {
        for (text, time) in [
            ("1300475167.096535", Some("2011-03-18T19:06:07.096535Z")),
            ("1300475167", Some("2011-03-18T19:06:07Z")),
            ("0.000000", None),
            ("-1.5", None),
            ("99999999999.0", None),
            ("1300475167.", None),
            ("1300475167.0000000001", None),
            ("1300475167.5x", None),
            ("", None),
        ] {
            assert_eq!(epoch(text).map(|time| time.to_string()).as_deref(), time, "{text}");
        }
    }

    #[test]
    fn a_separator_is_one_mark() {
        for (written, byte) in [
            (r"\x09", Some(b'\t')),
            ("|", Some(b'|')),
            (",", Some(b',')),
            (r"\x0a", None),
            ("ab", None),
            ("a", None),
            ("", None),
            (r"\xff", None),
            ("#", None),
        ] {
            assert_eq!(mark(written), byte, "{written}");
        }
    }
}
