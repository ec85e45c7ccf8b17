//! The matcher as its users see it: rules and mappings in, records through, matching rules out.

mod admission;
mod naive;
mod properties;
mod table;

use std::sync::Arc;

use shieldwall_schema::event::{Event, Fields, Projection, Slots, Tag, fill};
use shieldwall_schema::mapping::{Logsource, Mappings};
use shieldwall_schema::place::Place;
use shieldwall_schema::value::{Kind, Value};

use super::{Matcher, Options, Scratch};
use crate::sigma::ir::{Atom, Expr, Pattern, Rule, RuleIndex, RuleSet, Test};

/// A record made by hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handmade {
    pub(crate) fields: Vec<(String, Kind, String)>,
    pub(crate) line: Option<String>,
}

impl Handmade {
    pub(crate) fn new(fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| (name.to_string(), Kind::Text, value.to_string())).collect();
        Self { fields, line: None }
    }

    pub(crate) fn null(mut self, name: &str) -> Self {
        self.fields.push((name.to_owned(), Kind::Null, String::new()));
        self
    }
}

impl Fields for Handmade {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, kind, text) in &self.fields {
            each(name, Value { text, kind: *kind });
        }
    }

    fn line(&self) -> Option<&str> {
        self.line.as_deref()
    }
}

pub(crate) fn matcher(rules: Vec<Rule>, mappings: &str) -> Matcher {
    let mappings = Mappings::parse([("test", mappings)]).unwrap();
    Matcher::new(Arc::new(RuleSet { rules, ..RuleSet::default() }), Arc::new(mappings), Options::default())
}

pub(crate) fn rule(logsource: [&str; 3], expr: Expr) -> Rule {
    let [product, category, service] = logsource.map(str::to_owned);
    Rule { logsource: Logsource { product, category, service }, expr, ..Rule::default() }
}

pub(crate) fn atom(field: &str, test: Test) -> Expr {
    Expr::Atom(Atom { field: (!field.is_empty()).then(|| field.into()), test })
}

pub(crate) fn text(field: &str, pattern: Pattern) -> Expr {
    atom(field, Test::Text { pattern, cased: false })
}

pub(crate) fn exact(field: &str, value: &str) -> Expr {
    text(field, Pattern::Exact(value.into()))
}

pub(crate) fn with_event<R>(
    matcher: &Matcher,
    tag: Tag<'_>,
    record: &Handmade,
    then: impl FnOnce(&Event<'_>) -> R,
) -> Option<R> {
    let want = matcher.want(&tag)?;
    let mut slots = Slots::default();
    fill(&want, record, &mut slots);
    let event = Event {
        time: None,
        time_text: None,
        place: Place::offset(0),
        bytes: b"",
        tag,
        want: &want,
        slots: &slots,
        fields: record,
    };
    Some(then(&event))
}

/// The rules that match a record.
pub(crate) fn hits(matcher: &Matcher, tag: Tag<'_>, record: &Handmade, scratch: &mut Scratch) -> Vec<u32> {
    let mut hits: Vec<RuleIndex> = Vec::new();
    with_event(matcher, tag, record, |event| matcher.evaluate(event, scratch, &mut hits));
    hits.into_iter().map(|hit| hit.0).collect()
}
