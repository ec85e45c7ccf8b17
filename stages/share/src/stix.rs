//! Shareable items as a STIX 2.1 bundle (OASIS STIX 2.1).
//!
//! | STIX object | is |
//! |---|---|
//! | `marking-definition` | TLP 2.0, by OASIS' own ids; every object is marked |
//! | `identity` | an organisation without a name, the same for everybody |
//! | `indicator` | an address, a domain, a file hash |
//! | `attack-pattern` | a technique of MITRE ATT&CK, by its id |
//! | `relationship` | an indicator `indicates` a technique |
//! | `sighting` | how often, and between which hours |
//!
//! Ids are UUIDv5 of content and times are event times, so equal cases give equal bundles byte for byte. Objects
//! whose content is the same everywhere (identity, techniques) have the fixed time [`EPOCH`], since one id must not have two.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use serde_json::{Value, json};
use shieldwall_schema::Timestamp;
use shieldwall_schema::incident::Severity;
use shieldwall_schema::ocsf::attack;
use uuid::Uuid;

use crate::redact::{Redacted, Shareable, Thing};

/// Traffic Light Protocol 2.0 (FIRST): who may see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tlp {
    /// Everybody.
    Clear,
    /// The community.
    Green,
    /// The receiver's organisation and its clients.
    #[default]
    Amber,
    /// The receiver's organisation.
    AmberStrict,
    /// The receiver alone.
    Red,
}

impl Tlp {
    /// The label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }

    /// The id that OASIS gave the marking, and its value.
    const fn marking(self) -> (&'static str, &'static str) {
        match self {
            Self::Clear => ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "clear"),
            Self::Green => ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "green"),
            Self::Amber => ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber"),
            Self::AmberStrict => ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "amber+strict"),
            Self::Red => ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "red"),
        }
    }
}

/// `created` of objects that are the same in every bundle.
const EPOCH: &str = "2026-01-01T00:00:00.000Z";

/// OASIS' extension that carries TLP 2.0.
const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

/// The space of our ids: a random UUID, chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x1c8b_0f4e_57d3_4a86_9f0e_6d2b_75c1_3a94);

/// STIX's largest count of a sighting.
const COUNT_MAX: u64 = 999_999_999;

/// Writes the bundle, one object a line.
///
/// # Errors
/// When `out` fails.
pub fn write(redacted: &Redacted, tlp: Tlp, out: &mut dyn Write) -> io::Result<()> {
    let objects = objects(redacted, tlp);
    // The bundle's own id changes with its content.
    let ids: Vec<&str> = objects.iter().filter_map(|object| object["id"].as_str()).collect();
    let id = id("bundle", &[&ids.join(" ")]);
    write!(out, "{{\"type\":\"bundle\",\"id\":\"{id}\",\"objects\":[")?;
    for (at, object) in objects.iter().enumerate() {
        out.write_all(if at > 0 { b",\n" } else { b"\n" })?;
        serde_json::to_writer(&mut *out, object)?;
    }
    out.write_all(b"\n]}\n")
}

/// The objects in a fixed order. At most [`crate::redact::SHAREABLES_MAX`] items, so they may be held at once.
fn objects(redacted: &Redacted, tlp: Tlp) -> Vec<Value> {
    let (marking, value) = tlp.marking();
    let identity = id("identity", &["anonymous"]);
    let mut objects = vec![
        json!({
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": marking,
            "created": "2022-10-01T00:00:00.000Z",
            "name": tlp.label(),
            "extensions": { TLP_EXTENSION: { "extension_type": "property-extension", "tlp_2_0": value } },
        }),
        json!({
            "type": "identity",
            "spec_version": "2.1",
            "id": identity,
            "created": EPOCH,
            "modified": EPOCH,
            "name": "An organisation that does not say its name",
            "description": "Whoever shares with Shieldwall and wants to stay unnamed. The same for all of them.",
            "identity_class": "organization",
            "object_marking_refs": [marking],
        }),
    ];
    let mut patterns: BTreeMap<&str, String> = BTreeMap::new();
    for item in redacted.items() {
        let own = match item.thing() {
            Thing::Technique(technique) => Some(technique.as_str()),
            _ => None,
        };
        for technique in item.techniques().iter().map(String::as_str).chain(own) {
            patterns.entry(technique).or_insert_with(|| {
                let object = attack_pattern(technique, &identity, marking);
                let id = id_of(&object);
                objects.push(object);
                id
            });
        }
    }
    for item in redacted.items() {
        let seen = match item.thing() {
            Thing::Technique(technique) => patterns.get(technique.as_str()).cloned().unwrap_or_default(),
            thing => {
                let indicator = indicator(thing, item, &identity, marking);
                let seen = id_of(&indicator);
                objects.push(indicator);
                for technique in item.techniques().iter().filter_map(|technique| patterns.get(technique.as_str())) {
                    objects.push(relationship(&seen, technique, item, &identity, marking));
                }
                seen
            }
        };
        objects.push(sighting(&seen, item, &identity, marking));
    }
    objects
}

/// An object's own id.
fn id_of(object: &Value) -> String {
    object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `type--UUIDv5` of the parts.
fn id(kind: &str, parts: &[&str]) -> String {
    let name = format!("{kind}\0{}", parts.join("\0"));
    format!("{kind}--{}", Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// STIX wants milliseconds; hours have none.
fn stamp(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}.000Z", text.get(..19).unwrap_or_default())
}

/// Without a link: STIX wants a hash of what a link shows, and that would need the network.
fn attack_pattern(technique: &str, identity: &str, marking: &str) -> Value {
    json!({
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": id("attack-pattern", &[technique]),
        "created_by_ref": identity,
        "created": EPOCH,
        "modified": EPOCH,
        "name": attack::technique_name(technique).unwrap_or(technique),
        "description": format!("Technique {technique} of MITRE ATT&CK."),
        "external_references": [{
            "source_name": "mitre-attack",
            "external_id": technique,
        }],
        "object_marking_refs": [marking],
    })
}

fn indicator(thing: &Thing, item: &Shareable, identity: &str, marking: &str) -> Value {
    // Every value was parsed and written anew: no quote can stand in it.
    let (pattern, name) = match thing {
        Thing::Address(IpAddr::V4(address)) => {
            (format!("[ipv4-addr:value = '{address}']"), format!("Address {address}"))
        }
        Thing::Address(IpAddr::V6(address)) => {
            (format!("[ipv6-addr:value = '{address}']"), format!("Address {address}"))
        }
        Thing::Domain(name) => (format!("[domain-name:value = '{name}']"), format!("Domain {name}")),
        Thing::Hash(algorithm, hex) => {
            (format!("[file:hashes.'{algorithm}' = '{hex}']"), format!("File with {algorithm} {hex}"))
        }
        Thing::Technique(id) => (String::new(), id.clone()),
    };
    let created = stamp(item.first());
    json!({
        "type": "indicator",
        "spec_version": "2.1",
        "id": id("indicator", &[&pattern, &created]),
        "created_by_ref": identity,
        "created": created,
        "modified": created,
        "name": name,
        "description": "Part of an incident that rules found in logs. By itself no proof of ill will: good programs and \
                        shared servers take part in incidents too.",
        "indicator_types": ["anomalous-activity"],
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": created,
        "confidence": confidence(item.severity()),
        "object_marking_refs": [marking],
    })
}

/// How sure, of 100: the gravest level of the incident, well below certainty.
const fn confidence(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 70,
        Severity::High => 60,
        Severity::Medium => 40,
        Severity::Low | Severity::Informational => 15,
    }
}

fn relationship(indicator: &str, technique: &str, item: &Shareable, identity: &str, marking: &str) -> Value {
    let created = stamp(item.first());
    json!({
        "type": "relationship",
        "spec_version": "2.1",
        "id": id("relationship", &[indicator, technique]),
        "created_by_ref": identity,
        "created": created,
        "modified": created,
        "relationship_type": "indicates",
        "source_ref": indicator,
        "target_ref": technique,
        "object_marking_refs": [marking],
    })
}

fn sighting(seen: &str, item: &Shareable, identity: &str, marking: &str) -> Value {
    let (first, last) = (stamp(item.first()), stamp(item.last()));
    let count = item.count().min(COUNT_MAX);
    json!({
        "type": "sighting",
        "spec_version": "2.1",
        "id": id("sighting", &[seen, &first, &last, &count.to_string()]),
        "created_by_ref": identity,
        "created": last,
        "modified": last,
        "first_seen": first,
        "last_seen": last,
        "count": count,
        "sighting_of_ref": seen,
        "where_sighted_refs": [identity],
        "object_marking_refs": [marking],
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::candidate::{Candidate, Role, What};
    use crate::own::Own;
    use crate::redact::redact;

    fn bundle(candidates: Vec<Candidate>) -> (Value, Vec<u8>) {
        let mut out = Vec::new();
        write(&redact(&Own::default(), candidates), Tlp::default(), &mut out).unwrap();
        (serde_json::from_slice(&out).unwrap(), out)
    }

    fn candidate(what: What, value: &str, techniques: &[&str]) -> Candidate {
        Candidate {
            what: Some(what),
            value: value.to_owned(),
            role: Role::Other,
            count: 3,
            first: Timestamp::from_civil(2026, 3, 10, 3, 12, 7, 5, 0),
            last: Timestamp::from_civil(2026, 3, 10, 5, 59, 7, 5, 0),
            severity: Severity::High,
            techniques: techniques.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(),
        }
    }

    #[test]
    fn a_bundle_holds_what_its_references_name_and_is_always_the_same() {
        let all = vec![
            candidate(What::Address, "198.51.100.7", &["T1105"]),
            candidate(What::Address, "2606:4700::1", &[]),
            candidate(What::Domain, "evil.example.com", &["T1105", "T1059.001"]),
            candidate(What::Hash, &"ab".repeat(32), &[]),
            candidate(What::Technique, "T1110", &[]),
            candidate(What::User, "anna", &["T1110"]),
        ];
        let (first, bytes) = bundle(all.clone());
        let objects = first["objects"].as_array().unwrap();
        let ids: BTreeSet<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), objects.len(), "an id stands twice");
        for object in objects {
            let refs = ["created_by_ref", "source_ref", "target_ref", "sighting_of_ref"];
            for name in refs.iter().filter_map(|name| object[*name].as_str()) {
                assert!(ids.contains(name), "{name}");
            }
            assert!(object["type"] == "marking-definition" || object["object_marking_refs"].is_array(), "{object}");
        }
        let of = |kind: &str| objects.iter().filter(|object| object["type"] == kind).count();
        assert_eq!((of("indicator"), of("attack-pattern"), of("relationship"), of("sighting")), (4, 3, 3, 5));
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            !text.contains("anna") && !text.contains("12:07") && text.contains("2026-03-10T03:00:00.000Z"),
            "{text}"
        );
        let mut reversed = all;
        reversed.reverse();
        assert_eq!(bundle(reversed).1, bytes);
    }

    #[test]
    fn an_empty_bundle_is_whole() {
        let (bundle, _) = bundle(Vec::new());
        assert_eq!(bundle["objects"].as_array().unwrap().len(), 2);
    }
}
