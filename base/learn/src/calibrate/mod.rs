//! Scores → p-values → what a person is shown.
//!
//! | file | holds |
//! |---|---|
//! | [`conformal`](Conformal) | split-conformal p-values from scores of what is normal |
//! | [`recent`](Recent) | the time-decayed sample of recent normals that a [`Conformal`] is made from |
//! | [`fusion`](Fusion) | several p-values → one score that adds up and one p-value that is calibrated again |
//! | [`discovery`](benjamini_hochberg) | many p-values at once |
//! | [`budget`](Budget) | at most N a day, without a way to hide behind noise |
//! | [`coverage`](Coverage) | how much of what happens is known (Good–Turing) |
//! | [`adaptive`](Adaptive) | the level that keeps an asked false-alarm rate under feedback |
//!
//! A p-value here is always a claim about false alarms: among normals like those learned from, at most a share p scores as
//! high. It says nothing about how likely an attack is. What a sample cannot support is not claimed: n normals give no
//! p-value below 1/(n + 1); [`Conformal::ranking_surprise`] orders what lies beyond and is never a p-value.

mod adaptive;
mod budget;
mod conformal;
mod coverage;
mod discovery;
mod fusion;
mod recent;

pub use adaptive::Adaptive;
pub use budget::{Budget, Candidate, Folded, Selection};
pub use conformal::{Conformal, REFERENCE_MAX};
pub use coverage::Coverage;
pub use discovery::{adjusted, benjamini_hochberg};
pub use fusion::{Fused, Fusion, fisher, fisher_p_value, surprise};
pub use recent::{RECENT_MAX, Recent, RecentSettings};
