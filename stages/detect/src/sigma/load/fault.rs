//! Why a rule or a file is refused, and the remark that says so to the user.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a YAML file. Line 0: the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters; 0 if unknown.
    pub column: u32,
}

/// A refusal on its way up: where and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub at: At,
    pub why: Why,
}

impl Fault {
    pub(crate) fn new(at: At, why: Why) -> Self {
        Self { at, why }
    }
}

/// Every reason for a refusal. Each has a test that makes it (`tests::refusals`).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Why {
    // Files
    #[error("not UTF-8")]
    NotUtf8,
    #[error("file is over the limit of {max} bytes", max = super::limits::FILE_BYTES_MAX)]
    FileTooLarge,
    #[error("pack is over the limit of {max} bytes; this file was not read", max = super::limits::PACK_BYTES_MAX)]
    PackTooLarge,
    #[error("pack has more than {max} rule files; this one was not read", max = super::limits::FILES_MAX)]
    TooManyFiles,
    #[error("folders nested deeper than {max}; this one was not read", max = super::limits::FOLDER_DEPTH_MAX)]
    FoldersTooDeep,
    #[error("name would leave the archive; it was not read")]
    UnsafeName,
    #[error("encrypted archive member; it was not read")]
    Encrypted,
    #[error("cannot read: {0}")]
    Unreadable(String),

    // YAML
    #[error("not YAML: {0}")]
    Yaml(String),
    #[error("YAML nested deeper than {max}", max = super::limits::YAML_DEPTH_MAX)]
    YamlTooDeep,
    #[error("more than {max} YAML nodes, aliases counted as often as they are used", max = super::limits::YAML_NODES_MAX)]
    YamlTooManyNodes,
    #[error("more than {max} YAML documents", max = super::limits::DOCUMENTS_MAX)]
    TooManyDocuments,
    #[error("alias to an anchor that is not complete here")]
    AliasUnknown,
    #[error("key `{0}` stands twice in one map")]
    DuplicateKey(String),
    #[error("a map's key is itself a list or a map")]
    KeyNotScalar,
    #[error("YAML tag `{0}` is not supported")]
    TagUnsupported(String),
    #[error("merge key `<<` wants a map")]
    MergeNotMap,

    // Rules
    #[error("unknown `action` `{0}`; known are global, reset and repeat")]
    UnknownAction(String),
    #[error("`action: repeat` has no rule before it")]
    NothingToRepeat,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{key}` should be {want}")]
    WrongShape { key: String, want: &'static str },
    #[error("unknown level `{0}`; known are informational, low, medium, high and critical")]
    UnknownLevel(String),
    #[error("`logsource` names no category, product or service")]
    LogsourceEmpty,

    // Detection
    #[error("`detection` has no selection")]
    NoSelection,
    #[error("more than {max} selections", max = super::limits::SELECTIONS_MAX)]
    TooManySelections,
    #[error("more than {max} comparisons in one rule", max = super::limits::ATOMS_MAX)]
    TooManyAtoms,
    #[error("selection `{0}` is empty")]
    SelectionEmpty(String),
    #[error("field `{0}` has no value")]
    NoValue(String),
    #[error("field `{0}` has a map where a value should be")]
    ValueIsMap(String),
    #[error("field `{0}`: a list inside a list cannot be joined by `all`")]
    NestedAll(String),
    #[error("value of field `{field}` has {bytes} bytes, over the limit of {max}")]
    ValueTooLarge { field: String, bytes: usize, max: usize },
    #[error("value of field `{field}` becomes more than {max} values or {bytes} bytes", max = super::limits::VARIANTS_MAX, bytes = super::limits::VARIANT_BYTES_MAX)]
    TooManyVariants { field: String },

    // Modifiers
    #[error("unknown modifier `|{modifier}` on field `{field}`")]
    UnknownModifier { modifier: String, field: String },
    #[error("modifier `|{modifier}` stands twice on field `{field}`")]
    ModifierTwice { modifier: String, field: String },
    #[error("modifier `|{modifier}` cannot be combined with `|{other}` on field `{field}`")]
    Combination { modifier: String, other: String, field: String },
    #[error("modifier `|{modifier}` must follow `|re` on field `{field}`")]
    OnlyAfterRegex { modifier: String, field: String },
    #[error("modifier `|{0}` needs a field; it stands on a keyword")]
    NeedsField(String),
    #[error("modifier `|{modifier}` on field `{field}` wants {want}, not `{found}`")]
    WrongValue { modifier: String, field: String, want: &'static str, found: String },
    #[error("`null` on field `{0}` cannot take modifiers that change text")]
    NullModified(String),
    #[error(
        "modifier `|{modifier}` on field `{field}` wants text without wildcards: put `contains` behind it, or escape `*` and `?`"
    )]
    Wildcard { modifier: String, field: String },
    #[error("modifier `|base64offset` on field `{field}`: `{value}` is too short to leave anything that can be found")]
    TooShort { field: String, value: String },
    #[error("UTF-16 text on field `{0}` is not text in a log: put `base64` or `base64offset` behind it")]
    WideNotText(String),
    #[error("regular expression on field `{field}`: {reason}")]
    Regex { field: String, reason: String },

    // Conditions
    #[error("condition is empty")]
    ConditionEmpty,
    #[error("condition of {0} bytes is over the limit of {max}", max = super::limits::CONDITION_BYTES_MAX)]
    ConditionTooLong(usize),
    #[error("condition nested deeper than {max}", max = super::limits::CONDITION_DEPTH_MAX)]
    ConditionTooDeep,
    #[error("condition: unexpected {0}")]
    ConditionUnexpected(String),
    #[error("condition names selection `{0}`, which is not there")]
    SelectionMissing(String),
    #[error("condition: no selection is called `{0}`")]
    NoneMatches(String),
    #[error("condition: `{count} of {pattern}` can never hold, only {have} selections are meant")]
    TooFew { count: usize, pattern: String, have: usize },
    #[error("condition: `0 of {0}` is not part of the specification; write `not 1 of {0}`")]
    ZeroOf(String),
    #[error("condition: `{0}` becomes more than {max} combinations", max = super::limits::COMBINATIONS_MAX)]
    TooManyCombinations(String),
    #[error("aggregation `| {0}` was removed from the specification: write a correlation rule")]
    Aggregation(String),
    #[error(
        "`timeframe` belongs to an aggregation, which was removed from the specification: write a correlation rule"
    )]
    Timeframe,

    // Filters
    #[error("filter names no rules: give a list of ids or names, or `any`")]
    FilterWithoutRules,

    // Correlations
    #[error(
        "unknown key `{0}` in `correlation`; known are type, rules, aliases, group-by, timespan, condition and generate"
    )]
    CorrelationKey(String),
    #[error(
        "unknown correlation type `{0}`; known are event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, value_percentile and value_median"
    )]
    CorrelationType(String),
    #[error("`timespan` should be a number and s, m, h or d, as in `90m`, not `{0}`")]
    Timespan(String),
    #[error("`timespan` `{0}` is over the limit of {max} days", max = super::limits::CORRELATION_TIMESPAN_DAYS_MAX)]
    TimespanTooLong(String),
    #[error("unknown `{0}` in the correlation's condition; known are gt, gte, lt, lte, eq, neq, field and percentile")]
    CorrelationOperator(String),
    #[error(
        "a correlation's condition is a map such as `gte: 10`; the expression `{0}` is not part of specification 2.1"
    )]
    CorrelationExpression(String),
    #[error("`{0}` needs a condition that compares, such as `gte: 10`")]
    CorrelationUnbounded(String),
    #[error("`{0}` needs `field` in its condition: what should be counted")]
    CorrelationFieldMissing(String),
    #[error("`{0}` takes one `field` in its condition, not several")]
    CorrelationFieldMany(String),
    #[error("`{0}` does not look at a `field`: take it out of the condition, or count values with `value_count`")]
    CorrelationFieldIdle(String),
    #[error("the condition asks for {limit}, and at most {max} can be counted here")]
    CorrelationCountOver { limit: String, max: u32 },
    #[error("`percentile` should be above 0 and at most 100, not {0}")]
    PercentileRange(String),
    #[error("`percentile` belongs to `value_percentile`, not to `{0}`")]
    PercentileElsewhere(String),
    #[error("more than {max} {what} in one correlation")]
    CorrelationTooMany { what: &'static str, max: usize },
    #[error("rule `{0}` is named twice")]
    CorrelationRuleTwice(String),
    #[error("alias `{alias}` is for rule `{rule}`, which `rules` does not name in these letters")]
    AliasOfOther { alias: String, rule: String },
    #[error("correlation names rule `{0}`, which is not loaded: add its file, or put it into this one behind `---`")]
    CorrelationRuleUnknown(String),
    #[error("{count} rules are called `{name}`: write the id of the one that is meant")]
    CorrelationRuleAmbiguous { name: String, count: usize },
    #[error("correlation names `{0}`, which was refused itself")]
    CorrelationRuleRefused(String),
    #[error("correlations stand on each other in a circle, `{0}`: take one of them out of `rules`")]
    CorrelationCircle(String),
    #[error("more than {max} correlations stand one on the other", max = super::limits::CORRELATION_DEPTH_MAX)]
    CorrelationTooDeep,
}

/// What is said about one rule or file: a refusal, something that was skipped, or a note.
///
/// `Display` gives one line: ``rules/x.yml line 14: unknown modifier `|foo` on field `Image` ``.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Remark {
    /// The pack's name.
    pub pack: String,
    /// The file, relative to the pack's root, with `/`.
    pub file: String,
    /// 1-based line; 0 if the file as a whole is meant.
    pub line: u32,
    /// 1-based column in characters, if known.
    pub column: Option<u32>,
    /// The rule's `id`, if it was read.
    pub rule_id: Option<String>,
    /// The rule's `title`, if it was read.
    pub title: Option<String>,
    /// What is the matter, in words: lower case, no final stop.
    pub reason: String,
}

/// A rule or file that was not loaded because something in it is wrong or over a limit.
pub type Refusal = Remark;

/// A document that was recognised and left alone.
pub type Skipped = Remark;

/// Something about a loaded rule that its user should know.
pub type Note = Remark;

impl fmt::Display for Remark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if self.line > 0 {
            write!(out, " line {}", self.line)?;
        }
        write!(out, ": {}", self.reason)
    }
}
