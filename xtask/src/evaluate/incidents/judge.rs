//! How good a partition of matches into incidents is, by pairs.

use std::collections::{BTreeMap, BTreeSet};

/// What a match truly belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// A simulation.
    Set(usize),
    /// A benign finding: a rule in a source. Its matches may be together or not; nothing else may be with them.
    Benign(String),
}

/// Counts of pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Pairs of one simulation that are in one incident.
    pub right: u64,
    /// Pairs in one incident that should not be.
    pub wrong: u64,
    /// Pairs of one simulation.
    pub all: u64,
    /// Groups with matches of two simulations.
    pub spans: u64,
    /// Groups with matches of a simulation and benign ones.
    pub mixed: u64,
    /// The mean over simulations of the share of its pairs that are in one incident.
    pub mean_recall: f64,
}

impl Score {
    pub fn precision(&self) -> f64 {
        if self.right + self.wrong == 0 { 1.0 } else { self.right as f64 / (self.right + self.wrong) as f64 }
    }

    pub fn recall(&self) -> f64 {
        if self.all == 0 { 1.0 } else { self.right as f64 / self.all as f64 }
    }

    pub fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
    }
}

fn pairs(count: u64) -> u64 {
    count * count.saturating_sub(1) / 2
}

/// Judges: for each match its truth and the group it was put into.
pub fn score<'a>(matches: impl Iterator<Item = (&'a Truth, &'a str)>) -> Score {
    let mut cells: BTreeMap<&str, BTreeMap<&Truth, u64>> = BTreeMap::new();
    let mut sets: BTreeMap<usize, u64> = BTreeMap::new();
    for (truth, group) in matches {
        *cells.entry(group).or_default().entry(truth).or_default() += 1;
        if let Truth::Set(set) = truth {
            *sets.entry(*set).or_default() += 1;
        }
    }
    let mut score = Score { all: sets.values().map(|count| pairs(*count)).sum(), ..Score::default() };
    let mut right_of: BTreeMap<usize, u64> = BTreeMap::new();
    for group in cells.values() {
        let whole: u64 = group.values().sum();
        let within: u64 = group.values().map(|count| pairs(*count)).sum();
        score.wrong += pairs(whole) - within;
        let mut in_group = BTreeSet::new();
        for (truth, count) in group {
            if let Truth::Set(set) = truth {
                score.right += pairs(*count);
                *right_of.entry(*set).or_default() += pairs(*count);
                in_group.insert(*set);
            }
        }
        score.spans += u64::from(in_group.len() > 1);
        score.mixed += u64::from(!in_group.is_empty() && in_group.len() < group.len());
    }
    let recalls = sets.iter().filter(|(_, count)| **count > 1);
    let recalls: Vec<f64> =
        recalls.map(|(set, count)| *right_of.get(set).unwrap_or(&0) as f64 / pairs(*count) as f64).collect();
    score.mean_recall = recalls.iter().sum::<f64>() / recalls.len().max(1) as f64;
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_as_by_hand() {
        let benign = Truth::Benign("b".into());
        let truths = [Truth::Set(0), Truth::Set(0), Truth::Set(0), Truth::Set(1), benign.clone(), benign];
        // {0 0} {0 1 b} {b}: of three true pairs one is found; three wrong pairs.
        let groups = ["x", "x", "y", "y", "y", "z"];
        let found = score(truths.iter().zip(groups));
        assert_eq!((found.right, found.wrong, found.all, found.spans, found.mixed), (1, 3, 3, 1, 1));
        assert!((found.f1() - 2.0 * (0.25 / 3.0) / (0.25 + 1.0 / 3.0)).abs() < 1e-9, "{}", found.f1());
        let perfect = score(truths.iter().zip(["x", "x", "x", "y", "z", "z"]));
        assert!((perfect.f1() - 1.0).abs() < 1e-9 && perfect.spans == 0);
    }
}
