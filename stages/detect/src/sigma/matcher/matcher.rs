//! Tags → groups; events → the rules that match them.
//!
//! Three steps find a tag's group, each a look-up once it was done:
//!
//! 1. the tag itself (bounded: a hostile log can make up tags without end);
//! 2. the log sources that the tag satisfies: as many combinations as the mappings make, whatever the log says;
//! 3. among those, what the tag's code settles: codes that no rule names are all alike.
//!
//! So tags with the same rules share one compiled group, and the number of groups depends on rules and mappings alone.
//! Making a matcher compiles nothing; a group is compiled when its first record comes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHashSet};
use shieldwall_schema::event::{Event, Fields, Projection, Tag, Want};
use shieldwall_schema::mapping::{Bucket, Mappings};

use super::admit::{Admission, Guard, Member, code_counts, settle};
use super::group::{Group, Memory, Plan, Regexes};
use super::pattern::LazyRegex;
use super::scratch::Scratch;
use crate::sigma::explain::{Judge, Record};
use crate::sigma::ir::{Expr, Rule, RuleIndex, RuleSet, Test};

/// Limits of a matcher.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many distinct tags are remembered. Further tags are classified anew each time a decoder asks; a real host's
    /// logs have some hundreds.
    pub tags_max: usize,
    /// How many groups are compiled. Records of further groups are evaluated the slow way, rule by rule. The number
    /// follows from rules and mappings: all of SigmaHQ comes to some hundreds.
    pub groups_max: usize,
    /// The longest tag, in bytes, that is remembered.
    pub tag_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tags_max: 16_384, groups_max: 4096, tag_bytes_max: 1024 }
    }
}

/// Why a rule can look at no record, whatever the log holds, or only by luck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dormant {
    /// Its category is in no bucket of the mappings: it never runs.
    NoBucket,
    /// No bucket admits it, but it names no category: it runs on records whose product and service are its own words.
    OwnWordsOnly,
}

/// A handle that no group has: records of groups beyond the limit.
const SLOW: u32 = u32::MAX;

/// A rule and a tag's key → through what the rule looks at such records.
type Admissions = FxHashMap<(RuleIndex, Box<str>), Option<Admission>>;

/// Pairs of a rule that matched and a tag whose admission is remembered; further ones are found anew each time.
const ADMISSIONS_MAX: usize = 16_384;

/// All rules, compiled together. Shared by all workers.
#[derive(Debug)]
pub struct Matcher {
    set: Arc<RuleSet>,
    mappings: Arc<Mappings>,
    options: Options,
    guard: Guard,
    tags: RwLock<FxHashMap<Box<str>, Option<Arc<Want>>>>,
    /// Through what rules that matched look at records of a tag.
    admissions: RwLock<Admissions>,
    state: Mutex<State>,
    groups: Arc<Groups>,
    slow: Arc<Want>,
}

/// The compiled groups, by handle.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    list: RwLock<Vec<Arc<Group>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Satisfied log sources → which of the plans.
    plans: FxHashMap<Vec<(u32, Admission)>, usize>,
    admitted: Vec<Admitted>,
    /// (plan, what the code settled) → the group's want.
    groups: FxHashMap<(usize, Vec<u32>), Option<Arc<Want>>>,
    regexes: Regexes,
    refused: BTreeMap<RuleIndex, String>,
}

/// The rules that one combination of log sources admits.
#[derive(Debug)]
struct Admitted {
    members: Arc<[Member]>,
    /// Codes that rules name in full, if they ask in no other way.
    named: Option<FxHashSet<Box<str>>>,
    by_code: FxHashMap<Box<str>, Option<Arc<Want>>>,
}

impl Matcher {
    /// Sorts the rules by log source; compiles nothing yet.
    pub fn new(set: Arc<RuleSet>, mappings: Arc<Mappings>, options: Options) -> Self {
        let mut refused = Vec::new();
        let guard = Guard::new(&set, &mappings, &mut refused);
        let state = State { refused: refused.into_iter().collect(), ..State::default() };
        Self {
            set,
            mappings,
            options,
            guard,
            tags: RwLock::default(),
            admissions: RwLock::default(),
            state: Mutex::new(state),
            groups: Arc::default(),
            slow: Arc::new(Want::new(Vec::new(), None, SLOW)),
        }
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.set
    }

    /// The mappings.
    pub fn mappings(&self) -> &Arc<Mappings> {
        &self.mappings
    }

    /// A rule.
    pub fn rule(&self, rule: RuleIndex) -> Option<&Rule> {
        self.set.rules.get(rule.0 as usize)
    }

    /// A rule that walks over conditions may look at: one that was not refused.
    pub(crate) fn sound_rule(&self, rule: RuleIndex) -> Option<&Rule> {
        let refused = self.state().refused.contains_key(&rule);
        if refused { None } else { self.rule(rule) }
    }

    /// Appends the rules that match the event, sorted. `event.want` must come from this matcher's [`Projection::want`].
    ///
    /// Allocates nothing once `scratch` has grown to the group.
    pub fn evaluate(&self, event: &Event<'_>, scratch: &mut Scratch, hits: &mut Vec<RuleIndex>) {
        let handle = event.want.handle;
        if handle == SLOW {
            let members = self.guard.members(&self.guard.admit(&self.mappings, &event.tag));
            self.evaluate_slowly(&members, &event.tag, event.fields, hits);
            return;
        }
        let Scratch { groups, owner, marks, memo, alone } = scratch;
        if !owner.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, &self.groups)) {
            groups.clear();
            memo.clear();
            *owner = Some(Arc::clone(&self.groups));
        }
        if !matches!(groups.get(handle as usize), Some(Some(_))) {
            // The group must exist: handles are given out after their groups are listed.
            let Some(group) = read(&self.groups.list).get(handle as usize).cloned() else { return };
            if groups.len() <= handle as usize {
                groups.resize(handle as usize + 1, None);
            }
            if let Some(place) = groups.get_mut(handle as usize) {
                *place = Some(group);
            }
        }
        let Some(Some(group)) = groups.get(handle as usize) else { return };
        group.evaluate(event.slots, Memory { marks, memo, alone }, hits);
        if !group.slow.is_empty() {
            self.evaluate_slowly(&group.slow, &event.tag, event.fields, hits);
        }
    }

    fn evaluate_slowly(&self, members: &[Member], tag: &Tag<'_>, fields: &dyn Fields, hits: &mut Vec<RuleIndex>) {
        let record = Record::new(fields);
        for member in members {
            let Some(rule) = self.rule(member.rule) else { continue };
            let judge = Judge::new(self, &record, tag, member.admission.bucket(&self.mappings));
            if judge.holds(&rule.expr) {
                hits.push(member.rule);
            }
        }
        hits.sort_unstable();
    }

    /// How many rules were evaluated in full for the last event of this group; for benches and tests.
    pub fn last_candidates(&self, want: &Want, scratch: &Scratch) -> usize {
        let groups = read(&self.groups.list);
        groups.get(want.handle as usize).map_or(0, |group| group.last_candidates(&scratch.marks))
    }

    /// How many groups are compiled, and how many rules they hold together.
    pub fn compiled(&self) -> (usize, usize) {
        let groups = read(&self.groups.list);
        (groups.len(), groups.iter().map(|group| group.len()).sum())
    }

    /// How many tags, and how many codes over all, are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        let codes = self.state().admitted.iter().map(|admitted| admitted.by_code.len()).sum();
        (read(&self.tags).len(), codes)
    }

    /// The rules that may look at records of a tag, before its code is used, and through what.
    pub fn rules_for(&self, tag: &Tag<'_>) -> Vec<(RuleIndex, Admission)> {
        let members = self.guard.members(&self.guard.admit(&self.mappings, tag));
        members.into_iter().map(|member| (member.rule, member.admission)).collect()
    }

    /// Through what a rule may look at records of a tag; `None` if the log source guard keeps it from them.
    pub fn admission(&self, rule: RuleIndex, tag: &Tag<'_>) -> Option<Admission> {
        let bytes = tag.product.len() + tag.service.len() + tag.provider.len() + tag.code.len();
        let find = || self.guard.admission(&self.mappings, tag, self.rule(rule)?);
        if bytes > self.options.tag_bytes_max {
            return find();
        }
        // Asked for every match; finding it anew looks at every bucket.
        let key = (rule, key_of(tag, bytes).into_boxed_str());
        if let Some(known) = read(&self.admissions).get(&key) {
            return *known;
        }
        let admission = find();
        let mut known = self.admissions.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < ADMISSIONS_MAX {
            known.insert(key, admission);
        }
        admission
    }

    /// The bucket through which a rule looks at this event, without a walk over all buckets where the event's group knows it.
    pub(crate) fn bucket_of(&self, rule: RuleIndex, event: &Event<'_>) -> Option<&Bucket> {
        let known = read(&self.groups.list).get(event.want.handle as usize).and_then(|group| group.admission(rule));
        known.or_else(|| self.admission(rule, &event.tag))?.bucket(&self.mappings)
    }

    /// The bucket through which a rule looks at records of a tag; its class and provenance go into findings.
    pub fn bucket(&self, rule: RuleIndex, tag: &Tag<'_>) -> Option<&Bucket> {
        self.admission(rule, tag)?.bucket(&self.mappings)
    }

    /// The rules that no bucket admits.
    pub fn dormant(&self) -> Vec<(RuleIndex, Dormant)> {
        let mut known: FxHashMap<&shieldwall_schema::mapping::Logsource, Option<Dormant>> = FxHashMap::default();
        let mut dormant = Vec::new();
        for (rule, at) in self.set.rules.iter().zip(0_u32..) {
            // A correlation looks at no record.
            if self.set.correlation(RuleIndex(at)).is_some() {
                continue;
            }
            let why = known.entry(&rule.logsource).or_insert_with(|| {
                if self.mappings.buckets().iter().any(|bucket| bucket.logsource.admits(&rule.logsource)) {
                    None
                } else if rule.logsource.category.is_empty() {
                    Some(Dormant::OwnWordsOnly)
                } else {
                    Some(Dormant::NoBucket)
                }
            });
            if let Some(why) = why {
                dormant.push((RuleIndex(at), why.clone()));
            }
        }
        dormant
    }

    /// The rules that could not be compiled so far, each with why: they never match, and the run must say so. Loading
    /// refuses such rules before; this is the second lock.
    pub fn refused(&self) -> Vec<(RuleIndex, String)> {
        let state = self.state();
        let mut refused = state.refused.clone();
        let broken: FxHashMap<&str, &str> = state
            .regexes
            .iter()
            .filter_map(|(pattern, regex)| regex.failure().map(|failure| (&**pattern, failure)))
            .collect();
        if !broken.is_empty() {
            for (rule, at) in
                self.set.rules.iter().zip(0_u32..).filter(|(_, at)| !state.refused.contains_key(&RuleIndex(*at)))
            {
                if let Some(why) = broken_regex(&rule.expr, &broken) {
                    refused.insert(RuleIndex(at), format!("regex: {why}"));
                }
            }
        }
        refused.into_iter().collect()
    }

    /// A regex of the rules, compiled or not.
    pub(crate) fn regex(&self, pattern: &str) -> Arc<LazyRegex> {
        let mut state = self.state();
        Arc::clone(state.regexes.entry(pattern.into()).or_insert_with(|| Arc::new(LazyRegex::new(pattern))))
    }

    /// A worker that panicked while it held the lock left nothing half done that matters: entries are whole or absent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let sources = self.guard.admit(&self.mappings, tag);
        if sources.is_empty() {
            return None;
        }
        let mut state = self.state();
        let state = &mut *state;
        let plan = match state.plans.get(&sources) {
            Some(plan) => *plan,
            None => {
                if state.plans.len() >= self.options.groups_max {
                    return Some(Arc::clone(&self.slow));
                }
                let members = self.guard.members(&sources);
                let named = self.guard.named_codes(&members);
                state.admitted.push(Admitted { members: members.into(), named, by_code: FxHashMap::default() });
                state.plans.insert(sources, state.admitted.len() - 1);
                state.admitted.len() - 1
            }
        };
        let admitted = state.admitted.get_mut(plan)?;
        let folded = super::compare::fold(tag.code);
        let code = match &admitted.named {
            Some(named) if !folded.is_empty() && !named.contains(folded.as_str()) => OTHER_CODE,
            _ => tag.code,
        };
        // One plan may hold tags of several products, and only Windows' codes count.
        let code = format!("{code}/{}", code_counts(tag));
        if let Some(known) = admitted.by_code.get(code.as_str()) {
            return known.clone();
        }
        let members = Arc::clone(&admitted.members);
        let (survivors, settled) = self.survivors(&members, tag);
        let key = (plan, settled);
        let want = match state.groups.get(&key) {
            Some(known) => known.clone(),
            None if survivors.is_empty() => None,
            None => {
                let handle = read(&self.groups.list).len();
                if handle >= self.options.groups_max {
                    return Some(Arc::clone(&self.slow));
                }
                let plan = Plan { set: &self.set, mappings: &self.mappings, tag, handle: handle as u32 };
                let mut refused = Vec::new();
                let group = Group::new(&plan, &survivors, &mut state.regexes, &mut refused);
                state.refused.extend(refused);
                let want = (group.len() > 0).then(|| Arc::clone(&group.want));
                if want.is_some() {
                    self.groups.list.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(group));
                }
                state.groups.insert(key, want.clone());
                want
            }
        };
        if let Some(admitted) = state.admitted.get_mut(plan)
            && admitted.by_code.len() < self.options.tags_max
        {
            admitted.by_code.insert(code.into(), want.clone());
        }
        want
    }

    /// The members that the code does not rule out, and a key of everything that it settles.
    fn survivors(&self, members: &[Member], tag: &Tag<'_>) -> (Vec<Member>, Vec<u32>) {
        let mut survivors = Vec::with_capacity(members.len());
        // With this, each member's part of the key has a known length, and no two lists of parts look alike.
        let mut key = Vec::new();
        if members.iter().any(|member| self.guard.asks_code(member.rule)) {
            key.push(u32::from(code_counts(tag)));
        }
        let mut bits = Vec::new();
        for (member, at) in members.iter().zip(0_u32..) {
            if self.guard.asks_code(member.rule)
                && let Some(rule) = self.rule(member.rule)
            {
                bits.clear();
                let bucket = member.admission.bucket(&self.mappings);
                if fold_code(&rule.expr, bucket, tag, &mut bits) == Some(false) {
                    continue;
                }
                key.push(at);
                let words =
                    bits.chunks(32).map(|bits| bits.iter().fold(0_u32, |word, bit| word << 1 | u32::from(*bit)));
                key.extend(words);
            }
            survivors.push(*member);
        }
        (survivors, key)
    }
}

/// Stands for every code that no rule names; no code of a log is like it, because those are compared whole.
const OTHER_CODE: &str = "\0";

/// A condition's truth as far as the code settles it. Notes every settled atom, in order.
fn fold_code(expr: &Expr, bucket: Option<&Bucket>, tag: &Tag<'_>, bits: &mut Vec<bool>) -> Option<bool> {
    match expr {
        Expr::And(children) | Expr::Or(children) => {
            let all = matches!(expr, Expr::And(_));
            let mut truth = Some(all);
            // Every child is visited, so that equal keys mean equal truths.
            for child in children {
                truth = match (truth, fold_code(child, bucket, tag, bits)) {
                    (Some(decided), _) | (_, Some(decided)) if decided != all => Some(decided),
                    (Some(_), Some(_)) => Some(all),
                    _ => None,
                };
            }
            truth
        }
        Expr::Not(child) => fold_code(child, bucket, tag, bits).map(|truth| !truth),
        Expr::Selection(_, child) => fold_code(child, bucket, tag, bits),
        Expr::Atom(atom) => {
            let settled = settle(bucket, atom, tag);
            bits.extend(settled);
            settled
        }
    }
}

fn broken_regex<'w>(expr: &Expr, broken: &FxHashMap<&str, &'w str>) -> Option<&'w str> {
    match expr {
        Expr::And(children) | Expr::Or(children) => children.iter().find_map(|child| broken_regex(child, broken)),
        Expr::Not(child) | Expr::Selection(_, child) => broken_regex(child, broken),
        Expr::Atom(atom) => match &atom.test {
            Test::Regex(pattern) => broken.get(pattern.as_str()).copied(),
            _ => None,
        },
    }
}

/// A tag's words as one key. Lengths first: no two tags have the same key, whatever their parts hold.
fn key_of(tag: &Tag<'_>, bytes: usize) -> String {
    let mut key = String::with_capacity(bytes + 16);
    let _ = write!(key, "{} {} {} ", tag.product.len(), tag.service.len(), tag.provider.len());
    for part in [tag.product, tag.service, tag.provider, tag.code] {
        key.push_str(part);
    }
    key
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

impl Projection for Matcher {
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let bytes = tag.product.len() + tag.service.len() + tag.provider.len() + tag.code.len();
        if bytes > self.options.tag_bytes_max {
            return self.find(tag);
        }
        let key = key_of(tag, bytes);
        if let Some(known) = read(&self.tags).get(key.as_str()) {
            return known.clone();
        }
        let want = self.find(tag);
        let mut tags = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        if tags.len() < self.options.tags_max {
            tags.insert(key.into(), want.clone());
        }
        want
    }
}
