//! What parses an attacker's bytes has given up what it does not need before it reads them.

#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::Stdio;

use crate::run::Place;

#[test]
fn a_scan_that_waits_for_its_bytes_is_confined_already() {
    let place = Place::new();
    let mut child = place
        .command()
        .args(["scan", "-", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It cannot end before its input does, so it comes to wait.
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        if status.contains("Seccomp:\t2") || status.contains("State:\tZ") {
            break status;
        }
        std::thread::yield_now();
    };
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    child.stdin.take().unwrap().write_all(b"Jan  1 10:00:00 web sshd[1]: hello\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_written_where_it_was_asked_for_still_is() {
    let place = Place::new();
    let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    // Not below the folder for temporary files, which may always be written.
    let folder = tempfile::tempdir_in(&target).unwrap();
    let case = folder.path().join("made/on/the/way");
    let ran = place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), case.as_os_str()]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(case.join("report.html").exists());
    let file = folder.path().join("findings.jsonl");
    for _ in 0..2 {
        let ran = place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), file.as_os_str()]);
        assert_eq!(ran.code, 1, "{}", ran.err);
    }
}
