//! Ends a user's login sessions through `loginctl` of systemd-logind. Cannot be undone.
//!
//! The program and not D-Bus: a D-Bus library brings an executor and sixty crates into the process that has the most rights.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use crate::action::{Action, child};
use crate::approve::Approved;
use crate::plan::{Plan, Step};

/// How long one `loginctl` may take.
const LOGINCTL_TIME: Duration = Duration::from_secs(10);

/// Bytes that it may say: ten thousand sessions.
const LOGINCTL_BYTES_MAX: usize = 1 << 20;

/// How often sessions are looked for after the end, with [`END_EVERY`] between: logind ends them one by one.
const END_LOOKS: u32 = 30;

/// See [`END_LOOKS`].
const END_EVERY: Duration = Duration::from_millis(100);

/// The actuator.
pub struct Sessions {
    argv: Vec<String>,
}

fn of(plan: &Plan) -> io::Result<&str> {
    match &plan.step {
        Step::EndSessions { user } => Ok(user),
        _ => Err(io::Error::other("only sessions are ended here")),
    }
}

impl Sessions {
    /// With the words that start `loginctl`.
    pub fn new(argv: Vec<String>) -> Self {
        Self { argv }
    }

    fn run(&self, arguments: &[&str]) -> io::Result<String> {
        let limits = child::Limits { time: LOGINCTL_TIME, bytes: LOGINCTL_BYTES_MAX };
        child::run(&self.argv, arguments, &[], &limits, "sessions are ended through systemd-logind")?.ok("loginctl")
    }

    /// How many sessions a user has. A line is `SESSION UID USER SEAT TTY`.
    fn count(&self, user: &str) -> io::Result<usize> {
        let listed = self.run(&["list-sessions", "--no-legend", "--no-pager", "--full"])?;
        Ok(listed.lines().filter(|line| line.split_ascii_whitespace().nth(2) == Some(user)).count())
    }
}

impl Action for Sessions {
    fn diff(&self, plan: &Plan) -> Value {
        of(plan).map_or(Value::Null, |user| json!({ "argv": self.argv, "and": ["terminate-user", user] }))
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        Ok(json!({ "sessions": self.count(of(plan)?)? }))
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let user = of(approved.plan())?;
        // logind refuses to end what is not there.
        if self.count(user)? == 0 {
            return Ok(());
        }
        self.run(&["terminate-user", user]).map(|_| ())
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let user = of(plan)?;
        let ended = child::until(END_LOOKS, END_EVERY, || Ok(self.count(user)? == 0))?;
        if ended { Ok(()) } else { Err(io::Error::other(format!("user {user} still has sessions"))) }
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let had = before.get("sessions").and_then(Value::as_u64).unwrap_or(0);
        if self.count(of(plan)?)? as u64 >= had {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "ended sessions cannot be had back"))
    }
}
