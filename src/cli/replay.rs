//! `shieldwall replay`: what a playbook would have done to incidents that are over. Nothing is done.
//!
//! A case's incidents come from its files; logs are scanned first, in memory, and once more for who used what rightly.
//! Then, before the rehearsal begins, the process gives up every system call but those for memory and for writing to its
//! own standard output and error (see [`cage`]).

mod history;
mod told;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use shieldwall_decode::TimePolicy;
use shieldwall_respond::guard::{Limits, Protected};
use shieldwall_respond::net::Net;
use shieldwall_respond::playbook::facts::Known;
use shieldwall_respond::playbook::{Facts, Playbook};
use shieldwall_respond::rehearse::{History, Settings, rehearse};
use shieldwall_schema::Zone;
use shieldwall_schema::incident::Incident;

use super::scan::parse_zone;
use super::{Global, Outcome, playbook};
use crate::case::Case;
use crate::confine::{Needs, cage};
use crate::line::{self, Fold, Learning, LineOptions};
use crate::output::escape::escape;
use crate::output::{incident, read};
use crate::packs::{self, Choice};

/// Incidents that a case may have here; each takes a kilobyte or two.
const INCIDENTS_MAX: usize = 200_000;

/// Evidence of a finding that is looked at.
const EVIDENCES_MAX: usize = 100;

/// Flags of `replay`, as written.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  shieldwall replay ssh-bruteforce\n  shieldwall replay ssh-bruteforce case42/ /var/log/auth.log\n  \
                        shieldwall replay mine.json evidence/ --protect 203.0.113.0/24 --format jsonl\n\
                        Logs behind a case are its history: who used an address rightly before."
)]
pub struct ReplayArgs {
    /// A built-in playbook's name (see `shieldwall playbook list`), or a file of CACAO 2.0
    playbook: String,
    /// A case's folder, then logs; or logs alone [default: the last scan]
    #[arg(value_name = "CASE|PATH")]
    paths: Vec<PathBuf>,
    /// A network, or `user:NAME`, that nothing may touch (may be given more than once)
    #[arg(long, value_name = "NET|user:NAME")]
    protect: Vec<String>,
    /// Only this incident of the report
    #[arg(long, value_name = "N")]
    incident: Option<usize>,
    /// Also incidents that the playbook does not fit
    #[arg(long)]
    all: bool,
    /// More Sigma rules for the logs: a folder, a file or a zip (may be given more than once)
    #[arg(long, value_name = "DIR|ZIP")]
    rules: Vec<PathBuf>,
    /// The zone of logs that have none
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, allow_hyphen_values = true)]
    assume_tz: Option<Zone>,
    /// The year of the last line of logs that have none
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=2200))]
    assume_year: Option<i32>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a step, and one with the totals
    Jsonl,
}

/// What is rehearsed on.
#[derive(Default)]
struct Material {
    incidents: Vec<Incident>,
    known: BTreeMap<u32, Known>,
    history: History,
    /// Where the history comes from, in words.
    history_of: String,
    /// Something could not be read.
    partial: bool,
}

/// Runs the command.
pub fn run(global: &Global, args: &ReplayArgs) -> Result<Outcome> {
    global.confine(&Needs::default().spool().compiled(global.home().ok().as_ref()));
    let playbook = playbook::named(global.home().ok().as_ref(), &args.playbook)?;
    let protected = protected(&args.protect)?;
    let mut material = Material::default();
    let case = args.paths.first().filter(|first| first.join("manifest.json").is_file());
    let logs = if case.is_some() { args.paths.get(1..).unwrap_or_default() } else { &args.paths };
    match case {
        Some(folder) => of_case(&Case::open(folder)?, &mut material)?,
        None if logs.is_empty() => {
            let latest = Case::open(&global.home()?.latest_case());
            of_case(
                &latest.map_err(|error| error.context("no scan to rehearse on: name a case or logs"))?,
                &mut material,
            )?;
        }
        None => of_logs(global, args, logs, &mut material)?,
    }
    let chosen: Vec<Facts> = facts(&material, args.incident)?;
    if logs.is_empty() {
        "what the case's findings hold; name the logs behind the case for all of it"
            .clone_into(&mut material.history_of);
    } else {
        history::of_logs(logs, &chosen, &options(args, Fold::ByRecord, None), &mut material.history)?;
        "the logs that were named".clone_into(&mut material.history_of);
    }
    material.history.sort();
    tell(args, &playbook, &protected, &chosen, &material)
}

/// From here on nothing but standard output and error can be reached.
fn tell(
    args: &ReplayArgs,
    playbook: &Playbook,
    protected: &Protected,
    facts: &[Facts],
    material: &Material,
) -> Result<Outcome> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut notes = io::stderr().lock();
    match cage::enter() {
        Ok(()) => writeln!(
            notes,
            "rehearsal: nothing is done; the system call filter is on: no file, process or network can be reached"
        )?,
        Err(why) => writeln!(notes, "rehearsal: nothing is done; there is no system call filter here ({why})")?,
    }
    let limits = Limits::default();
    let settings = Settings {
        protected,
        limits: &limits,
        all: args.all || playbook.selector.is_none() || args.incident.is_some(),
    };
    let totals = match args.format {
        Format::Jsonl => {
            let totals =
                rehearse(playbook, facts, &material.history, settings, &mut |entry| told::line(&entry, &mut out))?;
            told::summary(playbook, &totals, &material.history, &mut out)?;
            totals
        }
        Format::Text => {
            let mut text = told::Text::new(playbook, &mut out)?;
            let totals = rehearse(playbook, facts, &material.history, settings, &mut |entry| text.entry(&entry))?;
            text.end(&totals, &material.history, &material.history_of)?;
            totals
        }
    };
    out.flush()?;
    Ok(Outcome::of(totals.done > 0, material.partial))
}

fn protected(asked: &[String]) -> Result<Protected> {
    let mut protected = Protected::default();
    for text in asked {
        match text.strip_prefix("user:") {
            Some(user) => protected.add_user(user, "your list"),
            None => {
                let net: Net = text.parse().with_context(|| format!("--protect {text}"))?;
                protected.add(net, "your list");
            }
        }
    }
    Ok(protected)
}

fn facts(material: &Material, only: Option<usize>) -> Result<Vec<Facts>> {
    let all = material.incidents.iter().zip(1..);
    let facts: Vec<Facts> = all
        .filter(|(_, number)| only.is_none_or(|only| only == *number))
        .map(|(incident, number)| Facts::of(incident, number, &material.known))
        .collect();
    match only.filter(|_| facts.is_empty()) {
        Some(only) => bail!("there is no incident {only}: there are {}", material.incidents.len()),
        None => Ok(facts),
    }
}

/// A case's incidents and what is kept of its findings. A line that is neither is counted and passed over.
fn of_case(case: &Case, material: &mut Material) -> Result<()> {
    let mut rejected = 0u64;
    case.each_line("incidents.jsonl", &mut |_, line| {
        match incident::read(line) {
            Ok(incident) => material.incidents.push(incident),
            Err(_) => rejected += 1,
        }
        Ok(material.incidents.len() < INCIDENTS_MAX)
    })?;
    case.each_line("findings.jsonl", &mut |at, line| {
        match (read::line(line), u32::try_from(at)) {
            (Ok(finding), Ok(at)) => {
                history::of_finding(&finding, &mut material.history);
                material.known.insert(at, Known::of(&finding));
            }
            _ => rejected += 1,
        }
        Ok(true)
    })?;
    if material.incidents.len() >= INCIDENTS_MAX {
        writeln!(io::stderr(), "only the first {INCIDENTS_MAX} incidents are looked at")?;
        material.partial = true;
    }
    if rejected > 0 {
        writeln!(io::stderr(), "{rejected} lines of the case could not be read")?;
        material.partial = true;
    }
    Ok(())
}

/// Scans logs as `scan` does, without keeping anything.
fn of_logs(global: &Global, args: &ReplayArgs, logs: &[PathBuf], material: &mut Material) -> Result<()> {
    let home = global.home().ok();
    let choice = Choice { paths: args.rules.clone(), ..Choice::default() };
    // Without a place for data nothing is kept, not even compiled rules.
    let loaded = packs::load_chosen(&choice, None)?;
    let learning = Learning { models: Some(crate::models::actives(home.as_ref())?), ..Learning::default() };
    let mut options = options(args, Fold::BySource, Some(learning));
    options.own.extend(home.map(|home| home.root().to_path_buf()));
    let mut run = line::scan(logs, loaded, packs::mappings()?, &options)?;
    for at in 0..run.findings() {
        let finding = run.finding(at, EVIDENCES_MAX)?;
        if let Ok(at) = u32::try_from(at) {
            material.known.insert(at, Known::of(&finding));
        }
    }
    let coverage = run.coverage();
    coverage.iter().filter_map(|host| host.first).for_each(|first| material.history.reach(first.millis()));
    material.incidents = run.incidents().to_vec();
    material.partial = run.partial();
    if material.partial {
        writeln!(
            io::stderr(),
            "not everything could be read; `shieldwall scan` says what: {}",
            escape(&format!("{logs:?}"))
        )?;
    }
    Ok(())
}

fn options(args: &ReplayArgs, fold: Fold, learning: Option<Learning>) -> LineOptions {
    LineOptions {
        threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        fold,
        times: TimePolicy { year: args.assume_year, zone: args.assume_tz.clone(), ..TimePolicy::default() },
        learning,
        ..LineOptions::default()
    }
}
