//! What kept a rule from matching a record: another log source, a condition that failed, or a filter.

use shieldwall_schema::event::{Fields, Tag};
use shieldwall_schema::finding::Reason;
use shieldwall_schema::mapping::Logsource;

use super::judge::Judge;
use super::reasons::Reasons;
use super::record::Record;
use super::words::{Words, cut};
use crate::sigma::ir::{Atom, Expr, Rule, RuleIndex};
use crate::sigma::matcher::Matcher;

/// How many alternatives of an Or are told in full; the rest is counted.
pub const ALTERNATIVES_MAX: usize = 8;

/// How many values of a field, and how many similar names, are told.
const SHOWN_MAX: usize = 3;

/// The answer to "why not?".
#[derive(Clone, Debug, PartialEq)]
pub struct WhyNot {
    /// The rule.
    pub rule: RuleIndex,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a rule and a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It does match; why.
    Matches(Vec<Reason>),
    /// The log source guard: the rule was not written for such records.
    OtherSource(OtherSource),
    /// It was evaluated; what failed.
    Failed(Vec<Failure>),
    /// There is no such rule, or it was refused.
    NoRule,
}

/// A rule's log source beside a record's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtherSource {
    /// What the rule asks for.
    pub asked: Logsource,
    /// The record's product, service, provider and code.
    pub record: [String; 4],
    /// The record's log sources: each bucket's name and its log source.
    pub known_as: Vec<(String, Logsource)>,
    /// The parts of what is asked (`product`, `category`, `service`) that no log source of the record has.
    pub differs: Vec<&'static str>,
}

/// One thing that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A test is not true.
    Test {
        /// The selection.
        selection: String,
        /// The rule's field; empty for keywords.
        field: String,
        /// The native names under which the record was asked for it.
        natives: Vec<String>,
        /// How it should have compared: `contains`.
        how: String,
        /// What was looked for.
        pattern: String,
        /// What the record has.
        found: Found,
    },
    /// None of these alternatives is true.
    NoneOf {
        /// The first ones.
        first: Vec<Failure>,
        /// How many more there are.
        more: usize,
    },
    /// Something that the rule excludes is true.
    Excluded {
        /// The filter's selection; empty for a bare negation.
        selection: String,
        /// Why it is true.
        because: Vec<Reason>,
    },
}

/// What a record has where a test failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Not the field.
    Absent {
        /// Names in the record that are like it.
        similar: Vec<String>,
    },
    /// These values.
    Values {
        /// The first ones, cut to length.
        first: Vec<String>,
        /// How many more there are.
        more: usize,
    },
}

impl Matcher {
    /// Why a rule does not match a record, whatever its log source. Agrees with [`Self::evaluate`].
    pub fn why_not(&self, rule: RuleIndex, tag: &Tag<'_>, fields: &dyn Fields) -> WhyNot {
        let verdict = self.verdict(rule, tag, fields);
        WhyNot { rule, verdict }
    }

    fn verdict(&self, index: RuleIndex, tag: &Tag<'_>, fields: &dyn Fields) -> Verdict {
        let Some(rule) = self.sound_rule(index) else { return Verdict::NoRule };
        let Some(admission) = self.admission(index, tag) else {
            return Verdict::OtherSource(self.other_source(rule, tag));
        };
        let record = Record::new(fields);
        let judge = Judge::new(self, &record, tag, admission.bucket(self.mappings()));
        if judge.holds(&rule.expr) {
            return Verdict::Matches(Reasons::of(&judge, rule, &rule.expr, ""));
        }
        let mut failures = Failures { judge: &judge, rule, list: Vec::new() };
        failures.of(&rule.expr, "");
        Verdict::Failed(failures.list)
    }

    fn other_source(&self, rule: &Rule, tag: &Tag<'_>) -> OtherSource {
        let buckets = self.mappings().classify(tag).into_iter().filter_map(|id| self.mappings().get(id));
        let known_as: Vec<(String, Logsource)> =
            buckets.map(|bucket| (bucket.name.clone(), bucket.logsource.clone())).collect();
        let own =
            Logsource { product: tag.product.to_owned(), service: tag.service.to_owned(), ..Logsource::default() };
        let asked = &rule.logsource;
        let lacks = |part: fn(&Logsource) -> &str| {
            let mut all = known_as.iter().map(|(_, source)| source).chain([&own]);
            !part(asked).is_empty() && !all.any(|source| part(source).eq_ignore_ascii_case(part(asked)))
        };
        let mut differs = Vec::new();
        for (name, part) in [
            ("product", (|source| &source.product) as fn(&Logsource) -> &str),
            ("category", |source| &source.category),
            ("service", |source| &source.service),
        ] {
            if lacks(part) {
                differs.push(name);
            }
        }
        let record = [tag.product, tag.service, tag.provider, tag.code].map(str::to_owned);
        OtherSource { asked: asked.clone(), record, known_as, differs }
    }
}

struct Failures<'j, 'a> {
    judge: &'j Judge<'a>,
    rule: &'j Rule,
    list: Vec<Failure>,
}

impl Failures<'_, '_> {
    /// Notes why an expression, which does not hold, does not.
    fn of(&mut self, expr: &Expr, selection: &str) {
        match expr {
            Expr::And(children) => {
                children.iter().filter(|child| !self.judge.holds(child)).for_each(|child| self.of(child, selection));
            }
            Expr::Or(children) => {
                let mut inner = Failures { judge: self.judge, rule: self.rule, list: Vec::new() };
                children.iter().take(ALTERNATIVES_MAX).for_each(|child| {
                    let from = inner.list.len();
                    inner.of(child, selection);
                    // Of an alternative that needs several things, the first that failed is enough.
                    inner.list.truncate(from + 1);
                });
                let more = children.len().saturating_sub(ALTERNATIVES_MAX);
                match (inner.list.pop(), inner.list.is_empty(), more) {
                    (Some(only), true, 0) => self.list.push(only),
                    (last, _, _) => {
                        inner.list.extend(last);
                        self.list.push(Failure::NoneOf { first: inner.list, more });
                    }
                }
            }
            Expr::Not(child) => {
                let name = self.name_of(child).unwrap_or(selection).to_owned();
                let because = Reasons::of(self.judge, self.rule, child, selection);
                self.list.push(Failure::Excluded { selection: name, because });
            }
            Expr::Selection(at, child) => {
                let name = self.rule.selections.get(usize::from(*at)).cloned().unwrap_or_default();
                self.of(child, &name);
            }
            Expr::Atom(atom) => {
                let failure = self.test(atom, selection);
                self.list.push(failure);
            }
        }
    }

    /// The selection that holds inside a negated expression.
    fn name_of(&self, expr: &Expr) -> Option<&str> {
        match expr {
            Expr::Selection(at, _) => self.rule.selections.get(usize::from(*at)).map(String::as_str),
            Expr::Or(children) => children.iter().find(|child| self.judge.holds(child)).and_then(|c| self.name_of(c)),
            _ => None,
        }
    }

    fn test(&self, atom: &Atom, selection: &str) -> Failure {
        let words = Words::of(&atom.test);
        let values = self.judge.values(atom.field.as_deref());
        let field = atom.field.as_deref().unwrap_or_default();
        let found = if values.is_empty() {
            Found::Absent { similar: if field.is_empty() { Vec::new() } else { self.similar(field) } }
        } else {
            let first = values.iter().take(SHOWN_MAX).map(|value| cut(value.raw, None).0).collect();
            Found::Values { first, more: values.len().saturating_sub(SHOWN_MAX) }
        };
        Failure::Test {
            selection: selection.to_owned(),
            field: field.to_owned(),
            natives: if field.is_empty() { Vec::new() } else { self.judge.names(field) },
            how: words.holds,
            pattern: words.pattern,
            found,
        }
    }

    /// Names of the record that are like a field's: equal but for case and punctuation, or one within the other.
    fn similar(&self, field: &str) -> Vec<String> {
        /// Shorter names are within too many others.
        const LENGTH_MIN: usize = 4;
        let plain = |name: &str| -> String {
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let wanted: Vec<String> =
            self.judge.names(field).iter().map(|name| plain(name)).chain([plain(field)]).collect();
        let mut similar: Vec<String> = Vec::new();
        for row in self.judge.record().fields() {
            let name = plain(row.name);
            let within = |one: &str, other: &str| one.len() >= LENGTH_MIN && other.contains(one);
            let like = wanted.iter().any(|wanted| name == *wanted || within(wanted, &name) || within(&name, wanted));
            if like && similar.len() < SHOWN_MAX && !similar.iter().any(|known| known == row.name) {
                similar.push(row.name.to_owned());
            }
        }
        similar
    }
}
