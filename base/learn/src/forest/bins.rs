//! A table in small numbers: each value becomes the number of its bin, a byte.
//!
//! Bin 0 holds what is missing. A numeric feature has at most 254 further bins, cut so that each different value has its own
//! where there are few, else so that bins hold about equally many rows; a cut lies half-way between two values that occur.
//! A categorical feature has a bin for each of its most frequent codes; the rest share the last.
//!
//! Kept twice: by column as bytes, to tell the rows of a leaf apart, and by row, to fill histograms. The rows leave out each
//! feature's most frequent bin (network features are mostly 0): the histogram gets it back as what is left of the total. That
//! halves the work on NSL-KDD. Features are grouped so that a group's bins are numbered in 16 bits.

use crate::frame::{FeatureKind, Frame};

/// Bins of a feature, the missing included: a byte.
pub(super) const BINS_MAX: usize = 255;

/// Bins of a group of features: 16 bits.
pub(super) const GROUP_BINS_MAX: usize = 1 << 16;

/// Memory for all leaves' histograms of a tree; wide tables get fewer bins a feature instead of more memory.
const HISTOGRAM_BYTES_MAX: usize = 512 << 20;

/// Wide tables never get fewer bins than this.
const BINS_MIN: usize = 16;

/// A table in bins.
pub(super) struct Bins {
    pub rows: usize,
    pub features: Vec<BinnedFeature>,
    /// Each feature's bin of each row.
    pub columns: Vec<Vec<u8>>,
    pub groups: Vec<Group>,
    /// Bins of all features.
    pub total: usize,
}

/// One feature's bins.
pub(super) struct BinnedFeature {
    /// Where its bins stand among all.
    pub offset: usize,
    /// How many, the missing included.
    pub bins: usize,
    /// The most frequent.
    pub frequent: usize,
    pub kind: BinnedKind,
}

/// What bins 1 and up mean.
pub(super) enum BinnedKind {
    /// Bin b holds values up to `cuts[b - 1]`; the last what is above all.
    Numeric(Vec<f64>),
    /// The codes of each bin from 1, and how many codes there are.
    Categorical(Vec<Vec<usize>>, usize),
}

/// Features whose bins are numbered together, by row.
pub(super) struct Group {
    /// The first of its features' bins among all.
    pub offset: usize,
    pub bins: usize,
    /// Where each row's entries start; one more than rows.
    pub starts: Vec<usize>,
    /// Bins within the group, without those that are their feature's most frequent.
    pub entries: Vec<u16>,
}

impl Bins {
    /// Bins a table; `leaves` bounds the memory.
    pub fn new(frame: &Frame, bins: usize, leaves: usize) -> Self {
        let wide = HISTOGRAM_BYTES_MAX / (16 * leaves.max(1) * frame.schema().len().max(1));
        let bins = bins.clamp(2, BINS_MAX).min(wide.max(BINS_MIN));
        let mut made =
            Self { rows: frame.rows(), features: Vec::new(), columns: Vec::new(), groups: Vec::new(), total: 0 };
        for (feature, column) in frame.schema().features.iter().zip(frame.columns()) {
            let (kind, codes) = match &feature.kind {
                FeatureKind::Numeric => numeric(column, bins - 1),
                FeatureKind::Categorical(values) => categorical(column, values.len(), bins - 1),
            };
            let count = 1 + match &kind {
                BinnedKind::Numeric(cuts) => cuts.len() + 1,
                BinnedKind::Categorical(members, _) => members.len(),
            };
            let mut rows = vec![0u32; BINS_MAX + 1];
            codes.iter().for_each(|code| rows.iter_mut().skip(usize::from(*code)).take(1).for_each(|rows| *rows += 1));
            let frequent = (0..count).rev().max_by_key(|bin| rows.get(*bin)).unwrap_or(0);
            made.features.push(BinnedFeature { offset: made.total, bins: count, frequent, kind });
            made.columns.push(codes);
            made.total += count;
        }
        made.group();
        made
    }

    /// The bin of a row; a row beyond the last is missing.
    pub fn bin(&self, feature: usize, row: u32) -> usize {
        self.columns.get(feature).and_then(|column| column.get(row as usize)).map_or(0, |bin| usize::from(*bin))
    }

    fn group(&mut self) {
        let mut from = 0;
        while from < self.features.len() {
            let offset = self.features.get(from).map_or(0, |feature| feature.offset);
            let fits = |feature: &&BinnedFeature| feature.offset + feature.bins - offset <= GROUP_BINS_MAX;
            let own: Vec<&BinnedFeature> = self.features.iter().skip(from).take_while(fits).collect();
            let columns = self.columns.iter().skip(from).take(own.len());
            let mut group = Group {
                offset,
                bins: own.iter().map(|feature| feature.bins).sum(),
                starts: Vec::with_capacity(self.rows + 1),
                entries: Vec::new(),
            };
            let columns: Vec<(&[u8], usize, usize)> = columns
                .zip(&own)
                .map(|(column, feature)| (column.as_slice(), feature.frequent, feature.offset - offset))
                .collect();
            for row in 0..self.rows {
                group.starts.push(group.entries.len());
                for (column, frequent, first) in &columns {
                    let bin = column.get(row).map_or(*frequent, |bin| usize::from(*bin));
                    if bin != *frequent {
                        group.entries.push((first + bin) as u16);
                    }
                }
            }
            group.starts.push(group.entries.len());
            from += own.len();
            self.groups.push(group);
        }
    }
}

/// Cuts for a numeric column, and the bin of each value.
fn numeric(column: &[f64], bins: usize) -> (BinnedKind, Vec<u8>) {
    let mut sorted: Vec<f64> =
        column.iter().copied().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut values: Vec<(f64, usize)> = Vec::new();
    for value in &sorted {
        match values.last_mut() {
            Some((last, count)) if last == value => *count += 1,
            _ => values.push((*value, 1)),
        }
    }
    let cuts = cuts(&values, sorted.len(), bins);
    let codes = column
        .iter()
        .map(|value| if value.is_nan() { 0 } else { 1 + cuts.partition_point(|cut| cut < value) as u8 })
        .collect();
    (BinnedKind::Numeric(cuts), codes)
}

/// Where to cut different values with their counts into so many bins.
fn cuts(values: &[(f64, usize)], rows: usize, bins: usize) -> Vec<f64> {
    let few = values.len() <= bins;
    let (mut cuts, mut held, mut rest, mut left) = (Vec::new(), 0, rows, bins);
    for pair in values.windows(2) {
        let [(value, count), (next, next_count)] = pair else { continue };
        held += count;
        // A bin is full at its fair share of the rows not yet placed, or before a value that fills one alone.
        let fair = rest.div_ceil(left.max(1));
        let full = held >= fair || *next_count >= fair || held + next_count / 2 >= fair;
        if few || (full && cuts.len() + 1 < bins) {
            let middle = value / 2.0 + next / 2.0;
            cuts.push(if middle >= *value && middle < *next { middle } else { *value });
            rest -= held.min(rest);
            left = left.saturating_sub(1);
            held = 0;
        }
    }
    cuts
}

/// The bins of a categorical column, most frequent codes first, and the bin of each value.
fn categorical(column: &[f64], codes: usize, bins: usize) -> (BinnedKind, Vec<u8>) {
    let mut counts = vec![0usize; codes];
    let code = |value: &f64| (*value >= 0.0).then_some(*value as usize);
    for at in column.iter().filter_map(code) {
        counts.iter_mut().skip(at).take(1).for_each(|count| *count += 1);
    }
    let mut order: Vec<usize> = (0..codes).filter(|code| counts.get(*code).is_some_and(|count| *count > 0)).collect();
    order.sort_by_key(|code| std::cmp::Reverse(counts.get(*code).copied()));
    let mut bin_of = vec![0u8; codes];
    let mut members: Vec<Vec<usize>> = Vec::new();
    for code in order {
        if members.len() < bins {
            members.push(Vec::new());
        }
        let last = members.len();
        if let (Some(bin), Some(own)) = (bin_of.get_mut(code), members.last_mut()) {
            *bin = last as u8;
            own.push(code);
        }
    }
    let codes_of = column.iter().map(|value| code(value).and_then(|at| bin_of.get(at)).copied().unwrap_or(0)).collect();
    (BinnedKind::Categorical(members, codes), codes_of)
}
