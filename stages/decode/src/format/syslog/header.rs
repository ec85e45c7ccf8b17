//! One line → priority, time, host, program, message. Borrowed throughout, nothing is allocated.

use crate::format::syslog::structured;
use crate::text::find;
use crate::text::stamp::{self, Stamp};

/// How much of a line's header could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Shape {
    /// No header: raw text.
    #[default]
    None,
    /// A priority or structured data that breaks its RFC; what could be read stands in the other parts.
    Broken,
    /// RFC 3164, or its form with an RFC 3339 time.
    Bsd,
    /// RFC 5424.
    Rfc5424,
}

/// A line's parts; empty where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header<'l> {
    /// What the line is.
    pub shape: Shape,
    /// Priority: facility × 8 + severity, 0 to 191.
    pub priority: Option<u8>,
    /// The time and its text.
    pub stamp: Option<(Stamp, &'l str)>,
    /// The host's name.
    pub host: &'l str,
    /// A severity written as a word (ChromeOS, macOS).
    pub severity: &'l str,
    /// The program as written.
    pub program: &'l str,
    /// What stands in parentheses behind the program: `pam_unix` in old PAM lines.
    pub module: &'l str,
    /// The process id.
    pub pid: &'l str,
    /// RFC 5424 message id.
    pub msgid: &'l str,
    /// RFC 5424 structured data, with its brackets.
    pub structured: &'l str,
    /// The message.
    pub message: &'l str,
    /// Whether a colon or process id ended the program's name.
    pub marked: bool,
}

impl Header<'_> {
    /// Whether nothing but syslog writes such a line: for sniffing. A time of RFC 3339 opens many a log, so it counts
    /// only with a host and a marked program behind it.
    pub(crate) fn certain(&self) -> bool {
        match self.shape {
            Shape::None | Shape::Broken => false,
            Shape::Rfc5424 => true,
            Shape::Bsd => match self.stamp {
                Some((_, time)) if time.starts_with(|first: char| first.is_ascii_uppercase()) => true,
                Some(_) => {
                    self.priority.is_some() || (self.marked && !(self.host.is_empty() && self.severity.is_empty()))
                }
                None => self.priority.is_some() && self.marked,
            },
        }
    }
}

/// Longest program name (RFC 5424, section 6: APP-NAME has at most 48 characters).
pub(crate) const PROGRAM_BYTES_MAX: usize = 48;

/// Severities as words, as some programs write them in place of a host.
const SEVERITY_WORDS: [&str; 11] =
    ["EMERG", "ALERT", "CRIT", "ERR", "ERROR", "WARNING", "WARN", "NOTICE", "INFO", "DEBUG", "PANIC"];

/// Reads a line.
pub(crate) fn read(line: &str) -> Header<'_> {
    let raw = Header { message: line, ..Header::default() };
    let Some(after) = line.strip_prefix('<') else {
        return read_bsd(line, raw).unwrap_or(raw);
    };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let closed = after.as_bytes().get(digits) == Some(&b'>');
    if digits == 0 && !closed {
        // Markup or anything else.
        return raw;
    }
    let priority = after.get(..digits).filter(|_| closed && (1..=3).contains(&digits));
    let priority = priority.and_then(|text| text.parse::<u8>().ok()).filter(|value| *value <= 191);
    let (Some(priority), Some(rest)) = (priority, after.get(digits + 1..)) else {
        return Header { shape: Shape::Broken, ..raw };
    };
    let known = Header { priority: Some(priority), message: rest, ..raw };
    if let Some(versioned) = rest.strip_prefix("1 ") {
        return read_5424(versioned, known);
    }
    read_bsd(rest, known).unwrap_or_else(|| read_tag(rest, Header { shape: Shape::Bsd, ..known }))
}

/// RFC 5424, section 6, behind the version.
fn read_5424<'l>(rest: &'l str, known: Header<'l>) -> Header<'l> {
    let broken = Header { shape: Shape::Broken, ..known };
    let nil = |word: &'l str| if word == "-" { "" } else { word };
    let mut words = rest.splitn(6, ' ');
    let (Some(time), Some(host), Some(program), Some(pid), Some(msgid), Some(rest)) =
        (words.next(), words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return broken;
    };
    let stamp = match stamp::iso(time.as_bytes()) {
        Some((stamp, length)) if length == time.len() => Some((stamp, time)),
        _ if time == "-" => None,
        _ => return broken,
    };
    let header = Header {
        shape: Shape::Rfc5424,
        stamp,
        host: nil(host),
        program: nil(program),
        pid: nil(pid),
        msgid: nil(msgid),
        message: rest,
        marked: true,
        ..known
    };
    let after = if let Some(after) = rest.strip_prefix('-') {
        after
    } else if let Some(length) = structured::length(rest)
        && let Some((structured, after)) = rest.split_at_checked(length)
    {
        return with_message(Header { structured, ..header }, after)
            .unwrap_or(Header { shape: Shape::Broken, ..header });
    } else {
        return Header { shape: Shape::Broken, ..header };
    };
    with_message(header, after).unwrap_or(Header { shape: Shape::Broken, ..header })
}

/// The message stands behind a space, and may open with a byte order mark (section 6.4). rsyslog writes a second space.
fn with_message<'l>(header: Header<'l>, after: &'l str) -> Option<Header<'l>> {
    if !after.is_empty() && !after.starts_with(' ') {
        return None;
    }
    let message = after.trim_start_matches(' ');
    Some(Header { message: message.strip_prefix('\u{feff}').unwrap_or(message), ..header })
}

/// RFC 3164, section 4.1, and the same with an RFC 3339 time: time, host, tag, message.
fn read_bsd<'l>(rest: &'l str, known: Header<'l>) -> Option<Header<'l>> {
    let bytes = rest.as_bytes();
    let (stamp, length) = match bytes.first()? {
        b'A'..=b'Z' => stamp::bsd(bytes)?,
        b'0'..=b'9' if bytes.get(10) == Some(&b'T') => stamp::iso(bytes)?,
        _ => return None,
    };
    let (time, after) = rest.split_at_checked(length)?;
    let header = Header { shape: Shape::Bsd, stamp: Some((stamp, time)), ..known };
    if let Some(message) = after.strip_prefix(':') {
        // `Nov 18 01:15:43: --- last message repeated 5 times ---`; Cisco puts its mnemonic here.
        return Some(Header { message: message.trim_start_matches(' '), ..header });
    }
    let after = after.strip_prefix(' ')?.trim_start_matches(' ');
    let (first, behind) = find::split_byte(after, b' ').unwrap_or((after, ""));
    // No host: the tag follows at once (`kernel: [997.39] …`).
    if first.ends_with(':') {
        return Some(read_tag(after, header));
    }
    if stamp.year.is_some() && SEVERITY_WORDS.contains(&first) {
        return Some(read_tag(behind, Header { severity: first, ..header }));
    }
    Some(read_tag(behind, Header { host: first, ..header }))
}

/// `sshd[123]: `, `su: `, `sshd(pam_unix)[9]: `, `kernel[0] <Error>: `, `log_tag ` and the message behind it.
fn read_tag<'l>(rest: &'l str, header: Header<'l>) -> Header<'l> {
    let rest = rest.trim_start_matches(' ');
    let header = Header { message: rest, ..header };
    // `(systemd)[123]:` names a process that has not yet become its program.
    let inner = rest.strip_prefix('(').unwrap_or(rest);
    let end = inner.bytes().position(|byte| matches!(byte, b' ' | b':' | b'[' | b'(' | b')')).unwrap_or(inner.len());
    let Some((program, mut after)) = inner.split_at_checked(end) else { return header };
    let opens = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'%' | b'.' | b'*');
    if !program.bytes().next().is_some_and(opens) {
        return header;
    }
    if inner.len() < rest.len() {
        let Some(behind) = after.strip_prefix(')') else { return header };
        after = behind;
    }
    let mut module = "";
    if let Some(inside) = after.strip_prefix('(')
        && let Some((name, behind)) = find::split_byte(inside, b')')
        && (behind.starts_with('[') || behind.starts_with(':'))
    {
        (module, after) = (name, behind);
    }
    let mut pid = "";
    if let Some(inside) = after.strip_prefix('[')
        && let Some((number, behind)) = find::split_byte(inside, b']')
        && !number.contains(' ')
    {
        (pid, after) = (number, behind);
    }
    let (mut severity, mut marked) = (header.severity, true);
    if let Some(inside) = after.strip_prefix(" <")
        && let Some((word, behind)) = inside.split_once(">:")
        && !word.contains(' ')
    {
        (severity, after) = (word, behind);
    } else if let Some(behind) = after.strip_prefix(':') {
        // `192.0.2.1:443` is no program.
        marked = behind.is_empty() || behind.starts_with(' ') || !pid.is_empty();
        after = behind;
    } else if pid.is_empty() && !after.starts_with(' ') {
        // `Job(x` and the like: no tag.
        return header;
    } else {
        marked = !pid.is_empty();
    }
    Header { program, module, pid, severity, marked, message: after.trim_start_matches(' '), ..header }
}
