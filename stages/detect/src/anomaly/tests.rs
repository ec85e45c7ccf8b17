//! The detectors as a whole, on an office with attacks planted in it.

use super::office::{ATTACKS, Attack, Office};
use super::*;

fn run(office: &Office, settings: Settings) -> Learned {
    let mut learner = Learner::new(settings);
    office.each(|seen| learner.learn(seen));
    learner.learned();
    office.each(|seen| learner.judge(seen));
    learner.finish()
}

/// Which attacks some suspicion shows a record of.
fn found(office: &Office, learned: &Learned) -> std::collections::BTreeSet<usize> {
    let shown = learned.suspicions.iter().flat_map(|one| &one.evidence);
    let records = shown.filter_map(|(_, place)| office.records.get(place.offset as usize));
    let mut out: std::collections::BTreeSet<usize> = records.filter_map(|record| record.attack).collect();
    // A slow rise has no single record.
    for one in learned.suspicions.iter().filter(|one| one.detector == detectors::SLOW_BOIL) {
        let attack = |record: &&office::Record| record.observation.host.as_deref() == Some(&one.entity.id);
        out.extend(office.records.iter().filter(attack).filter_map(|record| record.attack));
    }
    out
}

#[test]
fn an_office_report() {
    let mut lines = Vec::new();
    for seed in [1, 2, 3] {
        let quiet = {
            let mut office = Office::new(60, 15, seed);
            office.sort();
            run(&office, Settings::default())
        };
        let mut office = Office::new(60, 15, seed);
        for (number, attack) in ATTACKS.iter().enumerate() {
            office.plant(*attack, number, 7 + (number as i64) % 5);
        }
        office.sort();
        let learned = run(&office, Settings::default());
        let unlimited = run(&office, Settings { budget_a_day: 1e6 });
        let (limited, all) = (found(&office, &learned), found(&office, &unlimited));
        lines.push(format!(
            "seed {seed}: {} records, quiet office {} shown + {} folded in 15 days; with attacks {} shown + {} folded, found {}/{} (unlimited {}), coverage {:.2}",
            office.records.len(), quiet.suspicions.len(), quiet.folded, learned.suspicions.len(), learned.folded,
            limited.len(), ATTACKS.len(), all.len(), learned.coverage,
        ));
        let missed: Vec<Attack> = ATTACKS.iter().enumerate().filter(|(n, _)| !all.contains(n)).map(|(_, a)| *a).collect();
        lines.push(format!("  missed {missed:?}"));
        for one in learned.suspicions.iter() {
            lines.push(format!("  {} {} {:?} p {:.1e} score {:.1} n {} | {} || {}", DETECTORS[one.detector as usize].id, one.entity.id, one.first.map(|t| t.to_string()), one.anomaly.p_value, one.anomaly.score, one.count, one.anomaly.parts[0].words, one.anomaly.normal));
        }
        for one in quiet.suspicions.iter().take(15) {
            lines.push(format!("  QUIET {} {} p {:.1e} score {:.1} | {}", DETECTORS[one.detector as usize].id, one.entity.id, one.anomaly.p_value, one.anomaly.score, one.anomaly.parts[0].words));
        }
    }
    eprintln!("{}", lines.join("\n"));
}
