//! BinXML tokens ([MS-EVEN6] 2.2.12 and 3.1.4.7): a bounded lexer over one chunk's bytes.
//!
//! Everything is an offset into the chunk. A lexer never reads past the end of the stream it was given, never allocates,
//! and moves on by at least one byte a token.

/// Why a record's BinXML could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The stream, the record or the chunk ends too early.
    Truncated(&'static str),
    /// The bytes break the format's rules.
    Corrupt(&'static str),
    /// Nested deeper than the limit.
    TooDeep,
    /// The chunk's budget of steps is spent.
    Spent,
    /// Not a fault: the visitor has seen enough.
    Stop,
}

/// "No dependency" in an element's start.
pub(super) const NO_DEPENDENCY: u16 = 0xffff;

/// Longest element or attribute name, in UTF-16 units. Those of Windows stay below 64.
const NAME_UNITS_MAX: usize = 512;

/// A place in the chunk's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte.
    pub(super) at: u32,
    /// Bytes.
    pub(super) len: u32,
}

impl Span {
    /// The bytes meant.
    #[inline]
    pub(super) fn of(self, chunk: &[u8]) -> &[u8] {
        chunk.get(self.at as usize..self.at as usize + self.len as usize).unwrap_or_default()
    }
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// End of the stream.
    End,
    /// `<name`; the name by its offset, and the substitution without which the element is left out.
    Open { name: u32, dependency: u16 },
    /// `>` of a start tag.
    CloseStart,
    /// `/>`.
    CloseEmpty,
    /// `</name>`.
    Close,
    /// Literal text.
    Value { value_type: u8, span: Span },
    /// Attribute name.
    Attribute { name: u32 },
    /// Character reference.
    Character(u16),
    /// Entity reference (`amp`, `lt` …).
    Entity { name: u32 },
    /// A substitution by its index.
    Substitution { id: u16 },
    /// A template instance.
    Instance(Instance),
    /// A processing instruction or a fragment header: nothing to see.
    Other,
}

/// A template instance: which definition, and where its values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    /// Offset of the definition in the chunk.
    pub(super) definition: u32,
    /// Offset of the value descriptors (four bytes each: size, type, 0).
    pub(super) descriptors: u32,
    /// How many there are.
    pub(super) count: u32,
    /// Offset of the first byte after the values.
    pub(super) end: u32,
}

/// The lexer.
pub(super) struct Lexer<'c> {
    chunk: &'c [u8],
    at: usize,
    end: usize,
    /// Whether element starts carry a dependency: those of template definitions do.
    dependencies: bool,
}

impl<'c> Lexer<'c> {
    /// Reads `chunk[at..end]`.
    pub(super) fn new(chunk: &'c [u8], at: usize, end: usize, dependencies: bool) -> Self {
        Self { chunk, at, end: end.min(chunk.len()), dependencies }
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.chunk.get(self.at..self.end).and_then(|rest| rest.first_chunk::<N>());
        self.at += N;
        bytes.copied().ok_or(Fault::Truncated("its XML ends in the middle"))
    }

    #[inline]
    fn u16(&mut self) -> Result<u16, Fault> {
        self.take().map(u16::from_le_bytes)
    }

    #[inline]
    fn u32(&mut self) -> Result<u32, Fault> {
        self.take().map(u32::from_le_bytes)
    }

    /// `count` bytes.
    #[inline]
    fn span(&mut self, count: usize) -> Result<Span, Fault> {
        if count > self.end.saturating_sub(self.at) {
            return Err(Fault::Truncated("a text in it is longer than the record"));
        }
        let span = Span { at: self.at as u32, len: count as u32 };
        self.at += count;
        Ok(span)
    }

    /// A name reference; where the name itself follows (its first use in the chunk), it is skipped.
    #[inline]
    fn name(&mut self) -> Result<u32, Fault> {
        let offset = self.u32()?;
        if offset as usize == self.at {
            let (_next, _hash) = (self.u32()?, self.u16()?);
            let units = usize::from(self.u16()?);
            self.span(units * 2 + 2)?;
        }
        Ok(offset)
    }

    /// The next token; [`Token::End`] at the end of the bytes too.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Token, Fault> {
        if self.at >= self.end {
            return Ok(Token::End);
        }
        let [token] = self.take()?;
        Ok(match token {
            0x00 => Token::End,
            0x01 | 0x41 => {
                let dependency = if self.dependencies { self.u16()? } else { NO_DEPENDENCY };
                let _element_bytes = self.u32()?;
                let name = self.name()?;
                if token & 0x40 != 0 {
                    let _attribute_bytes = self.u32()?;
                }
                Token::Open { name, dependency }
            }
            0x02 => Token::CloseStart,
            0x03 => Token::CloseEmpty,
            0x04 => Token::Close,
            0x05 | 0x45 => self.value()?,
            0x06 | 0x46 => Token::Attribute { name: self.name()? },
            0x07 | 0x47 => {
                let units = usize::from(self.u16()?);
                Token::Value { value_type: super::value::value_type::STRING, span: self.span(units * 2)? }
            }
            0x08 | 0x48 => Token::Character(self.u16()?),
            0x09 | 0x49 => Token::Entity { name: self.name()? },
            0x0a => {
                self.name()?;
                Token::Other
            }
            0x0b => {
                let units = usize::from(self.u16()?);
                self.span(units * 2)?;
                Token::Other
            }
            0x0c => Token::Instance(self.instance()?),
            0x0d | 0x0e => {
                let id = self.u16()?;
                let _value_type = self.take::<1>()?;
                Token::Substitution { id }
            }
            0x0f => {
                self.take::<3>()?;
                Token::Other
            }
            _ => return Err(Fault::Corrupt("a byte in it is no BinXML token")),
        })
    }

    fn value(&mut self) -> Result<Token, Fault> {
        use super::value::value_type as ty;
        let [value_type] = self.take()?;
        let width = match value_type {
            ty::NULL => 0,
            ty::STRING => usize::from(self.u16()?) * 2,
            ty::INT8 | ty::UINT8 => 1,
            ty::INT16 | ty::UINT16 => 2,
            ty::INT32 | ty::UINT32 | ty::REAL32 | ty::BOOL | ty::HEX32 => 4,
            ty::INT64 | ty::UINT64 | ty::REAL64 | ty::HEX64 | ty::FILETIME => 8,
            ty::GUID | ty::SYSTEMTIME => 16,
            _ => return Err(Fault::Corrupt("a literal in it has a type that literals cannot have")),
        };
        Ok(Token::Value { value_type, span: self.span(width)? })
    }

    fn instance(&mut self) -> Result<Instance, Fault> {
        let _version = self.take::<1>()?;
        let _template_id = self.u32()?;
        let definition = self.u32()?;
        // The first instance in a chunk carries the definition.
        if definition as usize == self.at {
            let _next = self.u32()?;
            let _guid = self.take::<16>()?;
            let bytes = self.u32()? as usize;
            self.span(bytes)?;
        }
        let count = self.u32()?;
        let descriptors = self.at as u32;
        let table = (count as usize).checked_mul(4).ok_or(Fault::Truncated("it has more values than bytes"))?;
        let table = self.span(table)?;
        let mut bytes = 0_usize;
        for [low, high, _, _] in table.of(self.chunk).as_chunks::<4>().0 {
            bytes += usize::from(u16::from_le_bytes([*low, *high]));
        }
        if bytes > self.end.saturating_sub(self.at) {
            return Err(Fault::Truncated("its values are longer than the record"));
        }
        self.at += bytes;
        Ok(Instance { definition, descriptors, count, end: self.at as u32 })
    }
}

/// A template definition's body as a stream (start, end), from its offset in the chunk.
pub(super) fn definition_body(chunk: &[u8], offset: u32) -> Result<(usize, usize), Fault> {
    // Next definition's offset (4), GUID (16), bytes of the body (4).
    let at = offset as usize;
    let size = chunk.get(at..).and_then(|rest| rest.get(20..24)).and_then(|size| size.first_chunk::<4>());
    let size = size.ok_or(Fault::Truncated("its template lies outside of the chunk"))?;
    let body = at + 24;
    let end = body + u32::from_le_bytes(*size) as usize;
    if end > chunk.len() {
        return Err(Fault::Truncated("its template is cut by the chunk's end"));
    }
    Ok((body, end))
}

/// The UTF-16 bytes of a name by its offset: link (4), hash (2), units (2), text.
#[inline]
pub(super) fn name_at(chunk: &[u8], offset: u32) -> Result<&[u8], Fault> {
    let rest = chunk.get(offset as usize..).and_then(|rest| rest.get(6..));
    let (units, rest) = rest
        .and_then(|rest| rest.split_first_chunk::<2>())
        .ok_or(Fault::Truncated("a name lies outside of the chunk"))?;
    let units = usize::from(u16::from_le_bytes(*units));
    if units > NAME_UNITS_MAX {
        return Err(Fault::Corrupt("a name in it is too long to be one"));
    }
    rest.get(..units * 2).ok_or(Fault::Truncated("a name is cut by the chunk's end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(bytes: &[u8], dependencies: bool) -> Result<Vec<Token>, Fault> {
        let mut lexer = Lexer::new(bytes, 0, bytes.len(), dependencies);
        let mut out = Vec::new();
        loop {
            match lexer.next()? {
                Token::End => return Ok(out),
                token => out.push(token),
            }
        }
    }

    #[test]
    fn an_element_with_a_text_is_five_tokens() {
        let bytes =
            [0x0f, 1, 1, 0, 0x01, 9, 0, 0, 0, 0x77, 0, 0, 0, 0x02, 0x05, 1, 1, 0, b'x', 0, 0x0d, 3, 0, 1, 0x04, 0x00];
        let span = Span { at: 18, len: 2 };
        let expected = [
            Token::Other,
            Token::Open { name: 0x77, dependency: NO_DEPENDENCY },
            Token::CloseStart,
            Token::Value { value_type: 1, span },
            Token::Substitution { id: 3 },
            Token::Close,
        ];
        assert_eq!(tokens(&bytes, false).unwrap(), expected);
    }

    #[test]
    fn what_is_cut_or_unknown_is_a_fault() {
        for (bytes, fault) in [
            (&[0x33][..], Fault::Corrupt("a byte in it is no BinXML token")),
            (&[0x01, 0, 0], Fault::Truncated("its XML ends in the middle")),
            (&[0x05, 1, 9, 0, b'x', 0], Fault::Truncated("a text in it is longer than the record")),
            (&[0x05, 0x21, 9, 0], Fault::Corrupt("a literal in it has a type that literals cannot have")),
            (
                &[0x0c, 1, 0, 0, 0, 0, 9, 9, 9, 9, 0xff, 0xff, 0xff, 0xff],
                Fault::Truncated("a text in it is longer than the record"),
            ),
            (
                &[0x0c, 1, 0, 0, 0, 0, 9, 9, 9, 9, 1, 0, 0, 0, 5, 0, 1, 0],
                Fault::Truncated("its values are longer than the record"),
            ),
        ] {
            assert_eq!(tokens(bytes, false), Err(fault), "{bytes:?}");
        }
        assert_eq!(definition_body(&[0; 10], 0), Err(Fault::Truncated("its template lies outside of the chunk")));
        assert_eq!(name_at(&[0xff; 16], 0), Err(Fault::Corrupt("a name in it is too long to be one")));
    }
}
