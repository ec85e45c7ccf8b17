//! One incident while it grows: members, rules, counts, risk; and how two become one.

use std::sync::Arc;

use shieldwall_schema::entity::EntityKind;
use shieldwall_schema::incident::Severity;

use crate::involved::{Counts, earlier};
use crate::limits::ORIGINS_MAX;
use crate::risk::{Risk, addition};

/// Hosts of a rule that are told apart; further ones count as repeats.
const RULE_HOSTS_MAX: usize = 16;

/// The matches of one finding on one host in one episode.
#[derive(Clone, Debug)]
pub struct Line {
    pub finding: u32,
    pub rule: u32,
    pub severity: Severity,
    pub host: Option<Arc<str>>,
    pub count: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    /// By what it joined; for the first, what it could have joined by.
    pub joined_by: Option<(EntityKind, Arc<str>)>,
}

/// What an incident knows of a rule.
#[derive(Clone, Debug)]
pub struct Known {
    pub rule: u32,
    pub count: u32,
    pub first: Option<i64>,
    hosts: Vec<u64>,
}

/// What an id can be made of: a finding that began an incident, with the kind of its key and its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub first: Option<i64>,
    pub finding: u32,
    pub key: EntityKind,
    /// To tell apart what one finding began in two places.
    pub host: Option<Arc<str>>,
}

/// A growing incident.
#[derive(Clone, Debug)]
pub struct State {
    pub risk: Risk,
    pub severity: Severity,
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub sightings: u64,
    pub lines: Vec<Line>,
    pub lines_left_out: u64,
    /// Sorted by rule.
    pub rules: Vec<Known>,
    pub counts: Counts,
    /// One for each incident that this one was made of; within one, findings of one and the same first time.
    pub origins: Vec<Vec<Origin>>,
}

impl State {
    /// An incident that begins with a finding.
    pub fn new(origin: Origin) -> Self {
        Self {
            risk: Risk::default(),
            severity: Severity::Informational,
            first: origin.first,
            last: origin.first,
            sightings: 0,
            lines: Vec::new(),
            lines_left_out: 0,
            rules: Vec::new(),
            counts: Counts::default(),
            origins: vec![vec![origin]],
        }
    }

    /// How often a rule matched.
    pub fn repeats(&self, rule: u32) -> u32 {
        let at = self.rules.binary_search_by_key(&rule, |known| known.rule);
        at.ok().and_then(|at| self.rules.get(at)).map_or(0, |known| known.count)
    }

    /// Counts a match and adds its risk.
    pub fn count(&mut self, rule: u32, severity: Severity, host: u64, time: Option<i64>) {
        self.sightings += 1;
        self.severity = self.severity.max(severity);
        self.last = self.last.max(time);
        let at = self.rules.binary_search_by_key(&rule, |known| known.rule).unwrap_or_else(|at| {
            self.rules.insert(at, Known { rule, count: 0, first: time, hosts: Vec::new() });
            at
        });
        let Some(known) = self.rules.get_mut(at) else { return };
        known.count = known.count.saturating_add(1);
        let mut nth = None;
        if !known.hosts.contains(&host) && known.hosts.len() < RULE_HOSTS_MAX {
            known.hosts.push(host);
            nth = u32::try_from(known.hosts.len()).ok();
        }
        let addition = addition(severity, known.count, nth);
        if addition > 0 {
            self.risk.add(time, severity, addition);
        }
    }

    /// A finding that matched at the very time at which the incident began could have begun it as well.
    pub fn also_begins(&mut self, origin: Origin) {
        let origins = self.origins.iter_mut().find(|group| group.first().is_some_and(|one| one.first == origin.first));
        if let Some(group) = origins.filter(|group| group.len() < ORIGINS_MAX && !group.contains(&origin)) {
            group.push(origin);
        }
    }

    /// Adds a line where there is room, or in place of one that matters less; its place, and whether the lines are more.
    pub fn add_line(&mut self, line: Line, room: usize) -> (Option<u32>, bool) {
        if self.lines.len() < room {
            self.lines.push(line);
            return (u32::try_from(self.lines.len() - 1).ok(), true);
        }
        self.lines_left_out += 1;
        let least =
            self.lines.iter().enumerate().min_by_key(|(_, line)| (line.severity, std::cmp::Reverse(line.first)));
        let Some((at, _)) = least.filter(|(_, least)| least.severity < line.severity) else { return (None, false) };
        if let Some(place) = self.lines.get_mut(at) {
            *place = line;
        }
        (u32::try_from(at).ok(), false)
    }

    /// Takes in another incident. `by` is what joined them. Gives how many (lines, counted entities) the two now hold less.
    pub fn merge(
        &mut self,
        mut other: Self,
        time: Option<i64>,
        by: Option<&(EntityKind, Arc<str>)>,
        (lines_most, counts_most): (usize, usize),
    ) -> (usize, usize) {
        self.risk.merge(other.risk, time);
        self.severity = self.severity.max(other.severity);
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.sightings += other.sightings;
        self.lines_left_out += other.lines_left_out;
        let before = self.lines.len() + other.lines.len();
        for line in &mut other.lines {
            // The other's first line is joined by what joins the two.
            if line.first == other.first && by.is_some() {
                line.joined_by = by.cloned();
            }
        }
        self.lines.append(&mut other.lines);
        if self.lines.len() > lines_most {
            self.lines.sort_by_key(|line| (std::cmp::Reverse(line.severity), line.first, line.finding));
            self.lines_left_out += u64::try_from(self.lines.len() - lines_most).unwrap_or_default();
            self.lines.truncate(lines_most);
        }
        for known in other.rules {
            match self.rules.binary_search_by_key(&known.rule, |known| known.rule) {
                Err(at) => self.rules.insert(at, known),
                Ok(at) => {
                    if let Some(mine) = self.rules.get_mut(at) {
                        mine.count = mine.count.saturating_add(known.count);
                        mine.first = earlier(mine.first, known.first);
                        mine.hosts.extend(known.hosts);
                        mine.hosts.sort_unstable();
                        mine.hosts.dedup();
                        mine.hosts.truncate(RULE_HOSTS_MAX);
                    }
                }
            }
        }
        self.origins.append(&mut other.origins);
        if self.origins.len() > ORIGINS_MAX {
            self.origins.sort_unstable();
            self.origins.truncate(ORIGINS_MAX);
        }
        let counts = self.counts.merge(other.counts, counts_most);
        (before.saturating_sub(self.lines.len()), counts)
    }
}
