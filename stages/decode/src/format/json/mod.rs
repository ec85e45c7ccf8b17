//! JSON Lines and JSON documents, of any log.
//!
//! | file | job |
//! |---|---|
//! | `sniff` | is it JSON, and is a line a record |
//! | `lines` | JSON Lines: chunks in any order |
//! | `document` | arrays, wrappers, objects over many lines: in order, one record at a time |
//! | `split`, `envelope` | documents into records |
//! | `expand` | one value: a record, a wrapper around records, or damage with records behind it |
//! | `scan`, `tape`, `paths` | a record's bytes into named values, without a tree |
//! | `rows`, `dialect` | whose log it is, what its fields are called |
//! | `record` | tag, time, projection, hand-over |
//! | `derive`, `confusable` | fields that are meant, characters that deceive |
//! | `time` | event times |
//!
//! A new dialect is a row in `rows` and, if its fields have other names in rules, a bucket in
//! `content/mappings/json.toml`.

mod confusable;
mod derive;
mod dialect;
mod document;
mod envelope;
mod expand;
mod lines;
mod paths;
mod record;
mod rows;
mod scan;
mod sniff;
mod split;
mod tape;
pub(crate) mod time;

#[cfg(test)]
mod tests;

pub use document::JsonDocument;
pub use lines::JsonLines;
