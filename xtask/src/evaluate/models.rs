//! The learned detectors alone, all rules off: what they find in adversary simulations, and what they report where nothing
//! is wrong.
//!
//! Each recording is scanned by itself and learns from itself: the attack is in the history. No label takes part; what a
//! label is used for is the count below.

use std::fmt::Write as _;

use anyhow::Result;

use super::program::{ALARM, LEVELS, Program, Rules};
use super::simulations::otrf;
use super::{grouped, percent};

/// Logs without a known attack.
const BENIGN: [&str; 2] = ["evtx-benign-samples", "plaso-logs"];

/// The section's text.
///
/// # Errors
/// When the program fails or the data cannot be read.
pub fn section(program: &Program) -> Result<String> {
    let mut out = String::from("\n### Learned detectors alone, all rules off\n\n");
    out.push_str(
        "Each recording of `otrf-security-datasets` is scanned by itself (`shieldwall scan --no-builtin-rules ARCHIVE`): \
         what is normal is learned from the very recording, attack included. *Named* counts a recording with a finding whose \
         tactic or technique is one of the recording's. Baselines: a program that never speaks names 0 and reports 0; one that \
         reports every recording once has 1 incident a recording.\n\n",
    );
    let (mut read, mut any, mut named, mut alarms, mut incidents, mut events) = (0u32, 0u32, 0u32, 0u32, 0u64, 0u64);
    for set in otrf(&program.data)? {
        let path = format!("otrf-security-datasets/atomic/{}", set.path);
        if !program.data.join(&path).is_file() {
            continue;
        }
        let case = program.scan(&path, Rules::Models)?;
        if case.events() == 0 {
            continue;
        }
        read += 1;
        events += case.events();
        incidents += case.incidents;
        any += u32::from(!case.findings.is_empty());
        named += u32::from(case.findings.iter().any(|finding| set.fits(finding)));
        alarms += u32::from(case.findings.iter().any(|finding| finding.level >= ALARM));
    }
    let share = |part: u32| format!("{part} of {read} ({})", percent(f64::from(part), f64::from(read)));
    writeln!(out, "| {read} recordings, {} events | learned detectors |\n|---|---:|", grouped(events))?;
    writeln!(out, "| anything found | {} |", share(any))?;
    writeln!(out, "| anything at level medium or above | {} |", share(alarms))?;
    writeln!(out, "| **named: technique or tactic** | {} |", share(named))?;
    writeln!(out, "| incidents a recording | {:.1} |\n", incidents as f64 / f64::from(read.max(1)))?;
    writeln!(out, "Where nothing is known to be wrong, every finding counts as false:\n")?;
    out.push_str(
        "| logs | events | findings by level | incidents | findings per 1,000 events |\n|---|---:|---|---:|---:|\n",
    );
    for folder in BENIGN {
        let case = program.scan(folder, Rules::Models)?;
        let levels: Vec<String> = LEVELS
            .iter()
            .enumerate()
            .map(|(level, name)| (case.findings.iter().filter(|finding| finding.level == level).count(), name))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        let levels = if levels.is_empty() { "none".to_owned() } else { levels.join(", ") };
        let rate = 1000.0 * case.findings.len() as f64 / case.events().max(1) as f64;
        writeln!(out, "| `{folder}` | {} | {levels} | {} | {rate:.3} |", grouped(case.events()), case.incidents)?;
    }
    Ok(out)
}
