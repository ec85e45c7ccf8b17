//! Each kind of test against values at its edges.

use super::*;
use crate::sigma::ir::{Number, Order, Part, RefOrder, TimePart};

const TAG: Tag<'static> = Tag { product: "linux", service: "app", provider: "", code: "" };

/// The verdict of a single test, taken as it is and negated: the two must differ.
fn verdict(expr: Expr, record: &Handmade) -> bool {
    let negated = Expr::Not(Box::new(expr.clone()));
    let source = ["linux", "", "app"];
    let matcher = matcher(vec![rule(source, expr), rule(source, negated)], "");
    match hits(&matcher, TAG, record, &mut Scratch::default()).as_slice() {
        [0] => true,
        [1] => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn text() {
    let values = Handmade::new(&[("f", "C:\\Windows\\CMD.exe /c"), ("f", ""), ("u", "ÄRGER"), ("one", "x")]).null("n");
    let text = |field: &str, pattern: Pattern, cased: bool| atom(field, Test::Text { pattern, cased });
    for (field, pattern, cased, expected) in [
        ("f", Pattern::Exact("c:\\windows\\cmd.exe /c".into()), false, true),
        ("f", Pattern::Exact("c:\\windows\\cmd.exe /c".into()), true, false),
        ("f", Pattern::Exact("C:\\Windows\\CMD.exe /c".into()), true, true),
        ("f", Pattern::Exact("".into()), false, true),
        ("one", Pattern::Exact("".into()), false, false),
        ("n", Pattern::Exact("".into()), false, false),
        ("n", Pattern::Any, false, false),
        ("absent", Pattern::Any, false, false),
        ("f", Pattern::Any, false, true),
        ("f", Pattern::Prefix("c:\\w".into()), false, true),
        ("f", Pattern::Prefix("C:\\W".into()), true, true),
        ("f", Pattern::Prefix("c:\\W".into()), true, false),
        ("f", Pattern::Suffix("cmd.exe /c".into()), false, true),
        ("f", Pattern::Suffix("cmd.exe".into()), false, false),
        ("f", Pattern::Contains("cmd.exe".into()), false, true),
        ("f", Pattern::Contains("CMD".into()), true, true),
        ("f", Pattern::Contains("cmd".into()), true, false),
        ("u", Pattern::Exact("ärger".into()), false, true),
        ("u", Pattern::Contains("rge".into()), false, true),
        (
            "f",
            Pattern::Glob(vec![Part::Many, Part::Text("cmd".into()), Part::One, Part::Text("exe".into()), Part::Many]),
            false,
            true,
        ),
        ("one", Pattern::Glob(vec![Part::One]), false, true),
        ("one", Pattern::Glob(vec![Part::One, Part::One]), false, false),
        // A value that begins as wanted and one that ends so are not one value that does both.
        ("f", Pattern::Glob(vec![Part::Text("".into())]), false, true),
    ] {
        assert_eq!(verdict(text(field, pattern.clone(), cased), &values), expected, "{field} {pattern:?}");
    }
}

#[test]
fn any_of_many_values_may_match() {
    let many = Handmade::new(&[("f", "first"), ("f", "second"), ("f", "third")]);
    assert!(verdict(exact("f", "third"), &many));
    assert!(verdict(exact("f", "first"), &many));
    // Different values may satisfy different tests.
    assert!(verdict(Expr::And(vec![exact("f", "first"), exact("f", "second")]), &many));
    assert!(!verdict(Expr::And(vec![exact("f", "first"), exact("f", "fourth")]), &many));
}

#[test]
fn null_and_exists() {
    let record = Handmade::new(&[("text", "x"), ("empty", ""), ("mixed", "x")]).null("null").null("mixed");
    for (field, null, exists) in [
        ("absent", true, false),
        ("null", true, true),
        ("text", false, true),
        // Empty text is a value.
        ("empty", false, true),
        ("mixed", true, true),
    ] {
        assert_eq!(verdict(atom(field, Test::Null), &record), null, "{field} null");
        assert_eq!(verdict(atom(field, Test::Exists(true)), &record), exists, "{field} exists");
        assert_eq!(verdict(atom(field, Test::Exists(false)), &record), !exists, "{field} exists: false");
    }
}

#[test]
fn numbers_networks_times_regexes() {
    let record = Handmade::new(&[
        ("n", "0x1410"),
        ("ip", "::ffff:10.0.0.7"),
        ("zone", "fe80::1%3"),
        ("t", "2024-05-01 23:05:00.123"),
        ("r", "Invoke-Mimikatz"),
    ]);
    for (field, test, expected) in [
        ("n", Test::Compare(Order::GreaterOrEqual, Number::new(5136.0).unwrap()), true),
        ("n", Test::Compare(Order::Greater, Number::new(5136.0).unwrap()), false),
        ("r", Test::Compare(Order::Greater, Number::new(0.0).unwrap()), false),
        ("ip", Test::Cidr("10.0.0.0/8".into()), true),
        ("ip", Test::Cidr("192.168.0.0/16".into()), false),
        ("zone", Test::Cidr("fe80::/10".into()), false),
        ("t", Test::TimePart(TimePart::Hour, 23), true),
        ("t", Test::TimePart(TimePart::Week, 18), true),
        ("t", Test::TimePart(TimePart::Minute, 6), false),
        ("r", Test::Regex("Mimi(katz|dogz)$".into()), true),
        ("r", Test::Regex("mimikatz".into()), false),
        ("r", Test::Regex("(?i)mimikatz".into()), true),
    ] {
        assert_eq!(verdict(atom(field, test.clone()), &record), expected, "{field} {test:?}");
    }
}

#[test]
fn field_references() {
    let record = Handmade::new(&[("a", "Root\\Sub"), ("b", "root"), ("c", "Root"), ("d", "SUB")]).null("n");
    let to = |field: &str, how, cased| Test::FieldRef { field: field.into(), how, cased };
    for (field, test, expected) in [
        ("b", to("c", RefOrder::Equals, false), true),
        ("b", to("c", RefOrder::Equals, true), false),
        ("a", to("b", RefOrder::StartsWith, false), true),
        ("a", to("c", RefOrder::StartsWith, true), true),
        ("a", to("d", RefOrder::EndsWith, false), true),
        ("a", to("d", RefOrder::EndsWith, true), false),
        ("a", to("a", RefOrder::Contains, true), true),
        ("a", to("absent", RefOrder::Contains, false), false),
        // Null equals nothing, itself included.
        ("n", to("n", RefOrder::Equals, false), false),
    ] {
        assert_eq!(verdict(atom(field, test.clone()), &record), expected, "{field} {test:?}");
    }
}

#[test]
fn keywords_look_at_every_value_or_at_the_line() {
    let word = |pattern| atom("", Test::Text { pattern, cased: false });
    let mut record = Handmade::new(&[("a", "User root logged in"), ("b", "segfault")]);
    assert!(verdict(word(Pattern::Contains("root".into())), &record));
    assert!(verdict(word(Pattern::Exact("segfault".into())), &record));
    assert!(!verdict(word(Pattern::Contains("in segfault".into())), &record));
    record.line = Some("May  1 host app: User root logged in segfault".into());
    assert!(verdict(word(Pattern::Contains("in segfault".into())), &record));
    assert!(!verdict(word(Pattern::Exact("segfault".into())), &record));
}

#[test]
fn a_condition_without_tests_is_constant() {
    let record = Handmade::new(&[("a", "x")]);
    assert!(verdict(Expr::And(vec![]), &record));
    assert!(!verdict(Expr::default(), &record));
}

#[test]
fn a_long_value_costs_regexes_and_globs_no_more_than_its_length() {
    let value = "a".repeat(50_000);
    let record = Handmade::new(&[("f", &value)]);
    assert!(!verdict(atom("f", Test::Regex("(a+)+(a|aa)+$b".into())), &record));
    assert!(!verdict(atom("f", Test::Regex("(?i)(.*)(.*)(.*)x".into())), &record));
    let glob = vec![
        Part::Many,
        Part::Text("a".into()),
        Part::Many,
        Part::Text("aa".into()),
        Part::One,
        Part::Text("b".into()),
    ];
    assert!(!verdict(super::text("f", Pattern::Glob(glob)), &record));
}

#[test]
fn a_regex_over_its_limit_is_told_and_its_rule_never_matches() {
    let huge = r"(\w{1,500}){1,500}";
    let source = ["linux", "", "app"];
    let matcher = matcher(
        vec![
            rule(source, atom("f", Test::Regex(huge.into()))),
            rule(source, Expr::Not(Box::new(atom("f", Test::Regex(huge.into()))))),
            rule(source, exact("f", "x")),
        ],
        "",
    );
    assert!(matcher.refused().is_empty());
    assert_eq!(hits(&matcher, TAG, &Handmade::new(&[("f", "x")]), &mut Scratch::default()), [2]);
    let refused: Vec<u32> = matcher.refused().into_iter().map(|(rule, _)| rule.0).collect();
    assert_eq!(refused, [0, 1]);
}

#[test]
fn rules_that_do_not_compile_are_told_and_the_others_run() {
    let mut deep = exact("f", "x");
    for _ in 0..5000 {
        deep = Expr::Not(Box::new(deep));
    }
    let source = ["linux", "", "app"];
    let matcher = matcher(
        vec![
            rule(source, deep),
            rule(source, atom("f", Test::Cidr("10.0.0.0/99".into()))),
            rule(source, atom("f", Test::Regex("(".into()))),
            rule(source, exact("f", "x")),
        ],
        "",
    );
    let record = Handmade::new(&[("f", "x")]);
    assert_eq!(hits(&matcher, TAG, &record, &mut Scratch::default()), [3]);
    let refused: Vec<u32> = matcher.refused().into_iter().map(|(rule, _)| rule.0).collect();
    assert_eq!(refused, [0, 1, 2]);
    assert_eq!(matcher.why_not(RuleIndex(0), &TAG, &record).to_words(), "there is no such rule, or it was refused");
}

#[test]
fn a_group_with_too_many_fields_evaluates_the_rest_slowly() {
    let rules: Vec<Rule> = (0..super::super::GROUP_SLOTS_MAX + 50)
        .map(|at| rule(["linux", "", "app"], exact(&format!("field{at}"), "x")))
        .collect();
    let last = rules.len() as u32 - 1;
    let matcher = matcher(rules, "");
    let name = format!("field{last}");
    let record = Handmade::new(&[("field7", "X"), (&name, "x")]);
    assert_eq!(hits(&matcher, TAG, &record, &mut Scratch::default()), [7, last]);
}
