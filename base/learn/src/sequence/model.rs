//! Whole sessions: how strange a list of ids is, and why.
//!
//! Six things are asked of a sequence, each as −ln of the share of held-out training normals that reach it: ids never seen,
//! how often each id occurs (`counts`), the strangest transition, the strangest stretch of [`WINDOW`] ids, the mean
//! transition (`grams`), and the length. Held out means: each block of the training data is judged by a model of the other
//! blocks, so what is usual is not what was learned by heart. Blocks are contiguous: in data that stand in order of time,
//! that is how the next day differs.
//!
//! The score is the sum of the six, the strongest in full and each next weaker one three tenths of the one before. So five
//! ordinary parts do not bury an extreme one, and of two sequences with the same extreme the stranger one is first. The
//! parts depend on each other, hence the sum is no −ln p of its own; [`SequenceModel::p_value`] calibrates it again on the
//! same held-out normals.
//!
//! Cost: linear in the sequence but for the sorting of its ids; fitting is `folds + 1` passes.

use super::counts::{Counts, REPRESENTATIVES_MAX};
use super::grams::{END, Grams, ORDER_MAX};
use super::upper::UpperTail;
use super::vocabulary::{SequenceData, Token, UNSEEN, Vocabulary};
use super::{explain, keep, weights};
use crate::model::{Explanation, FitError, Model};
use crate::random::Random;
use crate::tensors::{LoadError, Tensors};

/// Ids that a stretch spans.
pub const WINDOW: usize = 8;

/// Fewest normal sequences that are not empty: one to learn from, one to judge.
pub const NORMALS_MIN: usize = 2;

/// How many things are asked.
pub const PARTS: usize = 6;
pub(super) const UNSEEN_IDS: usize = 0;
pub(super) const COUNTS: usize = 1;
pub(super) const WORST: usize = 2;
pub(super) const STRETCH: usize = 3;
pub(super) const MEAN: usize = 4;
pub(super) const LENGTH: usize = 5;

/// The parts' names, in their order.
pub const PART_NAMES: [&str; PARTS] =
    ["unseen ids", "counts", "strangest transition", "strangest stretch", "mean transition", "length"];

/// Tails: one for each part, and one more since a length may be too short.
pub(super) const TAILS: usize = PARTS + 1;
const SHORT: usize = PARTS;

/// What counts as a distance beyond the highest normal: ids, share of the counts, nats, nats, nats, −ln of a ratio (twice).
pub(super) const UNITS: [f64; TAILS] = [1.0, 0.1, 1.0, 0.5, 0.25, 0.25, 0.25];

/// What each next weaker part counts of the one before.
const NEXT: f64 = 0.3;

/// Choices; the defaults are what we recommend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSettings {
    /// Longest n-gram, 1 to 5.
    pub order: usize,
    /// Count vectors that are kept to compare with, 1 to 1,024.
    pub representatives: usize,
}

impl Default for SequenceSettings {
    fn default() -> Self {
        Self { order: ORDER_MAX, representatives: REPRESENTATIVES_MAX }
    }
}

/// What is normal among lists of ids.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceModel {
    pub(super) settings: SequenceSettings,
    pub(super) vocabulary: Vocabulary,
    pub(super) seen: Seen,
    pub(super) tails: [UpperTail; TAILS],
    /// Scores of held-out normals.
    pub(super) fused: UpperTail,
    pub(super) weights: [f64; PARTS],
}

/// What was counted of sequences.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) grams: Grams,
    pub(super) counts: Counts,
}

/// Room that scoring works in; keep one a thread, so that nothing is allocated a sequence.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(super) ids: Vec<u32>,
    pub(super) counted: Vec<(u32, u32)>,
    pub(super) dense: Vec<f32>,
    /// −ln probability of each id and of the end.
    pub(super) surprises: Vec<f64>,
}

/// The six answers in their own units, and where they were found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw {
    pub(super) parts: [f64; PARTS],
    pub(super) worst_at: usize,
    /// The stretch's first place.
    pub(super) stretch_at: usize,
}

impl Seen {
    fn new(
        sequences: &[&[u32]],
        size: usize,
        settings: &SequenceSettings,
        random: &mut Random,
    ) -> Result<Self, FitError> {
        let mut grams = Grams::new(settings.order, size);
        let mut scratch = Scratch::default();
        let mut all = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            grams.add(sequence.iter().copied());
            scratch.ids.clear();
            scratch.ids.extend_from_slice(sequence);
            scratch.count();
            all.push(scratch.counted.clone());
        }
        Ok(Self { grams, counts: Counts::fit(size, all, settings.representatives, random)? })
    }

    /// Ids as this model knows them; what it never saw becomes [`UNSEEN`]. How many those are.
    fn place(&self, item: &[u32], scratch: &mut Scratch) -> usize {
        scratch.ids.clear();
        scratch.ids.extend(item.iter().map(|id| if self.counts.knows(*id) { *id } else { UNSEEN }));
        scratch.ids.iter().filter(|id| **id == UNSEEN).count()
    }

    pub(super) fn raw(&self, item: &[u32], scratch: &mut Scratch) -> Raw {
        let unseen = self.place(item, scratch);
        let mut raw = Raw::default();
        let mut walk = self.grams.start();
        let (mut sum, mut stretch) = (0.0, 0.0);
        let (mut worst, mut widest) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        scratch.surprises.clear();
        for (at, id) in scratch.ids.iter().copied().chain([END]).enumerate() {
            let surprise = self.grams.surprise(&mut walk, id);
            scratch.surprises.push(surprise);
            sum += surprise;
            stretch += surprise;
            if let Some(left) = at.checked_sub(WINDOW).and_then(|before| scratch.surprises.get(before)) {
                stretch -= left;
            }
            if surprise > worst {
                (worst, raw.worst_at) = (surprise, at);
            }
            if stretch > widest {
                (widest, raw.stretch_at) = (stretch, (at + 1).saturating_sub(WINDOW));
            }
        }
        scratch.count();
        let nearest = self.counts.nearest(&scratch.counted, &mut scratch.dense);
        raw.parts = [
            unseen as f64,
            nearest.distance,
            worst,
            widest / WINDOW as f64,
            sum / scratch.surprises.len() as f64,
            (item.len() as f64).ln_1p(),
        ];
        raw
    }
}

impl Scratch {
    /// Counts the ids; the order of `ids` is lost.
    pub(super) fn count(&mut self) {
        self.ids.sort_unstable();
        self.counted.clear();
        for id in &self.ids {
            match self.counted.last_mut().filter(|last| last.0 == *id) {
                Some(last) => last.1 = last.1.saturating_add(1),
                None => self.counted.push((*id, 1)),
            }
        }
    }
}

/// −ln p of each part, from the tails.
pub(super) fn surprises(tails: &[UpperTail; TAILS], raw: &Raw) -> [f64; PARTS] {
    let mut all = [0.0; PARTS];
    for ((part, tail), raw) in all.iter_mut().zip(tails).zip(&raw.parts) {
        *part = tail.surprise(*raw);
    }
    if let (Some(length), Some(short), Some(raw)) = (all.get_mut(LENGTH), tails.get(SHORT), raw.parts.get(LENGTH)) {
        // Two sides: twice the smaller tail.
        *length = (length.max(short.surprise(-raw)) - std::f64::consts::LN_2).max(0.0);
    }
    all
}

/// What each part adds to the score: weighted, the strongest in full, each next a share of it.
pub(super) fn values(surprises: &[f64; PARTS], weights: &[f64; PARTS]) -> [f64; PARTS] {
    let mut all = [0.0; PARTS];
    for ((value, surprise), weight) in all.iter_mut().zip(surprises).zip(weights) {
        *value = surprise * weight;
    }
    let mut ranked: [&mut f64; PARTS] = all.each_mut();
    ranked.sort_by(|a, b| b.total_cmp(a));
    let mut share = 1.0;
    for value in ranked {
        *value *= share;
        share *= NEXT;
    }
    all
}

fn tails(raws: &[Raw]) -> [UpperTail; TAILS] {
    let mut at = 0;
    UNITS.map(|unit| {
        let part = if at == SHORT { LENGTH } else { at };
        let sign = if at == SHORT { -1.0 } else { 1.0 };
        at += 1;
        UpperTail::from_values(unit, raws.iter().filter_map(|raw| raw.parts.get(part)).map(|raw| raw * sign).collect())
    })
}

/// How many blocks: each sequence its own where there are few; many where the model still gains much from each block, so
/// that held-out normals look as later ones will, and not stranger.
fn folds(normals: usize) -> usize {
    match normals {
        0..=40 => normals,
        41..=5000 => 20,
        _ => 5,
    }
}

impl SequenceModel {
    /// The ids of a sequence as this model knows them.
    pub fn encode(&self, tokens: &[Token<'_>]) -> Vec<u32> {
        tokens.iter().map(|token| self.vocabulary.get(*token)).collect()
    }

    /// Like [`SequenceModel::encode`], but ids that were never seen get a number, so that `learn` can learn them. They
    /// count as unseen until then.
    pub fn encode_new(&mut self, tokens: &[Token<'_>]) -> Vec<u32> {
        tokens.iter().map(|token| self.vocabulary.intern(*token)).collect()
    }

    /// The ids' names.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// How many normal sequences were learned.
    pub fn sequences(&self) -> u32 {
        self.seen.counts.sessions()
    }

    /// Like `score`, in given room.
    pub fn score_with(&self, item: &[u32], scratch: &mut Scratch) -> f64 {
        let raw = self.seen.raw(item, scratch);
        values(&surprises(&self.tails, &raw), &self.weights).iter().sum()
    }

    /// −ln p of each part, unbent and unweighted, in the order of [`PART_NAMES`].
    pub fn parts(&self, item: &[u32], scratch: &mut Scratch) -> [f64; PARTS] {
        surprises(&self.tails, &self.seen.raw(item, scratch))
    }

    /// The share of held-out training normals that score at least this high, (k + 1) / (n + 1), smaller beyond all of them.
    pub fn p_value(&self, score: f64) -> f64 {
        (-self.fused.surprise(score)).exp()
    }

    /// The lowest score whose [`SequenceModel::p_value`] is at most `rate`, as held-out normals tell; infinite where they
    /// are too few to tell.
    pub fn threshold(&self, rate: f64) -> f64 {
        let (values, reach) = self.fused.parts();
        let most = rate * (self.fused.total() + 1) as f64;
        let at = reach.partition_point(|reach| (*reach + 1) as f64 > most);
        if at < values.len() {
            return values.get(at).copied().unwrap_or(f64::INFINITY);
        }
        if most >= 1.0 { values.last().map_or(f64::INFINITY, |top| top.next_up()) } else { f64::INFINITY }
    }

    /// The scores of held-out training normals as (score, how many reach it), ascending: what a calibrator starts from.
    pub fn held_out(&self) -> (&[f64], &[u64]) {
        self.fused.parts()
    }

    /// The weights of the parts, in the order of [`PART_NAMES`].
    pub fn part_weights(&self) -> &[f64] {
        &self.weights
    }

    fn fit_data(data: &SequenceData, settings: &SequenceSettings, random: &mut Random) -> Result<Self, FitError> {
        let settings = SequenceSettings {
            order: settings.order.clamp(1, ORDER_MAX),
            representatives: settings.representatives.clamp(1, REPRESENTATIVES_MAX),
        };
        let rows = |label: u8| (0..data.len()).filter(move |at| data.labels().get(*at) == Some(&label));
        if !data.is_empty() && rows(0).next().is_none() {
            return Err(FitError::OneClass { rows: data.len(), class: 1 });
        }
        let have = rows(0).filter(|at| !data.sequence(*at).is_empty()).count();
        if have < NORMALS_MIN {
            return Err(FitError::TooFew { have, need: NORMALS_MIN });
        }
        // Ids that only hostile sequences have are unseen: the model knows what is normal.
        let mut vocabulary = Vocabulary::default();
        let mut numbers = vec![UNSEEN; data.vocabulary().size()];
        for id in rows(0).flat_map(|at| data.sequence(at)) {
            if let Some(number) = numbers.get_mut(*id as usize).filter(|number| **number == UNSEEN) {
                *number = vocabulary.add(data.vocabulary().name(*id).to_owned());
            }
        }
        let renumber = |at: usize| -> Vec<u32> {
            data.sequence(at).iter().map(|id| numbers.get(*id as usize).copied().unwrap_or(UNSEEN)).collect()
        };
        let normals: Vec<Vec<u32>> = rows(0).map(renumber).collect();
        let size = vocabulary.size();
        let mut scratch = Scratch::default();
        let mut raws = Vec::with_capacity(normals.len());
        let folds = folds(normals.len());
        for fold in 0..folds {
            let (from, to) = (fold * normals.len() / folds, (fold + 1) * normals.len() / folds);
            let block = |at: &usize| (from..to).contains(at);
            let others = normals.iter().enumerate().filter(|(at, _)| !block(at)).map(|(_, one)| one.as_slice());
            let others: Vec<&[u32]> = others.collect();
            let seen = Seen::new(&others, size, &settings, &mut random.part(fold as u64 + 1))?;
            raws.extend(normals.iter().skip(from).take(to - from).map(|one| seen.raw(one, &mut scratch)));
        }
        let tails = tails(&raws);
        let all: Vec<&[u32]> = normals.iter().map(Vec::as_slice).collect();
        let seen = Seen::new(&all, size, &settings, &mut random.part(0))?;
        let ordinary: Vec<[f64; PARTS]> = raws.iter().map(|raw| surprises(&tails, raw)).collect();
        let hostile = rows(1).map(|at| surprises(&tails, &seen.raw(&renumber(at), &mut scratch)));
        let weights = weights::choose(&ordinary, &hostile.collect::<Vec<_>>());
        let fused = ordinary.iter().map(|parts| values(parts, &weights).iter().sum()).collect();
        let fused = UpperTail::from_values(1.0, fused);
        Ok(Self { settings, vocabulary, seen, tails, fused, weights })
    }
}

impl Model for SequenceModel {
    type Item<'a> = &'a [u32];
    type Data<'a> = &'a SequenceData;
    type Settings = SequenceSettings;
    const FAMILY: &'static str = "sequence";

    /// Learns what is normal from the sequences labelled 0. Sequences labelled 1 only choose how much each part weighs.
    fn fit(data: &SequenceData, settings: &SequenceSettings, random: &mut Random) -> Result<Self, FitError> {
        Self::fit_data(data, settings, random)
    }

    /// Judges the sequence as the model stands, then counts it among the normal ones.
    fn learn(&mut self, item: &[u32]) -> bool {
        let mut scratch = Scratch::default();
        let raw = self.seen.raw(item, &mut scratch);
        let score = values(&surprises(&self.tails, &raw), &self.weights).iter().sum();
        self.fused.add(score);
        for (at, tail) in self.tails.iter_mut().enumerate() {
            let length = raw.parts.get(LENGTH).map_or(0.0, |length| -length);
            tail.add(raw.parts.get(at).copied().unwrap_or(length));
        }
        let size = self.vocabulary.size();
        scratch.ids.clear();
        scratch.ids.extend(item.iter().map(|id| if (*id as usize) < size { *id } else { UNSEEN }));
        self.seen.grams.widen(size);
        self.seen.grams.add(scratch.ids.iter().copied());
        scratch.count();
        self.seen.counts.learn(&scratch.counted, size);
        true
    }

    fn score(&self, item: &[u32]) -> f64 {
        self.score_with(item, &mut Scratch::default())
    }

    fn explain(&self, item: &[u32]) -> Explanation {
        explain::explain(self, item)
    }

    fn to_tensors(&self) -> Tensors {
        keep::to_tensors(self)
    }

    fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        keep::from_tensors(tensors)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Part;

    /// Sessions of a service: two orders in the middle, a retry now and then.
    fn data(sessions: usize) -> SequenceData {
        let mut data = SequenceData::default();
        for at in 0..sessions {
            let middle = if at % 2 == 0 { ["read", "check"] } else { ["check", "read"] };
            let mut names = vec!["open", "login"];
            names.extend(middle);
            if at % 7 == 0 {
                names.push("retry");
            }
            names.push("close");
            let tokens: Vec<Token<'_>> = names.into_iter().map(Token::Text).collect();
            data.push(&tokens, 0).unwrap();
        }
        data
    }

    fn fitted(data: &SequenceData) -> SequenceModel {
        SequenceModel::fit(data, &SequenceSettings::default(), &mut Random::new(1)).unwrap()
    }

    fn score(model: &SequenceModel, names: &[&str]) -> f64 {
        model.score(&model.encode(&names.iter().map(|name| Token::Text(name)).collect::<Vec<_>>()))
    }

    const USUAL: [&str; 5] = ["open", "login", "read", "check", "close"];

    #[test]
    fn strange_sequences_of_every_kind_score_above_usual_ones() {
        for sessions in [17, 50, 600] {
            let model = fitted(&data(sessions));
            let usual = score(&model, &USUAL);
            for (what, names) in [
                ("an unseen id", &["open", "login", "read", "dump", "close"][..]),
                ("another order", &["login", "open", "read", "check", "close"]),
                ("too often", &["open", "login", "read", "read", "read", "read", "check", "close"]),
                ("cut short", &["open", "login"]),
                ("nothing", &[]),
            ] {
                let strange = score(&model, names);
                assert!(strange > usual + 1.0, "{what} after {sessions}: {strange} against {usual}");
                assert!(model.p_value(strange) < model.p_value(usual), "{what} after {sessions}");
            }
        }
    }

    #[test]
    fn it_says_which_places_and_which_counts() {
        let model = fitted(&data(600));
        let ids = model.encode(&["open", "login", "read", "dump", "close"].map(Token::Text));
        let explained = model.explain(&ids);
        let strongest = &explained.ranked()[0].part;
        assert_eq!(*strongest, Part::Position(3), "{explained:?}");
        let said = |text: &str| explained.contributions.iter().any(|one| one.part == Part::Named(text.to_owned()));
        assert!(
            said("events never seen: 1 times, usually 0") && said("event check: 0 times, usually 1"),
            "{explained:?}"
        );
        let short = model.explain(&model.encode(&["open", "login"].map(Token::Text)));
        let said = |text: &str| short.contributions.iter().any(|one| one.part == Part::Named(text.to_owned()));
        assert!(said("where the sequence ends") && said("length 2, usually 5 to 6"), "{short:?}");
    }

    #[test]
    fn data_that_teach_nothing_are_refused_in_words() {
        let refused = |data: &SequenceData| {
            SequenceModel::fit(data, &SequenceSettings::default(), &mut Random::new(1)).unwrap_err().to_string()
        };
        assert_eq!(refused(&SequenceData::default()), "0 usable rows, at least 2 are needed");
        assert_eq!(refused(&data(1)), "1 usable rows, at least 2 are needed");
        let mut empty = SequenceData::default();
        (0..9).for_each(|_| empty.push(&[], 0).unwrap());
        assert_eq!(refused(&empty), "0 usable rows, at least 2 are needed");
        let mut hostile = SequenceData::default();
        (0..9).for_each(|_| hostile.push(&[Token::Number(1)], 1).unwrap());
        assert_eq!(refused(&hostile), "all 9 labels are 1: two classes are needed to learn the difference");
        assert!(score(&fitted(&data(2)), &USUAL).is_finite());
    }

    #[test]
    fn what_is_learned_becomes_usual() {
        let mut model = fitted(&data(100));
        let tokens = ["open", "login", "backup", "close"].map(Token::Text);
        let before = model.score(&model.encode(&tokens));
        for _ in 0..300 {
            let ids = model.encode_new(&tokens);
            assert!(model.learn(&ids));
        }
        let after = model.score(&model.encode(&tokens));
        assert!(before > 5.0 && after < 1.0, "{before} {after}");
        let back = SequenceModel::from_tensors(&model.to_tensors()).unwrap();
        assert_eq!(back, model);
        assert_eq!(back.score(&[]).to_bits(), model.score(&[]).to_bits());
    }

    #[test]
    fn a_model_that_learned_new_ids_comes_back_to_the_bit() {
        let mut model = fitted(&data(60));
        for at in 0..70i64 {
            let ids = model.encode_new(&[
                Token::Text("open"),
                Token::Number(at),
                Token::Number(at / 3),
                Token::Text("close"),
            ]);
            model.learn(&ids);
        }
        let unlearned = model.encode_new(&[Token::Text("never learned")]);
        let back = SequenceModel::from_tensors(&model.to_tensors()).unwrap();
        assert_eq!(back, model);
        for at in 0..80 {
            let ids = [1, at, at / 2, 7, at, unlearned[0]];
            assert_eq!(back.score(&ids).to_bits(), model.score(&ids).to_bits(), "{at}");
        }
    }

    #[test]
    fn hostile_examples_weigh_parts_and_take_no_id_into_the_vocabulary() {
        let mut both = data(200);
        for at in 0..30 {
            let mut names = vec!["open", "login", "read", "check", "close"];
            names.swap(at % 3, at % 3 + 1);
            names.push(if at % 2 == 0 { "evil" } else { "close" });
            both.push(&names.into_iter().map(Token::Text).collect::<Vec<_>>(), 1).unwrap();
        }
        let (model, alone) = (fitted(&both), fitted(&data(200)));
        assert_eq!(model.vocabulary(), alone.vocabulary());
        assert!(model.part_weights().iter().all(|weight| *weight >= 0.5));
        assert!(score(&model, &["open", "login", "other", "close"]) > 4.0, "kinds that were not given are still found");
    }

    #[test]
    fn a_hundred_thousand_ids_are_one_sequence_like_any() {
        let model = fitted(&data(50));
        let long: Vec<u32> = (0..300_000).map(|at| at % 7).collect();
        let explained = model.explain(&long);
        assert!(explained.contributions.len() < 100);
        assert!((explained.score() - model.score(&long)).abs() < 1e-9);
    }

    #[test]
    fn about_one_in_a_hundred_normals_is_flagged_at_one_percent() {
        let mut random = Random::new(4);
        let mut session = |data: &mut SequenceData| {
            let count = 5 + random.below(20);
            let ids: Vec<i64> = (0..count).map(|at| ((at * at) % 5) as i64 + random.below(3) as i64).collect();
            data.push(&ids.into_iter().map(Token::Number).collect::<Vec<_>>(), 0).unwrap();
        };
        let (mut train, mut later) = (SequenceData::default(), SequenceData::default());
        (0..1000).for_each(|_| session(&mut train));
        (0..4000).for_each(|_| session(&mut later));
        let model = fitted(&train);
        let threshold = model.threshold(0.01);
        let (mut flagged, mut above) = (0, 0);
        for at in 0..later.len() {
            let names: Vec<Token<'_>> =
                later.sequence(at).iter().map(|id| Token::Text(later.vocabulary().name(*id))).collect();
            let score = model.score(&model.encode(&names));
            flagged += u32::from(model.p_value(score) <= 0.01);
            above += u32::from(score >= threshold);
        }
        assert!((20..=80).contains(&flagged) && flagged.abs_diff(above) < 20, "{flagged} {above} of 4000");
        assert_eq!(fitted(&data(50)).threshold(0.001), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn any_sequence_is_scored_finitely_and_explained_in_full(ids in prop::collection::vec(any::<u32>().prop_map(|id| id % 12), 0..200)) {
            let model = fitted(&data(40));
            let score = model.score(&ids);
            let explained = model.explain(&ids);
            prop_assert!(score.is_finite() && score >= 0.0);
            prop_assert!((explained.score() - score).abs() <= 1e-9 * score.max(1.0));
            prop_assert!((0.0..=1.0).contains(&model.p_value(score)));
        }
    }
}
