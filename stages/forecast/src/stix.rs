//! ATT&CK as MITRE publishes it: a STIX 2 bundle with techniques (`attack-pattern`), groups, campaigns, malware and tools, and who
//! uses what (`relationship`).
//!
//! Everything unknown is passed over; what is revoked or deprecated is kept with that mark, and a revoked technique names what
//! replaced it (`revoked-by`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::reports::{Reports, Source};
use crate::techniques::{State, TableError, Technique, Techniques, is_id};

/// Objects that are read of a bundle: ATT&CK has some 25,000.
const OBJECTS_MAX: usize = 1_000_000;

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Attack {
    /// The techniques.
    pub table: Techniques,
    /// Groups, campaigns, malware and tools with the techniques that they use.
    pub entities: Reports,
}

/// A bundle that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StixError {
    /// It is not JSON of that form.
    #[error("not a STIX bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// It holds too much.
    #[error("{0} objects, at most {OBJECTS_MAX} are read")]
    TooMany(usize),
    /// It holds no technique of ATT&CK.
    #[error("no ATT&CK technique in it (looked for `attack-pattern` objects with a `mitre-attack` id)")]
    Nothing,
    /// Its techniques make no table.
    #[error(transparent)]
    Table(#[from] TableError),
}

#[derive(Deserialize)]
struct Bundle {
    objects: Vec<Object>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    r#type: String,
    id: String,
    name: String,
    revoked: bool,
    x_mitre_deprecated: bool,
    external_references: Vec<Reference>,
    kill_chain_phases: Vec<Phase>,
    x_mitre_platforms: Vec<String>,
    relationship_type: String,
    source_ref: String,
    target_ref: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    source_name: String,
    external_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Phase {
    kill_chain_name: String,
    phase_name: String,
}

/// Reads a bundle; O(its size).
///
/// # Errors
/// When it is no bundle, is too large, or holds no techniques.
pub fn read(bytes: &[u8]) -> Result<Attack, StixError> {
    let Bundle { objects } = serde_json::from_slice(bytes)?;
    if objects.len() > OBJECTS_MAX {
        return Err(StixError::TooMany(objects.len()));
    }
    let attack_id = |object: &Object| {
        let own = object.external_references.iter().find(|one| one.source_name == "mitre-attack");
        own.map(|one| one.external_id.clone()).filter(|id| is_id(id))
    };
    let techniques: BTreeMap<&str, String> = objects
        .iter()
        .filter(|object| object.r#type == "attack-pattern")
        .filter_map(|object| Some((object.id.as_str(), attack_id(object)?)))
        .collect();
    let relations = |kind: &'static str| {
        objects.iter().filter(move |one| one.r#type == "relationship" && one.relationship_type == kind && !one.revoked)
    };
    let replaced: BTreeMap<&str, &str> =
        relations("revoked-by").map(|one| (one.source_ref.as_str(), one.target_ref.as_str())).collect();
    let mut table: BTreeMap<String, Technique> = BTreeMap::new();
    for object in objects.iter().filter(|object| object.r#type == "attack-pattern") {
        let Some(id) = techniques.get(object.id.as_str()) else { continue };
        let state = match (object.revoked, object.x_mitre_deprecated) {
            (true, _) => {
                let by = replaced.get(object.id.as_str()).and_then(|by| techniques.get(by));
                by.map_or(State::Deprecated, |by| State::RevokedBy(by.clone()))
            }
            (_, true) => State::Deprecated,
            _ => State::Current,
        };
        let technique = Technique {
            id: id.clone(),
            name: object.name.clone(),
            tactics: object
                .kill_chain_phases
                .iter()
                .filter(|phase| phase.kill_chain_name == "mitre-attack")
                .map(|phase| phase.phase_name.clone())
                .collect(),
            platforms: object.x_mitre_platforms.clone(),
            state,
        };
        // Ids were used again: the current bearer counts.
        match table.get(id) {
            Some(have) if have.state.is_current() => {}
            _ => {
                table.insert(id.clone(), technique);
            }
        }
    }
    if table.is_empty() {
        return Err(StixError::Nothing);
    }
    let table = Techniques::new(table.into_values().collect())?;
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in relations("uses") {
        if let Some(id) = techniques.get(one.target_ref.as_str()) {
            uses.entry(one.source_ref.as_str()).or_default().push(id);
        }
    }
    let mut named: Vec<(&Object, Source)> = objects
        .iter()
        .filter(|object| !object.revoked && !object.x_mitre_deprecated)
        .filter_map(|object| {
            let source = match object.r#type.as_str() {
                "intrusion-set" => Source::IntrusionSet,
                "campaign" => Source::Campaign,
                "malware" => Source::Malware,
                "tool" => Source::Tool,
                _ => return None,
            };
            Some((object, source))
        })
        .collect();
    named.sort_by(|a, b| a.0.id.cmp(&b.0.id));
    let mut entities = Reports::default();
    for (object, source) in named {
        if let Some(ids) = uses.get(object.id.as_str()) {
            entities.add(&table, ids.iter().copied(), source, &object.name);
        }
    }
    Ok(Attack { table, entities })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = r#"{"type": "bundle", "objects": [
        {"type": "attack-pattern", "id": "attack-pattern--1", "name": "Cron", "x_mitre_platforms": ["Linux"],
         "external_references": [{"source_name": "mitre-attack", "external_id": "T1053.003"}],
         "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "persistence"}]},
        {"type": "attack-pattern", "id": "attack-pattern--2", "name": "Old", "revoked": true,
         "external_references": [{"source_name": "mitre-attack", "external_id": "T1168"}]},
        {"type": "attack-pattern", "id": "attack-pattern--3", "name": "Other world",
         "external_references": [{"source_name": "capec", "external_id": "CAPEC-1"}]},
        {"type": "relationship", "relationship_type": "revoked-by", "source_ref": "attack-pattern--2", "target_ref": "attack-pattern--1"},
        {"type": "intrusion-set", "id": "intrusion-set--1", "name": "Somebody"},
        {"type": "relationship", "relationship_type": "uses", "source_ref": "intrusion-set--1", "target_ref": "attack-pattern--1"},
        {"type": "marking-definition", "id": "marking-definition--1"}
    ]}"#;

    #[test]
    fn techniques_and_who_uses_them_are_read() {
        let attack = read(BUNDLE.as_bytes()).unwrap();
        assert_eq!(attack.table.len(), 2);
        let cron = attack.table.get(attack.table.number("T1053.003").unwrap()).unwrap();
        assert_eq!((cron.name.as_str(), cron.tactics.as_slice()), ("Cron", &["persistence".to_owned()][..]));
        let old = attack.table.get(attack.table.number("T1168").unwrap()).unwrap();
        assert_eq!(old.state, State::RevokedBy("T1053.003".into()));
        assert_eq!((attack.entities.len(), attack.entities.name(0)), (1, "Somebody"));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for text in
            ["", "[]", "{}", r#"{"objects": 3}"#, r#"{"objects": []}"#, "\u{0}", r#"{"objects": [{"type": 4}]}"#]
        {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
