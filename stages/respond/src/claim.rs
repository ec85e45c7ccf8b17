//! What speaks for acting on an incident's addresses without a person: read from its findings, never from what they say in words.
//!
//! The actuator believes none of it alone ([`crate::level`]); what is not known is left out, and then a person is asked.

use shieldwall_schema::finding::Finding;
use shieldwall_schema::incident::Incident;

use crate::acquaintance::Acquaintances;
use crate::level::{Claim, Seen};
use crate::net::Net;

/// Nanoseconds of a day.
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// OCSF paths in which an address stands that some record is about.
const PATHS: [&str; 2] = ["src_endpoint.ip", "dst_endpoint.ip"];

/// Whether whoever wrote a record's field had it from the transport: for a finding and an OCSF path.
pub type Vouches<'v> = dyn Fn(&Finding, &str) -> bool + 'v;

/// What speaks for acting on `targets`. Linear in the evidence of the findings.
pub fn of(
    targets: &[Net],
    incident: &Incident,
    findings: &[&Finding],
    known: &Acquaintances,
    vouches: &Vouches<'_>,
) -> Claim {
    let mut odds: Vec<Option<f64>> = vec![None; targets.len()];
    let mut seen: Vec<Seen> = targets
        .iter()
        .map(|target| Seen {
            target: *target,
            verified: false,
            sensors: Vec::new(),
            families: Vec::new(),
            // At any time, also since the incident began: its beginning is a time of log lines, and they may be back-dated.
            sessions: known.tells(incident.first).then(|| known.before(*target, None).map_or(0, |one| one.sessions)),
        })
        .collect();
    for finding in findings {
        let family = if finding.analytic.is_learned() { "learned" } else { "rule" };
        for (one, p) in seen.iter_mut().zip(&mut odds) {
            let paths: Vec<&str> = finding
                .evidences
                .iter()
                .flat_map(|evidence| &evidence.fields)
                .filter(|(name, value)| {
                    PATHS.contains(&name.as_str()) && value.parse::<Net>().is_ok_and(|net| net == one.target)
                })
                .map(|(name, _)| name.as_str())
                .collect();
            // What stands where anybody can write it speaks for nothing: no sensor, no family, no odds.
            if !paths.iter().any(|path| vouches(finding, path)) {
                continue;
            }
            one.verified = true;
            add(&mut one.sensors, &finding.format);
            add(&mut one.families, family);
            if let Some(anomaly) = &finding.anomaly {
                *p = Some(p.map_or(anomaly.p_value, |p: f64| p.min(anomaly.p_value)));
            }
        }
    }
    // One target's odds do not speak for another's.
    let p = odds.into_iter().reduce(|one, other| Some(one?.max(other?))).flatten();
    let history =
        incident.first.zip(known.since()).map_or(0, |(began, since)| began.nanos().saturating_sub(since.nanos()));
    Claim { seen, p, history_days: u32::try_from(history / DAY_NANOS).unwrap_or(0) }
}

fn add(list: &mut Vec<String>, word: &str) {
    if !list.iter().any(|known| known == word) {
        list.push(word.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approve::BY_POLICY;
    use crate::level::{Level, decide};
    use crate::plan::{Plan, Step};
    use crate::policy::Auto;
    use shieldwall_schema::Timestamp;
    use shieldwall_schema::finding::{Analytic, Anomaly, Evidence};
    use shieldwall_schema::{EntityKind, Place};

    const HIM: &str = "203.0.113.9";

    fn finding(uid: &str, format: &str, path: &str, address: &str) -> Finding {
        let evidence = Evidence {
            time: None,
            time_text: None,
            place: Place::offset(0),
            host: None,
            fields: vec![(path.to_owned(), address.to_owned()), ("message".to_owned(), format!("from {HIM}"))],
            reasons: vec![],
        };
        Finding {
            uid: uid.to_owned(),
            analytic: Analytic { uid: uid.to_owned(), ..Analytic::default() },
            event_class: 3002,
            source: "log".into(),
            sha256: None,
            format: format.to_owned(),
            count: 1,
            first: None,
            last: None,
            year_unknown: false,
            hosts: vec![],
            evidences: vec![evidence],
            anomaly: uid.starts_with(shieldwall_schema::finding::LEARNED_PREFIX).then(|| Anomaly {
                score: 20.0,
                p_value: 1e-6,
                parts: vec![],
                normal: String::new(),
            }),
        }
    }

    fn incident() -> Incident {
        Incident {
            uid: "i".into(),
            aliases: vec![],
            key: EntityKind::Address,
            severity: shieldwall_schema::incident::Severity::High,
            risk: 1.0,
            first: Some(Timestamp::from_seconds(40 * 86_400, 0).unwrap()),
            last: None,
            members: vec![],
            members_left_out: 0,
            sightings: 1,
            involved: vec![],
            involved_left_out: 0,
            tactics: vec![],
            techniques: vec![],
        }
    }

    fn level(findings: &[Finding], known: &Acquaintances) -> String {
        let targets = vec![HIM.parse().unwrap()];
        let all: Vec<&Finding> = findings.iter().collect();
        let claim = of(&targets, &incident(), &all, known, &|_, path| path == "src_endpoint.ip");
        let step = Step::Block { targets, ports: vec![], seconds: 600 };
        let plan = Plan { incident: "i".into(), host: None, step, findings: vec![], made_ms: 0 };
        let policy = Auto { verbs: vec!["block".into()], seconds: 3600, p: 0.001, per_hour: 5, never: vec![] };
        match decide(&plan, &claim, Some(&policy), &[], 0) {
            Level::Ask(why) => why.join("; "),
            Level::AutoReversible => BY_POLICY.to_owned(),
        }
    }

    #[test]
    fn two_sensors_two_families_and_history_act_and_a_written_line_never_does() {
        let learned = format!("{}x", shieldwall_schema::finding::LEARNED_PREFIX);
        let mut known = Acquaintances::default();
        known.meet("198.51.100.1".parse().unwrap(), "anna", None, Timestamp::from_seconds(86_400, 0), 1);
        let rule = || finding("rule", "syslog", "src_endpoint.ip", HIM);
        let model = || finding(&learned, "zeek", "src_endpoint.ip", HIM);
        assert_eq!(level(&[rule(), model()], &known), BY_POLICY);
        for (findings, asked) in [
            // Whatever stands in a message names nobody.
            (
                vec![finding("rule", "syslog", "message", HIM), finding(&learned, "zeek", "url", HIM)],
                "attacker can write",
            ),
            // One sound record does not lend its soundness to what an attacker wrote himself.
            (vec![rule(), finding(&learned, "zeek", "dst_endpoint.ip", HIM)], "one sensor"),
            (vec![rule(), finding(&learned, "zeek", "dst_endpoint.ip", HIM)], "odds"),
            (
                vec![
                    finding("rule", "syslog", "dst_endpoint.ip", HIM),
                    finding(&learned, "zeek", "dst_endpoint.ip", HIM),
                ],
                "attacker can write",
            ),
            (vec![rule(), finding(&learned, "syslog", "src_endpoint.ip", HIM)], "one sensor"),
            (vec![rule(), finding("other", "zeek", "src_endpoint.ip", HIM)], "one family"),
            (vec![rule(), finding("other", "zeek", "src_endpoint.ip", HIM)], "odds"),
            (vec![], "one sensor"),
        ] {
            let why = level(&findings, &known);
            assert!(why.contains(asked), "{why} / {asked}");
        }
        assert!(level(&[rule(), model()], &Acquaintances::default()).contains("0 days of history"));
        known.meet(HIM.parse().unwrap(), "ben", None, Timestamp::from_seconds(2 * 86_400, 0), 3);
        assert!(level(&[rule(), model()], &known).contains("3 legitimate sessions"));
    }
}
