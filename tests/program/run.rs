//! Runs the program and reads what it gives.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The workspace's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the shared data, or `None` with a loud word if there is none.
pub fn data(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let full = base.join(path);
    if full.exists() {
        return Some(full);
    }
    eprintln!("SKIPPED: no `{path}` in the shared data (set SHIELDWALL_DATA)");
    None
}

/// A place of its own for one test: data directory and working folder.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program with a data directory of its own.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shieldwall"));
        command.env("SHIELDWALL_HOME", self.path("home")).env_remove("NO_COLOR").current_dir(root());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Ran {
        Ran::of(self.command().args(arguments).output().unwrap())
    }

    /// Scans a path with JSON output.
    pub fn scan(&self, path: &Path, more: &[&str]) -> Ran {
        self.run(
            ["scan".as_ref(), path.as_os_str(), "--format".as_ref(), "jsonl".as_ref()]
                .into_iter()
                .chain(more.iter().map(AsRef::as_ref)),
        )
    }
}

/// What a run gave.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The findings of a JSON scan.
    pub fn findings(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The rule ids of a JSON scan.
    pub fn rules(&self) -> Vec<String> {
        self.findings().iter().map(|finding| rule_of(finding).to_owned()).collect()
    }
}

/// The rule's id in a finding.
pub fn rule_of(finding: &Value) -> &str {
    finding["finding_info"]["analytic"]["uid"].as_str().unwrap()
}

/// The manifest of a case.
pub fn manifest(case: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(case.join("manifest.json")).unwrap()).unwrap()
}
