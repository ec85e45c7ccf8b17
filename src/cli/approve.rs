//! `shieldwall approve`: a person's signature over one plan, good for fifteen minutes and once; or over a policy.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_respond::policy::{POLICY_BYTES_MAX, approval_path};
use shieldwall_respond::{approve, policy};
use shieldwall_trust::Hash;
use shieldwall_trust::audit::Event;

use super::{Global, Outcome, plan};
use crate::books;
use crate::home::write_whole;
use crate::output::escape::escape;
use crate::response::{self, Which};

/// Flags of `approve`, as written.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// What could be done about an incident (1a), or a plan's file
    #[arg(value_name = "WHICH", value_parser = response::which, required_unless_present = "sign_policy")]
    which: Option<Which>,
    /// The case's folder [default: the last scan]
    case: Option<PathBuf>,
    /// Put the [auto] section of this policy in force instead
    #[arg(long, value_name = "FILE", conflicts_with = "which")]
    sign_policy: Option<PathBuf>,
    /// With this operator's key [default: the data directory's own]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Write the approval here [default: standard output; a policy's beside it]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such plan, or no key to sign with.
pub fn run(global: &Global, args: &ApproveArgs) -> Result<Outcome> {
    let home = global.home()?;
    let now = books::now_ms();
    if let Some(path) = &args.sign_policy {
        let key = response::operator(&home, args.key.as_deref())?;
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the policy `{shown}`"))?;
        if text.len() as u64 > POLICY_BYTES_MAX {
            bail!("`{shown}` is longer than any policy");
        }
        let event = Event::new("policy.approve", shown.to_string())
            .with("sha256", Hash::of(text.as_bytes()))
            .with("approver", key.public().id());
        let place = args.output.clone().unwrap_or_else(|| approval_path(path));
        books::do_recorded(&home, event, || write_whole(&place, policy::sign(&text, &key, now).as_bytes()))?;
        writeln!(io::stdout(), "{shown} is approved: {}", place.display())?;
        return Ok(Outcome::Clean);
    }
    let Some(which) = &args.which else { bail!("say which plan") };
    let plan = response::plan_apart(which, &home, args.case.as_deref(), global.confines())?;
    let mut err = io::stderr().lock();
    plan::tell(&plan, &mut err)?;
    // The secret key is read last: nothing that takes a case apart has it in its memory.
    let key = response::operator(&home, args.key.as_deref())?;
    let event = Event::new("respond.approve", plan.hash().to_string())
        .with("incident", &plan.incident)
        .with("approver", key.public().id());
    let approval = approve::sign(&plan, &key, now, &response::nonce()?);
    books::do_recorded(&home, event, || match &args.output {
        Some(path) => write_whole(path, approval.as_bytes()),
        None => Ok(writeln!(io::stdout(), "{approval}")?),
    })?;
    writeln!(err, "approved by {} for 15 minutes, once", escape(&key.public().id()))?;
    Ok(Outcome::Clean)
}
