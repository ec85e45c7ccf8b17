//! Baselines: what is normal for whom.
//!
//! | file | holds |
//! |---|---|
//! | [`settings`](BaselineSettings) | half-lives, caps, limits; what kinds of features there are |
//! | [`key`] | one entity's one feature: decayed counts of a few values |
//! | [`state`](Baselines) | all entities: learn, cap, forget, merge |
//! | [`peers`](Peers) | what entities of a group have in common |
//! | [`surprise`](Surprise) | how strange a value is for an entity, and the facts to say so in words |
//! | [`trend`](Boil) | slow boils: what grows so slowly that it is always normal |
//! | [`hours`] | hours of the week |
//! | [`snapshot`] | arrays to keep it as |
//!
//! Learning touches one entity only; what peers have in common is derived from all entities when asked
//! ([`Baselines::peers`]). So work split by entity and merged equals the whole, bit for bit.
//!
//! What must stay true: nobody can teach more than a cap a day ([`BaselineSettings::value_a_day`],
//! [`BaselineSettings::source_a_day`]); every table is bounded; times are event times, and what comes late counts less and
//! never moves time back.

mod hours;
mod key;
mod peers;
mod settings;
mod snapshot;
mod state;
mod surprise;
mod trend;

pub use hours::{HOURS, hour_of_week};
pub use key::SLOTS_MAX;
pub use peers::Peers;
pub use settings::{BaselineSettings, Kind, Value};
pub use state::{Baselines, Sighting};
pub use surprise::{Normal, Surprise};
pub use trend::Boil;
