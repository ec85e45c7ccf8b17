//! `shieldwall playbook`: list, check and show playbooks (CACAO 2.0).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use shieldwall_respond::playbook::json::PLAYBOOK_BYTES_MAX;
use shieldwall_respond::playbook::{Kind, Playbook, Refused, select};
use shieldwall_schema::incident::Incident;

use super::{Global, Outcome};
use crate::confine::Needs;
use crate::home::Home;
use crate::output::escape::escape;
use crate::packs;

include!(concat!(env!("OUT_DIR"), "/playbooks.rs"));

/// Flags of `playbook`, as written.
#[derive(Debug, Args)]
pub struct PlaybookArgs {
    #[command(subcommand)]
    command: PlaybookCommand,
}

#[derive(Debug, Subcommand)]
enum PlaybookCommand {
    /// List the built-in playbooks and those of packs
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
pub fn run(global: &Global, args: &PlaybookArgs) -> Result<Outcome> {
    let home = global.home().ok();
    global.confine(&Needs::default());
    let mut out = io::stdout().lock();
    let mut bad = false;
    match &args.command {
        PlaybookCommand::List => {
            for (name, playbook) in all(home.as_ref())? {
                let steps = playbook.steps.values().filter(|step| matches!(step.kind, Kind::Action { .. })).count();
                let techniques = playbook.selector.map(|selector| selector.techniques.join(" ")).unwrap_or_default();
                let name = escape(&name);
                writeln!(out, "{name:<20} {} ({steps} steps; {})", escape(&playbook.name), escape(&techniques))?;
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
        PlaybookCommand::Show { playbook } => writeln!(out, "{}", named(home.as_ref(), playbook)?.to_json())?,
    }
    out.flush()?;
    Ok(Outcome::of(bad, false))
}

/// All playbooks by name: the built-in ones, and `PACK/NAME` of packs that were taken in.
///
/// # Errors
/// When a pack is not as it was taken in.
fn all(home: Option<&Home>) -> Result<Vec<(String, Playbook)>> {
    let mut all = Vec::new();
    for (name, text) in PLAYBOOKS {
        all.push(((*name).to_owned(), Playbook::read(text.as_bytes()).map_err(|faults| refused(name, &faults))?));
    }
    for (name, bytes) in home.map(packs::playbooks).transpose()?.unwrap_or_default() {
        let playbook = Playbook::read(&bytes).map_err(|faults| refused(&name, &faults))?;
        all.push((name, playbook));
    }
    Ok(all)
}

/// Checks the playbooks of a pack before it is taken in.
///
/// # Errors
/// When one is refused.
pub fn check(playbooks: &[(String, Vec<u8>)]) -> Result<()> {
    for (name, bytes) in playbooks {
        Playbook::read(bytes).map_err(|faults| refused(name, &faults))?;
    }
    Ok(())
}

/// Names of the playbooks that fit an incident, best first.
///
/// # Errors
/// When a pack is not as it was taken in.
pub fn fitting(home: Option<&Home>, incident: &Incident, rules: &[String]) -> Result<Vec<String>> {
    let all = all(home)?;
    let techniques: Vec<String> = incident.techniques.iter().map(|(id, _)| id.clone()).collect();
    let tactics: Vec<String> = incident.tactics.iter().map(|(name, _)| name.clone()).collect();
    let playbooks: Vec<Playbook> = all.iter().map(|(_, playbook)| playbook.clone()).collect();
    let fitting = select(&playbooks, &techniques, &tactics, rules);
    let name = |id: &str| all.iter().find(|(_, playbook)| playbook.id == id).map(|(name, _)| name.clone());
    Ok(fitting.into_iter().filter_map(|playbook| name(&playbook.id)).collect())
}

/// A playbook by its name, or one from a file.
///
/// # Errors
/// When there is none, or it is refused.
pub fn named(home: Option<&Home>, name: &str) -> Result<Playbook> {
    let built_in = PLAYBOOKS.iter().find(|(own, _)| *own == name).map(|(_, text)| text.as_bytes().to_vec());
    let of_pack = || -> Result<Option<Vec<u8>>> {
        let all = home.map(packs::playbooks).transpose()?.unwrap_or_default();
        Ok(all.into_iter().find(|(own, _)| own == name).map(|(_, bytes)| bytes))
    };
    let bytes = match built_in.map_or_else(of_pack, |bytes| Ok(Some(bytes)))? {
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
