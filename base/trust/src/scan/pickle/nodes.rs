//! Tuples, lists, dicts and sets: their first items, what acts in them, how much they stand for, and what it means to put
//! items into something.
//!
//! Nothing is expanded: a container knows how many values it stands for, and a memo that refers to itself a million times
//! costs a million steps.

use super::danger;
use super::judge::Power;
use super::machine::{EXPANDED_MAX, End, Machine};
use super::value::{ITEMS_MAX, NODES_MAX, Node, Sort, Value};
use crate::scan::kinds::{BOMB, PICKLE_CALL, PICKLE_IMPORT, PICKLE_UNKNOWN};
use crate::scan::report::Weight;

/// Times in a row that a container may hold itself. An empty ring of Python's own `OrderedDict` does twice.
const SELF_MAX: u32 = 8;

impl Machine<'_, '_> {
    pub(super) fn make(&mut self, sort: Sort, items: &[Value]) -> Result<(), End> {
        let value = self.node(sort, items);
        self.push(value)
    }

    /// A new tuple, list, dict or set.
    pub(super) fn node(&mut self, sort: Sort, items: &[Value]) -> Value {
        if self.nodes.len() >= NODES_MAX {
            let inert = items.iter().all(|item| !matches!(item, Value::Global(_) | Value::Unknown | Value::Computed));
            return if inert { Value::Data } else { Value::Unknown };
        }
        let Ok(index) = u32::try_from(self.nodes.len()) else { return Value::Unknown };
        self.nodes.push(Node {
            sort,
            items: Vec::new(),
            acts: None,
            hook: None,
            size: 1,
            same: None,
            times: 0,
            repeats: 1,
            told: false,
        });
        self.add(index, items);
        Value::Node(index)
    }

    fn add(&mut self, index: u32, items: &[Value]) {
        let dict = self.nodes.get(index as usize).is_some_and(|node| node.sort == Sort::Dict);
        let (mut acts, mut hook) = (None, None);
        let mut size = 0_u64;
        for (place, &item) in items.iter().enumerate() {
            acts = acts.or_else(|| self.acting(item));
            size = size.saturating_add(match item {
                Value::Node(node) => {
                    self.repeat(index, node);
                    self.nodes.get(node as usize).map_or(1, |node| node.size)
                }
                _ => 1,
            });
            if dict && place % 2 == 0 && self.is_hook(item) {
                hook = hook.or(Some(item));
            }
        }
        let mut expands = false;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            let room = ITEMS_MAX.saturating_sub(node.items.len());
            node.items.extend(items.iter().take(room));
            node.size = node.size.saturating_add(size);
            expands = node.size > EXPANDED_MAX && !std::mem::replace(&mut node.told, node.size > EXPANDED_MAX);
            node.acts = node.acts.or(acts);
            node.hook = node.hook.or(hook);
        }
        let bomb = self.nodes.get(index as usize).is_some_and(|node| node.repeats > EXPANDED_MAX);
        if bomb && !self.exploded {
            (self.exploded, self.expanded) = (true, true);
            let words = "containers that hold the same container many times over, level upon level: walking what is loaded \
                         never ends, and nothing but that is in them";
            self.say(self.reader.at, &BOMB, Weight::Malicious, None, words.to_owned());
        } else if expands && !self.expanded {
            self.expanded = true;
            let words = "references to references stand for more values than EXPANDED_MAX: walking them never ends";
            self.say(self.reader.at, &BOMB, Weight::NotProven, None, words.to_owned());
        }
    }

    /// A container holds another one, perhaps not for the first time in a row. How often the same things are met on a walk
    /// is a product over the levels: `[[x] * 1000] * 1000` has two, and no program nests such lists until the product is
    /// beyond what can be walked. Objects that share much (graphs, hash-consed trees) hold *different* things, so they only
    /// grow in size.
    fn repeat(&mut self, index: u32, held: u32) {
        let below = self.nodes.get(held as usize).map_or(1, |node| node.repeats);
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        if node.same == Some(held) {
            node.times = node.times.saturating_add(1);
        } else {
            (node.same, node.times) = (Some(held), 1);
        }
        let repeats = match held == index {
            // A ring's head refers to itself as its next and its last; a thing that holds itself over and over has no end.
            true if node.times >= SELF_MAX => u64::MAX,
            true => 1,
            false => below.saturating_mul(u64::from(node.times)),
        };
        node.repeats = node.repeats.max(repeats);
    }

    /// The callable in a value that would act.
    pub(super) fn acting(&self, value: Value) -> Option<u32> {
        match value {
            Value::Global(global) => {
                let power = self.globals.get(global as usize)?.power;
                (power == Power::Acts).then_some(global)
            }
            Value::Node(node) => self.nodes.get(node as usize)?.acts,
            _ => None,
        }
    }

    /// Keys that replace what Python calls behind the scenes.
    pub(super) fn is_hook(&mut self, key: Value) -> bool {
        let Value::Text(at, len @ 5..=24, _) = key else { return matches!(key, Value::Computed | Value::Unknown) };
        if self.reader.peek(at, 2) != b"__" && self.reader.peek(at, 3).get(1..) != Some(b"__") {
            return false;
        }
        let _ = len;
        self.text(key)
            .is_some_and(|key| key.strip_prefix("__").and_then(|key| key.strip_suffix("__")).is_some_and(danger::hook))
    }

    /// Items that go to the list, set, dict or object on top.
    pub(super) fn put(&mut self, items: &[Value], at: u64) -> Result<(), End> {
        match self.top()? {
            Value::Node(node) => self.add(node, items),
            Value::Global(global) => {
                let name = self.dotted(global);
                let words = format!("items are put into {name}, which belongs to a module");
                self.say(at, &PICKLE_CALL, Weight::Malicious, Some(format!("{name}[...] = ...")), words);
            }
            Value::Unknown | Value::Computed if !items.is_empty() => {
                // `append`, `extend`, `add` and `__setitem__` of something that nobody knows are calls.
                let words = "items are put into something that is not known".to_owned();
                self.say(at, &PICKLE_UNKNOWN, Weight::NotProven, None, words);
            }
            Value::Data | Value::Of(_) => {
                for &item in items {
                    if let Some(acts) = self.acting(item) {
                        let words = format!("{} is put where it may be called", self.dotted(acts));
                        self.say(at, &PICKLE_IMPORT, Weight::NotProven, None, words);
                    } else if self.is_hook(item) {
                        let words = format!("{} is set", self.show(item));
                        self.say(at, &PICKLE_IMPORT, Weight::NotProven, None, words);
                    }
                }
            }
            Value::None | Value::Int(_) | Value::Text(..) | Value::Made(_) | Value::Bytes(..) => {
                return Err(End::Refused("items are put into what holds none"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Arguments as they are passed.
    pub(super) fn items(&self, value: Value) -> Vec<Value> {
        match value {
            Value::Node(node) => self.nodes.get(node as usize).map(|node| node.items.clone()).unwrap_or_default(),
            Value::Unknown | Value::Computed => vec![value],
            _ => Vec::new(),
        }
    }
}
