//! Whether a person must be asked. Attackers aim responses: whoever can write a log line can write anybody's address into it.
//!
//! Nothing is done without a person unless everything of this holds: the policy allows the verb; the step ends by itself, soon;
//! it can be undone; every target was seen by the transport or the kernel, not written by somebody into a text; two
//! sensors and two families of detectors speak for it; the odds of chance are below the policy's cut; and thirty days of
//! history have no legitimate session from it. What is not known counts as against it.

use serde::{Deserialize, Serialize};

use crate::approve::BY_POLICY;
use crate::guard::Past;
use crate::net::Net;
use crate::plan::{Plan, Step};
use crate::policy::Auto;

/// Days of history without a legitimate session from a target.
pub const HISTORY_DAYS: u32 = 30;

/// An hour, the window of [`Auto::per_hour`].
const HOUR_MS: i64 = 3_600_000;

/// What speaks for acting on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Whom.
    pub target: Net,
    /// Whether some record names it in a field that the transport or the kernel vouches for.
    pub verified: bool,
    /// Kinds of records that name it: `auth`, `nginx access`, `zeek conn`.
    pub sensors: Vec<String>,
    /// Families of detectors that accuse it: `rule`, `learned`.
    pub families: Vec<String>,
    /// Legitimate sessions from it; `None`: nobody looked.
    pub sessions: Option<u64>,
}

/// What the core says in favour of acting without a person. The actuator believes none of it alone: its own limits hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// By target.
    pub seen: Vec<Seen>,
    /// Calibrated odds that this is chance.
    pub p: Option<f64>,
    /// Days of history that were looked through.
    pub history_days: u32,
}

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// A person, and why.
    Ask(Vec<String>),
    /// Nobody needs to be asked.
    AutoReversible,
}

/// Decides. Linear in targets and what was seen of them.
pub fn decide(plan: &Plan, claim: &Claim, policy: Option<&Auto>, past: &[Past], now_ms: i64) -> Level {
    let Some(policy) = policy else { return Level::Ask(vec!["no policy allows it without a person".to_owned()]) };
    let mut why = Vec::new();
    if !policy.verbs.iter().any(|verb| verb == plan.step.verb()) {
        why.push(format!("the policy does not allow `{}` without a person", plan.step.verb()));
    }
    if !plan.step.is_reversible() {
        why.push("it cannot be undone".to_owned());
    }
    match plan.step.seconds() {
        Some(seconds) if seconds <= policy.seconds => {}
        Some(seconds) => why.push(format!("it lasts {seconds} s, more than {} s", policy.seconds)),
        None => why.push("it does not end by itself".to_owned()),
    }
    match claim.p {
        Some(p) if p.is_finite() && (0.0..=policy.p).contains(&p) => {}
        _ => why.push(format!("the odds of chance are not known to be below {}", policy.p)),
    }
    if claim.history_days < HISTORY_DAYS {
        why.push(format!("{} days of history, fewer than {HISTORY_DAYS}", claim.history_days));
    }
    // Addresses, not plans: one plan may name many.
    let touched = |past: &Past| match &past.step {
        Step::Block { targets, .. } => targets.len(),
        _ => 1,
    };
    let recent: usize = past.iter().filter(|past| past.at_ms > now_ms.saturating_sub(HOUR_MS)).map(touched).sum();
    if recent >= policy.per_hour {
        why.push(format!("{recent} actions in the last hour"));
    }
    let Step::Block { targets, .. } = &plan.step else {
        why.push("only blocks are decided without a person".to_owned());
        return Level::Ask(why);
    };
    if targets.len() > 1 {
        why.push(format!("{} targets: without a person, one at a time", targets.len()));
    }
    for target in targets {
        why.extend(against(*target, claim, policy));
        // What follows an action of ours may be its echo, and what a person took back is not done again behind their back.
        let echo = past.iter().any(|past| {
            past.at_ms > now_ms.saturating_sub(HOUR_MS)
                && matches!(&past.step, Step::Block { targets, .. } if targets.iter().any(|net| net.overlaps(*target)))
        });
        if echo {
            why.push(format!("we acted on {target} within the hour: this may be our own doing, or was taken back"));
        }
    }
    if why.is_empty() { Level::AutoReversible } else { Level::Ask(why) }
}

/// What speaks against acting on one target.
fn against(target: Net, claim: &Claim, policy: &Auto) -> Vec<String> {
    let mut why = Vec::new();
    if !target.is_host() {
        why.push(format!("{target} is a network"));
    }
    if policy.never.iter().any(|net| net.overlaps(target)) {
        why.push(format!("{target} stands for many: a proxy, relay or gateway of your list"));
    }
    let Some(seen) = claim.seen.iter().find(|seen| seen.target == target) else {
        why.push(format!("nothing is said of {target}"));
        return why;
    };
    if !seen.verified {
        why.push(format!("{target} stands only where an attacker can write it"));
    }
    if distinct(&seen.sensors) < 2 {
        why.push(format!("one sensor alone speaks of {target}"));
    }
    if distinct(&seen.families) < 2 {
        why.push(format!("one family of detectors alone accuses {target}"));
    }
    match seen.sessions {
        Some(0) => {}
        Some(count) => why.push(format!("{target} has {count} legitimate sessions")),
        None => why.push(format!("nobody looked for legitimate sessions from {target}")),
    }
    why
}

fn distinct(words: &[String]) -> usize {
    words.iter().collect::<std::collections::BTreeSet<_>>().len()
}

/// Whether an approver was the policy.
pub fn is_policy(approver: &str) -> bool {
    approver == BY_POLICY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(step: Step) -> Plan {
        Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 }
    }

    fn block(target: &str, seconds: u64) -> Plan {
        plan(Step::Block { targets: vec![target.parse().unwrap()], ports: vec![], seconds })
    }

    fn policy() -> Auto {
        let never = vec!["198.51.100.0/24".parse().unwrap()];
        Auto { verbs: vec!["block".into(), "kill_process".into()], seconds: 3600, p: 0.001, per_hour: 3, never }
    }

    fn claim(target: &str) -> Claim {
        let seen = Seen {
            target: target.parse().unwrap(),
            verified: true,
            sensors: vec!["auth".into(), "zeek conn".into()],
            families: vec!["rule".into(), "learned".into()],
            sessions: Some(0),
        };
        Claim { seen: vec![seen], p: Some(0.000_1), history_days: 30 }
    }

    const HIM: &str = "203.0.113.9";

    #[test]
    fn only_what_everything_speaks_for_is_done_without_a_person() {
        let policy = policy();
        let asks = |plan: &Plan, claim: &Claim, past: &[Past]| match decide(plan, claim, Some(&policy), past, 0) {
            Level::Ask(why) => why.join("; "),
            Level::AutoReversible => String::new(),
        };
        assert_eq!(asks(&block(HIM, 60), &claim(HIM), &[]), "");
        let changed = |change: &dyn Fn(&mut Claim)| {
            let mut claim = claim(HIM);
            change(&mut claim);
            asks(&block(HIM, 60), &claim, &[])
        };
        let first = |change: &dyn Fn(&mut Seen)| changed(&|claim| claim.seen.iter_mut().for_each(change));
        for (why, asked) in [
            (first(&|seen| seen.verified = false), "attacker can write"),
            (first(&|seen| seen.sensors.truncate(1)), "one sensor"),
            (first(&|seen| seen.sensors = vec!["auth".into(), "auth".into()]), "one sensor"),
            (first(&|seen| seen.families.truncate(1)), "one family"),
            (first(&|seen| seen.sessions = Some(1)), "1 legitimate"),
            (first(&|seen| seen.sessions = None), "nobody looked"),
            (changed(&|claim| claim.p = None), "odds"),
            (changed(&|claim| claim.p = Some(f64::NAN)), "odds"),
            (changed(&|claim| claim.p = Some(-1.0)), "odds"),
            (changed(&|claim| claim.p = Some(0.01)), "odds"),
            (changed(&|claim| claim.history_days = 29), "29 days"),
            (changed(&|claim| claim.seen.clear()), "nothing is said"),
            (asks(&block(HIM, 3601), &claim(HIM), &[]), "3601"),
            (asks(&block("203.0.113.0/24", 60), &claim("203.0.113.0/24"), &[]), "a network"),
            (asks(&block("198.51.100.7", 60), &claim("198.51.100.7"), &[]), "stands for many"),
        ] {
            assert!(why.contains(asked), "{why} / {asked}");
        }
        let past = vec![Past { step: block(HIM, 1).step, incident: "j".into(), at_ms: 0, holds: false }; 3];
        let asked = asks(&block(HIM, 60), &claim(HIM), &past);
        let mut two = block(HIM, 60);
        if let Step::Block { targets, .. } = &mut two.step {
            targets.push("203.0.113.10".parse().unwrap());
        }
        assert!(asks(&two, &claim(HIM), &[]).contains("one at a time"));
        // One plan of three addresses spends the hour's three.
        let many = block("192.0.2.1", 1).step;
        let Step::Block { mut targets, ports, seconds } = many else { panic!("no block") };
        targets.extend(["192.0.2.2", "192.0.2.3"].map(|text| text.parse::<Net>().unwrap()));
        let spent =
            vec![Past { step: Step::Block { targets, ports, seconds }, incident: "j".into(), at_ms: 0, holds: false }];
        assert!(asks(&block(HIM, 60), &claim(HIM), &spent).contains("3 actions in the last hour"));
        assert!(asked.contains("last hour") && asked.contains("our own doing"), "{asked}");
        assert!(matches!(decide(&block(HIM, 60), &claim(HIM), None, &[], 0), Level::Ask(_)));
    }

    /// Kill, isolation and locks: never, whatever the policy and the claim say.
    #[test]
    fn what_has_no_end_or_no_way_back_needs_a_person() {
        let process = crate::plan::Process { pid: 9, start_ticks: 1, exe_sha256: "0".repeat(64) };
        let everything = ["block", "isolate", "kill_process", "lock_user", "stop_process"].map(str::to_owned).to_vec();
        let policy = Auto { verbs: everything, ..policy() };
        for step in [
            Step::KillProcess { process: process.clone() },
            Step::StopProcess { process },
            Step::LockUser { user: "anna".into() },
            Step::Isolate { keep: vec![], seconds: 60 },
        ] {
            assert!(matches!(decide(&plan(step), &claim(HIM), Some(&policy), &[], 0), Level::Ask(_)));
        }
    }
}
