//! Each dialect by records as its writer would write them: tag, time, native names.

use super::*;

/// The record has this tag, this time, and these fields.
fn check(record: &str, tag: &str, time: &str, fields: &[(&str, &str)]) {
    let seen = lines(record);
    assert_eq!(seen.rejected, [], "{record}");
    assert_eq!(seen.events.len(), 1, "{record}");
    let event = &seen.events[0];
    assert_eq!(event.tag, tag, "{record}");
    assert_eq!(event.time.as_deref().unwrap_or("none"), time, "{record}");
    for (name, value) in fields {
        assert_eq!(event.field(name), [*value], "{name} in {record}");
    }
}

#[test]
fn flat_windows_events_of_otrf_and_nxlog() {
    check(
        r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","SourceName":"Microsoft-Windows-Sysmon","Hostname":"WS5.example.test","@timestamp":"2020-09-21T07:15:27.705Z","EventTime":"2020-09-21 03:15:25","Image":"C:\\Windows\\x.exe","CommandLine":"x \"y\"","RecordNumber":7,"ExecutionProcessID":9}"#,
        "windows|Microsoft-Windows-Sysmon/Operational|Microsoft-Windows-Sysmon|1",
        "2020-09-21T07:15:27.705Z",
        &[
            ("EventID", "1"),
            ("Image", r"C:\Windows\x.exe"),
            ("CommandLine", "x \"y\""),
            ("Computer", "WS5.example.test"),
            ("Hostname", "WS5.example.test"),
            ("Provider_Name", "Microsoft-Windows-Sysmon"),
            ("EventRecordID", "7"),
            ("Execution_ProcessID", "9"),
        ],
    );
    check(
        r#"{"EventTime":"2026-01-02 03:04:05","Hostname":"H","EventID":4688,"SourceName":"Microsoft-Windows-Security-Auditing","Channel":"Security","NewProcessName":"C:\\a.exe","EventReceivedTime":"2026-01-02 03:04:06"}"#,
        "windows|Security|Microsoft-Windows-Security-Auditing|4688",
        "2026-01-02T03:04:05Z",
        &[("NewProcessName", r"C:\a.exe"), ("Computer", "H")],
    );
    // The channel follows from the provider.
    check(
        r#"{"EventID":"11","ProviderName":"Microsoft-Windows-Sysmon","Computer":"C1","TimeCreated":"/Date(1767323045000)/"}"#,
        "windows|Microsoft-Windows-Sysmon/Operational|Microsoft-Windows-Sysmon|11",
        "2026-01-02T03:04:05Z",
        &[("Channel", "Microsoft-Windows-Sysmon/Operational"), ("Computer", "C1")],
    );
}

#[test]
fn winlogbeat_and_ecs() {
    let record = r#"{"@timestamp":"2026-01-02T03:04:05.000Z","host":{"name":"h1"},"event":{"code":"1","provider":"Microsoft-Windows-Sysmon"},"winlog":{"event_id":"1","channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon","computer_name":"H1.example.test","record_id":12,"event_data":{"Image":"C:\\x.exe","Hashes":"MD5=00"},"user_data":{"xml_name":"E","Reason":"r"}},"process":{"command_line":"x /y","parent":{"executable":"C:\\p.exe"}}}"#;
    check(
        record,
        "windows|Microsoft-Windows-Sysmon/Operational|Microsoft-Windows-Sysmon|1",
        "2026-01-02T03:04:05Z",
        &[
            ("EventID", "1"),
            ("Image", r"C:\x.exe"),
            ("winlog.event_data.Image", r"C:\x.exe"),
            ("CommandLine", "x /y"),
            ("process.command_line", "x /y"),
            ("ParentImage", r"C:\p.exe"),
            ("Computer", "H1.example.test"),
            ("Channel", "Microsoft-Windows-Sysmon/Operational"),
            ("Hashes", "MD5=00"),
            ("Reason", "r"),
            ("EventRecordID", "12"),
        ],
    );
    // The slots have both names of one value.
    let event = &lines(record).events[0];
    for name in ["Image", "winlog.event_data.Image"] {
        let slot = NAMES.iter().position(|each| *each == name).unwrap() as u16;
        assert!(event.slots.contains(&(slot, r"C:\x.exe".to_owned())));
    }
    check(
        r#"{"@timestamp":"2018-01-02T03:04:05.000Z","event_id":4624,"log_name":"Security","source_name":"Microsoft-Windows-Security-Auditing","computer_name":"H","event_data":{"LogonType":"3"},"record_number":"5"}"#,
        "windows|Security|Microsoft-Windows-Security-Auditing|4624",
        "2018-01-02T03:04:05Z",
        &[("EventID", "4624"), ("LogonType", "3"), ("Computer", "H"), ("Channel", "Security")],
    );
    check(
        r#"{"@timestamp":"2026-01-02T03:04:05Z","event":{"category":["process"],"type":["start"],"module":"endpoint"},"host":{"name":"h","os":{"type":"windows"}},"process":{"executable":"C:\\x.exe","command_line":"x"}}"#,
        "windows|ecs|endpoint|process",
        "2026-01-02T03:04:05Z",
        &[("Image", r"C:\x.exe"), ("CommandLine", "x"), ("Computer", "h")],
    );
}

#[test]
fn trees_of_the_event_xml() {
    check(
        r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"P","Guid":"G"}},"EventID":{"#attributes":{"Qualifiers":0},"#text":7045},"TimeCreated":{"#attributes":{"SystemTime":"2026-01-02T03:04:05.123456Z"}},"Channel":"System","Computer":"C"},"EventData":{"ServiceName":"s","Data":["a","b"]}}}"##,
        "windows|System|P|7045",
        "2026-01-02T03:04:05.123456Z",
        &[
            ("EventID", "7045"),
            ("Provider_Name", "P"),
            ("Provider_Guid", "G"),
            ("EventID_Qualifiers", "0"),
            ("Computer", "C"),
            ("ServiceName", "s"),
            ("TimeCreated_SystemTime", "2026-01-02T03:04:05.123456Z"),
            ("Event.EventData.ServiceName", "s"),
        ],
    );
    let seen = lines(r#"{"Event":{"System":{"EventID":1,"Channel":"C"},"EventData":{"Data":["a","b"]}}}"#);
    assert_eq!(seen.events[0].field("Data"), ["a", "b"]);
    check(
        r#"{"Event_attributes":{"xmlns":"x"},"Event":{"System":{"Provider_attributes":{"Name":"P"},"EventID":1102,"TimeCreated_attributes":{"SystemTime":"2026-01-02T03:04:05Z"},"Channel":"Security","Computer":"C"},"UserData":{"LogFileCleared":{"SubjectUserName":"u"}}}}"#,
        "windows|Security|P|1102",
        "2026-01-02T03:04:05Z",
        &[("SubjectUserName", "u"), ("Provider_Name", "P")],
    );
    check(
        r#"{"System":{"Provider":{"Name":"P"},"EventID":{"Value":4688},"TimeCreated":{"SystemTime":1767323045.5},"Channel":"Security","Computer":"C"},"EventData":{"CommandLine":"x"},"Message":"m"}"#,
        "windows|Security|P|4688",
        "2026-01-02T03:04:05.500Z",
        &[("EventID", "4688"), ("CommandLine", "x"), ("Provider_Name", "P"), ("Message", "m")],
    );
}

#[test]
fn wrapped_records_of_splunk_and_elastic() {
    check(
        r#"{"preview":false,"offset":3,"result":{"_time":"2026-01-02T03:04:05.000+01:00","EventCode":"4688","LogName":"Security","ComputerName":"C","SourceName":"Microsoft-Windows-Security-Auditing","New_Process_Name":"C:\\x.exe","Process_Command_Line":"x"}}"#,
        "windows|Security|Microsoft-Windows-Security-Auditing|4688",
        "2026-01-02T02:04:05Z",
        &[
            ("EventID", "4688"),
            ("Channel", "Security"),
            ("Computer", "C"),
            ("NewProcessName", r"C:\x.exe"),
            ("CommandLine", "x"),
            ("EventCode", "4688"),
            ("result.EventCode", "4688"),
        ],
    );
    check(
        r#"{"_index":"i","_id":"1","_source":{"@timestamp":"2026-01-02T03:04:05Z","winlog":{"event_id":5,"channel":"System","provider_name":"P","event_data":{"Image":"i"}}}}"#,
        "windows|System|P|5",
        "2026-01-02T03:04:05Z",
        &[("Image", "i"), ("winlog.event_data.Image", "i"), ("_source.winlog.event_data.Image", "i"), ("_id", "1")],
    );
}

#[test]
fn journald() {
    check(
        r#"{"__REALTIME_TIMESTAMP":"1767323045000001","__CURSOR":"s=1","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"sshd-session","SYSLOG_PID":"42","_SYSTEMD_UNIT":"ssh.service","MESSAGE":"Accepted password for root from 192.0.2.1 port 1 ssh2"}"#,
        "linux|sshd|ssh.service|",
        "2026-01-02T03:04:05.000001Z",
        &[
            ("message", "Accepted password for root from 192.0.2.1 port 1 ssh2"),
            ("program", "sshd-session"),
            ("pid", "42"),
            ("hostname", "h"),
            ("_HOSTNAME", "h"),
        ],
    );
    let seen = lines(r#"{"__REALTIME_TIMESTAMP":"1767323045000001","_COMM":"x","MESSAGE":[104,105,255]}"#);
    assert_eq!(seen.events[0].field("message"), ["hi\u{fffd}"]);
    assert_eq!(seen.events[0].field("MESSAGE"), ["hi\u{fffd}"]);
    assert!(seen.flags.contains_key("utf8_invalid"));
}

#[test]
fn web_access_logs() {
    check(
        r#"{"time_local":"02/Jan/2026:03:04:05 +0100","remote_addr":"192.0.2.7","remote_user":"u","request":"GET /a/b?c=d HTTP/1.1","status":"404","http_user_agent":"curl","http_referer":"-","http_host":"www.example.test"}"#,
        "web|access||",
        "2026-01-02T02:04:05Z",
        &[
            ("c-ip", "192.0.2.7"),
            ("cs-method", "GET"),
            ("cs-uri", "/a/b?c=d"),
            ("cs-uri-stem", "/a/b"),
            ("cs-uri-query", "c=d"),
            ("sc-status", "404"),
            ("cs-user-agent", "curl"),
            ("cs-referer", "-"),
            ("cs-host", "www.example.test"),
            ("cs-username", "u"),
        ],
    );
    check(
        r#"{"@timestamp":"2026-01-02T03:04:05Z","clientip":"192.0.2.7","request_method":"POST","uri":"/x","args":"q=1","status":200,"agent":"a"}"#,
        "web|access||",
        "2026-01-02T03:04:05Z",
        &[("cs-method", "POST"), ("cs-uri-stem", "/x"), ("cs-uri-query", "q=1"), ("sc-status", "200")],
    );
}

#[test]
fn clouds_and_applications() {
    for (record, tag, time) in [
        (
            r#"{"eventVersion":"1.08","eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","userIdentity":{"type":"Root"}}"#,
            "aws|cloudtrail|iam.amazonaws.com|CreateUser",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"EventName":"X","EventId":"1","EventSource":"s","EventTime":"2026-01-02 03:04:05+00:00","CloudTrailEvent":"{\"eventVersion\":\"1\",\"eventSource\":\"s3\",\"eventName\":\"Get\",\"eventTime\":\"2026-01-02T03:04:05Z\"}"}"#,
            "aws|cloudtrail|s3|Get",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"EventName":"X","EventSource":"s","EventTime":"2026-01-02 03:04:05+00:00","CloudTrailEvent":"{damaged"}"#,
            "aws|cloudtrail|s|X",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"time":"2026-01-02T03:04:05Z","resourceId":"/x","operationName":"Sign-in activity","category":"SignInLogs","properties":{"userPrincipalName":"u"}}"#,
            "azure|signinlogs||Sign-in activity",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"event_timestamp":"2026-01-02T03:04:05Z","category":{"value":"Administrative"},"operation_name":{"value":"MICROSOFT.X/WRITE"},"resource_id":"/x","resource_provider_name":{"value":"p"}}"#,
            "azure|activitylogs|p|MICROSOFT.X/WRITE",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"activityDisplayName":"Add user","activityDateTime":"2026-01-02T03:04:05Z","loggedByService":"Core Directory","targetResources":[]}"#,
            "azure|auditlogs|Core Directory|Add user",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"riskEventType":"anonymizedIPAddress","riskLevel":"high","activityDateTime":"2026-01-02T03:04:05Z"}"#,
            "azure|riskdetection||anonymizedIPAddress",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"createdDateTime":"2026-01-02T03:04:05Z","userPrincipalName":"u","conditionalAccessStatus":"failure","status":{"errorCode":50074}}"#,
            "azure|signinlogs||50074",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"timestamp":"2026-01-02T03:04:05.5Z","logName":"l","protoPayload":{"serviceName":"iam.googleapis.com","methodName":"m"}}"#,
            "gcp|gcp.audit|iam.googleapis.com|m",
            "2026-01-02T03:04:05.500Z",
        ),
        (
            r#"{"kind":"admin#reports#activity","id":{"time":"2026-01-02T03:04:05Z","applicationName":"admin"},"events":[{"name":"CREATE_ROLE"}]}"#,
            "gcp|google_workspace.admin|admin|CREATE_ROLE",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"published":"2026-01-02T03:04:05Z","eventType":"user.session.start","actor":{"alternateId":"u"},"outcome":{"result":"FAILURE"}}"#,
            "okta|okta||user.session.start",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"@timestamp":1767323045000,"action":"org.add_member","actor":"u","org":"o","_document_id":"d"}"#,
            "github|audit||org.add_member",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"CreationTime":"2026-01-02T03:04:05","Operation":"UserLoggedIn","Workload":"AzureActiveDirectory","RecordType":15}"#,
            "m365|audit|AzureActiveDirectory|UserLoggedIn",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"kind":"Event","auditID":"1","stage":"ResponseComplete","verb":"create","objectRef":{"resource":"pods"},"requestReceivedTimestamp":"2026-01-02T03:04:05.1Z"}"#,
            "kubernetes|audit|ResponseComplete|create",
            "2026-01-02T03:04:05.100Z",
        ),
        (
            r#"{"timestamp":"2026-01-02T03:04:05Z","auditType":{"action":"User login failed","category":"Authentication"}}"#,
            "bitbucket|audit|Authentication|User login failed",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"_path":"conn","ts":1767323045.25,"uid":"C1","id.orig_h":"192.0.2.1","id.resp_h":"192.0.2.2"}"#,
            "zeek|conn||",
            "2026-01-02T03:04:05.250Z",
        ),
        (
            r#"{"timestamp":"2026-01-02T03:04:05.000000+0000","flow_id":1,"event_type":"alert","src_ip":"192.0.2.1","alert":{"signature_id":5}}"#,
            "suricata|alert||",
            "2026-01-02T03:04:05Z",
        ),
        (
            r#"{"logtype":4002,"node_id":"n","logdata":{"USERNAME":"u"},"utc_time":"2026-01-02 03:04:05.5"}"#,
            "opencanary||n|4002",
            "2026-01-02T03:04:05.500Z",
        ),
        (
            r#"{"@timestamp":"2026-01-02T03:04:05Z","event":{"category":["process"]},"host":{"os":{"type":"aws"}},"process":{"executable":"x"}}"#,
            "json|ecs||process",
            "2026-01-02T03:04:05Z",
        ),
        // What says of itself whose it is, is not believed.
        (
            r#"{"product":"windows","service":"security","ts":"2026-01-02T03:04:05Z","EventName":"x"}"#,
            "json|||",
            "2026-01-02T03:04:05Z",
        ),
    ] {
        check(record, tag, time, &[]);
    }
}

#[test]
fn zeek_without_a_path_is_told_by_its_fields() {
    for (fields, log) in [
        (r#""conn_state":"SF","proto":"tcp""#, "conn"),
        (r#""query":"q.example.test","rejected":false"#, "dns"),
        (r#""trans_depth":1,"method":"GET","request_body_len":0"#, "http"),
        (r#""request_type":"TGS","cipher":"rc4-hmac""#, "kerberos"),
        (r#""endpoint":"svcctl","operation":"CreateServiceW""#, "dce_rpc"),
        (r#""note":"Scan::Port_Scan","msg":"m""#, "notice"),
        (r#""something":"else""#, ""),
    ] {
        let record = format!(r#"{{"ts":1767323045.5,"uid":"C","id.orig_h":"192.0.2.1",{fields}}}"#);
        check(&record, &format!("zeek|{log}||"), "2026-01-02T03:04:05.500Z", &[]);
    }
}

#[test]
fn eve_events_of_every_kind() {
    for (kind, more) in [
        ("alert", r#""alert":{"action":"allowed","signature_id":1,"signature":"s","severity":1}"#),
        ("dns", r#""dns":{"type":"query","rrname":"a.example.test","rrtype":"TXT"}"#),
        ("dns", r#""dns":{"version":2,"type":"answer","rrname":"a","answers":[{"rrname":"a","rdata":"192.0.2.9"}]}"#),
        (
            "dns",
            r#""dns":{"version":3,"type":"response","queries":[{"rrname":"a","rrtype":"A"}],"grouped":{"A":["192.0.2.9"]}}"#,
        ),
        ("http", r#""http":{"hostname":"h","url":"/u","status":200}"#),
        ("tls", r#""tls":{"sni":"h","subject":"CN=x"}"#),
        ("flow", r#""flow":{"bytes_toserver":1,"state":"closed"}"#),
        ("fileinfo", r#""fileinfo":{"filename":"/x.exe","sha256":"00"}"#),
        ("krb5", r#""krb5":{"msg_type":"KRB_TGS_REP","encryption":"rc4-hmac"}"#),
        ("anomaly", r#""anomaly":{"type":"stream","event":"e"}"#),
    ] {
        let record = format!(
            r#"{{"timestamp":"2026-01-02T03:04:05.123456+0100","flow_id":1,"event_type":"{kind}","src_ip":"192.0.2.1","src_port":1,"dest_ip":"192.0.2.2","dest_port":2,"proto":"TCP","community_id":"1:x",{more}}}"#
        );
        check(&record, &format!("suricata|{kind}||"), "2026-01-02T02:04:05.123456Z", &[("dest_port", "2")]);
    }
    check(
        r#"{"timestamp":"2026-01-02T03:04:05.000000+0000","event_type":"stats","stats":{"uptime":1}}"#,
        "suricata|stats||",
        "2026-01-02T03:04:05Z",
        &[],
    );
}

#[test]
fn eve_of_wrong_types_is_rejected_record_by_record() {
    let good = r#"{"timestamp":"2026-01-02T03:04:05.0+0000","flow_id":1,"event_type":"alert","src_ip":"192.0.2.1","src_port":1,"alert":{"severity":1},"in_iface":null}"#;
    for (from, to) in [
        (r#""event_type":"alert""#, r#""event_type":{"a":1}"#),
        (r#""event_type":"alert""#, r#""event_type":5"#),
        (r#""event_type":"alert""#, r#""event_type":[5]"#),
        (r#""timestamp":"2026-01-02T03:04:05.0+0000""#, r#""timestamp":{}"#),
        (r#""src_ip":"192.0.2.1""#, r#""src_ip":true"#),
        (r#""src_port":1"#, r#""src_port":"1""#),
        (r#""flow_id":1"#, r#""flow_id":"1""#),
        (r#""alert":{"severity":1}"#, r#""alert":"none""#),
    ] {
        let broken = good.replace(from, to);
        assert_ne!(broken, good);
        let seen = lines(format!("{good}\n{broken}\n{good}\n"));
        assert_eq!(seen.events.len(), 2, "{broken}");
        assert_eq!(seen.rejected, [(good.len() as u64 + 1, "corrupt")], "{broken}");
    }
    let seen = lines(r#"{"event_type":123,"timestamp":{},"src_ip":["a"],"alert":"x"}"#);
    assert_eq!((seen.events.len(), seen.rejected), (0, vec![(0, "corrupt")]));
    // Other programs use these names too, with types of their own.
    check(
        r#"{"timestamp":1767323045,"event_type":7,"src_ip":"192.0.2.1"}"#,
        "suricata|7||",
        "2026-01-02T03:04:05Z",
        &[],
    );
    check(
        r#"{"timestamp":1767323045,"event_type":"login","src_ip":"192.0.2.1","alert":true}"#,
        "suricata|login||",
        "2026-01-02T03:04:05Z",
        &[],
    );
}

#[test]
fn records_of_any_dialect_may_stand_in_one_file() {
    let seen = lines(concat!(
        r#"{"EventID":1,"Channel":"c"}"#,
        "\n",
        r#"{"a":{"b":"x"}}"#,
        "\n",
        r#"{"eventVersion":"1","eventSource":"s","eventName":"n"}"#,
        "\n"
    ));
    let tags: Vec<_> = seen.events.iter().map(|event| event.tag.as_str()).collect();
    assert_eq!(tags, ["windows|c||1", "json|||", "aws|cloudtrail|s|n"]);
    assert_eq!(seen.events[1].offset, 28);
}

#[test]
fn an_object_asked_for_by_name_gives_its_json() {
    let seen = lines(r#"{"requestParameters":{"x":["a b"]},"user":[{"n":1}]}"#);
    let slots = &seen.events[0].slots;
    let slot = |name: &str| NAMES.iter().position(|each| *each == name).unwrap() as u16;
    assert!(slots.contains(&(slot("requestParameters"), r#"{"x":["a b"]}"#.to_owned())));
    assert!(slots.contains(&(slot("user"), r#"[{"n":1}]"#.to_owned())));
}

#[test]
fn two_tags_never_share_an_answer() {
    struct ByService;
    impl Projection for ByService {
        fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
            (tag.service == "b").then(|| Names::new(&["a"]).0)
        }
    }
    // The words run together to the same text in both records.
    let text = concat!(
        r#"{"EventID":"b","Channel":"","SourceName":"x"}"#,
        "\n",
        r#"{"EventID":"","Channel":"b","SourceName":"x"}"#,
        "\n"
    );
    let seen = decode_by(&JsonLines, text.as_bytes(), 1 << 20, &ByService);
    assert_eq!((seen.events.len(), seen.unwanted), (1, 1));
    assert_eq!(seen.events[0].tag, "windows|b|x|");
}
