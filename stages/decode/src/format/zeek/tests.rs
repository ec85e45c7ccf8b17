//! Zeek logs at their boundary, made by hand after Zeek's own writers.

use super::Zeek;
use crate::decoder::{Confidence, Decoder};
use crate::format::json::JsonLines;
use crate::fuzzing;
use crate::testing::{Kept, decode};
use shieldwall_schema::{Flag, Reject};

fn log(path: &str, fields: &str, types: &str, lines: &[&str]) -> String {
    let tabs = |text: &str| text.split_whitespace().collect::<Vec<_>>().join("\t");
    let mut text = format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n\
         #open\t2026-01-02-03-04-05\n#fields\t{}\n#types\t{}\n",
        tabs(fields),
        tabs(types)
    );
    for line in lines {
        text.push_str(&line.replace('|', "\t"));
        text.push('\n');
    }
    text.push_str("#close\t2026-01-02-04-00-00\n");
    text
}

fn read(text: impl AsRef<[u8]>) -> Kept {
    decode(&Zeek, text.as_ref(), None)
}

const CONN: (&str, &str) = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes local_orig history tunnel_parents",
    "time string addr port addr port enum string interval count bool string set[string]",
);

#[test]
fn the_same_records_as_text_and_as_json_give_the_same_events() {
    for (path, (fields, types), line, json) in [
        (
            "conn",
            CONN,
            "1767323045.250001|CHhAvVGS1DHFjwGM9|192.0.2.1|49152|198.51.100.7|443|tcp|ssl|0.511250|2000|T|ShADadFf|-",
            r#"{"_path":"conn","ts":1767323045.250001,"uid":"CHhAvVGS1DHFjwGM9","id.orig_h":"192.0.2.1","id.orig_p":49152,"id.resp_h":"198.51.100.7","id.resp_p":443,"proto":"tcp","service":"ssl","duration":0.511250,"orig_bytes":2000,"local_orig":true,"history":"ShADadFf"}"#,
        ),
        (
            "dns",
            (
                "ts uid id.orig_h query qtype qtype_name rejected AA answers TTLs",
                "time string addr string count string bool bool vector[string] vector[interval]",
            ),
            r"1767323045.000002|CX|2001:db8::1|a\x09b.example.test|16|TXT|F|T|TXT 4 a\x2c b,192.0.2.9|60.0,1.5",
            r#"{"_path":"dns","ts":1767323045.000002,"uid":"CX","id.orig_h":"2001:db8::1","query":"a\tb.example.test","qtype":16,"qtype_name":"TXT","rejected":false,"AA":true,"answers":["TXT 4 a, b","192.0.2.9"],"TTLs":[60.0,1.5]}"#,
        ),
        (
            "http",
            (
                "ts uid method host uri user_agent status_code tags username resp_mime_types",
                "time string string string string string count set[enum] string vector[string]",
            ),
            r"1767323045.5|CY|GET|(empty)|/a\\b\xff|Mozilla/5.0 (X11; \xc3\xa9)|404|(empty)|-|text/html",
            r#"{"_path":"http","ts":1767323045.5,"uid":"CY","method":"GET","host":"","uri":"/a\\b\\xff","user_agent":"Mozilla/5.0 (X11; é)","status_code":404,"tags":[],"resp_mime_types":["text/html"]}"#,
        ),
        (
            "smb_files",
            ("ts uid id.orig_h action path name size", "time string addr enum string string count"),
            r"1767323045.5|CZ|192.0.2.1|SMB::FILE_OPEN|\\\\dc1\\ADMIN$|svc\\x.exe|12",
            r#"{"_path":"smb_files","ts":1767323045.5,"uid":"CZ","id.orig_h":"192.0.2.1","action":"SMB::FILE_OPEN","path":"\\\\dc1\\ADMIN$","name":"svc\\x.exe","size":12}"#,
        ),
    ] {
        let text = read(log(path, fields, types, &[line]));
        let json = decode(&JsonLines, format!("{json}\n").as_bytes(), None);
        assert_eq!((text.rejections.len(), text.events.len(), json.events.len()), (0, 1, 1), "{path}");
        let (text, json) = (&text.events[0], &json.events[0]);
        assert_eq!((&text.product, &text.service), (&json.product, &json.service), "{path}");
        assert_eq!((text.product.as_str(), text.service.as_str()), ("zeek", path));
        assert_eq!((&text.time, &text.time_text), (&json.time, &json.time_text), "{path}");
        assert!(text.time.starts_with("2026-01-02T03:04:05."), "{}", text.time);
        let fields = |event: &crate::testing::KeptEvent| -> Vec<(String, String)> {
            event.fields.iter().filter(|(name, _)| name != "_path").cloned().collect()
        };
        assert_eq!(fields(text), fields(json), "{path}");
    }
}

#[test]
fn a_header_may_change_on_the_way() {
    let dns = log("dns", "ts query", "time string", &["1767323045.0|a.example.test"]);
    let http = log("http", "ts host uri", "time string string", &["1767323046.0|h|/u", "1767323047.0|h|/v"]);
    let kept = read(dns.clone() + &http + &dns);
    assert_eq!((kept.rejections.len(), kept.flags.len()), (0, 0));
    let shown: Vec<_> = kept.events.iter().map(|event| format!("{} {}", event.service, event.fields.len())).collect();
    assert_eq!(shown, ["dns 2", "http 3", "http 3", "dns 2"]);
    // Other separators and marks, as `LogAscii` may be told to use.
    let piped = "#separator |\n#set_separator|;\n#empty_field|EMPTY\n#unset_field|NONE\n#path|x\n#fields|ts|a|b|c\n\
                 #types|time|set[string]|string|string\n1767323045.0|p;q|NONE|EMPTY\n";
    let kept = read(piped);
    assert_eq!(kept.events[0].show(&["a", "b", "c"]), "a=p a=q c=");
}

#[test]
fn a_forged_header_line_among_records_renames_nothing() {
    let text = log(
        "dns",
        "ts query",
        "time string",
        &[
            "1767323045.0|a.example.test",
            "#fields|ts|harmless",
            "#path|benign",
            "#unset_field|evil.example.test",
            "1767323046.0|evil.example.test",
        ],
    );
    let kept = read(&text);
    assert_eq!(kept.rejections.iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), [Reject::Corrupt; 3]);
    let last = &kept.events[1];
    assert_eq!((last.field("query"), last.service.as_str()), (Some("evil.example.test"), "dns"));
    assert_eq!(kept.rejections[0].0, text.find("#fields\tts\tharmless").unwrap() as u64);
}

#[test]
fn what_cannot_be_read_is_counted_and_the_neighbours_survive() {
    let good = "1767323045.0|q|x";
    for (line, reason) in [("1767323045.0|q", Reject::Corrupt), ("1767323045.0|q|x|y", Reject::Corrupt)] {
        let kept = read(log("dns", "ts query a", "time string string", &[good, line, good]));
        assert_eq!((kept.events.len(), kept.rejections.len()), (2, 1), "{line}");
        assert_eq!(kept.rejections[0].1, reason);
    }
    let mut cut = log("dns", "ts query a", "time string string", &[good]).replace("#close\t2026-01-02-04-00-00\n", "");
    cut.push_str("1767323045.0\tq");
    assert_eq!(read(&cut).rejections[0].1, Reject::Truncated);
    for (text, events, reason) in [
        ("#separator \\x09\n1\t2\n", 0, Reject::Corrupt),
        ("#separator \\x09\\x09\n#fields\tts\n1767323045\n", 0, Reject::Unsupported),
        ("#separator \\x09\n#set_separator\tab\n#fields\tts\n1\n", 0, Reject::Unsupported),
        ("#separator \\x09\n#fields\tts\ta\n#types\ttime\n1767323045\tx\n", 0, Reject::Corrupt),
    ] {
        let kept = read(text);
        assert_eq!((kept.events.len(), kept.rejections[0].1), (events, reason), "{text}");
    }
    // A header after a refused one serves again.
    let text = format!("#separator ab\n#fields\tts\n1\n{}", log("x", "ts a", "time string", &["1767323045.0|v"]));
    assert_eq!((read(&text).events.len(), read(&text).rejections.len()), (1, 2));
}

#[test]
fn limits_hold() {
    let names = vec!["n"; 1025].join("\t");
    let kept = read(format!("#separator \\x09\n#fields\t{names}\n{names}\n"));
    assert_eq!((kept.events.len(), kept.rejections[0].1), (0, Reject::TooLarge));
    let names = vec!["n"; 1024].join("\t");
    assert_eq!(read(format!("#separator \\x09\n#fields\t{names}\n{names}\n")).events.len(), 1);
    let long = "p".repeat(257);
    let kept = read(format!("#separator \\x09\n#path\t{long}\n#fields\tts\n1767323045\n"));
    assert_eq!((kept.events.len(), kept.rejections[0].1), (0, Reject::TooLarge));
}

#[test]
fn odd_records_are_flagged_and_kept() {
    let kept = read(log("dns", "ts query", "time string", &["0.0|q", "x|q", "-|q"]));
    assert_eq!((kept.events.len(), kept.count(Flag::TimeInvalid)), (3, 2));
    let mut bytes = log("dns", "ts query", "time string", &["1767323045.0|q?"]).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xff;
    let kept = read(&bytes);
    assert_eq!((kept.events.len(), kept.count(Flag::Utf8Invalid)), (1, 1));
    assert_eq!(kept.events[0].field("query"), Some("q\u{fffd}"));
    assert!(kept.events[0].field("message_hex").is_some_and(|hex| hex.ends_with("71ff")));
    // What a column's type promises and its value is not stays text.
    let kept = read(log("x", "ts n b", "time count bool", &["1767323045.0|1e5\",|maybe"]));
    assert_eq!(kept.events[0].show(&["n", "b"]), "n=1e5\", b=maybe");
}

#[test]
fn only_zeek_is_taken_for_zeek() {
    for (head, sure) in [
        (&b"#separator \\x09\n"[..], true),
        (b"\xef\xbb\xbf#separator \\x09\r\n", true),
        (b"#fields\tts\tuid\n", true),
        (b"#Fields: date time\n", false),
        (b"# separator\n", false),
        (b"1767323045.0\tC\n", false),
        (b"", false),
    ] {
        assert_eq!(Zeek.sniff(head) > Confidence::NO, sure, "{head:?}");
    }
}

/// Small hostile files: none may panic, and each gives what it says.
#[test]
fn hostile_files_are_survived() {
    for (data, events, rejections) in [
        (&b"#separator "[..], 0, 1),
        (b"#separator \\x\n#fields\n#types\n\t\n", 0, 2),
        (b"#separator \\x09\n#fields\n\t\t\n-\n", 0, 2),
        (b"#fields\t\n\n#types\t\nx\n", 1, 0),
        (b"#fields\t\t\t\n\t\t\n-\t-\t-\n", 2, 0),
        (b"#fields\tts\n#fields\tts\n#types\tset[\n1\n", 1, 0),
        (b"#fields\tts\n#types\tset[set[set[]]]]]]]]\n1\n", 1, 0),
        (b"#separator \\x09\n#unset_field\t\n#fields\ta\tb\n\tb\n", 1, 0),
        (b"#separator \\x09\n#empty_field\t\n#fields\ta\n\\\n", 1, 0),
        (b"#separator \\x00\n#fields\0ts\0a\n1767323045\0x\n", 1, 0),
        (b"#\n##\n#\t\n#path\n", 0, 0),
        (b"x\n#separator \\x09\n#fields\tx\nx\n", 1, 1),
        (b"#separator \\x09\n#fields\tx\n\xff\xfe\n\\xff\\x\n", 2, 0),
    ] {
        let tally = fuzzing::run("zeek", data);
        assert_eq!((tally.events, tally.rejections.len()), (events, rejections), "{:?}", String::from_utf8_lossy(data));
    }
}
