//! `shieldwall data` and `shieldwall model attack`: poison is found with its rows, clean tables are quiet, bad files end well.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::run::{Place, Ran};

/// A made-up network: hostile rows send much to odd services. Deterministic, with columns that vary freely.
fn flows(rows: u64) -> Vec<[String; 7]> {
    let mix = |at: u64, salt: u64| {
        let mut z = (at * 64 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 8
    };
    (0..rows)
        .map(|at| {
            // Hostile is what sends much to an odd service; normal rows may do one of both, so that no column tells alone.
            let hostile = mix(at, 1).is_multiple_of(3);
            let one = mix(at, 9) % 10;
            let much = hostile || one == 0;
            let odd = hostile || one == 1;
            let bytes = if much { 5000 + mix(at, 2) % 3000 } else { 100 + mix(at, 3) % 2000 };
            let service =
                if odd { ["telnet", "irc", "ftp"] } else { ["http", "dns", "smtp"] }[(mix(at, 4) % 3) as usize];
            [
                service.to_owned(),
                bytes.to_string(),
                (mix(at, 5) % 50).to_string(),
                (mix(at, 6) % 60).to_string(),
                (mix(at, 7) % 70).to_string(),
                format!("s{}", mix(at, 8) % 6),
                u8::from(hostile).to_string(),
            ]
        })
        .collect()
}

fn csv(rows: &[[String; 7]]) -> String {
    let mut text = String::from("service,src_bytes,a,b,c,sensor,label\n");
    rows.iter().for_each(|row| {
        let _ = writeln!(text, "{}", row.join(","));
    });
    text
}

fn check(place: &Place, file: &Path, more: &[&str]) -> (Ran, Vec<Value>) {
    let mut args = vec!["data".into(), "check".into(), file.as_os_str().to_owned(), "--format".into(), "jsonl".into()];
    args.extend(more.iter().map(Into::into));
    let ran = place.run(args);
    let found = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (ran, found)
}

fn of<'f>(found: &'f [Value], kind: &str) -> Option<&'f Value> {
    found.iter().find(|one| one["kind"] == kind)
}

fn named(finding: &Value) -> Vec<u64> {
    finding["rows"].as_array().unwrap().iter().map(|row| row.as_u64().unwrap()).collect()
}

#[test]
fn a_clean_table_is_quiet_and_poison_is_named_by_its_rows() {
    let place = Place::new();
    let clean = flows(3000);
    let (ran, found) = check(&place, &place.file("clean.csv", csv(&clean)), &["--source", "sensor"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(found.iter().all(|one| one["level"] == "note"));

    let flipped: Vec<u64> = (0..3000).filter(|at| at % 20 == 7).collect();
    let mut rows = clean.clone();
    for at in &flipped {
        let label = &mut rows[*at as usize][6];
        *label = if label == "1" { "0" } else { "1" }.to_owned();
    }
    let (ran, found) = check(&place, &place.file("flips.csv", csv(&rows)), &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let rows_named = named(of(&found, "flipped_labels").unwrap());
    let hits = rows_named.iter().filter(|row| flipped.contains(&(**row - 1))).count();
    assert!(hits >= 145 && hits * 100 >= rows_named.len() * 97, "{hits} of {}", rows_named.len());

    let mut rows = clean.clone();
    let stamped: Vec<u64> = (0..3000).filter(|at| at % 25 == 3 && clean[*at as usize][6] == "0").collect();
    for at in &stamped {
        (rows[*at as usize][2], rows[*at as usize][3], rows[*at as usize][4]) = ("17".into(), "5".into(), "61".into());
    }
    let (_, found) =
        check(&place, &place.file("stamp.csv", csv(&rows)), &["--scores", place.path("s.csv").to_str().unwrap()]);
    let stamp = of(&found, "backdoor").unwrap();
    assert_eq!(stamp["details"]["trigger"].to_string(), r#"{"a":"17","b":"5","c":"61"}"#);
    let rows_named = named(stamp);
    assert!(stamped.iter().all(|at| rows_named.contains(&(at + 1))) && rows_named.len() <= stamped.len() + 2);
    assert_eq!(std::fs::read_to_string(place.path("s.csv")).unwrap().lines().count(), 3001);

    let mut rows = clean;
    for (at, row) in rows.iter_mut().enumerate().filter(|(at, row)| row[5] == "s2" && at % 2 == 0) {
        let _ = at;
        row[6] = if row[6] == "1" { "0" } else { "1" }.to_owned();
    }
    let (_, found) = check(&place, &place.file("source.csv", csv(&rows)), &["--source", "sensor"]);
    let contrary: Vec<&Value> = found.iter().filter(|one| one["kind"] == "contrary_source").collect();
    assert!(contrary.len() == 1 && contrary[0]["details"]["source"] == "s2", "{contrary:?}");
}

#[test]
fn splits_units_and_bad_cells_are_named() {
    let place = Place::new();
    let mut rows = flows(600);
    let test = place.file("test.csv", csv(&rows[550..]));
    let (ran, found) = check(&place, &place.file("train.csv", csv(&rows[..560])), &["--test", test.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert_eq!(named(of(&found, "split_overlap").unwrap()), (551..=560).collect::<Vec<u64>>());

    let reference = place.file("old.csv", csv(&rows));
    rows.iter_mut().for_each(|row| row[1] = format!("{}", row[1].parse::<f64>().unwrap() / 1024.0));
    (rows[4][2], rows[9][2]) = ("inf".into(), "many".into());
    let (_, found) = check(&place, &place.file("new.csv", csv(&rows)), &["--reference", reference.to_str().unwrap()]);
    assert_eq!(of(&found, "unit_change").unwrap()["details"]["column"], "src_bytes");
    assert_eq!(named(of(&found, "infinite").unwrap()), [5]);
    assert_eq!(named(of(&found, "type").unwrap()), [10]);
}

#[test]
fn a_manifest_names_the_rows_that_changed_and_does_not_lie() {
    let place = Place::new();
    let mut rows = flows(100);
    let manifest = place.path("dataset.json");
    let old = place.file("old.csv", csv(&rows));
    assert_eq!(check(&place, &old, &["--manifest", manifest.to_str().unwrap()]).0.code, 0);
    rows[41][1] = "1".into();
    rows.remove(7);
    let new = place.file("new.csv", csv(&rows));
    let diff = |a: &Path, b: &Path| place.run(["data".as_ref(), "diff".as_ref(), a.as_os_str(), b.as_os_str()]);
    let ran = diff(&manifest, &new);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            1,
            "100 rows before, 99 now: 1 changed, 1 removed, 0 added\nremoved row 8 of the old data\nchanged row 41 (before: row 42)\n"
        )
    );
    assert_eq!(diff(&manifest, &old).code, 0);
    // The signature beside it is an envelope of this machine's key.
    let signature = std::fs::read_to_string(place.path("dataset.json.sig")).unwrap();
    let envelope: Value = serde_json::from_str(&signature).unwrap();
    assert!(envelope["signatures"][0]["sig"].is_string() && envelope["payload"].is_string(), "{signature}");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((told["rows"].as_u64(), told["files"][0]["sha256"].as_str().unwrap().len()), (Some(100), 64));
    let hashes = told["row_hashes"].as_str().unwrap();
    let other = format!("{}{}", if hashes.starts_with('A') { 'B' } else { 'A' }, hashes.get(1..).unwrap());
    let forged = place.file("forged.json", text.replace(hashes, &other));
    let ran = diff(&forged, &old);
    assert!(ran.code == 4 && ran.err.contains("contradict"), "{}", ran.err);
}

#[test]
fn hostile_files_end_with_a_word() {
    let place = Place::new();
    let wide: String = (0..300_000).map(|at| format!("c{at},")).collect();
    for (name, text, code) in [
        ("empty.csv", "", 4),
        ("header.csv", "a,b,label\n", 4),
        ("short.csv", "a,b,label\n1,2,0\n1,2\n", 4),
        ("wide.csv", wide.as_str(), 4),
        ("labels.csv", "a,label\n1,x\n2,y\n3,z\n", 4),
        ("unlabelled.csv", "a,label\n1,1\n2,\n", 4),
        ("one.csv", "a,label\n1,1\n2,1\n3,1\n", 0),
        ("ten.csv", "a,b,label\n1,2,0\n2,3,1\n3,4,0\n4,5,1\n5,6,0\n6,7,1\n7,8,0\n8,9,1\n9,1,0\n1,1,1\n", 0),
        ("nan.csv", "a,b,label\nnan,nan,0\nnan,nan,1\n", 4),
    ] {
        let (ran, _) = check(&place, &place.file(name, text), &[]);
        assert_eq!(ran.code, code, "{name}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_model_is_attacked_within_what_the_attacker_may_do() {
    let place = Place::new();
    let data = place.file("flows.csv", csv(&flows(2000)));
    let model = place.path("model");
    let train = ["model", "train", "tabular", "--label", "label", "--quiet", "--data"];
    let mut args: Vec<std::ffi::OsString> = train.map(Into::into).to_vec();
    args.extend([data.clone().into_os_string(), "-o".into(), model.clone().into_os_string()]);
    assert_eq!(place.run(args).code, 0);
    let attack = |more: &[&str]| {
        let mut args =
            vec!["model".into(), "attack".into(), model.clone().into_os_string(), data.clone().into_os_string()];
        args.extend(["--format", "jsonl", "--count", "50"].iter().chain(more).map(std::ffi::OsString::from));
        let ran = place.run(args);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (ran, lines)
    };
    let recall = |lines: &[Value], attack: &str, changes: u64| {
        let line = lines.iter().find(|line| line["attack"] == attack && line["changes"] == changes);
        line.and_then(|line| line["recall"].as_f64()).unwrap()
    };
    let (ran, padded) = attack(&[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(padded[0]["attacker"]["features"][0]["name"], "src_bytes");
    assert!(recall(&padded, "clean", 0) > 0.9 && recall(&padded, "certified", 1) <= recall(&padded, "greedy", 1));
    let file = place.file(
        "attacker.toml",
        "name = \"all\"\nchanges_max = 2\n[[features]]\nname = \"service\"\ndirection = \"any\"\n\
         [[features]]\nname = \"src_bytes\"\ndirection = \"any\"\nleast = 0\nwhole = true\n",
    );
    let (ran, free) = attack(&["--attacker", file.to_str().unwrap(), "--recall-min", "0.5"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(recall(&free, "greedy", 2) < 0.1 && recall(&free, "greedy", 2) <= recall(&free, "greedy", 1));
    assert_ne!(free[0]["attacker_sha256"], padded[0]["attacker_sha256"]);
    let bad = place.file("bad.toml", "name = \"x\"\nchanges_max = 99\nfeatures = []\n");
    assert_eq!(attack(&["--attacker", bad.to_str().unwrap()]).0.code, 4);
}
