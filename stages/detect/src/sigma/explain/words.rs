//! Tests in words, values cut to length.

use crate::sigma::ir::{Order, Part, Pattern, RefOrder, Test, TimePart};

/// How many bytes of a value an explanation shows. Longer values are cut around the match.
pub const VALUE_BYTES_MAX: usize = 512;

/// How many bytes stand before a match that is too far back to be shown from the value's beginning.
const LEAD_BYTES: usize = 64;

/// Marks where a value was cut.
const CUT: &str = "…";

/// A test in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    /// How it compares if true: `contains`.
    pub(super) holds: String,
    /// If false: `does not contain`.
    pub(super) fails: String,
    /// What is looked for.
    pub(super) pattern: String,
}

impl Words {
    pub(super) fn of(test: &Test) -> Self {
        let new =
            |holds: &str, fails: &str, pattern: String| Self { holds: holds.into(), fails: fails.into(), pattern };
        match test {
            Test::Text { pattern, cased } => {
                let (holds, fails, text) = match pattern {
                    Pattern::Exact(text) => ("equals", "does not equal", text.to_string()),
                    Pattern::Prefix(text) => ("starts with", "does not start with", text.to_string()),
                    Pattern::Suffix(text) => ("ends with", "does not end with", text.to_string()),
                    Pattern::Contains(text) => ("contains", "does not contain", text.to_string()),
                    Pattern::Any => ("has a value like", "has no value like", "*".into()),
                    Pattern::Glob(parts) => ("is like", "is not like", wildcards(parts)),
                };
                let case = if *cased { " (case-sensitive)" } else { "" };
                new(&format!("{holds}{case}"), &format!("{fails}{case}"), text)
            }
            Test::Regex(pattern) => new("matches regex", "does not match regex", pattern.clone()),
            Test::Cidr(network) => new("is in network", "is not in network", network.clone()),
            Test::Compare(order, limit) => {
                let (holds, fails) = match order {
                    Order::Less => ("is less than", "is not less than"),
                    Order::LessOrEqual => ("is at most", "is not at most"),
                    Order::Greater => ("is greater than", "is not greater than"),
                    Order::GreaterOrEqual => ("is at least", "is not at least"),
                };
                new(holds, fails, limit.get().to_string())
            }
            Test::Null => new("is absent or null", "is not absent or null", String::new()),
            Test::Exists(true) => new("exists", "is absent", String::new()),
            Test::Exists(false) => new("is absent", "exists", String::new()),
            Test::FieldRef { field, how, cased } => {
                let (holds, fails) = match how {
                    RefOrder::Equals => ("equals field", "does not equal field"),
                    RefOrder::StartsWith => ("starts with field", "does not start with field"),
                    RefOrder::EndsWith => ("ends with field", "does not end with field"),
                    RefOrder::Contains => ("contains field", "does not contain field"),
                };
                let case = if *cased { " (case-sensitive)" } else { "" };
                new(&format!("{holds}{case}"), &format!("{fails}{case}"), field.to_string())
            }
            Test::TimePart(part, want) => {
                let part = match part {
                    TimePart::Minute => "minute",
                    TimePart::Hour => "hour",
                    TimePart::Day => "day",
                    TimePart::Week => "week",
                    TimePart::Month => "month",
                    TimePart::Year => "year",
                };
                new(&format!("has {part}"), &format!("does not have {part}"), want.to_string())
            }
        }
    }
}

/// A glob as Sigma writes it: characters that are meant literally stand behind a backslash.
fn wildcards(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::One => out.push('?'),
            Part::Many => out.push('*'),
            Part::Text(text) => {
                for character in text.chars() {
                    if matches!(character, '*' | '?') {
                        out.push('\\');
                    }
                    out.push(character);
                }
            }
        }
    }
    out
}

/// A value cut to [`VALUE_BYTES_MAX`] bytes and the marks of the cut, so that the match can be seen; and the match's place
/// in what is left.
pub(super) fn cut(value: &str, span: Option<(usize, usize)>) -> (String, Option<(u32, u32)>) {
    let place = |from: usize, to: usize| Some((u32::try_from(from).ok()?, u32::try_from(to).ok()?));
    if value.len() <= VALUE_BYTES_MAX {
        return (value.to_owned(), span.and_then(|(from, to)| place(from, to)));
    }
    let start = match span {
        Some((from, to)) if to > VALUE_BYTES_MAX => value.floor_char_boundary(from.saturating_sub(LEAD_BYTES)),
        _ => 0,
    };
    let end = value.floor_char_boundary(start + VALUE_BYTES_MAX);
    let mut out = String::with_capacity(VALUE_BYTES_MAX + 2 * CUT.len());
    if start > 0 {
        out.push_str(CUT);
    }
    let shift = out.len();
    out.push_str(value.get(start..end).unwrap_or_default());
    let shown = out.len();
    if end < value.len() {
        out.push_str(CUT);
    }
    let span = span.and_then(|(from, to)| {
        let within = |at: usize| (at.saturating_sub(start) + shift).min(shown);
        place(within(from), within(to))
    });
    (out, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_around_the_match() {
        let value = format!("{}needle{}", "ä".repeat(400), "b".repeat(800));
        let (shown, span) = cut(&value, Some((800, 806)));
        let (from, to) = span.unwrap();
        assert_eq!(shown.get(from as usize..to as usize), Some("needle"));
        assert!(shown.starts_with(CUT) && shown.ends_with(CUT) && shown.len() <= VALUE_BYTES_MAX + 2 * CUT.len());

        let (shown, span) = cut(&value, Some((0, 2)));
        assert_eq!((shown.starts_with('ä'), shown.ends_with(CUT), span), (true, true, Some((0, 2))));
        let (shown, span) = cut(&value, None);
        assert_eq!((shown.len(), span), (VALUE_BYTES_MAX + CUT.len(), None));
        assert_eq!(cut("short", Some((1, 2))), ("short".to_owned(), Some((1, 2))));
        let (shown, span) = cut(&value, Some((0, value.len())));
        assert_eq!(span.unwrap().1 as usize, shown.len() - CUT.len());
    }

    #[test]
    fn globs_are_written_with_their_wildcards() {
        let glob = [Part::Text("a*b".into()), Part::One, Part::Many, Part::Text("\\c".into())];
        assert_eq!(wildcards(&glob), "a\\*b?*\\c");
    }
}
