//! A correlation that held, and why in words.

use super::plan::Watch;
use crate::sigma::ir::{BoundOrder, CorrelationKind, RuleIndex};

/// One match that a firing stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberRef {
    /// The rule that matched: of a record, or a correlation below.
    pub rule: RuleIndex,
    /// The source's rank.
    pub source: u32,
    /// The record's byte offset in its source; of a correlation below, that of the record that made it hold.
    pub offset: u64,
    /// The record's own time, in nanoseconds since the epoch.
    pub time: i64,
}

/// One episode in which a correlation held for one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// The correlation's rule.
    pub rule: RuleIndex,
    /// When its first match was, in nanoseconds since the epoch.
    pub first: i64,
    /// When its last match was that the condition still held with.
    pub last: i64,
    /// How many matches it stands on.
    pub count: u64,
    /// What the condition compared, at its most (of windows that are judged when they close: at the end).
    pub value: f64,
    /// The group: the names in `group-by` with their values, as the group's first match had them.
    pub group: Vec<(String, String)>,
    /// The first matches, at most [`super::limits::MEMBERS_MAX`], in the order in which they came.
    pub members: Vec<MemberRef>,
    /// How many matches are not named.
    pub members_left_out: u64,
    /// Why, in one plain line.
    pub because: String,
}

/// What an episode comes to, before its words.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub first: i64,
    pub last: i64,
    pub count: u64,
    pub value: f64,
    /// Whether a limit kept more from being counted.
    pub at_least: bool,
    pub members: Vec<MemberRef>,
    pub left_out: u64,
}

impl Firing {
    pub(super) fn new(watch: &Watch, shown: &[Box<str>], outcome: Outcome) -> Self {
        let group: Vec<(String, String)> =
            watch.group_by.iter().zip(shown).map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let because = because(watch, &group, &outcome);
        let Outcome { first, last, count, value, members, left_out, .. } = outcome;
        Self { rule: watch.rule, first, last, count, value, group, members, members_left_out: left_out, because }
    }
}

/// “412 matches of ‘ssh login failed’ within 6 min for src_ip 203.0.113.50; the rule asks for at least 20 within 10 min”.
///
/// What was found and for whom stand first: where there is little room, the end is cut off.
fn because(watch: &Watch, group: &[(String, String)], outcome: &Outcome) -> String {
    let fields = watch.fields.iter().map(|field| &**field).collect::<Vec<_>>().join(" and ");
    let least = if outcome.at_least { "at least " } else { "" };
    let value = number(outcome.value);
    let matches = plural(outcome.count, "match", "matches");
    let titles = |between| watch.titles(&outcome.members, between);
    // What was found, and what is said of it behind the group.
    let (what, behind) = match watch.kind {
        CorrelationKind::EventCount => (format!("{matches} of {}", titles(", ")), String::new()),
        CorrelationKind::ValueCount => {
            let values = if outcome.value == 1.0 { "value" } else { "different values" };
            (format!("{least}{value} {values} of {fields}"), format!(", in {matches} of {}", titles(", ")))
        }
        CorrelationKind::Temporal => {
            (format!("{value} of {} kinds of match", watch.members.len()), format!(": {}", titles(", ")))
        }
        CorrelationKind::TemporalOrdered => {
            (format!("{value} of {} steps in order", watch.members.len()), format!(": {}", titles(", then ")))
        }
        CorrelationKind::ValueSum => {
            (format!("{fields} adds up to {least}{value}"), format!(", in {matches} of {}", titles(", ")))
        }
        CorrelationKind::ValueAverage => {
            (format!("{fields} is {value} on average"), format!(", in {matches} of {}", titles(", ")))
        }
        CorrelationKind::ValuePercentile(percent) => {
            let of = format!("the {}th percentile of {fields} is {value}", number(percent.get()));
            (of, format!(", in {matches} of {}", titles(", ")))
        }
    };
    let within = duration(outcome.last.saturating_sub(outcome.first));
    let of: Vec<String> = group.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let of = if of.is_empty() { String::new() } else { format!(" for {}", of.join(", ")) };
    format!("{what} within {within}{of}{behind}; the rule asks for {} within {}", asked(watch), duration(watch.span))
}

fn asked(watch: &Watch) -> String {
    let words = |order| match order {
        BoundOrder::Greater => "more than",
        BoundOrder::GreaterOrEqual => "at least",
        BoundOrder::Less => "less than",
        BoundOrder::LessOrEqual => "at most",
        BoundOrder::Equal => "exactly",
        BoundOrder::NotEqual => "anything but",
    };
    let bound = |bound: &crate::sigma::ir::Bound| format!("{} {}", words(bound.order), number(bound.limit.get()));
    watch.bounds.iter().map(bound).collect::<Vec<_>>().join(" and ")
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Whole numbers without a fraction, others with at most three digits of one.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `90 s`, `6 min`, `2 h`, `3 d`: rounded up to the unit, so that nothing seems quicker than it was.
fn duration(nanos: i64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let seconds = nanos.max(0).unsigned_abs().div_ceil(SECOND).max(1);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds.div_ceil(60)),
        7_200..=172_799 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} d", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_numbers_in_words() {
        for (seconds, want) in
            [(0, "1 s"), (119, "119 s"), (120, "2 min"), (121, "3 min"), (7_200, "2 h"), (86_400 * 30, "30 d")]
        {
            assert_eq!(duration(seconds * 1_000_000_000), want);
        }
        for (value, want) in
            [(3.0, "3"), (0.5, "0.5"), (2.0 / 3.0, "0.667"), (-1.25, "-1.25"), (1e15, "1000000000000000")]
        {
            assert_eq!(number(value), want);
        }
    }
}
