//! Targeted flips: a whole cluster of attacks that carries the label *normal*.
//!
//! Cross-validation is blind to it: the flipped rows vouch for each other. So the rows that are labelled normal are clustered
//! (without labels, at several resolutions), and each cluster is judged by forests that saw all attacks and every other normal
//! cluster, but nothing of it. A genuine kind of normal traffic still looks normal; a flipped kind looks like the attacks it
//! was taken from. Only that direction is judged: a kind of *attack* that is left out looks normal by nature.
//!
//! What it cannot see: a kind of attack that was flipped entirely and resembles no other. For that, compare with the last data
//! set that was signed (`regions`).
//!
//! Cost: about fifty boosted fits of at most [`ROWS_MAX`] rows; 12,000 rows of 41 features: about 8 s.

use crate::frame::Frame;
use crate::model::FitError;
use crate::random::Random;

use super::folds::{Folds, Held, NEVER, log_odds};
use super::space::{Space, distance};

/// Clusters of the normal rows.
const RESOLUTIONS: [usize; 4] = [6, 12, 24, 48];

/// Folds at each resolution: clusters share a fold where there are more.
const FOLDS_MAX: usize = 13;

/// Rows that are looked at: longer tables are sampled.
pub const ROWS_MAX: usize = 30_000;

/// Mean log-odds from which on a cluster is an alarm: clean tables reach 5.7 in small clusters and 4.7 in large ones (NSL-KDD,
/// ADBench), flipped clusters that have siblings 5 to 9.
const ODDS_MIN: f64 = 6.0;
const ODDS_LARGE_MIN: f64 = 5.0;

/// Share of the table from which on a cluster is large.
const LARGE: f64 = 0.015;

/// Share of a cluster whose nearest rows outside must be attacks.
const NEAR_MIN: f64 = 0.9;

/// Log-odds from which on a cluster's neighbours are looked at.
const LOOKED_AT: f64 = 3.0;

/// Rows of a cluster whose neighbours are looked at.
const NEAR_ROWS: usize = 100;

/// Share of a cluster that must be denied.
const DENIED_MIN: f64 = 0.95;

/// A cluster's rows: fewer are an accident, a larger share of the table is no target but half of a class.
const CLUSTER_ROWS_MIN: usize = 20;
const CLUSTER_SHARE: std::ops::RangeInclusive<f64> = 0.003..=0.15;

/// A cluster of rows that are labelled normal and look like attacks.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Its rows.
    pub rows: Vec<usize>,
    /// Mean log-odds of being hostile, by models that saw none of it.
    pub odds: f64,
    /// Share of its rows that these models call hostile.
    pub denied: f64,
    /// Share of its rows whose nearest row outside the cluster is an attack; 0 where the cluster is not suspect anyway.
    pub near: f64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// For each row the most that any of its clusters is denied, as log-odds; hostile rows stand at the bottom.
    pub score: Vec<f64>,
    /// All clusters, the most suspect first.
    pub clusters: Vec<Suspect>,
}

/// Judges every cluster of normal rows by models that did not see it.
///
/// # Errors
/// When the table cannot be learned from.
pub fn clusters(frame: &Frame, labels: &[bool], random: &mut Random) -> Result<Clusters, FitError> {
    let is_normal = |row: &usize| labels.get(*row) == Some(&false);
    let normal: Vec<usize> = (0..labels.len()).filter(is_normal).collect();
    let space = Space::new(&frame.select(&normal));
    let mut score = vec![-super::folds::ODDS_MAX; labels.len()];
    normal.iter().for_each(|row| {
        if let Some(score) = score.get_mut(*row) {
            *score = 1.0 - super::folds::ODDS_MAX;
        }
    });
    let mut found = Vec::new();
    for count in RESOLUTIONS {
        let own = space.clusters(count, random);
        let mut groups = vec![NEVER; labels.len()];
        for (row, cluster) in normal.iter().zip(&own) {
            if let Some(group) = groups.get_mut(*row) {
                *group = *cluster;
            }
        }
        let folds = Folds { held: Held::Groups(&groups), left_out: &[], folds: count.min(FOLDS_MAX) };
        let odds = log_odds(frame, labels, &folds, random)?;
        for cluster in 0..count as u32 {
            let rows: Vec<usize> =
                normal.iter().zip(&own).filter(|(_, own)| **own == cluster).map(|(row, _)| *row).collect();
            let of = |row: &usize| odds.get(*row).copied().unwrap_or(0.0);
            let size = rows.len().max(1) as f64;
            let mean = rows.iter().map(of).sum::<f64>() / size;
            let denied = rows.iter().filter(|row| of(row) > 0.0).count() as f64 / size;
            for row in &rows {
                if let Some(score) = score.get_mut(*row) {
                    *score = score.max(mean);
                }
            }
            found.push(Suspect { rows, odds: mean, denied, near: 0.0 });
        }
    }
    found.retain(|one| !one.rows.is_empty());
    found.sort_by(|a, b| b.odds.total_cmp(&a.odds));
    let whole = Space::new(frame);
    for one in found.iter_mut().take_while(|one| one.odds >= LOOKED_AT) {
        one.near = near(&whole, labels, &one.rows, random);
    }
    Ok(Clusters { score, clusters: found })
}

/// Share of some of a cluster's rows whose nearest row outside the cluster is an attack.
fn near(space: &Space, labels: &[bool], rows: &[usize], random: &mut Random) -> f64 {
    let mut is_own = vec![false; labels.len()];
    rows.iter().for_each(|row| {
        if let Some(is_own) = is_own.get_mut(*row) {
            *is_own = true;
        }
    });
    let picked = random.sample(rows.len(), NEAR_ROWS);
    let mut attacks = 0;
    for row in picked.iter().filter_map(|at| rows.get(*at)) {
        let mut best = (f32::INFINITY, false);
        for ((other, label), is_own) in labels.iter().enumerate().zip(&is_own) {
            if !is_own {
                let gap = distance(space.point(*row), space.point(other));
                if gap < best.0 {
                    best = (gap, *label);
                }
            }
        }
        attacks += usize::from(best.1);
    }
    attacks as f64 / picked.len().max(1) as f64
}

impl Suspect {
    /// Whether the cluster counts as flipped in a table of so many rows.
    pub fn alarm(&self, rows: usize) -> bool {
        let share = self.rows.len() as f64 / rows.max(1) as f64;
        self.rows.len() >= CLUSTER_ROWS_MIN
            && CLUSTER_SHARE.contains(&share)
            && self.odds >= if share >= LARGE { ODDS_LARGE_MIN } else { ODDS_MIN }
            && self.near >= NEAR_MIN
            && self.denied >= DENIED_MIN
    }
}
