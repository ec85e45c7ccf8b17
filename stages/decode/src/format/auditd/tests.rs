//! Audit logs: joined, mixed, broken; invented and real.

use std::io::Read;

use shieldwall_schema::{Flag, Reject};

use super::*;
use crate::format::journal::testing::{Collected, Names, data, decode, decode_in};

const EXECVE: &str = r#"type=SYSCALL msg=audit(1767258000.500:10): arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55d1 items=1 ppid=7 pid=8 auid=1000 uid=0 comm="curl" exe="/usr/bin/curl" key="exec"
type=EXECVE msg=audit(1767258000.500:10): argc=3 a0="curl" a1=2D6F202F746D702F78 a2="http://203.0.113.7/x"
type=CWD msg=audit(1767258000.500:10): cwd="/root"
type=PATH msg=audit(1767258000.500:10): item=0 name="/usr/bin/curl" mode=0100755 nametype=NORMAL
type=PROCTITLE msg=audit(1767258000.500:10): proctitle=6375726C002D6F202F746D702F7800
"#;

fn codes(collected: &Collected) -> Vec<&str> {
    collected.events.iter().map(|event| &*event.code).collect()
}

fn flags(collected: &Collected) -> Vec<Flag> {
    collected.flags.iter().map(|flag| flag.0).collect()
}

#[test]
fn an_execve_is_one_event_with_a_command_line() {
    assert_eq!(Auditd.sniff(EXECVE.as_bytes()), Confidence::SURE);
    let got = decode(&Auditd, EXECVE.as_bytes());
    assert_eq!((codes(&got), &got.rejections[..], &got.flags[..]), (vec!["EXECVE"], &[][..], &[][..]));
    let event = &got.events[0];
    assert_eq!(event.time.unwrap().to_string(), "2026-01-01T09:00:00.500Z");
    assert_eq!((event.place.offset, event.place.record, &*event.service), (0, Some(10), "auditd"));
    for (name, value) in [
        ("type", "EXECVE|SYSCALL|CWD|PATH|PROCTITLE"),
        ("argv", "curl -o /tmp/x http://203.0.113.7/x"),
        ("a0", "curl|55d0"),
        ("a1", "-o /tmp/x|55d1"),
        ("a2", "http://203.0.113.7/x"),
        ("syscall", "59|execve"),
        ("exe", "/usr/bin/curl"),
        ("cwd", "/root"),
        ("name", "/usr/bin/curl"),
        ("proctitle", "curl -o /tmp/x"),
        ("key", "exec"),
        ("ppid", "7"),
    ] {
        assert_eq!(event.get(name), value, "{name}");
    }
    assert_eq!(event.line.as_deref(), Some(EXECVE.trim_end()));
}

#[test]
fn slots_hold_what_was_wanted_and_keywords_see_decoded_text() {
    let projection = Names::new(&["exe", "a1", "nothing"]);
    let got = decode_in(&Auditd, EXECVE.as_bytes(), 1, &projection);
    let slots: Vec<_> = got.events[0].slots.iter().map(|(slot, text)| (*slot, &**text)).collect();
    let argv = "curl -o /tmp/x http://203.0.113.7/x";
    assert_eq!(
        slots,
        [
            (3, EXECVE.trim_end()),
            (1, "-o /tmp/x"),
            (3, "-o /tmp/x"),
            (3, argv),
            (1, "55d1"),
            (0, "/usr/bin/curl"),
            (3, "curl -o /tmp/x")
        ]
    );
}

#[test]
fn long_arguments_come_together_again() {
    let text = r#"type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 items=0
type=EXECVE msg=audit(1.000:1): argc=3 a0="sh" a1_len=9 a1[0]=612062
type=EXECVE msg=audit(1.000:1): a1[1]="cdef" a2="end"
"#;
    let got = decode(&Auditd, text.as_bytes());
    let event = &got.events[0];
    assert_eq!((event.get("a1"), event.get("argv")), ("a bcdef".to_owned(), "sh a bcdef end".to_owned()));
    assert_eq!(flags(&got), []);
    let missing = decode(&Auditd, text.replace("argc=3", "argc=4").as_bytes());
    assert_eq!(flags(&missing), [Flag::Incomplete]);
}

#[test]
fn mixed_events_are_told_apart() {
    let text = "\
node=a type=SYSCALL msg=audit(5.000:1): pid=1
node=b type=SYSCALL msg=audit(5.000:1): pid=2
node=a type=AVC msg=audit(5.000:2): pid=3
node=a type=CWD msg=audit(5.000:1): cwd=\"/a\"
node=b type=CWD msg=audit(5.000:1): cwd=\"/b\"
node=a type=EOE msg=audit(5.000:1):
node=b type=PROCTITLE msg=audit(5.000:1): proctitle=\"x\"
";
    let expected = [("a", "1", "/a"), ("b", "2", "/b"), ("a", "3", "")];
    for step in [1, 100, 10_000] {
        let got = decode_in(&Auditd, text.as_bytes(), step, &Names::new(&[]));
        let seen: Vec<_> =
            got.events.iter().map(|event| (event.get("node"), event.get("pid"), event.get("cwd"))).collect();
        let expected = expected.map(|(node, pid, cwd)| (node.to_owned(), pid.to_owned(), cwd.to_owned()));
        assert_eq!(seen, expected, "step {step}");
    }
}

#[test]
fn the_window_is_bounded_in_time_and_number() {
    // Two seconds later the node's older event is done: what comes late is an event of its own.
    let late = "\
type=SYSCALL msg=audit(5.000:1): pid=1
type=SYSCALL msg=audit(7.001:2): pid=2
type=CWD msg=audit(5.000:1): cwd=\"/late\"
";
    let got = decode(&Auditd, late.as_bytes());
    assert_eq!(codes(&got), ["SYSCALL", "SYSCALL", "CWD"]);
    assert_eq!(flags(&got), [Flag::Incomplete]);
    let mut many = String::new();
    for serial in 0..=join::OPEN_EVENTS_MAX {
        many.push_str(&format!("type=SYSCALL msg=audit(5.000:{serial}): pid=1\n"));
    }
    many.push_str("type=CWD msg=audit(5.000:0): cwd=\"/\"\n");
    let got = decode(&Auditd, many.as_bytes());
    assert_eq!((got.events.len(), &*got.events.last().unwrap().code), (join::OPEN_EVENTS_MAX + 2, "CWD"));
    // One event without end is cut into several.
    let endless = "type=PATH msg=audit(5.000:1): name=\"/x\"\n".repeat(10_000);
    let got = decode(&Auditd, endless.as_bytes());
    assert_eq!(got.events.len(), 3);
    assert_eq!(got.events.iter().map(|event| event.get("name").split('|').count()).sum::<usize>(), 10_000);
}

#[test]
fn the_code_says_what_happened() {
    let connect = "type=SYSCALL msg=audit(5.000:1): arch=c000003e syscall=42 success=yes items=0 exe=\"/bin/nc\"
type=SOCKADDR msg=audit(5.000:1): saddr=020001BBCB007107\x1dSADDR={ saddr_fam=inet laddr=203.0.113.7 lport=443 }\n";
    let got = decode(&Auditd, connect.as_bytes());
    assert_eq!(codes(&got), ["CONNECT"]);
    assert_eq!(got.events[0].get("laddr"), "203.0.113.7|203.0.113.7");
    let local = connect.replace("020001BBCB007107", "01002F72756E2F7800").replace("inet", "local");
    assert_eq!(codes(&decode(&Auditd, local.as_bytes())), ["SYSCALL"]);
    let create = r#"type=SYSCALL msg=audit(5.000:1): arch=c000003e syscall=257 success=yes items=2
type=CWD msg=audit(5.000:1): cwd="/etc"
type=PATH msg=audit(5.000:1): item=0 name="/etc" mode=040755 nametype=PARENT
type=PATH msg=audit(5.000:1): item=1 name="cron.d/x" mode=0100644 nametype=CREATE
"#;
    let got = decode(&Auditd, create.as_bytes());
    assert_eq!((codes(&got), got.events[0].get("created_path")), (vec!["CREATE"], "/etc/cron.d/x".to_owned()));
    for other in
        [create.replace("=yes", "=no"), create.replace("0100644", "040755"), create.replace("CREATE", "NORMAL")]
    {
        assert_eq!(codes(&decode(&Auditd, other.as_bytes())), ["SYSCALL"], "{other}");
    }
    let login = "type=USER_LOGIN msg=audit(5.000:1): pid=1 msg='op=login acct=6162 res=failed'\n";
    let got = decode(&Auditd, login.as_bytes());
    assert_eq!((codes(&got), got.events[0].get("acct")), (vec!["USER_LOGIN"], "ab".to_owned()));
    let avc = "type=AVC msg=audit(5.000:1): avc:  denied  { read open } for  pid=1
type=SYSCALL msg=audit(5.000:1): syscall=2 items=0\n";
    let got = decode(&Auditd, avc.as_bytes());
    assert_eq!((codes(&got), got.events[0].get("seperms")), (vec!["AVC"], "read|open".to_owned()));
    assert_eq!(got.events[0].get("seresult"), "denied");
}

#[test]
fn what_is_no_record_is_kept_and_what_is_broken_is_rejected() {
    let text = "type=USER_END msg=audit(5.000:1): pid=1\nhello there\ntype= msg=audit(\n\ntype=A msg=audit(6.000:2): x=1\ntype=B ms";
    let got = decode(&Auditd, text.as_bytes());
    assert_eq!(codes(&got), ["USER_END", "", "A"]);
    assert_eq!(got.events[1].line.as_deref(), Some("hello there"));
    assert_eq!(got.rejected(), [(Reject::Corrupt, 52), (Reject::Truncated, 101)]);
    assert_eq!(flags(&got), [Flag::UnknownLine]);
    let invalid = decode(&Auditd, b"type=A msg=audit(6.000:2): x=\"\xff\"\n");
    assert_eq!((invalid.events[0].get("x"), flags(&invalid)), ("\u{FFFD}".to_owned(), vec![Flag::Utf8Invalid]));
    let several = decode(&Auditd, b"type=SYSCALL msg=audit(6.000:2): key=6578656301726F6F74\n");
    assert_eq!(several.events[0].get("key"), "exec|root");
}

#[test]
fn other_logs_are_not_taken_for_audit_logs() {
    for text in
        ["", "\n\n", "hello\n", "type=x\ntype=y\n", "Jan  1 09:00:00 web01 sshd[1]: x\n", "{\"type\":\"SYSCALL\"}\n"]
    {
        assert_eq!(Auditd.sniff(text.as_bytes()), Confidence::NO, "{text}");
    }
    let wrapped = "Jan  1 09:00:00 web01 kernel: audit: type=1400 audit(5.000:1): apparmor=\"DENIED\"\n";
    assert_eq!(Auditd.sniff(wrapped.as_bytes()), Confidence(95));
    let mixed = format!("{wrapped}Jan  1 09:00:00 web01 sshd[1]: x\n");
    assert_eq!(Auditd.sniff(mixed.as_bytes()), Confidence::NO);
    assert_eq!(codes(&decode(&Auditd, wrapped.as_bytes())), ["AVC"]);
}

#[test]
fn handmade_bad_records_are_flagged_or_rejected() {
    let text = "type=EXECVE msg=audit(1364481363.243:24287): argc=99999999 a0=\"x\" a1=ZZZZ\ntype=PROCTITLE msg=audit(0.0:0): proctitle=6\ntype= msg=audit(\n";
    let bytes = data("malformed/handmade/38_auditd_bad.log").unwrap_or_else(|| text.as_bytes().to_vec());
    assert_eq!(Auditd.sniff(&bytes), Confidence::SURE);
    let got = decode(&Auditd, &bytes);
    assert_eq!(codes(&got), ["EXECVE", "PROCTITLE"]);
    assert_eq!((got.events[0].get("a1"), got.events[1].get("proctitle")), ("ZZZZ".to_owned(), "6".to_owned()));
    let reasons: Vec<_> = got.rejections.iter().map(|rejection| rejection.reason).collect();
    assert_eq!(reasons, [Reject::Corrupt]);
    let bad = [Flag::BadHex, Flag::Incomplete];
    assert_eq!(flags(&got), [bad[0], bad[1], Flag::TimeInvalid, bad[0], bad[1]]);
}

#[test]
fn real_logs_are_joined() {
    let Some(enriched) = data("plaso-logs/audit_enriched.log") else { return };
    assert_eq!(Auditd.sniff(&enriched), Confidence::SURE);
    let got = decode(&Auditd, &enriched);
    let records = enriched.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert_eq!(got.events.iter().map(|event| event.get("type").split('|').count()).sum::<usize>(), records);
    assert_eq!((got.rejections.len(), got.unwanted), (0, 0));
    let login = got.events.iter().find(|event| event.place.record == Some(447)).unwrap();
    assert_eq!((&*login.code, login.get("type")), ("LOGIN", "LOGIN|SYSCALL|PROCTITLE".to_owned()));
    assert_eq!(login.get("proctitle"), "sshd-session: root [priv]");
    assert_eq!((login.get("SYSCALL"), login.get("syscall")), ("write".to_owned(), "1|write".to_owned()));
    let Some(selinux) = data("plaso-logs/selinux.log") else { return };
    assert_eq!(Auditd.sniff(&selinux), Confidence::SURE);
    let got = decode(&Auditd, &selinux);
    assert_eq!(codes(&got), ["LOGIN", "SHORTDATE", "NOMSG", "UNDER_SCORE", "MMAP", "AVC"]);
    assert_eq!(got.rejections.len(), 4);
    assert_eq!(got.events[0].get("old-auid"), "4294967295");
    assert_eq!(got.events[5].get("type"), "AVC|SYSCALL");
}

#[test]
fn simulated_attacks_show_their_command_lines() {
    for (path, expected) in [
        ("defense_evasion/host/sh_binary_padding_dd.zip", vec!["dd if=/dev/zero bs=1 count=1"]),
        ("discovery/host/sh_arp_cache.zip", vec!["arp -a", "grep -v ^?"]),
    ] {
        let Some(zip) = data(&format!("otrf-security-datasets/atomic/linux/{path}")) else { return };
        let got = decode(&Auditd, &inflate_first(&zip));
        let seen: Vec<_> = got.events.iter().map(|event| event.get("argv")).collect();
        assert_eq!(seen, expected);
        assert_eq!((got.rejections.len(), got.flags.len()), (0, 0), "{path}");
    }
}

/// The first member of a zip, enough for these files: sizes stand in the local header.
fn inflate_first(zip: &[u8]) -> Vec<u8> {
    let le = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap()) as usize;
    let short = |at: usize| usize::from(u16::from_le_bytes(zip[at..at + 2].try_into().unwrap()));
    let start = 30 + short(26) + short(28);
    let mut out = Vec::new();
    flate2::read::DeflateDecoder::new(&zip[start..start + le(18)]).read_to_end(&mut out).unwrap();
    out
}

#[test]
fn any_cut_or_flipped_byte_is_survived() {
    let text = format!("{EXECVE}type=USER_LOGIN msg=audit(9.000:1): msg='op=x acct=\"a\" res=y'\x1dUID=\"r\"\n");
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        decode(&Auditd, &bytes[..at]);
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            let got = decode_in(&Auditd, &flipped, 300, &Names::new(&["argv", "a1", "created_path"]));
            let read: usize = got.events.iter().map(|event| event.get("type").split('|').count()).sum();
            // A flip may break two records, by adding or taking a line feed.
            assert!(read + got.rejections.len() >= 4, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn hostile_lines_cost_linear_time() {
    for piece in ["a={", "a='", "a=\"", "{ ", "a[0]=", "msg='", "=", "(", "node=x type=A msg=audit(1.0:1): "] {
        let line = format!("type=EXECVE msg=audit(1.000:1): {}\n", piece.repeat(200_000 / piece.len()));
        assert!(decode(&Auditd, line.as_bytes()).events.len() == 1, "{piece}");
    }
}

#[test]
fn the_mapping_knows_these_events() {
    use shieldwall_schema::mapping::Logsource;
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/host.toml")).unwrap();
    let mappings = shieldwall_schema::Mappings::parse([("host.toml", &*text)]).unwrap();
    let names = |service: &str, code: &str| {
        let tag = Tag { product: "linux", service, provider: "", code };
        let buckets = mappings.classify(&tag).into_iter().filter_map(|id| mappings.get(id));
        buckets.map(|bucket| bucket.name.clone()).collect::<Vec<_>>()
    };
    for (service, code, expected) in [
        ("auditd", "EXECVE", vec!["linux/auditd/execve", "linux/auditd", "linux/process_creation/auditd"]),
        ("auditd", "CONNECT", vec!["linux/auditd/connect", "linux/auditd", "linux/network_connection/auditd"]),
        ("auditd", "CREATE", vec!["linux/auditd/create", "linux/auditd", "linux/file_event/auditd"]),
        ("auditd", "USER_LOGIN", vec!["linux/auditd/logon", "linux/auditd"]),
        ("auditd", "AVC", vec!["linux/auditd"]),
        ("auditd", "", vec!["linux/auditd"]),
        ("utmp", "failed_login", vec!["linux/utmp/logon", "linux/utmp"]),
        ("utmp", "boot", vec!["linux/utmp"]),
        ("lastlog", "login", vec!["linux/utmp/logon", "linux/utmp"]),
        ("sshd", "", vec![]),
    ] {
        assert_eq!(names(service, code), expected, "{service} {code}");
    }
    // What the mapping calls a field is what the decoder gives.
    let got = decode(&Auditd, EXECVE.as_bytes());
    let sigma = Logsource { category: "process_creation".to_owned(), ..Logsource::default() };
    let bucket = mappings.buckets().iter().find(|bucket| bucket.logsource.admits(&sigma)).unwrap();
    for (field, value) in
        [("Image", "/usr/bin/curl"), ("ParentProcessId", "7"), ("CurrentDirectory", "/root"), ("User", "0")]
    {
        let values: String = bucket.native(field).iter().map(|name| got.events[0].get(name)).collect();
        assert_eq!(values, value, "{field}");
    }
    assert_eq!(bucket.native("CommandLine"), ["argv", "proctitle"]);
    assert_eq!(bucket.provenance_of("argv"), shieldwall_schema::Provenance::AttackerWritable);
}

#[test]
fn ocsf_paths_of_the_mapping_stand_in_the_schema() {
    let Some(dictionary) = data("ocsf-schema/dictionary.json") else { return };
    let dictionary: serde_json::Value = serde_json::from_slice(&dictionary).unwrap();
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/host.toml")).unwrap();
    let mappings = shieldwall_schema::Mappings::parse([("host.toml", &*text)]).unwrap();
    for bucket in mappings.buckets() {
        for part in bucket.ocsf.keys().flat_map(|path| path.split('.')) {
            assert!(dictionary["attributes"].get(part).is_some(), "{}: {part}", bucket.name);
        }
    }
}
