//! What a run tells to people: the report's parts, the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shieldwall_decode::Assumption;
use shieldwall_decode::clock::AssumedFrom;
use shieldwall_detect::sigma::ir::{Rule, RuleSet};
use shieldwall_schema::finding::Finding;
use shieldwall_schema::{Flag, Place, Reject, Rejection};

use super::drive::{Note, SourceRun};
use super::folded::Folded;
use super::run::{CaseName, Run, hex, name, named};
use super::{Fold, unread_words};
use crate::output::dossier::{Dossier, Findings};
use crate::output::report::{Report, SourceNote, SourceSummary};
use crate::output::story::Told;
use crate::output::{html, text};
use shieldwall_collect::Unread;

/// Findings that a text report holds at once; the rest is folded into its last line.
const REPORT_FINDINGS_MAX: usize = 20_000;

/// Incidents that a text report may list.
const LISTED_INCIDENTS_MAX: usize = 50;

/// Evidence that a text report needs of each finding.
const REPORT_EVIDENCES_MAX: usize = 1;

/// Clocks and hubs that are named.
const NOTES_MAX: usize = 5;

/// Incidents whose techniques are told one by one.
const TECHNIQUE_INCIDENTS_MAX: usize = 1000;

/// The run's findings, named when they are asked for.
struct Named<'a> {
    folded: &'a mut Folded,
    ranked: &'a [SourceRun],
    rules: &'a RuleSet,
    detectors: &'a [Rule],
}

impl Findings for Named<'_> {
    fn len(&self) -> usize {
        self.folded.len()
    }

    fn get(&mut self, at: usize, evidences_max: usize) -> io::Result<Finding> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such finding");
        let parts = self.folded.parts(at, evidences_max)?.ok_or_else(missing)?;
        let source = self.ranked.get(parts.source as usize).ok_or_else(missing)?;
        let rule = named(self.rules, self.detectors, parts.rule).ok_or_else(missing)?;
        Ok(name(parts, source, rule))
    }
}

impl Run {
    /// Writes the report for people.
    ///
    /// # Errors
    /// When `out` fails or the spool cannot be read back.
    pub fn write_text(&mut self, out: &mut dyn Write, options: &text::Options, case: CaseName) -> io::Result<()> {
        let mut words = String::new();
        text::report(&self.report(case)?, options, &mut words);
        out.write_all(words.as_bytes())
    }

    fn report(&mut self, case: CaseName) -> io::Result<Report> {
        // Worst first, so that what is left out of a long list is the mildest.
        let rules = &self.rules;
        let level = |at: &usize| {
            self.folded.rule(*at).and_then(|rule| named(rules, &self.detectors, rule)).map(|rule| rule.level)
        };
        let mut order: Vec<usize> = (0..self.findings()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(level(at)));
        // Incidents speak for the findings; where there are none, findings speak for themselves.
        let incidents = self.listed_incidents()?;
        let left_out = if incidents.is_empty() { order.len().saturating_sub(REPORT_FINDINGS_MAX) } else { 0 };
        order.truncate(if incidents.is_empty() { REPORT_FINDINGS_MAX } else { 0 });
        let mut findings = Vec::new();
        for at in order {
            findings.push(self.finding(at, REPORT_EVIDENCES_MAX)?);
        }
        let mut sources = self.summaries();
        for (count, words) in [
            (left_out as u64, "findings are not in this report; --format jsonl has them all"),
            (self.folded.overflow, "matches belong to findings over the limit of a run and were only counted"),
        ] {
            if count > 0 {
                let note = SourceNote::NotRead(format!("{count} {words}"));
                sources.push(SourceSummary { display: "this report".to_owned(), note, ..SourceSummary::default() });
            }
        }
        let outside: u64 = self.ranked.iter().map(|source| source.tally.outside).sum();
        let outside = (outside > 0).then(|| format!("{outside} records were left out by --since and --until"));
        let unplaced = (self.options.since.is_some() || self.options.until.is_some())
            && self.ranked.iter().any(|source| source.year_unknown);
        let unplaced =
            unplaced.then(|| "logs without a year were read whole, whatever --since and --until say".to_owned());
        let mut incident_counts = [0; 5];
        for incident in &self.correlated.incidents {
            if let Some(count) = incident_counts.get_mut(incident.severity as usize) {
                *count += 1;
            }
        }
        Ok(Report {
            findings,
            incidents,
            incident_counts,
            finding_count: self.folded.len() as u64,
            techniques: self.techniques(),
            sources,
            rules: self.rules.rules.len() as u64,
            refused_rules: self.refusals.iter().map(ToString::to_string).collect(),
            assumptions: outside.into_iter().chain(unplaced).chain(self.correlation_notes()).collect(),
            learned: self.learning_notes(),
            kept: !matches!(case, CaseName::None),
            case: if let CaseName::Named(name) = case { Some(name) } else { None },
        })
    }

    /// Tactic, technique and incident of every rule that fired.
    fn techniques(&self) -> Vec<(String, String, usize)> {
        let mut fired: BTreeSet<(u32, usize)> = BTreeSet::new();
        for (finding, incident) in &self.correlated.finding_incident {
            if (*incident as usize) < TECHNIQUE_INCIDENTS_MAX
                && let Some(rule) = self.folded.rule(*finding as usize)
            {
                fired.insert((rule, *incident as usize + 1));
            }
        }
        let mut out = BTreeSet::new();
        for (rule, incident) in fired {
            let tags = named(&self.rules, &self.detectors, rule).map(|rule| rule.tags.as_slice()).unwrap_or_default();
            out.extend(html::attacks(tags).into_iter().map(|(tactic, technique)| (tactic, technique, incident)));
        }
        out.into_iter().collect()
    }

    /// Gives everything that a report needs to writers.
    ///
    /// # Errors
    /// When the spool cannot be read back, and those of `write`.
    pub fn with_dossier<E: From<io::Error>>(
        &mut self,
        write: impl FnOnce(&Dossier<'_>, &mut dyn Findings) -> Result<(), E>,
    ) -> Result<(), E> {
        let report = self.report(CaseName::None)?;
        let manifest = self.manifest();
        let coverage = self.coverage();
        let Self { folded, ranked, rules, detectors, correlated, .. } = self;
        let dossier = Dossier {
            report: &report,
            manifest: &manifest,
            incidents: &correlated.incidents,
            stories: &report.incidents,
            membership: &correlated.finding_incident,
            coverage: &coverage,
        };
        write(&dossier, &mut Named { folded, ranked, rules, detectors })
    }

    /// What a reader of incidents must know: clocks that disagree, what joined no more, what was left out.
    fn correlation_notes(&self) -> Vec<String> {
        let correlated = &self.correlated;
        let mut notes = Vec::new();
        for skew in correlated.skew.iter().take(NOTES_MAX) {
            let seconds = skew.offset / 1_000_000_000;
            let span = match seconds {
                0..120 => format!("{seconds} s"),
                120..7200 => format!("{} min", seconds / 60),
                _ => format!("{:.1} h", seconds as f64 / 3600.0),
            };
            notes.push(format!(
                "the clock of {} seems {span} ahead of {}'s (told by {} shared traces): times across them may be out of order",
                skew.ahead, skew.behind, skew.entities
            ));
        }
        let hubs: Vec<String> = correlated
            .hubs
            .iter()
            .take(NOTES_MAX)
            .map(|hub| format!("{} {}", hub.entity.kind.word(), hub.entity.id))
            .collect();
        if !hubs.is_empty() {
            let more = correlated.hubs.len().saturating_sub(hubs.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            notes.push(format!("so many hosts share {}{more} that they join no findings", hubs.join(", ")));
        }
        for (count, words) in [
            (
                correlated.entities_left_out,
                "entities were no longer watched for lack of room: what they would have joined stands apart",
            ),
            (
                correlated.episodes_left_out,
                "episodes were no longer watched for lack of room: their further matches began a new line",
            ),
            (self.counts.untimed, "matches have no time, so no correlation rule could count them"),
            (self.counts.ungrouped, "matches lack a field by which a correlation rule groups"),
            (self.counts.valueless, "matches lack the field that a correlation rule counts"),
            (self.counts.cut, "matches belong to more groups than a correlation rule looks at"),
            (self.counts.evicted, "groups of correlation rules were let go for lack of room"),
            (correlated.incidents_left_out, "incidents of least risk were left out for lack of room"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {words}"));
            }
        }
        notes
    }

    /// How much of what is normal is known, and what the budget folded.
    fn learning_notes(&self) -> Vec<String> {
        let Some(learned) = &self.learnt.own else { return Vec::new() };
        let mut notes = Vec::new();
        let logs = self.learnt.logs.iter().filter(|source| source.note == Note::Read).count();
        if logs > 0 {
            let records: u64 = self.learnt.logs.iter().map(|source| source.tally.records).sum();
            let files = if logs == 1 { "1 log was".to_owned() } else { format!("{logs} logs were") };
            notes.push(format!("{files} read only to learn from: {records} records"));
        }
        if learned.coverage > 0.0 {
            notes.push(format!("knows {:.0} % of what is normal in these logs", 100.0 * learned.coverage));
        } else {
            notes.push("too little here to know what is normal: --baseline takes older logs".to_owned());
        }
        if learned.folded > 0 {
            let top: Vec<String> = learned
                .folded_top
                .iter()
                .take(NOTES_MAX)
                .map(|(entity, count)| format!("{} {} {count}", entity.kind.word(), entity.id))
                .collect();
            notes.push(format!(
                "{} more unusual things are not listed (most: {}); --budget raises how many are",
                learned.folded,
                top.join(", ")
            ));
        }
        notes
    }

    /// What was learned from and how well it is known, for the manifest.
    fn learning(&self) -> Value {
        let (Some(learning), Some(learned)) = (&self.options.learning, &self.learnt.own) else { return Value::Null };
        let logs = self.learnt.logs.iter().map(|source| self.input(source, None));
        json!({
            "budget_a_day": learning.settings.budget_a_day,
            "kept": learning.kept.iter().map(|(name, kept)| json!({ "name": name, "sha256": hex(&kept.hash()) }))
                .collect::<Vec<_>>(),
            "logs": logs.collect::<Vec<_>>(),
            "unread": self.learnt.unread.iter().map(unread_words).collect::<Vec<_>>(),
            "coverage": learned.coverage,
            "folded": learned.folded,
            "notes": self.learning_notes(),
        })
    }

    fn listed_incidents(&mut self) -> io::Result<Vec<Told>> {
        let coverage = self.coverage();
        let mut out = Vec::new();
        for at in 0..self.correlated.incidents.len().min(LISTED_INCIDENTS_MAX) {
            let story = self.story(at, &coverage)?.unwrap_or_default();
            if let Some(incident) = self.correlated.incidents.get(at) {
                out.push(Told { incident: incident.clone(), story });
            }
        }
        Ok(out)
    }

    /// Sources in the order in which the inputs were listed.
    fn listed(&self) -> Vec<(usize, &SourceRun)> {
        let mut listed: Vec<(usize, &SourceRun)> = self.ranked.iter().enumerate().collect();
        listed.sort_by_key(|(_, source)| source.order);
        listed
    }

    fn duplicate_name(&self, rank: usize) -> Option<&str> {
        let first = self.duplicate_of.get(rank).copied().flatten()?;
        self.ranked.get(first).map(|source| source.display.as_str())
    }

    fn summaries(&self) -> Vec<SourceSummary> {
        let summary = |(rank, source): (usize, &SourceRun)| SourceSummary {
            display: source.display.clone(),
            format: source.format.to_owned(),
            events: source.tally.records,
            rejected: source
                .tally
                .rejected
                .iter()
                .map(|(reason, count)| (*reason, *count, first_rejection(source, *reason)))
                .collect(),
            flags: source.tally.flags.iter().map(|(flag, (count, _))| (*flag, *count)).collect(),
            assumptions: source.assumptions.iter().map(assumption_words).collect(),
            note: match (&source.note, self.duplicate_name(rank)) {
                (Note::Read, Some(first)) => SourceNote::DuplicateOf(first.to_owned()),
                (Note::Read, None) => SourceNote::Read,
                (Note::Empty, _) => SourceNote::Empty,
                (Note::NonLog(kind), _) => SourceNote::NonLog(kind.clone()),
                (Note::NotRead(words), _) => SourceNote::NotRead(words.clone()),
            },
        };
        let unread = |unread: &Unread| SourceSummary {
            display: unread.path.clone(),
            note: if unread.loses_data {
                SourceNote::NotRead(unread.detail.clone())
            } else {
                SourceNote::NonLog(unread.detail.clone())
            },
            ..SourceSummary::default()
        };
        let own = self.listed().into_iter().map(summary).chain(self.unread.iter().map(unread));
        // Of what was only learned from, what went wrong.
        let troubled =
            |source: &&SourceRun| !source.tally.rejected.is_empty() || matches!(source.note, Note::NotRead(_));
        let logs = self.learnt.logs.iter().filter(troubled).map(|source| summary((usize::MAX, source)));
        let logs = logs.chain(self.learnt.unread.iter().map(unread));
        own.chain(logs.map(|log| SourceSummary { display: format!("baseline {}", log.display), events: 0, ..log }))
            .collect()
    }

    /// The manifest: enough to repeat the run byte for byte, and everything that was skipped. Holds no clock and no
    /// number of threads, so that equal runs have equal manifests.
    pub fn manifest(&self) -> Value {
        let inputs: Vec<Value> =
            self.listed().into_iter().map(|(rank, source)| self.input(source, self.duplicate_name(rank))).collect();
        let mut packs: Vec<&str> = self.rules.rules.iter().map(|rule| rule.pack.as_str()).collect();
        packs.sort_unstable();
        packs.dedup();
        let mut set = Sha256::new();
        self.rules.rules.iter().for_each(|rule| set.update(&rule.hash));
        let time = |time: Option<shieldwall_schema::Timestamp>| time.map(|time| time.to_string());
        json!({
            "shieldwall": env!("CARGO_PKG_VERSION"),
            "asked": self.asked,
            "options": {
                "since": time(self.options.since),
                "until": time(self.options.until),
                "evidence": if self.options.fold == Fold::ByRecord { "all" } else { "first" },
                "assume_year": self.options.times.year,
                "assume_tz": self.options.times.zone.as_ref().map(ToString::to_string),
            },
            "learning": self.learning(),
            "inputs": inputs,
            "unread": self.unread.iter().map(unread_words).collect::<Vec<_>>(),
            "rules": {
                "count": self.rules.rules.len(),
                "sha256": hex(&set.finalize()),
                "packs": packs.iter().map(|pack| if pack.is_empty() { "built-in" } else { pack }).collect::<Vec<_>>(),
                "refused": self.refusals.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "notes": self.skipped.iter().map(ToString::to_string).collect::<Vec<_>>(),
            },
            "hosts": self.folded.hosts.iter().map(|(host, seen)| json!({
                "host": host,
                "records_with_findings": seen.records,
                "first": time(seen.first),
                "last": time(seen.last),
            })).collect::<Vec<_>>(),
            "coverage": self.coverage(),
            "incidents": self.correlated.incidents.len(),
            "incident_notes": self.correlation_notes(),
            "findings": self.findings(),
            "findings_over_limit": self.folded.overflow,
            "hosts_over_limit": self.folded.hosts_overflow,
        })
    }

    fn input(&self, source: &SourceRun, duplicate_of: Option<&str>) -> Value {
        let (status, words) = match &source.note {
            Note::Read => ("read", None),
            Note::Empty => ("empty", None),
            Note::NonLog(kind) => ("no_log", Some(kind)),
            Note::NotRead(words) => ("not_read", Some(words)),
        };
        json!({
            "path": source.display,
            "status": status,
            "detail": words,
            "format": source.format,
            "bytes": source.bytes,
            "sha256": source.sha256.map(|hash| hex(&hash)),
            "duplicate_of": duplicate_of,
            "records": source.tally.records,
            "wanted_records_outside_window": source.tally.outside,
            "matches": source.tally.matches,
            "rejected": source.tally.rejected.iter().map(|(reason, count)| (reason.name(), *count))
                .collect::<BTreeMap<_, _>>(),
            "rejections": source.tally.rejections.iter().map(|((place, reason), detail)| json!({
                "offset": place.offset, "record": place.record, "reason": reason.name(), "detail": detail,
            })).collect::<Vec<_>>(),
            "flags": source.tally.flags.iter().map(|(flag, (count, place)): (&Flag, _)| json!({
                "flag": flag.name(), "count": count, "first_offset": place.offset,
            })).collect::<Vec<_>>(),
            "assumptions": source.assumptions,
        })
    }
}

fn first_rejection(source: &SourceRun, reason: Reject) -> Rejection {
    let listed = source.tally.rejections.iter().find(|((_, found), _)| *found == reason);
    let (place, detail) = listed.map_or((Place::offset(0), ""), |((place, _), detail)| (*place, detail.as_str()));
    Rejection { place, reason, detail: detail.to_owned() }
}

fn assumption_words(assumption: &Assumption) -> String {
    let because = |from: &AssumedFrom| match from {
        AssumedFrom::Flag => "you said so",
        AssumedFrom::Neighbours => "its neighbours say so",
        AssumedFrom::Default => "nothing says otherwise",
    };
    match assumption {
        Assumption::Year { from: AssumedFrom::Default, .. } => {
            "its lines have no year and nothing tells it: say --assume-year".to_owned()
        }
        Assumption::Year { year, from, .. } => format!("year of its last line {year}: {}", because(from)),
        Assumption::Zone { zone, from } => format!("zone {zone}: {}", because(from)),
    }
}
