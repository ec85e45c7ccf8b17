//! Every writer on hostile findings and incidents: nothing steers a terminal, deceives an eye, is a formula or markup, and
//! what should parse does.

use std::io;

use serde_json::{Value, json};
use shieldwall_schema::entity::{Entity, EntityKind};
use shieldwall_schema::finding::Finding;
use shieldwall_schema::incident::{Incident, Involved, Member, Severity};
use shieldwall_schema::outlook::{Countermeasure, Outlook, Prospect, Watch};
use shieldwall_schema::remedy::Remedy;
use shieldwall_schema::story::{HostCoverage, Moment, ProcessNode, Sentence, Story};
use shieldwall_schema::{Place, Reject, Rejection};

use super::{Report, SourceNote, SourceSummary, Style, poisoned, text_of, time};
use crate::case::ReportKind;
use crate::output::dossier::{Dossier, Findings};
use crate::output::escape::is_hidden;
use crate::output::story::Told;
use crate::output::{csv, html, jsonl, stix};

impl Findings for Vec<Finding> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn get(&mut self, at: usize, evidences_max: usize) -> io::Result<Finding> {
        let mut finding = self[at].clone();
        finding.evidences.truncate(evidences_max);
        Ok(finding)
    }
}

/// Fields that writers treat in their own ways.
const PATHS: [&str; 10] = [
    "device.hostname",
    "device.ip",
    "http_request.url.hostname",
    "metadata.event_code",
    "metadata.log_name",
    "process.cmd_line",
    "process.file.hashes.value",
    "query.hostname",
    "src_endpoint.ip",
    "user.name",
];

/// An incident with a hostile string in every string.
pub(super) fn incident(evil: &str) -> Told {
    let kinds = [
        EntityKind::Host,
        EntityKind::User,
        EntityKind::Session,
        EntityKind::Process,
        EntityKind::Address,
        EntityKind::Hash,
        EntityKind::Domain,
    ];
    let when = Some(time(3, 3, 7));
    let entity = |kind| Entity { kind, id: evil.to_owned() };
    let incident = Incident {
        uid: evil.to_owned(),
        aliases: vec![evil.to_owned()],
        key: EntityKind::Host,
        severity: Severity::Critical,
        risk: 9.0,
        first: when,
        last: when,
        members: vec![Member {
            finding: 0,
            rule: 0,
            host: Some(evil.to_owned()),
            count: 2,
            first: when,
            last: when,
            joined_by: Some(entity(EntityKind::User)),
        }],
        members_left_out: 0,
        sightings: 2,
        involved: kinds.map(|kind| Involved { entity: entity(kind), count: 2, first: when, last: when }).to_vec(),
        involved_left_out: 0,
        tactics: vec![(evil.to_owned(), when)],
        techniques: vec![(evil.to_owned(), when)],
    };
    let sentence = || Sentence { text: format!("{evil} did {evil}"), facts: Vec::new() };
    let story = Story {
        incident: evil.to_owned(),
        headline: sentence(),
        why: vec![sentence()],
        timeline: vec![Moment {
            time: when,
            until: when,
            host: Some(evil.to_owned()),
            severity: Severity::Critical,
            count: 2,
            sentence: sentence(),
            techniques: vec![evil.to_owned()],
            finding: 0,
        }],
        moments_left_out: 0,
        processes: (0..2)
            .map(|depth| ProcessNode {
                count: 1,
                depth,
                host: Some(evil.to_owned()),
                image: evil.to_owned(),
                command_line: evil.to_owned(),
                pid: evil.to_owned(),
                time: when,
                finding: Some(0),
            })
            .collect(),
        silent: vec![sentence()],
        unseen: vec![sentence()],
        outlook: Some(Outlook {
            prospects: vec![Prospect {
                technique: evil.to_owned(),
                name: evil.to_owned(),
                tactics: vec![evil.to_owned()],
                probability: 0.41,
                because: evil.to_owned(),
                watch: Watch { rules: 2, rules_with_logs: 0, detectors: 1, missing: vec![evil.to_owned()] },
                countermeasure: Some(Countermeasure {
                    id: evil.to_owned(),
                    name: evil.to_owned(),
                    url: evil.to_owned(),
                    advice: evil.to_owned(),
                }),
            }],
            none: 0.1,
            alike: vec![evil.to_owned()],
            model: evil.to_owned(),
        }),
        remedies: vec![Remedy {
            letter: evil.to_owned(),
            does: evil.to_owned(),
            because: evil.to_owned(),
            words: vec![evil.to_owned()],
            left_out: vec![evil.to_owned()],
            d3fend: Some((evil.to_owned(), evil.to_owned())),
            claim: evil.to_owned(),
            plan: evil.to_owned(),
            plan_sha256: evil.to_owned(),
        }],
    };
    Told { incident, story }
}

/// What every writer makes of it, by name.
fn written(evil: &str) -> Vec<(&'static str, String)> {
    let mut findings = vec![poisoned(evil, &PATHS)];
    let told = incident(evil);
    let rejection = Rejection { place: Place::offset(7), reason: Reject::Corrupt, detail: evil.to_owned() };
    let source = |note| SourceSummary {
        display: evil.to_owned(),
        format: evil.to_owned(),
        assumptions: vec![evil.to_owned()],
        rejected: vec![(Reject::Corrupt, 1, rejection.clone())],
        note,
        ..SourceSummary::default()
    };
    let sources = [
        SourceNote::NotRead(evil.to_owned()),
        SourceNote::NonLog(evil.to_owned()),
        SourceNote::DuplicateOf(evil.to_owned()),
    ];
    let report = Report {
        findings: findings.clone(),
        incidents: vec![told.clone()],
        finding_count: 1,
        techniques: vec![(evil.to_owned(), evil.to_owned(), 1)],
        sources: sources.map(source).to_vec(),
        refused_rules: vec![evil.to_owned()],
        assumptions: vec![evil.to_owned()],
        ..Report::default()
    };
    let manifest = json!({
        "inputs": [{"path": evil, "format": evil, "bytes": 1, "sha256": evil, "status": evil}],
        "asked": evil,
    });
    let coverage = [HostCoverage {
        host: evil.to_owned(),
        product: evil.to_owned(),
        kinds: vec![evil.to_owned()],
        ..HostCoverage::default()
    }];
    let incidents = [told.incident.clone()];
    let dossier = Dossier {
        report: &report,
        manifest: &manifest,
        incidents: &incidents,
        stories: &report.incidents,
        membership: &[(0, 0)],
        coverage: &coverage,
    };
    let mut line = String::new();
    jsonl::Writer::default().line_of(&findings[0], [evil].into_iter(), &mut line);
    let mut all = vec![("text", text_of(&report, Style::PLAIN, None)), ("findings.jsonl", line)];
    for kind in ReportKind::ALL {
        let mut out = Vec::new();
        kind.write(&dossier, &mut findings, &mut out).unwrap();
        all.push((kind.file(), String::from_utf8(out).unwrap()));
    }
    let mut preview = Vec::new();
    stix::write_preview(&dossier, &mut findings, &mut preview).unwrap();
    all.push(("preview", String::from_utf8(preview).unwrap()));
    all
}

/// RFC 4180, as strict as it is written.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let cell = rows.last_mut().unwrap().last_mut().unwrap();
        let taken = match (quoted, c) {
            (true, '"') if rest.starts_with("\"\"") => {
                cell.push('"');
                2
            }
            (_, '"') => {
                assert!(quoted || cell.is_empty(), "a quote inside a bare cell");
                quoted = !quoted;
                1
            }
            (false, ',') => {
                rows.last_mut().unwrap().push(String::new());
                1
            }
            (false, '\r') => {
                assert!(rest.starts_with("\r\n"));
                rows.push(vec![String::new()]);
                2
            }
            (_, c) => {
                cell.push(c);
                c.len_utf8()
            }
        };
        rest = rest.split_at(taken).1;
    }
    assert!(!quoted);
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last row has no end");
    rows
}

#[test]
fn hostile_strings_are_harmless_in_every_format() {
    let long = "A\u{202e}é=".repeat(20_000);
    let evils = [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\u{9b}2J",
        "gpj.\u{202e}exe",
        "pay\u{200b}pal \u{2028}",
        "a\0b",
        "one\r\ntwo\tthree",
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "+cmd|' /C calc'!A1",
        "-2+3",
        "@SUM(A1:A9)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "a,b\"c\"\r\n=1",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"><svg/onload=alert(1)>'",
        "${7*7}{{7*7}}",
        "[click](http://evil.example) {0}",
        "\u{fffd}\u{fffd}",
        "../../etc/passwd\n",
        "']} OR [x = '",
        "secret-of-ours",
        long.as_str(),
    ];
    for evil in evils {
        let shown: String = evil.escape_debug().take(40).collect();
        for (name, text) in written(evil) {
            let at = text.chars().position(|c| (c.is_control() && !matches!(c, '\n' | '\r')) || is_hidden(c));
            assert_eq!(at, None, "{name}: {shown}");
            assert!(name == "timeline.csv" || !text.contains('\r'), "{name}: {shown}");
            match name {
                "findings.jsonl" => assert_eq!(text.matches('\n').count(), 1, "{shown}"),
                "report.html" => {
                    let lower = text.to_lowercase();
                    assert!(
                        ["<script", "<img", "<svg", "href=\"http"].iter().all(|tag| !lower.contains(tag)),
                        "{shown}"
                    );
                    assert!(text.len() <= html::BYTES_MAX, "{shown}");
                }
                "timeline.csv" => {
                    let rows = rows(&text);
                    assert_eq!(rows.len(), 3, "{shown}");
                    for row in &rows {
                        assert_eq!(row.len(), csv::COLUMNS.len(), "{shown}");
                        assert!(row.iter().all(|cell| !csv::is_formula(cell)), "{shown}: {row:?}");
                        assert!(row.iter().all(|cell| cell.len() <= csv::CELL_BYTES_MAX + 4));
                    }
                }
                "findings.sarif" => {
                    let log: Value = serde_json::from_str(&text).unwrap();
                    let run = &log["runs"][0];
                    let result = &run["results"][0];
                    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["index"], 0);
                    assert!(!result["message"]["text"].as_str().unwrap().contains("exa](h"));
                    for uri in [
                        &run["artifacts"][0]["location"]["uri"],
                        &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
                    ] {
                        let uri = uri.as_str().unwrap();
                        assert!(
                            uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/!%:".contains(&b)),
                            "{uri:.80}"
                        );
                    }
                }
                "bundle.stix.json" => {
                    let bundle: Value = serde_json::from_str(&text).unwrap();
                    // None of these is a public thing, so nothing but the frame is left.
                    assert_eq!(bundle["objects"].as_array().unwrap().len(), 2, "{shown}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_bundle_shares_the_other_side_and_nothing_of_ours() {
    let mut findings = super::findings();
    findings.truncate(1);
    findings[0].evidences.truncate(1);
    let fields = [
        ("actor.user.name", "eve"),
        ("device.hostname", "ws01.shop.example"),
        ("dst_endpoint.ip", "203.0.113.9"),
        ("process.cmd_line", "net use \\\\fs01 /user:eve hunter2"),
        ("process.file.hashes.value", "SHA256=ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"),
        ("query.hostname", "cdn.evil.test.example.com"),
        ("src_endpoint.hostname", "ws01"),
        ("src_endpoint.ip", "192.0.2.4"),
    ];
    findings[0].evidences[0].fields = fields.map(|(path, value)| (path.to_owned(), value.to_owned())).to_vec();
    let mut told = incident("x");
    told.incident.techniques = vec![("T1059.001".to_owned(), Some(time(3, 3, 7)))];
    told.incident.involved = [
        (EntityKind::Host, "ws01"),
        (EntityKind::User, "eve"),
        (EntityKind::Address, "192.0.2.4"),
        (EntityKind::Address, "192.0.2.77"),
        (EntityKind::Address, "203.0.113.9"),
        (EntityKind::Address, "198.51.100.1"),
        (EntityKind::Hash, "abababababababababababababababababababababababababababababababab"),
        (EntityKind::Domain, "cdn.evil.test.example.com"),
        (EntityKind::Domain, "intranet.shop.example"),
    ]
    .map(|(kind, id)| Involved {
        entity: Entity { kind, id: id.to_owned() },
        count: 5,
        first: Some(time(3, 3, 7)),
        last: Some(time(3, 4, 9)),
    })
    .to_vec();
    let (report, manifest) = (Report::default(), json!({}));
    let coverage = [HostCoverage { host: "ws01.shop.example".to_owned(), ..HostCoverage::default() }];
    let incidents = [told.incident];
    let dossier = Dossier {
        report: &report,
        manifest: &manifest,
        incidents: &incidents,
        stories: &[],
        membership: &[(0, 0)],
        coverage: &coverage,
    };
    let mut out = Vec::new();
    stix::write(&dossier, &mut findings, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let patterns: Vec<&str> =
        bundle["objects"].as_array().unwrap().iter().filter_map(|object| object["pattern"].as_str()).collect();
    assert_eq!(
        patterns,
        [
            "[ipv4-addr:value = '203.0.113.9']",
            "[domain-name:value = 'cdn.evil.test.example.com']",
            "[file:hashes.'SHA-256' = 'abababababababababababababababababababababababababababababababab']",
        ]
    );
    for ours in ["ws01", "eve\"", "hunter2", "192.0.2", "shop.example", "198.51.100.1", ":12:"] {
        assert!(!text.contains(ours), "{ours}: {text}");
    }
    assert!(text.contains("T1059.001") && text.contains("\"count\":5"), "{text}");
}
