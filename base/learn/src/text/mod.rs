//! Text: hashed character n-grams and features of strings: domains, HTTP parameters, command lines, scripts.
//!
//! One engine ([`TextModel`]), four kinds ([`TextKind`]); a kind is a [`Shape`]: how a text is brought into its canonical
//! form, where it falls into pieces, and what is measured of a piece. A text's way to its score:
//!
//! 1. canonical form ([`Form`]): decoded, unquoted, lower case …, each byte knowing the raw bytes it came from; what was
//!    undone is counted (*signs*);
//! 2. pieces: the whole, its natural parts (parameters, statements), overlapping windows of what is long, and the raw text
//!    where the kind wants it;
//! 3. for each piece: the sum of its n-grams' weights (logistic regression, [`linear`]), how surprising it is to a language
//!    model of the benign texts ([`surprise`]), the kind's features; a [`head`] makes one number of these;
//! 4. the text's score is the **highest** of its pieces'.
//!
//! What must stay true:
//! - the head never falls with the n-gram sum or with a sign. So a mutation that the canonical form undoes (case, quotes,
//!   encodings) and pieces added beside an attack leave the attack's own piece as it was, and the score does not fall below
//!   that of the plain attack;
//! - weights are 16-bit integers and their sums 64-bit: no rounding, whatever the order; scores are the same everywhere;
//! - linear time: each byte is in at most one natural piece and two windows.
//!
//! | module | holds |
//! |---|---|
//! | [`form`] | canonical bytes with their way back to raw offsets |
//! | [`grams`] | which buckets a piece's n-grams fall into |
//! | [`linear`] | logistic regression over buckets |
//! | [`surprise`] | the language model |
//! | [`head`] | features and n-gram sum → score: curves ([`additive`]) and trees |
//! | [`model`] | [`TextModel`]: all of it behind [`Model`](crate::Model) |
//! | [`domain`], [`http`], [`command`], [`script`] | the kinds |

pub mod additive;
mod beside;
pub mod command;
pub mod domain;
pub mod form;
pub mod grams;
pub mod head;
pub mod http;
pub mod linear;
pub mod model;
mod plain;
pub mod script;
pub mod shape;
pub mod surprise;
pub mod words;

#[cfg(test)]
mod tests;

pub use form::Form;
pub use head::HeadSettings;
pub use model::{Scratch, Settings, TextModel, Texts};
pub use plain::plain;
pub use shape::{Feature, Shape, TextKind};

/// Bytes of a text that are read; of a longer one the first three quarters of this and the last quarter. An attack hidden
/// in the middle of a larger text is not seen, which the caller is told ([`unread`]).
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Bytes of the text that a score says nothing about.
pub fn unread(text: &str) -> usize {
    let (head, _, tail) = capped(text);
    text.len() - head.len() - tail.len()
}

/// The part that is read: its head, where the tail starts, and the tail (empty where the text is short).
fn capped(text: &str) -> (&str, usize, &str) {
    if text.len() <= TEXT_BYTES_MAX {
        return (text, text.len(), "");
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX / 4 * 3);
    let start = text.ceil_char_boundary(text.len() - TEXT_BYTES_MAX / 4);
    (text.get(..end).unwrap_or(""), start, text.get(start..).unwrap_or(""))
}
