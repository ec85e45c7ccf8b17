//! The OCSF 1.8.0 field table: which classes, objects and attributes there are and what their values are like.
//!
//! `table.rs` is written by `cargo xtask ocsf --schema DIR` from the published schema (github.com/ocsf/ocsf-schema,
//! Apache-2.0) with its extensions for Windows, Linux and macOS; nobody edits it by hand, and `--check` says whether it
//! is current. `attack_table.rs` is written likewise by `cargo xtask attack --table FILE`.
//!
//! | module | holds |
//! |---|---|
//! | [`types`] | [`Class`], [`Object`], [`Attribute`], [`Type`] |
//! | [`lookup`] | [`class`], [`resolve`] and the names of classes, categories, activities |
//! | [`field`] | [`FieldId`]: well-known paths as small numbers |
//! | [`form`] | what the text types look like: addresses, mail addresses, UUIDs |
//! | [`attack`] | the words for ATT&CK tactics and techniques |
//! | `validate` | whether a JSON event obeys the schema (feature `validate`, for tests and `xtask`) |

pub mod attack;
#[rustfmt::skip]
mod attack_table;
pub mod field;
pub mod form;
pub mod lookup;
#[rustfmt::skip]
mod table;
pub mod types;
#[cfg(any(test, feature = "validate"))]
pub mod validate;

pub use field::FieldId;
pub use lookup::{
    DETECTION_FINDING, INCIDENT_FINDING, OcsfField, PATH_DEPTH_MAX, UNMAPPED, activity_name, category_name, class,
    class_name, classes, object, resolve, resolve_in, type_uid,
};
pub use table::VERSION;
pub use types::{Attribute, Class, Constraints, Object, Requirement, Type};

#[cfg(test)]
mod tests;
