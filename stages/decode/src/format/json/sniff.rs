//! Whether a source is JSON, and whether each of its lines is a record, from its first bytes.

use shieldwall_schema::Reject;

use super::dialect;
use super::paths::Paths;
use super::scan::{Scanner, is_space};
use super::tape::Tape;
use crate::decoder::Confidence;

/// Lines that are tried.
const LINES_MAX: usize = 16;
/// Bytes that must be sound JSON before a broken document is still taken for one.
const SOUND_BYTES_MIN: usize = 48;
/// A lone scalar is valid JSON and any word in a text: just enough to be listed.
const SCALAR: Confidence = Confidence(2);

/// What the first bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One record a line.
    Lines(Confidence),
    /// Anything else that is JSON.
    Document(Confidence),
    /// No JSON.
    None,
}

/// The UTF-8 byte order mark.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a line, or all that there is, scans.
enum Sound {
    Whole,
    /// Sound up to the end, which comes too early.
    Cut,
    /// Sound up to here.
    Until(usize),
}

struct Probe {
    scanner: Scanner,
    paths: Paths,
    tape: Tape,
}

impl Probe {
    fn scan(&mut self, bytes: &[u8]) -> Sound {
        match self.scanner.scan(bytes, &mut self.paths, &mut self.tape) {
            Ok(()) => Sound::Whole,
            Err(fault) if fault.reason == Reject::Truncated => Sound::Cut,
            Err(fault) => Sound::Until(fault.at),
        }
    }
}

/// Looks at the first bytes of a source.
pub(super) fn shape(head: &[u8]) -> Shape {
    let head = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    let head = head.strip_prefix(b"\x1e").unwrap_or(head);
    let Some(first) = head.first() else { return Shape::None };
    let mut probe = Probe { scanner: Scanner::default(), paths: Paths::new(dialect::known), tape: Tape::default() };
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let ended = memchr::memchr(b'\n', head).is_some();
    match first {
        b'{' => {
            let mut lines = lines;
            let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
            if ended && matches!(probe.scan(first), Sound::Whole) {
                return Shape::Lines(Confidence::SURE);
            }
            // A first line that is damaged or cut, with a whole record behind it.
            if second.starts_with(b"{") && matches!(probe.scan(second), Sound::Whole) {
                return Shape::Lines(Confidence::SURE);
            }
            document(&mut probe, head)
        }
        b'[' => {
            let first = lines.clone().next().unwrap_or_default();
            let second = lines.clone().nth(1).unwrap_or_default();
            let rows = matches!(probe.scan(first), Sound::Whole) && second.starts_with(b"[") | second.starts_with(b"{");
            if rows { Shape::Lines(Confidence::LIKELY) } else { document(&mut probe, head) }
        }
        _ => {
            let tried: Vec<bool> = lines
                .take(LINES_MAX)
                .map(|line| line.starts_with(b"{") && matches!(probe.scan(line), Sound::Whole))
                .collect();
            let good = tried.iter().filter(|good| **good).count();
            if good * 2 > tried.len() {
                return Shape::Lines(Confidence::LIKELY);
            }
            match probe.scan(head) {
                Sound::Whole => Shape::Document(SCALAR),
                _ => Shape::None,
            }
        }
    }
}

fn document(probe: &mut Probe, head: &[u8]) -> Shape {
    // What may follow a bracket in JSON; a log line such as `[2026-01-01 …` or `{user}` has something else.
    let next = head.iter().skip(1).find(|byte| !is_space(**byte));
    let fits = match (head.first(), next) {
        (_, None) => true,
        (Some(b'{'), Some(next)) => matches!(next, b'"' | b'}'),
        (_, Some(next)) => matches!(next, b'{' | b'[' | b']' | b'"' | b'-' | b't' | b'f' | b'n' | b'0'..=b'9'),
    };
    if !fits {
        return Shape::None;
    }
    let records = matches!(next, Some(b'{' | b'"'));
    match probe.scan(head) {
        Sound::Whole | Sound::Cut => Shape::Document(Confidence::SURE),
        // Objects one behind another: sound up to the end of the first.
        Sound::Until(at) if at >= SOUND_BYTES_MIN => Shape::Document(Confidence::SURE),
        Sound::Until(_) if records => Shape::Document(Confidence::LIKELY),
        Sound::Until(_) => Shape::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_apart() {
        for (head, shape) in [
            ("{\"a\":1}\n{\"b\":2}\n", Shape::Lines(Confidence::SURE)),
            ("\u{feff}{\"a\":1}\r\n", Shape::Lines(Confidence::SURE)),
            ("{\"a\":1,\"b\":\n{\"a\":1}\n", Shape::Lines(Confidence::SURE)),
            ("{\"a\":1", Shape::Document(Confidence::SURE)),
            ("{\n  \"a\": 1\n}\n", Shape::Document(Confidence::SURE)),
            ("[\n{\"a\":1},\n{\"b\":2}\n]\n", Shape::Document(Confidence::SURE)),
            ("[{\"a\":1},{\"b\":2}", Shape::Document(Confidence::SURE)),
            ("{\"a\":1}{\"b\":2}", Shape::Document(Confidence::LIKELY)),
            ("garbage\n{\"a\":1}\n{\"b\":1}\n", Shape::Lines(Confidence::LIKELY)),
            ("null", Shape::Document(SCALAR)),
            ("[Wed Oct 11 14:32:52 2000] [error] x\n", Shape::None),
            ("[2026-01-01 00:00:00] x\n", Shape::None),
            ("{user} logged on\n", Shape::None),
            ("Jan  1 00:00:00 h sshd[1]: x\n", Shape::None),
            ("", Shape::None),
            ("  \n ", Shape::None),
        ] {
            assert_eq!(super::shape(head.as_bytes()), shape, "{head:?}");
        }
    }
}
