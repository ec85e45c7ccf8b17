//! Same input, same bytes out: at any number of threads, after a kill, under another name, packed or not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use crate::run::{Place, data};

/// Every file of a case by its name: findings, incidents, reports, manifest.
fn case(place: &Place, name: &str, paths: &[&Path], threads: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = place.path(name);
    let mut command = place.command();
    command.arg("scan").args(paths).arg("-o").arg(&folder).args(["--threads", threads, "--quiet"]);
    let output = command.output().unwrap();
    assert!(matches!(output.status.code(), Some(1 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

#[test]
fn threads_change_nothing() {
    let place = Place::new();
    let demo = Path::new("testdata/demo");
    let mut paths = vec![demo];
    let more = data("evtx-to-mitre");
    paths.extend(more.as_deref());
    let one = case(&place, "one", &paths, "1");
    for name in ["findings.jsonl", "incidents.jsonl", "report.html", "manifest.json"] {
        assert!(one.get(name).is_some_and(|bytes| !bytes.is_empty()), "{name}");
    }
    // Whole files do not belong into a message.
    assert!(one == case(&place, "two", &paths, "2"));
    assert!(one == case(&place, "eight", &paths, "8"));
}

#[test]
fn a_killed_scan_leaves_nothing_in_the_way() {
    let place = Place::new();
    let demo = Path::new("testdata/demo");
    let whole = case(&place, "whole", &[demo], "2");
    let folder = place.path("killed");
    for _ in 0..5 {
        let mut child = place
            .command()
            .arg("scan")
            .arg(demo)
            .arg("-o")
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(whole == case(&place, "killed", &[demo], "2"));
}

#[test]
fn ids_come_from_content_not_from_names() {
    let place = Place::new();
    let log = std::fs::read("testdata/demo/windows.jsonl").unwrap();
    let ids = |path: &Path| -> BTreeSet<String> {
        let ran = place.scan(path, &[]);
        ran.findings().iter().map(|finding| finding["finding_info"]["uid"].as_str().unwrap().to_owned()).collect()
    };
    let plain = ids(&place.file("a/one.log", &log));
    assert!(!plain.is_empty());
    assert_eq!(plain, ids(&place.file("b/other.name", &log)));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &log).unwrap();
    assert_eq!(plain, ids(&place.file("c/packed", packed.finish().unwrap())));
}

#[test]
fn the_same_file_twice_is_one_finding_each_and_said_so() {
    let place = Place::new();
    let log = std::fs::read("testdata/demo/windows.jsonl").unwrap();
    place.file("in/a.jsonl", &log);
    let alone = place.scan(&place.path("in"), &[]).findings().len();
    place.file("in/b.jsonl", &log);
    let ran = place.scan(&place.path("in"), &[]);
    assert_eq!(ran.findings().len(), alone);
    place.run(["scan".as_ref(), place.path("in").as_os_str(), "-o".as_ref(), place.path("case").as_os_str()]);
    let manifest = crate::run::manifest(&place.path("case"));
    assert!(manifest["inputs"][1]["duplicate_of"].as_str().unwrap().ends_with("a.jsonl"));
}
