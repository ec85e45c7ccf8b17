//! `shieldwall model scan`: what model files would do to whoever loads them. Nothing is loaded, nothing is executed.
//!
//! Files are read in parallel and told in the order of their paths. Links are not followed, devices and pipes are not
//! opened: both are told as not proven, for a loader would follow them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use shieldwall_trust::scan::{Finding, Report, Verdict, Weight, scan};

use crate::cli::{Global, Outcome};
use crate::confine::Needs;
use crate::output::escape::escape;

/// Stack of one reader: formats within formats are bounded, and each level is small.
const STACK: usize = 16 << 20;
/// Findings of one file that the text shows; the other formats have all that are kept.
const SHOWN: usize = 5;

/// Arguments of `model scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Files and folders, read by their content whatever their names
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
    /// Where to [default: the terminal]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people
    Text,
    /// One JSON object a file
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
    /// CycloneDX 1.6, with files as components and findings as vulnerabilities
    Cyclonedx,
}

/// One file's result.
struct Scanned {
    path: PathBuf,
    verdict: Verdict,
    report: Report,
    /// Why it was not read.
    unread: Option<String>,
}

/// Runs `model scan`.
///
/// # Errors
/// When a path does not exist or the output cannot be written.
pub fn run(global: &Global, args: &ScanArgs) -> Result<Outcome> {
    let needs = Needs::default().spool();
    global.confine(&match &args.output {
        Some(path) => needs.file(path),
        None => needs,
    });
    let mut files = Vec::new();
    for path in &args.paths {
        if path.symlink_metadata().is_err() {
            bail!("{}: there is no such file or folder", path.display());
        }
        // A path that was named is meant, even if it is a link; links below it are not followed.
        let walk = walkdir::WalkDir::new(path).follow_links(false).sort_by_file_name();
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => files.push((entry.path().to_owned(), None)),
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_owned();
                    files.push((at, Some(error.to_string())));
                }
            }
        }
    }
    let scanned = all(&files);
    let text = match args.format {
        FormatArg::Text => text(&scanned),
        FormatArg::Jsonl => lines(&scanned),
        FormatArg::Sarif => pretty(&sarif(&scanned)),
        FormatArg::Cyclonedx => pretty(&cyclonedx(&scanned)),
    };
    match &args.output {
        Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    let any = |verdict| scanned.iter().any(|file| file.verdict == verdict);
    Ok(Outcome::of(any(Verdict::Malicious), any(Verdict::NotProven)))
}

/// Reads files in parallel; results in the order of the files.
fn all(files: &[(PathBuf, Option<String>)]) -> Vec<Scanned> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Scanned)>> = Mutex::new(Vec::with_capacity(files.len()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((path, error)) = files.get(index) else { break };
            let scanned = one(path, error.clone());
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, scanned));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be had leaves its work to the others.
            drop(std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work));
        }
        match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
            Ok(thread) => drop(thread.join()),
            Err(_) => work(),
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, scanned)| scanned).collect()
}

fn one(path: &Path, error: Option<String>) -> Scanned {
    let unread = |why: String| Scanned {
        path: path.to_owned(),
        verdict: Verdict::NotProven,
        report: Report::default(),
        unread: Some(why),
    };
    if let Some(error) = error {
        return unread(error);
    }
    match path.symlink_metadata() {
        Ok(about) if about.is_file() => {}
        Ok(about) if about.is_symlink() => return unread("a symbolic link, which is not followed".to_owned()),
        Ok(_) => return unread("a device, pipe or socket, which is not opened".to_owned()),
        Err(error) => return unread(error.to_string()),
    }
    match File::open(path) {
        // What was a file when it was looked at may be something else when it is opened.
        Ok(file) if file.metadata().is_ok_and(|about| about.is_file()) => {
            let report = scan(&file);
            Scanned { path: path.to_owned(), verdict: report.verdict(), report, unread: None }
        }
        Ok(_) => unread("no ordinary file".to_owned()),
        Err(error) => unread(error.to_string()),
    }
}

fn text(scanned: &[Scanned]) -> String {
    let mut out = String::new();
    let (mut clean, mut unproven, mut malicious) = (0, 0, 0);
    for file in scanned {
        let (count, word) = match file.verdict {
            Verdict::Clean => (&mut clean, "clean"),
            Verdict::NotProven => (&mut unproven, "not proven"),
            Verdict::Malicious => (&mut malicious, "MALICIOUS"),
        };
        *count += 1;
        let formats = file.report.formats.join(", ");
        let formats = if formats.is_empty() { String::new() } else { format!("  ({formats})") };
        out.push_str(&format!("{word:<10} {}{formats}\n", escape(&file.path.to_string_lossy())));
        if let Some(why) = &file.unread {
            out.push_str(&format!("           {}\n", escape(why)));
        }
        let mut findings: Vec<&Finding> =
            file.report.findings().iter().filter(|finding| finding.weight > Weight::Note).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
        for finding in findings.iter().take(SHOWN) {
            let place = match finding.member.is_empty() {
                true => format!("byte {}", finding.offset),
                false => format!("{}, byte {}", escape(&finding.member), finding.offset),
            };
            out.push_str(&format!("           {}: {}\n", place, escape(&finding.words)));
            if let Some(call) = &finding.call {
                out.push_str(&format!("             {}\n", escape(call)));
            }
            let ids: Vec<&str> =
                [finding.kind.cwe, finding.advisories, finding.kind.atlas].into_iter().flatten().copied().collect();
            let ids = if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) };
            out.push_str(&format!("             {}{ids}\n", finding.kind.name));
        }
        let more = (findings.len().saturating_sub(SHOWN)) as u64 + file.report.more;
        if more > 0 {
            out.push_str(&format!("           and {more} more\n"));
        }
    }
    out.push_str(&format!("\n{} files: {malicious} malicious, {unproven} not proven, {clean} clean\n", scanned.len()));
    out
}

fn path_of(file: &Scanned) -> String {
    file.path.to_string_lossy().replace('\\', "/")
}

fn weight(finding: &Finding) -> &'static str {
    match finding.weight {
        Weight::Note => "note",
        Weight::NotProven => "not_proven",
        Weight::Malicious => "malicious",
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.name,
        "weight": weight(finding),
        "member": finding.member,
        "offset": finding.offset,
        "call": finding.call,
        "words": finding.words,
        "cwe": finding.kind.cwe,
        "advisories": finding.advisories,
        "atlas": finding.kind.atlas,
    })
}

fn lines(scanned: &[Scanned]) -> String {
    let mut out = String::new();
    for file in scanned {
        let mut line = json!({
            "path": path_of(file),
            "verdict": file.verdict.name(),
            "formats": file.report.formats,
            "findings": file.report.findings().iter().map(finding).collect::<Vec<_>>(),
        });
        if let Some(object) = line.as_object_mut() {
            if file.report.more > 0 {
                object.insert("more".to_owned(), json!(file.report.more));
            }
            if let Some(why) = &file.unread {
                object.insert("unread".to_owned(), json!(why));
            }
        }
        out.push_str(&format!("{line}\n"));
    }
    out
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn sarif(scanned: &[Scanned]) -> Value {
    let mut rules: std::collections::BTreeMap<&str, Value> = std::collections::BTreeMap::new();
    let mut results = Vec::new();
    for file in scanned {
        let location = |offset: Option<u64>| {
            let mut physical = json!({"artifactLocation": {"uri": path_of(file)}});
            if let (Some(offset), Some(object)) = (offset, physical.as_object_mut()) {
                object.insert("region".to_owned(), json!({"byteOffset": offset}));
            }
            json!([{"physicalLocation": physical}])
        };
        if let Some(why) = &file.unread {
            rules.entry("unread").or_insert_with(|| json!({"id": "unread"}));
            results.push(
                json!({"ruleId": "unread", "level": "warning", "message": {"text": why}, "locations": location(None)}),
            );
        }
        for finding in file.report.findings() {
            let tags: Vec<&str> = finding.kind.cwe.iter().chain(finding.kind.atlas).copied().collect();
            rules
                .entry(finding.kind.name)
                .or_insert_with(|| json!({"id": finding.kind.name, "properties": {"tags": tags}}));
            let level = match finding.weight {
                Weight::Note => "note",
                Weight::NotProven => "warning",
                Weight::Malicious => "error",
            };
            let call = finding.call.as_ref().map(|call| format!(": {call}")).unwrap_or_default();
            // An offset inside a member is none of the file's.
            let offset = finding.member.is_empty().then_some(finding.offset);
            results.push(json!({
                "ruleId": finding.kind.name,
                "level": level,
                "message": {"text": format!("{}{call}", finding.words)},
                "locations": location(offset),
                "properties": {
                    "member": finding.member,
                    "offset": finding.offset,
                    "cwe": finding.kind.cwe,
                    "advisories": finding.advisories,
                    "atlas": finding.kind.atlas,
                },
            }));
        }
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "shieldwall model scan",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "results": results,
        }],
    })
}

fn cyclonedx(scanned: &[Scanned]) -> Value {
    let mut components = Vec::new();
    let mut vulnerabilities = Vec::new();
    for (index, file) in scanned.iter().enumerate() {
        let reference = format!("file-{index}");
        components.push(json!({
            "type": "machine-learning-model",
            "bom-ref": reference,
            "name": path_of(file),
            "properties": [{"name": "shieldwall:verdict", "value": file.verdict.name()}],
        }));
        for (number, finding) in file.report.findings().iter().enumerate() {
            if finding.weight == Weight::Note {
                continue;
            }
            let severity = if finding.weight == Weight::Malicious { "critical" } else { "unknown" };
            let cwes: Vec<u64> =
                finding.kind.cwe.iter().filter_map(|cwe| cwe.strip_prefix("CWE-")?.parse().ok()).collect();
            let mut entry = Map::new();
            entry.insert("bom-ref".to_owned(), json!(format!("finding-{index}-{number}")));
            entry.insert("id".to_owned(), json!(finding.kind.name));
            entry.insert("ratings".to_owned(), json!([{"severity": severity}]));
            if !cwes.is_empty() {
                entry.insert("cwes".to_owned(), json!(cwes));
            }
            entry.insert("description".to_owned(), json!(finding.words));
            if let Some(call) = &finding.call {
                entry.insert("detail".to_owned(), json!(call));
            }
            entry.insert("affects".to_owned(), json!([{"ref": reference}]));
            let place = format!("{}!{}", finding.member, finding.offset);
            let mut properties = vec![json!({"name": "shieldwall:place", "value": place})];
            let ids = finding.advisories.iter().map(|id| ("shieldwall:advisory", id));
            for (name, id) in ids.chain(finding.kind.atlas.iter().map(|id| ("shieldwall:atlas", id))) {
                properties.push(json!({"name": name, "value": id}));
            }
            entry.insert("properties".to_owned(), json!(properties));
            vulnerabilities.push(Value::Object(entry));
        }
    }
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"tools": {"components": [{
            "type": "application", "name": "shieldwall", "version": env!("CARGO_PKG_VERSION"),
        }]}},
        "components": components,
        "vulnerabilities": vulnerabilities,
    })
}
