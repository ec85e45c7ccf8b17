//! The formats that are read: one file each, and one line in the list below.

use crate::scan::Format;

/// Every format, in the order in which they are asked. The order changes nothing but the order of findings.
pub const FORMATS: &[&dyn Format] = &[];
