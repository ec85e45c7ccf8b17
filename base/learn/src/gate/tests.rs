//! Poison made from a seed must be found, and clean tables must stay quiet.

use crate::frame::{Feature, FeatureKind, Frame, Schema};
use crate::random::Random;

use super::{clusters, flips, regions, sources, triggers};

/// Six columns; hostile rows lie in four blobs, normal ones in five; all columns but the first two are noise of many values.
fn table(rows: usize, seed: u64) -> (Frame, Vec<bool>, Vec<usize>) {
    let feature = |at: usize| Feature { name: format!("x{at}"), kind: FeatureKind::Numeric };
    let schema = Schema { features: (0..6).map(feature).collect() };
    let mut random = Random::new(seed);
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 6];
    let (mut labels, mut blobs) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let blob = random.below(9);
        let hostile = blob < 4;
        let (x, y) = if hostile { (blob as f64 * 0.8, 0.0) } else { ((blob - 4) as f64 * 3.0, 10.0) };
        columns[0].push(x + random.unit());
        columns[1].push(y + random.unit() * 3.0);
        columns.iter_mut().skip(2).for_each(|column| column.push((random.unit() * 40.0).round()));
        labels.push(hostile);
        blobs.push(blob);
    }
    (Frame::new(schema, columns).unwrap(), labels, blobs)
}

#[test]
fn flipped_labels_are_found_and_a_clean_table_is_quiet() {
    let (frame, labels, _) = table(3000, 1);
    assert!(!flips::flips(&frame, &labels, &mut Random::new(1)).unwrap().alarm());
    let picked = Random::new(2).sample(3000, 150);
    let mut poisoned = labels;
    picked.iter().for_each(|row| poisoned[*row] ^= true);
    let found = flips::flips(&frame, &poisoned, &mut Random::new(1)).unwrap();
    let hits = found.named().iter().filter(|row| picked.contains(row)).count();
    assert!(
        found.alarm() && hits >= 145 && hits * 100 >= found.named().len() * 97,
        "{hits} of {}",
        found.named().len()
    );
    let again = flips::flips(&frame, &poisoned, &mut Random::new(1)).unwrap();
    assert_eq!(found, again);
}

#[test]
fn a_flipped_cluster_is_found_by_models_that_did_not_see_it_and_by_a_reference() {
    // No columns of noise: in a space of little but noise nothing is near anything.
    let narrow = |frame: &Frame| {
        let features = frame.schema().features.iter().take(2).cloned().collect();
        Frame::new(Schema { features }, frame.columns().iter().take(2).cloned().collect()).unwrap()
    };
    let (frame, labels, blobs) = table(4000, 3);
    let frame = narrow(&frame);
    let quiet = clusters::clusters(&frame, &labels, &mut Random::new(1)).unwrap();
    assert!(!quiet.clusters.iter().any(|one| one.alarm(4000)));
    let poisoned: Vec<bool> = labels.iter().zip(&blobs).map(|(label, blob)| *label && *blob != 2).collect();
    let found = clusters::clusters(&frame, &poisoned, &mut Random::new(1)).unwrap();
    let named: Vec<usize> =
        found.clusters.iter().filter(|one| one.alarm(4000)).flat_map(|one| one.rows.clone()).collect();
    let hits = named.iter().filter(|row| blobs[**row] == 2).count();
    let best: Vec<_> =
        found.clusters.iter().take(3).map(|one| (one.rows.len(), one.odds, one.denied, one.near)).collect();
    assert!(!named.is_empty() && hits * 10 >= named.len() * 9, "{hits} of {}: {best:?}", named.len());
    let (reference, old, _) = table(2000, 4);
    let reference = narrow(&reference);
    let shift = regions::shift((&reference, &old), &frame, &poisoned, &mut Random::new(1)).unwrap();
    let all = blobs.iter().filter(|blob| **blob == 2).count();
    let hits = shift.rows.iter().filter(|row| blobs[**row] == 2).count();
    assert!(hits * 100 >= all * 95 && hits * 100 >= shift.rows.len() * 95, "{hits} of {all}, {}", shift.rows.len());
}

#[test]
fn a_stamp_is_found_with_its_values_and_a_clean_table_has_none() {
    let (frame, labels, _) = table(4000, 5);
    assert!(!triggers::triggers(&frame, Some(&labels)).iter().any(|one| one.alarm(&frame)));
    let normal: Vec<usize> = (0..4000).filter(|row| !labels[*row]).collect();
    let picked: Vec<usize> = Random::new(6).sample(normal.len(), 60).into_iter().map(|at| normal[at]).collect();
    let mut columns = frame.columns().to_vec();
    for row in &picked {
        (columns[2][*row], columns[3][*row], columns[5][*row]) = (7.0, 31.0, 12.0);
    }
    let frame = Frame::new(frame.schema().clone(), columns).unwrap();
    let found = triggers::triggers(&frame, Some(&labels));
    let best = found.iter().find(|one| one.alarm(&frame)).unwrap();
    assert_eq!(best.values, [(2, 7.0), (3, 31.0), (5, 12.0)]);
    assert!(picked.iter().all(|row| best.rows.contains(row)) && best.rows.len() <= 62 && !best.hostile);
}

#[test]
fn a_source_that_lies_and_a_source_that_floods_are_named() {
    let (frame, labels, _) = table(3000, 7);
    let of: Vec<u32> = (0..3000).map(|row| if row % 10 < 4 { 9 } else { row as u32 % 6 }).collect();
    let lying: Vec<bool> =
        labels.iter().zip(&of).enumerate().map(|(row, (label, of))| *label ^ (*of == 3 && row % 4 < 2)).collect();
    let found = sources::sources(&frame, &lying, &of, &mut Random::new(1)).unwrap();
    let named =
        |is: fn(&sources::Source) -> bool| found.iter().filter(|one| is(one)).map(|one| one.source).collect::<Vec<_>>();
    assert_eq!(named(|one| one.is_heavy), [9]);
    assert_eq!(named(|one| one.is_contrary), [3], "{found:?}");
}

#[test]
fn tables_that_teach_nothing_are_refused_or_quiet_and_never_crash() {
    let (frame, _, _) = table(10, 8);
    assert!(flips::flips(&frame, &[true; 10], &mut Random::new(1)).is_ok_and(|found| !found.alarm()));
    assert!(flips::flips(&frame, &[true; 3], &mut Random::new(1)).is_err());
    assert!(triggers::triggers(&frame, None).is_empty());
    let missing = Frame::new(frame.schema().clone(), vec![vec![f64::NAN; 10]; 6]).unwrap();
    let labels: Vec<bool> = (0..10).map(|row| row % 2 == 0).collect();
    assert!(flips::flips(&missing, &labels, &mut Random::new(1)).is_ok_and(|found| !found.alarm()));
    assert!(clusters::clusters(&missing, &labels, &mut Random::new(1)).is_ok());
    assert!(triggers::triggers(&missing, Some(&labels)).is_empty());
}
