//! Lines of a chunk with their offsets, bounded.

use memchr::memchr;
use shieldwall_schema::Chunk;

/// Longest line that text formats look at; the rest of a longer line is cut and flagged. Real log lines stay under
/// 64 KiB (auditd 8 KiB, journald 48 KiB by default).
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// One line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Byte offset in the source.
    pub offset: u64,
    /// The bytes, without `\n` and a `\r` before it, at most [`LINE_BYTES_MAX`].
    pub bytes: &'a [u8],
    /// Whether the line was cut at the limit or at the chunk's end in the middle of a longer line.
    pub cut: bool,
    /// Whether the line ends with a line feed; a last line without one may be cut short.
    pub ended: bool,
}

/// Walks the non-empty lines of a chunk.
pub struct Lines<'a> {
    rest: &'a [u8],
    offset: u64,
    last: bool,
}

impl<'a> Lines<'a> {
    /// The lines of `chunk`. The rest of a line begun before the chunk is left out.
    pub fn new(chunk: &Chunk<'a>) -> Self {
        let mut lines = Self { rest: chunk.bytes, offset: chunk.offset, last: chunk.last };
        if chunk.mid_line {
            let skip = memchr(b'\n', chunk.bytes).map_or(chunk.bytes.len(), |at| at + 1);
            lines.advance(skip);
        }
        lines
    }

    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
        self.offset += count as u64;
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        while !self.rest.is_empty() {
            let offset = self.offset;
            let (length, ended) = match memchr(b'\n', self.rest) {
                Some(at) => (at, true),
                None => (self.rest.len(), false),
            };
            let whole = self.rest.get(..length).unwrap_or_default();
            self.advance(length + usize::from(ended));
            let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
            if whole.is_empty() {
                continue;
            }
            let bytes = whole.get(..LINE_BYTES_MAX).unwrap_or(whole);
            let cut = bytes.len() < whole.len() || (!ended && !self.last);
            return Some(Line { offset, bytes, cut, ended });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_offsets_and_say_when_they_were_cut() {
        let chunk = Chunk { offset: 100, bytes: b"rest\na\r\n\nbb", last: true, mid_line: true };
        let lines: Vec<_> = Lines::new(&chunk).map(|l| (l.offset, l.bytes, l.cut, l.ended)).collect();
        assert_eq!(lines, [(105, &b"a"[..], false, true), (109, &b"bb"[..], false, false)]);
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let chunk = Chunk { offset: 0, bytes: &long, last: true, mid_line: false };
        let line = Lines::new(&chunk).next().unwrap();
        assert_eq!((line.bytes.len(), line.cut), (LINE_BYTES_MAX, true));
    }
}
