//! The registry on disk.
//!
//! ```text
//! registry/
//! ├── journal.jsonl     one step a line, hash-chained as the audit log is
//! ├── counter.json      how many steps there were at least, and the hash of the last: it only grows
//! ├── objects/HASH      artifacts by their SHA-256
//! └── evidence/HASH/*.json   signed evidence for a model, as it was shown
//! ```
//!
//! A step is written to the audit log before the journal, in one go that is whole or taken back. So the audit log is also
//! what the journal is mended from: steps that it has and the journal lacks (a kill between the two, or an older journal
//! put back) are taken when the registry is opened. A journal shorter than the counter says is refused.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::active::{Active, activate};
use super::judge::{EVIDENCE_MAX, Judged};
use super::sealed::SEALED_BYTES_MAX;
use super::state::{Forbidden, Stage, State};
use crate::artifact::{Artifact, Hash};
use crate::audit::check::{self, no_entry};
use crate::audit::disk::{Disk, open};
use crate::audit::{AuditError, Event, Fault, Writer, entry, log, merkle};
use crate::verified::Roots;

const JOURNAL: &str = "journal.jsonl";
const COUNTER: &str = "counter.json";
const OBJECTS: &str = "objects";
const EVIDENCE: &str = "evidence";

/// Bytes of an artifact that are read.
pub const ARTIFACT_BYTES_MAX: u64 = 4 << 30;

/// What an entry of the audit log about a step is called: `model.` and the step.
const ACTION: &str = "model.";
/// The detail of such an entry that says which line of the journal it is.
const NUMBER: &str = "journal";

/// A registry that cannot be used, or a step that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The system refused.
    #[error("the registry `{path}`: {source}; no step was taken")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The step could not be written down.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The step may not be taken.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The journal is not as it was written.
    #[error("the registry's journal `{path}` was tampered with: {fault}")]
    Tampered {
        /// Which file.
        path: PathBuf,
        /// The first thing that is wrong.
        fault: Fault,
    },
    /// The journal has fewer steps than there were, or others.
    #[error("the registry's journal `{path}` is not the one of step {steps}: an older or another one was put there")]
    Replayed {
        /// Which file.
        path: PathBuf,
        /// Steps that there were.
        steps: u64,
    },
    /// Somebody else took a step meanwhile.
    #[error("the registry changed meanwhile: try again")]
    Changed,
    /// An artifact's bytes are not those of its hash.
    #[error("the artifact {0} is missing or damaged")]
    Damaged(Hash),
}

#[derive(Serialize, Deserialize)]
struct Counter {
    steps: u64,
    last: String,
}

/// The registry as it was read.
#[derive(Debug)]
pub struct Registry {
    folder: PathBuf,
    state: State,
    /// Whole lines of the journal: how many, how long, the hash of the last.
    steps: u64,
    bytes: u64,
    last: Hash,
    /// The journal's length, with what a stopped writer left at its end.
    len: u64,
    /// Steps of the audit log that the journal lacks.
    owed: Vec<(i64, Event)>,
}

impl Registry {
    /// Reads the registry of a folder; one that is not there is empty. `audit`: the audit log's folder. To change it, open
    /// the audit log's [`Writer`] first: it keeps others away.
    ///
    /// # Errors
    /// When it cannot be read, was tampered with, or an older journal was put there.
    pub fn open(folder: &Path, audit: &Path) -> Result<Self, RegistryError> {
        let path = folder.join(JOURNAL);
        let io = |source| RegistryError::Io { path: path.clone(), source };
        let bytes = read_all(&path, u64::MAX).map_err(io)?.unwrap_or_default();
        let counter: Option<Counter> = read_all(&folder.join(COUNTER), SEALED_BYTES_MAX as u64)
            .map_err(io)?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let wanted = counter.as_ref().map(|counter| counter.steps);
        let (checked, _) = check::chain(&mut bytes.as_slice(), wanted).map_err(io)?;
        if let Some(fault) = checked.faults.iter().find(|fault| !fault.is_crash()) {
            return Err(RegistryError::Tampered { path, fault: fault.clone() });
        }
        let mut registry = Self {
            folder: folder.to_path_buf(),
            state: State::default(),
            steps: 0,
            bytes: checked.bytes,
            last: checked.last.unwrap_or_else(no_entry),
            len: bytes.len() as u64,
            owed: Vec::new(),
        };
        // The counter's hash must be that of the step that it was written after.
        let mut at_counter = None;
        for line in bytes.split(|byte| *byte == b'\n').take(usize::try_from(checked.entries).unwrap_or(usize::MAX)) {
            if let Some(step) = entry::read(line) {
                registry.state.apply(registry.steps, &step.event)?;
                registry.steps += 1;
                if wanted == Some(registry.steps) {
                    at_counter = Some(merkle::leaf(line).to_string());
                }
            }
        }
        registry.owed = registry.missing(audit)?;
        let (mut state, steps) = (registry.state.clone(), registry.steps);
        for ((_, step), number) in registry.owed.iter().zip(steps..) {
            state.apply(number, step)?;
        }
        registry.state = state;
        if let Some(counter) = counter {
            let known = registry.steps + registry.owed.len() as u64;
            let other = at_counter.is_some_and(|leaf| leaf != counter.last);
            if known < counter.steps || other {
                return Err(RegistryError::Replayed { path, steps: counter.steps });
            }
        }
        Ok(registry)
    }

    /// Steps that the audit log has beyond those of the journal.
    fn missing(&self, audit: &Path) -> Result<Vec<(i64, Event)>, RegistryError> {
        let mut owed = Vec::new();
        log::entries_of(audit, ACTION, &mut |entry| {
            let mut event = entry.event;
            let number = event.details.iter().position(|(name, _)| name == NUMBER);
            let number = number.map(|at| event.details.remove(at).1).and_then(|number| number.parse::<u64>().ok());
            if number == Some(self.steps + owed.len() as u64)
                && let Some(action) = event.action.strip_prefix(ACTION)
            {
                event.action = action.to_owned();
                owed.push((entry.time_ms, event));
            }
        })?;
        Ok(owed)
    }

    /// Which model stands where.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes an artifact in as a candidate, and keeps its bytes. One that is here stays where it stands.
    ///
    /// # Errors
    /// When it cannot be kept or written down.
    pub fn register(
        &mut self,
        audit: &mut Writer<'_>,
        time_ms: i64,
        artifact: &Artifact,
        kind: &str,
        details: &[(String, String)],
    ) -> Result<(), RegistryError> {
        self.keep(&self.object(artifact.hash()), artifact.bytes())?;
        if self.state.models().contains_key(&artifact.hash()) {
            return Ok(());
        }
        let mut step = Event::new("register", artifact.hash().to_string()).with("kind", kind);
        step = step.with("name", artifact.name());
        step.details.extend(details.iter().cloned());
        self.take(audit, time_ms, vec![step])
    }

    /// Takes the step that was judged, and keeps the evidence that showed it.
    ///
    /// # Errors
    /// When the model may not take it, its bytes are damaged, or it cannot be written down.
    pub fn promote(
        &mut self,
        audit: &mut Writer<'_>,
        time_ms: i64,
        judged: &Judged,
        envelopes: &[Vec<u8>],
    ) -> Result<(), RegistryError> {
        let hash = judged.model();
        self.state.may_act(hash)?;
        self.artifact(hash)?;
        for envelope in envelopes.iter().take(EVIDENCE_MAX) {
            let name = format!("{}.json", Hash::of(envelope));
            self.keep(&self.folder.join(EVIDENCE).join(hash.to_string()).join(name), envelope)?;
        }
        let mut step = Event::new(judged.to().word(), hash.to_string()).with("policy", judged.policy());
        for (gate, evidence) in judged.shown() {
            step = step.with(&format!("gate.{gate}"), evidence);
        }
        step = step.with("approvers", judged.approvers().join(","));
        let mut steps = vec![step];
        let before = self.state.models().get(&hash).and_then(|model| self.state.active(&model.kind));
        if let Some(before) = before.filter(|before| judged.to() == Stage::Active && *before != hash) {
            steps.insert(0, Event::new("retire", before.to_string()).with("for", hash));
        }
        self.take(audit, time_ms, steps)
    }

    /// Puts the active model of a kind back into the shadow and the one before it in its place. Returns both: from, to.
    ///
    /// `shipped`: the model of this kind that came with the program. It acts where the registry has no active one, so it
    /// is what came before the first that was promoted here.
    ///
    /// # Errors
    /// When no earlier one may act, its bytes are damaged, or it cannot be written down.
    pub fn rollback(
        &mut self,
        audit: &mut Writer<'_>,
        time_ms: i64,
        kind: &str,
        why: &str,
        shipped: Option<Hash>,
    ) -> Result<(Option<Hash>, Hash), RegistryError> {
        let from = self.state.active(kind);
        let demoted =
            from.map(|from| Event::new("demote", from.to_string()).with("why", format!("rolled back: {why}")));
        let (to, steps) = match (self.state.earlier(kind), from, shipped) {
            (Ok(to), ..) => {
                self.artifact(to)?;
                let active = Event::new("active", to.to_string()).with("rollback", why);
                (to, demoted.into_iter().chain([active]).collect())
            }
            // Nothing else acts then: the shipped one does, unless it was revoked.
            (Err(_), Some(from), Some(shipped)) if from != shipped && !self.state.is_revoked(shipped) => {
                (shipped, demoted.map(|step| step.with("to", shipped)).into_iter().collect())
            }
            (Err(none), ..) => return Err(none.into()),
        };
        self.take(audit, time_ms, steps)?;
        Ok((from, to))
    }

    /// Puts a model back into the shadow.
    ///
    /// # Errors
    /// When it stands no higher, or it cannot be written down.
    pub fn demote(&mut self, audit: &mut Writer<'_>, time_ms: i64, hash: Hash, why: &str) -> Result<(), RegistryError> {
        self.take(audit, time_ms, vec![Event::new("demote", hash.to_string()).with("why", why)])
    }

    /// Revokes a model for good; `older`: nothing that came before it may ever act again either.
    ///
    /// # Errors
    /// When it is unknown or it cannot be written down.
    pub fn revoke(
        &mut self,
        audit: &mut Writer<'_>,
        time_ms: i64,
        hash: Hash,
        why: &str,
        older: bool,
    ) -> Result<(), RegistryError> {
        let mut steps = vec![Event::new("revoke", hash.to_string()).with("why", why)];
        if older {
            steps.push(Event::new("floor", hash.to_string()).with("why", why));
        }
        self.take(audit, time_ms, steps)
    }

    /// The bytes of a model.
    ///
    /// # Errors
    /// When they are not there or are not those of the hash.
    pub fn artifact(&self, hash: Hash) -> Result<Artifact, RegistryError> {
        let path = self.object(hash);
        let bytes = read_all(&path, ARTIFACT_BYTES_MAX).map_err(|source| RegistryError::Io { path, source })?;
        let name = self.state.models().get(&hash).map_or_else(|| hash.to_string(), |model| model.name.clone());
        let artifact = bytes.map(|bytes| Artifact::new(name, bytes));
        artifact.filter(|artifact| artifact.hash() == hash).ok_or(RegistryError::Damaged(hash))
    }

    /// The active model of a kind, as what may make findings.
    ///
    /// # Errors
    /// When its bytes are not there or damaged.
    pub fn active(&self, kind: &str) -> Result<Option<Active<Artifact>>, RegistryError> {
        let Some(hash) = self.state.active(kind) else { return Ok(None) };
        let roots = Roots { registered: vec![hash], ..Roots::default() };
        let verified = roots.verify(self.artifact(hash)?).map_err(|_| RegistryError::Damaged(hash))?;
        activate(verified, Some(&self.state)).map(Some).map_err(|_| RegistryError::Damaged(hash))
    }

    /// The evidence that was kept for a model, in the order of its files' names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn evidence(&self, hash: Hash) -> Result<Vec<Vec<u8>>, RegistryError> {
        let folder = self.folder.join(EVIDENCE).join(hash.to_string());
        let io = |source| RegistryError::Io { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(error)),
        };
        let mut paths =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>().map_err(io)?;
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        let mut all = Vec::new();
        for path in paths.iter().take(EVIDENCE_MAX) {
            all.extend(read_all(path, SEALED_BYTES_MAX as u64).map_err(io)?);
        }
        Ok(all)
    }

    /// Keeps a gate's evidence under its name; newer evidence takes the place of older.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_evidence(&self, hash: Hash, gate: &str, envelope: &[u8]) -> Result<PathBuf, RegistryError> {
        let path = self.folder.join(EVIDENCE).join(hash.to_string()).join(format!("{gate}.json"));
        self.keep(&path, envelope)?;
        Ok(path)
    }

    fn object(&self, hash: Hash) -> PathBuf {
        self.folder.join(OBJECTS).join(hash.to_string())
    }

    /// Writes a file whole or not at all.
    fn keep(&self, path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut file = tempfile::Builder::new().prefix(".tmp-shieldwall-").tempfile_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| RegistryError::Io { path: path.to_path_buf(), source })
    }

    /// Takes steps: all of them or none.
    fn take(&mut self, audit: &mut Writer<'_>, time_ms: i64, steps: Vec<Event>) -> Result<(), RegistryError> {
        let path = self.folder.join(JOURNAL);
        let io = |source| RegistryError::Io { path: path.clone(), source };
        fs::create_dir_all(&self.folder).map_err(io)?;
        let mut journal = open(&path).map_err(io)?;
        if Disk::len(&mut journal).map_err(io)? != self.len {
            return Err(RegistryError::Changed);
        }
        if self.len > self.bytes {
            // What a stopped writer left half-written is in the audit log whole, and owed.
            journal.cut(self.bytes).map_err(io)?;
            self.len = self.bytes;
        }
        self.step(audit, time_ms, steps, &mut journal)
    }

    fn step(
        &mut self,
        audit: &mut Writer<'_>,
        time_ms: i64,
        steps: Vec<Event>,
        journal: &mut dyn Disk,
    ) -> Result<(), RegistryError> {
        let mut state = self.state.clone();
        let (mut number, mut last, mut text, mut told) = (self.steps, self.last, Vec::new(), Vec::new());
        let owed = self.owed.len();
        let new = steps.into_iter().map(|step| (time_ms, step));
        for (at, (time_ms, step)) in self.owed.iter().cloned().chain(new).enumerate() {
            if at >= owed {
                state.apply(number, &step)?;
                let mut event = step.clone();
                event.action.insert_str(0, ACTION);
                told.push(event.with(NUMBER, number));
            }
            let line = entry::write(number, time_ms, &step, &last);
            last = merkle::leaf(line.as_bytes());
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
            number += 1;
        }
        audit.append_with(time_ms, &told, Some((journal, &text)))?;
        self.owed.clear();
        self.state = state;
        (self.steps, self.last) = (number, last);
        self.bytes += text.len() as u64;
        self.len = self.bytes;
        // The step is taken. A counter that lags is mended by the next step, and the audit log knows the rest.
        let counter = Counter { steps: number, last: last.to_string() };
        if let Ok(counter) = serde_json::to_vec(&counter) {
            let _ = self.keep(&self.folder.join(COUNTER), &counter);
        }
        Ok(())
    }
}

/// A file's bytes, up to a limit; `None` if it is not there.
fn read_all(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    BufReader::new(file).take(bytes_max).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
