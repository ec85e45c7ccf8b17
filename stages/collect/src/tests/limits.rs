//! Each limit: reached, named, and what came before it kept.

use shieldwall_schema::Reject;

use super::{Told, make, read_bytes, read_stream};
use crate::Limits;

fn expect(told: &Told, name: &str) {
    let limits =
        told.sources.iter().filter_map(|(.., trouble)| *trouble).chain(told.unread.iter().map(|(_, why)| *why));
    assert!(limits.clone().count() > 0 && limits.clone().all(|reason| reason == Reject::Limit), "{told:?}");
    assert!(told.details.contains(&format!("(limit {name})")), "{}", told.details);
}

#[test]
fn unpacked_bytes() {
    let log = make::log(100_000);
    for (_, pack) in make::PACKERS {
        let at = |unpacked_bytes_max| Limits { unpacked_bytes_max, ..Limits::default() };
        let told = read_bytes(&pack(&log), &at(70_000));
        expect(&told, "unpacked_bytes_max");
        assert!(told.sources[0].1 == log[..70_000]);
        assert_eq!(read_bytes(&pack(&log), &at(100_000)).sources[0].2, None, "exactly at the limit");
    }
    // What is not packed has no limit.
    let limits = Limits { unpacked_bytes_max: 1, ..Limits::default() };
    assert_eq!(read_bytes(&log, &limits).sources[0].2, None);
    assert_eq!(read_bytes(&make::stored(&[("m", &log)]), &limits).sources[0].2, None);
}

#[test]
fn ratio_above_its_floor() {
    let zeros = vec![0; 400_000];
    let limits = Limits { ratio_floor_bytes: 300_000, ..Limits::default() };
    for (name, pack) in make::PACKERS {
        let packed = pack(&zeros);
        assert!(packed.len() * 200 < 300_000, "{name} packs to {}", packed.len());
        for told in [read_bytes(&packed, &limits), read_stream(&packed, &limits)] {
            expect(&told, "ratio_max");
            assert_eq!(told.sources[0].1.len(), 300_000, "{name}");
        }
        // Twice packed, the ratio is that of the outer bytes.
        expect(&read_bytes(&make::gz(&packed), &limits), "ratio_max");
        expect(&read_bytes(&make::zip(&[("m", &packed)]), &limits), "ratio_max");
        assert_eq!(read_bytes(&packed, &Limits::default()).sources[0].2, None, "{name} below the floor");
    }
    expect(&read_bytes(&make::zip(&[("m", &zeros)]), &limits), "ratio_max");
}

#[test]
fn stated_bytes_of_an_input() {
    let limits = Limits { input_bytes_max: 10, ..Limits::default() };
    let members: [(&str, &[u8]); 3] = [("a", b"12345678"), ("b", b"1234"), ("c", b"12")];
    for archive in [make::tar(&members), make::zip(&members), make::gz(&make::tar(&members))] {
        let told = read_bytes(&archive, &limits);
        expect(&told, "input_bytes_max");
        assert_eq!(told.names(), ["in!a", "in!c"]);
    }
}

#[test]
fn members() {
    let members: Vec<(String, &[u8])> = (0..5).map(|number| (format!("{number}"), &b"x\n"[..])).collect();
    let members: Vec<_> = members.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    for archive in [make::tar(&members), make::zip(&members)] {
        let told = read_bytes(&archive, &Limits { members_max: 4, ..Limits::default() });
        expect(&told, "members_max");
        assert_eq!(told.sources.len(), 4);
        let told = read_bytes(&archive, &Limits { members_max: 5, ..Limits::default() });
        assert_eq!((told.sources.len(), told.unread.len()), (5, 0), "exactly at the limit");
    }
}

#[test]
fn depth() {
    let mut bytes = b"x\n".to_vec();
    for depth in 1..9 {
        bytes = if depth % 2 == 0 { make::gz(&bytes) } else { make::zip(&[("m", &bytes)]) };
        let told = read_bytes(&bytes, &Limits::default());
        match depth {
            ..=6 => assert_eq!((told.sources.len(), told.unread.len()), (1, 0), "{depth}"),
            _ => expect(&told, "depth_max"),
        }
    }
}

#[test]
fn name_bytes() {
    let name = "n".repeat(5000);
    for archive in [make::tar(&[(&name, b"x"), ("a", b"x")]), make::zip(&[(&name, b"x"), ("a", b"x")])] {
        let told = read_bytes(&archive, &Limits::default());
        expect(&told, "name_bytes_max");
        assert_eq!(told.names(), ["in!a"]);
    }
}

#[test]
fn windows() {
    // A zstd frame that asks for 2 GiB (RFC 8878, 3.1.1.1.2: exponent 21, mantissa 0), and one that asks for 128 MiB.
    expect(&read_bytes(b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0", &Limits::default()), "window_bytes_max");
    let told = read_bytes(b"\x28\xb5\x2f\xfd\x00\x88\x09\0\0a", &Limits::default());
    assert_eq!(told.sources, [("in".to_owned(), b"a".to_vec(), None)]);
    let limits = Limits { window_bytes_max: 512 * 1024, ..Limits::default() };
    // Preset 1 of xz has a dictionary of 1 MiB.
    expect(&read_bytes(&make::xz(b"abc"), &limits), "window_bytes_max");
    assert_eq!(read_bytes(&make::xz(b"abc"), &Limits::default()).sources[0].1, b"abc");
}

#[test]
fn spools() {
    let log = make::log(100_000);
    let limits = Limits { spool_bytes_max: 50_000, ..Limits::default() };
    // A packed zip must be spooled, and is read as far as it could be.
    let told = read_bytes(&make::gz(&make::stored(&[("a", &log[..40_000]), ("b", &log)])), &limits);
    assert_eq!(told.sources[0], ("in!a".to_owned(), log[..40_000].to_vec(), None));
    assert!(told.details.contains("(limit spool_bytes_max)"), "{}", told.details);
}
