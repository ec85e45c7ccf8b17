//! One model for a table: parts that fail on different attacks, fused by one rule.
//!
//! With labels the parts are boosting, isolation on the ordinary rows, and boosting whose score never falls where an attacker raises
//! what he controls (*guarded*; only where the table has such features). Without labels: isolation and neighbours. Each part's
//! score becomes its surprise −ln p on ordinary rows that it was not fitted to (three folds). The surprises of all but
//! the guarded part are summed, and the sum becomes a surprise again. The score is that, or the guarded part's own surprise less
//! ln 4 where that is more: the guarded part alone can alert, with a quarter of the false alarms as its price. Hence
//! `score ≥ guarded surprise − ln 4`, and raising controlled features cannot push the score below that: the certificate.
//!
//! The rule was chosen by grouped cross-validation (`docs/concepts/tabular.md`): it is not fitted to a table.
//!
//! Contributions: each part's exact shares less those of an ordinary row (the mean of [`USUAL_ROWS`]), scaled by how its surprise
//! grows from its base, an ordinary row's score, to its score, and again by how the fused surprise grows. They sum to
//! score − base.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::forest::{BoostedSettings, Table};
use crate::frame::{FeatureKind, Frame, Schema};
use crate::model::{Contribution, Explanation, FitError, Model, Part as Place};
use crate::random::Random;
use crate::tensors::{Array, LoadError, Tensors};

use super::control;
use super::part::{Kind, Part};
use super::surprise::Surprise;

/// Fewer rows than this have no ordinary and no folds.
pub const ROWS_MIN: usize = 10;

/// Fewer rows of a class than this cannot stand in every fold.
pub const CLASS_ROWS_MIN: usize = 4;

/// Folds of the calibration.
const FOLDS: usize = 3;

/// What the guarded part pays to alert alone: ln 4, a quarter of the false alarms (ln 2 measures about the same).
const ALONE: f64 = 2.0 * std::f64::consts::LN_2;

/// Ordinary rows whose mean is what a row is explained against.
const USUAL_ROWS: usize = 256;

/// Scaling shares by more than this, relative to the result, would show rounding instead of reasons.
const SCALED_MAX: f64 = 1e5;

/// The layout; raised when it changes.
const VERSION: &str = "2";

/// Choices for a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularSettings {
    /// Boosting, where there are labels; `monotone` is overwritten.
    pub boosting: BoostedSettings,
    /// Names of features that an attacker can raise at will; `None`: by [`control::raisable`]. Empty: no guarded part.
    pub raisable: Option<BTreeSet<String>>,
}

impl Default for TabularSettings {
    /// Each tree sees three features in ten: trees that cannot all lean on the same few features generalise better to attacks
    /// that were never seen (TPR at 1 % FPR on unseen families 0.57 → 0.61, NSL-KDD, two seeds).
    fn default() -> Self {
        Self { boosting: BoostedSettings { columns: 0.3, ..BoostedSettings::default() }, raisable: None }
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Tabular {
    schema: Schema,
    parts: Vec<(Part, Surprise)>,
    /// What each part gives an ordinary row.
    usual: Vec<Usual>,
    fused: Surprise,
    whole: Surprise,
    raisable: BTreeSet<String>,
    ordinary_rows: u64,
}

/// A part's mean over ordinary rows.
#[derive(Clone, Debug, PartialEq)]
struct Usual {
    score: f64,
    /// By feature; they sum to the score less the part's own base.
    shares: Vec<f64>,
}

/// What the model says of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The score, as [`Model::score`].
    pub score: f64,
    /// The share of ordinary rows that score as high, held out when they were counted; never 0.
    pub p_value: f64,
    /// Each part's name and surprise.
    pub parts: Vec<(&'static str, f64)>,
    /// Whether the guarded part alone carries the score: then no raising of controlled features lowers it.
    pub certified: bool,
}

impl Tabular {
    /// What a row must look like.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Features that an attacker can raise at will, as this model sees it: for the card.
    pub fn raisable(&self) -> &BTreeSet<String> {
        &self.raisable
    }

    /// Names of the parts.
    pub fn parts(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(part, _)| part.kind().name()).collect()
    }

    /// The parts, each with its map to surprise.
    pub(super) fn fitted(&self) -> impl Iterator<Item = &(Part, Surprise)> {
        self.parts.iter()
    }

    /// Ordinary rows that it was calibrated on.
    pub fn ordinary_rows(&self) -> u64 {
        self.ordinary_rows
    }

    /// The scores of all rows: the same bits as [`Model::score`] row by row.
    pub fn score_rows(&self, frame: &Frame) -> Vec<f64> {
        let parts: Vec<Vec<f64>> = self.parts.iter().map(|(part, _)| part.score_rows(frame)).collect();
        let mut surprises = Vec::with_capacity(parts.len());
        (0..frame.rows())
            .map(|row| {
                surprises.clear();
                let scores = parts.iter().map(|scores| scores.get(row).copied().unwrap_or(0.0));
                surprises.extend(self.parts.iter().zip(scores).map(|((_, surprise), score)| surprise.of(score)));
                self.fuse(&surprises).0
            })
            .collect()
    }

    /// The p-value of a score of this model.
    pub fn p_value(&self, score: f64) -> f64 {
        (-self.whole.of(score)).exp().max(f64::MIN_POSITIVE)
    }

    /// Score, p-value and parts of a row.
    pub fn judge(&self, row: &[f64]) -> Verdict {
        let surprises = self.surprises(row);
        let (score, certified) = self.fuse(&surprises);
        let parts = self.parts.iter().zip(&surprises).map(|((part, _), own)| (part.kind().name(), *own)).collect();
        Verdict { score, p_value: self.p_value(score), parts, certified }
    }

    /// A score that no raising of the raisable features goes below; `None` without a guarded part.
    pub fn floor(&self, row: &[f64]) -> Option<f64> {
        let (part, surprise) = self.guarded()?;
        Some(surprise.of(part.score(row)) - ALONE)
    }

    fn guarded(&self) -> Option<&(Part, Surprise)> {
        self.parts.iter().find(|(part, _)| part.kind() == Kind::Guarded)
    }

    fn surprises(&self, row: &[f64]) -> Vec<f64> {
        self.parts.iter().map(|(part, surprise)| surprise.of(part.score(row))).collect()
    }

    /// The score of the parts' surprises, and whether the guarded part alone carries it.
    pub(super) fn fuse(&self, surprises: &[f64]) -> (f64, bool) {
        let own = |guarded: bool| {
            let parts = self.parts.iter().zip(surprises);
            parts.filter(move |((part, _), _)| (part.kind() == Kind::Guarded) == guarded).map(|(_, surprise)| *surprise)
        };
        let fused = self.fused.of(own(false).sum());
        match own(true).next() {
            Some(guarded) if guarded - ALONE > fused => (guarded - ALONE, true),
            _ => (fused, false),
        }
    }
}

impl Model for Tabular {
    type Item<'a> = &'a [f64];
    type Data<'a> = Table<'a>;
    type Settings = TabularSettings;
    const FAMILY: &'static str = "tabular";

    fn fit(data: Table<'_>, settings: &TabularSettings, random: &mut Random) -> Result<Self, FitError> {
        check(&data)?;
        let fit = Fit::new(data, settings, random);
        fit.run()
    }

    fn score(&self, row: &[f64]) -> f64 {
        self.fuse(&self.surprises(row)).0
    }

    fn explain(&self, row: &[f64]) -> Explanation {
        let features = self.schema.len();
        let surprises = self.surprises(row);
        let (score, certified) = self.fuse(&surprises);
        let mut sum = Shared { base: 0.0, value: 0.0, shares: vec![0.0; features], rest: 0.0 };
        for (((part, surprise), usual), value) in self.parts.iter().zip(&self.usual).zip(&surprises) {
            if (part.kind() == Kind::Guarded) != certified {
                continue;
            }
            let (_, mut shares) = part.shares(row, features);
            // What an ordinary row has is no reason.
            shares.iter_mut().zip(&usual.shares).for_each(|(share, usual)| *share -= usual);
            let own = Shared { base: usual.score, value: part.score(row), shares, rest: 0.0 };
            sum.add(own.mapped(surprise.of(usual.score), *value));
        }
        let whole = if certified {
            sum.base -= ALONE;
            sum
        } else {
            let base = self.fused.of(sum.base);
            sum.mapped(base, score)
        };
        let mut contributions: Vec<Contribution> = whole
            .shares
            .iter()
            .enumerate()
            .map(|(at, value)| Contribution { part: Place::Feature(at as u32), value: *value })
            .collect();
        if whole.rest != 0.0 {
            contributions.push(Contribution { part: Place::Named("rest".into()), value: whole.rest });
        }
        Explanation { base: whole.base, contributions }
    }

    fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        for (name, word) in [("family", Self::FAMILY), ("version", VERSION)] {
            tensors.words.insert(name.to_owned(), word.to_owned());
        }
        tensors.put_json("schema", &self.schema);
        tensors.put_json("control", &self.raisable);
        tensors.put_json("ordinary_rows", &self.ordinary_rows);
        tensors.put_json("parts", &self.parts());
        let usual = self.usual.iter().flat_map(|usual| [usual.score].into_iter().chain(usual.shares.iter().copied()));
        tensors.put("usual", Array::F64(usual.collect()));
        for (part, surprise) in &self.parts {
            let name = part.kind().name();
            tensors.put_part(name, part.to_tensors());
            tensors.put_part(&format!("surprise_{name}"), surprise.to_tensors());
        }
        tensors.put_part("fused", self.fused.to_tensors());
        tensors.put_part("whole", self.whole.to_tensors());
        tensors
    }

    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        for (name, expected) in [("family", Self::FAMILY), ("version", VERSION)] {
            let found = tensors.word(name)?;
            if found != expected {
                return Err(LoadError::new(format!("word `{name}`"), format!("is `{found}`, not `{expected}`")));
            }
        }
        let schema: Schema = tensors.json("schema")?;
        let names: Vec<String> = tensors.json("parts")?;
        let mut parts = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.name())) {
            let inside = |prefix: String| tensors.part(&prefix);
            let within =
                |error: LoadError| LoadError::new(format!("part `{}`: {}", kind.name(), error.place), error.problem);
            let part = Part::from_tensors(kind, &inside(kind.name().to_owned()), &schema).map_err(within)?;
            let surprise = Surprise::from_tensors(&inside(format!("surprise_{}", kind.name()))).map_err(within)?;
            parts.push((part, surprise));
        }
        let own: Vec<&str> = parts.iter().map(|(part, _)| part.kind().name()).collect();
        if own.is_empty() || own != names {
            return Err(LoadError::new("word `parts`", "does not name known parts, each once and in their order"));
        }
        let usual = tensors.f64s("usual")?;
        let each = schema.len() + 1;
        if usual.len() != each * parts.len() || usual.iter().any(|value| !value.is_finite()) {
            return Err(LoadError::new(
                "array `usual`",
                "is not one finite number for each part and feature, and one more",
            ));
        }
        let usual = usual
            .chunks_exact(each)
            .filter_map(|own| own.split_first().map(|(score, shares)| Usual { score: *score, shares: shares.to_vec() }))
            .collect();
        let known = |name: &str| {
            if name == "usual" {
                return true;
            }
            let part = name.split_once('.').map_or("", |(part, _)| part);
            let part = part.strip_prefix("surprise_").unwrap_or(part);
            own.contains(&part) || ["fused", "whole"].contains(&part)
        };
        let words = ["family", "version", "schema", "control", "ordinary_rows", "parts"];
        let unknown_word = tensors.words.keys().find(|name| !words.contains(&name.as_str()) && !known(name));
        if let Some(name) = unknown_word.or_else(|| tensors.arrays.keys().find(|name| !known(name))) {
            return Err(LoadError::new(format!("`{name}`"), "is unknown"));
        }
        Ok(Self {
            schema,
            parts,
            usual,
            fused: Surprise::from_tensors(&tensors.part("fused"))?,
            whole: Surprise::from_tensors(&tensors.part("whole"))?,
            raisable: tensors.json("control")?,
            ordinary_rows: tensors.json("ordinary_rows")?,
        })
    }
}

/// A value above a base, shared out over features.
struct Shared {
    base: f64,
    value: f64,
    shares: Vec<f64>,
    /// What could not be shared out.
    rest: f64,
}

impl Shared {
    /// The same shares of a value that was mapped: from `base` to `value`.
    fn mapped(mut self, base: f64, value: f64) -> Self {
        let (before, after) = (self.value - self.base, value - base);
        let scale = if before == 0.0 { 0.0 } else { after / before };
        let size: f64 = self.shares.iter().map(|share| share.abs()).sum::<f64>() + self.rest.abs();
        if (scale * size).abs() <= SCALED_MAX * after.abs().max(1.0) {
            self.shares.iter_mut().for_each(|share| *share *= scale);
            self.rest *= scale;
            // Where the score stands at its base, nothing can be scaled: the step of the map is nobody's.
            self.rest += if before == 0.0 { after } else { 0.0 };
        } else {
            self.shares.iter_mut().for_each(|share| *share = 0.0);
            self.rest = after;
        }
        Self { base, value, ..self }
    }

    fn add(&mut self, other: Self) {
        self.base += other.base;
        self.value += other.value;
        self.rest += other.rest;
        self.shares.iter_mut().zip(&other.shares).for_each(|(sum, share)| *sum += share);
    }
}

fn check(data: &Table<'_>) -> Result<(), FitError> {
    let rows = data.frame.rows();
    if data.frame.schema().is_empty() {
        return Err(FitError::Other("no columns to learn from".into()));
    }
    if rows < ROWS_MIN {
        return Err(FitError::TooFew { have: rows, need: ROWS_MIN });
    }
    let Some(labels) = data.labels else { return Ok(()) };
    if labels.len() != rows {
        return Err(FitError::Labels { labels: labels.len(), rows });
    }
    let hostile = labels.iter().filter(|label| **label).count();
    match hostile.min(rows - hostile) {
        0 => Err(FitError::OneClass { rows, class: u8::from(hostile > 0) }),
        few if few < CLASS_ROWS_MIN => Err(FitError::Other(format!(
            "{few} rows of the rarer class, at least {CLASS_ROWS_MIN} are needed; without labels any table can be learned"
        ))),
        _ => Ok(()),
    }
}

/// A fit under way.
struct Fit<'a> {
    data: Table<'a>,
    settings: &'a TabularSettings,
    raisable: BTreeSet<String>,
    monotone: Vec<i8>,
    kinds: Vec<Kind>,
    seed: Random,
    /// Each row's fold, both classes spread evenly.
    folds: Vec<u8>,
}

impl<'a> Fit<'a> {
    fn new(data: Table<'a>, settings: &'a TabularSettings, random: &mut Random) -> Self {
        let features = &data.frame.schema().features;
        let is_raisable = |name: &str| match &settings.raisable {
            Some(names) => names.contains(name),
            None => control::raisable(name),
        };
        let numeric = features.iter().filter(|feature| feature.kind == FeatureKind::Numeric);
        let raisable: BTreeSet<String> =
            numeric.map(|feature| feature.name.clone()).filter(|name| is_raisable(name)).collect();
        let monotone: Vec<i8> = features.iter().map(|feature| i8::from(raisable.contains(&feature.name))).collect();
        let kinds = match (data.labels.is_some(), raisable.is_empty()) {
            (false, _) => vec![Kind::Isolation, Kind::Neighbours],
            (true, true) => vec![Kind::Boosting, Kind::Isolation],
            (true, false) => vec![Kind::Boosting, Kind::Guarded, Kind::Isolation],
        };
        let seed = random.clone();
        random.bits();
        let mut order: Vec<usize> = (0..data.frame.rows()).collect();
        seed.part(0).shuffle(&mut order);
        let mut counts = [0usize; 2];
        let mut folds = vec![0u8; order.len()];
        for row in order {
            let hostile = data.labels.and_then(|labels| labels.get(row)).copied().unwrap_or(false);
            let count = if hostile { &mut counts[1] } else { &mut counts[0] };
            if let Some(fold) = folds.get_mut(row) {
                *fold = (*count % FOLDS) as u8;
            }
            *count += 1;
        }
        let raisable = if data.labels.is_some() { raisable } else { BTreeSet::new() };
        Self { data, settings, raisable, monotone, kinds, seed, folds }
    }

    fn is_hostile(&self, row: usize) -> bool {
        self.data.labels.and_then(|labels| labels.get(row)).copied().unwrap_or(false)
    }

    fn run(self) -> Result<Tabular, FitError> {
        let rows = self.data.frame.rows();
        // Each part's scores of ordinary rows, by models that had not seen them.
        let mut held_out: Vec<Vec<f64>> = vec![Vec::new(); self.kinds.len()];
        for fold in 0..FOLDS as u8 {
            let is_in = |row: &usize| self.folds.get(*row).is_some_and(|own| *own == fold);
            let rest: Vec<usize> = (0..rows).filter(|row| !is_in(row)).collect();
            let own: Vec<usize> = (0..rows).filter(|row| is_in(row) && !self.is_hostile(*row)).collect();
            let own = self.data.frame.select(&own);
            for (part, scores) in self.parts(&rest, u64::from(fold) + 1)?.iter().zip(&mut held_out) {
                scores.extend(part.score_rows(&own));
            }
        }
        let all: Vec<usize> = (0..rows).collect();
        let maps: Vec<Surprise> = held_out.iter().map(|scores| Surprise::fit(scores.clone())).collect();
        let parts: Vec<(Part, Surprise)> = self.parts(&all, FOLDS as u64 + 1)?.into_iter().zip(maps).collect();
        let ordinary_rows = held_out.first().map_or(0, Vec::len);
        let surprises: Vec<Vec<f64>> = (0..ordinary_rows)
            .map(|row| {
                let scores = held_out.iter().map(|scores| scores.get(row).copied().unwrap_or(0.0));
                parts.iter().zip(scores).map(|((_, surprise), score)| surprise.of(score)).collect()
            })
            .collect();
        let free = |own: &Vec<f64>| {
            let parts = self.kinds.iter().zip(own).filter(|(kind, _)| **kind != Kind::Guarded);
            parts.map(|(_, surprise)| surprise).sum::<f64>()
        };
        let sums = surprises.iter().map(free).collect();
        let mut model = Tabular {
            schema: self.data.frame.schema().clone(),
            usual: self.usual(&parts),
            parts,
            fused: Surprise::fit(sums),
            whole: Surprise::fit(Vec::new()),
            raisable: self.raisable.clone(),
            ordinary_rows: ordinary_rows as u64,
        };
        model.whole = Surprise::fit(surprises.iter().map(|own| model.fuse(own).0).collect());
        Ok(model)
    }

    /// What each part gives ordinary rows, evenly taken from all.
    fn usual(&self, parts: &[(Part, Surprise)]) -> Vec<Usual> {
        let features = self.data.frame.schema().len();
        let ordinary: Vec<usize> = (0..self.data.frame.rows()).filter(|row| !self.is_hostile(*row)).collect();
        let rows: Vec<usize> = ordinary.iter().copied().step_by(ordinary.len().div_ceil(USUAL_ROWS).max(1)).collect();
        let mean = |sum: f64| sum / rows.len().max(1) as f64;
        let usual = |(part, _): &(Part, Surprise)| {
            let (mut score, mut shares, mut row) = (0.0, vec![0.0; features], Vec::new());
            for at in &rows {
                self.data.frame.copy_row(*at, &mut row);
                score += part.score(&row);
                part.shares(&row, features).1.iter().zip(&mut shares).for_each(|(share, sum)| *sum += share);
            }
            Usual { score: mean(score), shares: shares.into_iter().map(mean).collect() }
        };
        parts.iter().map(usual).collect()
    }

    /// All parts, fitted to some rows.
    fn parts(&self, rows: &[usize], run: u64) -> Result<Vec<Part>, FitError> {
        let frame = self.data.frame.select(rows);
        let labels: Vec<bool> = rows.iter().map(|row| self.is_hostile(*row)).collect();
        let ordinary: Vec<usize> = rows.iter().copied().filter(|row| !self.is_hostile(*row)).collect();
        let ordinary = self.data.frame.select(&ordinary);
        let table = Table { frame: &frame, labels: self.data.labels.map(|_| labels.as_slice()) };
        let fit = |kind: &Kind| {
            let mut random = self.seed.part(run * 16 + *kind as u64 + 1);
            Part::fit(*kind, table, &ordinary, &self.settings.boosting, &self.monotone, &mut random)
        };
        self.kinds.iter().map(fit).collect()
    }
}
