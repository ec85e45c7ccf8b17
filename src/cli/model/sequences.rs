//! Sequences with their labels: JSON Lines `{"sequence": [id, …], "label": 0}`; ids are numbers or texts.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_learn::sequence::Token;

use super::texts::{Labels, each_line, json_label};

/// Sequences in one data set.
const SEQUENCES_MAX: usize = 1 << 24;

/// Ids of all sequences together.
const IDS_MAX: usize = 1 << 27;

/// One id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Id {
    /// As the model takes it.
    pub fn token(&self) -> Token<'_> {
        match self {
            Self::Number(number) => Token::Number(*number),
            Self::Text(text) => Token::Text(text),
        }
    }
}

/// Sequences, with labels where there are any.
#[derive(Debug, Default)]
pub struct Sequences {
    /// The sequences.
    pub sequences: Vec<Vec<Id>>,
    /// As many labels, or none at all.
    pub labels: Option<Vec<bool>>,
    /// What could not be read: place and reason.
    pub rejected: Vec<String>,
}

/// Reads sequences from files.
///
/// # Errors
/// When a file cannot be read, there are too many ids, or a label is needed and missing or no label.
pub fn read(paths: &[PathBuf], wanted: Labels<'_>) -> Result<Sequences> {
    let mut out = Sequences { labels: matches!(wanted, Labels::Needed(_)).then(Vec::new), ..Sequences::default() };
    let mut ids = 0;
    for path in paths {
        each_line(path, &mut |number, line| {
            let value: Value = match serde_json::from_str(line) {
                Ok(value) => value,
                Err(error) => {
                    out.rejected.push(format!("line {number}: {error}"));
                    return Ok(());
                }
            };
            let list = match sequence(&value) {
                Ok(list) => list,
                Err(why) => {
                    out.rejected.push(format!("line {number}: {why}"));
                    return Ok(());
                }
            };
            ids += list.len();
            if ids > IDS_MAX || out.sequences.len() >= SEQUENCES_MAX {
                bail!("line {number}: more than {IDS_MAX} ids or {SEQUENCES_MAX} sequences");
            }
            if let Labels::Needed(name) = wanted {
                let label = json_label(&value, name, number)?;
                out.labels.get_or_insert_default().push(label);
            }
            out.sequences.push(list);
            Ok(())
        })
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    }
    if out.sequences.is_empty() && out.rejected.is_empty() {
        bail!("no sequence: each line must be like {{\"sequence\": [1, 2, 3]}}");
    }
    Ok(out)
}

fn sequence(value: &Value) -> Result<Vec<Id>, String> {
    let list = value.get("sequence").and_then(Value::as_array).ok_or("no key `sequence` with a list")?;
    let id = |(at, id): (usize, &Value)| match id {
        Value::String(text) => Ok(Id::Text(text.clone())),
        Value::Number(number) => number
            .as_i64()
            .map(Id::Number)
            .or_else(|| {
                number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15).map(|v| Id::Number(v as i64))
            })
            .ok_or_else(|| format!("id {at}: {number} is no whole number")),
        other => Err(format!("id {at}: {other} is neither a number nor a text")),
    };
    list.iter().enumerate().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers_or_texts_and_bad_lines_leave_their_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        let text = "{\"sequence\":[1,\"open\",3.0],\"label\":0}\n{\"sequence\":[1.5],\"label\":0}\n[]\n{\"sequence\":[],\"label\":1}\n";
        std::fs::write(&file, text).unwrap();
        let read = read(&[file], Labels::Needed("label")).unwrap();
        assert_eq!(read.sequences, [vec![Id::Number(1), Id::Text("open".into()), Id::Number(3)], vec![]]);
        assert_eq!(read.labels, Some(vec![false, true]));
        assert_eq!(read.rejected.len(), 2, "{:?}", read.rejected);
    }
}
