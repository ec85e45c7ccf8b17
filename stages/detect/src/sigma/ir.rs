//! What a rule is once it is understood: the form between loading and matching.
//!
//! Loading resolves modifiers, placeholders, lists, condition words and filters, so that only And, Or, Not and [`Atom`]s
//! remain. Matching never sees YAML. The form is serialisable: it is what a compiled rule set stores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shieldwall_schema::mapping::Logsource;

/// A rule's place in its [`RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleIndex(pub u32);

/// Sigma's `level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `informational`, and rules that name no level.
    #[default]
    Informational,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `critical`
    Critical,
}

/// All loaded rules.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RuleSet {
    /// The rules, sorted by (id, hash), so that the order of files on disk changes nothing. A correlation stands among
    /// them with all that is said about it; its own `expr` holds for no record.
    pub rules: Vec<Rule>,
    /// What correlations ask of the matches of other rules, sorted by [`Correlation::rule`].
    pub correlations: Vec<Correlation>,
    /// Regex → keywords that its value must hold, folded, wherever it matches. Says nothing that the regexes do not say;
    /// reading one takes a hundred times as long as looking it up here. What is missing is read when it is needed.
    pub needs: BTreeMap<Box<str>, Expr>,
}

impl RuleSet {
    /// The correlation that a rule is, if it is one.
    pub fn correlation(&self, rule: RuleIndex) -> Option<&Correlation> {
        let at = self.correlations.binary_search_by_key(&rule, |correlation| correlation.rule).ok()?;
        self.correlations.get(at)
    }

    /// All sets as one. The same rule (by id and text) in several runs once, the first of the sets; correlations follow their
    /// rules. Rules are sorted by their places, as moving them about costs more than comparing them.
    pub fn join(sets: Vec<Self>) -> Self {
        let mut ranges = Vec::with_capacity(sets.len());
        let mut all: Vec<Option<Rule>> = Vec::new();
        let mut correlations = Vec::new();
        let mut needs = BTreeMap::new();
        for (set, one) in sets.into_iter().enumerate() {
            needs.extend(one.needs);
            ranges.push(all.len()..all.len() + one.rules.len());
            all.extend(one.rules.into_iter().map(Some));
            correlations.extend(one.correlations.into_iter().map(|correlation| (set, correlation)));
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        let key = |at: &usize| all.get(*at).and_then(Option::as_ref).map(|rule| (&rule.id, &rule.hash, &rule.pack));
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut place = vec![RuleIndex(0); all.len()];
        let mut rules: Vec<Rule> = Vec::with_capacity(all.len());
        for at in order {
            let Some(rule) = all.get_mut(at).and_then(Option::take) else { continue };
            if rules.last().is_none_or(|last| last.id != rule.id || last.hash != rule.hash) {
                rules.push(rule);
            }
            if let Some(place) = place.get_mut(at) {
                *place = RuleIndex(rules.len() as u32 - 1);
            }
        }
        let mut correlations: Vec<Correlation> = correlations
            .into_iter()
            .filter_map(|(set, mut one)| {
                let own = place.get(ranges.get(set)?.clone())?;
                let moved = |rule: &RuleIndex| own.get(rule.0 as usize).copied();
                one.rule = moved(&one.rule)?;
                for member in &mut one.members {
                    member.rules = member.rules.iter().filter_map(moved).collect();
                }
                Some(one)
            })
            .collect();
        correlations.sort_by_key(|one| one.rule);
        correlations.dedup_by_key(|one| one.rule);
        Self { rules, correlations, needs }
    }

    /// The chosen rules as a set of their own, with whatever rules the correlations among them stand on.
    pub fn subset(&self, chosen: impl Fn(&Rule) -> bool) -> Self {
        let kept = self.needed(chosen);
        let rules = self.rules.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(rule, _)| rule.clone());
        Self { rules: rules.collect(), correlations: self.moved(&kept), needs: self.needs.clone() }
    }

    /// The same, without a copy.
    pub fn into_subset(self, chosen: impl Fn(&Rule) -> bool) -> Self {
        let kept = self.needed(chosen);
        self.keep(&kept)
    }

    /// Marks the chosen rules and what the correlations among them stand on.
    fn needed(&self, chosen: impl Fn(&Rule) -> bool) -> Vec<bool> {
        let mut kept: Vec<bool> = self.rules.iter().map(chosen).collect();
        let mut open: Vec<usize> = (0..kept.len()).filter(|at| kept.get(*at) == Some(&true)).collect();
        while let Some(at) = open.pop() {
            let below = self.correlation(RuleIndex(at as u32)).into_iter().flat_map(|one| &one.members);
            for rule in below.flat_map(|member| &member.rules) {
                if let Some(kept) = kept.get_mut(rule.0 as usize).filter(|kept| !**kept) {
                    *kept = true;
                    open.push(rule.0 as usize);
                }
            }
        }
        kept
    }

    /// The rules that say something of a single record: without correlations and without what only feeds them.
    pub fn without_correlations(self) -> Self {
        let mut kept: Vec<bool> = self.silent().into_iter().map(|silent| !silent).collect();
        for one in &self.correlations {
            if let Some(kept) = kept.get_mut(one.rule.0 as usize) {
                *kept = false;
            }
        }
        self.keep(&kept)
    }

    /// The marked rules, and the correlations among them.
    fn keep(self, kept: &[bool]) -> Self {
        let correlations = self.moved(kept);
        let rules = self.rules.into_iter().zip(kept).filter(|(_, kept)| **kept).map(|(rule, _)| rule);
        Self { rules: rules.collect(), correlations, needs: self.needs }
    }

    /// The correlations among the marked rules, pointing at where these will stand.
    fn moved(&self, kept: &[bool]) -> Vec<Correlation> {
        let mut place = Vec::with_capacity(kept.len());
        let mut next = 0;
        for kept in kept {
            place.push(kept.then_some(RuleIndex(next)));
            next += u32::from(*kept);
        }
        let moved = |rule: &RuleIndex| place.get(rule.0 as usize).copied().flatten();
        let correlations = self.correlations.iter().filter_map(|one| {
            let mut one = Correlation { rule: moved(&one.rule)?, ..one.clone() };
            for member in &mut one.members {
                member.rules = member.rules.iter().filter_map(moved).collect();
            }
            Some(one)
        });
        correlations.collect()
    }

    /// Checks what a stored set says about its correlations: sorted, each of rules that are there, no circle, within the
    /// limits of the engine.
    pub(crate) fn check_correlations(&self) -> Result<(), &'static str> {
        let count = self.rules.len();
        let there = |rule: &RuleIndex| (rule.0 as usize) < count;
        let list = &self.correlations;
        if !list.is_sorted_by(|one, next| one.rule < next.rule) {
            return Err("correlations out of order");
        }
        if list.len() > count || !list.iter().all(|one| there(&one.rule)) {
            return Err("a correlation without its rule");
        }
        let members = |one: &Correlation| one.members.iter().flat_map(|member| &member.rules).all(there);
        if !list.iter().all(|one| members(one) && !one.members.is_empty()) {
            return Err("a correlation of rules that are not there");
        }
        if !list.iter().all(|one| one.timespan > 0 && !one.bounds.is_empty()) {
            return Err("a correlation without time or condition");
        }
        // Peels off what stands on nothing unpeeled; what is left is a circle, or a tower over the limit.
        let mut open: Vec<&Correlation> = list.iter().collect();
        for _ in 0..super::load::limits::CORRELATION_DEPTH_MAX {
            let still: std::collections::BTreeSet<RuleIndex> = open.iter().map(|one| one.rule).collect();
            open.retain(|one| one.members.iter().flat_map(|member| &member.rules).any(|rule| still.contains(rule)));
        }
        if open.is_empty() { Ok(()) } else { Err("correlations in a circle, or too many one on the other") }
    }

    /// Which rules give no finding of their own, by index: those that a correlation of the same pack refers to, unless one
    /// that refers to them says `generate: true`. A pack cannot silence another's rules.
    pub fn silent(&self) -> Vec<bool> {
        let mut silent = vec![false; self.rules.len()];
        let pack = |rule: RuleIndex| self.rules.get(rule.0 as usize).map(|rule| &rule.pack);
        let referred = |correlation: &Correlation, mark: &mut dyn FnMut(RuleIndex)| {
            correlation.members.iter().flat_map(|member| &member.rules).for_each(|rule| mark(*rule));
        };
        for correlation in self.correlations.iter().filter(|correlation| !correlation.generate) {
            referred(correlation, &mut |rule| {
                if let Some(place) = silent.get_mut(rule.0 as usize)
                    && pack(rule) == pack(correlation.rule)
                {
                    *place = true;
                }
            });
        }
        for correlation in self.correlations.iter().filter(|correlation| correlation.generate) {
            referred(correlation, &mut |rule| {
                if let Some(place) = silent.get_mut(rule.0 as usize) {
                    *place = false;
                }
            });
        }
        silent
    }
}

/// What a correlation rule asks of the matches of other rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Where its title, level and the rest stand.
    pub rule: RuleIndex,
    /// `type`
    pub kind: CorrelationKind,
    /// `rules`, in the order of the file.
    pub members: Vec<CorrelationMember>,
    /// `group-by`: names of fields or of aliases.
    pub group_by: Vec<Box<str>>,
    /// The condition's `field`: one, or several that count together.
    pub fields: Vec<Box<str>>,
    /// `timespan`, in nanoseconds.
    pub timespan: i64,
    /// The condition's comparisons: all must hold. Never empty.
    pub bounds: Vec<Bound>,
    /// `generate`
    pub generate: bool,
}

/// One entry of a correlation's `rules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelationMember {
    /// As written: a rule's name or id.
    pub name: Box<str>,
    /// The rules meant: one, or all that share an id.
    pub rules: Vec<RuleIndex>,
    /// Alias → what it stands for in matches of these rules.
    pub aliases: Vec<(Box<str>, Box<str>)>,
}

impl CorrelationMember {
    /// The field that a name stands for in matches of this member.
    pub fn field<'n>(&'n self, name: &'n str) -> &'n str {
        self.aliases.iter().find(|(alias, _)| **alias == *name).map_or(name, |(_, field)| field)
    }
}

/// What is counted or sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CorrelationKind {
    /// `event_count`: matches.
    EventCount,
    /// `value_count`: distinct values of the fields.
    ValueCount,
    /// `temporal`: different members.
    Temporal,
    /// `temporal_ordered`: different members, one after the other.
    TemporalOrdered,
    /// `value_sum`: the field's numbers, added.
    ValueSum,
    /// `value_avg`: the field's numbers, their mean.
    ValueAverage,
    /// `value_percentile`: the number below or at which so many per cent of the field's numbers lie (nearest rank).
    ValuePercentile(Number),
}

/// A comparison of what was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// How.
    pub order: BoundOrder,
    /// With what.
    pub limit: Number,
}

/// How what was counted is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoundOrder {
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `eq`
    Equal,
    /// `neq`
    NotEqual,
}

impl Bound {
    /// Whether a value is within the bound.
    pub fn holds(self, value: f64) -> bool {
        let limit = self.limit.get();
        match self.order {
            BoundOrder::Greater => value > limit,
            BoundOrder::GreaterOrEqual => value >= limit,
            BoundOrder::Less => value < limit,
            BoundOrder::LessOrEqual => value <= limit,
            BoundOrder::Equal => value == limit,
            BoundOrder::NotEqual => value != limit,
        }
    }

    /// Whether it can only become true as more is counted.
    pub fn is_lower(self) -> bool {
        matches!(self.order, BoundOrder::Greater | BoundOrder::GreaterOrEqual)
    }
}

/// One rule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rule {
    /// `id`; where a rule has none, a UUID derived from its content hash.
    pub id: String,
    /// `title`
    pub title: String,
    /// `description`
    pub description: String,
    /// `status`, as written.
    pub status: String,
    /// `level`
    pub level: Level,
    /// `author`, as written; shown in alerts.
    pub author: String,
    /// `license`, as written; or what the pack says.
    pub license: String,
    /// `tags`, as written.
    pub tags: Vec<String>,
    /// `references`
    pub references: Vec<String>,
    /// `falsepositives`
    pub false_positives: Vec<String>,
    /// `fields`
    pub fields: Vec<String>,
    /// `date` / `modified`: the later one, as written; the rule's version.
    pub version: String,
    /// The file, relative to the pack's root, with `/`.
    pub file: String,
    /// 1-based line of the document in its file.
    pub line: u32,
    /// SHA-256 of the document's text (after global/collection merging), hex.
    pub hash: String,
    /// The pack's name; empty for the built-in pack.
    pub pack: String,
    /// Whether somebody who is believed signed that pack. Never stored: whoever loads a pack says so.
    pub signed: bool,
    /// Where the rule may look.
    pub logsource: Logsource,
    /// Selection names in the order of the file.
    pub selections: Vec<String>,
    /// The condition as written (several are joined by `or`).
    pub condition: String,
    /// The condition, resolved.
    pub expr: Expr,
}

/// A boolean formula over atoms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// All hold. Empty: true.
    And(Vec<Expr>),
    /// One holds. Empty: false.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A named selection (index into [`Rule::selections`]): transparent to matching, kept for explanations.
    Selection(u16, Box<Expr>),
    /// A comparison.
    Atom(Atom),
}

impl Default for Expr {
    /// False.
    fn default() -> Self {
        Self::Or(Vec::new())
    }
}

/// One comparison of one field: true if **any** value of the field satisfies the test.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Atom {
    /// The rule's field name; `None` for a keyword, which looks at every value of the record.
    pub field: Option<Box<str>>,
    /// The test.
    pub test: Test,
}

/// A test of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Test {
    /// Text with wildcards.
    Text {
        /// What to find. Folded (`shieldwall_schema::event::fold_into`) unless `cased`.
        pattern: Pattern,
        /// Whether case counts (`|cased`): compare with the unfolded value.
        cased: bool,
    },
    /// `|re`: an unanchored search in the unfolded value. Linear time (crate `regex`). Flags i, m, s are already in the
    /// pattern as `(?ims)`.
    Regex(String),
    /// `|cidr`: the value is an address in the network (canonical text, `10.0.0.0/8`).
    Cidr(String),
    /// `|lt`, `|lte`, `|gt`, `|gte`: the value is a number and compares.
    Compare(Order, Number),
    /// `null`: the field is absent or null.
    Null,
    /// `|exists: true` / `false`: the field is (not) there, null or not.
    Exists(bool),
    /// `|fieldref`: equal to another field's value, or with startswith / endswith / contains.
    FieldRef {
        /// The other field.
        field: Box<str>,
        /// How to compare.
        how: RefOrder,
        /// Whether case counts.
        cased: bool,
    },
    /// `|minute`, `|hour`, `|day`, `|week`, `|month`, `|year`: a part of a time value (RFC 3339 text or epoch), in UTC.
    TimePart(TimePart, i64),
}

/// A text pattern. `Glob` is used only where the others cannot say it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pattern {
    /// The whole value.
    Exact(Box<str>),
    /// The value's beginning: `x*`.
    Prefix(Box<str>),
    /// The value's end: `*x`.
    Suffix(Box<str>),
    /// Anywhere: `*x*`.
    Contains(Box<str>),
    /// Any value, the empty one too: `*`.
    Any,
    /// Everything else, anchored at both ends.
    Glob(Vec<Part>),
}

/// A piece of a glob.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Literal text.
    Text(Box<str>),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Many,
}

/// A numeric comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// How `|fieldref` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefOrder {
    /// Equal.
    Equals,
    /// Starts with the other field's value.
    StartsWith,
    /// Ends with it.
    EndsWith,
    /// Contains it.
    Contains,
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimePart {
    /// 0–59
    Minute,
    /// 0–23
    Hour,
    /// Day of the month, 1–31
    Day,
    /// ISO 8601 week, 1–53
    Week,
    /// 1–12
    Month,
    /// Four digits
    Year,
}

/// A number that is equal to itself and can be hashed: the bits of an `f64` that is not NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Number(u64);

impl Number {
    /// From a float; `None` for NaN. `-0.0` becomes `0.0`.
    pub fn new(value: f64) -> Option<Self> {
        (!value.is_nan()).then(|| Self((value + 0.0).to_bits()))
    }

    /// The float.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, level: Level) -> Rule {
        Rule { id: id.to_owned(), hash: id.to_owned(), level, ..Rule::default() }
    }

    /// `c` counts matches of `b`; `x` is a rule beside them.
    fn set(ids: &[&str]) -> RuleSet {
        let rules: Vec<Rule> =
            ids.iter().map(|id| rule(id, if *id == "c" { Level::High } else { Level::Low })).collect();
        let at = |id: &str| rules.iter().position(|rule| rule.id == id).map(|at| RuleIndex(at as u32));
        let correlations = at("c").zip(at("b")).map(|(rule, base)| Correlation {
            rule,
            kind: CorrelationKind::EventCount,
            members: vec![CorrelationMember { name: "b".into(), rules: vec![base], aliases: vec![] }],
            group_by: vec![],
            fields: vec![],
            timespan: 1,
            bounds: vec![],
            generate: false,
        });
        RuleSet { correlations: correlations.into_iter().collect(), rules, ..RuleSet::default() }
    }

    fn told(set: &RuleSet) -> Vec<(String, Vec<String>)> {
        let id = |rule: RuleIndex| set.rules[rule.0 as usize].id.clone();
        let told = |one: &Correlation| {
            (id(one.rule), one.members.iter().flat_map(|member| &member.rules).map(|rule| id(*rule)).collect())
        };
        set.correlations.iter().map(told).collect()
    }

    #[test]
    fn correlations_follow_their_rules() {
        let joined = RuleSet::join(vec![set(&["b", "c", "x"]), set(&["a", "b"])]);
        assert_eq!(joined.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "x"]);
        assert_eq!(told(&joined), [("c".to_owned(), vec!["b".to_owned()])]);
        assert_eq!(joined.silent(), [false, true, false, false]);
        // A level that leaves out what a correlation stands on does not leave the correlation without it.
        let high = joined.subset(|rule| rule.level >= Level::High);
        assert_eq!(high.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(told(&high), [("c".to_owned(), vec!["b".to_owned()])]);
    }
}
