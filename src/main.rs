//! The program: parse, call, print, pick the exit code.

mod baselines;
mod books;
mod case;
mod cli;
mod confine;
mod home;
mod line;
mod models;
mod output;
mod packs;
mod response;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
