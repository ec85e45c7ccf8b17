//! One journal entry, from the binary journal or its export form, as an event.
//!
//! An entry keeps journald's own field names (`MESSAGE`, `_PID`, `_COMM` …) and gets beside them the names that the
//! text syslog decoder gives (`message`, `program`, `pid` …), so that one rule reads both forms of the same log.

use std::sync::Arc;

use shieldwall_schema::{Event, Fields, Flag, Place, Sink, Slots, Tag, Timestamp, Value, fill};

use super::wants::Wants;
use crate::format::syslog::programs::{code_of, is_part_of_sshd};

/// How far `_SOURCE_REALTIME_TIMESTAMP` may lie from the time at which journald wrote the entry and still be believed.
/// Messages wait in sockets and in the kernel's buffer for seconds or minutes, not for days.
const SOURCE_TIME_AWAY_MICROS_MAX: u64 = 86_400_000_000;

/// Longest program name that is used as a tag. Unix names have 15 characters (`_COMM`), identifiers rarely 40.
const PROGRAM_BYTES_MAX: usize = 128;

/// A journal field and the names that the syslog decoder gives to the same value. The first that is present counts.
pub(crate) const PARSED_NAMES: &[(&str, &[&str])] = &[
    ("message", &["MESSAGE"]),
    ("program", &["SYSLOG_IDENTIFIER", "_COMM"]),
    ("pid", &["SYSLOG_PID", "_PID"]),
    ("hostname", &["_HOSTNAME"]),
];

/// Names and values of one entry.
pub(crate) trait Pairs {
    /// Calls `each` with every field in the entry's order.
    fn each(&self, each: &mut dyn FnMut(&str, &str));
    /// The first value of a field.
    fn first(&self, name: &str) -> Option<&str>;
}

/// What is known of an entry beside its fields.
#[derive(Clone, Copy)]
pub(crate) struct Meta<'a> {
    /// Where the entry stands.
    pub(crate) place: Place,
    /// When journald wrote it, in microseconds since the epoch.
    pub(crate) realtime_micros: Option<u64>,
    /// The entry's own bytes.
    pub(crate) bytes: &'a [u8],
}

/// Turns entries into events; keeps the memory between them.
pub(crate) struct Emitter<'a> {
    wants: Wants<'a>,
    slots: Slots,
    service: String,
}

impl<'a> Emitter<'a> {
    /// An emitter that asks `wants`.
    pub(crate) fn new(wants: Wants<'a>) -> Self {
        Self { wants, slots: Slots::default(), service: String::new() }
    }

    /// Gives one entry to the sink.
    pub(crate) fn entry(&mut self, pairs: &dyn Pairs, meta: Meta<'_>, sink: &mut dyn Sink) {
        let program = pairs.first("SYSLOG_IDENTIFIER").or_else(|| pairs.first("_COMM")).unwrap_or_default();
        service_of(program, &mut self.service);
        let facility = pairs.first("SYSLOG_FACILITY").and_then(facility_name);
        let tag = Tag {
            product: "linux",
            service: &self.service,
            provider: pairs.first("_SYSTEMD_UNIT").or(facility).unwrap_or_default(),
            code: code_of(&self.service, pairs.first("MESSAGE").unwrap_or_default()),
        };
        let time = time_of(pairs, meta.realtime_micros);
        if time.is_none() {
            sink.flag(Flag::TimeInvalid, meta.place);
        }
        let Some(want) = self.wants.of(&tag) else {
            sink.unwanted(1, time);
            return;
        };
        let fields = EntryFields { pairs, facility };
        fill(&want, &fields, &mut self.slots);
        sink.event(&Event {
            time,
            time_text: None,
            place: meta.place,
            bytes: meta.bytes,
            tag,
            want: &want,
            slots: &self.slots,
            fields: &fields,
        });
    }
}

struct EntryFields<'a> {
    pairs: &'a dyn Pairs,
    facility: Option<&'static str>,
}

impl Fields for EntryFields<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        self.pairs.each(&mut |name, value| each(name, value_of(value)));
        for (name, sources) in PARSED_NAMES {
            if let Some(value) = sources.iter().find_map(|source| self.pairs.first(source)) {
                each(name, value_of(value));
            }
        }
        if let Some(facility) = self.facility {
            each("facility", Value::text(facility));
        }
        if let Some(severity) = self.pairs.first("PRIORITY").and_then(severity_name) {
            each("severity", Value::text(severity));
        }
        let program = self.pairs.first("SYSLOG_IDENTIFIER").or_else(|| self.pairs.first("_COMM"));
        if let (Some(program), Some(message)) = (program, self.pairs.first("MESSAGE")) {
            crate::format::syslog::programs::read_named(program, message, each);
        }
    }

    fn line(&self) -> Option<&str> {
        self.pairs.first("MESSAGE")
    }
}

/// A value of digits only is a number.
fn value_of(value: &str) -> Value<'_> {
    let digits = !value.is_empty() && value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Value::number(value) } else { Value::text(value) }
}

/// The program as a service: without its folder, in lower case, `sshd-session` (OpenSSH 9.8) as `sshd`.
fn service_of(program: &str, service: &mut String) {
    service.clear();
    let name = program.rsplit('/').next().unwrap_or(program);
    for letter in name.chars() {
        if service.len() >= PROGRAM_BYTES_MAX {
            break;
        }
        service.push(letter.to_ascii_lowercase());
    }
    if is_part_of_sshd(service) {
        service.truncate(4);
    }
}

/// The time that the sender's socket reported, if it can be true, else the time of writing.
fn time_of(pairs: &dyn Pairs, realtime_micros: Option<u64>) -> Option<Timestamp> {
    let source: Option<u64> = pairs.first("_SOURCE_REALTIME_TIMESTAMP").and_then(|text| text.parse().ok());
    let micros = match (source.filter(|micros| *micros > 0), realtime_micros) {
        (Some(source), Some(written)) if source.abs_diff(written) <= SOURCE_TIME_AWAY_MICROS_MAX => source,
        (Some(source), None) => source,
        (_, written) => written?,
    };
    timestamp(micros)
}

/// Microseconds since the epoch; `None` for zero and outside the range.
pub(crate) fn timestamp(micros: u64) -> Option<Timestamp> {
    let nanos = i64::try_from(micros).ok().filter(|micros| *micros > 0)?.checked_mul(1000)?;
    Some(Timestamp::from_nanos(nanos))
}

/// The name of a syslog facility number (RFC 5424, table 1, with the names of `syslog.conf`).
fn facility_name(number: &str) -> Option<&'static str> {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];
    NAMES.get(number.parse::<usize>().ok()?).copied()
}

/// The name of a syslog severity number (RFC 5424, table 2, with the names of `syslog.conf`).
fn severity_name(number: &str) -> Option<&'static str> {
    const NAMES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    NAMES.get(number.parse::<usize>().ok()?).copied()
}

/// The fields of a binary journal's entry: shared data objects.
pub(crate) struct DataPairs<'a>(pub(crate) &'a [Arc<super::objects::Datum>]);

impl Pairs for DataPairs<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, &str)) {
        for datum in self.0 {
            each(datum.name(), datum.value());
        }
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|datum| datum.name() == name).map(|datum| datum.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Listed(&'static [(&'static str, &'static str)]);

    impl Pairs for Listed {
        fn each(&self, each: &mut dyn FnMut(&str, &str)) {
            self.0.iter().for_each(|(name, value)| each(name, value));
        }

        fn first(&self, name: &str) -> Option<&str> {
            self.0.iter().find(|pair| pair.0 == name).map(|pair| pair.1)
        }
    }

    #[test]
    fn programs_become_services() {
        let mut service = String::new();
        for (program, expected) in [
            ("sshd", "sshd"),
            ("sshd-session", "sshd"),
            ("CRON", "cron"),
            ("/usr/sbin/Cron", "cron"),
            ("", ""),
            ("(systemd)", "(systemd)"),
        ] {
            service_of(program, &mut service);
            assert_eq!(service, expected, "{program}");
        }
        service_of(&"é".repeat(1000), &mut service);
        assert!(service.len() <= PROGRAM_BYTES_MAX + 4);
    }

    #[test]
    fn the_senders_time_counts_only_if_it_is_near() {
        let near = Listed(&[("_SOURCE_REALTIME_TIMESTAMP", "1700000000000001")]);
        let far = Listed(&[("_SOURCE_REALTIME_TIMESTAMP", "1")]);
        let broken = Listed(&[("_SOURCE_REALTIME_TIMESTAMP", "soon")]);
        let written = Some(1_700_000_000_500_000);
        for (pairs, written, expected) in [
            (&near, written, Some("2023-11-14T22:13:20.000001Z")),
            (&far, written, Some("2023-11-14T22:13:20.500Z")),
            (&broken, written, Some("2023-11-14T22:13:20.500Z")),
            (&near, None, Some("2023-11-14T22:13:20.000001Z")),
            (&broken, Some(0), None),
            (&broken, Some(u64::MAX), None),
        ] {
            assert_eq!(time_of(pairs, written).map(|time| time.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn an_entry_carries_both_journald_and_syslog_names() {
        let pairs = Listed(&[("MESSAGE", "hi"), ("_COMM", "sshd"), ("_PID", "7"), ("PRIORITY", "4")]);
        let fields = EntryFields { pairs: &pairs, facility: facility_name("10") };
        let mut got = Vec::new();
        fields.each(&mut |name, value| got.push(format!("{name}={}", value.text)));
        assert_eq!(
            got,
            [
                "MESSAGE=hi",
                "_COMM=sshd",
                "_PID=7",
                "PRIORITY=4",
                "message=hi",
                "program=sshd",
                "pid=7",
                "facility=authpriv",
                "severity=warning"
            ]
        );
        assert_eq!(fields.line(), Some("hi"));
    }
}
