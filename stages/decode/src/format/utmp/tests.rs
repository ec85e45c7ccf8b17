//! Login records: invented ones in every layout, real ones, broken ones.

use shieldwall_schema::Reject;

use super::*;
use crate::format::journal::testing::{Collected, data, decode};

struct Login<'a> {
    kind: u16,
    user: &'a str,
    line: &'a str,
    host: &'a str,
    address: [u8; 4],
}

const LOGIN: Login<'static> =
    Login { kind: 7, user: "carol", line: "pts/0", host: "203.0.113.7", address: [203, 0, 113, 7] };

fn glibc(login: &Login<'_>, wide: bool, big_endian: bool) -> Vec<u8> {
    let mut bytes = vec![0; if wide { 400 } else { 384 }];
    let mut put = |at: usize, value: u64, width: usize| {
        let field =
            if big_endian { value.to_be_bytes()[8 - width..].to_vec() } else { value.to_le_bytes()[..width].to_vec() };
        bytes[at..at + width].copy_from_slice(&field);
    };
    put(0, u64::from(login.kind), 2);
    put(4, 4242, 4);
    put(336, 7, 4);
    if wide {
        put(344, 1_767_258_000, 8);
        put(352, 250_000, 8);
    } else {
        put(340, 1_767_258_000, 4);
        put(344, 250_000, 4);
    }
    for (at, text) in [(8, login.line), (44, login.user), (76, login.host)] {
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    let at = if wide { 360 } else { 348 };
    bytes[at..at + 4].copy_from_slice(&login.address);
    bytes
}

fn types(collected: &Collected) -> Vec<&str> {
    collected.events.iter().map(|event| &*event.code).collect()
}

#[test]
fn every_layout_gives_the_same_event() {
    for (wide, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
        let bytes = [glibc(&LOGIN, wide, big_endian), glibc(&Login { kind: 8, ..LOGIN }, wide, big_endian)].concat();
        assert_eq!(Utmp.sniff(&bytes), Confidence::SURE, "wide {wide}, big-endian {big_endian}");
        let got = decode(&Utmp, &bytes);
        assert_eq!(types(&got), ["login", "logout"]);
        let event = &got.events[0];
        assert_eq!(event.time.unwrap().to_string(), "2026-01-01T09:00:00.250Z");
        for (name, value) in [
            ("event_type", "login"),
            ("type", "USER_PROCESS"),
            ("user", "carol"),
            ("tty", "pts/0"),
            ("pid", "4242"),
            ("src_host", "203.0.113.7"),
            ("src_ip", "203.0.113.7"),
            ("session", "7"),
        ] {
            assert_eq!(event.get(name), value, "{name}, wide {wide}, big-endian {big_endian}");
        }
    }
}

#[test]
fn a_record_says_what_happened() {
    for (kind, user, expected) in [
        (1, "shutdown", "shutdown"),
        (1, "runlevel", "runlevel"),
        (2, "reboot", "boot"),
        (6, "LOGIN", "login_prompt"),
        (6, "root", "failed_login"),
        (7, "root", "login"),
        (8, "", "logout"),
        (3, "date", "time_change"),
    ] {
        let bytes = glibc(&Login { kind, user, ..LOGIN }, false, false);
        assert_eq!(types(&decode(&Utmp, &bytes)), [expected], "type {kind}, user {user}");
    }
    let boot =
        decode(&Utmp, &glibc(&Login { kind: 2, user: "reboot", line: "~", host: "6.1.0-9", ..LOGIN }, false, false));
    assert_eq!((boot.events[0].get("kernel"), boot.events[0].get("src_host")), ("6.1.0-9".to_owned(), String::new()));
}

#[test]
fn broken_and_cut_records_cost_only_themselves() {
    let mut bytes = [glibc(&LOGIN, false, false), glibc(&Login { kind: 99, ..LOGIN }, false, false)].concat();
    bytes.extend([0; 384]);
    bytes.extend(glibc(&LOGIN, false, false));
    bytes.extend([7; 50]);
    let got = decode(&Utmp, &bytes);
    assert_eq!(types(&got), ["login", "login"]);
    assert_eq!(got.rejected(), [(Reject::Corrupt, 384), (Reject::Truncated, 4 * 384)]);
    // Longer than one block.
    let many = glibc(&LOGIN, true, false).repeat(400);
    assert_eq!(decode(&Utmp, &many).events.len(), 400);
    assert_eq!(decode(&Utmp, &many[..many.len() - 1]).rejected(), [(Reject::Truncated, 399 * 400)]);
}

#[test]
fn other_bytes_are_not_login_records() {
    let random: Vec<u8> = (0..4000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let text = b"Jan  1 09:00:00 web01 sshd[1]: Accepted password for carol\n".repeat(50);
    for bytes in [&[0; 4096][..], &[0xFF; 4096], &random, &text, b"", &[7, 0, 0, 0], &[1; 4096], b"\x7fELF\x02\x01\x01"]
    {
        assert_eq!(Utmp.sniff(bytes), Confidence::NO, "{:?}", bytes.get(..8));
        assert_eq!(Lastlog.sniff(bytes), Confidence::NO, "{:?}", bytes.get(..8));
    }
    // Login records are no lastlog and the other way round.
    assert_eq!(Lastlog.sniff(&glibc(&LOGIN, false, false)), Confidence::NO);
    assert_eq!(Utmp.sniff(&last(&[(0, 4)])), Confidence::NO);
}

fn last(users: &[(usize, usize)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (uid, width) in users {
        let size = width + 288;
        bytes.resize(uid * size, 0);
        bytes.extend(&1_767_258_000u64.to_le_bytes()[..*width]);
        for (text, length) in [("pts/1", 32), ("198.51.100.9", 256)] {
            bytes.extend(text.as_bytes());
            bytes.resize(bytes.len() + length - text.len(), 0);
        }
    }
    bytes
}

#[test]
fn lastlog_gives_users_by_number_and_skips_holes() {
    for width in [4, 8] {
        let bytes = last(&[(0, width), (3, width), (60_000, width)]);
        assert_eq!(Lastlog.sniff(&bytes[..crate::format::HEAD_BYTES]), Confidence::LIKELY);
        let got = decode(&Lastlog, &bytes);
        let seen: Vec<_> = got.events.iter().map(|event| (event.get("uid"), event.get("src_ip"))).collect();
        let expected = ["0", "3", "60000"].map(|uid| (uid.to_owned(), "198.51.100.9".to_owned()));
        assert_eq!(seen, expected, "width {width}");
        assert_eq!(got.events[1].time.unwrap().to_string(), "2026-01-01T09:00:00Z");
        let mut broken = bytes.clone();
        broken[3 * (width + 288) + width + 1] = 7;
        let rejected = decode(&Lastlog, &broken[..broken.len() - 1]).rejected();
        let size = (width + 288) as u64;
        assert_eq!(rejected, [(Reject::Corrupt, 3 * size), (Reject::Truncated, 60_000 * size)]);
    }
}

#[test]
fn any_cut_or_flipped_byte_is_survived() {
    let bytes = [glibc(&LOGIN, false, false), glibc(&Login { kind: 6, ..LOGIN }, false, false)].concat();
    for at in 0..bytes.len() {
        for decoder in [&Utmp as &dyn Decoder, &Lastlog] {
            decode(decoder, &bytes[..at]);
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                decode(decoder, &flipped);
                decoder.sniff(&flipped);
            }
        }
    }
}

#[test]
fn real_files_are_known_and_read() {
    for (path, expected, rejected) in [
        ("utmp", vec!["boot", "runlevel", "login_prompt", "login"], 0),
        ("utmp_x86_64", vec!["empty", "logout", "boot", "shutdown", "time_change"], 0),
        ("utmp_aarch64", vec!["empty", "logout", "boot", "shutdown", "time_change"], 0),
        ("utmp_s390", vec!["empty", "logout", "boot", "shutdown", "time_change"], 0),
        ("utmp_corrupted", vec!["login"], 3),
        ("wtmp.1", vec!["login", "logout"], 1),
    ] {
        let Some(bytes) = data(&format!("plaso-logs/utmp/{path}")) else { return };
        assert!(Utmp.sniff(&bytes) >= Confidence::LIKELY, "{path}");
        let got = decode(&Utmp, &bytes);
        let mut seen = types(&got);
        seen.dedup();
        assert_eq!((seen, got.rejections.len()), (expected, rejected), "{path}");
    }
    let Some(bytes) = data("plaso-logs/utmpx_mac") else { return };
    assert_eq!(Utmp.sniff(&bytes), Confidence::MAGIC);
    let got = decode(&Utmp, &bytes);
    assert_eq!(types(&got), ["boot", "login", "login", "empty", "logout", "logout"]);
    assert_eq!((got.events[1].get("user"), got.events[1].get("tty")), ("moxilo".to_owned(), "console".to_owned()));
}

#[test]
fn no_other_sample_is_taken_for_login_records() {
    let folder = std::env::var_os("SHIELDWALL_DATA").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        std::path::PathBuf::from,
    );
    let mut looked = 0;
    for part in ["plaso-logs", "malformed", "model-artifacts", "picklescan-testdata", "zeek-traces", "adbench"] {
        let Ok(files) = std::fs::read_dir(folder.join(part)) else { continue };
        for file in files.flatten().filter(|file| !file.file_name().to_string_lossy().starts_with("utmp")) {
            let Ok(mut bytes) = std::fs::read(file.path()) else { continue };
            bytes.truncate(crate::format::HEAD_BYTES);
            looked += 1;
            assert_eq!(Utmp.sniff(&bytes), Confidence::NO, "{:?}", file.path());
            assert_eq!(Lastlog.sniff(&bytes), Confidence::NO, "{:?}", file.path());
        }
    }
    if looked == 0 {
        eprintln!("SKIPPED: no samples under SHIELDWALL_DATA");
    }
}
