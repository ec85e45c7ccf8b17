//! A line cut into tokens, with what varies masked: numbers, hexadecimal words, addresses, UUIDs, times, the depths of
//! paths. One pass over the bytes, no regular expressions.
//!
//! A *word* is a run of letters and digits. It is masked if it starts with a digit, has three digits or more, or is
//! hexadecimal and long; `ssh2` and `jk2` stay. Masked words that are joined by `.`, `:`, `-`, `_`, `,` or `+` are one
//! mask, so `10.0.0.1:8080`, `2005-12-04` and a UUID are each `<*>`. Of a path of two levels or more the first stays:
//! `/etc/<*>`. Tokens that read alike once masked and follow each other are one: a list of ten numbers is of the same kind
//! as a list of two.

/// Stands for what varies.
pub const WILDCARD: &str = "<*>";

/// Bytes of a line that are looked at: what makes lines of a kind alike stands at their start.
pub(super) const LINE_BYTES_MAX: usize = 8192;

/// Tokens of a line; what follows is left out.
pub(super) const TOKENS_MAX: usize = 256;

/// Letters of a word without digits from which it may be hexadecimal.
const HEX_LETTERS_MIN: usize = 8;

/// Digits that make a word a variable wherever they stand.
const DIGITS_MIN: usize = 3;

/// Words of dates.
const DATE_WORDS: [&str; 19] = [
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
    "Oct", "Nov", "Dec",
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TokenSpan {
    /// Bytes of the line.
    pub from: usize,
    pub to: usize,
    masked: (usize, usize),
    holes: (usize, usize),
}

/// A line as tokens; reused from line to line.
#[derive(Clone, Debug, Default)]
pub(super) struct Masked {
    text: String,
    tokens: Vec<TokenSpan>,
    holes: Vec<(usize, usize)>,
}

/// Scratch never tells two miners apart.
impl PartialEq for Masked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Masked {
    pub(super) fn tokens(&self) -> &[TokenSpan] {
        &self.tokens
    }

    /// A token with its masks; empty beyond the last.
    pub(super) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).and_then(|token| self.text.get(token.masked.0..token.masked.1)).unwrap_or_default()
    }

    /// What was masked in a token, as byte ranges of the line.
    pub(super) fn holes(&self, at: usize) -> impl Iterator<Item = (usize, usize)> {
        let (from, to) = self.tokens.get(at).map_or((0, 0), |token| token.holes);
        self.holes.get(from..to).unwrap_or_default().iter().copied()
    }

    /// Takes tokens that are masked already.
    pub(super) fn set(&mut self, tokens: &[String]) {
        self.clear();
        for token in tokens {
            let from = self.text.len();
            self.text.push_str(token);
            self.tokens.push(TokenSpan { from: 0, to: 0, masked: (from, self.text.len()), holes: (0, 0) });
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.tokens.clear();
        self.holes.clear();
    }

    /// Cuts and masks a line.
    pub(super) fn read(&mut self, line: &str) {
        self.clear();
        let line = line.get(..line.floor_char_boundary(LINE_BYTES_MAX)).unwrap_or_default();
        let bytes = line.as_bytes();
        let mut at = 0;
        while self.tokens.len() < TOKENS_MAX {
            at += bytes.iter().skip(at).take_while(|byte| byte.is_ascii_whitespace()).count();
            let to = at + bytes.iter().skip(at).take_while(|byte| !byte.is_ascii_whitespace()).count();
            if to == at {
                break;
            }
            let (text, holes) = (self.text.len(), self.holes.len());
            self.token(line.get(at..to).unwrap_or_default(), at);
            let masked = self.text.get(text..).unwrap_or_default();
            let again = masked.contains(WILDCARD)
                && self.tokens.last().and_then(|last| self.text.get(last.masked.0..last.masked.1)) == Some(masked);
            match self.tokens.last_mut().filter(|_| again) {
                Some(last) => {
                    (last.to, last.holes.1) = (to, self.holes.len());
                    self.text.truncate(text);
                }
                None => {
                    let masked = (text, self.text.len());
                    self.tokens.push(TokenSpan { from: at, to, masked, holes: (holes, self.holes.len()) });
                }
            }
            at = to;
        }
        self.dates();
    }

    /// Days and months before a number are part of a date: `Sat Jun 18`.
    fn dates(&mut self) {
        let mut number = false;
        for at in (0..self.tokens.len()).rev() {
            let own = self.text(at);
            if number && DATE_WORDS.contains(&own) {
                let (text, holes) = (self.text.len(), self.holes.len());
                self.text.push_str(WILDCARD);
                if let Some(token) = self.tokens.get_mut(at) {
                    self.holes.push((token.from, token.to));
                    (token.masked, token.holes) = ((text, text + WILDCARD.len()), (holes, holes + 1));
                }
            } else {
                number = own == WILDCARD;
            }
        }
    }

    fn token(&mut self, token: &str, offset: usize) {
        let (first_hole, first_byte) = (self.holes.len(), self.text.len());
        let mut at = 0;
        // Where the text ends with a mask, and a joint may continue it: its hole is the last.
        let mut after_mask = false;
        while let Some(rest) = token.get(at..).filter(|rest| !rest.is_empty()) {
            let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            if word == 0 {
                if let Some(len) = path(rest) {
                    let kept = first_level(rest);
                    self.text.push_str(rest.get(..kept).unwrap_or_default());
                    self.text.push_str(WILDCARD);
                    self.holes.push((offset + at + kept, offset + at + len));
                    (at, after_mask) = (at + len, true);
                    continue;
                }
                let len = rest.chars().next().map_or(1, char::len_utf8);
                self.text.push_str(rest.get(..len).unwrap_or_default());
                at += len;
                // One joint between two masks keeps them one, as does `::`; anything else ends the mask.
                let before = self.text.get(..self.text.len() - len).unwrap_or_default();
                after_mask &= match rest.as_bytes().first() {
                    Some(b':') => before.ends_with(WILDCARD) || before.ends_with("<*>:"),
                    Some(b'.' | b'-' | b'_' | b',' | b'+') => before.ends_with(WILDCARD),
                    _ => false,
                };
                continue;
            }
            let text = rest.get(..word).unwrap_or_default();
            let joined = after_mask && !self.text.ends_with(WILDCARD);
            if varies(text) || (joined && piece(text)) {
                self.mask(offset + at, offset + at + word, joined, (first_hole, first_byte));
                after_mask = true;
            } else {
                self.text.push_str(text);
                after_mask = false;
            }
            at += word;
        }
    }

    fn mask(&mut self, from: usize, to: usize, joined: bool, (first_hole, first_byte): (usize, usize)) {
        let own = self.holes.len() > first_hole;
        if let Some(last) = self.holes.last_mut().filter(|_| joined && own) {
            // Takes back the joint: `<*>.` + `<*>` is one mask.
            self.text.truncate(self.text.trim_end_matches([':', '.', '-', '_', ',', '+']).len());
            last.1 = to;
            return;
        }
        // A sign belongs to its number, as `::` to an address, unless it joins two words.
        let own = self.text.get(first_byte..).unwrap_or_default();
        let sign = ["-", "::"].into_iter().find(|sign| own.ends_with(sign)).map_or(0, str::len);
        let word = own.bytes().rev().nth(sign).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'>');
        let sign = if word { 0 } else { sign };
        self.text.truncate(self.text.len() - sign);
        self.text.push_str(WILDCARD);
        self.holes.push((from - sign, to));
    }
}

fn varies(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = || word.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits >= DIGITS_MIN
        || word.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
        || (digits > 0 && word.len() >= 4 && hex())
        || (word.len() >= HEX_LETTERS_MIN && hex())
}

/// Whether a word goes on with a UUID or an address that began before it.
fn piece(word: &str) -> bool {
    let hex = word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex && (word.len() == 4 || word.bytes().any(|byte| byte.is_ascii_digit()))
}

/// The length of a path of two levels or more at the start of a text: up to a blank, quote, bracket or comma.
fn path(text: &str) -> Option<usize> {
    if !text.starts_with('/') || text.starts_with("//") {
        return None;
    }
    let ends =
        |byte: &u8| !matches!(byte, b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'<' | b'>' | b',' | b';' | b':' | b'=');
    let len = text.bytes().take_while(|byte| ends(byte)).count();
    let levels = text.bytes().take(len).filter(|byte| *byte == b'/').count();
    (levels > 1 && first_level(text) < len).then_some(len)
}

/// `/etc/` of `/etc/passwd`.
fn first_level(path: &str) -> usize {
    path.bytes().skip(1).position(|byte| byte == b'/').map_or(path.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_masked_and_nothing_else() {
        for (line, expected) in [
            ("from 10.251.73.220:50010 to /10.0.0.1:80", "from <*> to /<*>"),
            ("ask blk_-6952295868487656571 blk_38865049064139660 end", "ask blk_<*> end"),
            ("at 2005-12-04 04:47:44,123", "at <*>"),
            ("id 123e4567-e89b-12d3-abcd-426614174000 end", "id <*> end"),
            ("jk2_init() Found child 6725 ssh2", "jk2_init() Found child <*> ssh2"),
            ("0xdeadbeef deadbeef beef cafe12 x=-5 (uid=0)", "<*> beef <*> x=<*> (uid=<*>)"),
            ("open /etc/httpd/conf/w.properties, /tmp //x", "open /etc/<*>, /tmp //x"),
            ("fe80::1 2001:db8::ff00:42 ::1 a-b é9 a::1", "<*> a-b é<*> a::<*>"),
            ("at Sat Jun 18 02:08:12 2005, Sun shone; May be", "at <*> <*> <*> <*>, Sun shone; May be"),
            ("[1234] user<12>", "[<*>] user<<*>>"),
            ("   ", ""),
        ] {
            let mut masked = Masked::default();
            masked.read(line);
            let text: Vec<&str> = (0..masked.tokens.len()).map(|at| masked.text(at)).collect();
            assert_eq!(text.join(" "), expected, "{line}");
            for at in 0..masked.tokens.len() {
                let spans: Vec<_> = masked.holes(at).collect();
                assert!(spans.len() >= masked.text(at).matches(WILDCARD).count(), "{line}: token {at}");
                assert!(
                    spans.iter().all(|(from, to)| from < to && line.get(*from..*to).is_some()),
                    "{line}: {spans:?}"
                );
            }
        }
    }

    #[test]
    fn endless_lines_are_cut() {
        let mut masked = Masked::default();
        masked.read(&"é1 x ".repeat(100_000));
        assert_eq!(masked.tokens.len(), TOKENS_MAX);
        masked.read(&"é1 ".repeat(100_000));
        assert_eq!((masked.tokens.len(), masked.text(0)), (1, "é<*>"));
        masked.read(&"1é".repeat(100_000));
        assert!(masked.text.len() <= 3 * LINE_BYTES_MAX && masked.tokens.len() == 1);
    }
}
