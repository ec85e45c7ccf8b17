//! Correlation rules: what loads, what is refused, where and why.

use super::super::super::ir::{BoundOrder, CorrelationKind, RuleIndex};
use super::super::compiled::{read, write};
use super::super::{Lists, Loaded, load_with};
use super::{load_text, pack};

/// A base rule called `name`, on seven lines with its separator.
fn base(name: &str) -> String {
    format!(
        "title: rule {name}\nid: id-{name}\nname: {name}\nlogsource: {{product: x}}\ndetection:\n  {{s: {{F: {name}}}, condition: s}}\n---\n"
    )
}

/// A correlation called `name` over the lines of its section.
fn correlation(name: &str, section: &str) -> String {
    let mut text = format!("title: {name}\nid: id-{name}\nname: {name}\ncorrelation:\n");
    section.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
    text
}

fn one(section: &str) -> Loaded {
    load_text(&format!("{}{}{}", base("a"), base("b"), correlation("z", section)))
}

#[test]
fn everything_is_kept() {
    let text = "type: value_count\nrules: [a, id-b]\naliases:\n  who: {a: A, id-b: B}\ngroup-by: [who, host]\ntimespan: 90m\n\
                condition: {field: [U, V], gt: 1, lte: 1.5e2}\ngenerate: true";
    let loaded = one(text);
    assert!(loaded.refusals.is_empty(), "{}", loaded.refusals[0]);
    let [correlation] = loaded.set.correlations.as_slice() else { panic!("{loaded:?}") };
    assert_eq!(loaded.set.correlation(correlation.rule), Some(correlation));
    let rule = &loaded.set.rules[correlation.rule.0 as usize];
    assert_eq!((rule.title.as_str(), rule.line, rule.file.as_str()), ("z", 14, "x.yml"));
    assert_eq!(correlation.kind, CorrelationKind::ValueCount);
    assert_eq!(correlation.timespan, 5_400_000_000_000);
    assert!(correlation.generate);
    assert_eq!(correlation.members[0].field("who"), "A");
    assert_eq!(correlation.members[1].field("who"), "B");
    assert_eq!(correlation.members[1].field("host"), "host");
    let title = |rule: &RuleIndex| loaded.set.rules[rule.0 as usize].title.as_str();
    assert_eq!(correlation.members[1].rules.iter().map(title).collect::<Vec<_>>(), ["rule b"]);
    let bounds: Vec<_> = correlation.bounds.iter().map(|bound| (bound.order, bound.limit.get())).collect();
    assert_eq!(bounds, [(BoundOrder::Greater, 1.0), (BoundOrder::LessOrEqual, 150.0)]);
    let (again, _) = read(&write(&loaded, &[0; 32])).unwrap();
    assert_eq!(format!("{again:?}"), format!("{loaded:?}"));
}

#[test]
fn refusals_say_where_and_what_to_do() {
    let rest = "group-by: [ip]\ntimespan: 5m\n";
    let count = |change: &str| format!("type: event_count\nrules: [a]\n{rest}{change}");
    let value = |change: &str| format!("type: value_count\nrules: [a]\n{rest}{change}");
    let cases: Vec<(String, &str)> = vec![
        ("rules: [a]".into(), "line 19: `type` is missing"),
        (
            "type: near\nrules: [a]\ntimespan: 5m".into(),
            "line 19: unknown correlation type `near`; known are event_count",
        ),
        ("type: temporal\ntimespan: 5m".into(), "line 19: `rules` is missing"),
        ("type: temporal\nrules: []\ntimespan: 5m".into(), "line 20: `rules` is missing"),
        ("type: temporal\nrules: [a]".into(), "line 19: `timespan` is missing"),
        ("type: temporal\nrules: [a, a]\ntimespan: 5m".into(), "line 20: rule `a` is named twice"),
        (
            "type: temporal\nrules: [a, x]\ntimespan: 5m".into(),
            "line 20: correlation names rule `x`, which is not loaded",
        ),
        (count("condition: {gte: 3}\nwindow: 3"), "line 24: unknown key `window` in `correlation`"),
        (count(""), "line 19: `event_count` needs a condition that compares"),
        (
            count("condition: a and b"),
            "line 23: a correlation's condition is a map such as `gte: 10`; the expression `a and b`",
        ),
        (count("condition: {min: 3}"), "line 23: unknown `min` in the correlation's condition"),
        (count("condition: {gte: many}"), "line 23: `gte` should be a number"),
        (count("condition: {gte: 3, field: U}"), "line 23: `event_count` does not look at a `field`"),
        (count("condition: {gte: 100001}"), "line 23: the condition asks for 100001, and at most 100000"),
        (count("condition: {gte: 1, percentile: 5}"), "line 23: `percentile` belongs to `value_percentile`"),
        (value("condition: {gte: 3}"), "line 23: `value_count` needs `field` in its condition"),
        (value("condition: {lt: 10001, field: U}"), "line 23: the condition asks for 10001, and at most 10000"),
        (value("condition: {gte: 3, field: [U, '']}"), "line 23: `field` should be names of fields"),
        (
            format!("type: value_sum\nrules: [a]\n{rest}condition: {{gt: 3, field: [U, V]}}"),
            "line 23: `value_sum` takes one `field`",
        ),
        (
            format!("type: value_percentile\nrules: [a]\n{rest}condition: {{gt: 3, field: U, percentile: 101}}"),
            "line 23: `percentile` should be above 0 and at most 100, not 101",
        ),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 5w".into(),
            "line 21: `timespan` should be a number and s, m, h or d",
        ),
        ("type: temporal\nrules: [a, b]\ntimespan: m".into(), "line 21: `timespan` should be"),
        ("type: temporal\nrules: [a, b]\ntimespan: 0s".into(), "line 21: `timespan` should be"),
        ("type: temporal\nrules: [a, b]\ntimespan: -5m".into(), "line 21: `timespan` should be"),
        ("type: temporal\nrules: [a, b]\ntimespan: 99999999999999999999d".into(), "line 21: `timespan` `9999"),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 367d".into(),
            "line 21: `timespan` `367d` is over the limit of 366 days",
        ),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 5m\ncondition: {gte: 3}".into(),
            "line 22: the condition asks for 3, and at most 2",
        ),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 5m\naliases: {w: {c: X}}".into(),
            "line 22: alias `w` is for rule `c`, which `rules` does not name",
        ),
        ("type: temporal\nrules: [a, b]\ntimespan: 5m\naliases: [w]".into(), "line 22: `aliases` should be a map"),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 5m\ngenerate: 3".into(),
            "line 22: `generate` should be true or false",
        ),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 5m\ngroup-by: [a, b, c, d, e, f, g, h, i]".into(),
            "line 22: more than 8 group-by in one correlation",
        ),
        (
            format!(
                "type: temporal\nrules: [{}]\ntimespan: 5m",
                (0..257).map(|n| format!("r{n}, ")).collect::<String>()
            ),
            "line 20: more than 256 rules in one correlation",
        ),
    ];
    for (section, want) in cases {
        let loaded = one(&section);
        assert_eq!(loaded.refusals.len(), 1, "{section}");
        let refusal = loaded.refusals[0].to_string();
        assert!(refusal.contains(want), "{section}\n{refusal}\nwanted: {want}");
        // The neighbours stay, and no rule stands for what was refused.
        assert_eq!((loaded.set.rules.len(), loaded.set.correlations.len()), (2, 0), "{section}");
    }
    let shape = load_text(&format!("{}title: z\ncorrelation: 3\n", base("a")));
    assert!(shape.refusals[0].to_string().ends_with("line 9: `correlation` should be a map"), "{}", shape.refusals[0]);
}

/// Correlations given as `name: rule rule …`; the refusals.
fn tower(list: &[(&str, &str)]) -> (Loaded, Vec<String>) {
    let mut text = base("a");
    for (name, rules) in list {
        let rules = rules.split(' ').collect::<Vec<_>>().join(", ");
        text.push_str(&correlation(name, &format!("type: temporal\nrules: [{rules}]\ntimespan: 5m")));
        text.push_str("---\n");
    }
    let loaded = load_text(&text);
    let refusals = loaded.refusals.iter().map(|refusal| refusal.reason.clone()).collect();
    (loaded, refusals)
}

#[test]
fn correlations_of_correlations_stand_on_the_ground() {
    let (loaded, refusals) = tower(&[("p", "q a"), ("q", "r"), ("r", "a")]);
    assert!(refusals.is_empty(), "{refusals:?}");
    assert_eq!(loaded.set.correlations.len(), 3);
    assert!(loaded.set.check_correlations().is_ok());

    let (loaded, refusals) = tower(&[("p", "p")]);
    assert_eq!(refusals, ["correlations stand on each other in a circle, `p` → `p`: take one of them out of `rules`"]);
    assert_eq!(loaded.set.rules.len(), 1);
    let (loaded, refusals) = tower(&[("p", "q"), ("q", "r"), ("r", "p"), ("s", "a"), ("t", "s p")]);
    assert_eq!(refusals.len(), 4, "{refusals:?}");
    assert!(refusals[0].contains("`p` → `q` → `r` → `p`"), "{refusals:?}");
    assert_eq!(loaded.set.correlations.len(), 1);

    let (_, refusals) = tower(&[("p", "q"), ("q", "gone")]);
    let said = |part: &str| refusals.iter().any(|reason| reason.contains(part));
    assert!(said("rule `gone`, which is not loaded") && said("names `q`, which was refused itself"), "{refusals:?}");

    let names: Vec<String> = (0..10).map(|at| format!("t{at}")).collect();
    let list: Vec<(&str, &str)> =
        (0..10).map(|at| (names[at].as_str(), if at == 0 { "a" } else { names[at - 1].as_str() })).collect();
    let (loaded, refusals) = tower(&list);
    assert_eq!(refusals, ["more than 8 correlations stand one on the other"; 2]);
    assert_eq!(loaded.set.correlations.len(), 8);
    assert!(loaded.set.check_correlations().is_ok());
}

#[test]
fn names_are_looked_for_nearby_first() {
    let section = "type: temporal\nrules: [a]\ntimespan: 5m";
    let far = base("a").replace("id-a", "far").replace("rule a", "far rule");
    let near = format!("{}{}", base("a"), correlation("z", section));
    let loaded = load_with(&[pack(&[("far.yml", &far), ("near.yml", &near)])], &Lists::new(), 1);
    let rule = loaded.set.correlations[0].members[0].rules[0];
    assert_eq!(loaded.set.rules[rule.0 as usize].id, "id-a");

    let alone = correlation("z", section);
    let two = format!("{far}{}", base("a"));
    let loaded = load_with(&[pack(&[("two.yml", &two), ("x.yml", &alone)])], &Lists::new(), 1);
    assert_eq!(
        loaded.refusals[0].to_string(),
        "x.yml line 6: 2 rules are called `a`: write the id of the one that is meant"
    );
}

#[test]
fn rules_that_a_correlation_of_their_pack_uses_are_silent() {
    let silent = |loaded: &Loaded| -> Vec<String> {
        let silent = loaded.set.silent();
        let rules = loaded.set.rules.iter().zip(silent).filter(|(_, silent)| *silent);
        rules.map(|(rule, _)| rule.id.clone()).collect()
    };
    let section = "type: temporal\nrules: [a]\ntimespan: 5m";
    assert_eq!(silent(&one(section)), ["id-a"]);
    assert!(silent(&one(&format!("{section}\ngenerate: true"))).is_empty());
    // Beside `correlation`, where the specification has it.
    let beside = format!("{}{}generate: true\n", base("a"), correlation("z", section));
    assert!(silent(&load_text(&beside)).is_empty());
    // One of two that use it wants it heard.
    let both = format!("{}{}---\n{}generate: true\n", base("a"), correlation("y", section), correlation("z", section));
    assert!(silent(&load_text(&both)).is_empty());
    // Another pack's rule is not silenced.
    let mut other = pack(&[("y.yml", &correlation("z", section))]);
    other.name = "other".to_owned();
    let loaded = load_with(&[pack(&[("x.yml", &base("a"))]), other], &Lists::new(), 1);
    assert_eq!(loaded.set.correlations.len(), 1);
    assert!(silent(&loaded).is_empty());
}

#[test]
fn the_order_of_files_changes_nothing() {
    let (a, z) = (base("a"), correlation("z", "type: temporal\nrules: [a]\ntimespan: 5m"));
    let one = load_with(&[pack(&[("1.yml", &a), ("2.yml", &z)])], &Lists::new(), 1);
    let other = load_with(&[pack(&[("2.yml", &z), ("1.yml", &a)])], &Lists::new(), 2);
    assert_eq!(format!("{:?}", one.set), format!("{:?}", other.set));
    // The same file in two packs is one correlation.
    let files = [("1.yml", a.as_str()), ("2.yml", z.as_str())];
    let twice = load_with(&[pack(&files), pack(&files)], &Lists::new(), 1);
    assert_eq!((twice.set.rules.len(), twice.set.correlations.len()), (2, 1));
}

/// What a stored set must not say.
#[test]
fn forged_correlations_are_refused() {
    let sound = one("type: temporal\nrules: [a, b]\ntimespan: 5m");
    let error = |change: &dyn Fn(&mut Loaded)| {
        let mut loaded = sound.clone();
        change(&mut loaded);
        read(&write(&loaded, &[0; 32])).unwrap_err().to_string()
    };
    let there = "compiled rule set is invalid: a correlation of rules that are not there";
    assert_eq!(error(&|it| it.set.correlations[0].members[0].rules[0] = RuleIndex(99)), there);
    assert_eq!(error(&|it| it.set.correlations[0].members.clear()), there);
    assert!(error(&|it| it.set.correlations[0].rule = RuleIndex(99)).ends_with("a correlation without its rule"));
    assert!(error(&|it| it.set.correlations[0].timespan = 0).ends_with("without time or condition"));
    assert!(error(&|it| it.set.correlations[0].bounds.clear()).ends_with("without time or condition"));
    assert!(error(&|it| it.set.correlations.push(it.set.correlations[0].clone())).ends_with("out of order"));
    let circle = |it: &mut Loaded| it.set.correlations[0].members[0].rules[0] = it.set.correlations[0].rule;
    assert!(error(&circle).contains("in a circle"));
}
