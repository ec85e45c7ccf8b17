//! What was read of each data folder: events, kinds, what was rejected and what was not known.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use super::program::{Case, Input, Program, Rules};
use super::{cell, command, grouped, is_about_data, percent};

/// Folders that hold logs, and what to know of each.
const FOLDERS: &[(&str, &str)] = &[
    ("loghub", "samples of system logs"),
    ("plaso-logs", "some thirty kinds, some deliberately broken"),
    ("otrf-security-datasets", "archives; packet captures among them are not read; metadata are text"),
    ("evtx-to-mitre", "attack records"),
    ("evtx-benign-samples", "some deliberately damaged"),
    ("sigma-regression", "records with their JSON twins; `info.yml` are text"),
    ("stratus-cloudtrail", "CloudTrail"),
    ("hdfs-100k-sessions", "sessions as JSON Lines"),
    ("malformed", "hostile on purpose: to be rejected, not to be read"),
];

/// Files named in the table of rejections, at most.
const REJECTED_FILES_MAX: usize = 25;

/// The section's text.
///
/// # Errors
/// When the program fails.
pub fn section(program: &Program) -> Result<String> {
    let mut out = String::from("\n## 4. Decoding\n\n");
    writeln!(
        out,
        "Data: every folder with logs; licence and origin notes are not counted. Counted from `manifest.json` of a case. \
         Command: {}, for each folder. *Text* are records of which only the words are known, no kind of log: what a \
         trivial reader of lines makes of everything (**baseline**: 100 % text, 0 % rejected, and no record of a binary \
         log). *Rejected* are records or stretches that could not be read, each with its place in the manifest. Rules: \
         built-in. A record that no loaded rule can want is not read to its end, so a damaged one may count as an event with \
         one rule set and as rejected with another.\n",
        command("FOLDER")
    )?;
    writeln!(out, "| folder | files read | not read | copies | events | rejected | share | text | share | flagged |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    let mut kinds = String::from("| folder | kind: events (files) |\n|---|---|\n");
    let mut rejected = Vec::new();
    for (folder, what) in FOLDERS {
        let mut case = program.scan(folder, Rules::BuiltIn)?;
        case.inputs.retain(|input| !is_about_data(&input.path));
        out.push_str(&row(folder, &case)?);
        writeln!(kinds, "| `{folder}` ({what}) | {} |", kinds_of(&case))?;
        if *folder != "malformed" {
            rejected.extend(case.inputs.into_iter().filter(|input| !input.rejected.is_empty()));
        }
    }
    writeln!(out, "\nKinds as the program names them:\n\n{kinds}")?;
    writeln!(out, "Where something was rejected, `malformed` apart ({} files):\n", rejected.len())?;
    writeln!(out, "| file | read as | events | rejected |\n|---|---|---:|---|")?;
    for input in rejected.iter().take(REJECTED_FILES_MAX) {
        let reasons: Vec<_> = input.rejected.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let reasons = reasons.join(", ");
        writeln!(out, "| `{}` | {} | {} | {reasons} |", cell(&input.path), input.format, grouped(input.records))?;
    }
    if rejected.len() > REJECTED_FILES_MAX {
        writeln!(out, "\n… and {} more.", rejected.len() - REJECTED_FILES_MAX)?;
    }
    Ok(out)
}

fn row(folder: &str, case: &Case) -> Result<String> {
    let is_read = |input: &&Input| input.status == "read" && !input.duplicate;
    let read: Vec<&Input> = case.inputs.iter().filter(is_read).collect();
    let copies = case.inputs.iter().filter(|input| input.duplicate).count();
    let not_read = case.inputs.len() - read.len() - copies;
    let events = case.events();
    let rejected: u64 = case.inputs.iter().flat_map(|input| input.rejected.values()).sum();
    let text: u64 = read.iter().filter(|input| input.format == "text").map(|input| input.records).sum();
    let flagged: u64 = case.inputs.iter().map(|input| input.flagged).sum();
    let mut out = String::new();
    writeln!(
        out,
        "| `{folder}` | {} | {not_read} | {copies} | {} | {} | {} | {} | {} | {} |",
        read.len(),
        grouped(events),
        grouped(rejected),
        percent(rejected as f64, (events + rejected) as f64),
        grouped(text),
        percent(text as f64, events as f64),
        grouped(flagged)
    )?;
    Ok(out)
}

/// `evtx: 11,310 (14)`, most events first; then what was not read.
fn kinds_of(case: &Case) -> String {
    let mut kinds: BTreeMap<&str, (u64, u32)> = BTreeMap::new();
    let mut unread: BTreeMap<&str, u32> = BTreeMap::new();
    for input in case.inputs.iter().filter(|input| !input.duplicate) {
        if input.status == "read" {
            let entry = kinds.entry(&input.format).or_default();
            entry.0 += input.records;
            entry.1 += 1;
        } else {
            *unread.entry(&input.status).or_default() += 1;
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(name, (events, _))| (std::cmp::Reverse(*events), *name));
    let mut parts: Vec<_> =
        kinds.into_iter().map(|(name, (events, files))| format!("{name}: {} ({files})", grouped(events))).collect();
    parts.extend(unread.into_iter().map(|(status, files)| format!("{status}: ({files})")));
    parts.join(" · ")
}
