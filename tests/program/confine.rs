//! What reads outside bytes confines itself, and still writes all that it should.

use std::process::Stdio;

use crate::run::{Place, root};

/// A record that no scan can finish without: the pipe stays open until the test has looked.
#[cfg(target_os = "linux")]
#[test]
fn a_scan_that_waits_for_its_input_stands_behind_the_walls() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["scan", "-", "--threads", "2"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = loop {
        // It reads standard input once it is confined; until the first thread waits in a read, it may not be yet.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        if line(&status, "NoNewPrivs:") == "1" && line(&status, "Seccomp:") != "0" {
            break status;
        }
        assert!(child.try_wait().unwrap().is_none(), "the scan ended before it had its input");
        std::thread::yield_now();
    };
    assert_eq!(line(&status, "Seccomp:"), "2");
    // Every thread that it started meanwhile or starts later.
    for thread in std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap().flatten() {
        let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else { continue };
        assert_eq!((line(&status, "NoNewPrivs:"), line(&status, "Seccomp:")), ("1", "2"));
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().code().is_some_and(|code| code < 4));
}

#[cfg(target_os = "linux")]
fn line<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim()
}

/// The demo, with every way out: a case, a file that is not there yet, one that is, a pipe, the last case, what is learned.
#[test]
fn everything_that_should_be_written_is() {
    let place = Place::new();
    let demo = root().join("testdata/demo");
    let demo = demo.to_str().unwrap();
    let case = place.path("new/case42/");
    let ran = place.run(["scan", demo, "--quiet", "-o", case.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    for name in ["manifest.json", "findings.jsonl", "report.html", "bundle.stix.json"] {
        assert!(case.join(name).is_file(), "{name}");
    }
    let file = place.path("findings.jsonl");
    for _ in 0..2 {
        let ran = place.run(["scan", demo, "--quiet", "-o", file.to_str().unwrap()]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
        assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(case.join("findings.jsonl")).unwrap());
    }
    let ran = place.run(["scan", demo, "--quiet", "--learn"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(place.path("home/baselines/default.baseline").is_file());
    assert_eq!(place.run(["show", "1"]).code, 0);
    assert_eq!(place.run(["audit", "verify"]).code, 0);
    assert!(place.path("home/compiled/built-in.rules").is_file());
}

/// A pipe is neither made nor opened before the result is there: whoever reads it would see its end too early.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_named_as_a_file_is_written() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let place = Place::new();
    let (demo, pipe) = (root().join("testdata/demo"), place.path("pipe.jsonl"));
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    let ran = place.run(["scan", demo.to_str().unwrap(), "--quiet", "-o", pipe.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert_eq!(reader.join().unwrap(), place.scan(&demo, &["--quiet"]).out);
}

#[test]
fn without_walls_is_said_and_changes_nothing_else() {
    let place = Place::new();
    let demo = root().join("testdata/demo");
    let (with, without) = (place.scan(&demo, &["--quiet"]), place.scan(&demo, &["--quiet", "--no-confine"]));
    assert_eq!(with.out, without.out);
    assert_eq!(with.err, "");
    assert!(without.err.contains("--no-confine"), "{}", without.err);
    // No variable does it unseen.
    let silent = place.command().env("SHIELDWALL_CONFINE", "off").args(["actions"]).output().unwrap();
    let said = String::from_utf8_lossy(&silent.stdout);
    assert!(said.lines().any(|line| line.starts_with("the core: ")), "{said}");
}
