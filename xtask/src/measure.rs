//! What a command costs: CPU seconds, wall seconds, peak memory; each run in a process of its own.
//!
//! `nix` (MIT) is there for one call, `getrusage`, which std does not have and which needs `unsafe` without it.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};

/// The cost of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// User and system seconds.
    pub cpu: f64,
    /// Wall seconds.
    pub wall: f64,
    /// Peak resident memory in MB (10^6 bytes).
    pub rss: f64,
}

/// Runs a command once and gives its cost. Its stdout goes to `/dev/null`.
///
/// The run happens below a second process of ours, since peak memory is only known for all ended children together.
///
/// # Errors
/// When the command cannot be started or ends with a code that is not in `codes`.
pub fn once(command: &[OsString], codes: &[i32]) -> Result<Cost> {
    let exe = std::env::current_exe()?;
    let output = Command::new(exe).arg("measure-one").args(command).stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [code, cpu, wall, rss] = numbers[..] else { bail!("cannot measure {command:?}: {text}") };
    if !codes.contains(&(code as i32)) {
        bail!("{command:?} ended with {code}");
    }
    Ok(Cost { cpu, wall, rss })
}

/// The median of `runs` runs, each figure by itself; peak memory is the highest.
///
/// # Errors
/// As [`once`].
pub fn median(command: &[OsString], codes: &[i32], runs: usize) -> Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..runs.max(1) {
        costs.push(once(command, codes)?);
    }
    Ok(Cost {
        cpu: middle(costs.iter().map(|cost| cost.cpu).collect()),
        wall: middle(costs.iter().map(|cost| cost.wall).collect()),
        rss: costs.iter().map(|cost| cost.rss).fold(0.0, f64::max),
    })
}

/// Seconds until a command's first byte on stdout, and until its end; medians of `runs` runs, each figure by itself.
///
/// # Errors
/// When the command cannot be started, says nothing or ends with a code that is not in `codes`.
pub fn first_byte(command: &[OsString], codes: &[i32], runs: usize) -> Result<(f64, f64)> {
    let (mut firsts, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        let mut child = started(command, Stdio::piped())?;
        let mut out = child.stdout.take().context("no pipe")?;
        let said = out.read_exact(&mut [0]);
        firsts.push(start.elapsed().as_secs_f64());
        std::io::copy(&mut out, &mut std::io::sink())?;
        let status = child.wait()?;
        ends.push(start.elapsed().as_secs_f64());
        if said.is_err() || !status.code().is_some_and(|code| codes.contains(&code)) {
            bail!("{command:?} ended with {status} or said nothing");
        }
    }
    Ok((middle(firsts), middle(ends)))
}

/// A command, running, with nothing to read and nobody to complain to.
fn started(command: &[OsString], stdout: Stdio) -> Result<Child> {
    let (program, arguments) = command.split_first().context("no command to measure")?;
    let mut child = Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
    child.spawn().with_context(|| format!("cannot start {}", Path::new(program).display()))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The hidden command behind [`once`].
///
/// # Errors
/// When the command cannot be started.
pub fn one(command: &[OsString]) -> Result<()> {
    let start = Instant::now();
    let status = started(command, Stdio::null())?.wait()?;
    let wall = start.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    println!("{} {cpu} {wall} {}", status.code().unwrap_or(-1), usage.max_rss() as f64 * 1024.0 / 1e6);
    Ok(())
}
