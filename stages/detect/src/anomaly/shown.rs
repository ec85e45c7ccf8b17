//! Candidates → what is shown: p-values, discoveries of each day, the budget, words.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use shieldwall_learn::baseline::Baseline;
use shieldwall_learn::calibrate::{Budget, Candidate as Claim, benjamini_hochberg, fisher_p_value, surprise};
use shieldwall_learn::timing::excess;
use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::finding::{Anomaly, AnomalyPart};

use super::calibrate::Tail;
use super::detectors::{BEACON, DETECTORS, GUESSING, REQUEST, SLOW_BOIL};
use super::judge::{Candidate, Piece, TEXTS, Why};
use super::learner::Learner;
use super::measures::{MEASURES, Measure, bin, bin_value};
use super::window::Trace;
use super::words::{Teller, length, number};
use super::{Learned, Suspicion, keep};

/// Share of what is called strange on a day that may be chance, before the budget.
const FALSE_DISCOVERIES: f64 = 0.2;

/// Above this p-value nothing is shown: where there are too few windows to be surer than one in two hundred, silence is better.
const SHOWN_P_MAX: f64 = 0.005;

/// At or below this p-value nothing is kept back: an organisation of ten thousand entities has a quarter of a million
/// entity-hours a day, so chance alone gives one such a month.
const EXTREME: f64 = 1e-7;

/// p-values from which a level is medium or high.
const MEDIUM: f64 = 1e-4;
const HIGH: f64 = 1e-6;

/// Records that a suspicion shows.
const EVIDENCE_SHOWN_MAX: usize = 12;

/// Parts that a suspicion lists; those beyond are summed in one line, so that parts still add up.
const PARTS_SHOWN_MAX: usize = 8;

/// Entities that the folded line names.
const FOLDED_TOP: usize = 5;

/// Regularity above this p-value is no beacon.
const BEACON_P_MAX: f64 = 1e-4;

/// Destinations that no fewer pairs than this share are as popular as: everyone's, however regular the contact.
const COMMON: f64 = 0.9;

/// Days that a slow rise takes at least, and how much higher its last third is: bins of half powers of two.
const RISE_DAYS_MIN: usize = 9;
const RISE_BINS_MIN: u8 = 2;

/// Days and failures that slow guessing takes at least, the longest time that is looked at, days, and the smallest p-value
/// that its number of failures is credited with.
const SLOW_DAYS_MIN: usize = 5;
const SLOW_FAILURES_MIN: u64 = 15;
const SERIES_SPAN_MAX: usize = 512;
const SLOW_P_MIN: f64 = 1e-5;

/// Entities of a kind below which nobody can say what is usual.
const SLOW_PEERS_MIN: f64 = 6.0;

/// Active on so many days, an entity is no name made up to distract.
const ESTABLISHED_DAYS_MIN: u32 = 3;

pub(super) fn finish(mut learner: Learner) -> Learned {
    beacons(&mut learner);
    slow_rises(&mut learner);
    slow_guessing(&mut learner);
    let mut judged = std::mem::take(&mut learner.judged);
    let tails: Vec<Tail> = (0..DETECTORS.len())
        .map(|at| judged.scores.get(at).map(super::calibrate::Scores::tail).unwrap_or_default())
        .collect();
    let mut budget = Budget::new(learner.settings.budget_a_day, SHOWN_P_MAX, EXTREME);
    let mut chosen: Vec<(Candidate, f64)> = Vec::new();
    let mut folded = 0;
    let mut folded_by: BTreeMap<u32, u64> = BTreeMap::new();
    for day in judged.days.values_mut() {
        day.shrink();
        let candidates = std::mem::take(&mut day.candidates);
        choose(&learner.base, candidates, &day.tested, &tails, &mut budget, &mut chosen, |count, by| {
            folded += count;
            for entity in by {
                *folded_by.entry(entity).or_default() += 1;
            }
        });
    }
    let teller = Teller::new(&learner.base, &learner.names, chosen.iter().map(|(one, _)| one));
    let mut suspicions: Vec<Suspicion> = chosen.iter().map(|(one, p)| suspicion(&teller, one, *p)).collect();
    suspicions.sort_by(|a, b| (a.first, a.detector, &a.entity).cmp(&(b.first, b.detector, &b.entity)));
    let mut top: Vec<(Entity, u64)> =
        folded_by.into_iter().filter_map(|(entity, count)| Some((teller.entity(entity)?, count))).collect();
    top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    top.truncate(FOLDED_TOP);
    let coverage = learner.base.coverage().0;
    let baselines = keep::write(&learner.base, &learner.names, &judged.scores);
    Learned { suspicions, folded, folded_top: top, coverage, baselines }
}

/// The p-value that models of texts bring with them, where too little was seen here to know what is usual: the strongest
/// text's, corrected for the others. 1 where no text speaks.
fn brought(one: &Candidate) -> f64 {
    let texts =
        || one.pieces.iter().filter(|piece| matches!(&piece.why, Why::Words { what, .. } if TEXTS.contains(what)));
    let strongest = texts().map(|piece| piece.nats).fold(0.0, f64::max);
    ((-strongest).exp() * texts().count().max(1) as f64).min(1.0)
}

/// One day's discoveries, within the budget.
fn choose(
    base: &Baseline,
    candidates: Vec<Candidate>,
    tested: &[u64],
    tails: &[Tail],
    budget: &mut Budget,
    chosen: &mut Vec<(Candidate, f64)>,
    mut fold: impl FnMut(u64, Vec<u32>),
) {
    let p_values: Vec<f64> = candidates
        .iter()
        .map(|one| {
            one.p_value.unwrap_or_else(|| match tails.get(usize::from(one.detector)).filter(|tail| tail.enough()) {
                Some(tail) => tail.p_value(one.score),
                None => brought(one),
            })
        })
        .collect();
    // For each detector by itself: what one finds on a day must not make another's threshold milder. The procedure counts all
    // its windows of the day; those that are no candidates have p = 1 and only weigh in the number.
    let mut discoveries = vec![false; p_values.len()];
    for (detector, tested) in (0u16..).zip(tested) {
        let of: Vec<usize> =
            candidates.iter().enumerate().filter(|(_, one)| one.detector == detector).map(|(at, _)| at).collect();
        let weight = (*tested).max(1) as f64 / of.len().max(1) as f64;
        let weighed: Vec<f64> = of.iter().map(|at| p_values.get(*at).copied().unwrap_or(1.0) * weight).collect();
        for (at, found) in of.iter().zip(benjamini_hochberg(&weighed, FALSE_DISCOVERIES)) {
            if let Some(slot) = discoveries.get_mut(*at) {
                *slot = found;
            }
        }
    }
    let mut kept: Vec<(Candidate, f64)> = candidates
        .into_iter()
        .zip(p_values)
        .zip(discoveries)
        .filter(|((_, p), found)| *found || *p <= EXTREME)
        .map(|(one, _)| one)
        .collect();
    let claims: Vec<Claim> = kept
        .iter()
        .map(|(one, p)| Claim {
            p_value: *p,
            rank: one.score,
            entity: u64::from(one.entity),
            group: u32::from(one.detector),
            established: base.entities.get(one.entity as usize).is_some_and(|own| own.days >= ESTABLISHED_DAYS_MIN),
        })
        .collect();
    let selection = budget.day(&claims);
    let traces: Vec<Trace> = kept.iter().map(|(one, _)| one.trace.clone()).collect();
    let mut unshown = Vec::new();
    for (at, stands) in selection.stands.iter().enumerate() {
        match stands {
            Some(leader) if *leader != at => {
                if let (Some((one, _)), Some(trace)) = (kept.get_mut(*leader), traces.get(at)) {
                    one.trace.join(trace);
                }
            }
            None => unshown.extend(kept.get(at).map(|(one, _)| one.entity)),
            Some(_) => {}
        }
    }
    fold(selection.folded.count, unshown);
    let mut shown = selection.shown;
    shown.sort_unstable();
    let mut at = 0;
    kept.retain(|_| {
        at += 1;
        shown.binary_search(&(at - 1)).is_ok()
    });
    chosen.append(&mut kept);
}

fn suspicion(teller: &Teller<'_>, one: &Candidate, p_value: f64) -> Suspicion {
    let mut parts: Vec<AnomalyPart> = one.pieces.iter().map(|piece| teller.part(one.entity, piece)).collect();
    parts.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.words.cmp(&b.words)));
    if parts.len() > PARTS_SHOWN_MAX {
        let rest = parts.split_off(PARTS_SHOWN_MAX - 1);
        let value = rest.iter().map(|part| part.value).sum();
        let words = format!("{} smaller parts", rest.len());
        parts.push(AnomalyPart { what: "rest".to_owned(), value, words });
    }
    let score = parts.iter().map(|part| part.value).sum();
    let mut entities: Vec<Entity> = one.with.iter().filter_map(|(kind, name)| teller.named(*kind, *name)).collect();
    entities.sort_unstable();
    entities.dedup();
    let mut evidence: Vec<_> = one.trace.evidence().collect();
    evidence.sort_by_key(|(source, place)| (*source, *place));
    evidence.dedup();
    evidence.truncate(EVIDENCE_SHOWN_MAX);
    let entity = teller.entity(one.entity).unwrap_or(Entity { kind: EntityKind::Host, id: String::new() });
    let host = match entity.kind {
        EntityKind::Host => Some(entity.id.clone()),
        _ => Some(teller.name(one.host).to_owned()).filter(|name| !name.is_empty()),
    };
    let level = match p_value {
        // Whatever faces the Internet is asked for such things every hour; a rule says so where the server gave them away.
        _ if one.detector == REQUEST => "low",
        p if p <= HIGH => "high",
        p if p <= MEDIUM => "medium",
        _ => "low",
    };
    Suspicion {
        detector: one.detector,
        host,
        entities: entities.into_iter().filter(|other| *other != entity).collect(),
        entity,
        first: one.trace.first,
        last: one.trace.last,
        count: one.trace.count,
        anomaly: Anomaly { score, p_value, parts, normal: teller.normal(one) },
        level,
        evidence,
    }
}

/// Pairs of source and destination whose contact is regular while few others have it.
fn beacons(learner: &mut Learner) {
    let mut beats: Vec<((u32, u32, u32), super::learner::Beats)> = learner.beats.drain().collect();
    beats.sort_unstable_by_key(|(pair, _)| *pair);
    let mut sources: FxHashMap<u32, u32> = FxHashMap::default();
    let mut last = None;
    for ((entity, destination, _), _) in &beats {
        if last != Some((*entity, *destination)) {
            *sources.entry(*destination).or_default() += 1;
        }
        last = Some((*entity, *destination));
    }
    // How many pairs have a destination with as few sources: counts of counts, ranked.
    let mut popular: BTreeMap<u32, u64> = BTreeMap::new();
    for ((_, destination, _), _) in &beats {
        *popular.entry(sources.get(destination).copied().unwrap_or(1)).or_default() += 1;
    }
    let pairs = beats.len() as f64;
    beats.iter_mut().for_each(|(_, one)| one.judge());
    let mut regular: Vec<f64> = beats.iter().filter_map(|(_, one)| Some(one.best?.p_value)).collect();
    regular.sort_unstable_by(f64::total_cmp);
    for ((entity, destination, port), one) in beats {
        let others = sources.get(&destination).copied().unwrap_or(1);
        let rarer: u64 = popular.range(..=others).map(|(_, count)| *count).sum();
        let rare = ((rarer as f64 + 1.0) / (pairs + 1.0)).min(1.0);
        let day = one
            .trace
            .last
            .map_or(i32::MIN, |time| i32::try_from(time.nanos().div_euclid(86_400_000_000_000)).unwrap_or(i32::MIN));
        let mut pieces = Vec::new();
        // Regularity alone is common: what counts is how few pairs here are as regular.
        if let Some(best) = one.best.filter(|best| best.p_value <= BEACON_P_MAX && rare <= COMMON) {
            let as_regular = regular.partition_point(|p| *p <= best.p_value) as f64;
            let to = format!("{} port {}", learner.names.name(destination), learner.names.name(port));
            pieces.push(Piece {
                nats: surprise(((as_regular + 1.0) / (pairs + 1.0)).max(best.p_value)),
                why: Why::Words {
                    what: "regular intervals",
                    words: format!(
                        "contact with {to} about every {}: {} times, {:.0} % off that on average{}",
                        length(best.period_s),
                        best.beats,
                        best.jitter * 100.0,
                        if best.missed > 0 { format!(", {} missed between", best.missed) } else { String::new() }
                    ),
                    normal: "people and programs at work make contact at irregular times".to_owned(),
                },
            });
            pieces.push(Piece {
                nats: surprise(rare),
                why: Why::Words {
                    what: "rare destination",
                    words: format!("{to} has contact with {} here", number(u64::from(others), "source")),
                    normal: String::new(),
                },
            });
        }
        let score = pieces.iter().map(|piece| piece.nats).sum();
        learner.judged.take(Candidate {
            detector: BEACON,
            entity,
            day,
            score,
            pieces,
            trace: one.trace,
            with: vec![(EntityKind::Address as u8, destination)],
            host: one.host,
            p_value: None,
        });
    }
}

/// Entities whose level rose over many days while their peers' did not.
fn slow_rises(learner: &mut Learner) {
    let mut rises: Vec<(u32, u8, u8, u8, f64, i32)> = Vec::new();
    for (entity, own) in (0u32..).zip(&learner.base.entities) {
        for measure in [Measure::BytesOutDay as u8, Measure::DestinationsDay as u8] {
            let days: Vec<(u8, i32)> =
                own.series.iter().filter(|(of, _, _)| *of == measure).map(|(_, bin, day)| (*bin, *day)).collect();
            if days.len() < RISE_DAYS_MIN {
                continue;
            }
            let third = days.len() / 3;
            let median = |part: &[(u8, i32)]| {
                let mut bins: Vec<u8> = part.iter().map(|(bin, _)| *bin).collect();
                bins.sort_unstable();
                bins.get(bins.len() / 2).copied().unwrap_or(0)
            };
            let old = median(days.get(..third).unwrap_or(&[]));
            let new = median(days.get(days.len() - third..).unwrap_or(&[]));
            let day = days.last().map_or(0, |(_, day)| *day);
            rises.push((entity, measure, old, new, trend_p_value(&days), day));
        }
    }
    for (entity, measure, old, new, trend, day) in &rises {
        let growth = i32::from(*new) - i32::from(*old);
        let peers: Vec<i32> = rises
            .iter()
            .filter(|other| other.1 == *measure && other.0 != *entity)
            .map(|other| i32::from(other.3) - i32::from(other.2))
            .collect();
        let alike = peers.iter().filter(|other| **other >= growth).count();
        let share = (alike as f64 + 1.0) / (peers.len() as f64 + 1.0);
        let Some(facts) = MEASURES.get(usize::from(*measure)) else { continue };
        let is_rise = growth >= i32::from(RISE_BINS_MIN) && *new >= bin(facts.least) && peers.len() >= 5;
        if !is_rise || *trend > 0.01 || share > 0.2 {
            continue;
        }
        let times = bin_value(*new) / bin_value(*old).max(1.0);
        let words = format!(
            "{}: now about {times:.1} times what they were at first, after rising over {} days; {alike} of {} peers rose as much",
            facts.what,
            learner.base.entities.get(*entity as usize).map_or(0, |own| own.days),
            peers.len(),
        );
        let piece = |p: f64, what, words: String| Piece {
            nats: surprise(p),
            why: Why::Words { what, words, normal: "levels go up and down together with the peers'".to_owned() },
        };
        let pieces = vec![
            piece(*trend, "steady rise", words),
            piece(share, "growth beside peers", "no such rise elsewhere at the same time".to_owned()),
        ];
        let score = pieces.iter().map(|piece| piece.nats).sum();
        learner.judged.take(Candidate {
            detector: SLOW_BOIL,
            entity: *entity,
            day: *day,
            score,
            pieces,
            trace: Trace {
                last: super::learner::day_start(*day),
                first: super::learner::day_start(*day),
                ..Trace::default()
            },
            with: Vec::new(),
            host: 0,
            p_value: Some(fisher_p_value(score, 2)),
        });
    }
}

/// Entities with a few failed logons on many days: each day stays under what the daily detector speaks of.
fn slow_guessing(learner: &mut Learner) {
    for measure in [Measure::FailuresDay, Measure::TargetedDay] {
        let facts = measure.facts();
        let mut all: Vec<(u32, Vec<(i32, u32)>)> = Vec::new();
        for (entity, own) in (0u32..).zip(&learner.base.entities) {
            let days: Vec<(i32, u32)> = own
                .series
                .iter()
                .filter(|(of, _, day)| *of == measure as u8 && *day != i32::MIN)
                .map(|(_, bin, day)| (*day, bin_value(*bin).round() as u32))
                .collect();
            if !days.is_empty() {
                all.push((entity, days));
            }
        }
        let total = |days: &[(i32, u32)]| days.iter().map(|(_, count)| u64::from(*count)).sum::<u64>();
        let (first, last) = all
            .iter()
            .flat_map(|(_, days)| days.iter().map(|(day, _)| *day))
            .fold((i32::MAX, i32::MIN), |(first, last), day| (first.min(day), last.max(day)));
        let span = (i64::from(last) - i64::from(first) + 1).max(1) as f64;
        let kind = |entity: u32| learner.base.entities.get(entity as usize).map(|own| own.kind);
        // Those of a kind that never failed are peers too.
        let mut of_kind: BTreeMap<Option<u8>, (f64, Vec<u64>)> = BTreeMap::new();
        learner.base.entities.iter().for_each(|own| of_kind.entry(Some(own.kind)).or_default().0 += 1.0);
        all.iter().for_each(|(entity, days)| of_kind.entry(kind(*entity)).or_default().1.push(total(days)));
        for (entity, days) in &all {
            let own = total(days);
            let most = days.iter().map(|(_, count)| u64::from(*count)).max().unwrap_or(0);
            if days.len() < SLOW_DAYS_MIN || own < SLOW_FAILURES_MIN || most >= facts.least {
                continue;
            }
            let Some((alike, totals)) = of_kind.get(&kind(*entity)).filter(|(alike, _)| *alike >= SLOW_PEERS_MIN)
            else {
                continue;
            };
            let peers = alike - 1.0;
            // What a peer has on an average day.
            let expected = (totals.iter().sum::<u64>() - own) as f64 / (peers * span);
            let from = days.iter().map(|(day, _)| *day).min().unwrap_or(0);
            let mut counts = vec![0u32; SERIES_SPAN_MAX];
            for (day, count) in days {
                if let Some(slot) = counts.get_mut((i64::from(*day) - i64::from(from)) as usize) {
                    *slot += count;
                }
            }
            let Some(found) = excess(&counts, expected) else { continue };
            let as_many = totals.iter().filter(|one| **one >= own).count();
            let share = as_many as f64 / (peers + 1.0);
            if share > 0.2 {
                continue;
            }
            let piece = |p: f64, what, words: String, normal: String| Piece {
                nats: surprise(p),
                why: Why::Words { what, words, normal },
            };
            let pieces = vec![
                // Failures come in series, so Poisson's p-value claims too much: no more than this is believed.
                piece(
                    found.p_value.max(SLOW_P_MIN),
                    "failures day after day",
                    format!("about {own} in all, a few on each of {} days, never {} in one", days.len(), facts.least),
                    format!("others have about {:.1} in {} days", expected * found.buckets as f64, found.buckets),
                ),
                piece(
                    share,
                    "failures beside peers",
                    format!("{} of {peers:.0} peers have as many", as_many - 1),
                    String::new(),
                ),
            ];
            let score = pieces.iter().map(|piece| piece.nats).sum();
            let day = days.iter().map(|(day, _)| *day).max().unwrap_or(0);
            learner.judged.take(Candidate {
                detector: GUESSING,
                entity: *entity,
                day,
                score,
                pieces,
                trace: Trace {
                    count: own,
                    first: super::learner::day_start(from),
                    last: super::learner::day_start(day),
                    ..Trace::default()
                },
                with: Vec::new(),
                host: 0,
                p_value: Some(fisher_p_value(score, 2)),
            });
        }
    }
}

/// How often chance alone rises as steadily: Mann and Kendall's test, normal tail (upper bound).
fn trend_p_value(days: &[(u8, i32)]) -> f64 {
    let mut sum = 0i64;
    for (at, (before, _)) in days.iter().enumerate() {
        for (after, _) in days.iter().skip(at + 1) {
            sum += i64::from(after > before) - i64::from(after < before);
        }
    }
    let n = days.len() as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let z = (sum as f64 - 1.0) / deviation.max(1.0);
    if z <= 0.0 { 1.0 } else { (0.5 * (-z * z / 2.0).exp()).max(1e-300) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_rises_are_no_chance() {
        let days = |bins: &[u8]| -> Vec<(u8, i32)> { bins.iter().zip(0..).map(|(bin, day)| (*bin, day)).collect() };
        assert!(trend_p_value(&days(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])) < 1e-4);
        assert!(trend_p_value(&days(&[5, 5, 5, 6, 5, 5, 4, 5, 5, 5])) > 0.3);
        assert_eq!(trend_p_value(&[]), 1.0);
    }
}
