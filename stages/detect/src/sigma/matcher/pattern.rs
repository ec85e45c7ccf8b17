//! Regular expressions: compiled when first needed, and read for the text that every match must contain.
//!
//! Compiling one costs up to a millisecond, so it waits until a record gets that far; reading its syntax costs some
//! microseconds and is done with the group. The crate `regex` searches in linear time; the limits below bound memory.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::compare::fold;
use super::grams::chance;

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
/// Folding goes character by character, so text that stands in a value stands, folded, in the folded value. Of the sets
/// that would do, the one is taken that is guessed to be met least often.
pub(crate) fn necessary(pattern: &str) -> Result<Vec<String>, String> {
    let hir = regex_syntax::parse(pattern).map_err(|error| error.to_string())?;
    let mut texts = of_hir(&hir).unwrap_or_default();
    if texts.iter().any(|text| text.contains('s')) && takes_long_s(&hir) {
        texts.push(LONG_S.to_owned());
    }
    Ok(texts)
}

fn of_hir(hir: &Hir) -> Option<Vec<String>> {
    let mut run = Run::default();
    run.walk(hir);
    run.flush();
    run.best.map(|(_, texts)| texts)
}

/// All texts, folded, that a piece of regex can match, if they are few: every match is one of them.
///
/// Regex syntax trees are at most 250 deep (`regex_syntax`'s own limit), so recursion is bounded.
fn exact(hir: &Hir) -> Option<Vec<String>> {
    let texts = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(literal) => vec![fold(std::str::from_utf8(&literal.0).ok()?)],
        HirKind::Class(class) => of_class(class)?,
        HirKind::Capture(capture) => exact(&capture.sub)?,
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![String::new()], |before, part| crossed(&before, &exact(part)?))?
        }
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (0, Some(1)) => {
                let mut texts = exact(&repetition.sub)?;
                texts.push(String::new());
                texts
            }
            (min, Some(max)) if min == max && (1..=EXACT_REPEATS_MAX).contains(&max) => {
                let sub = exact(&repetition.sub)?;
                (0..max).try_fold(vec![String::new()], |before, _| crossed(&before, &sub))?
            }
            _ => return None,
        },
        HirKind::Alternation(branches) => {
            let mut texts = Vec::new();
            for branch in branches {
                texts.extend(exact(branch)?);
                if texts.len() > ALTERNATIVES_MAX {
                    return None;
                }
            }
            texts
        }
    };
    Some(distinct(texts))
}

/// A stretch that is repeated a fixed number of times is written out up to so many times.
const EXACT_REPEATS_MAX: u32 = 8;

/// Every text of one list before every text of the other, if they are few.
fn crossed(before: &[String], after: &[String]) -> Option<Vec<String>> {
    if before.len().saturating_mul(after.len()) > ALTERNATIVES_MAX {
        return None;
    }
    let each = before.iter().flat_map(|before| after.iter().map(move |after| format!("{before}{after}")));
    Some(distinct(each.collect()))
}

fn distinct(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// The texts that may stand together at this point, and the best alternatives found before it.
struct Run {
    texts: Vec<String>,
    best: Option<(f32, Vec<String>)>,
}

impl Default for Run {
    fn default() -> Self {
        Self { texts: vec![String::new()], best: None }
    }
}

impl Run {
    /// Depth is bounded as in [`exact`].
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            // Anchors take no room: what stands on both sides of them stands together.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(_) | HirKind::Class(_) => self.take(exact(hir)),
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Repetition(repetition) => {
                if let Some(texts) = exact(hir) {
                    return self.take(Some(texts));
                }
                if repetition.min == 0 {
                    return self.flush();
                }
                match exact(&repetition.sub) {
                    // The first of them follows what stands before, the last precedes what stands behind.
                    Some(texts) => {
                        self.take(Some(texts.clone()));
                        self.flush();
                        self.texts = texts;
                    }
                    None => {
                        self.flush();
                        if let Some(texts) = of_hir(&repetition.sub) {
                            self.offer(texts);
                        }
                    }
                }
            }
            HirKind::Alternation(branches) => {
                if let Some(texts) = exact(hir) {
                    return self.take(Some(texts));
                }
                self.flush();
                let each: Option<Vec<Vec<String>>> = branches.iter().map(of_hir).collect();
                if let Some(each) = each {
                    self.offer(each.into_iter().flatten().collect());
                }
            }
        }
    }

    /// Goes on with one of these texts; with anything if there are none.
    fn take(&mut self, next: Option<Vec<String>>) {
        let Some(next) = next else { return self.flush() };
        match crossed(&self.texts, &next) {
            Some(texts) => {
                // Few alternatives may be better than many longer ones.
                if next.len() > 1 {
                    let before = std::mem::replace(&mut self.texts, texts);
                    self.offer(before);
                } else {
                    self.texts = texts;
                }
            }
            None => {
                self.flush();
                self.texts = next;
            }
        }
    }

    fn flush(&mut self) {
        let texts = std::mem::replace(&mut self.texts, vec![String::new()]);
        self.offer(texts);
    }

    /// Keeps the alternatives that are guessed to be met least often.
    fn offer(&mut self, texts: Vec<String>) {
        let mut texts = distinct(texts);
        if texts.first().is_none_or(String::is_empty) || texts.len() > ALTERNATIVES_MAX {
            return;
        }
        // A text that holds another one is met only where that is.
        texts.sort_by_key(String::len);
        let mut kept: Vec<String> = Vec::with_capacity(texts.len());
        for text in texts {
            if !kept.iter().any(|shorter| text.contains(shorter.as_str())) {
                kept.push(text);
            }
        }
        let chance: f32 = kept.iter().map(|text| chance(text)).sum();
        if self.best.as_ref().is_none_or(|(best, _)| chance < *best) {
            self.best = Some((chance, kept));
        }
    }
}

/// The folded forms of a small class' characters: `[Kk]` is `k` alone.
///
/// The long s stands for s here ([`necessary`] sees to the values that hold it), so that text is not cut at every s.
fn of_class(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else { return None };
    let characters: usize = class.ranges().iter().map(|range| range.len()).sum();
    if characters > CLASS_MAX {
        return None;
    }
    let each = class.ranges().iter().flat_map(|range| range.start()..=range.end());
    let mut texts = distinct(each.map(|c| c.to_lowercase().collect()).collect());
    if texts.iter().any(|text| text == "s") {
        texts.retain(|text| text != LONG_S);
    }
    (!texts.is_empty()).then_some(texts)
}

/// Greater classes are anything.
const CLASS_MAX: usize = 8;

/// Regexes without regard to case take it for an s, but its lower case is itself.
const LONG_S: &str = "\u{17f}";

/// Whether a class takes the long s for an s.
fn takes_long_s(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&'\u{17f}'))
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Capture(capture) => takes_long_s(&capture.sub),
        HirKind::Repetition(repetition) => takes_long_s(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(takes_long_s),
    }
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
            ("(?i)tasklist", vec!["tasklist", "\u{17f}"]),
            ("(?i)(s|zz)+kill", vec!["skill", "zzkill", "\u{17f}"]),
            ("(?:;|%3b) *(?:cat|id)", vec![";", "%3b"]),
            ("u(?:x|y)?vwq", vec!["uvwq", "uxvwq", "uyvwq"]),
            ("[0-7]{2}ab", vec!["ab"]),
            ("a+bcd?e", vec!["abce", "abcde"]),
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
