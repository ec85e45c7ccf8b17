//! Filters, applied.

use super::super::{Lists, load_with};
use super::{load_text, pack, show};

const RULE: &str = "title: r\nid: rid\nname: r_name\nlogsource: {product: windows, category: process_creation}\n\
                    detection: {s: {A: 1}, condition: s}\n";

fn filter(rules: &str, logsource: &str, condition: &str) -> String {
    format!(
        "title: Admins\nid: fid\nlogsource: {logsource}\nfilter:\n  rules: {rules}\n  selection: {{User|startswith: adm_}}\n  \
         condition: {condition}\n"
    )
}

#[test]
fn joined_as_written_or_negated() {
    let cases = [
        // The specification's example says what to suppress, pySigma's says what to keep.
        ("[rid]", "{product: windows}", "selection", "(0{A=1} & !1{User^adm_})"),
        ("[rid]", "{product: windows}", "not selection", "(0{A=1} & !1{User^adm_})"),
        ("[r_name]", "{product: windows}", "not selection", "(0{A=1} & !1{User^adm_})"),
        ("any", "{category: process_creation}", "selection", "(0{A=1} & !1{User^adm_})"),
        ("[rid, r_name]", "{product: windows}", "selection", "(0{A=1} & !1{User^adm_})"),
        // Not concerned.
        ("[other]", "{product: windows}", "selection", "0{A=1}"),
        ("any", "{product: linux}", "selection", "0{A=1}"),
        ("[rid]", "{product: windows, service: security}", "selection", "0{A=1}"),
    ];
    for (rules, logsource, condition, want) in cases {
        let filter = filter(rules, logsource, condition);
        let loaded = load_with(&[pack(&[("f.yml", &filter), ("r.yml", RULE)])], &Lists::new(), 1);
        assert!(loaded.refusals.is_empty(), "{}", loaded.refusals[0]);
        assert_eq!(show(&loaded.set.rules[0].expr), want, "{rules} {logsource} {condition}");
    }
}

#[test]
fn a_filtered_rule_says_so() {
    let plain = load_text(RULE);
    let filter = filter("[rid, nobody]", "{product: windows}", "selection");
    let loaded = load_with(&[pack(&[("f.yml", &filter), ("r.yml", RULE)])], &Lists::new(), 1);
    let rule = &loaded.set.rules[0];
    assert_eq!(rule.selections, ["s", "filter Admins: selection"]);
    assert_eq!(rule.condition, "(s) and not (selection)");
    assert_ne!(rule.hash, plain.set.rules[0].hash, "what decides has changed");
    let notes: Vec<_> = loaded.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "f.yml line 1: filter names rule `nobody`, which is not loaded",
            "f.yml line 1: filter applied to 1 rules; its condition is joined by `and`, negated, as it says what to suppress",
        ]
    );
}

#[test]
fn several_filters_and_their_limit() {
    let one = filter("any", "{product: windows}", "not selection");
    let files: Vec<(String, String)> = (0..70).map(|n| (format!("f{n:02}.yml"), one.clone())).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(("r.yml", RULE));
    let loaded = load_with(&[pack(&files)], &Lists::new(), 1);
    assert_eq!(loaded.set.rules[0].selections.len(), 1 + 64);
    let left = loaded.notes.iter().filter(|note| note.reason == "filter not applied to rule `rid`: too many filters");
    assert_eq!(left.count(), 6);
    assert!(show(&loaded.set.rules[0].expr).ends_with("!64{User^adm_})"));
}
