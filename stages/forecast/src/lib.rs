//! Techniques seen → techniques likely to be seen: a short list to watch and pre-empt, with honest odds. It never says what
//! the attacker does next; it says what reports of intrusions with these techniques also told of.
//!
//! | module | holds |
//! |---|---|
//! | [`techniques`] | ATT&CK's table: names, tactics, platforms, what was revoked |
//! | [`reports`] | what is learned from: sets of techniques, some with the name of a group or campaign |
//! | [`matrix`] | square matrices over techniques |
//! | [`rp3`], [`ease`], [`bayes`], [`neighbours`], [`tactics`] | five rankers, each in closed form |
//! | [`ranker`] | their weighted sum |
//! | [`odds`] | scores → probabilities |
//! | [`stix`] | ATT&CK as MITRE publishes it |
//! | [`outlook`] | a forecast for an incident: who would see each technique here, and what to do beforehand |
//! | [`countermeasures`] | a small table of D3FEND's countermeasures |
//! | [`why`] | links from what was seen, with counts; groups and campaigns alike |
//! | [`forecaster`] | [`Forecaster`]: all of it, as one model |
//!
//! What must stay true: observed techniques are never forecast; the same input gives the same bytes; a technique that
//! ATT&CK does not know is named and never dropped; every probability is a share of reports.

pub mod bayes;
pub mod countermeasures;
pub mod ease;
pub mod forecaster;
pub mod matrix;
pub mod neighbours;
pub mod odds;
pub mod outlook;
pub mod ranker;
pub mod reports;
pub mod rp3;
pub mod stix;
pub mod tactics;
pub mod techniques;
pub mod why;

pub use forecaster::{Forecast, Forecaster, Next};
pub use ranker::{Ranker, Settings};
pub use reports::{Reports, Source};
pub use techniques::{State, Technique, Techniques};
