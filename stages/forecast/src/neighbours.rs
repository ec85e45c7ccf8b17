//! User k-nearest neighbours: the reports most like what was observed vote for what else they had. Rare techniques count more in
//! the likeness (inverse document frequency); likeness is a cosine, shrunk where little is shared.

use crate::reports::Reports;

/// Reports that vote.
const VOTERS: usize = 100;

/// Added to the lengths' product: what shares one common technique is not alike.
const SHRINK: f64 = 5.0;

/// Reports by technique, for O(observed × their reports) a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    rarity: Vec<f64>,
    lengths: Vec<f64>,
    /// For each technique, the sets that have it.
    holders: Vec<Vec<u32>>,
}

/// Working space.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    dots: Vec<f64>,
    touched: Vec<u32>,
    alike: Vec<(f64, u32)>,
}

impl Scratch {
    /// The most alike sets of the last case, most alike first: likeness and number.
    pub fn alike(&self) -> &[(f64, u32)] {
        &self.alike
    }
}

impl Neighbours {
    /// Indexes the sets; O(Σ size).
    pub fn fit(techniques: usize, reports: &Reports) -> Self {
        let mut holders = vec![Vec::new(); techniques];
        for (at, set) in (0u32..).zip(reports.sets()) {
            for one in set {
                if let Some(list) = holders.get_mut(usize::from(*one)) {
                    list.push(at);
                }
            }
        }
        let total = reports.len() as f64 + 1.0;
        let rarity: Vec<f64> = holders.iter().map(|list| (total / (list.len() as f64 + 1.0)).ln()).collect();
        let squared = |one: &u16| rarity.get(usize::from(*one)).map_or(0.0, |rarity| rarity * rarity);
        let lengths = reports.sets().iter().map(|set| set.iter().map(squared).sum::<f64>().sqrt()).collect();
        Self { rarity, lengths, holders }
    }

    /// Adds the votes of the most alike sets to scores. `observed`: techniques and how much each counts.
    pub fn add(&self, reports: &Reports, observed: &[(u16, f64)], scratch: &mut Scratch, scores: &mut [f64]) {
        scratch.dots.resize(reports.len(), 0.0);
        scratch.touched.clear();
        scratch.alike.clear();
        let mut length = 0.0;
        for (one, times) in observed {
            let rarity = self.rarity.get(usize::from(*one)).copied().unwrap_or(0.0);
            length += (times * rarity).powi(2);
            for at in self.holders.get(usize::from(*one)).into_iter().flatten() {
                if let Some(dot) = scratch.dots.get_mut(*at as usize) {
                    if *dot == 0.0 {
                        scratch.touched.push(*at);
                    }
                    *dot += times * rarity * rarity;
                }
            }
        }
        let length = length.sqrt();
        for at in &scratch.touched {
            let Some(dot) = scratch.dots.get_mut(*at as usize) else { continue };
            let own = self.lengths.get(*at as usize).copied().unwrap_or(1.0);
            let like = *dot / (length * own + SHRINK) * reports.source(*at as usize).weight();
            scratch.alike.push((like, *at));
            *dot = 0.0;
        }
        let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if scratch.alike.len() > VOTERS {
            scratch.alike.select_nth_unstable_by(VOTERS, order);
            scratch.alike.truncate(VOTERS);
        }
        scratch.alike.sort_unstable_by(order);
        for (like, at) in &scratch.alike {
            for one in reports.sets().get(*at as usize).into_iter().flatten() {
                if let Some(score) = scores.get_mut(usize::from(*one)) {
                    // Squared: the most alike decide.
                    *score += like * like;
                }
            }
        }
    }
}
