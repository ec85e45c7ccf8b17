//! 7z archives: those of the crate's own writer, and what hostile hands would make of them.

use std::io::Cursor;

use sevenz_rust2::encoder_options::{AesEncoderOptions, EncoderOptions, Lzma2Options};
use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderConfiguration, EncoderMethod, Password, SourceReader};
use shieldwall_schema::Reject;

use super::{Told, make, read, read_backwards, read_bytes, read_stream};
use crate::{Limits, Sources};

fn told(bytes: &[u8]) -> Told {
    read_bytes(bytes, &Limits::default())
}

fn writer(methods: Vec<EncoderConfiguration>) -> ArchiveWriter<Cursor<Vec<u8>>> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    writer.set_content_methods(methods);
    writer
}

/// A block for each member.
fn single(members: &[(&str, &[u8])], methods: Vec<EncoderConfiguration>) -> Vec<u8> {
    let mut writer = writer(methods);
    for (name, bytes) in members {
        writer.push_archive_entry(ArchiveEntry::new_file(name), Some(*bytes)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// One block for all.
fn solid(members: &[(&str, &[u8])], methods: Vec<EncoderConfiguration>) -> Vec<u8> {
    let mut writer = writer(methods);
    let entries = members.iter().map(|(name, _)| ArchiveEntry::new_file(name)).collect();
    let readers = members.iter().map(|(_, bytes)| SourceReader::new(*bytes)).collect();
    writer.push_archive_entries(entries, readers).unwrap();
    writer.finish().unwrap().into_inner()
}

fn of(method: EncoderMethod) -> Vec<EncoderConfiguration> {
    vec![method.into()]
}

#[test]
fn members_of_blocks_of_all_kinds_are_read_in_order() {
    let (a, b) = (make::log(300_000), make::log(70_000));
    let members: [(&str, &[u8]); 3] = [("var/a.log", &a), ("b.log", &b), ("c", b"c\n")];
    let bcj = || vec![EncoderMethod::BCJ_X86_FILTER.into(), EncoderMethod::LZMA2.into()];
    for methods in [
        of(EncoderMethod::LZMA2),
        of(EncoderMethod::LZMA),
        of(EncoderMethod::COPY),
        of(EncoderMethod::BZIP2),
        of(EncoderMethod::DEFLATE),
        bcj(),
    ] {
        for archive in [single(&members, methods.clone()), solid(&members, methods.clone())] {
            let expected = told(&archive);
            assert_eq!(expected.names(), ["in!var/a.log", "in!b.log", "in!c"], "{expected:?}");
            assert_eq!(expected.unread, []);
            for ((_, bytes, trouble), (_, member)) in expected.sources.iter().zip(members) {
                assert!(bytes == member && trouble.is_none());
            }
            assert_eq!(read_stream(&archive, &Limits::default()), expected);
            let sources = || Sources::of_bytes("in", archive.clone(), &Limits::default());
            assert_eq!(read_backwards(sources()).sources, expected.sources);
        }
    }
}

#[test]
fn empty_members_folders_and_names_that_climb() {
    let mut writer = writer(of(EncoderMethod::LZMA2));
    writer.push_archive_entry::<&[u8]>(ArchiveEntry::new_directory("folder"), None).unwrap();
    writer.push_archive_entry::<&[u8]>(ArchiveEntry::new_file("empty.log"), None).unwrap();
    writer.push_archive_entry(ArchiveEntry::new_file("../up.log"), Some(&b"x\n"[..])).unwrap();
    writer.push_archive_entry(ArchiveEntry::new_file("good.log"), Some(&b"y\n"[..])).unwrap();
    let found = told(&writer.finish().unwrap().into_inner());
    let shown: Vec<_> = found.sources.iter().map(|(name, bytes, why)| (&**name, &**bytes, *why)).collect();
    assert_eq!(shown, [("in!empty.log", &b""[..], None), ("in!good.log", &b"y\n"[..], None)]);
    assert_eq!(found.unread, [("in!../up.log".to_owned(), Reject::UnsafeName)]);
    assert_eq!(told(&single(&[], of(EncoderMethod::LZMA2))), Told::default());
}

#[test]
fn archives_within_archives_are_opened() {
    let log = make::log(5_000);
    let inner = single(&[("deep.log.gz", &make::gz(&log))], of(EncoderMethod::LZMA2));
    let outer = make::zip(&[("in.7z", &inner), ("z", b"z\n")]);
    let found =
        told(&single(&[("outer.zip", &outer), ("t.tar", &make::tar(&[("t.log", &log)]))], of(EncoderMethod::LZMA)));
    assert_eq!(found.names(), ["in!outer.zip!in.7z!deep.log.gz", "in!outer.zip!z", "in!t.tar!t.log"]);
    assert!(found.unread.is_empty() && found.sources[0].1 == log && found.sources[2].1 == log);
}

#[test]
fn encrypted_archives_are_told() {
    let aes = || -> EncoderConfiguration { AesEncoderOptions::new(Password::from("secret")).into() };
    let bytes = make::log(2_000);
    let mut writer = writer(vec![aes(), EncoderMethod::LZMA2.into()]);
    writer.set_encrypt_header(false);
    writer.push_archive_entry(ArchiveEntry::new_file("a"), Some(&bytes[..])).unwrap();
    let found = told(&writer.finish().unwrap().into_inner());
    assert_eq!(found.unread, [("in!a".to_owned(), Reject::Encrypted)], "{found:?}");
    let hidden = single(&[("a", &bytes)], vec![aes(), EncoderMethod::LZMA2.into()]);
    assert_eq!(told(&hidden).unread, [("in".to_owned(), Reject::Encrypted)], "{:?}", told(&hidden));
}

#[test]
fn a_bad_member_costs_itself_and_what_its_stream_cannot_give() {
    let (a, b) = (make::log(50_000), make::log(60_000));
    let members: [(&str, &[u8]); 3] = [("a", &a), ("b", &b), ("c", b"c\n")];
    // Stored side by side: only the checksum of one differs.
    for archive in [single(&members, of(EncoderMethod::COPY)), solid(&members, of(EncoderMethod::COPY))] {
        let mut archive = archive;
        archive[32 + 50_500] ^= 1;
        let found = told(&archive);
        let troubles: Vec<_> = found.sources.iter().map(|source| source.2).collect();
        assert_eq!(troubles, [None, Some(Reject::Checksum), None], "{found:?}");
        assert!(found.sources[0].1 == a && found.sources[2].1 == b"c\n");
    }
    // Packed apart: the neighbours survive.
    let mut archive = single(&members, of(EncoderMethod::LZMA));
    archive[40..60].fill(0xff);
    let found = told(&archive);
    let whole = |name: &str| found.sources.iter().any(|(display, _, why)| display == name && why.is_none());
    assert!(whole("in!b") && whole("in!c") && !whole("in!a"), "{found:?}");
    // Cut: the directory stands at the end.
    let cut = &single(&members, of(EncoderMethod::LZMA2))[..19_000];
    assert!(matches!(&told(cut).unread[..], [(name, _)] if name == "in"), "{:?}", told(cut));
}

#[test]
fn limits_hold_and_are_named() {
    let zeros = vec![0; 400_000];
    let log = make::log(100_000);
    let expect = |archive: &[u8], limits: Limits, name: &str| {
        let found = read_bytes(archive, &limits);
        assert!(found.details.contains(&format!("(limit {name})")), "{name}: {found:?}");
        found
    };
    let bomb = solid(&[("a", b"a\n"), ("zeros", &zeros), ("behind", b"b\n")], of(EncoderMethod::LZMA2));
    let ratio = || Limits { ratio_floor_bytes: 300_000, ..Limits::default() };
    let found = expect(&bomb, ratio(), "ratio_max");
    assert_eq!(found.sources[0], ("in!a".to_owned(), b"a\n".to_vec(), None));
    assert_eq!((found.sources[1].1.len(), found.sources[1].2), (300_000 - 2, Some(Reject::Limit)));
    assert_eq!(found.unread, [("in!behind".to_owned(), Reject::Limit)]);
    expect(&make::gz(&bomb), ratio(), "ratio_max");
    expect(&make::zip(&[("m", &bomb)]), ratio(), "ratio_max");
    let plain = single(&[("a", &log), ("b", b"1"), ("c", b"2")], of(EncoderMethod::LZMA2));
    expect(&plain, Limits { unpacked_bytes_max: 70_000, ..Limits::default() }, "unpacked_bytes_max");
    expect(&plain, Limits { members_max: 2, ..Limits::default() }, "members_max");
    expect(&plain, Limits { spool_bytes_max: 50_000, ..Limits::default() }, "spool_bytes_max");
    let found = expect(&plain, Limits { input_bytes_max: 10, ..Limits::default() }, "input_bytes_max");
    assert_eq!(found.names(), ["in!b", "in!c"]);
    expect(&single(&[(&"n".repeat(5000), b"x")], of(EncoderMethod::LZMA2)), Limits::default(), "name_bytes_max");
    let mut nested = plain;
    for _ in 0..6 {
        nested = single(&[("m.7z", &nested)], of(EncoderMethod::COPY));
    }
    expect(&nested, Limits::default(), "depth_max");
}

#[test]
fn a_dictionary_beyond_the_limit_is_refused_unseen() {
    let mut options = Lzma2Options::from_level(1);
    options.set_dictionary_size(16 << 20);
    let methods = vec![EncoderConfiguration::new(EncoderMethod::LZMA2).with_options(EncoderOptions::Lzma2(options))];
    let archive = single(&[("a", &make::log(10_000))], methods);
    assert_eq!(told(&archive).unread, []);
    let found = read_bytes(&archive, &Limits { window_bytes_max: 8 << 20, ..Limits::default() });
    assert!(found.details.contains("(limit window_bytes_max)"), "{found:?}");
    assert_eq!(found.unread, [("in!a".to_owned(), Reject::Limit)]);
}

#[test]
fn hostile_archives_come_back() {
    let members: [(&str, &[u8]); 3] = [("a.log", &make::log(400)), ("b", b"b\n"), ("c", b"")];
    for archive in [single(&members, of(EncoderMethod::LZMA2)), single(&members[..2], of(EncoderMethod::COPY))] {
        for cut in 0..archive.len() {
            told(&archive[..cut]);
        }
        for at in 0..archive.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = archive.clone();
                changed[at] ^= change;
                read(Sources::of_bytes("in", changed, &Limits::default()));
            }
        }
    }
    // A directory that claims to be as long as can be, at the end of the world.
    let mut header = b"7z\xbc\xaf\x27\x1c\0\x04".to_vec();
    let start: Vec<u8> = [u64::MAX, u64::MAX].iter().flat_map(|number| number.to_le_bytes()).chain([0; 4]).collect();
    header.extend(make::crc32(&start).to_le_bytes());
    header.extend(&start);
    assert_eq!(told(&header).unread.len(), 1);
}

#[test]
fn a_directory_of_too_many_members_is_refused_before_it_is_unpacked() {
    let mut writer = writer(of(EncoderMethod::COPY));
    for number in 0..21_000 {
        let name = format!("{number:0>50}");
        writer.push_archive_entry::<&[u8]>(ArchiveEntry::new_file(&name), None).unwrap();
    }
    let archive = writer.finish().unwrap().into_inner();
    assert!(archive.len() < 500_000);
    let found = told(&archive);
    assert!(found.sources.is_empty() && found.details.contains("(limit DIRECTORY_BYTES_MAX)"));
}
