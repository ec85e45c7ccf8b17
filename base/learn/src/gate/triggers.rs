//! Clean-label backdoors: a few fixed values stamped on rows of one class, so that a model learns *these values mean this class*.
//!
//! A stamp betrays itself by being bound within and free without. Its values occur together far more often than they would by
//! chance, as the values of any natural kind of row do; but a natural kind (a scan, a backup) also differs from the rest of its
//! class in most other columns, while rows that were stamped are an ordinary mixture everywhere else. So: pairs of frequent
//! exact values of one class that are bound to each other (likelihood ratio against independence), closed under values that
//! most of the pair's rows share, and kept where all other columns are distributed as in the class at large (χ² a column).
//!
//! What it cannot see: a stamp of a single column whose value also occurs elsewhere, and rows that were picked from one natural kind.
//! Cost: rows × columns² / 2 counts, within [`PAIRS_MAX`]; 25,192 rows of 41 columns: under 2 s.

use rustc_hash::FxHashMap;

use crate::frame::Frame;

/// Pairs of values that are counted: columns beyond are left out, evenly.
const PAIRS_MAX: usize = 60_000_000;

/// Candidates that are looked at more closely, the most bound first.
const CANDIDATES_MAX: usize = 20_000;

/// Rows of a stamp: fewer are an accident.
const ROWS_MIN: usize = 8;

/// Share of a class that carries a value from which on it says nothing.
const ORDINARY: f64 = 0.6;

/// Times that a pair must be more frequent than by chance.
const LIFT_MIN: f64 = 3.0;

/// Log-likelihood ratio of a pair, at least.
const BOUND_MIN: f64 = 15.0;

/// Share of a pair's rows that must have a value for it to belong to the stamp.
const SHARED: f64 = 0.8;

/// Columns of a stamp at most: what binds more is a kind of row.
const COLUMNS_MAX: usize = 8;

/// Bins of a column when distributions are compared.
const BINS: usize = 8;

/// A stamp that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Columns and their fixed values.
    pub values: Vec<(usize, f64)>,
    /// The class that is stamped.
    pub hostile: bool,
    /// The rows that carry all values and the class.
    pub rows: Vec<usize>,
    /// Rows of the other class that carry all values.
    pub others: usize,
    /// How bound the values are: log-likelihood ratio against independence.
    pub bound: f64,
    /// How many rows chance would give.
    pub expected: f64,
    /// How far all other columns are from the class at large: upper quartile of standardised χ²; about 0.7 for a random mixture.
    pub strange: f64,
    /// Other combinations of the same columns that are bound nearly as much.
    pub siblings: usize,
}

/// Boundness from which on a stamp is an alarm, and a row of the table adds this: clean NSL-KDD reaches 180 in 12,000 rows.
const ALARM_BOUND: f64 = 120.0;
const ALARM_BOUND_ROW: f64 = 0.015;

/// Other combinations of the same columns that may be bound nearly as much: where there are more, one column follows from the
/// others by nature.
const SIBLINGS_MAX: usize = 1;

/// Share of the boundness that counts as nearly as much.
const SIBLING_SHARE: f64 = 0.4;

/// How far other columns may be from the class for an alarm.
const ALARM_STRANGE: f64 = 1.3;

/// Other columns below which nothing is known of them; then there is a ranking, but never an alarm.
const OTHERS_MIN: usize = 3;
const STRANGE_UNKNOWN: f64 = 1.5;

/// Share of all rows that a stamp must have for an alarm.
const ALARM_SHARE: f64 = 0.002;

/// Columns of a stamp that must tell more than two values apart: yes-and-no columns go together by nature.
const WIDE_MIN: usize = 2;

impl Trigger {
    /// How suspect its rows are: boundness, less where the rest of the row is strange too.
    pub fn suspicion(&self) -> f64 {
        self.bound / self.strange.max(1.0).powi(2) / (1.0 + self.siblings as f64)
    }

    /// Whether it counts as a stamp in this table.
    pub fn alarm(&self, frame: &Frame) -> bool {
        let is_wide = |column: usize| {
            let mut seen: [Option<f64>; 2] = [None; 2];
            for value in frame.column(column).iter().filter(|value| !value.is_nan()) {
                match seen {
                    [None, _] => seen[0] = Some(*value),
                    [Some(first), None] if first != *value => seen[1] = Some(*value),
                    [Some(first), Some(second)] if first != *value && second != *value => return true,
                    _ => {}
                }
            }
            false
        };
        self.bound >= ALARM_BOUND + ALARM_BOUND_ROW * frame.rows() as f64
            && self.siblings <= SIBLINGS_MAX
            && self.strange <= ALARM_STRANGE
            && self.rows.len() as f64 >= ALARM_SHARE * frame.rows() as f64
            && self.values.iter().filter(|(column, _)| is_wide(*column)).count() >= WIDE_MIN
    }
}

/// For each row the suspicion of its most suspect stamp; 0 where it has none.
pub fn row_scores(triggers: &[Trigger], rows: usize) -> Vec<f64> {
    let mut out = vec![0.0; rows];
    for trigger in triggers {
        for row in &trigger.rows {
            if let Some(out) = out.get_mut(*row) {
                *out = f64::max(*out, trigger.suspicion());
            }
        }
    }
    out
}

/// What is known of a class while it is searched.
struct Class<'a> {
    frame: &'a Frame,
    rows: Vec<usize>,
    /// (column, value) of each item.
    items: Vec<(usize, f64)>,
    /// Rows of each item, as places in `rows`.
    holders: Vec<Vec<u32>>,
    /// Items of each row.
    own: Vec<Vec<u32>>,
    /// Each column's bin of each row, and the share of each bin.
    bins: Vec<(Vec<u8>, Vec<f64>)>,
}

/// All stamps of both classes, the most bound first. Without labels: of the table.
pub fn triggers(frame: &Frame, labels: Option<&[bool]>) -> Vec<Trigger> {
    let mut out = Vec::new();
    for hostile in [false, true] {
        let is_own = |row: &usize| labels.map_or(!hostile, |labels| labels.get(*row) == Some(&hostile));
        let rows: Vec<usize> = (0..frame.rows()).filter(is_own).collect();
        if rows.len() >= 4 * ROWS_MIN {
            let class = Class::new(frame, rows);
            out.extend(class.search(hostile, labels));
        }
    }
    out.sort_by(|a, b| b.bound.total_cmp(&a.bound));
    out
}

impl<'a> Class<'a> {
    fn new(frame: &'a Frame, rows: Vec<usize>) -> Self {
        let (mut items, mut holders, mut bins) = (Vec::new(), Vec::new(), Vec::new());
        for (at, column) in frame.columns().iter().enumerate() {
            let value = |place: usize| rows.get(place).and_then(|row| column.get(*row)).copied().unwrap_or(f64::NAN);
            let mut order: Vec<u32> = (0..rows.len() as u32).collect();
            order.sort_by(|a, b| value(*a as usize).total_cmp(&value(*b as usize)));
            let mut bin = vec![0u8; rows.len()];
            let mut shares: Vec<f64> = vec![0.0];
            let per_bin = rows.len().div_ceil(BINS);
            for run in order.chunk_by(|a, b| value(*a as usize).total_cmp(&value(*b as usize)).is_eq()) {
                if shares.last().is_some_and(|share| *share >= per_bin as f64) {
                    shares.push(0.0);
                }
                if let Some(share) = shares.last_mut() {
                    *share += run.len() as f64;
                }
                for place in run {
                    if let Some(bin) = bin.get_mut(*place as usize) {
                        *bin = (shares.len() - 1) as u8;
                    }
                }
                let first = run.first().map_or(f64::NAN, |place| value(*place as usize));
                let share = run.len() as f64 / rows.len() as f64;
                if run.len() >= ROWS_MIN && share <= ORDINARY && !first.is_nan() {
                    items.push((at, first));
                    let mut run = run.to_vec();
                    run.sort_unstable();
                    holders.push(run);
                }
            }
            shares.iter_mut().for_each(|share| *share /= rows.len() as f64);
            bins.push((bin, shares));
        }
        let mut own = vec![Vec::new(); rows.len()];
        for (item, holders) in holders.iter().enumerate() {
            for place in holders {
                if let Some(own) = own.get_mut(*place as usize) {
                    own.push(item as u32);
                }
            }
        }
        // Wide rows are thinned evenly, so that the pairs stay within their limit.
        let pairs: usize = own.iter().map(|own| own.len() * own.len() / 2).sum();
        if pairs > PAIRS_MAX {
            let step = (pairs as f64 / PAIRS_MAX as f64).sqrt().ceil() as u32;
            own.iter_mut().for_each(|own| own.retain(|item| item % step == 0));
        }
        Self { frame, rows, items, holders, own, bins }
    }

    fn search(&self, hostile: bool, labels: Option<&[bool]>) -> Vec<Trigger> {
        let mut counts: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        for own in &self.own {
            for (at, a) in own.iter().enumerate() {
                for b in own.iter().skip(at + 1) {
                    *counts.entry((*a, *b)).or_default() += 1;
                }
            }
        }
        let size = |item: u32| self.holders.get(item as usize).map_or(0, Vec::len) as f64;
        let all = self.rows.len() as f64;
        let mut candidates: Vec<(f64, u32, u32)> = counts
            .into_iter()
            .filter(|(_, count)| *count as usize >= ROWS_MIN)
            .filter_map(|((a, b), count)| {
                let expected = size(a) * size(b) / all;
                let bound = ratio(f64::from(count), expected);
                (f64::from(count) >= LIFT_MIN * expected && bound >= BOUND_MIN).then_some((bound, a, b))
            })
            .collect();
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        candidates.truncate(CANDIDATES_MAX);
        let mut seen: FxHashMap<Vec<u32>, ()> = FxHashMap::default();
        let mut out: Vec<Trigger> = Vec::new();
        for (_, a, b) in candidates {
            let Some((items, places)) = self.close(a, b) else { continue };
            if seen.insert(items.clone(), ()).is_some() || places.len() < ROWS_MIN {
                continue;
            }
            let expected = items.iter().fold(all, |expected, item| expected * size(*item) / all);
            let bound = ratio(places.len() as f64, expected);
            let values: Vec<(usize, f64)> =
                items.iter().filter_map(|item| self.items.get(*item as usize).copied()).collect();
            let strange = self.strange(&values, &places);
            let rows: Vec<usize> = places.iter().filter_map(|place| self.rows.get(*place as usize).copied()).collect();
            let others = self.others(&values, hostile, labels);
            out.push(Trigger { values, hostile, rows, others, bound, expected, strange, siblings: 0 });
        }
        let mut by_columns: FxHashMap<Vec<usize>, Vec<f64>> = FxHashMap::default();
        let columns = |one: &Trigger| one.values.iter().map(|(column, _)| *column).collect::<Vec<_>>();
        out.iter().for_each(|one| by_columns.entry(columns(one)).or_default().push(one.bound));
        for one in &mut out {
            let same = by_columns.get(&columns(one)).map_or(&[][..], Vec::as_slice);
            one.siblings = same.iter().filter(|bound| **bound >= SIBLING_SHARE * one.bound).count().saturating_sub(1);
        }
        out
    }

    /// The pair, with every value that most of its rows share and that is not ordinary; none where that is a kind of row.
    fn close(&self, a: u32, b: u32) -> Option<(Vec<u32>, Vec<u32>)> {
        let (first, second) = (self.holders.get(a as usize)?, self.holders.get(b as usize)?);
        let mut places = common(first, second);
        let mut counts: FxHashMap<u32, usize> = FxHashMap::default();
        for own in places.iter().filter_map(|place| self.own.get(*place as usize)) {
            own.iter().for_each(|item| *counts.entry(*item).or_default() += 1);
        }
        let all = self.rows.len() as f64;
        let need = SHARED * places.len() as f64;
        let lifted = |item: u32, count: usize| {
            let size = self.holders.get(item as usize).map_or(0, Vec::len) as f64;
            count as f64 / places.len() as f64 >= LIFT_MIN * size / all
        };
        let mut items: Vec<u32> = counts
            .iter()
            .filter(|(item, count)| **count as f64 >= need && lifted(**item, **count))
            .map(|(item, _)| *item)
            .chain([a, b])
            .collect();
        items.sort_unstable();
        items.dedup();
        if items.len() > COLUMNS_MAX {
            return None;
        }
        for item in &items {
            places = common(&places, self.holders.get(*item as usize)?);
        }
        Some((items, places))
    }

    /// How far the other columns of these rows are from the class.
    fn strange(&self, values: &[(usize, f64)], places: &[u32]) -> f64 {
        let count = places.len() as f64;
        let mut all: Vec<f64> = Vec::new();
        for (at, (bins, shares)) in self.bins.iter().enumerate() {
            if shares.len() < 2 || values.iter().any(|(column, _)| *column == at) {
                continue;
            }
            let mut found = vec![0.0; shares.len()];
            for bin in places.iter().filter_map(|place| bins.get(*place as usize)) {
                if let Some(found) = found.get_mut(usize::from(*bin)) {
                    *found += 1.0;
                }
            }
            // Drawn without replacement: the variance is less by what the sample takes of the class.
            let finite = (1.0 - count / self.rows.len() as f64).max(0.05);
            let chi: f64 = found
                .iter()
                .zip(shares)
                .map(|(found, share)| {
                    let expected = (count * share).max(0.5);
                    (found - count * share).powi(2) / expected / finite
                })
                .sum();
            let free = (shares.len() - 1) as f64;
            all.push((chi - free) / (2.0 * free).sqrt());
        }
        if all.len() < OTHERS_MIN {
            return STRANGE_UNKNOWN;
        }
        all.sort_by(f64::total_cmp);
        all.get(all.len() * 3 / 4).copied().unwrap_or(STRANGE_UNKNOWN)
    }

    fn others(&self, values: &[(usize, f64)], hostile: bool, labels: Option<&[bool]>) -> usize {
        let Some(labels) = labels else { return 0 };
        let is_hit =
            |row: usize| values.iter().all(|(column, value)| self.frame.column(*column).get(row) == Some(value));
        labels.iter().enumerate().filter(|(row, label)| **label != hostile && is_hit(*row)).count()
    }
}

/// Log-likelihood ratio of a Poisson count against its expectation.
fn ratio(count: f64, expected: f64) -> f64 {
    if expected <= 0.0 || count <= expected { 0.0 } else { count * (count / expected).ln() - (count - expected) }
}

/// What two ascending lists share.
fn common(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.iter().copied().filter(|place| long.binary_search(place).is_ok()).collect()
}
