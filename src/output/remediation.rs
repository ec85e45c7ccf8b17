//! What was done as OCSF 1.8.0 *Remediation Activity* (class 7001) and its kinds: file (7002), process (7003), network (7004).
//!
//! `command_uid` is the plan's hash; MITRE D3FEND gives activity and countermeasure. What OCSF has no place for, the plan itself and
//! how it stands, is in `unmapped`.

use serde_json::{Map, Value, json};
use shieldwall_respond::actuator::ask::{Deed, State};
use shieldwall_respond::plan::{Process, Step};
use shieldwall_schema::ocsf;

/// D3FEND's tactics, as OCSF numbers them.
const ISOLATE: (u32, &str) = (1, "Isolate");
/// See above.
const EVICT: (u32, &str) = (2, "Evict");
/// See above.
const RESTORE: (u32, &str) = (3, "Restore");

/// One deed as one line, without its line feed.
pub fn line(deed: &Deed) -> String {
    let step = &deed.plan.step;
    let (class, class_name) = class(step);
    let (activity, activity_name) = if deed.state == State::Undone { RESTORE } else { tactic(step) };
    let (status_id, status) = match deed.state {
        State::Torn => (6, "Error"),
        State::Done | State::Holds | State::Ended | State::Undone => (1, "Success"),
    };
    let mut event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 7,
        "category_name": "Remediation",
        "class_uid": class,
        "class_name": class_name,
        "type_uid": ocsf::type_uid(class, activity),
        "type_name": format!("{class_name}: {activity_name}"),
        "time": deed.at_ms,
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status_id,
        "status": status,
        "message": deed.plan.words().into_iter().next().unwrap_or_default(),
        "command_uid": deed.hash,
        "metadata": {
            "version": ocsf::VERSION,
            "uid": format!("{}-{}", deed.hash, deed.at_ms),
            "correlation_uid": deed.plan.incident,
            "product": { "name": "Shieldwall", "vendor_name": "Shieldwall", "version": env!("CARGO_PKG_VERSION") },
        },
        "remediation": { "desc": deed.plan.words().join("; ") },
        "unmapped": { "plan": deed.plan, "approver": deed.approver, "state": deed.state, "why": deed.why },
    });
    if let Some(event) = event.as_object_mut() {
        if let Some((id, name)) = step.d3fend() {
            let tactic = tactic(step).1;
            event.insert(
                "countermeasures".to_owned(),
                json!([{ "d3f_tactic": { "name": tactic }, "d3f_technique": { "uid": id, "name": name } }]),
            );
        }
        target(step, event);
    }
    // Names in a plan were checked by the guards; hidden characters are made visible as everywhere.
    let mut out = String::new();
    super::json::raw(&mut out, &event.to_string());
    out
}

fn class(step: &Step) -> (u32, &'static str) {
    match step {
        Step::Block { .. } | Step::Isolate { .. } => (7004, "Network Remediation Activity"),
        Step::StopProcess { .. } | Step::KillProcess { .. } => (7003, "Process Remediation Activity"),
        Step::Quarantine { .. } => (7002, "File Remediation Activity"),
        _ => (7001, "Remediation Activity"),
    }
}

fn tactic(step: &Step) -> (u32, &'static str) {
    match step {
        Step::KillProcess { .. } | Step::EndSessions { .. } | Step::StopService { .. } | Step::LockUser { .. } => EVICT,
        _ => ISOLATE,
    }
}

/// What OCSF wants to know of the target of each class.
fn target(step: &Step, event: &mut Map<String, Value>) {
    match step {
        Step::Block { targets, .. } => {
            event.insert("connection_info".to_owned(), json!({ "direction_id": 0, "direction": "Unknown" }));
            let seen: Vec<Value> = targets
                .iter()
                .map(|net| {
                    let (id, kind) = if net.is_host() { (2, "IP Address") } else { (12, "Subnet") };
                    json!({ "name": "target", "type_id": id, "type": kind, "value": net.to_string() })
                })
                .collect();
            event.insert("observables".to_owned(), seen.into());
        }
        Step::Isolate { .. } => {
            event.insert("connection_info".to_owned(), json!({ "direction_id": 0, "direction": "Unknown" }));
        }
        Step::StopProcess { process } | Step::KillProcess { process } => {
            let Process { pid, exe_sha256, .. } = process;
            let hash = json!({ "algorithm_id": 3, "algorithm": "SHA-256", "value": exe_sha256 });
            let file = json!({ "name": "unknown", "type_id": 1, "type": "Regular File", "hashes": [hash] });
            event.insert("process".to_owned(), json!({ "pid": pid, "file": file }));
        }
        Step::Quarantine { path, sha256 } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let hash = json!({ "algorithm_id": 3, "algorithm": "SHA-256", "value": sha256 });
            let file = json!({ "name": name, "path": path, "type_id": 1, "type": "Regular File", "hashes": [hash] });
            event.insert("file".to_owned(), file);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shieldwall_respond::plan::Plan;

    #[test]
    fn each_step_has_its_class_with_what_the_class_requires() {
        let process = Process { pid: 9, start_ticks: 1, exe_sha256: "0".repeat(64) };
        let steps = [
            (
                Step::Block { targets: vec!["203.0.113.9".parse().unwrap()], ports: vec![], seconds: 60 },
                7004,
                "connection_info",
            ),
            (Step::Isolate { keep: vec![], seconds: 60 }, 7004, "connection_info"),
            (Step::KillProcess { process }, 7003, "process"),
            (Step::Quarantine { path: "/tmp/x".into(), sha256: "0".repeat(64) }, 7002, "file"),
            (Step::LockUser { user: "anna".into() }, 7001, "command_uid"),
        ];
        for (step, class, required) in steps {
            let plan = Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 };
            let deed = |state| Deed {
                hash: plan.hash().to_string(),
                plan: plan.clone(),
                approver: "a".into(),
                at_ms: 5,
                state,
                why: String::new(),
            };
            let event: Value = serde_json::from_str(&line(&deed(State::Holds))).unwrap();
            assert_eq!(event["class_uid"], class);
            assert_eq!(event["type_uid"], u64::from(class as u32) * 100 + event["activity_id"].as_u64().unwrap());
            assert!(event.get(required).is_some(), "{class} wants {required}");
            for name in ["command_uid", "time", "severity_id", "category_uid", "metadata"] {
                assert!(event.get(name).is_some(), "{name}");
            }
            let undone: Value = serde_json::from_str(&line(&deed(State::Undone))).unwrap();
            assert_eq!(undone["activity_name"], "Restore");
        }
    }
}
