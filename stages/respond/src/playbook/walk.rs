//! The steps in the order in which they come, if every step works. Pure; ends by bounds.

use super::condition::{Condition, Values};
use super::model::{Kind, Playbook, WorkflowStep};

/// Steps that one walk takes: every step of the largest playbook, and loops within it.
pub const WALK_MAX: usize = 5_000;

/// Steps within steps (branches of branches).
const NESTED_MAX: usize = 64;

/// One step of a walk.
#[derive(Clone, Debug)]
pub enum Visit<'p> {
    /// It comes, so many milliseconds after the begin (the playbook's delays).
    Step(&'p WorkflowStep, u64),
    /// A person decides here; why, and the ways that there are.
    Decide(&'p WorkflowStep, String),
    /// The walk ended early: its bound.
    Bound,
}

/// Walks a playbook with these values.
pub fn walk<'p>(playbook: &'p Playbook, values: &Values) -> Vec<Visit<'p>> {
    let mut walker = Walker { playbook, values, visits: Vec::new() };
    walker.way(Some(&playbook.start), 0, 0);
    if walker.visits.len() >= WALK_MAX {
        walker.visits.push(Visit::Bound);
    }
    walker.visits
}

struct Walker<'p, 'v> {
    playbook: &'p Playbook,
    values: &'v Values,
    visits: Vec<Visit<'p>>,
}

impl<'p> Walker<'p, '_> {
    /// Goes one way to its end; gives when it got there. Another way within counts its depth.
    fn way(&mut self, first: Option<&'p String>, mut at_ms: u64, depth: usize) -> u64 {
        let mut next = first;
        while let Some(step) = next.and_then(|id| self.playbook.steps.get(id)) {
            if self.visits.len() >= WALK_MAX || depth >= NESTED_MAX {
                return at_ms;
            }
            at_ms = at_ms.saturating_add(step.delay_ms);
            self.visits.push(Visit::Step(step, at_ms));
            let chosen = match &step.kind {
                Kind::End => return at_ms,
                Kind::Parallel { next } => {
                    let ends: Vec<u64> = next.iter().map(|one| self.way(Some(one), at_ms, depth + 1)).collect();
                    at_ms = ends.into_iter().max().unwrap_or(at_ms);
                    Ok(())
                }
                Kind::If { condition, on_true, on_false } => self.answer(condition).map(|holds| {
                    let branch = if holds { Some(on_true) } else { on_false.as_ref() };
                    at_ms = self.way(branch, at_ms, depth + 1);
                }),
                Kind::While { condition, on_true, rounds } => self.answer(condition).map(|holds| {
                    // Nothing changes a variable here, so what holds once holds in every round; one round shows it all.
                    if holds && rounds.is_some() {
                        at_ms = self.body(step, on_true, at_ms, depth + 1);
                    }
                }),
                Kind::Switch { switch, cases } => {
                    let value = switch.strip_suffix(":value").and_then(|name| self.values.get(name)).cloned().flatten();
                    match value {
                        Some(value) => {
                            let branch = cases.get(&value).or_else(|| cases.get("default"));
                            at_ms = self.way(branch, at_ms, depth + 1);
                            Ok(())
                        }
                        None => Err(format!("nobody knows what `{switch}` is")),
                    }
                }
                _ => Ok(()),
            };
            if let Err(why) = chosen {
                self.visits.push(Visit::Decide(step, why));
            }
            next = step.on_completion.as_ref().or(step.on_success.as_ref());
        }
        at_ms
    }

    /// One round of a `while`: up to an end or back to it.
    fn body(&mut self, step: &'p WorkflowStep, first: &'p String, at_ms: u64, depth: usize) -> u64 {
        let mut at_ms = at_ms;
        let mut next = Some(first);
        while let Some(id) = next.filter(|id| **id != step.id) {
            let Some(inner) = self.playbook.steps.get(id) else { break };
            let before = self.visits.len();
            at_ms = self.single(inner, at_ms, depth);
            if matches!(inner.kind, Kind::End) || before == self.visits.len() {
                break;
            }
            next = inner.on_completion.as_ref().or(inner.on_success.as_ref());
        }
        at_ms
    }

    /// One step of a body, with the ways within it.
    fn single(&mut self, step: &'p WorkflowStep, at_ms: u64, depth: usize) -> u64 {
        if self.visits.len() >= WALK_MAX || depth >= NESTED_MAX {
            return at_ms;
        }
        let at_ms = at_ms.saturating_add(step.delay_ms);
        self.visits.push(Visit::Step(step, at_ms));
        if !matches!(step.kind, Kind::Action { .. } | Kind::End | Kind::Start | Kind::PlaybookAction { .. }) {
            self.visits.push(Visit::Decide(step, "a choice within a loop".to_owned()));
        }
        at_ms
    }

    fn answer(&self, condition: &str) -> Result<bool, String> {
        Condition::read(condition).and_then(|condition| condition.holds(self.values))
    }
}
