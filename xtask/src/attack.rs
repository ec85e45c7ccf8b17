//! `cargo xtask attack`: the words for ATT&CK techniques, as `base/schema/src/ocsf/attack_table.rs`.
//!
//! Reads a list of objects with `id`, `name` and `tactics`; writes (id, name, tactics) sorted by id, with the notice that
//! the ATT&CK terms of use ask for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Generates the table, and writes or checks it.
pub fn run(list: &Path, table: &Path, check: bool) -> Result<()> {
    let bytes = fs::read(list).with_context(|| format!("cannot read `{}`", list.display()))?;
    let list: Vec<Value> = serde_json::from_slice(&bytes).context("not a JSON list")?;
    crate::write_or_check(table, &generate(&list)?, check)
}

fn generate(list: &[Value]) -> Result<String> {
    let mut names = BTreeMap::new();
    for technique in list {
        let id = technique["id"].as_str().context("technique without id")?;
        let name = technique["name"].as_str().context("technique without name")?;
        let tactics = technique["tactics"].as_array().context("technique without tactics")?;
        let tactics: Vec<&str> = tactics.iter().filter_map(Value::as_str).collect();
        names.insert(id, (name, tactics.join(" ")));
    }
    let mut out = "// Written by `cargo xtask attack`; do not edit.\n\
        //! Names and tactics of the techniques of MITRE ATT&CK v18 (Enterprise).\n\
        //!\n\
        //! © 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.\n\
        //! MITRE ATT&CK and ATT&CK are registered trademarks of The MITRE Corporation.\n\n\
        /// Version of ATT&CK.\npub const VERSION: &str = \"18\";\n\n\
        /// Technique id, name, tactics (as tags name them, with blanks between); sorted by id.\n\
        pub(super) static TECHNIQUES: &[(&str, &str, &str)] = &[\n"
        .to_owned();
    for (id, (name, tactics)) in names {
        writeln!(out, "    ({id:?}, {name:?}, {tactics:?}),")?;
    }
    out.push_str("];\n");
    Ok(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_sorted_and_quoted() {
        let list = serde_json::json!([{"id": "T2", "name": "b \"q\"", "tactics": ["x", "y"]}, {"id": "T1", "name": "a", "tactics": []}]);
        let text = super::generate(list.as_array().unwrap()).unwrap();
        assert!(text.ends_with("    (\"T1\", \"a\", \"\"),\n    (\"T2\", \"b \\\"q\\\"\", \"x y\"),\n];\n"), "{text}");
    }
}
