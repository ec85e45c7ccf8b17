//! A case: a folder that holds what a scan found and enough to repeat it byte for byte.
//!
//! ```text
//! case42/
//! ├── findings.jsonl   one OCSF Detection Finding a line
//! ├── incidents.jsonl  one OCSF Incident Finding a line, worst first
//! ├── report.html      one page to read, keep and print
//! ├── timeline.csv     one matched record a line
//! ├── findings.sarif   findings as SARIF 2.1.0
//! ├── bundle.stix.json what may be shared, as STIX 2.1
//! ├── share-preview.txt  what that holds, what it holds back, and why
//! └── manifest.json    inputs with hashes, rules with hashes, version, assumptions, everything skipped; written last
//! ```
//!
//! Every file is written beside itself and renamed; the manifest goes first and comes last, so a case with a manifest is
//! whole, and a scan that was killed while it wrote leaves no case there until it is run again. Clocks and durations are not part of a case.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use shieldwall_explain::{Telling, tell};
use shieldwall_schema::finding::Finding;
use shieldwall_schema::story::{HostCoverage, Story};

use crate::home::{TEMPORARY_PREFIX, sweep, write_whole};
use crate::line::Run;
use crate::output::dossier::{Dossier, Findings};
use crate::output::read::ReadError;
use crate::output::story::Told;
use crate::output::{csv, html, incident, read, sarif, stix, story};

/// Bytes of one line of findings. A hundred pieces of evidence with forty fields of 2 KiB stay below.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A report that a case may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// One page to read, keep and print.
    Html,
    /// The timeline, one matched record a line.
    Csv,
    /// Findings as SARIF 2.1.0.
    Sarif,
    /// What may be shared, as STIX 2.1; comes with [`PREVIEW`].
    Stix,
}

/// What is shared and what is held back, for the case's owner.
pub const PREVIEW: &str = "share-preview.txt";

impl ReportKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Html, Self::Csv, Self::Sarif, Self::Stix];

    /// The file's name in the case.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Csv => "timeline.csv",
            Self::Sarif => "findings.sarif",
            Self::Stix => "bundle.stix.json",
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When a finding cannot be read back or `out` fails.
    pub fn write(self, dossier: &Dossier<'_>, findings: &mut dyn Findings, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Html => html::write(dossier, findings, out),
            Self::Csv => csv::write(dossier, findings, out),
            Self::Sarif => sarif::write(dossier, findings, out),
            Self::Stix => stix::write(dossier, findings, out),
        }
    }
}

/// A case's folder.
#[derive(Debug)]
pub struct Case {
    folder: PathBuf,
    /// Held while the case is written: two scans into one folder would mix their files.
    _writer: Option<fs::File>,
}

impl Case {
    /// Whether a case may be put there: the folder is not there, is empty, or holds an earlier case.
    ///
    /// # Errors
    /// When the folder holds something else.
    pub fn check(folder: &Path) -> Result<()> {
        let mut ours = vec!["findings.jsonl", "incidents.jsonl", "manifest.json", PREVIEW];
        ours.extend(ReportKind::ALL.map(ReportKind::file));
        if let Ok(entries) = fs::read_dir(folder) {
            for entry in entries {
                let name = entry?.file_name();
                let name = name.to_string_lossy();
                // A scan that was killed may leave a half-written temporary file; it is ours too.
                if !ours.contains(&name.as_ref()) && !name.starts_with(TEMPORARY_PREFIX) {
                    bail!("`{}` holds `{name}`, which is no part of a case: name a new folder", folder.display());
                }
            }
        }
        Ok(())
    }

    /// A place for a new case; an earlier one there is replaced.
    ///
    /// # Errors
    /// As [`Case::check`], or when the folder cannot be made.
    pub fn create(folder: &Path) -> Result<Self> {
        Self::check(folder)?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make the case folder `{}`", folder.display()))?;
        let case = Self { folder: folder.to_path_buf(), _writer: writer(folder)? };
        sweep(folder);
        // Without its manifest the old case does not count as whole while the new one is written.
        let manifest = case.folder.join("manifest.json");
        if manifest.exists() {
            fs::remove_file(&manifest).with_context(|| format!("cannot replace `{}`", manifest.display()))?;
        }
        Ok(case)
    }

    /// An existing case.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.join("manifest.json").is_file() {
            bail!("`{}` is no case: it has no manifest.json", folder.display());
        }
        Ok(Self { folder: folder.to_path_buf(), _writer: None })
    }

    /// Writes a run into the case, with these reports.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, run: &mut Run, reports: &[ReportKind]) -> Result<()> {
        // Reports of an earlier run would tell of another case.
        for name in ReportKind::ALL.map(ReportKind::file).into_iter().chain([PREVIEW]) {
            let _ = fs::remove_file(self.folder.join(name));
        }
        self.write("findings.jsonl", &mut |out| run.write_findings(out))?;
        self.write("incidents.jsonl", &mut |out| run.write_incidents(out))?;
        if !reports.is_empty() {
            run.with_dossier(|dossier, findings| -> Result<()> {
                for kind in ReportKind::ALL.into_iter().filter(|kind| reports.contains(kind)) {
                    self.write(kind.file(), &mut |out| kind.write(dossier, findings, out))?;
                    if kind == ReportKind::Stix {
                        self.write(PREVIEW, &mut |out| stix::write_preview(dossier, findings, out))?;
                    }
                }
                Ok(())
            })?;
        }
        let mut manifest = serde_json::to_vec_pretty(&run.manifest())?;
        manifest.push(b'\n');
        write_whole(&self.folder.join("manifest.json"), &manifest)
    }

    /// Writes one file of the case beside itself and puts it in place.
    fn write(&self, name: &str, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let path = self.folder.join(name);
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempfile_in(&self.folder)
            .with_context(|| format!("cannot write in `{}`", self.folder.display()))?;
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(&path).with_context(|| format!("cannot put `{}` in place", path.display()))?;
        Ok(())
    }

    /// The case's findings, in the order of the file.
    ///
    /// # Errors
    /// When the file cannot be read or a line is no finding.
    pub fn findings(&self) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        self.each_line("findings.jsonl", &mut |_, line| {
            findings.push(read::line(line)?);
            Ok(true)
        })?;
        Ok(findings)
    }

    /// How many incidents there are, and the one of a number (from 1), with the findings of its members.
    ///
    /// # Errors
    /// When a file cannot be read or a line is not what it should be.
    pub fn incident(&self, number: usize) -> Result<(usize, Option<Told>)> {
        let mut count = 0;
        let mut found = None;
        if self.folder.join("incidents.jsonl").is_file() {
            self.each_line("incidents.jsonl", &mut |at, line| {
                count = at + 1;
                if count == number {
                    found = Some((incident::read(line)?, incident::read_outlook(line), incident::read_remedies(line)));
                }
                Ok(true)
            })?;
        }
        let Some((incident, outlook, remedies)) = found else { return Ok((count, None)) };
        let findings = self.findings_of(&story::findings(&incident))?;
        let manifest: Manifest = serde_json::from_slice(&fs::read(self.folder.join("manifest.json"))?)
            .with_context(|| format!("`{}` is no manifest", self.folder.join("manifest.json").display()))?;
        let records = manifest.inputs.iter().map(|input| input.records).sum();
        let telling = Telling { incident: &incident, findings: &findings, coverage: &manifest.coverage, records };
        let story = Story { outlook, remedies, ..tell(&telling) };
        Ok((count, Some(Told { incident, story })))
    }

    /// Findings by their numbers; memory is theirs, whatever the size of the case.
    ///
    /// # Errors
    /// When the file cannot be read or a line is no finding.
    pub fn findings_of(&self, numbers: &[u32]) -> Result<BTreeMap<u32, Finding>> {
        let mut findings = BTreeMap::new();
        self.each_line("findings.jsonl", &mut |at, line| {
            let at = at as u32;
            if numbers.contains(&at) {
                findings.insert(at, read::line(line)?);
            }
            Ok(findings.len() < numbers.len())
        })?;
        Ok(findings)
    }

    /// Gives the lines of a file with their numbers, until `each` says that it has enough.
    ///
    /// # Errors
    /// When the file cannot be read, or `each` fails.
    pub fn each_line(&self, name: &str, each: &mut dyn FnMut(usize, &str) -> Result<bool, ReadError>) -> Result<()> {
        let path = self.folder.join(name);
        let shown = path.display();
        let file = fs::File::open(&path).with_context(|| format!("cannot read `{shown}`"))?;
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        for at in 0.. {
            line.clear();
            if reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
                break;
            }
            if !each(at, &line).with_context(|| format!("`{shown}` line {}", at + 1))? {
                break;
            }
        }
        Ok(())
    }
}

/// The folder's own lock, where the system lets a folder be locked; it ends with the process, whatever happens to it.
fn writer(folder: &Path) -> Result<Option<fs::File>> {
    let Ok(file) = fs::File::open(folder) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => bail!("another scan is writing the case `{}`", folder.display()),
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// What `show` needs of a manifest.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    coverage: Vec<HostCoverage>,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    records: u64,
}
