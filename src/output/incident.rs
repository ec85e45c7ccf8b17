//! Incidents as OCSF 1.8.0 *Incident Finding* events (class 2005), one JSON object a line, and back.
//!
//! `finding_info_list` names the members by their findings' ids, in the order of time. What OCSF has no place for stands in
//! `unmapped`: the incident as correlate gave it (`incident`, which [`read`] takes back) and its story in plain words.

use shieldwall_schema::finding::Analytic;
use shieldwall_schema::incident::Incident;
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::ocsf::{self, INCIDENT_FINDING};
use shieldwall_schema::outlook::Outlook;
use shieldwall_schema::remedy::Remedy;
use shieldwall_schema::story::{Sentence, Story};

use super::escape::escape;
use super::json::{key, number_pair, open, some_string, some_strings, string, string_pair};
use super::read::ReadError;

/// What a line says of one member's finding.
#[derive(Clone, Debug)]
pub struct MemberFacts<'a> {
    /// The finding's id.
    pub uid: String,
    /// Its rule.
    pub analytic: &'a Analytic,
}

/// Appends an incident as one line, with its line feed. `facts` gives what is to be said of a finding by its number.
pub fn line<'a>(
    incident: &Incident,
    story: Option<&Story>,
    facts: &dyn Fn(u32) -> Option<MemberFacts<'a>>,
    out: &mut String,
) {
    let severity = incident.severity;
    out.push('{');
    string_pair(out, "activity_name", "Create");
    number_pair(out, "activity_id", 1);
    string_pair(out, "category_name", "Findings");
    number_pair(out, "category_uid", 2);
    string_pair(out, "class_name", "Incident Finding");
    number_pair(out, "class_uid", INCIDENT_FINDING);
    string_pair(out, "type_name", "Incident Finding: Create");
    number_pair(out, "type_uid", ocsf::type_uid(INCIDENT_FINDING, 1));
    number_pair(out, "time", incident.first.map_or(0, |time| time.millis()));
    string_pair(out, "severity", severity.ocsf_caption());
    number_pair(out, "severity_id", severity.ocsf_id());
    string_pair(out, "status", "New");
    number_pair(out, "status_id", 1);
    if let Some(story) = story {
        some_string(out, "desc", &escape(&story.headline.text));
    }
    number_pair(out, "count", i32::try_from(incident.sightings).unwrap_or(i32::MAX));
    if let (Some(first), Some(last)) = (incident.first, incident.last) {
        number_pair(out, "start_time", first.millis());
        number_pair(out, "end_time", last.millis());
    }
    // The schema wants somebody to be named; nobody has taken it yet.
    key(out, "assignee_group");
    open(out, '{');
    string_pair(out, "name", "Unassigned");
    out.push('}');
    key(out, "metadata");
    open(out, '{');
    string_pair(out, "version", ocsf::VERSION);
    string_pair(out, "uid", &incident.uid);
    key(out, "product");
    open(out, '{');
    string_pair(out, "name", "Shieldwall");
    string_pair(out, "vendor_name", "Shieldwall");
    string_pair(out, "version", env!("CARGO_PKG_VERSION"));
    out.push('}');
    some_strings(out, "profiles", ["incident"]);
    out.push('}');
    attacks(incident, out);
    members(incident, facts, out);
    key(out, "unmapped");
    open(out, '{');
    if let Ok(whole) = serde_json::to_string(incident) {
        key(out, "incident");
        // Written by serde, so it is JSON; hidden characters are made visible as everywhere.
        super::json::raw(out, &whole);
    }
    if let Some(story) = story {
        told(story, out);
        if let Some(forecast) = story.outlook.as_ref().and_then(|outlook| serde_json::to_string(outlook).ok()) {
            key(out, "forecast");
            super::json::raw(out, &forecast);
        }
        if let Some(remedies) = Some(&story.remedies)
            .filter(|remedies| !remedies.is_empty())
            .and_then(|remedies| serde_json::to_string(remedies).ok())
        {
            key(out, "remedies");
            super::json::raw(out, &remedies);
        }
    }
    out.push_str("}}\n");
}

fn members<'a>(incident: &Incident, facts: &dyn Fn(u32) -> Option<MemberFacts<'a>>, out: &mut String) {
    key(out, "finding_info_list");
    open(out, '[');
    for member in &incident.members {
        let Some(MemberFacts { uid, analytic }) = facts(member.finding) else { continue };
        open(out, '{');
        string_pair(out, "uid", &uid);
        some_string(out, "title", &analytic.name);
        key(out, "analytic");
        open(out, '{');
        string_pair(out, "uid", &analytic.uid);
        some_string(out, "name", &analytic.name);
        let (kind, type_id) = if analytic.is_learned() { ("Learning (ML/DL)", 4) } else { ("Rule", 1) };
        string_pair(out, "type", kind);
        number_pair(out, "type_id", type_id);
        out.push('}');
        if let (Some(first), Some(last)) = (member.first, member.last) {
            number_pair(out, "first_seen_time", first.millis());
            number_pair(out, "last_seen_time", last.millis());
        }
        number_pair(out, "related_events_count", i32::try_from(member.count).unwrap_or(i32::MAX));
        out.push('}');
    }
    out.push(']');
}

/// Techniques first, then tactics: which technique serves which tactic, the rules do not say.
fn attacks(incident: &Incident, out: &mut String) {
    if incident.techniques.is_empty() && incident.tactics.is_empty() {
        return;
    }
    key(out, "attacks");
    open(out, '[');
    for (id, _) in &incident.techniques {
        let Some(parsed) = attack::TechniqueId::parse(id) else { continue };
        open(out, '{');
        named(out, "technique", &parsed.technique());
        if let Some(sub) = parsed.sub_technique() {
            named(out, "sub_technique", &sub);
        }
        out.push('}');
    }
    for (tactic, _) in &incident.tactics {
        if let Some(AttackTag::Tactic { uid, name }) = attack::tag(&format!("attack.{tactic}")) {
            open(out, '{');
            key(out, "tactic");
            open(out, '{');
            string_pair(out, "uid", uid);
            string_pair(out, "name", name);
            out.push_str("}}");
        }
    }
    out.push(']');
}

fn named(out: &mut String, what: &str, id: &str) {
    key(out, what);
    open(out, '{');
    string_pair(out, "uid", id);
    some_string(out, "name", attack::technique_name(id).unwrap_or_default());
    out.push('}');
}

fn told(story: &Story, out: &mut String) {
    let sentences = |out: &mut String, name: &str, list: &[Sentence]| {
        some_strings(out, name, list.iter().map(|sentence| sentence.text.as_str()));
    };
    key(out, "story");
    open(out, '{');
    string_pair(out, "headline", &story.headline.text);
    sentences(out, "why", &story.why);
    key(out, "timeline");
    open(out, '[');
    for moment in &story.timeline {
        open(out, '{');
        for (name, time) in [("time", moment.time), ("until", moment.until)] {
            if let Some(time) = time {
                string_pair(out, name, &time.to_string());
            }
        }
        some_string(out, "host", moment.host.as_deref().unwrap_or_default());
        string_pair(out, "level", moment.severity.level());
        number_pair(out, "count", moment.count);
        key(out, "text");
        string(out, &moment.sentence.text);
        out.push('}');
    }
    out.push(']');
    sentences(out, "would_have_stayed_silent", &story.silent);
    sentences(out, "not_visible", &story.unseen);
    out.push('}');
}

/// The outlook on one line that [`line`] wrote; `None` where there is none.
pub fn read_outlook(text: &str) -> Option<Outlook> {
    let event: serde_json::Value = serde_json::from_str(text).ok()?;
    serde_json::from_value(event.pointer("/unmapped/forecast")?.clone()).ok()
}

/// The remedies on one line that [`line`] wrote; none where there are none.
pub fn read_remedies(text: &str) -> Vec<Remedy> {
    let read = || {
        let event: serde_json::Value = serde_json::from_str(text).ok()?;
        serde_json::from_value(event.pointer("/unmapped/remedies")?.clone()).ok()
    };
    read().unwrap_or_default()
}

/// Reads one line that [`line`] wrote.
///
/// # Errors
/// When it is not such a line.
pub fn read(text: &str) -> Result<Incident, ReadError> {
    let event: serde_json::Value =
        serde_json::from_str(text).map_err(|error| ReadError(format!("not JSON: {error}")))?;
    if event.get("class_uid").and_then(serde_json::Value::as_u64) != Some(u64::from(INCIDENT_FINDING)) {
        return Err(ReadError("not an OCSF Incident Finding".to_owned()));
    }
    let whole = event
        .pointer("/unmapped/incident")
        .ok_or_else(|| ReadError("`unmapped.incident` is missing: another program's incident".to_owned()))?;
    serde_json::from_value(whole.clone()).map_err(|error| ReadError(format!("`unmapped.incident`: {error}")))
}
