//! From findings to what a person acts on: incidents, their stories, the report.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::{Place, manifest};

fn incidents(place: &Place, case: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(case).join("incidents.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn scan_demo(place: &Place) -> Vec<Value> {
    let case = place.path("case");
    place.run(["scan".as_ref(), "testdata/demo".as_ref(), "-o".as_ref(), case.as_os_str()]);
    incidents(place, "case")
}

#[test]
fn the_demo_is_one_story_over_three_hosts() {
    let place = Place::new();
    let incidents = scan_demo(&place);
    let grave: Vec<&Value> =
        incidents.iter().filter(|incident| incident["severity_id"].as_u64().unwrap() >= 3).collect();
    assert_eq!(grave.len(), 1, "one break-in is one incident");
    let hosts: BTreeSet<&str> = grave[0]["unmapped"]["incident"]["involved"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["entity"]["kind"] == "host")
        .map(|one| one["entity"]["id"].as_str().unwrap())
        .collect();
    assert!(hosts.is_superset(&BTreeSet::from(["web-01", "fs-01", "dc-01"])), "{hosts:?}");
    let techniques: BTreeSet<&str> = grave[0]["attacks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|attack| attack["technique"]["uid"].as_str())
        .collect();
    for technique in ["T1110", "T1105", "T1053", "T1003", "T1543", "T1059", "T1098", "T1490", "T1070"] {
        assert!(techniques.contains(technique), "{technique} is missing in {techniques:?}");
    }
}

#[test]
fn incidents_name_findings_of_the_case_and_findings_their_incidents() {
    let place = Place::new();
    let incidents = scan_demo(&place);
    let text = std::fs::read_to_string(place.path("case").join("findings.jsonl")).unwrap();
    let findings: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for incident in &incidents {
        assert_eq!(incident["class_uid"], 2005);
        let id = &incident["metadata"]["uid"];
        for member in incident["finding_info_list"].as_array().unwrap() {
            let finding = findings.iter().find(|finding| finding["finding_info"]["uid"] == member["uid"]).unwrap();
            assert!(finding["unmapped"]["incidents"].as_array().unwrap().contains(id));
        }
    }
    // Every finding is in an incident.
    assert!(findings.iter().all(|finding| finding["unmapped"]["incidents"].is_array()));
    assert_eq!(manifest(&place.path("case"))["incidents"].as_u64(), Some(incidents.len() as u64));
}

#[test]
fn show_tells_an_incident_and_each_of_its_findings() {
    let place = Place::new();
    scan_demo(&place);
    let case = place.path("case");
    let show = |what: &str| place.run(["show".as_ref(), what.as_ref(), case.as_os_str()]);
    let story = show("1");
    assert_eq!(story.code, 0, "{}", story.err);
    for part in ["INCIDENT 1", "Why", "Story", "1.1", "Processes", "Silent if", "Not seen", "203.0.113.50"] {
        assert!(story.out.contains(part), "{part} is missing in\n{}", story.out);
    }
    let finding = show("1.2");
    assert!(finding.out.contains("Evidence in"), "{}", finding.out);
    for wrong in ["0", "1.0", "1.999", "999", "x", "1."] {
        assert_eq!(show(wrong).code, 4, "{wrong}");
    }
}

#[test]
fn what_correlation_stands_on_is_no_finding_by_itself() {
    let place = Place::new();
    let rules = place.file(
        "rules/r.yml",
        "title: Base\nname: base\nid: 11111111-2222-4333-8444-555555555501\n\
         logsource: {product: linux, service: sshd}\n\
         detection:\n  s:\n    message|contains: 'Failed password'\n  condition: s\nlevel: low\n---\n\
         title: Many\nid: 11111111-2222-4333-8444-555555555502\n\
         correlation:\n  type: event_count\n  rules: [base]\n  group-by: [src_endpoint.ip]\n  timespan: 1h\n  condition: {gte: 10}\n\
         level: high\n",
    );
    let ran = place.run([
        "scan".as_ref(),
        "testdata/demo/auth.log".as_ref(),
        "--no-builtin-rules".as_ref(),
        "--rules".as_ref(),
        rules.as_os_str(),
        "--format".as_ref(),
        "jsonl".as_ref(),
    ]);
    assert_eq!(ran.rules(), ["11111111-2222-4333-8444-555555555502"]);
    let finding = &ran.findings()[0];
    assert_eq!(finding["count"], 84);
    let how = finding["evidences"][0]["data"]["reasons"][0]["how"].as_str().unwrap();
    assert!(how.contains("84") && how.contains("203.0.113.50"), "{how}");
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let place = Place::new();
    let evil = "<script>alert(1)</script><img src=x onerror=alert(2)> \u{202e}javascript:alert(3)";
    let log = format!("2026-03-10T03:00:00+00:00 web-01 sshd[77]: Invalid user {evil} from 203.0.113.9 port 4242\n");
    let path = place.file("in/auth.log", log);
    let case = place.path("case");
    place.run(["scan".as_ref(), path.as_os_str(), "-o".as_ref(), case.as_os_str()]);
    let page = std::fs::read_to_string(case.join("report.html")).unwrap();
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;"), "what somebody typed is shown, inert");
    // The only links are to places in the page.
    assert!(page.split("href=\"").skip(1).all(|link| link.starts_with('#')));
}

#[test]
fn a_sensor_and_an_endpoint_tell_of_one_connection() {
    let place = Place::new();
    let rules = place.file(
        "rules/r.yml",
        "title: Sensor\nid: 11111111-2222-4333-8444-555555555511\nlogsource: {product: suricata}\n\
         detection:\n  s:\n    event_type: alert\n  condition: s\nlevel: high\n---\n\
         title: Endpoint\nid: 11111111-2222-4333-8444-555555555512\n\
         logsource: {product: windows, category: network_connection}\n\
         detection:\n  s:\n    Image|endswith: '\\evil.exe'\n  condition: s\nlevel: high\n",
    );
    place.file(
        "in/eve.json",
        "{\"timestamp\":\"2026-03-10T03:00:01.000000+0000\",\"flow_id\":77,\"event_type\":\"alert\",\"src_ip\":\"192.0.2.33\",\
         \"src_port\":50123,\"dest_ip\":\"198.51.100.7\",\"dest_port\":443,\"proto\":\"TCP\",\"alert\":{\"signature\":\"x\",\
         \"signature_id\":1,\"severity\":1}}\n",
    );
    place.file(
        "in/windows.jsonl",
        "{\"@timestamp\":\"2026-03-10T03:00:00.000Z\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":3,\
         \"ProviderName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"pc-3.example.org\",\"Image\":\"C:\\\\evil.exe\",\
         \"Protocol\":\"tcp\",\"SourceIp\":\"192.0.2.33\",\"SourcePort\":50123,\"DestinationIp\":\"198.51.100.7\",\
         \"DestinationPort\":443}\n",
    );
    let case = place.path("case");
    place.run([
        "scan".as_ref(),
        place.path("in").as_os_str(),
        "--no-builtin-rules".as_ref(),
        "--rules".as_ref(),
        rules.as_os_str(),
        "-o".as_ref(),
        case.as_os_str(),
    ]);
    let incidents = incidents(&place, "case");
    assert_eq!(incidents.len(), 1, "one conversation is one incident");
    let joined = &incidents[0]["unmapped"]["incident"]["members"][1]["joined_by"];
    assert_eq!(joined["kind"], "connection", "{joined}");
}
