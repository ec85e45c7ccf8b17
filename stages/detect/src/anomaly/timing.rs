//! Regular contact: beats of one source towards one destination and port.
//!
//! Gaps between beats are held against what chance would give (a Poisson process of the same median): how many lie close
//! to the median or, where beats are missing, to a small multiple of it. Several widths are tried, so that jitter of a third
//! of the period still counts; the p-value pays for trying. Cost: O(n log n) in the beats kept, at most [`BEATS_MAX`].

/// Beats kept for one pair; when full, the pair is judged and begins anew, keeping the more regular of its judgements.
pub(super) const BEATS_MAX: usize = 512;

/// Gaps that it takes: below this, regularity is chance too often to be worth words.
const GAPS_MIN: usize = 8;

/// Shortest period, milliseconds: what comes faster belongs to one exchange.
const PERIOD_MS_MIN: i64 = 2_000;

/// Missing beats in a row that a gap may stand for.
const MISSING_MAX: f64 = 5.0;

/// Widths around the period that are tried, as shares of it.
const WIDTHS: [f64; 4] = [0.03, 0.1, 0.2, 0.35];

/// What regularity there is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Regularity {
    /// How often chance is as regular.
    pub p_value: f64,
    /// The period, milliseconds.
    pub period_ms: i64,
    /// The width around it that held most, as a share.
    pub width: f64,
    /// Gaps within that width, and all.
    pub fitting: usize,
    pub gaps: usize,
}

/// Judges beats in milliseconds, in any order. `None` where there are too few or no period.
pub(super) fn regularity(beats: &[i64]) -> Option<Regularity> {
    let mut beats = beats.to_vec();
    beats.sort_unstable();
    // What follows within the shortest period belongs to the beat before.
    let mut kept: Vec<i64> = Vec::with_capacity(beats.len());
    for beat in beats {
        if kept.last().is_none_or(|last| beat - last >= PERIOD_MS_MIN) {
            kept.push(beat);
        }
    }
    let mut gaps: Vec<f64> =
        kept.iter().zip(kept.iter().skip(1)).map(|(before, after)| (after - before) as f64).collect();
    if gaps.len() < GAPS_MIN {
        return None;
    }
    gaps.sort_unstable_by(f64::total_cmp);
    // Missing beats lengthen gaps, so the period is looked for at the median and below it.
    let candidates = [gaps.get(gaps.len() / 2), gaps.get(gaps.len() / 4)];
    let mut best: Option<Regularity> = None;
    for period in candidates.into_iter().flatten().copied() {
        for width in WIDTHS {
            let fitting = gaps
                .iter()
                .filter(|gap| {
                    let times = (*gap / period).round();
                    (1.0..=MISSING_MAX).contains(&times) && (*gap / period - times).abs() <= width
                })
                .count();
            // Under chance the chosen quantile is a gap of this length; folded multiples add up to a geometric sum.
            let by_chance = (2f64.powf(width) - 2f64.powf(-width)).min(0.95);
            let p = (binomial_tail(gaps.len() - 1, fitting.saturating_sub(1), by_chance) * 8.0).min(1.0);
            if best.is_none_or(|best| p < best.p_value) {
                let period_ms = period as i64;
                best = Some(Regularity { p_value: p, period_ms, width, fitting, gaps: gaps.len() });
            }
        }
    }
    best
}

/// Upper bound (Chernoff) of the chance of at least `hits` of `tries` where each has the chance `p`.
pub(super) fn binomial_tail(tries: usize, hits: usize, p: f64) -> f64 {
    if tries == 0 || hits == 0 {
        return 1.0;
    }
    let (n, share) = (tries as f64, (hits as f64 / tries as f64).min(1.0));
    if share <= p {
        return 1.0;
    }
    let rest = if share >= 1.0 { 0.0 } else { (1.0 - share) * ((1.0 - share) / (1.0 - p)).ln() };
    (-n * (share * (share / p).ln() + rest)).exp().max(1e-300)
}

/// A length of time in words.
pub(super) fn length(ms: i64) -> String {
    match ms / 1000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shieldwall_learn::Random;

    #[test]
    fn beacons_are_regular_through_jitter_and_missing_beats_and_people_are_not() {
        let mut random = Random::new(4);
        let (mut found, mut false_alarms) = (0, 0);
        for _ in 0..200 {
            let period = 60_000.0 * (1.0 + 20.0 * random.unit());
            let mut at = 0.0;
            let mut beacon = Vec::new();
            let mut person = Vec::new();
            let mut other = 0.0;
            for _ in 0..48 {
                at += period * (1.0 + 0.6 * (random.unit() - 0.5));
                if random.unit() > 0.15 {
                    beacon.push(at as i64);
                }
                other += -period * random.unit().max(1e-9).ln();
                person.push(other as i64);
            }
            let p = |beats: &[i64]| regularity(beats).map_or(1.0, |found| found.p_value);
            found += usize::from(p(&beacon) < 1e-3);
            false_alarms += usize::from(p(&person) < 1e-3);
        }
        assert!(found >= 190 && false_alarms <= 2, "{found} of 200 beacons, {false_alarms} of 200 people");
    }

    #[test]
    fn too_few_beats_say_nothing_and_the_tail_is_a_bound() {
        assert_eq!(regularity(&[0, 60_000, 120_000]), None);
        assert_eq!(regularity(&[5; 100]), None);
        // Exactly 0.5^10 is the chance of 10 of 10.
        assert!((binomial_tail(10, 10, 0.5) - 0.5f64.powi(10)).abs() < 1e-12);
        assert_eq!((binomial_tail(10, 4, 0.5), binomial_tail(0, 0, 0.5)), (1.0, 1.0));
        assert_eq!(
            (length(90_000), length(600_000), length(9_000_000)),
            ("90 s".into(), "10 min".into(), "2.5 h".into())
        );
    }
}
