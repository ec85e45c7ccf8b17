//! GGUF: a header of counted keys and tensors, read to its end with every count checked against the file, and chat templates
//! judged as what the loader renders.

use crate::scan::judge::{config, jinja};
use crate::scan::kinds::{BROKEN, HIDDEN, LIMIT, found, shown};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside};

/// GGUF files.
pub struct Gguf;

/// Keys and tensors of one file. The largest models have some ten thousand of each.
const COUNT_MAX: u64 = 1 << 17;
/// Bytes of one text that are kept; longer ones are stepped over and said.
const STRING_MAX: u64 = 16 << 20;
/// Arrays within arrays.
const ARRAY_DEPTH_MAX: u32 = 4;
/// Dimensions of a tensor (GGML_MAX_DIMS).
const DIMS_MAX: u32 = 4;

impl Format for Gguf {
    fn name(&self) -> &'static str {
        "GGUF"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        bytes.window(0, 4) == b"GGUF"
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        let mut reader = Reader { bytes, at: 4, window: Vec::new(), start: 0, inside };
        if let Err(Bad(at, words)) = whole(&mut reader, report) {
            report.add(Finding { offset: at, ..found(inside, &BROKEN, Weight::NotProven, words) });
        }
    }
}

struct Bad(u64, String);

struct Reader<'a, 'b> {
    bytes: &'a dyn Bytes,
    at: u64,
    window: Vec<u8>,
    start: u64,
    inside: &'a Inside<'b>,
}

impl Reader<'_, '_> {
    fn bad<T>(&self, words: impl Into<String>) -> Result<T, Bad> {
        Err(Bad(self.at, words.into()))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let within = |reader: &Self| {
            let at = usize::try_from(reader.at.checked_sub(reader.start)?).ok()?;
            reader.window.get(at..at.checked_add(N)?)?.try_into().ok()
        };
        if within(self).is_none() {
            self.window = self.bytes.window(self.at, 64 << 10);
            self.start = self.at;
        }
        match within(self) {
            Some(bytes) => {
                self.at += N as u64;
                Ok(bytes)
            }
            None => self.bad("the file ends within its header"),
        }
    }

    fn u32(&mut self) -> Result<u32, Bad> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Bad> {
        self.take().map(u64::from_le_bytes)
    }

    fn skip(&mut self, many: u64) -> Result<(), Bad> {
        match self.at.checked_add(many).filter(|&next| next <= self.bytes.len()) {
            Some(next) => {
                self.at = next;
                Ok(())
            }
            None => self.bad("a length goes past the end of the file"),
        }
    }

    /// A text; nothing for one that is longer than what is kept.
    fn string(&mut self) -> Result<Option<String>, Bad> {
        let len = self.u64()?;
        let at = self.at;
        self.skip(len)?;
        if len > STRING_MAX {
            return Ok(None);
        }
        let inside = at
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok())
            .and_then(|from| self.window.get(from..from.checked_add(usize::try_from(len).ok()?)?));
        let text = match inside {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => String::from_utf8_lossy(&self.bytes.window(at, usize::try_from(len).unwrap_or(0))).into_owned(),
        };
        Ok(Some(text))
    }

    fn steps(&self) -> Result<(), Bad> {
        self.inside.budget.steps(1).or_else(|spent| self.bad(spent.to_string()))
    }
}

/// Bytes of a value of a plain type.
fn size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn whole(reader: &mut Reader<'_, '_>, report: &mut Report) -> Result<(), Bad> {
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return reader.bad(format!("version {version} is not known"));
    }
    let tensors = reader.u64()?;
    let keys = reader.u64()?;
    if tensors > COUNT_MAX || keys > COUNT_MAX {
        return reader.bad(format!("{tensors} tensors and {keys} keys are more than any model has (COUNT_MAX)"));
    }
    let mut alignment = 32;
    let mut names = std::collections::HashSet::new();
    for _ in 0..keys {
        reader.steps()?;
        let at = reader.at;
        let Some(key) = reader.string()? else { return reader.bad("the name of a key is longer than STRING_MAX") };
        let kind = reader.u32()?;
        if kind == 4 && key == "general.alignment" {
            alignment = u64::from(reader.u32()?);
            if !alignment.is_power_of_two() || alignment < 8 {
                return reader.bad(format!("the alignment {alignment} is no power of two"));
            }
        } else {
            value(reader, &key, kind, 0, report)?;
        }
        if !names.insert(shown(&key)) {
            let words = format!("the key `{}` stands twice: readers take the first or the last", shown(&key));
            report.add(Finding { offset: at, ..found(reader.inside, &BROKEN, Weight::NotProven, words) });
        }
    }
    let mut places = Vec::new();
    for _ in 0..tensors {
        reader.steps()?;
        let name = shown(&reader.string()?.unwrap_or_default());
        let dims = reader.u32()?;
        if dims > DIMS_MAX {
            return reader.bad(format!("`{}` has {dims} dimensions", shown(&name)));
        }
        let mut elements = 1_u64;
        for _ in 0..dims {
            let side = reader.u64()?;
            match elements.checked_mul(side).filter(|&elements| elements < 1 << 62) {
                Some(product) => elements = product,
                None => return reader.bad(format!("the dimensions of `{}` overflow", shown(&name))),
            }
        }
        let kind = reader.u32()?;
        let offset = reader.u64()?;
        places.push((offset, name, elements, kind));
    }
    let Some(data) = reader.at.checked_next_multiple_of(alignment) else {
        return reader.bad("the header does not end");
    };
    let len = reader.bytes.len();
    let room = len.saturating_sub(data);
    places.sort_unstable();
    let mut end = 0;
    for (offset, name, elements, kind) in places {
        let say = |report: &mut Report, words: String| {
            report.add(Finding {
                offset: data.saturating_add(offset),
                ..found(reader.inside, &BROKEN, Weight::NotProven, words)
            })
        };
        let Some((block, bytes)) = block(kind) else {
            say(report, format!("`{}` is of the unknown type {kind}", shown(&name)));
            end = room;
            continue;
        };
        let size = elements.div_ceil(block).checked_mul(bytes);
        match size.and_then(|size| offset.checked_add(size)) {
            Some(next) if next <= room => {
                if offset % alignment != 0 {
                    say(report, format!("`{}` does not begin at a multiple of {alignment}", shown(&name)));
                }
                if offset < end {
                    say(report, format!("`{}` overlaps the tensor before it", shown(&name)));
                }
                if offset > end.checked_next_multiple_of(alignment).unwrap_or(end) {
                    let words = format!("{} bytes before `{}` belong to no tensor", offset - end, shown(&name));
                    report
                        .add(Finding { offset: data + end, ..found(reader.inside, &HIDDEN, Weight::NotProven, words) });
                }
                end = end.max(next);
            }
            _ => say(report, format!("`{}` goes on past the end of the file", shown(&name))),
        }
    }
    let after = room.saturating_sub(end.checked_next_multiple_of(alignment).unwrap_or(end));
    if after > 0 {
        let at = data + (room - after);
        report.add(Finding {
            offset: at,
            ..found(reader.inside, &HIDDEN, Weight::NotProven, format!("{after} bytes follow the last tensor"))
        });
        (reader.inside.member)("after the last tensor", &crate::scan::Part::new(reader.bytes, at, after), report);
    }
    Ok(())
}

// Recursion is bounded by `ARRAY_DEPTH_MAX`.
fn value(reader: &mut Reader<'_, '_>, key: &str, kind: u32, depth: u32, report: &mut Report) -> Result<(), Bad> {
    match kind {
        8 => {
            let at = reader.at + 8;
            match reader.string()? {
                Some(text) => judge(reader, key, at, &text, report),
                None => report.add(Finding {
                    offset: at,
                    ..found(
                        reader.inside,
                        &LIMIT,
                        Weight::NotProven,
                        format!("the text `{}` is longer than STRING_MAX", shown(key)),
                    )
                }),
            }
            Ok(())
        }
        9 => {
            let kind = reader.u32()?;
            let many = reader.u64()?;
            match size(kind) {
                Some(size) => match many.checked_mul(size) {
                    Some(bytes) => reader.skip(bytes),
                    None => reader.bad(format!("the length of `{}` overflows", shown(key))),
                },
                // Each element has at least the eight bytes of its own length.
                None if matches!(kind, 8 | 9) && depth < ARRAY_DEPTH_MAX && many <= reader.bytes.len() / 8 => {
                    for _ in 0..many {
                        reader.steps()?;
                        value(reader, key, kind, depth + 1, report)?;
                    }
                    Ok(())
                }
                None => {
                    reader.bad(format!("`{}` is an array of {many} values of type {kind}, {depth} deep", shown(key)))
                }
            }
        }
        kind => match size(kind) {
            Some(size) => reader.skip(size),
            None => reader.bad(format!("`{}` is of the unknown type {kind}", shown(key))),
        },
    }
}

/// Templates by their name or by what they hold. The tokens of a vocabulary hold braces too, so the judge decides.
fn judge(reader: &Reader<'_, '_>, key: &str, at: u64, text: &str, report: &mut Report) {
    if key.starts_with("tokenizer.ggml.") && text.len() < 64 || !jinja::is_template(text) {
        return;
    }
    let mut apart = Report::default();
    config::template(key, text, reader.inside, &mut apart);
    for finding in apart.findings() {
        report.add(Finding { offset: at + finding.offset, ..finding.clone() });
    }
}

/// Elements and bytes of one block of a tensor's type.
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        24 => (1, 1),
        27 | 28 => (1, 8),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        20 => (32, 18),
        21 => (256, 110),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        35 => (256, 66),
        39 => (32, 17),
        _ => return None,
    })
}
