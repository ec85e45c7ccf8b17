//! Drafts of correlations → correlations: the rules that they name are found, circles are refused.
//!
//! A name is looked for in the correlation's own file, then in its pack, then in all packs, so that two packs may use the
//! same name. An id may stand for several rules (of several packs); then all are meant. What must stay true: a
//! correlation that cannot see all rules that it names is refused, because it would run weaker than written.

use std::collections::BTreeMap;

use super::super::ir::{Correlation, CorrelationMember, Rule, RuleIndex};
use super::correlation::Draft;
use super::fault::{At, Refusal, Remark, Why};
use super::limits::CORRELATION_DEPTH_MAX;
use super::rule::Named;
use super::value::shorten;

/// Finds the rules. `rules` are sorted and hold the drafts' own.
pub(crate) fn resolve(drafts: Vec<Draft>, rules: &[Named], refusals: &mut Vec<Refusal>) -> Vec<Correlation> {
    if drafts.is_empty() {
        return Vec::new();
    }
    let index = Index::new(rules);
    let mut found: BTreeMap<RuleIndex, (Draft, Correlation)> = BTreeMap::new();
    for draft in drafts {
        let Some(rule) = index.own(&draft, rules) else { continue };
        match index.members(&draft, rules) {
            // A draft that stands twice is one rule; the first stays.
            Ok(members) => {
                let correlation = correlation(&draft, rule, members);
                found.entry(rule).or_insert((draft, correlation));
            }
            Err((at, why)) => refusals.push(refusal(&draft, at, &why)),
        }
    }
    let mut sound = Sound { rules, found: &found, known: BTreeMap::new() };
    let verdicts: Vec<(RuleIndex, Depth)> =
        found.keys().map(|rule| (*rule, sound.depth(*rule, &mut Vec::new()))).collect();
    let mut out = Vec::with_capacity(verdicts.len());
    for (rule, verdict) in verdicts {
        let Some((draft, correlation)) = found.remove(&rule) else { continue };
        match verdict {
            Ok(_) => out.push(correlation),
            Err((at, why)) => refusals.push(refusal(&draft, at, &why)),
        }
    }
    out
}

fn correlation(draft: &Draft, rule: RuleIndex, members: Vec<CorrelationMember>) -> Correlation {
    Correlation {
        rule,
        kind: draft.kind,
        members,
        group_by: draft.group_by.clone(),
        fields: draft.fields.clone(),
        timespan: draft.timespan,
        bounds: draft.bounds.clone(),
        generate: draft.generate,
    }
}

fn refusal(draft: &Draft, at: At, why: &Why) -> Refusal {
    let rule = &draft.named.rule;
    Remark {
        pack: rule.pack.clone(),
        file: rule.file.clone(),
        line: at.line,
        column: (at.column > 0).then_some(at.column),
        rule_id: Some(rule.id.clone()),
        title: Some(rule.title.clone()),
        reason: why.to_string(),
    }
}

/// Rules by name and id.
struct Index<'r> {
    by_id: BTreeMap<&'r str, Vec<usize>>,
    by_name: BTreeMap<&'r str, Vec<usize>>,
}

impl<'r> Index<'r> {
    fn new(rules: &'r [Named]) -> Self {
        let mut index = Self { by_id: BTreeMap::new(), by_name: BTreeMap::new() };
        for (at, named) in rules.iter().enumerate() {
            index.by_id.entry(&named.rule.id).or_default().push(at);
            if !named.name.is_empty() && named.name != named.rule.id {
                index.by_name.entry(&named.name).or_default().push(at);
            }
        }
        index
    }

    /// Where a draft's own rule stands.
    fn own(&self, draft: &Draft, rules: &[Named]) -> Option<RuleIndex> {
        let same = |at: &&usize| rules.get(**at).is_some_and(|named| named.rule.hash == draft.named.rule.hash);
        self.by_id.get(draft.named.rule.id.as_str())?.iter().find(same).and_then(|at| number(*at))
    }

    fn members(&self, draft: &Draft, rules: &[Named]) -> Result<Vec<CorrelationMember>, (At, Why)> {
        let member = |(name, at): &(String, At)| {
            let found = self.find(name, &draft.named.rule, rules).map_err(|why| (*at, why))?;
            let aliases = draft.aliases.iter().filter(|alias| alias.rule == *name);
            let aliases = aliases.map(|alias| (alias.alias.as_str().into(), alias.field.as_str().into())).collect();
            Ok(CorrelationMember { name: name.as_str().into(), rules: found, aliases })
        };
        draft.rules.iter().map(member).collect()
    }

    fn find(&self, name: &str, from: &Rule, rules: &[Named]) -> Result<Vec<RuleIndex>, Why> {
        let rule = |at: usize| rules.get(at).map(|named| &named.rule);
        if let Some(found) = self.by_id.get(name) {
            return Ok(found.iter().filter_map(|at| number(*at)).collect());
        }
        let all: Vec<usize> = self.by_name.get(name).cloned().unwrap_or_default();
        let in_pack = |at: usize| rule(at).is_some_and(|rule| rule.pack == from.pack);
        let in_file = |at: usize| in_pack(at) && rule(at).is_some_and(|rule| rule.file == from.file);
        let pack: Vec<usize> = all.iter().copied().filter(|at| in_pack(*at)).collect();
        let file: Vec<usize> = all.iter().copied().filter(|at| in_file(*at)).collect();
        let nearest = [file, pack, all].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
        match nearest.as_slice() {
            [] => Err(Why::CorrelationRuleUnknown(shorten(name))),
            [only] => Ok(number(*only).into_iter().collect()),
            several => Err(Why::CorrelationRuleAmbiguous { name: shorten(name), count: several.len() }),
        }
    }
}

fn number(at: usize) -> Option<RuleIndex> {
    u32::try_from(at).ok().map(RuleIndex)
}

/// How many correlations stand on one another, or why they cannot.
type Depth = Result<usize, (At, Why)>;

/// Which correlations stand on others, and whether they can.
struct Sound<'f> {
    rules: &'f [Named],
    found: &'f BTreeMap<RuleIndex, (Draft, Correlation)>,
    known: BTreeMap<RuleIndex, Depth>,
}

impl Sound<'_> {
    /// How many correlations stand on one another below this one and with it. Recursion is bounded by
    /// [`CORRELATION_DEPTH_MAX`].
    fn depth(&mut self, rule: RuleIndex, path: &mut Vec<RuleIndex>) -> Depth {
        if let Some(known) = self.known.get(&rule) {
            return known.clone();
        }
        let found = self.found;
        let Some((draft, correlation)) = found.get(&rule) else { return Ok(0) };
        path.push(rule);
        let mut depth = Ok(1);
        for (member, (name, at)) in correlation.members.iter().zip(&draft.rules) {
            for below in &member.rules {
                let verdict = self.below(*below, name, path).map_err(|why| (*at, why));
                depth = match (depth, verdict) {
                    (Ok(depth), Ok(below)) => Ok(usize::max(depth, below + 1)),
                    (Err(fault), _) | (_, Err(fault)) => Err(fault),
                };
            }
        }
        path.pop();
        // What a deeper walk was refused for by its depth alone is not known of the rule itself.
        if path.is_empty() || depth.is_ok() {
            self.known.insert(rule, depth.clone());
        }
        depth
    }

    fn below(&mut self, rule: RuleIndex, name: &str, path: &mut Vec<RuleIndex>) -> Result<usize, Why> {
        let title = |rule: &RuleIndex| self.rules.get(rule.0 as usize).map_or("", |named| named.rule.title.as_str());
        if let Some(start) = path.iter().position(|above| *above == rule) {
            let circle = path.iter().skip(start).chain([&rule]).map(title);
            return Err(Why::CorrelationCircle(circle.map(shorten).collect::<Vec<_>>().join("` → `")));
        }
        if path.len() >= CORRELATION_DEPTH_MAX {
            return Err(Why::CorrelationTooDeep);
        }
        let is_correlation = self.rules.get(rule.0 as usize).is_some_and(|named| named.correlates);
        if is_correlation && !self.found.contains_key(&rule) {
            return Err(Why::CorrelationRuleRefused(shorten(name)));
        }
        match self.depth(rule, path) {
            Ok(depth) if depth + path.len() > CORRELATION_DEPTH_MAX => Err(Why::CorrelationTooDeep),
            Ok(depth) => Ok(depth),
            Err((_, why @ (Why::CorrelationCircle(_) | Why::CorrelationTooDeep))) => Err(why),
            Err(_) => Err(Why::CorrelationRuleRefused(shorten(name))),
        }
    }
}
