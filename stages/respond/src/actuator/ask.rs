//! What the actuator can be asked, and what it answers: one JSON object a line each way. A closed list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::Event;
use crate::level::Claim;
use crate::plan::Plan;

/// Bytes of one question: a plan of 128 targets with four approvals takes 100 KiB.
pub const ASK_BYTES_MAX: u64 = 512 << 10;

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Who you are and whom you believe.
    Status,
    /// What was done.
    List,
    /// What a plan would change, and whether it may be done; nothing is changed.
    Check {
        /// What.
        plan: Plan,
        /// Operators' approvals; two different ones widen the limits. None is used up.
        #[serde(default)]
        approvals: Vec<String>,
    },
    /// Do it.
    Apply {
        /// What.
        plan: Plan,
        /// Operators' approvals; two different ones widen the limits.
        #[serde(default)]
        approvals: Vec<String>,
        /// What speaks for doing it without a person.
        #[serde(default)]
        claim: Option<Claim>,
    },
    /// Take it back.
    Undo {
        /// The plan's hash.
        plan: String,
        /// An operator's signature that says so.
        approval: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Status`].
    Status {
        /// How many operators are believed.
        operators: usize,
        /// What of the policy does not count.
        notes: Vec<String>,
    },
    /// To [`Ask::List`].
    List {
        /// What was done, latest first.
        deeds: Vec<Deed>,
    },
    /// It may be done, and would change this.
    Checked {
        /// What.
        diff: Value,
    },
    /// Done, and read back.
    Done {
        /// The plan's hash.
        plan: String,
        /// Who approved.
        approver: String,
    },
    /// As before.
    Undone {
        /// The plan's hash.
        plan: String,
        /// Whether there was anything left to take back.
        was: bool,
    },
    /// It may not be done; nothing was changed.
    Refused {
        /// All reasons.
        why: Vec<String>,
    },
    /// It was tried and did not work; the words say what holds now.
    Failed {
        /// What happened.
        why: String,
    },
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// The plan's hash.
    pub hash: String,
    /// What.
    pub plan: Plan,
    /// Who approved.
    pub approver: String,
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
    /// How it stands.
    pub state: State,
    /// Why it was taken back, where it was.
    pub why: String,
}

/// How a deed stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Begun and never ended: a crash; the next start takes it back.
    Torn,
    /// Done; nothing of it lasts.
    Done,
    /// It holds.
    Holds,
    /// Its time is over.
    Ended,
    /// Taken back.
    Undone,
}

impl State {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Done => "done",
            Self::Holds => "holds",
            Self::Ended => "ended",
            Self::Undone => "undone",
        }
    }
}

/// Deeds of a journal, latest first, at most `most`.
pub fn deeds(events: &[Event], now_ms: i64, most: usize) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = Vec::new();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        let hash = event.plan_hash();
        match event {
            Event::Begin { plan, approver, at_ms, .. } => {
                last.insert(hash.clone(), deeds.len());
                let (plan, approver, why) = (plan.clone(), approver.clone(), String::new());
                deeds.push(Deed { hash, plan, approver, at_ms: *at_ms, state: State::Torn, why });
            }
            Event::Applied { .. } | Event::Undone { .. } => {
                let Some(deed) = last.get(&hash).and_then(|at| deeds.get_mut(*at)) else { continue };
                deed.state = if deed.plan.step.lasts() { State::Holds } else { State::Done };
                if let Event::Undone { why, .. } = event {
                    (deed.state, deed.why) = (State::Undone, why.clone());
                }
            }
            Event::Spent { .. } => {}
        }
    }
    for deed in deeds.iter_mut().filter(|deed| deed.state == State::Holds) {
        let ends = deed.plan.step.seconds().and_then(|seconds| i64::try_from(seconds).ok());
        if ends.is_some_and(|seconds| deed.at_ms.saturating_add(seconds.saturating_mul(1000)) <= now_ms) {
            deed.state = State::Ended;
        }
    }
    deeds.reverse();
    deeds.truncate(most);
    deeds
}
