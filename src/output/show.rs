//! One numbered finding with everything: why, what would have kept it silent, the rule, the evidence and its raw place.

use shieldwall_schema::finding::{Evidence, Finding};

use super::escape::{escape, escape_flagged};
use super::report::Group;
use super::style::{Ink, Style, columns, counted, cut, thousands, wrap};
use super::text::{host, labelled, line, paragraph, utc, when};
use super::words;

/// Records shown of each source; the rest is counted. The case has them all.
const EVIDENCES_SHOWN: usize = 10;
/// Fields shown of a record.
const FIELDS_MAX: usize = 60;
/// Lines of one field's value.
const VALUE_LINES_MAX: usize = 6;
/// Columns of a field's name.
const FIELD_COLUMNS: usize = 34;
/// References shown.
const LINKS_MAX: usize = 5;

/// Appends everything about a group.
pub fn show(group: &Group<'_>, style: &Style, out: &mut String) {
    let Some(lead) = group.lead() else { return };
    let analytic = &lead.analytic;
    let word = format!("{} {}", group.severity.shape(style.unicode), group.severity.word());
    let number = group.number.to_string();
    let indent = columns(&number) + 2 + columns(&word) + 2;
    for (at, part) in wrap(&words::headline(analytic), style.width.saturating_sub(indent)).iter().enumerate() {
        let part = style.paint(Ink::Bold, part);
        match at {
            0 => line(out, &format!("{number}  {}  {part}", style.paint(Ink::Severity(group.severity), &word))),
            _ => line(out, &format!("{:indent$}{part}", "")),
        }
    }
    out.push('\n');
    if !analytic.description.is_empty() {
        // A description is a paragraph: its line ends are blanks.
        let text = analytic.description.split_whitespace().collect::<Vec<_>>().join(" ");
        labelled("What", &escape_flagged(&text), style, out);
    }
    labelled("Host", &hosts(group), style, out);
    labelled("When", &times(group, lead), style, out);
    for (at, text) in lead.evidences.first().map(words::why).unwrap_or_default().iter().enumerate() {
        labelled(if at == 0 { "Why" } else { "" }, text, style, out);
    }
    if lead.evidences.first().is_some_and(words::is_attacker_writable) {
        labelled("", "(an attacker may choose what stands in every field that matched)", style, out);
    }
    if let Some(text) = words::silent(lead) {
        labelled("Silent if", &text, style, out);
    }
    let harmless = words::harmless(analytic);
    if !harmless.is_empty() {
        labelled("Harmless", &format!("known causes: {}", harmless.join("; ")), style, out);
    }
    let techniques = words::techniques(analytic);
    if !techniques.is_empty() {
        labelled("ATT&CK", &techniques.join(" · "), style, out);
    }
    if let Some(anomaly) = &lead.anomaly {
        let figures = format!("{:.1}, the sum of these parts; p = {}", anomaly.score, words::p_value(anomaly.p_value));
        labelled("Score", &figures, style, out);
        for part in words::strongest(anomaly) {
            let words = format!("{:>5.1}  {}: {}", part.value, escape_flagged(&part.what), escape_flagged(&part.words));
            labelled("", &words, style, out);
        }
        labelled("Normal", &escape_flagged(&anomaly.normal), style, out);
    }
    labelled(
        if lead.anomaly.is_some() { "Detector" } else { "Rule" },
        &format!("{}, {}", escape_flagged(&analytic.uid), words::by(analytic)),
        style,
        out,
    );
    if !analytic.condition.is_empty() {
        labelled("", &format!("condition: {}", escape_flagged(&analytic.condition)), style, out);
    }
    if !analytic.hash.is_empty() {
        labelled("", &format!("SHA-256 {}", escape(&analytic.hash)), style, out);
    }
    for (at, link) in analytic.references.iter().take(LINKS_MAX).enumerate() {
        labelled(if at == 0 { "Links" } else { "" }, &escape_flagged(link), style, out);
    }
    for finding in &group.findings {
        source(finding, lead, style, out);
    }
}

fn hosts(group: &Group<'_>) -> String {
    match group.lead().map(|finding| finding.hosts.as_slice()).unwrap_or_default() {
        hosts @ [_, _, ..] => hosts.iter().map(|host| escape_flagged(host)).collect::<Vec<_>>().join(", "),
        _ => host(group),
    }
}

fn times(group: &Group<'_>, lead: &Finding) -> String {
    let records = counted(group.count, "record", "records");
    let first = when(lead, group.first);
    let zone = if group.first.is_some() && !lead.year_unknown { " UTC" } else { "" };
    match group.last.filter(|last| Some(*last) != group.first && !lead.year_unknown) {
        Some(last) => format!("{first} to {}{zone}, {records}", utc(last)),
        None => format!("{first}{zone}, {records}"),
    }
}

/// The evidence from one source.
fn source(finding: &Finding, lead: &Finding, style: &Style, out: &mut String) {
    out.push('\n');
    let shown = finding.evidences.get(..EVIDENCES_SHOWN).unwrap_or(&finding.evidences);
    let of = format!("{} of {}", shown.len(), counted(finding.count, "record", "records"));
    let head = format!("Evidence in {} ({}), {of}", escape_flagged(&finding.source), escape(&finding.format));
    paragraph(Ink::Bold, &head, style, out);
    if let Some(hash) = &finding.sha256 {
        paragraph(Ink::Dim, &format!("SHA-256 of the source {}", escape(hash)), style, out);
    }
    for (at, evidence) in shown.iter().enumerate() {
        // The first record's reasons stand at the top already.
        let told = lead.evidences.first().is_some_and(|first| first.reasons == evidence.reasons);
        record(evidence, at + 1, finding.year_unknown, !told, style, out);
    }
    let more = finding.count.saturating_sub(shown.len() as u64);
    if more > 0 {
        line(out, &style.paint(Ink::Dim, &format!("    and {} more", thousands(more))));
    }
}

fn record(evidence: &Evidence, number: usize, year_unknown: bool, tell: bool, style: &Style, out: &mut String) {
    let time = match (evidence.time, evidence.time_text.as_deref()) {
        (_, Some(text)) if year_unknown => escape_flagged(text),
        (Some(time), Some(text)) => format!("{time} (in the log: {})", escape_flagged(text)),
        (Some(time), None) => time.to_string(),
        (None, Some(text)) => escape_flagged(text),
        (None, None) => "no time".to_owned(),
    };
    let place = match evidence.place.record {
        Some(record) => format!("record {record}, byte {}", evidence.place.offset),
        None => format!("byte {}", evidence.place.offset),
    };
    let host =
        evidence.host.as_deref().map(|host| format!("{} {} ", escape_flagged(host), style.dot())).unwrap_or_default();
    const INDENT: usize = 6;
    let head = style.own(&format!("{time} {} {host}{place}", style.dot()));
    for (at, part) in wrap(&head, style.width.saturating_sub(INDENT)).iter().enumerate() {
        match at {
            0 => line(out, &format!("{number:>4}. {part}")),
            _ => line(out, &format!("{:INDENT$}{part}", "")),
        }
    }
    if tell {
        for text in words::why(evidence) {
            field("why", &text, style, out);
        }
    }
    let mut fields = evidence.fields.iter().filter(|(path, value)| !is_repeated(evidence, path, value));
    for (path, value) in fields.by_ref().take(FIELDS_MAX) {
        field(path, &escape_flagged(value), style, out);
    }
    let more = fields.count() as u64;
    if more > 0 {
        field("", &format!("and {} more fields", thousands(more)), style, out);
    }
}

/// Whether a field only repeats what is shown beside it: the host in the headline, a file's name that ends its path.
fn is_repeated(evidence: &Evidence, path: &str, value: &str) -> bool {
    if path == "device.hostname" {
        return evidence.host.as_deref() == Some(value);
    }
    let Some(file) = path.strip_suffix("name").filter(|file| file.ends_with("file.")) else { return false };
    let full = evidence.fields.iter().find(|(other, _)| other.strip_prefix(file) == Some("path"));
    full.and_then(|(_, full)| full.rsplit(['/', '\\']).next()) == Some(value)
}

/// A field's name and value; the value is escaped already.
fn field(name: &str, value: &str, style: &Style, out: &mut String) {
    const INDENT: usize = 6;
    let width = style.width.saturating_sub(INDENT + FIELD_COLUMNS + 1);
    let mut lines = wrap(&style.own(value), width);
    let more = lines.len() > VALUE_LINES_MAX;
    lines.truncate(VALUE_LINES_MAX);
    if let Some(last) = lines.last_mut().filter(|_| more) {
        *last = cut(&format!("{last} {}", style.ellipsis()), width, style);
    }
    let name = super::style::cell(&escape(name), FIELD_COLUMNS, style);
    for (at, part) in lines.iter().enumerate() {
        let name = if at == 0 { style.paint(Ink::Dim, &name) } else { " ".repeat(FIELD_COLUMNS) };
        line(out, &format!("{:INDENT$}{name} {part}", ""));
    }
}
