//! How much is reported in data that are assumed benign, and by which rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use super::program::{ALARM, Case, Finding, LEVELS, Program, Rules};
use super::{cell, command, grouped, is_about_data};

const BENIGN: [&str; 2] = ["evtx-benign-samples", "plaso-logs"];

/// The same figures where attacks are, to compare.
const ATTACKS: &str = "evtx-to-mitre";

/// Rules named as noisiest.
const NOISIEST: usize = 10;

/// What is counted of a rule: (level, findings, matched events).
type Noise = (usize, u64, u64);

/// The section's text.
///
/// # Errors
/// When the program fails.
pub fn section(program: &Program) -> Result<String> {
    let mut out = String::from("\n## 3. False alarms\n\n");
    writeln!(
        out,
        "Data: `{}` and `{}`, **assumed** benign and not inspected record by record; some of the files are deliberately odd \
         or damaged. Licence and origin notes among them are not \
         counted. Commands: {}, and likewise for the other folders. A *finding* is one rule in one file; *events* are \
         the records it matched (`unmapped.matches`). *Alarms* are of level medium or above.\n\n\
         Baseline: a program that never alerts has 0 in every row of the benign folders (and recalls nothing in section 2); \
         the same figures on `{ATTACKS}` show what the same rules say where attacks are.\n",
        BENIGN[0],
        BENIGN[1],
        command(BENIGN[0])
    )?;
    let mut noisiest = String::new();
    writeln!(
        out,
        "| rules | folder | files | events | findings | per 1,000 events | alarms | per 1,000 events | matched events | per 1,000 events |"
    )?;
    writeln!(out, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    let mut levels = String::from("| rules | folder |");
    for level in LEVELS {
        write!(levels, " {level} |")?;
    }
    levels.push_str("\n|---|---|---:|---:|---:|---:|---:|\n");
    for rules in Rules::ALL {
        let name = if rules == Rules::Given { "SigmaHQ live" } else { "built-in" };
        let mut noise: BTreeMap<String, (String, Noise)> = BTreeMap::new();
        let (mut events_benign, mut attacks) = (0, false);
        for folder in BENIGN.into_iter().chain([ATTACKS]) {
            attacks |= folder == ATTACKS;
            let case = without_notes(program.scan(folder, rules)?);
            let shown = if attacks { format!("{folder} (attacks)") } else { folder.to_owned() };
            out.push_str(&row(name, &shown, &case)?);
            levels.push_str(&level_row(name, &shown, &case)?);
            if !attacks {
                events_benign += case.events();
                for finding in &case.findings {
                    let entry =
                        noise.entry(finding.rule.clone()).or_insert((finding.title.clone(), (finding.level, 0, 0)));
                    entry.1.1 += 1;
                    entry.1.2 += finding.matches;
                }
            }
        }
        noisiest.push_str(&ranked(name, noise, events_benign)?);
    }
    writeln!(out, "\nBy level, findings / matched events:\n\n{levels}")?;
    out.push_str(&noisiest);
    Ok(out)
}

fn without_notes(mut case: Case) -> Case {
    case.inputs.retain(|input| !is_about_data(&input.path));
    let kept: std::collections::BTreeSet<_> = case.inputs.iter().map(|input| input.sha256.clone()).collect();
    case.findings.retain(|finding| kept.contains(&finding.sha256));
    case
}

fn row(name: &str, folder: &str, case: &Case) -> Result<String> {
    let events = case.events();
    let rate = |count: u64| {
        if events > 0 { format!("{:.2}", count as f64 * 1000.0 / events as f64) } else { "–".to_owned() }
    };
    let findings = case.findings.len() as u64;
    let alarms = case.findings.iter().filter(|finding| finding.level >= ALARM).count() as u64;
    let matches = case.findings.iter().map(|finding| finding.matches).sum();
    let read = case.inputs.iter().filter(|input| input.status == "read").count();
    let mut out = String::new();
    writeln!(
        out,
        "| {name} | `{folder}` | {read} | {} | {findings} | {} | {alarms} | {} | {} | {} |",
        grouped(events),
        rate(findings),
        rate(alarms),
        grouped(matches),
        rate(matches)
    )?;
    Ok(out)
}

fn level_row(name: &str, folder: &str, case: &Case) -> Result<String> {
    let mut out = format!("| {name} | `{folder}` |");
    for level in 0..LEVELS.len() {
        let of: Vec<&Finding> = case.findings.iter().filter(|finding| finding.level == level).collect();
        let matches = of.iter().map(|finding| finding.matches).sum();
        write!(out, " {} / {} |", of.len(), grouped(matches))?;
    }
    out.push('\n');
    Ok(out)
}

/// The rules that matched most events; ties by findings, then by id.
fn ranked(name: &str, noise: BTreeMap<String, (String, Noise)>, events: u64) -> Result<String> {
    let mut out = format!("\n### Noisiest rules on the benign folders: {name}\n\n");
    if noise.is_empty() {
        writeln!(out, "None: no finding in {} events.", grouped(events))?;
        return Ok(out);
    }
    let rules = noise.len();
    let mut ranked: Vec<_> = noise.into_iter().collect();
    ranked.sort_by(|(left_id, (_, left)), (right_id, (_, right))| {
        (right.2, right.1, left_id).cmp(&(left.2, left.1, right_id))
    });
    writeln!(
        out,
        "{rules} rule(s) fired in {} events; baseline 0.\n\n| rule | level | findings | matched events |\n|---|---|---:|---:|",
        grouped(events)
    )?;
    for (id, (title, (level, findings, matches))) in ranked.into_iter().take(NOISIEST) {
        let level = LEVELS.get(level).copied().unwrap_or_default();
        writeln!(out, "| {} (`{id}`) | {level} | {findings} | {} |", cell(&title), grouped(matches))?;
    }
    Ok(out)
}
