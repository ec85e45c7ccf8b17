//! Sentences with marked facts.

use shieldwall_schema::story::{Fact, Sentence};

/// Characters of one value in a sentence; the rest stands in the evidence.
pub const VALUE_CHARS_MAX: usize = 120;

/// Where the facts of a clause come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From {
    /// The finding's number.
    pub finding: u32,
    /// Which of its pieces of evidence; `None` for what is said of the finding as a whole.
    pub evidence: Option<u32>,
}

/// A sentence in the making.
#[derive(Debug, Default)]
pub struct Words {
    sentence: Sentence,
}

impl Words {
    /// Adds words that are no fact.
    pub fn say(&mut self, words: &str) -> &mut Self {
        self.sentence.text.push_str(words);
        self
    }

    /// Adds a value as a marked fact, cut at [`VALUE_CHARS_MAX`] characters. Line breaks and tabs become blanks, so that a
    /// sentence stays on its line.
    pub fn fact(&mut self, from: From, path: &str, value: &str) -> &mut Self {
        self.fact_around(from, path, value, None)
    }

    /// The same in back quotes, for values that are text of their own: command lines, paths.
    pub fn quoted(&mut self, from: From, path: &str, value: &str) -> &mut Self {
        self.say("`").fact(from, path, value).say("`")
    }

    /// A fact cut around a byte range of interest.
    pub fn fact_around(&mut self, from: From, path: &str, value: &str, span: Option<(u32, u32)>) -> &mut Self {
        let (before, window, after) = excerpt(value, span);
        if before {
            self.say("…");
        }
        let start = self.sentence.text.len() as u32;
        self.sentence.text.extend(window.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }));
        let span = (start, self.sentence.text.len() as u32);
        let path = path.to_owned();
        self.sentence.facts.push(Fact { span, finding: from.finding, evidence: from.evidence, path });
        if after {
            self.say("…");
        }
        self
    }

    /// Adds another sentence with its facts.
    pub fn append(&mut self, other: Words) -> &mut Self {
        let at = self.sentence.text.len() as u32;
        self.sentence.text.push_str(&other.sentence.text);
        let moved =
            other.sentence.facts.into_iter().map(|fact| Fact { span: (fact.span.0 + at, fact.span.1 + at), ..fact });
        self.sentence.facts.extend(moved);
        self
    }

    /// A fact that is a sentence of our own and stands whole.
    pub fn whole(&mut self, from: From, path: &str, sentence: &str) -> &mut Self {
        let start = self.sentence.text.len() as u32;
        self.sentence.text.push_str(sentence);
        let span = (start, self.sentence.text.len() as u32);
        let path = path.to_owned();
        self.sentence.facts.push(Fact { span, finding: from.finding, evidence: from.evidence, path });
        self
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.sentence.text.is_empty()
    }

    /// The sentence.
    pub fn finish(self) -> Sentence {
        self.sentence
    }
}

/// The part of a value that is shown, and whether something is left out before and after it.
fn excerpt(value: &str, span: Option<(u32, u32)>) -> (bool, &str, bool) {
    let count = value.chars().count();
    if count <= VALUE_CHARS_MAX {
        return (false, value, false);
    }
    let byte = |at: usize| value.char_indices().nth(at).map_or(value.len(), |(byte, _)| byte);
    // What was matched stands after a third of the window, so that what leads to it is seen.
    let of_interest = span.map_or(0, |(start, _)| start as usize);
    let at = value.char_indices().take_while(|(byte, _)| *byte < of_interest).count();
    let start = at.saturating_sub(VALUE_CHARS_MAX / 3).min(count - VALUE_CHARS_MAX);
    let window = value.get(byte(start)..byte(start + VALUE_CHARS_MAX)).unwrap_or_default();
    (start > 0, window, start + VALUE_CHARS_MAX < count)
}

/// A whole number with its thousands apart: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A title inside a sentence: its first letter small, unless it begins with a name or an abbreviation.
pub fn inside(title: &str) -> String {
    let mut chars = title.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else { return String::new() };
    let word = title.split(' ').next().unwrap_or_default();
    let is_plain = second.is_none_or(|second| second.is_lowercase() || second == ' ')
        && word.chars().skip(1).all(|c| c.is_lowercase() || c == '\'');
    // Names that stand first in titles and keep their capital.
    let names = ["Windows", "Linux", "Sysmon", "Kerberos", "Defender", "Office", "Zeek", "Suricata", "Azure", "Google"];
    if is_plain && !names.contains(&word) {
        first.to_lowercase().chain(title.chars().skip(1)).collect()
    } else {
        title.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: From = From { finding: 3, evidence: Some(1) };

    #[test]
    fn facts_are_marked_where_they_stand() {
        let mut words = Words::default();
        words.fact(FROM, "user.name", "é\nb").say(" ran ").quoted(FROM, "process.cmd_line", "id");
        let sentence = words.finish();
        assert_eq!(sentence.text, "é b ran `id`");
        let parts: Vec<_> = sentence
            .facts
            .iter()
            .map(|fact| (sentence.text.get(fact.span.0 as usize..fact.span.1 as usize).unwrap(), fact.path.as_str()))
            .collect();
        assert_eq!(parts, [("é b", "user.name"), ("id", "process.cmd_line")]);
    }

    #[test]
    fn a_long_value_is_cut_around_what_matters() {
        let long = format!("{}NEEDLE{}", "ä".repeat(500), "z".repeat(500));
        let mut words = Words::default();
        words.fact_around(FROM, "x", &long, Some((1000, 1006)));
        let sentence = words.finish();
        assert!(sentence.text.contains("NEEDLE") && sentence.text.starts_with('…') && sentence.text.ends_with('…'));
        assert_eq!(sentence.text.chars().count(), VALUE_CHARS_MAX + 2);
    }

    #[test]
    fn titles_inside_sentences() {
        for (title, wanted) in [
            ("A crontab was replaced", "a crontab was replaced"),
            ("PowerShell was started", "PowerShell was started"),
            ("LSASS memory was read", "LSASS memory was read"),
            ("Windows backups were deleted", "Windows backups were deleted"),
            ("Root logged in", "root logged in"),
            ("", ""),
        ] {
            assert_eq!(inside(title), wanted);
        }
    }

    #[test]
    fn numbers_are_read_in_groups() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
