//! A crash at any write of the journal: what was begun is taken back or was whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it is wrong")]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use serde_json::{Value, json};
use shieldwall_respond::action::{Action, recover, run, undo};
use shieldwall_respond::approve::{Approved, accept, sign};
use shieldwall_respond::guard::{Limits, Protected, check};
use shieldwall_respond::journal::{Disk, Journal};
use shieldwall_respond::plan::{Plan, Step};
use shieldwall_trust::key::SecretKey;

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
    let plan = Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 };
    let key = SecretKey::generate_ed25519().unwrap();
    let text = sign(&plan, &key, 0, "0123456789abcdef");
    let checked = check(plan, &Protected::default(), &Limits::default(), &[], 0).unwrap();
    accept(checked, text.as_bytes(), &[key.public()], 0, &|_| false).unwrap()
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
