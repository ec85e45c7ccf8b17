//! Regular expressions: compiled when first needed, and read for the text that every match must contain.
//!
//! Compiling one costs up to a millisecond, so it waits until a record gets that far; reading its syntax costs some
//! microseconds and is done with the group. The crate `regex` searches in linear time; the limits below bound memory.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::compare::fold;

/// Bytes that one compiled regex may take. The greatest of SigmaHQ takes about 1 MiB.
pub const REGEX_BYTES_MAX: usize = 10 << 20;

/// Bytes of lazily built automaton that one regex and worker may keep.
pub const REGEX_CACHE_BYTES_MAX: usize = 1 << 20;

/// How many alternatives the necessary text of a regex may have; above, no text is named.
const ALTERNATIVES_MAX: usize = 64;

/// Compiles a rule's regex with the limits that matching uses; loading checks rules with it.
pub fn compile_regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_CACHE_BYTES_MAX).build();
    built.map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// A regex that is compiled when it is first asked for, by whichever worker comes first.
#[derive(Debug)]
pub(crate) struct LazyRegex {
    pattern: Box<str>,
    compiled: OnceLock<Result<Regex, String>>,
}

impl LazyRegex {
    pub(crate) fn new(pattern: &str) -> Self {
        Self { pattern: pattern.into(), compiled: OnceLock::new() }
    }

    /// The regex; an error if it breaks a limit.
    pub(crate) fn get(&self) -> Result<&Regex, &str> {
        self.compiled.get_or_init(|| compile_regex(&self.pattern)).as_ref().map_err(String::as_str)
    }

    /// Why it could not be compiled, if that was tried.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.compiled.get().and_then(|result| result.as_ref().err()).map(String::as_str)
    }
}

/// Folded texts one of which stands in the folded form of every value that the regex matches; empty if none can be named.
///
/// Folding goes character by character, so text that stands in a value stands, folded, in the folded value.
pub(crate) fn necessary(pattern: &str) -> Result<Vec<String>, String> {
    let hir = regex_syntax::parse(pattern).map_err(|error| error.to_string())?;
    Ok(of_hir(&hir).unwrap_or_default())
}

fn of_hir(hir: &Hir) -> Option<Vec<String>> {
    let mut run = Run::default();
    run.walk(hir);
    run.flush();
    run.best
}

/// Text that stands together so far, and the best alternatives found before it.
#[derive(Default)]
struct Run {
    text: String,
    best: Option<Vec<String>>,
}

impl Run {
    /// Regex syntax trees are at most 250 deep (`regex_syntax`'s own limit), so recursion is bounded.
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => self.text.push_str(&fold(text)),
                Err(_) => self.flush(),
            },
            HirKind::Class(class) => match one_folded(class) {
                Some(text) => self.text.push_str(&text),
                None => self.flush(),
            },
            // Anchors take no room: what stands on both sides of them stands together.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Repetition(repetition) => {
                self.flush();
                if repetition.min > 0
                    && let Some(texts) = of_hir(&repetition.sub)
                {
                    self.offer(texts);
                }
            }
            HirKind::Alternation(branches) => {
                self.flush();
                let each: Option<Vec<Vec<String>>> = branches.iter().map(of_hir).collect();
                if let Some(each) = each {
                    self.offer(each.into_iter().flatten().collect());
                }
            }
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.offer(vec![text]);
        }
    }

    /// Keeps the alternatives whose shortest text is longest; of equals, the fewer, then the first.
    fn offer(&mut self, texts: Vec<String>) {
        let worth = |texts: &[String]| {
            let shortest = texts.iter().map(String::len).min().unwrap_or_default();
            (shortest.min(8), usize::MAX - texts.len(), shortest)
        };
        if !texts.is_empty()
            && texts.len() <= ALTERNATIVES_MAX
            && self.best.as_deref().is_none_or(|best| worth(&texts) > worth(best))
        {
            self.best = Some(texts);
        }
    }
}

/// The folded form of a class whose characters all fold to the same text: `[Kk]`.
fn one_folded(class: &Class) -> Option<String> {
    let Class::Unicode(class) = class else { return None };
    let characters: usize = class.ranges().iter().map(|range| range.len()).sum();
    if characters > 4 {
        return None;
    }
    let mut folded = class.ranges().iter().flat_map(|range| range.start()..=range.end()).map(|c| c.to_lowercase());
    let first: String = folded.next()?.collect();
    folded.all(|other| other.eq(first.chars())).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn necessary_texts() {
        for (pattern, expected) in [
            ("abc", vec!["abc"]),
            ("ABC.*de", vec!["abc"]),
            // K has a third form, the Kelvin sign, which folds to k; S has one that does not.
            ("(?i)PowerPick", vec!["powerpick"]),
            ("(?i)tasklist", vec!["kli"]),
            ("a+bcd?e", vec!["bc"]),
            ("^foo$", vec!["foo"]),
            ("foo|quux", vec!["foo", "quux"]),
            ("foo|.*", vec![]),
            (r"\d+", vec![]),
            (r"x(abc|def)+y", vec!["abc", "def"]),
            (r"\\cmd\.exe\s", vec![r"\cmd.exe"]),
            ("", vec![]),
        ] {
            let found = necessary(pattern).unwrap();
            assert_eq!(found, expected, "{pattern}");
        }
        assert!(necessary("(").is_err());
    }

    #[test]
    fn a_regex_over_its_limit_is_an_error() {
        assert!(compile_regex(r"(\w{1,500}){1,500}").is_err());
        let lazy = LazyRegex::new(r"(\w{1,500}){1,500}");
        assert!(lazy.failure().is_none());
        assert!(lazy.get().is_err());
        assert!(lazy.failure().is_some());
    }
}
