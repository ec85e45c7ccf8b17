//! The plain evaluator: a condition against a whole record, and the value that made a test true.

use std::cell::RefCell;
use std::rc::Rc;

use shieldwall_schema::event::Tag;
use shieldwall_schema::finding::Provenance;
use shieldwall_schema::mapping::Bucket;
use shieldwall_schema::value::Kind;

use super::record::{Field, Record};
use crate::sigma::ir::{Atom, Expr, Test};
use crate::sigma::matcher::{Matcher, REF_VALUES_MAX, code_of, compare, native, settle};

/// One record before one rule.
pub(crate) struct Judge<'a> {
    matcher: &'a Matcher,
    record: &'a Record,
    tag: &'a Tag<'a>,
    pub(super) bucket: Option<&'a Bucket>,
    /// A rule asks the same few fields again and again: what was found for each, by the rule's name for it.
    found: Few<Box<str>, Rc<[Field<'a>]>>,
    /// Values folded, by where they stand.
    folded: Few<&'a str, Rc<str>>,
}

/// Some first answers to questions that come again, looked for one by one.
struct Few<Q, A>(RefCell<Vec<(Q, A)>>);

impl<Q, A: Clone> Few<Q, A> {
    const MAX: usize = 16;

    fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The answer to the question that `is` the one; `answer` gives it and its question if it is not known.
    fn get(&self, is: impl Fn(&Q) -> bool, answer: impl FnOnce() -> (Q, A)) -> A {
        let mut known = self.0.borrow_mut();
        if let Some((_, answer)) = known.iter().find(|(question, _)| is(question)) {
            return answer.clone();
        }
        let (question, answer) = answer();
        if known.len() < Self::MAX {
            known.push((question, answer.clone()));
        }
        answer
    }
}

/// The value that made a test true, if one did: a test for absence is true without one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fact<'a> {
    /// The native field, empty for a whole line; and its value.
    pub(super) held: Option<Field<'a>>,
    /// Where in the value the match stands, in bytes of the unfolded value.
    pub(super) span: Option<(usize, usize)>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(matcher: &'a Matcher, record: &'a Record, tag: &'a Tag<'a>, bucket: Option<&'a Bucket>) -> Self {
        Self { matcher, record, tag, bucket, found: Few::new(), folded: Few::new() }
    }

    pub(super) fn record(&self) -> &'a Record {
        self.record
    }

    /// Whether a condition holds. Depth is bounded by the matcher's guard.
    pub(crate) fn holds(&self, expr: &Expr) -> bool {
        match expr {
            Expr::And(children) => children.iter().all(|child| self.holds(child)),
            Expr::Or(children) => children.iter().any(|child| self.holds(child)),
            Expr::Not(child) => !self.holds(child),
            Expr::Selection(_, child) => self.holds(child),
            Expr::Atom(atom) => self.atom(atom).is_some(),
        }
    }

    /// A test's fact, if it is true.
    pub(super) fn atom(&self, atom: &Atom) -> Option<Fact<'a>> {
        if let Some(settled) = settle(self.bucket, atom, self.tag) {
            // What the code settles looks at one value without surprises.
            return settled.then(|| {
                let held = self.values(atom.field.as_deref()).first().copied();
                Fact { held, span: held.and_then(|field| self.test_value(&atom.test, field)).flatten() }
            });
        }
        let values = self.values(atom.field.as_deref());
        match &atom.test {
            Test::Null => {
                let null = values.iter().find(|value| value.kind == Kind::Null);
                (values.is_empty() || null.is_some()).then_some(Fact { held: null.copied(), span: None })
            }
            Test::Exists(wanted) => {
                let held = values.first().copied();
                (held.is_some() == *wanted).then_some(Fact { held, span: None })
            }
            Test::FieldRef { field, how, cased } => {
                let others = self.values(Some(field));
                let texts = |values: &[Field<'a>]| -> Vec<(Field<'a>, String)> {
                    // The last values first, as the matcher takes them, so that both see the same ones of too many.
                    let valued = values.iter().rev().filter(|value| value.kind != Kind::Null).take(REF_VALUES_MAX);
                    valued.map(|v| (*v, if *cased { v.raw.to_owned() } else { compare::fold(v.raw) })).collect()
                };
                let others = texts(&others);
                let found = texts(&values)
                    .into_iter()
                    .find(|(_, text)| others.iter().any(|(_, other)| compare::reference(*how, text, other)));
                found.map(|(field, _)| Fact { held: Some(field), span: None })
            }
            test => values
                .iter()
                .find_map(|value| self.test_value(test, *value).map(|span| Fact { held: Some(*value), span })),
        }
    }

    /// The values that a rule's field has in the record.
    pub(super) fn values(&self, field: Option<&str>) -> Rc<[Field<'a>]> {
        let Some(field) = field else { return self.record.keywords().into() };
        self.found.get(|name| **name == *field, || (field.into(), self.find(field).into()))
    }

    fn find(&self, field: &str) -> Vec<Field<'a>> {
        let names = native(self.bucket, field);
        if let Some(code) = code_of(self.bucket, field, self.tag)
            && let Some(row) = self.record.fields().find(|row| names.contains(&row.name))
        {
            // The tag's code counts, whatever form the record gives it.
            return vec![Field { raw: code, kind: Kind::Number, ..row }];
        }
        if let Some(code) = code_of(self.bucket, field, self.tag) {
            return vec![Field { name: "EventID", kind: Kind::Number, raw: code }];
        }
        self.record.fields().filter(|row| names.contains(&row.name)).collect()
    }

    /// The native names of a rule's field.
    pub(super) fn names(&self, field: &str) -> Vec<String> {
        native(self.bucket, field).into_iter().map(str::to_owned).collect()
    }

    /// Who could have written a value. Where no bucket speaks for the log, nobody vouches for it.
    pub(super) fn provenance(&self, name: &str) -> Provenance {
        self.bucket.map_or(Provenance::AttackerWritable, |bucket| bucket.provenance_of(name))
    }

    /// A value folded.
    fn folded(&self, raw: &'a str) -> Rc<str> {
        // The same bytes at the same place are the same value.
        self.folded.get(|known| std::ptr::eq(*known, raw), || (raw, compare::fold(raw).into()))
    }

    /// Whether one value, other than null, passes a test that looks at one value; and where.
    fn test_value(&self, test: &Test, value: Field<'a>) -> Option<Option<(usize, usize)>> {
        if value.kind == Kind::Null {
            return None;
        }
        let whole = |passed: bool| passed.then_some(None);
        match test {
            Test::Text { pattern, cased: true } => compare::span(pattern, value.raw).map(Some),
            Test::Text { pattern, cased: false } => {
                compare::span(pattern, &self.folded(value.raw)).map(|span| Some(unfold(value.raw, span)))
            }
            Test::Regex(pattern) => {
                let regex = self.matcher.regex(pattern);
                let found = regex.find(value.raw)?;
                Some(Some((found.start(), found.end())))
            }
            Test::Cidr(network) => whole(compare::in_network(&compare::network(network)?, value.raw)),
            Test::Compare(order, limit) => whole(compare::number(*order, *limit, value.raw)),
            Test::TimePart(part, want) => whole(compare::time_part(*part, *want, value.raw)),
            Test::Null => None,
            Test::Exists(wanted) => whole(*wanted),
            Test::FieldRef { .. } => None,
        }
    }
}

/// A byte range of the folded text as one of the text itself: folding may change how many bytes a character takes.
fn unfold(raw: &str, (from, to): (usize, usize)) -> (usize, usize) {
    if raw.is_ascii() {
        return (from, to);
    }
    let (mut start, mut end) = (None, None);
    let mut folded = 0;
    for (at, character) in raw.char_indices() {
        if folded >= to && end.is_none() {
            end = Some(at);
        }
        folded += character.to_lowercase().map(char::len_utf8).sum::<usize>();
        if folded > from && start.is_none() {
            start = Some(at);
        }
    }
    let start = start.unwrap_or(raw.len());
    (start, end.unwrap_or(raw.len()).max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_those_of_the_unfolded_text() {
        for (raw, needle) in [("C:\\ÄÖ\\Cmd.EXE", "cmd"), ("İİxY", "xy"), ("aßÜ", "ü"), ("plain", "ain")] {
            let folded = compare::fold(raw);
            let at = folded.find(needle).unwrap();
            let (start, end) = unfold(raw, (at, at + needle.len()));
            assert_eq!(compare::fold(raw.get(start..end).unwrap()), needle, "{raw}");
        }
        assert_eq!(unfold("Ä", (2, 2)), (2, 2));
    }
}
