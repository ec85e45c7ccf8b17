//! PowerShell taken apart into tokens, well enough to undo disguises; nothing is ever run.
//!
//! The lexer never fails: what it does not know becomes a [`Kind::Sign`]. Backticks inside words, comments and white space
//! are gone afterwards, quotes are resolved, each token still knows the raw bytes that it came from. Linear time: every
//! byte is looked at a bounded number of times; sub-expressions in strings nest at most [`NESTING_MAX`] deep.

use std::borrow::Cow;

/// Sub-expressions in strings in sub-expressions; deeper ones stay text. People write one, obfuscators two.
pub const NESTING_MAX: usize = 4;

/// Parts a list of constants is joined by while it is one token (no script contains this control character).
pub const ITEM: char = '\u{1f}';

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bare word: command, parameter, type, member, path.
    Word,
    /// A variable; the text is its name without `$` and braces.
    Variable,
    /// A constant string, quotes resolved.
    Text,
    /// A string in which variables are named.
    Open,
    /// A number.
    Number,
    /// Several constants, joined by [`ITEM`].
    List,
    /// Bytes that are no text (a program, shell code), one char each.
    Bytes,
    /// An operator or bracket.
    Sign,
    /// The end of a statement.
    End,
}

/// A token with the raw bytes it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text, as [`Kind`] says.
    pub text: Cow<'a, str>,
    /// Raw byte range.
    pub raw: (u32, u32),
    /// Whether it follows the token before it without white space.
    pub glued: bool,
}

impl Token<'_> {
    /// Whether this is a sign with this text.
    pub fn is_sign(&self, text: &str) -> bool {
        self.kind == Kind::Sign && self.text == text
    }

    /// Whether this is a bare word, in any case.
    pub fn is_word(&self, text: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(text)
    }

    /// Whether its value is known.
    pub fn is_constant(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Number | Kind::List)
    }
}

/// Signs of disguise that the lexer sees and removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Backticks before ordinary letters.
    pub backticks: u32,
    /// Bytes of comments.
    pub comment_bytes: u32,
    /// Words that were glued together of quoted pieces.
    pub quoted_pieces: u32,
    /// Words in which capitals and small letters alternate without reason.
    pub mixed_case: u32,
    /// Typographic quotes and dashes in place of plain ones.
    pub odd_signs: u32,
}

/// Takes `text` apart. `fixed` gives every token this raw range (text that was decoded has no places of its own).
pub fn tokens<'a>(text: &'a str, fixed: Option<(u32, u32)>, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
    Lexer { text, at: 0, base: 0, fixed, depth: 0 }.run(seen, out);
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    base: usize,
    fixed: Option<(u32, u32)>,
    depth: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    /// `..` between numbers, not `..\\folder`.
    fn is_range(&self) -> bool {
        let after = self.rest().strip_prefix("..");
        after.is_some_and(|after| !after.starts_with(['\\', '/', '.']))
    }

    fn raw(&self, from: usize) -> (u32, u32) {
        let place = |at: usize| u32::try_from(self.base + at).unwrap_or(u32::MAX);
        self.fixed.unwrap_or((place(from), place(self.at)))
    }

    fn run(&mut self, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
        let mut spaced = true;
        while let Some(next) = self.peek() {
            let from = self.at;
            match next {
                '\n' | '\r' | ';' => {
                    self.at += 1;
                    if out.last().is_some_and(|last| last.kind != Kind::End) {
                        self.push(Kind::End, Cow::Borrowed(";"), from, false, out);
                    }
                    spaced = true;
                    continue;
                }
                _ if next.is_whitespace() || is_ignorable(next) => {
                    self.at += next.len_utf8();
                    spaced |= next.is_whitespace();
                    continue;
                }
                '`' if matches!(self.second(), Some('\n' | '\r')) => {
                    self.at += 2;
                    if self.text.get(self.at - 1..=self.at) == Some("\r\n") {
                        self.at += 1;
                    }
                    spaced = true;
                    continue;
                }
                '#' if spaced || out.last().is_none_or(|last| last.kind != Kind::Word) => {
                    let length = self.rest().find('\n').unwrap_or(self.rest().len());
                    seen.comment_bytes = seen.comment_bytes.saturating_add(length as u32);
                    self.at += length;
                    continue;
                }
                '<' if self.second() == Some('#') => {
                    let length = self.rest().find("#>").map_or(self.rest().len(), |at| at + 2);
                    seen.comment_bytes = seen.comment_bytes.saturating_add(length as u32);
                    self.at += length;
                    spaced = true;
                    continue;
                }
                '@' if matches!(self.second(), Some(quote) if is_single(quote) || is_double(quote)) => {
                    self.here_string(spaced, seen, out);
                }
                _ if is_single(next) => {
                    if next != '\'' {
                        seen.odd_signs += 1;
                    }
                    let content = self.single_quoted();
                    self.push(Kind::Text, content, from, !spaced, out);
                }
                _ if is_double(next) => {
                    if next != '"' {
                        seen.odd_signs += 1;
                    }
                    self.double_quoted(!spaced, seen, out);
                }
                '$' => self.variable(!spaced, out),
                '0'..='9' => self.number(!spaced, seen, out),
                _ if is_dash(next) => self.dash(!spaced, seen, out),
                _ if starts_word(next) && !self.is_range() => self.word(!spaced, seen, out),
                '/' if spaced
                    && self.second().is_some_and(|second| second.is_ascii_alphanumeric() || second == '?') =>
                {
                    self.word(false, seen, out);
                }
                '*' if self.second().is_some_and(|second| second.is_alphabetic()) && spaced => {
                    self.word(false, seen, out);
                }
                _ => {
                    let two = self.text.get(self.at..self.at + 2).unwrap_or("");
                    let length = if matches!(two, "::" | ".." | "+=" | "||" | "&&" | "++" | "@(" | ">>") {
                        2
                    } else {
                        next.len_utf8()
                    };
                    self.at += length;
                    let sign = self.text.get(from..self.at).unwrap_or("");
                    self.push(Kind::Sign, Cow::Borrowed(sign), from, !spaced, out);
                }
            }
            join_pieces(seen, out);
            spaced = false;
        }
    }

    fn push(&self, kind: Kind, text: Cow<'a, str>, from: usize, glued: bool, out: &mut Vec<Token<'a>>) {
        out.push(Token { kind, text, raw: self.raw(from), glued });
    }

    /// `'it''s'`
    fn single_quoted(&mut self) -> Cow<'a, str> {
        self.at += self.peek().map_or(0, char::len_utf8);
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut piece = start;
        while let Some(next) = self.peek() {
            let here = self.at;
            self.at += next.len_utf8();
            if !is_single(next) {
                continue;
            }
            let so_far = self.text.get(piece..here).unwrap_or("");
            if self.peek().is_some_and(is_single) {
                owned.get_or_insert_default().push_str(so_far);
                owned.get_or_insert_default().push('\'');
                self.at += self.peek().map_or(0, char::len_utf8);
                piece = self.at;
                continue;
            }
            return match owned {
                Some(mut owned) => {
                    owned.push_str(so_far);
                    Cow::Owned(owned)
                }
                None => Cow::Borrowed(so_far),
            };
        }
        // Without its end the quote reaches to the end of the text.
        let so_far = self.text.get(piece..).unwrap_or("");
        match owned {
            Some(owned) => Cow::Owned(owned + so_far),
            None => Cow::Borrowed(so_far),
        }
    }

    /// `"a$b`nc$(1 + 1)"`
    fn double_quoted(&mut self, glued: bool, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
        let from = self.at;
        self.at += self.peek().map_or(0, char::len_utf8);
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut piece = start;
        let mut open = false;
        let mut parts = 0usize;
        loop {
            let here = self.at;
            let Some(next) = self.peek() else {
                break;
            };
            self.at += next.len_utf8();
            let so_far = self.text.get(piece..here).unwrap_or("");
            if is_double(next) {
                if !self.peek().is_some_and(is_double) {
                    break;
                }
                owned.get_or_insert_default().push_str(so_far);
                owned.get_or_insert_default().push('"');
                self.at += self.peek().map_or(0, char::len_utf8);
                piece = self.at;
            } else if next == '`' {
                let text = owned.get_or_insert_default();
                text.push_str(so_far);
                if let Some(escaped) = self.peek() {
                    self.at += escaped.len_utf8();
                    if escaped.is_ascii_alphabetic()
                        && !matches!(escaped, 'n' | 'r' | 't' | 'a' | 'b' | 'f' | 'v' | 'e' | 'u')
                    {
                        seen.backticks += 1;
                    }
                    text.push(escape(escaped));
                }
                piece = self.at;
            } else if next == '$' && self.peek() == Some('(') && self.depth < NESTING_MAX {
                // "a$(b)c" reads as "a" + (b) + "c".
                let mut text = owned.take().unwrap_or_default();
                text.push_str(so_far);
                let inner = self.at + 1;
                let end = closing(self.text, inner);
                if parts == 0 {
                    self.push(Kind::Sign, Cow::Borrowed("("), from, glued, out);
                }
                if !text.is_empty() {
                    self.push(if open { Kind::Open } else { Kind::Text }, Cow::Owned(text), from, false, out);
                    self.push(Kind::Sign, Cow::Borrowed("+"), from, false, out);
                }
                self.push(Kind::Sign, Cow::Borrowed("("), here, false, out);
                let content = self.text.get(inner..end).unwrap_or("");
                Lexer { text: content, at: 0, base: self.base + inner, fixed: self.fixed, depth: self.depth + 1 }
                    .run(seen, out);
                self.at = (end + 1).min(self.text.len());
                self.push(Kind::Sign, Cow::Borrowed(")"), here, false, out);
                self.push(Kind::Sign, Cow::Borrowed("+"), here, false, out);
                parts += 1;
                open = false;
                piece = self.at;
            } else if next == '$' && self.peek().is_some_and(|next| next.is_alphabetic() || matches!(next, '{' | '_')) {
                open = true;
            }
        }
        let end = if self.at > piece && self.text.get(piece..self.at).is_some_and(|rest| rest.ends_with(is_double)) {
            self.text
                .get(piece..self.at)
                .and_then(|rest| rest.char_indices().next_back())
                .map_or(self.at, |(at, _)| piece + at)
        } else {
            self.at
        };
        let last = self.text.get(piece..end).unwrap_or("");
        let text = match owned {
            Some(owned) => Cow::Owned(owned + last),
            None => Cow::Borrowed(last),
        };
        let kind = if open { Kind::Open } else { Kind::Text };
        self.push(kind, text, from, glued && parts == 0, out);
        if parts > 0 {
            self.push(Kind::Sign, Cow::Borrowed(")"), from, false, out);
        }
    }

    /// `@'…'@` and `@"…"@`, their quotes on lines of their own.
    fn here_string(&mut self, spaced: bool, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
        let from = self.at;
        let single = self.second().is_some_and(is_single);
        let start = self.at + 1 + self.second().map_or(1, char::len_utf8);
        let end_mark = if single { "\n'@" } else { "\n\"@" };
        let rest = self.text.get(start..).unwrap_or("");
        let length = rest.find(end_mark).unwrap_or(rest.len());
        let content = rest.get(..length).unwrap_or("");
        self.at = (start + length + end_mark.len()).min(self.text.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let kind = if !single && content.contains('$') { Kind::Open } else { Kind::Text };
        let _ = seen;
        self.push(kind, Cow::Borrowed(content.trim_matches(['\r', '\n'])), from, !spaced, out);
    }

    fn variable(&mut self, glued: bool, out: &mut Vec<Token<'a>>) {
        let from = self.at;
        self.at += 1;
        let rest = self.rest();
        if rest.starts_with('{') {
            let length = rest.find('}').unwrap_or(rest.len() - 1);
            self.at += length + 1;
            let name = rest.get(1..length).unwrap_or("");
            let name = if name.contains('`') { Cow::Owned(name.replace('`', "")) } else { Cow::Borrowed(name) };
            return self.push(Kind::Variable, name, from, glued, out);
        }
        if rest.starts_with('(') {
            self.at += 1;
            return self.push(Kind::Sign, Cow::Borrowed("("), from, false, out);
        }
        let is_name = |next: char| next.is_alphanumeric() || matches!(next, '_' | ':' | '?' | '^' | '$');
        let mut length = rest.find(|next| !is_name(next)).unwrap_or(rest.len());
        // `$a::b` is a static member of `$a`; `${x}:` ends a drive.
        if let Some(at) = rest.get(..length).and_then(|name| name.find("::")) {
            length = at;
        }
        self.at += length;
        let kind = if length == 0 { Kind::Sign } else { Kind::Variable };
        let text = if length == 0 { "$" } else { rest.get(..length).unwrap_or("") };
        self.push(kind, Cow::Borrowed(text), from, glued, out);
    }

    fn number(&mut self, glued: bool, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
        let from = self.at;
        let rest = self.rest();
        let hex = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        let digits = |next: char| if hex { next.is_ascii_hexdigit() } else { next.is_ascii_digit() };
        let skip = if hex { 2 } else { 0 };
        let tail = rest.get(skip..).unwrap_or("");
        let mut length = skip + tail.find(|next| !digits(next)).unwrap_or(tail.len());
        let after = rest.get(length..).unwrap_or("");
        if !hex
            && after.starts_with('.')
            && after.get(1..).is_some_and(|more| more.starts_with(|next: char| next.is_ascii_digit()))
        {
            let more = after.get(1..).unwrap_or("");
            length += 1 + more.find(|next: char| !next.is_ascii_digit()).unwrap_or(more.len());
        }
        let next = rest.get(length..).and_then(|after| after.chars().next());
        let two = rest.get(length..length + 2);
        let more = next.is_some_and(|next| {
            next.is_alphanumeric()
                || matches!(next, '_' | '\\' | '/')
                || next == '.' && two != Some("..")
                || next == ':'
        });
        if more {
            return self.word(glued, seen, out);
        }
        self.at += length;
        self.push(Kind::Number, Cow::Borrowed(rest.get(..length).unwrap_or("")), from, glued, out);
    }

    /// A parameter or operator (`-enc`, `-join`), a negative number, or a minus.
    fn dash(&mut self, glued: bool, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
        let from = self.at;
        let dash = self.peek().unwrap_or('-');
        if dash != '-' {
            seen.odd_signs += 1;
        }
        let after = self.rest().get(dash.len_utf8()..).unwrap_or("");
        let value_before = glued
            && out
                .last()
                .is_some_and(|last| last.is_constant() || matches!(last.kind, Kind::Variable) || last.is_sign(")"));
        if after.starts_with(|next: char| next.is_ascii_digit()) && !value_before {
            let digits = after.find(|next: char| !next.is_ascii_digit()).unwrap_or(after.len());
            self.at += dash.len_utf8() + digits;
            let number = format!("-{}", after.get(..digits).unwrap_or(""));
            return self.push(Kind::Number, Cow::Owned(number), from, glued, out);
        }
        if after.starts_with(|next: char| next.is_alphabetic() || next == '`') {
            return self.word(glued, seen, out);
        }
        self.at += dash.len_utf8();
        self.push(Kind::Sign, Cow::Borrowed("-"), from, glued, out);
    }

    fn word(&mut self, glued: bool, seen: &mut Seen, out: &mut Vec<Token<'a>>) {
        let from = self.at;
        // After a value a dot names a member: `$a.b`, `(…).b`.
        let member = glued
            && self.rest().starts_with('.')
            && out.last().is_some_and(|last| {
                matches!(last.kind, Kind::Variable | Kind::Text | Kind::Open) || last.is_sign(")") || last.is_sign("]")
            });
        let call = self.rest().starts_with('.')
            && self.second().is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '\\' | '/' | '.'));
        if member || call {
            self.at += 1;
            return self.push(Kind::Sign, Cow::Borrowed("."), from, glued, out);
        }
        let mut owned: Option<String> = None;
        let mut piece = self.at;
        if self.peek().is_some_and(|next| next != '-' && is_dash(next)) {
            owned.get_or_insert_default().push('-');
            self.at += self.peek().map_or(0, char::len_utf8);
            piece = self.at;
        }
        while let Some(next) = self.peek() {
            if next == '`' {
                if matches!(self.second(), None | Some('\n' | '\r')) {
                    break;
                }
                seen.backticks += 1;
                owned.get_or_insert_default().push_str(self.text.get(piece..self.at).unwrap_or(""));
                self.at += 1;
                piece = self.at;
                self.at += self.peek().map_or(0, char::len_utf8);
                continue;
            }
            if is_ignorable(next) {
                seen.odd_signs += 1;
                owned.get_or_insert_default().push_str(self.text.get(piece..self.at).unwrap_or(""));
                self.at += next.len_utf8();
                piece = self.at;
                continue;
            }
            let two = self.text.get(self.at..self.at + 2).unwrap_or("");
            if two == "::"
                || two == ".." && self.at > from
                || !(continues_word(next) || matches!(next, '-' | '/') && self.at == from)
            {
                break;
            }
            self.at += next.len_utf8();
        }
        if self.at == from {
            // Nothing here continues a word: take one character, so that the lexer always moves on.
            self.at += self.peek().map_or(1, char::len_utf8);
        }
        let last = self.text.get(piece..self.at).unwrap_or("");
        let text = match owned {
            Some(owned) => Cow::Owned(owned + last),
            None => Cow::Borrowed(last),
        };
        let text = fold_width(text);
        if is_mixed_case(&text) {
            seen.mixed_case += 1;
        }
        self.push(Kind::Word, text, from, glued, out);
    }
}

/// `i''ex`, `New-'Obj'ect`: a word, a glued string of plain letters and perhaps more word are one word.
fn join_pieces(seen: &mut Seen, out: &mut Vec<Token<'_>>) {
    let plain = |text: &str| text.chars().all(|next| next.is_alphanumeric() || matches!(next, '-' | '.' | '_'));
    while let [.., before, last] = out.as_mut_slice() {
        let glues = last.glued && before.kind == Kind::Word && !before.text.starts_with('-') && last.raw != before.raw;
        let joins = match last.kind {
            Kind::Text => plain(&last.text) && !before.text.ends_with(['=', ':', '/', '\\']),
            // Only where a string stood between them, else the lexer would have made one word.
            Kind::Word => before.text.len() < (before.raw.1 - before.raw.0) as usize,
            _ => false,
        };
        if !glues || !joins {
            return;
        }
        seen.quoted_pieces += 1;
        let text = std::mem::take(&mut last.text);
        before.raw.1 = last.raw.1;
        before.text.to_mut().push_str(&text);
        out.pop();
    }
}

fn is_single(next: char) -> bool {
    matches!(next, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}')
}

fn is_double(next: char) -> bool {
    matches!(next, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

fn is_dash(next: char) -> bool {
    matches!(next, '-' | '\u{2013}' | '\u{2014}' | '\u{2015}')
}

/// Characters that print nothing.
pub(crate) fn is_ignorable(next: char) -> bool {
    matches!(next, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '\0')
}

fn starts_word(next: char) -> bool {
    next.is_alphabetic() || matches!(next, '_' | '.' | '\\' | '`' | '~')
}

fn continues_word(next: char) -> bool {
    next.is_alphanumeric()
        || is_dash(next)
        || matches!(next, '_' | '.' | '\\' | '~' | ':' | '/' | '*' | '?' | '%' | '!' | '^' | '#')
}

fn escape(next: char) -> char {
    match next {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => ' ',
        other => other,
    }
}

/// Where the bracket that was opened before `from` closes, or the end.
fn closing(text: &str, from: usize) -> usize {
    let mut depth = 1usize;
    for (at, next) in text.get(from..).unwrap_or("").bytes().enumerate() {
        match next {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return from + at;
        }
    }
    text.len()
}

/// Full-width letters as plain ones.
fn fold_width(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(|next| ('\u{ff01}'..='\u{ff5e}').contains(&next)) {
        return text;
    }
    let plain = |next: char| char::from_u32(next as u32 - 0xfee0).unwrap_or(next);
    Cow::Owned(
        text.chars().map(|next| if ('\u{ff01}'..='\u{ff5e}').contains(&next) { plain(next) } else { next }).collect(),
    )
}

/// Small and capital letters alternate within parts of a word: `dOwNLoaD`, not `DownloadString` or `ICMP`.
pub(crate) fn is_mixed_case(word: &str) -> bool {
    let mut flips = 0usize;
    let mut letters = 0usize;
    let mut before: Option<(bool, usize)> = None;
    for next in word.bytes() {
        if !next.is_ascii_alphabetic() {
            before = None;
            continue;
        }
        letters += 1;
        let upper = next.is_ascii_uppercase();
        match &mut before {
            Some((was, run)) if *was == upper => *run += 1,
            Some((was, run)) => {
                // A single small letter before a capital is no camel case.
                if upper && *run == 1 && !*was {
                    flips += 1;
                }
                *was = upper;
                *run = 1;
            }
            None => before = Some((upper, 1)),
        }
    }
    letters >= 4 && flips >= 1 && flips * 5 >= letters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut seen = Seen::default();
        let mut out = Vec::new();
        tokens(text, None, &mut seen, &mut out);
        let one = |token: &Token<'_>| match token.kind {
            Kind::Text => format!("'{}'", token.text),
            Kind::Open => format!("\"{}\"", token.text),
            Kind::Variable => format!("${}", token.text),
            Kind::Number => format!("#{}", token.text),
            _ => token.text.to_string(),
        };
        out.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn scripts_come_apart_as_powershell_reads_them() {
        let cases = [
            ("ie`x 'a'", "iex 'a'"),
            ("i''e'x' 1", "iex #1"),
            ("'it''s' # gone\nb", "'it's' ; b"),
            ("\"a`\"b`n\"", "'a\"b\n'"),
            ("\"$a b\"", "\"$a b\""),
            ("\"x$('a'+'b')y\"", "( 'x' + ( 'a' + 'b' ) + 'y' )"),
            ("[char]0x41+[char] 66", "[ char ] #0x41 + [ char ] #66"),
            ("$x[-1..-3]-join''", "$x [ #-1 .. #-3 ] -join ''"),
            ("(New-Object Net.WebClient).DownloadString('u')", "( New-Object Net.WebClient ) . DownloadString ( 'u' )"),
            ("<# a #>ls|% {$_.n}", "ls | % { $_ . n }"),
            ("@'\na'b\n'@+1", "'a'b' + #1"),
            ("ping 10.0.0.1 -n 3", "ping 10.0.0.1 -n #3"),
            ("${env:te`mp}\\a", "$env:temp \\a"),
            ("\u{2013}enc \u{2018}x\u{2019}", "-enc 'x'"),
            ("[a]::b.C($d)", "[ a ] :: b.C ( $d )"),
            ("a `\r\n -b", "a -b"),
            (".('x')", ". ( 'x' )"),
            ("'open", "'open'"),
            ("\"open $", "'open $'"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_bytes_never_stop_the_lexer() {
        for text in [
            "$(",
            "\"$(\"$(\"$(\"$(\"$(",
            "@'",
            "@\"",
            "${",
            "`",
            "-`",
            "\u{ff49}ex",
            "<#",
            "''''''",
            "a`\n",
            "\u{202e}x",
            "..",
            ":::",
            "@’é",
            "1.2.3..4",
            "0x",
            "\"`",
        ] {
            let _ = shown(text);
        }
        let deep = "\"$(".repeat(10_000);
        let mut out = Vec::new();
        tokens(&deep, None, &mut Seen::default(), &mut out);
        assert!(out.len() < 100_000);
    }

    #[test]
    fn mixed_case_is_not_camel_case() {
        for word in ["dOwNLoaD", "iNvOkE-eXpReSsIoN", "pOwErShElL"] {
            assert!(is_mixed_case(word), "{word}");
        }
        for word in [
            "DownloadString",
            "ICMP",
            "New-Object",
            "getElementById",
            "System.Net.WebClient",
            "iPhone",
            "PSVersionTable",
        ] {
            assert!(!is_mixed_case(word), "{word}");
        }
    }
}
