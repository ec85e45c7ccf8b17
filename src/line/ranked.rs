//! Sources in an order that content alone decides, and which of them say the same.

use super::drive::SourceRun;

/// Sources by content hash, then by where they stood.
#[derive(Debug, Default)]
pub struct Ranked {
    /// For each source by its number while it was read, its place in [`Self::sources`].
    pub rank: Vec<u32>,
    /// The sources.
    pub sources: Vec<SourceRun>,
    /// For each, the place of an earlier one with the same content.
    pub duplicate_of: Vec<Option<usize>>,
}

impl Ranked {
    /// Ranks sources.
    pub fn new(sources: Vec<SourceRun>) -> Self {
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|at| sources.get(*at).map(|source| (source.sha256, source.order)));
        let mut rank = vec![0u32; sources.len()];
        for (place, at) in order.iter().enumerate() {
            if let Some(rank) = rank.get_mut(*at) {
                *rank = place as u32;
            }
        }
        let mut slots: Vec<Option<SourceRun>> = sources.into_iter().map(Some).collect();
        let sources: Vec<SourceRun> = order.iter().filter_map(|at| slots.get_mut(*at).and_then(Option::take)).collect();
        let mut first: Option<usize> = None;
        let duplicate_of = (0..sources.len())
            .map(|at| {
                let hash = sources.get(at).and_then(|source| source.sha256.filter(|_| source.bytes > 0));
                let same = first
                    .filter(|first| hash.is_some() && sources.get(*first).is_some_and(|earlier| earlier.sha256 == hash));
                if same.is_none() {
                    first = Some(at);
                }
                same
            })
            .collect();
        Self { rank, sources, duplicate_of }
    }

    /// Whether each source says what none before it says.
    pub fn canonical(&self) -> Vec<bool> {
        self.duplicate_of.iter().map(Option::is_none).collect()
    }
}
