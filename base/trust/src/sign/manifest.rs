//! What is signed: the resources of a tree with their hashes, and how they were made, as an in-toto statement with the predicate
//! `https://model_signing/signature/v1.0`. The older `Digests/v0.1` is read.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of a shard where nobody says otherwise.
pub const SHARD_BYTES: u64 = 1_000_000_000;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://model_signing/signature/v1.0";
const PREDICATE_OLD: &str = "https://model_signing/Digests/v0.1";

/// How files are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// SHA-256.
    Sha256,
    /// BLAKE2b with 512 bits.
    Blake2b,
    /// BLAKE3 with 256 bits.
    Blake3,
}

impl Hashing {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake2b => "blake2b",
            Self::Blake3 => "blake3",
        }
    }

    /// The hash of a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Sha256, Self::Blake2b, Self::Blake3].into_iter().find(|one| one.name() == word)
    }

    fn digest_bytes(self) -> usize {
        if self == Self::Blake2b { 64 } else { 32 }
    }
}

/// Whether files are hashed whole or in parts of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Whole.
    Files,
    /// In shards of so many bytes.
    Shards(u64),
}

/// A file, or a part of one, with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Path from the root; a shard's with `:start:end`.
    pub name: String,
    /// `sha256`, or `sha256-sharded-1000`.
    pub algorithm: String,
    /// The hash.
    pub digest: Vec<u8>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The folder's name.
    pub name: String,
    /// Whole files or shards.
    pub method: Method,
    /// Which hash.
    pub hashing: Hashing,
    /// The resources, in the signer's order.
    pub resources: Vec<Resource>,
    /// Empty files that shards leave out; a member of our own that other tools pass over.
    pub empty_files: Vec<String>,
    /// Paths that the signer left out, by his own word.
    pub ignored: Vec<String>,
    /// More members of the predicate: the hash of the BOM.
    pub more: Vec<(String, Value)>,
}

impl Manifest {
    /// The statement as it is signed.
    pub fn to_statement(&self) -> Value {
        let mut serialization = json!({
            "method": if self.method == Method::Files { "files" } else { "shards" },
            "hash_type": self.hashing.name(),
            "allow_symlinks": false,
            "ignore_paths": self.ignored,
        });
        let mut predicate = json!({
            "resources": self.resources.iter().map(|one| json!({
                "name": one.name, "algorithm": one.algorithm, "digest": hex(&one.digest),
            })).collect::<Vec<_>>(),
        });
        if let (Method::Shards(size), Some(members)) = (self.method, serialization.as_object_mut()) {
            members.insert("shard_size".to_owned(), size.into());
        }
        if let Some(members) = predicate.as_object_mut() {
            members.insert("serialization".to_owned(), serialization);
            if !self.empty_files.is_empty() {
                members.insert("empty_files".to_owned(), json!(self.empty_files));
            }
            members.extend(self.more.iter().cloned());
        }
        json!({
            "_type": STATEMENT,
            "subject": [{ "name": self.name, "digest": { "sha256": hex(&self.root()) } }],
            "predicateType": PREDICATE,
            "predicate": predicate,
        })
    }

    /// SHA-256 over the raw digests of all resources in their order.
    pub fn root(&self) -> Vec<u8> {
        let mut hasher = Sha256::new();
        self.resources.iter().for_each(|one| hasher.update(&one.digest));
        hasher.finalize().to_vec()
    }

    /// A statement read strictly.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub fn of(statement: &Value) -> Result<Self, String> {
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("no text `{name}`"))
        };
        let kind = text(statement, "_type")?;
        if kind != STATEMENT && kind != "https://in-toto.io/Statement/v0.1" {
            return Err(format!("`{kind}` is no in-toto statement"));
        }
        let subjects = statement.get("subject").and_then(Value::as_array).ok_or("no list `subject`")?;
        let digest = |subject: &Value| {
            subject.pointer("/digest/sha256").and_then(Value::as_str).and_then(unhex).ok_or("a subject without SHA-256")
        };
        match text(statement, "predicateType")?.as_str() {
            PREDICATE => {}
            PREDICATE_OLD => {
                let resource = |subject: &Value| -> Result<Resource, String> {
                    let name = text(subject, "name")?;
                    Ok(Resource { name, algorithm: "sha256".to_owned(), digest: digest(subject)? })
                };
                let resources = subjects.iter().map(resource).collect::<Result<Vec<_>, _>>()?;
                let (method, hashing) = (Method::Files, Hashing::Sha256);
                let (empty_files, ignored, more) = (Vec::new(), Vec::new(), Vec::new());
                let old = Self { name: String::new(), method, hashing, resources, empty_files, ignored, more };
                old.check_names()?;
                return Ok(old);
            }
            other => return Err(format!("predicate `{other}` is unknown")),
        }
        let [subject] = subjects.as_slice() else { return Err("not exactly one subject".to_owned()) };
        let predicate = statement.get("predicate").ok_or("no predicate")?;
        let serialization = predicate.get("serialization").ok_or("no serialization")?;
        let word = text(serialization, "hash_type")?;
        let hashing = Hashing::of(&word).ok_or_else(|| format!("hash `{word}` is unknown"))?;
        let method = match text(serialization, "method")?.as_str() {
            "files" => Method::Files,
            "shards" => {
                // The reference writes it as 1000.0.
                let size = serialization.get("shard_size").and_then(Value::as_f64).unwrap_or(SHARD_BYTES as f64);
                if !(1.0..=9e15).contains(&size) || size.fract() != 0.0 {
                    return Err(format!("a shard of {size} bytes"));
                }
                Method::Shards(size as u64)
            }
            other => return Err(format!("method `{other}` is unknown")),
        };
        let algorithm = match method {
            Method::Files => hashing.name().to_owned(),
            Method::Shards(size) => format!("{}-sharded-{size}", hashing.name()),
        };
        let list = predicate.get("resources").and_then(Value::as_array).ok_or("no list `resources`")?;
        let mut resources = Vec::with_capacity(list.len());
        for one in list {
            let name = text(one, "name")?;
            let own = text(one, "algorithm")?;
            if own != algorithm {
                return Err(format!("`{name}` is hashed with `{own}`, not with `{algorithm}`"));
            }
            let digest = unhex(&text(one, "digest")?).filter(|digest| digest.len() == hashing.digest_bytes());
            resources.push(Resource {
                digest: digest.ok_or_else(|| format!("`{name}` has no hash"))?,
                name,
                algorithm: own,
            });
        }
        let texts = |value: Option<&Value>| -> Vec<String> {
            let list = value.and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
        };
        let more = predicate.as_object().into_iter().flatten();
        let known = ["serialization", "resources", "empty_files"];
        let manifest = Self {
            name: text(subject, "name")?,
            method,
            hashing,
            resources,
            empty_files: texts(predicate.get("empty_files")),
            ignored: texts(serialization.get("ignore_paths")),
            more: more
                .filter(|(name, _)| !known.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        };
        if digest(subject)? != manifest.root() {
            return Err("the subject's digest is not that of the resources".to_owned());
        }
        manifest.check_names()?;
        Ok(manifest)
    }

    /// Names go down only, and stand once.
    fn check_names(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for name in self.resources.iter().map(|one| &one.name).chain(&self.empty_files) {
            let path = self.path_of(name);
            let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if path != "." && !path.split('/').all(is_plain) || path.contains(['\\', '\0']) {
                return Err(format!("`{name}` is no path below the root"));
            }
            if !seen.insert(name) {
                return Err(format!("`{name}` stands twice"));
            }
        }
        Ok(())
    }

    /// The path of a resource: of a shard without its range.
    pub fn path_of<'a>(&self, name: &'a str) -> &'a str {
        match self.method {
            Method::Files => name,
            Method::Shards(_) => {
                let mut parts = name.rsplitn(3, ':');
                let is_number = |part: Option<&str>| {
                    part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
                };
                let (end, start) = (parts.next(), parts.next());
                match parts.next() {
                    Some(path) if is_number(end) && is_number(start) => path,
                    _ => name,
                }
            }
        }
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
