//! What of a case may be shared: finds the candidates, lets the `share` stage judge them, shows what it decided.
//!
//! Considered are incidents of medium severity or more, worst first ([`INCIDENTS_MAX`]), and the first records of their
//! findings. On whose side an address stood is read from the records: what a machine of ours says of itself is ours; what an
//! address from outside came to is ours; the other end is not. Where no record says, nothing is shared.
//!
//! Cost: bounded, whatever the size of the case.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::IpAddr;

use shieldwall_schema::EntityKind;
use shieldwall_schema::entity::entities;
use shieldwall_schema::finding::{Evidence, Finding};
use shieldwall_schema::incident::{Incident, Severity};
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_share::stix::Tlp;
use shieldwall_share::{Candidate, Line, Own, Redacted, Role, What, redact, stix};

use super::dossier::{Dossier, Findings};
use super::escape::escape;
use super::style::counted;

/// Incidents considered, worst first.
pub const INCIDENTS_MAX: usize = 500;

/// The mildest incidents considered: below, most are no harm, and sharing them would accuse the innocent.
const SEVERITY_MIN: Severity = Severity::Medium;

/// Findings whose records are looked at.
const FINDINGS_MAX: usize = 5000;

/// Records of a finding that are looked at: all that findings keep.
const EVIDENCES_MAX: usize = super::jsonl::EVIDENCES_MAX;

/// Values of one kind that are judged; later ones are counted as held back.
const VALUES_MAX: usize = 10_000;

/// Values of one kind that the preview lists.
const LISTED_MAX: usize = 100;

/// Bytes of a value that is kept to be shown as held back.
const VALUE_BYTES_MAX: usize = 160;

/// Writes the bundle.
///
/// # Errors
/// When a finding cannot be read back or `out` fails.
pub fn write(dossier: &Dossier<'_>, findings: &mut dyn Findings, out: &mut dyn Write) -> io::Result<()> {
    stix::write(&judged(dossier, findings)?.redacted, Tlp::default(), out)
}

/// Writes what the bundle holds and what it does not, and why.
///
/// # Errors
/// When a finding cannot be read back or `out` fails.
pub fn write_preview(dossier: &Dossier<'_>, findings: &mut dyn Findings, out: &mut dyn Write) -> io::Result<()> {
    let judged = judged(dossier, findings)?;
    let preview = judged.redacted.preview();
    writeln!(out, "What would be shared: bundle.stix.json, marked {}", Tlp::default().label())?;
    writeln!(out, "Nothing was sent. This page holds what is held back: keep it to yourself.\n")?;
    writeln!(
        out,
        "Considered: {} of {} severity or more.",
        counted(judged.incidents as u64, "incident", "incidents"),
        SEVERITY_MIN.level()
    )?;
    section("In the bundle", &preview.kept, out)?;
    section("Held back", &preview.held, out)?;
    let left_out = judged.left_out;
    if left_out > 0 {
        writeln!(
            out,
            "\n{} more were not looked at for lack of room, and are held back.",
            counted(left_out, "value", "values")
        )?;
    }
    Ok(())
}

fn section(title: &str, lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{title}: {}", counted(lines.len() as u64, "item", "items"))?;
    for what in What::ALL {
        let own: Vec<&Line> = lines.iter().filter(|line| line.what == what).collect();
        for line in own.iter().take(LISTED_MAX) {
            writeln!(out, "  {:<13}  {}  ({})", what.word(), escape(&line.value), line.why)?;
        }
        let more = own.len().saturating_sub(LISTED_MAX);
        if more > 0 {
            writeln!(out, "  {:<13}  and {more} more", what.word())?;
        }
    }
    Ok(())
}

struct Judged {
    redacted: Redacted,
    incidents: usize,
    left_out: u64,
}

fn judged(dossier: &Dossier<'_>, findings: &mut dyn Findings) -> io::Result<Judged> {
    let grave = dossier.incidents.iter().filter(|incident| incident.severity >= SEVERITY_MIN);
    let incidents: Vec<&Incident> = grave.take(INCIDENTS_MAX).collect();
    let mut records = Records::default();
    let mut candidates = Candidates::default();
    for host in dossier.coverage {
        records.own.add_host(&host.host);
    }
    let mut members = BTreeSet::new();
    for finding in incidents.iter().flat_map(|incident| &incident.members).map(|member| member.finding) {
        if members.len() < FINDINGS_MAX {
            members.insert(finding);
        }
    }
    // Who we are must be known before it can be said which side is ours.
    for at in &members {
        let finding = findings.get(*at as usize, EVIDENCES_MAX)?;
        finding.hosts.iter().for_each(|host| records.own.add_host(host));
        finding.evidences.iter().for_each(|evidence| records.learn(evidence));
    }
    for at in &members {
        let finding = findings.get(*at as usize, EVIDENCES_MAX)?;
        for evidence in &finding.evidences {
            records.read(&finding, evidence, &mut candidates);
        }
    }
    for incident in &incidents {
        records.involved(incident, &mut candidates);
    }
    for told in dossier.stories.iter().filter(|told| told.incident.severity >= SEVERITY_MIN) {
        candidates.hold(What::Words, &told.story.headline.text);
    }
    let Candidates { values, left_out, .. } = candidates;
    let redacted = redact(&records.own, values.into_values().collect());
    Ok(Judged { redacted, incidents: incidents.len(), left_out })
}

/// Candidates by kind and value.
#[derive(Default)]
struct Candidates {
    values: BTreeMap<(What, String), Candidate>,
    counts: BTreeMap<What, usize>,
    left_out: u64,
}

impl Candidates {
    fn entry(&mut self, what: What, value: &str) -> Option<&mut Candidate> {
        let key = (what, value.to_owned());
        if !self.values.contains_key(&key) {
            let count = self.counts.entry(what).or_default();
            if *count >= VALUES_MAX {
                self.left_out += 1;
                return None;
            }
            *count += 1;
        }
        let new = || Candidate { what: Some(what), value: value.to_owned(), ..Candidate::default() };
        Some(self.values.entry(key).or_insert_with(new))
    }

    /// Something of which it is clear that it stays; it is only to be seen.
    fn hold(&mut self, what: What, value: &str) {
        let mut end = value.len().min(VALUE_BYTES_MAX);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        if let Some((shown, _)) = value.split_at_checked(end).filter(|(shown, _)| !shown.is_empty()) {
            self.entry(what, shown);
        }
    }
}

/// What the records say of sides and techniques.
#[derive(Default)]
struct Records {
    own: Own,
    roles: BTreeMap<(EntityKind, String), Role>,
    techniques: BTreeMap<(EntityKind, String), BTreeSet<String>>,
}

fn field<'a>(evidence: &'a Evidence, path: &str) -> Option<&'a str> {
    evidence.fields.iter().find(|(have, _)| have == path).map(|(_, value)| value.as_str())
}

fn address(evidence: &Evidence, path: &str) -> Option<IpAddr> {
    Some(field(evidence, path)?.trim().parse::<IpAddr>().ok()?.to_canonical())
}

impl Records {
    /// Learns who we are.
    fn learn(&mut self, evidence: &Evidence) {
        if let Some(host) = field(evidence, "device.hostname") {
            self.own.add_host(host);
        }
        for (path, value) in &evidence.fields {
            if matches!(path.as_str(), "user.name" | "actor.user.name" | "process.user.name")
                && let Some(user) = shieldwall_schema::entity::user_id(value)
            {
                self.own.add_user(&user);
            }
        }
        if let Some(device) = address(evidence, "device.ip") {
            self.own.add_address(device);
        }
        for side in ["src_endpoint", "dst_endpoint"] {
            let name = field(evidence, &format!("{side}.hostname"));
            if let (Some(name), Some(address)) = (name, address(evidence, &format!("{side}.ip")))
                && self.own.has_host(name)
            {
                self.own.add_address(address);
            }
        }
    }

    /// Reads one record: sides, techniques, and what is to be held back.
    fn read(&mut self, finding: &Finding, evidence: &Evidence, candidates: &mut Candidates) {
        let (from, to) = (address(evidence, "src_endpoint.ip"), address(evidence, "dst_endpoint.ip"));
        let outside = |address: IpAddr| self.own.holds_address(address).is_none();
        let came_in = from.is_some_and(outside);
        let mut sides = Vec::new();
        sides.extend(from.map(|from| (from, if came_in { Role::Other } else { Role::Own })));
        sides.extend(to.map(|to| (to, if came_in || !outside(to) { Role::Own } else { Role::Other })));
        for (address, role) in sides {
            let known = self.roles.entry((EntityKind::Address, address.to_string())).or_default();
            *known = role.max(*known);
        }
        let techniques = finding.analytic.tags.iter().filter_map(|tag| match attack::tag(tag) {
            Some(AttackTag::Technique(id)) => Some(id.sub_technique().unwrap_or_else(|| id.technique())),
            _ => None,
        });
        let techniques: Vec<String> = techniques.collect();
        let asked = field(evidence, "http_request.url.hostname").map(str::to_lowercase);
        for entity in entities(&evidence.fields) {
            if entity.kind == EntityKind::Domain {
                // Who comes from outside and asks for a site asks for ours.
                let ours = came_in && asked.as_deref().is_some_and(|asked| asked.trim_end_matches('.') == entity.id);
                let role = if ours { Role::Own } else { Role::Other };
                let known = self.roles.entry((entity.kind, entity.id.clone())).or_default();
                *known = role.max(*known);
            }
            self.techniques.entry((entity.kind, entity.id)).or_default().extend(techniques.iter().cloned());
        }
        for (path, value) in &evidence.fields {
            let last = path.rsplit('.').next().unwrap_or_default();
            let what = match last {
                "cmd_line" => What::CommandLine,
                _ if path.contains("script_content") => What::CommandLine,
                "path" | "working_directory" | "url_string" | "query_string" => What::Path,
                "email_addr" => What::Email,
                "message" => What::Words,
                _ if is_email(value) => What::Email,
                _ => continue,
            };
            candidates.hold(what, value);
        }
    }

    /// What an incident speaks of.
    fn involved(&self, incident: &Incident, candidates: &mut Candidates) {
        for one in &incident.involved {
            let what = match one.entity.kind {
                // An id of both ends' addresses would give away the inner one to whoever tries them.
                EntityKind::Connection => continue,
                EntityKind::Host => What::Host,
                EntityKind::User => What::User,
                EntityKind::Session => What::Session,
                EntityKind::Process => What::Process,
                EntityKind::Address => What::Address,
                EntityKind::Hash => What::Hash,
                EntityKind::Domain => What::Domain,
            };
            let key = (one.entity.kind, one.entity.id.clone());
            let Some(candidate) = candidates.entry(what, &one.entity.id) else { continue };
            candidate.role = self.roles.get(&key).copied().unwrap_or_default();
            candidate.techniques.extend(self.techniques.get(&key).into_iter().flatten().cloned());
            seen(candidate, incident.severity, one.count, one.first, one.last);
        }
        for (technique, first) in &incident.techniques {
            let Some(candidate) = candidates.entry(What::Technique, technique) else { continue };
            // How often a technique was seen is not counted; that it was seen in an incident is.
            seen(candidate, incident.severity, 1, *first, *first);
        }
    }
}

fn seen(
    candidate: &mut Candidate,
    severity: Severity,
    count: u64,
    first: Option<shieldwall_schema::Timestamp>,
    last: Option<shieldwall_schema::Timestamp>,
) {
    candidate.severity = candidate.severity.max(severity);
    candidate.count = candidate.count.saturating_add(count);
    candidate.first = candidate.first.into_iter().chain(first).min();
    candidate.last = candidate.last.max(last);
}

fn is_email(value: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains([' ', '/', '\\', '@', ':']);
    value.split_once('@').is_some_and(|(name, domain)| plain(name) && plain(domain) && domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_mail_addresses_are_known() {
        for (value, wanted) in [
            ("anna@example.org", true),
            ("anna@corp", false),
            ("http://a@b.c/d", false),
            ("say hi @ b.c", false),
            ("@b.c", false),
        ] {
            assert_eq!(is_email(value), wanted, "{value}");
        }
    }
}
