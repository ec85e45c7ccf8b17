//! Baselines as detectors use them: learn a history, then ask how strange something is.

use proptest::prelude::*;
use shieldwall_learn::baseline::{BaselineSettings, Baselines, Kind, Sighting, Value};
use shieldwall_learn::{Array, Random};

const DAY: i64 = 86_400;
/// A Monday, 00:00 UTC.
const MONDAY: i64 = 19_723 * DAY;
const KINDS: [Kind; 3] = [Kind::Category, Kind::Amount, Kind::Hour];

fn category(entity: u64, value: u64, time_s: i64) -> Sighting {
    Sighting { entity, peers: 1, feature: 0, value: Value::Category(value), time_s }
}

fn amount(entity: u64, value: f64, time_s: i64) -> Sighting {
    Sighting { entity, peers: 1, feature: 1, value: Value::Number(value), time_s }
}

fn hour(entity: u64, time_s: i64) -> Sighting {
    Sighting { entity, peers: 1, feature: 2, value: Value::Hour, time_s }
}

/// Thirty office workers over four weeks: each starts the same five programs, sends some 100 kB an hour, from 9 to 17.
fn office() -> Baselines {
    let mut random = Random::new(1);
    let mut baselines = Baselines::new(BaselineSettings::default(), &KINDS);
    for day in (0..28).filter(|day| day % 7 < 5) {
        for hour_of_day in 9..17 {
            for entity in 0..30 {
                let time = MONDAY + day * DAY + hour_of_day * 3600;
                baselines.learn(&category(entity, random.below(5) as u64, time), 1, entity);
                baselines.learn(&amount(entity, 100_000.0 * (random.unit() + 0.5), time), 1, entity);
                baselines.learn(&hour(entity, time), 1, entity);
                // Half of them have a program of their own; number 7 tries something new every hour.
                if entity % 2 == 0 {
                    baselines.learn(&category(entity, 100 + entity, time), 1, entity);
                }
                if entity == 7 {
                    baselines.learn(&category(entity, 10_000 + random.below(1 << 30) as u64, time), 1, entity);
                }
            }
        }
    }
    baselines
}

#[test]
fn what_nobody_did_is_strange_and_what_peers_do_is_less() {
    let (baselines, now) = (office(), MONDAY + 28 * DAY + 10 * 3600);
    let peers = baselines.peers();
    let p = |entity, value| baselines.p_value(&peers, &category(entity, value, now), 0.0);
    assert_eq!(p(3, 0).max(p(3, 1)).max(p(3, 2)).max(p(3, 3)).max(p(3, 4)), 1.0);
    assert!((0..5).all(|value| p(3, value) > 0.05), "its habits");
    assert!(p(4, 104) > 0.3, "its own program");
    let (nobody, seven, newcomer) = (p(3, 999), p(7, 999), p(77, 0));
    assert!(nobody < 0.01, "new to everybody: {nobody}");
    assert!(seven > 5.0 * nobody, "who does new things daily: {seven} against {nobody}");
    assert!(newcomer > 0.01 && newcomer > 20.0 * p(3, 999), "a newcomer who does what all do: {newcomer}");
    let words = baselines.surprise(&peers, &category(3, 999, now), 0.0);
    assert_eq!((words.seen, words.peers, words.usual.len()), (0.0, (0, 30), 3));
    assert!(words.total > 50.0 && words.usual[0].1 > 0.15);
}

#[test]
fn nights_and_large_amounts_are_strange() {
    let (baselines, tuesday) = (office(), MONDAY + 29 * DAY);
    let peers = baselines.peers();
    let at = |hours: i64| baselines.p_value(&peers, &hour(3, tuesday + hours * 3600), 0.0);
    assert!(at(10) > 0.2 && at(8) > 0.02 && at(3) < 0.002, "{} {} {}", at(10), at(8), at(3));
    let saturday = baselines.p_value(&peers, &hour(3, MONDAY + 33 * DAY + 11 * 3600), 0.0);
    assert!(saturday < at(11) && saturday > at(3), "{saturday}");
    let sent = |bytes| baselines.p_value(&peers, &amount(3, bytes, tuesday + 10 * 3600), 0.0);
    assert!(sent(100_000.0) > 0.3 && sent(10.0) == 1.0, "{}", sent(100_000.0));
    assert!(sent(1e7) < 0.01 && sent(f64::NAN) == 1.0, "{}", sent(1e7));
    let (low, high) = baselines.surprise(&peers, &amount(3, 1e7, tuesday), 0.0).range.unwrap();
    assert!((30_000.0..80_000.0).contains(&low) && (110_000.0..200_000.0).contains(&high), "{low} {high}");
    // Where hours are never judged, nothing is said: a value that does not fit its feature.
    let wrong = Sighting { value: Value::Number(1.0), ..category(3, 0, tuesday) };
    assert_eq!(baselines.p_value(&peers, &wrong, 0.0), 1.0);
}

#[test]
fn a_flood_of_one_day_does_not_become_usual() {
    let mut baselines = office();
    let tuesday = MONDAY + 29 * DAY;
    for at in 0..10_000 {
        baselines.learn(&category(3, 666, tuesday + at), 50, 3);
    }
    let peers = baselines.peers();
    let flooded = baselines.surprise(&peers, &category(3, 666, tuesday + DAY), 0.0);
    assert!(flooded.seen < 8.5 && flooded.p_value < 0.2 && flooded.peers.0 == 1, "{flooded:?}");
    // A source that varies what it says gains no more than its own cap.
    let mut varied = office();
    let gained: f64 = (0..1000).map(|value| varied.learn(&category(4, 5000 + value, tuesday), 10, 4)).sum();
    assert!((gained - 64.0).abs() < 1e-3, "{gained}");
    assert!(varied.learn(&category(4, 0, tuesday), 1, 99) == 1.0, "another source is still heard");
}

#[test]
fn a_history_with_the_attack_in_it_still_finds_it_strange() {
    let mut baselines = office();
    let tuesday = MONDAY + 29 * DAY + 10 * 3600;
    for _ in 0..3 {
        baselines.learn(&category(3, 666, tuesday), 1, 3);
    }
    let peers = baselines.peers();
    let with = baselines.p_value(&peers, &category(3, 666, tuesday), 0.0);
    let without = baselines.surprise(&peers, &category(3, 666, tuesday), 3.0);
    assert!(without.p_value < 0.01 && without.p_value < with && without.seen == 0.0, "{with} {without:?}");
    assert_eq!(without.peers, (0, 30), "it is not its own peer");
}

#[test]
fn what_is_forgotten_is_gone_and_too_many_entities_lose_the_least_seen() {
    let mut baselines = office();
    assert_eq!(baselines.normal(3).len(), 3);
    assert!(baselines.forget(3) && !baselines.forget(3) && baselines.normal(3).is_empty());
    let settings = BaselineSettings { entities_max: 100, ..BaselineSettings::default() };
    let mut small = Baselines::new(settings, &KINDS);
    for entity in 0..1000u64 {
        small.learn(&category(1_000_000, entity, MONDAY), 1, 0);
        small.learn(&category(entity, 1, MONDAY), 1, entity);
    }
    assert!(small.len() <= 100 && small.forgotten() >= 900 && !small.normal(1_000_000).is_empty());
}

#[test]
fn an_entity_of_twenty_keys_takes_two_and_a_half_kilobytes() {
    let kinds = [[Kind::Category; 14].as_slice(), &[Kind::Amount; 5], &[Kind::Hour]].concat();
    let mut baselines = Baselines::new(BaselineSettings::default(), &kinds);
    let mut random = Random::new(2);
    const ENTITIES: u64 = 20_000;
    for day in 0..20 {
        for entity in 0..ENTITIES {
            for (feature, kind) in kinds.iter().enumerate() {
                // Habits: half of the days the same value, else one of three others; amounts within a factor of three.
                let value = match kind {
                    Kind::Category => {
                        Value::Category(if random.unit() < 0.5 { 1 } else { entity * 31 + 2 + random.below(3) as u64 })
                    }
                    Kind::Hour => Value::Hour,
                    _ => Value::Number(1000.0 * (1.0 + 2.0 * random.unit())),
                };
                let time_s = MONDAY + day * DAY + (8 + random.below(10) as i64) * 3600;
                baselines.learn(&Sighting { entity, peers: 0, feature: feature as u16, value, time_s }, 1, entity);
            }
        }
    }
    // The table of the day's caps is bounded by itself (27 MB); a new day begins with an empty one.
    let late = Sighting { entity: 0, peers: 0, feature: 0, value: Value::Category(1), time_s: MONDAY + 99 * DAY };
    baselines.learn(&late, 1, 0);
    let mut alone = Baselines::new(BaselineSettings::default(), &kinds);
    assert!(alone.merge(&baselines));
    let each = alone.bytes() as u64 / ENTITIES;
    eprintln!("{each} bytes an entity");
    assert!(each <= 2500, "{each}");
}

proptest! {
    #[test]
    fn parts_by_entity_merged_equal_the_whole_and_arrays_bring_them_back(
        steps in prop::collection::vec((0..6u64, 0..3u16, 0..70u64, 0..40_000i64, 1..5u32), 1..200),
    ) {
        let new = || Baselines::new(BaselineSettings { value_a_day: 3.0, ..BaselineSettings::default() }, &KINDS);
        let (mut whole, mut even, mut odd) = (new(), new(), new());
        let mut time_s = MONDAY;
        for (entity, feature, value, step, count) in steps {
            time_s += step;
            let value = match feature {
                0 => Value::Category(value % 60),
                1 => Value::Number(value as f64 * 100.0),
                _ => Value::Hour,
            };
            let seen = Sighting { entity, peers: (entity % 2) as u32, feature, value, time_s };
            let part = if entity % 2 == 0 { &mut even } else { &mut odd };
            let gains = [&mut whole, part].map(|one| one.learn(&seen, count, entity));
            prop_assert_eq!(gains[0], gains[1]);
        }
        let asked = category(0, 3, time_s);
        prop_assert!(odd.merge(&even));
        prop_assert_eq!(odd.to_tensors(), whole.to_tensors());
        let back = Baselines::from_tensors(&whole.to_tensors()).unwrap();
        prop_assert_eq!(&back, &whole);
        prop_assert_eq!(back.peers(), odd.peers());
        let p = [&back, &odd].map(|one| one.p_value(&one.peers(), &asked, 1.0).to_bits());
        prop_assert_eq!(p[0], p[1]);
        prop_assert!(whole.p_value(&whole.peers(), &asked, 0.0) > 0.0);
    }
}

#[test]
fn torn_arrays_are_refused() {
    let kept = office().to_tensors();
    for (name, array) in &kept.arrays {
        let mut torn = kept.clone();
        torn.arrays.remove(name);
        assert!(Baselines::from_tensors(&torn).is_err(), "without `{name}`");
        let mut torn = kept.clone();
        let longer = match array.clone() {
            Array::U8(mut all) => (all.push(200), Array::U8(all)).1,
            Array::U16(mut all) => (all.push(9), Array::U16(all)).1,
            Array::U32(mut all) => (all.push(9), Array::U32(all)).1,
            Array::U64(mut all) => (all.push(9), Array::U64(all)).1,
            Array::I32(mut all) => (all.push(9), Array::I32(all)).1,
            Array::F32(mut all) => (all.push(-9.0), Array::F32(all)).1,
            Array::F64(mut all) => (all.push(9.0), Array::F64(all)).1,
        };
        torn.put(name, longer);
        assert!(Baselines::from_tensors(&torn).is_err(), "`{name}` too long");
    }
    let mut other = Baselines::new(BaselineSettings::default(), &[Kind::Hour]);
    assert!(!other.merge(&office()));
}
