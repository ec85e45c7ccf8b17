//! Containers inside each other, read in order, backwards, and as standard input.

use super::{make, read, read_backwards, read_bytes, read_stream};
use crate::{Limits, Sources};

/// Reads `bytes` in every way and expects the same each time.
fn check(bytes: &[u8], expected: &[(&str, &[u8])]) {
    // Small enough that the larger logs go to a file.
    let limits = Limits { spool_memory_bytes_max: 10_000, ..Limits::default() };
    let told = read_bytes(bytes, &limits);
    let found: Vec<_> = told.sources.iter().map(|(name, bytes, _)| (name.as_str(), bytes.len())).collect();
    let lengths: Vec<_> = expected.iter().map(|(name, bytes)| (*name, bytes.len())).collect();
    assert_eq!(found, lengths, "{}", told.details);
    for ((name, bytes, trouble), (_, expected)) in told.sources.iter().zip(expected) {
        assert!(bytes == expected && trouble.is_none(), "{name}: {}", told.details);
    }
    assert_eq!(told.unread, []);
    assert!(told == read_backwards(Sources::of_bytes("in", bytes.to_vec(), &limits)), "read at once");
    assert!(told == read_stream(bytes, &limits), "read as a stream");
    let reader = std::io::Cursor::new(bytes.to_vec());
    assert!(told == read_backwards(Sources::of_stream("in".to_owned(), Box::new(reader), &limits)), "a stream at once");
}

#[test]
fn a_plain_log_is_itself() {
    let log = make::log(300_000);
    check(&log, &[("in", &log)]);
    check(b"", &[("in", b"")]);
}

#[test]
fn a_packed_log_keeps_the_name_of_its_file() {
    let log = make::log(300_000);
    for (_, pack) in make::PACKERS {
        check(&pack(&log), &[("in", &log)]);
        check(&pack(b""), &[("in", b"")]);
        for (_, again) in make::PACKERS {
            check(&again(&pack(&log)), &[("in", &log)]);
        }
    }
}

#[test]
fn archives_in_archives_give_all_members_in_order() {
    let (one, two, three) = (make::log(200_000), make::log(70_001), make::log(5));
    let members: [(&str, &[u8]); 4] = [("a/one.log", &one), ("two.log", &two), ("three.log", &three), ("none", b"")];
    let plain = [("in!a/one.log", &one[..]), ("in!two.log", &two), ("in!three.log", &three), ("in!none", b"")];
    for archive in [make::tar(&members), make::zip(&members), make::stored(&members)] {
        check(&archive, &plain);
        for (name, pack) in make::PACKERS {
            check(&pack(&archive), &plain);
            let name = format!("deep/{name}");
            let inner = [(name.as_str(), &pack(&archive)[..]), ("after.log", &three)];
            let deep = plain.map(|(member, bytes)| (member.replace("in!", &format!("in!{name}!")), bytes));
            let mut expected: Vec<_> = deep.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
            expected.push(("in!after.log", &three));
            for outer in [make::tar(&inner), make::zip(&inner), make::stored(&inner), make::gz(&make::tar(&inner))] {
                check(&outer, &expected);
            }
        }
    }
}

#[test]
fn a_packed_member_has_no_name_of_its_own() {
    let log = make::log(100_000);
    let archive = make::zip(&[("logs/auth.log.1", &make::gz(&log)), ("logs/auth.log", &log)]);
    check(&archive, &[("in!logs/auth.log.1", &log), ("in!logs/auth.log", &log)]);
}

#[test]
fn every_method_of_zip_that_logs_come_in_is_read() {
    let log = make::log(150_000);
    for (method, pack) in
        [(12, make::bz2 as fn(&[u8]) -> Vec<u8>), (93, make::zst), (95, make::xz), (0, |b| b.to_vec())]
    {
        let data = pack(&log);
        let crc32 = make::crc32(&log);
        let member = make::Raw { name: b"m", data: &data, method, flags: (0, 0), size: log.len() as u32, crc32 };
        check(&make::raw_zip(&[member]), &[("in!m", &log)]);
    }
}

#[test]
fn a_source_can_be_read_again_and_at_offsets_whatever_it_lies_in() {
    use std::io::Read;
    let log = make::log(300_000);
    let cases = [
        log.clone(),
        make::gz(&log),
        make::stored(&[("m", &log)]),
        make::zip(&[("m", &log)]),
        make::tar(&[("m", &log)]),
        make::zst(&make::tar(&[("m", &log)])),
    ];
    let limits = Limits { spool_memory_bytes_max: 100_000, ..Limits::default() };
    for (number, case) in cases.iter().enumerate() {
        let mut source = Sources::of_bytes("in", case.clone(), &limits).next().unwrap().unwrap();
        assert_eq!(source.size().is_some(), [0, 2, 4].contains(&number));
        source.keep().unwrap();
        for _ in 0..2 {
            let mut bytes = vec![0; 100_000];
            source.read_exact(&mut bytes).unwrap();
            assert!(bytes == log[..100_000]);
            source.rewind().unwrap();
        }
        let random = source.random().unwrap();
        let mut bytes = vec![0; 100_000];
        assert_eq!((random.size(), random.read_at(250_000, &mut bytes).unwrap()), (300_000, 50_000));
        assert!(bytes[..50_000] == log[250_000..]);
        let mut all = Vec::new();
        source.rewind().unwrap();
        source.read_to_end(&mut all).unwrap();
        assert!(all == log && source.trouble().is_none(), "case {number}");
    }
}

#[test]
fn bytes_that_come_once_say_so() {
    use std::io::Read;
    let log = make::log(300_000);
    let limits = Limits::default();
    let mut source = crate::Source::from_reader("-", std::io::Cursor::new(log.clone()), &limits);
    let mut bytes = vec![0; 1000];
    source.read_exact(&mut bytes).unwrap();
    source.rewind().unwrap();
    let mut bytes = vec![0; 100_000];
    source.read_exact(&mut bytes).unwrap();
    assert!(source.rewind().is_err() && source.keep().is_err() && source.random().is_err());
    let mut rest = Vec::new();
    source.read_to_end(&mut rest).unwrap();
    assert!(rest == log[100_000..]);
}

#[test]
fn a_member_that_nobody_reads_costs_no_spool() {
    let log = make::log(300_000);
    let archive = make::gz(&make::tar(&[("a", &log), ("b", &log)]));
    // With no room to spool anything, dropping a source must still let the next one come.
    let limits = Limits { spool_bytes_max: 0, ..Limits::default() };
    let names: Vec<_> =
        Sources::of_bytes("in", archive.clone(), &limits).map(|source| source.unwrap().display().to_owned()).collect();
    assert_eq!(names, ["in!a", "in!b"]);
    let told = read(Sources::of_bytes("in", archive.clone(), &limits));
    assert!(told.sources.iter().all(|(_, bytes, trouble)| *bytes == log && trouble.is_none()));
    let told = read_backwards(Sources::of_bytes("in", archive, &limits));
    assert!(told.details.contains("spool_bytes_max"), "{}", told.details);
    assert_eq!(told.names(), ["in!a", "in!b"]);
}

#[test]
fn workers_reading_at_once_get_the_same_bytes() {
    use std::io::Read;
    let logs: Vec<Vec<u8>> = (1..12).map(|number| make::log(number * 40_000)).collect();
    let names: Vec<String> = (1..12).map(|number| format!("{number}.log")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(logs.iter().map(Vec::as_slice)).collect();
    for archive in [make::gz(&make::tar(&members)), make::tar(&members), make::zip(&members)] {
        let limits = Limits { spool_memory_bytes_max: 50_000, ..Limits::default() };
        std::thread::scope(|scope| {
            // Each worker starts as soon as its source is open, while the next ones are still being opened.
            let workers: Vec<_> = Sources::of_bytes("in", archive, &limits)
                .map(|source| {
                    let mut source = source.unwrap();
                    scope.spawn(move || {
                        let mut bytes = Vec::new();
                        source.read_to_end(&mut bytes).unwrap();
                        (bytes, source.trouble())
                    })
                })
                .collect();
            assert_eq!(workers.len(), logs.len());
            for (worker, log) in workers.into_iter().zip(&logs) {
                let (bytes, trouble) = worker.join().unwrap();
                assert!(bytes == *log && trouble.is_none());
            }
        });
    }
}
