//! Which process started which, as far as the evidence tells.
//!
//! Ids in logs are hostile or reused, so the tree may have loops: a process is visited once, and a loop is cut where it
//! closes. Linear in the records.

use std::collections::{BTreeMap, BTreeSet};

use shieldwall_schema::Timestamp;
use shieldwall_schema::entity::host_id;
use shieldwall_schema::finding::Evidence;
use shieldwall_schema::story::ProcessNode;

/// Processes in one tree; the rest is left out.
pub const NODES_MAX: usize = 200;
/// Processes looked at before those that are alike are told once.
const LOOKED_AT_MAX: usize = 400;
/// Generations; deeper ones stand at this depth.
pub const DEPTH_MAX: u32 = 24;

/// A process: its host and id.
type Key = (Option<String>, String);

#[derive(Default)]
struct Node {
    image: String,
    command_line: String,
    pid: String,
    time: Option<Timestamp>,
    finding: Option<u32>,
    parent: Option<Key>,
}

/// The processes that these records speak of, parents before children, earliest first.
pub fn processes<'a>(records: impl Iterator<Item = (u32, &'a Evidence)>) -> Vec<ProcessNode> {
    let mut nodes: BTreeMap<Key, Node> = BTreeMap::new();
    for (finding, evidence) in records {
        learn(&mut nodes, finding, evidence);
    }
    let mut children: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
    let mut roots: Vec<&Key> = Vec::new();
    for (key, node) in &nodes {
        match node.parent.as_ref().filter(|parent| nodes.contains_key(*parent) && *parent != key) {
            Some(parent) => children.entry(parent).or_default().push(key),
            None => roots.push(key),
        }
    }
    let order =
        |key: &&Key| nodes.get(*key).map(|node| (node.time.is_none(), node.time, node.image.clone(), (*key).clone()));
    roots.sort_by_cached_key(order);
    children.values_mut().for_each(|list| list.sort_by_cached_key(order));
    let mut out = Vec::new();
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    // What hangs in a loop has no root; its first member becomes one.
    let all: Vec<&Key> = roots.iter().copied().chain(nodes.keys()).collect();
    for root in all {
        let mut stack = vec![(root, 0u32)];
        while let Some((key, depth)) = stack.pop() {
            if !seen.insert(key) || out.len() >= LOOKED_AT_MAX {
                continue;
            }
            let Some(node) = nodes.get(key) else { continue };
            out.push(ProcessNode {
                depth: depth.min(DEPTH_MAX),
                host: key.0.clone(),
                image: node.image.clone(),
                command_line: node.command_line.clone(),
                pid: node.pid.clone(),
                time: node.time,
                finding: node.finding,
                count: 1,
            });
            let below = children.get(key).into_iter().flatten().rev();
            stack.extend(below.map(|child| (*child, depth + 1)));
        }
    }
    let mut out = folded(out);
    out.truncate(NODES_MAX);
    out
}

/// Siblings that are alike, with all below them, as one: a job that ran forty times is told once.
fn folded(nodes: Vec<ProcessNode>) -> Vec<ProcessNode> {
    // A subtree's shape without what differs from run to run.
    fn shape(subtree: &[ProcessNode]) -> Vec<(u32, &str, &str)> {
        let root = subtree.first().map_or(0, |node| node.depth);
        subtree.iter().map(|node| (node.depth - root, node.image.as_str(), node.command_line.as_str())).collect()
    }
    let mut out: Vec<ProcessNode> = Vec::with_capacity(nodes.len());
    let mut rest = nodes.as_slice();
    // The forest's trees one by one; each tree's children are folded first.
    while let Some((root, after)) = rest.split_first() {
        let end = after.iter().position(|node| node.depth <= root.depth).unwrap_or(after.len());
        let (below, next) = after.split_at_checked(end).unwrap_or((after, &[]));
        let mut tree = vec![root.clone()];
        tree.extend(folded(below.to_vec()));
        // Only neighbours of the same depth are compared, and only the trees that were kept.
        let mut at = 0;
        let mut twin = None;
        while let Some(have) = out.get(at) {
            let length = out
                .get(at + 1..)
                .and_then(|after| after.iter().position(|node| node.depth <= have.depth))
                .map_or(out.len() - at, |end| end + 1);
            if have.host == root.host && out.get(at..at + length).is_some_and(|kept| shape(kept) == shape(&tree)) {
                twin = Some(at);
                break;
            }
            at += length;
        }
        match twin.and_then(|at| out.get_mut(at)) {
            Some(twin) => twin.count += 1,
            None => out.extend(tree),
        }
        rest = next;
    }
    out
}

fn learn(nodes: &mut BTreeMap<Key, Node>, finding: u32, evidence: &Evidence) {
    let get = |path: &str| {
        let value = evidence.fields.iter().find(|(name, _)| name == path).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty() && *value != "-")
    };
    let host = evidence.host.as_deref().and_then(host_id);
    let id = |uid: &str, pid: &str| get(uid).or_else(|| get(pid)).map(|id| (host.clone(), id.to_lowercase()));
    let started = get("process.cmd_line").is_some() || get("process.parent_process.file.path").is_some();
    let actor = id("actor.process.uid", "actor.process.pid");
    if !started {
        // A record of another kind still knows which process acted.
        let (Some(key), Some(image)) = (actor, get("actor.process.file.path").or_else(|| get("actor.process.name")))
        else {
            return;
        };
        let node = nodes.entry(key).or_default();
        fill(&mut node.image, image);
        fill(&mut node.pid, get("actor.process.pid").unwrap_or_default());
        node.finding.get_or_insert(finding);
        return;
    }
    let parent = id("process.parent_process.uid", "process.parent_process.pid").or(actor);
    // Where a log names only the process itself as the one that acts, its parent has a number and no name.
    let other = get("actor.process.file.path").filter(|image| Some(*image) != get("process.file.path"));
    let parent_image = get("process.parent_process.file.path").or(other);
    if let (Some(key), Some(image)) = (&parent, parent_image) {
        let node = nodes.entry(key.clone()).or_default();
        fill(&mut node.image, image);
        fill(&mut node.command_line, get("process.parent_process.cmd_line").unwrap_or_default());
        fill(&mut node.pid, get("process.parent_process.pid").or_else(|| get("actor.process.pid")).unwrap_or_default());
    }
    let image = get("process.file.path").or_else(|| get("process.name")).or_else(|| get("process.cmd_line"));
    let key = id("process.uid", "process.pid");
    // Without an id of its own a process is told apart by its place in the log.
    let key = key.unwrap_or_else(|| (host.clone(), format!("record {}", evidence.place.offset)));
    let node = nodes.entry(key).or_default();
    fill(&mut node.image, image.unwrap_or_default());
    fill(&mut node.command_line, get("process.cmd_line").unwrap_or_default());
    fill(&mut node.pid, get("process.pid").unwrap_or_default());
    node.time = node.time.or(evidence.time);
    node.finding.get_or_insert(finding);
    if node.parent.is_none() {
        node.parent = parent;
    }
}

fn fill(place: &mut String, value: &str) {
    if place.is_empty() {
        place.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shieldwall_schema::Place;

    use super::*;

    fn start(pid: &str, parent: &str, at: i64) -> Evidence {
        let field = |path: &str, value: &str| (path.to_owned(), value.to_owned());
        Evidence {
            time: Some(Timestamp::from_nanos(at)),
            time_text: None,
            place: Place::offset(at as u64),
            host: Some("A".to_owned()),
            fields: vec![
                field("process.cmd_line", &format!("run {pid}")),
                field("process.file.path", &format!("/bin/{pid}")),
                field("process.pid", pid),
                field("process.parent_process.pid", parent),
                field("process.parent_process.file.path", &format!("/bin/{parent}")),
            ],
            reasons: vec![],
        }
    }

    fn drawn(starts: &[(&str, &str)]) -> Vec<(u32, String)> {
        let records: Vec<_> =
            starts.iter().enumerate().map(|(at, (pid, parent))| start(pid, parent, at as i64)).collect();
        processes(records.iter().map(|record| (0, record))).into_iter().map(|node| (node.depth, node.pid)).collect()
    }

    #[test]
    fn children_stand_below_their_parents() {
        let tree = drawn(&[("2", "1"), ("3", "2"), ("4", "1"), ("9", "8")]);
        let wanted = [(0, "1"), (1, "2"), (2, "3"), (1, "4"), (0, "8"), (1, "9")];
        assert_eq!(tree.iter().map(|(depth, pid)| (*depth, pid.as_str())).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn what_ran_again_and_again_is_told_once() {
        let records: Vec<_> = (0..5)
            .map(|at| {
                let mut record = start(&format!("{}", 10 + at), "1", at);
                record.fields.retain(|(path, _)| path != "process.cmd_line" && path != "process.file.path");
                record.fields.push(("process.cmd_line".to_owned(), "job".to_owned()));
                record
            })
            .collect();
        let tree = processes(records.iter().map(|record| (0, record)));
        assert_eq!(tree.iter().map(|node| (node.depth, node.count)).collect::<Vec<_>>(), [(0, 1), (1, 5)]);
    }

    #[test]
    fn a_loop_is_cut_where_it_closes() {
        let tree = drawn(&[("1", "2"), ("2", "3"), ("3", "1"), ("5", "5")]);
        assert_eq!(tree.len(), 4);
    }

    proptest! {
        #[test]
        fn every_process_stands_once_whatever_the_ids(starts in proptest::collection::vec((0u8..6, 0u8..6), 0..40)) {
            let names: Vec<(String, String)> = starts.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
            let starts: Vec<(&str, &str)> = names.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            let tree = drawn(&starts);
            let distinct: BTreeSet<&str> = starts.iter().flat_map(|(a, b)| [*a, *b]).collect();
            prop_assert_eq!(tree.len(), distinct.len());
        }
    }
}
