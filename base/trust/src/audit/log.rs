//! The log as files, and the one writer that adds to it.
//!
//! ```text
//! audit/
//! ├── log.jsonl     one entry a line
//! ├── heads.jsonl   one signed tree head for each time that entries were added
//! ├── edge.json     the tree's right edge, so that adding need not read all; worthless unless a signed head agrees with it
//! ├── torn          lines that a stopped writer left behind, moved here by the next one
//! └── LOCK          held by the one writer
//! ```
//!
//! Entries and their head are written together or not at all; a kill between the two leaves entries without a head, which
//! the next writer writes down as an entry of its own, as it does with a torn line. To a log that was tampered with, nothing
//! is added.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::{self, Checked, Fault, no_entry};
use super::disk::{Disk, append_all, open};
use super::entry::{self, Entry, Event, LINE_BYTES_MAX};
use super::head::{HEAD_BYTES_MAX, Head};
use super::merkle::{self, Edge};
use crate::artifact::Hash;
use crate::key::{PublicKey, SecretKey};

const LOG: &str = "log.jsonl";
const HEADS: &str = "heads.jsonl";
const EDGE: &str = "edge.json";
const TORN: &str = "torn";
const LOCK: &str = "LOCK";

/// Bytes read at once while a log is checked.
const READ_BYTES: usize = 1 << 20;

/// Bytes of a log that is checked whole before anything is added: some ten thousand entries, some hundredths of a second. Of
/// a longer one only the end is checked; `verify` checks all of it.
const WHOLE_BYTES_MAX: u64 = 4 << 20;

/// Bytes of the file of heads that are read: a million heads.
const HEADS_BYTES_MAX: u64 = 1 << 30;

/// A log that cannot be read or added to.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system refused.
    #[error("the audit log `{path}`: {source}; nothing was written down, so nothing was done")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody changed it.
    #[error(
        "the audit log `{path}` was tampered with: {fault}; `shieldwall audit verify` tells all. To go on, keep that folder \
         as evidence and move it away"
    )]
    Tampered {
        /// The log's folder.
        path: PathBuf,
        /// The first thing that is wrong.
        fault: Fault,
    },
    /// An entry would be longer than [`LINE_BYTES_MAX`].
    #[error("an audit entry `{0}` of more than {LINE_BYTES_MAX} bytes")]
    TooLong(String),
}

/// The edge as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    size: u64,
    bytes: u64,
    last: String,
    roots: Vec<String>,
}

/// The right to add to a log. There is one at a time; another program waits until it is dropped.
pub struct Writer<'a> {
    folder: PathBuf,
    key: &'a SecretKey,
    log: Box<dyn Disk>,
    heads: Box<dyn Disk>,
    edge: Edge,
    last: Hash,
    bytes: u64,
    /// What is to be told of how the last writer ended.
    told: Vec<Event>,
    _lock: Option<File>,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({}, {} entries)", self.folder.display(), self.edge.size())
    }
}

impl<'a> Writer<'a> {
    /// Opens the log of a folder to add to it, makes it where there is none, and waits for another writer to end.
    ///
    /// # Errors
    /// When files cannot be opened, or the log was tampered with.
    pub fn open(folder: &Path, key: &'a SecretKey) -> Result<Self, AuditError> {
        let io = |path: &Path, source| AuditError::Io { path: path.to_path_buf(), source };
        fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
        let file = |name: &str| {
            let path = folder.join(name);
            open(&path).map_err(|source| AuditError::Io { path, source })
        };
        let lock = file(LOCK)?;
        lock.lock().map_err(|source| io(&folder.join(LOCK), source))?;
        let (mut log, mut heads) = (file(LOG)?, file(HEADS)?);
        let mut told = Vec::new();
        let public = key.public();
        let (edge, last, bytes) = match known(folder, &mut log, &mut heads, &public) {
            Some(known) => known,
            None => {
                let checked = verify(folder, &public, None)?;
                if let Some(fault) = checked.faults.iter().find(|fault| !fault.is_crash()) {
                    // A first writer that was stopped left entries and no head at all.
                    if !(matches!(fault, Fault::NoHead) && fs::metadata(folder.join(HEADS)).is_ok_and(|a| a.len() == 0))
                    {
                        return Err(AuditError::Tampered { path: folder.to_path_buf(), fault: fault.clone() });
                    }
                }
                let from = checked.head.as_ref().map_or(0, |head| head.size);
                if from < checked.entries {
                    told.push(Event::new("audit.unsigned", from.to_string()).with("entries", checked.entries - from));
                }
                if let Some(Fault::Torn(bytes)) = checked.faults.iter().find(|fault| matches!(fault, Fault::Torn(_))) {
                    told.push(
                        set_aside(folder, &mut log, checked.bytes, *bytes)
                            .map_err(|source| io(&folder.join(LOG), source))?,
                    );
                }
                end_line(&mut heads).map_err(|source| io(&folder.join(HEADS), source))?;
                (checked.edge, checked.last.unwrap_or_else(no_entry), checked.bytes)
            }
        };
        let (log, heads) = (Box::new(log), Box::new(heads));
        let folder = folder.to_path_buf();
        Ok(Self { folder, key, log, heads, edge, last, bytes, told, _lock: Some(lock) })
    }

    /// Adds entries and signs the new head. All are written, or none and nothing is half done. Returns the first's number.
    ///
    /// # Errors
    /// When they cannot be written, or one is too long.
    pub fn append(&mut self, time_ms: i64, events: &[Event]) -> Result<u64, AuditError> {
        self.append_with(time_ms, events, None)
    }

    /// The same, together with bytes at the end of another file: all of it or nothing.
    pub(crate) fn append_with(
        &mut self,
        time_ms: i64,
        events: &[Event],
        more: Option<(&mut dyn Disk, &[u8])>,
    ) -> Result<u64, AuditError> {
        let (mut edge, mut last) = (self.edge.clone(), self.last);
        let first = edge.size() + self.told.len() as u64;
        let mut text = Vec::new();
        for event in self.told.iter().chain(events) {
            let line = entry::write(edge.size(), time_ms, event, &last);
            if line.len() > LINE_BYTES_MAX {
                return Err(AuditError::TooLong(event.action.clone()));
            }
            last = merkle::leaf(line.as_bytes());
            edge.push(last);
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        let mut head = Head::sign(edge.size(), time_ms, edge.root(), self.key).to_line();
        head.push('\n');
        let (log, heads) = (self.log.as_mut(), self.heads.as_mut());
        let done = match more {
            Some((disk, bytes)) => append_all(&mut [(log, &text), (heads, head.as_bytes()), (disk, bytes)]),
            None => append_all(&mut [(log, &text), (heads, head.as_bytes())]),
        };
        done.map_err(|source| AuditError::Io { path: self.folder.join(LOG), source })?;
        self.told.clear();
        self.bytes += text.len() as u64;
        (self.edge, self.last) = (edge, last);
        self.keep();
        Ok(first)
    }

    /// The number that the next entry will have, if nothing is to be told of the last writer.
    pub fn next(&self) -> u64 {
        self.edge.size()
    }

    /// Keeps the edge. Without it, the next writer reads the whole log.
    fn keep(&self) {
        let kept = Kept {
            size: self.edge.size(),
            bytes: self.bytes,
            last: self.last.to_string(),
            roots: self.edge.roots().iter().map(Hash::to_string).collect(),
        };
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(".tmp-shieldwall-").tempfile_in(&self.folder)?;
            file.write_all(serde_json::to_string(&kept)?.as_bytes())?;
            file.persist(self.folder.join(EDGE))?;
            Ok(())
        };
        let _ = write();
    }
}

/// The kept edge, if log and signed head agree with it.
fn known(folder: &Path, log: &mut File, heads: &mut File, key: &PublicKey) -> Option<(Edge, Hash, u64)> {
    let mut text = String::new();
    File::open(folder.join(EDGE)).ok()?.take(LINE_BYTES_MAX as u64).read_to_string(&mut text).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    let roots = kept.roots.iter().map(|root| root.parse().ok()).collect::<Option<Vec<Hash>>>()?;
    let edge = Edge::from_parts(kept.size, roots)?;
    let head = Head::read(&last_line(heads, HEAD_BYTES_MAX)?)?;
    let last = last_line(log, LINE_BYTES_MAX)?;
    let fits = kept.bytes > WHOLE_BYTES_MAX
        && Disk::len(log).ok()? == kept.bytes
        && head.is_by(key)
        && (head.size, head.root) == (edge.size(), edge.root())
        && entry::links(&last).is_some_and(|links| Some(links.number) == edge.size().checked_sub(1))
        && merkle::leaf(&last).to_string() == kept.last;
    fits.then(|| (edge, merkle::leaf(&last), kept.bytes))
}

/// The last line without its line feed; `None` if it has none, or is longer.
fn last_line(file: &mut File, bytes_max: usize) -> Option<Vec<u8>> {
    let len = Disk::len(file).ok()?;
    file.seek(SeekFrom::Start(len.saturating_sub(bytes_max as u64 + 2))).ok()?;
    let mut tail = Vec::new();
    file.take(bytes_max as u64 + 2).read_to_end(&mut tail).ok()?;
    tail.pop().filter(|end| *end == b'\n')?;
    let start = match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => at + 1,
        None if tail.len() as u64 + 1 == len => 0,
        None => return None,
    };
    Some(tail.split_off(start))
}

/// Moves a torn line out of the log and says so.
fn set_aside(folder: &Path, log: &mut File, from: u64, bytes: u64) -> io::Result<Event> {
    log.seek(SeekFrom::Start(from))?;
    let mut torn = Vec::new();
    log.take(LINE_BYTES_MAX as u64 + 1).read_to_end(&mut torn)?;
    let hash = Hash::of(&torn);
    torn.push(b'\n');
    open(&folder.join(TORN))?.append(&torn)?;
    log.cut(from)?;
    Ok(Event::new("audit.torn", hash.to_string()).with("bytes", bytes))
}

/// Ends a torn line of heads, so that the next stands by itself.
fn end_line(heads: &mut File) -> io::Result<()> {
    let len = Disk::len(heads)?;
    if len == 0 {
        return Ok(());
    }
    heads.seek(SeekFrom::Start(len - 1))?;
    let mut end = [0];
    heads.read_exact(&mut end)?;
    if end == *b"\n" { Ok(()) } else { heads.append(b"\n") }
}

fn reader(path: &Path) -> io::Result<Box<dyn io::BufRead>> {
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::with_capacity(READ_BYTES, file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
        Err(error) => Err(error),
    }
}

/// Checks the log of a folder: see [`check::check`]. A log that is not there is empty.
///
/// # Errors
/// When reading fails.
pub fn verify(folder: &Path, key: &PublicKey, kept: Option<&Head>) -> Result<Checked, AuditError> {
    let path = folder.join(LOG);
    let run = || -> io::Result<Checked> {
        let mut heads = Vec::new();
        reader(&folder.join(HEADS))?.take(HEADS_BYTES_MAX).read_to_end(&mut heads)?;
        check::check(&mut *reader(&path)?, &heads, key, kept, &mut || leaves_of(&path))
    };
    run().map_err(|source| AuditError::Io { path: path.clone(), source })
}

/// The hashes of all entries.
fn leaves_of(path: &Path) -> io::Result<Vec<Hash>> {
    let mut leaves = Vec::new();
    each_line(path, &mut |line| {
        leaves.push(merkle::leaf(line));
        true
    })?;
    Ok(leaves)
}

/// Gives the whole lines of a log, until `each` says that it has enough.
fn each_line(path: &Path, each: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut log = reader(path)?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if check::read_line(&mut *log, &mut line)? == 0 || line.pop() != Some(b'\n') || !each(&line) {
            return Ok(());
        }
    }
}

/// Gives the entries of a log in order; lines that are none are passed over, and [`verify`] names them.
///
/// # Errors
/// When reading fails.
pub fn entries(folder: &Path, each: &mut dyn FnMut(Entry)) -> Result<(), AuditError> {
    let path = folder.join(LOG);
    let read = each_line(&path, &mut |line| {
        if let Some(entry) = entry::read(line) {
            each(entry);
        }
        true
    });
    read.map_err(|source| AuditError::Io { path: path.clone(), source })
}

/// As [`entries`], of actions that begin with `prefix` alone; others cost little.
///
/// # Errors
/// When reading fails.
pub fn entries_of(folder: &Path, prefix: &str, each: &mut dyn FnMut(Entry)) -> Result<(), AuditError> {
    /// Bytes of a line before its action's: two numbers and their names.
    const BEFORE_MAX: usize = 128;
    let path = folder.join(LOG);
    let wanted = format!("\"action\":\"{prefix}");
    let read = each_line(&path, &mut |line| {
        let start = line.get(..BEFORE_MAX.min(line.len())).unwrap_or_default();
        if start.windows(wanted.len()).any(|part| part == wanted.as_bytes())
            && let Some(entry) = entry::read(line).filter(|entry| entry.event.action.starts_with(prefix))
        {
            each(entry);
        }
        true
    });
    read.map_err(|source| AuditError::Io { path: path.clone(), source })
}

/// An entry with what shows offline that it is in the log: its line, its place, the hashes to the root, the signed head.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The entry's line as it stands.
    pub line: String,
    /// Its number.
    pub number: u64,
    /// Hashes to the root, nearest first.
    pub hashes: Vec<Hash>,
    /// The head whose root they lead to.
    pub head: Head,
}

impl Proof {
    /// Whether it shows what it says, for who believes this key.
    pub fn holds(&self, key: &PublicKey) -> bool {
        let leaf = merkle::leaf(self.line.as_bytes());
        self.head.is_by(key)
            && entry::links(self.line.as_bytes()).is_some_and(|links| links.number == self.number)
            && merkle::includes(leaf, self.number, self.head.size, &self.hashes, self.head.root)
    }
}

/// The proof of an entry; `None` if no signed head covers it.
///
/// # Errors
/// When reading fails.
pub fn proof(folder: &Path, key: &PublicKey, number: u64) -> Result<Option<Proof>, AuditError> {
    let path = folder.join(LOG);
    let Some(head) = verify(folder, key, None)?.head.filter(|head| number < head.size) else { return Ok(None) };
    let (mut line, mut leaves) = (None, Vec::new());
    each_line(&path, &mut |read| {
        if leaves.len() as u64 == number {
            line = String::from_utf8(read.to_vec()).ok();
        }
        leaves.push(merkle::leaf(read));
        (leaves.len() as u64) < head.size
    })
    .map_err(|source| AuditError::Io { path: path.clone(), source })?;
    let Some(line) = line else { return Ok(None) };
    let hashes = merkle::inclusion(&leaves, usize::try_from(number).unwrap_or(usize::MAX));
    Ok(Some(Proof { line, number, hashes, head }))
}

#[cfg(test)]
mod tests;
