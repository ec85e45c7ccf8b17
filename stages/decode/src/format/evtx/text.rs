//! UTF-16LE and ANSI text into UTF-8, ASCII first.

/// UTF-16 units that are converted in one go. 64 units make a cache line of text.
const BLOCK_UNITS: usize = 64;

/// Appends UTF-16LE text up to its first NUL, as Windows shows it. Lone surrogates become U+FFFD; returns whether there
/// were any. An odd last byte is left out.
pub(super) fn utf16_into(bytes: &[u8], out: &mut String) -> bool {
    let (mut units, _) = bytes.as_chunks::<2>();
    let mut block = [0_u8; BLOCK_UNITS];
    while !units.is_empty() {
        let (now, rest) = units.split_at(units.len().min(BLOCK_UNITS));
        // One pass that the compiler turns into vector code: narrow, and note what does not fit.
        let (mut any, mut nul) = (0_u16, false);
        for (to, unit) in block.iter_mut().zip(now) {
            let unit = u16::from_le_bytes(*unit);
            any |= unit;
            nul |= unit == 0;
            *to = unit as u8;
        }
        if any >= 0x80 {
            return utf16_slow(units, out);
        }
        let narrowed = block.get(..now.len()).unwrap_or_default();
        let narrowed = match nul {
            true => narrowed.split(|byte| *byte == 0).next().unwrap_or_default(),
            false => narrowed,
        };
        out.push_str(std::str::from_utf8(narrowed).unwrap_or_default());
        if nul {
            return false;
        }
        units = rest;
    }
    false
}

fn utf16_slow(units: &[[u8; 2]], out: &mut String) -> bool {
    let mut lossy = false;
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0);
    for decoded in char::decode_utf16(units) {
        out.push(decoded.unwrap_or_else(|_| {
            lossy = true;
            char::REPLACEMENT_CHARACTER
        }));
    }
    lossy
}

/// Windows-1252's characters 0x80 to 0x9F; the five holes map to themselves, as browsers do.
const CP1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Appends ANSI text as Windows-1252, without NULs.
pub(super) fn ansi_into(bytes: &[u8], out: &mut String) {
    out.extend(bytes.iter().filter(|byte| **byte != 0).map(|byte| match byte {
        0x80..=0x9f => CP1252.get(usize::from(byte - 0x80)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::from(*byte),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_of_every_length_and_script_round_trips() {
        for unit in ["a", "é", "Ж", "語", "😀"] {
            for length in [0, 1, 63, 64, 65, 200] {
                let text = format!("{}{unit}{}", "x".repeat(length), "y".repeat(length / 2));
                let mut out = String::from("before ");
                assert!(!utf16_into(&utf16(&text), &mut out));
                assert_eq!(out, format!("before {text}"));
            }
        }
    }

    #[test]
    fn nul_ends_the_text_and_lone_surrogates_are_replaced() {
        for (bytes, expected, lossy) in [
            (utf16("ab\0cd"), "ab", false),
            (utf16("é\0cd"), "é", false),
            (vec![0x41, 0, 0x00, 0xd8, 0x42, 0], "A\u{fffd}B", true),
            (vec![0x41, 0, 0x42], "A", false),
        ] {
            let mut out = String::new();
            assert_eq!((utf16_into(&bytes, &mut out), out.as_str()), (lossy, expected));
        }
    }

    #[test]
    fn ansi_is_windows_1252() {
        let mut out = String::new();
        ansi_into(b"a\x80\xe9\0z", &mut out);
        assert_eq!(out, "a€éz");
    }
}
