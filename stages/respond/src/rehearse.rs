//! Rehearsal: what a playbook would have done to incidents that are over, if every question had been answered at once.
//!
//! Pure. Incidents are taken in the order in which they became known; each step goes through the same guards as a real
//! plan, against what was done before in the rehearsal. Beside each deed stands whom of one's own people it would have hit.
//!
//! Cost: linear in the incidents. What was done is forgotten once it can matter to no guard (its end is past and it is out
//! of the window of the rate), and the rate bounds what is done, so that the past stays small however long the history.

use std::collections::{BTreeMap, BTreeSet};

use crate::guard::{self, Limits, Past, Protected, RATE_WINDOW_MS, Refusal};
use crate::net::Net;
use crate::plan::{Plan, Step};
use crate::playbook::deed::Source;
use crate::playbook::walk::{Visit, walk};
use crate::playbook::{Approval, CommandKind, Facts, Kind, Playbook, WorkflowStep};

/// How far back a rightful use protects an address from being blocked without a person: thirty days.
pub const OWN_PEOPLE_MS: i64 = 30 * 24 * 3600 * 1000;

/// Uses of one address or account that are kept, the earliest; more are counted.
pub const USES_MAX: usize = 10_000;

/// A rightful use: somebody logged on, or a page was served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// When: milliseconds since 1970.
    pub at_ms: i64,
    /// From where.
    pub address: Net,
    /// Which account; empty for a visitor of a page.
    pub user: String,
    /// Which host.
    pub host: String,
}

/// Who used what rightly, as far as the logs at hand tell.
#[derive(Clone, Debug, Default)]
pub struct History {
    by_address: BTreeMap<Net, Vec<Use>>,
    by_user: BTreeMap<String, Vec<Use>>,
    first_ms: Option<i64>,
    left_out: u64,
}

impl History {
    /// Counts the time of a record, whatever it says: history reaches back to the earliest.
    pub fn reach(&mut self, at_ms: i64) {
        self.first_ms = Some(self.first_ms.map_or(at_ms, |first| first.min(at_ms)));
    }

    /// Takes a use in.
    pub fn add(&mut self, one: Use) {
        self.reach(one.at_ms);
        let lists =
            [self.by_address.entry(one.address).or_default(), self.by_user.entry(one.user.clone()).or_default()];
        let mut kept = false;
        for list in lists {
            if list.len() < USES_MAX {
                list.push(one.clone());
                kept = true;
            }
        }
        self.left_out += u64::from(!kept);
    }

    /// Puts it in order of time; call it once, before rehearsing.
    pub fn sort(&mut self) {
        for list in self.by_address.values_mut().chain(self.by_user.values_mut()) {
            list.sort();
            list.dedup();
        }
    }

    /// Uses that were too many to keep.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.by_address.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// The earliest record's time.
    pub fn first_ms(&self) -> Option<i64> {
        self.first_ms
    }

    /// Uses that begin in a time.
    fn within(list: Option<&Vec<Use>>, from_ms: i64, to_ms: i64) -> &[Use] {
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let (from, to) =
            (list.partition_point(|one| one.at_ms < from_ms), list.partition_point(|one| one.at_ms < to_ms));
        list.get(from..to).unwrap_or_default()
    }
}

/// Whom of one's own people a deed would have hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// Accounts that had used it in the thirty days before the incident began.
    pub people: BTreeSet<String>,
    /// How often they had.
    pub uses_before: usize,
    /// Pages that were served to it in that time: visitors have no names.
    pub pages_before: usize,
    /// How often the same accounts used it while the deed would have held.
    pub uses_during: usize,
    /// Accounts that used it first when the incident had begun: new people, or the attacker.
    pub new_accounts: BTreeSet<String>,
}

/// What would have become of a step's deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would have been done.
    Done {
        /// Whether a person would have been asked; why, where the playbook would not ask.
        asks: Option<String>,
        /// When it would have ended by itself: milliseconds since 1970.
        ends_ms: Option<i64>,
        /// Whom it would have hit.
        hit: Hit,
    },
    /// The guards would have refused it.
    Refused(Vec<Refusal>),
    /// It cannot be said to whom, and why.
    Unbound,
    /// A person does it.
    Manual,
    /// Commands are off: a person would have to do it.
    Off(String),
    /// A person would have to decide; why.
    Decide(String),
}

/// One step of a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The incident's id and number.
    pub incident: String,
    /// See `incident`.
    pub number: usize,
    /// The step's id and name.
    pub step: String,
    /// See `step`.
    pub name: String,
    /// What it says to people.
    pub says: String,
    /// When it would have begun: milliseconds since 1970; `None` where no finding has a time.
    pub at_ms: Option<i64>,
    /// What exactly.
    pub plan: Option<Plan>,
    /// What is left out of it, and why.
    pub left_out: Vec<String>,
    /// What would have become of it.
    pub verdict: Verdict,
}

/// What a rehearsal comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Incidents that the playbook fits.
    pub incidents: usize,
    /// Incidents that it does not.
    pub others: usize,
    /// Deeds that would have been done.
    pub done: usize,
    /// Of these, those that a person would have been asked about.
    pub asked: usize,
    /// Deeds that the guards would have refused.
    pub refused: usize,
    /// Of these, those that came too fast.
    pub too_fast: usize,
    /// Steps for people.
    pub manual: usize,
    /// Command steps, which are off.
    pub off: usize,
    /// Choices that only a person can make.
    pub decide: usize,
    /// Own people that would have been hit.
    pub people: BTreeSet<String>,
}

/// What a rehearsal goes by.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'s> {
    /// Whom nothing may touch.
    pub protected: &'s Protected,
    /// How much is allowed.
    pub limits: &'s Limits,
    /// Whether incidents are taken that the playbook's selector does not name.
    pub all: bool,
}

/// Rehearses a playbook; gives each entry as it comes and the totals at the end.
///
/// # Errors
/// What `each` gives.
pub fn rehearse<E>(
    playbook: &Playbook,
    facts: &[Facts],
    history: &History,
    settings: Settings<'_>,
    each: &mut dyn FnMut(Entry) -> Result<(), E>,
) -> Result<Totals, E> {
    let selector = playbook.selector.as_ref();
    let fits = |facts: &&Facts| {
        let rules: Vec<String> = facts.findings.iter().map(|known| known.rule.clone()).collect();
        settings.all || selector.is_none_or(|selector| selector.score(&facts.techniques, &facts.tactics, &rules) > 0)
    };
    let begin = |facts: &Facts| facts.trigger(selector).and_then(|known| known.at_ms);
    let mut fitting: Vec<(Option<i64>, &Facts)> =
        facts.iter().filter(fits).map(|facts| (begin(facts), facts)).collect();
    fitting.sort_by(|one, two| (one.0, &one.1.incident).cmp(&(two.0, &two.1.incident)));
    let mut totals = Totals { incidents: fitting.len(), others: facts.len() - fitting.len(), ..Totals::default() };
    let mut past = Pasts::default();
    for (begin, facts) in fitting {
        for visit in walk(playbook, &facts.values(playbook)) {
            let rehearsed = Rehearsed { facts, history, settings, begin };
            for entry in rehearsed.entries(&visit, &mut past) {
                totals.count(&entry);
                each(entry)?;
            }
        }
    }
    Ok(totals)
}

impl Totals {
    fn count(&mut self, entry: &Entry) {
        match &entry.verdict {
            Verdict::Done { asks, hit, .. } => {
                self.done += 1;
                self.asked += usize::from(asks.is_some());
                self.people.extend(hit.people.iter().cloned());
            }
            Verdict::Refused(why) => {
                self.refused += 1;
                self.too_fast += usize::from(why.iter().any(|why| matches!(why, Refusal::Rate(_))));
            }
            Verdict::Manual => self.manual += 1,
            Verdict::Off(_) => self.off += 1,
            Verdict::Decide(_) => self.decide += 1,
            Verdict::Unbound => {}
        }
    }
}

/// What was done in the rehearsal, as far as a guard may ask.
#[derive(Default)]
struct Pasts {
    open: Vec<Past>,
    /// When each of `open` ends, beside it.
    ends: Vec<Option<i64>>,
    /// Deeds without an end, by their spelling: they hold for ever.
    endless: BTreeSet<String>,
}

impl Pasts {
    /// Forgets what no guard asks for at that moment.
    fn at(&mut self, incident: &str, now_ms: i64) -> &[Past] {
        let mut ends = self.ends.iter_mut();
        let mut kept = Vec::new();
        self.open.retain_mut(|past| {
            let end = ends.next().copied().flatten();
            past.holds = end.is_some_and(|end| end > now_ms);
            let keep = past.holds || now_ms.saturating_sub(past.at_ms) < RATE_WINDOW_MS || past.incident == incident;
            if keep {
                kept.push(end);
            }
            keep
        });
        self.ends = kept;
        &self.open
    }

    fn add(&mut self, plan: &Plan, now_ms: i64, end: Option<i64>) {
        if end.is_none() {
            self.endless.insert(spelling(&plan.step));
        }
        self.open.push(Past { step: plan.step.clone(), incident: plan.incident.clone(), at_ms: now_ms, holds: true });
        self.ends.push(end);
    }
}

fn spelling(step: &Step) -> String {
    serde_json::to_string(step).unwrap_or_default()
}

/// One incident's rehearsal.
struct Rehearsed<'r> {
    facts: &'r Facts,
    history: &'r History,
    settings: Settings<'r>,
    begin: Option<i64>,
}

impl Rehearsed<'_> {
    fn entries(&self, visit: &Visit<'_>, past: &mut Pasts) -> Vec<Entry> {
        match visit {
            Visit::Bound => Vec::new(),
            Visit::Decide(step, why) => vec![self.entry(step, None, Verdict::Decide(why.clone()))],
            Visit::Step(step, after_ms) => {
                let Kind::Action { commands, .. } = &step.kind else {
                    let other = matches!(step.kind, Kind::PlaybookAction { .. });
                    let off = || Verdict::Off("another playbook".to_owned());
                    return other.then(|| self.entry(step, None, off())).into_iter().collect();
                };
                let at_ms = self.begin.map(|begin| begin.saturating_add_unsigned(*after_ms));
                if step.deed.is_some() {
                    return self.deeds(step, at_ms, past);
                }
                let off = commands.iter().find(|command| command.kind != CommandKind::Manual);
                let verdict = off.map_or(Verdict::Manual, |command| Verdict::Off(command.kind.name().to_owned()));
                vec![Entry { at_ms, ..self.entry(step, None, verdict) }]
            }
        }
    }

    fn entry(&self, step: &WorkflowStep, plan: Option<Plan>, verdict: Verdict) -> Entry {
        let says = match &step.kind {
            Kind::Action { commands, .. } => {
                commands.iter().map(|command| command.text.as_str()).collect::<Vec<_>>().join("; ")
            }
            _ => String::new(),
        };
        Entry {
            incident: self.facts.incident.clone(),
            number: self.facts.number,
            step: step.id.clone(),
            name: step.name.clone(),
            says: if says.is_empty() { step.description.clone() } else { says },
            at_ms: self.begin,
            plan,
            left_out: Vec::new(),
            verdict,
        }
    }

    fn deeds(&self, step: &WorkflowStep, at_ms: Option<i64>, past: &mut Pasts) -> Vec<Entry> {
        let Some(deed) = &step.deed else { return Vec::new() };
        let mut bound = deed.bind(self.facts);
        let mut out = Vec::new();
        for one in &mut bound.steps {
            if let Step::Block { targets, .. } = one {
                bound.left_out.extend(self.narrow(targets));
            }
        }
        bound.steps.retain(|step| !matches!(step, Step::Block { targets, .. } if targets.is_empty()));
        for one in self.as_known(bound.steps, at_ms) {
            // Nothing is done to what was not seen yet.
            let seen_ms = self.facts.seen(&one, deed.of == Some(Source::UsersLetIn));
            let at_ms = at_ms.map(|at| seen_ms.map_or(at, |seen| seen.max(at)));
            let findings = self.facts.findings.iter().map(|known| known.uid.clone()).collect();
            let now_ms = at_ms.unwrap_or(0);
            let plan = Plan { incident: self.facts.incident.clone(), host: None, step: one, findings, made_ms: now_ms };
            let verdict = self.judge(&plan, deed.approval, now_ms, past);
            out.push(Entry {
                at_ms,
                left_out: std::mem::take(&mut bound.left_out),
                ..self.entry(step, Some(plan), verdict)
            });
        }
        if out.is_empty() {
            out.push(Entry { at_ms, left_out: bound.left_out, ..self.entry(step, None, Verdict::Unbound) });
        }
        out
    }

    /// Splits a block into what was known when the playbook came to it, and what was seen only later.
    fn as_known(&self, steps: Vec<Step>, at_ms: Option<i64>) -> Vec<Step> {
        let mut out = Vec::new();
        for step in steps {
            let Step::Block { targets, ports, seconds } = step else {
                out.push(step);
                continue;
            };
            let is_known = |net: &Net| {
                let seen = self.facts.seen_ms.get(&net.to_string());
                seen.zip(at_ms).is_none_or(|(seen, at)| *seen <= at)
            };
            let (known, later): (Vec<Net>, Vec<Net>) = targets.into_iter().partition(is_known);
            let parts = [known, later].into_iter().filter(|targets| !targets.is_empty());
            out.extend(parts.map(|targets| Step::Block { targets, ports: ports.clone(), seconds }));
        }
        out
    }

    /// Leaves out whom nothing may touch and what is too much for one plan, and says so.
    fn narrow(&self, targets: &mut Vec<Net>) -> Vec<String> {
        let mut left_out = Vec::new();
        targets.retain(|target| match self.settings.protected.why(*target) {
            Some(why) => {
                left_out.push(format!("{target}: {why}"));
                false
            }
            None => true,
        });
        let most = self.settings.limits.targets;
        for target in targets.iter().skip(most) {
            left_out.push(format!("{target}: one plan has {most} targets at most"));
        }
        targets.truncate(most);
        left_out
    }

    fn judge(&self, plan: &Plan, approval: Approval, now_ms: i64, past: &mut Pasts) -> Verdict {
        if plan.step.lasts() && plan.step.seconds().is_none() && past.endless.contains(&spelling(&plan.step)) {
            return Verdict::Refused(vec![Refusal::Twice(plan.step.verb().to_owned())]);
        }
        let done = past.at(&plan.incident, now_ms);
        if let Err(refusals) = guard::check(plan.clone(), self.settings.protected, self.settings.limits, done, now_ms) {
            return Verdict::Refused(refusals);
        }
        let ends_ms = plan.step.seconds().map(|seconds| now_ms.saturating_add_unsigned(seconds.saturating_mul(1000)));
        past.add(plan, now_ms, ends_ms);
        let hit = self.hit(&plan.step, now_ms, ends_ms);
        Verdict::Done { asks: self.asks(approval, &hit, now_ms), ends_ms, hit }
    }

    /// Why a person is asked.
    fn asks(&self, approval: Approval, hit: &Hit, now_ms: i64) -> Option<String> {
        let days = OWN_PEOPLE_MS / (24 * 3600 * 1000);
        if approval == Approval::Ask {
            Some("the playbook says so".to_owned())
        } else if !hit.people.is_empty() || hit.pages_before > 0 {
            Some(format!("used rightly in the {days} days before"))
        } else if self.history.first_ms().is_none_or(|first| first > now_ms.saturating_sub(OWN_PEOPLE_MS)) {
            Some(format!("less than {days} days of history to look at"))
        } else {
            // Whatever a log says, only the operator's policy lets anything be done without a person.
            None
        }
    }

    fn hit(&self, step: &Step, from_ms: i64, ends_ms: Option<i64>) -> Hit {
        let mut hit = Hit::default();
        let first_ms = self.facts.first_ms.unwrap_or(from_ms).min(from_ms);
        let before = first_ms.saturating_sub(OWN_PEOPLE_MS);
        let end = ends_ms.unwrap_or(i64::MAX);
        let mut count = |list: Option<&Vec<Use>>, keep: &dyn Fn(&Use) -> bool| {
            for one in History::within(list, before, first_ms).iter().filter(|one| keep(one)) {
                if one.user.is_empty() {
                    hit.pages_before += 1;
                } else {
                    hit.uses_before += 1;
                    hit.people.insert(one.user.clone());
                }
            }
            for one in History::within(list, first_ms, end).iter().filter(|one| keep(one) && !one.user.is_empty()) {
                if !hit.people.contains(&one.user) {
                    hit.new_accounts.insert(one.user.clone());
                } else if one.at_ms >= from_ms {
                    hit.uses_during += 1;
                }
            }
        };
        match step {
            Step::Block { targets, .. } => {
                for target in targets.iter().filter(|target| target.is_host()) {
                    count(self.history.by_address.get(target), &|_| true);
                }
            }
            // The account's own use: from elsewhere than the incident's addresses.
            Step::LockUser { user } | Step::EndSessions { user } => {
                count(self.history.by_user.get(user), &|one| !self.facts.outside.contains(&one.address));
            }
            _ => {}
        }
        hit
    }
}

#[cfg(test)]
mod tests;
