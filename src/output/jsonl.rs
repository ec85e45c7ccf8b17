//! Findings as OCSF 1.8.0 *Detection Finding* events (class 2004), one JSON object a line.
//!
//! The order of keys is fixed and the text depends on the finding alone: the same finding is the same line, byte for byte.
//! Where OCSF has a place for something, it stands there; what is ours alone stands in `unmapped` (the rule's author,
//! licence, hash and condition) and in each evidence's `data` (source, place, reasons, fields that fit no typed part).
//!
//! `src/output/read.rs` reads these lines back.

use std::fmt::Write as _;

use shieldwall_schema::Timestamp;
use shieldwall_schema::finding::{Evidence, Finding, Provenance};
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::ocsf::{self, DETECTION_FINDING};

use super::anomaly;
use super::evidence::{Artifacts, device};
use super::json::{key, number, number_pair, open, outside_key, some_string, some_strings, string, string_pair};
use super::words::{self, Severity};

/// Evidences in one finding; `count` says how many records matched and `unmapped.evidences_left_out` how many are not
/// shown. A hundred tell the story; a million would make a line that no reader takes.
pub const EVIDENCES_MAX: usize = 100;

/// Writes findings; keeps its working memory.
#[derive(Debug, Default)]
pub struct Writer {
    artifacts: Artifacts,
}

impl Writer {
    /// Appends one finding that is part of no incident.
    #[cfg(test)]
    pub fn line(&mut self, finding: &Finding, out: &mut String) {
        self.line_of(finding, std::iter::empty(), out);
    }

    /// Appends one finding as one line, with its line feed; `incidents` are the ids of those that its matches belong to.
    pub fn line_of<'a>(&mut self, finding: &Finding, incidents: impl Iterator<Item = &'a str>, out: &mut String) {
        let severity = Severity::of_level(&finding.analytic.level);
        out.push('{');
        string_pair(out, "activity_name", "Create");
        number_pair(out, "activity_id", 1);
        string_pair(out, "category_name", "Findings");
        number_pair(out, "category_uid", 2);
        string_pair(out, "class_name", "Detection Finding");
        number_pair(out, "class_uid", DETECTION_FINDING);
        string_pair(out, "type_name", "Detection Finding: Create");
        number_pair(out, "type_uid", ocsf::type_uid(DETECTION_FINDING, 1));
        let first = finding.evidences.first().and_then(|evidence| evidence.time).or(finding.first);
        number_pair(out, "time", first.map_or(0, |time| time.millis()));
        string_pair(out, "severity", severity.ocsf_caption());
        number_pair(out, "severity_id", severity.ocsf_id());
        string_pair(out, "status", "New");
        number_pair(out, "status_id", 1);
        number_pair(out, "is_alert", severity >= Severity::Medium);
        string_pair(out, "message", &words::why_line(finding));
        number_pair(out, "count", i32::try_from(finding.count).unwrap_or(i32::MAX));
        if let (Some(first), Some(last)) = (finding.first, finding.last) {
            number_pair(out, "start_time", first.millis());
            number_pair(out, "end_time", last.millis());
        }
        metadata(finding, out);
        finding_info(finding, out);
        hosts(finding, out);
        let shown = finding.evidences.get(..EVIDENCES_MAX).unwrap_or(&finding.evidences);
        if !shown.is_empty() {
            key(out, "evidences");
            open(out, '[');
            for evidence in shown {
                self.evidence(finding, evidence, out);
            }
            out.push(']');
        }
        if let Some(anomaly) = &finding.anomaly {
            anomaly::analyses(finding, anomaly, out);
        }
        unmapped(finding, shown.len(), first.is_none(), incidents, out);
        out.push_str("}\n");
    }

    fn evidence(&mut self, finding: &Finding, evidence: &Evidence, out: &mut String) {
        open(out, '{');
        self.artifacts.write(out, &evidence.fields, evidence.host.as_deref());
        key(out, "data");
        open(out, '{');
        string_pair(out, "source", &finding.source);
        if let Some(record) = evidence.place.record {
            number_pair(out, "record", record);
        }
        number_pair(out, "offset", evidence.place.offset);
        some_string(out, "sha256", finding.sha256.as_deref().unwrap_or_default());
        time_pair(out, "time", evidence.time);
        some_string(out, "time_text", evidence.time_text.as_deref().unwrap_or_default());
        some_string(out, "host", evidence.host.as_deref().unwrap_or_default());
        reasons(evidence, out);
        self.leftover(evidence, out);
        out.push_str("}}");
    }

    /// Fields without a typed place: path → value, or list of values where a path stands more than once.
    fn leftover(&self, evidence: &Evidence, out: &mut String) {
        let mut left = self.artifacts.left(&evidence.fields).peekable();
        if left.peek().is_none() {
            return;
        }
        key(out, "fields");
        open(out, '{');
        while let Some((path, value)) = left.next() {
            outside_key(out, path);
            if left.peek().is_none_or(|(next, _)| next != path) {
                string(out, value);
                continue;
            }
            open(out, '[');
            string(out, value);
            while let Some((_, value)) = left.next_if(|(next, _)| next == path) {
                string(out, value);
            }
            out.push(']');
        }
        out.push('}');
    }
}

/// `"name":"2024-02-29T23:59:59.5Z"`, with all the digits that OCSF's milliseconds lose.
fn time_pair(out: &mut String, name: &str, time: Option<Timestamp>) {
    if let Some(time) = time {
        key(out, name);
        // Writing to a String does not fail.
        let _ = write!(out, "\"{time}\"");
    }
}

fn metadata(finding: &Finding, out: &mut String) {
    key(out, "metadata");
    open(out, '{');
    string_pair(out, "version", ocsf::VERSION);
    string_pair(out, "uid", &finding.uid);
    key(out, "product");
    open(out, '{');
    string_pair(out, "name", "Shieldwall");
    string_pair(out, "vendor_name", "Shieldwall");
    string_pair(out, "version", env!("CARGO_PKG_VERSION"));
    out.push('}');
    some_strings(out, "profiles", (!finding.hosts.is_empty()).then_some("host"));
    string_pair(out, "log_name", &finding.source);
    some_string(out, "log_format", &finding.format);
    out.push('}');
}

fn finding_info(finding: &Finding, out: &mut String) {
    let analytic = &finding.analytic;
    key(out, "finding_info");
    open(out, '{');
    string_pair(out, "uid", &finding.uid);
    some_string(out, "title", &analytic.name);
    some_string(out, "desc", &analytic.description);
    key(out, "analytic");
    open(out, '{');
    string_pair(out, "uid", &analytic.uid);
    some_string(out, "name", &analytic.name);
    let (kind, type_id, category) = match &finding.anomaly {
        None => ("Rule", 1, "Sigma"),
        Some(_) => ("Learning (ML/DL)", 4, "Anomaly"),
    };
    string_pair(out, "type", kind);
    number_pair(out, "type_id", type_id);
    string_pair(out, "category", category);
    some_string(out, "version", &analytic.version);
    out.push('}');
    attacks(&analytic.tags, out);
    some_strings(out, "data_sources", (!finding.format.is_empty()).then_some(finding.format.as_str()));
    if let (Some(first), Some(last)) = (finding.first, finding.last) {
        number_pair(out, "first_seen_time", first.millis());
        number_pair(out, "last_seen_time", last.millis());
    }
    // The first link that is one; the rest stands in `unmapped`.
    let link = analytic.references.iter().find(|link| link.starts_with("https://") || link.starts_with("http://"));
    some_string(out, "src_url", link.map_or("", String::as_str));
    out.push('}');
}

/// `attacks`: one entry a technique, and the tactics. A rule's tags do not say which tactic goes with which technique, so
/// they are joined only where there is no doubt: a single tactic.
fn attacks(tags: &[String], out: &mut String) {
    let tags = || tags.iter().filter_map(|tag| attack::tag(tag));
    let tactics = || {
        tags().filter_map(|tag| match tag {
            AttackTag::Tactic { uid, name } => Some((uid, name)),
            AttackTag::Technique(_) => None,
        })
    };
    let only = tactics().next().filter(|first| tactics().all(|tactic| tactic == *first));
    let mut techniques = 0;
    for tag in tags() {
        let AttackTag::Technique(id) = tag else { continue };
        begin_attack(out, techniques);
        techniques += 1;
        let technique = id.technique();
        named(out, "technique", &technique, attack::technique_name(&technique));
        if let Some(sub) = id.sub_technique() {
            named(out, "sub_technique", &sub, attack::technique_name(&sub));
        }
        if let Some((uid, name)) = only {
            named(out, "tactic", uid, Some(name));
        }
        out.push('}');
    }
    let mut entries = techniques;
    if only.is_none() || techniques == 0 {
        for (uid, name) in tactics() {
            begin_attack(out, entries);
            entries += 1;
            named(out, "tactic", uid, Some(name));
            out.push('}');
        }
    }
    if entries > 0 {
        out.push(']');
    }
}

fn begin_attack(out: &mut String, entries: usize) {
    if entries == 0 {
        key(out, "attacks");
        open(out, '[');
    }
    open(out, '{');
}

fn named(out: &mut String, what: &str, uid: &str, name: Option<&str>) {
    key(out, what);
    open(out, '{');
    string_pair(out, "uid", uid);
    some_string(out, "name", name.unwrap_or_default());
    out.push('}');
}

/// One host is the device; several are resources.
fn hosts(finding: &Finding, out: &mut String) {
    match finding.hosts.as_slice() {
        [] => {}
        [host] => device(out, host),
        many => {
            key(out, "resources");
            open(out, '[');
            for host in many {
                open(out, '{');
                string_pair(out, "hostname", host);
                string_pair(out, "name", host);
                string_pair(out, "role", "Affected");
                number_pair(out, "role_id", 3);
                out.push('}');
            }
            out.push(']');
        }
    }
}

fn reasons(evidence: &Evidence, out: &mut String) {
    if evidence.reasons.is_empty() {
        return;
    }
    key(out, "reasons");
    open(out, '[');
    for reason in &evidence.reasons {
        open(out, '{');
        string_pair(out, "selection", &reason.selection);
        string_pair(out, "field", &reason.field);
        if let Some(native) = &reason.native {
            string_pair(out, "native", native);
        }
        string_pair(out, "how", &reason.how);
        string_pair(out, "pattern", &reason.pattern);
        string_pair(out, "value", &reason.value);
        if let Some((start, end)) = reason.span {
            key(out, "span");
            open(out, '[');
            number(out, start);
            number(out, end);
            out.push(']');
        }
        string_pair(out, "provenance", provenance(reason.provenance));
        out.push('}');
    }
    out.push(']');
}

const fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::TransportVerified => "transport_verified",
        Provenance::HostReported => "host_reported",
        Provenance::AttackerWritable => "attacker_writable",
    }
}

fn unmapped<'a>(
    finding: &Finding,
    shown: usize,
    time_unknown: bool,
    incidents: impl Iterator<Item = &'a str>,
    out: &mut String,
) {
    let analytic = &finding.analytic;
    key(out, "unmapped");
    open(out, '{');
    key(out, "rule");
    open(out, '{');
    some_string(out, "author", &analytic.author);
    some_string(out, "license", &analytic.license);
    some_string(out, "hash", &analytic.hash);
    some_string(out, "pack", &analytic.pack);
    number_pair(out, "unsigned", analytic.unsigned);
    some_string(out, "level", &analytic.level);
    some_string(out, "condition", &analytic.condition);
    some_strings(out, "tags", analytic.tags.iter().map(String::as_str));
    some_strings(out, "false_positives", analytic.false_positives.iter().map(String::as_str));
    some_strings(out, "references", analytic.references.iter().map(String::as_str));
    out.push('}');
    if let Some(anomaly) = &finding.anomaly {
        anomaly::figures(anomaly, out);
    }
    number_pair(out, "event_class_uid", finding.event_class);
    some_string(out, "event_class_name", ocsf::class_name(finding.event_class).unwrap_or_default());
    string_pair(out, "source", &finding.source);
    some_string(out, "sha256", finding.sha256.as_deref().unwrap_or_default());
    // `count` is a 32-bit integer in OCSF.
    number_pair(out, "matches", finding.count);
    time_pair(out, "first", finding.first);
    time_pair(out, "last", finding.last);
    let left_out = finding.count.saturating_sub(shown as u64);
    if left_out > 0 {
        number_pair(out, "evidences_left_out", left_out);
    }
    if time_unknown {
        number_pair(out, "time_unknown", true);
    }
    if finding.year_unknown {
        number_pair(out, "year_unknown", true);
    }
    some_strings(out, "hosts", finding.hosts.iter().map(String::as_str));
    some_strings(out, "incidents", incidents);
    out.push('}');
}
