//! Targeted flips: a whole cluster of one class that carries the other's label.
use crate::frame::Frame;
use crate::model::FitError;
use crate::random::Random;

use super::folds::{Folds, Held, log_odds};
use super::space::{Space, distance};

pub const RESOLUTIONS: [usize; 4] = [10, 20, 40, 80];

pub fn experiment(frame: &Frame, labels: &[bool], random: &mut Random) -> Result<Vec<(String, Vec<f64>)>, FitError> {
    let space = Space::new(frame);
    let mut all = Vec::new();
    let plain = log_odds(frame, labels, &Folds { held: Held::Rows, left_out: &[], folds: 5 }, random)?;
    let own = |odds: &Vec<f64>| -> Vec<f64> { odds.iter().zip(labels).map(|(odds, label)| if *label { -odds } else { *odds }).collect() };
    all.push(("plain".into(), own(&plain)));
    let clusters: Vec<Vec<u32>> = RESOLUTIONS.iter().map(|c| space.clusters(*c, random)).collect();
    let rows = space.rows();
    let step = 3;
    let anchors: Vec<usize> = (0..rows).step_by(step).collect();
    let scales = [30usize, 100, 200, 400, 800];
    let mut annulus = vec![vec![0.0; rows]; scales.len()];
    let mut out = vec![vec![0.0; rows]; clusters.len()];
    let mut order: Vec<(f32, usize)> = Vec::new();
    for row in 0..rows {
        order.clear();
        order.extend(anchors.iter().map(|a| (distance(space.point(row), space.point(*a)), *a)));
        let own = labels[row];
        for (c, clusters) in clusters.iter().enumerate() {
            let mut others: Vec<(f32, usize)> = order.iter().filter(|(_, a)| clusters[*a] != clusters[row]).copied().collect();
            if others.len() < 20 { continue; }
            others.select_nth_unstable_by(19, |a, b| a.0.total_cmp(&b.0));
            out[c][row] = others[..20].iter().filter(|(_, a)| labels[*a] != own).count() as f64 / 20.0;
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (s, scale) in scales.iter().enumerate() {
            let own_: Vec<_> = order.iter().skip(scale / step * 1).take(scale / step).collect();
            annulus[s][row] = own_.iter().filter(|(_, a)| labels[*a] != own).count() as f64 / own_.len().max(1) as f64;
        }
    }
    for (c, s) in out.into_iter().enumerate() { all.push((format!("knnlco{}", RESOLUTIONS[c]), s)); }
    for (c, s) in annulus.into_iter().enumerate() { all.push((format!("ann{}", scales[c]), s)); }
    // diagnostics
    for count in [20, 40] {
        let clusters = &clusters[RESOLUTIONS.iter().position(|c| *c == count).unwrap()];
        let odds = log_odds(frame, labels, &Folds { held: Held::Groups(clusters), left_out: &[], folds: count }, random)?;
        all.push((format!("lco{count}"), own(&odds)));
        all.push((format!("id{count}"), clusters.iter().map(|c| f64::from(*c)).collect()));
    }
    Ok(all)
}
