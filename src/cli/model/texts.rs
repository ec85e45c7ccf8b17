//! Texts with their labels: CSV whose first column is the text, JSON Lines `{"text": …}`, or a folder whose own folders say
//! what the files in them are.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::label;
use super::rows::Rows;

/// Bytes of one text that are kept; models read less.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// Texts in one data set.
const TEXTS_MAX: usize = 20_000_000;

/// Bytes of all texts together.
const ALL_BYTES_MAX: u64 = 4 << 30;

/// The key and column of labels.
pub const LABEL: &str = "label";

/// Texts, with labels where there are any.
#[derive(Debug, Default)]
pub struct Texts {
    /// The texts.
    pub texts: Vec<String>,
    /// As many labels, or none at all.
    pub labels: Option<Vec<bool>>,
    /// What could not be read: place and reason.
    pub rejected: Vec<String>,
}

/// Whether labels must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels<'l> {
    /// Every text needs one, in the column or key of this name.
    Needed(&'l str),
    /// They are not looked at.
    Ignored,
}

impl Texts {
    fn push(&mut self, text: String, label: Option<bool>, bytes: &mut u64) -> Result<()> {
        *bytes += text.len() as u64;
        if self.texts.len() >= TEXTS_MAX || *bytes > ALL_BYTES_MAX {
            bail!("more than {TEXTS_MAX} texts or {ALL_BYTES_MAX} bytes");
        }
        self.texts.push(text);
        if let (Some(labels), Some(label)) = (&mut self.labels, label) {
            labels.push(label);
        }
        Ok(())
    }
}

/// Reads texts from files and folders, in the order of their names.
///
/// # Errors
/// When something cannot be read, or a label is needed and missing or no label.
pub fn read(paths: &[PathBuf], wanted: Labels<'_>) -> Result<Texts> {
    let mut out = Texts { labels: matches!(wanted, Labels::Needed(_)).then(Vec::new), ..Texts::default() };
    let mut bytes = 0;
    for path in paths {
        let shown = path.display();
        if path.is_dir() {
            folder(path, wanted, &mut out, &mut bytes)?;
        } else if is_json(path)? {
            json_lines(path, wanted, &mut out, &mut bytes).with_context(|| format!("cannot read `{shown}`"))?;
        } else {
            table(path, wanted, &mut out, &mut bytes)?;
        }
    }
    if out.texts.is_empty() && out.rejected.is_empty() {
        bail!("no text in {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "));
    }
    Ok(out)
}

/// Whether a file is JSON Lines: its first byte that is no blank opens an object.
pub fn is_json(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    file.take(4096).read_to_end(&mut head)?;
    Ok(head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'))
}

fn table(path: &Path, wanted: Labels<'_>, out: &mut Texts, bytes: &mut u64) -> Result<()> {
    let rows = Rows::open(&[path.to_path_buf()])?;
    let label_at = match wanted {
        Labels::Needed(name) => Some(rows.column(name)?),
        Labels::Ignored => None,
    };
    if label_at == Some(0) {
        bail!("`{}`: its first column must be the text, but it is the label", path.display());
    }
    rows.each(&mut |row, cells| {
        let text = cells.first().copied().unwrap_or_default().to_owned();
        let label = match label_at {
            None => None,
            Some(at) => Some(read_label(cells.get(at).copied().unwrap_or_default(), &format!("row {row}"))?),
        };
        out.push(text, label, bytes)
    })
}

fn read_label(word: &str, place: &str) -> Result<bool> {
    let shown = word.get(..word.floor_char_boundary(60)).unwrap_or_default();
    label::read(word).with_context(|| format!("{place}: the label `{shown}` is not {}", label::ACCEPTED))
}

fn json_lines(path: &Path, wanted: Labels<'_>, out: &mut Texts, bytes: &mut u64) -> Result<()> {
    each_line(path, &mut |number, line| {
        let value: Value = match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => {
                out.rejected.push(format!("line {number}: {error}"));
                return Ok(());
            }
        };
        let Some(text) = value.get("text").and_then(Value::as_str) else {
            out.rejected.push(format!("line {number}: no key `text` with a text"));
            return Ok(());
        };
        let label = match wanted {
            Labels::Ignored => None,
            Labels::Needed(name) => Some(json_label(&value, name, number)?),
        };
        out.push(text.to_owned(), label, bytes)
    })
}

/// The label in an object.
pub fn json_label(value: &Value, name: &str, number: u64) -> Result<bool> {
    let label = value.get(name).with_context(|| format!("line {number}: no key `{name}`"))?;
    let word = label.as_str().map_or_else(|| label.to_string(), str::to_owned);
    read_label(&word, &format!("line {number}"))
}

/// Goes through the lines of a file that are not blank.
pub fn each_line(path: &Path, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<()> {
    /// Bytes of one line.
    const LINE_BYTES_MAX: u64 = 64 << 20;
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if read as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
            bail!("line {number} is longer than {LINE_BYTES_MAX} bytes");
        }
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            each(number, text.trim_end_matches(['\n', '\r']))?;
        }
    }
}

fn folder(path: &Path, wanted: Labels<'_>, out: &mut Texts, bytes: &mut u64) -> Result<()> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(path)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    files.sort();
    for file in files {
        let label = match wanted {
            Labels::Ignored => None,
            Labels::Needed(_) => {
                let inner = file.strip_prefix(path).unwrap_or(&file).parent().unwrap_or(Path::new(""));
                let mut names = inner.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
                match names.find_map(|name| label::of_folder(&name)) {
                    Some(label) => Some(label),
                    // A licence beside the classes is no example of any.
                    None => {
                        out.rejected.push(format!("{}: no folder above it says what it is", file.display()));
                        continue;
                    }
                }
            }
        };
        let mut text = Vec::new();
        let opened = File::open(&file).and_then(|open| open.take(TEXT_BYTES_MAX).read_to_end(&mut text));
        if let Err(error) = opened {
            out.rejected.push(format!("{}: {error}", file.display()));
            continue;
        }
        out.push(decoded(&text), label, bytes)?;
    }
    Ok(())
}

/// A file's bytes as text: UTF-16 by its mark, else UTF-8 with replacements.
fn decoded(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The bytes of all files of a data set, for its hash: in the order in which they are read.
pub fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let mut files: Vec<PathBuf> = walkdir::WalkDir::new(path)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        files.sort();
        return files;
    }
    vec![path.to_path_buf()]
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn texts_come_from_csv_json_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        fs::write(&csv, "payload,kind,label\n\"a,b\",x,1\nhello,y,0\n").unwrap();
        let json = folder.path().join("b.jsonl");
        fs::write(&json, "{\"text\":\"c\",\"label\":\"benign\"}\n\nnonsense\n{\"label\":1}\n").unwrap();
        let scripts = folder.path().join("scripts");
        fs::create_dir_all(scripts.join("malicious_pure/deep")).unwrap();
        fs::create_dir_all(scripts.join("benign")).unwrap();
        fs::write(scripts.join("malicious_pure/deep/1.ps1"), [0xff, 0xfe, b'i', 0, b'x', 0]).unwrap();
        fs::write(scripts.join("benign/2.ps1"), "dir").unwrap();
        fs::write(scripts.join("LICENSE"), "x").unwrap();
        let read = read(&[csv, json, scripts], Labels::Needed(LABEL)).unwrap();
        assert_eq!(read.texts, ["a,b", "hello", "c", "dir", "ix"]);
        assert_eq!(read.labels, Some(vec![true, false, false, false, true]));
        assert_eq!(read.rejected.len(), 3, "{:?}", read.rejected);
    }

    #[test]
    fn a_label_that_is_none_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        fs::write(&csv, "text,label\nx,7\n").unwrap();
        let error = format!("{:#}", read(std::slice::from_ref(&csv), Labels::Needed(LABEL)).unwrap_err());
        assert!(error.contains("row 1: the label `7`"), "{error}");
        assert_eq!(read(&[csv], Labels::Ignored).unwrap().texts, ["x"]);
    }
}
