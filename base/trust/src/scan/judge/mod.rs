//! What several formats have in common: values read from text and binary notations, and judges of what such values would
//! do. A judge never fails and never acts: it adds findings.
//!
//! | module | holds |
//! |---|---|
//! | [`value`] | one tree for JSON, YAML and UBJSON, which keeps what others throw away: keys given twice |
//! | [`json`] | JSON into a tree |
//! | [`yaml`] | YAML into a tree, with its tags |
//! | [`proto`] | the wire format of protocol buffers, one field after the other |
//! | [`names`] | names of callables and modules, by what they can do |
//! | [`config`] | configurations of models: Keras, Hugging Face, Hydra, MLflow, skops |
//! | [`keras`] | what the configuration of a Keras model would import and call |
//! | [`keras_names`] | what Keras itself brings |
//! | [`tensorflow`] | operators of graphs, by what they do |
//! | [`skops`] | the types that a skops schema names |
//! | [`jinja`], `jinja_tokens` | chat templates |
//! | [`python`] | Python and TorchScript source |
//! | [`path`] | names of files: which of them leave their folder |

pub(crate) mod config;
pub(crate) mod jinja;
mod jinja_tokens;
pub(crate) mod json;
pub(crate) mod keras;
pub(crate) mod keras_names;
pub(crate) mod names;
pub(crate) mod path;
pub(crate) mod proto;
pub(crate) mod python;
pub(crate) mod skops;
pub(crate) mod tensorflow;
pub(crate) mod value;
pub(crate) mod yaml;
