//! One value against one test: text with wildcards, numbers, networks, parts of a time.
//!
//! The fast path (the group programs) and the slow path (explanations) call the same functions, so that what is shown is
//! what was compared. Every function is linear in the value, for a given rule, and gives up instead of guessing: a text
//! that is not strictly a number, an address or a time satisfies no test about one.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil;
use memchr::memmem;

use crate::sigma::ir::{Number, Order, Part, Pattern, RefOrder, TimePart};

/// How many values of each side a `|fieldref` compares with each other. A record's field has one value, rarely a few; the
/// limit keeps a hostile array from costing its square.
pub const REF_VALUES_MAX: usize = 256;

/// Lower case as [`shieldwall_schema::event::fold_into`] makes it.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    shieldwall_schema::event::fold_into(text, &mut out);
    out
}

/// Whether `pattern` matches the whole of `value`. Both are folded, or neither.
pub(crate) fn text(pattern: &Pattern, value: &str) -> bool {
    span(pattern, value).is_some()
}

/// Where in `value` the pattern's text stands, if it matches; globs and `*` name the whole value.
pub(crate) fn span(pattern: &Pattern, value: &str) -> Option<(usize, usize)> {
    match pattern {
        Pattern::Exact(want) => (**want == *value).then_some((0, value.len())),
        Pattern::Prefix(want) => value.starts_with(&**want).then_some((0, want.len())),
        Pattern::Suffix(want) => {
            value.ends_with(&**want).then_some((value.len().wrapping_sub(want.len()), value.len()))
        }
        Pattern::Contains(want) => find(want, value).map(|at| (at, at + want.len())),
        Pattern::Any => Some((0, value.len())),
        Pattern::Glob(parts) => glob(parts, value).then_some((0, value.len())),
    }
}

/// Where `needle` first stands in `value`.
pub(crate) fn find(needle: &str, value: &str) -> Option<usize> {
    memmem::find(value.as_bytes(), needle.as_bytes())
}

/// Whether a glob, anchored at both ends, matches.
///
/// The stretches between `*` are placed one after the other, each as far left as it goes, the last one at the end:
/// nothing is ever taken back.
pub(crate) fn glob(parts: &[Part], value: &str) -> bool {
    glob_by(parts, value, |_, text, value| find(text, value))
}

/// The same; `find` finds the text of a part, given by its position too, for callers that keep its search.
pub(crate) fn glob_by(parts: &[Part], value: &str, find: impl Fn(usize, &str, &str) -> Option<usize>) -> bool {
    let (Some(first), Some(last)) =
        (parts.iter().position(|part| *part == Part::Many), parts.iter().rposition(|part| *part == Part::Many))
    else {
        return head(parts, value) == Some("");
    };
    let (before, between, after) =
        (parts.get(..first).unwrap_or_default(), parts.get(first..last).unwrap_or_default(), parts.get(last + 1..));
    let Some(rest) = head(before, value).and_then(|rest| tail(after.unwrap_or_default(), rest)) else {
        return false;
    };
    let (mut rest, mut at) = (rest, first);
    for stretch in between.split(|part| *part == Part::Many) {
        if !stretch.is_empty() {
            match leftmost(stretch, rest, |text, value| find(at, text, value)) {
                Some(found) => rest = found,
                None => return false,
            }
        }
        // Behind the stretch stands a `*`.
        at += stretch.len() + 1;
    }
    true
}

/// Takes a stretch without `*` off the front; what is left.
fn head<'a>(stretch: &[Part], value: &'a str) -> Option<&'a str> {
    stretch.iter().try_fold(value, |rest, part| match part {
        Part::Text(text) => rest.strip_prefix(&**text),
        Part::One => {
            let mut chars = rest.chars();
            chars.next().map(|_| chars.as_str())
        }
        Part::Many => None,
    })
}

/// Takes a stretch without `*` off the end; what is left.
fn tail<'a>(stretch: &[Part], value: &'a str) -> Option<&'a str> {
    stretch.iter().rev().try_fold(value, |rest, part| match part {
        Part::Text(text) => rest.strip_suffix(&**text),
        Part::One => {
            let mut chars = rest.chars();
            chars.next_back().map(|_| chars.as_str())
        }
        Part::Many => None,
    })
}

/// Finds the leftmost place of a stretch without `*`; what follows it.
fn leftmost<'a>(stretch: &[Part], value: &'a str, find: impl Fn(&str, &str) -> Option<usize>) -> Option<&'a str> {
    let mut from = value;
    loop {
        if let Some(Part::Text(text)) = stretch.first() {
            from = from.get(find(text, from)?..)?;
        }
        if let Some(rest) = head(stretch, from) {
            return Some(rest);
        }
        let mut chars = from.chars();
        chars.next()?;
        from = chars.as_str();
    }
}

/// `|lt` and its kin: whether the value is a number and stands so to `limit`. Whole numbers compare exactly.
pub(crate) fn number(order: Order, limit: Number, value: &str) -> bool {
    let Some(found) = parse_number(value).and_then(|value| value.partial_cmp_to(limit.get())) else {
        return false;
    };
    match order {
        Order::Less => found == Ordering::Less,
        Order::LessOrEqual => found != Ordering::Greater,
        Order::Greater => found == Ordering::Greater,
        Order::GreaterOrEqual => found != Ordering::Less,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Parsed {
    Whole(i128),
    Float(f64),
}

impl Parsed {
    fn partial_cmp_to(self, limit: f64) -> Option<Ordering> {
        /// Floats up to here convert to `i128` without loss.
        const EXACT_MAX: f64 = 1e37;
        match self {
            Self::Whole(whole) if limit.abs() < EXACT_MAX => {
                // Below the limit's floor is below the limit; equal to it only if the limit is whole.
                let floor = limit.floor();
                Some(whole.cmp(&(floor as i128)).then(if floor < limit { Ordering::Less } else { Ordering::Equal }))
            }
            Self::Whole(whole) => (whole as f64).partial_cmp(&limit),
            Self::Float(float) => float.partial_cmp(&limit),
        }
    }
}

/// Decimal with optional sign, fraction and exponent, or `0x` and hexadecimal digits. No spaces, no `inf`, no `nan`.
fn parse_number(text: &str) -> Option<Parsed> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if hex { i128::from_str_radix(digits, 16).ok().map(Parsed::Whole) } else { None };
    }
    if let Ok(whole) = text.parse::<i128>() {
        return Some(Parsed::Whole(whole));
    }
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    // `.5` and `5.` are no numbers to most logs' formats; here neither.
    let digits = text.trim_start_matches(['-', '+']);
    let framed = digits.starts_with(|first: char| first.is_ascii_digit()) && !digits.ends_with('.');
    if !plain || !framed {
        return None;
    }
    text.parse::<f64>().ok().map(Parsed::Float)
}

/// Reads a rule's network.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `|cidr`: whether the value is an address in the network.
///
/// Strict: no zone ids, no ports, no octal or hexadecimal parts. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is
/// in the networks of both its forms.
pub(crate) fn in_network(network: &IpNet, value: &str) -> bool {
    // No address is longer than `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
    if value.len() > 45 {
        return false;
    }
    value.parse::<IpAddr>().is_ok_and(|address| network.contains(&address) || network.contains(&address.to_canonical()))
}

/// `|fieldref`: whether one value stands so to the other. Both are folded, or neither.
pub(crate) fn reference(how: RefOrder, value: &str, other: &str) -> bool {
    match how {
        RefOrder::Equals => value == other,
        RefOrder::StartsWith => value.starts_with(other),
        RefOrder::EndsWith => value.ends_with(other),
        RefOrder::Contains => find(other, value).is_some(),
    }
}

/// `|hour` and its kin: whether the value is a time whose part, in UTC, is `want`.
pub(crate) fn time_part(part: TimePart, want: i64, value: &str) -> bool {
    parse_time(value).is_some_and(|time| {
        let found = match part {
            TimePart::Minute => i64::from(time.minute()),
            TimePart::Hour => i64::from(time.hour()),
            TimePart::Day => i64::from(time.day()),
            TimePart::Week => i64::from(time.date().iso_week_date().week()),
            TimePart::Month => i64::from(time.month()),
            TimePart::Year => i64::from(time.year()),
        };
        found == want
    })
}

/// RFC 3339 text; the same without a zone, which is read as UTC; or a whole number of seconds, milliseconds, microseconds
/// or nanoseconds since 1970, told apart by its digits.
fn parse_time(text: &str) -> Option<civil::DateTime> {
    // A longer text is no time; the parser need not see it.
    if text.len() > 40 {
        return None;
    }
    let utc = |time: jiff::Timestamp| time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse::<i64>().ok()?;
        let time = match text.len() {
            // Smaller numbers are counts and ids, not times of the first years after 1970.
            0..=8 => return None,
            9..=11 => jiff::Timestamp::from_second(number),
            12..=14 => jiff::Timestamp::from_millisecond(number),
            15..=17 => jiff::Timestamp::from_microsecond(number),
            _ => jiff::Timestamp::from_nanosecond(i128::from(number)),
        };
        return time.ok().map(utc);
    }
    text.parse::<jiff::Timestamp>().ok().map(utc).or_else(|| text.parse::<civil::DateTime>().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pattern: &str) -> Vec<Part> {
        let mut out = Vec::new();
        for character in pattern.chars() {
            match (character, out.last_mut()) {
                ('?', _) => out.push(Part::One),
                ('*', _) => out.push(Part::Many),
                (other, Some(Part::Text(text))) => *text = format!("{text}{other}").into(),
                (other, _) => out.push(Part::Text(other.to_string().into())),
            }
        }
        out
    }

    #[test]
    fn globs() {
        for (pattern, value, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "ä", true),
            ("?", "äb", false),
            ("a*b", "ab", true),
            ("a*b", "a", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a?c*e", "abcde", true),
            ("*a?c*", "xxabxabcx", true),
            ("*a?c", "abcabc", true),
            ("*a?c", "abcabd", false),
            ("*ab*bc*", "abc", false),
            ("*ab*bc*", "ab bc", true),
            ("*?*", "", false),
            ("*??*", "aß", true),
            ("a**b", "ab", true),
            ("*\\cmd?exe", "c:\\cmd.exe", true),
        ] {
            assert_eq!(glob(&parts(pattern), value), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn a_glob_on_a_hostile_value_stays_linear() {
        let value = "a".repeat(1 << 20);
        assert!(!glob(&parts("*a?a*a?b*c*"), &value));
        assert!(!glob(&parts("*a*a*a*a*a*a*a*a*a*a*b"), &value));
    }

    #[test]
    fn spans() {
        let check =
            |pattern: Pattern, value: &str, expected| assert_eq!(span(&pattern, value), expected, "{pattern:?}");
        check(Pattern::Exact("ab".into()), "ab", Some((0, 2)));
        check(Pattern::Exact("ab".into()), "abc", None);
        check(Pattern::Exact("".into()), "", Some((0, 0)));
        check(Pattern::Prefix("ab".into()), "abc", Some((0, 2)));
        check(Pattern::Suffix("bc".into()), "abc", Some((1, 3)));
        check(Pattern::Contains("b".into()), "abc", Some((1, 2)));
        check(Pattern::Contains("x".into()), "abc", None);
        check(Pattern::Any, "", Some((0, 0)));
    }

    #[test]
    fn numbers() {
        use Order::{Greater, GreaterOrEqual, Less, LessOrEqual};
        for (order, limit, value, expected) in [
            (Less, 10.0, "9", true),
            (Less, 10.0, "10", false),
            (LessOrEqual, 10.0, "10", true),
            (Greater, 10.0, "0x0b", true),
            (Greater, 10.0, "0X0A", false),
            (GreaterOrEqual, 10.5, "10", false),
            (Less, 10.5, "10", true),
            (Less, -1.5, "-2", true),
            (Greater, -1.5, "-1", true),
            (Greater, 1.0, "1.5", true),
            (Greater, 1.0, "1e3", true),
            (GreaterOrEqual, 9_007_199_254_740_992.0, "9007199254740991", false),
            (Greater, 9_007_199_254_740_992.0, "9007199254740993", true),
            (Greater, 0.0, "170141183460469231731687303715884105727", true),
            (Less, 1e300, "99999999999999999999999999999999999999999999999", true),
            // Not numbers: neither below nor above.
            (Less, 10.0, "", false),
            (Greater, 10.0, " 11", false),
            (Greater, 10.0, "inf", false),
            (Greater, 10.0, "NaN", false),
            (Less, 10.0, "0x", false),
            (Less, 10.0, "0x-1", false),
            (Less, 10.0, "--1", false),
            (Less, 10.0, "e", false),
            (Less, 10.0, "1,000", false),
            (Less, 10.0, ".5", false),
            (Less, 10.0, "5.", false),
        ] {
            assert_eq!(number(order, Number::new(limit).unwrap(), value), expected, "{value} {order:?} {limit}");
        }
    }

    #[test]
    fn networks() {
        for (net, value, expected) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:0:0/96", "::ffff:10.1.2.3", true),
            ("::ffff:0:0/96", "10.1.2.3", false),
            ("fe80::/10", "fe80::1", true),
            ("fe80::/10", "FE80:0:0:0:0:0:0:1", true),
            ("::1/128", "::1", true),
            ("127.0.0.1", "127.0.0.1", true),
            // Strict: none of these is an address.
            ("fe80::/10", "fe80::1%eth0", false),
            ("127.0.0.0/8", "0x7f.1", false),
            ("127.0.0.0/8", "127.1", false),
            ("127.0.0.0/8", "127.0.0.1:80", false),
            ("127.0.0.0/8", " 127.0.0.1", false),
            ("127.0.0.0/8", "127.0.0.001", false),
            ("0.0.0.0/0", "999.1.1.1", false),
            ("0.0.0.0/0", "", false),
            ("0.0.0.0/0", "0.0.0.0", true),
            ("::/0", "::", true),
        ] {
            assert_eq!(in_network(&network(net).unwrap(), value), expected, "{value} in {net}");
        }
        assert!(network("10.0.0.0/33").is_none());
    }

    #[test]
    fn times() {
        use TimePart::{Day, Hour, Minute, Month, Week, Year};
        for (part, want, value, expected) in [
            (Hour, 23, "2024-05-01T23:05:00Z", true),
            (Hour, 21, "2024-05-01T23:05:00+02:00", true),
            (Minute, 5, "2024-05-01 23:05:00.123", true),
            (Day, 1, "2024-05-01T23:05:00Z", true),
            (Month, 5, "2024-05-01T23:05:00Z", true),
            (Week, 1, "2024-12-31T00:00:00Z", true),
            (Year, 1970, "0", false),
            (Year, 1973, "100000000", true),
            (Year, 2024, "1714604700", true),
            (Year, 2024, "1714604700000", true),
            (Year, 2024, "1714604700000000", true),
            (Year, 2024, "1714604700000000000", true),
            (Hour, 23, "23:05", false),
            (Hour, 0, "", false),
            (Hour, 0, "yesterday", false),
            (Day, 30, "2024-02-30T00:00:00Z", false),
        ] {
            assert_eq!(time_part(part, want, value), expected, "{part:?} of {value}");
        }
    }
}
