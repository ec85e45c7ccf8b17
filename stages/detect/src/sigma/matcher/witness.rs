//! Witnesses: for each rule, texts one of which must stand in the record if the rule matches.
//!
//! | condition | its witnesses |
//! |---|---|
//! | a test of text | the text, in the way it must stand |
//! | a glob | a text that every match contains |
//! | a regex | the rarest set of texts one of which every match contains; before it runs, all its sets are asked |
//! | any other test that needs a value | that there is a value |
//! | a test that may hold without a value, and any negation but "not null" | none |
//! | And | those of the child that is rarest |
//! | Or | those of all children; none if one child has none |
//!
//! A rule is evaluated only for records in which one of its witnesses is met; a rule without any is evaluated always.
//! What must stay true: a rule that matches always has a witness met. Which of several lawful choices is made is a guess
//! about what is rare, and costs only time.

use super::compare::fold;
use super::grams::{GramCounts, chance, is_key, is_typical};
use super::index::Place;
use super::needs::needed;
use super::pattern::Necessary;
use super::program::Node;
use crate::sigma::ir::{Part, Pattern, RuleSet, Test};

/// What shows that an atom may hold.
#[derive(Debug)]
pub(crate) enum Sign<'r> {
    /// A text of the rule set, which decides the atom.
    Text { place: Place, text: &'r str },
    /// This text.
    Fold { place: Place, text: Box<str> },
    /// Texts anywhere, for a regex.
    Need(Necessary),
    /// All of these texts.
    AllOf(Vec<(Place, Box<str>)>),
    /// A value.
    Value,
    /// Nothing: it may hold without a value.
    Nothing,
}

impl<'r> Sign<'r> {
    /// What shows that a test of a set's rule may hold. An error for a regex that does not parse.
    pub(crate) fn of(test: &'r Test, set: &RuleSet) -> Result<Self, String> {
        Ok(match test {
            Test::Text { pattern, cased } => match simple(pattern) {
                Some((_, "")) if !matches!(pattern, Pattern::Exact(_)) => Self::Value,
                Some((place, text)) if !cased => Self::Text { place, text },
                // Text that stands in a value stands, folded, in the folded value.
                Some((place, text)) => Self::Fold { place, text: fold(text).into() },
                None => match pattern {
                    Pattern::Glob(parts) => of_glob(parts, *cased),
                    _ => Self::Value,
                },
            },
            Test::Regex(pattern) => {
                let need = needed(set, pattern)?;
                if matches!(need.node, Node::Constant(_)) { Self::Value } else { Self::Need(need) }
            }
            Test::Cidr(_) | Test::Compare(..) | Test::FieldRef { .. } | Test::TimePart(..) => Self::Value,
            Test::Exists(true) => Self::Value,
            Test::Exists(false) | Test::Null => Self::Nothing,
        })
    }
}

fn simple(pattern: &Pattern) -> Option<(Place, &str)> {
    match pattern {
        Pattern::Exact(text) => Some((Place::Whole, text)),
        Pattern::Prefix(text) => Some((Place::Start, text)),
        Pattern::Suffix(text) => Some((Place::End, text)),
        Pattern::Contains(text) => Some((Place::Anywhere, text)),
        Pattern::Any | Pattern::Glob(_) => None,
    }
}

/// The literal parts of a glob.
fn of_glob<'r>(parts: &'r [Part], cased: bool) -> Sign<'r> {
    let texts = parts.iter().enumerate().filter_map(|(at, part)| match part {
        Part::Text(text) if !text.is_empty() => {
            let place = match (at == 0, at + 1 == parts.len()) {
                (true, true) => Place::Whole,
                (true, false) => Place::Start,
                (false, true) => Place::End,
                (false, false) => Place::Anywhere,
            };
            Some((place, if cased { fold(text).into() } else { text.clone() }))
        }
        _ => None,
    });
    let texts: Vec<(Place, Box<str>)> = texts.collect();
    if texts.is_empty() { Sign::Value } else { Sign::AllOf(texts) }
}

/// Of texts that all must stand in a value, the rarest.
pub(crate) fn rarest_of<'t>(
    texts: &'t [(Place, Box<str>)],
    counts: Option<&GramCounts>,
) -> Option<&'t (Place, Box<str>)> {
    texts.iter().min_by(|a, b| of_text(a.0, &a.1, counts).total_cmp(&of_text(b.0, &b.1, counts)))
}

/// How often a witness is met, guessed: 0 never, 1 in every record. Worse than any text is any value; worse than that,
/// nothing at all.
pub(crate) const VALUE_RARITY: f32 = 1.0;
/// See [`VALUE_RARITY`].
pub(crate) const NO_WITNESS: f32 = f32::INFINITY;

/// Guesses how often a sign is met.
pub(crate) fn rarity(sign: &Sign<'_>, counts: Option<&GramCounts>) -> f32 {
    let sum = match sign {
        Sign::AllOf(texts) => {
            rarest_of(texts, counts).map_or(VALUE_RARITY, |(place, text)| of_text(*place, text, counts))
        }
        Sign::Text { place, text, .. } => of_text(*place, text, counts),
        Sign::Fold { place, text } => of_text(*place, text, counts),
        Sign::Need(need) => best(&need.node, &of_need(need, counts)),
        Sign::Value => return VALUE_RARITY,
        Sign::Nothing => return NO_WITNESS,
    };
    sum.min(0.9)
}

/// How often a set of a regex' condition is met.
fn of_need(need: &Necessary, counts: Option<&GramCounts>) -> impl Fn(u32, bool) -> f32 {
    move |set, _| match need.sets.get(set as usize) {
        Some(texts) => texts.iter().map(|text| of_text(Place::Anywhere, text, counts)).sum(),
        None => NO_WITNESS,
    }
}

/// The texts one of which is met wherever a regex matches.
pub(crate) fn chosen_of<'n>(need: &'n Necessary, counts: Option<&GramCounts>) -> impl Iterator<Item = &'n str> {
    let mut leaves = Vec::new();
    chosen(&need.node, &of_need(need, counts), &mut leaves);
    let sets = leaves.into_iter().filter_map(|(set, _)| need.sets.get(set as usize));
    sets.flatten().map(String::as_str)
}

/// The longer a text and the fewer rules name its rarest run, the rarer it is; in a fixed place it is rarer than anywhere.
fn of_text(place: Place, text: &str, counts: Option<&GramCounts>) -> f32 {
    /// What each further byte halves and a bit more: texts of a language are far from random.
    const PER_BYTE: f32 = 0.65;
    /// Beyond this length texts are equally rare.
    const LENGTH_MAX: usize = 20;
    /// A whole value up to this length is one of few.
    const SHORT_WHOLE_MAX: usize = 4;
    let common = counts.and_then(|counts| counts.rarest(text)).map_or(64.0, f32::from);
    let length = text.len().min(LENGTH_MAX) as f32;
    let fixed = match place {
        Place::Present | Place::Anywhere | Place::Never => 1.0,
        Place::Start | Place::End => 0.5,
        Place::Whole => 0.25,
    };
    if place == Place::Whole && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A status code, a type of logon, a flag: few values, each in many records.
        return 0.6;
    }
    if place == Place::Whole && (1..=SHORT_WHOLE_MAX).contains(&text.len()) {
        // A method, a protocol, a state, an account such as root: a field with such short values has few of them.
        return 0.4;
    }
    if text.len() < 4 && (!text.is_ascii() || text.bytes().any(is_key)) {
        return chance(text) * fixed;
    }
    if text.len() == 3 {
        // Dearer to look for than longer ones, cheaper than a regex over every value.
        return fixed * 0.25;
    }
    if is_typical(text) {
        // Only its place makes it rare, and less than that: system files stand where they should.
        return f32::sqrt(fixed) * 0.5;
    }
    /// Each byte that is neither letter nor digit nor common makes a text rarer.
    const PER_KEY: f32 = 0.3;
    let keys = text.bytes().filter(|byte| is_key(*byte)).count().min(LENGTH_MAX) as i32;
    common * fixed * (-length * PER_BYTE).exp2() * 0.5 * PER_KEY.powi(keys)
}

/// Guesses how often the best witnesses of a condition are met. `rarity` gives an atom's and, for its opposite, whether
/// that needs a value.
pub(crate) fn best(node: &Node, rarity: &impl Fn(u32, bool) -> f32) -> f32 {
    match node {
        Node::Constant(_) => NO_WITNESS,
        Node::Leaf { atom, negated } => rarity(*atom, *negated),
        Node::And(children) => children.iter().map(|child| best(child, rarity)).fold(NO_WITNESS, f32::min),
        Node::Or(children) => {
            let (sum, none, worst) = children
                .iter()
                .map(|child| best(child, rarity))
                .fold((0.0, 1.0, 0.0), |(sum, none, worst), one| (sum + one, none * (1.0 - one), f32::max(worst, one)));
            // As if they came independently of each other. Many rare texts are still better than one value that is always
            // there.
            if worst < VALUE_RARITY { f32::min(1.0 - none, 0.99) } else { sum }
        }
    }
}

/// The leaves whose signs are the best witnesses: one of them is met whenever the condition holds. Empty if there are none.
pub(crate) fn chosen(node: &Node, rarity: &impl Fn(u32, bool) -> f32, out: &mut Vec<(u32, bool)>) {
    match node {
        Node::Constant(_) => {}
        Node::Leaf { atom, negated } => out.push((*atom, *negated)),
        Node::And(children) => {
            let rarest = children.iter().map(|child| (best(child, rarity), child)).min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, child)) = rarest {
                chosen(child, rarity, out);
            }
        }
        Node::Or(children) => children.iter().for_each(|child| chosen(child, rarity, out)),
    }
}
