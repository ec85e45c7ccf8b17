//! Members of groups of the old form: a B-tree of nodes of symbols, with names in a local heap.

use super::Unread;
use super::file::{Cursor, File};

/// Levels of a B-tree. Eight levels of two children hold more groups than any model has layers.
const LEVELS_MAX: u32 = 16;
/// Members of one group.
const MEMBERS_MAX: usize = 1 << 17;
/// Bytes of one name.
const NAME_MAX: usize = 4 << 10;
/// Bytes of a local heap: names of the members of one group.
const HEAP_MAX: usize = 16 << 20;

/// One member of a group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub name: String,
    /// The member's header; nothing for a link by name within the file.
    pub address: Option<u64>,
}

/// Members of a group whose B-tree and heap lie at these addresses.
pub(crate) fn members(file: &File<'_>, tree: u64, heap: u64) -> Result<Vec<Member>, Unread> {
    let unread = |at: u64, words: &str| Unread(at, words.to_owned());
    let names = names(file, heap).ok_or_else(|| unread(heap, "the names of a group cannot be read"))?;
    let mut out = Vec::new();
    let mut open = vec![(tree, LEVELS_MAX)];
    let mut seen = std::collections::HashSet::new();
    while let Some((at, levels)) = open.pop() {
        if !seen.insert(at) || levels == 0 {
            return Err(unread(at, "the tree of a group goes in circles"));
        }
        let children = children(file, at).ok_or_else(|| unread(at, "the tree of a group cannot be read"))?;
        for child in children.0 {
            if out.len() > MEMBERS_MAX || children.1 == 0 && !seen.insert(child) {
                return Err(unread(child, "a group has more members than are read (MEMBERS_MAX), or the same twice"));
            }
            match children.1 {
                0 => symbols(file, child, &names, &mut out)
                    .ok_or_else(|| unread(child, "the members of a group cannot be read"))?,
                _ => open.push((child, levels - 1)),
            }
        }
    }
    Ok(out)
}

fn names(file: &File<'_>, heap: u64) -> Option<Vec<u8>> {
    let head = file.window(heap, 8 + 2 * file.length_size() + file.offset_size());
    let mut cursor = Cursor::new(&head);
    if cursor.take(4)? != b"HEAP" {
        return None;
    }
    cursor.take(4)?;
    let size = usize::try_from(file.length(&mut cursor)?).ok()?;
    file.length(&mut cursor)?;
    let data = file.offset(&mut cursor)?;
    (size <= HEAP_MAX).then(|| file.window(data, size))
}

/// Addresses of the children, and the level: 0 for nodes of symbols.
fn children(file: &File<'_>, at: u64) -> Option<(Vec<u64>, u64)> {
    let head = file.window(at, 8);
    let mut cursor = Cursor::new(&head);
    if cursor.take(4)? != b"TREE" || cursor.number(1)? != 0 {
        return None;
    }
    let level = cursor.number(1)?;
    let many = usize::try_from(cursor.number(2)?).ok()?;
    let start = 8 + 2 * file.offset_size();
    let body = file.window(at, start + many * (file.offset_size() + file.length_size()) + file.length_size());
    let mut cursor = Cursor::new(body.get(start..)?);
    let mut out = Vec::with_capacity(many);
    for _ in 0..many {
        file.length(&mut cursor)?;
        out.push(file.offset(&mut cursor)?);
    }
    Some((out, level))
}

fn symbols(file: &File<'_>, at: u64, names: &[u8], out: &mut Vec<Member>) -> Option<()> {
    let head = file.window(at, 8);
    let mut cursor = Cursor::new(&head);
    if cursor.take(4)? != b"SNOD" {
        return None;
    }
    cursor.take(2)?;
    let many = usize::try_from(cursor.number(2)?).ok()?;
    let body = file.window(at + 8, many * (2 * file.offset_size() + 24));
    let mut cursor = Cursor::new(&body);
    for _ in 0..many {
        let name = usize::try_from(file.offset(&mut cursor)?).ok()?;
        let address = file.offset(&mut cursor)?;
        let kind = cursor.number(4)?;
        cursor.take(20)?;
        let name = names.get(name..)?;
        let end = name.iter().take(NAME_MAX).position(|&byte| byte == 0)?;
        let name = String::from_utf8_lossy(name.get(..end)?).into_owned();
        out.push(Member { name, address: (kind != 2).then_some(address) });
    }
    Some(())
}
