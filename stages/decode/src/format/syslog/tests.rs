//! Lines, real files and hostile files through the whole decoder.

use super::*;
use crate::clock::PLACEHOLDER_YEAR;
use crate::fuzzing;
use crate::testing::{decode, sample};
use shieldwall_schema::Flag;

/// `time|service|provider|host|program|pid|severity|message` of each line.
fn shown(text: &str) -> Vec<String> {
    let events = decode(&Syslog, text.as_bytes(), Some(2026)).events;
    let show = |event: &crate::testing::KeptEvent| {
        let names = ["hostname", "program", "pid", "severity", "message"];
        let fields = names.map(|name| event.field(name).unwrap_or_default()).join("|");
        format!("{}|{}|{}|{fields}", event.time, event.service, event.provider)
    };
    events.iter().map(show).collect()
}

#[test]
fn every_header_is_read() {
    for (line, expected) in [
        ("Mar 10 03:12:00 web01 sshd[123]: Failed x", "2026-03-10T03:12:00Z|sshd||web01|sshd|123||Failed x"),
        ("Mar  5 03:12:00 web01 CRON[9]: (root) CMD (x)", "2026-03-05T03:12:00Z|cron||web01|CRON|9||(root) CMD (x)"),
        ("<38>Mar 10 03:12:00 web01 su: hello", "2026-03-10T03:12:00Z|su|auth|web01|su||info|hello"),
        (
            "2026-03-10T03:12:00.123456+01:00 web01 sshd-session[7]: x",
            "2026-03-10T02:12:00.123456Z|sshd||web01|sshd-session|7||x",
        ),
        (
            "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [e@1 a=\"b\"] \u{feff}An event",
            "2003-10-11T22:14:15.003Z|evntslog|local4|mymachine.example.com|evntslog||notice|An event",
        ),
        ("<34>1 - - - - - -", "||auth||||crit|"),
        ("Nov 18 08:30:20 kernel: [997.39] sda2", "2026-11-18T08:30:20Z|kernel|||kernel|||[997.39] sda2"),
        ("Nov 18 01:15:43: --- last message ---", "2026-11-18T01:15:43Z|||||||--- last message ---"),
        ("Dec 31 17:54:32 h /sbin/anacron[1234]: x", "2026-12-31T17:54:32Z|anacron||h|/sbin/anacron|1234||x"),
        ("Jun 14 15:16:01 combo sshd(pam_unix)[19939]: x", "2026-06-14T15:16:01Z|sshd||combo|sshd|19939||x"),
        ("Mar 11 19:26:45 osx fw[1985] <Info>: launchd", "2026-03-11T19:26:45Z|fw||osx|fw|1985|Info|launchd"),
        ("Mar  6 04:07:28 hostname log_tag this is", "2026-03-06T04:07:28Z|log_tag||hostname|log_tag|||this is"),
        (
            "2016-10-25T12:37:23.297265-07:00 INFO periodic[13707]: x",
            "2016-10-25T19:37:23.297265Z|periodic|||periodic|13707|INFO|x",
        ),
        ("Mar 10 03:12:00 h (systemd)[12]: pam", "2026-03-10T03:12:00Z|systemd||h|systemd|12||pam"),
        ("<13>prog[1]: no time", "|prog|user||prog|1|notice|no time"),
        ("Feb 30 03:12:00 h a: x", "|a||h|a|||x"),
        ("\tmany syslog parsers.", "|||||||\tmany syslog parsers."),
        ("Mar 23 Wrong line", "|||||||Mar 23 Wrong line"),
        ("Mar 10 03:12:00 h postfix/smtpd[1]: x", "2026-03-10T03:12:00Z|postfix/smtpd||h|postfix/smtpd|1||x"),
    ] {
        // A dated line first, so that the source is known to lack years.
        assert_eq!(shown(&format!("Jan  2 00:00:00 h a: b\n{line}\n"))[1], expected, "{line}");
    }
}

#[test]
fn structured_data_and_program_fields_are_told_and_fill_slots() {
    let kept = decode(
        &Syslog,
        b"<38>1 2026-03-10T03:12:00Z h sshd 7 ID47 [a@1 x=\"1\" y=\"\\\"\"][b z=\"3\"] Invalid user x from 192.0.2.1\n",
        None,
    );
    assert_eq!(
        kept.events[0].show(&["msgid", "sd.a@1.x", "sd.a@1.y", "sd.b.z", "event_type", "user", "src_ip"]),
        "msgid=ID47 sd.a@1.x=1 sd.a@1.y=\" sd.b.z=3 event_type=ssh_invalid_user user=x src_ip=192.0.2.1"
    );
    assert!(kept.flags.is_empty());
    assert_eq!(kept.events[0].time_text, "", "RFC 3339 in UTC is not repeated");
}

#[test]
fn cisco_mnemonics_are_their_own_product() {
    for (line, product) in [
        ("Mar 10 2026 03:12:00: %SYS-5-CONFIG_I: Configured from console", "cisco"),
        ("<189>Mar 10 03:12:00 10.0.0.1 123: *Mar 10 03:12:00.1: %SYS-5-CONFIG_I: Configured", "cisco"),
        ("Mar 10 03:12:00 h sshd[1]: %SYS-5-CONFIG_I: no", "linux"),
    ] {
        let kept = decode(&Syslog, format!("{line}\n").as_bytes(), Some(2026));
        assert_eq!(kept.events[0].product, product, "{line}");
        assert!(!kept.events[0].time.is_empty(), "{line}");
    }
}

#[test]
fn sniffing_knows_syslog_from_its_look_alikes() {
    for (text, expected) in [
        ("Mar 10 03:12:00 web01 sshd[123]: x\n", Confidence::SURE),
        ("2026-03-10T03:12:00+01:00 web01 sshd[123]: x\n", Confidence::SURE),
        ("<34>1 2003-10-11T22:14:15.003Z h a - - - x\n", Confidence::SURE),
        ("-- Logs begin at --\nMar 10 03:12:00 web01 sshd[123]: x\n", Confidence::SURE),
        ("a\nb\nc\nMar 10 03:12:00 web01 sshd[123]: x\n", Confidence::LIKELY),
        ("<999999>1 x\n", Confidence::LIKELY),
        ("2026-03-10T03:12:00Z INFO started the thing: ok\n", Confidence::NO),
        ("2026-03-10 03:12:00 status installed x\n", Confidence::NO),
        ("2021-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.1\n", Confidence::NO),
        ("{\"a\":1}\n", Confidence::NO),
        ("<?xml version=\"1.0\"?>\n<Event>\n", Confidence::NO),
        ("", Confidence::NO),
    ] {
        assert_eq!(Syslog.sniff(text.as_bytes()), expected, "{text}");
    }
    let lacks = |text: &str| Syslog.lacks(text.as_bytes());
    assert_eq!(lacks("Mar 10 03:12:00 h a: x\n"), Lacks { year: true, zone: true });
    assert_eq!(lacks("2026-03-10T03:12:00 h a: x\n"), Lacks { year: false, zone: true });
    assert_eq!(lacks("2026-03-10T03:12:00Z h a: x\n"), Lacks::default());
}

#[test]
fn a_year_that_turns_is_turned_and_the_text_is_kept() {
    let kept = decode(&Syslog, b"Dec 31 23:59:59 h a: x\nJan  1 00:00:01 h a: x\n", Some(2026));
    let times: Vec<_> = kept.events.iter().map(|event| (event.time.as_str(), event.time_text.as_str())).collect();
    assert_eq!(times, [("2025-12-31T23:59:59Z", "Dec 31 23:59:59"), ("2026-01-01T00:00:01Z", "Jan  1 00:00:01")]);
    let kept = decode(&Syslog, b"Mar 10 03:12:00 h a: x\n", None);
    assert!(kept.events[0].time.starts_with(&PLACEHOLDER_YEAR.to_string()));
}

#[test]
fn odd_lines_are_kept_and_counted() {
    for (text, flag, count) in [
        ("Mar 10 03:12:00 h a: x\n\tcontinued\nand more\n", Flag::UnknownLine, 2),
        ("<192>Mar 10 03:12:00 h a: x\n<>x\n<34\n", Flag::BadHeader, 3),
        ("<34>1 2003-10-11T22:14:15Z h a - ID [x y=1] z\n", Flag::BadHeader, 1),
        ("<34>1 yesterday h a - - - z\n", Flag::BadHeader, 1),
        ("Mar 10 03:12:00 h CEF:0|V|P|1|100|n|10|src=1.2.3.4\n", Flag::RawCefLeef, 1),
        ("Mar 10 03:12:00 h LEEF:2.0|V|P|1|id|x09|src\n", Flag::RawCefLeef, 1),
        ("Feb 30 03:12:00 h a: x\nMar 10 25:12:00 h a: x\n", Flag::TimeInvalid, 2),
        ("Mar 10 03:12:00 h a: \u{430}dmin\n", Flag::Confusable, 1),
    ] {
        let kept = decode(&Syslog, text.as_bytes(), Some(2026));
        assert_eq!(kept.events.len(), text.lines().count(), "{text}: every line is kept");
        assert_eq!((kept.count(flag), kept.flags.len()), (count, count), "{text}");
        assert!(kept.rejections.is_empty());
    }
}

#[test]
fn real_files_are_read_line_by_line() {
    // Lines, lines without a header, lines with an event type.
    for (path, lines, unknown, typed) in [
        ("loghub/Linux/Linux_2k.log", 2000, 0, 853),
        ("loghub/OpenSSH/OpenSSH_2k.log", 2000, 0, 1979),
        ("plaso-logs/syslog/syslog", 18, 2, 3),
        ("plaso-logs/syslog/syslog_chromeos", 9, 1, 0),
        ("plaso-logs/syslog/syslog_cron.log", 9, 0, 9),
        ("plaso-logs/syslog/syslog_osx", 2, 0, 0),
        ("plaso-logs/syslog/syslog_rsyslog", 5, 0, 0),
        ("plaso-logs/syslog/syslog_rsyslog_SysklogdFileFormat", 10, 1, 0),
        ("plaso-logs/syslog/syslog_rsyslog_SyslogProtocol23Format", 10, 1, 0),
        ("plaso-logs/syslog/syslog_rsyslog_traditional", 11, 3, 1),
        ("plaso-logs/syslog/syslog_ssh.log", 9, 0, 9),
    ] {
        let Some(data) = sample(path) else { return };
        assert_eq!(Syslog.sniff(&data), Confidence::SURE, "{path}");
        let kept = decode(&Syslog, &data, Some(2026));
        let with_type = kept.events.iter().filter(|event| event.field("event_type").is_some()).count();
        assert_eq!((kept.events.len(), kept.count(Flag::UnknownLine)), (lines, unknown), "{path}");
        assert!(with_type == typed, "{path}: {with_type} lines with an event type");
        assert!(kept.rejections.is_empty(), "{path}");
        fuzzing::run("syslog", &data);
    }
}

#[test]
fn the_fault_table_holds() {
    // File, events, flags.
    for (file, events, flags) in [
        ("02_invalid_utf8.log", 1, &[(0, Flag::Utf8Invalid)][..]),
        ("03_nul_bytes.log", 1, &[]),
        ("04_line_1MiB.log", 1, &[(0, Flag::Truncated)]),
        ("12_ansi_escape.log", 1, &[]),
        ("18_redos_subject.log", 1, &[]),
        (
            "36_syslog_pri_bad.log",
            4,
            &[(0, Flag::BadHeader), (22, Flag::BadHeader), (28, Flag::BadHeader), (89, Flag::BadHeader)],
        ),
        ("40_empty.log", 0, &[]),
    ] {
        let Some(data) = sample(&format!("malformed/handmade/{file}")) else { return };
        let kept = decode(&Syslog, &data, Some(2026));
        assert_eq!((kept.events.len(), kept.flags.as_slice()), (events, flags), "{file}");
        assert!(kept.rejections.is_empty());
        let confident = Syslog.sniff(&data);
        assert!(confident >= Confidence::LIKELY || events == 0, "{file}: {confident:?}");
        fuzzing::run("syslog", &data);
    }
}

#[test]
fn bytes_that_are_no_text_are_kept_beside_the_lossy_text() {
    let Some(data) = sample("malformed/handmade/02_invalid_utf8.log") else { return };
    let event = &decode(&Syslog, &data, Some(2026)).events[0];
    assert!(event.line.contains('\u{fffd}'));
    let hex: String = data.trim_ascii_end().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(event.field("message_hex"), Some(hex.as_str()));
    assert_eq!(event.field("src_ip"), Some("198.51.100.7"));
    let Some(data) = sample("malformed/handmade/03_nul_bytes.log") else { return };
    assert_eq!(decode(&Syslog, &data, Some(2026)).events[0].field("message"), Some("a\0b\0c"));
    let Some(data) = sample("malformed/handmade/12_ansi_escape.log") else { return };
    assert!(decode(&Syslog, &data, Some(2026)).events[0].line.contains("\x1b[2J"));
}

#[test]
fn hostile_bytes_do_no_harm() {
    for text in [
        &b"<"[..],
        b"<>",
        b"<1>",
        b"<191>1",
        b"<191>1 ",
        b"<34>1 2003-10-11T22:14:15.003Z h a - ID [",
        b"<34>1 2003-10-11T22:14:15.003Z h a - ID [x",
        b"<34>1 2003-10-11T22:14:15.003Z h a - ID [x y=\"\\",
        b"<34>1 2003-10-11T22:14:15.003Z h a - ID []",
        b"Mar 10 03:12:00",
        b"Mar 10 03:12:00 ",
        b"Mar 10 03:12:00 h",
        b"Mar 10 03:12:00 h (",
        b"Mar 10 03:12:00 h a[",
        b"Mar 10 03:12:00 h a[]:",
        b"Mar 10 03:12:00 h sshd: Failed password for  from ",
        b"Mar 10 03:12:00 h sudo:  :  ; COMMAND=",
        b"Mar 10 03:12:00 \xff\xfe\xfd: \xc3",
        "Mar 10 03:12:00 h \u{130}STANBUL[1]: x".as_bytes(),
        b"\xef\xbb\xbfMar 10 03:12:00 h a: x",
        b"\n\n\r\n\r",
        b"2026-03-10T03:12:00+99:99 h a: x",
    ] {
        let with_end = [text, b"\n"].concat();
        for data in [text, &with_end, &with_end.repeat(50)] {
            fuzzing::run("syslog", data);
        }
    }
    let name = "A".repeat(5000);
    let kept = decode(&Syslog, format!("Mar 10 03:12:00 h {name}[1]: x\n").as_bytes(), Some(2026));
    assert_eq!((kept.events[0].service.as_str(), kept.events[0].field("program")), ("", Some(name.as_str())));
}
