//! YAML events → nodes that know their line and column.
//!
//! The parser (crate `saphyr-parser`) is a state machine without recursion; the builder here keeps its own stack. What
//! must stay true: depth, nodes and documents are bounded, and an alias costs as many nodes as it repeats, so that an
//! alias bomb is refused before it is built. Keys that stand twice in a map refuse the document: with either of the two
//! the rule could be weaker than its author thinks.
//!
//! The parser costs about 10 ns a byte (6 MB of SigmaHQ in 57 ms).

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::fault::{At, Fault, Why};
use super::limits::{DOCUMENTS_MAX, YAML_DEPTH_MAX, YAML_NODE_BYTES, YAML_NODES_MAX};

/// A node and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub at: At,
    pub kind: Kind<'a>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind<'a> {
    Scalar(Scalar<'a>),
    List(Vec<Node<'a>>),
    Map(Map<'a>),
}

/// A map in the order of the file; no key stands twice.
pub(crate) type Map<'a> = Vec<(Key<'a>, Node<'a>)>;

/// A map's key.
#[derive(Clone, Debug)]
pub(crate) struct Key<'a> {
    pub at: At,
    pub text: Cow<'a, str>,
    merge: bool,
}

/// A scalar as written; [`super::scalar`] gives it a type.
#[derive(Clone, Debug)]
pub(crate) struct Scalar<'a> {
    pub text: Cow<'a, str>,
    /// Neither quoted nor a block nor tagged `!!str`: may be a number, a boolean or null.
    pub plain: bool,
}

/// One document of a file.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub root: Result<Node<'a>, Fault>,
    /// 1-based line of its `---`, or of its first node.
    pub line: u32,
}

impl<'a> Node<'a> {
    pub(crate) fn as_map(&self) -> Option<&Map<'a>> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar<'a>> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What a copy of this node counts against [`YAML_NODES_MAX`]. Recursion is bounded by [`YAML_DEPTH_MAX`].
    pub(crate) fn size(&self) -> usize {
        match &self.kind {
            Kind::Scalar(scalar) => 1 + scalar.text.len() / YAML_NODE_BYTES,
            Kind::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Kind::Map(map) => {
                let key = |key: &Key<'_>| 1 + key.text.len() / YAML_NODE_BYTES;
                1 + map.iter().map(|(name, node)| key(name) + node.size()).sum::<usize>()
            }
        }
    }

    /// Whether nothing was written: an empty document or value.
    pub(crate) fn is_blank(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.plain && scalar.text.is_empty())
    }
}

/// The value of a key.
pub(crate) fn get<'n, 'a>(map: &'n Map<'a>, key: &str) -> Option<&'n Node<'a>> {
    map.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
}

/// Reads all documents of a file. A document with a fault of its own (a duplicate key) leaves its neighbours alone; a
/// fault of syntax or a limit ends the file.
pub(crate) fn read(text: &str) -> Vec<Document<'_>> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some(event) = parser.next_event() {
        let result = match event {
            Ok((event, span)) => builder.event(event, span.start),
            Err(error) => Err(Fault::new(at(error.marker()), Why::Yaml(error.info().to_owned()))),
        };
        if let Err(fault) = result {
            let line = builder.line.max(1);
            builder.done.push(Document { root: Err(fault), line });
            break;
        }
    }
    builder.done
}

fn at(marker: &Marker) -> At {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    At { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}

#[derive(Default)]
struct Builder<'a> {
    done: Vec<Document<'a>>,
    stack: Vec<Frame<'a>>,
    /// The finished root of the current document.
    root: Option<Node<'a>>,
    /// The first fault of the current document that does not end the file.
    fault: Option<Fault>,
    line: u32,
    nodes: usize,
    anchors: FxHashMap<usize, (Node<'a>, usize)>,
}

/// A list or map that is still open.
struct Frame<'a> {
    at: At,
    anchor: usize,
    /// Nodes in the file before this one.
    nodes_before: usize,
    open: Open<'a>,
}

enum Open<'a> {
    List(Vec<Node<'a>>),
    Map(Map<'a>, Option<Key<'a>>),
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, marker: Marker) -> Result<(), Fault> {
        let here = at(&marker);
        match event {
            Event::DocumentStart(_) => {
                if self.done.len() >= DOCUMENTS_MAX {
                    return Err(Fault::new(here, Why::TooManyDocuments));
                }
                self.line = here.line;
                self.anchors.clear();
            }
            Event::DocumentEnd => self.finish_document(),
            Event::Scalar(text, style, anchor, tag) => {
                let size = 1 + text.len() / YAML_NODE_BYTES;
                self.count(size, here)?;
                let tagged_text = self.tag(tag.as_deref(), here);
                let plain = style == ScalarStyle::Plain && !tagged_text;
                let node = Node { at: here, kind: Kind::Scalar(Scalar { text, plain }) };
                self.put(node, anchor, size)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), here);
                self.open(here, anchor, Open::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), here);
                self.open(here, anchor, Open::Map(Vec::new(), None))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(id) => {
                let Some((_, size)) = self.anchors.get(&id) else {
                    return Err(Fault::new(here, Why::AliasUnknown));
                };
                let size = *size;
                self.count(size, here)?;
                if let Some((node, _)) = self.anchors.get(&id) {
                    let node = node.clone();
                    self.put(node, 0, size)?;
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
        Ok(())
    }

    fn finish_document(&mut self) {
        self.stack.clear();
        let root = self.root.take();
        let root = match self.fault.take() {
            Some(fault) => Some(Err(fault)),
            None => root.map(Ok),
        };
        self.done.extend(root.map(|root| Document { root, line: self.line }));
    }

    /// Remembers the first fault of this document; the next documents are read.
    fn note(&mut self, at: At, why: Why) {
        self.fault.get_or_insert(Fault::new(at, why));
    }

    fn count(&mut self, nodes: usize, at: At) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > YAML_NODES_MAX { Err(Fault::new(at, Why::YamlTooManyNodes)) } else { Ok(()) }
    }

    /// Whether the tag makes a scalar text. Only the core schema's tags are known.
    fn tag(&mut self, tag: Option<&Tag>, at: At) -> bool {
        let Some(tag) = tag else { return false };
        let core = tag.is_yaml_core_schema() || (tag.handle == "!" && tag.suffix.is_empty());
        match tag.suffix.as_str() {
            "str" | "" if core => true,
            "int" | "float" | "bool" | "null" | "map" | "seq" if core => false,
            _ => {
                self.note(at, Why::TagUnsupported(tag.to_string()));
                false
            }
        }
    }

    fn open(&mut self, at: At, anchor: usize, open: Open<'a>) -> Result<(), Fault> {
        if self.stack.len() >= YAML_DEPTH_MAX {
            return Err(Fault::new(at, Why::YamlTooDeep));
        }
        let nodes_before = self.nodes;
        self.count(1, at)?;
        self.stack.push(Frame { at, anchor, nodes_before, open });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let kind = match frame.open {
            Open::List(items) => Kind::List(items),
            Open::Map(map, _) => Kind::Map(self.finish_map(map, frame.at)?),
        };
        let size = self.nodes.saturating_sub(frame.nodes_before);
        self.put(Node { at: frame.at, kind }, frame.anchor, size)
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node<'a>, anchor: usize, size: usize) -> Result<(), Fault> {
        if anchor != 0 {
            // The copy for later aliases is paid for as well, so that nested anchors cannot multiply.
            self.count(size, node.at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(map, key)) => match key.take() {
                Some(name) => map.push((name, node)),
                None => {
                    let at = node.at;
                    let (text, merge) = match node.kind {
                        Kind::Scalar(scalar) => {
                            let merge = scalar.plain && scalar.text == "<<";
                            (scalar.text, merge)
                        }
                        _ => {
                            self.fault.get_or_insert(Fault::new(at, Why::KeyNotScalar));
                            (Cow::Borrowed(""), false)
                        }
                    };
                    *key = Some(Key { at, text, merge });
                }
            },
        }
        Ok(())
    }

    /// Refuses keys that stand twice and resolves YAML 1.1 merge keys: keys of the map itself win, earlier maps of a
    /// merged list win over later ones.
    fn finish_map(&mut self, map: Map<'a>, at: At) -> Result<Map<'a>, Fault> {
        if let Some(key) = duplicate(&map) {
            self.fault.get_or_insert(Fault::new(key.at, Why::DuplicateKey(key.text.to_string())));
        }
        if !map.iter().any(|(key, _)| key.merge) {
            return Ok(map);
        }
        let (merges, mut own): (Map<'a>, Map<'a>) = map.into_iter().partition(|(key, _)| key.merge);
        let mut seen: FxHashSet<String> = own.iter().map(|(key, _)| key.text.to_string()).collect();
        for (_, node) in merges {
            let sources = match node.kind {
                Kind::List(items) => items,
                _ => vec![node],
            };
            for source in sources {
                let Kind::Map(entries) = source.kind else {
                    self.note(at, Why::MergeNotMap);
                    continue;
                };
                own.extend(entries.into_iter().filter(|(key, _)| seen.insert(key.text.to_string())));
            }
        }
        Ok(own)
    }
}

/// The first key that stands twice. Small maps, nearly all of them, are compared pair by pair.
fn duplicate<'m, 'a>(map: &'m Map<'a>) -> Option<&'m Key<'a>> {
    const PAIRWISE_MAX: usize = 16;
    if map.len() <= PAIRWISE_MAX {
        let earlier = |at: usize, text: &str| map.iter().take(at).any(|(key, _)| key.text == text);
        return map.iter().enumerate().find(|(at, (key, _))| earlier(*at, &key.text)).map(|(_, (key, _))| key);
    }
    let mut seen = FxHashSet::default();
    map.iter().map(|(key, _)| key).find(|key| !seen.insert(key.text.as_ref()))
}
