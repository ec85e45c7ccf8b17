//! Hostile bytes and damaged archives through the fuzz entry, which must come back.

use super::make;
use crate::fuzz_container;

#[test]
fn hostile_beginnings_come_back() {
    let magics: [&[u8]; 12] = [
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18\0\0\0\0\x28\xb5\x2f\xfd",
        b"\xfd7zXZ\0",
        b"BZh91AY&SY",
        b"BZh1\x17\x72\x45\x38\x50\x90",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"PK\x07\x08PK\x03\x04",
        b"PK\x06\x06",
        b"7z\xbc\xaf\x27\x1c",
        b"",
    ];
    for magic in magics {
        for fill in [0x00, 0x01, 0x20, 0x7f, 0x80, 0xff] {
            for length in [0, 1, 2, 7, 8, 16, 30, 64, 512, 1024, 70_000] {
                fuzz_container(&[magic, &vec![fill; length]].concat());
            }
        }
    }
}

#[test]
fn cut_archives_come_back() {
    for archive in archives() {
        for cut in 0..archive.len().min(2000) {
            fuzz_container(&archive[..cut]);
        }
    }
}

#[test]
fn archives_with_changed_bits_come_back() {
    for mut archive in archives() {
        for at in 0..archive.len().min(1200) {
            for change in [0x01, 0x80, 0xff] {
                archive[at] ^= change;
                fuzz_container(&archive);
                archive[at] ^= change;
            }
        }
    }
}

fn archives() -> Vec<Vec<u8>> {
    let log = make::log(600);
    let members: [(&str, &[u8]); 2] = [("a.log", &log), ("b", b"b\n")];
    let mut all: Vec<_> = make::PACKERS.iter().map(|(_, pack)| pack(&log)).collect();
    all.extend([make::zip(&members), make::stored(&members), make::tar(&members), make::gz(&make::tar(&members))]);
    all.push(make::zip(&[("deep", &make::xz(&make::tar(&members)))]));
    all.push(make::gz(&make::zip(&members)));
    all
}
