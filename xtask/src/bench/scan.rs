//! `cargo xtask bench scan [--program PATH]`: `shieldwall model scan` beside picklescan, modelscan, fickling and modelaudit on
//! the same files, each with its defaults. The others only scan, statically; no file is ever loaded.
//!
//! Where they are: `SHIELDWALL_PEERS` names virtual environments (as `PATH` does folders); a tool is run by the first one that
//! has it. A tool that none has is installed from PyPI into `target/bench/peers`, or left out where that fails.
//!
//! Files: `model-artifacts` by its labels, `picklescan-testdata` by its names, `onnx-testdata` (benign by origin), all below
//! `SHIELDWALL_DATA`; and pickles that are generated here: 200 callables drawn by seed from what Python says its standard
//! library, numpy and torch have, each called with `echo hi` in one of several spellings. Nobody has labelled those, so
//! they are told apart. Prints Markdown and leaves the same text in `target/bench/model-scan.md`, which `cargo xtask
//! evaluate` takes over.

mod generated;
mod peers;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_learn::metrics::wilson;

use crate::built::{dist, machine, target};
use crate::measure::{Cost, once};

/// Exit codes of `model scan` that are results.
const CODES: [i32; 4] = [0, 1, 2, 3];

/// What a scanner says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// It is malicious, or suspicious where the tool has no finer word.
    Found,
    /// Nothing is wrong with it.
    Clean,
    /// Not proven, skipped, or an error: no clean verdict.
    Unread,
}

/// One scanner's answers, and what they cost.
struct Answers {
    name: String,
    said: BTreeMap<PathBuf, Said>,
    cost: Cost,
}

/// Files with a label.
struct Corpus {
    malicious: Vec<PathBuf>,
    benign: Vec<PathBuf>,
    generated: Vec<PathBuf>,
}

/// Runs all scanners and prints the tables.
///
/// # Errors
/// When a flag is wrong, data are missing or the program fails. A peer that fails is left out, and that is said.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let program = match arguments {
        [] => dist()?,
        [flag, path] if flag == "--program" => PathBuf::from(path),
        _ => bail!("usage: cargo xtask bench scan [--program PATH]"),
    };
    let data = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| crate::root().join("../shared/data"), PathBuf::from);
    let home = target().join("bench/model-scan");
    crate::built::fresh(&home)?;
    let peers = peers::find()?;
    let drawn = generated::write(&home.join("generated"), &peers)?;
    let corpus = corpus(&data, drawn.iter().map(|(path, _)| path.clone()).collect())?;
    let all: Vec<&PathBuf> = corpus.malicious.iter().chain(&corpus.benign).chain(&corpus.generated).collect();
    let mut answers = vec![own(&program, &all)?];
    let mut missing = Vec::new();
    for peer in &peers {
        match peer.ask(&all, &home) {
            Ok(one) => answers.push(one),
            Err(error) => missing.push(format!("{} ({error:#})", peer.name)),
        }
    }
    let text = told(&corpus, &answers, &missing, &drawn)?;
    print!("{text}");
    let last = target().join("bench/model-scan.md");
    fs::write(&last, &text).with_context(|| format!("cannot write `{}`", last.display()))
}

fn corpus(data: &Path, generated: Vec<PathBuf>) -> Result<Corpus> {
    let (mut malicious, mut benign) = (Vec::new(), Vec::new());
    let folder = data.join("model-artifacts");
    let labels = fs::read_to_string(folder.join("labels.tsv")).context("the labels of model-artifacts")?;
    for line in labels.lines().skip(1) {
        let mut cells = line.split('\t');
        let (Some(path), Some(label)) = (cells.next(), cells.next()) else { continue };
        let path = folder.join(path);
        match label {
            "malicious" if path.is_file() => malicious.push(path),
            "benign" if path.is_file() => benign.push(path),
            _ => {}
        }
    }
    for path in files(&data.join("picklescan-testdata"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Its own tests say so by name; arrays and the new torch model are there to be passed.
        if path.parent().is_none_or(|folder| folder == data.join("picklescan-testdata")) {
            continue;
        }
        match name.starts_with("benign") || name.contains("array") || name == "new_pytorch_model.bin" {
            true => benign.push(path),
            false => malicious.push(path),
        }
    }
    benign.extend(files(&data.join("onnx-testdata"))?);
    Ok(Corpus { malicious, benign, generated })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list `{}`", folder.display()))? {
            let path = entry?.path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The program's own answers, in one run over all files.
fn own(program: &Path, files: &[&PathBuf]) -> Result<Answers> {
    let out = target().join("bench/model-scan/own.jsonl");
    let mut command: Vec<OsString> =
        [program.as_os_str(), "model".as_ref(), "scan".as_ref()].map(OsString::from).into();
    command.extend(["--format", "jsonl", "-o"].map(OsString::from));
    command.push(out.clone().into());
    command.extend(files.iter().map(|path| path.as_os_str().to_owned()));
    let cost = once(&command, &CODES)?;
    let said = read(&out, |verdict| match verdict {
        "malicious" => Said::Found,
        "clean" => Said::Clean,
        _ => Said::Unread,
    })?;
    Ok(Answers { name: "**shieldwall**".to_owned(), said, cost })
}

fn read(path: &Path, said: impl Fn(&str) -> Said) -> Result<BTreeMap<PathBuf, Said>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let one: Value = serde_json::from_str(line)?;
        let (Some(path), Some(verdict)) = (one["path"].as_str(), one["verdict"].as_str()) else {
            bail!("a line without path or verdict: {line}");
        };
        all.insert(PathBuf::from(path), said(verdict));
    }
    Ok(all)
}

fn share(part: usize, whole: usize) -> String {
    let (low, high) = wilson(part as u64, whole as u64);
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    format!("{part} ({percent:.1} %, {:.1}–{:.1})", 100.0 * low, 100.0 * high)
}

fn told(corpus: &Corpus, all: &[Answers], missing: &[String], drawn: &[(PathBuf, String)]) -> Result<String> {
    let mut out = String::new();
    let count = |one: &Answers, files: &[PathBuf], said: Said| {
        files.iter().filter(|path| one.said.get(*path).copied().unwrap_or(Said::Unread) == said).count()
    };
    writeln!(
        out,
        "{}. {} malicious and {} benign files: `model-artifacts` by label, `picklescan-testdata` by name, `onnx-testdata` (benign \
         by origin). Defaults, one file at a time, 25 s a file. *Silent* is a malicious file that is called clean; *not \
         proven* is what a tool skipped, could not read, or (Shieldwall) could not prove. Intervals: Wilson, 95 %. CPU and \
         memory are those of one process over all files, its start among them. Trivial: a tool that always speaks finds \
         everything and accuses every benign file. Command: `cargo xtask bench scan`.\n",
        machine(),
        corpus.malicious.len(),
        corpus.benign.len()
    )?;
    out.push_str("| scanner | malicious found | silent | benign accused | benign not proven | CPU s | peak MB |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    let (malicious, benign) = (corpus.malicious.len(), corpus.benign.len());
    for one in all {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:.2} | {:.0} |",
            one.name,
            share(count(one, &corpus.malicious, Said::Found), malicious),
            share(count(one, &corpus.malicious, Said::Clean), malicious),
            share(count(one, &corpus.benign, Said::Found), benign),
            share(count(one, &corpus.benign, Said::Unread), benign),
            one.cost.cpu,
            one.cost.rss
        )?;
    }
    if !missing.is_empty() {
        writeln!(out, "\nNot measured: {}.", missing.join("; "))?;
    }
    let many = corpus.generated.len();
    writeln!(
        out,
        "\n**Generated, by nobody's label**: {many} callables drawn (seed {}) from what Python lists of its standard library, numpy and \
         torch, called with `echo hi` in seeded spellings. Many only compute, so *clean* is no miss by itself; what Shieldwall \
         calls clean is named below.\n",
        generated::SEED
    )?;
    out.push_str("| scanner | found | not proven | clean |\n|---|---:|---:|---:|\n");
    for one in all {
        let cell = |said| share(count(one, &corpus.generated, said), many);
        writeln!(out, "| {} | {} | {} | {} |", one.name, cell(Said::Found), cell(Said::Unread), cell(Said::Clean))?;
    }
    let clean: Vec<&str> = all.first().map_or_else(Vec::new, |own| {
        let clean = drawn.iter().filter(|(path, _)| own.said.get(path) == Some(&Said::Clean));
        clean.map(|(_, name)| name.as_str()).collect()
    });
    writeln!(out, "\nCalled clean by Shieldwall ({}): {}.", clean.len(), clean.join(", "))?;
    Ok(out)
}
