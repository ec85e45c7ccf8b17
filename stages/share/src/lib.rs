//! What may leave: findings of others' concern, without anything of our own.
//!
//! | module | does |
//! |---|---|
//! | [`candidate`] | what a case holds and somebody might want |
//! | [`own`] | what belongs to us: addresses, names, domains |
//! | [`redact`] | judges every candidate; the only maker of [`Shareable`] |
//! | [`stix`] | shareable items as a STIX 2.1 bundle |
//!
//! Nothing here sends anything, reads a clock or knows a file: data in, data out. A writer takes a [`Redacted`] and nothing
//! else, so what was not judged cannot leave. Every judgement, for or against, stands in the [`Preview`].

pub mod candidate;
pub mod own;
pub mod redact;
pub mod stix;

pub use candidate::{Candidate, Role, What};
pub use own::Own;
pub use redact::{Line, Preview, Redacted, Shareable, Thing, redact};
