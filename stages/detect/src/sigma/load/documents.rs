//! A file's text → its documents, rule collections resolved.
//!
//! Rule collections (`action: global`, `reset`, `repeat`) are of older Sigma and still in use: a global document's keys
//! stand under those of every rule behind it, map by map; `reset` forgets them; `repeat` puts a document over the rule
//! before it.
//!
//! A document's own bytes are hashed with those of the documents that it was merged with, so the hash changes whenever
//! the rule may. In a file with one document it is the SHA-256 of the file.

use sha2::{Digest, Sha256};

use super::fault::{At, Fault, Why};
use super::limits::{YAML_NODE_BYTES, YAML_NODES_MAX};
use super::yaml::{self, Document, Kind, Map, Node, get};

/// A document that may be a rule.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub root: Node<'a>,
    pub line: u32,
    /// SHA-256, hex.
    pub hash: String,
}

/// Reads a file. Documents that are blank, and those that only act on others, are left out.
pub(crate) fn read(text: &str) -> Vec<Result<Source<'_>, Fault>> {
    let documents = yaml::read(text);
    let lines: Vec<u32> = documents.iter().map(|document| document.line).collect();
    let slices = slices(text, &lines);
    let mut collection = Collection::default();
    let mut out = Vec::with_capacity(documents.len());
    for (Document { root, line }, slice) in documents.into_iter().zip(slices) {
        let root = match root {
            Ok(root) if root.is_blank() => continue,
            Ok(root) => root,
            Err(fault) => {
                out.push(Err(fault));
                continue;
            }
        };
        match collection.take(root, line, slice) {
            Ok(Some(source)) => out.push(Ok(source)),
            Ok(None) => {}
            Err(fault) => out.push(Err(fault)),
        }
    }
    out
}

/// Cuts the text at the documents' first lines; what stands before the first document belongs to it.
fn slices<'a>(text: &'a str, lines: &[u32]) -> Vec<&'a str> {
    if lines.len() <= 1 {
        return vec![text];
    }
    let mut starts = Vec::with_capacity(lines.len());
    let (mut line, mut offset, mut wanted) = (1_u32, 0, lines.iter().skip(1).peekable());
    starts.push(0);
    for piece in text.split_inclusive('\n') {
        while wanted.next_if(|want| **want <= line).is_some() {
            starts.push(offset);
        }
        // The parser counts a lone carriage return as a line too.
        let lone = piece.trim_end_matches("\r\n").bytes().filter(|byte| *byte == b'\r').count();
        line = line.saturating_add(1).saturating_add(u32::try_from(lone).unwrap_or(u32::MAX));
        offset += piece.len();
    }
    starts.extend(wanted.map(|_| text.len()));
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| text.get(*start..end).unwrap_or_default()).collect()
}

/// What earlier documents leave for later ones.
#[derive(Default)]
struct Collection<'a> {
    global: Option<Merged<'a>>,
    previous: Option<Merged<'a>>,
    /// What merging has cost so far, in nodes.
    spent: usize,
}

#[derive(Clone)]
struct Merged<'a> {
    map: Map<'a>,
    texts: Vec<&'a str>,
    cost: usize,
}

impl<'a> Collection<'a> {
    fn take(&mut self, root: Node<'a>, line: u32, text: &'a str) -> Result<Option<Source<'a>>, Fault> {
        let at = root.at;
        let Kind::Map(mut map) = root.kind else {
            return Ok(Some(Source { root, line, hash: hash(&[text]) }));
        };
        let action = match get(&map, "action") {
            None => None,
            Some(node) => {
                let shape = || Fault::new(node.at, Why::WrongShape { key: "action".to_owned(), want: "text" });
                Some((node.as_scalar().ok_or_else(shape)?.text.to_string(), node.at))
            }
        };
        map.retain(|(key, _)| key.text != "action");
        match action.as_ref().map(|(name, at)| (name.as_str(), *at)) {
            None => self.rule(map, text, at, line).map(Some),
            Some(("global", _)) => {
                let base = self.global.take();
                self.global = Some(self.merge(base.as_ref(), map, text, at)?);
                Ok(None)
            }
            Some(("reset", _)) => {
                self.global = None;
                self.previous = None;
                Ok(None)
            }
            Some(("repeat", action_at)) => {
                let previous = self.previous.take().ok_or(Fault::new(action_at, Why::NothingToRepeat))?;
                let merged = self.merge(Some(&previous), map, text, at)?;
                self.finish(merged, at, line).map(Some)
            }
            Some((other, action_at)) => Err(Fault::new(action_at, Why::UnknownAction(other.to_owned()))),
        }
    }

    fn rule(&mut self, map: Map<'a>, text: &'a str, at: At, line: u32) -> Result<Source<'a>, Fault> {
        let global = self.global.take();
        let merged = self.merge(global.as_ref(), map, text, at);
        self.global = global;
        self.finish(merged?, at, line)
    }

    fn finish(&mut self, merged: Merged<'a>, at: At, line: u32) -> Result<Source<'a>, Fault> {
        let source = Source { hash: hash(&merged.texts), line, root: Node { at, kind: Kind::Map(merged.map.clone()) } };
        self.previous = Some(merged);
        Ok(source)
    }

    fn merge(&mut self, under: Option<&Merged<'a>>, over: Map<'a>, text: &'a str, at: At) -> Result<Merged<'a>, Fault> {
        let Some(under) = under else {
            let cost = text.len() / YAML_NODE_BYTES;
            return Ok(Merged { map: over, texts: vec![text], cost });
        };
        let size: usize = under.map.iter().map(|(_, node)| 1 + node.size()).sum();
        self.spent = self.spent.saturating_add(size).saturating_add(under.cost);
        if self.spent > YAML_NODES_MAX {
            return Err(Fault::new(at, Why::YamlTooManyNodes));
        }
        let texts: Vec<&str> = under.texts.iter().copied().chain([text]).collect();
        let cost = under.cost + text.len() / YAML_NODE_BYTES + texts.len();
        Ok(Merged { map: merge(under.map.clone(), over), texts, cost })
    }
}

/// Maps are merged key by key; anything else is replaced.
fn merge<'a>(mut under: Map<'a>, over: Map<'a>) -> Map<'a> {
    for (key, node) in over {
        match under.iter_mut().find(|(have, _)| have.text == key.text) {
            None => under.push((key, node)),
            Some((_, slot)) => {
                let at = node.at;
                *slot = match (std::mem::replace(&mut slot.kind, Kind::List(Vec::new())), node.kind) {
                    (Kind::Map(low), Kind::Map(high)) => Node { at, kind: Kind::Map(merge(low, high)) },
                    (_, kind) => Node { at, kind },
                };
            }
        }
    }
    under
}

fn hash(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
    }
    hex(&hasher.finalize())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
