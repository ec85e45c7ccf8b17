//! The fault table, row by row: the process stays up, the rejection is counted with its place, neighbours survive.

use std::fmt::Write as _;

use serde_json::Value;

use crate::run::{Place, Ran, data, manifest};

/// Scans a handmade file into a case; gives the run and the file's entry in the manifest.
fn scan(file: &str) -> Option<(Ran, Vec<Value>)> {
    let path = data(&format!("malformed/handmade/{file}"))?;
    let place = Place::new();
    let case = place.path("case");
    let ran = place.run(["scan".as_ref(), path.as_os_str(), "-o".as_ref(), case.as_os_str(), "--quiet".as_ref()]);
    assert!((0..=3).contains(&ran.code), "{file}: {} {}", ran.code, ran.err);
    let inputs = manifest(&case)["inputs"].as_array().unwrap().clone();
    Some((ran, inputs))
}

fn rejected(input: &Value, reason: &str) -> u64 {
    input["rejected"][reason].as_u64().unwrap_or(0)
}

fn flagged(input: &Value, flag: &str) -> u64 {
    let flags = input["flags"].as_array().unwrap();
    flags.iter().find(|entry| entry["flag"] == flag).map_or(0, |entry| entry["count"].as_u64().unwrap())
}

fn records(input: &Value) -> u64 {
    input["records"].as_u64().unwrap()
}

/// What a row's file must give.
struct Row {
    file: &'static str,
    code: i32,
    records: Option<u64>,
    /// Reasons or flags with their least count.
    counted: &'static [(&'static str, u64)],
}

const ROWS: &[Row] = &[
    Row { file: "01_truncated_mid_record.jsonl", code: 2, records: Some(1), counted: &[("truncated", 1)] },
    Row { file: "02_invalid_utf8.log", code: 0, records: Some(1), counted: &[("utf8_invalid", 1)] },
    Row { file: "03_nul_bytes.log", code: 0, records: Some(1), counted: &[] },
    Row { file: "04_line_1MiB.log", code: 2, records: Some(1), counted: &[("truncated", 1)] },
    Row { file: "05_no_newline_2MiB.log", code: 2, records: Some(1), counted: &[("truncated", 1)] },
    Row { file: "06_deep_json_5000.json", code: 2, records: Some(0), counted: &[("too_deep", 1)] },
    Row { file: "07_deep_array_100000.json", code: 2, records: Some(0), counted: &[("too_deep", 1)] },
    Row { file: "08_huge_numbers.json", code: 2, records: Some(0), counted: &[] },
    Row { file: "09_duplicate_keys.json", code: 0, records: Some(1), counted: &[("duplicate_key", 1)] },
    Row { file: "10_many_fields.json", code: 2, records: Some(1), counted: &[("field_cap", 1)] },
    Row { file: "11_crlf_log_injection.json", code: 0, records: Some(1), counted: &[] },
    Row { file: "13_bidi_homoglyph.json", code: 0, records: Some(1), counted: &[("confusable", 1)] },
    Row { file: "16_path_traversal.json", code: 0, records: Some(1), counted: &[] },
    Row { file: "22_gzip_bomb_16MiB.gz", code: 2, records: None, counted: &[("limit", 1)] },
    Row { file: "24_gzip_truncated.gz", code: 2, records: None, counted: &[("truncated", 1)] },
    Row { file: "25_timestamps.jsonl", code: 0, records: Some(10), counted: &[("time_invalid", 1)] },
    Row { file: "26_ips.jsonl", code: 0, records: Some(12), counted: &[] },
    Row { file: "37_cef_leef_bad.log", code: 0, records: Some(3), counted: &[("raw_cef_leef", 2)] },
    Row { file: "38_auditd_bad.log", code: 2, records: None, counted: &[("corrupt", 1)] },
    Row { file: "39_eve_wrong_types.jsonl", code: 2, records: Some(4), counted: &[("corrupt", 1)] },
    Row { file: "40_empty.log", code: 0, records: Some(0), counted: &[] },
];

#[test]
fn rows_of_the_fault_table_are_counted() {
    let mut wrong = String::new();
    for row in ROWS {
        let Some((ran, inputs)) = scan(row.file) else { return };
        let input = &inputs[0];
        if ran.code != row.code {
            let _ = writeln!(wrong, "{}: exit code {}, not {}: {input}", row.file, ran.code, row.code);
        }
        if row.records.is_some_and(|expected| expected != records(input)) {
            let _ = writeln!(wrong, "{}: {} records: {input}", row.file, records(input));
        }
        for (name, least) in row.counted {
            if rejected(input, name).max(flagged(input, name)) < *least {
                let _ = writeln!(wrong, "{}: {name} not counted: {input}", row.file);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn row_12_no_escape_byte_reaches_the_terminal() {
    let Some(path) = data("malformed/handmade/12_ansi_escape.log") else { return };
    let place = Place::new();
    let rules = place.file(
        "r.yml",
        "title: Any app line\nid: 22222222-2222-4333-8444-555555555555\nlogsource: {product: linux, service: app}\n\
         detection:\n  k: ['pwned']\n  condition: k\nlevel: high\n",
    );
    let arguments = ["scan".as_ref(), path.as_os_str(), "--rules".as_ref(), rules.as_os_str()];
    let ran = place.run(arguments);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("pwned"), "{}", ran.out);
    assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'));
    assert!(!place.run(["show", "1"]).out.contains('\x1b'));
}

#[test]
fn row_17_instructions_to_a_language_model_are_a_finding() {
    let Some((ran, _)) = scan("17_prompt_injection.json") else { return };
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.to_lowercase().contains("language model"), "{}", ran.out);
}

#[test]
fn rows_18_and_19_a_hostile_regex_is_linear() {
    let (Some(log), Some(rule)) =
        (data("malformed/handmade/18_redos_subject.log"), data("malformed/handmade/19_redos_rule.yml"))
    else {
        return;
    };
    let place = Place::new();
    let ran = place.scan(&log, &["--rules", rule.to_str().unwrap()]);
    assert!((0..=3).contains(&ran.code), "{}", ran.err);
}

#[test]
fn rows_20_and_21_bad_rules_are_refused_with_place_and_reason_and_others_load() {
    let (Some(bomb), Some(unknown)) =
        (data("malformed/handmade/20_yaml_alias_bomb.yml"), data("malformed/handmade/21_sigma_unknown_modifier.yml"))
    else {
        return;
    };
    let place = Place::new();
    for rule in [&bomb, &unknown] {
        let checked = place.run(["rules".as_ref(), "check".as_ref(), rule.as_os_str()]);
        assert_eq!(checked.code, 2, "{}", checked.out);
        assert!(checked.out.contains("refused") && checked.out.contains("line"), "{}", checked.out);
        let ran = place.run([
            "scan".as_ref(),
            "testdata/demo".as_ref(),
            "--format".as_ref(),
            "jsonl".as_ref(),
            "--rules".as_ref(),
            rule.as_os_str(),
        ]);
        assert_eq!(ran.code, 3, "the built-in rules run, and the refusal makes it partial: {}", ran.err);
        assert!(!ran.findings().is_empty());
    }
}

#[test]
fn row_23_a_member_that_climbs_out_is_refused_and_the_others_are_read() {
    let Some(path) = data("malformed/handmade/23_zip_slip_and_bomb.zip") else { return };
    let place = Place::new();
    let case = place.path("case");
    let ran = place.run(["scan".as_ref(), path.as_os_str(), "-o".as_ref(), case.as_os_str()]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let manifest = manifest(&case);
    let unread = manifest["unread"].to_string();
    assert!(unread.contains("evil.txt"), "{unread}");
    let read = manifest["inputs"].to_string();
    assert!(read.contains("!ok.json"), "{read}");
    assert!(!case.join("../evil.txt").exists());
}

#[test]
fn captures_are_listed_with_what_to_do() {
    for file in ["27_pcap_caplen_4GiB.pcap", "28_pcap_zero_snaplen.pcap", "30_pcapng_block_len_0.pcapng"] {
        let Some((ran, inputs)) = scan(file) else { return };
        assert_eq!(ran.code, 2, "{file}");
        assert_eq!(inputs[0]["status"], "not_read", "{file}");
        assert!(inputs[0]["detail"].as_str().unwrap().contains("zeek -r"), "{file}");
    }
}

/// Every malformed file but captures: no panic, a documented exit code, and the neighbour beside it is still found.
#[test]
fn nothing_malformed_hides_its_neighbours() {
    let Some(folder) = data("malformed") else { return };
    let place = Place::new();
    let demo = std::fs::read("testdata/demo/windows.jsonl").unwrap();
    let neighbour = place.file("neighbour.jsonl", demo);
    let alone = place.scan(&neighbour, &["--no-learning"]).findings().len();
    let case = place.path("case");
    let ran = place.run([
        "scan".as_ref(),
        folder.join("json").as_os_str(),
        folder.join("handmade").as_os_str(),
        folder.join("evtx").as_os_str(),
        neighbour.as_os_str(),
        "-o".as_ref(),
        case.as_os_str(),
        "--quiet".as_ref(),
        "--no-learning".as_ref(),
    ]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let manifest = manifest(&case);
    let inputs = manifest["inputs"].as_array().unwrap();
    assert!(inputs.iter().all(|input| input["rejected"]["internal"].is_null()), "a decoder panicked");
    let findings = std::fs::read_to_string(case.join("findings.jsonl")).unwrap();
    assert_eq!(findings.lines().filter(|line| line.contains("neighbour.jsonl")).count(), alone);
}
