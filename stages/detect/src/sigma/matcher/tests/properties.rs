//! Laws: the matcher finds what the plain evaluator finds, no more and no less; and explanations agree with both.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use shieldwall_schema::event::Tag;
use shieldwall_schema::value::Kind;

use super::*;
use crate::sigma::explain::Verdict;
use crate::sigma::ir::{Number, Order, Part, RefOrder, TimePart};
use crate::sigma::matcher::compare::fold;

const MAPPINGS: &str = r#"
[[bucket]]
name = "one"
logsource = { product = "windows", category = "first" }
match = { product = ["windows"], code = ["1", "2"] }
[bucket.alias]
a = ["c"]
b = ["a", "b"]
[[bucket]]
name = "two"
logsource = { product = "windows", category = "second", service = "log" }
match = { product = ["windows"], service = ["Log"] }
[bucket.ocsf]
"x.y" = ["b"]
code = ["EventID"]
"#;

const SEED: u64 = 0x5169_6d61;

const FIELDS: [&str; 6] = ["a", "b", "c", "x.y", "EventID", "code"];
const NATIVE: [&str; 4] = ["a", "b", "c", "x.y"];
const SOURCES: [[&str; 3]; 8] = [
    ["windows", "first", ""],
    ["windows", "second", ""],
    ["windows", "", "log"],
    ["windows", "", ""],
    ["", "", ""],
    ["linux", "", "log"],
    ["windows", "third", ""],
    ["", "", "other"],
];
const TAGS: [[&str; 3]; 7] = [
    ["windows", "Log", "1"],
    ["windows", "Log", "3"],
    ["windows", "Log", "17"],
    ["Windows", "Other", "2"],
    ["windows", "Log", ""],
    ["linux", "log", ""],
    ["json", "", "1"],
];

/// Texts of few letters, so that they meet; with characters whose lower case is longer, shorter or shared.
fn words() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => proptest::sample::select(vec!["a", "A", "b", "B", "1", "\\", ".", " ", "*", "?"]),
        2 => proptest::sample::select(vec!["ä", "Ä", "ß", "İ", "ſ", "s", "k", "\u{212A}", "Σ", "σ"]),
        2 => proptest::sample::select(vec!["PowerShell", "powershell.exe", "\\cmd.exe", "-enc", "abababab", "ab"]),
        1 => proptest::sample::select(vec!["10.0.0.1", "10.9.0.1", "11.0.0.1", "2024-05-01T23:05:00Z", "-7", "12"]),
    ];
    proptest::collection::vec(token, 0..5).prop_map(|tokens| tokens.concat())
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let part = prop_oneof![
        3 => words().prop_map(|text| Part::Text(text.into())),
        1 => Just(Part::One),
        2 => Just(Part::Many),
    ];
    prop_oneof![
        1 => words().prop_map(|text| Pattern::Exact(text.into())),
        1 => words().prop_map(|text| Pattern::Prefix(text.into())),
        1 => words().prop_map(|text| Pattern::Suffix(text.into())),
        3 => words().prop_map(|text| Pattern::Contains(text.into())),
        1 => Just(Pattern::Any),
        1 => proptest::collection::vec(part, 0..5).prop_map(Pattern::Glob),
    ]
}

fn folded(pattern: Pattern) -> Pattern {
    let text = |text: Box<str>| -> Box<str> { fold(&text).into() };
    match pattern {
        Pattern::Exact(it) => Pattern::Exact(text(it)),
        Pattern::Prefix(it) => Pattern::Prefix(text(it)),
        Pattern::Suffix(it) => Pattern::Suffix(text(it)),
        Pattern::Contains(it) => Pattern::Contains(text(it)),
        Pattern::Any => Pattern::Any,
        Pattern::Glob(parts) => Pattern::Glob(
            parts
                .into_iter()
                .map(|part| match part {
                    Part::Text(it) => Part::Text(text(it)),
                    other => other,
                })
                .collect(),
        ),
    }
}

fn regex() -> impl Strategy<Value = Test> {
    (words(), words(), 0..8).prop_map(|(one, two, form)| {
        let (one, two) = (regex::escape(&one), regex::escape(&two));
        Test::Regex(match form {
            0 => one,
            1 => format!("(?i){one}"),
            2 => format!("{one}.*{two}"),
            3 => format!("^{one}$"),
            4 => format!("({one}|{two})+"),
            5 => format!("(?i)(?:{one}x?|{two}[a-c]).b"),
            6 => format!("{one}(?:{two}){{2}}"),
            _ => format!("(?i)\\b{one}\\w{{0,2}}{two}"),
        })
    })
}

fn test() -> impl Strategy<Value = Test> {
    let order = proptest::sample::select(vec![Order::Less, Order::LessOrEqual, Order::Greater, Order::GreaterOrEqual]);
    let how =
        proptest::sample::select(vec![RefOrder::Equals, RefOrder::StartsWith, RefOrder::EndsWith, RefOrder::Contains]);
    prop_oneof![
        10 => pattern().prop_map(|pattern| Test::Text { pattern: folded(pattern), cased: false }),
        2 => pattern().prop_map(|pattern| Test::Text { pattern, cased: true }),
        2 => regex(),
        1 => Just(Test::Cidr("10.0.0.0/12".into())),
        1 => (order, -20..20).prop_map(|(order, limit)| Test::Compare(order, Number::new(f64::from(limit)).unwrap())),
        1 => Just(Test::Null),
        1 => any::<bool>().prop_map(Test::Exists),
        1 => (proptest::sample::select(FIELDS.to_vec()), how, any::<bool>())
            .prop_map(|(field, how, cased)| Test::FieldRef { field: field.into(), how, cased }),
        1 => proptest::sample::select(vec![(TimePart::Hour, 23), (TimePart::Day, 1), (TimePart::Minute, 6)])
            .prop_map(|(part, want)| Test::TimePart(part, want)),
    ]
}

fn leaf() -> impl Strategy<Value = Expr> {
    let field = proptest::option::weighted(0.9, proptest::sample::select(FIELDS.to_vec()));
    let code = proptest::sample::select(vec!["1", "2", "3", "4"]);
    prop_oneof![
        6 => (field, test())
            .prop_map(|(field, test)| Expr::Atom(Atom { field: field.map(Box::from), test })),
        1 => (proptest::sample::select(vec!["EventID", "code"]), code).prop_map(|(field, code)| exact(field, code)),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            3 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Expr::Or),
            2 => inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            1 => (0_u16..2, inner).prop_map(|(at, inner)| Expr::Selection(at, Box::new(inner))),
        ]
    })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let one = (proptest::sample::select(SOURCES.to_vec()), expr()).prop_map(|(source, expr)| Rule {
        selections: vec!["selection".into(), "filter".into()],
        ..rule(source, expr)
    });
    proptest::collection::vec(one, 1..12)
}

fn records() -> impl Strategy<Value = Vec<(usize, Handmade)>> {
    let value = prop_oneof![
        8 => words().prop_map(|text| (Kind::Text, text)),
        1 => Just((Kind::Null, String::new())),
        1 => (-20..20).prop_map(|number: i32| (Kind::Number, number.to_string())),
    ];
    let field = (proptest::sample::select(NATIVE.to_vec()), value);
    let one = (0..TAGS.len(), proptest::collection::vec(field, 0..6), proptest::option::weighted(0.2, words()));
    let one = one.prop_map(|(tag, fields, line)| {
        let mut fields: Vec<(String, Kind, String)> =
            fields.into_iter().map(|(name, (kind, text))| (name.to_owned(), kind, text)).collect();
        let [product, _, code] = TAGS[tag];
        if product.eq_ignore_ascii_case("windows") && !code.is_empty() {
            fields.push(("EventID".into(), Kind::Number, code.into()));
        }
        (tag, Handmade { fields, line })
    });
    proptest::collection::vec(one, 1..6)
}

/// The log source guard, spelled out for the mappings above: the bucket's native names if the rule may run.
fn admitted(rule: &Rule, [product, service, code]: [&str; 3]) -> Option<fn(&str) -> Vec<String>> {
    let windows = product.eq_ignore_ascii_case("windows");
    let source = &rule.logsource;
    let is = |asked: &str, have: &str| asked.is_empty() || asked.eq_ignore_ascii_case(have);
    if windows
        && ["1", "2"].contains(&code)
        && is(&source.product, "windows")
        && is(&source.category, "first")
        && is(&source.service, "")
    {
        return Some(|field| match field {
            "a" => vec!["c".into()],
            "b" => vec!["a".into(), "b".into()],
            other => vec![other.into()],
        });
    }
    if windows
        && service == "Log"
        && is(&source.product, "windows")
        && is(&source.category, "second")
        && is(&source.service, "log")
    {
        return Some(|field| match field {
            "x.y" => vec!["b".into()],
            "code" => vec!["EventID".into()],
            other => vec![other.into()],
        });
    }
    (source.category.is_empty() && is(&source.product, product) && is(&source.service, service))
        .then_some(|field| vec![field.into()])
}

fn tag_of(at: usize) -> Tag<'static> {
    let [product, service, code] = TAGS[at];
    Tag { product, service, provider: "", code }
}

/// A reason's words, read back and checked against its own value.
fn reason_holds(reason: &shieldwall_schema::finding::Reason) -> bool {
    let cased = reason.how.ends_with(" (case-sensitive)");
    let form = |text: &str| if cased { text.to_owned() } else { fold(text) };
    let (value, pattern) = (form(&reason.value), reason.pattern.clone());
    match reason.how.trim_end_matches(" (case-sensitive)") {
        "equals" => value == pattern,
        "starts with" => value.starts_with(&pattern),
        "ends with" => value.ends_with(&pattern),
        "contains" => {
            let (from, to) = reason.span.unwrap();
            // A character that folds to several may be matched in part; the span then names all of it.
            form(reason.value.get(from as usize..to as usize).unwrap()).contains(&pattern)
        }
        "does not equal" => pattern.contains(" | ") || reason.field.is_empty() || value != pattern,
        "does not contain" => pattern.contains(" | ") || reason.field.is_empty() || !value.contains(&pattern),
        "matches regex" => regex::Regex::new(&pattern).unwrap().is_match(&reason.value),
        _ => true,
    }
}

proptest! {
    // The same cases each time; PROPTEST_CASES asks for more of them.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(1500),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(SEED),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_matcher_agrees_with_the_plain_evaluator(rules in rules(), records in records()) {
        let matcher = matcher(rules.clone(), MAPPINGS);
        let slow = Matcher::new(
            Arc::clone(matcher.rules()),
            Arc::clone(matcher.mappings()),
            Options { groups_max: 0, tags_max: 0, ..Options::default() },
        );
        let mut scratch = Scratch::default();
        for (tag, record) in &records {
            let expected: Vec<u32> = rules.iter().zip(0..).filter(|(rule, _)| {
                admitted(rule, TAGS[*tag]).is_some_and(|names| naive::holds(&rule.expr, record, &names))
            }).map(|(_, at)| at).collect();
            let found = hits(&matcher, tag_of(*tag), record, &mut scratch);
            prop_assert_eq!(&found, &expected, "fast, tag {:?}", TAGS[*tag]);
            // One memory serves several matchers.
            let found = hits(&slow, tag_of(*tag), record, &mut scratch);
            prop_assert_eq!(&found, &expected, "slow, tag {:?}", TAGS[*tag]);
        }
    }

    #[test]
    fn explanations_agree_with_the_verdict(rules in rules(), records in records()) {
        let matcher = matcher(rules.clone(), MAPPINGS);
        let mut scratch = Scratch::default();
        for (tag, record) in &records {
            let found = hits(&matcher, tag_of(*tag), record, &mut scratch);
            for at in 0..rules.len() as u32 {
                let hit = found.contains(&at);
                let answer = matcher.why_not(RuleIndex(at), &tag_of(*tag), record);
                prop_assert_eq!(answer.matches(), hit);
                prop_assert!(!answer.to_words().is_empty());
                match &answer.verdict {
                    Verdict::Failed(failures) => prop_assert!(!failures.is_empty()),
                    Verdict::OtherSource(_) => prop_assert!(admitted(&rules[at as usize], TAGS[*tag]).is_none()),
                    Verdict::Matches(_) | Verdict::NoRule => {}
                }
                let reasons = with_event(&matcher, tag_of(*tag), record, |event| matcher.reasons(RuleIndex(at), event));
                let reasons = reasons.unwrap_or_default();
                prop_assert_eq!(!reasons.is_empty(), hit);
                for reason in &reasons {
                    prop_assert!(reason_holds(reason), "{:?}", reason);
                }
            }
        }
    }

    #[test]
    fn every_match_of_a_regex_contains_one_of_its_necessary_texts(test in regex(), value in words()) {
        let Test::Regex(pattern) = test else { unreachable!() };
        let need = crate::sigma::matcher::pattern::necessary(&pattern).unwrap();
        if regex::Regex::new(&pattern).unwrap().is_match(&value) {
            prop_assert!(need.holds(&fold(&value)), "{} {:?}", pattern, need);
        }
    }
}
