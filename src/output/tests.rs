//! The whole output on invented findings: snapshots, validity against OCSF, and hostile strings in every place.

mod page;
mod writers;

use shieldwall_schema::finding::{Analytic, Anomaly, AnomalyPart, Evidence, Finding, Provenance, Reason};
use shieldwall_schema::ocsf::validate::validate;
use shieldwall_schema::{Flag, Place, Reject, Rejection, Timestamp};

use super::escape::is_hidden;
use super::report::{Report, SourceNote, SourceSummary, Totals, groups};
use super::style::{Style, columns};
use super::words::Severity;
use super::{jsonl, read, show, text};

fn time(day: u32, hour: u32, second: u32) -> Timestamp {
    Timestamp::from_civil(2026, 11, day, hour, 12, second, 0, 0).unwrap()
}

fn reason(selection: &str, field: &str, how: &str, pattern: &str, value: &str) -> Reason {
    let at = value.find(pattern).filter(|_| !pattern.is_empty());
    Reason {
        selection: selection.to_owned(),
        field: field.to_owned(),
        native: None,
        how: how.to_owned(),
        pattern: pattern.to_owned(),
        value: value.to_owned(),
        span: at.map(|at| (at as u32, (at + pattern.len()) as u32)),
        provenance: Provenance::AttackerWritable,
    }
}

fn analytic(uid: &str, name: &str, level: &str, tags: &[&str]) -> Analytic {
    Analytic {
        uid: uid.to_owned(),
        name: name.to_owned(),
        version: "2026-01-02".to_owned(),
        hash: "ab".repeat(32),
        author: "Shieldwall".to_owned(),
        license: "Apache-2.0".to_owned(),
        description: "Something that\nattackers do.".to_owned(),
        level: level.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        condition: "selection".to_owned(),
        ..Analytic::default()
    }
}

fn finding(
    analytic: Analytic,
    hosts: &[&str],
    source: &str,
    times: &[Option<Timestamp>],
    reasons: Vec<Reason>,
) -> Finding {
    let evidences = times.iter().enumerate().map(|(at, time)| Evidence {
        time: *time,
        time_text: None,
        place: Place::record(4096 * (at as u64 + 1), at as u64 + 7),
        host: hosts.first().map(|host| (*host).to_owned()),
        fields: Vec::new(),
        reasons: reasons.clone(),
    });
    Finding {
        uid: format!("{:0>32}", source.len() + analytic.name.len()),
        analytic,
        event_class: 1007,
        source: source.to_owned(),
        sha256: Some("cd".repeat(32)),
        format: "evtx".to_owned(),
        count: times.len() as u64,
        first: times.iter().flatten().min().copied(),
        last: times.iter().flatten().max().copied(),
        year_unknown: false,
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        evidences: evidences.collect(),
        anomaly: None,
    }
}

/// A small case: a critical one with fields, a hostile one, one without a year, one on three hosts, quiet ones.
fn findings() -> Vec<Finding> {
    let command = "\"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe\" -nop -w hidden -enc SQBFAFgAKABOAGUAdwAtAE8AYgBqAGUAYwB0AA==";
    let mut powershell = finding(
        Analytic {
            condition: "selection and not 1 of filter_main_*".to_owned(),
            false_positives: vec!["Unknown".to_owned(), "Administrators' own scripts".to_owned()],
            references: vec!["https://example.org/encoded".to_owned()],
            ..analytic(
                "c4b1d5a0-0001",
                "Encoded PowerShell command line",
                "critical",
                &["attack.execution", "attack.t1059.001"],
            )
        },
        &["WS01"],
        "evidence/Security.evtx",
        &[Some(time(3, 3, 7)), Some(time(3, 4, 9))],
        vec![
            reason(
                "selection",
                "Image",
                "ends with",
                "\\powershell.exe",
                "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
            ),
            reason("selection", "CommandLine", "contains", "-enc", command),
            reason("filter_main_sccm", "ParentImage", "does not contain", "\\CCM\\", "C:\\Windows\\explorer.exe"),
        ],
    );
    for evidence in &mut powershell.evidences {
        evidence.reasons[0].provenance = Provenance::HostReported;
        evidence.fields = [
            ("actor.user.name", "eve"),
            ("device.hostname", "WS01"),
            ("process.cmd_line", command),
            ("process.file.path", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"),
            ("process.parent_process.file.path", "C:\\Windows\\explorer.exe"),
            ("process.pid", "4711"),
            ("unmapped.TokenElevationType", "%%1936"),
        ]
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
        .to_vec();
    }
    let hostile = finding(
        Analytic {
            author: "\x1b]0;owned\x07Mallory".to_owned(),
            unsigned: true,
            pack: "pa\u{202e}ck".to_owned(),
            ..analytic(
                "x\x1b[2J",
                "Log\x1b[31min from \u{202e}gpj.exe p\u{430}ypal 日本語",
                "high",
                &["attack.initial-access"],
            )
        },
        &["WEB\u{200b}01"],
        "evidence/a\nb\x1b[1m.log!m\u{202e}ember",
        &[Some(time(3, 4, 0))],
        vec![reason("keywords", "", "contains", "\x1b[", "GET /\x1b[8mhidden\x1b[0m HTTP/1.1\r\nfake: line\0")],
    );
    let mut no_year = finding(
        analytic("c4b1d5a0-0002", "Password guessing on ssh", "medium", &["attack.t1110", "attack.credential-access"]),
        &["db1"],
        "evidence/auth.log",
        &[Some(time(1, 1, 1)), None],
        vec![reason(
            "selection",
            "",
            "contains",
            "Failed password",
            "Failed password for root from 203.0.113.50 port 22 ssh2",
        )],
    );
    no_year.year_unknown = true;
    no_year.format = "syslog".to_owned();
    no_year.sha256 = None;
    no_year.event_class = 3002;
    for evidence in &mut no_year.evidences {
        evidence.time_text = Some("Nov  1 01:12:01".to_owned());
        evidence.place = Place::offset(512);
        evidence.fields = vec![
            ("src_endpoint.ip".to_owned(), "203.0.113.50".to_owned()),
            ("status".to_owned(), "Failure".to_owned()),
        ];
    }
    let three = finding(
        analytic(
            "c4b1d5a0-0003",
            "New service",
            "medium",
            &["attack.persistence", "attack.privilege-escalation", "attack.t1543.003"],
        ),
        &["WS01", "WS02", "WS03"],
        "evidence/forwarded.evtx",
        &[Some(time(2, 1, 1))],
        vec![
            reason("selection", "EventID", "equals", "7045", "7045"),
            reason("selection", "ServiceName", "is absent", "", ""),
        ],
    );
    let same_elsewhere =
        Finding { source: "evidence/Archive.evtx".to_owned(), uid: "f".repeat(32), ..powershell.clone() };
    let quiet = |uid: &str, name: &str, level: &str| {
        finding(
            analytic(uid, name, level, &[]),
            &["WS01"],
            "evidence/System.evtx",
            &[None],
            vec![reason("s", "EventID", "equals", "6", "6")],
        )
    };
    vec![
        quiet("c4b1d5a0-0006", "Clock was set", "low"),
        three,
        same_elsewhere,
        no_year,
        quiet("c4b1d5a0-0005", "A user signed in", "informational"),
        hostile,
        powershell,
        quiet("c4b1d5a0-0007", "Driver was loaded", "informational"),
    ]
}

fn sources() -> Vec<SourceSummary> {
    let source = |display: &str, note: SourceNote| SourceSummary {
        display: display.to_owned(),
        note,
        ..SourceSummary::default()
    };
    let rejection = |detail: &str| Rejection {
        place: Place::record(8192, 12),
        reason: Reject::Checksum,
        detail: detail.to_owned(),
    };
    vec![
        SourceSummary {
            format: "evtx".to_owned(),
            events: 2_431_882,
            rejected: vec![(Reject::Checksum, 3, rejection("chunk checksum\x1b[0m does not fit"))],
            flags: vec![(Flag::Confusable, 2), (Flag::Truncated, 1)],
            ..source("evidence/Security.evtx", SourceNote::Read)
        },
        SourceSummary {
            format: "syslog".to_owned(),
            events: 12,
            assumptions: vec!["the year is 2026, from the neighbouring files".to_owned()],
            ..source("evidence/auth.log", SourceNote::Read)
        },
        source(
            "evidence/dump.pcap",
            SourceNote::NotRead("a capture; run `zeek -r` or `suricata -r` and scan the logs".to_owned()),
        ),
        source("evidence/empty.log", SourceNote::Empty),
        source("evidence/\x1b[5mlogo.png", SourceNote::NonLog("a picture (PNG)".to_owned())),
        source("evidence/copy.evtx", SourceNote::DuplicateOf("evidence/Security.evtx".to_owned())),
    ]
}

fn report() -> Report {
    Report {
        kept: true,
        findings: findings(),
        incidents: Vec::new(),
        incident_counts: [0; 5],
        finding_count: 0,
        techniques: Vec::new(),
        sources: sources(),
        rules: 2858,
        refused_rules: vec!["rules/bad.yml:7: unknown modifier `contians`".to_owned()],
        learned: Vec::new(),
        assumptions: vec!["times without a zone are UTC".to_owned()],
        case: None,
    }
}

fn text_of(report: &Report, style: Style, level: Option<Severity>) -> String {
    let mut out = String::new();
    text::report(report, &text::Options { style, level }, &mut out);
    out
}

fn show_of(findings: &[Finding], number: usize, style: Style) -> String {
    let mut out = String::new();
    show::show(&groups(findings)[number - 1], &style, &mut out);
    out
}

/// Rows 12 and 13 of the fault table: nothing that a terminal obeys or an eye misses, and no line too wide.
#[track_caller]
fn assert_harmless(text: &str, width: usize) {
    for (at, line) in text.split('\n').enumerate() {
        assert!(!line.chars().any(|c| c.is_control() || is_hidden(c)), "line {at}: {line:?}");
        assert!(columns(line) <= width, "line {at} has {} columns: {line}", columns(line));
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn the_report() {
    let text = text_of(&report(), Style::PLAIN, None);
    assert_harmless(&text, 100);
    insta::assert_snapshot!(text);
}

#[test]
fn the_report_in_ascii_on_a_narrow_terminal() {
    let mut report = report();
    report.findings.retain(|finding| !finding.analytic.name.contains('\x1b'));
    let text = text_of(&report, Style { width: 60, color: false, unicode: false }, Some(Severity::Informational));
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn colour_adds_only_our_own_escapes() {
    let style = Style { color: true, ..Style::PLAIN };
    let colour = text_of(&report(), style, None) + &show_of(&findings(), 2, style);
    let mut bare = colour.clone();
    for code in ["0", "1", "2", "1;35", "1;31", "33", "36"] {
        bare = bare.replace(&format!("\x1b[{code}m"), "");
    }
    assert!(colour.contains("\x1b[1;35m"));
    // Blanks before a reset are not trimmed; they are no difference to a reader.
    let trimmed: Vec<&str> = bare.lines().map(str::trim_end).collect();
    let plain = text_of(&report(), Style::PLAIN, None) + &show_of(&findings(), 2, Style::PLAIN);
    assert_eq!(trimmed.join("\n") + "\n", plain);
}

#[test]
fn the_empty_report_says_what_was_checked() {
    let report = Report { findings: Vec::new(), refused_rules: Vec::new(), ..report() };
    insta::assert_snapshot!(text_of(&report, Style::PLAIN, None));
    let nothing = Report::default();
    insta::assert_snapshot!(text_of(&nothing, Style::PLAIN, None), @r"
    Nothing found.
    Checked 0 events from 0 files with 0 rules.

    Not read  nothing was left out
    ");
}

#[test]
fn one_finding_with_everything() {
    let findings = findings();
    for number in 1..=groups(&findings).len() {
        assert_harmless(&show_of(&findings, number, Style::PLAIN), 100);
    }
    insta::assert_snapshot!("show_powershell", show_of(&findings, 1, Style::PLAIN));
    insta::assert_snapshot!("show_hostile", show_of(&findings, 2, Style::PLAIN));
    insta::assert_snapshot!("show_year_unknown", show_of(&findings, 3, Style::PLAIN));
}

#[test]
fn the_same_findings_in_any_order_are_the_same_report() {
    let report = report();
    let wanted = text_of(&report, Style::PLAIN, None);
    for turn in 1..report.findings.len() {
        let mut turned = report.clone();
        turned.findings.rotate_left(turn);
        assert_eq!(text_of(&turned, Style::PLAIN, None), wanted);
    }
}

#[test]
fn totals_are_one_line() {
    let line = text::totals(&Totals { events: 2_431_882, files: 12, kinds: 3, bytes: 1_220_000_000, seconds: 19.34 });
    assert_eq!(line, "2,431,882 events, 12 files, 3 kinds, 1.2 GB in 19.3 s (63 MB/s)");
    assert_eq!(text::totals(&Totals::default()), "0 events, 0 files, 0 kinds, 0.0 kB in 0.0 s");
}

fn json_of(findings: &[Finding]) -> String {
    let mut writer = jsonl::Writer::default();
    let mut out = String::new();
    for finding in findings {
        writer.line(finding, &mut out);
    }
    out
}

#[test]
fn lines_are_valid_ocsf() {
    let text = json_of(&findings());
    assert_eq!(text.lines().count(), findings().len());
    for line in text.lines() {
        assert!(!line.chars().any(|c| c.is_control() || is_hidden(c)), "{line:?}");
        let event = serde_json::from_str(line).unwrap();
        assert_eq!(validate(&event), Vec::<String>::new(), "{line}");
    }
    insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "0.0.0"));
}

#[test]
fn lines_read_back() {
    let before = findings();
    let text = json_of(&before);
    let after: Vec<Finding> = text.lines().map(|line| read::line(line).unwrap()).collect();
    for number in 1..=groups(&before).len() {
        assert_eq!(show_of(&after, number, Style::PLAIN), show_of(&before, number, Style::PLAIN));
    }
    let report = report();
    let again = Report { findings: after, ..report.clone() };
    assert_eq!(text_of(&again, Style::PLAIN, None), text_of(&report, Style::PLAIN, None));
}

#[test]
fn lines_that_are_no_findings_are_refused() {
    for (line, wanted) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not an OCSF Detection Finding"),
        ("{\"class_uid\":1007}", "not an OCSF Detection Finding"),
        ("{\"class_uid\":2004}", "`finding_info` is missing"),
        ("{\"class_uid\":2004,\"finding_info\":{}}", "`unmapped.rule` is missing"),
    ] {
        assert!(read::line(line).unwrap_err().to_string().contains(wanted), "{line}");
    }
    let deep = format!("{{\"class_uid\":2004,\"x\":{}", "[".repeat(100_000));
    assert!(read::line(&deep).is_err());
    let odd = r#"{"class_uid":2004,"finding_info":7,"unmapped":{"rule":[],"first":"nonsense","hosts":[1]},"evidences":[1,{"data":[]}]}"#;
    assert_eq!(read::line(odd).unwrap().evidences.len(), 2);
}

#[test]
fn evidences_stop_at_their_limit() {
    let times = vec![Some(time(3, 3, 7)); 250];
    let mut many = finding(analytic("r", "Many", "high", &[]), &[], "s", &times, Vec::new());
    many.count = 5_000_000_000;
    let text = json_of(&[many]);
    let event: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(validate(&event), Vec::<String>::new());
    assert_eq!(event["evidences"].as_array().unwrap().len(), jsonl::EVIDENCES_MAX);
    assert_eq!(event["unmapped"]["evidences_left_out"], 4_999_999_900_u64);
    assert_eq!(event["unmapped"]["matches"], 5_000_000_000_u64);
    assert_eq!(event["count"], i32::MAX);
}

#[test]
fn a_finding_without_a_time_says_so() {
    let none = finding(analytic("r", "Quiet", "", &[]), &[], "s", &[None], Vec::new());
    let event: serde_json::Value = serde_json::from_str(&json_of(&[none])).unwrap();
    assert_eq!((&event["time"], &event["unmapped"]["time_unknown"]), (&0.into(), &true.into()));
    assert_eq!(event["severity_id"], 1);
    assert_eq!(event.get("start_time"), None);
}

#[test]
fn attacks_name_technique_sub_technique_and_tactic() {
    let attacks = |tags: &[&str]| {
        let finding = finding(analytic("r", "t", "low", tags), &[], "s", &[None], Vec::new());
        let event: serde_json::Value = serde_json::from_str(&json_of(&[finding])).unwrap();
        assert_eq!(validate(&event), Vec::<String>::new());
        event["finding_info"].get("attacks").map(ToString::to_string).unwrap_or_default()
    };
    let powershell = r#""technique":{"uid":"T1059","name":"Command and Scripting Interpreter"}"#;
    assert_eq!(attacks(&["cve.2021-44228"]), "");
    assert_eq!(attacks(&["attack.t1059"]), format!("[{{{powershell}}}]"));
    assert_eq!(
        attacks(&["attack.execution", "attack.t1059.001"]),
        format!(
            r#"[{{{powershell},"sub_technique":{{"uid":"T1059.001","name":"PowerShell"}},"tactic":{{"uid":"TA0002","name":"Execution"}}}}]"#
        )
    );
    // Two tactics: which one a technique serves is not known.
    assert_eq!(
        attacks(&["attack.execution", "attack.impact", "attack.t1059"]),
        format!(
            r#"[{{{powershell}}},{{"tactic":{{"uid":"TA0002","name":"Execution"}}}},{{"tactic":{{"uid":"TA0040","name":"Impact"}}}}]"#
        )
    );
}

/// Puts a hostile string into every string of a finding.
fn poisoned(evil: &str, paths: &[&str]) -> Finding {
    let evil = || evil.to_owned();
    let mut poisoned =
        finding(analytic(&evil(), &evil(), &evil(), &[]), &[], &evil(), &[Some(time(3, 3, 7)); 2], Vec::new());
    let analytic = &mut poisoned.analytic;
    for text in [
        &mut analytic.version,
        &mut analytic.hash,
        &mut analytic.pack,
        &mut analytic.author,
        &mut analytic.license,
        &mut analytic.description,
        &mut analytic.condition,
        &mut poisoned.uid,
        &mut poisoned.format,
    ] {
        *text = evil();
    }
    analytic.false_positives = vec![evil(); 2];
    analytic.references = vec![evil(), format!("https://{}", evil())];
    analytic.tags = vec![evil(), format!("attack.{}", evil())];
    poisoned.sha256 = Some(evil());
    poisoned.hosts = vec![evil()];
    for evidence in &mut poisoned.evidences {
        evidence.host = Some(evil());
        evidence.time_text = Some(evil());
        evidence.fields = paths.iter().map(|path| ((*path).to_owned(), evil())).collect();
        evidence.fields.push((evil(), evil()));
        let mut poison = reason(&evil(), &evil(), &evil(), &evil(), &evil());
        poison.native = Some(evil());
        poison.span = Some((1, 2));
        poison.how = "contains".to_owned();
        evidence.reasons = vec![poison];
    }
    poisoned
}

#[test]
fn hostile_strings_are_harmless_everywhere() {
    let long = "é\u{202e}".repeat(3000);
    let stack = format!("a{}", "\u{301}".repeat(500));
    let wide = "日本語".repeat(300);
    let evils = [
        "\x1b[31m",
        "\x1b]0;x\x07",
        "\u{9b}2J",
        "\u{202e}",
        "\u{200b}",
        "\0",
        "\r\n",
        "\"}{\\",
        "p\u{430}ypal",
        "",
        " ",
        ".",
        "..",
        "\u{2028}",
        "\u{e0041}",
        "`; rm -rf /",
        "{{7*7}}",
        "<script>",
        "999.1.1.1",
        "0x7f",
        "-1",
        "99999999999999999999",
        "NaN",
        "null",
        "attack.t1059",
        &long,
        &stack,
        &wide,
    ];
    let paths: Vec<&str> =
        shieldwall_schema::ocsf::FieldId::all().map(shieldwall_schema::ocsf::FieldId::path).collect();
    for evil in evils {
        let poisoned = poisoned(evil, &paths);
        let line = json_of(std::slice::from_ref(&poisoned));
        assert_eq!(line.matches('\n').count(), 1);
        let event = serde_json::from_str(&line).unwrap();
        assert_eq!(validate(&event), Vec::<String>::new(), "{evil:?}");
        let again = read::line(&line).unwrap();
        assert_eq!((&again.source, &again.evidences[0].reasons), (&poisoned.source, &poisoned.evidences[0].reasons));

        let source = SourceSummary {
            display: evil.to_owned(),
            format: evil.to_owned(),
            events: 1,
            assumptions: vec![evil.to_owned()],
            note: SourceNote::NotRead(evil.to_owned()),
            rejected: vec![(
                Reject::Corrupt,
                1,
                Rejection { place: Place::offset(0), reason: Reject::Corrupt, detail: evil.to_owned() },
            )],
            ..SourceSummary::default()
        };
        let report = Report {
            kept: true,
            findings: vec![poisoned],
            sources: vec![source],
            refused_rules: vec![evil.to_owned()],
            assumptions: vec![evil.to_owned()],
            case: Some(evil.to_owned()),
            rules: 1,
            ..Report::default()
        };
        for width in [60, 100] {
            let style = Style { width, ..Style::PLAIN };
            assert_harmless(&text_of(&report, style, None), width);
            assert_harmless(&show_of(&report.findings, 1, style), width);
        }
    }
}

/// A learned finding is a valid OCSF event whose parts sum to its score, and comes back as it was.
#[test]
fn a_learned_finding_comes_back_as_it_was() {
    let mut learned = finding(
        analytic(
            "shieldwall.anomaly.lineage",
            "A program started what it never starts here",
            "medium",
            &["attack.execution"],
        ),
        &["web-01"],
        "Security.evtx",
        &[Some(time(3, 3, 7))],
        Vec::new(),
    );
    let part =
        |what: &str, value: f64| AnomalyPart { what: what.into(), value, words: format!("{what} <seen> 0 times") };
    learned.anomaly = Some(Anomaly {
        score: 17.5,
        p_value: 2e-7,
        parts: vec![part("parent of process", 12.25), part("logon hour", 5.25)],
        normal: "nginx starts nginx".to_owned(),
    });
    let mut line = String::new();
    jsonl::Writer::default().line(&learned, &mut line);
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(validate(&event), Vec::<String>::new(), "{line}");
    assert_eq!(event["finding_info"]["analytic"]["type_id"], 4);
    assert_eq!(read::line(line.trim_end()).unwrap(), learned);
}
