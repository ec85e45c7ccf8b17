//! Regular expressions: compiled when first needed, and read for the text that every match must contain.
//!
//! Compiling one costs up to a millisecond, so it waits until a record gets that far; reading its syntax costs some
//! microseconds and is done with the group. The crate `regex` searches in linear time; the limits below bound memory.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

use super::compare::fold;
use super::grams::{chance, is_key};
use super::program::Node;

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
///
/// It is compiled twice at most: as it stands, and narrowed to ASCII, which says the same of a value that is all ASCII. A
/// class such as `\w` has 140,000 characters and takes some hundred times the states of its ASCII part: compiling takes
/// milliseconds, and what does not fit the automaton's cache is searched ten times slower.
#[derive(Debug)]
pub(crate) struct LazyRegex {
    pattern: Box<str>,
    compiled: OnceLock<Result<Regex, String>>,
    narrow: OnceLock<Option<Regex>>,
}

impl LazyRegex {
    pub(crate) fn new(pattern: &str) -> Self {
        Self { pattern: pattern.into(), compiled: OnceLock::new(), narrow: OnceLock::new() }
    }

    /// Whether it matches somewhere in a value; `None` if it breaks a limit.
    pub(crate) fn is_match(&self, value: &str) -> Option<bool> {
        self.for_value(value).map(|regex| regex.is_match(value))
    }

    /// Its first match in a value.
    pub(crate) fn find<'v>(&self, value: &'v str) -> Option<regex::Match<'v>> {
        self.for_value(value)?.find(value)
    }

    /// The form that is quicker for a value; `None` if it breaks a limit.
    fn for_value(&self, value: &str) -> Option<&Regex> {
        let narrow = if value.is_ascii() { self.narrow.get_or_init(|| narrow(&self.pattern)).as_ref() } else { None };
        narrow.or_else(|| self.get().ok())
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

/// A regex that matches a value of ASCII alone if and only if `pattern` does; `None` if there is none that compiles.
fn narrow(pattern: &str) -> Option<Regex> {
    compile_regex(&narrowed(&regex_syntax::parse(pattern).ok()?).to_string()).ok()
}

/// The syntax tree without everything that stands for characters beyond ASCII. Depth is bounded by `regex_syntax`.
fn narrowed(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.is_ascii() => Hir::literal(literal.0.clone()),
        HirKind::Literal(_) => Hir::fail(),
        HirKind::Class(class) => {
            let mut class = class.clone();
            match &mut class {
                Class::Unicode(class) => class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')])),
                Class::Bytes(class) => class.intersect(&ClassBytes::new([ClassBytesRange::new(0, 0x7f)])),
            }
            Hir::class(class)
        }
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => *other,
        }),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(narrowed(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Capture(capture) => Hir::capture(Capture { sub: Box::new(narrowed(&capture.sub)), ..capture.clone() }),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(narrowed).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(narrowed).collect()),
    }
}

/// What a regex needs of a value: a condition over texts, folded, that holds for every value, folded, that it matches.
#[derive(Debug)]
pub(crate) struct Necessary {
    /// Leaves are places in `sets`; true if nothing rare can be named.
    pub(crate) node: Node,
    /// Sets of texts, of each of which one is needed.
    pub(crate) sets: Vec<Vec<String>>,
}

/// Reads what a regex needs.
///
/// Folding goes character by character, so text that stands in a value stands, folded, in the folded value.
pub(crate) fn necessary(pattern: &str) -> Result<Necessary, String> {
    let hir = regex_syntax::parse(pattern).map_err(|error| error.to_string())?;
    let mut sets = Vec::new();
    let (need, spaces) = match of_hir(&hir, false) {
        Some(need) => (Some(need), false),
        // Six spaces for one make many texts: worth it where nothing else can be named.
        None => (of_hir(&hir, true), true),
    };
    let node = need.map_or(Node::Constant(true), |need| need.into_node(&mut sets));
    if takes_long_s(&hir) {
        for set in sets.iter_mut().filter(|set| set.iter().any(|text| text.contains('s'))) {
            set.push(LONG_S.to_owned());
        }
    }
    if spaces {
        for set in sets.iter_mut().filter(|set| set.iter().any(|text| text.contains(is_ascii_space))) {
            set.extend(spaces_beyond().map(String::from));
        }
    }
    Ok(Necessary { node, sets })
}

impl Necessary {
    /// Texts of which every value has one; `None` if a value may have none of them.
    pub(crate) fn one_of(&self) -> Option<impl Iterator<Item = &String>> {
        use super::program::{ACCEPT, REJECT, emit, run};
        let mut steps = Vec::new();
        let entry = emit(&self.node, ACCEPT, REJECT, &mut steps);
        // What is needed only grows with what is there: false without any text means that one is needed.
        (!run(&steps, entry, |_| false)).then(|| self.sets.iter().flatten())
    }
}

#[cfg(test)]
impl Necessary {
    /// Whether a folded value has what is needed.
    pub(crate) fn holds(&self, folded: &str) -> bool {
        use super::program::{ACCEPT, REJECT, emit, run};
        let mut steps = Vec::new();
        let entry = emit(&self.node, ACCEPT, REJECT, &mut steps);
        run(&steps, entry, |set| self.sets[set as usize].iter().any(|text| folded.contains(text.as_str())))
    }
}

/// Texts that must stand in a value.
#[derive(Debug)]
enum Need {
    OneOf(Vec<String>),
    Any(Vec<Need>),
    All(Vec<Need>),
}

/// How many texts a regex' condition may name.
const TEXTS_MAX: usize = 256;

/// How many things are asked of one value before its regex; the rarest are taken.
const NEEDS_MAX: usize = 3;

/// What is guessed to be met more often than this is not worth asking.
const CHANCE_MAX: f32 = 0.3;

impl Need {
    /// A guess how often it is met.
    fn chance(&self) -> f32 {
        match self {
            Self::OneOf(texts) => texts.iter().map(|text| chance(text)).sum(),
            Self::Any(needs) => needs.iter().map(Self::chance).sum(),
            Self::All(needs) => needs.iter().map(Self::chance).fold(1.0, f32::min),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::OneOf(texts) => texts.len(),
            Self::Any(needs) | Self::All(needs) => needs.iter().map(Self::len).sum(),
        }
    }

    /// One of these is needed; plain sets become one.
    fn any(needs: Vec<Self>) -> Self {
        let mut texts = Vec::new();
        let mut others = Vec::new();
        for need in needs {
            match need {
                Self::OneOf(more) => texts.extend(more),
                Self::Any(more) => others.extend(more),
                all @ Self::All(_) => others.push(all),
            }
        }
        if others.is_empty() {
            return Self::OneOf(distinct(texts));
        }
        if !texts.is_empty() {
            others.push(Self::OneOf(distinct(texts)));
        }
        Self::Any(others)
    }

    fn into_node(self, out: &mut Vec<Vec<String>>) -> Node {
        match self {
            Self::OneOf(texts) => {
                out.push(texts);
                Node::Leaf { atom: (out.len() - 1) as u32, negated: false }
            }
            Self::Any(needs) => Node::join(false, needs.into_iter().map(|need| need.into_node(out))),
            Self::All(needs) => Node::join(true, needs.into_iter().map(|need| need.into_node(out))),
        }
    }
}

fn of_hir(hir: &Hir, spaces: bool) -> Option<Need> {
    let mut run = Run::new(spaces);
    run.walk(hir);
    run.flush();
    let mut needs = run.needs;
    needs.sort_by(|a, b| a.chance().total_cmp(&b.chance()));
    needs.truncate(NEEDS_MAX);
    while needs.iter().map(Need::len).sum::<usize>() > TEXTS_MAX {
        needs.pop();
    }
    if needs.len() > 1 { Some(Need::All(needs)) } else { needs.pop() }
}

/// All texts, folded, that a piece of regex can match, if they are few: every match is one of them.
///
/// `spaces`: whether a class of all spaces counts as those of ASCII. Regex syntax trees are at most 250 deep (`regex_syntax`'s own limit), so recursion is bounded.
fn exact(hir: &Hir, spaces: bool) -> Option<Vec<String>> {
    let texts = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(literal) => vec![fold(std::str::from_utf8(&literal.0).ok()?)],
        HirKind::Class(class) => of_class(class, spaces)?,
        HirKind::Capture(capture) => exact(&capture.sub, spaces)?,
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![String::new()], |before, part| followed(before, &exact(part, spaces)?))?
        }
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (0, Some(1)) => {
                let mut texts = exact(&repetition.sub, spaces)?;
                texts.push(String::new());
                texts
            }
            (min, Some(max)) if min == max && (1..=EXACT_REPEATS_MAX).contains(&max) => {
                let sub = exact(&repetition.sub, spaces)?;
                (0..max).try_fold(vec![String::new()], |before, _| crossed(&before, &sub))?
            }
            _ => return None,
        },
        HirKind::Alternation(branches) => {
            let mut texts = Vec::new();
            for branch in branches {
                texts.extend(exact(branch, spaces)?);
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

/// The same as [`crossed`]; the usual single text is put behind the others where they are.
fn followed(mut before: Vec<String>, after: &[String]) -> Option<Vec<String>> {
    match after {
        // Distinct texts stay so, and in order too but where one begins like another.
        [text] => {
            before.iter_mut().for_each(|before| before.push_str(text));
            if before.len() > 1 {
                before.sort_unstable();
            }
            Some(before)
        }
        _ => crossed(&before, after),
    }
}

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

/// The texts that may stand together at this point, and what was found before it.
struct Run {
    texts: Vec<String>,
    /// The best of what this stretch offered so far.
    best: Option<(f32, Vec<String>)>,
    needs: Vec<Need>,
    /// See [`exact`].
    spaces: bool,
}

impl Run {
    fn new(spaces: bool) -> Self {
        Self { texts: vec![String::new()], best: None, needs: Vec::new(), spaces }
    }

    /// Depth is bounded as in [`exact`].
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            // Anchors take no room: what stands on both sides of them stands together.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(_) | HirKind::Class(_) => self.take(exact(hir, self.spaces)),
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Repetition(repetition) => {
                if let Some(texts) = exact(hir, self.spaces) {
                    return self.take(Some(texts));
                }
                if repetition.min == 0 {
                    return self.flush();
                }
                match exact(&repetition.sub, self.spaces) {
                    // The first two of them follow what stands before, the last two precede what stands behind.
                    Some(texts) => {
                        let twice = (repetition.min > 1).then(|| crossed(&texts, &texts)).flatten();
                        let texts = twice.unwrap_or(texts);
                        self.take(Some(texts.clone()));
                        self.flush();
                        self.texts = texts;
                    }
                    None => {
                        self.flush();
                        self.needs.extend(of_hir(&repetition.sub, self.spaces));
                    }
                }
            }
            HirKind::Alternation(branches) => {
                if let Some(texts) = exact(hir, self.spaces) {
                    return self.take(Some(texts));
                }
                self.flush();
                let each: Option<Vec<Need>> = branches.iter().map(|branch| of_hir(branch, self.spaces)).collect();
                let any = each.map(Need::any);
                self.needs.extend(any.filter(|any| any.chance() <= CHANCE_MAX && any.len() <= TEXTS_MAX));
            }
        }
    }

    /// Goes on with one of these texts; with anything if there are none.
    fn take(&mut self, next: Option<Vec<String>>) {
        let Some(next) = next else { return self.flush() };
        if let [_] = next.as_slice()
            && let Some(texts) = followed(std::mem::take(&mut self.texts), &next)
        {
            self.texts = texts;
            return;
        }
        match crossed(&self.texts, &next) {
            Some(texts) => {
                // Few alternatives may be better than many longer ones.
                if next.len() > 1 {
                    self.offer(&next);
                    let before = std::mem::replace(&mut self.texts, texts);
                    self.offer(&before);
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

    /// Ends a stretch: something unknown follows.
    fn flush(&mut self) {
        let texts = std::mem::replace(&mut self.texts, vec![String::new()]);
        self.offer(&texts);
        let best = self.best.take().filter(|(chance, _)| *chance <= CHANCE_MAX);
        self.needs.extend(best.map(|(_, texts)| Need::OneOf(texts)));
    }

    /// Keeps the alternatives that are guessed to be met least often.
    fn offer(&mut self, texts: &[String]) {
        if texts.is_empty() || !texts.iter().all(|text| is_worth_a_look(text)) {
            return;
        }
        // A text that holds another one is met only where that is.
        let mut sorted: Vec<&String> = texts.iter().collect();
        sorted.sort_by_key(|text| (text.len(), *text));
        let mut kept: Vec<String> = Vec::with_capacity(sorted.len());
        for text in sorted {
            if !kept.iter().any(|shorter| text.contains(shorter.as_str())) {
                kept.push(text.clone());
            }
        }
        let chance: f32 = kept.iter().map(|text| chance(text)).sum();
        if self.best.as_ref().is_none_or(|(best, _)| chance < *best) {
            self.best = Some((chance, kept));
        }
    }
}

/// Texts of one or two letters stand everywhere.
fn is_worth_a_look(text: &str) -> bool {
    text.len() >= 3 || text.bytes().any(is_key) || !text.is_ascii()
}

/// The folded forms of a small class' characters: `[Kk]` is `k` alone.
///
/// The long s stands for s here ([`necessary`] sees to the values that hold it), so that text is not cut at every s.
fn of_class(class: &Class, spaces: bool) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else { return None };
    if spaces && let Some(ascii) = without_spaces_beyond(class) {
        return of_class(&Class::Unicode(ascii), false);
    }
    // A letter without regard to case: most of what a regex holds.
    if let [upper, lower] = class.ranges()
        && upper.start() == upper.end()
        && lower.start() == lower.end()
        && upper.start().is_ascii_uppercase()
        && upper.start().to_ascii_lowercase() == lower.start()
    {
        return Some(vec![lower.start().to_string()]);
    }
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

/// A class that holds all spaces beyond ASCII and nothing else beyond it, without them; `None` for others.
fn without_spaces_beyond(class: &ClassUnicode) -> Option<ClassUnicode> {
    let mut ascii = class.clone();
    ascii.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')]));
    let mut all = ascii.clone();
    all.union(&ClassUnicode::new(spaces_beyond().map(|space| ClassUnicodeRange::new(space, space))));
    (all == *class).then_some(ascii)
}

/// What `\s` takes beyond ASCII (Unicode's White_Space). Lower case leaves them as they are.
fn spaces_beyond() -> impl Iterator<Item = char> {
    let few = ['\u{85}', '\u{a0}', '\u{1680}', '\u{2028}', '\u{2029}', '\u{202f}', '\u{205f}', '\u{3000}'];
    few.into_iter().chain('\u{2000}'..='\u{200a}')
}

/// What `\s` takes of ASCII.
fn is_ascii_space(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' ')
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
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn shown(node: &Node, sets: &[Vec<String>]) -> String {
        let list = |children: &[Node], sign: &str| {
            format!("({})", children.iter().map(|child| shown(child, sets)).collect::<Vec<_>>().join(sign))
        };
        match node {
            Node::Constant(value) => value.to_string(),
            Node::Leaf { atom, .. } => match sets[*atom as usize].as_slice() {
                [text] => text.clone(),
                texts => format!("({})", texts.join(" | ")),
            },
            Node::And(children) => list(children, " & "),
            Node::Or(children) => list(children, " | "),
        }
    }

    #[test]
    fn necessary_texts() {
        for (pattern, expected) in [
            ("abcd", "abcd"),
            ("ABCD.*defgh", "(defgh & abcd)"),
            // K has a third form, the Kelvin sign, which folds to k; S has one that does not.
            ("(?i)PowerPick", "powerpick"),
            ("(?i)tasklist", "(tasklist | \u{17f})"),
            ("(?i)(s|zz)+kill", "(skill | zzkill | \u{17f})"),
            ("(?:;|%3b) *(?:cat|id)", "(; | %3b)"),
            ("(?:;|%3b) *(?:cat|id)5", "((id5 | cat5) & (; | %3b))"),
            ("(?:;|%3b) *(?:whoami|uname)", "((uname | whoami) & (; | %3b))"),
            ("u(?:x|y)?vwq", "(uvwq | uxvwq | uyvwq)"),
            ("a+bcd?e", "(abce | abcde)"),
            ("^fooo$", "fooo"),
            ("foooo|.*quux", "(foooo | quux)"),
            ("foooo|.*", "true"),
            (r"\d+", "true"),
            ("abc", "abc"),
            ("ab", "true"),
            (r"[.]{2,}(?:/|%2f)", "(../ | ..%2f)"),
            // Spaces are named only where nothing else can be.
            (r"abcd\s+ef", "abcd"),
            (r"x(abcd|defg)+y", "((xabcd | xdefg) & (abcdy | defgy))"),
            (r"\\cmd\.exe\s", r"\cmd.exe"),
            ("", "true"),
        ] {
            let found = necessary(pattern).unwrap();
            assert_eq!(shown(&found.node, &found.sets), expected, "{pattern}");
        }
        assert!(necessary("(").is_err());
    }

    #[test]
    fn spaces_of_every_kind_are_named_where_nothing_else_can_be() {
        let found = necessary(r"sc\s+qc").unwrap();
        let kinds = "\t\n\u{b}\u{c}\r ".chars().count() + spaces_beyond().count();
        assert_eq!(found.sets.iter().map(Vec::len).collect::<Vec<_>>(), [kinds, kinds]);
        assert!(found.sets[0].iter().any(|text| text == "sc ") && found.sets[1].iter().any(|text| text == "\tqc"));
        for space in "\t\n\u{b}\u{c}\r ".chars().chain(spaces_beyond()) {
            assert!(space.is_whitespace() && found.holds(&format!("sc{space}qc")), "{space:?}");
        }
        assert!(!found.holds("sc.exe qz") && !found.holds("scqc"));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: ProptestConfig::default().cases.max(3000),
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(11),
            ..ProptestConfig::default()
        })]

        /// Patterns of pieces that rules use, values of the letters that they need, among them those that fold oddly.
        #[test]
        fn no_value_that_matches_lacks_what_is_necessary(
            pieces in proptest::collection::vec(0..PIECES.len(), 1..7),
            caseless in any::<bool>(),
            values in proptest::collection::vec("[sSk%;=3b(a\u{17f}\u{212a}\u{130} x\t\n\u{a0}\u{2003}]{0,24}", 24),
        ) {
            let body: String = pieces.iter().map(|at| PIECES[*at]).collect();
            let pattern = format!("{}{body}", if caseless { "(?i)" } else { "" });
            let (Ok(regex), Ok(need)) = (compile_regex(&pattern), necessary(&pattern)) else { return Ok(()) };
            for value in values.iter().chain(&[String::new(), body.to_uppercase()]) {
                let may = need.holds(&fold(value));
                prop_assert!(may || !regex.is_match(value), "{} on {:?} needs {:?}", pattern, value, need);
            }
        }
    }

    const PIECES: [&str; 21] = [
        r"\s",
        r"\s+",
        r"[=\s]",
        "s",
        "k",
        "%3b",
        ";",
        "=",
        "(?:;|%3b|=)",
        "(?:sk|ks|a)",
        "[sk]",
        "(?:s|%)+",
        "s*",
        "(?:ks)?",
        ".",
        r"\(",
        "x{2}",
        "^",
        "(?:a.b|k;s|%)",
        "(?:3|(?:b|sa)+)",
        "S",
    ];

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: ProptestConfig::default().cases.max(1000),
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(5),
            ..ProptestConfig::default()
        })]

        #[test]
        fn narrowed_to_ascii_a_regex_says_the_same_of_ascii(
            pieces in proptest::collection::vec(0..PIECES.len() + BEYOND.len(), 1..7),
            flags in 0..4_usize,
            values in proptest::collection::vec("[sSkKa_ \n=;3b(x%.-]{0,20}", 24),
        ) {
            let each = pieces.iter().map(|at| PIECES.iter().chain(&BEYOND).nth(*at).unwrap());
            let body: String = each.copied().collect();
            let pattern = format!("{}{body}", ["", "(?i)", "(?s)", "(?m)"][flags]);
            let Ok(regex) = compile_regex(&pattern) else { return Ok(()) };
            let narrow = narrow(&pattern);
            prop_assert!(narrow.is_some(), "{}", pattern);
            for value in values.iter().chain(&[String::new(), body.to_uppercase()]).filter(|value| value.is_ascii()) {
                let found = narrow.as_ref().and_then(|narrow| narrow.find(value)).map(|found| found.range());
                let expected = regex.find(value).map(|found| found.range());
                prop_assert_eq!(found, expected, "{} on {:?}", pattern, value);
            }
        }
    }

    const BEYOND: [&str; 14] = [
        r"\w{1,4}",
        r"\W",
        r"\b",
        r"\B",
        r"\s+",
        r"\S",
        r"\d?",
        "[^s]",
        "\u{e4}",
        "(?:\u{e4}|k)",
        "\u{17f}*",
        r"\b{start}",
        r"\b{end-half}",
        "$",
    ];

    #[test]
    fn classes_of_all_letters_are_small_when_narrowed() {
        let wide = LazyRegex::new(r"^\w{1,64}\.dll,\w{1,64}$");
        assert_eq!(wide.is_match("abc.dll,start"), Some(true));
        // The wide form was not compiled for that.
        assert!(wide.compiled.get().is_none());
        assert_eq!(wide.is_match("\u{e4}bc.dll,start"), Some(true));
        assert!(wide.compiled.get().is_some());
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
