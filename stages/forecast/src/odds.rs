//! Scores → the share of reports with these techniques that also have that one.
//!
//! A logistic curve over four things that are known before the answer: the score, how common the technique is, how many
//! techniques were observed, and the score again for few or many observations. It is fitted to cases made of reports that
//! the rankers had not seen: some techniques of a report are shown, and what is asked is whether the report has each of the
//! candidates. The chance that none of the top [`TOP`] comes is a second curve, over the sum of their ln(1 − p).

use serde::{Deserialize, Serialize};

/// Candidates of a case that odds are told of and fitted on.
pub const TOP: usize = 20;

/// Inputs of the curve, the constant among them.
pub const INPUTS: usize = 6;

/// The curves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Odds {
    /// Weights of [`inputs`].
    pub weights: [f64; INPUTS],
    /// Weights of the second curve: constant, Σ ln(1 − p), ln observed.
    pub none: [f64; 3],
}

impl Default for Odds {
    fn default() -> Self {
        Self { weights: [-3.0, 0.5, 0.2, 0.0, 0.0, 0.0], none: [0.0, 1.0, 0.0] }
    }
}

/// What odds depend on: `score` of the ranker, `share` of all reports that have the technique, how many were observed.
pub fn inputs(score: f64, share: f64, observed: usize) -> [f64; INPUTS] {
    let prior = (share.clamp(1e-4, 0.5) / (1.0 - share.clamp(1e-4, 0.5))).ln();
    let many = (observed.max(1) as f64).ln();
    // Beyond this the score says no more: nobody reported such a case.
    let score = score.clamp(-5.0, 40.0);
    [1.0, score, prior, many, score * many / 10.0, score * score / 100.0]
}

impl Odds {
    /// The probability of a candidate.
    pub fn probability(&self, inputs: &[f64; INPUTS]) -> f64 {
        logistic(dot(&self.weights, inputs))
    }

    /// The probability that none of the listed candidates comes.
    pub fn none(&self, listed: impl Iterator<Item = f64>, observed: usize) -> f64 {
        logistic(dot(&self.none, &none_inputs(listed, observed)))
    }

    /// Fits the first curve: `cases` holds inputs and whether the report had it.
    pub fn fit(&mut self, cases: &[([f64; INPUTS], bool)]) {
        self.weights = fit(cases);
    }

    /// Fits the second curve: the listed probabilities' [`none_inputs`] and whether none came.
    pub fn fit_none(&mut self, cases: &[([f64; 3], bool)]) {
        self.none = fit(cases);
    }

    /// Whether all weights are finite.
    pub fn is_finite(&self) -> bool {
        self.weights.iter().chain(&self.none).all(|weight| weight.is_finite())
    }
}

/// What the chance of none depends on.
pub fn none_inputs(listed: impl Iterator<Item = f64>, observed: usize) -> [f64; 3] {
    let sum: f64 = listed.map(|p| (-p.min(1.0 - 1e-9)).ln_1p()).sum();
    [1.0, sum, (observed.max(1) as f64).ln()]
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Logistic regression by Newton's method with a small ridge; deterministic.
fn fit<const N: usize>(cases: &[([f64; N], bool)]) -> [f64; N] {
    const ROUNDS: usize = 30;
    const RIDGE: f64 = 1e-3;
    let mut weights = [0.0; N];
    for _ in 0..ROUNDS {
        let mut gradient = [0.0; N];
        let mut hessian = vec![0.0; N * N];
        for (inputs, came) in cases {
            let p = logistic(dot(&weights, inputs));
            let (miss, curve) = (f64::from(u8::from(*came)) - p, p * (1.0 - p));
            for ((slot, row), input) in gradient.iter_mut().zip(hessian.chunks_exact_mut(N)).zip(inputs) {
                *slot += miss * input;
                row.iter_mut().zip(inputs).for_each(|(cell, other)| *cell += curve * input * other);
            }
        }
        for ((slot, row), (at, weight)) in
            gradient.iter_mut().zip(hessian.chunks_exact_mut(N)).zip(weights.iter().enumerate())
        {
            *slot -= RIDGE * weight;
            if let Some(cell) = row.get_mut(at) {
                *cell += RIDGE;
            }
        }
        let Some(inverse) = crate::matrix::inverse(N, hessian) else { return weights };
        let mut moved = 0.0f64;
        for (weight, row) in weights.iter_mut().zip(inverse.chunks_exact(N)) {
            let step: f64 = row.iter().zip(&gradient).map(|(a, b)| a * b).sum();
            *weight += step.clamp(-5.0, 5.0);
            moved = moved.max(step.abs());
        }
        if moved < 1e-9 {
            break;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use shieldwall_learn::Random;

    #[test]
    fn odds_fitted_are_odds_kept() {
        let mut random = Random::new(5);
        let truth = [-2.0, 0.6, 0.3, 0.2, 0.5, -0.5];
        let draw = |random: &mut Random| {
            let inputs = inputs(random.unit() * 8.0, random.unit() * 0.4, 1 + random.below(12));
            let came = random.unit() < logistic(dot(&truth, &inputs));
            (inputs, came)
        };
        let cases: Vec<_> = (0..20_000).map(|_| draw(&mut random)).collect();
        let mut odds = Odds::default();
        odds.fit(&cases);
        let (mut said, mut came) = (0.0, 0.0);
        for _ in 0..20_000 {
            let (inputs, hit) = draw(&mut random);
            said += odds.probability(&inputs);
            came += f64::from(u8::from(hit));
        }
        assert!((said - came).abs() / 20_000.0 < 0.01, "{said} said, {came} came");
        odds.fit(&[]);
        assert!(odds.is_finite());
        odds.fit(&cases[..1]);
        assert!(odds.is_finite());
    }
}
