//! Are there more events in some stretch than chance puts there?
//!
//! [`excess`]: the stretch of buckets of any
//! doubling length whose sum is furthest above what is expected: many small excesses in a row (a slow trickle of failures,
//! one an hour) add up where none is strange alone.

use super::chance::poisson_tail;

/// Buckets that are looked at, the latest: a year of hours and more.
const BUCKETS_MAX: usize = 16_384;

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
