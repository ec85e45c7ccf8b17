//! Why a sequence scores as it does: places in it, and what its counts and length are against what is usual.
//!
//! Each part's value is divided among what made it: unseen ids equally among their places; the strangest transition to its
//! place; a stretch and the mean by each place's −ln probability; counts by each id's share of the distance. What is too
//! small to list stands together, so that all still sums to the score.

use super::counts::Nearest;
use super::model::{COUNTS, LENGTH, MEAN, PARTS, Raw, STRETCH, Scratch, SequenceModel, UNSEEN_IDS, WINDOW, WORST};
use super::model::{surprises, values};
use super::vocabulary::UNSEEN;
use crate::model::{Contribution, Explanation, Part};

/// Places that are listed, strongest first: what a person reads.
const PLACES_MAX: usize = 32;

/// Ids whose counts are listed.
const COUNTS_MAX: usize = 16;

pub(super) fn explain(model: &SequenceModel, item: &[u32]) -> Explanation {
    let mut scratch = Scratch::default();
    let raw = model.seen.raw(item, &mut scratch);
    let parts = values(&surprises(&model.tails, &raw), &model.weights);
    let value = |part: usize| parts.get(part).copied().unwrap_or(0.0);
    let mut contributions = order(model, item, &raw, &parts, &scratch.surprises);
    let nearest = model.seen.counts.nearest(&scratch.counted, &mut scratch.dense);
    counts(model, &scratch.counted, &nearest, value(COUNTS), &mut contributions);
    contributions.push(named(length(model, item.len()), value(LENGTH)));
    contributions.retain(|one| one.value != 0.0);
    Explanation { base: 0.0, contributions }
}

fn named(name: String, value: f64) -> Contribution {
    Contribution { part: Part::Named(name), value }
}

/// What belongs to places: unseen ids and the three parts that look at order.
fn order(model: &SequenceModel, item: &[u32], raw: &Raw, parts: &[f64; PARTS], surprises: &[f64]) -> Vec<Contribution> {
    let value = |part: usize| parts.get(part).copied().unwrap_or(0.0);
    let mut places = vec![0.0; surprises.len()];
    let unseen = raw.parts.get(UNSEEN_IDS).copied().unwrap_or(0.0);
    let mut homeless = if unseen > 0.0 { 0.0 } else { value(UNSEEN_IDS) };
    if unseen > 0.0 {
        for (place, id) in places.iter_mut().zip(item) {
            *place += if model.seen.counts.knows(*id) && *id != UNSEEN { 0.0 } else { value(UNSEEN_IDS) / unseen };
        }
    }
    if let Some(place) = places.get_mut(raw.worst_at) {
        *place += value(WORST);
    }
    for (part, from, count) in [(STRETCH, raw.stretch_at, WINDOW), (MEAN, 0, surprises.len())] {
        let sum: f64 = surprises.iter().skip(from).take(count).sum();
        if sum > 0.0 {
            let share = value(part) / sum;
            let both = places.iter_mut().zip(surprises).skip(from).take(count);
            both.for_each(|(place, surprise)| *place += share * surprise);
        } else {
            homeless += value(part);
        }
    }
    let mut ranked: Vec<usize> = (0..places.len()).collect();
    let strength = |at: &usize| places.get(*at).copied().unwrap_or(0.0);
    let by_strength = |a: &usize, b: &usize| strength(b).total_cmp(&strength(a)).then(a.cmp(b));
    if ranked.len() > PLACES_MAX {
        ranked.select_nth_unstable_by(PLACES_MAX, by_strength);
        let rest = ranked.split_off(PLACES_MAX);
        homeless += rest.iter().map(strength).sum::<f64>();
    }
    ranked.sort_unstable_by(by_strength);
    let mut contributions: Vec<Contribution> = ranked
        .into_iter()
        .map(|at| match u32::try_from(at).ok().filter(|_| at < item.len()) {
            Some(place) => Contribution { part: Part::Position(place), value: strength(&at) },
            None => named("where the sequence ends".to_owned(), strength(&at)),
        })
        .collect();
    contributions.push(named("the rest of the order".to_owned(), homeless));
    contributions
}

/// What belongs to counts.
fn counts(
    model: &SequenceModel,
    counted: &[(u32, u32)],
    nearest: &Nearest<'_>,
    value: f64,
    contributions: &mut Vec<Contribution>,
) {
    let mut differences: Vec<(f64, u32, u32, u32)> = both(counted, nearest.counts)
        .map(|(id, here, usual)| {
            let apart = (f64::from(here).sqrt() - f64::from(usual).sqrt()).abs();
            (model.seen.counts.weight(id) * apart, id, here, usual)
        })
        .filter(|one| one.0 > 0.0)
        .collect();
    let all: f64 = differences.iter().map(|one| one.0).sum();
    // Rarity's share of the distance, or all of it where nothing differs.
    let rare = if all > 0.0 && nearest.distance > 0.0 { value * nearest.rarity / nearest.distance } else { value };
    differences.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut rest = 0.0;
    for (at, (apart, id, here, usual)) in differences.into_iter().enumerate() {
        let share = (value - rare) * apart / all;
        if at < COUNTS_MAX {
            let name = if id == UNSEEN {
                "events never seen".to_owned()
            } else {
                format!("event {}", model.vocabulary.name(id))
            };
            contributions.push(named(format!("{name}: {here} times, usually {usual}"), share));
        } else {
            rest += share;
        }
    }
    contributions.push(named("other counts".to_owned(), rest));
    let (few, of) = (nearest.sessions, model.seen.counts.sessions());
    contributions.push(named(format!("the most similar counts were seen in {few} of {of} sequences"), rare));
}

/// Ids of either list with their count in both; both lists are in the order of ids.
fn both<'a>(here: &'a [(u32, u32)], usual: &'a [(u32, u32)]) -> impl Iterator<Item = (u32, u32, u32)> + 'a {
    let (mut here, mut usual) = (here.iter().peekable(), usual.iter().peekable());
    std::iter::from_fn(move || {
        let (a, b) = (here.peek().map(|one| one.0), usual.peek().map(|one| one.0));
        let id = match (a, b) {
            (Some(a), Some(b)) => a.min(b),
            (one, other) => one.or(other)?,
        };
        let a = here.next_if(|one| one.0 == id).map_or(0, |one| one.1);
        let b = usual.next_if(|one| one.0 == id).map_or(0, |one| one.1);
        Some((id, a, b))
    })
}

/// The length, and what nine in ten normals have.
fn length(model: &SequenceModel, len: usize) -> String {
    let of = |share: f64| model.tails.get(LENGTH).map_or(0.0, |tail| tail.quantile(share)).exp_m1().round();
    format!("length {len}, usually {} to {}", of(0.05), of(0.95))
}
