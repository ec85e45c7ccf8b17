//! `shieldwall data diff`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::manifest;
use super::read::RowHash;
use crate::cli::{Global, Outcome};
use crate::confine::Needs;

/// Rows that are named in words.
const SHOWN: usize = 100;

/// Arguments of `data diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  shieldwall data diff dataset.json flows.csv\nRows count from 1, without the header."
)]
pub struct DiffArgs {
    /// A manifest (dataset.json) or data
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// A manifest or data
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Words
    Text,
    /// One JSON object a line
    Jsonl,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Changed(usize, usize),
    Removed(usize),
    Added(usize),
}

/// Runs `data diff`.
///
/// # Errors
/// When one of the two cannot be read.
pub fn run(global: &Global, args: &DiffArgs) -> Result<Outcome> {
    global.confine(&Needs::default().spool());
    let (old, new) = (manifest::rows_of(&args.old)?, manifest::rows_of(&args.new)?);
    let steps = steps(&old, &new);
    let mut out = io::stdout().lock();
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
    let changed = count(|step| matches!(step, Step::Changed(..)));
    let (removed, added) =
        (count(|step| matches!(step, Step::Removed(_))), count(|step| matches!(step, Step::Added(_))));
    if args.format == Format::Jsonl {
        for step in &steps {
            let line = match step {
                Step::Changed(old, new) => json!({ "change": "changed", "old_row": old + 1, "new_row": new + 1 }),
                Step::Removed(old) => json!({ "change": "removed", "old_row": old + 1 }),
                Step::Added(new) => json!({ "change": "added", "new_row": new + 1 }),
            };
            writeln!(out, "{line}")?;
        }
    } else {
        writeln!(
            out,
            "{} rows before, {} now: {changed} changed, {removed} removed, {added} added",
            old.len(),
            new.len()
        )?;
        for step in steps.iter().take(SHOWN) {
            match step {
                Step::Changed(old, new) if old == new => writeln!(out, "changed row {}", new + 1)?,
                Step::Changed(old, new) => writeln!(out, "changed row {} (before: row {})", new + 1, old + 1)?,
                Step::Removed(old) => writeln!(out, "removed row {} of the old data", old + 1)?,
                Step::Added(new) => writeln!(out, "added row {}", new + 1)?,
            }
        }
        if steps.len() > SHOWN {
            writeln!(out, "… and {} more (--format jsonl names all)", steps.len() - SHOWN)?;
        }
    }
    Ok(Outcome::of(!steps.is_empty(), false))
}

/// Rows whose content stands on one side only; what stands at the same place between kept rows is one row that changed. A
/// new order of the same rows is no change. O(n log n).
fn steps(old: &[RowHash], new: &[RowHash]) -> Vec<Step> {
    let mut counts: BTreeMap<&RowHash, (i64, i64)> = BTreeMap::new();
    old.iter().for_each(|row| counts.entry(row).or_default().0 += 1);
    new.iter().for_each(|row| counts.entry(row).or_default().1 += 1);
    // Of equal rows the last ones are those too many.
    let is_kept = |rows: &[RowHash]| -> Vec<bool> {
        let mut left: BTreeMap<&RowHash, i64> = counts.iter().map(|(row, (a, b))| (*row, *a.min(b))).collect();
        rows.iter()
            .map(|row| {
                let Some(left) = left.get_mut(row).filter(|left| **left > 0) else { return false };
                *left -= 1;
                true
            })
            .collect()
    };
    let old_kept = is_kept(old);
    let new_kept = is_kept(new);
    let (mut at, mut to, mut out) = (0, 0, Vec::new());
    while at < old.len() || to < new.len() {
        match (old_kept.get(at), new_kept.get(to)) {
            (Some(false), Some(false)) => {
                out.push(Step::Changed(at, to));
                (at, to) = (at + 1, to + 1);
            }
            (Some(false), _) => {
                out.push(Step::Removed(at));
                at += 1;
            }
            (_, Some(false)) => {
                out.push(Step::Added(to));
                to += 1;
            }
            _ => (at, to) = (at + 1, to + 1),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_added_and_removed_rows_are_named_and_a_new_order_is_no_change() {
        let rows = |text: &str| -> Vec<RowHash> { text.bytes().map(|byte| [byte; 16]).collect() };
        for (old, new, expected) in [
            ("abc", "abc", vec![]),
            ("abc", "cab", vec![]),
            ("abc", "axc", vec![Step::Changed(1, 1)]),
            ("abc", "abxc", vec![Step::Added(2)]),
            ("abc", "ac", vec![Step::Removed(1)]),
            ("aab", "ab", vec![Step::Removed(1)]),
            ("abcd", "abxd", vec![Step::Changed(2, 2)]),
            ("", "ab", vec![Step::Added(0), Step::Added(1)]),
        ] {
            assert_eq!(steps(&rows(old), &rows(new)), expected, "{old} → {new}");
        }
    }
}
