//! Ids as people write them ↔ the numbers that models count with, and a data set of sequences.
//!
//! The number 17 and the text `17` are one id. Number 0 is no id: it stands for all that was never seen.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use crate::model::FitError;

/// What every id maps to that is not in a vocabulary.
pub const UNSEEN: u32 = 0;

/// Different ids that a vocabulary tells apart. More means that raw lines were given where templates or event ids were
/// meant; 2¹⁸ names of 40 bytes are about 25 MB.
pub const VOCABULARY_MAX: usize = 1 << 18;

/// Bytes of an id's name that count; what follows is cut, so that hostile names cannot fill the memory.
pub const NAME_BYTES_MAX: usize = 512;

/// Ids in a data set: 1 GiB of them.
pub const IDS_MAX: usize = 1 << 28;

/// Sequences in a data set.
pub const SEQUENCES_MAX: usize = 1 << 24;

/// One id of a sequence as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A number: an event code, a system call.
    Number(i64),
    /// A text: a template, a name.
    Text(&'a str),
}

/// Names ↔ numbers from 1, in the order of their first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    names: Vec<String>,
    numbers: FxHashMap<String, u32>,
}

impl Vocabulary {
    /// How many numbers there are, [`UNSEEN`] among them.
    pub fn size(&self) -> usize {
        self.names.len() + 1
    }

    /// The names, in the order of their numbers, from 1.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A number's name; `unseen` where there is none.
    pub fn name(&self, id: u32) -> &str {
        (id as usize).checked_sub(1).and_then(|at| self.names.get(at)).map_or("unseen", String::as_str)
    }

    /// The number of an id; [`UNSEEN`] if it has none.
    pub fn get(&self, token: Token<'_>) -> u32 {
        match token {
            Token::Text(name) => self.numbers.get(cut(name)).copied().unwrap_or(UNSEEN),
            Token::Number(number) => {
                let mut digits = Digits::default();
                // 20 bytes hold every i64: writing cannot fail.
                let _ = write!(digits, "{number}");
                self.numbers.get(digits.text()).copied().unwrap_or(UNSEEN)
            }
        }
    }

    /// The number of an id, a new one if needed; [`UNSEEN`] once [`VOCABULARY_MAX`] is reached.
    pub fn intern(&mut self, token: Token<'_>) -> u32 {
        let known = self.get(token);
        if known != UNSEEN || self.names.len() >= VOCABULARY_MAX {
            return known;
        }
        let name = match token {
            Token::Text(name) => cut(name).to_owned(),
            Token::Number(number) => number.to_string(),
        };
        self.add(name)
    }

    pub(super) fn add(&mut self, name: String) -> u32 {
        let id = u32::try_from(self.names.len() + 1).unwrap_or(UNSEEN);
        self.numbers.insert(name.clone(), id);
        self.names.push(name);
        id
    }
}

/// A number's decimal digits, without allocation.
#[derive(Default)]
struct Digits {
    bytes: [u8; 20],
    len: usize,
}

impl Digits {
    fn text(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl std::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// At most [`NAME_BYTES_MAX`] bytes, cut between characters.
fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default()
}

/// Sequences with their labels, over one vocabulary: what a model is fitted on.
#[derive(Clone, Debug, Default)]
pub struct SequenceData {
    vocabulary: Vocabulary,
    ids: Vec<u32>,
    ends: Vec<usize>,
    labels: Vec<u8>,
}

impl SequenceData {
    /// Adds a sequence; `label` is 0 for normal, 1 for hostile; without labels everything is taken for normal.
    ///
    /// # Errors
    /// When [`IDS_MAX`], [`SEQUENCES_MAX`] or [`VOCABULARY_MAX`] would be exceeded, or the label is another number.
    pub fn push(&mut self, tokens: &[Token<'_>], label: u8) -> Result<(), FitError> {
        if label > 1 {
            return Err(FitError::Other(format!("sequence {}: label {label} is neither 0 nor 1", self.len())));
        }
        let have = self.ids.len() + tokens.len();
        if have > IDS_MAX {
            return Err(FitError::TooMany { what: "ids", have, max: IDS_MAX });
        }
        if self.len() >= SEQUENCES_MAX {
            return Err(FitError::TooMany { what: "sequences", have: self.len() + 1, max: SEQUENCES_MAX });
        }
        let start = self.ids.len();
        for token in tokens {
            let id = self.vocabulary.intern(*token);
            if id == UNSEEN {
                self.ids.truncate(start);
                return Err(FitError::TooMany { what: "different ids", have: VOCABULARY_MAX + 1, max: VOCABULARY_MAX });
            }
            self.ids.push(id);
        }
        self.ends.push(self.ids.len());
        self.labels.push(label);
        Ok(())
    }

    /// How many sequences.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A sequence by its number from 0; empty beyond the last.
    pub fn sequence(&self, at: usize) -> &[u32] {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(at).and_then(|end| self.ids.get(start..*end)).unwrap_or_default()
    }

    /// The labels, one a sequence.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The ids' names.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The same data with only these sequences, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut picked = Self { vocabulary: self.vocabulary.clone(), ..Self::default() };
        for row in rows.iter().filter(|row| **row < self.len()) {
            picked.ids.extend_from_slice(self.sequence(*row));
            picked.ends.push(picked.ids.len());
            picked.labels.push(self.labels.get(*row).copied().unwrap_or(0));
        }
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_that_read_alike_are_one_id() {
        let mut vocabulary = Vocabulary::default();
        let seventeen = vocabulary.intern(Token::Number(17));
        assert_eq!(vocabulary.intern(Token::Text("17")), seventeen);
        assert_eq!(vocabulary.get(Token::Number(i64::MIN)), UNSEEN);
        assert_eq!(vocabulary.intern(Token::Number(i64::MIN)), 2);
        assert_eq!(vocabulary.get(Token::Text("-9223372036854775808")), 2);
        assert_eq!((vocabulary.name(1), vocabulary.name(0), vocabulary.name(9)), ("17", "unseen", "unseen"));
    }

    #[test]
    fn endless_names_are_cut_between_characters() {
        let mut vocabulary = Vocabulary::default();
        let long = "é".repeat(NAME_BYTES_MAX);
        let id = vocabulary.intern(Token::Text(&long));
        assert_eq!(vocabulary.name(id).len(), NAME_BYTES_MAX);
        assert_eq!(vocabulary.get(Token::Text(&long)), id);
    }

    #[test]
    fn more_ids_than_allowed_are_refused_and_leave_nothing_behind() {
        let mut data = SequenceData::default();
        for at in 0..VOCABULARY_MAX as i64 {
            data.push(&[Token::Number(at)], 0).unwrap();
        }
        let error = data.push(&[Token::Number(0), Token::Text("one more")], 0).unwrap_err();
        assert_eq!(error.to_string(), "different ids: 262145, at most 262144 are allowed");
        assert_eq!(data.len(), VOCABULARY_MAX);
        data.push(&[Token::Number(3)], 1).unwrap();
        assert_eq!(data.sequence(VOCABULARY_MAX), &[4]);
        assert!(data.push(&[], 2).is_err());
        assert_eq!(data.select(&[VOCABULARY_MAX, 0]).labels(), &[1, 0]);
    }
}
