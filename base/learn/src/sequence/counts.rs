//! How often each id occurs in a session, against the sessions seen.
//!
//! A session's counts are compared with a bounded set of representatives: all different count vectors if there are few,
//! else the heaviest and, among the rest, those that lie farthest from what is kept (greedy k-centres, Gonzalez 1985).
//! The distance is 1 − Σ w·min(√a, √b) / Σ w·max(√a, √b) (Ruzicka), from 0 to 1: √ because counts vary with their size, and
//! w = ln(1 + sessions / sessions with the id), so that an id that almost no session has weighs much and one that all have
//! still weighs ln 2. To the distance comes a little for a representative that itself stands for few sessions: what was
//! seen twice in ten thousand sessions, perhaps an attack that hides in the training data, is not as normal as the rest.
//!
//! Cost: a session that equals a representative is found by bisection; otherwise representatives are visited from the most
//! similar total outwards and the search stops where no total can be nearer.

use crate::model::FitError;
use crate::random::Random;
use crate::tensors::{Array, LoadError, Tensors};

/// Representatives that are kept: above this, more of them cost time and change little.
pub(super) const REPRESENTATIVES_MAX: usize = 1024;

/// Different count vectors from which representatives are chosen: greedy choice costs this times the above.
pub(super) const CANDIDATES_MAX: usize = 4096;

/// Ids of all representatives together: 64 MB.
pub(super) const ENTRIES_MAX: usize = 1 << 23;

/// Ids of a vocabulary up to which representatives are kept by id: 1,024 of them are 2 MB.
const DENSE_MAX: usize = 512;

/// Numbers that are summed side by side.
const LANES: usize = 8;

/// What the rarest representative adds to a distance.
const RARITY: f64 = 0.05;

/// Count vector of one session: (id, how often), by id.
pub(super) type Counted = [(u32, u32)];

#[derive(Clone, Debug, PartialEq)]
struct Representative {
    counts: Vec<(u32, u32)>,
    /// w·√count: what distances are made of. By id, in whole lanes, where the session has a good part of a small
    /// vocabulary; else one for each of `counts`.
    values: Vec<f32>,
    dense: bool,
    /// Σ w·√count, in the order of ids.
    sum: f64,
    /// How many sessions it stands for.
    sessions: u32,
}

/// The sessions seen, as count vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    sessions: u32,
    /// For each id, in how many sessions it occurred.
    found: Vec<u32>,
    /// For each id, its weight.
    weights: Vec<f64>,
    /// How many sessions there were when the weights were last made.
    weighed: u32,
    /// By their sum, then by their counts.
    representatives: Vec<Representative>,
    entries: usize,
    most: usize,
}

/// What the nearest representative is.
pub(super) struct Nearest<'a> {
    /// Distance and rarity together.
    pub distance: f64,
    /// Rarity's part of it.
    pub rarity: f64,
    /// Its counts; empty if there is none.
    pub counts: &'a Counted,
    /// How many sessions it stands for.
    pub sessions: u32,
}

impl Counts {
    /// From sessions' count vectors.
    pub(super) fn fit(
        size: usize,
        mut sessions: Vec<Vec<(u32, u32)>>,
        most: usize,
        random: &mut Random,
    ) -> Result<Self, FitError> {
        let mut counts = Self {
            sessions: u32::try_from(sessions.len()).unwrap_or(u32::MAX),
            found: vec![0; size],
            most: most.clamp(1, REPRESENTATIVES_MAX),
            ..Self::default()
        };
        for (id, _) in sessions.iter().flatten() {
            if let Some(found) = counts.found.get_mut(*id as usize) {
                *found += 1;
            }
        }
        counts.weigh();
        sessions.sort_unstable();
        let mut different: Vec<Representative> = Vec::new();
        for session in sessions {
            match different.last_mut().filter(|last| last.counts == session) {
                Some(last) => last.sessions += 1,
                None => different.push(counts.representative(session, 1)),
            }
        }
        counts.representatives = counts.choose(different, random);
        counts.entries = counts.representatives.iter().map(|one| one.counts.len()).sum();
        if counts.entries > ENTRIES_MAX {
            let have = counts.entries;
            return Err(FitError::TooMany { what: "ids of all representative sessions", have, max: ENTRIES_MAX });
        }
        counts.sort();
        Ok(counts)
    }

    pub(super) fn sessions(&self) -> u32 {
        self.sessions
    }

    /// Whether an id was ever seen in a session.
    pub(super) fn knows(&self, id: u32) -> bool {
        self.found.get(id as usize).is_some_and(|found| *found > 0)
    }

    /// An id's weight; that of an id found in no session if it is none.
    pub(super) fn weight(&self, id: u32) -> f64 {
        self.weights.get(id as usize).copied().unwrap_or_else(|| self.weight_of(0))
    }

    fn weight_of(&self, found: u32) -> f64 {
        (f64::from(self.weighed) / f64::from(found).max(0.5)).ln_1p()
    }

    fn weigh(&mut self) {
        self.weighed = self.sessions;
        self.weights = self.found.iter().map(|found| self.weight_of(*found)).collect();
    }

    fn value(&self, id: u32, count: u32) -> f64 {
        self.weight(id) * f64::from(count).sqrt()
    }

    fn sum(&self, counts: &Counted) -> f64 {
        counts.iter().map(|(id, count)| self.value(*id, *count)).sum()
    }

    fn representative(&self, counts: Vec<(u32, u32)>, sessions: u32) -> Representative {
        let size = self.found.len();
        let dense = size <= DENSE_MAX && counts.len() * LANES >= size;
        let mut values: Vec<f32> = counts.iter().map(|(id, count)| self.value(*id, *count) as f32).collect();
        if dense {
            values = vec![0.0; size.next_multiple_of(LANES)];
            self.spread(&mut values, &counts);
        }
        Representative { sum: self.sum(&counts), values, dense, counts, sessions }
    }

    fn sort(&mut self) {
        self.representatives.sort_by(|a, b| a.sum.total_cmp(&b.sum).then_with(|| a.counts.cmp(&b.counts)));
    }

    /// The heaviest half, then the farthest; what is not kept adds its sessions to the nearest that is.
    fn choose(&self, mut different: Vec<Representative>, random: &mut Random) -> Vec<Representative> {
        if different.len() <= self.most {
            return different;
        }
        different.sort_by(|a, b| b.sessions.cmp(&a.sessions).then_with(|| a.counts.cmp(&b.counts)));
        let rest = different.split_off(self.most.div_ceil(2));
        let mut kept = different;
        let picked = random.sample(rest.len(), CANDIDATES_MAX.saturating_sub(kept.len()));
        let mut left: Vec<(Representative, f64, usize)> =
            picked.into_iter().filter_map(|at| rest.get(at).cloned()).map(|one| (one, f64::INFINITY, 0)).collect();
        let mut dense = vec![0.0; self.found.len().next_multiple_of(LANES)];
        let mut next = 0;
        loop {
            // Distances to what was kept since the last round.
            while let Some(centre) = kept.get(next) {
                self.spread(&mut dense, &centre.counts);
                for (one, distance, nearest) in &mut left {
                    let now = self.distance(&dense, centre.sum, one);
                    if now < *distance {
                        (*distance, *nearest) = (now, next);
                    }
                }
                self.gather(&mut dense, &centre.counts);
                next += 1;
            }
            if kept.len() >= self.most {
                break;
            }
            let farthest = left.iter().enumerate().max_by(|a, b| a.1.1.total_cmp(&b.1.1).then(b.0.cmp(&a.0)));
            let Some((at, _)) = farthest else { break };
            kept.push(left.swap_remove(at).0);
        }
        for (one, _, nearest) in left {
            if let Some(centre) = kept.get_mut(nearest) {
                centre.sessions = centre.sessions.saturating_add(one.sessions);
            }
        }
        kept
    }

    /// Writes w·√count into a dense array of the vocabulary's size; ids beyond it are left out.
    fn spread(&self, dense: &mut [f32], counts: &Counted) {
        for (id, count) in counts {
            if let Some(place) = dense.get_mut(*id as usize) {
                *place = self.value(*id, *count) as f32;
            }
        }
    }

    fn gather(&self, dense: &mut [f32], counts: &Counted) {
        for (id, _) in counts {
            if let Some(place) = dense.get_mut(*id as usize) {
                *place = 0.0;
            }
        }
    }

    fn distance(&self, dense: &[f32], sum: f64, one: &Representative) -> f64 {
        let both = f64::from(if one.dense {
            // Lanes of their own sum in the same order on every machine, and leave room to do several at once.
            let mut lanes = [0f32; LANES];
            for (here, there) in dense.chunks_exact(LANES).zip(one.values.chunks_exact(LANES)) {
                for ((lane, here), there) in lanes.iter_mut().zip(here).zip(there) {
                    *lane += if here < there { *here } else { *there };
                }
            }
            lanes.iter().sum::<f32>()
        } else {
            let here = |id: u32| dense.get(id as usize).copied().unwrap_or(0.0);
            one.counts.iter().zip(&one.values).map(|((id, _), value)| here(*id).min(*value)).sum::<f32>()
        });
        let either = sum + one.sum - both;
        if either > 0.0 { (1.0 - both / either).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn rarity(&self, sessions: u32) -> f64 {
        if self.sessions < 2 {
            return 0.0;
        }
        let all = f64::from(self.sessions).ln();
        RARITY * (1.0 - f64::from(sessions.max(1)).ln() / all).clamp(0.0, 1.0)
    }

    fn exact(&self, sum: f64, counts: &Counted) -> Option<usize> {
        let from = self.representatives.partition_point(|one| one.sum < sum);
        let equal = self.representatives.iter().skip(from).take_while(|one| one.sum == sum);
        equal.enumerate().find(|(_, one)| one.counts == counts).map(|(at, _)| from + at)
    }

    /// The nearest representative. `dense` is scratch: all zero before and after.
    pub(super) fn nearest(&self, counts: &Counted, dense: &mut Vec<f32>) -> Nearest<'_> {
        let sum = self.sum(counts);
        let make = |at: usize, distance: f64, rarity: f64| {
            let one = self.representatives.get(at);
            Nearest {
                distance,
                rarity,
                counts: one.map_or(&[], |one| one.counts.as_slice()),
                sessions: one.map_or(0, |one| one.sessions),
            }
        };
        if let Some(at) = self.exact(sum, counts) {
            let rarity = self.representatives.get(at).map_or(0.0, |one| self.rarity(one.sessions));
            return make(at, rarity, rarity);
        }
        dense.resize(self.found.len().next_multiple_of(LANES), 0.0);
        self.spread(dense, counts);
        let mut above = self.representatives.partition_point(|one| one.sum < sum);
        let mut below = above;
        let mut best = (f64::INFINITY, 0.0, usize::MAX);
        loop {
            // No representative of this total, or one farther off, can be nearer than this.
            let bound = |one: Option<&Representative>| {
                one.map_or(f64::INFINITY, |one| {
                    let most = one.sum.max(sum);
                    if most > 0.0 { 1.0 - one.sum.min(sum) / most } else { 0.0 }
                })
            };
            let low = bound(below.checked_sub(1).and_then(|at| self.representatives.get(at)));
            let high = bound(self.representatives.get(above));
            if low.min(high) >= best.0 {
                break;
            }
            let at = if low <= high {
                below -= 1;
                below
            } else {
                above += 1;
                above - 1
            };
            let Some(one) = self.representatives.get(at) else { break };
            let rarity = self.rarity(one.sessions);
            let distance = self.distance(dense, sum, one) + rarity;
            if distance < best.0 {
                best = (distance, rarity, at);
            }
        }
        self.gather(dense, counts);
        if best.2 == usize::MAX { make(usize::MAX, 1.0, 0.0) } else { make(best.2, best.0, best.1) }
    }

    /// Counts one more session. A new count vector becomes a representative, if need be in place of the lightest.
    pub(super) fn learn(&mut self, counts: &Counted, size: usize) {
        self.sessions = self.sessions.saturating_add(1);
        if self.found.len() < size {
            self.found.resize(size, 0);
            let unseen = self.weight_of(0);
            self.weights.resize(size, unseen);
            self.renew();
        }
        for (id, _) in counts {
            let Some(found) = self.found.get_mut(*id as usize) else { continue };
            *found = found.saturating_add(1);
        }
        let sum = self.sum(counts);
        if let Some(one) = self.exact(sum, counts).and_then(|at| self.representatives.get_mut(at)) {
            one.sessions = one.sessions.saturating_add(1);
        } else if self.entries + counts.len() <= ENTRIES_MAX {
            let fresh = self.representative(counts.to_vec(), 1);
            if self.representatives.len() >= self.most {
                let lightest = self.representatives.iter().enumerate().min_by_key(|(_, one)| one.sessions);
                if let Some((at, _)) = lightest {
                    self.entries -= self.representatives.remove(at).counts.len();
                }
            }
            self.entries += fresh.counts.len();
            let at = self.representatives.partition_point(|one| {
                one.sum.total_cmp(&fresh.sum).then_with(|| one.counts.cmp(&fresh.counts)).is_lt()
            });
            self.representatives.insert(at, fresh);
        }
        // Weights follow slowly: renewed whenever the sessions have grown by an eighth.
        if self.sessions - self.weighed > self.weighed / 8 {
            self.weigh();
            self.renew();
        }
    }

    /// Representatives as they would be made now, and as they are made when loaded: to the bit.
    fn renew(&mut self) {
        let old = std::mem::take(&mut self.representatives);
        self.representatives = old.into_iter().map(|one| self.representative(one.counts, one.sessions)).collect();
        self.sort();
    }

    pub(super) fn keep(&self, tensors: &mut Tensors) {
        tensors.put("count.sessions", Array::U32(vec![self.sessions, self.weighed]));
        tensors.put("count.found", Array::U32(self.found.clone()));
        tensors.put("count.weight", Array::F64(self.weights.clone()));
        let all = || self.representatives.iter();
        tensors.put("count.stands", Array::U32(all().map(|one| one.sessions).collect()));
        tensors.put("count.length", Array::U32(all().map(|one| one.counts.len() as u32).collect()));
        tensors.put("count.id", Array::U32(all().flat_map(|one| one.counts.iter().map(|pair| pair.0)).collect()));
        tensors.put("count.times", Array::U32(all().flat_map(|one| one.counts.iter().map(|pair| pair.1)).collect()));
    }

    pub(super) fn load(tensors: &Tensors, size: usize, most: usize) -> Result<Self, LoadError> {
        let bad = |array: &str, problem: &str| LoadError::new(format!("array `{array}`"), problem);
        let [sessions, weighed] = *tensors.u32s("count.sessions")? else {
            return Err(bad("count.sessions", "is not two numbers"));
        };
        let (found, weights) = (tensors.u32s("count.found")?.to_vec(), tensors.f64s("count.weight")?.to_vec());
        if found.len() != size || weights.len() != size {
            return Err(bad("count.found", "or `count.weight` has not one element for each id"));
        }
        if weighed > sessions || found.iter().any(|found| *found > sessions) {
            return Err(bad("count.found", "counts more sessions than there were"));
        }
        if weights.iter().any(|weight| !(*weight > 0.0 && *weight < 100.0)) {
            return Err(bad("count.weight", "holds a weight that is not between 0 and 100"));
        }
        let (stands, lengths) = (tensors.u32s("count.stands")?, tensors.u32s("count.length")?);
        let (ids, times) = (tensors.u32s("count.id")?, tensors.u32s("count.times")?);
        let entries: usize = lengths.iter().map(|length| *length as usize).sum();
        if stands.len() != lengths.len() || stands.len() > most || ids.len() != times.len() || ids.len() != entries {
            return Err(bad("count.length", "does not agree with `count.stands`, `count.id` and `count.times`"));
        }
        if entries > ENTRIES_MAX || stands.contains(&0) || times.contains(&0) {
            return Err(bad("count.times", "holds a zero, or too much"));
        }
        let mut counts = Self { sessions, found, weights, weighed, representatives: Vec::new(), entries, most };
        let mut pairs = ids.iter().copied().zip(times.iter().copied());
        for (length, stands) in lengths.iter().zip(stands) {
            let own: Vec<(u32, u32)> = pairs.by_ref().take(*length as usize).collect();
            let ascending = own.iter().zip(own.iter().skip(1)).all(|(a, b)| a.0 < b.0);
            if !ascending || own.last().is_some_and(|last| last.0 as usize >= size) {
                return Err(bad("count.id", "is not ascending within a session, or not in the vocabulary"));
            }
            let one = counts.representative(own, *stands);
            counts.representatives.push(one);
        }
        counts.sort();
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_that_stops_early_finds_what_a_full_search_finds() {
        let mut random = Random::new(3);
        let seen: Vec<Vec<(u32, u32)>> = (0..300)
            .map(|_| (1..9u32).filter(|_| random.below(2) > 0).map(|id| (id, id % 4 + 1)).collect())
            .enumerate()
            .map(|(at, mut one): (usize, Vec<(u32, u32)>)| {
                one.iter_mut().for_each(|pair| pair.1 += (at % 5) as u32);
                one
            })
            .collect();
        let counts = Counts::fit(10, seen, 1024, &mut random).unwrap();
        let mut dense = Vec::new();
        for at in 0..200u32 {
            let asked: Vec<(u32, u32)> =
                (1..10).filter(|id| (at >> (id % 7)) & 1 == 1).map(|id| (id, at % 11 + 1)).collect();
            let quick = counts.nearest(&asked, &mut dense).distance;
            let mut wide = vec![0.0; 16];
            counts.spread(&mut wide, &asked);
            let sum = counts.sum(&asked);
            let slow =
                counts.representatives.iter().map(|one| counts.distance(&wide, sum, one) + counts.rarity(one.sessions));
            let slow = slow.fold(f64::INFINITY, f64::min);
            assert!((quick - slow).abs() < 1e-6 || counts.exact(sum, &asked).is_some(), "{asked:?}: {quick} {slow}");
            assert!(dense.iter().all(|one| *one == 0.0));
        }
    }

    #[test]
    fn more_vectors_than_may_be_kept_leave_representatives_near_all() {
        let mut random = Random::new(5);
        let seen: Vec<Vec<(u32, u32)>> = (0..4000u32).map(|at| vec![(1 + at % 7, 1 + at / 7), (8, 1)]).collect();
        let counts = Counts::fit(9, seen.clone(), 64, &mut random).unwrap();
        assert_eq!(counts.representatives.len(), 64);
        let mut dense = Vec::new();
        let worst = seen.iter().map(|one| counts.nearest(one, &mut dense).distance).fold(0.0, f64::max);
        assert!(worst < 0.5, "{worst}");
    }

    #[test]
    fn an_id_that_no_session_has_weighs_most() {
        let counts = Counts::fit(4, vec![vec![(1, 1), (2, 1)], vec![(1, 1)]], 8, &mut Random::new(1)).unwrap();
        assert!(counts.weight(3) > counts.weight(2) && counts.weight(2) > counts.weight(1));
        assert_eq!(counts.weight(99), counts.weight(3));
        assert!(counts.knows(2) && !counts.knows(3) && !counts.knows(99));
    }

    #[test]
    fn learning_stays_within_the_limit_and_comes_back_as_it_was() {
        let mut counts = Counts::fit(4, vec![vec![(1, 1)]; 5], 16, &mut Random::new(1)).unwrap();
        (0..500u32).for_each(|at| counts.learn(&[(1 + at % 5, at / 5 + 1)], 8));
        assert_eq!((counts.representatives.len(), counts.sessions()), (16, 505));
        let mut tensors = Tensors::default();
        counts.keep(&mut tensors);
        assert_eq!(Counts::load(&tensors, 8, 16).unwrap(), counts);
        for (name, array) in [
            ("count.id", Array::U32(vec![99; 16])),
            ("count.times", Array::U32(vec![0; 16])),
            ("count.found", Array::U32(vec![9999; 8])),
            ("count.weight", Array::F64(vec![-1.0; 8])),
            ("count.sessions", Array::U32(vec![1])),
        ] {
            let mut torn = tensors.clone();
            torn.put(name, array);
            assert!(Counts::load(&torn, 8, 16).is_err(), "{name}");
        }
    }
}
