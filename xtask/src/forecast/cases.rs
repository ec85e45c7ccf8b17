//! Reports with some techniques hidden.

use shieldwall_learn::Random;

/// How much is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Half is seen; reports of at least four.
    Half,
    /// Three are seen; reports of at least six.
    FirstThree,
    /// Any number is seen, one at least hidden; reports of at least two.
    Any,
}

impl Protocol {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Half => "half seen",
            Self::FirstThree => "three seen",
            Self::Any => "any number seen",
        }
    }
}

/// One question.
#[derive(Clone, Debug)]
pub struct Case {
    /// How much was hidden.
    pub protocol: Protocol,
    /// Which report: for bootstrap and folds.
    pub report: usize,
    /// Techniques shown, sorted.
    pub seen: Vec<u16>,
    /// Techniques to be found, sorted.
    pub hidden: Vec<u16>,
}

/// Questions of all reports that are large enough, drawn `times` times.
pub fn draw(sets: &[Vec<u16>], protocol: Protocol, times: usize, seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let mut out = Vec::new();
    for _ in 0..times {
        for (report, set) in sets.iter().enumerate() {
            let least = match protocol {
                Protocol::Half => 4,
                Protocol::FirstThree => 6,
                Protocol::Any => 2,
            };
            if set.len() < least {
                continue;
            }
            let mut order = set.clone();
            random.shuffle(&mut order);
            let shown = match protocol {
                Protocol::Half => set.len() / 2,
                Protocol::FirstThree => 3,
                Protocol::Any => 1 + random.below(set.len() - 1),
            };
            let mut hidden = order.split_off(shown);
            order.sort_unstable();
            hidden.sort_unstable();
            out.push(Case { protocol, report, seen: order, hidden });
        }
    }
    out
}

/// The first set of each cluster.
pub fn one_a_cluster(sets: &[Vec<u16>], clusters: &[usize]) -> Vec<Vec<u16>> {
    let mut seen = std::collections::BTreeSet::new();
    sets.iter().zip(clusters).filter(|(_, cluster)| seen.insert(**cluster)).map(|(set, _)| set.clone()).collect()
}
