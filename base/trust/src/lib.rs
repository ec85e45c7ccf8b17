//! What may be trusted: bytes, their hashes, and who vouches for them. Knows nothing of what the bytes mean.
//!
//! | module | holds |
//! |---|---|
//! | [`artifact`] | [`Artifact`]: bytes with their SHA-256 |
//! | [`verified`] | [`Verified`]: what was found worthy; made in one place only, beside the check |
//! | [`audit`] | what was done, in an order that nobody can change unseen |
//! | [`dsse`] | the envelope around everything that is signed |
//! | [`bom`] | what a model is made of, verified or claimed |
//! | [`pack`] | rules, models and lists in one signed file |
//! | [`registry`] | which models may be tried, and which acts |
//! | [`scan`] | what a model file would do when loaded: clean, malicious or not proven; nothing is ever executed |
//! | [`key`] | keys that sign and keys that verify |
//! | [`sign`] | signatures over folders, as the OpenSSF writes them |
//! | [`list`] | the list of models that this machine trained itself |
//!
//! Today an artifact is worthy if its hash is compiled into the program, named by the user, or in the list that only the
//! user can write. Where a file lies never matters.

pub mod artifact;
pub mod audit;
pub mod bom;
pub mod dsse;
pub mod key;
pub mod list;
pub mod pack;
pub mod registry;
pub mod scan;
pub mod sign;
pub mod verified;

pub use artifact::{Artifact, Hash};
pub use list::{ListError, TrustList};
pub use verified::{Roots, Untrusted, Verified, Why};
