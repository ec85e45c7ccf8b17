//! How strange a value is for an entity, and the facts to say so in words.
//!
//! **Categories.** What the entity did before: the p-value is the share of its sightings whose value is at most as frequent.
//! What it never did: the chance that it does something new at all (its own share of things done once, shrunk to the peers'
//! by κ) times how rare the thing is among peers. Somebody who does new things daily is not strange for another one; a new
//! thing that most peers do is less strange than one that nobody does.
//! **Amounts.** The tail beyond the value in the entity's own histogram, shrunk to the peers' by κ; sightings in another part
//! of the week count little. **Hours.** The share of hours at most as usual, after smoothing over neighbours and kinds of day.
//!
//! In a history that is learned from and then judged, the judged sightings are in it themselves: [`Baselines::surprise`]
//! leaves out as many as it is told.

use super::hours::{HOURS, OTHER_PART, kinship};
use super::key::{Entity, Key, Slot};
use super::peers::{Common, Peers};
use super::settings::Kind;
use super::state::{Baselines, PART, Sighting, bin_middle, value_id};

/// Usual values that are told.
const USUAL_MAX: usize = 3;

/// What new things are expected of somebody without peers: every fourth.
const NOVELTY_UNKNOWN: f64 = 0.25;

/// Nobody never does anything new.
const NOVELTY_MIN: f64 = 1e-3;

/// Weights this close are ties: `f32` fades a little differently from value to value.
const TIE: f64 = 1e-4;

/// Prior strength where there are no peers.
const STRENGTH_ALONE: f64 = 2.0;

/// How strange a value is.
#[derive(Clone, Debug, PartialEq)]
pub struct Surprise {
    /// How often the entity does something at least this strange; 1 for what teaches nothing. Calibrate it before believing
    /// it (`calibrate`): it is a model's word.
    pub p_value: f64,
    /// The entity's decayed sightings of this value (for amounts: of its bin), less what was left out.
    pub seen: f64,
    /// Its decayed sightings in all, less what was left out.
    pub total: f64,
    /// Its most usual values, share of sightings, most first: categories' hashes, or hours of the week.
    pub usual: Vec<(u64, f64)>,
    /// For amounts: between which its middle nine tenths lie, in the feature's units.
    pub range: Option<(f64, f64)>,
    /// Peers that have this value (for amounts: in its bin), of how many.
    pub peers: (u32, u32),
}

/// What is normal for an entity's feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    /// Which feature.
    pub feature: u16,
    /// Decayed sightings.
    pub total: f64,
    /// Values or hours with their shares, most first.
    pub usual: Vec<(u64, f64)>,
    /// For amounts: between which the middle nine tenths lie.
    pub range: Option<(f64, f64)>,
}

/// A key as it is judged: one value's sightings partly left out, nothing copied.
#[derive(Clone, Copy)]
struct View<'a> {
    slots: &'a [Slot],
    others: f64,
    id: u64,
    left_out: f64,
}

impl<'a> View<'a> {
    fn new(key: Option<Key<'a>>, id: u64, leave: f64) -> Self {
        let Some(key) = key else { return Self { slots: &[], others: 0.0, id, left_out: 0.0 } };
        let have = key.weight(id);
        let left_out = have.min(leave.max(0.0));
        // What fading leaves of a sighting that is left out is not one.
        let left_out = if have - left_out < 1e-3 { have } else { left_out };
        Self { slots: key.slots, others: f64::from(key.head.others), id, left_out }
    }

    /// Values with their weights.
    fn values(self) -> impl Iterator<Item = (u64, f64)> + 'a {
        self.slots.iter().map(move |slot| {
            let (id, weight) = (slot.id(), f64::from(slot.weight));
            (id, if id == self.id { weight - self.left_out } else { weight })
        })
    }

    fn weight(self) -> f64 {
        self.values().find(|(id, _)| *id == self.id).map_or(0.0, |(_, weight)| weight)
    }

    fn total(self) -> f64 {
        self.others + self.values().map(|(_, weight)| weight).sum::<f64>()
    }
}

impl Baselines {
    /// How often the entity does something at least as strange as this, in (0, 1]; 1 for what teaches nothing. `leave`
    /// sightings of its value are left out: those of the very window that is judged, if they were learned.
    pub fn p_value(&self, peers: &Peers, seen: &Sighting, leave: f64) -> f64 {
        self.look(peers, seen, leave).map_or(1.0, |look| look.p_value)
    }

    /// The same with the facts to say so in words; costs a few allocations more.
    pub fn surprise(&self, peers: &Peers, seen: &Sighting, leave: f64) -> Surprise {
        let Some(Look { kind, id, common, view, p_value }) = self.look(peers, seen, leave) else {
            return Surprise { p_value: 1.0, seen: 0.0, total: 0.0, usual: Vec::new(), range: None, peers: (0, 0) };
        };
        let with = common.and_then(|common| common.values.get(&id)).map_or(0, |(_, count)| *count);
        // Who left out all of its own sightings is not among those that have it.
        let gone = view.left_out > 0.0 && view.weight() <= 0.0;
        let (usual, range) = usual(view, kind);
        Surprise {
            p_value,
            seen: view.weight(),
            total: view.total(),
            usual,
            range,
            peers: (with.saturating_sub(u32::from(gone)), common.map_or(0, |common| common.entities)),
        }
    }

    /// What is normal for an entity, feature by feature; empty where it is not known.
    pub fn normal(&self, entity: u64) -> Vec<Normal> {
        let keys = self.entities.get(&entity).into_iter().flat_map(Entity::keys);
        keys.filter_map(|key| {
            let kind = self.kinds.get(usize::from(key.head.feature)).copied()?;
            let view = View::new(Some(key), 0, 0.0);
            let (usual, range) = usual(view, kind);
            Some(Normal { feature: key.head.feature, total: view.total(), usual, range })
        })
        .collect()
    }

    fn look<'a>(&'a self, peers: &'a Peers, seen: &Sighting, leave: f64) -> Option<Look<'a>> {
        let kind = self.kinds.get(usize::from(seen.feature)).copied()?;
        let id = value_id(kind, seen, self.settings.zone_s)?;
        let common = peers.common(seen.peers, seen.feature);
        let key = self.entities.get(&seen.entity).and_then(|entity| entity.key(seen.feature));
        // Shares do not change as all weights fade, so the key's own hour is as good as the sighting's.
        let view = View::new(key, id, leave);
        let p_value = match kind {
            Kind::Category => category(view, common),
            Kind::Number | Kind::Amount => amount(view, common, kind == Kind::Amount),
            Kind::Hour => hour(view, common),
        };
        Some(Look { kind, id, common, view, p_value: p_value.clamp(f64::MIN_POSITIVE, 1.0) })
    }
}

/// What both ways to ask find out.
struct Look<'a> {
    kind: Kind,
    id: u64,
    common: Option<&'a Common>,
    view: View<'a>,
    p_value: f64,
}

fn category(view: View<'_>, common: Option<&Common>) -> f64 {
    let strength = common.map_or(STRENGTH_ALONE, |common| common.strength);
    let (own, total) = (view.weight(), view.total());
    if own <= 0.0 {
        // How often it does something new, shrunk to how often peers do, times how rare this is among peers.
        let once: f64 = view.values().map(|(_, weight)| weight).filter(|weight| *weight <= 1.0).sum();
        let prior = common.map_or(NOVELTY_UNKNOWN, |common| common.novelty).max(NOVELTY_MIN);
        let new = (once + view.others + strength * prior) / (total + strength);
        return new * common.map_or(1.0, |common| common.rarity(view.id, view.left_out > 0.0));
    }
    // Values at most as frequent, its own ties half, and everything that is not told apart.
    let (mut rarer, mut ties, mut most) = (view.others, 0.0, 0.0f64);
    for (_, weight) in view.values() {
        most = most.max(weight);
        if weight < own * (1.0 - TIE) {
            rarer += weight;
        } else if weight <= own * (1.0 + TIE) {
            ties += weight;
        }
    }
    if own >= most * (1.0 - TIE) { 1.0 } else { ((rarer + ties / 2.0 + 0.5) / (total + 1.0)).min(1.0) }
}

fn amount(view: View<'_>, common: Option<&Common>, upper_only: bool) -> f64 {
    let (part, bin) = (view.id / PART, view.id % PART);
    let mut own = Tails::default();
    for (id, weight) in view.values() {
        own.add(id, weight, part, bin);
    }
    let mut theirs = Tails::default();
    if let Some(common) = common {
        for (value, (share, _)) in &common.values {
            theirs.add(*value, *share, part, bin);
        }
    }
    let strength = common.map_or(STRENGTH_ALONE, |common| common.strength);
    // Half an entity beyond everything that peers did: nothing is impossible.
    let tail = |own_beyond: f64, their_beyond: f64| {
        (own_beyond + strength * (their_beyond + 0.5) / (theirs.total + 1.0)) / (own.total + strength)
    };
    let upper = tail(own.above + own.at / 2.0, theirs.above + theirs.at / 2.0);
    if upper_only {
        // Below the middle nothing is strange.
        return (2.0 * upper).min(1.0);
    }
    let lower = tail(own.below + own.at / 2.0, theirs.below + theirs.at / 2.0);
    (2.0 * upper.min(lower)).min(1.0)
}

/// Weights below, at and above a bin.
#[derive(Default)]
struct Tails {
    below: f64,
    at: f64,
    above: f64,
    total: f64,
}

impl Tails {
    fn add(&mut self, id: u64, weight: f64, part: u64, bin: u64) {
        let weight = if id / PART == part { weight } else { weight * OTHER_PART };
        self.total += weight;
        match (id % PART).cmp(&bin) {
            std::cmp::Ordering::Less => self.below += weight,
            std::cmp::Ordering::Equal => self.at += weight,
            std::cmp::Ordering::Greater => self.above += weight,
        }
    }
}

fn hour(view: View<'_>, common: Option<&Common>) -> f64 {
    let strength = common.map_or(STRENGTH_ALONE, |common| common.strength);
    let n = common.map_or(0.0, |common| f64::from(common.entities));
    let mut densities = [0.0; HOURS];
    for (to, density) in densities.iter_mut().enumerate() {
        let own: f64 = view.values().map(|(from, weight)| weight * kinship(from as usize, to)).sum();
        let theirs = common.and_then(|common| common.hours.get(to)).copied().unwrap_or(0.0);
        // A newcomer without peers may come at any hour.
        *density = own + strength * (theirs + 1.0 / HOURS as f64) / (n + 1.0);
    }
    let here = densities.get(view.id as usize).copied().unwrap_or(0.0);
    let all: f64 = densities.iter().sum();
    // Ties count whole: an hour as usual as the most usual one is not strange.
    densities.iter().filter(|density| **density <= here * (1.0 + TIE)).sum::<f64>() / all
}

/// Values with their shares, most first.
type Usual = Vec<(u64, f64)>;

/// The most usual values with their shares, and the range of amounts.
fn usual(view: View<'_>, kind: Kind) -> (Usual, Option<(f64, f64)>) {
    let total = view.total();
    if total <= 0.0 {
        return (Vec::new(), None);
    }
    let mut values: Vec<(u64, f64)> = view.values().filter(|(_, weight)| *weight > 0.0).collect();
    if !matches!(kind, Kind::Number | Kind::Amount) {
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        values.truncate(USUAL_MAX);
        return (values.into_iter().map(|(id, weight)| (id, weight / total)).collect(), None);
    }
    values.iter_mut().for_each(|one| one.0 %= PART);
    values.sort_by_key(|one| one.0);
    let all: f64 = values.iter().map(|one| one.1).sum();
    let at = |share: f64| {
        let mut sum = 0.0;
        let place = values.iter().find(|(_, weight)| {
            sum += weight;
            sum >= share * all
        });
        place.or(values.last()).map_or(0.0, |(bin, _)| bin_middle(*bin))
    };
    (Vec::new(), (!values.is_empty()).then(|| (at(0.05), at(0.95))))
}
