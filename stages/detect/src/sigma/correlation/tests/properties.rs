//! Laws: the windows are those of a brute-force model; split by group is whole; time brings nothing that its end would not.

use proptest::prelude::*;

use super::super::{Correlator, Firing, Seen};
use super::{SECOND, rule, rules};
use crate::sigma::ir::RuleSet;

/// A match: seconds, rule (0..3), group, value.
type Row = (i64, usize, usize, i64);

const NAMES: [&str; 3] = ["a", "b", "c"];
const SPAN: i64 = 10;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0_i64..6, 0_usize..3, 0_usize..3, 0_i64..5);
    proptest::collection::vec(row, 0..60).prop_map(|rows| {
        let mut time = 0;
        let later = |(gap, rule, group, value)| {
            time += gap;
            (time, rule, group, value)
        };
        rows.into_iter().map(later).collect()
    })
}

fn fired(set: &RuleSet, rows: &[(u64, Row)], step: bool) -> Vec<Firing> {
    let (mut correlator, mut out) = (Correlator::new(set), Vec::new());
    for (offset, (time, name, group, value)) in rows {
        let rule = rule(set, NAMES[*name]);
        let of = |field: &str| match field {
            "g" => vec![format!("g{group}")],
            _ => vec![value.to_string()],
        };
        let values: Vec<Vec<String>> = correlator.wanted(rule).iter().map(|field| of(field)).collect();
        if step {
            correlator.advance(time * SECOND, &mut out);
        }
        correlator
            .observe(Seen { rule, time: Some(time * SECOND), source: 0, offset: *offset, values: &values }, &mut out);
    }
    correlator.finish(&mut out);
    out.sort_by_key(|firing| (firing.rule, firing.first, firing.last, firing.group.clone(), firing.count));
    out
}

/// The times at which a sliding condition holds for a group, by looking at all matches of the window each time.
fn model(kind: &str, limit: usize, rows: &[Row], group: usize) -> Vec<i64> {
    let mine: Vec<&Row> =
        rows.iter().filter(|row| row.2 == group && (kind.starts_with("temporal") || row.1 == 0)).collect();
    let mut times = Vec::new();
    for (at, last) in mine.iter().enumerate() {
        let window: Vec<&&Row> = mine[..=at].iter().filter(|row| row.0 >= last.0 - SPAN).collect();
        let holds = match kind {
            "event_count" => window.len() >= limit,
            "value_count" => window.iter().map(|row| row.3).collect::<std::collections::BTreeSet<_>>().len() >= limit,
            "value_sum" => window.iter().map(|row| row.3).sum::<i64>() >= limit as i64,
            "temporal" => window.iter().map(|row| row.1).collect::<std::collections::BTreeSet<_>>().len() >= limit,
            // The last match is `c`, an earlier one `b`, one before that `a`.
            _ => {
                let earlier = &window[..window.len() - 1];
                let b = earlier.iter().rposition(|row| row.1 == 1);
                last.1 == 2 && b.is_some_and(|b| earlier[..b].iter().any(|row| row.1 == 0))
            }
        };
        if holds {
            times.push(last.0);
        }
    }
    times
}

/// Times that hold, as episodes: `(last of each, how many hold)`.
fn episodes(times: &[i64]) -> Vec<i64> {
    let mut ends: Vec<i64> = Vec::new();
    for time in times {
        match ends.last_mut() {
            Some(end) if time - *end <= SPAN => *end = *time,
            _ => ends.push(*time),
        }
    }
    ends
}

const KINDS: [(&str, &str, &str); 5] = [
    ("event_count", "a", "gte: "),
    ("value_count", "a", "field: v, gte: "),
    ("value_sum", "a", "field: v, gte: "),
    ("temporal", "a, b, c", "gte: "),
    ("temporal_ordered", "a, b, c", "gte: "),
];

fn set_of(kind: &str, members: &str, condition: &str, limit: usize) -> RuleSet {
    rules(
        &format!(
            "type: {kind}\nrules: [{members}]\ngroup-by: [g]\ntimespan: {SPAN}s\ncondition: {{{condition}{limit}}}"
        ),
        "",
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn sliding_windows_are_those_of_the_model(rows in rows(), limit in 1_usize..6) {
        for (kind, members, condition) in KINDS {
            let limit = if kind.starts_with("temporal") { 3 } else { limit };
            let set = set_of(kind, members, condition, limit);
            let numbered: Vec<(u64, Row)> = (0..).zip(rows.iter().copied()).collect();
            let firings = fired(&set, &numbered, false);
            for group in 0..3 {
                let want = episodes(&model(kind, limit, &rows, group));
                let name = format!("g{group}");
                let got: Vec<i64> = firings.iter().filter(|it| it.group[0].1 == name).map(|it| it.last / SECOND).collect();
                prop_assert_eq!(&got, &want, "{} {} {:?}", kind, limit, rows);
            }
        }
    }

    #[test]
    fn split_by_group_is_whole(rows in rows(), limit in 1_usize..6) {
        let closing = [("event_count", "a", "lt: "), ("value_avg", "a", "field: v, gt: "), ("value_median", "a, b", "field: v, gte: ")];
        for (kind, members, condition) in KINDS.into_iter().chain(closing) {
            let limit = if kind.starts_with("temporal") { limit.min(3) } else { limit };
            let above = "---\ntitle: above\nid: y\ncorrelation:\n  type: temporal\n  rules: [z, b]\n  group-by: [g]\n  timespan: 15s\n";
            let section = format!("type: {kind}\nrules: [{members}]\ngroup-by: [g]\ntimespan: {SPAN}s\ncondition: {{{condition}{limit}}}");
            let set = rules(&section, above);
            let numbered: Vec<(u64, Row)> = (0..).zip(rows.iter().copied()).collect();
            let whole = fired(&set, &numbered, false);
            prop_assert_eq!(&fired(&set, &numbered, true), &whole);
            let mut parts = Vec::new();
            for group in 0..3 {
                let part: Vec<(u64, Row)> = numbered.iter().filter(|(_, row)| row.2 == group).copied().collect();
                parts.extend(fired(&set, &part, false));
            }
            parts.sort_by_key(|firing| (firing.rule, firing.first, firing.last, firing.group.clone(), firing.count));
            prop_assert_eq!(parts, whole, "{} {}", kind, limit);
        }
    }
}
