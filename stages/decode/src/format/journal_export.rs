//! The journal export format (`journalctl -o export`, systemd-journal-remote, -upload): systemd,
//! `JOURNAL_EXPORT_FORMATS`, section "Journal Export Format".
//!
//! An entry is a run of fields, ended by an empty line. A field is `NAME=value` in a line, or, where the value is no
//! plain text, `NAME` in a line, the value's length as 64-bit little-endian number, the value, and a line feed.
//!
//! Read in order, byte by byte from chunk to chunk: a field cut by a chunk's end waits in a buffer, an entry's fields are
//! collected in one string. Both are bounded, so a stream without line feeds or with absurd lengths costs no memory: what
//! is over a limit is cut and flagged.

use shieldwall_schema::{Chunk, Flag, Place, Reject, Rejection, Sink};

use super::journal::entry::{Emitter, Meta, Pairs};
use super::journal::wants::Wants;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};

/// Longest field (name and value) that is kept; a longer one is cut.
const FIELD_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one entry that are kept; what is behind is dropped and flagged.
const ENTRY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Fields of one entry that are kept. journald takes at most 1,024 and adds some thirty of its own.
const ENTRY_FIELDS_MAX: usize = 2048;

/// Longest field name: systemd's own limit.
const NAME_BYTES_MAX: usize = 64;

/// Longest binary value that is believed: systemd's `DATA_SIZE_MAX`, 768 MiB. It is skipped over, not kept.
const VALUE_BYTES_MAX: u64 = 768 * 1024 * 1024;

/// The export format.
pub struct JournalExport;

impl Decoder for JournalExport {
    fn name(&self) -> &'static str {
        "journal-export"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        let first = head.get(..memchr::memchr(b'\n', head).unwrap_or(head.len())).unwrap_or_default();
        let name = first.get(..memchr::memchr(b'=', first).unwrap_or(0)).unwrap_or_default();
        let has = |field: &[u8]| memchr::memmem::find(head, field).is_some();
        if !is_name(name) {
            Confidence::NO
        } else if has(b"\n__REALTIME_TIMESTAMP=") && has(b"__CURSOR=") {
            Confidence::SURE
        } else if has(b"__REALTIME_TIMESTAMP=") && (has(b"\n_BOOT_ID=") || has(b"\nMESSAGE")) {
            Confidence::LIKELY
        } else {
            Confidence::NO
        }
    }

    fn split(&self) -> Split {
        Split::OrderedBytes
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(Reader {
            emitter: Emitter::new(Wants::new(context.projection)),
            entry: Entry::default(),
            state: State::Line,
            partial: Vec::new(),
            line_cut: false,
            offset: 0,
        })
    }
}

/// Whether bytes can be a field's name: upper case, digits and `_`, not a digit first.
fn is_name(name: &[u8]) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.first().is_some_and(u8::is_ascii_digit)
        && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A line: text field, name of a binary field, or the empty line.
    Line,
    /// The eight bytes of a binary value's length.
    Length,
    /// A binary value with its line feed: so many bytes to go.
    Value(u64),
    /// Something broken: everything up to the next empty line.
    Skip,
}

#[derive(Default)]
struct Entry {
    offset: u64,
    text: String,
    /// (name's start, `=`, value's end) in `text`.
    fields: Vec<(usize, usize, usize)>,
    started: bool,
    cut: bool,
    capped: bool,
    lossy: bool,
}

impl Entry {
    fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        (self.started, self.cut, self.capped, self.lossy) = (false, false, false, false);
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        if self.fields.len() >= ENTRY_FIELDS_MAX || self.text.len() + name.len() + value.len() > ENTRY_BYTES_MAX {
            self.capped = true;
            return;
        }
        let start = self.text.len();
        self.text.push_str(&String::from_utf8_lossy(name));
        let equals = self.text.len();
        self.text.push('=');
        match std::str::from_utf8(value) {
            Ok(value) => self.text.push_str(value),
            Err(_) => {
                self.lossy = true;
                self.text.push_str(&String::from_utf8_lossy(value));
            }
        }
        self.fields.push((start, equals, self.text.len()));
    }

    fn pair(&self, field: &(usize, usize, usize)) -> (&str, &str) {
        let (start, equals, end) = *field;
        let name = self.text.get(start..equals).unwrap_or_default();
        (name, self.text.get(equals + 1..end).unwrap_or_default())
    }
}

/// The entry's own fields; journald's addresses (`__CURSOR` …) are about the entry, not in it.
impl Pairs for Entry {
    fn each(&self, each: &mut dyn FnMut(&str, &str)) {
        for (name, value) in self.fields.iter().map(|field| self.pair(field)) {
            if !name.starts_with("__") {
                each(name, value);
            }
        }
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().map(|field| self.pair(field)).find(|pair| pair.0 == name).map(|pair| pair.1)
    }
}

struct Reader<'a> {
    emitter: Emitter<'a>,
    entry: Entry,
    state: State,
    /// The begun line; or a binary field's name, a `=`, and what is there of its length and value.
    partial: Vec<u8>,
    line_cut: bool,
    /// Where the next byte stands.
    offset: u64,
}

impl ChunkDecoder for Reader<'_> {
    fn chunk(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        self.offset = chunk.offset;
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            let used = match self.state {
                State::Line | State::Skip => self.line(rest, sink),
                State::Length => self.length(rest, sink),
                State::Value(left) => self.value(rest, left),
            };
            rest = rest.get(used..).unwrap_or_default();
            self.offset += used as u64;
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        let offset = self.offset;
        match self.state {
            State::Line if !self.partial.is_empty() => {
                let line = std::mem::take(&mut self.partial);
                self.begin(offset - line.len() as u64);
                self.text_field(&line, sink);
            }
            State::Length | State::Value(_) => {
                let detail = "the journal export ends in the middle of a binary field".to_owned();
                sink.reject(Rejection { place: Place::offset(offset), reason: Reject::Truncated, detail });
            }
            State::Line | State::Skip => {}
        }
        self.emit(sink);
    }
}

impl Reader<'_> {
    /// Takes up to the next line feed; gives the number of bytes taken.
    fn line(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> usize {
        let end = memchr::memchr(b'\n', bytes);
        let piece = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let used = piece.len() + usize::from(end.is_some());
        self.begin(self.offset);
        if end.is_some() && self.partial.is_empty() {
            self.whole_line(piece, sink);
            return used;
        }
        let room = FIELD_BYTES_MAX.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.line_cut |= piece.len() > room;
        if end.is_some() {
            let line = std::mem::take(&mut self.partial);
            self.whole_line(&line, sink);
            if self.partial.is_empty() {
                // The memory goes back, unless the line was the name of a binary field.
                self.partial = line;
                self.partial.clear();
            }
        }
        used
    }

    fn begin(&mut self, offset: u64) {
        if !self.entry.started {
            self.entry.started = true;
            self.entry.offset = offset;
        }
    }

    fn whole_line(&mut self, line: &[u8], sink: &mut dyn Sink) {
        if line.is_empty() {
            self.state = State::Line;
            self.emit(sink);
            return;
        }
        self.entry.cut |= std::mem::take(&mut self.line_cut);
        if self.state == State::Skip {
            return;
        }
        let kept = line.get(..FIELD_BYTES_MAX).unwrap_or(line);
        self.entry.cut |= kept.len() < line.len();
        if memchr::memchr(b'=', kept).is_none() && is_name(kept) {
            self.partial.clear();
            self.partial.extend_from_slice(kept);
            self.partial.push(b'=');
            self.state = State::Length;
        } else {
            self.text_field(kept, sink);
        }
    }

    fn text_field(&mut self, line: &[u8], sink: &mut dyn Sink) {
        let equals = memchr::memchr(b'=', line).unwrap_or(0);
        let (name, value) = (line.get(..equals).unwrap_or_default(), line.get(equals + 1..).unwrap_or_default());
        if is_name(name) {
            self.entry.add(name, value);
        } else {
            self.broken("journal export line is no field", sink);
        }
    }

    /// The eight bytes of a length; they may come in pieces.
    fn length(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> usize {
        let name = memchr::memchr(b'=', &self.partial).unwrap_or(0);
        let missing = (name + 9).saturating_sub(self.partial.len());
        let piece = bytes.get(..missing).unwrap_or(bytes);
        self.partial.extend_from_slice(piece);
        if let Some(length) = self.partial.get(name + 1..).and_then(|tail| tail.first_chunk::<8>()) {
            let length = u64::from_le_bytes(*length);
            self.partial.truncate(name + 1);
            if length > VALUE_BYTES_MAX {
                self.partial.clear();
                self.broken("journal export field has an impossible length", sink);
            } else {
                self.state = State::Value(length + 1);
            }
        }
        piece.len()
    }

    /// `left` bytes of a value, with the line feed behind it.
    fn value(&mut self, bytes: &[u8], left: u64) -> usize {
        let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = bytes.get(..take).unwrap_or(bytes);
        let room = FIELD_BYTES_MAX.saturating_sub(self.partial.len());
        let text = if take as u64 == left { piece.get(..take.saturating_sub(1)).unwrap_or_default() } else { piece };
        self.partial.extend_from_slice(text.get(..room).unwrap_or(text));
        self.entry.cut |= text.len() > room;
        if take as u64 == left {
            let equals = memchr::memchr(b'=', &self.partial).unwrap_or(0);
            let (name, value) = self.partial.split_at_checked(equals).unwrap_or_default();
            self.entry.add(name, value.get(1..).unwrap_or_default());
            self.partial.clear();
            self.state = State::Line;
        } else {
            self.state = State::Value(left - take as u64);
        }
        take
    }

    fn broken(&mut self, what: &str, sink: &mut dyn Sink) {
        let (place, detail) = (Place::offset(self.offset), what.to_owned());
        sink.reject(Rejection { place, reason: Reject::Corrupt, detail });
        self.state = State::Skip;
    }

    /// The entry is at its end.
    fn emit(&mut self, sink: &mut dyn Sink) {
        if self.entry.fields.is_empty() {
            self.entry.clear();
            return;
        }
        let place = Place { offset: self.entry.offset, record: sequence(&self.entry) };
        for (odd, flag) in [
            (self.entry.cut, Flag::Truncated),
            (self.entry.capped, Flag::FieldCap),
            (self.entry.lossy, Flag::Utf8Invalid),
        ] {
            if odd {
                sink.flag(flag, place);
            }
        }
        let realtime_micros = self.entry.first("__REALTIME_TIMESTAMP").and_then(|text| text.parse().ok());
        let meta = Meta { place, realtime_micros, bytes: self.entry.text.as_bytes() };
        self.emitter.entry(&self.entry, meta, sink);
        self.entry.clear();
    }
}

/// The entry's sequence number: `__SEQNUM`, or `i=` of the cursor, in hexadecimal.
fn sequence(entry: &Entry) -> Option<u64> {
    if let Some(number) = entry.first("__SEQNUM").and_then(|text| text.parse().ok()) {
        return Some(number);
    }
    let part = entry.first("__CURSOR")?.split(';').find_map(|part| part.strip_prefix("i="))?;
    u64::from_str_radix(part, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::journal::testing::{Names, decode, decode_in, testdata};

    #[test]
    fn an_export_is_known_by_its_fields() {
        let head = b"__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1\nMESSAGE=x\n\n";
        assert_eq!(JournalExport.sniff(head), Confidence::SURE);
        assert_eq!(JournalExport.sniff(b"__REALTIME_TIMESTAMP=1\nMESSAGE=x\n\n"), Confidence::LIKELY);
        for other in [&b""[..], b"A=b\nC=d\n", b"PATH=/bin\nMESSAGE=\n", b"{\"__CURSOR\":1}\n", b"\n\n", b"=\n"] {
            assert_eq!(JournalExport.sniff(other), Confidence::NO, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn the_day_reads_the_same_in_pieces_of_any_size() {
        let bytes = testdata("journal/day.export");
        assert_eq!(JournalExport.sniff(&bytes), Confidence::SURE);
        let whole = decode(&JournalExport, &bytes);
        assert_eq!((whole.events.len(), &whole.rejections[..]), (40, &[][..]));
        let first = &whole.events[0];
        assert_eq!((first.place.offset, first.place.record, &*first.service), (0, Some(1), "sshd"));
        assert_eq!((&*first.provider, first.get("_CMDLINE")), ("ssh.service", "sshd: [accepted]".to_owned()));
        assert_eq!(first.time.unwrap().to_string(), "2026-01-01T09:00:00Z");
        let report = &whole.events[37];
        assert_eq!(report.get("MESSAGE"), "first line\nsecond line\ttabbed");
        assert!(report.get("REPORT_BLOB").ends_with("\u{FFFD}\u{FFFD}tail"));
        assert_eq!(whole.events[39].get("message"), "schöne Grüße aus Köln ✓");
        for step in [1, 2, 7, 9, 64, 1000] {
            let pieces = decode_in(&JournalExport, &bytes, step, &Names::new(&[]));
            assert_eq!((&pieces.events, &pieces.flags), (&whole.events, &whole.flags), "step {step}");
        }
    }

    #[test]
    fn the_export_holds_what_the_binary_journal_holds() {
        let lines = testdata("journal/day.json");
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let export = decode(&JournalExport, &testdata("journal/day.export"));
        for (event, line) in export.events.iter().zip(lines) {
            let json: serde_json::Value = serde_json::from_slice(line).unwrap();
            for name in ["_PID", "_UID", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_HOSTNAME"] {
                assert_eq!(Some(&*event.get(name)), json[name].as_str(), "{name}");
            }
        }
    }

    #[test]
    fn broken_entries_are_rejected_and_their_neighbours_read() {
        let good = "MESSAGE=good\n__REALTIME_TIMESTAMP=1700000000000000\n\n";
        for (broken, reasons) in [
            ("no field\nMESSAGE=gone\n\n", vec![Reject::Corrupt]),
            ("=x\n\n", vec![Reject::Corrupt]),
            ("lower=x\n\n", vec![Reject::Corrupt]),
            ("BLOB\n\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}rest\n\n", vec![Reject::Corrupt]),
            ("\n\n\n", vec![]),
        ] {
            let text = format!("{good}{broken}{good}");
            for step in [1, 5, 10_000] {
                let got = decode_in(&JournalExport, text.as_bytes(), step, &Names::new(&[]));
                let good = got.events.iter().filter(|event| event.get("MESSAGE") == "good").count();
                assert_eq!(good, 2, "{broken:?} in steps of {step}");
                let found: Vec<_> = got.rejections.iter().map(|rejection| rejection.reason).collect();
                assert_eq!(found, reasons, "{broken:?} in steps of {step}");
            }
        }
        let cut = decode(&JournalExport, b"MESSAGE=x\nBLOB\n\x09\0\0\0\0\0\0\0half");
        assert_eq!((cut.events.len(), cut.rejections[0].reason), (1, Reject::Truncated));
        let unended = decode(&JournalExport, b"MESSAGE=x\nPRIORITY=3");
        assert_eq!(unended.events[0].get("severity"), "err");
        assert_eq!(unended.flags[0].0, Flag::TimeInvalid);
    }

    #[test]
    fn what_is_over_a_limit_is_cut_and_flagged() {
        let mut long = b"MESSAGE=".to_vec();
        long.resize(2 * FIELD_BYTES_MAX, b'x');
        let blob_length = (2 * FIELD_BYTES_MAX as u64).to_le_bytes();
        long.extend(b"\nBLOB\n");
        long.extend(blob_length);
        long.resize(long.len() + 2 * FIELD_BYTES_MAX, b'y');
        long.extend(b"\n\nMESSAGE=next\n\n");
        for step in [4096, usize::MAX / 2] {
            let got = decode_in(&JournalExport, &long, step, &Names::new(&[]));
            assert_eq!(got.events[0].get("MESSAGE").len(), FIELD_BYTES_MAX - 8, "step {step}");
            assert_eq!(got.events[0].get("BLOB").len(), FIELD_BYTES_MAX - 5, "step {step}");
            assert_eq!(got.events[1].get("MESSAGE"), "next");
            assert_eq!(got.flags[0].0, Flag::Truncated);
        }
        let many: String = (0..ENTRY_FIELDS_MAX + 5).map(|number| format!("F{number}=1\n")).collect();
        let got = decode(&JournalExport, many.as_bytes());
        assert_eq!(got.flags[0].0, Flag::FieldCap);
        assert_eq!(got.events[0].fields.len(), ENTRY_FIELDS_MAX);
    }

    #[test]
    fn any_cut_or_flipped_byte_is_survived() {
        let bytes = testdata("journal/day.export");
        let bytes = &bytes[..6000];
        for at in 0..bytes.len() {
            decode_in(&JournalExport, &bytes[..at], 512, &Names::new(&[]));
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x10;
            let got = decode(&JournalExport, &flipped);
            assert!(!got.events.is_empty(), "byte {at}");
        }
    }
}
