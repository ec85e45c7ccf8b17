//! The level that keeps an asked false-alarm rate where the world changes: adaptive conformal inference (Gibbs and Candès,
//! "Adaptive conformal inference under distribution shift", 2021).
//!
//! After each thing that turned out normal, `level += step × (asked − was it flagged)`. Whatever the sequence, the share of
//! flagged normals after T of them differs from what was asked by at most (max(level, 1 − level) + step) / (step × T).
//! It needs feedback: with none it stays where it is, and whoever can feed it lies can move it, at most `step` a lie.

/// A level that follows feedback.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptive {
    asked: f64,
    level: f64,
    step: f64,
}

impl Adaptive {
    /// Recommended step: a normal that is wrongly flagged lowers the level by half a percent of itself and more; about 200
    /// normals are remembered.
    pub const STEP: f64 = 0.005;

    /// Starts at the asked rate. Both are clamped to [0, 1].
    pub fn new(asked: f64, step: f64) -> Self {
        let unit = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        Self { asked: unit(asked), level: unit(asked), step: unit(step) }
    }

    /// Whether a p-value is flagged now. Never where the level fell to 0, always where it rose to 1.
    pub fn flags(&self, p_value: f64) -> bool {
        p_value <= self.level && self.level > 0.0
    }

    /// The level now; may leave [0, 1] a little, as the method wants.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// Something turned out normal (a person said so, or it is a sample of what is believed so): was it flagged?
    pub fn normal(&mut self, p_value: f64) {
        let wrong = if self.flags(p_value) { 1.0 } else { 0.0 };
        self.level = (self.level + self.step * (self.asked - wrong)).clamp(-self.step, 1.0 + self.step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn the_asked_rate_is_kept_where_p_values_are_wrong() {
        let mut random = Random::new(2);
        let mut adaptive = Adaptive::new(0.05, Adaptive::STEP);
        let (mut flagged, mut plain) = (0, 0);
        for _ in 0..20_000 {
            // p-values far too small: the calibration is out of date.
            let p = random.unit().powi(3);
            plain += usize::from(p <= 0.05);
            flagged += usize::from(adaptive.flags(p));
            adaptive.normal(p);
        }
        assert!(plain > 7000 && (900..1100).contains(&flagged), "{plain} plain, {flagged} adaptive");
        assert!(adaptive.level() < 0.01);
    }

    #[test]
    fn hostile_settings_stay_in_range() {
        let mut adaptive = Adaptive::new(f64::NAN, 7.0);
        adaptive.normal(f64::NAN);
        assert!(!adaptive.flags(0.0) && adaptive.level().is_finite());
    }
}
