//! Which match concerns which correlation, and where the values that it needs stand.
//!
//! What a match must bring along is found once: the fields that a correlation groups by and counts, and those that the
//! correlations above it will ask for in turn.

use std::collections::BTreeMap;

use super::firing::MemberRef;
use crate::sigma::ir::{Bound, BoundOrder, Correlation, CorrelationKind, RuleIndex, RuleSet};

/// Everything that does not change while matches come.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By rule; empty if there is no correlation.
    pub rules: Vec<RuleFeeds>,
    /// The correlations, those below before those above.
    pub watches: Vec<Watch>,
}

/// What the matches of one rule are for.
#[derive(Debug, Default)]
pub(super) struct RuleFeeds {
    pub wanted: Vec<Box<str>>,
    pub feeds: Vec<Feed>,
    pub silent: bool,
}

/// One rule's matches for one correlation.
#[derive(Debug)]
pub(super) struct Feed {
    /// Which of [`Plan::watches`].
    pub watch: usize,
    /// Which of its members.
    pub member: usize,
    /// For each name in `group-by`, the value's place in [`RuleFeeds::wanted`].
    pub group: Vec<usize>,
    /// For each field of the condition, the same.
    pub fields: Vec<usize>,
    /// For each field that correlations above want of this one.
    pub pass: Vec<Pass>,
    /// Whether the match is a correlation's, of which only the beginning counts.
    pub begins_only: bool,
}

/// Where a value for the correlations above comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass {
    /// The group's own value.
    Group(usize),
    /// The match's, at this place in [`RuleFeeds::wanted`].
    Value(usize),
}

/// One correlation.
#[derive(Debug)]
pub(super) struct Watch {
    pub rule: RuleIndex,
    pub kind: CorrelationKind,
    /// The titles of the members.
    pub members: Vec<Box<str>>,
    /// Their rules.
    pub rules: Vec<Vec<RuleIndex>>,
    pub group_by: Vec<Box<str>>,
    pub fields: Vec<Box<str>>,
    pub span: i64,
    pub bounds: Vec<Bound>,
    /// Whether it gives no firing of its own: it is what another correlation stands on.
    pub silent: bool,
    /// Whether the condition is judged when the window closes.
    pub closing: bool,
    /// The smallest whole number that all bounds admit, where they are lower bounds.
    pub need: usize,
}

impl Watch {
    fn new(correlation: &Correlation, set: &RuleSet, silent: bool) -> Self {
        let title = |rule: &RuleIndex| set.rules.get(rule.0 as usize).map(|rule| rule.title.as_str());
        let titles = correlation.members.iter().map(|member| {
            let title = member.rules.first().and_then(title).unwrap_or(&member.name);
            title.into()
        });
        let aggregate = matches!(correlation.kind, CorrelationKind::ValueAverage | CorrelationKind::ValuePercentile(_));
        Self {
            rule: correlation.rule,
            kind: correlation.kind,
            members: titles.collect(),
            rules: correlation.members.iter().map(|member| member.rules.clone()).collect(),
            group_by: correlation.group_by.clone(),
            fields: correlation.fields.clone(),
            span: correlation.timespan.max(0),
            bounds: correlation.bounds.clone(),
            silent,
            closing: aggregate || !correlation.bounds.iter().all(|bound| bound.is_lower()),
            need: need(&correlation.bounds),
        }
    }

    /// Whether a value satisfies the condition.
    pub(super) fn holds(&self, value: f64) -> bool {
        self.bounds.iter().all(|bound| bound.holds(value))
    }

    /// The titles of the members that matched, in their order: “‘a’, ‘b’ and 3 more”.
    pub(super) fn titles(&self, matched: &[MemberRef], between: &str) -> String {
        const SHOWN_MAX: usize = 4;
        let seen = |at: usize| {
            let rules = self.rules.get(at).map(Vec::as_slice).unwrap_or_default();
            matched.iter().any(|member| rules.contains(&member.rule))
        };
        let titles: Vec<&str> =
            self.members.iter().enumerate().filter(|(at, _)| seen(*at)).map(|(_, title)| &**title).collect();
        let shown: Vec<String> = titles.iter().take(SHOWN_MAX).map(|title| format!("‘{title}’")).collect();
        match titles.len().saturating_sub(SHOWN_MAX) {
            0 => shown.join(between),
            more => format!("{} and {more} more", shown.join(between)),
        }
    }
}

fn need(bounds: &[Bound]) -> usize {
    let least = |bound: &Bound| match bound.order {
        BoundOrder::Greater => bound.limit.get().floor() + 1.0,
        BoundOrder::GreaterOrEqual => bound.limit.get().ceil(),
        _ => 1.0,
    };
    // Saturates, which is what is meant: loading refuses limits that are too high.
    bounds.iter().map(least).fold(1.0, f64::max) as usize
}

impl Plan {
    pub(super) fn new(set: &RuleSet) -> Self {
        let order = order(set);
        if order.is_empty() {
            return Self::default();
        }
        let mut rules: Vec<RuleFeeds> = Vec::new();
        rules.resize_with(set.rules.len(), RuleFeeds::default);
        for (feeds, silent) in rules.iter_mut().zip(set.silent()) {
            feeds.silent = silent;
        }
        // From above to below: what is wanted of a correlation is known before what it wants itself.
        for (watch, correlation) in order.iter().enumerate().rev() {
            let above: Vec<Box<str>> =
                rules.get(correlation.rule.0 as usize).map(|feeds| feeds.wanted.clone()).unwrap_or_default();
            for (member, entry) in correlation.members.iter().enumerate() {
                for rule in &entry.rules {
                    let Some(feeds) = rules.get_mut(rule.0 as usize) else { continue };
                    let mut slot = |name: &str| {
                        let field = entry.field(name);
                        feeds.wanted.iter().position(|have| **have == *field).unwrap_or_else(|| {
                            feeds.wanted.push(field.into());
                            feeds.wanted.len() - 1
                        })
                    };
                    let group: Vec<usize> = correlation.group_by.iter().map(|name| slot(name)).collect();
                    let fields: Vec<usize> = correlation.fields.iter().map(|name| slot(name)).collect();
                    let mut pass = |name: &str| {
                        let grouped = correlation.group_by.iter().position(|have| **have == *name);
                        grouped.map_or_else(|| Pass::Value(slot(name)), Pass::Group)
                    };
                    let pass: Vec<Pass> = above.iter().map(|name| pass(name)).collect();
                    let counts = !matches!(
                        correlation.kind,
                        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered | CorrelationKind::ValueCount
                    );
                    let begins_only = counts && set.correlation(*rule).is_some();
                    feeds.feeds.push(Feed { watch, member, group, fields, pass, begins_only });
                }
            }
        }
        // One record may match several rules of one correlation: its members are fed in their order.
        for feeds in &mut rules {
            feeds.feeds.sort_by_key(|feed| (feed.watch, feed.member));
        }
        let silent = |rule: RuleIndex| rules.get(rule.0 as usize).is_some_and(|feeds| feeds.silent);
        let watches = order.iter().map(|one| Watch::new(one, set, silent(one.rule))).collect();
        Self { rules, watches }
    }

    pub(super) fn of(&self, rule: RuleIndex) -> Option<&RuleFeeds> {
        self.rules.get(rule.0 as usize)
    }
}

/// Those below before those above; what stands in a circle, which loading refuses, is left out.
fn order(set: &RuleSet) -> Vec<&Correlation> {
    let mut done: BTreeMap<RuleIndex, ()> = BTreeMap::new();
    let mut open: Vec<&Correlation> = set.correlations.iter().collect();
    let mut order = Vec::with_capacity(open.len());
    loop {
        let waits = |one: &&Correlation| {
            let below = one.members.iter().flat_map(|member| &member.rules);
            below.into_iter().any(|rule| set.correlation(*rule).is_some() && !done.contains_key(rule))
        };
        let (later, ready): (Vec<_>, Vec<_>) = open.into_iter().partition(waits);
        if ready.is_empty() {
            return order;
        }
        done.extend(ready.iter().map(|one| (one.rule, ())));
        order.extend(ready);
        open = later;
    }
}
