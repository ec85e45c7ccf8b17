//! Every type, at its boundaries.

use super::{Match, rules, run};

/// Each firing as `first..last count value group`.
fn check(section: &str, matches: &[Match<'_>], want: &[&str]) {
    let set = rules(section, "");
    let (firings, _) = run(&set, matches);
    let shown: Vec<String> = firings
        .iter()
        .map(|firing| {
            let group: Vec<&str> = firing.group.iter().map(|(_, value)| value.as_str()).collect();
            let (first, last) = (firing.first / super::SECOND, firing.last / super::SECOND);
            format!("{first}..{last} n={} v={} [{}]", firing.count, firing.value, group.join(","))
        })
        .collect();
    assert_eq!(shown, want, "{section}\n{matches:?}");
}

const COUNT: &str = "type: event_count\nrules: [a]\ngroup-by: [ip]\ntimespan: 10s\ncondition: {gte: 3}";

#[test]
fn event_count() {
    // One short; exactly at the timespan; one second over it.
    check(COUNT, &[(0, "a", "ip=1"), (1, "a", "ip=1")], &[]);
    check(COUNT, &[(0, "a", "ip=1"), (5, "a", "ip=1"), (10, "a", "ip=1")], &["0..10 n=3 v=3 [1]"]);
    check(COUNT, &[(0, "a", "ip=1"), (5, "a", "ip=1"), (11, "a", "ip=1")], &[]);
}
