//! Closed windows → candidates: which parts of what an entity did are strange, and how strange.
//!
//! A part's p-value pays for how many facts of its feature the window held: a busy hour is not strange for being
//! busy. Silence counts: an hour in which nothing was installed is an hour in which nothing strange was installed. Parts above [`PART_P_MAX`] say nothing and are left away, so a score is the sum of what is shown.

use std::collections::BTreeMap;

use shieldwall_learn::calibrate::surprise;

use super::calibrate::Scores;
use super::detectors::{BEACON, COMMAND, DETECTORS, DOMAIN, REQUEST, SCRIPT, SLOW_BOIL};
use super::facts::{FEATURES, Feature, FeatureId, Text};
use super::measures::{MEASURES, Measure, bin};
use super::window::{Amounts, StrangeText, Trace, Window};
use shieldwall_learn::baseline::{Baseline, Standing};

/// Parts above this p-value are ordinary.
const PART_P_MAX: f64 = 0.05;

/// Parts of one feature that a score adds up.
const PARTS_A_FEATURE: usize = 3;

/// Candidates of one detector kept for a day, strongest first; the rest is counted.
const CANDIDATES_A_DAY: usize = 200;

/// Why a window is strange, one part; words are made later, for what is shown.
#[derive(Clone, Debug)]
pub(super) enum Why {
    Fact { key: u32, standing: Standing },
    Level { measure: u8, value: u64, bin: u8 },
    Words { what: &'static str, words: String, normal: String },
}

/// A part of a candidate's score.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub nats: f64,
    pub why: Why,
}

/// An entity-window that may be shown.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub detector: u16,
    pub entity: u32,
    pub day: i32,
    pub score: f64,
    pub pieces: Vec<Piece>,
    pub trace: Trace,
    pub with: Vec<(u8, u32)>,
    pub host: u32,
    /// Set where a detector knows its p-value itself.
    pub p_value: Option<f64>,
}

/// What judging gathers.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    pub days: BTreeMap<i32, Day>,
    pub scores: Vec<Scores>,
}

/// One day's candidates.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    pub candidates: Vec<Candidate>,
    /// Entity-windows that were tested, by detector.
    pub tested: Vec<u64>,
    /// Candidates beyond the limit.
    pub beyond: u64,
}

impl Judged {
    /// Takes one tested window of a detector: its score for calibration, and itself if anything is strange.
    pub(super) fn take(&mut self, candidate: Candidate) {
        let detector = usize::from(candidate.detector);
        self.tested(detector, candidate.day, candidate.score);
        if candidate.score > 0.0
            && let Some(day) = self.days.get_mut(&candidate.day)
        {
            day.candidates.push(candidate);
            if day.candidates.len() > 2 * CANDIDATES_A_DAY * DETECTORS.len() {
                day.shrink();
            }
        }
    }

    /// Counts one tested window of a detector.
    fn tested(&mut self, detector: usize, day: i32, score: f64) {
        if self.scores.len() < DETECTORS.len() {
            self.scores.resize(DETECTORS.len(), Scores::default());
        }
        if let Some(scores) = self.scores.get_mut(detector) {
            scores.add(score);
        }
        let day = self.days.entry(day).or_default();
        day.tested.resize(DETECTORS.len(), 0);
        if let Some(tested) = day.tested.get_mut(detector) {
            *tested += 1;
        }
    }
}

impl Day {
    /// Keeps each detector's strongest.
    pub(super) fn shrink(&mut self) {
        self.candidates.sort_by(|a, b| a.detector.cmp(&b.detector).then(b.score.total_cmp(&a.score)));
        let (mut detector, mut kept, before) = (u16::MAX, 0, self.candidates.len());
        self.candidates.retain(|one| {
            kept = if one.detector == detector { kept + 1 } else { 1 };
            detector = one.detector;
            kept <= CANDIDATES_A_DAY
        });
        self.beyond += (before - self.candidates.len()) as u64;
    }
}

/// Judges an entity's hour. `learned`: the hour is part of what was learned, and is left out.
pub(super) fn hour(base: &Baseline, entity: u32, day: i32, window: &Window, learned: bool, out: &mut Judged) {
    // Every detector but those of texts is tested in every hour: most find nothing to speak of, which is knowledge too.
    let mut tested = vec![true; DETECTORS.len()];
    for of_texts in [DOMAIN, REQUEST, SCRIPT, BEACON, SLOW_BOIL] {
        if let Some(tested) = tested.get_mut(usize::from(of_texts)) {
            *tested = false;
        }
    }
    let mut found: Vec<(u16, Piece, Trace)> = Vec::new();
    facts(base, entity, window, learned, &mut found);
    for (measure, value, trace) in window.amounts.shown() {
        level(base, entity, measure, value, trace, learned, &mut found);
    }
    texts(window, &mut tested, &mut found);
    // The maps above have an order of their own; what is said has not.
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.nats.total_cmp(&a.1.nats)).then_with(|| order(&a.1).cmp(&order(&b.1))));
    emit(
        entity,
        day,
        &tested,
        found,
        |candidate| {
            candidate.with.clone_from(&window.with);
            candidate.host = window.host;
        },
        out,
    );
}

/// Judges an entity's day.
pub(super) fn whole_day(
    base: &Baseline,
    entity: u32,
    day: i32,
    amounts: &Amounts,
    host: u32,
    learned: bool,
    out: &mut Judged,
) {
    let mut tested = vec![false; DETECTORS.len()];
    for daily in MEASURES.iter().filter(|facts| facts.day) {
        if let Some(tested) = tested.get_mut(usize::from(daily.detector)) {
            *tested = true;
        }
    }
    let mut found = Vec::new();
    for (measure, value, trace) in amounts.shown() {
        level(base, entity, measure, value, trace, learned, &mut found);
    }
    emit(entity, day, &tested, found, |candidate| candidate.host = host, out);
}

fn emit(
    entity: u32,
    day: i32,
    tested: &[bool],
    found: Vec<(u16, Piece, Trace)>,
    finish: impl Fn(&mut Candidate),
    out: &mut Judged,
) {
    for (detector, _) in (0u16..).zip(tested).filter(|(_, tested)| **tested) {
        if found.iter().all(|(of, _, _)| *of != detector) {
            out.tested(usize::from(detector), day, 0.0);
            continue;
        }
        let mut candidate = Candidate {
            detector,
            entity,
            day,
            score: 0.0,
            pieces: Vec::new(),
            trace: Trace::default(),
            with: Vec::new(),
            host: 0,
            p_value: None,
        };
        for (_, piece, trace) in found.iter().filter(|(of, _, _)| *of == detector) {
            candidate.score += piece.nats;
            candidate.pieces.push(piece.clone());
            candidate.trace.join(trace);
        }
        if candidate.score > 0.0 {
            finish(&mut candidate);
        }
        out.take(candidate);
    }
}

fn order(piece: &Piece) -> (u8, u32, &str) {
    match &piece.why {
        Why::Fact { key, .. } => (0, *key, ""),
        Why::Level { measure, .. } => (1, u32::from(*measure), ""),
        Why::Words { words, .. } => (2, 0, words),
    }
}

/// Whether a fact may become a part; what may not needs no trace.
pub(super) fn may_be_strange(base: &Baseline, entity: u32, key: u32, feature: FeatureId, learned: bool) -> bool {
    let standing = base.standing(entity, key, learned);
    standing.is_some_and(|standing| base.fact_p_value(entity, feature, &standing, 1, learned) <= PART_P_MAX)
}

fn facts(base: &Baseline, entity: u32, window: &Window, learned: bool, found: &mut Vec<(u16, Piece, Trace)>) {
    let mut by_feature = [const { Vec::new() }; FEATURES.len()];
    let mut counts = [0u32; FEATURES.len()];
    for (key, trace) in &window.facts {
        let Some(of) = base.keys.get(*key as usize) else { continue };
        if let Some(count) = counts.get_mut(usize::from(of.feature)) {
            *count += 1;
        }
        if let (Some(list), Some(trace)) = (by_feature.get_mut(usize::from(of.feature)), trace) {
            list.push((*key, trace));
        }
    }
    for ((number, strange), count) in (0u8..).zip(by_feature).zip(counts) {
        let Some(feature) = Feature::of(number as FeatureId).filter(|_| !strange.is_empty()) else { continue };
        let mut list: Vec<(f64, u32, Standing, &Trace)> = strange
            .into_iter()
            .filter_map(|(key, trace)| {
                let standing = base.standing(entity, key, learned)?;
                Some((base.fact_p_value(entity, number, &standing, count, learned), key, standing, &**trace))
            })
            .filter(|(p, ..)| *p <= PART_P_MAX)
            .collect();
        list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.score.total_cmp(&b.2.score)).then(a.1.cmp(&b.1)));
        for (p, key, standing, trace) in list.into_iter().take(PARTS_A_FEATURE) {
            let piece = Piece { nats: surprise(p), why: Why::Fact { key, standing } };
            found.push((feature.detector, piece, trace.clone()));
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "one place for hours and days")]
fn level(
    base: &Baseline,
    entity: u32,
    measure: Measure,
    value: u64,
    trace: &Trace,
    learned: bool,
    found: &mut Vec<(u16, Piece, Trace)>,
) {
    let facts = measure.facts();
    if value < facts.least {
        return;
    }
    let bin = bin(value);
    let p = base.level_p_value(entity, measure as u8, bin, learned);
    if p <= PART_P_MAX {
        let why = Why::Level { measure: measure as u8, value, bin };
        found.push((facts.detector, Piece { nats: surprise(p), why }, trace.clone()));
    }
}

fn texts(window: &Window, tested: &mut [bool], found: &mut Vec<(u16, Piece, Trace)>) {
    for (kind, detector, what) in [
        (Text::Domain, DOMAIN, "domain name"),
        (Text::Request, REQUEST, "web request"),
        (Text::Command, COMMAND, "command line"),
        (Text::Script, SCRIPT, "script"),
    ] {
        let count = window.texts.get(kind as usize).copied().unwrap_or(0);
        if count == 0 {
            continue;
        }
        if let Some(tested) = tested.get_mut(usize::from(detector)) {
            *tested = true;
        }
        let mut strange: Vec<&StrangeText> = window.strange.iter().filter(|one| one.kind == kind).collect();
        strange.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
        for (rank, one) in strange.into_iter().take(PARTS_A_FEATURE).enumerate() {
            let p = sidak(one.p_value, f64::from(count) / (rank + 1) as f64);
            if p <= PART_P_MAX {
                let times = (1.0 / one.p_value.max(1e-9)).round();
                let normal = format!("of harmless texts of this kind ({what}) about one in {times:.0} is this strange");
                let why = Why::Words { what, words: one.words.clone(), normal };
                found.push((detector, Piece { nats: surprise(p), why }, one.trace.clone()));
            }
        }
    }
}

/// What texts are called among the parts.
pub(super) const TEXTS: [&str; 4] = ["domain name", "web request", "command line", "script"];

/// The chance that the best of `tries` is as small as `p`.
fn sidak(p: f64, tries: f64) -> f64 {
    let tries = tries.max(1.0);
    // 1 − (1 − p)^tries, without losing small p.
    (-(tries * (-p.min(1.0 - 1e-12)).ln_1p()).exp_m1()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_often_costs() {
        assert!((sidak(0.01, 1.0) - 0.01).abs() < 1e-12);
        assert!((sidak(1e-12, 100.0) - 1e-10).abs() < 1e-16);
        assert!(sidak(0.5, 1000.0) > 0.999 && sidak(1.0, 3.0) <= 1.0 && sidak(0.0, 5.0) == 0.0);
    }
}
