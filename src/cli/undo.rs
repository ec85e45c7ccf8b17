//! `shieldwall undo`: takes an action back. The state is then as before; twice is as good as once.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use shieldwall_respond::actuator::ask::{Answer, Ask, Deed};
use shieldwall_respond::approve;
use shieldwall_trust::Hash;
use shieldwall_trust::audit::Event;

use super::{Global, Outcome};
use crate::books;
use crate::output::escape::escape;
use crate::response::{self, Acts, Where, Which, refused};

/// Digits of a hash that name an action at least.
const DIGITS_MIN: usize = 6;

/// Flags of `undo`, as written.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The first digits of the plan's hash (see `shieldwall actions`), a remedy (1a), or a plan's file
    #[arg(value_name = "WHICH")]
    which: String,
    /// The case's folder [default: the last scan]
    case: Option<PathBuf>,
    /// Your operator's key [default: the data directory's own]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

/// Runs the command.
///
/// # Errors
/// When there is no such action, or it could not be taken back.
pub fn run(global: &Global, args: &UndoArgs) -> Result<Outcome> {
    let home = global.home()?;
    let mut acts = response::open(&args.at, &home)?;
    let hash = hash(args, &home, global.confines(), acts.as_mut())?;
    let key = response::operator(&home, args.key.as_deref())?;
    let approval = approve::sign_undo(hash, &key, books::now_ms(), &response::nonce()?);
    let event = Event::new("respond.undo", hash.to_string()).with("approver", key.public().id());
    let was = books::do_recorded(&home, event, || match acts.ask(Ask::Undo { plan: hash.to_string(), approval })? {
        Answer::Undone { was, .. } => Ok(was),
        answer => Err(refused(answer)),
    })?;
    let words = if was { "undone: as before" } else { "nothing left to undo: as before" };
    writeln!(io::stdout(), "{words}")?;
    Ok(Outcome::Clean)
}

/// Which action is meant.
fn hash(args: &UndoArgs, home: &crate::home::Home, confined: bool, acts: &mut dyn Acts) -> Result<Hash> {
    let text = &args.which;
    let digits = text.len() >= DIGITS_MIN && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits {
        let which: Which = response::which(text).map_err(anyhow::Error::msg)?;
        return Ok(response::plan_apart(&which, home, args.case.as_deref(), confined)?.hash());
    }
    let Answer::List { deeds } = acts.ask(Ask::List)? else { bail!("the actuator does not say what was done") };
    let wanted = text.to_lowercase();
    let mut found: Vec<&Deed> = deeds.iter().filter(|deed| deed.hash.starts_with(&wanted)).collect();
    found.dedup_by(|one, other| one.hash == other.hash);
    match found.as_slice() {
        [one] => Ok(one.hash.parse()?),
        [] => bail!("no action `{}`: see `shieldwall actions`", escape(text)),
        more => bail!("`{}` names {} actions: say more digits", escape(text), more.len()),
    }
}
