//! Our verdict is the verdict of OASIS's JSON schema, stricter only in the graph; what is read is written back as it was.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shieldwall_respond::playbook::condition::Condition;
use shieldwall_respond::playbook::{Kind, Playbook, select};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Our own playbooks: name and bytes.
fn ours() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(here("../../content/playbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    assert!(all.len() >= 12);
    all
}

fn read(name: &str, bytes: &[u8]) -> Playbook {
    Playbook::read(bytes).unwrap_or_else(|faults| panic!("{name}: {faults:?}"))
}

/// The same changes in the same order as `cacao/referee.py`.
#[test]
fn every_small_change_gets_the_verdict_of_the_schema() {
    let document: Value = serde_json::from_slice(&std::fs::read(here("tests/cacao/whole.json")).unwrap()).unwrap();
    let verdicts = std::fs::read_to_string(here("tests/cacao/whole.verdicts")).unwrap();
    let values = [json!(null), json!(true), json!(7), json!(-1), json!(1.5), json!("x"), json!([]), json!({})];
    let valid = |document: &Value| Playbook::schema(document.to_string().as_bytes()).is_ok();
    let (mut counts, mut wrong) = ([0usize; 2], Vec::new());
    for line in verdicts.lines() {
        let (pointer, signs) = line.split_once(' ').unwrap();
        if pointer.is_empty() {
            assert_eq!(valid(&document), signs == "1");
            continue;
        }
        let (holder, name) = pointer.rsplit_once('/').unwrap();
        for (number, sign) in signs.chars().enumerate() {
            let mut other = document.clone();
            match (number, other.pointer_mut(holder).unwrap()) {
                (0, Value::Object(fields)) => drop(fields.shift_remove(name)),
                (0, Value::Array(list)) => drop(list.remove(name.parse().unwrap())),
                (9, _) => match other.pointer_mut(pointer).unwrap() {
                    Value::Object(fields) => drop(fields.insert("unheard_of".to_owned(), json!(1))),
                    _ => {
                        assert_eq!(sign, '-');
                        continue;
                    }
                },
                (number, _) => *other.pointer_mut(pointer).unwrap() = values[number - 1].clone(),
            }
            let expected = sign == '1';
            counts[usize::from(expected)] += 1;
            if valid(&other) != expected {
                wrong.push(format!("{pointer} change {number}: the schema says {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {counts:?}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
}

/// What the schema says of the given playbooks (`cacao/referee.py`), and what our graph refuses beyond it.
#[test]
fn the_given_playbooks_get_the_verdict_of_the_schema_and_of_the_graph() {
    let base = std::env::var_os("SHIELDWALL_DATA").map_or_else(|| here("../../../shared/data"), PathBuf::from);
    let folder = base.join("cacao/playbooks");
    if !folder.exists() {
        eprintln!("SKIPPED: no `cacao/playbooks` in the shared data (set SHIELDWALL_DATA)");
        return;
    }
    for (path, schema, graph) in [
        ("examples/fin-playbook.json", Some("is no identifier"), None),
        ("examples/http-playbook.json", None, None),
        ("examples/manual-playbook.json", None, None),
        ("examples/openc2-playbook.json", None, None),
        ("examples/powershell-playbook.json", None, None),
        ("examples/ssh-playbook.json", None, None),
        ("test/playbooks/changed-playbook.json", Some("object"), None),
        ("test/playbooks/infinite_playbook.json", None, Some("a loop")),
        // Their `workflow_exception` names a step that is not there.
        ("test/playbooks/invalid_email_playbook.json", None, Some("there is no step")),
        ("test/playbooks/invalid_playbook.json", Some("must be `http-api`"), None),
        ("test/playbooks/missing_step_playbook.json", None, Some("there is no step")),
        ("test/playbooks/parallels_playbook.json", None, Some("there is no step")),
        ("test/playbooks/playbook.json", None, Some("there is no step")),
    ] {
        let bytes = std::fs::read(folder.join(path)).unwrap();
        let words = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let got = Playbook::schema(&bytes).map_err(words);
        match schema {
            Some(part) => assert!(got.as_ref().is_err_and(|words| words.contains(part)), "{path}: {got:?}"),
            None => assert_eq!(got, Ok(()), "{path}"),
        }
        if schema.is_none() {
            let got = Playbook::read(&bytes).map_err(words);
            match graph {
                Some(part) => assert!(got.as_ref().is_err_and(|words| words.contains(part)), "{path}: {got:?}"),
                None => assert_round_trip(path, &bytes, &got.unwrap()),
            }
        }
    }
}

fn assert_round_trip(name: &str, bytes: &[u8], playbook: &Playbook) {
    let before: Value = serde_json::from_slice(bytes).unwrap();
    let written = playbook.to_json();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), before, "{name}");
    // Also the order of the names is kept, and the one spelling does not depend on it.
    assert_eq!(serde_json::to_string_pretty(&before).unwrap(), written, "{name}");
    let again = read(name, playbook.canonical().as_bytes());
    assert_eq!(again.canonical(), playbook.canonical(), "{name}");
    assert_eq!(serde_json::from_str::<Value>(&again.canonical()).unwrap(), before, "{name}");
}

#[test]
fn what_is_read_is_written_back_with_all_that_we_do_not_know() {
    let bytes = std::fs::read(here("tests/cacao/whole.json")).unwrap();
    let playbook = read("whole", &bytes);
    assert_round_trip("whole", &bytes, &playbook);
    assert!(playbook.to_json().contains("of_another_program"));
    assert_eq!((playbook.signatures, playbook.agents.len(), playbook.steps.len()), (3, 10, 18));
    for (name, bytes) in ours() {
        assert_round_trip(&name, &bytes, &read(&name, &bytes));
    }
}

#[test]
fn our_playbooks_have_all_their_steps_in_words_and_conditions_that_are_understood() {
    let mut names = Vec::new();
    for (name, bytes) in ours() {
        let playbook = read(&name, &bytes);
        let selector = playbook.selector.as_ref().unwrap_or_else(|| panic!("{name}: selects nothing"));
        assert_eq!(selector.name, name);
        assert!(!selector.techniques.is_empty() && !selector.rules.is_empty(), "{name}");
        names.push(playbook.name.clone());
        let (mut people, mut deeds) = (0, 0);
        for step in playbook.steps.values() {
            match &step.kind {
                Kind::Action { commands, .. } => {
                    assert!(
                        commands.iter().all(|command| command.kind.name() == "manual" && command.text.len() > 20),
                        "{name}: {}",
                        step.name
                    );
                    people += usize::from(step.deed.is_none());
                    deeds += usize::from(step.deed.is_some());
                }
                Kind::If { condition, .. } => {
                    drop(Condition::read(condition).unwrap_or_else(|words| panic!("{name}: {words}")))
                }
                _ => {}
            }
        }
        assert!(people >= 3 && deeds >= 2, "{name}: {people} for people, {deeds} deeds");
    }
    names.dedup();
    assert_eq!(names.len(), ours().len());
}

/// A selector that names a rule which is gone would select nothing and nobody would notice.
#[test]
fn the_rules_that_our_playbooks_name_are_there() {
    fn texts(folder: &Path, out: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "yml") {
                out.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut rules = String::new();
    texts(&here("../../content/rules"), &mut rules);
    for (name, bytes) in ours() {
        for rule in &read(&name, &bytes).selector.unwrap().rules {
            assert!(
                rule.starts_with("shieldwall.anomaly.") || rules.contains(&format!("id: {rule}")),
                "{name}: {rule}"
            );
        }
    }
}

#[test]
fn rules_select_before_techniques_and_tactics_alone_select_nothing() {
    let all: Vec<Playbook> = ours().iter().map(|(name, bytes)| read(name, bytes)).collect();
    let chosen = |techniques: &[&str], tactics: &[&str], rules: &[&str]| -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let selected = select(&all, &texts(techniques), &texts(tactics), &texts(rules));
        selected.iter().map(|playbook| playbook.selector.as_ref().unwrap().name.clone()).collect()
    };
    assert_eq!(chosen(&["T1110.001"], &[], &[]), ["ssh-bruteforce"]);
    assert_eq!(chosen(&["T1110.003"], &["credential-access"], &[])[0], "password-spraying");
    assert_eq!(chosen(&["T1505.003"], &[], &[]), ["web-shell"]);
    assert_eq!(chosen(&["T1486"], &["impact"], &[]), ["ransomware"]);
    assert_eq!(chosen(&["T1003.001"], &[], &[]), ["credential-dumping"]);
    assert_eq!(chosen(&["T1070.001"], &[], &["98ae02c8-bb95-5bf2-9b98-6006b4c49628"]), ["log-clearing"]);
    assert_eq!(chosen(&[], &[], &["dcd98104-fb4d-5f67-b160-72bd6d995b24"]), ["ssh-bruteforce"]);
    assert_eq!(chosen(&[], &["impact", "exfiltration"], &[]), Vec::<String>::new());
    assert_eq!(chosen(&["T9999"], &[], &["no-rule"]), Vec::<String>::new());
}

/// One change of a good playbook each, and the words that refuse it.
#[test]
fn what_the_graph_and_our_extension_refuse() {
    const OURS: &str = "extension-definition--29e2a1ce-90bd-5ab2-9e91-3b401c57108a";
    let uuid = |kind: &str, at: usize| format!("{kind}--00000000-0000-4000-8000-00000000000{at}");
    let (start, one, two, end) = (uuid("start", 1), uuid("action", 1), uuid("action", 2), uuid("end", 1));
    let (turn, agent) = (uuid("while-condition", 1), uuid("individual", 1));
    let action =
        |next: &str| json!({"type": "action", "commands": [{"type": "manual"}], "agent": agent, "on_completion": next});
    let block = json!({"do": "block", "of": "incident.addresses.outside", "seconds": 60, "approval": "ask",
        "guards": ["protected"], "undo": "it ends", "d3fend": "D3-NTF"});
    let base = json!({
        "type": "playbook", "spec_version": "cacao-2.0", "id": uuid("playbook", 1), "name": "n",
        "created_by": uuid("identity", 1), "created": "2026-11-23T00:00:00Z", "modified": "2026-11-23T00:00:00Z",
        "workflow_start": start,
        "workflow": {
            start.clone(): {"type": "start", "on_completion": one},
            one.clone(): action(&turn),
            turn.clone(): {"type": "while-condition", "condition": "1 = 1", "on_true": two, "on_completion": end,
                "step_extensions": {OURS: {"rounds": 3}}},
            two.clone(): action(&turn),
            end.clone(): {"type": "end"},
        },
        "agent_definitions": {agent.clone(): {"type": "individual", "name": "n"}},
    });
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = base.clone();
        change(&mut document);
        Playbook::schema(document.to_string().as_bytes()).expect("valid by the schema");
        Playbook::read(document.to_string().as_bytes()).map_err(|faults| faults[0].to_string())
    };
    assert!(with(&|_| ()).is_ok());
    let at = |document: &mut Value, id: &str, name: &str, value: Value| document["workflow"][id][name] = value;
    let deed = |change: &dyn Fn(&mut Value)| {
        let mut deed = block.clone();
        change(&mut deed);
        with(&|document| at(document, &one, "step_extensions", json!({OURS: deed})))
    };
    assert!(deed(&|_| ()).is_ok());
    for (got, part) in [
        (with(&|document| at(document, &one, "on_completion", json!(start))), "a loop"),
        (with(&|document| at(document, &one, "on_failure", json!(one))), "a loop"),
        // Out of the loop and back into it: the bound of the `while` does not hold there.
        (with(&|document| at(document, &turn, "on_completion", json!(one))), "a loop"),
        (
            with(&|document| {
                at(
                    document,
                    &turn,
                    "step_extensions",
                    json!({"extension-definition--00000000-0000-4000-8000-000000000001": {}}),
                )
            }),
            "no bound",
        ),
        (with(&|document| at(document, &turn, "step_extensions", json!({OURS: {"rounds": 101}}))), "1 to 100"),
        (with(&|document| at(document, &turn, "step_extensions", json!({OURS: {"round": 1}}))), "unknown field"),
        (with(&|document| at(document, &one, "on_completion", json!(uuid("end", 9)))), "there is no step"),
        (with(&|document| document["workflow_start"] = json!(uuid("start", 9))), "there is no step"),
        (with(&|document| document["workflow_exception"] = json!(uuid("end", 9))), "there is no step"),
        (
            with(&|document| {
                document["workflow"][&one] = json!({"type": "action", "commands": [{"type": "manual"}], "agent": agent})
            }),
            "leads nowhere",
        ),
        (with(&|document| document["workflow"][uuid("end", 2)] = json!({"type": "end"})), "nothing leads"),
        (with(&|document| document["workflow"]["step--1"] = json!({})), "no kind of step"),
        (with(&|document| at(document, &one, "agent", json!(uuid("individual", 9)))), "no agent"),
        (with(&|document| at(document, &one, "targets", json!([uuid("ssh", 9)]))), "no target"),
        (with(&|document| at(document, &end, "step_extensions", json!({OURS: {}}))), "nowhere else"),
        (with(&|document| document["playbook_extensions"] = json!({OURS: {"name": "Bad Name"}})), "small letters"),
        (deed(&|deed| deed["do"] = json!("format")), "unknown variant"),
        (deed(&|deed| deed["of"] = json!("incident.users")), "does not fit"),
        (deed(&|deed| deed["of"] = json!("incident.addresses")), "unknown variant"),
        (deed(&|deed| drop(deed.as_object_mut().unwrap().remove("seconds"))), "`seconds`"),
        (deed(&|deed| deed["seconds"] = json!(0)), "`seconds`"),
        (deed(&|deed| deed["name"] = json!("x")), "`name`"),
        (deed(&|deed| deed["values"] = json!({"a": "b"})), "`values`"),
        (deed(&|deed| deed["guards"] = json!([])), "must say something"),
        (deed(&|deed| deed["guards"] = json!(["none"])), "unknown variant"),
        (deed(&|deed| deed["undo"] = json!(" ")), "must say something"),
        (deed(&|deed| deed["d3fend"] = json!("D3-AL")), "technique"),
        (deed(&|deed| drop(deed.as_object_mut().unwrap().remove("d3fend"))), "technique"),
        (deed(&|deed| deed["force"] = json!(true)), "unknown field"),
        (
            deed(
                &|deed| *deed = json!({"do": "lock_user", "of": "incident.users", "approval": "auto-reversible", "guards": ["protected"], "undo": "u", "d3fend": "D3-AL"}),
            ),
            "timed, narrow",
        ),
    ] {
        match got {
            Err(words) => assert!(words.contains(part), "{part}: {words}"),
            Ok(_) => panic!("accepted: {part}"),
        }
    }
}

#[test]
fn too_many_steps_and_hostile_bytes_are_refused() {
    let (name, bytes) = ours().swap_remove(0);
    let mut document: Value = serde_json::from_slice(&bytes).unwrap();
    for at in 0..600 {
        document["workflow"][format!("end--00000000-0000-4000-8000-{at:012}")] = json!({"type": "end"});
    }
    let faults = Playbook::read(document.to_string().as_bytes()).unwrap_err();
    assert!(faults[0].to_string().contains("more than 500 steps"), "{name}: {faults:?}");
    let hostile: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{\"type\":\"playbook\",\"type\":\"playbook\"}",
        b"\xff\xfe{\0}\0",
        b"{\"workflow\":{\"\":{}}}",
        b"{\"workflow\":{\"--\":{\"type\":1e308}}}",
        "{\"created\":\"é0é6-11-23T00:00:00Z\",\"id\":\"éé--00000000-0000-4000-8000-00000000000é\"}".as_bytes(),
        "{\"agent_definitions\":{\"ssh--00000000-0000-4000-8000-000000000001\":{\"address\":{\"ipv6\":[\"é::é\"],\"ipv4\":[\"....é\"],\"url\":[\"é.é.éé\"],\"l2mac\":[\"ééééééééé\"]}}}}".as_bytes(),
    ];
    for bytes in hostile {
        assert!(Playbook::read(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
    }
    // A good playbook, cut anywhere, is none.
    for end in (0..bytes.len() - 2).step_by(97) {
        assert!(Playbook::read(&bytes[..end]).is_err());
    }
}
