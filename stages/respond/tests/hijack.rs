//! A hijacked core on the socket: it may say what it likes, and can neither act unapproved, nor replay, nor touch the
//! protected.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop where it is wrong")]

use std::cell::RefCell;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;

use serde_json::{Value, json};
use shieldwall_respond::action::Action;
use shieldwall_respond::actuator::Actuator;
use shieldwall_respond::actuator::ask::{ASK_BYTES_MAX, Answer, Ask, State};
use shieldwall_respond::actuator::serve::{ASKS_A_MINUTE, Gate, ask, one};
use shieldwall_respond::approve::{APPROVAL_MS, Approved, sign, sign_undo};
use shieldwall_respond::journal::Journal;
use shieldwall_respond::level::{Claim, Seen};
use shieldwall_respond::plan::{Plan, Step};
use shieldwall_respond::policy::{self, Policy};
use shieldwall_trust::Hash;
use shieldwall_trust::key::SecretKey;

/// A world that counts who is blocked.
#[derive(Clone, Default)]
struct World(Rc<RefCell<Vec<String>>>);

impl Action for World {
    fn diff(&self, plan: &Plan) -> Value {
        json!(plan.step)
    }
    fn read(&mut self, _: &Plan) -> io::Result<Value> {
        Ok(json!(*self.0.borrow()))
    }
    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        self.0.borrow_mut().push(approved.plan().hash().to_string());
        Ok(())
    }
    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let held = self.0.borrow().contains(&plan.hash().to_string());
        held.then_some(()).ok_or_else(|| io::Error::other("not there"))
    }
    fn undo(&mut self, plan: &Plan, _: &Value) -> io::Result<()> {
        self.0.borrow_mut().retain(|hash| *hash != plan.hash().to_string());
        Ok(())
    }
}

struct Bench {
    folder: tempfile::TempDir,
    operator: SecretKey,
    second: SecretKey,
    world: World,
    actuator: Actuator<fs::File>,
    gate: Gate,
}

const NOW: i64 = 1_000_000_000;

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn bench(rest: &str, signed: bool) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, text) in [
        ("root/proc/sys/kernel/hostname", "gate\n"),
        ("root/proc/net/fib_trie", "|-- 192.0.2.7\n/32 host LOCAL\n"),
        ("root/proc/net/route", "head\n"),
        ("root/proc/net/tcp", "head\n"),
        ("root/etc/passwd", "root:x:0:0::/:/bin/sh\n"),
    ] {
        put(&at(name), text);
    }
    let (operator, second) = (SecretKey::generate_ed25519().unwrap(), SecretKey::generate_ed25519().unwrap());
    put(&at("anna.pem"), &operator.public().to_pem());
    put(&at("ben.pem"), &second.public().to_pem());
    let me = fs::metadata(folder.path()).unwrap().uid();
    let text = format!("operators = [\"anna.pem\", \"ben.pem\"]\ncallers = [{me}]\n{rest}");
    put(&at("actuator.toml"), &text);
    if signed {
        put(&policy::approval_path(&at("actuator.toml")), &policy::sign(&text, &operator, NOW - 1));
    }
    let policy = Policy::load(&at("actuator.toml"), me, NOW).unwrap();
    let world = World::default();
    let made = world.clone();
    let journal = Journal::open(&at("journal")).unwrap();
    let make = Box::new(move |_: &Step, _: &Policy, _: &_| Ok(Box::new(made.clone()) as Box<dyn Action>));
    let actuator = Actuator::new(policy, journal, make, at("root"), 4_000_000);
    Bench { folder, operator, second, world, actuator, gate: Gate::default() }
}

impl Bench {
    /// What the actuator answers to these bytes.
    fn raw(&mut self, bytes: &[u8], now: i64) -> Option<Answer> {
        let (near, far) = UnixStream::pair().unwrap();
        let sent = bytes.to_vec();
        let teller = std::thread::spawn(move || {
            let mut near = near;
            let _ = near.write_all(&sent);
            let _ = near.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = near.read_to_end(&mut answer);
            answer
        });
        let _ = one(&far, &mut self.actuator, &mut self.gate, now, &|_| None);
        drop(far);
        serde_json::from_slice(&teller.join().unwrap()).ok()
    }

    fn ask(&mut self, question: &Ask, now: i64) -> Answer {
        let mut line = serde_json::to_vec(question).unwrap();
        line.push(b'\n');
        self.raw(&line, now).unwrap()
    }

    fn apply(&mut self, plan: &Plan, approvals: &[&str], now: i64) -> Answer {
        let approvals = approvals.iter().map(|text| (*text).to_owned()).collect();
        self.ask(&Ask::Apply { plan: plan.clone(), approvals, claim: None }, now)
    }

    fn held(&self) -> usize {
        self.world.0.borrow().len()
    }
}

fn block(target: &str) -> Plan {
    let step = Step::Block { targets: vec![target.parse().unwrap()], ports: vec![], seconds: 600 };
    Plan { incident: target.into(), host: None, step, findings: vec![], made_ms: 0 }
}

fn why(answer: &Answer) -> String {
    match answer {
        Answer::Refused { why } => why.join("; "),
        other => panic!("not refused: {other:?}"),
    }
}

fn nonce(number: u32) -> String {
    format!("{number:0>20}")
}

#[test]
fn nothing_is_done_without_a_fresh_approval_of_just_this() {
    let mut bench = bench("", false);
    let plan = block("203.0.113.9");
    let stranger = SecretKey::generate_ed25519().unwrap();
    let undo = sign_undo(plan.hash(), &bench.operator, NOW, &nonce(1));
    let cases = [
        (vec![], NOW, "no operator approved"),
        (vec![sign(&plan, &stranger, NOW, &nonce(2))], NOW, "not signed by a key that is believed"),
        (vec![sign(&block("203.0.113.8"), &bench.operator, NOW, &nonce(3))], NOW, "another plan"),
        (vec![sign(&plan, &bench.operator, NOW, &nonce(4))], NOW + APPROVAL_MS, "not for now"),
        (vec![sign(&plan, &bench.operator, NOW + 1, &nonce(5))], NOW, "not for now"),
        (vec![undo], NOW, "another kind"),
        (vec!["{}".to_owned()], NOW, "the approval"),
    ];
    for (approvals, now, asked) in cases {
        let approvals: Vec<&str> = approvals.iter().map(String::as_str).collect();
        let answer = why(&bench.apply(&plan, &approvals, now));
        assert!(answer.contains(asked), "{answer} / {asked}");
    }
    assert_eq!(bench.held(), 0);

    let good = sign(&plan, &bench.operator, NOW, &nonce(6));
    assert!(matches!(bench.apply(&plan, &[&good], NOW), Answer::Done { .. }));
    assert_eq!(bench.held(), 1);
    assert!(why(&bench.apply(&plan, &[&good], NOW)).contains("already done"));

    // Taking back needs a word of its own, and the old approval does nothing a second time.
    let hash = plan.hash().to_string();
    let back = |approval: &str| Ask::Undo { plan: hash.clone(), approval: approval.to_owned() };
    assert!(why(&bench.ask(&back(&good), NOW)).contains("another kind"));
    assert!(why(&bench.ask(&back(&sign_undo(plan.hash(), &stranger, NOW, &nonce(7))), NOW)).contains("not signed"));
    assert_eq!(bench.held(), 1);
    let word = sign_undo(plan.hash(), &bench.operator, NOW, &nonce(8));
    assert_eq!(bench.ask(&back(&word), NOW), Answer::Undone { plan: hash.clone(), was: true });
    assert_eq!(bench.held(), 0);
    assert!(why(&bench.apply(&plan, &[&good], NOW)).contains("used before"));
    assert!(why(&bench.ask(&back(&word), NOW)).contains("used before"), "the word that took back is spent");
    let again = sign_undo(plan.hash(), &bench.operator, NOW, &nonce(9));
    assert_eq!(bench.ask(&back(&again), NOW), Answer::Undone { plan: hash.clone(), was: false });
    let other = Ask::Undo {
        plan: Hash::of(b"x").to_string(),
        approval: sign_undo(Hash::of(b"x"), &bench.operator, NOW, &nonce(10)),
    };
    assert!(why(&bench.ask(&other, NOW)).contains("no such action"));
    assert_eq!(bench.held(), 0);
    let Answer::List { deeds } = bench.ask(&Ask::List, NOW) else { panic!() };
    assert_eq!((deeds.len(), deeds[0].state), (1, State::Undone));
}

#[test]
fn an_operators_word_does_not_reach_the_protected_either() {
    let mut bench = bench("[protect]\nnets = [\"198.51.100.0/24\"]\n", false);
    for (target, asked) in [
        ("192.0.2.7", "an address of this machine"),
        ("192.0.2.0/24", "an address of this machine"),
        ("198.51.100.9", "on your list"),
        ("127.0.0.1", "reserved"),
        ("203.0.0.0/8", "wider"),
    ] {
        let plan = block(target);
        let approval = sign(&plan, &bench.operator, NOW, &nonce(1));
        let answer = why(&bench.apply(&plan, &[&approval], NOW));
        assert!(answer.contains(asked), "{answer} / {asked}");
    }
    let other = Plan { host: Some("db-01".into()), ..block("203.0.113.9") };
    let approval = sign(&other, &bench.operator, NOW, &nonce(2));
    assert!(why(&bench.apply(&other, &[&approval], NOW)).contains("this is `gate`"));
    // What cannot be undone is not in the usual list of verbs.
    let process = shieldwall_respond::plan::Process { pid: 9, start_ticks: 1, exe_sha256: "0".repeat(64) };
    let kill = Plan { step: Step::KillProcess { process }, ..block("203.0.113.9") };
    let approval = sign(&kill, &bench.operator, NOW, &nonce(3));
    assert!(why(&bench.apply(&kill, &[&approval], NOW)).contains("`kill_process` is not allowed"));
    assert_eq!(bench.held(), 0);

    // A machine whose addresses cannot be read is not acted on.
    fs::remove_file(bench.folder.path().join("root/proc/net/fib_trie")).unwrap();
    let plan = block("203.0.113.9");
    let approval = sign(&plan, &bench.operator, NOW, &nonce(4));
    assert!(why(&bench.apply(&plan, &[&approval], NOW)).contains("fib_trie"));
}

/// Fault 53: what was nobody's when it was approved may be the gateway when it is applied.
#[test]
fn guards_look_again_when_it_is_applied() {
    let mut bench = bench("", false);
    let plan = block("203.0.113.9");
    let approval = sign(&plan, &bench.operator, NOW, &nonce(1));
    assert!(matches!(bench.ask(&Ask::Check { plan: plan.clone(), approvals: vec![] }, NOW), Answer::Checked { .. }));
    let gateway = u32::from_ne_bytes([203, 0, 113, 9]);
    let route = format!("head\neth0\t00000000\t{gateway:08X}\t0003\n");
    put(&bench.folder.path().join("root/proc/net/route"), &route);
    assert!(why(&bench.apply(&plan, &[&approval], NOW)).contains("the gateway"));
    // Fault 51: the same thing asked for by two operators is done once.
    put(&bench.folder.path().join("root/proc/net/route"), "head\n");
    let other = sign(&plan, &bench.second, NOW, &nonce(2));
    assert!(matches!(bench.apply(&plan, &[&approval], NOW), Answer::Done { .. }));
    assert!(why(&bench.apply(&plan, &[&other], NOW)).contains("already done"));
    assert_eq!(bench.held(), 1);
}

#[test]
fn a_flood_ends_in_one_question_and_two_operators_may_go_on() {
    let mut bench = bench("", false);
    let mut done = 0;
    for number in 0..20 {
        let plan = block(&format!("203.0.113.{number}"));
        let approval = sign(&plan, &bench.operator, NOW, &nonce(number));
        match bench.apply(&plan, &[&approval], NOW) {
            Answer::Done { .. } => done += 1,
            refused => assert!(why(&refused).contains("in ten minutes")),
        }
    }
    assert_eq!((done, bench.held()), (10, 10));
    let plan = block("203.0.113.200");
    let both = [sign(&plan, &bench.operator, NOW, &nonce(100)), sign(&plan, &bench.second, NOW, &nonce(101))];
    let twice = [both[0].as_str(), both[0].as_str()];
    assert!(why(&bench.apply(&plan, &twice, NOW)).contains("in ten minutes"), "one operator twice is one");
    assert!(matches!(bench.apply(&plan, &[&both[0], &both[1]], NOW), Answer::Done { .. }));
    // The second word is used up too: taken back, it does not widen the limits a second time.
    let back = sign_undo(plan.hash(), &bench.operator, NOW, &nonce(102));
    let back = Ask::Undo { plan: plan.hash().to_string(), approval: back };
    assert!(matches!(bench.ask(&back, NOW), Answer::Undone { was: true, .. }));
    let fresh = sign(&plan, &bench.operator, NOW, &nonce(103));
    assert!(why(&bench.apply(&plan, &[&fresh, &both[1]], NOW)).contains("in ten minutes"));
}

#[test]
fn processes_of_what_a_machine_cannot_do_without_are_left_alone() {
    let mut bench = bench("verbs = [\"kill_process\"]\n", false);
    for (pid, group) in [(9, "0::/system.slice/ssh.service\n"), (10, "0::/system.slice/nginx.service\n")] {
        put(&bench.folder.path().join(format!("root/proc/{pid}/cgroup")), group);
        let process = shieldwall_respond::plan::Process { pid, start_ticks: 1, exe_sha256: "0".repeat(64) };
        let kill = Plan { step: Step::KillProcess { process }, ..block("203.0.113.9") };
        let approval = sign(&kill, &bench.operator, NOW, &nonce(pid));
        match bench.apply(&kill, &[&approval], NOW) {
            Answer::Done { .. } => assert_eq!(pid, 10),
            refused => assert!(pid == 9 && why(&refused).contains("process 9 of ssh.service is protected")),
        }
    }
}

#[test]
fn only_a_signed_policy_acts_without_a_person_and_never_on_a_written_line() {
    let auto = "[protect]\nnever_auto = [\"198.51.100.0/24\"]\n[auto]\nverbs = [\"block\"]\nseconds = 3600\np = 0.001\nper_hour = 2\n";
    let seen = |target: &str| Seen {
        target: target.parse().unwrap(),
        verified: true,
        sensors: vec!["auth".into(), "zeek conn".into()],
        families: vec!["rule".into(), "learned".into()],
        sessions: Some(0),
    };
    let claim = |seen: Seen| Some(Claim { seen: vec![seen], p: Some(1e-6), history_days: 30 });
    let question = |target: &str, claim| Ask::Apply { plan: block(target), approvals: vec![], claim };

    let mut unsigned = bench(auto, false);
    assert!(unsigned.actuator.policy().notes[0].contains("no operator signed"));
    let asked = question("203.0.113.9", claim(seen("203.0.113.9")));
    assert!(why(&unsigned.ask(&asked, NOW)).contains("no signed policy"));

    let mut bench = bench(auto, true);
    let written = Seen { verified: false, ..seen("203.0.113.9") };
    assert!(why(&bench.ask(&question("203.0.113.9", claim(written)), NOW)).contains("attacker can write"));
    assert!(why(&bench.ask(&question("203.0.113.9", None), NOW)).contains("no operator approved"));
    assert!(why(&bench.ask(&question("198.51.100.9", claim(seen("198.51.100.9"))), NOW)).contains("stands for many"));
    assert!(why(&bench.ask(&question("192.0.2.7", claim(seen("192.0.2.7"))), NOW)).contains("of this machine"));
    assert_eq!(bench.held(), 0);
    assert!(matches!(bench.ask(&asked, NOW), Answer::Done { .. }));
    let more = question("203.0.113.10", claim(seen("203.0.113.10")));
    assert!(matches!(bench.ask(&more, NOW), Answer::Done { .. }));
    let third = question("203.0.113.11", claim(seen("203.0.113.11")));
    assert!(why(&bench.ask(&third, NOW)).contains("in the last hour"));
}

/// The actuator looks for itself who signed in here, whatever the core claims.
#[test]
fn nobody_who_signed_in_here_is_blocked_without_a_person() {
    let mut bench = bench("[auto]\nverbs = [\"block\"]\nseconds = 3600\np = 0.001\nper_hour = 2\n", true);
    let mut record = [0_u8; 384];
    record[..2].copy_from_slice(&7_u16.to_ne_bytes());
    record[348..352].copy_from_slice(&[203, 0, 113, 9]);
    let path = bench.folder.path().join("root/var/log/wtmp");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, record).unwrap();
    let ask = |target: &str| {
        let seen = Seen {
            target: target.parse().unwrap(),
            verified: true,
            sensors: vec!["auth".into(), "zeek conn".into()],
            families: vec!["rule".into(), "learned".into()],
            sessions: Some(0),
        };
        let claim = Some(Claim { seen: vec![seen], p: Some(1e-6), history_days: 30 });
        Ask::Apply { plan: block(target), approvals: vec![], claim }
    };
    assert!(why(&bench.ask(&ask("203.0.113.9"), NOW)).contains("signed in to this machine"));
    assert_eq!(bench.held(), 0);
    assert!(matches!(bench.ask(&ask("203.0.113.10"), NOW), Answer::Done { .. }));
}

/// A message is sent as often as it is approved: nothing of it lasts that could be done already.
#[test]
fn what_does_not_last_may_be_done_again() {
    let mut bench = bench("verbs = [\"notify\"]\n", false);
    for number in 1..3 {
        let plan =
            Plan { incident: format!("i{number}"), step: Step::Notify { hook: "team".into() }, ..block("203.0.113.9") };
        let approval = sign(&plan, &bench.operator, NOW, &nonce(number));
        let answer = bench.apply(&plan, &[&approval], NOW);
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    }
    let Answer::List { deeds } = bench.ask(&Ask::List, NOW) else { panic!("no list") };
    assert!(deeds.iter().all(|deed| deed.state == State::Done));
}

#[test]
fn noise_on_the_socket_is_turned_away_and_the_next_is_served() {
    let mut bench = bench("", false);
    let long = vec![b'x'; ASK_BYTES_MAX as usize + 100_000];
    let deep = "[".repeat(200_000);
    let unknown = br#"{"ask":"shell","command":"id"}"#.to_vec();
    let twice = br#"{"ask":"status"} {"ask":"status"}"#.to_vec();
    for bytes in [vec![], b"\n".to_vec(), long, deep.into_bytes(), unknown, twice, vec![0xff; 64]] {
        let line = [bytes, b"\n".to_vec()].concat();
        if let Some(answer) = bench.raw(&line, NOW) {
            assert!(why(&answer).contains("no question"));
        }
    }
    assert!(matches!(bench.ask(&Ask::Status, NOW), Answer::Status { operators: 2, .. }));
}

/// Who floods the socket turns himself away; root, who may have to undo, is always heard, and a stranger is not even counted.
#[test]
fn a_flood_of_one_caller_keeps_no_other_out() {
    let mut gate = Gate::default();
    assert!((0..ASKS_A_MINUTE).all(|_| gate.admits(1000, NOW)));
    assert!(!gate.admits(1000, NOW));
    assert!(!gate.admits(1000, NOW - 120_000), "a clock set back opens nothing");
    assert!(gate.admits(1001, NOW));
    assert!((0..2 * ASKS_A_MINUTE).all(|_| gate.admits(0, NOW)));
    assert!(gate.admits(1000, NOW + 60_000));
}

#[test]
fn a_policy_that_others_can_write_is_none() {
    let bench = bench("", false);
    let path = bench.folder.path().join("actuator.toml");
    let me = fs::metadata(&path).unwrap().uid();
    let load = || Policy::load(&path, me, NOW).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(load(), Ok(()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(load().unwrap_err().contains("666"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(bench.folder.path().join("anna.pem"), fs::Permissions::from_mode(0o622)).unwrap();
    assert!(load().unwrap_err().contains("anna.pem"));
    fs::set_permissions(bench.folder.path().join("anna.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(load().unwrap_err().contains("777"));
    fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for text in ["verb = []", "operators = 3", "[limits]\ntargets = -1", "\u{0}"] {
        put(&path, text);
        assert!(load().is_err(), "{text}");
    }
    let link = bench.folder.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(Policy::load(&link, me, NOW).is_err());
}

#[test]
fn the_callers_side_hears_the_answer() {
    let mut bench = bench("", false);
    let (near, far) = UnixStream::pair().unwrap();
    let teller = std::thread::spawn(move || ask(&near, &Ask::List));
    one(&far, &mut bench.actuator, &mut bench.gate, NOW, &|_| None).unwrap();
    drop(far);
    assert_eq!(teller.join().unwrap().unwrap(), Answer::List { deeds: vec![] });
}
