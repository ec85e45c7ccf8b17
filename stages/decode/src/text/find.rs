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
        }
    }
}
