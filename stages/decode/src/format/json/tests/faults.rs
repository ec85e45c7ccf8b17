//! Damaged, odd and hostile input.

use super::*;

#[test]
fn a_bad_line_leaves_its_neighbours() {
    let text = "{\"a\":1}\nnot json\n{\"a\":2\n\n  \r\n{\"a\":3}\r\n{\"a\":\"cu";
    let seen = lines(text);
    assert_eq!(seen.events.iter().map(|event| event.offset).collect::<Vec<_>>(), [0, 29]);
    assert_eq!(seen.rejected, [(8, "corrupt"), (17, "corrupt"), (38, "truncated")]);
}

#[test]
fn lines_give_the_same_in_any_pieces() {
    let text = "{\"a\":1}\nx\n[{\"a\":2},{\"a\":3}]\n{\"Records\":[{\"a\":4}]}\n{\"a\":5}{\"a\":6}\n5\n".repeat(9);
    let whole = lines(&text);
    assert_eq!((whole.events.len(), whole.rejected.len(), whole.unwanted), (54, 9, 9));
    for size in [1, 10, 33] {
        assert_eq!(decode_by(&JsonLines, text.as_bytes(), size, &Names::new(NAMES)), whole);
    }
}

#[test]
fn a_line_longer_than_a_chunk_is_counted_once() {
    let clock = Clock::default();
    let names = Names::new(NAMES);
    let mut seen = Seen::default();
    let mut reading = JsonLines.open(Context { projection: &names, clock: &clock, head: b"" });
    for (offset, bytes, last, mid_line) in [
        (0, &b"{\"a\":1}\n{\"a\":\"xx"[..], false, false),
        (16, b"xxxxxxxx", false, true),
        (24, b"xx\"}\n{\"a\":2}\n", true, true),
    ] {
        reading.chunk(&Chunk { offset, bytes, last, mid_line }, &mut seen);
    }
    reading.finish(&mut seen);
    assert_eq!(seen.rejected, [(8, "too_large")]);
    assert_eq!(seen.events.iter().map(|event| event.offset).collect::<Vec<_>>(), [0, 29]);
}

#[test]
fn documents_give_their_records_with_their_places() {
    let seen = document("\u{feff}[\n  {\"a\": 1},\n  {\"a\": {\"b\": \"x\"}}\n]\n");
    assert_eq!(seen.events.iter().map(|event| event.offset).collect::<Vec<_>>(), [7, 19]);
    assert_eq!(seen.events[1].bytes, b"{\"a\": {\"b\": \"x\"}}");
    assert_eq!(seen.events[1].field("a.b"), ["x"]);
    let seen = document(r#"{"Records":[{"eventVersion":"1","eventSource":"s","eventName":"n"},{"a":1}]}"#);
    assert_eq!(seen.events.len(), 2);
    let seen = document("{\n\"a\": 1\n}\n{\n\"a\": 2\n}\n");
    assert_eq!(seen.events.len(), 2);
    let seen = document("[[{\"a\":1}],[{\"a\":2}, 7]]");
    assert_eq!((seen.events.len(), seen.unwanted), (2, 1));
    assert_eq!(seen.flags["unknown_line"], [21]);
}

#[test]
fn damage_in_a_document_leaves_the_records_behind_it() {
    for (text, events, rejected) in [
        // A bad value, a missing quote, a missing brace, a missing comma, a cut end.
        ("[{\"a\":1},{\"a\":x},{\"a\":3}]", &[1, 17][..], &[(9, "corrupt")][..]),
        ("[{\"a\":1},\n{\"a\":\"x},\n{\"a\":\"y\"},\n{\"a\":4}]", &[1, 20, 31], &[(10, "corrupt")]),
        ("[{\"a\":1},{\"a\":2,{\"a\":3},{\"a\":4}]", &[1, 16, 24], &[(9, "corrupt")]),
        ("[{\"a\":1} {\"a\":2}]", &[1, 9], &[(9, "corrupt")]),
        ("[{\"a\":1},{\"a\":2", &[1], &[(9, "truncated")]),
        ("[{\"a\":1},", &[1], &[(9, "truncated")]),
        ("{\"Records\":[{\"a\":1},{\"a\"", &[12], &[(20, "truncated")]),
    ] {
        let seen = document(text);
        assert_eq!(seen.events.iter().map(|event| event.offset).collect::<Vec<_>>(), events, "{text}");
        assert_eq!(seen.rejected.first(), rejected.first(), "{text}");
    }
}

#[test]
fn a_missing_brace_costs_a_long_document_a_few_records_only() {
    let record = format!(r#"{{"a":"{}"}},"#, "x".repeat(1000));
    let text = format!(r#"[{record}{{"a":{{"b":1}},{}{{"a":1}}]"#, record.repeat(40_000));
    let seen = decode_by(&JsonDocument, text.as_bytes(), 1 << 20, &Names::new(&["a"]));
    assert!(seen.events.len() > 39_990 && seen.events.len() <= 40_002, "{} records", seen.events.len());
    assert_eq!(seen.rejected.first().map(|(_, reason)| *reason), Some("too_large"));
    assert!(seen.rejected.len() < 10, "{:?}", seen.rejected);
}

#[test]
fn duplicate_keys_are_flagged_and_only_the_last_can_match() {
    let seen = lines(r#"{"user":"root","a":{"b":"evil"},"user":"guest","a":{"c":1}}"#);
    let event = &seen.events[0];
    assert_eq!((event.field("user"), event.field("a.b")), (vec!["guest"], vec![]));
    assert!(!event.slots.iter().any(|(_, text)| text == "root" || text == "evil"));
    assert_eq!(seen.flags["duplicate_key"], [0]);
    // The tag, too, is that of the last one.
    let seen = lines(r#"{"EventID":1,"Channel":"Security","EventID":4688}"#);
    assert_eq!(seen.events[0].tag, "windows|Security||4688");
}

#[test]
fn bytes_that_are_no_utf8_are_kept_in_hex() {
    let seen = lines(b"{\"user\":\"a\xff\\n\xc3\",\"a\":\"ok\"}");
    let event = &seen.events[0];
    assert_eq!(event.field("user"), ["a\u{fffd}\n\u{fffd}"]);
    assert_eq!(event.field("user_hex"), ["61ff5c6ec3"]);
    assert_eq!(event.field("a"), ["ok"]);
    assert!(event.field("a_hex").is_empty());
    assert_eq!(seen.flags["utf8_invalid"], [0]);
}

#[test]
fn long_values_are_cut_and_many_fields_capped() {
    let long = format!(r#"{{"a":"{}é","user":"{}\n"}}"#, "x".repeat(300_000), "y".repeat(300_000));
    let seen = lines(&long);
    assert_eq!(seen.events[0].field("a")[0].len(), super::super::tape::VALUE_BYTES_MAX);
    assert_eq!(seen.events[0].field("user")[0].len(), super::super::tape::VALUE_BYTES_MAX);
    assert_eq!(seen.flags["truncated"], [0]);
    let many: Vec<String> = (0..20_000).map(|at| format!("\"f{at}\":{at}")).collect();
    let seen = lines(format!("{{{}}}\n{{\"a\":1}}\n", many.join(",")));
    assert_eq!(seen.events[0].fields.len(), super::super::tape::FIELDS_MAX);
    assert_eq!((seen.flags["field_cap"].len(), seen.events.len()), (1, 2));
}

#[test]
fn line_ends_and_controls_inside_of_texts_stay_data() {
    let seen = lines(r#"{"user":"x\r\nJan  1 00:00:00 h sshd[1]: Accepted","a":"\u0000\u001b[31m"}"#);
    assert_eq!(seen.events.len(), 1);
    assert_eq!(seen.events[0].field("a"), ["\0\u{1b}[31m"]);
}

#[test]
fn unwanted_records_are_counted_and_their_oddities_too() {
    let text = "{\"a\":1,\"a\":2}\n{\"b\":1}\n7\n";
    let seen = decode_by(&JsonLines, text.as_bytes(), 1 << 20, &Nothing);
    assert_eq!((seen.events.len(), seen.unwanted), (0, 3));
    assert_eq!(seen.flags["duplicate_key"], [0]);
    assert_eq!(seen.flags["unknown_line"], [22]);
}

#[test]
fn a_time_without_a_zone_is_noticed_and_read_by_the_clock() {
    let lacking = br#"{"EventID":1,"Channel":"c","EventTime":"2026-01-02 03:04:05"}"#;
    assert!(JsonLines.lacks(lacking).zone);
    let clock = Clock::settle(
        JsonLines.lacks(lacking),
        &crate::clock::Survey::default(),
        &crate::clock::TimePolicy { zone: shieldwall_schema::Zone::parse("+02:00"), ..Default::default() },
    )
    .0;
    let names = Names::new(NAMES);
    let mut seen = Seen::default();
    let mut reading = JsonLines.open(Context { projection: &names, clock: &clock, head: b"" });
    reading.chunk(&Chunk { offset: 0, bytes: lacking, last: true, mid_line: false }, &mut seen);
    assert_eq!(seen.events[0].time.as_deref(), Some("2026-01-02T01:04:05Z"));
    assert_eq!(seen.events[0].time_text.as_deref(), Some("2026-01-02 03:04:05"));
    assert!(!JsonLines.lacks(br#"{"ts":"2026-01-02T03:04:05Z"}"#).zone);
    assert!(!JsonDocument.lacks(br#"[{"CreationTime":"2026-01-02T03:04:05","Operation":"x","Workload":"y"}]"#).zone);
}

/// Input that is made to be slow: keys that all differ, arrays that might be a wrapper's, faults behind faults. Each is read
/// once or a few times, whatever its size.
#[test]
fn hostile_input_is_read_in_linear_time() {
    let keys: String = (0..60_000).map(|at| format!("{{\"k{at}\":{{\"x{at}\":1}}}}\n")).collect();
    assert_eq!(lines(&keys).events.len(), 60_000);
    let wrappers = format!("[{}1]", "{\"value\":[[[1]]],\"value\":[1],\"value\":[2]},".repeat(20_000));
    assert_eq!(decode_by(&JsonDocument, wrappers.as_bytes(), 1 << 16, &Names::new(NAMES)).events.len(), 20_000);
    let faults = "[{\"a\":x\n{\"a\":[{},{\"b\"\n".repeat(20_000);
    let seen = decode_by(&JsonDocument, faults.as_bytes(), 1 << 16, &Names::new(NAMES));
    assert!(!seen.rejected.is_empty());
    let braces = "{\n".repeat(200_000);
    assert!(!decode_by(&JsonDocument, braces.as_bytes(), 1 << 16, &Names::new(NAMES)).rejected.is_empty());
    let tags: String = (0..20_000).map(|at| format!("{{\"EventID\":{at},\"Channel\":\"c{at}\"}}\n")).collect();
    assert_eq!(lines(&tags).events.len(), 20_000);
}

/// Small hostile documents: each of them, each beginning of them, and each with any one bit flipped, is read without a
/// panic, and the same in one piece and in many.
#[test]
fn replay() {
    const CORPUS: &[&[u8]] = &[
        br#"{"Records":[{"a":"x\u00e9\ud83d\ude00"},{"b":[1,-2.5e3,null]}],"x":"]}"}"#,
        b"[{\"EventID\":1,\"Channel\":\"c\",\"a\":{\"b\":\"\xff\"}},[[]],5]\n{\"z\":1}",
        br#"{"took":1,"hits":{"hits":[{"_source":{"winlog":{"event_id":"1"}}}]}}{"a":1}"#,
        b"\xef\xbb\xbf{\"a\":\"\\\\\\\"\"}\n\x1e{\"a\":1,\"a\":2}\r\n",
        br#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1,2,999],"__CURSOR":{}}"#,
        br#"{"CloudTrailEvent":"{\"a\":[}","EventName":"x"}"#,
        br#"{"remote_addr":"1","request":"GET  HTTP/1.1","status":1,"uri":"?"}"#,
    ];
    let names = Names::new(NAMES);
    let check = |bytes: &[u8]| {
        let whole = decode_by(&JsonDocument, bytes, 1 << 20, &names);
        assert_eq!(decode_by(&JsonDocument, bytes, 3, &names), whole, "{}", String::from_utf8_lossy(bytes));
        decode_by(&JsonLines, bytes, 1 << 20, &names);
        let _ = (JsonLines.sniff(bytes), JsonDocument.sniff(bytes), JsonLines.lacks(bytes));
    };
    for bytes in CORPUS {
        for end in 0..=bytes.len() {
            check(&bytes[..end]);
        }
        let mut flipped = bytes.to_vec();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                flipped[at] ^= 1 << bit;
                check(&flipped);
                flipped[at] ^= 1 << bit;
            }
        }
    }
}
