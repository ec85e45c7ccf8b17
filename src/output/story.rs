//! An incident for a terminal: in brief under its line in the report, and whole for `show N`.

use std::collections::BTreeSet;

use shieldwall_schema::EntityKind;
use shieldwall_schema::incident::{Incident, Severity};
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::outlook::{Outlook, Prospect};
use shieldwall_schema::remedy::Remedy;
use shieldwall_schema::story::{Moment, Sentence, Story};

use super::escape::{escape, escape_flagged};
use super::style::{Ink, Style, cell, columns, counted, cut, thousands, wrap};
use super::text::{labelled, line, paragraph, utc};

/// Columns of a moment's host at most.
const HOST_COLUMNS_MAX: usize = 20;
/// Lines of one moment in brief.
const BRIEF_LINES_MAX: usize = 2;
/// Entities of one kind named in the line below a headline.
const NAMED_MAX: usize = 3;
/// Entities of one kind named by `show`.
const SHOWN_MAX: usize = 12;
/// Techniques that may come next, in brief.
const AHEAD_BRIEF_MAX: usize = 3;
/// Remedies in a line of the list.
const REMEDIES_BRIEF_MAX: usize = 2;
/// Playbooks named.
const PLAYBOOKS_MAX: usize = 4;
/// Processes shown.
const PROCESSES_MAX: usize = 40;

/// A told incident with its number.
#[derive(Clone, Debug)]
pub struct Told {
    /// The incident.
    pub incident: Incident,
    /// Its story.
    pub story: Story,
}

impl Told {
    /// The distinct findings in the order of the story; `show N.M` counts these.
    pub fn findings(&self) -> Vec<u32> {
        let mut seen = BTreeSet::new();
        let told = self.story.timeline.iter().map(|moment| moment.finding);
        told.chain(findings(&self.incident)).filter(|finding| seen.insert(*finding)).collect()
    }

    /// Whether it is no more than one finding.
    pub fn is_single(&self) -> bool {
        self.findings().len() == 1
    }
}

/// The distinct findings of an incident in the order in which they joined.
pub fn findings(incident: &Incident) -> Vec<u32> {
    let mut seen = BTreeSet::new();
    incident.members.iter().map(|member| member.finding).filter(|finding| seen.insert(*finding)).collect()
}

/// `web01, pc-07 · deploy, anna · 203.0.113.50 · 11 findings, 431 records · 03:06:11 to 03:45:20`
pub fn summary(incident: &Incident, style: &Style) -> String {
    let mut parts: Vec<String> = Vec::new();
    for kind in [EntityKind::Host, EntityKind::User, EntityKind::Address] {
        let names = named(incident, kind, NAMED_MAX);
        if !names.is_empty() {
            parts.push(names);
        }
    }
    let members = findings(incident).len() as u64;
    let what = counted(members, "finding", "findings");
    parts.push(format!("{what}, {}", counted(incident.sightings, "record", "records")));
    parts.join(&format!(" {} ", style.dot()))
}

/// The entities of a kind, the most seen first.
fn named(incident: &Incident, kind: EntityKind, most: usize) -> String {
    let all: Vec<&str> =
        incident.involved.iter().filter(|one| one.entity.kind == kind).map(|one| one.entity.id.as_str()).collect();
    let mut names: Vec<String> = all.iter().take(most).map(|id| escape_flagged(id)).collect();
    if all.len() > most {
        names.push(format!("{} more", all.len() - most));
    }
    names.join(", ")
}

/// The moments worth most, in the order of time, indented.
pub fn brief(told: &Told, number: usize, most: usize, indent: usize, style: &Style, out: &mut String) {
    let mut chosen: Vec<&Moment> = told.story.timeline.iter().collect();
    chosen.sort_by_key(|moment| (std::cmp::Reverse(moment.severity), moment.time));
    let left_out = chosen.len().saturating_sub(most) as u64 + told.story.moments_left_out;
    chosen.truncate(most);
    chosen.sort_by_key(|moment| (moment.time, moment.finding));
    moments(&chosen, &told.findings(), number, indent, Some(BRIEF_LINES_MAX), style, out);
    if left_out > 0 {
        let more = format!("{:indent$}and {} more: shieldwall show {number}", "", thousands(left_out));
        line(out, &style.paint(Ink::Dim, &more));
    }
}

/// A day is told once; after it the clock is enough.
fn moments(
    chosen: &[&Moment],
    order: &[u32],
    number: usize,
    indent: usize,
    lines_max: Option<usize>,
    style: &Style,
    out: &mut String,
) {
    let host = |moment: &Moment| moment.host.as_deref().map(escape_flagged).unwrap_or_else(|| "-".to_owned());
    let hosts: Vec<String> = chosen.iter().map(|moment| host(moment)).collect();
    let one_host = hosts.windows(2).all(|pair| pair.first() == pair.last());
    let host_columns = hosts.iter().map(|host| columns(host)).max().unwrap_or(0).min(HOST_COLUMNS_MAX);
    let labels: Vec<String> = chosen
        .iter()
        .map(|moment| {
            let at = order.iter().position(|finding| *finding == moment.finding).map_or(0, |at| at + 1);
            format!("{number}.{at}")
        })
        .collect();
    let label_columns = labels.iter().map(String::len).max().unwrap_or(0);
    let mut day = String::new();
    for ((moment, host), label) in chosen.iter().zip(&hosts).zip(&labels) {
        let stamp = moment.time.map(utc).unwrap_or_default();
        let (date, clock) = stamp.split_once(' ').unwrap_or(("", "no time "));
        if date != day && !date.is_empty() {
            day = date.to_owned();
            line(out, &format!("{:indent$}{}", "", style.paint(Ink::Dim, date)));
        }
        let host = if one_host { String::new() } else { format!("{}  ", cell(host, host_columns, style)) };
        let head = format!("{label:<label_columns$}  {clock}  {} ", moment.severity.shape(style.unicode));
        let left = indent + columns(&head) + columns(&host);
        let mut text = escape_flagged(&moment.sentence.text);
        if moment.count > 1 {
            let until = moment.until.map(|until| format!(" until {}", clock_of(until, date))).unwrap_or_default();
            text.push_str(&format!(" ({} times{until})", thousands(moment.count)));
        }
        let width = style.width.saturating_sub(left).max(20);
        let mut lines = wrap(&style.own(&text), width);
        if let Some(most) = lines_max.filter(|most| lines.len() > *most) {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                *last = cut(&format!("{last} {}", style.ellipsis()), width, style);
            }
        }
        for (at, part) in lines.iter().enumerate() {
            match at {
                0 => {
                    let head = style.paint(ink(moment.severity), &head);
                    line(out, &format!("{:indent$}{head}{}{part}", "", style.paint(Ink::Dim, &host)));
                }
                _ => line(out, &format!("{:left$}{part}", "")),
            }
        }
    }
}

fn ink(severity: Severity) -> Ink {
    if severity >= Severity::Medium { Ink::Severity(severity) } else { Ink::Dim }
}

/// The clock, with the date where it is another day.
fn clock_of(time: shieldwall_schema::Timestamp, day: &str) -> String {
    let stamp = utc(time);
    match stamp.split_once(' ') {
        Some((date, clock)) if date == day => clock.to_owned(),
        _ => stamp,
    }
}

/// Appends everything about an incident.
pub fn show(told: &Told, number: usize, style: &Style, out: &mut String) {
    let Told { incident, story } = told;
    let word = format!("{} {}", incident.severity.shape(style.unicode), incident.severity.word());
    let lead = format!("INCIDENT {number}  ");
    let indent = columns(&lead) + columns(&word) + 2;
    let width = style.width.saturating_sub(indent);
    for (at, part) in wrap(&style.own(&escape_flagged(&story.headline.text)), width).iter().enumerate() {
        let part = style.paint(Ink::Bold, part);
        match at {
            0 => line(out, &format!("{lead}{}  {part}", style.paint(Ink::Severity(incident.severity), &word))),
            _ => line(out, &format!("{:indent$}{part}", "")),
        }
    }
    out.push('\n');
    for (kind, label) in [
        (EntityKind::Host, "Hosts"),
        (EntityKind::User, "Users"),
        (EntityKind::Address, "Addresses"),
        (EntityKind::Domain, "Domains"),
        (EntityKind::Hash, "Files"),
    ] {
        let names = named(incident, kind, SHOWN_MAX);
        if !names.is_empty() {
            labelled(label, &names, style, out);
        }
    }
    if let (Some(first), Some(last)) = (incident.first, incident.last) {
        let records = counted(incident.sightings, "record", "records");
        labelled("When", &format!("{} to {} UTC, {records}", utc(first), utc(last)), style, out);
    }
    sentences("Why", &story.why, style, out);
    let techniques: Vec<String> = incident
        .techniques
        .iter()
        .map(|(id, _)| match attack::technique_name(id) {
            Some(name) => format!("{} {name}", escape(id)),
            None => escape(id),
        })
        .collect();
    if !techniques.is_empty() {
        labelled("ATT&CK", &techniques.join(&format!(" {} ", style.dot())), style, out);
    }
    out.push('\n');
    paragraph(Ink::Bold, "Story", style, out);
    let all: Vec<&Moment> = story.timeline.iter().collect();
    moments(&all, &told.findings(), number, 2, None, style, out);
    if story.moments_left_out > 0 {
        line(out, &format!("  and {} more", counted(story.moments_left_out, "moment", "moments")));
    }
    processes(story, style, out);
    out.push('\n');
    sentences("Silent if", &story.silent, style, out);
    sentences("Not seen", &story.unseen, style, out);
    if let Some(outlook) = &story.outlook {
        out.push('\n');
        ahead(outlook, style, out);
    }
    if !story.remedies.is_empty() {
        out.push('\n');
        remedies(&story.remedies, number, style, out);
    }
    labelled("Id", &id_words(incident), style, out);
    labelled("Next", &format!("shieldwall show {number}.1 explains its first finding with the evidence"), style, out);
}

/// What may come next, whole.
fn ahead(outlook: &Outlook, style: &Style, out: &mut String) {
    paragraph(Ink::Bold, "May come next", style, out);
    line(out, "  shares of reports of intrusions with these techniques; not what the attacker will do");
    for one in &outlook.prospects {
        let head = format!("{:>3.0} %  {} {}", one.probability * 100.0, escape(&one.technique), escape(&one.name));
        line(out, &format!("  {}", style.paint(Ink::Bold, &style.own(&head))));
        let mut words = vec![escape(&one.because), escape(&one.watch.words())];
        if let Some(measure) = &one.countermeasure {
            words.push(format!(
                "beforehand: {} ({} {})",
                escape(&measure.advice),
                escape(&measure.id),
                escape(&measure.name)
            ));
        } else {
            words.push("beforehand: unknown".to_owned());
        }
        for text in words.iter().filter(|text| !text.is_empty()) {
            for part in wrap(&style.own(text), style.width.saturating_sub(9)) {
                line(out, &format!("         {part}"));
            }
        }
    }
    let none = if outlook.none < 0.005 { "under 1 %".to_owned() } else { format!("{:>3.0} %", outlook.none * 100.0) };
    line(out, &format!("  {none}  of such reports tell of none of the twenty likeliest"));
    if !outlook.alike.is_empty() {
        labelled("Like", &outlook.alike.iter().map(|one| escape(one)).collect::<Vec<_>>().join(", "), style, out);
    }
}

/// What could be done, whole.
fn remedies(remedies: &[Remedy], number: usize, style: &Style, out: &mut String) {
    paragraph(Ink::Bold, "Do", style, out);
    for one in remedies {
        let head = format!("{})  {}", escape(&one.letter), escape(&one.does));
        line(out, &format!("  {}", style.paint(Ink::Bold, &style.own(&head))));
        let left_out = one.left_out.iter().map(|text| format!("left out: {text}"));
        for text in std::iter::once(one.because.clone()).chain(one.words.iter().cloned()).chain(left_out) {
            for part in wrap(&style.own(&escape(&text)), style.width.saturating_sub(6)) {
                line(out, &format!("      {part}"));
            }
        }
        line(out, &style.paint(Ink::Dim, &format!("      shieldwall plan {number}{}", escape(&one.letter))));
    }
}

/// The playbooks that fit, and how to rehearse the first.
pub fn playbooks(names: &[String], style: &Style, out: &mut String) {
    let shown: Vec<String> = names.iter().take(PLAYBOOKS_MAX).map(|name| escape(name)).collect();
    labelled("Playbook", &shown.join(", "), style, out);
    if let Some(first) = shown.first() {
        labelled("", &format!("shieldwall replay {first} says what it would have done"), style, out);
    }
}

/// What could be done in a line: `do: a) block 203.0.113.50 for 24 h; b) lock user deploy`.
pub fn remedies_brief(remedies: &[Remedy]) -> String {
    let one = |one: &Remedy| format!("{}) {}", escape(&one.letter), escape(&one.does));
    let list: Vec<String> = remedies.iter().take(REMEDIES_BRIEF_MAX).map(one).collect();
    format!("do: {}", list.join("; "))
}

/// What may come next in a line: `41 % T1053.003 Cron (not seen here), 22 % …`.
pub fn ahead_brief(outlook: &Outlook) -> String {
    let one = |one: &Prospect| {
        let blind = one.watch.rules_with_logs == 0 && one.watch.rules > 0;
        let blind = if blind { ", which no log here would show" } else { "" };
        format!("{} {} {:.0} %{blind}", escape(&one.technique), escape(&one.name), one.probability * 100.0)
    };
    let list: Vec<String> = outlook.prospects.iter().take(AHEAD_BRIEF_MAX).map(one).collect();
    format!("may come next: {}", list.join("; "))
}

fn id_words(incident: &Incident) -> String {
    let mut text = escape(&incident.uid);
    if !incident.aliases.is_empty() {
        let aliases: Vec<String> = incident.aliases.iter().map(|alias| escape(alias)).collect();
        text.push_str(&format!(", also known as {}", aliases.join(", ")));
    }
    text
}

fn sentences(label: &str, list: &[Sentence], style: &Style, out: &mut String) {
    for (at, sentence) in list.iter().enumerate() {
        labelled(if at == 0 { label } else { "" }, &escape_flagged(&sentence.text), style, out);
    }
}

fn processes(story: &Story, style: &Style, out: &mut String) {
    // A lone process is told by the story already.
    if story.processes.len() < 2 {
        return;
    }
    out.push('\n');
    paragraph(Ink::Bold, "Processes", style, out);
    let mut host: Option<&str> = None;
    for node in story.processes.iter().take(PROCESSES_MAX) {
        if node.depth == 0 && node.host.as_deref() != host {
            host = node.host.as_deref();
            line(out, &style.paint(Ink::Dim, &format!("  {}", host.map(escape_flagged).unwrap_or_default())));
        }
        let what = if node.command_line.is_empty() { &node.image } else { &node.command_line };
        let mut pid = if node.pid.is_empty() { String::new() } else { format!("  [{}]", escape(&node.pid)) };
        if node.count > 1 {
            pid.push_str(&format!(" and {} more alike", node.count - 1));
        }
        let indent = 4 + 2 * node.depth as usize;
        let width = style.width.saturating_sub(indent + columns(&pid));
        line(
            out,
            &format!("{:indent$}{}{}", "", cut(&escape_flagged(what), width, style), style.paint(Ink::Dim, &pid)),
        );
    }
    let more = story.processes.len().saturating_sub(PROCESSES_MAX);
    if more > 0 {
        line(out, &format!("    and {more} more"));
    }
}

/// `Initial Access → Execution`
pub fn tactics(incident: &Incident, style: &Style) -> String {
    let names = incident.tactics.iter().map(|(tactic, _)| match attack::tag(&format!("attack.{tactic}")) {
        Some(AttackTag::Tactic { name, .. }) => name.to_owned(),
        _ => escape(tactic),
    });
    names.collect::<Vec<_>>().join(if style.unicode { " → " } else { " > " })
}
