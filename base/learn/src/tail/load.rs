//! A model as arrays: all columns' counts one after another, with where each begins.

use super::Tail;
use super::column::{Column, Counts, KNOTS_MAX};
use crate::frame::{CATEGORIES_MAX, COLUMNS_MAX, FeatureKind, Schema};
use crate::tensors::{Array, LoadError, Tensors};

/// Rows that a loaded model may claim: sums of counts stay exact in `f64`.
const ROWS_MAX: u64 = 1 << 50;

impl Tail {
    /// Arrays: `knots`, `at`, `between` (numeric) and `codes` (categories) with their lengths by column; `terms` as they stand.
    pub(super) fn keep(&self) -> Tensors {
        let mut out = Tensors::default();
        out.put_json("schema", &self.schema);
        let (mut knots, mut counts, mut lengths, mut terms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for column in &self.columns {
            match &column.counts {
                Counts::Numeric { knots: own, at, between } => {
                    lengths.push(own.len() as u32);
                    knots.extend_from_slice(own);
                    counts.extend_from_slice(at);
                    counts.extend_from_slice(between);
                }
                Counts::Category(codes) => {
                    lengths.push(codes.len() as u32);
                    counts.extend_from_slice(codes);
                }
            }
            terms.extend_from_slice(&column.terms);
        }
        out.put("knots", Array::F64(knots));
        out.put("counts", Array::U64(counts));
        out.put("lengths", Array::U32(lengths));
        out.put("terms", Array::F64(terms));
        out.put("missing", Array::U64(self.columns.iter().map(|column| column.missing).collect()));
        out.put("weights", Array::F64(self.columns.iter().map(|column| column.weight).collect()));
        out.put("rows", Array::U64(vec![self.rows, self.fresh]));
        out
    }

    /// Back from arrays: lengths agree with the schema, knots ascend, counts add up to no more than the rows.
    pub(super) fn load(tensors: &Tensors) -> Result<Self, LoadError> {
        let schema: Schema = tensors.json("schema")?;
        if schema.len() > COLUMNS_MAX {
            return Err(LoadError::new("word `schema`", format!("{} columns, at most {COLUMNS_MAX}", schema.len())));
        }
        let &[rows, fresh] = tensors.u64s("rows")? else { return Err(bad("rows", "does not hold two numbers")) };
        if rows > ROWS_MAX || fresh > rows {
            return Err(bad("rows", "are too many, or fewer than were fresh"));
        }
        let mut reader =
            Reader { knots: tensors.f64s("knots")?, counts: tensors.u64s("counts")?, terms: tensors.f64s("terms")? };
        let (lengths, missing, weights) =
            (tensors.u32s("lengths")?, tensors.u64s("missing")?, tensors.f64s("weights")?);
        if [lengths.len(), missing.len(), weights.len()] != [schema.len(); 3] {
            return Err(bad("lengths", "and `missing` and `weights` do not hold one number a column"));
        }
        let mut columns = Vec::with_capacity(schema.len());
        for (at, feature) in schema.features.iter().enumerate() {
            let pick = (lengths.get(at), missing.get(at), weights.get(at));
            let (Some(length), Some(missing), Some(weight)) = pick else { return Err(bad("lengths", "end too early")) };
            if !(weight.is_finite() && *weight >= 0.0) {
                return Err(bad("weights", &format!("column {at} weighs {weight}")));
            }
            let (counts, terms) = reader.column(at, &feature.kind, *length as usize)?;
            let column = Column::kept(counts, *missing, terms, *weight);
            if column_rows(&column) != Some(rows) {
                return Err(bad("counts", &format!("of column {at} do not add up to {rows} rows")));
            }
            columns.push(column);
        }
        if !(reader.knots.is_empty() && reader.counts.is_empty() && reader.terms.is_empty()) {
            return Err(bad("counts", "or `knots` or `terms` hold more than the columns need"));
        }
        Ok(Self { schema, columns, rows, fresh })
    }
}

/// What is left to read.
struct Reader<'a> {
    knots: &'a [f64],
    counts: &'a [u64],
    terms: &'a [f64],
}

impl Reader<'_> {
    fn column(&mut self, at: usize, kind: &FeatureKind, length: usize) -> Result<(Counts, Vec<f64>), LoadError> {
        let (counts, places) = match kind {
            FeatureKind::Categorical(values) => {
                if length != values.len() || length > CATEGORIES_MAX {
                    return Err(bad("lengths", &format!("column {at} has {length} codes for {} values", values.len())));
                }
                (Counts::Category(take(&mut self.counts, length, "counts")?.to_vec()), length + 1)
            }
            FeatureKind::Numeric => {
                if length > KNOTS_MAX {
                    return Err(bad("lengths", &format!("column {at} has {length} knots, at most {KNOTS_MAX}")));
                }
                let knots = take(&mut self.knots, length, "knots")?.to_vec();
                let ascend = knots.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
                if !ascend || knots.iter().any(|knot| !knot.is_finite()) {
                    return Err(bad("knots", &format!("of column {at} do not ascend")));
                }
                let rows_at = take(&mut self.counts, length, "counts")?.to_vec();
                let between = take(&mut self.counts, length + 1, "counts")?.to_vec();
                (Counts::Numeric { knots, at: rows_at, between }, 2 * length + 2)
            }
        };
        let terms = take(&mut self.terms, places, "terms")?.to_vec();
        if terms.iter().any(|term| !(term.is_finite() && *term >= 0.0)) {
            return Err(bad("terms", &format!("of column {at} are not surprises")));
        }
        Ok((counts, terms))
    }
}

/// The rows that a column's counts add up to.
fn column_rows(column: &Column) -> Option<u64> {
    let sum = |counts: &[u64]| counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
    let present = match &column.counts {
        Counts::Numeric { at, between, .. } => sum(at)?.checked_add(sum(between)?)?,
        Counts::Category(counts) => sum(counts)?,
    };
    present.checked_add(column.missing)
}

fn take<'a, T>(from: &mut &'a [T], length: usize, name: &str) -> Result<&'a [T], LoadError> {
    let Some((head, tail)) = from.split_at_checked(length) else { return Err(bad(name, "ends too early")) };
    *from = tail;
    Ok(head)
}

fn bad(name: &str, problem: &str) -> LoadError {
    LoadError::new(format!("array `{name}`"), problem)
}
