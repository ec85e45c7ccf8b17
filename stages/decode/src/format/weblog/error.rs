//! Error logs of nginx (`2026/03/10 03:12:00 [error] 123#456: *7 message, client: …`) and Apache 2.2 and 2.4
//! (`[Tue Mar 10 03:12:00.123 2026] [core:error] [pid 1:tid 2] [client 1.2.3.4:5555] AH00126: message`).
//!
//! Tag: product `web`, service `error`, provider `nginx` or `apache`. Times have no zone.
//!
//! The client of an nginx line stands behind a message that may quote what the client sent, so it is looked for outside
//! of quotes; it is a host's report, not a verified address.

use std::cell::RefCell;
use std::net::SocketAddr;

use shieldwall_schema::{Flag, Tag, Value};

use crate::clock::Lacks;
use crate::decoder::{ChunkDecoder, Confidence, Context, Decoder, Split};
use crate::format::weblog::uri::{Request, with_decoded};
use crate::format::weblog::{confidence, present};
use crate::text::driver::{Grammar, LineDecoder, Record};
use crate::text::line::Text;
use crate::text::stamp::{self, Stamp};

/// The decoder.
#[derive(Debug)]
pub struct ServerError;

impl Decoder for ServerError {
    fn name(&self) -> &'static str {
        "weblog_error"
    }

    fn sniff(&self, head: &[u8]) -> Confidence {
        confidence(head, |line| Parts::of(line).is_some())
    }

    fn split(&self) -> Split {
        Split::Lines
    }

    fn lacks(&self, _: &[u8]) -> Lacks {
        Lacks { year: false, zone: true }
    }

    fn open<'a>(&'a self, context: Context<'a>) -> Box<dyn ChunkDecoder + 'a> {
        Box::new(LineDecoder::new(ErrorLines::default(), context, false))
    }
}

/// The grammar; keeps nothing but a buffer.
#[derive(Default)]
pub(crate) struct ErrorLines {
    scratch: RefCell<String>,
}

const MESSAGE: usize = 0;
const LEVEL: usize = 1;
const MODULE: usize = 2;
const PID: usize = 3;
const TID: usize = 4;
const C_IP: usize = 5;
const C_PORT: usize = 6;
const CODE: usize = 7;
const REQUEST: usize = 8;
const METHOD: usize = 9;
const URI: usize = 10;
const STEM: usize = 11;
const QUERY: usize = 12;
const VERSION: usize = 13;
const HOST: usize = 14;
const REFERER: usize = 15;
const SERVER: usize = 16;
const UPSTREAM: usize = 17;

impl Grammar for ErrorLines {
    type Record<'l> = ErrorRecord<'l>;
    const NAMES: &'static [&'static str] = &[
        "message",
        "level",
        "module",
        "pid",
        "tid",
        "c-ip",
        "c-port",
        "error_code",
        "request",
        "cs-method",
        "cs-uri",
        "cs-uri-stem",
        "cs-uri-query",
        "cs-version",
        "cs-host",
        "cs-referer",
        "server",
        "upstream",
    ];

    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<ErrorRecord<'l>> {
        Some(ErrorRecord { parts: Parts::of(line.text), line: line.text, scratch: &self.scratch })
    }
}

/// A line's parts; empty where there is none.
#[derive(Clone, Copy, Debug)]
struct Parts<'l> {
    apache: bool,
    stamp: (Stamp, &'l str),
    level: &'l str,
    module: &'l str,
    pid: &'l str,
    tid: &'l str,
    client: &'l str,
    code: &'l str,
    message: &'l str,
    referer: &'l str,
    /// nginx: what stands behind the message, from `client: ` on.
    context: &'l str,
}

const LEVELS: [&str; 10] = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace", "stderr"];

fn is_level(word: &str) -> bool {
    LEVELS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()))
}

impl<'l> Parts<'l> {
    fn of(line: &'l str) -> Option<Self> {
        match line.strip_prefix('[') {
            Some(inside) => Self::apache(inside),
            None => Self::nginx(line),
        }
    }

    fn nginx(line: &'l str) -> Option<Self> {
        let (stamp, length) = stamp::iso(line.as_bytes())?;
        let (time, rest) = line.split_at_checked(length)?;
        let (level, rest) = rest.strip_prefix(" [")?.split_once("] ")?;
        let (process, message) = rest.split_once(": ")?;
        let (pid, tid) = process.split_once('#')?;
        let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_level(level) || !numeric(pid) || !numeric(tid) {
            return None;
        }
        let (message, context) = split_outside_quotes(message, ", client: ");
        let client = context.split(", ").next().unwrap_or_default();
        let stamp = (stamp, time);
        Some(Self {
            apache: false,
            stamp,
            level,
            module: "",
            pid,
            tid,
            client,
            code: "",
            message,
            referer: "",
            context,
        })
    }

    fn apache(inside: &'l str) -> Option<Self> {
        let (stamp, length) = stamp::ctime(inside.as_bytes())?;
        let (time, rest) = inside.split_at_checked(length)?;
        let (named, mut rest) = rest.strip_prefix("] [")?.split_once(']')?;
        let (module, level) = named.split_once(':').unwrap_or(("", named));
        if !is_level(level) {
            return None;
        }
        let (mut pid, mut tid, mut client) = ("", "", "");
        rest = rest.trim_start_matches(' ');
        if let Some((process, behind)) = rest.strip_prefix("[pid ").and_then(|rest| rest.split_once(']')) {
            (pid, tid) = process.split_once(":tid ").unwrap_or((process, ""));
            rest = behind.trim_start_matches(' ');
        }
        // An operating system error may stand in front: `(13)Permission denied: [client …`.
        if let Some((front, behind)) = rest.split_once("[client ")
            && (front.is_empty() || front.starts_with('(') && front.ends_with(": "))
            && let Some((address, behind)) = behind.split_once("] ").or_else(|| Some((behind.strip_suffix(']')?, "")))
        {
            client = address;
            if front.is_empty() {
                rest = behind.trim_start_matches(' ');
            }
        }
        let (message, referer) = rest.rsplit_once(", referer: ").unwrap_or((rest, ""));
        let code = message.split(' ').filter_map(|word| word.strip_suffix(':')).find(|word| {
            word.len() == 7 && word.starts_with("AH") && word.bytes().skip(2).all(|byte| byte.is_ascii_digit())
        });
        let code = code.unwrap_or_default();
        let stamp = (stamp, time);
        Some(Self { apache: true, stamp, level, module, pid, tid, client, code, message, referer, context: "" })
    }

    /// A named item of nginx's context: `request: "GET / HTTP/1.1"`.
    fn item(&self, name: &str) -> &'l str {
        let mut rest = self.context;
        // The context opens with the client's value, then `, name: value` repeats.
        loop {
            let (_, behind) = split_outside_quotes(rest, ", ");
            if behind.is_empty() {
                return "";
            }
            if let Some(value) = behind.strip_prefix(name).and_then(|behind| behind.strip_prefix(": ")) {
                let (value, _) = split_outside_quotes(value, ", ");
                return value.strip_prefix('"').map_or(value, |value| value.strip_suffix('"').unwrap_or(value));
            }
            rest = behind;
        }
    }
}

/// Splits at the first `mark` outside of double quotes; the second part is empty if there is none.
fn split_outside_quotes<'l>(text: &'l str, mark: &str) -> (&'l str, &'l str) {
    let Some(first) = mark.as_bytes().first() else { return (text, "") };
    let mut quoted = false;
    for at in memchr::memchr2_iter(*first, b'"', text.as_bytes()) {
        let Some((front, rest)) = text.split_at_checked(at) else { break };
        if rest.starts_with('"') {
            quoted = !quoted;
        } else if !quoted && let Some(behind) = rest.strip_prefix(mark) {
            return (front, behind);
        }
    }
    (text, "")
}

/// One line.
pub(crate) struct ErrorRecord<'l> {
    parts: Option<Parts<'l>>,
    line: &'l str,
    scratch: &'l RefCell<String>,
}

impl Record for ErrorRecord<'_> {
    fn tag(&self) -> Tag<'_> {
        let provider = self.parts.map_or("", |parts| if parts.apache { "apache" } else { "nginx" });
        Tag { product: "web", service: "error", provider, code: "" }
    }

    fn stamp(&self) -> Option<(Stamp, &str)> {
        self.parts.as_ref().map(|parts| parts.stamp)
    }

    fn flag(&self) -> Option<Flag> {
        self.parts.is_none().then_some(Flag::UnknownLine)
    }

    fn values(&self, field: usize, out: &mut dyn FnMut(Value<'_>)) {
        let Some(parts) = &self.parts else {
            if field == MESSAGE {
                out(Value::text(self.line));
            }
            return;
        };
        let request = || Request::of(parts.item("request"));
        let value = match field {
            MESSAGE => parts.message,
            LEVEL => parts.level,
            MODULE => parts.module,
            PID => parts.pid,
            TID => parts.tid,
            CODE => parts.code,
            C_IP | C_PORT => return client(parts.client, field == C_PORT, out),
            REQUEST => parts.item("request"),
            METHOD => request().method,
            VERSION => request().version,
            URI => return with_decoded(request().uri, false, self.scratch, out),
            STEM => return with_decoded(request().target().stem, false, self.scratch, out),
            QUERY => return with_decoded(request().target().query, false, self.scratch, out),
            HOST => parts.item("host"),
            REFERER if parts.apache => parts.referer,
            REFERER => parts.item("referrer"),
            SERVER => parts.item("server"),
            UPSTREAM => parts.item("upstream"),
            _ => "",
        };
        if let Some(value) = present(value) {
            out(Value::text(value));
        }
    }
}

/// `1.2.3.4`, `::1`, `1.2.3.4:5555` or `[::1]:5555`: address or port.
fn client(text: &str, port: bool, out: &mut dyn FnMut(Value<'_>)) {
    let (address, number) = match text.rsplit_once(':') {
        Some(parts) if text.parse::<SocketAddr>().is_ok() => parts,
        _ => (text, ""),
    };
    let value = if port { number } else { address.trim_matches(['[', ']']) };
    if let Some(value) = present(value) {
        out(if port { Value::number(value) } else { Value::text(value) });
    }
}
