//! A syslog line as a record: its tag, its fields, its flags.

use shieldwall_schema::{Flag, Tag, Value};

use crate::format::syslog::header::{self, Header, PROGRAM_BYTES_MAX, Shape};
use crate::format::syslog::{programs, structured};
use crate::text::driver::{Grammar, Out, Record};
use crate::text::line::Text;
use crate::text::stamp::Stamp;

/// The grammar; stateless, so lines may be read in any order.
pub(crate) struct Lines3164;

const MESSAGE: usize = 0;
const PROGRAM: usize = 1;
const PID: usize = 2;
const HOSTNAME: usize = 3;
const FACILITY: usize = 4;
const SEVERITY: usize = 5;
const MSGID: usize = 6;

/// Facilities by number (RFC 5424, table 1; names as in syslog.h and `logger`).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Severities by number (RFC 5424, table 2; names as in syslog.h).
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

impl Grammar for Lines3164 {
    type Record<'l> = SyslogRecord<'l>;
    const NAMES: &'static [&'static str] = &["message", "program", "pid", "hostname", "facility", "severity", "msgid"];

    fn read<'l>(&'l mut self, line: &Text<'l>) -> Option<SyslogRecord<'l>> {
        let header = header::read(line.text);
        Some(SyslogRecord { service: Service::of(header.program), header })
    }
}

/// One line.
pub(crate) struct SyslogRecord<'l> {
    header: Header<'l>,
    service: Service<'l>,
}

/// A program's name as a service: lower case, without a path. Holds its own few bytes rather than the heap's.
enum Service<'l> {
    AsWritten(&'l str),
    Lowered([u8; PROGRAM_BYTES_MAX], usize),
}

impl<'l> Service<'l> {
    fn of(program: &'l str) -> Self {
        // Longer names are no programs; the `program` field still holds them whole.
        let name = if program.starts_with('/') { program.rsplit('/').next().unwrap_or("") } else { program };
        let name = if name.len() > PROGRAM_BYTES_MAX { "" } else { name };
        match name {
            part if programs::is_part_of_sshd(part) => Self::AsWritten("sshd"),
            _ if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                let mut lowered = [0; PROGRAM_BYTES_MAX];
                for (to, from) in lowered.iter_mut().zip(name.bytes()) {
                    *to = from.to_ascii_lowercase();
                }
                Self::Lowered(lowered, name.len())
            }
            _ => Self::AsWritten(name),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::AsWritten(name) => name,
            Self::Lowered(bytes, length) => {
                bytes.get(..*length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
            }
        }
    }
}

impl SyslogRecord<'_> {
    fn facility(&self) -> &'static str {
        self.header.priority.and_then(|value| FACILITIES.get(usize::from(value >> 3))).copied().unwrap_or_default()
    }

    fn severity(&self) -> &str {
        match self.header.priority {
            Some(value) => SEVERITIES.get(usize::from(value & 7)).copied().unwrap_or_default(),
            None => self.header.severity,
        }
    }

    /// Cisco IOS: `%FACILITY-SEVERITY-MNEMONIC: text`, behind an optional sequence number and time of its own.
    fn is_cisco(&self) -> bool {
        let named = self.header.program.bytes().next().is_none_or(|byte| matches!(byte, b'%' | b'*' | b'0'..=b'9'));
        if !named || self.header.shape == Shape::None {
            return false;
        }
        let is_mnemonic = |text: &str| {
            let mut parts = text.splitn(3, '-');
            let word = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
            };
            parts.next().is_some_and(word)
                && parts.next().is_some_and(|level| matches!(level.as_bytes(), [b'0'..=b'7']))
                && parts.next().is_some()
        };
        if let Some(mnemonic) = self.header.program.strip_prefix('%') {
            return is_mnemonic(mnemonic);
        }
        // The mnemonic stands near the front or nowhere.
        let front = self.header.message.split(' ').take(8);
        front.filter_map(|word| word.strip_prefix('%')).any(is_mnemonic)
    }

    fn is_cef(&self) -> bool {
        matches!(self.header.program, "CEF" | "LEEF")
            || self.header.message.starts_with("CEF:")
            || self.header.message.starts_with("LEEF:")
    }
}

impl Record for SyslogRecord<'_> {
    fn tag(&self) -> Tag<'_> {
        let provider = self.facility();
        if self.is_cisco() {
            return Tag { product: "cisco", service: "syslog", provider, code: "" };
        }
        let service = self.service.name();
        Tag { product: "linux", service, provider, code: programs::code_of(service, self.header.message) }
    }

    fn stamp(&self) -> Option<(Stamp, &str)> {
        self.header.stamp
    }

    fn flag(&self) -> Option<Flag> {
        match self.header.shape {
            _ if self.is_cef() => Some(Flag::RawCefLeef),
            Shape::Broken => Some(Flag::BadHeader),
            Shape::None => Some(Flag::UnknownLine),
            Shape::Bsd | Shape::Rfc5424 => None,
        }
    }

    fn values(&self, field: usize, out: &mut dyn FnMut(Value<'_>)) {
        let text = match field {
            MESSAGE => self.header.message,
            PROGRAM => self.header.program,
            PID => self.header.pid,
            HOSTNAME => self.header.host,
            FACILITY => self.facility(),
            SEVERITY => self.severity(),
            MSGID => self.header.msgid,
            _ => "",
        };
        if text.is_empty() {
            return;
        }
        let number = field == PID && text.bytes().all(|byte| byte.is_ascii_digit());
        out(if number { Value::number(text) } else { Value::text(text) });
    }

    fn rest(&self, out: Out<'_>) {
        if !self.header.structured.is_empty() {
            let mut name = String::new();
            structured::each(self.header.structured, &mut |id, parameter, value| {
                name.clear();
                name.extend(["sd.", id, ".", parameter]);
                out(&name, Value::text(value));
            });
        }
        programs::read(self.service.name(), self.header.module, self.header.message, out);
    }
}
