//! Key paths, interned once per worker, so that a record's walk deals in small numbers.
//!
//! A path is a node of a tree: its parent's node and its own key. Logs repeat their keys, nearly always in the same order,
//! so a node remembers which sibling followed it last time; if the guess holds, a key costs one comparison and no hash.
//! Otherwise it is found in an open-addressing table. The hash has no secret, so probing is bounded: what collides too
//! often goes to an ordered map, and time stays linear (times a logarithm) under attack.
//!
//! What must stay true: node numbers are stable between two calls of [`Paths::forget`], which the owner calls between
//! records when [`Paths::is_full`].

use std::collections::BTreeMap;
use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Paths that a worker keeps before it begins anew. Real logs have a few hundred to a few thousand.
const PATHS_MAX: usize = 16_384;
/// Bytes of path text that a worker keeps before it begins anew.
const PATHS_BYTES_MAX: usize = 4 << 20;
/// Longest dotted path. What stands under a longer one is not looked at, and the record is flagged as truncated. The
/// longest seen in cloud logs is about 200 bytes; 1 KiB × 4,096 fields bounds what one record can make us keep.
pub(super) const PATH_BYTES_MAX: usize = 1024;
/// Probes before a key goes to the ordered map. A table at most half full needs two on average.
const PROBES_MAX: usize = 64;

/// A path's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node(pub(super) u32);

impl Node {
    /// The record itself.
    pub(super) const ROOT: Self = Self(0);
    /// The object in an Elastic `_source` wrapper: its members are named as if they stood in the record itself.
    pub(super) const SOURCE: Self = Self(1);
    /// The object in a Splunk `result` wrapper, likewise.
    pub(super) const RESULT: Self = Self(2);
    /// The object in an EventBridge `detail` wrapper, likewise.
    pub(super) const DETAIL: Self = Self(3);
    /// Above fields that the decoder itself adds.
    pub(super) const DERIVED: Self = Self(4);
    /// Of a value that is not recorded: behind the field cap, or below a path that is too long.
    pub(super) const NONE: Self = Self(u32::MAX);

    const FIXED: u32 = 5;
}

#[derive(Debug, Default, Clone)]
struct Entry {
    parent: u32,
    /// The full dotted path in `texts`.
    start: u32,
    end: u32,
    /// Where the node's own key begins in `texts`.
    key: u32,
    /// The sibling that followed last time.
    next: u32,
    /// The member that came first last time.
    first: u32,
    /// The path's number among those that dialects speak of, if any.
    known: u16,
    /// The object instance in which the key was seen last.
    serial: u64,
    /// The tape entries of that member: from, to.
    from: u32,
    to: u32,
}

/// No known number.
pub(super) const UNKNOWN: u16 = u16::MAX;

/// The interner.
pub(super) struct Paths {
    nodes: Vec<Entry>,
    texts: String,
    table: Vec<u32>,
    overflow: BTreeMap<(u32, Box<str>), u32>,
    known: fn(&str) -> u16,
    serial: u64,
}

impl Paths {
    /// An interner; `known` gives the number of a path that dialects speak of, or [`UNKNOWN`].
    pub(super) fn new(known: fn(&str) -> u16) -> Self {
        let mut paths = Self {
            nodes: Vec::new(),
            texts: String::new(),
            table: Vec::new(),
            overflow: BTreeMap::new(),
            known,
            serial: 0,
        };
        paths.forget();
        paths
    }

    /// Forgets every path.
    pub(super) fn forget(&mut self) {
        self.nodes.clear();
        let fixed = Entry { parent: u32::MAX, known: UNKNOWN, ..Entry::default() };
        self.nodes.resize(Node::FIXED as usize, fixed);
        self.texts.clear();
        self.table.clear();
        self.table.resize(1024, u32::MAX);
        self.overflow.clear();
    }

    /// Whether the owner must call [`forget`](Self::forget) before the next record.
    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() > PATHS_MAX || self.texts.len() > PATHS_BYTES_MAX
    }

    /// How many nodes there are; every node's number is smaller.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A node's dotted path, without the prefix of a wrapper.
    pub(super) fn text(&self, node: Node) -> &str {
        self.nodes
            .get(node.0 as usize)
            .and_then(|entry| self.texts.get(entry.start as usize..entry.end as usize))
            .unwrap_or_default()
    }

    /// The path's known number, or [`UNKNOWN`].
    #[inline]
    pub(super) fn known(&self, node: Node) -> u16 {
        self.nodes.get(node.0 as usize).map_or(UNKNOWN, |entry| entry.known)
    }

    /// The node above.
    #[inline]
    pub(super) fn parent(&self, node: Node) -> Node {
        self.nodes.get(node.0 as usize).map_or(Node::NONE, |entry| Node(entry.parent))
    }

    /// Which of the fixed nodes a node stands under.
    pub(super) fn top(&self, node: Node) -> Node {
        let mut at = node.0;
        while let Some(entry) = self.nodes.get(at as usize).filter(|_| at >= Node::FIXED) {
            at = entry.parent;
        }
        Node(at)
    }

    /// A number for the next object instance.
    #[inline]
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The node of `key` under `parent`, if the sibling that followed `previous` last time is it. [`Node::NONE`] stands
    /// before an object's first member.
    #[inline]
    pub(super) fn guess(&self, parent: Node, previous: Node, key: &[u8]) -> Option<Node> {
        let next = match previous {
            Node::NONE => self.nodes.get(parent.0 as usize)?.first,
            _ => self.nodes.get(previous.0 as usize)?.next,
        };
        let entry = self.nodes.get(next as usize)?;
        let same =
            entry.parent == parent.0 && self.texts.as_bytes().get(entry.key as usize..entry.end as usize) == Some(key);
        same.then_some(Node(next))
    }

    /// Remembers that `node` followed `previous` under `parent`.
    pub(super) fn follow(&mut self, parent: Node, previous: Node, node: Node) {
        if previous == Node::NONE {
            if let Some(entry) = self.nodes.get_mut(parent.0 as usize) {
                entry.first = node.0;
            }
        } else if let Some(entry) = self.nodes.get_mut(previous.0 as usize) {
            entry.next = node.0;
        }
    }

    /// The node of `key` under `parent`, if there is one.
    pub(super) fn find(&self, parent: Node, key: &str) -> Option<Node> {
        self.slot(parent, key).ok()
    }

    /// The node of `key` under `parent`, made if need be; `None` if the path is too long.
    pub(super) fn child(&mut self, parent: Node, key: &str) -> Option<Node> {
        let free = match self.slot(parent, key) {
            Ok(node) => return Some(node),
            Err(free) => free,
        };
        let above = self.nodes.get(parent.0 as usize)?.clone();
        let prefix = (above.end - above.start) as usize;
        let nested = parent.0 >= Node::FIXED;
        if prefix + usize::from(nested) + key.len() > PATH_BYTES_MAX {
            return None;
        }
        let start = self.texts.len();
        if nested {
            self.texts.extend_from_within(above.start as usize..above.end as usize);
            self.texts.push('.');
        }
        let key_at = self.texts.len() as u32;
        self.texts.push_str(key);
        let path = self.texts.get(start..).unwrap_or_default();
        let known = if parent == Node::DERIVED { UNKNOWN } else { (self.known)(path) };
        let node = self.nodes.len() as u32;
        self.nodes.push(Entry {
            parent: parent.0,
            start: start as u32,
            end: self.texts.len() as u32,
            key: key_at,
            known,
            ..Entry::default()
        });
        match free {
            Some(slot) => {
                if let Some(slot) = self.table.get_mut(slot) {
                    *slot = node;
                }
            }
            None => {
                self.overflow.insert((parent.0, key.into()), node);
            }
        }
        if self.nodes.len() * 2 > self.table.len() {
            self.grow();
        }
        Some(Node(node))
    }

    /// The key's node, or the free slot for it (`None`: it belongs into the ordered map).
    fn slot(&self, parent: Node, key: &str) -> Result<Node, Option<usize>> {
        let mask = self.table.len() - 1;
        let mut at = hash(parent.0, key) as usize & mask;
        for _ in 0..PROBES_MAX {
            let node = self.table.get(at).copied().unwrap_or(u32::MAX);
            match self.nodes.get(node as usize) {
                None => return Err(Some(at)),
                Some(entry) if entry.parent == parent.0 && self.key(entry) == key => return Ok(Node(node)),
                Some(_) => at = (at + 1) & mask,
            }
        }
        match self.overflow.get(&(parent.0, key.into())) {
            Some(node) => Ok(Node(*node)),
            None => Err(None),
        }
    }

    fn key(&self, entry: &Entry) -> &str {
        self.texts.get(entry.key as usize..entry.end as usize).unwrap_or_default()
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        self.table.clear();
        self.table.resize(size, u32::MAX);
        self.overflow.clear();
        for node in Node::FIXED..self.nodes.len() as u32 {
            let Some(entry) = self.nodes.get(node as usize) else { continue };
            let (parent, key) = (entry.parent, self.key(entry));
            match self.slot(Node(parent), key) {
                Ok(_) => {}
                Err(Some(free)) => {
                    if let Some(slot) = self.table.get_mut(free) {
                        *slot = node;
                    }
                }
                Err(None) => {
                    let key = key.into();
                    self.overflow.insert((parent, key), node);
                }
            }
        }
    }

    /// Notes that `node` begins as a member of the object instance `serial` at tape entry `from`. If the object had it
    /// before, gives the tape entries of that earlier member.
    #[inline]
    pub(super) fn enter(&mut self, node: Node, serial: u64, from: u32) -> Option<(u32, u32)> {
        let entry = self.nodes.get_mut(node.0 as usize)?;
        let earlier = (entry.serial == serial).then_some((entry.from, entry.to));
        entry.serial = serial;
        entry.from = from;
        entry.to = from;
        earlier
    }

    /// Notes that the member ends before tape entry `to`.
    #[inline]
    pub(super) fn leave(&mut self, node: Node, to: u32) {
        if let Some(entry) = self.nodes.get_mut(node.0 as usize) {
            entry.to = to;
        }
    }
}

fn hash(parent: u32, key: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key.as_bytes());
    hasher.write_u32(parent);
    // The upper bits of a multiplicative hash are the better ones.
    hasher.finish().rotate_left(26)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_number_and_knows_its_text() {
        let mut paths = Paths::new(|path| if path == "a.b" { 7 } else { UNKNOWN });
        let a = paths.child(Node::ROOT, "a").unwrap();
        let ab = paths.child(a, "b").unwrap();
        assert_eq!((paths.text(ab), paths.known(ab)), ("a.b", 7));
        assert_eq!(paths.child(a, "b"), Some(ab));
        let flat = paths.child(Node::ROOT, "a.b").unwrap();
        assert_ne!(flat, ab);
        assert_eq!(paths.known(flat), 7);
        assert_eq!(paths.top(ab), Node::ROOT);
        let inner = paths.child(Node::SOURCE, "a").unwrap();
        assert_eq!((paths.text(inner), paths.top(inner)), ("a", Node::SOURCE));
    }

    #[test]
    fn the_guess_is_right_or_nothing() {
        let mut paths = Paths::new(|_| UNKNOWN);
        let (a, b) = (paths.child(Node::ROOT, "a").unwrap(), paths.child(Node::ROOT, "b").unwrap());
        paths.follow(Node::ROOT, a, b);
        paths.follow(Node::ROOT, Node::NONE, a);
        assert_eq!(paths.guess(Node::ROOT, Node::NONE, b"a"), Some(a));
        assert_eq!(paths.guess(Node::ROOT, a, b"b"), Some(b));
        assert_eq!(paths.guess(Node::ROOT, a, b"c"), None);
        assert_eq!(paths.guess(a, a, b"b"), None);
    }

    #[test]
    fn growth_keeps_every_path_and_limits_are_noticed() {
        let mut paths = Paths::new(|_| UNKNOWN);
        let nodes: Vec<_> = (0..=PATHS_MAX).map(|at| paths.child(Node::ROOT, &at.to_string()).unwrap()).collect();
        for (at, node) in nodes.iter().enumerate() {
            assert_eq!(paths.find(Node::ROOT, &at.to_string()), Some(*node));
        }
        assert!(paths.is_full());
        assert_eq!(paths.child(Node::ROOT, &"x".repeat(PATH_BYTES_MAX + 1)), None);
        paths.forget();
        assert!(!paths.is_full() && paths.find(Node::ROOT, "1").is_none());
    }

    #[test]
    fn an_object_notices_its_second_member_of_a_name() {
        let mut paths = Paths::new(|_| UNKNOWN);
        let a = paths.child(Node::ROOT, "a").unwrap();
        let first = paths.next_serial();
        assert_eq!(paths.enter(a, first, 3), None);
        paths.leave(a, 5);
        assert_eq!(paths.enter(a, first, 5), Some((3, 5)));
        let second = paths.next_serial();
        assert_eq!(paths.enter(a, second, 0), None);
    }
}
