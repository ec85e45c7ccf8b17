//! `dataset.json`: what a data set was, so that a later look names what changed.
//!
//! Files with their SHA-256, every column in figures, the labels, and each row's hash (the first 128 bits of SHA-256 over its
//! cells) in order, in one Base64 text; `rows_sha256` is the SHA-256 over all of them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::read::{DataSet, RowHash};
use crate::cli::model::rows::Rows;
use crate::line::hex;

/// The layout.
const VERSION: u64 = 1;

/// Bytes of a manifest that are read: hashes of 20 million rows.
const BYTES_MAX: u64 = 1 << 30;

/// Writes down a data set.
///
/// # Errors
/// When a file cannot be read again.
pub fn of(files: &[PathBuf], data: &DataSet) -> Result<Value> {
    let mut told = Vec::new();
    for file in files {
        let (hash, bytes) = hash_of(file)?;
        told.push(json!({ "path": file.to_string_lossy(), "sha256": hash, "bytes": bytes }));
    }
    let columns: Vec<Value> = data
        .profiles
        .iter()
        .map(|profile| {
            let mean = (profile.numbers > 0).then(|| profile.sum / profile.numbers as f64);
            json!({
                "name": profile.name, "kind": if profile.is_numeric() { "numeric" } else { "text" },
                "filled": profile.filled, "missing": profile.missing, "least": profile.range.map(|range| range.0),
                "greatest": profile.range.map(|range| range.1), "mean": mean,
                "different": (!profile.many).then_some(profile.values.len()),
            })
        })
        .collect();
    let bytes: Vec<u8> = data.hashes.iter().flatten().copied().collect();
    Ok(json!({
        "type": "shieldwall-dataset", "version": VERSION,
        "program": { "name": "shieldwall", "version": env!("CARGO_PKG_VERSION") },
        "files": told, "rows": data.hashes.len(), "label": data.label, "labels": data.label_counts, "columns": columns,
        "row_hash": "sha256-128 over (length as u64 little endian, bytes) of each cell",
        "rows_sha256": hex(&<[u8; 32]>::from(Sha256::digest(&bytes))),
        "row_hashes": STANDARD.encode(&bytes),
    }))
}

/// SHA-256 and length of a file.
fn hash_of(path: &Path) -> Result<(String, u64)> {
    let mut file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(own) = buffer.get(..read).filter(|own| !own.is_empty()) else { break };
        hash.update(own);
        bytes += read as u64;
    }
    Ok((hex(&<[u8; 32]>::from(hash.finalize())), bytes))
}

/// Each row's hash, from a manifest or from the data themselves.
///
/// # Errors
/// When it is neither, or the manifest contradicts itself.
pub fn rows_of(path: &Path) -> Result<Vec<RowHash>> {
    let shown = path.display();
    let mut head = Vec::new();
    File::open(path).with_context(|| format!("cannot open `{shown}`"))?.take(256).read_to_end(&mut head)?;
    let is_manifest = head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    if is_manifest {
        let mut text = String::new();
        File::open(path)?
            .take(BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(|| format!("cannot read `{shown}`"))?;
        let manifest: Value = serde_json::from_str(&text).with_context(|| format!("`{shown}` is no manifest"))?;
        return hashes(&manifest).with_context(|| format!("`{shown}` is no manifest of a data set"));
    }
    let rows = Rows::open(&[path.to_path_buf()])?;
    let mut out = Vec::new();
    rows.each(&mut |_, cells| {
        out.push(super::read::hash(cells));
        Ok(())
    })?;
    Ok(out)
}

fn hashes(manifest: &Value) -> Result<Vec<RowHash>> {
    let text = |key: &str| manifest.get(key).and_then(Value::as_str).with_context(|| format!("no key `{key}`"));
    ensure!(text("type")? == "shieldwall-dataset", "another type");
    if manifest.get("version").and_then(Value::as_u64) != Some(VERSION) {
        bail!("another version than {VERSION}");
    }
    let bytes = STANDARD.decode(text("row_hashes")?).context("`row_hashes` is no Base64")?;
    let sum = hex(&<[u8; 32]>::from(Sha256::digest(&bytes)));
    ensure!(sum == text("rows_sha256")?, "`row_hashes` and `rows_sha256` contradict each other");
    let (rows, rest) = bytes.as_chunks::<16>();
    ensure!(rest.is_empty(), "`row_hashes` is cut short");
    Ok(rows.to_vec())
}
