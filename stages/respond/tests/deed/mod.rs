//! What the tests of actuators share: an approval, and the laws that every actuator keeps.

#![allow(clippy::unwrap_used, dead_code, reason = "a test may stop where it is wrong; not each test takes everything")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use shieldwall_respond::action::{Action, run, undo};
use shieldwall_respond::approve::{Approved, accept, sign};
use shieldwall_respond::guard::{Limits, Protected, check};
use shieldwall_respond::journal::Journal;
use shieldwall_respond::plan::{Plan, Step};
use shieldwall_trust::key::SecretKey;

pub fn approve(step: Step, nonce: u32) -> Approved {
    let plan = Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: i64::from(nonce) };
    let key = SecretKey::generate_ed25519().unwrap();
    let text = sign(&plan, &key, 0, &format!("0123456789ab{nonce:08}"));
    let limits = Limits { targets: 100_000, ..Limits::default() };
    let checked = check(plan, &Protected::default(), &limits, &[], 0).unwrap();
    accept(checked, text.as_bytes(), &[key.public()], 0, &|_| false).unwrap()
}

/// A program that a test writes: the product starts it by its path, with an argument list.
///
/// Another process writes it: a file that this one has open for writing is inherited by whatever another test starts at that
/// moment, and cannot be run while it is.
pub fn program(path: &Path, text: &str) -> Vec<String> {
    let mut tee = Command::new("tee").arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    tee.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
    assert!(tee.wait().unwrap().success());
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    vec![path.to_str().unwrap().to_owned()]
}

/// The laws of what can be undone. `world` gives the state as somebody else sees it; `lie` makes the deed not hold.
pub fn keeps_the_laws(
    step: &Step,
    mut action: impl FnMut() -> Box<dyn Action>,
    world: impl Fn() -> Value,
    lie: impl FnOnce(),
) {
    let verb = step.verb();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    let before = world();
    let deed = approve(step.clone(), 1);
    let plan = deed.plan();
    let hash = plan.hash().to_string();
    assert!(!action().diff(plan).is_null(), "{verb}: it says what it would do");
    action().rehearse(plan).unwrap();
    assert!(action().verify(plan).is_err(), "{verb}: what is not done does not hold");
    assert_eq!(world(), before, "{verb}: asking changes nothing");
    let state = action().read(plan).unwrap();
    action().undo(plan, &state).unwrap();
    assert_eq!(world(), before, "{verb}: undoing what never began changes nothing");

    run(action().as_mut(), &deed, &mut journal, 1).unwrap();
    assert_ne!(world(), before, "{verb}: it does something");
    action().verify(plan).unwrap();
    undo(action().as_mut(), &hash, "test", &mut journal, 2).unwrap();
    assert_eq!(world(), before, "{verb}: undo gives the state before");
    action().undo(plan, &state).unwrap();
    assert_eq!(world(), before, "{verb}: twice is as good as once");
    assert!(action().verify(plan).is_err(), "{verb}: what is undone does not hold");

    // From the journal alone, as after a start of the program.
    let deed = approve(step.clone(), 2);
    run(action().as_mut(), &deed, &mut journal, 3).unwrap();
    let hash = deed.plan().hash().to_string();
    let (_, state, applied) = journal.open_deed(&hash).unwrap();
    assert!(applied);
    let state = state.clone();
    lie();
    assert!(action().verify(deed.plan()).is_err(), "{verb}: a lying world is found out");
    action().undo(deed.plan(), &state).unwrap();
}
