//! Hosts whose clocks disagree: one act that two hosts log with times hours apart.
//!
//! If an entity (an account, an address, a hash, a domain) turns up on host A at some time and on host B always the same
//! span later, to within [`TOLERANCE`], and this holds for several entities at several moments, the hosts most likely tell of
//! the same acts by different clocks. That is reported, with the span. Nothing is joined or parted because of it.
//!
//! An intruder who repeats a script on a second host hours later gives the same picture for one moment; therefore at least
//! [`MOMENTS_LEAST`] moments must agree, apart from each other. Entities that a crowd of hosts shares take no part.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use shieldwall_schema::entity::{Entity, EntityKind};

use crate::entities::{Table, key_of};

/// How far two observations of the same act may differ beside the clocks' difference, in nanoseconds.
pub const TOLERANCE: i64 = 5_000_000_000;

/// A smaller difference is no finding: logs of one act are often minutes apart, and windows bridge it.
pub const OFFSET_LEAST: i64 = 20 * 60 * 1_000_000_000;

/// Entities that must agree about the span.
pub const ENTITIES_LEAST: usize = 3;

/// Moments at which they must have turned up.
pub const MOMENTS_LEAST: usize = 2;

/// Moments count as two when they are this far apart, in nanoseconds.
pub const MOMENT_GAP: i64 = 60_000_000_000;

/// Pairs of hosts that are compared; further pairs are not looked at.
pub const PAIRS_MAX: usize = 65_536;

/// Differences kept for each pair of hosts.
pub const OFFSETS_MAX: usize = 64;

/// Entities that a report names.
const NAMED: usize = 8;

/// Two hosts' clocks disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skew {
    /// The host whose times are earlier.
    pub behind: String,
    /// The host whose times are later.
    pub ahead: String,
    /// By how much, in nanoseconds; the median of what was seen.
    pub offset: i64,
    /// How many entities say so.
    pub entities: usize,
    /// Some of them.
    pub examples: Vec<Entity>,
}

/// (offset from the first host to the second, time on the first, place of the entity's key).
type Offset = (i64, i64, u64);

/// Compares the hosts that share entities.
pub(crate) fn find(table: &Table) -> Vec<Skew> {
    let mut names: FxHashMap<u64, &str> = FxHashMap::default();
    let mut pairs: BTreeMap<(&str, &str), Vec<Offset>> = BTreeMap::new();
    let mut entities: FxHashMap<u64, Entity> = FxHashMap::default();
    for open in table.iter().filter(|open| open.kind == EntityKind::Host) {
        names.insert(key_of(EntityKind::Host, &open.id, 0), &open.id);
    }
    let mut shared: Vec<_> =
        table.iter().filter(|open| open.kind != EntityKind::Host && !open.hub && open.hosts().len() > 1).collect();
    shared.sort_by_key(|open| (open.kind, &open.id));
    for open in shared {
        let hosts = open.hosts();
        for (at, left) in hosts.iter().enumerate() {
            for right in hosts.iter().skip(at + 1) {
                let (Some(left_name), Some(right_name)) = (names.get(&left.host), names.get(&right.host)) else {
                    continue;
                };
                // One order for a pair, whichever host was first.
                let (pair, from, to) = if left_name < right_name {
                    ((*left_name, *right_name), left, right)
                } else {
                    ((*right_name, *left_name), right, left)
                };
                if pairs.len() >= PAIRS_MAX && !pairs.contains_key(&pair) {
                    continue;
                }
                let offsets = pairs.entry(pair).or_default();
                if offsets.len() < OFFSETS_MAX {
                    offsets.push((to.first.saturating_sub(from.first), from.first, open.key));
                    entities.entry(open.key).or_insert_with(|| Entity { kind: open.kind, id: open.id.to_string() });
                }
            }
        }
    }
    pairs.into_iter().filter_map(|((left, right), offsets)| judge(left, right, offsets, &entities)).collect()
}

/// The largest group of offsets that agree, if it is large enough.
fn judge(left: &str, right: &str, mut offsets: Vec<Offset>, entities: &FxHashMap<u64, Entity>) -> Option<Skew> {
    let all = offsets.len();
    offsets.sort_unstable();
    let group_from = |start: usize| {
        let base = offsets.get(start).map_or(0, |offset| offset.0);
        let length = offsets.iter().skip(start).take_while(|offset| offset.0.saturating_sub(base) <= TOLERANCE).count();
        offsets.get(start..start + length).unwrap_or_default()
    };
    let group = (0..all).map(group_from).max_by_key(|group| group.len())?;
    let mut times: Vec<i64> = group.iter().map(|offset| offset.1).collect();
    times.sort_unstable();
    let moments = 1 + times.windows(2).filter(|pair| matches!(pair, [one, two] if two - one >= MOMENT_GAP)).count();
    let offset = group.get(group.len() / 2)?.0;
    // Half of what the two share must agree: among many offsets some are near each other by chance.
    let is_sure = group.len() >= ENTITIES_LEAST && moments >= MOMENTS_LEAST && group.len() * 2 >= all;
    if !is_sure || offset.saturating_abs() < OFFSET_LEAST {
        return None;
    }
    let (behind, ahead) = if offset >= 0 { (left, right) } else { (right, left) };
    let mut examples: Vec<Entity> = group.iter().filter_map(|offset| entities.get(&offset.2).cloned()).collect();
    examples.sort();
    examples.truncate(NAMED);
    Some(Skew {
        behind: behind.to_owned(),
        ahead: ahead.to_owned(),
        offset: offset.saturating_abs(),
        entities: group.len(),
        examples,
    })
}
