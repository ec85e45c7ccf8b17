//! Lead time: in recordings of attacks with several steps, how long before a technique was seen did the forecast list it, and
//! how many listed techniques never came?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use shieldwall_forecast::Forecaster;
use shieldwall_forecast::forecaster::Question;
use shieldwall_forecast::ranker::Scratch;
use shieldwall_learn::{Bundle, Tensors};
use shieldwall_trust::{Artifact, Roots};

use super::percent;
use super::program::{Program, Rules};
use super::simulations::otrf;
use crate::forecast::others::{Wals, popularity};

/// How many are listed.
const TOP: usize = 10;

/// What is listed must be at least so likely.
const LIKELY: f64 = 0.2;

/// A ranker that lists techniques for what was seen so far.
type List<'a> = Box<dyn FnMut(&[String]) -> Vec<String> + 'a>;

/// The section's text.
///
/// # Errors
/// When the program fails or the data cannot be read.
pub fn section(program: &Program) -> Result<String> {
    let mut sequences: Vec<Vec<(String, i64)>> = Vec::new();
    for set in otrf(&program.data)? {
        let path = format!("otrf-security-datasets/atomic/{}", set.path);
        if program.data.join(&path).is_file() {
            sequences.extend(program.scan(&path, Rules::Given)?.sequences);
        }
    }
    let evtx = program.data.join("evtx-to-mitre");
    for path in files(&evtx)? {
        let path = path.strip_prefix(&program.data).unwrap_or(&path).to_string_lossy().into_owned();
        sequences.extend(program.scan(&path, Rules::Given)?.sequences);
    }
    sequences.retain(|steps| steps.iter().map(|(_, time)| time).collect::<BTreeSet<_>>().len() > 1);
    let model = forecaster()?;
    let size = model.table().len();
    let common = popularity(size, model.reports().sets());
    let total = model.reports().len() as f64;
    let wals = Wals::fit(size, model.reports().sets(), 1);
    let numbers = |seen: &[String]| -> Vec<u16> { seen.iter().filter_map(|id| model.table().number(id)).collect() };
    let best = |scores: &[f64], seen: &[u16], least: f64| -> Vec<String> {
        let mut order: Vec<u16> = (0..size as u16).filter(|at| !seen.contains(at)).collect();
        order.sort_by(|a, b| scores[usize::from(*b)].total_cmp(&scores[usize::from(*a)]).then(a.cmp(b)));
        let likely = order.into_iter().take(TOP).filter(|at| scores[usize::from(*at)] >= least);
        likely.map(|at| model.table().id(at).to_owned()).collect()
    };
    let mut scratch = Scratch::default();
    let mut ask = |seen: &[String], least: f64| -> Vec<String> {
        let question = Question { techniques: seen, platform: None, top: TOP, as_reported: false };
        let ranked = model.forecast(&question, &mut scratch).ranked;
        ranked.into_iter().filter(|next| next.probability >= least).map(|next| next.technique).collect()
    };
    let mut out = String::from("\n### Forecast: lead time\n\n");
    writeln!(
        out,
        "Incidents with techniques at more than one time, of every recording of `otrf-security-datasets` and every log of \
         `evtx-to-mitre`, each scanned by itself with SigmaHQ's rules: {} incidents. At each new technique the ranker lists at most \
         {TOP} that were not seen yet. *Foreseen*: techniques seen later that had been listed before. *Lead*: from the first \
         listing to the sighting. *False*: techniques ever listed that never came. Minutes in a recording are not minutes in an \
         intrusion; techniques are what rules name, which is less than what happened. The sequences took no part in training.\n\n\
         | ranker | foreseen | median lead | 10th percentile | false a technique foreseen | false an incident |\n|---|---|---|---|---|---|",
        sequences.len()
    )?;
    row(&mut out, "**ours**, p ≥ 0.2", &sequences, Box::new(|seen| ask(seen, LIKELY)))?;
    let mut again = Scratch::default();
    row(
        &mut out,
        "ours, any p",
        &sequences,
        Box::new(|seen| {
            let question = Question { techniques: seen, platform: None, top: TOP, as_reported: false };
            model.forecast(&question, &mut again).ranked.into_iter().map(|next| next.technique).collect()
        }),
    )?;
    let shares: Vec<f64> = common.iter().map(|count| count / total).collect();
    row(&mut out, "popularity, p ≥ 0.2", &sequences, Box::new(|seen| best(&shares, &numbers(seen), LIKELY)))?;
    row(&mut out, "popularity, any p", &sequences, Box::new(|seen| best(&shares, &numbers(seen), 0.0)))?;
    let by_wals = |seen: &[String]| {
        let seen = numbers(seen);
        best(&wals.scores(&seen), &seen, f64::NEG_INFINITY)
    };
    row(&mut out, "WALS as TIE, any p (it has none)", &sequences, Box::new(by_wals))?;
    Ok(out)
}

fn row(out: &mut String, name: &str, sequences: &[Vec<(String, i64)>], mut list: List<'_>) -> Result<()> {
    let (mut later, mut leads, mut wrong) = (0usize, Vec::new(), 0usize);
    for steps in sequences {
        let mut listed: BTreeMap<String, i64> = BTreeMap::new();
        let mut seen: Vec<String> = Vec::new();
        let mut at = 0;
        while let Some((_, time)) = steps.get(at) {
            // What is seen at one time is seen at once.
            let now = steps.iter().skip(at).take_while(|(_, other)| other == time).count();
            for (technique, _) in steps.iter().skip(at).take(now) {
                if at > 0 {
                    later += 1;
                    if let Some(since) = listed.get(technique) {
                        leads.push((time - since) as f64 / 1e9);
                    }
                }
                seen.push(technique.clone());
            }
            at += now;
            for technique in list(&seen) {
                listed.entry(technique).or_insert(*time);
            }
        }
        wrong += listed.keys().filter(|technique| !seen.contains(technique)).count();
    }
    leads.sort_by(f64::total_cmp);
    let at = |share: f64| {
        leads.get((share * leads.len() as f64) as usize).map_or("–".to_owned(), |lead| format!("{lead:.0} s"))
    };
    writeln!(
        out,
        "| {name} | {} of {later} ({}) | {} | {} | {:.1} | {:.1} |",
        leads.len(),
        percent(leads.len() as f64, later as f64),
        at(0.5),
        at(0.1),
        wrong as f64 / leads.len().max(1) as f64,
        wrong as f64 / sequences.len().max(1) as f64
    )?;
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            out.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

/// The shipped forecaster.
fn forecaster() -> Result<Forecaster> {
    let path = crate::root().join("content/models/forecast/model.safetensors");
    let artifact = Artifact::new("forecast", std::fs::read(&path)?);
    let roots = Roots { named: vec![artifact.hash()], ..Roots::default() };
    let bundle = Bundle::from_tensors(&Tensors::load(&roots.verify(artifact)?)?)?;
    Ok(Forecaster::from_tensors(&bundle.model)?)
}
