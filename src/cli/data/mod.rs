//! `shieldwall data`: check, diff.
//!
//! | module | does |
//! |---|---|
//! | [`check`], [`diff`] | the commands |
//! | [`read`] | CSV and Parquet → a profile of every column, and a frame to learn from |
//! | [`tables`], [`texts`] | what is looked for in a table and in texts |
//! | [`finding`] | what was found, as words and as JSON |
//! | [`manifest`] | `dataset.json`: what a data set was, row by row |

pub(super) mod check;
mod diff;
pub(super) mod finding;
mod manifest;
mod read;
mod tables;
mod texts;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::{Global, Outcome};

/// Arguments of `data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Look for what should not teach: bad cells, duplicates, leaks, flipped labels, backdoors, heavy sources
    Check(Box<check::CheckArgs>),
    /// Name the rows that changed between two data sets or their manifests
    Diff(diff::DiffArgs),
}

/// Runs `data`.
///
/// # Errors
/// When data cannot be read or a manifest not be written.
pub fn run(global: &Global, args: &DataArgs) -> Result<Outcome> {
    match &args.command {
        DataCommand::Check(args) => check::run(global, args),
        DataCommand::Diff(args) => diff::run(global, args),
    }
}
