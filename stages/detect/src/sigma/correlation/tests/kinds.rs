//! Every type, at its boundaries.

use super::super::limits::MEMBERS_MAX;
use super::{Match, SECOND, rules, run};

/// Each firing as `first..last count value group`.
fn check(section: &str, matches: &[Match<'_>], want: &[&str]) {
    let set = rules(section, "");
    let (firings, _) = run(&set, matches);
    let shown: Vec<String> = firings
        .iter()
        .map(|firing| {
            let group: Vec<&str> = firing.group.iter().map(|(_, value)| value.as_str()).collect();
            let (first, last) = (firing.first / SECOND, firing.last / SECOND);
            assert_eq!(firing.count, firing.members.len() as u64 + firing.members_left_out);
            format!("{first}..{last} n={} v={} [{}]", firing.count, firing.value, group.join(","))
        })
        .collect();
    assert_eq!(shown, want, "{section}\n{matches:?}");
}

fn section(kind: &str, rules: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!("\ncondition: {{{condition}}}") };
    format!("type: {kind}\nrules: [{rules}]\ngroup-by: [ip]\ntimespan: 10s{condition}")
}

#[test]
fn event_count() {
    let three = section("event_count", "a", "gte: 3");
    // One short; exactly at the timespan; one second over it.
    check(&three, &[(0, "a", "ip=1"), (1, "a", "ip=1")], &[]);
    check(&three, &[(0, "a", "ip=1"), (5, "a", "ip=1"), (10, "a", "ip=1")], &["0..10 n=3 v=3 [1]"]);
    check(&three, &[(0, "a", "ip=1"), (5, "a", "ip=1"), (11, "a", "ip=1")], &[]);
    // More than two is the same; a fraction is rounded to what a count can be.
    check(
        &section("event_count", "a", "gt: 2"),
        &[(0, "a", "ip=1"), (5, "a", "ip=1"), (10, "a", "ip=1")],
        &["0..10 n=3 v=3 [1]"],
    );
    check(&section("event_count", "a", "gte: 2.5"), &[(0, "a", "ip=1"), (5, "a", "ip=1")], &[]);
    // Other rules are not counted, other groups neither; case does not tell groups apart.
    check(&three, &[(0, "a", "ip=1"), (0, "b", "ip=1"), (0, "a", "ip=2"), (1, "a", "ip=1"), (1, "a", "ip=2")], &[]);
    check(
        &three,
        &[(0, "a", "ip=X"), (0, "a", "ip=y"), (1, "a", "ip=x"), (1, "a", "ip=Y"), (2, "a", "ip=X"), (2, "a", "ip=y")],
        &["0..2 n=3 v=3 [X]", "0..2 n=3 v=3 [y]"],
    );
    // All at one time.
    check(&three, &[(7, "a", "ip=1"), (7, "a", "ip=1"), (7, "a", "ip=1")], &["7..7 n=3 v=3 [1]"]);
    // Several rules count together.
    check(
        &section("event_count", "a, b", "gte: 3"),
        &[(0, "a", "ip=1"), (1, "b", "ip=1"), (2, "a", "ip=1")],
        &["0..2 n=3 v=3 [1]"],
    );
}

#[test]
fn a_flood_is_one_firing_and_a_pause_ends_it() {
    let three = section("event_count", "a", "gte: 3");
    let mut flood: Vec<Match<'_>> = (0..1_000).map(|at| (at, "a", "ip=1")).collect();
    check(&three, &flood, &["0..999 n=1000 v=1000 [1]"]);
    flood.extend((1_020..1_030).map(|at| (at, "a", "ip=1")));
    check(&three, &flood, &["0..999 n=1000 v=1000 [1]", "1020..1029 n=10 v=10 [1]"]);
    // What comes between two times that hold, within a timespan, belongs to the episode; what comes after the last does not.
    let gap = [0, 1, 2, 9, 13, 14, 15, 24, 30].map(|at| (at, "a", "ip=1"));
    check(&three, &gap, &["0..24 n=8 v=8 [1]"]);

    let set = rules(&three, "");
    let (firings, _) = run(&set, &flood);
    assert_eq!((firings[0].members.len(), firings[0].members_left_out), (MEMBERS_MAX, 900));
    assert_eq!(firings[0].members[7].offset, 7);
    assert_eq!(
        firings[0].because,
        "1000 matches of ‘rule a’ within 17 min for ip 1; the rule asks for at least 3 within 10 s"
    );
}

#[test]
fn value_count() {
    let three = section("value_count", "a", "field: user, gte: 3");
    check(&three, &[(0, "a", "ip=1 user=x"), (1, "a", "ip=1 user=y"), (2, "a", "ip=1 user=X")], &[]);
    check(
        &three,
        &[(0, "a", "ip=1 user=x"), (1, "a", "ip=1 user=y"), (10, "a", "ip=1 user=z")],
        &["0..10 n=3 v=3 [1]"],
    );
    check(&three, &[(0, "a", "ip=1 user=x"), (1, "a", "ip=1 user=y"), (11, "a", "ip=1 user=z")], &[]);
    // Seen again, a value is young again.
    check(
        &three,
        &[(0, "a", "ip=1 user=x"), (1, "a", "ip=1 user=y"), (9, "a", "ip=1 user=x"), (11, "a", "ip=1 user=z")],
        &["1..11 n=3 v=3 [1]"],
    );
    // One match with many values has them all; one without a value is not counted.
    check(&three, &[(0, "a", "ip=1 user=x user=y user=z")], &["0..0 n=1 v=3 [1]"]);
    check(&three, &[(0, "a", "ip=1 user=x"), (0, "a", "ip=1"), (0, "a", "ip=1 user=y")], &[]);
    // Two fields count as pairs, and both must be there.
    let pairs = section("value_count", "a", "field: [user, host], gte: 3");
    check(
        &pairs,
        &[
            (0, "a", "ip=1 user=x host=1"),
            (0, "a", "ip=1 user=x host=2"),
            (0, "a", "ip=1 user=x"),
            (0, "a", "ip=1 user=y host=1"),
        ],
        &["0..0 n=3 v=3 [1]"],
    );
    check(
        &pairs,
        &[(0, "a", "ip=1 user=ab host=c"), (0, "a", "ip=1 user=a host=bc"), (0, "a", "ip=1 user=ab host=c")],
        &[],
    );
}

#[test]
fn temporal() {
    let all = section("temporal", "a, b, c", "");
    check(&all, &[(0, "c", "ip=1"), (5, "a", "ip=1"), (10, "b", "ip=1")], &["0..10 n=3 v=3 [1]"]);
    check(&all, &[(0, "c", "ip=1"), (5, "a", "ip=1"), (11, "b", "ip=1")], &[]);
    check(&all, &[(0, "c", "ip=1"), (5, "a", "ip=2"), (6, "b", "ip=1")], &[]);
    check(&all, &[(0, "a", "ip=1"), (0, "a", "ip=1"), (0, "a", "ip=1")], &[]);
    // The condition counts different rules.
    check(&section("temporal", "a, b, c", "gte: 2"), &[(0, "c", "ip=1"), (5, "a", "ip=1")], &["0..5 n=2 v=2 [1]"]);
    // The latest of each kind counts.
    check(&all, &[(0, "a", "ip=1"), (8, "a", "ip=1"), (9, "b", "ip=1"), (18, "c", "ip=1")], &["8..18 n=3 v=3 [1]"]);
}

#[test]
fn temporal_ordered() {
    let all = section("temporal_ordered", "a, b, c", "");
    check(&all, &[(0, "a", "ip=1"), (5, "b", "ip=1"), (10, "c", "ip=1")], &["0..10 n=3 v=3 [1]"]);
    check(&all, &[(0, "a", "ip=1"), (5, "b", "ip=1"), (11, "c", "ip=1")], &[]);
    check(&all, &[(0, "b", "ip=1"), (1, "a", "ip=1"), (2, "c", "ip=1")], &[]);
    check(&all, &[(0, "a", "ip=1"), (1, "c", "ip=1"), (2, "b", "ip=1")], &[]);
    // At one time the order of the records decides.
    check(&all, &[(3, "a", "ip=1"), (3, "b", "ip=1"), (3, "c", "ip=1")], &["3..3 n=3 v=3 [1]"]);
    check(&all, &[(3, "b", "ip=1"), (3, "a", "ip=1"), (3, "c", "ip=1")], &[]);
    // The chain that began last is the one that fits: an early `a` does not spoil it.
    check(
        &all,
        &[(0, "a", "ip=1"), (1, "b", "ip=1"), (9, "a", "ip=1"), (10, "b", "ip=1"), (18, "c", "ip=1")],
        &["9..18 n=3 v=3 [1]"],
    );
    check(&section("temporal_ordered", "a, b, c", "gte: 2"), &[(0, "b", "ip=1"), (1, "c", "ip=1")], &[]);
    check(
        &section("temporal_ordered", "a, b, c", "gte: 2"),
        &[(0, "a", "ip=1"), (1, "b", "ip=1")],
        &["0..1 n=2 v=2 [1]"],
    );
}

/// One record that two rules match is not before itself.
#[test]
fn one_record_is_one_step() {
    use super::super::{Correlator, Seen};
    let set = rules(&section("temporal_ordered", "a, b", ""), "");
    let fires = |records: &[(u64, &str)]| {
        let (mut correlator, mut out) = (Correlator::new(&set), Vec::new());
        for (offset, name) in records {
            let values = [vec!["1".to_owned()]];
            let rule = super::rule(&set, name);
            correlator.observe(Seen { rule, time: Some(0), source: 0, offset: *offset, values: &values }, &mut out);
        }
        correlator.finish(&mut out);
        !out.is_empty()
    };
    assert!(!fires(&[(0, "a"), (0, "b")]));
    assert!(!fires(&[(0, "b"), (0, "a")]));
    assert!(fires(&[(0, "a"), (0, "b"), (1, "a"), (1, "b")]));
    assert!(fires(&[(0, "a"), (1, "b")]));
}

#[test]
fn value_sum() {
    let sum = section("value_sum", "a", "field: n, gt: 100");
    check(&sum, &[(0, "a", "ip=1 n=60"), (10, "a", "ip=1 n=40")], &[]);
    check(&sum, &[(0, "a", "ip=1 n=60"), (10, "a", "ip=1 n=40.5")], &["0..10 n=2 v=100.5 [1]"]);
    check(&sum, &[(0, "a", "ip=1 n=60"), (11, "a", "ip=1 n=41")], &[]);
    check(
        &sum,
        &[(0, "a", "ip=1 n=0x65"), (0, "a", "ip=1 n=many"), (0, "a", "ip=1 n=inf"), (0, "a", "ip=1")],
        &["0..0 n=1 v=101 [1]"],
    );
    check(&sum, &[(0, "a", "ip=1 n=50 n=51")], &["0..0 n=1 v=101 [1]"]);
    // What was added is taken away again without a rest.
    check(
        &section("value_sum", "a", "field: n, gte: 0.3"),
        &[(0, "a", "ip=1 n=1e15"), (20, "a", "ip=1 n=0.2")],
        &["0..0 n=1 v=1000000000000000 [1]"],
    );
    // Judged at the end where more could undo it.
    check(
        &section("value_sum", "a", "field: n, lt: 5"),
        &[(0, "a", "ip=1 n=4"), (1, "a", "ip=1 n=4"), (0, "a", "ip=2 n=4")],
        &["1..1 n=1 v=4 [2]"],
    );
}

#[test]
fn averages_and_percentiles_are_of_whole_windows() {
    let average = section("value_avg", "a", "field: n, gt: 500");
    check(&average, &[(0, "a", "ip=1 n=900"), (10, "a", "ip=1 n=100")], &[]);
    check(&average, &[(0, "a", "ip=1 n=900"), (10, "a", "ip=1 n=101")], &["0..10 n=2 v=500.5 [1]"]);
    check(&average, &[(0, "a", "ip=1 n=900"), (11, "a", "ip=1 n=100")], &["0..0 n=1 v=900 [1]"]);
    let numbers: Vec<String> = (1..=10).map(|n| format!("ip=1 n={n}")).collect();
    let matches: Vec<Match<'_>> = numbers.iter().map(|pairs| (0, "a", pairs.as_str())).collect();
    for (percent, want) in [(1, 1), (10, 1), (11, 2), (50, 5), (90, 9), (91, 10), (100, 10)] {
        let text = section("value_percentile", "a", &format!("field: n, percentile: {percent}, gte: 0"));
        check(&text, &matches, &[&format!("0..0 n=10 v={want} [1]")]);
    }
    check(&section("value_median", "a", "field: n, eq: 5"), &matches, &["0..0 n=10 v=5 [1]"]);
    check(&section("value_percentile", "a", "field: n, percentile: 99, lt: 10"), &matches, &[]);
}

#[test]
fn conditions_that_more_could_undo_wait_for_the_end_of_the_window() {
    let few = section("event_count", "a", "lt: 3");
    check(&few, &[(0, "a", "ip=1"), (10, "a", "ip=1")], &["0..10 n=2 v=2 [1]"]);
    check(&few, &[(0, "a", "ip=1"), (5, "a", "ip=1"), (10, "a", "ip=1")], &[]);
    check(&few, &[(0, "a", "ip=1"), (5, "a", "ip=1"), (11, "a", "ip=1")], &["0..5 n=2 v=2 [1]", "11..11 n=1 v=1 [1]"]);
    for (condition, want) in
        [("eq: 2", 1), ("eq: 3", 0), ("neq: 2", 0), ("neq: 3", 1), ("lte: 1", 0), ("gt: 1, lt: 3", 1)]
    {
        let set = rules(&section("event_count", "a", condition), "");
        assert_eq!(run(&set, &[(0, "a", "ip=1"), (1, "a", "ip=1")]).0.len(), want, "{condition}");
    }
    let values = section("value_count", "a", "field: u, lte: 2");
    check(&values, &[(0, "a", "ip=1 u=1"), (1, "a", "ip=1 u=2"), (2, "a", "ip=1 u=1")], &["0..2 n=3 v=2 [1]"]);
    check(&values, &[(0, "a", "ip=1 u=1"), (1, "a", "ip=1 u=2"), (2, "a", "ip=1 u=3")], &[]);
    check(&section("temporal", "a, b", "eq: 1"), &[(0, "a", "ip=1"), (1, "a", "ip=1")], &["0..1 n=2 v=1 [1]"]);
    check(&section("temporal", "a, b", "eq: 1"), &[(0, "a", "ip=1"), (1, "b", "ip=1")], &[]);
    check(&section("temporal_ordered", "a, b", "lte: 1"), &[(0, "b", "ip=1"), (1, "a", "ip=1")], &["0..1 n=2 v=1 [1]"]);
    check(&section("temporal_ordered", "a, b", "lte: 1"), &[(0, "a", "ip=1"), (1, "b", "ip=1")], &[]);
}

#[test]
fn groups() {
    let two = "type: event_count\nrules: [a, b]\ngroup-by: [who, host]\naliases:\n  who: {a: source, b: target}\ntimespan: 10s\n\
               condition: {gte: 2}";
    check(two, &[(0, "a", "source=x host=1 target=q"), (1, "b", "target=x host=1 source=r")], &["0..1 n=2 v=2 [x,1]"]);
    check(two, &[(0, "a", "source=x host=1"), (1, "b", "target=x host=2")], &[]);
    // Several values stand in several groups.
    check(two, &[(0, "a", "source=x source=y host=1"), (1, "b", "target=y host=1")], &["0..1 n=2 v=2 [y,1]"]);
    // A match without a value for the group is in none, and counted.
    let set = rules(two, "");
    let (firings, correlator) = run(&set, &[(0, "a", "host=1"), (1, "a", "host=1"), (2, "a", "source=x")]);
    assert_eq!((firings.len(), correlator.counts().ungrouped), (0, 3));
    // Without `group-by` all is one group.
    check(
        "type: event_count\nrules: [a]\ntimespan: 1s\ncondition: {gte: 2}",
        &[(0, "a", ""), (1, "a", "")],
        &["0..1 n=2 v=2 []"],
    );
}

/// What was found stands first, then for whom, then of which rules, then what was asked.
#[test]
fn why_in_words() {
    let because = |section: &str, matches: &[Match<'_>]| run(&rules(section, ""), matches).0[0].because.clone();
    let both = [(0, "a", "ip=1 n=2"), (5, "b", "ip=1 n=3")];
    let cases = [
        (
            section("temporal", "c, b, a", "gte: 2"),
            "2 of 3 kinds of match within 5 s for ip 1: ‘rule b’, ‘rule a’; the rule asks for at least 2 within 10 s",
        ),
        (
            section("temporal_ordered", "a, b", ""),
            "2 of 2 steps in order within 5 s for ip 1: ‘rule a’, then ‘rule b’; the rule asks for at least 2 within 10 s",
        ),
        (
            section("value_sum", "a, b", "field: n, gt: 4.5"),
            "n adds up to 5 within 5 s for ip 1, in 2 matches of ‘rule a’, ‘rule b’; the rule asks for more than 4.5 within 10 s",
        ),
        (
            section("value_avg", "a, b", "field: n, lt: 3, neq: 7"),
            "n is 2.5 on average within 5 s for ip 1, in 2 matches of ‘rule a’, ‘rule b’; the rule asks for less than 3 and anything but 7 within 10 s",
        ),
        (
            section("value_percentile", "a", "field: n, percentile: 90, eq: 2"),
            "the 90th percentile of n is 2 within 1 s for ip 1, in 1 match of ‘rule a’; the rule asks for exactly 2 within 10 s",
        ),
        (
            section("value_count", "a, b, c", "field: n, lte: 2"),
            "2 different values of n within 5 s for ip 1, in 2 matches of ‘rule a’, ‘rule b’; the rule asks for at most 2 within 10 s",
        ),
    ];
    for (section, want) in cases {
        assert_eq!(because(&section, &both), want);
    }
}
