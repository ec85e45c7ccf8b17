//! Matches of rules → incidents: what belongs together, how bad it is, and in which order a person should look.
//!
//! A [`Correlate`] is fed one [`Sighting`](shieldwall_schema::incident::Sighting) after the other in the order of time and
//! keeps a bounded state. It knows no log format and no rule language; it sees entities, times and what a rule says of
//! itself. How it decides is written for people in `docs/concepts/incidents.md`.
//!
//! | module | holds |
//! |---|---|
//! | [`limits`] | everything that is bounded, and how long which entity joins |
//! | `correlate` | [`Correlate`]: one sighting in, state changed |
//! | `entities` | the table of open entities: who was seen lately, where, in which incident |
//! | `state` | one incident while it grows |
//! | `risk` | weights of levels, repeats, decay |
//! | `involved` | whom an incident concerns: the most frequent, in bounded memory |
//! | [`skew`] | hosts whose clocks disagree |
//! | `finish` | [`Correlated`]: the ranked incidents |

mod correlate;
mod entities;
mod finish;
mod involved;
pub mod limits;
mod risk;
pub mod skew;
mod state;

pub use correlate::Correlate;
pub use finish::{Correlated, Hub};
pub use limits::{Limits, Windows};
pub use skew::Skew;
