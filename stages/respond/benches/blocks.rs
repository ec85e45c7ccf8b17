//! What blocks cost, in a network namespace of the bench's own: `cargo bench -p shieldwall-respond`.
//!
//! Wants root, nftables and iproute2; says so and ends where they are missing. Prints Markdown.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a bench speaks, and may stop")]

#[path = "../tests/deed/mod.rs"]
mod deed;

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use deed::approve;
use shieldwall_respond::action::nft::Nft;
use shieldwall_respond::action::{Action, run};
use shieldwall_respond::guard::{Limits, Protected, check};
use shieldwall_respond::journal::Journal;
use shieldwall_respond::net::Net;
use shieldwall_respond::plan::{Plan, Step};

/// How often each is measured.
const RUNS: u32 = 21;

struct Space(String);

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() - 1) * part / 10).unwrap().as_secs_f64() * 1000.0;
    format!("{:.2} ms | {:.2} ms", at(5), at(9))
}

fn nets(count: u32, from: u32) -> Vec<Net> {
    (0..count).map(|at| Net::host(IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0001 + from + at)))).collect()
}

fn step(count: u32, from: u32) -> Step {
    Step::Block { targets: nets(count, from), ports: vec![], seconds: 3600 }
}

fn main() {
    let space = Space(format!("swbench{}", std::process::id()));
    let made = Command::new("ip").args(["netns", "add", &space.0]).output();
    let argv = ["ip", "netns", "exec", &space.0, "nft"].map(str::to_owned).to_vec();
    let probe = Command::new("ip").args(["netns", "exec", &space.0, "nft", "list", "tables"]).output();
    if ![made, probe].iter().all(|output| output.as_ref().is_ok_and(|output| output.status.success())) {
        eprintln!("SKIPPED: no network namespaces or no nft here (root, nftables and iproute2 are wanted)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    let mut nft = Nft::new(argv.clone(), nets(16, 0x0100_0000));
    println!("| what | median | 9 of 10 |\n|---|---|---|");

    let plan = |at| Plan { incident: "i".into(), host: None, step: step(32, at), findings: vec![], made_ms: 0 };
    let (protected, limits) = (Protected::default(), Limits::default());
    let guarded = (0..RUNS).map(|at| {
        let start = Instant::now();
        assert!(check(plan(at), &protected, &limits, &[], 0).is_ok());
        start.elapsed()
    });
    println!("| plan and guard of 32 addresses | {} |", median(guarded.collect()));

    // Packets stop when the transaction of `apply` is through; before it there is one reading and one write to disk.
    let (mut stop, mut whole) = (Vec::new(), Vec::new());
    for at in 0..RUNS {
        let deed = approve(step(1, at), at);
        let mut watched = Watched { nft: &mut nft, applied: None };
        let start = Instant::now();
        run(&mut watched, &deed, &mut journal, 1).unwrap();
        whole.push(start.elapsed());
        stop.push(watched.applied.unwrap() - start);
    }
    println!("| one block: until packets stop | {} |", median(stop));
    println!("| one block: read, journal, apply, verify, read, journal | {} |", median(whole));

    for count in [1_000, 10_000, 50_000] {
        let deed = approve(step(count, 1 << 20), count);
        let times = (0..5).map(|_| {
            let mut fresh = Nft::new(argv.clone(), vec![]);
            let before = fresh.read(deed.plan()).unwrap();
            let start = Instant::now();
            fresh.apply(&deed).unwrap();
            let took = start.elapsed();
            fresh.verify(deed.plan()).unwrap();
            fresh.undo(deed.plan(), &before).unwrap();
            took
        });
        println!("| {count} blocks in one transaction | {} |", median(times.collect()));
    }
    let crowd = approve(step(10_000, 1 << 20), 1);
    nft.apply(&crowd).unwrap();
    let stop = (0..RUNS).map(|at| {
        let deed = approve(step(1, 1000 + at), 1000 + at);
        let mut watched = Watched { nft: &mut nft, applied: None };
        let start = Instant::now();
        run(&mut watched, &deed, &mut journal, 1).unwrap();
        watched.applied.unwrap() - start
    });
    println!("| one block beside 10,000: until packets stop | {} |", median(stop.collect()));
}

/// The actuator, and when its apply was through.
struct Watched<'a> {
    nft: &'a mut Nft,
    applied: Option<Instant>,
}

impl Action for Watched<'_> {
    fn diff(&self, plan: &Plan) -> serde_json::Value {
        self.nft.diff(plan)
    }
    fn read(&mut self, plan: &Plan) -> std::io::Result<serde_json::Value> {
        self.nft.read(plan)
    }
    fn apply(&mut self, approved: &shieldwall_respond::approve::Approved) -> std::io::Result<()> {
        self.nft.apply(approved)?;
        self.applied = Some(Instant::now());
        Ok(())
    }
    fn verify(&mut self, plan: &Plan) -> std::io::Result<()> {
        self.nft.verify(plan)
    }
    fn undo(&mut self, plan: &Plan, before: &serde_json::Value) -> std::io::Result<()> {
        self.nft.undo(plan, before)
    }
}
