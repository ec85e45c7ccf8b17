//! Who used what rightly: logons that worked and pages that were served, from logs or from a case's evidence.
//!
//! Logs are scanned once more with rules that are made for the incidents at hand, so that what is kept stays small: all
//! logons, but of pages only those served to the incidents' own addresses.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use shieldwall_detect::sigma::load::{self, Lists, Pack};
use shieldwall_respond::net::Net;
use shieldwall_respond::playbook::Facts;
use shieldwall_respond::rehearse::{History, Use};
use shieldwall_schema::entity::{address_id, host_id, user_id};
use shieldwall_schema::finding::{Evidence, Finding};

use crate::line::{self, LineOptions};
use crate::packs;

/// Addresses whose pages are looked for; those of the worst incidents come first.
const ADDRESSES_MAX: usize = 5_000;

/// The rule that finds pages; the others find logons.
const PAGES: &str = "7c9f5a3e-5a0f-5d0b-9d5c-0b7d6b1f2a04";

/// Logons that worked.
const LOGONS: &str = "\
title: A logon over ssh that worked
id: 7c9f5a3e-5a0f-5d0b-9d5c-0b7d6b1f2a01
logsource: {product: linux, service: sshd}
detection: {ok: {event_type: ssh_login_ok}, condition: ok}
level: informational
---
title: A logon over FTP that worked
id: 7c9f5a3e-5a0f-5d0b-9d5c-0b7d6b1f2a02
logsource: {product: linux, service: vsftpd}
detection: {ok: {event_type: ftp_login_ok}, condition: ok}
level: informational
---
title: A Windows logon that worked
id: 7c9f5a3e-5a0f-5d0b-9d5c-0b7d6b1f2a03
logsource: {product: windows, service: security}
detection: {ok: {EventID: 4624, LogonType: [2, 3, 7, 10, 11]}, condition: ok}
level: informational
";

/// Reads the history from logs.
///
/// # Errors
/// When none of them can be read.
pub fn of_logs(logs: &[PathBuf], facts: &[Facts], options: &LineOptions, history: &mut History) -> Result<()> {
    let mut rules = LOGONS.to_owned();
    let mut addresses: Vec<Net> = facts.iter().flat_map(|facts| facts.outside.iter().copied()).collect();
    addresses.truncate(ADDRESSES_MAX);
    addresses.sort_unstable();
    addresses.dedup();
    if !addresses.is_empty() {
        let _ = write!(
            rules,
            "---\ntitle: A page that was served\nid: {PAGES}\nlogsource: {{category: webserver}}\nlevel: informational\ndetection:\n  condition: from and served\n  served: {{sc-status: [200, 201, 204, 206, 304]}}\n  from:\n    src_endpoint.ip:\n"
        );
        for address in addresses {
            let _ = writeln!(rules, "      - '{}'", address.address());
        }
    }
    let pack = Pack { files: vec![("history.yml".to_owned(), rules.into_bytes())], ..Pack::default() };
    let loaded = load::load(&[pack], &Lists::default());
    let mut run = line::scan(logs, loaded, packs::mappings()?, options)?;
    for host in run.coverage() {
        host.first.into_iter().for_each(|first| history.reach(first.millis()));
    }
    for at in 0..run.findings() {
        let finding = run.finding(at, 1)?;
        let page = finding.analytic.uid == PAGES;
        finding.evidences.iter().filter_map(|evidence| used(evidence, page)).for_each(|one| history.add(one));
    }
    Ok(())
}

/// Reads the history from a finding's evidence: whatever it matched for, a logon that worked is one.
pub fn of_finding(finding: &Finding, history: &mut History) {
    finding.first.into_iter().for_each(|first| history.reach(first.millis()));
    for evidence in &finding.evidences {
        let field = |path: &str| field(evidence, path).unwrap_or_default();
        let logon = field("message").starts_with("Accepted ") || field("metadata.event_code") == "4624";
        let page = field("http_response.code").starts_with('2');
        if logon || page {
            used(evidence, page && !logon).into_iter().for_each(|one| history.add(one));
        }
    }
}

fn field<'e>(evidence: &'e Evidence, path: &str) -> Option<&'e str> {
    evidence.fields.iter().find(|(own, _)| own == path).map(|(_, value)| value.as_str())
}

fn used(evidence: &Evidence, page: bool) -> Option<Use> {
    let address: Net = field(evidence, "src_endpoint.ip").and_then(address_id)?.parse().ok()?;
    // A visitor of a page has no name that anybody checked.
    let user = if page { String::new() } else { field(evidence, "user.name").and_then(user_id)? };
    let host = evidence.host.as_deref().and_then(host_id).unwrap_or_default();
    Some(Use { at_ms: evidence.time?.millis(), address, user, host })
}
