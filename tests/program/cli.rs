//! Exit codes, wrong flags, standard input, `show`, `explain`, what is written where.

use std::io::Write;
use std::process::Stdio;

use crate::run::{Place, Ran};

#[test]
fn exit_codes_say_what_happened() {
    let place = Place::new();
    let clean = place.file("clean.jsonl", "{\"a\":1}\n");
    assert_eq!(place.scan(&clean, &[]).code, 0);
    assert_eq!(place.run(["scan", "testdata/demo"]).code, 1);
    let broken = place.file("broken.jsonl", "{\"a\":1}\n{\"a\":\n{\"a\":2}\n");
    assert_eq!(place.scan(&broken, &[]).code, 2);
    let both = place.run(["scan".as_ref(), "testdata/demo".as_ref(), broken.as_os_str()]);
    assert_eq!(both.code, 3);
    assert_eq!(place.run(["scan", "no/such/path"]).code, 4);
    assert_eq!(place.run(["scan", "testdata/demo", "--formt", "text"]).code, 4);
    assert_eq!(place.run(["frobnicate"]).code, 4);
    assert_eq!(place.run(["--help"]).code, 0);
}

#[test]
fn a_wrong_flag_names_the_right_one() {
    let ran = Place::new().run(["scan", "testdata/demo", "--formt", "text"]);
    assert!(ran.err.contains("--format"), "{}", ran.err);
}

#[test]
fn standard_input_is_a_source() {
    let place = Place::new();
    let mut child = place
        .command()
        .args(["scan", "-", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::fs::read("testdata/demo/windows.jsonl").unwrap();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.findings().len() >= 4);
}

#[test]
fn show_knows_the_last_scan_and_a_case() {
    let place = Place::new();
    assert_eq!(place.run(["show", "1"]).code, 4, "nothing was scanned yet");
    place.run(["scan", "testdata/demo"]);
    let latest = place.run(["show", "1"]);
    assert_eq!(latest.code, 0, "{}", latest.err);
    assert!(latest.out.contains("comsvcs"), "{}", latest.out);
    place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), place.path("case").as_os_str()]);
    let case = place.run(["show".as_ref(), "1".as_ref(), place.path("case").as_os_str()]);
    assert_eq!(case.out, latest.out);
    assert_eq!(place.run(["show", "99999"]).code, 4);
}

#[test]
fn why_not_names_the_condition_that_failed() {
    let place = Place::new();
    let log = place.file(
        "a.jsonl",
        r#"{"@timestamp":"2026-03-10T03:40:01Z","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"ProviderName":"Microsoft-Windows-Sysmon","Hostname":"PC","Image":"C:\\Windows\\System32\\vssadmin.exe","CommandLine":"vssadmin list shadows"}"#,
    );
    let ran = place.run(["explain".as_ref(), "--why-not".as_ref(), "Backup copies".as_ref(), log.as_os_str()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("CommandLine") && ran.out.contains("delete"), "{}", ran.out);
    let other = place.run(["explain".as_ref(), "--why-not".as_ref(), "crontab".as_ref(), log.as_os_str()]);
    assert!(other.out.contains("crontab") && other.out.contains("windows"), "{}", other.out);
}

#[test]
fn nothing_is_written_beside_the_evidence() {
    let place = Place::new();
    let log = place.file("evidence/a.jsonl", std::fs::read("testdata/demo/windows.jsonl").unwrap());
    place.scan(&log, &[]);
    let files: Vec<_> = std::fs::read_dir(place.path("evidence")).unwrap().collect();
    assert_eq!(files.len(), 1);
}

#[test]
fn a_case_folder_with_something_else_in_it_is_left_alone() {
    let place = Place::new();
    let kept = place.file("full/letter.txt", "mine");
    let ran = place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), place.path("full").as_os_str()]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "mine");
}

#[test]
fn since_and_until_bound_the_records() {
    let place = Place::new();
    let records = |ran: &Ran| ran.findings().iter().map(|finding| finding["count"].as_u64().unwrap()).sum::<u64>();
    // Rules of single records: a correlation over the boundary is neither here nor there, and what is usual depends on all.
    let scan = |more: &[&str]| {
        let mut arguments = vec!["scan", "testdata/demo/windows.jsonl", "--format", "jsonl"];
        arguments.extend(["--no-builtin-rules", "--no-learning", "--rules", "content/rules/windows"]);
        arguments.extend(more);
        place.run(arguments)
    };
    let all = records(&scan(&[]));
    let early = scan(&["--until", "2026-03-10T03:41:00Z"]);
    let late = scan(&["--since", "2026-03-10T03:41:00Z"]);
    assert!(!early.findings().is_empty() && !late.findings().is_empty());
    assert_eq!(records(&early) + records(&late), all);
}

#[test]
fn an_added_pack_runs_and_shows_its_authors() {
    let place = Place::new();
    let pack = place.path("pack");
    place.file(
        "pack/r.yml",
        "title: Rundll32\nid: 11111111-2222-4333-8444-555555555555\nauthor: Anna Example\nlicense: MIT\n\
         logsource: {product: windows, category: process_creation}\n\
         detection:\n  s:\n    Image|endswith: '\\rundll32.exe'\n  condition: s\nlevel: low\n",
    );
    let added = place.run(["rules".as_ref(), "add".as_ref(), pack.as_os_str()]);
    assert_eq!(added.code, 0, "{}", added.err);
    let ran = place.run(["scan", "testdata/demo/windows.jsonl", "--format", "jsonl"]);
    assert!(ran.rules().contains(&"11111111-2222-4333-8444-555555555555".to_owned()), "{}\n{:?}", ran.err, ran.rules());
    assert!(ran.out.contains("Anna Example"));
}

#[test]
fn placeholders_take_their_values_from_lists() {
    let place = Place::new();
    let rule = place.file(
        "r.yml",
        "title: Listed\nid: 33333333-2222-4333-8444-555555555555\nlogsource: {product: windows, category: process_creation}\n\
         detection:\n  s:\n    User|expand: '%watched%'\n  condition: s\nlevel: low\n",
    );
    let arguments = ["--rules", rule.to_str().unwrap(), "--no-builtin-rules", "--no-learning"];
    let log = std::path::Path::new("testdata/demo/windows.jsonl");
    assert!(place.scan(log, &arguments).findings().is_empty());
    place.file("home/lists/watched.txt", "EXAMPLE\\anna\n");
    assert_eq!(place.scan(log, &arguments).findings().len(), 1);
}

#[test]
fn evidence_is_never_written_over() {
    let place = Place::new();
    let log = place.file("ev.jsonl", std::fs::read("testdata/demo/windows.jsonl").unwrap());
    let before = std::fs::read(&log).unwrap();
    let ran = place.run(["scan".as_ref(), log.as_os_str(), "-o".as_ref(), log.as_os_str()]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert_eq!(std::fs::read(&log).unwrap(), before);
}

#[test]
fn a_case_inside_the_evidence_is_no_evidence() {
    let place = Place::new();
    place.file("in/a.jsonl", std::fs::read("testdata/demo/windows.jsonl").unwrap());
    let scan = || {
        let folder = place.path("in");
        let case = folder.join("case");
        place.run(["scan".as_ref(), folder.as_os_str(), "-o".as_ref(), case.as_os_str()]);
        std::fs::read(case.join("findings.jsonl")).unwrap()
    };
    assert_eq!(scan(), scan());
}

#[test]
fn a_window_that_holds_no_time_is_a_usage_error() {
    let ran = Place::new().run(["scan", "testdata/demo", "--since", "2027-01-01", "--until", "2026-01-01"]);
    assert_eq!(ran.code, 4);
}

#[test]
fn a_log_without_a_year_is_not_lost_to_a_window() {
    let place = Place::new();
    let alone = place.run(["scan", "testdata/demo/auth.log", "--format", "jsonl"]).findings().len();
    let window = ["scan", "testdata/demo/auth.log", "--format", "jsonl", "--since", "2026-01-01"];
    assert_eq!(place.run(window).findings().len(), alone);
    assert!(alone > 0);
}

#[test]
fn one_forged_time_does_not_date_its_neighbours() {
    let place = Place::new();
    for name in ["access.log", "audit.log", "auth.log"] {
        place.file(&format!("in/{name}"), std::fs::read(format!("testdata/demo/{name}")).unwrap());
    }
    place.file("in/forged.jsonl", "{\"@timestamp\":\"2099-05-01T00:00:00Z\",\"x\":1}\n");
    let folder = place.path("in");
    place.run(["scan".as_ref(), folder.as_os_str(), "-o".as_ref(), place.path("case").as_os_str()]);
    let manifest = crate::run::manifest(&place.path("case"));
    let auth = manifest["inputs"].as_array().unwrap().iter().find(|input| input["format"] == "syslog").unwrap();
    assert_eq!(auth["assumptions"].to_string().matches("2026").count(), 1, "{auth}");
}

#[test]
fn utf_16_is_told_and_not_passed_over() {
    let place = Place::new();
    let log = place.file("u16.log", b"\xff\xfea\0b\0\n\0");
    assert_eq!(place.scan(&log, &[]).code, 2);
}

#[test]
fn all_hosts_of_a_finding_are_named() {
    let place = Place::new();
    let mut log = String::new();
    for at in 0..150 {
        log += &format!("2026-03-10T03:00:{:02}+00:00 host{} useradd[1]: new user: name=x\n", at / 3, at / 120);
    }
    let log = place.file("many.log", log);
    let ran = place.scan(&log, &[]);
    assert!(ran.out.contains("host0") && ran.out.contains("host1"), "{}", ran.err);
}

#[test]
fn a_zone_that_is_missing_comes_from_the_neighbours_that_write_one() {
    let place = Place::new();
    place.file("in/a.log", "192.0.2.1 - - [10/Mar/2026:03:12:00 +0200] \"GET / HTTP/1.1\" 200 1\n");
    place.file("in/b.log", "Mar 10 03:20:10 web01 crontab[1]: (a) REPLACE (a)\n");
    let folder = place.path("in");
    let case = place.path("case");
    place.run(["scan".as_ref(), folder.as_os_str(), "-o".as_ref(), case.as_os_str()]);
    let findings = std::fs::read_to_string(case.join("findings.jsonl")).unwrap();
    assert!(findings.contains("2026-03-10T01:20:10Z"), "{findings}");
}

#[test]
fn a_case_gets_the_reports_that_were_asked_for() {
    let place = Place::new();
    let all = ["bundle.stix.json", "findings.sarif", "report.html", "share-preview.txt", "timeline.csv"];
    let case = place.path("case");
    let reports = |formats: Option<&str>| {
        let mut args = vec!["scan", "testdata/demo", "-o", case.to_str().unwrap()];
        args.extend(formats.into_iter().flat_map(|formats| ["--format", formats]));
        let ran = place.run(args);
        assert_eq!(ran.code, 1, "{}", ran.err);
        let entries = std::fs::read_dir(&case).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| all.contains(&name.as_str())).collect();
        names.sort();
        names
    };
    assert_eq!(reports(None), all);
    let bundle = std::fs::read(case.join("bundle.stix.json")).unwrap();
    let sarif = std::fs::read(case.join("findings.sarif")).unwrap();
    assert_eq!(reports(Some("csv,sarif")), ["findings.sarif", "timeline.csv"], "an earlier run's reports are gone");
    assert_eq!(reports(Some("html,csv,jsonl,sarif,stix")), all);
    assert_eq!(std::fs::read(case.join("bundle.stix.json")).unwrap(), bundle);
    assert_eq!(std::fs::read(case.join("findings.sarif")).unwrap(), sarif);
    assert_eq!(reports(Some("text")), Vec::<String>::new());
}

#[test]
fn every_format_is_printed_and_several_need_a_case() {
    let place = Place::new();
    for (format, begins, beside) in [
        ("csv", "datetime,timestamp_desc,message,", ""),
        ("sarif", "{\"$schema\":", ""),
        ("stix", "{\"type\":\"bundle\",", "Held back"),
        ("html", "<!doctype html>", ""),
        ("jsonl", "{\"activity_name\":", ""),
    ] {
        let ran = place.run(["scan", "testdata/demo", "--quiet", "--format", format]);
        assert_eq!(ran.code, 1, "{format}: {}", ran.err);
        assert!(ran.out.starts_with(begins), "{format}: {:.200}", ran.out);
        assert!(ran.err.contains(beside), "{format}: {}", ran.err);
    }
    for wrong in [
        vec!["--format", "csv,sarif"],
        vec!["--format", "csv", "--format", "html"],
        vec!["--format", "csv,sarif", "-o", "out.csv"],
        vec!["--format", "pdf"],
        vec!["-o", "out.json"],
    ] {
        let ran = place.run(["scan", "testdata/demo"].into_iter().chain(wrong.iter().copied()));
        assert_eq!(ran.code, 4, "{wrong:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{wrong:?}");
    }
    let file = place.path("out.sarif");
    place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), file.as_os_str()]);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("{\"$schema\":"));
}
