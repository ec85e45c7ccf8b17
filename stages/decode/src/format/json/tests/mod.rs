//! The two formats at their boundary: bytes in; events, rejections and flags out.

mod clouds;
mod corpora;
mod dialects;
mod faults;
mod mapping;

use std::collections::BTreeMap;
use std::sync::Arc;

use shieldwall_schema::{
    Chunk, Event, Flag, Place, Projection, Rejection, Sink, SlotSpec, Slots, Tag, Timestamp, Want, event::fill,
};

use super::{JsonDocument, JsonLines};
use crate::clock::Clock;
use crate::decoder::{Context, Decoder, Split};

/// Wants these names of every record, and keywords.
struct Names(Arc<Want>);

impl Names {
    fn new(names: &[&str]) -> Self {
        let slots = names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
        Self(Arc::new(Want::new(slots, Some(names.len() as u16), 0)))
    }
}

impl Projection for Names {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        Some(self.0.clone())
    }
}

/// Wants nothing.
struct Nothing;

impl Projection for Nothing {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        None
    }
}

/// One event, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    tag: String,
    time: Option<String>,
    time_text: Option<String>,
    offset: u64,
    bytes: Vec<u8>,
    fields: Vec<(String, String)>,
    /// The wanted values by slot.
    slots: Vec<(u16, String)>,
}

impl Kept {
    fn field(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// Everything that came out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Seen {
    events: Vec<Kept>,
    unwanted: u64,
    rejected: Vec<(u64, &'static str)>,
    flags: BTreeMap<&'static str, Vec<u64>>,
}

impl Sink for Seen {
    fn event(&mut self, event: &Event<'_>) {
        let mut fields = Vec::new();
        event.fields.each(&mut |name, value| fields.push((name.to_owned(), value.text.to_owned())));
        let Tag { product, service, provider, code } = event.tag;
        // The fast way and the plain way agree.
        let mut plain = Slots::default();
        fill(event.want, event.fields, &mut plain);
        let named = |slots: &Slots| -> Vec<(u16, String)> {
            let mut all: Vec<_> = slots.iter().map(|value| (value.slot, value.raw.to_owned())).collect();
            all.sort();
            all.dedup();
            all
        };
        let (fast, plain) = (named(event.slots), named(&plain));
        for value in &plain {
            assert!(
                fast.contains(value),
                "{value:?} is missing in the slots of {:?}",
                String::from_utf8_lossy(event.bytes)
            );
        }
        for (slot, text) in fast.iter().filter(|value| !plain.contains(value)) {
            assert!(text.starts_with(['{', '[']), "slot {slot} holds {text:?}, which no field has");
        }
        self.events.push(Kept {
            tag: format!("{product}|{service}|{provider}|{code}"),
            time: event.time.map(|time| time.to_string()),
            time_text: event.time_text.map(str::to_owned),
            offset: event.place.offset,
            bytes: event.bytes.to_vec(),
            fields,
            slots: fast,
        });
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.unwanted += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        assert!(!rejection.detail.is_empty());
        self.rejected.push((rejection.place.offset, rejection.reason.name()));
    }

    fn flag(&mut self, flag: Flag, place: Place) {
        self.flags.entry(flag.name()).or_default().push(place.offset);
    }
}

/// Decodes `bytes` in chunks of `size`, which are cut at line ends for [`Split::Lines`].
fn decode_by(decoder: &dyn Decoder, bytes: &[u8], size: usize, projection: &dyn Projection) -> Seen {
    let clock = Clock::default();
    let mut seen = Seen::default();
    let mut reading = decoder.open(Context { projection, clock: &clock, head: bytes });
    let mut at = 0;
    while at < bytes.len() {
        let mut end = (at + size).min(bytes.len());
        if decoder.split() == Split::Lines {
            end += bytes[end..].iter().position(|byte| *byte == b'\n').map_or(bytes.len() - end, |more| more + 1);
        }
        let chunk = Chunk { offset: at as u64, bytes: &bytes[at..end], last: end == bytes.len(), mid_line: false };
        reading.chunk(&chunk, &mut seen);
        at = end;
    }
    reading.finish(&mut seen);
    seen
}

/// Decodes lines as lines.
fn lines(text: impl AsRef<[u8]>) -> Seen {
    decode_by(&JsonLines, text.as_ref(), usize::MAX / 2, &Names::new(NAMES))
}

/// Decodes a document; the result is the same however it is cut.
fn document(text: impl AsRef<[u8]>) -> Seen {
    let text = text.as_ref();
    let whole = decode_by(&JsonDocument, text, usize::MAX / 2, &Names::new(NAMES));
    if text.len() < 20_000 {
        for size in [1, 5, 64] {
            assert_eq!(decode_by(&JsonDocument, text, size, &Names::new(NAMES)), whole, "in pieces of {size}");
        }
    }
    whole
}

/// Names that tests want.
const NAMES: &[&str] = &[
    "Image",
    "CommandLine",
    "EventID",
    "Channel",
    "Computer",
    "Provider_Name",
    "a",
    "a.b",
    "eventName",
    "cs-uri-stem",
    "cs-uri-query",
    "winlog.event_data.Image",
    "message",
    "requestParameters",
    "user",
];

/// The shared data folder, if it is there.
fn data(folder: &str) -> Option<std::path::PathBuf> {
    let root = std::env::var_os("SHIELDWALL_DATA").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        std::path::PathBuf::from,
    );
    let path = root.join(folder);
    if !path.exists() {
        eprintln!("SKIPPED: no {folder} in SHIELDWALL_DATA ({})", root.display());
        return None;
    }
    Some(path)
}
