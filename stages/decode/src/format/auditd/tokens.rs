//! The body of an audit record as `key=value` pairs and words.
//!
//! A value is quoted (`comm="ls"`), bare (`pid=12`), or a list of pairs itself: `msg='op=login acct="root" res=success'`
//! of user-space records, `SADDR={ saddr_fam=inet … }` of enriched ones. Lists are flattened. The enriched part of a
//! record stands behind byte 0x1D. Old records have commas, parentheses and colons between pairs.

/// One piece of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `key=value`.
    Pair {
        /// The key.
        key: &'a str,
        /// The value without its quotes.
        value: &'a str,
        /// It stood in double quotes: it is as written, never hex.
        quoted: bool,
        /// It stood in `msg='…'`: user space wrote it.
        user: bool,
    },
    /// A word without `=`.
    Word(&'a str),
}

/// The pieces of a body.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Where the open `'` or `{` ends; the body's length outside.
    close: usize,
    inside: bool,
    user: bool,
}

const GROUP_SEPARATOR: u8 = 0x1D;

impl<'a> Tokens<'a> {
    /// The pieces of `body`.
    pub(super) fn new(body: &'a str) -> Self {
        Self { text: body, at: 0, close: body.len(), inside: false, user: false }
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The end of a bare value or word that begins at `from`.
    fn bare_end(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes().get(from..self.close).unwrap_or_default();
        let length = bytes.iter().position(|byte| matches!(*byte, b' ' | GROUP_SEPARATOR));
        from + length.unwrap_or(bytes.len())
    }

    /// Goes into `'…'` or `{…}` whose first byte is at `from`.
    fn enter(&mut self, from: usize, user: bool) {
        let bytes = self.text.as_bytes();
        let inner = bytes.get(from..self.close).unwrap_or_default();
        let end = if user {
            // The text may hold apostrophes itself; the last one before the enriched part closes.
            let part = inner.get(..memchr::memchr(GROUP_SEPARATOR, inner).unwrap_or(inner.len())).unwrap_or(inner);
            memchr::memrchr(b'\'', part).unwrap_or(part.len())
        } else {
            memchr::memchr(b'}', inner).unwrap_or(inner.len())
        };
        self.at = from;
        self.close = from + end;
        self.inside = true;
        self.user = user;
    }

    fn value(&mut self, key: &'a str, from: usize) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        match bytes.get(from) {
            Some(b'"') => {
                let rest = bytes.get(from + 1..self.close).unwrap_or_default();
                // Without a closing quote the record was cut: the value goes to its end.
                let length = memchr::memchr(b'"', rest).unwrap_or(rest.len());
                let value = self.slice(from + 1, from + 1 + length);
                self.at = (from + length + 2).min(self.text.len());
                Some(Token::Pair { key, value, quoted: true, user: self.user })
            }
            Some(b'\'') if !self.inside => {
                self.enter(from + 1, true);
                None
            }
            Some(b'{') if !self.inside => {
                self.enter(from + 1, false);
                None
            }
            _ => {
                let end = self.bare_end(from);
                self.at = end;
                let mut value = self.slice(from, end);
                if let Some(b',' | b')' | b'\'') = value.as_bytes().last() {
                    value = value.trim_end_matches(',');
                    if !value.contains('(') {
                        value = value.trim_end_matches(')');
                    }
                }
                Some(Token::Pair { key, value, quoted: false, user: self.user })
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            while let Some(b' ' | b',' | GROUP_SEPARATOR) = bytes.get(self.at).copied() {
                self.at += 1;
            }
            if self.at >= self.close {
                if self.close >= bytes.len() {
                    return None;
                }
                // Behind the closing quote or brace.
                self.at = self.at.max(self.close + 1);
                self.close = bytes.len();
                (self.inside, self.user) = (false, false);
                continue;
            }
            let start = self.at;
            let rest = bytes.get(start..self.close).unwrap_or_default();
            let stop = rest.iter().position(|byte| matches!(*byte, b'=' | b' ' | GROUP_SEPARATOR));
            let end = start + stop.unwrap_or(rest.len());
            if bytes.get(end) != Some(&b'=') || end >= self.close {
                self.at = end;
                return Some(Token::Word(self.slice(start, end)));
            }
            let key = self.slice(start, end);
            let key = key.strip_prefix('(').unwrap_or(key);
            if key.is_empty() {
                self.at = self.bare_end(end);
                return Some(Token::Word(self.slice(start, self.at)));
            }
            if let Some(token) = self.value(key, end + 1) {
                return Some(token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let mut text = String::new();
        for token in Tokens::new(body) {
            match token {
                Token::Pair { key, value, quoted, user } => {
                    let (quote, user) = (if quoted { "\"" } else { "" }, if user { "!" } else { "" });
                    text.push_str(&format!("{user}{key}={quote}{value}{quote};"));
                }
                Token::Word(word) => text.push_str(&format!("<{word}>;")),
            }
        }
        assert_eq!(text, expected, "{body}");
    }

    #[test]
    fn bodies_become_pairs_and_words() {
        check("pid=1 comm=\"a b\" tty=(none) key=(null)", "pid=1;comm=\"a b\";tty=(none);key=(null);");
        check(
            "pid=1 msg='op=login acct=\"root\" res=success'\x1dUID=\"root\" AUID=\"unset\"",
            "pid=1;!op=login;!acct=\"root\";!res=success;UID=\"root\";AUID=\"unset\";",
        );
        check(
            "msg='PAM: setcred acct=\"root\" : exe=\"/bin/su\" (hostname=?, addr=?, terminal=pts/0 res=success)'",
            "<PAM:>;<setcred>;!acct=\"root\";<:>;!exe=\"/bin/su\";!hostname=?;!addr=?;!terminal=pts/0;!res=success;",
        );
        check("msg='cmd=\"it's\" res=failed'", "!cmd=\"it's\";!res=failed;");
        check(
            "saddr=0200 \x1dSADDR={ saddr_fam=inet laddr=127.0.0.1 lport=53 } X=y",
            "saddr=0200;saddr_fam=inet;laddr=127.0.0.1;lport=53;X=y;",
        );
        check("avc:  denied  { getattr } for  pid=2", "<avc:>;<denied>;<{>;<getattr>;<}>;<for>;pid=2;");
        check("subj==unconfined old auid=1", "subj==unconfined;<old>;auid=1;");
    }

    #[test]
    fn broken_bodies_end() {
        for body in
            ["", " ", "=", "==", "a=", "a=\"", "a='", "a={", "a='b=\"", "a='b='", "'", "msg='' x=1", "a=\x1d=", "(=)"]
        {
            assert!(Tokens::new(body).count() <= body.len() + 1, "{body}");
        }
        check("a=\"cut off", "a=\"cut off\";");
        check("msg='op=x", "!op=x;");
        check("msg='' x=1", "x=1;");
    }
}
