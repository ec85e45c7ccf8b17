//! `cmd.exe` lines: carets, quotes inside words, parts of variables, `set` and `call`, commas for spaces, doubled slashes.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::mapped::{Mapped, Sign, count};
use crate::text::form::Form;
use crate::text::script::names;
use crate::text::script::token::is_ignorable;

/// Variables set in one line whose value is kept.
pub const VARIABLES_MAX: usize = 256;

/// Longest value that is put in; longer ones make bombs.
pub const VALUE_MAX: usize = 4096;

/// Undoes the disguises of one text; the second value says from which byte of the result on it is PowerShell's.
pub fn undo(text: &str, offset: usize, form: &mut Form) -> (Mapped, Option<usize>) {
    let mut reader = Reader {
        text,
        at: 0,
        offset,
        out: Mapped::default(),
        values: FxHashMap::default(),
        statement: 0,
        word: 0,
        quoted: false,
        script: None,
    };
    reader.run(form);
    let script = reader.script;
    (reader.out, script)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    offset: usize,
    out: Mapped,
    values: FxHashMap<String, String>,
    /// Where in the result the statement and the word begin.
    statement: usize,
    word: usize,
    quoted: bool,
    script: Option<usize>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn raw(&self, from: usize) -> (u32, u32) {
        ((self.offset + from) as u32, (self.offset + self.at) as u32)
    }

    fn run(&mut self, form: &mut Form) {
        while let Some(next) = self.peek() {
            let from = self.at;
            self.at += next.len_utf8();
            let after = self.peek();
            match next {
                '^' if self.script.is_none() || !self.quoted => {
                    if after.is_some_and(char::is_alphanumeric) {
                        count(form, Sign::Carets, 1);
                    }
                }
                _ if is_ignorable(next) => count(form, Sign::OddSigns, 1),
                '%' | '!' => {
                    if !self.variable(next, from, form) {
                        self.out.push(next, self.raw(from));
                    }
                }
                '"' | '\u{201c}' | '\u{201d}' => {
                    self.quoted = !self.quoted;
                    if self.script.is_some() {
                        self.out.push('"', self.raw(from));
                    } else if self.out.last().is_some_and(|last| last.is_ascii_alphanumeric())
                        && after.is_some_and(|after| after.is_alphanumeric() || after == '"')
                    {
                        count(form, Sign::Quotes, 1);
                    }
                }
                _ if self.script.is_some() => {
                    self.out.push(next, self.raw(from));
                    if matches!(next, '&' | '\n') && !self.quoted {
                        self.statement = self.out.bytes.len();
                    }
                }
                '&' | '|' | '\n' | '\r' => {
                    self.end_word(form);
                    self.remember();
                    let sign = if next == '|' { '|' } else { '\n' };
                    if self.out.last().is_some_and(|last| last == b' ') {
                        self.out.bytes.pop();
                        self.out.places.pop();
                    }
                    if self.out.last().is_some_and(|last| last != b'\n' && last != b'|') {
                        self.out.push(sign, self.raw(from));
                    }
                    self.statement = self.out.bytes.len();
                    self.word = self.statement;
                }
                ',' | ';' if self.separates(after) => {
                    count(form, Sign::Separators, 1);
                    self.space(from, form);
                }
                '(' | ')' | '@'
                    if self.out.bytes.len() == self.statement
                        || after.is_none_or(|after| after.is_whitespace() || after == ')') && next == ')' => {}
                _ if next.is_whitespace() => self.space(from, form),
                '\\' | '/'
                    if self.out.last() == Some(next as u8)
                        && self.out.bytes.len() > self.word + 1
                        && !self.out.since(self.word).ends_with(":/") => {}
                '\u{2013}' | '\u{2014}' | '\u{2015}' => {
                    count(form, Sign::OddSigns, 1);
                    self.out.push('-', self.raw(from));
                }
                '\u{ff01}'..='\u{ff5e}' => {
                    count(form, Sign::OddSigns, 1);
                    let plain = char::from_u32(next as u32 - 0xfee0).unwrap_or(next);
                    self.out.push(plain, self.raw(from));
                }
                _ => self.out.push(next, self.raw(from)),
            }
        }
        self.end_word(form);
    }

    /// Whether a comma or semicolon stands where a space could: beside one, or right after the command's name.
    fn separates(&self, after: Option<char>) -> bool {
        let blank = |next: char| next.is_whitespace() || matches!(next, ',' | ';');
        let word = self.out.since(self.word);
        let option = word.starts_with('/') && word.len() <= 3;
        let first = option || !self.out.since(self.statement).contains(' ') && names_program(word);
        after.is_none_or(blank) || self.out.last().is_none_or(|last| last == b' ') || first
    }

    fn space(&mut self, from: usize, form: &mut Form) {
        self.end_word(form);
        if self.out.last().is_some_and(|last| last != b' ' && last != b'\n' && last != b'|') {
            self.out.push(' ', self.raw(from));
        }
        self.word = self.out.bytes.len();
        if self.out.last().is_none_or(|last| last != b' ') {
            self.statement = self.out.bytes.len();
        }
    }

    fn end_word(&mut self, form: &mut Form) {
        let word = self.out.since(self.word);
        if crate::text::script::token::is_mixed_case(word) {
            count(form, Sign::MixedCase, 1);
        }
        if self.script.is_none() && names::is_powershell(word) {
            self.script = Some(self.word);
        }
    }

    /// `set name=value`, wherever in its statement it stands.
    fn remember(&mut self) {
        let statement = self.out.since(self.statement).to_owned();
        let small = statement.to_ascii_lowercase();
        let Some(at) = small.rfind("set ").filter(|at| *at == 0 || small.as_bytes().get(at - 1) == Some(&b' ')) else {
            return;
        };
        let Some((name, value)) = statement.get(at + 4..).and_then(|rest| rest.split_once('=')) else {
            return;
        };
        if self.values.len() < VARIABLES_MAX && value.len() <= VALUE_MAX && !name.contains('/') {
            self.values.insert(name.trim().to_ascii_lowercase(), value.to_owned());
        }
    }

    /// `%NAME%`, `%NAME:~1,2%`, `%NAME:a=b%`; `false` where it is none or unknown.
    fn variable(&mut self, mark: char, from: usize, form: &mut Form) -> bool {
        let rest = self.text.get(self.at..).unwrap_or("");
        // A name of sixty characters and an edit: more is no variable.
        let Some(end) =
            rest.get(..rest.floor_char_boundary(120)).and_then(|near| near.find(mark)).filter(|end| *end > 0)
        else {
            return false;
        };
        let inner = rest.get(..end).unwrap_or("").replace('^', "");
        let (name, edit) = inner.split_once(':').map_or((inner.as_str(), None), |(name, edit)| (name, Some(edit)));
        let small = name.to_ascii_lowercase();
        let value = match self.values.get(&small) {
            Some(value) => Cow::Borrowed(value.as_str()),
            None => match known(&small) {
                Some(value) => Cow::Borrowed(value),
                None => return false,
            },
        };
        let value = match edit {
            None => value.into_owned(),
            Some(edit) => {
                count(form, Sign::Substrings, 1);
                match edit.strip_prefix('~') {
                    Some(range) => substring(&value, range),
                    None => match edit.split_once('=') {
                        Some((old, new)) if !old.is_empty() => replace_ignoring_case(&value, old, new),
                        _ => return false,
                    },
                }
            }
        };
        if edit.is_none() {
            count(form, Sign::Variables, u32::from(known(&small).is_none()));
        }
        self.at += end + 1;
        let raw = self.raw(from);
        self.out.text(&value, raw);
        true
    }
}

fn names_program(word: &str) -> bool {
    super::is_windows_program(word)
}

fn substring(value: &str, range: &str) -> String {
    let mut numbers = range.split(',').map(|number| number.trim().parse::<i64>().unwrap_or(0));
    let length = value.chars().count() as i64;
    let from = numbers.next().unwrap_or(0);
    let from = if from < 0 { (length + from).max(0) } else { from.min(length) };
    let count = numbers.next().unwrap_or(length);
    let to = if count < 0 { length + count } else { from.saturating_add(count) };
    value.chars().skip(from as usize).take((to - from).max(0) as usize).collect()
}

fn replace_ignoring_case(value: &str, old: &str, new: &str) -> String {
    let (small, wanted) = (value.to_ascii_lowercase(), old.to_ascii_lowercase());
    let mut out = String::new();
    let mut at = 0usize;
    while let Some(found) = small.get(at..).and_then(|rest| rest.find(&wanted)) {
        out.push_str(value.get(at..at + found).unwrap_or(""));
        out.push_str(new);
        at += found + old.len();
        if out.len() > VALUE_MAX {
            return out;
        }
    }
    out.push_str(value.get(at..).unwrap_or(""));
    out
}

/// Variables whose value is the same on nearly every machine.
fn known(name: &str) -> Option<&'static str> {
    Some(match name {
        "comspec" => "C:\\Windows\\system32\\cmd.exe",
        "systemroot" | "windir" => "C:\\Windows",
        "systemdrive" | "homedrive" => "C:",
        "programfiles" => "C:\\Program Files",
        "programfiles(x86)" => "C:\\Program Files (x86)",
        "programdata" | "allusersprofile" => "C:\\ProgramData",
        "commonprogramfiles" => "C:\\Program Files\\Common Files",
        "public" => "C:\\Users\\Public",
        "pathext" => ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
        "os" => "Windows_NT",
        "psmodulepath" => "C:\\Program Files\\WindowsPowerShell\\Modules",
        "processor_architecture" => "AMD64",
        "path" => {
            "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem;C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\"
        }
        _ => return None,
    })
}
