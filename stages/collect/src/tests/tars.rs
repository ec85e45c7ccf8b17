//! Tar's own dialects and damage.

use std::io::Write;

use shieldwall_schema::Reject;

use super::{make, read_bytes, read_stream};
use crate::Limits;

/// Reads a tar in place and as a stream; both must tell the same.
fn both(bytes: &[u8]) -> super::Told {
    let told = read_bytes(bytes, &Limits::default());
    let stream = read_stream(bytes, &Limits::default());
    assert!(told.sources == stream.sources && told.unread == stream.unread, "{told:?}\n{stream:?}");
    told
}

fn header(name: &str, size: u64, kind: u8) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_cksum();
    *header.as_bytes()
}

#[test]
fn long_names_are_read_in_both_dialects() {
    let long = format!("{}/auth.log", "folder".repeat(40));
    assert_eq!(both(&make::tar(&[(&long, b"x\n")])).names(), [format!("in!{long}")]);
    // Each record counts its own length, digits and line feed included.
    let record = "25 path=pax/auth.log.1.2\n9 size=3\n";
    let mut archive = header("PaxHeader", record.len() as u64, b'x').to_vec();
    archive.write_all(record.as_bytes()).unwrap();
    archive.resize(1024, 0);
    archive.extend(header("short", 0, b'0'));
    archive.extend(b"abc");
    archive.resize(2048 + 1024, 0);
    let told = both(&archive);
    assert_eq!(told.sources, [("in!pax/auth.log.1.2".to_owned(), b"abc".to_vec(), None)]);
}

#[test]
fn folders_are_silent_links_are_told_sparse_members_are_refused() {
    let mut archive = Vec::new();
    for (name, kind) in
        [("folder/", b'5'), ("link", b'2'), ("hard", b'1'), ("fifo", b'6'), ("sparse", b'S'), ("a", b'0')]
    {
        archive.extend(header(name, 0, kind));
    }
    let told = both(&archive);
    assert_eq!(told.names(), ["in!a"]);
    let expected = ["link", "hard", "fifo", "sparse"].map(|name| (format!("in!{name}"), Reject::Unsupported));
    assert_eq!(told.unread, expected);
}

#[test]
fn unsafe_names_are_refused_and_the_neighbours_read() {
    let mut archive = Vec::new();
    for name in ["../../evil", "/etc/passwd", "C:\\x", "good.log", "a/../../b"] {
        archive.extend(header(name, 512, b'0'));
        archive.extend([b'\n'; 512]);
    }
    let told = both(&archive);
    assert_eq!(told.names(), ["in!good.log"]);
    assert_eq!(told.unread.len(), 4);
    assert!(told.unread.iter().all(|(_, reason)| *reason == Reject::UnsafeName));
}

#[test]
fn a_damaged_header_costs_one_member() {
    let (a, b, c) = (make::log(3000), make::log(2000), make::log(1000));
    let mut archive = make::tar(&[("a", &a), ("b", &b), ("c", &c)]);
    archive[512 + 3072 + 10] ^= 1;
    let told = both(&archive);
    assert_eq!(told.names(), ["in!a", "in!c"]);
    assert_eq!(told.unread, [("in".to_owned(), Reject::Corrupt)]);
    assert!(told.sources[1].1 == c);
}

#[test]
fn members_behind_the_end_mark_are_read() {
    let (a, b) = (make::log(3000), make::log(1000));
    let joined = [make::tar(&[("a", &a)]), make::tar(&[("b", &b)])].concat();
    let told = both(&joined);
    assert_eq!((told.names(), told.unread.len()), (vec!["in!a", "in!b"], 0));
}

#[test]
fn a_cut_is_told_for_the_member_and_for_the_archive() {
    let (a, b) = (make::log(3000), make::log(2000));
    let archive = make::tar(&[("a", &a), ("b", &b)]);
    let told = both(&archive[..512 + 3072 + 512 + 700]);
    assert_eq!(told.names(), ["in!a", "in!b"]);
    assert!(told.sources[1].1 == b[..700]);
    assert_eq!(told.sources[1].2, Some(Reject::Truncated));
    assert_eq!(told.unread, [("in".to_owned(), Reject::Truncated)]);
    let told = both(&archive[..512 + 3072 + 100]);
    assert_eq!((told.names(), &told.unread[..]), (vec!["in!a"], &[("in".to_owned(), Reject::Truncated)][..]));
}

#[test]
fn a_member_that_states_more_than_there_is_ends_with_the_archive() {
    for size in [u64::from(u32::MAX), 8_589_934_591] {
        let mut archive = header("huge", size, b'0').to_vec();
        archive.extend([b'x'; 1000]);
        let told = both(&archive);
        assert_eq!(told.sources, [("in!huge".to_owned(), vec![b'x'; 1000], Some(Reject::Truncated))]);
    }
    // The same for an extended header, whose size must not become memory.
    let told = both(&header("huge", 8_589_934_591, b'L'));
    assert_eq!((told.sources.len(), told.unread[0].1), (0, Reject::Truncated));
}
