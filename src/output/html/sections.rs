//! What stands before the stories: the opening and the matrix.

use std::collections::{BTreeMap, BTreeSet};

use shieldwall_schema::incident::Severity;
use shieldwall_schema::ocsf::attack::{self, AttackTag};

use super::page::Page;
use crate::output::dossier::Dossier;
use crate::output::gaps;
use crate::output::report::{Report, SourceNote};
use crate::output::story;
use crate::output::style::{Style, counted, thousands};

/// Incidents on the first screen.
const FIRST_MAX: usize = 5;
/// The same where nothing is grave.
const SMALL_MAX: usize = 3;
/// Techniques under one tactic that lie open; one more is not worth folding.
const CELLS_MAX: usize = 6;

/// Tactics in the order of an attack.
const TACTICS: [(&str, &str); 15] = [
    ("TA0043", "Reconnaissance"),
    ("TA0042", "Resource Development"),
    ("TA0001", "Initial Access"),
    ("TA0002", "Execution"),
    ("TA0003", "Persistence"),
    ("TA0004", "Privilege Escalation"),
    ("TA0005", "Defense Evasion"),
    ("TA0112", "Defense Impairment"),
    ("TA0006", "Credential Access"),
    ("TA0007", "Discovery"),
    ("TA0008", "Lateral Movement"),
    ("TA0009", "Collection"),
    ("TA0011", "Command and Control"),
    ("TA0010", "Exfiltration"),
    ("TA0040", "Impact"),
];

/// How many incidents stand on the first screen and lie open below: what is grave; where nothing is, a few of the small
/// things.
pub fn first(dossier: &Dossier<'_>) -> usize {
    let graves = dossier.stories.iter().filter(|told| told.incident.severity >= Severity::Medium).count();
    if graves > 0 { graves.min(FIRST_MAX) } else { dossier.stories.len().min(SMALL_MAX) }
}

/// What happened, how bad, what to look at first.
pub fn opening(dossier: &Dossier<'_>, first: usize, page: &mut Page) {
    let report = dossier.report;
    page.raw("<header>\n<p class=\"kicker\">Shieldwall report</p>\n<h1>");
    let grave = dossier.incidents.iter().filter(|incident| incident.severity >= Severity::Medium).count() as u64;
    let all = dossier.incidents.len() as u64;
    let title = match (grave, all) {
        (0, 0) if report.finding_count == 0 => "Nothing was found".to_owned(),
        (0, 0) => counted(report.finding_count, "finding", "findings"),
        (0, all) => format!("Nothing grave: {}", counted(all, "small thing was noted", "small things were noted")),
        (grave, _) => format!("{} a look", counted(grave, "incident deserves", "incidents deserve")),
    };
    page.text(&title).raw("</h1>\n<p class=\"lead\">");
    let events = report.sources.iter().fold(0u64, |sum, source| sum.saturating_add(source.events));
    page.text(&format!(
        "{} from {} were checked with {}. {} came up",
        counted(events, "record", "records"),
        counted(report.sources.len() as u64, "file", "files"),
        counted(report.rules, "rule", "rules"),
        counted(report.finding_count, "finding", "findings"),
    ));
    let worst: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .zip(report.incident_counts.iter().rev())
        .filter(|(_, count)| **count > 0)
        .map(|(severity, count)| format!("{} {}", thousands(*count), severity.level()))
        .collect();
    if !worst.is_empty() {
        page.text(&format!(", in {} ({})", counted(all, "incident", "incidents"), worst.join(", ")));
    }
    page.raw(".</p>\n");
    if let Some(missed) = missed(report) {
        page.raw("<p class=\"missed\"><strong>Not everything could be read:</strong> ").text(&missed);
        page.raw(". <a href=\"#inputs\">What, and why</a></p>\n");
    }
    if !dossier.stories.is_empty() {
        page.raw("<ol class=\"first\" aria-label=\"What to look at first\">\n");
        for (at, told) in dossier.stories.iter().enumerate().take(first) {
            let incident = &told.incident;
            page.raw("<li class=\"card ").raw(incident.severity.level()).raw("\">").badge(incident.severity);
            page.raw(&format!("<a href=\"#incident-{}\">", at + 1)).text(&told.story.headline.text).raw("</a><p>");
            page.time(incident.first).raw(" · ").text(&story::summary(incident, &Style::PLAIN)).raw("</p></li>\n");
        }
        page.raw("</ol>\n");
        let more = dossier.incidents.len().saturating_sub(first);
        if more > 0 {
            let words = format!("{} below.", counted(more as u64, "more incident stands", "more incidents stand"));
            page.element("p", "facts", &words);
        }
    }
    page.raw("<nav aria-label=\"Sections\"><ul><li><a href=\"#matrix\">Techniques</a></li>");
    if !dossier.stories.is_empty() {
        page.raw("<li><a href=\"#stories\">What happened</a></li>");
    }
    page.raw("<li><a href=\"#findings\">All findings</a></li><li><a href=\"#hosts\">Hosts</a></li>");
    page.raw("<li><a href=\"#users\">Users</a></li><li><a href=\"#inputs\">What was read</a></li>");
    page.raw("<li><a href=\"#repeat\">Repeat it</a></li></ul></nav>\n</header>\n");
}

/// How much could not be read, in a few words; `None` if everything was.
fn missed(report: &Report) -> Option<String> {
    if gaps::not_read(report).is_empty() {
        return None;
    }
    let files = report.sources.iter().filter(|source| matches!(source.note, SourceNote::NotRead(_))).count() as u64;
    let rejected = report.sources.iter().flat_map(|source| &source.rejected);
    let parts = rejected.fold(0u64, |sum, (_, count, _)| sum.saturating_add(*count));
    Some(match (files, parts) {
        (0, 0) => "parts of records were cut".to_owned(),
        (files, 0) => counted(files, "file", "files"),
        (0, parts) => counted(parts, "part of a file", "parts of files"),
        (files, parts) => {
            format!("{} and {}", counted(files, "file", "files"), counted(parts, "part of others", "parts of others"))
        }
    })
}

/// ATT&CK as far as it was seen, in the order of an attack.
pub fn matrix(dossier: &Dossier<'_>, page: &mut Page) {
    page.raw("<section aria-labelledby=\"matrix\">\n<h2 id=\"matrix\">Techniques seen</h2>\n");
    // Tactic → technique → incidents.
    let mut seen: BTreeMap<&str, BTreeMap<String, BTreeSet<usize>>> = BTreeMap::new();
    for (tactic, technique, incident) in &dossier.report.techniques {
        seen.entry(tactic).or_default().entry(technique.clone()).or_default().insert(*incident);
    }
    if seen.is_empty() {
        page.raw("<p>No finding names a technique of MITRE ATT&amp;CK.</p>\n</section>\n");
        return;
    }
    page.raw("<p class=\"facts\">MITRE ATT&amp;CK, in the order of an attack. Only what a rule that fired names; what is not here was not \
              seen, which is not the same as not done.</p>\n<ul class=\"matrix\">\n");
    for (uid, name) in TACTICS {
        let Some(techniques) = seen.get(uid) else { continue };
        page.raw("<li>").element("h3", "", name).raw("<ul>");
        for (at, (technique, incidents)) in techniques.iter().enumerate() {
            if at == CELLS_MAX && techniques.len() > CELLS_MAX + 1 {
                let more = thousands((techniques.len() - CELLS_MAX) as u64);
                page.raw("<li class=\"rest\"><details><summary>").raw(&more).raw(" more</summary><ul>\n");
            }
            page.raw("<li>");
            if technique.is_empty() {
                page.raw("no technique named");
            } else {
                page.raw("<strong>").text(technique).raw("</strong> ");
                page.text(attack::technique_name(technique).unwrap_or_default());
            }
            let numbers: Vec<String> = incidents.iter().take(6).map(ToString::to_string).collect();
            if !numbers.is_empty() {
                let more = if incidents.len() > numbers.len() { " …" } else { "" };
                page.raw(" <span class=\"hash\">incident&nbsp;").text(&numbers.join(", ")).raw(more).raw("</span>");
            }
            page.raw("</li>");
        }
        if techniques.len() > CELLS_MAX + 1 {
            page.raw("</ul></details></li>");
        }
        page.raw("</ul></li>\n");
    }
    page.raw("</ul>\n");
    let unseen: Vec<&str> = TACTICS.iter().filter(|(uid, _)| !seen.contains_key(uid)).map(|(_, name)| *name).collect();
    if !unseen.is_empty() {
        page.raw("<p class=\"facts\">Nothing for: ").text(&unseen.join(", ")).raw(".</p>\n");
    }
    page.raw("</section>\n");
}

/// The cells of the matrix that a rule's tags name: each technique under those of the rule's tactics that it serves (all of
/// the rule's where it serves none of them), each tactic without a technique by itself.
pub fn attacks(tags: &[String]) -> Vec<(String, String)> {
    let mut tactics = Vec::new();
    let mut techniques = Vec::new();
    for tag in tags {
        match attack::tag(tag) {
            Some(AttackTag::Tactic { uid, .. }) => tactics.push(uid),
            Some(AttackTag::Technique(id)) => techniques.push(id.sub_technique().unwrap_or_else(|| id.technique())),
            None => {}
        }
    }
    let mut cells: Vec<(String, String)> = Vec::new();
    for technique in &techniques {
        let served: Vec<&str> = attack::tactics_of(technique)
            .filter_map(|name| match attack::tag(&format!("attack.{name}")) {
                Some(AttackTag::Tactic { uid, .. }) => Some(uid),
                _ => None,
            })
            .collect();
        let both: Vec<&str> = tactics.iter().copied().filter(|tactic| served.contains(tactic)).collect();
        let under = if both.is_empty() { if tactics.is_empty() { &served } else { &tactics } } else { &both };
        cells.extend(under.iter().map(|tactic| ((*tactic).to_owned(), technique.clone())));
    }
    for tactic in tactics {
        if !cells.iter().any(|(have, _)| have == tactic) {
            cells.push((tactic.to_owned(), String::new()));
        }
    }
    cells
}
