//! Gradient boosting for two classes: a sum of trees that is the logarithm of the odds of being hostile.
//!
//! Each round computes every row's gradient and curvature of the logistic loss, grows one tree to them and adds a share of it
//! (the rate). Everything is deterministic in data, settings and seed; no order of rows or threads enters a sum that decides.
//!
//! Cost on NSL-KDD-20 % (25,192 rows, 41 features, 300 trees of 31 leaves): see `benches/forest.rs`.

use serde::{Deserialize, Serialize};

use crate::frame::{Frame, Schema};
use crate::model::{Explanation, FitError, Model};
use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

use super::bins::Bins;
use super::grow::{Grower, Limits};
use super::store;
use super::trees::{DEPTH_MAX, LEAVES_MAX, TREES_MAX, Table, Trees};

/// Rows that a fit takes: row numbers have 32 bits, and this many keep gradients exact.
pub const ROWS_MAX: usize = 1 << 30;

/// Fewer rows than this teach nothing.
pub const ROWS_MIN: usize = 4;

/// Log-odds beyond this change no probability that a double can tell from 0 or 1.
const ODDS_MAX: f64 = 40.0;

/// Choices of boosting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoostedSettings {
    /// Trees at most, up to [`TREES_MAX`].
    pub trees: usize,
    /// Leaves of a tree at most.
    pub leaves: usize,
    /// Splits on the way to a leaf at most.
    pub depth: usize,
    /// Share of each tree's value that is added.
    pub rate: f64,
    /// L2 regularisation of leaf values.
    pub l2: f64,
    /// Least curvature (rows × p(1−p)) of a child.
    pub child_weight_min: f64,
    /// Least rows of a child, as estimated from its share of the leaf's curvature; at most a fiftieth of the table.
    pub child_rows_min: usize,
    /// Bins of a feature, the missing included; 2 to 255.
    pub bins: usize,
    /// Share of features that each tree may use.
    pub columns: f64,
    /// Share of rows that each tree sees.
    pub rows: f64,
    /// Weight of hostile rows beside ordinary ones; `None`: both classes weigh the same in all.
    pub positive_weight: Option<f64>,
    /// Per feature, in the schema's order: 1 the score never falls with it, −1 never rises, 0 free. Shorter: the rest is free.
    pub monotone: Vec<i8>,
    /// Codes that a categorical split may single out.
    pub categories_max: usize,
    /// Extra L2 for categorical splits.
    pub category_l2: f64,
    /// Curvature added to a category when categories are sorted.
    pub category_smoothing: f64,
    /// Rows of a category below which it is not singled out.
    pub category_rows_min: usize,
    /// Stops where held-out rows no longer gain.
    pub early_stopping: Option<EarlyStopping>,
}

/// When to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Share of rows that are held out.
    pub held_out: f64,
    /// Rounds without gain.
    pub rounds: usize,
}

impl Default for BoostedSettings {
    fn default() -> Self {
        Self {
            trees: 300,
            leaves: 31,
            depth: DEPTH_MAX,
            rate: 0.05,
            l2: 0.0,
            child_weight_min: 1e-3,
            child_rows_min: 20,
            bins: 255,
            columns: 1.0,
            rows: 1.0,
            positive_weight: Some(1.0),
            monotone: Vec::new(),
            categories_max: 32,
            category_l2: 10.0,
            category_smoothing: 10.0,
            category_rows_min: 10,
            early_stopping: None,
        }
    }
}

impl BoostedSettings {
    fn check(&self, features: usize) -> Result<(), FitError> {
        let limit = |what, have, max| if have > max { Err(FitError::TooMany { what, have, max }) } else { Ok(()) };
        limit("trees", self.trees, TREES_MAX)?;
        limit("leaves", self.leaves, LEAVES_MAX)?;
        limit("bins", self.bins, 255)?;
        limit("constraints", self.monotone.len(), features)?;
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let held_out = self.early_stopping.as_ref().map_or(0.5, |stop| stop.held_out);
        let rules = [
            ("`rate` must be above 0 and at most 1", share(self.rate)),
            ("`columns` must be above 0 and at most 1", share(self.columns)),
            ("`rows` must be above 0 and at most 1", share(self.rows)),
            ("`held_out` must be above 0 and at most 0.9", held_out > 0.0 && held_out <= 0.9),
            ("`l2` must be 0 or more", self.l2 >= 0.0 && self.l2.is_finite()),
            ("`child_weight_min` must be 0 or more", self.child_weight_min >= 0.0),
            ("`category_l2` must be 0 or more", self.category_l2 >= 0.0),
            ("`category_smoothing` must be 0 or more", self.category_smoothing >= 0.0),
            ("`leaves` must be at least 2", self.leaves >= 2),
            ("`bins` must be at least 2", self.bins >= 2),
            (
                "`positive_weight` must be above 0",
                self.positive_weight.is_none_or(|weight| weight > 0.0 && weight < 1e6),
            ),
            ("`monotone` holds only 1, 0 and -1", self.monotone.iter().all(|way| (-1..=1).contains(way))),
        ];
        match rules.iter().find(|(_, holds)| !holds) {
            Some((rule, _)) => Err(FitError::Other((*rule).to_owned())),
            None => Ok(()),
        }
    }

    fn limits(&self, rows: usize) -> Limits {
        Limits {
            leaves: self.leaves,
            depth: self.depth,
            l2: self.l2,
            child_weight_min: self.child_weight_min,
            child_rows_min: self.child_rows_min.min(rows / 50),
            category_l2: self.category_l2,
            category_smoothing: self.category_smoothing,
            categories_max: self.categories_max,
            category_rows_min: self.category_rows_min,
            rate: self.rate,
            columns: self.columns,
            directions: self.monotone.clone(),
        }
    }
}

/// A boosted forest; its score is the logarithm of the odds.
#[derive(Clone, Debug, PartialEq)]
pub struct Boosted {
    schema: Schema,
    settings: BoostedSettings,
    trees: Trees,
}

impl Boosted {
    /// What a row must look like.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How it was fitted; `monotone` is what is certain of its scores.
    pub fn settings(&self) -> &BoostedSettings {
        &self.settings
    }

    /// Its trees.
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The scores of all rows: the same bits as [`Model::score`] row by row.
    pub fn score_rows(&self, frame: &Frame) -> Vec<f64> {
        self.trees.score_rows(frame)
    }
}

impl Model for Boosted {
    type Item<'a> = &'a [f64];
    type Data<'a> = Table<'a>;
    type Settings = BoostedSettings;
    const FAMILY: &'static str = "forest";

    fn fit(data: Table<'_>, settings: &BoostedSettings, random: &mut Random) -> Result<Self, FitError> {
        let labels = check(&data)?;
        let schema = data.frame.schema().clone();
        settings.check(schema.len())?;
        let bins = Bins::new(data.frame, settings.bins, settings.leaves);
        let mut fit = Fit::new(labels, settings, random);
        let mut trees = Trees { base: fit.base, features: schema.len(), ..Trees::default() };
        let mut grower = Grower::new(&bins, settings.limits(data.frame.rows()));
        for round in 0..settings.trees {
            if !fit.round(&mut grower, round, &mut trees, random) {
                break;
            }
        }
        Ok(Self { schema, settings: settings.clone(), trees })
    }

    fn score(&self, row: &[f64]) -> f64 {
        self.trees.score(row)
    }

    fn explain(&self, row: &[f64]) -> Explanation {
        self.trees.explain(row)
    }

    fn to_tensors(&self) -> Tensors {
        let mut tensors = store::to_tensors(&self.trees, &self.schema, "boosting");
        tensors.put_json("settings", &self.settings);
        tensors
    }

    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let (trees, schema) = store::from_tensors(tensors, "boosting", &["settings"])?;
        let settings: BoostedSettings = tensors.json("settings")?;
        settings.check(schema.len()).map_err(|error| LoadError::new("word `settings`", error.to_string()))?;
        Ok(Self { schema, settings, trees })
    }
}

/// The labels, if boosting can learn from the table.
fn check<'a>(data: &Table<'a>) -> Result<&'a [bool], FitError> {
    let rows = data.frame.rows();
    let labels = data.labels.ok_or_else(|| FitError::Other("boosting needs labels".into()))?;
    if labels.len() != rows {
        return Err(FitError::Labels { labels: labels.len(), rows });
    }
    if rows < ROWS_MIN {
        return Err(FitError::TooFew { have: rows, need: ROWS_MIN });
    }
    if rows > ROWS_MAX {
        return Err(FitError::TooMany { what: "rows", have: rows, max: ROWS_MAX });
    }
    if data.frame.schema().is_empty() {
        return Err(FitError::Other("no columns to learn from".into()));
    }
    match labels.iter().filter(|label| **label).count() {
        0 => Err(FitError::OneClass { rows, class: 0 }),
        all if all == rows => Err(FitError::OneClass { rows, class: 1 }),
        _ => Ok(labels),
    }
}

/// The state of a fit.
struct Fit<'a> {
    labels: &'a [bool],
    settings: &'a BoostedSettings,
    weights: [f64; 2],
    base: f64,
    learned: Vec<u32>,
    held_out: Vec<u32>,
    scores: Vec<f64>,
    gradients: Vec<[f64; 2]>,
    /// Trees at the least loss on held-out rows, and that loss.
    best: (usize, f64),
}

impl<'a> Fit<'a> {
    fn new(labels: &'a [bool], settings: &'a BoostedSettings, random: &mut Random) -> Self {
        let rows = labels.len();
        let positives = labels.iter().filter(|label| **label).count() as f64;
        let negatives = rows as f64 - positives;
        let weights = [1.0, settings.positive_weight.unwrap_or(negatives / positives)];
        // Rounded far above the last bit, in which maths libraries differ.
        let base = f64::from((positives * weights[1] / negatives).ln() as f32);
        let (mut learned, mut held_out): (Vec<u32>, Vec<u32>) = ((0..rows as u32).collect(), Vec::new());
        if let Some(stop) = &settings.early_stopping {
            let count = ((rows as f64 * stop.held_out) as usize).max(1);
            let picked = random.sample(rows, count);
            held_out = picked.iter().map(|row| *row as u32).collect();
            learned.retain(|row| held_out.binary_search(row).is_err());
        }
        let (scores, gradients) = (vec![base; rows], vec![[0.0; 2]; rows]);
        Self { labels, settings, weights, base, learned, held_out, scores, gradients, best: (0, f64::INFINITY) }
    }

    /// Grows one more tree; `false` where there is nothing left to gain.
    fn round(&mut self, grower: &mut Grower<'_>, round: usize, trees: &mut Trees, random: &mut Random) -> bool {
        for ((gradients, score), label) in self.gradients.iter_mut().zip(&self.scores).zip(self.labels) {
            let probability = 1.0 / (1.0 + exp(-score.clamp(-ODDS_MAX, ODDS_MAX)));
            let [ordinary, hostile] = self.weights;
            let (weight, target) = if *label { (hostile, 1.0) } else { (ordinary, 0.0) };
            *gradients = [weight * (probability - target), weight * probability * (1.0 - probability)];
        }
        let mut own = random.part(round as u64);
        let mut rows = self.learned.clone();
        if self.settings.rows < 1.0 {
            rows.retain(|_| own.unit() < self.settings.rows);
        }
        let grown = grower.grow(&self.gradients, &mut rows, &mut own);
        if grown.leaves.len() < 2 && self.settings.rows >= 1.0 && self.settings.columns >= 1.0 {
            return false;
        }
        grown.put(grower.bins, trees);
        let mut is_in = vec![false; if rows.len() < self.learned.len() { self.scores.len() } else { 0 }];
        for (range, value) in &grown.leaves {
            for row in rows.get(range.clone()).unwrap_or_default() {
                if let Some(score) = self.scores.get_mut(*row as usize) {
                    *score += value;
                }
                if let Some(is_in) = is_in.get_mut(*row as usize) {
                    *is_in = true;
                }
            }
        }
        let outside = |row: &&u32| is_in.get(**row as usize).is_some_and(|is_in| !is_in);
        for row in self.learned.iter().filter(outside).chain(&self.held_out) {
            if let Some(score) = self.scores.get_mut(*row as usize) {
                *score += grown.score(grower.bins, *row);
            }
        }
        self.goes_on(trees)
    }

    /// Whether held-out rows still gain; cuts the forest back to its best where they no longer do.
    fn goes_on(&mut self, trees: &mut Trees) -> bool {
        let Some(stop) = &self.settings.early_stopping else { return true };
        let mut loss = 0.0;
        for row in &self.held_out {
            let (Some(score), Some(label)) = (self.scores.get(*row as usize), self.labels.get(*row as usize)) else {
                continue;
            };
            let margin = if *label { *score } else { -*score };
            let weight = if *label { self.weights[1] } else { self.weights[0] };
            loss += weight * if margin > 0.0 { (-margin).exp().ln_1p() } else { margin.exp().ln_1p() - margin };
        }
        // As for the base: the last bits of a logarithm differ between machines, and must not decide.
        let loss = f64::from(loss as f32);
        if loss < self.best.1 {
            self.best = (trees.len(), loss);
        }
        let stops = trees.len() >= self.best.0 + stop.rounds.max(1);
        if stops || trees.len() == self.settings.trees {
            trees.truncate(self.best.0);
        }
        !stops
    }
}

/// e to the power of `x`, |x| ≤ [`ODDS_MAX`]: the same bits on every machine, which the maths libraries do not promise.
///
/// x = k ln 2 + r with |r| ≤ ln 2 / 2; e^r by its series to r^13 / 13! (error below 1e-16), 2^k by its exponent bits.
fn exp(x: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let k = (x * std::f64::consts::LOG2_E + SHIFT) - SHIFT;
    // ln 2 in two parts, the first short enough that k times it is exact.
    let r = (x - k * 0.693_147_180_369_123_8) - k * 1.908_214_929_270_587_7e-10;
    let series = SERIES.iter().fold(1.0, |sum, over| 1.0 + sum * r * over);
    series * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// 1 / n, n from 13 down.
#[rustfmt::skip]
const SERIES: [f64; 13] = [
    1.0 / 13.0, 1.0 / 12.0, 1.0 / 11.0, 1.0 / 10.0, 1.0 / 9.0, 1.0 / 8.0, 1.0 / 7.0,
    1.0 / 6.0, 1.0 / 5.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0, 1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for step in -4000..=4000 {
            let x = f64::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-15, "{x}");
        }
    }
}
