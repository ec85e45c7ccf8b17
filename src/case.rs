//! A case: a folder that holds what a scan found and enough to repeat it byte for byte.
//!
//! ```text
//! case42/
//! ├── findings.jsonl   one OCSF Detection Finding a line
//! └── manifest.json    inputs with hashes, rules with hashes, version, assumptions, everything skipped; written last
//! ```
//!
//! Every file is written beside itself and renamed; the manifest goes first and comes last, so a case with a manifest is
//! whole, and a scan that was killed while it wrote leaves no case there until it is run again. Clocks and durations are not part of a case.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use shieldwall_schema::finding::Finding;

use crate::home::{TEMPORARY_PREFIX, sweep, write_whole};
use crate::line::Run;
use crate::output::read;

/// Bytes of one line of findings. A hundred pieces of evidence with forty fields of 2 KiB stay below.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A case's folder.
#[derive(Clone, Debug)]
pub struct Case {
    folder: PathBuf,
}

impl Case {
    /// Whether a case may be put there: the folder is not there, is empty, or holds an earlier case.
    ///
    /// # Errors
    /// When the folder holds something else.
    pub fn check(folder: &Path) -> Result<()> {
        let ours = ["findings.jsonl", "manifest.json"];
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
        let case = Self { folder: folder.to_path_buf() };
        sweep(folder);
        // Without its manifest the old case does not count as whole while the new one is written.
        let manifest = case.folder.join("manifest.json");
        if manifest.exists() {
            fs::remove_file(&manifest).with_context(|| format!("cannot replace `{}`", manifest.display()))?;
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot make the case folder `{}`", folder.display()))?;
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
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// Writes a run into the case.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, run: &mut Run) -> Result<()> {
        let path = self.folder.join("findings.jsonl");
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempfile_in(&self.folder)
            .with_context(|| format!("cannot write in `{}`", self.folder.display()))?;
        let mut out = BufWriter::new(file);
        run.write_jsonl(&mut out)?;
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.persist(&path).with_context(|| format!("cannot put `{}` in place", path.display()))?;

        let mut manifest = serde_json::to_vec_pretty(&run.manifest())?;
        manifest.push(b'\n');
        write_whole(&self.folder.join("manifest.json"), &manifest)
    }

    /// The case's findings, in the order of the file.
    ///
    /// # Errors
    /// When the file cannot be read or a line is no finding.
    pub fn findings(&self) -> Result<Vec<Finding>> {
        let path = self.folder.join("findings.jsonl");
        let shown = path.display();
        let file = fs::File::open(&path).with_context(|| format!("cannot read `{shown}`"))?;
        let mut reader = BufReader::new(file);
        let mut findings = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            let count = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
            if count == 0 {
                return Ok(findings);
            }
            let number = findings.len() + 1;
            findings.push(read::line(&line).with_context(|| format!("`{shown}` line {number}"))?);
        }
    }
}
