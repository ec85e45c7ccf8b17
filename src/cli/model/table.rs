//! Rows of text → a frame of numbers and categories.
//!
//! Training goes through the rows twice: once to tell numbers from categories, once to fill the frame. A column is numeric
//! if every cell that is not empty is a number; else it is categorical, its values in the order of their names. What tells
//! every row apart (an id, a time in words) teaches nothing and is left out, and said so.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use shieldwall_learn::frame::CATEGORIES_MAX;
use shieldwall_learn::{Feature, FeatureKind, Frame, Schema};

use super::label;
use super::rows::Rows;

/// Cells that a frame may hold: 4 GiB of numbers.
const CELLS_MAX: u64 = 1 << 29;

/// Texts that mean that nothing is known.
const MISSING: [&str; 8] = ["", "na", "nan", "n/a", "null", "none", "-", "?"];

/// Columns with more different words than this share of their rows tell rows apart, not kinds.
const DIFFERENT_SHARE_MAX: f64 = 0.5;

/// Rows from which on that is known.
const DIFFERENT_ROWS_MIN: u64 = 20;

/// A table that was read.
#[derive(Debug)]
pub struct Table {
    /// The rows.
    pub frame: Frame,
    /// Labels, if a label column was named.
    pub labels: Option<Vec<bool>>,
    /// What a reader should know: columns left out.
    pub notes: Vec<String>,
}

/// What is known of a column after the first pass.
#[derive(Default)]
struct Column {
    filled: u64,
    numeric: bool,
    /// Different words, as long as they are few enough.
    words: BTreeSet<String>,
    too_many: bool,
}

/// Reads a table to learn from: kinds are told from the data.
///
/// # Errors
/// When a cell is infinite, a label is no label, or a limit is reached; the error names row and column.
pub fn learn(rows: &Rows, label_column: Option<&str>) -> Result<Table> {
    let label_at = label_column.map(|name| rows.column(name)).transpose()?;
    let width = rows.header().len();
    let mut columns: Vec<Column> = (0..width).map(|_| Column { numeric: true, ..Column::default() }).collect();
    let mut count = 0;
    rows.each(&mut |row, cells| {
        count = row;
        for (at, (column, cell)) in columns.iter_mut().zip(cells).enumerate() {
            if Some(at) == label_at || is_missing(cell) {
                continue;
            }
            column.filled += 1;
            if column.numeric && number(cell).is_none() {
                column.numeric = false;
            }
            if !column.too_many {
                let word = cell.trim();
                if column.words.contains(word) {
                    continue;
                }
                column.too_many = column.words.len() >= CATEGORIES_MAX;
                if column.too_many {
                    column.words.clear();
                } else {
                    column.words.insert(word.to_owned());
                }
            }
        }
        Ok(())
    })?;
    let mut notes = Vec::new();
    let mut features = Vec::new();
    for (at, (column, name)) in columns.into_iter().zip(rows.header()).enumerate() {
        if Some(at) == label_at {
            continue;
        }
        if column.filled == 0 {
            notes.push(format!("column `{name}` is empty and was left out"));
            continue;
        }
        let kind = if column.numeric {
            FeatureKind::Numeric
        } else {
            let share = column.words.len() as f64 / column.filled as f64;
            if column.too_many || (share > DIFFERENT_SHARE_MAX && column.filled >= DIFFERENT_ROWS_MIN) {
                notes.push(format!("column `{name}` tells rows apart, not kinds of rows, and was left out"));
                continue;
            }
            FeatureKind::Categorical(column.words.into_iter().collect())
        };
        features.push(Feature { name: name.clone(), kind });
    }
    if features.is_empty() {
        bail!("no column to learn from");
    }
    if count.saturating_mul(features.len() as u64) > CELLS_MAX {
        bail!("{count} rows of {} columns are more than the {CELLS_MAX} cells that are read", features.len());
    }
    let mut table = fill(rows, &Schema { features }, label_column)?;
    table.notes = notes;
    Ok(table)
}

/// Reads a table for a model: columns by name, whatever their order; more columns are ignored.
///
/// # Errors
/// When a column that the model needs is missing, a number is none, a label is no label.
pub fn fill(rows: &Rows, schema: &Schema, label_column: Option<&str>) -> Result<Table> {
    let label_at = label_column.map(|name| rows.column(name)).transpose()?;
    let missing: Vec<&str> = schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .filter(|name| !rows.header().iter().any(|column| column == name))
        .collect();
    if !missing.is_empty() {
        bail!("the model needs columns that are not there: {}", missing.join(", "));
    }
    let codes: Vec<Option<BTreeMap<&str, f64>>> = schema
        .features
        .iter()
        .map(|feature| match &feature.kind {
            FeatureKind::Numeric => None,
            FeatureKind::Categorical(words) => {
                Some(words.iter().zip(0u32..).map(|(word, code)| (word.as_str(), f64::from(code))).collect())
            }
        })
        .collect();
    let places: Vec<usize> =
        schema.features.iter().map(|feature| rows.column(&feature.name)).collect::<Result<Vec<_>>>()?;
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); schema.len()];
    let mut labels = Vec::new();
    rows.each(&mut |row, cells| {
        for ((column, codes), (place, feature)) in
            columns.iter_mut().zip(&codes).zip(places.iter().zip(&schema.features))
        {
            let cell = cells.get(*place).copied().unwrap_or_default();
            column.push(match codes {
                Some(codes) => codes.get(cell.trim()).copied().unwrap_or(f64::NAN),
                None if is_missing(cell) => f64::NAN,
                None => match number(cell) {
                    Some(value) if value.is_finite() => value,
                    Some(_) => bail!("row {row}, column `{}`: `{}` is not a finite number", feature.name, cell.trim()),
                    None => bail!("row {row}, column `{}`: `{}` is no number", feature.name, shortened(cell)),
                },
            });
        }
        if let Some(at) = label_at {
            let cell = cells.get(at).copied().unwrap_or_default();
            match label::read(cell) {
                Some(label) => labels.push(label),
                None => bail!("row {row}: the label `{}` is not {}", shortened(cell), label::ACCEPTED),
            }
        }
        Ok(())
    })?;
    let frame = Frame::new(schema.clone(), columns)?;
    Ok(Table { frame, labels: label_at.map(|_| labels), notes: Vec::new() })
}

fn is_missing(cell: &str) -> bool {
    let cell = cell.trim();
    cell.len() <= 4 && MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// A number as people and programs write it; infinities are numbers here, so that they can be refused by name.
fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    match cell.to_ascii_lowercase().as_str() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => cell.parse().ok(),
    }
}

/// Enough of a cell to know it again.
fn shortened(cell: &str) -> &str {
    cell.get(..cell.floor_char_boundary(60)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn rows(text: &str) -> (tempfile::TempDir, Rows) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.csv");
        fs::write(&file, text).unwrap();
        let rows = Rows::open(&[file]).unwrap();
        (folder, rows)
    }

    #[test]
    fn numbers_categories_and_what_is_missing_are_told_apart() {
        let (_folder, rows) = rows("bytes,proto,note,label\n10,tcp,,0\nNA,udp,,1\n3.5,tcp,,0\n");
        let table = learn(&rows, Some("label")).unwrap();
        let names: Vec<&str> = table.frame.schema().features.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["bytes", "proto"]);
        assert!(table.frame.column(0)[1].is_nan() && table.frame.column(0)[2] == 3.5);
        assert_eq!(table.frame.column(1), [0.0, 1.0, 0.0]);
        assert_eq!(table.labels, Some(vec![false, true, false]));
        assert_eq!(table.notes, ["column `note` is empty and was left out"]);
    }

    #[test]
    fn bad_cells_and_labels_are_named_with_their_place() {
        let (_a, infinite) = rows("x,label\n1,0\ninf,1\n");
        let error = format!("{:#}", learn(&infinite, None).unwrap_err());
        assert!(error.ends_with("row 2, column `x`: `inf` is not a finite number"), "{error}");
        let (_b, labels) = rows("x,label\n1,0\n2,neptune\n");
        let error = format!("{:#}", learn(&labels, Some("label")).unwrap_err());
        assert!(error.contains("row 2: the label `neptune`"), "{error}");
        assert!(learn(&labels, Some("nothing")).unwrap_err().to_string().contains("there are x, label"));
        let table = learn(&labels, None).unwrap();
        let (_c, other) = rows("y\n1\n");
        let error = fill(&other, table.frame.schema(), None).unwrap_err().to_string();
        assert!(error.contains("not there: x"), "{error}");
    }
}
