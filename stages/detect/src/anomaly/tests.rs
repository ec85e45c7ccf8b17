//! The detectors as a whole, on an office with attacks planted in it.

use std::collections::{BTreeMap, BTreeSet};

use shieldwall_schema::observation::LEARNED_PATHS;

use super::office::{ATTACKS, Attack, Office, START};
use super::*;

fn run(office: &Office, settings: Settings) -> Learned {
    let mut learner = Learner::new(settings);
    office.each(|seen| learner.learn(seen));
    learner.learned();
    office.each(|seen| learner.judge(seen));
    learner.finish()
}

fn attacks_of(office: &Office, one: &Suspicion) -> BTreeSet<usize> {
    // What is slow has no single record.
    if one.evidence.is_empty() && one.detector == detectors::GUESSING {
        let of = |record: &&office::Record| {
            let said = |path: u16| record.observation.get(path).is_some_and(|value| value.contains(&one.entity.id));
            (0..u16::MAX).take(LEARNED_PATHS.len()).any(said)
        };
        return office.records.iter().filter(of).filter_map(|record| record.attack).collect();
    }
    if one.detector == detectors::SLOW_BOIL {
        let of = |record: &&office::Record| record.observation.host.as_deref() == Some(&one.entity.id);
        return office.records.iter().filter(of).filter_map(|record| record.attack).collect();
    }
    one.evidence.iter().filter_map(|(_, place)| office.records.get(place.offset as usize)?.attack).collect()
}

/// Which attacks some suspicion shows a record of.
fn found(office: &Office, learned: &Learned) -> BTreeSet<usize> {
    learned.suspicions.iter().flat_map(|one| attacks_of(office, one)).collect()
}

fn attacked(seed: u64) -> Office {
    let mut office = Office::new(60, 15, seed);
    for (number, attack) in ATTACKS.iter().enumerate() {
        office.plant(*attack, number, 7 + (number as i64) % 5);
    }
    office.sort();
    office
}

/// Shown on each day of event time.
fn by_day(learned: &Learned) -> BTreeMap<i64, u64> {
    let mut out = BTreeMap::new();
    for one in &learned.suspicions {
        let day = one.last.map_or(0, |time| time.nanos().div_euclid(86_400_000_000_000) - START / 86_400);
        *out.entry(day).or_default() += 1;
    }
    out
}

/// Recall within the budget, false alarms on quiet days, days within the budget; printed with `--nocapture`.
#[test]
fn the_budget_is_kept_and_costs_little() {
    let verbose = std::env::var_os("SHIELDWALL_VERBOSE").is_some();
    let (mut all_found, mut all_planted, mut false_alarms, mut days, mut within, mut unlimited_found) =
        (0, 0, 0, 0, 0, 0);
    for seed in 11..13 {
        let mut quiet_office = Office::new(60, 15, seed);
        quiet_office.sort();
        let quiet = run(&quiet_office, Settings::default());
        let office = attacked(seed);
        let learned = run(&office, Settings::default());
        let unlimited = run(&office, Settings { budget_a_day: 1e6 });
        let (limited, all) = (found(&office, &learned), found(&office, &unlimited));
        all_found += limited.len();
        unlimited_found += all.len();
        all_planted += ATTACKS.len();
        false_alarms += quiet.suspicions.len();
        days += 15;
        within += 15 - by_day(&learned).values().filter(|count| **count > 5).count();
        let missed: Vec<Attack> =
            ATTACKS.iter().enumerate().filter(|(n, _)| !limited.contains(n)).map(|(_, a)| *a).collect();
        eprintln!(
            "seed {seed}: {} records; quiet {} shown; attacked {} shown, {} folded; missed {missed:?}; coverage {:.3}",
            office.records.len(),
            quiet.suspicions.len(),
            learned.suspicions.len(),
            learned.folded,
            learned.coverage,
        );
        if verbose {
            for (name, one) in
                learned.suspicions.iter().map(|one| ("", one)).chain(quiet.suspicions.iter().map(|one| ("QUIET", one)))
            {
                eprintln!(
                    "  {name} {} {} p {:.1e} score {:.1} n {} | {} || {}",
                    DETECTORS[usize::from(one.detector)].id,
                    one.entity.id,
                    one.anomaly.p_value,
                    one.anomaly.score,
                    one.count,
                    one.anomaly.parts[0].words,
                    one.anomaly.normal
                );
            }
        }
    }
    eprintln!(
        "found {all_found} of {all_planted} (without budget {unlimited_found}); {false_alarms} false in {days} quiet days; budget of 5 kept on {within} of {days} days"
    );
    assert!(within * 100 >= days * 95 && all_found * 10 >= unlimited_found * 8 && false_alarms <= 3 * days);
}

#[test]
fn planted_attacks_are_found_and_quiet_days_are_quiet() {
    let office = attacked(1);
    let learned = run(&office, Settings::default());
    let shown = found(&office, &learned);
    assert!(shown.len() >= 9, "found {shown:?}");
    assert!(by_day(&learned).values().all(|count| *count <= 8), "{:?}", by_day(&learned));
    let mut quiet = Office::new(60, 15, 1);
    quiet.sort();
    let quiet = run(&quiet, Settings::default());
    assert!(quiet.suspicions.len() <= 30, "{} in 15 days", quiet.suspicions.len());
    for one in learned.suspicions.iter().chain(&quiet.suspicions) {
        let sum: f64 = one.anomaly.parts.iter().map(|part| part.value).sum();
        assert!((one.anomaly.score - sum).abs() < 1e-9 && one.anomaly.p_value > 0.0 && one.anomaly.p_value <= 1.0);
        assert!(!one.anomaly.parts.is_empty() && one.anomaly.parts.iter().all(|part| !part.words.is_empty()));
        assert!(!one.anomaly.normal.is_empty() && ["low", "medium", "high"].contains(&one.level));
    }
    // The same again is the same.
    let again = run(&attacked(1), Settings::default());
    assert_eq!((again.suspicions, again.baselines), (learned.suspicions, learned.baselines));
}

#[test]
fn ten_times_as_many_decoys_do_not_hide_an_attack() {
    let mut office = Office::new(60, 15, 2);
    office.plant(Attack::Logon, 0, 9);
    // Decoys: fifty strange starts of programs on as many hosts, the same day.
    for decoy in 0..50 {
        office.decoy(decoy, 9);
    }
    office.sort();
    let learned = run(&office, Settings::default());
    assert!(found(&office, &learned).contains(&0), "{:?}", learned.suspicions);
    assert!(by_day(&learned).get(&9).copied().unwrap_or(0) <= 6, "{:?}", by_day(&learned));
    assert!(learned.folded == 0 || !learned.folded_top.is_empty());
}

#[test]
fn short_history_says_nothing() {
    let mut office = Office::new(1, 1, 3);
    office.records.truncate(20);
    office.plant(Attack::Macro, 0, 0);
    office.sort();
    let learned = run(&office, Settings::default());
    assert_eq!(learned.suspicions, []);
    assert_eq!(run(&Office::new(0, 0, 1), Settings::default()).suspicions, []);
}

#[test]
fn learning_by_entity_and_merging_is_learning_all() {
    // Hosts share no other entity here: processes only.
    let mut office = Office::new(12, 6, 4);
    office.records.retain(|record| {
        record.observation.class == 1007 && !record.observation.fields.iter().any(|(_, v)| v.contains("SYSTEM"))
    });
    office.sort();
    let learn = |keep: &dyn Fn(usize) -> bool| {
        let mut learner = Learner::new(Settings::default());
        office.each(|seen| {
            let host: usize = seen.observation.host.as_deref().unwrap().trim_start_matches("ws").parse().unwrap();
            if keep(host) {
                learner.learn(seen);
            }
        });
        learner.learned();
        learner
    };
    let whole = learn(&|_| true);
    let mut merged = learn(&|host| host % 3 == 0);
    merged.merge(learn(&|host| host % 3 == 2));
    merged.merge(learn(&|host| host % 3 == 1));
    assert_eq!(merged.kept(), whole.kept());
}

#[test]
fn baselines_are_kept_told_and_forgotten() {
    let mut office = Office::new(12, 8, 5);
    office.sort();
    let learned = run(&office, Settings::default());
    let bytes = &learned.baselines;
    let told = describe(bytes, Some("ws3")).unwrap();
    assert!(
        told[0].starts_with("host ws3: active in ") && told.iter().any(|line| line.contains("explorer.exe → ")),
        "{told:#?}"
    );
    assert!(describe(bytes, Some("user user3")).unwrap().iter().any(|line| line.contains("logon time")));
    assert!(describe(bytes, Some("nobody")).is_err() && describe(bytes, None).unwrap().len() > 10);
    // What was kept is learned on from, byte for byte.
    assert_eq!(Learner::resume(bytes, Settings::default()).unwrap().kept(), *bytes);
    let (without, gone) = forget(bytes, "host ws3").unwrap();
    assert_eq!(gone, 1);
    assert!(describe(&without, Some("host ws3")).is_err() && describe(&without, Some("ws4")).is_ok());
    assert_eq!(forget(&without, "host ws3").unwrap(), (without.clone(), 0));
    // An attack after the kept history is seen with it.
    let mut later = Office::new(12, 1, 6);
    later.plant(Attack::Macro, 0, 0);
    later.records.iter_mut().for_each(|record| record.at_ms += 8 * 86_400_000);
    later.sort();
    let mut learner = Learner::resume(bytes, Settings::default()).unwrap();
    later.each(|seen| learner.learn(seen));
    learner.learned();
    later.each(|seen| learner.judge(seen));
    assert!(found(&later, &learner.finish()).contains(&0));
}

#[test]
fn hostile_baselines_are_refused() {
    let mut office = Office::new(3, 2, 6);
    office.sort();
    let bytes = run(&office, Settings::default()).baselines;
    for bad in [
        &b""[..],
        b"SWBASE",
        b"SWBASE\x01",
        b"SWBASE\x02\x00\x00",
        b"{}",
        &bytes[..bytes.len() - 1],
        &[&bytes[..], b"x"].concat(),
    ] {
        assert!(Learner::resume(bad, Settings::default()).is_err());
    }
    let mut random = shieldwall_learn::Random::new(7);
    for _ in 0..300 {
        let mut bad = bytes.clone();
        let at = random.below(bad.len());
        bad[at] ^= 1 << random.below(8);
        // Refused or usable: never a panic.
        if let Ok(mut learner) = Learner::resume(&bad, Settings::default()) {
            office.records.truncate(500);
            office.each(|seen| learner.learn(seen));
            learner.learned();
            office.each(|seen| learner.judge(seen));
            let _ = learner.finish();
        }
    }
}

#[test]
fn models_of_texts_are_asked_and_told() {
    let mut office = Office::new(20, 6, 8);
    office.plant(Attack::Macro, 0, 3);
    office.sort();
    let scorer = |text: &str| TextVerdict {
        p_value: if text.contains("-enc") { 1e-9 } else { 0.5 },
        spans: text.find("-enc").map(|at| (at as u32, at as u32 + 4)).into_iter().collect(),
        words: "an encoded command".into(),
    };
    let scorers = TextScorers { command: Some(Box::new(scorer)), ..TextScorers::default() };
    let mut learner = Learner::new(Settings::default()).with_texts(scorers);
    office.each(|seen| learner.learn(seen));
    learner.learned();
    office.each(|seen| learner.judge(seen));
    let learned = learner.finish();
    let told = learned.suspicions.iter().flat_map(|one| &one.anomaly.parts).any(|part| part.words.contains("»-enc«"));
    assert!(told, "{:#?}", learned.suspicions);
}

#[test]
fn hostile_observations_do_no_harm() {
    let mut learner = Learner::new(Settings { budget_a_day: f64::NAN });
    let long = "é\\".repeat(100_000);
    let values = ["", "-", "\0", &long, "::1", "18446744073709551616", "%s", "\\??\\", "\"", "C:\\Users\\"];
    let mut seen = Vec::new();
    for class in [
        0,
        1001,
        1003,
        1005,
        1006,
        1007,
        1008,
        1009,
        3001,
        3002,
        3003,
        3004,
        3006,
        4001,
        4002,
        4003,
        4005,
        4006,
        4007,
        6003,
        201_001,
        201_002,
        201_004,
        u32::MAX,
    ] {
        for (at, value) in values.iter().enumerate() {
            let fields = (0..90).map(|path| (path, (*value).to_owned())).collect();
            let observation = shieldwall_schema::Observation {
                class,
                activity: at as u32,
                fields,
                count: u32::MAX,
                ..Default::default()
            };
            seen.push((at, observation));
        }
    }
    let each = |learner: &mut Learner, judge: bool| {
        for (at, observation) in &seen {
            let time = [None, Some(Timestamp::from_nanos(i64::MIN)), Some(Timestamp::from_nanos(i64::MAX))][at % 3];
            let one = shieldwall_schema::Observed { time, source: 0, place: Place::offset(0), observation };
            if judge { learner.judge(&one) } else { learner.learn(&one) }
        }
    };
    each(&mut learner, false);
    learner.learned();
    each(&mut learner, true);
    let learned = learner.finish();
    assert!(Learner::resume(&learned.baselines, Settings::default()).is_ok());
}

#[test]
fn a_hundred_thousand_entities_fit() {
    // Twelve hours of forty facts each, as a host has; the facts are shared, as an office's are.
    let mut base = learner::empty();
    let keys: Vec<u32> = (0..4000)
        .map(|value| base.key(shieldwall_learn::baseline::Key { feature: 0, context: value / 10, value }).unwrap())
        .collect();
    let entities = 100_000u32;
    for entity in 0..entities {
        let number = base.entity(shieldwall_schema::entity::EntityKind::Host as u8, entity + 1).unwrap();
        for hour in 0..12i64 {
            let mut facts: Vec<u32> =
                (0..40u32).map(|at| keys[((entity * 31 + at * 97 + (hour as u32 % 3) * 7) % 4000) as usize]).collect();
            facts.sort_unstable();
            facts.dedup();
            base.learn_facts(number, hour, (hour / 6) as i32, &facts);
            for measure in 0..8 {
                base.learn_level(number, measure, (entity % 40) as u8 + (hour % 3) as u8, (hour / 6) as i32, false);
            }
        }
    }
    let bytes = base.bytes();
    eprintln!("{} bytes an entity", bytes / entities as usize);
    assert!(bytes <= 256 << 20, "{bytes} bytes");
}
