//! CSV and Parquet as rows of text, read as often as needed, never held whole.
//!
//! A file is Parquet if it begins with `PAR1`, else CSV with a header; commas, or whatever of `;`, tab and `|` the header has
//! most of where it has no comma. Rows may be as long as the header says and no longer or shorter.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use shieldwall_learn::frame::COLUMNS_MAX;

/// Rows that a model learns from or that are scored at once.
pub const ROWS_MAX: u64 = 20_000_000;

/// Bytes of a header: a million columns end here.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// Bytes of one cell.
const CELL_BYTES_MAX: usize = 1 << 20;

/// Takes a row: its number from 1, and its cells.
pub type EachRow<'e> = &'e mut dyn FnMut(u64, &[&str]) -> Result<()>;

/// One or several files with the same header.
#[derive(Debug)]
pub struct Rows {
    files: Vec<PathBuf>,
    header: Vec<String>,
}

impl Rows {
    /// Opens files and reads their headers.
    ///
    /// # Errors
    /// When a file cannot be read, has no header or too long a one, or the headers differ.
    pub fn open(files: &[PathBuf]) -> Result<Self> {
        let mut header: Option<Vec<String>> = None;
        for file in files {
            let own = header_of(file)?;
            match &header {
                None => header = Some(own),
                Some(first) if *first == own => {}
                Some(first) => bail!(
                    "`{}` has other columns than `{}`: {}",
                    file.display(),
                    files.first().map(|first| first.display().to_string()).unwrap_or_default(),
                    difference(first, &own)
                ),
            }
        }
        let header = header.context("no data: name a file with --data")?;
        Ok(Self { files: files.to_vec(), header })
    }

    /// The columns' names.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The place of a column.
    ///
    /// # Errors
    /// When there is none of this name; the error lists what there is.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|column| column == name).with_context(|| {
            let mut names: Vec<&str> = self.header.iter().take(30).map(String::as_str).collect();
            if self.header.len() > names.len() {
                names.push("…");
            }
            format!("no column `{name}`: there are {}", names.join(", "))
        })
    }

    /// Goes through all rows in order.
    ///
    /// # Errors
    /// When a row cannot be read (with its line), there are more than [`ROWS_MAX`], or `each` fails.
    pub fn each(&self, each: EachRow<'_>) -> Result<()> {
        let mut number = 0;
        for file in &self.files {
            let shown = file.display();
            let mut count = |cells: &[&str]| {
                number += 1;
                if number > ROWS_MAX {
                    bail!("more than {ROWS_MAX} rows");
                }
                if let Some(cell) = cells.iter().find(|cell| cell.len() > CELL_BYTES_MAX) {
                    bail!("row {number}: a cell of {} bytes, at most {CELL_BYTES_MAX} are read", cell.len());
                }
                each(number, cells)
            };
            if is_parquet(file)? {
                parquet_rows(file, self.header.len(), &mut count).with_context(|| format!("cannot read `{shown}`"))?;
            } else {
                csv_rows(file, &mut count).with_context(|| format!("cannot read `{shown}`"))?;
            }
        }
        Ok(())
    }
}

fn difference(first: &[String], other: &[String]) -> String {
    if first.len() != other.len() {
        return format!("{} instead of {}", other.len(), first.len());
    }
    let differ = first.iter().zip(other).find(|(a, b)| a != b);
    differ.map(|(a, b)| format!("`{b}` instead of `{a}`")).unwrap_or_default()
}

fn is_parquet(file: &Path) -> Result<bool> {
    let mut magic = [0; 4];
    let mut open = File::open(file).with_context(|| format!("cannot open `{}`", file.display()))?;
    Ok(open.read_exact(&mut magic).is_ok() && &magic == b"PAR1")
}

fn header_of(file: &Path) -> Result<Vec<String>> {
    let shown = file.display();
    let header = if is_parquet(file)? {
        let reader = SerializedFileReader::new(File::open(file)?).with_context(|| format!("cannot read `{shown}`"))?;
        let schema = reader.metadata().file_metadata().schema();
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect()
    } else {
        csv_header(file)?
    };
    if header.len() > COLUMNS_MAX {
        bail!("`{shown}` has {} columns, at most {COLUMNS_MAX} are read", header.len());
    }
    for (at, name) in header.iter().enumerate() {
        if header.get(..at).is_some_and(|before| before.contains(name)) {
            bail!("`{shown}` has two columns `{name}`");
        }
    }
    Ok(header)
}

fn csv_header(file: &Path) -> Result<Vec<String>> {
    let shown = file.display();
    let mut head = Vec::new();
    File::open(file)?.take(HEADER_BYTES_MAX as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        bail!("`{shown}` is empty: a header line is needed");
    }
    if head.len() == HEADER_BYTES_MAX && !head.contains(&b'\n') {
        bail!(
            "`{shown}`: its first line has more than {HEADER_BYTES_MAX} bytes; at most {COLUMNS_MAX} columns are read"
        );
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter(&head)).from_reader(head.as_slice());
    let header = reader.headers().with_context(|| format!("cannot read the header of `{shown}`"))?;
    let names = header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned());
    Ok(names.collect())
}

fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    if count(b',') > 0 {
        return b',';
    }
    let best = [b';', b'\t', b'|'].into_iter().max_by_key(|delimiter| count(*delimiter));
    best.filter(|best| count(*best) > 0).unwrap_or(b',')
}

fn csv_rows(file: &Path, each: &mut dyn FnMut(&[&str]) -> Result<()>) -> Result<()> {
    let mut head = Vec::new();
    File::open(file)?.take(HEADER_BYTES_MAX as u64).read_to_end(&mut head)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(&head))
        .from_reader(BufReader::with_capacity(1 << 16, File::open(file)?));
    let mut record = csv::ByteRecord::new();
    let mut lossy: Vec<String> = Vec::new();
    while reader.read_byte_record(&mut record)? {
        lossy.clear();
        let whole = record.iter().all(|cell| std::str::from_utf8(cell).is_ok());
        if whole {
            let cells: Vec<&str> = record.iter().map(|cell| std::str::from_utf8(cell).unwrap_or_default()).collect();
            each(&cells)?;
        } else {
            lossy.extend(record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()));
            let cells: Vec<&str> = lossy.iter().map(String::as_str).collect();
            each(&cells)?;
        }
    }
    Ok(())
}

fn parquet_rows(file: &Path, columns: usize, each: &mut dyn FnMut(&[&str]) -> Result<()>) -> Result<()> {
    let reader = SerializedFileReader::new(File::open(file)?)?;
    for row in reader.get_row_iter(None)? {
        let row = row?;
        let texts: Vec<String> = row.get_column_iter().take(columns).map(|(_, field)| cell(field)).collect();
        let cells: Vec<&str> = texts.iter().map(String::as_str).collect();
        each(&cells)?;
    }
    Ok(())
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(value) => u8::from(*value).to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        // Floats lose nothing this way: the shortest text that reads back as the same number.
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        other => other.to_string(),
    }
}
