//! The strict check of a signature over a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::bundle::{self, encoding_before_1_0};
use super::chain;
use super::manifest::{Manifest, Method};
use super::strict;
use super::tree::{self, TreeError};
use crate::dsse;
use crate::key::PublicKey;

/// Differences that are listed one by one; more are counted.
const LISTED_MAX: usize = 1000;

/// Who is believed.
#[derive(Clone, Debug)]
pub enum Believed {
    /// One public key.
    Key(PublicKey),
    /// Root certificates as DER, and the time at which chains must hold, seconds since 1970.
    Roots {
        /// The roots.
        certificates: Vec<Vec<u8>>,
        /// Now.
        now_s: u64,
    },
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Who signed: a key's id, or a certificate's subject.
    pub signer: String,
    /// Files that are covered.
    pub covered: usize,
    /// Files that are not, which the user named.
    pub exempt: Vec<String>,
    /// What was signed.
    pub manifest: Manifest,
}

/// Why a signature is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The bundle or the statement is not as it must be.
    #[error("{0}")]
    Form(String),
    /// Somebody else signed, or nobody.
    #[error("{0}")]
    Signer(String),
    /// The tree is not what was signed.
    #[error("the files are not what was signed:{}", lines(.0, *.1))]
    Tree(Vec<String>, usize),
    /// The tree cannot be read.
    #[error(transparent)]
    Unread(#[from] TreeError),
}

fn lines(list: &[String], more: usize) -> String {
    let mut text: String = list.iter().map(|one| format!("\n  {one}")).collect();
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

/// Checks a bundle against a tree. `signature_name`: the signature's own path from the root, where it lies within;
/// `allow_unsigned`: files or folders that need not be covered.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(
    bundle: &[u8],
    root: &Path,
    signature_name: Option<&str>,
    believed: &Believed,
    allow_unsigned: &[String],
    threads: usize,
) -> Result<Report, Refusal> {
    let opened = bundle::open(bundle).map_err(Refusal::Form)?;
    let (signer, key) = match believed {
        Believed::Key(key) => {
            if let Some(hint) = opened.hint.as_ref().filter(|hint| !hint.is_empty() && **hint != key.id()) {
                return Err(Refusal::Signer(format!("signed by the key {hint}, not by {}", key.id())));
            }
            (key.id(), key.clone())
        }
        Believed::Roots { certificates, now_s } => {
            chain::leaf(&opened.certificates, certificates, *now_s).map_err(Refusal::Signer)?
        }
    };
    let statement = strict::read(&opened.payload).map_err(|error| Refusal::Form(format!("the statement: {error}")))?;
    let old = statement.get("predicateType").and_then(|one| one.as_str()).is_some_and(|one| one.ends_with("/v0.1"));
    let holds = key.verify(&dsse::encoding(&opened.payload), &opened.signature).is_ok()
        || old && key.verify(&encoding_before_1_0(&opened.payload), &opened.signature).is_ok();
    if !holds {
        return Err(Refusal::Signer("the signature does not hold".to_owned()));
    }
    let manifest = Manifest::of(&statement).map_err(Refusal::Form)?;
    let entries = tree::entries(root)?;
    let is_within = |name: &str, path: &String| {
        let path = path.trim_end_matches('/').trim_start_matches("./");
        name == path || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    };
    let signed: BTreeSet<&str> = manifest.resources.iter().map(|one| manifest.path_of(&one.name)).collect();
    let empty: BTreeSet<&str> = manifest.empty_files.iter().map(String::as_str).collect();
    let (mut own, mut exempt, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        if Some(entry.name.as_str()) == signature_name {
            continue;
        }
        let name = entry.name.as_str();
        if signed.contains(name) {
            own.push(entry);
        } else if empty.contains(name) {
            if entry.len > 0 {
                problems.push(format!("`{name}` was empty and is not any more"));
            }
        } else if allow_unsigned.iter().any(|path| is_within(name, path)) {
            exempt.push(entry.name);
        } else if entry.len == 0 && manifest.method != Method::Files {
            problems.push(format!("`{name}` is not covered: shards leave empty files out (--allow-unsigned {name})"));
        } else {
            let ignored = manifest.ignored.iter().any(|path| is_within(name, path));
            let why = if ignored { ", the signer left it out" } else { "" };
            problems.push(format!("`{name}` is not covered{why} (--allow-unsigned {name})"));
        }
    }
    let hashed = tree::hash(&own, manifest.method, manifest.hashing, threads)?;
    let mut have: BTreeMap<&str, &[u8]> = hashed.iter().map(|one| (one.name.as_str(), one.digest.as_slice())).collect();
    for one in &manifest.resources {
        match have.remove(one.name.as_str()) {
            Some(digest) if digest == one.digest => {}
            Some(_) => problems.push(format!("`{}` has changed", one.name)),
            None => problems.push(format!("`{}` is missing", one.name)),
        }
    }
    let gone = manifest.empty_files.iter().filter(|name| !root.join(name.as_str()).is_file());
    problems.extend(gone.map(|name| format!("`{name}` is missing")));
    problems.extend(have.into_keys().map(|name| format!("`{name}` is not covered")));
    if !problems.is_empty() {
        let more = problems.len().saturating_sub(LISTED_MAX);
        problems.truncate(LISTED_MAX);
        return Err(Refusal::Tree(problems, more));
    }
    Ok(Report { signer, covered: own.len() + empty.len(), exempt, manifest })
}
