//! The population stability index of two histograms, with what chance makes of it at their sizes.
//!
//! `PSI = Σ (q − p) ln(q / p)` over bins. The usual rule ("above 0.2 is a shift") forgets the sizes: with ten bins and a hundred
//! values each, chance alone gives 0.18. Where nothing changed, PSI × NM/(N + M) is about chi-squared with B − 1 degrees of freedom
//! (Yurdakul 2018), which gives the p-value; [`Shift::excess`] is what is left when the chance part is taken off, and is what
//! to compare with 0.2.

use crate::timing::chi_squared_tail;

/// How far two histograms are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The index.
    pub index: f64,
    /// What chance gives on average at these sizes: (B − 1)(1/N + 1/M).
    pub chance: f64,
    /// The index less its chance part, at least 0.
    pub excess: f64,
    /// How often chance gives as much where nothing changed.
    pub p_value: f64,
}

impl Shift {
    /// Of counts by bin, the bins made beforehand (best from the first histogram's quantiles, so that none is nearly
    /// empty). Bins empty in both are left out; half a count stands for a bin empty in one. `None` where a side has no counts
    /// or lengths differ.
    pub fn new(before: &[u64], now: &[u64]) -> Option<Self> {
        let (n, m) = (before.iter().sum::<u64>() as f64, now.iter().sum::<u64>() as f64);
        if before.len() != now.len() || n == 0.0 || m == 0.0 {
            return None;
        }
        let used = before.iter().zip(now).filter(|(a, b)| **a + **b > 0);
        let (mut index, mut bins) = (0.0, 0usize);
        for (a, b) in used {
            let (p, q) = ((*a as f64).max(0.5) / n, (*b as f64).max(0.5) / m);
            index += (q - p) * (q / p).ln();
            bins += 1;
        }
        let freedom = bins.saturating_sub(1);
        let sizes = 1.0 / n + 1.0 / m;
        let chance = freedom as f64 * sizes;
        Some(Self {
            index,
            chance,
            excess: (index - chance).max(0.0),
            p_value: chi_squared_tail(index / sizes, freedom),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    fn histogram(random: &mut Random, count: usize, power: f64) -> Vec<u64> {
        let mut bins = vec![0; 10];
        (0..count).for_each(|_| bins[(random.unit().powf(power) * 10.0) as usize] += 1);
        bins
    }

    #[test]
    fn chance_is_told_from_a_shift_at_every_size() {
        let mut random = Random::new(7);
        for (n, m, least) in [(100, 100, 50), (5000, 200, 150), (100_000, 100_000, 200)] {
            let (mut false_alarms, mut seen) = (0, 0);
            for _ in 0..200 {
                let before = histogram(&mut random, n, 1.0);
                let same = Shift::new(&before, &histogram(&mut random, m, 1.0)).unwrap();
                false_alarms += usize::from(same.p_value < 0.01);
                let other = Shift::new(&before, &histogram(&mut random, m, 1.6)).unwrap();
                seen += usize::from(other.p_value < 0.01);
            }
            assert!(false_alarms <= 8, "{n}, {m}: {false_alarms} of 200 at 0.01");
            assert!(seen >= least, "{n}, {m}: {seen} of 200 seen");
        }
    }

    #[test]
    fn empty_and_equal_histograms() {
        assert_eq!(Shift::new(&[], &[]), None);
        assert_eq!(Shift::new(&[1], &[0]), None);
        assert_eq!(Shift::new(&[1, 2], &[1]), None);
        let same = Shift::new(&[5, 5, 0], &[5, 5, 0]).unwrap();
        assert_eq!((same.index, same.excess, same.p_value), (0.0, 0.0, 1.0));
        assert!(Shift::new(&[100, 0], &[0, 100]).unwrap().p_value < 1e-10);
    }
}
