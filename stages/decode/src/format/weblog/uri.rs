//! A request line and its URI, in parts, raw and decoded.

use std::cell::RefCell;

use shieldwall_schema::Value;

use crate::text::escape;
use crate::text::find;

/// `GET /a?b HTTP/1.1` in parts; a part that is not there is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request<'l> {
    /// The method.
    pub method: &'l str,
    /// The request target as sent.
    pub uri: &'l str,
    /// The protocol and its version.
    pub version: &'l str,
}

impl<'l> Request<'l> {
    /// Takes a request line apart. The URI may hold spaces (clients send anything), so the version is looked for from
    /// the end. What is no request at all (a TLS greeting on a plain port) is a URI, so that rules still see it.
    pub(crate) fn of(line: &'l str) -> Self {
        let (front, version) = match find::rsplit_byte(line, b' ') {
            Some((front, version)) if version.starts_with("HTTP/") => (front, version),
            _ => (line, ""),
        };
        let is_method = |word: &str| {
            !word.is_empty()
                && word.len() <= 32
                && word.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'))
        };
        match find::split_byte(front, b' ') {
            Some((method, uri)) if is_method(method) => Self { method, uri, version },
            _ => Self { method: "", uri: front, version },
        }
    }

    /// The authority, path and query of the request target; it may be in absolute form (RFC 9112, section 3.2).
    pub(crate) fn target(&self) -> Target<'l> {
        Target::of(self.uri)
    }
}

/// A request target's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target<'l> {
    /// Host of an absolute URI.
    pub host: &'l str,
    /// The path.
    pub stem: &'l str,
    /// What stands behind the first `?`.
    pub query: &'l str,
}

impl<'l> Target<'l> {
    /// Takes a URI apart.
    pub(crate) fn of(uri: &'l str) -> Self {
        let (path, query) = find::split_byte(uri, b'?').unwrap_or((uri, ""));
        let absolute = ["http://", "https://", "ftp://"].iter().find_map(|scheme| path.strip_prefix(scheme));
        let (host, stem) = match absolute {
            Some(rest) => match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
                Some((authority, path)) => (authority, path),
                None => (rest, "/"),
            },
            None => ("", path),
        };
        Self { host, stem, query }
    }
}

/// Gives `text` and, where it differs, `text` with one level of percent-encoding undone. `plus` also reads `+` as a space.
pub(crate) fn with_decoded(text: &str, plus: bool, scratch: &RefCell<String>, out: &mut dyn FnMut(Value<'_>)) {
    if text.is_empty() {
        return;
    }
    out(Value::text(text));
    // Busy only if `out` came back here; then a buffer of its own will do.
    let mut own = String::new();
    let mut shared = scratch.try_borrow_mut().ok();
    let buffer = shared.as_deref_mut().unwrap_or(&mut own);
    if escape::percent_decoded(text, plus, buffer) {
        out(Value::text(buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_come_apart() {
        for (line, method, uri, version) in [
            ("GET /a?b HTTP/1.1", "GET", "/a?b", "HTTP/1.1"),
            ("GET /a b c HTTP/1.0", "GET", "/a b c", "HTTP/1.0"),
            ("GET /", "GET", "/", ""),
            ("\u{16}\u{3}\u{1}", "", "\u{16}\u{3}\u{1}", ""),
            ("get /", "", "get /", ""),
            ("M-SEARCH * HTTP/1.1", "M-SEARCH", "*", "HTTP/1.1"),
            ("", "", "", ""),
        ] {
            assert_eq!(Request::of(line), Request { method, uri, version }, "{line}");
        }
    }

    #[test]
    fn targets_come_apart() {
        for (uri, host, stem, query) in [
            ("/a/b?c=d?e", "", "/a/b", "c=d?e"),
            ("http://h.example.com:80/p?q", "h.example.com:80", "/p", "q"),
            ("https://h", "h", "/", ""),
            ("/r?u=http://x/", "", "/r", "u=http://x/"),
            ("*", "", "*", ""),
        ] {
            assert_eq!(Target::of(uri), Target { host, stem, query }, "{uri}");
        }
    }
}
