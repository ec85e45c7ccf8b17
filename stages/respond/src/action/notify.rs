//! Tells somebody: one HTTP POST of JSON to an address of the policy. Cannot be undone.
//!
//! `http://` is spoken here: one request, one connection, an end to every wait. `https://` is sent by `curl`, with the address and the
//! message on its standard input, so that neither stands in the list of processes: a TLS library would bring a C and assembly
//! cryptography library and a list of authorities into the process that has the most rights. Nobody is followed to another
//! address. The address may be a secret (many hooks are), so only its host is ever shown. The message names the incident, the
//! plan's hash and its words; no finding, no key, no log line.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::action::{Action, child};
use crate::approve::Approved;
use crate::plan::{Plan, Step};

/// How long the whole of a message may take.
const NOTIFY_TIME: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read to find its first line.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// Bytes that `curl` may say.
const CURL_BYTES_MAX: usize = 64 << 10;

/// Bytes of an address.
const URL_BYTES_MAX: usize = 2048;

/// The actuator.
pub struct Notify {
    hooks: BTreeMap<String, String>,
    curl: Vec<String>,
    sent: BTreeSet<String>,
}

fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

/// An address in parts. The path goes on the wire as it is written.
#[derive(Debug, PartialEq, Eq)]
struct Url<'a> {
    tls: bool,
    /// Host and port as the `Host` field spells them.
    host: &'a str,
    path: &'a str,
}

impl<'a> Url<'a> {
    fn read(text: &'a str) -> io::Result<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'#');
        if text.len() > URL_BYTES_MAX || !text.bytes().all(plain) {
            return Err(wrong("the hook's address is too long or has characters that no address has"));
        }
        let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(wrong("the hook's address begins with neither `http://` nor `https://`")),
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
        if host.is_empty() || host.contains('@') {
            return Err(wrong("the hook's address has no host, or names a user"));
        }
        Ok(Self { tls, host, path })
    }

    /// The host and its port for connecting.
    fn peer(&self) -> (&str, u16) {
        let numbered = self.host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
        let (name, port) = match numbered.map(|(name, port)| (name, port.parse())) {
            Some((name, Ok(port))) => (name, port),
            _ => (self.host, 80),
        };
        (name.trim_start_matches('[').trim_end_matches(']'), port)
    }
}

/// The status of an answer's first line (RFC 9112, section 4).
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let text = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    let mut words = text.split_ascii_whitespace();
    words.next()?;
    words.next()?.parse().ok()
}

/// Posts in the clear.
fn post(url: &Url<'_>, body: &str) -> io::Result<u16> {
    let until = Instant::now() + NOTIFY_TIME;
    let left = || match until.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
        left => Ok(left),
    };
    let mut last = wrong("the hook's host has no address");
    let mut peers = url.peer().to_socket_addrs()?;
    let mut stream = loop {
        let Some(peer) = peers.next() else { return Err(last) };
        match TcpStream::connect_timeout(&peer, left()?) {
            Ok(stream) => break stream,
            Err(error) => last = error,
        }
    };
    let path = if url.path.starts_with('/') { url.path.to_owned() } else { format!("/{}", url.path) };
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: shieldwall\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        url.host,
        body.len(),
    );
    stream.set_write_timeout(Some(left()?))?;
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
    while !answer.contains(&b'\n') && answer.len() < ANSWER_BYTES_MAX {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(taken) => answer.extend_from_slice(buffer.get(..taken).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    status(&answer).ok_or_else(|| wrong("the hook's answer is no HTTP/1"))
}

/// The configuration that `curl` reads: its quotes need only `\` and `"` marked.
fn curl_config(url: &str, body: &str) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "url = \"{}\"\nheader = \"Content-Type: application/json\"\nuser-agent = \"shieldwall\"\ndata-raw = \"{}\"\n",
        quoted(url),
        quoted(body)
    )
}

impl Notify {
    /// With the policy's addresses by name, and the words that start `curl`.
    pub fn new(hooks: BTreeMap<String, String>, curl: Vec<String>) -> Self {
        Self { hooks, curl, sent: BTreeSet::new() }
    }

    fn of(&self, plan: &Plan) -> io::Result<&str> {
        let Step::Notify { hook } = &plan.step else { return Err(wrong("only messages are sent here")) };
        self.hooks.get(hook).map(String::as_str).ok_or_else(|| wrong(format!("the policy has no hook `{hook}`")))
    }

    fn body(plan: &Plan) -> Value {
        json!({ "from": "shieldwall", "incident": plan.incident, "plan": plan.hash().to_string(), "words": plan.words() })
    }

    fn send(&self, text: &str, url: &Url<'_>, body: &str) -> io::Result<u16> {
        if !url.tls {
            return post(url, body);
        }
        let limits = child::Limits { time: NOTIFY_TIME * 2, bytes: CURL_BYTES_MAX };
        let seconds = NOTIFY_TIME.as_secs().to_string();
        // `-q` comes first: no configuration of anybody's is read.
        let arguments = [
            "-q",
            "--silent",
            "--show-error",
            "--proto",
            "=https",
            "--max-redirs",
            "0",
            "--max-time",
            &seconds,
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            "--config",
            "-",
        ];
        let install = "messages over https are sent by curl: install it";
        let said =
            child::run(&self.curl, &arguments, curl_config(text, body).as_bytes(), &limits, install)?.ok("curl")?;
        said.trim().parse().map_err(|_| wrong("curl does not say how the message went"))
    }
}

impl Action for Notify {
    fn diff(&self, plan: &Plan) -> Value {
        let host = self.of(plan).and_then(Url::read).map(|url| url.host.to_owned());
        host.map_or(Value::Null, |host| json!({ "post": host, "body": Self::body(plan) }))
    }

    fn read(&mut self, plan: &Plan) -> io::Result<Value> {
        Ok(json!({ "host": Url::read(self.of(plan)?)?.host }))
    }

    fn apply(&mut self, approved: &Approved) -> io::Result<()> {
        let plan = approved.plan();
        let text = self.of(plan)?;
        let url = Url::read(text)?;
        let code = self
            .send(text, &url, &Self::body(plan).to_string())
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", url.host)))?;
        match code {
            200..300 => {}
            300..400 => return Err(wrong(format!("{}: it sends us elsewhere ({code}), where we do not go", url.host))),
            _ => return Err(wrong(format!("{}: it answers {code}", url.host))),
        }
        self.sent.insert(plan.hash().to_string());
        Ok(())
    }

    fn verify(&mut self, plan: &Plan) -> io::Result<()> {
        if self.sent.contains(&plan.hash().to_string()) { Ok(()) } else { Err(wrong("no message was taken")) }
    }

    fn undo(&mut self, _: &Plan, _: &Value) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a message cannot be had back"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_nothing_hides_in_it() {
        for (text, host, peer, path) in [
            ("http://a/x?y=1", "a", ("a", 80), "/x?y=1"),
            ("http://a.example:8080", "a.example:8080", ("a.example", 8080), ""),
            ("http://[2001:db8::1]:81/", "[2001:db8::1]:81", ("2001:db8::1", 81), "/"),
            ("http://[2001:db8::1]/", "[2001:db8::1]", ("2001:db8::1", 80), "/"),
            ("http://a?x", "a", ("a", 80), "?x"),
        ] {
            let url = Url::read(text).unwrap();
            assert_eq!((url.host, url.peer(), url.path), (host, peer, path), "{text}");
        }
        for text in [
            "",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://user@a/",
            "http://a/x y",
            "http://a/\r\nX: y",
            "https://a/\"x",
            "file:///etc/shadow",
        ] {
            assert!(Url::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_status_is_read_or_refused() {
        for (answer, code) in [
            ("HTTP/1.1 204 No Content\r\n", Some(204)),
            ("HTTP/1.0 302\n", Some(302)),
            ("HTTP/2 200\n", None),
            ("200 OK", None),
            ("", None),
            ("HTTP/1.1 abc\n", None),
        ] {
            assert_eq!(status(answer.as_bytes()), code, "{answer}");
        }
        assert_eq!(status(&[0xff; 64]), None);
        assert!(curl_config("https://a/", "{\"a\":\"\\n\"}").contains(r#"data-raw = "{\"a\":\"\\n\"}""#));
    }
}
