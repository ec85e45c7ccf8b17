//! What the operator allows: a file that only the operator can write, read by the actuator and nobody else.
//!
//! ```toml
//! operators = ["operator.pem"]          # public keys beside this file; their approvals count
//! callers = [998]                       # user ids that may speak to the actuator's socket, besides root
//! verbs = ["block", "quarantine"]       # what may be done at all; left out: everything that can be undone
//! [protect]
//! nets = ["198.51.100.0/28"]
//! users = ["backup"]
//! units = ["postgresql"]
//! management_ports = [2222]
//! never_auto = ["203.0.113.0/24"]       # proxies, CDN, NAT, mail relays: one address, many people
//! [limits]
//! targets = 32
//! [hooks]
//! pager = "http://127.0.0.1:9000/alert"
//! [commands.vlan]
//! argv = ["/usr/local/bin/vlan", "--move", "{host}"]
//! undo = ["/usr/local/bin/vlan", "--back", "{host}"]
//! seconds = 20
//! [auto]                                # counts only with `actuator.toml.approval` beside it, signed by an operator
//! verbs = ["block"]
//! seconds = 3600
//! p = 0.001
//! per_hour = 5
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use shieldwall_trust::Hash;
use shieldwall_trust::key::{PublicKey, SecretKey};
use shieldwall_trust::registry::sealed;

use crate::guard::{Limits, Protected};
use crate::net::Net;

/// Bytes of a policy that are read: thousands of networks fit.
pub const POLICY_BYTES_MAX: u64 = 1 << 20;

/// Operators that a policy names at most: each is asked for each signature.
const OPERATORS_MAX: usize = 16;

/// The kind of statement that puts the `[auto]` section in force.
const PREDICATE: &str = "https://shieldwall.dev/policy/v1";

/// What may be done without a person.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// Which verbs.
    pub verbs: Vec<String>,
    /// The longest, in seconds.
    pub seconds: u64,
    /// The highest odds of chance.
    pub p: f64,
    /// Actions of any kind within an hour after which a person is asked.
    pub per_hour: usize,
    /// Networks that stand for many; filled from `protect.never_auto`.
    #[serde(skip)]
    pub never: Vec<Net>,
}

/// A command that the operator has set up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Program and arguments, with `{NAME}` for values.
    pub argv: Vec<String>,
    /// The same for undoing.
    pub undo: Option<Vec<String>>,
    /// What ends with status 0 if, and only if, it holds. Without it the command's own status is believed.
    pub verify: Option<Vec<String>>,
    /// How long it may take.
    #[serde(default = "template_seconds")]
    pub seconds: u64,
}

fn template_seconds() -> u64 {
    10
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Protect {
    nets: Vec<Net>,
    users: Vec<String>,
    units: Vec<String>,
    management_ports: Vec<u16>,
    never_auto: Vec<Net>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    targets: Option<usize>,
    prefix4: Option<u8>,
    prefix6: Option<u8>,
    rate: Option<usize>,
    per_incident: Option<usize>,
    seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    operators: Vec<PathBuf>,
    callers: Vec<u32>,
    verbs: Option<Vec<String>>,
    protect: Protect,
    limits: Wanted,
    hooks: BTreeMap<String, String>,
    commands: BTreeMap<String, Template>,
    auto: Option<Auto>,
}

/// A policy that was read and checked.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whose approvals count.
    pub operators: Vec<PublicKey>,
    /// Who may speak to the socket, besides root.
    pub callers: Vec<u32>,
    verbs: Option<Vec<String>>,
    nets: Vec<Net>,
    users: Vec<String>,
    units: Vec<String>,
    /// Management ports beyond the usual.
    pub management_ports: Vec<u16>,
    /// Limits.
    pub limits: Limits,
    /// Addresses that messages go to.
    pub hooks: BTreeMap<String, String>,
    /// Commands.
    pub commands: BTreeMap<String, Template>,
    /// What may be done without a person; `None` where nothing may, or where nobody signed it.
    pub auto: Option<Auto>,
    /// What is in the file and does not count, in words.
    pub notes: Vec<String>,
}

/// Why a policy is none.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("the policy `{0}`: {1}")]
    Io(PathBuf, std::io::Error),
    /// Somebody else than its owner could have written it.
    #[error("the policy `{0}` {1}: nothing is done by a file that others can write")]
    Open(PathBuf, String),
    /// It is none.
    #[error("the policy `{0}`: {1}")]
    Format(PathBuf, String),
}

impl Policy {
    /// The usual limits and nothing more, on the word of these operators.
    pub fn of(operators: Vec<PublicKey>) -> Self {
        Self { operators, ..Self::default() }
    }

    /// Reads a policy that `owner` (root: 0) alone can write.
    ///
    /// # Errors
    /// When it cannot be read, others can write it or its folder, or something in it is unknown or wrong.
    pub fn load(path: &Path, owner: u32, now_ms: i64) -> Result<Self, PolicyError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        private(folder, owner)?;
        let text = read(path, owner)?;
        let wrong = |why: String| PolicyError::Format(path.to_owned(), why);
        let written: Written = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        if written.operators.len() > OPERATORS_MAX {
            return Err(wrong(format!("more than {OPERATORS_MAX} operators")));
        }
        let mut policy = Self {
            callers: written.callers,
            verbs: written.verbs,
            nets: written.protect.nets,
            users: written.protect.users,
            units: written.protect.units,
            management_ports: written.protect.management_ports,
            hooks: written.hooks,
            commands: written.commands,
            ..Self::default()
        };
        for name in &written.operators {
            let text = read(&folder.join(name), owner)?;
            let key = PublicKey::from_pem(&text).map_err(|error| wrong(format!("{}: {error}", name.display())))?;
            policy.operators.push(key);
        }
        let (usual, wanted) = (Limits::default(), written.limits);
        policy.limits = Limits {
            targets: wanted.targets.unwrap_or(usual.targets),
            prefix4: wanted.prefix4.unwrap_or(usual.prefix4).max(8),
            prefix6: wanted.prefix6.unwrap_or(usual.prefix6).max(32),
            rate: wanted.rate.unwrap_or(usual.rate),
            per_incident: wanted.per_incident.unwrap_or(usual.per_incident),
            seconds: wanted.seconds.unwrap_or(usual.seconds),
        };
        if let Some(auto) = written.auto {
            match signed(path, &text, &policy.operators, owner, now_ms) {
                Ok(()) => policy.auto = Some(Auto { never: written.protect.never_auto, ..auto }),
                Err(why) => policy.notes.push(format!("[auto] does not count: {why}")),
            }
        }
        Ok(policy)
    }

    /// Why a verb may not be used, if so.
    pub fn forbids(&self, step: &crate::plan::Step) -> Option<String> {
        let allowed = match &self.verbs {
            Some(verbs) => verbs.iter().any(|verb| verb == step.verb()),
            None => step.is_reversible(),
        };
        let why = match &self.verbs {
            Some(_) => "the policy does not name it (key `verbs`)",
            None => "it cannot be undone, so a policy must name it (key `verbs`), and none does",
        };
        (!allowed).then(|| format!("`{}` is not allowed: {why}", step.verb()))
    }

    /// Adds the operator's list to what is protected.
    pub fn guard(&self, protected: &mut Protected) {
        self.nets.iter().for_each(|net| protected.add(*net, "on your list"));
        self.users.iter().for_each(|user| protected.add_user(user, "on your list"));
        self.units.iter().for_each(|unit| protected.add_unit(unit, "on your list"));
    }
}

/// Signs a policy file's bytes, so that its `[auto]` section counts.
pub fn sign(text: &str, key: &SecretKey, now_ms: i64) -> String {
    sealed::seal(Hash::of(text.as_bytes()), "policy", PREDICATE, &serde_json::json!({ "at_ms": now_ms }), key)
}

/// Where the signature of a policy stands.
pub fn approval_path(policy: &Path) -> PathBuf {
    let mut name = policy.as_os_str().to_owned();
    name.push(".approval");
    name.into()
}

fn signed(path: &Path, text: &str, operators: &[PublicKey], owner: u32, now_ms: i64) -> Result<(), String> {
    let place = approval_path(path);
    let approval = read(&place, owner).map_err(|_| format!("no operator signed it (`{}`)", place.display()))?;
    let statement = sealed::open(approval.as_bytes(), operators).map_err(|error| error.to_string())?;
    let at = statement.predicate.get("at_ms").and_then(serde_json::Value::as_i64);
    if statement.predicate_type != PREDICATE || statement.subjects != [Hash::of(text.as_bytes())] {
        return Err("the signature is of another file".to_owned());
    }
    if at.is_none_or(|at| at > now_ms) {
        return Err("the signature is from the future".to_owned());
    }
    Ok(())
}

fn read(path: &Path, owner: u32) -> Result<String, PolicyError> {
    private(path, owner)?;
    let io = |error| PolicyError::Io(path.to_owned(), error);
    let mut text = String::new();
    File::open(path).map_err(io)?.take(POLICY_BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > POLICY_BYTES_MAX {
        return Err(PolicyError::Format(path.to_owned(), "longer than any policy".to_owned()));
    }
    Ok(text)
}

/// Whether only `owner` (or root) can write a file or folder.
#[cfg(unix)]
fn private(path: &Path, owner: u32) -> Result<(), PolicyError> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::symlink_metadata(path).map_err(|error| PolicyError::Io(path.to_owned(), error))?;
    let open = |why: String| Err(PolicyError::Open(path.to_owned(), why));
    if about.is_symlink() {
        return open("is a symbolic link".to_owned());
    }
    if about.uid() != owner && about.uid() != 0 {
        return open(format!("belongs to user {}", about.uid()));
    }
    if about.mode() & 0o022 != 0 {
        return open(format!("has mode {:o}", about.mode() & 0o7777));
    }
    Ok(())
}

/// Elsewhere nothing acts.
#[cfg(not(unix))]
fn private(path: &Path, _: u32) -> Result<(), PolicyError> {
    Err(PolicyError::Open(path.to_owned(), "cannot be checked on this system".to_owned()))
}
