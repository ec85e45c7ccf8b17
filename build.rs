//! Embeds our own rules, deflated, the mappings, taken apart, the playbooks, and the shipped models with the hashes that their manifests name.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use shieldwall_schema::Mappings;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=content/rules");
    println!("cargo::rerun-if-changed=content/mappings");
    println!("cargo::rerun-if-changed=content/models");
    println!("cargo::rerun-if-changed=content/playbooks");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);

    let mut rules = Vec::new();
    for path in files(Path::new("content/rules"), "yml")? {
        let name = path.strip_prefix("content/rules")?.to_string_lossy().replace('\\', "/");
        rules.push((name, fs::read(&path)?));
    }
    let bytes = postcard::to_stdvec(&rules)?;
    let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    deflated.write_all(&bytes)?;
    fs::write(out.join("rules.bin"), deflated.finish()?)?;

    let mut texts = Vec::new();
    for path in files(Path::new("content/mappings"), "toml")? {
        texts.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read_to_string(&path)?));
    }
    let mappings = Mappings::parse(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
    fs::write(out.join("mappings.bin"), postcard::to_stdvec(&mappings)?)?;

    let mut source = String::from(
        "/// `content/playbooks`: name and text, in the order of their names.\npub static PLAYBOOKS: &[(&str, &str)] = &[\n",
    );
    for path in files(Path::new("content/playbooks"), "json")? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let full = fs::canonicalize(&path)?;
        source.push_str(&format!("    ({name:?}, include_str!({:?})),\n", full.to_string_lossy()));
    }
    source.push_str("];\n");
    fs::write(out.join("playbooks.rs"), source)?;

    let mut source = String::from(
        "/// Shipped models: kind, SHA-256 as its manifest names it, the file.\npub static SHIPPED: &[(&str, &str, &[u8])] = &[\n",
    );
    for path in files(Path::new("content/models"), "safetensors").unwrap_or_default() {
        let folder = path.parent().ok_or("a model without a folder")?;
        let kind = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hash = named_hash(&fs::read_to_string(folder.join("manifest.json"))?)
            .ok_or_else(|| format!("`{}`: its manifest names no model_sha256", folder.display()))?;
        let full = fs::canonicalize(&path)?;
        source.push_str(&format!("    ({kind:?}, {hash:?}, include_bytes!({:?})),\n", full.to_string_lossy()));
    }
    source.push_str("];\n");
    fs::write(out.join("models.rs"), source)?;
    Ok(())
}

/// The 64 hexadecimal digits behind `"model_sha256": "`.
fn named_hash(manifest: &str) -> Option<String> {
    let rest = manifest.split("\"model_sha256\"").nth(1)?.split('"').nth(1)?;
    (rest.len() == 64 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| rest.to_owned())
}

/// Files with an extension below a folder, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|have| have == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
