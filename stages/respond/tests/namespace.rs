//! Real packets in network namespaces that the test makes itself: block, end, undo, protection.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop where it is wrong"
)]

mod deed;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use deed::{approve, keeps_the_laws, program};
use serde_json::json;
use shieldwall_respond::action::nft::Nft;
use shieldwall_respond::action::{Action, run, undo};
use shieldwall_respond::approve::Approved;
use shieldwall_respond::journal::Journal;
use shieldwall_respond::net::Net;
use shieldwall_respond::plan::{Port, Step, Transport};

struct Spaces([String; 2]);

impl Drop for Spaces {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

fn sh(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next()?).args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn spaces() -> Option<Spaces> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let made = tried();
    if made.is_none() {
        eprintln!("SKIPPED: no network namespaces or no nft here (root, nftables and iproute2 are wanted)");
    }
    return made;

    fn tried() -> Option<Spaces> {
        let id = format!("{}n{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let spaces = Spaces([format!("swa{id}"), format!("swb{id}")]);
        let [a, b] = &spaces.0;
        for line in [
            format!("ip netns add {a}"),
            format!("ip netns add {b}"),
            format!("ip link add v{id} netns {a} type veth peer name w{id} netns {b}"),
            format!("ip -n {a} addr add 192.0.2.1/24 dev v{id}"),
            format!("ip -n {a} addr add 192.0.2.3/24 dev v{id}"),
            format!("ip -n {b} addr add 192.0.2.2/24 dev w{id}"),
            format!("ip -n {a} link set v{id} up"),
            format!("ip -n {b} link set w{id} up"),
            format!("ip netns exec {b} nft list ruleset"),
        ] {
            sh(&line)?;
        }
        Some(spaces)
    }
}

fn block(targets: &[&str], seconds: u64) -> Step {
    let targets = targets.iter().map(|net| net.parse().unwrap()).collect();
    Step::Block { targets, ports: vec![], seconds }
}

fn approved(target: &str, seconds: u64, nonce: u32) -> Approved {
    approve(block(&[target], seconds), nonce)
}

/// Whether `from` of the one namespace gets an answer from a port of the other: a refused connection is an answer, a dropped one
/// is none.
fn reaches_port(space: &str, from: &str, port: u16) -> bool {
    let line = format!("exec 3<>/dev/tcp/192.0.2.2/{port}");
    let _ = sh(&format!("ip -n {space} route replace 192.0.2.2/32 src {from} dev {}", device(space)));
    let output =
        Command::new("ip").args(["netns", "exec", space, "timeout", "1", "bash", "-c", &line]).output().unwrap();
    output.status.code() != Some(124)
}

fn reaches(space: &str, from: &str) -> bool {
    reaches_port(space, from, 9)
}

/// The link's end in the first namespace of a pair.
fn device(space: &str) -> String {
    space.replacen("swa", "v", 1)
}

#[test]
fn a_block_drops_packets_ends_by_itself_and_is_undone_byte_for_byte() {
    let Some(spaces) = spaces() else { return };
    let [a, b] = &spaces.0;
    let argv = ["ip", "netns", "exec", b, "nft"].map(str::to_owned).to_vec();
    let rules = || sh(&format!("ip netns exec {b} nft list ruleset")).unwrap();
    assert!(sh(&format!("ip netns exec {b} nft add table inet other")).is_some());
    let before = rules();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    let mut nft = Nft::new(argv, vec!["192.0.2.3".parse().unwrap()]);
    assert!(reaches(a, "192.0.2.1"), "nothing is blocked yet");

    let deed = approved("192.0.2.1", 3600, 0);
    run(&mut nft, &deed, &mut journal, 1).unwrap();
    assert!(!reaches(a, "192.0.2.1"), "blocked");
    assert!(reaches(a, "192.0.2.3"), "its neighbour is not");
    assert!(run(&mut nft, &deed, &mut journal, 1).is_err(), "an approval is good for once");
    let hash = deed.plan().hash().to_string();
    let state = journal.open_deed(&hash).unwrap().1.clone();
    undo(&mut nft, &hash, "test", &mut journal, 2).unwrap();
    assert_eq!(rules(), before);
    nft.undo(deed.plan(), &state).unwrap();
    assert_eq!(rules(), before, "twice is as good as once");
    assert!(reaches(a, "192.0.2.1"));

    // The kernel's allow rule holds even where a guard would have failed.
    run(&mut nft, &approved("192.0.2.3", 3600, 1), &mut journal, 3).unwrap();
    assert!(reaches(a, "192.0.2.3"), "the protected stays reachable");
    run(&mut nft, &approved("192.0.2.1", 4, 2), &mut journal, 4).unwrap();
    assert!(!reaches(a, "192.0.2.1"));
    // Each look waits a second for an answer.
    assert!((0..10).any(|_| reaches(a, "192.0.2.1")), "the kernel lifted it");
    run(&mut nft, &approved("203.0.113.0/24", 60, 3), &mut journal, 5).unwrap();
}

/// Undoing what has ended by itself leaves alone what was done since.
#[test]
fn undoing_a_block_that_ended_leaves_a_later_one_standing() {
    let Some(spaces) = spaces() else { return };
    let [a, b] = &spaces.0;
    let argv = ["ip", "netns", "exec", b, "nft"].map(str::to_owned).to_vec();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    let mut nft = Nft::new(argv, vec![]);
    let (first, later) = (approved("192.0.2.1", 1, 0), approved("192.0.2.1", 3600, 1));
    run(&mut nft, &first, &mut journal, 1).unwrap();
    let mut asked = 0;
    while !reaches(a, "192.0.2.1") {
        asked += 1;
        assert!(asked < 60, "the kernel lifts it after a second");
    }
    run(&mut nft, &later, &mut journal, 5000).unwrap();
    undo(&mut nft, &first.plan().hash().to_string(), "test", &mut journal, 6000).unwrap();
    assert!(!reaches(a, "192.0.2.1"), "the later one holds");
    undo(&mut nft, &later.plan().hash().to_string(), "test", &mut journal, 7000).unwrap();
    assert!(reaches(a, "192.0.2.1"));
}

#[test]
fn blocks_ports_and_isolation_keep_the_laws() {
    let Some(spaces) = spaces() else { return };
    let [_, b] = &spaces.0;
    let argv = ["ip", "netns", "exec", b, "nft"].map(str::to_owned).to_vec();
    let in_b = |line: &str| sh(&format!("ip netns exec {b} nft {line}"));
    let nets = ["192.0.2.1", "203.0.113.0/24", "2001:db8::1", "2001:db8:1::/64"].map(|net| net.parse().unwrap());
    let ports = vec![Port { transport: Transport::Tcp, port: 9 }, Port { transport: Transport::Udp, port: 53 }];
    let steps = [
        Step::Block { targets: nets.to_vec(), ports: vec![], seconds: 3600 },
        Step::Block { targets: nets.to_vec(), ports, seconds: 3600 },
        Step::Isolate { keep: nets.to_vec(), seconds: 3600 },
    ];
    let allow: Vec<Net> =
        ["192.0.2.3", "127.0.0.0/8", "127.0.0.1", "fe80::/10"].map(|net| net.parse().unwrap()).to_vec();
    let lies = [
        "flush chain inet shieldwall input",
        "delete table inet shieldwall",
        "add table inet shieldwall {flags dormant;}",
    ];
    for (step, lie) in steps.iter().zip(lies) {
        keeps_the_laws(
            step,
            || Box::new(Nft::new(argv.clone(), allow.clone())),
            || json!(in_b("list ruleset")),
            || assert!(in_b(lie).is_some()),
        );
        assert_eq!(in_b("list ruleset").unwrap(), "");
    }

    // What others change in our table is told, and the next deed heals it.
    let mut nft = Nft::new(argv, allow);
    let deed = approve(block(&["192.0.2.1"], 60), 1);
    for edit in [
        "insert rule inet shieldwall input accept",
        "flush chain inet shieldwall forward",
        "flush set inet shieldwall allow4",
        "flush set inet shieldwall block4",
        "add table inet shieldwall {flags dormant;}",
    ] {
        nft.apply(&deed).unwrap();
        nft.verify(deed.plan()).unwrap();
        assert!(in_b(edit).is_some(), "{edit}");
        let told = nft.verify(deed.plan()).unwrap_err().to_string();
        assert!(told.contains("changed") || told.contains("does not stand"), "{edit}: {told}");
        nft.read(deed.plan()).unwrap();
    }
    nft.apply(&deed).unwrap();
    nft.verify(deed.plan()).unwrap();
    assert!(in_b("delete table inet shieldwall").is_some());
    nft.undo(deed.plan(), &json!({ "table": true, "held": {}, "others": 0 })).unwrap();
}

#[test]
fn a_port_is_closed_for_one_and_isolation_lets_through_whom_it_keeps() {
    let Some(spaces) = spaces() else { return };
    let [a, b] = &spaces.0;
    let mut nft = Nft::new(["ip", "netns", "exec", b, "nft"].map(str::to_owned).to_vec(), vec![]);
    let ports = vec![Port { transport: Transport::Tcp, port: 9 }];
    let deed = approve(Step::Block { targets: vec!["192.0.2.1".parse().unwrap()], ports, seconds: 60 }, 1);
    let before = nft.read(deed.plan()).unwrap();
    nft.apply(&deed).unwrap();
    assert!(!reaches_port(a, "192.0.2.1", 9));
    assert!(reaches_port(a, "192.0.2.1", 10) && reaches_port(a, "192.0.2.3", 9));
    nft.undo(deed.plan(), &before).unwrap();
    assert!(reaches_port(a, "192.0.2.1", 9));

    let deed = approve(Step::Isolate { keep: vec!["192.0.2.3".parse().unwrap()], seconds: 60 }, 2);
    let before = nft.read(deed.plan()).unwrap();
    nft.apply(&deed).unwrap();
    assert!(!reaches(a, "192.0.2.1") && reaches(a, "192.0.2.3"));
    nft.undo(deed.plan(), &before).unwrap();
    assert!(reaches(a, "192.0.2.1"));
    let deed = approve(Step::Isolate { keep: vec![], seconds: 4 }, 3);
    nft.apply(&deed).unwrap();
    assert!(!reaches(a, "192.0.2.3"));
    // Each look waits a second for an answer.
    assert!((0..10).any(|_| reaches(a, "192.0.2.3")), "the kernel lifted it");
}

#[test]
fn what_others_had_blocked_comes_back_as_it_was_and_overlaps_change_nothing() {
    let Some(spaces) = spaces() else { return };
    let [_, b] = &spaces.0;
    let in_b = |line: &str| sh(&format!("ip netns exec {b} nft {line}")).unwrap();
    let mut nft = Nft::new(["ip", "netns", "exec", b, "nft"].map(str::to_owned).to_vec(), vec![]);
    nft.apply(&approve(block(&["203.0.113.0/24"], 3600), 1)).unwrap();
    in_b(
        "add element inet shieldwall block4 {192.0.2.1 timeout 100s, 192.0.2.4 timeout 5000s, 192.0.2.5 timeout 2000s expires 50s}",
    );
    let deed = approve(block(&["192.0.2.1", "192.0.2.4", "192.0.2.5", "192.0.2.6"], 2000), 2);
    let before = nft.read(deed.plan()).unwrap();
    nft.apply(&deed).unwrap();
    nft.verify(deed.plan()).unwrap();
    let set = in_b("list set inet shieldwall block4");
    assert!(set.contains("192.0.2.1 timeout 33m20s") && set.contains("192.0.2.4 timeout 1h23m20s"), "{set}");
    for _ in 0..2 {
        nft.undo(deed.plan(), &before).unwrap();
        let set = in_b("list set inet shieldwall block4");
        assert!(
            set.contains("192.0.2.1 timeout 1m40s expires 1m") && set.contains("192.0.2.4 timeout 1h23m20s"),
            "{set}"
        );
        assert!(set.contains("192.0.2.5 timeout 33m20s expires ") && !set.contains("192.0.2.6"), "{set}");
        let left = set.split("192.0.2.5 timeout 33m20s expires ").nth(1).unwrap();
        assert!(!left.split(',').next().unwrap().contains('m') || left.contains("ms"), "seconds are left: {set}");
    }
    // A network over another: the kernel refuses all of it.
    let deed = approve(block(&["192.0.2.9", "203.0.113.0/25"], 60), 3);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    let error = run(&mut nft, &deed, &mut journal, 1).unwrap_err().to_string();
    assert!(error.contains("taken back"), "{error}");
    assert!(!in_b("list table inet shieldwall").contains("192.0.2.9") && journal.torn().is_empty());
    assert!(nft.rehearse(deed.plan()).is_err(), "and the rehearsal says so beforehand");
}

#[test]
fn a_missing_program_and_a_missing_right_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let deed = approve(block(&["192.0.2.1"], 60), 1);
    let told = |argv| Nft::new(argv, vec![]).read(deed.plan()).unwrap_err().to_string();
    assert!(told(vec!["/nowhere/nft".to_owned()]).contains("install the package `nftables`"));
    let refused = "echo 'netlink: Error: cache initialization failed: Operation not permitted' >&2; exit 1";
    assert!(told(program(&folder.path().join("nft"), refused)).contains("CAP_NET_ADMIN"));
    assert!(told(program(&folder.path().join("odd"), "echo no JSON")).contains("expected"));
    assert!(told(program(&folder.path().join("fails"), "echo 'Error: odd' >&2; exit 1")).contains("Error: odd"));
}

/// Says to this test, started again inside a namespace, what it is there.
const ROLE: &str = "SHIELDWALL_TEST_ROLE";

/// This test inside a namespace, in a role, and what it says.
struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Player {
    fn start(space: &str, role: &str) -> (Self, impl Iterator<Item = String>) {
        let own = std::env::current_exe().unwrap();
        let mut child = Command::new("ip")
            .args(["netns", "exec", space])
            .arg(own)
            .args(["--exact", "a_live_stream_stops_and_a_block_ends_though_who_made_it_was_killed", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        (Self(child), lines)
    }
}

/// Plays a role; each says lines.
fn play(role: &str) {
    let mut byte = [0];
    match role {
        "serve" => {
            let listener = TcpListener::bind("192.0.2.2:7000").unwrap();
            println!("ready");
            let (mut stream, _) = listener.accept().unwrap();
            while stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte)).is_ok() {}
        }
        "talk" => {
            let mut stream = TcpStream::connect("192.0.2.2:7000").unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            for _ in 0..1_000_000 {
                stream.write_all(&byte).unwrap();
                if stream.read_exact(&mut byte).is_err() {
                    println!("silence");
                    return;
                }
                println!("echo");
            }
        }
        _ => {
            let mut nft = Nft::new(vec!["nft".into()], vec![]);
            nft.apply(&approved("192.0.2.1", 3, 1)).unwrap();
            println!("blocked");
            // Until it is killed.
            let _ = std::io::stdin().read(&mut byte);
        }
    }
}

#[test]
fn a_live_stream_stops_and_a_block_ends_though_who_made_it_was_killed() {
    if let Ok(role) = std::env::var(ROLE) {
        return play(&role);
    }
    let Some(spaces) = spaces() else { return };
    let [a, b] = &spaces.0;
    let (_server, mut said) = Player::start(b, "serve");
    assert!(said.any(|line| line.contains("ready")));
    let (_client, mut heard) = Player::start(a, "talk");
    assert_eq!(heard.by_ref().filter(|line| line.contains("echo")).take(1000).count(), 1000, "it lives");
    let (mut blocker, mut told) = Player::start(b, "block");
    assert!(told.any(|line| line.contains("blocked")));
    blocker.0.kill().unwrap();
    blocker.0.wait().unwrap();
    assert!(heard.any(|line| line.contains("silence")), "it stops in the middle");
    assert!((0..10).any(|_| reaches(a, "192.0.2.1")), "the kernel lifted it");
}
