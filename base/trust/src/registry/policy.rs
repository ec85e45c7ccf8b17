//! What must be shown before a model may act: a file of the user's, in TOML.
//!
//! ```toml
//! version = 1
//! approvers = 2                # different keys that must approve what becomes active
//! evidence_days_max = 30       # older evidence is stale
//! signers = []                 # key ids whose evidence counts; none: the keys that this machine believes
//! approver_keys = []           # key ids that may approve; none: any key
//!
//! [gates.scan]                 # signed evidence that the gate passed
//! from = "shadow"              # needed from this stage on: shadow, canary or active
//!
//! [gates.heldout]
//! min = { recall = 0.5 }       # figures of the evidence that must be at least this
//! max = { false_alarms = 0.01 }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Stage;
use crate::artifact::Hash;

/// Bytes of a policy that are read.
pub const POLICY_BYTES_MAX: usize = 64 << 10;
/// Gates of a policy.
pub const GATES_MAX: usize = 64;

/// What must be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// SHA-256 of the file: evidence says under which policy it was taken.
    pub hash: Hash,
    /// Different keys that must approve what becomes active.
    pub approvers: usize,
    /// Age beyond which evidence is stale, in milliseconds.
    pub evidence_age_ms_max: i64,
    /// Ids of the keys whose evidence counts; empty: every key that the caller believes.
    pub signers: Vec<String>,
    /// Ids of the keys that may approve; empty: every key.
    pub approver_keys: Vec<String>,
    /// The gates by name.
    pub gates: BTreeMap<String, Gate>,
}

/// What one gate's evidence must show.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The first stage that needs it.
    pub from: Stage,
    /// Figures and the least that they may be.
    pub min: BTreeMap<String, f64>,
    /// Figures and the most that they may be.
    pub max: BTreeMap<String, f64>,
}

/// A text that is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy: {0}")]
pub struct NoPolicy(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    approvers: usize,
    #[serde(default = "days")]
    evidence_days_max: u32,
    #[serde(default)]
    signers: Vec<String>,
    #[serde(default)]
    approver_keys: Vec<String>,
    gates: BTreeMap<String, Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    min: BTreeMap<String, f64>,
    #[serde(default)]
    max: BTreeMap<String, f64>,
}

/// A month: what was found of a model is found again after a tool learned new tricks.
fn days() -> u32 {
    30
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// When it is none, says something unknown, or asks for nothing.
    pub fn read(text: &str) -> Result<Self, NoPolicy> {
        let no = |why: &str| NoPolicy(why.to_owned());
        if text.len() > POLICY_BYTES_MAX {
            return Err(no("too long"));
        }
        let file: File = toml::from_str(text).map_err(|error| NoPolicy(error.to_string().trim_end().to_owned()))?;
        if file.version != 1 {
            return Err(no("its version is not 1"));
        }
        if file.gates.is_empty() || file.gates.len() > GATES_MAX {
            return Err(NoPolicy(format!("it has {} gates; from 1 to {GATES_MAX} are meant", file.gates.len())));
        }
        let mut gates = BTreeMap::new();
        for (name, written) in file.gates {
            if !is_gate_name(&name) {
                return Err(NoPolicy(format!("`{name}` cannot name a gate: use small letters, digits and `_`")));
            }
            let from = match written.from.as_deref() {
                None => Stage::Active,
                Some(word) => Stage::of(word)
                    .filter(|stage| matches!(stage, Stage::Shadow | Stage::Canary | Stage::Active))
                    .ok_or_else(|| NoPolicy(format!("gate `{name}`: no stage `{word}`: shadow, canary or active")))?,
            };
            if written.min.values().chain(written.max.values()).any(|value| !value.is_finite()) {
                return Err(NoPolicy(format!("gate `{name}`: a limit is no finite number")));
            }
            gates.insert(name, Gate { from, min: written.min, max: written.max });
        }
        Ok(Self {
            hash: Hash::of(text.as_bytes()),
            approvers: file.approvers,
            evidence_age_ms_max: i64::from(file.evidence_days_max) * 86_400_000,
            signers: file.signers,
            approver_keys: file.approver_keys,
            gates,
        })
    }

    /// The gates that a stage needs.
    pub fn gates_of(&self, stage: Stage) -> impl Iterator<Item = (&str, &Gate)> {
        self.gates.iter().filter(move |(_, gate)| gate.from <= stage).map(|(name, gate)| (name.as_str(), gate))
    }
}

/// Whether a word can name a gate: it becomes part of a URI and of a file's name.
pub fn is_gate_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_what_each_stage_needs() {
        let text =
            "version = 1\napprovers = 2\n[gates.scan]\nfrom = \"shadow\"\n[gates.heldout]\nmin = { recall = 0.5 }\n";
        let policy = Policy::read(text).unwrap();
        assert_eq!(policy.gates_of(Stage::Shadow).map(|(name, _)| name).collect::<Vec<_>>(), ["scan"]);
        assert_eq!(policy.gates_of(Stage::Active).count(), 2);
        assert_eq!((policy.approvers, policy.hash), (2, Hash::of(text.as_bytes())));
    }

    #[test]
    fn what_is_no_policy_is_refused_with_a_reason() {
        for (text, why) in [
            ("", "missing field"),
            ("version = 2\napprovers = 0\n[gates.scan]\n", "version is not 1"),
            ("version = 1\napprovers = 0\n[gates]\n", "0 gates"),
            ("version = 1\napprovers = -1\n[gates.scan]\n", "invalid value"),
            ("version = 1\napprovers = 0\nskip = true\n[gates.scan]\n", "unknown field"),
            ("version = 1\napprovers = 0\n[gates.scan]\nfrom = \"retired\"\n", "no stage"),
            ("version = 1\napprovers = 0\n[gates.\"../x\"]\n", "cannot name a gate"),
            ("version = 1\napprovers = 0\n[gates.scan]\nmin = { a = nan }\n", "finite"),
            ("version = 1\napprovers = 0\n[gates.scan]\n[gates.scan]\n", "duplicate"),
            ("\u{0}\u{fffd}", "policy"),
            (&"[".repeat(5000), "policy"),
            (&" ".repeat(POLICY_BYTES_MAX + 1), "too long"),
        ] {
            let error = Policy::read(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text:.80}: {error}");
        }
    }
}
