//! `cargo xtask train KIND…`: makes the models that the program ships, in `content/models/KIND`.
//!
//! Only data that may train a shipped model go in (each named in the manifest with its hash) and our own generators. Other
//! data measure the finished model and leave no trace in it. The same data give the same bytes; a model that would come
//! out different with `--check` is an error.
//!
//! | file | holds |
//! |---|---|
//! | `model.safetensors` | the model |
//! | `manifest.json` | what it was made of, how, and what it is worth |
//! | `CARD.md` | the same for people |

pub mod command;
pub mod domain;
pub mod forecast;
pub mod http;
pub mod http_data;
pub mod script;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use shieldwall_learn::calibrate::Conformal;
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::text::{Scratch, TextKind, TextModel};
use shieldwall_learn::{Bundle, Model};
use shieldwall_trust::Hash;

/// Makes one model from the data folder.
type Train = fn(&Path) -> Result<Trained>;

/// What can be trained.
const KINDS: &[(&str, Train)] =
    &[("domain", domain::train), ("http", http::train), ("command", command::train), ("script", script::train)];

/// The seed of every training.
pub const SEED: u64 = 20_261_123;

/// A trained model and what there is to say about it.
pub struct Trained {
    /// The model.
    pub model: TextModel,
    /// Data that it was trained on: the name in the data folder, the licence, the files.
    pub data: Vec<(&'static str, &'static str, Vec<PathBuf>)>,
    /// Generators that it was trained on: name, version, how many texts.
    pub generators: Vec<(&'static str, u32, usize)>,
    /// What was measured.
    pub figures: Vec<Figures>,
    /// What it is for, in a sentence.
    pub purpose: &'static str,
    /// What it cannot do.
    pub limits: Vec<&'static str>,
    /// Scores of benign texts that it was not trained on (or on copies of it that were not), for thresholds.
    pub benign: Vec<f64>,
}

/// One measurement.
pub struct Figures {
    /// Trained on what, judged on what, split how.
    pub what: String,
    /// Texts of each class that were judged.
    pub hostile: u64,
    /// Benign ones.
    pub benign: u64,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Average precision.
    pub precision: f64,
    /// Recall at 1 % false alarms.
    pub recall_1: f64,
    /// Recall at 0.1 % false alarms.
    pub recall_01: f64,
}

impl Figures {
    /// Figures of scores.
    pub fn of(what: impl Into<String>, scores: &[f64], labels: &[bool]) -> Self {
        let ranking = Ranking::new(scores, labels);
        Self {
            what: what.into(),
            hostile: ranking.positives(),
            benign: ranking.negatives(),
            auc: ranking.auc(),
            precision: ranking.average_precision(),
            recall_1: ranking.recall_at(0.01).0,
            recall_01: ranking.recall_at(0.001).0,
        }
    }

    /// The mean of several, named anew.
    pub fn mean(what: impl Into<String>, all: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / all.len().max(1) as f64;
        Self {
            what: what.into(),
            hostile: all.iter().map(|one| one.hostile).sum(),
            benign: all.iter().map(|one| one.benign).sum(),
            auc: mean(|one| one.auc),
            precision: mean(|one| one.precision),
            recall_1: mean(|one| one.recall_1),
            recall_01: mean(|one| one.recall_01),
        }
    }

    /// A row of a table.
    pub fn row(&self) -> String {
        format!(
            "| {} | {} / {} | {:.4} | {:.4} | {:.3} | {:.3} |\n",
            self.what, self.hostile, self.benign, self.auc, self.precision, self.recall_1, self.recall_01
        )
    }

    /// The head of the table of [`Figures::row`].
    pub fn head(first: &str) -> String {
        format!("| {first} | hostile / benign | AUC | AP | recall at 1 % | at 0.1 % |\n|---|---|---|---|---|---|\n")
    }
}

/// Scores of all texts.
pub fn scores<'a>(model: &TextModel, texts: impl Iterator<Item = &'a str>) -> Vec<f64> {
    let mut scratch = Scratch::default();
    texts.map(|text| model.score_with(text, &mut scratch)).collect()
}

/// Sums of n-grams of all texts: the logistic regression alone.
pub fn linear_scores<'a>(model: &TextModel, texts: impl Iterator<Item = &'a str>) -> Vec<f64> {
    let mut scratch = Scratch::default();
    texts.map(|text| model.linear_with(text, &mut scratch)).collect()
}

/// Trains the kinds named, or all; with `--check` compares instead of writing.
///
/// # Errors
/// When a kind is unknown, data are missing, or a committed model is not what comes out.
pub fn run(arguments: &[String]) -> Result<()> {
    let check = arguments.iter().any(|argument| argument == "--check");
    let named: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let known = |name: &str| name == "forecast" || KINDS.iter().any(|(known, _)| *known == name);
    if let Some(unknown) = named.iter().find(|name| !known(name)) {
        let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).chain(["forecast"]).collect();
        bail!("no kind `{unknown}`: there are {}", known.join(", "));
    }
    let data = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| crate::root().join("../shared/data"), PathBuf::from);
    for (name, train) in KINDS {
        if named.is_empty() || named.iter().any(|asked| asked == name) {
            write(name, &train(&data)?, &data, check)?;
        }
    }
    if named.is_empty() || named.iter().any(|asked| *asked == "forecast") {
        forecast::write(&data, check)?;
    }
    Ok(())
}

/// Writes a model's bytes, or with `check` holds them against what is there.
fn bytes_or_check(path: &Path, bytes: &[u8], check: bool) -> Result<()> {
    if std::fs::read(path).ok().as_deref() != Some(bytes) {
        if check {
            bail!("`{}` is not what comes out: run the same command without --check", path.display());
        }
        std::fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn write(name: &str, trained: &Trained, data: &Path, check: bool) -> Result<()> {
    let folder = crate::root().join("content/models").join(name);
    std::fs::create_dir_all(&folder)?;
    let calibration = Conformal::new(trained.benign.iter().copied()).to_tensors();
    let bundle =
        Bundle { kind: name.to_owned(), model: trained.model.to_tensors(), calibration, drift: Default::default() };
    let bytes = bundle.to_tensors().to_bytes();
    let manifest = manifest(name, trained, data, &bytes)?;
    let path = folder.join("model.safetensors");
    bytes_or_check(&path, &bytes, check)?;
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    crate::write_or_check(&folder.join("manifest.json"), &text, check)?;
    crate::write_or_check(&folder.join("CARD.md"), &card(name, trained, &manifest), check)?;
    println!("{name}: {} bytes, {}", bytes.len(), Hash::of(&bytes));
    Ok(())
}

fn manifest(name: &str, trained: &Trained, data: &Path, bytes: &[u8]) -> Result<Value> {
    let kind = TextKind::from_name(name).context("a kind of text")?;
    let mut sources = Vec::new();
    for (source, licence, files) in &trained.data {
        let mut hashes = Map::new();
        for file in files {
            let content = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let path = file.strip_prefix(data).unwrap_or(file).to_string_lossy().into_owned();
            hashes.insert(path, Hash::of(&content).to_string().into());
        }
        sources.push(json!({ "name": source, "licence": licence, "sha256": hashes }));
    }
    let generators = trained.generators.iter();
    let generators: Vec<Value> =
        generators.map(|(name, version, texts)| json!({ "name": name, "version": version, "texts": texts })).collect();
    let figures: Vec<Value> = trained.figures.iter().map(figures_json).collect();
    Ok(json!({
        "kind": name,
        "family": TextModel::FAMILY,
        "shape_version": kind.shape().version,
        "model_sha256": Hash::of(bytes).to_string(),
        "model_bytes": bytes.len(),
        "command": format!("cargo xtask train {name}"),
        "seed": SEED,
        "data": sources,
        "generators": generators,
        "columns": TextModel::columns(kind).iter().map(|column| column.name).collect::<Vec<_>>(),
        "never_falls_with":
            TextModel::columns(kind).iter().filter(|column| column.rising).map(|column| column.name).collect::<Vec<_>>(),
        "figures": figures,
        "benign_score_quantiles": quantiles(&trained.benign),
        "limits": trained.limits,
    }))
}

fn figures_json(one: &Figures) -> Value {
    let round = |value: f64| (value * 10_000.0).round() / 10_000.0;
    json!({
        "what": one.what, "hostile": one.hostile, "benign": one.benign, "auc": round(one.auc),
        "average_precision": round(one.precision), "recall_at_1_percent": round(one.recall_1),
        "recall_at_0.1_percent": round(one.recall_01),
    })
}

/// Scores that the given share of benign texts stays below.
fn quantiles(benign: &[f64]) -> Value {
    let mut sorted = benign.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * sorted.len() as f64) as usize;
        json!(sorted.get(place.min(sorted.len().saturating_sub(1))).map(|score| (score * 1000.0).round() / 1000.0))
    };
    json!({ "0.5": at(0.5), "0.9": at(0.9), "0.99": at(0.99), "0.999": at(0.999) })
}

fn card(name: &str, trained: &Trained, manifest: &Value) -> String {
    let mut text = format!("# Model card: {name}\n\n{}\n\n", trained.purpose);
    let _ = writeln!(text, "Written by `cargo xtask train {name}`; `manifest.json` holds the hashes.\n");
    let _ = writeln!(text, "- **SHA-256**: `{}`, {} bytes", text_of(manifest, "model_sha256"), manifest["model_bytes"]);
    let _ = writeln!(
        text,
        "- **Score**: log-odds of being hostile, in the mixture it was trained on; the program turns it"
    );
    let _ = writeln!(text, "  into a p-value on recent normals before anything is reported.");
    text.push_str("\n## Trained on\n\n");
    for (source, licence, files) in &trained.data {
        let _ = writeln!(text, "- {source} ({licence}), {} files", files.len());
    }
    for (generator, version, texts) in &trained.generators {
        let _ = writeln!(text, "- {texts} texts of our own generator `{generator}`, version {version}");
    }
    text.push_str("\n## Measured\n\n");
    text.push_str(&Figures::head("trained → judged"));
    trained.figures.iter().for_each(|one| text.push_str(&one.row()));
    text.push_str("\n## Columns\n\nThe score never falls with those in *italics*.\n\n");
    let kind = TextKind::from_name(name);
    let columns: Vec<String> = kind
        .map(TextModel::columns)
        .unwrap_or_default()
        .iter()
        .map(|column| if column.rising { format!("*{}*", column.name) } else { column.name.to_owned() })
        .collect();
    let _ = writeln!(text, "{}", columns.join(", "));
    text.push_str("\n## Limits\n\n");
    trained.limits.iter().for_each(|limit| {
        let _ = writeln!(text, "- {limit}");
    });
    text
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_models_load_and_are_those_of_their_manifests() {
        for (name, _) in KINDS {
            let folder = crate::root().join("content/models").join(name);
            let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
            let manifest: Value =
                serde_json::from_str(&std::fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
            assert_eq!(text_of(&manifest, "model_sha256"), Hash::of(&bytes).to_string(), "{name}");
            assert!(bytes.len() <= 3 << 19, "{name}: {} bytes", bytes.len());
        }
    }
}
