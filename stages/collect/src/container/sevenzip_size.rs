//! How large a 7z directory will be, before anything makes room for it.
//!
//! The directory is mostly packed, and a packed directory of a kilobyte may unpack to megabytes that claim millions of
//! members. Its unpacked size stands in the plain record in front of it (7zFormat.txt, "Packed Streams"), which is read
//! here and nowhere else; a record of another shape is no answer, and the archive is then not opened.

use shieldwall_schema::{ReadAt, Reject};

use crate::region::Region;
use crate::trouble::Fault;

/// Bytes of the signature and the start header.
const START_BYTES: usize = 32;
/// Bytes of the record in front of a packed directory; writers need about 40.
const RECORD_BYTES_MAX: usize = 4096;
/// Decompressors in a row; writers use one, or two for an encrypted directory.
const CODERS_MAX: u64 = 8;

/// Unpacked bytes of the directory, as stated.
pub(crate) fn directory_bytes(archive: &Region) -> Result<u64, Fault> {
    let cut = || Fault::new(Reject::Truncated, "7z: no directory: the archive was not finished or is cut");
    let mut start = [0; START_BYTES];
    archive.read_exact_at(0, &mut start).map_err(|_| cut())?;
    let number =
        |at: usize| start.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (offset, size) = (number(12), number(20));
    if start.get(8..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0)) {
        return Err(cut());
    }
    // An archive without members has no directory.
    let Some(at) = (START_BYTES as u64).checked_add(offset).filter(|_| size > 0) else { return Ok(size) };
    if at.checked_add(size).is_none_or(|end| end > archive.size()) {
        return Err(cut());
    }
    let mut record = [0; RECORD_BYTES_MAX];
    let read = archive.read_at(at, &mut record).map_err(|_| cut())?;
    let record = record.get(..read.min(usize::try_from(size).unwrap_or(usize::MAX))).unwrap_or_default();
    match record.split_first() {
        Some((0x17, record)) => Record(record).unpacked().ok_or_else(|| {
            Fault::new(Reject::Unsupported, "7z: a directory in a form that this version does not read")
        }),
        _ => Ok(size),
    }
}

/// What is left of the record.
struct Record<'a>(&'a [u8]);

impl Record<'_> {
    /// The largest output of any of the directory's decompressors.
    fn unpacked(mut self) -> Option<u64> {
        self.expect(0x06)?;
        self.number()?;
        let streams = self.number().filter(|streams| *streams <= CODERS_MAX)?;
        loop {
            match self.byte()? {
                0x00 => break,
                0x09 => (0..streams).try_for_each(|_| self.number().map(drop))?,
                0x0a => {
                    let all = self.byte()? != 0;
                    let bits = if all { u8::MAX } else { self.byte()? };
                    let defined = (0..streams).filter(|at| bits << at & 0x80 != 0 || all).count();
                    self.skip(defined * 4)?;
                }
                _ => return None,
            }
        }
        self.expect(0x07)?;
        self.expect(0x0b)?;
        if (self.number()?, self.byte()?) != (1, 0) {
            return None;
        }
        let coders = self.number().filter(|coders| (1..=CODERS_MAX).contains(coders))?;
        let (mut inputs, mut outputs) = (0u64, 0u64);
        for _ in 0..coders {
            let flags = self.byte()?;
            self.skip(usize::from(flags & 0x0f))?;
            let (more_in, more_out) = if flags & 0x10 != 0 { (self.number()?, self.number()?) } else { (1, 1) };
            (inputs, outputs) = (inputs.checked_add(more_in)?, outputs.checked_add(more_out)?);
            if flags & 0x20 != 0 {
                let properties = self.number()?;
                self.skip(usize::try_from(properties).ok()?)?;
            }
        }
        if inputs > CODERS_MAX * 4 || outputs > CODERS_MAX || outputs == 0 {
            return None;
        }
        let pairs = outputs - 1;
        let packed = inputs.checked_sub(pairs)?;
        let indices = pairs * 2 + if packed > 1 { packed } else { 0 };
        (0..indices).try_for_each(|_| self.number().map(drop))?;
        self.expect(0x0c)?;
        (0..outputs).try_fold(0, |most, _| Some(self.number()?.max(most)))
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.byte()? == byte).then_some(())
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    /// `UINT64` of 7zFormat.txt: the first byte's leading ones count the bytes that follow, lowest first.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut value = 0u64;
        for at in 0..more {
            value |= u64::from(self.byte()?) << (8 * at);
        }
        let high = u64::from(first) & (0x7f_u64 >> more);
        Some(if more < 7 { value | high << (8 * more) } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_format() {
        for (bytes, expected) in [
            (&[0x05][..], Some(5)),
            (&[0x7f], Some(0x7f)),
            (&[0x80, 0x90], Some(0x90)),
            (&[0x81, 0x02], Some(0x102)),
            (&[0xc1, 0x02, 0x03], Some(0x1_0302)),
            (&[0xff, 1, 0, 0, 0, 0, 0, 0, 2], Some(0x0200_0000_0000_0001)),
            (&[0xfe, 1, 0, 0, 0, 0, 0, 2], Some(0x0002_0000_0000_0001)),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(Record(bytes).number(), expected, "{bytes:x?}");
        }
    }
}
