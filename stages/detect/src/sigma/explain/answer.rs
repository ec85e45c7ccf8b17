//! The answer to "why not?" as short plain lines.

use std::fmt::Write as _;

use shieldwall_schema::finding::Reason;
use shieldwall_schema::mapping::Logsource;

use super::why_not::{Failure, Found, OtherSource, Verdict, WhyNot};

impl WhyNot {
    /// Whether the rule does match.
    pub fn matches(&self) -> bool {
        matches!(self.verdict, Verdict::Matches(_))
    }

    /// Short plain lines, each without an end of line. Nested ones are indented by two spaces.
    pub fn to_words(&self) -> String {
        let mut out = String::new();
        match &self.verdict {
            Verdict::Matches(reasons) => {
                line(&mut out, 0, "the rule matches this record");
                reasons.iter().for_each(|reason| line(&mut out, 1, &reason_words(reason)));
            }
            Verdict::NoRule => line(&mut out, 0, "there is no such rule, or it was refused"),
            Verdict::OtherSource(source) => source_words(source, &mut out),
            Verdict::Failed(failures) => failures.iter().for_each(|failure| failure_words(failure, 0, &mut out)),
        }
        out
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = write!(out, "{:1$}{text}", "", depth * 2);
}

fn logsource_words(source: &Logsource) -> String {
    let parts = [("product", &source.product), ("category", &source.category), ("service", &source.service)];
    let named: Vec<String> =
        parts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name} `{value}`")).collect();
    if named.is_empty() { "any log source".into() } else { named.join(", ") }
}

fn source_words(source: &OtherSource, out: &mut String) {
    line(out, 0, &format!("log source: the rule is written for {}", logsource_words(&source.asked)));
    let [product, service, provider, code] = &source.record;
    let mut record = format!("the record is product `{product}`, service `{service}`");
    for (name, value) in [("provider", provider), ("code", code)] {
        if !value.is_empty() {
            let _ = write!(record, ", {name} `{value}`");
        }
    }
    line(out, 0, &record);
    if source.known_as.is_empty() {
        line(out, 0, "no mapping knows such records");
    }
    for (name, logsource) in &source.known_as {
        line(out, 1, &format!("known as `{name}`: {}", logsource_words(logsource)));
    }
    if source.differs.is_empty() {
        line(out, 0, "each part is known, but no one log source of the record has them all");
    } else {
        line(out, 0, &format!("differs in: {}", source.differs.join(", ")));
    }
}

/// `selection: CommandLine contains `-enc`: `powershell -enc …``
fn reason_words(reason: &Reason) -> String {
    let mut out = String::new();
    if !reason.selection.is_empty() {
        let _ = write!(out, "{}: ", reason.selection);
    }
    out.push_str(if reason.field.is_empty() { "the record" } else { &reason.field });
    if let Some(native) = &reason.native {
        let _ = write!(out, " ({native})");
    }
    let _ = write!(out, " {}", reason.how);
    if !reason.pattern.is_empty() {
        let _ = write!(out, " `{}`", reason.pattern);
    }
    if !reason.value.is_empty() && reason.value != reason.pattern {
        let _ = write!(out, ": `{}`", reason.value);
    }
    out
}

fn failure_words(failure: &Failure, depth: usize, out: &mut String) {
    match failure {
        Failure::Test { selection, field, natives, how, pattern, found } => {
            line(out, depth, &test_words(selection, field, natives, how, &[pattern], 0, found));
        }
        Failure::Excluded { selection, because } => {
            let what =
                if selection.is_empty() { "a negated condition".into() } else { format!("filter `{selection}`") };
            line(out, depth, &format!("{what} applies, so the record is excluded"));
            because.iter().for_each(|reason| line(out, depth + 1, &reason_words(reason)));
        }
        Failure::NoneOf { first, more } => none_of_words(first, *more, depth, out),
    }
}

fn none_of_words(first: &[Failure], more: usize, depth: usize, out: &mut String) {
    // A list of patterns for one field is one sentence.
    if let Some(Failure::Test { selection, field, natives, how, found, .. }) = first.first() {
        let patterns: Option<Vec<&String>> = first
            .iter()
            .map(|failure| match failure {
                Failure::Test { selection: s, field: f, how: h, pattern, .. } => {
                    ((s, f, h) == (selection, field, how)).then_some(pattern)
                }
                _ => None,
            })
            .collect();
        if let Some(patterns) = patterns {
            line(out, depth, &test_words(selection, field, natives, how, &patterns, more, found));
            return;
        }
    }
    let head = if more > 0 {
        format!("none of {} alternatives holds; the first:", first.len() + more)
    } else {
        "none of these holds:".into()
    };
    line(out, depth, &head);
    first.iter().for_each(|failure| failure_words(failure, depth + 1, out));
}

fn test_words(
    selection: &str,
    field: &str,
    natives: &[String],
    how: &str,
    patterns: &[&String],
    more: usize,
    found: &Found,
) -> String {
    let mut out = String::new();
    if !selection.is_empty() {
        let _ = write!(out, "{selection}: ");
    }
    let subject = if field.is_empty() { "the record" } else { field };
    let _ = write!(out, "wanted that {subject} {how}");
    let shown: Vec<String> = patterns.iter().filter(|pattern| !pattern.is_empty()).map(|p| format!("`{p}`")).collect();
    if !shown.is_empty() {
        let _ = write!(out, " {}", shown.join(" or "));
    }
    if more > 0 {
        let _ = write!(out, " or one of {more} more");
    }
    match found {
        Found::Absent { similar } => {
            out.push_str(", but the record has no ");
            out.push_str(if field.is_empty() { "values" } else { "such field" });
            if !(natives.is_empty() || natives.len() == 1 && natives.first().is_some_and(|native| native == field)) {
                let _ = write!(out, " (there called `{}`)", natives.join("` or `"));
            }
            if !similar.is_empty() {
                let _ = write!(out, "; it has `{}`", similar.join("`, `"));
            }
        }
        Found::Values { .. } if field.is_empty() => out.push_str(", but no value does"),
        Found::Values { first, more } => {
            let _ = write!(out, ", but it is `{}`", first.join("`, `"));
            if *more > 0 {
                let _ = write!(out, " and {more} more");
            }
        }
    }
    out
}
