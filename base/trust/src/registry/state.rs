//! What the journal adds up to: which model stands where. Replaying it is the only way to make a [`State`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::artifact::Hash;
use crate::audit::Event;

/// Models that a registry may hold.
pub const MODELS_MAX: usize = 100_000;

/// Where a model stands. The order is that of promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Once active, no longer.
    Retired,
    /// Registered; nothing was shown yet.
    Candidate,
    /// Runs beside the active one; its output is never a finding.
    Shadow,
    /// Runs on a part, watched.
    Canary,
    /// Makes findings. One of a kind.
    Active,
}

impl Stage {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// The stage of a word.
    pub fn of(word: &str) -> Option<Self> {
        let all = [Self::Candidate, Self::Shadow, Self::Canary, Self::Active, Self::Retired];
        all.into_iter().find(|stage| stage.word() == word)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What it is of: "domain", "tabular".
    pub kind: String,
    /// Its name, for people.
    pub name: String,
    /// Where it stands.
    pub stage: Stage,
    /// When it came, as a number that only grows: lower is older.
    pub counter: u64,
    /// Why it was put back, where it was.
    pub demoted: Option<String>,
    /// Why it may never act again, where somebody said so.
    pub revoked: Option<String>,
}

/// Which model stands where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    models: BTreeMap<Hash, Model>,
    /// Those that were active, per kind, earliest first; the last is the one that is.
    actives: BTreeMap<String, Vec<Hash>>,
    /// Per kind: models with a lower counter may never become active again.
    floors: BTreeMap<String, u64>,
}

/// A step that may not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// There is no such model.
    #[error("no model {0} in the registry")]
    Unknown(Hash),
    /// It was revoked.
    #[error("{0} was revoked: {1}; it can never act again")]
    Revoked(Hash, String),
    /// It is older than the least that may act.
    #[error("{0} has number {1}; of this kind nothing below {2} may act again (anti-rollback counter)")]
    Old(Hash, u64, u64),
    /// A step that leads nowhere.
    #[error("{0} is {1}: it cannot become {2}")]
    Step(Hash, Stage, Stage),
    /// Nothing to go back to.
    #[error("no earlier {0} model may become active again")]
    NoEarlier(String),
    /// A limit.
    #[error("the registry holds {MODELS_MAX} models: no more")]
    Full,
    /// A line of the journal that says nothing known.
    #[error("an unknown step `{0}`")]
    NoStep(String),
}

impl State {
    /// The models, by hash.
    pub fn models(&self) -> &BTreeMap<Hash, Model> {
        &self.models
    }

    /// The active model of a kind.
    pub fn active(&self, kind: &str) -> Option<Hash> {
        let last = *self.actives.get(kind)?.last()?;
        self.models.get(&last).is_some_and(|model| model.stage == Stage::Active).then_some(last)
    }

    /// Whether somebody revoked it.
    pub fn is_revoked(&self, hash: Hash) -> bool {
        self.models.get(&hash).is_some_and(|model| model.revoked.is_some())
    }

    /// The least counter that may act, of a kind.
    pub fn floor(&self, kind: &str) -> u64 {
        self.floors.get(kind).copied().unwrap_or(0)
    }

    /// A model that may act, or why it may not.
    ///
    /// # Errors
    /// When it is unknown, revoked or too old.
    pub fn may_act(&self, hash: Hash) -> Result<&Model, Forbidden> {
        let model = self.models.get(&hash).ok_or(Forbidden::Unknown(hash))?;
        if let Some(why) = &model.revoked {
            return Err(Forbidden::Revoked(hash, why.clone()));
        }
        let floor = self.floor(&model.kind);
        if model.counter < floor { Err(Forbidden::Old(hash, model.counter, floor)) } else { Ok(model) }
    }

    /// The model that a rollback of a kind leads to.
    ///
    /// # Errors
    /// When there is none that may act.
    pub fn earlier(&self, kind: &str) -> Result<Hash, Forbidden> {
        let now = self.active(kind);
        let history = self.actives.get(kind).map(Vec::as_slice).unwrap_or_default();
        let mut left = BTreeSet::new();
        left.extend(now);
        for hash in history.iter().rev() {
            // One that was rolled back from is no place to return to: it is demoted.
            let fit = self.may_act(*hash).is_ok_and(|model| model.demoted.is_none());
            if left.insert(*hash) && fit {
                return Ok(*hash);
            }
        }
        Err(Forbidden::NoEarlier(kind.to_owned()))
    }

    /// Takes a step, which is what a line of the journal says; `number` is the line's.
    ///
    /// # Errors
    /// When it may not be taken. Then nothing changed.
    pub fn apply(&mut self, number: u64, step: &Event) -> Result<(), Forbidden> {
        let detail = |name: &str| {
            step.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let unknown = || Forbidden::NoStep(step.action.clone());
        let hash: Hash = step.subject.parse().map_err(|_| unknown())?;
        match step.action.as_str() {
            "register" => {
                if self.models.len() >= MODELS_MAX {
                    return Err(Forbidden::Full);
                }
                // One that was here before keeps what is known of it.
                self.models.entry(hash).or_insert_with(|| Model {
                    kind: detail("kind"),
                    name: detail("name"),
                    stage: Stage::Candidate,
                    counter: number,
                    demoted: None,
                    revoked: None,
                });
            }
            "revoke" => {
                let model = self.models.get_mut(&hash).ok_or(Forbidden::Unknown(hash))?;
                model.revoked = Some(detail("why"));
                if model.stage == Stage::Active {
                    model.stage = Stage::Retired;
                }
            }
            "floor" => {
                let model = self.models.get(&hash).ok_or(Forbidden::Unknown(hash))?;
                let floor = self.floors.entry(model.kind.clone()).or_default();
                // It only ever rises.
                *floor = (*floor).max(model.counter + 1);
                let (kind, floor) = (model.kind.clone(), *floor);
                for old in self.models.values_mut().filter(|old| old.kind == kind && old.counter < floor) {
                    if old.stage == Stage::Active {
                        old.stage = Stage::Retired;
                    }
                }
            }
            "demote" => {
                let model = self.models.get_mut(&hash).ok_or(Forbidden::Unknown(hash))?;
                if model.stage <= Stage::Shadow {
                    return Err(Forbidden::Step(hash, model.stage, Stage::Shadow));
                }
                model.stage = Stage::Shadow;
                model.demoted = Some(detail("why"));
            }
            "retire" => {
                let model = self.models.get_mut(&hash).ok_or(Forbidden::Unknown(hash))?;
                model.stage = Stage::Retired;
            }
            "shadow" | "canary" | "active" => {
                let to = Stage::of(&step.action).ok_or_else(unknown)?;
                let model = self.may_act(hash)?;
                let back = model.stage == Stage::Retired && to == Stage::Active;
                if model.stage >= to || (model.stage == Stage::Retired && !back) {
                    return Err(Forbidden::Step(hash, model.stage, to));
                }
                let kind = model.kind.clone();
                if to == Stage::Active {
                    let before = self.active(&kind);
                    if let Some(before) = before.and_then(|before| self.models.get_mut(&before)) {
                        before.stage = Stage::Retired;
                    }
                    self.actives.entry(kind).or_default().push(hash);
                }
                if let Some(model) = self.models.get_mut(&hash) {
                    model.stage = to;
                    model.demoted = None;
                }
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(steps: &[(&str, &str)]) -> Result<State, Forbidden> {
        let mut state = State::default();
        for (number, (action, name)) in steps.iter().enumerate() {
            let step =
                Event::new(action, Hash::of(name.as_bytes()).to_string()).with("kind", "domain").with("why", "x");
            state.apply(number as u64, &step)?;
        }
        Ok(state)
    }

    const TWO: [(&str, &str); 4] = [("register", "a"), ("active", "a"), ("register", "b"), ("active", "b")];

    fn then(more: &[(&'static str, &'static str)]) -> Result<State, Forbidden> {
        state(&TWO.iter().chain(more).copied().collect::<Vec<_>>())
    }

    #[test]
    fn one_of_a_kind_is_active_and_the_one_before_can_come_back() {
        let [a, b] = [Hash::of(b"a"), Hash::of(b"b")];
        let state = then(&[]).unwrap();
        assert_eq!((state.active("domain"), state.earlier("domain")), (Some(b), Ok(a)));
        assert_eq!(state.models()[&a].stage, Stage::Retired);
        let back = then(&[("demote", "b"), ("active", "a")]).unwrap();
        assert_eq!((back.active("domain"), back.models()[&b].stage), (Some(a), Stage::Shadow));
        // What was rolled back from is no place to return to.
        assert!(back.earlier("domain").is_err());
    }

    #[test]
    fn what_was_revoked_or_is_too_old_never_acts_again() {
        let a = Hash::of(b"a");
        assert!(matches!(then(&[("revoke", "a"), ("active", "a")]), Err(Forbidden::Revoked(..))));
        assert!(matches!(then(&[("floor", "a"), ("active", "a")]), Err(Forbidden::Old(_, 0, 1))));
        // Registered anew it is still the same.
        assert!(matches!(then(&[("revoke", "a"), ("register", "a"), ("active", "a")]), Err(Forbidden::Revoked(..))));
        assert!(then(&[("revoke", "a")]).unwrap().earlier("domain").is_err());
        assert!(then(&[("floor", "a")]).unwrap().earlier("domain").is_err());
        assert_eq!(then(&[("revoke", "b")]).unwrap().active("domain"), None);
        assert_eq!(then(&[("floor", "b")]).unwrap().active("domain"), None);
        assert_eq!(then(&[("revoke", "b")]).unwrap().earlier("domain"), Ok(a));
    }

    #[test]
    fn steps_that_lead_nowhere_are_refused() {
        for (action, name) in [("active", "c"), ("active", "b"), ("shadow", "a"), ("demote", "a"), ("fly", "a")] {
            assert!(then(&[(action, name)]).is_err(), "{action} {name}");
        }
        let mut state = State::default();
        assert!(state.apply(0, &Event::new("register", "no hash")).is_err());
    }
}
