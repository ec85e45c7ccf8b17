//! Are there more events in some stretch than chance puts there?
//!
//! [`burst`]: the fullest window of a given length among events that should be spread evenly (passwords tried in a minute),
//! with the scan statistic's p-value by Wallenstein and Neff's approximation (1987). [`excess`]: the stretch of buckets of any
//! doubling length whose sum is furthest above what is expected: many small excesses in a row (a slow trickle of failures,
//! one an hour) add up where none is strange alone.

use super::chance::{binomial, poisson_tail};

/// Buckets that are looked at, the latest: a year of hours and more.
const BUCKETS_MAX: usize = 16_384;

/// The fullest window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// When it begins.
    pub start: f64,
    /// Events in it.
    pub count: usize,
    /// How often as many events, spread evenly over the same time, crowd as much in some window of this length.
    pub p_value: f64,
}

/// The fullest window of `window_s` seconds; `None` with fewer than two events, or where all lie within one window.
pub fn burst(times: &[f64], window_s: f64) -> Option<Burst> {
    let times = super::sorted(times);
    let (first, last) = (*times.first()?, *times.last()?);
    let share = window_s / (last - first);
    if !(share > 0.0 && share < 1.0) {
        return None;
    }
    let (mut best, mut from) = ((first, 0usize), 0usize);
    for (to, time) in times.iter().enumerate() {
        while times.get(from).is_some_and(|start| time - start > window_s) {
            from += 1;
        }
        let count = to + 1 - from;
        if count > best.1 {
            best = (times.get(from).copied().unwrap_or(first), count);
        }
    }
    let (n, k) = (times.len() as u64, best.1 as u64);
    let (tail, point) = binomial(k, n, share);
    let p_value = (k as f64 / share - n as f64 - 1.0) * point + 2.0 * tail;
    Some(Burst { start: best.0, count: best.1, p_value: p_value.clamp(f64::MIN_POSITIVE, 1.0) })
}

/// A stretch with more than expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excess {
    /// Its first bucket.
    pub from: usize,
    /// How many buckets.
    pub buckets: usize,
    /// Events in it.
    pub count: u64,
    /// Events expected in it.
    pub expected: f64,
    /// At most how often chance does as much in any stretch of these lengths (Bonferroni over all that were tried).
    pub p_value: f64,
}

/// The stretch furthest above `expected` events a bucket, of 1, 2, 4 … buckets up to all of them; `None` without buckets or
/// where nothing is above. O(n log n).
pub fn excess(counts: &[u32], expected: f64) -> Option<Excess> {
    let skip = counts.len().saturating_sub(BUCKETS_MAX);
    let mut sums = vec![0u64];
    let mut sum = 0;
    for count in counts.iter().skip(skip) {
        sum += u64::from(*count);
        sums.push(sum);
    }
    let n = sums.len() - 1;
    let expected = if expected.is_finite() { expected.max(0.0) } else { return None };
    let (mut best, mut tried): (Option<Excess>, usize) = (None, 0);
    let mut length = 1;
    while length <= n {
        tried += n - length + 1;
        let mean = expected * length as f64;
        // The largest sum of one length has its smallest p-value.
        let fullest = sums
            .iter()
            .zip(sums.iter().skip(length))
            .enumerate()
            .map(|(from, (before, after))| (after - before, from))
            .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        if let Some((count, from)) = fullest.filter(|(count, _)| *count as f64 > mean) {
            let p_value = poisson_tail(count, mean);
            if best.is_none_or(|best| p_value < best.p_value) {
                best = Some(Excess { from: from + skip, buckets: length, count, expected: mean, p_value });
            }
        }
        length *= 2;
    }
    best.map(|best| Excess { p_value: (best.p_value * tried as f64).min(1.0), ..best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn bursts_stand_out_and_even_times_do_not() {
        let mut alarms = 0;
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut times: Vec<f64> = (0..200).map(|_| random.unit() * 86_400.0).collect();
            alarms += usize::from(burst(&times, 60.0).is_some_and(|found| found.p_value < 0.01));
            times.extend((0..10).map(|at| 40_000.0 + f64::from(at) * 4.0));
            let found = burst(&times, 60.0).unwrap();
            assert!(
                found.p_value < 1e-6 && found.count >= 10 && (39_930.0..40_050.0).contains(&found.start),
                "{found:?}"
            );
        }
        assert!(alarms <= 10, "{alarms} of 500 at 0.01");
        assert_eq!(burst(&[1.0, 2.0], 60.0), None);
        assert_eq!(burst(&[], 60.0), None);
        assert_eq!(burst(&[1.0, 900.0, f64::NAN], f64::NAN), None);
    }

    #[test]
    fn a_slow_trickle_adds_up() {
        let (mut alarms, mut seen) = (0, 0);
        for seed in 0..300 {
            let mut random = Random::new(seed);
            // A failure every second hour by chance; then one more every hour for two days.
            let mut counts: Vec<u32> = (0..720).map(|_| u32::from(random.unit() < 0.4)).collect();
            alarms += usize::from(excess(&counts, 0.5).is_some_and(|found| found.p_value < 0.01));
            counts.iter_mut().skip(400).take(48).for_each(|count| *count += 1);
            let found = excess(&counts, 0.5).unwrap();
            seen += usize::from(found.p_value < 0.001 && (380..460).contains(&found.from));
        }
        assert!(alarms <= 6 && seen >= 290, "{alarms} false alarms, {seen} of 300 seen");
        assert_eq!(excess(&[], 1.0), None);
        assert_eq!(excess(&[0, 0], 1.0), None);
        assert!(excess(&[u32::MAX; 3], 0.0).is_some_and(|found| found.p_value > 0.0));
    }
}
