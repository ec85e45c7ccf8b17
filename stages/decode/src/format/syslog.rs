//! Syslog text: RFC 3164 lines with and without priority, RFC 5424, and the ISO 8601 form that today's daemons write.
//!
//! `auth.log`, `secure`, `messages`, `syslog`, `kern.log`, `cron` are all this. The tag's service is the program
//! (`sshd`, `cron`), lower case without its path; fields of well-known programs come from [`crate::program`], and only
//! where somebody wants more than the line.
//!
//! RFC 3164 has neither year nor zone: [`survey`](Decoder::survey) finds where the year turns, the [`Clock`] says the rest.
//!
//! What must stay true: a line whose header is broken is kept as raw text and counted as a rejection with its offset; a
//! line without a header (a continuation) is kept as raw text and flagged.

use std::io;
use std::sync::Arc;

use memchr::memchr;
use rustc_hash::FxHashMap;
use shieldwall_schema::{
    Chunk, Event, Fields, Flag, Place, Projection, Reject, Rejection, Sink, Slots, Tag, Timestamp, Value, Want, fill,
};

use crate::clock::{Clock, Lacks, Survey};
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::lines::{Line, Lines};
use crate::program;

/// Syslog text.
#[derive(Debug)]
pub struct Syslog;

/// Lines of the head that sniffing looks at.
const SNIFF_LINES: usize = 40;

/// Programs whose wishes are remembered; a hostile log can invent endless names.
const PROGRAMS_MAX: usize = 4096;

/// Bytes of a line that the survey looks at: priority and `Mon dd hh:mm:ss`.
const SURVEY_LINE_BYTES: usize = 32;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// RFC 5424, table 1.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// RFC 5424, table 2.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

impl Decoder for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        let chunk = Chunk { offset: 0, bytes: head, last: true, mid_line: false };
        let (mut seen, mut fit, mut framed) = (0, 0, 0);
        for line in Lines::new(&chunk).take(SNIFF_LINES) {
            seen += 1;
            let text = String::from_utf8_lossy(line.bytes);
            let parsed = parse(&text);
            if let Ok(Some(header)) = &parsed {
                fit += usize::from(!header.program.is_empty() || header.priority.is_some());
                framed += usize::from(header.priority.is_some());
            }
        }
        // Of 40 lines most must fit; a file of broken lines is still syslog if one has a priority and a version.
        if fit * 2 > seen {
            Confidence(80)
        } else if framed > 0 || fit * 5 > seen {
            Confidence(40)
        } else {
            Confidence::NO
        }
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        let chunk = Chunk { offset: 0, bytes: head, last: true, mid_line: false };
        let bare = Lines::new(&chunk).take(SNIFF_LINES).any(|line| bsd_time(without_priority(line.bytes)).is_some());
        Lacks { year: bare, zone: bare }
    }

    fn survey(&self, source: &mut dyn io::BufRead) -> io::Result<Survey> {
        survey(source)
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(SyslogLines {
            projection: context.projection,
            clock: context.clock,
            wants: FxHashMap::default(),
            slots: Slots::default(),
            program: String::new(),
            key: String::new(),
        })
    }
}

/// One pass over the beginnings of all lines: where the month falls by more than one, the year has turned. Lines a little
/// out of order fall by less.
fn survey(source: &mut dyn io::BufRead) -> io::Result<Survey> {
    let mut found = Survey::default();
    let mut start = Vec::with_capacity(SURVEY_LINE_BYTES);
    let (mut offset, mut line_offset) = (0u64, 0u64);
    let mut month_before = 0;
    let mut in_line = false;
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() && start.is_empty() {
            return Ok(found);
        }
        let ended = memchr(b'\n', bytes);
        let length = ended.unwrap_or(bytes.len());
        let room = SURVEY_LINE_BYTES - start.len();
        if !in_line {
            line_offset = offset;
            in_line = true;
        }
        start.extend_from_slice(bytes.get(..length.min(room)).unwrap_or_default());
        let used = length + usize::from(ended.is_some());
        let at_end = bytes.is_empty();
        source.consume(used);
        offset += used as u64;
        if ended.is_some() || at_end {
            if let Some((month, day, hour, minute, second)) = bsd_time(without_priority(&start)) {
                if month + 1 < month_before {
                    found.rollovers.push(line_offset);
                }
                month_before = month;
                found.last = Some((month, day, hour, minute, second));
            }
            start.clear();
            in_line = false;
        }
    }
}

fn without_priority(line: &[u8]) -> &[u8] {
    match line.first() {
        Some(b'<') => memchr(b'>', line.get(..5).unwrap_or(line)).and_then(|at| line.get(at + 1..)).unwrap_or(line),
        _ => line,
    }
}

/// `Mon dd hh:mm:ss` as month, day, hour, minute, second; ranges are not checked.
fn bsd_time(line: &[u8]) -> Option<(u32, u32, u32, u32, u32)> {
    let (month, rest) = line.split_first_chunk::<3>()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
    let [b' ', tens, ones, b' ', h1, h2, b':', m1, m2, b':', s1, s2] = rest.first_chunk::<12>()? else { return None };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    let day = if *tens == b' ' { digit(ones)? } else { digit(tens)? * 10 + digit(ones)? };
    let two = |a: &u8, b: &u8| Some(digit(a)? * 10 + digit(b)?);
    Some((month, day, two(h1, h2)?, two(m1, m2)?, two(s1, s2)?))
}

/// When a line was written, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written<'a> {
    /// Month, day, hour, minute, second, and the text.
    Bsd((u32, u32, u32, u32, u32), &'a str),
    /// A whole time; `None` if it is impossible.
    Full(Option<Timestamp>),
    /// `-`
    Nil,
}

/// A line's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header<'a> {
    priority: Option<u8>,
    written: Written<'a>,
    host: &'a str,
    program: &'a str,
    pid: &'a str,
    msgid: &'a str,
    structured: &'a str,
    message: &'a str,
}

/// Why a header is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken(&'static str);

/// Reads a line. `Ok(None)`: it has no header of ours at all.
fn parse(line: &str) -> Result<Option<Header<'_>>, Broken> {
    let (priority, rest) = match line.strip_prefix('<') {
        None => (None, line),
        Some(rest) => {
            let Some((digits, rest)) = rest.split_once('>').filter(|(digits, _)| digits.len() <= 6) else {
                return Err(Broken("the priority is not closed"));
            };
            match digits.parse::<u8>() {
                Ok(priority) if priority <= 191 && !digits.starts_with('+') => (Some(priority), rest),
                _ => return Err(Broken("the priority is no number from 0 to 191")),
            }
        }
    };
    if priority.is_some()
        && let Some(rest) = rest.strip_prefix("1 ")
    {
        return modern(priority, rest).map(Some);
    }
    let (written, rest) = if let Some(parts) = bsd_time(rest.as_bytes()) {
        let text = rest.get(..15).unwrap_or_default();
        (Written::Bsd(parts, text), rest.get(15..).unwrap_or_default())
    } else {
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match iso_time(word) {
            Some(time) => (Written::Full(time), rest),
            None if priority.is_some() => {
                // RFC 3164, 4.3.2: a relay takes such a line as all message.
                let message = line.split_once('>').map_or(line, |(_, rest)| rest);
                return Ok(Some(Header {
                    priority,
                    written: Written::Nil,
                    host: "",
                    program: "",
                    pid: "",
                    msgid: "",
                    structured: "",
                    message,
                }));
            }
            None => return Ok(None),
        }
    };
    let rest = rest.trim_start_matches(' ');
    let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    // A local line may go without a host: then the first word is already the tag.
    let (host, rest) =
        if host.ends_with(':') || host.contains('[') { ("", after_time(line, host, rest)) } else { (host, rest) };
    let (program, pid, message) = tag_of(rest);
    Ok(Some(Header { priority, written, host, program, pid, msgid: "", structured: "", message }))
}

/// The rest of the line from `word` on, which stands directly before `rest` in it.
fn after_time<'a>(line: &'a str, word: &str, rest: &str) -> &'a str {
    let start = line.len().saturating_sub(rest.len() + 1 + word.len());
    line.get(start..).unwrap_or_default()
}

/// `program[pid]: message`; a line without such a tag is all message.
fn tag_of(rest: &str) -> (&str, &str, &str) {
    let Some(end) = rest.find([':', '[', ' ']) else { return ("", "", rest) };
    let (name, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if let Some(inside) = tail.strip_prefix('[') {
        let Some((pid, tail)) = inside.split_once(']') else { return ("", "", rest) };
        let message = tail.strip_prefix(':').unwrap_or(tail);
        return (name, pid, message.strip_prefix(' ').unwrap_or(message));
    }
    match tail.strip_prefix(':') {
        Some(message) => (name, "", message.strip_prefix(' ').unwrap_or(message)),
        None => ("", "", rest),
    }
}

/// RFC 5424 behind the version.
fn modern(priority: Option<u8>, rest: &str) -> Result<Header<'_>, Broken> {
    let mut rest = rest;
    let mut word = || {
        let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = tail;
        if word == "-" { "" } else { word }
    };
    let (time, host, program, pid, msgid) = (word(), word(), word(), word(), word());
    let written = match time {
        "" => Written::Nil,
        time => Written::Full(iso_time(time).ok_or(Broken("the time is not RFC 3339"))?),
    };
    let (structured, message) = match rest.strip_prefix('-') {
        Some(message) => ("", message),
        None if rest.starts_with('[') => {
            let end = structured_end(rest).ok_or(Broken("the structured data are not closed"))?;
            rest.split_at_checked(end).unwrap_or((rest, ""))
        }
        None => return Err(Broken("there are no structured data")),
    };
    let message = message.strip_prefix(' ').unwrap_or(message);
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    Ok(Header { priority, written, host, program, pid, msgid, structured, message })
}

/// Where `[id a="b"][id2]` ends. Inside quotes a backslash escapes.
fn structured_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if open => quoted = !quoted,
            b'[' if !quoted => open = true,
            b']' if !quoted => {
                open = false;
                if text.as_bytes().get(at + 1) != Some(&b'[') {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// RFC 3339 with any number of fractional digits: `Some(None)` if it has the form and is impossible.
fn iso_time(text: &str) -> Option<Option<Timestamp>> {
    let bytes = text.as_bytes();
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2] =
        bytes.first_chunk::<19>()?
    else {
        return None;
    };
    let digits = [y1, y2, y3, y4, mo1, mo2, d1, d2, h1, h2, m1, m2, s1, s2];
    if !digits.iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |a: &u8, b: &u8| u32::from(a - b'0') * 10 + u32::from(b - b'0');
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        let (digits, tail) = fraction.split_at_checked(end)?;
        let mut scale = 100_000_000;
        for byte in digits.bytes().take(9) {
            nanos += u32::from(byte - b'0') * scale;
            scale /= 10;
        }
        rest = tail;
    }
    let offset = match rest {
        "Z" | "z" => 0,
        rest => shieldwall_schema::time::parse_offset(rest)?,
    };
    let year = (two(y1, y2) * 100 + two(y3, y4)) as i32;
    Some(Timestamp::from_civil(year, two(mo1, mo2), two(d1, d2), two(h1, h2), two(m1, m2), two(s1, s2), nanos, offset))
}

/// What is wanted of a program's lines, and whether more than the line's own parts.
type Wish = Option<(Arc<Want>, bool)>;

struct SyslogLines<'a> {
    projection: &'a dyn Projection,
    clock: &'a Clock,
    wants: FxHashMap<Box<str>, Wish>,
    slots: Slots,
    program: String,
    key: String,
}

impl ChunkDecoder for SyslogLines<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        for line in Lines::new(chunk) {
            self.line(&line, sink);
        }
    }
}

impl SyslogLines<'_> {
    fn line(&mut self, line: &Line<'_>, sink: &mut dyn Sink) {
        let place = Place::offset(line.offset);
        let text = match std::str::from_utf8(line.bytes) {
            Ok(text) => std::borrow::Cow::Borrowed(text),
            Err(_) => {
                sink.flag(Flag::Utf8Invalid, place);
                String::from_utf8_lossy(line.bytes)
            }
        };
        if line.cut {
            sink.flag(Flag::Truncated, place);
        }
        if !text.is_ascii() && crate::text::confusable(&text) {
            sink.flag(Flag::Confusable, place);
        }
        let raw = Header {
            priority: None,
            written: Written::Nil,
            host: "",
            program: "",
            pid: "",
            msgid: "",
            structured: "",
            message: &text,
        };
        let header = match parse(&text) {
            Ok(Some(header)) => header,
            Ok(None) => {
                let cef = text.starts_with("CEF:") || text.starts_with("LEEF:");
                sink.flag(if cef { Flag::RawCefLeef } else { Flag::UnknownLine }, place);
                raw
            }
            Err(Broken(words)) => {
                let detail = format!("broken syslog header, kept as raw text: {words}");
                sink.reject(Rejection { place, reason: Reject::Corrupt, detail });
                raw
            }
        };
        if header.message.starts_with("CEF:") || header.message.starts_with("LEEF:") {
            sink.flag(Flag::RawCefLeef, place);
        }
        let (time, time_text) = match header.written {
            Written::Nil => (None, None),
            Written::Full(time) => (time, None),
            Written::Bsd((month, day, hour, minute, second), text) => {
                let year = self.clock.year_at(line.offset);
                (self.clock.zone().instant(year, month, day, hour, minute, second, 0), Some(text))
            }
        };
        if time.is_none() && header.written != Written::Nil {
            sink.flag(Flag::TimeInvalid, place);
        }
        program::normalise(header.program, &mut self.program);
        let facility = header.priority.and_then(|p| FACILITIES.get(usize::from(p / 8))).copied().unwrap_or_default();
        let tag = Tag { product: "linux", service: &self.program, provider: facility, code: "" };
        self.key.clear();
        self.key.push_str(&self.program);
        self.key.push('\0');
        self.key.push_str(facility);
        let wish = match self.wants.get(self.key.as_str()) {
            Some(wish) => wish.clone(),
            None => {
                let wish = self.projection.want(&tag).map(|want| {
                    let own = ["message", "program", "pid", "hostname", "facility", "severity", "msgid"];
                    let more = want.by_name.keys().any(|name| !own.contains(&name.as_ref()));
                    (want, more)
                });
                if self.wants.len() < PROGRAMS_MAX {
                    self.wants.insert(self.key.as_str().into(), wish.clone());
                }
                wish
            }
        };
        let Some((want, more)) = wish else { return sink.unwanted(1, time) };
        let mut record = Record { header: &header, program: &self.program, line: &text, bytes: line.bytes, more };
        fill(&want, &record, &mut self.slots);
        record.more = true;
        sink.event(&Event {
            time,
            time_text,
            place,
            bytes: line.bytes,
            tag,
            want: &want,
            slots: &self.slots,
            fields: &record,
        });
    }
}

/// A line as fields.
struct Record<'a> {
    header: &'a Header<'a>,
    program: &'a str,
    line: &'a str,
    bytes: &'a [u8],
    /// Whether fields from within the message are given too.
    more: bool,
}

impl Fields for Record<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        let header = self.header;
        each("message", Value::text(header.message));
        let words =
            [("program", self.program), ("pid", header.pid), ("hostname", header.host), ("msgid", header.msgid)];
        for (name, text) in words {
            if !text.is_empty() {
                each(name, Value::text(text));
            }
        }
        if let Some(priority) = header.priority {
            each("facility", Value::text(FACILITIES.get(usize::from(priority / 8)).unwrap_or(&"")));
            each("severity", Value::text(SEVERITIES.get(usize::from(priority % 8)).unwrap_or(&"")));
        }
        if !self.more {
            return;
        }
        structured_fields(header.structured, each);
        program::program_fields(self.program, header.message, &mut |name, text| each(name, Value::text(text)));
        if std::str::from_utf8(self.bytes).is_err() {
            let hex: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            each("message_hex", Value::text(&hex));
        }
    }

    fn line(&self) -> Option<&str> {
        Some(self.line)
    }
}

/// `[id a="b" c="d"]` as `sd.id.a`, `sd.id.c`.
fn structured_fields(structured: &str, each: &mut dyn FnMut(&str, Value<'_>)) {
    for element in structured.split("][") {
        let element = element.trim_start_matches('[');
        let Some((id, mut rest)) = element.split_once(' ') else { continue };
        while let Some((name, tail)) = rest.trim_start().split_once("=\"") {
            let mut value = String::new();
            let mut characters = tail.char_indices();
            let mut end = tail.len();
            while let Some((at, c)) = characters.next() {
                match c {
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    '\\' => value.extend(characters.next().map(|(_, c)| c)),
                    c => value.push(c),
                }
            }
            each(&format!("sd.{id}.{name}"), Value::text(&value));
            rest = tail.get(end..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> String {
        match parse(line) {
            Err(Broken(why)) => format!("broken: {why}"),
            Ok(None) => "none".to_owned(),
            Ok(Some(h)) => {
                format!(
                    "{:?} {}|{}|{}|{}|{}|{}",
                    h.priority, h.host, h.program, h.pid, h.msgid, h.structured, h.message
                )
            }
        }
    }

    #[test]
    fn headers_of_every_form() {
        for (line, expected) in [
            ("Jan  1 00:00:00 h sshd[1]: Failed x", "None h|sshd|1|||Failed x"),
            ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "Some(34) mymachine|su||||'su root' failed"),
            ("Mar 10 03:12:05 h kernel: [1.2] usb", "None h|kernel||||[1.2] usb"),
            ("2026-03-10T03:12:00.123456+01:00 h prog[12]: a: b", "None h|prog|12|||a: b"),
            ("<34>1 2003-10-11T22:14:15.003Z h su - ID47 - msg", "Some(34) h|su||ID47||msg"),
            (
                "<165>1 2003-10-11T22:14:15.003Z h a 7 ID [x@1 y=\"\\]\" z=\"2\"][e] m",
                "Some(165) h|a|7|ID|[x@1 y=\"\\]\" z=\"2\"][e]|m",
            ),
            ("Mar 10 03:12:05 sshd[1]: no host", "None |sshd|1|||no host"),
            ("<13>just words", "Some(13) |||||just words"),
            ("<999999>1 - - - - - -", "broken: the priority is no number from 0 to 191"),
            ("<>1 x", "broken: the priority is no number from 0 to 191"),
            ("<34>1 2003-10-11T22:14:15.003Z h a - ID [x y=\"\\]un", "broken: the structured data are not closed"),
            ("<34", "broken: the priority is not closed"),
            ("no header at all", "none"),
            ("", "none"),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn structured_data_become_fields() {
        let mut out = Vec::new();
        structured_fields("[a@1 x=\"1\\\"2\" y=\"\"][b z=\"3\"]", &mut |name, value| {
            out.push(format!("{name}={}", value.text));
        });
        assert_eq!(out, ["sd.a@1.x=1\"2", "sd.a@1.y=", "sd.b.z=3"]);
    }

    #[test]
    fn the_year_turns_where_the_month_falls_by_more_than_one() {
        let log = "Dec 30 23:00:00 h a: x\nDec 31 23:59:59 h a: x\nJan  1 00:00:00 h a: x\nMar  1 00:00:01 h a: x\n\
                   Feb 28 23:59:59 h a: late\nMar  1 00:00:02 h a: last";
        let found = survey(&mut log.as_bytes()).unwrap();
        assert_eq!(found.rollovers, [46]);
        assert_eq!(found.last, Some((3, 1, 0, 0, 2)));
        // The same through a reader with a tiny buffer.
        let mut tiny = io::BufReader::with_capacity(7, log.as_bytes());
        assert_eq!(survey(&mut tiny).unwrap(), found);
    }

    #[test]
    fn sniffing_takes_syslog_and_leaves_the_rest() {
        for (head, fits) in [
            (&b"Jan  1 00:00:00 h sshd[1]: x\n"[..], true),
            (b"2026-03-10T03:12:00+01:00 h prog: a\n", true),
            (b"<34>1 2003-10-11T22:14:15.003Z h su - ID47 - msg\n", true),
            (b"{\"a\":1}\n", false),
            (b"192.0.2.1 - - [10/Mar/2026:03:12:00 +0000] \"GET / HTTP/1.1\" 200 1\n", false),
            (b"type=SYSCALL msg=audit(1.1:1): a\n", false),
            (b"just some words\nand more\n", false),
            (b"", false),
        ] {
            assert_eq!(Syslog.sniff(head) > Confidence::NO, fits, "{}", String::from_utf8_lossy(head));
        }
    }
}
