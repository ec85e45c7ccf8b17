//! Of attack records with a known technique: how many get an alarm that names it?
//!
//! A file's label is its folder: tactic, then technique. Labels follow ATT&CK before v19, SigmaHQ's tags v19; what that
//! means for a match is said in the section itself and done in [`Label::fits_tactic`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;

use super::program::{ALARM, Case, Finding, Input, Program, Rules};
use super::{cell, command, grouped, percent};

const FOLDER: &str = "evtx-to-mitre";

/// What ATT&CK v19 split *Defense Evasion* into: *Stealth*, which kept the id, and *Defense Impairment*.
const DEFENSE_EVASION: [&str; 2] = ["TA0005", "TA0112"];

/// What a file's folders say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    /// `TA0005`.
    tactic: String,
    /// `Defense Evasion`.
    name: String,
    /// `T1070`, without sub-technique.
    technique: String,
}

impl Label {
    /// Reads `…/TA0005-Defense Evasion/T1070.001-Clear …/file`; `None` where the folder is no tactic.
    fn of(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(FOLDER)?.trim_start_matches('/').split('/');
        let (tactic, name) = parts.next()?.split_once('-')?;
        let technique: String = parts.next()?.chars().take_while(char::is_ascii_alphanumeric).collect();
        let is_id = |id: &str, start: &str| {
            id.strip_prefix(start).is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
        };
        (is_id(tactic, "TA") && is_id(&technique, "T")).then(|| Self {
            tactic: tactic.to_owned(),
            name: name.to_owned(),
            technique,
        })
    }

    fn fits_technique(&self, finding: &Finding) -> bool {
        finding.techniques.contains(&self.technique)
    }

    fn fits_tactic(&self, finding: &Finding) -> bool {
        finding.tactics.contains(&self.tactic)
            || (self.tactic == DEFENSE_EVASION[0] && finding.tactics.contains(DEFENSE_EVASION[1]))
    }

    fn fits(&self, finding: &Finding) -> bool {
        self.fits_technique(finding) || self.fits_tactic(finding)
    }
}

/// Files of one tactic, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    files: u32,
    /// With any finding of any level.
    any: u32,
    /// With an alarm.
    alarm: u32,
    /// With an alarm that names the technique or the tactic.
    fits: u32,
    /// With an alarm that names the technique.
    technique: u32,
    /// What alarms would score by chance: for each file, the share of all labels that its alarms name.
    chance: f64,
}

/// What a row takes of each count.
type Pick = fn(&Count) -> f64;

/// The section's text.
///
/// # Errors
/// When the program fails.
pub fn section(program: &Program) -> Result<String> {
    let cases = Rules::ALL.map(|rules| program.scan(FOLDER, rules));
    let [given, built_in] = cases;
    let (given, built_in) = (given?, built_in?);
    let files: Vec<(&Input, Label)> =
        given.inputs.iter().filter_map(|input| Some((input, Label::of(&input.path)?))).collect();
    let evtx = given.inputs.iter().filter(|input| input.path.ends_with(".evtx")).count();
    let folders: BTreeSet<_> = files.iter().map(|(_, label)| &label.technique).collect();
    let mut out = String::from("\n## 2. Recall on attack records\n\n");
    writeln!(
        out,
        "Data: `{FOLDER}`, {} of its {evtx} EVTX files ({} of {} events), one attack each; the folders are the labels: {} \
         techniques. Left out: {}, which are no tactics. Command: {}.\n",
        files.len(),
        grouped(files.iter().map(|(input, _)| input.records).sum()),
        grouped(given.inputs.iter().filter(|input| input.path.ends_with(".evtx")).map(|input| input.records).sum()),
        folders.len(),
        left_out(&given),
        command(FOLDER),
    )?;
    out.push_str(
        "A file counts as **recalled** when a finding of level medium or above names the folder's technique or the folder's \
         tactic in `finding_info.attacks`. A sub-technique counts for its technique, on both sides. SigmaHQ's tags follow \
         ATT&CK v19, the folders an older version: v19 split *Defense Evasion* into *Stealth* (which kept the id TA0005) and \
         *Defense Impairment* (TA0112), so for folder TA0005 either is right. Techniques that v19 renumbered (T1070.001 \
         became T1685.005) are not mapped back: there only the tactic can match.\n\n",
    );
    let mut sums = Vec::new();
    for case in [&given, &built_in] {
        sums.push(counts(&files, case));
    }
    let of = |sum: &BTreeMap<String, Count>, pick: Pick| -> f64 { sum.values().map(pick).sum() };
    writeln!(
        out,
        "| | SigmaHQ live ({} rules) | built-in ({}) |\n|---|---:|---:|",
        grouped(given.rules),
        built_in.rules
    )?;
    let rows: [(&str, Pick); 5] = [
        ("**recalled: technique or tactic**", |count| f64::from(count.fits)),
        ("technique alone", |count| f64::from(count.technique)),
        ("baseline: the alarms against labels dealt by chance", |count| count.chance),
        ("any alarm (medium or above), whatever it names", |count| f64::from(count.alarm)),
        ("baseline: any finding at all, whatever its level and name", |count| f64::from(count.any)),
    ];
    let whole = files.len() as f64;
    for (name, pick) in rows {
        write!(out, "| {name} |")?;
        for sum in &sums {
            let part = of(sum, pick);
            let digits = usize::from(part.fract() != 0.0);
            write!(out, " {part:.digits$} of {} ({}) |", files.len(), percent(part, whole))?;
        }
        out.push('\n');
    }
    let most = sums.first().and_then(|sum| sum.iter().max_by_key(|(_, count)| count.files));
    if let Some((tactic, count)) = most {
        let share = percent(f64::from(count.files), whole);
        writeln!(
            out,
            "| baseline: always answering the most frequent tactic ({tactic}) | {0} of {1} ({share}) | {0} of {1} ({share}) |",
            count.files,
            files.len()
        )?;
    }
    out.push_str(
        "\nThe answer that is always the most frequent tactic alerts on every file, attack or not: it is no detector, and it is the \
         score to know before reading a share of recalled files.\n\n*Labels dealt by chance*: for each file the share of \
         all files' labels that its alarms name, summed (exact, no draw). Many files are one step seen from one log: not every one holds what a rule of a given log source could see.\n\n\
         By tactic (recalled / any alarm / files; baseline for a row: 0, a program that never alerts):\n\n\
         | tactic | SigmaHQ live | built-in |\n|---|---:|---:|\n",
    );
    if let [given, built_in] = &sums[..] {
        for ((tactic, left), right) in given.iter().zip(built_in.values()) {
            writeln!(
                out,
                "| {} | {} / {} / {} | {} / {} / {} |",
                cell(tactic),
                left.fits,
                left.alarm,
                left.files,
                right.fits,
                right.alarm,
                right.files
            )?;
        }
    }
    Ok(out)
}

/// First-level folders that are no tactics, with their number of files.
fn left_out(case: &Case) -> String {
    let mut folders: BTreeMap<&str, u32> = BTreeMap::new();
    for input in case.inputs.iter().filter(|input| input.path.ends_with(".evtx") && Label::of(&input.path).is_none()) {
        *folders.entry(input.path.split('/').nth(1).unwrap_or_default()).or_default() += 1;
    }
    let parts: Vec<_> = folders.iter().map(|(folder, count)| format!("`{folder}` ({count})")).collect();
    parts.join(" and ")
}

/// Tactic → what the findings of its files are.
fn counts(files: &[(&Input, Label)], case: &Case) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for (input, label) in files {
        let count = counts.entry(format!("{} {}", label.tactic, label.name)).or_default();
        let findings: Vec<_> = case.findings.iter().filter(|finding| finding.sha256 == input.sha256).collect();
        let alarms: Vec<_> = findings.iter().copied().filter(|finding| finding.level >= ALARM).collect();
        let any = |fits: &dyn Fn(&Finding) -> bool| alarms.iter().any(|finding| fits(finding));
        count.files += 1;
        count.any += u32::from(!findings.is_empty());
        count.alarm += u32::from(!alarms.is_empty());
        count.fits += u32::from(any(&|finding| label.fits(finding)));
        count.technique += u32::from(any(&|finding| label.fits_technique(finding)));
        let by_chance = files.iter().filter(|(_, other)| any(&|finding| other.fits(finding))).count();
        count.chance += by_chance as f64 / files.len() as f64;
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Label;
    use crate::evaluate::program::Finding;

    fn finding(tactics: &[&str], techniques: &[&str]) -> Finding {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        Finding {
            sha256: String::new(),
            rule: String::new(),
            title: String::new(),
            level: 2,
            matches: 1,
            tactics: set(tactics),
            techniques: set(techniques),
        }
    }

    #[test]
    fn folders_are_labels() {
        let label =
            Label::of("evtx-to-mitre/TA0005-Defense Evasion/T1070.001-Clear Windows event logs/a.evtx").unwrap();
        assert_eq!((label.tactic.as_str(), label.technique.as_str()), ("TA0005", "T1070"));
        for (folder, technique) in [("T1553- Subvert", "T1553"), ("T1098.xxx-Account", "T1098")] {
            let path = format!("evtx-to-mitre/TA0001-Initial access/{folder}/a.evtx");
            assert_eq!(Label::of(&path).unwrap().technique, technique);
        }
        for path in [
            "evtx-to-mitre/Antivirus/a.evtx",
            "evtx-to-mitre/EVTX_full_APT_attack_steps/a-b.evtx",
            "x/TA0001-a/T1000-b/c",
        ] {
            assert_eq!(Label::of(path), None, "{path}");
        }
    }

    #[test]
    fn old_and_new_names_of_defense_evasion_fit() {
        let evasion = Label { tactic: "TA0005".into(), name: String::new(), technique: "T1070".into() };
        let execution = Label { tactic: "TA0002".into(), name: String::new(), technique: "T1059".into() };
        for (label, tactics, techniques, fits) in [
            (&evasion, &["TA0112"][..], &[][..], true),
            (&evasion, &["TA0005"], &["T1112"], true),
            (&evasion, &["TA0002"], &["T1070"], true),
            (&evasion, &["TA0002"], &["T1059"], false),
            (&execution, &["TA0112", "TA0005"], &[], false),
        ] {
            assert_eq!(label.fits(&finding(tactics, techniques)), fits, "{label:?} {tactics:?} {techniques:?}");
        }
    }
}
