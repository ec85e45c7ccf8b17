//! `shieldwall scan`: reads everything below the given paths, finds, explains.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use shieldwall_decode::TimePolicy;
use shieldwall_detect::anomaly;
use shieldwall_detect::sigma::ir::Level;
use shieldwall_detect::sigma::load::Loaded;
use shieldwall_schema::{Timestamp, Zone};
use shieldwall_trust::Hash;
use shieldwall_trust::audit::Event;

use super::{Global, Outcome};
use crate::baselines::Kept;
use crate::books;
use crate::case::{Case, ReportKind};
use crate::confine::Needs;
use crate::home::Home;
use crate::line::{self, CaseName, Fold, Learning, LineOptions, Run};
use crate::output::escape::escape;
use crate::output::stix;
use crate::output::style::Style;
use crate::output::text;
use crate::output::words::Severity;
use crate::packs::{self, Choice};

/// More threads than this only cost memory.
const THREADS_MAX: usize = 256;

/// Flags of `scan`, as written.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Files, folders, archives, globs; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// More Sigma rules: a folder, a file or a zip (may be given more than once)
    #[arg(long, value_name = "DIR|ZIP")]
    rules: Vec<PathBuf>,
    /// Leave out the built-in rules and added packs
    #[arg(long)]
    no_builtin_rules: bool,
    /// Rules on single records and nothing else: inputs are not hashed, no manifest, no correlation, no learning
    #[arg(long)]
    rules_only: bool,
    /// Rules alone: learn nothing from these logs
    #[arg(long)]
    no_learning: bool,
    /// Learn what is normal from these logs too, without looking for anything in them; or go on from a file of kept
    /// baselines (may be given more than once)
    #[arg(long, value_name = "PATH", conflicts_with_all = ["no_learning", "rules_only"])]
    baseline: Vec<PathBuf>,
    /// Go on from what was learned before, and keep what is learned in the data directory
    #[arg(long, conflicts_with_all = ["no_learning", "rules_only", "since", "until"])]
    learn: bool,
    /// Unusual things a day that are worth a look; what is extreme is always shown
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = parse_budget)]
    budget: f64,
    /// Leave out records before this time (RFC 3339, or a date: its midnight UTC)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Leave out records at or after this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
    /// The lowest level of rules that run and are listed [default: all run, the report folds what is below medium]
    #[arg(long, value_enum)]
    level: Option<LevelArg>,
    /// `all`: one finding per matched record instead of one per rule and source
    #[arg(long, value_enum, value_name = "WHICH", default_value = "first")]
    evidence: EvidenceArg,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// The zone of logs that have none: UTC, +02:00, Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, allow_hyphen_values = true)]
    assume_tz: Option<Zone>,
    /// The year of the last line of logs that have none
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=2200))]
    assume_year: Option<i32>,
    /// How to print, or, for a case folder, which reports it gets (a list) [default: text; a case gets them all]
    #[arg(long, value_enum, value_delimiter = ',')]
    format: Vec<FormatArg>,
    /// Write to a file, or, given a folder (`case42/`), make it a case
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// No progress, no hints
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelArg {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Informational => Self::Informational,
            LevelArg::Low => Self::Low,
            LevelArg::Medium => Self::Medium,
            LevelArg::High => Self::High,
            LevelArg::Critical => Self::Critical,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EvidenceArg {
    /// The first hundred of each rule and source, and a count.
    First,
    /// Every matched record.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    Text,
    Jsonl,
    Html,
    Csv,
    Sarif,
    Stix,
}

impl FormatArg {
    /// The report that a case folder gets; text is printed, and findings as JSON are part of every case.
    fn report(self) -> Option<ReportKind> {
        match self {
            Self::Text | Self::Jsonl => None,
            Self::Html => Some(ReportKind::Html),
            Self::Csv => Some(ReportKind::Csv),
            Self::Sarif => Some(ReportKind::Sarif),
            Self::Stix => Some(ReportKind::Stix),
        }
    }
}

/// Where the result goes.
enum Destination {
    Stdout,
    File(PathBuf),
    Case(PathBuf),
}

/// Runs the command.
pub fn run(global: &Global, args: &ScanArgs) -> Result<Outcome> {
    if args.since.zip(args.until).is_some_and(|(since, until)| since >= until) {
        bail!("--since is not before --until: no record can be between them");
    }
    let destination = destination(args.output.as_deref());
    if args.format.len() > 1 && !matches!(destination, Destination::Case(_)) {
        bail!("several formats need a case folder: name one with -o case42/");
    }
    let output = match &destination {
        Destination::Stdout => None,
        Destination::File(path) => {
            if args.format.is_empty() {
                by_extension(path)?;
            }
            if path.exists() {
                refuse_evidence(path, &args.paths)?;
            }
            Some(path.clone())
        }
        Destination::Case(path) => {
            if args.rules_only {
                bail!("--rules-only writes no manifest, so it makes no case: name a file, or leave it out");
            }
            Case::check(path)?;
            Some(path.clone())
        }
    };
    let home = global.home();
    let needs = needs(args, &destination, home.as_ref().ok());
    global.confine(&needs.clone().compiled(home.as_ref().ok()));
    let choice = Choice {
        paths: args.rules.clone(),
        no_builtin: args.no_builtin_rules,
        level: args.level.map(Level::from).unwrap_or_default(),
    };
    let (mut loaded, mappings) = packs::load_with_mappings(&choice, home.as_ref().ok())?;
    // Rules are compiled and kept: no log may change them from here on.
    global.narrow(&needs);
    if !args.quiet && args.format.first().is_some_and(|format| *format != FormatArg::Text) {
        say_refused(&loaded)?;
    }
    if args.rules_only {
        loaded.set = std::mem::take(&mut loaded.set).without_correlations();
    }
    let (learning, kept_before) = if args.rules_only || args.no_learning {
        (None, None)
    } else {
        let (learning, before) = learning(args, home.as_ref().ok())?;
        (Some(learning), before)
    };
    if loaded.set.rules.is_empty() && learning.is_none() {
        bail!("no rule to run: {} refused, none left at this level", loaded.refusals.len());
    }
    let forecasts = match home.as_ref() {
        Ok(home) if !args.rules_only => crate::models::may_forecast(home),
        _ => Ok(true),
    };
    if !args.quiet && !matches!(forecasts, Ok(true)) {
        let why = forecasts.as_ref().map_or_else(|error| format!("{error:#}"), |_| "the forecaster was revoked".into());
        writeln!(io::stderr(), "note: nothing is forecast: {}", escape(&why))?;
    }
    let options = LineOptions {
        forecasts: forecasts.unwrap_or(false),
        threads: args
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
            .min(THREADS_MAX),
        since: args.since,
        until: args.until,
        fold: if args.evidence == EvidenceArg::All { Fold::ByRecord } else { Fold::BySource },
        hashed: !args.rules_only,
        times: TimePolicy { year: args.assume_year, zone: args.assume_tz.clone(), ..TimePolicy::default() },
        progress: !args.quiet && io::stderr().is_terminal(),
        learning,
        own: output.into_iter().chain(home.as_ref().ok().map(|home| home.root().to_path_buf())).collect(),
    };
    let start = std::time::Instant::now();
    let mut run = line::scan(&args.paths, loaded, mappings, &options)?;
    if !args.quiet {
        let totals = run.totals(start.elapsed().as_secs_f64());
        writeln!(io::stderr(), "{}", text::totals(&totals))?;
    }
    run.asked = serde_json::json!({
        "paths": args.paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "rules": args.rules.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "no_builtin_rules": args.no_builtin_rules,
        "baselines": args.baseline.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "learn": args.learn,
        "level": args.level.map(|level| format!("{:?}", Level::from(level)).to_lowercase()),
    });
    let outcome = Outcome::of(run.findings() > 0, run.partial());
    match deliver(&mut run, home.as_ref().ok(), destination, args) {
        // Whoever reads our output may stop early; what was found stays found.
        Err(error) if !super::is_broken_pipe(&error) => return Err(error),
        _ => {}
    }
    if args.learn
        && let Some(home) = home.as_ref().ok()
        && let Some(kept) = run.kept()
    {
        keep_learned(home, kept_before.as_deref(), &kept)?;
    }
    // The process ends here; taking thousands of rules apart piece by piece would cost more than the scan of a small log.
    std::mem::forget(run);
    Ok(outcome)
}

/// Refused rules that are named on standard error where no report names them.
const REFUSED_SAID: usize = 5;

/// Says what does not act, where the output has no place for it: findings as JSON Lines do not tell of rules that never ran.
fn say_refused(loaded: &Loaded) -> Result<()> {
    let mut err = io::stderr().lock();
    for refusal in loaded.refusals.iter().take(REFUSED_SAID) {
        writeln!(err, "refused: {}", escape(&refusal.to_string()))?;
    }
    let more = loaded.refusals.len().saturating_sub(REFUSED_SAID);
    if more > 0 {
        writeln!(err, "refused: {more} more; `shieldwall rules check PATH` names all of a path's")?;
    }
    Ok(())
}

/// What a scan writes once its rules are loaded.
fn needs(args: &ScanArgs, destination: &Destination, home: Option<&Home>) -> Needs {
    let needs = Needs::default().spool();
    let text = matches!(args.format.first(), None | Some(FormatArg::Text));
    let (needs, keeps) = match destination {
        Destination::Stdout => (needs, args.learn || (text && !args.rules_only)),
        Destination::File(path) => (needs.file(path), args.learn),
        Destination::Case(path) => (needs.folder(path), true),
    };
    needs.books(home.filter(|_| keeps))
}

/// How to learn, and the baselines that `--learn` goes on from.
fn learning(args: &ScanArgs, home: Option<&Home>) -> Result<(Learning, Option<Arc<Kept>>)> {
    let mut learning = Learning {
        settings: anomaly::Settings { budget_a_day: args.budget },
        models: Some(crate::models::actives(home)?),
        ..Learning::default()
    };
    let mut before = None;
    if args.learn {
        let home = home.context("--learn needs a place for data: set --data-dir or SHIELDWALL_HOME")?;
        before = Kept::read(&home.baselines())?.map(Arc::new);
        learning.kept.extend(before.iter().map(|kept| ("default".to_owned(), Arc::clone(kept))));
    }
    for path in &args.baseline {
        if Kept::is_kept(path) {
            let kept = Kept::read(path)?.with_context(|| format!("there is no `{}`", path.display()))?;
            learning.kept.push((path.display().to_string(), Arc::new(kept)));
        } else {
            learning.logs.push(path.clone());
        }
    }
    Ok((learning, before))
}

/// Keeps what was learned, unless somebody else did meanwhile.
fn keep_learned(home: &Home, before: Option<&Kept>, kept: &Kept) -> Result<()> {
    let _writer = home.write()?;
    let path = home.baselines();
    if before.is_some_and(|before| before.sources == kept.sources) {
        // Nothing new was learned from.
        return Ok(());
    }
    if Kept::read(&path)?.as_ref() != before {
        bail!("`{}` was changed while this scan ran: nothing was kept; scan again to learn", path.display());
    }
    let event = Event::new("baseline.learn", "default").with("logs", kept.sources.len());
    books::do_recorded(home, event, || kept.write(&path))
}

/// Refuses to write over what is to be read.
fn refuse_evidence(path: &Path, inputs: &[PathBuf]) -> Result<()> {
    let real = path.canonicalize().with_context(|| format!("cannot write `{}`", path.display()))?;
    for input in inputs {
        if input.canonicalize().is_ok_and(|input| real.starts_with(input)) {
            bail!(
                "`{}` is there and part of what is scanned: it would be overwritten; name another file",
                path.display()
            );
        }
    }
    Ok(())
}

fn deliver(run: &mut Run, home: Option<&Home>, destination: Destination, args: &ScanArgs) -> Result<()> {
    match destination {
        Destination::Stdout => {
            let mut kept = CaseName::None;
            let format = args.format.first().copied().unwrap_or(FormatArg::Text);
            if format == FormatArg::Text && !args.rules_only {
                // Kept for `show`. A machine without a place for data still gets its report.
                kept = keep_latest(run, home, args.quiet);
            }
            print(run, args, format, io::stdout().lock(), Style::of_stdout(), kept)
        }
        Destination::File(path) => {
            let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
            let format = args.format.first().copied().unwrap_or_else(|| by_extension(&path).unwrap_or(FormatArg::Text));
            print(run, args, format, file, Style::PLAIN, CaseName::None)
        }
        Destination::Case(path) => {
            let reports: Vec<ReportKind> = match args.format.as_slice() {
                [] => ReportKind::ALL.to_vec(),
                formats => formats.iter().filter_map(|format| format.report()).collect(),
            };
            Case::create(&path)?.save(run, &reports)?;
            if let Some(Err(error)) = home.map(|home| record(home, &path, run))
                && !args.quiet
            {
                let words = escape(&format!("{error:#}"));
                writeln!(io::stderr(), "note: this scan is not in the audit log: {words}")?;
            }
            let case = CaseName::Named(path.display().to_string());
            print(run, args, FormatArg::Text, io::stdout().lock(), Style::of_stdout(), case)
        }
    }
}

/// Writes down that a case was made, by which rules and models.
fn record(home: &Home, case: &Path, run: &Run) -> Result<()> {
    let findings = std::fs::read(case.join("findings.jsonl"))?;
    let rules = run.manifest().pointer("/rules/sha256").and_then(|hash| hash.as_str().map(str::to_owned));
    let mut event = Event::new("scan", Hash::of(&findings).to_string())
        .with("case", case.display())
        .with("findings", run.findings())
        .with("rules", rules.unwrap_or_default());
    for (kind, hash) in crate::models::acting(Some(home))? {
        event = event.with(&format!("model.{kind}"), hash);
    }
    books::write_down(home, &[event])?;
    Ok(())
}

fn keep_latest(run: &mut Run, home: Option<&Home>, quiet: bool) -> CaseName {
    let kept = home.map_or_else(
        || bail!("no place for data"),
        |home| {
            let _writer = home.write()?;
            Case::create(&home.latest_case())?.save(run, &[])?;
            record(home, &home.latest_case(), run)
        },
    );
    match kept {
        Ok(()) => CaseName::Latest,
        Err(error) => {
            if !quiet {
                let words = escape(&format!("{error:#}"));
                let _ = writeln!(io::stderr(), "note: `shieldwall show` will not know this scan: {words}");
            }
            CaseName::None
        }
    }
}

fn print(
    run: &mut Run,
    args: &ScanArgs,
    format: FormatArg,
    out: impl Write,
    style: Style,
    case: CaseName,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    match (format, format.report()) {
        (_, Some(kind)) => run.with_dossier(|dossier, findings| {
            kind.write(dossier, findings, &mut out)?;
            // What leaves is shown before anybody passes it on.
            if kind == ReportKind::Stix {
                stix::write_preview(dossier, findings, &mut io::stderr().lock())
            } else {
                Ok(())
            }
        })?,
        (FormatArg::Jsonl, None) => run.write_findings(&mut out)?,
        (_, None) => {
            let level = args.level.map(|level| Severity::of_level(&format!("{:?}", Level::from(level))));
            run.write_text(&mut out, &text::Options { style, level }, case)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// What a file's name asks for; text where it asks for nothing.
///
/// # Errors
/// When the name could ask for several.
fn by_extension(path: &Path) -> Result<FormatArg> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let extensions = [
        (".html", FormatArg::Html),
        (".htm", FormatArg::Html),
        (".csv", FormatArg::Csv),
        (".sarif", FormatArg::Sarif),
        (".sarif.json", FormatArg::Sarif),
        (".stix", FormatArg::Stix),
        (".stix.json", FormatArg::Stix),
        (".jsonl", FormatArg::Jsonl),
        (".ndjson", FormatArg::Jsonl),
    ];
    if let Some((_, format)) = extensions.iter().find(|(extension, _)| name.ends_with(extension)) {
        return Ok(*format);
    }
    if name.ends_with(".json") {
        bail!("`{}` may be of several formats: say --format jsonl, sarif or stix", path.display());
    }
    Ok(FormatArg::Text)
}

/// A path that is a folder, ends like one, or has no extension is a case; the rest is a file.
fn destination(output: Option<&Path>) -> Destination {
    match output {
        None => Destination::Stdout,
        Some(path) if path == Path::new("-") => Destination::Stdout,
        Some(path) => {
            let text = path.to_string_lossy();
            let folder = path.is_dir() || text.ends_with('/') || text.ends_with(std::path::MAIN_SEPARATOR);
            if folder || (path.extension().is_none() && !path.is_file()) {
                Destination::Case(path.to_path_buf())
            } else {
                Destination::File(path.to_path_buf())
            }
        }
    }
}

pub(super) fn parse_zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "say UTC, an offset (+02:00) or a zone name (Europe/Berlin)".to_owned())
}

fn parse_budget(text: &str) -> Result<f64, String> {
    let budget = text.parse::<f64>().ok().filter(|budget| (0.0..=1e6).contains(budget));
    budget.ok_or_else(|| "say how many a day, from 0 to 1000000".to_owned())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    [text, midnight.as_str()]
        .iter()
        .find_map(|text| text.parse::<jiff::Timestamp>().ok())
        .and_then(|time| i64::try_from(time.as_nanosecond()).ok())
        .map(Timestamp::from_nanos)
        .ok_or_else(|| "say a date (2026-11-01) or an RFC 3339 time (2026-11-01T10:00:00Z)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_rfc_3339() {
        assert_eq!(parse_time("2026-11-01").unwrap().to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(parse_time("2026-11-01T10:00:00+02:00").unwrap().to_string(), "2026-11-01T08:00:00Z");
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn a_name_says_its_format_or_is_refused() {
        for (name, format) in [
            ("a.html", Some(FormatArg::Html)),
            ("A.CSV", Some(FormatArg::Csv)),
            ("a.sarif", Some(FormatArg::Sarif)),
            ("a.sarif.json", Some(FormatArg::Sarif)),
            ("a.stix.json", Some(FormatArg::Stix)),
            ("a.jsonl", Some(FormatArg::Jsonl)),
            ("a.txt", Some(FormatArg::Text)),
            ("a.json", None),
        ] {
            assert_eq!(by_extension(Path::new(name)).ok(), format, "{name}");
        }
    }

    #[test]
    fn a_folder_is_a_case_and_a_file_is_a_file() {
        assert!(matches!(destination(None), Destination::Stdout));
        assert!(matches!(destination(Some(Path::new("case42"))), Destination::Case(_)));
        assert!(matches!(destination(Some(Path::new("out.d/"))), Destination::Case(_)));
        assert!(matches!(destination(Some(Path::new("out.jsonl"))), Destination::File(_)));
    }
}
