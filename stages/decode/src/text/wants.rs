//! What detectors want, cached by tag: the projection is asked once per distinct tag and worker.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use shieldwall_schema::{Projection, Tag, Want};

/// Distinct tags that are remembered. A host has tens of programs; a log with more names is hostile, and then the cache
/// starts anew, which costs time and never memory.
const TAGS_MAX: usize = 4096;

/// What is wanted of one tag, in a form that is quick to serve.
pub(crate) struct Wanted {
    /// The detectors' own words.
    pub want: Arc<Want>,
    /// Fixed field number → the slots that it fills.
    pub direct: Vec<(usize, Vec<u16>)>,
    /// Whether names are wanted that are not among the fixed fields.
    pub rest: bool,
    /// A small Bloom filter over the wanted names, so that most unwanted ones need no look-up.
    names: u64,
}

/// A name's bit in the filter.
fn bit(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    1 << ((usize::from(first) * 5 + usize::from(last) * 3 + bytes.len()) % 64)
}

impl Wanted {
    fn new(want: Arc<Want>, names: &[&str]) -> Self {
        let mut direct = Vec::new();
        for (field, name) in names.iter().enumerate() {
            if let Some(slots) = want.by_name.get(*name) {
                direct.push((field, slots.clone()));
            }
        }
        let rest = want.by_name.len() > direct.len();
        let names = want.by_name.keys().fold(0, |bits, name| bits | bit(name));
        Self { want, direct, rest, names }
    }

    /// Whether a name may be wanted: sometimes true of a name that is not, never false of one that is.
    pub(crate) fn may_want(&self, name: &str) -> bool {
        self.names & bit(name) != 0
    }
}

/// The cache of one worker.
pub(crate) struct WantCache<'a> {
    projection: &'a dyn Projection,
    names: &'static [&'static str],
    known: FxHashMap<Box<[u8]>, usize>,
    entries: Vec<Option<Wanted>>,
    key: Vec<u8>,
}

impl<'a> WantCache<'a> {
    /// An empty cache; `names` are the format's fixed fields.
    pub(crate) fn new(projection: &'a dyn Projection, names: &'static [&'static str]) -> Self {
        Self { projection, names, known: FxHashMap::default(), entries: Vec::new(), key: Vec::new() }
    }

    /// What is wanted of records with this tag.
    pub(crate) fn get(&mut self, tag: &Tag<'_>) -> Option<&Wanted> {
        self.key.clear();
        for part in [tag.product, tag.service, tag.provider, tag.code] {
            self.key.extend_from_slice(part.as_bytes());
            // No UTF-8 holds this byte.
            self.key.push(0xff);
        }
        let at = match self.known.get(self.key.as_slice()) {
            Some(at) => *at,
            None => self.ask(tag),
        };
        self.entries.get(at)?.as_ref()
    }

    fn ask(&mut self, tag: &Tag<'_>) -> usize {
        if self.entries.len() >= TAGS_MAX {
            self.known.clear();
            self.entries.clear();
        }
        let at = self.entries.len();
        self.entries.push(self.projection.want(tag).map(|want| Wanted::new(want, self.names)));
        self.known.insert(self.key.as_slice().into(), at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counting(AtomicUsize);

    impl Projection for Counting {
        fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (tag.service != "none").then(|| Arc::new(Want::default()))
        }
    }

    #[test]
    fn each_tag_is_asked_once_and_a_flood_of_tags_stays_bounded() {
        let projection = Counting(AtomicUsize::new(0));
        let mut cache = WantCache::new(&projection, &[]);
        for _ in 0..3 {
            assert!(cache.get(&Tag { service: "a", ..Tag::default() }).is_some());
            assert!(cache.get(&Tag { service: "none", ..Tag::default() }).is_none());
        }
        assert_eq!(projection.0.load(Ordering::Relaxed), 2);
        for number in 0..3 * TAGS_MAX {
            let name = number.to_string();
            assert!(cache.get(&Tag { service: &name, ..Tag::default() }).is_some());
        }
        assert!(cache.entries.len() <= TAGS_MAX && cache.known.len() <= TAGS_MAX);
    }
}
