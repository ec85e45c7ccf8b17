//! What is normal for whom: counts that a burst cannot bend, each beside the peers'.
//!
//! **Facts.** For each entity and fact: in how many different hours and days it was seen. A thing repeated a thousand times
//! in one hour counts once; hours of one day count little beside other days ([`HOURS_A_DAY`]). Peers are all entities that
//! know the fact, but no more than four for each *other* hour in which it was seen anywhere: what comes to fifty hosts within one hour
//! has no peers.
//!
//! **Leave one out.** A fact is judged by what is left when the hour it stands in is taken away, so it never vouches for itself.
//! Its score is a probability: `(hours + α·P) / (hours of its context + α)`, where P is the peers' share. The score is
//! turned into a p-value by ranking it among those of every fact learned of that feature: where new things are common, a new
//! thing is not strange, without any threshold of ours (Good–Turing is what the lowest rank comes to).
//!
//! **Levels.** For each entity and measure: a histogram over half powers of two of its hours or days.
//!
//! State is keyed by entity; everything about peers is a sum, a union or a bitmap's OR over entities, so learning can be
//! split by entity and merged.

//!
//! **Time.** What was long not seen fades: it counts half after [`FADE_DAYS`], at the next sighting or when baselines are joined.
//!
//! | file | holds |
//! |---|---|
//! | `learn` | learning hours and days |
//! | `rank` | how a fact or a level stands, and how rare that is |
//! | `merge` | joining what was learned apart |

mod learn;
mod merge;
mod rank;

pub use rank::Standing;

use rustc_hash::FxHashMap;

use rank::{Levels, Ranks};

/// Entities that are learned; those that come later are not.
pub const ENTITIES_MAX: usize = 1_000_000;

/// Facts of one entity; beyond it the rarest and oldest quarter is forgotten.
pub const ENTRIES_MAX: usize = 16_384;

/// Different facts that are told apart; those that come later are not learned.
pub const KEYS_MAX: usize = 4_000_000;

/// The name that is nobody's.
pub const NOBODY: u32 = 0;

/// Days after which what was not seen again counts half.
pub const FADE_DAYS: f64 = 90.0;

/// Hours that one day counts for at most, once there are other days.
const HOURS_A_DAY: u32 = 4;

/// Hours of its own that an entity's peers weigh as much as.
const PEER_HOURS: f64 = 1.0;

/// What peers say of a value none of them has: a peer more, with this chance.
const UNKNOWN_SHARE: f64 = 0.05;

/// Days whose levels are kept for slow rises.
pub const SERIES_DAYS_MAX: usize = 64;

/// Kinds of entities that are told apart; those above are taken for the last.
pub const KINDS: usize = 8;

/// The value of a key that stands for its context as a whole.
pub const ANY: u32 = u32::MAX;

/// A fact whose number is not known.
const UNNUMBERED: u32 = u32::MAX;

/// A fact of anybody: feature, context, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which kind of fact.
    pub feature: FeatureId,
    /// Under which circumstances: a name's number.
    pub context: u32,
    /// What: a name's number, or [`ANY`].
    pub value: u32,
}

/// Which kind of fact; the numbers are the caller's, from 0.
pub type FeatureId = u8;

/// What all entities together know of a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Entities that know it.
    pub entities: u32,
    /// Hours in which it was seen: one bit for each, by hash; their number is about the number of hours up to some 40.
    pub hours: u64,
}

/// What one entity knows of a fact. 12 bytes: there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The fact's number.
    pub key: u32,
    /// Different hours.
    pub hours: u16,
    /// Different days.
    pub days: u16,
    /// The last of them, days since 1970.
    pub last_day: i32,
}

/// One entity's baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// What kind of entity; the numbers are the caller's, below [`KINDS`].
    pub kind: u8,
    /// Its name's number.
    pub name: u32,
    /// Hours in which it did anything.
    pub hours: u32,
    /// Days likewise.
    pub days: u32,
    /// The last of them.
    pub last_day: i32,
    /// What it knows, sorted by key.
    pub entries: Vec<Entry>,
    /// (measure, bin, hours or days), sorted.
    pub levels: Vec<(u8, u8, u16)>,
    /// (measure, bin, day), in order of time, for what may rise slowly.
    pub series: Vec<(u8, u8, i32)>,
}

impl Own {
    /// What it knows of a fact.
    pub fn entry(&self, key: u32) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&key, |entry| entry.key).ok()?;
        self.entries.get(at)
    }
}

/// All baselines.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// How many kinds of facts there are.
    features: usize,
    /// For each measure, whether it is of days rather than hours.
    daily: Vec<bool>,
    /// Every fact that is told apart.
    pub keys: Vec<Key>,
    /// A fact → its number: the index in `keys`.
    pub numbers: FxHashMap<Key, u32>,
    /// For each fact, the number of its context as a whole; [`UNNUMBERED`] where that was not asked for yet.
    contexts: Vec<u32>,
    /// What all know of each fact.
    pub peers: Vec<Peers>,
    /// Every entity.
    pub entities: Vec<Own>,
    /// (kind, name) → the index in `entities`.
    pub by_name: FxHashMap<(u8, u32), u32>,
    /// Hours of entities in which a feature showed anything.
    pub active: Vec<u64>,
    /// Each feature's facts by score; made by [`Baseline::rank`].
    ranks: Vec<Ranks>,
    /// For each entity, in about how many of its hours a feature showed anything: (feature, hours), sorted. Made likewise.
    own_active: Vec<Vec<(FeatureId, u32)>>,
    /// Peers' levels by kind of entity and measure; made by [`Baseline::rank`].
    levels: Vec<Levels>,
    /// Entities and facts that a limit kept out.
    pub left_out: u64,
}

impl Baseline {
    /// Knows nothing yet: so many kinds of facts (at most 256), and for each measure whether it is of days.
    pub fn new(features: usize, daily: Vec<bool>) -> Self {
        Self { features, daily, ..Self::default() }
    }
}

/// A count of what was last seen so many days before: what was seen within a month has not faded, then half is left after
/// each [`FADE_DAYS`].
fn faded(count: u32, last_day: i32, day: i32) -> u32 {
    const FRESH_DAYS: i64 = 30;
    // i32::MIN stands for records without a time.
    let age = i64::from(day) - i64::from(last_day);
    if age <= FRESH_DAYS || last_day == i32::MIN {
        return count;
    }
    (f64::from(count) * 0.5f64.powf((age - FRESH_DAYS) as f64 / FADE_DAYS)).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A baseline of facts (one feature) from (entity, hour, values).
    fn of(hours: &[(u32, i64, &[u32])]) -> Baseline {
        let mut base = Baseline::new(1, vec![false]);
        for (name, hour, values) in hours {
            let entity = base.entity(0, *name).unwrap();
            let mut keys: Vec<u32> = values
                .iter()
                .chain([&ANY])
                .filter_map(|value| base.key(Key { feature: 0, context: 9, value: *value }))
                .collect();
            keys.sort_unstable();
            base.learn_facts(entity, *hour, (hour / 24) as i32, &keys);
        }
        base.rank();
        base
    }

    fn standing(base: &Baseline, name: u32, value: u32) -> Standing {
        let key = base.numbers[&Key { feature: 0, context: 9, value }];
        base.standing(base.by_name[&(0, name)], key, true).unwrap()
    }

    #[test]
    fn a_fact_never_vouches_for_itself_and_what_fifty_show_at_once_has_no_peers() {
        let mut hours: Vec<(u32, i64, &[u32])> = Vec::new();
        for day in 0..20 {
            hours.extend((1..=50).map(|name| (name, day * 24, &[7][..])));
        }
        hours.extend((1..=50).map(|name| (name, 500, &[7, 8][..])));
        let base = of(&hours);
        let (usual, new) = (standing(&base, 3, 7), standing(&base, 3, 8));
        assert_eq!((usual.hours, new.hours, new.peers), (20, 0, 0));
        assert!(usual.score > 0.9 && new.score < 0.05, "{usual:?} {new:?}");
        let p = |value| base.fact_p_value(0, 0, &standing(&base, 1, value), 1, true);
        assert!(p(8) < 0.06 && p(7) > 0.9, "{} {}", p(8), p(7));
    }

    #[test]
    fn what_was_long_not_seen_fades_and_is_not_forgotten() {
        let once_daily: Vec<(u32, i64, &[u32])> = (0..40).map(|day| (1, day * 24, &[7][..])).collect();
        let base = of(&once_daily);
        assert_eq!(standing(&base, 1, 7).hours, 39);
        let mut later = once_daily.clone();
        later.push((1, 400 * 24, &[7]));
        let after = standing(&of(&later), 1, 7).hours;
        assert!((1..8).contains(&after), "{after}");
        assert_eq!((faded(40, 0, 30), faded(40, 0, 120), faded(40, i32::MIN, 5), faded(40, 9, 5)), (40, 20, 40, 40));
    }

    #[test]
    fn learning_split_by_entity_and_joined_either_way_is_learning_the_whole() {
        let hours: Vec<(u32, i64, &[u32])> =
            (0..60).map(|at| (1 + at as u32 % 4, at * 10, if at % 3 == 0 { &[5, 6][..] } else { &[6][..] })).collect();
        let whole = of(&hours);
        let part = |odd: u32| of(&hours.iter().copied().filter(|(name, ..)| name % 2 == odd).collect::<Vec<_>>());
        for (mut first, second) in [(part(0), part(1)), (part(1), part(0))] {
            first.merge(&second, |name| name);
            first.rank();
            for name in 1..=4 {
                for value in [5, 6] {
                    assert_eq!(standing(&first, name, value), standing(&whole, name, value));
                }
            }
        }
    }

    #[test]
    fn an_amount_is_held_against_its_own_and_its_peers_history() {
        let mut base = Baseline::new(0, vec![true]);
        for name in 1..=5 {
            let entity = base.entity(2, name).unwrap();
            for day in 0..30 {
                base.learn_facts(entity, i64::from(day) * 24, day, &[]);
                base.learn_level(entity, 0, 10, day, false);
            }
        }
        base.rank();
        assert!(base.level_p_value(0, 0, 10, true) > 0.9);
        let far: Vec<f64> = [11, 20, 40].map(|bin| base.level_p_value(0, 0, bin, false)).to_vec();
        assert!(far[0] < 0.01 && far[0] > far[1] && far[1] >= far[2], "{far:?}");
        assert_eq!(base.level_p_value(99, 0, 10, false), 1.0);
    }
}
