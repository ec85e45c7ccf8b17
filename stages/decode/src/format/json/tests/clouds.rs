//! The envelopes in which cloud logs travel, and events that are OCSF or ECS already.

use shieldwall_schema::Mappings;
use shieldwall_schema::mapping::Logsource;

use super::*;

const MAPPINGS: &[(&str, &str)] = &[
    ("json", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/json.toml"))),
    ("linux_sysmon", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/linux_sysmon.toml"))),
    ("ocsf", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/ocsf.toml"))),
];

const EVENT: &str = r#"{"eventVersion":"1.10","userIdentity":{"type":"IAMUser","userName":"mira"},"eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"eu-central-1","eventID":"e1"}"#;

/// The tags and times of a document's records.
fn tags(bytes: &str) -> Vec<String> {
    let seen = document(bytes);
    assert_eq!(seen.rejected, [], "{bytes}");
    seen.events.iter().map(|event| format!("{} {}", event.tag, event.time.as_deref().unwrap_or("-"))).collect()
}

/// Whether a generic rule reaches the record, and its field has this value.
fn reaches(record: &str, (product, category): (&str, &str), fields: &[(&str, &str)]) {
    let mappings = Mappings::parse(MAPPINGS.iter().copied()).unwrap();
    let seen = document(record);
    let event = &seen.events[0];
    let words: Vec<&str> = event.tag.split('|').collect();
    let tag = Tag { product: words[0], service: words[1], provider: words[2], code: words[3] };
    let rule = Logsource { product: product.into(), category: category.into(), service: String::new() };
    let buckets = mappings.classify(&tag);
    let bucket = buckets.iter().filter_map(|id| mappings.get(*id)).find(|bucket| bucket.logsource.admits(&rule));
    let bucket = bucket.unwrap_or_else(|| panic!("no bucket for {tag:?} admits {rule:?}"));
    for (field, value) in fields {
        let names = bucket.native(field).iter().map(String::as_str);
        let names: Vec<&str> = if names.len() == 0 { vec![field] } else { names.collect() };
        let values: Vec<&str> = names.iter().flat_map(|name| event.field(name)).collect();
        assert!(values.contains(value), "{field} by {names:?} in {:?}", event.fields);
    }
}

#[test]
fn cloudtrail_is_the_same_event_in_every_envelope() {
    let expected = "aws|cloudtrail|iam.amazonaws.com|CreateUser 2026-01-02T03:04:05Z";
    let text = EVENT.replace('"', "\\\"");
    for envelope in [
        EVENT.to_owned(),
        format!("{{\"Records\":[{EVENT}]}}"),
        format!("{{\n  \"Records\" : [\n {EVENT}\n ]\n}}\n"),
        format!(
            r#"{{"version":"0","id":"1","detail-type":"AWS API Call via CloudTrail","source":"aws.iam","account":"1","time":"2026-01-02T03:05:00Z","region":"r","resources":[],"detail":{EVENT}}}"#
        ),
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{{"id":"3","timestamp":1767323045999,"message":"{text}"}}]}}"#
        ),
        format!(
            r#"{{"events":[{{"logStreamName":"s","timestamp":1767323045999,"message":"{text}","ingestionTime":1767323046000,"eventId":"3"}}]}}"#
        ),
    ] {
        assert_eq!(tags(&envelope), [expected], "{envelope}");
    }
    let bridge = document(format!(r#"{{"detail-type":"x","source":"aws.iam","detail":{EVENT}}}"#));
    assert_eq!(bridge.events[0].field("userIdentity.userName"), ["mira"]);
    assert_eq!(bridge.events[0].field("detail.userIdentity.userName"), ["mira"]);
}

#[test]
fn insights_and_digests_do_not_pass_for_calls() {
    let insight = r#"{"Records":[{"eventVersion":"1.08","eventTime":"2026-01-02T03:04:05Z","awsRegion":"r","eventID":"e","eventType":"AwsCloudTrailInsight","recipientAccountId":"1","insightDetails":{"state":"Start","eventSource":"iam.amazonaws.com","eventName":"CreateUser","insightType":"ApiCallRateInsight"},"eventCategory":"Insight"}]}"#;
    assert_eq!(tags(insight), ["aws|cloudtrail-insight|iam.amazonaws.com|CreateUser 2026-01-02T03:04:05Z"]);
    let digest = r#"{"awsAccountId":"1","digestStartTime":"2026-01-02T02:04:05Z","digestEndTime":"2026-01-02T03:04:05Z","digestS3Bucket":"b","digestS3Object":"o","digestPublicKeyFingerprint":"f","logFiles":[{"s3Bucket":"b","s3Object":"o","hashValue":"h"}]}"#;
    assert_eq!(tags(digest), ["aws|cloudtrail-digest|1| 2026-01-02T03:04:05Z"]);
}

#[test]
fn a_message_that_is_no_known_record_stays_where_it_is() {
    for message in [r#"{\"a\":1}"#, r"{\\", "plain text", r#"{\"timestamp\":1}x"#] {
        let record = format!(r#"{{"id":"3","timestamp":1767323045000,"message":"{message}","other":"kept"}}"#);
        let seen = document(&record);
        assert_eq!((seen.events.len(), seen.rejected.len()), (1, 0), "{record}");
        assert_eq!(seen.events[0].field("other"), ["kept"]);
        assert_eq!(seen.events[0].time.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert!(seen.events[0].tag.starts_with("json|"), "{}", seen.events[0].tag);
    }
}

#[test]
fn ocsf_events_reach_rules_for_their_system() {
    let launch = r#"{"class_uid":1007,"category_uid":1,"activity_id":1,"type_uid":100701,"severity_id":1,"time":1767323045000,"metadata":{"version":"1.8.0","product":{"name":"Sensor"}},"device":{"hostname":"web1","os":{"type":"Linux","type_id":200}},"actor":{"user":{"name":"www-data"},"process":{"cmd_line":"nginx: worker","file":{"path":"/usr/sbin/nginx"}}},"process":{"pid":5,"cmd_line":"sh -c id","file":{"path":"/bin/sh","name":"sh"}}}"#;
    assert_eq!(tags(launch), ["linux|ocsf|Sensor|100701 2026-01-02T03:04:05Z"]);
    let fields = [
        ("Image", "/bin/sh"),
        ("CommandLine", "sh -c id"),
        ("ParentImage", "/usr/sbin/nginx"),
        ("User", "www-data"),
        ("process.cmd_line", "sh -c id"),
    ];
    reaches(launch, ("linux", "process_creation"), &fields);
    reaches(&launch.replace("\"Linux\"", "\"Windows\""), ("windows", "process_creation"), &fields);
    reaches(&launch.replace("\"Linux\"", "\"macOS\""), ("macos", "process_creation"), &fields);
    // A system that the event does not name, or invents, is no reason to believe it.
    for system in ["\"Cisco\"", "\"aws\"", "7"] {
        assert!(tags(&launch.replace("\"Linux\"", system))[0].starts_with("ocsf|ocsf|"), "{system}");
    }
    let class = |type_uid: u32, rest: &str| {
        format!(
            r#"{{"class_uid":{},"type_uid":{type_uid},"category_uid":4,"time":1767323045000,"metadata":{{"version":"1.1.0","product":{{"name":"P"}}}},{rest}}}"#,
            type_uid / 100
        )
    };
    let windows = r#""device":{"hostname":"h","os":{"type":"Windows"}}"#;
    let network = r#""src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"192.0.2.2","port":443}"#;
    reaches(
        &class(400_101, &format!("{windows},{network}")),
        ("windows", "network_connection"),
        &[("DestinationIp", "192.0.2.2"), ("DestinationPort", "443")],
    );
    reaches(&class(400_101, network), ("", "firewall"), &[("dst_ip", "192.0.2.2"), ("dst_port", "443")]);
    reaches(
        &class(100_101, &format!(r#"{windows},"file":{{"path":"C:\\x.ps1"}}"#)),
        ("windows", "file_event"),
        &[("TargetFilename", r"C:\x.ps1")],
    );
    reaches(&class(400_302, r#""query":{"hostname":"a.example"}"#), ("", "dns"), &[("query", "a.example")]);
    reaches(
        &class(400_203, r#""http_request":{"http_method":"GET","url":{"url_string":"/a"}}"#),
        ("", "proxy"),
        &[("c-uri", "/a"), ("cs-method", "GET")],
    );
    reaches(&class(300_201, r#""user":{"name":"u"}"#), ("", "authentication"), &[("user", "u")]);
    reaches(
        &class(600_301, r#""api":{"operation":"StopLogging","service":{"name":"cloudtrail.amazonaws.com"}}"#)
            .replace("\"P\"", "\"CloudTrail\""),
        ("aws", ""),
        &[("eventName", "StopLogging"), ("eventSource", "cloudtrail.amazonaws.com")],
    );
}

#[test]
fn sysmon_for_linux_in_the_journal_and_as_a_tree() {
    let event = r#"<Event><System><Provider Name=\"Linux-Sysmon\"/><EventID>1</EventID></System><EventData><Data Name=\"Image\">/bin/sh</Data><Data Name=\"CommandLine\">sh -c &quot;id&quot;</Data></EventData></Event>"#;
    let journal = format!(
        r#"{{"__REALTIME_TIMESTAMP":"1767323045000001","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"sysmon","_SYSTEMD_UNIT":"sysmon.service","MESSAGE":"{event}"}}"#
    );
    assert_eq!(tags(&journal), ["linux|sysmon|sysmon.service|1 2026-01-02T03:04:05.000001Z"]);
    let fields = [("Image", "/bin/sh"), ("CommandLine", "sh -c \"id\""), ("EventID", "1")];
    reaches(&journal, ("linux", "process_creation"), &fields);
    let tree = r#"{"Event":{"System":{"Provider":{"Name":"Linux-Sysmon"},"EventID":11,"TimeCreated":{"SystemTime":"2026-01-02T03:04:05Z"},"Channel":"Linux-Sysmon/Operational","Computer":"h"},"EventData":{"Image":"/bin/cp","TargetFilename":"/etc/cron.d/x"}}}"#;
    assert_eq!(tags(tree), ["linux|sysmon|Linux-Sysmon|11 2026-01-02T03:04:05Z"]);
    reaches(tree, ("linux", "file_event"), &[("TargetFilename", "/etc/cron.d/x"), ("Image", "/bin/cp")]);
}

#[test]
fn ecs_of_the_beats() {
    let time = r#""@timestamp":"2026-01-02T03:04:05Z""#;
    let auditbeat = format!(
        r#"{{{time},"event":{{"module":"auditd","category":["process"],"action":"executed","type":["start"]}},"host":{{"name":"h","os":{{"type":"linux"}}}},"process":{{"executable":"/bin/sh","args":["sh"],"parent":{{"pid":1}}}},"user":{{"name":"root"}}}}"#
    );
    reaches(&auditbeat, ("linux", "process_creation"), &[("Image", "/bin/sh"), ("User", "root")]);
    let integrity = format!(
        r#"{{{time},"event":{{"module":"file_integrity","category":["file"],"action":["created"]}},"host":{{"name":"h","os":{{"type":"linux"}}}},"file":{{"path":"/etc/x"}}}}"#
    );
    reaches(&integrity, ("linux", "file_event"), &[("TargetFilename", "/etc/x")]);
    let ssh = format!(
        r#"{{{time},"event":{{"module":"system","dataset":"system.auth","action":"ssh_login","outcome":"failure"}},"process":{{"name":"sshd","pid":7}},"log":{{"file":{{"path":"/var/log/auth.log"}}}},"source":{{"ip":"192.0.2.1"}},"user":{{"name":"root"}},"message":"Failed password"}}"#
    );
    assert_eq!(tags(&ssh), ["linux|sshd|system.auth| 2026-01-02T03:04:05Z"]);
    assert_eq!(document(&ssh).events[0].field("src_ip"), ["192.0.2.1"]);
    let nginx = format!(
        r#"{{{time},"event":{{"module":"nginx","dataset":"nginx.access"}},"source":{{"address":"192.0.2.1","ip":"192.0.2.1"}},"url":{{"original":"/a?b=1"}},"http":{{"request":{{"method":"GET"}},"response":{{"status_code":200}}}}}}"#
    );
    reaches(&nginx, ("", "webserver"), &[("cs-uri-query", "b=1"), ("sc-status", "200")]);
    let dns = format!(
        r#"{{{time},"type":"dns","event":{{"dataset":"dns","category":["network"]}},"network":{{"protocol":"dns","transport":"udp"}},"source":{{"ip":"192.0.2.1"}},"destination":{{"ip":"192.0.2.2"}},"dns":{{"question":{{"name":"a.example","type":"A"}}}}}}"#
    );
    reaches(&dns, ("", "dns"), &[("query", "a.example"), ("record_type", "A")]);
    let flow = format!(
        r#"{{{time},"event":{{"dataset":"flow","category":["network"],"action":"network_flow"}},"network":{{"transport":"tcp"}},"source":{{"ip":"192.0.2.1"}},"destination":{{"ip":"192.0.2.2","port":22}}}}"#
    );
    reaches(&flow, ("", "firewall"), &[("dst_port", "22")]);
}
