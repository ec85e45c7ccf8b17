//! The shipped model of command lines: tests of attack techniques (atomic-red-team), and lines of our own generator.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustc_hash::FxHashMap;
use serde_json::Value;
use shieldwall_learn::text::command::generate;
use shieldwall_learn::text::{Settings, TextKind, TextModel, Texts};
use shieldwall_learn::{FitError, Model, Random};

use super::http_data::yaml;
use super::{Figures, SEED, Trained, scores};

/// Lines of our own that the shipped model learns, half of them hostile.
const GENERATED: usize = 24_000;

/// Parts that take turns in being judged.
pub const FOLDS: usize = 5;

/// One line with what is known of it.
#[derive(Clone, Debug)]
pub struct Line {
    /// The line, or a script block for PowerShell.
    pub text: String,
    /// Hostile.
    pub hostile: bool,
    /// What near-copies share: the technique, or the template.
    pub group: String,
    /// Of Windows, else of Unix.
    pub windows: bool,
}

/// Trains and measures.
///
/// # Errors
/// When data are missing.
pub fn train(data: &Path) -> Result<Trained> {
    let atomics = atomics(data)?;
    let mut all = atomics.clone();
    all.extend(generated(GENERATED, SEED));
    let model = fit(&all.iter().collect::<Vec<_>>(), 0, SEED)?;
    let judged = folds(&all)?;
    let figures = |what: &str, keep: &dyn Fn(&Line) -> bool| {
        let kept = || all.iter().zip(&judged).filter(|(one, _)| keep(one));
        let values: Vec<f64> = kept().map(|one| *one.1).collect();
        Figures::of(what, &values, &kept().map(|one| one.0.hostile).collect::<Vec<_>>())
    };
    let own = |one: &Line| one.group.starts_with("own ");
    let figures = vec![
        figures("5 parts by technique and template → Windows", &|one| one.windows && !(own(one) && one.hostile)),
        figures("5 parts by technique and template → Unix", &|one| !(one.windows || own(one) && one.hostile)),
        figures("5 parts → generated alone", &own),
    ];
    let benign = all.iter().zip(&judged).filter(|(one, _)| !one.hostile).map(|one| *one.1).collect();
    Ok(Trained {
        model,
        data: vec![("atomic-red-team", "MIT", files(data)?)],
        generators: vec![("command: lines of both systems", generate::VERSION, GENERATED)],
        figures,
        purpose: "Says how much a command line (cmd.exe, Unix shells, PowerShell) looks like an attacker's, whatever it was \
                  disguised as.",
        limits: vec![
            "tests of techniques hold many lines that administrators run as well (`whoami`, `net view`): their scores are \
             high for the line, and normal for some machines; the p-value on recent normals decides",
            "benign lines are generated: other houses have other tools",
            "what a line hands to a program inside of a file is not seen",
            "64 KiB of a text are read (48 KiB of its head, 16 KiB of its tail)",
        ],
        benign,
    })
}

/// The tests' files, sorted.
fn files(data: &Path) -> Result<Vec<PathBuf>> {
    let root = data.join("atomic-red-team/atomics");
    let mut paths = Vec::new();
    for folder in std::fs::read_dir(&root).with_context(|| format!("cannot read `{}`", root.display()))? {
        for file in std::fs::read_dir(folder?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    Ok(paths)
}

/// The attack commands of `atomic-red-team`, arguments replaced by their defaults: a line each, a block for PowerShell.
/// Grouped by technique (without sub-technique).
///
/// # Errors
/// When the folder is missing or a file does not parse.
pub fn atomics(data: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for path in files(data)? {
        let text = std::fs::read_to_string(&path)?;
        let file = yaml(&text).with_context(|| format!("cannot read `{}`", path.display()))?;
        let technique = file["attack_technique"].as_str().unwrap_or("");
        let group = technique.split('.').next().unwrap_or("").to_owned();
        for test in file["atomic_tests"].as_array().into_iter().flatten() {
            let executor = &test["executor"];
            let Some(command) = executor["command"].as_str() else { continue };
            let command = substituted(command, &test["input_arguments"]);
            let windows = matches!(executor["name"].as_str(), Some("command_prompt" | "powershell"));
            let add = |text: &str| Line { text: text.to_owned(), hostile: true, group: group.clone(), windows };
            if executor["name"].as_str() == Some("powershell") {
                lines.push(add(command.trim()));
            } else {
                let joined = command.replace("\\\n", " ").replace("^\n", " ");
                lines.extend(joined.lines().map(str::trim).filter(|line| tells(line)).map(add));
            }
        }
    }
    // The same line in several tests is one line.
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.text.clone()));
    Ok(lines)
}

/// `#{name}` replaced by the argument's default.
fn substituted(command: &str, arguments: &Value) -> String {
    let mut text = command.to_owned();
    for (name, argument) in arguments.as_object().into_iter().flatten() {
        if let Some(default) = argument["default"].as_str() {
            text = text.replace(&format!("#{{{name}}}"), default);
        }
    }
    text.replace("PathToAtomicsFolder", "C:\\tools")
}

/// Whether a line does something: no comment, no word of a script's frame, no preparation that any script has.
fn tells(line: &str) -> bool {
    const FRAME: &[&str] = &[
        "#", "rem ", "::", "cd ", "exit", "fi", "done", "then", "else", "do", "}", "{", ")", "sleep ", "timeout ",
        "mkdir ", "pause", "@echo",
    ];
    let small = line.to_lowercase();
    line.len() >= 8 && !FRAME.iter().any(|start| small.starts_with(start))
}

/// Lines of our own generator, both classes, both systems.
pub fn generated(count: usize, seed: u64) -> Vec<Line> {
    let lines = generate::beside(count / 2, &mut Random::new(seed));
    let line = |(text, hostile, group): (String, bool, u32)| Line {
        text,
        hostile,
        windows: group < 10_000 && group % 2000 >= 1000,
        group: format!("own {group}"),
    };
    lines.into_iter().map(line).collect()
}

/// A model of these, with so many generated lines beside them.
///
/// # Errors
/// When nothing can be learned from them.
pub fn fit(all: &[&Line], generated: usize, seed: u64) -> Result<TextModel, FitError> {
    let texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    let labels: Vec<bool> = all.iter().map(|one| one.hostile).collect();
    let mut numbers: FxHashMap<&str, u32> = FxHashMap::default();
    let groups: Vec<u32> = all
        .iter()
        .map(|one| {
            let next = numbers.len() as u32;
            *numbers.entry(&one.group).or_insert(next)
        })
        .collect();
    let data = Texts { texts: &texts, labels: &labels, groups: &groups };
    let settings = Settings { generated, ..Settings::of(TextKind::Command) };
    TextModel::fit(data, &settings, &mut Random::new(seed + 1))
}

/// A part for each line; the lines of a group share theirs.
pub fn parts(all: &[Line], seed: u64) -> Vec<usize> {
    let mut of_group: FxHashMap<&str, usize> = FxHashMap::default();
    let mut random = Random::new(seed);
    all.iter().map(|one| *of_group.entry(&one.group).or_insert_with(|| random.below(FOLDS))).collect()
}

/// Every line scored by a model that saw nothing of its group.
fn folds(all: &[Line]) -> Result<Vec<f64>> {
    let parts = parts(all, SEED);
    let mut judged = vec![0.0; all.len()];
    for fold in 0..FOLDS {
        let train: Vec<&Line> = all.iter().zip(&parts).filter(|(_, part)| **part != fold).map(|one| one.0).collect();
        let model = fit(&train, 0, SEED)?;
        let held = || all.iter().zip(&parts).enumerate().filter(|(_, (_, part))| **part == fold);
        let values = scores(&model, held().map(|(_, (one, _))| one.text.as_str()));
        for ((at, _), value) in held().zip(values) {
            *judged.get_mut(at).context("as many scores as lines")? = value;
        }
    }
    Ok(judged)
}
