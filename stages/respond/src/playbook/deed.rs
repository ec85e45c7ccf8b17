//! Our extension: what we would do for a step, on whom, who must say yes, and how it ends.
//!
//! The file stays valid CACAO elsewhere: another program sees a `manual` command and an extension that it does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::Facts;
use super::graph::ROUNDS_MAX;
use crate::plan::{Port, Step};

/// The extension's id: UUID version 5 of `shieldwall cacao extension respond 1` in the URL name space.
pub const EXTENSION: &str = "extension-definition--29e2a1ce-90bd-5ab2-9e91-3b401c57108a";

/// What we would do for an action step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deed {
    /// The verb of a plan's step.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// To whom; bound when an incident is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Source>,
    /// For how long, where it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Only to these ports of this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// The unit, hook or template that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Values of the template's places.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Who must say yes.
    pub approval: Approval,
    /// The guards that matter here, for people to read. All guards are always on; none can be left out.
    pub guards: Vec<Guard>,
    /// How to take it back, in words.
    pub undo: String,
    /// The D3FEND technique; must be the one of the verb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d3fend: Option<String>,
}

/// The verbs of [`Step`], as it spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// [`Step::Block`]
    Block,
    /// [`Step::Isolate`]
    Isolate,
    /// [`Step::StopProcess`]
    StopProcess,
    /// [`Step::KillProcess`]
    KillProcess,
    /// [`Step::LockUser`]
    LockUser,
    /// [`Step::EndSessions`]
    EndSessions,
    /// [`Step::StopService`]
    StopService,
    /// [`Step::Quarantine`]
    Quarantine,
    /// [`Step::Notify`]
    Notify,
    /// [`Step::Command`]
    Command,
}

/// Where the targets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Addresses of the public network.
    #[serde(rename = "incident.addresses.outside")]
    AddressesOutside,
    /// Accounts.
    #[serde(rename = "incident.users")]
    Users,
    /// Accounts that were let in: a name that was only tried is nobody's fault.
    #[serde(rename = "incident.users.let-in")]
    UsersLetIn,
    /// Files with a path and a SHA-256.
    #[serde(rename = "incident.files")]
    Files,
    /// Processes.
    #[serde(rename = "incident.processes")]
    Processes,
}

/// Who must say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// A person, each time.
    Ask,
    /// Nobody, if the operator's policy allows it and no guard asks: timed, narrow, reversible.
    AutoReversible,
}

/// Guards by name; see `guard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// The protected set.
    Protected,
    /// How many and how wide.
    BlastRadius,
    /// How often in ten minutes, and for one incident.
    Rate,
    /// Who has used it rightly before.
    OwnPeople,
    /// Nothing is done twice.
    Twice,
}

/// The bound of a `while`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loop {
    /// Rounds at most.
    pub rounds: u64,
}

/// What a playbook answers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Its short name, for the command line.
    pub name: String,
    /// ATT&CK techniques; one without a part stands for all its parts.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// ATT&CK tactics by short name; they only order what techniques and rules chose.
    #[serde(default)]
    pub tactics: Vec<String>,
    /// Ids of rules.
    #[serde(default)]
    pub rules: Vec<String>,
}

/// What a deed comes to for one incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Steps of plans.
    pub steps: Vec<Step>,
    /// What is left out, and why.
    pub left_out: Vec<String>,
}

impl Deed {
    /// Reads and checks it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(value: &Value) -> Result<Self, String> {
        let deed: Self = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let (verb, timed) = (deed.verb, matches!(deed.verb, Verb::Block | Verb::Isolate));
        let sources: &[Option<Source>] = match verb {
            Verb::Block => &[Some(Source::AddressesOutside)],
            Verb::StopProcess | Verb::KillProcess => &[Some(Source::Processes)],
            Verb::LockUser | Verb::EndSessions => &[Some(Source::Users), Some(Source::UsersLetIn)],
            Verb::Quarantine => &[Some(Source::Files)],
            Verb::Isolate | Verb::StopService | Verb::Notify | Verb::Command => &[None],
        };
        let named = matches!(verb, Verb::StopService | Verb::Notify | Verb::Command);
        let fault = if !sources.contains(&deed.of) {
            Some("`of` does not fit `do`")
        } else if deed.seconds.is_some_and(|seconds| seconds > 0) != timed {
            Some("`seconds` stands with `block` and `isolate`, and nowhere else")
        } else if deed.name.as_ref().is_some_and(|name| !name.is_empty()) != named {
            Some("`name` stands with `stop_service`, `notify` and `command`, and nowhere else")
        } else if !deed.ports.is_empty() && verb != Verb::Block {
            Some("`ports` stand with `block` alone")
        } else if !deed.values.is_empty() && verb != Verb::Command {
            Some("`values` stand with `command` alone")
        } else if deed.approval == Approval::AutoReversible && verb != Verb::Block {
            Some("`auto-reversible` is for what is timed, narrow and reversible: `block`")
        } else if deed.guards.is_empty() || deed.undo.trim().is_empty() {
            Some("`guards` and `undo` must say something")
        } else if deed.d3fend.as_deref() != deed.sample().d3fend().map(|(id, _)| id) {
            Some("`d3fend` is not the technique of `do`")
        } else {
            None
        };
        fault.map_or(Ok(deed), |words| Err(words.to_owned()))
    }

    /// The plan's step without its targets.
    fn sample(&self) -> Step {
        let process = || crate::plan::Process { pid: 0, start_ticks: 0, exe_sha256: String::new() };
        let name = || self.name.clone().unwrap_or_default();
        let seconds = self.seconds.unwrap_or(0);
        match self.verb {
            Verb::Block => Step::Block { targets: Vec::new(), ports: self.ports.clone(), seconds },
            Verb::Isolate => Step::Isolate { keep: Vec::new(), seconds },
            Verb::StopProcess => Step::StopProcess { process: process() },
            Verb::KillProcess => Step::KillProcess { process: process() },
            Verb::LockUser => Step::LockUser { user: String::new() },
            Verb::EndSessions => Step::EndSessions { user: String::new() },
            Verb::StopService => Step::StopService { unit: name() },
            Verb::Quarantine => Step::Quarantine { path: Default::default(), sha256: String::new() },
            Verb::Notify => Step::Notify { hook: name() },
            Verb::Command => Step::Command { template: name(), values: self.values.clone() },
        }
    }

    /// What it comes to for an incident. Guards come later; only what cannot be named is left out here.
    pub fn bind(&self, facts: &Facts) -> Bound {
        let mut out = Bound::default();
        let users = if self.of == Some(Source::UsersLetIn) { &facts.let_in } else { &facts.users };
        match (self.verb, self.sample()) {
            (_, Step::Block { ports, seconds, .. }) => {
                let targets = facts.outside.clone();
                if targets.is_empty() {
                    out.left_out.push("the incident has no address of the public network".to_owned());
                } else {
                    out.steps.push(Step::Block { targets, ports, seconds });
                }
            }
            (Verb::LockUser, _) => {
                out.steps.extend(users.iter().map(|user| Step::LockUser { user: user.clone() }));
            }
            (Verb::EndSessions, _) => {
                out.steps.extend(users.iter().map(|user| Step::EndSessions { user: user.clone() }));
            }
            (Verb::Quarantine, _) => {
                let all = facts.files.iter().cloned();
                out.steps.extend(all.map(|(path, sha256)| Step::Quarantine { path: path.into(), sha256 }));
            }
            (Verb::StopProcess | Verb::KillProcess, _) => {
                let why = "start time and executable are not in the logs: look at the living process";
                out.left_out.extend(facts.processes.iter().map(|id| format!("process {id}: {why}")));
            }
            (_, step) => out.steps.push(step),
        }
        if out.steps.is_empty() && out.left_out.is_empty() {
            let what = match self.of {
                Some(Source::Files) => "file with a path and a SHA-256",
                Some(Source::Processes) => "process",
                Some(Source::UsersLetIn) => "account that was let in",
                _ => "account",
            };
            out.left_out.push(format!("the incident has no {what}"));
        }
        out
    }
}

impl Loop {
    /// Reads and checks it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(value: &Value) -> Result<Self, String> {
        let bound: Self = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        if (1..=ROUNDS_MAX).contains(&bound.rounds) {
            Ok(bound)
        } else {
            Err(format!("`rounds` goes from 1 to {ROUNDS_MAX}"))
        }
    }
}

impl Selector {
    /// Reads and checks it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(value: &Value) -> Result<Self, String> {
        let selector: Self = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let plain = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if plain(&selector.name) { Ok(selector) } else { Err("`name` has small letters, digits and `-`".to_owned()) }
    }
}
