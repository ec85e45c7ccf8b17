//! What a scan gives: findings with names and ids, the report, the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shieldwall_collect::Unread;
use shieldwall_correlate::{self as correlate, Correlate, Correlated};
use shieldwall_decode::Assumption;
use shieldwall_decode::clock::AssumedFrom;
use shieldwall_detect::sigma::ir::{Rule, RuleSet};
use shieldwall_detect::sigma::load::{Refusal, Skipped};
use shieldwall_explain::{Telling, tell};
use shieldwall_schema::finding::{Analytic, Finding};
use shieldwall_schema::incident::{RuleFacts, Severity};
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::story::{HostCoverage, Story};
use shieldwall_schema::{Flag, Mappings, Place, Reject, Rejection};

use super::drive::{Driven, Note, SourceRun};
use super::spill::Spill;
use super::stateful::{self, EVIDENCES_MAX, Folded, Parts};
use super::{Fold, LineOptions, unread_words};
use crate::output::incident::{self, MemberFacts};
use crate::output::report::{Report, SourceNote, SourceSummary, Totals};
use crate::output::story::{self, Told};
use crate::output::{jsonl, text};

/// Findings that a text report holds at once; the rest is folded into its last line.
const REPORT_FINDINGS_MAX: usize = 20_000;

/// Incidents that come with their stories in JSON; the rest can be told by `show`.
const STORIES_MAX: usize = 1000;

/// Incidents that a text report may list.
const LISTED_INCIDENTS_MAX: usize = 50;

/// Evidence of each finding that a story is told from.
const STORY_EVIDENCES_MAX: usize = 20;

/// Clocks and hubs that are named.
const NOTES_MAX: usize = 5;

/// Hosts whose telemetry is told.
const COVERAGE_HOSTS_MAX: usize = 10_000;

/// Evidence that a text report needs of each finding.
const REPORT_EVIDENCES_MAX: usize = 1;

/// Where `show` will find the findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseName {
    /// Nowhere.
    None,
    /// In the data directory.
    Latest,
    /// In a folder, as the user named it.
    Named(String),
}

/// A finished scan.
pub struct Run {
    folded: Folded,
    /// Sources in the order of their ranks: by content hash, then by where they stood.
    ranked: Vec<SourceRun>,
    /// For each rank, the rank of an earlier source with the same content.
    duplicate_of: Vec<Option<usize>>,
    unread: Vec<Unread>,
    rules: Arc<RuleSet>,
    /// The rules as findings name them.
    analytics: Vec<Analytic>,
    mappings: Arc<Mappings>,
    refusals: Vec<Refusal>,
    skipped: Vec<Skipped>,
    options: LineOptions,
    correlated: Correlated,
    /// What the user asked for, for the manifest.
    pub asked: Value,
}

impl Run {
    /// Orders what A left and runs B over it.
    pub(super) fn finish(
        driven: Driven,
        spill: Spill,
        walk_unread: Vec<Unread>,
        (rules, mappings): (Arc<RuleSet>, Arc<Mappings>),
        refusals: Vec<Refusal>,
        skipped: Vec<Skipped>,
        options: &LineOptions,
    ) -> io::Result<Self> {
        let Driven { sources, unread } = driven;
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|at| sources.get(*at).map(|source| (source.sha256, source.order)));
        let mut rank = vec![0u32; sources.len()];
        for (place, at) in order.iter().enumerate() {
            if let Some(rank) = rank.get_mut(*at) {
                *rank = place as u32;
            }
        }
        let mut slots: Vec<Option<SourceRun>> = sources.into_iter().map(Some).collect();
        let ranked: Vec<SourceRun> = order.iter().filter_map(|at| slots.get_mut(*at).and_then(Option::take)).collect();
        let mut first: Option<usize> = None;
        let duplicate_of: Vec<Option<usize>> = (0..ranked.len())
            .map(|at| {
                let hash = ranked.get(at).and_then(|source| source.sha256.filter(|_| source.bytes > 0));
                let same = first
                    .filter(|first| hash.is_some() && ranked.get(*first).is_some_and(|earlier| earlier.sha256 == hash));
                if same.is_none() {
                    first = Some(at);
                }
                same
            })
            .collect();
        let canonical: Vec<bool> = duplicate_of.iter().map(Option::is_none).collect();
        // Rules and nothing else: without hashes nothing is known of who a record speaks of.
        let mut correlate = options.hashed.then(|| Correlate::new(facts(&rules), correlate::Limits::default()));
        let folded = stateful::fold(spill.sorted(&rank)?, &canonical, options.fold, &mut |sighting| {
            if let Some(correlate) = &mut correlate {
                correlate.observe(sighting);
            }
        })?;
        let uid = |at: u32| {
            let group = folded.first_of(at as usize);
            let named = group.and_then(|(source, rule, offset)| {
                let (source, rule) = (ranked.get(source as usize)?, rules.rules.get(rule as usize)?);
                Some(finding_uid(rule, source, offset, None))
            });
            named.unwrap_or_default()
        };
        let correlated = correlate.map(|correlate| correlate.finish(&uid)).unwrap_or_default();
        let unread = walk_unread.into_iter().chain(unread.into_iter().map(|(_, unread)| unread)).collect();
        Ok(Self {
            folded,
            ranked,
            duplicate_of,
            unread,
            analytics: if correlated.incidents.is_empty() {
                Vec::new()
            } else {
                rules.rules.iter().map(analytic).collect()
            },
            rules,
            mappings,
            refusals,
            skipped,
            options: options.clone(),
            correlated,
            asked: Value::Null,
        })
    }

    /// How many findings there are.
    pub fn findings(&self) -> usize {
        self.folded.len()
    }

    /// How many records were read.
    pub fn records(&self) -> u64 {
        self.ranked.iter().map(|source| source.tally.records).sum()
    }

    /// Whether something was not looked at: unreadable or corrupt data, a limit, a refused rule, a capture.
    pub fn partial(&self) -> bool {
        self.unread.iter().any(|unread| unread.loses_data)
            || !self.refusals.is_empty()
            || self.folded.overflow > 0
            || self.ranked.iter().any(|source| {
                !source.tally.rejected.is_empty()
                    || source.tally.flags.keys().any(|flag| flag.loses_data())
                    || matches!(source.note, Note::NotRead(_))
            })
    }

    /// The finding at a place in the order of first matches, with at most `evidences_max` pieces of evidence.
    ///
    /// # Errors
    /// When the spool cannot be read back.
    pub fn finding(&mut self, at: usize, evidences_max: usize) -> io::Result<Finding> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such finding");
        let parts = self.folded.parts(at, evidences_max)?.ok_or_else(missing)?;
        let source = self.ranked.get(parts.source as usize).ok_or_else(missing)?;
        let rule = self.rules.rules.get(parts.rule as usize).ok_or_else(missing)?;
        Ok(name(parts, source, rule))
    }

    /// Writes every finding as a line of OCSF JSON, in the order of first matches.
    ///
    /// # Errors
    /// When `out` fails or the spool cannot be read back.
    pub fn write_findings(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut writer = jsonl::Writer::default();
        let mut line = String::new();
        for at in 0..self.findings() {
            let finding = self.finding(at, EVIDENCES_MAX)?;
            line.clear();
            writer.line_of(&finding, self.incidents_of(at as u32), &mut line);
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// Ids of the incidents that a finding's matches went to.
    fn incidents_of(&self, finding: u32) -> impl Iterator<Item = &str> {
        let pairs = &self.correlated.finding_incident;
        let from = pairs.partition_point(|(at, _)| *at < finding);
        let own = pairs.get(from..).unwrap_or_default().iter().take_while(move |(at, _)| *at == finding);
        own.filter_map(|(_, incident)| self.correlated.incidents.get(*incident as usize)).map(|one| one.uid.as_str())
    }

    /// Writes every incident as a line of OCSF JSON, worst first. The first [`STORIES_MAX`] come with their stories.
    ///
    /// # Errors
    /// When `out` fails or the spool cannot be read back.
    pub fn write_incidents(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let coverage = self.coverage();
        let mut line = String::new();
        for at in 0..self.correlated.incidents.len() {
            let story = if at < STORIES_MAX { self.story(at, &coverage)? } else { None };
            let Some(incident) = self.correlated.incidents.get(at) else { continue };
            line.clear();
            let facts = |finding: u32| {
                let (source, rule, offset) = self.folded.first_of(finding as usize)?;
                let source = self.ranked.get(source as usize)?;
                let uid = finding_uid(self.rules.rules.get(rule as usize)?, source, offset, None);
                Some(MemberFacts { uid, analytic: self.analytics.get(rule as usize)? })
            };
            incident::line(incident, story.as_ref(), &facts, &mut line);
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// The story of an incident, by its place among the incidents.
    fn story(&mut self, at: usize, coverage: &[HostCoverage]) -> io::Result<Option<Story>> {
        let Some(incident) = self.correlated.incidents.get(at).cloned() else { return Ok(None) };
        let mut findings = BTreeMap::new();
        for number in story::findings(&incident) {
            findings.insert(number, self.finding(number as usize, STORY_EVIDENCES_MAX)?);
        }
        let telling = Telling { incident: &incident, findings: &findings, coverage, records: self.records() };
        Ok(Some(tell(&telling)))
    }

    /// What was recorded on which host: the kinds of records in the sources that speak of it.
    pub fn coverage(&self) -> Vec<HostCoverage> {
        let mut kinds: Vec<(BTreeSet<String>, &str)> = Vec::new();
        for source in &self.ranked {
            let buckets = source.kinds.iter().filter_map(|kind| self.mappings.get(*kind));
            let mut names = BTreeSet::new();
            let mut product = "";
            for bucket in buckets {
                let parts = [&bucket.logsource.category, &bucket.logsource.service];
                names.extend(parts.into_iter().filter(|part| !part.is_empty()).cloned());
                if product.is_empty() {
                    product = &bucket.logsource.product;
                }
            }
            kinds.push((names, product));
        }
        let mut out: Vec<HostCoverage> = Vec::new();
        for (host, seen) in self.folded.hosts.iter().take(COVERAGE_HOSTS_MAX) {
            let own = seen.sources.iter().filter_map(|source| kinds.get(*source as usize));
            let mut all = BTreeSet::new();
            let mut product = "";
            for (names, named) in own {
                all.extend(names.iter().cloned());
                if product.is_empty() {
                    product = named;
                }
            }
            out.push(HostCoverage {
                host: host.clone(),
                product: product.to_owned(),
                kinds: all.into_iter().collect(),
                records: seen.records,
                first: seen.first,
                last: seen.last,
            });
        }
        out
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// When `out` fails or the spool cannot be read back.
    pub fn write_text(&mut self, out: &mut dyn Write, options: &text::Options, case: CaseName) -> io::Result<()> {
        // Worst first, so that what is left out of a long list is the mildest.
        let rules = &self.rules;
        let level =
            |at: &usize| self.folded.rule(*at).and_then(|rule| rules.rules.get(rule as usize)).map(|rule| rule.level);
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
        let report = Report {
            findings,
            incidents,
            incident_counts,
            finding_count: self.folded.len() as u64,
            sources,
            rules: self.rules.rules.len() as u64,
            refused_rules: self.refusals.iter().map(ToString::to_string).collect(),
            assumptions: outside.into_iter().chain(unplaced).chain(self.correlation_notes()).collect(),
            kept: !matches!(case, CaseName::None),
            case: if let CaseName::Named(name) = case { Some(name) } else { None },
        };
        let mut words = String::new();
        text::report(&report, options, &mut words);
        out.write_all(words.as_bytes())
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
            (correlated.incidents_left_out, "incidents of least risk were left out for lack of room"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {words}"));
            }
        }
        notes
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

    /// Figures that differ from machine to machine, for standard error.
    pub fn totals(&self, seconds: f64) -> Totals {
        let kinds: BTreeSet<&str> =
            self.ranked.iter().map(|source| source.format).filter(|format| !format.is_empty()).collect();
        Totals {
            events: self.ranked.iter().map(|source| source.tally.records).sum(),
            files: self.ranked.len() as u64,
            kinds: kinds.len() as u64,
            bytes: self.ranked.iter().map(|source| source.bytes).sum(),
            seconds,
        }
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
        self.listed().into_iter().map(summary).chain(self.unread.iter().map(unread)).collect()
    }

    /// The manifest: enough to repeat the run byte for byte, and everything that was skipped. Holds no clock and no
    /// number of threads, so that equal runs have equal manifests.
    pub fn manifest(&self) -> Value {
        let inputs: Vec<Value> = self.listed().into_iter().map(|(rank, source)| self.input(rank, source)).collect();
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

    fn input(&self, rank: usize, source: &SourceRun) -> Value {
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
            "duplicate_of": self.duplicate_name(rank),
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

/// Puts a finding's name and id to its parts.
fn name(parts: Parts, source: &SourceRun, rule: &Rule) -> Finding {
    let Parts { count, first, last, hosts, kept, .. } = parts;
    let first_match = kept.first();
    let offset = first_match.map_or(0, |kept| kept.evidence.place.offset);
    Finding {
        uid: finding_uid(rule, source, offset, first_match.and_then(|kept| kept.digest)),
        analytic: analytic(rule),
        event_class: first_match.map_or(0, |kept| kept.class),
        source: source.display.clone(),
        sha256: source.sha256.map(|hash| hex(&hash)),
        format: source.format.to_owned(),
        count,
        first,
        last,
        year_unknown: source.year_unknown,
        hosts,
        evidences: kept.into_iter().map(|kept| kept.evidence).collect(),
    }
}

/// A finding's id. It names content: the rule and its version, the file's bytes, the first matched record. Never a path.
fn finding_uid(rule: &Rule, source: &SourceRun, offset: u64, digest: Option<[u8; 32]>) -> String {
    let mut id = Sha256::new();
    id.update("shieldwall finding 1\0");
    id.update(&rule.id);
    id.update("\0");
    id.update(&rule.hash);
    id.update("\0");
    match source.sha256 {
        Some(hash) => {
            id.update(hash);
            id.update(offset.to_le_bytes());
        }
        None => id.update(digest.unwrap_or_default()),
    }
    let id: [u8; 32] = id.finalize().into();
    hex(id.first_chunk::<16>().map_or(&id[..], |half| &half[..]))
}

/// What correlate needs to know of the rules.
fn facts(rules: &RuleSet) -> Vec<RuleFacts> {
    let facts = |rule: &Rule| {
        let mut techniques = BTreeSet::new();
        let mut tactics = BTreeSet::new();
        for tag in &rule.tags {
            match attack::tag(tag) {
                Some(AttackTag::Technique(id)) => {
                    techniques.insert(id.sub_technique().unwrap_or_else(|| id.technique()));
                }
                Some(AttackTag::Tactic { name, .. }) => {
                    tactics.insert(name.to_lowercase().replace(' ', "-"));
                }
                None => {}
            }
        }
        RuleFacts {
            uid: rule.id.clone(),
            title: rule.title.clone(),
            severity: Severity::of_level(&format!("{:?}", rule.level)),
            techniques: techniques.into_iter().collect(),
            tactics: tactics.into_iter().collect(),
        }
    };
    rules.rules.iter().map(facts).collect()
}

fn analytic(rule: &Rule) -> Analytic {
    Analytic {
        uid: rule.id.clone(),
        name: rule.title.clone(),
        version: rule.version.clone(),
        hash: rule.hash.clone(),
        pack: rule.pack.clone(),
        author: rule.author.clone(),
        license: rule.license.clone(),
        description: rule.description.clone(),
        false_positives: rule.false_positives.clone(),
        references: rule.references.clone(),
        level: format!("{:?}", rule.level).to_lowercase(),
        tags: rule.tags.clone(),
        condition: rule.condition.clone(),
        unsigned: !rule.pack.is_empty(),
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
