//! Kind `script`: PowerShell above all. A script is read as what it does, whatever it was disguised as.
//!
//! | module | does |
//! |---|---|
//! | [`token`] | takes a script apart; backticks, quotes, comments, white space gone |
//! | [`fold`], [`value`] | computes constants: concatenation, formats, codes, base64 |
//! | [`decode`] | base64, hex, packed text, UTF-16 |
//! | [`names`] | aliases, parameters cut short, wildcards |
//! | [`mask`] | classes for what differs from machine to machine |
//! | [`canonical`] | writes the canonical form, a line per statement |
//! | [`measure`] | features of a piece |
//! | [`mutate`] | disguises of our own, to test and to train with |

use super::form::Form;
use super::shape::{Feature, Shape, TextKind, plain_class};

pub mod canonical;
pub mod decode;
pub mod fill;
pub mod fold;
pub mod generate;
pub mod mask;
pub mod measure;
pub mod mutate;
pub mod names;
pub(crate) mod parts;
pub mod token;
pub mod value;

/// What the kind brings.
pub static SHAPE: Shape = Shape {
    kind: TextKind::Script,
    version: 1,
    canonical,
    pieces,
    window: 0,
    raw: false,
    class: plain_class,
    signs: SIGNS,
    features: FEATURES,
    measure: measure::script,
};

/// Disguises that were undone.
pub const SIGNS: &[&str] = &[
    "backticks",
    "quoted_pieces",
    "mixed_case",
    "odd_signs",
    "joins",
    "formats",
    "codes",
    "edits",
    "decodes",
    "programs",
    "evaluated",
    "indirect",
];

/// What is measured of a piece.
pub const FEATURES: &[Feature] = measure::SCRIPT;

/// Lengths, in bytes, of the runs of statements that are judged on their own: a launcher, a stager, a small tool. A run
/// starts at every statement, or at least this fraction of its length after the one before ([`RUN_STEP`]).
pub const RUNS: [u32; 2] = [320, 1280];

/// Runs of statements overlap so that each byte is in at most this many of one length.
pub const RUN_STEP: u32 = 4;

/// Marks for every statement: shorter ones carry no meaning of their own.
const STATEMENT_MIN: u32 = 12;

fn canonical(text: &str, offset: usize, form: &mut Form) {
    let mut undone = fold::Undone::default();
    canonical::write(text, offset, None, 0, &mut undone, &mut |byte, from, to| form.push(byte, from, to));
    count(&undone, form);
}

/// Counts what was undone as signs, in the order of [`SIGNS`].
pub(crate) fn count(undone: &fold::Undone, form: &mut Form) {
    let seen = &undone.seen;
    let counts = [
        seen.backticks,
        seen.quoted_pieces,
        seen.mixed_case,
        seen.odd_signs,
        undone.joins,
        undone.formats,
        undone.codes,
        undone.edits,
        undone.decodes,
        undone.programs,
        undone.evaluated,
        undone.indirect,
    ];
    for (at, count) in counts.into_iter().enumerate() {
        form.sign(at, count);
    }
}

/// Statements, and runs of statements of two lengths: an attack between benign statements is still a piece of its own.
pub(crate) fn pieces(form: &[u8], out: &mut Vec<(u32, u32)>) {
    let mut ends: Vec<u32> =
        form.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u32).collect();
    ends.push(form.len() as u32);
    let starts = || std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    out.extend(
        starts().zip(&ends).filter(|(start, end)| start + STATEMENT_MIN <= **end).map(|(start, end)| (start, *end)),
    );
    for length in RUNS {
        let mut next = 0u32;
        let mut reach = 0usize;
        for start in starts() {
            if start < next {
                continue;
            }
            next = start + length / RUN_STEP;
            while ends.get(reach).is_some_and(|end| *end < start + length) {
                reach += 1;
            }
            let end = ends.get(reach).copied().unwrap_or(form.len() as u32).min(start + 2 * length);
            if start < end {
                out.push((start, end));
            }
        }
    }
}
