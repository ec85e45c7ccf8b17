//! `shieldwall model attack`: what a model withstands.
//!
//! Only a model on this machine is attacked, and only with data that the user names. Rows are moved within what the written
//! attacker may do; texts are disguised, never run. The attacker's SHA-256 (of his canonical JSON) stands in every output, so that
//! a figure is bound to what it was measured against.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use shieldwall_learn::gate::attack::{Attacker, Resolved, boundary, greedy, texts, transfer};
use shieldwall_learn::metrics::wilson;
use shieldwall_learn::tabular::Tabular;
use shieldwall_learn::{Frame, Model, Random};
use shieldwall_trust::Hash;

use super::figures::ALPHA;
use super::score::parse_alpha;
use super::store;
use super::texts::LABEL;
use super::train::{Loaded, load};
use super::trained::{Items, Trained, text_kind};
use crate::cli::{Global, Outcome};
use crate::home::{Home, write_whole};
use crate::output::escape::escape;

/// Bytes of an attacker's file.
const ATTACKER_BYTES_MAX: u64 = 1 << 20;

/// Characters of an example that are shown.
const EXAMPLE_MAX: usize = 300;

/// Arguments of `model attack`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  shieldwall model attack flows/ later.csv --label attack\n  \
                        shieldwall model attack flows/ later.csv --label attack --attacker attacker.toml --format jsonl\n\
                        Without --attacker: who pads, raising up to three of the features that the model's card calls raisable.\n\
                        The attacker's file: docs/reference/model-attack.md.")]
pub struct AttackArgs {
    /// The model's folder
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// Labelled data of the model's kind
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// The column or key that says 0 (normal) or 1 (hostile)
    #[arg(long, default_value = LABEL, value_name = "COL")]
    label: String,
    /// The attacker: TOML or JSON
    #[arg(long, value_name = "FILE")]
    attacker: Option<PathBuf>,
    /// Writes the attacker that was used here, as JSON
    #[arg(long, value_name = "FILE")]
    write_attacker: Option<PathBuf>,
    /// Features that he changes at most, instead of what his file says
    #[arg(short = 'k', long, value_name = "N")]
    changes: Option<usize>,
    /// What his changes may cost together, instead of what his file says
    #[arg(long, value_name = "COST")]
    cost_max: Option<f64>,
    /// The false-alarm rate at which the model works
    #[arg(long, default_value_t = ALPHA, value_parser = parse_alpha, value_name = "P")]
    alpha: f64,
    /// Hostile items that are attacked, drawn evenly
    #[arg(long, default_value_t = 1000, value_name = "N")]
    count: usize,
    /// What chance begins with
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Exit with 1 if recall under the strongest attack is below this
    #[arg(long, value_name = "SHARE")]
    recall_min: Option<f64>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// Trust the model with this SHA-256 (may be given more than once)
    #[arg(long, value_name = "HEX")]
    trust_hash: Vec<Hash>,
}

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Words
    Text,
    /// One JSON object a line
    Jsonl,
}

/// What is left after one way of attacking.
struct Figure {
    attack: &'static str,
    changes: usize,
    found: u64,
    of: u64,
    /// Of those that got through, the middle cost.
    cost: Option<f64>,
    example: Option<(String, String)>,
    name: Option<String>,
}

impl Figure {
    fn new(attack: &'static str, changes: usize, found: u64, of: u64) -> Self {
        Self { attack, changes, found, of, cost: None, example: None, name: None }
    }

    fn recall(&self) -> f64 {
        self.found as f64 / self.of.max(1) as f64
    }
}

/// Runs `model attack`.
///
/// # Errors
/// When the model is not trusted, the data cannot be read, or the attacker makes no sense.
pub fn run(global: &Global, args: &AttackArgs) -> Result<Outcome> {
    let attacked = attack(global.home().ok().as_ref(), args)?;
    if let Some(path) = &args.write_attacker {
        let text = format!("{:#}\n", attacked.head.get("attacker").unwrap_or(&Value::Null));
        write_whole(path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    write(args.format, &attacked.head, &attacked.figures)?;
    let failed = args.recall_min.is_some_and(|min| attacked.robust_recall() < min);
    Ok(Outcome::of(failed, attacked.rejected > 0))
}

/// The default attack as a gate asks for it: what is left of recall, and words on how it was measured.
///
/// # Errors
/// As of [`run`].
pub fn gate(home: &Home, model: &Path, data: &[PathBuf], label: &str, trust_hash: &[Hash]) -> Result<Gate> {
    let args = AttackArgs {
        model: model.to_path_buf(),
        data: data.to_vec(),
        label: label.to_owned(),
        attacker: None,
        write_attacker: None,
        changes: None,
        cost_max: None,
        alpha: ALPHA,
        count: 1000,
        seed: 1,
        recall_min: None,
        format: Format::Text,
        trust_hash: trust_hash.to_vec(),
    };
    let attacked = attack(Some(home), &args)?;
    let clean = attacked.figures.iter().find(|one| one.attack == "clean").map_or(0.0, Figure::recall);
    Ok(Gate {
        robust_recall: attacked.robust_recall(),
        certified_recall: attacked.figures.iter().find(|one| is_bound(one)).map(Figure::recall),
        clean_recall: clean,
        attacked: attacked.attacked,
        attacker: attacked.head.get("attacker_sha256").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

/// What the gate is told.
pub struct Gate {
    /// Recall under the strongest attack.
    pub robust_recall: f64,
    /// Recall that no such attacker can take, where the model allows a proof.
    pub certified_recall: Option<f64>,
    /// Recall without one.
    pub clean_recall: f64,
    /// Hostile items that were attacked.
    pub attacked: usize,
    /// The attacker's hash.
    pub attacker: String,
}

/// An attack that was done.
struct Attacked {
    head: Value,
    figures: Vec<Figure>,
    attacked: usize,
    rejected: usize,
}

impl Attacked {
    /// Recall under the strongest attack.
    fn robust_recall(&self) -> f64 {
        self.figures.iter().filter(|one| !is_bound(one)).map(Figure::recall).fold(1.0, f64::min)
    }
}

fn attack(home: Option<&Home>, args: &AttackArgs) -> Result<Attacked> {
    let (trained, hash) = store::load(&args.model, home, &args.trust_hash)?;
    let Loaded { items, labels, rejected, .. } = load(trained.kind(), &args.data, Some(&args.label), Some(&trained))?;
    let labels = labels.context("no labels")?;
    let hostile: Vec<usize> = (0..labels.len()).filter(|row| labels.get(*row) == Some(&true)).collect();
    if hostile.is_empty() {
        bail!("the data have no hostile item to attack");
    }
    let picked = Random::new(args.seed).sample(hostile.len(), args.count);
    let picked: Vec<usize> = picked.iter().filter_map(|at| hostile.get(*at).copied()).collect();
    let normal: Vec<usize> = (0..labels.len()).filter(|row| labels.get(*row) == Some(&false)).collect();
    let scores = trained.scores(&items.select(&normal));
    let alarms = scores.iter().filter(|score| trained.p_value(**score) <= args.alpha).count() as u64;
    let (attacker, figures) = match (trained.tabular(), &items) {
        (Some(model), Items::Table(frame)) => {
            let attacker = attacker(args, &trained)?;
            let resolved = attacker.resolve(model.schema())?;
            let figures = table(args, model, frame, &picked, &normal, &resolved)?;
            (serde_json::to_value(&attacker)?, figures)
        }
        (None, Items::Texts(list)) => {
            let kind = text_kind(trained.kind());
            let attacker =
                json!({ "name": "disguises", "kind": trained.kind().word(), "disguises": texts::names(kind) });
            (attacker, disguised(args, &trained, list, &picked))
        }
        _ => bail!("models of sequences are not attacked: `model attack` takes tables and texts"),
    };
    let attacker_hash = Hash::of(attacker.to_string().as_bytes());
    let head = json!({
        "model_sha256": hash.to_string(), "attacker_sha256": attacker_hash.to_string(), "attacker": attacker,
        "kind": trained.kind().word(), "alpha": args.alpha, "attacked": picked.len(), "seed": args.seed,
        "normal": normal.len(), "false_alarms": alarms, "rejected": rejected.len(),
    });
    Ok(Attacked { head, figures, attacked: picked.len(), rejected: rejected.len() })
}

/// Whether a figure is a lower bound that needs no attack.
fn is_bound(figure: &Figure) -> bool {
    figure.attack == "certified"
}

fn attacker(args: &AttackArgs, trained: &Trained) -> Result<Attacker> {
    let mut attacker = match &args.attacker {
        Some(path) => read(path)?,
        None => {
            let names = trained.raisable();
            if names.is_empty() {
                bail!(
                    "the model's card names no feature that an attacker can raise: write an attacker (--attacker FILE)"
                );
            }
            Attacker::padding(names.iter().map(String::as_str))
        }
    };
    attacker.changes_max = args.changes.unwrap_or(attacker.changes_max);
    attacker.cost_max = args.cost_max.or(attacker.cost_max);
    Ok(attacker)
}

fn read(path: &Path) -> Result<Attacker> {
    let shown = path.display();
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot open `{shown}`"))?;
    let read = file.take(ATTACKER_BYTES_MAX + 1).read_to_string(&mut text);
    if read.with_context(|| format!("cannot read `{shown}`"))? as u64 > ATTACKER_BYTES_MAX {
        bail!("`{shown}` has more than {ATTACKER_BYTES_MAX} bytes");
    }
    if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).with_context(|| format!("`{shown}` is no attacker"))
    } else {
        toml::from_str(&text).with_context(|| format!("`{shown}` is no attacker"))
    }
}

fn table(
    args: &AttackArgs,
    model: &Tabular,
    frame: &Frame,
    picked: &[usize],
    normal: &[usize],
    attacker: &Resolved,
) -> Result<Vec<Figure>> {
    let is_found = |row: &[f64]| model.p_value(Model::score(model, row)) <= args.alpha;
    let rows: Vec<Vec<f64>> = picked
        .iter()
        .map(|at| {
            let mut row = Vec::new();
            frame.copy_row(*at, &mut row);
            row
        })
        .collect();
    let of = rows.len() as u64;
    let clean: Vec<bool> = rows.iter().map(|row| is_found(row)).collect();
    let count = |found: &[bool]| found.iter().filter(|found| **found).count() as u64;
    let mut figures = vec![Figure::new("clean", 0, count(&clean), of)];
    let paths: Vec<Vec<greedy::Attacked>> = rows.iter().map(|row| greedy::attack(model, attacker, row)).collect();
    for changes in 1..=attacker.changes_max {
        let mut costs = Vec::new();
        let mut found = 0;
        for (path, clean) in paths.iter().zip(&clean) {
            let through = path.iter().take(changes + 1).find(|one| !is_found(&one.row));
            found += u64::from(through.is_none());
            costs.extend(through.filter(|_| *clean).map(|one| one.cost));
        }
        figures.push(Figure { cost: middle(costs), ..Figure::new("greedy", changes, found, of) });
    }
    let changes = attacker.changes_max;
    let ordinary = frame.select(normal);
    let seed = Random::new(args.seed);
    let (mut costs, mut found) = (Vec::new(), 0);
    for (at, (row, clean)) in rows.iter().zip(&clean).enumerate() {
        if !clean {
            continue;
        }
        match boundary::attack(&is_found, attacker, &ordinary, row, changes, &mut seed.part(at as u64)) {
            Some(way) => costs.push(way.cost),
            None => found += 1,
        }
    }
    figures.push(Figure { cost: middle(costs), ..Figure::new("boundary", changes, found, of) });
    figures.extend(transferred(model, frame, &rows, &clean, attacker, &is_found));
    let raised_only = attacker.features.iter().all(|(feature, control)| {
        control.direction == shieldwall_learn::gate::attack::Direction::Increase
            && model.raisable().contains(model.schema().name(*feature))
    });
    if raised_only {
        let held = rows.iter().filter(|row| model.floor(row).is_some_and(|floor| model.p_value(floor) <= args.alpha));
        figures.push(Figure::new("certified", attacker.features.len(), held.count() as u64, of));
    }
    Ok(figures)
}

/// What is left where the attacker trains a model of his own on the answers; none where the answers teach nothing.
fn transferred(
    model: &Tabular,
    frame: &Frame,
    rows: &[Vec<f64>],
    clean: &[bool],
    attacker: &Resolved,
    is_found: &dyn Fn(&[f64]) -> bool,
) -> Option<Figure> {
    // He knows every other row of the data and what the model says of it.
    let known: Vec<usize> = (0..frame.rows()).step_by(2).collect();
    let known = frame.select(&known);
    let answers: Vec<bool> = model.score_rows(&known).iter().map(|score| model.p_value(*score) <= ALPHA).collect();
    let own = transfer::surrogate(&known, &answers, &mut Random::new(2)).ok()?;
    let (mut costs, mut found) = (Vec::new(), 0);
    for (row, _) in rows.iter().zip(clean).filter(|(_, clean)| **clean) {
        let path = greedy::attack(&own, attacker, row);
        match path.last().filter(|one| !is_found(&one.row)) {
            Some(way) => costs.push(way.cost),
            None => found += 1,
        }
    }
    Some(Figure { cost: middle(costs), ..Figure::new("transfer", attacker.changes_max, found, rows.len() as u64) })
}

fn disguised(args: &AttackArgs, trained: &Trained, list: &[String], picked: &[usize]) -> Vec<Figure> {
    let kind = text_kind(trained.kind());
    let originals: Vec<String> = picked.iter().filter_map(|at| list.get(*at).cloned()).collect();
    let found = |texts: Vec<String>| -> Vec<bool> {
        let scores = trained.scores(&Items::Texts(texts));
        scores.iter().map(|score| trained.p_value(*score) <= args.alpha).collect()
    };
    let clean = found(originals.clone());
    let of = originals.len() as u64;
    let count = |found: &[bool]| found.iter().filter(|found| **found).count() as u64;
    let mut figures = vec![Figure::new("clean", 0, count(&clean), of)];
    let mut worst = clean.clone();
    let seed = Random::new(args.seed);
    for (number, name) in texts::names(kind).into_iter().enumerate() {
        let other: Vec<String> = originals
            .iter()
            .enumerate()
            .map(|(at, text)| texts::disguise(kind, text, name, &mut seed.part((number * 0x1_0000_0000 + at) as u64)))
            .collect();
        let held = found(other.clone());
        let through = clean.iter().zip(&held).position(|(clean, held)| *clean && !held);
        let example = through.and_then(|at| Some((originals.get(at)?.clone(), other.get(at)?.clone())));
        worst.iter_mut().zip(&held).for_each(|(worst, held)| *worst &= held);
        figures.push(Figure { example, name: Some(name.to_owned()), ..Figure::new("disguise", 1, count(&held), of) });
    }
    figures.push(Figure::new("any_disguise", 1, count(&worst), of));
    figures
}

fn write(format: Format, head: &Value, figures: &[Figure]) -> Result<()> {
    let mut out = io::stdout().lock();
    let text = |key: &str| head.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let text = |key: &str| text(key).unwrap_or_default();
    let worst = figures.iter().filter(|one| one.name.is_some()).min_by(|a, b| a.recall().total_cmp(&b.recall()));
    if format == Format::Jsonl {
        for one in figures {
            let (low, high) = wilson(one.found, one.of);
            let mut line = json!({
                "attack": one.attack, "name": one.name, "changes": one.changes, "found": one.found, "of": one.of,
                "recall": one.recall(), "low": low, "high": high, "middle_cost": one.cost,
                "example": one.example.as_ref().map(|(before, after)| json!({ "before": before, "after": after })),
                "worst": worst.is_some_and(|worst| worst.name == one.name && one.name.is_some()),
            });
            if let (Some(line), Some(head)) = (line.as_object_mut(), head.as_object()) {
                line.extend(head.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    let (normal, alarms) = (text("normal"), text("false_alarms"));
    writeln!(out, "{} model, SHA-256 {}", text("kind"), text("model_sha256"))?;
    writeln!(out, "attacker, SHA-256 {}: {}", text("attacker_sha256"), escape(&text("attacker")))?;
    writeln!(
        out,
        "{} hostile items; found: p at most {}; false alarms on these data: {alarms} of {normal}\n",
        text("attacked"),
        text("alpha")
    )?;
    writeln!(
        out,
        "| attack | changes | still found | recall | 95 % interval | middle cost |\n|---|---:|---:|---:|---|---:|"
    )?;
    for one in figures {
        let (low, high) = wilson(one.found, one.of);
        let name = one.name.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let cost = one.cost.map_or("–".to_owned(), |cost| format!("{cost:.2}"));
        writeln!(
            out,
            "| {}{name} | {} | {} of {} | {:.3} | {low:.3} to {high:.3} | {cost} |",
            one.attack,
            one.changes,
            one.found,
            one.of,
            one.recall()
        )?;
    }
    if let Some(worst) = worst {
        writeln!(out, "\nworst disguise: {}", worst.name.as_deref().unwrap_or_default())?;
        if let Some((before, after)) = &worst.example {
            writeln!(out, "    before: {}\n    after:  {}", shortened(before), shortened(after))?;
        }
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    let cut = text.floor_char_boundary(EXAMPLE_MAX);
    escape(text.get(..cut).unwrap_or_default()).to_string()
}

fn middle(mut costs: Vec<f64>) -> Option<f64> {
    costs.sort_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied()
}
