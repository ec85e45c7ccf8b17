//! Incidents told whole.

use std::collections::BTreeSet;
use std::io;

use shieldwall_schema::EntityKind;
use shieldwall_schema::finding::{Evidence, Finding};
use shieldwall_schema::incident::Incident;
use shieldwall_schema::ocsf::attack;
use shieldwall_schema::outlook::Outlook;
use shieldwall_schema::remedy::Remedy;
use shieldwall_schema::story::{ProcessNode, Sentence, Story};

use super::page::Page;
use super::tables::{end_table, table};
use super::{BYTES_MAX, STORIES_MAX};
use crate::output::dossier::{Dossier, Findings};
use crate::output::story::{Told, summary};
use crate::output::style::{Style, counted, thousands};
use crate::output::words;

/// Folded stories that are laid out at once.
const AT_ONCE_MAX: usize = 20;
/// Findings of one incident that are shown with evidence.
const EVIDENCE_FINDINGS_MAX: usize = 12;
/// Records of one finding shown.
const EVIDENCES_MAX: usize = 2;
/// Fields of one record shown.
const FIELDS_MAX: usize = 24;
/// Characters of one field's value shown.
const VALUE_CHARS_MAX: usize = 400;
/// Entities of one kind named.
const NAMED_MAX: usize = 12;
/// Bytes of one story, as near as its parts allow: one flood of long values may not crowd out the next incident.
const ONE_BYTES_MAX: usize = 200_000;
/// Share of the page that stories may take; tables need the rest.
const STORY_BYTES_MAX: usize = BYTES_MAX / 10 * 6;
/// Rows of the table of incidents without a story.
const ROWS_MAX: usize = 500;
/// Where that table ends at the latest.
const REST_BYTES_MAX: usize = BYTES_MAX / 10 * 7;

/// The section of stories; the first `open` of them lie open. Gives how many are told.
///
/// # Errors
/// When a finding cannot be read back.
pub fn stories(dossier: &Dossier<'_>, findings: &mut dyn Findings, open: usize, page: &mut Page) -> io::Result<usize> {
    if dossier.stories.is_empty() {
        return Ok(0);
    }
    page.raw("<section aria-labelledby=\"stories\">\n<h2 id=\"stories\">What happened</h2>\n");
    let mut told_count = 0;
    for (at, told) in dossier.stories.iter().enumerate().take(STORIES_MAX) {
        if page.len() > STORY_BYTES_MAX {
            break;
        }
        told_count += 1;
        story(at + 1, told, at < open, findings, page)?;
    }
    rest(dossier, told_count, page);
    page.raw("</section>\n");
    Ok(told_count)
}

/// Incidents without a story here, one a row.
fn rest(dossier: &Dossier<'_>, told: usize, page: &mut Page) {
    let rest = dossier.incidents.get(told..).unwrap_or_default();
    if rest.is_empty() {
        return;
    }
    let caption = "More incidents, in the same order; `shieldwall show N` tells each of them";
    table(caption, &["N", "Level", "First (UTC)", "Whom and what it concerns"], rest.len(), page);
    let mut shown = 0;
    for (at, incident) in rest.iter().enumerate().take(ROWS_MAX) {
        if page.len() > REST_BYTES_MAX {
            break;
        }
        shown += 1;
        page.raw(&format!("<tr><th scope=\"row\">{}</th><td>", told + at + 1)).badge(incident.severity);
        page.raw("</td><td class=\"t\">").time(incident.first).raw("</td><td>");
        page.text(&summary(incident, &Style::PLAIN)).raw("</td></tr>\n");
    }
    end_table(page);
    if rest.len() > shown {
        let left = counted((rest.len() - shown) as u64, "more incident", "more incidents");
        page.element("p", "note", &format!("{left}: incidents.jsonl in the case folder has them all."));
    }
}

fn story(number: usize, told: &Told, open: bool, findings: &mut dyn Findings, page: &mut Page) -> io::Result<()> {
    let Told { incident, story } = told;
    let level = incident.severity.level();
    let until = page.len() + ONE_BYTES_MAX;
    // A page of many stories lays out what is scrolled to; one of a few stands as a whole.
    let folded = if open {
        ""
    } else if number > AT_ONCE_MAX {
        " folded late"
    } else {
        " folded"
    };
    page.raw(&format!(
        "<article class=\"card story {level}{folded}\" id=\"incident-{number}\" aria-labelledby=\"headline-{number}\">\n"
    ));
    page.raw(&format!("<h3 id=\"headline-{number}\">")).badge(incident.severity);
    page.raw(&format!("{number}. ")).sentence(&story.headline).raw("</h3>\n");
    page.raw("<p class=\"facts\">").time(incident.first);
    if incident.last != incident.first {
        page.raw(" to ").time(incident.last);
    }
    let members = told.findings();
    page.raw(" · ").text(&counted(members.len() as u64, "finding", "findings"));
    page.raw(", ").text(&counted(incident.sightings, "record", "records")).raw("</p>\n");
    if !open {
        page.raw(&format!(
            "<details class=\"whole\"><summary>Incident {number} whole: why, timeline, evidence</summary>\n"
        ));
    }
    list("Why it deserves a look", &story.why, page);
    timeline(story, until, page);
    processes(&story.processes, until, page);
    involved(incident, page);
    list("What would have kept it silent", &story.silent, page);
    list("What could not be seen", &story.unseen, page);
    if let Some(outlook) = &story.outlook {
        ahead(outlook, page);
    }
    if !story.remedies.is_empty() {
        remedies(&story.remedies, number, page);
    }
    evidence(&members, until, findings, page)?;
    page.raw("<p class=\"hash\">Incident ").text(&incident.uid);
    if !incident.aliases.is_empty() {
        page.raw(", also known as ").text(&incident.aliases.join(", "));
    }
    page.raw("</p>\n").raw(if open { "" } else { "</details>\n" }).raw("</article>\n");
    Ok(())
}

/// What could be done.
fn remedies(remedies: &[Remedy], number: usize, page: &mut Page) {
    page.element("h4", "", "What could be done").raw("\n<ul>\n");
    for one in remedies {
        page.raw("<li><strong>").text(&format!("{}) {}", one.letter, one.does)).raw("</strong><br>");
        page.text(&one.because).raw("<br>");
        for text in &one.words {
            page.text(text).raw("<br>");
        }
        for text in &one.left_out {
            page.text(&format!("left out: {text}")).raw("<br>");
        }
        if let Some((id, name)) = &one.d3fend {
            page.text(&format!("{id} {name}")).raw("<br>");
        }
        page.raw("<code>").text(&format!("shieldwall plan {number}{}", one.letter)).raw("</code></li>\n");
    }
    page.raw("</ul>\n");
}

/// What may come next.
fn ahead(outlook: &Outlook, page: &mut Page) {
    page.element("h4", "", "What may come next").raw("\n<p class=\"facts\">");
    page.text("Shares of reports of intrusions with these techniques; not what the attacker will do. ");
    page.text(&format!("{:.0} % of such reports tell of none of the twenty likeliest.", outlook.none * 100.0));
    page.raw("</p>\n<ul>\n");
    for one in &outlook.prospects {
        page.raw("<li><strong>").text(&format!("{:.0} %", one.probability * 100.0)).raw("</strong> ");
        page.text(&format!("{} {}", one.technique, one.name)).raw("<br>");
        for text in [&one.because, &one.watch.words()] {
            page.text(text).raw("<br>");
        }
        match &one.countermeasure {
            Some(measure) => page.text(&format!("Beforehand: {} ({} {})", measure.advice, measure.id, measure.name)),
            None => page.text("Beforehand: unknown"),
        };
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
    if !outlook.alike.is_empty() {
        page.raw("<p>").text(&format!("Like it: {}", outlook.alike.join(", "))).raw("</p>\n");
    }
}

fn list(title: &str, sentences: &[Sentence], page: &mut Page) {
    if sentences.is_empty() {
        return;
    }
    page.element("h4", "", title).raw("\n<ul>\n");
    for sentence in sentences {
        page.raw("<li>").sentence(sentence).raw("</li>\n");
    }
    page.raw("</ul>\n");
}

fn timeline(story: &Story, until: usize, page: &mut Page) {
    page.raw("<h4>Timeline</h4>\n<ol class=\"time\">\n");
    let mut left_out = story.moments_left_out;
    for moment in &story.timeline {
        if page.len() > until {
            left_out += 1;
            continue;
        }
        page.raw("<li class=\"").raw(moment.severity.level()).raw("\"><span class=\"when\">").time(moment.time);
        page.raw("</span><span>");
        page.sentence(&moment.sentence);
        if moment.count > 1 {
            page.raw(" (").text(&thousands(moment.count)).raw(" times");
            if moment.until.is_some() {
                page.raw(" until ").time(moment.until);
            }
            page.raw(")");
        }
        page.raw(" <span class=\"host\">");
        page.raw(moment.severity.level());
        if let Some(host) = &moment.host {
            page.raw(" · ").text(host);
        }
        for technique in &moment.techniques {
            page.raw(" · ").text(technique);
            if let Some(name) = attack::technique_name(technique) {
                page.raw(" ").text(name);
            }
        }
        page.raw("</span></span></li>\n");
    }
    page.raw("</ol>\n");
    if left_out > 0 {
        page.element("p", "note", &format!("{} more moments are left out here.", thousands(left_out)));
    }
}

/// The tree as nested lists. Depths grow by at most one from a node to the next; where they do not, the list still closes.
fn processes(nodes: &[ProcessNode], until: usize, page: &mut Page) {
    if nodes.len() < 2 {
        return;
    }
    page.raw("<h4>Processes</h4>\n<ul class=\"tree\">\n");
    let mut open = 0;
    let mut shown = 0;
    for (at, node) in nodes.iter().enumerate() {
        if at > 0 {
            if page.len() > until {
                break;
            }
            if node.depth > open {
                page.raw("\n<ul>\n");
                open += 1;
            } else {
                page.raw("</li>\n");
                while open > node.depth {
                    page.raw("</ul></li>\n");
                    open -= 1;
                }
            }
        }
        shown += 1;
        let what = if node.command_line.is_empty() { &node.image } else { &node.command_line };
        page.raw("<li>").element("code", "", &shortened(what));
        if !node.pid.is_empty() {
            page.raw(" <span class=\"hash\">").text(&node.pid).raw("</span>");
        }
        if node.count > 1 {
            page.raw(" <span class=\"facts\">and ")
                .text(&thousands(u64::from(node.count - 1)))
                .raw(" more alike</span>");
        }
        if node.depth == 0
            && let Some(host) = &node.host
        {
            page.raw(" <span class=\"facts\">on ").text(host).raw("</span>");
        }
    }
    page.raw("</li>\n");
    for _ in 0..open {
        page.raw("</ul></li>\n");
    }
    page.raw("</ul>\n");
    if nodes.len() > shown {
        let left = thousands((nodes.len() - shown) as u64);
        page.element("p", "note", &format!("{left} more processes are left out here."));
    }
}

fn involved(incident: &Incident, page: &mut Page) {
    page.raw("<h4>Whom and what it concerns</h4>\n<dl>\n");
    for (kind, word) in [
        (EntityKind::Host, "Hosts"),
        (EntityKind::User, "Users"),
        (EntityKind::Address, "Addresses"),
        (EntityKind::Domain, "Domains"),
        (EntityKind::Session, "Logon sessions"),
        (EntityKind::Hash, "File hashes"),
        (EntityKind::Connection, "Connections (Community ID)"),
    ] {
        let all: Vec<&str> =
            incident.involved.iter().filter(|one| one.entity.kind == kind).map(|one| one.entity.id.as_str()).collect();
        if all.is_empty() {
            continue;
        }
        page.element("dt", "", word).raw("<dd>");
        for (at, id) in all.iter().take(NAMED_MAX).enumerate() {
            page.raw(if at > 0 { ", " } else { "" }).text(id);
        }
        if all.len() > NAMED_MAX {
            page.text(&format!(" and {} more", all.len() - NAMED_MAX));
        }
        page.raw("</dd>\n");
    }
    page.raw("</dl>\n");
}

fn evidence(members: &[u32], until: usize, findings: &mut dyn Findings, page: &mut Page) -> io::Result<()> {
    page.raw("<details><summary>Evidence: records, files, hashes</summary>\n");
    let mut shown = 0;
    for number in members.iter().take(EVIDENCE_FINDINGS_MAX) {
        if page.len() > until {
            break;
        }
        shown += 1;
        finding(&findings.get(*number as usize, EVIDENCES_MAX)?, page);
    }
    if members.len() > shown {
        let words =
            format!("{} more findings: findings.jsonl in the case folder has their evidence.", members.len() - shown);
        page.element("p", "note", &words);
    }
    page.raw("</details>\n");
    Ok(())
}

fn finding(finding: &Finding, page: &mut Page) {
    page.element("h4", "", &words::headline(&finding.analytic));
    page.raw("<p class=\"facts\">").text(&counted(finding.count, "record", "records")).raw(" in <code>");
    page.text(&finding.source).raw("</code> (").text(&finding.format).raw(")");
    if let Some(hash) = &finding.sha256 {
        page.raw("<br><span class=\"hash\">SHA-256 ").text(hash).raw("</span>");
    }
    page.raw(if finding.anomaly.is_some() { "<br>Detector " } else { "<br>Rule " }).text(&finding.analytic.uid);
    page.raw(", ").text(&words::by(&finding.analytic)).raw("</p>\n");
    if let Some(anomaly) = &finding.anomaly {
        page.text(&format!(
            "Score {:.1}, the sum of these parts; p = {}",
            anomaly.score,
            words::p_value(anomaly.p_value)
        ));
        page.raw("\n<ul>\n");
        for part in words::strongest(anomaly) {
            page.raw("<li>").text(&format!("{:.1} {}: {}", part.value, part.what, part.words)).raw("</li>\n");
        }
        page.raw("</ul>\n<p>Normal: ").text(&anomaly.normal).raw("</p>\n");
    }
    for evidence in &finding.evidences {
        record(evidence, page);
    }
}

fn record(evidence: &Evidence, page: &mut Page) {
    page.raw("<dl>\n<dt>place</dt><dd>");
    if let Some(record) = evidence.place.record {
        page.text(&format!("record {record}, "));
    }
    page.text(&format!("byte {}", evidence.place.offset)).raw("</dd>\n<dt>time</dt><dd>").time(evidence.time);
    if let Some(time) = &evidence.time_text {
        page.raw(" (in the log: ").text(time).raw(")");
    }
    page.raw("</dd>\n");
    let mut names = BTreeSet::new();
    for (path, value) in evidence.fields.iter().filter(|(path, _)| names.insert(path.as_str())).take(FIELDS_MAX) {
        page.element("dt", "", path).element("dd", "", &shortened(value)).raw("\n");
    }
    page.raw("</dl>\n");
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
