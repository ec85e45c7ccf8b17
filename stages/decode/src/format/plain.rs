//! Any text: the last resort, so that no text goes unread. Each line is an event with its `message`; rules with
//! keywords can match it.
//!
//! Tag: product `text`. A line has a time only if it opens with an obvious one (`2026-03-10T03:12:00Z`, `2026-03-10
//! 03:12:00`, in brackets or not). CEF and LEEF lines are kept as text and flagged
//! [`Flag::RawCefLeef`](shieldwall_schema::Flag), so that the report can say that they were not taken apart.

use shieldwall_schema::{Flag, Tag, Value};

use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::nonlog::non_log;
use crate::lines::Lines;
use crate::text::driver::{Grammar, LineDecoder, Record};
use crate::text::line::Text;
use crate::text::stamp::{self, Stamp};
use shieldwall_schema::Chunk;

/// Lines of the head that are looked at for times.
const SNIFF_LINES: usize = 50;

/// One control byte in this many makes a head binary. Logs hold NUL, escapes and stray bytes now and then; compressed
/// or random data holds one in nine, UTF-16 one in two.
const CONTROL_SHARE: usize = 20;

/// The decoder.
#[derive(Debug)]
pub struct Plain;

impl Decoder for Plain {
    fn name(&self) -> &'static str {
        "text"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        if !head.is_empty() && non_log(head).is_none() && is_text(head) { Confidence::FALLBACK } else { Confidence::NO }
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        let chunk = Chunk { offset: 0, bytes: head, last: true, mid_line: false };
        let zoneless = |bytes: &[u8]| opening(bytes).is_some_and(|(stamp, _, _)| stamp.offset.is_none());
        Lacks { year: false, zone: Lines::new(&chunk).take(SNIFF_LINES).any(|line| zoneless(line.bytes)) }
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(LineDecoder::new(PlainLines, context, false))
    }
}

/// Whether bytes look like text in UTF-8 or a single-byte code page.
fn is_text(head: &[u8]) -> bool {
    let control = |byte: &&u8| matches!(**byte, 0..=8 | 11 | 14..=26 | 28..=31 | 127);
    head.iter().filter(control).count() * CONTROL_SHARE <= head.len()
}

/// The time that a line opens with: the stamp, and where its text begins and ends.
fn opening(bytes: &[u8]) -> Option<(Stamp, usize, usize)> {
    let start = usize::from(bytes.first() == Some(&b'['));
    let (stamp, length) = stamp::iso(bytes.get(start..)?)?;
    Some((stamp, start, start + length))
}

/// The grammar.
pub(crate) struct PlainLines;

impl Grammar for PlainLines {
    type Record<'l> = PlainRecord<'l>;
    const NAMES: &'static [&'static str] = &["message"];

    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<PlainRecord<'l>> {
        let stamp = opening(line.text.as_bytes());
        let stamp = stamp.and_then(|(stamp, start, end)| Some((stamp, line.text.get(start..end)?)));
        Some(PlainRecord { line: line.text, stamp })
    }
}

/// One line.
pub(crate) struct PlainRecord<'l> {
    line: &'l str,
    stamp: Option<(Stamp, &'l str)>,
}

impl Record for PlainRecord<'_> {
    fn tag(&self) -> Tag<'_> {
        Tag { product: "text", ..Tag::default() }
    }

    fn stamp(&self) -> Option<(Stamp, &str)> {
        self.stamp
    }

    fn flag(&self) -> Option<Flag> {
        (self.line.starts_with("CEF:") || self.line.starts_with("LEEF:")).then_some(Flag::RawCefLeef)
    }

    fn values(&self, _: usize, out: &mut dyn FnMut(Value<'_>)) {
        out(Value::text(self.line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::identify;
    use crate::fuzzing;
    use crate::testing::{decode, sample};

    #[test]
    fn lines_have_a_time_only_if_they_open_with_one() {
        let kept =
            decode(&Plain, b"2026-03-10 03:12:00,5 x\n[2026-03-10T03:12:00+01:00] y\nz 2026-03-10T03:12:00Z\n", None);
        let shown: Vec<_> =
            kept.events.iter().map(|e| (e.time.as_str(), e.time_text.as_str(), e.show(&["message"]))).collect();
        assert_eq!(
            shown,
            [
                ("2026-03-10T03:12:00.500Z", "2026-03-10 03:12:00,5", "message=2026-03-10 03:12:00,5 x".to_owned()),
                (
                    "2026-03-10T02:12:00Z",
                    "2026-03-10T03:12:00+01:00",
                    "message=[2026-03-10T03:12:00+01:00] y".to_owned()
                ),
                ("", "", "message=z 2026-03-10T03:12:00Z".to_owned()),
            ]
        );
        assert!(kept.events.iter().all(|event| event.product == "text"));
        assert!(kept.flags.is_empty());
    }

    #[test]
    fn text_is_told_from_binary() {
        let cyrillic: Vec<u8> = (0..200).flat_map(|n| [0xc0 + (n % 60) as u8, b' ']).collect();
        let utf16: Vec<u8> = b"a line of text".iter().flat_map(|byte| [*byte, 0]).collect();
        for (bytes, expected) in [
            (&b"plain words\n"[..], true),
            (&cyrillic, true),
            (b"\x1b[31mred\x1b[0m text that goes on for a while\n", true),
            (&utf16, false),
            (b"%PDF-1.7\n%text", false),
            (b"", false),
        ] {
            assert_eq!(Plain.sniff(bytes) == Confidence::FALLBACK, expected, "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }

    #[test]
    fn whatever_is_text_and_nothing_else_is_read_here() {
        for (path, events) in [
            ("plaso-logs/dpkg.log", 4),
            ("plaso-logs/bash_history", 11),
            ("loghub/HDFS/HDFS_2k.log", 2000),
            ("malformed/handmade/37_cef_leef_bad.log", 3),
            ("malformed/handmade/05_no_newline_2MiB.log", 1),
        ] {
            let Some(data) = sample(path) else { return };
            let head = &data[..data.len().min(crate::format::HEAD_BYTES)];
            assert_eq!(identify(head).map(|found| found.name()), Some("text"), "{path}");
            let kept = decode(&Plain, &data, None);
            assert_eq!(kept.events.len(), events, "{path}");
            let expected = match path {
                p if p.contains("37_") => vec![Flag::RawCefLeef; 3],
                p if p.contains("05_") => vec![Flag::Truncated],
                _ => vec![],
            };
            assert_eq!(kept.flags.iter().map(|(_, flag)| *flag).collect::<Vec<_>>(), expected, "{path}");
            fuzzing::run("text", &data);
        }
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        for bytes in
            [&b"["[..], b"[2026-03-10T03:12:00", b"2026-03-10T03:12:00\xff", b"\xff\xfe\0\0", b"\0\0\0\n\0", b"\r\r\n"]
        {
            fuzzing::run("text", bytes);
            fuzzing::run("text", &bytes.repeat(100));
        }
    }
}
