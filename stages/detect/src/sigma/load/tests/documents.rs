//! Metadata, several documents in a file, rule collections, ids and hashes.

use sha2::{Digest, Sha256};

use super::super::super::ir::Level;
use super::super::documents::hex;
use super::super::{Lists, load_with};
use super::{load_text, pack, rule_of, show};

const FULL: &str = "\
title: A Title
id: 545a5da6-f103-4919-a519-e9aec1026ee4
name: a_name
status: test
description: |
    Two
    lines
license: MIT
author: [Some One, Another]
references: https://123.456
date: 2017/05/09
modified: 2023-04-14
tags:
    - attack.t1211
    - attack.t1562.001
logsource:
    Product: ignored
    product: Windows
    category: Process_Creation
    definition: words
detection:
    selection:
        Provider_Name: 'Application Error'
    condition: selection
fields: [A, B]
falsepositives:
    - a string
level: High
custom: {a: [b]}
";

#[test]
fn metadata() {
    let rule = rule_of(FULL);
    assert_eq!(rule.id, "545a5da6-f103-4919-a519-e9aec1026ee4");
    assert_eq!(rule.title, "A Title");
    assert_eq!(rule.description, "Two\nlines");
    assert_eq!(rule.status, "test");
    assert_eq!(rule.level, Level::High);
    assert_eq!(rule.author, "Some One, Another");
    assert_eq!(rule.license, "MIT");
    assert_eq!(rule.tags, ["attack.t1211", "attack.t1562.001"]);
    assert_eq!(rule.references, ["https://123.456"]);
    assert_eq!(rule.false_positives, ["a string"]);
    assert_eq!(rule.fields, ["A", "B"]);
    assert_eq!(rule.version, "2023-04-14");
    assert_eq!((rule.file.as_str(), rule.line, rule.pack.as_str()), ("x.yml", 1, "test"));
    assert_eq!(rule.logsource.product, "windows");
    assert_eq!(rule.logsource.category, "process_creation");
    assert_eq!(rule.logsource.service, "");
    assert_eq!(rule.hash, hex(&Sha256::digest(FULL)));
}

#[test]
fn a_rule_without_id_gets_one_of_its_hash() {
    let text = "title: t\nlogsource: {product: x}\ndetection: {s: a, condition: s}\n";
    let rule = rule_of(text);
    assert_eq!(rule.id.len(), 36);
    assert_eq!(rule.id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(rule.hash.get(..8), rule.id.split('-').next());
    assert_eq!(rule.id.as_bytes()[14], b'8');
    assert_eq!(rule.id, rule_of(text).id);
    assert_ne!(rule.id, rule_of(&format!("{text}\n")).id);
    assert_eq!(rule.level, Level::Informational);
}

#[test]
fn the_packs_licence_stands_in() {
    let text = FULL.replace("license: MIT\n", "");
    let mut pack = pack(&[("x.yml", &text)]);
    pack.license = "DRL 1.1".to_owned();
    assert_eq!(load_with(&[pack], &Lists::new(), 1).set.rules[0].license, "DRL 1.1");
}

fn small(id: &str, value: &str) -> String {
    format!("title: t\nid: {id}\nlogsource: {{product: x}}\ndetection: {{s: {value}, condition: s}}\n")
}

#[test]
fn documents_are_hashed_and_placed_by_themselves() {
    let (one, two) = (small("a", "x"), small("b", "y"));
    let text = format!("{one}---\n{two}---\n# nothing\n---\n");
    let loaded = load_text(&text);
    assert!(loaded.refusals.is_empty() && loaded.skipped.is_empty());
    let rules = &loaded.set.rules;
    assert_eq!(rules.iter().map(|rule| (rule.id.as_str(), rule.line)).collect::<Vec<_>>(), [("a", 1), ("b", 5)]);
    assert_eq!(rules[0].hash, hex(&Sha256::digest(&one)));
    assert_eq!(rules[1].hash, hex(&Sha256::digest(format!("---\n{two}"))));
}

#[test]
fn a_bad_document_leaves_its_neighbours() {
    let bad = small("bad", "x").replace("condition: s", "condition: s, s: y");
    let text = format!("{}---\n{bad}---\n{}---\n- [\n", small("a", "x"), small("b", "y"));
    let loaded = load_text(&text);
    assert_eq!(loaded.set.rules.len(), 2);
    assert_eq!(loaded.refusals.len(), 2);
    assert_eq!(loaded.refusals[0].to_string(), "x.yml line 9: key `s` stands twice in one map");
    assert!(loaded.refusals[1].reason.starts_with("not YAML: "), "{}", loaded.refusals[1]);
    // The good rules hash as they do alone.
    assert_eq!(loaded.set.rules[0].hash, hex(&Sha256::digest(small("a", "x"))));
}

#[test]
fn carriage_returns_and_byte_order_marks() {
    let text = format!("\u{feff}{}", FULL.replace('\n', "\r\n"));
    let rule = rule_of(&text);
    assert_eq!(rule.title, "A Title");
    assert_eq!(rule.description, "Two\nlines");
    let two = format!("{}---\r\n{}", small("a", "x").replace('\n', "\r\n"), small("b", "y").replace('\n', "\r\n"));
    let loaded = load_text(&two);
    assert_eq!(loaded.set.rules[1].line, 5);
    assert_eq!(loaded.set.rules[0].hash, hex(&Sha256::digest(small("a", "x").replace('\n', "\r\n"))));
}

const COLLECTION: &str = "\
action: global
title: g
id: gid
level: low
detection: {s: {A: 1}, condition: s and t}
---
logsource: {product: x}
detection: {t: {B: 1}}
---
logsource: {product: y}
detection: {t: {C: 1}}
level: high
---
action: repeat
logsource: {service: z}
---
action: reset
---
title: alone
id: other
logsource: {product: x}
detection: {s: a, condition: s}
";

#[test]
fn rule_collections() {
    let loaded = load_text(COLLECTION);
    assert!(loaded.refusals.is_empty(), "{}", loaded.refusals[0]);
    let mut rules: Vec<_> = loaded.set.rules.iter().collect();
    rules.sort_by_key(|rule| rule.line);
    assert_eq!(rules.len(), 4);
    assert_eq!(show(&rules[0].expr), "(0{A=1} & 1{B=1})");
    assert_eq!((rules[0].id.as_str(), rules[0].level), ("gid", Level::Low));
    assert_eq!(show(&rules[1].expr), "(0{A=1} & 1{C=1})");
    assert_eq!((rules[1].logsource.product.as_str(), rules[1].level), ("y", Level::High));
    assert_eq!((rules[2].logsource.product.as_str(), rules[2].logsource.service.as_str()), ("y", "z"));
    assert_eq!(rules[3].title, "alone");
    assert_eq!(rules[3].level, Level::Informational);
    // The hash covers what was merged.
    let global = COLLECTION.split("---\n").next().unwrap();
    let first = format!("---\n{}", COLLECTION.split("---\n").nth(1).unwrap());
    assert_eq!(rules[0].hash, hex(&Sha256::digest(format!("{global}{first}"))));
    // Three rules share an id and all run; that is said.
    assert_eq!(loaded.notes.len(), 2);
    assert!(loaded.notes[0].reason.ends_with("has the same id; both run"), "{}", loaded.notes[0]);
}

#[test]
fn order_and_double_rules() {
    let (a, b) = (small("a", "x"), small("b", "y"));
    let changed = small("a", "z");
    let one = pack(&[("1.yml", &b), ("2.yml", &a)]);
    let mut two = pack(&[("1.yml", &a), ("2.yml", &changed)]);
    two.name = "second".to_owned();
    let loaded = load_with(&[one, two], &Lists::new(), 1);
    let shown: Vec<_> = loaded.set.rules.iter().map(|rule| (rule.id.as_str(), rule.pack.as_str())).collect();
    assert_eq!(shown.len(), 3);
    assert_eq!(shown.iter().filter(|rule| **rule == ("a", "test")).count(), 1);
    assert_eq!(shown.iter().filter(|rule| **rule == ("a", "second")).count(), 1);
    assert_eq!(shown[2], ("b", "test"));
    assert!(loaded.set.rules.is_sorted_by_key(|rule| (rule.id.clone(), rule.hash.clone())));
    let mut notes: Vec<_> = loaded.notes.iter().map(ToString::to_string).collect();
    notes.sort();
    assert!(
        notes.iter().any(|n| n == "1.yml line 1: `2.yml` line 1 of pack `test` is the same rule; one is kept"),
        "{notes:?}"
    );
    assert!(notes.iter().any(|n| n.ends_with("has the same id; both run")), "{notes:?}");
}

#[test]
fn what_is_no_rule_is_skipped() {
    let cases = [
        ("", "x.yml: not a Sigma rule: the file is empty"),
        ("# words\n", "x.yml: not a Sigma rule: the file is empty"),
        ("- a\n", "x.yml line 1: not a Sigma rule: the document is not a map"),
        ("words\n", "x.yml line 1: not a Sigma rule: the document is not a map"),
        ("name: ci\non: push\n", "x.yml line 1: not a Sigma rule: no `detection`, `correlation` or `filter`"),
    ];
    for (text, want) in cases {
        let loaded = load_text(text);
        assert!(loaded.refusals.is_empty() && loaded.set.rules.is_empty(), "{text}");
        assert_eq!(loaded.skipped.iter().map(ToString::to_string).collect::<Vec<_>>(), [want]);
    }
}

#[test]
fn another_taxonomy_is_noted() {
    let loaded = load_text(&format!("taxonomy: ecs\n{}", small("a", "x")));
    assert_eq!(loaded.notes[0].to_string(), "x.yml line 1: taxonomy `ecs`: field names are taken as they stand");
    assert!(load_text(&format!("taxonomy: sigma\n{}", small("a", "x"))).notes.is_empty());
}

#[test]
fn threads_change_nothing() {
    let texts: Vec<(String, String)> = (0..300)
        .map(|n| {
            (
                format!("{n:03}.yml"),
                if n % 7 == 0 { "a: [".to_owned() } else { small(&format!("{:03}", n % 100), &n.to_string()) },
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let packs = [pack(&files)];
    let show = |threads| format!("{:?}", load_with(&packs, &Lists::new(), threads));
    let one = show(1);
    for threads in [2, 3, 8, 64] {
        assert_eq!(show(threads), one);
    }
}
