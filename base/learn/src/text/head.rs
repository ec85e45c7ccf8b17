//! The last step: n-gram sum, surprise, features and signs of a piece → score, in log-odds.
//!
//! The mean of two models of the same columns, which err differently: curves that add up ([`Additive`]: smooth, goes on
//! beyond what it has seen, no ties) and boosted trees ([`Boosted`]: what features mean together). Neither falls with the
//! n-gram sum or a sign, hence the mean does not either; shares of the mean are the means of exact shares.

use super::additive::Additive;
use super::shape::Feature;
use crate::forest::{Boosted, BoostedSettings, Table};
use crate::frame::{self, FeatureKind, Frame, Schema};
use crate::model::{FitError, Model, Part};
use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

/// Choices of the head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadSettings {
    /// Trees; 0: curves alone.
    pub trees: usize,
    /// Leaves of a tree.
    pub leaves: usize,
    /// Least curvature of a leaf: how many texts must agree.
    pub child_weight_min: f64,
}

/// Scores rows of features.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    curves: Additive,
    trees: Option<Boosted>,
}

impl Head {
    /// Fits both models to rows of `features.len()` numbers each.
    ///
    /// # Errors
    /// When the rows cannot be learned from.
    pub fn fit(
        features: &[Feature],
        rows: &[Vec<f64>],
        labels: &[bool],
        weights: &[f64],
        settings: HeadSettings,
        random: &mut Random,
    ) -> Result<Self, FitError> {
        let curves = Additive::fit(features, rows, labels, weights, &mut random.part(0));
        if settings.trees == 0 {
            return Ok(Self { curves, trees: None });
        }
        let column = |at: usize| rows.iter().map(|row| row.get(at).copied().unwrap_or(f64::NAN)).collect();
        let feature = |one: &Feature| frame::Feature { name: one.name.to_owned(), kind: FeatureKind::Numeric };
        let schema = Schema { features: features.iter().map(feature).collect() };
        let frame = Frame::new(schema, (0..features.len()).map(column).collect())?;
        let boosting = BoostedSettings {
            trees: settings.trees,
            leaves: settings.leaves,
            child_weight_min: settings.child_weight_min,
            monotone: features.iter().map(|feature| i8::from(feature.rising)).collect(),
            ..BoostedSettings::default()
        };
        let trees = Boosted::fit(Table { frame: &frame, labels: Some(labels) }, &boosting, &mut random.part(1))?;
        Ok(Self { curves, trees: Some(trees) })
    }

    /// The row's score.
    pub fn score(&self, row: &[f64]) -> f64 {
        let curves = self.curves.score(row);
        self.trees.as_ref().map_or(curves, |trees| 0.5 * (curves + trees.score(row)))
    }

    /// The scores of many rows of `width` numbers, one behind the other: the same bits as [`Self::score`] row by row, some
    /// times quicker, as trees are walked for 64 rows at once.
    pub fn score_rows(&self, rows: &[f64], width: usize) -> Vec<f64> {
        let each = || rows.chunks_exact(width.max(1));
        let column = |at: usize| each().map(|row| row.get(at).copied().unwrap_or(f64::NAN)).collect();
        let framed = |trees: &Boosted| Frame::new(trees.schema().clone(), (0..width).map(column).collect());
        match self.trees.as_ref().map(|trees| framed(trees).map(|frame| trees.score_rows(&frame))) {
            Some(Ok(scores)) => each().zip(scores).map(|(row, trees)| 0.5 * (self.curves.score(row) + trees)).collect(),
            // Without trees, or with rows that no table holds.
            _ => each().map(|row| self.score(row)).collect(),
        }
    }

    /// The score of the ordinary, and each feature's share above it.
    pub fn explain(&self, row: &[f64]) -> (f64, Vec<f64>) {
        let (base, mut shares) = self.curves.explain(row);
        let Some(trees) = &self.trees else { return (base, shares) };
        let explanation = trees.explain(row);
        shares.iter_mut().for_each(|share| *share *= 0.5);
        for one in &explanation.contributions {
            if let Part::Feature(at) = one.part
                && let Some(share) = shares.get_mut(at as usize)
            {
                *share += 0.5 * one.value;
            }
        }
        (0.5 * (base + explanation.base), shares)
    }

    /// As arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        tensors.put_part("curves", self.curves.to_tensors());
        tensors.words.insert("trees".to_owned(), if self.trees.is_some() { "boosted" } else { "none" }.to_owned());
        if let Some(trees) = &self.trees {
            tensors.put_part("trees", trees.to_tensors());
        }
        tensors
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When either model cannot be loaded, or the trees are not of these features or may fall where they must not.
    pub fn from_tensors(tensors: &Tensors, features: &[Feature]) -> Result<Self, LoadError> {
        let curves = Additive::from_tensors(&tensors.part("curves"), features)?;
        let trees = match tensors.word("trees")? {
            "none" => None,
            "boosted" => Some(Boosted::from_tensors(&tensors.part("trees"))?),
            _ => return Err(LoadError::new("word `trees`", "is neither `none` nor `boosted`")),
        };
        if let Some(trees) = &trees {
            let names = trees.schema().features.iter().map(|feature| feature.name.as_str());
            if !names.eq(features.iter().map(|feature| feature.name)) {
                return Err(LoadError::new("word `schema`", "is not of this kind's features"));
            }
            let way = |at: usize| trees.settings().monotone.get(at).copied().unwrap_or(0);
            if features.iter().enumerate().any(|(at, feature)| feature.rising && way(at) != 1) {
                return Err(LoadError::new("word `settings`", "a feature may fall that must not"));
            }
        }
        Ok(Self { curves, trees })
    }
}
