//! Local headers: what stands in front of a member.

use super::{Header, extra, u16_at, u32_at};
use crate::scan::Bytes;

/// The local header at a place, if there is one.
pub(crate) fn read(file: &dyn Bytes, at: u64) -> Option<Header> {
    // Fixed part, a name and the extra fields that honest tools write; more is read only where it is claimed.
    let mut bytes = file.window(at, 30 + 256);
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let name_len = usize::from(u16_at(&bytes, 26)?);
    let extra_len = usize::from(u16_at(&bytes, 28)?);
    let len = 30 + name_len + extra_len;
    if len > bytes.len() {
        bytes = file.window(at, len);
    }
    let packed = u32_at(&bytes, 18)?;
    let unpacked = u32_at(&bytes, 22)?;
    let mut header = Header {
        name: bytes.get(30..30 + name_len)?.to_vec(),
        second_name: None,
        flags: u16_at(&bytes, 6)?,
        method: u16_at(&bytes, 8)?,
        crc: u32_at(&bytes, 14)?,
        packed: u64::from(packed),
        unpacked: u64::from(unpacked),
        local: at,
        mode: 0,
        len: len as u64,
    };
    extra(&mut header, bytes.get(30 + name_len..len)?, (unpacked, packed, 0));
    Some(header)
}

/// Bytes of the data descriptor after a member's data: 0, 12, 16, 20 or 24.
pub(crate) fn descriptor(file: &dyn Bytes, at: u64, member: &Header) -> u64 {
    if member.flags & 8 == 0 {
        return 0;
    }
    let bytes = file.window(at, 24);
    let (signed, rest) = match bytes.strip_prefix(b"PK\x07\x08") {
        Some(rest) => (4, rest),
        None => (0, bytes.as_slice()),
    };
    let wide = super::u64_at(rest, 4) == Some(member.packed) && super::u64_at(rest, 12) == Some(member.unpacked);
    let narrow = u32_at(rest, 4).map(u64::from) == Some(member.packed)
        && u32_at(rest, 8).map(u64::from) == Some(member.unpacked);
    match (narrow, wide) {
        // A member of no bytes is both; what follows then decides.
        (true, true) if rest.get(12..14) == Some(b"PK") => signed + 12,
        (_, true) => signed + 20,
        (true, false) => signed + 12,
        (false, false) => 0,
    }
}
