//! `shieldwall forecast`: techniques in, a short list of what reports of such intrusions also tell of.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use shieldwall_forecast::forecaster::{Alike, Because, Question, Replaced};
use shieldwall_forecast::outlook::because_words;
use shieldwall_forecast::ranker::Scratch;
use shieldwall_forecast::{Forecast, Forecaster, Next, Source};

use super::{Global, Outcome};
use crate::confine::Needs;
use crate::output::escape::escape;

/// Bytes of one case's line; longer ones are rejected.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Techniques that may be asked for at once.
const TOP_MAX: usize = 1000;

/// Rejected lines that are named one by one.
const REJECTED_LISTED_MAX: usize = 20;

/// Arguments of `forecast`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  shieldwall forecast --techniques T1059.001,T1003 --platform windows\n  \
                  shieldwall forecast --input cases.jsonl --format jsonl\n\
                  A line of cases.jsonl: {\"id\": \"case-1\", \"techniques\": [\"T1059.001\", \"T1003\"]}\n\
                  A probability is the share of reports with these techniques that also have the other; it does not say \
                  what the attacker does next."
)]
pub struct ForecastArgs {
    #[command(subcommand)]
    command: Option<ForecastCommand>,
    /// Techniques that were seen, with commas between
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "ID,…",
        required_unless_present = "input",
        conflicts_with = "input"
    )]
    techniques: Vec<String>,
    /// Cases, one JSON object a line; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Only techniques of this platform: windows, linux, macos, …
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// How many to list
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=TOP_MAX as i64))]
    top: u16,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum ForecastCommand {
    /// Take ATT&CK's techniques, groups and software from MITRE's STIX bundle, and learn anew with them
    ImportAttack(super::forecast_import::ImportArgs),
}

/// How a forecast is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a case
    Jsonl,
}

/// A case as it is asked.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    id: serde_json::Value,
    techniques: Vec<String>,
    #[serde(default)]
    platform: Option<String>,
}

/// A case as it is answered.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    ranked: Vec<Ranked>,
    none: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<Replaced>,
    alike: Vec<Alike>,
}

#[derive(Serialize)]
struct Ranked {
    technique: String,
    name: String,
    probability: f64,
    because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Because>,
}

/// Runs `forecast`.
///
/// # Errors
/// When the model or the input cannot be read, or the platform is unknown.
pub fn run(global: &Global, args: &ForecastArgs) -> Result<Outcome> {
    if let Some(ForecastCommand::ImportAttack(args)) = &args.command {
        return super::forecast_import::run(global, args);
    }
    global.confine(&Needs::default());
    let forecaster = super::forecast_import::current(global)?;
    if let Some(platform) = &args.platform {
        known_platform(&forecaster, platform)?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut scratch = Scratch::default();
    let Some(input) = &args.input else {
        let case =
            Case { id: serde_json::Value::Null, techniques: args.techniques.clone(), platform: args.platform.clone() };
        let forecast = ask(&forecaster, &case, args, &mut scratch);
        let nothing = forecast.unknown.len() == case.techniques.len();
        say(&case, forecast, args, &mut out)?;
        out.flush()?;
        return if nothing { Ok(Outcome::Partial) } else { Ok(Outcome::Clean) };
    };
    let mut reader: Box<dyn BufRead> = if input.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin().lock()))
    } else {
        Box::new(BufReader::new(File::open(input).with_context(|| format!("cannot read `{}`", input.display()))?))
    };
    let (mut line, mut number, mut rejected) = (Vec::new(), 0u64, 0u64);
    loop {
        line.clear();
        let read = (&mut reader).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let case: Result<Case> = if line.len() > LINE_BYTES_MAX {
            skip_line(&mut reader)?;
            Err(anyhow::anyhow!("longer than {LINE_BYTES_MAX} bytes"))
        } else {
            serde_json::from_slice(&line).map_err(Into::into)
        };
        let case = case.and_then(|case| match &case.platform {
            Some(platform) => known_platform(&forecaster, platform).map(|()| case),
            None => Ok(case),
        });
        match case {
            Ok(case) => {
                let forecast = ask(&forecaster, &case, args, &mut scratch);
                say(&case, forecast, args, &mut out)?;
            }
            Err(error) => {
                rejected += 1;
                if rejected <= REJECTED_LISTED_MAX as u64 {
                    writeln!(io::stderr(), "line {number}: {}", escape(&error.to_string()))?;
                }
            }
        }
    }
    out.flush()?;
    if rejected > 0 {
        writeln!(io::stderr(), "{rejected} of {number} lines could not be read")?;
    }
    Ok(Outcome::of(false, rejected > 0))
}

/// Reads on to the next line's start.
fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let Some(at) = buffer.iter().position(|byte| *byte == b'\n') else {
            let all = buffer.len();
            if all == 0 {
                return Ok(());
            }
            reader.consume(all);
            continue;
        };
        reader.consume(at + 1);
        return Ok(());
    }
}

fn known_platform(forecaster: &Forecaster, platform: &str) -> Result<()> {
    let all = forecaster.table().all().iter().flat_map(|one| &one.platforms);
    let mut known: Vec<&str> = all.map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    if known.iter().any(|one| one.eq_ignore_ascii_case(platform)) {
        return Ok(());
    }
    bail!("no platform `{platform}`: there are {}", known.join(", "))
}

fn ask(forecaster: &Forecaster, case: &Case, args: &ForecastArgs, scratch: &mut Scratch) -> Forecast {
    let platform = case.platform.as_deref().or(args.platform.as_deref());
    let as_reported = args.format == Format::Jsonl;
    let question = Question { techniques: &case.techniques, platform, top: usize::from(args.top), as_reported };
    forecaster.forecast(&question, scratch)
}

fn say(case: &Case, forecast: Forecast, args: &ForecastArgs, out: &mut dyn Write) -> Result<()> {
    match args.format {
        Format::Jsonl => {
            let Forecast { unknown, replaced, ranked, none, alike } = forecast;
            let ranked = ranked
                .into_iter()
                .map(|Next { technique, name, probability, because, .. }| Ranked {
                    technique,
                    name,
                    probability,
                    because: because.as_ref().map(because_words).unwrap_or_default(),
                    link: because,
                })
                .collect();
            serde_json::to_writer(&mut *out, &Answer { id: &case.id, ranked, none, unknown, replaced, alike })?;
            out.write_all(b"\n")?;
        }
        Format::Text => text(case, &forecast, out)?,
    }
    Ok(())
}

fn text(case: &Case, forecast: &Forecast, out: &mut dyn Write) -> io::Result<()> {
    if !case.id.is_null() {
        writeln!(out, "{}", escape(&case.id.to_string()))?;
    }
    for id in &forecast.unknown {
        writeln!(out, "`{}` is no technique that ATT&CK knows; the forecast goes without it", escape(id))?;
    }
    for one in &forecast.replaced {
        match &one.by {
            Some(by) => writeln!(out, "{} was replaced by {by}", one.id)?,
            None => writeln!(out, "{} was given up by ATT&CK", one.id)?,
        }
    }
    if forecast.unknown.len() == case.techniques.len() {
        writeln!(out, "Nothing known was given: these are the most reported techniques.")?;
    }
    writeln!(out, "Of reports of intrusions with these techniques, so many also tell of:\n")?;
    for next in &forecast.ranked {
        let tactics = next.tactics.join(", ");
        writeln!(out, "  {:>3.0} %  {:<10} {} ({tactics})", next.probability * 100.0, next.technique, next.name)?;
        if let Some(because) = &next.because {
            writeln!(out, "         {}", because_words(because))?;
        }
    }
    writeln!(out, "\n  {:>3.0} %  of them tell of none of the twenty likeliest", forecast.none * 100.0)?;
    if !forecast.alike.is_empty() {
        let one = |one: &Alike| {
            let what = if one.source == Source::Campaign { "the campaign " } else { "" };
            format!("{what}{} ({} of {} techniques)", escape(&one.name), one.shared, one.of)
        };
        writeln!(out, "Most like it in ATT&CK: {}", forecast.alike.iter().map(one).collect::<Vec<_>>().join(", "))?;
    }
    writeln!(out, "\nWatch for these and close what you can; it does not say what the attacker does next.")
}
