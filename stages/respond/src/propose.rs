//! What could be done about an incident. Proposals only: each needs a person.

use shieldwall_schema::entity::EntityKind;
use shieldwall_schema::incident::Incident;

use crate::guard::Protected;
use crate::net::Net;
use crate::plan::{Plan, Step};

/// How long a proposed block lasts: a day.
pub const BLOCK_SECONDS: u64 = 24 * 3600;

/// Addresses that one incident's proposal names at most; the most often seen come first.
pub const PROPOSED_MAX: usize = 8;

/// Something that could be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What exactly.
    pub plan: Plan,
    /// In plain words: what, what it touches, why it is safe, how it ends, how to undo.
    pub words: Vec<String>,
    /// Why others are not in it.
    pub left_out: Vec<String>,
}

/// What could be done about an incident: block the outside addresses in it for a day.
///
/// Only addresses of the public network are proposed: an address inside is one of your own machines.
pub fn proposals(incident: &Incident, findings: &[String], protected: &Protected, now_ms: i64) -> Vec<Proposal> {
    let (mut targets, mut left_out) = (Vec::new(), Vec::new());
    for involved in incident.involved.iter().filter(|involved| involved.entity.kind == EntityKind::Address) {
        let Ok(net) = involved.entity.id.parse::<Net>() else { continue };
        if let Some(why) = protected.why(net) {
            left_out.push(format!("{net}: {why}"));
        } else if is_inside(net) {
            left_out.push(format!("{net}: inside your own network"));
        } else if targets.len() >= PROPOSED_MAX {
            left_out.push(format!("{net}: {PROPOSED_MAX} are proposed at once"));
        } else {
            targets.push(net);
        }
    }
    if targets.is_empty() {
        return Vec::new();
    }
    let step = Step::Block { targets, ports: vec![], seconds: BLOCK_SECONDS };
    let plan = Plan { incident: incident.uid.clone(), step, findings: findings.to_vec(), made_ms: now_ms };
    vec![Proposal { words: plan.words(), plan, left_out }]
}

/// Whether a network is private (RFC 1918, RFC 6598, RFC 4193).
pub(crate) fn is_inside(net: Net) -> bool {
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
        .iter()
        .any(|inside| inside.parse::<Net>().is_ok_and(|inside| inside.overlaps(net)))
}
