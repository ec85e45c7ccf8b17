//! Why a technique is forecast: what was seen that it goes with, counted; and who is like this.

use crate::forecaster::{Alike, Because};
use crate::neighbours;
use crate::ranker::Ranker;
use crate::reports::{Reports, Source};
use crate::techniques::Techniques;

/// Groups and campaigns that are named.
const ALIKE_MAX: usize = 3;

/// Techniques that a named group must share.
const SHARED_MIN: usize = 2;

/// Which sets have each technique, as bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Holders {
    words: usize,
    bits: Vec<u64>,
}

impl Holders {
    /// Of all sets: one bit for each technique and set, 260 kB for 700 techniques and 3,000 sets.
    pub fn new(techniques: usize, reports: &Reports) -> Self {
        let words = reports.len().div_ceil(64);
        let mut bits = vec![0u64; techniques * words];
        for (at, set) in reports.sets().iter().enumerate() {
            for one in set {
                if let Some(word) = bits.get_mut(usize::from(*one) * words + at / 64) {
                    *word |= 1 << (at % 64);
                }
            }
        }
        Self { words, bits }
    }

    fn of(&self, technique: u16) -> &[u64] {
        let start = usize::from(technique) * self.words;
        self.bits.get(start..start + self.words).unwrap_or(&[])
    }

    /// How many sets have all of these.
    pub fn with_all(&self, techniques: &[u16]) -> u32 {
        let Some((first, rest)) = techniques.split_first() else { return 0 };
        let both = |(at, word): (usize, &u64)| {
            rest.iter().fold(*word, |word, other| word & self.of(*other).get(at).copied().unwrap_or(0)).count_ones()
        };
        self.of(*first).iter().enumerate().map(both).sum()
    }
}

/// The two observed techniques that speak most for a candidate, and how many sets with them (with the stronger alone where
/// hardly any has both) also have it.
pub fn because(
    table: &Techniques,
    ranker: &Ranker,
    holders: &Holders,
    observed: &[u16],
    candidate: u16,
) -> Option<Because> {
    /// Sets with both below which one technique alone is counted.
    const BOTH_MIN: u32 = 8;
    let mut links: Vec<(f64, u16)> = observed.iter().map(|seen| (ranker.link(*seen, candidate), *seen)).collect();
    links.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut seen: Vec<u16> = links.iter().take(2).map(|(_, seen)| *seen).collect();
    let mut of = holders.with_all(&seen);
    if of < BOTH_MIN && seen.len() > 1 {
        seen.truncate(1);
        of = holders.with_all(&seen);
    }
    let mut all = seen.clone();
    all.push(candidate);
    let also = holders.with_all(&all);
    (of > 0).then(|| Because { seen: seen.iter().map(|one| table.id(*one).to_owned()).collect(), also, of })
}

/// Groups and campaigns of ATT&CK that are most like what was observed.
pub fn alike(reports: &Reports, neighbours: &neighbours::Scratch, observed: &[u16]) -> Vec<Alike> {
    let named = neighbours
        .alike()
        .iter()
        .filter(|(_, at)| matches!(reports.source(*at as usize), Source::Campaign | Source::IntrusionSet));
    named
        .filter_map(|(_, at)| {
            let set = reports.sets().get(*at as usize)?;
            let shared = observed.iter().filter(|seen| set.binary_search(seen).is_ok()).count();
            (shared >= SHARED_MIN).then(|| Alike {
                name: reports.name(*at as usize).to_owned(),
                source: reports.source(*at as usize),
                shared,
                of: observed.len(),
            })
        })
        .take(ALIKE_MAX)
        .collect()
}
