//! One entry of the audit log: a line of JSON that names the entry before it by hash and bears a checksum of its own.
//!
//! ```text
//! {"entry":7,"time":1763880000000,"action":"model.promote","subject":"9f…","details":{"to":"active"},"previous":"4c…","sum":"01…"}
//! ```
//!
//! `previous` is the leaf hash (RFC 6962) of the line before, without its line feed; `sum` is the beginning of the SHA-256 of
//! all that stands before it in the line. A changed byte breaks the sum; a changed byte with a sum made to fit breaks the
//! next entry's `previous`; and all of it made to fit breaks the signed tree head.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::artifact::Hash;

/// Bytes of one entry. What an entry tells are names, hashes and a reason; a longer one is refused when it is written.
pub const LINE_BYTES_MAX: usize = 16 << 10;

/// Bytes of a checksum in a line, in hexadecimal digits.
const SUM_DIGITS: usize = 16;

/// `,"sum":"` and `"}` around the checksum.
const SUM_BEFORE: &str = ",\"sum\":\"";
const SUM_AFTER: &str = "\"}";

/// What is to be written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What was done: `model.promote`, `rules.add`.
    pub action: String,
    /// To what: a hash, a name, a path.
    pub subject: String,
    /// More, by name: versions, reasons, evidence.
    pub details: Vec<(String, String)>,
}

impl Event {
    /// An event without details.
    pub fn new(action: &str, subject: impl Into<String>) -> Self {
        Self { action: action.to_owned(), subject: subject.into(), details: Vec::new() }
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.push((name.to_owned(), value.to_string()));
        self
    }
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 0.
    pub number: u64,
    /// Milliseconds since 1970 UTC, as the writer's clock had it.
    pub time_ms: i64,
    /// What it tells.
    pub event: Event,
}

/// What a check of the chain needs of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Links {
    pub number: u64,
    pub time_ms: i64,
    pub previous: Hash,
}

#[derive(Deserialize)]
struct Line<'a> {
    entry: u64,
    time: i64,
    #[serde(borrow)]
    previous: &'a str,
}

#[derive(Deserialize)]
struct Whole {
    entry: u64,
    time: i64,
    action: String,
    subject: String,
    details: serde_json::Map<String, serde_json::Value>,
}

/// An entry's line, without a line feed.
pub(crate) fn write(number: u64, time_ms: i64, event: &Event, previous: &Hash) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let details: Vec<String> =
        event.details.iter().map(|(name, value)| format!("{}:{}", text(name), text(value))).collect();
    let mut line = format!(
        "{{\"entry\":{number},\"time\":{time_ms},\"action\":{},\"subject\":{},\"details\":{{{}}},\"previous\":\"{previous}\"",
        text(&event.action),
        text(&event.subject),
        details.join(",")
    );
    let sum = sum(line.as_bytes());
    line.push_str(SUM_BEFORE);
    sum.iter().for_each(|digit| line.push(char::from(*digit)));
    line.push_str(SUM_AFTER);
    line
}

/// Number, time and link of a line; `None` if it is no entry or not as it was written.
pub(super) fn links(line: &[u8]) -> Option<Links> {
    let whole = line.len().checked_sub(SUM_AFTER.len() + SUM_DIGITS + SUM_BEFORE.len())?;
    let (told, rest) = line.split_at_checked(whole)?;
    let said = rest.strip_prefix(SUM_BEFORE.as_bytes())?.strip_suffix(SUM_AFTER.as_bytes())?;
    if said != sum(told) {
        return None;
    }
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    Some(Links { number: line.entry, time_ms: line.time, previous: line.previous.parse().ok()? })
}

/// The entry of a line; `None` if it is no entry or not as it was written.
pub fn read(line: &[u8]) -> Option<Entry> {
    links(line)?;
    let line: Whole = serde_json::from_slice(line).ok()?;
    let details = line.details.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    let event = Event { action: line.action, subject: line.subject, details: details.collect() };
    Some(Entry { number: line.entry, time_ms: line.time, event })
}

fn sum(bytes: &[u8]) -> [u8; SUM_DIGITS] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = Sha256::digest(bytes);
    let digit = |four: u8| DIGITS.get(usize::from(four & 15)).copied().unwrap_or(b'0');
    let mut sum = [0; SUM_DIGITS];
    for (pair, byte) in sum.chunks_exact_mut(2).zip(hash.iter()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(*byte)]);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_every_changed_byte_is_seen() {
        let event = Event::new("rules.add", "a \"pack\"\n\u{0}é").with("rules", 3).with("", "x");
        let line = write(7, -5, &event, &Hash::of(b"before"));
        assert!(!line.contains('\n'));
        assert_eq!(read(line.as_bytes()), Some(Entry { number: 7, time_ms: -5, event }));
        for at in 0..line.len() {
            for change in [1_u8, 0x20, 0x80] {
                let mut changed = line.clone().into_bytes();
                changed[at] ^= change;
                assert_eq!(read(&changed), None, "byte {at}");
            }
            assert_eq!(read(&line.as_bytes()[..at]), None);
        }
    }

    #[test]
    fn hostile_lines_are_no_entries() {
        let summed = |text: &str| {
            let sum = sum(text.as_bytes());
            format!("{text},\"sum\":\"{}\"}}", std::str::from_utf8(&sum).unwrap()).into_bytes()
        };
        assert!(links(&summed(&format!("{{\"entry\":0,\"time\":0,\"previous\":\"{}\"", Hash::of(b"")))).is_some());
        for bytes in [
            Vec::new(),
            vec![0; 40],
            vec![0xff; 100],
            summed(""),
            summed("{"),
            summed("{\"entry\":-1,\"time\":0,\"previous\":\"\""),
            summed("{\"entry\":0,\"time\":0,\"previous\":\"\\u0041\""),
            summed("{\"entry\":0,\"time\":0,\"previous\":\"zz\""),
            summed(&"[".repeat(5000)),
        ] {
            assert_eq!(links(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
