//! The program as a user runs it. One binary, so that it links once.

mod cli;
mod conformance;
mod determinism;
mod faults;
mod run;
