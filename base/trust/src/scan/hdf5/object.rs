//! Object headers, old form and new: the messages that describe a group or a dataset.

use super::Unread;
use super::file::{Cursor, File};

/// Bytes of one piece of a header.
const PIECE_MAX: u64 = 16 << 20;
/// Pieces of one header.
const PIECES_MAX: usize = 4_096;
/// Bytes of the texts of one attribute.
const TEXTS_BYTES_MAX: usize = 64 << 20;
/// Texts of one attribute. Names of the weights of a layer are one each.
const TEXTS_MAX: u64 = 65_536;

/// One message of a header.
#[derive(Debug)]
pub(crate) struct Message {
    pub kind: u64,
    /// Bit 1: what follows is a reference to a message elsewhere.
    pub flags: u64,
    pub body: Vec<u8>,
}

/// All messages of the header at an address.
pub(crate) fn messages(file: &File<'_>, address: u64) -> Result<Vec<Message>, Unread> {
    let mut out = Vec::new();
    read(file, address, &mut out)
        .ok_or_else(|| Unread(address, "the header of an object cannot be read".to_owned()))?;
    Ok(out)
}

fn read(file: &File<'_>, address: u64, out: &mut Vec<Message>) -> Option<()> {
    let head = file.window(address, 64);
    let mut pieces = Vec::new();
    let mut ordered = false;
    let modern = head.starts_with(b"OHDR");
    if modern {
        let mut cursor = Cursor::new(head.get(4..)?);
        if cursor.number(1)? != 2 {
            return None;
        }
        let flags = cursor.number(1)?;
        ordered = flags & 4 != 0;
        cursor.take(if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 })?;
        let size = cursor.number(1 << (flags & 3))?;
        pieces.push((address + 4 + cursor.at as u64, size));
    } else {
        let mut cursor = Cursor::new(&head);
        if cursor.number(1)? != 1 {
            return None;
        }
        cursor.take(7)?;
        let size = cursor.number(4)?;
        pieces.push((address + 16, size));
    }
    let mut next = 0;
    while let Some(&(at, size)) = pieces.get(next) {
        next += 1;
        if size > PIECE_MAX || next > PIECES_MAX || pieces.iter().take(next - 1).any(|piece| piece.0 == at) {
            return None;
        }
        let piece = file.window(at, usize::try_from(size).ok()?);
        if piece.len() as u64 != size {
            return None;
        }
        let mut cursor = Cursor::new(&piece);
        let header = match (modern, ordered) {
            (true, true) => 6,
            (true, false) => 4,
            (false, _) => 8,
        };
        while cursor.rest().len() >= header {
            let (kind, len, flags) = if modern {
                (cursor.number(1)?, cursor.number(2)?, cursor.number(1)?)
            } else {
                (cursor.number(2)?, cursor.number(2)?, cursor.number(1)?)
            };
            cursor.take(match (modern, ordered) {
                (true, true) => 2,
                (true, false) => 0,
                (false, _) => 3,
            })?;
            let body = cursor.take(usize::try_from(len).ok()?)?.to_vec();
            if kind == 0x10 {
                let mut cursor = Cursor::new(&body);
                let (at, size) = (file.offset(&mut cursor)?, file.length(&mut cursor)?);
                match modern {
                    // Signature before, checksum after.
                    true if file.window(at, 4) == b"OCHK" => pieces.push((at + 4, size.checked_sub(8)?)),
                    true => return None,
                    false => pieces.push((at, size)),
                }
            }
            out.push(Message { kind, flags, body });
        }
    }
    Some(())
}

/// An attribute: its name and the texts it holds; no texts for numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub name: String,
    pub texts: Vec<Vec<u8>>,
}

/// Reads an attribute message (IV.A.2.m).
pub(crate) fn attribute(file: &File<'_>, body: &[u8]) -> Option<Attribute> {
    let mut cursor = Cursor::new(body);
    let version = cursor.number(1)?;
    let flags = cursor.number(1)?;
    let name_len = usize::try_from(cursor.number(2)?).ok()?;
    let type_len = usize::try_from(cursor.number(2)?).ok()?;
    let space_len = usize::try_from(cursor.number(2)?).ok()?;
    let pad = |len: usize| if version == 1 { len.next_multiple_of(8) } else { len };
    match version {
        1 | 2 => {}
        3 => drop(cursor.take(1)?),
        _ => return None,
    }
    let name = cursor.take(pad(name_len))?;
    let name = name.split(|&byte| byte == 0).next()?;
    let name = String::from_utf8_lossy(name).into_owned();
    let kind = cursor.take(pad(type_len))?;
    let space = cursor.take(pad(space_len))?;
    if version > 1 && flags & 3 != 0 {
        // A type or a space that is kept elsewhere: what the attribute holds is unknown.
        return None;
    }
    let many = elements(file, space)?;
    let data = cursor.rest();
    let mut texts = Vec::new();
    let class = *kind.first()? & 0x0f;
    let size = usize::try_from(Cursor::new(kind.get(4..)?).number(4)?).ok()?;
    match class {
        // Texts of fixed length, and opaque bytes, which pickles hide in.
        3 | 5 => {
            for text in data.chunks(size.max(1)).take(usize::try_from(many.min(TEXTS_MAX)).ok()?) {
                texts.push(text.to_vec());
            }
        }
        9 => {
            let mut cursor = Cursor::new(data);
            let mut held = 0_usize;
            for _ in 0..many.min(TEXTS_MAX) {
                let len = cursor.number(4)?;
                let (heap, index) = (file.offset(&mut cursor)?, cursor.number(4)?);
                if len > 0 {
                    let text = file.heap_object(heap, index, len)?;
                    held = text.len().checked_add(held).filter(|&held| held <= TEXTS_BYTES_MAX)?;
                    texts.push(text);
                }
            }
        }
        _ => {}
    }
    Some(Attribute { name, texts })
}

/// Elements of a dataspace.
fn elements(file: &File<'_>, space: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(space);
    let version = cursor.number(1)?;
    let dims = cursor.number(1)?;
    cursor.take(1)?;
    match version {
        1 => drop(cursor.take(5)?),
        2 if cursor.number(1)? == 2 => return Some(0),
        2 => {}
        _ => return None,
    }
    (0..dims).try_fold(1_u64, |product, _| product.checked_mul(file.length(&mut cursor)?))
}

/// A link message (IV.A.2.g).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// A member of the group.
    Hard(String, u64),
    /// Another name of something in the file.
    Soft,
    /// Something in another file: its name.
    External(String, String),
    /// A kind of link that a program has registered.
    Other(String),
}

/// Reads a link message.
pub(crate) fn link(file: &File<'_>, body: &[u8]) -> Option<Link> {
    let mut cursor = Cursor::new(body);
    if cursor.number(1)? != 1 {
        return None;
    }
    let flags = cursor.number(1)?;
    let kind = if flags & 8 != 0 { cursor.number(1)? } else { 0 };
    cursor.take(if flags & 4 != 0 { 8 } else { 0 } + if flags & 0x10 != 0 { 1 } else { 0 })?;
    let len = usize::try_from(cursor.number(1 << (flags & 3))?).ok()?;
    let name = String::from_utf8_lossy(cursor.take(len)?).into_owned();
    Some(match kind {
        0 => Link::Hard(name, file.offset(&mut cursor)?),
        1 => Link::Soft,
        64 => {
            let len = usize::try_from(cursor.number(2)?).ok()?;
            let target = cursor.take(len)?.get(1..)?;
            Link::External(name, String::from_utf8_lossy(target.split(|&byte| byte == 0).next()?).into_owned())
        }
        _ => Link::Other(name),
    })
}

/// Ids of the filters of a pipeline message (IV.A.2.l).
pub(crate) fn filters(body: &[u8]) -> Option<Vec<u64>> {
    let mut cursor = Cursor::new(body);
    let version = cursor.number(1)?;
    let many = cursor.number(1)?;
    if version == 1 {
        cursor.take(6)?;
    }
    let mut out = Vec::new();
    for _ in 0..many {
        let id = cursor.number(2)?;
        let named = version == 1 || id >= 256;
        let name = if named { usize::try_from(cursor.number(2)?).ok()? } else { 0 };
        cursor.take(2)?;
        let values = usize::try_from(cursor.number(2)?).ok()?;
        cursor.take(if version == 1 { name.next_multiple_of(8) } else { name })?;
        cursor.take(values * 4)?;
        if version == 1 && values % 2 == 1 {
            cursor.take(4)?;
        }
        out.push(id);
    }
    Some(out)
}
