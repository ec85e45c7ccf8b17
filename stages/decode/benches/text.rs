//! Bytes a second of the text decoders, on lines made here: `cargo bench -p shieldwall-decode --bench text`.
//!
//! `line`: the keyword slot only. `fields`: the keyword slot and eight fields. `unwanted`: nobody wants anything.

#![expect(clippy::expect_used, reason = "a bench reads only what it made itself")]
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use shieldwall_decode::{Clock, Context, Decoder, format};
use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Rejection, Sink, SlotSpec, Tag, Timestamp, Want};

/// Bytes of each corpus: more than the caches hold of its parts, little enough to run often.
const CORPUS_BYTES: usize = 4 * 1024 * 1024;

fn main() {
    divan::main();
}

struct Asked(Option<Arc<Want>>);

impl Projection for Asked {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        self.0.clone()
    }
}

#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn event(&mut self, event: &Event<'_>) {
        self.0 += event.slots.len() as u64;
        black_box(event.time);
    }
    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.0 += count;
    }
    fn reject(&mut self, _: Rejection) {}
    fn flag(&mut self, _: Flag, _: Place) {}
}

fn syslog(iso: bool) -> String {
    let mut text = String::new();
    let mut number = 0_u32;
    while text.len() < CORPUS_BYTES {
        number += 1;
        let (minute, second, host) = (number / 600 % 60, number / 10 % 60, number % 50);
        if iso {
            let _ = write!(text, "2026-03-10T03:{minute:02}:{second:02}.{:06}+01:00 web{host:02} ", number % 1_000_000);
        } else {
            let _ = write!(text, "Mar 10 03:{minute:02}:{second:02} web{host:02} ");
        }
        let pid = number % 30_000;
        let _ = match number % 5 {
            0 => writeln!(
                text,
                "sshd[{pid}]: Failed password for invalid user admin{host} from 198.51.100.{host} port {pid} ssh2"
            ),
            1 => writeln!(text, "CRON[{pid}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)"),
            2 => writeln!(
                text,
                "kernel: [{pid}.123456] wlan0: deauthenticating from 94:b4:0f:ff:9a:b0 by local choice (reason=3)"
            ),
            3 => writeln!(
                text,
                "sudo:    alice : TTY=pts/{host} ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/apt-get install -y curl"
            ),
            _ => writeln!(
                text,
                "systemd[1]: Started Session {pid} of User root and the things that it needs to run well."
            ),
        };
    }
    text
}

fn access() -> String {
    let mut text = String::new();
    let mut number = 0_u32;
    while text.len() < CORPUS_BYTES {
        number += 1;
        let path = match number % 4 {
            0 => "/articles/dynamic-dns-with-dhcp/?page=2&sort=asc",
            1 => "/wp-content/themes/darkmode/evil.php?cmd=ver%3B+uname+-a",
            _ => "/static/css/main.0f3a77c1.css",
        };
        let _ = writeln!(
            text,
            "203.0.113.{} - - [13/Jan/2026:19:{:02}:{:02} +0000] \"GET {path} HTTP/1.1\" 200 {} \"https://www.example.com/\" \
             \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36\"",
            number % 250,
            number / 600 % 60,
            number / 10 % 60,
            number % 90_000
        );
    }
    text
}

fn plain() -> String {
    let mut text = String::new();
    let mut number = 0_u32;
    while text.len() < CORPUS_BYTES {
        number += 1;
        let _ = writeln!(
            text,
            "2026-03-10 03:12:{:02} status installed package-{number}:amd64 1.2.3-{number}",
            number % 60
        );
    }
    text
}

fn zeek() -> String {
    let mut text = String::from(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\t\
         id.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\t\
         missed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n#types\ttime\tstring\taddr\t\
         port\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\t\
         set[string]\n",
    );
    let mut number = 0_u32;
    while text.len() < CORPUS_BYTES {
        number += 1;
        let _ = writeln!(
            text,
            "{}.{:06}\tC{number:017}\t192.168.1.{}\t{}\t198.51.100.{}\t443\ttcp\tssl\t0.{:06}\t{}\t{}\tSF\tT\tF\t0\tShADadFf\t9\t{}\t12\t\
             {}\t-",
            1_773_112_320 + number / 10,
            number % 1_000_000,
            number % 250,
            1024 + number % 60_000,
            number % 250,
            number % 1_000_000,
            number % 5000,
            number % 90_000,
            number % 6000,
            number % 95_000,
        );
    }
    text
}

/// What is asked in a bench.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Unwanted,
    Line,
    Fields,
}

const ASKS: [Ask; 3] = [Ask::Unwanted, Ask::Line, Ask::Fields];

fn run(bencher: Bencher<'_, '_>, name: &str, text: &str, ask: Ask, fields: [&str; 8]) {
    let decoder: &dyn Decoder = *format::registry().iter().find(|decoder| decoder.name() == name).expect("registered");
    let want = match ask {
        Ask::Unwanted => None,
        Ask::Line => Some(Arc::new(Want::new(vec![], Some(0), 0))),
        Ask::Fields => {
            let slots = fields.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
            Some(Arc::new(Want::new(slots, Some(8), 0)))
        }
    };
    let (asked, clock) = (Asked(want), Clock::default());
    let head = text.as_bytes().get(..format::HEAD_BYTES).unwrap_or_default();
    bencher.counter(BytesCount::of_str(text)).bench(|| {
        let mut sink = Count::default();
        let mut reader = decoder.open(Context { projection: &asked, clock: &clock, head });
        reader.chunk(&Chunk { offset: 0, bytes: text.as_bytes(), last: true, mid_line: false }, &mut sink);
        sink.0
    });
}

const SYSLOG: [&str; 8] = ["message", "program", "hostname", "pid", "user", "src_ip", "command", "event_type"];
const WEB: [&str; 8] =
    ["c-ip", "cs-method", "cs-uri", "cs-uri-stem", "cs-uri-query", "sc-status", "cs-referer", "cs-user-agent"];

#[divan::bench(args = ASKS)]
fn syslog_rfc3164(bencher: Bencher<'_, '_>, ask: Ask) {
    run(bencher, "syslog", &syslog(false), ask, SYSLOG);
}

#[divan::bench(args = ASKS)]
fn syslog_rsyslog(bencher: Bencher<'_, '_>, ask: Ask) {
    run(bencher, "syslog", &syslog(true), ask, SYSLOG);
}

#[divan::bench(args = ASKS)]
fn access_combined(bencher: Bencher<'_, '_>, ask: Ask) {
    run(bencher, "weblog_access", &access(), ask, WEB);
}

#[divan::bench(args = ASKS)]
fn plain_text(bencher: Bencher<'_, '_>, ask: Ask) {
    run(bencher, "text", &plain(), ask, WEB);
}

const CONN: [&str; 8] =
    ["id.orig_h", "id.resp_h", "id.resp_p", "proto", "service", "orig_bytes", "resp_bytes", "conn_state"];

#[divan::bench(args = ASKS)]
fn zeek_conn(bencher: Bencher<'_, '_>, ask: Ask) {
    run(bencher, "zeek", &zeek(), ask, CONN);
}

#[divan::bench]
fn syslog_survey(bencher: Bencher<'_, '_>) {
    let text = syslog(false);
    let decoder: &dyn Decoder =
        *format::registry().iter().find(|decoder| decoder.name() == "syslog").expect("registered");
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| decoder.survey(&mut std::io::BufReader::with_capacity(256 * 1024, text.as_bytes())));
}
