//! For tests: a decoder over bytes, with everything that came out kept as text.

use std::path::PathBuf;

use shieldwall_schema::{Chunk, Event, Flag, Place, Reject, Rejection, Sink, Slots, Timestamp};

use crate::clock::{Clock, Survey, TimePolicy};
use crate::decoder::{Context, Decoder};
use crate::format::HEAD_BYTES;
use crate::fuzzing::WantAll;

/// One event, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptEvent {
    pub time: String,
    pub time_text: String,
    pub product: String,
    pub service: String,
    pub provider: String,
    pub offset: u64,
    pub line: String,
    pub fields: Vec<(String, String)>,
}

impl KeptEvent {
    /// The first value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The named fields as `name=value`, those that are there; repeated fields repeat.
    pub(crate) fn show(&self, names: &[&str]) -> String {
        let shown = names.iter().flat_map(|name| {
            self.fields.iter().filter(move |(field, _)| field == name).map(|(field, value)| format!("{field}={value}"))
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

/// All that a decoder gave.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub events: Vec<KeptEvent>,
    pub flags: Vec<(u64, Flag)>,
    pub rejections: Vec<(u64, Reject)>,
}

impl Kept {
    /// How many flags of a kind there are.
    pub(crate) fn count(&self, flag: Flag) -> usize {
        self.flags.iter().filter(|(_, found)| *found == flag).count()
    }
}

impl Sink for Kept {
    fn event(&mut self, event: &Event<'_>) {
        let mut fields = Vec::new();
        event.fields.each(&mut |name, value| fields.push((name.to_owned(), value.text.to_owned())));
        // The fast path must equal the plain one.
        let mut plain = Slots::default();
        shieldwall_schema::fill(event.want, event.fields, &mut plain);
        let sorted = |slots: &Slots| {
            let mut all: Vec<_> =
                slots.iter().map(|v| (v.slot, v.kind as u8, v.raw.to_owned(), v.folded.to_owned())).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(event.slots), sorted(&plain), "slots differ from the fields of {:?}", event.fields.line());
        self.events.push(KeptEvent {
            time: event.time.map(|time| time.to_string()).unwrap_or_default(),
            time_text: event.time_text.unwrap_or_default().to_owned(),
            product: event.tag.product.to_owned(),
            service: event.tag.service.to_owned(),
            provider: event.tag.provider.to_owned(),
            offset: event.place.offset,
            line: event.fields.line().unwrap_or_default().to_owned(),
            fields,
        });
    }

    fn unwanted(&mut self, _: u64, _: Option<Timestamp>) {}

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push((rejection.place.offset, rejection.reason));
    }

    fn flag(&mut self, flag: Flag, place: Place) {
        self.flags.push((place.offset, flag));
    }
}

/// Decodes `data` in one piece; `year` is the last line's.
pub(crate) fn decode(decoder: &dyn Decoder, data: &[u8], year: Option<i32>) -> Kept {
    let head = &data[..data.len().min(HEAD_BYTES)];
    let lacks = decoder.lacks(head);
    let survey = if lacks.year { decoder.survey(&mut &data[..]).unwrap() } else { Survey::default() };
    let (clock, _) = Clock::settle(lacks, &survey, &TimePolicy { year, ..TimePolicy::default() });
    let want = WantAll::default();
    let mut kept = Kept::default();
    let mut reader = decoder.open(Context { projection: &want, clock: &clock, head });
    reader.chunk(&Chunk { offset: 0, bytes: data, last: true, mid_line: false }, &mut kept);
    reader.finish(&mut kept);
    kept
}

/// The folder of shared data.
pub(crate) fn data() -> PathBuf {
    std::env::var_os("SHIELDWALL_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from)
}

/// A file of the shared data, if the data is here; says loudly if not.
pub(crate) fn sample(path: &str) -> Option<Vec<u8>> {
    let found = std::fs::read(data().join(path)).ok();
    if found.is_none() {
        eprintln!("SKIPPED: no sample {path} (set SHIELDWALL_DATA)");
    }
    found
}
