//! A list in the order of last use, with places that do not move: push, touch and remove each in constant time.

const NONE: u32 = u32::MAX;

/// Items in the order of last use.
#[derive(Debug)]
pub(super) struct Recency<T> {
    nodes: Vec<Node<T>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
}

#[derive(Debug)]
struct Node<T> {
    item: Option<T>,
    older: u32,
    newer: u32,
}

impl<T> Default for Recency<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE }
    }
}

impl<T> Recency<T> {
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.nodes.get_mut(at as usize)?.item.as_mut()
    }

    /// The place of the item that was used least recently, and the item.
    pub(super) fn oldest(&self) -> Option<(u32, &T)> {
        let item = self.nodes.get(self.oldest as usize)?.item.as_ref()?;
        Some((self.oldest, item))
    }

    /// From the least to the most recently used.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at as usize)?;
            at = node.newer;
            node.item.as_ref()
        })
    }

    /// Adds an item as the most recently used; gives its place.
    pub(super) fn push(&mut self, item: T) -> u32 {
        let node = Node { item: Some(item), older: NONE, newer: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(place) = self.nodes.get_mut(at as usize) {
                    *place = node;
                }
                at
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
            }
        };
        self.link(at);
        at
    }

    /// Makes an item the most recently used.
    pub(super) fn touch(&mut self, at: u32) {
        if at != self.newest {
            self.unlink(at);
            self.link(at);
        }
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<T> {
        let item = self.nodes.get_mut(at as usize)?.item.take()?;
        self.unlink(at);
        self.free.push(at);
        Some(item)
    }

    fn link(&mut self, at: u32) {
        let newest = self.newest;
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.older = newest;
            node.newer = NONE;
        }
        match self.nodes.get_mut(newest as usize) {
            Some(node) => node.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Some(node) = self.nodes.get(at as usize) else { return };
        let (older, newer) = (node.older, node.newer);
        match self.nodes.get_mut(older as usize) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
        match self.nodes.get_mut(newer as usize) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// The list does what a plain vector would.
        #[test]
        fn is_a_list_in_the_order_of_use(steps in proptest::collection::vec((0_u8..3, 0_usize..8), 0..200)) {
            let mut list = Recency::default();
            let mut model: Vec<(u32, usize)> = Vec::new();
            for (number, (step, which)) in steps.into_iter().enumerate() {
                match (step, model.get(which).copied()) {
                    (1, Some((at, _))) => {
                        list.touch(at);
                        let moved = model.remove(which);
                        model.push(moved);
                    }
                    (2, Some((at, item))) => {
                        proptest::prop_assert_eq!(list.remove(at), Some(item));
                        model.remove(which);
                    }
                    _ => model.push((list.push(number), number)),
                }
                let items: Vec<usize> = list.iter().copied().collect();
                let wanted: Vec<usize> = model.iter().map(|(_, item)| *item).collect();
                proptest::prop_assert_eq!(items, wanted);
                proptest::prop_assert_eq!(list.oldest().map(|(at, item)| (at, *item)), model.first().copied());
                proptest::prop_assert_eq!(list.len(), model.len());
            }
        }
    }
}
