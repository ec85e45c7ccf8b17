//! How inputs were distributed when a model was fitted, to hold later ones against: a histogram each, cut at its own deciles.
//!
//! Values that are common by themselves (zero bytes, port 443) get a bin of their own, so that a change in how common they
//! are is seen. What is no number has a bin too. A few hundred bytes a column.

use super::Shift;
use crate::tensors::{Array, LoadError, Tensors};

/// Columns that are watched; later ones are not.
pub const COLUMNS_MAX: usize = 4096;

/// Bins of one column: its deciles twice, and what is no number.
const BINS_MAX: usize = 20;

/// A value at least this common (one in twenty) has a bin of its own.
const COMMON: usize = 20;

/// Index above chance from which a shift matters, however sure it is: a tenth is the usual "moderate".
pub const EXCESS_MIN: f64 = 0.1;

/// Chance of any false alarm, over all columns together.
pub const FALSE_ALARM: f64 = 0.01;

/// Histograms of columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq)]
struct Column {
    name: String,
    /// Ascending; bin k holds what is at least edge k − 1 and below edge k.
    edges: Vec<f64>,
    /// One more than edges, and one for what is no number.
    counts: Vec<u64>,
}

/// A column that moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// How far.
    pub shift: Shift,
}

impl Reference {
    /// Adds a column as it was when the model was fitted; O(n log n). No more than [`COLUMNS_MAX`] are kept.
    pub fn add(&mut self, name: &str, values: &[f64]) {
        if self.columns.len() >= COLUMNS_MAX || values.is_empty() {
            return;
        }
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut edges = Vec::new();
        for decile in 1..10 {
            let Some(value) = sorted.get(sorted.len() * decile / 10).copied() else { continue };
            edges.push(value);
            let equal = sorted.partition_point(|one| *one <= value) - sorted.partition_point(|one| *one < value);
            if equal * COMMON >= sorted.len() {
                edges.push(value.next_up());
            }
        }
        edges.retain(|edge| edge.is_finite());
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        let mut column = Column { name: name.to_owned(), counts: vec![0; edges.len() + 2], edges };
        column.counts = column.count(values);
        self.columns.push(column);
    }

    /// How many columns are watched.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Which columns moved: by more than chance explains, with [`FALSE_ALARM`] over all of them (Bonferroni), and by enough to
    /// matter. `now` gives a column's values by its name; furthest first.
    pub fn moved<'v>(&self, mut now: impl FnMut(&str) -> Option<std::borrow::Cow<'v, [f64]>>) -> Vec<Moved> {
        let sure = FALSE_ALARM / self.columns.len().max(1) as f64;
        let shift = |column: &Column| {
            let shift = Shift::new(&column.counts, &column.count(&now(&column.name)?))?;
            (shift.excess >= EXCESS_MIN && shift.p_value <= sure).then(|| Moved { name: column.name.clone(), shift })
        };
        let mut moved: Vec<Moved> = self.columns.iter().filter_map(shift).collect();
        moved.sort_by(|a, b| b.shift.excess.total_cmp(&a.shift.excess).then_with(|| a.name.cmp(&b.name)));
        moved
    }

    /// Arrays to keep it as.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        if self.is_empty() {
            return out;
        }
        out.put_json("names", &self.columns.iter().map(|column| &column.name).collect::<Vec<_>>());
        let each = |column: &Column| column.edges.len() as u32;
        out.put("sizes", Array::U32(self.columns.iter().map(each).collect()));
        out.put("edges", Array::F64(self.columns.iter().flat_map(|column| column.edges.iter().copied()).collect()));
        out.put("counts", Array::U64(self.columns.iter().flat_map(|column| column.counts.iter().copied()).collect()));
        out
    }

    /// Back from arrays; none at all is an empty reference.
    ///
    /// # Errors
    /// When lengths disagree, edges do not ascend, or there is too much.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        if tensors.arrays.is_empty() && tensors.words.is_empty() {
            return Ok(Self::default());
        }
        let known = ["names", "sizes", "edges", "counts"];
        if let Some(name) =
            tensors.words.keys().chain(tensors.arrays.keys()).find(|name| !known.contains(&name.as_str()))
        {
            return Err(LoadError::new(format!("`{name}`"), "is unknown"));
        }
        let names: Vec<String> = tensors.json("names")?;
        let sizes = tensors.u32s("sizes")?;
        let (mut edges, mut counts) = (tensors.f64s("edges")?, tensors.u64s("counts")?);
        let bad = |problem: &str| LoadError::new("drift", problem);
        if names.len() != sizes.len() || names.len() > COLUMNS_MAX {
            return Err(bad("names and sizes disagree, or are too many"));
        }
        let mut columns = Vec::with_capacity(names.len());
        for (name, size) in names.into_iter().zip(sizes) {
            let size = *size as usize;
            let (Some((own, more)), true) = (edges.split_at_checked(size), size + 2 <= BINS_MAX) else {
                return Err(bad("edges are too few, or too many in a column"));
            };
            let Some((own_counts, more_counts)) = counts.split_at_checked(size + 2) else {
                return Err(bad("counts are too few"));
            };
            if !own.is_sorted() || own.iter().any(|edge| !edge.is_finite()) {
                return Err(bad("edges do not ascend"));
            }
            (edges, counts) = (more, more_counts);
            // Sums of what is read stay far from overflow.
            let counts = own_counts.iter().map(|count| (*count).min(1 << 48)).collect();
            columns.push(Column { name, edges: own.to_vec(), counts });
        }
        if !edges.is_empty() || !counts.is_empty() {
            return Err(bad("holds more than its sizes say"));
        }
        Ok(Self { columns })
    }
}

impl Column {
    fn count(&self, values: &[f64]) -> Vec<u64> {
        let mut counts = vec![0u64; self.edges.len() + 2];
        for value in values {
            let bin =
                if value.is_finite() { self.edges.partition_point(|edge| edge <= value) } else { self.edges.len() + 1 };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;
    use std::borrow::Cow;

    fn values(seed: u64, rows: usize, add: f64, zeros: f64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..rows).map(|_| if random.unit() < zeros { 0.0 } else { (random.unit() * 9.0).exp() + add }).collect()
    }

    #[test]
    fn shifts_are_seen_and_chance_is_not_at_any_size() {
        for rows in [150, 1000, 20_000] {
            let mut alarms = 0;
            for seed in 0..40 {
                let mut reference = Reference::default();
                (0..20).for_each(|at| reference.add(&format!("x{at}"), &values(seed * 100 + at, 5000, 0.0, 0.5)));
                let same = |name: &str| {
                    let at: u64 = name.get(1..)?.parse().ok()?;
                    Some(Cow::Owned(values(9_000_000 + seed * 100 + at, rows, 0.0, 0.5)))
                };
                alarms += usize::from(!reference.moved(same).is_empty());
                let other = |name: &str| {
                    let zeros = if name == "x3" { 0.05 } else { 0.5 };
                    let at: u64 = name.get(1..)?.parse().ok()?;
                    Some(Cow::Owned(values(7_000_000 + seed * 100 + at, rows, 0.0, zeros)))
                };
                assert_eq!(reference.moved(other).first().map(|one| one.name.clone()), Some("x3".to_owned()));
            }
            assert!(alarms <= 3, "{alarms} false alarms of 40 at {rows} rows");
        }
    }

    #[test]
    fn constant_columns_and_what_is_no_number_have_bins_and_it_comes_back() {
        let mut reference = Reference::default();
        reference.add("constant", &[4.0; 200]);
        reference.add("empty", &[]);
        reference.add("holes", &[f64::NAN; 200]);
        assert_eq!(reference.len(), 2);
        let moved =
            |constant: f64| reference.moved(|name| (name == "constant").then(|| Cow::Owned(vec![constant; 200]))).len();
        assert_eq!((moved(4.0), moved(5.0), moved(3.0), moved(f64::NAN)), (0, 1, 1, 1));
        let tensors = reference.to_tensors();
        assert_eq!(Reference::from_tensors(&tensors), Ok(reference));
        assert_eq!(Reference::from_tensors(&Tensors::default()), Ok(Reference::default()));
        for damage in [
            |tensors: &mut Tensors| tensors.put("sizes", Array::U32(vec![1, 9])),
            |tensors: &mut Tensors| tensors.put("sizes", Array::U32(vec![u32::MAX, 0])),
            |tensors: &mut Tensors| tensors.put("edges", Array::F64(vec![5.0, 4.0])),
            |tensors: &mut Tensors| tensors.put("more", Array::U8(vec![1])),
        ] {
            let mut tensors = tensors.clone();
            damage(&mut tensors);
            assert!(Reference::from_tensors(&tensors).is_err());
        }
    }
}
