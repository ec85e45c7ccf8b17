//! `model scan` over labelled model files: what it calls malicious, what it lets pass in silence, what it accuses wrongly.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_learn::metrics::wilson;

use super::program::Program;
use crate::built::target;

/// The section's text.
///
/// # Errors
/// When the program fails or the data cannot be read.
pub fn section(program: &Program) -> Result<String> {
    let mut out = String::from("\n### Model files: `model scan`\n\n");
    let folder = program.data.join("model-artifacts");
    let text = std::fs::read_to_string(folder.join("labels.tsv")).context("the labels of model-artifacts")?;
    let labels: BTreeMap<&str, &str> = text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split('\t');
            Some((cells.next()?, cells.next()?))
        })
        .collect();
    let start = Instant::now();
    let verdicts = scan(program, "model-artifacts")?;
    let took = start.elapsed().as_millis();
    let count = |label: &str, verdict: &str| {
        let own = labels.iter().filter(|(_, own)| **own == label);
        own.filter(|(path, _)| verdicts.get(**path).is_some_and(|own| own == verdict)).count() as u64
    };
    let of = |label: &str| {
        labels.iter().filter(|(path, own)| **own == label && verdicts.contains_key(**path)).count() as u64
    };
    let share = |part: u64, whole: u64| {
        let (low, high) = wilson(part, whole);
        format!(
            "{part} of {whole} ({:.1} %, {:.1}–{:.1})",
            100.0 * part as f64 / whole.max(1) as f64,
            100.0 * low,
            100.0 * high
        )
    };
    writeln!(
        out,
        "Data: `model-artifacts` (labels.tsv), the whole folder in one run; `onnx-testdata` (benign by origin). Command: `shieldwall model \
         scan FOLDER --format jsonl`. Intervals: Wilson, 95 %. The rules were written with these files at hand, so they flatter; the \
         seeded tests `scan_generated` and `scan_pickle` call in random spellings what no corpus here holds, and `cargo xtask bench scan` \
         draws callables from what Python itself lists. Baselines: a program that never speaks lets all 252 pass in silence; \
         one that calls everything malicious accuses every benign file.\n\n| | malicious | not proven | clean |\n|---|---|---|---|"
    )?;
    for label in ["malicious", "benign", "structural"] {
        let whole = of(label);
        writeln!(
            out,
            "| {label} | {} | {} | {} |",
            share(count(label, "malicious"), whole),
            share(count(label, "not_proven"), whole),
            share(count(label, "clean"), whole)
        )?;
    }
    let onnx = scan(program, "onnx-testdata")?;
    let clean = onnx.values().filter(|verdict| *verdict == "clean").count() as u64;
    let accused = onnx.values().filter(|verdict| *verdict == "malicious").count() as u64;
    writeln!(
        out,
        "| onnx-testdata | {accused} | {} | {} |",
        onnx.len() as u64 - clean - accused,
        share(clean, onnx.len() as u64)
    )?;
    writeln!(
        out,
        "\nThe whole of `model-artifacts` took about {} s of wall clock, start and end of the program among it.",
        (took as f64 / 1000.0).ceil()
    )?;
    let measured = std::fs::read_to_string(target().join("bench/model-scan.md"));
    out.push_str("\n#### Beside other scanners\n\n");
    out.push_str(&measured.unwrap_or_else(|_| {
        "Not measured yet: run `cargo xtask bench scan`, then `cargo xtask evaluate`.\n".to_owned()
    }));
    Ok(out)
}

/// Verdicts by path below the folder.
fn scan(program: &Program, folder: &str) -> Result<BTreeMap<String, String>> {
    let root = program.data.join(folder);
    let output = program.model(&["scan", "--format", "jsonl"], &root)?;
    let mut verdicts = BTreeMap::new();
    for line in output.lines() {
        let one: Value = serde_json::from_str(line)?;
        let (Some(path), Some(verdict)) = (one["path"].as_str(), one["verdict"].as_str()) else {
            bail!("a line without path or verdict: {line}");
        };
        let path = Path::new(path).strip_prefix(&root).unwrap_or(Path::new(path));
        verdicts.insert(path.to_string_lossy().into_owned(), verdict.to_owned());
    }
    Ok(verdicts)
}
