//! The learning core: features, models, scores, attributions, calibration. Numbers only: nothing here reads a file, a
//! clock or the network, and nothing knows a log format.
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | [`Model`]: fit, learn online, score, explain so that contributions add up |
//! | [`frame`] | [`Frame`]: a table of numbers and categories, with its [`Schema`] |
//! | [`forest`] | boosted and isolating trees, exact TreeSHAP |
//! | [`tabular`] | one model for a table, of forests and neighbours; who controls a feature; an attacker who pads |
//! | [`tail`] | tails of a table's columns |
//! | [`baseline`] | tails of each entity, against its peers, over time |
//! | [`sequence`] | what follows what; log templates |
//! | [`text`] | hostile domains, requests, command lines, scripts |
//! | [`calibrate`] | scores → p-values, fusion, alert budget |
//! | [`drift`], [`sketch`], [`timing`], [`metrics`] | change over time, counting in little memory, regularity, how good a model is |
//! | [`gate`] | what a table hides before it teaches, what a model withstands before it decides |
//! | [`bundle`] | a model with its calibration, as a file holds it |
//! | [`tensors`] | [`Tensors`]: what a model is kept as; bytes in, bytes out, strictly checked |
//! | [`random`] | [`Random`]: the one source of chance, seeded |
//!
//! What must stay true: the same data and seed give the same bytes on every machine and at any number of threads; an
//! explanation's contributions sum to score − base; every limit has a name.

pub mod baseline;
pub mod bundle;
pub mod calibrate;
pub mod drift;
pub mod forest;
pub mod frame;
pub mod gate;
pub mod metrics;
pub mod model;
pub mod random;
pub mod sequence;
pub mod sketch;
pub mod tabular;
pub mod tail;
pub mod tensors;
pub mod text;
pub mod timing;

pub use bundle::Bundle;
pub use frame::{Feature, FeatureKind, Frame, Schema};
pub use model::{Contribution, Explanation, FitError, Model, Part};
pub use random::Random;
pub use tensors::{Array, LoadError, Tensors};
