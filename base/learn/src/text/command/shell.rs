//! Unix shell lines: quotes and backslashes inside words, `$IFS`, `${x:-y}`, `$'\x41'`, constants in variables, braces,
//! wildcards for programs, `echo … | base64 -d | sh`, `rev`, `xxd -r`.

use rustc_hash::FxHashMap;

use super::mapped::{LAYERS_MAX, Mapped, Sign, count};
use crate::text::form::Form;
use crate::text::script::token::is_ignorable;
use crate::text::script::{decode, names};

/// Variables of one line whose value is kept.
pub const VARIABLES_MAX: usize = 256;

/// Longest value that is put in.
pub const VALUE_MAX: usize = 4096;

/// Programs that wildcards are meant to find.
const PROGRAMS: &[&str] = &[
    "/bin/cat",
    "/bin/bash",
    "/bin/sh",
    "/bin/nc",
    "/bin/ls",
    "/bin/rm",
    "/bin/dd",
    "/bin/cp",
    "/bin/mv",
    "/bin/echo",
    "/bin/uname",
    "/bin/ping",
    "/usr/bin/curl",
    "/usr/bin/wget",
    "/usr/bin/id",
    "/usr/bin/whoami",
    "/usr/bin/python3",
    "/usr/bin/perl",
    "/usr/bin/base64",
    "/usr/bin/ncat",
    "/usr/bin/head",
    "/usr/bin/tail",
    "/usr/bin/find",
    "/usr/bin/xxd",
    "/usr/bin/ssh",
    "/usr/bin/socat",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hosts",
    "/etc/sudoers",
    "/usr/sbin/useradd",
];

/// Undoes the disguises of one text.
pub fn undo(text: &str, offset: usize, fixed: Option<(u32, u32)>, layer: usize, form: &mut Form) -> Mapped {
    let mut reader = Reader {
        text,
        at: 0,
        offset,
        fixed,
        out: Mapped::default(),
        values: FxHashMap::default(),
        statement: 0,
        word: 0,
        double: false,
        shortest: 0,
    };
    reader.shortest = shortest_packed(text);
    reader.run(form);
    let out = reader.out;
    if layer < LAYERS_MAX { opened(out, reader.shortest, layer, form) } else { out }
}

/// How short packed text is worth a try: short where something says that it is packed.
fn shortest_packed(text: &str) -> usize {
    let says = |what: &str| text.contains(what);
    if says("base64") || says("b64") || says("openssl") || says("xxd") { 8 } else { decode::BASE64_RUN_MIN }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    offset: usize,
    fixed: Option<(u32, u32)>,
    out: Mapped,
    values: FxHashMap<String, String>,
    statement: usize,
    word: usize,
    double: bool,
    shortest: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn raw(&self, from: usize) -> (u32, u32) {
        self.fixed.unwrap_or(((self.offset + from) as u32, (self.offset + self.at) as u32))
    }

    fn glued(&self) -> bool {
        self.out.bytes.len() > self.word && self.out.last().is_some_and(|last| last.is_ascii_alphanumeric())
    }

    fn run(&mut self, form: &mut Form) {
        while let Some(next) = self.peek() {
            let from = self.at;
            self.at += next.len_utf8();
            let after = self.peek();
            match next {
                _ if is_ignorable(next) => count(form, Sign::OddSigns, 1),
                '\'' if !self.double => {
                    let length = self.rest().find('\'').unwrap_or(self.rest().len());
                    let content = self.rest().get(..length).unwrap_or("").to_owned();
                    let glued = self.glued();
                    let start = self.at;
                    self.at = (self.at + length + 1).min(self.text.len());
                    if glued
                        && (content.is_empty() || self.peek().is_some_and(char::is_alphanumeric) || content.len() <= 2)
                    {
                        count(form, Sign::Quotes, 1);
                    }
                    for (at, one) in content.char_indices() {
                        let place =
                            ((self.offset + start + at) as u32, (self.offset + start + at + one.len_utf8()) as u32);
                        self.out.push(one, self.fixed.unwrap_or(place));
                    }
                }
                '"' => {
                    self.double = !self.double;
                    if self.glued()
                        && after.is_some_and(|after| after.is_alphanumeric() || after == '"')
                        && !self.rest().get(1..).is_some_and(|rest| rest.starts_with(' '))
                    {
                        count(form, Sign::Quotes, 1);
                    }
                }
                '\\' => match after {
                    Some('\n') => {
                        self.at += 1;
                        self.space(from);
                    }
                    // In double quotes a backslash stays before most letters.
                    Some(escaped) if !self.double || matches!(escaped, '"' | '\\' | '$' | '`') => {
                        self.at += escaped.len_utf8();
                        if escaped.is_ascii_alphanumeric() {
                            count(form, Sign::Escapes, 1);
                        }
                        self.out.push(escaped, self.raw(from));
                    }
                    _ => self.out.push('\\', self.raw(from)),
                },
                '$' => self.dollar(from, form),
                '#' if !self.double && self.out.bytes.len() == self.word => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                '{' if !self.double
                    && self.out.bytes.len() == self.word
                    && after.is_some_and(|after| !after.is_whitespace()) =>
                {
                    self.braces(from, form)
                }
                ';' | '\n' | '\r' | '&' if !self.double => {
                    let redirects = next == '&' && (self.out.last() == Some(b'>') || after == Some('>'));
                    if redirects {
                        self.out.push('&', self.raw(from));
                        continue;
                    }
                    self.end_word(form);
                    self.trim();
                    if self.out.last().is_some_and(|last| last != b'\n') {
                        self.out.push('\n', self.raw(from));
                    }
                    (self.statement, self.word) = (self.out.bytes.len(), self.out.bytes.len());
                }
                '|' if !self.double => {
                    self.end_word(form);
                    self.trim();
                    self.out.text(" | ", self.raw(from));
                    (self.statement, self.word) = (self.out.bytes.len(), self.out.bytes.len());
                }
                _ if next.is_whitespace() && !self.double => {
                    self.end_word(form);
                    self.space(from);
                }
                _ => self.out.push(next, self.raw(from)),
            }
        }
        self.end_word(form);
        self.trim();
    }

    fn trim(&mut self) {
        while self.out.last() == Some(b' ') {
            self.out.bytes.pop();
            self.out.places.pop();
        }
    }

    fn space(&mut self, from: usize) {
        if self.out.last().is_some_and(|last| last != b' ' && last != b'\n') {
            self.out.push(' ', self.raw(from));
        }
        self.word = self.out.bytes.len();
    }

    /// A word is complete: an assignment, a wildcard.
    fn end_word(&mut self, form: &mut Form) {
        let word = self.out.since(self.word);
        if let Some((name, value)) = word.split_once('=')
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|next: char| next.is_ascii_digit())
            && value.len() <= VALUE_MAX
            && self.values.len() < VARIABLES_MAX
        {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.values.insert(name, value);
            return;
        }
        if word.starts_with('/') && word.len() <= 40 && word.contains(['?', '[', '*']) {
            let pattern: String = word.to_owned();
            let found = PROGRAMS.iter().find(|program| names::matches(pattern.as_bytes(), program.as_bytes()));
            // A lone star is everyday; question marks within a program's name are not.
            if let Some(program) = found.filter(|_| pattern.contains('?') && !pattern.ends_with('*')) {
                count(form, Sign::Wildcards, 1);
                self.out.replace_since(self.word, program);
            }
        }
    }

    /// What a dollar begins.
    fn dollar(&mut self, from: usize, form: &mut Form) {
        let rest = self.rest().to_owned();
        if let Some(quoted) = rest.strip_prefix('\'').filter(|_| !self.double) {
            let mut length = 0usize;
            let mut escaped = false;
            for next in quoted.chars() {
                if next == '\'' && !escaped {
                    break;
                }
                escaped = next == '\\' && !escaped;
                length += next.len_utf8();
            }
            let (text, codes) = escapes(quoted.get(..length).unwrap_or(""));
            count(form, Sign::Codes, codes);
            self.at = (self.at + length + 2).min(self.text.len());
            let raw = self.raw(from);
            return self.out.text(&text, raw);
        }
        if let Some(inner) = rest.strip_prefix('{') {
            let length = inner.find('}').unwrap_or(inner.len());
            let inner = inner.get(..length).unwrap_or("");
            self.at = (self.at + length + 2).min(self.text.len());
            return self.parameter(inner, from, form);
        }
        let is_name = |next: char| next.is_ascii_alphanumeric() || next == '_';
        let length = match rest.chars().next() {
            Some(first) if first.is_ascii_digit() || matches!(first, '@' | '*' | '!' | '?' | '#') => {
                // `c$@at` and `c$9at` are `cat`: empty where there are no arguments.
                let next = rest.chars().nth(1);
                if self.glued() && next.is_some_and(char::is_alphanumeric) || self.glued() && matches!(first, '@' | '*')
                {
                    self.at += 1;
                    count(form, Sign::Variables, 1);
                    return;
                }
                0
            }
            _ => rest.find(|next| !is_name(next)).unwrap_or(rest.len()),
        };
        if length == 0 {
            let raw = self.raw(from);
            return self.out.push('$', raw);
        }
        self.at += length;
        self.parameter(rest.get(..length).unwrap_or(""), from, form);
    }

    /// `name`, `name:-else`, `name:2:3` …
    fn parameter(&mut self, inner: &str, from: usize, form: &mut Form) {
        let length = inner.find(|next: char| !next.is_ascii_alphanumeric() && next != '_').unwrap_or(inner.len());
        let (name, edit) = (inner.get(..length).unwrap_or(""), inner.get(length..).unwrap_or(""));
        let raw = self.raw(from);
        if name == "IFS" {
            count(form, Sign::Variables, 1);
            self.end_word(form);
            return self.space(from);
        }
        let value = self.values.get(name).cloned();
        let other = [":-", ":=", "-", "="].iter().find_map(|mark| edit.strip_prefix(mark));
        match (value, other) {
            (Some(value), _) => {
                let value = match edit
                    .strip_prefix(':')
                    .map(|range| range.split(':').map(|number| number.trim().parse::<usize>().ok()).collect::<Vec<_>>())
                {
                    Some(numbers) if numbers.first().is_some_and(Option::is_some) => {
                        count(form, Sign::Substrings, 1);
                        let from = numbers.first().copied().flatten().unwrap_or(0);
                        value.chars().skip(from).take(numbers.get(1).copied().flatten().unwrap_or(usize::MAX)).collect()
                    }
                    _ => value,
                };
                if self.glued()
                    || self.peek().is_some_and(|next| next.is_alphanumeric() || next == '$')
                    || self.out.bytes.len() == self.statement
                {
                    count(form, Sign::Variables, 1);
                }
                self.out.text(&value, raw);
            }
            (None, Some(other)) => {
                count(form, Sign::Edits, u32::from(self.glued()));
                self.out.text(other, raw);
            }
            // Nothing has set a one-letter variable: it is empty.
            (None, None) if self.glued() && name.len() == 1 && edit.is_empty() => count(form, Sign::Variables, 1),
            (None, None) => {
                let known = name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
                self.out.push('$', raw);
                self.out.text(if known { name } else { "v" }, raw);
            }
        }
    }

    /// `{cat,/etc/passwd}` as a command.
    fn braces(&mut self, from: usize, form: &mut Form) {
        let rest = self.rest();
        let end = rest.find(|next: char| next == '}' || next.is_whitespace()).unwrap_or(rest.len());
        let inner = rest.get(..end).unwrap_or("").to_owned();
        let closes = rest.get(end..).is_some_and(|tail| tail.starts_with('}'));
        let alone = rest
            .get(end + 1..)
            .is_none_or(|tail| !tail.starts_with(|next: char| next.is_alphanumeric() || next == '/'));
        if !closes || !alone || !inner.contains(',') || self.out.bytes.len() != self.statement {
            let raw = self.raw(from);
            return self.out.push('{', raw);
        }
        count(form, Sign::Edits, 1);
        let start = self.at;
        self.at += end + 1;
        for (at, next) in inner.char_indices() {
            let place = ((self.offset + start + at) as u32, (self.offset + start + at + next.len_utf8()) as u32);
            let next = if next == ',' { ' ' } else { next };
            if !matches!(next, '"' | '\'' | '\\') {
                self.out.push(next, self.fixed.unwrap_or(place));
            }
        }
    }
}

/// `\x41`, `\101`, `\u0041`, `\n`; how many were codes.
fn escapes(text: &str) -> (String, u32) {
    let mut out = String::with_capacity(text.len());
    let mut codes = 0u32;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        rest = rest.get(next.len_utf8()..).unwrap_or("");
        if next != '\\' {
            out.push(next);
            continue;
        }
        let Some(kind) = rest.chars().next() else {
            break;
        };
        let (skip, radix, most) = match kind {
            'x' => (1, 16, 2),
            'u' => (1, 16, 4),
            '0'..='7' => (0, 8, 4),
            _ => (0, 0, 0),
        };
        let digits = rest.get(skip..).unwrap_or("");
        let length = digits.chars().take(most).take_while(|next| next.is_digit(radix.max(2))).count();
        let value = digits
            .get(..length)
            .and_then(|digits| u32::from_str_radix(digits, radix.max(2)).ok())
            .and_then(char::from_u32);
        match value.filter(|_| radix > 0 && length > 0) {
            Some(value) => {
                codes += 1;
                out.push(value);
                rest = rest.get(skip + length..).unwrap_or("");
            }
            None => {
                out.push(match kind {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                rest = rest.get(kind.len_utf8()..).unwrap_or("");
            }
        }
    }
    (out, codes)
}

/// Packed text in the line, opened in its place; what `rev` turns round, behind the line.
fn opened(mapped: Mapped, shortest: usize, layer: usize, form: &mut Form) -> Mapped {
    let text = mapped.since(0).to_owned();
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (from, to) in runs(&text, shortest) {
        let Some(run) = text.get(from..to) else {
            continue;
        };
        let hex = if text.contains("xxd") || run.contains("\\x") || run.len() > 64 { decode::hex(run) } else { None };
        let coded = if run.contains('\\') {
            Some(escapes(run).0.into_bytes()).filter(|bytes| bytes.len() * 3 <= run.len())
        } else {
            None
        };
        if let Some(inner) = coded
            .or(hex)
            .or_else(|| decode::base64(run))
            .and_then(|bytes| decode::text(&bytes))
            .filter(|inner| inner.len() >= 2)
        {
            found.push((from, to, inner));
        }
    }
    if text.contains("rev")
        && let Some(inner) = turned(&text)
    {
        count(form, Sign::Edits, 1);
        let end = text.len();
        found.push((end, end, format!("\n{inner}")));
    }
    if found.is_empty() {
        return mapped;
    }
    let mut out = Mapped::default();
    let mut at = 0usize;
    for (from, to, inner) in found {
        copy(&mapped, at, from, &mut out);
        let raw = mapped.raw(from.min(text.len().saturating_sub(1)), to.max(1));
        count(form, Sign::Decodes, u32::from(to > from));
        let inner = undo(&inner, 0, Some(raw), layer + 1, form);
        let length = inner.bytes.len();
        copy(&inner, 0, length, &mut out);
        at = to;
    }
    copy(&mapped, at, text.len(), &mut out);
    out
}

fn copy(from: &Mapped, start: usize, end: usize, out: &mut Mapped) {
    let text = from.bytes.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("");
    for (at, next) in text.char_indices() {
        if let Some(place) = from.places.get(start + at) {
            out.push(next, *place);
        }
    }
}

/// Runs of base64, hex and escape characters.
fn runs(text: &str, shortest: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut from = 0usize;
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        if !bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\'))
        {
            if at - from >= shortest {
                out.push((from, at));
            }
            from = at + 1;
        }
    }
    out
}

/// `echo TEXT | rev` and `rev <<< TEXT`
fn turned(text: &str) -> Option<String> {
    let at = text.find("| rev").or_else(|| text.find("|rev"));
    let inner = match at {
        Some(at) => {
            let before = text.get(..at)?;
            let start = before.rfind("echo ").map(|at| at + 5)?;
            before.get(start..)?
        }
        None => text.split_once("rev")?.1.split_once("<<<")?.1,
    };
    let inner = inner.trim().trim_start_matches("-n ").trim_end_matches(')');
    (!inner.is_empty()).then(|| inner.chars().rev().collect())
}
