//! Of adversary simulations with a known technique (OTRF) and of recorded cloud attacks (Stratus): how many get an alarm
//! that names them, and how loud the rest of the recording is?

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::program::{ALARM, Case, Finding, Program, Rules};
use super::{command, grouped, percent};

/// One recording and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// A part of the input's path that only this recording has.
    pub path: String,
    techniques: BTreeSet<String>,
    tactics: BTreeSet<String>,
}

impl Set {
    /// Whether a finding names one of the recording's techniques or tactics.
    pub fn fits(&self, finding: &Finding) -> bool {
        self.fits_technique(finding)
            || finding.tactics.iter().any(|tactic| self.tactics.contains(tactic))
            // ATT&CK v19 split Defense Evasion; the labels are older.
            || (self.tactics.contains("TA0005") && finding.tactics.contains("TA0112"))
    }

    fn fits_technique(&self, finding: &Finding) -> bool {
        finding.techniques.iter().any(|technique| self.techniques.contains(technique))
    }
}

/// What one rule set makes of all recordings.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    fits: u32,
    technique: u32,
    alarm: u32,
    alarms: u64,
}

/// What a row takes of a count.
type Pick = fn(&Count) -> u32;

/// The section's text.
///
/// # Errors
/// When the program fails or the data cannot be read.
pub fn section(program: &Program) -> Result<String> {
    let mut out = String::from("\n### Adversary simulations and cloud attacks\n\n");
    out.push_str(
        "Each recording of `otrf-security-datasets` (host logs with the noise of the machines around them; its metadata name \
         the techniques) and each file of `stratus-cloudtrail` (one attack technique; its name begins with the tactic) \
         counts as recalled when a finding of level medium or above names one of its techniques or tactics. Baseline: a \
         program that never alerts scores 0; *any alarm* is what a program that alerts without naming would score.\n\n",
    );
    for (folder, sets) in [
        ("otrf-security-datasets", otrf(&program.data)?),
        ("stratus-cloudtrail", stratus(&program.data.join("stratus-cloudtrail/detonation-logs"))?),
    ] {
        let [given, built_in] = Rules::ALL.map(|rules| program.scan(folder, rules));
        let cases = [given?, built_in?];
        let [Some(given), Some(built_in)] = [cases.first(), cases.last()] else { continue };
        let sets: Vec<Set> = sets.into_iter().filter(|set| was_read(set, given)).collect();
        let counts = [given, built_in].map(|case| count(&sets, case));
        writeln!(
            out,
            "`{folder}`: {} recordings with logs, {} events. Command: {}.\n\n| | SigmaHQ live ({} rules) | built-in ({}) |\n|---|---:|---:|",
            sets.len(),
            grouped(given.events()),
            command(folder),
            grouped(given.rules),
            built_in.rules
        )?;
        let rows: [(&str, Pick); 3] = [
            ("**recalled: technique or tactic**", |count| count.fits),
            ("technique alone", |count| count.technique),
            ("any alarm (medium or above), whatever it names", |count| count.alarm),
        ];
        let labelled = sets.iter().any(|set| !set.techniques.is_empty());
        for (name, pick) in rows.into_iter().filter(|(name, _)| labelled || *name != "technique alone") {
            write!(out, "| {name} |")?;
            for count in &counts {
                let part = pick(count);
                write!(out, " {part} of {} ({}) |", sets.len(), percent(f64::from(part), sets.len() as f64))?;
            }
            out.push('\n');
        }
        out.push_str("| alarms in all of it, per 1,000 events |");
        for (count, case) in counts.iter().zip([given, built_in]) {
            write!(out, " {:.2} |", 1000.0 * count.alarms as f64 / case.events().max(1) as f64)?;
        }
        out.push_str("\n\n");
    }
    Ok(out)
}

/// Whether anything of a recording was read as a log: captures alone are not.
fn was_read(set: &Set, case: &Case) -> bool {
    case.inputs.iter().any(|input| input.path.contains(&set.path) && input.records > 0)
}

fn count(sets: &[Set], case: &Case) -> Count {
    let mut count = Count {
        alarms: case.findings.iter().filter(|finding| finding.level >= ALARM).count() as u64,
        ..Count::default()
    };
    for set in sets {
        let inputs: BTreeSet<&str> = case
            .inputs
            .iter()
            .filter(|input| input.path.contains(&set.path))
            .map(|input| input.sha256.as_str())
            .collect();
        let alarms: Vec<&Finding> = case
            .findings
            .iter()
            .filter(|finding| finding.level >= ALARM && inputs.contains(finding.sha256.as_str()))
            .collect();
        count.alarm += u32::from(!alarms.is_empty());
        count.fits += u32::from(alarms.iter().any(|finding| set.fits(finding)));
        count.technique += u32::from(alarms.iter().any(|finding| set.fits_technique(finding)));
    }
    count
}

/// OTRF's recordings by their metadata; a metadata file may name several archives of one simulation.
pub fn otrf(data: &Path) -> Result<Vec<Set>> {
    let mut sets = Vec::new();
    let folder = data.join("otrf-security-datasets/atomic/_metadata");
    let mut names: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    for name in names {
        sets.extend(metadata(&fs::read_to_string(name.path())?));
    }
    Ok(sets)
}

/// The few lines of a metadata file that matter: `technique: T1218`, `- TA0005`, `link: …/host/x.zip`.
fn metadata(text: &str) -> Vec<Set> {
    let value = |line: &str, name: &str| {
        let (_, value) = line.split_once(name)?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    };
    let lines = || text.lines().map(str::trim);
    let is_id = |id: &str| id.len() >= 5 && id.starts_with('T') && id.chars().skip(2).all(|c| c.is_ascii_digit());
    let techniques: BTreeSet<String> = lines()
        .filter(|line| line.trim_start_matches("- ").starts_with("technique:"))
        .filter_map(|line| value(line, "technique:"))
        .filter(|id| is_id(id))
        .collect();
    let tactics =
        lines().filter_map(|line| line.strip_prefix("- TA").map(|digits| format!("TA{}", digits.trim()))).collect();
    let links = lines().filter_map(|line| value(line, "link:")).filter(|link| link.ends_with(".zip"));
    let of = |link: String| {
        let parts: Vec<&str> = link.split('/').collect();
        let tail = parts.get(parts.len().saturating_sub(4)..)?.join("/");
        Some(Set { path: tail, techniques: techniques.clone(), tactics: BTreeSet::clone(&tactics) })
    };
    links.filter_map(of).collect()
}

/// Stratus' files: `aws.defense-evasion.cloudtrail-stop.json`.
fn stratus(folder: &Path) -> Result<Vec<Set>> {
    let mut sets = Vec::new();
    let mut names: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    for name in names {
        let name = name.file_name().to_string_lossy().into_owned();
        let tactic = match name.split('.').nth(1).unwrap_or_default() {
            "initial-access" => "TA0001",
            "execution" => "TA0002",
            "persistence" => "TA0003",
            "privilege-escalation" => "TA0004",
            "defense-evasion" => "TA0005",
            "credential-access" => "TA0006",
            "discovery" => "TA0007",
            "lateral-movement" => "TA0008",
            "exfiltration" => "TA0010",
            "impact" => "TA0040",
            _ => continue,
        };
        sets.push(Set { path: name, techniques: BTreeSet::new(), tactics: BTreeSet::from([tactic.to_owned()]) });
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use super::metadata;

    #[test]
    fn metadata_name_techniques_tactics_and_archives() {
        let text = "attack_mappings:\n  - technique: T1218\n    sub-technique: \"005\"\n    tactics:\n      - TA0005\n\
                    files:\n- type: Host\n  link: https://example.org/a/b/windows/execution/host/x.zip\n";
        let sets = metadata(text);
        assert_eq!(sets.len(), 1);
        let set = sets.first().unwrap();
        assert_eq!(set.path, "windows/execution/host/x.zip");
        assert!(set.techniques.contains("T1218") && set.tactics.contains("TA0005"));
        assert!(metadata("title: nothing\n").is_empty());
    }
}
