//! Rules against the records that their authors say they match.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::run::{Place, data, rule_of};

/// Stated match counts that are wrong, by rule id: what all engines that were measured find is right.
const STATED_WRONG: usize = 4;

/// SigmaHQ's live rules: every one compiles.
#[test]
fn every_live_sigmahq_rule_compiles() {
    let Some(_) = data("sigma") else { return };
    let place = Place::new();
    let folders = ["rules", "rules-emerging-threats", "rules-threat-hunting"];
    let paths = folders.map(|folder| data(&format!("sigma/{folder}")).unwrap());
    let mut command = place.command();
    let output = command.args(["rules", "check"]).args(&paths).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let last = out.lines().last().unwrap_or_default();
    assert_eq!(last, "3754 rules compiled, 0 refused", "{out}");
    assert_eq!(output.status.code(), Some(0));
}

/// SigmaHQ's regression data: every rule fires on its own record, as often as stated.
#[test]
fn every_regression_record_is_found_by_its_rule() {
    let (Some(data_dir), Some(_)) = (data("sigma-regression"), data("sigma")) else { return };
    let place = Place::new();
    let mut command = place.command();
    command.args(["scan", "--no-builtin-rules", "--format", "jsonl", "--quiet"]).arg(&data_dir);
    for folder in ["rules", "rules-emerging-threats", "rules-threat-hunting"] {
        command.arg("--rules").arg(data(&format!("sigma/{folder}")).unwrap());
    }
    let output = command.output().unwrap();
    let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let finding: serde_json::Value = serde_json::from_str(line).unwrap();
        // By content: a file that is there twice is read once.
        let content = finding["evidences"][0]["data"]["sha256"].as_str().unwrap().to_owned();
        found.insert((content, rule_of(&finding).to_owned()), finding["count"].as_u64().unwrap_or(1));
    }
    let mut files = Vec::new();
    evtx_files(&data_dir, &mut files);
    assert_eq!(files.len(), 202);
    let mut missed = Vec::new();
    let mut stated_wrong = Vec::new();
    for file in &files {
        let rule = file.file_stem().unwrap().to_string_lossy().into_owned();
        let content: String =
            Sha256::digest(std::fs::read(file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
        let count = found.get(&(content, rule)).copied();
        let info = std::fs::read_to_string(file.with_file_name("info.yml")).unwrap();
        let stated = info
            .lines()
            .find_map(|line| line.trim().strip_prefix("match_count:"))
            .and_then(|count| count.trim().parse::<u64>().ok());
        match (count, stated) {
            (None, _) => missed.push(file),
            (Some(count), Some(stated)) if count != stated => stated_wrong.push(count),
            _ => {}
        }
    }
    assert!(missed.is_empty(), "{} of 202 missed: {missed:#?}", missed.len());
    stated_wrong.sort_unstable();
    assert_eq!(stated_wrong.len(), STATED_WRONG);
    assert_eq!(stated_wrong, [2, 3, 3, 3], "the four wrong counts are 3, 3, 3 and 2");
}

fn evtx_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            evtx_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
}

/// Our own rules fire on their true examples and are silent on their false ones.
#[test]
fn our_rules_hold_on_their_examples() {
    let place = Place::new();
    let ran = place.run(["rules", "test", "content/rules"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.ends_with("0 failed; 0 rule(s) without examples\n"), "{}", ran.out);
}
