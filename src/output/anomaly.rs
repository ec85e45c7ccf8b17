//! What a learned detector says, in JSON: OCSF's `anomaly_analyses` for other programs, `unmapped.anomaly` for figures that
//! OCSF has no place for. The parts' values sum to the score.

use serde_json::Value;
use shieldwall_schema::finding::{Anomaly, AnomalyPart, Finding};

use super::json::{key, number_pair, open, string, string_pair};

/// Parts that are read back; a finding has a handful.
const PARTS_MAX: usize = 64;

/// OCSF's view: whom it is about, what was observed, what is normal.
pub fn analyses(finding: &Finding, anomaly: &Anomaly, out: &mut String) {
    key(out, "anomaly_analyses");
    out.push_str("[{");
    key(out, "analysis_targets");
    open(out, '[');
    let source = [finding.source.clone()];
    let (kind, targets) = if finding.hosts.is_empty() { ("Log", &source[..]) } else { ("Host", &finding.hosts[..]) };
    for target in targets {
        open(out, '{');
        string_pair(out, "name", target);
        string_pair(out, "type", kind);
        out.push('}');
    }
    out.push(']');
    key(out, "anomalies");
    open(out, '[');
    for part in &anomaly.parts {
        observed(out, &part.what, &part.words);
    }
    out.push(']');
    key(out, "baselines");
    open(out, '[');
    observed(out, "what is normal", &anomaly.normal);
    out.push_str("]}]");
}

fn observed(out: &mut String, parameter: &str, words: &str) {
    open(out, '{');
    string_pair(out, "observation_parameter", parameter);
    key(out, "observations");
    open(out, '[');
    open(out, '{');
    string_pair(out, "value", words);
    out.push_str("}]}");
}

/// Our own figures.
pub fn figures(anomaly: &Anomaly, out: &mut String) {
    key(out, "anomaly");
    open(out, '{');
    number_pair(out, "score", finite(anomaly.score));
    number_pair(out, "p_value", finite(anomaly.p_value));
    key(out, "normal");
    string(out, &anomaly.normal);
    key(out, "contributions");
    open(out, '[');
    for part in &anomaly.parts {
        open(out, '{');
        string_pair(out, "what", &part.what);
        number_pair(out, "value", finite(part.value));
        string_pair(out, "words", &part.words);
        out.push('}');
    }
    out.push_str("]}");
}

/// JSON has no infinities; a detector gives none either.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Reads [`figures`] back.
pub fn read(unmapped: &Value) -> Option<Anomaly> {
    let anomaly = unmapped.get("anomaly")?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let parts = anomaly.get("contributions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Some(Anomaly {
        score: number(anomaly, "score"),
        p_value: number(anomaly, "p_value"),
        normal: text(anomaly, "normal"),
        parts: parts
            .iter()
            .take(PARTS_MAX)
            .map(|part| AnomalyPart {
                what: text(part, "what"),
                value: number(part, "value"),
                words: text(part, "words"),
            })
            .collect(),
    })
}
