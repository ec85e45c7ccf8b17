//! What baselines are told.

/// Features that an entity may have.
pub(super) const FEATURES_MAX: usize = 256;

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of many values, told apart by a 64-bit hash: a parent process, a destination, a device.
    Category,
    /// An amount of 0 or more, on a logarithmic scale; strange when far out on either side.
    Number,
    /// The same, strange only when large: bytes out, failures, distinct destinations.
    Amount,
    /// The hour of the week that something happens in; the value is the event time.
    Hour,
}

/// A value that was seen. What does not fit the feature's kind teaches nothing and is not strange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A category's hash.
    Category(u64),
    /// An amount.
    Number(f64),
    /// The event time itself.
    Hour,
}

/// How baselines forget, whom they believe and how large they grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaselineSettings {
    /// Seconds after which a sighting counts half.
    pub half_life_s: f64,
    /// Seconds east of UTC of the place's wall clock: for hours of the week.
    pub zone_s: i64,
    /// What one value of one key can gain a day, however often it is seen.
    pub value_a_day: f64,
    /// What one source can add to one key a day, over all values.
    pub source_a_day: f64,
    /// Entities kept. Beyond, those that were least seen are forgotten.
    pub entities_max: usize,
}

impl Default for BaselineSettings {
    /// Thirty days: a month's habits, and a job changed is learned in as long. Eight sightings a value and day: what comes
    /// hourly is told from what comes once, and one loud day stays one day among thirty. A source may add eight values' worth.
    fn default() -> Self {
        Self { half_life_s: 30.0 * 86_400.0, zone_s: 0, value_a_day: 8.0, source_a_day: 64.0, entities_max: 200_000 }
    }
}

impl BaselineSettings {
    /// The same with everything in range.
    pub(super) fn checked(self) -> Self {
        let positive = |value: f64, other: f64| if value.is_finite() && value > 0.0 { value } else { other };
        let usual = Self::default();
        Self {
            half_life_s: positive(self.half_life_s, usual.half_life_s),
            zone_s: self.zone_s.clamp(-86_400, 86_400),
            value_a_day: positive(self.value_a_day, usual.value_a_day),
            source_a_day: positive(self.source_a_day, usual.source_a_day),
            entities_max: self.entities_max.clamp(1, 1 << 22),
        }
    }
}
