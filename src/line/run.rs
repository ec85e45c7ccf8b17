//! What a scan gives: findings with names and ids, the report, the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use shieldwall_collect::Unread;
use shieldwall_correlate::{self as correlate, Correlate, Correlated};
use shieldwall_detect::anomaly::Learned;
use shieldwall_detect::sigma::correlation::{Correlator, Counts};
use shieldwall_detect::sigma::ir::{Rule, RuleIndex, RuleSet};
use shieldwall_detect::sigma::load::{Refusal, Skipped};
use shieldwall_explain::{Telling, tell};
use shieldwall_respond::acquaintance::Acquaintances;
use shieldwall_respond::guard::Protected;
use shieldwall_respond::plan::{Plan, Step};
use shieldwall_respond::{claim, propose};
use shieldwall_schema::finding::{Analytic, Finding, Provenance};
use shieldwall_schema::incident::{Incident, RuleFacts, Severity};
use shieldwall_schema::mapping::Bucket;
use shieldwall_schema::ocsf::attack::{self, AttackTag};
use shieldwall_schema::story::{HostCoverage, Story};
use shieldwall_schema::{BucketId, Mappings};

use super::LineOptions;
use super::before::{Taught, learned_hash};
use super::detectors::detector_rules;
use super::drive::{Driven, Note, SourceRun};
use super::folded::{EVIDENCES_MAX, Folded, Parts};
use super::foresight::Foresight;
use super::ranked::Ranked;
use super::spill::Spill;
use super::stateful::{self, Memory, Outcome};
use crate::baselines::Kept;
use crate::output::incident::{self, MemberFacts};
use crate::output::jsonl;
use crate::output::report::Totals;
use crate::output::story;

/// Incidents that come with their stories in JSON; the rest can be told by `show`.
const STORIES_MAX: usize = 1000;

/// Evidence of each finding that a story is told from.
const STORY_EVIDENCES_MAX: usize = 20;

/// Hosts whose telemetry is told.
const COVERAGE_HOSTS_MAX: usize = 10_000;

/// Findings that a plan names.
const REMEDY_FINDINGS_MAX: usize = 32;

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

/// What looked at the records.
pub(super) struct Detection {
    /// The rules.
    pub(super) rules: Arc<RuleSet>,
    /// What the fields are called.
    pub(super) mappings: Arc<Mappings>,
    /// The correlation rules among the rules.
    pub(super) correlator: Correlator,
    /// Rules that did not compile.
    pub(super) refusals: Vec<Refusal>,
    /// Documents that are no rules, and notes on rules.
    pub(super) skipped: Vec<Skipped>,
}

/// What was learned, and from what.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// What learning says of itself; `None` where nothing was to be learned.
    pub(super) own: Option<Learned>,
    /// Contents that were learned from, now and before.
    pub(super) known: BTreeSet<[u8; 32]>,
    /// Logs that were only learned from.
    pub(super) logs: Vec<SourceRun>,
    /// What of them could not be opened.
    pub(super) unread: Vec<Unread>,
}

/// A finished scan.
pub struct Run {
    pub(super) folded: Folded,
    /// Sources in the order of their ranks: by content hash, then by where they stood.
    pub(super) ranked: Vec<SourceRun>,
    /// For each rank, the rank of an earlier source with the same content.
    pub(super) duplicate_of: Vec<Option<usize>>,
    pub(super) unread: Vec<Unread>,
    pub(super) rules: Arc<RuleSet>,
    /// Learned detectors as rules, numbered behind the rules.
    pub(super) detectors: Vec<Rule>,
    /// What was learned.
    pub(super) learnt: Learnt,
    /// The rules as findings name them.
    pub(super) analytics: Vec<Analytic>,
    pub(super) mappings: Arc<Mappings>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) options: LineOptions,
    pub(super) correlated: Correlated,
    /// What may come next; made when first asked for, `None` within where it cannot be.
    pub(super) foresight: Option<Option<Foresight>>,
    /// Who signs in from where.
    pub(super) known: Acquaintances,
    /// What correlation rules could not look at.
    pub(super) counts: Counts,
    /// What the user asked for, for the manifest.
    pub asked: Value,
}

impl Run {
    /// Orders what A left and runs B over it.
    pub(super) fn finish(
        driven: Driven,
        spill: Spill,
        walk_unread: Vec<Unread>,
        detection: Detection,
        taught: Option<Taught>,
        options: &LineOptions,
    ) -> io::Result<Self> {
        let Detection { rules, mappings, correlator, refusals, skipped } = detection;
        let Driven { sources, unread } = driven;
        let ranking = Ranked::new(sources);
        let canonical = ranking.canonical();
        let Ranked { rank, sources: ranked, duplicate_of } = ranking;
        let detectors = if taught.is_some() { detector_rules() } else { Vec::new() };
        // Rules and nothing else: without hashes nothing is known of who a record speaks of.
        let mut correlate =
            options.hashed.then(|| Correlate::new(facts(&rules, &detectors), correlate::Limits::default()));
        let sorted = spill.sorted(&rank)?;
        let is_known = |source| taught.as_ref().is_some_and(|taught| taught.knows(source));
        let learns = ranked.iter().zip(&canonical).map(|(source, canonical)| *canonical && !is_known(source)).collect();
        let (learner, before, mut learnt) = match taught {
            None => (None, None, Learnt::default()),
            Some(Taught { learner, known, mut items, logs, unread }) => {
                // What is looked at is no yardstick for itself.
                let looked_at: BTreeSet<_> = ranked.iter().filter_map(learned_hash).collect();
                for (log, counts) in logs.iter().zip(items.iter_mut().flat_map(|(_, learned)| learned)) {
                    *counts &= !log.sha256.is_some_and(|hash| looked_at.contains(&hash));
                }
                (Some(learner), items, Learnt { known, logs, unread, own: None })
            }
        };
        learnt.known.extend(ranked.iter().filter_map(learned_hash));
        let memory = Memory { correlator, learner, learns, before, first_detector: rules.rules.len() as u32 };
        let outcome = stateful::fold(sorted, &canonical, options.fold, memory, &mut |sighting| {
            if let Some(correlate) = &mut correlate {
                correlate.observe(sighting);
            }
        })?;
        let Outcome { folded, counts, learned, known } = outcome;
        learnt.own = learned;
        let uid = |at: u32| {
            let group = folded.first_of(at as usize);
            let named = group.and_then(|(source, rule, offset, salt)| {
                let (source, rule) = (ranked.get(source as usize)?, named(&rules, &detectors, rule)?);
                Some(finding_uid(rule, source, offset, salt, None))
            });
            named.unwrap_or_default()
        };
        let mut correlated = correlate.map(|correlate| correlate.finish(&uid)).unwrap_or_default();
        correlated.incidents.iter_mut().for_each(|incident| span(incident, &rules, &folded));
        let unread = walk_unread.into_iter().chain(unread.into_iter().map(|(_, unread)| unread)).collect();
        Ok(Self {
            folded,
            ranked,
            duplicate_of,
            unread,
            analytics: if correlated.incidents.is_empty() {
                Vec::new()
            } else {
                rules.rules.iter().chain(&detectors).map(analytic).collect()
            },
            rules,
            detectors,
            learnt,
            mappings,
            refusals,
            skipped,
            options: options.clone(),
            correlated,
            foresight: None,
            known,
            counts,
            asked: Value::Null,
        })
    }

    /// What is to be kept of what was learned; `None` where nothing was to be learned.
    pub fn kept(&mut self) -> Option<Kept> {
        let own = self.learnt.own.as_mut()?;
        Some(Kept { sources: self.learnt.known.clone(), baselines: std::mem::take(&mut own.baselines) })
    }

    /// How many findings there are.
    pub fn findings(&self) -> usize {
        self.folded.len()
    }

    /// The incidents, worst first.
    pub fn incidents(&self) -> &[Incident] {
        &self.correlated.incidents
    }

    /// How many records were read.
    pub fn records(&self) -> u64 {
        self.ranked.iter().map(|source| source.tally.records).sum()
    }

    /// Whether something was not looked at: unreadable or corrupt data, a limit, a refused rule, a capture.
    pub fn partial(&self) -> bool {
        self.unread.iter().chain(&self.learnt.unread).any(|unread| unread.loses_data)
            || !self.refusals.is_empty()
            || self.folded.overflow > 0
            || self.ranked.iter().chain(&self.learnt.logs).any(|source| {
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
        let rule = named(&self.rules, &self.detectors, parts.rule).ok_or_else(missing)?;
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
                let (source, rule, offset, salt) = self.folded.first_of(finding as usize)?;
                let source = self.ranked.get(source as usize)?;
                let uid = finding_uid(named(&self.rules, &self.detectors, rule)?, source, offset, salt, None);
                Some(MemberFacts { uid, analytic: self.analytics.get(rule as usize)? })
            };
            incident::line(incident, story.as_ref(), &facts, &mut line);
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// The story of an incident, by its place among the incidents.
    pub(super) fn story(&mut self, at: usize, coverage: &[HostCoverage]) -> io::Result<Option<Story>> {
        let Some(incident) = self.correlated.incidents.get(at).cloned() else { return Ok(None) };
        let mut findings = BTreeMap::new();
        for number in story::findings(&incident) {
            findings.insert(number, self.finding(number as usize, STORY_EVIDENCES_MAX)?);
        }
        let telling = Telling { incident: &incident, findings: &findings, coverage, records: self.records() };
        let mut story = tell(&telling);
        let (rules, detectors) = (&self.rules, &self.detectors);
        if self.options.forecasts {
            let foresight = self.foresight.get_or_insert_with(|| Foresight::new(&rules.rules, detectors, coverage));
            story.outlook = foresight.as_mut().and_then(|foresight| foresight.of(&incident));
        }
        let named: Vec<String> =
            findings.values().map(|finding| finding.uid.clone()).take(REMEDY_FINDINGS_MAX).collect();
        let protected = Protected::default();
        story.remedies =
            propose::remedies(&incident, &named, coverage, story.outlook.as_ref(), &self.known, &protected);
        let findings: Vec<&Finding> = findings.values().collect();
        let vouches = |finding: &Finding, path: &str| {
            let source = self.ranked.iter().find(|source| source.display == finding.source);
            let kinds = source.map(|source| &source.kinds);
            vouched(&self.mappings, &self.rules, kinds, finding, path)
        };
        for remedy in &mut story.remedies {
            let Ok(plan) = Plan::read(remedy.plan.as_bytes()) else { continue };
            if let Step::Block { targets, .. } = &plan.step {
                let claim = claim::of(targets, &incident, &findings, &self.known, &vouches);
                remedy.claim = serde_json::to_string(&claim).unwrap_or_default();
            }
        }
        Ok(Some(story))
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
}

/// The rule or learned detector of a number.
pub(super) fn named<'r>(rules: &'r RuleSet, detectors: &'r [Rule], at: u32) -> Option<&'r Rule> {
    let at = at as usize;
    rules.rules.get(at).or_else(|| detectors.get(at.checked_sub(rules.rules.len())?))
}

/// Puts a finding's name and id to its parts.
pub(super) fn name(parts: Parts, source: &SourceRun, rule: &Rule) -> Finding {
    let Parts { count, first, last, hosts, kept, salt, .. } = parts;
    let first_match = kept.first();
    let offset = first_match.map_or(0, |kept| kept.evidence.place.offset);
    Finding {
        uid: finding_uid(rule, source, offset, salt, first_match.and_then(|kept| kept.digest)),
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
        anomaly: first_match.and_then(|kept| kept.anomaly.clone()),
        evidences: kept.into_iter().map(|kept| kept.evidence).collect(),
    }
}

/// A finding's id. It names content: the rule and its version, the file's bytes, the first matched record. Never a path.
fn finding_uid(rule: &Rule, source: &SourceRun, offset: u64, salt: u64, digest: Option<[u8; 32]>) -> String {
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
    if salt != 0 {
        id.update(salt.to_le_bytes());
    }
    let id: [u8; 32] = id.finalize().into();
    hex(id.first_chunk::<16>().map_or(&id[..], |half| &half[..]))
}

/// A firing was one sighting, where its last match stands; it speaks of all its matches from the first on.
fn span(incident: &mut Incident, rules: &RuleSet, folded: &Folded) {
    for member in &mut incident.members {
        if rules.correlation(RuleIndex(member.rule)).is_none() {
            continue;
        }
        let Some((first, last, count)) = folded.span_of(member.finding as usize) else { continue };
        incident.sightings += count.saturating_sub(member.count);
        (member.first, member.last, member.count) = (first, last, count);
        incident.first = incident.first.into_iter().chain(first).min();
        incident.last = incident.last.max(last);
    }
}

/// Whether a path's value came from the transport in every kind of record that the finding could have been about: those of its
/// rule, or for a learned one those that its source holds.
fn vouched(
    mappings: &Mappings,
    rules: &RuleSet,
    kinds: Option<&BTreeSet<BucketId>>,
    finding: &Finding,
    path: &str,
) -> bool {
    let rule = rules.rules.iter().find(|rule| rule.id == finding.analytic.uid);
    let held = kinds.into_iter().flatten().filter_map(|kind| mappings.get(*kind));
    let buckets: Vec<&Bucket> = match rule {
        Some(rule) => mappings.buckets().iter().filter(|bucket| bucket.logsource.admits(&rule.logsource)).collect(),
        None if finding.analytic.is_learned() => held.collect(),
        None => return false,
    };
    let mut any = false;
    for bucket in buckets {
        if bucket.class != finding.event_class {
            continue;
        }
        for native in bucket.ocsf.get(path).into_iter().flatten() {
            any = true;
            if bucket.provenance_of(native) != Provenance::TransportVerified {
                return false;
            }
        }
    }
    any
}

/// What correlate needs to know of the rules.
fn facts(rules: &RuleSet, detectors: &[Rule]) -> Vec<RuleFacts> {
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
    rules.rules.iter().chain(detectors).map(facts).collect()
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
        unsigned: !rule.pack.is_empty() && !rule.signed,
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
