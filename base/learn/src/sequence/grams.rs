//! Which id follows which: a trie of n-grams with interpolated Witten–Bell back-off.
//!
//! The probability of an id after a context of k ids mixes what followed that context with what follows its last k − 1
//! ids, down to all ids being equally likely; the mixing weight is the number of different ids that followed
//! (Witten and Bell, "The zero-frequency problem", 1991). It needs no tuning and works from the first sequence on.
//! The trie is exact: no hash of a context can collide with another's. Each id costs at most [`ORDER_MAX`] lookups.

use rustc_hash::FxHashMap;

use crate::tensors::{Array, LoadError, Tensors};

/// The longest n-gram.
pub(super) const ORDER_MAX: usize = 5;

/// N-grams that are kept: about 40 MB. Those that come later are only backed off.
pub(super) const NODES_MAX: usize = 1 << 20;

/// Stands before the first id of a sequence.
const START: u32 = u32::MAX;

/// Stands after the last id of a sequence: a session that stops early is strange at this place.
pub(super) const END: u32 = u32::MAX - 1;

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Node {
    /// How often this n-gram was seen.
    count: u32,
    /// How often something followed it.
    total: u32,
    /// How many different ids followed it.
    kinds: u32,
}

/// The n-grams of sequences.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grams {
    order: usize,
    /// How many ids are equally likely where nothing is known.
    symbols: f64,
    nodes: Vec<Node>,
    /// (n-gram, next id) → longer n-gram.
    children: FxHashMap<u64, u32>,
}

/// Where a walk through a sequence stands: for each k, the n-gram of the last k ids.
#[derive(Clone, Copy)]
pub(super) struct Walk([u32; ORDER_MAX]);

impl Grams {
    /// Nothing seen yet; `symbols` ids are thought possible.
    pub(super) fn new(order: usize, symbols: usize) -> Self {
        let mut grams = Self {
            order: order.clamp(1, ORDER_MAX),
            symbols: symbols as f64 + 1.0,
            nodes: vec![Node::default()],
            children: FxHashMap::default(),
        };
        if grams.order > 1 {
            grams.child_or_new(ROOT, START);
        }
        grams
    }

    /// More ids are possible.
    pub(super) fn widen(&mut self, symbols: usize) {
        self.symbols = self.symbols.max(symbols as f64 + 1.0);
    }

    pub(super) fn start(&self) -> Walk {
        let mut walk = Walk([NONE; ORDER_MAX]);
        let [root, after, ..] = &mut walk.0;
        *root = ROOT;
        *after = self.child(ROOT, START);
        walk
    }

    fn node(&self, at: u32) -> Node {
        self.nodes.get(at as usize).copied().unwrap_or_default()
    }

    fn child(&self, node: u32, id: u32) -> u32 {
        self.children.get(&key(node, id)).copied().unwrap_or(NONE)
    }

    fn child_or_new(&mut self, node: u32, id: u32) -> u32 {
        let fresh = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let room = self.nodes.len() < NODES_MAX;
        let nodes = &mut self.nodes;
        match self.children.entry(key(node, id)) {
            std::collections::hash_map::Entry::Occupied(have) => *have.get(),
            std::collections::hash_map::Entry::Vacant(free) if room => {
                nodes.push(Node::default());
                *free.insert(fresh)
            }
            std::collections::hash_map::Entry::Vacant(_) => NONE,
        }
    }

    /// −ln of the probability of `id` after what the walk has seen; the walk goes on to it.
    pub(super) fn surprise(&self, walk: &mut Walk, id: u32) -> f64 {
        let mut probability = 1.0 / self.symbols;
        let mut next = Walk([NONE; ORDER_MAX]);
        if let Some(root) = next.0.first_mut() {
            *root = ROOT;
        }
        for (k, at) in walk.0.iter().take(self.order).enumerate() {
            if *at == NONE {
                break;
            }
            let node = self.node(*at);
            let child = self.child(*at, id);
            let count = if child == NONE { 0 } else { self.node(child).count };
            if node.total > 0 {
                let kinds = f64::from(node.kinds);
                probability = (f64::from(count) + kinds * probability) / (f64::from(node.total) + kinds);
            }
            if let Some(place) = next.0.get_mut(k + 1) {
                *place = child;
            }
        }
        *walk = next;
        -probability.ln()
    }

    /// Counts a sequence and its end.
    pub(super) fn add(&mut self, sequence: impl Iterator<Item = u32>) {
        let mut walk = self.start();
        for id in sequence.chain([END]) {
            let mut next = Walk([NONE; ORDER_MAX]);
            if let Some(root) = next.0.first_mut() {
                *root = ROOT;
            }
            for (k, at) in walk.0.into_iter().take(self.order).enumerate() {
                if at == NONE {
                    break;
                }
                let child = self.child_or_new(at, id);
                if child == NONE {
                    break;
                }
                let fresh = self.node(child).count == 0;
                if let Some(node) = self.nodes.get_mut(child as usize) {
                    node.count = node.count.saturating_add(1);
                }
                if let Some(node) = self.nodes.get_mut(at as usize) {
                    node.total = node.total.saturating_add(1);
                    node.kinds += u32::from(fresh);
                }
                if let Some(place) = next.0.get_mut(k + 1) {
                    *place = child;
                }
            }
            walk = next;
        }
    }

    /// The trie as (parent, id, count) of each n-gram after the root.
    pub(super) fn keep(&self, tensors: &mut Tensors) {
        let mut edges: Vec<(u32, u64)> = self.children.iter().map(|(key, child)| (*child, *key)).collect();
        edges.sort_unstable();
        tensors.put("gram.parent", Array::U32(edges.iter().map(|(_, key)| (key >> 32) as u32).collect()));
        tensors.put("gram.id", Array::U32(edges.iter().map(|(_, key)| *key as u32).collect()));
        tensors.put("gram.count", Array::U32(edges.iter().map(|(child, _)| self.node(*child).count).collect()));
        tensors.put("gram.symbols", Array::F64(vec![self.symbols]));
    }

    /// The trie back: parents before children, no n-gram twice or too long, every id below `size`.
    pub(super) fn load(tensors: &Tensors, order: usize, size: usize) -> Result<Self, LoadError> {
        let bad = |array: &str, at: usize, problem: &str| {
            LoadError::new(format!("array `{array}`"), format!("element {at} {problem}"))
        };
        let (parents, ids, counts) =
            (tensors.u32s("gram.parent")?, tensors.u32s("gram.id")?, tensors.u32s("gram.count")?);
        if parents.len() != ids.len() || parents.len() != counts.len() || parents.len() >= NODES_MAX {
            return Err(LoadError::new(
                "array `gram.parent`",
                "has another length than `gram.id` or `gram.count`, or is too long",
            ));
        }
        let symbols = match tensors.f64s("gram.symbols")? {
            [symbols] if *symbols >= 1.0 && *symbols <= 1e9 => *symbols,
            _ => return Err(LoadError::new("array `gram.symbols`", "is not one number from 1 to 1e9")),
        };
        let mut grams = Self { order, symbols, nodes: vec![Node::default()], children: FxHashMap::default() };
        let mut depths = vec![0usize];
        for (at, ((parent, id), count)) in parents.iter().zip(ids).zip(counts).enumerate() {
            let depth = match depths.get(*parent as usize) {
                Some(depth) if *depth < order => depth + 1,
                Some(_) => return Err(bad("gram.parent", at, "makes an n-gram that is too long")),
                None => return Err(bad("gram.parent", at, "does not stand before it")),
            };
            if *id as usize >= size && *id != END && *id != START {
                return Err(bad("gram.id", at, "is not in the vocabulary"));
            }
            let child = u32::try_from(at + 1).unwrap_or(NONE);
            if grams.children.insert(key(*parent, *id), child).is_some() {
                return Err(bad("gram.id", at, "stands twice after the same n-gram"));
            }
            if let Some(node) = grams.nodes.get_mut(*parent as usize) {
                node.total = node.total.saturating_add(*count);
                node.kinds += u32::from(*count > 0);
            }
            grams.nodes.push(Node { count: *count, ..Node::default() });
            depths.push(depth);
        }
        Ok(grams)
    }
}

fn key(node: u32, id: u32) -> u64 {
    u64::from(node) << 32 | u64::from(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(grams: &Grams, sequence: &[u32]) -> Vec<f64> {
        let mut walk = grams.start();
        sequence.iter().chain([&END]).map(|id| grams.surprise(&mut walk, *id)).collect()
    }

    #[test]
    fn probabilities_of_all_that_may_follow_sum_to_one() {
        let mut grams = Grams::new(5, 5);
        for sequence in [[1, 2, 3, 1], [1, 2, 4, 1], [2, 2, 2, 3]] {
            grams.add(sequence.into_iter());
        }
        for context in [&[][..], &[1], &[1, 2], &[1, 2, 3], &[3, 3, 3, 3, 3], &[1, 2, 3, 1]] {
            let mut walk = grams.start();
            context.iter().for_each(|id| {
                grams.surprise(&mut walk, *id);
            });
            let sum: f64 = (0..5).chain([END]).map(|id| (-grams.surprise(&mut walk.clone(), id)).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{context:?}: {sum}");
        }
    }

    #[test]
    fn a_broken_order_is_strange_where_it_breaks() {
        let mut grams = Grams::new(5, 6);
        (0..50).for_each(|_| grams.add([1, 2, 3, 4, 5].into_iter()));
        let broken = all(&grams, &[1, 2, 4, 3, 5]);
        let worst = (0..6).max_by(|a, b| broken[*a].total_cmp(&broken[*b])).unwrap();
        assert!((2..5).contains(&worst) && broken[worst] > 3.0, "{broken:?}");
        assert!(all(&grams, &[1, 2, 3, 4, 5]).iter().all(|one| *one < 0.2));
        assert!(all(&grams, &[1, 2])[2] > 3.0, "stopping early is strange at the end");
    }

    #[test]
    fn a_kept_trie_comes_back_and_a_torn_one_does_not() {
        let mut grams = Grams::new(3, 4);
        grams.add([1, 2, 3].into_iter());
        let mut tensors = Tensors::default();
        grams.keep(&mut tensors);
        assert_eq!(Grams::load(&tensors, 3, 4).unwrap(), grams);
        assert!(Grams::load(&tensors, 3, 3).unwrap_err().problem.contains("not in the vocabulary"));
        assert!(Grams::load(&tensors, 2, 4).unwrap_err().problem.contains("too long"));
        let mut torn = tensors.clone();
        torn.put("gram.parent", Array::U32(vec![9; tensors.u32s("gram.id").unwrap().len()]));
        assert!(Grams::load(&torn, 3, 4).unwrap_err().problem.contains("does not stand before"));
        torn.put("gram.parent", Array::U32(vec![]));
        assert!(Grams::load(&torn, 3, 4).is_err());
    }
}
