//! One negative test for every control of `model checklist` that works offline: what shows it is removed or broken, and the
//! step is refused with the control named. Controls 7, 18, 19, 21 and 25 are also in `trust.rs`; 10, 20, 22, 23 say *not yet*.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use serde_json::Value;

use crate::run::{Place, Ran};

const GATES: [&str; 8] = ["scan", "signature", "bom", "data_check", "heldout", "attack", "latency", "size"];

const POLICY: &str = "version = 1\napprovers = 0\n[gates.scan]\n[gates.signature]\n[gates.bom]\n\
                      [gates.data_check]\nmin = { sources_judged = 1, compared = 1 }\n\
                      [gates.heldout]\nmin = { recall = 0.5 }\nmax = { false_alarms = 0.2 }\n\
                      [gates.attack]\nmin = { robust_recall = 0.0, certified_recall = 0.0 }\n\
                      [gates.latency]\n[gates.size]\n";

/// Flows of four sensors: `bad` changes a row's text.
fn flows(rows: u64, from: u64, bad: impl Fn(u64, &mut String)) -> String {
    let mut text = String::from("duration,service,src_bytes,sensor,label\n");
    for at in from..from + rows {
        // Mixed by a fixed multiplier, so that no column follows the row's number.
        let mixed = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let hostile = mixed % 4 == 0;
        let bytes = if hostile { 4000 + mixed % 1900 } else { 100 + mixed % 1000 };
        let service = ["http", "dns", "smtp"][(mixed / 7 % 3) as usize];
        let label = u8::from(hostile);
        let mut row = format!("{}.5,{service},{bytes},s{},{label}", mixed % 11, mixed / 5 % 4);
        bad(at, &mut row);
        text.push_str(&row);
        text.push('\n');
    }
    text
}

fn run(place: &Place, words: &str) -> Ran {
    // `@name` is a path of this place.
    place.run(words.split_whitespace().map(|word| match word.strip_prefix('@') {
        Some(name) => place.path(name).into_os_string(),
        None => word.into(),
    }))
}

fn gate_words(gate: &str) -> String {
    let data = match gate {
        "data_check" => "--data @train.csv --source sensor --reference @earlier.csv",
        "heldout" | "attack" | "latency" => "--data @later.csv",
        _ => "",
    };
    format!("model gate {gate} @one {data} --label label")
}

/// A place whose model `one` has passed every gate, made once; each test takes a copy.
static FIXTURE: LazyLock<(Place, String)> = LazyLock::new(|| {
    let place = Place::new();
    place.file("home/policies/models.toml", POLICY);
    for (name, rows, from) in [("train", 1200, 0), ("earlier", 1200, 50_000), ("later", 600, 90_000)] {
        place.file(&format!("{name}.csv"), flows(rows, from, |_, _| ()));
    }
    let hash = train(&place, "one");
    for gate in GATES {
        let ran = run(&place, &gate_words(gate));
        assert_eq!(ran.code, 0, "{gate}: {} {}", ran.out, ran.err);
    }
    (place, hash)
});

fn train(place: &Place, name: &str) -> String {
    let ran = run(place, &format!("model train tabular --data @train.csv --label label -o @{name}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.err.split("SHA-256 ").nth(1).and_then(|rest| rest.get(..64)).unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// A copy of the fixture, and the model's hash.
fn fixture() -> (Place, &'static str) {
    let (made, hash) = &*FIXTURE;
    let place = Place::new();
    copy(&made.path(""), &place.path(""));
    (place, hash)
}

fn stage(place: &Place, hash: &str) -> String {
    let ran = run(place, "model list --format jsonl");
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = lines.into_iter().find(|line| line["sha256"] == hash);
    found.map(|line| line["stage"].as_str().unwrap().to_owned()).unwrap_or_default()
}

/// `os.system("echo")` as a pickle of protocol 0, spelt by hand. Nothing here ever loads it.
const PICKLE: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";

#[test]
fn what_passed_every_gate_is_promoted_and_shows_every_control() {
    let (place, hash) = fixture();
    let rows = |place: &Place| -> Vec<Value> {
        let ran = run(place, "model checklist --format jsonl");
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for row in rows(&place) {
        let wanted = match row["control"].as_u64().unwrap() {
            10 | 20 | 22 | 23 => "not yet",
            19 => "no",
            _ => "yes",
        };
        assert_eq!(row["status"], wanted, "{row}");
    }
    let ran = run(&place, "model promote @one");
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert_eq!(stage(&place, hash), "active");
    // A control that goes by a gate is not shown once the gate's evidence is gone.
    for entry in fs::read_dir(place.path("home/registry/evidence").join(hash)).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let missing: Vec<u64> = rows(&place)
        .iter()
        .filter(|row| row["status"] == "no evidence")
        .map(|row| row["control"].as_u64().unwrap())
        .collect();
    assert_eq!(missing, [1, 2, 3, 5, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17]);
}

/// What a control's evidence is, how it is broken, what is measured again, and what the refusal says.
type Broken = (u8, &'static str, fn(&Place), &'static str);

fn edit(place: &Place, name: &str, change: impl Fn(String) -> String) {
    let path = place.path(name);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

/// Trains `one` anew on changed data, which then pass for the real ones.
fn retrain(place: &Place, bad: impl Fn(u64, &mut String)) {
    place.file("train.csv", flows(1200, 0, bad));
    train(place, "one");
    for gate in GATES.into_iter().filter(|gate| *gate != "data_check") {
        run(place, &gate_words(gate));
    }
}

const BROKEN: [Broken; 16] = [
    (1, "scan", |place| drop(place.file("one/weights.bin", PICKLE)), "malicious"),
    (2, "scan", |place| drop(place.file("one/weights.bin", [0x9d; 4096])), "not_proven"),
    (3, "scan", |place| drop(place.file("one/notes.md", PICKLE)), "malicious"),
    (
        5,
        "signature",
        |place| {
            // Another manifest's signature: that of a model trained on other data.
            run(place, "model train tabular --data @later.csv --label label -o @two");
            fs::copy(place.path("two/model.sig.json"), place.path("one/model.sig.json")).unwrap();
        },
        "no signature of this model",
    ),
    (7, "signature", |place| drop(place.file("one/.github/x.py", "print()")), "not covered by the signature"),
    (7, "signature", |place| edit(place, "one/CARD.md", |text| text + "safe\n"), "card is not the one"),
    (
        8,
        "signature",
        |place| edit(place, "one/manifest.json", |text| text.replace("\"seed\": 1", "\"seed\": 2")),
        "manifest is not the one",
    ),
    (9, "bom", |place| drop(place.file("one/manifest.json", "{}")), "missing"),
    (
        11,
        "data_check",
        |place| edit(place, "train.csv", |text| text.replacen(",http,", ",dns,", 1)),
        "is not what it learned from",
    ),
    (
        12,
        "data_check",
        |place| {
            edit(place, "earlier.csv", |text| {
                // The reference counts in other units.
                let row = |line: &str| {
                    let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
                    if let Ok(bytes) = cells[2].parse::<f64>() {
                        cells[2] = (bytes * 1000.0).to_string();
                    }
                    cells.join(",") + "\n"
                };
                text.lines().map(row).collect()
            })
        },
        "src_bytes",
    ),
    (
        13,
        "data_check",
        |place| {
            retrain(place, |at, row| {
                if at % 9 == 4 {
                    let flipped = if row.ends_with('1') { "0" } else { "1" };
                    row.replace_range(row.len() - 1.., flipped);
                }
            })
        },
        "flipped",
    ),
    (
        14,
        "data_check",
        |place| {
            retrain(place, |at, row| {
                // One cluster of hostile rows, labelled harmless.
                if at >= 1050 {
                    *row = format!("{}.5,dns,{},s{},0", at % 3, 4800 + at % 40, at % 4);
                }
            })
        },
        "regions whose labels changed",
    ),
    (
        15,
        "data_check",
        |place| {
            retrain(place, |at, row| {
                // One sensor says the contrary of the others.
                if row.contains(",s1,") && at % 8 != 0 {
                    let flipped = if row.ends_with('1') { "0" } else { "1" };
                    row.replace_range(row.len() - 1.., flipped);
                }
            })
        },
        "source `s1`",
    ),
    (
        16,
        "attack",
        |place| {
            edit(place, "home/policies/models.toml", |text| text.replace("robust_recall = 0.0", "robust_recall = 1.1"))
        },
        "robust_recall is",
    ),
    (
        17,
        "attack",
        |place| {
            edit(place, "home/policies/models.toml", |text| {
                text.replace("certified_recall = 0.0", "certified_recall = 1.1")
            })
        },
        "certified_recall is",
    ),
    (
        15,
        "data_check",
        |place| {
            edit(place, "home/policies/models.toml", |text| text.replace("sources_judged = 1", "sources_judged = 2"))
        },
        "sources_judged is 1",
    ),
];

#[test]
fn a_control_whose_evidence_is_broken_refuses_promotion_by_its_name() {
    let mut wrong = Vec::new();
    for (control, gate, break_it, said) in BROKEN {
        let (place, _) = fixture();
        break_it(&place);
        // The gates are measured again: the newest measurement decides.
        let ran = run(&place, &gate_words(gate));
        let promoted = run(&place, "model promote @one");
        let words = [&ran.out, &ran.err, &promoted.out, &promoted.err].map(String::as_str).concat();
        let named = promoted.out.contains(&format!("{gate}: ")) && words.contains(said);
        let acts = run(&place, "model list --format jsonl")
            .out
            .lines()
            .any(|line| line.contains("\"tabular\"") && line.contains("\"active\""));
        if ran.code > 1 || promoted.code != 1 || !named || acts {
            wrong.push(format!("control {control}, `{said}`, {} {}: {words}", ran.code, promoted.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cells_that_are_infinite_teach_nothing() {
    // Control 12, at the training.
    let (place, _) = fixture();
    let text = fs::read_to_string(place.path("train.csv")).unwrap();
    let line = text.lines().nth(4).unwrap();
    let broken = format!("1e999,{}", line.split_once(',').unwrap().1);
    place.file("broken.csv", text.replacen(line, &broken, 1));
    let ran = run(&place, "model train tabular --data @broken.csv --label label -o @broken");
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("row 4, column `duration`: `1e999` is not a finite number"), "{}", ran.err);
    assert!(!place.path("broken").exists());
}

#[test]
fn a_control_whose_evidence_is_missing_refuses_promotion_by_its_name() {
    let (place, hash) = fixture();
    let folder = place.path("home/registry/evidence").join(hash);
    for gate in GATES {
        let (file, aside) = (folder.join(format!("{gate}.json")), place.path("aside"));
        fs::rename(&file, &aside).unwrap();
        let ran = run(&place, "model promote @one");
        assert_eq!(ran.code, 1, "{gate}");
        assert_eq!(ran.out.lines().nth(1).map(str::trim), Some(&*format!("{gate}: no evidence")), "{}", ran.out);
        // One byte of the evidence changed: it says nothing.
        let mut bytes = fs::read(&aside).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let ran = run(&place, "model promote @one");
        assert!(ran.code == 1 && ran.out.contains(&format!("{gate}: ")), "{gate}: {}", ran.out);
        fs::rename(&aside, &file).unwrap();
    }
    assert_eq!(run(&place, "model promote @one").code, 0);
}

#[test]
fn a_model_in_another_format_is_not_loaded_whoever_vouches_for_it() {
    // Control 4.
    let (place, _) = fixture();
    let evil = place.file("evil.safetensors", PICKLE);
    use sha2::{Digest, Sha256};
    let hash: String = Sha256::digest(fs::read(&evil).unwrap()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    for verb in ["score", "evaluate", "promote"] {
        let data = if verb == "promote" { "" } else { "@later.csv" };
        let ran = run(&place, &format!("model {verb} @evil.safetensors {data} --trust-hash {hash}"));
        assert_eq!(ran.code, 4, "{verb}: {}", ran.out);
        assert!(ran.err.contains("is damaged or no model"), "{verb}: {}", ran.err);
    }
}

#[test]
fn a_byte_of_a_model_flipped_is_another_model_and_nobody_vouches_for_it() {
    // Control 5, at the load.
    let (place, hash) = fixture();
    for file in ["one/model.safetensors".to_owned(), format!("home/registry/objects/{hash}")] {
        let path = place.path(&file);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        let ran = run(&place, &format!("model promote {}", if file.starts_with("one") { "@one" } else { hash }));
        assert_eq!(ran.code, 4, "{file}: {} {}", ran.out, ran.err);
        assert!(ran.err.contains("not trained here") || ran.err.contains("missing or damaged"), "{}", ran.err);
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(run(&place, "model promote @one").code, 0);
}

#[test]
fn unknown_stale_and_withdrawn_signers_are_refused() {
    // Control 6.
    let other = Place::new();
    other.file("train.csv", flows(300, 0, |_, _| ()));
    train(&other, "own");
    let (place, hash) = fixture();
    fs::copy(other.path("home/keys/local.pem"), place.path("stranger.pem")).unwrap();
    let strange = run(&place, "model gate size @one --key @stranger.pem");
    assert_eq!(strange.code, 0, "{}", strange.err);
    let ran = run(&place, "model promote @one");
    assert!(ran.code == 1 && ran.out.contains("size: evidence is not signed by a key that is believed"), "{}", ran.out);
    for (more, said) in [
        ("evidence_days_max = 0\n", "size: evidence is stale"),
        ("signers = [\"0000\"]\n", "size: evidence is not signed by a key that is believed"),
    ] {
        place.file("home/policies/models.toml", POLICY.replacen("[gates", &format!("{more}[gates"), 1));
        for gate in ["scan", "size", "signature"] {
            assert_eq!(run(&place, &gate_words(gate)).code, 0);
        }
        let ran = run(&place, "model promote @one");
        assert!(ran.code == 1 && ran.out.contains(said), "{said}: {}", ran.out);
    }
    assert_eq!(stage(&place, hash), "candidate");
}

#[test]
fn findings_that_were_changed_are_not_what_was_recorded() {
    // Control 24.
    let place = Place::new();
    let log =
        place.file("auth.log", "Jan  1 10:00:00 web sshd[1]: Accepted password for root from 192.0.2.1 port 1 ssh2\n");
    let rule = "title: T\nid: 7a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b\nlogsource: {product: linux, service: sshd}\n\
                detection: {s: {message|contains: Accepted}, condition: s}\nlevel: low\n";
    place.file("pack/a.yml", rule);
    let scan = run(&place, "scan @auth.log --no-learning --rules @pack -o @case");
    assert_eq!(scan.code, 1, "{} {}", scan.out, scan.err);
    assert_eq!(run(&place, "audit show 1 @case").code, 0);
    let findings = place.path("case/findings.jsonl");
    let whole = fs::read_to_string(&findings).unwrap();
    fs::write(&findings, whole.replace("192.0.2.1", "192.0.2.9") + "\n").unwrap();
    let ran = run(&place, "audit show 1 @case");
    assert!(ran.code != 0 && (ran.out.contains("NO ENTRY") || ran.code == 4), "{} {}", ran.out, ran.err);
    fs::write(&findings, whole).unwrap();
    assert_eq!(run(&place, "audit show 1 @case").code, 0);
    // What goes to stdout as JSON is kept nowhere: no record.
    let entries = || run(&place, "audit verify --since 2000-01-01").out.matches("  scan ").count();
    let before = entries();
    assert_eq!(place.scan(&log, &["--no-learning"]).code, 1);
    assert_eq!(entries(), before);
}

#[test]
fn what_was_learned_is_shown_from_its_event_to_the_data_behind_it() {
    let place = Place::new();
    place.file("home/policies/models.toml", "version = 1\napprovers = 0\n[gates.size]\n");
    crate::learning::logs(&place);
    // A model made here acts beside those that came with the program.
    let mut texts = String::new();
    for at in 0..200_u64 {
        let odd = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let _ = writeln!(texts, "{{\"text\":\"mail{at}.example.org\",\"label\":0}}");
        let _ = writeln!(texts, "{{\"text\":\"x{odd:016x}q.example.net\",\"label\":1}}");
    }
    place.file("names.jsonl", texts);
    for words in ["train domain --data @names.jsonl -o @own", "gate size @own", "promote @own"] {
        let ran = run(&place, &format!("model {words}"));
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    }
    let ran = run(&place, "scan @today --no-builtin-rules --baseline @earlier -o @case");
    assert_eq!(ran.code, 1, "{} {}", ran.out, ran.err);
    let findings = fs::read_to_string(place.path("case/findings.jsonl")).unwrap();
    let at = findings.lines().position(|line| line.contains("shieldwall.anomaly.")).unwrap();
    let shown = run(&place, &format!("audit show {} @case", at + 1));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    let own: Value = serde_json::from_str(&fs::read_to_string(place.path("own/manifest.json")).unwrap()).unwrap();
    let (model, data) = (own["model_sha256"].as_str().unwrap(), own["data"][0]["sha256"].as_str().unwrap());
    let parts = [
        "event ",
        "finding ",
        "decision ",
        "detector ",
        "shieldwall.anomaly.",
        "learned ",
        "earlier",
        "model ",
        model,
        "model.register",
        "model.active",
        "manifest_sha256=",
        data,
        "came with the program",
    ];
    let mut rest = shown.out.as_str();
    for part in &parts[..4] {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part}: {}", shown.out)).1;
    }
    assert!(parts.iter().all(|part| shown.out.contains(part)), "{}", shown.out);
}

#[cfg(unix)]
#[test]
fn keys_log_and_models_are_for_their_owner_alone() {
    // Control 26.
    use std::os::unix::fs::PermissionsExt;
    let (place, hash) = fixture();
    let set = |name: &str, mode: u32| fs::set_permissions(place.path(name), PermissionsExt::from_mode(mode)).unwrap();
    let row = || {
        let ran = run(&place, "model checklist --format jsonl");
        serde_json::from_str::<Value>(ran.out.lines().last().unwrap()).unwrap()
    };
    assert_eq!(row()["status"], "yes");
    for name in ["home/audit/log.jsonl".to_owned(), format!("home/registry/objects/{hash}")] {
        set(&name, 0o644);
        assert_eq!(row()["status"], "no", "{name}");
        set(&name, 0o600);
    }
    set("home/keys/local.pem", 0o644);
    let ran = run(&place, "model promote @one");
    assert!(ran.code == 4 && ran.err.contains("local.pem"), "{} {}", ran.out, ran.err);
    set("home/keys/local.pem", 0o600);
    assert_eq!(run(&place, "model promote @one").code, 0);
}

#[test]
fn rollback_leads_to_the_shipped_model_and_a_revoked_one_is_absent() {
    let place = Place::new();
    place.file("home/policies/models.toml", "version = 1\napprovers = 0\n[gates.size]\n");
    let mut texts = String::new();
    for at in 0..200_u64 {
        let _ = writeln!(texts, "{{\"text\":\"mail{at}.example.org\",\"label\":0}}");
        let odd = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let _ = writeln!(texts, "{{\"text\":\"x{odd:016x}q.example.net\",\"label\":1}}");
    }
    place.file("names.jsonl", texts);
    let ran = run(&place, "model train domain --data @names.jsonl -o @own");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let own = ran.err.split("SHA-256 ").nth(1).and_then(|rest| rest.get(..64)).unwrap().to_owned();
    let acts = |kind: &str| {
        let ran = run(&place, "model list --format jsonl");
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut found = lines.filter(|line| line["kind"] == kind && line["stage"] == "active");
        found.next().map(|line| line["sha256"].as_str().unwrap().to_owned())
    };
    let shipped = acts("domain").unwrap();
    // The shipped one acts: there is nothing before it.
    assert_eq!(run(&place, "model rollback domain").code, 4);
    assert_eq!(run(&place, "model gate size @own").code, 0);
    assert_eq!(run(&place, "model promote @own").code, 0);
    assert_eq!(acts("domain"), Some(own.clone()));
    let start = Instant::now();
    let ran = run(&place, "model rollback domain --why worse");
    let took = start.elapsed();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(took.as_secs_f64() < 1.0, "{took:?}");
    assert_eq!((acts("domain"), stage(&place, &own)), (Some(shipped.clone()), "shadow".to_owned()));
    // Every shipped model can be revoked though it was never registered.
    for kind in ["domain", "http", "command", "script", "forecast"] {
        let hash = acts(kind).unwrap();
        assert_eq!(run(&place, &format!("model revoke {hash} --older")).code, 4, "{kind}");
        let ran = run(&place, &format!("model revoke {} --why leak", hash.get(..12).unwrap()));
        assert_eq!(ran.code, 0, "{kind}: {}", ran.err);
        assert_eq!(acts(kind), None, "{kind}");
    }
    assert_eq!(run(&place, "model promote @own").code, 0);
    assert_eq!(run(&place, "model rollback domain").code, 4);
    assert_eq!(acts("domain"), Some(own));
    // Nothing is forecast then, which is said in one line.
    let ran = run(&place, "forecast --techniques T1059.001");
    assert!(ran.code == 4 && ran.err.contains("the forecaster was revoked"), "{} {}", ran.out, ran.err);
    let log =
        place.file("a.log", "Jan  1 10:00:00 web sshd[1]: Accepted password for root from 192.0.2.1 port 1 ssh2\n");
    let ran = place.scan(&log, &[]);
    assert_eq!(ran.err.matches("nothing is forecast: the forecaster was revoked").count(), 1, "{}", ran.err);
    assert_eq!(run(&place, "audit verify").code, 0);
}

#[test]
fn two_promotions_at_once_leave_one_active_model_and_a_whole_log() {
    let (place, hash) = fixture();
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command: Command = place.command();
            command.args(["model", "promote"]).arg(place.path("one"));
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let codes: Vec<i32> = children.into_iter().map(|child| Ran::of(child.wait_with_output().unwrap()).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 4].contains(code)), "{codes:?}");
    assert_eq!(stage(&place, hash), "active");
    let log = run(&place, "audit verify --since 2000-01-01");
    assert_eq!((log.code, log.out.matches("model.active").count()), (0, 1), "{}", log.out);
}

#[test]
fn a_journal_cut_in_the_middle_of_a_line_is_mended_from_the_log() {
    let (place, hash) = fixture();
    let journal = place.path("home/registry/journal.jsonl");
    assert_eq!(run(&place, "model promote @one").code, 0);
    let whole = fs::read(&journal).unwrap();
    for keep in [whole.len() - 1, whole.len() - 40, 10, 0] {
        fs::write(&journal, &whole[..keep]).unwrap();
        assert_eq!(stage(&place, hash), "active", "{keep}");
    }
    // The next step writes down what is owed.
    assert_eq!(run(&place, &format!("model demote {hash}")).code, 0);
    assert!(fs::read(&journal).unwrap().starts_with(&whole));
    assert_eq!(stage(&place, hash), "shadow");
}

#[test]
fn names_in_any_script_are_names() {
    let (place, _) = fixture();
    for name in ["模型-é", "\u{202e}drawkcab", "a b", "😀"] {
        fs::rename(place.path("one"), place.path(name)).unwrap();
        let words = ["model".into(), "train".into(), "tabular".into(), "--data".into()];
        let ran = place.run(words.into_iter().chain([
            place.path("later.csv").into_os_string(),
            "--label".into(),
            "label".into(),
            "--seed".into(),
            "7".into(),
            "-o".into(),
            place.path(name).into_os_string(),
        ]));
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let ran = place.run(["model".as_ref(), "promote".as_ref(), place.path(name).as_os_str()]);
        assert_eq!(ran.code, 1, "{name}: {}", ran.err);
        let list = run(&place, "model list");
        assert!(list.code == 0 && !list.out.contains('\u{202e}'), "{}", list.out);
        fs::rename(place.path(name), place.path("one")).unwrap();
    }
    assert_eq!(run(&place, "audit verify").code, 0);
}

/// Promotes on a file system of its own that is full, or almost.
#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_nothing_is_half_promoted() {
    let (place, hash) = fixture();
    let used = |path: &Path| -> u64 {
        let out = Command::new("du").args(["-sk", "--apparent-size"]).arg(path).output().unwrap();
        String::from_utf8_lossy(&out.stdout).split_whitespace().next().unwrap().parse().unwrap()
    };
    let size = used(&place.path("home")) + 400;
    // In a mount namespace of its own: what is mounted goes with the process.
    let script = r#"
        set -e
        mount -t tmpfs -o size="$SIZE"k tmpfs "$MOUNTED" || exit 77
        cp -a "$FROM/." "$MOUNTED/"
        export SHIELDWALL_HOME="$MOUNTED"
        dd if=/dev/zero of="$MOUNTED/fill" bs=4096 2>/dev/null || true
        set +e
        "$PROGRAM" model promote "$HASH"; full=$?
        rm "$MOUNTED/fill"
        "$PROGRAM" model list --format jsonl > "$OUT/list"
        "$PROGRAM" audit verify > "$OUT/verify"; verify=$?
        "$PROGRAM" model promote "$HASH"; again=$?
        "$PROGRAM" audit verify > "$OUT/verify2"; verify2=$?
        echo "codes $full $verify $again $verify2"
    "#;
    for folder in ["mounted", "out"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    let ran = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .env("SIZE", size.to_string())
        .env("MOUNTED", place.path("mounted"))
        .env("FROM", place.path("home"))
        .env("OUT", place.path("out"))
        .env("PROGRAM", env!("CARGO_BIN_EXE_shieldwall"))
        .env("HASH", hash)
        .output();
    let ran = match ran {
        Ok(output) => Ran::of(output),
        Err(error) => return eprintln!("SKIPPED: no `unshare` on this machine: {error}"),
    };
    if !ran.out.contains("codes ") {
        return eprintln!("SKIPPED: no file system of its own may be mounted here: {}", ran.err);
    }
    assert!(ran.out.contains("codes 4 0 0 0"), "{} {}", ran.out, ran.err);
    assert!(ran.err.contains("No space left"), "{}", ran.err);
    let list = fs::read_to_string(place.path("out/list")).unwrap();
    assert!(
        list.contains("\"stage\":\"candidate\"") && !list.contains("\"name\":\"one\",\"stage\":\"active\""),
        "{list}"
    );
}
