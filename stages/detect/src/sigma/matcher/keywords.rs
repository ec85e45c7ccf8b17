//! What the keyword tests of a group need: texts without any of which all of them are false.
//!
//! Two rules with keywords that look at all of Windows would make decoders convert, fold and search every value of every
//! record. A decoder that knows these texts can search the bytes as they stand instead, and fills the keyword slot only
//! where one of them is found.
//!
//! What must stay true: an empty keyword slot and a full one without any of the texts give the same truth for every
//! keyword test, negated or not. So a list is given only if every single test has its texts.

use std::sync::Arc;

use super::needs::needed;
use crate::sigma::ir::{Part, Pattern, RuleSet, Test};

/// Shorter texts are met too often to be worth a search.
const NEEDLE_BYTES_MIN: usize = 3;

/// More texts than this make a search as slow as what it saves.
const NEEDLES_MAX: usize = 512;

/// Folded characters of values that are no strings: `true`, `false`, `inf`, `nan`, numbers, times, GUIDs, SIDs, hexadecimal.
const VALUE_CHARACTERS: &[u8] = b"0123456789abcdefilnrstuxz-{}.:+,";

/// The texts of tests of a set's rules; `None` if some test has none.
pub(super) fn needles<'r>(tests: impl Iterator<Item = &'r Test>, set: &RuleSet) -> Option<Arc<[Box<str>]>> {
    let mut found: Vec<Box<str>> = Vec::new();
    for test in tests {
        match test {
            Test::Text { pattern, .. } => found.push(usable(of_pattern(pattern)?)?),
            Test::Regex(pattern) => {
                let needed = needed(set, pattern).ok()?;
                for text in needed.one_of()? {
                    found.push(usable(text.clone())?);
                }
            }
            // Rare, or true without any text.
            _ => return None,
        }
        if found.len() > NEEDLES_MAX {
            return None;
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(found.into())
}

/// The longest text that every match holds, folded.
fn of_pattern(pattern: &Pattern) -> Option<String> {
    let text = match pattern {
        Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text) | Pattern::Contains(text) => &**text,
        Pattern::Any => return None,
        Pattern::Glob(parts) => {
            let texts = parts.iter().filter_map(|part| match part {
                Part::Text(text) => Some(&**text),
                _ => None,
            });
            texts.max_by_key(|text| text.len())?
        }
    };
    Some(super::compare::fold(text))
}

/// The text as a needle, if it is one that only a string can hold.
fn usable(text: String) -> Option<Box<str>> {
    let telling = text.bytes().any(|byte| !VALUE_CHARACTERS.contains(&byte));
    (text.len() >= NEEDLE_BYTES_MIN && text.is_ascii() && telling).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(text: &str) -> Test {
        Test::Text { pattern: Pattern::Contains(text.into()), cased: false }
    }

    #[test]
    fn a_list_is_given_only_if_every_test_has_texts() {
        let of = |tests: &[Test]| {
            needles(tests.iter(), &RuleSet::default())
                .map(|texts| texts.iter().map(|t| t.to_string()).collect::<Vec<_>>())
        };
        let strings = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[contains("mimikatz"), contains("gentilkiwi")]), strings(&["gentilkiwi", "mimikatz"]));
        assert_eq!(
            of(&[contains("mimikatz"), Test::Regex("Inv[o0]ke-X|MIMI".into())]),
            strings(&["inv0ke-x", "invoke-x", "mimi", "mimikatz"])
        );
        let cased = Test::Text { pattern: Pattern::Exact("Kiwi".into()), cased: true };
        assert_eq!(of(&[cased]), strings(&["kiwi"]));
        for bad in ["ab", "1234", "s-1-5-18", "true", "{4d36e967}", "mimik\u{e4}tz"] {
            assert_eq!(of(&[contains("mimikatz"), contains(bad)]), None, "{bad}");
        }
        for bad in [Test::Null, Test::Exists(false), Test::Regex(r"\d+".into())] {
            assert_eq!(of(&[contains("mimikatz"), bad]), None);
        }
    }
}
