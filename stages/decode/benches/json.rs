//! JSON Lines: bytes per second of one core, beside the floor of a reader that keeps nothing.
//!
//! `cargo bench -p shieldwall-decode --bench json`. The input is made here: Windows events of about 1 KB with some forty
//! fields, flat (as OTRF and NXLog write them), nested (as Winlogbeat does), and as a tree (as evtx_dump does). With
//! `SHIELDWALL_BENCH_JSONL=FILE` the same is measured on a file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench stops on its own faults")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use divan::Bencher;
use divan::counter::BytesCount;
use serde::de::IgnoredAny;
use shieldwall_decode::format::json::{JsonDocument, JsonLines};
use shieldwall_decode::{Clock, Context, Decoder};
use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Rejection, Sink, SlotSpec, Tag, Timestamp, Want};

fn main() {
    divan::main();
}

/// Bytes of each generated input.
const INPUT_BYTES: usize = 16 << 20;

/// Field names and values of one process creation; `{n}` differs from record to record.
const FIELDS: &[(&str, &str)] = &[
    ("RuleName", "technique_id=T1059"),
    ("UtcTime", "2026-01-02 03:04:05.678"),
    ("ProcessGuid", "{a23eae89-bd56-5903-0000-0010e9d9{n}}"),
    ("ProcessId", "{n}"),
    ("Image", r"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"),
    ("FileVersion", "10.0.19041.546 (WinBuild.160101.0800)"),
    ("Description", "Windows PowerShell"),
    ("Product", "Microsoft® Windows® Operating System"),
    ("Company", "Microsoft Corporation"),
    ("OriginalFileName", "PowerShell.EXE"),
    ("CommandLine", r#"\"C:\\Windows\\System32\\powershell.exe\" -NoProfile -File C:\\jobs\\job{n}.ps1"#),
    ("CurrentDirectory", r"C:\\Users\\worker\\"),
    ("User", r"EXAMPLE\\worker"),
    ("LogonGuid", "{a23eae89-b357-5903-0000-002005eb0700}"),
    ("LogonId", "0x7eb05"),
    ("TerminalSessionId", "1"),
    ("IntegrityLevel", "Medium"),
    ("Hashes", "MD5=7353F60B1739074EB17C5F4DDDEFE239,IMPHASH=741776AACCFC5B71FF59832DCDCACE0F"),
    ("ParentProcessGuid", "{a23eae89-bd28-5903-0000-00102f345d00}"),
    ("ParentProcessId", "13220"),
    ("ParentImage", r"C:\\Windows\\System32\\cmd.exe"),
    ("ParentCommandLine", r"C:\\Windows\\system32\\cmd.exe /c job"),
    ("ParentUser", r"EXAMPLE\\worker"),
];

#[derive(Clone, Copy, Debug)]
enum Form {
    Flat,
    Nested,
    Tree,
}

impl Form {
    fn record(self, n: usize) -> String {
        let mut data = String::new();
        for (name, value) in FIELDS {
            let comma = if data.is_empty() { "" } else { "," };
            write!(data, r#"{comma}"{name}":"{}""#, value.replace("{n}", &n.to_string())).unwrap();
        }
        let time = "2026-01-02T03:04:05.678Z";
        match self {
            Self::Flat => format!(
                r#"{{"EventTime":"2026-01-02 03:04:05","Hostname":"ws{n}.example.test","Keywords":-9223372036854775808,"EventType":"INFO","SeverityValue":2,"Severity":"INFO","EventID":1,"SourceName":"Microsoft-Windows-Sysmon","ProviderGuid":"{{5770385F-C22A-43E0-BF4C-06F5698FFBD9}}","Version":5,"Task":1,"OpcodeValue":0,"RecordNumber":{n},"ExecutionProcessID":3500,"ThreadID":4168,"Channel":"Microsoft-Windows-Sysmon/Operational","Domain":"NT AUTHORITY","AccountName":"SYSTEM","UserID":"S-1-5-18","AccountType":"User",{data},"EventReceivedTime":"2026-01-02 03:04:06","SourceModuleName":"eventlog","SourceModuleType":"im_msvistalog","@version":"1","@timestamp":"{time}","host":"wec.example.test","tags":["x"]}}"#
            ),
            Self::Nested => format!(
                r#"{{"@timestamp":"{time}","ecs":{{"version":"1.12.0"}},"host":{{"name":"ws{n}","os":{{"type":"windows","family":"windows"}}}},"agent":{{"type":"winlogbeat","version":"8.1.0","id":"{n}"}},"event":{{"code":"1","kind":"event","provider":"Microsoft-Windows-Sysmon","created":"{time}"}},"log":{{"level":"information"}},"winlog":{{"channel":"Microsoft-Windows-Sysmon/Operational","computer_name":"ws{n}.example.test","provider_name":"Microsoft-Windows-Sysmon","event_id":"1","record_id":{n},"opcode":"Info","process":{{"pid":3500,"thread":{{"id":4168}}}},"user":{{"identifier":"S-1-5-18","name":"SYSTEM"}},"event_data":{{{data}}}}}}}"#
            ),
            Self::Tree => format!(
                r##"{{"Event":{{"#attributes":{{"xmlns":"http://schemas.microsoft.com/win/2004/08/events/event"}},"System":{{"Provider":{{"#attributes":{{"Name":"Microsoft-Windows-Sysmon","Guid":"5770385F-C22A-43E0-BF4C-06F5698FFBD9"}}}},"EventID":1,"Version":5,"Level":4,"Task":1,"Opcode":0,"Keywords":"0x8000000000000000","TimeCreated":{{"#attributes":{{"SystemTime":"{time}"}}}},"EventRecordID":{n},"Correlation":null,"Execution":{{"#attributes":{{"ProcessID":3500,"ThreadID":4168}}}},"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"ws{n}.example.test","Security":{{"#attributes":{{"UserID":"S-1-5-18"}}}}}},"EventData":{{{data}}}}}}}"##
            ),
        }
    }

    fn input(self) -> &'static str {
        static INPUTS: [LazyLock<String>; 3] = [
            LazyLock::new(|| make(Form::Flat)),
            LazyLock::new(|| make(Form::Nested)),
            LazyLock::new(|| make(Form::Tree)),
        ];
        &INPUTS[self as usize]
    }
}

fn make(form: Form) -> String {
    if let Some(path) = std::env::var_os("SHIELDWALL_BENCH_JSONL") {
        return std::fs::read_to_string(path).unwrap();
    }
    let mut text = String::with_capacity(INPUT_BYTES + 4096);
    let mut n = 1000;
    while text.len() < INPUT_BYTES {
        text.push_str(&form.record(n));
        text.push('\n');
        n += 1;
    }
    text
}

/// Wants what process creation rules of SigmaHQ want, or nothing.
struct Wants(Option<Arc<Want>>);

impl Wants {
    fn rules() -> Self {
        let names = [
            "Image",
            "CommandLine",
            "ParentImage",
            "ParentCommandLine",
            "OriginalFileName",
            "Hashes",
            "User",
            "Company",
            "Description",
            "Product",
            "IntegrityLevel",
            "CurrentDirectory",
            "LogonId",
            "EventID",
            "Channel",
            "Provider_Name",
            "Computer",
            "ProcessId",
        ];
        let slots = names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
        Self(Some(Arc::new(Want::new(slots, None, 0))))
    }
}

impl Projection for Wants {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        self.0.clone()
    }
}

/// Counts.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn event(&mut self, event: &Event<'_>) {
        assert!(!event.slots.is_empty());
        self.0 += event.slots.len() as u64;
    }
    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.0 += count;
    }
    fn reject(&mut self, rejection: Rejection) {
        panic!("{rejection:?}");
    }
    fn flag(&mut self, _: Flag, _: Place) {}
}

fn decode(decoder: &dyn Decoder, bytes: &[u8], wants: &Wants) -> u64 {
    let clock = Clock::default();
    let mut count = Count::default();
    let mut reading = decoder.open(Context { projection: wants, clock: &clock, head: bytes });
    let mut offset = 0;
    while offset < bytes.len() {
        let end = (offset + (1 << 20)).min(bytes.len());
        let end = memchr::memchr(b'\n', &bytes[end..]).map_or(bytes.len(), |more| end + more + 1);
        let chunk =
            Chunk { offset: offset as u64, bytes: &bytes[offset..end], last: end == bytes.len(), mid_line: false };
        reading.chunk(&chunk, &mut count);
        offset = end;
    }
    reading.finish(&mut count);
    count.0
}

const FORMS: [Form; 3] = [Form::Flat, Form::Nested, Form::Tree];

/// The floor: the same bytes, checked and forgotten.
#[divan::bench(args = FORMS, sample_count = 10)]
fn floor_serde_json_ignored(bencher: Bencher<'_, '_>, form: Form) {
    let input = form.input();
    bencher.counter(BytesCount::of_str(input)).bench(|| {
        for line in input.lines() {
            black_box(serde_json::from_str::<IgnoredAny>(line).unwrap());
        }
    });
}

/// What most tools do.
#[divan::bench(args = FORMS, sample_count = 5)]
fn serde_json_value(bencher: Bencher<'_, '_>, form: Form) {
    let input = form.input();
    bencher.counter(BytesCount::of_str(input)).bench(|| {
        for line in input.lines() {
            black_box(serde_json::from_str::<serde_json::Value>(line).unwrap());
        }
    });
}

/// Scanned, tagged, timed, counted: nobody wants the records.
#[divan::bench(args = FORMS, sample_count = 10)]
fn lines_unwanted(bencher: Bencher<'_, '_>, form: Form) {
    let input = form.input();
    bencher.counter(BytesCount::of_str(input)).bench(|| decode(&JsonLines, input.as_bytes(), &Wants(None)));
}

/// All the way to filled slots.
#[divan::bench(args = FORMS, sample_count = 10)]
fn lines_projected(bencher: Bencher<'_, '_>, form: Form) {
    let input = form.input();
    let wants = Wants::rules();
    bencher.counter(BytesCount::of_str(input)).bench(|| decode(&JsonLines, input.as_bytes(), &wants));
}

/// The same as one document.
#[divan::bench(args = FORMS, sample_count = 10)]
fn document_projected(bencher: Bencher<'_, '_>, form: Form) {
    let input = form.input();
    let wants = Wants::rules();
    bencher.counter(BytesCount::of_str(input)).bench(|| decode(&JsonDocument, input.as_bytes(), &wants));
}
