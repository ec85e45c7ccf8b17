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
use replay::{Match, Seen};

const SETS: &str = "otrf-security-datasets/atomic";
const BENIGN: [&str; 2] = ["evtx-benign-samples", "plaso-logs"];

/// Simulations in one estate.
const SETS_IN_ESTATE: usize = 10;

/// Estates of each kind, each drawn with a seed of its own from 1.
const SEEDS: u64 = 5;

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
        command.args(["scan", "--quiet", "--evidence", "all", "--no-builtin-rules", "--output"]).arg(&case);
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
             both are of one simulation; a benign finding is a class of its own, whose own repeats count neither way. All that is matched in a simulation's records counts as the simulation, \
             also the ordinary logoffs on its domain controller; *of low and above* leaves informational matches out. Baselines: \
             all matches of a host, and of a host within a clock hour, as one incident. Command: `cargo xtask incidents`.\n",
            self.sets.len(),
            BENIGN[0],
            BENIGN[1]
        )?;
        let all: Vec<usize> = (0..self.sets.len()).collect();
        let mut details = String::new();
        for (renamed, name) in [
            (Renamed::All, "Hosts, accounts and private addresses renamed; all simulations within ten minutes"),
            (
                Renamed::Hosts,
                "Hosts renamed; accounts and addresses shared by all simulations, which are hours to days apart",
            ),
        ] {
            writeln!(
                out,
                "{name}:\n\n| seed | matches (benign) | F1 | precision | recall | mean recall of sets | F1 of low and above | incidents over two simulations | simulation and benign mixed | F1 by host | F1 by host and hour |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
            )?;
            writeln!(
                details,
                "\n{name}: what each simulation became (incidents of medium level and above that hold any of it / its technique named by one of them / by any match at all)\n"
            )?;
            let (mut least, mut sum, mut above_sum) = (1.0_f64, 0.0, 0.0);
            let mut tally = Tally::default();
            for seed in 1..=seeds {
                let (chosen, seen) = self.estate(&all, renamed, seed)?;
                let judged = score(seen.matches.iter().map(|one| (&one.truth, one.incident.as_str())));
                let above = seen.matches.iter().filter(|one| one.severity > Severity::Informational);
                let above = score(above.map(|one| (&one.truth, one.incident.as_str())));
                let benign = seen.matches.iter().filter(|one| matches!(one.truth, Truth::Benign(_))).count();
                let by_host = by(&seen, &|one| one.host.clone().unwrap_or_default());
                let by_hour = by(&seen, &|one| {
                    format!(
                        "{} {}",
                        one.host.as_deref().unwrap_or_default(),
                        one.time.map_or(-1, |time| time.div_euclid(HOUR))
                    )
                });
                writeln!(
                    out,
                    "| {seed} | {} ({benign}) | **{:.3}** | {:.3} | {:.3} | {:.3} | {:.3} | {} | {} | {:.3} | {:.3} |",
                    seen.matches.len(),
                    judged.f1(),
                    judged.precision(),
                    judged.recall(),
                    judged.mean_recall,
                    above.f1(),
                    judged.spans,
                    judged.mixed,
                    by_host.f1(),
                    by_hour.f1()
                )?;
                above_sum += above.f1();
                least = least.min(judged.f1());
                sum += judged.f1();
                self.detail(&chosen, &seen, seed, &mut tally, &mut details)?;
            }
            writeln!(
                out,
                "\nF1: mean {:.3}, least {least:.3}; of low and above mean {:.3}. Of {} simulations {} became at most three incidents of medium level and above (most: {}); \
                 the technique is named by such an incident in {}, by any match in {}.\n",
                sum / seeds as f64,
                above_sum / seeds as f64,
                tally.sets,
                tally.few,
                tally.most,
                tally.named,
                tally.seen
            )?;
        }
        out.push_str(&details);
        Ok(out)
    }

    fn detail(&self, chosen: &[usize], seen: &Seen, seed: u64, tally: &mut Tally, out: &mut String) -> Result<()> {
        write!(out, "- seed {seed}: ")?;
        for (number, set) in chosen.iter().enumerate() {
            let Some(set) = self.sets.get(*set) else { continue };
            let own: Vec<&Match> = seen.matches.iter().filter(|one| one.truth == Truth::Set(number)).collect();
            let uids: BTreeSet<&str> = own.iter().map(|one| one.incident.as_str()).collect();
            let grave: Vec<_> = seen
                .incidents
                .iter()
                .filter(|found| found.severity >= Severity::Medium && uids.contains(found.uid.as_str()))
                .collect();
            let named = grave.iter().any(|found| names(&found.techniques, &set.techniques));
            let any = own.iter().any(|one| names(&one.techniques, &set.techniques));
            tally.sets += 1;
            tally.few += u32::from(grave.len() <= 3);
            tally.most = tally.most.max(grave.len());
            tally.named += u32::from(named);
            tally.seen += u32::from(any);
            let word = |yes: bool| if yes { "yes" } else { "no" };
            write!(
                out,
                "{}{} {} / {} / {}",
                if number > 0 { "; " } else { "" },
                set.name,
                grave.len(),
                word(named),
                word(any)
            )?;
        }
        out.push('\n');
        for found in &seen.incidents {
            let own = seen.matches.iter().filter(|one| one.incident == found.uid).map(|one| &one.truth);
            let held: BTreeSet<&str> = own
                .filter_map(|truth| match truth {
                    Truth::Set(number) => self.sets.get(*chosen.get(*number)?).map(|set| set.name.as_str()),
                    Truth::Benign(_) => None,
                })
                .collect();
            if held.len() > 1 {
                let held: Vec<_> = held.into_iter().collect();
                let by: Vec<_> = found.joined_by.iter().map(String::as_str).collect();
                writeln!(out, "  - over two simulations: {}; members joined by {}", held.join(", "), by.join(", "))?;
            }
        }
        Ok(())
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

/// The score of a grouping that anybody could make.
fn by(seen: &Seen, group: &dyn Fn(&Match) -> String) -> Score {
    let groups: Vec<String> = seen.matches.iter().map(group).collect();
    score(seen.matches.iter().zip(&groups).map(|(one, group)| (&one.truth, group.as_str())))
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
