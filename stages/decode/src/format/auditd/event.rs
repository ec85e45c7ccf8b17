//! A joined event's tag and fields.
//!
//! Every pair keeps its own name; a name that stands in several records (two PATH records' `name`) comes several times,
//! and matching any of them is a match. EXECVE records come first, because their `a0` … are the program's arguments,
//! while a SYSCALL's `a0` … are numbers. Beside the pairs there are a few fields of our own:
//!
//! | field | holds |
//! |---|---|
//! | `type` | the type of each record, one value a record |
//! | `node` | the host, if the log says so |
//! | `argv` | EXECVE's arguments, joined by spaces: a command line |
//! | `syscall` | the number as written, and its name |
//! | `initiated` | `true` for `connect`: this host began the connection |
//! | `saddr_fam`, `laddr`, `lport`, `path` | what `saddr` holds, by auparse's names |
//! | `seresult`, `seperms` | `denied` and the permissions of an AVC record |
//! | `created_path` | the absolute path of each file that the call created (PATH records with `nametype=CREATE`) |

use shieldwall_schema::{Fields, Slots, Value, Want};

use super::decode::{Decoded, Encoding, SocketAddress, encoding, socket_address, unhex};
use super::join::{Joined, Part};
use super::names::syscall_name;
use super::tokens::{Token, Tokens};

/// What took part in an event but speaks for none: it needs a main record beside it.
const AUXILIARY: [&str; 11] = [
    "EXECVE",
    "CWD",
    "PATH",
    "PROCTITLE",
    "SOCKADDR",
    "BPRM_FCAPS",
    "FD_PAIR",
    "OBJ_PID",
    "MMAP",
    "SOCKETCALL",
    "CAPSET",
];

/// The tag's code: what kind of event it is.
///
/// | code | event |
/// |---|---|
/// | `EXECVE` | a program was started: there is an EXECVE record |
/// | `CONNECT` | `connect` to an IPv4 or IPv6 address |
/// | `CREATE` | a file was created: a PATH record with `nametype=CREATE` that is no folder |
/// | otherwise | the type of the first record (`USER_LOGIN`, `AVC`, `SYSCALL` …) |
pub(super) fn code(event: &Joined) -> &str {
    let has = |kind: &str| event.parts.iter().any(|part| event.kind(part) == kind);
    let first = event.parts.first().map_or("", |part| event.kind(part));
    if event.parts.len() < 2 && first != "EXECVE" {
        return first;
    }
    if has("EXECVE") {
        return "EXECVE";
    }
    let main = event.parts.iter().find(|part| event.kind(part) == "SYSCALL").map(|part| event.body(part));
    let Some(main) = main else { return first };
    if first != "SYSCALL" && !AUXILIARY.contains(&first) {
        return first;
    }
    if has("SOCKADDR") && connects(event, main) {
        return "CONNECT";
    }
    if has("PATH") && succeeded(main) && created(event).next().is_some() {
        return "CREATE";
    }
    "SYSCALL"
}

/// The value of a bare or quoted pair, found without looking at the rest.
fn value_of<'a>(body: &'a str, key: &str) -> Option<(&'a str, bool)> {
    Tokens::new(body).find_map(|token| match token {
        Token::Pair { key: found, value, quoted, .. } if found == key => Some((value, quoted)),
        _ => None,
    })
}

fn succeeded(main: &str) -> bool {
    value_of(main, "success").is_none_or(|(value, _)| value == "yes")
}

fn connects(event: &Joined, main: &str) -> bool {
    let (arch, number) = (value_of(main, "arch"), value_of(main, "syscall"));
    let named = arch.zip(number).and_then(|(arch, number)| syscall_name(arch.0, number.0));
    let inet = |part: &Part| {
        let address = value_of(event.body(part), "saddr").and_then(|(saddr, _)| socket_address(saddr));
        matches!(address, Some(SocketAddress::Inet(..)))
    };
    named == Some("connect") && event.parts.iter().any(|part| event.kind(part) == "SOCKADDR" && inet(part))
}

/// The bodies of the PATH records of created files.
fn created(event: &Joined) -> impl Iterator<Item = &str> {
    let paths = event.parts.iter().filter(|part| event.kind(part) == "PATH").map(|part| event.body(part));
    paths.filter(|body| {
        // Mode 04xxxx is a folder.
        memchr::memmem::find(body.as_bytes(), b"nametype=CREATE").is_some()
            && value_of(body, "mode").is_none_or(|(mode, _)| !mode.trim_start_matches('0').starts_with("40"))
    })
}

/// Who takes the fields.
pub(super) trait Visit<'w> {
    /// Where a name's values go.
    type Place: Copy;
    /// Where this name's values go, if anywhere.
    fn place(&self, name: &str) -> Option<Self::Place>;
    /// Takes a value. `derived`: it does not stand so in the line.
    fn take(&mut self, place: Self::Place, name: &str, value: Value<'_>, derived: bool);
}

/// What was odd about an event.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) bad_hex: bool,
    pub(super) incomplete: bool,
}

/// Buffers for values that do not stand in the text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    text: String,
    argv: String,
    chunk: String,
    chunk_of: String,
}

/// Calls `visit` for every field that it has a place for; says what is odd.
pub(super) fn walk<'w, V: Visit<'w>>(event: &Joined, scratch: &mut Scratch, visit: &mut V) -> Odd {
    let mut walk = Walk { event, scratch, visit, odd: Odd::default(), arguments: 0, argc: 0, items: 0 };
    walk.run();
    walk.odd
}

struct Walk<'a, V> {
    event: &'a Joined,
    scratch: &'a mut Scratch,
    visit: &'a mut V,
    odd: Odd,
    arguments: u64,
    argc: u64,
    items: u64,
}

impl<'w, V: Visit<'w>> Walk<'_, V> {
    fn run(&mut self) {
        let event = self.event;
        let is_execve = |part: &&Part| event.kind(part) == "EXECVE";
        self.scratch.argv.clear();
        self.scratch.chunk_of.clear();
        if !event.node.is_empty() {
            self.put("node", Value::text(&event.node), true);
        }
        let mut executes = false;
        for part in event.parts.iter().filter(is_execve) {
            self.put("type", Value::text("EXECVE"), false);
            self.execve(event.body(part));
            executes = true;
        }
        if executes {
            self.end_chunk();
            let argv = std::mem::take(&mut self.scratch.argv);
            self.put("argv", Value::text(argv.trim_end_matches(' ')), true);
            self.scratch.argv = argv;
        }
        let mut paths = 0;
        for part in event.parts.iter().filter(|part| !is_execve(part)) {
            let kind = event.kind(part);
            paths += u64::from(kind == "PATH");
            self.put("type", Value::text(kind), false);
            self.record(kind, event.body(part));
        }
        let alone = event.parts.iter().all(|part| AUXILIARY.contains(&event.kind(part)));
        self.odd.incomplete |= alone || paths < self.items || self.arguments < self.argc;
        if paths > 0 && self.visit.place("created_path").is_some() {
            self.created_paths();
        }
    }

    fn put(&mut self, name: &str, value: Value<'_>, derived: bool) {
        if let Some(place) = self.visit.place(name) {
            self.visit.take(place, name, value, derived);
        }
    }

    fn record(&mut self, kind: &str, body: &str) {
        let (mut arch, mut before, mut braces) = ("", "", false);
        for token in Tokens::new(body) {
            let (key, value, quoted, user) = match token {
                Token::Pair { key, value, quoted, user } => (key, value, quoted, user),
                Token::Word(word) => {
                    match word {
                        "{" | "}" => braces = word == "{",
                        "denied" | "granted" if before == "avc:" => self.put("seresult", Value::text(word), false),
                        _ if braces => self.put("seperms", Value::text(word), false),
                        _ => {}
                    }
                    before = word;
                    continue;
                }
            };
            let key = match (before, key) {
                ("old", "auid") => "old-auid",
                ("old", "ses") => "old-ses",
                _ => key,
            };
            before = "";
            match key {
                "arch" => arch = value,
                "items" if kind == "SYSCALL" => self.items = value.parse().unwrap_or(0),
                _ => {}
            }
            self.pair(kind, key, value, quoted, user);
            match key {
                "syscall" => {
                    if let Some(name) = syscall_name(arch, value) {
                        self.put("syscall", Value::text(name), true);
                        if name == "connect" {
                            self.put("initiated", Value::bool(true), true);
                        }
                    }
                }
                "saddr" => self.socket(value),
                _ => {}
            }
        }
    }

    fn pair(&mut self, kind: &str, key: &str, value: &str, quoted: bool, user: bool) {
        let encoding = if quoted { Encoding::Plain } else { encoding(kind, key, user) };
        let place = self.visit.place(key);
        if encoding == Encoding::Plain {
            if let Some(place) = place {
                self.visit.take(place, key, plain(value, quoted), false);
            }
            return;
        }
        let decoded = unhex(value, encoding, &mut self.scratch.bytes, &mut self.scratch.text);
        self.odd.bad_hex |= decoded == Decoded::Bad;
        // The keyword place takes decoded text even if nobody asks for the field.
        let Some(place) = place.or_else(|| self.visit.place("")) else { return };
        if decoded != Decoded::Text {
            self.visit.take(place, key, plain(value, quoted), false);
            return;
        }
        let text = std::mem::take(&mut self.scratch.text);
        match key {
            // A process's arguments are separated, and often ended, by NUL.
            "proctitle" => {
                let spaced = text.trim_end_matches('\0').replace('\0', " ");
                self.visit.take(place, key, Value::text(&spaced), true);
            }
            // Several keys are separated by 0x01.
            "key" => {
                for one in text.split('\u{1}') {
                    self.visit.take(place, key, Value::text(one), true);
                }
            }
            _ => self.visit.take(place, key, Value::text(&text), true),
        }
        self.scratch.text = text;
    }

    /// One EXECVE record: arguments, whole or in chunks (`a1_len=…`, `a1[0]=…`, `a1[1]=…`).
    fn execve(&mut self, body: &str) {
        for token in Tokens::new(body) {
            let Token::Pair { key, value, quoted, user } = token else { continue };
            let Some((argument, chunk)) = argument(key) else {
                if key == "argc" {
                    self.argc = value.parse().unwrap_or(0);
                }
                self.pair("EXECVE", key, value, quoted, user);
                continue;
            };
            let encoding = if quoted { Encoding::Plain } else { encoding("EXECVE", key, false) };
            let decoded = unhex(value, encoding, &mut self.scratch.bytes, &mut self.scratch.text);
            self.odd.bad_hex |= decoded == Decoded::Bad;
            let text = std::mem::take(&mut self.scratch.text);
            let shown = if decoded == Decoded::Text { &*text } else { value };
            if chunk {
                if self.scratch.chunk_of != argument {
                    self.end_chunk();
                    self.scratch.chunk_of.push_str(argument);
                    self.arguments += 1;
                }
                self.scratch.chunk.push_str(shown);
            } else {
                self.end_chunk();
                self.arguments += 1;
                self.put(argument, Value::text(shown), decoded == Decoded::Text);
                self.scratch.argv.push_str(shown);
                self.scratch.argv.push(' ');
            }
            self.scratch.text = text;
        }
    }

    fn end_chunk(&mut self) {
        if self.scratch.chunk_of.is_empty() {
            return;
        }
        let (name, text) = (std::mem::take(&mut self.scratch.chunk_of), std::mem::take(&mut self.scratch.chunk));
        self.put(&name, Value::text(&text), true);
        self.scratch.argv.push_str(&text);
        self.scratch.argv.push(' ');
        (self.scratch.chunk_of, self.scratch.chunk) = (name, text);
        self.scratch.chunk_of.clear();
        self.scratch.chunk.clear();
    }

    fn socket(&mut self, saddr: &str) {
        let wanted = ["saddr_fam", "laddr", "lport", "path"].iter().any(|name| self.visit.place(name).is_some());
        let Some(address) = wanted.then(|| socket_address(saddr)).flatten() else { return };
        self.put("saddr_fam", Value::text(address.family()), true);
        match address {
            SocketAddress::Inet(ip, port) => {
                self.put("laddr", Value::text(&ip.to_string()), true);
                self.put("lport", Value::number(&port.to_string()), true);
            }
            SocketAddress::Unix(path) => self.put("path", Value::text(&path), true),
            SocketAddress::Other(_) => {}
        }
    }

    fn created_paths(&mut self) {
        let event = self.event;
        let text = |body: &str, kind: &str, key: &str| {
            let (value, quoted) = value_of(body, key)?;
            let (mut bytes, mut out) = (Vec::new(), String::new());
            let encoding = if quoted { Encoding::Plain } else { encoding(kind, key, false) };
            match unhex(value, encoding, &mut bytes, &mut out) {
                Decoded::Text => Some(out),
                _ => Some(value.to_owned()),
            }
        };
        let cwd = event.parts.iter().find(|part| event.kind(part) == "CWD");
        let cwd = cwd.and_then(|part| text(event.body(part), "CWD", "cwd")).unwrap_or_default();
        for body in created(event) {
            let Some(name) = text(body, "PATH", "name") else { continue };
            let relative = !name.starts_with('/') && cwd.starts_with('/');
            let name = name.strip_prefix("./").unwrap_or(&name);
            let path = if relative { format!("{}/{name}", cwd.trim_end_matches('/')) } else { name.to_owned() };
            self.put("created_path", Value::text(&path), true);
        }
    }
}

/// `a3` or `a3[0]`: the argument's name, and whether this is a chunk of it.
fn argument(key: &str) -> Option<(&str, bool)> {
    let digits = key.strip_prefix('a')?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let name = key.get(..count + 1).filter(|_| count > 0)?;
    match key.get(count + 1..)? {
        "" => Some((name, false)),
        chunk if chunk.starts_with('[') && chunk.ends_with(']') => Some((name, true)),
        _ => None,
    }
}

fn plain(value: &str, quoted: bool) -> Value<'_> {
    let number = !quoted && !value.is_empty() && value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    if number { Value::number(value) } else { Value::text(value) }
}

/// Fills slots straight from the event, without a copy between.
pub(super) struct Filler<'w, 's> {
    want: &'w Want,
    slots: &'s mut Slots,
}

impl<'w, 's> Filler<'w, 's> {
    /// Empties the slots and gives keywords the event's lines.
    pub(super) fn new(want: &'w Want, slots: &'s mut Slots, line: &str) -> Self {
        slots.clear();
        if let Some(slot) = want.keywords {
            slots.push(slot, Value::text(line));
        }
        Self { want, slots }
    }
}

impl<'w> Visit<'w> for Filler<'w, '_> {
    type Place = &'w [u16];

    fn place(&self, name: &str) -> Option<&'w [u16]> {
        match self.want.by_name.get(name) {
            Some(slots) => Some(slots),
            // Decoded and joined text goes to keywords too: in the line it is hex, or in pieces.
            None if name.is_empty() || name == "argv" => self.want.keywords.map(|_| &[][..]),
            None => None,
        }
    }

    fn take(&mut self, place: &'w [u16], _: &str, value: Value<'_>, derived: bool) {
        let keywords = self.want.keywords.filter(|_| derived);
        for (at, slot) in place.iter().copied().chain(keywords).enumerate() {
            if at == 0 {
                self.slots.push(slot, value);
            } else {
                self.slots.also(slot);
            }
        }
    }
}

/// Hands every field to a closure.
struct Every<'f>(&'f mut dyn FnMut(&str, Value<'_>));

impl Visit<'_> for Every<'_> {
    type Place = ();

    fn place(&self, name: &str) -> Option<()> {
        (!name.is_empty()).then_some(())
    }

    fn take(&mut self, (): (), name: &str, value: Value<'_>, _: bool) {
        (self.0)(name, value);
    }
}

/// A joined event's fields, on demand.
pub(super) struct AuditFields<'a>(pub(super) &'a Joined);

impl Fields for AuditFields<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        walk(self.0, &mut Scratch::default(), &mut Every(each));
    }

    fn line(&self) -> Option<&str> {
        Some(&self.0.text)
    }
}
