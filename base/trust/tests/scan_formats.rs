//! What the scan says of containers and of formats without pickles: on the labelled artifacts where they are at hand, and on
//! hostile bytes made here.

use std::path::PathBuf;

use shieldwall_trust::scan::format::FORMATS;
use shieldwall_trust::scan::{Budget, Bytes, Finding, Inside, Kind, Report, Weight};

const UNKNOWN: Kind = Kind { name: "unknown-format", cwe: &[], atlas: &[] };

fn one(path: &[String], bytes: &dyn Bytes, budget: &Budget, report: &mut Report) {
    let member = |name: &str, bytes: &dyn Bytes, report: &mut Report| {
        if path.len() < 8 {
            let mut path = path.to_vec();
            path.push(name.to_owned());
            one(&path, bytes, budget, report);
        }
    };
    let inside = Inside { path, member: &member, budget };
    let mut claimed = bytes.is_empty();
    for format in FORMATS {
        if format.claims(bytes) {
            claimed = true;
            report.read_as(format.name());
            format.read(bytes, &inside, report);
        }
    }
    if !claimed {
        report.add(Finding {
            kind: &UNKNOWN,
            weight: Weight::NotProven,
            member: path.join("!"),
            offset: 0,
            call: None,
            advisories: &[],
            words: "unknown".into(),
        });
    }
}

fn scan(bytes: &dyn Bytes) -> Report {
    let budget = Budget::default();
    let mut report = Report::default();
    one(&[], bytes, &budget, &mut report);
    report
}

#[test]
fn labelled() {
    let root = PathBuf::from(std::env::var("SHIELDWALL_DATA").unwrap()).join("model-artifacts");
    let labels = std::fs::read_to_string(root.join("labels.tsv")).unwrap();
    for line in labels.lines().skip(1) {
        let mut fields = line.split('\t');
        let (path, label) = (fields.next().unwrap(), fields.next().unwrap());
        let file = std::fs::File::open(root.join(path)).unwrap();
        let start = std::time::Instant::now();
        let report = scan(&file);
        let ms = start.elapsed().as_millis();
        println!(
            "{label}\t{}\t{path}\t{:?}\t{ms}\t{}",
            report.verdict(),
            report.formats,
            report
                .findings()
                .iter()
                .take(4)
                .map(|f| format!("[{} {} {}]", f.kind.name, f.member, f.words))
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
}
#[test]
fn onnx_dir() {
    fn walk(dir: &std::path::Path, out: &mut Vec<PathBuf>) {
        for e in std::fs::read_dir(dir).unwrap() {
            let p = e.unwrap().path();
            if p.is_dir() { walk(&p, out) } else { out.push(p) }
        }
    }
    let mut files = Vec::new();
    walk(&PathBuf::from(std::env::var("SHIELDWALL_DATA").unwrap()).join("onnx-testdata"), &mut files);
    for path in files {
        let report = scan(&std::fs::File::open(&path).unwrap());
        println!(
            "onnx\t{}\t{}\t{:?}\t{}",
            report.verdict(),
            path.display(),
            report.formats,
            report
                .findings()
                .iter()
                .take(4)
                .map(|f| format!("[{} {} {}]", f.kind.name, f.member, f.words))
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
}
