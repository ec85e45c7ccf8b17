//! `shieldwall model list`: what the registry holds, and what acts.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::books;
use crate::cli::{Global, Outcome};
use crate::output::escape::escape;

/// Arguments of `model list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

/// How to write lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

/// Runs `model list`.
///
/// # Errors
/// When the registry cannot be read or was tampered with.
pub fn run(global: &Global, args: &ListArgs) -> Result<Outcome> {
    let home = global.home()?;
    let registry = books::registry(&home)?;
    let acting = crate::models::acting(Some(&home))?;
    let mut out = io::stdout().lock();
    let mut models: Vec<_> = registry.state().models().iter().collect();
    models.sort_by(|a, b| (&a.1.kind, a.1.counter).cmp(&(&b.1.kind, b.1.counter)));
    for (hash, model) in &models {
        let note = model.revoked.as_ref().map(|why| format!("revoked: {why}"));
        let note = note.or_else(|| model.demoted.as_ref().map(|why| format!("demoted: {why}"))).unwrap_or_default();
        match args.format {
            Format::Jsonl => {
                let line = json!({
                    "sha256": hash.to_string(), "kind": model.kind, "stage": model.stage.word(), "name": model.name,
                    "counter": model.counter, "revoked": model.revoked, "demoted": model.demoted,
                });
                writeln!(out, "{line}")?;
            }
            Format::Text => {
                let parts = [&model.kind, &model.name, &note].map(|part| escape(part));
                writeln!(out, "{hash}  {:<9} {:<9} {}  {}", model.stage.word(), parts[0], parts[1], parts[2])?;
            }
        }
    }
    for (kind, hash) in acting.iter().filter(|(_, hash)| !registry.state().models().contains_key(hash)) {
        match args.format {
            Format::Jsonl => {
                writeln!(
                    out,
                    "{}",
                    json!({ "sha256": hash.to_string(), "kind": kind, "stage": "active", "name": "shipped" })
                )?;
            }
            Format::Text => writeln!(out, "{hash}  active    {kind:<9} shipped")?,
        }
    }
    Ok(Outcome::Clean)
}
