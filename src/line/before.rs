//! What is learned before the scanned logs: kept baselines, and logs that are read only to learn from.
//!
//! Such logs go through half A as all do, with nothing asked for but what learning wants; no rule runs on them, and nothing in
//! them is found: they are judged only to see how high scores are on ordinary days. What was learned from once, told by its content, is not learned again: it would count twice.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use shieldwall_collect::Unread;
use shieldwall_detect::anomaly::{Learner, Settings};
use shieldwall_schema::{Projection, Tag, Want};
use shieldwall_trust::Artifact;
use shieldwall_trust::registry::Active;

use super::drive::SourceRun;
use super::ranked::Ranked;
use super::spill::{ItemKind, Sorted, Spill};
use super::suspicious::{Decoded, observed};
use crate::baselines::Kept;

/// SHA-256 of a source's content.
type Hash = [u8; 32];

/// How a scan learns.
#[derive(Clone, Debug, Default)]
pub struct Learning {
    /// What detectors are told.
    pub settings: Settings,
    /// Kept baselines to go on from, by the names that a manifest gives them.
    pub kept: Vec<(String, Arc<Kept>)>,
    /// Logs that are only learned from.
    pub logs: Vec<PathBuf>,
    /// The models that make findings, by kind; those that the program carries where nothing is said.
    pub models: Option<Vec<(String, Active<Artifact>)>>,
}

impl Learning {
    /// A learner that knows what was kept, with the models that the program carries.
    ///
    /// # Errors
    /// When kept baselines are none, or two of them learned from the same log.
    pub fn learner(&self) -> Result<(Learner, BTreeSet<Hash>)> {
        let scorers = match &self.models {
            Some(models) => crate::models::scorers(models)?,
            None => crate::models::scorers(&crate::models::actives(None)?)?,
        };
        let mut known: BTreeSet<Hash> = BTreeSet::new();
        let mut learner: Option<Learner> = None;
        for (name, kept) in &self.kept {
            let both = kept.sources.intersection(&known).count();
            if both > 0 {
                bail!("`{name}` and other baselines given here learned from the same {both} logs: give one of them");
            }
            known.extend(&kept.sources);
            let resumed = Learner::resume(&kept.baselines, self.settings.clone())
                .map_err(|error| anyhow!("`{name}`: {error}"))?
                .learned_before();
            match &mut learner {
                None => learner = Some(resumed),
                Some(learner) => learner.merge(resumed),
            }
        }
        let learner = learner.unwrap_or_else(|| Learner::new(self.settings.clone()));
        Ok((learner.with_texts(scorers), known))
    }
}

/// No rule wants anything.
pub struct NoRules;

impl Projection for NoRules {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        None
    }
}

/// A learner and what it has learned from.
pub struct Taught {
    /// The learner.
    pub learner: Learner,
    /// Contents that it learned from.
    pub known: BTreeSet<Hash>,
    /// What such logs said, to be gone through again, and from which of them was learned.
    pub items: Option<(Sorted, Vec<bool>)>,
    /// Logs that were only learned from, by rank.
    pub logs: Vec<SourceRun>,
    /// What of them could not be opened.
    pub unread: Vec<Unread>,
}

impl Taught {
    /// Teaches logs, in the order of event times.
    ///
    /// # Errors
    /// When the spill cannot be read back.
    pub fn teach(&mut self, sources: Vec<SourceRun>, unread: Vec<Unread>, spill: Spill) -> io::Result<()> {
        let ranked = Ranked::new(sources);
        let mut learns = ranked.canonical();
        for (source, learns) in ranked.sources.iter().zip(&mut learns) {
            *learns &= !self.knows(source);
        }
        let mut items = spill.sorted(&ranked.rank)?;
        let mut decoded = Decoded::default();
        while let Some(item) = items.next()? {
            if item.kind == ItemKind::Observation
                && learns.get(item.key.source as usize) == Some(&true)
                && let Some((record, observation)) = decoded.of(item.payload)
            {
                self.learner.learn(&observed(item.key, record, observation));
            }
        }
        items.rewind()?;
        self.items = Some((items, learns));
        self.logs.extend(ranked.sources);
        self.unread.extend(unread);
        self.known.extend(self.logs.iter().filter_map(learned_hash));
        Ok(())
    }

    /// Whether a source's content was learned from already.
    pub fn knows(&self, source: &SourceRun) -> bool {
        source.sha256.is_some_and(|hash| self.known.contains(&hash))
    }
}

/// The content of a source that holds anything to learn.
pub fn learned_hash(source: &SourceRun) -> Option<Hash> {
    source.sha256.filter(|_| source.tally.records > 0)
}
