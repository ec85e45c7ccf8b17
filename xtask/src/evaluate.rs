//! `cargo xtask evaluate`: counts what the built program finds and misses in known data, and writes EVALUATION.md.
//!
//! The program runs as a user runs it; only what it writes (findings as JSON Lines, the manifest of a case) is counted.
//! The text is the same every time for the same program, rules and data; only the section on speed is measured
//! elsewhere (`cargo xtask bench`) and taken over as it is.
//!
//! The data folder is `SHIELDWALL_DATA`, else `../shared/data` beside the repository. Nothing is tuned on these data.

mod alarms;
mod artifacts;
mod conformance;
mod decoding;
mod foresight;
pub mod incidents;
pub mod learning;
mod models;
mod program;
mod recall;
mod simulations;
mod speed;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::built::{dist, shown, target};
use program::Program;

/// The folders of SigmaHQ's live rules: those that are neither deprecated, unsupported nor placeholders.
const LIVE_RULES: [&str; 3] = ["sigma/rules", "sigma/rules-emerging-threats", "sigma/rules-threat-hunting"];

/// Runs the program over the data and writes `EVALUATION.md` at the repository's root.
///
/// # Errors
/// When a flag is wrong, data are missing, or the program fails.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let mut rules = Vec::new();
    let mut program = None;
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().with_context(|| format!("{} needs a value", flag.to_string_lossy()))?;
        match flag.to_str() {
            Some("--rules") => rules.push(PathBuf::from(value)),
            Some("--program") => program = Some(PathBuf::from(value)),
            _ => bail!("usage: cargo xtask evaluate [--rules DIR]… [--program PATH]"),
        }
    }
    let data = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| crate::root().join("../shared/data"), PathBuf::from);
    if rules.is_empty() {
        rules = LIVE_RULES.iter().map(|folder| data.join(folder)).collect();
    }
    let program = program.map_or_else(dist, Ok)?;
    let learned = learning::section(&data)?;
    let joined = incidents::section(program.clone(), rules.clone(), data.clone())?;
    let program = Program::new(program, data, rules, target().join("evaluate"))?;
    let mut text = opening(&program);
    text.push_str(&conformance::section(&program)?);
    text.push_str(&recall::section(&program)?);
    text.push_str(&simulations::section(&program)?);
    text.push_str(&joined);
    text.push_str(&alarms::section(&program)?);
    text.push_str(&learned);
    text.push_str(&models::section(&program)?);
    text.push_str(&foresight::section(&program)?);
    text.push_str(&artifacts::section(&program)?);
    text.push_str(&decoding::section(&program)?);
    text.push_str(&speed::section());
    program.end()?;
    crate::write_or_check(&crate::root().join("EVALUATION.md"), &text, false)
}

fn opening(program: &Program) -> String {
    let rules: Vec<_> = program.rules.iter().map(|path| format!("`{}`", shown(path.as_os_str()))).collect();
    format!(
        "# Evaluation\n\n\
         What Shieldwall finds, misses and wrongly reports in data with known content, and what that costs.\n\n\
         Every count below is printed by one command, which runs the shipped build (`--profile dist`) and counts what it \
         writes; this file is its output:\n\n\
         ```\ncargo xtask evaluate\n```\n\n\
         - **Data**: the folder `SHIELDWALL_DATA` (default `../shared/data`). Each part names its folder, files and events. \
         Identical files are read once and their events counted once; findings are assigned by content (SHA-256), so each \
         copy counts as found.\n\
         - **Rules**: *SigmaHQ live* are the rules in {}, alone (`--no-builtin-rules`). *Built-in* are the rules that the \
         program carries, alone.\n\
         - **Split**: none. Neither rules nor program are fitted to these data by this command, and nothing is learned from \
         them. SigmaHQ's authors may have seen the public attack records; recall on them is then no forecast for new attacks.\n\
         - **Seed**: none, but for the section on incidents, which names its seeds. Nothing else is drawn at random.\n\
         - **Baseline**: beside each figure stands what a trivial program would score.\n",
        rules.join(", ")
    )
}

/// The command a reader runs to see one scan by itself.
fn command(folder: &str) -> String {
    format!("`shieldwall scan [--no-builtin-rules --rules DIR…] {folder} -o case/`, counted by `cargo xtask evaluate`")
}

/// `12 %` with one decimal; a dash where there is nothing to share.
fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1} %", 100.0 * part / whole) } else { "–".to_owned() }
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whether a file tells about the data and is none of them: licences and notes of origin.
fn is_about_data(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with("LICENSE") || name.starts_with("COPYING") || name == "SOURCE.txt"
}

/// Text for one cell of a table: no bars, no line feeds.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::{cell, grouped, is_about_data, percent};

    #[test]
    fn numbers_and_cells_are_written_for_a_table() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(percent(1.0, 3.0), "33.3 %");
        assert_eq!(percent(0.0, 0.0), "–");
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }

    #[test]
    fn licences_are_no_data() {
        assert!(is_about_data("x/LICENSE.md") && is_about_data("COPYING") && is_about_data("a/SOURCE.txt"));
        assert!(!is_about_data("x/license.evtx") && !is_about_data("SOURCE.txt/a.log"));
    }
}
