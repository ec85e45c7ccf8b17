//! The little of POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format") that packs need: plain files with plain names.
//! Links, devices, folders, long-name extensions and anything after the end are refused, so that there is one reading.

use super::{FILES_MAX, NoPack, PACK_BYTES_MAX, no};

const BLOCK: usize = 512;
/// Bytes of a name in a header.
const NAME_MAX: usize = 100;

/// Writes members as they come: the same members, the same bytes.
///
/// # Errors
/// When a name cannot be one, or there is too much.
pub fn write(members: &[(String, Vec<u8>)]) -> Result<Vec<u8>, NoPack> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        check_name(name)?;
        out.extend_from_slice(&header(name, bytes.len()));
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        if out.len() > PACK_BYTES_MAX {
            return Err(no(format!("more than {PACK_BYTES_MAX} bytes (PACK_BYTES_MAX)")));
        }
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(out)
}

/// Reads members; O(n), and no more memory than the archive has bytes.
///
/// # Errors
/// When it is not as [`write`] writes, byte for byte of each header.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, NoPack> {
    if bytes.len() > PACK_BYTES_MAX + 2 * BLOCK {
        return Err(no(format!("more than {PACK_BYTES_MAX} bytes (PACK_BYTES_MAX)")));
    }
    let mut members: Vec<(String, Vec<u8>)> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let mut rest = bytes;
    loop {
        let (head, after) = rest.split_at_checked(BLOCK).ok_or_else(|| no("cut short"))?;
        if head.iter().all(|byte| *byte == 0) {
            let end = after.len() == BLOCK && after.iter().all(|byte| *byte == 0);
            return if end { Ok(members) } else { Err(no("bytes after its end, or no end")) };
        }
        if members.len() > FILES_MAX {
            return Err(no(format!("more than {FILES_MAX} files (FILES_MAX)")));
        }
        let field = head.get(..NAME_MAX).unwrap_or_default();
        let name = field.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = std::str::from_utf8(name).map_err(|_| no("a name is no text"))?;
        check_name(name)?;
        let size = head.get(124..135).and_then(|digits| std::str::from_utf8(digits).ok());
        let size = size.and_then(|digits| usize::from_str_radix(digits, 8).ok()).ok_or_else(|| no("a size is none"))?;
        // One spelling: no links, modes, owners, times, extensions.
        if head != header(name, size) {
            return Err(no(format!("the header of `{name}` is not as packs have it")));
        }
        if !names.insert(name.to_lowercase()) {
            return Err(no(format!("`{name}` is there twice")));
        }
        let (padded, next) = after.split_at_checked(size.next_multiple_of(BLOCK)).ok_or_else(|| no("cut short"))?;
        let (content, padding) = padded.split_at_checked(size).ok_or_else(|| no("cut short"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(no(format!("bytes behind the end of `{name}`")));
        }
        members.push((name.to_owned(), content.to_vec()));
        rest = next;
    }
}

/// A name leads nowhere but into the pack, on every system.
fn check_name(name: &str) -> Result<(), NoPack> {
    let bad = name.len() > NAME_MAX
        || name.bytes().any(|byte| byte < 0x20 || byte == 0x7f || b"\\:*?\"<>|".contains(&byte))
        || name.split('/').any(|part| part.is_empty() || part == "." || part == ".." || part.ends_with(['.', ' ']));
    if bad { Err(no(format!("`{}` cannot name a file of a pack", name.escape_debug()))) } else { Ok(()) }
}

fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        if let Some(place) = head.get_mut(at..at + text.len()) {
            place.copy_from_slice(text);
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(place) = head.get_mut(148..156) {
        place.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    head
}
