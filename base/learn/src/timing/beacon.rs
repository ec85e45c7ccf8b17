//! Does something come at a period? Malware that calls home sleeps for a time, shortened or lengthened at random (jitter),
//! and misses beats when the machine sleeps or the network is gone.
//!
//! **Statistic.** For a period P, an interval d between beats says `cos(2πd/P)`: 1 at P, 2P, 3P …, −1 half way between;
//! shorter than P/2 says −1, longer than [`BEATS_MISSED_MAX`] periods says nothing. Jitter of ± 30 % still gives 0.5 on
//! average. Events closer than P/10 are one beat (a call is several connections). Periods tried are the intervals'
//! own deciles, halves of these, and the best one refined.
//!
//! **p-value.** Against chance (exponential intervals of the same mean) what an interval says has a mean m < 0 that is known in
//! closed form, and lies in [−1, 1]. By Hoeffding's inequality (1963, theorem 1) the mean of n of them reaches s with at
//! most `exp(−n KL((1+s)/2 ‖ (1+m)/2))`; times the number of periods tried. It is an upper bound, hence honest at any n.
//!
//! Costs O(n) a period, O(n log n) to sort.

use std::f64::consts::TAU;

/// Beats that may be missed in a row before an interval says nothing.
const BEATS_MISSED_MAX: f64 = 8.0;

/// Beats that it takes: seven intervals that all agree are a p-value near one in a thousand.
const BEATS_MIN: usize = 8;

/// Events within this share of a period are one beat.
const BEAT_SHARE: f64 = 0.1;

/// Periods shorter than this are not looked for, seconds: what comes faster is a stream.
const PERIOD_MIN_S: f64 = 1.0;

/// Something that comes at a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beacon {
    /// Seconds between beats.
    pub period_s: f64,
    /// How far intervals are off the period on average, as a share of it: 0 exact, 0.25 chance.
    pub jitter: f64,
    /// Beats.
    pub beats: usize,
    /// Beats missed in between.
    pub missed: usize,
    /// At most how often chance looks as regular, after all periods tried.
    pub p_value: f64,
}

/// The most regular period of events at these times; `None` with fewer than eight beats or none regular at all.
pub fn beacon(times: &[f64]) -> Option<Beacon> {
    let times = super::sorted(times);
    let mut gaps: Vec<f64> =
        times.windows(2).filter_map(|pair| if let [a, b] = pair { Some(b - a) } else { None }).collect();
    gaps.retain(|gap| *gap >= PERIOD_MIN_S);
    gaps.sort_by(f64::total_cmp);
    if gaps.len() + 1 < BEATS_MIN {
        return None;
    }
    let mut periods = Vec::new();
    for decile in 1..=9 {
        let gap = gaps.get(decile * (gaps.len() - 1) / 10).copied().unwrap_or(0.0);
        periods.extend([gap, gap / 2.0]);
    }
    periods.sort_by(f64::total_cmp);
    periods.dedup_by(|a, b| (*a / *b - 1.0).abs() < 0.02);
    periods.retain(|period| *period >= PERIOD_MIN_S);
    // Each period, and its refinement, is a trial.
    let trials = 2.0 * periods.len() as f64;
    let mut best: Option<Beacon> = None;
    for period in periods {
        let Some(first) = judge(&times, period, trials) else { continue };
        for found in [Some(first), judge(&times, first.period_s, trials)].into_iter().flatten() {
            if best.is_none_or(|best| found.p_value < best.p_value) {
                best = Some(found);
            }
        }
    }
    best.filter(|best| best.p_value < 1.0)
}

/// How regular the times are at a period; the period given back is refined.
fn judge(times: &[f64], period: f64, trials: f64) -> Option<Beacon> {
    let dead = period * BEAT_SHARE;
    let (mut sum, mut count, mut length) = (0.0, 0usize, 0.0);
    let (mut beats_sum, mut beats_passed, mut off, mut missed) = (0.0, 0.0, 0.0, 0.0);
    let (mut beat, mut last) = (*times.first()?, *times.first()?);
    for time in times.iter().skip(1) {
        let close = time - last < dead;
        last = *time;
        if close {
            continue;
        }
        let gap = time - beat;
        beat = *time;
        count += 1;
        length += gap - dead;
        let beats = (gap / period).round();
        if gap < period / 2.0 {
            sum -= 1.0;
        } else if beats <= BEATS_MISSED_MAX {
            sum += (TAU * gap / period).cos();
            beats_sum += gap;
            beats_passed += beats;
            off += (gap - beats * period).abs() / period;
            missed += beats - 1.0;
        }
    }
    if count + 1 < BEATS_MIN || beats_passed <= 0.0 {
        return None;
    }
    let n = count as f64;
    let share = |mean: f64| ((1.0 + mean) / 2.0).clamp(1e-9, 1.0 - 1e-9);
    let (seen, chance) = (share(sum / n), share(mean_by_chance(period, dead, (length / n).max(1e-9))));
    // The period was taken from the data: one interval is spent on it.
    let nats = if seen <= chance { 0.0 } else { (n - 1.0) * divergence(seen, chance) };
    Some(Beacon {
        period_s: beats_sum / beats_passed,
        jitter: off / (n - missed.min(0.0)).max(1.0),
        beats: count + 1,
        missed: missed as usize,
        p_value: ((-nats).exp() * trials).clamp(f64::MIN_POSITIVE, 1.0),
    })
}

/// What an interval says on average where intervals are `dead` plus exponential of mean `mean`.
fn mean_by_chance(period: f64, dead: f64, mean: f64) -> f64 {
    let (rate, turn) = (1.0 / mean, TAU / period);
    // ∫ cos(turn × d) rate e^(−rate (d − dead)) dd, indefinite.
    let integral = |d: f64| {
        (-rate * (d - dead)).exp() * rate * (turn * (turn * d).sin() - rate * (turn * d).cos())
            / (rate * rate + turn * turn)
    };
    let short = 1.0 - (-rate * (period / 2.0 - dead)).exp();
    let regular = integral((BEATS_MISSED_MAX + 0.5) * period) - integral(period / 2.0);
    (regular - short).clamp(-1.0, 1.0)
}

/// Kullback–Leibler divergence of two coins, nats.
fn divergence(a: f64, b: f64) -> f64 {
    a * (a / b).ln() + (1.0 - a) * ((1.0 - a) / (1.0 - b)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// Beats at a period with jitter (share of the period, either side), some missed, each of several connections.
    fn beats(period: f64, jitter: f64, missed: f64, connections: usize, count: usize, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        let (mut time, mut times) = (1.7e9, Vec::new());
        for _ in 0..count {
            time += period * (1.0 + jitter * (2.0 * random.unit() - 1.0));
            if random.unit() >= missed {
                times.extend((0..connections).map(|at| time + at as f64 * 0.3));
            }
        }
        times
    }

    #[test]
    fn beacons_are_found_with_their_period() {
        let cases = [
            (60.0, 0.0, 0.0, 1, 12),
            (60.0, 0.1, 0.1, 1, 20),
            (3600.0, 0.3, 0.0, 1, 60),
            (300.0, 0.3, 0.2, 3, 120),
            (86_400.0, 0.05, 0.0, 2, 14),
        ];
        for (period, jitter, missed, connections, count) in cases {
            for seed in 0..20 {
                let found = beacon(&beats(period, jitter, missed, connections, count, seed)).unwrap();
                let off = (found.period_s / period - 1.0).abs();
                assert!(found.p_value < 5e-3 && off < 0.1, "{period} ± {jitter}, {missed} missed: {found:?}");
            }
        }
        let found = beacon(&beats(60.0, 0.0, 0.0, 1, 50, 1)).unwrap();
        assert!(found.jitter < 0.01 && found.missed == 0 && found.beats == 50 && found.p_value < 1e-15, "{found:?}");
    }

    #[test]
    fn chance_and_people_are_no_beacons() {
        let mut alarms = 0;
        for seed in 0..1000 {
            let mut random = Random::new(seed);
            let count = 10 + random.below(200);
            let mut time = 0.0;
            let exponential: Vec<f64> = (0..count)
                .map(|_| {
                    time -= 300.0 * (1.0 - random.unit()).ln();
                    time
                })
                .collect();
            // A person: short gaps within visits, long ones between, over four orders of magnitude.
            let mut time = 0.0;
            let person: Vec<f64> = (0..count)
                .map(|_| {
                    time += 10f64.powf(4.0 * random.unit());
                    time
                })
                .collect();
            for times in [exponential, person] {
                alarms += usize::from(beacon(&times).is_some_and(|found| found.p_value < 0.01));
            }
        }
        assert!(alarms <= 20, "{alarms} of 2000 at a p-value of 0.01");
    }

    #[test]
    fn hostile_times_are_no_trouble() {
        for times in [vec![], vec![1.0; 5000], vec![f64::NAN; 20], vec![f64::INFINITY, 1.0], vec![1e308, -1e308, 0.0]] {
            assert_eq!(beacon(&times), None);
        }
        let steps: Vec<f64> = (0..10_000).map(|at| f64::from(at) * 1e300).collect();
        assert!(beacon(&steps).is_none_or(|found| found.p_value > 0.0));
    }
}
