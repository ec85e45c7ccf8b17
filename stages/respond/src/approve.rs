//! Approvals: a person's signature over one plan, for a short time, once. The one place that makes [`Approved`].

use std::collections::BTreeMap;

use serde_json::json;
use shieldwall_trust::Hash;
use shieldwall_trust::key::{PublicKey, SecretKey};
use shieldwall_trust::registry::sealed;

use crate::guard::{Checked, Past};
use crate::level::{self, Claim, Level};
use crate::plan::Plan;
use crate::policy::Auto;

/// How long an approval is good for: fifteen minutes. What was right when it was signed need not be right tomorrow.
pub const APPROVAL_MS: i64 = 15 * 60 * 1000;

/// Bytes of an approval that are read: a signed statement takes 1 KiB.
pub const APPROVAL_BYTES_MAX: usize = 16 << 10;

/// Characters that a nonce has at least.
pub const NONCE_MIN: usize = 16;

/// The kind of statement.
const PREDICATE: &str = "https://shieldwall.dev/approval/v1";

/// The kind of statement that takes back.
const UNDO: &str = "https://shieldwall.dev/undo/v1";

/// Signs an approval of a plan. `nonce` is used once: 16 characters or more, from random numbers.
pub fn sign(plan: &Plan, key: &SecretKey, now_ms: i64, nonce: &str) -> String {
    let said = json!({ "at_ms": now_ms, "expires_ms": now_ms.saturating_add(APPROVAL_MS), "nonce": nonce });
    sealed::seal(plan.hash(), "plan", PREDICATE, &said, key)
}

/// Signs that an action is to be taken back. Taking back is a change too: who hijacks the core must not lift blocks.
pub fn sign_undo(plan: Hash, key: &SecretKey, now_ms: i64, nonce: &str) -> String {
    let said = json!({ "at_ms": now_ms, "expires_ms": now_ms.saturating_add(APPROVAL_MS), "nonce": nonce });
    sealed::seal(plan, "plan", UNDO, &said, key)
}

/// Why an approval is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// It is too long, no statement, or not by an operator.
    #[error("the approval: {0}")]
    Sealed(String),
    /// It approves another plan.
    #[error("the approval is of another plan")]
    OtherPlan,
    /// It is from the future, ended, or lasts too long.
    #[error("the approval is not for now: it ended, or the clock moved; approve again")]
    Time,
    /// It was used before.
    #[error("the approval was used before")]
    Used,
}

/// A plan that passed the guards and that a person approved. Made by [`accept`] and [`by_policy`] alone:
///
/// ```compile_fail
/// fn forge(plan: shieldwall_respond::plan::Plan) -> shieldwall_respond::approve::Approved {
///     shieldwall_respond::approve::Approved { plan, approver: String::new(), nonce: String::new(), expires_ms: 0 }
/// }
/// ```
///
/// ```compile_fail
/// fn twice(approved: shieldwall_respond::approve::Approved) -> [shieldwall_respond::approve::Approved; 2] {
///     [approved.clone(), approved]
/// }
/// ```
#[derive(Debug)]
pub struct Approved {
    plan: Plan,
    approver: String,
    nonce: String,
    expires_ms: i64,
}

impl Approved {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Id of the key that approved.
    pub fn approver(&self) -> &str {
        &self.approver
    }

    /// The number used once.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// When it ends.
    pub fn expires_ms(&self) -> i64 {
        self.expires_ms
    }
}

/// Accepts an approval: signed by one of `operators`, of this plan, now, and for the first time.
///
/// # Errors
/// Whatever of that does not hold.
pub fn accept(
    checked: Checked,
    approval: &[u8],
    operators: &[PublicKey],
    now_ms: i64,
    used: &dyn Fn(&str) -> bool,
) -> Result<Approved, NotApproved> {
    let said = open(approval, PREDICATE, checked.plan().hash(), operators, now_ms, used)?;
    Ok(Approved { approver: said.signer, nonce: said.nonce, expires_ms: said.expires_ms, plan: checked.into_plan() })
}

/// Accepts a plan that the policy allows without a person; `nonce` is the actuator's own.
///
/// # Errors
/// What speaks against it: a person must be asked.
pub fn by_policy(
    checked: Checked,
    claim: &Claim,
    policy: &Auto,
    past: &[Past],
    now_ms: i64,
    nonce: &str,
) -> Result<Approved, Vec<String>> {
    match level::decide(checked.plan(), claim, Some(policy), past, now_ms) {
        Level::AutoReversible => Ok(Approved {
            approver: BY_POLICY.to_owned(),
            nonce: nonce.to_owned(),
            expires_ms: now_ms.saturating_add(APPROVAL_MS),
            plan: checked.into_plan(),
        }),
        Level::Ask(why) => Err(why),
    }
}

/// Who approved, where no person did.
pub const BY_POLICY: &str = "policy";

/// Accepts that an action is to be taken back; gives the operator's id and the number used once.
///
/// # Errors
/// As [`accept`].
pub fn accept_undo(
    plan: Hash,
    approval: &[u8],
    operators: &[PublicKey],
    now_ms: i64,
    used: &dyn Fn(&str) -> bool,
) -> Result<(String, String), NotApproved> {
    let said = open(approval, UNDO, plan, operators, now_ms, used)?;
    Ok((said.signer, said.nonce))
}

/// Who signed a plan, each once, with the number that is then used up; approvals that do not hold, or were used before,
/// count for nobody.
pub fn signers(
    plan: &Plan,
    approvals: &[String],
    operators: &[PublicKey],
    now_ms: i64,
    used: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let signer = |approval: &String| {
        let said = open(approval.as_bytes(), PREDICATE, plan.hash(), operators, now_ms, used).ok()?;
        Some((said.signer, said.nonce))
    };
    approvals.iter().take(APPROVALS_MAX).filter_map(signer).collect()
}

/// Approvals of one plan that are looked at.
pub const APPROVALS_MAX: usize = 4;

struct Said {
    signer: String,
    nonce: String,
    expires_ms: i64,
}

fn open(
    approval: &[u8],
    kind: &str,
    plan: Hash,
    operators: &[PublicKey],
    now_ms: i64,
    used: &dyn Fn(&str) -> bool,
) -> Result<Said, NotApproved> {
    if approval.len() > APPROVAL_BYTES_MAX {
        return Err(NotApproved::Sealed("too long".to_owned()));
    }
    let statement = sealed::open(approval, operators).map_err(|error| NotApproved::Sealed(error.to_string()))?;
    if statement.predicate_type != kind {
        return Err(NotApproved::Sealed("another kind of statement".to_owned()));
    }
    if statement.subjects != [plan] {
        return Err(NotApproved::OtherPlan);
    }
    let number = |name: &str| statement.predicate.get(name).and_then(serde_json::Value::as_i64);
    let (Some(at), Some(expires_ms)) = (number("at_ms"), number("expires_ms")) else { return Err(NotApproved::Time) };
    if at > now_ms || now_ms >= expires_ms || expires_ms.saturating_sub(at) > APPROVAL_MS {
        return Err(NotApproved::Time);
    }
    let nonce = statement.predicate.get("nonce").and_then(serde_json::Value::as_str).unwrap_or_default();
    if nonce.len() < NONCE_MIN || used(nonce) {
        return Err(NotApproved::Used);
    }
    Ok(Said { signer: statement.signer, nonce: nonce.to_owned(), expires_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Limits, Protected, check};
    use crate::plan::Step;

    const NONCE: &str = "0123456789abcdef";

    fn plan(target: &str) -> Plan {
        let step = Step::Block { targets: vec![target.parse().unwrap()], ports: vec![], seconds: 60 };
        Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 }
    }

    fn checked(target: &str) -> Checked {
        check(plan(target), &Protected::default(), &Limits::default(), &[], 0).unwrap()
    }

    #[test]
    fn only_the_operators_signature_over_this_plan_now_and_once_is_accepted() {
        let key = SecretKey::generate_ed25519().unwrap();
        let other = SecretKey::generate_ed25519().unwrap();
        let text = sign(&plan("203.0.113.9"), &key, 1000, NONCE);
        let ask = |target, text: &str, now, used: bool| {
            accept(checked(target), text.as_bytes(), &[key.public()], now, &|_| used).map(|_| ())
        };
        assert_eq!(ask("203.0.113.9", &text, 1000, false), Ok(()));
        assert_eq!(ask("203.0.113.8", &text, 1000, false), Err(NotApproved::OtherPlan));
        assert_eq!(ask("203.0.113.9", &text, 999, false), Err(NotApproved::Time));
        assert_eq!(ask("203.0.113.9", &text, 1000 + APPROVAL_MS, false), Err(NotApproved::Time));
        assert_eq!(ask("203.0.113.9", &text, 1000, true), Err(NotApproved::Used));
        let foreign = sign(&plan("203.0.113.9"), &other, 1000, NONCE);
        assert!(matches!(ask("203.0.113.9", &foreign, 1000, false), Err(NotApproved::Sealed(_))));
        let short = sign(&plan("203.0.113.9"), &key, 1000, "x");
        assert_eq!(ask("203.0.113.9", &short, 1000, false), Err(NotApproved::Used));
    }
}
