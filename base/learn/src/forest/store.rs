//! Trees as arrays, and back.
//!
//! Reading believes nothing: lists agree in length, every tree is one pre-order walk (so each node has one parent, before it),
//! features and sets exist and fit, numbers are finite, covers add up. A file that passes cannot make a walk endless, an index
//! wrong or a score non-finite.

use crate::frame::{FeatureKind, Schema};
use crate::tensors::{Array, LoadError, Tensors};

use super::trees::{DEPTH_MAX, LEAF, LEAVES_MAX, NO_SET, NODES_MAX, Node, Sets, TREES_MAX, Trees};

/// The layout; raised when it changes.
const VERSION: &str = "1";

const ARRAYS: [&str; 9] = ["base", "cover", "feature", "missing", "number", "right", "set", "set_starts", "set_words"];

/// Largest value of a leaf and of the base: a forest of [`TREES_MAX`] stays finite.
const VALUE_MAX: f64 = 1e15;

/// Trees as arrays and words.
pub(super) fn to_tensors(trees: &Trees, schema: &Schema, trainer: &str) -> Tensors {
    let mut tensors = Tensors::default();
    for (name, word) in [("family", "forest"), ("version", VERSION), ("trainer", trainer)] {
        tensors.words.insert(name.to_owned(), word.to_owned());
    }
    tensors.put_json("schema", schema);
    let nodes = &trees.nodes;
    tensors.put("base", Array::F64(vec![trees.base]));
    tensors.put("starts", Array::U32(trees.starts.clone()));
    tensors.put("number", Array::F64(nodes.iter().map(|node| node.number).collect()));
    tensors.put("right", Array::U32(nodes.iter().map(|node| node.right).collect()));
    tensors.put("set", Array::U32(nodes.iter().map(|node| node.set).collect()));
    tensors.put("feature", Array::U16(nodes.iter().map(|node| node.feature).collect()));
    tensors.put("missing", Array::U8(nodes.iter().map(|node| u8::from(node.missing_left)).collect()));
    tensors.put("cover", Array::F64(trees.cover.clone()));
    tensors.put("set_starts", Array::U32(trees.sets.starts.clone()));
    tensors.put("set_words", Array::U64(trees.sets.words.clone()));
    tensors
}

/// Trees back from arrays; `words` are those that the model itself reads.
pub(super) fn from_tensors(tensors: &Tensors, trainer: &str, words: &[&str]) -> Result<(Trees, Schema), LoadError> {
    for (name, expected) in [("family", "forest"), ("version", VERSION), ("trainer", trainer)] {
        let found = tensors.word(name)?;
        if found != expected {
            return Err(LoadError::new(format!("word `{name}`"), format!("is `{found}`, not `{expected}`")));
        }
    }
    let known = |name: &str| ["family", "version", "trainer", "schema"].contains(&name) || words.contains(&name);
    if let Some(name) = tensors.words.keys().find(|name| !known(name)) {
        return Err(LoadError::new(format!("word `{name}`"), "is unknown"));
    }
    if let Some(name) = tensors.arrays.keys().find(|name| *name != "starts" && !ARRAYS.contains(&name.as_str())) {
        return Err(LoadError::new(format!("array `{name}`"), "is unknown"));
    }
    let schema: Schema = tensors.json("schema")?;
    let [base] = *tensors.f64s("base")? else {
        return Err(LoadError::new("array `base`", "is not one number"));
    };
    let trees = Trees {
        base,
        features: schema.len(),
        starts: tensors.u32s("starts")?.to_vec(),
        nodes: nodes(tensors)?,
        cover: tensors.f64s("cover")?.to_vec(),
        sets: Sets { starts: tensors.u32s("set_starts")?.to_vec(), words: tensors.u64s("set_words")?.to_vec() },
        explainer: Default::default(),
    };
    check(&trees, &schema)?;
    Ok((trees, schema))
}

fn nodes(tensors: &Tensors) -> Result<Vec<Node>, LoadError> {
    let (numbers, rights, sets) = (tensors.f64s("number")?, tensors.u32s("right")?, tensors.u32s("set")?);
    let (features, missing) = (tensors.u16s("feature")?, tensors.u8s("missing")?);
    let count = numbers.len();
    let lengths =
        [("right", rights.len()), ("set", sets.len()), ("feature", features.len()), ("missing", missing.len())];
    for (name, length) in lengths {
        if length != count {
            return Err(LoadError::new(
                format!("array `{name}`"),
                format!("has {length} entries, `number` has {count}"),
            ));
        }
    }
    if let Some(at) = missing.iter().position(|missing| *missing > 1) {
        return Err(at_node("missing", at, "is neither 0 nor 1"));
    }
    let mut nodes: Vec<Node> = Vec::with_capacity(count);
    let splits = rights.iter().zip(sets).zip(features.iter().zip(missing));
    for (number, ((right, set), (feature, missing))) in numbers.iter().zip(splits) {
        nodes.push(Node { number: *number, right: *right, set: *set, feature: *feature, missing_left: *missing == 1 });
    }
    Ok(nodes)
}

fn at_node(array: &str, at: usize, problem: impl std::fmt::Display) -> LoadError {
    LoadError::new(format!("array `{array}`, node {at}"), problem.to_string())
}

fn check(trees: &Trees, schema: &Schema) -> Result<(), LoadError> {
    let limits = [
        ("starts", trees.starts.len(), TREES_MAX),
        ("number", trees.nodes.len(), NODES_MAX),
        ("schema", schema.len(), crate::frame::COLUMNS_MAX),
    ];
    for (name, have, max) in limits {
        if have > max {
            return Err(LoadError::new(
                format!("array `{name}`"),
                format!("has {have} entries, at most {max} are allowed"),
            ));
        }
    }
    if !trees.base.is_finite() || trees.base.abs() > VALUE_MAX {
        return Err(LoadError::new("array `base`", "is out of range"));
    }
    if trees.cover.len() != trees.nodes.len() {
        return Err(LoadError::new("array `cover`", "differs in length from `number`"));
    }
    check_sets(&trees.sets)?;
    let ascend = trees.starts.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    let first = trees.starts.first().map_or(trees.nodes.len(), |start| *start as usize);
    let last = trees.starts.last().map_or(0, |start| *start as usize);
    if !ascend || first != 0 || (last >= trees.nodes.len() && !trees.is_empty()) {
        return Err(LoadError::new("array `starts`", "is not ascending from 0 within the nodes"));
    }
    trees.ranges().try_for_each(|range| check_tree(trees, schema, range))
}

fn check_sets(sets: &Sets) -> Result<(), LoadError> {
    let ascend = sets.starts.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    let whole = match (sets.starts.first(), sets.starts.last()) {
        (Some(first), Some(last)) => *first == 0 && *last as usize == sets.words.len(),
        _ => sets.words.is_empty(),
    };
    if ascend && whole {
        Ok(())
    } else {
        Err(LoadError::new("array `set_starts`", "does not cut `set_words` into sets"))
    }
}

/// One tree must be one pre-order walk.
fn check_tree(trees: &Trees, schema: &Schema, range: std::ops::Range<usize>) -> Result<(), LoadError> {
    // What must come next: places of right children still to be reached, with their depth.
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    let mut expected = Some((range.start, 0));
    let mut leaves = 0;
    for at in range.clone() {
        let Some((place, depth)) = expected.take().or_else(|| waiting.pop()) else {
            return Err(at_node("right", at, "stands after its tree's last leaf"));
        };
        let (Some(node), Some(cover)) = (trees.nodes.get(at), trees.cover.get(at)) else {
            return Err(at_node("number", at, "is missing"));
        };
        if place != at {
            return Err(at_node("right", at, format!("is reached before node {place}, which a parent names")));
        }
        if !(*cover >= 1.0 && *cover <= 9e15) {
            return Err(at_node("cover", at, format!("{cover} is no count of rows")));
        }
        if !node.number.is_finite() {
            return Err(at_node("number", at, "is not finite"));
        }
        if node.feature == LEAF {
            leaves += 1;
            let plain = node.right == 0 && node.set == NO_SET && !node.missing_left && node.number.abs() <= VALUE_MAX;
            if !plain {
                return Err(at_node("number", at, "is a leaf with the marks of a split, or out of range"));
            }
            continue;
        }
        let Some(feature) = schema.features.get(usize::from(node.feature)) else {
            return Err(at_node("feature", at, format!("{} is beyond the schema's {}", node.feature, schema.len())));
        };
        let fits = match (&feature.kind, node.set) {
            (FeatureKind::Numeric, NO_SET) => true,
            (FeatureKind::Categorical(values), set) => {
                set != NO_SET && !values.is_empty() && trees.sets.words(set).len() == values.len().div_ceil(64)
            }
            _ => false,
        };
        if !fits {
            return Err(at_node("set", at, format!("does not fit feature `{}`", feature.name)));
        }
        let right = node.right as usize;
        if right <= at + 1 || right >= range.end || depth >= DEPTH_MAX {
            return Err(at_node("right", at, format!("{right} is not after the left child within the tree and depth")));
        }
        let child = |at: usize| trees.cover.get(at).copied().unwrap_or(0.0);
        if child(at + 1) + child(right) != *cover {
            return Err(at_node("cover", at, "is not the sum of its children's"));
        }
        waiting.push((right, depth + 1));
        expected = Some((at + 1, depth + 1));
    }
    if expected.is_some() || !waiting.is_empty() || leaves > LEAVES_MAX {
        return Err(at_node("right", range.end, "is named by a parent but is not there"));
    }
    Ok(())
}
