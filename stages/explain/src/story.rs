//! The whole story of one incident: headline, why, timeline, processes, what would have kept it silent, what was not seen.

use std::collections::{BTreeMap, BTreeSet};

use shieldwall_schema::EntityKind;
use shieldwall_schema::finding::{Evidence, Finding};
use shieldwall_schema::incident::{Incident, Member, Severity};
use shieldwall_schema::ocsf::attack;
use shieldwall_schema::story::{HostCoverage, Moment, Sentence, Story};

use crate::because::{because, is_correlation, is_steps, silent, title};
use crate::happening::happening;
use crate::sentence::{From, Words, inside, thousands};
use crate::tree::processes;
use crate::unseen::unseen;

/// Moments of one story; the rest is counted. More than this nobody reads as a story.
pub const MOMENTS_MAX: usize = 60;
/// Rules whose reasons are told.
pub const WHY_MAX: usize = 3;
/// How far apart two logs tell of one act, in nanoseconds: both write it at once, and clocks of one host agree.
const SAME_ACT: i64 = 5_000_000_000;
/// Moments looked back at for the same act.
const SAME_ACT_MOMENTS: usize = 8;
/// Entities that are named as shared.
const SHARED_MAX: usize = 4;

/// What a story is told from.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// The findings of its members, by number, each with its evidence.
    pub findings: &'a BTreeMap<u32, Finding>,
    /// What was recorded on which host.
    pub coverage: &'a [HostCoverage],
    /// Records read in all.
    pub records: u64,
}

/// Tells an incident. Linear in its members and their evidence.
pub fn tell(telling: &Telling<'_>) -> Story {
    let members: Vec<Told<'_>> = telling.incident.members.iter().filter_map(|member| told(telling, member)).collect();
    let mut moments = moments(&members);
    let moments_left_out = moments.len().saturating_sub(MOMENTS_MAX) as u64 + telling.incident.members_left_out;
    if moments.len() > MOMENTS_MAX {
        // The gravest stay; then the order of time again.
        moments.sort_by_key(|moment| (std::cmp::Reverse(moment.severity), moment.time));
        moments.truncate(MOMENTS_MAX);
        moments.sort_by_key(|moment| (moment.time, moment.finding));
    }
    let records = members.iter().flat_map(|told| {
        let own = move |evidence: &&Evidence| told.evidence.is_none() || is_of(told.member, evidence);
        told.finding.evidences.iter().filter(own).map(|evidence| (told.member.finding, evidence))
    });
    let hosts: Vec<&str> = involved(telling.incident, EntityKind::Host).collect();
    let first = telling.incident.members.first().map_or(0, |member| member.finding);
    Story {
        incident: telling.incident.uid.clone(),
        headline: headline(telling, &members),
        why: why(telling, &members),
        timeline: moments,
        moments_left_out,
        processes: processes(records),
        silent: silences(&members),
        unseen: unseen(first, &hosts, telling.coverage),
        // The program adds it: a story tells what was seen.
        outlook: None,
        remedies: Vec::new(),
    }
}

/// A member with what it is told from.
struct Told<'a> {
    member: &'a Member,
    finding: &'a Finding,
    severity: Severity,
    /// The first kept piece of evidence of this member, and its number in the finding.
    evidence: Option<(u32, &'a Evidence)>,
}

impl Told<'_> {
    fn from(&self) -> From {
        From { finding: self.member.finding, evidence: self.evidence.map(|(at, _)| at) }
    }

    fn whole(&self) -> From {
        From { finding: self.member.finding, evidence: None }
    }
}

fn told<'a>(telling: &Telling<'a>, member: &'a Member) -> Option<Told<'a>> {
    let finding = telling.findings.get(&member.finding)?;
    let correlation = is_correlation(finding);
    let evidence = finding.evidences.iter().enumerate().find(|(_, evidence)| correlation || is_of(member, evidence));
    Some(Told {
        member,
        finding,
        severity: Severity::of_level(&finding.analytic.level),
        evidence: evidence.map(|(at, evidence)| (at as u32, evidence)),
    })
}

/// Whether a piece of a finding's evidence belongs to this member: its host, within its time.
fn is_of(member: &Member, evidence: &Evidence) -> bool {
    let host = evidence.host.as_deref().and_then(shieldwall_schema::entity::host_id);
    let within = match (evidence.time, member.first, member.last) {
        (Some(time), Some(first), Some(last)) => first <= time && time <= last,
        (None, None, _) => true,
        _ => false,
    };
    host == member.host && within
}

fn involved(incident: &Incident, kind: EntityKind) -> impl Iterator<Item = &str> {
    incident.involved.iter().filter(move |one| one.entity.kind == kind).map(|one| one.entity.id.as_str())
}

/// `Password guessing on ssh succeeded, then a web server account started a shell, on web01 and 1 more host`
fn headline(telling: &Telling<'_>, members: &[Told<'_>]) -> Sentence {
    let mut words = Words::default();
    let worst = members.iter().map(|told| told.severity).max().unwrap_or_default();
    let floor = worst.min(Severity::Medium);
    let begin = members.iter().find(|told| told.severity >= floor);
    let Some(begin) = begin else {
        words.say("Findings that belong together");
        return words.finish();
    };
    words.fact(begin.whole(), "analytic.name", title(begin.finding));
    // The end of the story is its gravest moment, the latest of those.
    let end = members.iter().rev().find(|told| told.severity == worst && told.member.rule != begin.member.rule);
    if let Some(end) = end {
        words.say(", then ").fact(end.whole(), "analytic.name", &inside(title(end.finding)));
    }
    let hosts: Vec<&str> = involved(telling.incident, EntityKind::Host).collect();
    let host = begin.member.host.as_deref().or(hosts.first().copied());
    if let Some(host) = host {
        words.say(" on ").fact(begin.from(), "device.hostname", host);
        // Hosts where something was found, not those that are only spoken of.
        let on: BTreeSet<&str> = members.iter().filter_map(|told| told.member.host.as_deref()).collect();
        let more = on.iter().filter(|other| **other != host).count();
        if more > 0 {
            words.say(&format!(" and {more} more {}", if more == 1 { "host" } else { "hosts" }));
        }
    }
    words.finish()
}

fn why(telling: &Telling<'_>, members: &[Told<'_>]) -> Vec<Sentence> {
    let mut out = Vec::new();
    let mut order: Vec<&Told<'_>> = members.iter().collect();
    order.sort_by_key(|told| std::cmp::Reverse(told.severity));
    let mut rules = BTreeSet::new();
    for told in order.into_iter().filter(|told| rules.insert(told.member.rule)).take(WHY_MAX) {
        let mut words = Words::default();
        words.fact(told.whole(), "analytic.name", title(told.finding)).say(": ");
        let evidence = told.evidence.map(|(_, evidence)| evidence).or(told.finding.evidences.first());
        if !evidence.is_some_and(|evidence| because(&mut words, told.from(), evidence)) {
            words.say("every record of this kind matches");
        }
        words.say(" (").fact(told.whole(), "count", &thousands(told.finding.count));
        let said =
            if told.finding.anomaly.is_some() { "records read are of this" } else { "records read match this rule" };
        let records = format!(" of {} {said})", thousands(telling.records));
        words.say(&records);
        out.push(words.finish());
    }
    if let Some(sentence) = shared(telling.incident) {
        out.push(sentence);
    }
    if telling.incident.tactics.len() > 1 {
        let mut words = Words::default();
        let first = telling.incident.members.first().map_or(0, |member| member.finding);
        words.say(&format!("it goes through {} stages of an attack: ", telling.incident.tactics.len()));
        for (at, (tactic, _)) in telling.incident.tactics.iter().enumerate() {
            words.say(if at == 0 { "" } else { " → " });
            words.fact(From { finding: first, evidence: None }, "attacks.tactic.name", &tactic_name(tactic));
        }
        out.push(words.finish());
    }
    out
}

/// `Credential Access` for `credential-access`.
fn tactic_name(tactic: &str) -> String {
    match attack::tag(&format!("attack.{tactic}")) {
        Some(attack::AttackTag::Tactic { name, .. }) => name.to_owned(),
        _ => tactic.to_owned(),
    }
}

/// What joins the members: the entities by which they came in.
fn shared(incident: &Incident) -> Option<Sentence> {
    let mut joined: BTreeMap<(EntityKind, &str), (u64, &Member)> = BTreeMap::new();
    for member in &incident.members {
        if let Some(entity) = &member.joined_by {
            joined.entry((entity.kind, entity.id.as_str())).or_insert((0, member)).0 += 1;
        }
    }
    if joined.is_empty() {
        return None;
    }
    let mut joined: Vec<_> = joined.into_iter().collect();
    // Numbers of processes and sessions say little to a reader where a name says the same.
    let is_name = |kind: EntityKind| !matches!(kind, EntityKind::Process | EntityKind::Session);
    if joined.iter().any(|((kind, _), _)| is_name(*kind)) {
        joined.retain(|((kind, _), _)| is_name(*kind));
    }
    joined.sort_by_key(|((kind, id), (count, _))| (std::cmp::Reverse(*count), *kind, *id));
    let more = joined.len().saturating_sub(SHARED_MAX);
    let mut words = Words::default();
    words.say("these findings belong together: ");
    for (at, ((kind, id), (_, member))) in joined.iter().take(SHARED_MAX).enumerate() {
        words.say(if at == 0 { "same " } else { ", same " }).say(kind.word()).say(" ");
        words.fact(From { finding: member.finding, evidence: None }, path_of(*kind), id);
    }
    if more > 0 {
        words.say(&format!(", and {more} more"));
    }
    Some(words.finish())
}

fn path_of(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Host => "device.hostname",
        EntityKind::User => "actor.user.name",
        EntityKind::Session => "session.uid",
        EntityKind::Process => "process.uid",
        EntityKind::Address => "src_endpoint.ip",
        EntityKind::Hash => "file.hashes.value",
        EntityKind::Connection => "connection_info.community_uid",
        EntityKind::Domain => "query.hostname",
    }
}

fn moments(members: &[Told<'_>]) -> Vec<Moment> {
    let mut moments: Vec<Moment> = members
        .iter()
        .map(|told| {
            let mut words = Words::default();
            words.fact(told.whole(), "analytic.name", title(told.finding));
            let correlation = is_correlation(told.finding);
            if let Some((_, evidence)) = told.evidence {
                let mut clause = Words::default();
                let class = told.finding.event_class;
                let told_something = (!correlation && happening(&mut clause, told.from(), class, evidence))
                    || because(&mut clause, told.from(), evidence);
                if told_something {
                    words.say(": ");
                    words.append(clause);
                }
            }
            let techniques = told.finding.analytic.tags.iter().filter_map(|tag| match attack::tag(tag) {
                Some(attack::AttackTag::Technique(id)) => Some(id.sub_technique().unwrap_or_else(|| id.technique())),
                _ => None,
            });
            // One match of a correlation is many records.
            let (first, last, count) = match correlation {
                // Steps have happened when the last has.
                true if is_steps(told.finding) => (told.finding.last, told.finding.last, 1),
                true => (told.finding.first, told.finding.last, told.finding.count),
                false => (told.member.first, told.member.last, told.member.count),
            };
            Moment {
                time: first,
                until: last.filter(|last| Some(*last) != first),
                host: told.evidence.and_then(|(_, evidence)| evidence.host.clone()).or(told.member.host.clone()),
                severity: told.severity,
                count,
                sentence: words.finish(),
                techniques: techniques.collect(),
                finding: told.member.finding,
            }
        })
        .collect();
    moments.sort_by_key(|moment| (moment.time, moment.finding));
    fold(moments)
}

/// One act that several logs tell of is one moment: the same title on the same host, at most [`SAME_ACT`] apart.
fn fold(moments: Vec<Moment>) -> Vec<Moment> {
    let mut out: Vec<Moment> = Vec::new();
    for moment in moments {
        let title = |moment: &Moment| {
            let end = moment.sentence.facts.first().map_or(0, |fact| fact.span.1 as usize);
            moment.sentence.text.get(..end).unwrap_or_default().to_owned()
        };
        let near = |before: &Moment| match (before.time, moment.time) {
            (Some(a), Some(b)) => b.nanos().saturating_sub(a.nanos()) <= SAME_ACT,
            _ => false,
        };
        let same = out.iter_mut().rev().take(SAME_ACT_MOMENTS).find(|before| {
            before.host == moment.host
                && near(before)
                && title(before) == title(&moment)
                && before.finding != moment.finding
        });
        match same {
            Some(before) => {
                before.count = before.count.max(moment.count);
                before.until = before.until.max(moment.until);
            }
            None => out.push(moment),
        }
    }
    out
}

/// What would have kept the gravest findings silent.
fn silences(members: &[Told<'_>]) -> Vec<Sentence> {
    let worst = members.iter().map(|told| told.severity).max().unwrap_or_default();
    let mut rules = BTreeSet::new();
    let grave = members.iter().filter(|told| told.severity == worst && rules.insert(told.member.rule));
    let sentences = grave.take(WHY_MAX).filter_map(|told| {
        let mut words = Words::default();
        let from = From { finding: told.member.finding, evidence: Some(0) };
        silent(&mut words, from, told.finding).then(|| words.finish())
    });
    sentences.collect()
}
