//! What joins and what does not, told as short scripts.
//!
//! A script's line is `minute rule host entity…`; an entity is `u:alice`, `a:192.0.2.7`, `s:`, `p:`, `h:`, `d:`, `o:` (another
//! host). `-` stands for no host, `?` for no time. A rule's letter tells its level: `i1`, `l2`, `m3`, `h4`, `c5`; its tactic is `t` and the
//! digits. A finding is a rule on a host, unless the line names another by `#7`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use shieldwall_correlate::{Correlate, Correlated, Limits};
use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::incident::{RuleFacts, Severity, Sighting};
use shieldwall_schema::time::Timestamp;

const MINUTE: i64 = 60_000_000_000;

#[derive(Clone, Debug)]
struct Record {
    time: Option<i64>,
    finding: u32,
    rule: u32,
    host: Option<String>,
    entities: Vec<Entity>,
}

/// Rules and findings get their numbers as they are met.
#[derive(Default)]
struct Script {
    rules: Vec<RuleFacts>,
    findings: Vec<String>,
    records: Vec<Record>,
}

fn number<T: PartialEq>(list: &mut Vec<T>, item: T) -> u32 {
    let at = list.iter().position(|other| *other == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    });
    at as u32
}

impl Script {
    fn read(text: &str) -> Self {
        let mut script = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            script.line(line);
        }
        script
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let time = words.next().unwrap().parse::<f64>().ok().map(|minute| (minute * MINUTE as f64) as i64);
        let rule = words.next().unwrap();
        let host = words.next().filter(|host| *host != "-").map(str::to_owned);
        let severity = match rule.as_bytes()[0] {
            b'i' => Severity::Informational,
            b'l' => Severity::Low,
            b'm' => Severity::Medium,
            b'h' => Severity::High,
            _ => Severity::Critical,
        };
        let tactic =
            ["execution", "persistence", "discovery", "impact"][rule.split_at(1).1.parse::<usize>().unwrap() % 4];
        let facts =
            RuleFacts { uid: rule.to_owned(), severity, tactics: vec![tactic.to_owned()], ..RuleFacts::default() };
        let mut finding = format!("{rule}@{}", host.as_deref().unwrap_or("-"));
        let mut entities: Vec<Entity> = host.iter().map(|host| entity("o", host)).collect();
        for word in words {
            match word.split_once(':') {
                Some((kind, id)) => entities.push(entity(kind, id)),
                None => finding = word.to_owned(),
            }
        }
        entities.sort();
        entities.dedup();
        let record = Record {
            time,
            finding: number(&mut self.findings, finding),
            rule: number(&mut self.rules, facts),
            host,
            entities,
        };
        self.records.push(record);
    }

    fn correlate(&self, records: &[Record], limits: Limits) -> Correlated {
        let mut correlate = Correlate::new(self.rules.clone(), limits);
        for record in records {
            correlate.observe(&Sighting {
                time: record.time.map(Timestamp::from_nanos),
                finding: record.finding,
                rule: record.rule,
                host: record.host.as_deref(),
                entities: &record.entities,
            });
        }
        correlate.finish(&|finding| self.findings[finding as usize].clone())
    }

    fn run(&self) -> Correlated {
        self.correlate(&self.records, Limits::default())
    }

    /// The findings of each incident, worst first.
    fn groups(&self) -> Vec<Vec<&str>> {
        let name = |finding: u32| self.findings[finding as usize].as_str();
        let group = |incident: &shieldwall_schema::incident::Incident| {
            let mut names: Vec<_> = incident.members.iter().map(|member| name(member.finding)).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        self.run().incidents.iter().map(group).collect()
    }
}

fn entity(kind: &str, id: &str) -> Entity {
    let kind = match kind {
        "u" => EntityKind::User,
        "a" => EntityKind::Address,
        "s" => EntityKind::Session,
        "p" => EntityKind::Process,
        "h" => EntityKind::Hash,
        "d" => EntityKind::Domain,
        _ => EntityKind::Host,
    };
    Entity { kind, id: id.to_owned() }
}

#[test]
fn what_joins_and_what_does_not() {
    for (what, text, expected) in [
        ("one host, near in time", "0 m1 a\n20 m2 a", "m1@a m2@a"),
        ("one host, far in time", "0 m1 a\n31 m2 a", "m1@a|m2@a"),
        ("a low finding carries half as far", "0 l1 a\n14 l2 a\n30 m3 a", "m3@a|l1@a l2@a"),
        ("and looks back half as far", "0 m1 a\n14 l2 a\n35 l3 a", "l2@a m1@a|l3@a"),
        ("an informational one a sixth", "0 m1 a\n6 i2 a", "m1@a|i2@a"),
        ("one account on two hosts", "0 m1 a u:eve\n50 m2 b u:eve", "m1@a m2@b"),
        ("one account, a day later", "0 m1 a u:eve\n1440 m2 b u:eve", "m1@a|m2@b"),
        ("a host that is only mentioned joins nothing", "0 m1 a\n1 l2 b o:a", "l2@b|m1@a"),
        ("unless what mentions it is grave", "0 m1 a\n1 m2 b o:a", "m1@a m2@b"),
        ("one process over hours", "0 m1 a p:x\n400 m2 a p:x", "m1@a m2@a"),
        ("one process number after hours is another process", "0 m1 a p:a/7\n400 m2 a p:a/7", "m1@a|m2@a"),
        ("a process lives on one host", "0 m1 a p:x\n1 m2 b p:x", "m1@a|m2@b"),
        ("a tool carried to another host", "0 m1 a h:ff\n1000 m2 b h:ff", "m1@a m2@b"),
        ("no host, one address", "0 m1 - a:192.0.2.7\n9 m2 a a:192.0.2.7", "m1@- m2@a"),
        ("no host, nothing shared", "0 m1 - a:192.0.2.7\n9 m2 - a:192.0.2.8", "m1@-|m2@-"),
        ("nothing known at all", "0 m1 -\n0 m2 -\n0 m1 -", "m1@-|m2@-"),
        ("a chain of news", "0 m1 a\n29 m2 a\n58 m3 a\n87 m4 a", "m1@a m2@a m3@a m4@a"),
        ("a repeat is no news", "0 m1 a\n20 m1 a\n40 m2 a", "m1@a|m2@a"),
        (
            "ordinary logons are no bridge",
            "0 h1 a u:eve\n0 h2 b u:bob\n1 i3 a u:bob\n2 i3 b u:eve",
            "h1@a i3@b|h2@b i3@a",
        ),
        ("what comes of a logon follows it", "0 h1 a u:eve\n1 i3 b u:eve s:7\n3 h2 b s:7", "h1@a h2@b i3@b"),
        ("a faint repeat strays to whom it names", "0 i3 b\n0 h1 a u:eve\n1 i3 b u:eve\n2 i3 b", "h1@a i3@b|i3@b"),
        ("what is grave is a bridge", "0 h1 a u:eve\n0 h2 b u:bob\n1 m3 a u:bob", "h1@a h2@b m3@a"),
        ("without a time: by host only", "? m1 a u:eve\n? m2 a\n? m3 b u:eve\n0 m4 a", "m1@a m2@a|m3@b|m4@a"),
    ] {
        let script = Script::read(text);
        let mut found: Vec<String> = script.groups().iter().map(|group| group.join(" ")).collect();
        let mut expected: Vec<&str> = expected.split('|').collect();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn what_a_crowd_of_hosts_shares_is_a_hub() {
    let mut text = String::new();
    for host in 0..40 {
        text += &format!("{} i1 h{host} u:svc_backup\n", f64::from(host) / 10.0);
    }
    text += "10 m2 h1 u:svc_backup\n11 m3 h2 u:svc_backup\n";
    let script = Script::read(&text);
    let found = script.run();
    assert_eq!(found.hubs.iter().map(|hub| hub.entity.id.as_str()).collect::<Vec<_>>(), ["svc_backup"]);
    let groups = script.groups();
    let of = |name: &str| groups.iter().position(|group| group.contains(&name));
    assert_ne!(of("m2@h1"), of("m3@h2"), "{groups:?}");
}

#[test]
fn a_host_that_many_speak_of_still_joins_what_happens_on_it() {
    let mut text = String::new();
    for host in 0..40 {
        text += &format!("{} i1 h{host} o:dc\n", f64::from(host) / 10.0);
    }
    let script = Script::read(&(text + "10 m2 dc\n11 m3 dc\n"));
    let groups = script.groups();
    assert!(groups.contains(&vec!["m2@dc", "m3@dc"]), "{groups:?}");
}

#[test]
fn a_flood_is_one_line_and_a_quiet_attack_beside_it_stays_its_own() {
    let mut text = String::new();
    for second in 0..4000 {
        text += &format!("{} m1 a a:203.0.113.9\n", f64::from(second) / 60.0);
        if second == 3000 {
            text += "50 h2 a u:eve p:x\n50.1 h3 a u:eve p:x\n";
        }
    }
    let script = Script::read(&text);
    let found = script.run();
    assert_eq!(script.groups(), [vec!["h2@a", "h3@a"], vec!["m1@a"]]);
    assert_eq!((found.incidents[1].members.len(), found.incidents[1].members[0].count), (1, 4000));
    assert!(found.incidents[1].risk < 10.0, "{}", found.incidents[1].risk);
}

#[test]
fn a_flood_and_the_success_after_it_are_one() {
    let mut text = String::new();
    for second in 0..400 {
        text += &format!("{} l1 a a:203.0.113.9\n", f64::from(second) / 60.0);
    }
    text += "7 h2 a a:203.0.113.9 u:deploy\n9 m3 a u:deploy\n";
    assert_eq!(Script::read(&text).groups(), [vec!["h2@a", "l1@a", "m3@a"]]);
}

#[test]
fn three_tactics_raise_the_severity_and_repeats_do_not() {
    for (what, text, expected) in [
        ("three tactics", "0 m1 a\n1 m2 a\n2 m3 a", Severity::High),
        ("two tactics", "0 m1 a\n1 m2 a\n2 m5 a", Severity::Medium),
        ("one of them low", "0 m1 a\n1 m2 a\n2 l3 a", Severity::Medium),
        ("repeats", "0 m1 a\n1 m1 a\n2 m1 a\n3 m1 a", Severity::Medium),
        ("never above critical", "0 c1 a\n1 c2 a\n2 c3 a", Severity::Critical),
    ] {
        assert_eq!(Script::read(text).run().incidents[0].severity, expected, "{what}");
    }
}

#[test]
fn faint_incidents_exist_and_rank_last() {
    let mut text = "0 m1 z\n".to_owned();
    for host in 0..5 {
        text += &format!("0 i2 h{host}\n0 l3 h{host}\n0 l4 h{host}\n0 l5 h{host}\n0 l6 h{host}\n");
    }
    let found = Script::read(&text).run();
    assert_eq!(found.incidents.len(), 6);
    assert_eq!(found.incidents[0].severity, Severity::Medium);
    assert!(found.incidents.iter().skip(1).all(|incident| incident.risk < found.incidents[0].risk));
}

#[test]
fn a_merged_incident_keeps_the_older_id_and_names_the_other() {
    let parts = Script::read("0 h1 a u:eve\n1 h2 b u:bob").run();
    let ids: Vec<_> = parts.incidents.iter().map(|incident| (incident.first, incident.uid.clone())).collect();
    let (older, newer) = (&ids.iter().min().unwrap().1, &ids.iter().max().unwrap().1);
    let whole = Script::read("0 h1 a u:eve\n1 h2 b u:bob\n2 m3 a u:bob").run();
    assert_eq!((&whole.incidents[0].uid, &whole.incidents[0].aliases), (older, &vec![newer.clone()]));
    assert_eq!((older.len(), older.bytes().all(|byte| byte.is_ascii_hexdigit())), (32, true));
}

#[test]
fn what_one_finding_began_twice_has_two_ids() {
    let found = Script::read("0 m1 a\n2000 m1 a\n4000 m1 b #m1@a").run();
    let ids: std::collections::BTreeSet<_> = found.incidents.iter().map(|incident| &incident.uid).collect();
    assert_eq!((found.incidents.len(), ids.len()), (3, 3));
}

#[test]
fn clocks_a_day_apart_are_said() {
    let mut text = String::new();
    let day = 1440.0;
    for (minute, shared) in [(0.0, "u:eve"), (5.0, "a:192.0.2.7"), (10.0, "h:ff"), (17.0, "d:evil.example")] {
        text += &format!("{minute} m1 a {shared}\n");
    }
    for (minute, shared) in [(0.01, "u:eve"), (5.0, "a:192.0.2.7"), (10.02, "h:ff"), (17.0, "d:evil.example")] {
        text += &format!("{} m2 b {shared}\n", minute + day);
    }
    let found = Script::read(&text).run();
    assert_eq!(found.skew.len(), 1);
    let skew = &found.skew[0];
    assert_eq!((skew.behind.as_str(), skew.ahead.as_str(), skew.entities), ("a", "b", 4));
    assert!((skew.offset - 1440 * MINUTE).abs() < 2_000_000_000, "{}", skew.offset);
    // The same visits at times of their own are no skew.
    let apart = text.replace("1445 ", "1452 ").replace("1457 ", "1491 ");
    assert_eq!(Script::read(&apart).run().skew, []);
}

#[test]
fn a_million_entities_stay_in_bounds_and_the_frequent_ones_are_named() {
    let rules = vec![RuleFacts { severity: Severity::Medium, ..RuleFacts::default() }];
    let mut correlate = Correlate::new(rules, Limits { entities_open: 4096, ..Limits::default() });
    for number in 0..1_000_000_u32 {
        let frequent = number % 40 == 0;
        let address = if frequent {
            "198.51.100.1".to_owned()
        } else {
            format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255)
        };
        let entities = [entity("o", "a"), entity("a", &address)];
        let time = Some(Timestamp::from_nanos(i64::from(number) * 1_000_000));
        correlate.observe(&Sighting { time, finding: 0, rule: 0, host: Some("a"), entities: &entities });
    }
    let found = correlate.finish(&|_| String::new());
    let first =
        found.incidents[0].involved.iter().find(|involved| involved.entity.kind == EntityKind::Address).unwrap();
    assert_eq!(first.entity.id, "198.51.100.1");
    assert_eq!((found.incidents.len(), found.incidents[0].sightings), (1, 1_000_000));
    assert!(found.incidents[0].involved_left_out > 900_000);
    assert!(found.entities_left_out > 0);
}

#[test]
fn every_limit_is_kept_and_said() {
    let mut text = String::new();
    for host in 0..300 {
        text += &format!("{} l1 h{host}\n", 2 * host);
    }
    text += "601 c2 h299\n";
    for rule in 0..300 {
        text += &format!("602 m{rule} h299\n");
    }
    let script = Script::read(&text);
    let limits = Limits { incidents: 10, members: 20, pairs: 400, episodes_open: 64, ..Limits::default() };
    let found = script.correlate(&script.records, limits);
    assert_eq!(found.incidents.len(), 10);
    assert_eq!(found.incidents_left_out, 290);
    assert_eq!(found.incidents[0].severity, Severity::Critical);
    assert_eq!((found.incidents[0].members.len(), found.incidents[0].members_left_out), (20, 282));
    assert!(found.incidents[0].members.iter().any(|member| script.findings[member.finding as usize] == "c2@h299"));
    assert_eq!(found.pairs_left_out, 201);
    assert!(found.episodes_left_out > 0);
}

/// Incidents without what depends on their place: by id.
fn by_id(found: &Correlated) -> BTreeMap<String, String> {
    found.incidents.iter().map(|incident| (incident.uid.clone(), format!("{incident:?}"))).collect()
}

/// A script of sightings: (seconds since the last, rule, host, user, address).
fn sightings(estate: &'static str) -> impl Strategy<Value = Vec<String>> {
    let one =
        (0_u32..1500, 0_usize..9, 0_u32..4, 0_u32..6, 0_u32..6).prop_map(move |(gap, rule, host, user, address)| {
            let rule = ["i1", "l2", "m3", "h4", "c5", "l6", "m7", "i8", "m9"][rule];
            let user = if user < 3 { format!(" u:{estate}{user}") } else { String::new() };
            let address = if address < 3 { format!(" a:{estate}{address}") } else { String::new() };
            format!("{gap} {rule} {estate}{host}{user}{address} #{rule}@{estate}{host}")
        });
    proptest::collection::vec(one, 1..60)
}

fn timed(lines: &[String]) -> Vec<String> {
    let mut at = 0;
    let stamp = |line: &String| {
        let (gap, rest) = line.split_once(' ').unwrap();
        at += gap.parse::<u32>().unwrap();
        format!("{} {rest}", f64::from(at) / 60.0)
    };
    lines.iter().map(stamp).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn split_by_what_they_share_the_parts_are_the_whole(left in sightings("x"), right in sightings("y")) {
        let mut lines = timed(&left);
        lines.extend(timed(&right));
        lines.sort_by(|one, two| {
            let time = |line: &String| line.split_once(' ').unwrap().0.parse::<f64>().unwrap();
            time(one).total_cmp(&time(two))
        });
        let script = Script::read(&lines.join("\n"));
        let whole = by_id(&script.run());
        let mut parts = BTreeMap::new();
        for estate in ["x", "y"] {
            let of = |record: &&Record| record.host.as_ref().unwrap().starts_with(estate);
            let records: Vec<_> = script.records.iter().filter(of).cloned().collect();
            parts.extend(by_id(&script.correlate(&records, Limits::default())));
        }
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn a_replay_gives_the_same(lines in sightings("x")) {
        let script = Script::read(&timed(&lines).join("\n"));
        prop_assert_eq!(script.run(), script.run());
    }

    #[test]
    fn the_order_of_one_records_matches_changes_no_incident(lines in sightings("x"), seed in 0_usize..7) {
        // Each record matches three rules; the order of the three is turned.
        let mut text = String::new();
        for line in timed(&lines) {
            let mut words = line.split(' ');
            let (time, rule, host) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let rest: Vec<_> = words.filter(|word| !word.starts_with('#')).collect();
            text += &[rule, "l20", "m21"].map(|rule| format!("{time} {rule} {host} {}\n", rest.join(" "))).concat();
        }
        let script = Script::read(&text);
        let mut turned = script.records.clone();
        for matches in turned.chunks_mut(3) {
            matches.rotate_left(seed % 3);
            if seed > 3 {
                matches.reverse();
            }
        }
        let shape = |records: &[Record]| {
            let found = script.correlate(records, Limits::default());
            let one = |incident: &shieldwall_schema::incident::Incident| {
                let mut members: Vec<_> = incident.members.iter()
                    .map(|member| (script.findings[member.finding as usize].clone(), member.count, member.first, member.last))
                    .collect();
                members.sort();
                ((incident.uid.clone(), incident.severity, incident.sightings, members), incident.risk)
            };
            let mut shapes: Vec<_> = found.incidents.iter().map(one).collect();
            shapes.sort_by(|left, right| left.0.cmp(&right.0));
            shapes
        };
        let (left, right) = (shape(&script.records), shape(&turned));
        prop_assert_eq!(left.len(), right.len());
        for (left, right) in left.iter().zip(&right) {
            prop_assert_eq!(&left.0, &right.0);
            prop_assert!(left.1 == right.1, "{} {}", left.1, right.1);
        }
    }

    #[test]
    fn every_match_is_in_one_incident(lines in sightings("x")) {
        let script = Script::read(&timed(&lines).join("\n"));
        let found = script.run();
        let counted: u64 = found.incidents.iter().flat_map(|incident| &incident.members).map(|member| member.count).sum();
        prop_assert_eq!(counted, lines.len() as u64);
        for (at, incident) in found.incidents.iter().enumerate() {
            for member in &incident.members {
                prop_assert!(found.finding_incident.contains(&(member.finding, at as u32)));
            }
        }
    }
}
