//! The tree of RFC 6962 section 2.1: a hash that stands for a list of entries, and short proofs that an entry is in the list
//! (inclusion) and that a longer list only adds to a shorter one (consistency).
//!
//! A leaf is hashed with a zero byte before it and a node with a one, so that no entry can pass for a node. [`Edge`] grows a
//! tree entry by entry and keeps one hash a level; proofs are made from the leaves' hashes, once a proof is asked for.

use sha2::{Digest, Sha256};

use crate::artifact::Hash;

/// Hashes of a proof: a tree of 2^63 entries needs no more.
pub const PROOF_MAX: usize = 128;

/// The hash of an entry: `SHA-256(0x00 || entry)`.
pub fn leaf(entry: &[u8]) -> Hash {
    Hash::from_bytes(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// The hash of two neighbours: `SHA-256(0x01 || left || right)`.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Hash::from_bytes(
        Sha256::new().chain_update([1]).chain_update(left.as_bytes()).chain_update(right.as_bytes()).finalize().into(),
    )
}

/// The right edge of a growing tree: roots of its full subtrees, largest first. Adding costs O(1) on average.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// An edge as it was kept; `None` if there are not as many roots as a tree of this size has.
    pub fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// How many entries the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the full subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds an entry by its [`leaf`] hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // As many full subtrees close as the old size has ones at its end.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root of the tree; that of no entries is the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return Hash::of(&[]) };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// The root of a tree with these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut edge = Edge::default();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge.root()
}

/// The largest power of two below `size` (at least 2).
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// Hashes that lead from an entry to the root, nearest first; empty where there is no such entry. O(n).
pub fn inclusion(leaves: &[Hash], at: usize) -> Vec<Hash> {
    let mut proof = Vec::new();
    let (mut part, mut at) = (leaves, at);
    while part.len() > 1 && at < part.len() {
        let (left, right) = part.split_at(split(part.len()));
        if at < left.len() {
            proof.push(root(right));
            part = left;
        } else {
            proof.push(root(left));
            at -= left.len();
            part = right;
        }
    }
    proof.reverse();
    proof
}

/// Whether a proof leads from an entry's hash to a root (RFC 9162 section 2.1.3.2).
pub fn includes(leaf: Hash, at: u64, size: u64, proof: &[Hash], root: Hash) -> bool {
    if at >= size || proof.len() > PROOF_MAX {
        return false;
    }
    let (mut at, mut last, mut hash) = (at, size - 1, leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(step, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Hashes that show that the tree of the first `old` leaves became the tree of all; empty where nothing need be shown. O(n).
pub fn consistency(leaves: &[Hash], old: usize) -> Vec<Hash> {
    let mut proof = Vec::new();
    let (mut part, mut old, mut whole) = (leaves, old, true);
    if old == 0 || old >= leaves.len() {
        return proof;
    }
    while old != part.len() {
        let (left, right) = part.split_at(split(part.len()));
        if old <= left.len() {
            proof.push(root(right));
            part = left;
        } else {
            proof.push(root(left));
            old -= left.len();
            part = right;
            whole = false;
        }
    }
    if !whole {
        proof.push(root(part));
    }
    proof.reverse();
    proof
}

/// Whether a proof shows that a tree only grew (RFC 9162 section 2.1.4.2).
pub fn consistent(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size || proof.len() > PROOF_MAX {
        return false;
    }
    if old_size == new_size || old_size == 0 {
        return proof.is_empty() && (old_size == 0 || old_root == new_root);
    }
    // An old tree that is full is its own first step.
    let mut steps = proof.iter();
    let first = if old_size.is_power_of_two() { Some(&old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node(step, &before);
            after = node(step, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node(&after, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && before == old_root && after == new_root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(many: u8) -> Vec<Hash> {
        (0..many).map(|at| leaf(&[at])).collect()
    }

    #[test]
    fn roots_are_those_of_the_standard() {
        // RFC 6962: the empty tree, a tree of one empty entry.
        assert_eq!(root(&[]).to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(leaf(b"").to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let [a, b, c] = [leaf(b"a"), leaf(b"b"), leaf(b"c")];
        assert_eq!(root(&[a, b, c]), node(&node(&a, &b), &c));
    }

    #[test]
    fn every_entry_of_every_small_tree_is_proven_and_nothing_else_is() {
        for size in 1..=33_u8 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for at in 0..size {
                let proof = inclusion(&leaves, usize::from(at));
                let here = leaves[usize::from(at)];
                let (at, size) = (u64::from(at), u64::from(size));
                assert!(includes(here, at, size, &proof, root));
                assert!(!includes(leaf(b"other"), at, size, &proof, root));
                assert!(!includes(here, at + 1, size, &proof, root) || size == 1);
                assert!(!includes(here, at, size, &proof, leaf(b"root")));
                let mut longer = proof.clone();
                longer.push(root);
                assert!(!includes(here, at, size, &longer, root));
                for cut in 0..proof.len() {
                    assert!(!includes(here, at, size, &proof[..cut], root));
                }
            }
            assert!(!includes(root, u64::from(size), u64::from(size), &[], root));
        }
    }

    #[test]
    fn a_tree_that_grew_is_proven_to_have_only_grown() {
        for size in 1..=33_u8 {
            let all = leaves(size);
            let new = (u64::from(size), root(&all));
            for old in 0..=size {
                let before = (u64::from(old), root(&all[..usize::from(old)]));
                let proof = consistency(&all, usize::from(old));
                assert!(consistent(before, new, &proof), "{old} {size}");
                if old > 0 {
                    assert!(!consistent((u64::from(old), leaf(b"x")), new, &proof), "{old} {size}");
                    assert!(!consistent(before, (u64::from(size), leaf(b"x")), &proof), "{old} {size}");
                }
                if old > 0 && old < size {
                    assert!(!consistent((u64::from(old) + 1, before.1), new, &proof), "{old} {size}");
                }
            }
        }
        let edge = Edge::from_parts(2, vec![leaf(b"a")]);
        assert_eq!(edge, Some(Edge { size: 2, roots: vec![leaf(b"a")] }));
        assert_eq!(Edge::from_parts(3, vec![leaf(b"a")]), None);
    }
}
