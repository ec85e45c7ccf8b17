//! The socket: who may speak, how much, how long.
//!
//! One question a connection, one connection at a time: what acts is not in a hurry, and nothing of two askers can mix.
//! A caller is known by what the kernel says of it (`SO_PEERCRED`), never by what it says itself.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;

use super::Actuator;
use super::ask::{ASK_BYTES_MAX, Answer, Ask};
use crate::journal::Disk;

/// How long a caller may take to say or to hear something.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a whole question may take.
const PATIENCE_IN_ALL: Duration = Duration::from_secs(2);

/// Bytes that are read at once.
const PART_BYTES: usize = 64 << 10;

/// Parts that a question may come in: who sends byte by byte is turned away, and does not keep others waiting.
const PARTS_MAX: usize = 32;

/// Questions of one minute; more are turned away unread. A core that floods the socket must not keep the disk busy.
pub const ASKS_A_MINUTE: usize = 600;

/// Turns questions away when there are too many of one caller. Root is never turned away: whoever floods the socket must not
/// keep an administrator from undoing.
#[derive(Debug, Default)]
pub struct Gate {
    minute: i64,
    /// Caller → questions in this minute. Only those that may ask are counted, and the policy names few.
    asked: BTreeMap<u32, usize>,
}

impl Gate {
    /// Whether one more of a caller may come. A clock that was set back opens nothing: the count goes on.
    pub fn admits(&mut self, caller: u32, now_ms: i64) -> bool {
        let minute = now_ms.div_euclid(60_000);
        if minute > self.minute {
            self.minute = minute;
            self.asked.clear();
        }
        let asked = self.asked.entry(caller).or_default();
        *asked = asked.saturating_add(1);
        caller == 0 || *asked <= ASKS_A_MINUTE
    }
}

/// Answers until the listener fails. `now` is asked for each question; `name` gives the login name of a user id.
///
/// # Errors
/// When nothing can be accepted any more.
pub fn serve<D: Disk>(
    listener: &UnixListener,
    actuator: &mut Actuator<D>,
    now: &dyn Fn() -> i64,
    name: &dyn Fn(u32) -> Option<String>,
) -> io::Result<()> {
    let mut gate = Gate::default();
    loop {
        let (stream, _) = listener.accept()?;
        // A caller that breaks off harms itself alone.
        let _ = one(&stream, actuator, &mut gate, now(), name);
        if actuator.journal().is_broken() {
            // Started anew, it opens the journal again and takes back what was not written down.
            return Err(io::Error::other("the journal cannot be written"));
        }
    }
}

/// Answers one caller.
///
/// # Errors
/// When the caller cannot be heard or answered.
pub fn one<D: Disk>(
    stream: &UnixStream,
    actuator: &mut Actuator<D>,
    gate: &mut Gate,
    now_ms: i64,
    name: &dyn Fn(u32) -> Option<String>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let caller = socket_peercred(stream)?.uid.as_raw();
    let answer = if caller != 0 && !actuator.policy().callers.contains(&caller) {
        refuse(format!("user {caller} may not ask (key `callers` of the policy)"))
    } else if !gate.admits(caller, now_ms) {
        refuse(format!("more than {ASKS_A_MINUTE} questions in a minute"))
    } else {
        match hear(stream) {
            Ok(ask) => actuator.handle(ask, name(caller).as_deref(), now_ms),
            Err(error) => refuse(format!("no question: {error}")),
        }
    };
    let mut line = serde_json::to_vec(&answer).map_err(io::Error::other)?;
    line.push(b'\n');
    let mut stream = stream;
    stream.write_all(&line)
}

fn refuse(why: String) -> Answer {
    Answer::Refused { why: vec![why] }
}

fn hear(stream: &UnixStream) -> io::Result<Ask> {
    let mut line = Vec::new();
    let mut part = vec![0; PART_BYTES];
    let mut stream = stream;
    let began = Instant::now();
    for _ in 0..PARTS_MAX {
        if began.elapsed() > PATIENCE_IN_ALL {
            break;
        }
        let taken = stream.read(&mut part)?;
        line.extend_from_slice(part.get(..taken).unwrap_or_default());
        if line.last() == Some(&b'\n') {
            return serde_json::from_slice(&line).map_err(io::Error::other);
        }
        if taken == 0 || line.len() as u64 > ASK_BYTES_MAX {
            break;
        }
    }
    Err(io::Error::other("not one whole line"))
}

/// Asks an actuator on a socket.
///
/// # Errors
/// When nobody answers, or not in the actuator's words.
pub fn ask(stream: &UnixStream, ask: &Ask) -> io::Result<Answer> {
    let mut line = serde_json::to_vec(ask).map_err(io::Error::other)?;
    line.push(b'\n');
    let mut writer = stream;
    // It may have turned us away before it read; then its words tell more than a broken pipe.
    let written = writer.write_all(&line);
    let mut answer = Vec::new();
    BufReader::new(stream.take(64 << 20)).read_until(b'\n', &mut answer)?;
    if answer.is_empty() {
        written?;
        return Err(io::Error::other("the actuator said nothing"));
    }
    serde_json::from_slice(&answer).map_err(io::Error::other)
}
