//! Which actuator does a step, made from what the policy says.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::action::Action;
use crate::action::command::Commands;
use crate::action::nft::Nft;
use crate::action::notify::Notify;
use crate::action::process::Signals;
use crate::action::quarantine::Quarantine;
use crate::action::service::Service;
use crate::action::session::Sessions;
use crate::action::user::UserFiles;
use crate::guard::Protected;
use crate::net::Net;
use crate::plan::Step;
use crate::policy::{Policy, Template};

/// What actuators must know of this machine and of the operator's wishes.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The words that start `nft`.
    pub nft: Vec<String>,
    /// Whom the kernel lets through before any drop rule: the protected.
    pub allow: Vec<Net>,
    /// The folder for files of its own file system; others go to one beside or above them.
    pub quarantine: Option<PathBuf>,
    /// Under which the account files are: `/`.
    pub root: PathBuf,
    /// The words that start `systemctl`.
    pub systemctl: Vec<String>,
    /// The words that start `loginctl`.
    pub loginctl: Vec<String>,
    /// The words that start `curl`, for messages over https.
    pub curl: Vec<String>,
    /// Addresses for messages, by name.
    pub hooks: BTreeMap<String, String>,
    /// Commands, by name. Empty means: none.
    pub templates: BTreeMap<String, Template>,
}

impl Default for Setup {
    fn default() -> Self {
        let program = |name: &str| vec![name.to_owned()];
        Self {
            nft: program("nft"),
            allow: Vec::new(),
            quarantine: None,
            root: PathBuf::from("/"),
            systemctl: program("systemctl"),
            loginctl: program("loginctl"),
            curl: program("curl"),
            hooks: BTreeMap::new(),
            templates: BTreeMap::new(),
        }
    }
}

impl Setup {
    /// What a policy says, and whom to let through: the rest is as usual.
    ///
    /// ```
    /// use shieldwall_respond::action::{Setup, of};
    /// use shieldwall_respond::actuator::Make;
    ///
    /// let make: Box<Make> = Box::new(|step, policy, protected| of(step, &Setup::new(policy, protected)));
    /// ```
    pub fn new(policy: &Policy, protected: &Protected) -> Self {
        Self {
            allow: protected.nets().collect(),
            hooks: policy.hooks.clone(),
            templates: policy.commands.clone(),
            ..Self::default()
        }
    }
}

/// The actuator for a step.
///
/// # Errors
/// When the policy has no such hook or command.
pub fn of(step: &Step, setup: &Setup) -> io::Result<Box<dyn Action>> {
    let missing =
        |what: &str, name: &str| io::Error::new(io::ErrorKind::NotFound, format!("the policy has no {what} `{name}`"));
    Ok(match step {
        Step::Block { .. } | Step::Isolate { .. } => Box::new(Nft::new(setup.nft.clone(), setup.allow.clone())),
        Step::StopProcess { .. } | Step::KillProcess { .. } => Box::new(Signals::default()),
        Step::LockUser { .. } => Box::new(UserFiles::at(&setup.root)),
        Step::EndSessions { .. } => Box::new(Sessions::new(setup.loginctl.clone())),
        Step::StopService { .. } => Box::new(Service::new(setup.systemctl.clone())),
        Step::Quarantine { .. } => Box::new(Quarantine::new(setup.quarantine.clone())),
        Step::Notify { hook } => {
            if !setup.hooks.contains_key(hook) {
                return Err(missing("hook", hook));
            }
            Box::new(Notify::new(setup.hooks.clone(), setup.curl.clone()))
        }
        Step::Command { template, .. } => {
            if !setup.templates.contains_key(template) {
                return Err(missing("command", template));
            }
            Box::new(Commands::new(setup.templates.clone()))
        }
    })
}
