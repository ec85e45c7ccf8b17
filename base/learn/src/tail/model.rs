//! The family: a column each, their surprises added.

use super::column::Column;
use super::weights::weights;
use crate::frame::{FeatureKind, Frame, Schema};
use crate::model::{Contribution, Explanation, FitError, Model, Part};
use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

/// Rows that a model needs: below this no tail is worth the name.
pub(super) const ROWS_MIN: usize = 10;

/// Online, surprise tables are made anew whenever the rows have grown by this share: 1 % changes a surprise by 0.01 nats, and
/// a row's share of the work stays constant.
const REFRESH_SHARE: u64 = 100;

/// Choices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TailSettings {
    /// Whether columns that are surprising together share their weight.
    pub share_weights: bool,
}

/// A table's tails.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail {
    pub(super) schema: Schema,
    pub(super) columns: Vec<Column>,
    /// Rows learned.
    pub(super) rows: u64,
    /// Rows when the tables were last made.
    pub(super) fresh: u64,
}

impl Tail {
    /// What its columns are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Rows learned so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How much each column counts, in the order of the schema.
    pub fn weights(&self) -> Vec<f64> {
        self.columns.iter().map(|column| column.weight).collect()
    }
}

impl Model for Tail {
    type Item<'a> = &'a [f64];
    type Data<'a> = &'a Frame;
    type Settings = TailSettings;
    const FAMILY: &'static str = "tail";

    fn fit(frame: &Frame, settings: &TailSettings, random: &mut Random) -> Result<Self, FitError> {
        if frame.rows() < ROWS_MIN {
            return Err(FitError::TooFew { have: frame.rows(), need: ROWS_MIN });
        }
        let mut columns: Vec<Column> = frame
            .schema()
            .features
            .iter()
            .zip(frame.columns())
            .map(|(feature, values)| match &feature.kind {
                FeatureKind::Numeric => Column::numeric(values),
                FeatureKind::Categorical(codes) => Column::category(values, codes.len()),
            })
            .collect();
        if settings.share_weights {
            for (column, weight) in weights(frame, &columns, random).into_iter().enumerate() {
                if let Some(column) = columns.get_mut(column) {
                    column.weight = weight;
                    column.refresh();
                }
            }
        }
        let rows = frame.rows() as u64;
        Ok(Self { schema: frame.schema().clone(), columns, rows, fresh: rows })
    }

    fn learn(&mut self, row: &[f64]) -> bool {
        self.rows += 1;
        let due = self.rows > self.fresh + self.fresh / REFRESH_SHARE;
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.learn(row.get(at).copied().unwrap_or(f64::NAN));
            if due {
                column.refresh();
            }
        }
        if due {
            self.fresh = self.rows;
        }
        true
    }

    fn score(&self, row: &[f64]) -> f64 {
        let sum: f64 = self.columns.iter().zip(row).map(|(column, value)| column.term(*value)).sum();
        // A short row misses the rest.
        self.columns.iter().skip(row.len()).fold(sum, |sum, column| sum + column.term(f64::NAN))
    }

    fn explain(&self, row: &[f64]) -> Explanation {
        let contributions = self.columns.iter().enumerate().map(|(at, column)| Contribution {
            part: Part::Feature(at as u32),
            value: column.term(row.get(at).copied().unwrap_or(f64::NAN)),
        });
        Explanation { base: 0.0, contributions: contributions.collect() }
    }

    fn to_tensors(&self) -> Tensors {
        self.keep()
    }

    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        Self::load(tensors)
    }
}
