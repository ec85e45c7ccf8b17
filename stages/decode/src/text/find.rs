//! Splitting at short marks in short texts: what `str::split_once` does, without building its searcher, which costs more
//! than the search on a line of a hundred bytes.

use memchr::{memchr_iter, memrchr_iter};

/// The byte of a mark that is looked for: the second, as marks open with a space and spaces are everywhere.
fn key(mark: &str) -> Option<(u8, usize)> {
    let at = usize::from(mark.len() > 1);
    Some((*mark.as_bytes().get(at)?, at))
}

fn at<'l>(text: &'l str, found: usize, back: usize, mark: &str) -> Option<(&'l str, &'l str)> {
    let (front, rest) = text.split_at_checked(found.checked_sub(back)?)?;
    Some((front, rest.strip_prefix(mark)?))
}

/// What stands before and behind the first `mark`.
pub(crate) fn split_once<'l>(text: &'l str, mark: &str) -> Option<(&'l str, &'l str)> {
    let (byte, back) = key(mark)?;
    memchr_iter(byte, text.as_bytes()).find_map(|found| at(text, found, back, mark))
}

/// What stands before and behind the last `mark`.
pub(crate) fn rsplit_once<'l>(text: &'l str, mark: &str) -> Option<(&'l str, &'l str)> {
    let (byte, back) = key(mark)?;
    memrchr_iter(byte, text.as_bytes()).find_map(|found| at(text, found, back, mark))
}

/// What stands before and behind the first `byte`, an ASCII character that is near: a word's end is found sooner by looking
/// at each byte than by setting a search up.
#[inline]
pub(crate) fn split_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|found| found == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What stands before and behind the last `byte`, an ASCII character that is near the end.
#[inline]
pub(crate) fn rsplit_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().rposition(|found| found == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The words between single spaces, as `text.split(' ')` gives them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (word, behind) = match split_byte(text, b' ') {
            Some((word, behind)) => (word, Some(behind)),
            None => (text, None),
        };
        rest = behind;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_those_of_the_standard_library() {
        for text in
            ["", "a", " from ", "x from y from z", "éé from ü", " fro from", "aaa", "a : b : c", "from from from "]
        {
            for mark in [" from ", " : ", "aa", "a", "ü", "é f", "nothing"] {
                assert_eq!(split_once(text, mark), text.split_once(mark), "{text:?} {mark:?}");
                // `aa` in `aaa`: both look from the end.
                assert_eq!(rsplit_once(text, mark), text.rsplit_once(mark), "{text:?} {mark:?}");
            }
            for byte in [b' ', b'a', b':'] {
                assert_eq!(split_byte(text, byte), text.split_once(char::from(byte)), "{text:?} {byte}");
                assert_eq!(rsplit_byte(text, byte), text.rsplit_once(char::from(byte)), "{text:?} {byte}");
            }
            assert!(words(text).eq(text.split(' ')), "{text:?}");
        }
    }
}
