//! Signatures over a folder of files, as the OpenSSF's model-signing v1.0 writes them: every file by its hash in an in-toto
//! statement, in a DSSE envelope, in a Sigstore bundle (v0.3). Signatures made here are verified by its reference tool, and the
//! other way round.
//!
//! | module | holds |
//! |---|---|
//! | [`strict`] | JSON in which no key stands twice |
//! | [`tree`] | the files below a folder and their hashes, whole or in shards |
//! | [`manifest`] | what is signed: hashes by name, and how they were made |
//! | [`bundle`] | the envelope around it |
//! | [`verify`] | the strict check: what differs, what is not covered, who signed |
//! | [`chain`] | certificates up to a root that the user names |
//!
//! **Stricter than the reference**, each with a test: an expired certificate is refused; paths of git are covered; a signer's
//! list of ignored paths excuses nothing; empty files are covered in shard manifests; a name or a JSON key that stands twice, and
//! a second signature, are refused; names decide, never the subject's digest alone.

pub mod bundle;
pub mod chain;
pub mod manifest;
pub mod strict;
pub mod tree;
pub mod verify;

pub use bundle::{Credential, sign};
pub use manifest::{Hashing, Manifest, Method, Resource};
pub use tree::{Entry, TreeError, entries};
pub use verify::{Believed, Refusal, Report, verify};
