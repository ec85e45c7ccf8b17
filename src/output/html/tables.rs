//! The tables behind the stories: findings, hosts, users, what was read, how to repeat it.
//!
//! Each has its rows at most and its place in the page where it ends at the latest, and says what it leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;
use shieldwall_schema::EntityKind;
use shieldwall_schema::incident::Severity;

use super::BYTES_MAX;
use super::page::{Page, text};
use crate::output::dossier::{Dossier, Findings};
use crate::output::gaps;
use crate::output::style::thousands;
use crate::output::words;

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
        ("Learned", gaps::learned(report)),
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
