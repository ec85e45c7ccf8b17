//! Bytes out of text: base64, hex, deflate, UTF-16; always bounded, never run.

use std::io::Read;

/// Bytes that one packed literal may become: scripts that carry a packed program are larger, but their start suffices.
pub const INFLATED_MAX: usize = 256 << 10;

/// What share of a decoded text's characters must be printable for it to be text (in percent). Wrong keys and programs give
/// about 40 %, text with a few control characters still passes.
pub const PRINTABLE_PERCENT: usize = 92;

/// Characters at least of a run of base64 that is worth a try where nothing says that it is base64.
pub const BASE64_RUN_MIN: usize = 32;

/// Decodes base64 of either alphabet, white space ignored, padding optional; `None` if other characters occur.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0u32;
    let mut have = 0u32;
    let mut ended = false;
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                ended = true;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return None,
        };
        if ended {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Decodes pairs of hex digits; separators `\x`, `0x`, spaces, commas and dashes are skipped. `None` if anything else occurs.
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut high: Option<u8> = None;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let digit = match byte {
            b'0' if high.is_none() && bytes.peek().is_some_and(|next| matches!(next, b'x' | b'X')) => {
                bytes.next();
                continue;
            }
            b'\\' if bytes.peek().is_some_and(|next| matches!(next, b'x' | b'X')) => {
                bytes.next();
                continue;
            }
            b' ' | b',' | b'-' | b'\n' | b'\r' | b'\t' | b':' => continue,
            _ => (byte as char).to_digit(16)? as u8,
        };
        match high.take() {
            None => high = Some(digit),
            Some(first) => out.push(first << 4 | digit),
        }
    }
    (high.is_none() && !out.is_empty()).then_some(out)
}

/// What bytes say, if they are text: packed bytes are unpacked first, UTF-16 is told from UTF-8 by its zero bytes.
pub fn text(bytes: &[u8]) -> Option<String> {
    if let Some(inflated) = inflate(bytes) {
        return plain(&inflated);
    }
    plain(bytes)
}

/// Whether bytes are a Windows program, or code for one.
pub fn is_program(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ")
        || bytes.starts_with(&[0xfc, 0xe8])
        || bytes.starts_with(&[0xfc, 0x48])
        || bytes.starts_with(b"\x7fELF")
}

fn plain(bytes: &[u8]) -> Option<String> {
    let sample = bytes.get(..bytes.len().min(512)).unwrap_or(bytes);
    let zeros_odd = sample.iter().skip(1).step_by(2).filter(|byte| **byte == 0).count();
    let text: String = if bytes.len() >= 4 && zeros_odd * 10 >= sample.len() / 2 * 9 {
        let units = bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0)]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
    } else {
        String::from_utf8(bytes.to_vec()).ok()?
    };
    is_text(&text).then_some(text)
}

/// Whether a string reads as text.
pub fn is_text(text: &str) -> bool {
    let mut all = 0usize;
    let mut printable = 0usize;
    for next in text.chars() {
        all += 1;
        printable += usize::from(
            next == '\n' || next == '\r' || next == '\t' || !next.is_control() && next != '\u{fffd}' && next.is_ascii(),
        );
    }
    all > 0 && printable * 100 >= all * PRINTABLE_PERCENT
}

/// Gzip, zlib, or bare deflate that turns out to be text.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let limit = INFLATED_MAX as u64;
    // A damaged end is no reason to lose the start.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let _ = flate2::read::GzDecoder::new(bytes).take(limit).read_to_end(&mut out);
    } else if bytes.first() == Some(&0x78)
        && bytes.get(1).is_some_and(|flags| matches!(flags, 0x01 | 0x5e | 0x9c | 0xda))
    {
        let _ = flate2::read::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut out);
    } else if bytes.len() >= 16 && bytes.iter().take(64).any(|byte| *byte >= 0x80) {
        let _ = flate2::read::DeflateDecoder::new(bytes).take(limit).read_to_end(&mut out);
        plain(&out)?;
    }
    (out.len() >= 4).then_some(out)
}

/// The longest runs of base64 in a text, as byte ranges, at least [`BASE64_RUN_MIN`] long.
pub fn base64_runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut from = 0usize;
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        let inside =
            bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        if !inside {
            if at - from >= BASE64_RUN_MIN {
                runs.push((from, at));
            }
            from = at + 1;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_of_text() {
        assert_eq!(base64("aWV4").as_deref(), Some(&b"iex"[..]));
        assert_eq!(base64("aW\r\nV4eA==").as_deref(), Some(&b"iexx"[..]));
        assert_eq!(base64("a!b"), None);
        assert_eq!(base64("aW=V4"), None);
        assert_eq!(hex("0x69,0x65 78").as_deref(), Some(&b"iex"[..]));
        assert_eq!(hex("\\x69\\x65").as_deref(), Some(&b"ie"[..]));
        assert_eq!(hex("abc"), None);
        assert_eq!(text(b"i\0e\0x\0 \0").as_deref(), Some("iex "));
        assert_eq!(text(&[0xfc, 0xe8, 0x89, 0, 0, 0, 0x60]), None);
    }

    #[test]
    fn packed_text_is_unpacked_and_bombs_are_cut() {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"Invoke-Expression 'x'").unwrap();
        assert_eq!(text(&packed.finish().unwrap()).as_deref(), Some("Invoke-Expression 'x'"));
        let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all("é€a".repeat(4).as_bytes()).unwrap();
        bomb.write_all(&vec![b'a'; 50 << 20]).unwrap();
        assert!(text(&bomb.finish().unwrap()).is_none_or(|text| text.len() <= INFLATED_MAX));
    }
}
