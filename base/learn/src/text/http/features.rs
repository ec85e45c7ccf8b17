//! What is measured of a piece of a request, in its canonical form: punctuation, balance, classes of tokens, and the small
//! structures that interpreters need (a comparison of equals, a call, a tag, a path upwards).

use super::words::{CODE, SCRIPT, SHELL, SQL};
use crate::text::shape::Feature;

/// Names of what [`measure`] gives.
pub const FEATURES: &[Feature] = &[
    Feature::free("length"),
    Feature::free("punctuation_share"),
    Feature::free("distinct_punctuation"),
    Feature::free("longest_punctuation"),
    Feature::free("digit_share"),
    Feature::free("space_share"),
    Feature::free("other_letters"),
    Feature::free("odd_quotes"),
    Feature::free("unbalanced_brackets"),
    Feature::free("closes_before_opens"),
    Feature::free("longest_word"),
    Feature::rising("sql_words"),
    Feature::rising("sql_words_distinct"),
    Feature::rising("script_words"),
    Feature::rising("shell_words"),
    Feature::rising("code_words"),
    Feature::rising("calls"),
    Feature::rising("equal_sides"),
    Feature::rising("tags"),
    Feature::rising("handlers"),
    Feature::rising("parent_paths"),
    Feature::rising("absolute_paths"),
    Feature::rising("templates"),
    Feature::rising("operators"),
    Feature::rising("comment_at_end"),
    Feature::rising("schemes"),
    Feature::rising("quote_then_word"),
    Feature::rising("separator_then_command"),
    Feature::rising("query_operators"),
    Feature::rising("declarations"),
];

/// Appends the features of a piece.
pub fn measure(piece: &[u8], out: &mut Vec<f64>) {
    let marks = marks(piece);
    let words = words(piece);
    let pairs = pairs(piece);
    let length = piece.len().max(1) as f64;
    let log = |count: u32| f64::from(count).ln_1p();
    out.extend([
        length.ln(),
        f64::from(marks.punctuation) / length,
        f64::from(marks.distinct.count_ones()),
        log(marks.longest),
        f64::from(marks.digits) / length,
        f64::from(marks.spaces) / length,
        f64::from(marks.other) / length,
        f64::from(marks.quotes % 2 + marks.doubles % 2),
        f64::from(marks.depth.unsigned_abs()).ln_1p(),
        log(marks.depth_low.unsigned_abs()),
        log(words.longest),
        log(words.sql),
        f64::from(words.sql_seen.count_ones()),
        log(words.script),
        log(words.shell),
        log(words.code),
        log(words.calls),
        log(pairs.equal_sides),
        log(pairs.tags),
        log(words.handlers),
        log(pairs.parents),
        log(pairs.absolute),
        log(pairs.templates),
        log(pairs.operators),
        ends_in_comment(piece),
        log(pairs.schemes),
        log(words.after_quote),
        log(words.after_separator),
        log(words.query_operators),
        log(pairs.declarations),
    ]);
}

#[derive(Default)]
struct Marks {
    punctuation: u32,
    distinct: u128,
    longest: u32,
    digits: u32,
    spaces: u32,
    other: u32,
    quotes: u32,
    doubles: u32,
    depth: i32,
    depth_low: i32,
}

fn marks(piece: &[u8]) -> Marks {
    let mut marks = Marks::default();
    let mut run = 0;
    for byte in piece {
        let is_mark = byte.is_ascii_punctuation();
        run = if is_mark { run + 1 } else { 0 };
        marks.longest = marks.longest.max(run);
        marks.punctuation += u32::from(is_mark);
        if is_mark {
            marks.distinct |= 1 << byte;
        }
        marks.digits += u32::from(byte.is_ascii_digit());
        marks.spaces += u32::from(byte.is_ascii_whitespace());
        marks.other += u32::from(*byte >= 0x80);
        marks.quotes += u32::from(*byte == b'\'');
        marks.doubles += u32::from(*byte == b'"');
        marks.depth += match byte {
            b'(' | b'[' | b'{' => 1,
            b')' | b']' | b'}' => -1,
            _ => 0,
        };
        marks.depth_low = marks.depth_low.min(marks.depth);
    }
    marks
}

#[derive(Default)]
struct Words {
    longest: u32,
    sql: u32,
    sql_seen: u128,
    script: u32,
    shell: u32,
    code: u32,
    calls: u32,
    handlers: u32,
    after_quote: u32,
    after_separator: u32,
    query_operators: u32,
}

/// Longest word that is looked up.
const WORD_BYTES_MAX: usize = 20;

fn words(piece: &[u8]) -> Words {
    let mut words = Words::default();
    let mut before: Option<u8> = None;
    let mut rest = piece;
    while let Some(first) = rest.first() {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        if !is_word(first) {
            if *first != b' ' {
                before = Some(*first);
            }
            rest = rest.get(1..).unwrap_or(&[]);
            continue;
        }
        let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let next = tail.iter().find(|byte| **byte != b' ').copied();
        words.longest = words.longest.max(length as u32);
        words.one(word, before, next);
        before = None;
        rest = tail;
    }
    words
}

impl Words {
    fn one(&mut self, word: &[u8], before: Option<u8>, next: Option<u8>) {
        if word.len() > WORD_BYTES_MAX {
            return;
        }
        let at = |list: &[&str]| list.binary_search_by(|known| known.as_bytes().cmp(word)).ok();
        let (sql, shell) = (at(SQL), at(SHELL));
        self.sql += u32::from(sql.is_some());
        self.sql_seen |= sql.map_or(0, |at| 1u128 << (at % 128));
        self.script += u32::from(at(SCRIPT).is_some());
        self.shell += u32::from(shell.is_some());
        self.code += u32::from(at(CODE).is_some());
        let named = word.first().is_some_and(|byte| !byte.is_ascii_digit());
        self.calls += u32::from(named && next == Some(b'('));
        self.handlers += u32::from(word.len() > 4 && word.starts_with(b"on") && next == Some(b'='));
        self.after_quote += u32::from(sql.is_some() && matches!(before, Some(b'\'' | b'"' | b')')));
        self.after_separator +=
            u32::from(shell.is_some() && matches!(before, Some(b';' | b'|' | b'&' | b'`' | b'(' | b'$')));
        let query = matches!(
            word,
            b"ne" | b"gt" | b"gte" | b"lt" | b"lte" | b"where" | b"regex" | b"exists" | b"nin" | b"or" | b"and"
        );
        self.query_operators += u32::from(query && before == Some(b'$'));
    }
}

#[derive(Default)]
struct Pairs {
    equal_sides: u32,
    tags: u32,
    parents: u32,
    absolute: u32,
    templates: u32,
    operators: u32,
    schemes: u32,
    declarations: u32,
}

fn pairs(piece: &[u8]) -> Pairs {
    let mut pairs = Pairs::default();
    let byte = |at: usize| piece.get(at).copied().unwrap_or(0);
    for at in 0..piece.len() {
        match (byte(at), byte(at + 1)) {
            (b'=', _) => pairs.equal_sides += u32::from(sides_equal(piece, at)),
            (b'<', b'!' | b'?' | b'%') => pairs.declarations += 1,
            (b'<', next) if next == b'/' || next.is_ascii_lowercase() => pairs.tags += 1,
            (b'.', b'.') if matches!(byte(at + 2), b'/' | b'\\') => pairs.parents += 1,
            (b'{', b'{') | (b'$' | b'#' | b'*' | b'@', b'{') => pairs.templates += 1,
            (b'|', b'|') | (b'&', b'&') | (b'$', b'(') | (b'-', b'-') | (b'`', _) | (b')', b'(') => {
                pairs.operators += 1
            }
            (b'/', next) if at == 0 || matches!(byte(at - 1), b' ' | b'"' | b'\'' | b'=' | b':' | b';' | b'|') => {
                pairs.absolute += u32::from(next.is_ascii_lowercase());
            }
            (b':', b'/') => pairs.schemes += u32::from(byte(at + 2) == b'/'),
            (b'c'..=b'z', b':') if byte(at + 2) == b'\\' => pairs.absolute += 1,
            _ => {}
        }
    }
    pairs
}

/// Bytes on each side of `=` that are compared.
const SIDE_BYTES_MAX: usize = 16;

/// Whether the words on both sides of the `=` at `at` are the same: `1=1`, `'a'='a`, `(5) = (5)`.
fn sides_equal(piece: &[u8], at: usize) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let filler = |byte: &u8| matches!(byte, b' ' | b'\'' | b'"' | b'(' | b')');
    let (left, right) = (piece.get(..at).unwrap_or(&[]), piece.get(at + 1..).unwrap_or(&[]));
    let left_end = left.iter().rev().take(4).take_while(|byte| filler(byte)).count();
    let left = left.iter().rev().skip(left_end).take(SIDE_BYTES_MAX).take_while(|byte| is_word(byte)).count();
    let right_start = right.iter().take(4).take_while(|byte| filler(byte)).count();
    let right_word = right.iter().skip(right_start).take(SIDE_BYTES_MAX).take_while(|byte| is_word(byte)).count();
    let end = at.saturating_sub(left_end);
    left > 0
        && left == right_word
        && piece.get(end.saturating_sub(left)..end) == right.get(right_start..right_start + right_word)
}

fn ends_in_comment(piece: &[u8]) -> f64 {
    let end = piece.iter().rposition(|byte| !matches!(byte, b' ' | b'+')).map_or(0, |last| last + 1);
    let text = piece.get(..end).unwrap_or(&[]);
    let ends = text.len() > 2 && [&b"--"[..], b"#", b"/*", b"-- -", b"//"].iter().any(|mark| text.ends_with(mark));
    f64::from(u8::from(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, name: &str) -> f64 {
        let mut out = Vec::new();
        measure(text.as_bytes(), &mut out);
        assert_eq!(out.len(), FEATURES.len());
        out[FEATURES.iter().position(|feature| feature.name == name).unwrap()]
    }

    #[test]
    fn structures_are_seen_and_look_alikes_are_not() {
        let two = 2f64.ln();
        for (text, name, expected) in [
            ("1=1", "equal_sides", two),
            ("' or 'a'='a", "equal_sides", two),
            ("1=2", "equal_sides", 0.0),
            ("a==", "equal_sides", 0.0),
            ("=", "equal_sides", 0.0),
            ("' or 1", "quote_then_word", two),
            ("this or that", "quote_then_word", 0.0),
            ("; cat x", "separator_then_command", two),
            ("a cat", "separator_then_command", 0.0),
            ("../../x", "parent_paths", 3f64.ln()),
            ("...", "parent_paths", 0.0),
            ("<script>", "tags", two),
            ("a < b", "tags", 0.0),
            ("x onerror=", "handlers", two),
            ("one=1", "handlers", 0.0),
            ("${jndi", "templates", two),
            ("admin'--", "comment_at_end", 1.0),
            ("alert(1)", "calls", two),
            ("f (x", "unbalanced_brackets", two),
            ("$ne", "query_operators", two),
            ("$net", "query_operators", 0.0),
            ("it's", "odd_quotes", 1.0),
            ("", "odd_quotes", 0.0),
            ("http://x", "schemes", two),
            ("<!entity", "declarations", two),
            ("a: /etc", "absolute_paths", two),
        ] {
            assert!((of(text, name) - expected).abs() < 1e-12, "{text} {name}: {}", of(text, name));
        }
    }
}
