//! The models that the program carries (`content/models`): their hashes are compiled in, so a file that bears one is trusted
//! wherever it lies; and as scorers of what detectors meet: domain names, requests, command lines, scripts.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use shieldwall_detect::anomaly::{TextScorer, TextScorers, TextVerdict};
use shieldwall_forecast::Forecaster;
use shieldwall_learn::calibrate::Conformal;
use shieldwall_learn::text::{Scratch, TextModel, plain};
use shieldwall_learn::{Bundle, Model, Part, Tensors};
use shieldwall_trust::registry::{Active, Registry, activate};
use shieldwall_trust::{Artifact, Hash, Roots};

use crate::home::Home;

// `SHIPPED`: kind, SHA-256 by its manifest, the file.
include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// Texts below this p-value are explained; the others are what is usual.
const EXPLAINED: f64 = 0.02;

/// Texts of at least so many bytes are remembered with their verdicts; of shorter ones the detectors remember themselves.
const REMEMBERED_BYTES_MIN: usize = 128;

/// Verdicts that are remembered; beyond it the memory begins anew.
const REMEMBERED_MAX: usize = 8192;

/// Places in a text that are shown.
const SPANS_MAX: usize = 4;

/// Properties of a text that are named.
const NAMED_MAX: usize = 3;

/// Hashes of the models that the program carries, as their manifests have them.
pub fn hashes() -> Vec<Hash> {
    SHIPPED.iter().filter_map(|(_, hash, _)| hash.parse().ok()).collect()
}

/// The models that make findings, by kind: the one that the registry has as active, or else the one that the program
/// carries. One that was revoked is left out.
///
/// # Errors
/// When the registry cannot be read, or an active model is damaged.
pub fn actives(home: Option<&Home>) -> Result<Vec<(String, Active<Artifact>)>> {
    let registry = home.map(crate::books::registry).transpose()?;
    let roots = Roots { shipped: hashes(), ..Roots::default() };
    let mut actives = Vec::new();
    for (kind, _, bytes) in SHIPPED {
        let own = match &registry {
            Some(registry) => registry.active(kind)?,
            None => None,
        };
        let active = match own {
            Some(active) => Some(active),
            None => {
                let verified = roots.verify(Artifact::new(*kind, bytes.to_vec()))?;
                activate(verified, registry.as_ref().map(Registry::state)).ok()
            }
        };
        actives.extend(active.map(|active| ((*kind).to_owned(), active)));
    }
    Ok(actives)
}

/// Kinds and hashes of the models that make findings.
///
/// # Errors
/// When the registry cannot be read.
pub fn acting(home: Option<&Home>) -> Result<Vec<(String, Hash)>> {
    Ok(actives(home)?.into_iter().map(|(kind, active)| (kind, active.get().hash())).collect())
}

/// Scorers of texts by active models: nothing else makes findings.
///
/// # Errors
/// When a model is none of ours.
pub fn scorers(models: &[(String, Active<Artifact>)]) -> Result<TextScorers> {
    let mut scorers = TextScorers::default();
    // Texts are scored here; what is forecast is no finding.
    for (kind, active) in models.iter().filter(|(kind, _)| kind != "forecast") {
        let scorer = Some(scorer(kind, active)?);
        match kind.as_str() {
            "domain" => scorers.domain = scorer,
            "http" => scorers.request = scorer,
            "command" => scorers.command = scorer,
            "script" => scorers.script = scorer,
            _ => {}
        }
    }
    Ok(scorers)
}

/// The model of a kind that the program carries.
pub fn shipped(kind: &str) -> Option<Hash> {
    SHIPPED.iter().find(|(known, ..)| *known == kind).and_then(|(_, hash, _)| hash.parse().ok())
}

/// A model that the program carries, with its kind, by the beginning of its hash; `None` unless one alone begins so.
pub fn shipped_by_prefix(prefix: &str) -> Option<(&'static str, Artifact)> {
    let mut found = SHIPPED.iter().filter(|(_, hash, _)| hash.starts_with(prefix));
    let (kind, _, bytes) = found.next().filter(|_| found.next().is_none())?;
    Some((kind, Artifact::new("shipped", bytes.to_vec())))
}

/// Whether the forecaster that the program carries may look ahead: nobody revoked it.
///
/// # Errors
/// When the registry cannot be read.
pub fn may_forecast(home: &Home) -> Result<bool> {
    let registry = crate::books::registry(home)?;
    Ok(!shipped("forecast").is_some_and(|hash| registry.state().is_revoked(hash)))
}

/// The forecaster that may look ahead, and its hash. `None` where it was revoked: nothing is forecast then.
///
/// # Errors
/// When the registry cannot be read. A test loads the shipped one.
pub fn forecaster(home: Option<&Home>) -> Result<Option<(Forecaster, String)>> {
    let Some((_, active)) = actives(home)?.into_iter().find(|(kind, _)| kind == "forecast") else { return Ok(None) };
    let bundle = Tensors::load(active.verified()).and_then(|tensors| Bundle::from_tensors(&tensors));
    let forecaster = bundle.and_then(|bundle| Forecaster::from_tensors(&bundle.model));
    Ok(Some((forecaster.context("the active model `forecast`")?, active.get().hash().to_string())))
}

fn scorer(kind: &str, active: &Active<Artifact>) -> Result<TextScorer> {
    let context = || format!("the active model `{kind}`");
    let bundle =
        Tensors::load(active.verified()).and_then(|tensors| Bundle::from_tensors(&tensors)).with_context(context)?;
    let model = TextModel::from_tensors(&bundle.model).with_context(context)?;
    let calibration = Conformal::from_tensors(&bundle.calibration).with_context(context)?;
    let state: Mutex<(Scratch, FxHashMap<[u8; 32], TextVerdict>)> = Mutex::default();
    Ok(Box::new(move |text| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (scratch, known) = &mut *state;
        // The same scripts run on every machine, every day.
        let hash = (text.len() >= REMEMBERED_BYTES_MIN).then(|| <[u8; 32]>::from(Sha256::digest(text)));
        if let Some(verdict) = hash.and_then(|hash| known.get(&hash)) {
            return verdict.clone();
        }
        let p_value = calibration.p_value(model.score_with(text, scratch));
        let verdict = if p_value > EXPLAINED {
            TextVerdict { p_value, ..TextVerdict::default() }
        } else {
            explained(&model, text, p_value)
        };
        if let Some(hash) = hash {
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(hash, verdict.clone());
        }
        verdict
    }))
}

/// What weighs most: places in the text, and properties of the whole in words.
fn explained(model: &TextModel, text: &str, p_value: f64) -> TextVerdict {
    let explanation = model.explain(text);
    let mut spans = Vec::new();
    let mut named = Vec::new();
    for one in explanation.ranked().into_iter().filter(|one| one.value > 0.0) {
        match &one.part {
            Part::Span(from, to) if spans.len() < SPANS_MAX => spans.push((*from, *to)),
            Part::Named(name) if named.len() < 2 * NAMED_MAX => {
                let words = plain(name);
                if !named.contains(&words) {
                    named.push(words);
                }
            }
            _ => {}
        }
    }
    // What anybody understands comes first.
    named.sort_by_key(|words| words.contains("hostile texts") || words.contains("harmless texts"));
    named.truncate(NAMED_MAX);
    TextVerdict { p_value, spans, words: named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_is_what_its_manifest_says_and_loads() {
        for (kind, hash, bytes) in SHIPPED {
            assert_eq!(Hash::of(bytes).to_string(), *hash, "{kind}");
        }
        scorers(&actives(None).unwrap()).unwrap();
        let total: usize = SHIPPED.iter().map(|(_, _, bytes)| bytes.len()).sum();
        assert!(total <= 8 << 20, "{total} bytes");
    }
}
