//! What would be done: typed, pure, with one spelling and therefore one hash.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shieldwall_trust::Hash;

use crate::net::Net;
use crate::words;

/// Bytes of a plan file that are read: 32 targets and their reasons take 10 KiB.
pub const PLAN_BYTES_MAX: u64 = 256 << 10;

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

impl Transport {
    /// Its name, as nftables spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A port of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Of which protocol.
    pub transport: Transport,
    /// Its number.
    pub port: u16,
}

/// A process, by what a reused number does not share with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started: clock ticks since boot, field 22 of `/proc/PID/stat`.
    pub start_ticks: u64,
    /// SHA-256 of its executable in hexadecimal.
    pub exe_sha256: String,
}

/// One thing to do. A closed list: what is not here cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Drop every packet from and to the targets, or only those from them to some ports of this machine.
    Block {
        /// Whom.
        targets: Vec<Net>,
        /// Only to these ports; empty: everything.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ports: Vec<Port>,
        /// For how long; the kernel lifts it by itself.
        seconds: u64,
    },
    /// Drop every packet from and to this machine, except from and to the protected and these.
    Isolate {
        /// Who manages this machine.
        keep: Vec<Net>,
        /// For how long; the kernel lifts it by itself.
        seconds: u64,
    },
    /// Stop a process where it is (`SIGSTOP`); it can go on.
    StopProcess {
        /// Which.
        process: Process,
    },
    /// End a process. Cannot be undone.
    KillProcess {
        /// Which.
        process: Process,
    },
    /// Lock a user's password and end the account: no new login by any way.
    LockUser {
        /// The login name.
        user: String,
    },
    /// End a user's sessions. Cannot be undone.
    EndSessions {
        /// The login name.
        user: String,
    },
    /// Stop a service.
    StopService {
        /// The systemd unit: `nginx.service`.
        unit: String,
    },
    /// Put a file where nobody can run it.
    Quarantine {
        /// The file, by its absolute path.
        path: PathBuf,
        /// SHA-256 in hexadecimal: another file at that place is not touched.
        sha256: String,
    },
    /// Tell somebody by a message to an address that the operator has set up. Cannot be undone.
    Notify {
        /// The name of the address in the policy.
        hook: String,
    },
    /// Run a command that the operator has set up, with values for its places.
    Command {
        /// The name of the template in the policy.
        template: String,
        /// Values for `{NAME}` in it.
        #[serde(default)]
        values: BTreeMap<String, String>,
    },
}

impl Step {
    /// Whether the state before can be had back.
    pub fn is_reversible(&self) -> bool {
        !matches!(
            self,
            Self::KillProcess { .. } | Self::EndSessions { .. } | Self::Notify { .. } | Self::Command { .. }
        )
    }

    /// Whether something holds afterwards. What does not last may be done again: a message, a user's new sessions.
    pub fn lasts(&self) -> bool {
        self.is_reversible()
    }

    /// Seconds after which it ends by itself; `None` if it does not.
    pub fn seconds(&self) -> Option<u64> {
        match self {
            Self::Block { seconds, .. } | Self::Isolate { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }

    /// The verb, as it is spelled in a plan: what a policy allows or not.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Block { .. } => "block",
            Self::Isolate { .. } => "isolate",
            Self::StopProcess { .. } => "stop_process",
            Self::KillProcess { .. } => "kill_process",
            Self::LockUser { .. } => "lock_user",
            Self::EndSessions { .. } => "end_sessions",
            Self::StopService { .. } => "stop_service",
            Self::Quarantine { .. } => "quarantine",
            Self::Notify { .. } => "notify",
            Self::Command { .. } => "command",
        }
    }

    /// The MITRE D3FEND technique: id and name.
    pub const fn d3fend(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Block { .. } => Some(("D3-NTF", "Network Traffic Filtering")),
            Self::Isolate { .. } => Some(("D3-NI", "Network Isolation")),
            Self::StopProcess { .. } => Some(("D3-PS", "Process Suspension")),
            Self::KillProcess { .. } => Some(("D3-PT", "Process Termination")),
            Self::LockUser { .. } => Some(("D3-AL", "Account Locking")),
            Self::EndSessions { .. } => Some(("D3-ST", "Session Termination")),
            Self::StopService { .. } => Some(("D3-PT", "Process Termination")),
            Self::Quarantine { .. } => Some(("D3-CQ", "Content Quarantine")),
            Self::Notify { .. } | Self::Command { .. } => None,
        }
    }
}

/// What would be done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The incident that it answers.
    pub incident: String,
    /// The machine that it is for: its name in lower case, without the domain. `None`: any, as for a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
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

    /// In plain words: what it does, what it touches, why it is safe, how it ends, how to undo it.
    pub fn words(&self) -> Vec<String> {
        words::of(&self.step)
    }
}

/// Bytes that are no plan.
#[derive(Debug, thiserror::Error)]
#[error("no plan: {0}")]
pub struct NoPlan(String);
