//! The log source guard: which rules may look at records of a tag, and through which bucket.
//!
//! A rule is admitted through the first bucket of the tag whose log source has every part that the rule names; failing
//! that, if the rule's product and service are the tag's own words and it names no category. Nothing else is ever run.
//!
//! Then the code is used: a Windows record's event id is known before its fields are, so a rule that needs another id is
//! left out, and tests of the id are settled once for all such records instead of in each.

use rustc_hash::{FxHashMap, FxHashSet};
use shieldwall_schema::event::Tag;
use shieldwall_schema::mapping::{Bucket, BucketId, Logsource, Mappings};

use super::compare;
use crate::sigma::ir::{Atom, Expr, Pattern, Rule, RuleIndex, RuleSet, Test};
use crate::sigma::parts;

/// How deep a condition may nest. SigmaHQ's deepest is 7. Deeper rules are refused, so that no walk over a condition can
/// use up the stack.
pub const CONDITION_DEPTH_MAX: usize = 100;

/// Through what a rule is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admission {
    /// The bucket: its names apply.
    Bucket(BucketId),
    /// The tag's own product and service: the rule's names are the record's.
    OwnWords,
}

impl Admission {
    /// The bucket, if there is one.
    pub fn bucket(self, mappings: &Mappings) -> Option<&Bucket> {
        match self {
            Self::Bucket(id) => mappings.get(id),
            Self::OwnWords => None,
        }
    }
}

/// One admitted rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member {
    pub(crate) rule: RuleIndex,
    pub(crate) admission: Admission,
}

/// The native name of the code of Windows records.
const CODE_FIELD: &str = "EventID";

/// What a field of a rule is called in the record.
pub(crate) fn native<'a>(bucket: Option<&'a Bucket>, field: &'a str) -> Vec<&'a str> {
    match bucket.map(|bucket| bucket.native(field)) {
        Some([]) | None => vec![field],
        Some(names) => names.iter().map(String::as_str).collect(),
    }
}

/// Whether a tag's code is the value of a field whose name is known: so it is with Windows records only.
pub(crate) fn code_counts(tag: &Tag<'_>) -> bool {
    !tag.code.is_empty() && tag.product.eq_ignore_ascii_case("windows")
}

/// The code, if the field is the code and the tag has one.
pub(crate) fn code_of<'t>(bucket: Option<&Bucket>, field: &str, tag: &Tag<'t>) -> Option<&'t str> {
    let is_code = || match bucket.map(|bucket| bucket.native(field)) {
        Some([]) | None => field == CODE_FIELD,
        Some(names) => names == [CODE_FIELD],
    };
    (code_counts(tag) && is_code()).then_some(tag.code)
}

/// Settles an atom by the code alone, if that is possible.
pub(crate) fn settle(bucket: Option<&Bucket>, atom: &Atom, tag: &Tag<'_>) -> Option<bool> {
    settle_code(&atom.test, code_of(bucket, atom.field.as_deref()?, tag)?)
}

/// Settles a test of the code, if that is possible without the record.
pub(crate) fn settle_code(test: &Test, code: &str) -> Option<bool> {
    match test {
        Test::Text { pattern, cased: true } => Some(compare::text(pattern, code)),
        Test::Text { pattern, cased: false } => Some(compare::text(pattern, &compare::fold(code))),
        Test::Compare(order, number) => Some(compare::number(*order, *number, code)),
        Test::Null => Some(false),
        Test::Exists(wanted) => Some(*wanted),
        // Too rare to be worth settling; they are tested like any other.
        Test::Regex(_) | Test::Cidr(_) | Test::FieldRef { .. } | Test::TimePart(..) => None,
    }
}

/// The rules by log source.
#[derive(Debug)]
pub(crate) struct Guard {
    sources: Vec<Source>,
    /// Rule → what its condition says about the code.
    codes: Vec<Codes>,
}

#[derive(Debug)]
struct Source {
    logsource: Logsource,
    rules: Vec<RuleIndex>,
}

/// What a condition says about fields that may be the code.
#[derive(Debug, Default)]
struct Codes {
    /// It asks about one.
    asks: bool,
    /// Every code that it names in full, folded.
    named: Vec<Box<str>>,
    /// It asks in another way than by naming codes in full.
    otherwise: bool,
}

impl Guard {
    /// Sorts the rules by log source. `refused` takes the rules that are too deep.
    pub(crate) fn new(set: &RuleSet, mappings: &Mappings, refused: &mut Vec<(RuleIndex, String)>) -> Self {
        let mut asked = Codes::of_all(set, mappings).into_iter();
        let mut sources: Vec<Source> = Vec::new();
        let mut by_logsource: FxHashMap<&Logsource, usize> = FxHashMap::default();
        let mut codes = Vec::with_capacity(set.rules.len());
        for (rule, at) in set.rules.iter().zip(0_u32..) {
            let about = asked.next().flatten();
            let shallow = about.is_some();
            codes.push(about.unwrap_or_default());
            if !shallow {
                refused.push((RuleIndex(at), format!("condition is nested deeper than {CONDITION_DEPTH_MAX}")));
                continue;
            }
            // A correlation looks at no record: no group needs to hold it.
            if set.correlation(RuleIndex(at)).is_some() {
                continue;
            }
            let source = *by_logsource.entry(&rule.logsource).or_insert_with(|| {
                sources.push(Source { logsource: rule.logsource.clone(), rules: Vec::new() });
                sources.len() - 1
            });
            if let Some(source) = sources.get_mut(source) {
                source.rules.push(RuleIndex(at));
            }
        }
        Self { sources, codes }
    }

    /// The log sources that a tag satisfies, each with how: a short list that decides everything but the code.
    pub(crate) fn admit(&self, mappings: &Mappings, tag: &Tag<'_>) -> Vec<(u32, Admission)> {
        let buckets: Vec<(BucketId, &Bucket)> =
            mappings.classify(tag).into_iter().filter_map(|id| mappings.get(id).map(|bucket| (id, bucket))).collect();
        let own = own_words(tag);
        let sources = self.sources.iter().zip(0_u32..);
        sources
            .filter_map(|(source, at)| admission(&buckets, &own, &source.logsource).map(|admission| (at, admission)))
            .collect()
    }

    /// How one rule is admitted for a tag.
    pub(crate) fn admission(&self, mappings: &Mappings, tag: &Tag<'_>, rule: &Rule) -> Option<Admission> {
        let buckets: Vec<(BucketId, &Bucket)> =
            mappings.classify(tag).into_iter().filter_map(|id| mappings.get(id).map(|bucket| (id, bucket))).collect();
        admission(&buckets, &own_words(tag), &rule.logsource)
    }

    /// The rules of log sources, sorted.
    pub(crate) fn members(&self, admitted: &[(u32, Admission)]) -> Vec<Member> {
        let mut members = Vec::new();
        for (source, admission) in admitted {
            if let Some(source) = self.sources.get(*source as usize) {
                members.extend(source.rules.iter().map(|rule| Member { rule: *rule, admission: *admission }));
            }
        }
        members.sort_unstable();
        members
    }

    /// Whether a rule's condition asks about the code.
    pub(crate) fn asks_code(&self, rule: RuleIndex) -> bool {
        self.codes.get(rule.0 as usize).is_some_and(|codes| codes.asks)
    }

    /// The codes that these rules name in full; `None` if they ask in other ways, so that no two codes are surely alike.
    pub(crate) fn named_codes(&self, members: &[Member]) -> Option<FxHashSet<Box<str>>> {
        let mut named = FxHashSet::default();
        for codes in members.iter().filter_map(|member| self.codes.get(member.rule.0 as usize)) {
            if codes.otherwise {
                return None;
            }
            named.extend(codes.named.iter().cloned());
        }
        Some(named)
    }
}

fn own_words(tag: &Tag<'_>) -> Logsource {
    Logsource { product: tag.product.to_owned(), category: String::new(), service: tag.service.to_owned() }
}

fn admission(buckets: &[(BucketId, &Bucket)], own: &Logsource, rule: &Logsource) -> Option<Admission> {
    let bucket = buckets.iter().find(|(_, bucket)| bucket.logsource.admits(rule));
    bucket.map(|(id, _)| Admission::Bucket(*id)).or_else(|| own.admits(rule).then_some(Admission::OwnWords))
}

/// Every name under which a rule may ask for the code.
struct CodeNames<'m> {
    names: FxHashSet<&'m str>,
    /// Their lengths, as bits: few fields are as long as one of them.
    lengths: u64,
}

impl<'m> CodeNames<'m> {
    fn new(mappings: &'m Mappings) -> Self {
        let mut names = FxHashSet::from_iter([CODE_FIELD]);
        for bucket in mappings.buckets() {
            let both = bucket.alias.iter().chain(&bucket.ocsf);
            names.extend(both.filter(|(_, native)| **native == [CODE_FIELD]).map(|(name, _)| name.as_str()));
        }
        let lengths = names.iter().fold(0, |lengths, name| lengths | Self::length(name));
        Self { names, lengths }
    }

    fn length(name: &str) -> u64 {
        1 << name.len().min(63)
    }

    fn has(&self, field: &str) -> bool {
        self.lengths & Self::length(field) != 0 && self.names.contains(field)
    }
}

/// Rules that are worth a thread: reading their conditions takes about a millisecond.
const RULES_PER_THREAD_MIN: usize = 1024;

impl Codes {
    /// What each rule's condition says; `None` for those that are too deep. Conditions lie all over memory, so several threads
    /// fetch them.
    fn of_all(set: &RuleSet, mappings: &Mappings) -> Vec<Option<Self>> {
        let names = CodeNames::new(mappings);
        let read = |rules: &[Rule]| -> Vec<Option<Self>> {
            let of = |rule: &Rule| {
                let mut codes = Self::default();
                codes.read(&rule.expr, &names, CONDITION_DEPTH_MAX).then_some(codes)
            };
            rules.iter().map(of).collect()
        };
        parts::each(&set.rules, parts::threads(), RULES_PER_THREAD_MIN, read).into_iter().flatten().collect()
    }

    /// Reads a condition; false if it is deeper than `depth`.
    fn read(&mut self, expr: &Expr, names: &CodeNames<'_>, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        match expr {
            Expr::And(children) | Expr::Or(children) => children.iter().all(|child| self.read(child, names, depth)),
            Expr::Not(child) | Expr::Selection(_, child) => self.read(child, names, depth),
            Expr::Atom(atom) => {
                if atom.field.as_deref().is_some_and(|field| names.has(field)) {
                    self.asks = true;
                    match &atom.test {
                        Test::Text { pattern: Pattern::Exact(code), .. } => self.named.push(compare::fold(code).into()),
                        Test::Null | Test::Exists(_) => {}
                        Test::Regex(_) | Test::Cidr(_) | Test::FieldRef { .. } | Test::TimePart(..) => {}
                        _ => self.otherwise = true,
                    }
                }
                true
            }
        }
    }
}
