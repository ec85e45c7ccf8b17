//! The joint: what every actuator can do, and the runner that keeps the order journal, apply, verify, undo.

#[cfg(target_os = "linux")]
mod attribute;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
pub mod command;
#[cfg(target_os = "linux")]
mod content;
#[cfg(target_os = "linux")]
pub mod nft;
#[cfg(target_os = "linux")]
pub mod notify;
#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
pub mod quarantine;
#[cfg(target_os = "linux")]
pub mod service;
#[cfg(target_os = "linux")]
pub mod session;
#[cfg(target_os = "linux")]
pub mod setup;
#[cfg(target_os = "linux")]
pub mod user;

#[cfg(target_os = "linux")]
pub use setup::{Setup, of};

use std::io;

use serde_json::Value;

use crate::approve::Approved;
use crate::journal::{Disk, Event, Journal, JournalError};
use crate::plan::Plan;

/// Something that acts on the world.
pub trait Action {
    /// What applying would change, exactly, in the form in which it is handed over. Pure.
    fn diff(&self, plan: &Plan) -> Value;

    /// Whether it would work, as far as can be known without changing anything: the kernel's own dry run, where it has one.
    ///
    /// # Errors
    /// When it would not.
    fn rehearse(&mut self, plan: &Plan) -> io::Result<()> {
        self.read(plan).map(|_| ())
    }

    /// The state that the plan would change, as it is now. It is written into the journal: no secret stands in it.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&mut self, plan: &Plan) -> io::Result<Value>;

    /// Does it.
    ///
    /// # Errors
    /// When it did not work; the runner undoes what was half done.
    fn apply(&mut self, approved: &Approved) -> io::Result<()>;

    /// Reads back whether it holds.
    ///
    /// # Errors
    /// When it does not.
    fn verify(&mut self, plan: &Plan) -> io::Result<()>;

    /// Told before [`Self::undo`]: what else holds, and is to stay.
    fn spare(&mut self, others: Vec<Plan>) {
        drop(others);
    }

    /// Makes the state as it was before. Twice is as good as once, and so is undoing what was never begun.
    ///
    /// # Errors
    /// When it could not; [`io::ErrorKind::Unsupported`] if nobody can, because it may be done and has no way back.
    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()>;
}

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal does not take it; nothing was changed, or the next [`recover`] undoes it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The approval ended.
    #[error("the approval ended")]
    Expired,
    /// It did not work and was taken back.
    #[error("it did not work and was taken back: {0}")]
    Failed(io::Error),
    /// It did not work and could not be taken back: a person must look.
    #[error("it did not work ({0}) and could not be taken back ({1}): look yourself")]
    Stuck(io::Error, io::Error),
    /// It was done, but the journal does not take that down, so it was taken back.
    #[error("{0}; it was done, could not be written down, and was taken back")]
    Unwritten(JournalError),
    /// It was done, the journal does not take that down, and it could not be taken back.
    #[error(
        "{0}; it was done, could not be written down, and could not be taken back ({1}): it holds until the next start of \
             what acts takes it back; look yourself"
    )]
    Adrift(JournalError, io::Error),
    /// There is nothing to undo.
    #[error("no such action, or undone already")]
    Nothing,
}

/// Does what was approved: written down, applied, read back. What fails is taken back.
///
/// # Errors
/// See [`RunError`].
pub fn run<D: Disk>(
    action: &mut dyn Action,
    approved: &Approved,
    journal: &mut Journal<D>,
    now_ms: i64,
) -> Result<(), RunError> {
    if now_ms >= approved.expires_ms() || journal.used(approved.nonce()) {
        return Err(RunError::Expired);
    }
    let plan = approved.plan();
    let before = action.read(plan).map_err(RunError::Failed)?;
    journal.append(Event::Begin {
        plan: plan.clone(),
        approver: approved.approver().to_owned(),
        nonce: approved.nonce().to_owned(),
        before: before.clone(),
        at_ms: now_ms,
    })?;
    let done = action.apply(approved).and_then(|()| action.verify(plan)).and_then(|()| action.read(plan));
    let hash = plan.hash().to_string();
    match done {
        Ok(after) => match journal.append(Event::Applied { plan: hash, after, at_ms: now_ms }) {
            Ok(()) => Ok(()),
            // Nobody could undo what no journal knows. Its beginning stands there, so the next start makes sure of it.
            Err(error) => match action.undo(plan, &before) {
                Ok(()) => Err(RunError::Unwritten(error)),
                Err(second) => Err(RunError::Adrift(error, second)),
            },
        },
        Err(error) => match action.undo(plan, &before) {
            Ok(()) => {
                journal.append(Event::Undone { plan: hash, why: error.to_string(), at_ms: now_ms })?;
                Err(RunError::Failed(error))
            }
            Err(second) if second.kind() == io::ErrorKind::Unsupported => {
                let why = format!("{error}; what was done of it stays: {second}");
                journal.append(Event::Undone { plan: hash, why, at_ms: now_ms })?;
                Err(RunError::Failed(error))
            }
            Err(second) => Err(RunError::Stuck(error, second)),
        },
    }
}

/// Takes a deed back.
///
/// # Errors
/// When there is none, or it could not be taken back.
pub fn undo<D: Disk>(
    action: &mut dyn Action,
    hash: &str,
    why: &str,
    journal: &mut Journal<D>,
    now_ms: i64,
) -> Result<(), RunError> {
    let (plan, before, _) = journal.open_deed(hash).ok_or(RunError::Nothing)?;
    action.spare(journal.beside(hash, now_ms));
    action.undo(plan, before).map_err(RunError::Failed)?;
    Ok(journal.append(Event::Undone { plan: hash.to_owned(), why: why.to_owned(), at_ms: now_ms })?)
}

/// Takes back what a crash left half done. Call it before anything else; gives how many.
///
/// What has no way back is closed in the journal with these words. One that cannot be taken back keeps no other from it.
///
/// # Errors
/// The first that could not be taken back, after all were tried.
pub fn recover<D: Disk>(
    mut action: impl FnMut(&Plan) -> Box<dyn Action>,
    journal: &mut Journal<D>,
    now_ms: i64,
) -> Result<usize, RunError> {
    let torn = journal.torn();
    let mut first = None;
    for hash in &torn {
        let Some((plan, _, _)) = journal.open_deed(hash) else { continue };
        match undo(action(plan).as_mut(), hash, "a crash", journal, now_ms) {
            Ok(()) => {}
            Err(RunError::Failed(error)) if error.kind() == io::ErrorKind::Unsupported => {
                let why = format!("a crash; it may have been done: {error}");
                journal.append(Event::Undone { plan: hash.clone(), why, at_ms: now_ms })?;
            }
            // Nothing can be written down: nothing more may be done.
            Err(error @ RunError::Journal(_)) => return Err(error),
            Err(error) => first = first.or(Some(error)),
        }
    }
    first.map_or(Ok(torn.len()), Err)
}
