//! Pickles of every protocol, several in one file, with what joblib and torch put after and between them.

use crate::scan::report::Report;
use crate::scan::{Bytes, Format, Inside, pickle};

/// Pickles.
pub struct Pickle;

impl Format for Pickle {
    fn name(&self) -> &'static str {
        "pickle"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        pickle::claims(bytes)
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        pickle::read(bytes, inside, report);
    }
}
