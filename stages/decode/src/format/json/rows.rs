//! The dialects of JSON logs, one row each, most specific first.
//!
//! A row is recognised by the *names* of a record's fields, never by what the values claim: a record that itself says
//! `product` or `service` is not believed. Paths are dotted; a key that has dots of its own (`"id.orig_h"`) counts as the
//! same path. Products and services are named as SigmaHQ's log sources name them.

use super::dialect::{Extra, Is, Naming, Row, Service};

/// ECS fields under the names that Windows events give them (elastic/beats, module Sysmon, moves some of them away from
/// `winlog.event_data`).
macro_rules! ecs {
    ($($more:expr,)*) => {
        &[
            $($more,)*
            ("Image", &["winlog.event_data.Image", "process.executable"]),
            ("CommandLine", &["winlog.event_data.CommandLine", "process.command_line"]),
            ("CurrentDirectory", &["winlog.event_data.CurrentDirectory", "process.working_directory"]),
            ("ProcessId", &["winlog.event_data.ProcessId", "process.pid"]),
            ("ProcessGuid", &["winlog.event_data.ProcessGuid", "process.entity_id"]),
            ("OriginalFileName", &["winlog.event_data.OriginalFileName", "process.pe.original_file_name"]),
            ("Description", &["winlog.event_data.Description", "process.pe.description"]),
            ("Product", &["winlog.event_data.Product", "process.pe.product"]),
            ("Company", &["winlog.event_data.Company", "process.pe.company"]),
            ("ParentImage", &["winlog.event_data.ParentImage", "process.parent.executable"]),
            ("ParentCommandLine", &["winlog.event_data.ParentCommandLine", "process.parent.command_line"]),
            ("ParentProcessId", &["winlog.event_data.ParentProcessId", "process.parent.pid"]),
            ("User", &["winlog.event_data.User", "user.name"]),
            ("TargetFilename", &["winlog.event_data.TargetFilename", "file.path"]),
            ("TargetObject", &["winlog.event_data.TargetObject", "registry.path"]),
            ("Details", &["winlog.event_data.Details", "registry.data.strings"]),
            ("ImageLoaded", &["winlog.event_data.ImageLoaded", "dll.path"]),
            ("DestinationIp", &["winlog.event_data.DestinationIp", "destination.ip"]),
            ("DestinationPort", &["winlog.event_data.DestinationPort", "destination.port"]),
            ("DestinationHostname", &["winlog.event_data.DestinationHostname", "destination.domain"]),
            ("SourceIp", &["winlog.event_data.SourceIp", "source.ip"]),
            ("SourcePort", &["winlog.event_data.SourcePort", "source.port"]),
            ("Protocol", &["winlog.event_data.Protocol", "network.transport"]),
            ("QueryName", &["winlog.event_data.QueryName", "dns.question.name"]),
        ]
    };
}

/// The types that Suricata's EVE gives to what all its events share (doc.suricata.io, "Eve JSON Format"). Records without
/// `flow_id` are not held to them: other programs use these names too.
const EVE_TYPES: &[(&str, Is)] = &[
    ("flow_id", Is::Number),
    ("event_type", Is::Text),
    ("timestamp", Is::Text),
    ("src_ip", Is::Text),
    ("dest_ip", Is::Text),
    ("src_port", Is::Number),
    ("dest_port", Is::Number),
    ("proto", Is::Text),
    ("alert", Is::Object),
];

/// A field that one log of Zeek's has and those further down have not. Zeek's JSON names its log only in the file's name,
/// unless a package writes `_path`.
const ZEEK_LOGS: &[(&str, &str)] = &[
    ("conn_state", "conn"),
    ("rejected", "dns"),
    ("qtype_name", "dns"),
    ("request_body_len", "http"),
    ("certificate.serial", "x509"),
    ("cert_chain_fps", "ssl"),
    ("established", "ssl"),
    ("seen_bytes", "files"),
    ("share_type", "smb_mapping"),
    ("times.modified", "smb_files"),
    ("request_type", "kerberos"),
    ("security_protocol", "rdp"),
    ("auth_attempts", "ssh"),
    ("endpoint", "dce_rpc"),
    ("named_pipe", "dce_rpc"),
    ("server_nb_computer_name", "ntlm"),
    ("domainname", "ntlm"),
    ("note", "notice"),
    ("notice", "weird"),
    ("msg_types", "dhcp"),
    ("data_channel.passive", "ftp"),
    ("reply_code", "ftp"),
    ("helo", "smtp"),
    ("mailfrom", "smtp"),
    ("get_requests", "snmp"),
    ("software_type", "software"),
    ("tunnel_type", "tunnel"),
    ("failure_reason", "dpd"),
    ("is_exe", "pe"),
];

/// The rows. The first whose groups all have a field in the record wins.
pub(super) const ROWS: &[Row] = &[
    Row {
        // evtx_dump
        groups: &[&["Event.System"]],
        product: "windows",
        service: Service::Path(&["Event.System.Channel", "Event.System.Channel.#text"]),
        provider: &[
            "Event.System.Provider.#attributes.Name",
            "Event.System.Provider_attributes.Name",
            "Event.System.Provider.Name",
        ],
        code: &["Event.System.EventID", "Event.System.EventID.#text"],
        time: &[
            "Event.System.TimeCreated.#attributes.SystemTime",
            "Event.System.TimeCreated_attributes.SystemTime",
            "Event.System.TimeCreated.SystemTime",
        ],
        utc: true,
        naming: Naming::WindowsTree("Event."),
        first: &[],
        extra: Extra::Windows,
    },
    // Velociraptor, PowerShell's ConvertTo-Json and others: the parts of an event, without `Event` around them.
    Row {
        // windows_parts
        groups: &[&["System.EventID", "System.EventID.Value"], &["System.Channel", "System.Provider"]],
        product: "windows",
        service: Service::Path(&["System.Channel"]),
        provider: &["System.Provider.Name", "System.Provider.#attributes.Name"],
        code: &["System.EventID.Value", "System.EventID"],
        time: &["System.TimeCreated.SystemTime", "System.TimeCreated.#attributes.SystemTime", "System.TimeCreated"],
        utc: true,
        naming: Naming::WindowsTree(""),
        first: &[],
        extra: Extra::Windows,
    },
    Row {
        // winlogbeat
        groups: &[&["winlog.event_id", "winlog.channel", "winlog.provider_name"]],
        product: "windows",
        service: Service::Path(&["winlog.channel"]),
        provider: &["winlog.provider_name", "event.provider"],
        code: &["winlog.event_id", "event.code"],
        time: &["@timestamp", "winlog.time_created", "event.created"],
        utc: true,
        naming: Naming::Winlogbeat("winlog."),
        first: ecs![
            ("EventID", &["winlog.event_id", "event.code"]),
            ("Channel", &["winlog.channel"]),
            ("Provider_Name", &["winlog.provider_name", "event.provider"]),
            ("Provider_Guid", &["winlog.provider_guid"]),
            ("EventRecordID", &["winlog.record_id"]),
            ("Computer", &["winlog.computer_name", "host.name", "host.hostname", "agent.hostname"]),
            ("Execution_ProcessID", &["winlog.process.pid"]),
            ("Security_UserID", &["winlog.user.identifier"]),
            ("NewProcessName", &["winlog.event_data.NewProcessName", "process.executable"]),
        ],
        extra: Extra::Windows,
    },
    // Winlogbeat before version 7.
    Row {
        // winlogbeat6
        groups: &[&["event_id"], &["log_name"], &["source_name", "event_data", "computer_name"]],
        product: "windows",
        service: Service::Path(&["log_name"]),
        provider: &["source_name"],
        code: &["event_id"],
        time: &["@timestamp"],
        utc: true,
        naming: Naming::Winlogbeat(""),
        first: &[
            ("EventID", &["event_id"]),
            ("Channel", &["log_name"]),
            ("Provider_Name", &["source_name"]),
            ("EventRecordID", &["record_number"]),
            ("Computer", &["computer_name", "beat.hostname", "host.name"]),
        ],
        extra: Extra::Windows,
    },
    Row {
        // splunk_windows
        groups: &[&["EventCode"], &["LogName", "SourceName", "ComputerName", "source", "Channel"]],
        product: "windows",
        service: Service::Path(&["Channel", "LogName"]),
        provider: &["SourceName", "Name", "source_name"],
        code: &["EventCode"],
        time: &["_time", "TimeCreated", "SystemTime", "EventTime"],
        utc: false,
        naming: Naming::Plain,
        first: &[
            ("EventID", &["EventID", "EventCode"]),
            ("Channel", &["Channel", "LogName"]),
            ("Provider_Name", &["SourceName", "Name", "source_name"]),
            ("EventRecordID", &["EventRecordID", "RecordNumber"]),
            ("Computer", &["Computer", "ComputerName", "host", "dvc"]),
            ("NewProcessName", &["NewProcessName", "New_Process_Name"]),
            ("ParentProcessName", &["ParentProcessName", "Creator_Process_Name"]),
            ("CommandLine", &["CommandLine", "Process_Command_Line"]),
            ("TargetUserName", &["TargetUserName", "Target_User_Name"]),
            ("LogonType", &["LogonType", "Logon_Type"]),
            ("ServiceName", &["ServiceName", "Service_Name"]),
            ("ImagePath", &["ImagePath", "Service_File_Name"]),
        ],
        extra: Extra::Windows,
    },
    // OTRF/mordor, NXLog, Azure's SecurityEvent table: everything in one flat object.
    Row {
        // windows_flat
        groups: &[
            &["EventID"],
            &["Channel", "SourceName", "ProviderName", "Provider_Name", "EventSourceName", "ProviderGuid", "Provider"],
        ],
        product: "windows",
        service: Service::Path(&["Channel"]),
        provider: &["Provider_Name", "SourceName", "ProviderName", "EventSourceName", "Provider", "Provider.Name"],
        code: &["EventID"],
        time: &["@timestamp", "TimeCreated", "TimeGenerated", "EventTime", "UtcTime", "EventReceivedTime"],
        utc: false,
        naming: Naming::WindowsTree(""),
        first: &[
            ("Provider_Name", &["Provider_Name", "SourceName", "ProviderName", "EventSourceName", "Provider"]),
            ("Provider_Guid", &["Provider_Guid", "ProviderGuid"]),
            ("EventRecordID", &["EventRecordID", "RecordNumber", "EventRecordId"]),
            ("Computer", &["Computer", "Hostname", "ComputerName", "MachineName", "host.name"]),
            ("Execution_ProcessID", &["ExecutionProcessID"]),
            ("Security_UserID", &["UserID"]),
        ],
        extra: Extra::Windows,
    },
    // Open Cybersecurity Schema Framework: any class; the code is the type, which is class × 100 + activity.
    Row {
        // ocsf
        groups: &[
            &["class_uid"],
            &["metadata.version", "metadata.product.name"],
            &["type_uid", "activity_id", "category_uid"],
        ],
        product: "ocsf",
        service: Service::Fixed("ocsf"),
        provider: &["metadata.product.name"],
        code: &["type_uid", "class_uid"],
        time: &["time", "time_dt"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::Ecs(&["device.os.type"]),
    },
    Row {
        // journald
        groups: &[&["__REALTIME_TIMESTAMP"], &["MESSAGE", "_HOSTNAME", "__CURSOR"]],
        product: "linux",
        service: Service::Program(&["SYSLOG_IDENTIFIER", "_COMM"]),
        provider: &["_SYSTEMD_UNIT", "UNIT", "_TRANSPORT"],
        code: &[],
        time: &["__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"],
        utc: true,
        naming: Naming::Plain,
        first: &[
            ("message", &["MESSAGE"]),
            ("program", &["SYSLOG_IDENTIFIER", "_COMM"]),
            ("pid", &["SYSLOG_PID", "_PID"]),
            ("hostname", &["_HOSTNAME"]),
        ],
        extra: Extra::Journal,
    },
    Row {
        // suricata
        groups: &[&["event_type"], &["timestamp"], &["flow_id", "src_ip", "alert", "stats", "in_iface"]],
        product: "suricata",
        service: Service::Path(&["event_type"]),
        provider: &[],
        code: &[],
        time: &["timestamp"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::Typed(EVE_TYPES),
    },
    Row {
        // zeek
        groups: &[&["_path", "uid", "fuid"], &["ts"], &["id.orig_h", "uid", "fuid", "_path"]],
        product: "zeek",
        service: Service::Zeek(&["_path"]),
        provider: &[],
        code: &[],
        time: &["ts", "_write_ts"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::Zeek(ZEEK_LOGS),
    },
    Row {
        // cloudtrail
        groups: &[&["eventVersion", "eventID", "awsRegion"], &["eventSource"], &["eventName"]],
        product: "aws",
        service: Service::Fixed("cloudtrail"),
        provider: &["eventSource"],
        code: &["eventName"],
        time: &["eventTime"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    // Unusual rates of calls, as CloudTrail Insights counts them.
    Row {
        // cloudtrail_insight
        groups: &[
            &["insightDetails.insightType", "insightDetails.eventName"],
            &["eventVersion", "eventID", "awsRegion"],
        ],
        product: "aws",
        service: Service::Fixed("cloudtrail-insight"),
        provider: &["insightDetails.eventSource"],
        code: &["insightDetails.eventName"],
        time: &["eventTime"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    // Hashes of log files, by which they can be checked: no log, but no unknown record either.
    Row {
        // cloudtrail_digest
        groups: &[&["digestStartTime"], &["digestEndTime"], &["digestS3Bucket", "digestPublicKeyFingerprint"]],
        product: "aws",
        service: Service::Fixed("cloudtrail-digest"),
        provider: &["awsAccountId"],
        code: &[],
        time: &["digestEndTime"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    // `aws cloudtrail lookup-events`: the event itself is JSON in a text.
    Row {
        // cloudtrail_lookup
        groups: &[&["CloudTrailEvent"], &["EventName", "EventId", "EventSource"]],
        product: "aws",
        service: Service::Fixed("cloudtrail"),
        provider: &["EventSource"],
        code: &["EventName"],
        time: &["EventTime"],
        utc: true,
        naming: Naming::Plain,
        first: &[("eventName", &["EventName"]), ("eventSource", &["EventSource"]), ("eventID", &["EventId"])],
        extra: Extra::Embedded(&["CloudTrailEvent"]),
    },
    Row {
        // kubernetes
        groups: &[&["auditID"], &["verb", "stage"], &["objectRef", "requestURI", "user", "responseStatus"]],
        product: "kubernetes",
        service: Service::Fixed("audit"),
        provider: &["stage"],
        code: &["verb"],
        time: &["requestReceivedTimestamp", "stageTimestamp", "timestamp"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // gcp_audit
        groups: &[
            &["protoPayload", "data.protoPayload"],
            &[
                "protoPayload.methodName",
                "protoPayload.serviceName",
                "data.protoPayload.methodName",
                "data.protoPayload.serviceName",
            ],
        ],
        product: "gcp",
        service: Service::Fixed("gcp.audit"),
        provider: &["protoPayload.serviceName", "data.protoPayload.serviceName"],
        code: &["protoPayload.methodName", "data.protoPayload.methodName"],
        time: &["timestamp", "data.timestamp", "receiveTimestamp", "@timestamp"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // google_workspace
        groups: &[&["id.applicationName"], &["events.name", "events"]],
        product: "gcp",
        service: Service::Workspace(&["id.applicationName"]),
        provider: &["id.applicationName"],
        code: &["events.name"],
        time: &["id.time"],
        utc: true,
        naming: Naming::Plain,
        first: &[("eventService", &["id.applicationName"])],
        extra: Extra::None,
    },
    Row {
        // okta
        groups: &[
            &["eventType"],
            &["published"],
            &["actor"],
            &["outcome", "debugContext", "securityContext", "legacyEventType"],
        ],
        product: "okta",
        service: Service::Fixed("okta"),
        provider: &[],
        code: &["eventType"],
        time: &["published"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // onelogin
        groups: &[&["event_type_id"], &["account_id"], &["actor_user_id", "actor_user_name", "user_id"]],
        product: "onelogin",
        service: Service::Fixed("onelogin.events"),
        provider: &[],
        code: &["event_type_id"],
        time: &["event_timestamp", "created_at"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // github
        groups: &[&["action"], &["actor"], &["_document_id", "actor_id", "actor_location", "org", "org_id", "user_id"]],
        product: "github",
        service: Service::Fixed("audit"),
        provider: &[],
        code: &["action"],
        time: &["@timestamp", "created_at"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // bitbucket
        groups: &[
            &["auditType.action", "auditType.actionI18nKey"],
            &["auditType.category", "auditType.categoryI18nKey", "auditType.area"],
        ],
        product: "bitbucket",
        service: Service::Fixed("audit"),
        provider: &["auditType.category"],
        code: &["auditType.action"],
        time: &["timestamp", "timestamp.epochSecond", "creationDate"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // m365
        groups: &[&["Operation"], &["Workload", "RecordType"], &["CreationTime", "UserId", "OrganizationId"]],
        product: "m365",
        service: Service::Fixed("audit"),
        provider: &["Workload"],
        code: &["Operation"],
        time: &["CreationTime"],
        // "The date and time in Coordinated Universal Time", Office 365 Management Activity API schema.
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // entra_risk
        groups: &[&["riskEventType"], &["detectedDateTime", "riskLevel", "riskState", "activityDateTime"]],
        product: "azure",
        service: Service::Fixed("riskdetection"),
        provider: &["source"],
        code: &["riskEventType"],
        time: &["activityDateTime", "detectedDateTime", "time"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // entra_signin
        groups: &[
            &["conditionalAccessStatus", "status.errorCode"],
            &["userPrincipalName", "userId"],
            &["createdDateTime"],
        ],
        product: "azure",
        service: Service::Fixed("signinlogs"),
        provider: &["appDisplayName"],
        code: &["status.errorCode"],
        time: &["createdDateTime"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // entra_audit
        groups: &[
            &["activityDisplayName"],
            &["activityDateTime"],
            &["loggedByService", "targetResources", "initiatedBy"],
        ],
        product: "azure",
        service: Service::Fixed("auditlogs"),
        provider: &["loggedByService"],
        code: &["activityDisplayName"],
        time: &["activityDateTime"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    // Azure Monitor: diagnostic settings and Log Analytics tables, told apart by category.
    Row {
        // azure_monitor
        groups: &[
            &["operationName", "OperationName", "operation_name", "OperationNameValue"],
            &["category", "Category", "CategoryValue"],
            &[
                "resourceId",
                "ResourceId",
                "_ResourceId",
                "resource_id",
                "tenantId",
                "TenantId",
                "tenant_id",
                "subscriptionId",
                "SubscriptionId",
                "LoggedByService",
            ],
        ],
        product: "azure",
        service: Service::Azure(&["category", "Category", "CategoryValue", "category.value"]),
        provider: &[
            "resourceProviderName.value",
            "resource_provider_name.value",
            "ResourceProviderValue",
            "LoggedByService",
        ],
        code: &["operationName", "OperationName", "operationName.value", "operation_name.value", "OperationNameValue"],
        time: &[
            "time",
            "timeStamp",
            "eventTimestamp",
            "event_timestamp",
            "TimeGenerated",
            "CreatedDateTime",
            "TimeGenerated [UTC]",
        ],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    Row {
        // opencanary
        groups: &[&["logtype"], &["logdata"], &["node_id", "utc_time", "local_time"]],
        product: "opencanary",
        service: Service::Fixed(""),
        provider: &["node_id"],
        code: &["logtype"],
        time: &["utc_time", "local_time_adjusted", "local_time"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
    // CloudWatch Logs, as subscriptions and `filter-log-events` give it: the record is JSON in a text.
    Row {
        // cloudwatch
        groups: &[&["message"], &["timestamp"], &["id", "eventId", "logStreamName"]],
        product: "json",
        service: Service::Fixed(""),
        provider: &[],
        code: &[],
        time: &["timestamp"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::Carried(&["message"]),
    },
    // Web servers have no JSON of their own; these are the names that their manuals' and shippers' examples use.
    Row {
        // web_access
        groups: &[
            &[
                "remote_addr",
                "clientip",
                "client_ip",
                "remote_ip",
                "remote_host",
                "remoteIP",
                "host.ip",
                "source.address",
            ],
            &["request", "request_uri", "uri", "url", "request_url", "requestUri", "url.original", "path"],
            &["status", "response", "status_code", "response_code", "http.response.status_code", "response.status"],
        ],
        product: "web",
        service: Service::Fixed("access"),
        provider: &[],
        code: &[],
        time: &["time_iso8601", "@timestamp", "timestamp", "time_local", "time", "msec", "ts"],
        utc: false,
        naming: Naming::Plain,
        first: &[
            (
                "c-ip",
                &["remote_addr", "clientip", "client_ip", "remote_ip", "remote_host", "remoteIP", "source.address"],
            ),
            ("cs-method", &["request_method", "method", "verb", "requestMethod", "http.request.method", "http_method"]),
            (
                "sc-status",
                &["status", "status_code", "response_code", "http.response.status_code", "response.status", "response"],
            ),
            (
                "cs-user-agent",
                &["http_user_agent", "user_agent", "agent", "userAgent", "user_agent.original", "http.user_agent"],
            ),
            ("cs-referer", &["http_referer", "http_referrer", "referer", "referrer", "http.request.referrer"]),
            ("cs-host", &["http_host", "host", "vhost", "server_name", "virtual_host"]),
            ("cs-username", &["remote_user", "auth", "user", "user.name"]),
        ],
        extra: Extra::Web,
    },
    Row {
        // ecs_windows
        groups: &[
            &["process.executable", "process.command_line", "file.path", "registry.path", "dll.path"],
            &["event.category", "event.action"],
            &["host.os.type", "host.os.family"],
        ],
        product: "",
        service: Service::Fixed("ecs"),
        provider: &["event.module", "event.dataset", "event.provider"],
        code: &["event.category"],
        time: &["@timestamp", "event.created"],
        utc: true,
        naming: Naming::Plain,
        first: ecs![("Computer", &["host.name", "host.hostname"]),],
        extra: Extra::Ecs(&["host.os.type", "host.os.family"]),
    },
    // Filebeat's `system` module and its journald input: a syslog line taken apart.
    Row {
        // ecs_host
        groups: &[
            &["process.name"],
            &[
                "log.file.path",
                "log.syslog.priority",
                "system.auth.ssh.event",
                "system.auth.ssh.method",
                "system.auth.sudo.command",
                "journald.pid",
            ],
            &["event.dataset", "event.module", "event.action", "message"],
        ],
        product: "linux",
        service: Service::Program(&["process.name"]),
        provider: &["event.dataset"],
        code: &[],
        time: &["@timestamp", "event.created"],
        utc: true,
        naming: Naming::Plain,
        first: &[
            ("program", &["process.name"]),
            ("pid", &["process.pid"]),
            ("hostname", &["host.hostname", "host.name"]),
            ("user", &["user.name"]),
            ("src_ip", &["source.ip", "source.address"]),
            ("command", &["system.auth.sudo.command"]),
        ],
        extra: Extra::None,
    },
    // Packetbeat, firewalls: who spoke with whom, seen from the network.
    Row {
        // ecs_network
        groups: &[
            &["source.ip", "destination.ip"],
            &["event.category", "event.dataset", "event.action"],
            &["network.transport", "network.protocol", "network.type", "dns.question.name", "destination.port"],
        ],
        product: "ecs",
        service: Service::Fixed("network"),
        provider: &["event.module"],
        code: &["network.protocol", "type", "event.dataset"],
        time: &["@timestamp", "event.start", "event.created"],
        utc: true,
        naming: Naming::Plain,
        first: &[],
        extra: Extra::None,
    },
];

/// A record of no known dialect: its raw dotted names, under `product: json`.
pub(super) const PLAIN: Row = Row {
    // json
    groups: &[],
    product: "json",
    service: Service::Fixed(""),
    provider: &[],
    code: &[],
    time: &[
        "@timestamp",
        "timestamp",
        "time",
        "ts",
        "datetime",
        "eventTime",
        "EventTime",
        "event_time",
        "date",
        "_time",
        "TimeCreated",
        "TimeGenerated",
        "timeStamp",
        "created_at",
        "createdAt",
        "published",
    ],
    utc: false,
    naming: Naming::Plain,
    first: &[],
    extra: Extra::None,
};
