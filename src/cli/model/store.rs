//! A model's folder: `model.safetensors`, `manifest.json`, `CARD.md`.
//!
//! Written whole: a model that could not be written leaves the one before untouched. Loaded only if somebody vouches for
//! its hash: the program itself, the user by `--trust-hash`, or the list of what was trained here. Where the folder lies
//! says nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use shieldwall_learn::{Tensors, tensors};
use shieldwall_trust::registry::sealed;
use shieldwall_trust::{Artifact, Hash, Roots, TrustList};

use super::KindArg;
use super::trained::Trained;
use crate::home::{Home, write_whole};

/// The model's file.
pub const MODEL: &str = "model.safetensors";
/// What it was made of.
pub const MANIFEST: &str = "manifest.json";
/// What a person should know.
pub const CARD: &str = "CARD.md";

/// Who signed it, and which manifest is its own.
pub const SIGNATURE: &str = "model.sig.json";
/// What that signature states.
pub const TRAINED: &str = "urn:shieldwall:trained:v1";

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
    enrol(home, &artifact, trained.kind(), &manifest, &card, dir)?;
    Ok(artifact.hash())
}

/// Signs what was trained with the local key and registers it as a candidate. The signature says which manifest and which
/// card belong to the model; it lies beside it and in the registry.
fn enrol(home: &Home, artifact: &Artifact, kind: KindArg, manifest: &Value, card: &str, dir: &Path) -> Result<()> {
    let manifest_hash = Hash::of(format!("{manifest:#}\n").as_bytes());
    let data: Vec<&str> = manifest
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|data| data.get("sha256")?.as_str())
        .collect();
    let mut details = vec![("manifest_sha256".to_owned(), manifest_hash.to_string())];
    details.push(("data_sha256".to_owned(), crate::books::short(&data.join(","))));
    crate::books::change_registry(home, |registry, audit, key| {
        let card = Hash::of(card.as_bytes()).to_string();
        let says = json!({ "manifest_sha256": manifest_hash.to_string(), "card_sha256": card, "data_sha256": data });
        let sealed = sealed::seal(artifact.hash(), MODEL, TRAINED, &says, key);
        write_whole(&dir.join(SIGNATURE), sealed.as_bytes())?;
        registry.keep_evidence(artifact.hash(), "trained", sealed.as_bytes())?;
        registry.register(audit, crate::books::now_ms(), artifact, kind.word(), &details)?;
        Ok(())
    })
}

/// A model by its folder, its file, or the beginning of its hash in the registry.
///
/// # Errors
/// When there is none, or several begin so.
pub fn find(home: &Home, model: &str) -> Result<Artifact> {
    let path = Path::new(model);
    if path.exists() {
        return read(path);
    }
    let registry = crate::books::registry(home)?;
    let found: Vec<Hash> =
        registry.state().models().keys().copied().filter(|hash| hash.to_string().starts_with(model)).collect();
    match found.as_slice() {
        [hash] if model.len() >= PREFIX_MIN => Ok(registry.artifact(*hash)?),
        [] => match crate::models::shipped_by_prefix(model).filter(|_| model.len() >= PREFIX_MIN) {
            Some((_, artifact)) => Ok(artifact),
            None => bail!("no model at `{model}`, and none in the registry or the program whose SHA-256 begins so"),
        },
        _ => bail!("`{model}` is too short for a SHA-256's beginning: {} models begin so", found.len()),
    }
}

/// Digits of a hash that name a model.
const PREFIX_MIN: usize = 6;

/// Hashes that the registry holds and nobody revoked: they may be scored.
fn registered(home: Option<&Home>) -> Result<Vec<Hash>> {
    let Some(home) = home else { return Ok(Vec::new()) };
    let registry = crate::books::registry(home)?;
    let models = registry.state().models().iter();
    Ok(models.filter(|(_, model)| model.revoked.is_none()).map(|(hash, _)| *hash).collect())
}

/// Who is believed on this machine.
///
/// # Errors
/// When the trust list or the registry cannot be read.
pub fn roots(home: Option<&Home>, named: &[Hash]) -> Result<Roots> {
    let trained = match home {
        Some(home) => TrustList::read(&home.trust_list())?.hashes(),
        None => Vec::new(),
    };
    Ok(Roots { shipped: crate::models::hashes(), named: named.to_vec(), trained, registered: registered(home)? })
}

/// Reads a model's bytes: its folder, or the file itself.
fn read(path: &Path) -> Result<Artifact> {
    let path = if path.is_dir() { path.join(MODEL) } else { path.to_path_buf() };
    let shown = path.display().to_string();
    let file = File::open(&path).with_context(|| format!("no model at `{shown}`"))?;
    let mut bytes = Vec::new();
    file.take(tensors::BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read `{shown}`"))?;
    Ok(Artifact::new(shown, bytes))
}

/// Loads a model that somebody vouches for.
///
/// # Errors
/// When there is none, nobody vouches for it, or it is not as this program writes models.
pub fn load(dir: &Path, home: Option<&Home>, named: &[Hash]) -> Result<(Trained, Hash)> {
    let artifact = match dir.to_str().zip(home).filter(|_| !dir.exists()) {
        Some((hash, home)) => find(home, hash)?,
        None => read(dir)?,
    };
    let (shown, roots) = (artifact.name().to_owned(), roots(home, named)?);
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
