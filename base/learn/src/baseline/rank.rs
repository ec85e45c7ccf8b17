//! How a fact or level stands beside what is known, and how rare it is to stand like that.

use super::{
    ANY, Baseline, Entry, FeatureId, HOURS_A_DAY, KINDS, Key, Own, PEER_HOURS, Peers, UNKNOWN_SHARE, UNNUMBERED,
};

/// Bins of scores, an eighth of a nat each.
const RANK_BINS: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Ranks {
    /// How many facts score as low as this bin or lower, by bin of −ln score.
    at_least: Vec<f64>,
    /// Share of hours that show this feature at all, among all entities of the kinds that do: most show nothing of a rare one.
    rate: f64,
    /// Hours that do.
    active: f64,
    /// Hours of all those entities.
    windows: f64,
    /// Facts that an hour holds on average, where it holds any.
    usual: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Levels {
    /// For each bin: sum over entities of the share of their windows at this bin or above.
    at_least: Vec<f64>,
    entities: f64,
    windows: f64,
}

/// Bins of measures : half powers of two of any amount.
const LEVEL_BINS: usize = 130;

/// How a fact stands: what is left of it and of its context without the hour that is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Other hours in which the entity showed it.
    pub hours: u32,
    /// Other hours in which it showed anything of the kind.
    pub context_hours: u32,
    /// Peers that know it.
    pub peers: u32,
    /// Peers that know anything of the kind.
    pub context_peers: u32,
    /// The chance of it, from these.
    pub score: f64,
}

impl Baseline {
    /// How a fact of an entity stands; `learned`: the hour that is judged was itself learned, and is left out.
    pub fn standing(&self, entity: u32, key: u32, learned: bool) -> Option<Standing> {
        let own = self.entities.get(entity as usize)?;
        let context = self.context(key)?;
        Some(self.standing_of(own, own.entry(key), key, context, learned))
    }

    /// The number of a fact's context as a whole, where that has one; `None` where there is no such fact.
    fn context(&self, key: u32) -> Option<Option<u32>> {
        let context = *self.contexts.get(key as usize)?;
        if context != UNNUMBERED {
            return Some(Some(context));
        }
        let of = *self.keys.get(key as usize)?;
        Some(self.numbers.get(&Key { value: ANY, ..of }).copied())
    }

    fn standing_of(&self, own: &Own, entry: Option<&Entry>, key: u32, context: Option<u32>, learned: bool) -> Standing {
        let out = u32::from(learned);
        let hours = |entry: Option<&Entry>| {
            entry.map_or(0, |entry| {
                let hours = u32::from(entry.hours).saturating_sub(out);
                let days = u32::from(entry.days).saturating_sub(out);
                // Other hours of the same day alone count as one.
                hours.min(days * HOURS_A_DAY + u32::from(days == 0 && hours > 0))
            })
        };
        let context_entry = context.and_then(|context| own.entry(context));
        let peers = |key: Option<u32>, has: bool| {
            let peers = key.and_then(|key| self.peers.get(key as usize)).copied().unwrap_or_default();
            let others = peers.entities.saturating_sub(u32::from(has));
            let other_hours = peers.hours.count_ones().saturating_sub(out);
            others.min(other_hours * HOURS_A_DAY)
        };
        let (mine, context_hours) = (hours(entry), hours(context_entry));
        let (known, context_known) = (peers(Some(key), entry.is_some()), peers(context, context_entry.is_some()));
        let context_known = context_known.max(known);
        let share = (f64::from(known) + UNKNOWN_SHARE) / (f64::from(context_known) + 1.0);
        let score = (f64::from(mine) + PEER_HOURS * share) / (f64::from(context_hours.max(mine)) + PEER_HOURS);
        Standing {
            hours: mine,
            context_hours: context_hours.max(mine),
            peers: known,
            context_peers: context_known,
            score,
        }
    }

    /// Ranks what was learned; needed before [`Baseline::fact_p_value`] and [`Baseline::level_p_value`].
    pub fn rank(&mut self) {
        for (key, context) in self.keys.iter().zip(&mut self.contexts).filter(|(_, context)| **context == UNNUMBERED) {
            if let Some(number) = self.numbers.get(&Key { value: ANY, ..*key }) {
                *context = *number;
            }
        }
        let mut counts = vec![vec![0.0f64; RANK_BINS]; self.features];
        let mut kinds = vec![[false; KINDS]; self.features];
        let mut hours = [0.0f64; KINDS];
        for own in &self.entities {
            let kind = usize::from(own.kind).min(KINDS - 1);
            if let Some(hours) = hours.get_mut(kind) {
                *hours += f64::from(own.hours);
            }
            for entry in &own.entries {
                let Some(key) = self.keys.get(entry.key as usize) else { continue };
                if key.value == ANY {
                    continue;
                }
                let context = self.context(entry.key).flatten();
                let standing = self.standing_of(own, Some(entry), entry.key, context, true);
                let slot =
                    counts.get_mut(usize::from(key.feature)).and_then(|bins| bins.get_mut(rank_bin(standing.score)));
                if let Some(slot) = slot {
                    *slot += f64::from(entry.hours);
                }
                if let Some(known) = kinds.get_mut(usize::from(key.feature)).and_then(|kinds| kinds.get_mut(kind)) {
                    *known = true;
                }
            }
        }
        self.ranks = counts
            .into_iter()
            .zip(kinds)
            .zip(self.active.iter().copied().chain(std::iter::repeat(0)))
            .map(|((mut bins, kinds), active)| {
                accumulate(&mut bins);
                let windows = hours.iter().zip(kinds).filter(|(_, shows)| *shows).map(|(hours, _)| *hours).sum();
                let active = (active as f64).max(1.0);
                let usual = bins.first().copied().unwrap_or(0.0) / active;
                Ranks {
                    at_least: bins,
                    rate: active / f64::max(windows, active),
                    active,
                    windows,
                    usual: usual.max(1.0),
                }
            })
            .collect();
        self.own_active = self
            .entities
            .iter()
            .map(|own| {
                let mut hours = [0u32; 256];
                for entry in &own.entries {
                    if let Some(key) = self.keys.get(entry.key as usize).filter(|key| key.value == ANY)
                        && let Some(slot) = hours.get_mut(usize::from(key.feature))
                    {
                        *slot = slot.saturating_add(u32::from(entry.hours)).min(own.hours);
                    }
                }
                (0..=u8::MAX).zip(hours).filter(|(_, hours)| *hours > 0).collect()
            })
            .collect();
        self.levels =
            vec![Levels { at_least: vec![0.0; LEVEL_BINS], entities: 0.0, windows: 0.0 }; KINDS * self.daily.len()];
        for own in &self.entities {
            for group in own.levels.chunk_by(|a, b| a.0 == b.0) {
                let Some((measure, _, _)) = group.first() else { continue };
                let windows = self.windows_of(own, *measure);
                let slot = self.level_slot(own.kind, *measure);
                let Some(levels) = self.levels.get_mut(slot) else { continue };
                for (_, bin, count) in group {
                    if let Some(slot) = levels.at_least.get_mut(usize::from(*bin)) {
                        *slot += f64::from(*count) / windows;
                    }
                }
                levels.entities += 1.0;
                levels.windows += windows;
            }
        }
        for levels in &mut self.levels {
            accumulate(&mut levels.at_least);
        }
    }

    /// How often an hour of this entity holds a fact of this feature that stands as lonely as this; `count`: how many facts
    /// of the feature this hour holds. An hour busier than usual pays for it, as it has more chances. An entity that never
    /// shows the feature is taken for one that does as often as all together: never for less.
    pub fn fact_p_value(&self, entity: u32, feature: FeatureId, standing: &Standing, count: u32, learned: bool) -> f64 {
        let Some(ranks) = self.ranks.get(usize::from(feature)) else { return 1.0 };
        let at = ranks.at_least.get(rank_bin(standing.score)).copied().unwrap_or(0.0);
        let busy = (f64::from(count) / ranks.usual).max(1.0);
        let own_hours = self.entities.get(entity as usize).map_or(0, |own| own.hours);
        let shown = self
            .own_active
            .get(entity as usize)
            .and_then(|list| list.binary_search_by_key(&feature, |(of, _)| *of).ok().and_then(|at| list.get(at)));
        let out = u32::from(learned);
        let own_rate = f64::from(shown.map_or(0, |(_, hours)| *hours).saturating_sub(out))
            / f64::from(own_hours.saturating_sub(out).max(1));
        let share = (at + 1.0) / (ranks.active + 1.0);
        // What nobody has seen before is no rarer than one hour in all that were seen.
        (share * ranks.rate.max(own_rate) * busy).max(1.0 / (ranks.windows + 1.0)).min(1.0)
    }

    /// How often this entity, or one like it, has a level this high; `learned`: the window itself was learned.
    pub fn level_p_value(&self, entity: u32, measure: u8, bin: u8, learned: bool) -> f64 {
        let Some(own) = self.entities.get(entity as usize) else { return 1.0 };
        let Some(levels) = self.levels.get(self.level_slot(own.kind, measure)) else { return 1.0 };
        let windows = self.windows_of(own, measure);
        let out = f64::from(u8::from(learned));
        let tail: f64 = own
            .levels
            .iter()
            .filter(|(m, b, _)| *m == measure && *b >= bin)
            .map(|(_, _, count)| f64::from(*count))
            .sum();
        let has = own.levels.iter().any(|(m, _, _)| *m == measure);
        let (own_share, own_windows, own_is) = if has { (tail / windows, windows, 1.0) } else { (0.0, 0.0, 0.0) };
        let others = (levels.entities - own_is).max(0.0);
        let other_windows = (levels.windows - own_windows).max(0.0);
        let peer_tail = (levels.at_least.get(usize::from(bin)).copied().unwrap_or(0.0) - own_share).max(0.0);
        let rare = 1.0 / (other_windows + 1.0);
        let mut peers = if others > 0.0 { (peer_tail / others).max(rare) } else { 1.0 };
        let mine = (tail - out).max(0.0);
        if peer_tail <= 1e-9 && mine <= 0.0 {
            // Beyond all that was ever seen: amounts have heavy tails (Pareto, index 1), each doubling is half as likely.
            let top = levels.at_least.iter().enumerate().filter(|(at, sum)| **sum > 1e-9 && (*at < usize::from(bin)));
            let beyond = top.map(|(at, _)| at).max().map_or(0, |top| usize::from(bin) - top);
            peers *= 0.5f64.powf(beyond as f64 / 2.0);
        }
        ((mine + LEVEL_PEERS * peers) / ((windows - out).max(0.0) + LEVEL_PEERS)).clamp(1e-12, 1.0)
    }

    fn level_slot(&self, kind: u8, measure: u8) -> usize {
        usize::from(kind).min(KINDS - 1) * self.daily.len() + usize::from(measure)
    }

    fn windows_of(&self, own: &Own, measure: u8) -> f64 {
        let day = self.daily.get(usize::from(measure)).copied().unwrap_or(false);
        f64::from(if day { own.days } else { own.hours }).max(1.0)
    }

    /// Bytes that entities and facts take, as allocated.
    pub fn bytes(&self) -> usize {
        let own: usize = self
            .entities
            .iter()
            .map(|own| {
                own.entries.capacity() * size_of::<Entry>() + own.levels.capacity() * 4 + own.series.capacity() * 8
            })
            .sum();
        own + self.entities.capacity() * size_of::<Own>()
            + self.keys.capacity() * (size_of::<Key>() + size_of::<Peers>() + 4)
            + self.numbers.capacity() * (size_of::<Key>() + 5)
            + self.by_name.capacity() * 13
    }

    /// Good–Turing: the share of what happens that is known, and how many facts that is counted on.
    pub fn coverage(&self) -> (f64, u64) {
        let (mut once, mut all) = (0u64, 0u64);
        for own in &self.entities {
            for entry in &own.entries {
                once += u64::from(entry.hours == 1);
                all += u64::from(entry.hours);
            }
        }
        (if all == 0 { 0.0 } else { 1.0 - once as f64 / all as f64 }, all)
    }
}

/// Windows of its own that an entity's peers weigh as much as, for levels.
const LEVEL_PEERS: f64 = 4.0;

fn rank_bin(score: f64) -> usize {
    ((-score.max(1e-14).ln()).max(0.0) * 8.0) as usize
}

/// Counts by bin → counts of this bin and all above.
fn accumulate(bins: &mut [f64]) {
    let mut sum = 0.0;
    for bin in bins.iter_mut().rev() {
        sum += *bin;
        *bin = sum;
    }
}
