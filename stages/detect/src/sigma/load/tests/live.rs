//! SigmaHQ, all of it, and the specification's own examples.

use std::collections::BTreeMap;

use super::super::super::ir::{Atom, Expr, Test};
use super::super::{Lists, Loaded, Pack, load_with};
use super::{data, show};

fn load(path: &std::path::Path) -> Loaded {
    load_with(&[Pack::from_dir("sigma", path).unwrap()], &Lists::new(), 4)
}

#[test]
fn every_live_rule_loads() {
    let Some(path) = data("sigma") else { return };
    let mut total = 0;
    for (folder, want, notes) in
        [("rules", 3_141, 0), ("rules-emerging-threats", 473, 2), ("rules-threat-hunting", 140, 0)]
    {
        let loaded = load(&path.join(folder));
        let refused: Vec<_> = loaded.refusals.iter().map(ToString::to_string).collect();
        assert!(refused.is_empty(), "{folder}: {refused:#?}");
        assert!(loaded.skipped.is_empty());
        assert_eq!(loaded.set.rules.len(), want, "{folder}");
        assert_eq!(loaded.notes.len(), notes, "{folder}: {:#?}", loaded.notes);
        assert!(loaded.notes.iter().all(|note| note.reason.starts_with("needs list `known_cdcs`")));
        total += loaded.set.rules.len();
    }
    assert_eq!(total, 3_754);
}

#[test]
fn the_other_folders() {
    let Some(path) = data("sigma") else { return };
    for (folder, rules, refusals) in
        [("rules-placeholder", 23, 0), ("rules-compliance", 3, 0), ("deprecated", 171, 1), ("unsupported", 27, 62)]
    {
        let loaded = load(&path.join(folder));
        assert_eq!((loaded.set.rules.len(), loaded.refusals.len()), (rules, refusals), "{folder}");
        // What is refused there is what the specification removed, and three conditions that end in words.
        for refusal in &loaded.refusals {
            let removed = refusal.reason.contains("was removed from the specification");
            assert!(removed || refusal.reason == "condition names selection `write`, which is not there", "{refusal}");
        }
    }
}

/// Known rules, read by hand.
#[test]
fn known_rules() {
    let Some(path) = data("sigma/rules") else { return };
    let loaded = load(&path);
    let shown = |title: &str| {
        let rule = loaded.set.rules.iter().find(|rule| rule.title == title);
        show(&rule.unwrap_or_else(|| panic!("no rule {title}")).expr)
    };
    assert_eq!(
        shown("File Deleted Via Sysinternals SDelete"),
        "(0{(TargetFilename$.aaa | TargetFilename$.zzz)} & !1{TargetFilename$\\wireshark\\radius\\dictionary.alcatel-lucent.aaa})"
    );
    let task = shown("Delete Important Scheduled Task");
    assert!(task.starts_with("(0{(Image$\\schtasks.exe | OriginalFileName=schtasks.exe)} & "), "{task}");
    let base64 = shown("PowerShell Base64 Encoded FromBase64String Cmdlet");
    assert!(base64.contains("CommandLine~ojpgcm9tqmfzzty0u3ryaw5n"), "{base64}");
}

#[test]
fn what_live_rules_are_made_of() {
    let Some(path) = data("sigma") else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in ["rules", "rules-emerging-threats", "rules-threat-hunting"] {
        for rule in &load(&path.join(folder)).set.rules {
            count(&rule.expr, &mut counts);
        }
    }
    // The atoms of the formulas; research counted 188 distinct regular expressions in the Windows rules alone.
    assert!(counts["regex"] >= 188, "{counts:?}");
    assert_eq!(counts["fieldref"], 5, "{counts:?}");
    assert!(counts["text"] > 40_000 && counts["cidr"] >= 300 && counts["null"] >= 60, "{counts:?}");
    eprintln!("{counts:?}");
}

fn count(expr: &Expr, counts: &mut BTreeMap<&str, usize>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| count(part, counts)),
        Expr::Not(part) | Expr::Selection(_, part) => count(part, counts),
        Expr::Atom(Atom { test, .. }) => {
            let name = match test {
                Test::Text { .. } => "text",
                Test::Regex(_) => "regex",
                Test::Cidr(_) => "cidr",
                Test::Compare(..) => "compare",
                Test::Null => "null",
                Test::Exists(_) => "exists",
                Test::FieldRef { .. } => "fieldref",
                Test::TimePart(..) => "time",
            };
            *counts.entry(name).or_default() += 1;
        }
    }
}

#[test]
fn the_specifications_examples() {
    let Some(path) = data("sigma-specification/tests") else { return };
    let loaded = load(&path);
    assert_eq!(loaded.set.rules.len(), 2);
    assert!(loaded.skipped.is_empty());
    // Eight correlations, whose rules are not here.
    assert_eq!(loaded.refusals.len(), 8);
    for refusal in &loaded.refusals {
        assert!(refusal.reason.contains("which is not loaded: add its file"), "{refusal}");
    }
    // Two filters, whose four rules are not here.
    let notes = |part: &str| loaded.notes.iter().filter(|note| note.reason.contains(part)).count();
    assert_eq!(notes("which is not loaded"), 4);
    assert_eq!(notes("filter applied to 0 rules"), 2);
    assert_eq!(notes("taxonomy `ecs`"), 2);
}

/// With rules for them to stand on, all of the specification's correlations load.
#[test]
fn the_specifications_correlations() {
    let Some(path) = data("sigma-specification/tests/schema/correlation") else { return };
    let mut examples = Pack::from_dir("", &path).unwrap();
    let mut rules = String::new();
    let names = ["recon_cmd_a", "recon_cmd_b", "recon_cmd_c", "rule_a_id", "process_creation", "website_access"];
    for (at, name) in names.iter().chain(["5638f7c0-ac70-491d-8465-2a65075e0d86"].iter()).enumerate() {
        let id = if name.len() == 36 { (*name).to_owned() } else { format!("id-{at}") };
        rules.push_str(&format!(
            "---\ntitle: {name}\nid: {id}\nname: {name}\nlogsource: {{product: x}}\ndetection: {{s: {{A: {at}}}, condition: s}}\n"
        ));
    }
    examples.files.push(("rules.yml".to_owned(), rules.into_bytes()));
    let loaded = load_with(&[examples], &Lists::new(), 1);
    assert!(loaded.refusals.is_empty(), "{}", loaded.refusals[0]);
    let mut kinds: Vec<String> = loaded.set.correlations.iter().map(|one| format!("{:?}", one.kind)).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!((kinds.len(), loaded.set.correlations.len()), (7, 8), "{kinds:?}");
    // One says nothing of its per cent.
    assert_eq!(loaded.notes.iter().filter(|note| note.reason.contains("compares the median")).count(), 1);
}
