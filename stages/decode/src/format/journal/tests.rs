//! Journals of every variant, real ones, and broken ones.

use std::io::Read;

use shieldwall_schema::Reject;

use super::Journal;
use super::header::HEADER_BYTES_MIN;
use super::samples::{HEADER, Variant, variants, write};
use super::testing::{Collected, Names, decode, decode_in, testdata};
use crate::decoder::{Confidence, Decoder};

fn entries(count: usize) -> Vec<Vec<Vec<u8>>> {
    let one = |number: usize| {
        vec![
            b"_HOSTNAME=web01".to_vec(),
            format!("MESSAGE=message {number} {}", "long enough to be packed ".repeat(number % 7)).into_bytes(),
            b"SYSLOG_IDENTIFIER=sshd-session".to_vec(),
            format!("_PID={}", number / 2).into_bytes(),
        ]
    };
    (0..count).map(one).collect()
}

fn messages(collected: &Collected) -> Vec<String> {
    collected.events.iter().map(|event| event.get("MESSAGE").split(' ').nth(1).unwrap_or_default().to_owned()).collect()
}

fn numbers(range: impl IntoIterator<Item = usize>) -> Vec<String> {
    range.into_iter().map(|number| number.to_string()).collect()
}

fn unpacked(name: &str) -> Vec<u8> {
    let packed = testdata(&format!("journal/{name}.journal.zst"));
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..]).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_variant_is_read_in_order() {
    for variant in variants() {
        let (bytes, placed) = write(variant, &entries(20));
        assert_eq!(Journal.sniff(&bytes), Confidence::MAGIC);
        let projection = Names::new(&["_HOSTNAME", "program"]);
        let collected = decode_in(&Journal, &bytes, 0, &projection);
        assert_eq!(messages(&collected), numbers(0..20), "{variant:?}");
        assert_eq!((&collected.rejections[..], &collected.flags[..]), (&[][..], &[][..]), "{variant:?}");
        let event = &collected.events[6];
        assert_eq!((event.place.offset, event.place.record), (placed[6], Some(7)));
        assert_eq!((&*event.service, &*event.provider, &*event.code), ("sshd", "", ""));
        assert_eq!(event.time.unwrap().to_string(), "2026-01-01T09:00:06Z");
        let message = format!("message 6 {}", "long enough to be packed ".repeat(6));
        assert_eq!(event.line.as_deref(), Some(&*message));
        let mut slots = event.slots.clone();
        slots.sort();
        assert_eq!(slots, [(0, "web01".to_owned()), (1, "sshd-session".to_owned()), (2, message)]);
    }
}

#[test]
fn real_journals_hold_what_journalctl_shows() {
    let expected: Vec<serde_json::Value> = testdata("journal/day.json")
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(expected.len(), 40);
    for name in ["compact", "regular"] {
        let collected = decode(&Journal, &unpacked(name));
        assert_eq!(collected.rejections, [], "{name}");
        assert_eq!(collected.events.len(), expected.len(), "{name}");
        for (event, json) in collected.events.iter().zip(&expected) {
            for (field, value) in json.as_object().unwrap().iter().filter(|(field, _)| !field.starts_with("__")) {
                let text = match value {
                    serde_json::Value::String(text) => text.clone(),
                    // Bytes that are no text come as numbers.
                    serde_json::Value::Array(bytes) => {
                        let bytes: Vec<u8> = bytes.iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
                        String::from_utf8_lossy(&bytes).into_owned()
                    }
                    other => panic!("{name}: {field} is {other}"),
                };
                assert_eq!(event.get(field), text, "{name}: {field}");
            }
            let names = event.fields.iter().filter(|field| field.0 != field.0.to_lowercase()).count();
            let listed = json.as_object().unwrap().keys().filter(|field| !field.starts_with("__")).count();
            assert_eq!(names, listed, "{name}");
        }
        let sudo = &collected.events[36];
        assert_eq!((&*sudo.service, &*sudo.provider), ("sudo", "session-4.scope"));
        assert_eq!(sudo.time.unwrap().to_string(), "2026-01-01T09:00:53.999750Z");
        assert_eq!((sudo.get("facility"), sudo.get("severity")), ("authpriv".to_owned(), "notice".to_owned()));
    }
}

#[test]
fn a_file_cut_anywhere_gives_the_entries_before_the_cut() {
    for variant in [Variant { array: 2, ..variants()[0] }, variants()[7]] {
        let (bytes, placed) = write(variant, &entries(9));
        for length in 0..bytes.len() {
            let collected = decode(&Journal, &bytes[..length]);
            // An entry is whole if the object behind it has begun, or nearly.
            let before = placed.iter().filter(|offset| (**offset + 160) as usize <= length).count();
            assert!(collected.events.len() >= before, "cut at {length}: {} of {before}", collected.events.len());
            let expected = numbers(0..collected.events.len());
            assert_eq!(messages(&collected), expected, "cut at {length}");
            assert!(!collected.rejections.is_empty(), "cut at {length}");
            let reason = collected.rejections[0].reason;
            assert!(reason == Reject::Truncated || length < HEADER_BYTES_MIN as usize, "cut at {length}: {reason:?}");
        }
    }
}

#[test]
fn a_flipped_bit_costs_at_most_the_entries_that_it_touches() {
    for variant in [variants()[0], variants()[5], variants()[7]] {
        let (bytes, _) = write(variant, &entries(12));
        let (mut silent, mut lost_most) = (0, 0);
        for at in 0..bytes.len() {
            for bit in [0, 7] {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                let collected = decode(&Journal, &broken);
                if at < 16 {
                    continue; // Signature and flags: refused as a whole, or another variant.
                }
                let lost = 12usize.saturating_sub(collected.events.len());
                lost_most = lost_most.max(lost);
                silent += usize::from(lost > 0 && collected.rejections.is_empty());
            }
        }
        assert!(lost_most <= 2, "{variant:?}: {lost_most} lost");
        assert_eq!(silent, 0, "{variant:?}");
    }
}

#[test]
fn an_overwritten_stretch_is_rejected_and_the_rest_is_read() {
    let (bytes, placed) = write(variants()[0], &entries(40));
    for fill in [0x00, 0xFF, 0x03] {
        for chained in [true, false] {
            let mut broken = bytes.clone();
            let (from, to) = (placed[10] as usize, placed[15] as usize);
            broken[from..to].fill(fill);
            if !chained {
                broken[176..184].fill(0);
            }
            let collected = decode(&Journal, &broken);
            let read = messages(&collected);
            // Entries 10 to 14 are gone; those that share a data object of theirs miss a field but are there.
            assert_eq!(collected.events.len(), 35, "fill {fill}, chained {chained}: {read:?}");
            assert!(collected.rejected().contains(&(Reject::Corrupt, from as u64)), "fill {fill}");
            assert_eq!(read[..10], numbers(0..10));
            assert_eq!(read[11..], numbers(16..40));
        }
    }
}

#[test]
fn hostile_headers_are_refused_or_survived() {
    let (bytes, placed) = write(variants()[0], &entries(5));
    let with = |at: usize, value: u64| {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        decode(&Journal, &bytes)
    };
    let unknown = with(8, 1 << (32 + 9));
    assert_eq!((unknown.events.len(), unknown.rejected()), (0, vec![(Reject::Unsupported, 8)]));
    for size in [0, 7, 216 + 4, u64::MAX, 1 << 40] {
        let collected = with(88, size);
        assert_eq!(collected.events.len(), 5, "header size {size}");
        assert_eq!(collected.rejections[0].place.offset, 88);
    }
    for tail in [u64::MAX, bytes.len() as u64 + 8] {
        assert_eq!(with(136, tail).rejected(), [(Reject::Truncated, bytes.len() as u64)], "tail {tail}");
    }
    let few = with(152, 9);
    assert_eq!((few.events.len(), few.rejected()), (5, vec![(Reject::Truncated, 152)]));
    // Chains that point at themselves, backwards or nowhere.
    for array in [1, 8, HEADER as u64, placed[0], u64::MAX, u64::MAX - 7] {
        let mut bytes = bytes.clone();
        bytes[176..184].copy_from_slice(&array.to_le_bytes());
        let broken = placed[1] as usize;
        bytes[broken] = 99;
        let collected = decode(&Journal, &bytes);
        assert_eq!(messages(&collected), numbers([0, 2, 3, 4]), "array {array}");
    }
    assert_eq!(decode(&Journal, b"").rejected(), [(Reject::Truncated, 0)]);
    assert_eq!(decode(&Journal, b"LPKSHHRH").rejected(), [(Reject::Truncated, 0)]);
    assert_eq!(decode(&Journal, &[0; 400]).rejected(), [(Reject::Corrupt, 0)]);
}

#[test]
fn an_entry_that_lists_itself_or_nothing_is_rejected() {
    let (mut bytes, placed) = write(variants()[0], &entries(3));
    let entry = placed[1] as usize;
    for item in 0..4 {
        bytes[entry + 64 + item * 16..][..8].copy_from_slice(&placed[1].to_le_bytes());
    }
    let collected = decode(&Journal, &bytes);
    assert_eq!(messages(&collected), numbers([0, 2]));
    assert_eq!(collected.rejected()[..2], [(Reject::Corrupt, placed[1]), (Reject::Corrupt, placed[1])]);
}

#[test]
fn values_that_are_no_text_or_have_no_name_do_not_stop_the_entry() {
    let fields = vec![vec![b"MESSAGE=m 0".to_vec(), b"BLOB=\xff\x00=x".to_vec(), b"noname".to_vec(), b"=v".to_vec()]];
    let (bytes, placed) = write(variants()[0], &fields);
    let collected = decode(&Journal, &bytes);
    assert_eq!(collected.events[0].get("BLOB"), "\u{FFFD}\0=x");
    assert_eq!(collected.rejected(), [(Reject::Corrupt, placed[0]), (Reject::Corrupt, placed[0])]);
    let flags: Vec<_> = collected.flags.iter().map(|flag| flag.0.name()).collect();
    assert_eq!(flags, ["utf8_invalid", "incomplete"]);
}
