//! Half B: how many matches and observations a second go through sorting, folding and correlation, on one core.
//!
//! `cargo bench --bench half_b`. A million matches of forty rules over a thousand hosts, each with five entities, in a
//! spill that has gone to disk, are what a flood leaves; a million observations of hosts beside them.

#![allow(clippy::unwrap_used, dead_code, missing_docs, reason = "a bench")]

#[path = "../src/line/folded.rs"]
mod folded;
#[path = "../src/line/spill.rs"]
mod spill;
#[path = "../src/line/stateful.rs"]
mod stateful;
#[path = "../src/line/suspicious.rs"]
mod suspicious;

use shieldwall_correlate::{Correlate, Limits};
use shieldwall_detect::sigma::correlation::Correlator;
use shieldwall_detect::sigma::ir::{Rule, RuleSet};
use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::incident::{RuleFacts, Severity};
use spill::{ItemKind, Key, MEMORY_BYTES_MAX, Spill};
use stateful::{Fold, Head, Memory, Presence};

/// Records of each kind.
const RECORDS: u64 = 1_000_000;
const RULES: u32 = 40;

fn main() {
    divan::main();
}

fn set() -> RuleSet {
    let rule = |at: u32| Rule { id: format!("{at:04}"), ..Rule::default() };
    RuleSet { rules: (0..RULES).map(rule).collect(), ..RuleSet::default() }
}

fn memory() -> Memory {
    Memory {
        correlator: Correlator::new(&set()),
        learner: None,
        learns: Vec::new(),
        before: None,
        first_detector: RULES,
    }
}

fn entity(kind: EntityKind, id: String) -> Entity {
    Entity { kind, id }
}

/// A spill of matches or observations, as workers leave it: out of order.
fn spill(kind: ItemKind) -> Spill {
    let mut spill = Spill::new(MEMORY_BYTES_MAX);
    let mut buffer = Vec::new();
    for at in 0..RECORDS {
        // A full-period step: every place once, far from its neighbours.
        let place = at * 524_287 % RECORDS;
        let key = Key {
            time: 1_700_000_000_000_000_000 + place as i64 * 10_000_000,
            source: 0,
            offset: place * 100,
            subject: place as u32 % RULES,
        };
        let host = format!("host{:03}", place % 997);
        let payload = match kind {
            ItemKind::Match => {
                let mut entities = vec![
                    entity(EntityKind::Host, host.clone()),
                    entity(EntityKind::User, format!("user{:04}", place % 5003)),
                    entity(EntityKind::Session, format!("{host}/0x{:x}", place % 20011)),
                    entity(EntityKind::Process, format!("{host}/{}", place % 30011)),
                    entity(EntityKind::Address, format!("198.51.{}.{}", place % 97, place % 251)),
                ];
                entities.sort_unstable();
                let head = postcard::to_stdvec(&Head { host: Some(host), entities }).unwrap();
                postcard::to_extend(&Vec::<Vec<String>>::new(), head).unwrap()
            }
            ItemKind::Presence | ItemKind::Observation => {
                let seen = Presence {
                    entity: EntityKind::Host,
                    id: host,
                    records: 1,
                    earliest: Some(key.time),
                    latest: Some(key.time),
                };
                postcard::to_stdvec(&seen).unwrap()
            }
        };
        spill::encode(&mut buffer, key, kind, &payload);
        if buffer.len() > 1 << 20 {
            spill.append(&mut buffer).unwrap();
        }
    }
    spill.append(&mut buffer).unwrap();
    spill
}

fn facts() -> Vec<RuleFacts> {
    let fact = |at: u32| RuleFacts {
        uid: format!("{at:04}"),
        severity: Severity::ALL.get(at as usize % 5).copied().unwrap_or_default(),
        ..RuleFacts::default()
    };
    (0..RULES).map(fact).collect()
}

/// Sorting and folding alone, then with incidents.
#[divan::bench(args = ["fold", "fold and correlate"], sample_count = 5)]
fn matches(bencher: divan::Bencher<'_, '_>, what: &str) {
    bencher.counter(divan::counter::ItemsCount::new(RECORDS)).with_inputs(|| spill(ItemKind::Match)).bench_values(
        |spill| {
            let sorted = spill.sorted(&[0]).unwrap();
            let mut correlate = (what != "fold").then(|| Correlate::new(facts(), Limits::default()));
            let outcome = stateful::fold(sorted, &[true], Fold::BySource, memory(), &mut |sighting| {
                if let Some(correlate) = &mut correlate {
                    correlate.observe(sighting);
                }
            })
            .unwrap();
            let incidents = correlate.map(|correlate| correlate.finish(&|at| at.to_string()).incidents.len());
            (outcome.folded.len(), incidents)
        },
    );
}

/// Observations: what was seen of each host.
#[divan::bench(sample_count = 5)]
fn observations(bencher: divan::Bencher<'_, '_>) {
    bencher.counter(divan::counter::ItemsCount::new(RECORDS)).with_inputs(|| spill(ItemKind::Presence)).bench_values(
        |spill| {
            let sorted = spill.sorted(&[0]).unwrap();
            stateful::fold(sorted, &[true], Fold::BySource, memory(), &mut |_| {}).unwrap().folded.hosts.len()
        },
    );
}
