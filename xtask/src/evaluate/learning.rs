//! `cargo xtask learning [NAME…]`: how good the learned parts are, on splits that hide whole families, attack types or later times.
//!
//! Each section trains throw-away models inside the given data and judges them on what they have not seen, with trivial
//! baselines beside; its text names data, split and seed. All sections stand in EVALUATION.md.

mod attack;
mod budget;
mod calibration;
mod command;
mod data_check;
mod domain;
mod forecast;
mod http;
mod script;
mod sequence;
mod stream;
mod tabular;
mod tail;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Writes one section: the data folder in, Markdown out.
type Section = fn(&Path) -> Result<String>;

/// Name → section, in the order of the report.
const SECTIONS: &[(&str, Section)] = &[
    ("tabular", tabular::section),
    ("sequence", sequence::section),
    ("domain", domain::section),
    ("http", http::section),
    ("command", command::section),
    ("script", script::section),
    ("forecast", forecast::section),
    ("tail", tail::section),
    ("calibration", calibration::section),
    ("budget", budget::section),
    ("data-check", data_check::section),
    ("attack", attack::section),
];

/// Prints the sections named, or all.
///
/// # Errors
/// When a name is unknown or data are missing.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let names: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(unknown) = names.iter().find(|name| SECTIONS.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        bail!("no section `{unknown}`: there are {}", known.join(", "));
    }
    let data = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| crate::root().join("../shared/data"), PathBuf::from);
    for (name, section) in SECTIONS {
        if names.is_empty() || names.iter().any(|asked| asked == name) {
            println!("{}", section(&data)?);
        }
    }
    Ok(())
}

/// All sections under one heading.
///
/// # Errors
/// When data are missing.
pub fn section(data: &Path) -> Result<String> {
    let mut text = String::from(
        "\n## Learning\n\nThrow-away models, trained inside the given data and judged on what they have not seen: \
         `cargo xtask learning [NAME]` prints each part alone.\n",
    );
    for (_, section) in SECTIONS {
        text.push_str(&section(data)?);
    }
    Ok(text)
}
