//! What would be done: typed, pure, with one spelling and therefore one hash.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shieldwall_trust::Hash;

use crate::net::Net;

/// Bytes of a plan file that are read: 32 targets and their reasons take 10 KiB.
pub const PLAN_BYTES_MAX: u64 = 256 << 10;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Drop every packet from and to the targets.
    Block {
        /// Whom.
        targets: Vec<Net>,
        /// For how long; the kernel lifts it by itself.
        seconds: u64,
    },
    /// Put a file where nobody can run it.
    Quarantine {
        /// The file, by its absolute path.
        path: PathBuf,
        /// SHA-256 in hexadecimal: another file at that place is not touched.
        sha256: String,
    },
}

/// What would be done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The incident that it answers.
    pub incident: String,
    /// What.
    pub step: Step,
    /// Ids of the findings that speak for it.
    pub findings: Vec<String>,
    /// When it was made: milliseconds since 1970, UTC. Two plans of the same deed at two times are two plans.
    pub made_ms: i64,
}

impl Plan {
    /// Its one spelling.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists always serialise; a path that is no UTF-8 gives an empty text, which nothing accepts.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// When the bytes are no plan, too many, or a field is unknown.
    pub fn read(bytes: &[u8]) -> Result<Self, NoPlan> {
        if bytes.len() as u64 > PLAN_BYTES_MAX {
            return Err(NoPlan("longer than any plan".to_owned()));
        }
        serde_json::from_slice(bytes).map_err(|error| NoPlan(error.to_string()))
    }

    /// Its name, and what an approval is bound to: SHA-256 of [`to_json`](Self::to_json).
    pub fn hash(&self) -> Hash {
        Hash::of(self.to_json().as_bytes())
    }

    /// In plain words: what it does, how it ends, how to undo it.
    pub fn words(&self) -> Vec<String> {
        match &self.step {
            Step::Block { targets, seconds } => vec![
                format!(
                    "block {} for {}",
                    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                    duration(*seconds)
                ),
                "touches: the kernel table `inet shieldwall` of this machine, no other rule; live connections to them stop"
                    .to_owned(),
                "why safe: loopback, own addresses, gateway, DNS, NTP, live sessions and your list are protected twice, here and by an allow rule in the kernel"
                    .to_owned(),
                format!("ends: by itself after {}, even if nothing of ours runs", duration(*seconds)),
                "undo: `shieldwall undo PLAN`; the rules are then as before".to_owned(),
            ],
            Step::Quarantine { path, .. } => vec![
                format!("quarantine {}", path.display()),
                "not yet: nothing applies it; move the file yourself".to_owned(),
            ],
        }
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// Bytes that are no plan.
#[derive(Debug, thiserror::Error)]
#[error("no plan: {0}")]
pub struct NoPlan(String);
