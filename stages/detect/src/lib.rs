//! [`Event`](shieldwall_schema::Event) → findings.
//!
//! Detectors see tagged events and their wanted fields only; they know no log format.

pub mod sigma;
