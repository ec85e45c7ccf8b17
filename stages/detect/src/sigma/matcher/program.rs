//! One rule's condition as a flat program of jumps.
//!
//! A condition becomes negation normal form ([`Node`]), then a list of steps: test an atom, go on at one place if it holds
//! and at another if not. And, Or and Not live in the jumps alone, so that evaluation needs no stack, no recursion, and
//! tests nothing that cannot change the verdict. Programs are emitted from their end to their beginning, so that every
//! jump's target is known when the jump is written.

/// The end of a program: the rule matches.
pub(crate) const ACCEPT: u32 = u32::MAX;
/// The end of a program: it does not.
pub(crate) const REJECT: u32 = u32::MAX - 1;

/// A condition with Not only at its leaves, and without constants below its root.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// True or false, whatever the record holds.
    Constant(bool),
    /// An atom, or its opposite.
    Leaf { atom: u32, negated: bool },
    /// All hold.
    And(Vec<Node>),
    /// One holds.
    Or(Vec<Node>),
}

impl Node {
    /// Joins nodes: folds constants, lifts children of the same kind.
    pub(crate) fn join(all: bool, children: impl IntoIterator<Item = Node>) -> Node {
        let mut joined = Vec::new();
        for child in children {
            match (all, child) {
                (_, Node::Constant(value)) if value == all => {}
                (_, Node::Constant(value)) => return Node::Constant(value),
                (true, Node::And(inner)) | (false, Node::Or(inner)) => joined.extend(inner),
                (_, other) => joined.push(other),
            }
        }
        match (joined.len(), joined.pop()) {
            (1, Some(only)) => only,
            (_, None) => Node::Constant(all),
            (_, Some(last)) => {
                joined.push(last);
                if all { Node::And(joined) } else { Node::Or(joined) }
            }
        }
    }

    /// Puts cheap children first. `cost` gives an atom's. Returns the node's own cost.
    pub(crate) fn order(&mut self, cost: &impl Fn(u32) -> u32) -> u32 {
        match self {
            Self::Constant(_) => 0,
            Self::Leaf { atom, .. } => cost(*atom),
            Self::And(children) | Self::Or(children) => {
                let mut priced: Vec<(u32, Node)> =
                    children.drain(..).map(|mut child| (child.order(cost), child)).collect();
                priced.sort_by_key(|(price, _)| *price);
                let sum = priced.iter().fold(0_u32, |sum, (price, _)| sum.saturating_add(*price));
                children.extend(priced.into_iter().map(|(_, child)| child));
                sum
            }
        }
    }
}

/// Test an atom, then go on. What stands for an atom is up to the group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) atom: u32,
    /// Where to go if the atom holds: a step, [`ACCEPT`] or [`REJECT`].
    pub(crate) yes: u32,
    /// Where to go if not.
    pub(crate) no: u32,
}

/// Appends a node's steps; gives the place of the first.
pub(crate) fn emit(node: &Node, yes: u32, no: u32, steps: &mut Vec<Step>) -> u32 {
    match node {
        Node::Constant(value) => {
            if *value {
                yes
            } else {
                no
            }
        }
        Node::Leaf { atom, negated } => {
            let (yes, no) = if *negated { (no, yes) } else { (yes, no) };
            // Fewer than REJECT steps: rules are bounded by the loader's limits on text.
            let at = u32::try_from(steps.len()).unwrap_or(REJECT).min(REJECT);
            steps.push(Step { atom: *atom, yes, no });
            at
        }
        Node::And(children) => children.iter().rev().fold(yes, |next, child| emit(child, next, no, steps)),
        Node::Or(children) => children.iter().rev().fold(no, |next, child| emit(child, yes, next, steps)),
    }
}

/// Runs a program from `entry`.
pub(crate) fn run(steps: &[Step], entry: u32, mut holds: impl FnMut(u32) -> bool) -> bool {
    let mut at = entry;
    while at < REJECT {
        let Some(step) = steps.get(at as usize) else { return false };
        at = if holds(step.atom) { step.yes } else { step.no };
    }
    at == ACCEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(atom: u32) -> Node {
        Node::Leaf { atom, negated: false }
    }

    fn truth(node: &Node, atoms: u32) -> bool {
        match node {
            Node::Constant(value) => *value,
            Node::Leaf { atom, negated } => (atoms >> atom & 1 == 1) != *negated,
            Node::And(children) => children.iter().all(|child| truth(child, atoms)),
            Node::Or(children) => children.iter().any(|child| truth(child, atoms)),
        }
    }

    #[test]
    fn programs_agree_with_their_trees_for_every_assignment() {
        let not = |atom| Node::Leaf { atom, negated: true };
        for mut node in [
            leaf(0),
            not(3),
            Node::Constant(true),
            Node::Constant(false),
            Node::And(vec![leaf(0), leaf(1), not(2)]),
            Node::Or(vec![leaf(0), Node::And(vec![leaf(1), not(0)]), leaf(3)]),
            Node::And(vec![Node::Or(vec![leaf(0), leaf(1)]), Node::Or(vec![leaf(2), not(1)]), leaf(3)]),
            Node::Or(vec![Node::And(vec![Node::Or(vec![leaf(0), not(1)]), leaf(2)]), Node::And(vec![leaf(3), not(0)])]),
        ] {
            for ordered in [false, true] {
                if ordered {
                    node.order(&|atom| 10 - atom);
                }
                let mut steps = Vec::new();
                let entry = emit(&node, ACCEPT, REJECT, &mut steps);
                for atoms in 0..16 {
                    assert_eq!(run(&steps, entry, |atom| atoms >> atom & 1 == 1), truth(&node, atoms), "{node:?}");
                }
            }
        }
    }

    #[test]
    fn joining_folds_constants_and_flattens() {
        let (yes, no) = (Node::Constant(true), Node::Constant(false));
        assert_eq!(Node::join(true, []), yes);
        assert_eq!(Node::join(false, []), no);
        assert_eq!(Node::join(true, [yes.clone(), leaf(1)]), leaf(1));
        assert_eq!(Node::join(true, [leaf(1), no.clone()]), no);
        assert_eq!(Node::join(false, [leaf(1), yes.clone()]), yes);
        assert_eq!(
            Node::join(true, [Node::And(vec![leaf(0), leaf(1)]), leaf(2)]),
            Node::And(vec![leaf(0), leaf(1), leaf(2)])
        );
    }
}
