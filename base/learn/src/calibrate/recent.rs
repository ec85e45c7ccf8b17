//! A bounded sample of recent normal scores, older ones fading: what p-values are made from when the world drifts.
//!
//! Priority sampling (Duffield, Lund and Thorup 2007): a score of weight w gets the priority w/u, with u in (0, 1] drawn by
//! hashing its id, and the highest priorities are kept. What is kept stands for a weight of max(w, τ), where τ is the highest
//! priority that was dropped; sums of these estimate sums over all that was seen without bias. Weights double each
//! half-life of *event* time, so that nothing needs to be touched as time goes on. Because u comes from the id, the sample
//! depends on what was seen and never on the order: parts learned apart and merged equal the whole.
//!
//! **Poison:** a source's share of the weight is capped when the sample is used, at a multiple of its fair share; one that
//! floods the sample with strange scores cannot make strangeness normal.
//!
//! One score costs a hash and, mostly, one comparison with τ.

use std::collections::{BTreeMap, BTreeSet};

use super::Conformal;
use crate::tensors::{Array, LoadError, Tensors};

/// Scores that a sample may keep: p-values down to 1/65,537, about 3.5 MB.
pub const RECENT_MAX: usize = 1 << 16;

/// How a sample forgets and whom it believes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecentSettings {
    /// Scores kept, at most [`RECENT_MAX`].
    pub keep: usize,
    /// Seconds of event time after which a score counts half; infinite: it never fades.
    pub half_life_s: f64,
    /// How many times its fair share (one over the number of sources) a source may weigh; infinite: no cap.
    pub share_times_fair: f64,
    /// Chooses among samples.
    pub seed: u64,
}

impl Default for RecentSettings {
    /// 8192 scores (1 % is then known to ± 0.1 points), a week (one whole rhythm of a working place), four times fair.
    fn default() -> Self {
        Self { keep: 8192, half_life_s: 7.0 * 86_400.0, share_times_fair: 4.0, seed: 0 }
    }
}

/// One kept score. The order is that of priorities; ids settle ties.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kept {
    /// ln of the priority.
    priority: f64,
    id: u64,
    /// ln of the weight.
    weight: f64,
    score: f64,
    source: u64,
}

impl Eq for Kept {}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.priority
            .total_cmp(&other.priority)
            .then(self.id.cmp(&other.id))
            .then(self.score.total_cmp(&other.score))
            .then(self.source.cmp(&other.source))
            .then(self.weight.total_cmp(&other.weight))
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    settings: RecentSettings,
    kept: BTreeSet<Kept>,
    /// ln of the highest priority dropped; −∞ while nothing was.
    dropped: f64,
    seen: u64,
}

impl Recent {
    /// An empty sample. Settings out of range are brought into it.
    pub fn new(settings: RecentSettings) -> Self {
        let keep = settings.keep.clamp(1, RECENT_MAX);
        let half_life_s = if settings.half_life_s > 0.0 { settings.half_life_s } else { f64::INFINITY };
        let share_times_fair = if settings.share_times_fair >= 1.0 { settings.share_times_fair } else { 1.0 };
        let settings = RecentSettings { keep, half_life_s, share_times_fair, ..settings };
        Self { settings, kept: BTreeSet::new(), dropped: f64::NEG_INFINITY, seen: 0 }
    }

    /// Learns the score of something believed normal.
    ///
    /// `time_s` is event time in seconds; `source` whoever could have made it up (a hash of user, host or address); `id`
    /// tells it from all others (a hash of file and offset). A score that is not finite is not learned.
    pub fn learn(&mut self, score: f64, time_s: i64, source: u64, id: u64) {
        if !score.is_finite() {
            return;
        }
        self.seen += 1;
        let weight = self.weight(time_s);
        let draw = (mix(id ^ mix(self.settings.seed ^ source)) >> 11) as f64 + 1.0;
        let priority = weight - (draw / (1u64 << 53) as f64).ln();
        if priority <= self.dropped {
            return;
        }
        self.kept.insert(Kept { priority, id, weight, score, source });
        self.shrink();
    }

    /// Takes in another sample with the same settings: as if one had learned all. `false`, and nothing changes, when
    /// settings differ.
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.settings != other.settings {
            return false;
        }
        self.dropped = self.dropped.max(other.dropped);
        self.kept.extend(other.kept.iter().copied());
        self.seen += other.seen;
        self.shrink();
        true
    }

    /// How many scores were learned, kept or not.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The p-values as of now: of everything learned so far, the latest weighing most. O(n log n); make it once a while
    /// (an hour of event time), not for each score.
    pub fn conformal(&self) -> Conformal {
        // Weights relative to the largest, so that they neither overflow nor vanish.
        let stands_for = |kept: &Kept| kept.weight.max(self.dropped);
        let most = self.kept.iter().map(stands_for).fold(f64::NEG_INFINITY, f64::max);
        let pairs: Vec<(u64, f64, f64)> =
            self.kept.iter().map(|kept| (kept.source, kept.score, (stands_for(kept) - most).exp())).collect();
        let mut sources: BTreeMap<u64, f64> = BTreeMap::new();
        for (source, _, weight) in &pairs {
            *sources.entry(*source).or_default() += weight;
        }
        let factors = capped(&sources, self.settings.share_times_fair);
        Conformal::weighted(
            pairs.iter().map(|(source, score, weight)| (*score, weight * factors.get(source).copied().unwrap_or(1.0))),
        )
    }

    /// Arrays to keep it as.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        let number = |pick: fn(&Kept) -> f64| Array::F64(self.kept.iter().map(pick).collect());
        let word = |pick: fn(&Kept) -> u64| Array::U64(self.kept.iter().map(pick).collect());
        out.put("priority", number(|kept| kept.priority));
        out.put("weight", number(|kept| kept.weight));
        out.put("score", number(|kept| kept.score));
        out.put("id", word(|kept| kept.id));
        out.put("source", word(|kept| kept.source));
        let finite = |value: f64| if value.is_finite() { vec![value] } else { Vec::new() };
        out.put("dropped", Array::F64(finite(self.dropped)));
        out.put("half_life", Array::F64(finite(self.settings.half_life_s)));
        out.put("share", Array::F64(finite(self.settings.share_times_fair)));
        out.put("counts", Array::U64(vec![self.settings.keep as u64, self.settings.seed, self.seen]));
        out
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When lengths differ, numbers are not finite, or there are more scores than may be kept.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let bad = |name: &str, problem: &str| LoadError::new(format!("array `{name}`"), problem);
        let &[keep, seed, seen] = tensors.u64s("counts")? else { return Err(bad("counts", "does not hold three")) };
        let (priority, weight, score) = (tensors.f64s("priority")?, tensors.f64s("weight")?, tensors.f64s("score")?);
        let (id, source) = (tensors.u64s("id")?, tensors.u64s("source")?);
        let keep = usize::try_from(keep).ok().filter(|keep| (1..=RECENT_MAX).contains(keep));
        let Some(keep) = keep else { return Err(bad("counts", "keeps none or too many")) };
        let lengths = [weight.len(), score.len(), id.len(), source.len()];
        if priority.len() > keep || lengths.iter().any(|length| *length != priority.len()) {
            return Err(bad("priority", "is longer than what is kept, or not of one length with the others"));
        }
        for (name, values) in [("priority", priority), ("weight", weight), ("score", score)] {
            if values.iter().any(|value| !value.is_finite()) {
                return Err(bad(name, "is not finite"));
            }
        }
        let optional = |name: &str, absent: f64| match tensors.f64s(name)? {
            [] => Ok(absent),
            [value] if value.is_finite() => Ok(*value),
            _ => Err(bad(name, "is not one finite number")),
        };
        let settings = RecentSettings {
            keep,
            half_life_s: optional("half_life", f64::INFINITY)?,
            share_times_fair: optional("share", f64::INFINITY)?,
            seed,
        };
        if settings.half_life_s <= 0.0 || settings.share_times_fair < 1.0 {
            return Err(bad("half_life", "is not positive, or `share` is below 1"));
        }
        let columns = priority.iter().zip(weight).zip(score).zip(id.iter().zip(source));
        let kept = columns
            .map(|(((priority, weight), score), (id, source))| Kept {
                priority: *priority,
                id: *id,
                weight: *weight,
                score: *score,
                source: *source,
            })
            .collect();
        Ok(Self { settings, kept, dropped: optional("dropped", f64::NEG_INFINITY)?, seen })
    }

    /// ln of the weight of a score of this time.
    fn weight(&self, time_s: i64) -> f64 {
        if self.settings.half_life_s.is_infinite() {
            return 0.0;
        }
        time_s as f64 / self.settings.half_life_s * std::f64::consts::LN_2
    }

    fn shrink(&mut self) {
        while self.kept.len() > self.settings.keep {
            if let Some(last) = self.kept.pop_first() {
                self.dropped = self.dropped.max(last.priority);
            }
        }
    }
}

/// For each source the factor that brings its weight down to `times` its fair share of what remains.
///
/// The cap falls as the heavy are cut, so it is sought as the fixed point: heaviest first, cut as long as a source is
/// above its share of a total in which all heavier ones are cut already.
fn capped(sources: &BTreeMap<u64, f64>, times: f64) -> BTreeMap<u64, f64> {
    let share = times / sources.len().max(1) as f64;
    // Up to `times` sources, everyone's fair share times that is everything.
    if share >= 1.0 {
        return BTreeMap::new();
    }
    let mut heaviest: Vec<(u64, f64)> = sources.iter().map(|(source, weight)| (*source, *weight)).collect();
    heaviest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut rest: f64 = heaviest.iter().map(|one| one.1).sum();
    let mut cut: Vec<(u64, f64)> = Vec::new();
    let mut cap = f64::INFINITY;
    for (source, weight) in heaviest {
        // With k cut sources at `cap` each and `rest` uncut: cap = share × (k × cap + rest).
        let k = cut.len() as f64;
        let limit = if k == 0.0 { share * rest } else { share * rest / (1.0 - share * k).max(f64::MIN_POSITIVE) };
        if weight <= limit {
            break;
        }
        cut.push((source, weight));
        rest -= weight;
        let k = cut.len() as f64;
        cap = share * rest / (1.0 - share * k).max(f64::MIN_POSITIVE);
    }
    cut.into_iter().map(|(source, weight)| (source, (cap / weight).clamp(0.0, 1.0))).collect()
}

/// SplitMix64's finalizer.
fn mix(at: u64) -> u64 {
    let mut z = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;

    #[test]
    fn a_sample_stands_for_all_and_the_latest_counts_most() {
        let settings = RecentSettings { keep: 2000, half_life_s: 10.0 * DAY as f64, ..RecentSettings::default() };
        let mut recent = Recent::new(settings);
        let mut random = Random::new(3);
        // 60 days: scores rise by a tenth a day.
        for at in 0..60_000u64 {
            let time = at as i64 * 60 * DAY / 60_000;
            recent.learn(random.unit() + time as f64 / DAY as f64 / 10.0, time, at % 50, at);
        }
        assert_eq!((recent.len(), recent.seen()), (2000, 60_000));
        let reference = recent.conformal();
        // Half of the weight is younger than about ten days: the median score is near 5.0 + 0.5.
        let p = reference.p_value(5.5);
        assert!((0.44..0.56).contains(&p), "{p}");
        // At the last day's level, p-values are as good as the sample is large.
        assert!(reference.p_value(8.0) < 0.002);
    }

    #[test]
    fn one_loud_source_does_not_make_the_strange_normal() {
        let flood = |share_times_fair| {
            let mut recent = Recent::new(RecentSettings { keep: 4000, share_times_fair, ..RecentSettings::default() });
            let mut random = Random::new(4);
            for at in 0..20_000u64 {
                // 400 sources behave; one sends as much as all the others, always strange.
                recent.learn(random.unit(), DAY, at % 400, at);
                recent.learn(5.0, DAY, 1000, 1_000_000 + at);
            }
            recent.conformal().p_value(5.0)
        };
        assert!(flood(f64::INFINITY) > 0.4);
        assert!(flood(4.0) < 0.011, "{}", flood(4.0));
    }

    #[test]
    fn caps_are_a_fixed_point() {
        let sources: BTreeMap<u64, f64> = [(1, 1000.0), (2, 500.0), (3, 1.0), (4, 1.0), (5, 1.0), (6, 1.0)].into();
        let factors = capped(&sources, 2.0);
        let after: Vec<f64> = sources.iter().map(|(id, weight)| weight * factors.get(id).unwrap_or(&1.0)).collect();
        let total: f64 = after.iter().sum();
        assert!(after.iter().all(|weight| *weight <= total / 3.0 + 1e-9), "{after:?}");
        assert!(capped(&[(1, 5.0), (2, 1.0)].into(), 4.0).is_empty());
    }

    proptest! {
        #[test]
        fn parts_merged_equal_the_whole(scores in prop::collection::vec((-5.0..5.0f64, 0..100i64), 0..200), cut in 0..200usize) {
            let settings = RecentSettings { keep: 32, half_life_s: 5.0 * DAY as f64, ..RecentSettings::default() };
            let (mut whole, mut first, mut second) = (Recent::new(settings), Recent::new(settings), Recent::new(settings));
            for (at, (score, day)) in scores.iter().enumerate() {
                let part = if at < cut { &mut first } else { &mut second };
                for one in [&mut whole, part] {
                    one.learn(*score, day * DAY, at as u64 % 7, at as u64);
                }
            }
            prop_assert!(second.merge(&first));
            prop_assert_eq!(&second, &whole);
            let back = Recent::from_tensors(&whole.to_tensors()).unwrap();
            prop_assert_eq!(&back, &whole);
        }
    }

    #[test]
    fn torn_samples_and_other_settings_are_refused() {
        let mut recent = Recent::new(RecentSettings::default());
        recent.learn(1.0, 0, 1, 1);
        recent.learn(f64::NAN, 0, 1, 2);
        assert_eq!(recent.len(), 1);
        let other = Recent::new(RecentSettings { seed: 1, ..RecentSettings::default() });
        assert!(!recent.merge(&other));
        let kept = recent.to_tensors();
        for name in kept.arrays.keys() {
            let mut torn = kept.clone();
            torn.arrays.remove(name);
            assert!(Recent::from_tensors(&torn).is_err(), "{name}");
        }
        for (name, array) in [("counts", Array::U64(vec![0, 0, 0])), ("score", Array::F64(vec![f64::INFINITY]))] {
            let mut torn = kept.clone();
            torn.put(name, array);
            assert!(Recent::from_tensors(&torn).is_err(), "{name}");
        }
    }
}
