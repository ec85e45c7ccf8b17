//! A step in plain words: what it does, what it touches, why it is safe, how it ends, how to undo it.

use crate::net::Net;
use crate::plan::{Port, Process, Step};

/// What a person reads before approving.
pub fn of(step: &Step) -> Vec<String> {
    let told = Told::of(step);
    let mut out = vec![told.does, format!("touches: {}", told.touches), format!("why safe: {}", told.safe)];
    out.push(match step.seconds() {
        Some(seconds) => format!("ends: by itself after {}, even if nothing of ours runs", duration(seconds)),
        None => "ends: when you undo it".to_owned(),
    });
    if step.is_reversible() {
        out.push(format!("undo: `shieldwall undo PLAN`; {}", told.after));
    } else {
        // What has no way back has no end either.
        out.pop();
        out.push("undo: none; it needs a person each time".to_owned());
    }
    out
}

struct Told {
    does: String,
    touches: &'static str,
    safe: &'static str,
    after: &'static str,
}

impl Told {
    fn of(step: &Step) -> Self {
        let network = "loopback, own addresses, gateway, DNS, NTP, live sessions and your list are protected twice, here and by an allow rule in the kernel";
        let process = "start time and executable are compared first, so a reused number is never hit; process 1, our own, and those of units that a machine cannot do without are protected";
        let (does, touches, safe, after) = match step {
            Step::Block { targets, ports, seconds } if ports.is_empty() => (
                format!("block {} for {}", nets(targets), duration(*seconds)),
                "the kernel table `inet shieldwall` of this machine, no other rule; live connections to them stop",
                network,
                "the rules are then as before",
            ),
            Step::Block { targets, ports, seconds } => (
                format!("block {} from {} for {}", nets(targets), ports_of(ports), duration(*seconds)),
                "the kernel table `inet shieldwall` of this machine, no other rule; live connections to these ports stop",
                network,
                "the rules are then as before",
            ),
            Step::Isolate { keep, seconds } => (
                format!("cut this machine off for {}, except {}", duration(*seconds), nets(keep)),
                "the kernel table `inet shieldwall` of this machine, no other rule; all other connections stop",
                network,
                "the rules are then as before",
            ),
            Step::StopProcess { process: one } => (
                format!("stop {}", named(one)),
                "this one process; it keeps its memory",
                process,
                "it goes on where it was",
            ),
            Step::KillProcess { process: one } => {
                (format!("kill {}", named(one)), "this one process; what it had not saved is lost", process, "")
            }
            Step::LockUser { user } => (
                format!("lock user {user}"),
                "the account's lines in `/etc/shadow`; sessions that are open stay open",
                "root, system accounts and the last account that may administer are protected",
                "password and expiry are then as before",
            ),
            Step::EndSessions { user } => (
                format!("end the sessions of user {user}"),
                "everything that the user runs in a login session",
                "root and the session that asks are protected",
                "",
            ),
            Step::StopService { unit } => (
                format!("stop {unit}"),
                "this unit and what needs it",
                "the units that a machine or its management cannot do without are protected",
                "it is started again if it ran",
            ),
            Step::Quarantine { path, .. } => (
                format!("quarantine {}", path.display()),
                "this one file: moved aside on the same file system, readable by nobody",
                "only the file with this hash; folders of the system are protected",
                "the file is back with owner, mode, times and attributes",
            ),
            Step::Notify { hook } => {
                (format!("send a message to `{hook}`"), "nothing here", "the address is the operator's", "")
            }
            Step::Command { template, .. } => (
                format!("run the operator's command `{template}`"),
                "whatever the operator's command touches",
                "no shell; values stand as single arguments",
                "",
            ),
        };
        Self { does, touches, safe, after }
    }
}

fn nets(nets: &[Net]) -> String {
    if nets.is_empty() {
        return "the protected".to_owned();
    }
    nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn ports_of(ports: &[Port]) -> String {
    let one = |port: &Port| format!("{} {}", port.transport.name(), port.port);
    ports.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn named(process: &Process) -> String {
    format!("process {} ({})", process.pid, process.exe_sha256.get(..12).unwrap_or("no hash"))
}

/// A duration in its largest whole unit.
pub fn duration(seconds: u64) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
