//! `cargo xtask incidents`: whether what belongs together is put together, in a made estate of known content.
//!
//! Ten simulations (OTRF), each on hosts of its own and at a time of its own, lie among benign logs; see [`generate`]. The
//! program scans all of it as a user's would, with every match a finding, and says of each which incident it went to. Judged
//! are pairs of matches ([`judge`]), beside groupings that anybody could make: by host, and by host and hour.
//!
//! `--tune` measures how much the windows matter: they are stretched and shrunk together, the best stretch is chosen on
//! two thirds of the sets and reported on the third that took no part, for each third.

mod generate;
mod judge;
mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use shieldwall_correlate::{Limits, Windows};
use shieldwall_schema::incident::Severity;

use super::LIVE_RULES;
use crate::built::{dist, fresh, target};
use generate::{Draw, Renamed, Set};
use judge::{Score, Truth, score};
use replay::{Found, Match, Seen};

const SETS: &str = "otrf-security-datasets/atomic";
const BENIGN: [&str; 2] = ["evtx-benign-samples", "plaso-logs"];

/// Simulations in one estate.
const SETS_IN_ESTATE: usize = 10;

/// Estates of each kind, each drawn with a seed of its own from 1.
const SEEDS: u64 = 12;

const HOUR: i64 = 3600 * 1_000_000_000;

/// What one estate is made and scanned with.
struct Maker {
    program: PathBuf,
    rules: Vec<PathBuf>,
    data: PathBuf,
    work: PathBuf,
    sets: Vec<Set>,
    /// Times of benign findings.
    times: Vec<i64>,
}

/// Measures and prints a report.
///
/// # Errors
/// When a flag is wrong, data are missing, or the program fails.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let (mut rules, mut program, mut seeds, mut tune) = (Vec::new(), None, SEEDS, false);
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{} needs a value", flag.to_string_lossy()));
        match flag.to_str() {
            Some("--rules") => rules.push(PathBuf::from(value()?)),
            Some("--program") => program = Some(PathBuf::from(value()?)),
            Some("--seeds") => seeds = value()?.to_string_lossy().parse()?,
            Some("--tune") => tune = true,
            _ => bail!("usage: cargo xtask incidents [--rules DIR]… [--program PATH] [--seeds N] [--tune]"),
        }
    }
    let data = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| crate::root().join("../shared/data"), PathBuf::from);
    if rules.is_empty() {
        rules = LIVE_RULES.iter().map(|folder| data.join(folder)).collect();
    }
    let maker = Maker::new(program.map_or_else(dist, Ok)?, rules, data)?;
    print!("{}", if tune { maker.tuned(seeds)? } else { maker.section(seeds)? });
    std::fs::remove_dir_all(&maker.work)?;
    Ok(())
}

/// The section's text, for EVALUATION.md.
///
/// # Errors
/// When data are missing or the program fails.
pub fn section(program: PathBuf, rules: Vec<PathBuf>, data: PathBuf) -> Result<String> {
    let maker = Maker::new(program, rules, data)?;
    let text = maker.section(SEEDS)?;
    std::fs::remove_dir_all(&maker.work)?;
    Ok(format!("\n{text}"))
}

impl Maker {
    fn new(program: PathBuf, rules: Vec<PathBuf>, data: PathBuf) -> Result<Self> {
        let program = program.canonicalize().with_context(|| format!("no program `{}`", program.display()))?;
        let data = data.canonicalize().with_context(|| format!("no data `{}`", data.display()))?;
        let sets = generate::sets(&data.join(SETS))?;
        let work = target().join("incidents");
        fresh(&work)?;
        let mut maker = Self { program, rules, data, work, sets, times: Vec::new() };
        maker.scan(None)?;
        let benign = replay::read(&maker.work.join("case"), None)?;
        maker.times = benign.matches.iter().filter_map(|one| one.time).collect();
        Ok(maker)
    }

    fn scan(&self, estate: Option<&generate::Estate>) -> Result<()> {
        let case = self.work.join("case/");
        fresh(&case)?;
        let mut command = Command::new(&self.program);
        command.arg("--data-dir").arg(self.work.join("home"));
        command
            .args(["scan", "--quiet", "--evidence", "all", "--no-builtin-rules", "--no-learning", "--output"])
            .arg(&case);
        for rules in &self.rules {
            command.arg("--rules").arg(rules);
        }
        command.args(BENIGN.map(|folder| self.data.join(folder))).args(estate.map(|estate| &estate.file));
        let output = command.output()?;
        // Codes 0 to 3 are results.
        if !output.status.code().is_some_and(|code| (0..=3).contains(&code)) {
            bail!("scan: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Draws an estate of ten of `from`, scans it and reads it back. Gives also which sets it holds.
    fn estate(&self, from: &[usize], renamed: Renamed, seed: u64) -> Result<(Vec<usize>, Seen)> {
        let mut draw = Draw(seed);
        let mut chosen = draw.shuffled(from.to_vec());
        chosen.truncate(SETS_IN_ESTATE);
        let sets: Vec<&Set> = chosen.iter().filter_map(|at| self.sets.get(*at)).collect();
        let estate = generate::write(&sets, &self.times, renamed, &mut draw, &self.work)?;
        self.scan(Some(&estate))?;
        Ok((chosen, replay::read(&self.work.join("case"), Some(&estate))?))
    }

    /// The report.
    fn section(&self, seeds: u64) -> Result<String> {
        let mut out = String::from("### Incidents\n\n");
        writeln!(
            out,
            "Data: {SETS_IN_ESTATE} of the {} sets of Windows events in `{SETS}`, drawn by seed, hosts renamed and times shifted so that \
             they begin near benign matches; `{}` and `{}` as they are. Rules: SigmaHQ live. A pair of matches is right in one incident if \
             both are of one simulation; a benign finding (a rule in a log) is a class of its own, whose own repeats count neither way, even where a person \
             would call several of one host within a minute one thing (*a benign log one class* allows that). All that is matched in a simulation's records counts as the simulation, \
             also the ordinary logoffs on its domain controller; *of low and above* leaves informational matches out. *All that shares anything* is the most that entities could give: within a simulation all that \
             is tied by hosts, accounts and so on, however far apart, and nothing wrong. Baselines: \
             all matches of a host, and of a host within a clock hour, as one incident. Command: `cargo xtask incidents`.\n",
            self.sets.len(),
            BENIGN[0],
            BENIGN[1]
        )?;
        let all: Vec<usize> = (0..self.sets.len()).collect();
        let mut details = BTreeMap::new();
        let mut spans = String::new();
        for (renamed, name) in [
            (Renamed::All, "Hosts, accounts and private addresses renamed; all simulations within ten minutes"),
            (
                Renamed::Hosts,
                "Hosts renamed; accounts and addresses shared by all simulations, which are hours to days apart",
            ),
        ] {
            write!(out, "{name}:\n\n| seed | matches (benign) |")?;
            FIGURES.iter().try_for_each(|(title, _)| write!(out, " {title} |"))?;
            writeln!(out, " over two simulations | with benign |\n|---:|---:|{}", "---:|".repeat(FIGURES.len() + 2))?;
            let (mut least, mut means) = (1.0_f64, [0.0; FIGURES.len()]);
            let mut tally = Tally::default();
            for seed in 1..=seeds {
                let (chosen, seen) = self.estate(&all, renamed, seed)?;
                let benign = seen.matches.iter().filter(|one| matches!(one.truth, Truth::Benign(_))).count();
                let strict = score(seen.matches.iter().map(|one| (&one.truth, one.incident.as_str())));
                write!(out, "| {seed} | {} ({benign}) |", seen.matches.len())?;
                for ((_, figure), mean) in FIGURES.iter().zip(&mut means) {
                    let figure = figure(&seen);
                    *mean += figure / seeds as f64;
                    write!(out, " {figure:.3} |")?;
                }
                writeln!(out, " {} | {} |", strict.spans, strict.mixed)?;
                least = least.min(strict.f1());
                self.detail(&chosen, &seen, &mut tally, &mut details);
                for found in self.spans(&chosen, &seen) {
                    writeln!(spans, "- seed {seed}: {found}")?;
                }
            }
            write!(out, "| mean | |")?;
            means.iter().try_for_each(|mean| write!(out, " **{mean:.3}** |"))?;
            writeln!(
                out,
                " | |\n\nLeast F1: {least:.3}. Of {} simulations {} became at most three incidents of medium level and above (most: {}); \
                 the technique is named by such an incident in {}, by any match in {}.\n",
                tally.sets, tally.few, tally.most, tally.named, tally.seen
            )?;
        }
        if !spans.is_empty() {
            writeln!(out, "Over two simulations:\n\n{spans}")?;
        }
        out.push_str(
            "What each simulation became, over all estates: the most incidents of medium level and above that hold any of it; estates \
             in which one of them names its technique; estates in which any match does.\n\n\
             | simulation | technique | estates | incidents | named | matched |\n|---|---|---:|---:|---:|---:|\n",
        );
        for (set, tally) in details {
            let Some(set) = self.sets.get(set) else { continue };
            let techniques = set.techniques.join(", ");
            writeln!(
                out,
                "| {} | {techniques} | {} | {} | {} | {} |",
                set.name, tally.sets, tally.most, tally.named, tally.seen
            )?;
        }
        Ok(out)
    }

    /// Counts what each simulation became.
    fn detail(&self, chosen: &[usize], seen: &Seen, all: &mut Tally, each: &mut BTreeMap<usize, Tally>) {
        for (number, at) in chosen.iter().enumerate() {
            let Some(set) = self.sets.get(*at) else { continue };
            let own: Vec<&Match> = seen.matches.iter().filter(|one| one.truth == Truth::Set(number)).collect();
            let uids: BTreeSet<&str> = own.iter().map(|one| one.incident.as_str()).collect();
            let is_its = |found: &&Found| found.severity >= Severity::Medium && uids.contains(found.uid.as_str());
            let grave: Vec<_> = seen.incidents.iter().filter(is_its).collect();
            let named = grave.iter().any(|found| names(&found.techniques, &set.techniques));
            let any = own.iter().any(|one| names(&one.techniques, &set.techniques));
            for tally in [&mut *all, each.entry(*at).or_default()] {
                tally.sets += 1;
                tally.few += u32::from(grave.len() <= 3);
                tally.most = tally.most.max(grave.len());
                tally.named += u32::from(named);
                tally.seen += u32::from(any);
            }
        }
    }

    /// Incidents that hold matches of two simulations, in words.
    fn spans(&self, chosen: &[usize], seen: &Seen) -> Vec<String> {
        let held = |found: &Found| -> BTreeSet<&str> {
            let own = seen.matches.iter().filter(|one| one.incident == found.uid);
            own.filter_map(|one| match &one.truth {
                Truth::Set(number) => self.sets.get(*chosen.get(*number)?).map(|set| set.name.as_str()),
                Truth::Benign(_) => None,
            })
            .collect()
        };
        let words = |found: &Found| {
            let held: Vec<_> = held(found).into_iter().collect();
            let by: Vec<_> = found.joined_by.iter().map(String::as_str).collect();
            (held.len() > 1).then(|| format!("{}; members joined by {}", held.join(", "), by.join(", ")))
        };
        seen.incidents.iter().filter_map(words).collect()
    }

    /// How much the windows matter; grouped by set.
    fn tuned(&self, seeds: u64) -> Result<String> {
        let mut out = String::from(
            "| third left out | chosen stretch on the others | F1 there, by stretch | F1 on the third | F1 on the third as shipped |\n|---:|---:|---|---:|---:|\n",
        );
        let stretches: [(i64, i64); 7] = [(1, 16), (1, 4), (1, 2), (1, 1), (2, 1), (4, 1), (16, 1)];
        let order = Draw(7).shuffled((0..self.sets.len()).collect::<Vec<_>>());
        for third in 0..3 {
            let (mut held, mut others) = (Vec::new(), Vec::new());
            for (at, set) in order.iter().enumerate() {
                if at % 3 == third { held.push(*set) } else { others.push(*set) }
            }
            let mut means: BTreeMap<usize, f64> = BTreeMap::new();
            for renamed in [Renamed::All, Renamed::Hosts] {
                for seed in 1..=seeds {
                    let (_, seen) = self.estate(&others, renamed, 100 + seed)?;
                    for (at, stretch) in stretches.iter().enumerate() {
                        *means.entry(at).or_default() += judged(&seen, *stretch).f1() / (2 * seeds) as f64;
                    }
                }
            }
            let best = means.iter().max_by(|left, right| left.1.total_cmp(right.1)).map_or(3, |(at, _)| *at);
            let chosen = stretches.get(best).copied().unwrap_or((1, 1));
            let (mut tuned, mut shipped) = (0.0, 0.0);
            for renamed in [Renamed::All, Renamed::Hosts] {
                for seed in 1..=seeds {
                    let (_, seen) = self.estate(&held, renamed, 200 + seed)?;
                    tuned += judged(&seen, chosen).f1() / (2 * seeds) as f64;
                    shipped += judged(&seen, (1, 1)).f1() / (2 * seeds) as f64;
                }
            }
            let shown: Vec<_> = stretches
                .iter()
                .zip(means.values())
                .map(|(stretch, mean)| format!("{}/{}: {mean:.3}", stretch.0, stretch.1))
                .collect();
            writeln!(
                out,
                "| {} | {}/{} | {} | {tuned:.3} | {shipped:.3} |",
                third + 1,
                chosen.0,
                chosen.1,
                shown.join(", ")
            )?;
        }
        Ok(out)
    }
}

/// Sums over simulations.
#[derive(Default)]
struct Tally {
    sets: u32,
    few: u32,
    most: usize,
    named: u32,
    seen: u32,
}

/// One number of an estate.
type Figure = fn(&Seen) -> f64;

/// What is reported of an estate.
const FIGURES: [(&str, Figure); 8] = [
    ("F1", |seen| own(seen, &|_| true, &Clone::clone).f1()),
    ("precision", |seen| own(seen, &|_| true, &Clone::clone).precision()),
    ("recall", |seen| own(seen, &|_| true, &Clone::clone).recall()),
    ("F1, a benign log one class", |seen| own(seen, &|_| true, &by_log).f1()),
    ("F1, low and above", |seen| own(seen, &|one| one.severity > Severity::Informational, &Clone::clone).f1()),
    ("F1, all that shares anything", |seen| by(seen, &seen.sharing()).f1()),
    ("F1, by host", |seen| by(seen, &grouped(seen, &|one| one.host.clone().unwrap_or_default())).f1()),
    ("F1, by host and hour", |seen| by(seen, &grouped(seen, &host_and_hour)).f1()),
];

/// The score of the program's own incidents, over the matches that `counts` and with another truth.
fn own(seen: &Seen, counts: &dyn Fn(&Match) -> bool, truth: &dyn Fn(&Truth) -> Truth) -> Score {
    let counted: Vec<(Truth, &str)> =
        seen.matches.iter().filter(|one| counts(one)).map(|one| (truth(&one.truth), one.incident.as_str())).collect();
    score(counted.iter().map(|(truth, group)| (truth, *group)))
}

/// Findings of one benign log may be together.
fn by_log(truth: &Truth) -> Truth {
    match truth {
        Truth::Benign(finding) => Truth::Benign(finding.split_once(' ').map_or("", |(_, log)| log).to_owned()),
        Truth::Set(set) => Truth::Set(*set),
    }
}

fn host_and_hour(one: &Match) -> String {
    format!("{} {}", one.host.as_deref().unwrap_or_default(), one.time.map_or(-1, |time| time.div_euclid(HOUR)))
}

/// The groups that a key makes.
fn grouped(seen: &Seen, key: &dyn Fn(&Match) -> String) -> Vec<String> {
    seen.matches.iter().map(key).collect()
}

/// The score of a grouping.
fn by(seen: &Seen, groups: &[String]) -> Score {
    score(seen.matches.iter().zip(groups).map(|(one, group)| (&one.truth, group.as_str())))
}

fn judged(seen: &Seen, (numerator, denominator): (i64, i64)) -> Score {
    let limits = Limits { windows: Windows::default().scaled(numerator, denominator), ..Limits::default() };
    let groups = seen.again(limits);
    score(seen.matches.iter().zip(&groups).map(|(one, group)| (&one.truth, group.as_str())))
}

/// Whether one of the techniques is named; a sub-technique counts for its technique, on both sides.
fn names(found: &[String], wanted: &[String]) -> bool {
    let technique = |id: &str| id.split('.').next().unwrap_or_default().to_owned();
    found.iter().any(|one| wanted.iter().any(|other| technique(one) == technique(other)))
}
