//! UBJSON (draft 12), as XGBoost writes its models: read to the end into a tree, and judged as any configuration. Arrays of
//! numbers of one type, which are the model, are stepped over.

use crate::scan::judge::config;
use crate::scan::judge::value::Value;
use crate::scan::kinds::{BROKEN, found};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside};

/// UBJSON.
pub struct Ubjson;

/// Lists and maps within each other; XGBoost needs about eight.
const DEPTH_MAX: usize = 100;
/// Values that are kept; numbers are not.
const VALUES_MAX: u32 = 4 << 20;
/// Bytes of one text.
const TEXT_MAX: u64 = 16 << 20;

impl Format for Ubjson {
    fn name(&self) -> &'static str {
        "UBJSON"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        // A map whose first key has a length in one of the integer types; JSON has a quote or white space there.
        let head = bytes.window(0, 80);
        let width = match head.get(..2) {
            Some([b'{', b'i' | b'U']) => 1,
            Some([b'{', b'I']) => 2,
            Some([b'{', b'l']) => 4,
            Some([b'{', b'L']) => 8,
            _ => return false,
        };
        let len = head
            .get(2..2 + width)
            .unwrap_or_default()
            .iter()
            .fold(0_usize, |number, &byte| number << 8 | usize::from(byte));
        let key = 2 + width..(2 + width).saturating_add(len);
        let marker = head.get(key.end).copied().unwrap_or(0);
        len > 0
            && head.get(key).is_some_and(|key| {
                key.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'.' | b'-'))
            })
            && b"[{SHCTFZNiUIlLdD".contains(&marker)
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut reader = Reader { bytes, at: 0, window: Vec::new(), start: 0, inside, left: VALUES_MAX };
        match reader.marked(0) {
            Ok(value) => {
                if value.has("learner") && value.has("version") {
                    report.read_as("XGBoost");
                }
                config::judge(&value, inside, report);
                if reader.at < bytes.len() {
                    let words = format!("{} bytes follow the end of the value", bytes.len() - reader.at);
                    report.add(Finding { offset: reader.at, ..found(inside, &BROKEN, Weight::NotProven, words) });
                }
            }
            Err(words) => report.add(Finding { offset: reader.at, ..found(inside, &BROKEN, Weight::NotProven, words) }),
        }
    }
}

struct Reader<'a, 'b> {
    bytes: &'a dyn Bytes,
    at: u64,
    window: Vec<u8>,
    start: u64,
    inside: &'a Inside<'b>,
    left: u32,
}

impl Reader<'_, '_> {
    fn byte(&mut self) -> Result<u8, String> {
        let within = |reader: &Self| {
            let at = usize::try_from(reader.at.checked_sub(reader.start)?).ok()?;
            reader.window.get(at).copied()
        };
        if within(self).is_none() {
            self.window = self.bytes.window(self.at, 64 << 10);
            self.start = self.at;
        }
        let byte = within(self).ok_or("the file ends within a value")?;
        self.at += 1;
        Ok(byte)
    }

    fn big(&mut self, bytes: u32) -> Result<u64, String> {
        (0..bytes).try_fold(0_u64, |number, _| Ok(number << 8 | u64::from(self.byte()?)))
    }

    fn skip(&mut self, many: u64) -> Result<(), String> {
        self.at = self
            .at
            .checked_add(many)
            .filter(|&next| next <= self.bytes.len())
            .ok_or("a length goes past the end of the file")?;
        Ok(())
    }

    /// A length: an integer with its marker.
    fn length(&mut self) -> Result<u64, String> {
        let number = match self.byte()? {
            b'i' => i64::from(self.byte()?.cast_signed()),
            b'U' => i64::from(self.byte()?),
            b'I' => i64::from((self.big(2)? as u16).cast_signed()),
            b'l' => i64::from((self.big(4)? as u32).cast_signed()),
            b'L' => self.big(8)?.cast_signed(),
            other => return Err(format!("{other:#x} is no marker of a length")),
        };
        u64::try_from(number).map_err(|_| "a length is negative".to_owned())
    }

    fn text(&mut self) -> Result<String, String> {
        let len = self.length()?;
        let at = self.at;
        self.skip(len)?;
        if len > TEXT_MAX {
            return Err("a text is longer than TEXT_MAX".to_owned());
        }
        String::from_utf8(self.bytes.window(at, usize::try_from(len).unwrap_or(0)))
            .map_err(|_| "a text is not UTF-8".to_owned())
    }

    fn keep(&mut self) -> Result<(), String> {
        self.left = self.left.checked_sub(1).ok_or("more values than are kept (VALUES_MAX)")?;
        Ok(())
    }

    fn marked(&mut self, depth: usize) -> Result<Value, String> {
        let marker = self.byte()?;
        self.value(marker, depth)
    }

    // Recursion is bounded by `DEPTH_MAX`.
    fn value(&mut self, marker: u8, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err("lists and maps lie too deep in each other (DEPTH_MAX)".to_owned());
        }
        self.inside.budget.steps(1).map_err(|spent| spent.to_string())?;
        Ok(match marker {
            b'Z' | b'N' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'S' | b'H' => Value::Text(self.text()?),
            b'C' => Value::Text(char::from(self.byte()?).to_string()),
            b'[' => self.list(depth)?,
            b'{' => self.map(depth)?,
            _ => {
                self.skip(width(marker).ok_or_else(|| format!("{marker:#x} is no marker of a value"))?)?;
                Value::Number(0.0)
            }
        })
    }

    /// The type and the number of elements, where they stand in front.
    fn counted(&mut self) -> Result<(Option<u8>, Option<u64>), String> {
        let mut kind = None;
        let back = self.at;
        let mut marker = self.byte()?;
        if marker == b'$' {
            kind = Some(self.byte()?);
            marker = self.byte()?;
        }
        match marker {
            b'#' => Ok((kind, Some(self.length()?))),
            _ if kind.is_some() => Err("a type without a number of elements".to_owned()),
            _ => {
                self.at = back;
                Ok((None, None))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let (kind, many) = self.counted()?;
        let mut items = Vec::new();
        if let (Some(width), Some(many)) = (kind.and_then(width), many) {
            self.skip(many.checked_mul(width).ok_or("a length overflows")?)?;
            return Ok(Value::List(items));
        }
        // Elements without bytes of their own would cost nothing and take for ever.
        let sized = many.is_none_or(|many| many <= self.bytes.len());
        if !sized {
            return Err("a list claims more elements than the file has bytes".to_owned());
        }
        let mut left = many;
        loop {
            let marker = match (left.as_mut(), kind) {
                (Some(0), _) => break,
                (Some(left), Some(kind)) => {
                    *left -= 1;
                    kind
                }
                (Some(left), None) => {
                    *left -= 1;
                    self.byte()?
                }
                (None, _) => match self.byte()? {
                    b']' => break,
                    marker => marker,
                },
            };
            let item = self.value(marker, depth + 1)?;
            if !matches!(item, Value::Number(_) | Value::Null | Value::Bool(_)) {
                self.keep()?;
                items.push(item);
            }
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        let (kind, many) = self.counted()?;
        let mut entries = Vec::new();
        let mut left = many;
        loop {
            match left.as_mut() {
                Some(0) => break,
                Some(left) => *left -= 1,
                None => {
                    if self.byte()? == b'}' {
                        break;
                    }
                    self.at -= 1;
                }
            }
            self.keep()?;
            let key = self.text()?;
            let marker = match kind {
                Some(kind) => kind,
                None => self.byte()?,
            };
            entries.push((key, self.value(marker, depth + 1)?));
        }
        Ok(Value::Map(entries))
    }
}

/// Bytes of a number with this marker.
fn width(marker: u8) -> Option<u64> {
    match marker {
        b'i' | b'U' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}
