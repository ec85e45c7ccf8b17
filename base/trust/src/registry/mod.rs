//! The registry of models: which were made or taken in here, which may be tried, and the one of each kind that acts.
//!
//! A model goes candidate → shadow → canary → active → retired. It goes forward only when signed evidence shows what the
//! policy asks for; it goes back at once. What must stay true: nothing that was revoked or is older than the floor of its
//! kind becomes active again, whatever files somebody puts back; a step is written down or not taken; no step is half taken.
//!
//! | module | holds |
//! |---|---|
//! | [`policy`] | what must be shown |
//! | [`sealed`] | signed statements |
//! | [`judge`] | whether they show it |
//! | [`state`] | what the journal adds up to, and which steps exist |
//! | [`store`] | journal, counter, artifacts and evidence on disk |
//! | [`active`] | [`Active`]: what may make findings |

pub mod active;
pub mod judge;
pub mod policy;
pub mod sealed;
pub mod state;
pub mod store;

pub use active::{Active, NotActive, activate};
pub use judge::{Case, Judged, Measured, Reason, Refused, approval, evidence, gate_uri, judge};
pub use policy::{NoPolicy, Policy};
pub use state::{Forbidden, Model, Stage, State};
pub use store::{Registry, RegistryError};
