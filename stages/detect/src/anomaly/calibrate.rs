//! Scores of windows → p-values: each detector's windows ranked among all of its windows here.
//!
//! A score is a sum of −ln p of parts that depend on each other, so its own size proves nothing; its rank among the scores of
//! every window the detector has judged does. Beyond the last twentieth the tail is taken as exponential with the *median*
//! excess (which planted attacks cannot bend), and is trusted no more than [`BEYOND`] times past the rank.

use serde::{Deserialize, Serialize};

/// Bins of scores, a quarter of a nat each; the last holds all above.
const BINS: usize = 480;

const BINS_A_NAT: f64 = 4.0;

/// Fewer windows than this tell nothing: every p-value is 1.
pub(super) const WINDOWS_MIN: u64 = 30;

/// How far the tail is trusted beyond what was counted.
const BEYOND: f64 = 1000.0;

/// Share of windows that makes up the tail.
const TAIL: f64 = 0.05;

/// Scores of one detector's windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    bins: Vec<u32>,
    count: u64,
}

impl Scores {
    pub(super) fn add(&mut self, score: f64) {
        if self.bins.is_empty() {
            self.bins = vec![0; BINS];
        }
        self.count += 1;
        if let Some(slot) = self.bins.get_mut(bin(score)) {
            *slot = slot.saturating_add(1);
        }
    }

    /// Takes in the scores of other windows.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), 0);
        }
        for (slot, count) in self.bins.iter_mut().zip(&other.bins) {
            *slot = slot.saturating_add(*count);
        }
        self.count = self.count.saturating_add(other.count);
    }

    /// Whether it could have been written by [`Scores::add`].
    pub(super) fn is_sound(&self) -> bool {
        (self.bins.is_empty() && self.count == 0)
            || (self.bins.len() == BINS && self.bins.iter().map(|count| u64::from(*count)).sum::<u64>() <= self.count)
    }

    /// What turns scores into p-values.
    pub(super) fn tail(&self) -> Tail {
        let mut at_least: Vec<f64> = self.bins.iter().map(|count| f64::from(*count)).collect();
        let mut sum = 0.0;
        for slot in at_least.iter_mut().rev() {
            sum += *slot;
            *slot = sum;
        }
        let count = self.count as f64;
        // The tail begins where no more than a twentieth of windows is left.
        let start = at_least.iter().position(|left| *left <= TAIL * count).unwrap_or(BINS);
        let share = at_least.get(start).copied().unwrap_or(0.0);
        let half = at_least.iter().position(|left| *left <= share / 2.0).unwrap_or(start).max(start);
        let excess = (half - start) as f64 / BINS_A_NAT;
        Tail {
            enough: self.count >= WINDOWS_MIN,
            start: start as f64 / BINS_A_NAT,
            share: share.max(1.0) / (count + 1.0),
            // A sum of −ln p cannot fall faster than e^−x; a median says how much slower.
            scale: (excess / std::f64::consts::LN_2).clamp(1.0, 20.0),
            at_least,
            count,
        }
    }
}

fn bin(score: f64) -> usize {
    ((score.max(0.0) * BINS_A_NAT) as usize).min(BINS - 1)
}

/// Turns scores into p-values.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    enough: bool,
    start: f64,
    share: f64,
    scale: f64,
    at_least: Vec<f64>,
    count: f64,
}

impl Tail {
    /// Whether there were windows enough to know what is usual.
    pub(super) fn enough(&self) -> bool {
        self.enough
    }

    /// How often a window here has a score at least this high; 1 where there are too few windows to know.
    pub(super) fn p_value(&self, score: f64) -> f64 {
        if !self.enough || score <= 0.0 {
            return 1.0;
        }
        let alike = self.at_least.get(bin(score)).copied().unwrap_or(0.0).max(1.0);
        let rank = (alike / (self.count + 1.0)).min(1.0);
        if score <= self.start {
            return rank;
        }
        let beyond = self.share * (-(score - self.start) / self.scale).exp();
        // The more windows score as high, the less there is to guess.
        rank.min(beyond.max(rank / (BEYOND / (alike * alike)).max(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shieldwall_learn::Random;

    #[test]
    fn p_values_are_ranks_and_attacks_do_not_bend_the_tail() {
        let mut random = Random::new(3);
        let mut scores = Scores::default();
        for _ in 0..20_000 {
            scores.add(-random.unit().max(1e-12).ln() * 2.0);
        }
        let p = |score| scores.tail().p_value(score);
        assert!((p(2.0) / (-1f64).exp() - 1.0).abs() < 0.15, "{}", p(2.0));
        let clean = p(30.0);
        for _ in 0..4 {
            scores.add(60.0);
        }
        let tail = scores.tail();
        assert!(tail.p_value(60.0) < 0.1 * 4.0 / 20_000.0, "{}", tail.p_value(60.0));
        (0..200).for_each(|_| scores.add(70.0));
        assert!(
            (scores.tail().p_value(70.0) * 20_205.0 - 200.0).abs() < 1.0,
            "what is common is not rare, however high"
        );
        assert!(clean > 0.0 && clean < 1e-4);
        assert!(tail.p_value(1.0) > tail.p_value(5.0) && tail.p_value(5.0) > tail.p_value(50.0));
    }

    #[test]
    fn few_windows_claim_nothing() {
        let mut scores = Scores::default();
        (0..WINDOWS_MIN - 1).for_each(|_| scores.add(0.0));
        assert_eq!(scores.tail().p_value(100.0), 1.0);
        scores.add(0.0);
        assert!(scores.tail().p_value(100.0) < 0.01);
        assert_eq!(Scores::default().tail().p_value(9.0), 1.0);
    }
}
