//! Real and hostile files of the shared data folder.

use std::io::Read;

use super::*;

/// The format that sniffing picks, at work.
fn sniffed(bytes: &[u8]) -> (&'static str, Seen) {
    let head = &bytes[..bytes.len().min(crate::format::HEAD_BYTES)];
    let names = Names::new(NAMES);
    if JsonLines.sniff(head) > JsonDocument.sniff(head) {
        ("jsonl", decode_by(&JsonLines, bytes, 1 << 20, &names))
    } else if JsonDocument.sniff(head) > crate::decoder::Confidence::NO {
        ("json", decode_by(&JsonDocument, bytes, 1 << 20, &names))
    } else {
        ("none", Seen::default())
    }
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = data(folder) else { return Vec::new() };
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn the_json_test_suite_is_accepted_and_rejected_as_it_says() {
    // Nothing at all is an empty file, not a bad one.
    const EMPTY: &[&str] = &["n_structure_no_data.json", "n_single_space.json", "n_structure_UTF8_BOM_no_data.json"];
    let files = files("malformed/json");
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        let seen = document(bytes);
        decode_by(&JsonLines, bytes, 1 << 20, &Names::new(NAMES));
        let accepted = seen.rejected.is_empty();
        match name.as_bytes()[0] {
            b'y' if !accepted => wrong.push((name, seen.rejected)),
            b'n' if accepted && !EMPTY.contains(&name.as_str()) => wrong.push((name, seen.rejected)),
            _ => {}
        }
        // An accepted value is a record or a counted oddity, or holds nothing.
        if name.starts_with("y_structure_lonely") || name.starts_with("y_structure_string") {
            assert_eq!((seen.events.len(), seen.unwanted), (0, 1), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(files.is_empty() || files.len() >= 318);
}

#[test]
fn handmade_hostile_files() {
    let files: BTreeMap<String, Vec<u8>> =
        files("malformed/handmade").into_iter().map(|(name, bytes)| (name.chars().take(2).collect(), bytes)).collect();
    if files.is_empty() {
        return;
    }
    let flags = |seen: &Seen| {
        seen.flags.iter().map(|(name, places)| format!("{name} {}", places.len())).collect::<Vec<_>>().join(", ")
    };
    for (number, format, events, rejected, flagged) in [
        ("01", "jsonl", 1, &[(41, "truncated")][..], ""),
        ("06", "json", 0, &[(0, "too_deep")], ""),
        ("07", "json", 0, &[(1, "too_deep")], ""),
        ("08", "json", 0, &[(0, "out_of_range")], ""),
        ("09", "json", 1, &[], "duplicate_key 1"),
        ("10", "json", 1, &[], "field_cap 1"),
        ("11", "json", 1, &[], ""),
        ("13", "json", 1, &[], "confusable 1"),
        ("14", "json", 1, &[], ""),
        ("15", "json", 1, &[], ""),
        ("16", "json", 1, &[], ""),
        ("17", "json", 1, &[], ""),
        ("25", "jsonl", 10, &[], "time_invalid 9"),
        ("26", "jsonl", 12, &[], ""),
        ("31", "json", 1, &[], ""),
        ("32", "json", 1, &[], ""),
        ("33", "json", 1, &[], ""),
        ("34", "jsonl", 7, &[], ""),
        ("35", "jsonl", 7, &[], ""),
        ("39", "jsonl", 1, &[(0, "corrupt")], "unknown_line 3"),
    ] {
        let (got, seen) = sniffed(&files[number]);
        assert_eq!(got, format, "{number}");
        assert_eq!(seen.rejected, rejected, "{number}");
        assert_eq!(seen.events.len(), events, "{number}");
        assert_eq!(flags(&seen), flagged, "{number}");
    }
    let (_, seen) = sniffed(&files["09"]);
    assert_eq!(seen.events[0].field("src_ip"), ["127.0.0.1"]);
}

#[test]
fn cloudtrail_of_attacks() {
    let mut events = 0;
    for (name, bytes) in files("stratus-cloudtrail/detonation-logs") {
        let (format, seen) = sniffed(&bytes);
        assert_eq!((format, &seen.rejected[..]), ("json", &[][..]), "{name}");
        for event in &seen.events {
            assert!(event.tag.starts_with("aws|cloudtrail|") && event.time.is_some(), "{name}: {}", event.tag);
        }
        events += seen.events.len();
    }
    assert!(events == 0 || events == 92, "{events} events");
}

#[test]
fn benign_logs_of_clouds() {
    for (name, bytes) in files("plaso-logs/jsonl") {
        let (format, seen) = sniffed(&bytes);
        assert_eq!((format, &seen.rejected[..]), ("jsonl", &[][..]), "{name}");
        let prefix = match name.as_str() {
            "aws_cloudtrail.jsonl" => "aws|cloudtrail|",
            "azure_activity_log.jsonl" => "azure|activitylogs|",
            "microsoft_audit_log.jsonl" => "m365|audit|",
            // Audit records stand beside others.
            _ => "",
        };
        for event in &seen.events {
            assert!(event.tag.starts_with(prefix), "{name}: {}", event.tag);
            assert!(event.time.is_some(), "{name}: {}", String::from_utf8_lossy(&event.bytes));
        }
        assert!(seen.events.len() > 3);
    }
}

/// Every event of every archive: recognised, timed, with channel, id, provider and host.
#[test]
fn simulations_of_otrf() {
    let Some(root) = data("otrf-security-datasets/atomic/windows") else { return };
    let mut folders = vec![root];
    let mut events = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "zip") {
                events += archive(&path);
            }
        }
    }
    assert!(events > 30_000, "{events} events");
}

fn archive(path: &std::path::Path) -> usize {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut events = 0;
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        let name = member.name().unwrap().into_owned();
        // The largest are left to the benches.
        if !name.ends_with(".json") || name.contains("__MACOSX") || member.size() > 6 << 20 {
            continue;
        }
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        let (format, seen) = sniffed(&bytes);
        assert_eq!((format, &seen.rejected[..]), ("jsonl", &[][..]), "{name}");
        for event in &seen.events {
            let parts: Vec<_> = event.tag.split('|').collect();
            assert_eq!(parts[0], "windows", "{name}: {}", event.tag);
            assert!(!parts[1].is_empty() && !parts[3].is_empty(), "{name}: {}", event.tag);
            assert!(event.time.is_some() && event.field("Computer").len() == 1, "{name}: {:?}", event.fields);
        }
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert_eq!(seen.events.len(), lines, "{name}");
        events += seen.events.len();
    }
    events
}

/// The records beside SigmaHQ's regression events are what `evtx_dump` prints.
#[test]
fn trees_of_evtx_dump() {
    let Some(root) = data("sigma-regression") else { return };
    let mut folders = vec![root];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let (format, seen) = sniffed(&std::fs::read(&path).unwrap());
                assert_eq!((format, &seen.rejected[..]), ("json", &[][..]), "{}", path.display());
                assert!(!seen.events.is_empty());
                for event in &seen.events {
                    assert!(event.tag.starts_with("windows|") && event.time.is_some(), "{}", event.tag);
                    assert_eq!((event.field("Provider_Name").len(), event.field("Computer").len()), (1, 1));
                }
                files += 1;
            }
        }
    }
    assert!(files > 100, "{files} files");
}
