//! Stops a process where it is, or ends it; never another one that got its number.
//!
//! The process is held by a pidfd first, and then compared: when it started (`/proc/PID/stat`) and the SHA-256 of its executable
//! (`/proc/PID/exe`). A signal through the pidfd reaches the process that was held or nobody. A stopped process goes on with
//! `SIGCONT`; an ended one is gone. Wants `CAP_KILL`, and `CAP_SYS_PTRACE` to read the executables of others.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::{Value, json};

use crate::action::content::hash_of;
use crate::action::{Action, child};
use crate::approve::Approved;
use crate::plan::{Plan, Process, Step};

/// How long a killed process may take to be gone: one that waits for a broken disk is never gone.
const GONE_TIME: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// How often a stopped process is looked at, with [`STOP_EVERY`] between: a second in all.
const STOP_LOOKS: u32 = 200;

/// See [`STOP_LOOKS`].
const STOP_EVERY: Duration = Duration::from_millis(5);

/// Bytes of an executable that are hashed: larger ones are not run.
const EXE_BYTES_MAX: u64 = 4 << 30;

/// The actuator.
pub struct Signals {
    proc: PathBuf,
}

impl Default for Signals {
    fn default() -> Self {
        Self { proc: PathBuf::from("/proc") }
    }
}

/// A process that is held, as it is now.
struct Held {
    fd: OwnedFd,
    state: char,
    start_ticks: u64,
}

impl Held {
    /// Whether it has ended, though nobody may have asked how.
    fn is_gone(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// State (field 3) and start (field 22) of `/proc/PID/stat` (proc(5)). The name in it may hold anything, also `)`.
fn stat(text: &str) -> Option<(char, u64)> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // After the state, the start is the nineteenth field.
    Some((state, fields.nth(18)?.parse().ok()?))
}

impl Signals {
    /// Holds the process of that number, whichever it is; `None` if there is none.
    fn hold(&self, pid: u32) -> io::Result<Option<Held>> {
        let pid =
            i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process number"))?;
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(Errno::SRCH) => return Ok(None),
            Err(Errno::INVAL) => return Err(io::Error::other(format!("{pid} is a thread, not a process"))),
            Err(error) => return Err(error.into()),
        };
        let text = match fs::read(self.proc.join(pid.to_string()).join("stat")) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => return Ok(None),
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (state, start_ticks) = stat(&String::from_utf8_lossy(&text))
            .ok_or_else(|| io::Error::other(format!("`/proc/{pid}/stat` is not readable as proc(5) says")))?;
        Ok(Some(Held { fd, state, start_ticks }))
    }

    /// Holds exactly this process, by start and, unless it ended, by executable; `None` if it is gone.
    fn same(&self, process: &Process) -> io::Result<Option<Held>> {
        let Some(held) = self.hold(process.pid)? else { return Ok(None) };
        if held.start_ticks != process.start_ticks {
            return Ok(None);
        }
        if held.is_gone() {
            return Ok(Some(held));
        }
        let path = self.proc.join(process.pid.to_string()).join("exe");
        let file = File::open(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot read the executable of process {}: {error}", process.pid))
        })?;
        let found = hash_of(&file, EXE_BYTES_MAX)?.to_string();
        if found != process.exe_sha256 {
            return Err(io::Error::other(format!("process {} runs another executable now", process.pid)));
        }
        Ok(Some(held))
    }

    fn state(&self, process: &Process) -> io::Result<&'static str> {
        Ok(match self.same(process)? {
            None => "gone",
            Some(held) if held.is_gone() => "gone",
            Some(held) if matches!(held.state, 'T' | 't') => "stopped",
            Some(_) => "runs",
        })
    }
}

fn of(plan: &Plan) -> io::Result<(&Process, bool)> {
    match &plan.step {
        Step::StopProcess { process } => Ok((process, false)),
        Step::KillProcess { process } => Ok((process, true)),
        _ => Err(io::Error::other("only processes are stopped and ended here")),
    }
}

fn gone(process: &Process) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("process {} is gone: there is nothing to stop", process.pid))
}

impl Action for Signals {
    fn diff(&self, plan: &Plan) -> Value {
        match of(plan) {
            Ok((process, kill)) => json!({ "pid": process.pid, "start_ticks": process.start_ticks,
                "signal": if kill { "SIGKILL" } else { "SIGSTOP" } }),
            Err(_) => Value::Null,
        }
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        let (process, _) = of(plan)?;
        if process.pid == std::process::id() {
            return Err(io::Error::other("that is this program itself"));
        }
        Ok(json!({ "state": self.state(process)? }))
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let (process, kill) = of(approved.plan())?;
        let held = self.same(process)?.filter(|held| !held.is_gone()).ok_or_else(|| gone(process))?;
        let signal = if kill { Signal::KILL } else { Signal::STOP };
        pidfd_send_signal(&held.fd, signal).map_err(|error| match error {
            Errno::SRCH => gone(process),
            Errno::PERM => io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("process {} belongs to another user: the capability CAP_KILL is missing", process.pid),
            ),
            other => other.into(),
        })
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let (process, kill) = of(plan)?;
        if kill {
            let Some(held) = self.hold(process.pid)?.filter(|held| held.start_ticks == process.start_ticks) else {
                return Ok(());
            };
            let mut fds = [PollFd::new(&held.fd, PollFlags::IN)];
            let ended = held.is_gone() || poll(&mut fds, Some(&GONE_TIME)).is_ok_and(|ready| ready > 0);
            return if ended { Ok(()) } else { Err(io::Error::other(format!("process {} still runs", process.pid))) };
        }
        // The kernel stops it when one of its threads next looks at its signals.
        let mut state = "";
        let stopped = child::until(STOP_LOOKS, STOP_EVERY, || {
            state = self.state(process)?;
            Ok(state != "runs")
        })?;
        if stopped && state == "stopped" {
            return Ok(());
        }
        Err(io::Error::other(format!("process {} is not stopped: it {state}", process.pid)))
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let (process, kill) = of(plan)?;
        // By start alone: while it was stopped it could not become another, and its file may be in quarantine by now.
        let held = self.hold(process.pid)?.filter(|held| held.start_ticks == process.start_ticks && !held.is_gone());
        let was = before.get("state").and_then(Value::as_str).unwrap_or_default();
        match held {
            None if kill && was != "gone" => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "an ended process cannot be had back"))
            }
            Some(held) if !kill && was == "runs" && held.state == 'T' => Ok(pidfd_send_signal(&held.fd, Signal::CONT)?),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_after_the_name_are_found_whatever_the_name_is() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for name in ["sleep", "a b", ") R 9 (", "x) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1"] {
            assert_eq!(stat(&format!("12 ({name}) {rest}")), Some(('S', 4711)), "{name}");
        }
        for text in ["", "12 (x", "12 (x)", "12 (x) S 1 2", "12 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 y"] {
            assert_eq!(stat(text), None, "{text}");
        }
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let own = std::process::id();
        let signals = Signals::default();
        let held = signals.hold(own).unwrap().unwrap();
        let process = |start_ticks| Process { pid: own, start_ticks, exe_sha256: "0".repeat(64) };
        assert!(signals.same(&process(held.start_ticks + 1)).unwrap().is_none());
        assert!(signals.same(&process(held.start_ticks)).is_err(), "another executable");
        assert!(signals.hold(u32::MAX).is_err());
    }
}
