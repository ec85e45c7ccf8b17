//! The other scanners: where they are, and how they are asked. `xtask/referee/scan_peers.py` asks them, in the Python that has
//! them; it calls their scanning functions only.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::{Answers, Said, read};
use crate::built::target;
use crate::measure::once;

/// Their names on PyPI, which are their modules' names too.
const NAMES: [&str; 4] = ["picklescan", "modelscan", "fickling", "modelaudit"];

/// One other scanner.
pub(super) struct Peer {
    /// Name and version.
    pub name: String,
    tool: &'static str,
    /// The Python that has it.
    pub python: PathBuf,
}

/// Those that are there or can be installed.
///
/// # Errors
/// When no folder for them can be made.
pub(super) fn find() -> Result<Vec<Peer>> {
    let given: Vec<PathBuf> =
        std::env::var_os("SHIELDWALL_PEERS").map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default();
    let mut found = Vec::new();
    for tool in NAMES {
        let own = target().join("bench/peers").join(tool);
        let folders = given.iter().chain(std::iter::once(&own));
        let mut peer = folders.into_iter().find_map(|folder| present(tool, &folder.join("bin/python")));
        if peer.is_none() && given.is_empty() {
            install(tool, &own)?;
            peer = present(tool, &own.join("bin/python"));
        }
        match peer {
            Some(peer) => found.push(peer),
            None => eprintln!("{tool} is not there and is left out"),
        }
    }
    Ok(found)
}

fn present(tool: &'static str, python: &Path) -> Option<Peer> {
    let code = format!("import importlib.metadata as m; print(m.version('{tool}'))");
    let output = Command::new(python).args(["-c", &code]).stderr(Stdio::null()).output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let name = format!("{tool} {version}");
    output.status.success().then(|| Peer { name, tool, python: python.to_path_buf() })
}

/// Into a virtual environment of its own, by pip with its usual settings. A failure leaves the tool out.
fn install(tool: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).status();
    if made.is_ok_and(|status| status.success()) {
        let pip = folder.join("bin/pip");
        // fickling imports the last one and does not say so.
        let wanted = ["install", "--quiet", "--no-cache-dir", tool, "typing_extensions"];
        let _ = Command::new(pip).args(wanted).stdout(Stdio::null()).status();
    }
    Ok(())
}

impl Peer {
    /// What it says of each file.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(super) fn ask(&self, files: &[&PathBuf], home: &Path) -> Result<Answers> {
        let (list, out) = (home.join("files.txt"), home.join(format!("{}.jsonl", self.tool)));
        let lines: String = files.iter().map(|path| format!("{}\n", path.display())).collect();
        fs::write(&list, lines)?;
        let script = crate::root().join("xtask/referee/scan_peers.py");
        let command: Vec<OsString> =
            vec![self.python.clone().into(), script.into(), self.tool.into(), list.into(), out.clone().into()];
        let cost = once(&command, &[0]).map_err(|_| anyhow::anyhow!("it cannot be started"))?;
        let said = read(&out, |verdict| match verdict {
            "found" => Said::Found,
            "clean" => Said::Clean,
            _ => Said::Unread,
        })?;
        if said.len() != files.len() {
            bail!("it answered for {} of {} files", said.len(), files.len());
        }
        Ok(Answers { name: self.name.clone(), said, cost })
    }
}
