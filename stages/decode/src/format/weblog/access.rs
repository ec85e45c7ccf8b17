//! Access logs of Apache and nginx: common (`host ident user [time] "request" status bytes`), combined (`"referer"
//! "user agent"` behind it), with `vhost:port` in front, and with any further fields behind.
//!
//! Tag: product `web`, service `access`. The two servers write the same formats, so the server is not known.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::net::IpAddr;

use shieldwall_schema::{Flag, Kind, Tag, Value};

use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::weblog::uri::{Request, with_decoded};
use crate::format::weblog::{census, confidence, present};
use crate::text::driver::{Grammar, LineDecoder, Record};
use crate::text::escape;
use crate::text::find;
use crate::text::line::Text;
use crate::text::stamp::{self, Stamp};

/// The decoder.
#[derive(Debug)]
pub struct Access;

impl Decoder for Access {
    fn name(&self) -> &'static str {
        "weblog_access"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        confidence(head, |line| Parts::of(line).is_some())
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, head: &[u8]) -> Lacks {
        let zoneless = |line: &str| Parts::of(line).is_some_and(|parts| parts.stamp.0.offset.is_none());
        Lacks { year: false, zone: census(head, zoneless).1 > 0 }
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(LineDecoder::new(AccessLines::default(), context, false))
    }
}

/// The grammar; keeps nothing but a buffer.
#[derive(Default)]
pub(crate) struct AccessLines {
    scratch: RefCell<String>,
}

const C_IP: usize = 0;
const USERNAME: usize = 1;
const HOST: usize = 2;
const PORT: usize = 3;
const METHOD: usize = 4;
const URI: usize = 5;
const STEM: usize = 6;
const QUERY: usize = 7;
const VERSION: usize = 8;
const STATUS: usize = 9;
const BYTES: usize = 10;
const REFERER: usize = 11;
const AGENT: usize = 12;
const FORWARDED: usize = 13;
const REQUEST: usize = 14;
const IDENT: usize = 15;
const EXTRA: usize = 16;

impl Grammar for AccessLines {
    type Record<'l> = AccessRecord<'l>;
    const NAMES: &'static [&'static str] = &[
        "c-ip",
        "cs-username",
        "cs-host",
        "s-port",
        "cs-method",
        "cs-uri",
        "cs-uri-stem",
        "cs-uri-query",
        "cs-version",
        "sc-status",
        "sc-bytes",
        "cs-referer",
        "cs-user-agent",
        "x-forwarded-for",
        "request",
        "ident",
        "extra",
    ];

    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<AccessRecord<'l>> {
        let parts = Parts::of(line.text);
        let request = escape::unescaped(parts.map_or("", |parts| parts.request));
        Some(AccessRecord { parts, request, split: Cell::new(None), scratch: &self.scratch })
    }
}

/// A line's parts as written.
#[derive(Clone, Copy, Debug)]
struct Parts<'l> {
    vhost: &'l str,
    host: &'l str,
    ident: &'l str,
    user: &'l str,
    stamp: (Stamp, &'l str),
    request: &'l str,
    status: &'l str,
    bytes: &'l str,
    referer: &'l str,
    agent: &'l str,
    extra: &'l str,
}

impl<'l> Parts<'l> {
    fn of(line: &'l str) -> Option<Self> {
        let (front, stamp, rest) = at_time(line)?;
        let (vhost, host, ident, user) = client(front)?;
        let rest = rest.strip_prefix(" \"")?;
        let (request, rest) = request_end(rest)?;
        let (status, rest) = word(rest);
        let (bytes, rest) = word(rest);
        let (referer, rest) = quoted(rest);
        let (agent, rest) = quoted(rest);
        Some(Self { vhost, host, ident, user, stamp, request, status, bytes, referer, agent, extra: rest })
    }
}

impl<'l> Parts<'l> {
    /// The virtual host's name and port.
    fn vhost(&self) -> (&'l str, &'l str) {
        match find::rsplit_byte(self.vhost, b':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
            _ => (self.vhost, ""),
        }
    }
}

/// Finds the time in its brackets. A user's name may hold ` [` too, so the first bracket with a time in it counts.
fn at_time(line: &str) -> Option<(&str, (Stamp, &str), &str)> {
    for at in memchr::memchr_iter(b'[', line.as_bytes()) {
        let (front, rest) = line.split_at_checked(at)?;
        let inside = rest.strip_prefix('[')?;
        if let Some((stamp, length)) = stamp::clf(inside.as_bytes())
            && let Some((text, rest)) = inside.split_at_checked(length)
            && let Some(rest) = rest.strip_prefix(']')
        {
            return Some((front.strip_suffix(' ')?, (stamp, text), rest));
        }
    }
    None
}

/// `host ident user`, or `vhost host ident user`. A user's name may hold spaces.
fn client(front: &str) -> Option<(&str, &str, &str, &str)> {
    let (first, rest) = find::split_byte(front, b' ')?;
    let (second, third) = find::split_byte(rest, b' ')?;
    if let Some((ident, user)) = find::split_byte(third, b' ')
        && (second.parse::<IpAddr>().is_ok() || ident == "-" && second != "-" && !user.contains(' '))
    {
        return Some((first, second, ident, user));
    }
    Some(("", first, second, third))
}

/// The request ends at a quote that is not escaped and has a status behind it: some servers write quotes as they come.
fn request_end(rest: &str) -> Option<(&str, &str)> {
    let mut fallback = None;
    for at in memchr::memchr_iter(b'"', rest.as_bytes()) {
        let (request, behind) = rest.split_at_checked(at)?;
        if is_escaped(request) {
            continue;
        }
        let behind = behind.strip_prefix('"')?;
        let status = behind.strip_prefix(' ').map(|behind| word(behind).0);
        if status.is_some_and(|s| s == "-" || s.len() == 3 && s.bytes().all(|b| b.is_ascii_digit())) {
            return Some((request, behind.trim_start_matches(' ')));
        }
        fallback = fallback.or(Some((request, behind.trim_start_matches(' '))));
    }
    fallback
}

/// Whether text ends in an odd number of backslashes, so that what follows is escaped.
fn is_escaped(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn word(rest: &str) -> (&str, &str) {
    find::split_byte(rest, b' ').unwrap_or((rest, ""))
}

/// The quoted field that `rest` opens with, and what stands behind it. A quote that never closes runs to the end.
fn quoted(rest: &str) -> (&str, &str) {
    let Some(inside) = rest.strip_prefix('"') else { return ("", rest) };
    for at in memchr::memchr_iter(b'"', inside.as_bytes()) {
        let Some((field, behind)) = inside.split_at_checked(at) else { break };
        let behind = behind.strip_prefix('"').unwrap_or(behind);
        if !is_escaped(field) && (behind.is_empty() || behind.starts_with(' ')) {
            return (field, behind.trim_start_matches(' '));
        }
    }
    (inside, "")
}

/// One line.
pub(crate) struct AccessRecord<'l> {
    parts: Option<Parts<'l>>,
    request: Cow<'l, str>,
    /// The request's parts, once somebody asked, where it is borrowed.
    split: Cell<Option<Request<'l>>>,
    scratch: &'l RefCell<String>,
}

impl Record for AccessRecord<'_> {
    fn tag(&self) -> Tag<'_> {
        Tag { product: "web", service: "access", provider: "", code: "" }
    }

    fn stamp(&self) -> Option<(Stamp, &str)> {
        self.parts.as_ref().map(|parts| parts.stamp)
    }

    fn flag(&self) -> Option<Flag> {
        self.parts.is_none().then_some(Flag::UnknownLine)
    }

    fn values(&self, field: usize, out: &mut dyn FnMut(Value<'_>)) {
        let Some(parts) = &self.parts else { return };
        let mut text = |text: &str| {
            if let Some(text) = present(text) {
                out(Value::text(text));
            }
        };
        match field {
            C_IP => text(parts.host),
            USERNAME => text(parts.user),
            IDENT => text(parts.ident),
            STATUS | BYTES => number(if field == STATUS { parts.status } else { parts.bytes }, out),
            REFERER => text(&escape::unescaped(parts.referer)),
            AGENT => text(&escape::unescaped(parts.agent)),
            REQUEST => text(&self.request),
            EXTRA => text(parts.extra),
            FORWARDED => {
                // nginx's stock `main` format puts it behind the user agent.
                let (first, _) = quoted(parts.extra);
                let all = || first.split(", ");
                if all().all(|part| part.parse::<IpAddr>().is_ok()) {
                    all().for_each(text);
                }
            }
            _ => self.of_request(field, parts, out),
        }
    }
}

impl AccessRecord<'_> {
    fn split(&self) -> Request<'_> {
        match (&self.request, self.split.get()) {
            (Cow::Borrowed(_), Some(request)) => request,
            (Cow::Borrowed(line), None) => {
                let request = Request::of(line);
                self.split.set(Some(request));
                request
            }
            (Cow::Owned(line), _) => Request::of(line),
        }
    }

    fn of_request(&self, field: usize, parts: &Parts<'_>, out: &mut dyn FnMut(Value<'_>)) {
        let request = self.split();
        let mut text = |text: &str| {
            if let Some(text) = present(text) {
                out(Value::text(text));
            }
        };
        match field {
            METHOD => text(request.method),
            VERSION => text(request.version),
            HOST if parts.vhost().0.is_empty() => text(request.target().host),
            HOST => text(parts.vhost().0),
            PORT => number(parts.vhost().1, out),
            URI if request.uri != "-" => with_decoded(request.uri, false, self.scratch, out),
            STEM if request.uri != "-" => with_decoded(request.target().stem, false, self.scratch, out),
            QUERY => with_decoded(request.target().query, false, self.scratch, out),
            _ => {}
        }
    }
}

fn number(text: &str, out: &mut dyn FnMut(Value<'_>)) {
    if let Some(text) = present(text) {
        let kind = if text.bytes().all(|byte| byte.is_ascii_digit()) { Kind::Number } else { Kind::Text };
        out(Value { text, kind });
    }
}
