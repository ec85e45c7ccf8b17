//! The policy in force: named on the command line, of the data directory, or the one that comes with the program.

use std::path::Path;

use anyhow::{Context, Result};
use shieldwall_trust::registry::Policy;

use crate::home::Home;

/// What the program asks for unless told otherwise.
const BUILTIN: &str = include_str!("../../../content/policies/models.toml");

/// Reads the policy in force.
///
/// # Errors
/// When it cannot be read or is none.
pub fn read(home: &Home, path: Option<&Path>) -> Result<Policy> {
    let own = home.root().join("policies/models.toml");
    let path = path.or_else(|| own.exists().then_some(own.as_path()));
    let Some(path) = path else { return Ok(Policy::read(BUILTIN)?) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the policy `{}`", path.display()))?;
    Policy::read(&text).with_context(|| format!("`{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_policy_asks_for_all_gates_and_a_second_person() {
        let policy = Policy::read(BUILTIN).unwrap();
        assert_eq!((policy.gates.len(), policy.approvers), (8, 2));
    }
}
