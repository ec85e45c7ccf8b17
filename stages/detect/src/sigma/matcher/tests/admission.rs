//! Which rules look at which records.

use super::*;
use crate::sigma::matcher::{Admission, Dormant};
use shieldwall_schema::mapping::BucketId;

const MAPPINGS: &str = r#"
[[bucket]]
name = "windows/sysmon/process_creation"
logsource = { product = "windows", category = "process_creation" }
match = { product = ["windows"], service = ["Microsoft-Windows-Sysmon/Operational"], code = ["1"] }
[[bucket]]
name = "windows/security/process_creation"
logsource = { product = "windows", category = "process_creation" }
match = { product = ["windows"], service = ["Security"], code = ["4688"] }
[bucket.alias]
Image = ["NewProcessName"]
[[bucket]]
name = "windows/security"
logsource = { product = "windows", service = "security" }
match = { product = ["windows"], service = ["Security"] }
"#;

fn tag<'a>(product: &'a str, service: &'a str, code: &'a str) -> Tag<'a> {
    Tag { product, service, provider: "", code }
}

#[test]
fn a_rule_runs_only_on_records_it_was_written_for() {
    let is = |field: &str| exact(field, "x");
    let matcher = matcher(
        vec![
            rule(["windows", "process_creation", ""], is("Image")),
            rule(["windows", "", "security"], is("NewProcessName")),
            rule(["linux", "process_creation", ""], is("Image")),
            rule(["windows", "", ""], is("NewProcessName")),
            rule(["", "", "Application"], is("Image")),
            rule(["windows", "file_event", ""], is("Image")),
        ],
        MAPPINGS,
    );
    let mut scratch = Scratch::default();
    let record = Handmade::new(&[("Image", "x"), ("NewProcessName", "x")]);
    for (of, expected) in [
        (tag("windows", "Microsoft-Windows-Sysmon/Operational", "1"), vec![0, 3]),
        (tag("windows", "Security", "4688"), vec![0, 1, 3]),
        (tag("windows", "security", "4624"), vec![1, 3]),
        // In no bucket: product and service are the tag's own words.
        (tag("windows", "Application", "1000"), vec![3, 4]),
        (tag("linux", "application", ""), vec![4]),
        (tag("linux", "sshd", ""), vec![]),
        (tag("json", "", ""), vec![]),
    ] {
        assert_eq!(hits(&matcher, of, &record, &mut scratch), expected, "{of:?}");
    }
    // Through the alias: the record of 4688 has no field `Image`.
    assert_eq!(
        hits(&matcher, tag("windows", "Security", "4688"), &Handmade::new(&[("NewProcessName", "X")]), &mut scratch),
        [0, 1, 3]
    );
    assert_eq!(
        matcher.admission(RuleIndex(0), &tag("windows", "Security", "4688")),
        Some(Admission::Bucket(BucketId(1)))
    );
    assert_eq!(matcher.admission(RuleIndex(3), &tag("windows", "Application", "1")), Some(Admission::OwnWords));
    assert_eq!(matcher.bucket(RuleIndex(1), &tag("windows", "Security", "1")).unwrap().name, "windows/security");
    assert_eq!(
        matcher.dormant(),
        [(RuleIndex(2), Dormant::NoBucket), (RuleIndex(4), Dormant::OwnWordsOnly), (RuleIndex(5), Dormant::NoBucket),]
    );
    assert_eq!(matcher.rules_for(&tag("windows", "Security", "1")).len(), 2);
}

#[test]
fn rules_for_other_codes_are_not_in_the_group() {
    let source = ["windows", "", "security"];
    let code = |code: &str| exact("EventID", code);
    let matcher = matcher(
        vec![
            rule(source, Expr::And(vec![code("4624"), exact("LogonType", "3")])),
            rule(source, Expr::And(vec![code("4625"), exact("LogonType", "3")])),
            rule(source, Expr::And(vec![Expr::Or(vec![code("4624"), code("4634")]), exact("LogonType", "3")])),
            rule(source, Expr::And(vec![Expr::Not(Box::new(code("4624"))), exact("LogonType", "3")])),
            rule(source, code("1102")),
        ],
        MAPPINGS,
    );
    let mut scratch = Scratch::default();
    let record = Handmade::new(&[("LogonType", "3")]);
    for (id, expected, slots) in [
        ("4624", vec![0, 2], 1),
        ("4625", vec![1, 3], 1),
        ("4634", vec![2, 3], 1),
        ("1102", vec![3, 4], 1),
        ("9999", vec![3], 1),
        // Without a code the record's own field counts, and it has none here.
        ("", vec![3], 2),
    ] {
        let of = tag("windows", "Security", id);
        assert_eq!(hits(&matcher, of, &record, &mut scratch), expected, "{id}");
        assert_eq!(matcher.want(&of).unwrap().slots.len(), slots, "{id}");
    }
    // 9999 and all other codes that no rule names are one group.
    let groups = matcher.compiled().0;
    for id in 20_000..20_100 {
        assert_eq!(hits(&matcher, tag("windows", "Security", &id.to_string()), &record, &mut scratch), [3]);
    }
    assert_eq!(matcher.compiled().0, groups);
    // Elsewhere a code is not a field.
    assert!(matcher.want(&tag("linux", "security", "4624")).is_none());
}

#[test]
fn nothing_is_wanted_where_no_rule_is_left() {
    let matcher = matcher(vec![rule(["windows", "", "security"], exact("EventID", "4624"))], MAPPINGS);
    assert!(matcher.want(&tag("windows", "Security", "4625")).is_none());
    assert!(matcher.want(&tag("windows", "System", "4624")).is_none());
    // The code alone decides: no field is wanted.
    assert!(matcher.want(&tag("windows", "Security", "4624")).unwrap().slots.is_empty());
    assert_eq!(hits(&matcher, tag("windows", "Security", "4624"), &Handmade::default(), &mut Scratch::default()), [0]);
}

#[test]
fn endless_tags_take_bounded_memory_and_change_nothing() {
    let rules = vec![
        rule(["windows", "", ""], exact("f", "x")),
        rule(["windows", "", "security"], Expr::And(vec![exact("EventID", "7"), exact("f", "x")])),
        // Asks for the code in a way that makes every code its own.
        rule(["windows", "", "security"], text("EventID", Pattern::Prefix("99".into()))),
    ];
    let matcher = matcher(rules, MAPPINGS);
    let mut scratch = Scratch::default();
    let record = Handmade::new(&[("f", "x")]);
    for at in 0..100_000 {
        let word = at.to_string();
        let of = match at % 3 {
            0 => Tag { product: "windows", service: &word, provider: "", code: "" },
            1 => Tag { product: "windows", service: "x", provider: &word, code: &word },
            _ => Tag { product: "windows", service: "Security", provider: "", code: &word },
        };
        let mut expected = vec![0];
        if at % 3 == 2 && word.starts_with("99") {
            expected.push(2);
        }
        assert_eq!(hits(&matcher, of, &record, &mut scratch), expected, "{of:?}");
    }
    assert!(matcher.compiled().0 <= 4, "{:?}", matcher.compiled());
    let (tags, codes) = matcher.remembered();
    assert!(tags <= Options::default().tags_max && codes <= 2 * Options::default().tags_max, "{tags} {codes}");
    // A tag longer than the limit is served and not kept.
    let long = "y".repeat(10_000);
    assert_eq!(hits(&matcher, tag("windows", &long, ""), &record, &mut scratch), [0]);
    assert_eq!(matcher.remembered().0, tags);
}

#[test]
fn tags_are_told_apart_whatever_their_parts_hold() {
    let matcher = matcher(vec![rule(["p", "", "s s"], exact("f", "x"))], "");
    assert!(matcher.want(&Tag { product: "p", service: "s s", provider: "", code: "" }).is_some());
    assert!(matcher.want(&Tag { product: "p", service: "s", provider: " s", code: "" }).is_none());
    assert!(matcher.want(&Tag { product: "ps", service: " s", provider: "", code: "" }).is_none());
}

#[test]
fn workers_share_a_matcher() {
    let rules = (0..200).map(|at| rule(["windows", "", "security"], exact("f", &format!("value{at}")))).collect();
    let matcher = matcher(rules, MAPPINGS);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let matcher = &matcher;
            scope.spawn(move || {
                let mut scratch = Scratch::default();
                for at in (worker..200).step_by(4) {
                    let record = Handmade::new(&[("f", &format!("VALUE{at}"))]);
                    let code = at.to_string();
                    assert_eq!(hits(matcher, tag("windows", "Security", &code), &record, &mut scratch), [at]);
                }
            });
        }
    });
    assert_eq!(matcher.compiled().0, 1);
}
