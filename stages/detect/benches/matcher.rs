//! What matching costs: an event, by the number of rules; a matcher and its first group.
//!
//! Rules and events are synthetic, with the statistics of SigmaHQ's process creation rules (64 % contains, 22 % endswith,
//! 11 % equals; literals shared between rules), unless these name files:
//!
//! - `SHIELDWALL_BENCH_RULES`: a rule set as JSON, as `RuleSet` serialises;
//! - `SHIELDWALL_BENCH_EVENTS`: JSON Lines of `{"tag": [product, service, provider, code], "fields": [[name, kind, text]]}`.
//!
//! `cargo bench -p shieldwall-detect --bench matcher`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a bench")]

use std::sync::{Arc, OnceLock};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use shieldwall_detect::sigma::ir::{Atom, Expr, Pattern, Rule, RuleIndex, RuleSet, Test};
use shieldwall_detect::sigma::matcher::{Matcher, Options, Scratch};
use shieldwall_schema::event::{Event, Fields, Projection, Slots, Tag, Want, fill};
use shieldwall_schema::mapping::{Logsource, Mappings};
use shieldwall_schema::place::Place;
use shieldwall_schema::value::{Kind, Value};

fn main() {
    summary();
    divan::main();
}

const RULE_COUNTS: [usize; 3] = [100, 1415, 3754];
const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

struct Record {
    tag: [String; 4],
    fields: Vec<(String, Kind, String)>,
}

impl Record {
    fn tag(&self) -> Tag<'_> {
        let [product, service, provider, code] = &self.tag;
        Tag { product, service, provider, code }
    }
}

impl Fields for Record {
    fn each(&self, each: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, kind, text) in &self.fields {
            each(name, Value { text, kind: *kind });
        }
    }
}

/// A small generator of numbers: the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// A word as events hold them.
    fn word(&mut self) -> String {
        let syllables = ["in", "vo", "ke", "re", "mi", "ka", "ex", "ec", "po", "sh", "ell", "net", "adm", "du", "mp"];
        (0..2 + self.below(3)).map(|_| self.of(&syllables)).collect()
    }

    /// A word as rules name them: rarely one of an event's.
    fn rare_word(&mut self) -> String {
        (0..5 + self.below(10)).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }
}

const TOOLS: [&str; 16] = [
    "powershell",
    "cmd",
    "rundll32",
    "regsvr32",
    "mshta",
    "wscript",
    "certutil",
    "net",
    "sc",
    "schtasks",
    "wmic",
    "reg",
    "bitsadmin",
    "msbuild",
    "explorer",
    "svchost",
];
const SWITCHES: [&str; 12] = [
    " -enc ",
    " /c ",
    " -nop ",
    "http",
    " -w hidden",
    "\\temp\\",
    "downloadstring",
    " /create ",
    " add ",
    "iex",
    " -s ",
    ".dll",
];

fn synthetic_rules(count: usize) -> RuleSet {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let text = |field: &str, pattern| {
        Expr::Atom(Atom { field: Some(field.into()), test: Test::Text { pattern, cased: false } })
    };
    let rules = (0..count).map(|at| {
        let mut all = Vec::new();
        if numbers.below(10) < 7 {
            let images = (0..1 + numbers.below(3)).map(|_| {
                let own = numbers.rare_word();
                let tool = if numbers.below(3) == 0 { numbers.of(&TOOLS) } else { &own };
                text("Image", Pattern::Suffix(format!("\\{tool}.exe").into()))
            });
            all.push(Expr::Or(images.collect()));
        }
        if numbers.below(3) == 0 {
            all.push(text("CommandLine", Pattern::Contains(numbers.of(&SWITCHES).into())));
        }
        let lines = (0..1 + numbers.below(12)).map(|_| {
            text(
                "CommandLine",
                Pattern::Contains(format!("{}{}", numbers.of(&["", " -", "\\", " /"]), numbers.rare_word()).into()),
            )
        });
        all.push(Expr::Or(lines.collect()));
        if numbers.below(10) < 2 {
            all.push(text("OriginalFileName", Pattern::Exact(format!("{}.exe", numbers.rare_word()).into())));
        }
        if numbers.below(10) < 3 {
            let filter =
                text("ParentImage", Pattern::Prefix(format!("c:\\program files\\{}\\", numbers.rare_word()).into()));
            all.push(Expr::Not(Box::new(filter)));
        }
        let logsource =
            Logsource { product: "windows".into(), category: "process_creation".into(), service: String::new() };
        Rule { id: at.to_string(), logsource, expr: Expr::And(all), ..Rule::default() }
    });
    RuleSet { rules: rules.collect(), ..RuleSet::default() }
}

fn synthetic_events() -> Vec<Record> {
    let mut numbers = Numbers(42);
    let event = |_| {
        let image = format!("C:\\Windows\\System32\\{}.exe", numbers.of(&TOOLS));
        let parent = format!("C:\\Program Files\\{}\\{}.exe", numbers.word(), numbers.word());
        let mut line = format!("\"{image}\"");
        for _ in 0..2 + numbers.below(5) {
            line.push_str(&match numbers.below(3) {
                0 => numbers.of(&SWITCHES).to_owned(),
                1 => format!(" C:\\Users\\{}\\AppData\\Local\\{}.dat", numbers.word(), numbers.word()),
                _ => format!(" --{}={}", numbers.word(), numbers.below(100_000)),
            });
        }
        let mut fields: Vec<(String, Kind, String)> = [
            ("Image", image),
            ("CommandLine", line),
            ("ParentImage", parent.clone()),
            ("ParentCommandLine", format!("\"{parent}\" -k")),
            ("OriginalFileName", "Cmd.Exe".into()),
            ("CurrentDirectory", "C:\\Users\\bob\\".into()),
            ("User", "CORP\\bob".into()),
            ("IntegrityLevel", "Medium".into()),
            ("Company", "Microsoft Corporation".into()),
            ("Description", "Windows Command Processor".into()),
            ("Product", "Microsoft® Windows® Operating System".into()),
            ("Hashes", "SHA1=99AE9C73E9BEE6F9C76D6F4093A9882DF06832CF,MD5=F4F684066175B77E0C3A000549D2922C".into()),
        ]
        .map(|(name, value)| (name.to_owned(), Kind::Text, value))
        .into();
        for name in
            ["ProcessId", "ParentProcessId", "LogonId", "TerminalSessionId", "EventID", "Version", "Level", "Task"]
        {
            fields.push((name.into(), Kind::Number, numbers.below(10_000).to_string()));
        }
        Record { tag: ["windows".into(), SYSMON.into(), "Microsoft-Windows-Sysmon".into(), "1".into()], fields }
    };
    (0..512).map(event).collect()
}

/// The rules of the named file, or synthetic ones: `count` of them, evenly spread.
fn rules(count: usize) -> Arc<RuleSet> {
    static GIVEN: OnceLock<Option<RuleSet>> = OnceLock::new();
    let given = GIVEN.get_or_init(|| {
        let path = std::env::var_os("SHIELDWALL_BENCH_RULES")?;
        Some(serde_json::from_slice(&std::fs::read(path).expect("rules are readable")).expect("rules are JSON"))
    });
    Arc::new(match given {
        Some(set) => {
            let total = set.rules.len();
            RuleSet {
                rules: (0..count.min(total)).map(|at| set.rules[at * total / count.min(total)].clone()).collect(),
                ..RuleSet::default()
            }
        }
        None => synthetic_rules(count),
    })
}

fn events() -> &'static [Record] {
    static EVENTS: OnceLock<Vec<Record>> = OnceLock::new();
    EVENTS.get_or_init(|| match std::env::var_os("SHIELDWALL_BENCH_EVENTS") {
        Some(path) => std::fs::read_to_string(path).expect("events are readable").lines().map(read_event).collect(),
        None => synthetic_events(),
    })
}

fn read_event(line: &str) -> Record {
    #[derive(serde::Deserialize)]
    struct Line {
        tag: [String; 4],
        fields: Vec<(String, String, String)>,
    }
    let line: Line = serde_json::from_str(line).expect("an event is JSON");
    let kind = |kind: &str| match kind {
        "null" => Kind::Null,
        "number" => Kind::Number,
        "bool" => Kind::Bool,
        _ => Kind::Text,
    };
    let fields = line.fields.into_iter().map(|(name, sort, text)| (name, kind(&sort), text)).collect();
    Record { tag: line.tag, fields }
}

fn mappings() -> Arc<Mappings> {
    let mut text = String::new();
    let mut bucket = |name: &str, logsource: &str, service: &str, codes: &str, rest: &str| {
        let code = if codes.is_empty() { String::new() } else { format!(", code = [{codes}]") };
        text.push_str(&format!(
            "[[bucket]]\nname = \"{name}\"\nlogsource = {{ product = \"windows\", {logsource} }}\nmatch = {{ product = [\"windows\"], service = [\"{service}\"]{code} }}\n{rest}\n",
        ));
    };
    for (category, codes) in [
        ("process_creation", "\"1\""),
        ("file_change", "\"2\""),
        ("network_connection", "\"3\""),
        ("process_termination", "\"5\""),
        ("driver_load", "\"6\""),
        ("image_load", "\"7\""),
        ("create_remote_thread", "\"8\""),
        ("raw_access_thread", "\"9\""),
        ("process_access", "\"10\""),
        ("file_event", "\"11\""),
        ("registry_event", "\"12\", \"13\", \"14\""),
        ("registry_add", "\"12\""),
        ("registry_delete", "\"12\""),
        ("registry_set", "\"13\""),
        ("create_stream_hash", "\"15\""),
        ("pipe_created", "\"17\", \"18\""),
        ("wmi_event", "\"19\", \"20\", \"21\""),
        ("dns_query", "\"22\""),
        ("file_delete", "\"23\", \"26\""),
    ] {
        bucket(&format!("sysmon/{category}"), &format!("category = \"{category}\""), SYSMON, codes, "");
    }
    let alias = "[bucket.alias]\nImage = [\"NewProcessName\"]\nParentImage = [\"ParentProcessName\"]\n";
    bucket("security/process_creation", "category = \"process_creation\"", "Security", "\"4688\"", alias);
    bucket("powershell/script", "category = \"ps_script\"", "Microsoft-Windows-PowerShell/Operational", "\"4104\"", "");
    bucket("powershell/module", "category = \"ps_module\"", "Microsoft-Windows-PowerShell/Operational", "\"4103\"", "");
    bucket("powershell/classic", "category = \"ps_classic_start\"", "Windows PowerShell", "\"400\"", "");
    bucket("security", "service = \"security\"", "Security", "", "");
    bucket("system", "service = \"system\"", "System", "", "");
    bucket("powershell", "service = \"powershell\"", "Microsoft-Windows-PowerShell/Operational", "", "");
    bucket("sysmon", "service = \"sysmon\"", SYSMON, "", "");
    Arc::new(Mappings::parse([("bench", text.as_str())]).expect("the mappings parse"))
}

/// Events whose slots are filled, as a decoder leaves them.
struct Ready {
    matcher: Matcher,
    events: Vec<(&'static Record, Arc<Want>, Slots)>,
}

impl Ready {
    fn new(rules: Arc<RuleSet>, pick: impl Fn(&Record) -> bool) -> Self {
        let matcher = Matcher::new(rules, mappings(), Options::default());
        let ready = events().iter().filter(|record| pick(record)).filter_map(|record| {
            let want = matcher.want(&record.tag())?;
            let mut slots = Slots::default();
            fill(&want, record, &mut slots);
            Some((record, want, slots))
        });
        let events = ready.collect();
        Self { matcher, events }
    }

    fn evaluate(&self, scratch: &mut Scratch, hits: &mut Vec<RuleIndex>, mut each: impl FnMut(&Scratch, &Want, usize)) {
        for (record, want, slots) in &self.events {
            hits.clear();
            let event = Event {
                time: None,
                time_text: None,
                place: Place::offset(0),
                bytes: b"",
                tag: record.tag(),
                want,
                slots,
                fields: *record,
            };
            self.matcher.evaluate(&event, scratch, hits);
            each(scratch, want, hits.len());
        }
    }
}

fn is_process_creation(record: &Record) -> bool {
    record.tag[1] == SYSMON && record.tag[3] == "1"
}

/// What a timing does not say: how many rules are candidates, how many match.
fn summary() {
    for (what, pick) in [("process creation", is_process_creation as fn(&Record) -> bool), ("all events", |_| true)] {
        for count in RULE_COUNTS {
            let ready = Ready::new(rules(count), pick);
            let (mut candidates, mut matched) = (0, 0);
            ready.evaluate(&mut Scratch::default(), &mut Vec::new(), |scratch, want, hits| {
                candidates += ready.matcher.last_candidates(want, scratch);
                matched += hits;
            });
            let each = |sum: usize| sum as f64 / ready.events.len().max(1) as f64;
            let (groups, members) = ready.matcher.compiled();
            eprintln!(
                "{what}: {count} rules, {} events wanted: {:.2} candidates, {:.3} hits an event; {groups} groups of {members} rules in all",
                ready.events.len(),
                each(candidates),
                each(matched),
            );
        }
    }
}

fn evaluate(bencher: Bencher<'_, '_>, count: usize, pick: impl Fn(&Record) -> bool) {
    let ready = Ready::new(rules(count), pick);
    let mut scratch = Scratch::default();
    let mut hits = Vec::new();
    bencher.counter(ItemsCount::new(ready.events.len())).bench_local(|| {
        ready.evaluate(&mut scratch, &mut hits, |_, _, hits| {
            black_box(hits);
        });
    });
}

#[divan::bench(args = RULE_COUNTS)]
fn process_creation(bencher: Bencher<'_, '_>, count: usize) {
    evaluate(bencher, count, is_process_creation);
}

#[divan::bench(args = RULE_COUNTS)]
fn all_events(bencher: Bencher<'_, '_>, count: usize) {
    evaluate(bencher, count, |_| true);
}

#[divan::bench(args = RULE_COUNTS)]
fn new(bencher: Bencher<'_, '_>, count: usize) {
    let (rules, mappings) = (rules(count), mappings());
    bencher.bench_local(|| Matcher::new(Arc::clone(&rules), Arc::clone(&mappings), Options::default()));
}

#[divan::bench(args = RULE_COUNTS)]
fn first_group(bencher: Bencher<'_, '_>, count: usize) {
    let (rules, mappings) = (rules(count), mappings());
    let tag = Tag { product: "windows", service: SYSMON, provider: "", code: "1" };
    bencher
        .with_inputs(|| Matcher::new(Arc::clone(&rules), Arc::clone(&mappings), Options::default()))
        .bench_local_values(|matcher| {
            let want = matcher.want(&tag);
            (matcher, want)
        });
}
