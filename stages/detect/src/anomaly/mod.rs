//! Detectors that learn: what is normal for whom, and what is not.
//!
//! Half A ([`Observer`]) says which fields of which records are learned from. Half B ([`Learner`]) gets observations in the
//! order (event time, source, offset): first all of them to learn, then all again to judge. What it finds strange are
//! [`Suspicion`]s: entity-windows with a score whose parts add up.
//!
//! | file | holds |
//! |---|---|
//! | `paths` | the fields that are learned from, by class |
//! | `names` | strings as numbers, raw values in normal form |
//! | `facts`, `measures` | an observation as facts (who did what) and amounts (how much, how many) |
//! | `window` | an entity's open hour and day |
//! | `texts` | the joint to models of texts: [`TextScorers`] |
//! | `judge` | closed windows as candidates with parts |
//! | `calibrate`, `shown` | p-values, discoveries of a day, the budget |
//! | `words` | numbers back into sentences |
//! | `keep` | baselines as bytes; [`describe`] and [`forget`] |
//! | `learner` | [`Learner`]: first learn all, then judge all |
//!
//! What is normal for whom is counted by `shieldwall_learn::baseline`, regular contact is found by `shieldwall_learn::timing`.
//!
//! **Poison.** The scanned history holds the attack. So a burst counts once for its hour, hours of one day little, hosts of one
//! hour not at all for each other; and an hour is judged without itself. **Decoys.** See `Budget` of the learning core.
//!
//! Cost: a few map look-ups for each fact of an observation; memory grows with different facts, never with records.

mod calibrate;
mod detectors;
mod facts;
mod judge;
mod keep;
mod learner;
mod measures;
mod names;
mod paths;
mod shown;
mod texts;
mod window;
mod words;

#[cfg(test)]
mod office;
#[cfg(test)]
mod tests;

pub use detectors::DETECTORS;
pub use facts::{SignedIn, signed_in};
pub use keep::{BASELINES_BYTES_MAX, describe, forget};
pub use learner::Learner;
pub use texts::{TextScorer, TextScorers, TextVerdict};

use shieldwall_schema::entity::Entity;
use shieldwall_schema::finding::Anomaly;
use shieldwall_schema::{Place, Timestamp};

/// Half A's part: which fields are learned from.
#[derive(Debug, Default)]
pub struct Observer {
    taught: paths::Taught,
}

impl Observer {
    /// Indices in [`LEARNED_PATHS`](shieldwall_schema::observation::LEARNED_PATHS), ascending, of what is learned from
    /// records of an OCSF class and activity; empty where such records teach nothing.
    pub fn paths(&self, class: u32, activity: u32) -> &[u16] {
        let _ = activity;
        self.taught.of(class)
    }
}

/// What detectors are told beside the observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Anomaly incidents a day that a person is willing to look at; never holds back what is extreme.
    pub budget_a_day: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { budget_a_day: 5.0 }
    }
}

/// Something strange: one entity in one window of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspicion {
    /// Which detector: index in [`DETECTORS`].
    pub detector: u16,
    /// Whom it concerns.
    pub entity: Entity,
    /// The host it was seen on, if one.
    pub host: Option<String>,
    /// Others that it speaks of, sorted.
    pub entities: Vec<Entity>,
    /// First and last event time of what is strange.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
    /// How many records.
    pub count: u64,
    /// Score, p-value and parts.
    pub anomaly: Anomaly,
    /// `low`, `medium`, `high`: from the p-value.
    pub level: &'static str,
    /// The records that show it, earliest first, at most a limit: source, place.
    pub evidence: Vec<(u32, Place)>,
}

/// What a detector is, as a finding names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorFacts {
    /// Stable id: `shieldwall.anomaly.process-lineage`.
    pub id: &'static str,
    /// Title of its findings, in plain words.
    pub title: &'static str,
    /// What it looks at and how it decides, two sentences.
    pub description: &'static str,
    /// ATT&CK tags as in Sigma: `attack.execution`, `attack.t1059`.
    pub tags: &'static [&'static str],
    /// Known harmless causes.
    pub false_positives: &'static [&'static str],
}

/// What learning gives at the end.
#[derive(Debug, Default)]
pub struct Learned {
    /// What stays within the budget or is extreme, in order of time.
    pub suspicions: Vec<Suspicion>,
    /// What the budget folded: how many, and the entities most concerned with their counts.
    pub folded: u64,
    /// See `folded`.
    pub folded_top: Vec<(Entity, u64)>,
    /// Good–Turing coverage, 0 to 1: how much of what happens here is known.
    pub coverage: f64,
    /// Baselines as bytes, to be kept; `Learner::resume` takes them back.
    pub baselines: Vec<u8>,
}
