//! The files below a folder, in the order of their path's components, and their hashes.
//!
//! Hashing streams (one buffer a thread) and runs on several threads; the result is the same at any number. A symbolic link, a
//! pipe, a device, a name that is no UTF-8 and a file that changes its size while it is hashed are errors that name the path.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use blake2::Blake2b512;
use sha2::{Digest, Sha256};

use super::manifest::{Hashing, Method, Resource};

/// Files and folders of one tree.
pub const ENTRIES_MAX: usize = 1_000_000;
/// Folders within folders.
pub const DEPTH_MAX: usize = 64;
/// Bytes that a thread reads at a time.
const BUFFER: usize = 1 << 20;

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the root, with `/`; `.` where the root is a file itself.
    pub name: String,
    /// Its bytes when it was listed.
    pub len: u64,
    path: PathBuf,
}

/// A tree that cannot be signed or verified.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Something cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Something is neither a file nor a folder.
    #[error("`{0}` is a link, a pipe or a device: only files and folders can be signed")]
    Kind(String),
    /// A name is no UTF-8, or holds what names of others' systems cannot.
    #[error("`{0}` has a name that cannot be signed")]
    Name(String),
    /// A file changed while it was read.
    #[error("`{0}` changed while it was read")]
    Changed(String),
    /// A limit.
    #[error("more than {1} {0}")]
    TooMany(&'static str, usize),
}

/// The files below a path, sorted by their path's components (`a/z` before `a.txt`).
///
/// # Errors
/// See [`TreeError`].
pub fn entries(root: &Path) -> Result<Vec<Entry>, TreeError> {
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |source| TreeError::Io { path, source }
    };
    let about = fs::metadata(root).map_err(io(root))?;
    if about.is_file() {
        return Ok(vec![Entry { name: ".".to_owned(), len: about.len(), path: root.to_path_buf() }]);
    }
    let (mut out, mut seen) = (Vec::new(), 0usize);
    let mut open: Vec<(PathBuf, Vec<String>)> = vec![(root.to_path_buf(), Vec::new())];
    while let Some((folder, parts)) = open.pop() {
        if parts.len() >= DEPTH_MAX {
            return Err(TreeError::TooMany("folders within folders", DEPTH_MAX));
        }
        for entry in fs::read_dir(&folder).map_err(io(&folder))? {
            let path = entry.map_err(io(&folder))?.path();
            seen += 1;
            if seen > ENTRIES_MAX {
                return Err(TreeError::TooMany("files and folders", ENTRIES_MAX));
            }
            let shown = || path.display().to_string();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| TreeError::Name(shown()))?;
            if name.contains(['\\', '\0', '\n']) {
                return Err(TreeError::Name(shown()));
            }
            let about = fs::symlink_metadata(&path).map_err(io(&path))?;
            let mut own = parts.clone();
            own.push(name.to_owned());
            if about.is_dir() {
                open.push((path, own));
            } else if about.is_file() {
                out.push((own, Entry { name: String::new(), len: about.len(), path }));
            } else {
                return Err(TreeError::Kind(shown()));
            }
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out.into_iter().map(|(parts, entry)| Entry { name: parts.join("/"), ..entry }).collect())
}

/// Hashes of files, in their order; a file of several shards gives several.
///
/// # Errors
/// When a file cannot be read or changed its size.
pub fn hash(entries: &[Entry], method: Method, hashing: Hashing, threads: usize) -> Result<Vec<Resource>, TreeError> {
    let parts: Vec<(&Entry, u64, u64)> = entries
        .iter()
        .flat_map(|entry| {
            let size = match method {
                Method::Files => u64::MAX,
                Method::Shards(size) => size.max(1),
            };
            let count = if method == Method::Files { 1 } else { entry.len.div_ceil(size) };
            (0..count)
                .map(move |at| (entry, at * size.min(u64::MAX / 2), size.min(entry.len - at * size.min(entry.len))))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut done, mut buffer) = (Vec::new(), vec![0u8; BUFFER]);
        while let Some((entry, from, len)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((entry.name.clone(), *from, one(entry, *from, *len, method, hashing, &mut buffer)));
        }
        done
    };
    let threads = threads.clamp(1, parts.len().max(1));
    let mut all = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let order: std::collections::HashMap<&str, usize> =
        entries.iter().enumerate().map(|(at, entry)| (entry.name.as_str(), at)).collect();
    all.sort_by_key(|(name, from, _)| (order.get(name.as_str()).copied().unwrap_or(usize::MAX), *from));
    all.into_iter().map(|(_, _, resource)| resource).collect()
}

fn one(
    entry: &Entry,
    from: u64,
    len: u64,
    method: Method,
    hashing: Hashing,
    buffer: &mut [u8],
) -> Result<Resource, TreeError> {
    let io = |source| TreeError::Io { path: entry.path.display().to_string(), source };
    let mut file = File::open(&entry.path).map_err(io)?;
    if file.metadata().map_err(io)?.len() != entry.len {
        return Err(TreeError::Changed(entry.name.clone()));
    }
    if from > 0 {
        file.seek(SeekFrom::Start(from)).map_err(io)?;
    }
    let mut hasher = Hasher::new(hashing);
    let (mut file, mut read) = (file.take(len), 0u64);
    loop {
        let many = match file.read(buffer) {
            Ok(0) => break,
            Ok(many) => many,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(io(error)),
        };
        hasher.update(buffer.get(..many).unwrap_or_default());
        read += many as u64;
    }
    if read != len {
        return Err(TreeError::Changed(entry.name.clone()));
    }
    let (name, algorithm) = match method {
        Method::Files => (entry.name.clone(), hashing.name().to_owned()),
        Method::Shards(size) => {
            (format!("{}:{from}:{}", entry.name, from + len), format!("{}-sharded-{size}", hashing.name()))
        }
    };
    Ok(Resource { name, algorithm, digest: hasher.finish() })
}

/// One of the hashes.
enum Hasher {
    Sha256(Sha256),
    Blake2b(Box<Blake2b512>),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    fn new(hashing: Hashing) -> Self {
        match hashing {
            Hashing::Sha256 => Self::Sha256(Sha256::new()),
            Hashing::Blake2b => Self::Blake2b(Box::new(Blake2b512::new())),
            Hashing::Blake3 => Self::Blake3(Box::new(blake3::Hasher::new())),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake2b(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Blake2b(hasher) => hasher.finalize().to_vec(),
            Self::Blake3(hasher) => hasher.finalize().as_bytes().to_vec(),
        }
    }
}
