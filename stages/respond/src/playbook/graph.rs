//! The steps as a graph: every way leads on and ends.
//!
//! Here alone we are stricter than the standard's schema. Refused are: a step's id of no kind that CACAO has, a reference to
//! something that is not there, a loop (but for one through the body of a bounded `while`), a `while` without a bound, a step that
//! nothing leads to, and one that leads nowhere without being an end. Linear in steps and references.

use std::collections::{BTreeMap, BTreeSet};

use super::Refused;
use super::model::{Kind, Playbook, WorkflowStep};

/// Steps of a playbook: more than this nobody reads before approving.
pub const STEPS_MAX: usize = 500;

/// Rounds of one `while`.
pub const ROUNDS_MAX: u64 = 100;

/// Checks the graph.
///
/// # Errors
/// All faults.
pub fn check(playbook: &Playbook) -> Result<(), Vec<Refused>> {
    let mut faults = Vec::new();
    if playbook.steps.len() > STEPS_MAX {
        return Err(vec![Refused::new("/workflow", format!("more than {STEPS_MAX} steps"))]);
    }
    for step in playbook.steps.values() {
        single(playbook, step, &mut faults);
    }
    let roots: Vec<(&str, &str)> =
        [("/workflow_start", Some(playbook.start.as_str())), ("/workflow_exception", playbook.exception.as_deref())]
            .into_iter()
            .filter_map(|(place, id)| Some((place, id?)))
            .collect();
    for (place, id) in &roots {
        if !playbook.steps.contains_key(*id) {
            faults.push(Refused::new(place, format!("there is no step `{id}`")));
        }
    }
    loops(playbook, &mut faults);
    let reached = reached(playbook, &roots);
    for id in playbook.steps.keys().filter(|id| !reached.contains(id.as_str())) {
        faults.push(Refused::new(&place(id), "nothing leads to this step".to_owned()));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn place(id: &str) -> String {
    format!("/workflow/{id}")
}

/// What one step says by itself.
fn single(playbook: &Playbook, step: &WorkflowStep, faults: &mut Vec<Refused>) {
    let mut fault = |words: String| faults.push(Refused::new(&place(&step.id), words));
    for next in step.next().filter(|next| !playbook.steps.contains_key(*next)) {
        fault(format!("there is no step `{next}`"));
    }
    match &step.kind {
        Kind::Unknown => fault("is no kind of step that CACAO has".to_owned()),
        Kind::Action { agent, targets, .. } => {
            if !playbook.agents.contains_key(agent) {
                fault(format!("there is no agent `{agent}`"));
            }
            for target in targets.iter().filter(|target| !playbook.targets.contains_key(*target)) {
                fault(format!("there is no target `{target}`"));
            }
        }
        Kind::While { rounds: None, .. } => {
            fault(format!("has no bound: give it a `timeout`, or `rounds` up to {ROUNDS_MAX} in our extension"));
        }
        _ => {}
    }
    let goes_on = step.on_completion.is_some() || step.on_success.is_some();
    let nowhere = match &step.kind {
        Kind::End | Kind::Parallel { .. } | Kind::Unknown => false,
        Kind::If { on_false, .. } => !goes_on && on_false.is_none(),
        Kind::Switch { cases, .. } => !goes_on && !cases.contains_key("default"),
        _ => !goes_on,
    };
    if nowhere {
        fault("leads nowhere and is no end".to_owned());
    }
}

/// What the roots lead to.
fn reached<'p>(playbook: &'p Playbook, roots: &[(&str, &'p str)]) -> BTreeSet<&'p str> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = roots.iter().map(|(_, id)| *id).collect();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(playbook.steps.get(id).into_iter().flat_map(WorkflowStep::next));
        }
    }
    seen
}

/// Finds ways that come back, depth first and without recursion. The way into the body of a `while` has a bound, so what
/// comes back through it ends: without these ways no loop may be left.
fn loops(playbook: &Playbook, faults: &mut Vec<Refused>) {
    /// Where a step stands in the walk.
    #[derive(PartialEq)]
    enum Mark {
        OnTheWay,
        Done,
    }
    let enter = |step: &WorkflowStep| -> Vec<String> {
        let bounded = match &step.kind {
            Kind::While { .. } => 1,
            _ => 0,
        };
        step.next().skip(bounded).map(str::to_owned).collect()
    };
    let mut marks: BTreeMap<String, Mark> = BTreeMap::new();
    for root in playbook.steps.values() {
        if marks.contains_key(&root.id) {
            continue;
        }
        marks.insert(root.id.clone(), Mark::OnTheWay);
        let mut stack = vec![(root.id.clone(), enter(root).into_iter())];
        while let Some((id, next)) = stack.last_mut() {
            let Some(to) = next.next() else {
                marks.insert(id.clone(), Mark::Done);
                stack.pop();
                continue;
            };
            let Some(step) = playbook.steps.get(&to) else { continue };
            match marks.get(&to) {
                None => {
                    marks.insert(to.clone(), Mark::OnTheWay);
                    stack.push((to, enter(step).into_iter()));
                }
                Some(Mark::OnTheWay) => faults.push(Refused::new(&place(id), format!("goes back to `{to}`: a loop"))),
                Some(Mark::Done) => {}
            }
        }
    }
}
