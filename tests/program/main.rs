//! The program as a user runs it. One binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that meets the unexpected must fail"
)]

mod artifacts;
mod cli;
mod confine;
mod conformance;
mod controls;
mod data;
mod determinism;
mod faults;
mod forecast;
mod learning;
mod model;
mod packs;
mod replay;
mod respond;
mod run;
mod story;
mod trust;
