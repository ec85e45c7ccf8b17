//! Keys on disk. A secret key lies in a file that only its owner can read, is written whole or not at all, and is never
//! written over another.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::{Algorithm, KEY_BYTES_MAX, KeyError, PublicKey, SecretKey};

impl SecretKey {
    /// Reads a key from a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be read, others can read it too, or it is no key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let mut file = File::open(path).map_err(|source| io_error(path, source))?;
        if let Some(mode) = open_to_others(&file.metadata().map_err(|source| io_error(path, source))?) {
            return Err(KeyError::Open { path: path.to_path_buf(), mode });
        }
        let text = read(path, &mut file)?;
        Self::from_pem(&text).map_err(|source| KeyError::At { path: path.to_path_buf(), source: Box::new(source) })
    }

    /// Reads a key, or makes an Ed25519 key there if there is none. Two programs that do this at once get one key.
    ///
    /// # Errors
    /// When it cannot be read or written, others can read it too, or it is no key.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        match Self::create(path, Algorithm::Ed25519) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            created => created,
        }
    }

    /// Makes a new key in a file of its own, for its owner alone. A file that is there stays as it is.
    ///
    /// # Errors
    /// When there is one already, or it cannot be written.
    pub fn create(path: &Path, algorithm: Algorithm) -> Result<Self, KeyError> {
        let key = Self::generate(algorithm)?;
        write_new(path, key.to_pem()?.as_bytes()).map_err(|source| io_error(path, source))?;
        Ok(key)
    }
}

impl PublicKey {
    /// Reads a public key from a file.
    ///
    /// # Errors
    /// When it cannot be read or is no key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let mut file = File::open(path).map_err(|source| io_error(path, source))?;
        let text = read(path, &mut file)?;
        Self::from_pem(&text).map_err(|source| KeyError::At { path: path.to_path_buf(), source: Box::new(source) })
    }
}

fn io_error(path: &Path, source: io::Error) -> KeyError {
    KeyError::Io { path: path.to_path_buf(), source }
}

/// Reads a plain file of text. The buffer never grows, so no copy of a secret is left behind by growing.
fn read(path: &Path, file: &mut File) -> Result<Zeroizing<String>, KeyError> {
    let about = file.metadata().map_err(|source| io_error(path, source))?;
    if !about.is_file() || about.len() > KEY_BYTES_MAX {
        return Err(KeyError::NoFile { path: path.to_path_buf() });
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(about.len()).unwrap_or_default() + 1));
    file.take(about.len()).read_to_string(&mut text).map_err(|source| io_error(path, source))?;
    Ok(text)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    // Temporary files are made for their owner alone.
    let mut file = tempfile::Builder::new().prefix(".tmp-shieldwall-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
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
