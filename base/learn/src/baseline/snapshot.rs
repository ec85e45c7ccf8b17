//! Baselines as arrays: entities ascending, their keys and trends one after another, the keys' values one after
//! another.

use rustc_hash::FxHashMap;

use super::key::{Entity, Head, SLOTS_MAX, Slot};
use super::settings::{BaselineSettings, FEATURES_MAX, Kind};
use super::state::Baselines;
use super::trend::Trend;
use crate::tensors::{Array, LoadError, Tensors};

/// Numbers that a trend is kept as.
const TREND_NUMBERS: usize = 6;

impl Baselines {
    /// Arrays to keep them as; the same baselines give the same arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        let (mut ids, mut peers, mut key_counts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut features, mut hours, mut others, mut slot_counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        let (mut trend_counts, mut trend_features) = (Vec::new(), Vec::new());
        let (mut trend_days, mut trend_rows, mut trends) = (Vec::new(), Vec::new(), Vec::new());
        for id in self.entities() {
            let Some(entity) = self.entities.get(&id) else { continue };
            ids.push(id);
            peers.push(entity.peers);
            key_counts.push(entity.heads.len() as u16);
            for key in entity.keys() {
                features.push(key.head.feature);
                hours.push(key.head.hour);
                others.push(key.head.others);
                slot_counts.push(key.slots.len() as u8);
                values.extend(key.slots.iter().map(Slot::id));
                weights.extend(key.slots.iter().map(|slot| slot.weight));
            }
            trend_counts.push(entity.trends.len() as u16);
            for (feature, trend) in &entity.trends {
                trend_features.push(*feature);
                trend_days.push(trend.day);
                trend_rows.push(i32::from(trend.row));
                trends.extend([trend.fast, trend.slow, trend.today].concat());
            }
        }
        let mut today: Vec<([u32; 2], f32)> = self.today.iter().map(|(of, gain)| (*of, *gain)).collect();
        today.sort_by_key(|one| one.0);
        out.put("entities", Array::U64(ids));
        out.put("peers", Array::U32(peers));
        out.put("key_counts", Array::U16(key_counts));
        out.put("features", Array::U16(features));
        out.put("hours", Array::I32(hours));
        out.put("others", Array::F32(others));
        out.put("slot_counts", Array::U8(slot_counts));
        out.put("values", Array::U64(values));
        out.put("weights", Array::F32(weights));
        out.put("trend_counts", Array::U16(trend_counts));
        out.put("trend_features", Array::U16(trend_features));
        out.put("trend_days", Array::I32(trend_days));
        out.put("trend_rows", Array::I32(trend_rows));
        out.put("trends", Array::F32(trends));
        out.put("today", Array::U32(today.iter().flat_map(|one| one.0).collect()));
        out.put("today_gains", Array::F32(today.iter().map(|one| one.1).collect()));
        out.put("day", Array::I32(vec![self.day]));
        out.put("counts", Array::U64(vec![self.forgotten, self.cap_resets, self.settings.entities_max as u64]));
        let settings = self.settings;
        out.put(
            "settings",
            Array::F64(vec![settings.half_life_s, settings.zone_s as f64, settings.value_a_day, settings.source_a_day]),
        );
        out.put("kinds", Array::U8(self.kinds.iter().map(|kind| *kind as u8).collect()));
        out
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When lengths disagree, ids do not ascend, numbers are out of range, or there is more than the settings allow.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let (settings, kinds) = settings(tensors)?;
        let &[forgotten, cap_resets, _] = tensors.u64s("counts")? else {
            return Err(bad("counts", "does not hold three"));
        };
        let &[day] = tensors.i32s("day")? else { return Err(bad("day", "does not hold one number")) };
        let ids = tensors.u64s("entities")?;
        let (peers, key_counts) = (tensors.u32s("peers")?, tensors.u16s("key_counts")?);
        if ids.len() > settings.entities_max || !ascends(ids) {
            return Err(bad("entities", "does not ascend, or holds more than the settings allow"));
        }
        if peers.len() != ids.len() || key_counts.len() != ids.len() {
            return Err(bad("peers", "or `key_counts` is not of one length with `entities`"));
        }
        let trend_counts = tensors.u16s("trend_counts")?;
        if trend_counts.len() != ids.len() {
            return Err(bad("trend_counts", "is not of one length with `entities`"));
        }
        let mut keys = keys(tensors, kinds.len())?.into_iter();
        let mut trends = trends(tensors, kinds.len())?.into_iter();
        let mut entities = FxHashMap::default();
        for ((id, peers), (count, trend_count)) in ids.iter().zip(peers).zip(key_counts.iter().zip(trend_counts)) {
            let (heads, slots): (Vec<Head>, Vec<Vec<Slot>>) = keys.by_ref().take(usize::from(*count)).unzip();
            let sorted = heads.windows(2).all(|pair| matches!(pair, [a, b] if a.feature < b.feature));
            if heads.len() != usize::from(*count) || !sorted {
                return Err(bad("key_counts", &format!("of entity {id:016x} do not fit `features`")));
            }
            let moving: Vec<(u16, Trend)> = trends.by_ref().take(usize::from(*trend_count)).collect();
            let sorted = moving.windows(2).all(|pair| matches!(pair, [a, b] if a.0 < b.0));
            if moving.len() != usize::from(*trend_count) || !sorted {
                return Err(bad("trend_counts", &format!("of entity {id:016x} do not fit `trend_features`")));
            }
            entities.insert(*id, Entity { peers: *peers, heads, slots: slots.concat(), trends: moving });
        }
        if keys.next().is_some() || trends.next().is_some() {
            return Err(bad("features", "holds more than the entities have"));
        }
        let (of, gains) = (tensors.u32s("today")?, tensors.f32s("today_gains")?);
        let ascend = of.chunks(2).is_sorted_by(|a, b| a < b);
        if of.len() != 2 * gains.len() || !ascend || gains.iter().any(|gain| !weighs(*gain)) {
            return Err(bad("today", "does not ascend, or does not fit `today_gains`"));
        }
        let pairs = of.chunks_exact(2).zip(gains);
        let today = pairs.filter_map(|(of, gain)| Some((<[u32; 2]>::try_from(of).ok()?, *gain))).collect();
        Ok(Self { settings, kinds, entities, today, day, forgotten, cap_resets })
    }
}

fn settings(tensors: &Tensors) -> Result<(BaselineSettings, Vec<Kind>), LoadError> {
    let &[half_life_s, zone_s, value_a_day, source_a_day] = tensors.f64s("settings")? else {
        return Err(bad("settings", "does not hold four numbers"));
    };
    let entities_max = match tensors.u64s("counts")? {
        &[_, _, most] => usize::try_from(most).unwrap_or(usize::MAX),
        _ => return Err(bad("counts", "does not hold three")),
    };
    let settings = BaselineSettings { half_life_s, zone_s: zone_s as i64, value_a_day, source_a_day, entities_max };
    if settings != settings.checked() {
        return Err(bad("settings", "are out of range"));
    }
    let kinds = tensors.u8s("kinds")?;
    if kinds.len() > FEATURES_MAX {
        return Err(bad("kinds", &format!("holds {}, at most {FEATURES_MAX} are allowed", kinds.len())));
    }
    let known = [Kind::Category, Kind::Number, Kind::Amount, Kind::Hour];
    let kinds: Option<Vec<Kind>> = kinds.iter().map(|kind| known.get(usize::from(*kind)).copied()).collect();
    Ok((settings, kinds.ok_or_else(|| bad("kinds", "names a kind that is not known"))?))
}

fn keys(tensors: &Tensors, features_max: usize) -> Result<Vec<(Head, Vec<Slot>)>, LoadError> {
    let (features, hours) = (tensors.u16s("features")?, tensors.i32s("hours")?);
    let (others, slot_counts) = (tensors.f32s("others")?, tensors.u8s("slot_counts")?);
    let (mut values, mut weights) = (tensors.u64s("values")?, tensors.f32s("weights")?);
    if [hours.len(), others.len(), slot_counts.len()] != [features.len(); 3] {
        return Err(bad("features", "is not of one length with `hours`, `others` and `slot_counts`"));
    }
    if values.len() != weights.len() || weights.iter().chain(others).any(|weight| !weighs(*weight)) {
        return Err(bad("weights", "are not positive, or not as many as `values`"));
    }
    let mut keys = Vec::with_capacity(features.len());
    for ((feature, hour), (others, count)) in features.iter().zip(hours).zip(others.iter().zip(slot_counts)) {
        let count = usize::from(*count);
        let (Some((own, rest)), Some((own_weights, rest_weights))) =
            (values.split_at_checked(count), weights.split_at_checked(count))
        else {
            return Err(bad("values", "end too early"));
        };
        (values, weights) = (rest, rest_weights);
        if usize::from(*feature) >= features_max || count > SLOTS_MAX || !ascends(own) {
            return Err(bad("values", &format!("of a key of feature {feature} are too many or do not ascend")));
        }
        let slots = own.iter().zip(own_weights).map(|(id, weight)| Slot::new(*id, *weight)).collect();
        keys.push((Head { feature: *feature, count: count as u16, hour: *hour, others: *others }, slots));
    }
    if !values.is_empty() {
        return Err(bad("values", "holds more than the keys have"));
    }
    Ok(keys)
}

fn trends(tensors: &Tensors, features_max: usize) -> Result<Vec<(u16, Trend)>, LoadError> {
    let (features, days) = (tensors.u16s("trend_features")?, tensors.i32s("trend_days")?);
    let (rows, numbers) = (tensors.i32s("trend_rows")?, tensors.f32s("trends")?);
    if [days.len(), rows.len()] != [features.len(); 2] || numbers.len() != TREND_NUMBERS * features.len() {
        return Err(bad("trend_features", "is not of one length with the other trends"));
    }
    if numbers.iter().any(|number| !weighs(*number)) {
        return Err(bad("trends", "hold what is below 0"));
    }
    let columns = features.iter().zip(days).zip(rows.iter().zip(numbers.chunks_exact(TREND_NUMBERS)));
    columns
        .map(|((feature, day), (row, numbers))| match (i16::try_from(*row), numbers) {
            (Ok(row), &[a, b, c, d, e, f]) if usize::from(*feature) < features_max => {
                Ok((*feature, Trend { fast: [a, b], slow: [c, d], today: [e, f], day: *day, row }))
            }
            _ => Err(bad("trend_rows", "holds a row too long, or of a feature that is not there")),
        })
        .collect()
}

fn weighs(weight: f32) -> bool {
    weight.is_finite() && weight >= 0.0
}

fn ascends(ids: &[u64]) -> bool {
    ids.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}

fn bad(name: &str, problem: &str) -> LoadError {
    LoadError::new(format!("array `{name}`"), problem)
}
