//! `shieldwall show`: one finding of a case, whole.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::{Global, Outcome};
use crate::case::Case;
use crate::output::report::groups;
use crate::output::show::show;
use crate::output::style::Style;

/// Flags of `show`, as written.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The finding's number in the report
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
    /// The case's folder [default: the last scan]
    case: Option<PathBuf>,
}

/// Runs the command.
pub fn run(global: &Global, args: &ShowArgs) -> Result<Outcome> {
    let case = match &args.case {
        Some(folder) => Case::open(folder)?,
        None => Case::open(&global.home()?.latest_case())
            .map_err(|error| error.context("no scan to show: run `shieldwall scan PATH` first, or name a case"))?,
    };
    let findings = case.findings()?;
    let groups = groups(&findings);
    let Some(group) = groups.get(args.number as usize - 1) else {
        bail!("there is no finding {}: this case has {}", args.number, groups.len());
    };
    let mut text = String::new();
    show(group, &Style::of_stdout(), &mut text);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Outcome::Clean)
}
