//! What differs from machine to machine becomes a class, so that a model learns what is done and not to whom: numbers (`0`),
//! GUIDs and long hex (`<x>`), long base64 (`<b>`), addresses (`<i>`, own networks `<l>`), the user's part of a path (`<u>`).

/// Letters and digits in a row from which on hexadecimal counts as an identifier: a 64-bit number.
const HEX_MIN: usize = 16;

/// Characters in a row from which on mixed letters and digits count as packed data.
const PACKED_MIN: usize = 40;

/// Writes `text` in small letters with its classes, white space as one space. `place` tells the raw range of a byte of `text`.
pub fn write(text: &str, place: impl Fn(usize) -> (usize, usize), out: &mut impl FnMut(u8, usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0usize;
    let mut space = false;
    let mut in_users = false;
    while let Some(byte) = bytes.get(at).copied() {
        let length = run(bytes, at);
        if length == 0 {
            let (from, to) = place(at);
            if byte.is_ascii_whitespace() || byte.is_ascii_control() {
                if !space {
                    out(b' ', from, to);
                }
                space = true;
            } else {
                out(byte, from, to);
                space = false;
            }
            if byte != b'\\' && byte != b'/' {
                in_users = false;
            }
            at += 1;
            continue;
        }
        space = false;
        let word = bytes.get(at..at + length).unwrap_or(&[]);
        let (from, to) = (place(at).0, place(at + length - 1).1);
        let separated = bytes.get(at + length).is_some_and(|next| matches!(next, b'\\' | b'/'));
        let (length, class) = if in_users && separated && !word.eq_ignore_ascii_case(b"public") {
            (length, Some("<u>"))
        } else {
            class(bytes, at, length)
        };
        in_users = word.eq_ignore_ascii_case(b"users") || word.eq_ignore_ascii_case(b"home");
        match class {
            Some(class) => {
                let to = if length == word.len() { to } else { place(at + length - 1).1 };
                class.bytes().for_each(|byte| out(byte, from, to));
            }
            None => {
                for (offset, byte) in word.iter().enumerate() {
                    let (from, to) = place(at + offset);
                    // Digits at the end of a name tell machines apart, not deeds: `srv01`, `srv17`.
                    out(byte.to_ascii_lowercase(), from, to);
                }
            }
        }
        at += length;
    }
}

/// Letters and digits in a row.
fn run(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).unwrap_or(&[]).iter().take_while(|byte| byte.is_ascii_alphanumeric()).count()
}

/// The class of the run at `at`, and how many bytes belong to it.
fn class(bytes: &[u8], at: usize, length: usize) -> (usize, Option<&'static str>) {
    let word = bytes.get(at..at + length).unwrap_or(&[]);
    let digits = word.iter().all(u8::is_ascii_digit);
    if length == 8
        && let Some(length) = guid(bytes, at)
    {
        return (length, Some("<x>"));
    }
    if digits {
        return match address(bytes, at) {
            Some((length, own)) => (length, Some(if own { "<l>" } else { "<i>" })),
            None if length <= 1 => (length, None),
            None => (length, Some("0")),
        };
    }
    let hex_prefix = word.first() == Some(&b'0') && word.get(1).is_some_and(|next| matches!(next, b'x' | b'X'));
    if hex_prefix && word.iter().skip(2).all(u8::is_ascii_hexdigit) {
        return (length, Some("0x"));
    }
    if length >= HEX_MIN && word.iter().all(u8::is_ascii_hexdigit) {
        return (length, Some("<x>"));
    }
    let packed = bytes
        .get(at..)
        .unwrap_or(&[])
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
        .count();
    if packed >= PACKED_MIN {
        let text = bytes.get(at..at + packed).unwrap_or(&[]);
        let has = |test: fn(&u8) -> bool| text.iter().filter(|byte| test(byte)).count();
        let (upper, lower, digit) = (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase), has(u8::is_ascii_digit));
        let slashes = has(|byte| *byte == b'/');
        if upper * 10 >= packed && lower * 10 >= packed && digit > 0 && slashes * 8 < packed {
            return (packed, Some("<b>"));
        }
    }
    (length, None)
}

/// `8-4-4-4-12` hex digits.
fn guid(bytes: &[u8], at: usize) -> Option<usize> {
    let text = bytes.get(at..at + 36)?;
    let fits = text
        .iter()
        .enumerate()
        .all(|(place, byte)| if matches!(place, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() });
    fits.then_some(36)
}

/// Four numbers below 256 with dots, and whether the network is one's own.
fn address(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let mut parts = [0u32; 4];
    let mut here = at;
    for (index, part) in parts.iter_mut().enumerate() {
        if index > 0 {
            if bytes.get(here) != Some(&b'.') {
                return None;
            }
            here += 1;
        }
        let length = bytes.get(here..).unwrap_or(&[]).iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 || length > 3 {
            return None;
        }
        *part = bytes
            .get(here..here + length)
            .unwrap_or(&[])
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        here += length;
    }
    let [a, b, ..] = parts;
    let own = matches!((a, b), (10 | 127 | 0, _) | (192, 168) | (169, 254) | (172, 16..=31));
    (parts.iter().all(|part| *part < 256)).then_some((here - at, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut out = Vec::new();
        write(text, |at| (at, at + 1), &mut |byte, _, _| out.push(byte));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_differs_from_machine_to_machine_becomes_a_class() {
        let cases = [
            ("ping 10.1.2.3 -n  25", "ping <l> -n 0"),
            ("http://89.248.170.218/a", "http://<i>/a"),
            ("{01234567-89ab-cdef-0123-456789abcdef}", "{<x>}"),
            ("C:\\Users\\Jane\\x.ps1", "c:\\users\\<u>\\x.ps1"),
            ("/home/jane/.ssh", "/home/<u>/.ssh"),
            ("c:\\users\\public\\x", "c:\\users\\public\\x"),
            ("d41d8cd98f00b204e9800998ecf8427e", "<x>"),
            ("0xfc,0xe8", "0x,0x"),
            ("1.2.3", "1.2.3"),
            ("300.1.1.1", "0.1.1.1"),
            ("H4sIAJ0ZmFcCA7VWbW/aSBD+nEr9D1aFZFslGAhpmkiVbo15cX", "<b>"),
        ];
        for (text, expected) in cases {
            assert_eq!(masked(text), expected, "{text}");
        }
    }
}
