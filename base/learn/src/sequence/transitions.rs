//! What follows what, for one entity or service, forgotten with time: the streaming form for detectors.
//!
//! Counts of single ids, pairs and triples, halved every half-life of event time, bounded, mergeable. Probabilities are
//! Witten–Bell mixtures as in `grams`, one order after another. Decay costs nothing: a sighting at time t weighs
//! 2^((t − origin) / half-life), so later ones weigh more and earlier ones never need touching; the origin moves up when
//! weights grow large. Only event time is read, and a time that runs backwards weighs less instead of failing.

use rustc_hash::FxHashMap;

use crate::tensors::{Array, LoadError, Tensors};

/// N-grams of one entity: 4,096 are about 150 KB; services with more orders than that have no order to break.
pub const ENTRIES_MAX: usize = 4096;

/// The least that may be kept: fewer tell nothing.
const ENTRIES_MIN: usize = 16;

/// Half-lives after which weights are brought back to the present.
const EPOCH: f64 = 32.0;

/// Weight, in sightings, at which an n-gram is forgotten when room is needed or epochs change.
const FORGOTTEN: f64 = 1.0 / 64.0;

/// Stands where there is no id before.
const NOTHING: u32 = u32::MAX;

/// Stands for a shorter context.
const ANY: u32 = u32::MAX - 1;

/// Context (the id two before, the id before) and what follows.
type Gram = (u32, u32, u32);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Context {
    weight: f64,
    kinds: u32,
}

/// Decayed counts of orders. Ids are any numbers below 2³² − 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Transitions {
    half_life_s: f64,
    /// N-grams that are kept.
    most: usize,
    /// Event time in seconds at which a sighting weighs 1; none before the first.
    origin_s: Option<f64>,
    /// The latest event time.
    latest_s: f64,
    grams: FxHashMap<Gram, f64>,
    contexts: FxHashMap<(u32, u32), Context>,
}

fn contexts(prev2: Option<u32>, prev1: Option<u32>) -> [(u32, u32); 3] {
    let (two, one) = (prev2.unwrap_or(NOTHING), prev1.unwrap_or(NOTHING));
    [(ANY, ANY), (ANY, one), (two, one)]
}

impl Transitions {
    /// Nothing seen yet; what was seen counts half after `half_life_s` seconds of event time (at least one).
    pub fn new(half_life_s: f64) -> Self {
        let half_life_s = if half_life_s.is_finite() { half_life_s.max(1.0) } else { f64::MAX };
        Self {
            half_life_s,
            most: ENTRIES_MAX,
            origin_s: None,
            latest_s: 0.0,
            grams: FxHashMap::default(),
            contexts: FxHashMap::default(),
        }
    }

    /// The same, but at most `entries` n-grams are kept (16 to [`ENTRIES_MAX`]): for entities that come by the thousand.
    pub fn bounded(half_life_s: f64, entries: usize) -> Self {
        Self { most: entries.clamp(ENTRIES_MIN, ENTRIES_MAX), ..Self::new(half_life_s) }
    }

    /// −ln of the probability, in nats, that `next` follows; `kinds` is how many different ids are thought possible.
    /// 0 before anything was learned: nothing is known to be strange.
    pub fn surprise(&self, prev2: Option<u32>, prev1: Option<u32>, next: u32, kinds: u32) -> f64 {
        if self.grams.is_empty() {
            return 0.0;
        }
        let mut probability = 1.0 / (f64::from(kinds) + 1.0);
        let unit = self.weight_at(self.latest_s);
        for (two, one) in contexts(prev2, prev1) {
            let Some(context) = self.contexts.get(&(two, one)).filter(|context| context.weight > 0.0) else { break };
            let count = self.grams.get(&(two, one, next)).copied().unwrap_or(0.0);
            let back = f64::from(context.kinds) * unit;
            probability = (count + back * probability) / (context.weight + back);
        }
        -probability.clamp(f64::MIN_POSITIVE, 1.0).ln()
    }

    /// How many sightings there are, decayed to the latest event time.
    pub fn seen(&self) -> f64 {
        self.contexts.get(&(ANY, ANY)).map_or(0.0, |all| all.weight / self.weight_at(self.latest_s))
    }

    /// How many n-grams are kept, at most [`ENTRIES_MAX`].
    pub fn entries(&self) -> usize {
        self.grams.len()
    }

    /// Learns that `next` followed at an event time in seconds.
    pub fn learn(&mut self, time_s: f64, prev2: Option<u32>, prev1: Option<u32>, next: u32) {
        let time_s = if time_s.is_finite() { time_s } else { self.latest_s };
        self.advance(time_s);
        let weight = self.weight_at(time_s);
        for (two, one) in contexts(prev2, prev1) {
            self.add((two, one, next), weight);
        }
        if self.grams.len() > self.most {
            self.forget();
        }
    }

    /// Learns what another one learned: the same, but for rounding, as if both had been one.
    pub fn merge(&mut self, other: &Self) {
        let Some(origin) = other.origin_s else { return };
        self.advance(origin);
        self.advance(other.latest_s);
        let unit = self.weight_at(origin);
        let mut all: Vec<(&Gram, &f64)> = other.grams.iter().collect();
        all.sort_unstable_by_key(|(gram, _)| **gram);
        for (gram, weight) in all {
            self.add(*gram, weight * unit);
        }
        if self.grams.len() > self.most {
            self.forget();
        }
    }

    fn add(&mut self, gram: Gram, weight: f64) {
        if weight <= 0.0 {
            return;
        }
        let context = self.contexts.entry((gram.0, gram.1)).or_default();
        context.weight += weight;
        let have = self.grams.entry(gram).or_insert(0.0);
        context.kinds += u32::from(*have == 0.0);
        *have += weight;
    }

    fn weight_at(&self, time_s: f64) -> f64 {
        self.origin_s.map_or(1.0, |origin| ((time_s - origin) / self.half_life_s).clamp(-1000.0, 2.0 * EPOCH).exp2())
    }

    /// Time goes on: weights are brought to a new origin before they grow beyond what numbers hold well.
    fn advance(&mut self, time_s: f64) {
        let Some(origin) = self.origin_s else {
            (self.origin_s, self.latest_s) = (Some(time_s), time_s);
            return;
        };
        self.latest_s = self.latest_s.max(time_s);
        if (self.latest_s - origin) / self.half_life_s > EPOCH {
            let factor = (-(self.latest_s - origin) / self.half_life_s).max(-1000.0).exp2();
            self.grams.values_mut().for_each(|weight| *weight *= factor);
            self.origin_s = Some(self.latest_s);
            self.keep_above(FORGOTTEN);
        }
    }

    /// Makes room: forgets what has all but decayed, or else the lighter half.
    fn forget(&mut self) {
        let least = FORGOTTEN * self.weight_at(self.latest_s);
        let mut weights: Vec<f64> = self.grams.values().copied().collect();
        weights.sort_unstable_by(f64::total_cmp);
        let median = weights.get(weights.len() / 2).copied().unwrap_or(0.0);
        let faded = weights.partition_point(|weight| *weight < least);
        self.keep_above(if faded > self.most / 4 { least } else { median });
        // Equal weights leave too many above the median: then order of ids decides.
        if self.grams.len() > self.most * 3 / 4 {
            let mut all: Vec<(Gram, f64)> = self.grams.iter().map(|(gram, weight)| (*gram, *weight)).collect();
            all.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(self.most / 2);
            self.grams = all.into_iter().collect();
            self.recount();
        }
    }

    fn keep_above(&mut self, least: f64) {
        self.grams.retain(|_, weight| *weight >= least);
        self.recount();
    }

    /// Contexts from their n-grams, in one order, so that sums are the same everywhere.
    fn recount(&mut self) {
        let mut all: Vec<(Gram, f64)> = self.grams.iter().map(|(gram, weight)| (*gram, *weight)).collect();
        all.sort_unstable_by_key(|(gram, _)| *gram);
        self.contexts.clear();
        for ((two, one, _), weight) in all {
            let context = self.contexts.entry((two, one)).or_default();
            context.weight += weight;
            context.kinds += 1;
        }
    }

    /// As arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut all: Vec<(Gram, f64)> = self.grams.iter().map(|(gram, weight)| (*gram, *weight)).collect();
        all.sort_unstable_by_key(|(gram, _)| *gram);
        let mut of: Vec<((u32, u32), Context)> = self.contexts.iter().map(|(key, context)| (*key, *context)).collect();
        of.sort_unstable_by_key(|(key, _)| *key);
        let mut tensors = Tensors::default();
        tensors.put("most", Array::U32(vec![self.most as u32]));
        let clock = [Some(self.half_life_s), self.origin_s, self.origin_s.map(|_| self.latest_s)];
        tensors.put("clock", Array::F64(clock.into_iter().flatten().collect()));
        tensors.put("gram", Array::U32(all.iter().flat_map(|((two, one, next), _)| [*two, *one, *next]).collect()));
        tensors.put("weight", Array::F64(all.iter().map(|(_, weight)| *weight).collect()));
        tensors.put("context.weight", Array::F64(of.iter().map(|(_, context)| context.weight).collect()));
        tensors
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When they are not as [`Transitions::to_tensors`] makes them.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let bad = |array: &str, problem: &str| LoadError::new(format!("array `{array}`"), problem);
        let clock = tensors.f64s("clock")?;
        let (half_life_s, origin_s, latest_s) = match clock {
            [half] => (*half, None, 0.0),
            [half, origin, latest] if origin <= latest => (*half, Some(*origin), *latest),
            _ => return Err(bad("clock", "is not a half-life with two times in order")),
        };
        if clock.iter().any(|one| !one.is_finite()) || half_life_s < 1.0 {
            return Err(bad("clock", "holds a number that is no time"));
        }
        let most = match tensors.u32s("most")? {
            [most] if (ENTRIES_MIN..=ENTRIES_MAX).contains(&(*most as usize)) => *most as usize,
            _ => return Err(bad("most", "is not one number within the limits")),
        };
        let (grams, weights) = (tensors.u32s("gram")?, tensors.f64s("weight")?);
        if grams.len() != weights.len().saturating_mul(3) || weights.len() > most {
            return Err(bad("gram", "is too long, or has not three ids for each weight"));
        }
        if weights.iter().any(|weight| !(*weight > 0.0 && weight.is_finite())) {
            return Err(bad("weight", "holds a number that is not above 0"));
        }
        let mut loaded = Self { origin_s, latest_s, ..Self::bounded(half_life_s, most) };
        let triples = grams.chunks_exact(3).filter_map(|triple| <[u32; 3]>::try_from(triple).ok());
        for ([two, one, next], weight) in triples.zip(weights) {
            if loaded.grams.insert((two, one, next), *weight).is_some() {
                return Err(bad("gram", "holds an n-gram twice"));
            }
        }
        loaded.recount();
        let sums = tensors.f64s("context.weight")?;
        let mut keys: Vec<(u32, u32)> = loaded.contexts.keys().copied().collect();
        keys.sort_unstable();
        if sums.len() != keys.len() {
            return Err(bad("context.weight", "has not one weight for each context"));
        }
        for (key, sum) in keys.into_iter().zip(sums) {
            let Some(context) = loaded.contexts.get_mut(&key) else { continue };
            // Sums were made sighting by sighting: the same numbers but for rounding.
            if !sum.is_finite() || (sum - context.weight).abs() > 1e-6 * context.weight {
                return Err(bad("context.weight", "is not the sum of its n-grams"));
            }
            context.weight = *sum;
        }
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taught(times: impl Iterator<Item = u32>) -> Transitions {
        let mut one = Transitions::new(3600.0);
        for at in times {
            let time = f64::from(at) * 60.0;
            let (next, prev1, prev2) = (at % 3, at.checked_sub(1).map(|at| at % 3), at.checked_sub(2).map(|at| at % 3));
            one.learn(time, prev2, prev1, next);
        }
        one
    }

    #[test]
    fn a_broken_order_is_strange_and_what_is_usual_is_not() {
        let one = taught(0..300);
        assert!(one.surprise(Some(0), Some(1), 2, 10) < 0.1);
        assert!(one.surprise(Some(0), Some(1), 0, 10) > 3.0);
        assert!(one.surprise(Some(0), Some(1), 7, 10) > one.surprise(Some(0), Some(1), 0, 10));
        assert_eq!(Transitions::new(60.0).surprise(None, None, 1, 10), 0.0);
    }

    #[test]
    fn what_has_not_come_for_long_is_forgotten() {
        let mut one = taught(0..300);
        let before = one.surprise(Some(0), Some(1), 2, 10);
        (0..200).for_each(|at| one.learn(300.0 * 60.0 + f64::from(at) * 3600.0, Some(0), Some(1), 5));
        assert!(one.surprise(Some(0), Some(1), 2, 10) > before + 1.5, "{}", one.surprise(Some(0), Some(1), 2, 10));
        assert!(one.surprise(Some(0), Some(1), 5, 10) < 1.0);
    }

    #[test]
    fn two_halves_merge_into_the_whole() {
        let mut first = taught(0..150);
        let second = taught(150..300);
        first.merge(&second);
        let whole = taught(0..300);
        for next in 0..5 {
            let (a, b) = (first.surprise(Some(0), Some(1), next, 10), whole.surprise(Some(0), Some(1), next, 10));
            assert!((a - b).abs() < 1e-9, "{next}: {a} {b}");
        }
    }

    #[test]
    fn it_is_bounded_and_survives_any_time() {
        let mut one = Transitions::new(60.0);
        for at in 0..20_000u32 {
            one.learn(f64::from(at % 7) * 1e9, Some(at.wrapping_mul(7919)), Some(at), at);
        }
        for time in [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX, -1e300, 0.0] {
            one.learn(time, None, None, 3);
            assert!(one.surprise(None, None, 3, 10).is_finite() && one.seen().is_finite(), "{time}");
        }
        assert!(one.entries() <= ENTRIES_MAX);
        let mut few = Transitions::bounded(60.0, 100);
        (0..1000u32).for_each(|at| few.learn(f64::from(at), Some(at), Some(at + 1), at % 300));
        assert!(few.entries() <= 100 && few.entries() > 20, "{}", few.entries());
        assert_eq!(Transitions::from_tensors(&few.to_tensors()).unwrap(), few);
        let kept = one.to_tensors();
        assert_eq!(Transitions::from_tensors(&kept).unwrap(), one);
    }

    #[test]
    fn a_kept_one_comes_back_bit_for_bit_and_a_torn_one_does_not() {
        let one = taught(0..100);
        let kept = one.to_tensors();
        assert_eq!(Transitions::from_tensors(&kept).unwrap(), one);
        for (name, array) in [
            ("clock", Array::F64(vec![0.0])),
            ("clock", Array::F64(vec![60.0, 5.0, 4.0])),
            ("gram", Array::U32(vec![1, 2])),
            ("most", Array::U32(vec![u32::MAX])),
            ("weight", Array::F64(vec![])),
            ("context.weight", Array::F64(vec![1.0])),
        ] {
            let mut torn = kept.clone();
            torn.put(name, array);
            assert!(Transitions::from_tensors(&torn).is_err(), "{name}");
        }
        assert!(Transitions::from_tensors(&Tensors::default()).is_err());
    }
}
