//! The terminal report: worst first, why in plain words, and what was not looked at.
//!
//! Deterministic: no duration, speed or date of the run is in it; those go to standard error ([`totals`]). Without colour
//! it reads the same.

use shieldwall_schema::Timestamp;
use shieldwall_schema::finding::Finding;

use super::escape::escape_flagged;
use super::gaps;
use super::jsonl::EVIDENCES_MAX;
use super::report::{Group, Report, Totals};
use super::story::{self, Told};
use super::style::{Ink, Style, cell, columns, counted, cut, thousands, wrap};
use super::words::{self, Severity};

/// Groups whose reasons are told under their line. Ten are read; the rest is a list.
const WHY_MAX: usize = 10;
/// Lines of reasons under one group.
const WHY_LINES_MAX: usize = 2;
/// Groups listed at all; the rest is counted.
const ROWS_MAX: usize = 50;
/// Incidents whose story is told in the report.
const STORIES_MAX: usize = 3;
/// Moments of the first story, and of the others.
const FIRST_MOMENTS_MAX: usize = 14;
/// See [`FIRST_MOMENTS_MAX`].
const MOMENTS_MAX: usize = 6;
/// Columns of the host at most.
const HOST_COLUMNS_MAX: usize = 24;
/// `2026-11-03 03:12:07`
const TIME_COLUMNS: usize = 19;
/// Labels of the last lines (`Not read`) and their gap.
const LABEL_COLUMNS: usize = 10;

/// How to write the report.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Width, colour, characters.
    pub style: Style,
    /// The mildest severity listed. `None`: medium, or milder where there is nothing else.
    pub level: Option<Severity>,
}

/// Appends the report.
pub fn report(report: &Report, options: &Options, out: &mut String) {
    let style = &options.style;
    if !report.incidents.is_empty() {
        incidents(report, options, out);
        ending(report, true, style, out);
        return;
    }
    let groups = report.groups();
    let worst = groups.first().map(|group| group.severity);
    let level = options.level.unwrap_or_else(|| worst.map_or(Severity::Medium, |worst| worst.min(Severity::Medium)));
    let listed = groups.iter().take_while(|group| group.severity >= level).count().min(ROWS_MAX);
    let (shown, folded) = groups.split_at_checked(listed).unwrap_or_default();

    if groups.is_empty() {
        paragraph(Ink::Bold, "Nothing found.", style, out);
        paragraph(Ink::Plain, &format!("Checked {}.", looked_at(report)), style, out);
    } else {
        let of = format!("{} in {}", counted(groups.len() as u64, "finding", "findings"), looked_at(report));
        paragraph(Ink::Bold, &of, style, out);
        let place = only_host(shown).map(|host| format!("All on {}. ", escape_flagged(host))).unwrap_or_default();
        paragraph(Ink::Dim, &format!("{place}Worst first, then earliest. Times are UTC."), style, out);
        out.push('\n');
        rows(shown, groups.len(), style, out);
        if let Some(more) = fold(folded, level, report) {
            out.push('\n');
            paragraph(Ink::Dim, &more, style, out);
        }
    }
    ending(report, !groups.is_empty(), style, out);
}

/// The list of incidents, the first of them with their stories.
fn incidents(report: &Report, options: &Options, out: &mut String) {
    let style = &options.style;
    let all: u64 = report.incident_counts.iter().sum();
    let worst = report.incidents.iter().map(|told| told.incident.severity).max().unwrap_or_default();
    let level = options.level.unwrap_or_else(|| worst.min(Severity::Medium));
    let what = format!(
        "{} ({}) in {}",
        counted(all, "incident", "incidents"),
        counted(report.finding_count, "finding", "findings"),
        looked_at(report)
    );
    paragraph(Ink::Bold, &what, style, out);
    paragraph(Ink::Dim, "Worst first. Times are UTC.", style, out);
    let shown: Vec<(usize, &Told)> =
        report.incidents.iter().enumerate().filter(|(_, told)| told.incident.severity >= level).collect();
    let number_columns = shown.last().map_or(1, |(at, _)| (at + 1).to_string().len());
    for (place, (at, told)) in shown.iter().enumerate() {
        if place < STORIES_MAX
            || told.is_single() != shown.get(place.wrapping_sub(1)).is_none_or(|(_, before)| before.is_single())
        {
            out.push('\n');
        }
        incident(told, at + 1, place, number_columns, style, out);
    }
    let mut kinds = Vec::new();
    for (severity, count) in Severity::ALL.iter().zip(report.incident_counts).rev() {
        let listed = shown.iter().filter(|(_, told)| told.incident.severity == *severity).count() as u64;
        if count > listed {
            kinds.push((*severity, count - listed));
        }
    }
    if let Some((mildest, _)) = kinds.last() {
        let more: u64 = kinds.iter().map(|(_, count)| count).sum();
        let list: Vec<String> =
            kinds.iter().map(|(severity, count)| format!("{} {}", thousands(*count), severity.level())).collect();
        let how = if *mildest < level {
            format!("--level {}", mildest.level())
        } else {
            format!("shieldwall show {}", shown.len() + 1)
        };
        out.push('\n');
        paragraph(Ink::Dim, &format!("{} more ({}): {how}", thousands(more), list.join(", ")), style, out);
    }
}

fn incident(told: &Told, number: usize, place: usize, number_columns: usize, style: &Style, out: &mut String) {
    let severity = told.incident.severity;
    let indent = number_columns + 2 + 1 + 1 + 4 + 2;
    let word = format!("{} {:<4}", severity.shape(style.unicode), severity.word());
    let width = style.width.saturating_sub(indent);
    let headline = style.own(&escape_flagged(&told.story.headline.text));
    for (at, part) in wrap(&headline, width).iter().enumerate() {
        let part = style.paint(Ink::Bold, part);
        match at {
            0 => line(
                out,
                &format!("{number:>number_columns$}  {}  {part}", style.paint(Ink::Severity(severity), &word)),
            ),
            _ => line(out, &format!("{:indent$}{part}", "")),
        }
    }
    let mut facts = story::summary(&told.incident, style);
    if let Some(time) = told.incident.first {
        facts = format!("{} {} {facts}", utc(time), style.dot());
    }
    for part in wrap(&facts, width) {
        line(out, &format!("{:indent$}{}", "", style.paint(Ink::Dim, &part)));
    }
    let tactics = story::tactics(&told.incident, style);
    if told.is_single() {
        // Its reasons say more than a story of one moment.
        if place < WHY_MAX
            && let Some(why) = told.story.why.first()
        {
            let mut lines = wrap(&style.own(&escape_flagged(&why.text)), width);
            let more = lines.len() > WHY_LINES_MAX;
            lines.truncate(WHY_LINES_MAX);
            if let Some(last) = lines.last_mut().filter(|_| more) {
                *last = cut(&format!("{last} {}", style.ellipsis()), width, style);
            }
            for text in lines {
                line(out, &format!("{:indent$}{text}", ""));
            }
        }
        return;
    }
    if told.incident.tactics.len() > 1 {
        for part in wrap(&tactics, width) {
            line(out, &format!("{:indent$}{part}", ""));
        }
    }
    if place < STORIES_MAX {
        let most = if place == 0 { FIRST_MOMENTS_MAX } else { MOMENTS_MAX };
        story::brief(told, number, most, indent, style, out);
        if let Some(outlook) = &told.story.outlook {
            for part in wrap(&style.own(&story::ahead_brief(outlook)), width) {
                line(out, &format!("{:indent$}{}", "", style.paint(Ink::Dim, &part)));
            }
        }
        if !told.story.remedies.is_empty() {
            for part in wrap(&style.own(&story::remedies_brief(&told.story.remedies)), width) {
                line(out, &format!("{:indent$}{part}", ""));
            }
        }
    }
}

/// `2,431,882 events, 12 files (evtx, auth), with 2,858 rules`
fn looked_at(report: &Report) -> String {
    let events = report.sources.iter().fold(0u64, |sum, source| sum.saturating_add(source.events));
    let mut formats: Vec<&str> =
        report.sources.iter().filter(|source| source.events > 0).map(|source| source.format.as_str()).collect();
    formats.retain(|format| !format.is_empty());
    formats.sort_unstable();
    formats.dedup();
    let kinds = if formats.is_empty() { String::new() } else { format!(" ({})", escape_flagged(&formats.join(", "))) };
    format!(
        "{} from {}{kinds} with {}",
        counted(events, "event", "events"),
        counted(report.sources.len() as u64, "file", "files"),
        counted(report.rules, "rule", "rules"),
    )
}

fn rows(groups: &[Group<'_>], numbers: usize, style: &Style, out: &mut String) {
    let hosts: Vec<String> = groups.iter().map(host).collect();
    let one_host = only_host(groups).is_some();
    let counts: Vec<String> = groups.iter().map(|group| thousands(group.count)).collect();
    let widest = |texts: &[String], least: usize| texts.iter().map(|text| columns(text)).max().unwrap_or(0).max(least);
    let number_columns = numbers.to_string().len();
    let count_columns = widest(&counts, 7);
    // number, mark, word, then two blanks between columns.
    let indent = number_columns + 2 + 1 + 1 + 4 + 2;
    let free = style.width.saturating_sub(indent + 2 + count_columns + 2 + TIME_COLUMNS);
    // A host that all findings share stands above the list. The title gets two thirds of what is free at least.
    let host_columns = if one_host { 0 } else { widest(&hosts, 4).min(HOST_COLUMNS_MAX).min(free / 3) };
    let title_columns = free.saturating_sub(if one_host { 0 } else { host_columns + 2 }).max(8);
    let host_cell =
        |text: &str| if one_host { String::new() } else { format!("  {}", cell(text, host_columns, style)) };
    let what = cell("what", title_columns, style);
    let heading = format!("{:indent$}{what}{}  {:>count_columns$}  first seen", "", host_cell("host"), "records");
    line(out, &style.paint(Ink::Dim, &heading));
    for ((group, host), count) in groups.iter().zip(&hosts).zip(&counts) {
        let Some(lead) = group.lead() else { continue };
        let severity = group.severity;
        let word = format!("{} {:<4}", severity.shape(style.unicode), severity.word());
        let title = cell(&words::headline(&lead.analytic), title_columns, style);
        line(
            out,
            &format!(
                "{:>number_columns$}  {}  {}{}  {count:>count_columns$}  {}",
                group.number,
                style.paint(Ink::Severity(severity), &word),
                style.paint(Ink::Bold, &title),
                host_cell(host),
                cut(&when(lead, group.first), TIME_COLUMNS, style),
            ),
        );
        if group.number <= WHY_MAX {
            why(lead, indent, style, out);
        }
    }
}

/// The reasons of a group's first record, on at most [`WHY_LINES_MAX`] lines.
fn why(finding: &Finding, indent: usize, style: &Style, out: &mut String) {
    let width = style.width.saturating_sub(indent);
    let mut lines = wrap(&style.own(&words::why_line(finding)), width);
    let more = lines.len() > WHY_LINES_MAX;
    lines.truncate(WHY_LINES_MAX);
    if let Some(last) = lines.last_mut().filter(|_| more) {
        *last = cut(&format!("{last} {}", style.ellipsis()), width, style);
    }
    for text in lines {
        line(out, &format!("{:indent$}{}", "", style.paint(Ink::Dim, &text)));
    }
}

/// The host of all groups, if they have one and the same.
fn only_host<'a>(groups: &[Group<'a>]) -> Option<&'a str> {
    let mut hosts = groups.iter().map(|group| group.lead().map(|finding| finding.hosts.as_slice()).unwrap_or_default());
    let [host] = hosts.next()? else { return None };
    // Without hashes only the hosts of the evidence are known.
    let known = groups
        .iter()
        .flat_map(|group| &group.findings)
        .all(|finding| finding.sha256.is_some() || finding.count <= EVIDENCES_MAX as u64);
    (known && hosts.all(|other| other == std::slice::from_ref(host))).then_some(host.as_str())
}

/// The hosts of a group in one cell.
pub(super) fn host(group: &Group<'_>) -> String {
    match group.lead().map(|finding| finding.hosts.as_slice()).unwrap_or_default() {
        [] => "-".to_owned(),
        [one] => escape_flagged(one),
        [first, rest @ ..] => format!("{} +{}", escape_flagged(first), rest.len()),
    }
}

/// The first time in UTC; as the log wrote it where the year is unknown.
pub(super) fn when(finding: &Finding, first: Option<Timestamp>) -> String {
    let text = finding.evidences.first().and_then(|evidence| evidence.time_text.as_deref());
    match (first, text) {
        (_, Some(text)) if finding.year_unknown => escape_flagged(text),
        (Some(time), _) => utc(time),
        (None, _) => "no time".to_owned(),
    }
}

/// `2026-11-03 03:12:07`
pub(super) fn utc(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
    seconds.replace('T', " ")
}

/// What the list leaves out: how many of each severity, and how to see them.
fn fold(folded: &[Group<'_>], level: Severity, report: &Report) -> Option<String> {
    let mildest = folded.iter().map(|group| group.severity).min()?;
    let mut kinds = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let count = folded.iter().filter(|group| group.severity == severity).count();
        if count > 0 {
            kinds.push(format!("{} {}", thousands(count as u64), severity.level()));
        }
    }
    let how = if mildest < level {
        format!("--level {}", mildest.level())
    } else {
        let last = report.findings.len();
        format!("shieldwall show {}", folded.first().map_or(last, |group| group.number))
    };
    Some(format!("{} more ({}): {how}", thousands(folded.len() as u64), kinds.join(", ")))
}

/// What was not read, odd, assumed, refused; and what to do next.
fn ending(report: &Report, found: bool, style: &Style, out: &mut String) {
    out.push('\n');
    let mut not_read = gaps::not_read(report);
    if not_read.is_empty() {
        not_read.push("nothing was left out".to_owned());
    }
    for (label, statements) in [
        ("Not read", not_read),
        ("Skipped", gaps::skipped(report)),
        ("Odd", gaps::odd(report)),
        ("Learned", gaps::learned(report)),
        ("Assumed", gaps::assumed(report)),
        ("Refused", gaps::refused(report)),
    ] {
        if !statements.is_empty() {
            labelled(label, &statements.join("; "), style, out);
        }
    }
    if found && report.kept {
        let case = report.case.as_deref().map(|case| format!(" {}", escape_flagged(case))).unwrap_or_default();
        let what = match report.incidents.first() {
            Some(told) if !told.is_single() => "tells incident 1 whole",
            _ => "explains finding 1 with its evidence",
        };
        labelled("Next", &format!("shieldwall show 1{case} · {what}"), style, out);
    }
}

/// A label and a text beside it, wrapped.
pub(super) fn labelled(label: &str, text: &str, style: &Style, out: &mut String) {
    let text = style.own(text);
    for (at, part) in wrap(&text, style.width.saturating_sub(LABEL_COLUMNS)).iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        line(out, &format!("{}{part}", style.paint(Ink::Bold, &format!("{label:<LABEL_COLUMNS$}"))));
    }
}

/// A text over the whole width, wrapped.
pub(super) fn paragraph(ink: Ink, text: &str, style: &Style, out: &mut String) {
    for part in wrap(&style.own(text), style.width) {
        line(out, &style.paint(ink, &part));
    }
}

/// A line without blanks at its end.
pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// The figures of the run for standard error: `2,431,882 events, 12 files, 3 kinds, 1.2 GB in 19.3 s (63 MB/s)`.
pub fn totals(totals: &Totals) -> String {
    let bytes = totals.bytes as f64;
    let size = match totals.bytes {
        0..1_000_000 => format!("{:.1} kB", bytes / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    };
    let speed =
        if totals.seconds > 0.0 { format!(" ({:.0} MB/s)", bytes / 1e6 / totals.seconds) } else { String::new() };
    format!(
        "{}, {}, {}, {size} in {:.1} s{speed}",
        counted(totals.events, "event", "events"),
        counted(totals.files, "file", "files"),
        counted(totals.kinds, "kind", "kinds"),
        totals.seconds,
    )
}
