//! The wire format of protocol buffers, read field by field at any place of a file: two gigabytes of weights in a
//! length-delimited field are stepped over, not read.

use crate::scan::Bytes;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Wire type 0.
    Varint(u64),
    /// Wire types 1 and 5.
    Fixed(u64),
    /// Wire type 2: where the bytes lie.
    Span(Span),
}

/// A range of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u64,
    pub len: u64,
}

impl Span {
    /// The whole of some bytes.
    pub(crate) fn whole(bytes: &dyn Bytes) -> Self {
        Self { start: 0, len: bytes.len() }
    }

    pub(crate) fn end(self) -> u64 {
        self.start + self.len
    }

    /// The bytes, if there are no more than `max`.
    pub(crate) fn bytes(self, file: &dyn Bytes, max: usize) -> Option<Vec<u8>> {
        let len = usize::try_from(self.len).ok().filter(|&len| len <= max)?;
        let bytes = file.window(self.start, len);
        (bytes.len() == len).then_some(bytes)
    }

    /// The text, if it is one and no longer than `max`.
    pub(crate) fn text(self, file: &dyn Bytes, max: usize) -> Option<String> {
        String::from_utf8(self.bytes(file, max)?).ok()
    }
}

/// The wire is broken at this offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub u64);

/// Bytes that are read at once: headers of fields are small and lie close together.
const WINDOW: usize = 16 << 10;

/// Reads the fields of one message after another, with a window that is shared by all of them.
pub(crate) struct Fields<'a> {
    file: &'a dyn Bytes,
    window: Vec<u8>,
    window_start: u64,
    at: u64,
    end: u64,
}

impl<'a> Fields<'a> {
    /// The fields of the message in a span.
    pub(crate) fn new(file: &'a dyn Bytes, span: Span) -> Self {
        Self { file, window: Vec::new(), window_start: 0, at: span.start, end: span.end().min(file.len()) }
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        if self.at >= self.end {
            return Err(Broken(self.at));
        }
        let inside = self.at.checked_sub(self.window_start).and_then(|at| usize::try_from(at).ok());
        let byte = match inside.and_then(|at| self.window.get(at).copied()) {
            Some(byte) => byte,
            None => {
                self.window =
                    self.file.window(self.at, WINDOW.min(usize::try_from(self.end - self.at).unwrap_or(WINDOW)));
                self.window_start = self.at;
                self.window.first().copied().ok_or(Broken(self.at))?
            }
        };
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let from = self.at;
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift < 64 {
                value |= u64::from(byte & 0x7f) << shift;
            }
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken(from))
    }

    fn fixed(&mut self, bytes: u32) -> Result<u64, Broken> {
        let mut value = 0;
        for place in 0..bytes {
            value |= u64::from(self.byte()?) << (8 * place);
        }
        Ok(value)
    }
}

impl Iterator for Fields<'_> {
    type Item = Result<(u64, Wire), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let from = self.at;
        let read = (|| {
            let key = self.varint()?;
            let number = key >> 3;
            let wire = match key & 7 {
                0 => Wire::Varint(self.varint()?),
                1 => Wire::Fixed(self.fixed(8)?),
                2 => {
                    let len = self.varint()?;
                    let start = self.at;
                    self.at = start.checked_add(len).filter(|&next| next <= self.end).ok_or(Broken(from))?;
                    Wire::Span(Span { start, len })
                }
                5 => Wire::Fixed(self.fixed(4)?),
                _ => return Err(Broken(from)),
            };
            match number {
                0 => Err(Broken(from)),
                _ => Ok((number, wire)),
            }
        })();
        if read.is_err() {
            self.at = self.end;
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_stepped_over_and_lies_are_broken() {
        let bytes = b"\x08\x96\x01\x12\x03abc\x1d\x01\x00\x00\x00".to_vec();
        let fields: Vec<_> = Fields::new(&bytes, Span::whole(&bytes)).collect();
        assert_eq!(
            fields,
            [Ok((1, Wire::Varint(150))), Ok((2, Wire::Span(Span { start: 5, len: 3 }))), Ok((3, Wire::Fixed(1))),]
        );
        for bad in [
            &b"\x12\x7fabc"[..],
            b"\x0b",
            b"\x00\x00",
            b"\x08",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            let bad = bad.to_vec();
            assert!(Fields::new(&bad, Span::whole(&bad)).any(|field| field.is_err()), "{bad:?}");
        }
    }
}
