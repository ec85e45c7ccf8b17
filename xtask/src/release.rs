//! `cargo xtask release`: what is handed out. The program, what it is made of (CycloneDX 1.6), the hashes of both, and with
//! `--key` the signature over all of it that `shieldwall model verify` checks.
//!
//! The bill of materials is made from `cargo metadata` and `Cargo.lock`: every crate that is compiled into the program or that
//! builds it, with version, licence and the SHA-256 of its source; not what only tests use. Same sources, same bytes: it has no time, and
//! its serial number is of its content.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use shieldwall_trust::Hash;

use crate::built::{dist, target};

/// Runs the verb.
///
/// # Errors
/// When something cannot be built, read or written.
pub fn run(output: Option<PathBuf>, key: Option<&Path>) -> Result<()> {
    let folder = output.unwrap_or_else(|| target().join("release-files"));
    let program = dist()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;
    let bytes = fs::read(&program).with_context(|| format!("cannot read `{}`", program.display()))?;
    fs::copy(&program, folder.join("shieldwall"))?;
    let bom = format!("{:#}\n", bill(&metadata()?, &fs::read_to_string("Cargo.lock")?, &Hash::of(&bytes))?);
    fs::write(folder.join("shieldwall.cdx.json"), &bom)?;
    let sums = format!("{}  shieldwall\n{}  shieldwall.cdx.json\n", Hash::of(&bytes), Hash::of(bom.as_bytes()));
    fs::write(folder.join("SHA256SUMS"), sums)?;
    if let Some(key) = key {
        let signature = folder.with_extension("sig");
        let status = Command::new(&program)
            .args(["model", "sign"])
            .arg(&folder)
            .arg("--key")
            .arg(key)
            .arg("-o")
            .arg(&signature)
            .status()?;
        if !status.success() {
            bail!("the release could not be signed");
        }
        println!("signed: {}", signature.display());
    }
    println!("{}", folder.display());
    Ok(())
}

fn metadata() -> Result<Value> {
    let host = Command::new("rustc").arg("-vV").output().context("rustc")?;
    let host = String::from_utf8_lossy(&host.stdout).into_owned();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let output = Command::new("cargo")
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", host])
        .output()
        .context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The bill of materials (CycloneDX 1.6, ECMA-424).
fn bill(metadata: &Value, lock: &str, program: &Hash) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let root = packages
        .iter()
        .find(|(_, package)| package["name"] == "shieldwall")
        .map(|(id, _)| *id)
        .context("cargo metadata names no `shieldwall`")?;
    let sums = checksums(lock)?;
    let (mut seen, mut open, mut edges) = (BTreeSet::from([root]), vec![root], BTreeMap::new());
    while let Some(id) = open.pop() {
        let mut own: BTreeSet<&str> = BTreeSet::new();
        for dependency in nodes.get(id).map(|node| list(&node["deps"])).into_iter().flatten() {
            // `null` is a normal dependency; what only tests use is in no program.
            let counts = list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null() || kind["kind"] == "build");
            let Some(other) = dependency["pkg"].as_str().filter(|_| counts) else { continue };
            own.insert(other);
            if seen.insert(other) {
                open.push(other);
            }
        }
        edges.insert(id, own);
    }
    let purl = |id: &str| {
        let package = packages.get(id).copied().unwrap_or(&Value::Null);
        format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
    };
    let component = |id: &str| {
        let package = packages.get(id).copied().unwrap_or(&Value::Null);
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let mut one = json!({
            "type": if id == root { "application" } else { "library" },
            "bom-ref": purl(id),
            "name": name,
            "version": version,
            "purl": purl(id),
        });
        if let Some(licence) = package["license"].as_str() {
            // The old spelling of a choice.
            one["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(words) = package["description"].as_str() {
            one["description"] = words.split_whitespace().collect::<Vec<_>>().join(" ").into();
        }
        if let Some(place) = package["repository"].as_str() {
            one["externalReferences"] = json!([{ "type": "vcs", "url": place }]);
        }
        let sum = if id == root { Some(program.to_string()) } else { sums.get(&(name, version)).cloned() };
        if let Some(sum) = sum {
            one["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        one
    };
    let components: Vec<Value> = seen.iter().filter(|id| **id != root).map(|id| component(id)).collect();
    let dependencies: Vec<Value> = edges
        .iter()
        .map(|(id, own)| json!({ "ref": purl(id), "dependsOn": own.iter().map(|id| purl(id)).collect::<Vec<_>>() }))
        .collect();
    let mut bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component(root) },
        "components": components,
        "dependencies": dependencies,
    });
    let hash = Hash::of(bom.to_string().as_bytes()).to_string();
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    // RFC 9562, version 8: bits of our own.
    bom["serialNumber"] =
        format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32)).into();
    Ok(bom)
}

/// SHA-256 of each crate's source, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let one = |package: &toml::Value| {
        let part = |name: &str| Some(package.get(name)?.as_str()?.to_owned());
        Some(((part("name")?, part("version")?), part("checksum")?))
    };
    Ok(packages.iter().filter_map(one).collect())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_names_what_is_in_the_program_and_not_what_tests_use() {
        let metadata = metadata().unwrap();
        let lock = fs::read_to_string(crate::root().join("Cargo.lock")).unwrap();
        let bom = bill(&metadata, &lock, &Hash::of(b"program")).unwrap();
        assert_eq!(bom, bill(&metadata, &lock, &Hash::of(b"program")).unwrap());
        let names: Vec<&str> = list(&bom["components"]).filter_map(|one| one["name"].as_str()).collect();
        for inside in ["shieldwall-trust", "clap", "serde_json", "flate2"] {
            assert!(names.contains(&inside), "{inside}");
        }
        assert!(!names.contains(&"proptest") && !names.contains(&"xtask"), "{names:?}");
        // Crates from a registry have the hash of their source and a licence; each dependency is a component.
        let known: BTreeSet<&str> = list(&bom["dependencies"]).filter_map(|one| one["ref"].as_str()).collect();
        for one in list(&bom["components"]) {
            let own = one["name"].as_str().is_some_and(|name| name.starts_with("shieldwall"));
            assert!(own || one["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64), "{one}");
            assert!(one["licenses"][0]["expression"].is_string(), "{one}");
            assert!(known.contains(one["bom-ref"].as_str().unwrap()));
        }
        assert_eq!(bom["metadata"]["component"]["hashes"][0]["content"], Hash::of(b"program").to_string());
        assert!(bom["serialNumber"].as_str().unwrap().starts_with("urn:uuid:"));
    }
}
