//! Our Sigma engine against the crate `rsigma-eval`: all live SigmaHQ rules over recorded events.
//!
//! Each event goes to both engines: to ours as the line would, to theirs as a flat JSON object of the same fields under
//! the names that the rules use. Theirs holds only the rules that our log source guard admits for the event's tag, so
//! matching is compared, not the mapping of log sources. Records that our matcher turns away by their code alone are
//! compared too. A rule that one finds and the other does not is a difference; each is adjudicated against the
//! specification in `adjudicated.tsv`. The test fails on a difference that is not there, and on a row that occurs no
//! more.
//!
//! Events: every record of every event log and JSON recording in [`RECORDINGS`]. No cap is needed: on two cores in the
//! dev profile it takes about seven seconds. They hit an eighth of the rules; for the others, events are written from
//! the rules themselves (see [`written`]).
//!
//! `SHIELDWALL_DIFFERENTIAL_SHOW=1` prints one example event of each difference.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(clippy::indexing_slicing, clippy::print_stderr, reason = "a test")]

mod record;
mod recordings;
mod table;
mod theirs;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shieldwall_detect::sigma::ir::{RuleIndex, RuleSet};
use shieldwall_detect::sigma::load::{Lists, Pack, load_with};
use shieldwall_detect::sigma::matcher::{Matcher, Options, Scratch};
use shieldwall_schema::event::{Event, Projection, Sink, Slots, Tag, Want, fill};
use shieldwall_schema::mapping::Logsource;
use shieldwall_schema::{Flag, Mappings, Place, Rejection, Timestamp};

use table::{Difference, ONLY_OURS, ONLY_THEIRS};
use theirs::{Compiled, Groups};
use written::Written;

/// Workers.
const THREADS: usize = 2;
const RULE_FOLDERS: [&str; 3] = ["sigma/rules", "sigma/rules-emerging-threats", "sigma/rules-threat-hunting"];
/// Folders of recordings, each with how the names of its files end.
const RECORDINGS: [(&str, &str); 7] = [
    ("sigma-regression", ".evtx"),
    ("evtx-to-mitre", ".evtx"),
    ("evtx-benign-samples", ".evtx"),
    ("plaso-logs/evtx", ".evtx"),
    ("plaso-logs/jsonl", ".jsonl"),
    ("stratus-cloudtrail", ".json"),
    ("otrf-security-datasets", ".zip"),
];

/// The matcher, but records that it turns away come too, with this want.
struct Everything<'a> {
    matcher: &'a Matcher,
    turned_away: Arc<Want>,
}

impl Projection for Everything<'_> {
    fn want(&self, tag: &Tag<'_>) -> Option<Arc<Want>> {
        let admitted = || (!self.matcher.rules_for(tag).is_empty()).then(|| Arc::clone(&self.turned_away));
        self.matcher.want(tag).or_else(admitted)
    }
}

/// What came out.
#[derive(Default)]
struct Totals {
    events: usize,
    turned_away: usize,
    evaluations: usize,
    both: usize,
    rules_hit: BTreeSet<String>,
    differences: BTreeMap<Difference, usize>,
    examples: BTreeMap<Difference, String>,
    unknown: Vec<String>,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.turned_away += other.turned_away;
        self.evaluations += other.evaluations;
        self.both += other.both;
        self.rules_hit.extend(other.rules_hit);
        for (difference, count) in other.differences {
            *self.differences.entry(difference).or_default() += count;
        }
        self.examples.extend(other.examples);
        self.unknown.extend(other.unknown);
    }
}

/// Gives every event to both engines.
struct Both<'a> {
    everything: &'a Everything<'a>,
    groups: Groups<'a>,
    scratch: Scratch,
    hits: Vec<RuleIndex>,
    totals: Totals,
}

impl Sink for Both<'_> {
    fn event(&mut self, event: &Event<'_>) {
        let matcher = self.everything.matcher;
        self.totals.events += 1;
        self.hits.clear();
        if Arc::ptr_eq(event.want, &self.everything.turned_away) {
            self.totals.turned_away += 1;
        } else {
            matcher.evaluate(event, &mut self.scratch, &mut self.hits);
        }
        let ours: BTreeSet<String> = self.hits.iter().map(|rule| matcher.rule(*rule).unwrap().id.clone()).collect();
        let native = record::native(event.fields);
        let mut theirs = BTreeSet::new();
        for group in self.groups.of(&event.tag).iter() {
            self.totals.evaluations += group.rules;
            theirs.extend(group.evaluate(&record::with_names(&native, &group.renamed)));
        }
        self.totals.both += ours.intersection(&theirs).count();
        let only_ours = ours.difference(&theirs).map(|rule| (rule, ONLY_OURS));
        for (rule, direction) in only_ours.chain(theirs.difference(&ours).map(|rule| (rule, ONLY_THEIRS))) {
            let difference = Difference { rule: rule.clone(), direction };
            let example = || format!("{:?} {}", event.tag, serde_json::to_string(&native).unwrap());
            self.totals.examples.entry(difference.clone()).or_insert_with(example);
            *self.totals.differences.entry(difference).or_default() += 1;
        }
        self.totals.rules_hit.extend(ours);
    }

    fn unwanted(&mut self, _: u64, _: Option<Timestamp>) {}

    fn reject(&mut self, _: Rejection) {}

    fn flag(&mut self, _: Flag, _: Place) {}
}

/// Does `each` for every item with [`THREADS`] workers. What comes out does not depend on who took what.
fn share<T: Sync>(
    items: &[T],
    everything: &Everything<'_>,
    compiled: &Compiled,
    each: impl Fn(&T, &mut Both<'_>) + Sync,
) -> Totals {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut both = Both {
            everything,
            groups: Groups::new(everything.matcher, compiled),
            scratch: Scratch::default(),
            hits: Vec::new(),
            totals: Totals::default(),
        };
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(item, &mut both);
        }
        both.totals
    };
    let mut totals = Totals::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| totals.add(worker.join().unwrap()));
    });
    totals
}

fn mappings() -> Mappings {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings"));
    let read = |path: &PathBuf| (path.display().to_string(), std::fs::read_to_string(path).unwrap());
    let files: Vec<_> = recordings::files(&folder, ".toml").iter().map(read).collect();
    Mappings::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}

#[test]
fn both_engines_find_the_same_but_for_what_is_adjudicated() {
    let needed: Vec<&str> = RULE_FOLDERS.into_iter().chain(RECORDINGS.map(|(folder, _)| folder)).collect();
    let Some(data) = recordings::data(&needed) else { return };
    let (rules, compiled) = rules(&data);
    let matcher = Matcher::new(Arc::new(rules), Arc::new(mappings()), Options::default());
    let everything = Everything { matcher: &matcher, turned_away: Arc::new(Want::new(Vec::new(), None, 0)) };
    let files = RECORDINGS.iter().map(|(folder, ending)| recordings::files(&data.join(folder), ending));
    let paths: Vec<PathBuf> = files.flatten().collect();
    let totals = share(&paths, &everything, &compiled, |path, both| {
        let recordings = match path.extension().is_some_and(|extension| extension == "zip") {
            true => recordings::members(path),
            false => vec![std::fs::read(path).unwrap()],
        };
        for data in &recordings {
            if !recordings::decode(data, both.everything, both) {
                both.totals.unknown.push(format!("{}, {} bytes", path.display(), data.len()));
            }
        }
    });
    eprint!("{} recordings: ", paths.len());
    judge(&totals, table::RECORDED);
    assert!(totals.unknown.is_empty(), "of no known format: {:?}", totals.unknown);
    assert!(totals.events > 80_000 && totals.both > 3_000, "too little was compared");
}

#[test]
fn both_engines_find_the_same_in_written_events_but_for_what_is_adjudicated() {
    let Some(data) = recordings::data(&RULE_FOLDERS) else { return };
    let (mut rules, compiled) = rules(&data);
    // One log source for all, so that every rule looks at every event.
    let tag = Tag { product: "written", ..Tag::default() };
    for rule in &mut rules.rules {
        rule.logsource = Logsource { product: tag.product.to_owned(), ..Logsource::default() };
    }
    let events: Vec<Vec<Written>> = rules.rules.iter().map(|rule| written::events(&rule.expr)).collect();
    let matcher = Matcher::new(Arc::new(rules), Arc::default(), Options::default());
    let everything = Everything { matcher: &matcher, turned_away: Arc::new(Want::new(Vec::new(), None, 0)) };
    let want = everything.want(&tag).unwrap();
    let totals = share(&events, &everything, &compiled, |events, both| {
        let mut slots = Slots::default();
        for fields in events {
            fill(&want, fields, &mut slots);
            let place = Place::offset(0);
            let (want, slots) = (&want, &slots);
            both.event(&Event { time: None, time_text: None, place, bytes: b"", tag, want, slots, fields });
        }
    });
    judge(&totals, table::WRITTEN);
    assert!(totals.rules_hit.len() > 3_000, "too few rules were hit");
}

/// All live rules as both engines read them.
fn rules(data: &Path) -> (RuleSet, Compiled) {
    let packs = RULE_FOLDERS.map(|folder| Pack::from_dir("sigma", &data.join(folder)).unwrap());
    let loaded = load_with(&packs, &Lists::new(), THREADS);
    assert!(loaded.refusals.is_empty(), "{}", loaded.refusals[0]);
    let (compiled, refused) = theirs::compile(&packs);
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(compiled.len(), 3_754);
    let same = loaded.set.rules.iter().map(|rule| &rule.id).collect::<BTreeSet<_>>().into_iter().eq(compiled.keys());
    assert!(same, "the engines hold different rules");
    (loaded.set, compiled)
}

/// Says what was found and fails where the table says otherwise.
fn judge(totals: &Totals, source: &'static str) {
    let count = |direction| {
        let of_it = totals.differences.iter().filter(|(difference, _)| difference.direction == direction);
        of_it.map(|(_, count)| count).sum::<usize>()
    };
    eprintln!(
        "{source}: {} events ({} turned away by us), {} rule evaluations; hits: {} both, {} only ours, {} only theirs; {} \
         rules hit",
        totals.events,
        totals.turned_away,
        totals.evaluations,
        totals.both,
        count(ONLY_OURS),
        count(ONLY_THEIRS),
        totals.rules_hit.len(),
    );
    if std::env::var_os("SHIELDWALL_DIFFERENTIAL_SHOW").is_some() {
        for (difference, example) in &totals.examples {
            eprintln!("{}\t{}\n    {example}", difference.rule, difference.direction);
        }
    }
    let disagreements = table::disagreements(&table::adjudicated(source), &totals.differences);
    assert!(disagreements.is_empty(), "{} disagreements:\n{}", disagreements.len(), disagreements.join("\n"));
}
