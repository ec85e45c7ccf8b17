//! Packs → a rule set: files in parallel, results in order.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::thread;

use sha2::{Digest, Sha256};

use super::super::ir::{Correlation, Rule, RuleIndex, RuleSet};
use super::super::matcher;
use super::correlation::Draft;
use super::documents;
use super::fault::{At, Fault, Note, Refusal, Remark, Skipped, Why};
use super::filter::{self, Filter};
use super::limits::FILE_BYTES_MAX;
use super::lists::Lists;
use super::pack::Pack;
use super::resolve;
use super::rule::{self, Lowered, Named};
use super::value::Context;

/// What came of loading. Remarks are in the order of packs, files and lines.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rules, sorted by (id, hash).
    pub set: RuleSet,
    /// Rules and files with something wrong in them. The run is partial if there is one.
    pub refusals: Vec<Refusal>,
    /// Documents that were recognised and left alone: correlation rules, other YAML.
    pub skipped: Vec<Skipped>,
    /// What the user should know of loaded rules: lists that are missing, filters that were applied, double ids.
    pub notes: Vec<Note>,
}

/// Loads packs with as many threads as there are processors. The result does not depend on their number.
pub fn load(packs: &[Pack], lists: &Lists) -> Loaded {
    load_with(packs, lists, thread::available_parallelism().map_or(1, NonZero::get))
}

/// Loads packs with a given number of threads.
pub fn load_with(packs: &[Pack], lists: &Lists, threads: usize) -> Loaded {
    let jobs: Vec<Job<'_>> =
        packs.iter().flat_map(|pack| pack.files.iter().map(move |(path, bytes)| Job { pack, path, bytes })).collect();
    let mut out = read_all(&jobs, lists, threads);
    for pack in packs {
        out.refusals.extend(pack.refusals.iter().cloned());
    }
    filter::apply(&out.filters, &mut out.rules, &mut out.notes);
    out.rules.extend(out.correlations.iter().map(|draft| draft.named.clone()));
    let rules = sort(out.rules, &mut out.notes);
    let correlations = resolve::resolve(out.correlations, &rules, &mut out.refusals);
    let (rules, correlations) = without_refused(rules, correlations);
    let needs = matcher::needs(&rules, threads);
    let set = RuleSet { rules, correlations, needs };
    Loaded { set, refusals: out.refusals, skipped: out.skipped, notes: out.notes }
}

/// Takes out the rules of correlations that were refused, and numbers the rest anew.
fn without_refused(rules: Vec<Named>, mut correlations: Vec<Correlation>) -> (Vec<Rule>, Vec<Correlation>) {
    let sound: BTreeSet<RuleIndex> = correlations.iter().map(|correlation| correlation.rule).collect();
    let mut kept = Vec::with_capacity(rules.len());
    let mut moved = Vec::with_capacity(rules.len());
    for (named, at) in rules.into_iter().zip(0_u32..) {
        moved.push(RuleIndex(u32::try_from(kept.len()).unwrap_or(u32::MAX)));
        if !named.correlates || sound.contains(&RuleIndex(at)) {
            kept.push(named.rule);
        }
    }
    let renumber = |rule: &mut RuleIndex| *rule = moved.get(rule.0 as usize).copied().unwrap_or(*rule);
    for correlation in &mut correlations {
        renumber(&mut correlation.rule);
        correlation.members.iter_mut().flat_map(|member| &mut member.rules).for_each(renumber);
    }
    (kept, correlations)
}

/// A hash of everything that [`load`] looks at: packs and lists. A compiled set with another one is stale.
pub fn fingerprint(packs: &[Pack], lists: &Lists) -> [u8; 32] {
    let mut hasher = Sha256::new();
    // Lengths stand before the parts, so that no two inputs read the same.
    let mut put = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(bytes);
    };
    for pack in packs {
        put(b"pack");
        put(pack.name.as_bytes());
        put(pack.license.as_bytes());
        for (path, bytes) in &pack.files {
            put(path.as_bytes());
            put(bytes);
        }
        for refusal in &pack.refusals {
            put(refusal.to_string().as_bytes());
        }
    }
    for (name, values) in lists.iter() {
        put(b"list");
        put(name.as_bytes());
        values.iter().for_each(|value| put(value.as_bytes()));
    }
    hasher.finalize().into()
}

struct Job<'p> {
    pack: &'p Pack,
    path: &'p str,
    bytes: &'p [u8],
}

#[derive(Default)]
struct Output {
    rules: Vec<Named>,
    correlations: Vec<Draft>,
    filters: Vec<Filter>,
    refusals: Vec<Refusal>,
    skipped: Vec<Skipped>,
    notes: Vec<Note>,
}

impl Output {
    fn extend(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.correlations.extend(other.correlations);
        self.filters.extend(other.filters);
        self.refusals.extend(other.refusals);
        self.skipped.extend(other.skipped);
        self.notes.extend(other.notes);
    }
}

/// Fewer files than this a thread are not worth starting one: 64 files of SigmaHQ take about 2.5 ms.
const FILES_PER_THREAD_MIN: usize = 64;

/// Cuts the files into runs of about the same bytes, one a thread, and puts the results back in order.
fn read_all(jobs: &[Job<'_>], lists: &Lists, threads: usize) -> Output {
    let threads = threads.min(jobs.len() / FILES_PER_THREAD_MIN).max(1);
    let total: usize = jobs.iter().map(|job| job.bytes.len()).sum();
    let share = total / threads + 1;
    let mut runs = Vec::with_capacity(threads);
    let (mut rest, mut start, mut bytes) = (jobs, 0, 0);
    for (at, job) in jobs.iter().enumerate() {
        bytes += job.bytes.len();
        if bytes >= share {
            let (run, behind) = rest.split_at_checked(at + 1 - start).unwrap_or((rest, &[]));
            runs.push(run);
            (rest, start, bytes) = (behind, at + 1, 0);
        }
    }
    runs.push(rest);
    let mut out = Output::default();
    let (Some((first, others)), true) = (runs.split_first(), threads > 1) else {
        out.extend(read_run(jobs, lists));
        return out;
    };
    thread::scope(|scope| {
        let handles: Vec<_> = others.iter().map(|run| scope.spawn(move || read_run(run, lists))).collect();
        out.extend(read_run(first, lists));
        for (handle, run) in handles.into_iter().zip(others) {
            // A thread that failed is a defect here; its files are read again so that none goes missing.
            out.extend(handle.join().unwrap_or_else(|_| read_run(run, lists)));
        }
    });
    out
}

fn read_run(jobs: &[Job<'_>], lists: &Lists) -> Output {
    let mut out = Output::default();
    jobs.iter().for_each(|job| read_file(job, lists, &mut out));
    out
}

fn read_file(job: &Job<'_>, lists: &Lists, out: &mut Output) {
    if job.bytes.len() > FILE_BYTES_MAX {
        return out.refusals.push(remark(job, At::default(), None, Why::FileTooLarge.to_string()));
    }
    let Ok(text) = std::str::from_utf8(job.bytes) else {
        return out.refusals.push(remark(job, At::default(), None, Why::NotUtf8.to_string()));
    };
    let documents = documents::read(text);
    if documents.is_empty() {
        out.skipped.push(remark(job, At::default(), None, "not a Sigma rule: the file is empty".to_owned()));
    }
    for source in documents {
        let source = match source {
            Ok(source) => source,
            Err(Fault { at, why }) => {
                out.refusals.push(remark(job, at, None, why.to_string()));
                continue;
            }
        };
        let mut context = Context::new(lists);
        let root = Some(&source.root);
        match rule::lower(&source, &mut context) {
            Ok(Lowered::Rule(mut named)) => {
                placed(&mut named.rule, job);
                out.rules.push(*named);
            }
            Ok(Lowered::Correlation(mut draft)) => {
                placed(&mut draft.named.rule, job);
                out.correlations.push(*draft);
            }
            Ok(Lowered::Filter(mut filter)) => {
                filter.file = job.path.to_owned();
                filter.pack.clone_from(&job.pack.name);
                out.filters.push(*filter);
            }
            Ok(Lowered::Skipped(reason)) => {
                let at = At { line: source.line, column: 0 };
                out.skipped.push(remark(job, at, root, reason.to_owned()));
            }
            Err(Fault { at, why }) => {
                out.refusals.push(remark(job, at, root, why.to_string()));
                continue;
            }
        }
        for (line, text) in context.notes {
            out.notes.push(remark(job, At { line, column: 0 }, root, text));
        }
    }
}

/// Puts into a rule what its file says about it.
fn placed(rule: &mut Rule, job: &Job<'_>) {
    rule.file = job.path.to_owned();
    rule.pack.clone_from(&job.pack.name);
    if rule.license.is_empty() {
        rule.license.clone_from(&job.pack.license);
    }
}

fn remark(job: &Job<'_>, at: At, root: Option<&super::yaml::Node<'_>>, reason: String) -> Remark {
    let (rule_id, title) = root.map(rule::headline).unwrap_or_default();
    let column = (at.column > 0).then_some(at.column);
    Remark { pack: job.pack.name.clone(), file: job.path.to_owned(), line: at.line, column, rule_id, title, reason }
}

/// Sorts by (id, hash), keeps one of equal rules, and says which ids stand for several.
fn sort(mut rules: Vec<Named>, notes: &mut Vec<Note>) -> Vec<Named> {
    // Stable: of equal rules the first in the order of packs and files stays.
    rules.sort_by(|a, b| (&a.rule.id, &a.rule.hash).cmp(&(&b.rule.id, &b.rule.hash)));
    let mut seen: BTreeMap<&str, &Rule> = BTreeMap::new();
    for Named { rule, .. } in &rules {
        let Some(first) = seen.get(rule.id.as_str()) else {
            seen.insert(&rule.id, rule);
            continue;
        };
        let what = if first.hash == rule.hash { "is the same rule; one is kept" } else { "has the same id; both run" };
        let place = if first.pack == rule.pack { String::new() } else { format!(" of pack `{}`", first.pack) };
        notes.push(Remark {
            pack: rule.pack.clone(),
            file: rule.file.clone(),
            line: rule.line,
            column: None,
            rule_id: Some(rule.id.clone()),
            title: Some(rule.title.clone()),
            reason: format!("`{}` line {}{place} {what}", first.file, first.line),
        });
    }
    rules.dedup_by(|later, first| later.rule.id == first.rule.id && later.rule.hash == first.rule.hash);
    rules
}
