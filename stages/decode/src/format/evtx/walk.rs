//! One record's leaves, from templates and from plain elements alike, for whoever visits them.
//!
//! [`Walk`] is a worker's memory: names and layouts live across chunks, offsets into a chunk only within it. All work is
//! paid for from a budget of steps a chunk ([`STEPS_MAX`]), so that a crafted chunk (templates over templates, one value
//! in thousands of places) costs no more than a bounded multiple of an honest one.

use rustc_hash::FxHashMap;

use super::layout::{LAYOUT_BYTES_MAX, Layout, Part, Range, Source, write_pieces};
use super::names::{NameId, Names, known};
use super::section::Section;
use super::token::{Fault, Instance, Lexer, Span, Token, name_at};
use super::tree::{Frame, Leaf, LeafName, Leaves, Piece};
use super::value::{items, value_type as ty, write_value};

/// Steps (tokens, leaves, 16 bytes of text) that one chunk may cost. A chunk of 64 KiB has at most 65,536 tokens; dense
/// honest chunks cost about 20,000 steps a pass.
const STEPS_MAX: u32 = 1 << 19;

/// Deepest nesting of streams and templates. Real events have two.
const STREAMS_MAX: u32 = 16;

/// A leaf's value as a visitor gets it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// A typed value; not an array.
    Raw { value_type: u8, bytes: &'a [u8] },
    /// Text.
    Text(&'a str),
}

impl Value<'_> {
    const NULL: Value<'static> = Value::Raw { value_type: ty::NULL, bytes: &[] };
}

/// Whoever looks at a record's leaves.
pub(super) trait Visitor {
    /// Whether leaves of this name are of any use; if not, they may be passed over.
    fn wants(&mut self, names: &Names, name: NameId) -> bool {
        let _ = (names, name);
        true
    }
    /// A leaf. [`Fault::Stop`] ends the walk.
    fn leaf(&mut self, names: &mut Names, name: NameId, value: Value<'_>) -> Result<(), Fault>;
    /// A part of the event that is written out in the record (not in a template) is over.
    fn ended(&mut self, section: Section) -> Result<(), Fault> {
        let _ = section;
        Ok(())
    }
}

/// A substitution's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) value_type: u8,
    pub(super) span: Span,
}

impl Slot {
    const NULL: Self = Self { value_type: ty::NULL, span: Span { at: 0, len: 0 } };
}

/// A worker's memory.
pub(super) struct Walk {
    /// Interned names.
    pub(super) names: Names,
    /// Compiled templates, and where to find them.
    pub(super) layouts: Vec<Layout>,
    pub(super) layout_bytes: usize,
    pub(super) by_form: FxHashMap<Box<[u8]>, u32>,
    pub(super) by_definition: FxHashMap<(u32, Section), u32>,
    by_offset: FxHashMap<u32, NameId>,
    pub(super) canonical: Vec<u8>,
    /// Values of the template instances that are being visited, outermost first.
    values: Vec<Slot>,
    pub(super) frames: Vec<Frame>,
    pub(super) pieces: Vec<Piece>,
    scratch: String,
    streams: u32,
    /// What is left of the budget.
    pub(super) steps: u32,
}

impl Walk {
    /// With nothing learnt.
    pub(super) fn new() -> Self {
        Self {
            names: Names::new(),
            layouts: Vec::new(),
            layout_bytes: 0,
            by_form: FxHashMap::default(),
            by_definition: FxHashMap::default(),
            by_offset: FxHashMap::default(),
            canonical: Vec::new(),
            values: Vec::new(),
            frames: Vec::new(),
            pieces: Vec::new(),
            scratch: String::new(),
            streams: 0,
            steps: STEPS_MAX,
        }
    }

    /// Whether so much was learnt that the owner must begin anew.
    pub(super) fn is_full(&self) -> bool {
        self.names.is_full() || self.layout_bytes > LAYOUT_BYTES_MAX
    }

    /// A new chunk: its offsets mean other things.
    pub(super) fn begin_chunk(&mut self) {
        self.by_definition.clear();
        self.by_offset.clear();
        self.steps = STEPS_MAX;
    }

    /// A new record, or a new look at one.
    pub(super) fn begin_record(&mut self) {
        self.values.clear();
        self.frames.clear();
        self.pieces.clear();
        self.streams = 0;
    }

    /// Runs `work` on a budget of its own.
    pub(super) fn apart<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let left = std::mem::replace(&mut self.steps, STEPS_MAX);
        self.begin_record();
        let result = work(self);
        self.steps = left;
        result
    }

    /// Pays for work.
    #[inline]
    pub(super) fn spend(&mut self, steps: u32) -> Result<(), Fault> {
        self.steps = self.steps.checked_sub(steps).ok_or(Fault::Spent)?;
        Ok(())
    }

    /// The name at an offset of the chunk.
    #[inline]
    pub(super) fn name_at(&mut self, chunk: &[u8], offset: u32) -> Result<NameId, Fault> {
        if let Some(id) = self.by_offset.get(&offset) {
            return Ok(*id);
        }
        let id = self.names.of_utf16(name_at(chunk, offset)?);
        self.by_offset.insert(offset, id);
        Ok(id)
    }

    /// Visits the leaves of the stream `chunk[at..end]`, whose roots stand in `section`.
    pub(super) fn stream<V: Visitor>(
        &mut self,
        chunk: &[u8],
        at: usize,
        end: usize,
        section: Section,
        visitor: &mut V,
    ) -> Result<(), Fault> {
        self.streams += 1;
        if self.streams > STREAMS_MAX {
            return Err(Fault::TooDeep);
        }
        self.tree(chunk, Lexer::new(chunk, at, end, false), section, &mut Direct { visitor })?;
        self.streams -= 1;
        Ok(())
    }

    /// The single template instance that a record's stream is made of, if that is its shape: fragment header, instance,
    /// end.
    pub(super) fn only_instance(chunk: &[u8], at: usize, end: usize) -> Result<Option<Instance>, Fault> {
        let mut lexer = Lexer::new(chunk, at, end, false);
        if chunk.get(at) != Some(&0x0f) || chunk.get(at + 4) != Some(&0x0c) {
            return Ok(None);
        }
        lexer.next()?;
        let Token::Instance(instance) = lexer.next()? else { return Ok(None) };
        Ok((lexer.next()? == Token::End).then_some(instance))
    }

    /// Whether values are [loaded](Walk::load).
    pub(super) fn has_values(&self) -> bool {
        !self.values.is_empty()
    }

    /// Puts an instance's values on the stack; returns where they begin.
    #[inline]
    pub(super) fn load(&mut self, chunk: &[u8], instance: Instance) -> Result<usize, Fault> {
        let base = self.values.len();
        self.spend(instance.count)?;
        let table = Span { at: instance.descriptors, len: instance.count * 4 };
        let mut at = instance.descriptors + instance.count * 4;
        self.values.extend(table.of(chunk).as_chunks::<4>().0.iter().map(|[low, high, value_type, _]| {
            let len = u32::from(u16::from_le_bytes([*low, *high]));
            let span = Span { at, len };
            at += len;
            Slot { value_type: *value_type, span }
        }));
        Ok(base)
    }

    /// A loaded value.
    #[inline]
    pub(super) fn slot(&self, base: usize, id: u16) -> Option<Slot> {
        self.values.get(base + usize::from(id)).copied()
    }

    /// Visits an instance's leaves. Its values were [loaded](Walk::load) at `base`.
    pub(super) fn instance<V: Visitor>(
        &mut self,
        chunk: &[u8],
        layout: usize,
        base: usize,
        visitor: &mut V,
    ) -> Result<(), Fault> {
        let count = self.layouts.get(layout).map_or(0, |layout| layout.leaves.len());
        self.spend(count as u32)?;
        for at in 0..count {
            let Some(compiled) = self.layouts.get(layout) else { break };
            let Some(leaf) = compiled.leaves.get(at) else { break };
            // Most leaves of most records are passed over here.
            if let LeafName::Fixed(name) = leaf.name
                && !visitor.wants(&self.names, name)
                && !self.is_nested(base, leaf.source)
            {
                continue;
            }
            let leaf = *leaf;
            let is_null = |id: &u16| self.slot(base, *id).is_some_and(|slot| slot.value_type == ty::NULL);
            if leaf.guards.of(&compiled.guards).iter().any(is_null) {
                continue;
            }
            let name = match leaf.name {
                LeafName::Fixed(name) => name,
                LeafName::Slot(id) => {
                    let name = self.dynamic_name(chunk, base, id);
                    leaf.inside.field_name(name, &mut self.names)
                }
            };
            match leaf.source {
                Source::Literal(range) => {
                    let text = self.layouts.get(layout).map_or("", |layout| range.of_str(&layout.text));
                    visitor.leaf(&mut self.names, name, Value::Text(text))?;
                }
                Source::Null => visitor.leaf(&mut self.names, name, Value::NULL)?,
                Source::Slot(id) => {
                    let slot = self.slot(base, id).unwrap_or(Slot::NULL);
                    self.value(chunk, slot, name, leaf.inside, leaf.omit_empty, visitor)?;
                }
                Source::Mixed(range) => self.mixed(chunk, (layout, range), base, (name, leaf.inside), visitor)?,
            }
        }
        Ok(())
    }

    /// Whether a nested stream may stand in a leaf's place.
    #[inline]
    fn is_nested(&self, base: usize, source: Source) -> bool {
        match source {
            Source::Slot(id) => self.slot(base, id).is_some_and(|slot| slot.value_type == ty::BINXML),
            Source::Mixed(_) => true,
            Source::Null | Source::Literal(_) => false,
        }
    }

    /// Visits one substitution: a value, the items of an array, or a nested stream.
    #[inline]
    fn value<V: Visitor>(
        &mut self,
        chunk: &[u8],
        slot: Slot,
        name: NameId,
        inside: Section,
        omit_empty: bool,
        visitor: &mut V,
    ) -> Result<(), Fault> {
        let bytes = slot.span.of(chunk);
        if slot.value_type == ty::BINXML {
            if bytes.is_empty() {
                return if omit_empty { Ok(()) } else { visitor.leaf(&mut self.names, name, Value::NULL) };
            }
            let at = slot.span.at as usize;
            return self.stream(chunk, at, at + bytes.len(), inside, visitor);
        }
        if omit_empty && is_empty(slot.value_type, bytes) {
            return Ok(());
        }
        if slot.value_type & ty::ARRAY != 0 {
            if bytes.is_empty() {
                return visitor.leaf(&mut self.names, name, Value::NULL);
            }
            for (value_type, bytes) in items(slot.value_type, bytes) {
                self.spend(1)?;
                visitor.leaf(&mut self.names, name, Value::Raw { value_type, bytes })?;
            }
            return Ok(());
        }
        self.spend(slot.span.len / 16)?;
        visitor.leaf(&mut self.names, name, Value::Raw { value_type: slot.value_type, bytes })
    }

    /// Visits a text made of several parts.
    fn mixed<V: Visitor>(
        &mut self,
        chunk: &[u8],
        (layout, range): (usize, Range),
        base: usize,
        (name, inside): (NameId, Section),
        visitor: &mut V,
    ) -> Result<(), Fault> {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let count = self.layouts.get(layout).map_or(0, |layout| range.of(&layout.parts).len());
        let mut nested = None;
        for at in 0..count {
            let Some(layout) = self.layouts.get(layout) else { break };
            match range.of(&layout.parts).get(at) {
                Some(Part::Literal(literal)) => text.push_str(literal.of_str(&layout.text)),
                Some(Part::Slot(id)) => match self.slot(base, *id) {
                    Some(slot) if slot.value_type == ty::BINXML => nested = nested.or(Some(slot)),
                    Some(slot) => {
                        self.steps = self.steps.checked_sub(slot.span.len / 16).ok_or(Fault::Spent)?;
                        write_joined(slot.value_type, slot.span.of(chunk), &mut text);
                    }
                    None => {}
                },
                None => {}
            }
        }
        let seen = visitor.leaf(&mut self.names, name, Value::Text(&text));
        self.scratch = text;
        seen?;
        match nested {
            Some(slot) => self.value(chunk, slot, name, inside, true, visitor),
            None => Ok(()),
        }
    }

    /// The name that a substitution holds; `Data` if it holds none.
    fn dynamic_name(&mut self, chunk: &[u8], base: usize, id: u16) -> NameId {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        if let Some(slot) = self.slot(base, id) {
            write_joined(slot.value_type, slot.span.of(chunk), &mut text);
        }
        let name = if text.is_empty() { known::DATA } else { self.names.of_text(&text) };
        self.scratch = text;
        name
    }
}

/// Whether a value shows as nothing.
#[inline]
fn is_empty(value_type: u8, bytes: &[u8]) -> bool {
    bytes.is_empty() || value_type == ty::NULL || value_type == ty::STRING && bytes.starts_with(&[0, 0])
}

/// Appends a value; an array's items with commas between.
fn write_joined(value_type: u8, bytes: &[u8], out: &mut String) {
    if value_type & ty::ARRAY == 0 {
        write_value(value_type, bytes, out);
        return;
    }
    for (at, (item_type, item)) in items(value_type, bytes).enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_value(item_type, item, out);
    }
}

/// Visits leaves that stand in the record itself.
struct Direct<'v, V> {
    visitor: &'v mut V,
}

impl<V: Visitor> Leaves for Direct<'_, V> {
    #[inline]
    fn leaf(&mut self, walk: &mut Walk, chunk: &[u8], leaf: &Leaf) -> Result<(), Fault> {
        let LeafName::Fixed(name) = leaf.name else {
            return Err(Fault::Corrupt("a substitution stands outside of a template"));
        };
        match walk.pieces.get(leaf.pieces..).unwrap_or_default() {
            [] => self.visitor.leaf(&mut walk.names, name, Value::NULL),
            [Piece::Raw { value_type, span }] => {
                let (value_type, span) = (*value_type, *span);
                if leaf.omit_empty && is_empty(value_type, span.of(chunk)) {
                    return Ok(());
                }
                walk.spend(span.len / 16)?;
                self.visitor.leaf(&mut walk.names, name, Value::Raw { value_type, bytes: span.of(chunk) })
            }
            pieces => {
                if pieces.iter().any(|piece| matches!(piece, Piece::Slot(_))) {
                    return Err(Fault::Corrupt("a substitution stands outside of a template"));
                }
                let mut text = std::mem::take(&mut walk.scratch);
                text.clear();
                write_pieces(chunk, pieces, &mut text);
                let seen = self.visitor.leaf(&mut walk.names, name, Value::Text(&text));
                walk.scratch = text;
                seen
            }
        }
    }

    fn instance(&mut self, walk: &mut Walk, chunk: &[u8], instance: Instance, inside: Section) -> Result<(), Fault> {
        let layout = walk.layout_of(chunk, instance.definition, inside)?;
        let base = walk.load(chunk, instance)?;
        walk.streams += 1;
        if walk.streams > STREAMS_MAX {
            return Err(Fault::TooDeep);
        }
        walk.instance(chunk, layout, base, self.visitor)?;
        walk.streams -= 1;
        walk.values.truncate(base);
        Ok(())
    }

    #[inline]
    fn ended(&mut self, inside: Section) -> Result<(), Fault> {
        self.visitor.ended(inside)
    }
}
