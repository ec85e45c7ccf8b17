//! Real packets in network namespaces that the test makes itself: block, end, undo, protection.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it is wrong")]

use std::process::Command;

use shieldwall_respond::action::nft::Nft;
use shieldwall_respond::action::{Action, run, undo};
use shieldwall_respond::approve::{Approved, accept, sign};
use shieldwall_respond::guard::{Limits, Protected, check};
use shieldwall_respond::journal::Journal;
use shieldwall_respond::plan::{Plan, Step};
use shieldwall_trust::key::SecretKey;

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
    let id = std::process::id();
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

fn approved(target: &str, seconds: u64, nonce: &str) -> Approved {
    let step = Step::Block { targets: vec![target.parse().unwrap()], ports: vec![], seconds };
    let plan = Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 };
    let key = SecretKey::generate_ed25519().unwrap();
    let text = sign(&plan, &key, 0, nonce);
    let checked = check(plan, &Protected::default(), &Limits::default(), &[], 0).unwrap();
    accept(checked, text.as_bytes(), &[key.public()], 0, &|_| false).unwrap()
}

/// Whether `from` of the one namespace gets an answer from the other: a refused connection is an answer, a dropped one is none.
fn reaches(space: &str, from: &str) -> bool {
    let line = "exec 3<>/dev/tcp/192.0.2.2/9";
    let _ = sh(&format!("ip -n {space} route replace 192.0.2.2/32 src {from} dev v{}", std::process::id()));
    let output =
        Command::new("ip").args(["netns", "exec", space, "timeout", "1", "bash", "-c", line]).output().unwrap();
    output.status.code() != Some(124)
}

#[test]
fn a_block_drops_packets_ends_by_itself_and_is_undone_byte_for_byte() {
    let Some(spaces) = spaces() else {
        eprintln!("SKIPPED: no network namespaces or no nft here (root, nftables and iproute2 are wanted)");
        return;
    };
    let [a, b] = &spaces.0;
    let argv = ["ip", "netns", "exec", b, "nft"].map(str::to_owned).to_vec();
    let rules = || sh(&format!("ip netns exec {b} nft list ruleset")).unwrap();
    assert!(sh(&format!("ip netns exec {b} nft add table inet other")).is_some());
    let before = rules();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    let mut nft = Nft::new(argv, vec!["192.0.2.3".parse().unwrap()]);
    assert!(reaches(a, "192.0.2.1"), "nothing is blocked yet");

    let deed = approved("192.0.2.1", 3600, "0123456789abcdef");
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
    run(&mut nft, &approved("192.0.2.3", 3600, "0123456789abcde1"), &mut journal, 3).unwrap();
    assert!(reaches(a, "192.0.2.3"), "the protected stays reachable");
    run(&mut nft, &approved("192.0.2.1", 2, "0123456789abcde2"), &mut journal, 4).unwrap();
    assert!(!reaches(a, "192.0.2.1"));
    // Each look waits a second for an answer.
    assert!((0..10).any(|_| reaches(a, "192.0.2.1")), "the kernel lifted it");
    run(&mut nft, &approved("203.0.113.0/24", 60, "0123456789abcde3"), &mut journal, 5).unwrap();
}
