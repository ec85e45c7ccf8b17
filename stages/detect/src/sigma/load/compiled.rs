//! A loaded set as bytes: read back in a few milliseconds instead of being parsed again.
//!
//! ```text
//! magic 8 · format u32 · version length u8, bytes · source 32 · payload length u64 · SHA-256 of all but itself 32 · payload
//! ```
//!
//! Integers are little endian. `source` is the [`fingerprint`](super::fingerprint) of packs and lists: a set with another
//! one is stale. The payload is postcard. Formulas are stored flat, in postfix order, so that reading needs no recursion
//! and no depth can be forged; field names stand in a table.
//!
//! What must stay true: the hash guards against damage, not against an attacker, who can compute it too. So reading
//! checks everything it uses and allocates only in proportion to the bytes that are there.
//!
//! Rules are stored in runs, so that several threads can read them, while another takes the hash. SigmaHQ (3,978 rules,
//! 4.4 MB) takes about 14 ms on one thread, 2.5 of them for the hash, and 7 to 13 on four.

use std::thread;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shieldwall_schema::mapping::Logsource;

use super::super::ir::{Atom, Correlation, Expr, Level, Rule, RuleSet, Test};
use super::super::parts;
use super::fault::Remark;
use super::limits::{COMPILED_BYTES_MAX, EXPR_DEPTH_MAX};
use super::run::Loaded;

const MAGIC: &[u8; 8] = b"SWRULES\n";
/// Raised with every change of the payload, and of how what regexes need is found: a set keeps that.
const FORMAT: u32 = 5;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a compiled set was not read. All mean: compile it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompiledError {
    /// Not a compiled set, or cut short.
    #[error("not a compiled rule set, or cut short")]
    NotCompiled,
    /// Written by another version.
    #[error("compiled rule set of version {0}, not of this one")]
    OtherVersion(String),
    /// Over the size limit.
    #[error("compiled rule set of {0} bytes is over the limit of {max}", max = COMPILED_BYTES_MAX)]
    TooLarge(usize),
    /// The bytes are not those that were written.
    #[error("compiled rule set is damaged: its SHA-256 differs")]
    Damaged,
    /// The payload makes no sense.
    #[error("compiled rule set is invalid: {0}")]
    Invalid(&'static str),
}

/// Writes a loaded set. `source` is the [`fingerprint`](super::fingerprint) of what it was loaded from.
pub fn write(loaded: &Loaded, source: &[u8; 32]) -> Vec<u8> {
    let mut names = Names::default();
    // Serialising into memory fails only for types that this payload does not have.
    let mut runs: Vec<Vec<u8>> = Vec::new();
    for rules in loaded.set.rules.chunks(RUN_RULES) {
        let run: Vec<StoredRule> = rules.iter().map(|rule| StoredRule::from(rule, &mut names)).collect();
        runs.push(postcard::to_stdvec(&run).unwrap_or_default());
    }
    let mut needs = Vec::with_capacity(loaded.set.needs.len());
    for (regex, need) in &loaded.set.needs {
        let mut formula = Vec::new();
        flatten(need, &mut names, &mut formula);
        needs.push((regex.clone(), formula));
    }
    let stored = Stored {
        names: names.names,
        runs: runs.iter().map(Vec::as_slice).collect(),
        correlations: loaded.set.correlations.clone(),
        needs,
        refusals: loaded.refusals.clone(),
        skipped: loaded.skipped.clone(),
        notes: loaded.notes.clone(),
    };
    let payload = postcard::to_stdvec(&stored).unwrap_or_default();
    let head = head(source, payload.len());
    let hash = Sha256::new().chain_update(&head).chain_update(&payload).finalize();
    [head.as_slice(), &hash, &payload].concat()
}

fn head(source: &[u8; 32], payload: usize) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(FORMAT.to_le_bytes());
    head.push(u8::try_from(VERSION.len()).unwrap_or(u8::MAX));
    head.extend(VERSION.as_bytes());
    head.extend(source);
    head.extend(u64::try_from(payload).unwrap_or(u64::MAX).to_le_bytes());
    head
}

/// The source of a compiled set, read from its header alone. The set itself is not checked.
pub fn source(bytes: &[u8]) -> Result<[u8; 32], CompiledError> {
    Header::read(bytes).map(|header| header.source)
}

/// The hash in a compiled set's header, which stands for all of it once [`read`] has accepted the set.
pub fn hash(bytes: &[u8]) -> Result<[u8; 32], CompiledError> {
    let header = Header::read(bytes)?;
    header.hash.try_into().map_err(|_| CompiledError::NotCompiled)
}

/// Reads a compiled set and checks all of it.
pub fn read(bytes: &[u8]) -> Result<(Loaded, [u8; 32]), CompiledError> {
    if bytes.len() > COMPILED_BYTES_MAX {
        return Err(CompiledError::TooLarge(bytes.len()));
    }
    let header = Header::read(bytes)?;
    let fits = || {
        let hash = Sha256::new().chain_update(header.head).chain_update(header.payload).finalize();
        hash.as_slice() == header.hash
    };
    let restore = || decode::<Stored<'_>>(header.payload)?.restore();
    if bytes.len() < HASHED_BESIDE_MIN {
        return if fits() { Ok((restore()?, header.source)) } else { Err(CompiledError::Damaged) };
    }
    // Reading trusts no byte, hashed or not, so both go on at once; what was read counts only if the hash fits.
    let (fits, loaded) = thread::scope(|scope| {
        let hashing = scope.spawn(fits);
        let loaded = restore();
        (hashing.join().unwrap_or(false), loaded)
    });
    if fits { Ok((loaded?, header.source)) } else { Err(CompiledError::Damaged) }
}

/// Smaller sets are hashed in less time than a thread takes to start.
const HASHED_BESIDE_MIN: usize = 256 << 10;

fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, CompiledError> {
    match postcard::take_from_bytes::<T>(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(CompiledError::Invalid("bytes behind the payload")),
        Err(_) => Err(CompiledError::Invalid("the payload cannot be decoded")),
    }
}

struct Header<'b> {
    head: &'b [u8],
    source: [u8; 32],
    hash: &'b [u8],
    payload: &'b [u8],
}

impl<'b> Header<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, CompiledError> {
        let short = CompiledError::NotCompiled;
        let rest = bytes.strip_prefix(MAGIC).ok_or(short.clone())?;
        let (format, rest) = rest.split_first_chunk::<4>().ok_or(short.clone())?;
        let ([length], rest) = rest.split_first_chunk::<1>().ok_or(short.clone())?;
        let (version, rest) = rest.split_at_checked(usize::from(*length)).ok_or(short.clone())?;
        if u32::from_le_bytes(*format) != FORMAT || version != VERSION.as_bytes() {
            return Err(CompiledError::OtherVersion(String::from_utf8_lossy(version).escape_debug().to_string()));
        }
        let (source, rest) = rest.split_first_chunk::<32>().ok_or(short.clone())?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or(short.clone())?;
        let head = bytes.get(..bytes.len() - rest.len()).ok_or(short.clone())?;
        let (hash, payload) = rest.split_at_checked(32).ok_or(short.clone())?;
        if u64::try_from(payload.len()) != Ok(u64::from_le_bytes(*length)) {
            return Err(short);
        }
        Ok(Self { head, source: *source, hash, payload })
    }
}

/// Rules in one run: few enough that threads can share the runs evenly.
const RUN_RULES: usize = 64;

#[derive(Serialize, Deserialize)]
struct Stored<'b> {
    /// Names that rules share: fields, licences, packs, log sources, statuses.
    names: Vec<String>,
    /// Runs of up to [`RUN_RULES`] rules (a sequence of [`StoredRule`]), each encoded by itself.
    #[serde(borrow)]
    runs: Vec<&'b [u8]>,
    correlations: Vec<Correlation>,
    /// Regexes and what they need.
    needs: Vec<(Box<str>, Vec<Op>)>,
    refusals: Vec<Remark>,
    skipped: Vec<Remark>,
    notes: Vec<Remark>,
}

/// An index into the table of names.
type NameIndex = u32;

#[derive(Serialize, Deserialize)]
struct StoredRule {
    id: String,
    title: String,
    description: String,
    status: NameIndex,
    level: Level,
    author: String,
    license: NameIndex,
    tags: Vec<String>,
    references: Vec<String>,
    false_positives: Vec<String>,
    fields: Vec<String>,
    version: String,
    file: String,
    line: u32,
    hash: String,
    pack: NameIndex,
    logsource: [NameIndex; 3],
    selections: Vec<String>,
    condition: String,
    formula: Vec<Op>,
}

/// A step of a formula in postfix order.
#[derive(Serialize, Deserialize)]
enum Op {
    /// Joins the last `n` values.
    And(u32),
    Or(u32),
    Not,
    Selection(u16),
    Field(NameIndex, Test),
    Keyword(Test),
}

#[derive(Default)]
struct Names<'r> {
    names: Vec<String>,
    index: FxHashMap<&'r str, NameIndex>,
}

impl<'r> Names<'r> {
    fn put(&mut self, name: &'r str) -> NameIndex {
        *self.index.entry(name).or_insert_with(|| {
            self.names.push(name.to_owned());
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

impl StoredRule {
    fn from<'r>(rule: &'r Rule, names: &mut Names<'r>) -> Self {
        let mut formula = Vec::new();
        flatten(&rule.expr, names, &mut formula);
        let Logsource { product, category, service } = &rule.logsource;
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            description: rule.description.clone(),
            status: names.put(&rule.status),
            level: rule.level,
            author: rule.author.clone(),
            license: names.put(&rule.license),
            tags: rule.tags.clone(),
            references: rule.references.clone(),
            false_positives: rule.false_positives.clone(),
            fields: rule.fields.clone(),
            version: rule.version.clone(),
            file: rule.file.clone(),
            line: rule.line,
            hash: rule.hash.clone(),
            pack: names.put(&rule.pack),
            logsource: [names.put(product), names.put(category), names.put(service)],
            selections: rule.selections.clone(),
            condition: rule.condition.clone(),
            formula,
        }
    }
}

/// Recursion is bounded by what loading lets through (YAML depth, condition depth, filters).
fn flatten<'r>(expr: &'r Expr, names: &mut Names<'r>, out: &mut Vec<Op>) {
    let length = |parts: &[Expr]| u32::try_from(parts.len()).unwrap_or(u32::MAX);
    match expr {
        Expr::And(parts) => {
            parts.iter().for_each(|part| flatten(part, names, out));
            out.push(Op::And(length(parts)));
        }
        Expr::Or(parts) => {
            parts.iter().for_each(|part| flatten(part, names, out));
            out.push(Op::Or(length(parts)));
        }
        Expr::Not(part) => {
            flatten(part, names, out);
            out.push(Op::Not);
        }
        Expr::Selection(at, part) => {
            flatten(part, names, out);
            out.push(Op::Selection(*at));
        }
        Expr::Atom(Atom { field: Some(field), test }) => out.push(Op::Field(names.put(field), test.clone())),
        Expr::Atom(Atom { field: None, test }) => out.push(Op::Keyword(test.clone())),
    }
}

impl Stored<'_> {
    fn restore(self) -> Result<Loaded, CompiledError> {
        let Self { names, runs, correlations, needs, refusals, skipped, notes } = self;
        let read = |runs: &[&[u8]]| -> Result<Vec<Rule>, CompiledError> {
            let mut rules = Vec::new();
            for run in runs {
                let stored: Vec<StoredRule> = decode(run)?;
                rules.reserve(stored.len());
                for rule in stored {
                    rules.push(rule.restore(&names)?);
                }
            }
            Ok(rules)
        };
        let parts = parts::each(&runs, parts::threads(), 1, read).into_iter();
        let rules = parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let needs = needs.into_iter().map(|(regex, formula)| Ok((regex, restore(formula, &names, 0)?)));
        let set = RuleSet { rules, correlations, needs: needs.collect::<Result<_, CompiledError>>()? };
        set.check_correlations().map_err(CompiledError::Invalid)?;
        Ok(Loaded { set, refusals, skipped, notes })
    }
}

fn name(names: &[String], index: NameIndex) -> Result<&str, CompiledError> {
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    names.get(at).map(String::as_str).ok_or(CompiledError::Invalid("a name that is not in its table"))
}

impl StoredRule {
    fn restore(self, names: &[String]) -> Result<Rule, CompiledError> {
        let text = |index| name(names, index).map(str::to_owned);
        let [product, category, service] = self.logsource;
        let expr = restore(self.formula, names, self.selections.len())?;
        Ok(Rule {
            id: self.id,
            title: self.title,
            description: self.description,
            status: text(self.status)?,
            level: self.level,
            author: self.author,
            license: text(self.license)?,
            tags: self.tags,
            references: self.references,
            false_positives: self.false_positives,
            fields: self.fields,
            version: self.version,
            file: self.file,
            line: self.line,
            hash: self.hash,
            pack: text(self.pack)?,
            signed: false,
            logsource: Logsource { product: text(product)?, category: text(category)?, service: text(service)? },
            selections: self.selections,
            condition: self.condition,
            expr,
        })
    }
}

/// Builds the formula again; each entry carries its depth, so that none can be deeper than the limit.
fn restore(formula: Vec<Op>, names: &[String], selections: usize) -> Result<Expr, CompiledError> {
    const BROKEN: CompiledError = CompiledError::Invalid("a formula that does not add up");
    let mut stack: Vec<(Expr, usize)> = Vec::new();
    for op in formula {
        let (expr, depth) = match op {
            Op::Field(index, test) => (Expr::Atom(Atom { field: Some(name(names, index)?.into()), test }), 0),
            Op::Keyword(test) => (Expr::Atom(Atom { field: None, test }), 0),
            Op::Not => {
                let (inner, depth) = stack.pop().ok_or(BROKEN)?;
                (Expr::Not(Box::new(inner)), depth + 1)
            }
            Op::Selection(at) => {
                let (inner, depth) = stack.pop().ok_or(BROKEN)?;
                if usize::from(at) >= selections {
                    return Err(CompiledError::Invalid("a selection that is not in its rule"));
                }
                (Expr::Selection(at, Box::new(inner)), depth + 1)
            }
            Op::And(count) | Op::Or(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let start = stack.len().checked_sub(count).ok_or(BROKEN)?;
                let mut depth = 0;
                let parts = stack.drain(start..).map(|(part, part_depth)| {
                    depth = depth.max(part_depth);
                    part
                });
                let parts: Vec<Expr> = parts.collect();
                (if matches!(op, Op::And(_)) { Expr::And(parts) } else { Expr::Or(parts) }, depth + 1)
            }
        };
        if depth > EXPR_DEPTH_MAX {
            return Err(CompiledError::Invalid("a formula nested too deep"));
        }
        stack.push((expr, depth));
    }
    match (stack.pop(), stack.is_empty()) {
        (Some((expr, _)), true) => Ok(expr),
        _ => Err(BROKEN),
    }
}
