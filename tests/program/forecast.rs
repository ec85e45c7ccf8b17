//! `shieldwall forecast`, and the forecast of a scan.

use serde_json::{Value, json};

use super::run::Place;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn cases_are_answered_in_order_and_bad_lines_are_told() {
    let place = Place::new();
    let cases = place.file(
        "cases.jsonl",
        "{\"id\":\"a\",\"techniques\":[\"T1059.001\",\"t1003.001\",\"T1021.002\"]}\nnonsense\n\n{\"id\":2,\"techniques\":[\"T1190\",\"T4242\",\"T1574.002\"]}\n{\"id\":\"none\",\"techniques\":[]}\n",
    );
    let ran = place.run(["forecast", "--input", cases.to_str().unwrap(), "--format", "jsonl", "--top", "20"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("line 2") && ran.err.contains("1 of 5 lines"), "{}", ran.err);
    let answers = lines(&ran.out);
    assert_eq!(answers.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), [json!("a"), json!(2), json!("none")]);
    assert_eq!(answers[1]["unknown"], json!(["T4242"]));
    assert_eq!(answers[1]["replaced"], json!([{ "id": "T1574.002", "by": "T1574.001" }]));
    for answer in &answers {
        let ranked = answer["ranked"].as_array().unwrap();
        assert_eq!(ranked.len(), 20);
        let odds: Vec<f64> = ranked.iter().map(|next| next["probability"].as_f64().unwrap()).collect();
        assert!(odds.is_sorted_by(|a, b| a >= b) && odds.iter().all(|p| (0.0..=1.0).contains(p)), "{odds:?}");
        assert!(answer["none"].as_f64().is_some_and(|p| (0.0..=1.0).contains(&p)));
    }
    let because = answers[0]["ranked"][0]["because"].as_str().unwrap();
    assert!(because.contains(" of ") && because.contains("reports with"), "{because}");
    assert!(!answers[0]["ranked"].to_string().contains("\"technique\":\"T1003.001\""));
}

#[test]
fn platforms_filter_and_wrong_flags_are_refused() {
    let place = Place::new();
    let ran = place.run(["forecast", "--techniques", "T1110.001,T1078", "--platform", "linux", "--top", "40"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("T1059.001") && ran.out.contains("also tell of"), "{}", ran.out);
    let unknown = place.run(["forecast", "--techniques", "T1078", "--platform", "amiga"]);
    assert!(unknown.code == 4 && unknown.err.contains("Windows"), "{}", unknown.err);
    assert_eq!(place.run(["forecast"]).code, 4);
    assert_eq!(place.run(["forecast", "--techniques", "T1078", "--top", "0"]).code, 4);
    let nothing = place.run(["forecast", "--techniques", "T0000"]);
    assert!(nothing.code == 2 && nothing.out.contains("no technique that ATT&CK knows"), "{}", nothing.out);
}

#[test]
fn a_newer_attack_is_imported_and_a_damaged_model_is_refused() {
    let place = Place::new();
    let bundle = place.file(
        "attack.json",
        json!({ "type": "bundle", "objects": [
            { "type": "attack-pattern", "id": "attack-pattern--1", "name": "Brand new", "x_mitre_platforms": ["Linux"],
              "external_references": [{ "source_name": "mitre-attack", "external_id": "T1999" }],
              "kill_chain_phases": [{ "kill_chain_name": "mitre-attack", "phase_name": "impact" }] },
            { "type": "attack-pattern", "id": "attack-pattern--2", "name": "Exploit",
              "external_references": [{ "source_name": "mitre-attack", "external_id": "T1190" }] },
            { "type": "intrusion-set", "id": "intrusion-set--1", "name": "Newcomers" },
            { "type": "relationship", "relationship_type": "uses", "source_ref": "intrusion-set--1", "target_ref": "attack-pattern--1" },
            { "type": "relationship", "relationship_type": "uses", "source_ref": "intrusion-set--1", "target_ref": "attack-pattern--2" }
        ] })
        .to_string(),
    );
    let imported = place.run(["forecast", "import-attack", bundle.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    let ran = place.run(["forecast", "--techniques", "T1999", "--top", "3"]);
    assert!(ran.code == 0 && ran.out.contains("T1190"), "{}", ran.out);
    let model = place.path("home").join("models/forecast.safetensors");
    let mut bytes = std::fs::read(&model).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&model, bytes).unwrap();
    let refused = place.run(["forecast", "--techniques", "T1999"]);
    assert!(refused.code == 4 && refused.err.contains("not trusted"), "{}", refused.err);
    let junk = place.file("junk.json", "{}");
    assert_eq!(place.run(["forecast", "import-attack", junk.to_str().unwrap()]).code, 4);
}

#[test]
fn every_incident_of_a_scan_says_what_may_come_next() {
    let place = Place::new();
    let case = place.path("case");
    let ran = place.run(["scan", "testdata/demo", "-o", case.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("may come next: T"), "{}", ran.out);
    let incidents = lines(&std::fs::read_to_string(case.join("incidents.jsonl")).unwrap());
    let forecast = &incidents[0]["unmapped"]["forecast"];
    assert!(forecast["prospects"].as_array().is_some_and(|list| !list.is_empty()), "{forecast}");
    assert_eq!(forecast["model"].as_str().map(str::len), Some(64));
    let shown = place.run(["show", "1", case.to_str().unwrap()]);
    assert!(shown.out.contains("May come next") && shown.out.contains("beforehand:"), "{}", shown.out);
    let seen = incidents[0]["unmapped"]["incident"]["techniques"].to_string();
    for prospect in forecast["prospects"].as_array().unwrap() {
        assert!(!seen.contains(&format!("\"{}\"", prospect["technique"].as_str().unwrap())), "{prospect}");
    }
}
