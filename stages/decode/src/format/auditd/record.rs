//! The beginning of an audit record: node, type, time and serial number.
//!
//! auditd's own form is `[node=HOST ]type=TYPE msg=audit(SECONDS.MILLIS:SERIAL): BODY`. The same record is found behind
//! a syslog header: from audisp's syslog plugin in auditd's form, from the kernel as `audit: type=1300 audit(…): BODY`.

use super::names::type_name;

/// A record's beginning, and where its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// `node=`, or the host of a syslog header; may be empty.
    pub(super) node: &'a str,
    /// The type by name.
    pub(super) kind: &'a str,
    /// Milliseconds since the epoch; 0 if the record says so.
    pub(super) millis: u64,
    /// The event's number: records with the same time and number are one event.
    pub(super) serial: u64,
    /// The body's first byte in the line.
    pub(super) body: usize,
    /// Behind a syslog header.
    pub(super) wrapped: bool,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// An audit record.
    Record(Record<'a>),
    /// It begins like one and is none: why.
    Broken(&'static str),
    /// Something else.
    Unknown,
}

/// Reads the beginning of a line.
pub(super) fn parse(line: &str) -> Parsed<'_> {
    let (node, rest) = match line.strip_prefix("node=") {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("", line),
    };
    if let Some(rest) = rest.strip_prefix("type=") {
        let Some((kind, rest)) = rest.split_once(' ') else {
            return Parsed::Broken("audit record ends in its type");
        };
        let Some(stamp) = rest.strip_prefix("msg=audit(").or_else(|| rest.strip_prefix("audit(")) else {
            return Parsed::Broken("audit record has no `msg=audit(`");
        };
        return finish(line, node, kind, stamp, false);
    }
    if !node.is_empty() || rest.starts_with("msg=audit(") {
        return Parsed::Broken("audit record has no type");
    }
    wrapped(line)
}

fn wrapped(line: &str) -> Parsed<'_> {
    let Some(at) = memchr::memmem::find(line.as_bytes(), b"audit(") else { return Parsed::Unknown };
    let (Some(before), Some(stamp)) = (line.get(..at), line.get(at + 6..)) else { return Parsed::Unknown };
    let before = before.strip_suffix("msg=").unwrap_or(before).trim_end();
    let Some((head, kind)) = before.rsplit_once("type=") else { return Parsed::Unknown };
    if kind.contains(' ') || !(head.is_empty() || head.ends_with(' ')) {
        return Parsed::Unknown;
    }
    let node = head.trim_end().rsplit(' ').next().and_then(|word| word.strip_prefix("node="));
    finish(line, node.unwrap_or_else(|| syslog_host(head)), kind, stamp, true)
}

/// The host of a syslog header: behind `Mmm dd hh:mm:ss`, or behind one word with an ISO time.
fn syslog_host(head: &str) -> &str {
    let mut words = head.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    let host = if first.contains('T') && first.contains(':') { words.next() } else { words.nth(2) };
    host.filter(|host| !host.ends_with(':')).unwrap_or_default()
}

fn finish<'a>(line: &'a str, node: &'a str, kind: &'a str, stamp: &'a str, wrapped: bool) -> Parsed<'a> {
    let Some(kind) = named(kind) else { return Parsed::Broken("audit record has no type") };
    let Some((millis, serial, body)) = parse_stamp(stamp) else {
        return Parsed::Broken("audit record has no time and serial number");
    };
    Parsed::Record(Record { node, kind, millis, serial, body: line.len() - body.len(), wrapped })
}

/// The type's name; a number that nobody knows stays as it is.
fn named(kind: &str) -> Option<&str> {
    let number = kind.strip_prefix("UNKNOWN[").and_then(|rest| rest.strip_suffix(']')).unwrap_or(kind);
    if number.bytes().next()?.is_ascii_digit() {
        return Some(number.parse().ok().and_then(type_name).unwrap_or(kind));
    }
    let clean = kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'[' | b']'));
    clean.then_some(kind)
}

/// `SECONDS.MILLIS:SERIAL): BODY`: milliseconds, serial number, body.
fn parse_stamp(text: &str) -> Option<(u64, u64, &str)> {
    let bytes = text.as_bytes();
    let (seconds, at) = digits(bytes, 0)?;
    let (fraction, end) = digits(bytes, expect(bytes, at, b'.')?)?;
    // The kernel writes three digits. More are a fraction of a second; fewer are its milliseconds without zeros.
    let millis = match end - at - 1 {
        0..=3 => fraction,
        count => fraction / 10u64.checked_pow(u32::try_from(count).ok()? - 3)?,
    };
    let (serial, at) = digits(bytes, expect(bytes, end, b':')?)?;
    let at = expect(bytes, expect(bytes, at, b')')?, b':')?;
    let body = text.get(at..)?;
    Some((seconds.checked_mul(1000)?.checked_add(millis)?, serial, body.strip_prefix(' ').unwrap_or(body)))
}

fn expect(bytes: &[u8], at: usize, wanted: u8) -> Option<usize> {
    (bytes.get(at) == Some(&wanted)).then_some(at + 1)
}

/// A number of at most 19 digits, and where it ends.
fn digits(bytes: &[u8], from: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut at = from;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        if at - from >= 19 {
            return None;
        }
        value = value * 10 + u64::from(digit);
        at += 1;
    }
    (at > from).then_some((value, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, &str, u64, u64, &str)>) {
        let found = match parse(line) {
            Parsed::Record(record) => {
                let body = line.get(record.body..).unwrap();
                Some((record.node, record.kind, record.millis, record.serial, body))
            }
            _ => None,
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn records_are_read_in_all_their_dresses() {
        let time = 1_364_481_363_243;
        check(
            "type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e",
            Some(("", "SYSCALL", time, 24287, "arch=c000003e")),
        );
        check(
            "node=web01 type=CWD msg=audit(1364481363.243:24287):  cwd=\"/\"",
            Some(("web01", "CWD", time, 24287, " cwd=\"/\"")),
        );
        check("type=NOMSG msg=audit(1364481363.243:1):", Some(("", "NOMSG", time, 1, "")));
        check("type=SHORT msg=audit(1.0:0): x", Some(("", "SHORT", 1000, 0, "x")));
        check("type=UNKNOWN[1323] msg=audit(1.5:2): fd=6", Some(("", "MMAP", 1005, 2, "fd=6")));
        check("type=UNKNOWN[9999] msg=audit(1.123456:2): fd=6", Some(("", "UNKNOWN[9999]", 1123, 2, "fd=6")));
        check(
            "Nov 22 20:58:01 web01 kernel: [   12.3] audit: type=1400 audit(1.000:3): apparmor=\"DENIED\"",
            Some(("web01", "AVC", 1000, 3, "apparmor=\"DENIED\"")),
        );
        check(
            "2026-01-01T09:00:00+00:00 web02 audispd: type=EXECVE msg=audit(1.000:3): argc=1",
            Some(("web02", "EXECVE", 1000, 3, "argc=1")),
        );
        check(
            "Nov 22 20:58:01 relay audispd: node=web03 type=EXECVE msg=audit(1.000:3): argc=1",
            Some(("web03", "EXECVE", 1000, 3, "argc=1")),
        );
    }

    #[test]
    fn what_begins_like_a_record_and_is_none_is_broken() {
        for line in [
            "type=",
            "type=SYSCALL",
            "type= msg=audit(",
            "type= msg=audit(1.000:1): x",
            "type=A msg=audit(): x",
            "type=A msg=audit(1): x",
            "type=A msg=audit(1.000): x",
            "type=A msg=audit(1.000:): x",
            "type=A msg=audit(1.000:1: x",
            "type=A msg=audit(99999999999999999999.000:1): x",
            "type=A msg=audit(9999999999999999999.000:1): x",
            "type=A msg=audit(-1.000:1): x",
            "type=A hello",
            "type=A;B msg=audit(1.000:1): x",
            "node=web01",
            "node=web01 hello",
            "msg=audit(1.000:1): x",
        ] {
            assert!(matches!(parse(line), Parsed::Broken(_)), "{line}");
        }
        for line in ["", "hello", "the audit(1.000:1): is over", "mytype=A audit(1.0:1): x", "type", "é=ü"] {
            assert_eq!(parse(line), Parsed::Unknown, "{line}");
        }
    }
}
