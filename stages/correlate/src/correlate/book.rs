//! The books: incidents begin, merge and are dropped; matches are counted; entities carried; episodes remembered.

use std::sync::Arc;

use shieldwall_schema::entity::EntityKind;

use super::{Correlate, Episode, Match, Record, STRONG, rank};
use crate::entities::{Carrier, NONE, Open, Tally};
use crate::limits::{EPISODE_GAP, FLOOD, INVOLVED_LEAST, MEMBERS_LEAST, Windows};
use crate::state::{Line, Origin};

impl Correlate {
    /// A new incident that begins with a match.
    pub(super) fn begin(&mut self, record: &Record, one: Match) -> u32 {
        if self.alive >= self.limits.incidents.saturating_mul(2) {
            self.drop_least(record.time);
        }
        let id = u32::try_from(self.states.len()).unwrap_or(NONE);
        let origin = self.origin(record, one, id);
        let mut state = self.spare.pop().unwrap_or_default();
        state.begin(origin);
        self.states.push(Some(state));
        self.parents.push(id);
        self.alive += 1;
        id
    }

    fn origin(&self, record: &Record, one: Match, incident: u32) -> Origin {
        let strongest = self.strongest().and_then(|(place, _)| self.table.get(place)).map(|open| open.kind);
        let key = if record.host != 0 { EntityKind::Host } else { strongest.unwrap_or(EntityKind::Host) };
        let host = self.table.get(record.own).map(|open| Arc::clone(&open.id));
        Origin { first: record.time, finding: one.finding, key, host, incident }
    }

    /// The incident into which an incident went; `None` if it was dropped.
    pub(super) fn root(&mut self, mut incident: u32) -> Option<u32> {
        loop {
            let parent = *self.parents.get(incident as usize)?;
            if parent == incident {
                return self.states.get(incident as usize)?.as_ref().map(|_| incident);
            }
            let grandparent = *self.parents.get(parent as usize)?;
            *self.parents.get_mut(incident as usize)? = grandparent;
            incident = grandparent;
        }
    }

    /// As [`Self::root`], without shortening the way.
    pub(crate) fn root_of(&self, mut incident: u32) -> Option<u32> {
        loop {
            let parent = *self.parents.get(incident as usize)?;
            if parent == incident {
                return self.states.get(incident as usize)?.as_ref().map(|_| incident);
            }
            incident = parent;
        }
    }

    /// Makes two incidents one: the older takes in the newer. Gives the older.
    pub(super) fn merge(&mut self, left: u32, right: u32, time: Option<i64>, by: Option<u32>) -> u32 {
        let (older, newer) = (left.min(right), left.max(right));
        let by = by.and_then(|by| self.table.get(by)).map(|open| (open.kind, Arc::clone(&open.id)));
        let Some(taken) = self.states.get_mut(newer as usize).and_then(Option::take) else { return older };
        if let Some(parent) = self.parents.get_mut(newer as usize) {
            *parent = older;
        }
        self.alive -= 1;
        let most = (self.limits.members, self.limits.involved);
        if let Some(state) = self.states.get_mut(older as usize).and_then(Option::as_mut) {
            let (lines, counted) = state.merge(*taken, time, by.as_ref(), most);
            self.lines_all = self.lines_all.saturating_sub(lines);
            self.counted_all = self.counted_all.saturating_sub(counted);
        }
        older
    }

    /// Drops the incidents of least risk, those first that can no longer grow, until the limit holds.
    fn drop_least(&mut self, time: Option<i64>) {
        let longest = self.limits.windows.longest();
        let is_closed =
            |last: Option<i64>| time.zip(last).is_some_and(|(now, last)| now.saturating_sub(last) > longest);
        let mut ranked: Vec<(bool, u64, std::cmp::Reverse<usize>)> = Vec::with_capacity(self.alive);
        for (id, state) in self.states.iter().enumerate() {
            if let Some(state) = state {
                ranked.push((!is_closed(state.last), state.risk.peak_millionths(), std::cmp::Reverse(id)));
            }
        }
        ranked.sort_unstable();
        let surplus = ranked.len().saturating_sub(self.limits.incidents);
        for (_, _, std::cmp::Reverse(id)) in ranked.into_iter().take(surplus) {
            if let Some(state) = self.states.get_mut(id).and_then(Option::take) {
                self.alive -= 1;
                self.incidents_left_out += 1;
                self.lines_all = self.lines_all.saturating_sub(state.lines.len());
                self.counted_all = self.counted_all.saturating_sub(state.counts.len());
                if self.spare.len() < self.limits.incidents && state.is_small() {
                    self.spare.push(state);
                }
            }
        }
    }

    /// Counts a match in its incident and carries the record's entities further.
    pub(super) fn apply(&mut self, record: &Record, one: Match, to: (u32, bool), at: u64, episode: Option<Episode>) {
        let (target, begins) = to;
        let count = episode.map_or(0, |episode| episode.count).saturating_add(1);
        let first = self.states.get(target as usize).and_then(Option::as_ref).map(|state| state.first);
        let origin = (!begins && first == Some(record.time)).then(|| self.origin(record, one, target));
        let Some(state) = self.states.get_mut(target as usize).and_then(Option::as_mut) else { return };
        if let Some(origin) = origin {
            state.also_begins(origin);
        }
        state.count(one.rule, one.severity.0, record.host, record.time);
        let repeats = state.repeats(one.rule);
        self.tally(target, record.time);
        if let Some(time) = record.time {
            self.carry(record, one, to, time, (repeats, count));
        }
        let near = episode.filter(|episode| self.root(episode.incident) == Some(target));
        let line = self.count_line(record, one, target, (near, episode.is_some()));
        let last = record.time.unwrap_or(i64::MIN);
        let episode = match episode {
            // It strayed: the episode stays where it is.
            Some(episode) if self.root(episode.incident) != Some(target) => Episode { last, count, ..episode },
            _ => Episode { incident: target, finding: one.finding, line, last, count },
        };
        self.remember((one.rule, at), record.time, episode);
    }

    /// Counts the record's entities for its incident.
    fn tally(&mut self, target: u32, time: Option<i64>) {
        for at in 0..self.places.len() {
            let Some(place) = self.places.get(at).copied() else { continue };
            let Some(before) = self.table.get(place).map(|open| open.tally.incident) else { continue };
            if before != target && before != NONE && self.root(before) != Some(target) {
                // It goes to and fro between incidents: what was counted for the other is written there.
                if let Some(open) = self.table.get(place).cloned() {
                    self.write_tally(&open);
                }
                if let Some(open) = self.table.get_mut(place) {
                    open.tally = Tally::default();
                }
            }
            let Some(open) = self.table.get_mut(place) else { continue };
            open.tally.add(target, time);
        }
    }

    /// Writes what was counted for an entity to its incident.
    pub(crate) fn write_tally(&mut self, open: &Open) {
        let Some(target) = self.root(open.tally.incident).filter(|_| open.tally.count > 0) else { return };
        let room = if self.counted_all < self.limits.involved_all { self.limits.involved } else { INVOLVED_LEAST };
        if let Some(state) = self.states.get_mut(target as usize).and_then(Option::as_mut) {
            self.counted_all += usize::from(state.counts.add(open, room));
        }
    }

    /// Carries the record's entities further for its incident.
    fn carry(
        &mut self,
        record: &Record,
        one: Match,
        (target, begins): (u32, bool),
        time: i64,
        (repeats, count): (u32, u32),
    ) {
        for at in 0..self.places.len() {
            let Some(place) = self.places.get(at).copied() else { continue };
            let before = self.table.get(place).map_or(NONE, |open| open.incident);
            let carrier = self.root(before);
            let Some(open) = self.table.get_mut(place) else { continue };
            let is_host = open.kind == EntityKind::Host;
            if is_host && place != record.own {
                continue;
            }
            if is_host && count >= FLOOD {
                open.revoke(one.rule);
                continue;
            }
            let window = self.limits.windows.of(open.kind, &open.id);
            // In a flood from ever new addresses each of them is news; the host and the rule are not.
            let seen = open.count.saturating_add(1);
            let repeats = if is_host { repeats } else { repeats.min(seen) };
            let reach = Windows::reach(window, one.severity.0, begins || rank(open.kind) >= STRONG, repeats);
            if reach == 0 {
                continue;
            }
            if carrier == Some(target) {
                open.incident = target;
            } else if carrier.is_none() || !open.joins(place == record.own, record.host, time, i64::MAX) {
                // Nobody carries it any more: it goes to this incident.
                open.release();
                open.incident = target;
            } else {
                continue;
            }
            open.carry(Carrier { rule: one.rule, from: time, reach });
        }
    }

    /// Adds the match to the line of its episode, or makes that line. `episode` is there if it is in this incident.
    fn count_line(
        &mut self,
        record: &Record,
        one: Match,
        target: u32,
        (episode, may_be_known): (Option<Episode>, bool),
    ) -> u32 {
        let host = self.table.get(record.own).map(|open| Arc::clone(&open.id));
        if episode.is_some_and(|episode| episode.line == NONE && episode.finding == one.finding) {
            return NONE;
        }
        // Findings are numbered as they are met: one with a number above all others has no line yet.
        let is_new = self.newest.is_none_or(|newest| one.finding > newest);
        self.newest = self.newest.max(Some(one.finding));
        if may_be_known && !is_new {
            let Some(state) = self.states.get_mut(target as usize).and_then(Option::as_mut) else { return NONE };
            let is_it = |line: &Line| line.finding == one.finding && line.host == host;
            let known = episode.map(|episode| episode.line as usize);
            let known = known.filter(|at| state.lines.get(*at).is_some_and(is_it));
            // Merging moves lines; the latest of several episodes is the one that goes on.
            let known = known.or_else(|| state.lines.iter().rposition(is_it));
            if let Some((at, line)) = known.and_then(|at| Some((at, state.lines.get_mut(at)?))) {
                line.count += 1;
                line.last = line.last.max(record.time);
                return u32::try_from(at).unwrap_or(NONE);
            }
            if episode.is_some_and(|episode| episode.finding == one.finding) {
                return NONE;
            }
        }
        let best = self.links.iter().max_by_key(|link| (link.rank, link.place)).map(|link| link.place);
        let by = best.or_else(|| self.strongest().map(|(place, _)| place));
        let joined_by = by.and_then(|place| self.table.get(place)).map(|open| (open.kind, Arc::clone(&open.id)));
        let line = Line {
            finding: one.finding,
            rule: one.rule,
            severity: one.severity.0,
            host,
            count: 1,
            first: record.time,
            last: record.time,
            joined_by,
        };
        if self.pairs.len() < self.limits.pairs {
            self.pairs.push((one.finding, target));
        } else {
            self.pairs_left_out += 1;
        }
        let room = if self.lines_all < self.limits.members_all { self.limits.members } else { MEMBERS_LEAST };
        let Some(state) = self.states.get_mut(target as usize).and_then(Option::as_mut) else { return NONE };
        let (at, is_more) = state.add_line(line, room);
        self.lines_all += usize::from(is_more);
        at.unwrap_or(NONE)
    }

    fn remember(&mut self, key: (u32, u64), time: Option<i64>, episode: Episode) {
        if self.episodes.len() >= self.limits.episodes_open.max(64) && !self.episodes.contains_key(&key) {
            self.forget_episodes(time);
        }
        self.episodes.insert(key, episode);
    }

    /// Makes room: the ended go, then those with fewest matches, longest ago.
    fn forget_episodes(&mut self, time: Option<i64>) {
        if let Some(time) = time {
            self.episodes.retain(|_, episode| time.saturating_sub(episode.last) <= EPISODE_GAP);
        }
        let keep = self.limits.episodes_open.max(64) * 3 / 4;
        if self.episodes.len() > keep {
            let mut ranked: Vec<_> =
                self.episodes.iter().map(|(key, episode)| (episode.count, episode.last, *key)).collect();
            ranked.sort_unstable();
            for (_, _, key) in ranked.iter().take(ranked.len() - keep) {
                self.episodes.remove(key);
                self.episodes_left_out += 1;
            }
        }
    }
}
