//! Numbers back into words: what was seen, and what is usual there.

use std::collections::BTreeMap;

use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::finding::AnomalyPart;

use super::facts::{FEATURES, Feature};
use super::judge::{Candidate, Piece, Why};
use super::measures::{MEASURES, bin_value};
use super::names::Names;
use shieldwall_learn::baseline::{ANY, Baseline, Key};

/// Usual values that a sentence names.
const USUAL_MAX: usize = 3;

/// Tells candidates in words; made once for all that are shown.
pub(super) struct Teller<'a> {
    base: &'a Baseline,
    names: &'a Names,
    /// What peers usually have, for the contexts that are needed.
    usual: BTreeMap<(u8, u32), Vec<(u32, u32)>>,
}

impl<'a> Teller<'a> {
    /// Gathers what is needed for these candidates in one pass over the facts.
    pub(super) fn new<'c>(
        base: &'a Baseline,
        names: &'a Names,
        candidates: impl Iterator<Item = &'c Candidate>,
    ) -> Self {
        let mut usual: BTreeMap<(u8, u32), Vec<(u32, u32)>> = BTreeMap::new();
        for piece in candidates.flat_map(|one| &one.pieces) {
            if let Why::Fact { key, .. } = &piece.why
                && let Some(key) = base.keys.get(*key as usize)
            {
                usual.entry((key.feature, key.context)).or_default();
            }
        }
        for (key, peers) in base.keys.iter().zip(&base.peers) {
            if key.value != ANY
                && let Some(list) = usual.get_mut(&(key.feature, key.context))
            {
                list.push((peers.entities, key.value));
                if list.len() > 256 {
                    strongest(list);
                }
            }
        }
        usual.values_mut().for_each(strongest);
        Self { base, names, usual }
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.names.name(number)
    }

    pub(super) fn entity(&self, number: u32) -> Option<Entity> {
        let own = self.base.entities.get(number as usize)?;
        Some(Entity { kind: super::keep::kind_of(own), id: self.names.name(own.name).to_owned() })
    }

    /// An entity of a kind and name's numbers, if it is one that incidents may be joined by.
    pub(super) fn named(&self, kind: u8, name: u32) -> Option<Entity> {
        use shieldwall_schema::entity;
        let name = self.names.name(name);
        let (kind, id) = match kind {
            kind if kind == EntityKind::Host as u8 => (EntityKind::Host, entity::host_id(name)?),
            kind if kind == EntityKind::User as u8 => (EntityKind::User, entity::user_id(name)?),
            kind if kind == EntityKind::Address as u8 => (EntityKind::Address, entity::address_id(name)?),
            _ => return None,
        };
        Some(Entity { kind, id })
    }

    /// A part in words.
    pub(super) fn part(&self, entity: u32, piece: &Piece) -> AnomalyPart {
        let own = self.base.entities.get(entity as usize);
        let (what, words) = match &piece.why {
            Why::Words { what, words, .. } => ((*what).to_owned(), words.clone()),
            Why::Level { measure, value, bin } => {
                let what = MEASURES.get(usize::from(*measure)).map_or("", |facts| facts.what);
                let windows = own.map_or(0, |own| {
                    if MEASURES.get(usize::from(*measure)).is_some_and(|facts| facts.day) {
                        own.days
                    } else {
                        own.hours
                    }
                });
                let levels = || own.into_iter().flat_map(|own| &own.levels).filter(|(of, _, _)| of == measure);
                let as_high: u64 = levels().filter(|(_, at, _)| at >= bin).map(|(_, _, count)| u64::from(*count)).sum();
                let usual = usual_level(levels().map(|(_, at, count)| (*at, *count)), windows);
                let words = format!(
                    "{} {what}; here usually {usual}, as many in {} of {} other windows",
                    grouped(*value),
                    as_high.saturating_sub(1),
                    windows.saturating_sub(1),
                );
                (what.to_owned(), words)
            }
            Why::Fact { key, standing } => {
                let Some(key) = self.base.keys.get(*key as usize) else {
                    return AnomalyPart { what: String::new(), value: piece.nats, words: String::new() };
                };
                let Some(feature) = Feature::of(key.feature) else {
                    return AnomalyPart { what: String::new(), value: piece.nats, words: String::new() };
                };
                let kind = own.map_or("entities", |own| plural(super::keep::kind_of(own)));
                let hours = match standing.context_hours {
                    0 => "in no other hour here".to_owned(),
                    all => format!(
                        "in {} of {} other hours that could show it here",
                        grouped(u64::from(standing.hours)),
                        grouped(u64::from(all))
                    ),
                };
                let peers = match standing.context_peers {
                    0 => format!("on no other {kind}"),
                    all => format!("on {} of {all} other {kind}", standing.peers),
                };
                let words = format!("{}: {hours}, and {peers}", self.fill(feature.seen, key));
                (feature.what.to_owned(), words)
            }
        };
        AnomalyPart { what, value: piece.nats, words }
    }

    fn fill(&self, sentence: &str, key: &Key) -> String {
        let context = self.names.name(key.context);
        let context = if context.is_empty() { "something" } else { context };
        sentence.replace("{c}", context).replace("{v}", self.names.name(key.value))
    }

    /// What is normal where the strongest part is strange.
    pub(super) fn normal(&self, one: &Candidate) -> String {
        let strongest = one.pieces.iter().max_by(|a, b| a.nats.total_cmp(&b.nats));
        let own = self.base.entities.get(one.entity as usize);
        match strongest.map(|piece| &piece.why) {
            Some(Why::Words { normal, .. }) if !normal.is_empty() => normal.clone(),
            Some(Why::Level { measure, .. }) => {
                let Some(facts) = MEASURES.get(usize::from(*measure)) else { return String::new() };
                let windows = own.map_or(0, |own| if facts.day { own.days } else { own.hours });
                let levels = own.into_iter().flat_map(|own| &own.levels).filter(|(of, _, _)| of == measure);
                format!("usual here: {} {}", usual_level(levels.map(|(_, at, n)| (*at, *n)), windows), facts.what)
            }
            Some(Why::Fact { key, .. }) => {
                let Some(key) = self.base.keys.get(*key as usize) else { return String::new() };
                let Some(feature) = FEATURES.get(usize::from(key.feature)) else { return String::new() };
                let mut mine: Vec<(u32, u32)> = own
                    .into_iter()
                    .flat_map(|own| &own.entries)
                    .filter_map(|entry| Some((u32::from(entry.hours), self.base.keys.get(entry.key as usize)?)))
                    .filter(|(_, of)| of.feature == key.feature && of.context == key.context && of.value != ANY)
                    .map(|(hours, of)| (hours, of.value))
                    .collect();
                strongest_of(&mut mine);
                let mut values: Vec<u32> =
                    mine.into_iter().map(|(_, value)| value).filter(|value| *value != key.value).collect();
                if values.is_empty() {
                    let peers = self.usual.get(&(key.feature, key.context)).into_iter().flatten();
                    values = peers.map(|(_, value)| *value).filter(|value| *value != key.value).collect();
                }
                let values: Vec<String> =
                    values.iter().take(USUAL_MAX).map(|value| format!("`{}`", self.names.name(*value))).collect();
                if values.is_empty() {
                    return "nothing of the kind is known here".to_owned();
                }
                self.fill(feature.usual, key).replace("{u}", &values.join(", "))
            }
            _ => String::new(),
        }
    }
}

fn strongest(list: &mut Vec<(u32, u32)>) {
    strongest_of(list);
    list.truncate(USUAL_MAX + 1);
}

fn strongest_of(list: &mut [(u32, u32)]) {
    list.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
}

/// The middle of an entity's levels, in words.
pub(super) fn usual_level(levels: impl Iterator<Item = (u8, u16)>, windows: u32) -> String {
    let levels: Vec<(u8, u16)> = levels.collect();
    let known: u64 = levels.iter().map(|(_, count)| u64::from(*count)).sum();
    let mut left = (u64::from(windows).max(known)).div_ceil(2);
    let silent = u64::from(windows).saturating_sub(known);
    if silent >= left {
        return "none".to_owned();
    }
    left -= silent;
    for (bin, count) in levels {
        if u64::from(count) >= left {
            return format!("about {}", grouped(bin_value(bin) as u64));
        }
        left -= u64::from(count);
    }
    "none".to_owned()
}

/// `1,240`.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 source`, `2 sources`.
pub(super) fn number(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", grouped(count)) }
}

fn plural(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Host => "hosts",
        EntityKind::User => "users",
        EntityKind::Address => "addresses",
        _ => "entities",
    }
}

/// A length of time.
pub(super) fn length(seconds: f64) -> String {
    match seconds.round() as i64 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!((grouped(0), grouped(1240), grouped(1_000_000)), ("0".into(), "1,240".into(), "1,000,000".into()));
        assert_eq!((number(1, "host"), number(12, "host")), ("1 host".into(), "12 hosts".into()));
        assert_eq!((length(90.0), length(600.0), length(9e3)), ("90 s".into(), "10 min".into(), "2.5 h".into()));
        assert_eq!(usual_level([(21u8, 6u16), (23, 2)].into_iter(), 10), "about 1,024");
        assert_eq!(usual_level([(21u8, 1u16)].into_iter(), 10), "none");
    }
}
