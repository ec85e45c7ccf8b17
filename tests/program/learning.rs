//! Learning as a user meets it: a fortnight of an office's processes, and one desk that does what no desk does.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::run::{Place, Ran, manifest, rule_of};

const LEARNED: &str = "shieldwall.anomaly.";

/// One process as Sysmon tells it.
fn process(out: &mut String, host: usize, time: &str, parent: &str, image: &str, line: &str) {
    let value = serde_json::json!({
        "@timestamp": time, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1,
        "ProviderName": "Microsoft-Windows-Sysmon", "Hostname": format!("ws{host:02}"), "Image": image,
        "CommandLine": line, "ParentImage": parent, "User": format!("CORP\\user{host:02}"),
    });
    writeln!(out, "{value}").unwrap();
}

/// Days of an office of twelve desks, nothing else. `days` of March 2026.
fn office(days: std::ops::Range<usize>) -> String {
    const EXPLORER: &str = "C:\\Windows\\explorer.exe";
    const SERVICES: &str = "C:\\Windows\\System32\\services.exe";
    let mut out = String::new();
    for day in days {
        for hour in 8..18 {
            for host in 1..=12usize {
                let programs = [
                    (EXPLORER, "C:\\Program Files\\Office\\WINWORD.EXE", "WINWORD.EXE /n report.docx"),
                    (EXPLORER, "C:\\Program Files\\Browser\\browser.exe", "browser.exe"),
                    (SERVICES, "C:\\Windows\\System32\\svchost.exe", "svchost.exe -k netsvcs"),
                    (EXPLORER, "C:\\Program Files\\Office\\EXCEL.EXE", "EXCEL.EXE /e sums.xlsx"),
                ];
                for (minute, (parent, image, line)) in programs.into_iter().enumerate() {
                    // Nobody starts everything every hour.
                    if (day * 7 + hour * 3 + host + minute) % 4 != 0 {
                        let time = format!("2026-03-{day:02}T{hour:02}:{:02}:{host:02}Z", minute * 13 + host % 7);
                        process(&mut out, host, &time, parent, image, line);
                    }
                }
            }
        }
    }
    out
}

/// What one desk does on the last day.
fn break_in(day: usize) -> String {
    let mut out = String::new();
    let time = |minute: usize| format!("2026-03-{day:02}T11:{minute:02}:40Z");
    let word = "C:\\Program Files\\Office\\WINWORD.EXE";
    let tool = "C:\\Users\\user05\\AppData\\Local\\Temp\\qz7.exe";
    process(&mut out, 5, &time(20), word, tool, "qz7.exe -q -z");
    process(&mut out, 5, &time(21), tool, "C:\\Windows\\System32\\nltest.exe", "nltest.exe /trusted_domains");
    process(&mut out, 5, &time(22), tool, "C:\\Windows\\System32\\quser.exe", "quser.exe");
    process(&mut out, 5, &time(23), tool, "C:\\Users\\user05\\AppData\\Local\\Temp\\n0.exe", "n0.exe /x /y /w");
    out
}

/// The logs of a place: earlier days, the last day with the break-in.
pub fn logs(place: &Place) {
    place.file("earlier/all.jsonl", office(1..13));
    place.file("today/all.jsonl", office(13..14) + &break_in(13));
}

/// Learning alone, without rules: what it finds must be its own.
fn scan(place: &Place, path: &str, more: &[&str]) -> Ran {
    let path = place.path(path);
    let ran = place.scan(&path, &[&["--no-builtin-rules"], more].concat());
    assert!(matches!(ran.code, 0 | 1), "{}", ran.err);
    ran
}

fn is_learned(finding: &Value) -> bool {
    rule_of(finding).starts_with(LEARNED)
}

fn speaks_of(finding: &Value, host: &str) -> bool {
    finding["unmapped"]["hosts"].as_array().is_some_and(|hosts| hosts.iter().any(|have| have == host))
}

#[test]
fn what_no_desk_does_is_found_beside_logs_that_are_only_learned_from() {
    let place = Place::new();
    logs(&place);
    let earlier = place.path("earlier");
    let ran = scan(&place, "today", &["--baseline", earlier.to_str().unwrap()]);
    let findings = ran.findings();
    assert!(!findings.is_empty() && findings.iter().all(is_learned), "{}", ran.out);
    assert!(findings.iter().any(|finding| speaks_of(finding, "ws05")), "{}", ran.out);
    for finding in &findings {
        let ours = &finding["unmapped"];
        assert!(ours["source"].as_str().unwrap().contains("today"), "a baseline was judged: {finding}");
        let parts = ours["anomaly"]["contributions"].as_array().unwrap();
        let sum: f64 = parts.iter().map(|part| part["value"].as_f64().unwrap()).sum();
        assert!((sum - ours["anomaly"]["score"].as_f64().unwrap()).abs() < 1e-9, "{finding}");
        assert!(!finding["evidences"].as_array().unwrap().is_empty(), "{finding}");
    }
    // A file in the baselines that is scanned too is learned once, and judged.
    let today = place.path("today");
    let both = scan(&place, "today", &["--baseline", earlier.to_str().unwrap(), "--baseline", today.to_str().unwrap()]);
    assert_eq!(both.out, ran.out);
}

/// An hour of logs has too few windows to rank anything among, so only models of texts, which bring their own p-values,
/// speak; a baseline has the windows.
#[test]
fn of_an_hour_alone_only_texts_speak_and_beside_a_baseline_all_do() {
    let place = Place::new();
    logs(&place);
    place.file("hour/all.jsonl", break_in(13));
    let of_texts = ["domain-name", "web-request", "command-line", "script"];
    for finding in scan(&place, "hour", &[]).findings() {
        let detector =
            finding["finding_info"]["analytic"]["uid"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        assert!(of_texts.iter().any(|text| *text == detector), "{detector} spoke of a single hour");
    }
    let beside = scan(&place, "hour", &["--baseline", place.path("earlier").to_str().unwrap()]);
    assert!(beside.findings().iter().any(|finding| speaks_of(finding, "ws05")), "{}", beside.out);
}

#[test]
fn without_learning_there_is_nothing_learned() {
    let place = Place::new();
    logs(&place);
    let path = place.path("today");
    for flag in ["--no-learning", "--rules-only"] {
        let ran = place.scan(&path, &[flag]);
        assert!(!ran.findings().iter().any(is_learned), "{flag}");
    }
    for flags in [["--learn", "--no-learning"], ["--learn", "--since=2026-03-01"], ["--rules-only", "--baseline=x"]] {
        assert_eq!(place.scan(&path, &flags).code, 4, "{flags:?}");
    }
}

#[test]
fn rules_find_what_they_find_with_or_without_learning() {
    let place = Place::new();
    let of_rules = |more: &[&str]| -> BTreeSet<String> {
        let ran = place.scan(Path::new("testdata/demo"), more);
        let findings = ran.findings();
        let rules = findings.iter().filter(|finding| !is_learned(finding));
        rules.map(|finding| finding["finding_info"]["uid"].as_str().unwrap().to_owned()).collect()
    };
    let alone = of_rules(&["--no-learning"]);
    assert!(alone.len() > 20);
    assert_eq!(of_rules(&[]), alone);
}

#[test]
fn what_is_kept_is_told_goes_on_and_is_forgotten() {
    let place = Place::new();
    logs(&place);
    let file = place.path("home/baselines/default.baseline");
    assert_eq!(place.run(["baseline", "show"]).code, 4, "nothing was learned yet");
    scan(&place, "earlier", &[]);
    assert!(!file.exists(), "a plain scan keeps nothing");
    scan(&place, "earlier", &["--learn"]);
    let first = std::fs::read(&file).unwrap();
    let with_logs = scan(&place, "today", &["--baseline", place.path("earlier").to_str().unwrap()]);
    let with_file = scan(&place, "today", &["--baseline", file.to_str().unwrap()]);
    let rules = |ran: &Ran| ran.findings().iter().map(|one| rule_of(one).to_owned()).collect::<Vec<_>>();
    assert!(with_file.findings().iter().any(|finding| speaks_of(finding, "ws05")), "{}", with_file.out);
    assert_eq!(rules(&with_file), rules(&with_logs));
    assert_eq!(std::fs::read(&file).unwrap(), first, "only --learn writes");
    // The same logs again teach nothing new: what happened once does not become usual.
    scan(&place, "today", &["--learn"]);
    let second = std::fs::read(&file).unwrap();
    assert_ne!(second, first);
    let again = scan(&place, "today", &["--learn"]);
    assert_eq!(std::fs::read(&file).unwrap(), second);
    assert!(again.findings().iter().any(|finding| speaks_of(finding, "ws05")), "{}", again.out);

    let shown = place.run(["baseline", "show", "ws05"]);
    assert!(shown.code == 0 && shown.out.contains("host ws05") && shown.out.contains("winword"), "{}", shown.out);
    assert!(place.run(["baseline", "show"]).out.contains("learned from 2 logs"));
    assert_eq!(place.run(["baseline", "forget", "ws05"]).code, 0);
    assert_eq!(place.run(["baseline", "show", "ws05"]).code, 4);
    assert_eq!(place.run(["baseline", "forget", "ws05"]).code, 4);
    assert_eq!(place.run(["baseline", "show", "ws06"]).code, 0);
}

#[test]
fn damaged_baselines_are_refused_before_anything_is_read() {
    let place = Place::new();
    logs(&place);
    scan(&place, "earlier", &["--learn"]);
    let file = place.path("home/baselines/default.baseline");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&file, &bytes).unwrap();
    let path = place.path("today");
    for ran in [
        place.scan(&path, &["--learn"]),
        place.scan(&path, &["--baseline", file.to_str().unwrap()]),
        place.run(["baseline", "show"]),
        place.run(["baseline", "forget", "ws05"]),
    ] {
        assert!(ran.code == 4 && ran.err.contains("damaged") && ran.out.is_empty(), "{}", ran.err);
    }
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "nothing overwrites what is damaged");
    assert!(place.scan(&path, &[]).code <= 1, "a plain scan does not ask for it");
    let missing = place.scan(&path, &["--baseline", "no/such/file"]);
    assert_eq!(missing.code, 4);
}

#[test]
fn two_baselines_that_know_the_same_log_are_refused() {
    let place = Place::new();
    logs(&place);
    scan(&place, "earlier", &["--learn"]);
    let file = place.path("home/baselines/default.baseline");
    let ran = place.scan(&place.path("today"), &["--learn", "--baseline", file.to_str().unwrap()]);
    assert!(ran.code == 4 && ran.err.contains("same 1 log"), "{}", ran.err);
}

#[test]
fn two_kept_baselines_join_whatever_their_order() {
    let place = Place::new();
    logs(&place);
    let kept = |name: &str, days| {
        place.file(&format!("{name}/all.jsonl"), office(days));
        let home = place.path(&format!("home-{name}"));
        scan(&place, name, &["--learn", "--data-dir", home.to_str().unwrap()]);
        home.join("baselines/default.baseline").to_str().unwrap().to_owned()
    };
    let (first, second) = (kept("first", 1..6), kept("second", 7..12));
    let ran = scan(&place, "today", &["--baseline", &first, "--baseline", &second]);
    assert!(ran.findings().iter().any(|finding| speaks_of(finding, "ws05")), "{}", ran.out);
    assert_eq!(scan(&place, "today", &["--baseline", &second, "--baseline", &first]).out, ran.out);
}

/// A report that a person reads names the parts, the score and what is normal.
#[test]
fn every_report_tells_why_something_is_unusual() {
    let place = Place::new();
    logs(&place);
    let case = place.path("case");
    let (today, earlier) = (place.path("today"), place.path("earlier"));
    let ran = place.run([
        "scan".as_ref(),
        today.as_os_str(),
        "--no-builtin-rules".as_ref(),
        "--baseline".as_ref(),
        earlier.as_os_str(),
        "-o".as_ref(),
        case.as_os_str(),
    ]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    for name in ["report.html", "timeline.csv", "findings.sarif", "findings.jsonl"] {
        let text = std::fs::read_to_string(case.join(name)).unwrap();
        assert!(text.contains("qz7.exe") && text.contains("on no other hosts"), "{name}");
    }
    assert!(ran.out.contains("of what is normal"), "{}", ran.out);
    let show = place.run(["show".as_ref(), "1.1".as_ref(), case.as_os_str()]);
    for word in ["Score", "Detector", "Normal", "ws05"] {
        assert!(show.out.contains(word), "{word}: {}", show.out);
    }
}

#[test]
fn threads_and_names_change_neither_findings_nor_what_is_kept() {
    let learned = |threads: &str, name: &str| {
        let place = Place::new();
        logs(&place);
        place.file(&format!("more/{name}"), office(20..22));
        let more = place.path("more");
        let case = place.path("case");
        let ran = place.run([
            "scan".as_ref(),
            place.path("today").as_os_str(),
            "--learn".as_ref(),
            "--baseline".as_ref(),
            more.as_os_str(),
            "--threads".as_ref(),
            threads.as_ref(),
            "-o".as_ref(),
            case.as_os_str(),
        ]);
        assert!(ran.code <= 1, "{}", ran.err);
        let learning = manifest(&case)["learning"].clone();
        assert_eq!(learning["logs"][0]["records"], office(20..22).lines().count());
        let ids = |name: &str| -> Vec<String> {
            let lines = std::fs::read_to_string(case.join(name)).unwrap();
            let uid = |line| serde_json::from_str::<Value>(line).unwrap()["finding_info"]["uid"].to_string();
            lines.lines().map(uid).collect()
        };
        let kept = std::fs::read(place.path("home/baselines/default.baseline")).unwrap();
        (ids("findings.jsonl"), ids("incidents.jsonl"), learning["coverage"].to_string(), kept)
    };
    let one = learned("1", "a.jsonl");
    assert!(!one.0.is_empty());
    assert!(one == learned("2", "b.log"));
    assert!(one == learned("8", "c.jsonl"));
}
