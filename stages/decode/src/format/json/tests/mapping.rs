//! `content/mappings/json.toml` and `network.toml` against what the decoder gives.

use shieldwall_schema::mapping::Logsource;
use shieldwall_schema::{Mappings, Provenance};

use super::*;

const MAPPING: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/json.toml"));
const NETWORK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/network.toml"));

/// Whether a rule of this log source is admitted, and a field of it has one of the record's values.
fn check(record: &str, (product, category, service): (&str, &str, &str), field: &str, value: &str) {
    let mappings = Mappings::parse([("json.toml", MAPPING), ("network.toml", NETWORK)]).unwrap();
    let seen = lines(record);
    let event = &seen.events[0];
    let words: Vec<&str> = event.tag.split('|').collect();
    let tag = Tag { product: words[0], service: words[1], provider: words[2], code: words[3] };
    let rule = Logsource { product: product.into(), category: category.into(), service: service.into() };
    let buckets = mappings.classify(&tag);
    let bucket = buckets.iter().filter_map(|id| mappings.get(*id)).find(|bucket| bucket.logsource.admits(&rule));
    let bucket = bucket.unwrap_or_else(|| panic!("no bucket for {tag:?} admits {rule:?}"));
    let names = bucket.native(field).iter().map(String::as_str);
    let names: Vec<&str> = if names.len() == 0 { vec![field] } else { names.collect() };
    let values: Vec<&str> = names.iter().flat_map(|name| event.field(name)).collect();
    assert!(values.contains(&value), "{field} by {names:?} in {:?}", event.fields);
}

#[test]
fn rules_of_clouds_reach_raw_logs() {
    let trail =
        r#"{"eventVersion":"1","eventSource":"s3.amazonaws.com","eventName":"x","userIdentity":{"type":"Root"}}"#;
    check(trail, ("aws", "", "cloudtrail"), "userIdentity.type", "Root");
    let azure = r#"{"time":"2026-01-02T03:04:05Z","resourceId":"/x","operationName":"o","category":"SignInLogs","resultType":"50074","properties":{"authenticationRequirement":"m"}}"#;
    check(azure, ("azure", "", "signinlogs"), "ResultType", "50074");
    check(azure, ("azure", "", "signinlogs"), "AuthenticationRequirement", "m");
    let activity = r#"{"eventTimestamp":"2026-01-02T03:04:05Z","category":{"value":"Administrative"},"operationName":{"value":"O"},"resourceId":"/x"}"#;
    check(activity, ("azure", "", "activitylogs"), "operationName", "O");
    let audit = r#"{"activityDisplayName":"Add user","activityDateTime":"2026-01-02T03:04:05Z","targetResources":[{"type":"User"}],"result":"success"}"#;
    check(audit, ("azure", "", "auditlogs"), "properties.message", "Add user");
    check(audit, ("azure", "", "auditlogs"), "Status", "success");
    let risk = r#"{"riskEventType":"r","riskLevel":"high","activityDateTime":"2026-01-02T03:04:05Z"}"#;
    check(risk, ("azure", "", "riskdetection"), "riskEventType", "r");
    check(risk, ("azure", "", "pim"), "riskEventType", "r");
    let gcp = r#"{"timestamp":"2026-01-02T03:04:05Z","protoPayload":{"serviceName":"login.googleapis.com","methodName":"m"}}"#;
    check(gcp, ("gcp", "", "gcp.audit"), "gcp.audit.method_name", "m");
    check(gcp, ("gcp", "", "google_workspace.login"), "protoPayload.serviceName", "login.googleapis.com");
    let workspace =
        r#"{"kind":"k","id":{"time":"2026-01-02T03:04:05Z","applicationName":"admin"},"events":[{"name":"N"}]}"#;
    check(workspace, ("gcp", "", "google_workspace.admin"), "eventName", "N");
    let m365 = r#"{"CreationTime":"2026-01-02T03:04:05","Operation":"AlertTriggered","Workload":"SecurityComplianceCenter","Name":"N","Status":"success"}"#;
    check(m365, ("m365", "", "audit"), "Operation", "AlertTriggered");
    check(m365, ("m365", "", "threat_management"), "eventName", "N");
    check(m365, ("m365", "", "threat_management"), "eventSource", "SecurityComplianceCenter");
}

#[test]
fn rules_of_applications_and_sensors_reach_raw_logs() {
    let okta = r#"{"published":"2026-01-02T03:04:05Z","eventType":"e","actor":{"alternateId":"u"},"outcome":{"result":"FAILURE"}}"#;
    check(okta, ("okta", "", "okta"), "outcome.result", "FAILURE");
    let github = r#"{"@timestamp":1767323045000,"action":"a","actor":"u","org":"o"}"#;
    check(github, ("github", "", "audit"), "action", "a");
    let kube = r#"{"auditID":"1","stage":"s","verb":"create","objectRef":{"resource":"pods","apiGroup":"g"}}"#;
    check(kube, ("kubernetes", "application", "audit"), "apiGroup", "g");
    check(kube, ("kubernetes", "", "audit"), "objectRef.resource", "pods");
    let canary = r#"{"logtype":4002,"node_id":"n","logdata":{}}"#;
    check(canary, ("opencanary", "application", ""), "logtype", "4002");
    let web = r#"{"remote_addr":"192.0.2.1","request":"GET /a?b HTTP/1.1","status":200}"#;
    check(web, ("", "webserver", ""), "cs-uri-query", "b");
    let zeek = r#"{"_path":"dns","ts":1767323045,"uid":"C","id.orig_h":"192.0.2.1","query":"q.example.test","answers":["192.0.2.9"]}"#;
    check(zeek, ("zeek", "", "dns"), "query", "q.example.test");
    check(zeek, ("", "dns", ""), "answer", "192.0.2.9");
    let alert = r#"{"event_type":"alert","timestamp":"2026-01-02T03:04:05Z","flow_id":1,"src_ip":"192.0.2.1","alert":{"signature":"s","severity":1}}"#;
    check(alert, ("suricata", "", "alert"), "finding_info.title", "s");
    check(alert, ("suricata", "", "alert"), "evidences.src_endpoint.ip", "192.0.2.1");
    check(alert, ("suricata", "", ""), "alert.severity", "1");
    for dns in [
        r#"{"type":"query","rrname":"q.example.test"}"#,
        r#"{"query":[{"rrname":"q.example.test"}]}"#,
        r#"{"version":3,"queries":[{"rrname":"q.example.test"}]}"#,
    ] {
        let record = format!(r#"{{"event_type":"dns","timestamp":"2026-01-02T03:04:05Z","flow_id":1,"dns":{dns}}}"#);
        check(&record, ("", "dns", ""), "query", "q.example.test");
    }
    let flow = r#"{"event_type":"flow","timestamp":"2026-01-02T03:04:05Z","flow_id":1,"dest_ip":"192.0.2.2","dest_port":53,"flow":{"bytes_toserver":70}}"#;
    check(flow, ("", "firewall", ""), "dst_port", "53");
    check(flow, ("", "network_connection", ""), "DestinationIp", "192.0.2.2");
    check(flow, ("suricata", "", "flow"), "traffic.bytes_out", "70");
    let conn = r#"{"ts":1767323045.5,"uid":"C","id.orig_h":"192.0.2.1","id.resp_p":53,"conn_state":"SF","orig_bytes":70,"community_id":"1:x"}"#;
    check(conn, ("", "firewall", ""), "dst_port", "53");
    check(conn, ("zeek", "", "conn"), "traffic.bytes_out", "70");
    check(conn, ("zeek", "", "conn"), "connection_info.community_uid", "1:x");
    let eve = r#"{"event_type":"http","timestamp":"2026-01-02T03:04:05Z","flow_id":1,"http":{"url":"/u"}}"#;
    check(eve, ("", "proxy", ""), "c-uri", "/u");
    let ecs = r#"{"event":{"category":["process"]},"host":{"os":{"type":"linux"}},"process":{"executable":"/bin/x","command_line":"x -y"}}"#;
    check(ecs, ("linux", "process_creation", ""), "CommandLine", "x -y");
    check(r#"{"a":{"b":"x"},"product":"windows"}"#, ("json", "", ""), "a.b", "x");
}

#[test]
fn a_sensor_vouches_for_addresses_and_not_for_what_packets_say() {
    let mappings = Mappings::parse([("network.toml", NETWORK)]).unwrap();
    for (name, field, expected) in [
        ("zeek/http", "id.orig_h", Provenance::TransportVerified),
        ("zeek/http", "uri", Provenance::AttackerWritable),
        ("zeek/http", "user_agent", Provenance::AttackerWritable),
        ("zeek/dns", "query", Provenance::AttackerWritable),
        ("zeek/conn", "orig_bytes", Provenance::HostReported),
        ("zeek", "anything", Provenance::AttackerWritable),
        ("suricata/alert", "src_ip", Provenance::TransportVerified),
        ("suricata/alert", "alert.signature", Provenance::HostReported),
        ("suricata/alert", "http.url", Provenance::AttackerWritable),
    ] {
        let bucket = mappings.buckets().iter().find(|bucket| bucket.name == name).unwrap();
        assert_eq!(bucket.provenance_of(field), expected, "{name} {field}");
    }
}

#[test]
fn nobody_vouches_for_an_unknown_log() {
    let mappings = Mappings::parse([("json.toml", MAPPING), ("network.toml", NETWORK)]).unwrap();
    let json = mappings.buckets().iter().find(|bucket| bucket.name == "json").unwrap();
    assert_eq!(json.provenance_of("anything"), Provenance::AttackerWritable);
    let mut names: Vec<_> = mappings.buckets().iter().map(|bucket| &bucket.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), mappings.buckets().len(), "two buckets of one name");
}
