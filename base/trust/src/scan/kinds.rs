//! The kinds of findings that containers and formats without pickles make, and a short way to make one.
//!
//! Names are stable: they are rule ids in SARIF. A kind says what sort of thing was met, the weight of each finding says
//! what it means.

use crate::scan::report::{Finding, Kind, Weight};
use crate::scan::{Inside, Spent};

/// A container tells two different stories about itself.
pub const CONTAINER_LIES: Kind = kind("container-lies", &["CWE-436"], &["AML.T0074"]);
/// A member would be written outside the folder into which the container is unpacked.
pub const CONTAINER_ESCAPES: Kind = kind("container-escapes", &["CWE-22"], &["AML.T0011.000"]);
/// A container or a member of it could not be read.
pub const UNREAD: Kind = kind("unread", &[], &[]);
/// Far more bytes come out than go in.
pub const BOMB: Kind = kind("bomb", &["CWE-409"], &["AML.T0029"]);
/// A limit of the scan was reached.
pub const LIMIT: Kind = kind("limit", &["CWE-400"], &["AML.T0029"]);
/// The format's own rules are broken.
pub const BROKEN: Kind = kind("broken-format", &["CWE-20"], &[]);
/// Bytes that no rule of the format accounts for.
pub const HIDDEN: Kind = kind("hidden-bytes", &["CWE-506"], &["AML.T0074"]);
/// A configuration names a callable, a module or a class that the loader will import and call.
pub const CONFIG_CALLS: Kind = kind("config-calls", &["CWE-502", "CWE-94"], &["AML.T0011.000", "AML.T0018.002"]);
/// A template reaches out of its sandbox.
pub const TEMPLATE: Kind = kind("template-escapes", &["CWE-1336"], &["AML.T0011.000", "AML.T0018.002"]);
/// Source text that runs when the model is loaded.
pub const CODE: Kind = kind("code", &["CWE-94", "CWE-506"], &["AML.T0011.000", "AML.T0018.002"]);
/// A model's graph reads or writes files, reaches the network or runs code.
pub const GRAPH: Kind = kind("graph-acts", &["CWE-94", "CWE-73"], &["AML.T0011.000", "AML.T0018.002"]);
/// A path in a model points to a file outside of it.
pub const PATH: Kind = kind("path-escapes", &["CWE-22", "CWE-73"], &["AML.T0011.000"]);
/// Bytes that no known format claims.
pub const UNKNOWN: Kind = kind("unknown-format", &[], &[]);
/// Loading the pickle calls something that runs code, touches files or reaches the network.
pub const PICKLE_CALL: Kind = kind("pickle-call", &["CWE-502", "CWE-94"], &["AML.T0011.000", "AML.T0018.002"]);
/// Loading the pickle calls or imports something that nobody here knows.
pub const PICKLE_UNKNOWN: Kind = kind("pickle-unknown-callable", &["CWE-502"], &["AML.T0011.000"]);
/// The pickle imports something dangerous without calling it.
pub const PICKLE_IMPORT: Kind = kind("pickle-import", &["CWE-502"], &["AML.T0011.000", "AML.T0018.002"]);
/// The pickle's stream is broken or ends too early: what stands before was run by then.
pub const PICKLE_BROKEN: Kind = kind("pickle-broken", &["CWE-20", "CWE-502"], &["AML.T0074"]);
/// A pickle lies in another pickle's data.
pub const PICKLE_NESTED: Kind = kind("pickle-nested", &["CWE-502", "CWE-506"], &["AML.T0011.000", "AML.T0018.002"]);

const fn kind(name: &'static str, cwe: &'static [&'static str], atlas: &'static [&'static str]) -> Kind {
    Kind { name, cwe, atlas }
}

/// A finding at the start of what is being read; change the fields that differ with `..`.
pub(crate) fn found(inside: &Inside<'_>, kind: &'static Kind, weight: Weight, words: impl Into<String>) -> Finding {
    Finding { kind, weight, member: inside.path.join("!"), offset: 0, call: None, advisories: &[], words: words.into() }
}

/// The finding that says that a limit was reached.
pub(crate) fn limit(inside: &Inside<'_>, spent: Spent) -> Finding {
    found(inside, &LIMIT, Weight::NotProven, format!("the rest was not read: {spent}"))
}

/// Text of a file as it may be shown: cut, and without control characters.
pub(crate) fn shown(text: &str) -> String {
    /// Characters of a name or a value that a finding repeats: enough to find it, too few to flood a report.
    const SHOWN_MAX: usize = 120;
    let mut out: String = text.chars().take(SHOWN_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        out.push('…');
    }
    out
}
