//! `cargo xtask ocsf --validate FILE`: checks OCSF events, one JSON object a line, against the table.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_schema::ocsf::validate::validate;

/// Prints every error as `line: path: what` and fails if there is one.
pub fn run(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let (events, errors) = check(&text);
    for error in &errors {
        println!("{error}");
    }
    if !errors.is_empty() {
        bail!("{} errors in {events} events", errors.len());
    }
    println!("{events} events are valid OCSF");
    Ok(())
}

fn check(text: &str) -> (usize, Vec<String>) {
    let mut errors = Vec::new();
    let mut events = 0;
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        events += 1;
        match serde_json::from_str::<Value>(line) {
            Ok(event) => errors.extend(validate(&event).iter().map(|error| format!("{}: {error}", at + 1))),
            Err(error) => errors.push(format!("{}: is not JSON: {error}", at + 1)),
        }
    }
    (events, errors)
}

#[cfg(test)]
mod tests {
    #[test]
    fn errors_name_their_line() {
        let (events, errors) = super::check("{\"class_uid\":1}\n\nnonsense\n");
        assert_eq!(events, 2);
        assert_eq!(errors.first().map(String::as_str), Some("1: class_uid: names no class"));
        assert!(errors.last().is_some_and(|error| error.starts_with("3: is not JSON")));
    }
}
