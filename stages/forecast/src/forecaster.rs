//! All of it as one model: observed techniques in, a short list with odds and reasons out.

use serde::Serialize;
use shieldwall_learn::{Array, LoadError, Tensors};

use crate::matrix::Matrix;
use crate::odds::{self, Odds};
use crate::ranker::{OBSERVED_MAX, Ranker, Scratch, Settings};
use crate::reports::{REPORTS_MAX, Reports, Source};
use crate::techniques::{Technique, Techniques};
use crate::why::{self, Holders};

/// The layout; raised when it changes.
const VERSION: &str = "1";

/// A model that forecasts.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecaster {
    table: Techniques,
    reports: Reports,
    ranker: Ranker,
    odds: Odds,
    holders: Holders,
    /// Reports, groups and so on, by weight.
    total: f64,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question<'a> {
    /// Ids of observed techniques, in any order and case; the same twice is once.
    pub techniques: &'a [String],
    /// Only techniques that exist on this platform (any case); `None`: all.
    pub platform: Option<&'a str>,
    /// How many to list.
    pub top: usize,
    /// Whether to list what reports list, with techniques that ATT&CK no longer has and with the parents of what was observed:
    /// right for measuring, no news for people.
    pub as_reported: bool,
}

/// A forecast.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// Observed ids that ATT&CK does not know, as they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Observed ids that ATT&CK revoked or gave up, and what stands for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Replaced>,
    /// What is likely, most likely first.
    pub ranked: Vec<Next>,
    /// How often none of the first twenty comes.
    pub none: f64,
    /// Groups and campaigns most like this.
    pub alike: Vec<Alike>,
}

/// An observed id that ATT&CK no longer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// The id.
    pub id: String,
    /// What it was replaced by, if by anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A technique that is likely.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    /// `T1053.003`.
    pub technique: String,
    /// `Cron`.
    pub name: String,
    /// Its tactics.
    pub tactics: Vec<String>,
    /// The share of reports with these techniques that also have this one.
    pub probability: f64,
    /// What was seen that it goes with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
}

/// A link: of `of` reports and ATT&CK entries with all of `seen`, `also` had the technique too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    /// Ids.
    pub seen: Vec<String>,
    /// How many also had it.
    pub also: u32,
    /// Of how many.
    pub of: u32,
}

/// A group or campaign that is like what was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alike {
    /// Its name in ATT&CK.
    pub name: String,
    /// Whether a group or a campaign.
    pub source: Source,
    /// Observed techniques that it has.
    pub shared: usize,
    /// Observed techniques in all.
    pub of: usize,
}

impl Forecaster {
    /// Puts a model together. `ease`: its matrix, where it was kept.
    pub fn new(table: Techniques, reports: Reports, settings: Settings, odds: Odds, ease: Option<Matrix>) -> Self {
        let ranker = Ranker::fit(&table, &reports, settings, ease);
        let holders = Holders::new(table.len(), &reports);
        let total = reports.weighted().map(|(_, weight)| weight).sum();
        Self { table, reports, ranker, odds, holders, total }
    }

    /// The table of techniques.
    pub fn table(&self) -> &Techniques {
        &self.table
    }

    /// What was learned from.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The rankers.
    pub fn ranker(&self) -> &Ranker {
        &self.ranker
    }

    /// The odds.
    pub fn odds(&self) -> &Odds {
        &self.odds
    }

    /// The same with other rankers, fitted to the same reports.
    #[must_use]
    pub fn with_ranker(self, ranker: Ranker) -> Self {
        Self { ranker, ..self }
    }

    /// The same with other odds.
    #[must_use]
    pub fn with_odds(self, odds: Odds) -> Self {
        Self { odds, ..self }
    }

    /// The numbers of the `top` best-scored techniques that `keep` lets through, best first; `scratch` then holds the case's
    /// scores.
    pub fn rank(&self, observed: &[u16], top: usize, scratch: &mut Scratch, keep: impl Fn(u16) -> bool) -> Vec<u16> {
        self.ranker.score(&self.table, &self.reports, observed, scratch);
        let scores = &scratch.scores;
        let score = |at: u16| scores.get(usize::from(at)).copied().unwrap_or(f64::NEG_INFINITY);
        let mut order: Vec<u16> =
            (0u16..).take(scores.len()).filter(|at| score(*at) > f64::NEG_INFINITY && keep(*at)).collect();
        let by = |a: &u16, b: &u16| score(*b).total_cmp(&score(*a)).then(a.cmp(b));
        if top < order.len() {
            order.select_nth_unstable_by(top, by);
            order.truncate(top);
        }
        order.sort_unstable_by(by);
        order
    }

    /// What the odds of a candidate depend on, after [`Self::rank`].
    pub fn inputs(&self, candidate: u16, observed: usize, scratch: &Scratch) -> [f64; odds::INPUTS] {
        let score = scratch.scores.get(usize::from(candidate)).copied().unwrap_or(0.0);
        odds::inputs(score, self.share(candidate), observed)
    }

    /// The share of all reports that have a technique.
    fn share(&self, technique: u16) -> f64 {
        self.ranker.popularity().get(usize::from(technique)).copied().unwrap_or(0.0) / self.total.max(1.0)
    }

    /// Answers a question. O(observed × techniques).
    pub fn forecast(&self, question: &Question<'_>, scratch: &mut Scratch) -> Forecast {
        let mut out = Forecast::default();
        let mut observed: Vec<u16> = Vec::new();
        for id in question.techniques {
            match self.table.number(id) {
                Some(number) => {
                    if let Some(one) = self.table.get(number).filter(|one| !one.state.is_current()) {
                        let by = match &one.state {
                            crate::State::RevokedBy(by) => Some(by.clone()),
                            _ => None,
                        };
                        out.replaced.push(Replaced { id: one.id.clone(), by });
                    }
                    observed.push(number);
                }
                None => out.unknown.push(id.clone()),
            }
        }
        observed.sort_unstable();
        observed.dedup();
        observed.truncate(OBSERVED_MAX);
        let on_platform = |one: &Technique| {
            question.platform.is_none_or(|wanted| {
                one.platforms.is_empty() || one.platforms.iter().any(|own| own.eq_ignore_ascii_case(wanted))
            })
        };
        let keep = |at: u16| {
            let news = |one: &Technique| {
                one.state.is_current() && observed.iter().all(|seen| self.table.parent(*seen) != Some(at))
            };
            self.table.get(at).is_some_and(|one| on_platform(one) && (question.as_reported || news(one)))
        };
        let order = self.rank(&observed, question.top.max(odds::TOP), scratch, keep);
        let odds_of = |at: &u16| {
            if observed.is_empty() {
                // Nothing is known: the share of all reports.
                return self.share(*at);
            }
            self.odds.probability(&self.inputs(*at, observed.len(), scratch))
        };
        let mut likely: Vec<(f64, u16)> = order.iter().map(|at| (odds_of(at), *at)).collect();
        // The list is in the order of its odds.
        likely.sort_by(|a, b| b.0.total_cmp(&a.0));
        out.none = self.odds.none(likely.iter().take(odds::TOP).map(|(p, _)| *p), observed.len());
        out.alike = why::alike(&self.reports, &scratch.neighbours, &observed);
        out.ranked = likely
            .into_iter()
            .take(question.top)
            .filter_map(|(probability, at)| {
                let one = self.table.get(at)?;
                let because = why::because(&self.table, &self.ranker, &self.holders, &observed, at);
                Some(Next {
                    technique: one.id.clone(),
                    name: one.name.clone(),
                    tactics: one.tactics.clone(),
                    probability,
                    because,
                })
            })
            .collect();
        out
    }

    /// Arrays to keep it as.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        out.words.insert("family".to_owned(), "forecast".to_owned());
        out.words.insert("version".to_owned(), VERSION.to_owned());
        out.put_json("techniques", &self.table.all());
        out.put_json("settings", &self.ranker.settings());
        out.put_json("odds", &self.odds);
        let named: Vec<(Source, &str)> =
            (0..self.reports.len()).map(|at| (self.reports.source(at), self.reports.name(at))).collect();
        // Reports have no names: only how many there are.
        let reports = named.iter().take_while(|(source, _)| *source == Source::Report).count();
        out.put_json("reports", &reports);
        out.put_json("named", &named.get(reports..).unwrap_or(&[]));
        out.put("sizes", Array::U16(self.reports.sets().iter().map(|set| set.len() as u16).collect()));
        out.put("sets", Array::U16(self.reports.sets().iter().flatten().copied().collect()));
        out.put("ease", Array::F32(self.ranker.ease().values().to_vec()));
        out
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When anything in them is not as it should be.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        for (name, expected) in [("family", "forecast"), ("version", VERSION)] {
            let found = tensors.word(name)?;
            if found != expected {
                return Err(LoadError::new(format!("word `{name}`"), format!("is `{found}`, not `{expected}`")));
            }
        }
        let words = ["family", "version", "techniques", "settings", "odds", "reports", "named"];
        let arrays = ["sizes", "sets", "ease"];
        let unknown = tensors.words.keys().find(|name| !words.contains(&name.as_str()));
        if let Some(name) = unknown.or_else(|| tensors.arrays.keys().find(|name| !arrays.contains(&name.as_str()))) {
            return Err(LoadError::new(format!("`{name}`"), "is unknown"));
        }
        let table = Techniques::new(tensors.json("techniques")?)
            .map_err(|error| LoadError::new("word `techniques`", error.to_string()))?;
        let settings: Settings = tensors.json("settings")?;
        let odds: Odds = tensors.json("odds")?;
        if !odds.is_finite() {
            return Err(LoadError::new("word `odds`", "is not finite"));
        }
        let (count, named): (usize, Vec<(Source, String)>) = (tensors.json("reports")?, tensors.json("named")?);
        let (sizes, mut sets) = (tensors.u16s("sizes")?, tensors.u16s("sets")?);
        if count.checked_add(named.len()) != Some(sizes.len()) || sizes.len() > REPORTS_MAX {
            return Err(LoadError::new("array `sizes`", "does not fit the names"));
        }
        let mut reports = Reports::default();
        for (at, size) in sizes.iter().enumerate() {
            let Some((set, rest)) = sets.split_at_checked(usize::from(*size)).filter(|(set, _)| !set.is_empty()) else {
                return Err(LoadError::new("array `sets`", "is shorter than its sizes say, or holds an empty set"));
            };
            sets = rest;
            if !set.is_sorted_by(|a, b| a < b) || set.last().is_some_and(|last| usize::from(*last) >= table.len()) {
                return Err(LoadError::new("array `sets`", format!("set {at} does not ascend within the table")));
            }
            let (source, name) = match at.checked_sub(count).and_then(|at| named.get(at)) {
                Some((source, name)) => (*source, name.as_str()),
                None => (Source::Report, ""),
            };
            reports.push(set.to_vec(), source, name);
        }
        if !sets.is_empty() {
            return Err(LoadError::new("array `sets`", "is longer than its sizes say"));
        }
        let ease = Matrix::new(table.len(), tensors.f32s("ease")?.to_vec())
            .ok_or_else(|| LoadError::new("array `ease`", "is not square over the techniques"))?;
        Ok(Self::new(table, reports, settings, odds, Some(ease)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::techniques::table;
    use proptest::prelude::*;

    fn model() -> Forecaster {
        let table = table(&["T1001", "T1002", "T1003", "T1003.001", "T1004", "T1005"]);
        let mut reports = Reports::default();
        for at in 0..60 {
            let ids: &[&str] = match at % 4 {
                0 | 1 => &["T1001", "T1002", "T1003"],
                2 => &["T1001", "T1003.001", "T1005"],
                _ => &["T1004", "T1005"],
            };
            reports.add(&table, ids.iter().copied(), Source::Report, "");
        }
        reports.add(&table, ["T1001", "T1002"], Source::IntrusionSet, "Somebody");
        Forecaster::new(table, reports, Settings::default(), Odds::default(), None)
    }

    fn ask(model: &Forecaster, ids: &[&str], as_reported: bool) -> Forecast {
        let techniques: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let question = Question { techniques: &techniques, platform: None, top: 10, as_reported };
        model.forecast(&question, &mut Scratch::default())
    }

    #[test]
    fn what_goes_together_ranks_first_with_its_counts() {
        let forecast = ask(&model(), &["t1001", "T1002", "T9999"], true);
        let first = forecast.ranked.first().unwrap();
        assert_eq!(first.technique, "T1003");
        let because = first.because.as_ref().unwrap();
        assert_eq!((because.also, because.of), (30, 31));
        assert_eq!(forecast.unknown, ["T9999"]);
        assert_eq!(forecast.alike.first().map(|one| one.name.as_str()), Some("Somebody"));
        assert!(forecast.ranked.iter().all(|next| !["T1001", "T1002"].contains(&next.technique.as_str())));
        assert!((0.0..=1.0).contains(&forecast.none));
    }

    #[test]
    fn parents_of_what_was_seen_and_other_platforms_are_no_news() {
        let model = model();
        let listed = |as_reported| {
            let forecast = ask(&model, &["T1003.001"], as_reported);
            forecast.ranked.iter().any(|next| next.technique == "T1003")
        };
        assert!(listed(true) && !listed(false));
        let techniques = ["T1001".to_owned()];
        let question = Question { techniques: &techniques, platform: Some("linux"), top: 10, as_reported: true };
        assert!(model.forecast(&question, &mut Scratch::default()).ranked.is_empty());
        let nothing = ask(&model, &[], false);
        assert!(nothing.ranked.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
        assert!((nothing.ranked[0].probability - 45.0 / 61.0).abs() < 0.02, "{:?}", nothing.ranked[0]);
    }

    #[test]
    fn a_model_comes_back_and_a_damaged_one_is_refused() {
        let model = model();
        let tensors = model.to_tensors();
        assert_eq!(Forecaster::from_tensors(&tensors).as_ref(), Ok(&model));
        for damage in [
            |tensors: &mut Tensors| tensors.put("sizes", Array::U16(vec![3])),
            |tensors: &mut Tensors| tensors.put("sets", Array::U16(vec![9999; 200])),
            |tensors: &mut Tensors| tensors.put("ease", Array::F32(vec![0.0; 7])),
            |tensors: &mut Tensors| tensors.put("more", Array::U8(vec![1])),
            |tensors: &mut Tensors| tensors.put_json("techniques", &"none"),
            |tensors: &mut Tensors| tensors.put_json("reports", &u64::MAX),
        ] {
            let mut tensors = tensors.clone();
            damage(&mut tensors);
            assert!(Forecaster::from_tensors(&tensors).is_err());
        }
    }

    proptest! {
        #[test]
        fn observed_techniques_are_never_forecast_and_the_order_of_asking_is_nothing(
            mut seen in proptest::collection::vec(0u16..6, 0..6)
        ) {
            let model = model();
            let ids: Vec<&str> = seen.iter().map(|at| model.table().id(*at)).collect();
            let forecast = ask(&model, &ids, true);
            prop_assert!(forecast.ranked.iter().all(|next| !ids.contains(&next.technique.as_str())));
            prop_assert!(forecast.ranked.iter().all(|next| (0.0..=1.0).contains(&next.probability)));
            let first = forecast.ranked.clone();
            seen.reverse();
            let ids: Vec<&str> = seen.iter().map(|at| model.table().id(*at)).collect();
            prop_assert_eq!(first, ask(&model, &ids, true).ranked);
        }
    }
}
