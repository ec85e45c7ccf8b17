//! A model's folder: `model.safetensors`, `manifest.json`, `CARD.md`.
//!
//! Written whole: a model that could not be written leaves the one before untouched. Loaded only if somebody vouches for
//! its hash: the program itself, the user by `--trust-hash`, or the list of what was trained here. Where the folder lies
//! says nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_learn::{Tensors, tensors};
use shieldwall_trust::{Artifact, Hash, Roots, TrustList};

use super::trained::Trained;
use crate::home::{Home, write_whole};

/// The model's file.
pub const MODEL: &str = "model.safetensors";
/// What it was made of.
pub const MANIFEST: &str = "manifest.json";
/// What a person should know.
pub const CARD: &str = "CARD.md";

/// Bytes of a manifest or card that are read.
const WORDS_BYTES_MAX: u64 = 16 << 20;

/// Writes a model's folder and vouches for it on this machine. `words` make manifest and card from the model's hash.
///
/// # Errors
/// When the folder or the trust list cannot be written.
pub fn write(dir: &Path, home: &Home, trained: &Trained, words: impl FnOnce(Hash) -> (Value, String)) -> Result<Hash> {
    if dir.is_file() {
        bail!("`{}` is a file: name a folder for the model", dir.display());
    }
    let artifact = Artifact::new(dir.display().to_string(), trained.to_tensors().to_bytes());
    let (manifest, card) = words(artifact.hash());
    write_whole(&dir.join(MODEL), artifact.bytes())?;
    write_whole(&dir.join(MANIFEST), format!("{manifest:#}\n").as_bytes())?;
    write_whole(&dir.join(CARD), card.as_bytes())?;
    let _writer = home.write()?;
    TrustList::read(&home.trust_list())?.add(artifact.hash(), artifact.name())?;
    Ok(artifact.hash())
}

/// Loads a model that somebody vouches for.
///
/// # Errors
/// When there is none, nobody vouches for it, or it is not as this program writes models.
pub fn load(dir: &Path, home: Option<&Home>, named: &[Hash]) -> Result<(Trained, Hash)> {
    let path = if dir.is_dir() { dir.join(MODEL) } else { dir.to_path_buf() };
    let shown = path.display().to_string();
    let file = File::open(&path).with_context(|| format!("no model at `{shown}`"))?;
    let mut bytes = Vec::new();
    file.take(tensors::BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read `{shown}`"))?;
    let trained = match home {
        Some(home) => TrustList::read(&home.trust_list())?.hashes(),
        None => Vec::new(),
    };
    let roots = Roots { shipped: crate::models::hashes(), named: named.to_vec(), trained };
    let artifact = Artifact::new(shown.clone(), bytes);
    let hash = artifact.hash();
    let verified = roots.verify(artifact).with_context(|| {
        format!("the model was not trained here and is not shipped: if you trust it, say --trust-hash {hash}")
    })?;
    let tensors = Tensors::load(&verified).with_context(|| format!("`{shown}` is damaged or no model"))?;
    let trained = Trained::from_tensors(&tensors).with_context(|| format!("`{shown}` does not fit this program"))?;
    Ok((trained, hash))
}

/// Reads a manifest or a card.
///
/// # Errors
/// When it is not there or too long.
pub fn words(dir: &Path, name: &str) -> Result<String> {
    let path = dir.join(name);
    let mut text = String::new();
    let file = File::open(&path).with_context(|| format!("no model at `{}`", dir.display()))?;
    file.take(WORDS_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text)
}
