//! How bad an incident is, as one number: weights of levels, a little for repeats, decay with time, more for progress.
//!
//! All sums are integers in millionths of a point and time falls on a fixed grid, so that the order of sightings with one
//! time changes nothing and the result is the same on every machine.

use shieldwall_schema::incident::Severity;

/// Half of a risk is gone after this long without news, in nanoseconds. A day: an intrusion goes on within hours, while
/// yesterday's alarm and today's are more often two things than one.
pub const HALF_LIFE: i64 = 24 * 3600 * 1_000_000_000;

/// Steps of decay in a half-life.
const STEPS: i64 = 16;
const STEP: i64 = HALF_LIFE / STEPS;

/// 2^(-1/16), in 2^-16.
const STEP_FACTOR: u64 = 62_757;

/// One point.
const POINT: u64 = 1_000_000;

/// All findings below medium together weigh less than one of medium.
const FAINT_MAX: u64 = 4 * POINT;

/// The share that the n-th repeat of a rule adds is this, divided by n.
const REPEAT_SHARE: u64 = 4;

/// Repeats and hosts of a rule beyond this add nothing.
const REPEATS_MAX: u32 = 64;

/// Tactics beyond the first raise the risk by this share each, in hundredths.
const PROGRESS_PERCENT: u64 = 15;

/// What one finding of a level weighs. A high one outweighs two of medium, a critical one two of high: levels are set by
/// rule authors for how sure and how grave a match is, and each step is meant to be told apart at a glance.
pub fn weight(severity: Severity) -> u64 {
    match severity {
        Severity::Informational => POINT / 20,
        Severity::Low => POINT,
        Severity::Medium => 5 * POINT,
        Severity::High => 15 * POINT,
        Severity::Critical => 40 * POINT,
    }
}

/// What one more match adds: the whole weight for a rule's first, then a falling share for repeats and for further hosts.
pub fn addition(severity: Severity, repeat: u32, host: Option<u32>) -> u64 {
    let whole = weight(severity);
    if repeat <= 1 {
        return whole;
    }
    match host {
        Some(host) if host <= REPEATS_MAX => whole / u64::from(host.max(1)),
        None if repeat <= REPEATS_MAX => whole / (REPEAT_SHARE * u64::from(repeat)),
        _ => 0,
    }
}

/// A risk that rises with findings and falls with time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Risk {
    /// From findings of medium and above.
    grave: u64,
    /// From those below.
    faint: u64,
    /// The step of the grid on which both stand.
    step: Option<i64>,
    peak: u64,
}

impl Risk {
    /// Adds to the risk at a time; without one nothing decays.
    pub fn add(&mut self, time: Option<i64>, severity: Severity, addition: u64) {
        self.decay(time);
        let part = if severity >= Severity::Medium { &mut self.grave } else { &mut self.faint };
        *part = part.saturating_add(addition);
        self.peak = self.peak.max(self.now());
    }

    /// Takes in the risk of an incident that merged into this one.
    pub fn merge(&mut self, mut other: Self, time: Option<i64>) {
        self.decay(time);
        other.decay(time);
        self.grave = self.grave.saturating_add(other.grave);
        self.faint = self.faint.saturating_add(other.faint);
        self.peak = self.peak.max(other.peak).max(self.now());
    }

    fn now(&self) -> u64 {
        self.grave.saturating_add(self.faint.min(FAINT_MAX))
    }

    fn decay(&mut self, time: Option<i64>) {
        let Some(step) = time.map(|time| time.div_euclid(STEP)) else { return };
        let steps = self.step.map_or(0, |before| step.saturating_sub(before).max(0));
        self.step = Some(self.step.map_or(step, |before| before.max(step)));
        for part in [&mut self.grave, &mut self.faint] {
            // Sixty-four halvings leave nothing of any number.
            *part = u32::try_from(steps / STEPS).ok().and_then(|halvings| part.checked_shr(halvings)).unwrap_or(0);
            for _ in 0..steps % STEPS {
                *part = u64::try_from((u128::from(*part) * u128::from(STEP_FACTOR)) >> 16).unwrap_or(u64::MAX);
            }
        }
    }

    /// The peak in millionths.
    pub fn peak_millionths(&self) -> u64 {
        self.peak
    }

    /// The peak, raised for each tactic beyond the first, in points.
    pub fn shown(&self, progress: usize) -> f64 {
        let further = u64::try_from(progress.saturating_sub(1).min(14)).unwrap_or_default();
        let raised = u128::from(self.peak) * u128::from(100 + further * PROGRESS_PERCENT) / 100;
        let thousandths = u64::try_from(raised / 1000).unwrap_or(u64::MAX);
        thousandths as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_rule_stays_below_twice_its_first_match() {
        let mut risk = Risk::default();
        for repeat in 1..1_000_000 {
            risk.add(Some(0), Severity::Medium, addition(Severity::Medium, repeat, None));
        }
        assert!(risk.peak > weight(Severity::Medium) && risk.peak < 2 * weight(Severity::Medium), "{risk:?}");
    }

    #[test]
    fn any_number_of_faint_findings_weighs_less_than_one_of_medium() {
        let mut risk = Risk::default();
        for _ in 0..1000 {
            risk.add(Some(0), Severity::Low, weight(Severity::Low));
        }
        assert!(risk.peak < weight(Severity::Medium));
    }

    #[test]
    fn half_is_gone_after_a_half_life_and_all_after_a_year() {
        for (lives, expected) in [(0, 80.0), (1, 60.0), (2, 50.0), (365, 40.0)] {
            let mut risk = Risk::default();
            risk.add(Some(0), Severity::Critical, weight(Severity::Critical));
            let mut later = risk;
            later.add(Some(lives * HALF_LIFE), Severity::Critical, weight(Severity::Critical));
            assert!((later.shown(1) - expected).abs() < 0.01, "{lives}: {}", later.shown(1));
        }
    }

    #[test]
    fn steps_of_a_half_life_halve() {
        let mut risk = Risk::default();
        risk.add(Some(0), Severity::High, 1_000_000);
        risk.decay(Some(15 * STEP));
        risk.decay(Some(16 * STEP));
        assert!(risk.grave.abs_diff(500_000) < 200, "{risk:?}");
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_no_harm() {
        let mut risk = Risk::default();
        for time in [i64::MIN, i64::MAX, 0, i64::MIN] {
            risk.add(Some(time), Severity::Low, u64::MAX);
        }
        assert!(risk.peak >= FAINT_MAX);
    }
}
