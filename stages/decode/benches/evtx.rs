//! Decoding one real Security log of 1 MiB: nothing wanted, some fields wanted, everything wanted. Needs the data folder
//! (`SHIELDWALL_DATA`); without it the benches say so and measure nothing.

use std::path::PathBuf;
use std::sync::Arc;

use divan::counter::BytesCount;
use shieldwall_decode::format::evtx::Evtx;
use shieldwall_decode::{Clock, Context, Decoder};
use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Rejection, Sink, SlotSpec, Tag, Timestamp, Want};

fn main() {
    divan::main();
}

struct Wants(Option<Arc<Want>>);

impl Projection for Wants {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        self.0.clone()
    }
}

struct Ignore;

impl Sink for Ignore {
    fn event(&mut self, event: &Event<'_>) {
        divan::black_box(event.slots.len());
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        divan::black_box(count);
    }

    fn reject(&mut self, _: Rejection) {}

    fn flag(&mut self, _: Flag, _: Place) {}
}

#[expect(clippy::print_stderr, reason = "a bench that measures nothing must say so")]
fn log() -> Option<Vec<u8>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder = PathBuf::from(std::env::var("SHIELDWALL_DATA").unwrap_or_else(|_| default.to_owned()));
    let found = std::fs::read(folder.join("evtx-benign-samples/post-Security.evtx"));
    if found.is_err() {
        eprintln!("SKIPPED: no data folder at {} (set SHIELDWALL_DATA)", folder.display());
    }
    found.ok().filter(|bytes| bytes.len() > 4096)
}

fn measure(bencher: divan::Bencher<'_, '_>, want: Option<Want>) {
    let Some(bytes) = log() else { return };
    let (projection, clock) = (Wants(want.map(Arc::new)), Clock::default());
    let mut decoder = Evtx.open(Context { projection: &projection, clock: &clock, head: &[] });
    let body = bytes.get(4096..).unwrap_or_default();
    bencher.counter(BytesCount::new(body.len())).bench_local(|| {
        decoder.chunk(&Chunk { offset: 4096, bytes: body, last: true, mid_line: false }, &mut Ignore);
    });
}

#[divan::bench]
fn nothing_wanted(bencher: divan::Bencher<'_, '_>) {
    measure(bencher, None);
}

#[divan::bench]
fn eight_fields_wanted(bencher: divan::Bencher<'_, '_>) {
    let names = [
        "EventID",
        "Computer",
        "SubjectUserName",
        "TargetUserName",
        "LogonType",
        "IpAddress",
        "ProcessName",
        "ObjectName",
    ];
    let slots = names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
    measure(bencher, Some(Want::new(slots, None, 0)));
}

#[divan::bench]
fn everything_wanted(bencher: divan::Bencher<'_, '_>) {
    measure(bencher, Some(Want::new(Vec::new(), Some(0), 0)));
}
