//! [`Correlator`]: takes matches in the order of time, gives firings.

use std::collections::{HashMap, VecDeque};

use super::firing::{Firing, MemberRef, Outcome};
use super::group::{Group, State, judge, step};
use super::limits::{ENTRIES_MAX, GROUPS_MAX, GROUPS_PER_MATCH_MAX, SHOWN_CHARS_MAX};
use super::plan::{Feed, Pass, Plan, Watch};
use super::recency::Recency;
use super::window::{Entry, Input, product, write_key};
use crate::sigma::ir::{RuleIndex, RuleSet};

/// A match of a rule, as the stateless half of the line hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The rule that matched.
    pub rule: RuleIndex,
    /// Event time in nanoseconds since the epoch.
    pub time: Option<i64>,
    /// The source's rank: the second key of the order.
    pub source: u32,
    /// The record's byte offset in its source: the third.
    pub offset: u64,
    /// The values of the fields that [`Correlator::wanted`] names, in its order.
    pub values: &'a [Vec<String>],
}

/// What correlation could not look at, or had to let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Matches of records without a time: they cannot stand in a window.
    pub untimed: u64,
    /// Matches that came after later ones; they were taken to be as late as the latest.
    pub late: u64,
    /// Matches that lack a field of a correlation's `group-by`, once for each correlation.
    pub ungrouped: u64,
    /// Matches that lack the field that is counted, or a number in it, once for each correlation.
    pub valueless: u64,
    /// Matches with so many values in their group's fields that not every group got them.
    pub cut: u64,
    /// Groups that were let go before their time because there were too many, or too much in them.
    pub evicted: u64,
}

/// All correlations of a rule set, and what they have seen.
///
/// Feed [`Self::observe`] in the order (time, source, offset), then call [`Self::finish`].
#[derive(Debug)]
pub struct Correlator {
    plan: Plan,
    engine: Engine,
}

impl Correlator {
    /// Prepares the correlations of a set. Cheap if there is none.
    pub fn new(set: &RuleSet) -> Self {
        Self::with_limits(set, GROUPS_MAX, ENTRIES_MAX)
    }

    /// With limits of its own, for tests.
    pub(super) fn with_limits(set: &RuleSet, groups_max: usize, entries_max: usize) -> Self {
        let plan = Plan::new(set);
        let mut tables = Vec::new();
        tables.resize_with(plan.watches.len(), Table::default);
        let engine = Engine {
            tables,
            now: i64::MIN,
            next_expiry: i64::MAX,
            entries: 0,
            groups_max,
            entries_max,
            counts: Counts::default(),
            pulses: VecDeque::new(),
            folded: String::new(),
            key: Vec::new(),
        };
        Self { plan, engine }
    }

    /// Whether there is no correlation.
    pub fn is_empty(&self) -> bool {
        self.plan.watches.is_empty()
    }

    /// Whether matches of a rule must be handed over. A rule may be wanted without any of its values.
    pub fn concerns(&self, rule: RuleIndex) -> bool {
        self.plan.of(rule).is_some_and(|feeds| !feeds.feeds.is_empty())
    }

    /// The rule's fields whose values must be handed over with each of its matches.
    pub fn wanted(&self, rule: RuleIndex) -> &[Box<str>] {
        self.plan.of(rule).map(|feeds| feeds.wanted.as_slice()).unwrap_or_default()
    }

    /// Whether a rule's matches give no finding of their own ([`RuleSet::silent`]).
    pub fn silent(&self, rule: RuleIndex) -> bool {
        self.plan.of(rule).is_some_and(|feeds| feeds.silent)
    }

    /// Takes a match; appends the firings that its time has brought to an end. A correlation that another stands on fires
    /// only if that one says `generate: true`.
    pub fn observe(&mut self, seen: Seen<'_>, out: &mut Vec<Firing>) {
        let Self { plan, engine } = self;
        let Some(feeds) = plan.of(seen.rule).filter(|feeds| !feeds.feeds.is_empty()) else { return };
        let Some(time) = seen.time else {
            engine.counts.untimed += 1;
            return;
        };
        if time < engine.now {
            engine.counts.late += 1;
        }
        engine.now = engine.now.max(time);
        let at = engine.now;
        engine.expire(plan, at, out);
        let member = MemberRef { rule: seen.rule, source: seen.source, offset: seen.offset, time };
        for feed in &feeds.feeds {
            engine.feed(plan, feed, Entry { at, member }, seen.values, out);
        }
        engine.deliver(plan, out);
    }

    /// Says that no match before `now` (nanoseconds since the epoch) will come any more; appends what that brings to an
    /// end. For a live line; without it firings come with the next match.
    pub fn advance(&mut self, now: i64, out: &mut Vec<Firing>) {
        self.engine.now = self.engine.now.max(now);
        self.engine.expire(&self.plan, self.engine.now, out);
    }

    /// Ends everything that is open.
    pub fn finish(&mut self, out: &mut Vec<Firing>) {
        while self.engine.close_first(&self.plan, None, out) {}
        self.engine.now = i64::MIN;
    }

    /// What could not be looked at, or had to go.
    pub fn counts(&self) -> Counts {
        self.engine.counts
    }

    /// Matches of records without a time.
    pub fn untimed(&self) -> u64 {
        self.engine.counts.untimed
    }

    /// How much is kept, of all correlations together.
    pub fn entries(&self) -> usize {
        self.engine.entries
    }

    /// How many groups are open, of all correlations together.
    pub fn groups(&self) -> usize {
        self.engine.tables.iter().map(|table| table.groups.len()).sum()
    }
}

#[derive(Debug)]
struct Engine {
    /// As [`Plan::watches`].
    tables: Vec<Table>,
    /// The time of the latest match.
    now: i64,
    /// No group expires before this.
    next_expiry: i64,
    entries: usize,
    groups_max: usize,
    entries_max: usize,
    counts: Counts,
    /// Correlations that held, on their way to those above.
    pulses: VecDeque<Pulse>,
    folded: String,
    key: Vec<u8>,
}

/// The groups of one correlation.
#[derive(Debug, Default)]
struct Table {
    /// Hashed with keys of the process's own, so that nobody can choose groups that collide. Never iterated.
    places: HashMap<Box<[u8]>, u32>,
    /// In the order of [`Group::seen`].
    groups: Recency<Group>,
    entries: usize,
}

/// A correlation that held: a match for those above.
#[derive(Debug)]
struct Pulse {
    rule: RuleIndex,
    entry: Entry,
    values: Vec<Vec<String>>,
    begins: bool,
}

impl Engine {
    /// Puts a match into every group that it belongs to.
    fn feed(&mut self, plan: &Plan, feed: &Feed, entry: Entry, values: &[Vec<String>], out: &mut Vec<Firing>) {
        let Some(watch) = plan.watches.get(feed.watch) else { return };
        let input = Input { entry, member: feed.member, fields: &feed.fields, values };
        let found = product(values, &feed.group, GROUPS_PER_MATCH_MAX, |picks| {
            self.put(plan, watch, feed, picks, &input, out);
        });
        self.counts.ungrouped += u64::from(found.missing);
        self.counts.cut += u64::from(found.cut);
    }

    fn put(
        &mut self,
        plan: &Plan,
        watch: &Watch,
        feed: &Feed,
        picks: &[&str],
        input: &Input<'_>,
        out: &mut Vec<Firing>,
    ) {
        write_key(picks, &mut self.folded, &mut self.key);
        let at = input.entry.at;
        let Some(table) = self.tables.get_mut(feed.watch) else { return };
        let mut place = table.places.get(self.key.as_slice()).copied();
        if let (Some(known), true) = (place, watch.closing)
            && let Some(group) = table.groups.get_mut(known)
            && at > group.seen.saturating_add(watch.span)
        {
            // Only a correlation below, whose window closed, can come here: others are expired before they are fed.
            self.close(plan, feed.watch, known, out);
            place = None;
            write_key(picks, &mut self.folded, &mut self.key);
        }
        let place = match place {
            Some(place) => place,
            None => self.open(watch, feed.watch, picks, at, out),
        };
        let Some(table) = self.tables.get_mut(feed.watch) else { return };
        if !watch.closing {
            table.groups.touch(place);
        }
        let Some(group) = table.groups.get_mut(place) else { return };
        let above = !feed.pass.is_empty() || plan.of(watch.rule).is_some_and(|feeds| !feeds.feeds.is_empty());
        match &mut group.state {
            State::Sliding(window, episode) => {
                group.seen = group.seen.max(at);
                let step = step(watch, window, episode, input);
                self.counts.valueless += u64::from(step.ignored);
                if let Some(outcome) = step.ended {
                    fire(watch, &group.shown, outcome, out);
                }
                if let (Some(begins), true) = (step.holds, above) {
                    let values = carry(feed, &group.shown, input.values);
                    let entry = Entry { at, member: MemberRef { rule: watch.rule, ..input.entry.member } };
                    self.pulses.push_back(Pulse { rule: watch.rule, entry, values, begins });
                }
            }
            State::Closing { window, carried } => {
                let counts = window.push(input);
                self.counts.valueless += u64::from(!counts);
                if counts && above {
                    *carried = carry(feed, &group.shown, input.values);
                }
            }
        }
        let length = group.len();
        let before = std::mem::replace(&mut group.entries, length);
        table.entries = (table.entries + length).saturating_sub(before);
        self.entries = (self.entries + length).saturating_sub(before);
        while self.entries > self.entries_max && self.evict_from_largest(plan, out) {}
    }

    /// Opens a group; lets the oldest go if there are too many.
    fn open(&mut self, watch: &Watch, at_watch: usize, picks: &[&str], at: i64, out: &mut Vec<Firing>) -> u32 {
        let full = self.tables.get(at_watch).is_some_and(|table| table.groups.len() >= self.groups_max);
        if full {
            self.evict(watch, at_watch, out);
        }
        let Some(table) = self.tables.get_mut(at_watch) else { return u32::MAX };
        let shown = picks.iter().map(|value| shown(value)).collect();
        let place = table.groups.push(Group::new(watch, &self.key, shown, at));
        table.places.insert(self.key.as_slice().into(), place);
        self.next_expiry = self.next_expiry.min(at.saturating_add(watch.span));
        place
    }

    /// Takes a group out.
    fn take(&mut self, at_watch: usize, place: u32) -> Option<Group> {
        let table = self.tables.get_mut(at_watch)?;
        let group = table.groups.remove(place)?;
        table.places.remove(&group.key);
        table.entries = table.entries.saturating_sub(group.entries);
        self.entries = self.entries.saturating_sub(group.entries);
        Some(group)
    }

    /// Lets the oldest group of a correlation go. An episode that is open ends; a window that is not closed is not judged.
    fn evict(&mut self, watch: &Watch, at_watch: usize, out: &mut Vec<Firing>) {
        let oldest = self.tables.get(at_watch).and_then(|table| table.groups.oldest()).map(|(place, _)| place);
        let Some(group) = oldest.and_then(|place| self.take(at_watch, place)) else { return };
        self.counts.evicted += 1;
        if let State::Sliding(_, Some(episode)) = group.state {
            fire(watch, &group.shown, episode.end(watch), out);
        }
    }

    fn evict_from_largest(&mut self, plan: &Plan, out: &mut Vec<Firing>) -> bool {
        let largest = self.tables.iter().enumerate().max_by_key(|(_, table)| table.entries).map(|(at, _)| at);
        let Some((at, watch)) = largest.and_then(|at| plan.watches.get(at).map(|watch| (at, watch))) else {
            return false;
        };
        let more = self.tables.get(at).is_some_and(|table| table.groups.len() > 0);
        if more {
            self.evict(watch, at, out);
        }
        more
    }

    /// Hands correlations that held to those above, until none is left. Ends because there is no circle.
    fn deliver(&mut self, plan: &Plan, out: &mut Vec<Firing>) {
        while let Some(pulse) = self.pulses.pop_front() {
            let Some(feeds) = plan.of(pulse.rule) else { continue };
            for feed in feeds.feeds.iter().filter(|feed| pulse.begins || !feed.begins_only) {
                self.feed(plan, feed, pulse.entry, &pulse.values, out);
            }
        }
    }

    /// Closes every group of which nothing can come any more, in the order of their ends.
    fn expire(&mut self, plan: &Plan, now: i64, out: &mut Vec<Firing>) {
        while self.next_expiry < now {
            self.close_first(plan, Some(now), out);
        }
    }

    /// Closes the group whose end is first, if that is before `now`; false if there is no group.
    fn close_first(&mut self, plan: &Plan, now: Option<i64>, out: &mut Vec<Firing>) -> bool {
        let ends = plan.watches.iter().zip(&self.tables).enumerate();
        let ends = ends.filter_map(|(at, (watch, table))| {
            let (place, group) = table.groups.oldest()?;
            Some((group.seen.saturating_add(watch.span), at, place))
        });
        let Some((end, at, place)) = ends.min() else {
            self.next_expiry = i64::MAX;
            return false;
        };
        self.next_expiry = end;
        if now.is_none_or(|now| end < now) {
            self.close(plan, at, place, out);
            self.deliver(plan, out);
        }
        true
    }

    /// Ends a group.
    fn close(&mut self, plan: &Plan, at_watch: usize, place: u32, out: &mut Vec<Firing>) {
        let Some(watch) = plan.watches.get(at_watch) else { return };
        let Some(group) = self.take(at_watch, place) else { return };
        match group.state {
            State::Sliding(_, None) => {}
            State::Sliding(_, Some(episode)) => fire(watch, &group.shown, episode.end(watch), out),
            State::Closing { window, carried } => {
                let at = group.seen.saturating_add(watch.span);
                if let Some(outcome) = judge(watch, window) {
                    self.pulse(plan, watch, at, &outcome, carried);
                    fire(watch, &group.shown, outcome, out);
                }
            }
        }
    }

    /// A window closed and its condition holds: for the correlations above, that happens at its end.
    fn pulse(&mut self, plan: &Plan, watch: &Watch, at: i64, outcome: &Outcome, values: Vec<Vec<String>>) {
        let above = plan.of(watch.rule).is_some_and(|feeds| !feeds.feeds.is_empty());
        if let (true, Some(last)) = (above, outcome.members.last()) {
            let entry = Entry { at, member: MemberRef { rule: watch.rule, ..*last } };
            self.pulses.push_back(Pulse { rule: watch.rule, entry, values, begins: true });
        }
    }
}

fn fire(watch: &Watch, shown: &[Box<str>], outcome: Outcome, out: &mut Vec<Firing>) {
    if !watch.silent {
        out.push(Firing::new(watch, shown, outcome));
    }
}

/// The values that correlations above want of a match that made the condition hold.
fn carry(feed: &Feed, shown: &[Box<str>], values: &[Vec<String>]) -> Vec<Vec<String>> {
    let carry = |pass: &Pass| match pass {
        Pass::Group(at) => shown.get(*at).map(|value| vec![value.to_string()]).unwrap_or_default(),
        Pass::Value(at) => values.get(*at).cloned().unwrap_or_default(),
    };
    feed.pass.iter().map(carry).collect()
}

fn shown(value: &str) -> Box<str> {
    match value.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => value.get(..end).unwrap_or_default().into(),
        None => value.into(),
    }
}
