//! Poisoned tables: what `shieldwall data check` finds, beside trivial baselines.
//!
//! The alarm lines were set on the seeds 101 to 108 and on the clean ADBench sets; what is printed here uses seeds from 201 on.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use shieldwall_learn::forest::{Isolation, IsolationSettings, Table};
use shieldwall_learn::gate::{clusters, flips, regions, space::Space, triggers};
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::{Frame, Model, Random};

use super::tabular::sets::{Flows, adbench};

/// Rows of each table.
const ROWS: usize = 12_000;

/// Seeds that were never used to set a line.
const SEEDS: [u64; 3] = [201, 202, 203];

/// Neighbours of the trivial baseline.
const NEIGHBOURS: usize = 10;

/// A table with its true labels.
struct Sample {
    frame: Frame,
    labels: Vec<bool>,
    /// Other rows, true labels: what a signed reference would be.
    reference: (Frame, Vec<bool>),
}

/// The section's text.
///
/// # Errors
/// When data are missing or cannot be learned from.
pub fn section(data: &Path) -> Result<String> {
    let flows = Flows::read(data)?;
    let mut out = format!(
        "\n### Data check\n\nPoison made by ourselves in {ROWS} rows of `nsl-kdd/KDDTrain+_20Percent.txt`, seeds {SEEDS:?}; the \
         alarm lines were set on other seeds. Figures are means over seeds; *alarm* counts the seeds in which `data check` \
         would have said so.\n\n"
    );
    single(&flows, &mut out)?;
    grouped(&flows, &mut out)?;
    stamped(&flows, &mut out)?;
    clean(data, &flows, &mut out)?;
    Ok(out)
}

fn sample(flows: &Flows, random: &mut Random) -> Sample {
    let mut order: Vec<usize> = (0..flows.frame.rows()).collect();
    random.shuffle(&mut order);
    let (own, rest) = order.split_at(ROWS.min(order.len()));
    let labels = |rows: &[usize]| -> Vec<bool> { rows.iter().map(|row| flows.is_attack(*row)).collect() };
    Sample { frame: flows.frame.select(own), labels: labels(own), reference: (flows.frame.select(rest), labels(rest)) }
}

fn poisoned(labels: &[bool], truth: &[bool]) -> Vec<bool> {
    labels.iter().zip(truth).map(|(label, is_flipped)| label ^ is_flipped).collect()
}

fn marked(count: usize, rows: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut out = vec![false; count];
    rows.for_each(|row| out[row] = true);
    out
}

fn mean(list: &[f64]) -> f64 {
    list.iter().sum::<f64>() / list.len().max(1) as f64
}

fn single(flows: &Flows, out: &mut String) -> Result<()> {
    out.push_str(
        "| flips, one by one | AP | precision | recall | alarm | AP of 10 nearest neighbours' disagreement |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    let kinds = [
        ("1 % of all", 0.01, false),
        ("5 % of all", 0.05, false),
        ("10 % of all", 0.1, false),
        ("attack → normal, 5 % of all", 0.05, true),
    ];
    for (name, share, is_one_way) in kinds {
        let (mut figures, mut alarms) = (vec![Vec::new(); 4], 0);
        for seed in SEEDS {
            let mut random = Random::new(seed);
            let own = sample(flows, &mut random);
            let pool: Vec<usize> = (0..own.labels.len()).filter(|row| !is_one_way || own.labels[*row]).collect();
            let picked = random.sample(pool.len(), (own.labels.len() as f64 * share) as usize);
            let truth = marked(own.labels.len(), picked.into_iter().map(|at| pool[at]));
            let labels = poisoned(&own.labels, &truth);
            let found = flips::flips(&own.frame, &labels, &mut Random::new(1))?;
            let named = found.named();
            let hits = named.iter().filter(|row| truth[**row]).count() as f64;
            alarms += u32::from(found.alarm());
            let neighbours = disagreement(&own.frame, &labels);
            for (list, value) in figures.iter_mut().zip([
                Ranking::new(&found.denial, &truth).average_precision(),
                hits / named.len().max(1) as f64,
                hits / truth.iter().filter(|is| **is).count().max(1) as f64,
                Ranking::new(&neighbours, &truth).average_precision(),
            ]) {
                list.push(value);
            }
        }
        let [ap, precision, recall, other] = [0, 1, 2, 3].map(|at: usize| mean(&figures[at]));
        writeln!(
            out,
            "| {name} | {ap:.4} | {precision:.3} | {recall:.3} | {alarms} of {} | {other:.3} |",
            SEEDS.len()
        )?;
    }
    Ok(())
}

/// Share of the nearest rows (of a third of the table) with another label.
fn disagreement(frame: &Frame, labels: &[bool]) -> Vec<f64> {
    let space = Space::new(frame);
    let others: Vec<usize> = (0..labels.len()).step_by(3).collect();
    (0..labels.len())
        .map(|row| {
            let gap = |other: usize| -> f32 {
                space.point(row).iter().zip(space.point(other)).map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let mut near: Vec<(f32, usize)> =
                others.iter().filter(|other| **other != row).map(|other| (gap(*other), *other)).collect();
            near.select_nth_unstable_by(NEIGHBOURS - 1, |a, b| a.0.total_cmp(&b.0));
            near.iter().take(NEIGHBOURS).filter(|(_, other)| labels[*other] != labels[row]).count() as f64
                / NEIGHBOURS as f64
        })
        .collect()
}

fn grouped(flows: &Flows, out: &mut String) -> Result<()> {
    out.push_str(
        "\nA cluster of attacks (k-means on the attacks, 8 or 20 clusters, one of at least 400 rows drawn; at most 5 % of the table is \
         flipped) that is labelled normal. Alone means without, *reference* with another true sample (`--reference`).\n\n\
         | cluster → normal | recall at 1 % false alarms, alone | alarm | with reference | 10 nearest neighbours | ordinary cross-validation |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for count in [8, 20] {
        let (mut figures, mut alarms) = (vec![Vec::new(); 4], 0);
        for seed in SEEDS {
            let mut random = Random::new(seed);
            let own = sample(flows, &mut random);
            let attacks: Vec<usize> = (0..own.labels.len()).filter(|row| own.labels[*row]).collect();
            let of = Space::new(&own.frame.select(&attacks)).clusters(count, &mut random);
            let size = |cluster: u32| of.iter().filter(|own| **own == cluster).count();
            let large: Vec<u32> = (0..count as u32).filter(|cluster| size(*cluster) >= 400).collect();
            let cluster = large[random.below(large.len())];
            let members: Vec<usize> =
                attacks.iter().zip(&of).filter(|(_, own)| **own == cluster).map(|(row, _)| *row).collect();
            let picked = random.sample(members.len(), own.labels.len() / 20);
            let truth = marked(own.labels.len(), picked.into_iter().map(|at| members[at]));
            let labels = poisoned(&own.labels, &truth);
            let found = clusters::clusters(&own.frame, &labels, &mut Random::new(1))?;
            alarms += u32::from(found.clusters.iter().any(|one| one.alarm(labels.len())));
            let (reference, old) = (&own.reference.0, &own.reference.1);
            let shift = regions::shift((reference, old), &own.frame, &labels, &mut Random::new(1))?;
            let plain = flips::flips(&own.frame, &labels, &mut Random::new(1))?.denial;
            let recall = |scores: &[f64]| Ranking::new(scores, &truth).recall_at(0.01).0;
            for (list, value) in figures.iter_mut().zip([
                recall(&found.score),
                recall(&shift.score),
                recall(&disagreement(&own.frame, &labels)),
                recall(&plain),
            ]) {
                list.push(value);
            }
        }
        let [alone, reference, neighbours, plain] = [0, 1, 2, 3].map(|at: usize| mean(&figures[at]));
        writeln!(
            out,
            "| one of {count} | {alone:.3} | {alarms} of {} | {reference:.3} | {neighbours:.3} | {plain:.3} |",
            SEEDS.len()
        )?;
    }
    Ok(())
}

fn stamped(flows: &Flows, out: &mut String) -> Result<()> {
    out.push_str(
        "\nA clean-label backdoor: three columns of random normal rows get fixed values. *Foreign*: a value that no row had; *own*: \
         values that occur, each drawn from its column by itself; *copied*: the values of one row of the table, which occur together.\n\n\
         | stamp | share | AUROC | AP | alarm | isolation forest | rarity of the row's values |\n|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, kind) in [("foreign", 0), ("own", 1), ("copied", 2)] {
        for share in [0.005, 0.01, 0.02, 0.05] {
            let (mut figures, mut alarms) = (vec![Vec::new(); 4], 0);
            for seed in SEEDS {
                let mut random = Random::new(seed);
                let own = sample(flows, &mut random);
                let (frame, truth) = stamp(&own, share, kind, &mut random)?;
                let found = triggers::triggers(&frame, Some(&own.labels));
                let is_true =
                    |one: &triggers::Trigger| one.rows.iter().filter(|row| truth[**row]).count() * 2 > one.rows.len();
                alarms += u32::from(found.iter().any(|one| one.alarm(&frame) && is_true(one)));
                let table = Table { frame: &frame, labels: None };
                let isolation = Isolation::fit(table, &IsolationSettings::default(), &mut Random::new(1))?;
                let ours = Ranking::new(&triggers::row_scores(&found, truth.len()), &truth);
                for (list, value) in figures.iter_mut().zip([
                    ours.auc(),
                    ours.average_precision(),
                    Ranking::new(&isolation.score_rows(&frame), &truth).auc(),
                    Ranking::new(&rarity(&frame), &truth).auc(),
                ]) {
                    list.push(value);
                }
            }
            let [auc, ap, isolation, rare] = [0, 1, 2, 3].map(|at: usize| mean(&figures[at]));
            writeln!(
                out,
                "| {name} | {:.1} % | {auc:.3} | {ap:.3} | {alarms} of {} | {isolation:.3} | {rare:.3} |",
                100.0 * share,
                SEEDS.len()
            )?;
        }
    }
    Ok(())
}

fn stamp(own: &Sample, share: f64, kind: u8, random: &mut Random) -> Result<(Frame, Vec<bool>)> {
    let rows = own.labels.len();
    let normal: Vec<usize> = (0..rows).filter(|row| !own.labels[*row]).collect();
    let picked = random.sample(normal.len(), (rows as f64 * share) as usize);
    let truth = marked(rows, picked.into_iter().map(|at| normal[at]));
    let mut columns = own.frame.columns().to_vec();
    // Columns with more than ten values of which none has nine rows in ten: a stamp there can teach something.
    let values = |column: &[f64]| {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let most = sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).max().unwrap_or(0);
        sorted.dedup();
        (sorted, most)
    };
    let wide: Vec<usize> = (0..columns.len())
        .filter(|at| {
            let (values, most) = values(&columns[*at]);
            values.len() > 10
                && most * 10 < 9 * rows
                && own.frame.schema().features[*at].kind == shieldwall_learn::FeatureKind::Numeric
        })
        .collect();
    let donor = random.below(rows);
    for at in random.sample(wide.len(), 3) {
        let column = wide[at];
        let (distinct, _) = values(&columns[column]);
        let value = match kind {
            0 => 777.25,
            1 => distinct[random.below(distinct.len())],
            _ => columns[column][donor],
        };
        columns[column].iter_mut().zip(&truth).filter(|(_, is)| **is).for_each(|(place, _)| *place = value);
    }
    Ok((Frame::new(own.frame.schema().clone(), columns)?, truth))
}

/// How rare a row's rarest value is.
fn rarity(frame: &Frame) -> Vec<f64> {
    let mut out = vec![0.0f64; frame.rows()];
    for column in frame.columns() {
        let mut sorted = column.clone();
        sorted.sort_by(f64::total_cmp);
        for (place, value) in out.iter_mut().zip(column) {
            let below = sorted.partition_point(|own| own.total_cmp(value).is_lt());
            let upto = sorted.partition_point(|own| own.total_cmp(value).is_le());
            *place = place.max(1.0 / (upto - below).max(1) as f64);
        }
    }
    out
}

fn clean(data: &Path, flows: &Flows, out: &mut String) -> Result<()> {
    out.push_str("\nClean tables, as they are given: alarms of flips, clusters and stamps.\n\n| table | flips | clusters | stamps |\n|---|---:|---:|---:|\n");
    let labels: Vec<bool> = (0..flows.frame.rows()).map(|row| flows.is_attack(row)).collect();
    let mut tables = vec![("NSL-KDD, 25,192 rows".to_owned(), flows.frame.clone(), labels)];
    for seed in SEEDS {
        let own = sample(flows, &mut Random::new(seed));
        tables.push((format!("NSL-KDD, {ROWS} rows, seed {seed}"), own.frame, own.labels));
    }
    tables.extend(adbench(data)?.into_iter().map(|set| (format!("ADBench {}", set.name), set.frame, set.labels)));
    let mut whole = [0usize; 3];
    let count = tables.len();
    for (name, frame, labels) in tables {
        let hostile = labels.iter().filter(|label| **label).count();
        let mut own = [0usize; 3];
        if hostile.min(labels.len() - hostile) >= 10 {
            own[0] = usize::from(flips::flips(&frame, &labels, &mut Random::new(1))?.alarm());
            let rows = Random::new(1).sample(frame.rows(), clusters::ROWS_MAX);
            let part: Vec<bool> = rows.iter().map(|row| labels[*row]).collect();
            if part.iter().any(|label| *label) {
                let found = clusters::clusters(&frame.select(&rows), &part, &mut Random::new(1))?;
                own[1] = found.clusters.iter().filter(|one| one.alarm(part.len())).count();
            }
        }
        own[2] = triggers::triggers(&frame, Some(&labels)).iter().filter(|one| one.alarm(&frame)).count();
        whole.iter_mut().zip(own).for_each(|(whole, own)| *whole += usize::from(own > 0));
        if own.iter().any(|own| *own > 0) {
            writeln!(out, "| {name} | {} | {} | {} |", own[0], own[1], own[2])?;
        }
    }
    writeln!(out, "| **of {count} tables** | **{}** | **{}** | **{}** |", whole[0], whole[1], whole[2])?;
    Ok(())
}
