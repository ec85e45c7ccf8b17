//! The condition language: words → a tree over selection numbers.
//!
//! Grammar (specification, "Condition"), words in any case:
//!
//! ```text
//! or    = and { "or" and }
//! and   = not { "and" not }
//! not   = "not" not | ( "1" | N | "any" | "all" ) "of" ( "them" | pattern ) | name | "(" or ")"
//! ```
//!
//! `them` and patterns leave out selections whose names begin with `_`, unless the pattern itself begins so. `N of` with
//! N above one is written out as combinations, within a limit.

use super::fault::{At, Fault, Why};
use super::limits::{ATOMS_MAX, COMBINATIONS_MAX, CONDITION_BYTES_MAX, CONDITION_DEPTH_MAX};

/// A condition over selections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Selection(u16),
}

impl Condition {
    /// Calls `each` with every selection that is mentioned, as often as it is.
    pub(crate) fn each_selection(&self, each: &mut impl FnMut(u16)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_selection(each)),
            Self::Not(part) => part.each_selection(each),
            Self::Selection(at) => each(*at),
        }
    }

    /// Whether anything is negated.
    pub(crate) fn negates(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::negates),
            Self::Not(_) => true,
            Self::Selection(_) => false,
        }
    }
}

/// Reads one condition over the selections `names`.
pub(crate) fn parse(text: &str, names: &[&str], at: At) -> Result<Condition, Fault> {
    if text.len() > CONDITION_BYTES_MAX {
        return Err(Fault::new(at, Why::ConditionTooLong(text.len())));
    }
    let tokens = tokens(text).map_err(|why| Fault::new(at, why))?;
    let mut parser = Parser { tokens: &tokens, next: 0, names, mentions: 0 };
    parser.whole().map_err(|why| Fault::new(at, why))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Open,
    Close,
    Word(&'t str),
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Why> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '|' => return Err(Why::Aggregation(rest.trim_start_matches('|').trim().to_owned())),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|')).unwrap_or(rest.len());
                tokens.push(Token::Word(rest.get(..end).unwrap_or_default()));
                end
            }
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    if tokens.is_empty() { Err(Why::ConditionEmpty) } else { Ok(tokens) }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    next: usize,
    names: &'t [&'t str],
    /// Selections mentioned so far, those that patterns stand for included.
    mentions: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.next).copied()
    }

    fn take(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.tokens.get(self.next + ahead), Some(Token::Word(have)) if have.eq_ignore_ascii_case(word))
    }

    fn unexpected<T>(token: Option<Token<'_>>) -> Result<T, Why> {
        Err(Why::ConditionUnexpected(match token {
            Some(Token::Open) => "`(`".to_owned(),
            Some(Token::Close) => "`)`".to_owned(),
            Some(Token::Word(word)) => format!("`{}`", super::value::shorten(word)),
            None => "end".to_owned(),
        }))
    }

    fn whole(&mut self) -> Result<Condition, Why> {
        let condition = self.or(0)?;
        match self.take() {
            None => Ok(condition),
            token => Self::unexpected(token),
        }
    }

    fn or(&mut self, depth: usize) -> Result<Condition, Why> {
        let mut parts = vec![self.and(depth)?];
        while self.is_word(0, "or") {
            self.next += 1;
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Condition::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Condition, Why> {
        let mut parts = vec![self.not(depth)?];
        while self.is_word(0, "and") {
            self.next += 1;
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Condition::And))
    }

    fn not(&mut self, depth: usize) -> Result<Condition, Why> {
        if depth > CONDITION_DEPTH_MAX {
            return Err(Why::ConditionTooDeep);
        }
        if self.is_word(0, "not") {
            self.next += 1;
            return Ok(Condition::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.is_word(1, "of") {
            return self.quantified();
        }
        match self.take() {
            Some(Token::Open) => {
                let inner = self.or(depth + 1)?;
                match self.take() {
                    Some(Token::Close) => Ok(inner),
                    token => Self::unexpected(token),
                }
            }
            Some(Token::Word(word)) if !is_reserved(word) => self.selection(word),
            token => Self::unexpected(token),
        }
    }

    fn mention(&mut self, selections: usize) -> Result<(), Why> {
        self.mentions = self.mentions.saturating_add(selections);
        if self.mentions > ATOMS_MAX { Err(Why::TooManyAtoms) } else { Ok(()) }
    }

    fn selection(&self, word: &str) -> Result<Condition, Why> {
        if let Some(at) = self.names.iter().position(|name| *name == word) {
            return Ok(Condition::Selection(number(at)));
        }
        // `count(field) by …` without the bar, and `near`, of the old language.
        if matches!(word, "count" | "min" | "max" | "avg" | "sum" | "near") {
            return Err(Why::Aggregation(word.to_owned()));
        }
        Err(Why::SelectionMissing(super::value::shorten(word)))
    }

    fn quantified(&mut self) -> Result<Condition, Why> {
        let (count, _, pattern) = (self.take(), self.take(), self.take());
        let (Some(Token::Word(count)), Some(Token::Word(pattern))) = (count, pattern) else {
            return Self::unexpected(if matches!(count, Some(Token::Word(_))) { pattern } else { count });
        };
        let them = pattern.eq_ignore_ascii_case("them");
        let meant = |name: &&str| match them {
            true => !name.starts_with('_'),
            false => glob(pattern, name) && (pattern.starts_with('_') || !name.starts_with('_')),
        };
        let found = self.names.iter().enumerate().filter(|(_, name)| meant(name));
        let parts: Vec<Condition> = found.map(|(at, _)| Condition::Selection(number(at))).collect();
        if parts.is_empty() {
            return Err(Why::NoneMatches(super::value::shorten(pattern)));
        }
        let have = parts.len();
        self.mention(have)?;
        match count.to_ascii_lowercase().as_str() {
            "all" => Ok(one_or(parts, Condition::And)),
            "any" => Ok(one_or(parts, Condition::Or)),
            digits => match digits.parse::<usize>() {
                Err(_) => Self::unexpected(Some(Token::Word(count))),
                Ok(0) => Err(Why::ZeroOf(pattern.to_owned())),
                Ok(1) => Ok(one_or(parts, Condition::Or)),
                Ok(count) if count > have => Err(Why::TooFew { count, pattern: pattern.to_owned(), have }),
                Ok(count) => {
                    let too_many = || Why::TooManyCombinations(format!("{count} of {pattern}"));
                    let products = combinations(&parts, count).ok_or_else(too_many)?;
                    self.mention(products.len().saturating_mul(count))?;
                    Ok(one_or(products, Condition::Or))
                }
            },
        }
    }
}

fn is_reserved(word: &str) -> bool {
    ["and", "or", "not", "of", "them"].iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// Selections are limited far below 65,536.
fn number(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn one_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// Every choice of `count` parts, in order; `None` above the limit.
fn combinations(parts: &[Condition], count: usize) -> Option<Vec<Condition>> {
    // C(n, k) grows with each step, so it is known to be too large before anything is built.
    let mut total = 1_usize;
    for step in 1..=count.min(parts.len() - count) {
        total = total.checked_mul(parts.len() - step + 1)? / step;
        if total > COMBINATIONS_MAX {
            return None;
        }
    }
    let mut chosen: Vec<usize> = (0..count).collect();
    let mut out = Vec::with_capacity(total);
    loop {
        let product = chosen.iter().filter_map(|at| parts.get(*at).cloned()).collect();
        out.push(one_or(product, Condition::And));
        // The last position that can still move up, moves up; those behind it follow closely.
        let Some(at) = (0..count).rev().find(|at| chosen.get(*at).is_some_and(|have| *have < parts.len() - count + at))
        else {
            return Some(out);
        };
        let base = chosen.get(at).copied().unwrap_or_default() + 1;
        for (offset, slot) in chosen.iter_mut().skip(at).enumerate() {
            *slot = base + offset;
        }
    }
}

/// Whether a name is meant by a pattern with `*`.
pub(crate) fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}
