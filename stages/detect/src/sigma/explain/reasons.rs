//! The facts that made a rule match.
//!
//! Of And, all children; of Or, the first that is true; of a negation, in short, why what is negated did not hold, so that
//! a reader can repeat the whole verdict from the reasons alone.

use shieldwall_schema::event::Event;
use shieldwall_schema::finding::Reason;
use shieldwall_schema::value::Kind;

use super::judge::{Fact, Judge};
use super::record::Record;
use super::words::{Words, cut};
use crate::sigma::ir::{Atom, Expr, Rule, RuleIndex, Test};
use crate::sigma::matcher::Matcher;

/// How many patterns of one kind a negative reason names (`does not contain` a, b, c); the rest is counted.
pub const NEGATIVE_PATTERNS_MAX: usize = 3;

impl Matcher {
    /// Why a rule matched an event; empty if it does not match.
    ///
    /// Costs a pass over the whole record: for hits that are shown, not for every event.
    pub fn reasons(&self, rule: RuleIndex, event: &Event<'_>) -> Vec<Reason> {
        let Some(admission) = self.admission(rule, &event.tag) else { return Vec::new() };
        let Some(rule) = self.sound_rule(rule) else { return Vec::new() };
        let record = Record::new(event.fields);
        let judge = Judge::new(self, &record, &event.tag, admission.bucket(self.mappings()));
        if judge.holds(&rule.expr) { Reasons::of(&judge, rule, &rule.expr, "") } else { Vec::new() }
    }
}

/// Reasons under construction.
pub(super) struct Reasons<'j, 'a> {
    judge: &'j Judge<'a>,
    rule: &'j Rule,
    list: Vec<Told>,
}

/// A reason, and how many like it follow that are not put in words: they would only be counted.
struct Told {
    reason: Reason,
    more: usize,
}

impl From<Reason> for Told {
    fn from(reason: Reason) -> Self {
        Self { reason, more: 0 }
    }
}

impl<'j, 'a> Reasons<'j, 'a> {
    /// Why an expression, which must hold, holds.
    pub(super) fn of(judge: &'j Judge<'a>, rule: &'j Rule, expr: &Expr, selection: &str) -> Vec<Reason> {
        let mut reasons = Self { judge, rule, list: Vec::new() };
        reasons.holds(expr, selection);
        if reasons.list.is_empty() {
            // Only a condition without a single test comes here.
            let asks_nothing = Reason {
                selection: selection.to_owned(),
                field: String::new(),
                native: None,
                how: "asks nothing and matches every record".into(),
                pattern: String::new(),
                value: String::new(),
                span: None,
                provenance: judge.provenance(""),
            };
            return vec![asks_nothing];
        }
        reasons.list.into_iter().map(|told| told.reason).collect()
    }

    fn selection(&self, at: u16) -> String {
        self.rule.selections.get(usize::from(at)).cloned().unwrap_or_default()
    }

    fn holds(&mut self, expr: &Expr, selection: &str) {
        match expr {
            Expr::And(children) => children.iter().for_each(|child| self.holds(child, selection)),
            Expr::Or(children) => {
                if let Some(child) = children.iter().find(|child| self.judge.holds(child)) {
                    self.holds(child, selection);
                }
            }
            Expr::Not(child) => self.fails(child, selection),
            Expr::Selection(at, child) => self.holds(child, &self.selection(*at)),
            Expr::Atom(atom) => {
                if let Some(fact) = self.judge.atom(atom) {
                    self.list.push(reason(self.judge, selection, atom, fact).into());
                }
            }
        }
    }

    fn fails(&mut self, expr: &Expr, selection: &str) {
        match expr {
            Expr::And(children) => {
                if let Some(child) = children.iter().find(|child| !self.judge.holds(child)) {
                    self.fails(child, selection);
                }
            }
            Expr::Or(children) => {
                // Consecutive tests of one field and kind become one reason.
                let from = self.list.len();
                // The first of the tests that become one reason, and how many there are so far.
                let mut run: Option<(&Atom, usize)> = None;
                for child in children {
                    run = match (child, run) {
                        (Expr::Atom(atom), Some((first, count))) if are_alike(first, atom) => Some((first, count + 1)),
                        (Expr::Atom(atom), _) => Some((atom, 1)),
                        _ => None,
                    };
                    // Beyond those that are named, they are only counted.
                    let counted = run.is_some_and(|(_, count)| count > NEGATIVE_PATTERNS_MAX);
                    match self.list.last_mut().filter(|_| counted) {
                        Some(last) => last.more += 1,
                        None => self.fails(child, selection),
                    }
                }
                let new = self.list.split_off(from.min(self.list.len()));
                self.list.extend(merge(new).into_iter().map(Told::from));
            }
            Expr::Not(child) => self.holds(child, selection),
            Expr::Selection(at, child) => self.fails(child, &self.selection(*at)),
            Expr::Atom(atom) => self.list.push(opposite(self.judge, selection, atom).into()),
        }
    }
}

/// A true test as a reason.
fn reason(judge: &Judge<'_>, selection: &str, atom: &Atom, fact: Fact<'_>) -> Reason {
    let words = Words::of(&atom.test);
    let (value, span) = match fact.held {
        Some(held) => cut(held.raw, fact.span),
        None => (String::new(), None),
    };
    let field = atom.field.as_deref().unwrap_or_default();
    let name = fact.held.map(|held| held.name);
    Reason {
        selection: selection.to_owned(),
        field: field.to_owned(),
        native: name.filter(|name| *name != field && !name.is_empty()).map(str::to_owned),
        how: words.holds,
        pattern: words.pattern,
        value,
        span,
        provenance: judge.provenance(name.unwrap_or(field)),
    }
}

/// A false test as a reason: what the field holds instead, or that the record lacks it.
fn opposite(judge: &Judge<'_>, selection: &str, atom: &Atom) -> Reason {
    let words = Words::of(&atom.test);
    let field = atom.field.as_deref().unwrap_or_default();
    // No one value shows that a keyword is nowhere in the record.
    let values = atom.field.as_deref().map(|field| judge.values(Some(field)));
    let values = values.as_deref().unwrap_or_default();
    let held = values.iter().find(|value| value.kind != Kind::Null).or(values.first()).copied();
    let presence = matches!(atom.test, Test::Null | Test::Exists(_));
    let nothing = match held {
        None if atom.field.is_some() => Some("is absent"),
        Some(held) if held.kind == Kind::Null && !presence => Some("is null"),
        _ => None,
    };
    let name = held.map(|held| held.name);
    Reason {
        selection: selection.to_owned(),
        field: field.to_owned(),
        native: name.filter(|name| *name != field && !name.is_empty()).map(str::to_owned),
        how: nothing.map_or(words.fails, str::to_owned),
        pattern: if nothing.is_some() { String::new() } else { words.pattern },
        value: held.map_or(String::new(), |held| cut(held.raw, None).0),
        span: None,
        provenance: judge.provenance(name.unwrap_or(field)),
    }
}

/// Whether the opposites of two tests differ in their pattern alone.
fn are_alike(one: &Atom, other: &Atom) -> bool {
    one.field == other.field
        && match (&one.test, &other.test) {
            (Test::Text { pattern: a, cased: one }, Test::Text { pattern: b, cased: other }) => {
                one == other && std::mem::discriminant(a) == std::mem::discriminant(b)
            }
            (Test::Regex(_), Test::Regex(_)) | (Test::Cidr(_), Test::Cidr(_)) => true,
            _ => false,
        }
}

/// Joins neighbours that differ in their pattern alone.
fn merge(reasons: Vec<Told>) -> Vec<Reason> {
    let mut merged: Vec<(Reason, usize)> = Vec::new();
    for Told { reason, more } in reasons {
        let more = if reason.pattern.is_empty() { 0 } else { more };
        match merged.last_mut() {
            Some((last, count)) if alike(last, &reason) => {
                if !reason.pattern.is_empty() {
                    *count += 1;
                    if *count <= NEGATIVE_PATTERNS_MAX {
                        last.pattern.push_str(" | ");
                        last.pattern.push_str(&reason.pattern);
                    }
                    *count += more;
                }
            }
            _ => merged.push((reason, 1 + more)),
        }
    }
    let counted = |(mut reason, count): (Reason, usize)| {
        if count > NEGATIVE_PATTERNS_MAX {
            reason.pattern.push_str(&format!(" (and {} more)", count - NEGATIVE_PATTERNS_MAX));
        }
        reason
    };
    merged.into_iter().map(counted).collect()
}

fn alike(one: &Reason, other: &Reason) -> bool {
    one.span.is_none()
        && other.span.is_none()
        && (&one.selection, &one.field, &one.how, &one.value)
            == (&other.selection, &other.field, &other.how, &other.value)
}
