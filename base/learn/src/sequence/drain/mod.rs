//! Log lines → templates: what is constant in a line is its template, the rest are its variables.
//!
//! After Drain (He, Zhu, Zheng and Lyu, "Drain: an online log parsing approach with fixed depth tree", ICWS 2017): a line
//! is cut at blanks, what looks like a number, address or path is masked ([`mask`]), lines of the same number of tokens and
//! the same first token are compared with the templates known, and the most similar one takes the line if enough of its
//! constant tokens agree; tokens that differ become variables. Ids are given in the order of first appearance and never
//! change, so sequences of them can be kept.
//!
//! What must stay true: the same lines in the same order give the same templates; everything is bounded, also for lines
//! made to break it. Cost: linear in the line, plus a comparison with at most [`LEAF_MAX`] templates.

mod mask;

use rustc_hash::FxHashMap;

pub use mask::WILDCARD;
use mask::{Masked, TOKENS_MAX};

use crate::tensors::{Array, LoadError, Tensors};

/// Templates that are told apart; lines that match none beyond are [`OTHER`]. A system has hundreds to a few thousand.
pub const TEMPLATES_MAX: usize = 16_384;

/// Different first tokens that lead to leaves of their own, for each number of tokens; beyond, first tokens count as
/// variable.
pub const CHILDREN_MAX: usize = 256;

/// Templates in one leaf: what a line is compared with. A full leaf takes a line into its most similar template.
pub const LEAF_MAX: usize = 128;

/// Bytes that all templates take together; lines that would need more are [`OTHER`]. A thousand templates are 100 KB.
pub const TEMPLATES_BYTES_MAX: usize = 32 << 20;

/// The id of lines beyond [`TEMPLATES_MAX`] and [`TEMPLATES_BYTES_MAX`].
pub const OTHER: u32 = u32::MAX;

/// Choices; the defaults are what we recommend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrainSettings {
    /// Share of constant tokens that must agree, 0 to 1. The default lets two of three suffice: `Accepted user bob`.
    pub similarity: f64,
}

impl Default for DrainSettings {
    fn default() -> Self {
        Self { similarity: 0.65 }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Template {
    tokens: Vec<String>,
    leaf: Leaf,
    lines: u64,
}

/// (Number of tokens, hash of the first token or 0 if that is a variable.) Two first tokens with one hash share a leaf,
/// which costs comparisons and nothing else.
type Leaf = (u32, u64);

/// A template miner.
#[derive(Clone, Debug, PartialEq)]
pub struct Drain {
    settings: DrainSettings,
    templates: Vec<Template>,
    /// What the templates' tokens take.
    bytes: usize,
    leaves: FxHashMap<Leaf, Vec<u32>>,
    /// For each number of tokens, how many first tokens have a leaf.
    children: FxHashMap<u32, u32>,
    scratch: Masked,
}

impl Default for Drain {
    fn default() -> Self {
        Self::new(DrainSettings::default())
    }
}

/// FNV-1a (Fowler, Noll, Vo): the same on every machine.
fn hash(token: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    token.bytes().fold(0xcbf2_9ce4_8422_2325, step).max(1)
}

impl Drain {
    /// A miner that knows no template.
    pub fn new(settings: DrainSettings) -> Self {
        Self {
            settings: DrainSettings { similarity: settings.similarity.clamp(0.0, 1.0) },
            templates: Vec::new(),
            bytes: 0,
            leaves: FxHashMap::default(),
            children: FxHashMap::default(),
            scratch: Masked::default(),
        }
    }

    /// How many templates there are.
    pub fn len(&self) -> usize {
        self.templates.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty()
    }

    /// A template as text, variables as `<*>`; empty if there is none of this id.
    pub fn template(&self, id: u32) -> String {
        self.templates.get(id as usize).map(|one| one.tokens.join(" ")).unwrap_or_default()
    }

    /// How many lines a template took.
    pub fn lines(&self, id: u32) -> u64 {
        self.templates.get(id as usize).map_or(0, |one| one.lines)
    }

    /// The template of a line, which learns from it; [`OTHER`] if there is no room for a new one.
    pub fn learn(&mut self, line: &str) -> u32 {
        let mut masked = std::mem::take(&mut self.scratch);
        masked.read(line);
        let id = self.learn_tokens(&masked, 1);
        self.scratch = masked;
        id
    }

    /// The template of a line, if it matches one that is known.
    pub fn find(&self, line: &str) -> Option<u32> {
        let mut masked = Masked::default();
        masked.read(line);
        let (id, similarity) = self.nearest(self.leaf(&masked), &masked)?;
        (similarity >= self.settings.similarity).then_some(id)
    }

    /// The variable parts of a line that has this template, as byte ranges of the line, in order.
    pub fn variables(&self, line: &str, id: u32) -> Vec<(usize, usize)> {
        let mut masked = Masked::default();
        masked.read(line);
        let template = self.templates.get(id as usize).map(|one| one.tokens.as_slice()).unwrap_or_default();
        let mut variables = Vec::new();
        for (at, token) in template.iter().enumerate() {
            let Some(own) = masked.tokens().get(at) else { break };
            if token == masked.text(at) {
                variables.extend(masked.holes(at));
            } else {
                // `key=<*>` keeps its key.
                let key = token.strip_suffix(WILDCARD).map_or(0, str::len);
                variables.push((own.from + key, own.to));
            }
        }
        variables
    }

    /// Learns the templates of another miner with their lines; gives this miner's id for each of the other's.
    pub fn merge(&mut self, other: &Self) -> Vec<u32> {
        let mut masked = Masked::default();
        let mut ids = Vec::with_capacity(other.templates.len());
        for template in &other.templates {
            masked.set(&template.tokens);
            ids.push(self.learn_tokens(&masked, template.lines));
        }
        ids
    }

    fn leaf(&self, masked: &Masked) -> Leaf {
        let count = masked.tokens().len() as u32;
        let first = masked.text(0);
        let own = (count, if first.contains(WILDCARD) { 0 } else { hash(first) });
        let full = self.children.get(&count).is_some_and(|children| *children as usize >= CHILDREN_MAX);
        if full && !self.leaves.contains_key(&own) { (count, 0) } else { own }
    }

    /// The most similar template of a leaf and how similar it is; of equals the one with fewer variables, then the older.
    fn nearest(&self, leaf: Leaf, masked: &Masked) -> Option<(u32, f64)> {
        let mut best: Option<(u32, f64, usize)> = None;
        for id in self.leaves.get(&leaf)? {
            let Some(template) = self.templates.get(*id as usize) else { continue };
            let (mut same, mut constant, mut variables) = (0usize, 0usize, 0usize);
            for (at, token) in template.tokens.iter().enumerate() {
                let own = masked.text(at);
                variables += usize::from(token == WILDCARD);
                if token == WILDCARD && own == WILDCARD {
                    continue;
                }
                constant += 1;
                same += usize::from(token == own);
            }
            let similarity = if constant == 0 { 1.0 } else { same as f64 / constant as f64 };
            if best.is_none_or(|best| similarity > best.1 || (similarity == best.1 && variables < best.2)) {
                best = Some((*id, similarity, variables));
            }
        }
        best.map(|(id, similarity, _)| (id, similarity))
    }

    fn learn_tokens(&mut self, masked: &Masked, lines: u64) -> u32 {
        let leaf = self.leaf(masked);
        let crowded = self.leaves.get(&leaf).is_some_and(|ids| ids.len() >= LEAF_MAX);
        if let Some((id, similarity)) = self.nearest(leaf, masked)
            && (similarity >= self.settings.similarity || crowded)
            && let Some(template) = self.templates.get_mut(id as usize)
        {
            template.lines = template.lines.saturating_add(lines);
            for (at, token) in template.tokens.iter_mut().enumerate() {
                let own = masked.text(at);
                if token != own && token != WILDCARD {
                    let before = token.len();
                    blend(token, own);
                    self.bytes = (self.bytes + token.len()).saturating_sub(before);
                }
            }
            return id;
        }
        let tokens: Vec<String> = (0..masked.tokens().len()).map(|at| masked.text(at).to_owned()).collect();
        let bytes = self.bytes + taken(&tokens);
        let room = self.templates.len() < TEMPLATES_MAX && bytes <= TEMPLATES_BYTES_MAX;
        let Some(id) = u32::try_from(self.templates.len()).ok().filter(|_| room) else { return OTHER };
        self.bytes = bytes;
        self.templates.push(Template { tokens, leaf, lines });
        self.hang(leaf, id);
        id
    }

    fn hang(&mut self, leaf: Leaf, id: u32) {
        let ids = self.leaves.entry(leaf).or_default();
        if ids.is_empty() && leaf.1 != 0 {
            *self.children.entry(leaf.0).or_default() += 1;
        }
        ids.push(id);
    }

    /// The miner as arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        tensors.put_json("templates", &self.templates.iter().map(|one| &one.tokens).collect::<Vec<_>>());
        tensors.put("similarity", Array::F64(vec![self.settings.similarity]));
        tensors.put("lines", Array::U64(self.templates.iter().map(|one| one.lines).collect()));
        tensors.put("first", Array::U64(self.templates.iter().map(|one| one.leaf.1).collect()));
        tensors
    }

    /// The miner back from arrays.
    ///
    /// # Errors
    /// When they are not as [`Drain::to_tensors`] makes them.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        let similarity = match tensors.f64s("similarity")? {
            [one] if (0.0..=1.0).contains(one) => *one,
            _ => return Err(LoadError::new("array `similarity`", "is not one number from 0 to 1")),
        };
        let templates: Vec<Vec<String>> = tensors.json("templates")?;
        let (lines, first) = (tensors.u64s("lines")?, tensors.u64s("first")?);
        if templates.len() > TEMPLATES_MAX || lines.len() != templates.len() || first.len() != templates.len() {
            return Err(LoadError::new("word `templates`", "is too long, or does not agree with `lines` and `first`"));
        }
        let mut drain = Self::new(DrainSettings { similarity });
        for (at, ((tokens, lines), first)) in templates.into_iter().zip(lines).zip(first).enumerate() {
            drain.bytes += taken(&tokens);
            let leaf = (u32::try_from(tokens.len()).unwrap_or(u32::MAX), *first);
            let crowded = drain.leaves.get(&leaf).is_some_and(|ids| ids.len() >= LEAF_MAX);
            let full = *first != 0
                && !drain.leaves.contains_key(&leaf)
                && drain.children.get(&leaf.0).is_some_and(|children| *children as usize >= CHILDREN_MAX);
            if tokens.len() > TOKENS_MAX || drain.bytes > TEMPLATES_BYTES_MAX || crowded || full {
                return Err(LoadError::new("word `templates`", format!("template {at} is too long, or one too many")));
            }
            drain.templates.push(Template { tokens, leaf, lines: *lines });
            drain.hang(leaf, u32::try_from(at).unwrap_or(OTHER));
        }
        Ok(drain)
    }
}

/// Bytes of tokens and of what holds them.
fn taken(tokens: &[String]) -> usize {
    tokens.iter().map(|token| token.len() + size_of::<String>()).sum()
}

/// What two tokens have in common: a key before `=`, or nothing.
fn blend(token: &mut String, own: &str) {
    let key = |text: &str| text.find('=').map(|at| at + 1);
    match key(token).filter(|at| key(own) == Some(*at) && token.get(..*at) == own.get(..*at)) {
        Some(at) => {
            token.truncate(at);
            token.push_str(WILDCARD);
        }
        None => WILDCARD.clone_into(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_kind_get_one_template() {
        let mut drain = Drain::default();
        let ids: Vec<u32> = [
            "Accepted password for alice from 10.0.0.1 port 22 ssh2",
            "Accepted password for bob from 10.0.0.2 port 50514 ssh2",
            "session opened for user root by (uid=0)",
            "Accepted password for carol from ::1 port 1 ssh2",
            "session opened for user alice by (uid=1000)",
            "",
        ]
        .iter()
        .map(|line| drain.learn(line))
        .collect();
        assert_eq!(ids, [0, 0, 1, 0, 1, 2]);
        assert_eq!(drain.template(0), "Accepted password for <*> from <*> port <*> ssh2");
        assert_eq!(drain.template(1), "session opened for user <*> by (uid=<*>)");
        assert_eq!(
            (drain.lines(0), drain.find("nothing of the kind"), drain.find("session opened for user x by (uid=1)")),
            (3, None, Some(1))
        );
        let line = "Accepted password for dave from 10.9.8.7 port 1234 ssh2";
        let parts: Vec<&str> =
            drain.variables(line, 0).into_iter().filter_map(|(from, to)| line.get(from..to)).collect();
        assert_eq!(parts, ["dave", "10.9.8.7", "1234"]);
    }

    #[test]
    fn a_key_stays_where_only_its_value_differs() {
        let mut drain = Drain::default();
        drain.learn("authentication failure; tty=ssh user=root");
        drain.learn("authentication failure; tty=ssh user=guest");
        assert_eq!(drain.template(0), "authentication failure; tty=ssh user=<*>");
        let line = "authentication failure; tty=ssh user=eve";
        assert_eq!(drain.variables(line, 0), [(37, 40)]);
    }

    #[test]
    fn lines_that_are_nearly_all_variable_still_meet() {
        let mut drain = Drain::default();
        let ids: Vec<u32> =
            ["1 x2 333 down", "4 x2 666 down", "7 8 9 down", "7 up"].iter().map(|line| drain.learn(line)).collect();
        assert_eq!(ids, [0, 0, 1, 2]);
    }

    #[test]
    fn hostile_lines_fill_no_memory_and_lose_no_line() {
        let mut drain = Drain::default();
        let word = |mut at: u32| {
            let mut text = String::new();
            (0..6).for_each(|_| {
                text.push(char::from(b'g' + (at % 16) as u8));
                at /= 16;
            });
            text
        };
        let mut other = 0u32;
        for at in 0..40_000u32 {
            let line = format!("{} {} {}", word(at), word(at.wrapping_mul(77)), "w ".repeat((at % 300) as usize));
            other += u32::from(drain.learn(&line) == OTHER);
        }
        let all: u64 = (0..drain.len() as u32).map(|id| drain.lines(id)).sum();
        assert_eq!(all + u64::from(other), 40_000);
        assert!(drain.len() <= TEMPLATES_MAX && drain.leaves.values().all(|ids| ids.len() <= LEAF_MAX));
        for at in 0..8000u32 {
            drain.learn(
                &format!("{}{}", word(at), " word".repeat(200)).replace("word", &word(at.wrapping_mul(31)).repeat(6)),
            );
        }
        drain.learn(&"a".repeat(1 << 20));
        drain.learn(&"1 ".repeat(1 << 18));
        drain.learn("\u{0}\u{feff}é€\u{2028} \u{85}x");
        let back = Drain::from_tensors(&drain.to_tensors()).unwrap();
        assert!(back == drain && drain.bytes <= TEMPLATES_BYTES_MAX);
    }

    #[test]
    fn merged_miners_know_both_and_say_which_is_which() {
        let (mut one, mut two) = (Drain::default(), Drain::default());
        one.learn("session opened for user root");
        two.learn("link is down");
        two.learn("session opened for user alice");
        assert_eq!(one.merge(&two), [1, 0]);
        assert_eq!((one.len(), one.template(0)), (2, "session opened for user <*>".to_owned()));
    }

    #[test]
    fn torn_arrays_are_refused() {
        let mut drain = Drain::default();
        drain.learn("a b c");
        let kept = drain.to_tensors();
        for (name, array) in
            [("lines", Array::U64(vec![])), ("first", Array::U64(vec![1, 2])), ("similarity", Array::F64(vec![2.0]))]
        {
            let mut torn = kept.clone();
            torn.put(name, array);
            assert!(Drain::from_tensors(&torn).is_err(), "{name}");
        }
        assert!(Drain::from_tensors(&Tensors::default()).is_err());
    }
}
