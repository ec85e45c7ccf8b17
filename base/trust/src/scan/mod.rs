//! What a file of a model would do to whoever loads it, found without loading it. Nothing here executes, imports or
//! unpickles anything: callables are names, and a name is only ever compared.
//!
//! There are three verdicts. *Clean* is said only of what was read to its last byte and understood; *malicious* of what
//! would run code, reach files or the network; everything else is *not proven*, which is not clean.
//!
//! | module | holds |
//! |---|---|
//! | [`report`] | verdicts and findings |
//! | [`bytes`] | random access to a file, a part of it, or what was unpacked from it |
//! | [`scan()`] | drives a scan: asks every format, reads members in turn |
//! | [`budget`] | the named limits of one scan, and what was spent |
//! | [`format`] | one file a format, each told apart by its content |
//! | [`kinds`] | kinds of findings of containers and of formats without pickles |
//! | `judge` | what configurations, templates, source and paths would do |
//! | `hdf5` | the structure of HDF5 files |
//! | `pickle` | the symbolic pickle machine |
//! | `unpack`, `zip` | bytes out of packed streams; zip archives by two rules at once |

pub mod budget;
pub mod bytes;
mod drive;
pub mod format;
mod hdf5;
mod judge;
pub mod kinds;
mod pickle;
pub mod report;
mod unpack;
mod zip;

pub use budget::{Budget, Spent};
pub use bytes::{Bytes, Part};
pub use drive::scan;
pub use report::{Finding, Kind, Report, Verdict, Weight};

/// One format of model file.
pub trait Format: Sync {
    /// Its name for people: "pickle", "torch zip".
    fn name(&self) -> &'static str;

    /// Whether bytes are of this format, from their content alone; a name is never looked at. Several formats may claim the
    /// same bytes (a polyglot): each of them then reads, and what any of them finds counts.
    fn claims(&self, bytes: &dyn Bytes) -> bool;

    /// Reads it, and says what was found. Must not fail: what cannot be read is a finding of weight
    /// [`Weight::NotProven`]. `inside` is the path inside containers ("archive.pkl"), `scan` reads what lies inside.
    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report);
}

/// Where in nested containers a reader is, and how it has its members read in turn.
pub struct Inside<'a> {
    /// Names of the members that led here, outermost first; empty at the file itself.
    pub path: &'a [String],
    /// Reads a member by its content: name, bytes, and where its findings go. Depth and sizes are bounded by the budget.
    pub member: &'a dyn Fn(&str, &dyn Bytes, &mut Report),
    /// What this scan may still spend.
    pub budget: &'a Budget,
}
