//! Joining what was learned apart.

use super::{ANY, Baseline, Entry, Key, SERIES_DAYS_MAX};

impl Baseline {
    /// Takes in what was learned elsewhere about other entities; `name` turns its names into ours. What both know of one
    /// entity adds up.
    pub fn merge(&mut self, other: &Self, mut name: impl FnMut(u32) -> u32) {
        let keys: Vec<Option<u32>> = other
            .keys
            .iter()
            .map(|key| {
                let value = if key.value == ANY { ANY } else { name(key.value) };
                self.key(Key { feature: key.feature, context: name(key.context), value })
            })
            .collect();
        for (key, theirs) in keys.iter().zip(&other.peers) {
            if let Some(mine) = key.and_then(|key| self.peers.get_mut(key as usize)) {
                mine.hours |= theirs.hours;
            }
        }
        self.active.resize(self.active.len().max(other.active.len()), 0);
        for (mine, theirs) in self.active.iter_mut().zip(&other.active) {
            *mine = mine.saturating_add(*theirs);
        }
        for theirs in &other.entities {
            let Some(number) = self.entity(theirs.kind, name(theirs.name)) else { continue };
            let Some(own) = self.entities.get_mut(number as usize) else { continue };
            // Both as of the later day, so that it does not matter which is joined to which.
            let (day, mut apart) = (own.last_day.max(theirs.last_day), theirs.clone());
            own.fade(day);
            apart.fade(day);
            own.hours = own.hours.saturating_add(apart.hours);
            own.days = own.days.saturating_add(apart.days);
            own.last_day = day;
            let known = own.entries.len();
            for entry in &theirs.entries {
                let Some(key) = keys.get(entry.key as usize).copied().flatten() else { continue };
                let at =
                    own.entries.get(..known).and_then(|known| known.binary_search_by_key(&key, |mine| mine.key).ok());
                if let Some(mine) = at.and_then(|at| own.entries.get_mut(at)) {
                    let (day, mut apart) = (mine.last_day.max(entry.last_day), *entry);
                    mine.fade(day);
                    apart.fade(day);
                    mine.hours = mine.hours.saturating_add(apart.hours);
                    mine.days = mine.days.saturating_add(apart.days);
                    mine.last_day = day;
                } else {
                    own.entries.push(Entry { key, ..*entry });
                    if let Some(peers) = self.peers.get_mut(key as usize) {
                        peers.entities = peers.entities.saturating_add(1);
                    }
                }
            }
            own.entries.sort_unstable_by_key(|entry| entry.key);
            for (measure, bin, count) in &theirs.levels {
                match own.levels.binary_search_by_key(&(*measure, *bin), |(m, b, _)| (*m, *b)) {
                    Ok(at) => {
                        if let Some((_, _, mine)) = own.levels.get_mut(at) {
                            *mine = mine.saturating_add(*count);
                        }
                    }
                    Err(at) => own.levels.insert(at, (*measure, *bin, *count)),
                }
            }
            own.series.extend(theirs.series.iter().copied());
            own.series.sort_by_key(|(measure, _, day)| (*day, *measure));
            own.series.truncate(2 * SERIES_DAYS_MAX);
        }
    }
}
