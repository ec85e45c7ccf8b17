//! Walks one BinXML stream as elements and hands its leaves (element texts and attributes) on.
//!
//! The same walk serves two purposes: reading a record's own elements, and compiling a template definition, whose texts
//! may be substitutions. Memory: the worker's stacks of frames and pieces, reused; depth is limited.

use super::names::{NameId, known};
use super::section::Section;
use super::token::{Fault, Instance, Lexer, Span, Token};
use super::value::value_type as ty;
use super::walk::Walk;

/// Deepest nesting of elements, nested streams included. Real events stay below 16.
pub(super) const DEPTH_MAX: usize = 96;

/// A part of a leaf's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A literal.
    Raw { value_type: u8, span: Span },
    /// A character, by its UTF-16 unit.
    Character(u16),
    /// A substitution.
    Slot(u16),
}

/// A leaf's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafName {
    /// Known.
    Fixed(NameId),
    /// The text of a substitution.
    Slot(u16),
}

/// A leaf as the walk finds it. Its text is `walk.pieces[pieces..]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    /// What it is called.
    pub(super) name: LeafName,
    /// Index of its first piece.
    pub(super) pieces: usize,
    /// The section of elements that may turn out to stand in its place.
    pub(super) inside: Section,
    /// Whether it is no field if it turns out to be empty.
    pub(super) omit_empty: bool,
    /// Index of the stream's first frame, for dependencies.
    pub(super) frames: usize,
}

/// An open element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    element: NameId,
    section: Section,
    inside: Section,
    /// The substitution without which the element is left out.
    pub(super) dependency: u16,
    name: Option<LeafName>,
    attribute: Option<NameId>,
    pieces: usize,
    in_start_tag: bool,
    has_children: bool,
    has_attributes: bool,
}

/// What becomes of leaves.
pub(super) trait Leaves {
    /// A leaf.
    fn leaf(&mut self, walk: &mut Walk, chunk: &[u8], leaf: &Leaf) -> Result<(), Fault>;
    /// A template instance in the place of elements.
    fn instance(&mut self, walk: &mut Walk, chunk: &[u8], instance: Instance, inside: Section) -> Result<(), Fault>;
    /// The part of the event whose elements stand in `inside` is over.
    fn ended(&mut self, inside: Section) -> Result<(), Fault> {
        let _ = inside;
        Ok(())
    }
}

impl Walk {
    /// Walks the stream `chunk[at..end]`, which stands in `section`.
    pub(super) fn tree<L: Leaves>(
        &mut self,
        chunk: &[u8],
        mut lexer: Lexer<'_>,
        section: Section,
        leaves: &mut L,
    ) -> Result<(), Fault> {
        let base = self.frames.len();
        loop {
            let token = lexer.next()?;
            self.spend(1)?;
            match token {
                Token::Open { name, dependency } => {
                    let element = self.name_at(chunk, name)?;
                    self.open(base, element, dependency, section)?;
                }
                Token::Attribute { name } => {
                    let attribute = self.name_at(chunk, name)?;
                    self.end_attribute(chunk, base, leaves)?;
                    if let Some(frame) = self.frames.last_mut() {
                        frame.attribute = Some(attribute);
                    }
                }
                Token::CloseStart => {
                    self.end_attribute(chunk, base, leaves)?;
                    if let Some(frame) = self.frames.last_mut() {
                        frame.in_start_tag = false;
                    }
                }
                Token::CloseEmpty => {
                    self.end_attribute(chunk, base, leaves)?;
                    self.close(chunk, base, leaves)?;
                }
                Token::Close => self.close(chunk, base, leaves)?,
                Token::Value { value_type, span } => self.piece(base, Piece::Raw { value_type, span })?,
                Token::Character(unit) => self.piece(base, Piece::Character(unit))?,
                Token::Entity { name } => {
                    let unit = self.entity(chunk, name)?;
                    self.piece(base, Piece::Character(unit))?;
                }
                Token::Substitution { id } => self.piece(base, Piece::Slot(id))?,
                Token::Instance(instance) => {
                    let inside = match self.frames.get_mut(base..).and_then(<[Frame]>::last_mut) {
                        Some(frame) => {
                            frame.has_children = true;
                            frame.inside
                        }
                        None => section,
                    };
                    leaves.instance(self, chunk, instance, inside)?;
                }
                Token::Other => {}
                Token::End => break,
            }
        }
        match self.frames.len() == base {
            true => Ok(()),
            false => Err(Fault::Truncated("its XML ends within an element")),
        }
    }

    fn open(&mut self, base: usize, element: NameId, dependency: u16, section: Section) -> Result<(), Fault> {
        if self.frames.len() >= DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        let section = match self.frames.get_mut(base..).and_then(<[Frame]>::last_mut) {
            Some(parent) if parent.in_start_tag => return Err(Fault::Corrupt("an element stands in a start tag")),
            Some(parent) => {
                parent.has_children = true;
                parent.inside
            }
            None => section,
        };
        self.frames.push(Frame {
            element,
            section,
            inside: section.inside(element),
            dependency,
            name: None,
            attribute: None,
            pieces: self.pieces.len(),
            in_start_tag: true,
            has_children: false,
            has_attributes: false,
        });
        Ok(())
    }

    #[inline]
    fn piece(&mut self, base: usize, piece: Piece) -> Result<(), Fault> {
        if self.frames.len() == base {
            return Err(Fault::Corrupt("a text stands outside of all elements"));
        }
        self.pieces.push(piece);
        Ok(())
    }

    /// The attribute whose text was just read, if there is one, is complete.
    fn end_attribute<L: Leaves>(&mut self, chunk: &[u8], base: usize, leaves: &mut L) -> Result<(), Fault> {
        let Some(frame) = self.frames.get_mut(base..).and_then(<[Frame]>::last_mut) else {
            return Err(Fault::Corrupt("a tag ends that never began"));
        };
        if !frame.in_start_tag {
            return Err(Fault::Corrupt("an attribute stands outside of a start tag"));
        }
        let Some(attribute) = frame.attribute.take() else { return Ok(()) };
        let (section, element, pieces, inside) = (frame.section, frame.element, frame.pieces, frame.inside);
        if attribute == known::NAME && section.names_by_attribute(element) {
            let name = match self.pieces.get(pieces..) {
                Some([Piece::Raw { value_type: ty::STRING, span }]) if span.len > 0 => {
                    Some(LeafName::Fixed(self.names.of_utf16(span.of(chunk))))
                }
                Some([Piece::Slot(id)]) => Some(LeafName::Slot(*id)),
                _ => None,
            };
            if let Some(frame) = self.frames.last_mut() {
                frame.name = name;
            }
        } else if let Some(name) = section.attribute_name(element, attribute, &mut self.names) {
            if self.pieces.len() > pieces {
                let name = LeafName::Fixed(name);
                leaves.leaf(self, chunk, &Leaf { name, pieces, inside, omit_empty: true, frames: base })?;
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.has_attributes = true;
            }
        }
        self.pieces.truncate(pieces);
        Ok(())
    }

    fn close<L: Leaves>(&mut self, chunk: &[u8], base: usize, leaves: &mut L) -> Result<(), Fault> {
        let Some(frame) = self.frames.get(base..).and_then(<[Frame]>::last).copied() else {
            return Err(Fault::Corrupt("an element ends that never began"));
        };
        let is_part = frame.inside != frame.section;
        let has_text = self.pieces.len() > frame.pieces;
        let empty_field = frame.section.shows_empty() && !is_part && !frame.has_children && !frame.has_attributes;
        if has_text && !(frame.has_children && self.is_blank(chunk, frame.pieces)) || !has_text && empty_field {
            let name = match frame.name {
                Some(LeafName::Slot(id)) => LeafName::Slot(id),
                Some(LeafName::Fixed(name)) => LeafName::Fixed(frame.section.field_name(name, &mut self.names)),
                None => LeafName::Fixed(frame.section.field_name(frame.element, &mut self.names)),
            };
            let omit_empty = !frame.section.shows_empty() || is_part || frame.has_children;
            let leaf = Leaf { name, pieces: frame.pieces, inside: frame.inside, omit_empty, frames: base };
            leaves.leaf(self, chunk, &leaf)?;
        }
        self.pieces.truncate(frame.pieces);
        self.frames.pop();
        if is_part { leaves.ended(frame.inside) } else { Ok(()) }
    }

    /// Whether the text from a piece on is only white space, such as the indentation between child elements.
    fn is_blank(&self, chunk: &[u8], pieces: usize) -> bool {
        self.pieces.get(pieces..).unwrap_or_default().iter().all(|piece| match piece {
            Piece::Raw { value_type: ty::STRING, span } => {
                span.of(chunk).as_chunks::<2>().0.iter().all(|[low, high]| *high == 0 && low.is_ascii_whitespace())
            }
            Piece::Character(unit) => matches!(unit, 9 | 10 | 13 | 32),
            _ => false,
        })
    }

    /// The character of one of XML's five entities.
    fn entity(&mut self, chunk: &[u8], name: u32) -> Result<u16, Fault> {
        let id = self.name_at(chunk, name)?;
        let character = match self.names.text(id) {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return Err(Fault::Corrupt("an entity in it is none of XML's five")),
        };
        Ok(character as u16)
    }
}
