//! A crash at any write of the journal: what was begun is taken back or was whole.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it is wrong")]

mod deed;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use serde_json::{Value, json};
use shieldwall_respond::action::{Action, Setup, of, recover, run, undo};
use shieldwall_respond::approve::Approved;
use shieldwall_respond::journal::{Disk, Event, Journal};
use shieldwall_respond::plan::{Plan, Step};
use shieldwall_trust::Hash;

/// A disk that takes so many bytes and no more.
struct Failing {
    bytes: Rc<RefCell<Vec<u8>>>,
    left: usize,
}

impl Disk for Failing {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = bytes.len().min(self.left);
        self.bytes.borrow_mut().extend_from_slice(&bytes[..taken]);
        self.left -= taken;
        if taken < bytes.len() { Err(io::Error::other("full")) } else { Ok(()) }
    }
}

/// A world of one switch; it may lie.
struct Switch {
    on: Rc<RefCell<bool>>,
    lies: bool,
}

impl Action for Switch {
    fn diff(&self, _: &Plan) -> Value {
        json!("on")
    }
    fn read(&mut self, _: &Plan) -> io::Result<Value> {
        Ok(json!(*self.on.borrow()))
    }
    fn apply(&mut self, _: &Approved) -> io::Result<()> {
        *self.on.borrow_mut() = !self.lies;
        Ok(())
    }
    fn verify(&mut self, _: &Plan) -> io::Result<()> {
        if *self.on.borrow() { Ok(()) } else { Err(io::Error::other("it is off")) }
    }
    fn undo(&mut self, _: &Plan, before: &Value) -> io::Result<()> {
        *self.on.borrow_mut() = before.as_bool().unwrap_or_default();
        Ok(())
    }
}

fn approved() -> Approved {
    let step = Step::Block { targets: vec!["203.0.113.9".parse().unwrap()], ports: vec![], seconds: 60 };
    deed::approve(step, 1)
}

#[test]
fn a_crash_at_any_byte_leaves_the_deed_whole_or_not_begun() {
    let approved = approved();
    let hash = approved.plan().hash().to_string();
    let (mut left, mut torn, mut whole) = (0, 0, 0);
    loop {
        let (bytes, on) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(false)));
        let mut journal = Journal::over(Failing { bytes: Rc::clone(&bytes), left }, &[]).unwrap();
        let mut switch = Switch { on: Rc::clone(&on), lies: false };
        let done = run(&mut switch, &approved, &mut journal, 1)
            .and_then(|()| undo(&mut switch, &hash, "test", &mut journal, 2));
        // The crash. What is on disk is cut to whole lines, as opening the file does.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, &*bytes.borrow()).unwrap();
        let mut journal = Journal::open(&path).unwrap();
        let taken_back = recover(|_| Box::new(Switch { on: Rc::clone(&on), lies: false }), &mut journal, 3).unwrap();
        torn += taken_back;
        let applied = journal.open_deed(&hash).is_some();
        if applied {
            // Whole, or undone in the world and not yet in the journal: undoing again settles both.
            whole += 1;
            undo(&mut Switch { on: Rc::clone(&on), lies: false }, &hash, "again", &mut journal, 4).unwrap();
        }
        assert!(!*on.borrow(), "after {left} bytes");
        assert!(journal.torn().is_empty());
        if done.is_ok() {
            break;
        }
        left += 1;
    }
    assert!(torn > 50 && whole > 50 && left > 300, "{torn} {whole} {left}");
}

/// A full disk: what was done and cannot be written down is taken back at once, for nobody could undo it later.
#[test]
fn what_cannot_be_written_down_is_taken_back() {
    let approved = approved();
    let mut seen = 0;
    for left in 0..2000 {
        let (bytes, on) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(false)));
        let mut journal = Journal::over(Failing { bytes, left }, &[]).unwrap();
        let done = run(&mut Switch { on: Rc::clone(&on), lies: false }, &approved, &mut journal, 1);
        assert_eq!(*on.borrow(), done.is_ok(), "after {left} bytes");
        assert_eq!(journal.is_broken(), done.is_err());
        match done {
            Err(error) if error.to_string().contains("was taken back") => seen += 1,
            Err(_) => {}
            Ok(()) => break,
        }
    }
    assert!(seen > 50, "{seen}");
}

/// What is asked of a long journal costs a look, not a walk: with a walk for each of its deeds this would take hours.
#[test]
fn a_journal_of_many_deeds_is_asked_quickly() {
    const DEEDS: u32 = 15_000;
    let plan = |number: u32| Plan {
        incident: format!("i{number}"),
        host: None,
        step: Step::Notify { hook: "team".into() },
        findings: vec!["f".repeat(500)],
        made_ms: 0,
    };
    let disk = || Failing { bytes: Rc::default(), left: usize::MAX };
    let mut journal = Journal::over(disk(), &[]).unwrap();
    for number in 0..DEEDS {
        let (plan, hash) = (plan(number), plan(number).hash().to_string());
        let begin =
            Event::Begin { plan, approver: "a".into(), nonce: format!("{number}"), before: Value::Null, at_ms: 1 };
        journal.append(begin).unwrap();
        if number > 0 {
            journal.append(Event::Applied { plan: hash, after: Value::Null, at_ms: 1 }).unwrap();
        }
    }
    assert_eq!(journal.torn(), [plan(0).hash().to_string()]);
    for number in 1..DEEDS {
        assert!(journal.open_deed(&plan(number).hash().to_string()).is_some_and(|(_, _, applied)| applied));
        assert!(journal.used(&format!("{number}")));
    }
    assert_eq!(journal.past(2).len(), DEEDS as usize);
}

#[test]
fn an_actuator_that_lies_is_found_out_and_a_changed_journal_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let on = Rc::new(RefCell::new(false));
    let mut journal = Journal::open(&path).unwrap();
    assert!(Journal::open(&path).is_err(), "one at a time");
    assert!(run(&mut Switch { on, lies: true }, &approved(), &mut journal, 1).is_err());
    assert!(journal.torn().is_empty() && journal.events().len() == 2);
    drop(journal);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[80] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(Journal::open(&path).is_err());
}

/// The same over real actuators: a file in quarantine and an account's lock.
#[test]
fn a_crash_at_any_byte_gives_the_file_and_the_account_back() {
    const SHADOW: &str = "root:x:1::::::\nann:$6$x:1:0:9:7:::\n";
    let folder = tempfile::tempdir().unwrap();
    let home = std::fs::canonicalize(folder.path()).unwrap();
    std::fs::create_dir(home.join("etc")).unwrap();
    std::fs::write(home.join("etc/shadow"), SHADOW).unwrap();
    let (path, log) = (home.join("evil"), home.join("journal"));
    std::fs::write(&path, "evil").unwrap();
    let setup = Setup { root: home.clone(), ..Setup::default() };
    let quarantine = Step::Quarantine { path: path.clone(), sha256: Hash::of(b"evil").to_string() };
    let world = || {
        let meta = std::fs::metadata(&path).unwrap();
        assert!(!home.join(".shieldwall-quarantine").exists());
        let times = (meta.modified().unwrap(), meta.accessed().unwrap());
        (std::fs::read_to_string(home.join("etc/shadow")).unwrap(), meta.permissions(), times)
    };
    let before = world();
    for (nonce, step) in [quarantine, Step::LockUser { user: "ann".into() }].into_iter().enumerate() {
        let approved = deed::approve(step.clone(), nonce as u32);
        let hash = approved.plan().hash().to_string();
        let (mut left, mut torn, mut whole) = (0, 0, 0);
        loop {
            let bytes = Rc::new(RefCell::new(Vec::new()));
            let mut journal = Journal::over(Failing { bytes: Rc::clone(&bytes), left }, &[]).unwrap();
            let mut action = of(&step, &setup).unwrap();
            let done = run(action.as_mut(), &approved, &mut journal, 1)
                .and_then(|()| undo(action.as_mut(), &hash, "test", &mut journal, 2));
            let _ = std::fs::remove_file(&log);
            std::fs::write(&log, &*bytes.borrow()).unwrap();
            let mut journal = Journal::open(&log).unwrap();
            torn += recover(|plan| of(&plan.step, &setup).unwrap(), &mut journal, 3).unwrap();
            if journal.open_deed(&hash).is_some() {
                whole += 1;
                undo(of(&step, &setup).unwrap().as_mut(), &hash, "again", &mut journal, 4).unwrap();
            }
            assert_eq!(world(), before, "{} after {left} bytes", step.verb());
            assert!(journal.torn().is_empty());
            if done.is_ok() {
                break;
            }
            // Every eleventh byte: each line is cut in many places, and a disk is slow.
            left += 11;
        }
        assert!(torn > 5 && whole > 5 && left > 300, "{torn} {whole} {left}");
    }
}
