//! Tar archives: ustar, the older form, GNU long names, pax headers; NeMo models and layers of containers are such.
//!
//! Members are parts of the file, nothing is copied. Names that leave the folder, links that do, and devices are findings.

use crate::scan::judge::path;
use crate::scan::kinds::{BROKEN, CONTAINER_ESCAPES, CONTAINER_LIES, HIDDEN, found, limit, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside, Part};

/// Tar archives.
pub struct Tar;

const BLOCK: u64 = 512;
/// Bytes of a long name or a pax header. GNU tar itself reads no more than a megabyte.
const LONG_MAX: usize = 1 << 20;

struct Header {
    name: String,
    link: String,
    size: u64,
    kind: u8,
}

impl Format for Tar {
    fn name(&self) -> &'static str {
        "tar"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let block = bytes.window(0, 512);
        block.len() == 512
            && checksum(&block).is_some_and(|(said, is)| said == is)
            && block.first().is_some_and(|&byte| byte != 0)
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut at = 0;
        let mut long_name = None;
        let mut long_link = None;
        let mut long_size = None;
        let mut names = std::collections::HashSet::new();
        let say = |report: &mut Report, at: u64, kind, weight, words: String| {
            report.add(Finding { offset: at, ..found(inside, kind, weight, words) })
        };
        while at < bytes.len() {
            if let Err(spent) = inside.budget.steps(1) {
                return report.add(limit(inside, spent));
            }
            let block = bytes.window(at, 512);
            if block.iter().all(|&byte| byte == 0) {
                // The end: two blocks of zeros, and zeros up to the length of a tape record. Anything else is hidden.
                return end(bytes, at, inside, report);
            }
            let Some((header, fits)) = header(&block) else {
                say(
                    report,
                    at,
                    &BROKEN,
                    Weight::NotProven,
                    "a header of the archive cannot be read; the rest was not".to_owned(),
                );
                return (inside.member)(&format!("bytes at {at}"), &Part::new(bytes, at, u64::MAX), report);
            };
            if !fits {
                say(report, at, &BROKEN, Weight::NotProven, "the checksum of a header is wrong".to_owned());
            }
            let size = long_size.take().unwrap_or(header.size);
            let start = at + BLOCK;
            let Some(next) = size.checked_next_multiple_of(BLOCK).and_then(|size| start.checked_add(size)) else {
                return say(
                    report,
                    at,
                    &BROKEN,
                    Weight::NotProven,
                    "a member claims more bytes than any file has".to_owned(),
                );
            };
            if start.saturating_add(size) > bytes.len() {
                say(
                    report,
                    at,
                    &BROKEN,
                    Weight::NotProven,
                    format!("`{}` goes on past the end of the file", shown(&header.name)),
                );
            }
            let part = Part::new(bytes, start, size);
            at = next;
            match header.kind {
                b'L' => long_name = Some(text(&part)),
                b'K' => long_link = Some(text(&part)),
                b'x' | b'g' => {
                    for (key, value) in pax(&part.window(0, LONG_MAX)) {
                        match key.as_str() {
                            "path" | "GNU.sparse.name" => long_name = Some(value),
                            "linkpath" => long_link = Some(value),
                            "size" => long_size = value.parse().ok(),
                            "GNU.sparse.map" | "GNU.sparse.major" => say(
                                report,
                                start,
                                &CONTAINER_LIES,
                                Weight::NotProven,
                                "a sparse member: its bytes are put together by the reader".to_owned(),
                            ),
                            _ => {}
                        }
                    }
                }
                kind => {
                    let name = long_name.take().unwrap_or(header.name);
                    let link = long_link.take().unwrap_or(header.link);
                    if let Some(why) = path::escapes(&name) {
                        let words = format!("unpacking writes outside of the folder: `{}`: {why}", shown(&name));
                        say(report, start - BLOCK, &CONTAINER_ESCAPES, Weight::Malicious, words);
                    }
                    match kind {
                        b'1' | b'2' => {
                            let weight =
                                if path::escapes(&link).is_some() { Weight::Malicious } else { Weight::NotProven };
                            say(
                                report,
                                start - BLOCK,
                                &CONTAINER_ESCAPES,
                                weight,
                                format!("`{}` is a link to `{}`", shown(&name), shown(&link)),
                            );
                        }
                        b'3' | b'4' | b'6' => say(
                            report,
                            start - BLOCK,
                            &CONTAINER_ESCAPES,
                            Weight::Malicious,
                            format!("`{}` is a device or a pipe", shown(&name)),
                        ),
                        b'5' if size == 0 => {}
                        b'0' | 0 | b'5' | b'7' => {
                            if !names.insert(name.clone()) {
                                say(
                                    report,
                                    start - BLOCK,
                                    &CONTAINER_LIES,
                                    Weight::NotProven,
                                    format!("the name `{}` stands twice", shown(&name)),
                                );
                            }
                            if !(name.ends_with('/') && size == 0) {
                                (inside.member)(&name, &part, report);
                            }
                        }
                        kind => {
                            say(
                                report,
                                start - BLOCK,
                                &CONTAINER_LIES,
                                Weight::NotProven,
                                format!("`{}` is of the unknown kind {kind:#x}", shown(&name)),
                            );
                            (inside.member)(&name, &part, report);
                        }
                    }
                }
            }
        }
    }
}

fn end(bytes: &dyn Bytes, from: u64, inside: &Inside<'_>, report: &mut Report) {
    let mut at = from;
    while at < bytes.len() {
        let window = bytes.window(at, 64 << 10);
        if window.is_empty() {
            return;
        }
        if let Some(place) = window.iter().position(|&byte| byte != 0) {
            let at = (at + place as u64) / BLOCK * BLOCK;
            report.add(Finding {
                offset: at,
                ..found(inside, &HIDDEN, Weight::NotProven, "bytes follow the end of the archive")
            });
            return (inside.member)("after the end", &Part::new(bytes, at, u64::MAX), report);
        }
        at += window.len() as u64;
    }
}

/// A number in octal digits, or in base 256 where the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => {
            rest.iter().try_fold(0_u64, |number, &byte| number.checked_mul(256)?.checked_add(u64::from(byte)))
        }
        _ => {
            let digits =
                field.iter().copied().skip_while(|byte| *byte == b' ').take_while(|byte| !matches!(byte, 0 | b' '));
            digits.into_iter().try_fold(0_u64, |number, byte| match byte {
                b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
                _ => None,
            })
        }
    }
}

/// What the header says its checksum is, and what it is.
fn checksum(block: &[u8]) -> Option<(u64, u64)> {
    let said = number(block.get(148..156)?)?;
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    let field: u64 = block.get(148..156)?.iter().map(|&byte| u64::from(byte)).sum();
    Some((said, sum - field + 8 * 32))
}

fn header(block: &[u8]) -> Option<(Header, bool)> {
    let cut = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
    };
    let (said, is) = checksum(block)?;
    let mut name = cut(block.get(..100)?);
    if block.get(257..263) == Some(b"ustar\0") {
        let prefix = cut(block.get(345..500)?);
        if !prefix.is_empty() {
            name = format!("{prefix}/{name}");
        }
    }
    let header =
        Header { name, link: cut(block.get(157..257)?), size: number(block.get(124..136)?)?, kind: *block.get(156)? };
    Some((header, said == is))
}

fn text(part: &Part<'_>) -> String {
    let bytes = part.window(0, LONG_MAX);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// `27 path=some/name\n`, one after the other.
fn pax(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    while let Some(space) = bytes.iter().position(|&byte| byte == b' ') {
        let len = bytes
            .get(..space)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<usize>().ok());
        let Some(record) = len.and_then(|len| bytes.get(space + 1..len)) else { break };
        let record = String::from_utf8_lossy(record);
        if let Some((key, value)) = record.trim_end_matches('\n').split_once('=') {
            out.push((key.to_owned(), value.to_owned()));
        }
        bytes = len.and_then(|len| bytes.get(len..)).unwrap_or_default();
    }
    out
}
