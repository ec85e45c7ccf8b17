//! Stops a service through `systemctl`, and starts it again if it ran.
//!
//! What may start it by itself (a socket, a timer, a person) is not kept from it: reading back says whether it is up again.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use crate::action::{Action, child};
use crate::approve::Approved;
use crate::plan::{Plan, Step};

/// How long one `systemctl` may take: systemd itself gives a service 90 s to stop before it kills it.
const SYSTEMCTL_TIME: Duration = Duration::from_secs(120);

/// Bytes that it may say.
const SYSTEMCTL_BYTES_MAX: usize = 64 << 10;

/// How often the state is looked at until it is at rest, with [`REST_EVERY`] between.
const REST_LOOKS: u32 = 20;

/// See [`REST_LOOKS`].
const REST_EVERY: Duration = Duration::from_millis(100);

/// The actuator.
pub struct Service {
    argv: Vec<String>,
}

/// What systemd says of a unit (org.freedesktop.systemd1(5)).
#[derive(Debug, PartialEq, Eq)]
struct State {
    active: String,
    sub: String,
    load: String,
}

impl State {
    fn read(text: &str) -> io::Result<Self> {
        let field = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            lines.filter(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned()).next()
        };
        match (field("ActiveState"), field("SubState"), field("LoadState")) {
            (Some(active), Some(sub), Some(load)) => Ok(Self { active, sub, load }),
            _ => Err(io::Error::other("systemctl does not say in which state the unit is")),
        }
    }

    fn is_down(&self) -> bool {
        matches!(self.active.as_str(), "inactive" | "failed")
    }

    fn is_resting(&self) -> bool {
        self.is_down() || self.active == "active"
    }
}

fn of(plan: &Plan) -> io::Result<&str> {
    match &plan.step {
        Step::StopService { unit } => Ok(unit),
        _ => Err(io::Error::other("only services are stopped here")),
    }
}

impl Service {
    /// With the words that start `systemctl`.
    pub fn new(argv: Vec<String>) -> Self {
        Self { argv }
    }

    fn run(&self, arguments: &[&str]) -> io::Result<String> {
        let limits = child::Limits { time: SYSTEMCTL_TIME, bytes: SYSTEMCTL_BYTES_MAX };
        child::run(&self.argv, arguments, &[], &limits, "services are stopped through systemd")?.ok("systemctl")
    }

    fn state(&self, unit: &str) -> io::Result<State> {
        let state = State::read(&self.run(&["show", "--property=ActiveState,SubState,LoadState", "--", unit])?)?;
        if state.load == "not-found" {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no unit `{unit}`")));
        }
        Ok(state)
    }

    /// The state once the unit is at rest, or the last one seen.
    fn rest(&self, unit: &str) -> io::Result<State> {
        let mut state = self.state(unit)?;
        child::until(REST_LOOKS, REST_EVERY, || {
            state = self.state(unit)?;
            Ok(state.is_resting())
        })?;
        Ok(state)
    }
}

impl Action for Service {
    fn diff(&self, plan: &Plan) -> Value {
        of(plan).map_or(Value::Null, |unit| json!({ "argv": self.argv, "and": ["stop", "--", unit] }))
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        let state = self.state(of(plan)?)?;
        Ok(json!({ "active": state.active, "sub": state.sub, "load": state.load }))
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        self.run(&["stop", "--", of(approved.plan())?]).map(|_| ())
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        let unit = of(plan)?;
        let state = self.rest(unit)?;
        if state.is_down() {
            return Ok(());
        }
        Err(io::Error::other(format!("`{unit}` is {} ({})", state.active, state.sub)))
    }

    fn undo(&mut self, plan: &Plan, before: &Value) -> io::Result<()> {
        let unit = of(plan)?;
        let ran = before.get("active").and_then(Value::as_str).is_some_and(|was| !matches!(was, "inactive" | "failed"));
        if !ran || !self.rest(unit)?.is_down() {
            return Ok(());
        }
        self.run(&["start", "--", unit])?;
        let state = self.rest(unit)?;
        if state.is_down() {
            return Err(io::Error::other(format!("`{unit}` does not start again: {} ({})", state.active, state.sub)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_by_name_and_order_does_not_matter() {
        let state = State::read("SubState=running\nLoadState=loaded\nActiveState=active\nMore=x\n").unwrap();
        assert!(!state.is_down() && state.is_resting() && state.sub == "running");
        for (active, down, rests) in [("inactive", true, true), ("failed", true, true), ("deactivating", false, false)]
        {
            let state = State::read(&format!("ActiveState={active}\nSubState=x\nLoadState=loaded\n")).unwrap();
            assert_eq!((state.is_down(), state.is_resting()), (down, rests));
        }
        for text in ["", "ActiveState=active", "active\nrunning\nloaded"] {
            assert!(State::read(text).is_err(), "{text}");
        }
    }
}
