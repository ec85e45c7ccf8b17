//! Conditions: a small closed grammar over variables. What is not understood is left to a person, never guessed.
//!
//! ```text
//! or         = and { "OR" and }
//! and        = not { "AND" not }
//! not        = "NOT" not | "(" or ")" | comparison
//! comparison = operand ( "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" ) operand
//! operand    = "__name__:value" | 'text' | number | "true" | "false"
//! ```
//!
//! Two whole numbers compare as such, two texts are equal or not; everything else has no answer.

use std::collections::BTreeMap;

/// Bytes of a condition: a person must understand it.
pub const CONDITION_BYTES_MAX: usize = 4096;

/// Brackets and `NOT`s within each other.
pub const CONDITION_DEPTH_MAX: usize = 16;

/// What a variable holds: `__name__` → its text; `None` where nobody knows.
pub type Values = BTreeMap<String, Option<String>>;

/// A condition that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(Tree);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tree {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Compare(Operand, Sign, Operand),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Variable(String),
    Text(String),
    Number(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Equal,
    Unequal,
    Less,
    LessEqual,
    More,
    MoreEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    Sign(Sign),
    Operand(Operand),
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is not understood, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > CONDITION_BYTES_MAX {
            return Err(format!("longer than {CONDITION_BYTES_MAX} bytes"));
        }
        let mut rest = Rest { tokens: tokens(text)?.into_iter().peekable() };
        let tree = rest.or(0)?;
        match rest.tokens.next() {
            None => Ok(Self(tree)),
            Some(_) => Err("something stands behind its end".to_owned()),
        }
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// When a variable is unknown, or the two sides cannot be compared.
    pub fn holds(&self, values: &Values) -> Result<bool, String> {
        self.0.holds(values)
    }
}

impl Tree {
    fn holds(&self, values: &Values) -> Result<bool, String> {
        match self {
            // Every part is looked at: one that has no answer leaves the whole without one.
            Self::Or(parts) => parts.iter().try_fold(false, |all, part| Ok(part.holds(values)? || all)),
            Self::And(parts) => parts.iter().try_fold(true, |all, part| Ok(part.holds(values)? && all)),
            Self::Not(part) => Ok(!part.holds(values)?),
            Self::Compare(one, sign, two) => compare(&one.value(values)?, *sign, &two.value(values)?),
        }
    }
}

impl Operand {
    fn value(&self, values: &Values) -> Result<Self, String> {
        let Self::Variable(name) = self else { return Ok(self.clone()) };
        match values.get(name) {
            Some(Some(text)) => Ok(text.parse().map_or_else(|_| Self::Text(text.clone()), Self::Number)),
            Some(None) => Err(format!("nobody knows what `{name}` is")),
            None => Err(format!("there is no variable `{name}`")),
        }
    }
}

fn compare(one: &Operand, sign: Sign, two: &Operand) -> Result<bool, String> {
    match (one, two) {
        (Operand::Number(one), Operand::Number(two)) => Ok(match sign {
            Sign::Equal => one == two,
            Sign::Unequal => one != two,
            Sign::Less => one < two,
            Sign::LessEqual => one <= two,
            Sign::More => one > two,
            Sign::MoreEqual => one >= two,
        }),
        (Operand::Text(one), Operand::Text(two)) => match sign {
            Sign::Equal => Ok(one == two),
            Sign::Unequal => Ok(one != two),
            _ => Err("texts have no order".to_owned()),
        },
        _ => Err("a number is compared with a text".to_owned()),
    }
}

struct Rest {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Rest {
    fn or(&mut self, depth: usize) -> Result<Tree, String> {
        let mut parts = vec![self.and(depth)?];
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Tree::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Tree, String> {
        let mut parts = vec![self.not(depth)?];
        while self.tokens.next_if_eq(&Token::And).is_some() {
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Tree::And))
    }

    fn not(&mut self, depth: usize) -> Result<Tree, String> {
        if depth >= CONDITION_DEPTH_MAX {
            return Err(format!("deeper than {CONDITION_DEPTH_MAX}"));
        }
        match self.tokens.next() {
            Some(Token::Not) => Ok(Tree::Not(Box::new(self.not(depth + 1)?))),
            Some(Token::Open) => {
                let inner = self.or(depth + 1)?;
                self.tokens.next_if_eq(&Token::Close).map(|_| inner).ok_or_else(|| "a bracket stays open".to_owned())
            }
            Some(Token::Operand(one)) => match (self.tokens.next(), self.tokens.next()) {
                (Some(Token::Sign(sign)), Some(Token::Operand(two))) => Ok(Tree::Compare(one, sign, two)),
                _ => Err("a comparison needs two sides".to_owned()),
            },
            Some(_) => Err("something is missing before a sign".to_owned()),
            None => Err("it ends too early".to_owned()),
        }
    }
}

/// One part stands for itself.
fn one_or(mut parts: Vec<Tree>, many: fn(Vec<Tree>) -> Tree) -> Tree {
    match (parts.len(), parts.pop()) {
        (1, Some(part)) => part,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [(&str, Token); 9] = [
        ("(", Token::Open),
        (")", Token::Close),
        ("==", Token::Sign(Sign::Equal)),
        ("!=", Token::Sign(Sign::Unequal)),
        ("<=", Token::Sign(Sign::LessEqual)),
        (">=", Token::Sign(Sign::MoreEqual)),
        ("=", Token::Sign(Sign::Equal)),
        ("<", Token::Sign(Sign::Less)),
        (">", Token::Sign(Sign::More)),
    ];
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            out.push(token.clone());
            rest = rest.get(sign.len()..).unwrap_or_default();
        } else if first == '\'' {
            let (text, behind) = quoted(rest.get(1..).unwrap_or_default())?;
            out.push(Token::Operand(Operand::Text(text)));
            rest = behind;
        } else {
            let end =
                rest.find(|letter: char| letter.is_whitespace() || "()=!<>'".contains(letter)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            out.push(self::word(word)?);
            rest = behind;
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

/// A text up to its closing quote, and what stands behind it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Ok((out, text.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next() {
                Some((_, letter @ ('\'' | '\\'))) => out.push(letter),
                _ => return Err("a `\\` stands before something else than `'` or `\\`".to_owned()),
            },
            letter => out.push(letter),
        }
    }
    Err("a quote stays open".to_owned())
}

fn word(word: &str) -> Result<Token, String> {
    let short = || word.chars().take(64).collect::<String>();
    Ok(match word {
        "OR" => Token::Or,
        "AND" => Token::And,
        "NOT" => Token::Not,
        "true" | "false" => Token::Operand(Operand::Text(word.to_owned())),
        _ => match (word.strip_suffix(":value"), word.parse()) {
            (Some(name), _) if super::shape::is_variable(name) => Token::Operand(Operand::Variable(name.to_owned())),
            (_, Ok(number)) => Token::Operand(Operand::Number(number)),
            _ => return Err(format!("`{}` is not understood", short())),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_answered_and_the_rest_is_not_guessed() {
        let known = [("__a__", Some("3")), ("__b__", Some("x")), ("__c__", None), ("__t__", Some("true"))];
        let values: Values = known.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        for (text, expected) in [
            ("__a__:value = 3", Ok(true)),
            ("__a__:value == 3", Ok(true)),
            ("__a__:value>=4", Ok(false)),
            ("__a__:value < 4 AND __b__:value = 'x'", Ok(true)),
            ("__a__:value > 4 OR __b__:value != 'x'", Ok(false)),
            ("NOT (__a__:value > 4 OR __b__:value != 'x')", Ok(true)),
            ("__a__:value > 4 AND __b__:value = 'x' OR __t__:value = true", Ok(true)),
            ("'it\\'s' = 'it\\'s'", Ok(true)),
            ("__b__:value = '__a__:value'", Ok(false)),
            ("-1 < 0", Ok(true)),
            ("__a__:value = 'x'", Err("number")),
            ("__b__:value < 'y'", Err("order")),
            ("__c__:value = 1", Err("nobody knows")),
            ("__d__:value = 1", Err("no variable")),
            // The unknown part counts, even where the other part would decide.
            ("__a__:value = 3 OR __c__:value = 1", Err("nobody knows")),
            ("", Err("early")),
            ("__a__:value", Err("two sides")),
            ("__a__ = 3", Err("not understood")),
            ("(__a__:value = 3", Err("open")),
            ("__a__:value = 3)", Err("behind")),
            ("__b__:value = 'x", Err("quote")),
            ("__b__:value LIKE '%'", Err("not understood")),
            ("[ipv4-addr:value = '10.0.0.1']", Err("not understood")),
            ("'\\n' = 'n'", Err("stands before")),
        ] {
            let got = Condition::read(text).and_then(|condition| condition.holds(&values));
            match (&got, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(*got, expected, "{text}"),
                (Err(words), Err(part)) => assert!(words.contains(part), "{text}: {words}"),
                _ => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn depth_and_length_end() {
        let deep = |levels: usize| format!("{}1=1{}", "(".repeat(levels), ")".repeat(levels));
        assert!(Condition::read(&deep(CONDITION_DEPTH_MAX - 1)).is_ok());
        assert!(Condition::read(&deep(CONDITION_DEPTH_MAX)).is_err());
        assert!(Condition::read(&"NOT ".repeat(1000)).is_err());
        assert!(Condition::read(&" ".repeat(CONDITION_BYTES_MAX + 1)).is_err());
    }
}
