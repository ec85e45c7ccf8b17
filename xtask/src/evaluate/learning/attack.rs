//! What a model for tables withstands under a written attacker, beside plain boosting at the same false alarms.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use shieldwall_learn::forest::{Boosted, Table};
use shieldwall_learn::gate::attack::{Attacker, Direction, Resolved, boundary, greedy, transfer};
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::tabular::{Tabular, TabularSettings};
use shieldwall_learn::{Frame, Model, Random};

use super::tabular::sets::{Flows, SCHEMES};

/// One seed for all fits.
const SEED: u64 = 1;

/// Attacks of a fold that are attacked back.
const ATTACKED: usize = 200;

/// Changes of a row at most.
const CHANGES: usize = 3;

/// False alarms at which every model works.
const RATE: f64 = 0.01;

/// A model's counts.
#[derive(Default)]
struct Counts {
    of: usize,
    clean: usize,
    greedy: [usize; CHANGES],
    any: usize,
    boundary: usize,
    transfer: usize,
    certified: usize,
    seconds: f64,
}

/// The section's text.
///
/// # Errors
/// When data are missing or cannot be learned from.
pub fn section(data: &Path) -> Result<String> {
    let flows = Flows::read(data)?;
    let (scheme, folds) = SCHEMES[0];
    let mut all = [Counts::default(), Counts::default()];
    for fold in 0..folds {
        let fold = flows.fold(scheme, fold);
        let (train, test) = (flows.frame.select(&fold.train), flows.frame.select(&fold.test));
        let labels = |rows: &[usize]| -> Vec<bool> { rows.iter().map(|row| flows.is_attack(*row)).collect() };
        let (train_labels, test_labels) = (labels(&fold.train), labels(&fold.test));
        let table = Table { frame: &train, labels: Some(&train_labels) };
        let tabular = Tabular::fit(table, &TabularSettings::default(), &mut Random::new(SEED))?;
        let boosted = Boosted::fit(table, &TabularSettings::default().boosting, &mut Random::new(SEED))?;
        let attacker = Attacker::padding(tabular.raisable().iter().map(String::as_str));
        let mut free = attacker.clone();
        free.changes_max = 1;
        free.features.iter_mut().for_each(|control| control.direction = Direction::Any);
        let attackers = (attacker.resolve(train.schema())?, free.resolve(train.schema())?);
        let floor = |row: &[f64]| tabular.floor(row).unwrap_or(f64::NEG_INFINITY);
        measure(&tabular, &tabular.score_rows(&test), &test, &test_labels, &attackers, floor, &mut all[0])?;
        let none = |_: &[f64]| f64::NEG_INFINITY;
        measure(&boosted, &boosted.score_rows(&test), &test, &test_labels, &attackers, none, &mut all[1])?;
    }
    let mut out = format!(
        "\n### Attacks on a model for tables\n\nData: `nsl-kdd/KDDTrain+_20Percent.txt`, attack types never seen in training ({folds} folds, as \
         under *Tables*), up to {ATTACKED} attacks of each fold, seed {SEED}. The attacker raises up to {CHANGES} of the features that \
         the card calls raisable; *any direction* may also lower one. Every model at its own threshold of {:.0} % false alarms on the \
         fold's normal rows. *Greedy* sweeps every threshold exactly: after one change its recall is the exact robust recall.\n\n\
         | | clean | greedy 1 | 2 | 3 | any direction, 1 | boundary, 3 | transfer, 3 | certified | seconds for 1,000 greedy attacks |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        100.0 * RATE
    );
    for (name, own) in ["**tabular**", "boosting alone"].iter().zip(&all) {
        let share = |count: usize| format!("{:.3}", count as f64 / own.of.max(1) as f64);
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} |",
            share(own.clean),
            share(own.greedy[0]),
            share(own.greedy[1]),
            share(own.greedy[2]),
            share(own.any),
            share(own.boundary),
            share(own.transfer),
            share(own.certified),
            1000.0 * own.seconds / own.of.max(1) as f64
        )?;
    }
    writeln!(
        out,
        "\nRobust recall of `tabular` after {CHANGES} changes over the unconstrained model's clean recall: **{:.2}** (goal 0.85).",
        all[0].greedy[CHANGES - 1] as f64 / all[1].clean.max(1) as f64
    )?;
    Ok(out)
}

fn measure(
    model: &impl greedy::Target,
    scores: &[f64],
    test: &Frame,
    labels: &[bool],
    attackers: &(Resolved, Resolved),
    floor: impl Fn(&[f64]) -> f64,
    out: &mut Counts,
) -> Result<()> {
    let threshold = Ranking::new(scores, labels).recall_at(RATE).2;
    let is_found = |row: &[f64]| model.score(row) >= threshold;
    let attacks: Vec<usize> = (0..labels.len()).filter(|row| labels[*row]).collect();
    let normals: Vec<usize> = (0..labels.len()).filter(|row| !labels[*row]).collect();
    let ordinary = test.select(&normals);
    let known: Vec<usize> = (0..labels.len()).step_by(2).collect();
    let answers: Vec<bool> = known.iter().map(|row| scores[*row] >= threshold).collect();
    let own = transfer::surrogate(&test.select(&known), &answers, &mut Random::new(SEED));
    let mut row = Vec::new();
    for at in Random::new(SEED).sample(attacks.len(), ATTACKED) {
        test.copy_row(attacks[at], &mut row);
        out.of += 1;
        out.certified += usize::from(floor(&row) >= threshold);
        if !is_found(&row) {
            continue;
        }
        out.clean += 1;
        let start = Instant::now();
        let path = greedy::attack(model, &attackers.0, &row);
        out.seconds += start.elapsed().as_secs_f64();
        for (changes, count) in out.greedy.iter_mut().enumerate() {
            *count += usize::from(greedy::least(&path, changes + 1).is_none_or(|one| one.score >= threshold));
        }
        let path = greedy::attack(model, &attackers.1, &row);
        out.any += usize::from(greedy::least(&path, 1).is_none_or(|one| one.score >= threshold));
        let way = boundary::attack(&is_found, &attackers.0, &ordinary, &row, CHANGES, &mut Random::new(at as u64));
        out.boundary += usize::from(way.is_none());
        let sent = own.as_ref().ok().map(|own| greedy::attack(own, &attackers.0, &row));
        let sent = sent.as_ref().and_then(|path| path.last());
        out.transfer += usize::from(sent.is_none_or(|one| is_found(&one.row)));
    }
    Ok(())
}
