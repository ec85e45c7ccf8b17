//! Damaged and hostile logs: no panic, neighbours survive, work stays bounded.

use shieldwall_schema::Reject;

use super::*;

/// A small real log, as if it had been closed: a log that was not keeps no checksum of its records.
fn sample() -> Option<Vec<u8>> {
    let mut bytes = read(&data()?.join("malformed/evtx/new-user-security.evtx"));
    for chunk in bytes[4096..].chunks_mut(CHUNK_BYTES).filter(|chunk| chunk.starts_with(b"ElfChnk")) {
        chunk[120] = 0;
        mend(chunk);
    }
    Some(bytes)
}

fn reasons(collected: &Collected) -> Vec<Reject> {
    collected.rejections.iter().map(|rejection| rejection.reason).collect()
}

/// Makes both checksums of a chunk fit again, so that damage behind them is reached.
fn mend(chunk: &mut [u8]) {
    let free = u32::from_le_bytes(*chunk[48..].first_chunk().unwrap()) as usize;
    if let Some(records) = chunk.get(512..free) {
        let sum = crc32fast::hash(records);
        chunk[52..56].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = crc32fast::hash(&[&chunk[..120], &chunk[128..512]].concat());
    chunk[124..128].copy_from_slice(&sum.to_le_bytes());
}

fn record_starts(chunk: &[u8]) -> Vec<usize> {
    let free = u32::from_le_bytes(*chunk[48..].first_chunk().unwrap()) as usize;
    let mut starts = Vec::new();
    let mut at = 512;
    while at < free && chunk[at..].starts_with(b"**\0\0") {
        starts.push(at);
        at += u32::from_le_bytes(*chunk[at + 4..].first_chunk().unwrap()) as usize;
    }
    starts
}

#[test]
fn one_bad_record_does_not_hide_its_neighbours() {
    let Some(bytes) = sample() else { return };
    let whole = decode(&bytes, &All::new(), 1);
    let starts = record_starts(&bytes[4096..]);
    assert!(starts.len() > 3 && whole.rejections.is_empty());
    // The first record carries the template: the second may be lost without harm to others.
    let at = 4096 + starts[1];
    for (what, offset, value, reason) in [
        ("magic", 0, &b"\x01\x02\x03\x04"[..], Reject::Corrupt),
        ("size too small", 4, &[3, 0, 0, 0], Reject::Corrupt),
        ("size too large", 4, &[0, 0, 9, 0], Reject::Truncated),
        ("token", 28, &[0x77], Reject::Corrupt),
        ("template offset", 34, &[0xff, 0xff, 0xff, 0x7f], Reject::Truncated),
        ("value count", 38, &[0xff, 0xff, 0xff, 0xff], Reject::Truncated),
    ] {
        let mut bad = bytes.clone();
        bad[at + offset..at + offset + value.len()].copy_from_slice(value);
        mend(&mut bad[4096..4096 + CHUNK_BYTES]);
        let got = decode(&bad, &All::new(), 1);
        assert_eq!(reasons(&got), [reason], "{what}");
        assert_eq!(got.rejections[0].place.offset, at as u64, "{what}");
        let expected: Vec<_> = whole.seen.iter().filter(|seen| seen.place.offset != at as u64).cloned().collect();
        assert_eq!(got.seen, expected, "{what}");
    }
}

#[test]
fn a_bad_chunk_does_not_hide_its_neighbours() {
    let Some(bytes) = sample() else { return };
    let whole = decode(&bytes, &All::new(), 1);
    let chunk = &bytes[4096..4096 + CHUNK_BYTES];
    let mut three = bytes[..4096].to_vec();
    three.extend(chunk);
    three.extend(vec![0; CHUNK_BYTES]);
    three.extend([0x55; CHUNK_BYTES]);
    three.extend(chunk);
    let got = decode(&three, &All::new(), 3);
    assert_eq!(got.seen.len() as u64, 2 * decode(&bytes[..4096 + CHUNK_BYTES], &All::new(), 1).seen.len() as u64);
    assert_eq!(reasons(&got), [Reject::Corrupt]);
    assert_eq!(got.rejections[0].place, Place::offset(4096 + 2 * CHUNK_BYTES as u64));
    assert!(!whole.seen.is_empty());
}

#[test]
fn checksums_that_do_not_fit_are_told_and_the_records_read() {
    let Some(bytes) = sample() else { return };
    let whole = decode(&bytes, &All::new(), 1);
    for at in [4096 + 52, 4096 + 200] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        // A bad sum of the records needs a fitting one of the header, which holds it.
        if at == 4096 + 52 {
            let sum = crc32fast::hash(&[&bad[4096..4096 + 120], &bad[4096 + 128..4096 + 512]].concat());
            bad[4096 + 124..4096 + 128].copy_from_slice(&sum.to_le_bytes());
        }
        let got = decode(&bad, &All::new(), 1);
        assert_eq!(reasons(&got), [Reject::Checksum]);
        assert_eq!(got.seen, whole.seen);
    }
}

#[test]
fn a_cut_log_gives_the_records_before_the_cut() {
    let Some(bytes) = sample() else { return };
    let chunk = &bytes[..4096 + CHUNK_BYTES];
    let whole = decode(chunk, &All::new(), 1);
    let free = u32::from_le_bytes(*chunk[4096 + 48..].first_chunk().unwrap()) as usize;
    for cut in (0..4096 + free).step_by(97) {
        let got = decode(&chunk[..cut], &All::new(), 1);
        let expected = whole.seen.iter().filter(|seen| {
            let at = (seen.place.offset - 4096) as usize;
            let size = u32::from_le_bytes(*chunk[4096 + at + 4..].first_chunk().unwrap()) as usize;
            4096 + at + size <= cut
        });
        assert_eq!(got.seen.len(), expected.count(), "cut at {cut}");
        assert_eq!(got.seen, whole.seen[..got.seen.len()]);
        assert_eq!(got.rejections.is_empty(), cut <= 4096, "cut at {cut}");
    }
}

#[test]
fn flipped_bits_never_stop_the_decoder() {
    let Some(bytes) = sample() else { return };
    let bytes = &bytes[..4096 + CHUNK_BYTES];
    let whole = decode(bytes, &All::new(), 1).seen.len();
    let free = u32::from_le_bytes(*bytes[4096 + 48..].first_chunk().unwrap()) as usize;
    let mut bad = bytes.to_vec();
    for at in (4096..4096 + free).step_by(5) {
        let bit = 1 << (at / 5 % 8);
        bad[at] ^= bit;
        let got = decode(&bad, &All::new(), 1);
        // A bit of the chunk header may end the chunk early; elsewhere it costs the records that use it and no others:
        // those of one template at most, plus the one that it stands in.
        assert!(got.seen.len() <= whole + 1, "offset {at}");
        if at > 4096 + 512 {
            assert!(!got.rejections.is_empty(), "offset {at}: at least the checksum is wrong");
        }
        bad[at] ^= bit;
    }
    assert_eq!(decode(&bad, &All::new(), 1).seen.len(), whole);
}

#[test]
fn scrambled_logs_never_stop_the_decoder() {
    let Some(data) = data() else { return };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut seen = 0;
    for log in logs(&data.join("malformed/evtx")) {
        let bytes = read(&log);
        let Some(chunk) = bytes.get(4096..4096 + CHUNK_BYTES).filter(|chunk| chunk.starts_with(b"ElfChnk")) else {
            continue;
        };
        for _ in 0..100 {
            let mut bad = vec![0; 4096];
            bad.extend(chunk);
            for _ in 0..=next(12) {
                let (from, to, count) = (512 + next(64_000), 4096 + 512 + next(64_000), 1 + next(64));
                // Now a foreign piece of the log, now a byte that means something to BinXML.
                match next(2) {
                    0 => bad.copy_within(4096 + from..4096 + from + count, to),
                    _ => bad[to] = [0x0c, 0x0f, 0x01, 0x41, 0x21, 0x81, 0xff, 0x00][next(8)],
                }
            }
            seen += decode(&bad, &All::new(), 1).seen.len();
        }
    }
    assert!(seen > 1000, "most records survive: {seen}");
}

/// A chunk of one's own with the given records' BinXML.
fn craft(streams: &[Vec<u8>]) -> Vec<u8> {
    let mut chunk = vec![0; CHUNK_BYTES];
    chunk[..8].copy_from_slice(b"ElfChnk\0");
    let mut at = 512;
    for (id, stream) in streams.iter().enumerate() {
        let size = (28 + stream.len()) as u32;
        let mut record = b"**\0\0".to_vec();
        record.extend(size.to_le_bytes());
        record.extend((id as u64 + 1).to_le_bytes());
        record.extend(133_536_383_990_000_000_u64.to_le_bytes());
        record.extend(stream);
        record.extend(size.to_le_bytes());
        chunk[at..at + record.len()].copy_from_slice(&record);
        at += record.len();
    }
    chunk[32..40].copy_from_slice(&(streams.len() as u64).to_le_bytes());
    chunk[48..52].copy_from_slice(&(at as u32).to_le_bytes());
    mend(&mut chunk);
    let mut file = vec![0; 4096];
    file.extend(chunk);
    file
}

/// The name `E` inline at its first use, at `at` in the chunk.
fn open(at: usize) -> Vec<u8> {
    let mut out = vec![0x01, 0, 0, 0, 0];
    out.extend((at as u32 + 9).to_le_bytes());
    out.extend([0, 0, 0, 0, 0, 0, 1, 0, b'E', 0, 0, 0]);
    out
}

#[test]
fn bottomless_nesting_is_one_rejection() {
    let mut stream = vec![0x0f, 1, 1, 0];
    let first = 512 + 24;
    stream.extend(open(first + 4));
    stream.push(0x02);
    for _ in 0..3000 {
        stream.extend([0x01, 0, 0, 0, 0]);
        stream.extend((first as u32 + 4 + 9).to_le_bytes());
        stream.push(0x02);
    }
    let got = decode(&craft(&[stream, vec![0x0f, 1, 1, 0, 0]]), &All::new(), 1);
    assert_eq!(reasons(&got), [Reject::TooDeep]);
    assert_eq!(got.seen.len(), 1);
}

#[test]
fn one_value_in_thousands_of_places_hits_the_budget() {
    // A template of thousands of elements that all take value 0, a text of 60,000 bytes, over and over.
    let first = 512 + 24;
    let mut body = vec![0x0f, 1, 1, 0];
    let element = |name_at: u32| {
        let mut out = vec![0x01, 0xff, 0xff, 0, 0, 0, 0];
        out.extend(name_at.to_le_bytes());
        out
    };
    let definition = first + 14;
    let name_at = (definition + 24 + 4 + 11) as u32;
    body.extend(element(name_at));
    body.extend([0, 0, 0, 0, 0, 0, 1, 0, b'E', 0, 0, 0, 0x02]);
    for _ in 0..1200 {
        body.extend(element(name_at));
        body.extend([0x02, 0x0d, 0, 0, 1, 0x04]);
    }
    body.extend([0x04, 0x00]);
    let mut stream = vec![0x0f, 1, 1, 0, 0x0c, 1, 0, 0, 0, 0];
    stream.extend((definition as u32).to_le_bytes());
    stream.extend([0; 20]);
    stream.extend((body.len() as u32).to_le_bytes());
    stream.extend(&body);
    let instance = |stream: &mut Vec<u8>| {
        stream.extend([1, 0, 0, 0]);
        stream.extend(30_000_u16.to_le_bytes());
        stream.extend([1, 0]);
        stream.extend(b"x\0".repeat(15_000));
        stream.push(0);
    };
    instance(&mut stream);
    let got = decode(&craft(&[stream]), &All::new(), 1);
    assert_eq!(reasons(&got), [Reject::Limit]);
}

/// `<E a="b">` … for names of one's own: a record of elements, each with a name not seen before, that hold their number.
fn strange_names(first: usize, count: usize, start: usize) -> Vec<u8> {
    let mut stream = vec![0x0f, 1, 1, 0];
    let open = |stream: &mut Vec<u8>, name: &str| {
        stream.extend([0x01, 0, 0, 0, 0]);
        let at = start + stream.len() + 4;
        stream.extend((at as u32).to_le_bytes());
        stream.extend([0; 6]);
        stream.extend((name.len() as u16).to_le_bytes());
        stream.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        stream.extend([0, 0, 0x02]);
    };
    open(&mut stream, "Event");
    open(&mut stream, "UserData");
    for number in first..first + count {
        open(&mut stream, &format!("n{number}"));
        let text = number.to_string();
        stream.extend([0x05, 1]);
        stream.extend((text.len() as u16).to_le_bytes());
        stream.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        stream.push(0x04);
    }
    stream.extend([0x04, 0x04, 0x00]);
    stream
}

#[test]
fn names_without_end_are_forgotten_and_values_stay_right() {
    const A_CHUNK: usize = 1000;
    let mut file = vec![0; 4096];
    for chunk in 0..40 {
        let stream = strange_names(chunk * A_CHUNK, A_CHUNK, 512 + 24);
        file.extend(&craft(&[stream])[4096..]);
    }
    let got = decode(&file, &All::new(), 40);
    assert_eq!((got.seen.len(), got.rejections.len()), (40, 0));
    for (chunk, seen) in got.seen.iter().enumerate() {
        let expected: Vec<_> =
            (chunk * A_CHUNK..(chunk + 1) * A_CHUNK).map(|number| (format!("n{number}"), number.to_string())).collect();
        assert_eq!(seen.fields, expected, "chunk {chunk}");
    }
}
