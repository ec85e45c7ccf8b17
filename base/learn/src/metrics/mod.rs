//! Metrics: AUC, AP, recall at a false-alarm rate, Wilson intervals.
//!
//! Ties are treated honestly: AUC counts a tie as half, AP and recall take tied scores as one step, so a model that gives
//! every item one score gets 0.5 and no recall at a low false-alarm rate.

/// How good a score separates two classes, threshold by threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// For each distinct score, highest first: (score, positives at least that high, negatives at least that high).
    steps: Vec<(f64, u64, u64)>,
    positives: u64,
    negatives: u64,
}

impl Ranking {
    /// From scores (higher is more positive) and labels, in any order. `NaN` counts as lower than everything.
    /// O(n log n).
    pub fn new(scores: &[f64], labels: &[bool]) -> Self {
        let mut pairs: Vec<(f64, bool)> = scores
            .iter()
            .zip(labels)
            .map(|(score, label)| (if score.is_nan() { f64::NEG_INFINITY } else { *score }, *label))
            .collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut steps: Vec<(f64, u64, u64)> = Vec::new();
        let (mut positives, mut negatives) = (0, 0);
        for (score, label) in pairs {
            positives += u64::from(label);
            negatives += u64::from(!label);
            match steps.last_mut().filter(|last| last.0 == score) {
                Some(last) => (last.1, last.2) = (positives, negatives),
                None => steps.push((score, positives, negatives)),
            }
        }
        Self { steps, positives, negatives }
    }

    /// How many positives.
    pub fn positives(&self) -> u64 {
        self.positives
    }

    /// How many negatives.
    pub fn negatives(&self) -> u64 {
        self.negatives
    }

    /// Area under the ROC curve; 0.5 where a class is empty.
    pub fn auc(&self) -> f64 {
        if self.positives == 0 || self.negatives == 0 {
            return 0.5;
        }
        let (mut area, mut before) = (0.0, (0.0, 0.0));
        for (_, positives, negatives) in &self.steps {
            let now = (*positives as f64, *negatives as f64);
            area += (now.1 - before.1) * (now.0 + before.0) / 2.0;
            before = now;
        }
        area / (self.positives as f64 * self.negatives as f64)
    }

    /// Average precision: the sum of precision times the step in recall; 0 where there are no positives.
    pub fn average_precision(&self) -> f64 {
        if self.positives == 0 {
            return 0.0;
        }
        let (mut sum, mut before) = (0.0, 0.0);
        for (_, positives, negatives) in &self.steps {
            let (positives, negatives) = (*positives as f64, *negatives as f64);
            sum += (positives - before) * positives / (positives + negatives);
            before = positives;
        }
        sum / self.positives as f64
    }

    /// The best recall at a false-alarm rate of at most `rate`: recall, the rate reached, the threshold (flag at or above).
    pub fn recall_at(&self, rate: f64) -> (f64, f64, f64) {
        let most = rate * self.negatives as f64;
        let best = self.steps.iter().take_while(|(_, _, negatives)| *negatives as f64 <= most).last();
        match best {
            Some((score, positives, negatives)) => {
                (ratio(*positives, self.positives), ratio(*negatives, self.negatives), *score)
            }
            None => (0.0, 0.0, f64::INFINITY),
        }
    }

    /// Recall and false-alarm rate when everything at or above `threshold` is flagged: as counts.
    pub fn flagged(&self, threshold: f64) -> (u64, u64) {
        let at = self.steps.partition_point(|(score, _, _)| *score >= threshold);
        at.checked_sub(1)
            .and_then(|at| self.steps.get(at))
            .map_or((0, 0), |(_, positives, negatives)| (*positives, *negatives))
    }
}

/// A share of a whole; 0 of nothing is 0.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// 95 % Wilson score interval of a proportion (Wilson 1927); (0, 1) where nothing was counted.
pub fn wilson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054;
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    (((centre - spread) / whole).max(0.0), ((centre + spread) / whole).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_rankings_have_known_figures() {
        let ranking = Ranking::new(&[0.9, 0.8, 0.7, 0.6], &[true, false, true, false]);
        assert!((ranking.auc() - 0.75).abs() < 1e-12);
        assert!((ranking.average_precision() - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
        assert_eq!(ranking.recall_at(0.0), (0.5, 0.0, 0.9));
        assert_eq!(ranking.recall_at(0.5), (1.0, 0.5, 0.7));
        assert_eq!(ranking.flagged(0.75), (1, 1));
        assert_eq!(ranking.flagged(2.0), (0, 0));
    }

    #[test]
    fn one_score_for_all_is_chance_and_finds_nothing_quietly() {
        let ranking = Ranking::new(&[1.0; 10], &[true, false, true, false, true, false, true, false, true, false]);
        assert_eq!(ranking.auc(), 0.5);
        assert_eq!(ranking.recall_at(0.01).0, 0.0);
        assert_eq!(Ranking::new(&[f64::NAN, 1.0], &[true, false]).auc(), 0.0);
        assert_eq!(Ranking::new(&[], &[]).auc(), 0.5);
    }

    #[test]
    fn wilson_intervals_are_as_in_the_books() {
        let (low, high) = wilson(0, 10);
        assert!(low == 0.0 && (high - 0.2775).abs() < 1e-3);
        let (low, high) = wilson(81, 263);
        assert!((low - 0.2553).abs() < 1e-3 && (high - 0.3662).abs() < 1e-3);
    }
}
