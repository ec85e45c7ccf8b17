//! The decoder against real logs: equal to the crate `evtx` record by record, and steady on damaged ones.

mod damage;
mod mapping;
mod oracle;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Rejection, Sink, SlotSpec, Tag, Timestamp, Want};

use super::*;
use crate::clock::Clock;

/// The data folder; `None`, said loudly, where there is none.
fn data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let path = PathBuf::from(std::env::var("SHIELDWALL_DATA").unwrap_or_else(|_| default.to_owned()));
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no data folder at {} (set SHIELDWALL_DATA)", path.display());
    None
}

/// Every `.evtx` under a folder, sorted.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("evtx")) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Wants every value of every record.
struct All(Arc<Want>);

impl All {
    fn new() -> Self {
        Self(Arc::new(Want::new(Vec::new(), Some(0), 0)))
    }
}

impl Projection for All {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        Some(self.0.clone())
    }
}

/// Wants some fields of one channel.
struct Some1 {
    channel: &'static str,
    want: Arc<Want>,
    asked: Mutex<Vec<String>>,
}

impl Some1 {
    fn new(channel: &'static str, names: &[&str]) -> Self {
        let slots = names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
        Self { channel, want: Arc::new(Want::new(slots, None, 0)), asked: Mutex::default() }
    }
}

impl Projection for Some1 {
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        self.asked.lock().unwrap().push(format!("{tag:?}"));
        (tag.service == self.channel).then(|| self.want.clone())
    }
}

/// One record as the sink got it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    place: Place,
    time: Option<Timestamp>,
    service: String,
    provider: String,
    code: String,
    slots: Vec<(u16, String)>,
    fields: Vec<(String, String)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Collected {
    seen: Vec<Seen>,
    unwanted: u64,
    rejections: Vec<Rejection>,
    flags: Vec<Flag>,
}

impl Sink for Collected {
    fn event(&mut self, event: &Event<'_>) {
        let mut fields = Vec::new();
        event.fields.each(&mut |name, value| fields.push((name.to_owned(), value.text.to_owned())));
        assert_eq!(event.tag.product, "windows");
        self.seen.push(Seen {
            place: event.place,
            time: event.time,
            service: event.tag.service.to_owned(),
            provider: event.tag.provider.to_owned(),
            code: event.tag.code.to_owned(),
            slots: event.slots.iter().map(|value| (value.slot, value.raw.to_owned())).collect(),
            fields,
        });
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.unwanted += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    fn flag(&mut self, flag: Flag, _: Place) {
        self.flags.push(flag);
    }
}

/// Decodes a file's bytes, handed over in pieces of `blocks` chunks.
fn decode(bytes: &[u8], projection: &dyn Projection, blocks: usize) -> Collected {
    let clock = Clock::default();
    let mut collected = Collected::default();
    let mut decoder = Evtx.open(Context { projection, clock: &clock, head: &[] });
    let body = bytes.get(FILE_HEADER_BYTES as usize..).unwrap_or_default();
    for (at, piece) in body.chunks(blocks * CHUNK_BYTES).enumerate() {
        let offset = FILE_HEADER_BYTES + (at * blocks * CHUNK_BYTES) as u64;
        decoder.chunk(&Chunk { offset, bytes: piece, last: false, mid_line: false }, &mut collected);
    }
    decoder.finish(&mut collected);
    collected
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn only_wanted_fields_of_wanted_channels_are_read() {
    let Some(data) = data() else { return };
    let log = logs(&data.join("sigma-regression"))
        .into_iter()
        .find(|path| path.to_string_lossy().contains("process_creation"))
        .unwrap();
    let bytes = read(&log);
    let names = ["CommandLine", "Image", "Computer", "EventID"];
    let sysmon = Some1::new("Microsoft-Windows-Sysmon/Operational", &names);
    let some = decode(&bytes, &sysmon, 1);
    let all = decode(&bytes, &All::new(), 1);
    assert!(!some.seen.is_empty());
    for (few, full) in some.seen.iter().zip(&all.seen) {
        let expected: Vec<_> = full
            .fields
            .iter()
            .filter_map(|(name, text)| Some((names.iter().position(|n| n == name)? as u16, text.clone())))
            .collect();
        assert_eq!(few.slots, expected);
        assert_eq!(few.slots.len(), 4);
    }
    // Asked once a kind of record, however many records there are.
    let mut asked = sysmon.asked.into_inner().unwrap();
    let count = asked.len();
    asked.dedup();
    assert_eq!((asked.len(), count), (count, count));
    let none = decode(&bytes, &Some1::new("No such channel", &names), 1);
    assert_eq!((none.seen.len(), none.unwanted), (0, all.seen.len() as u64));
}

#[test]
fn sniffing_wants_the_magic_number() {
    assert_eq!(Evtx.sniff(b"ElfFile\0\0\0"), Confidence::MAGIC);
    assert_eq!(Evtx.sniff(b"ElfFil"), Confidence::NO);
    assert_eq!(Evtx.split(), Split::Blocks { header: 4096, size: 65_536 });
}
