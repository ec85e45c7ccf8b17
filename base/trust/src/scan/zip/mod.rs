//! Zip archives by two rules at once: the central directory at the end, which most readers believe, and the local headers
//! in front of the members, which others believe. Where the two differ, each reader sees another archive: the difference is
//! a finding, and the member is read both ways.
//!
//! | module | holds |
//! |---|---|
//! | [`directory`] | finds and reads central directories, zip64 included |
//! | [`local`] | reads local headers |

pub(crate) mod directory;
pub(crate) mod local;

/// Little-endian numbers at a place of a header; nothing where the header is too short.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

/// Four bytes.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// Eight bytes.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// What one header says of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its name, as bytes.
    pub name: Vec<u8>,
    /// A second name in an Info-ZIP Unicode path field, if there is one.
    pub second_name: Option<Vec<u8>>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub unpacked: u64,
    /// Where the local header begins, as the central directory says; its own place for a local header.
    pub local: u64,
    /// Unix file type and mode.
    pub mode: u32,
    /// Bytes of the header itself.
    pub len: u64,
}

impl Header {
    /// The name for people and comparisons.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

/// Applies the extra fields that change what a header says: zip64 sizes (0x0001) and a second name (0x7075).
fn extra(header: &mut Header, mut extra: &[u8], sizes_32: (u32, u32, u32)) {
    while let (Some(id), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let len = usize::from(len);
        let field = extra.get(4..4 + len).unwrap_or(extra.get(4..).unwrap_or_default());
        match id {
            0x0001 => {
                let mut at = 0;
                let mut next = |wide: bool, value: &mut u64| {
                    if wide && let Some(number) = u64_at(field, at) {
                        *value = number;
                        at += 8;
                    }
                };
                next(sizes_32.0 == u32::MAX, &mut header.unpacked);
                next(sizes_32.1 == u32::MAX, &mut header.packed);
                next(sizes_32.2 == u32::MAX, &mut header.local);
            }
            0x7075 => header.second_name = field.get(5..).map(<[u8]>::to_vec),
            _ => {}
        }
        extra = extra.get(4 + len..).unwrap_or_default();
    }
}
