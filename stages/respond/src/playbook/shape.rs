//! The forms of CACAO 2.0's objects, and the check of a value against them.
//!
//! [`tables`](super::tables) says what OASIS's JSON schema (draft-07) says, no more and no less, so that our verdict is its
//! verdict. Draft-07 knows no `unevaluatedProperties`: what the schema does not name is allowed, and kept.

use std::net::Ipv6Addr;

use serde_json::{Map, Value};

use super::Refused;

/// Faults of one playbook that are told: a person fixes some and reads again.
const FAULTS_MAX: usize = 20;

/// What a value must be.
pub enum Shape {
    /// A text.
    Text,
    /// A text or null.
    TextOrNull,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text of a form, by its name and its check.
    Form(&'static str, fn(&str) -> bool),
    /// A time or null.
    TimeOrNull,
    /// A whole number from, to. `1.0` is whole.
    Whole(i64, i64),
    /// A number from, to.
    Number(f64, f64),
    /// A list of at least so many.
    List(&'static Self, usize),
    /// An object.
    Object(&'static Object),
    /// Nothing fits: the schema asks for two things that exclude each other.
    Never,
}

/// What an object must be.
#[derive(Default)]
pub struct Object {
    /// Its fields, where they are there.
    pub fields: &'static [(&'static str, Shape)],
    /// Fields of the object that it extends.
    pub base: Option<&'static Self>,
    /// Fields that must be there.
    pub required: &'static [&'static str],
    /// Fields that must not be there.
    pub forbidden: &'static [&'static str],
    /// Exactly one of these must be there.
    pub exactly_one: &'static [&'static str],
    /// Fields at least.
    pub least: usize,
    /// What a field must be, by its name.
    pub named: Option<fn(&str) -> Option<&'static Shape>>,
}

impl Object {
    /// Without any demand; to be filled up.
    pub const ANY: Self =
        Self { fields: &[], base: None, required: &[], forbidden: &[], exactly_one: &[], least: 0, named: None };
}

/// Any text that is an identifier: `type--UUID`.
pub const ID: Shape = Shape::Form("identifier", is_id);
/// A time in UTC.
pub const TIME: Shape = Shape::Form("timestamp", is_time);

/// Checks a value.
///
/// # Errors
/// Its faults, with their places.
pub fn check(value: &Value, shape: &Shape) -> Result<(), Vec<Refused>> {
    let mut faults = Vec::new();
    visit(value, shape, "", &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn visit(value: &Value, shape: &Shape, place: &str, faults: &mut Vec<Refused>) {
    if faults.len() >= FAULTS_MAX {
        return;
    }
    let mut wrong = |expected: String| faults.push(Refused::new(place, expected));
    match (shape, value) {
        (Shape::Text, Value::String(_))
        | (Shape::TextOrNull, Value::String(_) | Value::Null)
        | (Shape::TimeOrNull, Value::Null)
        | (Shape::Bool, Value::Bool(_)) => {}
        (Shape::Word(words), Value::String(text)) if words.contains(&text.as_str()) => {}
        (Shape::Word(words), _) => wrong(format!("must be `{}`", words.join("`, `"))),
        (Shape::Form(_, fits), Value::String(text)) if fits(text) => {}
        (Shape::Form(name, _), _) => wrong(format!("is no {name}")),
        (Shape::TimeOrNull, Value::String(text)) if is_time(text) => {}
        (Shape::Whole(from, to), Value::Number(number)) if is_whole(number, *from, *to) => {}
        (Shape::Whole(from, to), _) => wrong(format!("must be a whole number from {from} to {to}")),
        (Shape::Number(from, to), Value::Number(number))
            if number.as_f64().is_some_and(|number| (*from..=*to).contains(&number)) => {}
        (Shape::List(each, least), Value::Array(list)) => {
            if list.len() < *least {
                wrong(format!("must have {least} or more"));
            }
            for (at, value) in list.iter().enumerate() {
                visit(value, each, &format!("{place}/{at}"), faults);
            }
        }
        (Shape::Object(object), Value::Object(fields)) => members(fields, object, place, faults),
        (Shape::Text | Shape::TextOrNull, _) => wrong("must be a text".to_owned()),
        (Shape::TimeOrNull, _) => wrong("is no timestamp".to_owned()),
        (Shape::Bool, _) => wrong("must be true or false".to_owned()),
        (Shape::Number(..), _) => wrong("must be a number in its range".to_owned()),
        (Shape::List(..), _) => wrong("must be a list".to_owned()),
        (Shape::Object(_), _) => wrong("must be an object".to_owned()),
        (Shape::Never, _) => wrong("can be nothing: the standard's schema asks for two things at once".to_owned()),
    }
}

fn members(fields: &Map<String, Value>, object: &Object, place: &str, faults: &mut Vec<Refused>) {
    if let Some(base) = object.base {
        members(fields, base, place, faults);
    }
    for name in object.required.iter().filter(|name| !fields.contains_key(**name)) {
        faults.push(Refused::new(place, format!("`{name}` is missing")));
    }
    for name in object.forbidden.iter().filter(|name| fields.contains_key(**name)) {
        faults.push(Refused::new(place, format!("`{name}` must not be there")));
    }
    let one = object.exactly_one;
    if !one.is_empty() && one.iter().filter(|name| fields.contains_key(**name)).count() != 1 {
        faults.push(Refused::new(place, format!("must have one of `{}`", one.join("`, `"))));
    }
    if fields.len() < object.least {
        faults.push(Refused::new(place, "must not be empty".to_owned()));
    }
    for (name, shape) in object.fields {
        if let Some(value) = fields.get(*name) {
            visit(value, shape, &format!("{place}/{name}"), faults);
        }
    }
    if let Some(named) = object.named {
        for (name, value) in fields {
            if let Some(shape) = named(name) {
                visit(value, shape, &format!("{place}/{name}"), faults);
            }
        }
    }
}

fn is_whole(number: &serde_json::Number, from: i64, to: i64) -> bool {
    match (number.as_i64(), number.as_f64()) {
        (Some(number), _) => (from..=to).contains(&number),
        (None, Some(number)) => {
            number.fract() == 0.0 && number >= from as f64 && (to == i64::MAX || number <= to as f64)
        }
        (None, None) => false,
    }
}

/// `type--UUID`, with a type of three or more of `a-z`, `0-9`, `-` (section 10.10).
pub fn is_id(text: &str) -> bool {
    kind_of(text).is_some_and(|kind| {
        let ends = |byte: Option<&u8>, digits: bool| {
            byte.is_some_and(|byte| byte.is_ascii_lowercase() || (digits && byte.is_ascii_digit()))
        };
        let bytes = kind.as_bytes();
        bytes.len() >= 3
            && ends(bytes.first(), false)
            && ends(bytes.last(), true)
            && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    })
}

/// What stands before `--UUID`, if the text ends so.
pub fn kind_of(text: &str) -> Option<&str> {
    let at = text.len().checked_sub(38)?;
    let (kind, rest) = (text.get(..at)?, text.get(at..)?);
    rest.strip_prefix("--").is_some_and(is_uuid).then_some(kind)
}

/// A UUID of version 1 to 5 of RFC 4122's variant.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => (b'1'..=b'5').contains(&byte),
            19 => b"89abAB".contains(&byte),
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `2026-11-01T10:00:00.5Z` (section 10.14).
pub fn is_time(text: &str) -> bool {
    let number = |from: usize, to: usize| -> Option<u32> {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let within = |from, to, least, most| number(from, to).is_some_and(|number| (least..=most).contains(&number));
    let marks = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
    let marked = marks.iter().all(|(at, mark)| text.get(*at..).is_some_and(|rest| rest.starts_with(*mark)));
    let fraction =
        text.get(19..).and_then(|rest| rest.strip_suffix('Z')).is_some_and(|rest| match rest.strip_prefix('.') {
            None => rest.is_empty(),
            Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        });
    marked
        && fraction
        && number(0, 4).is_some()
        && within(5, 7, 1, 12)
        && within(8, 10, 1, 31)
        && within(11, 13, 0, 23)
        && within(14, 16, 0, 59)
        && within(17, 19, 0, 60)
}

/// The name of a variable: `__name__` (section 10.18).
pub fn is_variable(name: &str) -> bool {
    let Some(inner) = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")) else { return false };
    (1..=200).contains(&inner.len())
        && inner.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Where a case of a switch leads: a text that ends in a step's id.
pub fn is_case(text: &str) -> bool {
    let kinds =
        ["action", "end", "if-condition", "parallel", "playbook", "start", "switch-condition", "while-condition"];
    kind_of(text).is_some_and(|kind| kinds.iter().any(|one| kind.ends_with(one)))
}

/// A name of a way to reach a person.
pub fn is_contact(name: &str) -> bool {
    name.len() <= 250 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A text in which an address of the web stands: two signs, a dot, two to six small letters, and a word's end.
pub fn is_url(text: &str) -> bool {
    let allowed = |byte: &u8| {
        byte.is_ascii_alphanumeric() || b"[(http(s)?):/(www.)@%._+~#=".get(1..).is_some_and(|set| set.contains(byte))
    };
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'.').any(|(at, _)| {
        let before = at.checked_sub(2).and_then(|from| bytes.get(from..at)).is_some_and(|two| two.iter().all(allowed));
        let after = text.get(at + 1..).unwrap_or_default();
        let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
        let next = after.get(letters..).and_then(|rest| rest.chars().next());
        before && (2..=6).contains(&letters) && next.is_none_or(|next| !(next.is_alphanumeric() || next == '_'))
    })
}

/// `00:11:22:aa:BB:cc`
pub fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| if at % 3 == 2 { byte == b':' } else { byte.is_ascii_hexdigit() })
}

/// A text that ends in an IPv4 address.
pub fn is_ip4(text: &str) -> bool {
    let octet = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u8>().is_ok()
    };
    let mut parts = text.rsplitn(4, '.');
    let last = [parts.next(), parts.next(), parts.next()].into_iter().all(|part| part.is_some_and(octet));
    // Before the first octet no word's sign may stand.
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    last && parts.next().is_some_and(|first| first.rsplit(|letter| !word(letter)).next().is_some_and(octet))
}

/// A text that ends in an IPv6 address. The longest has 45 letters, so no more places are tried.
pub fn is_ip6(text: &str) -> bool {
    let from = text.len().saturating_sub(64);
    let zoned = |text: &str| {
        text.strip_prefix("fe80:").and_then(|rest| rest.split_once('%')).is_some_and(|(groups, zone)| {
            let mut parts = groups.split(':');
            let first = parts.next() == Some("") || groups.is_empty();
            first
                && groups.split(':').count() <= 5
                && groups.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
                && groups.split(':').all(|group| group.len() <= 4)
                && !zone.is_empty()
                && zone.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    (from..text.len()).filter_map(|at| text.get(at..)).any(|tail| tail.parse::<Ipv6Addr>().is_ok() || zoned(tail))
}
