//! Sigma's meaning, spelled out as plainly as possible and without a line shared with the matcher.

use std::net::IpAddr;

use regex::Regex;
use shieldwall_schema::time::Timestamp;
use shieldwall_schema::value::Kind;

use super::Handmade;
use crate::sigma::ir::{Atom, Expr, Order, Part, Pattern, RefOrder, Test, TimePart};

/// Whether a condition holds. `names` gives a rule's field its native names.
pub(super) fn holds(expr: &Expr, record: &Handmade, names: &dyn Fn(&str) -> Vec<String>) -> bool {
    match expr {
        Expr::And(children) => children.iter().all(|child| holds(child, record, names)),
        Expr::Or(children) => children.iter().any(|child| holds(child, record, names)),
        Expr::Not(child) => !holds(child, record, names),
        Expr::Selection(_, child) => holds(child, record, names),
        Expr::Atom(atom) => atom_holds(atom, record, names),
    }
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn atom_holds(atom: &Atom, record: &Handmade, names: &dyn Fn(&str) -> Vec<String>) -> bool {
    let values_of = |field: &str| -> Vec<(Kind, &str)> {
        let names = names(field);
        let fields = record.fields.iter().filter(|(name, _, _)| names.contains(name));
        fields.map(|(_, kind, text)| (*kind, text.as_str())).collect()
    };
    let values = match (&atom.field, &record.line) {
        (Some(field), _) => values_of(field),
        (None, Some(line)) => vec![(Kind::Text, line.as_str())],
        (None, None) => record.fields.iter().map(|(_, kind, text)| (*kind, text.as_str())).collect(),
    };
    let some = |pass: &dyn Fn(&str) -> bool| values.iter().any(|(kind, text)| *kind != Kind::Null && pass(text));
    match &atom.test {
        Test::Text { pattern, cased: true } => some(&|value| glob(&parts(pattern), &chars(value))),
        Test::Text { pattern, cased: false } => some(&|value| glob(&parts(pattern), &chars(&lower(value)))),
        Test::Regex(pattern) => some(&|value| Regex::new(pattern).unwrap().is_match(value)),
        Test::Cidr(network) => some(&|value| in_network(network, value)),
        Test::Compare(order, limit) => some(&|value| {
            if !Regex::new(r"^[+-]?\d+(\.\d+)?$").unwrap().is_match(value) {
                return false;
            }
            let (value, limit) = (value.parse::<f64>().unwrap(), limit.get());
            match order {
                Order::Less => value < limit,
                Order::LessOrEqual => value <= limit,
                Order::Greater => value > limit,
                Order::GreaterOrEqual => value >= limit,
            }
        }),
        Test::Null => values.is_empty() || values.iter().any(|(kind, _)| *kind == Kind::Null),
        Test::Exists(wanted) => values.is_empty() != *wanted,
        Test::FieldRef { field, how, cased } => {
            let form = |text: &str| if *cased { text.to_owned() } else { lower(text) };
            let others: Vec<String> =
                values_of(field).iter().filter(|(kind, _)| *kind != Kind::Null).map(|(_, text)| form(text)).collect();
            some(&|value| {
                let value = form(value);
                others.iter().any(|other| match how {
                    RefOrder::Equals => value == *other,
                    RefOrder::StartsWith => value.starts_with(other),
                    RefOrder::EndsWith => value.ends_with(other),
                    RefOrder::Contains => value.contains(other),
                })
            })
        }
        // The events under test hold times of two forms only.
        Test::TimePart(part, want) => some(&|value| part_of_time(*part, value) == Some(*want)),
    }
}

fn part_of_time(part: TimePart, value: &str) -> Option<i64> {
    let range = match part {
        TimePart::Minute => 14..16,
        TimePart::Hour => 11..13,
        TimePart::Day => 8..10,
        TimePart::Month => 5..7,
        TimePart::Year => 0..4,
        TimePart::Week => return None,
    };
    let epoch = value.len() >= 9 && value.bytes().all(|byte| byte.is_ascii_digit());
    let text = if epoch {
        // Seconds, or thousandths, millionths … of them.
        let unit = [1, 1000, 1_000_000, 1_000_000_000][(value.len().clamp(9, 18) - 9) / 3];
        Timestamp::from_seconds(value.parse::<i64>().ok()? / unit, 0)?.to_string()
    } else {
        Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$").unwrap().is_match(value).then(|| value.to_owned())?
    };
    text.get(range)?.parse().ok()
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn parts(pattern: &Pattern) -> Vec<Part> {
    let text = |text: &str| Part::Text(text.into());
    match pattern {
        Pattern::Exact(it) => vec![text(it)],
        Pattern::Prefix(it) => vec![text(it), Part::Many],
        Pattern::Suffix(it) => vec![Part::Many, text(it)],
        Pattern::Contains(it) => vec![Part::Many, text(it), Part::Many],
        Pattern::Any => vec![Part::Many],
        Pattern::Glob(parts) => parts.clone(),
    }
}

/// The textbook's recursion; exponential, so for short values only.
fn glob(parts: &[Part], value: &[char]) -> bool {
    match parts.split_first() {
        None => value.is_empty(),
        Some((Part::One, rest)) => !value.is_empty() && glob(rest, &value[1..]),
        Some((Part::Many, rest)) => (0..=value.len()).any(|at| glob(rest, &value[at..])),
        Some((Part::Text(text), rest)) => {
            let text = chars(text);
            value.starts_with(&text) && glob(rest, &value[text.len()..])
        }
    }
}

fn in_network(network: &str, value: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap();
    let bits: u32 = bits.parse().unwrap();
    match (base.parse().unwrap(), value.parse()) {
        (IpAddr::V4(base), Ok(IpAddr::V4(value))) => {
            u64::from(u32::from(base)) >> (32 - bits) == u64::from(u32::from(value)) >> (32 - bits)
        }
        _ => false,
    }
}
