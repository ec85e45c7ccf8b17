//! Makes outside text safe to show: what a terminal would obey, and what an eye would miss, becomes visible.
//!
//! Control characters become `\x1b`, `\n`; characters without a picture of their own (bidirectional controls, zero-width
//! and tag characters, variation selectors) become `\u{202e}`; a letter that imitates a Latin one inside a word
//! with Latin letters becomes `\u{430}`, while a word wholly in another script stays readable.
//! Backslashes stay single, since Windows paths are full of them.
//!
//! Invariant: no ESC byte and no other control character is ever in the result. Everything that the program prints to a
//! person and did not write itself goes through here.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

/// Combining marks kept on one letter; more are shown escaped, so that nothing climbs over neighbouring lines.
const COMBINING_MAX: usize = 2;

/// What had to be made visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Control characters: the text could have steered a terminal or broken a line.
    pub control: bool,
    /// Hidden, direction-changing or look-alike characters: the text could have deceived a reader.
    pub confusable: bool,
}

/// Appends `text` to `out` with everything dangerous made visible.
pub fn escape_into(text: &str, out: &mut String) -> Marks {
    let mut marks = Marks::default();
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        out.push_str(text);
        return marks;
    }
    // Words are runs of letters and digits; look-alikes are judged per word.
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        if end > 0 {
            let (word, after) = rest.split_at(end);
            word_into(word, out, &mut marks);
            rest = after;
        } else {
            let end = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
            let (between, after) = rest.split_at(end);
            between_into(between, out, &mut marks);
            rest = after;
        }
    }
    marks
}

/// The text with everything dangerous made visible.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(text, &mut out);
    out
}

/// As [`escape`], line by line: line ends stay.
pub fn escape_lines(text: &str) -> String {
    text.lines().map(|line| escape(line) + "\n").collect()
}

/// As [`escape`], and says so behind the text where a reader could have been deceived.
pub fn escape_flagged(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if escape_into(text, &mut out).confusable {
        out.push_str(" [confusable]");
    }
    out
}

fn word_into(word: &str, out: &mut String, marks: &mut Marks) {
    let mixed = word.bytes().any(|byte| byte.is_ascii_alphabetic());
    for c in word.chars() {
        if is_hidden(c) || is_styled_latin(c) || (mixed && looks_latin(c)) {
            marks.confusable = true;
            code_into(c, out);
        } else {
            out.push(c);
        }
    }
}

fn between_into(between: &str, out: &mut String, marks: &mut Marks) {
    let mut combining = 0;
    for c in between.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                // The only fallible part is a writer that is no String.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if is_hidden(c) => {
                marks.confusable = true;
                code_into(c, out);
            }
            c if c.width() == Some(0) && combining >= COMBINING_MAX => {
                marks.confusable = true;
                code_into(c, out);
            }
            c => out.push(c),
        }
        marks.control |= c.is_control();
        combining = if c.width() == Some(0) { combining + 1 } else { 0 };
    }
}

fn code_into(c: char, out: &mut String) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// Characters without a picture: direction, joining, tags, fillers, selectors, line and paragraph separators.
pub fn is_hidden(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

/// Latin letters in mathematical dress: never written by a keyboard.
fn is_styled_latin(c: char) -> bool {
    matches!(u32::from(c), 0x1d400..=0x1d7ff)
}

/// Letters of other scripts that look like Latin ones (after Unicode's confusables, the common ones), and full-width
/// forms.
fn looks_latin(c: char) -> bool {
    matches!(c,
        // Cyrillic
        'а' | 'в' | 'е' | 'к' | 'м' | 'н' | 'о' | 'р' | 'с' | 'т' | 'у' | 'х' | 'ѕ' | 'і' | 'ј' | 'ԁ' | 'ԛ' | 'ԝ' | 'һ' | 'ѵ' | 'ь' | 'г'
        | 'А' | 'В' | 'Е' | 'К' | 'М' | 'Н' | 'О' | 'Р' | 'С' | 'Т' | 'У' | 'Х' | 'Ѕ' | 'І' | 'Ј' | 'Ԛ' | 'Ԝ' | 'Ү'
        // Greek
        | 'α' | 'γ' | 'ε' | 'η' | 'ι' | 'κ' | 'ν' | 'ο' | 'ρ' | 'σ' | 'τ' | 'υ' | 'χ' | 'ω'
        | 'Α' | 'Β' | 'Ε' | 'Ζ' | 'Η' | 'Ι' | 'Κ' | 'Μ' | 'Ν' | 'Ο' | 'Ρ' | 'Τ' | 'Υ' | 'Χ'
        // Armenian, Cherokee, Latin oddities
        | 'ո' | 'օ' | 'ս' | 'հ' | 'ց' | 'զ' | 'Ꭺ' | 'Ꭼ' | 'Ꮋ' | 'Ꮶ' | 'Ꮇ' | 'Ꮲ' | 'Ꭲ' | 'ı' | 'ɑ' | 'ɡ' | 'ɩ' | 'ʟ'
        // Roman numerals and full-width forms
        | '\u{2160}'..='\u{217f}' | '\u{ff10}'..='\u{ff5a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_text_is_made_visible() {
        // (text, shown, control, confusable); fault table rows 3, 11, 12, 13.
        for (text, shown, control, confusable) in [
            ("plain C:\\Windows\\system32", "plain C:\\Windows\\system32", false, false),
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m", true, false),
            ("\x1b]0;title\x07", "\\x1b]0;title\\x07", true, false),
            ("\u{9b}31m", "\\x9b31m", true, false),
            ("a\0b\x7f", "a\\x00b\\x7f", true, false),
            ("one\r\ntwo\tthree", "one\\r\\ntwo\\tthree", true, false),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe", false, true),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}", false, true),
            ("pay\u{200b}pal\u{feff}", "pay\\u{200b}pal\\u{feff}", false, true),
            ("p\u{430}ypal", "p\\u{430}ypal", false, true),
            ("привет мир", "привет мир", false, false),
            ("Grüße, naïve café", "Grüße, naïve café", false, false),
            ("日本語", "日本語", false, false),
            ("ｃmd", "\\u{ff43}md", false, true),
            ("\u{1d5c9}\u{1d5c8}", "\\u{1d5c9}\\u{1d5c8}", false, true),
            ("a\u{301}\u{301}\u{301}", "a\u{301}\u{301}\\u{301}", false, true),
            ("x\u{e0041}y", "x\\u{e0041}y", false, true),
            ("a\u{2028}b", "a\\u{2028}b", false, true),
            ("", "", false, false),
        ] {
            let mut out = String::new();
            let marks = escape_into(text, &mut out);
            assert_eq!((out.as_str(), marks), (shown, Marks { control, confusable }), "{text:?}");
        }
        assert_eq!(escape_flagged("p\u{430}y"), "p\\u{430}y [confusable]");
    }

    #[test]
    fn no_character_yields_a_control_or_hidden_character() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let shown = escape(&format!("a{c}b {c}"));
            assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)), "{:x}", u32::from(c));
        }
    }
}
