//! The line: bytes → records → matches and observations → findings.
//!
//! ```text
//! collect ──pieces──▶ A (stateless, parallel)  ──spill──▶ sort by (time, source, offset) ──▶ B (stateful) ──▶ findings
//! ```
//!
//! | module | is |
//! |---|---|
//! | [`drive`] | who reads what when |
//! | [`stateless`] | half A |
//! | [`describe`] | what a matched record says of itself |
//! | [`learning`] | what learning wants of records |
//! | [`before`] | kept baselines, and logs that are only learned from |
//! | [`ranked`] | sources in an order that content alone decides |
//! | [`spill`] | the order between the halves |
//! | [`stateful`], [`folded`] | half B and what it gives |
//! | [`suspicious`], [`detectors`] | what learning found strange, as findings |
//! | [`run`] | what a scan gives: findings, incidents |
//! | [`report`] | what it tells people: reports, the manifest |
//! | [`kinds`] | what kinds of records a source holds |
//! | [`visit`] | one record, for `explain` |
//! | [`progress`] | what a person sees meanwhile |
//!
//! What must stay true: the same input gives the same bytes at any number of threads; nothing is decoded twice.

mod before;
mod describe;
mod detectors;
mod drive;
mod folded;
mod foresight;
mod kinds;
mod learning;
mod progress;
mod ranked;
mod report;
mod run;
mod spill;
mod stateful;
mod stateless;
mod suspicious;
mod visit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use shieldwall_collect::{Input, Limits, Unread};
use shieldwall_decode::TimePolicy;
use shieldwall_detect::anomaly::Observer;
use shieldwall_detect::sigma::correlation::Correlator;
use shieldwall_detect::sigma::load::{Loaded, Refusal};
use shieldwall_detect::sigma::matcher::{Matcher, Options};
use shieldwall_schema::{Mappings, Projection, Reject, Timestamp};

pub use before::Learning;
pub use run::{CaseName, Run, hex};
pub use stateful::Fold;
pub use visit::{Wanted, visit_record};

use before::{NoRules, Taught};
use drive::{Driven, SpillShare};
use learning::Joint;
use progress::Progress;
use run::Detection;
use spill::Spill;
use stateless::Stage;

/// What the user asked of a scan.
#[derive(Clone, Debug)]
pub struct LineOptions {
    /// Worker threads.
    pub threads: usize,
    /// Records before this are left out.
    pub since: Option<Timestamp>,
    /// Records at or after this are left out.
    pub until: Option<Timestamp>,
    /// How matches become findings.
    pub fold: Fold,
    /// Whether inputs are hashed (everything but `--rules-only`).
    pub hashed: bool,
    /// Years and zones that logs lack.
    pub times: TimePolicy,
    /// Whether to show progress on stderr.
    pub progress: bool,
    /// What this program writes itself: found below an input, it is no evidence.
    pub own: Vec<PathBuf>,
    /// How to learn what is normal; `None` for rules alone.
    pub learning: Option<Learning>,
    /// Whether to look ahead; not where the forecaster was revoked.
    pub forecasts: bool,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            since: None,
            until: None,
            fold: Fold::BySource,
            hashed: true,
            times: TimePolicy::default(),
            progress: false,
            own: Vec::new(),
            learning: None,
            forecasts: true,
        }
    }
}

/// Scans paths.
///
/// # Errors
/// When none of the paths can be read, or the spill not be written. Everything else is part of the result.
pub fn scan(paths: &[PathBuf], loaded: Loaded, mappings: Mappings, options: &LineOptions) -> Result<Run> {
    let limits = Limits::default();
    // Baselines that cannot be used are told before anything is read.
    let learner = options.learning.as_ref().map(Learning::learner).transpose()?;
    let (inputs, unread) = readable(paths, &limits, options)?;
    let (logs, logs_unread) = match &options.learning {
        Some(learning) if !learning.logs.is_empty() => readable(&learning.logs, &limits, options)?,
        _ => Default::default(),
    };
    let Loaded { set, refusals, skipped, notes } = loaded;
    let skipped = [skipped, notes].concat();
    let (set, mappings) = (Arc::new(set), Arc::new(mappings));
    let matcher = Matcher::new(Arc::clone(&set), Arc::clone(&mappings), Options::default());
    let progress = Progress::new(options.progress, inputs.iter().chain(&logs).map(bytes_of).sum());
    let first_match = |rule: shieldwall_detect::sigma::ir::RuleIndex, host: Option<&str>| {
        if let Some(rule) = set.rules.get(rule.0 as usize) {
            let level = format!("{:?}", rule.level).to_uppercase();
            let words = format!("{level}  {}  {}", rule.title, host.unwrap_or_default());
            progress.found(crate::output::escape::escape(&words).trim_end());
        }
    };
    let plans = describe::Plans::default();
    let correlator = Correlator::new(&set);
    let observer = Observer::default();
    let joint = Joint::new(&matcher, &observer, &mappings);
    let drive = |projection: &dyn Projection, inputs: &[Input], since, until| -> Result<(Driven, Spill)> {
        let spill = SpillShare::new(Spill::new(spill::MEMORY_BYTES_MAX));
        let stage = Stage {
            matcher: &matcher,
            projection,
            mappings: &mappings,
            correlator: &correlator,
            plans: &plans,
            since,
            until,
            fold: options.fold,
            hashed: options.hashed,
            flush: &|records| spill.append(records),
            first_match: &first_match,
        };
        let driven = drive::drive(&stage, inputs, &limits, &options.times, options.threads, &spill, &progress);
        Ok((driven, spill.into_spill().context("cannot write to the temporary folder")?))
    };
    let back = "cannot read back the temporary files";
    let taught = match learner {
        None => None,
        Some((learner, known)) => {
            let mut taught = Taught { learner, known, items: None, logs: Vec::new(), unread: logs_unread };
            if !logs.is_empty() {
                // All of them: --since and --until say what is looked at, not what is normal.
                let (driven, spill) = drive(&Joint::new(&NoRules, &observer, &mappings), &logs, None, None)?;
                let unread = driven.unread.into_iter().map(|(_, unread)| unread).collect();
                taught.teach(driven.sources, unread, spill).context(back)?;
            }
            Some(taught)
        }
    };
    let projection: &dyn Projection = if options.learning.is_some() { &joint } else { &matcher };
    let (driven, spill) = drive(projection, &inputs, options.since, options.until)?;
    progress.end();
    let refusals = [refusals, refused_late(&matcher)].concat();
    let detection = Detection { rules: set, mappings, correlator, refusals, skipped };
    Run::finish(driven, spill, unread, detection, taught, options).context(back)
}

/// The inputs below paths but for what this program wrote itself, and what cannot be read.
///
/// # Errors
/// When none of the paths can be read.
fn readable(paths: &[PathBuf], limits: &Limits, options: &LineOptions) -> Result<(Vec<Input>, Vec<Unread>)> {
    let (inputs, mut unread) = shieldwall_collect::walk(paths, limits);
    // What is not there yet was never written by us. The names are made real once, not for every input.
    let own: Vec<PathBuf> = options.own.iter().filter_map(|own| own.canonicalize().ok()).collect();
    let (own, inputs): (Vec<_>, Vec<_>) = inputs.into_iter().partition(|input| is_own(input.path(), paths, &own));
    unread.extend(own.iter().map(|input| Unread {
        path: input.display(),
        reason: Reject::Unsupported,
        detail: "written by a scan".to_owned(),
        loses_data: false,
    }));
    if inputs.is_empty() && unread.iter().any(|unread| unread.loses_data) {
        let words: Vec<String> = unread.iter().map(unread_words).collect();
        bail!("{}", words.join("; "));
    }
    Ok((inputs, unread))
}

/// Rules that turned out not to compile when the first record asked for them.
fn refused_late(matcher: &Matcher) -> Vec<Refusal> {
    let refusal = |(at, reason)| {
        let rule = matcher.rule(at)?;
        Some(Refusal {
            pack: rule.pack.clone(),
            file: rule.file.clone(),
            line: rule.line,
            column: None,
            rule_id: Some(rule.id.clone()),
            title: Some(rule.title.clone()),
            reason,
        })
    };
    matcher.refused().into_iter().filter_map(refusal).collect()
}

/// Bytes of an input as it lies there, for the progress bar.
fn bytes_of(input: &Input) -> u64 {
    std::fs::metadata(input.path()).map_or(0, |about| about.len())
}

/// Whether a file found below an input is our own output. What was given by name is always read.
fn is_own(path: &Path, given: &[PathBuf], own: &[PathBuf]) -> bool {
    !own.is_empty()
        && !given.iter().any(|given| given == path)
        && path.canonicalize().is_ok_and(|path| own.iter().any(|own| path.starts_with(own)))
}

/// What was not read, in words.
fn unread_words(unread: &Unread) -> String {
    format!("{}: {}", unread.path, unread.detail)
}
