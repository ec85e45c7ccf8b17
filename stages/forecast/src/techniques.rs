//! ATT&CK's techniques: what they are called, which tactics they serve, on which platforms.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Techniques that a table may hold: ATT&CK has some 700.
pub const TECHNIQUES_MAX: usize = 4096;

/// One technique or sub-technique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    /// `T1059.001`.
    pub id: String,
    /// `PowerShell`.
    pub name: String,
    /// Tactics by short name: `execution`.
    pub tactics: Vec<String>,
    /// Platforms as ATT&CK writes them: `Windows`.
    pub platforms: Vec<String>,
    /// Whether ATT&CK still has it.
    #[serde(default, skip_serializing_if = "State::is_current")]
    pub state: State,
}

/// Whether ATT&CK still has a technique.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has.
    #[default]
    Current,
    /// It was replaced by another.
    RevokedBy(String),
    /// It was given up.
    Deprecated,
}

impl State {
    /// Whether ATT&CK still has it.
    pub fn is_current(&self) -> bool {
        *self == Self::Current
    }
}

/// All techniques, in the order of their ids. A technique's number is its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Techniques {
    list: Vec<Technique>,
    numbers: HashMap<String, u16>,
    parents: Vec<Option<u16>>,
}

/// A table that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// An id stands twice.
    #[error("technique `{0}` stands twice")]
    Twice(String),
    /// Something is no id.
    #[error("`{0}` is no technique's id")]
    Id(String),
    /// Too many.
    #[error("{0} techniques, at most {TECHNIQUES_MAX} are read")]
    TooMany(usize),
}

impl Techniques {
    /// A table.
    ///
    /// # Errors
    /// When an id is none or stands twice, or there are too many.
    pub fn new(mut list: Vec<Technique>) -> Result<Self, TableError> {
        if list.len() > TECHNIQUES_MAX {
            return Err(TableError::TooMany(list.len()));
        }
        list.sort_by(|a, b| a.id.cmp(&b.id));
        let mut numbers = HashMap::with_capacity(list.len());
        for (number, one) in (0u16..).zip(&list) {
            if !is_id(&one.id) {
                return Err(TableError::Id(one.id.chars().take(40).collect()));
            }
            if numbers.insert(one.id.clone(), number).is_some() {
                return Err(TableError::Twice(one.id.clone()));
            }
        }
        let parents = list
            .iter()
            .map(|one| one.id.split_once('.').and_then(|(parent, _)| numbers.get(parent).copied()))
            .collect();
        Ok(Self { list, numbers, parents })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All, by number.
    pub fn all(&self) -> &[Technique] {
        &self.list
    }

    /// The technique of a number.
    pub fn get(&self, number: u16) -> Option<&Technique> {
        self.list.get(usize::from(number))
    }

    /// The number of an id, in any case.
    pub fn number(&self, id: &str) -> Option<u16> {
        self.numbers.get(id).or_else(|| self.numbers.get(&id.trim().to_ascii_uppercase())).copied()
    }

    /// The technique that a sub-technique belongs to.
    pub fn parent(&self, number: u16) -> Option<u16> {
        self.parents.get(usize::from(number)).copied().flatten()
    }

    /// The id of a number; empty where there is none.
    pub fn id(&self, number: u16) -> &str {
        self.get(number).map_or("", |one| one.id.as_str())
    }
}

/// Whether a text is a technique's id: `T1059` or `T1059.001`.
pub fn is_id(text: &str) -> bool {
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = text.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        Some((main, sub)) => digits(main, 4) && digits(sub, 3),
        None => digits(rest, 4),
    }
}

#[cfg(test)]
pub(crate) fn table(ids: &[&str]) -> Techniques {
    let one = |id: &&str| Technique {
        id: (*id).to_owned(),
        name: format!("name of {id}"),
        tactics: vec!["execution".to_owned()],
        platforms: vec!["Windows".to_owned()],
        state: State::Current,
    };
    Techniques::new(ids.iter().map(one).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_numbers_parents_and_a_form() {
        let table = table(&["T1059.001", "T1059", "T1003"]);
        assert_eq!((table.number("T1003"), table.number(" t1059.001 "), table.number("T9")), (Some(0), Some(2), None));
        assert_eq!((table.parent(2), table.parent(0)), (Some(1), None));
        assert_eq!(table.id(2), "T1059.001");
        for text in ["", "T1", "T10590", "T1059.1", "T1059.", "1059", "T1059.0011", "TÄ059"] {
            assert!(!is_id(text), "{text}");
        }
        let twice = vec![table.get(0).unwrap().clone(), table.get(0).unwrap().clone()];
        assert_eq!(Techniques::new(twice), Err(TableError::Twice("T1003".into())));
    }
}
