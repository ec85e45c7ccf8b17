//! `shieldwall data check`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::diff::Format;
use super::finding::{Finding, Level, write_json, write_words};
use super::read::{DataSet, Roles, read};
use super::tables::Scores;
use super::{manifest, tables, texts};
use crate::cli::model::KindArg;
use crate::cli::model::rows::Rows;
use crate::cli::model::texts::{LABEL, Labels, is_json, read as read_texts};
use crate::cli::{Global, Outcome};
use crate::confine::Needs;
use crate::home::write_whole;
use crate::output::escape::escape;

/// What a data set's signature says it is.
const DATASET: &str = "urn:shieldwall:dataset:v1";

/// Arguments of `data check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  shieldwall data check flows.csv --label attack\n  \
                        shieldwall data check flows.csv --label attack --test later.csv --source sensor --format jsonl\n  \
                        shieldwall data check commands.jsonl --kind command\n\
                        Rows count from 1, without the header. Exit code 0: nothing but notes; 1: findings.\n\
                        A note is no accusation: it ranks what is most doubtful in a table that looks clean.")]
pub struct CheckArgs {
    /// CSV or Parquet with the same columns; or texts (JSON Lines, CSV, folders) with --kind
    #[arg(required = true, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// What the data are of
    #[arg(long, value_enum, default_value_t = KindArg::Tabular, value_name = "KIND")]
    kind: KindArg,
    /// The column of labels: 0 or 1, or words such as normal and attack [default: `label` or the like]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// Test data: no row, group or later time may stand in both
    #[arg(long, value_name = "FILE")]
    test: Vec<PathBuf>,
    /// The last data set that was trusted: units, ranges and labels are compared with it
    #[arg(long, value_name = "FILE")]
    reference: Vec<PathBuf>,
    /// The column that names who sent a row: what each source moves
    #[arg(long, value_name = "COL")]
    source: Option<String>,
    /// The column of what may not stand in data and test data both (host, user, session)
    #[arg(long, value_name = "COL")]
    group: Option<String>,
    /// The column of times (numbers or ISO 8601): data must be older than test data
    #[arg(long, value_name = "COL")]
    time: Option<String>,
    /// Writes the data set's manifest here, and its signature by this machine's key beside it (`FILE.sig`)
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Writes every row's suspicion here, as CSV
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// What chance begins with
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// Runs `data check`.
///
/// # Errors
/// When data cannot be read, or a file not be written.
pub fn run(global: &Global, args: &CheckArgs) -> Result<Outcome> {
    let mut needs = Needs::default().spool();
    if let Some(path) = &args.manifest {
        needs = needs.whole_file(path);
        // Made now if it is not there: later nothing can be put into the data directory.
        crate::books::key(&global.home()?)?;
    }
    if let Some(path) = &args.scores {
        needs = needs.file(path);
    }
    global.confine(&needs);
    let mut findings = Vec::new();
    let (rows, scores, partial) = check(args, &mut findings)?;
    if let Some(path) = &args.scores {
        write_scores(path, rows, &scores).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if let Some(path) = &args.manifest {
        sign(global, path)?;
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let found = findings.iter().any(|finding| finding.level > Level::Note);
    let mut out = BufWriter::new(io::stdout().lock());
    if args.format == Format::Jsonl {
        write_json(&findings, &mut out)?;
    } else {
        write_words(&findings, &mut out)?;
        let of = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
        let (poison, quality) = (of(Level::Poison), of(Level::Quality));
        writeln!(out, "\n{rows} rows: {poison} signs of poison, {quality} of bad quality, {} notes", of(Level::Note))?;
        if !found {
            writeln!(out, "nothing found; that is no proof (docs/guides/checking-data.md says what cannot be seen)")?;
        }
    }
    out.flush()?;
    Ok(Outcome::of(found, partial))
}

/// Signs a manifest with this machine's key, beside it: whoever holds the public half sees that nobody changed it.
fn sign(global: &Global, path: &Path) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let name = path.file_name().map_or_else(|| "dataset".to_owned(), |name| name.to_string_lossy().into_owned());
    let hash = shieldwall_trust::Hash::of(&bytes);
    let predicate = serde_json::json!({ "program": concat!("shieldwall ", env!("CARGO_PKG_VERSION")) });
    let key = crate::books::key(&global.home()?)?;
    let envelope = shieldwall_trust::registry::sealed::seal(hash, &name, DATASET, &predicate, &key);
    let mut signature = path.as_os_str().to_owned();
    signature.push(".sig");
    write_whole(Path::new(&signature), envelope.as_bytes())
}

fn check(args: &CheckArgs, findings: &mut Vec<Finding>) -> Result<(usize, Scores, bool)> {
    match args.kind {
        KindArg::Tabular => table(args, findings),
        _ if args.manifest.is_some() => bail!("manifests are of tables: leave out --manifest"),
        KindArg::Sequence => bail!("sequences are not checked: `data check` takes tables and texts"),
        kind => text(kind, args, findings),
    }
}

/// The check as a gate asks for it: rows, and what was found that is more than a note.
///
/// # Errors
/// As of [`run`].
pub fn gate(
    kind: KindArg,
    data: &[PathBuf],
    label: Option<&str>,
    source: Option<&str>,
    reference: &[PathBuf],
) -> Result<(usize, Vec<Finding>)> {
    let args = CheckArgs {
        data: data.to_vec(),
        kind,
        label: label.map(str::to_owned),
        test: Vec::new(),
        reference: reference.to_vec(),
        source: source.map(str::to_owned),
        group: None,
        time: None,
        manifest: None,
        scores: None,
        format: Format::Text,
        seed: 1,
    };
    let mut findings = Vec::new();
    let (rows, _, _) = check(&args, &mut findings)?;
    findings.retain(|finding| finding.level > Level::Note);
    Ok((rows, findings))
}

fn table(args: &CheckArgs, out: &mut Vec<Finding>) -> Result<(usize, Scores, bool)> {
    let roles = Roles {
        label: args.label.clone(),
        source: args.source.clone(),
        group: args.group.clone(),
        time: args.time.clone(),
    };
    let data = read(&Rows::open(&args.data)?, &roles, None)?;
    notes(&data, out);
    tables::columns(&data, out);
    tables::repeated(&data, out);
    tables::labels(&data, out);
    if !args.test.is_empty() {
        let test = read(&Rows::open(&args.test)?, &roles, Some(&data)).context("the test data")?;
        tables::splits(&data, &test, out);
    }
    if !args.reference.is_empty() {
        let old = read(&Rows::open(&args.reference)?, &roles, Some(&data)).context("the reference")?;
        tables::reference(&data, &old, args.seed, out)?;
    }
    let scores = tables::poison(&data, args.seed, out)?;
    tables::influence(&data, args.seed, out)?;
    if let Some(path) = &args.manifest {
        let text = format!("{:#}\n", manifest::of(&args.data, &data)?);
        write_whole(path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok((data.frame.rows(), scores, false))
}

fn notes(data: &DataSet, out: &mut Vec<Finding>) {
    out.extend(data.notes.iter().map(|note| Finding::new(Level::Note, "reading", note.clone())));
}

fn text(kind: KindArg, args: &CheckArgs, out: &mut Vec<Finding>) -> Result<(usize, Scores, bool)> {
    let label = args.label.as_deref().unwrap_or(LABEL);
    let has_labels = args.label.is_some() || is_labelled(args)?;
    let wanted = if has_labels { Labels::Needed(label) } else { Labels::Ignored };
    let read = read_texts(&args.data, wanted)?;
    for reject in &read.rejected {
        writeln!(io::stderr(), "not read: {}", escape(reject))?;
    }
    let rows = read.texts.len();
    let flip = texts::check(kind, read.texts, read.labels.as_deref(), args.seed, out)?;
    Ok((rows, Scores { flip, ..Scores::default() }, !read.rejected.is_empty()))
}

/// Whether texts bring labels: folders and JSON Lines do, a table if it has the column.
fn is_labelled(args: &CheckArgs) -> Result<bool> {
    for path in &args.data {
        if path.is_dir() {
            return Ok(true);
        }
        if is_json(path)? {
            let mut line = String::new();
            io::BufRead::read_line(&mut io::BufReader::new(io::Read::take(File::open(path)?, 1 << 20)), &mut line)?;
            return Ok(line.contains("\"label\""));
        }
        if !Rows::open(std::slice::from_ref(path))?.header().iter().any(|name| name == LABEL) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_scores(path: &PathBuf, rows: usize, scores: &Scores) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "row,flip,cluster,backdoor")?;
    let told = |list: &[f64], row: usize| {
        list.get(row).filter(|value| value.is_finite()).map(|value| format!("{value:.6}")).unwrap_or_default()
    };
    for row in 0..rows {
        let (flip, cluster) = (told(&scores.flip, row), told(&scores.cluster, row));
        writeln!(out, "{},{flip},{cluster},{}", row + 1, told(&scores.trigger, row))?;
    }
    out.flush()?;
    Ok(())
}
