//! `shieldwall model gate`: measures one thing about a model and signs what was found, as evidence for `model promote`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_learn::metrics::wilson;
use shieldwall_trust::bom::Spec;
use shieldwall_trust::registry::{Measured, evidence, sealed};
use shieldwall_trust::scan::{Verdict, scan};
use shieldwall_trust::{Artifact, Hash};

use super::figures::ALPHA;
use super::texts::LABEL;
use super::train::{Loaded, hash_of, load};
use super::{attack, bom, policy, store};
use crate::books;
use crate::cli::data::check;
use crate::cli::data::finding::{Finding, Level};
use crate::cli::{Global, Outcome};
use crate::home::{Home, write_whole};
use crate::output::escape::escape;

/// Items that latency is measured on; more only take longer.
const LATENCY_ITEMS_MAX: usize = 10_000;

/// Files of a model's folder: there are four.
const FILES_MAX: usize = 1000;

/// Kinds of findings that say that data are not of the form or range that they should have.
const SCHEMA: [&str; 4] = ["type", "infinite", "unit_change", "range"];

/// Percent of the fields of a BOM that must be there.
const COMPLETENESS_MIN: u32 = 90;

/// Times that they are scored; the quickest counts, because the machine does other things too.
const LATENCY_ROUNDS: usize = 5;

/// Arguments of `model gate`.
#[derive(Debug, Args)]
#[command(after_help = "Gates: scan, signature, bom, data_check, heldout, attack, latency, size.\n\
                        Example:\n  shieldwall model gate heldout flows/ --data later.csv --label attack")]
pub struct GateArgs {
    /// The gate
    #[arg(value_name = "NAME")]
    gate: String,
    /// The model: its folder, its file, or the beginning of its SHA-256 in the registry
    #[arg(value_name = "MODEL")]
    model: String,
    /// Data to measure on (heldout, latency, attack) or that it learned from (data_check)
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// The column or key that says 0 (normal) or 1 (hostile)
    #[arg(long, default_value = LABEL, value_name = "COL")]
    label: String,
    /// The column that names who sent a row (data_check): no source alone may turn the model
    #[arg(long, value_name = "COL")]
    source: Option<String>,
    /// The last data set that was trusted (data_check): units, ranges and labels are compared with it
    #[arg(long, value_name = "FILE")]
    reference: Vec<PathBuf>,
    /// The policy [default: policies/models.toml of the data directory, else the built-in one]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Sign with this key instead of the local one
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Write the evidence here too
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Measure the model with this SHA-256 though nobody here vouches for it (may be given more than once)
    #[arg(long, value_name = "HEX")]
    trust_hash: Vec<Hash>,
}

/// Runs `model gate`.
///
/// # Errors
/// When the model is not verified, the gate is unknown, or the evidence cannot be written.
pub fn run(global: &Global, args: &GateArgs) -> Result<Outcome> {
    let home = global.home()?;
    let policy = policy::read(&home, args.policy.as_deref())?;
    let artifact = store::find(&home, &args.model)?;
    let model = artifact.hash();
    let measured = measure(&home, args, &artifact)?;
    let signer = match &args.key {
        Some(path) => shieldwall_trust::key::SecretKey::load(path)?,
        None => books::key(&home)?,
    };
    let tool = concat!("shieldwall ", env!("CARGO_PKG_VERSION"));
    let envelope = evidence(&args.gate, model, &measured, policy.hash, tool, books::now_ms(), &signer);
    let place = books::registry(&home)?.keep_evidence(model, &args.gate, envelope.as_bytes())?;
    if let Some(path) = &args.output {
        write_whole(path, envelope.as_bytes())?;
    }
    let event = shieldwall_trust::audit::Event::new("model.gate", model.to_string())
        .with("gate", &args.gate)
        .with("verdict", if measured.pass { "pass" } else { "fail" })
        .with("evidence", Hash::of(envelope.as_bytes()));
    books::write_down(&home, &[event])?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", escape(&args.gate), if measured.pass { "pass" } else { "FAIL" })?;
    for (name, value) in &measured.figures {
        writeln!(out, "  {name} {value}")?;
    }
    for words in &measured.words {
        writeln!(out, "  {}", escape(words))?;
    }
    writeln!(out, "evidence: {}", escape(&place.display().to_string()))?;
    Ok(Outcome::of(!measured.pass, false))
}

/// Runs one gate.
fn measure(home: &Home, args: &GateArgs, artifact: &Artifact) -> Result<Measured> {
    match args.gate.as_str() {
        "size" => Ok(passed([("bytes", artifact.bytes().len() as f64)], Vec::new())),
        "signature" => signature(home, args, artifact),
        "heldout" => heldout(home, args),
        "latency" => latency(home, args),
        "data_check" => data_check(home, args),
        "attack" => attacked(home, args),
        "bom" => bom_of(args),
        "scan" => scanned(args, artifact),
        other => bail!("there is no gate `{other}`: scan, signature, bom, data_check, heldout, attack, latency, size"),
    }
}

/// A gate that only measures: the policy's limits judge.
fn passed<const N: usize>(figures: [(&str, f64); N], words: Vec<String>) -> Measured {
    let figures: BTreeMap<String, f64> = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Measured { pass: true, figures, words }
}

fn failed(why: impl Into<String>) -> Measured {
    Measured { pass: false, figures: BTreeMap::new(), words: vec![why.into()] }
}

/// Whether the local key signed the model, and its manifest is the one that was signed with it.
fn signature(home: &Home, args: &GateArgs, artifact: &Artifact) -> Result<Measured> {
    let folder = Path::new(&args.model);
    let keys = [books::key(home)?.public()];
    let envelopes = match std::fs::read(folder.join(store::SIGNATURE)) {
        Ok(bytes) => vec![bytes],
        Err(_) => books::registry(home)?.evidence(artifact.hash())?,
    };
    let opened = envelopes.iter().filter_map(|bytes| sealed::open(bytes, &keys).ok());
    let mut trained = opened.filter(|statement| statement.predicate_type == store::TRAINED);
    let Some(statement) = trained.find(|statement| statement.subjects == [artifact.hash()]) else {
        return Ok(failed("no signature of this model by the local key"));
    };
    if folder.is_dir() {
        for (file, name, what) in
            [(store::MANIFEST, "manifest_sha256", "manifest"), (store::CARD, "card_sha256", "card")]
        {
            let hash = Hash::of(store::words(folder, file)?.as_bytes()).to_string();
            if statement.predicate.get(name).and_then(|hash| hash.as_str()) != Some(&hash) {
                return Ok(failed(format!("the {what} is not the one that was signed with the model")));
            }
        }
        let known = [store::MODEL, store::MANIFEST, store::CARD, store::SIGNATURE];
        if let Some(path) = files(folder)?.iter().find(|path| !known.iter().any(|name| **path == folder.join(name))) {
            return Ok(failed(format!("`{}` is not covered by the signature", within(folder, path))));
        }
    }
    Ok(passed([], vec![format!("signed by {}", statement.signer)]))
}

/// Whether every file of it is proven harmless to load.
fn scanned(args: &GateArgs, artifact: &Artifact) -> Result<Measured> {
    let mut verdicts = vec![("model".to_owned(), scan(&artifact.bytes().to_vec()))];
    let folder = Path::new(&args.model);
    if folder.is_dir() {
        for path in files(folder)?.into_iter().filter(|path| *path != folder.join(store::MODEL)) {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            verdicts.push((within(folder, &path), scan(&bytes)));
        }
    }
    let bad = verdicts.iter().filter(|(_, report)| report.verdict() != Verdict::Clean);
    let words: Vec<String> = bad
        .flat_map(|(name, report)| {
            let first = report.findings().first().map(|one| one.words.clone()).unwrap_or_default();
            [format!("{name}: {}: {first}", report.verdict())]
        })
        .collect();
    let measured = passed([("files", verdicts.len() as f64), ("not_clean", words.len() as f64)], Vec::new());
    Ok(Measured { pass: words.is_empty(), words, ..measured })
}

/// A file's name within a folder: evidence says nothing of where it lay.
fn within(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// Everything below a model's folder that is no folder, in the order of names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut open, mut found) = (vec![folder.to_path_buf()], Vec::new());
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("cannot read `{}`", next.display()))? {
            let entry = entry?;
            // A link is a file that nobody signed, wherever it leads.
            if entry.file_type()?.is_dir() {
                open.push(entry.path())
            } else {
                found.push(entry.path())
            }
            if open.len() + found.len() > FILES_MAX {
                bail!("`{}` holds more than {FILES_MAX} files: it is no model's folder", folder.display());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether its BOM is complete enough to be of use.
fn bom_of(args: &GateArgs) -> Result<Measured> {
    let folder = Path::new(&args.model);
    if !folder.exists() {
        bail!("name the model by its folder: a BOM is made of its files");
    }
    let bom = bom::of(folder, Spec::V1_6)?;
    let words = vec![
        format!("BOM {}", Hash::of(bom.document.to_string().as_bytes())),
        format!("missing: {}", bom.missing.join(", ")),
    ];
    let measured = passed([("completeness", f64::from(bom.completeness))], words);
    Ok(Measured { pass: bom.completeness >= COMPLETENESS_MIN, ..measured })
}

/// Whether what it learned from is fit to teach: the very files, by their hashes.
fn data_check(home: &Home, args: &GateArgs) -> Result<Measured> {
    let (trained, hash) = store::load(Path::new(&args.model), Some(home), &args.trust_hash)?;
    if args.data.is_empty() {
        bail!("name the data that the model learned from: --data");
    }
    let mut wanted = learned_from(home, hash)?;
    if wanted.is_empty() {
        return Ok(failed("nobody signed what it learned from"));
    }
    let mut words = Vec::new();
    for path in &args.data {
        let data = hash_of(path)?;
        let Some(at) = wanted.iter().position(|hash| *hash == data) else {
            return Ok(failed(format!("`{}` is not what it learned from", path.display())));
        };
        wanted.swap_remove(at);
        words.push(format!("checked {data}"));
    }
    if !wanted.is_empty() {
        return Ok(failed(format!("{} more files that it learned from were not named", wanted.len())));
    }
    let (source, reference) = (args.source.as_deref(), &args.reference);
    let (rows, mut findings) = check::gate(trained.kind(), &args.data, Some(&args.label), source, reference)?;
    // A refusal names the first.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let count = |is: &dyn Fn(&Finding) -> bool| findings.iter().filter(|finding| is(finding)).count();
    let poison = count(&|finding| finding.level == Level::Poison);
    let schema = count(&|finding| SCHEMA.contains(&finding.kind));
    let heavy = count(&|finding| finding.kind == "heavy_source");
    let mut told: Vec<String> = findings.iter().map(|finding| finding.words.clone()).collect();
    told.append(&mut words);
    let figures = [
        ("rows", rows as f64),
        ("poison", poison as f64),
        ("schema", schema as f64),
        ("heavy_sources", heavy as f64),
        ("quality", (findings.len() - poison) as f64),
        ("sources_judged", f64::from(u8::from(source.is_some()))),
        ("compared", f64::from(u8::from(!reference.is_empty()))),
    ];
    Ok(Measured { pass: poison + schema + heavy == 0, ..passed(figures, told) })
}

/// Recall that is left under the default attacker.
fn attacked(home: &Home, args: &GateArgs) -> Result<Measured> {
    if args.data.is_empty() {
        bail!("name labelled data with hostile items to attack: --data");
    }
    let gate = attack::gate(home, Path::new(&args.model), &args.data, &args.label, &args.trust_hash)?;
    let figures = [
        ("robust_recall", gate.robust_recall),
        ("clean_recall", gate.clean_recall),
        ("attacked", gate.attacked as f64),
    ];
    let mut measured = passed(figures, vec![format!("attacker {}", gate.attacker)]);
    measured.figures.extend(gate.certified_recall.map(|recall| ("certified_recall".to_owned(), recall)));
    Ok(measured)
}

/// Recall and false alarms on data that it has not learned from.
fn heldout(home: &Home, args: &GateArgs) -> Result<Measured> {
    let (trained, hash) = store::load(Path::new(&args.model), Some(home), &args.trust_hash)?;
    if args.data.is_empty() {
        bail!("name labelled data that the model has not learned from: --data");
    }
    let mut words = Vec::new();
    let learned = learned_from(home, hash)?;
    for path in &args.data {
        let data = hash_of(path)?;
        if learned.contains(&data) {
            return Ok(failed(format!("`{}` is what it learned from", path.display())));
        }
        words.push(format!("measured on {data}"));
    }
    let Loaded { items, labels, .. } = load(trained.kind(), &args.data, Some(&args.label), Some(&trained))?;
    let labels = labels.context("no labels")?;
    let (mut hits, mut alarms, mut positives) = (0_u64, 0_u64, 0_u64);
    for (score, hostile) in trained.scores(&items).into_iter().zip(&labels) {
        let flagged = u64::from(trained.p_value(score) <= ALPHA);
        if *hostile {
            positives += 1;
            hits += flagged;
        } else {
            alarms += flagged;
        }
    }
    let negatives = labels.len() as u64 - positives;
    if positives == 0 || negatives == 0 {
        return Ok(failed("the data need both normal and hostile items"));
    }
    Ok(passed(
        [
            ("recall", hits as f64 / positives as f64),
            ("recall_low", wilson(hits, positives).0),
            ("false_alarms", alarms as f64 / negatives as f64),
            ("false_alarms_high", wilson(alarms, negatives).1),
            ("items", labels.len() as f64),
        ],
        words,
    ))
}

/// Hashes of the data that a model learned from, as they were signed when it was trained.
fn learned_from(home: &Home, model: Hash) -> Result<Vec<String>> {
    let keys = [books::key(home)?.public()];
    let mut data = Vec::new();
    for bytes in books::registry(home)?.evidence(model)? {
        let Ok(statement) = sealed::open(&bytes, &keys) else { continue };
        if statement.predicate_type == store::TRAINED {
            let list = statement.predicate.get("data_sha256").and_then(|list| list.as_array()).cloned();
            data.extend(list.unwrap_or_default().iter().filter_map(|hash| hash.as_str().map(str::to_owned)));
        }
    }
    Ok(data)
}

/// Microseconds an item.
fn latency(home: &Home, args: &GateArgs) -> Result<Measured> {
    let (trained, _) = store::load(Path::new(&args.model), Some(home), &args.trust_hash)?;
    if args.data.is_empty() {
        bail!("name data to score: --data");
    }
    let Loaded { items, .. } = load(trained.kind(), &args.data, None, Some(&trained))?;
    let items = items.select(&(0..items.len().min(LATENCY_ITEMS_MAX)).collect::<Vec<_>>());
    if items.len() == 0 {
        return Ok(failed("there is nothing to score"));
    }
    let mut best = f64::INFINITY;
    for _ in 0..LATENCY_ROUNDS {
        let start = Instant::now();
        std::hint::black_box(trained.scores(&items));
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(passed([("us_per_item", best * 1e6 / items.len() as f64)], vec![format!("{} items", items.len())]))
}
