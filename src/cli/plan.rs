//! `shieldwall plan`: what could be done, exactly, as a file that a person can read, approve and hand on. Changes nothing.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use sha2::{Digest, Sha256};
use shieldwall_respond::guard::{self, Limits, Protected, Refusal};
use shieldwall_respond::net::Net;
use shieldwall_respond::plan::{Plan, Port, Process, Step, Transport};

use super::{Global, Outcome};
use crate::books;
use crate::confine::Needs;
use crate::home::write_whole;
use crate::output::escape::escape;
use crate::response::{self, Which};

/// Bytes of a file that is hashed at once.
const HASHED_AT_ONCE: usize = 1 << 16;

/// Flags of `plan`, as written.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// What could be done about an incident (1a), or a plan's file
    #[arg(value_name = "WHICH", value_parser = response::which, conflicts_with = "step")]
    which: Option<Which>,
    /// The case's folder [default: the last scan]
    #[arg(requires = "which")]
    case: Option<PathBuf>,
    #[command(flatten)]
    step: StepArgs,
    /// For how long a block or isolation holds: 90s, 30m, 24h, 7d [default: 1h]
    #[arg(long = "for", value_name = "TIME", value_parser = seconds, conflicts_with = "which")]
    lasts: Option<u64>,
    /// Write the plan here
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(id = "step", multiple = true)]
struct StepArgs {
    /// Block an address or network (may be given more than once)
    #[arg(long, value_name = "NET", value_parser = net)]
    block: Vec<Net>,
    /// Only to this port: tcp/22 (with --block; may be given more than once)
    #[arg(long, value_name = "PORT", value_parser = port, requires = "block")]
    port: Vec<Port>,
    /// Cut this machine off, except from the protected and --keep
    #[arg(long)]
    isolate: bool,
    /// Who may still reach it (with --isolate; may be given more than once)
    #[arg(long, value_name = "NET", value_parser = net, requires = "isolate")]
    keep: Vec<Net>,
    /// Stop a process where it is
    #[arg(long, value_name = "PID")]
    stop_process: Option<u32>,
    /// End a process; cannot be undone
    #[arg(long, value_name = "PID")]
    kill_process: Option<u32>,
    /// Lock a user
    #[arg(long, value_name = "USER")]
    lock_user: Option<String>,
    /// End a user's sessions; cannot be undone
    #[arg(long, value_name = "USER")]
    end_sessions: Option<String>,
    /// Stop a service
    #[arg(long, value_name = "UNIT")]
    stop_service: Option<String>,
    /// Put a file where nobody can run it
    #[arg(long, value_name = "PATH")]
    quarantine: Option<PathBuf>,
    /// Send a message to an address of the policy
    #[arg(long, value_name = "HOOK")]
    notify: Option<String>,
}

fn net(text: &str) -> Result<Net, String> {
    text.parse::<Net>().map_err(|error| error.to_string())
}

fn port(text: &str) -> Result<Port, String> {
    let parsed = || {
        let (transport, port) = text.split_once('/')?;
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return None,
        };
        Some(Port { transport, port: port.parse().ok().filter(|port| *port > 0)? })
    };
    parsed().ok_or_else(|| "say the protocol and the port: tcp/22".to_owned())
}

/// `90s`, `30m`, `24h`, `7d`.
fn seconds(text: &str) -> Result<u64, String> {
    let unit = match text.bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86_400,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<u64>().ok());
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| "say a number with s, m, h or d: 30m".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When there is no such remedy, or something about the step cannot be read.
pub fn run(global: &Global, args: &PlanArgs) -> Result<Outcome> {
    let home = global.home()?;
    // A step by hand is made before the walls stand: a process' executable cannot be read behind them, and nothing of others is
    // parsed here.
    let own = match &args.which {
        Some(_) => None,
        None => Some(by_hand(args)?),
    };
    global.confine(&args.output.iter().fold(Needs::default(), |needs, path| needs.whole_file(path)));
    let plan = match (&args.which, own) {
        (Some(which), _) => response::plan(which, &home, args.case.as_deref())?,
        (None, Some(own)) => own,
        (None, None) => bail!("say what: a remedy of an incident (1a), or one of the steps (see --help)"),
    };
    let mut out = io::stdout().lock();
    tell(&plan, &mut out)?;
    if let Some(path) = &args.output {
        write_whole(path, plan.to_json().as_bytes())?;
        writeln!(out, "written to {}", escape(&path.display().to_string()))?;
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// A plan of one's own, and what the guards would say of it on any machine.
fn by_hand(args: &PlanArgs) -> Result<Plan> {
    let (step, host) = step(&args.step, args.lasts.unwrap_or(SECONDS))?;
    if args.lasts.is_some() && step.seconds().is_none() {
        bail!("`{}` does not end by itself: --for is for --block and --isolate", step.verb());
    }
    let plan = Plan { incident: "by hand".to_owned(), host, step, findings: vec![], made_ms: books::now_ms() };
    let Err(refusals) = guard::check(plan.clone(), &Protected::default(), &Limits::default(), &[], plan.made_ms) else {
        return Ok(plan);
    };
    let limit = |refusal: &Refusal| matches!(refusal, Refusal::TooMany(..) | Refusal::TooWide(_) | Refusal::Endless(_));
    let words: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    if refusals.iter().all(limit) {
        writeln!(io::stderr(), "note: refused unless a policy widens the limits: {}", escape(&words.join("; ")))?;
        return Ok(plan);
    }
    bail!("nobody would do this: {}", words.join("; "))
}

/// How long a block holds if nobody says it: an hour.
const SECONDS: u64 = 3600;

/// What a person reads before approving.
///
/// # Errors
/// When `out` fails.
pub fn tell(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let mut words = plan.words().into_iter();
    let host = plan.host.as_ref().map_or(String::new(), |host| format!(" on {host}"));
    writeln!(out, "{}{}", escape(&words.next().unwrap_or_default()), escape(&host))?;
    let hash = plan.hash().to_string();
    let short = format!("shieldwall undo {}", hash.get(..12).unwrap_or(&hash));
    for text in words {
        writeln!(out, "  {}", escape(&text.replace("shieldwall undo PLAN", &short)))?;
    }
    if let Some((id, name)) = plan.step.d3fend() {
        writeln!(out, "  D3FEND: {id} {name}")?;
    }
    writeln!(out, "  incident: {}", escape(&plan.incident))?;
    writeln!(out, "  plan: {}", plan.hash())
}

/// The step, and the machine that it is for where it is for this one alone.
fn step(args: &StepArgs, seconds: u64) -> Result<(Step, Option<String>)> {
    let mut steps = Vec::new();
    if !args.block.is_empty() {
        steps.push(Step::Block { targets: args.block.clone(), ports: args.port.clone(), seconds });
    }
    if args.isolate {
        steps.push(Step::Isolate { keep: args.keep.clone(), seconds });
    }
    if let Some(pid) = args.stop_process {
        steps.push(Step::StopProcess { process: process(pid)? });
    }
    if let Some(pid) = args.kill_process {
        steps.push(Step::KillProcess { process: process(pid)? });
    }
    steps.extend(args.lock_user.clone().map(|user| Step::LockUser { user }));
    steps.extend(args.end_sessions.clone().map(|user| Step::EndSessions { user }));
    steps.extend(args.stop_service.clone().map(|unit| Step::StopService { unit }));
    if let Some(path) = &args.quarantine {
        let path = std::path::absolute(path)?;
        steps.push(Step::Quarantine { sha256: sha256(&path)?, path });
    }
    steps.extend(args.notify.clone().map(|hook| Step::Notify { hook }));
    let mut steps = steps.into_iter();
    match (steps.next(), steps.next()) {
        (Some(step), None) => {
            let everywhere = matches!(step, Step::Block { .. } | Step::Notify { .. });
            let host = if everywhere { None } else { own_name() };
            Ok((step, host))
        }
        (None, _) => bail!("say what: a remedy of an incident (1a), or one of the steps (see --help)"),
        _ => bail!("one plan is one step: make a plan for each"),
    }
}

fn own_name() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(text.trim().split('.').next().unwrap_or_default().to_lowercase()).filter(|name| !name.is_empty())
}

fn process(pid: u32) -> Result<Process> {
    let gone = || format!("there is no process {pid} that can be read");
    let stat = fs::read(format!("/proc/{pid}/stat")).with_context(gone)?;
    let stat = String::from_utf8_lossy(&stat);
    // The name in brackets may hold anything; the start is the twentieth word after it.
    let start_ticks =
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok()).with_context(gone)?;
    let exe = PathBuf::from(format!("/proc/{pid}/exe"));
    let exe_sha256 =
        sha256(&exe).with_context(|| format!("the executable of process {pid} (a kernel thread has none)"))?;
    Ok(Process { pid, start_ticks, exe_sha256 })
}

fn sha256(path: &Path) -> Result<String> {
    let shown = path.display();
    let mut file = fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    if !file.metadata()?.is_file() {
        bail!("`{shown}` is no file");
    }
    let mut hash = Sha256::new();
    let mut part = vec![0; HASHED_AT_ONCE];
    loop {
        let taken = file.read(&mut part)?;
        if taken == 0 {
            return Ok(crate::line::hex(&hash.finalize()));
        }
        hash.update(part.get(..taken).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_ports_are_read_or_refused() {
        for (text, expected) in [("90s", Some(90)), ("30m", Some(1800)), ("24h", Some(86_400)), ("7d", Some(604_800))] {
            assert_eq!(seconds(text).ok(), expected);
        }
        for text in ["", "h", "0h", "-1h", "1", "1w", "99999999999999999999d", "9999999999999999d", "ß"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(port("udp/53"), Ok(Port { transport: Transport::Udp, port: 53 }));
        for text in ["22", "tcp/", "tcp/0", "tcp/65536", "icmp/1"] {
            assert!(port(text).is_err(), "{text}");
        }
    }
}
