//! `cargo xtask tidy`: the house rules that a compiler does not hold.
//!
//! | rule | holds |
//! |---|---|
//! | arrows | no stage depends on a stage, `base` on no stage, `schema` on nothing of ours |
//! | names | no file called `utils`, `helpers`, `misc` |
//! | places | no path of somebody's machine, no private registry |
//! | tests | none ignored, none asleep |
//! | packages | licence, edition and lints come from the workspace |
//!
//! Looks at the files that git tracks (all files where there is no git). Runs as a test too, so that nobody can forget
//! it. The words that it looks for are written in two halves here, so that it does not find itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use toml::Table;

/// File stems that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "misc", "common", "stuff"];

/// Larger files are data, not text to check. Our largest source is a generated table of about 140 kB.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Folders of data and rules, where paths and hosts are what attackers and logs write.
const DATA_FOLDERS: &[&str] = &["testdata/", "content/", "fuzz/corpus/"];

/// Checks the tree and prints what breaks a rule.
pub fn run(root: &Path) -> Result<()> {
    let violations = check(root)?;
    for violation in &violations {
        println!("{violation}");
    }
    if !violations.is_empty() {
        bail!("{} house rules are broken", violations.len());
    }
    println!("tidy");
    Ok(())
}

/// Everything that breaks a rule, as `file:line: what`, sorted.
fn check(root: &Path) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    let mut packages = BTreeMap::new();
    for path in files(root)? {
        violations.extend(name(&path));
        let full = root.join(&path);
        // A tracked file may be gone from the working tree.
        let Ok(meta) = full.symlink_metadata() else { continue };
        if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
            continue;
        }
        // Binary files hold no rules.
        let Ok(text) = String::from_utf8(std::fs::read(&full)?) else { continue };
        violations.extend(content(&path, &text));
        if path == "Cargo.toml" || path.ends_with("/Cargo.toml") {
            let manifest: Table = text.parse().with_context(|| format!("`{path}` does not parse"))?;
            violations.extend(package(&path, &manifest));
            packages.insert(path, manifest);
        }
    }
    violations.extend(arrows(&packages));
    violations.sort();
    Ok(violations)
}

/// Paths relative to the root, with `/`, sorted.
fn files(root: &Path) -> Result<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(arguments).current_dir(root).output();
    let mut files: Vec<String> = match listed {
        Ok(output) if output.status.success() => {
            output.stdout.split(|byte| *byte == 0).map(|path| String::from_utf8_lossy(path).into_owned()).collect()
        }
        _ => walk(root)?,
    };
    files.retain(|path| !path.is_empty());
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() != "target" && entry.file_name() != ".git" {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(files)
}

fn name(path: &str) -> Option<String> {
    let says_nothing = |part: &str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
    let bad = path.ends_with(".rs") && path.split('/').any(says_nothing);
    bad.then(|| format!("{path}: the name says nothing; name it for what it holds"))
}

/// What a line of a file may not say.
struct Ban {
    /// The word, in two halves.
    halves: (&'static str, &'static str),
    /// Which files.
    files: fn(&str) -> bool,
    /// Why.
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban { halves: ("/wo", "rk/"), files: is_ours, why: "a path of one machine" },
    Ban { halves: ("/ho", "me/"), files: is_build, why: "a path of one machine" },
    Ban { halves: ("/Us", "ers/"), files: is_build, why: "a path of one machine" },
    Ban { halves: ("/ro", "ot/"), files: is_build, why: "a path of one machine" },
    Ban { halves: ("artifac", "tory"), files: is_build, why: "a private registry" },
    Ban { halves: ("[sour", "ce."), files: is_cargo_config, why: "a registry of one machine" },
    Ban { halves: ("[registr", "ies"), files: is_cargo_config, why: "a registry of one machine" },
    Ban { halves: ("#[ign", "ore"), files: is_rust, why: "an ignored test; assert today's behaviour with a note" },
    Ban { halves: ("thread::sl", "eep"), files: is_rust, why: "sleeping; wait for what you wait for" },
];

fn is_ours(path: &str) -> bool {
    !DATA_FOLDERS.iter().any(|folder| path.starts_with(folder))
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_cargo_config(path: &str) -> bool {
    path.starts_with(".cargo/")
}

/// Manifests, scripts and settings: where a path would be used.
fn is_build(path: &str) -> bool {
    is_ours(path)
        && (path.starts_with(".ci/")
            || path.starts_with(".cargo/")
            || path.ends_with("build.rs")
            || [".toml", ".lock", ".sh", ".yml", ".yaml"].iter().any(|ending| path.ends_with(ending)))
}

fn content(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for ban in BANS.iter().filter(|ban| (ban.files)(path)) {
        let word = [ban.halves.0, ban.halves.1].concat();
        let lines = text.lines().enumerate().filter(|(_, line)| line.contains(&word));
        found.extend(lines.map(|(at, _)| format!("{path}:{}: `{word}`: {}", at + 1, ban.why)));
    }
    if path.ends_with("Cargo.lock") {
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("source = ") && *line != public);
        found.extend(lines.map(|(at, _)| format!("{path}:{}: a dependency that is not from crates.io", at + 1)));
    }
    found
}

/// What every package takes from the workspace.
fn package(path: &str, manifest: &Table) -> Vec<String> {
    let Some(package) = manifest.get("package").and_then(toml::Value::as_table) else { return Vec::new() };
    // The fuzz package stands apart: it needs its own compiler.
    if path.starts_with("fuzz/") {
        return Vec::new();
    }
    let inherits = |value: Option<&toml::Value>| {
        value.and_then(|v| v.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    let mut found = Vec::new();
    for key in ["license", "edition", "version"] {
        if !inherits(package.get(key)) {
            found.push(format!("{path}: `{key}.workspace = true` is missing"));
        }
    }
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    if lints != Some(true) {
        found.push(format!("{path}: `[lints] workspace = true` is missing"));
    }
    found
}

/// Who may depend on whom.
fn arrows(manifests: &BTreeMap<String, Table>) -> Vec<String> {
    // Package name → folder.
    let mut folders: BTreeMap<&str, &str> = BTreeMap::new();
    for (path, manifest) in manifests {
        if let Some(name) = manifest.get("package").and_then(|p| p.get("name")).and_then(toml::Value::as_str) {
            folders.insert(name, path.strip_suffix("Cargo.toml").unwrap_or(path));
        }
    }
    let mut found = Vec::new();
    for (path, manifest) in manifests {
        let folder = path.strip_suffix("Cargo.toml").unwrap_or(path);
        for dependency in dependencies(manifest) {
            let Some(target) = folders.get(dependency.as_str()) else { continue };
            let why = match (layer(folder), layer(target)) {
                (Layer::Stage, Layer::Stage) => "no stage depends on a stage",
                (Layer::Schema, _) => "schema depends on nothing of ours",
                (Layer::Base, Layer::Stage) => "base knows no stage",
                (_, Layer::Program) if folder != "fuzz/" => "nothing depends on the program",
                _ => continue,
            };
            found.push(format!("{path}: depends on `{dependency}`: {why}"));
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Schema,
    Base,
    Stage,
    Program,
    Other,
}

fn layer(folder: &str) -> Layer {
    match folder {
        "" => Layer::Program,
        "base/schema/" => Layer::Schema,
        folder if folder.starts_with("base/") => Layer::Base,
        folder if folder.starts_with("stages/") => Layer::Stage,
        _ => Layer::Other,
    }
}

/// Every dependency's package name, of every kind and target.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut names = Vec::new();
    let mut tables = vec![manifest];
    tables.extend(
        manifest
            .get("target")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(|targets| targets.values().filter_map(toml::Value::as_table)),
    );
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let renamed = value.get("package").and_then(toml::Value::as_str);
                names.push(renamed.unwrap_or(name).to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let violations = check(&crate::root()).unwrap();
        assert!(violations.is_empty(), "{} broken house rules:\n{}", violations.len(), violations.join("\n"));
    }

    #[test]
    fn each_rule_finds_its_breach() {
        let join = |halves: (&str, &str)| [halves.0, halves.1].concat();
        let machine = join(("/wo", "rk/shared"));
        let home = join(("/ho", "me/me"));
        let ignored = join(("#[ign", "ore]"));
        let sleeping = join(("std::thread::sl", "eep(x)"));
        for (path, text, wanted) in [
            ("docs/a.md", &machine, 1),
            ("testdata/a.log", &machine, 0),
            ("src/a.rs", &home, 0),
            (".ci/run", &home, 1),
            ("Cargo.toml", &home, 1),
            ("content/rules/a.yml", &home, 0),
            ("src/a.rs", &ignored, 1),
            ("docs/a.md", &ignored, 0),
            ("tests/a.rs", &sleeping, 1),
            ("src/a.rs", &format!("{ignored}\n\n{sleeping}"), 2),
            ("Cargo.lock", &"source = \"registry+https://github.com/rust-lang/crates.io-index\"".to_owned(), 0),
            ("Cargo.lock", &"source = \"git+https://example.org/x\"".to_owned(), 1),
            (".cargo/config.toml", &join(("[sour", "ce.crates-io]")), 1),
        ] {
            let found = content(path, text);
            assert_eq!(found.len(), wanted, "{path}: {found:?}");
        }
        assert_eq!(content("src/a.rs", &format!("\n{ignored}"))[0].split(": ").next(), Some("src/a.rs:2"));
    }

    #[test]
    fn names_must_say_something() {
        for (path, bad) in [
            ("src/utils.rs", true),
            ("src/helpers/mod.rs", true),
            ("src/output/text.rs", false),
            ("docs/utils.md", false),
            ("stages/decode/src/utilisation.rs", false),
        ] {
            assert_eq!(name(path).is_some(), bad, "{path}");
        }
    }

    #[test]
    fn arrows_point_one_way() {
        let manifest =
            |name: &str, rest: &str| -> Table { format!("[package]\nname = \"{name}\"\n{rest}").parse().unwrap() };
        let check = |path: &str, rest: &str| {
            let mut all = BTreeMap::from([
                ("Cargo.toml".to_owned(), manifest("shieldwall", "")),
                ("base/schema/Cargo.toml".to_owned(), manifest("schema", "")),
                ("base/learn/Cargo.toml".to_owned(), manifest("learn", "")),
                ("stages/decode/Cargo.toml".to_owned(), manifest("decode", "")),
                ("stages/detect/Cargo.toml".to_owned(), manifest("detect", "")),
            ]);
            let name = all[path].get("package").unwrap().get("name").unwrap().as_str().unwrap().to_owned();
            all.insert(path.to_owned(), manifest(&name, rest));
            arrows(&all).into_iter().map(|found| found.rsplit(": ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let stage = "no stage depends on a stage";
        for (path, rest, wanted) in [
            ("stages/detect/Cargo.toml", "[dependencies]\nschema = {}\nlearn = {}\nserde = \"1\"", None),
            ("stages/detect/Cargo.toml", "[dependencies]\ndecode.workspace = true", Some(stage)),
            ("stages/detect/Cargo.toml", "[dev-dependencies]\ndecode = {}", Some(stage)),
            ("stages/detect/Cargo.toml", "[build-dependencies]\nx = { package = \"decode\" }", Some(stage)),
            ("stages/detect/Cargo.toml", "[target.'cfg(unix)'.dependencies]\ndecode = {}", Some(stage)),
            ("base/schema/Cargo.toml", "[dependencies]\nlearn = {}", Some("schema depends on nothing of ours")),
            ("base/schema/Cargo.toml", "[dependencies]\ndecode = {}", Some("schema depends on nothing of ours")),
            ("base/learn/Cargo.toml", "[dependencies]\ndecode = {}", Some("base knows no stage")),
            ("stages/detect/Cargo.toml", "[dependencies]\nshieldwall = {}", Some("nothing depends on the program")),
            ("Cargo.toml", "[dependencies]\ndecode = {}\ndetect = {}", None),
        ] {
            assert_eq!(check(path, rest), wanted.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{path} {rest}");
        }
    }

    #[test]
    fn packages_take_licence_and_lints_from_the_workspace() {
        let whole = "[package]\nname = \"x\"\nlicense.workspace = true\nedition.workspace = true\nversion.workspace = true\n\
            [lints]\nworkspace = true\n";
        let count = |text: &str| package("stages/x/Cargo.toml", &text.parse().unwrap()).len();
        assert_eq!(count(whole), 0);
        assert_eq!(count(&whole.replace("license.workspace = true\n", "")), 1);
        assert_eq!(count(&whole.replace("license.workspace = true", "license = \"MIT\"")), 1);
        assert_eq!(count(&whole.replace("[lints]\nworkspace = true\n", "")), 1);
        assert_eq!(count("[workspace]\nmembers = []\n"), 0);
    }

    #[test]
    fn without_git_every_file_is_looked_at() {
        let files = walk(&crate::root().join("xtask")).unwrap();
        assert!(files.iter().any(|file| file == "src/tidy.rs"), "{files:?}");
    }
}
