//! `shieldwall model card`, and the card itself.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::store;
use crate::cli::{Global, Outcome};
use crate::confine::Needs;
use crate::output::escape::escape_lines;

/// Arguments of `model card`.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// The model's folder
    #[arg(value_name = "DIR")]
    model: PathBuf,
}

/// Runs `model card`.
///
/// # Errors
/// When there is no card.
pub fn run(global: &Global, args: &CardArgs) -> Result<Outcome> {
    global.confine(&Needs::default());
    let card = store::words(&args.model, store::CARD)?;
    io::stdout().lock().write_all(escape_lines(&card).as_bytes())?;
    Ok(Outcome::Clean)
}

/// The card of a model, from its manifest and the table of its figures.
pub fn markdown(manifest: &Value, figures: &str) -> String {
    let text = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| manifest.get(name).and_then(Value::as_u64);
    let kind = text("kind");
    let mut out = format!("# Model card: {kind}\n\n{}\n\n", purpose(kind));
    // Writing to a String does not fail.
    let _ = writeln!(out, "| | |\n|---|---|\n| SHA-256 | `{}` |", text("model_sha256"));
    let version = manifest.pointer("/program/version").and_then(Value::as_str).unwrap_or_default();
    let _ = writeln!(out, "| made by | shieldwall {version}, seed {} |", number("seed").unwrap_or_default());
    for data in manifest.get("data").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(out, "| learned from | `{}`, SHA-256 `{}` |", part("path"), part("sha256"));
    }
    let hostile = number("hostile").map(|hostile| format!(", {hostile} of them labelled hostile")).unwrap_or_default();
    let _ = writeln!(out, "| items | {}{hostile} |\n", number("items").unwrap_or_default());
    if figures.lines().count() > 2 {
        let split = text("held_out_split");
        let _ = writeln!(
            out,
            "## On what it had not seen\n\nSplit: {split}. Near-copies may still stand on both sides, so expect less on other data.\n\n{figures}"
        );
    } else {
        out.push_str("## How good it is\n\nUnmeasured: there were no labels to measure with. `shieldwall model evaluate` measures it on labelled data.\n\n");
    }
    let raisable: Vec<&str> = manifest
        .get("raisable_by_an_attacker")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !raisable.is_empty() {
        let _ = writeln!(
            out,
            "## Who controls the features\n\nAn attacker can raise these at little cost: {}. The guarded part of the model never \
             falls when they rise; where it alone carries an alarm, no padding takes the alarm away. Nothing is promised for \
             the other parts, nor for features that are lowered or imitated.\n",
            raisable.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        );
    }
    let notes: Vec<&str> =
        manifest.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !notes.is_empty() {
        out.push_str("## Notes\n\n");
        notes.iter().for_each(|note| {
            let _ = writeln!(out, "- {note}");
        });
        out.push('\n');
    }
    out.push_str(
        "## Limits\n\n- A p-value says how often normal items *of the kind it learned from* score as high. Where what is normal \
         changes, it must be learned anew.\n- A score is no verdict: it says how unlike the normal something is, or how like \
         what was hostile, and its contributions say why.\n",
    );
    out
}

fn purpose(kind: &str) -> &'static str {
    match kind {
        "tabular" => {
            "Scores rows of numbers and categories: how unlike normal rows they are and, with labels, how like hostile ones."
        }
        "sequence" => "Scores sequences of ids: unseen ids, unusual counts, unusual order, unusual length.",
        "domain" => "Scores domain names: made up by an algorithm, or carrying data.",
        "http" => "Scores HTTP parameters and requests: injections, traversals and the like.",
        "command" => "Scores command lines: the disguised, the downloading, the persistent.",
        "script" => "Scores scripts: the disguised, the downloading, the persistent.",
        _ => "Scores items.",
    }
}
