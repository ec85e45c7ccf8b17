//! Half B: learns everything, then judges everything, each hour of each entity without itself.

use rustc_hash::FxHashMap;
use shieldwall_schema::entity::EntityKind;
use shieldwall_schema::{Observed, Timestamp};

use super::facts::{self, FEATURES, Fact, Seen, Text};
use super::judge::{self, Judged};
use super::measures::{MEASURES, Measure, bin};
use super::names::{Form, Names, OTHER};
use super::texts::{TextScorers, TextVerdict, quoted};
use super::window::{Amounts, Open, StrangeText, Trace, Window};
use super::{Learned, Settings, shown};
use shieldwall_learn::baseline::{Baseline, Key};
use shieldwall_learn::timing::{Beacon, beacon};

/// Pairs of source and destination whose beats are kept; later ones are not timed.
const PAIRS_MAX: usize = 200_000;

/// Beats kept for one pair; when full, the pair is judged and begins anew, keeping the more regular of its judgements.
const BEATS_MAX: usize = 512;

/// Verdicts on texts that are remembered; beyond it the memory begins anew.
const VERDICTS_MAX: usize = 100_000;

/// Texts above this p-value are not remembered as strange.
const TEXT_P_MAX: f64 = 0.02;

/// Strange texts that one window keeps.
const STRANGE_MAX: usize = 16;

const NANOS_A_HOUR: i64 = 3_600_000_000_000;

/// The hour of records without a time.
const NO_HOUR: i64 = i64::MIN;

/// The day of records without a time.
const NO_DAY: i32 = i32::MIN;

/// Half B's part: baselines.
#[derive(Debug, Default)]
pub struct Learner {
    pub(super) settings: Settings,
    pub(super) scorers: TextScorers,
    pub(super) base: Baseline,
    pub(super) names: Names,
    pub(super) judged: Judged,
    pub(super) beats: FxHashMap<(u32, u32, u32), Beats>,
    /// Whether what is judged was learned by this learner in its first round.
    learned: bool,
    judging: bool,
    hour: Option<i64>,
    day: Option<i32>,
    slot: u32,
    seen: Seen,
    open: Open<Window>,
    open_day: Open<Amounts>,
    /// Different things that open windows tell apart: hours', days'.
    told_apart: (usize, usize),
    verdicts: FxHashMap<(u8, u32), Option<TextVerdict>>,
    /// The last kind of event of a host's log: (host, log) → its context's name.
    before: FxHashMap<(u32, u32), u32>,
    event_names: FxHashMap<(u32, u32), u32>,
}

/// Whose something is: the entity's number, and the place of its open window.
#[derive(Clone, Copy, Debug)]
struct Whose {
    entity: u32,
    at: usize,
}

/// Beats of one pair.
#[derive(Clone, Debug, Default)]
pub(super) struct Beats {
    /// Seconds.
    times: Vec<f64>,
    pub best: Option<Beacon>,
    pub trace: Trace,
    pub host: u32,
}

impl Beats {
    pub(super) fn judge(&mut self) {
        let now = beacon(&self.times);
        if let Some(now) = now
            && self.best.is_none_or(|best| now.p_value < best.p_value)
        {
            self.best = Some(now);
        }
        self.times.clear();
    }
}

impl Learner {
    /// A learner that knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, base: empty(), ..Self::default() }
    }

    /// Hands in models of texts; without them names and payloads are not judged.
    #[must_use]
    pub fn with_texts(mut self, scorers: TextScorers) -> Self {
        self.scorers = scorers;
        self
    }

    /// Says that what will be judged was learned before, into the baselines that this learner goes on from. So each hour is
    /// left out of its own judgement, as it is where this learner learned it.
    #[must_use]
    pub fn learned_before(mut self) -> Self {
        self.learned = true;
        self
    }

    /// First round: learns an observation.
    pub fn learn(&mut self, seen: &Observed<'_>) {
        self.learned = true;
        self.take(seen);
    }

    /// Between the rounds: everything was learned.
    pub fn learned(&mut self) {
        self.close_hour();
        self.close_day();
        (self.hour, self.day) = (None, None);
        self.before.clear();
        self.base.rank();
        self.judging = true;
    }

    /// Takes in what another learner learned; both must have been told that everything was learned. Learning split by
    /// entity and merged is learning the whole.
    pub fn merge(&mut self, other: Self) {
        let names = &mut self.names;
        self.base.merge(&other.base, |name| names.number(other.names.name(name)));
        self.base.rank();
        let (own, others) = (&mut self.judged.scores, &other.judged.scores);
        own.resize(own.len().max(others.len()), super::calibrate::Scores::default());
        own.iter_mut().zip(others).for_each(|(own, other)| own.merge(other));
    }

    /// What is known so far, as bytes; see [`Learned::baselines`].
    pub fn kept(&self) -> Vec<u8> {
        super::keep::write(&self.base, &self.names, &self.judged.scores)
    }

    /// Second round: judges an observation, in the same order.
    pub fn judge(&mut self, seen: &Observed<'_>) {
        if !self.judging {
            self.learned();
        }
        self.take(seen);
    }

    /// Ends a round of [`Self::judge`] over what was only learned from: its scores stay, so that even a small log has
    /// something to be ranked among; what was strange in it does not.
    pub fn calibrated(&mut self) {
        self.close_hour();
        self.close_day();
        (self.hour, self.day) = (None, None);
        self.before.clear();
        self.beats.clear();
        self.judged.days.clear();
    }

    /// Closes all windows.
    pub fn finish(mut self) -> Learned {
        if self.judging {
            self.close_hour();
            self.close_day();
            self.finish_judging()
        } else {
            self.learned();
            self.finish_judging()
        }
    }

    fn finish_judging(self) -> Learned {
        shown::finish(self)
    }

    fn take(&mut self, seen: &Observed<'_>) {
        let hour = seen.time.map_or(NO_HOUR, |time| time.nanos().div_euclid(NANOS_A_HOUR));
        if self.hour != Some(hour) {
            self.turn(hour);
        }
        let mut facts = std::mem::take(&mut self.seen);
        facts::read(seen.observation, self.slot, &mut self.names, &mut facts);
        self.put(seen, &facts);
        self.seen = facts;
    }

    /// A new hour begins, and perhaps a new day.
    fn turn(&mut self, hour: i64) {
        self.close_hour();
        let day = day_of(hour);
        if self.day != Some(day) {
            self.close_day();
            self.day = Some(day);
        }
        self.hour = Some(hour);
        self.slot = if hour == NO_HOUR { OTHER } else { self.names.number(&slot(hour)) };
    }

    fn put(&mut self, seen: &Observed<'_>, facts: &Seen) {
        let count = u64::from(seen.observation.count.max(1));
        // This record's entities in its own order: their numbers, and the places of their windows. Whoever is named was
        // active: silence of a measure in an active hour is a zero, not a gap.
        let mut entities: [Option<Whose>; 8] = [None; 8];
        for (slot, (kind, name)) in entities.iter_mut().zip(&facts.who) {
            *slot = self.base.entity(*kind as u8, *name).map(|entity| Whose { entity, at: self.open.place(entity) });
        }
        let whose = |who: u8| entities.get(usize::from(who)).copied().flatten();
        let host = facts.who.first().filter(|(kind, _)| *kind == EntityKind::Host).map_or(OTHER, |(_, name)| *name);
        for fact in &facts.facts {
            if let Some(whose) = whose(fact.who) {
                self.put_fact(whose, fact, count, seen);
            }
        }
        if let Some(code) = facts::code(&facts.facts)
            && let Some(whose) = whose(code.who)
        {
            self.put_order(whose, code, count, seen);
        }
        for amount in &facts.amounts {
            if let Some(whose) = whose(amount.who) {
                self.put_amount(whose, amount.measure, amount.value, count, seen);
            }
        }
        if self.judging {
            for (at, whose) in (0u8..).zip(entities).filter_map(|(at, whose)| Some((at, whose?))) {
                if let Some(window) = self.open.at(whose.at) {
                    window.host = host;
                    for (other, (kind, name)) in (0u8..).zip(&facts.who) {
                        if other != at {
                            window.with(*kind as u8, *name);
                        }
                    }
                }
            }
            for (kind, who, path) in &facts.texts {
                if let (Some(whose), Some(text)) = (whose(*who), seen.observation.get(*path)) {
                    self.put_text(whose, *kind, text, count, seen);
                }
            }
            if let (Some(pair), Some(time)) = (facts.pair, seen.time)
                && let Some(whose) = whose(pair.who)
            {
                self.put_beat((whose.entity, pair.destination, pair.port), time, host, count, seen);
            }
        }
    }

    fn put_fact(&mut self, whose: Whose, fact: &Fact, count: u64, seen: &Observed<'_>) {
        let key = Key { feature: fact.feature, context: fact.context, value: fact.value };
        let (Some((key, any)), Some(window)) = (self.base.fact(key), self.open.at(whose.at)) else { return };
        if !self.judging {
            window.saw(key);
            window.saw(any);
            return;
        }
        let trace = window.facts.entry(key).or_insert_with(|| {
            judge::may_be_strange(&self.base, whose.entity, key, fact.feature, self.learned).then(Box::default)
        });
        if let Some(trace) = trace {
            trace.add(count, seen.time, seen.source, seen.place);
        }
    }

    fn put_order(&mut self, whose: Whose, code: Fact, count: u64, seen: &Observed<'_>) {
        let name = match self.event_names.get(&(code.context, code.value)) {
            Some(name) => *name,
            None => {
                let text = format!("{} of `{}`", self.names.name(code.value), self.names.name(code.context));
                let name = self.names.number(&text);
                self.event_names.insert((code.context, code.value), name);
                name
            }
        };
        let before = self.before.insert((whose.entity, code.context), name).unwrap_or(OTHER);
        if before != OTHER && before != name {
            let next = facts::next(code.who, before, code.value);
            self.put_fact(whose, &next, count, seen);
        }
    }

    fn put_amount(&mut self, whose: Whose, measure: Measure, value: u64, count: u64, seen: &Observed<'_>) {
        let (in_hour, in_day) = &mut self.told_apart;
        let (amounts, told_apart) = if measure.facts().day {
            let at = self.open_day.place(whose.entity);
            (self.open_day.at(at), in_day)
        } else {
            (self.open.at(whose.at).map(|window| &mut window.amounts), in_hour)
        };
        if let Some(trace) = amounts.and_then(|amounts| amounts.add(measure, value, self.judging, told_apart)) {
            trace.add(count, seen.time, seen.source, seen.place);
        }
    }

    fn put_text(&mut self, whose: Whose, kind: Text, text: &str, count: u64, seen: &Observed<'_>) {
        let Some(scorer) = self.scorers.of(kind) else { return };
        let name = self.names.form(Form::Plain, text);
        // Names are cut; a longer text is scored each time.
        let short = text.len() <= super::names::NAME_BYTES_MAX && name != OTHER;
        let known = short.then(|| self.verdicts.get(&(kind as u8, name)).cloned()).flatten();
        let verdict = known.unwrap_or_else(|| {
            let verdict = scorer(text);
            let verdict = (verdict.p_value <= TEXT_P_MAX).then_some(verdict);
            if self.verdicts.len() >= VERDICTS_MAX {
                self.verdicts.clear();
            }
            if short {
                self.verdicts.insert((kind as u8, name), verdict.clone());
            }
            verdict
        });
        let Some(window) = self.open.at(whose.at) else { return };
        if let Some(texts) = window.texts.get_mut(kind as usize) {
            *texts = texts.saturating_add(1);
        }
        let Some(verdict) = verdict else { return };
        let quoted = quoted(text, &verdict.spans);
        let words =
            if verdict.words.is_empty() { format!("`{quoted}`") } else { format!("{}: `{quoted}`", verdict.words) };
        let at = window.strange.iter().position(|one| one.kind == kind && one.words == words);
        if let Some(one) = at.and_then(|at| window.strange.get_mut(at)) {
            one.trace.add(count, seen.time, seen.source, seen.place);
            return;
        }
        let mut trace = Trace::default();
        trace.add(count, seen.time, seen.source, seen.place);
        let p_value = if verdict.p_value.is_nan() { 1.0 } else { verdict.p_value };
        window.strange.push(StrangeText { kind, p_value, words, trace });
        if window.strange.len() > STRANGE_MAX {
            window.strange.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
            window.strange.truncate(STRANGE_MAX);
        }
    }

    fn put_beat(&mut self, pair: (u32, u32, u32), time: Timestamp, host: u32, count: u64, seen: &Observed<'_>) {
        if self.beats.len() >= PAIRS_MAX && !self.beats.contains_key(&pair) {
            return;
        }
        let beats = self.beats.entry(pair).or_default();
        beats.host = host;
        beats.trace.add(count, Some(time), seen.source, seen.place);
        beats.times.push(time.millis() as f64 / 1e3);
        if beats.times.len() >= BEATS_MAX {
            beats.judge();
        }
    }

    fn close_hour(&mut self) {
        let hour = self.hour.unwrap_or(NO_HOUR);
        let day = day_of(hour);
        self.open.close(|entity, window| {
            if self.judging {
                judge::hour(&self.base, entity, day, window, self.learned, &mut self.judged);
            } else {
                self.base.learn_facts(entity, hour, day, window.keys());
                for (measure, value) in window.amounts.each() {
                    self.base.learn_level(entity, measure as u8, bin(value), day, false);
                }
            }
        });
        self.told_apart.0 = 0;
    }

    fn close_day(&mut self) {
        let day = self.day.unwrap_or(NO_DAY);
        self.open_day.close(|entity, amounts| {
            amounts.sort();
            if self.judging {
                judge::whole_day(&self.base, entity, day, amounts, OTHER, self.learned, &mut self.judged);
            } else {
                for (measure, value) in amounts.each() {
                    let rises = RISING.contains(&measure);
                    self.base.learn_level(entity, measure as u8, bin(value), day, rises && day != NO_DAY);
                }
            }
        });
        self.told_apart.1 = 0;
    }
}

/// Days since 1970 of an hour since 1970.
fn day_of(hour: i64) -> i32 {
    if hour == NO_HOUR { NO_DAY } else { i32::try_from(hour.div_euclid(24)).unwrap_or(NO_DAY) }
}

/// Measures whose days are kept: of these, what is slow matters.
const RISING: [Measure; 4] =
    [Measure::BytesOutDay, Measure::DestinationsDay, Measure::FailuresDay, Measure::TargetedDay];

/// The first instant of a day.
pub(super) fn day_start(day: i32) -> Option<Timestamp> {
    (day != NO_DAY).then(|| Timestamp::from_seconds(i64::from(day) * 86_400, 0)).flatten()
}

/// The time of the week that an hour lies in, in UTC: three hours of working days or of the weekend.
fn slot(hour: i64) -> String {
    // 1970-01-01 was a Thursday; 0 is Sunday.
    let weekday = (hour.div_euclid(24) + 4).rem_euclid(7);
    let days = if matches!(weekday, 0 | 6) { "a weekend day" } else { "a working day" };
    let from = hour.rem_euclid(24) / 3 * 3;
    format!("{days} between {from:02} and {:02} h UTC", from + 3)
}

/// A baseline that knows nothing of our facts and measures yet.
pub(super) fn empty() -> Baseline {
    Baseline::new(FEATURES.len(), MEASURES.iter().map(|measure| measure.day).collect())
}

/// Whether a measure exists; for kept baselines.
pub(super) fn is_measure(measure: u8) -> bool {
    usize::from(measure) < MEASURES.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_have_their_day_and_time_of_the_week() {
        // 1970-01-03 was a Saturday.
        assert_eq!((day_of(49), slot(49)), (2, "a weekend day between 00 and 03 h UTC".to_owned()));
        assert_eq!((day_of(-1), slot(-1)), (-1, "a working day between 21 and 24 h UTC".to_owned()));
    }
}
