//! Zip's tricks and damage.

use shieldwall_schema::Reject;

use super::make::{self, Raw};
use super::read_bytes;
use crate::Limits;

fn raw<'a>(name: &'a [u8], data: &'a [u8]) -> Raw<'a> {
    Raw { name, data, method: 0, flags: (0, 0), size: data.len() as u32, crc32: make::crc32(data) }
}

fn told(bytes: &[u8]) -> super::Told {
    read_bytes(bytes, &Limits::default())
}

#[test]
fn members_of_the_same_name_are_all_read() {
    let told = told(&make::raw_zip(&[raw(b"a", b"one\n"), raw(b"a", b"two\n"), raw(b"folder/", b"")]));
    let expected = [b"one\n", b"two\n"].map(|bytes| ("in!a".to_owned(), bytes.to_vec(), None));
    assert_eq!((&told.sources[..], told.unread.len()), (&expected[..], 0));
}

#[test]
fn unsafe_names_are_refused_and_the_neighbours_read() {
    let names: [&[u8]; 6] = [b"../x", b"a\\..\\..\\x", b"/etc/passwd", b"\\\\host\\x", b"D:\\x", b"a\0b"];
    let mut members: Vec<_> = names.iter().map(|name| raw(name, b"evil\n")).collect();
    members.push(raw(b"logs\\good.log", b"good\n"));
    let told = told(&make::raw_zip(&members));
    assert_eq!(told.names(), ["in!logs\\good.log"]);
    assert_eq!(told.unread.len(), names.len());
    assert!(told.unread.iter().all(|(_, reason)| *reason == Reject::UnsafeName));
}

#[test]
fn encrypted_members_are_refused_but_a_bit_in_the_directory_alone_hides_nothing() {
    let encrypted = Raw { flags: (1, 1), ..raw(b"secret", b"abc") };
    let hidden = Raw { flags: (0, 1), ..raw(b"hidden", b"abc") };
    let aes = Raw { method: 99, ..raw(b"aes", b"abc") };
    let told = told(&make::raw_zip(&[encrypted, hidden, aes, raw(b"open", b"abc")]));
    assert_eq!(told.names(), ["in!hidden", "in!open"]);
    let expected = ["in!secret", "in!aes"].map(|name| (name.to_owned(), Reject::Encrypted));
    assert_eq!(told.unread, expected);
}

#[test]
fn unknown_compression_is_refused_by_name() {
    let told = told(&make::raw_zip(&[Raw { method: 9, ..raw(b"a", b"abc") }, Raw { method: 98, ..raw(b"b", b"abc") }]));
    assert!(told.unread.iter().all(|(_, reason)| *reason == Reject::Unsupported) && told.unread.len() == 2);
    assert!(told.details.contains("deflate64") && told.details.contains("ppmd"));
}

#[test]
fn stated_sizes_are_held_against_the_bytes() {
    let longer = Raw { size: 2, ..raw(b"longer", b"abc") };
    let shorter = Raw { size: 9, ..raw(b"shorter", b"abc") };
    let told = told(&make::raw_zip(&[longer, shorter]));
    let expected = [
        ("in!longer".to_owned(), b"ab".to_vec(), Some(Reject::Corrupt)),
        ("in!shorter".to_owned(), b"abc".to_vec(), Some(Reject::Truncated)),
    ];
    assert_eq!(told.sources, expected);
}

#[test]
fn overlapping_members_are_refused() {
    let data = make::log(10_000);
    let mut archive = make::raw_zip(&[raw(b"a", &data), raw(b"b", &data), raw(b"c", b"x")]);
    // Members b and c point to a's bytes.
    let directory = memchr::memmem::find(&archive, b"PK\x01\x02").unwrap();
    for member in 1..3 {
        let at = directory + member * 47 + 42;
        archive[at..at + 4].copy_from_slice(&0u32.to_le_bytes());
    }
    archive.drain(10_031..20_062 + 32);
    let end = archive.len() - 6;
    archive[end..end + 4].copy_from_slice(&10_031u32.to_le_bytes());
    let told = told(&archive);
    assert_eq!(told.names(), ["in!a"]);
    assert!(told.unread.iter().all(|(_, reason)| *reason == Reject::Corrupt), "{}", told.details);
    assert!(told.details.contains("overlap"));
}

#[test]
fn without_a_directory_members_are_found_by_their_own_headers() {
    let (a, b) = (make::log(5000), make::log(80_000));
    let members: [(&str, &[u8]); 3] = [("a.log", &a), ("b.log", &b), ("c.log", b"c\n")];
    for archive in [make::zip(&members), make::stored(&members)] {
        let directory = memchr::memmem::rfind_iter(&archive, b"PK\x01\x02").last().unwrap();
        let found = told(&archive[..directory]);
        assert_eq!(found.names(), ["in!a.log", "in!b.log", "in!c.log"]);
        assert!(found.sources[0].1 == a && found.sources[1].1 == b && found.sources[2].1 == b"c\n");
        assert_eq!(found.unread, [("in".to_owned(), Reject::Truncated)]);
        // Cut in the middle of the second member.
        let found = told(&archive[..directory / 2]);
        assert_eq!(found.names(), ["in!a.log", "in!b.log"]);
        assert!(b.starts_with(&found.sources[1].1) && !found.sources[1].1.is_empty());
        assert_eq!(found.sources[1].2, Some(Reject::Truncated));
    }
}

#[test]
fn an_archive_behind_other_bytes_or_before_a_comment_keeps_its_members() {
    let archive = make::zip(&[("a", b"abc\n")]);
    let mut stored = make::stored(&[("first", b"x\n")]);
    stored.extend(&archive);
    assert_eq!(told(&stored).names(), ["in!a"]);
    let mut commented = archive.clone();
    let length = commented.len();
    commented[length - 2..].copy_from_slice(&4u16.to_le_bytes());
    commented.extend(b"PK\x05\x06");
    assert_eq!(told(&commented).names(), ["in!a"]);
}

#[test]
fn an_empty_archive_has_nothing_to_tell() {
    let told = told(&make::zip(&[]));
    assert_eq!((told.sources.len(), told.unread.len()), (0, 0));
}

#[test]
fn a_damaged_directory_keeps_what_it_told_before() {
    let mut archive = make::raw_zip(&[raw(b"a", b"abc\n"), raw(b"b", b"abc\n"), raw(b"c", b"abc\n")]);
    let directory = memchr::memmem::find(&archive, b"PK\x01\x02").unwrap();
    archive[directory + 47] ^= 1;
    let found = told(&archive);
    assert_eq!((found.names(), &found.unread[..]), (vec!["in!a"], &[("in".to_owned(), Reject::Corrupt)][..]));
}
