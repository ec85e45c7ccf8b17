//! Sigma filters (specification "Sigma Filters"): exclusions that are kept apart from the rules they concern.
//!
//! A filter concerns a rule that it names by id or name (or `any`) and whose logsource has every part that the filter's
//! has. It is joined to the rule's condition by AND.
//!
//! The specification leaves open whether a filter's condition says what to keep or what to suppress: its own example, an
//! exclusion of administrators, ends in `condition: selection`, while pySigma's and rsigma's end in
//! `condition: not selection` for the same purpose. Both are understood: a condition that negates something is joined as
//! it stands; one that negates nothing names what to suppress, which is a filter's purpose, and is joined negated. The
//! remark about an applied filter says which it was.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use shieldwall_schema::mapping::Logsource;

use super::super::ir::{Expr, Rule};
use super::detection::Detection;
use super::documents::hex;
use super::fault::Remark;
use super::limits::{FILTER_ATOMS_MAX, FILTERS_MAX};
use super::rule::Named;

/// A filter, understood.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub title: String,
    pub id: String,
    pub hash: String,
    pub pack: String,
    pub file: String,
    pub line: u32,
    pub logsource: Logsource,
    pub targets: Targets,
    pub detection: Detection,
}

/// Which rules a filter concerns.
#[derive(Debug, Default)]
pub(crate) enum Targets {
    #[default]
    Any,
    Named(Vec<String>),
}

impl Filter {
    fn remark(&self, reason: String) -> Remark {
        Remark {
            pack: self.pack.clone(),
            file: self.file.clone(),
            line: self.line,
            column: None,
            rule_id: (!self.id.is_empty()).then(|| self.id.clone()),
            title: Some(self.title.clone()),
            reason,
        }
    }

    /// Joins the filter to a rule.
    fn join(&self, rule: &mut Rule) {
        let offset = u16::try_from(rule.selections.len()).unwrap_or(u16::MAX);
        let names = self.detection.selections.iter().map(|name| format!("filter {}: {name}", self.title));
        rule.selections.extend(names);
        let mut expr = renumbered(&self.detection.expr, offset);
        let word = if self.detection.negates { "" } else { "not " };
        if !self.detection.negates {
            expr = Expr::Not(Box::new(expr));
        }
        rule.condition = format!("({}) and {word}({})", rule.condition, self.detection.condition);
        rule.expr = Expr::And(vec![std::mem::take(&mut rule.expr), expr]);
        // What decides is now both texts; finding ids and compiled sets must see that.
        rule.hash = hex(&Sha256::digest(format!("{}\n{}", rule.hash, self.hash)));
    }
}

/// Applies all filters, in order, and says what each did.
pub(crate) fn apply(filters: &[Filter], rules: &mut [Named], notes: &mut Vec<Remark>) {
    if filters.is_empty() {
        return;
    }
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, named) in rules.iter().enumerate() {
        by_name.entry(named.rule.id.clone()).or_default().push(at);
        if !named.name.is_empty() && named.name != named.rule.id {
            by_name.entry(named.name.clone()).or_default().push(at);
        }
    }
    let mut spent = 0_usize;
    for filter in filters {
        let mut meant: Vec<usize> = Vec::new();
        match &filter.targets {
            Targets::Any => meant.extend(0..rules.len()),
            Targets::Named(names) => {
                for name in names {
                    match by_name.get(name) {
                        Some(found) => meant.extend(found),
                        None => notes.push(filter.remark(format!("filter names rule `{name}`, which is not loaded"))),
                    }
                }
                meant.sort_unstable();
                meant.dedup();
            }
        }
        let mut joined = 0_usize;
        for at in meant {
            let Some(named) = rules.get_mut(at) else { continue };
            if !named.rule.logsource.admits(&filter.logsource) {
                continue;
            }
            let selections = named.rule.selections.len() + filter.detection.selections.len();
            spent = spent.saturating_add(filter.detection.weight);
            if spent > FILTER_ATOMS_MAX || selections > usize::from(u16::MAX) || filters_on(&named.rule) >= FILTERS_MAX
            {
                let reason = format!("filter not applied to rule `{}`: too many filters", named.rule.id);
                notes.push(filter.remark(reason));
                continue;
            }
            filter.join(&mut named.rule);
            joined += 1;
        }
        let how = if filter.detection.negates { "as written" } else { "negated, as it says what to suppress" };
        notes.push(filter.remark(format!("filter applied to {joined} rules; its condition is joined by `and`, {how}")));
    }
}

/// How many filters stand on a rule already: each is one more level around its formula.
fn filters_on(rule: &Rule) -> usize {
    let mut depth = 0;
    let mut at = &rule.expr;
    while let Expr::And(parts) = at
        && let Some(first) = parts.first()
    {
        at = first;
        depth += 1;
    }
    depth
}

/// A copy whose selections count from `offset`. Recursion is bounded by what loading lets through.
fn renumbered(expr: &Expr, offset: u16) -> Expr {
    let all = |parts: &[Expr]| parts.iter().map(|part| renumbered(part, offset)).collect();
    match expr {
        Expr::And(parts) => Expr::And(all(parts)),
        Expr::Or(parts) => Expr::Or(all(parts)),
        Expr::Not(part) => Expr::Not(Box::new(renumbered(part, offset))),
        Expr::Selection(at, part) => Expr::Selection(at.saturating_add(offset), Box::new(renumbered(part, offset))),
        Expr::Atom(atom) => Expr::Atom(atom.clone()),
    }
}
