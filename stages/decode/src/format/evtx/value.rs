//! Typed BinXML values ([MS-EVEN6] 2.2.4.1) as the text that Windows shows and rules are written for.

use std::fmt::Write;

use shieldwall_schema::Kind;

use super::text::{ansi_into, utf16_into};

/// Value type bytes of [MS-EVEN6] 2.2.12.
pub(super) mod value_type {
    pub(in super::super) const NULL: u8 = 0x00;
    pub(in super::super) const STRING: u8 = 0x01;
    pub(in super::super) const ANSI: u8 = 0x02;
    pub(in super::super) const INT8: u8 = 0x03;
    pub(in super::super) const UINT8: u8 = 0x04;
    pub(in super::super) const INT16: u8 = 0x05;
    pub(in super::super) const UINT16: u8 = 0x06;
    pub(in super::super) const INT32: u8 = 0x07;
    pub(in super::super) const UINT32: u8 = 0x08;
    pub(in super::super) const INT64: u8 = 0x09;
    pub(in super::super) const UINT64: u8 = 0x0a;
    pub(in super::super) const REAL32: u8 = 0x0b;
    pub(in super::super) const REAL64: u8 = 0x0c;
    pub(in super::super) const BOOL: u8 = 0x0d;
    pub(in super::super) const BINARY: u8 = 0x0e;
    pub(in super::super) const GUID: u8 = 0x0f;
    pub(in super::super) const SIZE: u8 = 0x10;
    pub(in super::super) const FILETIME: u8 = 0x11;
    pub(in super::super) const SYSTEMTIME: u8 = 0x12;
    pub(in super::super) const SID: u8 = 0x13;
    pub(in super::super) const HEX32: u8 = 0x14;
    pub(in super::super) const HEX64: u8 = 0x15;
    pub(in super::super) const BINXML: u8 = 0x21;
    /// Set in the type byte of arrays.
    pub(in super::super) const ARRAY: u8 = 0x80;
}
use value_type as ty;

/// What a value's text stands for, before the text is made. Values too short for their type, and types that stand for no
/// text, are null.
#[inline]
pub(super) fn kind_of(value_type: u8, bytes: &[u8]) -> Kind {
    let (kind, width) = match value_type {
        ty::STRING | ty::ANSI | ty::BINARY => return Kind::Text,
        ty::SID => (Kind::Text, 8),
        ty::GUID | ty::SYSTEMTIME => (Kind::Text, 16),
        ty::FILETIME => (Kind::Text, 8),
        // Windows writes bit masks into some of these.
        ty::BOOL if !matches!(bytes, [0 | 1, 0, 0, 0, ..]) => (Kind::Number, 4),
        ty::BOOL => (Kind::Bool, 4),
        ty::SIZE => (Kind::Number, 4),
        _ => match item_width(value_type) {
            Some(width) => (Kind::Number, width),
            None => return Kind::Null,
        },
    };
    if bytes.len() < width { Kind::Null } else { kind }
}

/// Appends a value as text, or nothing for what is null by [`kind_of`]. Returns whether characters had to be replaced.
pub(super) fn write_value(value_type: u8, bytes: &[u8], out: &mut String) -> bool {
    match value_type {
        ty::STRING => return utf16_into(bytes, out),
        ty::ANSI => ansi_into(bytes, out),
        ty::BINARY => hex_into(bytes, out),
        ty::SID => write_sid(bytes, out),
        // `None` is a value too short: nothing is appended.
        _ => write_fixed(value_type, bytes, out).unwrap_or_default(),
    }
    false
}

/// The values of fixed width; `None` if too few bytes.
fn write_fixed(value_type: u8, bytes: &[u8], out: &mut String) -> Option<()> {
    match value_type {
        ty::INT8 => write_signed(i64::from(i8::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::UINT8 => write_unsigned(u64::from(*bytes.first()?), out),
        ty::INT16 => write_signed(i64::from(i16::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::UINT16 => write_unsigned(u64::from(u16::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::INT32 => write_signed(i64::from(i32::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::UINT32 => write_unsigned(u64::from(u32::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::INT64 => write_signed(i64::from_le_bytes(*bytes.first_chunk()?), out),
        ty::UINT64 => write_unsigned(u64::from_le_bytes(*bytes.first_chunk()?), out),
        // Debug keeps the `.0` of whole numbers.
        ty::REAL32 => write!(out, "{:?}", f32::from_le_bytes(*bytes.first_chunk()?)).ok()?,
        ty::REAL64 => write!(out, "{:?}", f64::from_le_bytes(*bytes.first_chunk()?)).ok()?,
        ty::BOOL => match i32::from_le_bytes(*bytes.first_chunk()?) {
            0 => out.push_str("false"),
            1 => out.push_str("true"),
            other => write_signed(i64::from(other), out),
        },
        ty::GUID => write_guid(bytes.first_chunk()?, out),
        ty::HEX32 => write_hex(u64::from(u32::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::HEX64 => write_hex(u64::from_le_bytes(*bytes.first_chunk()?), out),
        ty::SIZE if bytes.len() < 8 => write_hex(u64::from(u32::from_le_bytes(*bytes.first_chunk()?)), out),
        ty::SIZE => write_hex(u64::from_le_bytes(*bytes.first_chunk()?), out),
        ty::FILETIME => write_filetime(u64::from_le_bytes(*bytes.first_chunk()?), out),
        ty::SYSTEMTIME => write_systemtime(bytes.first_chunk()?, out),
        _ => return None,
    }
    Some(())
}

/// Bytes of one item of an array; `None` for items of their own length (strings, SIDs) and types that make no arrays.
fn item_width(value_type: u8) -> Option<usize> {
    Some(match value_type {
        ty::INT8 | ty::UINT8 => 1,
        ty::INT16 | ty::UINT16 => 2,
        ty::INT32 | ty::UINT32 | ty::REAL32 | ty::BOOL | ty::HEX32 => 4,
        ty::INT64 | ty::UINT64 | ty::REAL64 | ty::HEX64 | ty::FILETIME => 8,
        ty::GUID | ty::SYSTEMTIME => 16,
        _ => return None,
    })
}

/// The items of an array value: repeated values of the element that holds it ([MS-EVEN6] 3.1.4.7.5).
pub(super) fn items(value_type: u8, bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let item_type = value_type & !ty::ARRAY;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (end, skip) = match item_type {
            ty::STRING => {
                let (units, _) = rest.as_chunks::<2>();
                let end = units.iter().position(|unit| *unit == [0, 0]).map_or(units.len(), |at| at);
                (end * 2, end * 2 + 2)
            }
            ty::ANSI => {
                let end = memchr::memchr(0, rest).unwrap_or(rest.len());
                (end, end + 1)
            }
            ty::SID => {
                let end = 8 + 4 * usize::from(*rest.get(1)?);
                (end, end)
            }
            _ => item_width(item_type).map(|width| (width, width))?,
        };
        let item = rest.get(..end.min(rest.len()))?;
        rest = rest.get(skip..).unwrap_or_default();
        Some((item_type, item))
    })
}

fn write_unsigned(value: u64, out: &mut String) {
    let mut digits = [0_u8; 20];
    let mut left = value;
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
        count += 1;
        if left == 0 {
            break;
        }
    }
    push_ascii(digits.get(digits.len() - count..).unwrap_or_default(), out);
}

fn write_signed(value: i64, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    write_unsigned(value.unsigned_abs(), out);
}

fn push_ascii(bytes: &[u8], out: &mut String) {
    out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
}

const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

/// `0x` and lower-case digits without leading zeros.
fn write_hex(value: u64, out: &mut String) {
    out.push_str("0x");
    let digits = (64 - value.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|at| char::from(hex_digit((value >> (4 * at)) as u8 & 15))));
}

/// Upper-case digits.
fn hex_into(bytes: &[u8], out: &mut String) {
    let mut block = [0_u8; 128];
    for part in bytes.chunks(block.len() / 2) {
        for (to, byte) in block.as_chunks_mut::<2>().0.iter_mut().zip(part) {
            *to = [hex_digit(byte >> 4).to_ascii_uppercase(), hex_digit(byte & 15).to_ascii_uppercase()];
        }
        push_ascii(block.get(..2 * part.len()).unwrap_or_default(), out);
    }
}

/// `{d1-d2-d3-d4-d5}` in lower case; the first three parts are little-endian.
fn write_guid(bytes: &[u8; 16], out: &mut String) {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = [b'-'; 38];
    let mut places = text.iter_mut();
    let mut put = |byte| {
        if let Some(place) = places.next() {
            *place = byte;
        }
    };
    put(b'{');
    for (at, from) in ORDER.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            put(b'-');
        }
        let byte = bytes.get(*from).copied().unwrap_or_default();
        put(hex_digit(byte >> 4));
        put(hex_digit(byte & 15));
    }
    put(b'}');
    push_ascii(&text, out);
}

/// `S-1-5-21-…` ([MS-DTYP] 2.4.2.1).
fn write_sid(bytes: &[u8], out: &mut String) {
    let Some((&[revision, count, a, b, c, d, e, f], rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    out.push_str("S-");
    write_unsigned(u64::from(revision), out);
    out.push('-');
    write_unsigned(u64::from_be_bytes([0, 0, a, b, c, d, e, f]), out);
    for part in rest.as_chunks::<4>().0.iter().take(usize::from(count)) {
        out.push('-');
        write_unsigned(u64::from(u32::from_le_bytes(*part)), out);
    }
}

/// RFC 3339 in UTC with the seven digits that a FILETIME holds. Years past 9999 keep their last four digits, as Windows
/// shows them.
fn write_filetime(filetime: u64, out: &mut String) {
    const TICKS: u64 = 10_000_000;
    let seconds = filetime / TICKS;
    let (days, of_day) = (seconds / 86_400, (seconds % 86_400) as u32);
    // Days since 1601-01-01; 400 years from there are a whole Gregorian cycle of 146,097 days.
    let cycle = days / 146_097;
    let mut day = (days % 146_097) as u32;
    let mut year = 0_u32;
    let century = (day / 36_524).min(3);
    day -= century * 36_524;
    let four = day / 1461;
    day -= four * 1461;
    let single = (day / 365).min(3);
    day -= single * 365;
    year += century * 100 + four * 4 + single;
    let year = (1601 + cycle * 400 + u64::from(year)) % 10_000;
    let leap = single == 3 && (four != 24 || century == 3);
    let mut month = 1;
    for length in [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let parts = [year as u32, month, day + 1, of_day / 3600, of_day / 60 % 60, of_day % 60, (filetime % TICKS) as u32];
    write_parts(parts, out);
}

/// A SYSTEMTIME ([MS-DTYP] 2.3.13); one that is no time shows as 1601-01-01, as Windows does.
fn write_systemtime(bytes: &[u8; 16], out: &mut String) {
    let field = |at: usize| {
        let pair = bytes.as_chunks::<2>().0.get(at).copied().unwrap_or_default();
        u32::from(u16::from_le_bytes(pair))
    };
    let [year, month, day] = [field(0), field(1), field(3)];
    let valid = (1601..=30_827).contains(&year)
        && (1..=12).contains(&month)
        && day >= 1
        && day <= shieldwall_schema::time::days_in_month(year as i32, month)
        && field(4) < 24
        && field(5) < 60
        && field(6) < 60
        && field(7) < 1000;
    let parts = match valid {
        true => [year % 10_000, month, day, field(4), field(5), field(6), field(7) * 10_000],
        false => [1601, 1, 1, 0, 0, 0, 0],
    };
    write_parts(parts, out);
}

fn write_parts(parts: [u32; 7], out: &mut String) {
    let mut text = *b"0000-00-00T00:00:00.0000000Z";
    for (part, place) in parts.iter().zip([0..4, 5..7, 8..10, 11..13, 14..16, 17..19, 20..27]) {
        let mut left = *part;
        for digit in text.get_mut(place).unwrap_or_default().iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
    }
    push_ascii(&text, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_windows_shows_them() {
        let guid = [0x70, 0x38, 0x5f, 0xf5, 0x26, 0xab, 0x4c, 0x48, 0xb5, 0x39, 0x9a, 0, 1, 2, 3, 0xff];
        let cases: &[(u8, &[u8], &str, Kind)] = &[
            (ty::NULL, &[], "", Kind::Null),
            (ty::STRING, b"h\0i\0", "hi", Kind::Text),
            (ty::ANSI, b"hi\0", "hi", Kind::Text),
            (ty::INT8, &[0xff], "-1", Kind::Number),
            (ty::UINT8, &[0xff], "255", Kind::Number),
            (ty::INT16, &[0, 0x80], "-32768", Kind::Number),
            (ty::UINT16, &[0x50, 0x12], "4688", Kind::Number),
            (ty::INT32, &[0xfe, 0xff, 0xff, 0xff], "-2", Kind::Number),
            (ty::UINT32, &[0, 0, 0, 0], "0", Kind::Number),
            (ty::INT64, &i64::MIN.to_le_bytes(), "-9223372036854775808", Kind::Number),
            (ty::UINT64, &u64::MAX.to_le_bytes(), "18446744073709551615", Kind::Number),
            (ty::UINT32, &[1, 2], "", Kind::Null),
            (ty::REAL32, &1.5_f32.to_le_bytes(), "1.5", Kind::Number),
            (ty::REAL64, &2.0_f64.to_le_bytes(), "2.0", Kind::Number),
            (ty::BOOL, &[1, 0, 0, 0], "true", Kind::Bool),
            (ty::BOOL, &[0, 0, 0, 0], "false", Kind::Bool),
            (ty::BOOL, &[8, 0, 0, 0], "8", Kind::Number),
            (ty::BINARY, &[0, 0xab], "00AB", Kind::Text),
            (ty::GUID, &guid, "{f55f3870-ab26-484c-b539-9a00010203ff}", Kind::Text),
            (ty::SIZE, &[0x10, 0, 0, 0], "0x10", Kind::Number),
            (ty::SIZE, &[0x10, 0, 0, 0, 1, 0, 0, 0], "0x100000010", Kind::Number),
            (ty::HEX32, &[0, 0, 0, 0], "0x0", Kind::Number),
            (ty::HEX64, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "0xffffffffffffffff", Kind::Number),
            (ty::FILETIME, &0_u64.to_le_bytes(), "1601-01-01T00:00:00.0000000Z", Kind::Text),
            (ty::FILETIME, &116_444_736_000_000_001_u64.to_le_bytes(), "1970-01-01T00:00:00.0000001Z", Kind::Text),
            (ty::FILETIME, &133_536_863_990_000_000_u64.to_le_bytes(), "2024-02-29T13:19:59.0000000Z", Kind::Text),
            (ty::FILETIME, &133_801_247_990_000_000_u64.to_le_bytes(), "2024-12-31T13:19:59.0000000Z", Kind::Text),
            (ty::SYSTEMTIME, &[0; 16], "1601-01-01T00:00:00.0000000Z", Kind::Text),
            (
                ty::SYSTEMTIME,
                &[0xe8, 7, 2, 0, 4, 0, 29, 0, 1, 0, 2, 0, 3, 0, 4, 0],
                "2024-02-29T01:02:03.0040000Z",
                Kind::Text,
            ),
            (ty::SID, &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0], "S-1-5-32-544", Kind::Text),
            (ty::SID, &[1, 2], "", Kind::Null),
            (0x20, &[1, 2, 3, 4], "", Kind::Null),
        ];
        for (value_type, bytes, expected, kind) in cases {
            let mut out = String::new();
            assert!(!write_value(*value_type, bytes, &mut out));
            assert_eq!(
                (out.as_str(), kind_of(*value_type, bytes)),
                (*expected, *kind),
                "type {value_type:#x} {bytes:?}"
            );
        }
    }

    #[test]
    fn filetimes_agree_with_the_shared_clock() {
        for day in 0..160_000_u64 {
            let filetime = day * 864_000_000_000 + 12_345_678_900;
            let Some(stamp) = shieldwall_schema::Timestamp::from_filetime(filetime) else { continue };
            let mut out = String::new();
            write_filetime(filetime, &mut out);
            assert_eq!(out.get(..19), stamp.to_string().get(..19), "day {day}");
        }
    }

    #[test]
    fn arrays_fall_into_items() {
        let of = |value_type: u8, bytes: &[u8]| -> Vec<String> {
            let texts = items(value_type | ty::ARRAY, bytes).map(|(item_type, item)| {
                let mut out = String::new();
                write_value(item_type, item, &mut out);
                out
            });
            texts.collect()
        };
        assert_eq!(of(ty::STRING, b"a\0\0\0\0\0b\0c\0\0\0"), ["a", "", "bc"]);
        assert_eq!(of(ty::STRING, b"a\0"), ["a"]);
        assert_eq!(of(ty::ANSI, b"x\0yz"), ["x", "yz"]);
        assert_eq!(of(ty::UINT16, &[1, 0, 2, 0]), ["1", "2"]);
        assert_eq!(of(ty::SID, &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5]), ["S-1-5-18", "S-1-5"]);
        assert!(of(ty::BINARY, &[1, 2]).is_empty());
    }
}
