//! `shieldwall model evaluate`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use shieldwall_trust::Hash;

use super::figures::{ALPHA, Figures, baselines, markdown};
use super::score::parse_alpha;
use super::store;
use super::texts::LABEL;
use super::train::{Loaded, load};
use crate::cli::{Global, Outcome};
use crate::confine::Needs;
use crate::output::escape::escape;

/// Arguments of `model evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shieldwall model evaluate flows/ later.csv --label attack\n\
                        Intervals are Wilson's, at 95 %. Trivial baselines stand beside the model.")]
pub struct EvaluateArgs {
    /// The model's folder
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// Labelled data of the model's kind
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// The column or key that says 0 (normal) or 1 (hostile)
    #[arg(long, default_value = LABEL, value_name = "COL")]
    label: String,
    /// The false-alarm rate that the model is asked for
    #[arg(long, default_value_t = ALPHA, value_parser = parse_alpha, value_name = "P")]
    alpha: f64,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Trust the model with this SHA-256 (may be given more than once)
    #[arg(long, value_name = "HEX")]
    trust_hash: Vec<Hash>,
}

/// Runs `model evaluate`.
///
/// # Errors
/// When the model is not trusted or damaged, or the data cannot be read.
pub fn run(global: &Global, args: &EvaluateArgs) -> Result<Outcome> {
    global.confine(&Needs::default().spool());
    let (trained, hash) = store::load(&args.model, global.home().ok().as_ref(), &args.trust_hash)?;
    let Loaded { items, labels, rejected, .. } = load(trained.kind(), &args.data, Some(&args.label), Some(&trained))?;
    let labels = labels.context("no labels")?;
    let scores = trained.scores(&items);
    let flags: Vec<bool> = scores.iter().map(|score| trained.p_value(*score) <= args.alpha).collect();
    let mut figures = vec![Figures::new("this model", &scores, &labels, Some(&flags))];
    figures.extend(baselines(&items, &labels));
    for reject in &rejected {
        writeln!(io::stderr(), "not scored: {}", escape(reject))?;
    }
    let mut out = io::stdout().lock();
    if args.json {
        let all: Vec<_> = figures.iter().map(Figures::json).collect();
        let said = json!({
            "model_sha256": hash.to_string(), "kind": trained.kind().word(), "items": items.len(), "alpha": args.alpha,
            "rejected": rejected.len(), "scores": all,
        });
        writeln!(out, "{said:#}")?;
    } else {
        let hostile = labels.iter().filter(|label| **label).count();
        writeln!(out, "{} model on {} items, {hostile} of them hostile\n", trained.kind().word(), items.len())?;
        writeln!(out, "{}", markdown(&figures))?;
        writeln!(out, "own threshold: p at most {}; intervals: Wilson, 95 %", args.alpha)?;
    }
    Ok(Outcome::of(false, !rejected.is_empty()))
}
