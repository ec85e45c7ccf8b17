//! The tables: NSL-KDD with its folds, the sets of ADBench (zip archives of NumPy arrays).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use shieldwall_learn::{Feature, FeatureKind, Frame, Schema};

/// How rows are held out, and in how many folds.
pub const SCHEMES: [(&str, usize); 3] = [("types", 5), ("families", 3), ("shift", 5)];

/// Normal rows of a service from which on it is too frequent to be held out as a whole.
const FREQUENT: usize = 900;

/// Bytes of one array that are read.
const ARRAY_BYTES_MAX: u64 = 1 << 30;

/// NSL-KDD.
pub struct Flows {
    pub frame: Frame,
    /// The attack's name, or `normal`.
    names: Vec<String>,
    services: Vec<String>,
}

/// Rows to train on and rows to judge.
pub struct Fold {
    pub train: Vec<usize>,
    pub test: Vec<usize>,
}

impl Flows {
    /// Reads the training rows.
    ///
    /// # Errors
    /// When the file is missing or a row has another shape.
    pub fn read(data: &Path) -> Result<Self> {
        let folder = data.join("nsl-kdd");
        let text = std::fs::read_to_string(folder.join("KDDTrain+_20Percent.txt")).context("NSL-KDD")?;
        let fields = std::fs::read_to_string(folder.join("Field Names.csv")).context("NSL-KDD's field names")?;
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        ensure!(rows.iter().all(|row| row.len() == 43), "NSL-KDD: rows have other than 43 fields");
        let word = |row: &Vec<&str>, at: usize| row.get(at).map(|word| (*word).to_owned()).unwrap_or_default();
        let (mut features, mut columns) = (Vec::new(), Vec::new());
        for (at, field) in fields.lines().take(41).enumerate() {
            let (name, kind) = field.trim().split_once(',').context("a field without a kind")?;
            let words: Vec<String> = rows.iter().map(|row| word(row, at)).collect();
            let (kind, column) = if kind == "symbolic" && !words.iter().all(|word| word == "0" || word == "1") {
                category(&words)
            } else {
                let numbers: Result<Vec<f64>, _> = words.iter().map(|word| word.parse()).collect();
                (FeatureKind::Numeric, numbers.with_context(|| format!("column {name}"))?)
            };
            features.push(Feature { name: name.to_owned(), kind });
            columns.push(column);
        }
        Ok(Self {
            frame: Frame::new(Schema { features }, columns)?,
            names: rows.iter().map(|row| word(row, 41)).collect(),
            services: rows.iter().map(|row| word(row, 2)).collect(),
        })
    }

    /// Whether a row is an attack.
    pub fn is_attack(&self, row: usize) -> bool {
        self.names.get(row).is_some_and(|name| name != "normal")
    }

    /// One fold of a scheme.
    pub fn fold(&self, scheme: &str, fold: usize) -> Fold {
        let folds = SCHEMES.iter().find(|(name, _)| *name == scheme).map_or(5, |(_, folds)| *folds);
        let attacks = ranked(self.names.iter().filter(|name| *name != "normal"));
        let normal = |row: &usize| !self.is_attack(*row);
        let normals: Vec<usize> = (0..self.names.len()).filter(normal).collect();
        let services = ranked(normals.iter().filter_map(|row| self.services.get(*row)));
        let rare: Vec<&(&str, usize)> = services.iter().filter(|(_, count)| *count < FREQUENT).collect();
        let (mut train, mut test, mut seen) = (Vec::new(), Vec::new(), 0);
        for (row, (name, service)) in self.names.iter().zip(&self.services).enumerate() {
            let is_held_out = if name == "normal" {
                seen += 1;
                let own = rare.iter().position(|(own, _)| own == service);
                (seen - 1) % folds == fold || (scheme == "shift" && own.is_some_and(|at| at % folds == fold))
            } else if scheme == "families" {
                family(name) == fold
            } else {
                attacks.iter().position(|(own, _)| own == name).is_some_and(|at| at % folds == fold)
            };
            if is_held_out { test.push(row) } else { train.push(row) }
        }
        Fold { train, test }
    }
}

/// Words with their counts, most frequent first, then by name.
fn ranked<'a>(words: impl Iterator<Item = &'a String>) -> Vec<(&'a str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    let mut ranked: Vec<(&str, usize)> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked
}

/// Denial of service, probing, break-ins.
fn family(name: &str) -> usize {
    match name {
        "back" | "land" | "neptune" | "pod" | "smurf" | "teardrop" => 0,
        "ipsweep" | "nmap" | "portsweep" | "satan" => 1,
        _ => 2,
    }
}

fn category(words: &[String]) -> (FeatureKind, Vec<f64>) {
    let mut values: Vec<String> = words.to_vec();
    values.sort();
    values.dedup();
    let code = |word: &String| values.binary_search(word).map_or(f64::NAN, |code| code as f64);
    let column = words.iter().map(code).collect();
    (FeatureKind::Categorical(values), column)
}

/// A set of ADBench.
pub struct Set {
    pub number: u32,
    pub name: String,
    pub frame: Frame,
    pub labels: Vec<bool>,
}

/// All sets, by number.
///
/// # Errors
/// When the folder is missing or a file is no archive of a table `X` and labels `y`.
pub fn adbench(data: &Path) -> Result<Vec<Set>> {
    let folder = data.join("adbench/Classical");
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    let mut sets = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "npz")) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (number, name) = stem.split_once('_').context("a set without a number")?;
        let mut archive = zip::ZipArchive::new(File::open(path)?).with_context(|| stem.clone())?;
        let columns = array(&mut archive, "X.npy").with_context(|| stem.clone())?;
        let labels = array(&mut archive, "y.npy").with_context(|| stem.clone())?.pop().unwrap_or_default();
        let feature = |at: usize| Feature { name: format!("x{at}"), kind: FeatureKind::Numeric };
        let schema = Schema { features: (0..columns.len()).map(feature).collect() };
        sets.push(Set {
            number: number.parse()?,
            name: name.to_owned(),
            frame: Frame::new(schema, columns)?,
            labels: labels.iter().map(|label| *label > 0.5).collect(),
        });
    }
    sets.sort_by_key(|set| set.number);
    Ok(sets)
}

/// The columns of an array (NumPy's format, version 1 to 3); a list is one column.
fn array(archive: &mut zip::ZipArchive<File>, name: &str) -> Result<Vec<Vec<f64>>> {
    let mut bytes = Vec::new();
    archive.by_name(name)?.take(ARRAY_BYTES_MAX).read_to_end(&mut bytes)?;
    let (magic, rest) = bytes.split_at_checked(8).context("cut short")?;
    ensure!(magic.starts_with(b"\x93NUMPY"), "no NumPy array");
    let wide = if magic.get(6) == Some(&1) { 2 } else { 4 };
    let (length, rest) = rest.split_at_checked(wide).context("cut short")?;
    let length = length.iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (header, values) = rest.split_at_checked(length).context("cut short")?;
    let header = std::str::from_utf8(header)?;
    let after = |key: &str| header.split_once(key).map(|(_, rest)| rest.trim_start_matches([':', ' ', '\'']));
    let kind = after("'descr'").and_then(|rest| rest.split('\'').next()).context("no descr")?;
    let by_column = after("'fortran_order'").is_some_and(|rest| rest.starts_with("True"));
    let shape = after("'shape'").and_then(|rest| rest.split(')').next()).context("no shape")?;
    let shape: Vec<usize> = shape.split(['(', ',', ' ']).filter_map(|word| word.parse().ok()).collect();
    let (rows, width) = (shape.first().copied().unwrap_or(0), shape.get(1).copied().unwrap_or(1));
    let numbers: Vec<f64> = match kind {
        "<f8" => values.as_chunks().0.iter().map(|own| f64::from_le_bytes(*own)).collect(),
        "<f4" => values.as_chunks().0.iter().map(|own| f64::from(f32::from_le_bytes(*own))).collect(),
        "<i8" => values.as_chunks().0.iter().map(|own| i64::from_le_bytes(*own) as f64).collect(),
        "<i4" => values.as_chunks().0.iter().map(|own| f64::from(i32::from_le_bytes(*own))).collect(),
        "|u1" | "|b1" => values.iter().map(|own| f64::from(*own)).collect(),
        other => bail!("numbers of kind {other}"),
    };
    ensure!(rows.checked_mul(width) == Some(numbers.len()), "{} numbers for {rows} × {width}", numbers.len());
    let at = |row: usize, column: usize| if by_column { column * rows + row } else { row * width + column };
    let pick = |row, column| numbers.get(at(row, column)).copied().unwrap_or(f64::NAN);
    Ok((0..width).map(|column| (0..rows).map(|row| pick(row, column)).collect()).collect())
}
