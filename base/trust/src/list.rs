//! The list of what was trained on this machine: one hash and a name a line, in a file that only its owner can read and
//! write. A list that others could have written is worth nothing and is refused.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::artifact::Hash;

/// Bytes of a list that are read: some ten thousand entries.
const BYTES_MAX: u64 = 1 << 20;

/// The list, and where it lies.
#[derive(Clone, Debug)]
pub struct TrustList {
    path: PathBuf,
    entries: Vec<(Hash, String)>,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read or written.
    #[error("the trust list `{path}`: {source}")]
    Io {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may write or read it.
    #[error("the trust list `{path}` has mode {mode:o}: others may have changed it; check it, then `chmod 600` it")]
    Open {
        /// Where.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A line is no entry.
    #[error("the trust list `{path}` line {line}: not a SHA-256 and a name")]
    Line {
        /// Where.
        path: String,
        /// 1-based.
        line: usize,
    },
}

impl TrustList {
    /// Reads a list; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read, others may write or read it, or a line is no entry.
    pub fn read(path: &Path) -> Result<Self, ListError> {
        let shown = path.display().to_string();
        let io = |source| ListError::Io { path: shown.clone(), source };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_path_buf(), entries: Vec::new() });
            }
            Err(error) => return Err(io(error)),
        };
        if let Some(mode) = open_to_others(&file.metadata().map_err(io)?) {
            return Err(ListError::Open { path: shown, mode });
        }
        let mut text = String::new();
        (&mut file).take(BYTES_MAX).read_to_string(&mut text).map_err(io)?;
        let mut entries = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let entry = line.split_once(' ').and_then(|(hash, name)| Some((hash.parse().ok()?, name.to_owned())));
            entries.push(entry.ok_or_else(|| ListError::Line { path: shown.clone(), line: at + 1 })?);
        }
        Ok(Self { path: path.to_path_buf(), entries })
    }

    /// The hashes.
    pub fn hashes(&self) -> Vec<Hash> {
        self.entries.iter().map(|(hash, _)| *hash).collect()
    }

    /// Adds an entry and writes the list anew, whole or not at all, for the owner alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, hash: Hash, name: &str) -> Result<(), ListError> {
        if self.entries.iter().any(|(known, _)| *known == hash) {
            return Ok(());
        }
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.entries.push((hash, name));
        self.write().map_err(|source| ListError::Io { path: self.path.display().to_string(), source })
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Temporary files are made for their owner alone.
        let mut file = tempfile::Builder::new().prefix(".tmp-shieldwall-").tempfile_in(folder)?;
        for (hash, name) in &self.entries {
            writeln!(file, "{hash} {name}")?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(unix)]
fn open_to_others(about: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_: &fs::Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_read_back_and_only_its_owner_may_touch_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/models.trust");
        let hash = Hash::of(b"model");
        let mut list = TrustList::read(&path).unwrap();
        assert!(list.hashes().is_empty());
        list.add(hash, "flows\nforged").unwrap();
        list.add(hash, "again").unwrap();
        assert_eq!(TrustList::read(&path).unwrap().hashes(), [hash]);
        fs::write(&path, "nonsense\n").unwrap();
        assert!(TrustList::read(&path).unwrap_err().to_string().contains("line 1"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
            assert!(matches!(TrustList::read(&path), Err(ListError::Open { mode: 0o660, .. })));
        }
    }
}
