//! The audit log, the registry and its gates, as a user runs them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::run::{Place, Ran};

const GATES: [&str; 4] = ["heldout", "latency", "signature", "size"];

/// A policy of the gates that need nothing else.
fn policy(place: &Place, approvers: usize) -> PathBuf {
    let mut text = format!("version = 1\napprovers = {approvers}\n");
    for gate in GATES {
        let _ = writeln!(text, "[gates.{gate}]");
        text.push_str(match gate {
            "heldout" => "min = { recall = 0.5 }\nmax = { false_alarms = 0.1 }\n",
            "size" => "max = { bytes = 50000000.0 }\n",
            _ => "",
        });
    }
    place.file("home/policies/models.toml", text)
}

fn flows(rows: u64, from: u64) -> String {
    let mut text = String::from("duration,service,src_bytes,label\n");
    for at in from..from + rows {
        let hostile = at % 5 == 0;
        let (service, bytes) = if hostile { ("telnet", 5000 + at % 900) } else { ("http", 100 + at * 131 % 1000) };
        let _ = writeln!(text, "{}.5,{service},{bytes},{}", at % 11, u8::from(hostile));
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

fn train(place: &Place, name: &str, seed: u64) -> String {
    place.file("train.csv", flows(600, 0));
    place.file("later.csv", flows(300, 10_000));
    let ran = run(place, &format!("model train tabular --data @train.csv --label label --seed {seed} -o @{name}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.err.split("SHA-256 ").nth(1).and_then(|rest| rest.get(..64)).unwrap().to_owned()
}

fn gates(place: &Place, model: &str) {
    for gate in GATES {
        let ran = run(place, &format!("model gate {gate} {model} --data @later.csv --label label"));
        assert_eq!(ran.code, 0, "{gate}: {} {}", ran.out, ran.err);
    }
}

fn stages(place: &Place) -> Vec<(String, String)> {
    let ran = run(place, "model list --format jsonl");
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    lines.filter(|line| line["kind"] == "tabular").map(|line| (text(&line, "sha256"), text(&line, "stage"))).collect()
}

#[test]
fn without_the_evidence_of_any_one_gate_promotion_is_refused_and_the_gate_named() {
    let place = Place::new();
    policy(&place, 0);
    let hash = train(&place, "one", 1);
    let nothing = run(&place, "model promote @one");
    assert_eq!(nothing.code, 1);
    assert!(GATES.iter().all(|gate| nothing.out.contains(&format!("{gate}: no evidence"))), "{}", nothing.out);
    gates(&place, "@one");
    let evidence = place.path("home/registry/evidence").join(&hash);
    for gate in GATES {
        let file = evidence.join(format!("{gate}.json"));
        let whole = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let ran = run(&place, "model promote @one");
        assert_eq!(ran.code, 1, "{gate}");
        assert!(ran.out.contains(&format!("{gate}: no evidence")), "{}", ran.out);
        assert_eq!(stages(&place), [(hash.clone(), "candidate".to_owned())]);
        fs::write(&file, whole).unwrap();
    }
    assert_eq!(run(&place, "model promote @one").code, 0);
    assert_eq!(stages(&place), [(hash, "active".to_owned())]);
    // What it learned from is no evidence.
    let ran = run(&place, "model gate heldout @one --data @train.csv --label label");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("is what it learned from"), "{}", ran.out);
    let log = run(&place, "audit verify --since 2000-01-01");
    assert_eq!(log.code, 0, "{}", log.out);
    assert!(log.out.contains("model.active") && log.out.contains("refused"), "{}", log.out);
}

#[test]
fn two_different_people_approve_or_nothing_happens() {
    let (place, other) = (Place::new(), Place::new());
    policy(&place, 2);
    train(&place, "one", 1);
    gates(&place, "@one");
    // Each program's local key is a person's.
    train(&other, "own", 2);
    let (mine, theirs) = (place.path("home/keys/local.pem"), other.path("home/keys/local.pem"));
    let promote = |keys: &[&PathBuf]| {
        let mut words = vec!["model".into(), "promote".into(), place.path("one").into_os_string()];
        for key in keys {
            words.extend(["--approve-key".into(), key.as_os_str().to_owned()]);
        }
        place.run(words)
    };
    for keys in [&[][..], &[&mine], &[&mine, &mine]] {
        let ran = promote(keys);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.out.contains("approval: failed"), "{}", ran.out);
    }
    assert_eq!(promote(&[&mine, &theirs]).code, 0);
}

#[test]
fn rollback_takes_a_moment_and_nothing_revoked_comes_back() {
    let place = Place::new();
    policy(&place, 0);
    let (one, two) = (train(&place, "one", 1), train(&place, "two", 2));
    for model in ["@one", "@two"] {
        gates(&place, model);
        assert_eq!(run(&place, &format!("model promote {model}")).code, 0);
    }
    let journal = fs::read(place.path("home/registry/journal.jsonl")).unwrap();
    let start = Instant::now();
    assert_eq!(run(&place, "model rollback tabular --why drift").code, 0);
    let took = start.elapsed();
    assert!(took.as_secs_f64() < 1.0, "{took:?}");
    assert!(stages(&place).contains(&(one.clone(), "active".to_owned())));
    assert!(stages(&place).contains(&(two.clone(), "shadow".to_owned())));
    assert_eq!(run(&place, &format!("model revoke {one} --why leak")).code, 0);
    assert_eq!(run(&place, "model promote @one").code, 4);
    assert_eq!(run(&place, "model rollback tabular").code, 4);
    // An older journal put back.
    fs::write(place.path("home/registry/journal.jsonl"), journal).unwrap();
    assert!(!stages(&place).contains(&(one, "active".to_owned())));
    assert_eq!(run(&place, "model promote @one").code, 4);
    assert_eq!(run(&place, "audit verify").code, 0);
}

#[test]
fn a_candidate_is_scored_and_evaluated_by_its_hash_and_listed() {
    let place = Place::new();
    let hash = train(&place, "one", 1);
    let ran = run(&place, &format!("model score {} @later.csv --format jsonl", hash.get(..10).unwrap()));
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(run(&place, "model evaluate @one @later.csv --label label").code, 0);
    assert_eq!(stages(&place), [(hash, "candidate".to_owned())]);
}

#[test]
fn the_log_tells_of_every_change_and_of_every_tampering() {
    let place = Place::new();
    assert!(run(&place, "audit verify").out.contains("nothing was written down yet"));
    let pack = "title: T\nid: 7a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b\nlogsource: {product: linux, service: sshd}\n\
                detection: {s: {message|contains: Accepted}, condition: s}\nlevel: low\n";
    place.file("pack/a.yml", pack);
    assert_eq!(run(&place, "rules add @pack --name local").code, 0);
    train(&place, "one", 1);
    let log =
        place.file("auth.log", "Jan  1 10:00:00 web sshd[1]: Accepted password for root from 192.0.2.1 port 1 ssh2\n");
    let scanned = place.run(["scan".as_ref(), log.as_os_str(), "--no-learning".as_ref()]);
    assert_eq!(scanned.code, 1, "{} {}", scanned.out, scanned.err);
    let all = run(&place, "audit verify --since 2000-01-01");
    for action in ["rules.add local", "model.register", "scan "] {
        assert!(all.out.contains(action), "{action}: {}", all.out);
    }
    let chain = run(&place, "audit show 1");
    for part in ["event", "finding", "decision", "rule "] {
        assert!(chain.out.contains(part), "{part}: {} {}", chain.out, chain.err);
    }
    let proof = run(&place, "audit proof 1");
    assert_eq!(proof.code, 0);
    assert_eq!(serde_json::from_str::<Value>(&proof.out).unwrap()["number"], 1);
    let path = place.path("home/audit/log.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let swapped = [&[lines[1], lines[0]], &lines[2..]].concat();
    for (bytes, said) in [
        (whole.replacen("local", "loyal", 1), "entry 0 was edited"),
        (lines[..lines.len() - 1].join("\n") + "\n", "truncated"),
        (lines[1..].join("\n") + "\n", "entry 0 was deleted"),
        (swapped.join("\n") + "\n", "was moved"),
    ] {
        fs::write(&path, bytes).unwrap();
        let ran = run(&place, "audit verify");
        assert_eq!(ran.code, 1, "{said}");
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
        // Nothing is done that cannot be written down.
        assert_eq!(run(&place, "rules add @pack --name more").code, 4);
        assert!(!place.path("home/packs/more.rules").exists());
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(run(&place, "audit verify").code, 0);
}

#[test]
fn the_checklist_has_26_controls_and_says_what_is_not_there() {
    let place = Place::new();
    let ran = run(&place, "model checklist --format jsonl");
    let rows: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 26);
    for row in &rows {
        let waits = [10, 20, 22, 23].contains(&row["control"].as_u64().unwrap());
        assert_eq!(row["status"] == "not yet", waits, "{row}");
    }
    assert_eq!(rows[4]["status"], "no evidence");
    assert!(run(&place, "model checklist").out.contains("NIST AI RMF"));
}

#[test]
fn a_pack_acts_only_when_it_is_signed_tested_and_no_downgrade() {
    let (place, other) = (Place::new(), Place::new());
    let rule = "title: T\nid: 7a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b\nlogsource: {product: linux, service: sshd}\n\
                detection: {s: {message|contains: Accepted}, condition: s}\nlevel: low\n";
    let log = "Jan  1 10:00:00 web sshd[1]: Accepted password for root from 192.0.2.1 port 1 ssh2\n";
    place.file("src/a.yml", rule);
    place.file("src/a.true.log", log);
    let log = place.file("auth.log", log);
    let build = |version: &str| {
        let manifest =
            format!("name = \"acme\"\nversion = \"{version}\"\nkind = \"rules\"\nlicence = \"Apache-2.0\"\n");
        place.file("src/pack.toml", manifest);
        assert_eq!(run(&place, "pack build @src -o @acme.pack").code, 0);
    };
    build("1.1.0");
    assert_eq!(run(&place, "pack add @acme.pack").code, 4, "unsigned");
    let signed = run(&place, "pack sign @acme.pack");
    assert_eq!(signed.code, 0, "{}", signed.err);
    assert_eq!(run(&place, "pack verify @acme.pack").code, 0);
    assert_eq!(run(&place, "pack test @acme.pack").code, 0);
    // Nobody here believes that key.
    fs::copy(place.path("acme.pack"), other.path("acme.pack")).unwrap();
    assert_eq!(run(&other, "pack verify @acme.pack").code, 4);
    assert_eq!(run(&other, "pack add @acme.pack").code, 4);
    let shadow = run(&place, "pack add @acme.pack --shadow @auth.log");
    assert_eq!(shadow.code, 1, "{}", shadow.err);
    assert!(shadow.out.contains("would fire  7a1c2f0e"), "{}", shadow.out);
    assert!(run(&place, "pack list").out.contains("no pack was taken in"));
    assert_eq!(run(&place, "pack add @acme.pack").code, 0);
    assert!(fs::read_to_string(place.path("home/packs.lock")).unwrap().contains("1.1.0"));
    let scanned = place.scan(&log, &["--no-learning"]);
    assert!(scanned.rules().contains(&"7a1c2f0e-0f6b-4ac9-9f29-1c2d3e4f5a6b".to_owned()), "{}", scanned.out);
    assert!(run(&place, "audit verify --since 2000-01-01").out.contains("pack.add acme"));
    // Older, damaged, failing its own test: refused.
    build("1.0.9");
    run(&place, "pack sign @acme.pack");
    assert_eq!(run(&place, "pack add @acme.pack").code, 4);
    assert_eq!(run(&place, "pack add @acme.pack --allow-downgrade").code, 0);
    let mut bytes = fs::read(place.path("acme.pack")).unwrap();
    let at = bytes.windows(8).position(|part| part == b"Accepted").unwrap();
    bytes[at] ^= 1;
    fs::write(place.path("acme.pack"), bytes).unwrap();
    assert_eq!(run(&place, "pack verify @acme.pack").code, 4);
    place.file("src/a.false.log", fs::read(&log).unwrap());
    build("1.2.0");
    run(&place, "pack sign @acme.pack");
    assert_eq!(run(&place, "pack add @acme.pack").code, 4);
}
