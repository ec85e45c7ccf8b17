//! [`Event`](shieldwall_schema::Event) → findings: [`sigma`] by rules, [`anomaly`] by what is normal.
//!
//! Detectors see tagged events and their wanted fields only; they know no log format.

pub mod anomaly;
pub mod sigma;
