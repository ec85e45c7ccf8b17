//! What a rule is once it is understood: the form between loading and matching.
//!
//! Loading resolves modifiers, placeholders, lists, condition words and filters, so that only And, Or, Not and [`Atom`]s
//! remain. Matching never sees YAML. The form is serialisable: it is what a compiled rule set stores.

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
    /// The rules, sorted by (id, hash), so that the order of files on disk changes nothing.
    pub rules: Vec<Rule>,
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
