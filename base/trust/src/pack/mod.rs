//! Packs: rules, playbooks, mappings, models or lists in one signed file.
//!
//! A pack is a tar archive (POSIX ustar, plain files alone) that is the same bytes for the same content: `pack.toml` first,
//! then the files by name, then `pack.sig.json`, if it is signed. The manifest has the SHA-256 of every file; the signature
//! (an in-toto statement in a DSSE envelope) has the SHA-256 of the manifest. So one signature covers all, and a file that
//! is not in the manifest, or not as it says, makes the whole pack worthless.
//!
//! ```toml
//! name = "acme-linux"
//! version = "1.2.0"
//! kind = "rules"          # rules, playbooks, mappings, models, lists
//! licence = "Apache-2.0"
//!
//! [files]                 # written by `pack build`
//! "sshd/root.yml" = "9f86d0…"
//! ```

pub mod tar;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::artifact::Hash;
use crate::key::{PublicKey, SecretKey};
use crate::registry::sealed;

/// Bytes of a pack: SigmaHQ has 10 MiB of rules, our models 8.
pub const PACK_BYTES_MAX: usize = 256 << 20;
/// Files of a pack; SigmaHQ has about 4,000.
pub const FILES_MAX: usize = 100_000;

/// The manifest's name in a pack.
pub const MANIFEST: &str = "pack.toml";
/// The signature's name in a pack.
pub const SIGNATURE: &str = "pack.sig.json";

const SIGNED: &str = "urn:shieldwall:pack:v1";

/// A pack that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no pack: {0}")]
pub struct NoPack(pub String);

fn no(why: impl Into<String>) -> NoPack {
    NoPack(why.into())
}

/// What a pack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sigma rules with their examples.
    Rules,
    /// What to do.
    Playbooks,
    /// Names of fields.
    Mappings,
    /// Models: they become candidates.
    Models,
    /// Values for placeholders.
    Lists,
}

/// A version: three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl FromStr for Version {
    type Err = NoPack;

    fn from_str(text: &str) -> Result<Self, NoPack> {
        let parts: Option<Vec<u32>> = text.splitn(4, '.').map(|part| part.parse().ok()).collect();
        match parts.as_deref() {
            Some([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            _ => Err(no(format!("`{text:.40}` is no version: three numbers, as 1.2.0"))),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What a pack says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it holds.
    pub kind: Kind,
    /// The licence of what it holds.
    #[serde(default)]
    pub licence: String,
    /// Its files and their hashes.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, NoPack> {
        let manifest: Self = toml::from_str(text).map_err(|error| no(format!("{MANIFEST}: {error}")))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if manifest.name.is_empty() || manifest.name.len() > 64 || !manifest.name.chars().all(plain) {
            return Err(no("its name is not made of letters, digits, `-` and `_`"));
        }
        manifest.version()?;
        Ok(manifest)
    }

    /// Its version as numbers.
    ///
    /// # Errors
    /// When it is none.
    pub fn version(&self) -> Result<Version, NoPack> {
        self.version.parse()
    }

    fn to_text(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let kind = serde_json::to_string(&self.kind).unwrap_or_default();
        let mut out = format!(
            "name = {}\nversion = {}\nkind = {kind}\nlicence = {}\n\n[files]\n",
            text(&self.name),
            text(&self.version),
            text(&self.licence)
        );
        for (name, hash) in &self.files {
            out.push_str(&format!("{} = {}\n", text(name), text(hash)));
        }
        out
    }
}

/// A pack whose files are those of its manifest. [`read`] alone makes one.
#[derive(Clone, Debug)]
pub struct Pack {
    manifest: Manifest,
    manifest_hash: Hash,
    files: Vec<(String, Vec<u8>)>,
    signature: Option<Vec<u8>>,
}

impl Pack {
    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of its manifest, which stands for all of it.
    pub fn hash(&self) -> Hash {
        self.manifest_hash
    }

    /// Its files, by name.
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// Whether it bears a signature, by whomever.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// The id of the key that signed it.
    ///
    /// # Errors
    /// When nobody believed signed this very pack.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<String, NoPack> {
        let signature = self.signature.as_ref().ok_or_else(|| no("it is not signed"))?;
        let statement = sealed::open(signature, keys).map_err(|error| no(error.to_string()))?;
        if statement.predicate_type != SIGNED || statement.subjects != [self.manifest_hash] {
            return Err(no("its signature is for something else"));
        }
        Ok(statement.signer)
    }
}

/// Builds a pack; the manifest's list of files is made here.
///
/// # Errors
/// When a name cannot be one, or there is too much.
pub fn build(mut manifest: Manifest, mut files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, NoPack> {
    files.sort();
    files.retain(|(name, _)| name != MANIFEST && name != SIGNATURE);
    manifest.files = files.iter().map(|(name, bytes)| (name.clone(), Hash::of(bytes).to_string())).collect();
    let mut members = vec![(MANIFEST.to_owned(), manifest.to_text().into_bytes())];
    members.extend(files);
    let bytes = tar::write(&members)?;
    read(&bytes)?;
    Ok(bytes)
}

/// Signs a pack; an earlier signature is replaced.
///
/// # Errors
/// When it is none.
pub fn sign(bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>, NoPack> {
    let pack = read(bytes)?;
    let says = json!({ "name": pack.manifest.name, "version": pack.manifest.version });
    let sealed = sealed::seal(pack.manifest_hash, MANIFEST, SIGNED, &says, key);
    let mut members = tar::read(bytes)?;
    members.retain(|(name, _)| name != SIGNATURE);
    members.push((SIGNATURE.to_owned(), sealed.into_bytes()));
    tar::write(&members)
}

/// Reads a pack and checks that its files are those of its manifest, all of them and nothing else.
///
/// # Errors
/// When they are not.
pub fn read(bytes: &[u8]) -> Result<Pack, NoPack> {
    let mut members = tar::read(bytes)?;
    let signature = members.last().is_some_and(|(name, _)| name == SIGNATURE).then(|| members.pop()).flatten();
    if members.first().is_none_or(|(name, _)| name != MANIFEST) {
        return Err(no(format!("`{MANIFEST}` does not come first")));
    }
    let (_, text) = members.remove(0);
    let manifest_hash = Hash::of(&text);
    let manifest = Manifest::read(std::str::from_utf8(&text).map_err(|_| no(format!("{MANIFEST} is no text")))?)?;
    if members.len() != manifest.files.len() {
        return Err(no("files are missing, or there are more than its manifest names"));
    }
    for ((name, bytes), (named, hash)) in members.iter().zip(&manifest.files) {
        if name != named {
            return Err(no(format!("`{name:.80}` is not in its manifest, or not in its place")));
        }
        if Hash::of(bytes).to_string() != *hash {
            return Err(no(format!("`{name:.80}` is not the one of its manifest")));
        }
    }
    Ok(Pack { manifest, manifest_hash, files: members, signature: signature.map(|(_, bytes)| bytes) })
}

#[cfg(test)]
mod tests;
