//! A table as models see it: columns of `f64`.
//!
//! A numeric column holds the numbers; `NaN` means missing. A categorical column holds the index of each value in its
//! feature's list; `NaN` means missing or never seen when the list was made. Infinities are refused where a frame is made.
//! A row, for scoring, is a `&[f64]` in the order of the schema.

use serde::{Deserialize, Serialize};

use crate::model::FitError;

/// Columns that a frame may have.
pub const COLUMNS_MAX: usize = 4096;

/// Values that a categorical feature may tell apart; the rest counts as unseen.
pub const CATEGORIES_MAX: usize = 65_536;

/// What a feature is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// A number.
    Numeric,
    /// One of a list of values, in the order of their codes.
    Categorical(Vec<String>),
}

/// One feature of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name, as in the header.
    pub name: String,
    /// What it is.
    pub kind: FeatureKind,
}

/// The features of a table, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The features.
    pub features: Vec<Feature>,
}

impl Schema {
    /// How many features.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The feature's name; empty beyond the last.
    pub fn name(&self, at: usize) -> &str {
        self.features.get(at).map_or("", |feature| feature.name.as_str())
    }
}

/// A table, by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    schema: Schema,
    columns: Vec<Vec<f64>>,
    rows: usize,
}

impl Frame {
    /// A table from its columns.
    ///
    /// # Errors
    /// When columns are too many or of different lengths, or hold an infinity or a code beyond its list.
    pub fn new(schema: Schema, columns: Vec<Vec<f64>>) -> Result<Self, FitError> {
        if schema.len() > COLUMNS_MAX {
            return Err(FitError::TooMany { what: "columns", have: schema.len(), max: COLUMNS_MAX });
        }
        let rows = columns.first().map_or(0, Vec::len);
        if columns.len() != schema.len() || columns.iter().any(|column| column.len() != rows) {
            return Err(FitError::Other(format!("{} features, but columns of other number or lengths", schema.len())));
        }
        for (feature, column) in schema.features.iter().zip(&columns) {
            let codes = match &feature.kind {
                FeatureKind::Numeric => None,
                FeatureKind::Categorical(values) if values.len() > CATEGORIES_MAX => {
                    return Err(FitError::TooMany { what: "categories", have: values.len(), max: CATEGORIES_MAX });
                }
                FeatureKind::Categorical(values) => Some(values.len() as f64),
            };
            let bad = |value: f64| {
                value.is_infinite()
                    || (!value.is_nan()
                        && codes.is_some_and(|codes| value < 0.0 || value >= codes || value.fract() != 0.0))
            };
            if let Some(row) = column.iter().position(|value| bad(*value)) {
                let value = column.get(row).map(ToString::to_string).unwrap_or_default();
                return Err(FitError::NotFinite { row, column: feature.name.clone(), value });
            }
        }
        Ok(Self { schema, columns, rows })
    }

    /// What the columns are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in the order of the schema.
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    /// One column; empty beyond the last.
    pub fn column(&self, at: usize) -> &[f64] {
        self.columns.get(at).map_or(&[], Vec::as_slice)
    }

    /// Copies a row; `NaN` beyond the last row.
    pub fn copy_row(&self, row: usize, out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.columns.iter().map(|column| column.get(row).copied().unwrap_or(f64::NAN)));
    }

    /// The same columns with only these rows, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let pick = |column: &Vec<f64>| rows.iter().map(|row| column.get(*row).copied().unwrap_or(f64::NAN)).collect();
        Self { schema: self.schema.clone(), columns: self.columns.iter().map(pick).collect(), rows: rows.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let numeric = Feature { name: "bytes".into(), kind: FeatureKind::Numeric };
        let category =
            Feature { name: "proto".into(), kind: FeatureKind::Categorical(vec!["tcp".into(), "udp".into()]) };
        Schema { features: vec![numeric, category] }
    }

    #[test]
    fn infinities_and_codes_beyond_the_list_are_refused_with_their_place() {
        let error = Frame::new(schema(), vec![vec![1.0, f64::INFINITY], vec![0.0, 1.0]]).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column `bytes`: inf is not a finite number");
        assert!(Frame::new(schema(), vec![vec![1.0], vec![2.0]]).is_err());
        assert!(Frame::new(schema(), vec![vec![1.0], vec![]]).is_err());
    }

    #[test]
    fn rows_come_back_in_the_order_asked() {
        let frame = Frame::new(schema(), vec![vec![1.0, f64::NAN, 3.0], vec![0.0, 1.0, f64::NAN]]).unwrap();
        let picked = frame.select(&[2, 0]);
        let mut row = Vec::new();
        picked.copy_row(1, &mut row);
        assert_eq!((picked.rows(), row), (2, vec![1.0, 0.0]));
    }
}
