//! The data directory: the one place where Shieldwall writes without being told where.
//!
//! ```text
//! $SHIELDWALL_HOME  or  --data-dir  or  $XDG_DATA_HOME/shieldwall  or  ~/.local/share/shieldwall
//! ├── VERSION           layout version, one line
//! ├── LOCK              held by the one writer
//! ├── cases/latest/     the case of the last scan that was given no place of its own
//! ├── baselines/default.baseline   what `scan --learn` learned
//! ├── packs/NAME-HASH.pack, NAME-HASH.rules  packs that were taken in, and their rules compiled
//! ├── packs.lock        which of these act: version, hashes, signer; signed
//! ├── keys/local.pem    the key that this machine signs with, for its owner alone
//! ├── keys/operator.pem the key with which you approve what is done, for its owner alone
//! ├── audit/            what was done, hash-chained and signed
//! ├── registry/         models: journal, artifacts, evidence
//! ├── compiled/HASH.rules   other packs, compiled on first use
//! └── lists/NAME.txt    what `%NAME%` in rules stands for, one value a line; put there by you
//! ```

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The layout's version. A folder of a later version is refused, one of an earlier version will be moved up.
const LAYOUT_VERSION: &str = "1";

/// The data directory.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

/// The right to write. Released when dropped, by the operating system even after a crash.
#[derive(Debug)]
pub struct Writer {
    lock: File,
}

impl Drop for Writer {
    /// Lets go at once: closing alone would wait for a process that another thread is just starting, which has the file too until
    /// it becomes its program.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Home {
    /// Where the data directory is: the flag, then the environment, then the XDG default.
    ///
    /// # Errors
    /// When nothing tells a place.
    pub fn locate(flag: Option<&Path>) -> Result<Self> {
        let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = flag
            .map(Path::to_path_buf)
            .or_else(|| env("SHIELDWALL_HOME"))
            .or_else(|| env("XDG_DATA_HOME").map(|data| data.join("shieldwall")))
            .or_else(|| env("HOME").map(|home| home.join(".local/share/shieldwall")))
            .context("no place for data: set --data-dir or SHIELDWALL_HOME")?;
        Ok(Self { root })
    }

    /// The data directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cases are that were given no place of their own.
    pub fn cases(&self) -> PathBuf {
        self.root.join("cases")
    }

    /// Where the last case is.
    pub fn latest_case(&self) -> PathBuf {
        self.cases().join("latest")
    }

    /// What the one writer holds.
    pub fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }

    /// Where what was learned is kept.
    pub fn baselines(&self) -> PathBuf {
        self.root.join("baselines/default.baseline")
    }

    /// The list of what was trained here.
    pub fn trust_list(&self) -> PathBuf {
        self.root.join("trust/models")
    }

    /// The forecaster with an imported ATT&CK.
    pub fn forecaster(&self) -> PathBuf {
        self.root.join("models/forecast.safetensors")
    }

    /// Where added packs are.
    pub fn packs(&self) -> PathBuf {
        self.root.join("packs")
    }

    /// The key that this machine signs with.
    pub fn key(&self) -> PathBuf {
        self.root.join("keys/local.pem")
    }

    /// The key with which a person approves what is done.
    pub fn operator_key(&self) -> PathBuf {
        self.root.join("keys/operator.pem")
    }

    /// Where the audit log is.
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// Where the registry of models is.
    pub fn registry(&self) -> PathBuf {
        self.root.join("registry")
    }

    /// Which packs were added, with their hashes.
    pub fn packs_lock(&self) -> PathBuf {
        self.root.join("packs.lock")
    }

    /// Where the user's lists for placeholders are.
    pub fn lists(&self) -> PathBuf {
        self.root.join("lists")
    }

    /// Where packs compiled on first use are.
    pub fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }

    /// Takes the writer's lock and sees to the layout.
    ///
    /// # Errors
    /// When the folder cannot be made, is of a later version, or another process writes.
    pub fn write(&self) -> Result<Writer> {
        let root = self.root.display();
        fs::create_dir_all(&self.root).with_context(|| format!("cannot make the data directory `{root}`"))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.lock())
            .with_context(|| format!("cannot open the lock in `{root}`"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another shieldwall is writing to `{root}`"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock `{root}`"));
            }
        }
        let version = self.root.join("VERSION");
        match fs::read_to_string(&version) {
            Ok(found) if found.trim() == LAYOUT_VERSION => {}
            // A kill between making and writing the file leaves it empty.
            Ok(found) if !found.trim().is_empty() => bail!(
                "`{root}` has layout {}, this program knows layout {LAYOUT_VERSION}: use a newer shieldwall",
                found.trim()
            ),
            Ok(_) | Err(_) => write_whole(&version, format!("{LAYOUT_VERSION}\n").as_bytes())?,
        }
        Ok(Writer { lock })
    }
}

/// Removes what a killed run left half-written in a folder of ours.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// How our half-written files are called.
pub const TEMPORARY_PREFIX: &str = ".tmp-shieldwall-";

/// Writes a file as a whole or not at all: beside itself first, then renamed.
///
/// # Errors
/// When the folder cannot be made or the file not be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, bytes, false)
}

/// As [`write_whole`], and on disk when it returns, its name too: for what others are told to rely on.
///
/// # Errors
/// As [`write_whole`].
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, bytes, true)?;
    if let Some(folder) = path.parent() {
        // Not every file system lets a folder be synchronised; the file is.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8], durably: bool) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = path.display();
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder of `{shown}`"))?;
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempfile_in(folder)
        .with_context(|| format!("cannot write beside `{shown}`"))?;
    std::io::Write::write_all(&mut file, bytes).with_context(|| format!("cannot write `{shown}`"))?;
    if durably {
        // The name must never stand for content that is not on disk.
        file.as_file().sync_all().with_context(|| format!("cannot write `{shown}`"))?;
    }
    file.persist(path).with_context(|| format!("cannot put `{shown}` in place"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time_and_no_later_layout() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::locate(Some(folder.path())).unwrap();
        let writer = home.write().unwrap();
        assert!(home.write().unwrap_err().to_string().contains("another shieldwall"));
        drop(writer);
        fs::write(folder.path().join("VERSION"), "2\n").unwrap();
        assert!(home.write().unwrap_err().to_string().contains("layout 2"));
    }
}
