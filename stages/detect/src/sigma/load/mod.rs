//! Rule packs → [`ir`](super::ir): parse, check, resolve; compiled sets.
//!
//! ```text
//! Pack ─yaml→ documents ─rule→ Rule + Filter ─filter→ RuleSet ─compiled→ bytes ─compiled→ RuleSet
//!                                  └ detection ─ modifiers, value, text, encode; condition
//! ```
//!
//! | module | does |
//! |---|---|
//! | [`pack`] | reads folders, archives and files, within limits |
//! | [`lists`] | what `%name%` stands for |
//! | `yaml`, `scalar`, `documents` | YAML with places and limits; types; rule collections |
//! | `rule`, `filter` | a document's parts |
//! | `correlation`, `resolve` | correlation rules; the rules that they name |
//! | `detection`, `condition` | selections and the words that join them |
//! | `modifiers`, `value`, `variants`, `text`, `encode` | one field, its modifiers and values |
//! | [`fault`] | every reason for a refusal, and the remark that says so |
//! | [`compiled`] | the stored form of a loaded set |
//! | [`limits`] | every limit, with its reason |
//!
//! What must stay true: a rule loads as its author wrote it or is refused with file, line and reason; it never runs
//! weaker than written without a remark. The result depends on the packs and lists alone, not on threads or the order
//! of files on disk.
//!
//! Costs (`benches/load.rs`, release profile, 4 cores of a shared VM): SigmaHQ's 4,039 files (6 MB) in 155 ms on one core,
//! 100 on two, 76 on four (quiet runs); the YAML parser alone takes 57 of the 155. Compiled: 7 to 13 ms on four.

mod condition;
mod correlation;
mod detection;
mod documents;
mod encode;
mod filter;
mod modifiers;
mod resolve;
mod rule;
mod run;
mod scalar;
mod text;
mod value;
mod variants;
mod yaml;

pub mod compiled;
pub mod fault;
pub mod limits;
pub mod lists;
pub mod pack;

#[cfg(test)]
mod tests;

pub use fault::{Note, Refusal, Remark, Skipped};
pub use lists::Lists;
pub use pack::Pack;
pub use run::{Loaded, fingerprint, load, load_with};

/// Lets a set's correlations see some matches of every rule: none may panic or keep anything at the end.
fn correlate(set: &super::ir::RuleSet) {
    use super::correlation::{Correlator, Seen};
    let (mut correlator, mut out) = (Correlator::new(set), Vec::new());
    for (time, offset) in [Some(i64::MIN), Some(0), None, Some(1), Some(i64::MAX), Some(0)].into_iter().zip(0_u64..) {
        for rule in (0_u32..).take(set.rules.len()).map(super::ir::RuleIndex) {
            let values = vec![vec!["1".to_owned(), offset.to_string()]; correlator.wanted(rule).len()];
            correlator.observe(Seen { rule, time, source: 0, offset, values: &values }, &mut out);
        }
    }
    correlator.finish(&mut out);
    assert_eq!((correlator.groups(), correlator.entries()), (0, 0), "a correlation keeps something at the end");
}

/// Feeds outside bytes to everything here that reads them: for fuzzing and for the replay of its corpus.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let pack = Pack { files: vec![("x.yml".to_owned(), data.to_vec())], ..Pack::default() };
    let mut lists = Lists::new();
    let _ = lists.insert_text("list", "a*\nb\n");
    let loaded = load_with(&[pack], &lists, 1);
    correlate(&loaded.set);
    let written = compiled::write(&loaded, &[0; 32]);
    let _ = compiled::read(&written);
    if let Ok((read, _)) = compiled::read(data) {
        correlate(&read.set);
    }
    let _ = Pack::from_zip("x", std::io::Cursor::new(data));
}
