//! Lines, real files and hostile files through the whole decoders.

use super::*;
use crate::decoder::{Confidence, Decoder};
use crate::fuzzing;
use crate::testing::{decode, sample};
use shieldwall_schema::Flag;

const REQUEST: [&str; 5] = ["c-ip", "cs-method", "cs-uri", "sc-status", "cs-user-agent"];

fn fields(decoder: &dyn Decoder, line: &str, names: &[&str]) -> String {
    let kept = decode(decoder, line.as_bytes(), None);
    assert!(kept.flags.is_empty(), "{line}: {:?}", kept.flags);
    format!("{} {}", kept.events[0].time, kept.events[0].show(names)).trim_end().to_owned()
}

#[test]
fn access_lines_are_read() {
    for (line, names, expected) in [
        (
            r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326"#,
            &[
                "c-ip",
                "cs-username",
                "cs-method",
                "cs-uri",
                "cs-uri-stem",
                "cs-uri-query",
                "cs-version",
                "sc-status",
                "sc-bytes",
            ][..],
            "2000-10-10T20:55:36Z c-ip=127.0.0.1 cs-username=frank cs-method=GET cs-uri=/a.gif?x=1 cs-uri-stem=/a.gif \
             cs-uri-query=x=1 cs-version=HTTP/1.0 sc-status=200 sc-bytes=2326",
        ),
        (
            r#"::1 - - [10/Oct/2000:13:55:36 +0000] "GET /%2e%2e/x?q=%3Cb%3E HTTP/1.0" 404 - "-" "a \"b\" c""#,
            &["c-ip", "cs-username", "cs-uri", "cs-uri-query", "sc-bytes", "cs-referer", "cs-user-agent"],
            r#"2000-10-10T13:55:36Z c-ip=::1 cs-uri=/%2e%2e/x?q=%3Cb%3E cs-uri=/../x?q=<b> cs-uri-query=q=%3Cb%3E cs-uri-query=q=<b> cs-user-agent=a "b" c"#,
        ),
        (
            r#"www.example.com:443 10.1.1.2 - - [13/Jan/2018:19:31:17 +0000] "GET / HTTP/1.1" 200 1063 "http://r/" "UA""#,
            &["cs-host", "s-port", "c-ip", "cs-referer"],
            "2018-01-13T19:31:17Z cs-host=www.example.com s-port=443 c-ip=10.1.1.2 cs-referer=http://r/",
        ),
        (
            r#"10.0.0.1 - - [13/Jan/2018:19:31:17 +0000] "GET / HTTP/1.1" 200 1 "-" "UA" "192.0.2.1, 192.0.2.2" rt=0.1"#,
            &["x-forwarded-for", "extra"],
            r#"2018-01-13T19:31:17Z x-forwarded-for=192.0.2.1 x-forwarded-for=192.0.2.2 extra="192.0.2.1, 192.0.2.2" rt=0.1"#,
        ),
        (
            r#"10.0.0.1 - - [13/Jan/2018:19:31:17 +0000] "\x16\x03\x01" 400 226"#,
            &["cs-method", "cs-uri", "sc-status"],
            "2018-01-13T19:31:17Z cs-uri=\u{16}\u{3}\u{1} sc-status=400",
        ),
        (
            r#"1.2.3.4 - - [25/Apr/2021:06:15:33 +0000] "GET /a?t=<script>alert("text")</script> HTTP/1.0" 404 1164"#,
            &["cs-uri-query", "sc-status"],
            r#"2021-04-25T06:15:33Z cs-uri-query=t=<script>alert("text")</script> sc-status=404"#,
        ),
        (
            r#"192.168.0.64 - john doe [x] [16/Nov/2019:09:46:42 +0200] "GET / HTTP/1.1" 200 8264"#,
            &["c-ip", "cs-username"],
            "2019-11-16T07:46:42Z c-ip=192.168.0.64 cs-username=john doe [x]",
        ),
        (
            r#"10.0.0.1 - - [13/Jan/2018:19:31:17 +0000] "-" 408 - "-" "-""#,
            &REQUEST,
            "2018-01-13T19:31:17Z c-ip=10.0.0.1 sc-status=408",
        ),
        (
            r#"10.0.0.1 - - [13/Jan/2018:19:31:17 +0000] "GET http://evil.example/x?y HTTP/1.1" 200 1"#,
            &["cs-host", "cs-uri-stem", "cs-uri-query"],
            "2018-01-13T19:31:17Z cs-host=evil.example cs-uri-stem=/x cs-uri-query=y",
        ),
    ] {
        assert_eq!(fields(&Access, line, names), expected, "{line}");
    }
}

#[test]
fn error_lines_are_read() {
    for (line, names, expected) in [
        (
            r#"2026/03/10 03:12:00 [error] 123#456: *7 open() "/usr/share/a, client: 9.9.9.9, server: b" failed (2: No such file or directory), client: 192.0.2.1, server: www, request: "GET /a, b?c=%41 HTTP/1.1", upstream: "http://127.0.0.1:80/", host: "h.example.com", referrer: "http://r/""#,
            &["level", "pid", "tid", "c-ip", "server", "cs-method", "cs-uri", "cs-host", "cs-referer", "upstream"][..],
            "2026-03-10T03:12:00Z level=error pid=123 tid=456 c-ip=192.0.2.1 server=www cs-method=GET cs-uri=/a, b?c=%41 \
             cs-uri=/a, b?c=A cs-host=h.example.com cs-referer=http://r/ upstream=http://127.0.0.1:80/",
        ),
        (
            "2026/03/10 03:12:00 [alert] 1#1: worker process 9 exited on signal 6 (core dumped)",
            &["level", "message", "c-ip"],
            "2026-03-10T03:12:00Z level=alert message=worker process 9 exited on signal 6 (core dumped)",
        ),
        (
            "[Tue Mar 10 03:12:00.123456 2026] [core:error] [pid 1:tid 2] [client 192.0.2.1:5555] AH00126: Invalid URI in \
             request GET /../x HTTP/1.1, referer: http://r/",
            &["module", "level", "pid", "tid", "c-ip", "c-port", "error_code", "message", "cs-referer"],
            "2026-03-10T03:12:00.123456Z module=core level=error pid=1 tid=2 c-ip=192.0.2.1 c-port=5555 error_code=AH00126 \
             message=AH00126: Invalid URI in request GET /../x HTTP/1.1 cs-referer=http://r/",
        ),
        (
            "[Sun Dec 04 04:47:44 2005] [error] [client 192.0.2.1] Directory index forbidden by rule: /var/www/html/",
            &["level", "c-ip", "c-port", "message"],
            "2005-12-04T04:47:44Z level=error c-ip=192.0.2.1 message=Directory index forbidden by rule: /var/www/html/",
        ),
        (
            "[Tue Mar 10 03:12:00 2026] [core:error] [pid 1] (13)Permission denied: [client [::1]:5555] AH00132: x",
            &["pid", "c-ip", "c-port", "error_code"],
            "2026-03-10T03:12:00Z pid=1 c-ip=::1 c-port=5555 error_code=AH00132",
        ),
    ] {
        assert_eq!(fields(&ServerError, line, names), expected, "{line}");
    }
    let provider = |line: &str| decode(&ServerError, line.as_bytes(), None).events[0].provider.clone();
    assert_eq!(provider("[Sun Dec 04 04:47:44 2005] [error] x"), "apache");
    assert_eq!(provider("2026/03/10 03:12:00 [alert] 1#1: x"), "nginx");
}

#[test]
fn ftp_lines_are_read() {
    let names = ["pid", "user", "event_type", "src_ip", "path", "bytes"];
    for (line, expected) in [
        (
            "Mon Jun  6 18:43:28 2016 [pid 2] CONNECT: Client \"192.168.1.9\"",
            "pid=2 event_type=ftp_connect src_ip=192.168.1.9",
        ),
        (
            "Mon Jun  6 18:43:28 2016 [pid 1] [j] x] FAIL LOGIN: Client \"192.168.1.9\"",
            "pid=1 user=j] x event_type=ftp_login_failed src_ip=192.168.1.9",
        ),
        (
            "Mon Jun  6 18:43:28 2016 [pid 3] [jean] OK UPLOAD: Client \"192.168.1.9\", \"/home/a.png\", 1884648 bytes, 4.4Kbyte/sec",
            "pid=3 user=jean event_type=ftp_upload src_ip=192.168.1.9 path=/home/a.png bytes=1884648",
        ),
    ] {
        assert_eq!(fields(&Vsftpd, line, &names), format!("2016-06-06T18:43:28Z {expected}"), "{line}");
    }
}

#[test]
fn w3c_columns_follow_the_header_that_stands_before_them() {
    let text = "#Software: IIS\n#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status\n\
                2021-04-01 00:00:21 GET /a.asp x=%27 192.0.2.1 Mozilla/5.0+(X) 200\n\
                #Date: 2021-04-02 00:00:00\n#Fields: time c-ip sc-status\n01:02:03 192.0.2.2 404\nodd\n";
    let kept = decode(&W3c, text.as_bytes(), None);
    let names = ["c-ip", "cs-method", "cs-uri", "cs-uri-query", "cs-user-agent", "sc-status"];
    let shown: Vec<_> = kept.events.iter().map(|e| format!("{} {} {}", e.time, e.time_text, e.show(&names))).collect();
    assert_eq!(
        shown,
        [
            "2021-04-01T00:00:21Z 2021-04-01 00:00:21 c-ip=192.0.2.1 cs-method=GET cs-uri=/a.asp?x=%27 cs-uri=/a.asp?x=' \
             cs-uri-query=x=%27 cs-uri-query=x=' cs-user-agent=Mozilla/5.0+(X) cs-user-agent=Mozilla/5.0 (X) sc-status=200",
            "2021-04-02T01:02:03Z 01:02:03 c-ip=192.0.2.2 sc-status=404",
            "  ",
        ]
    );
    assert_eq!(kept.flags, [(text.len() as u64 - 4, Flag::UnknownLine)]);
    let firewall = "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n\
                    #Fields: date time action protocol src-ip dst-ip src-port dst-port\n\
                    2026-03-10 03:12:00 DROP TCP 192.0.2.1 192.0.2.2 4000 22\n";
    assert!(W3c.lacks(firewall.as_bytes()).zone);
    let kept = decode(&W3c, firewall.as_bytes(), None);
    assert_eq!(
        (kept.events[0].service.as_str(), kept.events[0].show(&["action", "dst-port"])),
        ("pfirewall", "action=DROP dst-port=22".into())
    );
}

#[test]
fn lines_in_no_known_form_are_kept_and_counted() {
    for (decoder, good) in [
        (&Access as &dyn Decoder, r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1"#),
        (&ServerError, "[Sun Dec 04 04:47:44 2005] [error] x"),
        (&Vsftpd, "Mon Jun  6 18:43:28 2016 [pid 2] CONNECT: Client \"192.168.1.9\""),
    ] {
        let kept = decode(decoder, format!("{good}\n  at stack.frame\n{good}\n").as_bytes(), None);
        assert_eq!((kept.events.len(), kept.flags.len()), (3, 1), "{}", decoder.name());
        assert_eq!(kept.flags[0], (good.len() as u64 + 1, Flag::UnknownLine));
        assert_eq!(kept.events[1].line, "  at stack.frame");
        assert_eq!(decoder.sniff(format!("{good}\n").as_bytes()), Confidence::SURE);
        for (other, _) in [(&Access as &dyn Decoder, ""), (&ServerError, ""), (&Vsftpd, ""), (&W3c, "")] {
            let expected = if other.name() == decoder.name() { Confidence::SURE } else { Confidence::NO };
            assert_eq!(other.sniff(good.as_bytes()), expected, "{} on {}", other.name(), decoder.name());
        }
    }
}

#[test]
fn real_files_are_read_line_by_line() {
    // Decoder, file, events, events without a known form.
    for (decoder, path, events, unknown) in [
        (&Access as &dyn Decoder, "plaso-logs/apache_access.log", 15, 0),
        (&ServerError, "loghub/Apache/Apache_2k.log", 2000, 0),
        (&Vsftpd, "plaso-logs/vsftpd.log", 25, 0),
        (&W3c, "plaso-logs/iis/iis10.log", 1, 0),
        (&W3c, "plaso-logs/iis/iis10_cookies.log", 3, 0),
        (&W3c, "plaso-logs/iis/iis10_edge_cases.log", 15, 0),
        (&W3c, "plaso-logs/iis/iis6.log", 12, 0),
        (&W3c, "plaso-logs/iis/iis7_owa.log", 3, 0),
        (&W3c, "plaso-logs/iis/iis7_sqli.log", 2, 0),
        (&W3c, "plaso-logs/iis/iis_without_date.log", 11, 0),
    ] {
        let Some(data) = sample(path) else { return };
        assert_eq!(decoder.sniff(&data), Confidence::SURE, "{path}");
        let kept = decode(decoder, &data, None);
        assert_eq!((kept.events.len(), kept.count(Flag::UnknownLine)), (events, unknown), "{path}: {:?}", kept.flags);
        assert!(kept.events.iter().all(|event| !event.time.is_empty()), "{path}");
        fuzzing::run(decoder.name(), &data);
    }
}

#[test]
fn hostile_bytes_do_no_harm() {
    for text in [
        &b"1 - - [10/Oct/2000:13:55:36 -0700"[..],
        b"1 - - [10/Oct/2000:13:55:36 -0700]",
        b"1 - - [10/Oct/2000:13:55:36 -0700] \"",
        b"1 - - [10/Oct/2000:13:55:36 -0700] \"\\",
        b"1 - - [10/Oct/2000:13:55:36 -0700] \"\"",
        b"1 - - [10/Oct/2000:13:55:36 -0700] \"%\" 200",
        b"1 - - [10/Oct/2000:13:55:36 -0700] \"GET /%ff%\xff HTTP/1.1\" 200 - \"\\\"",
        b" [10/Oct/2000:13:55:36 -0700]",
        b"[[[[[[[[",
        b"[Sun Dec 04 04:47:44 2005] [",
        b"[Sun Dec 04 04:47:44 2005] [error]",
        b"[Sun Dec 04 04:47:44 2005] [error] [client ",
        b"2026/03/10 03:12:00 [error] 1#1: , client: ",
        b"2026/03/10 03:12:00 [error] 1#1: x, client: , request: \"",
        b"Mon Jun  6 18:43:28 2016 [pid ",
        b"Mon Jun  6 18:43:28 2016 [pid 1] [",
        b"Mon Jun  6 18:43:28 2016 [pid 1] [a: ",
        b"#Fields:",
        b"#Fields: date time\nx\n\"\n\" \"\n",
        b"#Fields: time date\n00:00:00 2021-02-30\n",
    ] {
        for name in ["weblog_access", "weblog_error", "vsftpd", "w3c"] {
            fuzzing::run(name, text);
            fuzzing::run(name, &[text, b"\n"].concat().repeat(30));
        }
    }
}
