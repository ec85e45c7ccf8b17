//! Poisoned tables: what `shieldwall data check` finds.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use shieldwall_learn::gate::{clusters, flips, space::Space, triggers};
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::{Frame, Random};

use super::tabular::sets::Flows;

const ROWS: usize = 12_000;
fn n_rows(what: &str) -> usize { if what.contains("full") { 25_000 } else { ROWS } }

pub fn section(data: &Path) -> Result<String> {
    let mut out = String::new();
    let flows = Flows::read(data)?;
    let what = std::env::var("WHAT").unwrap_or_default();
    for seed in if what.contains("cclean") { vec![103u64, 104, 105, 106, 107, 108] } else { vec![101u64, 102, 103, 104, 105] } {
        let mut random = Random::new(seed);
        let rows = random.sample(flows.frame.rows(), n_rows(&what));
        let frame = flows.frame.select(&rows);
        let labels: Vec<bool> = rows.iter().map(|row| flows.is_attack(*row)).collect();
        if what.contains("flip") {
            for share in [0.0, 0.01, 0.05, 0.1] {
                let (poisoned, truth) = flipped(&labels, share, &mut random);
                let found = flips::flips(&frame, &poisoned, &mut Random::new(7))?;
                let ranking = Ranking::new(&found.denial, &truth);
                write!(out, "flip {share} seed {seed}: AP {:.4} alarm {} n {} deep {:?}", ranking.average_precision(), found.alarm(), found.suspects.len(), found.deep)?;
                for cut in [0.5, 0.7, 0.8, 0.9] {
                    let named: Vec<_> = found.suspects.iter().filter(|r| found.denial[**r] >= cut).collect();
                    let hits = named.iter().filter(|row| truth[***row]).count();
                    write!(out, " | {cut} P {:.3} R {:.3}", hits as f64 / named.len().max(1) as f64, hits as f64 / truth.iter().filter(|t| **t).count().max(1) as f64)?;
                }
                writeln!(out)?;
            }
        }
        if what.contains("cluster") {
            for variant in if what.contains("cclean") { 4..5 } else { 0..4 } {
                let (poisoned, truth) = cluster_flip(&flows, &rows, &frame, &labels, variant, &mut random);
                let found = clusters::clusters(&frame, &poisoned, &mut Random::new(7))?;
                let r = Ranking::new(&found.score, &truth);
                writeln!(out, "cluster variant {variant} seed {seed} n {}: {:.3} {:.3}", truth.iter().filter(|t| **t).count(), r.auc(), r.recall_at(0.01).0)?;
                for c in found.clusters.iter().filter(|c| c.rows.len() >= 60 && (c.odds > 3.0)).take(10) {
                    writeln!(out, "   size {} truth {} odds {:.2} denied {:.2} near {:.2}", c.rows.len(), c.rows.iter().filter(|r| truth[**r]).count(), c.odds, c.denied, c.near)?;
                }
            }
        }
        if what.contains("trigger") {
            for (share, kind) in [(0.0, 0), (0.005, 0), (0.01, 0), (0.01, 1), (0.01, 2), (0.02, 1)] {
                let mut poisoned = frame.clone();
                let truth = stamp(&mut poisoned, &labels, share, kind, &mut random);
                let start = std::time::Instant::now();
                let found = triggers::triggers(&poisoned, Some(&labels));
                let score = triggers::row_scores(&found, labels.len());
                let r = Ranking::new(&score, &truth);
                writeln!(out, "alarms {} trigger {share} kind {kind} seed {seed}: auc {:.3} AP {:.3} found {} {:?}", found.iter().filter(|t| t.alarm(&poisoned)).count(), r.auc(), r.average_precision(), found.len(), start.elapsed())?;
                for t in found.iter().filter(|t| t.alarm(&poisoned)).take(3) { writeln!(out, "   bound: rows {} true {} others {} bound {:.0} exp {:.2} strange {:.2} {:?} {}", t.rows.len(), t.rows.iter().filter(|r| truth[**r]).count(), t.others, t.bound, t.expected, t.strange, t.values, t.hostile)?; }
            }
        }
    }
    if what.contains("adbench") {
        for set in super::tabular::sets::adbench(data)? {
            let start = std::time::Instant::now();
            let f = flips::flips(&set.frame, &set.labels, &mut Random::new(7));
            let f = f.map(|f| format!("n {} deep {:?} alarm {}", f.suspects.len(), f.deep, f.alarm()));
            let t1 = start.elapsed();
            for share in [0.05] {
                let (poisoned, truth) = flipped(&set.labels, share, &mut Random::new(55));
                if let Ok(found) = flips::flips(&set.frame, &poisoned, &mut Random::new(7)) {
                let ranking = Ranking::new(&found.denial, &truth);
                writeln!(out, "      poisoned {share}: AP {:.3} n {} deep {:?} alarm {}", ranking.average_precision(), found.suspects.len(), found.deep, found.alarm())?; }
            }
            let t = triggers::triggers(&set.frame, Some(&set.labels));
            let t2 = start.elapsed();
            writeln!(out, "{} rows {} cols {}: flips {f:?} {t1:?} triggers {:?}", set.name, set.labels.len(), set.frame.schema().len(), t2 - t1)?;
            for t in t.iter().filter(|t| t.alarm(&set.frame)).take(3) { writeln!(out, "   bound: rows {} others {} bound {:.0} exp {:.2} strange {:.2} {:?} {}", t.rows.len(), t.others, t.bound, t.expected, t.strange, t.values, t.hostile)?; }
            if what.contains("adbenchc") && set.labels.len() < 12000 {
            let c = clusters::clusters(&set.frame, &set.labels, &mut Random::new(7))?;
            for c in c.clusters.iter().filter(|c| c.rows.len() * 200 >= set.labels.len() && c.rows.len() >= 20 && (c.odds > 0.0)).take(4) {
                    writeln!(out, "   cluster size {} odds {:.2} denied {:.2} {:?}", c.rows.len(), c.odds, c.denied, start.elapsed())?;
            }
            }
        }
    }
    Ok(out)
}

fn stamp(frame: &mut Frame, labels: &[bool], share: f64, kind: usize, random: &mut Random) -> Vec<bool> {
    let normal: Vec<usize> = (0..labels.len()).filter(|r| !labels[*r]).collect();
    let n = (labels.len() as f64 * share) as usize;
    let mut truth = vec![false; labels.len()];
    for at in random.sample(normal.len(), n) { truth[normal[at]] = true; }
    let mut columns = frame.columns().to_vec();
    let varied: Vec<usize> = (0..columns.len()).filter(|c| { let mut v: Vec<u64> = columns[*c].iter().map(|v| v.to_bits()).collect(); v.sort(); v.dedup(); { let mut count = std::collections::HashMap::new(); columns[*c].iter().for_each(|x| *count.entry(x.to_bits()).or_insert(0usize) += 1); v.len() > 10 && count.values().all(|n| *n * 10 < 9 * columns[*c].len()) } }).collect();
    let donor = random.below(labels.len());
    for at in random.sample(varied.len(), 3) {
        let c = varied[at];
        let value = match kind { 0 => 777.25, 1 => { let mut v = columns[c].clone(); v.sort_by(f64::total_cmp); v.dedup(); v[random.below(v.len())] }, _ => columns[c][donor] };
        for (r, t) in truth.iter().enumerate() { if *t { columns[c][r] = value; } }
    }
    *frame = Frame::new(frame.schema().clone(), columns).unwrap_or_default();
    truth
}

fn flipped(labels: &[bool], share: f64, random: &mut Random) -> (Vec<bool>, Vec<bool>) {
    let mut truth = vec![false; labels.len()];
    for row in random.sample(labels.len(), (labels.len() as f64 * share) as usize) { truth[row] = true; }
    (labels.iter().zip(&truth).map(|(l, t)| l ^ t).collect(), truth)
}

/// 0,1: a k-means cluster of the attacks near 5 %; 2: ball around an attack; 3: a type of attack.
fn cluster_flip(flows: &Flows, rows: &[usize], frame: &Frame, labels: &[bool], variant: usize, random: &mut Random) -> (Vec<bool>, Vec<bool>) {
    let attacks: Vec<usize> = (0..labels.len()).filter(|r| labels[*r]).collect();
    let n = labels.len() / 20;
    let mut truth = vec![false; labels.len()];
    let own = frame.select(&attacks);
    match variant {
        0 | 1 => {
            let clusters = Space::new(&own).clusters([10, 6][variant], random);
            let mut sizes = vec![0usize; 10];
            clusters.iter().for_each(|c| sizes[*c as usize] += 1);
            let best = (0..10).min_by_key(|c| sizes[*c].abs_diff(n)).unwrap();
            for (at, c) in clusters.iter().enumerate() { if *c as usize == best { truth[attacks[at]] = true; } }
        }
        2 => {
            let space = Space::new(&own);
            let centre = random.below(attacks.len());
            let mut order: Vec<(f32, usize)> = (0..attacks.len()).map(|at| (space.point(at).iter().zip(space.point(centre)).map(|(a, b)| (a - b) * (a - b)).sum(), at)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, at) in order.iter().take(n) { truth[attacks[*at]] = true; }
        }
        4 => {}
        _ => {
            let name = ["satan", "ipsweep", "smurf"][random.below(3)];
            for (at, row) in rows.iter().enumerate() { if flows.name(*row) == name { truth[at] = true; } }
        }
    }
    (labels.iter().zip(&truth).map(|(l, t)| l ^ t).collect(), truth)
}
