//! `shieldwall model train`.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::figures::{ALPHA, Figures, baselines, markdown};
use super::rows::Rows;
use super::texts::{LABEL, Labels};
use super::trained::{Items, Trained};
use super::{KindArg, card, sequences, store, table, texts};
use crate::cli::{Global, Outcome};
use crate::line::hex;
use crate::output::escape::escape;

/// Parts into which data are cut to see how a model does on what it has not seen.
const FOLDS: u64 = 4;

/// Rejected rows that are named; the rest is counted.
const REJECTED_LISTED_MAX: usize = 5;

/// Arguments of `model train`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  shieldwall model train tabular --data flows.csv --label attack -o flows/\n  \
                        shieldwall model train command --data commands.jsonl -o command/\n\
                        The same data and seed give the same model, byte for byte.")]
pub struct TrainArgs {
    /// What to learn
    #[arg(value_name = "KIND")]
    kind: KindArg,
    /// Files or folders to learn from (may be given more than once)
    #[arg(long, required = true, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// The column or key that says 0 (normal) or 1 (hostile); `label` for texts
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// What chance begins with
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The model's folder
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Say nothing
    #[arg(long)]
    quiet: bool,
}

/// Data of any kind, ready to learn from or to score.
#[derive(Debug)]
pub struct Loaded {
    /// The items.
    pub items: Items,
    /// Their labels, if asked for.
    pub labels: Option<Vec<bool>>,
    /// What was left out, and what could not be read.
    pub notes: Vec<String>,
    /// Rows that could not be read: place and reason.
    pub rejected: Vec<String>,
}

/// Runs `model train`.
///
/// # Errors
/// When data cannot be read or learned from, or the model not be written.
pub fn run(global: &Global, args: &TrainArgs) -> Result<Outcome> {
    let home = global.home()?;
    let text = Trained::needs_calibration(args.kind);
    let label = args.label.clone().or_else(|| text.then(|| LABEL.to_owned()));
    let loaded = load(args.kind, &args.data, label.as_deref(), None)?;
    let Loaded { items, labels, mut notes, rejected } = loaded;
    let labels = labels.as_deref();
    let (figures, normals) = held_out(args.kind, &items, labels, args.seed, &mut notes);
    let mut trained = Trained::fit(args.kind, &items, labels, args.seed).context("nothing was learned")?;
    if text {
        if normals.is_empty() {
            bail!("too few normal texts to tell what a score means: give some dozens of each class");
        }
        trained = trained.calibrated(normals);
    }
    let manifest = manifest(args, &items, labels, &trained, &figures, &notes, rejected.len())?;
    let hash = store::write(&args.output, &home, &trained, |hash| {
        let mut manifest = manifest;
        if let Some(manifest) = manifest.as_object_mut() {
            manifest.insert("model_sha256".to_owned(), json!(hash.to_string()));
        }
        let card = card::markdown(&manifest, &markdown(&figures));
        (manifest, card)
    })?;
    if !args.quiet {
        let mut out = io::stderr().lock();
        for note in notes.iter().chain(rejected.iter().take(REJECTED_LISTED_MAX)) {
            writeln!(out, "note: {}", escape(note))?;
        }
        if rejected.len() > REJECTED_LISTED_MAX {
            writeln!(out, "note: and {} more could not be read", rejected.len() - REJECTED_LISTED_MAX)?;
        }
        writeln!(out, "{} items learned; the model is in `{}`", items.len(), args.output.display())?;
        writeln!(out, "SHA-256 {hash}")?;
        if !figures.is_empty() {
            writeln!(
                out,
                "\nOn what it had not seen ({FOLDS} parts, equal items in one part):\n\n{}",
                markdown(&figures)
            )?;
        }
    }
    Ok(Outcome::of(false, !rejected.is_empty()))
}

/// Reads data of a kind. `like`: a model whose columns a table must have.
///
/// # Errors
/// When they cannot be read.
pub fn load(kind: KindArg, data: &[PathBuf], label: Option<&str>, like: Option<&Trained>) -> Result<Loaded> {
    let wanted = label.map_or(Labels::Ignored, Labels::Needed);
    Ok(match kind {
        KindArg::Tabular => {
            let rows = Rows::open(data)?;
            let table = match like.and_then(Trained::schema) {
                Some(schema) => table::fill(&rows, schema, label)?,
                None => table::learn(&rows, label)?,
            };
            Loaded { items: Items::Table(table.frame), labels: table.labels, notes: table.notes, rejected: Vec::new() }
        }
        KindArg::Sequence => {
            let read = sequences::read(data, wanted)?;
            let (items, labels) = (Items::Sequences(read.sequences), read.labels);
            Loaded { items, labels, notes: Vec::new(), rejected: read.rejected }
        }
        _ => {
            let read = texts::read(data, wanted)?;
            Loaded { items: Items::Texts(read.texts), labels: read.labels, notes: Vec::new(), rejected: read.rejected }
        }
    })
}

/// Scores every item by a model that has not seen it, nor any equal one; gives figures where there are labels, and the
/// scores of normal items.
fn held_out(
    kind: KindArg,
    items: &Items,
    labels: Option<&[bool]>,
    seed: u64,
    notes: &mut Vec<String>,
) -> (Vec<Figures>, Vec<f64>) {
    let text = Trained::needs_calibration(kind);
    let Some(labels) = labels else { return (Vec::new(), Vec::new()) };
    let fold_of = |at: usize| (items.hash(at) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    // Tables and sequences calibrate themselves: one part tells enough. Texts need the scores of all normals.
    let parts = if text { FOLDS } else { 1 };
    let mut seen: Vec<usize> = Vec::new();
    let (mut scores, mut flags) = (Vec::new(), Vec::new());
    for part in 0..parts {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(|at| fold_of(*at) % FOLDS == part);
        let own: Vec<bool> = train.iter().filter_map(|at| labels.get(*at).copied()).collect();
        let fitted = match Trained::fit(kind, &items.select(&train), Some(&own), seed) {
            Ok(fitted) => fitted,
            Err(error) => {
                notes.push(format!("not measured on held-out data: {error}"));
                return (Vec::new(), Vec::new());
            }
        };
        let held = items.select(&test);
        let own = fitted.scores(&held);
        flags.extend(own.iter().map(|score| fitted.p_value(*score) <= ALPHA));
        scores.extend(own);
        seen.extend(test);
    }
    let truth: Vec<bool> = seen.iter().filter_map(|at| labels.get(*at).copied()).collect();
    let normals: Vec<f64> = scores.iter().zip(&truth).filter(|(_, label)| !**label).map(|(score, _)| *score).collect();
    let mut figures = vec![Figures::new("this model", &scores, &truth, (!text).then_some(&flags[..]))];
    figures.extend(baselines(&items.select(&seen), &truth));
    (figures, normals)
}

fn manifest(
    args: &TrainArgs,
    items: &Items,
    labels: Option<&[bool]>,
    trained: &Trained,
    figures: &[Figures],
    notes: &[String],
    rejected: usize,
) -> Result<Value> {
    let mut data = Vec::new();
    for path in &args.data {
        data.push(json!({ "path": path.to_string_lossy(), "sha256": hash_of(path)? }));
    }
    let features: Vec<Value> = trained
        .schema()
        .map(|schema| schema.features.iter().map(|feature| json!(feature)).collect())
        .unwrap_or_default();
    Ok(json!({
        "kind": args.kind.word(),
        "program": { "name": "shieldwall", "version": env!("CARGO_PKG_VERSION") },
        "seed": args.seed,
        "label": args.label,
        "data": data,
        "items": items.len(),
        "hostile": labels.map(|labels| labels.iter().filter(|label| **label).count()),
        "rejected": rejected,
        "notes": notes,
        "features": features,
        "raisable_by_an_attacker": trained.raisable(),
        "alpha": ALPHA,
        "held_out": figures.iter().map(Figures::json).collect::<Vec<_>>(),
        "held_out_split": format!("{FOLDS} parts by content hash and seed; equal items stand in one part"),
    }))
}

/// SHA-256 of a file, or of the files of a folder in the order of their names.
pub fn hash_of(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    for file in texts::files(path) {
        let mut open = std::fs::File::open(&file).with_context(|| format!("cannot open `{}`", file.display()))?;
        loop {
            let read = open.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            hash.update(bytes);
        }
    }
    let hash: [u8; 32] = hash.finalize().into();
    Ok(hex(&hash))
}
