//! Do rules compile, and does each fire on the record that its authors say it matches, as often as they say?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::program::{Program, Rules};
use super::{command, grouped, percent};
use crate::built::walk;

/// Counts where SigmaHQ states others and is wrong, sorted: what four engines that were compared find.
const STATED_WRONG: [u64; 4] = [2, 3, 3, 3];

/// The section's text.
///
/// # Errors
/// When the program fails or data cannot be read.
pub fn section(program: &Program) -> Result<String> {
    let mut out = String::from("\n## 1. Conformance\n\n");
    let mut files = 0;
    for folder in &program.rules {
        files += walk(folder, "yml")?.len();
    }
    writeln!(
        out,
        "### Rules that compile\n\nData: SigmaHQ live, {} rule files. Command: `shieldwall rules check DIR…`. Baseline: 0, what \
         a program without a rule engine compiles.\n\n> {}\n",
        grouped(files as u64),
        program.check_rules()?
    )?;
    let case = program.scan("sigma-regression", Rules::Given)?;
    // By content: a file that is there twice is read once.
    let found: BTreeMap<(&str, &str), u64> = case
        .findings
        .iter()
        .map(|finding| ((finding.sha256.as_str(), finding.rule.as_str()), finding.matches))
        .collect();
    let (mut evtx, mut events, mut fired, mut with_count) = (0, 0, 0, 0);
    let (mut missed, mut other) = (Vec::new(), Vec::new());
    for input in case.inputs.iter().filter(|input| input.path.ends_with(".evtx")) {
        evtx += 1;
        events += input.records;
        let path = program.data.join(&input.path);
        let rule = path.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
        let count = found.get(&(input.sha256.as_str(), rule.as_str())).copied();
        match (count, stated(&path)?) {
            (None, _) => missed.push(rule),
            (Some(_), None) => fired += 1,
            (Some(count), Some(stated)) => {
                fired += 1;
                with_count += 1;
                if stated != count {
                    other.push((rule, stated, count));
                }
            }
        }
    }
    let findings = case.findings.len();
    writeln!(
        out,
        "### Rules that fire on their own record\n\nData: `sigma-regression`, {evtx} EVTX files with {events} events; each is \
         named after the rule that it must match, and its `info.yml` says how often. Command: {}. Baseline: a program that \
         never alerts scores 0 of {evtx} ({findings} findings of {} rules in the whole folder).\n",
        command("sigma-regression"),
        grouped(case.rules),
    )?;
    let counted = with_count - other.len();
    writeln!(out, "| | files | share | baseline |\n|---|---:|---:|---:|")?;
    writeln!(
        out,
        "| the rule fires on its record | {fired} of {evtx} | {} | 0 % |",
        percent(fired as f64, f64::from(evtx))
    )?;
    writeln!(
        out,
        "| … as often as stated, where a count is stated | {counted} of {with_count} | {} | 0 % |",
        percent(counted as f64, with_count as f64)
    )?;
    for rule in missed {
        writeln!(out, "\nMissed: `{rule}`.")?;
    }
    if !other.is_empty() {
        let mut counts: Vec<_> = other.iter().map(|(_, _, count)| *count).collect();
        counts.sort_unstable();
        let why = if counts == STATED_WRONG {
            " Four engines that were compared count these alike: the stated counts are wrong."
        } else {
            ""
        };
        writeln!(out, "\nOther counts than stated.{why}\n\n| rule | stated | counted |\n|---|---:|---:|")?;
        for (rule, stated, count) in other {
            writeln!(out, "| `{rule}` | {stated} | {count} |")?;
        }
    }
    Ok(out)
}

/// The count in the `info.yml` beside a file.
fn stated(path: &Path) -> Result<Option<u64>> {
    let info = path.with_file_name("info.yml");
    let text = fs::read_to_string(&info).with_context(|| format!("cannot read `{}`", info.display()))?;
    let count = text.lines().find_map(|line| line.trim().strip_prefix("match_count:"));
    Ok(count.and_then(|count| count.trim().parse().ok()))
}
