//! `cargo xtask`: what the repository does to itself. Each verb is one module.
//!
//! | verb | does |
//! |---|---|
//! | `ocsf --schema DIR [--check]` | writes (or checks) the OCSF field table |
//! | `ocsf --validate FILE` | checks OCSF events, one JSON object a line, against the table |
//! | `attack --table FILE [--check]` | writes (or checks) the table of technique names |
//! | `tidy` | checks the house rules |
//! | `bench [--evtx DIR] [--evtx-dump PROGRAM] [--rules DIR]… [--runs N]` | measures what a scan costs |
//! | `bench scan [--program PATH]` | measures `model scan` beside other scanners of model files |
//! | `evaluate [--rules DIR]… [--program PATH]` | counts what a scan finds and misses; writes EVALUATION.md |
//! | `incidents [--rules DIR]… [--program PATH] [--seeds N] [--tune]` | measures whether incidents join what belongs together |
//! | `learning [NAME…]` | measures the learned parts on splits that hide families, attack types or later times |
//! | `release [-o DIR] [--key K]` | the program with its bill of materials, hashes and signature |
//! | `train [KIND…] [--check]` | makes the models that are shipped, in `content/models` |
//! | `measure-one COMMAND…` | used by `bench`: runs a command and prints what it cost |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its streams")]
#![allow(clippy::indexing_slicing, reason = "`Value` indexing gives null, not a panic; inputs are our own")]

mod attack;
mod bench;
mod built;
mod evaluate;
mod forecast;
mod measure;
mod ocsf;
mod release;
mod tidy;
mod train;
mod validate;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Verbs that take paths get them as the system gave them; the others take text.
fn run(arguments: &[OsString]) -> Result<()> {
    let (verb, rest) =
        arguments.split_first().map_or(("", &[][..]), |(verb, rest)| (verb.to_str().unwrap_or(""), rest));
    match verb {
        "bench" => bench::run(rest),
        "evaluate" => evaluate::run(rest),
        "incidents" => evaluate::incidents::run(rest),
        "learning" => evaluate::learning::run(rest),
        "measure-one" => measure::one(rest),
        _ => run_text(verb, &rest.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>()),
    }
}

fn run_text(verb: &str, arguments: &[String]) -> Result<()> {
    let check = arguments.iter().any(|argument| argument == "--check");
    let tables = root().join("base/schema/src/ocsf");
    match verb {
        "ocsf" => match (option(arguments, "--schema"), option(arguments, "--validate")) {
            (Some(schema), None) => ocsf::run(&schema, &tables.join("table.rs"), check),
            (None, Some(file)) => validate::run(&file),
            _ => bail!("usage: cargo xtask ocsf --schema DIR [--check] | --validate FILE"),
        },
        "attack" => {
            let list = option(arguments, "--table").context("usage: cargo xtask attack --table FILE [--check]")?;
            attack::run(&list, &tables.join("attack_table.rs"), check)
        }
        "release" => release::run(option(arguments, "-o"), option(arguments, "--key").as_deref()),
        "tidy" => tidy::run(&root()),
        "train" => train::run(arguments),
        _ => {
            bail!("usage: cargo xtask ocsf | attack | tidy | bench | evaluate | incidents | learning | train | release")
        }
    }
}

fn option(arguments: &[String], name: &str) -> Option<PathBuf> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(PathBuf::from)
}

/// The repository's root: the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Writes a generated file, or says that the committed one is not current.
fn write_or_check(path: &Path, text: &str, check: bool) -> Result<()> {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    if old == text {
        return Ok(());
    }
    if check {
        bail!("`{}` is not current: run the same command without --check", path.display());
    }
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
