//! `shieldwall actuator`: the small privileged process that acts. It listens on a socket, believes operators' signatures and the
//! policy alone, and never speaks first.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{Global, Outcome};
use crate::books;
use crate::response::{self, Where};

/// Its systemd unit.
const UNIT: &str = include_str!("../../deploy/shieldwall-actuator.service");

/// Flags of `actuator`, as written.
#[derive(Debug, Args)]
pub struct ActuatorArgs {
    /// Print its systemd unit, and do nothing else
    #[arg(long)]
    unit: bool,
    #[command(flatten)]
    at: Where,
}

/// Runs the command.
///
/// # Errors
/// When it is not root's, has no policy of root's own, or another one acts.
pub fn run(_: &Global, args: &ActuatorArgs) -> Result<Outcome> {
    if args.unit {
        io::stdout().write_all(UNIT.as_bytes())?;
        return Ok(Outcome::Clean);
    }
    serve(args)
}

#[cfg(target_os = "linux")]
fn serve(args: &ActuatorArgs) -> Result<Outcome> {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    if !rustix::process::geteuid().is_root() {
        bail!("the actuator needs root: start it by its unit (`shieldwall actuator --unit`) or with sudo");
    }
    let at = &args.at;
    let mut actuator = response::actuator(&at.policy, &at.journal, None)?;
    let mut err = io::stderr().lock();
    let taken = actuator.recover(books::now_ms()).context("what a crash left could not be taken back")?;
    if taken > 0 {
        writeln!(err, "{taken} action(s) that a crash had left half done were taken back")?;
    }
    for note in &actuator.policy().notes {
        writeln!(err, "note: {note}")?;
    }
    let socket: &PathBuf = &at.socket;
    if let Some(folder) = socket.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    // The journal is ours alone, so whoever left this socket is gone.
    if socket.exists() {
        if UnixStream::connect(socket).is_ok() {
            bail!("another actuator listens at `{}`", socket.display());
        }
        fs::remove_file(socket)?;
    }
    let listener = UnixListener::bind(socket).with_context(|| format!("cannot listen at `{}`", socket.display()))?;
    // Anybody may knock; the kernel says who it is, and the policy who is heard.
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666))?;
    writeln!(err, "listening at {}", socket.display())?;
    drop(err);
    shieldwall_respond::actuator::serve::serve(&listener, &mut actuator, &books::now_ms, &response::user_name)?;
    Ok(Outcome::Clean)
}

#[cfg(not(target_os = "linux"))]
fn serve(_: &ActuatorArgs) -> Result<Outcome> {
    bail!("this system has no actuator")
}
