//! Events written from the rules' own conditions, for what no recording holds.
//!
//! For each rule, and for each of several choices among its alternatives, one event that should satisfy its positive
//! parts; then the same event in capitals, with its values one character short, and with line breaks where `*` stands.
//! What a value must be is taken from our own reading of the rule, so a rule that is misread shows as a difference too:
//! the other engine has read the rule by itself. Regexes are not written; what stands beside them is.

use std::collections::BTreeMap;

use shieldwall_detect::sigma::ir::{Atom, Expr, Order, Part, Pattern, Test};
use shieldwall_schema::event::Fields;
use shieldwall_schema::value::Value;

/// How many choices among alternatives are tried.
const CHOICES: usize = 3;

/// An event as names and texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written(BTreeMap<String, String>);

impl Fields for Written {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, text) in &self.0 {
            each(name, Value::text(text));
        }
    }
}

/// The events for a condition, without repetition, in a fixed order.
pub fn events(expr: &Expr) -> Vec<Written> {
    let mut events = Vec::new();
    for choice in 0..CHOICES {
        for many in ["", "x", "\r\n"] {
            let mut fields = BTreeMap::new();
            collect(expr, choice, many, &mut fields);
            let event = Written(fields.into_iter().map(|(name, value)| (name, value.text())).collect());
            let upper = event.0.iter().map(|(name, text)| (name.clone(), text.to_uppercase())).collect();
            let short = event.0.iter().map(|(name, text)| (name.clone(), without_last(text))).collect();
            events.extend([event, Written(upper), Written(short)]);
        }
    }
    events.sort();
    events.dedup();
    events
}

fn without_last(text: &str) -> String {
    let mut chars = text.chars();
    chars.next_back();
    chars.as_str().to_owned()
}

/// What one field's value must be: whole, or begin, hold and end.
#[derive(Default)]
struct Needs {
    whole: Option<String>,
    start: String,
    middle: String,
    end: String,
}

impl Needs {
    fn text(self) -> String {
        self.whole.unwrap_or_else(|| [self.start, self.middle, self.end].concat())
    }
}

fn collect(expr: &Expr, choice: usize, many: &str, fields: &mut BTreeMap<String, Needs>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| collect(part, choice, many, fields)),
        Expr::Or(parts) => {
            if let Some(part) = parts.get(choice % parts.len().max(1)) {
                collect(part, choice, many, fields);
            }
        }
        Expr::Not(_) => {}
        Expr::Selection(_, part) => collect(part, choice, many, fields),
        Expr::Atom(atom) => write(atom, many, fields),
    }
}

fn write(atom: &Atom, many: &str, fields: &mut BTreeMap<String, Needs>) {
    if let Test::FieldRef { field, .. } = &atom.test {
        fields.entry(field.to_string()).or_default().middle.push_str("same");
    }
    if matches!(atom.test, Test::Null | Test::Exists(false)) {
        return;
    }
    let needs = fields.entry(atom.field.as_deref().unwrap_or("message").to_owned()).or_default();
    match &atom.test {
        Test::Text { pattern, .. } => match pattern {
            Pattern::Exact(text) => needs.whole = Some(text.to_string()),
            Pattern::Prefix(text) => needs.start = format!("{text}{many}"),
            Pattern::Suffix(text) => needs.end = format!("{many}{text}"),
            Pattern::Contains(text) => needs.middle.extend([many, text, many]),
            Pattern::Any => needs.middle.push_str(many),
            Pattern::Glob(parts) => {
                let text = parts.iter().map(|part| match part {
                    Part::Text(text) => text,
                    Part::One => "q",
                    Part::Many => many,
                });
                needs.middle.extend(text);
            }
        },
        Test::Cidr(network) => {
            needs.whole = network.split('/').next().map(str::to_owned);
        }
        Test::Compare(order, number) => {
            let step = match order {
                Order::Less => -1.0,
                Order::Greater => 1.0,
                Order::LessOrEqual | Order::GreaterOrEqual => 0.0,
            };
            needs.whole = Some((number.get() + step).to_string());
        }
        Test::FieldRef { .. } => needs.middle.push_str("same"),
        Test::Exists(_) | Test::Regex(_) => needs.middle.push('x'),
        Test::TimePart(..) | Test::Null => {}
    }
}
