//! `packs.lock`: which packs were taken in. It is the truth: what lies in `packs/` and does not stand here never acts.
//!
//! One JSON file, signed with the local key, put in place by one rename. Files in `packs/` bear their hashes in their names, so
//! a new version stands beside the old one until the lock names it: a crash leaves the old state whole, and files that nothing names.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shieldwall_trust::Hash;
use shieldwall_trust::pack::{self, Kind, Pack};
use shieldwall_trust::registry::sealed;

use crate::books;
use crate::home::{Home, write_durably};

/// The kind of statement that a lock is.
const PREDICATE: &str = "urn:shieldwall:packs-lock:v1";

/// Hexadecimal digits of a hash in a file's name.
const DIGITS: usize = 16;

/// One pack that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its version; empty for rules of your own.
    pub version: String,
    /// What is in it.
    pub kind: Kind,
    /// SHA-256 of the pack's file; of the sources for rules of your own.
    pub sha256: String,
    /// Who signed it; `None`: rules of your own, unsigned.
    pub signer: Option<String>,
    /// For rules: the hash in the compiled set's header, which stands for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiled: Option<String>,
}

impl Locked {
    /// Where its compiled rules are.
    pub fn rules(&self, home: &Home, name: &str) -> Option<PathBuf> {
        self.compiled.as_ref().map(|hash| home.packs().join(file_name(name, hash, "rules")))
    }

    /// Where the pack itself is; rules of your own are kept compiled only.
    pub fn pack(&self, home: &Home, name: &str) -> Option<PathBuf> {
        self.signer.as_ref().map(|_| home.packs().join(file_name(name, &self.sha256, "pack")))
    }

    /// The pack, if its file is still what was taken in.
    ///
    /// # Errors
    /// When it cannot be read or is another.
    pub fn read(&self, home: &Home, name: &str) -> Result<Pack> {
        let Some(path) = self.pack(home, name) else { bail!("`{name}` is no signed pack") };
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        if Hash::of(&bytes).to_string() != self.sha256 {
            bail!("`{}` is not what was taken in: add it again", path.display());
        }
        Ok(pack::read(&bytes)?)
    }
}

fn file_name(name: &str, hash: &str, extension: &str) -> String {
    format!("{name}-{}.{extension}", hash.get(..DIGITS).unwrap_or(hash))
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// By name.
    pub packs: BTreeMap<String, Locked>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    packs: BTreeMap<String, Locked>,
    signature: String,
}

impl Lock {
    /// Reads the lock; an empty one where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not as this machine's key signed it.
    pub fn read(home: &Home) -> Result<Self> {
        let path = home.packs_lock();
        let shown = path.display();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{shown}`")),
        };
        let changed = || format!("`{shown}` was changed by something else: remove it and add your packs again");
        let written: Written = serde_json::from_slice(&bytes).with_context(changed)?;
        let keys: Vec<_> = books::public_key(home)?.into_iter().collect();
        let statement = sealed::open(written.signature.as_bytes(), &keys).with_context(changed)?;
        let lock = Self { packs: written.packs };
        if statement.predicate_type != PREDICATE || statement.subjects != [lock.hash()] {
            bail!(changed());
        }
        Ok(lock)
    }

    /// Puts the lock in place: from now on what it names acts. Files that it no longer names go.
    ///
    /// # Errors
    /// When it cannot be signed or written; then nothing is changed.
    pub fn commit(self, home: &Home) -> Result<()> {
        let signature = sealed::seal(self.hash(), "packs.lock", PREDICATE, &json!({}), &books::key(home)?);
        let written = Written { packs: self.packs.clone(), signature };
        let mut bytes = serde_json::to_vec_pretty(&written)?;
        bytes.push(b'\n');
        write_durably(&home.packs_lock(), &bytes)?;
        for path in self.strays(home)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Older files of packs that we know; what somebody else put there is told, not removed.
            let ours = name.rsplit_once('-').is_some_and(|(pack, rest)| {
                let digits = rest.split_once('.').is_some_and(|(digits, _)| digits.len() == DIGITS);
                digits && self.packs.contains_key(pack)
            });
            if ours {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// Files in `packs/` that it does not name, sorted.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn strays(&self, home: &Home) -> Result<Vec<PathBuf>> {
        let known: Vec<PathBuf> = self
            .packs
            .iter()
            .flat_map(|(name, locked)| [locked.rules(home, name), locked.pack(home, name)])
            .flatten()
            .collect();
        let Ok(entries) = fs::read_dir(home.packs()) else { return Ok(Vec::new()) };
        let mut strays = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let pack = path.extension().is_some_and(|extension| extension == "rules" || extension == "pack");
            if pack && !known.contains(&path) {
                strays.push(path);
            }
        }
        strays.sort();
        Ok(strays)
    }

    /// What is signed: the packs in their one spelling.
    fn hash(&self) -> Hash {
        // Maps of strings always serialise.
        Hash::of(&serde_json::to_vec(&self.packs).unwrap_or_default())
    }
}
