//! Reads our own OCSF lines back into findings, for `show` on a case.
//!
//! What a reader of the report sees comes back as it was. Typed parts return as flat paths; numbers that were written in
//! hex come back in decimal, and the zeros (0 Unknown) that OCSF asks for are dropped. A case is outside data like any other: a line that is not a
//! finding is an error with words, never a panic, and nesting is bounded by the parser (128 levels).

use serde_json::{Map, Value};
use shieldwall_schema::finding::{Analytic, Evidence, Finding, Provenance, Reason};
use shieldwall_schema::{Place, Timestamp};

/// Why a line is not a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError(pub String);

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

/// Reads one line that [`super::jsonl::Writer::line`] wrote.
pub fn line(text: &str) -> Result<Finding, ReadError> {
    let event: Value = serde_json::from_str(text).map_err(|error| ReadError(format!("not JSON: {error}")))?;
    if event.get("class_uid").and_then(Value::as_u64) != Some(u64::from(shieldwall_schema::ocsf::DETECTION_FINDING)) {
        return Err(ReadError("not an OCSF Detection Finding".to_owned()));
    }
    let info = event.get("finding_info").ok_or_else(|| ReadError("`finding_info` is missing".to_owned()))?;
    let analytic = info.get("analytic").unwrap_or(&Value::Null);
    let ours = event.get("unmapped").unwrap_or(&Value::Null);
    let rule = ours
        .get("rule")
        .ok_or_else(|| ReadError("`unmapped.rule` is missing: another program's finding".to_owned()))?;
    let evidences = event.get("evidences").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Finding {
        uid: text_of(info, "uid"),
        analytic: Analytic {
            uid: text_of(analytic, "uid"),
            name: text_of(analytic, "name"),
            version: text_of(analytic, "version"),
            description: text_of(info, "desc"),
            hash: text_of(rule, "hash"),
            pack: text_of(rule, "pack"),
            author: text_of(rule, "author"),
            license: text_of(rule, "license"),
            level: text_of(rule, "level"),
            condition: text_of(rule, "condition"),
            false_positives: texts_of(rule, "false_positives"),
            references: texts_of(rule, "references"),
            tags: texts_of(rule, "tags"),
            unsigned: bool_of(rule, "unsigned"),
        },
        event_class: number_of(ours, "event_class_uid").and_then(|uid| u32::try_from(uid).ok()).unwrap_or(0),
        source: text_of(ours, "source"),
        sha256: some_text_of(ours, "sha256"),
        format: event.pointer("/metadata/log_format").and_then(Value::as_str).unwrap_or_default().to_owned(),
        count: number_of(ours, "matches").unwrap_or(0),
        first: time_of(ours, "first"),
        last: time_of(ours, "last"),
        year_unknown: bool_of(ours, "year_unknown"),
        hosts: texts_of(ours, "hosts"),
        evidences: evidences.iter().map(evidence).collect(),
        anomaly: super::anomaly::read(ours),
    })
}

fn evidence(value: &Value) -> Evidence {
    let data = value.get("data").unwrap_or(&Value::Null);
    let host = some_text_of(data, "host");
    let mut fields = Vec::new();
    for (name, part) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "data") {
        flatten(name.clone(), part, &mut fields);
    }
    // The device that only repeats the host says nothing more.
    let devices = fields.iter().filter(|(path, _)| path.starts_with("device.")).count();
    if devices == 1 {
        fields.retain(|(path, name)| path != "device.hostname" || Some(name) != host.as_ref());
    }
    for (path, value) in data.get("fields").and_then(Value::as_object).into_iter().flatten() {
        flatten(path.clone(), value, &mut fields);
    }
    fields.sort();
    let reasons = data.get("reasons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Evidence {
        time: time_of(data, "time"),
        time_text: some_text_of(data, "time_text"),
        place: Place { offset: number_of(data, "offset").unwrap_or(0), record: number_of(data, "record") },
        host,
        fields,
        reasons: reasons.iter().map(reason).collect(),
    }
}

/// Nested values as (path, text). The parser bounds the depth.
fn flatten(path: String, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                flatten(format!("{path}.{name}"), member, fields);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| flatten(path.clone(), value, fields)),
        Value::String(text) => fields.push((path, text.clone())),
        Value::Number(number) if path.ends_with("_id") && number.as_i64() == Some(0) => {}
        Value::Null => {}
        other => fields.push((path, other.to_string())),
    }
}

fn reason(value: &Value) -> Reason {
    let end = |at: usize| value.get("span")?.get(at)?.as_u64().and_then(|end| u32::try_from(end).ok());
    Reason {
        selection: text_of(value, "selection"),
        field: text_of(value, "field"),
        native: some_text_of(value, "native"),
        how: text_of(value, "how"),
        pattern: text_of(value, "pattern"),
        value: text_of(value, "value"),
        span: end(0).zip(end(1)),
        provenance: match value.get("provenance").and_then(Value::as_str) {
            Some("transport_verified") => Provenance::TransportVerified,
            Some("host_reported") => Provenance::HostReported,
            // What does not say who wrote it is trusted least.
            _ => Provenance::AttackerWritable,
        },
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().and_then(|object: &Map<String, Value>| object.get(name))
}

fn text_of(value: &Value, name: &str) -> String {
    some_text_of(value, name).unwrap_or_default()
}

fn some_text_of(value: &Value, name: &str) -> Option<String> {
    member(value, name).and_then(Value::as_str).map(str::to_owned)
}

fn texts_of(value: &Value, name: &str) -> Vec<String> {
    let list = member(value, name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn number_of(value: &Value, name: &str) -> Option<u64> {
    member(value, name).and_then(Value::as_u64)
}

fn bool_of(value: &Value, name: &str) -> bool {
    member(value, name).and_then(Value::as_bool).unwrap_or(false)
}

fn time_of(value: &Value, name: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = member(value, name).and_then(Value::as_str)?.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanos)
}
