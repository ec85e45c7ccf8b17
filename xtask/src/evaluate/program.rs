//! Runs the built program over a data folder and reads back what it says: findings and manifest of a case.
//!
//! Every run has a data directory of its own that starts empty, so that no rule pack or compiled rule of the machine
//! takes part. Paths are kept relative to the data folder: what is printed does not depend on where the data stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::built::fresh;

/// Sigma's levels, lowest first.
pub const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// Where a level stands in [`LEVELS`] from which on a finding counts as an alarm: medium.
pub const ALARM: usize = 2;

/// Which rules run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rules {
    /// What the program carries.
    BuiltIn,
    /// The rule folders given, and none of the program's own.
    Given,
    /// No rules at all: the learned detectors alone.
    Models,
}

impl Rules {
    /// Both rule sets, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::Given, Self::BuiltIn];
}

/// The program, the rules and the data.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    /// The data folder; its folders are named in every table.
    pub data: PathBuf,
    /// The rule folders of [`Rules::Given`].
    pub rules: Vec<PathBuf>,
    /// Working folder; emptied at the start.
    work: PathBuf,
}

/// One file, or member of an archive, that the program met.
#[derive(Clone, Debug)]
pub struct Input {
    /// Relative to the data folder.
    pub path: String,
    pub sha256: String,
    /// `read`, `not_read`, `no_log`, `empty` …
    pub status: String,
    pub format: String,
    /// Records read; 0 where the same content was read before.
    pub records: u64,
    /// Reason → records, or stretches, that could not be read.
    pub rejected: BTreeMap<String, u64>,
    /// Records with something odd.
    pub flagged: u64,
    /// The same content as another input: read once.
    pub duplicate: bool,
}

/// One finding: a rule and a file.
#[derive(Clone, Debug)]
pub struct Finding {
    pub sha256: String,
    pub rule: String,
    pub title: String,
    /// Index in [`LEVELS`].
    pub level: usize,
    /// Matched events.
    pub matches: u64,
    /// ATT&CK ids of tactics.
    pub tactics: BTreeSet<String>,
    /// ATT&CK ids of techniques, without sub-technique.
    pub techniques: BTreeSet<String>,
}

/// What one run said.
#[derive(Clone, Debug)]
pub struct Case {
    pub inputs: Vec<Input>,
    pub findings: Vec<Finding>,
    /// Rules that ran.
    pub rules: u64,
    /// Incidents of level low or above.
    pub incidents: u64,
    /// Of each incident, its techniques with the time (nanoseconds since 1970) at which each was first seen, earliest first.
    pub sequences: Vec<Vec<(String, i64)>>,
}

impl Case {
    /// Events read, each content once.
    pub fn events(&self) -> u64 {
        self.inputs.iter().map(|input| input.records).sum()
    }
}

impl Program {
    /// A program, its data and an empty working folder.
    ///
    /// # Errors
    /// When the data are not there or the working folder cannot be made.
    pub fn new(path: PathBuf, data: PathBuf, rules: Vec<PathBuf>, work: PathBuf) -> Result<Self> {
        let path = path.canonicalize().with_context(|| format!("no program `{}`", path.display()))?;
        let data = data.canonicalize().with_context(|| format!("no data `{}`", data.display()))?;
        fresh(&work)?;
        Ok(Self { path, data, rules, work })
    }

    /// Scans one folder of the data.
    ///
    /// # Errors
    /// When the program could not run, or said what cannot be read back.
    pub fn scan(&self, folder: &str, rules: Rules) -> Result<Case> {
        let case = self.work.join("case/");
        fresh(&case)?;
        let mut command = self.command();
        command.arg("scan").arg(self.data.join(folder)).args(["--quiet", "--output"]).arg(&case);
        // Rules are counted without what is learned, and what is learned without rules.
        command.arg(if rules == Rules::Models { "--no-builtin-rules" } else { "--no-learning" });
        if rules == Rules::Given {
            command.arg("--no-builtin-rules");
            for path in &self.rules {
                command.arg("--rules").arg(path);
            }
        }
        let output = command.output()?;
        // Codes 0 to 3 are results.
        if !output.status.code().is_some_and(|code| (0..=3).contains(&code)) {
            bail!("scan of `{folder}`: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let manifest: Value = serde_json::from_slice(&fs::read(case.join("manifest.json"))?)?;
        let lines = fs::read_to_string(case.join("findings.jsonl"))?;
        let findings = lines.lines().map(finding).collect::<Result<Vec<_>>>()?;
        let said = manifest["findings"].as_u64();
        if said != Some(findings.len() as u64) {
            bail!("`{folder}`: the manifest says {said:?} findings, the file has {}", findings.len());
        }
        let inputs = manifest["inputs"].as_array().context("a manifest without inputs")?;
        let inputs = inputs.iter().map(|value| input(value, &self.data)).collect();
        let incidents = fs::read_to_string(case.join("incidents.jsonl"))?;
        // OCSF severity 2: low.
        let incidents = incidents.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let sequences = incidents.iter().map(steps).collect();
        let incidents = incidents.iter().filter(|incident| incident["severity_id"].as_u64() >= Some(2)).count() as u64;
        Ok(Case {
            inputs,
            findings,
            rules: manifest["rules"]["count"].as_u64().unwrap_or_default(),
            incidents,
            sequences,
        })
    }

    /// What `model` prints of a path.
    ///
    /// # Errors
    /// When the program could not run.
    pub fn model(&self, arguments: &[&str], path: &Path) -> Result<String> {
        let output = self.command().arg("model").args(arguments).arg(path).output()?;
        if !output.status.code().is_some_and(|code| (0..=3).contains(&code)) {
            bail!("model on `{}`: {}: {}", path.display(), output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The last line of `rules check` on the given rules.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn check_rules(&self) -> Result<String> {
        let output = self.command().args(["rules", "check"]).args(&self.rules).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().last().unwrap_or_default().to_owned())
    }

    /// Removes what the runs left.
    ///
    /// # Errors
    /// When the working folder cannot be removed.
    pub fn end(&self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.work)?)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--data-dir").arg(self.work.join("home"));
        command
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn input(value: &Value, data: &Path) -> Input {
    let path = text(&value["path"]);
    let relative = path.strip_prefix(&*data.to_string_lossy()).map_or(&*path, |path| path.trim_start_matches('/'));
    let duplicate = !value["duplicate_of"].is_null();
    let rejected = value["rejected"].as_object().into_iter().flatten();
    let flags = value["flags"].as_array().into_iter().flatten();
    Input {
        path: relative.to_owned(),
        sha256: text(&value["sha256"]),
        status: text(&value["status"]),
        format: text(&value["format"]),
        records: if duplicate { 0 } else { value["records"].as_u64().unwrap_or_default() },
        rejected: if duplicate {
            BTreeMap::new()
        } else {
            rejected.map(|(reason, count)| (reason.clone(), count.as_u64().unwrap_or_default())).collect()
        },
        flagged: if duplicate { 0 } else { flags.filter_map(|flag| flag["count"].as_u64()).sum() },
        duplicate,
    }
}

/// Techniques of an incident that have a time.
fn steps(incident: &Value) -> Vec<(String, i64)> {
    let all = incident.pointer("/unmapped/incident/techniques").and_then(Value::as_array);
    let step = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_i64()?));
    let mut steps: Vec<(String, i64)> = all.into_iter().flatten().filter_map(step).collect();
    steps.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    steps
}

fn finding(line: &str) -> Result<Finding> {
    let value: Value = serde_json::from_str(line)?;
    let own = &value["unmapped"];
    let level = text(&own["rule"]["level"]);
    let attacks = value["finding_info"]["attacks"].as_array();
    let ids = |part: &str| -> BTreeSet<String> {
        let of = attacks.into_iter().flatten().filter_map(|attack| attack[part]["uid"].as_str());
        of.filter_map(|id| id.split('.').next()).map(str::to_owned).collect()
    };
    let mut techniques = ids("technique");
    techniques.extend(ids("sub_technique"));
    Ok(Finding {
        sha256: text(&value["evidences"][0]["data"]["sha256"]),
        rule: text(&value["finding_info"]["analytic"]["uid"]),
        title: text(&value["finding_info"]["title"]),
        level: LEVELS.iter().position(|name| *name == level).with_context(|| format!("level `{level}`"))?,
        matches: own["matches"].as_u64().context("a finding without matches")?,
        tactics: ids("tactic"),
        techniques,
    })
}
