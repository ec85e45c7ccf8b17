//! Slow boils: an amount that grows a little every day is normal every day.
//!
//! Two means of the logarithm are kept, one that forgets in days and one that forgets in a quarter of a year. Growth of a
//! share g a day parts them by g × (difference of their memories), about 130 days: half a percent a day is twofold in the end.
//! An alarm needs both a distance ([`FOLD`]) and days in a row on the same side ([`DAYS_IN_A_ROW`]): noise crosses the slow
//! mean every other day. A source's cap a day holds here too.

/// Half-life of the fast mean, days.
const FAST_DAYS: f64 = 3.0;

/// Half-life of the slow mean, days: a quarter, so that a month of growth hardly moves it.
const SLOW_DAYS: f64 = 90.0;

/// How many times the slow mean the fast one must be, or the other way round.
const FOLD: f64 = 2.0;

/// Days in a row above (or below) the slow mean: chance alone does it once in about 500 times.
const DAYS_IN_A_ROW: i16 = 10;

/// Weight that the slow mean needs before anything is said: ten days with a few sightings each.
const SLOW_WEIGHT_MIN: f64 = 20.0;

/// Two means and the days on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Trend {
    /// Sum and weight of logarithms: fast, slow.
    pub(super) fast: [f32; 2],
    /// See `fast`.
    pub(super) slow: [f32; 2],
    /// The day of the last sighting.
    pub(super) day: i32,
    /// Sum and weight of the day's own sightings.
    pub(super) today: [f32; 2],
    /// Days in a row that were above (positive) or below the slow mean.
    pub(super) row: i16,
}

/// Something that drifted slowly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boil {
    /// How many times the slow mean the fast one is; below 1 when it falls.
    pub fold: f64,
    /// Days in a row on the same side.
    pub days: u32,
    /// The slow mean, in the feature's own units.
    pub usual: f64,
    /// The fast mean.
    pub now: f64,
}

impl Trend {
    /// Counts a logarithm.
    pub(super) fn add(&mut self, log: f64, weight: f64, day: i32) {
        if day > self.day {
            self.close();
            let passed = f64::from(day) - f64::from(self.day);
            for (sums, half_life) in [(&mut self.fast, FAST_DAYS), (&mut self.slow, SLOW_DAYS)] {
                let keep = (-passed / half_life).exp2() as f32;
                sums.iter_mut().for_each(|sum| *sum *= keep);
            }
            // A gap ends a row: nothing is known of the days between.
            if passed > 4.0 {
                self.row = 0;
            }
            self.day = day;
        }
        for sums in [&mut self.fast, &mut self.slow, &mut self.today] {
            let [sum, all] = sums;
            *sum += (log * weight) as f32;
            *all += weight as f32;
        }
    }

    /// The drift, where there is one.
    pub(super) fn boil(&self) -> Option<Boil> {
        let (fast, slow) = (mean(self.fast)?, mean(self.slow)?);
        let far = (fast - slow).abs() >= FOLD.ln() && f64::from(self.slow[1]) >= SLOW_WEIGHT_MIN;
        let steady = self.row.abs() >= DAYS_IN_A_ROW && (self.row > 0) == (fast > slow);
        (far && steady).then(|| Boil {
            fold: (fast - slow).exp(),
            days: u32::from(self.row.unsigned_abs()),
            usual: slow.exp_m1(),
            now: fast.exp_m1(),
        })
    }

    /// Takes in another's sums; the longer row stands.
    pub(super) fn merge(&mut self, other: &Self) {
        let (mut late, early) = if self.day >= other.day { (*self, *other) } else { (*other, *self) };
        let passed = f64::from(late.day) - f64::from(early.day);
        for (into, from, half_life) in
            [(&mut late.fast, early.fast, FAST_DAYS), (&mut late.slow, early.slow, SLOW_DAYS)]
        {
            let keep = (-passed / half_life).exp2() as f32;
            into.iter_mut().zip(from).for_each(|(sum, other)| *sum += other * keep);
        }
        if early.row.abs() > late.row.abs() {
            late.row = early.row;
        }
        *self = late;
    }

    /// Ends the day: on which side of the slow mean was it?
    fn close(&mut self) {
        if let (Some(day), Some(slow)) = (mean(self.today), mean(self.slow)) {
            self.row = match (day > slow, self.row) {
                (true, row) if row > 0 => row.saturating_add(1),
                (false, row) if row < 0 => row.saturating_sub(1),
                (true, _) => 1,
                (false, _) => -1,
            };
        }
        self.today = [0.0; 2];
    }
}

fn mean([sum, weight]: [f32; 2]) -> Option<f64> {
    (weight > 0.0).then(|| f64::from(sum) / f64::from(weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// Days until a boil is seen when an amount grows by a share a day after `calm` days; each day has ten noisy sightings.
    fn days_until(growth: f64, calm: i32, days: i32, seed: u64) -> Option<i32> {
        let (mut random, mut trend) = (Random::new(seed), Trend::default());
        (0..days).find(|day| {
            let level = 8.0 + growth.ln_1p() * f64::from((day - calm).max(0));
            for _ in 0..10 {
                let noise: f64 = (0..4).map(|_| random.unit() - 0.5).sum();
                trend.add(level + noise, 1.0, *day);
            }
            trend.boil().is_some()
        })
    }

    #[test]
    fn slow_growth_is_seen_and_noise_is_not() {
        let falls = (0..50).filter(|seed| days_until(0.0, 0, 365, *seed).is_some()).count();
        assert_eq!(falls, 0, "of 50 quiet years");
        for (growth, most) in [(0.01, 160), (0.02, 90), (0.05, 50)] {
            let seen = days_until(growth, 60, 400, 1).unwrap() - 60;
            assert!((10..most).contains(&seen), "{growth}: {seen} days");
        }
        assert!(days_until(-0.05, 60, 200, 1).is_some());
    }
}
