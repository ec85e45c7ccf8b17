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
    /// The first host, and further ones: mostly there is one.
    host: u64,
    more: Vec<u64>,
}

impl Known {
    /// Notes a host; how many there are now if it is new.
    fn add_host(&mut self, host: u64) -> Option<u32> {
        if self.count == 0 {
            self.host = host;
            return Some(1);
        }
        if self.host == host || self.more.contains(&host) || self.more.len() + 1 >= RULE_HOSTS_MAX {
            return None;
        }
        self.more.push(host);
        u32::try_from(self.more.len() + 1).ok()
    }
}

/// What an id can be made of: a finding that began an incident, with the kind of its key and its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub first: Option<i64>,
    pub finding: u32,
    pub key: EntityKind,
    /// To tell apart what one finding began in two places.
    pub host: Option<Arc<str>>,
    /// The number of the incident that it began.
    pub incident: u32,
}

/// A growing incident.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub risk: Risk,
    pub severity: Severity,
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub sightings: u64,
    pub lines: Vec<Line>,
    pub lines_left_out: u64,
    /// No line is below this, as far as is known.
    least: Severity,
    /// Sorted by rule.
    pub rules: Vec<Known>,
    pub counts: Counts,
    /// For each incident that this one was made of, the findings of one and the same first time.
    pub origins: Vec<Origin>,
}

impl State {
    /// Begins with a finding; whatever was here is forgotten.
    pub fn begin(&mut self, origin: Origin) {
        self.risk = Risk::default();
        self.severity = Severity::Informational;
        (self.first, self.last) = (origin.first, origin.first);
        self.sightings = 0;
        self.lines.clear();
        self.lines_left_out = 0;
        self.least = Severity::Informational;
        self.rules.clear();
        self.counts.clear();
        self.origins.clear();
        self.origins.push(origin);
    }

    /// Whether it holds little memory.
    pub fn is_small(&self) -> bool {
        self.lines.capacity() <= 8 && self.rules.capacity() <= 8 && self.counts.len() <= 32
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
            self.rules.insert(at, Known { rule, count: 0, first: time, host: 0, more: Vec::new() });
            at
        });
        let Some(known) = self.rules.get_mut(at) else { return };
        let nth = known.add_host(host);
        known.count = known.count.saturating_add(1);
        let addition = addition(severity, known.count, nth);
        if addition > 0 {
            self.risk.add(time, severity, addition);
        }
    }

    /// A finding that matched at the very time at which the incident began could have begun it as well.
    pub fn also_begins(&mut self, origin: Origin) {
        let same = self.origins.iter().find(|other| other.first == origin.first).map(|other| other.incident);
        if let Some(incident) = same.filter(|_| self.origins.len() < ORIGINS_MAX) {
            let origin = Origin { incident, ..origin };
            if !self.origins.contains(&origin) {
                self.origins.push(origin);
            }
        }
    }

    /// Adds a line where there is room, or in place of one that matters less; its place, and whether the lines are more.
    pub fn add_line(&mut self, line: Line, room: usize) -> (Option<u32>, bool) {
        if self.lines.len() < room {
            self.least = Severity::Informational;
            self.lines.push(line);
            return (u32::try_from(self.lines.len() - 1).ok(), true);
        }
        self.lines_left_out += 1;
        if line.severity <= self.least {
            return (None, false);
        }
        let least =
            self.lines.iter().enumerate().min_by_key(|(_, line)| (line.severity, std::cmp::Reverse(line.first)));
        let Some((at, found)) = least else { return (None, false) };
        if found.severity >= line.severity {
            self.least = found.severity;
            return (None, false);
        }
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
        self.least = Severity::Informational;
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
                        for host in std::iter::once(known.host).chain(known.more) {
                            mine.add_host(host);
                        }
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
