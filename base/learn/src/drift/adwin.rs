//! ADWIN (Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", 2007): a window over a stream that
//! grows while its mean stays and drops its older part as soon as two parts differ by more than chance.
//!
//! The window is kept as an exponential histogram: buckets of 1, 2, 4 … values, at most [`BUCKETS_A_ROW`] of each size, so its
//! length costs logarithmic memory (some 5 kB for four billion values). Cuts are looked for every [`CHECK_EVERY`] values: O(log n) each.
//! A stream has an order, so windows do not merge; watch one a stream.

use std::collections::VecDeque;

/// Buckets of one size; the paper's M.
const BUCKETS_A_ROW: usize = 5;

/// Sizes: 2³² values and more are one bucket's.
const ROWS_MAX: usize = 33;

/// Values between looks.
const CHECK_EVERY: u64 = 32;

/// Values on either side of a cut that it takes.
const SIDE_MIN: f64 = 5.0;

/// A stream's window.
#[derive(Clone, Debug, PartialEq)]
pub struct Adwin {
    /// Row k: buckets of 2ᵏ values, newest first: sum and sum of squared deviations.
    rows: Vec<VecDeque<(f64, f64)>>,
    delta: f64,
    seen: u64,
    changes: u64,
}

impl Adwin {
    /// A window whose cuts are false at most a share `delta` of the time, as the paper counts; 0.002 is its own choice.
    pub fn new(delta: f64) -> Self {
        let delta = if delta > 0.0 && delta < 1.0 { delta } else { 0.002 };
        Self { rows: vec![VecDeque::new()], delta, seen: 0, changes: 0 }
    }

    /// Takes the next value (best within 0 to 1; what is not finite is passed over): whether a change was found.
    pub fn add(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        self.seen += 1;
        if let Some(row) = self.rows.first_mut() {
            row.push_front((value, 0.0));
        }
        self.compress();
        if !self.seen.is_multiple_of(CHECK_EVERY) {
            return false;
        }
        let mut changed = false;
        while self.cut() {
            changed = true;
        }
        self.changes += u64::from(changed);
        changed
    }

    /// The mean since the last change; 0 before any value.
    pub fn mean(&self) -> f64 {
        let (count, sum, _) = self.total();
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Values in the window.
    pub fn len(&self) -> u64 {
        self.total().0 as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Changes found so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Joins the two oldest of a size where there are too many.
    fn compress(&mut self) {
        let mut at = 0;
        while let Some(row) = self.rows.get_mut(at) {
            if row.len() <= BUCKETS_A_ROW || at + 1 >= ROWS_MAX {
                break;
            }
            let (Some(old), Some(less)) = (row.pop_back(), row.pop_back()) else { break };
            let joined = join((size(at), old.0, old.1), (size(at), less.0, less.1));
            if at + 1 == self.rows.len() {
                self.rows.push(VecDeque::new());
            }
            if let Some(next) = self.rows.get_mut(at + 1) {
                next.push_front((joined.1, joined.2));
            }
            at += 1;
        }
    }

    /// Drops the oldest bucket if some cut parts the window; whether it did.
    fn cut(&mut self) -> bool {
        let whole = self.total();
        let n = whole.0;
        if n < 2.0 * SIDE_MIN {
            return false;
        }
        let variance = whole.2 / n;
        let log = (2.0 * n.ln().max(1.0) / self.delta).ln();
        let mut old = (0.0, 0.0, 0.0);
        let buckets = self.rows.iter().enumerate().rev();
        let mut oldest_first =
            buckets.flat_map(|(at, row)| row.iter().rev().map(move |bucket| (size(at), bucket.0, bucket.1)));
        let parted = oldest_first.any(|bucket| {
            old = join(old, bucket);
            let left = n - old.0;
            if old.0 < SIDE_MIN || left < SIDE_MIN {
                return false;
            }
            let m = 1.0 / (1.0 / old.0 + 1.0 / left);
            let bound = (2.0 / m * variance * log).sqrt() + 2.0 / (3.0 * m) * log;
            (old.1 / old.0 - (whole.1 - old.1) / left).abs() > bound
        });
        if parted {
            let dropped = self.rows.iter_mut().rev().find(|row| !row.is_empty()).and_then(VecDeque::pop_back);
            while self.rows.len() > 1 && self.rows.last().is_some_and(VecDeque::is_empty) {
                self.rows.pop();
            }
            return dropped.is_some();
        }
        false
    }

    /// Values, their sum, and their squared deviations from the mean.
    fn total(&self) -> (f64, f64, f64) {
        let rows = self.rows.iter().enumerate();
        rows.flat_map(|(at, row)| row.iter().map(move |bucket| (size(at), bucket.0, bucket.1)))
            .fold((0.0, 0.0, 0.0), join)
    }
}

/// Values of a bucket in a row.
fn size(row: usize) -> f64 {
    (row as f64).exp2()
}

/// Two parts as one: (values, sum, squared deviations).
fn join(a: (f64, f64, f64), b: (f64, f64, f64)) -> (f64, f64, f64) {
    if a.0 == 0.0 || b.0 == 0.0 {
        return if a.0 == 0.0 { b } else { a };
    }
    let apart = a.1 / a.0 - b.1 / b.0;
    (a.0 + b.0, a.1 + b.1, a.2 + b.2 + apart * apart * a.0 * b.0 / (a.0 + b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn a_change_is_found_soon_and_a_still_stream_has_none() {
        let (mut false_alarms, mut delays) = (0, Vec::new());
        for seed in 0..40 {
            let (mut random, mut window) = (Random::new(seed), Adwin::new(0.002));
            false_alarms += (0..5000).filter(|_| window.add(f64::from(u8::from(random.unit() < 0.2)))).count();
            let delay = (0..5000).find(|_| window.add(f64::from(u8::from(random.unit() < 0.4))));
            delays.push(delay.unwrap_or(5000));
            (0..3000).for_each(|_| {
                window.add(f64::from(u8::from(random.unit() < 0.4)));
            });
            assert!((window.mean() - 0.4).abs() < 0.06 && window.changes() > 0, "{}", window.mean());
        }
        delays.sort_unstable();
        assert!(false_alarms <= 1, "{false_alarms} in 200,000 values");
        assert!(delays[20] < 300 && delays[39] < 800, "{delays:?}");
    }

    #[test]
    fn memory_is_bounded_and_hostile_values_pass() {
        let mut window = Adwin::new(f64::NAN);
        assert!(window.is_empty() && window.mean() == 0.0);
        for at in 0..100_000 {
            window.add(if at % 7 == 0 { f64::NAN } else { 0.5 });
        }
        let buckets: usize = window.rows.iter().map(VecDeque::len).sum();
        assert!(buckets <= BUCKETS_A_ROW * 18 && window.mean() == 0.5, "{buckets}");
        assert_eq!(window.len(), 100_000 - 100_000_u64.div_ceil(7));
        for value in [1e308, -1e308, 1e308] {
            window.add(value);
        }
    }
}
