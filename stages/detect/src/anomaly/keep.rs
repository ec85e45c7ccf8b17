//! Baselines as bytes and back; what they say in words; forgetting.
//!
//! Bytes are postcard behind a magic word and a version, in an order of their own (by name), so that the same knowledge
//! gives the same bytes whatever the order in which it was gathered. Reading checks every number against what it points to.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use shieldwall_schema::entity::EntityKind;

use super::calibrate::Scores;
use super::detectors::DETECTORS;
use super::facts::FEATURES;
use super::judge::Judged;
use super::learner::{Learner, is_measure};
use super::names::{NAMES_MAX, Names};
use super::words::usual_level;
use super::{Settings, measures::MEASURES};
use shieldwall_learn::baseline::{
    ANY, Baseline, ENTITIES_MAX, ENTRIES_MAX, Entry, KEYS_MAX, Key, Own, SERIES_DAYS_MAX,
};

const MAGIC: &[u8] = b"SWBASE";

/// Version of the bytes; another is refused.
const VERSION: u16 = 1;

/// Bytes of kept baselines that are read at most.
pub const BASELINES_BYTES_MAX: usize = 1 << 30;

/// Usual values that `describe` names for each kind of fact.
const DESCRIBED_MAX: usize = 4;

/// Entities that `describe` lists where none is named.
const LISTED_MAX: usize = 50;

#[derive(Serialize, Deserialize)]
struct Kept {
    names: Vec<String>,
    /// Feature, context, value (names by place; the context as a whole is [`ANY`]), hours.
    keys: Vec<(u8, u32, u32, u64)>,
    entities: Vec<KeptOwn>,
    active: Vec<u64>,
    scores: Vec<Scores>,
}

#[derive(Serialize, Deserialize)]
struct KeptOwn {
    kind: u8,
    name: u32,
    hours: u32,
    days: u32,
    last_day: i32,
    entries: Vec<(u32, u16, u16, i32)>,
    levels: Vec<(u8, u8, u16)>,
    series: Vec<(u8, u8, i32)>,
}

const KINDS: &[EntityKind] = &[
    EntityKind::Host,
    EntityKind::User,
    EntityKind::Session,
    EntityKind::Process,
    EntityKind::Address,
    EntityKind::Hash,
    EntityKind::Domain,
    EntityKind::Connection,
];

pub(super) fn write(base: &Baseline, names: &Names, scores: &[Scores]) -> Vec<u8> {
    write_without(base, names, scores, None)
}

fn write_without(base: &Baseline, names: &Names, scores: &[Scores], without: Option<&[u32]>) -> Vec<u8> {
    let gone = |entity: u32| without.is_some_and(|gone| gone.contains(&entity));
    // Only what some entity knows is kept.
    let mut used = vec![false; base.keys.len()];
    for (number, own) in (0u32..).zip(&base.entities) {
        for entry in own.entries.iter().filter(|_| !gone(number)) {
            if let Some(used) = used.get_mut(entry.key as usize) {
                *used = true;
            }
        }
    }
    let mut texts: Vec<&str> = Vec::new();
    for (key, _) in base.keys.iter().zip(&used).filter(|(_, used)| **used) {
        texts.push(names.name(key.context));
        if key.value != ANY {
            texts.push(names.name(key.value));
        }
    }
    texts.extend((0u32..).zip(&base.entities).filter(|(n, _)| !gone(*n)).map(|(_, own)| names.name(own.name)));
    texts.sort_unstable();
    texts.dedup();
    let place =
        |name: u32| texts.binary_search(&names.name(name)).ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(0);
    let mut keys: Vec<(u8, u32, u32, u64, u32)> = base
        .keys
        .iter()
        .zip(&base.peers)
        .zip(0u32..)
        .filter(|(_, number)| used.get(*number as usize).copied().unwrap_or(false))
        .map(|((key, peers), number)| {
            let value = if key.value == ANY { ANY } else { place(key.value) };
            (key.feature, place(key.context), value, peers.hours, number)
        })
        .collect();
    keys.sort_unstable();
    let mut number_of: FxHashMap<u32, u32> = FxHashMap::default();
    for ((_, _, _, _, old), new) in keys.iter().zip(0u32..) {
        number_of.insert(*old, new);
    }
    let mut entities: Vec<KeptOwn> = (0u32..)
        .zip(&base.entities)
        .filter(|(number, _)| !gone(*number))
        .map(|(_, own)| {
            let mut entries: Vec<(u32, u16, u16, i32)> = own
                .entries
                .iter()
                .filter_map(|one| Some((*number_of.get(&one.key)?, one.hours, one.days, one.last_day)))
                .collect();
            entries.sort_unstable();
            KeptOwn {
                kind: own.kind,
                name: place(own.name),
                hours: own.hours,
                days: own.days,
                last_day: own.last_day,
                entries,
                levels: own.levels.clone(),
                series: own.series.clone(),
            }
        })
        .collect();
    entities.sort_unstable_by_key(|own| (own.kind, own.name));
    let kept = Kept {
        names: texts.into_iter().map(str::to_owned).collect(),
        keys: keys.into_iter().map(|(feature, context, value, hours, _)| (feature, context, value, hours)).collect(),
        entities,
        active: base.active.clone(),
        scores: scores.to_vec(),
    };
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    // Writing to memory cannot fail; if it did, empty baselines are refused when read.
    out.extend(postcard::to_allocvec(&kept).unwrap_or_default());
    out
}

pub(super) fn read(bytes: &[u8]) -> Result<(Baseline, Names, Vec<Scores>), String> {
    if bytes.len() > BASELINES_BYTES_MAX {
        return Err(format!("baselines: {} bytes, at most {BASELINES_BYTES_MAX} are read", bytes.len()));
    }
    let rest = bytes.strip_prefix(MAGIC).ok_or("baselines: these bytes are no baselines")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or("baselines: cut short after the first word")?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(format!("baselines: version {version}, this program reads {VERSION}"));
    }
    let (kept, left): (Kept, &[u8]) = postcard::take_from_bytes(rest).map_err(|error| format!("baselines: {error}"))?;
    if !left.is_empty() {
        return Err(format!("baselines: {} bytes too many at the end", left.len()));
    }
    if kept.names.len() > NAMES_MAX || kept.keys.len() > KEYS_MAX || kept.entities.len() > ENTITIES_MAX {
        return Err("baselines: more names, facts or entities than any learner keeps".to_owned());
    }
    if kept.scores.len() > DETECTORS.len() || !kept.scores.iter().all(Scores::is_sound) {
        return Err("baselines: scores do not add up".to_owned());
    }
    let mut names = Names::default();
    let numbers: Vec<u32> = kept.names.iter().map(|name| names.number(name)).collect();
    let number = |at: u32, what: &str| {
        numbers
            .get(at as usize)
            .copied()
            .ok_or_else(|| format!("baselines: {what} names place {at} of {}", numbers.len()))
    };
    if kept.active.len() > FEATURES.len() {
        return Err("baselines: hours of features that this program does not know".to_owned());
    }
    #[allow(clippy::field_reassign_with_default, reason = "its other fields are its own")]
    let mut base = super::learner::empty();
    base.active = kept.active;
    for (at, (feature, context, value, hours)) in kept.keys.iter().enumerate() {
        if usize::from(*feature) >= FEATURES.len() {
            return Err(format!("baselines: fact {at} is of unknown kind {feature}"));
        }
        let value = if *value == ANY { ANY } else { number(*value, "a fact")? };
        let key = base.key(Key { feature: *feature, context: number(*context, "a fact")?, value });
        if key != u32::try_from(at).ok() {
            return Err(format!("baselines: fact {at} stands twice"));
        }
        if let Some(peers) = base.peers.get_mut(at) {
            peers.hours = *hours;
        }
    }
    for (at, own) in kept.entities.into_iter().enumerate() {
        let kind =
            KINDS.get(usize::from(own.kind)).ok_or_else(|| format!("baselines: entity {at} has kind {}", own.kind))?;
        let entity = base.entity(*kind as u8, number(own.name, "an entity")?);
        if entity != u32::try_from(at).ok() {
            return Err(format!("baselines: entity {at} stands twice or has no name"));
        }
        let sorted = own.entries.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0));
        let known = own.entries.last().is_none_or(|last| (last.0 as usize) < base.keys.len());
        let levels = own.levels.windows(2).all(|two| matches!(two, [a, b] if (a.0, a.1) < (b.0, b.1)))
            && own.levels.iter().all(|(measure, bin, _)| is_measure(*measure) && *bin <= 129);
        let series = own.series.len() <= 2 * SERIES_DAYS_MAX + 2
            && own.series.iter().all(|(measure, bin, _)| is_measure(*measure) && *bin <= 129);
        if !sorted || !known || !levels || !series || own.entries.len() > ENTRIES_MAX {
            return Err(format!(
                "baselines: entity {at} (`{}`) does not add up",
                kept.names.get(own.name as usize).map_or("", String::as_str)
            ));
        }
        for (key, ..) in &own.entries {
            if let Some(peers) = base.peers.get_mut(*key as usize) {
                peers.entities = peers.entities.saturating_add(1);
            }
        }
        if let Some(slot) = base.entities.get_mut(at) {
            *slot = Own {
                hours: own.hours,
                days: own.days,
                last_day: own.last_day,
                entries: own
                    .entries
                    .into_iter()
                    .map(|(key, hours, days, last_day)| Entry { key, hours, days, last_day })
                    .collect(),
                levels: own.levels,
                series: own.series,
                ..slot.clone()
            };
        }
    }
    Ok((base, names, kept.scores))
}

impl Learner {
    /// A learner that goes on from kept baselines.
    ///
    /// # Errors
    /// When the bytes are not what [`super::Learned::baselines`] held, with what is wrong.
    pub fn resume(bytes: &[u8], settings: Settings) -> Result<Self, String> {
        let (base, names, scores) = read(bytes)?;
        let mut learner = Self::new(settings);
        (learner.base, learner.names) = (base, names);
        learner.judged = Judged { scores, ..Judged::default() };
        Ok(learner)
    }
}

/// What is normal, in plain words: of one entity (`ws01`, `alice`), or an overview.
///
/// # Errors
/// When the bytes are no baselines, or the entity is not known.
pub fn describe(baselines: &[u8], entity: Option<&str>) -> Result<Vec<String>, String> {
    let (base, names, _) = read(baselines)?;
    let (coverage, facts) = base.coverage();
    let Some(wanted) = entity else {
        let mut out = vec![format!(
            "{} entities, {} kinds of facts seen {} times; about {:.0} % of what happens is known",
            base.entities.len(),
            base.keys.iter().filter(|key| key.value != ANY).count(),
            facts,
            coverage * 100.0
        )];
        let mut entities: Vec<&Own> = base.entities.iter().collect();
        entities.sort_by(|a, b| b.hours.cmp(&a.hours).then((a.kind, a.name).cmp(&(b.kind, b.name))));
        for own in entities.iter().take(LISTED_MAX) {
            out.push(format!(
                "{} {}: active in {} hours on {} days",
                kind_of(own).word(),
                names.name(own.name),
                own.hours,
                own.days
            ));
        }
        if let Some(more) = entities.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
            out.push(format!("and {more} more"));
        }
        return Ok(out);
    };
    let found = find(&base, &names, wanted);
    if found.is_empty() {
        return Err(format!("no entity `{wanted}` in these baselines"));
    }
    let mut out = Vec::new();
    for number in found {
        if let Some(own) = base.entities.get(number as usize) {
            describe_one(&base, &names, own, &mut out);
        }
    }
    Ok(out)
}

/// The kind of an entity, whose number the baseline keeps.
pub(super) fn kind_of(own: &Own) -> EntityKind {
    KINDS.get(usize::from(own.kind)).copied().unwrap_or(EntityKind::Host)
}

fn find(base: &Baseline, names: &Names, wanted: &str) -> Vec<u32> {
    let wanted = wanted.trim().to_lowercase();
    // `host ws01` and `ws01` both.
    let (kind, name) = match wanted.split_once([' ', ':']) {
        Some((kind, name)) if KINDS.iter().any(|known| known.word() == kind) => {
            (Some(kind.to_owned()), name.to_owned())
        }
        _ => (None, wanted),
    };
    (0u32..)
        .zip(&base.entities)
        .filter(|(_, own)| {
            names.name(own.name) == name && kind.as_deref().is_none_or(|kind| kind_of(own).word() == kind)
        })
        .map(|(number, _)| number)
        .collect()
}

fn describe_one(base: &Baseline, names: &Names, own: &Own, out: &mut Vec<String>) {
    let (mut once, mut all) = (0u64, 0u64);
    for entry in &own.entries {
        once += u64::from(entry.hours == 1);
        all += u64::from(entry.hours);
    }
    let known = if all == 0 { 0.0 } else { 100.0 * (1.0 - once as f64 / all as f64) };
    out.push(format!(
        "{} {}: active in {} hours on {} days; about {known:.0} % of what it does is known",
        kind_of(own).word(),
        names.name(own.name),
        own.hours,
        own.days
    ));
    let mut by_feature: Vec<Vec<(u16, &Key)>> = vec![Vec::new(); FEATURES.len()];
    for entry in &own.entries {
        if let Some(key) = base.keys.get(entry.key as usize).filter(|key| key.value != ANY)
            && let Some(list) = by_feature.get_mut(usize::from(key.feature))
        {
            list.push((entry.hours, key));
        }
    }
    for (feature, mut list) in FEATURES.iter().zip(by_feature) {
        if list.is_empty() {
            continue;
        }
        list.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| names.name(a.1.value).cmp(names.name(b.1.value))));
        let values: Vec<String> = list
            .iter()
            .take(DESCRIBED_MAX)
            .map(|(hours, key)| {
                let context = names.name(key.context);
                let context = if context.is_empty() { String::new() } else { format!("{context} → ") };
                format!("{context}{} ({hours} h)", names.name(key.value))
            })
            .collect();
        let more = list.len().saturating_sub(DESCRIBED_MAX);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        out.push(format!("  {}: {}{more}", feature.what, values.join(", ")));
    }
    for group in own.levels.chunk_by(|a, b| a.0 == b.0) {
        let Some(facts) = group.first().and_then(|(measure, _, _)| MEASURES.get(usize::from(*measure))) else {
            continue;
        };
        let windows = if facts.day { own.days } else { own.hours };
        out.push(format!(
            "  {}: usually {}",
            facts.what,
            usual_level(group.iter().map(|(_, bin, count)| (*bin, *count)), windows)
        ));
    }
}

/// Takes an entity out of kept baselines: the bytes without it, and how many entities of that name there were.
///
/// # Errors
/// When the bytes are no baselines.
pub fn forget(baselines: &[u8], entity: &str) -> Result<(Vec<u8>, usize), String> {
    let (base, names, scores) = read(baselines)?;
    let gone = find(&base, &names, entity);
    Ok((write_without(&base, &names, &scores, Some(&gone)), gone.len()))
}
