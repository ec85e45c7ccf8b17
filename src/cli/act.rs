//! `shieldwall do`: checks a plan against the machine, asks, applies, reads back. `--dry-run` stops after the check.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_respond::actuator::ask::{Answer, Ask};
use shieldwall_respond::approve::{self, APPROVAL_BYTES_MAX, APPROVALS_MAX};
use shieldwall_trust::audit::Event;

use super::{Global, Outcome, plan};
use crate::books;
use crate::output::escape::escape;
use crate::response::{self, Where, Which, refused};

/// How long a question stands; nobody's silence means yes.
const PATIENCE_SECONDS: i64 = 120;

/// Flags of `do`, as written.
#[derive(Debug, Args)]
pub struct DoArgs {
    /// What could be done about an incident (1a), or a plan's file
    #[arg(value_name = "WHICH", value_parser = response::which)]
    which: Which,
    /// The case's folder [default: the last scan]
    case: Option<PathBuf>,
    /// Show the exact change and whether it may be done; change nothing
    #[arg(long)]
    dry_run: bool,
    /// An approval of `shieldwall approve` (may be given more than once) [default: asks you, and signs with your key]
    #[arg(long, value_name = "FILE")]
    approval: Vec<PathBuf>,
    /// Sign with your key without asking
    #[arg(long, conflicts_with = "approval")]
    yes: bool,
    /// Do it only if the operator's signed policy allows it without a person
    #[arg(long, conflicts_with_all = ["approval", "yes"])]
    auto: bool,
    /// Your operator's key [default: the data directory's own]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

/// Runs the command.
///
/// # Errors
/// When nobody can act here, the plan is refused, nobody approves, or it does not work.
pub fn run(global: &Global, args: &DoArgs) -> Result<Outcome> {
    let home = global.home()?;
    let plan = response::plan_apart(&args.which, &home, args.case.as_deref(), global.confines())?;
    let mut out = io::stdout().lock();
    plan::tell(&plan, &mut out)?;
    let mut acts = response::open(&args.at, &home)?;
    let hash = plan.hash().to_string();
    // Two operators may do more than one.
    let given: Vec<String> = args.approval.iter().take(APPROVALS_MAX).map(read).collect::<Result<_>>()?;
    match acts.ask(Ask::Check { plan: plan.clone(), approvals: given.clone() })? {
        Answer::Checked { diff } => {
            writeln!(out, "checked by {}: allowed", acts.who())?;
            if args.dry_run {
                writeln!(out, "would change:")?;
                for line in serde_json::to_string_pretty(&diff)?.lines() {
                    writeln!(out, "{}", escape(line))?;
                }
                writeln!(out, "nothing was changed")?;
                return Ok(Outcome::Clean);
            }
        }
        answer => return Err(refused(answer)),
    }
    let mut claim = None;
    let approvals = if args.auto {
        claim = Some(response::claim(&args.which, &home, args.case.as_deref())?);
        Vec::new()
    } else if args.approval.is_empty() {
        if !args.yes {
            out.flush()?;
            ask_person(&mut out)?;
        }
        let key = response::operator(&home, args.key.as_deref())?;
        vec![approve::sign(&plan, &key, books::now_ms(), &response::nonce()?)]
    } else {
        given
    };
    let event = Event::new("respond.do", &*hash)
        .with("incident", &plan.incident)
        .with("step", plan.step.verb())
        .with("findings", plan.findings.join(" "));
    let approver =
        books::do_recorded(&home, event, || match acts.ask(Ask::Apply { plan: plan.clone(), approvals, claim })? {
            Answer::Done { approver, .. } => Ok(approver),
            answer => Err(refused(answer)),
        })?;
    writeln!(out, "done and read back, approved by {}", escape(&approver))?;
    if plan.step.is_reversible() {
        writeln!(out, "undo: shieldwall undo {}", hash.get(..12).unwrap_or(&hash))?;
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

fn read(path: &PathBuf) -> Result<String> {
    let shown = path.display();
    let about = fs::metadata(path).with_context(|| format!("cannot read the approval `{shown}`"))?;
    if about.len() > APPROVAL_BYTES_MAX as u64 {
        bail!("`{shown}` is longer than any approval");
    }
    fs::read_to_string(path).with_context(|| format!("cannot read the approval `{shown}`"))
}

/// Asks the person at the terminal.
fn ask_person(out: &mut dyn Write) -> Result<()> {
    if !io::stdin().is_terminal() {
        bail!("nobody is here to ask: approve it (`shieldwall approve`) and give --approval, or say --yes");
    }
    write!(out, "Do it? Type yes within {PATIENCE_SECONDS} s: ")?;
    out.flush()?;
    if !answered()? {
        bail!("no answer: that means no; nothing was changed");
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    if line.trim() != "yes" {
        bail!("not approved; nothing was changed");
    }
    Ok(())
}

/// Whether something was typed in time.
#[cfg(target_os = "linux")]
fn answered() -> Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
    Ok(poll(&mut wanted, Some(&Timespec { tv_sec: PATIENCE_SECONDS, tv_nsec: 0 }))? > 0)
}

/// Elsewhere nothing acts, so nobody is asked.
#[cfg(not(target_os = "linux"))]
fn answered() -> Result<bool> {
    Ok(false)
}
