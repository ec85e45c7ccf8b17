//! The audit log: every change of what detects or acts, and every decision, in the order in which it was made, so that
//! nobody can later change, remove or reorder one unseen.
//!
//! What must stay true: an action that cannot be written down is not done; an entry is never rewritten; what a stopped
//! writer left behind is told by the next. Who holds the signing key *and* the folder can write another history: keep a head
//! (`shieldwall audit verify` prints it) elsewhere, and even that is seen.
//!
//! | module | holds |
//! |---|---|
//! | [`entry`] | one entry as a line of JSON, linked to the one before |
//! | [`merkle`] | the tree over all entries; proofs that fit on a screen |
//! | [`head`] | the signed root |
//! | [`check`] | what was edited, deleted, moved or cut off |
//! | [`log`] | the files, the writer, proofs of single entries |

pub mod check;
pub(crate) mod disk;
pub mod entry;
pub mod head;
pub mod log;
pub mod merkle;

pub use check::{Checked, Fault};
pub use entry::{Entry, Event};
pub use head::Head;
pub use log::{AuditError, Proof, Writer, entries, proof, verify};
