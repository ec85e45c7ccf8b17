//! `shieldwall forecast import-attack`: a newer ATT&CK. The reports that the shipped forecaster learned from stay, techniques,
//! groups and software come from the bundle, and the rankers are fitted anew. The result lies in the data directory, and its
//! hash in the list of what was trained here; without it there the shipped model answers.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use shieldwall_forecast::{Forecaster, Reports, Source, Technique, Techniques, stix};
use shieldwall_learn::{Bundle, Tensors};
use shieldwall_trust::{Artifact, Hash, Roots, TrustList};

use super::{Global, Outcome};
use crate::home::write_whole;

/// Bytes of a bundle: ATT&CK's is some 50 MB.
const BUNDLE_BYTES_MAX: u64 = 1 << 29;

/// Said where the registry has revoked the shipped forecaster.
const REVOKED: &str = "the forecaster was revoked (`shieldwall model list`): nothing is forecast";

/// Arguments of `forecast import-attack`.
#[derive(Debug, Args)]
#[command(after_help = "MITRE publishes enterprise-attack.json; fetch it yourself, nothing is fetched here.")]
pub struct ImportArgs {
    /// The STIX bundle
    #[arg(value_name = "STIX.json")]
    bundle: PathBuf,
}

/// The forecaster in use: the imported one where there is one, else the shipped one.
///
/// # Errors
/// When an imported one is there but damaged or not vouched for.
pub fn current(global: &Global) -> Result<Forecaster> {
    if let Ok(home) = global.home() {
        let path = home.forecaster();
        if path.is_file() {
            let artifact = Artifact::new(path.display().to_string(), fs::read(&path)?);
            let trained = TrustList::read(&home.trust_list())?.hashes();
            let verified = Roots { trained, ..Roots::default() }.verify(artifact)?;
            let model = Tensors::load(&verified).and_then(|tensors| Bundle::from_tensors(&tensors));
            return model
                .and_then(|bundle| Forecaster::from_tensors(&bundle.model))
                .with_context(|| format!("the imported forecaster `{}`", path.display()));
        }
    }
    let shipped = crate::models::forecaster(global.home().ok().as_ref())?;
    Ok(shipped.context(REVOKED)?.0)
}

/// Runs `forecast import-attack`.
///
/// # Errors
/// When the bundle cannot be read or the result not be written.
pub fn run(global: &Global, args: &ImportArgs) -> Result<Outcome> {
    let home = global.home()?;
    let shown = args.bundle.display();
    let about = fs::metadata(&args.bundle).with_context(|| format!("cannot read `{shown}`"))?;
    if about.len() > BUNDLE_BYTES_MAX {
        bail!("`{shown}` has {} bytes, at most {BUNDLE_BYTES_MAX} are read", about.len());
    }
    let bytes = fs::read(&args.bundle).with_context(|| format!("cannot read `{shown}`"))?;
    let attack = stix::read(&bytes).with_context(|| format!("`{shown}`"))?;
    let (shipped, _) = crate::models::forecaster(Some(&home))?.context(REVOKED)?;
    let (table, reports, missing) = joined(&shipped, attack)?;
    let (techniques, sets) = (table.len(), reports.len());
    let model = Forecaster::new(table, reports, shipped.ranker().settings(), *shipped.odds(), None);
    let bundle = Bundle {
        kind: "forecast".to_owned(),
        model: model.to_tensors(),
        calibration: Tensors::default(),
        drift: Tensors::default(),
    };
    let bytes = bundle.to_tensors().to_bytes();
    let hash = Hash::of(&bytes);
    write_whole(&home.forecaster(), &bytes)?;
    TrustList::read(&home.trust_list())?.add(hash, "forecast with an imported ATT&CK")?;
    let mut out = io::stdout().lock();
    writeln!(out, "{techniques} techniques, {sets} reports, groups, campaigns, malware and tools; learned anew")?;
    if missing > 0 {
        writeln!(out, "{missing} techniques of old reports are not in it: kept, and named as given up")?;
    }
    writeln!(out, "SHA-256 {hash}")?;
    Ok(Outcome::Clean)
}

/// The new table with what only old reports name, and the old reports with the new entities.
fn joined(shipped: &Forecaster, attack: stix::Attack) -> Result<(Techniques, Reports, usize)> {
    let mut all: Vec<Technique> = attack.table.all().to_vec();
    let mut missing = 0;
    for old in shipped.table().all().iter().filter(|old| attack.table.number(&old.id).is_none()) {
        let state = if old.state.is_current() { shieldwall_forecast::State::Deprecated } else { old.state.clone() };
        all.push(Technique { state, ..old.clone() });
        missing += 1;
    }
    let table = Techniques::new(all)?;
    let mut reports = Reports::default();
    let mut take = |from: &Techniques, sets: &Reports, wanted: fn(Source) -> bool| {
        for (at, set) in sets.sets().iter().enumerate().filter(|(at, _)| wanted(sets.source(*at))) {
            let ids = set.iter().map(|one| from.id(*one));
            reports.add(&table, ids, sets.source(at), sets.name(at));
        }
    };
    take(shipped.table(), shipped.reports(), |source| source == Source::Report);
    take(&attack.table, &attack.entities, |source| source != Source::Report);
    Ok((table, reports, missing))
}
