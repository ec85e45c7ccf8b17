//! `shieldwall model bom`: what a model is made of, as CycloneDX; every field verified from bytes or claimed, and said so.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;
use shieldwall_trust::Hash;
use shieldwall_trust::bom::{Bom, File, Spec, build};
use shieldwall_trust::sign::{Hashing, Method, entries, tree};

use super::sign::threads;
use super::store::MANIFEST;
use crate::cli::{Global, Outcome};
use crate::home::write_whole;

/// Bytes of a manifest that are read.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// Arguments of `model bom`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shieldwall model bom flows/ -o flows.cdx.json\n\
                        Sign its hash with the model: shieldwall model sign flows/ --bom flows.cdx.json")]
pub struct BomArgs {
    /// The model: a folder or a file
    #[arg(value_name = "PATH")]
    model: PathBuf,
    /// Which CycloneDX
    #[arg(long, value_enum, default_value_t = SpecArg::V1_6, value_name = "VERSION")]
    spec: SpecArg,
    /// Where it goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A version of CycloneDX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SpecArg {
    /// CycloneDX 1.6
    #[value(name = "1.6")]
    V1_6,
    /// CycloneDX 1.7
    #[value(name = "1.7")]
    V1_7,
}

/// Runs `model bom`.
///
/// # Errors
/// When the files cannot be read or the BOM not be written.
pub fn run(_: &Global, args: &BomArgs) -> Result<Outcome> {
    let spec = if args.spec == SpecArg::V1_6 { Spec::V1_6 } else { Spec::V1_7 };
    let bom = of(&args.model, spec)?;
    let text = format!("{:#}\n", bom.document);
    match &args.output {
        Some(path) => write_whole(path, text.as_bytes())?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    let mut out = io::stderr().lock();
    write!(out, "complete to {} %", bom.completeness)?;
    if !bom.missing.is_empty() {
        write!(out, "; nobody says: {}", bom.missing.join(", "))?;
    }
    writeln!(out)?;
    Ok(Outcome::Clean)
}

/// The BOM of a model.
///
/// # Errors
/// When its files cannot be read.
pub fn of(model: &Path, spec: Spec) -> Result<Bom> {
    let listed = entries(model)?;
    if listed.is_empty() {
        bail!("there is no file in `{}`", model.display());
    }
    let hashes = tree::hash(&listed, Method::Files, Hashing::Sha256, threads())?;
    let name = fs::canonicalize(model).unwrap_or_else(|_| model.to_path_buf());
    let name = name.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned());
    let files: Vec<File> = listed
        .iter()
        .zip(&hashes)
        .map(|(entry, resource)| {
            let hash: String = resource.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let own = if entry.name == "." { name.clone() } else { entry.name.clone() };
            Ok(File { name: own, len: entry.len, hash: hash.parse::<Hash>().context("a SHA-256")? })
        })
        .collect::<Result<_>>()?;
    let manifest = manifest(&model.join(MANIFEST))?;
    Ok(build(&name, &files, manifest.as_ref(), env!("CARGO_PKG_VERSION"), spec))
}

fn manifest(path: &Path) -> Result<Option<Value>> {
    let Ok(about) = fs::metadata(path) else { return Ok(None) };
    if about.len() > MANIFEST_BYTES_MAX {
        bail!("`{}` has {} bytes, at most {MANIFEST_BYTES_MAX} are read", path.display(), about.len());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    // Another program's manifest says nothing to us.
    Ok(serde_json::from_slice(&bytes).ok())
}
