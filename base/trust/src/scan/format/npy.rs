//! numpy's own files: a header that is a Python dict, then elements, or a pickle where elements are objects.
//!
//! Source: numpy's "A simple file format for NumPy arrays", versions 1.0 to 3.0.

use crate::scan::kinds::{BROKEN, HIDDEN, found};
use crate::scan::pickle::element;
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside, Part};

/// Numpy's files.
pub struct Npy;

/// Bytes of a header that are read; numpy refuses longer ones than 10,000 unless it is told to trust.
const HEADER_MAX: u64 = 1 << 20;

impl Format for Npy {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        bytes.window(0, 6) == b"\x93NUMPY"
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut broken = |words: &str| report.add(found(inside, &BROKEN, Weight::NotProven, words));
        let head = bytes.window(6, 6);
        let (start, len) = match head.as_slice() {
            [1, _, low, high, ..] => (10, u64::from(u16::from_le_bytes([*low, *high]))),
            [2 | 3, _, a, b, c, d] => (12, u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
            _ => return broken("a version of npy that does not exist"),
        };
        let data = start + len;
        if len > HEADER_MAX || data > bytes.len() {
            return broken("the header is longer than the file or than HEADER_MAX");
        }
        let header = bytes.window(start, usize::try_from(len).unwrap_or(0));
        let header = String::from_utf8_lossy(&header).into_owned();
        // The header is read by a parser of literals: a call in it raises.
        if header.contains("__") || header.replace("(", " ( ").split_whitespace().any(|word| word == "lambda") {
            broken("the header holds more than literals");
        }
        let rest = Part::new(bytes, data, u64::MAX);
        let Some(header) = Header::parse(&header) else {
            broken("the header cannot be read");
            return (inside.member)("data", &rest, report);
        };
        if header.objects {
            return (inside.member)("data", &rest, report);
        }
        if header.bytes != Some(rest.len()) {
            let words = match header.bytes {
                Some(bytes) => format!("the header promises {bytes} bytes of elements, {} follow", rest.len()),
                None => "the elements have no size that is known".to_owned(),
            };
            report.add(Finding { offset: data, ..found(inside, &HIDDEN, Weight::NotProven, words) });
            let after = header.bytes.unwrap_or(0);
            if after < rest.len() {
                (inside.member)("bytes after the elements", &Part::new(&rest, after, u64::MAX), report);
            }
        }
        // A loader that is told to load a pickle from here would do so; elements that begin like one are looked at.
        if matches!(rest.window(0, 2).as_slice(), [0x80, 2..=5]) {
            let mut apart = Report::default();
            (inside.member)("data", &rest, &mut apart);
            if apart.verdict() == crate::scan::Verdict::Malicious {
                apart.findings().iter().cloned().for_each(|finding| report.add(finding));
            }
        }
    }
}

/// What a header says.
struct Header {
    objects: bool,
    bytes: Option<u64>,
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let body = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let after = |key: &str| {
            let at = body.find(key)?;
            body.get(at + key.len()..)?.trim_start().strip_prefix(':').map(str::trim_start)
        };
        let descr = after("'descr'").or_else(|| after("\"descr\""))?;
        let shape = after("'shape'").or_else(|| after("\"shape\""))?;
        let inner = shape.strip_prefix('(')?.split(')').next()?;
        let mut count = 1_u64;
        for side in inner.split(',').map(str::trim).filter(|side| !side.is_empty()) {
            count = count.checked_mul(side.trim_end_matches('L').parse().ok()?)?;
        }
        let (size, objects) = if descr.starts_with('[') { record(descr) } else { single(descr) };
        Some(Self { objects, bytes: size.and_then(|size| count.checked_mul(size)) })
    }
}

fn single(descr: &str) -> (Option<u64>, bool) {
    let mut quoted = descr.split(['\'', '"']);
    let name = quoted.nth(1).unwrap_or_default();
    match element(name) {
        Some((size, objects)) => (Some(u64::from(size)), objects),
        None => (None, name.contains('O')),
    }
}

/// A list of fields: their sizes add up where no field has fields or a shape of its own.
fn record(descr: &str) -> (Option<u64>, bool) {
    let end = {
        let mut depth = 0_i32;
        descr.char_indices().find_map(|(at, c)| {
            depth += match c {
                '[' => 1,
                ']' => -1,
                _ => 0,
            };
            (depth == 0).then_some(at)
        })
    };
    let descr = descr.get(1..end.unwrap_or(descr.len())).unwrap_or_default();
    let words: Vec<&str> = descr.split(['\'', '"']).skip(1).step_by(2).collect();
    // Any quoted word may be a type: an `O` in any of them means objects, and names cost a wrong guess at worst.
    let objects =
        words.iter().any(|word| word.trim_start_matches(['<', '>', '|', '=']).starts_with('O') && word.len() <= 3);
    let nested = descr.contains('[')
        || descr.split('(').any(|field| field.matches(',').count() > 2)
        || descr.contains("), (") && descr.contains("((");
    if nested {
        return (None, objects);
    }
    let mut sum = Some(0_u64);
    for field in descr.split('(').skip(1) {
        let mut quoted = field.split(['\'', '"']).skip(1).step_by(2);
        let size = quoted.nth(1).and_then(element).map(|(size, _)| u64::from(size));
        // A shape after the type stands in parentheses of its own.
        let shaped =
            field.trim_end().ends_with(',') && field.trim_end().trim_end_matches(',').trim_end().ends_with('\'');
        sum = if shaped { None } else { sum.zip(size).map(|(sum, size)| sum.saturating_add(size)) };
    }
    (sum, objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (text, bytes, objects) in [
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 3), }", Some(72), false),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", Some(16), true),
            ("{'descr': '<U5', 'fortran_order': False, 'shape': (), }", Some(20), false),
            ("{'descr': [('a', '<f4'), ('b', '<i8')], 'fortran_order': False, 'shape': (3,), }", Some(36), false),
            ("{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (3,), }", Some(36), true),
            ("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (0,), }", Some(0), false),
        ] {
            let header = Header::parse(text).unwrap();
            assert_eq!((header.bytes, header.objects), (bytes, objects), "{text}");
        }
        assert!(Header::parse("{'descr': '<f8', 'shape': (99999999999999999999,)}").is_none());
        assert!(Header::parse("no header").is_none());
    }
}
