//! `shieldwall model`: what is learned, what is refused, what comes out.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Place, Ran};

/// Rows of a made-up network: hostile ones send much to odd services, and a few normal ones do one of both.
fn flows(rows: u64, label: bool) -> String {
    let mut text = String::from("duration,service,src_bytes,errors");
    text.push_str(if label { ",label\n" } else { "\n" });
    for at in 0..rows {
        let hostile = at % 5 == 0;
        let service =
            if hostile { ["telnet", "irc"][(at / 5 % 2) as usize] } else { ["http", "dns", "smtp"][(at % 3) as usize] };
        let bytes = if hostile { 5000 + at * 37 % 900 } else { 100 + at * 131 % 1000 };
        let _ = write!(text, "{}.5,{service},{bytes},{}", at % 11, (at * 7 % 13) as f64 / 10.0);
        let _ = writeln!(text, "{}", if label { format!(",{}", u8::from(hostile)) } else { String::new() });
    }
    text
}

fn train(place: &Place, kind: &str, data: &Path, more: &[&str], name: &str) -> Ran {
    let mut args: Vec<_> = ["model", "train", kind, "--data"].map(Into::into).to_vec();
    args.push(data.as_os_str().to_owned());
    args.extend(more.iter().map(Into::into));
    args.push("-o".into());
    args.push(place.path(name).into_os_string());
    place.run(args)
}

fn score(place: &Place, name: &str, data: &Path, more: &[&str]) -> Ran {
    let mut args = vec!["model".into(), "score".into(), place.path(name).into_os_string(), data.as_os_str().to_owned()];
    args.extend(more.iter().map(Into::into));
    place.run(args)
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_same_data_give_the_same_model_and_scores_that_add_up() {
    let place = Place::new();
    let data = place.file("flows.csv", flows(600, true));
    assert_eq!(train(&place, "tabular", &data, &["--label", "label"], "one").code, 0);
    assert_eq!(train(&place, "tabular", &data, &["--label", "label"], "two").code, 0);
    let model = |name: &str| fs::read(place.path(name).join("model.safetensors")).unwrap();
    assert_eq!(model("one"), model("two"));
    let ran = score(&place, "one", &data, &["--format", "jsonl"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let rows = rows(&ran);
    assert_eq!(rows.len(), 600);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row["row"], at);
        let parts: f64 =
            row["contributions"].as_array().unwrap().iter().map(|one| one["value"].as_f64().unwrap()).sum();
        let (score, base) = (row["score"].as_f64().unwrap(), row["base"].as_f64().unwrap());
        assert!((base + parts - score).abs() <= 1e-9 * score.abs().max(1.0), "{row}");
        let p = row["p_value"].as_f64().unwrap();
        assert!(p > 0.0 && p <= 1.0 && row["flagged"] == (p <= 0.01), "{row}");
    }
    let flagged = rows.iter().enumerate().filter(|(_, row)| row["flagged"] == true);
    let (hits, alarms): (Vec<_>, Vec<_>) = flagged.partition(|(at, _)| at % 5 == 0);
    assert!(hits.len() >= 110 && alarms.len() <= 24, "{} of 120, {} of 480", hits.len(), alarms.len());
    let said =
        place.run(["model".into(), "evaluate".into(), place.path("one").into_os_string(), data.into_os_string()]);
    assert!(said.out.contains("this model") && said.out.contains("the same for all"), "{}", said.out);
    let card = place.run(["model".into(), "card".into(), place.path("one").into_os_string()]);
    assert!(card.out.contains("src_bytes") && card.out.contains("Limits"), "{}", card.out);
}

#[test]
fn without_labels_it_learns_what_is_usual() {
    let place = Place::new();
    let data = place.file("flows.csv", flows(400, false));
    assert_eq!(train(&place, "tabular", &data, &[], "usual").code, 0);
    let odd =
        place.file("odd.csv", "errors,src_bytes,service,duration,more\n0.1,300,http,3.5,x\n9000,1e9,finger,1e7,x\n");
    let ran = score(&place, "usual", &odd, &["--format", "jsonl"]);
    let rows = rows(&ran);
    assert!(rows[1]["score"].as_f64() > rows[0]["score"].as_f64(), "{rows:?}");
    assert!(rows[1]["p_value"].as_f64() < rows[0]["p_value"].as_f64(), "{rows:?}");
}

#[test]
fn a_model_nobody_vouches_for_is_refused_and_a_named_hash_is_enough() {
    let (here, there) = (Place::new(), Place::new());
    let data = here.file("flows.csv", flows(300, true));
    assert_eq!(train(&here, "tabular", &data, &["--label", "label"], "model").code, 0);
    let foreign = |more: &[&str]| {
        let mut args =
            vec!["model".into(), "score".into(), here.path("model").into_os_string(), data.as_os_str().to_owned()];
        args.extend(more.iter().map(Into::into));
        there.run(args)
    };
    let refused = foreign(&[]);
    assert_eq!(refused.code, 4);
    let hash = refused.err.split("--trust-hash ").nth(1).and_then(|rest| rest.get(..64)).unwrap().to_owned();
    assert_eq!(foreign(&["--trust-hash", &hash]).code, 1);
    assert_eq!(foreign(&["--trust-hash", &"0".repeat(64)]).code, 4);
    assert_eq!(foreign(&["--trust-hash", "nonsense"]).code, 4);
}

/// Fault table row 48: damaged, of another version, not a model at all.
#[test]
fn a_damaged_model_is_refused_and_the_one_before_stays() {
    let place = Place::new();
    let data = place.file("flows.csv", flows(300, true));
    assert_eq!(train(&place, "tabular", &data, &["--label", "label"], "model").code, 0);
    let path = place.path("model").join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    let version = whole.windows(13).position(|part| part == b"\"version\":\"1\"").unwrap();
    let mut other = whole.clone();
    other[version + 11] = b'2';
    let mut nan = whole.clone();
    let last = nan.len() - 8;
    nan[last..].copy_from_slice(&f64::NAN.to_le_bytes());
    for (what, bytes) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("another version", other),
        ("a number that is none", nan),
        ("no model", b"PK\x03\x04 not a model".to_vec()),
        ("empty", Vec::new()),
    ] {
        fs::write(&path, &bytes).unwrap();
        let refused = score(&place, "model", &data, &[]);
        assert_eq!(refused.code, 4, "{what}");
        let hash = refused.err.split("--trust-hash ").nth(1).and_then(|rest| rest.get(..64)).unwrap().to_owned();
        // Even a named hash makes no model of it.
        let named = score(&place, "model", &data, &["--trust-hash", &hash]);
        assert!(named.code == 4 && !named.err.contains("panicked"), "{what}: {}", named.err);
    }
    fs::write(&path, &whole).unwrap();
    // A training that fails leaves what is there.
    let bad = place.file("bad.csv", "a,label\n1,0\n2,seven\n");
    assert_eq!(train(&place, "tabular", &bad, &["--label", "label"], "model").code, 4);
    assert_eq!(score(&place, "model", &data, &[]).code, 1);
}

#[test]
fn data_that_teach_nothing_are_refused_with_their_place() {
    let place = Place::new();
    let wide: String = (0..1_000_000).map(|at| format!("c{at},")).collect();
    for (what, text, label, words) in [
        ("one class", flows(100, true).replace(",1\n", ",0\n"), true, "two classes"),
        ("too few", "a,label\n1,0\n2,1\n3,0\n".to_owned(), true, "at least"),
        ("an infinity", "a,b\n1,2\ninf,3\n".to_owned(), false, "row 2, column `a`"),
        ("a million columns", format!("{wide}\n1\n"), false, "columns are read"),
        ("two columns of one name", "a,a\n1,2\n".to_owned(), false, "two columns `a`"),
        ("ragged", "a,b\n1,2\n3\n".to_owned(), false, "cannot read"),
        ("no such label", flows(100, false), true, "no column `label`"),
        ("nothing", String::new(), false, "empty"),
    ] {
        let data = place.file("data.csv", text);
        let more: &[&str] = if label { &["--label", "label"] } else { &[] };
        let ran = train(&place, "tabular", &data, more, "never");
        assert_eq!(ran.code, 4, "{what}");
        assert!(ran.err.contains(words) && !ran.err.contains("panicked"), "{what}: {}", ran.err);
        assert!(!place.path("never").exists(), "{what}");
    }
}

#[test]
fn a_wrong_table_is_refused_by_name() {
    let place = Place::new();
    let data = place.file("flows.csv", flows(300, true));
    assert_eq!(train(&place, "tabular", &data, &["--label", "label"], "model").code, 0);
    let other = place.file("other.csv", "service,src_bytes\nhttp,1\n");
    let ran = score(&place, "model", &other, &[]);
    assert!(ran.code == 4 && ran.err.contains("duration, errors"), "{}", ran.err);
    let words = place.file("words.csv", flows(3, true).replace("0.5,", "long,"));
    let ran = score(&place, "model", &words, &[]);
    assert!(ran.code == 4 && ran.err.contains("column `duration`"), "{}", ran.err);
}

#[test]
fn sequences_learn_on_and_say_what_was_strange() {
    let place = Place::new();
    let mut text = String::new();
    for at in 0..200 {
        let middle = if at % 4 == 0 { "\"read\",\"read\"" } else { "\"read\"" };
        let _ = writeln!(text, "{{\"sequence\":[\"open\",{middle},7,\"close\"]}}");
    }
    let data = place.file("normal.jsonl", &text);
    assert_eq!(train(&place, "sequence", &data, &[], "order").code, 0);
    let odd = place.file("odd.jsonl", "{\"sequence\":[\"open\",\"read\",7,\"close\"]}\n{\"sequence\":[\"close\",\"exec\",\"exec\",\"open\"]}\nnonsense\n");
    let ran = score(&place, "order", &odd, &["--format", "jsonl", "--online"]);
    assert_eq!(ran.code, 3, "flagged, and one line could not be read: {}", ran.err);
    let rows = rows(&ran);
    assert_eq!((rows[0]["flagged"].as_bool(), rows[1]["flagged"].as_bool()), (Some(false), Some(true)), "{rows:?}");
    assert!(rows[1]["contributions"].to_string().contains("exec"), "{}", rows[1]);
}

#[test]
fn what_moved_is_named_and_learning_on_follows_it() {
    let place = Place::new();
    let table = |rows: u64, bytes: u64, ports: u64| {
        let mut text = String::from("bytes,port,duration\n");
        for at in 0..rows {
            let noise = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
            let _ = writeln!(text, "{},{},{}", bytes + noise % 900, 440 + noise / 7 % ports, noise / 11 % 60);
        }
        text
    };
    let data = place.file("flows.csv", table(2000, 100, 4));
    assert_eq!(train(&place, "tabular", &data, &[], "flows").code, 0);
    let same = place.file("same.csv", table(1500, 100, 4));
    let moved = place.file("moved.csv", table(3000, 900, 4));
    let still = score(&place, "flows", &same, &[]);
    assert!(!still.err.contains("drift"), "{}", still.err);
    let ran = score(&place, "flows", &moved, &["--format", "jsonl"]);
    assert!(ran.err.contains("drift: `bytes`") && !ran.err.contains("`duration`"), "{}", ran.err);
    assert!(ran.err.contains("strangest tenth"), "{}", ran.err);
    let flagged = |ran: &Ran| rows(ran)[1500..].iter().filter(|row| row["flagged"] == true).count();
    let online = score(&place, "flows", &moved, &["--format", "jsonl", "--online"]);
    assert!(flagged(&ran) > 200 && flagged(&online) < 60, "{} frozen, {} online", flagged(&ran), flagged(&online));
}

#[test]
fn texts_are_scored_with_the_parts_that_weigh() {
    let place = Place::new();
    let mut text = String::from("text,label\n");
    for at in 0..120 {
        let _ = writeln!(text, "name=user{at}&page={},0", at * 7 % 50);
        let _ = writeln!(text, "id={at}' union select password from users where {at}={at}--,1");
    }
    let data = place.file("requests.csv", &text);
    let trained = train(&place, "http", &data, &[], "http");
    assert_eq!(trained.code, 0, "{}", trained.err);
    let other = place.file(
        "other.jsonl",
        "{\"text\":\"name=anna&page=3\"}\n{\"text\":\"q=1' UNION/**/SELECT pass FROM users--\"}\n",
    );
    let ran = score(&place, "http", &other, &["--format", "jsonl"]);
    let rows = rows(&ran);
    assert!(rows[1]["score"].as_f64() > rows[0]["score"].as_f64(), "{rows:?}");
    let unlabelled = place.file("unlabelled.csv", "text\nx\n");
    assert!(train(&place, "http", &unlabelled, &[], "none").err.contains("no column `label`"));
}
