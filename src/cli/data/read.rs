//! CSV and Parquet → a profile of every column, each row's hash, and a frame to learn from.
//!
//! Unlike a reader that trains, this one goes on where a cell is bad: it counts it, keeps its place and takes it as missing.
//! Two passes; a column is numeric if seven in ten of its filled cells are numbers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use shieldwall_learn::frame::CATEGORIES_MAX;
use shieldwall_learn::{Feature, FeatureKind, Frame, Schema};

use crate::cli::model::label;
use crate::cli::model::rows::Rows;

/// Cells that are held: 2 GiB of numbers.
const CELLS_MAX: u64 = 1 << 28;

/// Bad cells whose rows are kept, a column; all are counted.
const BAD_MAX: usize = 10_000;

/// Share of numbers from which on a column is meant to be numeric.
const NUMERIC_MIN: f64 = 0.7;

/// Columns with more different words than this share of their rows tell rows apart, not kinds.
const DIFFERENT_MAX: f64 = 0.5;

/// Rows from which on that is known.
const DIFFERENT_ROWS_MIN: u64 = 20;

/// Different labels: more are no labels.
const LABELS_MAX: usize = 1000;

/// Texts that mean that nothing is known.
const MISSING: [&str; 8] = ["", "na", "nan", "n/a", "null", "none", "-", "?"];

/// Names under which a label column is found when none is named.
const LABEL_NAMES: [&str; 8] = ["label", "labels", "class", "target", "y", "attack", "is_attack", "malicious"];

/// A row's content: the first 128 bits of SHA-256 over its cells, each with its length.
pub type RowHash = [u8; 16];

/// Columns with a part of their own.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// What a row is.
    pub label: Option<String>,
    /// Who sent it.
    pub source: Option<String>,
    /// What must not stand in two splits.
    pub group: Option<String>,
    /// When it was.
    pub time: Option<String>,
}

/// What is known of a column.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Cells that say something.
    pub filled: u64,
    /// Cells that say nothing.
    pub missing: u64,
    /// Finite numbers.
    pub numbers: u64,
    /// Infinities, and the rows of the first.
    pub infinite: (u64, Vec<usize>),
    /// Cells that are no numbers, and the rows of the first.
    pub words: (u64, Vec<usize>),
    /// The least and the greatest number, and their sum.
    pub range: Option<(f64, f64)>,
    /// Sum of numbers.
    pub sum: f64,
    /// Different cells; empty where there were too many.
    pub values: BTreeSet<String>,
    /// Whether there were too many.
    pub many: bool,
}

impl Profile {
    /// Whether it is meant to hold numbers.
    pub fn is_numeric(&self) -> bool {
        self.filled > 0 && (self.numbers + self.infinite.0) as f64 >= NUMERIC_MIN * self.filled as f64
    }

    fn note(&mut self, row: usize, cell: &str) {
        let cell = cell.trim();
        if is_missing(cell) {
            self.missing += 1;
            return;
        }
        self.filled += 1;
        match number(cell) {
            Some(value) if value.is_finite() => {
                self.numbers += 1;
                self.sum += value;
                let (least, most) = self.range.unwrap_or((value, value));
                self.range = Some((least.min(value), most.max(value)));
            }
            Some(_) => push(&mut self.infinite, row),
            None => push(&mut self.words, row),
        }
        if !self.many && !self.values.contains(cell) {
            self.many = self.values.len() >= CATEGORIES_MAX;
            if self.many {
                self.values.clear();
            } else {
                self.values.insert(cell.to_owned());
            }
        }
    }
}

fn push(bad: &mut (u64, Vec<usize>), row: usize) {
    bad.0 += 1;
    if bad.1.len() < BAD_MAX {
        bad.1.push(row);
    }
}

/// A data set.
#[derive(Debug)]
pub struct DataSet {
    /// Every column, in the file's order.
    pub profiles: Vec<Profile>,
    /// The columns to learn from.
    pub frame: Frame,
    /// Labels, and the word of each class.
    pub labels: Option<Vec<bool>>,
    /// The label column's name.
    pub label: Option<String>,
    /// Each label's word and how often it stands.
    pub label_counts: BTreeMap<String, u64>,
    /// Each row's source, as a number, and the sources' names.
    pub sources: Option<(Vec<u32>, Vec<String>)>,
    /// Each row's group.
    pub groups: Option<Vec<String>>,
    /// Each row's time, as it stands.
    pub times: Option<Vec<String>>,
    /// Each row's hash.
    pub hashes: Vec<RowHash>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Reads a data set; `like`: another one whose columns it must have.
///
/// # Errors
/// When it cannot be read, a named column is missing, labels are no labels, or a limit is reached.
pub fn read(rows: &Rows, roles: &Roles, like: Option<&DataSet>) -> Result<DataSet> {
    let header = rows.header();
    let label = match (&roles.label, like) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(like)) => like.label.clone().filter(|name| header.contains(name)),
        (None, None) => {
            let is_label = |name: &&String| LABEL_NAMES.contains(&name.trim().to_ascii_lowercase().as_str());
            header.iter().find(is_label).cloned()
        }
    };
    let place = |name: &Option<String>| name.as_deref().map(|name| rows.column(name)).transpose();
    let label_at = place(&label)?;
    let role = |name: &Option<String>| match like {
        Some(_) => Ok(name.as_deref().and_then(|name| header.iter().position(|own| own == name))),
        None => place(name),
    };
    let (source_at, group_at, time_at) = (role(&roles.source)?, role(&roles.group)?, role(&roles.time)?);
    let mut profiles: Vec<Profile> =
        header.iter().map(|name| Profile { name: name.clone(), ..Profile::default() }).collect();
    let mut hashes = Vec::new();
    rows.each(&mut |row, cells| {
        let row = (row - 1) as usize;
        profiles.iter_mut().zip(cells).for_each(|(profile, cell)| profile.note(row, cell));
        hashes.push(hash(cells));
        if (hashes.len() as u64).saturating_mul(cells.len() as u64) > CELLS_MAX {
            bail!("more than {CELLS_MAX} cells");
        }
        Ok(())
    })?;
    if hashes.is_empty() {
        bail!("there is no row below the header");
    }
    let mut notes = Vec::new();
    let own = [label_at, source_at, group_at, time_at];
    let schema = match like {
        Some(like) => like.frame.schema().clone(),
        None => schema(&profiles, &own, &mut notes)?,
    };
    let read = label_at.and_then(|at| profiles.get(at)).map(|profile| Labels::of(profile, &mut notes)).transpose()?;
    let mut out = fill(rows, &schema, &own, read.as_ref())?;
    (out.profiles, out.hashes, out.notes, out.label) = (profiles, hashes, notes, label);
    Ok(out)
}

fn schema(profiles: &[Profile], own: &[Option<usize>], notes: &mut Vec<String>) -> Result<Schema> {
    let mut features = Vec::new();
    for (at, profile) in profiles.iter().enumerate() {
        if own.contains(&Some(at)) || profile.filled == 0 {
            continue;
        }
        let name = profile.name.clone();
        if profile.is_numeric() {
            features.push(Feature { name, kind: FeatureKind::Numeric });
            continue;
        }
        let share = profile.values.len() as f64 / profile.filled as f64;
        if profile.many || (share > DIFFERENT_MAX && profile.filled >= DIFFERENT_ROWS_MIN) {
            notes.push(format!("column `{name}` tells rows apart, not kinds of rows: not used to judge them"));
            continue;
        }
        features.push(Feature { name, kind: FeatureKind::Categorical(profile.values.iter().cloned().collect()) });
    }
    if features.is_empty() {
        bail!("no column to learn from");
    }
    Ok(Schema { features })
}

/// What each label's word means.
struct Labels {
    hostile: BTreeMap<String, bool>,
}

impl Labels {
    fn of(profile: &Profile, notes: &mut Vec<String>) -> Result<Self> {
        let name = &profile.name;
        if profile.many || profile.values.len() > LABELS_MAX {
            bail!("column `{name}` has more than {LABELS_MAX} different values: it is no label");
        }
        if profile.missing > 0 {
            bail!("column `{name}`: {} rows have no label", profile.missing);
        }
        let words: Vec<&String> = profile.values.iter().collect();
        let meaning = |word: &str| label::read(word);
        let hostile = if words.iter().all(|word| meaning(word).is_some()) {
            words.iter().map(|word| ((*word).clone(), meaning(word) == Some(true))).collect()
        } else if words.iter().any(|word| meaning(word) == Some(false)) {
            notes.push(format!("labels: what is not normal counts as hostile ({} words)", words.len()));
            words.iter().map(|word| ((*word).clone(), meaning(word) != Some(false))).collect()
        } else if let [first, second] = words[..] {
            notes.push(format!("labels: `{first}` counts as normal and `{second}` as hostile"));
            BTreeMap::from([(first.clone(), false), (second.clone(), true)])
        } else {
            bail!("column `{name}`: its labels are not {}", label::ACCEPTED);
        };
        Ok(Self { hostile })
    }
}

fn fill(rows: &Rows, schema: &Schema, own: &[Option<usize>; 4], read: Option<&Labels>) -> Result<DataSet> {
    let codes: Vec<Option<BTreeMap<&str, f64>>> = schema
        .features
        .iter()
        .map(|feature| match &feature.kind {
            FeatureKind::Numeric => None,
            FeatureKind::Categorical(words) => {
                Some(words.iter().zip(0u32..).map(|(word, code)| (word.as_str(), f64::from(code))).collect())
            }
        })
        .collect();
    let places: Vec<usize> = schema
        .features
        .iter()
        .map(|feature| rows.column(&feature.name))
        .collect::<Result<_>>()
        .context("the two data sets have different columns")?;
    let [label_at, source_at, group_at, time_at] = *own;
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); schema.len()];
    let (mut labels, mut label_counts) = (Vec::new(), BTreeMap::new());
    let (mut sources, mut names): (Vec<u32>, BTreeMap<String, u32>) = (Vec::new(), BTreeMap::new());
    let (mut groups, mut times) = (Vec::new(), Vec::new());
    rows.each(&mut |row, cells| {
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default().trim();
        for ((column, codes), place) in columns.iter_mut().zip(&codes).zip(&places) {
            let cell = cell(*place);
            column.push(match codes {
                _ if is_missing(cell) => f64::NAN,
                Some(codes) => codes.get(cell).copied().unwrap_or(f64::NAN),
                None => number(cell).filter(|value| value.is_finite()).unwrap_or(f64::NAN),
            });
        }
        if let (Some(at), Some(read)) = (label_at, read) {
            let word = cell(at);
            let hostile = read.hostile.get(word).with_context(|| format!("row {row}: no label"))?;
            labels.push(*hostile);
            *label_counts.entry(word.to_owned()).or_insert(0) += 1;
        }
        if let Some(at) = source_at {
            let next = names.len() as u32;
            sources.push(*names.entry(cell(at).to_owned()).or_insert(next));
        }
        groups.extend(group_at.map(|at| cell(at).to_owned()));
        times.extend(time_at.map(|at| cell(at).to_owned()));
        Ok(())
    })?;
    let mut by_number = vec![String::new(); names.len()];
    for (name, number) in names {
        if let Some(place) = by_number.get_mut(number as usize) {
            *place = name;
        }
    }
    Ok(DataSet {
        profiles: Vec::new(),
        frame: Frame::new(schema.clone(), columns)?,
        labels: label_at.map(|_| labels),
        label: None,
        label_counts,
        sources: source_at.map(|_| (sources, by_number)),
        groups: group_at.map(|_| groups),
        times: time_at.map(|_| times),
        hashes: Vec::new(),
        notes: Vec::new(),
    })
}

/// A row's hash.
pub fn hash(cells: &[&str]) -> RowHash {
    let mut hash = Sha256::new();
    for cell in cells {
        hash.update((cell.len() as u64).to_le_bytes());
        hash.update(cell.as_bytes());
    }
    let whole: [u8; 32] = hash.finalize().into();
    let mut out = [0; 16];
    out.iter_mut().zip(whole).for_each(|(out, byte)| *out = byte);
    out
}

fn is_missing(cell: &str) -> bool {
    cell.len() <= 4 && MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

fn number(cell: &str) -> Option<f64> {
    match cell.to_ascii_lowercase().as_str() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => cell.parse().ok().filter(|value: &f64| !value.is_nan()),
    }
}
