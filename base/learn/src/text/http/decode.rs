//! The canonical form of what an HTTP client sent.
//!
//! Decoding goes in rounds, since applications decode what servers decoded already; each round reads the last one's bytes
//! once. Signs count what honest clients have little reason to send.

use crate::text::form::Form;

/// Rounds of decoding: what is encoded more often reaches no application.
const ROUNDS: usize = 4;

/// Names of the signs.
pub const SIGNS: &[&str] = &[
    "encoded_letters",
    "encoded_again",
    "entities",
    "escapes",
    "overlong",
    "zero_bytes",
    "inner_comments",
    "wide_letters",
];

const ENCODED_LETTERS: usize = 0;
const ENCODED_AGAIN: usize = 1;
const ENTITIES: usize = 2;
const ESCAPES: usize = 3;
const OVERLONG: usize = 4;
const ZERO_BYTES: usize = 5;
const INNER_COMMENTS: usize = 6;
const WIDE_LETTERS: usize = 7;

/// A byte and where it came from.
type Placed = (u8, u32, u32);

/// Appends the canonical form.
pub fn canonical(text: &str, offset: usize, form: &mut Form) {
    if text.bytes().all(is_plain) {
        let mut space = false;
        for (at, byte) in text.bytes().enumerate() {
            if !(byte == b' ' && space) {
                form.push(byte.to_ascii_lowercase(), offset + at, offset + at + 1);
            }
            space = byte == b' ';
        }
        return;
    }
    let mut bytes: Vec<Placed> = (offset as u32..).zip(text.bytes()).map(|(at, byte)| (byte, at, at + 1)).collect();
    for round in 0..ROUNDS {
        match decoded(&bytes, round, form) {
            Some(next) => bytes = next,
            None => break,
        }
    }
    settle(&bytes, form);
}

/// Bytes that no step below changes, but for their case.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'-' | b'_' | b'.' | b',' | b'=' | b'@' | b':' | b'?' | b'(' | b')' | b'\'' | b'"')
}

/// One round; `None` where nothing was decoded.
fn decoded(bytes: &[Placed], round: usize, form: &mut Form) -> Option<Vec<Placed>> {
    let mut out: Vec<Placed> = Vec::with_capacity(bytes.len());
    let mut changed = false;
    let mut rest = bytes;
    while let Some((&(byte, start, end), tail)) = rest.split_first() {
        let found = match byte {
            b'%' => percent(tail).inspect(|(code, _)| {
                let needless = u8::try_from(*code).is_ok_and(|code| code.is_ascii_alphanumeric());
                form.sign(ENCODED_LETTERS, u32::from(needless));
                form.sign(ENCODED_AGAIN, u32::from(round > 0));
            }),
            b'&' => entity(tail).inspect(|_| form.sign(ENTITIES, 1)),
            b'\\' => escape(tail).inspect(|_| form.sign(ESCAPES, 1)),
            0xc0 | 0xc1 | 0xe0 => overlong(byte, tail).inspect(|_| form.sign(OVERLONG, 1)),
            _ => None,
        };
        let Some((code, used)) = found else {
            out.push((byte, start, end));
            rest = tail;
            continue;
        };
        changed = true;
        let (taken, after) = tail.split_at_checked(used).unwrap_or((tail, &[]));
        let end = taken.last().map_or(end, |last| last.2);
        match char::from_u32(code).filter(|_| code > 0xff || byte != b'%') {
            Some(letter) => {
                out.extend(letter.encode_utf8(&mut [0; 4]).bytes().map(|byte| (byte, start, end)));
            }
            None => out.push((code as u8, start, end)),
        }
        rest = after;
    }
    changed.then_some(out)
}

fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

fn hexes(bytes: &[Placed], count: usize) -> Option<u32> {
    let digits = bytes.get(..count)?;
    digits.iter().try_fold(0, |sum, placed| Some(sum * 16 + hex(placed.0)?))
}

/// What follows `%`: two digits, or `u` and four: the code and how many bytes were used.
fn percent(tail: &[Placed]) -> Option<(u32, usize)> {
    match tail.first()?.0 {
        b'u' | b'U' => hexes(tail.get(1..)?, 4).map(|code| (code, 5)),
        _ => hexes(tail, 2).map(|code| (code, 2)),
    }
}

/// What follows `\`: `xHH`, `uHHHH`, `u{H…}`.
fn escape(tail: &[Placed]) -> Option<(u32, usize)> {
    match (tail.first()?.0, tail.get(1)?.0) {
        (b'x' | b'X', _) => hexes(tail.get(1..)?, 2).map(|code| (code, 3)),
        (b'u', b'{') => {
            let digits =
                tail.get(2..)?.iter().take(7).position(|placed| placed.0 == b'}').filter(|count| *count > 0)?;
            hexes(tail.get(2..)?, digits).map(|code| (code, digits + 3))
        }
        (b'u' | b'U', _) => hexes(tail.get(1..)?, 4).map(|code| (code, 5)),
        _ => None,
    }
}

/// What follows `&`, up to `;`.
fn entity(tail: &[Placed]) -> Option<(u32, usize)> {
    let length = tail.iter().take(12).position(|placed| placed.0 == b';')?;
    let mut name = [0u8; 12];
    for (to, from) in name.iter_mut().zip(tail.iter().take(length)) {
        *to = from.0.to_ascii_lowercase();
    }
    let name = name.get(..length)?;
    let number = |digits: &[u8], radix| {
        let valid = !digits.is_empty() && digits.iter().all(|digit| char::from(*digit).is_digit(radix));
        let text = std::str::from_utf8(digits).ok().filter(|_| valid)?;
        u32::from_str_radix(text, radix).ok().filter(|code| char::from_u32(*code).is_some())
    };
    let code = match name {
        [b'#', b'x', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        b"lt" => u32::from(b'<'),
        b"gt" => u32::from(b'>'),
        b"amp" => u32::from(b'&'),
        b"quot" => u32::from(b'"'),
        b"apos" => u32::from(b'\''),
        b"lpar" => u32::from(b'('),
        b"rpar" => u32::from(b')'),
        b"colon" => u32::from(b':'),
        b"sol" => u32::from(b'/'),
        b"equals" => u32::from(b'='),
        b"nbsp" | b"tab" | b"newline" => u32::from(b' '),
        _ => return None,
    };
    Some((code, length + 1))
}

/// A letter of ASCII in two or three bytes, which UTF-8 forbids (RFC 3629, section 3).
fn overlong(byte: u8, tail: &[Placed]) -> Option<(u32, usize)> {
    let low = |at: usize| tail.get(at).map(|placed| placed.0).filter(|byte| *byte & 0xc0 == 0x80);
    match byte {
        0xc0 | 0xc1 => Some((u32::from(byte & 1) << 6 | u32::from(low(0)? & 0x3f), 1)),
        _ => {
            let code = u32::from(low(0)? & 0x3f) << 6 | u32::from(low(1)? & 0x3f);
            (code < 0x80).then_some((code, 2))
        }
    }
}

/// The last step: case, white space, comments, zero bytes, wide letters.
fn settle(bytes: &[Placed], form: &mut Form) {
    let mut rest = bytes;
    // A closing mark is looked for once: after the last one no comment ends.
    let last_end = bytes.windows(2).rposition(|pair| matches!(pair, [(b'*', ..), (b'/', ..)])).unwrap_or(0);
    let mut at = 0;
    while let Some((&(byte, start, end), tail)) = rest.split_first() {
        let mut used = 1;
        let next = tail.first().map(|placed| placed.0);
        match (byte, next) {
            (0, _) => form.sign(ZERO_BYTES, 1),
            (b'/', Some(b'*')) if at + 2 <= last_end => {
                // What a database runs (`/*!50000union*/`) stays, the rest of a comment is a space.
                form.sign(INNER_COMMENTS, 1);
                let body = tail.get(1..).unwrap_or(&[]);
                used = if body.first().map(|placed| placed.0) == Some(b'!') {
                    3 + body.iter().skip(1).take(6).take_while(|placed| placed.0.is_ascii_digit()).count()
                } else {
                    body.windows(2).position(|pair| matches!(pair, [(b'*', ..), (b'/', ..)])).map_or(2, |end| end + 4)
                };
                space(start, end, form);
            }
            (b'*', Some(b'/')) => {
                used = 2;
                space(start, end, form);
            }
            (b'+' | b' ' | b'\t' | b'\r' | 0x0b | 0x0c, _) => space(start, end, form),
            (0xef, Some(high @ (0xbc | 0xbd))) => match tail.get(1).and_then(|low| narrow(high, low.0)) {
                Some(letter) => {
                    form.sign(WIDE_LETTERS, 1);
                    used = 3;
                    form.push(letter.to_ascii_lowercase(), start as usize, end as usize + 2);
                }
                None => form.push(byte, start as usize, end as usize),
            },
            _ => form.push(byte.to_ascii_lowercase(), start as usize, end as usize),
        }
        rest = rest.get(used..).unwrap_or(&[]);
        at += used;
    }
}

fn space(start: u32, end: u32, form: &mut Form) {
    if form.last() != Some(b' ') {
        form.push(b' ', start as usize, end as usize);
    }
}

/// The ASCII letter of a full-width one (U+FF01 … U+FF5E).
fn narrow(high: u8, low: u8) -> Option<u8> {
    let code = u32::from(high & 0x3f) << 6 | u32::from(low & 0x3f);
    let ascii = code.checked_sub(0xf01)? + 0x21;
    u8::try_from(ascii).ok().filter(|ascii| (0x21..0x7f).contains(ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (String, Form) {
        let mut form = Form::new(true);
        canonical(text, 0, &mut form);
        (String::from_utf8_lossy(form.bytes()).into_owned(), form)
    }

    #[test]
    fn what_servers_undo_is_undone() {
        for (text, expected) in [
            ("abc", "abc"),
            ("A  B", "a b"),
            ("a+b%20c", "a b c"),
            ("%27%20OR%201=1", "' or 1=1"),
            ("%2527", "'"),
            ("%25252527", "'"),
            ("%u0027", "'"),
            ("&lt;script&#62;&#x61;", "<script>a"),
            ("a=1&lt=2", "a=1&lt=2"),
            ("\\u003cb\\x3e\\u{61}", "<ba".replace("ba", "b>a").as_str()),
            ("un/**/ion/*x*/select", "un ion select"),
            ("/*!50000union*/select", " union select"),
            ("a/*b", "a/*b"),
            ("se%00lect", "select"),
            ("..%c0%af", "../"),
            ("%e0%80%af", "/"),
            ("\u{ff1c}script\u{ff1e}", "<script>"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("ümlaut", "ümlaut"),
            ("%C3%BC", "ü"),
            ("&#xd800;", "&#xd800;"),
        ] {
            assert_eq!(of(text).0, expected, "{text}");
        }
    }

    #[test]
    fn decoded_bytes_point_at_what_they_came_from() {
        let (_, form) = of("x%2527y");
        assert_eq!((form.place(0), form.place(1), form.place(2)), (Some((0, 1)), Some((1, 6)), Some((6, 7))));
        assert_eq!(form.signs()[ENCODED_AGAIN], 1);
    }

    #[test]
    fn what_is_hostile_costs_linear_time() {
        for text in
            ["/*!".repeat(20_000), "/*".repeat(30_000), "%25".repeat(20_000), "&#".repeat(30_000), "*/".repeat(30_000)]
        {
            assert!(of(&text).1.bytes().len() <= 70_000);
        }
        // Each comment's end is looked for from its start only.
        assert!(of(&("/*a".repeat(20_000) + "*/")).0.len() < 70_000);
    }
}
