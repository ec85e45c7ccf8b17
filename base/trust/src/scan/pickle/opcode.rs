//! Pickle's operation codes, protocols 0 to 5: where each argument begins and how long it is. Nothing is decoded that
//! nobody asks for: texts and bytes stay where they are and are known by place and length, so a stream of gigabytes costs
//! its operation codes.
//!
//! Source: the comments of CPython's `Lib/pickletools.py` (format, not code).

use crate::scan::Bytes;

/// Bytes that are read at once.
const WINDOW: usize = 64 << 10;
/// Bytes of a line (arguments of protocol 0) that are looked through for its end. CPython knows no limit; numbers and
/// names of real models have tens of bytes, texts some thousands.
const LINE_MAX: u64 = 16 << 20;
/// Digits of a number that are parsed; larger numbers are inert data.
const DIGITS_MAX: u64 = 20;

/// How the bytes of a text become characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// UTF-8 (`BINUNICODE` and its kin).
    Utf8,
    /// One byte a character (`BINSTRING`, and bytes read as text).
    Latin,
    /// A quoted Python 2 string (`STRING`).
    Quoted,
    /// `raw-unicode-escape` (`UNICODE`).
    Escaped,
}

/// An argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arg {
    /// None.
    No,
    /// A number, as an index, a code or a value.
    Int(i64),
    /// A number that is too large to matter.
    Big,
    /// A text: place and length.
    Text(u64, u64, Form),
    /// Bytes: place and length.
    Bytes(u64, u64),
    /// Two lines: module and name.
    Pair((u64, u64), (u64, u64)),
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    /// Its place.
    pub at: u64,
    /// Its byte.
    pub code: u8,
    /// Its argument.
    pub arg: Arg,
}

/// Why there is no next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end here.
    End,
    /// The argument goes on past the end of the bytes.
    Truncated,
    /// No operation has this byte.
    NoCode(u8),
    /// The argument is of no known form.
    BadArgument,
}

/// Reads operations one after the other.
pub(super) struct Reader<'a> {
    bytes: &'a dyn Bytes,
    len: u64,
    /// Where the next operation begins.
    pub at: u64,
    window: Vec<u8>,
    start: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a dyn Bytes, at: u64) -> Self {
        Self { bytes, len: bytes.len(), at, window: Vec::new(), start: 0 }
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes that are read.
    pub(super) fn bytes(&self) -> &'a dyn Bytes {
        self.bytes
    }

    /// Up to `many` bytes at a place; the window is filled again where it does not hold them.
    fn view(&mut self, at: u64, many: usize) -> &[u8] {
        let inside = at >= self.start && at + many as u64 <= self.start + self.window.len() as u64;
        if !inside {
            let many = many.max(WINDOW).min(usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX));
            self.window.resize(many, 0);
            let read = self.bytes.read_at(at, &mut self.window).unwrap_or(0);
            self.window.truncate(read);
            self.start = at;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        let to = from.saturating_add(many).min(self.window.len());
        self.window.get(from..to).unwrap_or_default()
    }

    /// The first bytes at a place, for a look.
    pub(super) fn peek(&mut self, at: u64, many: usize) -> &[u8] {
        self.view(at, many)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let at = self.at;
        let bytes = self.view(at, N).try_into().map_err(|_| Stop::Truncated)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn span(&mut self, len: u64) -> Result<(u64, u64), Stop> {
        let at = self.at;
        match at.checked_add(len) {
            Some(end) if end <= self.len => {
                self.at = end;
                Ok((at, len))
            }
            _ => Err(Stop::Truncated),
        }
    }

    /// A line without its end.
    fn line(&mut self) -> Result<(u64, u64), Stop> {
        let start = self.at;
        let mut at = start;
        while at - start < LINE_MAX {
            let many = if at == start { 256 } else { WINDOW };
            let view = self.view(at, many);
            if view.is_empty() {
                break;
            }
            match memchr::memchr(b'\n', view) {
                Some(found) => {
                    let end = at + found as u64;
                    self.at = end + 1;
                    return Ok((start, end - start));
                }
                None => at += view.len() as u64,
            }
        }
        Err(Stop::Truncated)
    }

    fn text(&mut self, len: u64, form: Form) -> Result<Arg, Stop> {
        self.span(len).map(|(at, len)| Arg::Text(at, len, form))
    }

    fn blob(&mut self, len: u64) -> Result<Arg, Stop> {
        self.span(len).map(|(at, len)| Arg::Bytes(at, len))
    }

    fn number(&mut self, long: bool) -> Result<Arg, Stop> {
        let (at, len) = self.line()?;
        if len > DIGITS_MAX {
            let view = self.view(at, 64);
            return if view
                .iter()
                .take(usize::try_from(len).unwrap_or(64))
                .all(|byte| b"-+0123456789 _Lx.eE".contains(byte))
            {
                Ok(Arg::Big)
            } else {
                Err(Stop::BadArgument)
            };
        }
        let text = String::from_utf8_lossy(self.view(at, usize::try_from(len).unwrap_or(0))).into_owned();
        let text = text.trim();
        let text = if long { text.strip_suffix('L').unwrap_or(text) } else { text };
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        match hex.map_or_else(|| text.parse(), |hex| i64::from_str_radix(hex, 16)) {
            Ok(number) => Ok(Arg::Int(number)),
            Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b"-+_".contains(&byte)) => {
                Ok(Arg::Big)
            }
            Err(_) => Err(Stop::BadArgument),
        }
    }

    fn little(&mut self, len: u64) -> Result<Arg, Stop> {
        let (at, len) = self.span(len)?;
        if len > 8 {
            return Ok(Arg::Big);
        }
        let view = self.view(at, usize::try_from(len).unwrap_or(0));
        let mut bytes = [if view.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 }; 8];
        bytes.iter_mut().zip(view).for_each(|(to, from)| *to = *from);
        Ok(Arg::Int(i64::from_le_bytes(bytes)))
    }

    /// The next operation.
    pub(super) fn next(&mut self) -> Result<Op, Stop> {
        let at = self.at;
        if at >= self.len {
            return Err(Stop::End);
        }
        let [code] = self.take::<1>().map_err(|_| Stop::End)?;
        let arg = self.argument(code).inspect_err(|_| self.at = at)?;
        Ok(Op { at, code, arg })
    }

    fn argument(&mut self, code: u8) -> Result<Arg, Stop> {
        let one = |reader: &mut Self| reader.take::<1>().map(|[byte]| u64::from(byte));
        let four = |reader: &mut Self| reader.take().map(|bytes| u64::from(u32::from_le_bytes(bytes)));
        let eight = |reader: &mut Self| reader.take().map(u64::from_le_bytes);
        let int = |number: u64| Arg::Int(i64::try_from(number).unwrap_or(i64::MAX));
        Ok(match code {
            b'('
            | b'.'
            | b'0'
            | b'1'
            | b'2'
            | b'N'
            | b'R'
            | b'a'
            | b'b'
            | b'd'
            | b'}'
            | b'e'
            | b'l'
            | b']'
            | b'o'
            | b's'
            | b't'
            | b')'
            | b'u'
            | b'Q'
            | 0x81
            | 0x85..=0x89
            | 0x8f..=0x94
            | 0x97
            | 0x98 => Arg::No,
            b'F' => {
                self.line()?;
                Arg::Big
            }
            b'G' => {
                self.take::<8>()?;
                Arg::Big
            }
            b'I' => self.number(false)?,
            b'L' => self.number(true)?,
            b'J' => self.take().map(|bytes| Arg::Int(i64::from(i32::from_le_bytes(bytes))))?,
            b'K' | b'h' | b'q' | 0x80 | 0x82 => one(self).map(int)?,
            b'M' | 0x83 => self.take().map(|bytes| Arg::Int(i64::from(u16::from_le_bytes(bytes))))?,
            b'j' | b'r' | 0x84 => four(self).map(int)?,
            0x95 => eight(self).map(int)?,
            b'P' => {
                let (at, len) = self.line()?;
                Arg::Text(at, len, Form::Latin)
            }
            b'g' | b'p' => self.number(false)?,
            b'S' => {
                let (at, len) = self.line()?;
                Arg::Text(at, len, Form::Quoted)
            }
            b'V' => {
                let (at, len) = self.line()?;
                Arg::Text(at, len, Form::Escaped)
            }
            b'T' => {
                let len = four(self)?;
                self.text(len, Form::Latin)?
            }
            b'U' => {
                let len = one(self)?;
                self.text(len, Form::Latin)?
            }
            b'X' => {
                let len = four(self)?;
                self.text(len, Form::Utf8)?
            }
            0x8c => {
                let len = one(self)?;
                self.text(len, Form::Utf8)?
            }
            0x8d => {
                let len = eight(self)?;
                self.text(len, Form::Utf8)?
            }
            b'B' => {
                let len = four(self)?;
                self.blob(len)?
            }
            b'C' => {
                let len = one(self)?;
                self.blob(len)?
            }
            0x8e | 0x96 => {
                let len = eight(self)?;
                self.blob(len)?
            }
            0x8a => {
                let len = one(self)?;
                self.little(len)?
            }
            0x8b => {
                let len = four(self)?;
                self.little(len)?
            }
            b'c' | b'i' => Arg::Pair(self.line()?, self.line()?),
            other => return Err(Stop::NoCode(other)),
        })
    }
}
