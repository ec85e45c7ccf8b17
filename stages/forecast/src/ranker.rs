//! Five rankers, each made comparable on the case at hand, and summed with weights.

use serde::{Deserialize, Serialize};

use crate::bayes::{self, Bayes};
use crate::matrix::Matrix;
use crate::neighbours::{self, Neighbours};
use crate::reports::Reports;
use crate::techniques::Techniques;
use crate::{ease, rp3, tactics};

/// How much an observed sub-technique says as its parent: the report may have named only that.
const PARENT: f64 = 0.3;

/// Observed techniques that are used; an incident with more is known well enough.
pub const OBSERVED_MAX: usize = 64;

/// How much each ranker counts, in standard deviations of its scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// [`rp3`].
    pub rp3: f64,
    /// [`ease`].
    pub ease: f64,
    /// [`neighbours`].
    pub neighbours: f64,
    /// [`bayes`].
    pub bayes: f64,
    /// [`tactics`].
    pub tactics: f64,
}

impl Default for Settings {
    /// Chosen on the validation reports (`cargo xtask train forecast` says what each choice gives).
    fn default() -> Self {
        Self { rp3: 1.0, ease: 0.5, neighbours: 2.0, bayes: 0.5, tactics: 0.15 }
    }
}

impl Settings {
    /// Everything nothing.
    pub const NONE: Self = Self { rp3: 0.0, ease: 0.0, neighbours: 0.0, bayes: 0.0, tactics: 0.0 };
}

/// The rankers, fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranker {
    settings: Settings,
    rp3: Matrix,
    ease: Matrix,
    bayes: Bayes,
    tactics: Matrix,
    neighbours: Neighbours,
    /// In how many sets each technique stands, by weight.
    popularity: Vec<f64>,
}

/// Working space of a case; its contents are the last case's.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    observed: Vec<(u16, f64)>,
    one: Vec<f64>,
    /// The sum, by technique; −∞ for what was observed.
    pub scores: Vec<f64>,
    /// Reports alike.
    pub neighbours: neighbours::Scratch,
}

impl Ranker {
    /// Fits all rankers; half a second for 700 techniques. `ease`: its matrix, where it was kept.
    pub fn fit(table: &Techniques, reports: &Reports, settings: Settings, ease: Option<Matrix>) -> Self {
        let size = table.len();
        let mut popularity = vec![0.0; size];
        for (set, weight) in reports.weighted() {
            for one in set {
                if let Some(sum) = popularity.get_mut(usize::from(*one)) {
                    *sum += weight;
                }
            }
        }
        Self {
            settings,
            rp3: rp3::fit(size, reports),
            ease: ease.unwrap_or_else(|| ease::fit(size, reports)),
            bayes: bayes::fit(size, reports),
            tactics: if settings.tactics == 0.0 { Matrix::default() } else { tactics::fit(table, reports) },
            neighbours: Neighbours::fit(size, reports),
            popularity,
        }
    }

    /// The slow part, to be kept.
    pub fn ease(&self) -> &Matrix {
        &self.ease
    }

    /// How much each ranker counts.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Changes how much each ranker counts; to choose by.
    #[must_use]
    pub fn with(self, table: &Techniques, reports: &Reports, settings: Settings) -> Self {
        let tactics = if settings.tactics == 0.0 { Matrix::default() } else { tactics::fit(table, reports) };
        Self { settings, tactics, ..self }
    }

    /// In how many sets each technique stands, by weight.
    pub fn popularity(&self) -> &[f64] {
        &self.popularity
    }

    /// How much an observed technique speaks for a candidate, in the rankers that are sums.
    pub fn link(&self, from: u16, to: u16) -> f64 {
        let cell = |matrix: &Matrix| matrix.row(from).get(usize::from(to)).map_or(0.0, |value| f64::from(*value));
        self.settings.bayes * cell(&self.bayes.links)
    }

    /// Scores every technique for a case, into `scratch.scores`. Observed ones get −∞.
    pub fn score(&self, table: &Techniques, reports: &Reports, observed: &[u16], scratch: &mut Scratch) {
        let Scratch { observed: smoothed, one, scores, neighbours } = scratch;
        smoothed.clear();
        for seen in observed.iter().take(OBSERVED_MAX) {
            smoothed.push((*seen, 1.0));
        }
        for seen in observed.iter().take(OBSERVED_MAX) {
            if let Some(parent) = table.parent(*seen)
                && smoothed.iter().all(|(have, _)| *have != parent)
            {
                smoothed.push((parent, PARENT));
            }
        }
        smoothed.sort_unstable_by_key(|(technique, _)| *technique);
        scores.clear();
        scores.resize(table.len(), 0.0);
        let linear = [
            (&self.rp3, self.settings.rp3, None),
            (&self.ease, self.settings.ease, None),
            (&self.bayes.links, self.settings.bayes, Some(&self.bayes.prior)),
            (&self.tactics, self.settings.tactics, None),
        ];
        for (matrix, weight, prior) in linear {
            if weight == 0.0 {
                continue;
            }
            one.clear();
            match prior {
                Some(prior) => one.extend_from_slice(prior),
                None => one.resize(table.len(), 0.0),
            }
            for (seen, times) in smoothed.iter() {
                matrix.add_row(*seen, *times, one);
            }
            add_standardised(one, observed, weight, scores);
        }
        one.clear();
        one.resize(table.len(), 0.0);
        self.neighbours.add(reports, smoothed, neighbours, one);
        if self.settings.neighbours != 0.0 {
            add_standardised(one, observed, self.settings.neighbours, scores);
        }
        for seen in observed {
            if let Some(score) = scores.get_mut(usize::from(*seen)) {
                *score = f64::NEG_INFINITY;
            }
        }
    }
}

/// Adds scores in standard deviations from their mean, both over what was not observed.
fn add_standardised(scores: &[f64], observed: &[u16], weight: f64, sum: &mut [f64]) {
    let own = |seen: &u16| scores.get(usize::from(*seen)).copied().unwrap_or(0.0);
    let count = (scores.len().saturating_sub(observed.len())).max(1) as f64;
    let mean = (scores.iter().sum::<f64>() - observed.iter().map(own).sum::<f64>()) / count;
    let square = |score: f64| (score - mean) * (score - mean);
    let all: f64 = scores.iter().map(|score| square(*score)).sum();
    let seen: f64 = observed.iter().map(|seen| square(own(seen))).sum();
    let deviation = ((all - seen).max(0.0) / count).sqrt();
    if deviation > 1e-12 {
        sum.iter_mut().zip(scores).for_each(|(sum, score)| *sum += weight * (score - mean) / deviation);
    }
}
