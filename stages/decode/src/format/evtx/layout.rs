//! Template definitions, compiled once: which leaf takes which substitution or literal.
//!
//! A definition stands in every chunk that uses it, with other offsets each time. It is first brought into a canonical
//! form (tokens with interned names and literal texts), which is the key of a cache across chunks; only a new form is
//! compiled. The comparison is exact: no two definitions share a layout unless they say the same.

use super::names::{NameId, known};
use super::section::Section;
use super::token::{Fault, Instance, Lexer, NO_DEPENDENCY, Token, definition_body};
use super::tree::{Leaf, LeafName, Leaves, Piece};
use super::value::{value_type as ty, write_value};
use super::walk::Walk;

/// Bytes of layouts and their keys that a worker keeps before it begins anew. A busy host's logs have some hundred
/// templates of a few KiB.
pub(super) const LAYOUT_BYTES_MAX: usize = 16 << 20;

/// A range of one of a layout's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    start: u32,
    end: u32,
}

impl Range {
    /// The items meant.
    #[inline]
    pub(super) fn of<T>(self, items: &[T]) -> &[T] {
        items.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The text meant.
    #[inline]
    pub(super) fn of_str(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Where a leaf's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It has none.
    Null,
    /// A text of the template.
    Literal(Range),
    /// A substitution.
    Slot(u16),
    /// Several [`Part`]s, joined.
    Mixed(Range),
}

/// A part of a mixed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A text of the template.
    Literal(Range),
    /// A substitution.
    Slot(u16),
}

/// One leaf of a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayoutLeaf {
    /// What it is called.
    pub(super) name: LeafName,
    /// Where its value comes from.
    pub(super) source: Source,
    /// Substitutions that must not be null, or the leaf is left out.
    pub(super) guards: Range,
    /// The section of a nested stream in its place.
    pub(super) inside: Section,
    /// Whether it is left out if empty.
    pub(super) omit_empty: bool,
}

/// Where a tag's part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagSource {
    /// Not in the template.
    Absent,
    /// A literal.
    Known(NameId),
    /// A substitution.
    Slot(u16),
    /// Something that needs the whole walk.
    Odd,
}

/// The parts of System that decide the tag and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct TagSources {
    pub(super) provider: TagSource,
    pub(super) channel: TagSource,
    pub(super) code: TagSource,
    pub(super) time: TagSource,
}

/// A compiled template.
#[derive(Debug)]
pub(super) struct Layout {
    /// Its leaves in document order.
    pub(super) leaves: Vec<LayoutLeaf>,
    /// Text of its literals.
    pub(super) text: String,
    /// Parts of mixed texts.
    pub(super) parts: Vec<Part>,
    /// Dependencies.
    pub(super) guards: Vec<u16>,
    /// What the tag is made of.
    pub(super) tag: TagSources,
}

impl Layout {
    fn bytes(&self) -> usize {
        let lists = self.parts.len() * size_of::<Part>() + self.guards.len() * size_of::<u16>();
        size_of::<Self>() + self.leaves.len() * size_of::<LayoutLeaf>() + self.text.len() + lists
    }
}

impl Walk {
    /// The layout of the definition at `offset`, where its root stands in `section`.
    #[inline]
    pub(super) fn layout_of(&mut self, chunk: &[u8], offset: u32, section: Section) -> Result<usize, Fault> {
        match self.by_definition.get(&(offset, section)) {
            Some(layout) => Ok(*layout as usize),
            None => self.new_layout(chunk, offset, section),
        }
    }

    #[cold]
    fn new_layout(&mut self, chunk: &[u8], offset: u32, section: Section) -> Result<usize, Fault> {
        let (at, end) = definition_body(chunk, offset)?;
        let mut key = std::mem::take(&mut self.canonical);
        key.clear();
        let done = self.canonical_form(chunk, Lexer::new(chunk, at, end, true), section, &mut key);
        let known = self.by_form.get(key.as_slice()).copied();
        let layout = match (done, known) {
            (Err(fault), _) => Err(fault),
            (Ok(()), Some(layout)) => Ok(layout),
            (Ok(()), None) => self.compile(chunk, Lexer::new(chunk, at, end, true), section).map(|layout| {
                let index = self.layouts.len() as u32;
                self.layout_bytes += key.len() + layout.bytes();
                self.layouts.push(layout);
                self.by_form.insert(key.as_slice().into(), index);
                index
            }),
        };
        self.canonical = key;
        let layout = layout?;
        self.by_definition.insert((offset, section), layout);
        Ok(layout as usize)
    }

    /// Writes a definition's meaning without its offsets.
    fn canonical_form(
        &mut self,
        chunk: &[u8],
        mut lexer: Lexer<'_>,
        section: Section,
        key: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let (kind, part) = match section {
            Section::Root => (0, 0),
            Section::Event => (1, 0),
            Section::System => (2, 0),
            Section::EventData => (3, 0),
            Section::UserData => (4, 0),
            Section::Other(part) => (5, part.0),
        };
        key.push(kind);
        key.extend(part.to_le_bytes());
        loop {
            let token = lexer.next()?;
            self.spend(1)?;
            match token {
                Token::Open { name, dependency } => {
                    key.push(1);
                    key.extend(self.name_at(chunk, name)?.0.to_le_bytes());
                    key.extend(dependency.to_le_bytes());
                }
                Token::CloseStart => key.push(2),
                Token::CloseEmpty => key.push(3),
                Token::Close => key.push(4),
                Token::Value { value_type, span } => {
                    self.spend(span.len / 16)?;
                    key.extend([5, value_type]);
                    key.extend(span.len.to_le_bytes());
                    key.extend(span.of(chunk));
                }
                Token::Attribute { name } => {
                    key.push(6);
                    key.extend(self.name_at(chunk, name)?.0.to_le_bytes());
                }
                Token::Character(unit) => {
                    key.push(8);
                    key.extend(unit.to_le_bytes());
                }
                Token::Entity { name } => {
                    key.push(9);
                    key.extend(self.name_at(chunk, name)?.0.to_le_bytes());
                }
                Token::Substitution { id } => {
                    key.push(13);
                    key.extend(id.to_le_bytes());
                }
                Token::Instance(_) => return Err(Fault::Corrupt("its template holds a template instance")),
                Token::Other => {}
                Token::End => return Ok(()),
            }
        }
    }

    fn compile(&mut self, chunk: &[u8], lexer: Lexer<'_>, section: Section) -> Result<Layout, Fault> {
        let absent = TagSource::Absent;
        let mut compiler = Compiler {
            layout: Layout {
                leaves: Vec::new(),
                text: String::new(),
                parts: Vec::new(),
                guards: Vec::new(),
                tag: TagSources { provider: absent, channel: absent, code: absent, time: absent },
            },
        };
        self.tree(chunk, lexer, section, &mut compiler)?;
        let mut layout = compiler.layout;
        layout.tag = TagSources {
            provider: self.tag_source(&layout, known::PROVIDER_NAME),
            channel: self.tag_source(&layout, known::CHANNEL),
            code: self.tag_source(&layout, known::EVENT_ID),
            time: self.tag_source(&layout, known::SYSTEM_TIME),
        };
        Ok(layout)
    }

    fn tag_source(&mut self, layout: &Layout, name: NameId) -> TagSource {
        let dynamic = layout.leaves.iter().any(|leaf| matches!(leaf.name, LeafName::Slot(_)));
        let leaf = layout.leaves.iter().find(|leaf| leaf.name == LeafName::Fixed(name));
        match leaf.map(|leaf| leaf.source) {
            _ if dynamic => TagSource::Odd,
            None => TagSource::Absent,
            Some(Source::Null) => TagSource::Known(known::EMPTY),
            Some(Source::Literal(range)) => TagSource::Known(self.names.of_text(range.of_str(&layout.text))),
            Some(Source::Slot(id)) => TagSource::Slot(id),
            Some(Source::Mixed(_)) => TagSource::Odd,
        }
    }
}

struct Compiler {
    layout: Layout,
}

impl Compiler {
    fn literal(&mut self, chunk: &[u8], pieces: &[Piece]) -> Range {
        let start = self.layout.text.len() as u32;
        write_pieces(chunk, pieces, &mut self.layout.text);
        Range { start, end: self.layout.text.len() as u32 }
    }

    fn source(&mut self, chunk: &[u8], pieces: &[Piece]) -> Source {
        match pieces {
            [] => Source::Null,
            [Piece::Slot(id)] => Source::Slot(*id),
            _ if !pieces.iter().any(|piece| matches!(piece, Piece::Slot(_))) => {
                Source::Literal(self.literal(chunk, pieces))
            }
            _ => {
                let start = self.layout.parts.len() as u32;
                for group in pieces.chunk_by(|a, b| !matches!(a, Piece::Slot(_)) && !matches!(b, Piece::Slot(_))) {
                    let part = match group {
                        [Piece::Slot(id)] => Part::Slot(*id),
                        _ => Part::Literal(self.literal(chunk, group)),
                    };
                    self.layout.parts.push(part);
                }
                Source::Mixed(Range { start, end: self.layout.parts.len() as u32 })
            }
        }
    }
}

impl Leaves for Compiler {
    fn leaf(&mut self, walk: &mut Walk, chunk: &[u8], leaf: &Leaf) -> Result<(), Fault> {
        let pieces = walk.pieces.get(leaf.pieces..).unwrap_or_default();
        walk.steps = walk.steps.checked_sub(pieces.len() as u32).ok_or(Fault::Spent)?;
        let source = self.source(chunk, pieces);
        if leaf.omit_empty && matches!(source, Source::Literal(range) if range.start == range.end) {
            return Ok(());
        }
        let start = self.layout.guards.len() as u32;
        // The root has nothing that it could be left out of.
        for frame in walk.frames.get(leaf.frames..).unwrap_or_default().iter().skip(1) {
            if frame.dependency != NO_DEPENDENCY {
                self.layout.guards.push(frame.dependency);
            }
        }
        let guards = Range { start, end: self.layout.guards.len() as u32 };
        let (name, inside, omit_empty) = (leaf.name, leaf.inside, leaf.omit_empty);
        self.layout.leaves.push(LayoutLeaf { name, source, guards, inside, omit_empty });
        Ok(())
    }

    fn instance(&mut self, _: &mut Walk, _: &[u8], _: Instance, _: Section) -> Result<(), Fault> {
        Err(Fault::Corrupt("its template holds a template instance"))
    }
}

/// Appends the text of literal pieces; consecutive character references may be halves of one character.
pub(super) fn write_pieces(chunk: &[u8], pieces: &[Piece], out: &mut String) -> bool {
    let mut lossy = false;
    for group in pieces.chunk_by(|a, b| matches!((a, b), (Piece::Character(_), Piece::Character(_)))) {
        if let [Piece::Raw { value_type, span }] = group {
            lossy |= write_value(*value_type & !ty::ARRAY, span.of(chunk), out);
            continue;
        }
        let units = group.iter().filter_map(|piece| match piece {
            Piece::Character(unit) => Some(*unit),
            _ => None,
        });
        for decoded in char::decode_utf16(units) {
            lossy |= decoded.is_err();
            out.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    lossy
}
