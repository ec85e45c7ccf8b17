//! How much of what happens is known: Good–Turing (Good 1953). The chance that the next thing is one never seen before is
//! about the share of things seen exactly once; coverage is what is left.
//!
//! Counting needs each thing's count, which is unbounded; kept is a sample by hash (distinct sampling, Gibbons 2001): the
//! [`SAMPLE_MAX`] things of lowest hash. It is exact while there are no more things than that, does not depend on order,
//! and samples merge.

use std::collections::BTreeMap;

/// Different things whose counts are kept: the share seen once is then known to about ± 1.5 points. 64 kB.
pub const SAMPLE_MAX: usize = 4096;

/// Things seen, and how much of what comes is likely to be among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Hash → times seen, lowest hashes only.
    sample: BTreeMap<u64, u64>,
    total: u64,
    /// Hashes at or above this are not in the sample; 0 means no limit yet.
    limit: u64,
}

impl Coverage {
    /// Counts a thing by its hash, which must spread evenly.
    pub fn see(&mut self, hash: u64) {
        self.see_times(hash, 1);
    }

    /// Counts a thing seen several times.
    pub fn see_times(&mut self, hash: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.total = self.total.saturating_add(times);
        if self.limit != 0 && hash >= self.limit {
            return;
        }
        let count = self.sample.entry(hash).or_default();
        *count = count.saturating_add(times);
        self.shrink();
    }

    /// Takes in what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        for (hash, times) in &other.sample {
            let count = self.sample.entry(*hash).or_default();
            *count = count.saturating_add(*times);
        }
        self.limit = match (self.limit, other.limit) {
            (0, limit) | (limit, 0) => limit,
            (a, b) => a.min(b),
        };
        if self.limit != 0 {
            self.sample.split_off(&self.limit);
        }
        self.shrink();
    }

    /// The share of what comes that is already known, 0 to 1; 0 before anything was seen.
    pub fn known(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let once = self.sample.values().filter(|times| **times == 1).count() as f64;
        (1.0 - once * self.scale() / self.total as f64).clamp(0.0, 1.0)
    }

    /// How many different things there were, estimated once there are more than [`SAMPLE_MAX`].
    pub fn different(&self) -> f64 {
        self.sample.len() as f64 * self.scale()
    }

    /// How many things in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What one sampled thing stands for.
    fn scale(&self) -> f64 {
        if self.limit == 0 { 1.0 } else { 2f64.powi(64) / self.limit as f64 }
    }

    fn shrink(&mut self) {
        while self.sample.len() > SAMPLE_MAX {
            if let Some((hash, _)) = self.sample.pop_last() {
                self.limit = hash;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn what_was_seen_once_is_what_is_not_known() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.known(), 0.0);
        for hash in [1, 1, 1, 2, 3, 3, 4, 1, 1, 1] {
            coverage.see(hash);
        }
        assert!((coverage.known() - 0.8).abs() < 1e-12);
        assert_eq!((coverage.different(), coverage.total()), (4.0, 10));
    }

    #[test]
    fn the_sample_tells_the_truth_about_what_comes_next_and_merges() {
        // Zipf-like: thing k of 100,000 has weight 1/(k + 1).
        let mut random = Random::new(8);
        let mut draw = move || {
            let k = (100_000f64.powf(random.unit())) as u64;
            Random::new(k).bits()
        };
        let (mut whole, mut first, mut second) = (Coverage::default(), Coverage::default(), Coverage::default());
        let mut known = std::collections::BTreeSet::new();
        for at in 0..40_000 {
            let hash = draw();
            known.insert(hash);
            whole.see(hash);
            if at % 3 == 0 { first.see(hash) } else { second.see(hash) }
        }
        let truth = (0..40_000).filter(|_| known.contains(&draw())).count() as f64 / 40_000.0;
        assert!((whole.known() - truth).abs() < 0.02, "{} against {truth}", whole.known());
        assert!((whole.different() / known.len() as f64 - 1.0).abs() < 0.05);
        first.merge(&second);
        assert_eq!(first, whole);
    }
}
