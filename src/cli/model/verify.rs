//! `shieldwall model verify`: whether a folder is what somebody signed; strict, and clear about what is not covered.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_trust::key::PublicKey;
use shieldwall_trust::sign::bundle::BUNDLE_BYTES_MAX;
use shieldwall_trust::sign::{Believed, Refusal, verify};

use super::sign::{certificates, threads, within};
use crate::cli::{Global, Outcome};
use crate::confine::Needs;
use crate::output::escape::escape;

/// Arguments of `model verify`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shieldwall model verify flows/ --signature flows.sig --public-key signer.pub\n\
                        Exit code 0: it is what was signed; 1: it is not; 4: could not run.\n\
                        Every file must be covered but the signature itself and what --allow-unsigned names.")]
pub struct VerifyArgs {
    /// The model: a folder or a file
    #[arg(value_name = "PATH")]
    model: PathBuf,
    /// The signature
    #[arg(long, value_name = "SIG")]
    signature: PathBuf,
    /// Who is believed: a public key as PEM
    #[arg(long, value_name = "P", required_unless_present = "ca", conflicts_with = "ca")]
    public_key: Option<PathBuf>,
    /// Who is believed: root certificates as PEM
    #[arg(long, value_name = "C")]
    ca: Option<PathBuf>,
    /// A file or folder that need not be covered, as a path from the root (may be given more than once)
    #[arg(long, value_name = "PATH")]
    allow_unsigned: Vec<String>,
}

/// Runs `model verify`.
///
/// # Errors
/// When a file cannot be read.
pub fn run(global: &Global, args: &VerifyArgs) -> Result<Outcome> {
    global.confine(&Needs::default());
    let shown = args.signature.display();
    let file = File::open(&args.signature).with_context(|| format!("cannot read `{shown}`"))?;
    let mut bytes = Vec::new();
    file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read `{shown}`"))?;
    if bytes.len() as u64 > BUNDLE_BYTES_MAX {
        bail!("`{shown}` is longer than {BUNDLE_BYTES_MAX} bytes");
    }
    let believed = match (&args.public_key, &args.ca) {
        (Some(path), _) => Believed::Key(PublicKey::load(path)?),
        (None, Some(path)) => Believed::Roots {
            certificates: certificates(path)?,
            now_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        },
        (None, None) => bail!("say who is believed: --public-key or --ca"),
    };
    let own = within(&args.model, &args.signature);
    let mut out = io::stdout().lock();
    match verify(&bytes, &args.model, own.as_deref(), &believed, &args.allow_unsigned, threads()) {
        Ok(report) => {
            writeln!(out, "verified: {} files are what {} signed", report.covered, escape(&report.signer))?;
            for name in &report.exempt {
                writeln!(out, "not signed, as you allowed: {}", escape(name))?;
            }
            if let Some((_, bom)) = report.manifest.more.iter().find(|(name, _)| name == "bom") {
                writeln!(
                    out,
                    "its BOM has SHA-256 {}",
                    escape(bom.get("sha256").and_then(|one| one.as_str()).unwrap_or("?"))
                )?;
            }
            Ok(Outcome::Clean)
        }
        Err(Refusal::Unread(error)) => Err(error.into()),
        Err(refusal) => {
            writeln!(out, "NOT verified: {}", refusal.to_string().lines().map(escape).collect::<Vec<_>>().join("\n"))?;
            Ok(Outcome::Findings)
        }
    }
}
