//! Findings as SARIF 2.1.0, for tools that list, compare and track results.
//!
//! One run; a finding is a result, its rule a `reportingDescriptor` with help, its first records are locations (file and
//! byte offset), its id the `partialFingerprints` entry by which two runs are compared. What was not read stands in the
//! invocation's notifications. MITRE ATT&CK is a taxonomy, and rules relate to its techniques.
//!
//! Written as a stream: results first, then what they refer to. Memory is that of the rules that fired, the inputs
//! ([`ARTIFACTS_MAX`]) and one result. Deterministic: no clock, so the invocation has no times.
//!
//! Message strings follow section 3.11: braces are doubled, and `](` is broken, since a viewer makes links of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use serde_json::Value;
use shieldwall_schema::finding::{Analytic, Anomaly, AnomalyPart, Finding};
use shieldwall_schema::ocsf::attack::{self, AttackTag};

use super::anomaly;
use super::dossier::{Dossier, Findings};
use super::escape::escape;
use super::json::{key, number, number_pair, open, some_string, some_strings, string, string_pair};
use super::report::SourceNote;
use super::words::{self, Severity};

/// Results in a file; the gravest findings are kept. Viewers take fewer (GitHub 25,000), hardly any takes more.
pub const RESULTS_MAX: usize = 100_000;

/// Records shown as a result's locations.
pub const LOCATIONS_MAX: usize = 10;

/// Inputs listed as artifacts.
pub const ARTIFACTS_MAX: usize = 10_000;

/// Notifications of each kind.
pub const NOTIFICATIONS_MAX: usize = 1000;

/// Bytes of a message; a rule's description and a finding's words stay far below.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Where the schema stands.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Name under which a finding's id stands. The number is of the way in which ids are made.
const FINGERPRINT: &str = "shieldwallFindingId/v1";

/// Writes the log.
///
/// # Errors
/// When a finding cannot be read back or `out` fails.
pub fn write(dossier: &Dossier<'_>, findings: &mut dyn Findings, out: &mut dyn Write) -> io::Result<()> {
    writing(dossier, findings, RESULTS_MAX, out)
}

fn writing(
    dossier: &Dossier<'_>,
    findings: &mut dyn Findings,
    results_max: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text = String::new();
    open(&mut text, '{');
    string_pair(&mut text, "$schema", SCHEMA);
    string_pair(&mut text, "version", "2.1.0");
    key(&mut text, "runs");
    text.push_str("[{\"columnKind\":\"unicodeCodePoints\",\"results\":[\n");
    out.write_all(text.as_bytes())?;

    let artifacts = Artifacts::of(dossier);
    let mut rules = Rules::default();
    let mut choice = Choice::of(findings, results_max)?;
    let mut written = 0u64;
    for at in 0..findings.len() {
        if !choice.is_everything() {
            let level = findings.get(at, 0)?.analytic.level;
            if !choice.takes(Severity::of_level(&level)) {
                continue;
            }
        }
        let finding = findings.get(at, LOCATIONS_MAX)?;
        let rule = rules.place(&finding.analytic);
        text.clear();
        // The first result has no comma before it.
        text.push_str(if written == 0 { "" } else { ",\n" });
        result(dossier, at as u32, &finding, rule, &artifacts, &mut text);
        out.write_all(text.as_bytes())?;
        written += 1;
    }
    let left_out = (findings.len() as u64).saturating_sub(written);
    out.write_all(b"\n],")?;
    rules.write(out)?;
    out.write_all(b",")?;
    artifacts.write(dossier, out)?;
    text.clear();
    invocation(dossier, left_out, &mut text);
    out.write_all(text.as_bytes())?;
    out.write_all(b"}]}\n")
}

/// Which findings become results where there are too many: the gravest, then the earliest.
struct Choice {
    /// The mildest level that still has room.
    mildest: Severity,
    /// How many of that level are still taken.
    room: usize,
    everything: bool,
}

impl Choice {
    fn of(findings: &mut dyn Findings, results_max: usize) -> io::Result<Self> {
        let mut choice = Self { mildest: Severity::Informational, room: 0, everything: true };
        if findings.len() <= results_max {
            return Ok(choice);
        }
        let mut counts = [0usize; Severity::ALL.len()];
        for at in 0..findings.len() {
            let severity = Severity::of_level(&findings.get(at, 0)?.analytic.level);
            if let Some(count) = counts.get_mut(severity as usize) {
                *count += 1;
            }
        }
        choice.everything = false;
        choice.room = results_max;
        for (severity, count) in Severity::ALL.into_iter().zip(counts).rev() {
            choice.mildest = severity;
            match choice.room.checked_sub(count) {
                Some(room) if room > 0 => choice.room = room,
                // This level fills what is left.
                _ => break,
            }
        }
        Ok(choice)
    }

    const fn is_everything(&self) -> bool {
        self.everything
    }

    fn takes(&mut self, severity: Severity) -> bool {
        if severity == self.mildest && self.room > 0 {
            self.room -= 1;
            return true;
        }
        severity > self.mildest
    }
}

/// SARIF's three levels.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "note",
    }
}

/// What GitHub orders security results by: CVSS-like, as text.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Informational => "0.0",
    }
}

/// `{"text":"…"}` as a value; section 3.11.
fn message(out: &mut String, name: &str, words: &str) {
    let words = escape(words);
    let mut end = words.len().min(MESSAGE_BYTES_MAX);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, rest) = words.split_at_checked(end).unwrap_or((&words, ""));
    let mut plain = kept.replace('{', "{{").replace('}', "}}").replace("](", "\\](");
    if !rest.is_empty() {
        plain.push('…');
    }
    key(out, name);
    open(out, '{');
    string_pair(out, "text", &plain);
    out.push('}');
}

fn result(dossier: &Dossier<'_>, at: u32, finding: &Finding, rule: usize, artifacts: &Artifacts, out: &mut String) {
    let severity = Severity::of_level(&finding.analytic.level);
    out.push('{');
    string_pair(out, "ruleId", &escape(&finding.analytic.uid));
    number_pair(out, "ruleIndex", rule);
    string_pair(out, "level", level(severity));
    let hosts = match finding.hosts.as_slice() {
        [] => String::new(),
        [one] => format!(" on {one}"),
        [one, rest @ ..] => format!(" on {one} and {} more hosts", rest.len()),
    };
    let count = if finding.count > 1 { format!(", {} records", finding.count) } else { String::new() };
    let title = words::headline(&finding.analytic);
    message(out, "message", &format!("{title}{hosts}{count}: {}", words::why_line(finding)));
    key(out, "locations");
    open(out, '[');
    for evidence in finding.evidences.iter().take(LOCATIONS_MAX) {
        open(out, '{');
        key(out, "physicalLocation");
        open(out, '{');
        artifacts.location(&finding.source, out);
        region(evidence.place.offset, out);
        out.push('}');
        if let Some(host) = evidence.host.as_deref().filter(|host| !host.is_empty()) {
            key(out, "logicalLocations");
            open(out, '[');
            open(out, '{');
            string_pair(out, "name", &escape(host));
            string_pair(out, "kind", "resource");
            out.push_str("}]");
        }
        out.push('}');
    }
    out.push(']');
    key(out, "partialFingerprints");
    open(out, '{');
    string_pair(out, FINGERPRINT, &escape(&finding.uid));
    out.push('}');
    number_pair(out, "occurrenceCount", finding.count.max(1));
    key(out, "properties");
    open(out, '{');
    string_pair(out, "severity", severity.level());
    some_strings(
        out,
        "hosts",
        finding.hosts.iter().map(|host| escape(host)).collect::<Vec<_>>().iter().map(String::as_str),
    );
    for (name, time) in [("first", finding.first), ("last", finding.last)] {
        some_string(out, name, &time.map(|time| time.to_string()).unwrap_or_default());
    }
    if finding.year_unknown {
        number_pair(out, "yearUnknown", true);
    }
    if let Some(anomaly) = &finding.anomaly {
        anomaly::figures(&escaped(anomaly), out);
    }
    let incidents = dossier.incidents_of(at).filter_map(|number| dossier.incidents.get(number - 1));
    some_strings(out, "incidents", incidents.map(|incident| incident.uid.as_str()));
    out.push_str("}}");
}

/// What a learned detector says, made visible: its words hold outside text.
fn escaped(anomaly: &Anomaly) -> Anomaly {
    let part =
        |part: &AnomalyPart| AnomalyPart { what: escape(&part.what), words: escape(&part.words), value: part.value };
    Anomaly { normal: escape(&anomaly.normal), parts: anomaly.parts.iter().map(part).collect(), ..*anomaly }
}

/// A binary region (section 3.30.4): logs are addressed by bytes of the unpacked file.
fn region(offset: u64, out: &mut String) {
    key(out, "region");
    open(out, '{');
    number_pair(out, "byteOffset", offset);
    out.push('}');
}

/// Rules that fired, in the order in which they first did.
#[derive(Default)]
struct Rules {
    /// By id and hash: two packs may hold different rules of one id.
    places: HashMap<(String, String), usize>,
    rules: Vec<Analytic>,
}

impl Rules {
    fn place(&mut self, analytic: &Analytic) -> usize {
        let key = (analytic.uid.clone(), analytic.hash.clone());
        *self.places.entry(key).or_insert_with(|| {
            self.rules.push(analytic.clone());
            self.rules.len() - 1
        })
    }

    /// `"tool":…,"taxonomies":…`
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let techniques: BTreeSet<String> = self.rules.iter().flat_map(techniques).collect();
        let taxa: BTreeMap<&str, usize> = techniques.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        let mut text = String::from("\"tool\":{\"driver\":{");
        string_pair(&mut text, "name", "Shieldwall");
        string_pair(&mut text, "semanticVersion", env!("CARGO_PKG_VERSION"));
        if !taxa.is_empty() {
            text.push_str(",\"supportedTaxonomies\":[{\"name\":\"MITRE ATT&CK\",\"index\":0}]");
        }
        text.push_str(",\"rules\":[\n");
        for (at, analytic) in self.rules.iter().enumerate() {
            text.push_str(if at > 0 { ",\n{" } else { "{" });
            descriptor(analytic, &taxa, &mut text);
            text.push('}');
            out.write_all(text.as_bytes())?;
            text.clear();
        }
        text.push_str("\n]}}");
        if !taxa.is_empty() {
            text.push_str(",\"taxonomies\":[{");
            string_pair(&mut text, "name", "MITRE ATT&CK");
            string_pair(&mut text, "organization", "MITRE");
            string_pair(&mut text, "informationUri", "https://attack.mitre.org/");
            number_pair(&mut text, "isComprehensive", false);
            message(&mut text, "shortDescription", "Techniques of attackers that the rules which fired name");
            key(&mut text, "taxa");
            open(&mut text, '[');
            for id in &techniques {
                open(&mut text, '{');
                string_pair(&mut text, "id", id);
                some_string(&mut text, "name", attack::technique_name(id).unwrap_or_default());
                string_pair(&mut text, "helpUri", &technique_link(id));
                text.push('}');
            }
            text.push_str("]}]");
        }
        out.write_all(text.as_bytes())
    }
}

/// Technique ids in a rule's tags.
fn techniques(analytic: &Analytic) -> Vec<String> {
    let ids = analytic.tags.iter().filter_map(|tag| match attack::tag(tag) {
        Some(AttackTag::Technique(id)) => Some(id.sub_technique().unwrap_or_else(|| id.technique())),
        _ => None,
    });
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

fn technique_link(id: &str) -> String {
    format!("https://attack.mitre.org/techniques/{}/", id.replace('.', "/"))
}

fn descriptor(analytic: &Analytic, taxa: &BTreeMap<&str, usize>, out: &mut String) {
    let severity = Severity::of_level(&analytic.level);
    string_pair(out, "id", &escape(&analytic.uid));
    some_string(out, "name", &escape(&analytic.name));
    message(out, "shortDescription", if analytic.name.is_empty() { &analytic.uid } else { &analytic.name });
    if !analytic.description.is_empty() {
        message(out, "fullDescription", analytic.description.trim());
    }
    let mut help = vec![analytic.description.trim().to_owned()];
    let harmless = words::harmless(analytic);
    if !harmless.is_empty() {
        help.push(format!("Known harmless causes: {}.", harmless.join("; ")));
    }
    help.push(format!("Rule {}.", words::by(analytic)));
    help.retain(|part| !part.is_empty());
    message(out, "help", &help.join(" "));
    key(out, "defaultConfiguration");
    open(out, '{');
    string_pair(out, "level", level(severity));
    out.push('}');
    let ids = techniques(analytic);
    if !ids.is_empty() {
        key(out, "relationships");
        open(out, '[');
        for id in &ids {
            out.push_str(if out.ends_with('[') { "{" } else { ",{" });
            key(out, "target");
            open(out, '{');
            string_pair(out, "id", id);
            number_pair(out, "index", taxa.get(id.as_str()).copied().unwrap_or_default());
            out.push_str(",\"toolComponent\":{\"name\":\"MITRE ATT&CK\",\"index\":0}},\"kinds\":[\"relevant\"]}");
        }
        out.push(']');
    }
    key(out, "properties");
    open(out, '{');
    string_pair(out, "security-severity", security_severity(severity));
    string_pair(out, "severity", severity.level());
    some_string(out, "version", &escape(&analytic.version));
    some_string(out, "sha256", &escape(&analytic.hash));
    let tags: BTreeSet<String> =
        std::iter::once("security".to_owned()).chain(analytic.tags.iter().map(|tag| escape(tag))).collect();
    some_strings(out, "tags", tags.iter().map(String::as_str));
    out.push('}');
}

/// The inputs of the run by their paths.
struct Artifacts {
    places: HashMap<String, usize>,
}

impl Artifacts {
    fn inputs<'a>(dossier: &Dossier<'a>) -> &'a [Value] {
        let inputs = dossier.manifest["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
        inputs.get(..ARTIFACTS_MAX).unwrap_or(inputs)
    }

    fn of(dossier: &Dossier<'_>) -> Self {
        let mut places = HashMap::new();
        for (at, input) in Self::inputs(dossier).iter().enumerate() {
            places.entry(input["path"].as_str().unwrap_or_default().to_owned()).or_insert(at);
        }
        Self { places }
    }

    /// `"artifactLocation":{…}`
    fn location(&self, path: &str, out: &mut String) {
        key(out, "artifactLocation");
        open(out, '{');
        string_pair(out, "uri", &uri(path));
        if let Some(at) = self.places.get(path) {
            number_pair(out, "index", at);
        }
        out.push('}');
    }

    fn write(&self, dossier: &Dossier<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut text = String::from("\"artifacts\":[\n");
        for (at, input) in Self::inputs(dossier).iter().enumerate() {
            text.push_str(if at > 0 { ",\n{" } else { "{" });
            key(&mut text, "location");
            open(&mut text, '{');
            string_pair(&mut text, "uri", &uri(input["path"].as_str().unwrap_or_default()));
            text.push('}');
            text.push_str(",\"roles\":[\"analysisTarget\"]");
            if let Some(bytes) = input["bytes"].as_u64() {
                number_pair(&mut text, "length", bytes);
            }
            if let Some(hash) = input["sha256"].as_str() {
                key(&mut text, "hashes");
                open(&mut text, '{');
                string_pair(&mut text, "sha-256", hash);
                text.push('}');
            }
            text.push('}');
            out.write_all(text.as_bytes())?;
            text.clear();
        }
        text.push_str("\n],");
        out.write_all(text.as_bytes())
    }
}

/// A path as a URI reference (RFC 3986): relative where the path is, else of the scheme `file`.
pub fn uri(path: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = path.as_bytes();
    let windows =
        matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic()) || path.starts_with("\\\\");
    let path = if windows { path.replace('\\', "/") } else { path.to_owned() };
    let mut out = match (windows, path.starts_with("//"), path.starts_with('/')) {
        // `\\server\share` has its authority in it.
        (true, true, _) => "file:".to_owned(),
        (true, false, _) => "file:///".to_owned(),
        // Slashes at the start beyond the first would read as an authority.
        (false, _, true) => "file://".to_owned(),
        (false, _, false) => String::new(),
    };
    for (at, byte) in path.bytes().enumerate() {
        let drive = windows && at == 1 && byte == b':';
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'!') || drive {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from(HEX.get(usize::from(half)).copied().unwrap_or(b'0')));
            }
        }
    }
    out
}

/// `"invocations":[…]`: that it went well as a program, and what it could not look at.
fn invocation(dossier: &Dossier<'_>, left_out: u64, out: &mut String) {
    let report = dossier.report;
    out.push_str("\"invocations\":[{\"executionSuccessful\":true,\"toolExecutionNotifications\":[");
    let mut left = NOTIFICATIONS_MAX;
    let mut more = 0u64;
    let mut notify = |out: &mut String, id: &str, level: &str, words: &str, place: Option<(&str, Option<u64>)>| {
        if left == 0 {
            more += 1;
            return;
        }
        left -= 1;
        notification(id, level, words, place, out);
    };
    if left_out > 0 {
        let words = format!(
            "{left_out} findings of the mildest levels are not among the results: a file takes {RESULTS_MAX}; \
             timeline.csv and findings.jsonl have them all"
        );
        notify(out, "results-left-out", "warning", &words, None);
    }
    let inputs = dossier.manifest["inputs"].as_array().map_or(0, Vec::len);
    if inputs > ARTIFACTS_MAX {
        let words =
            format!("{} inputs are not among the artifacts; manifest.json has them all", inputs - ARTIFACTS_MAX);
        notify(out, "artifacts-left-out", "note", &words, None);
    }
    for source in &report.sources {
        let path = source.display.as_str();
        match &source.note {
            SourceNote::NotRead(why) => {
                notify(out, "not-read", "error", &format!("not read: {why}"), Some((path, None)))
            }
            SourceNote::NonLog(kind) => notify(out, "no-log", "note", &format!("no log: {kind}"), Some((path, None))),
            SourceNote::DuplicateOf(twin) => {
                notify(out, "duplicate", "note", &format!("the same content as {twin}"), Some((path, None)));
            }
            SourceNote::Read | SourceNote::Empty => {}
        }
        for (reason, count, first) in &source.rejected {
            let detail = if first.detail.is_empty() { String::new() } else { format!(": {}", first.detail) };
            let words = format!("{count} records not read ({}), the first here{detail}", reason.name());
            notify(out, "rejected", "warning", &words, Some((path, Some(first.place.offset))));
        }
        for (flag, count) in source.flags.iter().filter(|(flag, _)| flag.loses_data()) {
            notify(out, "cut", "warning", &format!("{count} records: {}", flag.name()), Some((path, None)));
        }
        for assumption in &source.assumptions {
            notify(out, "assumed", "note", assumption, Some((path, None)));
        }
    }
    for assumption in &report.assumptions {
        notify(out, "assumed", "note", assumption, None);
    }
    if more > 0 {
        let words = format!("{more} more notifications are left out; manifest.json has them all");
        notification("notifications-left-out", "warning", &words, None, out);
    }
    out.push_str("],\"toolConfigurationNotifications\":[");
    for refused in report.refused_rules.iter().take(NOTIFICATIONS_MAX) {
        notification("rule-refused", "error", &format!("rule refused: {refused}"), None, out);
    }
    let more = report.refused_rules.len().saturating_sub(NOTIFICATIONS_MAX);
    if more > 0 {
        notification("rule-refused", "error", &format!("{more} more rules were refused"), None, out);
    }
    out.push(']');
    key(out, "properties");
    open(out, '{');
    key(out, "findings");
    number(out, report.finding_count);
    key(out, "rules");
    number(out, report.rules);
    out.push_str("}}]");
}

fn notification(id: &str, level: &str, words: &str, place: Option<(&str, Option<u64>)>, out: &mut String) {
    open(out, '{');
    key(out, "descriptor");
    open(out, '{');
    string_pair(out, "id", id);
    out.push('}');
    string_pair(out, "level", level);
    message(out, "message", words);
    if let Some((path, offset)) = place {
        out.push_str(",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
        string(out, &uri(path));
        out.push('}');
        if let Some(offset) = offset {
            region(offset, out);
        }
        out.push_str("}}]");
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, wanted) in [
            ("logs/auth.log", "logs/auth.log"),
            ("../a b/ü.log", "../a%20b/%C3%BC.log"),
            ("a.zip!b/c.log", "a.zip!b/c.log"),
            ("c:d.log", "c%3Ad.log"),
            ("/var/log/x%1", "file:///var/log/x%251"),
            ("C:\\Logs\\Security.evtx", "file:///C:/Logs/Security.evtx"),
            ("\\\\nas\\share\\x", "file://nas/share/x"),
            ("javascript:alert(1)", "javascript%3Aalert%281%29"),
            ("a\n\u{202e}\"<", "a%0A%E2%80%AE%22%3C"),
        ] {
            assert_eq!(uri(path), wanted, "{path:?}");
        }
    }

    #[test]
    fn a_message_makes_no_link_and_no_placeholder() {
        let mut out = String::new();
        message(&mut out, "message", "[click](http://evil) {0} \x1b[2J");
        assert_eq!(out, r#""message":{"text":"[click\\](http://evil) {{0}} \\x1b[2J"}"#);
    }

    #[test]
    fn the_gravest_are_kept_where_there_are_too_many() {
        struct Levels(Vec<&'static str>);
        impl Findings for Levels {
            fn len(&self) -> usize {
                self.0.len()
            }
            fn get(&mut self, at: usize, _: usize) -> io::Result<Finding> {
                Ok(Finding {
                    uid: String::new(),
                    analytic: Analytic { level: self.0[at].to_owned(), ..Analytic::default() },
                    event_class: 0,
                    source: String::new(),
                    sha256: None,
                    format: String::new(),
                    count: 1,
                    first: None,
                    last: None,
                    year_unknown: false,
                    hosts: Vec::new(),
                    evidences: Vec::new(),
                    anomaly: None,
                })
            }
        }
        let levels = vec!["low", "high", "medium", "medium", "critical", "informational"];
        for (most, wanted) in
            [(1, vec![4]), (2, vec![1, 4]), (3, vec![1, 2, 4]), (4, vec![1, 2, 3, 4]), (5, vec![0, 1, 2, 3, 4])]
        {
            let mut findings = Levels(levels.clone());
            let mut choice = Choice::of(&mut findings, most).unwrap();
            let taken: Vec<usize> =
                (0..levels.len()).filter(|at| choice.takes(Severity::of_level(levels[*at]))).collect();
            assert_eq!(taken, wanted, "{most}");
        }
        assert!(Choice::of(&mut Levels(levels), 6).unwrap().is_everything());
    }
}
