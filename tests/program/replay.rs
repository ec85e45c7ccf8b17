//! `replay`: what is said of the demonstration logs, that nothing is touched, and that the kernel holds us to it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::run::{Place, root};

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        out.insert(entry.path().display().to_string(), std::fs::read(entry.path()).unwrap());
    }
    out
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn logs_and_case_are_rehearsed_and_left_as_they_were() {
    let place = Place::new();
    let case = place.path("case42");
    assert_eq!(place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), case.as_os_str()]).code, 1);
    let before = files(&place.path(""));
    let demo = root().join("testdata/demo");
    let logs = place.run(["replay", "ssh-bruteforce", "testdata/demo", "--format", "jsonl"]);
    let both = place.run([
        "replay".as_ref(),
        "ssh-bruteforce".as_ref(),
        case.as_os_str(),
        demo.as_os_str(),
        "--format".as_ref(),
        "jsonl".as_ref(),
    ]);
    let alone = place.run(["replay".as_ref(), "ssh-bruteforce".as_ref(), case.as_os_str()]);
    assert_eq!((logs.code, both.code, alone.code), (1, 1, 1), "{}{}{}", logs.err, both.err, alone.err);
    assert_eq!(files(&place.path("")), before);
    assert!(alone.out.contains("name the logs behind the case"), "{}", alone.out);
    // The case says the same as the logs that it was made from.
    assert_eq!(logs.out, both.out);
    let lines = lines(&logs.out);
    let guessed = |step: &Value, verb: &str| step["number"] == 1 && step["plan"]["do"] == verb;
    let block = lines.iter().find(|step| guessed(step, "block")).expect("a block");
    assert!(block["plan"]["targets"].as_array().unwrap().contains(&"203.0.113.50".into()), "{block}");
    // The guessing was known at its twentieth try, at 02:5x; the block ends a day later to the second.
    let times = [&block["begins"], &block["ends"]].map(|time| time.as_str().unwrap().to_owned());
    assert!(times[0].starts_with("2026-03-10T02:5") || times[0].starts_with("2026-03-10T03:"), "{times:?}");
    assert_eq!(times[0].split_once('T').unwrap().1, times[1].split_once('T').unwrap().1);
    assert!(times[1].starts_with("2026-03-11"));
    assert_eq!(block["would"], "ask");
    let locked: Vec<&Value> =
        lines.iter().filter(|step| guessed(step, "lock_user")).map(|step| &step["plan"]["user"]).collect();
    assert!(locked.contains(&&"deploy".into()) && !locked.contains(&&"oracle".into()), "{locked:?}");
    let totals = lines.last().unwrap();
    assert_eq!(totals["kind"], "totals");
    assert!(totals["history_uses"].as_u64().unwrap() > 10, "{totals}");
}

#[test]
fn own_people_and_visitors_behind_an_address_are_told() {
    let place = Place::new();
    let mut log = String::new();
    for day in 1..=9 {
        log += &format!(
            "2026-03-0{day}T09:00:00Z web-01 sshd[7]: Accepted publickey for alice from 203.0.113.9 port 4000{day} ssh2: RSA SHA256:x\n"
        );
    }
    for at in 0..30 {
        log += &format!(
            "2026-03-10T02:00:{at:02}Z web-01 sshd[8]: Failed password for root from 203.0.113.9 port 500{at:02} ssh2\n"
        );
    }
    log += "2026-03-10T09:00:00Z web-01 sshd[9]: Accepted publickey for alice from 203.0.113.9 port 40010 ssh2: RSA SHA256:x\n";
    log += "2026-03-10T10:00:00Z web-01 sshd[9]: Accepted password for mallory from 203.0.113.9 port 40011 ssh2\n";
    place.file("logs/auth.log", log);
    place.file("logs/access.log", "203.0.113.9 - - [08/Mar/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 12 \"-\" \"Mozilla/5.0\"\n203.0.113.9 - - [08/Mar/2026:10:00:01 +0000] \"GET /no HTTP/1.1\" 404 12 \"-\" \"Mozilla/5.0\"\n");
    let logs = place.path("logs");
    let ran = place.run([
        "replay".as_ref(),
        "ssh-bruteforce".as_ref(),
        logs.as_os_str(),
        "--format".as_ref(),
        "jsonl".as_ref(),
    ]);
    let steps = lines(&ran.out);
    let block =
        steps.iter().find(|step| step["plan"]["do"] == "block").unwrap_or_else(|| panic!("{}{}", ran.out, ran.err));
    let people = &block["own_people"];
    assert_eq!(people["accounts"], serde_json::json!(["alice"]), "{people}");
    assert_eq!(
        (&people["uses_before"], &people["uses_during"], &people["pages_before"]),
        (&9.into(), &1.into(), &1.into())
    );
    assert_eq!(people["new_accounts"], serde_json::json!(["mallory"]));
    assert_eq!(block["would"], "ask");
    let text = place.run(["replay".as_ref(), "ssh-bruteforce".as_ref(), logs.as_os_str()]);
    assert!(text.out.contains("would have hit 1 of your own people: alice"), "{}", text.out);
    // What the operator protects is not even proposed.
    let spared = place.run([
        "replay".as_ref(),
        "ssh-bruteforce".as_ref(),
        logs.as_os_str(),
        "--protect".as_ref(),
        "203.0.113.0/24".as_ref(),
    ]);
    assert!(spared.out.contains("left out: 203.0.113.9: your list"), "{}", spared.out);
}

#[test]
fn what_cannot_be_rehearsed_is_said() {
    let place = Place::new();
    let bad = place.file("bad.json", "{\"type\":\"playbook\",\"type\":\"playbook\"}");
    for (arguments, words) in [
        (vec!["replay", "no-such-playbook", "testdata/demo"], "there is no playbook"),
        (vec!["replay", "ssh-bruteforce"], "name a case or logs"),
        (vec!["replay", "ssh-bruteforce", "no/such/path"], "no/such/path"),
        (vec!["replay", "ssh-bruteforce", "testdata/demo", "--incident", "99"], "there is no incident 99"),
        (vec!["replay", "ssh-bruteforce", "testdata/demo", "--protect", "everybody"], "everybody"),
        (vec!["replay", bad.to_str().unwrap(), "testdata/demo"], "twice"),
    ] {
        let ran = place.run(&arguments);
        assert_eq!(ran.code, 4, "{arguments:?}");
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(place.run(["replay", "ransomware", "testdata/demo/access.log"]).code, 0);
    assert_eq!(place.run(["playbook".as_ref(), "check".as_ref(), bad.as_os_str()]).code, 1);
    assert_eq!(place.run(["playbook", "check", "content/playbooks/ransomware.json"]).code, 0);
    let shown = place.run(["playbook", "show", "ransomware"]);
    assert_eq!(shown.out, std::fs::read_to_string(root().join("content/playbooks/ransomware.json")).unwrap());
    assert_eq!(place.run(["playbook", "list"]).out.lines().count(), 12);
}

/// A case with as many incidents as a flood of a minute has.
#[cfg(target_os = "linux")]
fn flood(place: &Place, incidents: usize) -> std::path::PathBuf {
    let mut text = String::new();
    for at in 0..incidents {
        let time = 1_773_111_488_000_000_000i64 + at as i64 * 6_000_000;
        let member = serde_json::json!({"finding": 0, "rule": 0, "host": "web-01", "count": 1, "first": time, "last": time, "joined_by": null});
        let address = format!("203.{}.{}.9", 1 + at / 250, at % 250);
        let incident = serde_json::json!({
            "uid": format!("{at:032x}"), "aliases": [], "key": "address", "severity": "high", "risk": 1.0, "first": time, "last": time,
            "members": [member], "members_left_out": 0, "sightings": 1,
            "involved": [{"entity": {"kind": "address", "id": address}, "count": 1, "first": time, "last": time}],
            "involved_left_out": 0, "tactics": [], "techniques": [["T1110.001", time]],
        });
        text += &serde_json::json!({"class_uid": 2005, "unmapped": {"incident": incident}}).to_string();
        text.push('\n');
    }
    place.file("flood/incidents.jsonl", text);
    let demo = place.path("demo");
    assert_eq!(
        place.run(["scan".as_ref(), "testdata/demo/auth.log".as_ref(), "-o".as_ref(), demo.as_os_str()]).code,
        1
    );
    for name in ["findings.jsonl", "manifest.json"] {
        std::fs::copy(demo.join(name), place.path("flood").join(name)).unwrap();
    }
    place.path("flood")
}

/// While it speaks, the kernel itself says that the filter is on: the output is more than the pipe takes, so it waits there.
#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_incidents_are_rehearsed_behind_the_filter() {
    use std::io::Read;
    use std::process::Stdio;
    let place = Place::new();
    let case = flood(&place, 10_000);
    let mut child = place
        .command()
        .args(["replay".as_ref(), "ssh-bruteforce".as_ref(), case.as_os_str(), "--format".as_ref(), "jsonl".as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut text = vec![0; 1];
    out.read_exact(&mut text).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let says = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
    assert_eq!(says("Seccomp:").as_deref(), Some("2"), "{status}");
    assert_eq!(says("NoNewPrivs:").as_deref(), Some("1"));
    out.read_to_end(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let lines = lines(std::str::from_utf8(&text).unwrap());
    let totals = lines.last().unwrap();
    assert_eq!(
        (&totals["incidents"], &totals["done"], &totals["too_fast"]),
        (&10_000.into(), &10.into(), &9_990.into())
    );
    let told = place.run(["replay".as_ref(), "ssh-bruteforce".as_ref(), case.as_os_str()]);
    assert!(
        told.out.contains("after 10 in ten minutes") && told.out.contains("and 9980 more incidents"),
        "{}",
        told.out
    );
}
