//! What was begun and how it ended: an append-only file, each line chained to the one before by SHA-256.
//!
//! A line is `HASH JSON`, with HASH over the hash before and the JSON. A line is on disk before the deed that it announces. What a
//! crash leaves is a torn last line, which is cut off: its deed was never begun. Anything else that does not fit is damage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shieldwall_trust::Hash;

use crate::guard::Past;
use crate::plan::{Plan, Step};

/// Bytes of a journal that are read: some 15,000 actions. In memory it takes about four times as much.
pub const JOURNAL_BYTES_MAX: u64 = 32 << 20;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// About to be applied.
    Begin {
        /// What.
        plan: Plan,
        /// Who approved.
        approver: String,
        /// The approval's number, used once.
        nonce: String,
        /// The state before.
        before: Value,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// Applied and read back.
    Applied {
        /// The plan's hash.
        plan: String,
        /// The state after.
        after: Value,
        /// When.
        at_ms: i64,
    },
    /// A signed number was used up for something other than a beginning.
    Spent {
        /// The number.
        nonce: String,
        /// Who signed.
        approver: String,
        /// When.
        at_ms: i64,
    },
    /// Taken back.
    Undone {
        /// The plan's hash.
        plan: String,
        /// Why.
        why: String,
        /// When.
        at_ms: i64,
    },
}

impl Event {
    /// The hash of its plan; empty where it speaks of none.
    pub fn plan_hash(&self) -> String {
        match self {
            Self::Begin { plan, .. } => plan.hash().to_string(),
            Self::Applied { plan, .. } | Self::Undone { plan, .. } => plan.clone(),
            Self::Spent { .. } => String::new(),
        }
    }
}

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("the journal: {0}")]
    Io(#[from] io::Error),
    /// A line does not follow from those before.
    #[error("the journal was changed at line {0}")]
    Damaged(usize),
    /// Another process acts.
    #[error("another process is acting: wait for it")]
    Busy,
}

/// Where lines go: each whole and on disk, or an error.
pub trait Disk {
    /// Appends and makes durable.
    ///
    /// # Errors
    /// When it could not; part of the bytes may stand.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Lets others have it.
    fn release(&mut self) {}
}

impl Disk for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_data()
    }

    /// Closing alone would wait for a process that another thread is just starting: it has the file too until it becomes its
    /// program.
    fn release(&mut self) {
        let _ = self.unlock();
    }
}

impl<D: Disk> Drop for Journal<D> {
    fn drop(&mut self) {
        self.disk.release();
    }
}

/// The journal, open for writing.
pub struct Journal<D: Disk> {
    disk: D,
    last: Hash,
    events: Vec<Event>,
    index: Index,
    broken: bool,
}

/// What is asked of the events again and again, kept beside them: nothing is hashed or looked through twice.
#[derive(Debug, Default)]
struct Index {
    /// Event → its plan's hash.
    hashes: Vec<String>,
    /// Plan → its last beginning, and whether it was applied, if it was not undone since.
    open: BTreeMap<String, (usize, bool)>,
    /// Numbers that were used.
    nonces: BTreeSet<String>,
}

impl Index {
    fn of(events: &[Event]) -> Self {
        let mut index = Self::default();
        events.iter().for_each(|event| index.add(event));
        index
    }

    fn add(&mut self, event: &Event) {
        let (at, hash) = (self.hashes.len(), event.plan_hash());
        match event {
            Event::Begin { nonce, .. } => {
                self.open.insert(hash.clone(), (at, false));
                self.nonces.insert(nonce.clone());
            }
            Event::Spent { nonce, .. } => {
                self.nonces.insert(nonce.clone());
            }
            Event::Applied { .. } => {
                if let Some((_, applied)) = self.open.get_mut(&hash) {
                    *applied = true;
                }
            }
            Event::Undone { .. } => {
                self.open.remove(&hash);
            }
        }
        self.hashes.push(hash);
    }
}

impl Journal<File> {
    /// Opens or makes a journal, alone; cuts a torn last line off.
    ///
    /// # Errors
    /// When it cannot be read, was changed, or another process has it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        // It says whom we watch and what we did: for its owner alone.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.try_lock().map_err(|_| JournalError::Busy)?;
        let mut bytes = Vec::new();
        if (&mut file).take(JOURNAL_BYTES_MAX + 1).read_to_end(&mut bytes)? as u64 > JOURNAL_BYTES_MAX {
            return Err(io::Error::other("too long").into());
        }
        let (events, last, whole) = read(&bytes)?;
        file.set_len(whole as u64)?;
        Ok(Self { disk: file, last, index: Index::of(&events), events, broken: false })
    }
}

impl<D: Disk> Journal<D> {
    /// A journal over what a disk holds.
    ///
    /// # Errors
    /// When the bytes were changed.
    pub fn over(disk: D, bytes: &[u8]) -> Result<Self, JournalError> {
        let (events, last, _) = read(bytes)?;
        Ok(Self { disk, last, index: Index::of(&events), events, broken: false })
    }

    /// Writes an event down.
    ///
    /// # Errors
    /// When it is not on disk. Nothing more is written then: half a line may stand.
    pub fn append(&mut self, event: Event) -> Result<(), JournalError> {
        if self.broken {
            return Err(io::Error::other("an earlier write failed: open it again").into());
        }
        let json = serde_json::to_string(&event).map_err(io::Error::other)?;
        let hash = link(&self.last, &json);
        if let Err(error) = self.disk.append(format!("{hash} {json}\n").as_bytes()) {
            self.broken = true;
            return Err(error.into());
        }
        self.last = hash;
        self.index.add(&event);
        self.events.push(event);
        Ok(())
    }

    /// Whether a write failed: then nothing more is written, and it must be opened again.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// All events, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Whether an approval's number was used.
    pub fn used(&self, wanted: &str) -> bool {
        self.index.nonces.contains(wanted)
    }

    /// What was done before, for the guards. Linear in the journal.
    pub fn past(&self, now_ms: i64) -> Vec<Past> {
        let mut past: Vec<Past> = Vec::new();
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (event, hash) in self.events.iter().zip(&self.index.hashes) {
            match event {
                Event::Begin { plan, at_ms, .. } => {
                    last.insert(hash, past.len());
                    let (step, incident) = (plan.step.clone(), plan.incident.clone());
                    let holds = step.lasts() && !ended(&step, *at_ms, now_ms);
                    past.push(Past { step, incident, at_ms: *at_ms, holds });
                }
                Event::Undone { .. } => {
                    if let Some(deed) = last.get(hash.as_str()).and_then(|at| past.get_mut(*at)) {
                        deed.holds = false;
                    }
                }
                Event::Applied { .. } | Event::Spent { .. } => {}
            }
        }
        past
    }

    /// Plans that hold beside one: begun, not undone, not at their end.
    pub fn beside(&self, hash: &str, now_ms: i64) -> Vec<Plan> {
        let begun = |at: usize| match self.events.get(at) {
            Some(Event::Begin { plan, at_ms, .. }) if !ended(&plan.step, *at_ms, now_ms) => Some(plan.clone()),
            _ => None,
        };
        let others = self.index.open.iter().filter(|(other, _)| *other != hash);
        others.filter_map(|(_, (at, _))| begun(*at)).collect()
    }

    /// The last beginning of a plan, with the state before, and whether it was applied, if it was not undone since.
    pub fn open_deed(&self, hash: &str) -> Option<(&Plan, &Value, bool)> {
        let (at, applied) = self.index.open.get(hash)?;
        match self.events.get(*at)? {
            Event::Begin { plan, before, .. } => Some((plan, before, *applied)),
            _ => None,
        }
    }

    /// Hashes of plans that were begun and neither applied nor undone: what a crash left.
    pub fn torn(&self) -> Vec<String> {
        self.index.open.iter().filter(|(_, (_, applied))| !applied).map(|(hash, _)| hash.clone()).collect()
    }
}

/// Whether a step's time is over.
fn ended(step: &Step, at_ms: i64, now_ms: i64) -> bool {
    step.seconds().is_some_and(|seconds| {
        at_ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)) <= now_ms
    })
}

fn link(last: &Hash, json: &str) -> Hash {
    Hash::of(format!("{last} {json}").as_bytes())
}

/// Events, the last hash, and how many bytes are whole.
fn read(bytes: &[u8]) -> Result<(Vec<Event>, Hash, usize), JournalError> {
    let (mut events, mut last, mut whole) = (Vec::new(), Hash::of(b"shieldwall journal v1"), 0);
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(text) = line.strip_suffix(b"\n") else { break };
        let parsed = std::str::from_utf8(text).ok().and_then(|text| text.split_once(' ')).and_then(|(hash, json)| {
            let own = link(&last, json);
            (own.to_string() == hash).then_some(())?;
            Some((own, serde_json::from_str(json).ok()?))
        });
        let (hash, event) = parsed.ok_or(JournalError::Damaged(at + 1))?;
        last = hash;
        events.push(event);
        whole += line.len();
    }
    Ok((events, last, whole))
}
