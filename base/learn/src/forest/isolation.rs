//! Isolation forest (Liu, Ting and Zhou, ICDM 2008): random splits, and what stands alone after few of them is strange.
//!
//! The published score is 2^(−E[h]/c) with h the depth of a row's leaf (plus the expected depth of what the leaf still holds)
//! and c the mean depth of its sample. This score is its logarithm to base 2, `−E[h]/c`: the same order of rows, but a sum over
//! trees, so that Shapley values explain the score itself and not something near it. −1 is very ordinary, 0 alone at once.
//!
//! A categorical split sends a random group of the codes present to each side; codes that the sample never had, and values that
//! are missing where the sample had none, go to the lighter side: they are strange.
//!
//! Fitting costs trees × sample × depth, whatever the table's length; labels are not used.

use serde::{Deserialize, Serialize};

use crate::frame::{FeatureKind, Frame, Schema};
use crate::model::{Explanation, FitError, Model};
use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

use super::store;
use super::trees::{LEAF, LEAVES_MAX, NO_SET, Node, TREES_MAX, Table, Trees};

/// Fewer rows than this have no ordinary.
pub const ROWS_MIN: usize = 2;

/// Choices of isolation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsolationSettings {
    /// Trees, up to [`TREES_MAX`].
    pub trees: usize,
    /// Rows that each tree is grown on, up to [`LEAVES_MAX`].
    pub sample: usize,
}

impl Default for IsolationSettings {
    fn default() -> Self {
        Self { trees: 300, sample: 256 }
    }
}

impl IsolationSettings {
    fn check(&self) -> Result<(), FitError> {
        for (what, have, max) in [("trees", self.trees, TREES_MAX), ("rows of a sample", self.sample, LEAVES_MAX)] {
            if have > max {
                return Err(FitError::TooMany { what, have, max });
            }
        }
        if self.trees == 0 || self.sample < ROWS_MIN {
            return Err(FitError::Other(format!("at least 1 tree and a sample of {ROWS_MIN} rows are needed")));
        }
        Ok(())
    }
}

/// An isolation forest.
#[derive(Clone, Debug, PartialEq)]
pub struct Isolation {
    schema: Schema,
    settings: IsolationSettings,
    trees: Trees,
}

impl Isolation {
    /// What a row must look like.
    pub fn schema(&self) -> &Schema {
        &self.schema
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

impl Model for Isolation {
    type Item<'a> = &'a [f64];
    type Data<'a> = Table<'a>;
    type Settings = IsolationSettings;
    const FAMILY: &'static str = "forest";

    fn fit(data: Table<'_>, settings: &IsolationSettings, random: &mut Random) -> Result<Self, FitError> {
        settings.check()?;
        let rows = data.frame.rows();
        if rows < ROWS_MIN {
            return Err(FitError::TooFew { have: rows, need: ROWS_MIN });
        }
        if rows > u32::MAX as usize {
            return Err(FitError::TooMany { what: "rows", have: rows, max: u32::MAX as usize });
        }
        if data.frame.schema().is_empty() {
            return Err(FitError::Other("no columns to learn from".into()));
        }
        let schema = data.frame.schema().clone();
        let mut trees = Trees { features: schema.len(), ..Trees::default() };
        let sample = settings.sample.min(rows);
        let mean = depth_of(sample);
        let mut planter = Planter {
            frame: data.frame,
            scale: -1.0 / (mean * settings.trees as f64),
            depth: sample.ilog2() + u32::from(!sample.is_power_of_two()),
            trees: &mut trees,
        };
        let seed = random.clone();
        random.bits();
        for tree in 0..settings.trees {
            let mut own = seed.part(tree as u64);
            let picked = own.sample(rows, sample).into_iter().map(|row| row as u32).collect();
            planter.plant(picked, &mut own);
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
        let mut tensors = store::to_tensors(&self.trees, &self.schema, "isolation");
        tensors.put_json("settings", &self.settings);
        tensors
    }

    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let (trees, schema) = store::from_tensors(tensors, "isolation", &["settings"])?;
        let settings: IsolationSettings = tensors.json("settings")?;
        settings.check().map_err(|error| LoadError::new("word `settings`", error.to_string()))?;
        Ok(Self { schema, settings, trees })
    }
}

/// The mean depth of a row among so many: twice the harmonic number, less twice the share of the others.
fn depth_of(rows: usize) -> f64 {
    if rows < 2 {
        return 0.0;
    }
    let harmonic: f64 = (1..rows).map(|at| 1.0 / at as f64).sum();
    2.0 * harmonic - 2.0 * (rows - 1) as f64 / rows as f64
}

/// Grows random trees.
struct Planter<'a> {
    frame: &'a Frame,
    /// What one level of depth adds to the score.
    scale: f64,
    depth: u32,
    trees: &'a mut Trees,
}

impl Planter<'_> {
    /// One tree, in pre-order.
    fn plant(&mut self, rows: Vec<u32>, random: &mut Random) {
        self.trees.starts.push(self.trees.nodes.len() as u32);
        let mut waiting: Vec<(Vec<u32>, u32, Option<usize>)> = vec![(rows, 0, None)];
        while let Some((rows, depth, parent)) = waiting.pop() {
            let place = self.trees.nodes.len();
            if let Some(parent) = parent.and_then(|parent| self.trees.nodes.get_mut(parent)) {
                parent.right = place as u32;
            }
            self.trees.cover.push(rows.len() as f64);
            let split = if rows.len() > 1 && depth < self.depth { self.split(&rows, random) } else { None };
            let Some(node) = split else {
                let number = self.scale * (f64::from(depth) + depth_of(rows.len()));
                self.trees.nodes.push(Node { number, right: 0, set: NO_SET, feature: LEAF, missing_left: false });
                continue;
            };
            let column = self.frame.column(usize::from(node.feature));
            let goes_left =
                |row: &u32| self.trees.goes_left(&node, column.get(*row as usize).copied().unwrap_or(f64::NAN));
            let (left, right): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| goes_left(row));
            self.trees.nodes.push(node);
            waiting.push((right, depth + 1, Some(place)));
            waiting.push((left, depth + 1, None));
        }
    }

    /// A random split that leaves rows on both sides; `None` where all rows are alike.
    fn split(&mut self, rows: &[u32], random: &mut Random) -> Option<Node> {
        let features = self.frame.schema().len();
        // Every feature once, in random order, until one can tell rows apart; a few draws nearly always do.
        for _ in 0..8 {
            if let Some(node) = self.split_on(random.below(features), rows, random) {
                return Some(node);
            }
        }
        let mut order: Vec<usize> = (0..features).collect();
        random.shuffle(&mut order);
        order.into_iter().find_map(|feature| self.split_on(feature, rows, random))
    }

    fn split_on(&mut self, feature: usize, rows: &[u32], random: &mut Random) -> Option<Node> {
        let column = self.frame.column(feature);
        let values = rows.iter().map(|row| column.get(*row as usize).copied().unwrap_or(f64::NAN));
        let kind = self.frame.schema().features.get(feature).map(|feature| &feature.kind)?;
        let node = Node { number: 0.0, right: 0, set: NO_SET, feature: feature as u16, missing_left: false };
        match kind {
            FeatureKind::Numeric => numeric(values, node, random),
            FeatureKind::Categorical(codes) => {
                let (codes, values) = (codes.len(), values.collect::<Vec<f64>>());
                let mut present: Vec<f64> = values.clone();
                present.sort_unstable_by(f64::total_cmp);
                present.dedup_by(|a, b| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()));
                if present.len() < 2 || codes == 0 {
                    return None;
                }
                random.shuffle(&mut present);
                let (chosen, rest) = present.split_at(1 + random.below(present.len() - 1));
                let same = |a: &f64, b: &f64| a == b || (a.is_nan() && b.is_nan());
                let is_chosen = |value: &f64| chosen.iter().any(|own| same(own, value));
                let count = values.iter().filter(|value| is_chosen(value)).count();
                // The set is the heavier side: what it does not name is strange. Missing rows are a code like another.
                let heavier = if count * 2 >= values.len() { chosen } else { rest };
                let members = heavier.iter().filter(|code| !code.is_nan()).map(|code| *code as usize);
                let set = self.trees.sets.push(codes, members);
                let missing_left = heavier.iter().any(|code| code.is_nan());
                Some(Node { set, missing_left, ..node })
            }
        }
    }
}

/// A threshold between the least and the greatest value.
fn numeric(values: impl Iterator<Item = f64> + Clone, node: Node, random: &mut Random) -> Option<Node> {
    let (mut low, mut high, mut missing) = (f64::INFINITY, f64::NEG_INFINITY, 0usize);
    for value in values.clone() {
        if value.is_nan() {
            missing += 1;
        } else {
            low = low.min(value);
            high = high.max(value);
        }
    }
    if low > high || (low == high && missing == 0) {
        return None;
    }
    if low == high {
        // Only "is it there" tells rows apart.
        return Some(Node { number: low, missing_left: false, ..node });
    }
    let share = random.unit();
    let drawn = low * (1.0 - share) + high * share;
    let number = if drawn >= low && drawn < high { drawn } else { low };
    let (mut left, mut right) = (0, 0);
    for value in values {
        left += usize::from(value <= number);
        right += usize::from(value > number);
    }
    let missing_left = if missing > 0 { random.below(2) == 0 } else { left < right };
    Some(Node { number, missing_left, ..node })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_stands_apart_scores_highest() {
        let (frame, _) = samples::table(2000, 3);
        let model =
            Isolation::fit(Table { frame: &frame, labels: None }, &IsolationSettings::default(), &mut Random::new(1))
                .unwrap();
        let mut scores = model.score_rows(&frame);
        scores.sort_by(f64::total_cmp);
        let far = model.score(&[60.0, 4.0, 3.0, f64::NAN, -7.0]);
        assert!(far > scores[1990] && far < 0.0, "{far} beside {}", scores[1990]);
        assert!(scores[0] > -2.0);
    }

    #[test]
    fn too_little_is_refused() {
        let (frame, _) = samples::table(1, 3);
        let fit = |settings| Isolation::fit(Table { frame: &frame, labels: None }, &settings, &mut Random::new(1));
        assert_eq!(fit(IsolationSettings::default()).unwrap_err(), FitError::TooFew { have: 1, need: 2 });
        assert!(fit(IsolationSettings { trees: 0, sample: 256 }).is_err());
        assert!(fit(IsolationSettings { trees: 5000, sample: 256 }).is_err());
    }
}
