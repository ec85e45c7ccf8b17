//! Packed streams that go on, end early, or are damaged.

use shieldwall_schema::Reject;

use super::{make, read_bytes};
use crate::Limits;

fn one(bytes: &[u8]) -> (Vec<u8>, Option<Reject>) {
    let told = read_bytes(bytes, &Limits::default());
    match (told.sources.into_iter().next(), told.unread.first()) {
        (Some((_, bytes, trouble)), _) => (bytes, trouble),
        (None, Some((_, reason))) => (Vec::new(), Some(*reason)),
        (None, None) => panic!("nothing at all"),
    }
}

#[test]
fn streams_one_after_another_are_read_through() {
    let (a, b) = (make::log(100_000), make::log(30_000));
    let whole = [&a[..], &b].concat();
    for (name, pack) in make::PACKERS {
        let joined = [pack(&a), pack(b""), pack(&b)].concat();
        assert!(one(&joined) == (whole.clone(), None), "{name}");
    }
}

#[test]
fn padding_and_skippable_frames_are_passed_over() {
    let log = make::log(1000);
    assert_eq!(one(&[make::gz(&log), vec![0; 1000]].concat()), (log.clone(), None));
    assert_eq!(one(&[make::xz(&log), vec![0; 8]].concat()), (log.clone(), None));
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
    assert_eq!(one(&[&skippable[..], &make::zst(&log), skippable].concat()), (log, None));
}

#[test]
fn something_else_behind_a_stream_is_told_and_costs_nothing() {
    let log = make::log(1000);
    for (name, pack) in make::PACKERS {
        let (bytes, trouble) = one(&[&pack(&log)[..], b"something else"].concat());
        assert!(bytes == log, "{name}");
        assert!(matches!(trouble, Some(Reject::Corrupt | Reject::Truncated)), "{name} {trouble:?}");
    }
}

#[test]
fn what_comes_before_a_cut_is_read_and_the_cut_is_told() {
    let log = make::log(200_000);
    for (name, pack) in make::PACKERS {
        let packed = pack(&log);
        let mut longest = 0;
        for cut in (20..packed.len()).step_by(packed.len() / 40) {
            let (bytes, trouble) = one(&packed[..cut]);
            assert!(log.starts_with(&bytes), "{name} cut at {cut}");
            assert_eq!(trouble, Some(Reject::Truncated), "{name} cut at {cut}");
            longest = longest.max(bytes.len());
        }
        // Blocks of zstd (128 KiB) and bzip2 (100 kB) and chunks of xz (64 KiB packed) come whole or not at all.
        let least = match name {
            "gz" => 190_000,
            "zst" => 128 * 1024,
            "bz2" => 90_000,
            _ => 0,
        };
        assert!(longest >= least, "{name}: at most {longest} bytes before a cut");
    }
}

#[test]
fn a_changed_bit_never_passes_silently() {
    let log = make::log(20_000);
    for (name, pack) in make::PACKERS {
        let packed = pack(&log);
        for at in (0..packed.len()).step_by(packed.len() / 150) {
            let mut damaged = packed.clone();
            damaged[at] ^= 1 << (at % 8);
            let (bytes, trouble) = one(&damaged);
            // Not in the header's time stamp and system, and not the magic, without which it is no container.
            let harmless = bytes == log || bytes == damaged;
            assert!(trouble.is_some() || harmless, "{name}: a bit of byte {at}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_called_so() {
    let log = make::log(5000);
    let flip = |mut bytes: Vec<u8>, from_end: usize| {
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        bytes
    };
    assert_eq!(one(&flip(make::gz(&log), 8)), (log.clone(), Some(Reject::Checksum)));
    assert_eq!(one(&flip(make::gz(&log), 1)), (log.clone(), Some(Reject::Checksum)));
    assert_eq!(one(&flip(make::zst(&log), 1)), (log.clone(), Some(Reject::Checksum)));
    let member = make::Raw { name: b"m", data: &log, method: 0, flags: (0, 0), size: 5000, crc32: 1 };
    assert_eq!(one(&make::raw_zip(&[member])), (log, Some(Reject::Checksum)));
}
