//! Learning an hour or a day of an entity.

use super::{
    ANY, Baseline, ENTITIES_MAX, ENTRIES_MAX, Entry, KEYS_MAX, Key, NOBODY, Own, Peers, SERIES_DAYS_MAX, UNNUMBERED,
    faded,
};

impl Baseline {
    /// The number of a fact; `None` when there are too many.
    pub fn key(&mut self, key: Key) -> Option<u32> {
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        if self.keys.len() >= KEYS_MAX {
            self.left_out += 1;
            return None;
        }
        let number = u32::try_from(self.keys.len()).ok()?;
        self.keys.push(key);
        self.contexts.push(if key.value == ANY { number } else { UNNUMBERED });
        self.peers.push(Peers::default());
        self.numbers.insert(key, number);
        Some(number)
    }

    /// The numbers of a fact and of its context as a whole; `None` when there are too many.
    pub fn fact(&mut self, key: Key) -> Option<(u32, u32)> {
        if let Some(number) = self.numbers.get(&key)
            && let Some(context) = self.contexts.get(*number as usize).filter(|context| **context != UNNUMBERED)
        {
            return Some((*number, *context));
        }
        let (number, context) = (self.key(key), self.key(Key { value: ANY, ..key }));
        let (number, context) = (number?, context?);
        if let Some(slot) = self.contexts.get_mut(number as usize) {
            *slot = context;
        }
        Some((number, context))
    }

    /// The number of an entity; `None` when there are too many.
    pub fn entity(&mut self, kind: u8, name: u32) -> Option<u32> {
        if let Some(number) = self.by_name.get(&(kind, name)) {
            return Some(*number);
        }
        if self.entities.len() >= ENTITIES_MAX || name == NOBODY {
            self.left_out += 1;
            return None;
        }
        let number = u32::try_from(self.entities.len()).ok()?;
        self.entities.push(Own {
            kind,
            name,
            hours: 0,
            days: 0,
            last_day: i32::MIN,
            entries: Vec::new(),
            levels: Vec::new(),
            series: Vec::new(),
        });
        self.by_name.insert((kind, name), number);
        Some(number)
    }

    /// Learns an hour of an entity: facts (sorted, each once) that it showed, contexts among them.
    pub fn learn_facts(&mut self, entity: u32, hour: i64, day: i32, keys: &[u32]) {
        let Some(own) = self.entities.get_mut(entity as usize) else { return };
        own.fade(day);
        own.hours = own.hours.saturating_add(1);
        if own.last_day != day {
            own.days = own.days.saturating_add(1);
            own.last_day = day;
        }
        let bit = 1u64 << (hour_hash(hour) & 63);
        if self.active.len() < self.features {
            self.active.resize(self.features, 0);
        }
        let mut active = [false; 256];
        let mut new = Vec::new();
        let mut from = 0;
        for key in keys {
            let Some(peers) = self.peers.get_mut(*key as usize) else { continue };
            peers.hours |= bit;
            if let Some(slot) = self.keys.get(*key as usize).and_then(|key| active.get_mut(usize::from(key.feature))) {
                *slot = true;
            }
            // Facts ascend, as do entries: what is sought stands behind what was found.
            from += place(own.entries.get(from..).unwrap_or_default(), *key);
            if let Some(entry) = own.entries.get_mut(from).filter(|entry| entry.key == *key) {
                entry.fade(day);
                entry.hours = entry.hours.saturating_add(1);
                if entry.last_day != day {
                    entry.days = entry.days.saturating_add(1);
                    entry.last_day = day;
                }
            } else {
                peers.entities = peers.entities.saturating_add(1);
                new.push(Entry { key: *key, hours: 1, days: 1, last_day: day });
            }
        }
        for (hours, _) in self.active.iter_mut().zip(active).filter(|(_, active)| *active) {
            *hours += 1;
        }
        if !new.is_empty() {
            // New facts have high numbers: few of the known ones stand behind them and move.
            for entry in new {
                let at = own.entries.partition_point(|have| have.key < entry.key);
                own.entries.insert(at, entry);
            }
            if own.entries.len() > ENTRIES_MAX {
                forget_rarest(own, &mut self.peers);
            }
        }
    }

    /// Learns how much an entity did in an hour or a day.
    pub fn learn_level(&mut self, entity: u32, measure: u8, bin: u8, day: i32, keep_day: bool) {
        let Some(own) = self.entities.get_mut(entity as usize) else { return };
        match own.levels.binary_search_by_key(&(measure, bin), |(m, b, _)| (*m, *b)) {
            Ok(at) => {
                if let Some((_, _, count)) = own.levels.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            }
            Err(at) => own.levels.insert(at, (measure, bin, 1)),
        }
        if keep_day {
            if own.series.len() >= 2 * SERIES_DAYS_MAX {
                // Every other day is kept of what is older: the far past stays in sight.
                let half = own.series.len() / 2;
                let mut at = 0;
                own.series.retain(|_| {
                    at += 1;
                    at > half || at % 4 < 2
                });
            }
            own.series.push((measure, bin, day));
        }
    }
}

impl Own {
    /// Lets what was long not seen fade, as of a day.
    pub(super) fn fade(&mut self, day: i32) {
        self.hours = faded(self.hours, self.last_day, day);
        self.days = faded(self.days, self.last_day, day);
    }
}

impl Entry {
    /// Lets what was long not seen fade, as of a day; once known stays known.
    pub(super) fn fade(&mut self, day: i32) {
        let faded = |count: u16| u16::try_from(faded(count.into(), self.last_day, day)).unwrap_or(u16::MAX).max(1);
        (self.hours, self.days) = (faded(self.hours), faded(self.days));
    }
}

/// Where a fact stands or would stand among entries: looked for ever farther from the first, then between.
fn place(entries: &[Entry], key: u32) -> usize {
    let is_before = |entry: &Entry| entry.key < key;
    let mut end = 1;
    while entries.get(end - 1).is_some_and(is_before) {
        end *= 2;
    }
    let (start, end) = (end / 2, end.min(entries.len()));
    start + entries.get(start..end).map_or(0, |between| between.partition_point(is_before))
}

fn hour_hash(hour: i64) -> u32 {
    // Fibonacci hashing: neighbouring hours fall into different bits.
    ((hour as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as u32
}

fn forget_rarest(own: &mut Own, peers: &mut [Peers]) {
    let mut order: Vec<(u16, i32, u32)> =
        own.entries.iter().map(|entry| (entry.hours, entry.last_day, entry.key)).collect();
    order.sort_unstable();
    order.truncate(ENTRIES_MAX / 4);
    let gone: rustc_hash::FxHashSet<u32> = order.into_iter().map(|(_, _, key)| key).collect();
    own.entries.retain(|entry| !gone.contains(&entry.key));
    for key in gone {
        if let Some(peers) = peers.get_mut(key as usize) {
            peers.entities = peers.entities.saturating_sub(1);
        }
    }
}
