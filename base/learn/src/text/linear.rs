//! Logistic regression over hashed n-grams: AdaGrad (Duchi, Hazan and Singer 2011) with L2, one text at a time, in seeded
//! order. A piece's n-grams share its weight: each counts 1/√(number of n-grams), so that long pieces do not shout.
//!
//! Weights are kept as 16-bit integers times one scale. Training is plain sequential arithmetic: the same bytes every time.

use super::grams::Grams;
use crate::random::Random;

/// Steps of learning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// Passes over the data.
    pub epochs: u32,
    /// Step size.
    pub rate: f64,
    /// L2 penalty, per touch of a weight.
    pub l2: f64,
}

/// One text to learn from: its pieces and its label.
pub struct Example<'a> {
    /// Bytes of each piece; the first is the whole.
    pub pieces: Vec<&'a [u8]>,
    /// Hostile.
    pub label: bool,
    /// How much it counts.
    pub weight: f64,
}

/// The fitted weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Lengths and size.
    pub grams: Grams,
    /// Added to every sum.
    pub bias: f64,
    /// What one unit of a weight is worth.
    pub scale: f64,
    /// The weights, one for each bucket.
    pub weights: Vec<i16>,
}

impl Linear {
    /// Fits weights; a text with several pieces teaches through the piece that looks most hostile at the time, after a
    /// first pass over wholes.
    pub fn fit(
        grams: Grams,
        classes: &[u8; 256],
        examples: &[Example<'_>],
        training: Training,
        random: &mut Random,
    ) -> Self {
        let mut state = Learning::new(grams, training);
        let mut order: Vec<u32> = (0..examples.len() as u32).collect();
        for epoch in 0..training.epochs {
            random.shuffle(&mut order);
            for at in &order {
                if let Some(example) = examples.get(*at as usize) {
                    state.step(example, classes, epoch > 0);
                }
            }
        }
        state.quantised()
    }

    /// The piece's sum: what its n-grams say, in log-odds.
    pub fn score(&self, piece: &[u8], classes: &[u8; 256]) -> f64 {
        let mut sum = 0i64;
        self.grams.each(piece, classes, |_, _, bucket| {
            sum += i64::from(self.weights.get(bucket as usize).copied().unwrap_or(0));
        });
        self.bias + sum as f64 * self.scale / norm(self.grams.count(piece.len()))
    }

    /// Each byte's share of `score − bias`: an n-gram's weight is spread evenly over its bytes.
    pub fn shares(&self, piece: &[u8], classes: &[u8; 256]) -> Vec<f64> {
        let mut shares = vec![0.0; piece.len()];
        let unit = self.scale / norm(self.grams.count(piece.len()));
        self.grams.each(piece, classes, |start, length, bucket| {
            let weight = f64::from(self.weights.get(bucket as usize).copied().unwrap_or(0));
            let share = weight * unit / length as f64;
            shares.iter_mut().skip(start).take(length).for_each(|byte| *byte += share);
        });
        shares
    }
}

fn norm(count: usize) -> f64 {
    (count.max(1) as f64).sqrt()
}

/// Weights while they are learned.
struct Learning {
    grams: Grams,
    training: Training,
    bias: f64,
    bias_squares: f64,
    weights: Vec<f32>,
    squares: Vec<f32>,
    buckets: Vec<u32>,
}

impl Learning {
    fn new(grams: Grams, training: Training) -> Self {
        Self {
            grams,
            training,
            bias: 0.0,
            bias_squares: 1e-8,
            weights: vec![0.0; grams.buckets()],
            squares: vec![1e-8; grams.buckets()],
            buckets: Vec::new(),
        }
    }

    fn score(&self, piece: &[u8], classes: &[u8; 256]) -> f64 {
        let mut sum = 0.0f64;
        self.grams.each(piece, classes, |_, _, bucket| {
            sum += f64::from(self.weights.get(bucket as usize).copied().unwrap_or(0.0));
        });
        self.bias + sum / norm(self.grams.count(piece.len()))
    }

    fn step(&mut self, example: &Example<'_>, classes: &[u8; 256], choose: bool) {
        let Some(first) = example.pieces.first().copied() else { return };
        let piece = if choose && example.pieces.len() > 1 {
            let best = example.pieces.iter().map(|piece| (self.score(piece, classes), *piece));
            best.fold((f64::NEG_INFINITY, first), |best, one| if one.0 > best.0 { one } else { best }).1
        } else {
            first
        };
        let mut buckets = std::mem::take(&mut self.buckets);
        buckets.clear();
        self.grams.each(piece, classes, |_, _, bucket| buckets.push(bucket));
        let value = 1.0 / norm(buckets.len());
        let sum: f64 =
            buckets.iter().map(|bucket| f64::from(self.weights.get(*bucket as usize).copied().unwrap_or(0.0))).sum();
        let probability = 1.0 / (1.0 + (-(self.bias + sum * value)).exp());
        let slope = (probability - f64::from(u8::from(example.label))) * example.weight;
        self.bias_squares += slope * slope;
        self.bias -= self.training.rate * slope / self.bias_squares.sqrt();
        let (rate, l2, slope) = (self.training.rate as f32, self.training.l2 as f32, (slope * value) as f32);
        for bucket in &buckets {
            let at = *bucket as usize;
            if let (Some(weight), Some(squares)) = (self.weights.get_mut(at), self.squares.get_mut(at)) {
                let slope = slope + l2 * *weight;
                *squares += slope * slope;
                *weight -= rate * slope / squares.sqrt();
            }
        }
        self.buckets = buckets;
    }

    fn quantised(self) -> Linear {
        let largest = self.weights.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
        let scale = if largest > 0.0 { f64::from(largest) / f64::from(i16::MAX) } else { 1.0 };
        let weights = self.weights.iter().map(|weight| (f64::from(*weight) / scale).round() as i16).collect();
        Linear { grams: self.grams, bias: self.bias, scale, weights }
    }
}
