//! What correlation costs: a sighting, by how much the sightings have in common.
//!
//! Sightings are synthetic: six entities each (host, user, session, process, address, hash), of 1,000 hosts and 200 rules,
//! one second apart for each host; or with a new address in each sighting; or a flood.
//!
//! `cargo bench -p shieldwall-correlate`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use shieldwall_correlate::{Correlate, Limits};
use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::incident::{RuleFacts, Severity, Sighting};
use shieldwall_schema::time::Timestamp;

fn main() {
    divan::main();
}

const SIGHTINGS: usize = 1_000_000;

#[derive(Clone, Copy, Debug)]
enum Load {
    /// An estate of hosts, each with a few users and processes.
    Estate,
    /// A new address in each sighting: a million distinct entities.
    Distinct,
    /// One rule on one host.
    Flood,
    /// Every sighting a finding of its own on a host of its own.
    Hosts,
}

struct Record {
    time: i64,
    finding: u32,
    rule: u32,
    host: String,
    entities: Vec<Entity>,
}

fn records(load: Load) -> Vec<Record> {
    let mut state = 1_u64;
    let mut draw = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let one = |number: usize| {
        let flood = matches!(load, Load::Flood);
        let own = matches!(load, Load::Hosts);
        let host_number = if flood {
            0
        } else if own {
            number as u64
        } else {
            draw(1000)
        };
        let rule = if flood { 0 } else { draw(200) };
        let host = format!("host{host_number}");
        let address = match load {
            Load::Estate | Load::Flood => format!("10.{}.{}.1", host_number / 250, host_number % 250),
            _ => format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255),
        };
        let entity = |kind, id: String| Entity { kind, id };
        let mut entities = vec![
            entity(EntityKind::Host, host.clone()),
            entity(EntityKind::User, format!("user{}", host_number * 3 + draw(3))),
            entity(EntityKind::Session, format!("{host}/0x{}", draw(8))),
            entity(EntityKind::Process, format!("{host}-{}", draw(50))),
            entity(EntityKind::Address, address),
            entity(EntityKind::Hash, format!("{:064x}", draw(500))),
        ];
        entities.sort();
        let finding = if own { number as u64 } else { host_number * 200 + rule };
        Record { time: number as i64 * 1_000_000, finding: finding as u32, rule: rule as u32, host, entities }
    };
    (0..SIGHTINGS).map(one).collect()
}

#[divan::bench(args = [Load::Estate, Load::Distinct, Load::Flood, Load::Hosts], sample_count = 3, sample_size = 1)]
fn observe(bencher: Bencher<'_, '_>, load: Load) {
    let records = records(load);
    let rules: Vec<_> = (0..200)
        .map(|number| RuleFacts {
            uid: format!("rule{number}"),
            severity: [Severity::Informational, Severity::Low, Severity::Low, Severity::Medium, Severity::High]
                [number % 5],
            tactics: vec![["execution", "persistence", "discovery"][number % 3].to_owned()],
            ..RuleFacts::default()
        })
        .collect();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        let mut correlate = Correlate::new(rules.clone(), Limits::default());
        for record in &records {
            correlate.observe(&Sighting {
                time: Some(Timestamp::from_nanos(record.time)),
                finding: record.finding,
                rule: record.rule,
                host: Some(&record.host),
                entities: &record.entities,
            });
        }
        black_box(correlate.finish(&|finding| finding.to_string()).incidents.len())
    });
}
