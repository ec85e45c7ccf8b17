//! The privileged half: small, closed, trusting nothing that the core says.
//!
//! The core parses an attacker's bytes, so it may be an attacker's tomorrow. What acts is another process: it reads the plan
//! anew, looks at the machine itself, runs its own guards with limits of a file that the core cannot write, and accepts an
//! approval only if an operator's key signed it, which the core cannot read, or the operator's signed policy allows the
//! step without a person. [`Actuator::handle`] is all of it; the socket of [`serve`] and a command that root runs are
//! two ways to call it.

pub mod ask;
#[cfg(target_os = "linux")]
pub mod serve;

use std::io;
use std::path::PathBuf;

use shieldwall_trust::Hash;

use crate::action::{self, Action, RunError};
use crate::approve::{self, Approved};
use crate::guard::{self, Past, Protected, Refusal};
use crate::journal::{Disk, Journal};
use crate::machine::{MANAGES, Machine, signed_in_before, unit_of};
use crate::net::Net;
use crate::plan::{Plan, Step};
use crate::policy::Policy;
use ask::{Answer, Ask, Deed};

/// Deeds that an answer lists; the latest come first.
const LISTED_MAX: usize = 1000;

/// Makes the actuator of a plan, told whom to let through always.
pub type Make = dyn FnMut(&Step, &Policy, &Protected) -> io::Result<Box<dyn Action>>;

/// What acts.
pub struct Actuator<D: Disk> {
    policy: Policy,
    journal: Journal<D>,
    make: Box<Make>,
    /// Where the machine's files are: `/`.
    root: PathBuf,
    pid: u32,
}

impl<D: Disk> Actuator<D> {
    /// With what the operator allows, what was done before, and what makes actuators; `root` is `/` but in tests.
    pub fn new(policy: Policy, journal: Journal<D>, make: Box<Make>, root: PathBuf, pid: u32) -> Self {
        Self { policy, journal, make, root, pid }
    }

    /// Takes back what a crash left half done; gives how many. Call it first.
    ///
    /// # Errors
    /// When something could not be taken back.
    pub fn recover(&mut self, now_ms: i64) -> Result<usize, RunError> {
        let protected = self.let_through(self.protected(None).0, now_ms);
        let Self { policy, journal, make, .. } = self;
        action::recover(
            |plan| make(&plan.step, policy, &protected).unwrap_or_else(|error| Box::new(Broken(error.to_string()))),
            journal,
            now_ms,
        )
    }

    /// What the operator allows.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What was done.
    pub fn journal(&self) -> &Journal<D> {
        &self.journal
    }

    /// Does what is asked, or says why not. `user` is the login name of who asks, where it is known.
    pub fn handle(&mut self, ask: Ask, user: Option<&str>, now_ms: i64) -> Answer {
        match ask {
            Ask::Status => Answer::Status { operators: self.policy.operators.len(), notes: self.policy.notes.clone() },
            Ask::List => Answer::List { deeds: self.deeds(now_ms) },
            Ask::Check { plan, approvals } => match self.check(plan, &approvals, user, now_ms) {
                Ok((checked, mut action, _)) => match action.rehearse(checked.plan()) {
                    Ok(()) => Answer::Checked { diff: action.diff(checked.plan()) },
                    Err(error) => Answer::Refused { why: vec![error.to_string()] },
                },
                Err(why) => Answer::Refused { why },
            },
            Ask::Apply { plan, approvals, claim } => {
                let (checked, action, past) = match self.check(plan, &approvals, user, now_ms) {
                    Ok(passed) => passed,
                    Err(why) => return Answer::Refused { why },
                };
                let used = |nonce: &str| self.journal.used(nonce);
                let approved = match (approvals.first(), &self.policy.auto, claim) {
                    (Some(approval), _, _) => {
                        approve::accept(checked, approval.as_bytes(), &self.policy.operators, now_ms, &used)
                            .map_err(|error| vec![error.to_string()])
                    }
                    (None, Some(auto), Some(claim)) if self.knows(checked.plan()).is_none() => {
                        let nonce = Hash::of(format!("{} {now_ms}", checked.plan().hash()).as_bytes()).to_string();
                        approve::by_policy(checked, &claim, auto, &past, now_ms, &nonce)
                    }
                    (None, Some(_), Some(_)) => Err(vec![self.knows(checked.plan()).unwrap_or_default()]),
                    (None, None, Some(_)) => Err(vec!["no signed policy allows anything without a person".to_owned()]),
                    (None, _, None) => Err(vec!["no operator approved it".to_owned()]),
                };
                match approved {
                    Ok(approved) => {
                        if let Err(error) = self.spend(approved.plan(), approved.nonce(), &approvals, now_ms) {
                            return Answer::Failed { why: error.to_string() };
                        }
                        self.apply(&approved, action, now_ms)
                    }
                    Err(why) => Answer::Refused { why },
                }
            }
            Ask::Undo { plan, approval } => self.undo(&plan, &approval, now_ms),
        }
    }

    /// Why a plan needs a person whatever the core says: somebody signed in to this machine from a target.
    fn knows(&self, plan: &Plan) -> Option<String> {
        let Step::Block { targets, .. } = &plan.step else { return None };
        let known = signed_in_before(&self.root);
        let target =
            targets.iter().find(|target| known.iter().any(|address| Net::host(*address).overlaps(**target)))?;
        Some(format!("somebody signed in to this machine from {target}: a person must decide"))
    }

    /// Uses up the approvals that only widened the limits: each is good for once, whatever it was good for.
    fn spend(&mut self, plan: &Plan, nonce: &str, approvals: &[String], now_ms: i64) -> Result<(), RunError> {
        let used = |nonce: &str| self.journal.used(nonce);
        let signers = approve::signers(plan, approvals, &self.policy.operators, now_ms, &used);
        for (approver, other) in signers.into_iter().filter(|(_, other)| other != nonce) {
            self.journal.append(crate::journal::Event::Spent { nonce: other, approver, at_ms: now_ms })?;
        }
        Ok(())
    }

    fn apply(&mut self, approved: &Approved, mut action: Box<dyn Action>, now_ms: i64) -> Answer {
        match action::run(action.as_mut(), approved, &mut self.journal, now_ms) {
            Ok(()) => {
                Answer::Done { plan: approved.plan().hash().to_string(), approver: approved.approver().to_owned() }
            }
            Err(error) => Answer::Failed { why: error.to_string() },
        }
    }

    fn undo(&mut self, plan: &str, approval: &str, now_ms: i64) -> Answer {
        let Ok(hash) = plan.parse::<Hash>() else {
            return Answer::Refused { why: vec!["no hash of a plan".to_owned()] };
        };
        let plan = &hash.to_string();
        let used = |nonce: &str| self.journal.used(nonce);
        let accepted = approve::accept_undo(hash, approval.as_bytes(), &self.policy.operators, now_ms, &used);
        let (approver, nonce) = match accepted {
            Ok(said) => said,
            Err(error) => return Answer::Refused { why: vec![error.to_string()] },
        };
        let Some(step) = self.journal.open_deed(plan).map(|(plan, _, _)| plan.step.clone()) else {
            // Undone already, or never done: both are as they were before.
            let known = self.journal.events().iter().any(|event| event.plan_hash() == *plan);
            return if known {
                Answer::Undone { plan: plan.clone(), was: false }
            } else {
                Answer::Refused { why: vec!["no such action".to_owned()] }
            };
        };
        let spent = crate::journal::Event::Spent { nonce, approver: approver.clone(), at_ms: now_ms };
        if let Err(error) = self.journal.append(spent) {
            return Answer::Failed { why: error.to_string() };
        }
        let protected = self.let_through(self.protected(None).0, now_ms);
        let undone = (self.make)(&step, &self.policy, &protected).map_err(RunError::Failed).and_then(|mut action| {
            action::undo(action.as_mut(), plan, &format!("asked by {approver}"), &mut self.journal, now_ms)
        });
        match undone {
            Ok(()) => Answer::Undone { plan: plan.clone(), was: true },
            // A command has a way back if its template names one.
            Err(RunError::Failed(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Answer::Refused { why: vec![format!("`{}` cannot be undone: {error}", step.verb())] }
            }
            Err(error) => Answer::Failed { why: error.to_string() },
        }
    }

    /// Who is protected now, and what could not be read.
    fn protected(&self, user: Option<&str>) -> (Protected, Machine) {
        let machine = Machine::read(&self.root, self.pid, &self.policy.management_ports, user);
        let mut protected = Protected::default();
        machine.guard(&mut protected);
        self.policy.guard(&mut protected);
        (protected, machine)
    }

    /// Whom the kernel is to let through before any drop rule: the protected, but for sessions from where a block holds. Who was
    /// blocked at one port must not get through there because he came in at another.
    fn let_through(&self, protected: Protected, now_ms: i64) -> Protected {
        let held = self.journal.past(now_ms).into_iter().filter(|past| past.holds);
        let blocked: Vec<Net> = held
            .flat_map(|past| match past.step {
                Step::Block { targets, .. } => targets,
                _ => Vec::new(),
            })
            .collect();
        protected.without(MANAGES, &blocked)
    }

    #[expect(clippy::type_complexity, reason = "three things that are asked for together, in one place")]
    fn check(
        &mut self,
        plan: Plan,
        approvals: &[String],
        user: Option<&str>,
        now_ms: i64,
    ) -> Result<(guard::Checked, Box<dyn Action>, Vec<Past>), Vec<String>> {
        if let Some(why) = self.policy.forbids(&plan.step) {
            return Err(vec![why]);
        }
        let (protected, machine) = self.protected(user);
        let mut refusals = Vec::new();
        if let Some(host) = plan.host.as_ref().filter(|host| **host != machine.name) {
            refusals.push(Refusal::Elsewhere(host.clone(), machine.name.clone()));
        }
        refusals.extend(machine.unknown.iter().cloned().map(Refusal::Blind));
        if let Some(reserved) = reserved(&self.root, &plan.step, &protected) {
            refusals.push(reserved);
        }
        let used = |nonce: &str| self.journal.used(nonce);
        let two = approve::signers(&plan, approvals, &self.policy.operators, now_ms, &used).len() > 1;
        let limits = if two { self.policy.limits.of_two() } else { self.policy.limits.clone() };
        let past = self.journal.past(now_ms);
        let step = plan.step.clone();
        let checked = match guard::check(plan, &protected, &limits, &past, now_ms) {
            Ok(checked) if refusals.is_empty() => checked,
            Ok(_) => return Err(refusals.iter().map(ToString::to_string).collect()),
            Err(more) => return Err(refusals.iter().chain(&more).map(ToString::to_string).collect()),
        };
        let protected = self.let_through(protected, now_ms);
        let action = (self.make)(&step, &self.policy, &protected).map_err(|error| vec![error.to_string()])?;
        Ok((checked, action, past))
    }

    /// What was done, latest first.
    fn deeds(&self, now_ms: i64) -> Vec<Deed> {
        ask::deeds(self.journal.events(), now_ms, LISTED_MAX)
    }
}

/// Why a process may not be touched: it belongs to a unit without which the machine or its management is lost.
fn reserved(root: &std::path::Path, step: &Step, protected: &Protected) -> Option<Refusal> {
    let (Step::StopProcess { process } | Step::KillProcess { process }) = step else { return None };
    let unit = unit_of(root, process.pid)?;
    let why = protected.why_unit(&unit)?;
    Some(Refusal::Reserved(format!("process {} of {unit}", process.pid), why.to_owned()))
}

/// Stands where no actuator could be made: everything fails, and says why.
struct Broken(String);

impl Broken {
    fn error(&self) -> io::Error {
        io::Error::other(self.0.clone())
    }
}

impl Action for Broken {
    fn diff(&self, _: &Plan) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn read(&mut self, _: &Plan) -> io::Result<serde_json::Value> {
        Err(self.error())
    }
    fn apply(&mut self, _: &Approved) -> io::Result<()> {
        Err(self.error())
    }
    fn verify(&mut self, _: &Plan) -> io::Result<()> {
        Err(self.error())
    }
    fn undo(&mut self, _: &Plan, _: &serde_json::Value) -> io::Result<()> {
        Err(self.error())
    }
}
