//! Pieces are the source, in order, cut where they may be.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use shieldwall_schema::Reject;

use super::make;
use crate::pieces::{Hashing, PIECE_BYTES, sha256};
use crate::{Buffer, Cut, Limits, Pieces, Source, Sources};

/// A source that gives at most `step` bytes a read.
fn source(bytes: &[u8], step: usize) -> Source {
    struct Slow(std::io::Cursor<Vec<u8>>, usize);
    impl std::io::Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = buffer.len().min(self.1);
            self.0.read(&mut buffer[..length])
        }
    }
    Source::from_reader("in", Slow(std::io::Cursor::new(bytes.to_vec()), step), &Limits::default())
}

/// Reads all pieces and holds them against what a piece must be. Gives their lengths.
fn check(bytes: &[u8], mut pieces: Pieces, cut: Cut) -> Vec<usize> {
    let mut buffer = Buffer::new();
    let header = if let Cut::Blocks { header, .. } = cut { (header as usize).min(bytes.len()) } else { 0 };
    let (mut offset, mut lengths, mut last) = (header, Vec::new(), bytes.len() == header);
    while pieces.next(&mut buffer) {
        let chunk = buffer.chunk();
        assert!(!last || lengths.is_empty(), "a piece behind the last");
        assert!(!chunk.bytes.is_empty());
        assert_eq!(chunk.offset, offset as u64);
        assert!(chunk.bytes == &bytes[offset..offset + chunk.bytes.len()]);
        let begins_line = offset == 0 || bytes[offset - 1] == b'\n';
        assert_eq!(chunk.mid_line, cut == Cut::Lines && !begins_line);
        if cut == Cut::Lines && !chunk.last {
            assert!(chunk.bytes.ends_with(b"\n") || !chunk.bytes.contains(&b'\n'));
        }
        if let (Cut::Blocks { size, .. }, false) = (cut, chunk.last) {
            assert_eq!(chunk.bytes.len() as u64 % size.max(1), 0);
        }
        offset += chunk.bytes.len();
        lengths.push(chunk.bytes.len());
        last = chunk.last;
    }
    assert!(last && offset == bytes.len(), "the last piece says so");
    let ending = pieces.finish();
    assert_eq!((ending.bytes, ending.trouble), (bytes.len() as u64, None));
    assert_eq!(ending.sha256, Some(Sha256::digest(bytes).into()));
    lengths
}

fn check_all(bytes: &[u8], step: usize, about: usize) {
    for cut in [Cut::Lines, Cut::Raw, Cut::Blocks { header: 5, size: 7 }, Cut::Blocks { header: 0, size: 0 }] {
        check(bytes, Pieces::sized(source(bytes, step), cut, Hashing::Sha256, about), cut);
    }
}

proptest! {
    #[test]
    fn pieces_are_the_source_cut_at_line_ends(
        lines in prop::collection::vec("[ab]{0,30}", 0..60),
        ended: bool,
        step in 1usize..70,
        about in 8usize..64,
    ) {
        let mut bytes = lines.join("\n").into_bytes();
        if ended {
            bytes.push(b'\n');
        }
        check_all(&bytes, step, about);
    }
}

#[test]
fn ends_on_the_border_of_a_piece_are_seen() {
    for length in 0..70 {
        let lines: Vec<u8> = (0..length).map(|at| if at % 8 == 7 { b'\n' } else { b'x' }).collect();
        check_all(&lines, 1000, 16);
        check_all(&vec![b'x'; length], 1000, 16);
        check_all(&vec![b'\n'; length], 3, 16);
    }
}

#[test]
fn whole_files_are_cut_into_pieces_of_about_a_mebibyte() {
    let log = make::log(5 * PIECE_BYTES / 2);
    for packed in [log.clone(), make::gz(&log), make::stored(&[("m", &log)])] {
        let open = || Sources::of_bytes("in", packed.clone(), &Limits::default()).next().unwrap().unwrap();
        let lengths = check(&log, Pieces::new(open(), Cut::Lines, Hashing::Sha256), Cut::Lines);
        assert!(lengths.len() == 3 && lengths[..2].iter().all(|length| *length > PIECE_BYTES - 1000), "{lengths:?}");
        let cut = Cut::Blocks { header: 4096, size: 65_536 };
        assert_eq!(check(&log, Pieces::new(open(), cut, Hashing::Sha256), cut)[0], PIECE_BYTES);
        assert_eq!(sha256(&*open().random().unwrap()).unwrap(), <[u8; 32]>::from(Sha256::digest(&log)));
    }
}

#[test]
fn a_line_longer_than_a_piece_is_handed_out_in_parts() {
    let mut bytes = vec![b'x'; 2 * PIECE_BYTES + 10];
    bytes.extend(b"\nnext\n");
    let mut pieces = Pieces::new(source(&bytes, usize::MAX), Cut::Lines, Hashing::Off);
    let (mut buffer, mut told) = (Buffer::new(), Vec::new());
    while pieces.next(&mut buffer) {
        let chunk = buffer.chunk();
        told.push((chunk.bytes.len(), chunk.mid_line, chunk.last));
    }
    assert_eq!(told, [(PIECE_BYTES, false, false), (PIECE_BYTES, true, false), (16, true, true)]);
    assert_eq!(pieces.finish().sha256, None);
}

#[test]
fn a_source_that_ends_early_says_so_at_the_end() {
    let log = make::log(300_000);
    let packed = make::gz(&log);
    let source = Sources::of_bytes("in", packed[..packed.len() / 2].to_vec(), &Limits::default()).next().unwrap();
    let mut pieces = Pieces::new(source.unwrap(), Cut::Lines, Hashing::Sha256);
    let mut buffer = Buffer::new();
    assert!(pieces.next(&mut buffer) && buffer.chunk().last && !pieces.next(&mut buffer));
    let read = buffer.chunk().bytes.len();
    assert!(log.starts_with(buffer.chunk().bytes));
    let ending = pieces.finish();
    assert_eq!(ending.sha256, Some(Sha256::digest(&log[..read]).into()));
    assert_eq!(
        ending.trouble.map(|trouble| (trouble.reason, trouble.place.offset)),
        Some((Reject::Truncated, read as u64))
    );
}

#[test]
fn a_hash_of_a_part_is_never_given() {
    let log = make::log(3 * PIECE_BYTES);
    let mut pieces = Pieces::new(source(&log, usize::MAX), Cut::Lines, Hashing::Sha256);
    assert!(pieces.next(&mut Buffer::new()));
    assert_eq!(pieces.finish().sha256, None);
}
