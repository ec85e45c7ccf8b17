//! Correlations on correlations, times that are missing or late, limits.

use super::super::limits::{ENTRIES_MAX, GROUPS_PER_MATCH_MAX};
use super::super::{Correlator, Seen};
use super::{Match, SECOND, feed, rule, rules, run};

const MANY: &str = "---\ntitle: many a\nid: y\nname: many\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [ip]\n  \
                    timespan: 10s\n  condition: {gte: 3}\n";

fn spans(section: &str, more: &str, matches: &[Match<'_>]) -> Vec<(String, i64, i64)> {
    let silent = rules(section, more);
    let above = run(&silent, matches).0;
    let set = rules(&format!("{section}\ngenerate: true"), more);
    let (firings, _) = run(&set, matches);
    // Without `generate` only the outermost is heard, and it is the same.
    let outermost: Vec<_> =
        firings.iter().filter(|firing| firing.rule == rule(&set, "z-correlation")).cloned().collect();
    assert_eq!(above, outermost);
    let title = |at: crate::sigma::ir::RuleIndex| set.rules[at.0 as usize].title.clone();
    firings.iter().map(|firing| (title(firing.rule), firing.first / SECOND, firing.last / SECOND)).collect()
}

fn named(list: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    list.iter().map(|(title, first, last)| ((*title).to_owned(), *first, *last)).collect()
}

#[test]
fn many_failures_and_then_a_success() {
    let section = "type: temporal_ordered\nrules: [many, b]\ngroup-by: [ip]\ntimespan: 20s";
    let guessed = [(0, "a", "ip=1"), (1, "a", "ip=1"), (2, "a", "ip=1"), (22, "b", "ip=1")];
    let got = spans(section, MANY, &guessed);
    assert_eq!(got, named(&[("many a", 0, 2), ("the correlation", 2, 22)]));
    assert_eq!(spans(section, MANY, &[(0, "a", "ip=1"), (1, "a", "ip=1"), (2, "b", "ip=1")]), []);
    let late = [(0, "a", "ip=1"), (1, "a", "ip=1"), (2, "a", "ip=1"), (23, "b", "ip=1")];
    assert_eq!(spans(section, MANY, &late), named(&[("many a", 0, 2)]));
    // As long as the failures go on they are there to be followed.
    let mut long: Vec<Match<'_>> = (0..100).map(|at| (at, "a", "ip=1")).collect();
    long.push((110, "b", "ip=1"));
    assert_eq!(spans(section, MANY, &long)[1], ("the correlation".to_owned(), 99, 110));
    // The specification's note: a field that the lower one does not group by is the match's own.
    let by_user = "type: temporal_ordered\nrules: [many, b]\ngroup-by: [user]\ntimespan: 20s";
    let users = [
        (0, "a", "ip=1 user=x"),
        (1, "a", "ip=1 user=y"),
        (2, "a", "ip=1 user=z"),
        (3, "b", "user=z"),
        (4, "b", "user=x"),
    ];
    let got = spans(by_user, MANY, &users);
    assert_eq!(got, named(&[("many a", 0, 2), ("the correlation", 2, 3)]));
}

#[test]
fn counting_a_correlation_counts_its_episodes() {
    let section = "type: event_count\nrules: [many]\ngroup-by: [ip]\ntimespan: 100s\ncondition: {gte: 2}";
    let flood: Vec<Match<'_>> = (0..50).map(|at| (at, "a", "ip=1")).collect();
    assert_eq!(spans(section, MANY, &flood), named(&[("many a", 0, 49)]));
    let mut two = flood;
    two.extend((70..75).map(|at| (at, "a", "ip=1")));
    let got = spans(section, MANY, &two);
    assert!(got.contains(&("the correlation".to_owned(), 2, 72)), "{got:?}");
}

#[test]
fn a_window_that_closes_is_a_match_at_its_end() {
    let few = MANY.replace("gte: 3", "lt: 3");
    let section = "type: temporal_ordered\nrules: [many, b]\ngroup-by: [ip]\ntimespan: 20s";
    // The window 0..10 closes with one match; only then can `b` follow it.
    assert_eq!(spans(section, &few, &[(0, "a", "ip=1"), (5, "b", "ip=1")]), named(&[("many a", 0, 0)]));
    let got = spans(section, &few, &[(0, "a", "ip=1"), (15, "b", "ip=1")]);
    assert_eq!(got, named(&[("many a", 0, 0), ("the correlation", 10, 15)]));
}

#[test]
fn records_without_a_time_and_late_ones_are_counted() {
    let set = rules("type: event_count\nrules: [a]\ngroup-by: [ip]\ntimespan: 10s\ncondition: {gte: 2}", "");
    let (mut correlator, mut out) = (Correlator::new(&set), Vec::new());
    let values = [vec!["1".to_owned()]];
    for time in [None, Some(100), None, Some(95), Some(i64::MAX), Some(i64::MIN)] {
        let seen = Seen { rule: rule(&set, "a"), time, source: 0, offset: 0, values: &values };
        correlator.observe(seen, &mut out);
    }
    // What no correlation asks for is not counted.
    let seen = Seen { rule: rule(&set, "b"), time: None, source: 0, offset: 0, values: &[] };
    correlator.observe(seen, &mut out);
    correlator.finish(&mut out);
    assert_eq!((correlator.untimed(), correlator.counts().late), (2, 2));
    // A late one counts, and keeps its own time as evidence.
    assert_eq!((out[0].first, out[0].last, out[0].members[1].time), (100, 100, 95));
    assert_eq!(out.len(), 2);
}

#[test]
fn what_must_be_handed_over() {
    let set = rules(
        "type: value_count\nrules: [a, b]\ngroup-by: [w, h]\naliases: {w: {a: A, b: B}}\ntimespan: 1s\ncondition: {field: [u, h], gte: 2}",
        "",
    );
    let correlator = Correlator::new(&set);
    let wanted = |name| correlator.wanted(rule(&set, name)).iter().map(|name| &**name).collect::<Vec<_>>();
    assert_eq!((wanted("a"), wanted("b")), (vec!["A", "h", "u"], vec!["B", "h", "u"]));
    assert!(wanted("c").is_empty() && !correlator.concerns(rule(&set, "c")) && correlator.concerns(rule(&set, "a")));
    assert!(correlator.silent(rule(&set, "a")) && !correlator.silent(rule(&set, "c")));
    assert!(!correlator.silent(rule(&set, "z-correlation")));
    let none = Correlator::new(&crate::sigma::ir::RuleSet::default());
    assert!(none.is_empty() && !none.concerns(rule(&set, "a")));
}

#[test]
fn the_oldest_group_goes_when_there_are_too_many() {
    let set = rules("type: event_count\nrules: [a]\ngroup-by: [ip]\ntimespan: 1000s\ncondition: {gte: 2}", "");
    let (mut correlator, mut out) = (Correlator::with_limits(&set, 2, ENTRIES_MAX), Vec::new());
    let text = ["ip=1", "ip=2", "ip=1", "ip=3", "ip=2", "ip=3"];
    let matches: Vec<Match<'_>> = text.iter().zip(0..).map(|(pairs, at)| (at, "a", *pairs)).collect();
    feed(&mut correlator, &set, &matches, &mut out);
    assert_eq!((correlator.groups(), correlator.counts().evicted), (2, 2));
    // 2 went when 3 came, and 1 when 2 came back: its episode ended then.
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].group, [("ip".to_owned(), "1".to_owned())]);
    correlator.finish(&mut out);
    assert_eq!(out.len(), 2);
    assert_eq!(out[1].group[0].1, "3");
}

#[test]
fn a_million_groups_take_bounded_memory() {
    let set = rules("type: value_count\nrules: [a]\ngroup-by: [ip]\ntimespan: 1d\ncondition: {field: u, gte: 50}", "");
    let (mut correlator, mut out) = (Correlator::with_limits(&set, 1_000, 5_000), Vec::new());
    let a = rule(&set, "a");
    for offset in 0..50_000_u64 {
        // One source stays busy amid the noise and must not be lost.
        let ip = if offset % 10 == 0 { "busy".to_owned() } else { format!("{offset}") };
        let values = [vec![ip], vec![format!("user{}", offset % 1_000)]];
        correlator.observe(Seen { rule: a, time: Some(0), source: 0, offset, values: &values }, &mut out);
        assert!(correlator.groups() <= 1_000);
        assert!(correlator.entries() <= 5_000);
    }
    correlator.finish(&mut out);
    assert_eq!(out.iter().map(|firing| firing.group[0].1.as_str()).collect::<Vec<_>>(), ["busy"]);
    assert!(correlator.counts().evicted > 10_000);
    assert_eq!((correlator.groups(), correlator.entries()), (0, 0));
}

#[test]
fn a_match_with_very_many_groups_gets_some_of_them() {
    let set = rules("type: event_count\nrules: [a]\ngroup-by: [ip]\ntimespan: 1s\ncondition: {gte: 1}", "");
    let pairs: String = (0..100).map(|ip| format!("ip={ip} ")).collect();
    let (firings, correlator) = run(&set, &[(0, "a", &pairs)]);
    assert_eq!((firings.len(), correlator.counts().cut), (GROUPS_PER_MATCH_MAX, 1));
}

#[test]
fn more_values_than_are_kept_is_at_least() {
    let set = rules("type: value_count\nrules: [a]\ntimespan: 1h\ncondition: {field: u, gte: 5}", "");
    let values: Vec<String> = (0..3_000).map(|n| format!("u=long{}{n}", "x".repeat(300))).collect();
    let matches: Vec<Match<'_>> = values.iter().map(|pairs| (0, "a", pairs.as_str())).collect();
    let (firings, _) = run(&set, &matches);
    assert_eq!((firings.len(), firings[0].count, firings[0].value), (1, 3_000, 1_000.0));
    assert!(
        firings[0].because.starts_with("at least 1000 different values of u within 1 s, in 3000 matches of ‘rule a’"),
        "{}",
        firings[0].because
    );
}
