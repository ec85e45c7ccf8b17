//! What benches and evaluations share: the built program, the machine it runs on, and files in a fixed order.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from)
}

/// Builds the program as it is shipped and gives its path.
///
/// # Errors
/// When the build fails.
pub fn dist() -> Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "dist", "--package", "shieldwall"])
        .current_dir(crate::root())
        .status()?;
    if !status.success() {
        bail!("the build failed");
    }
    Ok(target().join("dist/shieldwall"))
}

/// The processor and the number of cores, in words. Names no host.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()))
        .unwrap_or("processor not named");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("Machine: {model}, {cores} core(s), {}", std::env::consts::OS)
}

/// An empty folder at a path.
///
/// # Errors
/// When the old one cannot be removed or the new one not made.
pub fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))
}

/// All files below a folder whose names end with an extension, sorted by path. Links to folders are not followed.
///
/// # Errors
/// When a folder cannot be listed.
pub fn walk(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list `{}`", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path.extension() == Some(OsStr::new(extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// An argument as a committed document shows it: of a path only its end, since its beginning is one machine's.
pub fn shown(argument: &OsStr) -> String {
    let text = argument.to_string_lossy();
    text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}
