//! UTF-8 text: what stands beside a model, and models that are text.
//!
//! What the text is, is decided by its grammar: JSON, Python, XML, YAML, a template, prose. Configurations are judged by
//! what they make a loader do, code is never proved harmless, and everything else is words that nothing runs.

use super::savedmodel;
use crate::scan::judge::{config, jinja, json, python, yaml};
use crate::scan::kinds::{BROKEN, CODE, LIMIT, PATH, found};
use crate::scan::report::{Finding, Report, Weight};
use crate::scan::{Bytes, Format, Inside};

/// Text.
pub struct Text;

/// Bytes of a text that are read. A boosted model in JSON or a vocabulary has tens of megabytes.
pub(crate) const TEXT_MAX: usize = 256 << 20;
/// Declarations of one XML file that are looked at; one entity is enough for a verdict.
const DECLARATIONS_MAX: usize = 4_096;
/// Bytes of one declaration.
const DECLARATION_MAX: usize = 8 << 10;
/// Bytes at the beginning that tell text from other bytes.
const SNIFF: usize = 4 << 10;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn claims(&self, bytes: &dyn Bytes) -> bool {
        let head = bytes.window(0, SNIFF);
        let text = match std::str::from_utf8(&head) {
            Ok(text) => text,
            // A character cut at the end of the window is none of the text's faults.
            Err(error) if error.error_len().is_none() && head.len() == SNIFF => {
                std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
            }
            Err(_) => return false,
        };
        plain(text)
    }

    fn read(&self, bytes: &dyn Bytes, inside: &Inside<'_>, report: &mut Report) {
        if bytes.len() > TEXT_MAX as u64 {
            return report.add(found(inside, &LIMIT, Weight::NotProven, "text longer than TEXT_MAX was not read"));
        }
        if let Err(spent) = inside.budget.steps(bytes.len()) {
            return report.add(crate::scan::kinds::limit(inside, spent));
        }
        let whole = bytes.window(0, TEXT_MAX);
        let text = match std::str::from_utf8(&whole) {
            Ok(text) if plain(text) => text,
            // A pickle of protocol 0 begins as text and may go on with anything.
            _ if crate::scan::pickle::claims(bytes) => return,
            Ok(_) => return not_text(0, inside, report),
            Err(error) => return not_text(error.valid_up_to(), inside, report),
        };
        judge(text.trim_start_matches('\u{feff}'), inside, report);
    }
}

fn not_text(at: usize, inside: &Inside<'_>, report: &mut Report) {
    let words = "the file begins as text and goes on as something else";
    report.add(Finding { offset: at as u64, ..found(inside, &BROKEN, Weight::NotProven, words) });
}

/// No control characters but those of text files.
fn plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

fn judge(text: &str, inside: &Inside<'_>, report: &mut Report) {
    let start = text.trim_start();
    if start.starts_with(['{', '[']) && json_text(text, inside, report) {
        return;
    }
    if start.starts_with('<') && xml(start, inside, report) {
        return;
    }
    if start.starts_with("#!") {
        let python = python::judge(text, inside, report);
        if !python {
            report.add(found(inside, &CODE, Weight::NotProven, "a script"));
        }
        return;
    }
    // What begins with a brace is a template if it is not JSON; a Python file would begin with a set that nobody keeps.
    if !start.starts_with('{') && python::judge(text, inside, report) {
        return;
    }
    if start.starts_with("{{") || start.starts_with("{%") || start.starts_with("{#") {
        // A map as the key of a map is YAML that no loader of models can build.
        return config::template("", text, inside, report);
    }
    if text.contains("op: \"") || text.contains("op:\"") {
        savedmodel::text(text, inside, report);
    }
    match text.len() <= yaml::YAML_MAX {
        true if yaml_text(text, inside, report) => return,
        true => {}
        false => long_yaml(text, inside, report),
    }
    if jinja::is_template(text) {
        config::template("", text, inside, report);
    }
}

/// JSON, or one JSON value a line.
fn json_text(text: &str, inside: &Inside<'_>, report: &mut Report) -> bool {
    match json::parse(text.as_bytes()) {
        Ok(value) => {
            report.read_as("JSON");
            config::judge(&value, inside, report);
            true
        }
        Err(error) if error.limit => {
            let words = format!("the JSON is deeper or larger than is read: {}", error.why);
            report.add(Finding { offset: error.at as u64, ..found(inside, &LIMIT, Weight::NotProven, words) });
            true
        }
        Err(error) => {
            let lines = || text.lines().filter(|line| !line.trim().is_empty()).map(|line| json::parse(line.as_bytes()));
            match lines().all(|line| line.is_ok()) {
                true => {
                    lines().flatten().for_each(|value| config::judge(&value, inside, report));
                    true
                }
                false => {
                    // Templates begin with a brace too, and so does prose; what begins as a JSON map does not end so.
                    let map = text
                        .trim_start()
                        .strip_prefix('{')
                        .is_some_and(|rest| rest.trim_start().starts_with(['"', '}']));
                    if map {
                        let words = format!("the file begins as JSON and cannot be read: {}", error.why);
                        report.add(Finding {
                            offset: error.at as u64,
                            ..found(inside, &BROKEN, Weight::NotProven, words)
                        });
                        if let Ok((value, _)) = json::parse_first(text.as_bytes()) {
                            config::judge(&value, inside, report);
                        }
                        if jinja::is_template(text) {
                            config::template("", text, inside, report);
                        }
                    }
                    map
                }
            }
        }
    }
}

/// XML: entities from outside are the danger of PMML and of every other XML that a loader reads.
fn xml(text: &str, inside: &Inside<'_>, report: &mut Report) -> bool {
    let head = text.as_bytes();
    let is_xml = text.starts_with("<?xml")
        || text.starts_with("<!DOCTYPE")
        || text.starts_with("<!--")
        || text.starts_with("<PMML")
        || text.starts_with("<net");
    let mut any = false;
    let declares = |at: &usize| {
        let rest = head.get(*at..).unwrap_or_default();
        let starts = |word: &[u8]| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        starts(b"<!ENTITY") || starts(b"<!DOCTYPE")
    };
    for at in memchr::memmem::find_iter(head, b"<!").filter(declares).take(DECLARATIONS_MAX) {
        any = true;
        let rest = head.get(at..).unwrap_or_default();
        let rest = rest.get(..DECLARATION_MAX).unwrap_or(rest);
        let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        let declaration = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        let html = declaration.to_ascii_lowercase().starts_with("<!doctype html");
        let outside =
            declaration.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word, "SYSTEM" | "PUBLIC"));
        let entity = declaration.to_ascii_uppercase().contains("<!ENTITY");
        if html {
            continue;
        }
        let (weight, words) = match (outside, entity) {
            (true, true) => (
                Weight::Malicious,
                "reading the file as XML reads another file or reaches the network (external entity)",
            ),
            (true, false) => (Weight::NotProven, "reading the file as XML may fetch its document type from elsewhere"),
            (false, _) => (Weight::NotProven, "the file declares entities: a reader may expand them without end"),
        };
        report.add(Finding { offset: at as u64, ..found(inside, &PATH, weight, words) });
    }
    if memchr::memmem::find(head, b"<script").is_some()
        || memchr::memmem::find(head, b"<xsl:").is_some()
        || memchr::memmem::find(head, b"<?xml-stylesheet").is_some()
    {
        report.add(found(inside, &CODE, Weight::NotProven, "the file carries scripts"));
    }
    if text.contains("<net") && text.contains("<layer") && text.contains("type=\"Extension\"") {
        report.add(found(inside, &CODE, Weight::NotProven, "the network needs layers from a native library"));
    }
    is_xml || any
}

/// Text that is too long to be read as YAML: whatever a loader of YAML would act on is looked for by name.
fn long_yaml(text: &str, inside: &Inside<'_>, report: &mut Report) {
    for word in [
        "!!python",
        "!python",
        "!<",
        "%TAG",
        "2002:python",
        "_target_",
        "class_path",
        "loader_module",
        "class_name",
        "auto_map",
    ] {
        if let Some(at) = memchr::memmem::find(text.as_bytes(), word.as_bytes()) {
            let words = format!("`{word}` stands in a text that is too long to be read as YAML (YAML_MAX)");
            report.add(Finding { offset: at as u64, ..found(inside, &LIMIT, Weight::NotProven, words) });
        }
    }
}

/// YAML where it is a map or a list of maps; any line of prose is YAML too.
fn yaml_text(text: &str, inside: &Inside<'_>, report: &mut Report) -> bool {
    let read = yaml::read(text);
    if read.limited {
        report.add(found(
            inside,
            &LIMIT,
            Weight::NotProven,
            "the YAML is deeper or larger than is read (DEPTH_MAX, ALIASED_MAX)",
        ));
    }
    let is_config = |value: &crate::scan::judge::value::Value| {
        !value.entries().is_empty() || value.items().iter().any(|item| !item.entries().is_empty())
    };
    config::tags(&read.tags, inside, report);
    let configs: Vec<_> = read.documents.iter().filter(|document| is_config(document)).collect();
    for document in &configs {
        config::judge(document, inside, report);
    }
    if !read.whole && text.contains("python/") {
        report.add(found(
            inside,
            &BROKEN,
            Weight::NotProven,
            "the file has YAML tags for Python objects and cannot be read to its end",
        ));
    }
    if !configs.is_empty() && read.whole {
        report.read_as("YAML");
        return true;
    }
    false
}
