//! The alert budget: at most N a day, what it costs in attacks found, and whether decoys can hide an attack.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use shieldwall_learn::calibrate::{Budget, Candidate, Conformal, Recent, RecentSettings};
use shieldwall_learn::tail::{Tail, TailSettings};
use shieldwall_learn::{Model, Random};

use super::stream::{DAYS, Window, World, frame, stream};

/// Seeds of the stream.
const SEEDS: std::ops::Range<u64> = 1..6;

/// First judged day; the first half of the days before fit the model, the second half calibrate it.
const JUDGED: usize = 14;

/// Without a budget everything at or below this p-value is shown.
const ALPHA: f64 = 0.001;

/// Detectors: one for each of these features, as one would have one for volume, one for fan-out, one for failures.
const DETECTORS: [usize; 4] = [0, 1, 2, 3];

/// What a stream's days hold.
struct Judged {
    /// By day: candidates with their window.
    days: BTreeMap<usize, Vec<(Candidate, Option<u32>)>>,
    attacks: BTreeSet<u32>,
    /// The smallest p-value that the calibration supports.
    least: f64,
}

/// The section's text.
///
/// # Errors
/// When a model cannot be fitted.
pub fn section(_: &Path) -> Result<String> {
    let mut out = String::from("\n### Alert budget\n\n");
    writeln!(
        out,
        "The drifting stream of the calibration section, seeds {} to {}, with four detectors (one feature's tail each), their hourly p-values from recent scores (65,536 kept, half-life \
         a week), days {JUDGED} to {DAYS}. *Unbudgeted*: every (detector, entity) with p ≤ {ALPHA} once a day. *Ranked by p*: the baseline, the N smallest p-values. An attack \
         is found when one of its hours is shown or stands behind what is shown. Extreme is p at or below twice the smallest that the \
         calibration supports; it is always shown.\n",
        SEEDS.start,
        SEEDS.end - 1
    )?;
    let streams: Vec<Judged> =
        SEEDS.map(|seed| judge(&stream(World::Drifting, JUDGED, seed))).collect::<Result<_>>()?;
    let attacks: usize = streams.iter().map(|stream| stream.attacks.len()).sum();
    let days = streams.len() * (DAYS - JUDGED);
    let (found, shown) = unbudgeted(&streams);
    out.push_str("| a day | days with at most N | shown a day, mean | attacks found | of the unbudgeted |\n|---|---:|---:|---:|---:|\n");
    writeln!(out, "| unbudgeted | – | {:.1} | {found} of {attacks} | 100 % |", shown as f64 / days as f64)?;
    for n in [3.0, 5.0, 10.0] {
        for (name, rank_only) in [("", false), (", ranked by p", true)] {
            let (mut within, mut all, mut caught) = (0, 0, 0);
            for stream in &streams {
                let (of_day, found) = budgeted(stream, n, rank_only);
                within += of_day.iter().filter(|shown| **shown as f64 <= n).count();
                all += of_day.iter().sum::<usize>();
                caught += found.len();
            }
            writeln!(
                out,
                "| N = {n}{name} | {within} of {days} ({:.0} %) | {:.1} | {caught} of {attacks} | {:.0} % |",
                100.0 * within as f64 / days as f64,
                all as f64 / days as f64,
                100.0 * caught as f64 / found.max(1) as f64
            )?;
        }
    }
    decoys(&streams, &mut out)?;
    Ok(out)
}

/// p-values of all detectors in all judged hours that are at most [`ALPHA`].
fn judge(windows: &[Window]) -> Result<Judged> {
    let fitted = frame(windows.iter().filter(|window| window.day() < JUDGED / 2));
    let model = Tail::fit(&fitted, &TailSettings::default(), &mut Random::new(1))?;
    let settings = RecentSettings { keep: 65_536, ..RecentSettings::default() };
    let mut recent: Vec<Recent> = DETECTORS.iter().map(|_| Recent::new(settings)).collect();
    let mut now: Vec<Conformal> = Vec::new();
    let mut out = Judged { days: BTreeMap::new(), attacks: BTreeSet::new(), least: 1.0 };
    let mut day = JUDGED - 1;
    for window in windows.iter().filter(|window| window.day() >= JUDGED / 2) {
        let judged = window.day() >= JUDGED;
        if judged && window.day() > day {
            day = window.day();
            now = recent.iter().map(Recent::conformal).collect();
            out.least = now.iter().map(Conformal::p_value_min).fold(out.least, f64::min);
        }
        out.attacks.extend(window.attack.filter(|_| judged));
        let explained = model.explain(&window.row).contributions;
        for (group, (feature, recent)) in DETECTORS.iter().zip(&mut recent).enumerate() {
            // How far above: a tail's surprise, with the amount itself deciding beyond the tail's end; low is no alarm.
            let amount = window.row.get(*feature).copied().unwrap_or(0.0);
            let surprise = explained.get(*feature).map_or(0.0, |one| one.value);
            let middle = fitted.column(*feature);
            let score = if amount >= mean(middle) { surprise + amount / 100.0 } else { 0.0 };
            if judged && let Some(reference) = now.get(group) {
                let (p_value, rank) = (reference.p_value(score), reference.ranking_surprise(score));
                if p_value <= ALPHA {
                    let one =
                        Candidate { p_value, rank, entity: window.entity, group: group as u32, established: true };
                    out.days.entry(window.day()).or_default().push((one, window.attack));
                }
            }
            recent.learn(score, window.time_s(), window.entity, window.id());
        }
    }
    Ok(out)
}

fn mean(values: &[f64]) -> f64 {
    // A few hundred say enough about the middle, and this is asked for every window.
    let sample = values.iter().step_by((values.len() / 256).max(1));
    let (sum, count) = sample.fold((0.0, 0.0), |sum, value| (sum.0 + value, sum.1 + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Attacks found, and how much is shown, without a budget.
fn unbudgeted(streams: &[Judged]) -> (usize, usize) {
    let (mut found, mut shown) = (0, 0);
    for stream in streams {
        let all = stream.days.values().flatten();
        found += all.clone().filter_map(|(_, attack)| *attack).collect::<BTreeSet<u32>>().len();
        for day in stream.days.values() {
            shown += day.iter().map(|(one, _)| (one.group, one.entity)).collect::<BTreeSet<_>>().len();
        }
    }
    (found, shown)
}

/// What is shown each day, and the attacks among it.
fn budgeted(stream: &Judged, n: f64, rank_only: bool) -> (Vec<usize>, BTreeSet<u32>) {
    let mut budget = Budget::new(n, ALPHA, 2.0 * stream.least);
    let (mut shown, mut found) = (Vec::new(), BTreeSet::new());
    let none = Vec::new();
    for day in JUDGED..DAYS {
        let day = stream.days.get(&day).unwrap_or(&none);
        let candidates: Vec<Candidate> = day.iter().map(|(one, _)| *one).collect();
        if rank_only {
            let mut order: Vec<usize> = (0..day.len()).collect();
            let p_of = |at: usize| candidates.get(at).map_or((1.0, 0.0), |one| (one.p_value, -one.rank));
            order.sort_by(|a, b| p_of(*a).0.total_cmp(&p_of(*b).0).then(p_of(*a).1.total_cmp(&p_of(*b).1)));
            order.truncate(n as usize);
            found.extend(order.iter().filter_map(|at| day.get(*at).and_then(|(_, attack)| *attack)));
            shown.push(order.len());
            continue;
        }
        let chosen = budget.day(&candidates);
        shown.push(chosen.shown.len());
        found.extend(
            day.iter()
                .zip(&chosen.stands)
                .filter(|(_, stands)| stands.is_some())
                .filter_map(|((_, attack), _)| *attack),
        );
    }
    (shown, found)
}

/// Adds 10 N decoys to each day with an attack that the budget found: is it still found?
fn decoys(streams: &[Judged], out: &mut String) -> Result<()> {
    const N: f64 = 5.0;
    writeln!(
        out,
        "\n**Decoys.** N = {N}; to each day, 10 N decoys are added that are stranger than the day's attack: p a tenth of its own, but not extreme unless said so. \
         Counted are the attacks still found, of those that each rule finds without decoys.\n"
    )?;
    out.push_str("| decoys | budget | ranked by p |\n|---|---:|---:|\n");
    // Entity and detector of a decoy by its number and the attack's detector; whether it is extreme; whether the entities are
    // long known, as those of attacks are, or names made up for the day.
    type Decoy = (&'static str, fn(u64, u32) -> (u64, u32), bool, bool);
    const KINDS: [Decoy; 7] = [
        ("one detector of their own, one entity", |_, _| (0, 9), false, true),
        ("one detector of their own, an entity each", |at, _| (at, 9), false, true),
        ("one detector of their own, an entity each, extreme", |at, _| (at, 9), true, true),
        ("the attack's own detector, a new name each", |at, group| (at, group), false, false),
        ("all four detectors, a new name each", |at, _| (at, (at % 4) as u32), false, false),
        ("the attack's own detector, a long known entity each", |at, group| (at, group), false, true),
        ("all four detectors, a long known entity each", |at, _| (at, (at % 4) as u32), false, true),
    ];
    for (name, place, extreme, established) in KINDS {
        let mut kept = [(0usize, 0usize); 2];
        for (at, rank_only) in [false, true].into_iter().enumerate() {
            for stream in streams {
                let before = budgeted(stream, N, rank_only).1;
                let mut noisy =
                    Judged { days: stream.days.clone(), attacks: stream.attacks.clone(), least: stream.least };
                for day in noisy.days.values_mut() {
                    let attacks = day.iter().filter(|(_, attack)| attack.is_some()).map(|(one, _)| *one);
                    let Some(attack) = attacks.min_by(|a, b| a.p_value.total_cmp(&b.p_value)) else { continue };
                    let p_value = if extreme { stream.least } else { (attack.p_value / 10.0).max(2.1 * stream.least) };
                    day.extend((0..10 * N as u64).map(|at| {
                        let (entity, group) = place(at, attack.group);
                        (Candidate { p_value, rank: 50.0, entity: (1 << 40) + entity, group, established }, None)
                    }));
                }
                let after = budgeted(&noisy, N, rank_only).1;
                if let Some(kept) = kept.get_mut(at) {
                    *kept = (kept.0 + before.intersection(&after).count(), kept.1 + before.len());
                }
            }
        }
        let [ours, baseline] = kept;
        writeln!(out, "| {name} | {} of {} | {} of {} |", ours.0, ours.1, baseline.0, baseline.1)?;
    }
    Ok(())
}
