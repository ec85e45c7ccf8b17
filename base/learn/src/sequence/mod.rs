//! Sequence: count vectors and backed-off n-grams over ids; a template miner that makes ids of log lines.
//!
//! | module | holds |
//! |---|---|
//! | [`drain`] | log lines → templates with ids and the parts that vary |
//! | [`vocabulary`] | ids as people write them (numbers, texts) ↔ numbers; a data set of sequences |
//! | [`model`] | [`SequenceModel`]: whole sessions, scored and explained |
//! | `grams` | which id follows which, in contexts of up to four ids |
//! | `counts` | how often each id occurs in a session, against the sessions seen |
//! | `upper` | a value → −ln of the share of normals that reach it |
//! | [`transitions`] | the streaming form for detectors: what follows what, forgotten with time |

mod counts;
pub mod drain;
mod explain;
mod grams;
mod keep;
pub mod model;
pub mod transitions;
mod upper;
pub mod vocabulary;
mod weights;

pub use drain::{Drain, DrainSettings};
pub use model::{Scratch, SequenceModel, SequenceSettings};
pub use transitions::Transitions;
pub use vocabulary::{SequenceData, Token, Vocabulary};
