//! The sections around the stories: the opening, the matrix, and the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;
use shieldwall_schema::EntityKind;
use shieldwall_schema::incident::Severity;
use shieldwall_schema::ocsf::attack::{self, AttackTag};

use super::BYTES_MAX;
use super::page::{Page, text};
use crate::output::dossier::{Dossier, Findings};
use crate::output::gaps;
use crate::output::report::{Report, SourceNote};
use crate::output::story;
use crate::output::style::{Style, counted, thousands};
use crate::output::words;

/// Incidents on the first screen.
const FIRST_MAX: usize = 5;
/// The same where nothing is grave.
const SMALL_MAX: usize = 3;
/// Techniques under one tactic that lie open; one more is not worth folding.
const CELLS_MAX: usize = 6;
/// Rows of a table that is laid out at once; a longer one waits until it is scrolled to.
const ROWS_AT_ONCE_MAX: usize = 100;
/// Rows of the table of findings.
const FINDINGS_MAX: usize = 1000;
/// Rows of the tables of hosts and users.
const HOSTS_MAX: usize = 300;
/// Rows of the table of inputs.
const INPUTS_MAX: usize = 500;
/// Statements of one kind about what was read and what was not.
const STATEMENTS_MAX: usize = 50;
/// Where the table of findings ends at the latest.
const FINDINGS_BYTES_MAX: usize = BYTES_MAX / 20 * 17;
/// Where hosts and users end at the latest.
const HOSTS_BYTES_MAX: usize = BYTES_MAX / 20 * 18;
/// Where inputs end at the latest; what follows is small.
const INPUTS_BYTES_MAX: usize = BYTES_MAX / 20 * 19;

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

/// Opens a table of about so many rows; its caption is also the name of the box that scrolls.
pub fn table(caption: &str, heads: &[&str], rows: usize, page: &mut Page) {
    page.raw("<div class=\"scroll")
        .raw(if rows > ROWS_AT_ONCE_MAX { " late" } else { "" })
        .raw("\" tabindex=\"0\" role=\"region\" aria-label=\"");
    page.text(caption).raw("\">\n<table>\n").element("caption", "", caption).raw("\n<thead><tr>");
    for head in heads {
        let number = head.starts_with("Records") || *head == "Bytes";
        page.raw(if number { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" });
        page.text(head).raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
}

/// Closes what [`table`] opened.
pub fn end_table(page: &mut Page) {
    page.raw("</tbody>\n</table>\n</div>\n");
}

/// Every finding, one a row.
///
/// `told` is how many incidents have a story to lead to.
///
/// # Errors
/// When a finding cannot be read back.
pub fn findings(dossier: &Dossier<'_>, findings: &mut dyn Findings, told: usize, page: &mut Page) -> io::Result<()> {
    page.raw("<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">All findings</h2>\n");
    let count = findings.len();
    if count == 0 {
        page.raw("<p>No rule found anything in what was read.</p>\n</section>\n");
        return Ok(());
    }
    table(
        "One rule in one file a row, in the order of time",
        &["Level", "What", "Host", "Records", "First (UTC)", "Last (UTC)", "Incident"],
        count,
        page,
    );
    let mut shown = 0;
    for at in 0..count.min(FINDINGS_MAX) {
        if page.len() > FINDINGS_BYTES_MAX {
            break;
        }
        shown += 1;
        let finding = findings.get(at, 1)?;
        let severity = Severity::of_level(&finding.analytic.level);
        page.raw("<tr><td>")
            .badge(severity)
            .raw("</td><th scope=\"row\">")
            .raw(&text(&words::headline(&finding.analytic)));
        if finding.analytic.unsigned {
            page.raw(" <span class=\"hash\">unsigned rule of ").text(&finding.analytic.author).raw("</span>");
        }
        page.raw("</th><td class=\"h\">");
        match finding.hosts.as_slice() {
            [] => page.raw("–"),
            [one] => page.text(one),
            [one, rest @ ..] => page.text(&format!("{one} and {} more", rest.len())),
        };
        page.raw("</td><td class=\"n\">")
            .text(&thousands(finding.count))
            .raw("</td><td class=\"t\">")
            .time(finding.first);
        page.raw("</td><td class=\"t\">").time(finding.last).raw("</td><td>");
        for (place, number) in dossier.incidents_of(at as u32).take(3).enumerate() {
            page.raw(if place > 0 { ", " } else { "" });
            if number <= told {
                page.raw(&format!("<a href=\"#incident-{number}\">{number}</a>"));
            } else {
                page.raw(&number.to_string());
            }
        }
        page.raw("</td></tr>\n");
    }
    end_table(page);
    if shown < count {
        let words = format!(
            "{} more findings are not in this table: timeline.csv and findings.jsonl have them all.",
            thousands((count - shown) as u64)
        );
        page.element("p", "note", &words);
    }
    page.raw("</section>\n");
    Ok(())
}

/// Hosts with findings, and what their logs tell of.
pub fn hosts(dossier: &Dossier<'_>, page: &mut Page) {
    page.raw("<section aria-labelledby=\"hosts\">\n<h2 id=\"hosts\">Hosts</h2>\n");
    if dossier.coverage.is_empty() {
        page.raw("<p>No finding names a host.</p>\n</section>\n");
        return;
    }
    let caption = "Hosts that findings speak of, and what the logs at hand recorded there";
    table(
        caption,
        &["Host", "System", "Records with findings", "First (UTC)", "Last (UTC)", "Recorded there"],
        dossier.coverage.len(),
        page,
    );
    let mut hosts: Vec<_> = dossier.coverage.iter().collect();
    hosts.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.host.cmp(&b.host)));
    let mut shown = 0;
    for host in hosts.iter().take(HOSTS_MAX) {
        if page.len() > HOSTS_BYTES_MAX {
            break;
        }
        shown += 1;
        page.raw("<tr><th scope=\"row\">")
            .text(&host.host)
            .raw("</th><td>")
            .text(&host.product)
            .raw("</td><td class=\"n\">");
        page.text(&thousands(host.records)).raw("</td><td class=\"t\">").time(host.first).raw("</td><td class=\"t\">");
        page.time(host.last).raw("</td><td>").text(&host.kinds.join(", ")).raw("</td></tr>\n");
    }
    end_table(page);
    left_out(hosts.len(), shown, "hosts", page);
    page.raw("</section>\n");
}

/// Accounts that incidents speak of.
pub fn users(dossier: &Dossier<'_>, page: &mut Page) {
    page.raw("<section aria-labelledby=\"users\">\n<h2 id=\"users\">Users</h2>\n");
    let mut users: BTreeMap<&str, (u64, BTreeSet<usize>)> = BTreeMap::new();
    for (at, incident) in dossier.incidents.iter().enumerate() {
        for one in incident.involved.iter().filter(|one| one.entity.kind == EntityKind::User) {
            let user = users.entry(&one.entity.id).or_default();
            user.0 = user.0.saturating_add(one.count);
            user.1.insert(at + 1);
        }
    }
    if users.is_empty() {
        page.raw("<p>No finding names an account.</p>\n</section>\n");
        return;
    }
    table(
        "Accounts that incidents speak of, the gravest incident first",
        &["User", "Records", "Incidents"],
        users.len(),
        page,
    );
    let mut users: Vec<_> = users.into_iter().collect();
    users.sort_by(|(a, (count, incidents)), (b, (other_count, other))| {
        incidents.first().cmp(&other.first()).then(other_count.cmp(count)).then(a.cmp(b))
    });
    let mut shown = 0;
    for (user, (count, incidents)) in users.iter().take(HOSTS_MAX) {
        if page.len() > HOSTS_BYTES_MAX {
            break;
        }
        shown += 1;
        let mut numbers: Vec<String> = incidents.iter().take(8).map(ToString::to_string).collect();
        if incidents.len() > numbers.len() {
            numbers.push("…".to_owned());
        }
        page.raw("<tr><th scope=\"row\">").text(user).raw("</th><td class=\"n\">").text(&thousands(*count));
        page.raw("</td><td>").text(&numbers.join(", ")).raw("</td></tr>\n");
    }
    end_table(page);
    left_out(users.len(), shown, "users", page);
    page.raw("</section>\n");
}

fn left_out(all: usize, shown: usize, what: &str, page: &mut Page) {
    if all > shown {
        page.element("p", "note", &format!("{} more {what} are left out here.", thousands((all - shown) as u64)));
    }
}

/// What was read, what was not, and why.
pub fn inputs(dossier: &Dossier<'_>, page: &mut Page) {
    page.raw("<section aria-labelledby=\"inputs\">\n<h2 id=\"inputs\">What was read, and what was not</h2>\n");
    let report = dossier.report;
    for (title, statements) in [
        ("Not read", gaps::not_read(report)),
        ("Skipped", gaps::skipped(report)),
        ("Odd", gaps::odd(report)),
        ("Assumed", gaps::assumed(report)),
        ("Rules refused", gaps::refused(report)),
    ] {
        if statements.is_empty() {
            continue;
        }
        page.element("h3", "", title).raw("<ul class=\"statements\">\n");
        let mut shown = 0;
        for statement in statements.iter().take(STATEMENTS_MAX) {
            if page.len() > INPUTS_BYTES_MAX {
                break;
            }
            shown += 1;
            page.element("li", "", statement).raw("\n");
        }
        page.raw("</ul>\n");
        left_out(statements.len(), shown, "of this kind", page);
    }
    let inputs = dossier.manifest["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
    if inputs.is_empty() {
        page.raw("</section>\n");
        return;
    }
    table(
        "Inputs, with the SHA-256 of their unpacked bytes",
        &["File", "Format", "Records", "Bytes", "Status", "SHA-256"],
        inputs.len(),
        page,
    );
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut shown = 0;
    for input in inputs.iter().take(INPUTS_MAX) {
        if page.len() > INPUTS_BYTES_MAX {
            break;
        }
        shown += 1;
        page.raw("<tr><th scope=\"row\"><code>").text(&string(&input["path"])).raw("</code></th><td>");
        page.text(&string(&input["format"])).raw("</td><td class=\"n\">");
        page.text(&thousands(input["records"].as_u64().unwrap_or(0))).raw("</td><td class=\"n\">");
        page.text(&thousands(input["bytes"].as_u64().unwrap_or(0))).raw("</td><td>");
        let status = string(&input["status"]).replace('_', " ");
        page.text(&status);
        if let Some(twin) = input["duplicate_of"].as_str() {
            page.raw(", same as ").text(twin);
        }
        page.raw("</td><td class=\"hash\">").text(&string(&input["sha256"])).raw("</td></tr>\n");
    }
    end_table(page);
    left_out(inputs.len(), shown, "inputs", page);
    page.raw("</section>\n");
}

/// What would give the same result again.
pub fn repeat(dossier: &Dossier<'_>, page: &mut Page) {
    let manifest = dossier.manifest;
    page.raw("<section aria-labelledby=\"repeat\">\n<h2 id=\"repeat\">How to repeat it</h2>\n");
    page.raw("<p>The same program with the same rules over the same bytes writes the same report, byte for byte.</p>\n<dl>\n");
    let mut row = |name: &str, value: &Value| {
        let words = match value {
            Value::Null => return,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        page.element("dt", "", name).element("dd", "", &words).raw("\n");
    };
    row("Shieldwall", &manifest["shieldwall"]);
    let rules = |name: &str| manifest.pointer(&format!("/rules/{name}")).unwrap_or(&Value::Null);
    row("Rules", rules("count"));
    row("Packs", rules("packs"));
    row("SHA-256 over the rules", rules("sha256"));
    row("Asked for", &manifest["asked"]);
    row("Options", &manifest["options"]);
    page.raw("</dl>\n</section>\n");
}
