//! `shieldwall playbook`: list, check and show playbooks (CACAO 2.0).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use shieldwall_respond::playbook::json::PLAYBOOK_BYTES_MAX;
use shieldwall_respond::playbook::{Kind, Playbook, Refused};

use super::{Global, Outcome};
use crate::output::escape::escape;

include!(concat!(env!("OUT_DIR"), "/playbooks.rs"));

/// Flags of `playbook`, as written.
#[derive(Debug, Args)]
pub struct PlaybookArgs {
    #[command(subcommand)]
    command: PlaybookCommand,
}

#[derive(Debug, Subcommand)]
enum PlaybookCommand {
    /// List the built-in playbooks
    List,
    /// Check playbooks: the form that CACAO 2.0 asks for, and that every way ends
    Check {
        /// Files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print a playbook as CACAO 2.0
    Show {
        /// A built-in playbook's name, or a file
        playbook: String,
    },
}

/// Runs the command.
pub fn run(_: &Global, args: &PlaybookArgs) -> Result<Outcome> {
    let mut out = io::stdout().lock();
    let mut bad = false;
    match &args.command {
        PlaybookCommand::List => {
            for (name, text) in PLAYBOOKS {
                let playbook = Playbook::read(text.as_bytes()).map_err(|faults| refused(name, &faults))?;
                let steps = playbook.steps.values().filter(|step| matches!(step.kind, Kind::Action { .. })).count();
                let techniques = playbook.selector.map(|selector| selector.techniques.join(" ")).unwrap_or_default();
                writeln!(out, "{name:<20} {} ({steps} steps; {techniques})", playbook.name)?;
            }
        }
        PlaybookCommand::Check { files } => {
            for path in files {
                let shown = path.display().to_string();
                match Playbook::read(&bytes_of(path)?) {
                    Ok(playbook) => writeln!(out, "{}: good: {}", escape(&shown), escape(&playbook.name))?,
                    Err(faults) => {
                        bad = true;
                        for fault in faults {
                            writeln!(out, "{}: {}", escape(&shown), escape(&fault.to_string()))?;
                        }
                    }
                }
            }
        }
        PlaybookCommand::Show { playbook } => writeln!(out, "{}", named(playbook)?.to_json())?,
    }
    out.flush()?;
    Ok(Outcome::of(bad, false))
}

/// A built-in playbook by its name, or one from a file.
///
/// # Errors
/// When there is none, or it is refused.
pub fn named(name: &str) -> Result<Playbook> {
    let built_in = PLAYBOOKS.iter().find(|(own, _)| *own == name).map(|(_, text)| text.as_bytes().to_vec());
    let bytes = match built_in {
        Some(bytes) => bytes,
        None if !Path::new(name).exists() => {
            bail!("there is no playbook `{name}`: `shieldwall playbook list` names them")
        }
        None => bytes_of(Path::new(name))?,
    };
    Playbook::read(&bytes).map_err(|faults| refused(name, &faults))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    let mut bytes = Vec::new();
    // One byte more than is read, so that the reader says that it is too long.
    file.take(PLAYBOOK_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read `{shown}`"))?;
    Ok(bytes)
}

fn refused(name: &str, faults: &[Refused]) -> anyhow::Error {
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("`{name}` is refused: {}", words.join("; "))
}
