//! What the program wrote, read back: matches with their truth and their incident; and the same matches put to correlation
//! again with other windows, which the program has no flag for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shieldwall_correlate::{Correlate, Limits};
use shieldwall_schema::entity::{Entity, entities, host_id};
use shieldwall_schema::incident::{RuleFacts, Severity, Sighting};
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::time::Timestamp;

use super::generate::Estate;
use super::judge::Truth;

/// One match.
#[derive(Clone, Debug)]
pub struct Match {
    pub truth: Truth,
    /// The incident that the program gave it.
    pub incident: String,
    /// In nanoseconds.
    pub time: Option<i64>,
    pub host: Option<String>,
    pub rule: u32,
    /// Techniques in the rule's tags.
    pub techniques: Vec<String>,
    pub severity: Severity,
    entities: Vec<Entity>,
}

/// An incident as far as it is judged.
#[derive(Clone, Debug)]
pub struct Found {
    pub uid: String,
    pub severity: Severity,
    pub techniques: Vec<String>,
    /// By what its members joined, beside their hosts: `user eve`.
    pub joined_by: BTreeSet<String>,
}

/// One estate, scanned.
#[derive(Clone, Debug)]
pub struct Seen {
    pub matches: Vec<Match>,
    pub incidents: Vec<Found>,
    rules: Vec<RuleFacts>,
}

/// Reads a case whose findings are single matches.
///
/// # Errors
/// When the case is not what the program writes.
pub fn read(case: &Path, estate: Option<&Estate>) -> Result<Seen> {
    let mut seen = Seen { matches: Vec::new(), incidents: Vec::new(), rules: Vec::new() };
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for line in std::fs::read_to_string(case.join("findings.jsonl"))?.lines() {
        let finding: Value = serde_json::from_str(line)?;
        let own = &finding["unmapped"];
        let rule = &own["rule"];
        let uid = format!("{}{}", text(&finding["finding_info"]["analytic"]["uid"]), text(&rule["hash"]));
        let next = u32::try_from(numbers.len())?;
        let number = *numbers.entry(uid.clone()).or_insert(next);
        if number == next {
            seen.rules.push(facts(uid, rule));
        }
        let evidence = &finding["evidences"][0];
        let offset = evidence["data"]["offset"].as_u64().unwrap_or_default();
        let source = PathBuf::from(text(&own["source"]));
        let truth = match estate.filter(|estate| source == estate.file) {
            Some(estate) => {
                let at = estate.begins.partition_point(|(begin, _)| *begin <= offset);
                let (_, set) =
                    at.checked_sub(1).and_then(|at| estate.begins.get(at)).context("an offset before all")?;
                Truth::Set(*set)
            }
            None => Truth::Benign(format!("{number} {}", source.display())),
        };
        let incidents = own["incidents"].as_array().map_or(0, Vec::len);
        if incidents > 1 {
            bail!("one match in {incidents} incidents: {line}");
        }
        let mut fields = Vec::new();
        flatten("", evidence, &mut fields);
        fields.sort();
        seen.matches.push(Match {
            truth,
            incident: own["incidents"][0].as_str().unwrap_or("none").to_owned(),
            time: evidence["data"]["time"].as_str().and_then(nanos),
            host: evidence["device"]["hostname"].as_str().and_then(host_id),
            rule: number,
            techniques: seen.rules.get(number as usize).map(|rule| rule.techniques.clone()).unwrap_or_default(),
            severity: seen.rules.get(number as usize).map(|rule| rule.severity).unwrap_or_default(),
            entities: entities(&fields),
        });
    }
    for line in std::fs::read_to_string(case.join("incidents.jsonl"))?.lines() {
        let incident: Value = serde_json::from_str(line)?;
        let own = &incident["unmapped"]["incident"];
        let techniques = own["techniques"].as_array().into_iter().flatten().map(|pair| text(&pair[0])).collect();
        seen.incidents.push(Found {
            uid: text(&own["uid"]),
            severity: Severity::of_level(&text(&own["severity"])),
            techniques,
            joined_by: own["members"].as_array().into_iter().flatten().filter_map(joined_by).collect(),
        });
    }
    Ok(seen)
}

impl Seen {
    /// The groups of one who knows which simulation each match is of, and joins within it whatever shares an entity.
    pub fn sharing(&self) -> Vec<String> {
        let mut parents: Vec<usize> = (0..self.matches.len()).collect();
        let mut first: BTreeMap<(&Truth, &Entity), usize> = BTreeMap::new();
        for (at, one) in self.matches.iter().enumerate() {
            for entity in one.entities.iter().filter(|_| matches!(one.truth, Truth::Set(_))) {
                let other = *first.entry((&one.truth, entity)).or_insert(at);
                let (left, right) = (root(&parents, at), root(&parents, other));
                if let Some(parent) = parents.get_mut(left.max(right)) {
                    *parent = left.min(right);
                }
            }
        }
        (0..parents.len()).map(|at| root(&parents, at).to_string()).collect()
    }

    /// Correlates the same matches with other limits; the group of each match.
    pub fn again(&self, limits: Limits) -> Vec<String> {
        let mut correlate = Correlate::new(self.rules.clone(), limits);
        for (finding, one) in (0_u32..).zip(&self.matches) {
            correlate.observe(&Sighting {
                time: one.time.map(Timestamp::from_nanos),
                finding,
                rule: one.rule,
                host: one.host.as_deref(),
                entities: &one.entities,
            });
        }
        let found = correlate.finish(&|finding| finding.to_string());
        let mut groups = vec!["none".to_owned(); self.matches.len()];
        for (finding, incident) in found.finding_incident {
            if let Some(group) = groups.get_mut(finding as usize) {
                *group = incident.to_string();
            }
        }
        groups
    }
}

fn root(parents: &[usize], mut at: usize) -> usize {
    while let Some(parent) = parents.get(at).filter(|parent| **parent != at) {
        at = *parent;
    }
    at
}

fn joined_by(member: &Value) -> Option<String> {
    let (kind, id) = (member["joined_by"]["kind"].as_str()?, member["joined_by"]["id"].as_str()?);
    (kind != "host").then(|| format!("{kind} `{id}`"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn facts(uid: String, rule: &Value) -> RuleFacts {
    let mut facts = RuleFacts { uid, severity: Severity::of_level(&text(&rule["level"])), ..RuleFacts::default() };
    for tag in rule["tags"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        match attack::tag(tag) {
            Some(AttackTag::Tactic { uid, .. }) => facts.tactics.push(uid.to_owned()),
            _ => facts.techniques.extend(
                tag.strip_prefix("attack.t")
                    .filter(|id| id.starts_with(|first: char| first.is_ascii_digit()))
                    .map(|id| format!("T{id}")),
            ),
        }
    }
    facts
}

/// OCSF path → value, as the program's own evidence has them.
fn flatten(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (path, name.as_str()) {
                    ("", "data") => flatten("", &value["fields"], out),
                    ("", _) => flatten(name, value, out),
                    _ => flatten(&format!("{path}.{name}"), value, out),
                }
            }
        }
        // Lists of objects have one field: `hashes[].value`.
        Value::Array(items) => {
            let mut inner = Vec::new();
            items.iter().for_each(|item| flatten(path, item, &mut inner));
            let mut joined: BTreeMap<String, Vec<String>> = BTreeMap::new();
            inner.into_iter().for_each(|(path, value)| joined.entry(path).or_default().push(value));
            out.extend(joined.into_iter().map(|(path, values)| (path, values.join(","))));
        }
        Value::String(text) => out.push((path.to_owned(), text.clone())),
        Value::Null => {}
        other => out.push((path.to_owned(), other.to_string())),
    }
}

/// `2020-06-10T02:51:03.640Z` in nanoseconds.
fn nanos(text: &str) -> Option<i64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let year = i32::try_from(part(0, 4)?).ok()?;
    let fraction = text.get(19..)?.trim_start_matches('.').trim_end_matches('Z');
    let fraction: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let (month, day, hour, minute, second) = (part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?);
    Timestamp::from_civil(year, month, day, hour, minute, second, fraction, 0).map(Timestamp::nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_flattened_to_paths() {
        let evidence = serde_json::json!({
            "process": {"file": {"hashes": [{"value": "aa", "algorithm_id": 1}, {"value": "bb"}]}, "pid": 7},
            "data": {"time": "x", "fields": {"session.uid": "0x1f"}},
        });
        let mut fields = Vec::new();
        flatten("", &evidence, &mut fields);
        fields.sort();
        let expected = [
            ("process.file.hashes.algorithm_id", "1"),
            ("process.file.hashes.value", "aa,bb"),
            ("process.pid", "7"),
            ("session.uid", "0x1f"),
        ];
        assert_eq!(fields, expected.map(|(path, value)| (path.to_owned(), value.to_owned())));
        assert_eq!(nanos("1970-01-01T00:00:01.5Z"), Some(1_500_000_000));
    }
}
