//! The user's lists: what `%name%` stands for where a rule says `|expand`.

use std::collections::BTreeMap;

use super::limits::LIST_VALUES_MAX;

/// Names and their values. Values are Sigma strings: `*` and `?` are wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    lists: BTreeMap<String, Vec<String>>,
}

/// A list with more values than allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("list `{name}` has {have} values, over the limit of {max}", max = LIST_VALUES_MAX)]
pub struct ListTooLong {
    /// The list's name.
    pub name: String,
    /// How many values it has.
    pub have: usize,
}

impl Lists {
    /// No lists.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a list; a list of the same name is replaced. The name is written without `%`.
    pub fn insert(&mut self, name: &str, values: Vec<String>) -> Result<(), ListTooLong> {
        if values.len() > LIST_VALUES_MAX {
            return Err(ListTooLong { name: name.to_owned(), have: values.len() });
        }
        self.lists.insert(name.to_owned(), values);
        Ok(())
    }

    /// Adds a list from a text file: one value a line; empty lines and lines that begin with `#` are left out.
    pub fn insert_text(&mut self, name: &str, text: &str) -> Result<(), ListTooLong> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        self.insert(name, lines.map(str::to_owned).collect())
    }

    /// The values of a list.
    pub fn get(&self, name: &str) -> Option<&[String]> {
        self.lists.get(name).map(Vec::as_slice)
    }

    /// All lists, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.lists.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_and_limit() {
        let mut lists = Lists::new();
        lists.insert_text("Servers", "# ours\nsrv*\n\n  db1  \r\n").unwrap();
        assert_eq!(lists.get("Servers").unwrap(), ["srv*", "db1"]);
        assert_eq!(lists.get("servers"), None);
        let error = lists.insert("x", vec![String::new(); LIST_VALUES_MAX + 1]).unwrap_err();
        assert_eq!(error.to_string(), "list `x` has 1001 values, over the limit of 1000");
    }
}
