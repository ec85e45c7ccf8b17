//! What the tests of this folder and its neighbours share: a projection that wants everything, a sink that writes down
//! what it is given, and the way to `SHIELDWALL_DATA`.

use std::path::PathBuf;
use std::sync::Arc;

use shieldwall_schema::event::SlotSpec;
use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Reject, Rejection, Sink, Tag, Timestamp, Want};

use crate::clock::Clock;
use crate::decoder::{Context, Decoder, Split};

/// Wants one slot a name, of every tag.
pub(crate) struct Names(Arc<Want>);

impl Names {
    /// Wants these names and keywords.
    pub(crate) fn new(names: &[&str]) -> Self {
        let slots = names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect::<Vec<_>>();
        let keywords = u16::try_from(slots.len()).unwrap();
        Self(Arc::new(Want::new(slots, Some(keywords), 0)))
    }
}

impl Projection for Names {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        Some(Arc::clone(&self.0))
    }
}

/// One event, copied.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct Seen {
    pub(crate) time: Option<Timestamp>,
    pub(crate) place: Place,
    pub(crate) service: String,
    pub(crate) provider: String,
    pub(crate) code: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) slots: Vec<(u16, String)>,
    pub(crate) line: Option<String>,
}

impl Seen {
    /// All values of a field, joined by `|`.
    pub(crate) fn get(&self, name: &str) -> String {
        let values: Vec<_> = self.fields.iter().filter(|field| field.0 == name).map(|field| &*field.1).collect();
        values.join("|")
    }
}

/// Writes down everything.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) events: Vec<Seen>,
    pub(crate) unwanted: u64,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) flags: Vec<(Flag, u64)>,
}

impl Collected {
    /// The rejections' reasons and offsets.
    pub(crate) fn rejected(&self) -> Vec<(Reject, u64)> {
        self.rejections.iter().map(|rejection| (rejection.reason, rejection.place.offset)).collect()
    }
}

impl Sink for Collected {
    fn event(&mut self, event: &Event<'_>) {
        let mut fields = Vec::new();
        event.fields.each(&mut |name, value| fields.push((name.to_owned(), value.text.to_owned())));
        self.events.push(Seen {
            time: event.time,
            place: event.place,
            service: event.tag.service.to_owned(),
            provider: event.tag.provider.to_owned(),
            code: event.tag.code.to_owned(),
            fields,
            slots: event.slots.iter().map(|value| (value.slot, value.raw.to_owned())).collect(),
            line: event.fields.line().map(str::to_owned),
        });
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.unwanted += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    fn flag(&mut self, flag: Flag, place: Place) {
        self.flags.push((flag, place.offset));
    }
}

/// Decodes bytes as the line would, in chunks of about `step` bytes.
pub(crate) fn decode_in(decoder: &dyn Decoder, bytes: &[u8], step: usize, projection: &dyn Projection) -> Collected {
    let clock = Clock::default();
    let head = &bytes[..bytes.len().min(crate::format::HEAD_BYTES)];
    let mut reader = decoder.open(Context { projection, clock: &clock, head });
    let mut collected = Collected::default();
    match decoder.split() {
        Split::Whole => reader.whole(&bytes.to_vec(), &mut collected),
        split => {
            let mut at = 0;
            while at < bytes.len() {
                let mut end = (at + step).min(bytes.len());
                if split == Split::OrderedLines {
                    end = memchr::memchr(b'\n', &bytes[end - 1..]).map_or(bytes.len(), |line| end + line);
                }
                let last = end == bytes.len();
                let chunk = Chunk { offset: at as u64, bytes: &bytes[at..end], last, mid_line: false };
                reader.chunk(&chunk, &mut collected);
                at = end;
            }
        }
    }
    reader.finish(&mut collected);
    collected
}

/// Decodes bytes in one chunk, wanting nothing in particular.
pub(crate) fn decode(decoder: &dyn Decoder, bytes: &[u8]) -> Collected {
    decode_in(decoder, bytes, usize::MAX / 2, &Names::new(&[]))
}

/// A file under `SHIELDWALL_DATA`, or a loud word that the test is skipped.
pub(crate) fn data(path: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("SHIELDWALL_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let bytes = std::fs::read(folder.join(path)).ok();
    if bytes.is_none() {
        eprintln!("SKIPPED: {path} is not under SHIELDWALL_DATA");
    }
    bytes
}

/// A file of the project's own `testdata`.
pub(crate) fn testdata(path: &str) -> Vec<u8> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata"));
    std::fs::read(folder.join(path)).unwrap_or_else(|error| panic!("testdata/{path}: {error}"))
}
