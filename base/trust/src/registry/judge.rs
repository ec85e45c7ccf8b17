//! Whether signed evidence shows what a policy asks of a model. Nothing else is looked at: no file of the model, no word of
//! the user, no evidence that nobody believed signed.
//!
//! Evidence is an in-toto statement whose subject is the model's hash, of type `urn:shieldwall:gate:NAME:v1`, with
//!
//! ```json
//! {"verdict": "pass", "figures": {"recall": 0.93}, "policy": "SHA-256", "tool": "shieldwall 0.1.0", "time": 1763880000000}
//! ```
//!
//! Figures are judged here once more: a verdict is no better than the limits of the policy that is in force now.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use super::Stage;
use super::policy::{Gate, Policy};
use super::sealed::{self, NotSealed, Statement};
use crate::artifact::Hash;
use crate::key::{PublicKey, SecretKey};

/// Envelopes that are looked at for one promotion.
pub const EVIDENCE_MAX: usize = 256;

/// Evidence from a clock that is ahead by more is refused, in milliseconds.
pub const CLOCK_AHEAD_MS_MAX: i64 = 5 * 60_000;

const APPROVAL: &str = "urn:shieldwall:approval:v1";

/// The type of a gate's statement.
pub fn gate_uri(gate: &str) -> String {
    format!("urn:shieldwall:gate:{gate}:v1")
}

/// What a gate measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Whether it passed.
    pub pass: bool,
    /// Its figures by name.
    pub figures: BTreeMap<String, f64>,
    /// Reasons, in words.
    pub words: Vec<String>,
}

/// Writes a gate's signed evidence.
pub fn evidence(
    gate: &str,
    model: Hash,
    measured: &Measured,
    policy: Hash,
    tool: &str,
    time_ms: i64,
    key: &SecretKey,
) -> String {
    let predicate = json!({
        "verdict": if measured.pass { "pass" } else { "fail" },
        "figures": measured.figures,
        "words": measured.words,
        "policy": policy.to_string(),
        "tool": tool,
        "time": time_ms,
    });
    sealed::seal(model, "model", &gate_uri(gate), &predicate, key)
}

/// Writes a signed approval of a step.
pub fn approval(model: Hash, to: Stage, policy: Hash, time_ms: i64, key: &SecretKey) -> String {
    let predicate = json!({ "to": to.word(), "policy": policy.to_string(), "time": time_ms });
    sealed::seal(model, "model", APPROVAL, &predicate, key)
}

/// One reason why a step is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no evidence for a gate.
    Missing,
    /// There is evidence, for another model.
    WrongSubject,
    /// There is evidence that nobody believed signed.
    WrongSigner,
    /// It is older than the policy allows, or from the future.
    Stale,
    /// It was taken under another policy.
    OtherPolicy,
    /// It says that the gate failed, or a figure is missing or beyond its limit.
    Failed(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no evidence"),
            Self::WrongSubject => f.write_str("evidence is for another model"),
            Self::WrongSigner => f.write_str("evidence is not signed by a key that is believed"),
            Self::Stale => f.write_str("evidence is stale"),
            Self::OtherPolicy => f.write_str("evidence was taken under another policy"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// A step that is refused: every gate that was not shown, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {}", .0.iter().map(|(gate, reason)| format!("{gate}: {reason}")).collect::<Vec<_>>().join("; "))]
pub struct Refused(pub Vec<(String, Reason)>);

/// That a model may take a step: made by [`judge`] alone.
///
/// ```compile_fail
/// use shieldwall_trust::registry::{Judged, Stage};
/// let forged = Judged { model: shieldwall_trust::Hash::of(b""), to: Stage::Active, shown: Vec::new(),
///     approvers: Vec::new(), policy: shieldwall_trust::Hash::of(b"") };
/// ```
#[derive(Clone, Debug)]
pub struct Judged {
    model: Hash,
    to: Stage,
    shown: Vec<(String, Hash)>,
    approvers: Vec<String>,
    policy: Hash,
}

impl Judged {
    /// The model.
    pub fn model(&self) -> Hash {
        self.model
    }

    /// The stage that it may take.
    pub fn to(&self) -> Stage {
        self.to
    }

    /// The gates and the hashes of the envelopes that showed them.
    pub fn shown(&self) -> &[(String, Hash)] {
        &self.shown
    }

    /// Ids of the keys that approved.
    pub fn approvers(&self) -> &[String] {
        &self.approvers
    }

    /// The policy that it was judged by.
    pub fn policy(&self) -> Hash {
        self.policy
    }
}

/// What a step is judged on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The model.
    pub model: Hash,
    /// Where it wants to go.
    pub to: Stage,
    /// Envelopes: evidence and approvals, as bytes.
    pub envelopes: &'a [Vec<u8>],
    /// Keys whose evidence is believed.
    pub keys: &'a [PublicKey],
    /// Keys that may approve.
    pub approver_keys: &'a [PublicKey],
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Judges a step.
///
/// # Errors
/// When a gate is not shown or too few different keys approved: all of them are named.
pub fn judge(case: &Case<'_>) -> Result<Judged, Refused> {
    let mut reasons = Vec::new();
    let mut shown = Vec::new();
    let signers: Vec<PublicKey> = case
        .keys
        .iter()
        .filter(|key| case.policy.signers.is_empty() || case.policy.signers.contains(&key.id()))
        .cloned()
        .collect();
    let envelopes = case.envelopes.get(..EVIDENCE_MAX).unwrap_or(case.envelopes);
    let opened: Vec<(Hash, Result<Statement, NotSealed>)> =
        envelopes.iter().map(|bytes| (Hash::of(bytes), sealed::open(bytes, &signers))).collect();
    for (name, gate) in case.policy.gates_of(case.to) {
        let mut best = Reason::Missing;
        let uri = gate_uri(name);
        // The newest measurement decides: one that failed is not outlived by an older one that passed.
        let mut newest: Option<(i64, Hash, Result<(), Reason>)> = None;
        for (at, (hash, statement)) in opened.iter().enumerate() {
            match statement {
                Ok(statement) if statement.predicate_type != uri => {}
                Ok(statement) => match timely(case, statement) {
                    Ok(time) => {
                        let told = judge_gate(gate, statement);
                        let later = newest
                            .as_ref()
                            .is_none_or(|(known, _, shown)| time > *known || time == *known && shown.is_ok());
                        if later {
                            newest = Some((time, *hash, told));
                        }
                    }
                    Err(reason) => best = reason,
                },
                // It may have been meant for this gate; who signed it is not believed, so it says nothing else.
                Err(NotSealed::Signer) => {
                    let claimed = envelopes.get(at).and_then(|bytes| sealed::claimed_type(bytes));
                    if claimed.as_deref() == Some(&uri) {
                        best = Reason::WrongSigner;
                    }
                }
                Err(NotSealed::Format(_)) => {}
            }
        }
        let found = match newest {
            Some((_, hash, Ok(()))) => Some(hash),
            Some((_, _, Err(reason))) => {
                best = reason;
                None
            }
            None => None,
        };
        match found {
            Some(hash) => shown.push((name.to_owned(), hash)),
            None => reasons.push((name.to_owned(), best)),
        }
    }
    let approvers = approvers(case, envelopes);
    if case.to == Stage::Active && approvers.len() < case.policy.approvers {
        let words =
            format!("{} of {} approvals by different keys that may approve", approvers.len(), case.policy.approvers);
        reasons.push(("approval".to_owned(), Reason::Failed(words)));
    }
    if !reasons.is_empty() {
        return Err(Refused(reasons));
    }
    Ok(Judged { model: case.model, to: case.to, shown, approvers, policy: case.policy.hash })
}

/// When a statement about this very model was taken, under the policy in force.
fn timely(case: &Case<'_>, statement: &Statement) -> Result<i64, Reason> {
    // A statement about several subjects could be shown for one that was never measured.
    if statement.subjects != [case.model] {
        return Err(Reason::WrongSubject);
    }
    fresh(case, &statement.predicate)
}

fn judge_gate(gate: &Gate, statement: &Statement) -> Result<(), Reason> {
    let said = &statement.predicate;
    if said.get("verdict").and_then(Value::as_str) != Some("pass") {
        let words = said.get("words").and_then(Value::as_array).and_then(|words| words.first()?.as_str());
        return Err(Reason::Failed(words.unwrap_or("its verdict is not `pass`").to_owned()));
    }
    let figure = |name: &str| said.pointer("/figures").and_then(|figures| figures.get(name)).and_then(Value::as_f64);
    for (name, least) in &gate.min {
        match figure(name) {
            Some(value) if value >= *least => {}
            Some(value) => return Err(Reason::Failed(format!("{name} is {value}, at least {least} is needed"))),
            None => return Err(Reason::Failed(format!("it does not tell {name}"))),
        }
    }
    for (name, most) in &gate.max {
        match figure(name) {
            Some(value) if value <= *most => {}
            Some(value) => return Err(Reason::Failed(format!("{name} is {value}, at most {most} is allowed"))),
            None => return Err(Reason::Failed(format!("it does not tell {name}"))),
        }
    }
    Ok(())
}

/// When a statement was taken, if it is of now and of the policy in force.
fn fresh(case: &Case<'_>, said: &Value) -> Result<i64, Reason> {
    let time = said.get("time").and_then(Value::as_i64).ok_or(Reason::Stale)?;
    let age = case.now_ms.checked_sub(time).ok_or(Reason::Stale)?;
    if age > case.policy.evidence_age_ms_max || age < -CLOCK_AHEAD_MS_MAX {
        return Err(Reason::Stale);
    }
    let policy = said.get("policy").and_then(Value::as_str).and_then(|policy| policy.parse().ok());
    if policy == Some(case.policy.hash) { Ok(time) } else { Err(Reason::OtherPolicy) }
}

/// Ids of the different keys that approved this very step.
fn approvers(case: &Case<'_>, envelopes: &[Vec<u8>]) -> Vec<String> {
    let may =
        |id: &str| case.policy.approver_keys.is_empty() || case.policy.approver_keys.iter().any(|known| known == id);
    let approved = envelopes.iter().filter_map(|bytes| sealed::open(bytes, case.approver_keys).ok());
    let approved = approved.filter(|statement| {
        statement.predicate_type == APPROVAL
            && statement.subjects == [case.model]
            && statement.predicate.get("to").and_then(Value::as_str) == Some(case.to.word())
            && fresh(case, &statement.predicate).is_ok()
            && may(&statement.signer)
    });
    approved.map(|statement| statement.signer).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
