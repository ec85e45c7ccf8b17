//! The law of explain: every fact in a sentence traces to a field of the evidence that it names, whatever stands there.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected must fail")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use shieldwall_explain::{Telling, tell};
use shieldwall_schema::finding::{Analytic, Evidence, Finding, Provenance, Reason};
use shieldwall_schema::incident::{Incident, Involved, Member, Severity};
use shieldwall_schema::story::{Sentence, Story};
use shieldwall_schema::{Entity, EntityKind, Place, Timestamp};

const PATHS: &[&str] = &[
    "actor.user.name",
    "user.name",
    "process.cmd_line",
    "process.file.path",
    "process.parent_process.file.path",
    "process.pid",
    "process.parent_process.pid",
    "src_endpoint.ip",
    "http_request.url.path",
    "file.path",
    "query.hostname",
    "win_service.name",
    "message",
];

fn evidence(values: &[String], at: usize) -> Evidence {
    let fields = PATHS.iter().zip(values).map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
    Evidence {
        time: Some(Timestamp::from_nanos(at as i64 * 1_000_000_000)),
        time_text: None,
        place: Place::offset(at as u64),
        host: Some("ws01".to_owned()),
        fields,
        reasons: vec![Reason {
            selection: "selection".to_owned(),
            field: "CommandLine".to_owned(),
            native: None,
            how: "contains".to_owned(),
            pattern: values.first().cloned().unwrap_or_default(),
            value: values.last().cloned().unwrap_or_default(),
            span: Some((3, 9)),
            provenance: Provenance::AttackerWritable,
        }],
    }
}

fn finding(class: u32, level: &str, values: &[String], at: usize) -> Finding {
    Finding {
        uid: format!("{at}"),
        analytic: Analytic {
            name: format!("Title {at} {}", values.first().cloned().unwrap_or_default()),
            level: level.to_owned(),
            ..Analytic::default()
        },
        event_class: class,
        source: "a.log".to_owned(),
        sha256: None,
        format: "jsonl".to_owned(),
        count: 3,
        first: Some(Timestamp::from_nanos(at as i64 * 1_000_000_000)),
        last: Some(Timestamp::from_nanos(at as i64 * 1_000_000_000)),
        year_unknown: false,
        hosts: vec!["ws01".to_owned()],
        evidences: vec![evidence(values, at)],
        anomaly: None,
    }
}

fn story(findings: &BTreeMap<u32, Finding>) -> Story {
    let member = |(number, finding): (&u32, &Finding)| Member {
        finding: *number,
        rule: *number,
        host: Some("ws01".to_owned()),
        count: finding.count,
        first: finding.first,
        last: finding.last,
        joined_by: (*number > 0).then(|| Entity { kind: EntityKind::User, id: "somebody".to_owned() }),
    };
    let incident = Incident {
        uid: "0".to_owned(),
        aliases: vec![],
        key: EntityKind::Host,
        severity: Severity::High,
        risk: 1.0,
        first: None,
        last: None,
        members: findings.iter().map(member).collect(),
        members_left_out: 0,
        sightings: 1,
        involved: vec![Involved {
            entity: Entity { kind: EntityKind::Host, id: "ws01".to_owned() },
            count: 1,
            first: None,
            last: None,
        }],
        involved_left_out: 0,
        tactics: vec![("execution".to_owned(), None), ("impact".to_owned(), None)],
        techniques: vec![],
    };
    tell(&Telling { incident: &incident, findings, coverage: &[], records: 1234 })
}

/// A value as a sentence shows it: on one line.
fn on_one_line(value: &str) -> String {
    value.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect()
}

fn check(sentence: &Sentence, findings: &BTreeMap<u32, Finding>) -> Result<(), TestCaseError> {
    let mut before = 0;
    for fact in &sentence.facts {
        let (start, end) = (fact.span.0 as usize, fact.span.1 as usize);
        prop_assert!(before <= start && start <= end, "facts stand one after the other: {fact:?}");
        before = end;
        let shown = sentence.text.get(start..end);
        prop_assert!(shown.is_some(), "a span cuts a character: {fact:?} in {:?}", sentence.text);
        let finding = findings.get(&fact.finding);
        prop_assert!(finding.is_some(), "no such finding: {fact:?}");
        // What is of a record is in that record.
        if let (Some(shown), Some(finding), Some(at)) = (shown, finding, fact.evidence)
            && PATHS.contains(&fact.path.as_str())
        {
            let record = finding.evidences.get(at as usize);
            let value = record.and_then(|record| record.fields.iter().find(|(path, _)| *path == fact.path));
            prop_assert!(value.is_some_and(|(_, value)| on_one_line(value).contains(shown)), "{fact:?} says {shown:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_fact_traces_to_its_field(
        records in proptest::collection::vec(
            (
                prop_oneof![Just(0u32), Just(1001), Just(1006), Just(1007), Just(1009), Just(2004), Just(3001), Just(3002),
                    Just(3004), Just(4001), Just(4002), Just(4003), Just(6003), Just(201_002), Just(201_004)],
                prop_oneof![Just("low"), Just("medium"), Just("high"), Just("critical")],
                proptest::collection::vec("\\PC{0,40}|[a-z\\n\\t`…é\u{202e}]{0,300}", PATHS.len()),
            ),
            1..6,
        )
    ) {
        let findings: BTreeMap<u32, Finding> = records
            .iter()
            .enumerate()
            .map(|(at, (class, level, values))| (at as u32, finding(*class, level, values, at)))
            .collect();
        let story = story(&findings);
        prop_assert!(!story.headline.text.is_empty());
        prop_assert!(!story.timeline.is_empty());
        let all = [&story.headline]
            .into_iter()
            .chain(&story.why)
            .chain(&story.silent)
            .chain(&story.unseen)
            .chain(story.timeline.iter().map(|moment| &moment.sentence));
        for sentence in all {
            check(sentence, &findings)?;
        }
    }
}
